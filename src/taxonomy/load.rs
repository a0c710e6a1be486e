//! Files → a taxonomy: reads the main file and what it includes, and puts everything that was found together.

use std::{
    collections::HashMap,
    path::{Component, Path, PathBuf},
    sync::{Arc, OnceLock},
};

use super::{
    ReadFile, Taxonomy, build,
    declare::{self, Declarations},
    diagnostic::{Code, Diagnostic, Span},
    syntax, validate,
};

/// Files one taxonomy may be made of.
const MAX_FILES: usize = 10_000;

/// What [`load`] could make of a file, and everything that is wrong with it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What could be built, even where there are errors; `None` when the main file could not be read or holds no node.
    pub taxonomy: Option<Taxonomy>,
    /// In the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that were read, for the diagnostics' spans.
    pub sources: Arc<Sources>,
}

impl Loaded {
    /// Whether anything is wrong that forbids scoring.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Adds what was found elsewhere, in the order of files and lines.
    pub fn add(&mut self, diagnostics: Vec<Diagnostic>) {
        self.diagnostics.extend(diagnostics);
        self.diagnostics
            .sort_by_key(|d| (d.primary, d.severity, d.code));
    }

    /// The taxonomy if it is sound.
    ///
    /// # Errors
    /// When there is any error, with the first of them in the message.
    pub fn into_sound(self) -> Result<Taxonomy, UnsoundTaxonomy> {
        match (self.has_errors(), self.taxonomy) {
            (false, Some(taxonomy)) => Ok(taxonomy),
            _ => {
                let errors: Vec<_> = self.diagnostics.iter().filter(|d| d.is_error()).collect();
                let first = errors.first().map_or_else(String::new, |d| {
                    let at = d.primary.map_or_else(String::new, |s| {
                        let (line, column) = self
                            .sources
                            .line_column(s.source as usize, s.start as usize);
                        format!(
                            "{}:{line}:{column}: ",
                            self.sources.path(s.source as usize).display()
                        )
                    });
                    format!("{at}{} [{}]", d.message, d.code.as_str())
                });
                Err(UnsoundTaxonomy {
                    count: errors.len(),
                    first,
                })
            }
        }
    }
}

/// A taxonomy that has errors.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the taxonomy has {count} error(s), the first: {first}; `cladist check` shows them all")]
pub struct UnsoundTaxonomy {
    pub count: usize,
    pub first: String,
}

/// The files of a taxonomy: the main file first, then those included, in the order they are met.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<(PathBuf, String)>,
    lines: Vec<OnceLock<Vec<u32>>>,
}

impl Sources {
    fn push(&mut self, path: PathBuf, text: String) {
        self.files.push((path, text));
        self.lines.push(OnceLock::new());
    }

    /// (path, text) of every file.
    pub fn files(&self) -> &[(PathBuf, String)] {
        &self.files
    }

    pub fn path(&self, source: usize) -> &Path {
        &self.files[source].0
    }

    pub fn text(&self, source: usize) -> &str {
        &self.files[source].1
    }

    /// Byte offsets at which the lines of a file begin.
    pub fn line_starts(&self, source: usize) -> &[u32] {
        self.lines[source].get_or_init(|| {
            let breaks = self
                .text(source)
                .bytes()
                .enumerate()
                .filter(|(_, b)| *b == b'\n')
                .map(|(i, _)| i as u32 + 1);
            std::iter::once(0).chain(breaks).collect()
        })
    }

    /// Line and column of a byte offset, both from 1, the column in characters.
    pub fn line_column(&self, source: usize, offset: usize) -> (usize, usize) {
        let starts = self.line_starts(source);
        let line = starts.partition_point(|&s| s as usize <= offset);
        let start = starts[line - 1] as usize;
        let before = self.text(source).get(start..offset).unwrap_or("");
        (
            line,
            before.trim_start_matches('\u{feff}').chars().count() + 1,
        )
    }
}

/// Loads a taxonomy file and everything it includes through `read`, and checks it. Never fails: what is wrong is in
/// the diagnostics, all of it, and what could be built is there beside them.
pub fn load(path: &Path, read: &ReadFile<'_>) -> Loaded {
    Loader {
        read,
        sources: Sources::default(),
        diagnostics: Vec::new(),
        files: Vec::new(),
        lost: build::Lost::default(),
    }
    .load(path)
}

/// Loads a taxonomy from text that is in memory; `name` stands for the file's name. It can include nothing.
pub fn load_str(name: &str, text: &str) -> Loaded {
    load(Path::new(name), &|path| {
        if path == Path::new(name) {
            Ok(text.as_bytes().to_vec())
        } else {
            Err(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "a taxonomy in memory includes no files",
            ))
        }
    })
}

/// Loads a taxonomy from the texts of its files, the main one first: what [`Taxonomy::sources`] gives. `None` of no file.
pub fn load_texts<'t>(texts: impl IntoIterator<Item = (&'t Path, &'t str)>) -> Option<Loaded> {
    let mut texts = texts.into_iter();
    let (main, text) = texts.next()?;
    let texts: HashMap<&Path, &str> = texts.chain([(main, text)]).collect();
    Some(load(main, &|path| {
        let missing = || std::io::Error::new(std::io::ErrorKind::NotFound, "no such file");
        let text = texts.get(path).ok_or_else(missing)?;
        Ok(text.as_bytes().to_vec())
    }))
}

