//! What a run says against an independent implementation (`tests/parity/verdicts.py`) on random DAGs with one root or
//! several, equivalences, overlaps, disjointness, shared names and prototypes that nearly coincide: relations, LCA sets,
//! information, answers with ties, verdicts, K, credit, masses, suspect annotations, and every figure of the summary.

use std::borrow::Cow;
use std::collections::HashSet;

use cladist::matrix::Matrix;
use cladist::run::{Counts, Evidence, Inputs, Manifest, Prompts, Run, SourceHash};
use cladist::score::{
    AlsoRight, Annotations, Collisions, CreditPolicy, Judge, Judged, Match, PrecisionRecall,
    Ranked, Root, Rule, ValidSets,
};
use cladist::taxonomy::{NodeId, Relation, Taxonomy};
use serde_json::{Value, json};

use crate::worlds;

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

/// What becomes of similarities in f32, each off by some 1e-7, by the sharpest softmax.
const CLOSE_PROBABILITY: f64 = 1e-5;

struct World {
    facts: Value,
    taxonomy: Taxonomy,
}

impl World {
    fn all() -> Vec<World> {
        let worlds = worlds::load(include_str!("../fixtures/verdicts.json"));
        let world = |(facts, taxonomy)| World { facts, taxonomy };
        worlds.map(world).collect()
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
        self.run_with(self.truths(), credit, top_k)
    }

    /// The labels of the images, the primary one first.
    fn truths(&self) -> Vec<Vec<NodeId>> {
        self.images().map(|i| self.nodes(&i["truths"])).collect()
    }

    /// The run if the images had these labels.
    fn run_with(&self, truths: Vec<Vec<NodeId>>, credit: CreditPolicy, top_k: usize) -> Run {
        let candidates = self.nodes(&self.facts["candidates"]);
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
        let evidence = Evidence::Embedded {
            similarities: None,
            images: Cow::Owned(Matrix::new(axes.len() + 1, pictures.collect())),
            prompts: Cow::Owned(Prompts {
                counts: prompts.iter().map(Vec::len).collect(),
                nodes: prompted,
                embeddings: Matrix::new(
                    axes.len() + 1,
                    prompts.into_iter().flatten().flatten().collect(),
                )
                .into(),
            }),
            kinds: None,
            logit_scale: self.facts["logit_scale"].as_f64().unwrap() as f32,
        };
        let annotations = Annotations::of_truths(truths);
        let inputs = Inputs {
            collision_threshold: self.facts["threshold"].as_f64().unwrap(),
            credit,
            top_k,
            ..inputs(&self.taxonomy, candidates, annotations, evidence)
        };
        Run::build(inputs, manifest()).unwrap()
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

/// What is judged in the plainest way: answers are those that fit best, credit is strict, all candidates are kept. Images are called by their
/// numbers.
pub fn inputs<'a>(
    taxonomy: &'a Taxonomy,
    candidates: Vec<NodeId>,
    annotations: Annotations,
    evidence: Evidence<'a>,
) -> Inputs<'a> {
    let names: Vec<String> = (0..annotations.len()).map(|i| i.to_string()).collect();
    Inputs {
        taxonomy,
        candidates,
        images: names.iter().map(String::as_str).collect(),
        annotations,
        also_right: AlsoRight::default(),
        uncertainty: None,
        evidence,
        collision_threshold: 0.99,
        credit: CreditPolicy::Strict,
        root: Root::default(),
        strategy: Match::Mean,
        rule: Rule::Argmax,
        calibration: Vec::new(),
        top_k: 0,
    }
}

/// A run's figures do not depend on what made it.
pub fn manifest() -> Manifest {
    let hash = || SourceHash {
        source: String::new(),
        sha256: String::new(),
    };
    Manifest {
        schema: 1,
        cladist: String::new(),
        taxonomy: hash(),
        prompts: None,
        images: hash(),
        truth: Default::default(),
        right_too: Default::default(),
        model: Value::Null,
        device: None,
        dtype: None,
        candidates: hash(),
        options: Default::default(),
        counts: Counts {
            images: 0,
            predicted: 0,
            labelled: 0,
            calibration: 0,
            unlabelled: 0,
            skipped_unknown_label: 0,
            skipped_problematic: 0,
            skipped_bad_image: 0,
            candidates: 0,
            prompts: 0,
        },
    }
}

