//! A scripted session as an asciicast, version 2: what `asciinema play` and its player on the web show.
//!
//! The bytes are written here and not by ratatui's crossterm backend, whose colours go away where `NO_COLOR` is set: a
//! recording looks the same wherever it was made.

use std::fmt::Write as _;
use std::time::Duration;

use ratatui::buffer::{Buffer, Cell, CellDiffOption};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use serde_json::json;

use crate::tui::text::cell_columns;

/// A recording that grows by whole screens and keeps what changed between them.
pub struct Cast {
    /// Columns and rows that the player shows now.
    size: (u16, u16),
    shown: Option<Buffer>,
    at: Duration,
    lines: String,
}

impl Cast {
    /// An empty recording for a terminal of `width` columns and `height` rows.
    pub fn new(width: u16, height: u16, title: &str) -> Self {
        // No time stamp: the same session gives the same bytes.
        let header = json!({
            "version": 2,
            "width": width,
            "height": height,
            "title": title,
            "env": {"TERM": "xterm-256color"},
        });
        Self {
            size: (width, height),
            shown: None,
            at: Duration::ZERO,
            lines: format!("{header}\n"),
        }
    }

    /// The screen at a time since the start. A time before the last frame's counts as the last frame's, and a screen
    /// of another size resizes the player.
    pub fn frame(&mut self, at: Duration, buffer: &Buffer) {
        self.at = self.at.max(at);
        let size = (buffer.area.width, buffer.area.height);
        if size != self.size {
            self.size = size;
            self.event("r", &format!("{}x{}", size.0, size.1));
        }
        let next = at_origin(buffer);
        let mut bytes = String::new();
        let blank = Buffer::empty(next.area);
        let before = self.shown.take().filter(|shown| shown.area == next.area);
        if before.is_none() {
            bytes.push_str("\x1b[?25l\x1b[0m\x1b[2J");
        }
        draw(
            &mut bytes,
            &changes(before.as_ref().unwrap_or(&blank), &next),
        );
        self.shown = Some(next);
        if !bytes.is_empty() {
            self.event("o", &bytes);
        }
    }

    /// The recording: a line of JSON for its header and one an event.
    pub fn finish(mut self) -> String {
        if self.shown.is_some() {
            self.event("o", "\x1b[?25h");
        }
        self.lines
    }

    fn event(&mut self, kind: &str, data: &str) {
        // In whole microseconds, so that no float rounds the time.
        let (seconds, micros) = (self.at.as_secs(), self.at.subsec_micros());
        let _ = writeln!(
            self.lines,
            "[{seconds}.{micros:06},\"{kind}\",{}]",
            json!(data)
        );
    }
}

fn at_origin(buffer: &Buffer) -> Buffer {
    Buffer {
        area: Rect::new(0, 0, buffer.area.width, buffer.area.height),
        content: buffer.content.clone(),
    }
}

/// The cells that are not as they were, in the order of reading; both screens have one size.
///
/// ratatui's own difference leaves out the second half of a wide character that goes, whose look is then the terminal's
/// choice.
fn changes<'a>(before: &Buffer, next: &'a Buffer) -> Vec<(u16, u16, &'a Cell)> {
    let columns = next.area.width;
    let rows = 0..next.area.height;
    let places = rows.flat_map(|y| (0..columns).map(move |x| (x, y)));
    let cells = visible(before).into_iter().zip(visible(next));
    let changed = cells.zip(places).filter(|((was, is), _)| was != is);
    changed
        .filter_map(|((_, is), (x, y))| is.map(|cell| (x, y, cell)))
        .filter(|(_, _, cell)| cell.diff_option != CellDiffOption::Skip)
        .collect()
}

/// The cells of a screen, with nothing where a wide character hides one.
fn visible(buffer: &Buffer) -> Vec<Option<&Cell>> {
    let mut cells = Vec::with_capacity(buffer.content.len());
    for row in buffer.content.chunks(usize::from(buffer.area.width).max(1)) {
        let mut hidden = 0;
        for cell in row {
            cells.push((hidden == 0).then_some(cell));
            hidden = match hidden {
                0 => cell_columns(cell) - 1,
                more => more - 1,
            };
        }
    }
    cells
}

type Look = (Color, Color, Modifier);

