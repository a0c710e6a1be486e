//! Taxonomies in random styles, and random edits of them, for tests.

use std::{collections::BTreeMap, fmt::Write};

use super::*;
use crate::taxonomy::Taxonomy;

const IDS: [&str; 12] = [
    "polygon", "square", "big dog", "café", "犬", "yes", "1984", "a: b", "-x", "x, y", "it's", "#1",
];

/// A stream of choices, from which a text in some style is drawn.
#[derive(Debug, Clone)]
pub(crate) struct Choices {
    bytes: Vec<u8>,
    at: usize,
}

impl Choices {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        let byte = self.bytes[self.at % self.bytes.len()];
        self.at += 1;
        usize::from(byte) % n
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// How one file is written.
#[derive(Debug, Clone, Copy)]
struct Manner {
    eol: &'static str,
    mark: bool,
    open_end: bool,
    step: usize,
    comments: bool,
    /// Lists under a key begin at the key's column.
    flush: bool,
    anchors: bool,
}

/// Draws a file in a random style that holds a few nodes, and says how many comments are in it.
struct Writer<'c> {
    choices: &'c mut Choices,
    manner: Manner,
    out: String,
    comments: usize,
    /// Anchors given to ids so far.
    anchors: BTreeMap<String, String>,
}

impl Writer<'_> {
    fn scalar(&mut self, text: &str, flow: bool) -> String {
        if self.manner.anchors && self.choices.one_in(4) {
            if let Some(anchor) = self.anchors.get(text) {
                return format!("*{anchor}");
            }
            let anchor = format!("n{}", self.anchors.len());
            self.anchors.insert(text.to_owned(), anchor.clone());
            return format!("&{anchor} {}", self.quoted(text, flow));
        }
        self.quoted(text, flow)
    }

    fn quoted(&mut self, text: &str, flow: bool) -> String {
        let style = self.choices.of(&[
            scalar::Style::Plain,
            scalar::Style::Plain,
            scalar::Style::Single,
            scalar::Style::Double,
        ]);
        scalar::render(text, style, flow)
    }

    fn key(&mut self, text: &str, flow: bool) -> String {
        let key = self.scalar(text, flow);
        if key.starts_with('*') {
            format!("{key} ")
        } else {
            key
        }
    }

    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("# comment {}.", self.comments)
    }

    /// Ends a line, with a comment now and then; and then a comment or a blank line of its own.
    fn end_line(&mut self, indent: usize) {
        if self.manner.comments && self.choices.one_in(5) {
            let comment = self.comment();
            let _ = write!(self.out, "  {comment}");
        }
        self.out.push_str(self.manner.eol);
        if self.manner.comments && self.choices.one_in(8) {
            let comment = self.comment();
            let _ = write!(
                self.out,
                "{}{comment}{}",
                " ".repeat(indent),
                self.manner.eol
            );
        }
        if self.choices.one_in(12) {
            self.out.push_str(self.manner.eol);
        }
    }

    fn flow_list(&mut self, texts: &[String]) -> String {
        let items: Vec<String> = texts.iter().map(|t| self.scalar(t, true)).collect();
        let comma = self.choices.of(&[", ", ", ", ","]);
        let end = if !items.is_empty() && self.choices.one_in(6) {
            ","
        } else {
            ""
        };
        let blank = self.choices.of(&["", "", " "]);
        format!("[{blank}{}{end}{blank}]", items.join(comma))
    }

    /// `key:` has been written; the list comes after it.
    fn list(&mut self, texts: &[String], indent: usize) {
        match (texts, self.choices.below(6)) {
            ([one], 0) => {
                let one = self.scalar(one, false);
                let _ = write!(self.out, " {one}");
                self.end_line(indent);
            }
            (_, 1 | 2) if !texts.is_empty() => {
                self.end_line(indent);
                let inner = if self.manner.flush {
                    indent
                } else {
                    indent + self.manner.step
                };
                for text in texts {
                    let text = self.scalar(text, false);
                    let _ = write!(self.out, "{}- {text}", " ".repeat(inner));
                    self.end_line(inner);
                }
            }
            (_, 3) if !texts.is_empty() => {
                self.out.push_str(" [");
                self.end_line(indent + 4);
                for (i, text) in texts.iter().enumerate() {
                    let text = self.scalar(text, true);
                    let comma = if i + 1 < texts.len() || self.choices.one_in(2) {
                        ","
                    } else {
                        ""
                    };
                    let _ = write!(self.out, "{}{text}{comma}", " ".repeat(indent + 4));
                    self.end_line(indent + 4);
                }
                let _ = write!(self.out, "{}]", " ".repeat(indent + 2));
                self.end_line(indent);
            }
            _ => {
                let list = self.flow_list(texts);
                let _ = write!(self.out, " {list}");
                self.end_line(indent);
            }
        }
    }

    fn text(&mut self, text: &str, indent: usize) {
        match self.choices.below(5) {
            0 => {
                let _ = write!(self.out, " {}", self.choices.of(&["|", ">-"]));
                self.out.push_str(self.manner.eol);
                let _ = write!(
                    self.out,
                    "{}{text}{}",
                    " ".repeat(indent + 2),
                    self.manner.eol
                );
            }
            _ => {
                let text = self.quoted(text, false);
                let _ = write!(self.out, " {text}");
                self.end_line(indent);
            }
        }
    }

    fn body(&mut self, fields: &[(&str, Vec<String>)], indent: usize) {
        if fields.is_empty() {
            let nothing = self.choices.of(&["", "", " {}", " ~"]);
            self.out.push_str(nothing);
            self.end_line(indent);
            return;
        }
        if self.choices.one_in(2) {
            let fields: Vec<String> = fields
                .iter()
                .map(|(field, texts)| match *field {
                    "description" => format!("{field}: {}", self.quoted(&texts[0], true)),
                    _ => format!("{field}: {}", self.flow_list(texts)),
                })
                .collect();
            let _ = write!(self.out, " {{{}}}", fields.join(", "));
            self.end_line(indent);
            return;
        }
        self.end_line(indent);
        let inner = indent + self.manner.step;
        for (field, texts) in fields {
            let _ = write!(self.out, "{}{field}:", " ".repeat(inner));
            match *field {
                "description" => self.text(&texts[0], inner),
                _ => self.list(texts, inner),
            }
        }
    }

    /// A part of a tree: `key:` has been written.
    fn tree(&mut self, plan: &Plan, nodes: &[usize], indent: usize) {
        let leaves: Vec<String> = nodes.iter().map(|&n| plan.ids[n].clone()).collect();
        let all_leaves = nodes.iter().all(|&n| plan.tree_children(n).is_empty());
        match self.choices.below(4) {
            _ if nodes.is_empty() => self.end_line(indent),
            0 => {
                let flow = self.flow_tree(plan, nodes);
                let _ = write!(self.out, " {flow}");
                self.end_line(indent);
            }
            _ if all_leaves => self.list(&leaves, indent),
            1 => {
                self.end_line(indent);
                let inner = if self.manner.flush {
                    indent
                } else {
                    indent + self.manner.step
                };
                for &node in nodes {
                    let children = plan.tree_children(node);
                    let _ = write!(self.out, "{}- ", " ".repeat(inner));
                    if children.is_empty() {
                        let text = self.scalar(&plan.ids[node], false);
                        self.out.push_str(&text);
                        self.end_line(inner);
                    } else {
                        let key = self.key(&plan.ids[node], false);
                        let _ = write!(self.out, "{key}:");
                        self.tree(plan, &children, inner + 2);
                    }
                }
            }
            _ => {
                self.end_line(indent);
                let inner = indent + self.manner.step;
                for &node in nodes {
                    let key = self.key(&plan.ids[node], false);
                    let _ = write!(self.out, "{}{key}:", " ".repeat(inner));
                    self.tree(plan, &plan.tree_children(node), inner);
                }
            }
        }
    }

    fn flow_tree(&mut self, plan: &Plan, nodes: &[usize]) -> String {
        let leaves = nodes.iter().all(|&n| plan.tree_children(n).is_empty());
        if leaves && self.choices.one_in(2) {
            let ids: Vec<String> = nodes.iter().map(|&n| plan.ids[n].clone()).collect();
            return self.flow_list(&ids);
        }
        let entries: Vec<String> = nodes
            .iter()
            .map(|&n| {
                let key = self.key(&plan.ids[n], true);
                let children = plan.tree_children(n);
                let below = if children.is_empty() {
                    String::new()
                } else {
                    self.flow_tree(plan, &children)
                };
                format!("{key}: {below}")
            })
            .collect();
        format!("{{{}}}", entries.join(", "))
    }

    fn groups(&mut self, field: &str, groups: &[[String; 2]]) {
        let _ = write!(self.out, "{field}:");
        let lists: Vec<String> = groups.iter().map(|g| self.flow_list(g)).collect();
        if self.choices.one_in(2) || lists.is_empty() {
            let _ = write!(self.out, " [{}]", lists.join(", "));
            self.end_line(0);
            return;
        }
        self.end_line(0);
        let inner = if self.manner.flush {
            0
        } else {
            self.manner.step
        };
        for list in lists {
            let _ = write!(self.out, "{}- {list}", " ".repeat(inner));
            self.end_line(inner);
        }
    }
}

