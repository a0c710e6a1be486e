//! What is scored, and how, as the options say it now: those of the command line, and before them those of the options' file, which people
//! edit while they look.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgMatches, FromArgMatches};

use super::{Source, Workbench};
use crate::cli::config::{self, ConfigError, FromFile, Place};
use crate::cli::score::WhatArgs;
use crate::cli::{Cli, Command, Line, command, locked, told};
use crate::text::shown;
use crate::tui::backend::Fault;

/// Options that say how answers are come by and judged.
const HOW: [&str; 11] = [
    "prompts",
    "synonyms",
    "candidates",
    "top-k",
    "credit",
    "match",
    "decide",
    "calibration",
    "root",
    "collision-cosine",
    "on-unknown-label",
];

/// Options that say what the images show.
const TRUTH: [&str; 7] = [
    "taxonomy",
    "truth",
    "truth-columns",
    "label-index",
    "valid",
    "also-right",
    "no-side-labels",
];

/// Those that a saved run is judged by.
const OF_SAVED: [&str; 2] = ["taxonomy", "no-side-labels"];

/// Of each option by its long name what it is set to, whoever set it.
type Values = BTreeMap<String, Vec<String>>;

#[derive(Debug, Clone)]
pub struct Options {
    pub what: WhatArgs,
    /// Empty where there is no options' file, so that nothing changes.
    values: Values,
    from_file: FromFile,
}

impl Options {
    /// Those of a command line without an options' file.
    pub fn fixed(what: WhatArgs) -> Self {
        Self {
            what,
            values: Values::new(),
            from_file: FromFile::default(),
        }
    }

    /// The options of a command line as its file is now.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    fn read(line: &Line) -> Result<Self, Fault> {
        let of_file = |message: String| Fault {
            place: Some((line.file.clone(), 1, 1)),
            ..Fault::anywhere(message)
        };
        // Without a file there would be no options, and nobody has said so.
        fs::metadata(&line.file).map_err(|error| {
            let file = line.file.display();
            Fault::anywhere(format!("{file}: {error}; its options stay as they were"))
        })?;
        let mut command = command();
        command.build();
        let expanded = config::expand(line.args.clone(), &command);
        let expanded = expanded.map_err(|error| match error.downcast::<ConfigError>() {
            Ok(error) => at(Some(&error.place), error.message),
            Err(error) => of_file(told(&error)),
        })?;
        let from_file = expanded.from_file;
        let matches = command.try_get_matches_from_mut(&expanded.args);
        let parsed = matches.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
        let (cli, matches) = parsed.map_err(|error| {
            let message = first_paragraph(&error.to_string());
            at(from_file.place_of(&error), message)
        })?;
        let what = match cli.command {
            Command::Tui(args) => args.what,
            Command::Watch(args) => args.what,
            _ => return Err(of_file("belongs to another command".to_owned())),
        };
        let values = matches.subcommand().map(|(name, matches)| {
            let command = command.find_subcommand(name);
            command.map_or_else(Values::new, |command| values(command, matches))
        });
        Ok(Self {
            what,
            values: values.unwrap_or_default(),
            from_file,
        })
    }

    /// The names of the options that are set otherwise.
    fn differing<'o>(&'o self, other: &'o Self) -> Vec<&'o str> {
        let names = self.values.keys().chain(other.values.keys());
        let mut names: Vec<&str> = names
            .filter(|&name| self.values.get(name) != other.values.get(name))
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether a run that was made with the others would be the same with these.
    pub fn make_the_same(&self, others: &Self, source: &Source) -> bool {
        let differing = self.differing(others);
        !differing.iter().any(|name| applies(source, name))
    }

    /// What an option is set to, for people.
    fn told(&self, name: &str) -> String {
        let values = self.values.get(name);
        values.map_or_else(|| "not set".to_owned(), |values| shown(&values.join(",")))
    }

    /// What is wrong is at the line of the option that it is about, where it is at no other and the file has one.
    pub fn placed(&self, fault: Fault) -> Fault {
        match fault.place {
            Some(_) => fault,
            None => Fault {
                place: place(self.from_file.place_of_message(&fault.message)),
                ..fault
            },
        }
    }
}

