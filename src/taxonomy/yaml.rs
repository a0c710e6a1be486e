//! YAML text → a tree in which every value knows its bytes.
//!
//! Built on the events of `saphyr-parser`, because a serde front end knows neither spans nor repeated keys and would
//! turn `yes`, `1984` or `null` into something that is not a label. Scalars stay the text they were written as, in
//! Unicode's composed form (NFC): what looks the same is the same.

use std::{borrow::Cow, collections::HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Mappings and lists may nest this deep; a taxonomy that is deeper is written under `nodes:`.
const MAX_NESTING: usize = 500;
/// Documents after the first whose places are kept.
const MAX_DOCUMENTS: usize = 20;

/// Index of a value in its [`Document`].
pub type Id = u32;

/// A value and its bytes `start..end` in the text.
#[derive(Debug)]
pub struct Yaml<'a> {
    pub kind: Kind<'a>,
    pub start: u32,
    pub end: u32,
    /// Lines that a scalar stands on.
    lines: u32,
}

#[derive(Debug)]
pub enum Kind<'a> {
    /// The text as written, unescaped if quoted, composed; `plain` when it was not quoted.
    Scalar {
        text: Cow<'a, str>,
        plain: bool,
    },
    List(Vec<Id>),
    Map(Vec<(Id, Id)>),
}

/// All values of one file; an alias is the anchored value itself, so values may be reached more than once.
#[derive(Debug, Default)]
pub struct Document<'a> {
    values: Vec<Yaml<'a>>,
    /// The topmost value of every document; one document is usual.
    pub roots: Vec<Id>,
    /// Where the second document begins, the third, and so on; at most [`MAX_DOCUMENTS`].
    pub more_documents: Vec<u32>,
    /// Tags that are not of YAML's core schema, and where the tagged value begins.
    pub tags: Vec<(String, u32)>,
    /// Where aliases stand, `start..end`, by the list or mapping that they are in and their number there; keys and values of a
    /// mapping are numbered in turn.
    pub aliases: HashMap<(Id, u32), (u32, u32)>,
    /// What composition changed: the text of a scalar as its bytes have it.
    raw: HashMap<Id, Cow<'a, str>>,
}

/// Why reading stopped before the end of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What the parser met.
    pub message: String,
    /// Byte offset.
    pub at: u32,
    /// Byte offset of the innermost `[` or `{` that is still open.
    pub opened: Option<u32>,
    /// Whether it is YAML, but nested too deep.
    pub too_deep: bool,
}

impl<'a> Document<'a> {
    pub fn get(&self, id: Id) -> &Yaml<'a> {
        &self.values[id as usize]
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Lines that a scalar stands on.
    pub fn lines(&self, id: Id) -> u32 {
        self.get(id).lines
    }

    /// A scalar's text as its bytes have it, for what is compared with bytes elsewhere: a path.
    pub fn raw(&self, id: Id) -> Option<&str> {
        match (&self.get(id).kind, self.raw.get(&id)) {
            (_, Some(raw)) => Some(raw),
            (Kind::Scalar { text, .. }, None) => Some(text),
            _ => None,
        }
    }
}

/// What was put into a text so that it can be read: (byte offset in the text without it, what).
pub type Insertions = std::collections::BTreeMap<usize, String>;

/// Byte offsets of character offsets: the parser counts characters. Offsets are those of the text without insertions.
struct Offsets<'a> {
    text: &'a str,
    /// Bytes before `text`: of a byte order mark.
    base: u32,
    /// Byte offset of every `STEP`th character; empty when the text is ASCII and the two agree.
    samples: Vec<u32>,
    /// (start of an insertion in `text`, bytes inserted up to its end), in order.
    inserted: Vec<(u32, u32)>,
}

const STEP: usize = 64;

