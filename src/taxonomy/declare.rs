//! One file's values → declarations: which fields there are, what shape they have, and what they say.
//!
//! Knows nothing of other files and nothing of the graph. `nodes:` and `tree:` come out in one form: a node with
//! parents, each with its place. The same node may come any number of times.

use std::{
    collections::HashSet,
    fmt::{self, Display},
};

use serde_json::Value;

use super::{
    diagnostic::{Code, Diagnostic, Span},
    names,
    reader::{Reader, Spanned, Text, own},
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
const NODE_FIELDS: [&str; 6] = ["parents", "names", "ids", "rank", "description", "prompts"];

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
    pub rank: Option<Spanned>,
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
    let mut reader = Reader::new(doc, source, diagnostics);
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

impl<'d> Reader<'d> {
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
                "rank" | "description" if self.is_null(value) => {}
                "rank" => {
                    let text = self.text(value, &of);
                    body.rank = body.rank.take().or(text.map(Text::own));
                }
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
