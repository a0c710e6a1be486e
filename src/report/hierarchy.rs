//! A taxonomy as a tree of lines, as a Graphviz graph, and as JSON.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt::Write,
};

use serde_json::{Value, json};

use crate::taxonomy::{NodeId, Taxonomy, normalise};
use crate::text::printable;

/// Levels of a tree that are drawn when no depth is asked for: lines grow with their depth.
const DEEPEST: usize = 100;
/// Nodes from which on it pays to count all leaves at once.
const MANY: usize = 1000;

/// The part of a taxonomy to show: everything, or what is below one node; at most `depth` edges down.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub node: Option<NodeId>,
    pub depth: Option<usize>,
}

impl Extent {
    /// One node of every class at the top.
    fn tops(self, taxonomy: &Taxonomy) -> Vec<NodeId> {
        self.node.map_or_else(|| taxonomy.roots(), |n| vec![n])
    }

    /// The nodes of the extent, breadth first, equivalent ones together.
    fn nodes(self, taxonomy: &Taxonomy) -> Vec<NodeId> {
        let tops = self.tops(taxonomy).into_iter();
        let mut queue: VecDeque<(NodeId, usize)> = tops.map(|n| (n, 0)).collect();
        let mut seen = vec![false; taxonomy.len()];
        let mut out = Vec::new();
        while let Some((n, level)) = queue.pop_front() {
            if seen[n.index()] {
                continue;
            }
            let others = taxonomy.equivalents(n).iter().filter(|&&e| e != n);
            for &member in std::iter::once(&n).chain(others) {
                seen[member.index()] = true;
                out.push(member);
            }
            if self.depth.is_none_or(|limit| level < limit) {
                let below = taxonomy.class_children(n).into_iter();
                queue.extend(below.map(|c| (c, level + 1)));
            }
        }
        out
    }
}

/// The taxonomy as a tree with counts above it, a line for each class of equivalent nodes and parent. A node that has
/// been drawn is marked with `(*)` and what is below it is not drawn again. With a node, what is known of that node comes
/// first.
pub fn text(taxonomy: &Taxonomy, extent: Extent) -> String {
    let mut out = match extent.node {
        Some(n) => details(taxonomy, n),
        None => summary(taxonomy),
    };
    out.push('\n');
    let repeated = tree(taxonomy, extent, &mut out);
    if repeated {
        out.push_str("\n(*) drawn above already: the node has several parents\n");
    }
    out
}

fn summary(taxonomy: &Taxonomy) -> String {
    let counts = taxonomy.counts();
    let (least, most) = counts.leaf_depth;
    let mut out = format!(
        "{}: {}, {}, {}, depth {least} (min) to {most} (max), {} with several parents",
        taxonomy.name(),
        plural(counts.nodes, "node", "nodes"),
        plural(counts.leaves, "leaf", "leaves"),
        plural(counts.roots, "root", "roots"),
        plural(counts.multi_parent, "node", "nodes"),
    );
    if counts.classes < counts.nodes {
        let _ = write!(
            out,
            ", {} once equivalent nodes are counted once",
            counts.classes
        );
    }
    out.push('\n');
    out
}

fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn details(taxonomy: &Taxonomy, n: NodeId) -> String {
    let node = taxonomy.node(n);
    let ids = |nodes: &[NodeId]| {
        nodes
            .iter()
            .map(|&n| taxonomy.id(n))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let equivalents: Vec<NodeId> = taxonomy
        .equivalents(n)
        .iter()
        .copied()
        .filter(|&e| e != n)
        .collect();
    let (least, most) = taxonomy.depth(n);
    let all = taxonomy.counts().leaves;
    let rows = [
        ("names", node.names.join(", ")),
        ("ids", node.ids.join(", ")),
        ("rank", node.rank.clone().unwrap_or_default()),
        ("description", node.description.clone().unwrap_or_default()),
        ("prompts", node.prompts.join(" | ")),
        ("parents", ids(taxonomy.parents(n))),
        ("equivalent", ids(&equivalents)),
        (
            "depth",
            if least == most {
                format!("{least}")
            } else {
                format!("{least} (min) to {most} (max)")
            },
        ),
        (
            "information",
            format!("{:.3} bits", taxonomy.information(n)),
        ),
        ("leaves", format!("{} of {all}", taxonomy.leaf_count(n))),
    ];
    let mut out = format!("{}\n", printable(&node.id));
    for (name, value) in rows {
        if !value.is_empty() {
            let _ = writeln!(out, "  {name:<12} {}", printable(&value));
        }
    }
    out
}

/// Draws the extent; whether any node came again.
fn tree(taxonomy: &Taxonomy, extent: Extent, out: &mut String) -> bool {
    let mut repeated = false;
    // By representative: whether it was drawn, and whether what is below it was.
    let mut drawn = vec![false; taxonomy.len()];
    let mut opened = vec![false; taxonomy.len()];
    let mut below: HashMap<NodeId, usize> = HashMap::new();
    // Bars left of the current line: for each level, whether it has more to come. No recursion: chains may be long.
    let mut bars = String::new();
    let mut widths: Vec<usize> = Vec::new();
    let deepest = extent.depth.unwrap_or(DEEPEST);
    let tops = extent.tops(taxonomy);
    let mut stack: Vec<(NodeId, usize, bool)> = tops.iter().rev().map(|&n| (n, 0, true)).collect();
    while let Some((n, level, last)) = stack.pop() {
        while widths.len() >= level.max(1) {
            bars.truncate(widths.pop().unwrap_or(0));
        }
        if level > 0 {
            out.push_str(&bars);
            out.push_str(if last { "└── " } else { "├── " });
            widths.push(bars.len());
            bars.push_str(if last { "    " } else { "│   " });
        }
        line(taxonomy, n, out);
        let class = taxonomy.representative(n);
        let children = taxonomy.class_children(n);
        let again = std::mem::replace(&mut drawn[class.index()], true);
        // What was cut off before may be drawn here, nearer to the top.
        let cut = !children.is_empty() && level >= deepest && !opened[class.index()];
        if again && (cut || children.is_empty() || opened[class.index()]) {
            repeated = true;
            out.push_str(" (*)");
        }
        if cut {
            let below = below
                .entry(class)
                .or_insert_with(|| taxonomy.descendants(n).len() - taxonomy.equivalents(n).len());
            let _ = write!(out, " … {below} below");
        }
        out.push('\n');
        if cut || opened[class.index()] {
            continue;
        }
        opened[class.index()] = true;
        let last = children.len().saturating_sub(1);
        let lines = children.iter().enumerate().rev();
        stack.extend(lines.map(|(i, &c)| (c, level + 1, i == last)));
    }
    repeated
}

/// Id, preferred name where it says something else, equivalents.
fn line(taxonomy: &Taxonomy, n: NodeId, out: &mut String) {
    let (id, label) = (taxonomy.id(n), taxonomy.label(n));
    out.push_str(&printable(id));
    if normalise(id) != normalise(label) {
        let _ = write!(out, " “{}”", printable(label));
    }
    for &other in taxonomy.equivalents(n).iter().filter(|&&e| e != n) {
        let _ = write!(out, " = {}", printable(taxonomy.id(other)));
    }
}

/// The extent as a Graphviz graph: edges from child to parent, drawn upwards; equivalence as a dashed line.
pub fn dot(taxonomy: &Taxonomy, extent: Extent) -> String {
    let nodes = extent.nodes(taxonomy);
    let inside: HashSet<NodeId> = nodes.iter().copied().collect();
    let mut out = format!(
        "digraph {} {{\n  rankdir=BT;\n  node [shape=box];\n",
        quoted(taxonomy.name())
    );
    for &n in &nodes {
        let _ = writeln!(
            out,
            "  {} [label={}];",
            quoted(taxonomy.id(n)),
            quoted(&taxonomy.label(n).replace('&', "&amp;"))
        );
    }
    for &n in &nodes {
        for p in taxonomy.parents(n).iter().filter(|p| inside.contains(p)) {
            let _ = writeln!(
                out,
                "  {} -> {};",
                quoted(taxonomy.id(n)),
                quoted(taxonomy.id(*p))
            );
        }
        for e in taxonomy
            .equivalents(n)
            .iter()
            .filter(|&&e| e > n && inside.contains(&e))
        {
            let style = "[dir=none, style=dashed, constraint=false]";
            let _ = writeln!(
                out,
                "  {} -> {} {style};",
                quoted(taxonomy.id(n)),
                quoted(taxonomy.id(*e))
            );
        }
    }
    out.push_str("}\n");
    out
}

/// A double-quoted DOT string. In a label, Graphviz takes `\\` for a backslash, `\n` for a line break and `&…;` for an
/// HTML character; in the name of a node it takes them as they are, which does not matter as long as names differ.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The extent as one JSON object: `counts` of the whole taxonomy and, per node of the extent, what is declared and
/// its depth, information (bits) and leaf count.
pub fn json(taxonomy: &Taxonomy, extent: Extent) -> Value {
    let ids = |nodes: &[NodeId]| -> Vec<&str> { nodes.iter().map(|&n| taxonomy.id(n)).collect() };
    let counts = taxonomy.counts();
    let nodes = extent.nodes(taxonomy);
    if nodes.len() >= MANY {
        taxonomy.count_all_leaves();
    }
    let nodes = nodes.into_iter().map(|n| {
        let node = taxonomy.node(n);
        let equivalents: Vec<NodeId> = taxonomy
            .equivalents(n)
            .iter()
            .copied()
            .filter(|&e| e != n)
            .collect();
        let (least, most) = taxonomy.depth(n);
        json!({
            "id": node.id,
            "names": node.names,
            "ids": node.ids,
            "rank": node.rank,
            "description": node.description,
            "prompts": node.prompts,
            "parents": ids(taxonomy.parents(n)),
            "children": ids(taxonomy.children(n)),
            "equivalent": ids(&equivalents),
            "depth_min": least,
            "depth_max": most,
            "information": taxonomy.information(n),
            "leaves": taxonomy.leaf_count(n),
        })
    });
    json!({
        "schema": 1,
        "taxonomy": taxonomy.name(),
        "node": extent.node.map(|n| taxonomy.id(n)),
        "counts": {
            "nodes": counts.nodes,
            "edges": counts.edges,
            "classes": counts.classes,
            "leaves": counts.leaves,
            "roots": counts.roots,
            "multi_parent": counts.multi_parent,
            "depth_min": counts.leaf_depth.0,
            "depth_max": counts.leaf_depth.1,
        },
        "nodes": nodes.collect::<Value>(),
    })
}
