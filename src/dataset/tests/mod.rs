//! Data sets as data: what a directory holds, and what is read from it or refused, as text.

use std::fmt::Write as _;
use std::path::{Component, Path};

use tempfile::TempDir;

use super::{Dataset, Picture, open, path_of};

mod coco;
mod folder;
mod labels;
mod manifest;
mod parquet;
mod picture;
mod picture_tables;
mod webdataset;

/// A directory with these files (path, content); a path that ends in `/` is an empty directory.
fn dir(files: &[(&str, &[u8])]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (path, content) in files {
        let full = dir.path().join(path);
        if path.ends_with('/') {
            std::fs::create_dir_all(full).unwrap();
        } else {
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, content).unwrap();
        }
    }
    dir
}

/// Opens `source` in a directory with these files and compares what is found as [`told`].
#[track_caller]
fn check(files: &[(&str, &[u8])], source: &str, expected: &str) {
    check_in(&dir(files), source, expected);
}

#[track_caller]
fn check_in(dir: &TempDir, source: &str, expected: &str) {
    let found = told(dir.path(), source);
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines, expected, "found:\n{found}");
}

/// A line an item: `line name [labels] -> path`, the path only where it is not the name below the source's folder, of what is in an archive
/// `archive@offset+length`, and in a table `table@row`; `note: …` a note; `error: …`. The directory is `~`.
fn told(dir: &Path, source: &str) -> String {
    let mut out = String::new();
    match open(&dir.join(source)) {
        Ok(dataset) => {
            for i in 0..dataset.len() {
                tell_item(dir, &dataset, i, &mut out);
            }
            for note in &dataset.notes {
                writeln!(out, "note: {note}").unwrap();
            }
        }
        Err(error) => writeln!(out, "error: {error}").unwrap(),
    }
    out.replace(dir.to_str().unwrap(), "~")
}

fn tell_item(dir: &Path, dataset: &Dataset, i: usize, out: &mut String) {
    let item = dataset.item(i);
    let line = item.line().map_or("-".to_owned(), |line| line.to_string());
    write!(out, "{line} {} [{}]", item.name(), item.labels().join(", ")).unwrap();
    let folder = if dataset.source.is_dir() {
        &dataset.source
    } else {
        dataset.source.parent().unwrap_or(dir)
    };
    let picture = item.picture();
    if let Picture::Member {
        archive,
        offset,
        length,
    } = picture
    {
        writeln!(out, " -> {}@{offset}+{length}", archive.display()).unwrap();
        return;
    }
    if let Picture::Cell { row, .. } = picture {
        let table = picture.holder().expect("a table").display();
        writeln!(out, " -> {table}@{row}").unwrap();
        return;
    }
    let path = picture.path().expect("a file");
    if path != folder.join(item.name()) {
        write!(out, " -> {}", path.display()).unwrap();
    }
    // It is found again without the others, if its name is all there is to it.
    let is_elsewhere = path.components().any(|part| part == Component::ParentDir);
    if path.to_str().is_some() && !is_elsewhere {
        assert_eq!(path_of(&dataset.source, item.name()).as_deref(), Some(path));
    }
    out.push('\n');
}
