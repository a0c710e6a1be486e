//! `cladist check`.

use std::collections::BTreeSet;

use cladist::taxonomy::Code;
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
  pet: {parents: [figure], prompts: ['a {nmae}']}  # template
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

    let codes: BTreeSet<&str> = diagnostics
        .iter()
        .map(|d| d["code"].as_str().unwrap())
        .collect();
    let elsewhere = ["unreadable-file", "too-large", "empty-taxonomy"];
    let known = Code::ALL
        .iter()
        .map(|c| c.as_str())
        .filter(|c| !elsewhere.contains(c));
    assert_eq!(codes, known.collect());

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
fn every_code_is_documented_with_its_severity() {
    let docs = include_str!("../../docs/diagnostics.md");
    for code in Code::ALL {
        let row = format!("| `{}` | {} |", code.as_str(), code.severity().as_str());
        assert!(docs.contains(&row), "{row}");
    }
}

/// Faults of several kinds at once, where one could hide another: `code line` of all that is told.
#[test]
fn no_fault_hides_another() {
    let cases: &[(&str, &[&str])] = &[
        // A cycle, and faults of nodes on and off it.
        (
            "nodes:\n  a: {parents: [b]}\n  b: {parents: [a, gone], colour: red}\n  c: {parents: [d, e]}\n  d: {}\n  e: {}\ndisjoint: [[d, e]]\n",
            &[
                "cycle 2",
                "unknown-parent 3",
                "unknown-field 3",
                "disjoint-common-descendant 7",
            ],
        ),
        // Two cycles, one of them within a node.
        (
            "nodes:\n  a: {parents: [a]}\n  b: {parents: [c]}\n  c: {parents: [b]}\n",
            &["cycle 2", "cycle 3"],
        ),
        // An equivalence that cannot be, beside others that can.
        (
            "tree: {a: [b, c], d: [e, f]}\nequivalent: [[a, b], [e, gone], [c, f], [d, f]]\n",
            &[
                "equivalent-ancestor 2",
                "unknown-node 2",
                "equivalent-ancestor 2",
            ],
        ),
        // Every unknown parent of one node, and a repeated one.
        (
            "nodes:\n  a: {parents: [x, y, b, b]}\n  b: {}\n  c: {parents: b}\n",
            &["unknown-parent 2", "unknown-parent 2", "duplicate-entry 2"],
        ),
        // What stands under a repeated key is checked as well.
        (
            "nodes:\n  a: {}\n  a: {parents: gone, colour: red}\nnodes:\n  b: {names: {x: y}}\n  b: 12\n",
            &[
                "duplicate-key 3",
                "unknown-parent 3",
                "unknown-field 3",
                "duplicate-key 4",
                "wrong-type 5",
                "duplicate-key 6",
                "wrong-type 6",
            ],
        ),
        // A field of the wrong type, and what else the node says.
        (
            "nodes:\n  a: {parents: {b: c}, names: [[x]], ids: [], colour: 1, prompts: ['{x']}\ncredit: {policy: x, tabel: y}\n",
            &[
                "wrong-type 2",
                "wrong-type 2",
                "unknown-field 2",
                "template 2",
                "wrong-type 3",
                "unknown-field 3",
            ],
        ),
    ];
    for (text, expected) in cases {
        let dir = dir(&[("t.yaml", text.as_bytes())]);
        let (_, out, _) = run(dir.path(), &["check", "t.yaml", "--format", "json"]);
        let json: Value = serde_json::from_str(&out).expect("JSON");
        let found = json["files"][0]["diagnostics"]
            .as_array()
            .expect("a list")
            .iter();
        let found = found.map(|d| format!("{} {}", d["code"].as_str().unwrap(), d["line"]));
        let mut found: Vec<String> = found.filter(|d| !d.starts_with("single-child")).collect();
        let mut expected: Vec<String> = expected.iter().map(|&s| s.to_owned()).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn colours_are_for_who_asks() {
    let dir = dir(&[("t.yaml", b"tree: {a: 1\n")]);
    for (args, no_color, coloured) in [
        (&["check", "t.yaml"][..], None, false),
        (&["check", "t.yaml", "--color", "always"], None, true),
        (&["check", "t.yaml", "--color", "always"], Some("1"), true),
        (&["check", "t.yaml", "--color", "never"], None, false),
        (
            &["check", "t.yaml", "--format", "json", "--color", "always"],
            None,
            false,
        ),
    ] {
        let mut command = crate::cmd::program(dir.path());
        command.args(args);
        command
            .env_remove("NO_COLOR")
            .envs(no_color.map(|v| ("NO_COLOR", v)));
        let out = command.output().expect("the program runs");
        assert_eq!(
            out.stdout.contains(&0x1b),
            coloured,
            "{args:?} {no_color:?}"
        );
    }
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
        ("deep.yaml", "[".repeat(100_000).as_bytes()),
        ("self.yaml", b"include: self.yaml\ntree: [a, b]\n"),
        ("folder.yaml", b"include: .\ntree: [a, b]\n"),
        ("comments.yaml", b"# nothing\n"),
    ]);
    let cases: &[(&[&str], i32)] = &[
        (&["good.yaml"], 0),
        (&["warned.yaml"], 0),
        (&["wrong.yaml"], 1),
        (&["latin.yaml"], 1),
        (&["empty.yaml"], 1),
        (&["binary.yaml"], 1),
        (&["deep.yaml"], 1),
        (&["self.yaml"], 1),
        (&["folder.yaml"], 1),
        (&["comments.yaml"], 1),
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
