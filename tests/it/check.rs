//! `cladist check`.

use serde_json::Value;

use crate::cmd::{dir, run};

/// Every kind of fault, one or more of each; the comment on a line names what is found there.
const FAULTY: &str = "\
include: [gone.yaml, bad.yaml, loop.yaml]          # unreachable-include
nodes:
  a: {parents: [b]}                                # cycle
  b: {parents: [c]}
  c: {parents: [a]}
  rectangle: {parents: [figure]}
  square: {parents: [rectangel, figure]}           # unknown-parent
  twice: {parents: [figure]}
  twice: {parents: [figure]}                       # duplicate-key
  here_and_there: {parents: [figure]}
  bank1: {names: [bank], parents: [figure], ids: [Q1]}
  bank2: {names: [Bank], parents: [figure], ids: [Q1]}  # same-name duplicate-id
  figure: {colour: red}                            # unknown-field
  far: {parents: [mid, top]}                       # redundant-edge
  mid: {parents: [top]}
  near: {parents: [mid]}
  top: 12                                          # wrong-type
tree:
  chain: {of: {three: [x, y, x]}}                  # single-child-chain duplicate-entry
  u: [both, u1]
  v: [both, v1]
equivalent: [[mid, top], [square, nowhere]]        # equivalent-ancestor unknown-node
disjoint: [[u, v], [rectangle]]                    # disjoint-common-descendant short-group
overlaps: [[u1, v1]]                               # disjoint-overlap
credit: {policy: logicl}                           # wrong-type
";

/// Like the comments in [`FAULTY`]: `code line` of every place.
fn expected(text: &str, file: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if let Some((_, codes)) = line.split_once('#') {
            out.extend(
                codes
                    .split_whitespace()
                    .map(|code| format!("{code} {file}:{}", i + 1)),
            );
        }
    }
    out.sort();
    out
}

#[test]
fn every_fault_is_told_in_one_run_at_its_line() {
    let bad = "nodes:\n  here_and_there:                  # duplicate-id\n  s: {names: [x}                   # syntax\n  t: {parents: zzzz}               # unknown-parent\n";
    let loops = "include: faulty.yaml  # include-cycle\n---  # multiple-documents\n";
    let dir = dir(&[
        ("faulty.yaml", FAULTY.as_bytes()),
        ("bad.yaml", bad.as_bytes()),
        ("loop.yaml", loops.as_bytes()),
    ]);
    let (code, out, err) = run(dir.path(), &["check", "faulty.yaml", "--format", "json"]);
    assert_eq!((code, err.as_str()), (1, ""));
    let json: Value = serde_json::from_str(&out).expect("JSON");
    let diagnostics = json["files"][0]["diagnostics"].as_array().expect("a list");
    let mut found: Vec<String> = diagnostics
        .iter()
        .map(|d| {
            format!(
                "{} {}:{}",
                d["code"].as_str().unwrap(),
                d["file"].as_str().unwrap(),
                d["line"]
            )
        })
        .collect();
    found.sort();
    let mut all = expected(FAULTY, "faulty.yaml");
    all.extend(expected(bad, "bad.yaml"));
    all.extend(expected(loops, "loop.yaml"));
    all.sort();
    assert_eq!(found, all);

    let (code, text, _) = run(dir.path(), &["check", "faulty.yaml"]);
    assert_eq!(code, 1);
    for d in diagnostics {
        let title = format!(
            "{}[{}]: {}",
            d["severity"].as_str().unwrap(),
            d["code"].as_str().unwrap(),
            d["message"].as_str().unwrap()
        );
        assert!(text.contains(&title), "{title} is not in\n{text}");
        let place = format!(
            "--> {}:{}:{}",
            d["file"].as_str().unwrap(),
            d["line"],
            d["column"]
        );
        assert!(text.contains(&place), "{place} is not in\n{text}");
    }
    let (errors, warnings) = (
        json["errors"].as_u64().unwrap(),
        json["warnings"].as_u64().unwrap(),
    );
    assert!(
        text.ends_with(&format!(" {errors} errors, {warnings} warnings\n")),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "colours in a pipe");
}

