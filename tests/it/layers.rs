//! The house's invariants (ARCHITECTURE.md), read off the imports: which room may name which.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, the rooms it may name, and words that must not occur in its code.
struct Rule {
    room: &'static str,
    may_name: &'static [&'static str],
    never: &'static [&'static str],
}

const IO: &[&str] = &["std::fs", "File::", "std::env", "std::net", "std::process"];
const PRINT: &[&str] = &["println!", "print!(", "stdout()", "stderr()"];

const RULES: &[Rule] = &[
    Rule {
        room: "matrix",
        may_name: &[],
        never: IO,
    },
    Rule {
        room: "files",
        may_name: &[],
        never: &[],
    },
    Rule {
        room: "guard",
        may_name: &[],
        never: IO,
    },
    Rule {
        room: "hash",
        may_name: &[],
        never: IO,
    },
    Rule {
        room: "names",
        may_name: &[],
        never: IO,
    },
    Rule {
        room: "npy",
        may_name: &[],
        never: IO,
    },
    Rule {
        room: "point",
        may_name: &[],
        never: IO,
    },
    Rule {
        room: "text",
        may_name: &[],
        never: &[],
    },
    Rule {
        room: "watch",
        may_name: &["hash"],
        never: PRINT,
    },
    Rule {
        room: "taxonomy",
        may_name: &[],
        never: IO,
    },
    Rule {
        room: "prompts",
        may_name: &["taxonomy"],
        never: IO,
    },
    Rule {
        room: "score",
        may_name: &["taxonomy", "matrix"],
        never: IO,
    },
    Rule {
        room: "demo",
        may_name: &["dataset", "model", "taxonomy"],
        never: IO,
    },
    Rule {
        room: "dataset",
        may_name: &["taxonomy", "text", "guard", "matrix", "names", "npy"],
        never: &[],
    },
    Rule {
        room: "model",
        may_name: &["matrix", "hash", "guard"],
        never: &[],
    },
    Rule {
        room: "embed",
        may_name: &[
            "model", "matrix", "names", "npy", "files", "hash", "guard", "point",
        ],
        never: &[],
    },
    Rule {
        room: "run",
        may_name: &["score", "taxonomy", "matrix", "names", "files", "guard"],
        never: &[],
    },
    Rule {
        room: "history",
        may_name: &["files", "hash", "point", "taxonomy", "text"],
        never: &[],
    },
    Rule {
        room: "report",
        may_name: &["demo", "run", "score", "taxonomy", "text"],
        never: IO,
    },
    Rule {
        room: "tui",
        may_name: &[
            "run", "score", "taxonomy", "report", "names", "text", "files", "matrix", "model",
            "embed", "guard", "watch", "history",
        ],
        never: &[],
    },
];

fn files_of(room: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![src.join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    let single = src.join(format!("{room}.rs"));
    if single.exists() {
        files.push(single);
    }
    assert!(!files.is_empty(), "no room {room}");
    files
}

/// The code of a file: without comments, and without its inline unit tests. Where `mod tests;` names another file, only
/// that line is left out: it may stand anywhere, and what follows it is code.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    without_comments(
        &without_tests(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display())),
    )
}

fn without_tests(text: &str) -> Result<String, &'static str> {
    let mut pieces = text.split("#[cfg(test)]\nmod ");
    let mut code = pieces.next().unwrap_or_default().to_owned();
    while let Some(piece) = pieces.next() {
        let (declared, rest) = piece.split_once('\n').unwrap_or((piece, ""));
        if declared.ends_with(';') {
            code.push_str(rest);
        } else if pieces.next().is_none()
            && (rest == "}\n" || rest.find("\n}\n") == rest.len().checked_sub(3))
        {
            return Ok(code);
        } else {
            return Err(
                "code after the unit tests is code that nobody looks for: let them close the file",
            );
        }
    }
    Ok(code)
}

