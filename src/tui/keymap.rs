//! Which key is which command, as the table says or a file of keys.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use crokey::KeyCombination;
use crossterm::event::KeyEvent;

use super::app::View;
use super::command::{Command, Spec, TABLE};

/// Keys of commands.
#[derive(Debug, Clone)]
pub struct Keymap {
    /// In the order in which they are told.
    keys: HashMap<Command, Vec<KeyCombination>>,
    commands: HashMap<KeyCombination, Vec<Command>>,
}

/// What is wrong with a file of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("{file}: {source}")]
    Read {
        file: String,
        source: std::io::Error,
    },
    #[error("{file}: {message}")]
    Syntax { file: String, message: String },
    #[error("{file}: no command `{id}`{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Command {
        file: String,
        id: String,
        near: Option<String>,
    },
    #[error(
        "{file}: {id}: `{key}` is no key: write a letter, a name such as enter, pageup or f5, with ctrl-, alt- or shift- before it"
    )]
    Key {
        file: String,
        id: String,
        key: String,
    },
    #[error(
        "{file}: the key `{key}` would be both `{first}` and `{second}`: give one of them another, or [] for none"
    )]
    Conflict {
        file: String,
        key: String,
        first: &'static str,
        second: &'static str,
    },
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = |spec: &Spec| {
            let keys = spec.keys.iter();
            keys.map(|key| parse(key).expect("the table's keys are keys"))
                .collect()
        };
        let all = TABLE
            .iter()
            .map(|spec| (spec.command, keys(spec)))
            .collect();
        Self::build(all, "the table of commands").expect("the table has no conflict")
    }
}

impl Keymap {
    /// The table's keys, but those of the commands that the file names: `quit = ["q", "ctrl-q"]`, or one key as a string.
    ///
    /// # Errors
    /// A file that cannot be read or understood; a command or a key that does not exist; two commands of one view with one key.
    pub fn read(path: &Path) -> Result<Self, KeysError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| KeysError::Read {
            file: file.clone(),
            source,
        })?;
        Self::parse(&file, &text)
    }

    /// The same of a text.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(file: &str, text: &str) -> Result<Self, KeysError> {
        let file = file.to_owned();
        let syntax = |message: String| KeysError::Syntax {
            file: file.clone(),
            message,
        };
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| syntax(error.to_string().trim().to_owned()))?;
        let mut keys = Self::default().keys;
        for (id, value) in table {
            let command = Command::by_id(&id).ok_or_else(|| KeysError::Command {
                file: file.clone(),
                near: near(&id),
                id: id.clone(),
            })?;
            let list = match value {
                toml::Value::String(key) => vec![key],
                toml::Value::Array(all) => all
                    .into_iter()
                    .map(|key| match key {
                        toml::Value::String(key) => Ok(key),
                        other => Err(syntax(format!(
                            "{id}: a key is written in quotes, and this is of the type {}",
                            other.type_str()
                        ))),
                    })
                    .collect::<Result<_, _>>()?,
                other => {
                    return Err(syntax(format!(
                        "{id}: write a key in quotes, or a list of keys, and not a value of the type {}",
                        other.type_str()
                    )));
                }
            };
            let list = list.into_iter().map(|key| {
                parse(&key).ok_or_else(|| KeysError::Key {
                    file: file.clone(),
                    id: id.clone(),
                    key,
                })
            });
            keys.insert(command, list.collect::<Result<_, _>>()?);
        }
        Self::build(keys, &file)
    }

    fn build(keys: HashMap<Command, Vec<KeyCombination>>, file: &str) -> Result<Self, KeysError> {
        let mut commands: HashMap<KeyCombination, Vec<Command>> = HashMap::new();
        // In the order of the table, so that the same conflict is told every time.
        for spec in TABLE {
            for &key in keys.get(&spec.command).into_iter().flatten() {
                let others = commands.entry(key).or_default();
                if let Some(other) = others.iter().find(|c| c.spec().scope.meets(spec.scope)) {
                    return Err(KeysError::Conflict {
                        file: file.to_owned(),
                        key: key.to_string().to_lowercase(),
                        first: other.spec().id,
                        second: spec.id,
                    });
                }
                others.push(spec.command);
            }
        }
        Ok(Self { keys, commands })
    }

    /// What a key does in a view.
    pub fn command(&self, key: KeyEvent, view: View) -> Option<Command> {
        let found = self.commands.get(&normal(key))?;
        found
            .iter()
            .copied()
            .find(|command| command.spec().scope.covers(view))
    }

    /// The keys of a command, as they are told.
    pub fn keys(&self, command: Command) -> Vec<String> {
        let keys = self.keys.get(&command).into_iter().flatten();
        keys.map(|key| told(*key)).collect()
    }

    /// The first key of a command.
    pub fn key(&self, command: Command) -> Option<String> {
        self.keys.get(&command)?.first().map(|key| told(*key))
    }
}

