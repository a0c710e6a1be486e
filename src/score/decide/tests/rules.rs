//! METHOD's own rules, by hand.

use super::*;
use crate::score::measures::Measure;

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
    let top = [4, 2, 7, 5];
    let similarities = [vec![0.1, 0.3], vec![0.2], vec![0.3, 0.25], vec![]];
    // Of the equal 4 and 7, the lesser.
    assert_eq!(rerank(&top, &similarities, |a, b| a.cmp(&b)), [0, 2, 1, 3]);
    assert_eq!(rerank(&top, &similarities, |a, b| b.cmp(&a)), [2, 0, 1, 3]);
}
