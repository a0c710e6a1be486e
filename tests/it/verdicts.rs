//! What a run says against an independent implementation (`tests/parity/verdicts.py`) on random DAGs with one root or
//! several, equivalences, overlaps, disjointness, shared names and prototypes that nearly coincide: relations, LCA sets,
//! information, answers with ties, verdicts, K, credit, and every figure of the summary.

use std::collections::HashSet;

use cladist::matrix::Matrix;
use cladist::run::{Counts, Inputs, Manifest, Run, SourceHash};
use cladist::score::{CreditPolicy, Judged, ValidSets};
use cladist::taxonomy::{NodeId, Relation, Taxonomy, load_str};
use serde_json::{Value, json};

/// In the order of preference, by which the fixture numbers them.
const RELATIONS: [Relation; 8] = [
    Relation::Same,
    Relation::Equivalent,
    Relation::Ancestor,
    Relation::Descendant,
    Relation::Overlapping,
    Relation::Sibling,
    Relation::Related,
    Relation::Unrelated,
];

/// The fixture rounds to twelve decimals.
const CLOSE: f64 = 1e-11;

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
                let fields = ["nodes", "equivalent", "overlaps", "disjoint", "credit"];
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

    /// All nodes by id, in which order the fixture has its tables.
    fn by_id(&self) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = self.taxonomy.nodes().collect();
        nodes.sort_by_key(|&n| self.taxonomy.id(n));
        nodes
    }

    /// The images, each as often as it occurs.
    fn images(&self) -> impl Iterator<Item = &Value> {
        self.list("images").iter().flat_map(|image| {
            let times = image["times"].as_u64().unwrap() as usize;
            std::iter::repeat_n(image, times)
        })
    }

    /// The prompts of a node: one, or two that lean away from it to either side, of any length. Its prototype has an
    /// axis of its own, or leans on another's.
    fn prompts(&self, n: NodeId, axes: &[NodeId]) -> Vec<Vec<f32>> {
        let mut prompt = vec![0.0; axes.len() + 1];
        let mut set = |node: NodeId, length: f64| {
            let axis = axes.iter().position(|&a| a == node).unwrap();
            prompt[axis] = (3.0 * length) as f32;
        };
        match self.facts["leaning"].get(self.taxonomy.id(n)) {
            Some(leaning) => {
                let cosine = leaning[1].as_f64().unwrap();
                set(self.node(&leaning[0]), cosine);
                set(n, (1.0 - cosine * cosine).sqrt());
            }
            None => set(n, 1.0),
        }
        if n.index().is_multiple_of(2) {
            return vec![prompt];
        }
        [2.0, -2.0]
            .map(|aside| {
                let mut prompt = prompt.clone();
                *prompt.last_mut().unwrap() = aside;
                prompt
            })
            .to_vec()
    }

    /// The run that the program would make of these images.
    fn run(&self, credit: CreditPolicy, top_k: usize) -> Run {
        let candidates = self.nodes(&self.facts["candidates"]);
        let truths: Vec<Vec<NodeId>> = self.images().map(|i| self.nodes(&i["truths"])).collect();
        let mut prompted = candidates.clone();
        let mut met: HashSet<NodeId> = candidates.iter().copied().collect();
        prompted.extend(truths.iter().flatten().filter(|&&t| met.insert(t)));
        let axes = self.by_id();
        let prompts: Vec<Vec<Vec<f32>>> =
            prompted.iter().map(|&n| self.prompts(n, &axes)).collect();
        let pictures = self.images().flat_map(|image| {
            let digits = image["picture"].as_str().unwrap().bytes();
            let mut picture: Vec<f32> = digits.map(|d| f32::from(d - b'0')).collect();
            picture.push(0.0);
            let norm = picture.iter().map(|v| v * v).sum::<f32>().sqrt();
            picture.into_iter().map(move |v| v / norm)
        });
        let inputs = Inputs {
            taxonomy: &self.taxonomy,
            candidates,
            prompt_counts: prompts.iter().map(Vec::len).collect(),
            prompted,
            prompt_embeddings: Matrix::new(
                axes.len() + 1,
                prompts.into_iter().flatten().flatten().collect(),
            ),
            images: (0..truths.len()).map(|i| i.to_string()).collect(),
            truths,
            image_embeddings: Matrix::new(axes.len() + 1, pictures.collect()),
            logit_scale: 100.0,
            collision_threshold: self.facts["threshold"].as_f64().unwrap(),
            credit,
            top_k,
        };
        Run::build(inputs, manifest())
    }

    /// The policies in the order in which the fixture has their credits: those there are, then the file's own.
    fn policies(&self) -> Vec<CreditPolicy> {
        let names = ["strict", "logical", "hf1", "wu-palmer", "lin", "depth"];
        let own = CreditPolicy::from_section(self.taxonomy.credit().unwrap()).unwrap();
        names
            .map(|name| CreditPolicy::by_name(name).unwrap())
            .into_iter()
            .chain([own])
            .collect()
    }
}