impl<'a> Offsets<'a> {
    fn new(text: &'a str, base: u32, insertions: &Insertions) -> Self {
        let samples = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices()
                .step_by(STEP)
                .map(|(i, _)| i as u32)
                .collect()
        };
        let mut sum = 0;
        let inserted = insertions.iter().map(|(&at, what)| {
            let start = at as u32 - base + sum;
            sum += what.len() as u32;
            (start, sum)
        });
        Self {
            text,
            base,
            samples,
            inserted: inserted.collect(),
        }
    }

    /// Offset in `text`.
    fn inner(&self, character: usize) -> u32 {
        if self.samples.is_empty() {
            return character.min(self.text.len()) as u32;
        }
        let Some(&from) = self.samples.get(character / STEP) else {
            return self.text.len() as u32;
        };
        let rest = &self.text[from as usize..];
        let skipped = rest
            .char_indices()
            .nth(character % STEP)
            .map_or(rest.len(), |(i, _)| i);
        from + skipped as u32
    }

    fn byte(&self, character: usize) -> u32 {
        let inner = self.inner(character);
        if self.inserted.is_empty() {
            return self.base + inner;
        }
        let before = self.inserted.partition_point(|(start, _)| *start < inner);
        let Some(&(start, sum)) = before.checked_sub(1).and_then(|i| self.inserted.get(i)) else {
            return self.base + inner;
        };
        let earlier = before.checked_sub(2).map_or(0, |i| self.inserted[i].1);
        // A place inside an insertion is where the insertion is.
        let outside = inner.saturating_sub(sum).max(start - earlier);
        self.base + outside
    }

    /// Whether a list or mapping that begins here is written in brackets.
    fn is_bracket(&self, character: usize) -> bool {
        let byte = self.text.as_bytes().get(self.inner(character) as usize);
        matches!(byte, Some(b'[' | b'{'))
    }
}

/// A list or mapping whose end has not been seen; `key` is a mapping's key that waits for its value.
struct Open {
    id: Id,
    key: Option<Id>,
    /// Whether it is written in brackets.
    flow: bool,
}

impl Open {
    /// The number of the value that comes next; see [`Document::aliases`].
    fn next_number(&self, doc: &Document<'_>) -> u32 {
        let number = match &doc.get(self.id).kind {
            Kind::List(items) => items.len(),
            Kind::Map(entries) => 2 * entries.len() + usize::from(self.key.is_some()),
            Kind::Scalar { .. } => 0,
        };
        number as u32
    }
}

