//! Each kind of change by an example, and random ones against what was done.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::taxonomy::load_str;

fn taxonomy(text: &str) -> Taxonomy {
    load_str("t", text).into_sound().expect(text)
}

fn between(first: &str, second: &str) -> Difference {
    Difference::between(&taxonomy(first), &taxonomy(second))
}

/// A change in a line.
fn told(change: &Change) -> String {
    let set = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(",");
    let kind = change.kind();
    let what = match change {
        Change::NodeRemoved {
            node,
            names,
            parents,
        }
        | Change::NodeAdded {
            node,
            names,
            parents,
        } => format!("{node} ({}) < {}", names.join(","), set(parents)),
        Change::NodeRenamed { from, to } => format!("{from} {to}"),
        Change::ParentRemoved { node, parent } | Change::ParentAdded { node, parent } => {
            format!("{node} {parent}")
        }
        Change::NameRemoved { node, name } | Change::NameAdded { node, name } => {
            format!("{node} {name}")
        }
        Change::PreferredName { node, from, to } => format!("{node} {from} {to}"),
        Change::ExternalIdRemoved { node, id } | Change::ExternalIdAdded { node, id } => {
            format!("{node} {id}")
        }
        Change::Rank { node, from, to } | Change::Description { node, from, to } => {
            format!("{node} {from:?} {to:?}")
        }
        Change::Prompts { node, from, to } => format!("{node} {from:?} {to:?}"),
        Change::GroupLost { group, members } | Change::GroupGained { group, members } => {
            format!("{} {}", group.name(), set(members))
        }
        Change::Credit { from, to } => format!("{from:?} {to:?}"),
    };
    format!("{kind} {what}").trim_end().to_owned()
}

const SHAPES: &str = "\
nodes:
  square: {parents: [rectangle, rhombus], names: [square, regular quadrilateral], ids: [Q164], rank: figure}
tree: {quadrilateral: {rectangle: , rhombus: , kite: }, round: [ellipse, oval, disc]}
equivalent: [[ellipse, oval]]
overlaps: [[rectangle, kite]]
disjoint: [[quadrilateral, round]]
credit: logical
";

#[test]
fn each_change_is_told_as_what_it_is() {
    // Text of the first, what stands there in the second, the changes.
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "kite: }",
            "kite: , dart: }",
            &["node_added dart (dart) < quadrilateral"],
        ),
        (", disc]", "]", &["node_removed disc (disc) < round"]),
        (
            "oval, disc]",
            "oval, big_disc]",
            &["node_renamed disc big_disc"],
        ),
        (
            "[rectangle, rhombus]",
            "[rectangle]",
            &["parent_removed square rhombus"],
        ),
        (
            "[rectangle, rhombus]",
            "[kite, rhombus]",
            &[
                "parent_removed square rectangle",
                "parent_added square kite",
            ],
        ),
        (
            "[square, regular quadrilateral]",
            "[square]",
            &["name_removed square regular quadrilateral"],
        ),
        (
            "[square, regular",
            "[square, box, regular",
            &["name_added square box"],
        ),
        (
            "[square, regular quadrilateral]",
            "[regular quadrilateral, square]",
            &["preferred_name square square regular quadrilateral"],
        ),
        (
            "[square, regular",
            "[box, regular",
            &[
                "name_removed square square",
                "name_added square box",
                "preferred_name square square box",
            ],
        ),
        ("[Q164]", "[Q165, Q164]", &["external_id_added square Q165"]),
        ("[Q164]", "[]", &["external_id_removed square Q164"]),
        (
            "rank: figure",
            "rank: shape",
            &["rank square Some(\"figure\") Some(\"shape\")"],
        ),
        (
            "rank: figure",
            "rank: figure, description: all equal, prompts: ['a {}']",
            &[
                "description square None Some(\"all equal\")",
                "prompts square [] [\"a {}\"]",
            ],
        ),
        (
            "equivalent: [[ellipse, oval]]",
            "equivalent: []",
            &["group_lost equivalent ellipse,oval"],
        ),
        (
            "[[ellipse, oval]]",
            "[[ellipse, oval], [oval, disc]]",
            &[
                "group_lost equivalent ellipse,oval",
                "group_gained equivalent disc,ellipse,oval",
            ],
        ),
        (
            "[[rectangle, kite]]",
            "[[rectangle, kite], [kite, rhombus]]",
            &["group_gained overlaps kite,rhombus"],
        ),
        (
            "[[quadrilateral, round]]",
            "[]",
            &["group_lost disjoint quadrilateral,round"],
        ),
        (
            "credit: logical",
            "credit: strict",
            &[
                "credit Some(Object {\"policy\": String(\"logical\")}) Some(Object {\"policy\": String(\"strict\")})",
            ],
        ),
    ];
    for (was, is, expected) in cases {
        let second = SHAPES.replace(was, is);
        assert_ne!(second, SHAPES, "{was}");
        let difference = between(SHAPES, &second);
        let found: Vec<String> = difference.changes.iter().map(told).collect();
        assert_eq!(found, *expected, "{was} → {is}");
    }
}