#[track_caller]
fn assert_close(found: Option<f64>, expected: &Value, what: &str) {
    assert_within(CLOSE, found, expected, what);
}

#[track_caller]
fn assert_within(allowed: f64, found: Option<f64>, expected: &Value, what: &str) {
    let expected = expected.as_f64();
    let is_close = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() < allowed,
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
        for (i, expected) in world.images().enumerate() {
            let found = run.predictions.get(i);
            let best: Vec<&str> = run.predictions.ranked(i).map(|r| id(r.label)).collect();
            assert_eq!(json!(best), expected["best"], "{expected}");
            let judged = found.judged.map(|judged| {
                let Judged {
                    verdict,
                    relation,
                    truth,
                    k,
                    ..
                } = *judged;
                json!([verdict, relation, id(truth), k])
            });
            let fields = ["verdict", "relation", "truth", "k"].map(|f| expected.get(f));
            let fields = fields.into_iter().collect::<Option<Vec<_>>>();
            assert_eq!(judged, fields.map(|f| json!(f)), "{expected}");
        }
        let candidates = world.nodes(&world.facts["candidates"]);
        let judge = Judge {
            taxonomy: &world.taxonomy,
            collisions: &Collisions::default(),
            also_right: &AlsoRight::default(),
        };
        let valid = ValidSets::new(judge, &candidates);
        let annotations = Annotations::of_truths(world.truths());
        for (i, image) in world.images().enumerate() {
            if image.get("k").is_some() {
                let valid = valid.of(annotations.get(i));
                assert_eq!(json!(valid.len()), image["k"], "{image}");
            }
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

#[test]
fn masses_and_suspect_annotations() {
    for world in World::all() {
        let run = world.run(CreditPolicy::Strict, 1);
        for (found, expected) in run.predictions.iter().zip(world.images()) {
            let (Some(_), Some(mass)) = (found.judged, found.mass) else {
                assert_eq!(expected.get("mass"), None);
                continue;
            };
            let close = |found, of: &Value| {
                assert_within(CLOSE_PROBABILITY, found, of, &expected.to_string());
            };
            close(mass.truth, &expected["mass"][0]);
            close(Some(mass.valid), &expected["mass"][1]);
            let checked = found.checked;
            close(
                checked.map(|c| c.self_confidence),
                &expected["self_confidence"],
            );
            let looks_like = checked.and_then(|c| c.looks_like);
            let looks_like = looks_like.map(|n| world.taxonomy.id(n));
            assert_eq!(json!(looks_like), expected["looks_like"], "{expected}");
        }
    }
}

/// Every figure of the summary but those below; top-5 accuracy also where fewer answers are kept.
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

#[test]
fn the_summary_of_masses_and_suspect_annotations() {
    for world in World::all() {
        let expected = &world.facts["summary"];
        let summary = world.run(CreditPolicy::Strict, 1).summary;
        let found = summary.dilution.unwrap();
        let expected_dilution = &expected["dilution"];
        let close = |found, of: &Value, what| assert_within(CLOSE_PROBABILITY, found, of, what);
        let mass = &expected_dilution["semantic_mass"];
        close(found.semantic_mass, mass, "semantic mass");
        assert_eq!(json!(found.n), expected_dilution["n"]);
        let rows = expected_dilution["by_k"].as_array().unwrap();
        assert_eq!(found.by_k.len(), rows.len());
        for (found, row) in found.by_k.iter().zip(rows) {
            assert_eq!(json!([found.k, found.n]), json!([row[0], row[1]]));
            close(Some(found.mean), &row[2], "mean dilution");
            assert_close(Some(found.expected), &row[3], "1/K");
        }
        // Relative errors of the means add up in it, over a range of log K of about 1.
        let slope = &expected_dilution["slope"];
        assert_within(10.0 * CLOSE_PROBABILITY, found.slope, slope, "slope");

        let found = summary.suspects.unwrap();
        assert_eq!(
            json!([found.checked, found.flagged, found.confirmed]),
            expected["suspects"]
        );
        let share = found.flagged as f64 / found.checked as f64;
        assert_eq!(found.share, Some(share));
    }
}

#[test]
fn metrics_of_closures_information_and_calibration() {
    for world in World::all() {
        let found = world.run(CreditPolicy::Strict, 1).summary.metrics;
        let expected = &world.facts["summary"]["metrics"];
        let check = |within: f64, name: &str, found: &[Option<f64>]| {
            let expected = expected[name].as_array().unwrap();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert_within(within, *found, expected, name);
            }
        };
        let scores = |of: &PrecisionRecall| [of.precision, of.recall, of.f1];
        let hierarchical = [
            scores(&found.hierarchical.micro),
            scores(&found.hierarchical.macro_),
        ];
        check(CLOSE, "hierarchical", &hierarchical.concat());
        for (name, of) in [("information", &found.information), ("depth", &found.depth)] {
            let others = [of.correct, of.excess, of.deficient, of.truncated];
            check(CLOSE, name, &[&scores(&of.scores)[..], &others].concat());
        }
        for (name, of) in [
            ("severity_height", &found.severity_height),
            ("severity_bertinetto", &found.severity_bertinetto),
        ] {
            let figures = [of.mistake_severity, of.hdist_1, of.hdist_k, of.hdist_top_k];
            check(CLOSE, name, &figures);
        }
        for (name, of) in [
            ("calibration_exact", &found.calibration_exact),
            ("calibration_valid", &found.calibration_valid),
        ] {
            let figures = [of.ece, of.ece_equal_mass, of.mce, of.brier];
            check(CLOSE_PROBABILITY, name, &figures);
        }
    }
}

/// Forgiving one cause where an error has several; the Shapley values are from the definition over all subsets.
#[test]
fn causes_that_overlap() {
    let mut overlapping = 0;
    for world in World::all() {
        let summary = world.run(CreditPolicy::Strict, 1).summary;
        let expected = world.facts["summary"]["causes"].as_array().unwrap();
        assert_eq!(summary.causes.len(), expected.len());
        let mut total = 0.0;
        for (found, row) in summary.causes.iter().zip(expected) {
            let name = found.cause.name();
            assert_eq!(json!(found.count), row[0], "{name}");
            assert_close(Some(found.alone), &row[1], name);
            assert_close(Some(found.last), &row[2], name);
            assert_close(Some(found.shapley), &row[3], name);
            overlapping += usize::from(found.last + 1e-9 < found.alone);
            total += found.shapley;
        }
        // Together they gain what forgiving everything that is forgiven by a verdict gains.
        let multiplicity = &summary.multiplicity;
        let forgiven = (multiplicity.confirmed + multiplicity.possible) as f64;
        assert!((total - forgiven / summary.n as f64).abs() < 1e-9);
    }
    assert!(overlapping > 10, "{overlapping}");
}

/// Against independence for the share, and 2000 permutations of the reference's own for the probability.
#[test]
fn what_luck_would_give() {
    for world in World::all() {
        let summary = world.run(CreditPolicy::Strict, 1).summary;
        let (n, permutations) = (summary.n as f64, summary.permutations as f64);
        let expected = world.facts["summary"]["by_chance"].as_array().unwrap();
        for (row, of) in summary.verdicts.iter().zip(expected) {
            let (share, p) = (of[0].as_f64().unwrap(), of[1].as_f64().unwrap());
            // Five standard errors of a mean of permutations, each of which is nearly binomial.
            let allowed = 5.0 * (share * (1.0 - share) / n / permutations).sqrt() + CLOSE;
            let name = row.verdict.name();
            assert_within(allowed, row.by_chance, &of[0], name);
            let difference = row.share.unwrap() - row.by_chance.unwrap();
            assert_eq!(row.excess, Some(difference));
            let allowed = 5.0 * (p * (1.0 - p) * (1.0 / permutations + 1.0 / 2000.0)).sqrt();
            assert_within(allowed + 0.002, row.p_value, &of[1], name);
        }
    }
}

/// Against drawing the images of the fixture one by one, 2000 times here and there. A quantile that leaves out 2.5 %
/// has a Monte-Carlo error of sqrt(0.025 · 0.975 / 2000) / φ(1.96) = 0.06 standard deviations of the replicates, the
/// difference of two such 0.085: five times that is allowed.
#[test]
fn the_headline_interval_is_that_of_drawing_images() {
    const ALLOWED: f64 = 5.0 * 0.085;
    let (mut intervals, mut lowered) = (0, 0);
    for world in World::all() {
        let multiplicity = world.run(CreditPolicy::Strict, 1).summary.multiplicity;
        let expected = &world.facts["summary"]["interval_95"];
        let Some(found) = multiplicity.interval_95 else {
            assert_eq!(expected, &Value::Null);
            continue;
        };
        for (found, end) in [(found.low, &expected[0]), (found.high, &expected[1])] {
            let deviation = end[1].as_f64().unwrap();
            assert_within(ALLOWED * deviation, Some(found), &end[0], "interval");
        }
        intervals += 1;
        // Suspect annotations count for more than what is allowed.
        let suspects = world.facts["summary"]["suspects"][2].as_f64().unwrap();
        let errors = world.facts["summary"]["errors"].as_f64().unwrap();
        let deviation = expected[0][1].as_f64().unwrap();
        lowered += usize::from(suspects / errors > 2.0 * ALLOWED * deviation);
    }
    assert!(intervals > 5 && lowered > 2, "{intervals} {lowered}");
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
    // Suspect annotations whose answer is right all the same and whose is not, and labels that cannot be checked.
    let flagged = |verdicts: &[&str]| {
        let is_flagged = |i: &&Value| i["looks_like"].is_string();
        let has = |i: &&Value| verdicts.iter().any(|&v| i["verdict"] == v);
        images().filter(is_flagged).filter(has).count()
    };
    let confirmed = flagged(&["synonym", "also_valid", "generalised"]);
    let mistaken = flagged(&["near", "related", "unrelated"]);
    let unchecked = images()
        .filter(|i| i.get("mass").is_some() && i["self_confidence"].is_null())
        .count();
    assert!(
        confirmed > 20 && mistaken > 20 && unchecked > 20,
        "{confirmed} {mistaken} {unchecked}"
    );
    // With the primary label alone they would look like another class.
    let mut ruled_out = 0;
    for world in &worlds {
        let mut truths = world.truths();
        truths.iter_mut().for_each(|labels| labels.truncate(1));
        let alone = world.run_with(truths, CreditPolicy::Strict, 1);
        for (alone, image) in alone.predictions.iter().zip(world.images()) {
            let looks_like = alone.checked.and_then(|checked| checked.looks_like);
            let looks_like = looks_like.map(|n| world.taxonomy.id(n));
            ruled_out +=
                usize::from(looks_like.is_some() && json!(looks_like) != image["looks_like"]);
        }
    }
    assert!(ruled_out > 20, "{ruled_out}");
    // Many K, and one alone.
    let rows = |w: &World| {
        w.facts["summary"]["dilution"]["by_k"]
            .as_array()
            .unwrap()
            .len()
    };
    assert!(worlds.iter().any(|w| rows(w) == 1));
    assert!(worlds.iter().filter(|w| rows(w) > 6).count() > 3);
    // Collisions of prototypes alone, on either side of the threshold, and ties that ids decide.
    let (mut above, mut below, mut ties) = (0, 0, 0);
    for world in &worlds {
        let run = world.run(CreditPolicy::Strict, 2);
        for (i, prediction) in run.predictions.iter().enumerate() {
            let Some(judged) = prediction.judged else {
                continue;
            };
            let answers: Vec<Ranked> = run.predictions.ranked(i).collect();
            let next = answers.get(1).map(|answer| answer.similarity);
            ties += usize::from(next == Some(answers[0].similarity));
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
