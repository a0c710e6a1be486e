//! Every rule by hand, on a DAG with a diamond, and what holds on any graph.

use proptest::prelude::*;

use super::*;
use crate::score::Ranked;
use crate::score::measures::Measure;
use crate::taxonomy::load_str;

/// The square is below rectangle and rhombus; `disc` and `circle` are one class. Leaves: square, oblong, lozenge, the circle.
const FIGURES: &str = "\
tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], round: [circle], disc: }}
equivalent: [[circle, disc]]
";
const LEAVES: [&str; 4] = ["square", "oblong", "lozenge", "circle"];

fn load(text: &str) -> Taxonomy {
    load_str("t", text).into_sound().unwrap()
}

fn nodes(taxonomy: &Taxonomy, ids: &[&str]) -> Vec<NodeId> {
    ids.iter().map(|id| taxonomy.find(id).unwrap()).collect()
}

/// The answer of a decider: id and confidence.
fn of(decider: &Decider<'_>, p: &[f64]) -> Option<(String, f64)> {
    let answer = decider.answer(&Scores {
        similarities: &[],
        probabilities: p,
    })?;
    let id = decider.masses().taxonomy.id(answer.node);
    Some((id.to_owned(), answer.confidence))
}

fn check(text: &str, candidates: &[&str], cases: &[(&str, &[f64], Option<(&str, f64)>)]) {
    let taxonomy = load(text);
    let candidates = nodes(&taxonomy, candidates);
    for (rule, p, expected) in cases {
        let decider = Decider::new(&taxonomy, &candidates, &Rule::parse(rule).unwrap()).unwrap();
        let expected = expected.map(|(id, confidence)| (id.to_owned(), confidence));
        assert_eq!(of(&decider, p), expected, "{rule} of {p:?}");
    }
}

#[test]
fn masses_count_a_diamond_once_and_a_class_as_one() {
    let taxonomy = load(FIGURES);
    let candidates = nodes(
        &taxonomy,
        &["square", "oblong", "lozenge", "circle", "disc", "rhombus"],
    );
    let masses = Masses::new(&taxonomy, &candidates).unwrap();
    let all = masses.of(&[0.25, 0.125, 0.125, 0.125, 0.25, 0.125]);
    let found: std::collections::BTreeMap<&str, f64> = masses
        .nodes()
        .iter()
        .map(|&n| taxonomy.id(n))
        .zip(all)
        .collect();
    let expected = [
        ("circle", 0.375),
        ("figure", 1.0),
        ("lozenge", 0.125),
        ("oblong", 0.125),
        ("rectangle", 0.375),
        ("rhombus", 0.5),
        ("round", 0.375),
        ("square", 0.25),
    ];
    assert_eq!(found, expected.into_iter().collect());
}

#[test]
fn downwards_to_what_is_sure_enough() {
    let p: &[f64] = &[0.375, 0.25, 0.125, 0.25];
    let flat: &[f64] = &[0.25; 4];
    check(
        FIGURES,
        &LEAVES,
        &[
            ("argmax", p, Some(("square", 0.375))),
            ("leaf", p, Some(("square", 0.375))),
            // Least id of equals.
            ("argmax", flat, Some(("circle", 0.25))),
            // 0.625; the rhombus has 0.5, which is not above one half.
            ("majority", p, Some(("rectangle", 0.625))),
            ("threshold:0.5", p, Some(("rectangle", 0.625))),
            ("threshold:0.625", p, Some(("rectangle", 0.625))),
            ("threshold:0.63", p, Some(("figure", 1.0))),
            ("threshold:0.3", p, Some(("square", 0.375))),
            ("threshold:0", p, Some(("square", 0.375))),
            // Rectangle and rhombus are as informative and as massive, and as deep.
            (
                "majority",
                &[0.5, 0.25, 0.25, 0.0],
                Some(("rectangle", 0.75)),
            ),
            // Of round and circle, which have the same mass and information, the deeper.
            ("majority", &[0.25, 0.0, 0.0, 0.75], Some(("circle", 0.75))),
        ],
    );
    // An upper candidate with probability of its own: as informative as its only child, and more sure.
    check(
        "tree: {top: {chain: [link], other: }}",
        &["chain", "link", "other"],
        &[
            ("threshold:0.25", &[0.25, 0.5, 0.25], Some(("chain", 0.75))),
            ("threshold:0.25", &[0.0, 0.75, 0.25], Some(("link", 0.75))),
        ],
    );
    // No root has enough.
    check(
        "tree: {a: [b, c], d: }",
        &["b", "c", "d"],
        &[
            ("majority", &[0.25, 0.25, 0.5], None),
            ("threshold:0.5", &[0.25, 0.25, 0.5], Some(("d", 0.5))),
            ("rollup:0.6", &[0.25, 0.25, 0.5], None),
            ("leaf", &[0.25, 0.25, 0.5], Some(("d", 0.5))),
        ],
    );
}

