//! Case tables: texts and what is found wrong with them, graphs and what their relations are.

mod faults;
mod graph;
mod reading;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use super::*;

/// `code line:column` of every diagnostic of a set of files, the first of which is loaded.
fn found(files: &[(&str, &[u8])]) -> Vec<String> {
    let files: HashMap<PathBuf, Vec<u8>> = files
        .iter()
        .map(|(p, t)| (PathBuf::from(p), t.to_vec()))
        .collect();
    let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
    let loaded = load(Path::new("main.yaml"), &|path| {
        files.get(path).cloned().ok_or_else(missing)
    });
    let mut out = Vec::new();
    for d in &loaded.diagnostics {
        let place = d.primary.map_or_else(String::new, |s| {
            assert!(
                loaded
                    .sources
                    .text(s.source as usize)
                    .get(s.range())
                    .is_some(),
                "{d:?} is outside the text"
            );
            let (line, column) = loaded
                .sources
                .line_column(s.source as usize, s.start as usize);
            let file = loaded.sources.path(s.source as usize).display().to_string();
            let file = if file == "main.yaml" {
                String::new()
            } else {
                format!("{file}:")
            };
            format!(" {file}{line}:{column}")
        });
        for r in &d.related {
            assert!(
                loaded
                    .sources
                    .text(r.span.source as usize)
                    .get(r.span.range())
                    .is_some(),
                "{r:?}"
            );
        }
        out.push(format!("{}{place}", d.code.as_str()));
    }
    out
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(
        found(&[("main.yaml", text.as_bytes())]),
        expected,
        "in:\n{text}"
    );
}

fn sound(text: &str) -> Taxonomy {
    load_str("test", text)
        .into_sound()
        .unwrap_or_else(|e| panic!("{e} in:\n{text}"))
}