/// A key as it is written: `ctrl-o`, `G`, `?`, `enter`.
fn parse(text: &str) -> Option<KeyCombination> {
    // A letter in upper case is the letter with shift; crokey would take it for the letter.
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if c.is_uppercase() => {
            KeyCombination::from_str(&format!("shift-{}", c.to_lowercase())).ok()
        }
        // Signs that crokey reads as a separator.
        (Some('-'), None) => KeyCombination::from_str("hyphen").ok(),
        (Some(' '), None) => KeyCombination::from_str("space").ok(),
        (Some(_), _) => KeyCombination::from_str(text)
            .ok()
            .map(|key| normal(key.into())),
        (None, _) => None,
    }
}

/// A written key as it is pressed.
pub fn pressed(text: &str) -> Option<KeyEvent> {
    parse(text).map(Into::into)
}

/// One form for what terminals report in several: a sign that needs shift on one keyboard needs none on another.
fn normal(key: KeyEvent) -> KeyCombination {
    use crossterm::event::{KeyCode, KeyModifiers};
    let mut key = key;
    match key.code {
        KeyCode::Char(c) if !c.is_alphabetic() => key.modifiers.remove(KeyModifiers::SHIFT),
        KeyCode::Char(c) if c.is_uppercase() => key.modifiers.insert(KeyModifiers::SHIFT),
        KeyCode::BackTab => {
            key.code = KeyCode::Tab;
            key.modifiers.insert(KeyModifiers::SHIFT);
        }
        _ => {}
    }
    KeyCombination::from(key).normalized()
}

/// A key as people write it.
fn told(key: KeyCombination) -> String {
    let text = key.to_string();
    let lower = text.to_lowercase();
    match lower.as_str() {
        "hyphen" => "-".to_owned(),
        "up" => "↑".to_owned(),
        "down" => "↓".to_owned(),
        "left" => "←".to_owned(),
        "right" => "→".to_owned(),
        _ => match lower.strip_prefix("shift-") {
            Some(letter) if letter.chars().count() == 1 => letter.to_uppercase(),
            _ => lower,
        },
    }
}