/// A comment begins a line or follows a blank, unlike the `//` of an address.
fn without_comments(code: &str) -> String {
    let code_of_line = |line: &str| {
        let begins =
            |&(at, _): &(usize, &str)| line[..at].chars().last().is_none_or(char::is_whitespace);
        let comment = line.match_indices("//").find(begins);
        line[..comment.map_or(line.len(), |(at, _)| at)].to_owned()
    };
    code.lines()
        .map(code_of_line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Whether `code` has the word, alone and not as a part of another.
fn has_word(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].ends_with(is_part) && !code[at + word.len()..].starts_with(is_part)
    })
}

/// Every `crate::ROOM` that the code names.
fn rooms_named(code: &str) -> Vec<String> {
    let identifier = |text: &str| -> String {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut named = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(_) => panic!("write one `use crate::room::…` a line, so that it can be read"),
            None => named.push(identifier(rest)),
        }
    }
    named
}

#[test]
fn rooms_name_only_what_is_below_them() {
    let mut faults = Vec::new();
    for rule in RULES {
        for file in files_of(rule.room) {
            let code = code_of(&file);
            for named in rooms_named(&code) {
                if named != rule.room && !rule.may_name.contains(&named.as_str()) {
                    faults.push(format!("{}: names crate::{named}", file.display()));
                }
            }
            // The workbench has the terminal to itself while it is there.
            let printing = if rule.room == "tui" { &[] } else { PRINT };
            for word in rule.never.iter().chain(printing) {
                if code.contains(word) {
                    faults.push(format!("{}: contains {word}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn libraries_stay_in_their_rooms() {
    let owners: &[(&str, &[&str])] = &[
        ("candle", &["model"]),
        ("ratatui", &["tui"]),
        ("crossterm", &["tui"]),
        ("clap", &["cli"]),
        ("anyhow", &["cli"]),
    ];
    let rooms = RULES.iter().map(|r| r.room).chain(["cli"]);
    let mut faults = Vec::new();
    for room in rooms {
        for file in files_of(room) {
            let code = code_of(&file);
            for (library, owners) in owners {
                let names = ["_core::", "_nn::", "_transformers::", "::"]
                    .iter()
                    .any(|path| code.contains(&format!("{library}{path}")));
                if names && !owners.contains(&room) {
                    faults.push(format!("{}: names {library}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What a clock says is in no result. Waiting (`recv_timeout`, `sleep`) reads no clock of ours, so it is not meant.
#[test]
fn no_room_below_cli_reads_the_time() {
    let mut faults = Vec::new();
    for rule in RULES {
        for file in files_of(rule.room) {
            let code = code_of(&file);
            for clock in ["Instant", "SystemTime", "UNIX_EPOCH"] {
                if has_word(&code, clock) {
                    faults.push(format!("{}: names {clock}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The rules are as good as what they read.
#[test]
fn what_is_read_is_all_but_comments_and_unit_tests() {
    let file = "use a;\n#[cfg(test)]\nmod tests;\nlet b = \"http://c\"; // d\n    // e\n#[cfg(test)]\nmod f {\n    g\n}\n";
    let read = without_comments(&without_tests(file).unwrap());
    assert_eq!(read, "use a;\nlet b = \"http://c\"; \n    ");
    assert!(without_tests(&format!("{file}h\n")).is_err());
    assert!(without_tests(&format!("{file}#[cfg(test)]\nmod i;\n")).is_err());
    assert!(has_word("a::Instant::now", "Instant") && !has_word("Instantly, anInstant", "Instant"));
    // Of each room something is read, however its files begin.
    for rule in RULES {
        for file in files_of(rule.room) {
            let (whole, code) = (fs::read_to_string(&file).unwrap(), code_of(&file));
            assert!(!code.trim().is_empty(), "{}", file.display());
            for item in whole.lines().filter(|line| line.starts_with("pub ")) {
                let item = without_comments(item);
                assert!(
                    code.contains(item.trim_end()),
                    "{}: {item} is not read",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn every_room_has_a_rule() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_str().unwrap();
        let known = ["main", "lib", "cli"].contains(&room) || RULES.iter().any(|r| r.room == room);
        assert!(known, "src/{room} has no rule in tests/it/layers.rs");
    }
}
