//! `cladist compare --taxonomy A B --run RUN`: one run under two taxonomies.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cmd::{dir, run};

/// The taxonomy that the fixture's run was made with, and that without one of its edges.
fn world(edge: [&str; 2]) -> TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shapes = fs::read_to_string(root.join("taxonomies/shapes.yaml")).unwrap();
    let [from, to] = edge;
    assert_eq!(shapes.matches(from).count(), 1, "{from}");
    let other = shapes.replace(from, to);
    let dir = dir(&[("a.yaml", shapes.as_bytes()), ("b.yaml", other.as_bytes())]);
    let to = dir.path().join("run");
    fs::create_dir(&to).unwrap();
    for file in fs::read_dir(root.join("tests/fixtures/run")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    dir
}

const ARGS: [&str; 6] = ["compare", "--taxonomy", "a.yaml", "b.yaml", "--run", "run"];

/// Curved figures are shapes no more.
const EDGE: [&str; 2] = [
    "  curved_figure:\n    parents: [shape]\n",
    "  curved_figure:\n",
];

#[test]
fn an_edge_less_is_weighed_against_chance() {
    let dir = world(EDGE);
    let (code, out, err) = run(dir.path(), &ARGS);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("the prompts are not at hand"), "{err}");
    for said in [
        "the answers of run under two taxonomies\nthey differ: parent removed 1\n\nA  a.yaml\nB  b.yaml\n",
        "0 answers differ",
        "\nconfirmed multiplicity: B forgives less than A, but not surely by more than chance\n",
        "\nconfirmed and possible multiplicity: B forgives less than A, by more than chance explains\n",
        "p of 1,000 permutations",
    ] {
        assert!(out.contains(said), "{said}: {out}");
    }
    let (_, out, _) = run(dir.path(), &[&ARGS[..], &["--format", "json"]].concat());
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["changes"], json!({ "parent_removed": 1 }));
    assert_eq!(found["names"], json!(["a.yaml", "b.yaml"]));
    assert_eq!(found["comparison"]["n"], 300);
    assert_eq!(found["comparison"]["flipped"], 0);
    let number = |path: &str| found.pointer(path).unwrap().as_f64().unwrap();
    // The counts of both headlines, and the shares that are made of them.
    for (i, side) in ["first", "second"].iter().enumerate() {
        let count = number(&format!("/multiplicity/{i}/confirmed"));
        let share = number(&format!("/forgiveness/confirmed/share/{side}"));
        assert!((300.0 * share - count).abs() < 1e-9);
        let by_chance = number(&format!("/forgiveness/confirmed/by_chance/{side}"));
        let excess = number(&format!("/forgiveness/confirmed/excess/{side}"));
        assert!((share - by_chance - excess).abs() < 1e-12);
    }
    assert!(number("/forgiveness/at_most/excess/interval/high") < 0.0);
    assert!(number("/forgiveness/at_most/p_value") <= 0.05);
    assert_eq!(found["forgiveness"]["at_most"]["exceeds_chance"], true);
    assert_eq!(found["forgiveness"]["confirmed"]["exceeds_chance"], false);
}

#[test]
fn a_taxonomy_beside_itself_forgives_the_same() {
    let dir = world(["  # Four sides.\n", "  # Of four sides.\n"]);
    let (code, out, err) = run(dir.path(), &ARGS);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("they differ: no difference in what they say"),
        "{out}"
    );
    assert!(
        out.contains("confirmed multiplicity: B forgives as many answers as A"),
        "{out}"
    );
}

#[test]
fn labels_that_the_other_taxonomy_lacks_are_named() {
    let dir = world(["  arrow:\n", "  pointer:\n"]);
    let (code, out, err) = run(dir.path(), &ARGS);
    assert_eq!((code, out.as_str()), (2, ""));
    let said = "b.yaml: has no node for the label `arrow` of the run: keep the nodes, under these ids, or score";
    assert!(err.contains(said), "{err}");
}

/// `taxonomy:` in the config file is for other commands: runs are compared as ever.
#[test]
fn arguments_go_together_or_not_at_all() {
    let dir = world(EDGE);
    fs::write(dir.path().join("cladist.yaml"), "taxonomy: a.yaml\n").unwrap();
    let (code, out, err) = run(dir.path(), &["compare", "run", "run"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("0 answers differ"), "{out}");
    assert_eq!(run(dir.path(), &ARGS).0, 0);
    for args in [
        &["compare", "--taxonomy", "a.yaml", "b.yaml"][..],
        &["compare", "--taxonomy", "a.yaml", "--run", "run"],
        &[
            "compare",
            "run",
            "run",
            "--taxonomy",
            "a.yaml",
            "b.yaml",
            "--run",
            "run",
        ],
        &["compare", "--run", "run"],
        &["compare"],
    ] {
        let (code, out, err) = run(dir.path(), args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(!err.is_empty());
    }
    let (code, _, err) = run(
        dir.path(),
        &[
            "compare",
            "--taxonomy",
            "a.yaml",
            "b.yaml",
            "--run",
            "nowhere",
        ],
    );
    assert!(code == 2 && err.contains("no run of cladist"), "{err}");
}
