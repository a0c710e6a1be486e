//! What is legal in form but wrong or doubtful in meaning, found on the finished graph.

use std::collections::{HashMap, HashSet};

use super::{
    NodeId, Taxonomy,
    build::Built,
    diagnostic::{Code, Diagnostic, Span},
    graph::Class,
    names::{self, Origin},
};

/// Nodes named in one message, and places shown with it.
const MAX_NAMED: usize = 10;

/// Appends what is wrong with the graph and its names.
pub(super) fn validate(built: &Built, diagnostics: &mut Vec<Diagnostic>) {
    same_names(built, diagnostics);
    same_external_ids(built, diagnostics);
    disjointness(built, diagnostics);
    redundant_edges(built, diagnostics);
    chains(built, diagnostics);
}

/// Names that several nodes carry, once equivalent ones are taken together.
fn same_names(built: &Built, diagnostics: &mut Vec<Diagnostic>) {
    let taxonomy = &built.taxonomy;
    let mut keys: Vec<(&str, &[NodeId])> = taxonomy
        .names
        .shared()
        .filter(|(key, _)| !key.is_empty())
        .collect();
    keys.sort_unstable_by_key(|(key, bearers)| (bearers[0], *key));
    for (key, bearers) in keys {
        let mut carriers: Vec<(NodeId, Origin)> = bearers
            .iter()
            .map(|&n| (n, names::origin(key, taxonomy.node(n))))
            .collect();
        carriers.retain(|(_, origin)| !matches!(origin, Origin::External));
        let classes: HashSet<Class> = carriers
            .iter()
            .map(|(n, _)| taxonomy.dag.class(*n))
            .collect();
        if classes.len() < 2 {
            continue;
        }
        let place = |(n, origin): (NodeId, Origin)| match origin {
            Origin::Name(i) => built.places[n.index()].names[i as usize],
            _ => built.places[n.index()].id,
        };
        carriers.sort_by_key(|c| place(*c));
        let written = match carriers[0] {
            (n, Origin::Name(i)) => taxonomy.node(n).names[i as usize].as_str(),
            (n, _) => taxonomy.id(n),
        };
        let message = format!(
            "the name `{written}` stands for {} nodes: {}",
            carriers.len(),
            list(taxonomy, carriers.iter().map(|(n, _)| *n))
        );
        let (last, first) = (carriers[1], carriers[0]);
        let mut diagnostic = Diagnostic::new(Code::SameName, place(last), message)
            .label(format!("also of `{}`", taxonomy.id(last.0)))
            .related(
                place(first),
                format!("a name of `{}`", taxonomy.id(first.0)),
            );
        for &carrier in carriers.iter().skip(2).take(MAX_NAMED) {
            diagnostic = diagnostic.related(
                place(carrier),
                format!("and of `{}`", taxonomy.id(carrier.0)),
            );
        }
        diagnostics.push(diagnostic.help(
            "homonyms are legitimate; as a truth label use the id, since the name is ambiguous",
        ));
    }
}

/// External ids that stand for several nodes, or that are the id of another node.
fn same_external_ids(built: &Built, diagnostics: &mut Vec<Diagnostic>) {
    let taxonomy = &built.taxonomy;
    let place = |n: NodeId, key: &str| {
        let i = taxonomy.node(n).ids.iter().position(|id| id == key);
        i.map_or(built.places[n.index()].id, |i| {
            built.places[n.index()].ids[i]
        })
    };
    let mut told: HashSet<&str> = HashSet::new();
    for n in taxonomy.nodes() {
        for key in &taxonomy.node(n).ids {
            let mut nodes: Vec<NodeId> = taxonomy.names.external(key).to_vec();
            nodes.extend(taxonomy.find(key));
            if nodes.len() < 2 {
                continue;
            }
            nodes.sort_by_key(|&n| place(n, key));
            nodes.dedup();
            let classes: HashSet<Class> = nodes.iter().map(|&n| taxonomy.dag.class(n)).collect();
            if classes.len() < 2 || !told.insert(key) {
                continue;
            }
            let ids = list(taxonomy, nodes.iter().copied());
            let message = format!(
                "the external id `{key}` stands for {} nodes: {ids}",
                nodes.len()
            );
            let mut diagnostic =
                Diagnostic::new(Code::DuplicateId, place(nodes[1], key), message).warning();
            for &n in nodes
                .iter()
                .take(1)
                .chain(nodes.iter().skip(2).take(MAX_NAMED))
            {
                diagnostic =
                    diagnostic.related(place(n, key), format!("also of `{}`", taxonomy.id(n)));
            }
            diagnostics.push(diagnostic.help("if they are one concept, declare them `equivalent`"));
        }
    }
}

/// Ids in backticks, at most [`MAX_NAMED`].
fn list(taxonomy: &Taxonomy, nodes: impl ExactSizeIterator<Item = NodeId>) -> String {
    let count = nodes.len();
    let mut out: Vec<String> = nodes
        .take(MAX_NAMED)
        .map(|n| format!("`{}`", taxonomy.id(n)))
        .collect();
    if count > MAX_NAMED {
        out.push(format!("… {} more", count - MAX_NAMED));
    }
    out.join(", ")
}

