//! One file's values → declarations: which fields there are, what shape they have, and what they say.
//!
//! Knows nothing of other files and nothing of the graph. `nodes:` and `tree:` come out in one form: a node with
//! parents, each with its place. The same node may come any number of times.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt::{self, Display},
};

use serde_json::Value;

use super::{
    diagnostic::{Code, Diagnostic, Span},
    names,
    yaml::{Document, Id, Kind},
};

const FIELDS: [&str; 8] = [
    "taxonomy",
    "include",
    "nodes",
    "tree",
    "equivalent",
    "overlaps",
    "disjoint",
    "credit",
];
const NODE_FIELDS: [&str; 5] = ["parents", "names", "ids", "description", "prompts"];
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
    fn own(self) -> Spanned {
        Spanned {
            text: self.text.to_owned(),
            span: self.span,
        }
    }
}

fn own(texts: Vec<Text<'_>>) -> Vec<Spanned> {
    texts.into_iter().map(Text::own).collect()
}

/// One mention of a node. Mentions of the same id are merged: fields from `nodes:`, parents from everywhere.
#[derive(Debug)]
pub(super) struct NodeDecl {
    pub id: Spanned,
    /// `None` for a mention in `tree:`.
    pub body: Option<Body>,
    pub parents: Vec<Spanned>,
}

/// The fields of a node under `nodes:`.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub names: Vec<Spanned>,
    pub ids: Vec<Spanned>,
    pub description: Option<Spanned>,
    pub prompts: Vec<Spanned>,
}

/// Nodes declared equivalent, overlapping or disjoint with each other.
#[derive(Debug)]
pub(super) struct Group {
    pub span: Span,
    pub members: Vec<Spanned>,
}

/// Everything one file says.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    pub name: Option<String>,
    pub includes: Vec<Spanned>,
    pub nodes: Vec<NodeDecl>,
    pub equivalent: Vec<Group>,
    pub overlaps: Vec<Group>,
    pub disjoint: Vec<Group>,
    pub credit: Option<Value>,
}

/// Reads the declarations of source number `source`.
pub(super) fn read(
    doc: &Document<'_>,
    source: u32,
    diagnostics: &mut Vec<Diagnostic>,
) -> Declarations {
    let mut reader = Reader {
        doc,
        source,
        diagnostics,
        out: Declarations::default(),
        left: doc.len().saturating_add(ALIAS_ALLOWANCE),
        checked: HashSet::new(),
    };
    for &root in &doc.roots {
        reader.file(root);
    }
    reader.out
}

/// Names a part of the tree.
struct Under<'t>(Option<&'t str>);

impl Display for Under<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("`tree`"),
            Some(parent) => write!(f, "the tree under `{parent}`"),
        }
    }
}

/// Reads one file's values; what it says of them is under `out`.
pub(super) struct Reader<'d> {
    pub doc: &'d Document<'d>,
    source: u32,
    diagnostics: &'d mut Vec<Diagnostic>,
    out: Declarations,
    /// Values that may still be read; see [`ALIAS_ALLOWANCE`].
    left: usize,
    /// Mappings whose keys were checked: an aliased one is checked once.
    checked: HashSet<Id>,
}

