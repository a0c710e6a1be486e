//! `cladist diff`.

use serde_json::{Value, json};

use crate::cmd::{dir, run};

const FIRST: &str = "\
nodes:
  square: {parents: [rectangle, rhombus], names: [square, regular quadrilateral]}
tree:
  quadrilateral: {rectangle: , rhombus: , kite: }
  round: [ellipse, oval]
equivalent: [[ellipse, oval]]
";

const SECOND: &str = "\
nodes:
  square: {parents: [rectangle, kite], names: [square, regular 4-gon], description: all equal}
tree:
  quadrilateral: {rectangle: , rhomb: , kite: }
  round: [ellipse, oval, disc]
equivalent: [[ellipse, oval, disc]]
";

#[test]
fn changes_are_told_by_what_they_are_of() {
    let dir = dir(&[("a.yaml", FIRST.as_bytes()), ("b.yaml", SECOND.as_bytes())]);
    let (code, out, err) = run(dir.path(), &["diff", "a.yaml", "b.yaml"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let expected = r#"A  a.yaml
B  b.yaml

nodes
  - rhombus  below quadrilateral
  + disc  below round
  + rhomb  below quadrilateral

parents
  - square below rhombus
  + square below kite

names
  - square: "regular quadrilateral"
  + square: "regular 4-gon"

other fields
  + square: description "all equal"

groups
  - equivalent: ellipse, oval
  + equivalent: disc, ellipse, oval

what follows
  + 1 pair of ancestor and descendant: kite above square
  ~ was a leaf, and is none: kite
"#;
    assert_eq!(out, expected);
    assert_eq!(
        run(dir.path(), &["diff", "a.yaml", "b.yaml", "--exit-code"]).0,
        1
    );
    let (code, out, _) = run(
        dir.path(),
        &["--color", "always", "diff", "a.yaml", "b.yaml"],
    );
    assert!(code == 0 && out.contains("\x1b[32m+\x1b[0m disc"), "{out}");
}

#[test]
fn json_has_every_change() {
    let dir = dir(&[("a.yaml", FIRST.as_bytes()), ("b.yaml", SECOND.as_bytes())]);
    let args = ["diff", "b.yaml", "a.yaml", "--format", "json"];
    let (code, out, _) = run(dir.path(), &args);
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    assert_eq!(
        (&found["first"], &found["same"]),
        (&json!("b.yaml"), &json!(false))
    );
    assert_eq!(found["counts"]["node_removed"], 2);
    assert_eq!(
        found["changes"][0],
        json!({ "change": "node_removed", "node": "disc", "names": ["disc"], "parents": ["round"] })
    );
    let changes = found["changes"].as_array().unwrap();
    let counted = found["counts"].as_object().unwrap().values();
    assert_eq!(
        changes.len() as u64,
        counted.map(|n| n.as_u64().unwrap()).sum::<u64>()
    );
    assert_eq!(
        found["implied"]["pairs_lost"],
        json!({ "count": 1, "first": [{ "ancestor": "kite", "descendant": "square" }] })
    );
}

#[test]
fn another_way_of_writing_is_no_difference() {
    let round = "# What is round.\ntree: {round: [oval, ellipse]}\nequivalent: [[oval, ellipse]]\n";
    let rest = "\
include: [parts/round.yaml]
tree:
  quadrilateral: {kite: , rhombus: [square], rectangle: }
nodes:
  \"square\":
    names: [square, 'regular quadrilateral']
    parents: [rectangle]
";
    let dir = dir(&[
        ("a.yaml", FIRST.as_bytes()),
        ("b.yaml", rest.as_bytes()),
        ("parts/round.yaml", round.as_bytes()),
    ]);
    let args = ["diff", "a.yaml", "b.yaml", "--exit-code"];
    let (code, out, err) = run(dir.path(), &args);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        "A  a.yaml\nB  b.yaml\nno difference in what they say\n"
    );
    let (code, out, _) = run(dir.path(), &["diff", "demo", "demo", "--exit-code"]);
    assert!(code == 0 && out.ends_with("no difference in what they say\n"));
}

#[test]
fn a_long_section_is_cut_unless_all_is_wanted() {
    let many = |n: usize| {
        let nodes: Vec<String> = (0..n).map(|i| format!("n{i}")).collect();
        format!("tree: {{root: [{}]}}\n", nodes.join(", "))
    };
    let dir = dir(&[
        ("a.yaml", many(2).as_bytes()),
        ("b.yaml", many(1002).as_bytes()),
    ]);
    let (_, out, _) = run(dir.path(), &["diff", "a.yaml", "b.yaml"]);
    assert!(out.contains("  … and 960 more (--all shows them)"), "{out}");
    assert!(out.contains("nothing for the nodes of both"), "{out}");
    let (_, out, _) = run(dir.path(), &["diff", "a.yaml", "b.yaml", "--all"]);
    assert_eq!(out.matches("  + n").count(), 1000);
}

#[test]
fn errors_of_both_files_are_shown_at_their_lines() {
    let dir = dir(&[
        ("a.yaml", b"nodes:\n  a: {parents: [nowhere]}\n"),
        ("b.yaml", b"tree: {a: , b: }\nequivalent: [[a, c]]\n"),
        ("good.yaml", b"tree: {a: }\n"),
    ]);
    let (code, out, err) = run(dir.path(), &["diff", "a.yaml", "b.yaml"]);
    assert_eq!((code, out.as_str()), (2, ""));
    for said in ["a.yaml:2:", "unknown-parent", "b.yaml:2:", "unknown-node"] {
        assert!(err.contains(said), "{said}: {err}");
    }
    let (code, _, err) = run(dir.path(), &["diff", "good.yaml", "none.yaml"]);
    assert!(code == 2 && err.contains("cannot read none.yaml"), "{err}");
    assert_eq!(run(dir.path(), &["diff", "good.yaml"]).0, 2);
}
