//! The texts of `cladist embed --texts`: a plain file or JSON Lines.

use std::path::Path;

use anyhow::{anyhow, bail};
use serde::Deserialize;

use super::output::tell;
use crate::text::{self, shown};

/// One line of a JSON Lines file of texts; other fields do not matter.
#[derive(Deserialize)]
#[serde(expecting = "an object with a string `text`")]
struct TextLine {
    text: String,
}

/// The texts of a file, exactly as they stand there. In a plain file every line is a text, also an empty one; the
/// last line's end starts none. In JSON Lines (`.jsonl`, `.ndjson`, `.json`) blank lines are passed over.
///
/// # Errors
/// A file that cannot be read, is not UTF-8 or holds no text; a line of JSON Lines without a `text`, by its number.
pub fn read(path: &Path) -> anyhow::Result<Vec<String>> {
    let name = path.display();
    let content = text::read(path)?;
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    let is_json = ["jsonl", "ndjson", "json"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known));
    let texts = if is_json {
        json_lines(&content).map_err(|(line, what)| anyhow!("{name}:{line}: {what}"))?
    } else {
        let first = content.lines().next().unwrap_or("");
        if serde_json::from_str::<TextLine>(first).is_ok() {
            tell!(
                "{name}: looks like JSON Lines and is read as plain text, a text a line; name it .jsonl if only `text` is meant"
            );
        }
        content.lines().map(str::to_owned).collect()
    };
    if texts.is_empty() {
        bail!("{name}: holds no text; write one a line");
    }
    Ok(texts)
}

/// The texts, or the line at fault and what is wrong with it.
fn json_lines(content: &str) -> Result<Vec<String>, (usize, String)> {
    content
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(i, line)| {
            let line = serde_json::from_str::<TextLine>(line).map_err(|error| {
                let what = error.to_string();
                let what = what.split(" at line ").next().unwrap_or_default();
                let what = format!(
                    "expected an object such as {{\"text\": \"a photo\"}}, found {}: {what} at column {}",
                    shown(line),
                    error.column()
                );
                (i + 1, what)
            })?;
            Ok(line.text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_what_the_file_holds() {
        let dir = tempfile::TempDir::new().unwrap();
        let check = |name: &str, content: &str, expected: Result<&[&str], &str>| {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            match (read(&path), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{content:?}"),
                (Err(error), Err(part)) => {
                    let error = error.to_string();
                    assert!(error.contains(part), "{error:?} does not say {part:?}");
                }
                (found, _) => panic!("{content:?}: {found:?}"),
            }
        };
        check("a.txt", "one\ntwo\n", Ok(&["one", "two"]));
        check("a.txt", "one\r\ntwo", Ok(&["one", "two"]));
        // A line is a text, whatever is on it.
        check("a.txt", "\n  one \n\n\t\n", Ok(&["", "  one ", "", "\t"]));
        check("a.txt", "\u{feff}one\n#two\n", Ok(&["one", "#two"]));
        check("a.txt", "{\"text\": 1}", Ok(&["{\"text\": 1}"]));
        check("a", "\"one\", two\n", Ok(&["\"one\", two"]));
        check("a.txt", "", Err("holds no text"));
        check(
            "a.jsonl",
            "{\"text\": \" one\\n\"}\n\n{\"id\": 2, \"text\": \"\"}\r\n",
            Ok(&[" one\n", ""]),
        );
        check("a.NDJSON", "{\"text\": \"one\"}", Ok(&["one"]));
        check("a.json", "{\"text\": \"one\"}", Ok(&["one"]));
        check("a.jsonl", "\n \n", Err("holds no text"));
        check(
            "a.jsonl",
            "{\"text\": \"one\"}\n{\"text\": \n",
            Err("a.jsonl:2: "),
        );
        check(
            "a.jsonl",
            "\n{\"txt\": \"one\"}",
            Err("a.jsonl:2: expected"),
        );
        check(
            "a.jsonl",
            "{\"txt\": \"one\"}",
            Err("missing field `text` at column 14"),
        );
        check("a.jsonl", "{\"text\": null}", Err("invalid type: null"));
        check("a.jsonl", "one", Err("found one"));
    }
}