#[test]
fn upwards_to_what_is_sure_enough() {
    let p: &[f64] = &[0.375, 0.25, 0.125, 0.25];
    check(
        FIGURES,
        &LEAVES,
        &[
            ("rollup:0.375", p, Some(("square", 0.375))),
            // Both parents are one edge up; the rectangle has more.
            ("rollup:0.4", p, Some(("rectangle", 0.625))),
            ("rollup:0.7", p, Some(("figure", 1.0))),
            // From the circle the figure is one edge up through its equivalent, and so is what is round.
            ("rollup:0.5", &[0.25, 0.0, 0.25, 0.5], Some(("circle", 0.5))),
            ("rollup:0.6", &[0.25, 0.0, 0.25, 0.5], Some(("figure", 1.0))),
        ],
    );
    // `rectangle` is a candidate with one below it, so the climb does not begin there; `rhombus` is lowest, though no leaf.
    check(
        FIGURES,
        &["rectangle", "oblong", "rhombus"],
        &[
            ("rollup:0.5", &[0.5, 0.125, 0.375], Some(("figure", 1.0))),
            ("rollup:0.3", &[0.5, 0.125, 0.375], Some(("rhombus", 0.375))),
        ],
    );
}

#[test]
fn from_the_roots_down() {
    // Greedily to the rectangle, 0.4375 against 0.375 and 0.3125; of it to the oblong. The best candidate is elsewhere.
    let text =
        "tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], circle: }}";
    let p: &[f64] = &[0.125, 0.3125, 0.1875, 0.375];
    check(
        text,
        &LEAVES,
        &[
            ("top-down", p, Some(("oblong", 0.3125))),
            ("top-down:beam=2", p, Some(("circle", 0.375))),
            ("top-down:beam=9", p, Some(("circle", 0.375))),
        ],
    );
    // A candidate on the way: it stops where its own probability is above every child's mass, goes on where it is equal.
    check(
        text,
        &["rectangle", "square", "oblong"],
        &[
            ("top-down", &[0.5, 0.25, 0.25], Some(("rectangle", 1.0))),
            ("top-down", &[0.375, 0.375, 0.25], Some(("square", 0.375))),
            (
                "top-down:beam=3",
                &[0.375, 0.375, 0.25],
                Some(("rectangle", 1.0)),
            ),
        ],
    );
    check(
        "tree: {a: [b, c], d: }",
        &["b", "c", "d"],
        &[
            ("top-down", &[0.25, 0.5, 0.25], Some(("c", 0.5))),
            ("top-down", &[0.25, 0.125, 0.625], Some(("d", 0.625))),
        ],
    );
}

#[test]
fn least_expected_distance_by_hand() {
    // Heights: rectangle and rhombus 1, figure 2. Expected: square 0.5·1 + 0.25·1 + 0.25·2 …
    let text =
        "tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], circle: }}";
    check(
        text,
        &LEAVES,
        &[
            // square: 0.3125 + 0.1875 + 2·0.375 = 1.25; oblong: 0.125 + 2·0.5625 = 1.25; circle: 2·0.625 = 1.25; lozenge: 0.125 +
            // 2·0.6875: all but this are equal, so the least id.
            (
                "crm",
                &[0.125, 0.3125, 0.1875, 0.375],
                Some(("circle", 0.375)),
            ),
            // The most probable is the oblong; the square is near to it and to the lozenge: 0.75 against 0.25 + 2·0.375 = 1.
            (
                "crm:height",
                &[0.25, 0.375, 0.375, 0.0],
                Some(("square", 0.25)),
            ),
        ],
    );
    let taxonomy = load(&format!(
        "tree: {{a: [{}]}}",
        (0..=MAX_CRM)
            .map(|i| format!("n{i}"))
            .collect::<Vec<_>>()
            .join(", ")
    ));
    let everything: Vec<NodeId> = taxonomy.nodes().skip(1).collect();
    let refused = Decider::new(&taxonomy, &everything, &Rule::Crm(Measure::Height)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the rule `crm:height` keeps the distances of all pairs of candidates, and 4097 are too many: at most 4096; choose fewer candidates"
    );
}

