//! Declarations → graph: merges the mentions of a node, draws the edges, and takes out what would make the graph
//! unsound (unknown parents, cycles, equivalences between ancestor and descendant), telling each.

use std::{
    cell::OnceCell,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use petgraph::{
    Direction,
    algo::kosaraju_scc,
    graph::{DiGraph, EdgeIndex, NodeIndex},
    visit::EdgeRef,
};

use super::{
    Map, Node, NodeId, Set, Taxonomy,
    declare::{Declarations, Group},
    diagnostic::{Code, Diagnostic, Span},
    graph::{Class, Dag, Lists},
    load::Sources,
    names::{self, Names},
    nearest::Nearest,
};

/// Cycles told per knot of nodes; cutting these opens the knot, but a dense one has very many.
const MAX_CYCLES: usize = 50;
/// Nodes of a cycle that are named: all of them, unless they would fill many screens.
const MAX_NAMED: usize = 1000;
/// Edges of a cycle that are shown where they stand.
const MAX_SHOWN: usize = 40;

/// Words that are compared in search of what was meant, all in all: a good part of a second. A file that misses an include has
/// tens of thousands of unknown parents.
const MAX_COMPARED: usize = 10_000_000;

/// Where a node's parts stand, for diagnostics.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// Its first mention; under `nodes:` if it is there.
    pub id: Span,
    /// Parallel to `Node::names`; the id's place for a name that comes from the id.
    pub names: Vec<Span>,
    /// Parallel to `Node::ids`.
    pub ids: Vec<Span>,
    declared: bool,
}

/// Text that could not be read for syntax errors.
#[derive(Debug, Default)]
pub(super) struct Lost {
    pub parts: Vec<String>,
    /// Whether the rest of a file is lost too.
    pub truncated: bool,
}

impl Lost {
    /// Whether an id that is not known may be one that was not read.
    fn names(&self, id: &str) -> bool {
        let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let holds = |part: &String| {
            part.match_indices(id).any(|(at, _)| {
                !part_of_word(part[..at].chars().next_back())
                    && !part_of_word(part[at + id.len()..].chars().next())
            })
        };
        self.truncated || self.parts.iter().any(holds)
    }
}

/// A taxonomy with the places that validation needs.
pub(super) struct Built {
    pub taxonomy: Taxonomy,
    pub places: Vec<Places>,
    /// Sound edges, in file order: child, parent, place.
    pub edges: Vec<(NodeId, NodeId, Span)>,
    /// Nodes on a cycle that was cut: what looks like a chain there is what is left of it.
    pub knotted: HashSet<NodeId>,
    pub overlaps: Vec<(Span, Vec<NodeId>)>,
    pub disjoint: Vec<(Span, Vec<NodeId>)>,
}

