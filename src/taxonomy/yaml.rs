//! YAML text → a tree in which every value knows its bytes.
//!
//! Built on the events of `saphyr-parser`, because a serde front end knows neither spans nor repeated keys and would
//! turn `yes`, `1984` or `null` into something that is not a label. Scalars stay the text they were written as.

use std::{borrow::Cow, collections::HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

/// Mappings and lists may nest this deep; a taxonomy that is deeper is written under `nodes:`.
pub(super) const MAX_NESTING: usize = 500;

/// Index of a value in its [`Document`].
pub(super) type Id = u32;

/// A value and its bytes `start..end` in the text.
#[derive(Debug)]
pub(super) struct Yaml<'a> {
    pub kind: Kind<'a>,
    pub start: u32,
    pub end: u32,
}

#[derive(Debug)]
pub(super) enum Kind<'a> {
    /// The text as written, unescaped if quoted; `plain` when it was not quoted.
    Scalar {
        text: Cow<'a, str>,
        plain: bool,
    },
    List(Vec<Id>),
    Map(Vec<(Id, Id)>),
}

/// All values of one file; an alias is the anchored value itself, so values may be reached more than once.
#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    values: Vec<Yaml<'a>>,
    pub root: Option<Id>,
    /// Where a second document begins.
    pub second: Option<u32>,
}

/// Why reading stopped before the end of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stop {
    /// What the parser met.
    pub message: String,
    /// Byte offset.
    pub at: u32,
    /// Byte offset of the outermost `[` or `{` that is still open.
    pub opened: Option<u32>,
}

impl<'a> Document<'a> {
    pub fn get(&self, id: Id) -> &Yaml<'a> {
        &self.values[id as usize]
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }
}

/// Byte offsets of character offsets: the parser counts characters.
struct Offsets<'a> {
    text: &'a str,
    /// Bytes before `text`: of a byte order mark.
    base: u32,
    /// Byte offset of every `STEP`th character; empty when the text is ASCII and the two agree.
    samples: Vec<u32>,
}

const STEP: usize = 64;

impl<'a> Offsets<'a> {
    fn new(text: &'a str, base: u32) -> Self {
        let samples = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices()
                .step_by(STEP)
                .map(|(i, _)| i as u32)
                .collect()
        };
        Self {
            text,
            base,
            samples,
        }
    }

    fn byte(&self, character: usize) -> u32 {
        if self.samples.is_empty() {
            return self.base + character.min(self.text.len()) as u32;
        }
        let Some(&from) = self.samples.get(character / STEP) else {
            return self.base + self.text.len() as u32;
        };
        let rest = &self.text[from as usize..];
        let skipped = rest
            .char_indices()
            .nth(character % STEP)
            .map_or(rest.len(), |(i, _)| i);
        self.base + from + skipped as u32
    }
}

/// A list or mapping whose end has not been seen; `key` is a mapping's key that waits for its value.
struct Open {
    id: Id,
    key: Option<Id>,
}

/// Reads the first document of `text`. On a syntax error everything before it is kept and the lists and mappings that
/// were open are closed where they stand.
pub(super) fn parse(text: &str) -> (Document<'_>, Option<Stop>) {
    // A byte order mark would become part of the first key.
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let offsets = Offsets::new(body, (text.len() - body.len()) as u32);
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
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (
                Kind::Scalar {
                    text,
                    plain: style == ScalarStyle::Plain,
                },
                anchor,
            ),
            Event::SequenceStart(anchor, _) => (Kind::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => (Kind::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(closed) = open.pop() {
                    doc.values[closed.id as usize].end = end;
                }
                continue;
            }
            Event::Alias(anchor) => {
                match anchors.get(&anchor) {
                    Some(&id) if open.iter().all(|o| o.id != id) => attach(&mut doc, &mut open, id),
                    _ => {
                        break Some(Stop {
                            message: "an alias inside the value it names".into(),
                            at: start,
                            opened: None,
                        });
                    }
                }
                continue;
            }
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    doc.second = Some(start);
                    break None;
                }
                continue;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
        };
        let container = !matches!(kind, Kind::Scalar { .. });
        if container && open.len() == MAX_NESTING {
            let message = format!(
                "nested deeper than {MAX_NESTING} levels; write deep hierarchies under `nodes:`"
            );
            break Some(Stop {
                message,
                at: start,
                opened: None,
            });
        }
        let id = doc.values.len() as Id;
        doc.values.push(Yaml { kind, start, end });
        if anchor != 0 {
            anchors.insert(anchor, id);
        }
        attach(&mut doc, &mut open, id);
        if container {
            open.push(Open { id, key: None });
        }
    };
    // A key whose value never came still names something.
    while let Some(Open { id, key }) = open.pop() {
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
        doc.root.get_or_insert(id);
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
    let flow = open.iter().map(|o| doc.get(o.id).start).find(|&s| {
        offsets
            .text
            .as_bytes()
            .get((s - offsets.base) as usize)
            .is_some_and(|b| matches!(b, b'[' | b'{'))
    });
    Stop {
        message: error.info().to_owned(),
        at: offsets.byte(error.marker().index()),
        opened: flow,
    }
}
