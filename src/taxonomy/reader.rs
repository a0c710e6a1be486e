//! Values of any form, asked for by what they must be: text, texts, entries; each told with its place when it is not.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt::Display,
};

use super::{
    declare::Declarations,
    diagnostic::{Code, Diagnostic, Span},
    names,
    yaml::{Document, Id, Kind},
};

/// Values that may be read beyond those that are written, through aliases of aliases of aliases.
const ALIAS_ALLOWANCE: usize = 1_000_000;

/// A piece of text and its place.
#[derive(Debug, Clone)]
pub(super) struct Spanned {
    pub text: String,
    pub span: Span,
}

/// The same, in the file's values.
#[derive(Clone, Copy)]
pub(super) struct Text<'d> {
    pub text: &'d str,
    pub span: Span,
}

impl Text<'_> {
    pub fn own(self) -> Spanned {
        Spanned {
            text: self.text.to_owned(),
            span: self.span,
        }
    }
}

pub(super) fn own(texts: Vec<Text<'_>>) -> Vec<Spanned> {
    texts.into_iter().map(Text::own).collect()
}

/// Reads one file's values; what it says of them is under `out`.
pub(super) struct Reader<'d> {
    pub doc: &'d Document<'d>,
    source: u32,
    pub diagnostics: &'d mut Vec<Diagnostic>,
    pub out: Declarations,
    /// Values that may still be read; see [`ALIAS_ALLOWANCE`].
    left: usize,
    /// Mappings whose keys were checked: an aliased one is checked once.
    checked: HashSet<Id>,
}

impl<'d> Reader<'d> {
    pub fn new(doc: &'d Document<'d>, source: u32, diagnostics: &'d mut Vec<Diagnostic>) -> Self {
        Self {
            doc,
            source,
            diagnostics,
            out: Declarations::default(),
            left: doc.len().saturating_add(ALIAS_ALLOWANCE),
            checked: HashSet::new(),
        }
    }

    pub fn span(&self, id: Id) -> Span {
        let value = self.doc.get(id);
        Span {
            source: self.source,
            start: value.start,
            end: value.end,
        }
    }

    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Counts one value; false (and told once) when aliases have multiplied beyond reason.
    pub fn spend(&mut self, id: Id) -> bool {
        if self.left == 1 {
            let message = "aliases of aliases expand to more than a million values";
            self.report(Diagnostic::new(Code::TooLarge, self.span(id), message));
        }
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    pub fn wrong(&mut self, id: Id, what: &dyn Display, expected: &str) {
        let found = match &self.doc.get(id).kind {
            Kind::Scalar { text, plain: true } if is_null(text) => "nothing",
            Kind::Scalar { .. } => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        };
        let message = format!("{what} must be {expected}, found {found}");
        self.report(
            Diagnostic::new(Code::WrongType, self.span(id), message)
                .label(format!("expected {expected}")),
        );
    }

    /// The text of a scalar; `None` without a word for other kinds.
    pub fn scalar(&self, id: Id) -> Option<Text<'d>> {
        match &self.doc.get(id).kind {
            Kind::Scalar { text, .. } => Some(Text {
                text,
                span: self.span(id),
            }),
            _ => None,
        }
    }

    pub fn is_plain(&self, id: Id) -> bool {
        matches!(self.doc.get(id).kind, Kind::Scalar { plain: true, .. })
    }

    /// Whether the value is left out or `null`: what stands after `dog:` when nothing does.
    pub fn is_null(&self, id: Id) -> bool {
        matches!(&self.doc.get(id).kind, Kind::Scalar { text, plain: true } if is_null(text))
    }