/// Two orders; the cat family has two genera, one with two species.
const LIFE: &str = "
nodes:
  animalia: {rank: Kingdom}
  mammalia: {rank: class, parents: animalia}
  carnivora: {rank: order, parents: mammalia}
  felidae: {rank: family, parents: carnivora}
  felis: {rank: genus, parents: felidae}
  lynx: {rank: genus, parents: felidae}
  catus: {rank: species, parents: felis}
  silvestris: {rank: species, parents: felis}
  bobcat: {rank: species, parents: lynx}
  rodentia: {rank: order, parents: mammalia}
  mus: {rank: genus, parents: rodentia}
  musculus: {rank: species, parents: mus}
  rock: {}
";
const SPECIES: [&str; 6] = [
    "catus",
    "silvestris",
    "bobcat",
    "musculus",
    "rodentia",
    "rock",
];

#[test]
fn speciesnet_by_hand() {
    check(
        LIFE,
        &SPECIES,
        &[
            (
                "speciesnet",
                &[0.8125, 0.1, 0.0, 0.0, 0.0, 0.0],
                Some(("catus", 0.8125)),
            ),
            // Not above 0.8; felis has 0.875.
            (
                "speciesnet",
                &[0.75, 0.125, 0.0, 0.0625, 0.0, 0.0625],
                Some(("felis", 0.875)),
            ),
            (
                "speciesnet",
                &[0.5, 0.125, 0.25, 0.125, 0.0, 0.0],
                Some(("felidae", 0.875)),
            ),
            // Mus has 0.5 and its order 0.75.
            (
                "speciesnet",
                &[0.25, 0.0, 0.0, 0.5, 0.25, 0.0],
                Some(("rodentia", 0.75)),
            ),
            (
                "speciesnet",
                &[0.375, 0.0, 0.0, 0.25, 0.25, 0.125],
                Some(("mammalia", 0.875)),
            ),
            ("speciesnet", &[0.25, 0.0, 0.0, 0.0, 0.25, 0.5], None),
        ],
    );
}

#[test]
fn inaturalist_by_hand() {
    check(
        LIFE,
        &SPECIES,
        &[
            // A genus, never the species, however sure.
            (
                "inaturalist",
                &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                Some(("felis", 1.0)),
            ),
            (
                "inaturalist",
                &[0.5, 0.125, 0.25, 0.125, 0.0, 0.0],
                Some(("felidae", 0.875)),
            ),
            // Only orders and above are sure.
            ("inaturalist", &[0.0, 0.0, 0.0, 0.25, 0.75, 0.0], None),
            // What has less than 1 % of the best is left out before the sum.
            (
                "inaturalist",
                &[0.5, 0.004, 0.0, 0.004, 0.0, 0.004],
                Some(("felis", 1.0)),
            ),
        ],
    );
}

#[test]
fn pybioclip_by_hand() {
    check(
        LIFE,
        &SPECIES,
        &[
            (
                "pybioclip:species",
                &[0.25, 0.25, 0.0, 0.3125, 0.1875, 0.0],
                Some(("musculus", 0.3125)),
            ),
            (
                "pybioclip:genus",
                &[0.25, 0.25, 0.0, 0.3125, 0.1875, 0.0],
                Some(("felis", 0.5)),
            ),
            // Rodentia has no genus: it is a group of its own, and wins.
            ("pybioclip:genus", &[0.25, 0.0, 0.0, 0.25, 0.5, 0.0], None),
            (
                "pybioclip:order",
                &[0.25, 0.0, 0.125, 0.3125, 0.3125, 0.0],
                Some(("rodentia", 0.625)),
            ),
            (
                "pybioclip:order",
                &[0.25, 0.0, 0.25, 0.25, 0.25, 0.0],
                Some(("carnivora", 0.5)),
            ),
        ],
    );
    // Nothing has a phylum.
    let taxonomy = load(LIFE);
    let told = |rule: &str, candidates: &[&str]| {
        let rule = Rule::parse(rule).unwrap();
        Decider::new(&taxonomy, &nodes(&taxonomy, candidates), &rule)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        told("pybioclip:phylum", &SPECIES),
        "the rule `pybioclip:phylum` needs nodes with `rank:` phylum, and no candidate is one or has one above it: give them ranks in the taxonomy"
    );
    assert!(told("speciesnet", &["rock"]).contains("genus, family, order, class, kingdom"));
    assert!(told("inaturalist", &["rock", "rodentia"]).contains("genus, genushybrid"));
    let two = load("nodes: {a: {rank: genus}, b: {rank: genus}, c: {parents: [b, a]}}");
    let refused = Decider::new(&two, &nodes(&two, &["c"]), &Rule::SpeciesNet).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the rule `speciesnet` needs one node of each rank on the way up, and `c` has two of rank genus: `a` and `b`"
    );
}

