//! `cladist show`.

use serde_json::Value;

use crate::cmd::{dir, into_closed_pipe, run};

const SHAPES: &[u8] = b"\
taxonomy: shapes
nodes:
  square: {parents: [rectangle, rhombus], names: [square, regular quadrilateral], ids: [Q164], rank: Figure, description: all equal}
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
└── ellipse = oval

(*) drawn above already: the node has several parents
";
    assert_eq!(out, expected);
}

/// The tree of `text`, without the counts above it and the note below.
fn drawn(text: &str, args: &[&str]) -> String {
    let dir = dir(&[("t.yaml", text.as_bytes())]);
    let args: Vec<&str> = ["show", "t.yaml"].iter().chain(args).copied().collect();
    let (code, out, err) = run(dir.path(), &args);
    assert_eq!((code, err.as_str()), (0, ""), "{text}");
    let tree = out.split_once("\n\n").expect("a line of counts").1;
    tree.split("\n(*) ")
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

#[test]
fn every_class_is_drawn_once_below_each_parent() {
    let cases: &[(&str, &[&str], &str)] = &[
        // What is below one of two equivalent nodes is below both, and neither is a root of its own.
        (
            "nodes: {oval: , circle: {parents: oval}, disc: {parents: oval}}\ntree: {curve: [ellipse, line]}\nequivalent: [[ellipse, oval]]\n",
            &[],
            "curve\n├── ellipse = oval\n│   ├── circle\n│   └── disc\n└── line",
        ),
        (
            "tree: {a: [x, y], b: [x, z]}\nequivalent: [[y, z]]\n",
            &[],
            "a\n├── x\n└── y = z\nb\n├── x (*)\n└── z = y (*)",
        ),
        // Cut off at the first place, drawn at the second, which is nearer to the top.
        (
            "tree: {a: {b: {c: [d, e]}, f: [g, h]}, i: {c: , j: }}\n",
            &["--depth", "2"],
            "a\n├── b\n│   └── c … 2 below\n└── f\n    ├── g\n    └── h\ni\n├── c\n│   ├── d\n│   └── e\n└── j",
        ),
        (
            "tree: {a: {b: {c: [d, e]}}, i: {j: {c: }}}\n",
            &["--depth", "2"],
            "a\n└── b\n    └── c … 2 below\ni\n└── j\n    └── c (*) … 2 below",
        ),
    ];
    for (text, args, expected) in cases {
        assert_eq!(drawn(text, args), *expected, "{text}");
    }
}

/// Thirty diamonds on top of one another: a billion ways down, ninety lines.
#[test]
fn diamonds_do_not_multiply() {
    let mut text = String::from("nodes:\n  t0:\n");
    for i in 0..30 {
        let next = i + 1;
        text.push_str(&format!(
            "  l{i}: {{parents: t{i}}}\n  r{i}: {{parents: t{i}}}\n  t{next}: {{parents: [l{i}, r{i}]}}\n"
        ));
    }
    assert_eq!(drawn(&text, &[]).lines().count(), 1 + 30 * 4);
}

/// Graphviz reads `\"`, `\\`, `\n` and `&…;`; names must stay apart.
#[test]
fn dot_survives_any_name() {
    let dir = dir(&[(
        "t.yaml",
        br#"tree: ["say \"hi\"", "back\\slash", "end\\", "two\nlines", 'two\nlines', "R&D &amp; more", "bell\a", "<b>", "a b"]"#,
    )]);
    let (code, dot, _) = run(dir.path(), &["show", "t.yaml", "--format", "dot"]);
    assert_eq!(code, 0);
    let nodes: Vec<&str> = dot.lines().filter(|l| l.contains("[label=")).collect();
    assert_eq!(nodes.len(), 9, "{dot}");
    for (node, id, label) in [
        (nodes[0], r#""say \"hi\"""#, r#""say \"hi\"""#),
        (nodes[1], r#""back\\slash""#, r#""back\\slash""#),
        (nodes[2], r#""end\\""#, r#""end\\""#),
        (nodes[3], r#""two\nlines""#, r#""two\nlines""#),
        (nodes[4], r#""two\\nlines""#, r#""two\\nlines""#),
        (
            nodes[5],
            r#""R&D &amp; more""#,
            r#""R&amp;D &amp;amp; more""#,
        ),
        (nodes[6], r#""bell&#7;""#, r#""bell&#7;""#),
    ] {
        assert_eq!(node, format!("  {id} [label={label}];"));
    }
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
  rank         figure
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
        ("none.yaml", b"tree: {a: \n"),
        ("empty.yaml", b""),
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
        (&["empty.yaml"], 1, "error[empty-taxonomy]"),
        (&["none.yaml"], 1, "error[syntax]"),
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
        let out = into_closed_pipe(dir.path(), &["show", "t.yaml", "--format", format]);
        assert_eq!(String::from_utf8_lossy(&out.stderr), "", "{format}");
        assert!(
            out.status.code().is_some_and(|code| code != 101),
            "{format}: {:?}",
            out.status
        );
    }
}
