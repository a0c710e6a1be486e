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
        room: "text",
        may_name: &[],
        never: &[],
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
        may_name: &["taxonomy"],
        never: IO,
    },
    Rule {
        room: "dataset",
        may_name: &["taxonomy", "text", "guard"],
        never: &[],
    },
    Rule {
        room: "model",
        may_name: &["matrix", "hash", "guard"],
        never: &[],
    },
    Rule {
        room: "embed",
        may_name: &["model", "matrix"],
        never: &[],
    },
    Rule {
        room: "run",
        may_name: &["score", "taxonomy", "matrix", "files"],
        never: &[],
    },
    Rule {
        room: "report",
        may_name: &["run", "score", "taxonomy", "text"],
        never: IO,
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

/// The code of a file: without comments, and without its unit tests, which close it.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    code.lines()
        .map(|line| line.split("//").next().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
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
            for word in rule.never.iter().chain(PRINT) {
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