#[test]
fn what_the_data_lack_is_told() {
    let taxonomy = load(FIGURES);
    let told = |rule: &str, candidates: &[&str]| {
        let rule = Rule::parse(rule).unwrap();
        Decider::new(&taxonomy, &nodes(&taxonomy, candidates), &rule)
            .unwrap_err()
            .to_string()
    };
    assert!(told("argmax", &[]).contains("no candidate"));
    assert!(told("argmax", &["square", "square"]).contains("`square` is a candidate twice"));
    assert!(told("leaf", &["rhombus", "figure"]).contains("none of the 2 candidates is one"));
    assert!(told("darts:0.05", &LEAVES).contains("the rule `darts:0.05` needs labelled images"));
    assert!(told("chils", &LEAVES).contains("subclasses"));
    assert!(told("rerank", &LEAVES).contains("which is a kind of"));
}

#[test]
fn chils_by_hand() {
    let taxonomy = load(FIGURES);
    let candidates = nodes(&taxonomy, &["rectangle", "rhombus", "circle"]);
    let chils = Chils::new(&taxonomy, &candidates).unwrap();
    let ids: Vec<&str> = chils
        .subclasses()
        .nodes
        .iter()
        .map(|&n| taxonomy.id(n))
        .collect();
    assert_eq!(ids, ["square", "oblong", "lozenge", "circle"]);
    assert_eq!(
        chils.subclasses().parents,
        [vec![0, 1], vec![0], vec![1], vec![2]]
    );
    let (p_sup, p_sub) = ([0.5, 0.25, 0.25], [0.5, 0.125, 0.25, 0.125]);
    // The square counts half in each: 0.25·0.5 = 0.125; rhombus 0.25·0.25 by either; circle 0.125·0.25.
    assert_eq!(
        super::chils(&p_sup, &p_sub, &chils.subclasses().parents),
        [0.125, 0.0625, 0.03125]
    );
    let answer = chils.answer(&p_sup, &p_sub).unwrap();
    assert_eq!(
        (taxonomy.id(answer.node), answer.confidence),
        ("rectangle", 0.125)
    );
}

#[test]
fn reranking_by_hand() {
    let taxonomy = load(FIGURES);
    let node = |id: &str| taxonomy.find(id).unwrap();
    let kind = |what: &str, kind: Option<&str>| KindOf {
        what: node(what),
        kind: kind.map(node),
    };
    assert_eq!(
        kinds_of(&taxonomy, node("rectangle")),
        [
            kind("rectangle", Some("figure")),
            kind("square", Some("figure")),
            kind("oblong", Some("figure")),
        ]
    );
    assert_eq!(
        kinds_of(&taxonomy, node("square")),
        [
            kind("square", Some("rectangle")),
            kind("square", Some("rhombus")),
        ]
    );
    assert_eq!(kinds_of(&taxonomy, node("figure"))[0], kind("figure", None));
    assert!(disagree(&[1, 1, 2]) && !disagree(&[1, 1]) && !disagree(&[]));
    let top = [4, 2, 7, 5].map(|candidate| Ranked {
        candidate,
        similarity: 0.0,
        probability: 0.0,
    });
    let similarities = [vec![0.1, 0.3], vec![0.2], vec![0.3, 0.25], vec![]];
    // Of the equal 4 and 7, the lesser.
    assert_eq!(rerank(&top, &similarities, |a, b| a.cmp(&b)), [0, 2, 1, 3]);
    assert_eq!(rerank(&top, &similarities, |a, b| b.cmp(&a)), [2, 0, 1, 3]);
}

