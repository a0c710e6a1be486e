//! What lies over a view: help, the palette, a line to type in, a question.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input;

use super::action::Then;
use super::app::App;
use super::backend::Plan;
use super::command::{Command, TABLE};
use super::editing::{Draft, Subject};
use super::widget::Cursor;
use crate::run::Completion;
use crate::taxonomy::NodeId;

#[derive(Debug)]
pub enum Overlay {
    /// The keys of the view; scrolls.
    Help(Cursor),
    Palette(Palette),
    Jump(Jump),
    Line(Line),
    /// Which columns are shown, of those that the view has.
    Columns(Cursor),
    /// What is wrong with the files.
    Faults(Cursor),
    /// The edits that there are of what is selected.
    Edits(Subject, Cursor),
    /// One of a few, for an edit.
    Choose(Choose),
    /// Until it is known what an edit would write; the draft that one goes back to if it is refused.
    Preparing(Option<Draft>),
    /// What an edit would write.
    Preview(Preview),
    /// A question, and what is done if the answer is yes.
    Confirm(String, Command),
}

/// Commands by a part of their names.
#[derive(Debug, Default)]
pub struct Palette {
    pub input: Input,
    pub cursor: Cursor,
    /// Best match first.
    pub matches: Vec<Command>,
}

/// Nodes by a part of their names.
#[derive(Debug, Default)]
pub struct Jump {
    pub input: Input,
    pub cursor: Cursor,
    pub matches: Vec<NodeId>,
    /// How many match in all.
    pub count: usize,
    /// The edit that the node is for, and what it is asked as; `None`: it is gone to.
    pub asked: Option<Asked>,
}

/// What an edit asks for.
#[derive(Debug)]
pub struct Asked {
    pub title: String,
    pub draft: Draft,
}

/// A choice of a few, for an edit.
#[derive(Debug)]
pub struct Choose {
    pub asked: Asked,
    /// What each is called, and the answer that it is.
    pub options: Vec<(String, String)>,
    pub cursor: Cursor,
}

/// An edit before it is written.
#[derive(Debug)]
pub struct Preview {
    pub plan: Plan,
    /// Of the diff.
    pub lines: Vec<String>,
    /// Columns that are left out at its left.
    pub shift: usize,
    pub cursor: Cursor,
}

/// A line that is typed in.
#[derive(Debug)]
pub struct Line {
    pub purpose: Purpose,
    /// The edit that it is for, and what it is asked as.
    pub asked: Option<Asked>,
    /// What is done with the file that it names.
    pub then: Option<Then>,
    pub input: Input,
    pub completions: Vec<Completion>,
    /// The completion that Tab takes next.
    pub chosen: Option<usize>,
    /// What is wrong with what is typed so far.
    pub fault: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Filter,
    Export,
    SaveRun,
    Screenshot,
    CompareWith,
    TryLabel,
    TryTemplate,
    /// For an edit, which says what is asked.
    Edit,
    /// Where to write the taxonomy that is in no file.
    Adopt,
    Snapshot,
}

impl Purpose {
    fn title(self) -> &'static str {
        match self {
            Purpose::Edit => "Edit",
            Purpose::Adopt => {
                "The taxonomy is built in: write a copy to edit, or use the one that is there"
            }
            Purpose::Snapshot => "Name what is shown, to compare with it later",
            Purpose::Filter => "Filter",
            Purpose::Export => "Write what is shown to (.csv, .json or .jsonl)",
            Purpose::SaveRun => "Save the run to the directory",
            Purpose::Screenshot => "Write this screen to (.svg)",
            Purpose::CompareWith => "Compare with a snapshot, or with the run in the directory",
            Purpose::TryLabel => "Try the label",
            Purpose::TryTemplate => "Try the template, such as: a photo of {a name}",
        }
    }
}

/// Matches that are listed at most.
pub const MOST_MATCHES: usize = 200;

impl Palette {
    pub fn new(app: &App) -> Self {
        let mut palette = Self::default();
        palette.search(app);
        palette
    }