/// Puts the files' declarations together; `None` when no node is declared.
pub(super) fn build(
    name: String,
    files: Vec<Declarations>,
    lost: &Lost,
    sources: Arc<Sources>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Built> {
    let mut merge = Merge {
        lost,
        diagnostics,
        graph: DiGraph::new(),
        nearest: OnceCell::new(),
        compared: 0,
        by_id: Map::default(),
        places: Vec::new(),
        prompt_places: Map::default(),
    };
    let (mut equivalent, mut overlaps, mut disjoint, mut credit) =
        (Vec::new(), Vec::new(), Vec::new(), None);
    let mut parents = Vec::new();
    for file in files {
        merge.nodes(file.nodes, &mut parents);
        equivalent.extend(file.equivalent);
        overlaps.extend(file.overlaps);
        disjoint.extend(file.disjoint);
        credit = credit.or(file.credit);
    }
    merge.edges(parents);
    if merge.graph.node_count() == 0 {
        // Groups of nothing: their members are still unknown.
        for group in equivalent.iter().chain(&overlaps).chain(&disjoint) {
            merge.group(group);
        }
        return None;
    }
    let knotted = merge.cut_cycles();
    let mut edges: Vec<(NodeId, NodeId, Span)> = merge
        .graph
        .edge_references()
        .map(|e| {
            (
                NodeId(e.source().index() as u32),
                NodeId(e.target().index() as u32),
                *e.weight(),
            )
        })
        .collect();
    edges.sort_by_key(|e| e.2);
    let classes = merge.collapse(&equivalent);
    let group = |merge: &mut Merge<'_>, groups: &[Group]| -> Vec<(Span, Vec<NodeId>)> {
        groups.iter().map(|g| (g.span, merge.group(g))).collect()
    };
    let overlaps = group(&mut merge, &overlaps);
    let disjoint = group(&mut merge, &disjoint);
    let Merge {
        graph,
        by_id,
        places,
        prompt_places,
        ..
    } = merge;

    let n = graph.node_count();
    let parents = Lists::group(n, edges.iter().map(|e| (e.0.0, e.1)), NodeId(0));
    let children = Lists::group(n, edges.iter().map(|e| (e.1.0, e.0)), NodeId(0));
    let members = {
        let mut by_name: Vec<u32> = (0..n as u32).collect();
        by_name.sort_unstable_by(|&a, &b| {
            graph[NodeIndex::new(a as usize)]
                .id
                .cmp(&graph[NodeIndex::new(b as usize)].id)
        });
        let count = classes.iter().max().map_or(0, |&c| c as usize + 1);
        Lists::group(
            count,
            by_name.iter().map(|&i| (classes[i as usize], NodeId(i))),
            NodeId(0),
        )
    };
    let links: Vec<_> = edges.iter().map(|e| (e.0, e.1)).collect();
    let mut dag = Dag::new(classes, members, &links);
    let just_nodes = |groups: &[(Span, Vec<NodeId>)]| -> Vec<Vec<NodeId>> {
        groups.iter().map(|g| g.1.clone()).collect()
    };
    dag.declare(&just_nodes(&overlaps), &just_nodes(&disjoint));
    let weights = graph
        .node_weights()
        .enumerate()
        .map(|(i, node)| (NodeId(i as u32), node));
    let names = Names::new(weights, by_id);
    let taxonomy = Taxonomy {
        name,
        graph,
        parents,
        children,
        dag,
        names,
        credit,
        overlaps: overlaps.clone(),
        disjoint: disjoint.clone(),
        prompt_places,
        sources,
    };
    Some(Built {
        taxonomy,
        places,
        edges,
        knotted,
        overlaps,
        disjoint,
    })
}

struct Merge<'m> {
    lost: &'m Lost,
    diagnostics: &'m mut Vec<Diagnostic>,
    /// Edges go from child to parent; their weight is where they are written.
    graph: DiGraph<Node, Span>,
    /// Built when the first unknown id comes, which is after all nodes have been merged.
    nearest: OnceCell<Nearest>,
    /// Words compared so far, see [`MAX_COMPARED`].
    compared: usize,
    by_id: Map<String, NodeId>,
    places: Vec<Places>,
    prompt_places: Map<NodeId, Vec<Span>>,
}

