//! `docs/workbench.md` tells the commands of the table, and the filters that are there.

use std::fs;
use std::path::Path;

use cladist::run::FILTER_HELP;
use cladist::tui::command::{Scope, TABLE};
use cladist::tui::keymap::Keymap;

/// The table of commands as the document has it.
fn commands() -> String {
    let keymap = Keymap::default();
    let mut table = "| keys | command | where | what it does |\n|---|---|---|---|\n".to_owned();
    for spec in TABLE {
        let keys: Vec<String> = (keymap.keys(spec.command).iter())
            .map(|key| format!("`{}`", key.replace('|', "\\|")))
            .collect();
        let place = match spec.scope {
            Scope::Everywhere => "everywhere".to_owned(),
            Scope::In(views) => {
                let titles: Vec<&str> = views.iter().map(|view| view.title()).collect();
                titles.join(", ")
            }
        };
        table += &format!(
            "| {} | `{}` | {place} | {} |\n",
            keys.join(" "),
            spec.id,
            spec.doc
        );
    }
    table
}

fn filters() -> String {
    let mut table = "| filter | what it means |\n|---|---|\n".to_owned();
    for (example, what) in FILTER_HELP {
        table += &format!("| `{}` | {what} |\n", example.replace('|', "\\|"));
    }
    table
}

#[test]
fn the_document_tells_every_command_and_filter() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/workbench.md");
    let text = fs::read_to_string(path).unwrap();
    for table in [commands(), filters()] {
        assert!(
            text.contains(&table),
            "docs/workbench.md is to have:\n\n{table}"
        );
    }
}
