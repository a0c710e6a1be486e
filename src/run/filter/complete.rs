//! What may come next in a filter that is being typed.

use std::collections::HashSet;
use std::ops::Range;

use super::fields::{FIELDS, FLAGS, Field, Kind, relations, verdicts};
use super::labels::stands_for;
use super::lexer::{CLOSURES, JOINING, Lexer, Piece, quote, unquoted};
use super::needle::Needle;
use crate::names::Names;
use crate::run::opened::Opened;
use crate::taxonomy::NodeId;

/// As many as are of use to somebody who reads them.
const MOST: usize = 20;

/// What may be meant by what is before the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What it replaces, in bytes of the text.
    pub range: Range<usize>,
    pub text: String,
    /// What it means.
    pub note: String,
}

/// What may be meant by the word that the cursor, a byte of the text, is in or after: best first, at most twenty.
pub fn complete(text: &str, cursor: usize, opened: &Opened) -> Vec<Completion> {
    let mut cursor = cursor.min(text.len());
    while !text.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let piece = last_piece(&text[..cursor]);
    let typed = &text[piece.span.clone()];
    let range = piece.span.start..end_of_word(text, &piece, cursor);
    let after = &text[range.end..];
    let found = match piece.field {
        None => words(typed, after),
        Some(field) => values(field, &piece, typed, after, opened),
    };
    let complete = |(text, note)| Completion {
        range: range.clone(),
        text,
        note,
    };
    found.into_iter().take(MOST).map(complete).collect()
}

/// The word or value that the text ends in; empty after a blank.
fn last_piece(text: &str) -> Piece {
    let mut lexer = Lexer::new(text);
    let here = |at| Piece {
        span: at..at,
        ..Piece::default()
    };
    loop {
        lexer.skip_blanks();
        if lexer.peek().is_none() {
            // A value may be about to begin after `truth: `, and a word that joins terms is a word like others.
            let piece = lexer.piece;
            return match piece.span.end == text.len() && piece.span.end > 0 {
                true => piece,
                false => here(text.len()),
            };
        }
        let start = lexer.at;
        if lexer.eat_or() || lexer.eat_and() || lexer.eat_not() {
            let is_word = text[start..].starts_with(|c: char| c.is_alphabetic());
            lexer.piece = if is_word {
                start..lexer.at
            } else {
                lexer.at..lexer.at
            }
            .into();
        } else if lexer.eat("(") || lexer.eat(")") {
            lexer.piece = here(lexer.at);
        } else {
            // What is wrong before the cursor is for parsing to say.
            let _ = lexer.term();
        }
        if lexer.at == start {
            return here(text.len());
        }
    }
}

impl From<Range<usize>> for Piece {
    fn from(span: Range<usize>) -> Self {
        Self {
            span,
            ..Self::default()
        }
    }
}

/// Where the word ends that the cursor is in.
fn end_of_word(text: &str, piece: &Piece, cursor: usize) -> usize {
    let whole = &text[piece.span.start..];
    if whole.starts_with('"') {
        return unquoted(whole)
            .1
            .map_or(cursor, |length| (piece.span.start + length).max(cursor));
    }
    let is_word = piece.field.is_none();
    let is_sign = |c| is_word && matches!(c, ':' | '<' | '>' | '=' | '!');
    let ends =
        |c: char| c.is_whitespace() || matches!(c, '"' | '|' | '(' | ')' | ',') || is_sign(c);
    let rest = &text[cursor..];
    cursor + rest.find(ends).unwrap_or(rest.len())
}

/// Fields, flags, and what joins terms; a field with a sign unless there is one `after` it.
fn words(typed: &str, after: &str) -> Vec<(String, String)> {
    let has_sign = after.starts_with([':', '<', '>', '=', '!']);
    let fields = FIELDS.iter().map(|field| {
        let sign = match field.kind {
            _ if has_sign => "",
            Kind::Figure(_) => "<",
            _ => ":",
        };
        (format!("{}{sign}", field.name), field.note)
    });
    let flags = FLAGS
        .iter()
        .map(|(name, _, note)| (name.to_string(), *note));
    let notes = ["either", "both", "not what follows"];
    let joining = JOINING.into_iter().map(str::to_owned).zip(notes);
    let words = fields.chain(flags).chain(joining);
    beginning(typed, words)
}