/// Members of a `disjoint` group that share a descendant, are equivalent, or are declared to overlap.
fn disjointness(built: &Built, diagnostics: &mut Vec<Diagnostic>) {
    let taxonomy = &built.taxonomy;
    let dag = &taxonomy.dag;
    for (span, members) in &built.disjoint {
        // Class → the first member found above it.
        let mut owner: HashMap<Class, NodeId> = HashMap::new();
        let mut told: HashSet<(NodeId, NodeId)> = HashSet::new();
        for &member in members {
            // Nearest first, so that the topmost common descendant is the one that is told.
            for c in dag.descendants(dag.class(member)) {
                let first = *owner.entry(c).or_insert(member);
                if first == member || !told.insert((first, member)) {
                    continue;
                }
                let common = dag.members(c)[0];
                let (a, b, both) = (taxonomy.id(first), taxonomy.id(member), taxonomy.id(common));
                let same = dag.class(first) == dag.class(member);
                let message = if same {
                    format!("`{a}` and `{b}` are declared disjoint, but also equivalent")
                } else if c == dag.class(first) {
                    format!(
                        "`{a}` and `{b}` are declared disjoint, but `{a}` is a descendant of `{b}`"
                    )
                } else if c == dag.class(member) {
                    format!(
                        "`{a}` and `{b}` are declared disjoint, but `{b}` is a descendant of `{a}`"
                    )
                } else {
                    format!(
                        "`{a}` and `{b}` are declared disjoint, but `{both}` is a descendant of both"
                    )
                };
                let mut diagnostic =
                    Diagnostic::new(Code::DisjointCommonDescendant, *span, message);
                for (child, _, at) in built
                    .edges
                    .iter()
                    .filter(|e| dag.class(e.0) == c && !same)
                    .take(MAX_NAMED)
                {
                    diagnostic =
                        diagnostic.related(*at, format!("an edge of `{}`", taxonomy.id(*child)));
                }
                diagnostics.push(
                    diagnostic.help(
                        "nothing can be an instance of both: drop the declaration or an edge",
                    ),
                );
            }
        }
    }
    if built.disjoint.is_empty() {
        return;
    }
    for (span, members) in &built.overlaps {
        // Group of `disjoint` → the first member here that is below one of its members, and which.
        let mut first: HashMap<u32, (u32, NodeId)> = HashMap::new();
        for &node in members {
            for (group, member) in dag.disjoint_above(dag.class(node)) {
                let (m, other) = *first.entry(group).or_insert((member, node));
                if m == member || other == node {
                    continue;
                }
                let (a, b) = (taxonomy.id(other), taxonomy.id(node));
                let message = format!("`{a}` and `{b}` are declared to overlap, but are disjoint");
                let at = built.disjoint[group as usize].0;
                diagnostics.push(
                    Diagnostic::new(Code::DisjointOverlap, *span, message)
                        .related(at, "declared disjoint here, or their ancestors are")
                        .help("drop one of the declarations"),
                );
            }
        }
    }
}

/// Edges that a longer path implies.
fn redundant_edges(built: &Built, diagnostics: &mut Vec<Diagnostic>) {
    let taxonomy = &built.taxonomy;
    let dag = &taxonomy.dag;
    let redundant: HashMap<Class, Vec<Class>> = (0..dag.len() as Class)
        .map(|c| (c, dag.redundant_parents(c)))
        .filter(|(_, parents)| !parents.is_empty())
        .collect();
    if redundant.is_empty() {
        return;
    }
    for &(child, parent, span) in &built.edges {
        let (c, p) = (dag.class(child), dag.class(parent));
        // Where cycles were cut, what is left of them implies nothing.
        if built.knotted.contains(&child) {
            continue;
        }
        if !redundant
            .get(&c)
            .is_some_and(|parents| parents.contains(&p))
        {
            continue;
        }
        let through = dag
            .up(c)
            .iter()
            .find(|&&q| q != p && dag.is_ancestor(p, q))
            .map(|&q| dag.members(q)[0]);
        let through =
            through.map_or_else(String::new, |q| format!(" through `{}`", taxonomy.id(q)));
        let (child, parent) = (taxonomy.id(child), taxonomy.id(parent));
        let message = format!(
            "the edge from `{child}` to `{parent}` is redundant: `{parent}` is an ancestor already{through}"
        );
        diagnostics.push(Diagnostic::new(Code::RedundantEdge, span, message).help(
            "remove it: closures stay the same, but it makes the two look closer than they are",
        ));
    }
}

/// Longest runs of classes each of which has one child with no other parent: they cover the same leaves.
fn chains(built: &Built, diagnostics: &mut Vec<Diagnostic>) {
    let taxonomy = &built.taxonomy;
    let dag = &taxonomy.dag;
    let only_child = |c: Class| match dag.down(c) {
        [child] if dag.up(*child).len() == 1 => Some(*child),
        _ => None,
    };
    for top in 0..dag.len() as Class {
        let continues = matches!(dag.up(top), [parent] if only_child(*parent) == Some(top));
        if continues || only_child(top).is_none() {
            continue;
        }
        let chain: Vec<NodeId> = std::iter::successors(Some(top), |&c| only_child(c))
            .map(|c| dag.members(c)[0])
            .collect();
        if chain.iter().any(|n| built.knotted.contains(n)) {
            continue;
        }
        let place = |n: NodeId| -> Span { built.places[n.index()].id };
        let message = if let [parent, child] = chain[..] {
            format!(
                "`{}` has a single child, `{}`: the two cover the same leaves",
                taxonomy.id(parent),
                taxonomy.id(child)
            )
        } else {
            let mut ids: Vec<&str> = chain
                .iter()
                .take(MAX_NAMED)
                .map(|&n| taxonomy.id(n))
                .collect();
            if chain.len() > MAX_NAMED {
                ids.push("…");
            }
            format!(
                "a chain of {} nodes with a single child each: {}",
                chain.len() - 1,
                ids.join(" ← ")
            )
        };
        let mut diagnostic = Diagnostic::new(Code::SingleChildChain, place(chain[0]), message);
        for &n in chain[1..].iter().take(MAX_NAMED) {
            diagnostic = diagnostic.related(place(n), "the only child");
        }
        diagnostics.push(diagnostic.help("give it another child, or make them one node"));
    }
}
