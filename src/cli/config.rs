//! The config file: any long option of any command, so that `cladist score` alone works.
//!
//! Its values become arguments that are put before those of the command line. So one set of definitions
//! checks both, and the later one, the command line's, wins.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Arg, ArgAction, ValueHint};
use serde_yaml::Value;

/// Used when `--config` is not given, if it exists in the working directory.
const DEFAULT: &str = "cladist.yaml";

/// Returns `args` with the config file's options for its command put in after the command's name.
///
/// Keys are long options without the dashes; `_` and `-` are the same. A key of another command is left alone, one
/// of no command is an error. `true` gives a flag, `false` leaves it out. A path in a file that is not in the
/// working directory is relative to that file if it exists there.
///
/// # Errors
/// Naming the file and the key.
pub fn expand(args: Vec<OsString>, command: &clap::Command) -> anyhow::Result<Vec<OsString>> {
    let given = config_argument(&args);
    let Some(at) = command_position(&args, command) else {
        return Ok(args);
    };
    let path = given.clone().unwrap_or_else(|| PathBuf::from(DEFAULT));
    if given.is_none() && !path.exists() {
        return Ok(args);
    }
    let bytes = std::fs::read(&path).with_context(|| {
        format!(
            "{}: cannot be read; `--config` names the options file",
            path.display()
        )
    })?;
    let text = String::from_utf8(bytes)
        .with_context(|| format!("{}: is not UTF-8 text", path.display()))?;
    let options = parse(&path, &text)?;
    let subcommand = command
        .find_subcommand(&args[at])
        .expect("found by name just before");

    let mut expanded = args[..=at].to_vec();
    for (key, value) in options {
        let place = || place_of(&path, &text, &key);
        let name = key.replace('_', "-");
        let Some(arg) = long_option(subcommand, &name) else {
            let elsewhere = command
                .get_subcommands()
                .any(|c| long_option(c, &name).is_some());
            if !elsewhere {
                bail!(
                    "{}: unknown option `{key}`{}",
                    place(),
                    did_you_mean(command, &name)
                );
            }
            continue;
        };
        let values = arguments(arg, &name, &value, &path)
            .with_context(|| format!("{}: option `{key}`", place()))?;
        expanded.extend(values);
    }
    expanded.extend_from_slice(&args[at + 1..]);
    Ok(expanded)
}

fn parse(path: &Path, text: &str) -> anyhow::Result<Vec<(String, Value)>> {
    let value: Value = serde_yaml::from_str(text)
        .with_context(|| format!("{}: is not valid YAML", path.display()))?;
    let mapping = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Mapping(mapping) => mapping,
        _ => bail!(
            "{}: must hold options, one `name: value` a line",
            path.display()
        ),
    };
    mapping
        .into_iter()
        .map(|(key, value)| match key {
            Value::String(key) => Ok((key, value)),
            key => bail!("{}: {key:?} is not an option's name", path.display()),
        })
        .collect()
}

/// One option's value as it would be written on the command line.
fn arguments(
    arg: &Arg,
    name: &str,
    value: &Value,
    path: &Path,
) -> anyhow::Result<Option<OsString>> {
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
        if beside.exists() {
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

fn long_option<'a>(command: &'a clap::Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|a| a.get_long() == Some(name))
}

fn did_you_mean(command: &clap::Command, name: &str) -> String {
    let longs = command
        .get_subcommands()
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

/// `file:line` of a top-level key.
fn place_of(path: &Path, text: &str, key: &str) -> String {
    let line = text.lines().position(|line| {
        let line = line.trim_start_matches(['"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| {
            rest.trim_start_matches(['"', '\''])
                .trim_start()
                .starts_with(':')
        })
    });
    match line {
        Some(line) => format!("{}:{}", path.display(), line + 1),
        None => path.display().to_string(),
    }
}
