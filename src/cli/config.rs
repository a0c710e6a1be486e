//! The config file: any long option of any command, so that `cladist score` alone works.
//!
//! Its values become arguments that are put before those of the command line. So one set of definitions
//! checks both, and the later one, the command line's, wins.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, ValueHint};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_yaml::Value;

use super::builtin;

/// Used when `--config` is not given, if it exists in the working directory.
const DEFAULT: &str = "cladist.yaml";

/// The arguments with the config file's put in, and where each of those stands.
pub struct Expanded {
    pub args: Vec<OsString>,
    pub from_file: FromFile,
}

/// The options that the config file gave.
#[derive(Debug, Clone, Default)]
pub struct FromFile(Vec<Given>);

#[derive(Debug, Clone)]
struct Given {
    /// Its long name, without the dashes.
    name: String,
    /// As it was given to the parser.
    value: String,
    place: Place,
}

/// A line of the config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub path: PathBuf,
    /// From 1; `None` where it cannot be told.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// What is wrong with the config file, and where.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConfigError {
    pub place: Place,
    pub message: String,
}

/// One `key: value` of the file.
struct Entry {
    key: String,
    /// The key as a long option: `_` and `-` are the same.
    name: String,
    value: Value,
    place: Place,
}

/// Returns `args` with the config file's options for its command put in after the command's name.
///
/// Keys are long options without the dashes; `_` and `-` are the same. A key of another command is left alone, one
/// of no command is an error. `true` gives a flag, `false` leaves it out. A path in a file that is not in the
/// working directory is relative to that file if it exists there.
///
/// # Errors
/// A [`ConfigError`], naming the file, the line and the key.
pub fn expand(args: Vec<OsString>, command: &clap::Command) -> anyhow::Result<Expanded> {
    let without = |args| Expanded {
        args,
        from_file: FromFile::default(),
    };
    let given = config_argument(&args);
    let Some(mut at) = command_position(&args, command) else {
        return Ok(without(args));
    };
    // Help must be had whatever is in a file.
    let asks_for_help = args
        .iter()
        .any(|a| a == "--help" || a == "-h" || a == "--version" || a == "-V");
    if asks_for_help
        || ["help", "completions", "man"]
            .iter()
            .any(|name| args[at] == *name)
    {
        return Ok(without(args));
    }
    let mut subcommand = command
        .find_subcommand(&args[at])
        .expect("found by name just before");
    // `demo draw`: the options are those of the last name.
    while let Some(below) = args.get(at + 1).and_then(|a| subcommand.find_subcommand(a)) {
        (subcommand, at) = (below, at + 1);
    }
    let path = given.clone().unwrap_or_else(|| PathBuf::from(DEFAULT));
    if given.is_none() && !path.exists() {
        return Ok(without(args));
    }
    let of_file = |message: String| ConfigError {
        place: Place {
            path: path.clone(),
            line: None,
        },
        message,
    };
    let bytes = std::fs::read(&path).map_err(|error| {
        of_file(format!(
            "cannot be read: {error}; `--config` names the options file"
        ))
    })?;
    let text =
        String::from_utf8(bytes).map_err(|error| of_file(format!("is not UTF-8 text: {error}")))?;

    // The command line comes after the file, so that it wins, except for global options: those it may give before
    // the command's name, so the file's go before all of it.
    let (mut global, mut local, mut from_file) = (Vec::new(), Vec::new(), Vec::new());
    for entry in parse(&path, &text)? {
        let Entry {
            key, name, place, ..
        } = &entry;
        let error = |message: String| ConfigError {
            place: place.clone(),
            message,
        };
        let is_global = long_option(command, name).filter(|arg| arg.is_global_set());
        let Some(arg) = is_global.or_else(|| long_option(subcommand, name)) else {
            if !all_commands(command).any(|c| long_option(c, name).is_some()) {
                bail!(error(format!(
                    "unknown option `{key}`{}",
                    did_you_mean(command, name)
                )));
            }
            continue;
        };
        if name == "config" {
            bail!(error(format!(
                "`{key}` belongs on the command line: a config file names no other"
            )));
        }
        if stands_aside(subcommand, arg, &args[at + 1..]) {
            continue;
        }
        let Some(argument) = argument(arg, name, &entry.value, &path)
            .map_err(|why| error(format!("option `{key}`: {why}")))?
        else {
            continue;
        };
        let (_, value) = argument.to_str().and_then(|a| a.split_once('=')).unzip();
        from_file.push(Given {
            name: name.clone(),
            value: value.unwrap_or_default().to_owned(),
            place: place.clone(),
        });
        if is_global.is_some() {
            global.push(argument);
        } else {
            local.push(argument);
        }
    }
    let mut expanded = vec![args[0].clone()];
    expanded.extend(global);
    expanded.extend_from_slice(&args[1..=at]);
    expanded.extend(local);
    expanded.extend_from_slice(&args[at + 1..]);
    Ok(Expanded {
        args: expanded,
        from_file: FromFile(from_file),
    })
}

