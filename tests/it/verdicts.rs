//! Relations, LCA sets, information, verdicts, K and credit against an independent implementation
//! (`tests/parity/verdicts.py`) on random DAGs with equivalences, overlaps, disjointness and shared names.

use cladist::matrix::Matrix;
use cladist::score::{Collisions, CreditPolicy, Ranked, ValidSets, judge, summarise};
use cladist::taxonomy::{NodeId, Relation, Taxonomy, load_str};
use serde_json::{Value, json};

struct World {
    facts: Value,
    taxonomy: Taxonomy,
}

impl World {
    fn all() -> Vec<World> {
        let worlds: Vec<Value> =
            serde_json::from_str(include_str!("../fixtures/verdicts.json")).unwrap();
        worlds
            .into_iter()
            .map(|facts| {
                let fields = ["nodes", "equivalent", "overlaps", "disjoint"];
                let source: serde_json::Map<String, Value> = fields
                    .iter()
                    .map(|&f| (f.to_owned(), facts[f].clone()))
                    .collect();
                // JSON is YAML.
                let text = json!(source).to_string();
                let taxonomy = load_str("random", &text)
                    .into_sound()
                    .expect("the DAG is sound");
                World { facts, taxonomy }
            })
            .collect()
    }

    fn node(&self, id: &Value) -> NodeId {
        self.taxonomy.find(id.as_str().unwrap()).unwrap()
    }

    fn nodes(&self, ids: &Value) -> Vec<NodeId> {
        ids.as_array()
            .unwrap()
            .iter()
            .map(|id| self.node(id))
            .collect()
    }

    fn list(&self, field: &str) -> &[Value] {
        self.facts[field].as_array().unwrap()
    }

    /// Orthogonal prototypes: only names can collide.
    fn collisions(&self) -> Collisions {
        let nodes: Vec<NodeId> = self.taxonomy.nodes().collect();
        let n = nodes.len();
        let identity = (0..n * n)
            .map(|i| f32::from(u8::from(i / n == i % n)))
            .collect();
        Collisions::new(&self.taxonomy, &nodes, Matrix::new(n, identity), 0.99)
    }
}

/// METHOD 3: disjointness beats a declared overlap, of the nodes themselves or of what is above them.
#[test]
fn what_is_declared_both_ways_does_not_overlap() {
    let mut both = 0;
    for world in World::all() {
        for pair in world.list("overlaps") {
            let (a, b) = (world.node(&pair[0]), world.node(&pair[1]));
            let apart = world.list("disjoint").iter().any(|group| {
                let above = |x: usize, n| world.taxonomy.is_ancestor(world.node(&group[x]), n);
                above(0, a) && above(1, b) || above(1, a) && above(0, b)
            });
            let relation = world.taxonomy.relation(a, b);
            assert!(!apart || relation != Relation::Overlapping, "{pair}");
            both += usize::from(apart);
        }
    }
    assert!(both > 0, "the fixture has no such pair");
}

#[test]
fn relations_and_lowest_common_ancestors() {
    for world in World::all() {
        let taxonomy = &world.taxonomy;
        for pair in world.list("pairs") {
            let (a, b) = (world.node(&pair["a"]), world.node(&pair["b"]));
            assert_eq!(json!(taxonomy.relation(a, b)), pair["relation"], "{pair}");
            let lca_set: Vec<&str> = taxonomy
                .lca_set(a, b)
                .into_iter()
                .map(|n| taxonomy.id(n))
                .collect();
            assert_eq!(json!(lca_set), pair["lca_set"], "{pair}");
            assert_eq!(
                json!(taxonomy.lca(a, b).map(|n| taxonomy.id(n))),
                pair["lca"],
                "{pair}"
            );
        }
    }
}

#[test]
fn information_and_depth() {
    for world in World::all() {
        for n in world.taxonomy.nodes() {
            let id = world.taxonomy.id(n);
            let expected = world.facts["information"][id].as_f64().unwrap();
            assert!(
                (world.taxonomy.information(n) - expected).abs() < 1e-12,
                "{id}"
            );
            let (min, max) = world.taxonomy.depth(n);
            assert_eq!(json!([min, max]), world.facts["depth"][id], "{id}");
        }
    }
}

#[test]
fn verdicts_and_the_number_of_valid_candidates() {
    for world in World::all() {
        let collisions = world.collisions();
        let candidates = world.nodes(&world.facts["candidates"]);
        for case in world.list("cases") {
            let (p, truths) = (world.node(&case["answer"]), world.nodes(&case["truths"]));
            let judged = judge(&world.taxonomy, &collisions, p, &truths).unwrap();
            assert_eq!(json!(judged.verdict), case["verdict"], "{case}");
            assert_eq!(json!(judged.relation), case["relation"], "{case}");
            let valid = ValidSets::new(&world.taxonomy, &candidates).of(&truths);
            assert_eq!(json!(valid.len()), case["k"], "{case}");
        }
    }
}

#[test]
fn credit_under_every_policy() {
    for world in World::all() {
        let collisions = world.collisions();
        let candidates: Vec<NodeId> = world.taxonomy.nodes().collect();
        for name in ["strict", "logical", "hf1", "wu-palmer", "lin", "depth"] {
            let policy = CreditPolicy::by_name(name).unwrap();
            let (mut answers, mut truths, mut expected) = (Vec::new(), Vec::new(), Vec::new());
            for case in world.list("cases") {
                let candidate = world.node(&case["answer"]).index();
                answers.push(vec![Ranked {
                    candidate,
                    similarity: 1.0,
                    probability: 1.0,
                }]);
                truths.push(world.nodes(&case["truths"]));
                expected.push(case["credit"][name].as_f64().unwrap());
            }
            let (judged, summary) = summarise(
                &world.taxonomy,
                &candidates,
                &collisions,
                &policy,
                &answers,
                &truths,
            );
            for ((judged, expected), case) in judged.iter().zip(&expected).zip(world.list("cases"))
            {
                let credit = judged.unwrap().credit;
                assert!(
                    (credit - expected).abs() < 1e-12,
                    "{name}: {credit} for {case}"
                );
            }
            let mean = expected.iter().sum::<f64>() / expected.len() as f64;
            assert!((summary.credit.unwrap() - mean).abs() < 1e-12);
        }
    }
}

#[test]
fn the_summary_adds_up() {
    for world in World::all() {
        let candidates: Vec<NodeId> = world.taxonomy.nodes().collect();
        let (answers, truths): (Vec<_>, Vec<_>) = world
            .list("cases")
            .iter()
            .map(|case| {
                let candidate = world.node(&case["answer"]).index();
                let best = vec![Ranked {
                    candidate,
                    similarity: 1.0,
                    probability: 1.0,
                }];
                (best, world.nodes(&case["truths"]))
            })
            .unzip();
        let (_, summary) = summarise(
            &world.taxonomy,
            &candidates,
            &world.collisions(),
            &CreditPolicy::Strict,
            &answers,
            &truths,
        );
        let counts: usize = summary.verdicts.iter().map(|row| row.count).sum();
        assert_eq!(counts, summary.n);
        let forgiven: f64 = summary
            .verdicts
            .iter()
            .filter_map(|row| row.delta_accuracy)
            .sum();
        assert!((summary.top1.unwrap() + forgiven - 1.0).abs() < 1e-12);
        let share = summary.multiplicity.share_of_error.unwrap();
        let mistakes = summary.multiplicity.mistake_share.unwrap();
        assert!((share.high + mistakes - 1.0).abs() < 1e-12);
        assert_eq!(summary.strict_credit, summary.credit);
    }
}