/// Reads every document of `text`. On a syntax error everything before it is kept and the lists and mappings that were
/// open are closed where they stand. Places are given as if the `insertions` were not in the text.
pub fn parse<'a>(text: &'a str, insertions: &Insertions) -> (Document<'a>, Option<Stop>) {
    // A byte order mark would become part of the first key.
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let offsets = Offsets::new(body, (text.len() - body.len()) as u32, insertions);
    let mut doc = Document::default();
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, Id> = HashMap::new();
    let mut parser = Parser::new_from_str(body);
    let mut documents = 0;
    let stop = loop {
        let (event, span) = match parser.next_event() {
            None => break None,
            Some(Ok(event)) => event,
            Some(Err(error)) => break Some(syntax_error(&error, &offsets, &doc, &open)),
        };
        let (start, end) = (
            offsets.byte(span.start.index()),
            offsets.byte(span.end.index()),
        );
        let id = doc.values.len() as Id;
        let (kind, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                // `!!str null` is the word.
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let text = compose(text, id, &mut doc.raw);
                (Kind::Scalar { text, plain }, anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => (Kind::List(Vec::new()), anchor, tag),
            Event::MappingStart(anchor, tag) => (Kind::Map(Vec::new()), anchor, tag),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(closed) = open.pop() {
                    doc.values[closed.id as usize].end = end;
                }
                continue;
            }
            Event::Alias(anchor) => {
                match anchors.get(&anchor) {
                    Some(&id) if open.iter().all(|o| o.id != id) => {
                        if let Some(inside) = open.last() {
                            let number = inside.next_number(&doc);
                            doc.aliases.insert((inside.id, number), (start, end));
                        }
                        attach(&mut doc, &mut open, id);
                    }
                    _ => {
                        break Some(Stop {
                            message: "an alias inside the value it names".into(),
                            at: start,
                            opened: None,
                            too_deep: false,
                        });
                    }
                }
                continue;
            }
            Event::DocumentStart(_) => {
                documents += 1;
                if (2..=MAX_DOCUMENTS + 1).contains(&documents) {
                    doc.more_documents.push(start);
                }
                continue;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
        };
        let container = !matches!(kind, Kind::Scalar { .. });
        if container && open.len() == MAX_NESTING {
            break Some(Stop {
                message: format!("nested deeper than {MAX_NESTING} levels"),
                at: start,
                opened: None,
                too_deep: true,
            });
        }
        if let Some(tag) = tag.filter(|tag| !is_core(tag)) {
            doc.tags.push((written(&tag), start));
        }
        doc.values.push(Yaml {
            kind,
            start,
            end,
            lines: span.end.line().saturating_sub(span.start.line()) as u32 + 1,
        });
        if anchor != 0 {
            anchors.insert(anchor, id);
        }
        attach(&mut doc, &mut open, id);
        if container {
            let flow = offsets.is_bracket(span.start.index());
            open.push(Open {
                id,
                key: None,
                flow,
            });
        }
    };
    // A key whose value never came still names something.
    while let Some(Open { id, key, .. }) = open.pop() {
        let end = stop.as_ref().map_or(text.len() as u32, |s| s.at);
        doc.values[id as usize].end = end.max(doc.values[id as usize].start);
        if let Some(key) = key {
            let empty = doc.values.len() as Id;
            let kind = Kind::Scalar {
                text: Cow::Borrowed(""),
                plain: true,
            };
            doc.values.push(Yaml {
                kind,
                start: end,
                end,
                lines: 1,
            });
            if let Kind::Map(entries) = &mut doc.values[id as usize].kind {
                entries.push((key, empty));
            }
        }
    }
    (doc, stop)
}

/// Puts a value where the innermost open list or mapping expects one.
fn attach(doc: &mut Document<'_>, open: &mut [Open], id: Id) {
    let Some(parent) = open.last_mut() else {
        doc.roots.push(id);
        return;
    };
    match &mut doc.values[parent.id as usize].kind {
        Kind::List(items) => items.push(id),
        Kind::Map(entries) => match parent.key.take() {
            None => parent.key = Some(id),
            Some(key) => entries.push((key, id)),
        },
        Kind::Scalar { .. } => unreachable!("only lists and mappings are opened"),
    }
}

fn syntax_error(
    error: &ScanError,
    offsets: &Offsets<'_>,
    doc: &Document<'_>,
    open: &[Open],
) -> Stop {
    let too_deep = error.info().starts_with("recursion limit");
    let message = if too_deep {
        format!("brackets nested deeper than {} levels", u8::MAX)
    } else {
        error.info().to_owned()
    };
    let innermost = open.iter().rev().find(|o| o.flow);
    Stop {
        message,
        at: offsets.byte(error.marker().index()),
        opened: innermost.map(|o| doc.get(o.id).start),
        too_deep,
    }
}

/// Whether the tag says no more than the value's form does.
fn is_core(tag: &Tag) -> bool {
    let kinds = ["str", "map", "seq", "null", "bool", "int", "float"];
    let unspecific =
        tag.handle == "!" && tag.suffix.is_empty() || tag.handle.is_empty() && tag.suffix == "!";
    unspecific || tag.is_yaml_core_schema() && kinds.contains(&tag.suffix.as_str())
}

/// The tag as it is usually written.
fn written(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() {
        format!("!!{}", tag.suffix)
    } else if tag.handle.is_empty() {
        format!("!<{}>", tag.suffix)
    } else {
        format!("{}{}", tag.handle, tag.suffix)
    }
}

/// The text in NFC; what it was is kept where that changes it.
fn compose<'a>(text: Cow<'a, str>, id: Id, raw: &mut HashMap<Id, Cow<'a, str>>) -> Cow<'a, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text;
    }
    let composed: String = text.nfc().collect();
    if composed == text {
        return text;
    }
    raw.insert(id, text);
    Cow::Owned(composed)
}