/// The command with the nearest name, if one is near.
fn near(id: &str) -> Option<String> {
    let distance = |spec: &&Spec| strsim::damerau_levenshtein(spec.id, id);
    let nearest = TABLE.iter().min_by_key(distance)?;
    (distance(&nearest) <= 2).then(|| nearest.id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::{KeyCode, KeyModifiers};

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn every_key_of_the_table_is_pressed_as_a_terminal_reports_it() {
        let map = Keymap::default();
        let none = KeyModifiers::NONE;
        for (code, modifiers, view, command) in [
            (KeyCode::Char('?'), none, View::Overview, Command::Help),
            (
                KeyCode::Char('?'),
                KeyModifiers::SHIFT,
                View::Overview,
                Command::Help,
            ),
            (
                KeyCode::Char('G'),
                KeyModifiers::SHIFT,
                View::Images,
                Command::Last,
            ),
            (KeyCode::Char('G'), none, View::Images, Command::Last),
            (KeyCode::Char('g'), none, View::Images, Command::First),
            (
                KeyCode::BackTab,
                KeyModifiers::SHIFT,
                View::Images,
                Command::PreviousPane,
            ),
            (KeyCode::BackTab, none, View::Images, Command::PreviousPane),
            (
                KeyCode::Char('o'),
                KeyModifiers::CONTROL,
                View::Images,
                Command::Back,
            ),
            (KeyCode::Char('-'), none, View::Taxonomy, Command::FoldAll),
            (
                KeyCode::Char('-'),
                none,
                View::Confusions,
                Command::Shallower,
            ),
            (
                KeyCode::Char('+'),
                KeyModifiers::SHIFT,
                View::Confusions,
                Command::Deeper,
            ),
            (
                KeyCode::Char(':'),
                KeyModifiers::SHIFT,
                View::Curve,
                Command::Palette,
            ),
            (KeyCode::Char('/'), none, View::Images, Command::Filter),
            (
                KeyCode::Char('>'),
                KeyModifiers::SHIFT,
                View::Images,
                Command::Widen,
            ),
            (KeyCode::Char(']'), none, View::Images, Command::NextView),
            (KeyCode::Enter, none, View::Images, Command::Open),
            (KeyCode::Esc, none, View::Images, Command::ClearFilter),
            (
                KeyCode::Char('c'),
                KeyModifiers::CONTROL,
                View::Images,
                Command::Quit,
            ),
            (
                KeyCode::Char('7'),
                none,
                View::Images,
                Command::Show(View::Compare),
            ),
        ] {
            assert_eq!(
                map.command(pressed(code, modifiers), view),
                Some(command),
                "{code:?} {modifiers:?}"
            );
        }
        assert_eq!(
            map.command(pressed(KeyCode::Char('-'), none), View::Images),
            None
        );
    }

    #[test]
    fn every_key_is_told_as_it_can_be_written() {
        let map = Keymap::default();
        for spec in TABLE {
            for key in map.keys(spec.command) {
                let arrow = ["↑", "↓", "←", "→"].contains(&key.as_str());
                assert!(arrow || parse(&key).is_some(), "{key}");
            }
        }
        assert_eq!(map.keys(Command::Last), ["end", "G"]);
        assert_eq!(map.keys(Command::FoldAll), ["-"]);
        assert_eq!(map.keys(Command::PreviousPane), ["shift-tab"]);
        assert_eq!(map.keys(Command::Back), ["backspace", "ctrl-o"]);
    }

    #[test]
    fn a_file_gives_commands_other_keys() {
        let map = Keymap::parse("keys.toml", "quit = \"ctrl-q\"\nnext-match = []\n").unwrap();
        assert_eq!(map.keys(Command::Quit), ["ctrl-q"]);
        assert!(map.keys(Command::NextMatch).is_empty());
        assert_eq!(map.keys(Command::Help), ["?", "f1"]);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told() {
        let told = |text: &str| Keymap::parse("keys.toml", text).unwrap_err().to_string();
        assert_eq!(
            told("qit = \"q\""),
            "keys.toml: no command `qit`; did you mean `quit`?"
        );
        assert!(told("quit = \"hyper-q\"").contains("`hyper-q` is no key"));
        assert!(told("quit = 7").contains("write a key in quotes"));
        assert!(told("quit = [").contains("keys.toml"));
        // `s` sorts in some views, and quits in all.
        let conflict = told("quit = \"s\"");
        assert!(conflict.contains("the key `s` would be both"), "{conflict}");
        assert!(
            conflict.contains("`sort`") && conflict.contains("`quit`"),
            "{conflict}"
        );
    }
}