impl FromFile {
    /// Where the value that the parser refused stands, if it came from the file.
    pub fn place_of(&self, error: &clap::Error) -> Option<&Place> {
        let text = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.as_str()),
            _ => None,
        };
        let option = text(ContextKind::InvalidArg)?.strip_prefix("--")?;
        let name = option.split([' ', '=']).next()?;
        let value = text(ContextKind::InvalidValue)?;
        let mut given = self.0.iter();
        let found = given.find(|given| given.name == name && given.value == value);
        found.map(|given| &given.place)
    }

    /// Where the option stands that a message is about: one that begins with its name, or with the file that it names.
    pub fn place_of_message(&self, message: &str) -> Option<&Place> {
        let is_meant = |given: &&Given| {
            let rest = match message.strip_prefix("--") {
                Some(rest) => rest.strip_prefix(given.name.as_str()),
                None if given.value.is_empty() => None,
                None => {
                    let named = message.strip_prefix("cannot read ").unwrap_or(message);
                    named.strip_prefix(given.value.as_str())
                }
            };
            rest.is_some_and(|rest| rest.starts_with([' ', ':']))
        };
        self.0.iter().find(is_meant).map(|given| &given.place)
    }
}

/// The file whose options are in use, if there is one; `given` is what `--config` says.
pub fn in_use(given: Option<&Path>) -> Option<PathBuf> {
    let default = || Some(PathBuf::from(DEFAULT)).filter(|path| path.exists());
    given.map(Path::to_owned).or_else(default)
}

fn parse(path: &Path, text: &str) -> anyhow::Result<Vec<Entry>> {
    let pairs: Option<Pairs> = serde_yaml::from_str(text).map_err(|error| ConfigError {
        place: Place {
            path: path.to_owned(),
            line: error.location().map(|at| at.line()),
        },
        message: format!("is not valid YAML with options, one `name: value` a line: {error}"),
    })?;
    let mut entries: Vec<Entry> = Vec::new();
    for (key, value) in pairs.map_or_else(Vec::new, |pairs| pairs.0) {
        let name = key.replace('_', "-");
        let repeats = entries.iter().filter(|e| e.key == key).count();
        let place = place_of(path, text, &key, repeats);
        if let Some(first) = entries.iter().find(|e| e.name == name) {
            let first = &first.place;
            let message =
                format!("option `{key}` is given a second time (first at {first}): keep one");
            bail!(ConfigError { place, message });
        }
        entries.push(Entry {
            key,
            name,
            value,
            place,
        });
    }
    Ok(entries)
}

/// A mapping as it is written: in its order, repeated keys kept, so that they can be told.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("options, one `name: value` a line")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// One option's value as it would be written on the command line.
fn argument(arg: &Arg, name: &str, value: &Value, path: &Path) -> anyhow::Result<Option<OsString>> {
    let text = match value {
        Value::Bool(on) if matches!(arg.get_action(), ArgAction::SetTrue) => {
            return Ok(on.then(|| format!("--{name}").into()));
        }
        Value::Null => return Ok(None),
        Value::Bool(on) => on.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => {
            bail!("must be one value: text, a number, true or false")
        }
    };
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        bail!("is a switch: true or false, not `{text}`");
    }
    let mut argument = OsString::from(format!("--{name}="));
    argument.push(beside_config(arg, &text, path));
    Ok(Some(argument))
}

/// A path is looked for beside the config file first: the file travels with the data that it names.
fn beside_config(arg: &Arg, text: &str, path: &Path) -> OsString {
    let is_path = matches!(
        arg.get_value_hint(),
        ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath
    );
    if let Some(folder) = path.parent().filter(|_| is_path) {
        let beside = folder.join(text);
        if text != builtin::NAME && beside.exists() {
            return beside.into();
        }
    }
    text.into()
}