/// What is to be written: nodes, edges, and where each is said.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    ids: Vec<String>,
    /// For each node its parents among those before it, and whether the edge is written in the tree.
    parents: Vec<Vec<(usize, bool)>>,
    /// Whether the node has an entry under `nodes:`.
    declared: Vec<bool>,
    groups: Vec<(usize, [usize; 2])>,
}

impl Plan {
    pub(crate) fn drawn(choices: &mut Choices) -> Self {
        let n = 2 + choices.below(9);
        let ids: Vec<String> = (0..n).map(|i| IDS[i % IDS.len()].to_owned()).collect();
        let trees = choices.below(3);
        let parents: Vec<Vec<(usize, bool)>> = (0..n)
            .map(|i| {
                let mut parents: BTreeMap<usize, bool> = BTreeMap::new();
                for _ in 0..choices.below(3).min(i) {
                    let in_tree = match trees {
                        0 => false,
                        1 => true,
                        _ => choices.one_in(2),
                    };
                    parents.insert(choices.below(i), in_tree);
                }
                parents.into_iter().collect()
            })
            .collect();
        let declared = (0..n)
            .map(|i| {
                trees == 0 || parents[i].iter().any(|p| !p.1) || trees == 2 && choices.one_in(2)
            })
            .collect();
        let groups = (0..choices.below(4))
            .map(|_| (choices.below(3), [choices.below(n), choices.below(n)]))
            .filter(|(_, [a, b])| a != b)
            .collect();
        Self {
            ids,
            parents,
            declared,
            groups,
        }
    }