struct Loader<'r> {
    read: &'r ReadFile<'r>,
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    files: Vec<Declarations>,
    /// Text that could not be read for syntax errors: what is named there is not reported as unknown.
    lost: build::Lost,
}

impl Loader<'_> {
    fn load(mut self, path: &Path) -> Loaded {
        match (self.read)(path) {
            Ok(bytes) => self.include_all(path, bytes),
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                self.diagnostics
                    .push(Diagnostic::new(Code::UnreadableFile, None, message));
                let sources = Arc::new(self.sources);
                return Loaded {
                    taxonomy: None,
                    diagnostics: self.diagnostics,
                    sources,
                };
            }
        }
        let stem = path.file_stem().map_or_else(
            || "taxonomy".to_owned(),
            |s| s.to_string_lossy().into_owned(),
        );
        let name = self.files[0].name.take().unwrap_or(stem);
        let sources = Arc::new(self.sources);
        let built = build::build(
            name,
            self.files,
            &self.lost,
            Arc::clone(&sources),
            &mut self.diagnostics,
        );
        let taxonomy = match built {
            Some(built) => {
                validate::validate(&built, &mut self.diagnostics);
                Some(built.taxonomy)
            }
            None => {
                // A file whose faults left nothing has been told what is wrong with it.
                if !self
                    .diagnostics
                    .iter()
                    .any(|d| matches!(d.code, Code::Syntax | Code::WrongType | Code::TooLarge))
                {
                    let span = Span {
                        source: 0,
                        start: 0,
                        end: 0,
                    };
                    let empty =
                        Diagnostic::new(Code::EmptyTaxonomy, span, "the taxonomy has no node")
                            .help("write nodes under `nodes:` or as a `tree:`");
                    self.diagnostics.push(empty);
                }
                None
            }
        };
        let mut loaded = Loaded {
            taxonomy,
            diagnostics: Vec::new(),
            sources,
        };
        loaded.add(self.diagnostics);
        loaded
    }

    /// Depth first, in the order of the `include:` entries, every file once.
    fn include_all(&mut self, path: &Path, bytes: Vec<u8>) {
        let path = tidy(path);
        let mut number: HashMap<PathBuf, usize> = HashMap::from([(path.clone(), 0)]);
        self.file(path, bytes);
        // (file, the next of its includes): the files that are being included, outermost first.
        let mut open: Vec<(usize, usize)> = vec![(0, 0)];
        while let Some((file, next)) = open.last_mut() {
            let file = *file;
            let Some(entry) = self.files[file].includes.get(*next).cloned() else {
                open.pop();
                continue;
            };
            *next += 1;
            let base = self.sources.path(file).parent().unwrap_or(Path::new(""));
            let path = tidy(&base.join(&entry.text));
            if let Some(&known) = number.get(&path) {
                if let Some(at) = open.iter().position(|(f, _)| *f == known) {
                    let chain: Vec<_> = open[at..].iter().map(|(f, _)| *f).chain([known]).collect();
                    let names: Vec<_> = chain
                        .iter()
                        .map(|&f| self.sources.path(f).display().to_string())
                        .collect();
                    let message = format!("files include each other: {}", names.join(" → "));
                    self.diagnostics.push(
                        Diagnostic::new(Code::IncludeCycle, entry.span, message)
                            .label("this file is being included already")
                            .help("remove one of the includes"),
                    );
                }
                continue;
            }
            if self.files.len() == MAX_FILES {
                let message = format!("the taxonomy includes more than {MAX_FILES} files");
                self.diagnostics
                    .push(Diagnostic::new(Code::TooLarge, entry.span, message));
                return;
            }
            match (self.read)(&path) {
                Ok(bytes) => {
                    let loaded = self.sources.files.len();
                    number.insert(path.clone(), loaded);
                    self.file(path, bytes);
                    open.push((loaded, 0));
                }
                Err(error) => {
                    let message = format!("cannot include `{}`: {error}", entry.text);
                    self.diagnostics.push(
                        Diagnostic::new(Code::UnreachableInclude, entry.span, message)
                            .label(format!("looked for {}", path.display()))
                            .help("paths are relative to the file that includes"),
                    );
                }
            }
        }
    }

    fn file(&mut self, path: PathBuf, bytes: Vec<u8>) {
        let source = self.sources.files.len() as u32;
        let (text, declarations) = match syntax::decode(bytes, source, &mut self.diagnostics) {
            Some(text) => {
                let read =
                    syntax::read(&text, source, &mut self.diagnostics, |doc, diagnostics| {
                        declare::read(doc, source, diagnostics)
                    });
                self.lost.parts.extend(read.lost);
                self.lost.truncated |= read.truncated;
                (text, read.value)
            }
            None => (String::new(), Declarations::default()),
        };
        self.sources.push(path, text);
        self.files.push(declarations);
    }
}

/// The path without `.` and without `name/..`, so that one file has one spelling. Symbolic links are not followed.
fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            _ => out.push(part),
        }
    }
    out
}