/// The value of `--config` among the raw arguments; the last one counts, as for every option.
fn config_argument(args: &[OsString]) -> Option<PathBuf> {
    let mut found = None;
    let mut rest = args.iter().skip(1).take_while(|a| *a != "--");
    while let Some(arg) = rest.next() {
        if arg == "--config" {
            found = rest.next().map(PathBuf::from);
        } else if let Some(value) = arg.to_str().and_then(|a| a.strip_prefix("--config=")) {
            found = Some(PathBuf::from(value));
        }
    }
    found
}

/// Index of the command's name: the first argument that is neither a global option nor the value of one.
fn command_position(args: &[OsString], command: &clap::Command) -> Option<usize> {
    let mut i = 1;
    while i < args.len() {
        let arg = args[i].to_str()?;
        if !arg.starts_with('-') {
            let known = command.find_subcommand(OsStr::new(arg)).is_some();
            return known.then_some(i);
        }
        let takes_value = arg
            .strip_prefix("--")
            .and_then(|name| long_option(command, name))
            .is_some_and(|a| a.get_action().takes_values());
        i += if takes_value { 2 } else { 1 };
    }
    None
}

/// Whether the option is one of several ways to say what to do (a required or exclusive group), and the command line says
/// another: `images:` in the file is no part of `embed --texts`, nor of `score --predictions`.
fn stands_aside(command: &clap::Command, arg: &Arg, line: &[OsString]) -> bool {
    let on_line = |arg: &Arg| {
        arg.get_long().is_some_and(|long| {
            line.iter().filter_map(|a| a.to_str()).any(|a| {
                let name = a.strip_prefix("--").map(|a| a.split('=').next());
                name == Some(Some(long))
            })
        })
    };
    if is_excluded(command, arg, line) {
        return true;
    }
    command
        .get_groups()
        .filter(|group| group.is_required_set() || !(*group).clone().is_multiple())
        .map(|group| group.get_args().collect::<Vec<_>>())
        .filter(|members| members.contains(&arg.get_id()))
        .flatten()
        .filter_map(|id| command.get_arguments().find(|a| a.get_id() == id))
        .any(on_line)
}

/// Whether the command line gives an argument without a name that goes with the option no more: of `tui RUN_DIR` the run is scored.
fn is_excluded(command: &clap::Command, arg: &Arg, line: &[OsString]) -> bool {
    let Some(first) = command.get_positionals().next() else {
        return false;
    };
    let excluded = command.get_arg_conflicts_with(first);
    excluded.iter().any(|other| other.get_id() == arg.get_id()) && has_unnamed(command, line)
}

/// Whether there is an argument that is neither an option nor the value of one.
fn has_unnamed(command: &clap::Command, line: &[OsString]) -> bool {
    let mut rest = line.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == "--" {
            return rest.next().is_some();
        }
        let Some(name) = text.strip_prefix("--") else {
            return true;
        };
        let is_apart = |a: &Arg| a.get_action().takes_values() && !a.is_require_equals_set();
        if long_option(command, name).is_some_and(is_apart) {
            rest.next();
        }
    }
    false
}

/// The command and all below it.
fn all_commands(command: &clap::Command) -> Box<dyn Iterator<Item = &clap::Command> + '_> {
    let below = command.get_subcommands().flat_map(all_commands);
    Box::new(std::iter::once(command).chain(below))
}

fn long_option<'a>(command: &'a clap::Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|a| a.get_long() == Some(name))
}

fn did_you_mean(command: &clap::Command, name: &str) -> String {
    let longs = all_commands(command)
        .flat_map(clap::Command::get_arguments)
        .filter_map(Arg::get_long);
    longs
        .map(|long| (strsim::damerau_levenshtein(long, name), long))
        .filter(|(distance, long)| *distance <= 1 + long.len() / 4)
        .min()
        .map_or_else(
            || "; `cladist score --help` lists the options".to_owned(),
            |(_, long)| format!(": did you mean `{long}`?"),
        )
}

/// The place of the top-level key that stands after `skip` others of the same spelling.
fn place_of(path: &Path, text: &str, key: &str, skip: usize) -> Place {
    let is_key = |line: &str| {
        let line = line.trim_start_matches(['"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| {
            rest.trim_start_matches(['"', '\''])
                .trim_start()
                .starts_with(':')
        })
    };
    let mut lines = text.lines().enumerate().filter(|(_, line)| is_key(line));
    Place {
        path: path.to_owned(),
        line: lines.nth(skip).map(|(line, _)| line + 1),
    }
}
