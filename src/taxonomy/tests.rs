//! Case tables: texts and what is found wrong with them, graphs and what their relations are.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use super::*;

/// `code line:column` of every diagnostic of a set of files, the first of which is loaded.
fn found(files: &[(&str, &[u8])]) -> Vec<String> {
    let files: HashMap<PathBuf, Vec<u8>> = files
        .iter()
        .map(|(p, t)| (PathBuf::from(p), t.to_vec()))
        .collect();
    let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
    let loaded = load(Path::new("main.yaml"), &|path| {
        files.get(path).cloned().ok_or_else(missing)
    });
    let mut out = Vec::new();
    for d in &loaded.diagnostics {
        let place = d.primary.map_or_else(String::new, |s| {
            assert!(
                loaded
                    .sources
                    .text(s.source as usize)
                    .get(s.range())
                    .is_some(),
                "{d:?} is outside the text"
            );
            let (line, column) = loaded
                .sources
                .line_column(s.source as usize, s.start as usize);
            let file = loaded.sources.path(s.source as usize).display().to_string();
            let file = if file == "main.yaml" {
                String::new()
            } else {
                format!("{file}:")
            };
            format!(" {file}{line}:{column}")
        });
        for r in &d.related {
            assert!(
                loaded
                    .sources
                    .text(r.span.source as usize)
                    .get(r.span.range())
                    .is_some(),
                "{r:?}"
            );
        }
        out.push(format!("{}{place}", d.code.as_str()));
    }
    out
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(
        found(&[("main.yaml", text.as_bytes())]),
        expected,
        "in:\n{text}"
    );
}

fn sound(text: &str) -> Taxonomy {
    load_str("test", text)
        .into_sound()
        .unwrap_or_else(|e| panic!("{e} in:\n{text}"))
}

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
fn a_syntax_error_hides_nothing_else() {
    let cases: &[(&str, &[&str])] = &[
        // An entry with an open bracket, between others that have faults of their own.
        (
            "nodes:\n  a: {parents: zzzz}\n  b: {names: [x}\n  c: {colour: red}\n",
            &["unknown-parent 2:16", "syntax 3:16", "unknown-field 4:7"],
        ),
        // The lost entry's node is not an unknown parent.
        (
            "nodes:\n  a: {parents: b}\n  b: {names: [x}\n  c: {parents: b}\n",
            &["syntax 3:16"],
        ),
        // Tabs.
        (
            "nodes:\n  a:\n\t\tparents: b\n  c: {parents: zzzz}\n",
            &["syntax 3:3", "unknown-parent 4:16"],
        ),
    ];
    for (text, expected) in cases {
        check(text, expected);
    }
}

#[test]
fn what_was_not_read_is_not_unknown() {
    // More syntax errors than are told.
    let mut text = String::from("nodes:\n");
    for i in 0..30 {
        text.push_str(&format!("  n{i}: {{parents: last}}\n  m{i}: @\n"));
    }
    text.push_str("  last:\n");
    let found = found(&[("main.yaml", text.as_bytes())]);
    assert_eq!(found.len(), 20);
    assert!(found.iter().all(|d| d.starts_with("syntax")), "{found:?}");
}

#[test]
fn text_that_is_no_text() {
    assert_eq!(
        found(&[("main.yaml", b"tree: [a, \xff]\nnode: x\n")]),
        ["syntax 1:11", "unknown-field 2:1"]
    );
    assert_eq!(found(&[("main.yaml", b"\xff\xfet\0r\0")]), ["syntax 1:1"]);
    assert_eq!(
        found(&[("main.yaml", b"tree: [a]\nno\0de: x\n")]),
        ["unknown-field 2:1", "syntax 2:3"]
    );
    assert_eq!(found(&[]), ["unreadable-file"]);
}