#[test]
fn a_diagnostic_is_drawn_with_its_line() {
    let dir = dir(&[(
        "t.yaml",
        b"nodes:\r\n  square: {parents: [rectangel]}\r\n  rectangle:\r\n",
    )]);
    let (code, out, _) = run(dir.path(), &["check", "t.yaml"]);
    assert_eq!(code, 1);
    let expected = "\
error[unknown-parent]: `square` has an unknown parent `rectangel`
 --> t.yaml:2:22
  |
2 |   square: {parents: [rectangel]}
  |                      ^^^^^^^^^ no node has this id
  |
  = help: did you mean `rectangle`?

t.yaml: 2 nodes, 1 error, no warnings
";
    assert_eq!(out, expected);
}

#[test]
fn the_shipped_taxonomy_is_clean() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/taxonomies/shapes.yaml");
    let (code, out, err) = run(std::env::temp_dir().as_path(), &["check", path]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.ends_with("nodes, no errors, no warnings\n") && out.lines().count() == 1,
        "{out}"
    );
}

#[test]
fn exit_codes() {
    let dir = dir(&[
        ("good.yaml", b"tree: [a, b]\n"),
        ("warned.yaml", b"tree: {a: [b]}\n"),
        ("wrong.yaml", b"tree: {a: 1\n"),
        ("latin.yaml", b"tree: [caf\xe9]\n"),
        ("empty.yaml", b""),
        ("binary.yaml", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"),
    ]);
    let cases: &[(&[&str], i32)] = &[
        (&["good.yaml"], 0),
        (&["warned.yaml"], 0),
        (&["wrong.yaml"], 1),
        (&["latin.yaml"], 1),
        (&["empty.yaml"], 1),
        (&["binary.yaml"], 1),
        (&["good.yaml", "wrong.yaml"], 1),
        (&["gone.yaml"], 2),
        (&["good.yaml", "gone.yaml"], 2),
        (&["."], 2),
        (&[], 2),
    ];
    for (files, expected) in cases {
        for format in ["text", "json"] {
            let args: Vec<&str> = ["check", "--format", format]
                .iter()
                .chain(*files)
                .copied()
                .collect();
            let (code, out, err) = run(dir.path(), &args);
            assert_eq!(code, *expected, "{files:?}\n{out}\n{err}");
            assert!(!err.contains("panicked"), "{err}");
        }
    }
}

#[test]
fn homonyms_throughout_are_counted_not_printed() {
    let mut text = String::from("nodes:\n");
    for i in 0..50 {
        text.push_str(&format!(
            "  a{i}: {{names: [word {i}]}}\n  b{i}: {{names: [word {i}]}}\n"
        ));
    }
    let dir = dir(&[("t.yaml", text.as_bytes())]);
    let count = |args: &[&str]| {
        run(dir.path(), args)
            .1
            .matches("warning[same-name]")
            .count()
    };
    assert_eq!(count(&["check", "t.yaml"]), 20);
    assert_eq!(count(&["check", "t.yaml", "--all"]), 50);
    assert!(
        run(dir.path(), &["check", "t.yaml"])
            .1
            .contains("… and 30 more `same-name` warnings (--all shows them)")
    );
}

#[test]
fn one_long_line_is_drawn_in_part() {
    let leaves: Vec<String> = (0..20_000).map(|i| format!("leaf{i}")).collect();
    let text = format!(
        "tree: {{top: [{}, leaf7], other: [é]}}\nnode: 1\n",
        leaves.join(", ")
    );
    let dir = dir(&[("t.yaml", text.as_bytes())]);
    let (code, out, _) = run(dir.path(), &["check", "t.yaml"]);
    assert_eq!(code, 1);
    assert!(out.len() < 3000, "{} bytes", out.len());
    assert!(
        out.contains("`leaf7` comes twice") && out.contains("unknown field `node`"),
        "{out}"
    );
    assert!(
        out.contains(&format!("t.yaml:1:{}", text.find(", leaf7]").unwrap() + 3)),
        "{out}"
    );
}