    fn tree_children(&self, parent: usize) -> Vec<usize> {
        let nodes = 0..self.ids.len();
        nodes
            .filter(|&n| self.parents[n].contains(&(parent, true)))
            .collect()
    }

    /// The text, and how many comments are in it.
    pub(crate) fn text(&self, choices: &mut Choices, ordinary: bool) -> (String, usize) {
        let manner = Manner {
            eol: if choices.one_in(4) { "\r\n" } else { "\n" },
            mark: choices.one_in(6),
            open_end: choices.one_in(5),
            step: choices.of(&[2, 2, 4]),
            comments: choices.one_in(2),
            flush: choices.one_in(3),
            anchors: !ordinary && choices.one_in(4),
        };
        let mut w = Writer {
            choices,
            manner,
            out: String::new(),
            comments: 0,
            anchors: BTreeMap::new(),
        };
        if manner.mark {
            w.out.push('\u{feff}');
        }
        if manner.comments {
            let comment = w.comment();
            w.out.push_str(&comment);
            w.out.push_str(manner.eol);
        }
        w.out.push_str("taxonomy: test");
        w.end_line(0);
        let mut sections = vec!["nodes", "tree", "groups"];
        if w.choices.one_in(2) {
            sections.swap(0, 1);
        }
        for section in sections {
            match section {
                "nodes" => w.nodes(self),
                "tree" => {
                    let rooted = |n: &usize| {
                        let top = !self.parents[*n].iter().any(|p| p.1);
                        top && (!self.declared[*n] || !self.tree_children(*n).is_empty())
                    };
                    let roots: Vec<usize> = (0..self.ids.len()).filter(rooted).collect();
                    if !roots.is_empty() {
                        w.out.push_str("tree:");
                        w.tree(self, &roots, 0);
                    }
                }
                _ => {
                    for (i, field) in ["equivalent", "overlaps", "disjoint"]
                        .into_iter()
                        .enumerate()
                    {
                        let of = self.groups.iter().filter(|g| g.0 == i);
                        let groups: Vec<[String; 2]> =
                            of.map(|g| g.1.map(|n| self.ids[n].clone())).collect();
                        if !groups.is_empty() || w.choices.one_in(4) {
                            w.groups(field, &groups);
                        }
                    }
                }
            }
        }
        let (mut text, comments) = (w.out, w.comments);
        if manner.open_end {
            let end = text.trim_end().len();
            text.truncate(end);
        }
        (text, comments)
    }
}