#[test]
fn other_ways_of_saying_the_same_are_no_difference() {
    let first = "\
nodes:
  a: {names: [a, x, y], prompts: ['one {}', 'two {}'], ids: [1, 2]}
  b: {parents: [a]}
  c: {parents: [a, d]}
tree: {d: }
overlaps: [[a, b, d]]
equivalent: [[b, c]]
";
    let second = "\
# Other words.
tree: {d: {c: }, a: {c: , b: }}
nodes:
  a: {ids: [2, 1], names: [a, y, x], prompts: ['two {}', 'one {}']}
overlaps: [[b, a], [d, a], [d, b]]
equivalent: [[c, b], [b, c]]
";
    let difference = between(first, second);
    assert_eq!(difference, Difference::default());
    assert!(difference.is_empty() && difference.implied.is_empty());
}

#[test]
fn nodes_are_recognised_where_it_is_unambiguous() {
    let cases: &[(&str, &str, &[&str])] = &[
        // A parent and its child.
        (
            "tree: {animal: {dog: [poodle], cat: }}",
            "nodes: {n1: {names: [dog]}, n2: {names: [poodle]}}\ntree: {animal: {n1: [n2], cat: }}",
            &["node_renamed dog n1", "node_renamed poodle n2"],
        ),
        // An external id is enough, wherever the node went.
        (
            "nodes: {a: {names: [x], ids: [Q1]}}\ntree: {r: [a], s: }",
            "nodes: {b: {names: [x], ids: [Q1]}}\ntree: {r: , s: [b]}",
            &["node_renamed a b", "parent_removed b r", "parent_added b s"],
        ),
        // A name is not: these are homonyms.
        (
            "nodes: {bird: {names: [crane]}}\ntree: {animal: [bird], machine: }",
            "nodes: {lift: {names: [crane]}}\ntree: {animal: , machine: [lift]}",
            &[
                "node_added lift (crane) < machine",
                "node_removed bird (crane) < animal",
            ],
        ),
        // Either of two could be it.
        (
            "tree: {r: [a, b]}",
            "tree: {r: [c, d]}",
            &[
                "node_added c (c) < r",
                "node_added d (d) < r",
                "node_removed a (a) < r",
                "node_removed b (b) < r",
            ],
        ),
        // Another description: nothing but the place is the same.
        (
            "nodes: {a: {description: one}}\ntree: {r: [a]}",
            "nodes: {b: {description: two}}\ntree: {r: [b]}",
            &["node_added b (b) < r", "node_removed a (a) < r"],
        ),
        // Groups and parents are of the node, whatever its id.
        (
            "tree: {r: {a: [x], b: [x]}}\noverlaps: [[a, b]]",
            "tree: {r: {c: [x], b: [x]}}\noverlaps: [[c, b]]",
            &["node_renamed a c"],
        ),
        // What is below it has changed, or where it stands; not both.
        (
            "nodes: {a: {names: [x]}}\ntree: {r: {a: [y]}}",
            "nodes: {b: {names: [x]}}\ntree: {r: {b: [y, z]}}",
            &["node_renamed a b", "node_added z (z) < b"],
        ),
        (
            "nodes: {a: {names: [x]}}\ntree: {r: {a: [y]}, s: }",
            "nodes: {b: {names: [x]}}\ntree: {r: , s: {b: [y]}}",
            &["node_renamed a b", "parent_added b s", "parent_removed b r"],
        ),
        // The name is kept, and is made of the id no more.
        (
            "tree: {r: [big_dog]}",
            "nodes: {n1: {names: [big dog]}}\ntree: {r: [n1]}",
            &["node_renamed big_dog n1"],
        ),
    ];
    for (first, second, expected) in cases {
        let difference = between(first, second);
        let mut found: Vec<String> = difference.changes.iter().map(told).collect();
        found.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{first}\n→ {second}");
        // And the other way round there is as much to tell.
        assert_eq!(between(second, first).changes.len(), expected.len());
    }
}