/// A run's figures do not depend on what made it.
fn manifest() -> Manifest {
    let hash = || SourceHash {
        source: String::new(),
        sha256: String::new(),
    };
    Manifest {
        schema: 1,
        cladist: String::new(),
        taxonomy: hash(),
        prompts: hash(),
        images: hash(),
        model: Value::Null,
        device: String::new(),
        dtype: String::new(),
        candidates: hash(),
        options: Default::default(),
        counts: Counts {
            images: 0,
            predicted: 0,
            scored: 0,
            unlabelled: 0,
            skipped_unknown_label: 0,
            skipped_bad_image: 0,
            candidates: 0,
            prompts: 0,
        },
    }
}

#[track_caller]
fn assert_close(found: Option<f64>, expected: &Value, what: &str) {
    let (found, expected) = (found, expected.as_f64());
    let is_close = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() < CLOSE,
        (found, expected) => found == expected,
    };
    assert!(is_close, "{what}: {found:?}, expected {expected:?}");
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

/// A virtual root is there for several roots, and a root is a class: what makes the worlds different must be in them.
#[test]
fn there_are_worlds_with_one_root_and_with_more_nodes_without_parents() {
    let (mut one, mut hidden) = (0, 0);
    for world in World::all() {
        let taxonomy = &world.taxonomy;
        let without_parents = taxonomy.nodes().filter(|&n| taxonomy.parents(n).is_empty());
        let nodes = without_parents.count();
        match taxonomy.counts().roots {
            1 => {
                one += 1;
                hidden += usize::from(nodes > 1);
            }
            _ => assert!(nodes > 1),
        }
    }
    assert!(one > hidden && hidden > 0, "{one} {hidden}");
}

#[test]
fn relations_and_lowest_common_ancestors() {
    for world in World::all() {
        let (taxonomy, nodes) = (&world.taxonomy, world.by_id());
        let id = |n: NodeId| taxonomy.id(n);
        let mut lca = world.list("lca").iter();
        for (i, &a) in nodes.iter().enumerate() {
            let relations = world.list("relations")[i].as_str().unwrap().bytes();
            for (&b, digit) in nodes.iter().zip(relations) {
                let expected = RELATIONS[usize::from(digit - b'0')];
                assert_eq!(taxonomy.relation(a, b), expected, "{} {}", id(a), id(b));
            }
            for &b in &nodes[i..] {
                let expected = lca.next().unwrap().as_str().unwrap();
                let chosen = expected.split(' ').next().filter(|id| !id.is_empty());
                let mut set: Vec<&str> = expected.split_terminator(' ').collect();
                set.sort_unstable();
                for (a, b) in [(a, b), (b, a)] {
                    assert_eq!(taxonomy.lca(a, b).map(id), chosen, "{} {}", id(a), id(b));
                    let found: Vec<&str> = taxonomy.lca_set(a, b).into_iter().map(id).collect();
                    assert_eq!(found, set, "{} {}", id(a), id(b));
                }
            }
        }
        assert_eq!(lca.next(), None);
    }
}

#[test]
fn information_and_depth() {
    for world in World::all() {
        for (i, n) in world.by_id().into_iter().enumerate() {
            let id = world.taxonomy.id(n);
            let information = world.taxonomy.information(n);
            assert_close(Some(information), &world.list("information")[i], id);
            let (min, max) = world.taxonomy.depth(n);
            assert_eq!(json!([min, max]), world.list("depth")[i], "{id}");
        }
    }
}

#[test]
fn answers_verdicts_and_the_number_of_valid_candidates() {
    for world in World::all() {
        let id = |n: NodeId| world.taxonomy.id(n);
        let run = world.run(CreditPolicy::Strict, 5);
        assert_eq!(run.predictions.len(), world.images().count());
        for (found, expected) in run.predictions.iter().zip(world.images()) {
            let best: Vec<&str> = found.top_k.iter().map(|answer| id(answer.label)).collect();
            assert_eq!(json!(best), expected["best"], "{expected}");
            let judged = found.judged.map(|judged| {
                let Judged {
                    verdict,
                    relation,
                    truth,
                    k,
                    ..
                } = judged;
                json!([verdict, relation, id(truth), k])
            });
            let fields = ["verdict", "relation", "truth", "k"].map(|f| expected.get(f));
            let fields = fields.into_iter().collect::<Option<Vec<_>>>();
            assert_eq!(judged, fields.map(|f| json!(f)), "{expected}");
        }
        let candidates = world.nodes(&world.facts["candidates"]);
        let valid = ValidSets::new(&world.taxonomy, &candidates);
        for image in world.images().filter(|image| image.get("k").is_some()) {
            let truths = world.nodes(&image["truths"]);
            assert_eq!(json!(valid.of(&truths).len()), image["k"], "{image}");
        }
    }
}

