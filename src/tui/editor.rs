//! The user's own editor, on a file at a line.

use std::env;
use std::path::Path;
use std::process::Command;

/// Opens the editor that VISUAL or EDITOR names, `vi` without either, and waits for its end. The terminal is the editor's meanwhile.
///
/// # Errors
/// The editor cannot be started, or says that it failed.
pub fn open(path: &Path, line: usize) -> Result<(), String> {
    let named = ["VISUAL", "EDITOR"].into_iter().find_map(|name| {
        let value = env::var(name).ok()?;
        (!value.trim().is_empty()).then_some(value)
    });
    let named = named.unwrap_or_else(|| "vi".to_owned());
    let [program, arguments @ ..] = &arguments(&named, path, line)[..] else {
        return Err("EDITOR names no program".to_owned());
    };
    let status = Command::new(program).args(arguments).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program}: {status}")),
        Err(error) => Err(format!(
            "{program}: {error}; VISUAL or EDITOR says which editor to use"
        )),
    }
}

/// The editor's command, with the file and, where it is known how, the line.
fn arguments(command: &str, path: &Path, line: usize) -> Vec<String> {
    let mut words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let Some(program) = words.first() else {
        return words;
    };
    let program = Path::new(program).file_stem();
    let program = program.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let file = path.display().to_string();
    let at = format!("{file}:{line}");
    match program.as_str() {
        "hx" | "helix" | "subl" | "zed" => words.push(at),
        "code" | "codium" | "cursor" => words.extend(["--wait".into(), "--goto".into(), at]),
        "vi" | "vim" | "nvim" | "view" | "nano" | "emacs" | "emacsclient" | "micro" | "kak"
        | "joe" | "mg" | "ne" => words.extend([format!("+{line}"), file]),
        _ => words.push(file),
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_editor_is_told_the_line_as_it_wants_to_be() {
        let told = |command| arguments(command, Path::new("a b.yaml"), 7).join("|");
        assert_eq!(told("vim"), "vim|+7|a b.yaml");
        assert_eq!(told("/usr/bin/nano -w"), "/usr/bin/nano|-w|+7|a b.yaml");
        assert_eq!(told("hx"), "hx|a b.yaml:7");
        assert_eq!(told("code -n"), "code|-n|--wait|--goto|a b.yaml:7");
        assert_eq!(told("ed"), "ed|a b.yaml");
        assert_eq!(told(" "), "");
    }
}