impl<'d> Reader<'d> {
    fn span(&self, id: Id) -> Span {
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

    fn is_plain(&self, id: Id) -> bool {
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
    fn texts(&mut self, id: Id, what: &dyn Display) -> Vec<Text<'d>> {
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

    fn once(&mut self, items: Vec<Text<'d>>, what: &dyn Display) -> Vec<Text<'d>> {
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

    fn file(&mut self, root: Id) {
        if self.is_null(root) {
            return;
        }
        if !matches!(self.doc.get(root).kind, Kind::Map(_)) {
            self.wrong(
                root,
                &"a taxonomy file",
                "a mapping with fields such as `nodes:` or `tree:`",
            );
            if let (Kind::List(_), Some(last)) =
                (&self.doc.get(root).kind, self.diagnostics.last_mut())
            {
                last.help = Some("write `tree:` above the list and indent it".into());
            }
            return;
        }
        let fields = self.entries(root, &"the file");
        let present: HashSet<&str> = fields.iter().map(|(field, _)| field.text).collect();
        for (field, value) in fields {
            let mut section = field.text;
            if !FIELDS.contains(&section) {
                self.unknown_field(&field, &"field", &FIELDS);
                // Read as what it seems to be, so that a slip in one word does not make a section's nodes unknown.
                match self.section_meant(section, value) {
                    Some(near) if !present.contains(near) => section = near,
                    _ => continue,
                }
            }
            match section {
                "taxonomy" => {
                    let name = self
                        .text(value, &"the taxonomy's name")
                        .map(|t| t.text.trim().to_owned());
                    self.out.name = self.out.name.take().or(name);
                }
                "include" => {
                    self.includes(value);
                }
                "nodes" => self.nodes(value),
                "tree" => self.tree(value, None),
                "equivalent" => {
                    let groups = self.groups(value, "equivalent");
                    self.out.equivalent.extend(groups);
                }
                "overlaps" => {
                    let groups = self.groups(value, "overlaps");
                    self.out.overlaps.extend(groups);
                }
                "disjoint" => {
                    let groups = self.groups(value, "disjoint");
                    self.out.disjoint.extend(groups);
                }
                "credit" => {
                    let credit = self.credit(value);
                    self.out.credit = self.out.credit.take().or(credit);
                }
                _ => {}
            }
        }
    }

    /// The section that an unknown field seems to be, if its value has the form of one.
    fn section_meant(&self, field: &str, value: Id) -> Option<&'static str> {
        let near = names::closest(field, FIELDS)?;
        let fits = match &self.doc.get(value).kind {
            Kind::Map(_) => matches!(near, "nodes" | "tree"),
            Kind::List(_) => !matches!(near, "nodes" | "taxonomy" | "credit"),
            Kind::Scalar { .. } => false,
        };
        fits.then_some(near)
    }

    fn includes(&mut self, value: Id) {
        let ids: Vec<Id> = match &self.doc.get(value).kind {
            Kind::List(items) => items.clone(),
            _ => vec![value],
        };
        let files = own(self.texts(value, &"`include`"));
        // A path is bytes: composing it could name another file.
        let raw = |file: Spanned| {
            let same = |&&id: &&Id| self.span(id) == file.span;
            let text = ids.iter().find(same).and_then(|&id| self.doc.raw(id));
            Spanned {
                text: text.unwrap_or(&file.text).to_owned(),
                span: file.span,
            }
        };
        let files: Vec<Spanned> = files.into_iter().map(raw).collect();
        self.out.includes.extend(files);
    }

    fn nodes(&mut self, value: Id) {
        if self.is_null(value) {
            return;
        }
        if !matches!(self.doc.get(value).kind, Kind::Map(_)) {
            self.wrong(value, &"`nodes`", "a mapping from ids to nodes");
            return;
        }
        for (id, body) in self.entries(value, &"`nodes`") {
            let mut decl = NodeDecl {
                id: id.own(),
                body: Some(Body::default()),
                parents: Vec::new(),
            };
            match &self.doc.get(body).kind {
                _ if self.is_null(body) => {}
                Kind::Map(_) => self.body(id.text, body, &mut decl),
                _ => {
                    let what = format_args!("the node `{}`", id.text);
                    self.wrong(body, &what, "a mapping with fields such as `parents:`");
                }
            }
            self.out.nodes.push(decl);
        }
    }

    fn body(&mut self, id: &str, value: Id, decl: &mut NodeDecl) {
        let what = format_args!("the node `{id}`");
        let mut body = Body::default();
        for (field, value) in self.entries(value, &what) {
            let of = format_args!("`{}` of {what}", field.text);
            match field.text {
                "parents" => decl.parents.extend(own(self.texts(value, &of))),
                "names" => body.names.extend(own(self.texts(value, &of))),
                "ids" => body.ids.extend(own(self.texts(value, &of))),
                "prompts" => body.prompts.extend(own(self.texts(value, &of))),
                "description" if self.is_null(value) => {}
                "description" => {
                    let text = self.text(value, &of);
                    body.description = body.description.take().or(text.map(Text::own));
                }
                _ => self.unknown_field(&field, &format_args!("field of {what}:"), &NODE_FIELDS),
            }
        }
        decl.body = Some(body);
    }

    /// What stands below `parent` in a tree: nothing, one child, a list of children, or children with their own.
    fn tree(&mut self, value: Id, parent: Option<&Text<'d>>) {
        if !self.spend(value) || self.is_null(value) {
            return;
        }
        match &self.doc.get(value).kind {
            Kind::Scalar { .. } => {
                if let Some(child) = self.leaf(value) {
                    self.mention(child, parent);
                }
            }
            Kind::Map(_) => {
                let what = Under(parent.map(|p| p.text));
                for (child, below) in self.entries(value, &what) {
                    self.mention(child, parent);
                    self.tree(below, Some(&child));
                }
            }
            Kind::List(items) => {
                let mut leaves = Vec::new();
                for &item in items {
                    match &self.doc.get(item).kind {
                        Kind::Scalar { .. } => {
                            if let (true, Some(child)) = (self.spend(item), self.leaf(item)) {
                                self.mention(child, parent);
                                leaves.push(child);
                            }
                        }
                        Kind::Map(_) => self.tree(item, parent),
                        Kind::List(_) => {
                            self.wrong(item, &"an entry of a list in `tree`", "a node or a mapping")
                        }
                    }
                }
                let what = Under(parent.map(|p| p.text));
                self.once(leaves, &what);
            }
        }
    }

    /// A node of the tree that is text. Plain text over several lines is one text in YAML, and hardly ever meant.
    fn leaf(&mut self, id: Id) -> Option<Text<'d>> {
        let child = self.text(id, &"a node of the tree")?;
        if self.is_plain(id) && self.doc.lines(id) > 1 {
            let message = format!("one node over several lines: `{}`", child.text);
            self.report(
                Diagnostic::new(Code::WrongType, child.span, message)
                    .warning()
                    .help("write a list: `- ` and one node a line; or quote the name"),
            );
        }
        Some(child)
    }

    fn mention(&mut self, child: Text<'d>, parent: Option<&Text<'d>>) {
        // The edge's place is where the child stands: its parent may be many lines above.
        let parents = parent
            .map(|p| Spanned {
                text: p.text.to_owned(),
                span: child.span,
            })
            .into_iter()
            .collect();
        self.out.nodes.push(NodeDecl {
            id: child.own(),
            body: None,
            parents,
        });
    }

    fn groups(&mut self, value: Id, field: &str) -> Vec<Group> {
        let expected = "a list of lists of ids: [[a, b], [c, d, e]]";
        let mut groups = Vec::new();
        match &self.doc.get(value).kind {
            _ if self.is_null(value) => {}
            Kind::List(items) => {
                let mut loose = false;
                for &item in items {
                    if !self.spend(item) {
                        break;
                    }
                    match &self.doc.get(item).kind {
                        Kind::List(_) => {
                            let members = self.texts(item, &format_args!("a group of `{field}`"));
                            let span = self.span(item);
                            if members.len() < 2 {
                                let message =
                                    format!("a group of `{field}` needs two nodes or more");
                                self.report(Diagnostic::new(Code::ShortGroup, span, message));
                            }
                            groups.push(Group {
                                span,
                                members: own(members),
                            });
                        }
                        Kind::Scalar { .. } if loose => {}
                        _ => {
                            loose = true;
                            self.wrong(
                                item,
                                &format_args!("a group of `{field}`"),
                                "a list of ids: [[a, b]]",
                            );
                        }
                    }
                }
            }
            _ => self.wrong(value, &format_args!("`{field}`"), expected),
        }
        groups
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