/// Ids of a whole taxonomy may be of another kind; homonyms are told apart by what is around them.
#[test]
fn all_ids_may_be_others() {
    let first = "
nodes: {x: {names: [crane]}, y: {names: [crane]}, z: {names: [crow]}}
tree: {animal: {x: , z: }, machine: {y: }}";
    let second = "
nodes: {n1: {names: [animal]}, n2: {names: [machine]}, n3: {names: [crane]}, n4: {names: [crane]}, n5: {names: [crow]}}
tree: {n2: {n3: }, n1: {n4: , n5: }}";
    let difference = between(first, second);
    let mut found: Vec<String> = difference.changes.iter().map(told).collect();
    found.sort_unstable();
    let expected = ["animal n1", "machine n2", "x n4", "y n3", "z n5"];
    assert_eq!(found, expected.map(|of| format!("node_renamed {of}")));
    assert!(difference.implied.is_empty());
}

#[test]
fn what_follows_for_the_graph_is_told() {
    let pairs = |pairs: &Pairs| -> Vec<String> {
        assert_eq!(pairs.count, pairs.first.len());
        let pairs = pairs.first.iter();
        pairs
            .map(|p| format!("{} {}", p.ancestor, p.descendant))
            .collect()
    };
    let of = |first: &str, second: &str| {
        let implied = between(first, second).implied;
        let pairs = [pairs(&implied.pairs_gained), pairs(&implied.pairs_lost)];
        (pairs, [implied.became_inner, implied.became_leaves])
    };
    // All below `b` moves to `c`; what is above both stays.
    let (pairs, [inner, leaves]) = of(
        "tree: {r: {a: {b: {x: [y]}}, c: }}",
        "tree: {r: {a: {b: }, c: {x: [y]}}}",
    );
    let lost = ["a x", "b x", "a y", "b y"].map(str::to_owned);
    assert_eq!(
        pairs,
        [vec!["c x".to_owned(), "c y".to_owned()], lost.to_vec()]
    );
    assert_eq!(
        (inner, leaves),
        (vec!["c".to_owned()], vec!["b".to_owned()])
    );
    // A node between others, or taken from there, changes nothing for these.
    for (first, second) in [
        ("tree: {r: [x]}", "tree: {r: {m: [x]}}"),
        ("tree: {r: {m: [x]}}", "tree: {r: [x]}"),
    ] {
        assert!(between(first, second).implied.is_empty());
    }
    // What is above one of two equivalent nodes is above both.
    let tree = "tree: {r: [x], s: [y]}";
    let (pairs, _) = of(tree, &format!("{tree}\nequivalent: [[x, y]]"));
    assert_eq!(pairs[0], ["s x", "r y"]);
    assert!(pairs[1].is_empty());
}

/// A taxonomy to be: of each node its parents among those before it.
fn plans() -> impl Strategy<Value = Vec<BTreeSet<usize>>> {
    (2usize..14).prop_flat_map(|n| {
        let parents = |i: usize| prop::collection::btree_set(0..i.max(1), 0..3.min(i + 1));
        let parents =
            move |i: usize| parents(i).prop_map(move |p| if i == 0 { BTreeSet::new() } else { p });
        (0..n).map(parents).collect::<Vec<_>>()
    })
}

fn id(i: usize) -> String {
    format!("n_{i:02}")
}

fn yaml(nodes: &BTreeMap<String, (BTreeSet<String>, Vec<String>)>) -> String {
    let mut text = "nodes:\n".to_owned();
    for (id, (parents, names)) in nodes {
        let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
        let (parents, names) = (parents.join(", "), names.join(", "));
        text.push_str(&format!(
            "  {id}: {{parents: [{parents}], names: [{names}]}}\n"
        ));
    }
    text
}