/// Calibration items of the same probabilities.
fn items(darts: &Darts<'_>, p: &[f64], truth: NodeId, times: usize) -> Vec<DartsItem> {
    let scores = Scores {
        similarities: &[],
        probabilities: p,
    };
    let item = darts.item(&scores, &[truth]).unwrap();
    vec![item; times]
}

#[test]
fn darts_is_as_bold_as_the_bound_allows() {
    let taxonomy =
        load("tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], circle: }}");
    let candidates = nodes(&taxonomy, &LEAVES);
    let darts = || Darts::new(&taxonomy, &candidates, 0.1).unwrap();
    let (square, oblong) = (candidates[0], candidates[1]);
    // m·(r + λ): square 0.5·(2 + λ), rectangle 0.75·(1 + λ), figure λ. Rectangle from λ = 1, figure from λ = 3.
    let p = [0.5, 0.25, 0.125, 0.125];
    let made = darts();
    let mut split = items(&made, &p, square, 35);
    split.extend(items(&made, &p, oblong, 5));
    let decider = made.calibrate(&split).unwrap();
    let calibrated = decider.calibrated().unwrap();
    // 35 of 40 is not sure to be above 90 %; all of 40 is: 0.05^(1/40) = 0.928.
    assert!(
        (1.0 - 1e-9..1.0 + 2e-9).contains(&calibrated.lambda),
        "{calibrated:?}"
    );
    assert_eq!((calibrated.correct, calibrated.n), (40, 40));
    assert!((calibrated.bound - 0.05f64.powf(1.0 / 40.0)).abs() < 1e-12);
    assert_eq!(of(&decider, &p), Some(("rectangle".to_owned(), 0.75)));
    // All squares: the bold answer is right at once.
    let made = darts();
    let split = items(&made, &p, square, 40);
    let decider = made.calibrate(&split).unwrap();
    assert_eq!(decider.calibrated().unwrap().lambda, 0.0);
    assert_eq!(of(&decider, &p), Some(("square".to_owned(), 0.5)));
    assert_eq!(decider.rule().name(), "darts:0.1");
}

#[test]
fn darts_says_what_it_cannot_reach() {
    let taxonomy = load("tree: {a: [b, c], d: }");
    let candidates = nodes(&taxonomy, &["b", "c", "d"]);
    let darts = Darts::new(&taxonomy, &candidates, 0.25).unwrap();
    let p = [0.5, 0.25, 0.25];
    let mut split = items(&darts, &p, candidates[0], 10);
    split.extend(items(&darts, &p, candidates[2], 2));
    assert_eq!(
        darts.calibrate(&split).unwrap_err().to_string(),
        "the rule `darts:0.25` cannot promise that 0.7500 of its answers are right: even the safest answers are right for 10 of 12 calibration images, so only 0.5619 is sure at 95 %; allow more wrong answers, or give more calibration images"
    );
    let darts = || Darts::new(&taxonomy, &candidates, 0.25).unwrap();
    assert!(darts().calibrate(&[]).is_err());
    assert_eq!(
        darts().item(
            &Scores {
                similarities: &[],
                probabilities: &p
            },
            &[]
        ),
        None
    );
}

/// A graph, candidates and probabilities of multiples of 1/64.
fn worlds() -> impl Strategy<Value = (String, Vec<String>, Vec<f64>)> {
    (2usize..14).prop_flat_map(|n| {
        let parents: Vec<_> = (0..n)
            .map(|i| prop::collection::btree_set(0..i.max(1), 0..3.min(i + 1)))
            .collect();
        let equivalent = prop::collection::vec((0..n, 0..n), 0..2);
        let weights = prop::collection::vec(0u32..9, n);
        let ids = Just((0..n).collect::<Vec<_>>()).prop_shuffle();
        let chosen = prop::sample::subsequence((0..n).collect::<Vec<_>>(), 1..=n);
        (parents, equivalent, weights, ids, chosen).prop_map(
            |(parents, equivalent, weights, ids, chosen)| {
                let id = |i: usize| format!("n{:02}", ids[i]);
                let mut text = String::from("nodes:\n");
                for (i, above) in parents.iter().enumerate() {
                    let above: Vec<String> =
                        above.iter().filter(|&&p| p < i).map(|&p| id(p)).collect();
                    text.push_str(&format!(
                        "  {}: {{parents: [{}]}}\n",
                        id(i),
                        above.join(", ")
                    ));
                }
                let pairs = equivalent.iter().filter(|(a, b)| a != b);
                let pairs: Vec<String> = pairs
                    .map(|&(a, b)| format!("[{}, {}]", id(a), id(b)))
                    .collect();
                text.push_str(&format!("equivalent: [{}]\n", pairs.join(", ")));
                let total: u32 = chosen.iter().map(|&c| weights[c] + 1).sum();
                let p = chosen
                    .iter()
                    .map(|&c| f64::from(weights[c] + 1) / f64::from(total))
                    .collect();
                (text, chosen.into_iter().map(id).collect(), p)
            },
        )
    })
}