fn values(
    field: &Field,
    piece: &Piece,
    typed: &str,
    after: &str,
    opened: &Opened,
) -> Vec<(String, String)> {
    let named = |words: &mut dyn Iterator<Item = (&'static str, u16, &'static str)>| {
        beginning(typed, words.map(|(name, _, note)| (name.to_owned(), note)))
    };
    match field.kind {
        Kind::Verdict => named(&mut verdicts()),
        Kind::Relation => named(&mut relations()),
        Kind::Flag => beginning(
            typed,
            FLAGS
                .iter()
                .map(|(name, _, note)| (name.to_string(), *note)),
        ),
        Kind::Labels(_) => labels(piece, typed, after, opened),
        Kind::Figure(_) | Kind::Image => Vec::new(),
    }
}

/// Those that begin with what is typed, then those that have it in them.
fn beginning(
    typed: &str,
    words: impl Iterator<Item = (String, &'static str)>,
) -> Vec<(String, String)> {
    let needle = Needle::new(typed, &Names::default());
    let words = words.filter(|(word, _)| needle.is_in(word));
    let (mut begin, others): (Vec<_>, Vec<_>) = words.partition(|(word, _)| needle.begins(word));
    begin.extend(others);
    let owned = begin.into_iter();
    owned.map(|(word, note)| (word, note.to_owned())).collect()
}

fn labels(piece: &Piece, typed: &str, after: &str, opened: &Opened) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if piece.closure.is_none() {
        let closures = ["it or anything below it", "it or anything above it"];
        let closures = CLOSURES.iter().zip(closures);
        let words = closures.map(|((name, _), note)| (format!("{name}("), note));
        let words = words.chain([("none".to_owned(), "no label")]);
        let words = words.filter(|(word, _)| word.starts_with(typed));
        found.extend(words.map(|(word, note)| (word, note.to_owned())));
    }
    let close = match piece.closure {
        Some(_) if !after.trim_start().starts_with([')', ',']) => ")",
        _ => "",
    };
    let wanted = match typed.starts_with('"') {
        true => unquoted(typed).0,
        false => typed.to_owned(),
    };
    for like in like(&wanted, MOST, opened) {
        let (text, note) = like.written(opened);
        found.push((format!("{text}{close}"), note));
    }
    found
}

/// A label that is like what is typed.
pub(super) struct Like<'o> {
    /// The id or name that is like it.
    pub shown: &'o str,
    id: &'o str,
    node: Option<NodeId>,
}

impl Like<'_> {
    /// How it is written, and what it is: by the name that was typed if no other label has it.
    fn written(&self, opened: &Opened) -> (String, String) {
        let Some(node) = self.node else {
            return (quote(self.id), "not in the taxonomy".to_owned());
        };
        let label = opened.taxonomy.label(node);
        if self.shown == self.id || !stands_for(self.shown, node, opened) {
            let note = if label == self.id { "" } else { label };
            return (quote(self.id), note.to_owned());
        }
        let note = match label == self.shown {
            true => self.id.to_owned(),
            false => format!("{label}, {}", self.id),
        };
        (quote(self.shown), note)
    }
}

/// Labels whose id or a name begins with a text, then those that have it in them; of either those that occur in the run first.
pub(super) fn like<'o>(text: &str, most: usize, opened: &'o Opened) -> Vec<Like<'o>> {
    let needle = Needle::new(text, &Names::default());
    let taxonomy = &opened.taxonomy;
    let mut ranked: [Vec<Like>; 4] = Default::default();
    let nodes = taxonomy.nodes().map(|node| {
        let names = &taxonomy.node(node).names;
        (taxonomy.id(node), names.as_slice(), Some(node))
    });
    let unknown = opened.unknown().map(|id| (id, &[][..], None));
    for (id, names, node) in unknown.chain(nodes) {
        let written = || std::iter::once(id).chain(names.iter().map(String::as_str));
        // Where nothing is typed yet, a name says more than an id.
        let preferred = names.first().filter(|_| text.is_empty());
        let begins = preferred.map(String::as_str);
        let begins = begins.or_else(|| written().find(|name| needle.begins(name)));
        let Some(shown) = begins.or_else(|| written().find(|name| needle.is_in(name))) else {
            continue;
        };
        let occurs = node.is_none_or(|node| opened.label(node).is_some());
        let rank = &mut ranked[2 * usize::from(begins.is_none()) + usize::from(!occurs)];
        if rank.len() < most {
            rank.push(Like { shown, id, node });
        }
        if ranked[0].len() == most {
            break;
        }
    }
    let mut met = HashSet::new();
    let found = ranked.into_iter().flatten();
    found
        .filter(|like| met.insert(like.id))
        .take(most)
        .collect()
}