#[test]
fn nesting_has_a_limit_and_no_stack_to_overflow() {
    let deep = "[".repeat(200_000);
    assert!(found(&[("main.yaml", deep.as_bytes())])[0].starts_with("syntax"));
    let mut block = String::from("tree:\n");
    for i in 0..3000 {
        block.push_str(&format!("{}n{i}:\n", " ".repeat(i + 1)));
    }
    assert!(
        found(&[("main.yaml", block.as_bytes())])
            .iter()
            .any(|d| d.starts_with("syntax"))
    );
    // Aliases of aliases: 9 levels of 9 are 387 million nodes.
    let mut laughs = String::from("tree:\n  - &a0 {x: [y, z]}\n");
    for i in 1..10 {
        let nine = vec![format!("*a{}", i - 1); 9].join(", ");
        laughs.push_str(&format!("  - &a{i} {{n{i}: [{nine}]}}\n"));
    }
    assert!(
        found(&[("main.yaml", laughs.as_bytes())])
            .iter()
            .any(|d| d.starts_with("too-large"))
    );
}

#[test]
fn chains_of_any_length() {
    let mut text = String::from("nodes:\n  n0:\n");
    for i in 1..20_000 {
        text.push_str(&format!("  n{i}: {{parents: n{}}}\n", i - 1));
    }
    let taxonomy = sound(&text);
    let (top, bottom) = (
        taxonomy.find("n0").unwrap(),
        taxonomy.find("n19999").unwrap(),
    );
    assert_eq!(taxonomy.depth(bottom), (19_999, 19_999));
    assert_eq!(taxonomy.relation(top, bottom), Relation::Ancestor);
    assert_eq!(taxonomy.relation(bottom, top), Relation::Descendant);
    assert_eq!(taxonomy.lca(top, bottom), Some(top));
    assert_eq!(taxonomy.path_to_root(bottom).len(), 20_000);
    // The same, closed to a ring.
    text.push_str("  m: {parents: n0}\ntree: {n19999: [n0]}\n");
    assert_eq!(
        load_str("t", &text)
            .diagnostics
            .iter()
            .filter(|d| d.code == Code::Cycle)
            .count(),
        1
    );
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
fn labels_are_the_text_as_written() {
    let t = sound(
        "nodes: {yes: , 1984: , 3.0: , 'null': , \"on\": , 0x1F: , 1_000: }\ntree: [null, ~, no, .5, 2026-11-24]",
    );
    let ids: Vec<&str> = t.nodes().map(|n| t.id(n)).collect();
    assert_eq!(
        ids,
        [
            "yes",
            "1984",
            "3.0",
            "null",
            "on",
            "0x1F",
            "1_000",
            "~",
            "no",
            ".5",
            "2026-11-24"
        ]
    );
    assert_eq!(t.label(t.find("1_000").unwrap()), "1 000");
}

#[test]
fn forms_mix() {
    let t = sound(
        "taxonomy: demo\nnodes:\n  dog: {names: [Dog, hound], parents: [pet, animal], description: barks}\n  pet:\ntree:\n  animal: {dog: [poodle, {beagle: ~}, terrier: {airedale, fox}], cat: tabby}\n  pet: [dog, cat]\n",
    );
    let ids = |nodes: &[NodeId]| nodes.iter().map(|&n| t.id(n)).collect::<Vec<_>>().join(" ");
    let n = |id: &str| t.find(id).unwrap_or_else(|| panic!("no {id}"));
    assert_eq!(t.name(), "demo");
    assert_eq!(ids(t.parents(n("dog"))), "pet animal");
    assert_eq!(ids(t.parents(n("cat"))), "animal pet");
    assert_eq!(ids(t.children(n("dog"))), "poodle beagle terrier");
    assert_eq!(ids(t.children(n("terrier"))), "airedale fox");
    assert_eq!(ids(t.children(n("cat"))), "tabby");
    assert_eq!(ids(&t.roots()), "pet animal");
    assert_eq!(ids(&t.path_to_root(n("fox"))), "pet dog terrier fox");
    assert_eq!(t.node(n("dog")).description.as_deref(), Some("barks"));
    assert_eq!(
        (
            t.depth(n("fox")),
            t.leaf_count(n("pet")),
            t.leaf_count(n("dog"))
        ),
        ((3, 3), 5, 4)
    );
}

#[test]
fn relations() {
    let t = sound(
        "tree:\n  shape: {quadrilateral: {rectangle: [square], rhombus: [square], kite: }, ellipse: [circle], oval: }\n  animal: {dog: [poodle, beagle], bat: }\n  tool: [bat, {glasses: [sunglasses]}, sunglass]\nequivalent: [[ellipse, oval]]\noverlaps: [[sunglasses, sunglass], [dog, glasses]]\ndisjoint: [[animal, shape], [shape, tool]]\n",
    );
    let cases = [
        ("square", "square", Relation::Same),
        ("ellipse", "oval", Relation::Equivalent),
        ("oval", "circle", Relation::Ancestor),
        ("square", "quadrilateral", Relation::Descendant),
        ("rectangle", "rhombus", Relation::Overlapping),
        ("sunglasses", "sunglass", Relation::Overlapping),
        ("glasses", "dog", Relation::Overlapping),
        ("animal", "tool", Relation::Overlapping),
        ("dog", "bat", Relation::Sibling),
        ("rectangle", "kite", Relation::Sibling),
        ("poodle", "beagle", Relation::Sibling),
        ("square", "circle", Relation::Related),
        ("poodle", "square", Relation::Unrelated),
    ];
    for (p, t_, expected) in cases {
        assert_eq!(
            t.relation(t.find(p).unwrap(), t.find(t_).unwrap()),
            expected,
            "{p} for {t_}"
        );
    }
}

/// `disjoint` forbids overlap even where the graph or a declaration says otherwise (the file is in error).
#[test]
fn disjoint_beats_overlap() {
    let loaded = load_str(
        "t",
        "tree: {r: {a: [x, y], b: [x, z]}, q: [u, v]}\ndisjoint: [[a, b], [u, v]]\noverlaps: [[u, v]]\n",
    );
    let t = loaded.taxonomy.unwrap();
    let relation = |a, b| t.relation(t.find(a).unwrap(), t.find(b).unwrap());
    assert_eq!(relation("a", "b"), Relation::Sibling);
    assert_eq!(relation("u", "v"), Relation::Sibling);
}

#[test]
fn resolution() {
    let t = sound(
        "nodes:\n  dog.n.01: {names: [dog, domestic dog], ids: [n02084071]}\n  frank.n.02: {names: [frank, dog], ids: [n07676602]}\n  crane: {names: [whooping crane]}\n  lift: {names: [Crane]}\n  ellipse: {names: [ellipse, oval shape]}\n  oval: {names: [oval, Oval Shape]}\n  golden_retriever:\n  straße:\nequivalent: [[ellipse, oval]]\n",
    );
    let show = |label: &str| match t.resolve(label) {
        Resolution::One(n) => t.id(n).to_owned(),
        Resolution::Ambiguous(nodes) => format!(
            "? {}",
            nodes.iter().map(|&n| t.id(n)).collect::<Vec<_>>().join(" ")
        ),
        Resolution::Unknown(near) => format!("! {}", near.join(" ")),
    };
    let cases = [
        ("dog.n.01", "dog.n.01"),
        ("DOG.N.01", "dog.n.01"),
        ("n02084071", "dog.n.01"),
        ("N02084071", "dog.n.01"),
        ("Domestic-Dog", "dog.n.01"),
        ("dog", "? dog.n.01 frank.n.02"),
        ("crane", "crane"),
        ("Crane", "? crane lift"),
        ("oval_shape", "ellipse"),
        (" Golden  Retriever ", "golden_retriever"),
        ("golden-retriever", "golden_retriever"),
        ("STRASSE", "! straße"),
        ("golden retreiver", "! golden_retriever"),
        ("n0208407", "! n02084071"),
        ("helicopter", "! "),
        ("", "! "),
        ("_", "! "),
    ];
    for (label, expected) in cases {
        assert_eq!(show(label), expected, "{label:?}");
    }
}

#[test]
fn information_counts_a_diamond_once() {
    let t = sound("tree: {top: {a: [x, y], b: [x, z], c: [w]}}\nequivalent: [[z, w]]\n");
    let n = |id| t.find(id).unwrap();
    assert_eq!(
        (
            t.leaf_count(n("top")),
            t.leaf_count(n("a")),
            t.leaf_count(n("c"))
        ),
        (3, 2, 1)
    );
    assert_eq!(t.information(n("top")), 0.0);
    assert!(t.information(n("top")).is_sign_positive());
    assert!((t.information(n("c")) - 3f64.log2()).abs() < 1e-12);
    assert_eq!(t.lca(n("x"), n("y")), Some(n("a")));
    assert_eq!(t.lca_set(n("x"), n("top")), [n("top")]);
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