proptest! {
    #[test]
    fn answers_are_as_sure_as_they_say((text, candidates, p) in worlds(), least in 0.0f64..1.0) {
        // Where an equivalence closed a cycle it was dropped; the rest of the graph is there.
        let taxonomy = load_str("t", &text).taxonomy.unwrap();
        let ids: Vec<&str> = candidates.iter().map(String::as_str).collect();
        let candidates = nodes(&taxonomy, &ids);
        let masses = Masses::new(&taxonomy, &candidates).unwrap();
        let all = masses.of(&p);
        for (&node, &mass) in masses.nodes().iter().zip(&all) {
            let below = candidates.iter().zip(&p).filter(|(c, _)| taxonomy.is_ancestor(node, **c));
            prop_assert_eq!(mass, below.fold(0.0, |sum, (_, p)| sum + p));
            prop_assert!(mass <= 1.0 + 1e-9);
        }
        let scores = Scores { similarities: &[], probabilities: &p };
        let decide = |rule: Rule| Decider::new(&taxonomy, &candidates, &rule).unwrap().answer(&scores);
        for rule in [Rule::Rollup(least), Rule::Threshold(least)] {
            if let Some(answer) = decide(rule) {
                prop_assert!(answer.confidence >= least);
            }
        }
        let sequence = crate::score::Pareto::new(&taxonomy, &candidates, crate::score::Value::Depth);
        let sequence = sequence.unwrap().sequence(&p);
        let last = sequence.iter().rev().find(|(_, mass)| *mass >= least).map(|(n, _)| *n);
        prop_assert_eq!(decide(Rule::Threshold(least)).map(|a| a.node), last);
        // A beam without bounds finds the most probable class.
        let own = |n: NodeId| -> f64 {
            candidates.iter().zip(&p).filter(|(c, _)| taxonomy.same_class(n, **c)).map(|(_, p)| p).sum()
        };
        let best = candidates.iter().map(|&c| own(c)).fold(0.0, f64::max);
        prop_assert_eq!(own(decide(Rule::TopDown { beam: 99 }).unwrap().node), best);
        let leaves = candidates.iter().all(|&c| taxonomy.is_leaf(c));
        if leaves {
            prop_assert_eq!(own(decide(Rule::Threshold(0.0)).unwrap().node), best);
        }
    }

    #[test]
    fn what_is_promised_holds((text, candidates, p) in worlds(), seed in any::<u64>(), wrong in 0.05f64..0.9) {
        let taxonomy = load_str("t", &text).taxonomy.unwrap();
        let ids: Vec<&str> = candidates.iter().map(String::as_str).collect();
        let candidates = nodes(&taxonomy, &ids);
        let darts = Darts::new(&taxonomy, &candidates, wrong).unwrap();
        let images: Vec<(Vec<f64>, NodeId)> = (0..40).map(|i| {
            let turn = (seed.rotate_left(i) % candidates.len() as u64) as usize;
            let mut p = p.clone();
            p.rotate_left(turn);
            (p, candidates[(seed.rotate_right(i) % candidates.len() as u64) as usize])
        }).collect();
        let split: Vec<DartsItem> = images
            .iter()
            .map(|(p, t)| darts.item(&Scores { similarities: &[], probabilities: p }, &[*t]).unwrap())
            .collect();
        if let Ok(decider) = darts.calibrate(&split) {
            let right = images.iter().filter(|(p, t)| {
                let answer = decider.answer(&Scores { similarities: &[], probabilities: p }).unwrap();
                taxonomy.is_ancestor(answer.node, *t)
            });
            let (right, calibrated) = (right.count(), decider.calibrated().unwrap());
            prop_assert_eq!(right, calibrated.correct);
            prop_assert_eq!(lower_bound(right, 40), calibrated.bound);
            prop_assert!(calibrated.bound > 1.0 - wrong);
        }
    }
}
