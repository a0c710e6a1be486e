//! `cladist show`.

use std::{
    io::Read,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::cmd::{dir, run};

const SHAPES: &[u8] = b"\
taxonomy: shapes
nodes:
  square: {parents: [rectangle, rhombus], names: [square, regular quadrilateral], ids: [Q164], description: all equal}
tree:
  quadrilateral:
    rectangle:
    rhombus:
    kite:
  round: [ellipse, oval]
equivalent: [[ellipse, oval]]
";

#[test]
fn the_tree_marks_what_comes_again() {
    let dir = dir(&[("t.yaml", SHAPES)]);
    let (code, out, err) = run(dir.path(), &["show", "t.yaml"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let expected = "\
shapes: 8 nodes, 3 leaves, 2 roots, depth 1 (min) to 2 (max), 1 node with several parents, 7 once equivalent nodes are counted once

quadrilateral
├── rectangle
│   └── square
├── rhombus
│   └── square (*)
└── kite
round
├── ellipse = oval
└── oval = ellipse

(*) drawn above already: the node has several parents
";
    assert_eq!(out, expected);
}

#[test]
fn a_node_is_told_with_what_is_below_it() {
    let dir = dir(&[("t.yaml", SHAPES)]);
    let (code, out, _) = run(dir.path(), &["show", "t.yaml", "Regular-Quadrilateral"]);
    assert_eq!(code, 0);
    let expected = "\
square
  names        square, regular quadrilateral
  ids          Q164
  description  all equal
  parents      rectangle, rhombus
  depth        2
  information  1.585 bits
  leaves       1 of 3

square
";
    assert_eq!(out, expected);
    let (_, out, _) = run(dir.path(), &["show", "t.yaml", "--depth", "0"]);
    assert!(
        out.ends_with("\nquadrilateral … 4 below\nround … 2 below\n"),
        "{out}"
    );
}

#[test]
fn what_is_not_known_is_an_input_error() {
    let dir = dir(&[
        ("t.yaml", SHAPES),
        ("h.yaml", b"nodes: {a: {names: x}, b: {names: x}}\n"),
        ("bad.yaml", b"tree: [a]\nx: y\n"),
    ]);
    let cases: &[(&[&str], i32, &str)] = &[
        (
            &["t.yaml", "sqare"],
            2,
            "no node `sqare` in shapes; did you mean `square`?",
        ),
        (
            &["t.yaml", "helicopter"],
            2,
            "no node `helicopter` in shapes",
        ),
        (
            &["h.yaml", "x"],
            2,
            "`x` stands for 2 nodes of h: say which by its id: `a`, `b`",
        ),
        (&["gone.yaml"], 2, "cannot read gone.yaml"),
        (&["bad.yaml"], 1, "error[unknown-field]: unknown field `x`"),
    ];
    for (args, expected, message) in cases {
        let args: Vec<&str> = ["show"].iter().chain(*args).copied().collect();
        let (code, _, err) = run(dir.path(), &args);
        assert_eq!(code, *expected, "{args:?}: {err}");
        assert!(err.contains(message), "{args:?}: {err}");
    }
}

#[test]
fn json_and_dot_hold_the_same_graph() {
    let dir = dir(&[("t.yaml", SHAPES)]);
    let (code, out, _) = run(dir.path(), &["show", "t.yaml", "--format", "json"]);
    assert_eq!(code, 0);
    let json: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(json["counts"]["nodes"], 8);
    assert_eq!(json["counts"]["multi_parent"], 1);
    let square = json["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|n| n["id"] == "square")
        .expect("square");
    assert_eq!(
        square["parents"],
        serde_json::json!(["rectangle", "rhombus"])
    );
    assert_eq!(square["depth_max"], 2);

    let (code, dot, _) = run(dir.path(), &["show", "t.yaml", "--format", "dot"]);
    assert_eq!(code, 0);
    let edges: usize = json["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["parents"].as_array().unwrap().len())
        .sum();
    assert_eq!(
        dot.lines()
            .filter(|l| l.contains(" -> ") && !l.contains("dashed"))
            .count(),
        edges
    );
    assert!(
        dot.contains("\"square\" -> \"rhombus\";")
            && dot.contains("\"ellipse\" -> \"oval\" [dir=none"),
        "{dot}"
    );

    let (_, below, _) = run(
        dir.path(),
        &[
            "show",
            "t.yaml",
            "quadrilateral",
            "--depth",
            "1",
            "--format",
            "json",
        ],
    );
    let below: Value = serde_json::from_str(&below).expect("JSON");
    let ids: Vec<&str> = below["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["quadrilateral", "rectangle", "rhombus", "kite"]);
}

#[test]
fn a_closed_pipe_is_silence() {
    let mut text = String::from("tree:\n  top:\n");
    for i in 0..50_000 {
        text.push_str(&format!("    - leaf number {i}\n"));
    }
    let dir = dir(&[("t.yaml", text.as_bytes())]);
    for format in ["text", "dot", "json"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cladist"))
            .current_dir(dir.path())
            .args(["show", "t.yaml", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut first = [0; 16];
        child
            .stdout
            .take()
            .expect("a pipe")
            .read_exact(&mut first)
            .expect("some output");
        let out = child.wait_with_output().expect("an end");
        assert_eq!(String::from_utf8_lossy(&out.stderr), "", "{format}");
        assert!(
            out.status.code().is_some_and(|code| code != 101),
            "{format}: {:?}",
            out.status
        );
    }
}