impl Merge<'_> {
    fn id(&self, n: NodeId) -> &str {
        &self.graph[NodeIndex::new(n.index())].id
    }

    /// Merges the mentions of every node; the parents that they name are left in `parents`.
    fn nodes(
        &mut self,
        decls: Vec<super::declare::NodeDecl>,
        parents: &mut Vec<(NodeId, super::reader::Spanned)>,
    ) {
        for decl in decls {
            let n = match self.by_id.get(&decl.id.text) {
                Some(&n) => n,
                None => {
                    let n = NodeId(self.graph.node_count() as u32);
                    self.graph.add_node(Node {
                        id: decl.id.text.clone(),
                        ..Node::default()
                    });
                    let at = decl.id.span;
                    self.places.push(Places {
                        id: at,
                        names: Vec::new(),
                        ids: Vec::new(),
                        declared: false,
                    });
                    self.by_id.insert(decl.id.text, n);
                    n
                }
            };
            parents.extend(decl.parents.into_iter().map(|p| (n, p)));
            let Some(body) = decl.body else { continue };
            let places = &mut self.places[n.index()];
            let node = &mut self.graph[NodeIndex::new(n.index())];
            // Twice in one file is a repeated key, told already.
            if places.declared && places.id.source != decl.id.span.source {
                let message = format!("the node `{}` is declared in two files", node.id);
                self.diagnostics.push(
                    Diagnostic::new(Code::DuplicateId, decl.id.span, message)
                        .label("declared again here")
                        .related(places.id, "first declared here")
                        .help(
                            "keep one declaration; `tree:` may mention a node any number of times",
                        ),
                );
            } else {
                places.id = decl.id.span;
            }
            places.declared = true;
            for name in body.names {
                if !node.names.contains(&name.text) {
                    node.names.push(name.text);
                    places.names.push(name.span);
                }
            }
            for id in body.ids {
                if !node.ids.contains(&id.text) {
                    node.ids.push(id.text);
                    places.ids.push(id.span);
                }
            }
            let rank = body.rank.map(|r| r.text.trim().to_lowercase());
            node.rank = node.rank.take().or(rank);
            node.description = node.description.take().or(body.description.map(|d| d.text));
            if !body.prompts.is_empty() {
                let places = self.prompt_places.entry(n).or_default();
                places.extend(body.prompts.iter().map(|p| p.span));
            }
            node.prompts
                .extend(body.prompts.into_iter().map(|p| p.text));
        }
    }

    /// Draws the edges; default names come here, when every field is known.
    fn edges(&mut self, parents: Vec<(NodeId, super::reader::Spanned)>) {
        for (node, places) in self.graph.node_weights_mut().zip(&mut self.places) {
            if node.names.is_empty() {
                node.names.push(names::of_id(&node.id));
                places.names.push(places.id);
            }
        }
        let mut drawn = Set::default();
        drawn.reserve(parents.len());
        for (child, parent) in parents {
            let Some(&p) = self.by_id.get(&parent.text) else {
                let of = self.id(child).to_owned();
                self.unknown(Code::UnknownParent, &parent.text, parent.span, |p| {
                    format!("`{of}` has an unknown parent `{p}`")
                });
                continue;
            };
            if drawn.insert((child, p)) {
                self.graph.add_edge(
                    NodeIndex::new(child.index()),
                    NodeIndex::new(p.index()),
                    parent.span,
                );
            }
        }
    }

    fn unknown(&mut self, code: Code, id: &str, span: Span, message: impl FnOnce(&str) -> String) {
        if self.lost.names(id) {
            return;
        }
        let mut diagnostic = Diagnostic::new(code, span, message(id)).label("no node has this id");
        let nearest = self.nearest.get_or_init(|| {
            let keys = |node| names::keys(node).map(|key| (key, node.id.as_str()));
            Nearest::new(self.graph.node_weights().flat_map(keys))
        });
        if self.compared < MAX_COMPARED {
            let (near, compared) = nearest.find(id, 1);
            self.compared += compared;
            if let Some(near) = near.first() {
                diagnostic = diagnostic
                    .help(format!("did you mean `{near}`?"))
                    .suggest(span, *near);
            }
        }
        self.diagnostics.push(diagnostic);
    }

    /// The known members of a group, each once; unknown ones are told.
    fn group(&mut self, group: &Group) -> Vec<NodeId> {
        let mut members = Vec::with_capacity(group.members.len());
        for member in &group.members {
            match self.by_id.get(&member.text) {
                Some(&n) => members.push(n),
                None => self.unknown(Code::UnknownNode, &member.text, member.span, |id| {
                    format!("unknown node `{id}`")
                }),
            }
        }
        members
    }

    /// Tells every cycle and removes the edge that closes it. Returns the nodes that were on one.
    fn cut_cycles(&mut self) -> HashSet<NodeId> {
        let knots = kosaraju_scc(&self.graph);
        let mut closing: Vec<EdgeIndex> = Vec::new();
        let mut knotted = HashSet::new();
        for mut knot in knots {
            let alone = knot.len() == 1 && self.graph.find_edge(knot[0], knot[0]).is_none();
            if alone {
                continue;
            }
            knot.sort_unstable();
            knotted.extend(knot.iter().map(|n| NodeId(n.index() as u32)));
            let inside: HashSet<NodeIndex> = knot.iter().copied().collect();
            let mut told = 0;
            let mut done: HashSet<NodeIndex> = HashSet::new();
            for &start in &knot {
                if done.contains(&start) {
                    continue;
                }
                // Depth first along parents, in file order; an edge to a node on the path closes a cycle.
                let out = |n: NodeIndex| -> Vec<EdgeIndex> {
                    let mut edges: Vec<_> = self
                        .graph
                        .edges_directed(n, Direction::Outgoing)
                        .filter(|e| inside.contains(&e.target()))
                        .map(|e| (*e.weight(), e.id()))
                        .collect();
                    edges.sort_unstable_by(|a, b| b.cmp(a));
                    edges.into_iter().map(|(_, e)| e).collect()
                };
                // (node, edge by which it was reached, its edges still to follow)
                let mut path: Vec<(NodeIndex, Option<EdgeIndex>, Vec<EdgeIndex>)> =
                    vec![(start, None, out(start))];
                let mut position: HashMap<NodeIndex, usize> = HashMap::from([(start, 0)]);
                while let Some((node, _, edges)) = path.last_mut() {
                    let Some(edge) = edges.pop() else {
                        done.insert(*node);
                        position.remove(node);
                        path.pop();
                        continue;
                    };
                    let Some((_, target)) = self.graph.edge_endpoints(edge) else {
                        continue;
                    };
                    if let Some(&at) = position.get(&target) {
                        closing.push(edge);
                        told += 1;
                        if told <= MAX_CYCLES {
                            let via: Vec<EdgeIndex> = path[at + 1..]
                                .iter()
                                .filter_map(|(_, e, _)| *e)
                                .chain([edge])
                                .collect();
                            let nodes: Vec<NodeIndex> =
                                path[at..].iter().map(|(n, ..)| *n).collect();
                            self.diagnostics.push(describe_cycle(
                                &self.graph,
                                &nodes,
                                &via,
                                told == MAX_CYCLES,
                            ));
                        }
                    } else if !done.contains(&target) {
                        position.insert(target, path.len());
                        let next = out(target);
                        path.push((target, Some(edge), next));
                    }
                }
            }
        }
        if !closing.is_empty() {
            let closing: HashSet<EdgeIndex> = closing.into_iter().collect();
            self.graph = self.graph.filter_map(
                |_, node| Some(node.clone()),
                |e, span| {
                    if closing.contains(&e) {
                        None
                    } else {
                        Some(*span)
                    }
                },
            );
        }
        knotted
    }

    /// The class of every node, numbered in order of first appearance. An equivalence between an ancestor and its
    /// descendant, which would close a cycle, is told and dropped.
    fn collapse(&mut self, groups: &[Group]) -> Vec<Class> {
        let n = self.graph.node_count();
        let mut sets = Sets::new(n);
        for group in groups {
            let members = self.group(group);
            let Some((&first, rest)) = members.split_first() else {
                continue;
            };
            for &other in rest {
                let (a, b) = (sets.find(first.0), sets.find(other.0));
                if a == b {
                    continue;
                }
                let between = match (
                    reaches(&self.graph, &mut sets, a, b),
                    reaches(&self.graph, &mut sets, b, a),
                ) {
                    (true, _) => Some((first, other)),
                    (_, true) => Some((other, first)),
                    _ => None,
                };
                let Some((below, above)) = between else {
                    sets.unite(a, b);
                    continue;
                };
                let (below_id, above_id) = (self.id(below), self.id(above));
                let message = format!(
                    "`{below_id}` and `{above_id}` are declared equivalent, but `{above_id}` is an ancestor of `{below_id}`"
                );
                let diagnostic = Diagnostic::new(Code::EquivalentAncestor, group.span, message)
                    .related(self.places[below.index()].id, "the descendant")
                    .related(self.places[above.index()].id, "the ancestor")
                    .help("a kind of something is not the same thing: drop the equivalence or the edge");
                self.diagnostics.push(diagnostic);
            }
        }
        let mut number = Map::default();
        (0..n as u32)
            .map(|i| {
                let next = number.len() as Class;
                *number.entry(sets.find(i)).or_insert(next)
            })
            .collect()
    }
}