    /// Finds the commands anew; those that can be performed here come first among equals.
    pub fn search(&mut self, app: &App) {
        let mut matcher = Matcher::new(Config::DEFAULT);
        let pattern = pattern(self.input.value());
        let mut scored: Vec<(bool, u32, usize)> = TABLE
            .iter()
            .enumerate()
            .filter_map(|(i, spec)| {
                let text = format!("{} {}", spec.id, spec.doc);
                let mut buffer = Vec::new();
                let score = pattern.score(Utf32Str::new(&text, &mut buffer), &mut matcher)?;
                Some((app.why_not(spec.command).is_some(), score, i))
            })
            .collect();
        scored.sort_by_key(|&(disabled, score, i)| (disabled, std::cmp::Reverse(score), i));
        self.matches = scored.iter().map(|&(.., i)| TABLE[i].command).collect();
        self.cursor.set(0);
    }
}

impl Jump {
    pub fn new(app: &App, asked: Option<Asked>) -> Self {
        let mut jump = Self {
            asked,
            ..Self::default()
        };
        jump.search(app);
        jump
    }

    /// Finds the nodes anew, by id and names.
    pub fn search(&mut self, app: &App) {
        self.cursor.set(0);
        self.matches.clear();
        let Some(opened) = app.run() else { return };
        let taxonomy = &opened.taxonomy;
        let mut matcher = Matcher::new(Config::DEFAULT);
        let pattern = pattern(self.input.value());
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize, NodeId)> = taxonomy
            .nodes()
            .filter_map(|n| {
                let node = taxonomy.node(n);
                let names = node.names.iter().map(String::as_str);
                let texts = std::iter::once(node.id.as_str()).chain(names);
                let best = texts
                    .filter_map(|text| {
                        let score =
                            pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher)?;
                        Some((score, text.len()))
                    })
                    .max_by_key(|&(score, len)| (score, std::cmp::Reverse(len)))?;
                Some((best.0, best.1, n))
            })
            .collect();
        self.count = scored.len();
        let key = |&(score, len, n): &(u32, usize, NodeId)| (std::cmp::Reverse(score), len, n);
        if scored.len() > MOST_MATCHES {
            scored.select_nth_unstable_by_key(MOST_MATCHES, key);
            scored.truncate(MOST_MATCHES);
        }
        scored.sort_unstable_by_key(key);
        self.matches = scored.into_iter().map(|(.., n)| n).collect();
    }
}

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart)
}

impl Line {
    pub fn new(purpose: Purpose, text: impl Into<String>) -> Self {
        Self {
            purpose,
            asked: None,
            then: None,
            input: Input::new(text.into()),
            completions: Vec::new(),
            chosen: None,
            fault: None,
        }
    }

    /// A line for an edit.
    pub fn asked(asked: Asked, text: impl Into<String>) -> Self {
        Self {
            asked: Some(asked),
            ..Self::new(Purpose::Edit, text)
        }
    }

    pub fn title(&self) -> &str {
        match &self.asked {
            Some(asked) => &asked.title,
            None => self.purpose.title(),
        }
    }

    /// Puts the next completion in the place of what it completes; whether there is one.
    pub fn complete(&mut self, by: isize) -> bool {
        if self.completions.is_empty() {
            return false;
        }
        let count = self.completions.len() as isize;
        let next = match self.chosen {
            None if by < 0 => count - 1,
            None => 0,
            Some(i) => (i as isize + by).rem_euclid(count),
        } as usize;
        self.chosen = Some(next);
        true
    }

    /// What is typed, with the chosen completion in its place.
    pub fn text(&self) -> String {
        let text = self.input.value();
        match self.chosen.and_then(|i| self.completions.get(i)) {
            Some(completion) => {
                let mut text = text.to_owned();
                text.replace_range(completion.range.clone(), &completion.text);
                text
            }
            None => text.to_owned(),
        }
    }

    /// Takes the chosen completion as typed.
    pub fn accept(&mut self) {
        if let Some(completion) = self.chosen.take().and_then(|i| self.completions.get(i)) {
            let mut text = self.input.value().to_owned();
            text.replace_range(completion.range.clone(), &completion.text);
            let end = text[..completion.range.start + completion.text.len()]
                .chars()
                .count();
            self.input = Input::new(text).with_cursor(end);
        }
    }
}