fn draw(out: &mut String, changes: &[(u16, u16, &Cell)]) {
    let plain: Look = (Color::Reset, Color::Reset, Modifier::empty());
    let mut look = plain;
    let mut cursor = None;
    for &(x, y, cell) in changes {
        if cursor != Some((x, y)) {
            let _ = write!(out, "\x1b[{};{}H", y + 1, x + 1);
        }
        let wanted = (cell.fg, cell.bg, cell.modifier);
        if wanted != look {
            out.push_str(&sgr(wanted));
            look = wanted;
        }
        let symbol = cell.symbol();
        out.push_str(symbol);
        // Terminals do not agree on the width of all else, so the next cell is gone to by its place.
        let is_plain = symbol.len() == 1 && !symbol.contains(char::is_control);
        cursor = is_plain.then_some((x + 1, y));
    }
    if look != plain {
        out.push_str("\x1b[0m");
    }
}

/// The sequence for a look, whatever was before.
fn sgr((fg, bg, modifier): Look) -> String {
    const CODES: [(Modifier, &str); 9] = [
        (Modifier::BOLD, ";1"),
        (Modifier::DIM, ";2"),
        (Modifier::ITALIC, ";3"),
        (Modifier::UNDERLINED, ";4"),
        (Modifier::SLOW_BLINK, ";5"),
        (Modifier::RAPID_BLINK, ";6"),
        (Modifier::REVERSED, ";7"),
        (Modifier::HIDDEN, ";8"),
        (Modifier::CROSSED_OUT, ";9"),
    ];
    let mut out = "\x1b[0".to_owned();
    for (_, code) in CODES.iter().filter(|(one, _)| modifier.contains(*one)) {
        out.push_str(code);
    }
    push_colour(&mut out, fg, 30);
    push_colour(&mut out, bg, 40);
    out + "m"
}