fn describe_cycle(
    graph: &DiGraph<Node, Span>,
    nodes: &[NodeIndex],
    via: &[EdgeIndex],
    last: bool,
) -> Diagnostic {
    // Begun at the earliest node, whatever the walk came from.
    let from = nodes
        .iter()
        .enumerate()
        .min_by_key(|(_, n)| **n)
        .map_or(0, |(i, _)| i);
    let turn = |i: usize| (from + i) % nodes.len();
    let id = |i: usize| graph[nodes[turn(i)]].id.as_str();
    let mut names: Vec<&str> = (0..nodes.len().min(MAX_NAMED)).map(id).collect();
    let left_out = format!("… {} more …", nodes.len().saturating_sub(MAX_NAMED));
    if nodes.len() > MAX_NAMED {
        names.push(&left_out);
    }
    names.push(id(0));
    let mut message = format!("the parents go round in a circle: {}", names.join(" → "));
    if last {
        message.push_str(" (and more cycles among these nodes)");
    }
    let edge = |i: usize| graph[via[turn(i)]];
    let step = |i: usize| format!("`{}` is declared below `{}` here", id(i), id(i + 1));
    let mut diagnostic = Diagnostic::new(Code::Cycle, edge(0), message).label(step(0));
    for i in 1..nodes.len().min(MAX_SHOWN) {
        diagnostic = diagnostic.related(edge(i), step(i));
    }
    diagnostic.help("remove one of these edges")
}