fn values(command: &clap::Command, matches: &ArgMatches) -> Values {
    let named = command.get_arguments();
    let named = named.filter_map(|arg| Some((arg.get_long()?, arg.get_id().as_str())));
    let of = |(long, id): (&str, &str)| {
        let raw = matches.try_get_raw(id).ok()??;
        let raw = raw.map(|value| value.to_string_lossy().into_owned());
        Some((long.to_owned(), raw.collect()))
    };
    named.filter_map(of).collect()
}

fn place(place: Option<&Place>) -> Option<(PathBuf, usize, usize)> {
    place.map(|place| (place.path.clone(), place.line.unwrap_or(1), 1))
}

fn at(found: Option<&Place>, message: String) -> Fault {
    Fault {
        place: place(found),
        ..Fault::anywhere(message)
    }
}

/// What the parser says, without how to ask for help.
fn first_paragraph(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines = text.lines().take_while(|line| !line.is_empty());
    let lines: Vec<&str> = lines.map(str::trim).collect();
    lines.join(" ")
}

/// Whether an option can be another while the workbench goes on. What is scored, and what was computed of it by a model on a device,
/// stays: it is what the workbench was opened on.
fn applies(source: &Source, name: &str) -> bool {
    match source {
        Source::Saved(_) => OF_SAVED.contains(&name),
        Source::Scored => HOW.contains(&name) || TRUTH.contains(&name),
        Source::Demo(_) => HOW.contains(&name),
    }
}

impl Workbench {
    /// With the file that some of the options are from: a change of it is applied.
    ///
    /// # Errors
    /// What is wrong with the file by now.
    pub fn with_line(mut self, line: Option<Line>) -> anyhow::Result<Self> {
        if let Some(line) = line {
            let options = Options::read(&line).map_err(|fault| anyhow::anyhow!("{fault}"))?;
            self.start = Arc::new(options);
            self.now = Arc::clone(&self.start).into();
            self.line = Some(line);
        }
        Ok(self)
    }

    /// The options' file.
    pub(super) fn config(&self) -> Option<PathBuf> {
        self.line.as_ref().map(|line| line.file.clone())
    }

    /// The options that a run was made with; of none, or of one that was made elsewhere, those of now.
    pub(super) fn options_of(&self, opened: Option<&crate::run::Opened>) -> Arc<Options> {
        let origin = opened.and_then(|opened| self.origins.of(opened));
        origin.map_or_else(|| self.options(), |origin| origin.options)
    }

    /// The options as they were last read.
    pub(super) fn options(&self) -> Arc<Options> {
        Arc::clone(&locked(&self.now))
    }

