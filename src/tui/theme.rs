//! Colours by what they say, from the terminal's own palette; nothing is told by colour alone.

use ratatui::style::{Color, Modifier, Style};

use crate::score::{Group, Verdict};

/// Which theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Dark,
    Light,
    /// No colours at all.
    Plain,
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::Dark, Theme::Light, Theme::Plain];

    pub fn name(self) -> &'static str {
        match self {
            Theme::Dark => "dark",
            Theme::Light => "light",
            Theme::Plain => "no colours",
        }
    }

    pub fn next(self) -> Self {
        match self {
            Theme::Dark => Theme::Light,
            Theme::Light => Theme::Plain,
            Theme::Plain => Theme::Dark,
        }
    }

    fn coloured(self, dark: Color, light: Color) -> Style {
        match self {
            Theme::Dark => Style::new().fg(dark),
            Theme::Light => Style::new().fg(light),
            Theme::Plain => Style::new(),
        }
    }

    /// What the selection is: reversed, so that it is there without colours too.
    pub fn selected(self, in_focus: bool) -> Style {
        match in_focus {
            true => Style::new().add_modifier(Modifier::REVERSED),
            false => Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        }
    }

    /// What is less important.
    pub fn dim(self) -> Style {
        match self {
            // Dim is unreadable in some terminals, and grey is in every palette.
            Theme::Dark => Style::new().fg(Color::DarkGray),
            Theme::Light => Style::new().fg(Color::DarkGray),
            Theme::Plain => Style::new().add_modifier(Modifier::DIM),
        }
    }

    pub fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Frames of panes.
    pub fn frame(self, in_focus: bool) -> Style {
        match in_focus {
            true => self.coloured(Color::LightBlue, Color::Blue),
            false => self.dim(),
        }
    }

    /// Keys in the footer and in help.
    pub fn key(self) -> Style {
        self.coloured(Color::LightBlue, Color::Blue)
            .add_modifier(Modifier::BOLD)
    }

    /// Something went wrong.
    pub fn error(self) -> Style {
        self.orange().add_modifier(Modifier::BOLD)
    }

    /// The one of the pair of colours, blue and orange, that all can tell apart.
    pub fn blue(self) -> Style {
        self.coloured(Color::LightBlue, Color::Blue)
    }

    /// The other one.
    pub fn orange(self) -> Style {
        self.coloured(Color::Indexed(208), Color::Indexed(166))
    }

    /// What matches a search.
    pub fn found(self) -> Style {
        self.coloured(Color::LightYellow, Color::Magenta)
            .add_modifier(Modifier::UNDERLINED)
    }

    pub fn group(self, group: Group) -> Style {
        match group {
            Group::Correct => Style::new(),
            Group::Confirmed => self.blue(),
            Group::Possible => self.coloured(Color::Cyan, Color::Cyan),
            Group::Mistake => self.orange(),
        }
    }

    pub fn verdict(self, verdict: Verdict) -> Style {
        self.group(verdict.group())
    }

    /// A background for a share from 0 to 1, where more is worse: from nothing to orange.
    pub fn heat(self, share: f64) -> Style {
        const DARK: [u8; 4] = [236, 94, 130, 166];
        const LIGHT: [u8; 4] = [255, 230, 222, 215];
        let step = (share.clamp(0.0, 1.0) * 5.0) as usize;
        let of = |ramp: [u8; 4]| match step {
            0 => Style::new(),
            step => Style::new().bg(Color::Indexed(ramp[step.min(4) - 1])),
        };
        match self {
            Theme::Dark => of(DARK),
            Theme::Light => of(LIGHT),
            Theme::Plain => Style::new(),
        }
    }
}

/// What stands for a verdict where there is no room for its name, and beside its colour.
pub fn glyph(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Exact) => "=",
        Some(Verdict::Synonym) => "≡",
        Some(Verdict::AlsoValid) => "+",
        Some(Verdict::Generalised) => "↑",
        Some(Verdict::Specialised) => "↓",
        Some(Verdict::Overlap) => "∩",
        Some(Verdict::NameCollision) => "≈",
        Some(Verdict::Near) => "~",
        Some(Verdict::Related) => "○",
        Some(Verdict::Unrelated) => "×",
        None => "·",
    }
}

/// A mark for how much, from 0 to 1, so that heat is there without colours too.
pub fn level(share: f64) -> &'static str {
    const LEVELS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let step = (share.clamp(0.0, 1.0) * 8.0).ceil() as usize;
    LEVELS[step]
}
