//! `cladist suggest` from outside, on the saved run of the demo.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::cmd::{dir, run};

/// The run, from the directory of the test.
fn saved() -> String {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/run");
    run.to_str().expect("a path in UTF-8").to_owned()
}

/// The demo's taxonomy with another text in place of this one.
fn shapes(text: &str, other: &str) -> String {
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("taxonomies/shapes.yaml");
    let shapes = fs::read_to_string(shapes).expect("the demo's taxonomy");
    assert!(shapes.contains(text), "{text}");
    shapes.replacen(text, other, 1)
}

#[test]
fn an_edge_that_was_taken_out_is_the_first_suggestion() {
    let left = shapes(
        "constant_width_figure: [circle, reuleaux_triangle]",
        "constant_width_figure: [reuleaux_triangle]",
    );
    let dir = dir(&[("left.yaml", left.as_bytes())]);
    let saved = saved();
    let args = ["suggest", &saved, "--taxonomy", "left.yaml"];
    let (code, out, err) = run(dir.path(), &[&args[..], &["--format", "json"]].concat());
    assert_eq!(code, 0, "{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let first = &found[0];
    assert_eq!(
        first["edit"],
        json!({"edit": "add_parent", "node": "circle", "parent": "constant_width_figure"})
    );
    assert_eq!(first["kind"], "missing_parent");
    let evidence = &first["evidence"];
    assert!(evidence["second_in_first"]["of"].as_f64().unwrap() > 3.0);
    // A saved run has no embeddings.
    assert_eq!(evidence["image_overlap"], Value::Null);
    let diff = first["diff"].as_str().unwrap();
    assert!(
        diff.contains("\n+    parents: [constant_width_figure]\n"),
        "{diff}"
    );

    let (_, text, _) = run(dir.path(), &args);
    assert!(
        text.starts_with("  1  missing_parent  `circle` below `constant_width_figure`\n"),
        "{text}"
    );
    assert!(
        text.contains("\n       +    parents: [constant_width_figure]\n"),
        "{text}"
    );
    let (_, text, _) = run(dir.path(), &[&args[..], &["--top", "1"]].concat());
    assert!(text.contains("more (--top 0 shows all)"), "{text}");
    let (_, text, _) = run(
        dir.path(),
        &[&args[..], &["--kind", "redundant-edge"]].concat(),
    );
    assert_eq!(text, "nothing to suggest\n");
}

/// What is whole lacks nothing; that candidates stand on all levels is the demo's point.
#[test]
fn of_the_whole_taxonomy_nothing_is_to_be_edited() {
    let dir = dir(&[]);
    let (code, out, err) = run(
        dir.path(),
        &[
            "suggest",
            &saved(),
            "--taxonomy",
            "demo",
            "--format",
            "json",
        ],
    );
    assert_eq!(code, 0, "{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let kinds: Vec<&Value> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|suggestion| &suggestion["kind"])
        .collect();
    assert_eq!(kinds, [&json!("mixed_levels")]);
}

#[test]
fn labels_that_the_taxonomy_has_not_are_told() {
    let dir = dir(&[("other.yaml", b"tree: {a: [b]}")]);
    let (code, _, err) = run(
        dir.path(),
        &["suggest", &saved(), "--taxonomy", "other.yaml"],
    );
    assert_eq!(code, 2);
    assert!(err.contains("which is not in the taxonomy"), "{err}");
    let (code, _, err) = run(dir.path(), &["suggest", "nowhere"]);
    assert_eq!(code, 2);
    assert!(err.contains("no run of cladist"), "{err}");
}
