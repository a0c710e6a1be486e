//! A taxonomy as a tree of lines, as a Graphviz graph, and as JSON.

use std::{
    collections::{HashSet, VecDeque},
    fmt::Write,
};

use serde_json::{Value, json};

use crate::taxonomy::{NodeId, Taxonomy, normalise};

/// Levels of a tree that are drawn when no depth is asked for: lines grow with their depth.
const DEEPEST: usize = 200;

/// The part of a taxonomy to show: everything, or what is below one node; at most `depth` edges down.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub node: Option<NodeId>,
    pub depth: Option<usize>,
}

impl Extent {
    fn tops(self, taxonomy: &Taxonomy) -> Vec<NodeId> {
        self.node.map_or_else(|| taxonomy.roots(), |n| vec![n])
    }

    /// The nodes of the extent, breadth first.
    fn nodes(self, taxonomy: &Taxonomy) -> Vec<NodeId> {
        let mut queue: VecDeque<(NodeId, usize)> =
            self.tops(taxonomy).into_iter().map(|n| (n, 0)).collect();
        let mut seen: HashSet<NodeId> = queue.iter().map(|(n, _)| *n).collect();
        let mut out = Vec::new();
        while let Some((n, level)) = queue.pop_front() {
            out.push(n);
            if self.depth.is_some_and(|limit| level >= limit) {
                continue;
            }
            queue.extend(
                taxonomy
                    .children(n)
                    .iter()
                    .filter(|c| seen.insert(**c))
                    .map(|&c| (c, level + 1)),
            );
        }
        out
    }
}

/// The taxonomy as a tree with counts above it. A node that has been drawn is marked with `(*)` and what is below it
/// is not drawn again. With a node, what is known of that node comes first.
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
    let mut out = format!("{}\n", clean(&node.id));
    for (name, value) in rows {
        if !value.is_empty() {
            let _ = writeln!(out, "  {name:<12} {}", clean(&value));
        }
    }
    out
}

/// Draws the extent; whether any node came again.
fn tree(taxonomy: &Taxonomy, extent: Extent, out: &mut String) -> bool {
    let mut repeated = false;
    let mut drawn = vec![false; taxonomy.len()];
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
        let children = taxonomy.children(n);
        let again = std::mem::replace(&mut drawn[n.index()], true);
        if again {
            repeated = true;
            out.push_str(" (*)\n");
            continue;
        }
        if !children.is_empty() && level >= deepest {
            let below = taxonomy.descendants(n).len() - taxonomy.equivalents(n).len();
            let _ = writeln!(out, " … {below} below");
            continue;
        }
        out.push('\n');
        let last = children.len().saturating_sub(1);
        stack.extend(
            children
                .iter()
                .enumerate()
                .rev()
                .map(|(i, &c)| (c, level + 1, i == last)),
        );
    }
    repeated
}

/// Id, preferred name where it says something else, equivalents.
fn line(taxonomy: &Taxonomy, n: NodeId, out: &mut String) {
    let (id, label) = (taxonomy.id(n), taxonomy.label(n));
    out.push_str(&clean(id));
    if normalise(id) != normalise(label) {
        let _ = write!(out, " “{}”", clean(label));
    }
    for &other in taxonomy.equivalents(n).iter().filter(|&&e| e != n) {
        let _ = write!(out, " = {}", clean(taxonomy.id(other)));
    }
}

/// Text from a file without what would act on the terminal.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
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
            quoted(taxonomy.label(n))
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

/// A double-quoted DOT string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push(' '),
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
    let nodes = extent.nodes(taxonomy).into_iter().map(|n| {
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