#[test]
fn credit_under_every_policy() {
    for world in World::all() {
        for (i, policy) in world.policies().into_iter().enumerate() {
            let name = policy.name();
            let run = world.run(policy, 1);
            for (found, expected) in run.predictions.iter().zip(world.images()) {
                let credit = found.judged.map(|judged| judged.credit);
                assert_close(credit, &expected["credit"][i], name);
            }
            let summary = &run.summary;
            assert_eq!(summary.credit_policy, name);
            assert_close(summary.credit, &world.facts["summary"]["credit"][i], name);
            assert_close(
                summary.strict_credit,
                &world.facts["summary"]["credit"][0],
                name,
            );
        }
    }
}

/// Every figure of the summary; top-5 accuracy also where fewer answers are kept.
#[test]
fn the_summary() {
    for world in World::all() {
        let expected = &world.facts["summary"];
        for top_k in [1, 5, 0] {
            let summary = world.run(CreditPolicy::Strict, top_k).summary;
            assert_eq!(json!(summary.n), expected["n"]);
            assert_eq!(json!(summary.errors), expected["errors"]);
            assert_eq!(summary.candidates, world.list("candidates").len());
            assert_close(summary.top1, &expected["top1"], "top1");
            assert_eq!(json!(summary.top5.k), expected["top5"][0]);
            assert_close(summary.top5.accuracy, &expected["top5"][1], "top5");

            let counts: Vec<usize> = summary.verdicts.iter().map(|row| row.count).collect();
            assert_eq!(json!(counts), expected["verdicts"]);
            let (n, errors) = (summary.n as f64, summary.errors as f64);
            for (i, row) in summary.verdicts.iter().enumerate() {
                let of = |whole: f64| Some(row.count as f64 / whole);
                let of_errors = |whole| if i == 0 { None } else { of(whole) };
                assert_eq!(row.share, of(n));
                assert_eq!(row.share_of_error, of_errors(errors));
                assert_eq!(row.delta_accuracy, of_errors(n));
            }

            let multiplicity = &summary.multiplicity;
            assert_eq!(
                json!([
                    multiplicity.confirmed,
                    multiplicity.possible,
                    multiplicity.mistakes
                ]),
                expected["multiplicity"]
            );
            let share = multiplicity.share_of_error.unwrap();
            assert_close(Some(share.low), &expected["share_of_error"][0], "low");
            assert_close(Some(share.high), &expected["share_of_error"][1], "high");
            assert_close(
                multiplicity.mistake_share,
                &expected["mistake_share"],
                "mistake share",
            );

            let valid = &summary.valid_set;
            for (found, name) in [
                (valid.mean_k, "mean_k"),
                (valid.ceiling, "ceiling"),
                (valid.top1_over_ceiling, "top1_over_ceiling"),
            ] {
                assert_close(found, &expected[name], name);
            }
            for (found, name) in [
                (valid.without_valid_candidate, "without_valid_candidate"),
                (valid.truth_not_a_candidate, "truth_not_a_candidate"),
            ] {
                assert_eq!(json!(found), expected[name], "{name}");
            }

            let confusions: Vec<Value> = summary
                .confusions
                .iter()
                .map(|c| json!([c.truth, c.answer, c.count, c.verdict, c.relation, c.lca]))
                .collect();
            assert_eq!(json!(confusions), expected["confusions"]);
        }
    }
}

/// What the worlds are made for occurs in them.
#[test]
fn the_worlds_have_what_is_rare() {
    let worlds = World::all();
    let images = || worlds.iter().flat_map(World::images);
    for verdict in ["synonym", "also_valid", "name_collision", "unrelated"] {
        let count = images().filter(|i| i["verdict"] == verdict).count();
        assert!(count > 10, "{count} {verdict}");
    }
    let sum = |figure: &str| {
        let of = |w: &World| w.facts["summary"][figure].as_u64().unwrap();
        worlds.iter().map(of).sum::<u64>()
    };
    assert!(sum("without_valid_candidate") > 10);
    assert!(sum("truth_not_a_candidate") > 10);
    // Collisions of prototypes alone, on either side of the threshold, and ties that ids decide.
    let (mut above, mut below, mut ties) = (0, 0, 0);
    for world in &worlds {
        let run = world.run(CreditPolicy::Strict, 2);
        for prediction in &run.predictions {
            let (answers, Some(judged)) = (&prediction.top_k, prediction.judged) else {
                continue;
            };
            ties += usize::from(answers[0].similarity == answers[1].similarity);
            let leans = |a: NodeId, b: NodeId| {
                let leaning = world.facts["leaning"].get(world.taxonomy.id(a))?;
                (world.node(&leaning[0]) == b).then(|| leaning[1].as_f64())?
            };
            let answer = answers[0].label;
            let pairs = prediction.truths.iter().map(|&t| (answer, t));
            let cosine = pairs
                .filter_map(|(a, b)| leans(a, b).or_else(|| leans(b, a)))
                .fold(0.0, f64::max);
            let is_collision = judged.verdict.name() == "name_collision";
            let threshold = world.facts["threshold"].as_f64().unwrap();
            above += usize::from(is_collision && cosine >= threshold);
            below += usize::from(!is_collision && cosine > 0.0 && cosine < threshold);
        }
    }
    assert!(
        above > 10 && below > 5 && ties > 20,
        "{above} {below} {ties}"
    );
}