/// A colour's part of the sequence; `base` is 30 for the text and 40 for what is behind it.
fn push_colour(out: &mut String, colour: Color, base: u8) {
    let _ = match colour {
        Color::Reset => Ok(()),
        Color::Rgb(r, g, b) => write!(out, ";{};2;{r};{g};{b}", base + 8),
        Color::Indexed(i) => write!(out, ";{};5;{i}", base + 8),
        named => match super::still::ansi_index(named) {
            bright @ 8.. => write!(out, ";{}", base + 60 + bright - 8),
            dark => write!(out, ";{}", base + dark),
        },
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::style::Style;

    fn screen(lines: &[&str]) -> Buffer {
        Buffer::with_lines(lines.iter().copied())
    }

    fn events(cast: &str) -> Vec<serde_json::Value> {
        let lines = cast.lines().skip(1);
        lines.map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    #[test]
    fn only_what_changed_is_written() {
        let mut cast = Cast::new(4, 2, "a \"title\"");
        cast.frame(Duration::ZERO, &screen(&["cat ", "dog "]));
        cast.frame(Duration::from_millis(1500), &screen(&["cat ", "dog "]));
        cast.frame(Duration::from_millis(2500), &screen(&["car ", "dog "]));
        let expected = r#"{"version":2,"width":4,"height":2,"title":"a \"title\"","env":{"TERM":"xterm-256color"}}
[0.000000,"o","\u001b[?25l\u001b[0m\u001b[2J\u001b[1;1Hcat\u001b[2;1Hdog"]
[2.500000,"o","\u001b[1;3Hr"]
[2.500000,"o","\u001b[?25h"]
"#;
        assert_eq!(cast.finish(), expected);
    }

    #[test]
    fn colours_are_kept_as_they_are() {
        let check = |style: Style, expected: &str| {
            let mut buffer = screen(&["a"]);
            buffer.set_style(buffer.area, style);
            let mut out = String::new();
            draw(&mut out, &changes(&screen(&[" "]), &buffer));
            assert_eq!(out, format!("\x1b[1;1H\x1b[0{expected}ma\x1b[0m"));
        };
        check(Style::new().red(), ";31");
        check(Style::new().on_light_blue().bold(), ";1;104");
        check(Style::new().dark_gray().on_gray(), ";90;47");
        check(Style::new().white().reversed(), ";7;97");
        check(Style::new().fg(Color::Indexed(3)), ";38;5;3");
        check(Style::new().bg(Color::Rgb(1, 2, 3)), ";48;2;1;2;3");
    }

    #[test]
    fn time_never_runs_back_and_sizes_may_change() {
        let mut cast = Cast::new(1, 1, "");
        cast.frame(Duration::from_secs(2), &screen(&["a"]));
        cast.frame(Duration::from_secs(1), &screen(&["bc"]));
        let events = events(&cast.finish());
        let found: Vec<_> = events.iter().map(|e| (&e[0], e[1].as_str())).collect();
        let two = json!(2.0);
        let kinds = ["o", "r", "o", "o"].map(|kind| (&two, Some(kind)));
        assert_eq!(found, kinds);
        assert_eq!(events[1][2], "2x1");
        assert!(events[2][2].as_str().unwrap().ends_with("\x1b[1;1Hbc"));
    }

    #[test]
    fn an_empty_recording_is_its_header() {
        assert_eq!(Cast::new(80, 24, "").finish().lines().count(), 1);
        let mut cast = Cast::new(0, 0, "");
        cast.frame(Duration::ZERO, &Buffer::empty(Rect::ZERO));
        assert_eq!(events(&cast.finish()).len(), 2);
    }

    fn looks() -> impl Strategy<Value = Style> {
        let colour = prop_oneof![
            Just(Color::Reset),
            any::<u8>().prop_map(Color::Indexed),
            any::<(u8, u8, u8)>().prop_map(|(r, g, b)| Color::Rgb(r, g, b)),
        ];
        // Those that the terminal of the test knows.
        let modifier = prop::sample::select(vec![
            Modifier::empty(),
            Modifier::BOLD,
            Modifier::ITALIC | Modifier::UNDERLINED,
            Modifier::REVERSED,
        ]);
        (colour.clone(), colour, modifier)
            .prop_map(|(fg, bg, modifier)| Style::new().fg(fg).bg(bg).add_modifier(modifier))
    }

    fn screens() -> impl Strategy<Value = Buffer> {
        let word = prop::sample::select(vec!["a", "cat", " ", "日本", "│", "▀", "e\u{301}"]);
        prop::collection::vec((word, looks(), 0u16..3, 0u16..3), 0..8).prop_map(|words| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 3));
            for (word, look, x, y) in words {
                // In steps of the widest, so that no wide character is cut in two.
                buffer.set_string(4 * x, y, word, look);
            }
            buffer
        })
    }

    fn colour_of(colour: vt100::Color) -> Color {
        match colour {
            vt100::Color::Default => Color::Reset,
            vt100::Color::Idx(i) => Color::Indexed(i),
            vt100::Color::Rgb(r, g, b) => Color::Rgb(r, g, b),
        }
    }

    /// Of a blank only the look that shows is compared, and of a wide character's second half nothing.
    fn same(found: &vt100::Cell, wanted: &Cell) -> bool {
        let modifier = wanted.modifier;
        let text = match found.contents() {
            "" => " ",
            text => text,
        };
        text == wanted.symbol()
            && colour_of(found.bgcolor()) == wanted.bg
            && colour_of(found.fgcolor()) == wanted.fg
            && found.bold() == modifier.contains(Modifier::BOLD)
            && found.italic() == modifier.contains(Modifier::ITALIC)
            && found.underline() == modifier.contains(Modifier::UNDERLINED)
            && found.inverse() == modifier.contains(Modifier::REVERSED)
    }

    proptest! {
        #[test]
        fn a_terminal_that_plays_it_shows_the_screens(screens in prop::collection::vec(screens(), 1..6)) {
            let mut terminal = vt100::Parser::new(3, 12, 0);
            for count in 1..=screens.len() {
                let mut cast = Cast::new(12, 3, "");
                for (i, screen) in screens[..count].iter().enumerate() {
                    cast.frame(Duration::from_secs(i as u64), screen);
                }
                terminal.process(b"\x1bc");
                for event in events(&cast.finish()) {
                    terminal.process(event[2].as_str().unwrap().as_bytes());
                }
                let shown = &screens[count - 1];
                for y in 0..3 {
                    for x in 0..12 {
                        let found = terminal.screen().cell(y, x).unwrap();
                        let ok = found.is_wide_continuation() || same(found, &shown[(x, y)]);
                        prop_assert!(ok, "{x} {y}: {found:?} {:?}", shown[(x, y)]);
                    }
                }
            }
        }
    }
}
