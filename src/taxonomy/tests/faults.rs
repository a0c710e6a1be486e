//! What is wrong with a taxonomy, and where.

use super::*;

#[test]
fn faults_are_found_where_they_are() {
    let cases: &[(&str, &[&str])] = &[
        ("tree: {a: [b, c]}", &[]),
        // Empty, in all ways.
        ("", &["empty-taxonomy 1:1"]),
        ("# only a comment\n", &["empty-taxonomy 1:1"]),
        ("nodes:\n", &["empty-taxonomy 1:1"]),
        ("tree: []\n", &["empty-taxonomy 1:1"]),
        // Shape.
        ("- a\n- b\n", &["wrong-type 1:1"]),
        ("just text\n", &["wrong-type 1:1"]),
        ("nodes: [a, b]\n", &["wrong-type 1:8"]),
        ("nodes:\n  a: text\n  b:\n", &["wrong-type 2:6"]),
        ("nodes:\n  a: {names: {x: y}}\n", &["wrong-type 2:14"]),
        (
            "nodes:\n  a: {parents: [[b]]}\n  b:\n",
            &["wrong-type 2:17"],
        ),
        ("nodes:\n  a: {description: [x]}\n", &["wrong-type 2:20"]),
        ("nodes:\n  a: {rank: [x]}\n", &["wrong-type 2:13"]),
        ("nodes:\n  a: {rank: ' '}\n", &["wrong-type 2:13"]),
        ("nodes:\n  a: {rank: x, rank: y}\n", &["duplicate-key 2:16"]),
        ("nodes:\n  a: {ranks: x}\n", &["unknown-field 2:7"]),
        ("nodes:\n  ? [a]\n  : \n  b:\n", &["wrong-type 2:5"]),
        ("nodes:\n  '': {}\n  b:\n", &["wrong-type 2:3"]),
        ("tree: {a: [[b], c, d]}\n", &["wrong-type 1:12"]),
        ("tree: [a]\ntaxonomy: [x]\n", &["wrong-type 2:11"]),
        ("tree: [a, b]\nequivalent: [a, b]\n", &["wrong-type 2:14"]),
        ("tree: [a, b]\ndisjoint: a\n", &["wrong-type 2:11"]),
        ("tree: [a, b]\noverlaps: [[a]]\n", &["short-group 2:12"]),
        ("tree: [a]\ninclude: {x: y}\n", &["wrong-type 2:10"]),
        ("tree: [a]\nnode: {}\n", &["unknown-field 2:1"]),
        ("nodes:\n  a: {parent: b}\n  b:\n", &["unknown-field 2:7"]),
        ("nodes:\n  a: {<<: {names: x}}\n", &["unknown-field 2:7"]),
        // Repetition.
        ("tree: [a]\ntree: [b]\n", &["duplicate-key 2:1"]),
        ("nodes:\n  a:\n  b:\n  \"a\":\n", &["duplicate-key 4:3"]),
        (
            "nodes:\n  a: {names: x, names: y}\n",
            &["duplicate-key 2:17"],
        ),
        (
            "tree:\n  a: [x, y]\n  b: [z, w]\n  a: [v]\n",
            &["duplicate-key 4:3"],
        ),
        ("tree:\n  a: [x, y, x]\n", &["duplicate-entry 2:13"]),
        (
            "nodes:\n  a: {parents: [b, b]}\n  c: {parents: b}\n  b:\n",
            &["duplicate-entry 2:20"],
        ),
        // References.
        (
            "nodes:\n  a: {parents: [b, zzzz]}\n  c: {parents: b}\n  b:\n",
            &["unknown-parent 2:20"],
        ),
        (
            "tree: [a, b]\nequivalent: [[a, x]]\noverlaps: [[y, b]]\ndisjoint: [[z, a]]\n",
            &[
                "unknown-node 2:18",
                "unknown-node 3:13",
                "unknown-node 4:13",
            ],
        ),
        (
            "equivalent: [[a, b]]\n",
            &[
                "empty-taxonomy 1:1",
                "unknown-node 1:15",
                "unknown-node 1:18",
            ],
        ),
        // Cycles.
        ("nodes:\n  a: {parents: a}\n", &["cycle 2:16"]),
        (
            "nodes:\n  a: {parents: b}\n  b: {parents: c}\n  c: {parents: a}\n",
            &["cycle 2:16"],
        ),
        (
            "nodes:\n  a: {parents: b}\n  b: {parents: a}\n  c: {parents: d}\n  d: {parents: c}\n",
            &["cycle 2:16", "cycle 4:16"],
        ),
        ("tree:\n  a:\n    b: [a, c]\n", &["cycle 3:9"]),
        // Equivalence and disjointness.
        (
            "tree: {a: [b, c]}\nequivalent: [[a, c]]\n",
            &["equivalent-ancestor 2:14"],
        ),
        (
            "tree: {a: [b, c], d: [e, f]}\nequivalent: [[a, e], [d, b]]\n",
            &["equivalent-ancestor 2:22"],
        ),
        (
            "tree: {a: [b, c], d: [b, e]}\ndisjoint: [[a, d]]\n",
            &["disjoint-common-descendant 2:12"],
        ),
        (
            "tree: {a: [b, c]}\ndisjoint: [[a, b]]\n",
            &["disjoint-common-descendant 2:12"],
        ),
        (
            "tree: [a, b]\ndisjoint: [[a, b]]\nequivalent: [[a, b]]\n",
            &["disjoint-common-descendant 2:12"],
        ),
        // Every pair of a group, although a third member is above what two share.
        (
            "tree: {a: {b: [x, y], c: [x, z]}, d: [v, w]}\ndisjoint: [[a, b, c, d]]\n",
            &[
                "disjoint-common-descendant 2:12",
                "disjoint-common-descendant 2:12",
                "disjoint-common-descendant 2:12",
            ],
        ),
        (
            "tree: {a: [b, c], d: [e, f]}\ndisjoint: [[a, d]]\noverlaps: [[b, e]]\n",
            &["disjoint-overlap 3:12"],
        ),
        (
            "tree: {a: [b, c], d: [e, f]}\ndisjoint: [[a, d]]\noverlaps: [[b, c]]\n",
            &[],
        ),
        // Doubts.
        (
            "nodes:\n  a: {names: [crane]}\n  b: {names: [Crane]}\n",
            &["same-name 3:15"],
        ),
        (
            "nodes:\n  crane:\n  b: {names: [the bird, crane]}\n",
            &["same-name 3:25"],
        ),
        ("nodes:\n  a b:\n  a_b:\n", &["same-name 3:3"]),
        (
            "nodes:\n  a: {names: [oval]}\n  b: {names: [oval]}\nequivalent: [[a, b]]\n",
            &[],
        ),
        (
            "nodes:\n  a: {ids: [n1]}\n  b: {ids: [n1]}\n",
            &["duplicate-id 3:13"],
        ),
        (
            "tree: {a: {b: [c, d]}, e: [f, g]}\nnodes: {c: {parents: a}}\n",
            &["redundant-edge 2:22"],
        ),
        ("tree: {a: [b]}\n", &["single-child-chain 1:8"]),
        ("tree: {a: {b: {c: [d, e]}}}\n", &["single-child-chain 1:8"]),
        // A child with another parent is no chain.
        ("tree: {a: [x], b: [x, y]}\n", &[]),
        ("nodes:\n  n1:\n  b: {ids: [n1]}\n", &["duplicate-id 3:13"]),
        // Credit.
        (
            "tree: [a]\ncredit: {policy: logicl}\n",
            &["wrong-type 2:18"],
        ),
        (
            "tree: [a]\ncredit: {polcy: logical}\n",
            &["wrong-type 2:9", "unknown-field 2:10"],
        ),
        (
            "tree: [a]\ncredit: {table: {exact: 1, near: 2}}\n",
            &["wrong-type 2:34"],
        ),
        (
            "tree: [a]\ncredit: {table: {exact: 1, nearly: 0.5}}\n",
            &["unknown-field 2:28"],
        ),
        (
            "tree: [a]\ncredit: {policy: lin, table: {exact: 1}}\n",
            &["wrong-type 2:23"],
        ),
        (
            "tree: [a]\ncredit: {table: {exact: 1, generalised: 0.5}}\n",
            &[],
        ),
        ("tree: [a]\ncredit: [1]\n", &["wrong-type 2:9"]),
        // YAML.
        ("tree: [a]\n---\ntree: [b]\n", &["multiple-documents 2:1"]),
        ("---\ntree: [a]\n...\n", &[]),
        ("\u{feff}tree: [a, b]\nnode: x\n", &["unknown-field 2:1"]),
        (
            "\u{feff}tre: [a, b]\nnodes: {x: }\n",
            &["unknown-field 1:1"],
        ),
        (
            "tree: [a, b]\r\nnodes:\r\n  é: {parents: q}\r\n",
            &["unknown-parent 3:16"],
        ),
        ("nodes:\n  x: &b {parents: r}\n  y: *b\n  r:\n", &[]),
        ("tree: &t [*t]\n", &["syntax 1:11"]),
    ];
    for (text, expected) in cases {
        check(text, expected);
    }
}