impl Writer<'_> {
    fn nodes(&mut self, plan: &Plan) {
        if !plan.declared.contains(&true) {
            return;
        }
        self.out.push_str("nodes:");
        self.end_line(0);
        let inner = self.manner.step;
        for n in (0..plan.ids.len()).filter(|&n| plan.declared[n]) {
            let mut fields: Vec<(&str, Vec<String>)> = Vec::new();
            let parents = plan.parents[n].iter().filter(|p| !p.1);
            let parents: Vec<String> = parents.map(|p| plan.ids[p.0].clone()).collect();
            if !parents.is_empty() {
                fields.push(("parents", parents));
            }
            if self.choices.one_in(3) {
                let count = 1 + self.choices.below(2);
                fields.push((
                    "names",
                    (0..count).map(|i| format!("name {n} {i}")).collect(),
                ));
            }
            if self.choices.one_in(4) {
                fields.push(("description", vec![format!("what {n} is, roughly")]));
            }
            if self.choices.one_in(6) {
                fields.push(("prompts", vec!["a {name}".to_owned(), format!("one {n}")]));
            }
            if self.choices.one_in(3) {
                fields.reverse();
            }
            let key = self.key(&plan.ids[n], false);
            let _ = write!(self.out, "{}{key}:", " ".repeat(inner));
            self.body(&fields, inner);
        }
    }
}

/// An edit of some kind, which may well make no sense.
pub(crate) fn edit(choices: &mut Choices, taxonomy: &Taxonomy) -> Edit {
    let ids: Vec<String> = taxonomy
        .nodes()
        .map(|n| taxonomy.id(n).to_owned())
        .collect();
    let node = ids[choices.below(ids.len())].clone();
    let other = ids[choices.below(ids.len())].clone();
    let declared = taxonomy.declared();
    let parents: Vec<String> = declared.nodes[&node].parents.iter().cloned().collect();
    let parent = if parents.is_empty() {
        other.clone()
    } else {
        parents[choices.below(parents.len())].clone()
    };
    let below = declared
        .nodes
        .iter()
        .filter(|(_, n)| n.parents.contains(&node));
    let below: Vec<String> = below.map(|(id, _)| id.clone()).collect();
    let word = choices.of(&[
        "new",
        "two words",
        "no",
        "a, b",
        "x: y",
        "- z",
        "né",
        "\"q\"",
        "it's",
    ]);
    match choices.below(15) {
        0 => Edit::Add {
            id: word.to_owned(),
            names: if choices.one_in(2) {
                vec!["one: more".to_owned(), "n, m".to_owned()]
            } else {
                Vec::new()
            },
            parents: if choices.one_in(3) {
                Vec::new()
            } else {
                vec![node]
            },
        },
        1 => Edit::Rename {
            node,
            id: word.to_owned(),
        },
        2 => {
            let children = choices.of(&[Orphans::ToParents, Orphans::Loose, Orphans::Delete]);
            Edit::Delete { node, children }
        }
        3 | 4 => Edit::AddParent {
            node,
            parent: other,
        },
        5 => Edit::RemoveParent { node, parent },
        6 | 7 => Edit::Move {
            node,
            from: parent,
            to: other,
        },
        8 => Edit::Merge { node, into: other },
        9 => match choices.below(3) {
            0 => Edit::Equivalent { a: node, b: other },
            1 => Edit::Overlapping { a: node, b: other },
            _ => Edit::Disjoint { a: node, b: other },
        },
        10 => Edit::AddName {
            node,
            name: word.to_owned(),
        },
        11 => {
            let names = &declared.nodes[&node].names;
            let name = names[choices.below(names.len())].clone();
            Edit::RemoveName { node, name }
        }
        12 => {
            let description = (!choices.one_in(3)).then(|| format!("{word} again"));
            Edit::Describe { node, description }
        }
        13 => {
            let prompts = ["a photo of a {name}", "a {name}", "one: {name}, # or so"];
            let prompts = prompts
                .iter()
                .take(choices.below(4))
                .map(|p| (*p).to_owned());
            Edit::Prompts {
                node,
                prompts: prompts.collect(),
            }
        }
        _ => {
            let (a, b): (Vec<_>, Vec<_>) = below.into_iter().partition(|_| choices.one_in(2));
            let parts = vec![
                Part {
                    id: format!("{word} 1"),
                    children: a,
                },
                Part {
                    id: format!("{word} 2"),
                    children: b,
                },
            ];
            Edit::Split { node, parts }
        }
    }
}
