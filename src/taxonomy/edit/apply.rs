//! An edit → texts, held against what the edit means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Edit, Refusal, book::Book, value::Value};
use crate::taxonomy::{Code, Declared, Diagnostic, Loaded, Taxonomy, load_texts};

type Result<T> = std::result::Result<T, Refusal>;

/// What an edit makes of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// Those that change, in the order of [`Taxonomy::sources`].
    pub files: Vec<EditedFile>,
}

/// A file before and after an edit.
///
/// Both are text as it was read: with its byte order mark and line breaks. A file that was no UTF-8 was read with U+FFFD in the
/// place of what it held, so whoever writes `after` checks first that what is on the disk is `before`, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedFile {
    pub path: PathBuf,
    pub before: String,
    pub after: String,
}

impl Edited {
    /// The taxonomy that the files declare then; `before` is the one that was edited. `None` if nothing can be read of them. O(size of
    /// the files).
    pub fn taxonomy(&self, before: &Taxonomy) -> Option<Taxonomy> {
        reload(before, &self.files)?.taxonomy
    }

    /// The warnings that the files have then and did not have before, by what they say; of `before`, by the edit that made these. O(size
    /// of the files).
    pub fn warnings(&self, before: &Taxonomy, edit: &Edit) -> Vec<Diagnostic> {
        let renamed = |message: &str| match edit {
            Edit::Rename { node, id } => with_word(message, node, id),
            _ => message.to_owned(),
        };
        let warnings = |loaded: Option<Loaded>| {
            let all = loaded.map_or_else(Vec::new, |loaded| loaded.diagnostics);
            all.into_iter().filter(|d| !d.is_error())
        };
        let mut known: BTreeMap<(Code, String), usize> = BTreeMap::new();
        for warning in warnings(reload(before, &[])) {
            let key = (warning.code, renamed(&warning.message));
            *known.entry(key).or_default() += 1;
        }
        let is_new = |warning: &Diagnostic| {
            let left = known.get_mut(&(warning.code, warning.message.clone()));
            match left {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    false
                }
                _ => true,
            }
        };
        warnings(reload(before, &self.files))
            .filter(is_new)
            .collect()
    }

    /// The way back.
    pub fn undone(&self) -> Self {
        let files = self.files.iter().map(|file| EditedFile {
            path: file.path.clone(),
            before: file.after.clone(),
            after: file.before.clone(),
        });
        Self {
            files: files.collect(),
        }
    }
}

impl EditedFile {
    /// The change as a unified diff with three lines of context. O(size of the file).
    pub fn diff(&self) -> String {
        unified_diff(&self.path, &self.before, &self.after)
    }
}

/// What a file becomes, as a unified diff with three lines of context. O(size of the file).
pub fn unified_diff(path: &Path, before: &str, after: &str) -> String {
    let path = path.display().to_string();
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(&path, &path)
        .to_string()
}

/// Makes an edit in the text of a taxonomy's files. What it does not need to touch stays as it is, byte for byte.
///
/// The new texts are read again, and the edit is refused unless they declare what [`Edit::on_declared`] says, without an error that
/// was not there before. O(size of the files).
///
/// ```
/// use cladist::taxonomy::{edit::{Edit, apply}, load_str};
///
/// let taxonomy = load_str("t", "nodes:\n  polygon:   # flat\n  square:\n").into_sound()?;
/// let (node, parent) = ("square".to_owned(), "polygon".to_owned());
/// let edited = apply(&taxonomy, &Edit::AddParent { node, parent })?;
/// assert_eq!(
///     edited.files[0].after,
///     "nodes:\n  polygon:   # flat\n  square:\n    parents: [polygon]\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the edit cannot be made, with the reason; [`Refusal::Unsafe`] when it can, but not in this text.
pub fn apply(taxonomy: &Taxonomy, edit: &Edit) -> Result<Edited> {
    let edit = edit.composed();
    let declared = taxonomy.declared();
    let meant = edit.on_declared(&declared)?;
    let sources = taxonomy.sources();
    let mut book = Book::new(sources)?;
    write(&mut book, &edit, &declared)?;
    let after = book.rendered()?;
    let pairs = sources.iter().zip(after);
    let files: Vec<EditedFile> = pairs
        .filter_map(|((path, before), after)| {
            let after = after.filter(|after| after != before)?;
            Some(EditedFile {
                path: path.clone(),
                before: before.clone(),
                after,
            })
        })
        .collect();
    verify(taxonomy, &meant, &files)?;
    Ok(Edited { files })
}

/// A message with another word in the place of one; what it is a part of stays.
fn with_word(message: &str, word: &str, other: &str) -> String {
    let is_inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut told = String::with_capacity(message.len());
    let mut rest = 0;
    for (at, found) in message.match_indices(word) {
        let end = at + found.len();
        let is_part = message[..at].ends_with(is_inside) || message[end..].starts_with(is_inside);
        if !is_part {
            told += &message[rest..at];
            told += other;
            rest = end;
        }
    }
    told + &message[rest..]
}