    /// Reads the options anew, and what there is to say of those that changed.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub(super) fn read_options(&self) -> Result<(Arc<Options>, Option<String>), Fault> {
        let Some(line) = &self.line else {
            return Ok((self.options(), None));
        };
        let mut read = Options::read(line)?;
        read.what = read.what.applied_to(&self.start.what);
        let read = Arc::new(read);
        let before = std::mem::replace(&mut *locked(&self.now), Arc::clone(&read));
        let changes: Vec<String> = (read.differing(&before).into_iter())
            .map(|name| match applies(&self.source, name) {
                true => format!("{name} is {}, was {}", read.told(name), before.told(name)),
                false => format!("{name} counts once cladist is started again"),
            })
            .collect();
        let file = line.file.display();
        let word = (!changes.is_empty()).then(|| format!("{file}: {}", changes.join("; ")));
        Ok((read, word))
    }

    /// What the options' file says that the workbench was not opened on, as a note on what is shown.
    pub(super) fn put_off(&self, options: &Options) -> Option<String> {
        let differing = options.differing(&self.start).into_iter();
        let left: Vec<&str> = differing
            .filter(|name| !applies(&self.source, name))
            .collect();
        let file = self.config()?;
        (!left.is_empty()).then(|| {
            format!(
                "{}: {} only once cladist is started again",
                file.display(),
                match &left[..] {
                    [one] => format!("{one} counts"),
                    more => format!("{} count", more.join(", ")),
                }
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Args;

    use super::*;
    use crate::cli::workbench::TuiArgs;

    /// Another value than the default of each option.
    const OTHERS: [(&str, &str); 40] = [
        ("image-protocol", "none"),
        ("theme", "light"),
        ("keys", "keys.toml"),
        ("taxonomy", "t.yaml"),
        ("images", "pictures"),
        ("model", "demo"),
        ("device", "cpu"),
        ("dtype", "f16"),
        ("predictions", "p.csv"),
        ("columns", "label=top"),
        ("scores", "s.npy"),
        ("scores-are", "logits"),
        ("image-embeddings", "i.npy"),
        ("text-embeddings", "t.npy"),
        ("logit-scale", "50"),
        ("truth", "t.csv"),
        ("truth-columns", "label=class"),
        ("label-index", "labels.txt"),
        ("valid", "v.csv"),
        ("also-right", "a.json"),
        ("no-side-labels", ""),
        ("batch", "8"),
        ("no-exif-orientation", "true"),
        ("fast-decode", "true"),
        ("on-bad-image", "error"),
        ("store", "kept"),
        ("no-store", "true"),
        ("verify", "true"),
        ("shard-rows", "100"),
        ("prompts", "bare"),
        ("synonyms", "true"),
        ("candidates", "all"),
        ("top-k", "3"),
        ("credit", "strict"),
        ("match", "max"),
        ("decide", "leaf"),
        ("calibration", "0.5"),
        ("root", "excluded"),
        ("collision-cosine", "0.5"),
        ("on-unknown-label", "skip"),
    ];

    /// What is said to apply does, and what is said to stay does.
    #[test]
    fn every_option_applies_or_stays_as_it_is_said() {
        let command = TuiArgs::augment_args(clap::Command::new("tui"));
        let mut names: Vec<&str> = command
            .get_arguments()
            .filter_map(clap::Arg::get_long)
            .collect();
        let mut tried: Vec<&str> = OTHERS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        tried.sort_unstable();
        assert_eq!(tried, names);
        let what = |args: Vec<String>| TuiArgs::of(args).expect("options").what;
        let start = what(Vec::new());
        for (name, value) in OTHERS {
            let set = match value {
                "" => format!("--{name}"),
                value => format!("--{name}={value}"),
            };
            let now = what(vec![set]).applied_to(&start);
            let is_another = format!("{now:?}") != format!("{start:?}");
            assert_eq!(is_another, applies(&Source::Scored, name), "{name}");
        }
    }

    #[test]
    fn a_message_is_at_the_option_that_it_is_about() {
        let given = |name: &str, value: &str, line: usize| {
            let yaml = format!("{}{name}: {value}\n", "\n".repeat(line - 1));
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("options.yaml");
            fs::write(&file, yaml).expect("a file");
            let args = ["cladist", "tui", "--config", file.to_str().expect("UTF-8")];
            let args = args.map(Into::into).to_vec();
            Options::read(&Line { args, file }).expect("options")
        };
        for (name, value, message, is_meant) in [
            ("credit", "none", "--credit: unknown policy `none`", true),
            ("credit", "none", "--credits: unknown", false),
            (
                "calibration",
                "2",
                "--calibration 2: a share is between 0 and 1",
                true,
            ),
            ("taxonomy", "gone.yaml", "gone.yaml: cannot be read", true),
            (
                "taxonomy",
                "gone.yaml",
                "gone.yaml.csv: cannot be read",
                false,
            ),
            ("no_side_labels", "true", ": nothing", false),
        ] {
            let fault = given(name, value, 3).placed(Fault::anywhere(message.to_owned()));
            let line = fault.place.map(|(_, line, _)| line);
            assert_eq!(line, is_meant.then_some(3), "{message}");
        }
    }
}