    /// A non-empty piece of text; anything else is reported.
    pub fn text(&mut self, id: Id, what: &dyn Display) -> Option<Text<'d>> {
        match self.scalar(id) {
            Some(s) if s.text.trim_start().is_empty() => {
                self.report(Diagnostic::new(
                    Code::WrongType,
                    s.span,
                    format!("{what} is empty"),
                ));
                None
            }
            Some(s) => Some(s),
            None => {
                self.wrong(id, what, "text");
                None
            }
        }
    }

    /// Text or a list of texts; null is an empty list. An entry that comes twice is told and kept once.
    pub fn texts(&mut self, id: Id, what: &dyn Display) -> Vec<Text<'d>> {
        match &self.doc.get(id).kind {
            _ if self.is_null(id) => Vec::new(),
            Kind::Scalar { .. } => self.text(id, what).into_iter().collect(),
            Kind::List(items) => {
                let items: Vec<_> = items
                    .iter()
                    .take_while(|&&i| self.spend(i))
                    .copied()
                    .collect();
                let items = items
                    .into_iter()
                    .filter_map(|i| self.text(i, &format_args!("an entry of {what}")))
                    .collect();
                self.once(items, what)
            }
            Kind::Map(_) => {
                self.wrong(id, what, "text or a list of texts");
                Vec::new()
            }
        }
    }

    pub fn once(&mut self, items: Vec<Text<'d>>, what: &dyn Display) -> Vec<Text<'d>> {
        let mut met = Met::default();
        let mut kept = Vec::with_capacity(items.len());
        for item in items {
            if let Some(first) = met.before(item) {
                let message = format!("`{}` comes twice in {what}", item.text);
                self.report(
                    Diagnostic::new(Code::DuplicateEntry, item.span, message)
                        .related(first, "first here"),
                );
                continue;
            }
            kept.push(item);
        }
        kept
    }

    /// The entries of a mapping with text keys. Repeated keys are reported, and all of them returned: what stands
    /// under the second is still checked.
    pub fn entries(&mut self, id: Id, what: &dyn Display) -> Vec<(Text<'d>, Id)> {
        let Kind::Map(entries) = &self.doc.get(id).kind else {
            return Vec::new();
        };
        let first_time = self.checked.insert(id);
        let mut met = Met::default();
        let mut out = Vec::with_capacity(entries.len());
        for &(key, value) in entries {
            if !self.spend(key) {
                break;
            }
            let Some(name) = self.text(key, &format_args!("a key of {what}")) else {
                continue;
            };
            if first_time {
                if name.text == "<<" && self.is_plain(key) {
                    let message = format!("a merge key (`<<`) in {what}: YAML 1.2 has none");
                    self.report(
                        Diagnostic::new(Code::UnknownField, name.span, message)
                            .label("not merged")
                            .help("write the entries out; `b: *a` repeats a whole value"),
                    );
                    continue;
                }
                if let Some(first) = met.before(name) {
                    let message = format!("the key `{}` comes twice in {what}", name.text);
                    self.report(
                        Diagnostic::new(Code::DuplicateKey, name.span, message)
                            .label("again here")
                            .related(first, "first here"),
                    );
                }
            }
            out.push((name, value));
        }
        out
    }

    pub fn unknown_field(&mut self, name: &Text<'d>, what: &dyn Display, known: &[&str]) {
        let mut diagnostic = Diagnostic::new(
            Code::UnknownField,
            name.span,
            format!("unknown {what} `{}`", name.text),
        );
        match names::closest(name.text, known.iter().copied()) {
            Some(near) => {
                diagnostic = diagnostic
                    .help(format!("did you mean `{near}`?"))
                    .suggest(name.span, near)
            }
            None => diagnostic = diagnostic.help(format!("one of: {}", known.join(", "))),
        }
        self.report(diagnostic);
    }
}

/// Texts met so far and where; nearly always a few, sometimes a hundred thousand.
#[derive(Default)]
struct Met<'d> {
    few: Vec<Text<'d>>,
    many: HashMap<&'d str, Span>,
}

impl<'d> Met<'d> {
    /// Where the text was met before; else remembers it.
    fn before(&mut self, text: Text<'d>) -> Option<Span> {
        if self.many.is_empty() {
            if let Some(first) = self.few.iter().find(|t| t.text == text.text) {
                return Some(first.span);
            }
            self.few.push(text);
            if self.few.len() > 16 {
                self.many
                    .extend(self.few.drain(..).map(|t| (t.text, t.span)));
            }
            return None;
        }
        match self.many.entry(text.text) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(slot) => {
                slot.insert(text.span);
                None
            }
        }
    }
}

/// Null by YAML's core schema. Only a *value* can be null: as an id or in a list it is the text as written.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