/// Reads the texts again: `files` in the place of the taxonomy's own.
fn reload(taxonomy: &Taxonomy, files: &[EditedFile]) -> Option<Loaded> {
    let after = |path: &Path| files.iter().find(|file| file.path == path);
    load_texts(taxonomy.sources().iter().map(|(path, text)| {
        let text = after(path).map_or(text, |file| &file.after);
        (path.as_path(), text.as_str())
    }))
}

fn verify(taxonomy: &Taxonomy, meant: &Declared, files: &[EditedFile]) -> Result<()> {
    let nothing = || Refusal::Unsafe("nothing can be read of what it makes".to_owned());
    let loaded = reload(taxonomy, files).ok_or_else(nothing)?;
    let read = loaded.taxonomy.as_ref().map(Taxonomy::declared);
    let same = read.as_ref() == Some(meant);
    if loaded.has_errors() {
        let before = reload(taxonomy, &[]).ok_or_else(nothing)?;
        if let Some(error) = new_error(&before, &loaded) {
            let contradiction = matches!(
                error.code,
                Code::Cycle | Code::EquivalentAncestor | Code::DisjointCommonDescendant
            );
            return Err(if same || contradiction {
                Refusal::Unsound(error.message.clone())
            } else {
                Refusal::Unsafe(error.message.clone())
            });
        }
    }
    match read {
        Some(read) if !same => Err(Refusal::Unsafe(difference(meant, &read))),
        Some(_) => Ok(()),
        None => Err(nothing()),
    }
}

/// An error of a kind of which there are more now.
fn new_error<'l>(before: &Loaded, after: &'l Loaded) -> Option<&'l Diagnostic> {
    let count = |loaded: &Loaded, code: Code| {
        let errors = loaded.diagnostics.iter().filter(|d| d.is_error());
        errors.filter(|d| d.code == code).count()
    };
    let more = |code: Code| count(after, code) > count(before, code);
    let known = |d: &Diagnostic| before.diagnostics.iter().any(|b| b.message == d.message);
    let errors = || {
        after
            .diagnostics
            .iter()
            .filter(|d| d.is_error() && more(d.code))
    };
    errors().find(|d| !known(d)).or_else(|| errors().next())
}

/// What else would change, in a few words.
fn difference(meant: &Declared, read: &Declared) -> String {
    if let Some(id) = meant.nodes.keys().find(|id| !read.nodes.contains_key(*id)) {
        return format!("`{id}` would no longer be declared");
    }
    if let Some(id) = read.nodes.keys().find(|id| !meant.nodes.contains_key(*id)) {
        return format!("`{id}` would still be declared");
    }
    for (id, node) in &meant.nodes {
        let other = &read.nodes[id];
        let fields = [
            ("parents", node.parents != other.parents),
            ("names", node.names != other.names),
            ("ids", node.ids != other.ids),
            ("rank", node.rank != other.rank),
            ("description", node.description != other.description),
            ("prompts", node.prompts != other.prompts),
        ];
        if let Some((field, _)) = fields.iter().find(|f| f.1) {
            return format!("`{field}` of `{id}` would not be what is meant");
        }
    }
    let sections = [
        ("equivalent", meant.equivalent != read.equivalent),
        ("overlaps", meant.overlaps != read.overlaps),
        ("disjoint", meant.disjoint != read.disjoint),
    ];
    let differs = sections.iter().find(|s| s.1).map_or("credit", |s| s.0);
    format!("`{differs}` would not be what is meant")
}

/// Writes the edit into the texts.
fn write(book: &mut Book<'_>, edit: &Edit, declared: &Declared) -> Result<()> {
    match edit {
        Edit::Add { id, names, parents } => book.add_node(id, names, parents),
        Edit::AddParent { node, parent } => book.add_edge(node, parent),
        Edit::RemoveParent { node, parent } => book.remove_edge(node, parent),
        Edit::Move { node, from, to } => book.move_edge(node, from, to),
        Edit::Equivalent { a, b } => book.add_group("equivalent", vec![a.clone(), b.clone()]),
        Edit::Overlapping { a, b } => book.add_group("overlaps", vec![a.clone(), b.clone()]),
        Edit::Disjoint { a, b } => book.add_group("disjoint", vec![a.clone(), b.clone()]),
        Edit::AddName { node, name } => book.add_names(node, std::slice::from_ref(name)),
        Edit::Describe { node, description } => {
            let text = description.clone().map(Value::Text);
            book.set_field(node, "description", text)
        }
        Edit::Prompts { node, prompts } => {
            let list = (!prompts.is_empty()).then(|| Value::List(prompts.clone()));
            book.set_field(node, "prompts", list)
        }
        Edit::RemoveName { node, name } => {
            book.remove_from_field(node, "names", name);
            Ok(())
        }
        Edit::Rename { node, id } => {
            book.rename(declared, node, id);
            Ok(())
        }
        Edit::Delete { node, children } => book.delete(declared, node, *children),
        Edit::Merge { node, into } => book.merge(declared, node, into),
        Edit::Split { node, parts } => book.split(node, parts),
    }
}