fn nodes(plan: &[BTreeSet<usize>]) -> BTreeMap<String, (BTreeSet<String>, Vec<String>)> {
    let of = |(i, parents): (usize, &BTreeSet<usize>)| {
        let parents = parents.iter().map(|&p| id(p)).collect();
        (id(i), (parents, Vec::new()))
    };
    plan.iter().enumerate().map(of).collect()
}

proptest! {
    #[test]
    fn there_is_no_difference_from_oneself(plan in plans()) {
        let text = yaml(&nodes(&plan));
        prop_assert_eq!(between(&text, &text), Difference::default());
    }

    /// One random change is found, as it is and alone; and it is taken back the other way round.
    #[test]
    fn a_single_change_is_found(plan in plans(), what in 0..5usize, at in any::<prop::sample::Index>(), with in any::<prop::sample::Index>()) {
        let before = nodes(&plan);
        let mut after = before.clone();
        let node = id(at.index(plan.len()));
        let of = |node: &str| after[node].clone();
        let (expected, taken_back) = match what {
            0 => {
                after.insert("new".to_owned(), (BTreeSet::from([node.clone()]), Vec::new()));
                (format!("node_added new (new) < {node}"), format!("node_removed new (new) < {node}"))
            }
            1 => {
                let moved = of(&node);
                after.remove(&node);
                after.insert("new".to_owned(), moved);
                for (parents, _) in after.values_mut() {
                    if parents.remove(&node) {
                        parents.insert("new".to_owned());
                    }
                }
                (format!("node_renamed {node} new"), format!("node_renamed new {node}"))
            }
            2 => {
                let name = node.replace('_', " ");
                let (parents, _) = of(&node);
                after.insert(node.clone(), (parents, vec![name, "other".to_owned()]));
                (format!("name_added {node} other"), format!("name_removed {node} other"))
            }
            _ => {
                // A parent from above, so that there is no cycle.
                let i = at.index(plan.len() - 1) + 1;
                let (node, parent) = (id(i), id(with.index(i)));
                let (parents, _) = after.get_mut(&node).unwrap();
                let lost = parents.remove(&parent);
                if !lost {
                    parents.insert(parent.clone());
                }
                let says = |kind: &str| format!("parent_{kind} {node} {parent}");
                if lost { (says("removed"), says("added")) } else { (says("added"), says("removed")) }
            }
        };
        let (before, after) = (yaml(&before), yaml(&after));
        let found = |first: &str, second: &str| -> Vec<String> {
            between(first, second).changes.iter().map(told).collect()
        };
        prop_assert_eq!(found(&before, &after), [expected], "{}\n{}", &before, &after);
        prop_assert_eq!(found(&after, &before), [taken_back]);
    }

    /// Pairs gained and lost, by brute force.
    #[test]
    fn pairs_are_those_of_the_closures(first in plans(), second in plans(), linked in (0..14usize, 0..14usize)) {
        let texts = [&first, &second].map(|plan| yaml(&nodes(plan)));
        let (a, b) = (linked.0.min(second.len() - 1), linked.1.min(second.len() - 1));
        let [first, second] = &texts;
        let first = taxonomy(first);
        let linked = load_str("t", &format!("{second}equivalent: [[{}, {}]]", id(a), id(b)));
        let second = linked.into_sound().unwrap_or_else(|_| taxonomy(second));
        let implied = Difference::between(&first, &second).implied;
        let is_above = |t: &Taxonomy, a: &str, d: &str| {
            let (a, d) = (t.find(a).unwrap(), t.find(d).unwrap());
            t.is_ancestor(a, d) && !t.same_class(a, d)
        };
        let ids: Vec<&str> = first.nodes().map(|n| first.id(n)).filter(|id| second.find(id).is_some()).collect();
        let (mut gained, mut lost) = (0, 0);
        for a in &ids {
            for d in &ids {
                match (is_above(&first, a, d), is_above(&second, a, d)) {
                    (false, true) => gained += 1,
                    (true, false) => lost += 1,
                    _ => {}
                }
            }
        }
        prop_assert_eq!((implied.pairs_gained.count, implied.pairs_lost.count), (gained, lost));
    }
}