/// Whether some ancestor of set `from`, across the equivalences so far, is in set `to`.
fn reaches(graph: &DiGraph<Node, Span>, sets: &mut Sets, from: u32, to: u32) -> bool {
    let mut seen = HashSet::from([from]);
    let mut stack = vec![from];
    while let Some(set) = stack.pop() {
        let mut member = set;
        loop {
            for parent in
                graph.neighbors_directed(NodeIndex::new(member as usize), Direction::Outgoing)
            {
                let above = sets.find(parent.index() as u32);
                if above == to {
                    return true;
                }
                if seen.insert(above) {
                    stack.push(above);
                }
            }
            member = sets.next[member as usize];
            if member == set {
                break;
            }
        }
    }
    false
}

/// Disjoint sets whose members are also linked in a ring, so that they can be listed.
struct Sets {
    parent: Vec<u32>,
    next: Vec<u32>,
}

impl Sets {
    fn new(n: usize) -> Self {
        Self {
            parent: (0..n as u32).collect(),
            next: (0..n as u32).collect(),
        }
    }

    fn find(&mut self, mut i: u32) -> u32 {
        while self.parent[i as usize] != i {
            self.parent[i as usize] = self.parent[self.parent[i as usize] as usize];
            i = self.parent[i as usize];
        }
        i
    }

    /// Unites two different sets, given by their roots.
    fn unite(&mut self, a: u32, b: u32) {
        self.parent[b as usize] = a;
        self.next.swap(a as usize, b as usize);
    }
}