#[test]
fn includes() {
    let files: &[(&str, &[u8])] = &[
        ("main.yaml", b"include: [sub/a.yaml, ./gone.yaml]\nnodes:\n  x: {parents: [y]}\n  w: {parents: [y]}\n"),
        ("sub/a.yaml", b"include: b.yaml\nnodes:\n  y: {colour: red}\n  x:\n"),
        ("sub/b.yaml", b"include: ../main.yaml\ntree: {z: [u, zz, [}]}\n"),
    ];
    let expected = [
        "unreachable-include 1:23",
        "unknown-field sub/a.yaml:3:7",
        "duplicate-id sub/a.yaml:4:3",
        "include-cycle sub/b.yaml:1:10",
        "syntax sub/b.yaml:2:20",
    ];
    assert_eq!(found(files), expected);
    // A file included along two ways is read once.
    let diamond: &[(&str, &[u8])] = &[
        ("main.yaml", b"include: [a.yaml, b.yaml]\n"),
        ("a.yaml", b"include: c.yaml\n"),
        ("b.yaml", b"include: [x/../c.yaml]\n"),
        ("c.yaml", b"nodes: {n: , m: }\n"),
    ];
    assert_eq!(found(diamond), Vec::<String>::new());
}

#[test]
fn messages_help() {
    let help = |text: &str| {
        let loaded = load_str("t", text);
        let first = loaded
            .diagnostics
            .first()
            .unwrap_or_else(|| panic!("nothing wrong in {text}"));
        format!(
            "{} | {}",
            first.message,
            first.help.clone().unwrap_or_default()
        )
    };
    let cases = [
        (
            "nodes: {square: {parents: rectangel}, rectangle: }",
            "`square` has an unknown parent `rectangel` | did you mean `rectangle`?",
        ),
        (
            "nodes: {square: {parents: [Pine tree]}, pine_tree: }",
            "`square` has an unknown parent `Pine tree` | did you mean `pine_tree`?",
        ),
        (
            "nodes: {square: {parents: n01}, r: {ids: n01}}",
            "`square` has an unknown parent `n01` | did you mean `r`?",
        ),
        (
            "nodes: {a: {parents: b}, b: {parents: c}, c: {parents: a}}",
            "the parents go round in a circle: a → b → c → a | remove one of these edges",
        ),
        (
            "nodes: {a: {parnets: b}, b: }",
            "unknown field of the node `a`: `parnets` | did you mean `parents`?",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(help(text), expected);
    }
}

#[test]
fn json_has_places() {
    let loaded = load_str("t.yaml", "nodes:\n  ä: {parents: [böse]}\n  bose:\n");
    let json = loaded.diagnostics[0].to_json(&loaded.sources);
    assert_eq!(json["code"], "unknown-parent");
    assert_eq!(json["severity"], "error");
    assert_eq!(
        (&json["file"], &json["line"], &json["column"]),
        (&"t.yaml".into(), &2.into(), &17.into())
    );
    assert_eq!(json["suggestion"]["replacement"], "bose");
    assert_eq!(json["span"], serde_json::json!([24, 29]));
}
