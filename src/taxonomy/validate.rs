//! What is legal in form but wrong or doubtful in meaning, found on the finished graph.

use std::collections::{HashMap, HashSet};

use super::{
    NodeId, Taxonomy,
    build::Built,
    diagnostic::{Code, Diagnostic, Span},
    graph::{Class, Lists},
    names::{self, Origin},
};

/// Nodes named in one message, and places shown with it.
const MAX_NAMED: usize = 10;
/// Pairs of one `disjoint` or `overlaps` group that are told: a long list of nested nodes has millions.
const MAX_PAIRS: usize = 1000;

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

/// Members of a `disjoint` group that share a descendant or are equivalent, which cannot be; and nodes that are declared
/// to overlap although they are disjoint, which has a reading: they do not overlap (METHOD 3).
fn disjointness(built: &Built, diagnostics: &mut Vec<Diagnostic>) {
    if built.disjoint.is_empty() {
        return;
    }
    let dag = &built.taxonomy.dag;
    let edges = built.edges.iter().enumerate();
    let edges = edges.map(|(i, (child, ..))| (dag.class(*child), i as u32));
    let edges_of = Lists::group(dag.len(), edges, 0);
    for (span, members) in &built.disjoint {
        // Class → the members found above it.
        let mut owners: HashMap<Class, Vec<NodeId>> = HashMap::new();
        let mut told: HashSet<(NodeId, NodeId)> = HashSet::new();
        'group: for &member in members {
            // Nearest first, so that a topmost common descendant is the one that is told.
            for c in dag.descendants(dag.class(member)) {
                let above = owners.entry(c).or_default();
                for &first in above.iter() {
                    if told.insert((first, member)) {
                        diagnostics.push(not_disjoint(built, *span, (first, member), c, &edges_of));
                    }
                }
                if told.len() >= MAX_PAIRS {
                    break 'group;
                }
                above.push(member);
            }
        }
        if told.len() >= MAX_PAIRS
            && let Some(last) = diagnostics.last_mut()
        {
            last.message
                .push_str(" (and there are more such pairs in this group)");
        }
    }
    overlapping_disjoint(built, diagnostics);
}

/// That `pair` is declared disjoint, but has the class `common` below both.
fn not_disjoint(
    built: &Built,
    span: Span,
    pair: (NodeId, NodeId),
    common: Class,
    edges_of: &Lists<u32>,
) -> Diagnostic {
    let taxonomy = &built.taxonomy;
    let dag = &taxonomy.dag;
    let (a, b) = (taxonomy.id(pair.0), taxonomy.id(pair.1));
    let both = taxonomy.id(dag.members(common)[0]);
    let classes = (dag.class(pair.0), dag.class(pair.1));
    let same = classes.0 == classes.1;
    let but = if same {
        "also equivalent".to_owned()
    } else if common == classes.0 {
        format!("`{a}` is a descendant of `{b}`")
    } else if common == classes.1 {
        format!("`{b}` is a descendant of `{a}`")
    } else {
        format!("`{both}` is a descendant of both")
    };
    let message = format!("`{a}` and `{b}` are declared disjoint, but {but}");
    let mut diagnostic = Diagnostic::new(Code::DisjointCommonDescendant, span, message);
    let edges = edges_of.get(common).iter().filter(|_| !same);
    for &i in edges.take(MAX_NAMED) {
        let (child, _, at) = built.edges[i as usize];
        diagnostic = diagnostic.related(at, format!("an edge of `{}`", taxonomy.id(child)));
    }
    diagnostic.help("nothing can be an instance of both: drop the declaration or an edge")
}

fn overlapping_disjoint(built: &Built, diagnostics: &mut Vec<Diagnostic>) {
    let taxonomy = &built.taxonomy;
    let dag = &taxonomy.dag;
    for (span, members) in &built.overlaps {
        // Group of `disjoint` → the members here that are below one of its members, and which.
        let mut met: HashMap<u32, Vec<(u32, NodeId)>> = HashMap::new();
        let mut told: HashSet<(NodeId, NodeId)> = HashSet::new();
        for &node in members {
            for (group, member) in dag.disjoint_above(dag.class(node)) {
                let others = met.entry(group).or_default();
                let apart = others
                    .iter()
                    .filter(|(m, other)| *m != member && *other != node);
                for &(_, other) in apart {
                    if told.len() >= MAX_PAIRS || !told.insert((other, node)) {
                        continue;
                    }
                    let (a, b) = (taxonomy.id(other), taxonomy.id(node));
                    let message =
                        format!("`{a}` and `{b}` are declared to overlap, but are disjoint");
                    let at = built.disjoint[group as usize].0;
                    diagnostics.push(
                        Diagnostic::new(Code::DisjointOverlap, *span, message)
                            .label("has no effect")
                            .related(at, "disjoint by this, themselves or through ancestors")
                            .help("disjointness wins: drop one of the declarations"),
                    );
                }
                others.push((member, node));
            }
        }
    }
}

/// Edges that a longer path implies.
fn redundant_edges(built: &Built, diagnostics: &mut Vec<Diagnostic>) {
    let taxonomy = &built.taxonomy;
    let dag = &taxonomy.dag;
    let redundant: HashMap<(Class, Class), Class> = dag
        .redundant_edges()
        .into_iter()
        .map(|edge| ((edge.child, edge.parent), edge.through))
        .collect();
    if redundant.is_empty() {
        return;
    }
    for &(child, parent, span) in &built.edges {
        // Where cycles were cut, what is left of them implies nothing.
        if built.knotted.contains(&child) {
            continue;
        }
        let Some(&through) = redundant.get(&(dag.class(child), dag.class(parent))) else {
            continue;
        };
        let through = taxonomy.id(dag.members(through)[0]);
        let (child, parent) = (taxonomy.id(child), taxonomy.id(parent));
        let message = format!(
            "the edge from `{child}` to `{parent}` is redundant: `{parent}` is an ancestor already through `{through}`"
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
        diagnostics.push(diagnostic.help(
            "harmless while branches are missing; else give it another child, or make them one node",
        ));
    }
}
