//! Texts before and after each edit.

use std::{io, path::Path};

use super::*;
use crate::taxonomy::{Taxonomy, load_str};

fn load(text: &str) -> Taxonomy {
    let loaded = load_str("test", text);
    assert!(!loaded.has_errors(), "{:?} in:\n{text}", loaded.diagnostics);
    loaded.taxonomy.expect("there are nodes")
}

/// Checks what an edit makes of a text, and the way back.
fn check(before: &str, edit: Edit, after: &str) {
    let edited =
        apply(&load(before), &edit).unwrap_or_else(|e| panic!("{e}: {edit:?} in:\n{before}"));
    assert_eq!(edited.files.len(), 1, "{edit:?} in:\n{before}");
    let file = &edited.files[0];
    assert_eq!(file.after, after, "{edit:?} in:\n{before}");
    assert_eq!(edited.undone().files[0].after, before);
}

fn s(text: &str) -> String {
    text.to_owned()
}

fn add_parent(node: &str, parent: &str) -> Edit {
    Edit::AddParent {
        node: s(node),
        parent: s(parent),
    }
}

fn remove_parent(node: &str, parent: &str) -> Edit {
    Edit::RemoveParent {
        node: s(node),
        parent: s(parent),
    }
}

fn moved(node: &str, from: &str, to: &str) -> Edit {
    Edit::Move {
        node: s(node),
        from: s(from),
        to: s(to),
    }
}

fn add_name(node: &str, name: &str) -> Edit {
    Edit::AddName {
        node: s(node),
        name: s(name),
    }
}

fn describe(node: &str, description: Option<&str>) -> Edit {
    Edit::Describe {
        node: s(node),
        description: description.map(s),
    }
}

fn add(id: &str, names: &[&str], parents: &[&str]) -> Edit {
    let all = |texts: &[&str]| texts.iter().map(|t| s(t)).collect();
    Edit::Add {
        id: s(id),
        names: all(names),
        parents: all(parents),
    }
}

#[test]
fn a_parent_more() {
    let cases: &[(&str, &str)] = &[
        // Brackets.
        (
            "nodes:\n  a:\n  b:\n  c: {parents: [a]}\n",
            "nodes:\n  a:\n  b:\n  c: {parents: [a, b]}\n",
        ),
        (
            "nodes: {a: , b: , c: {parents: [a,]}}\n",
            "nodes: {a: , b: , c: {parents: [a, b,]}}\n",
        ),
        (
            "nodes: {a: , b: , c: {parents: []}}\n",
            "nodes: {a: , b: , c: {parents: [b]}}\n",
        ),
        (
            "nodes: {a: , b: , c: {}}\n",
            "nodes: {a: , b: , c: {parents: [b]}}\n",
        ),
        (
            "nodes: {a: , b: , c: }\n",
            "nodes: {a: , b: , c: {parents: [b]}}\n",
        ),
        (
            "nodes: {a: , b: , c}\n",
            "nodes: {a: , b: , c: {parents: [b]}}\n",
        ),
        (
            "nodes:\n  a:\n  b:\n  c:\n    parents: [\n      a,  # the first\n    ]  # end\n",
            "nodes:\n  a:\n  b:\n  c:\n    parents: [\n      a,  # the first\n      b,\n    ]  # end\n",
        ),
        (
            "nodes:\n  a:\n  b:\n  c:\n    parents: [\n      a   # the first\n    ]\n",
            "nodes:\n  a:\n  b:\n  c:\n    parents: [\n      a,   # the first\n      b\n    ]\n",
        ),
        // Text in the place of a list.
        (
            "nodes:\n  a:\n  b:\n  c:\n    parents: a  # only\n",
            "nodes:\n  a:\n  b:\n  c:\n    parents: [a, b]  # only\n",
        ),
        (
            "nodes:\n  b:\n  a, a:\n  c:\n    parents: a, a\n",
            "nodes:\n  b:\n  a, a:\n  c:\n    parents: [\"a, a\", b]\n",
        ),
        (
            "nodes:\n  b:\n  a:\n  c: {parents: 'a'}\n",
            "nodes:\n  b:\n  a:\n  c: {parents: ['a', b]}\n",
        ),
        (
            "nodes:\n  b:\n  &x a:\n  c: {parents: *x}\n",
            "nodes:\n  b:\n  &x a:\n  c: {parents: [*x, b]}\n",
        ),
        // Lines.
        (
            "nodes:\n  a:\n  b:\n  c:\n    parents:\n      - a  # one\n      # two\n    names: x\n",
            "nodes:\n  a:\n  b:\n  c:\n    parents:\n      - a  # one\n      - b\n      # two\n    names: x\n",
        ),
        (
            "nodes:\n  a:\n  b:\n  c:\n    parents:\n    - a",
            "nodes:\n  a:\n  b:\n  c:\n    parents:\n    - a\n    - b",
        ),
        (
            "nodes:\r\n  a:\r\n  b:\r\n  c:\r\n    parents:\r\n    - a\r\n",
            "nodes:\r\n  a:\r\n  b:\r\n  c:\r\n    parents:\r\n    - a\r\n    - b\r\n",
        ),
        (
            "\u{feff}nodes:\n  a:\n  b:\n  c:   # none\n",
            "\u{feff}nodes:\n  a:\n  b:\n  c:   # none\n    parents: [b]\n",
        ),
        (
            "nodes:\n    a:\n        names: x\n    b:\n    c:\n",
            "nodes:\n    a:\n        names: x\n    b:\n    c:\n        parents: [b]\n",
        ),
        (
            "nodes:\n  a: {names: x}\n  b:\n  c:\n",
            "nodes:\n  a: {names: x}\n  b:\n  c: {parents: [b]}\n",
        ),
        (
            "nodes:\n  a:\n  b:\n  c:\n    parents:   # none\n    names: d\n",
            "nodes:\n  a:\n  b:\n  c:\n    parents: [b]   # none\n    names: d\n",
        ),
        (
            "nodes:\n  a:\n  b:\n  c:\n    parents: ~\n",
            "nodes:\n  a:\n  b:\n  c:\n    parents: [b]\n",
        ),
        (
            "nodes:\n  a:\n  b:\n  c:\n    names: [x]\n    # end of c\n\n  d:\n",
            "nodes:\n  a:\n  b:\n  c:\n    names: [x]\n    parents: [b]\n    # end of c\n\n  d:\n",
        ),
        // Trees.
        (
            "tree:\n  a: [c]\n  b: [d]\n",
            "tree:\n  a: [c]\n  b: [d, c]\n",
        ),
        (
            "tree:\n  a: [c]\n  b: d\n",
            "tree:\n  a: [c]\n  b: [d, c]\n",
        ),
        ("tree:\n  a: [c]\n  b:\n", "tree:\n  a: [c]\n  b: [c]\n"),
        (
            "tree:\n  a: [c]\n  b:\n    d:\n      - e\n    # f\n",
            "tree:\n  a: [c]\n  b:\n    d:\n      - e\n    c:\n    # f\n",
        ),
        (
            "tree:\n  a: [c]\n  b: {d: }\n",
            "tree:\n  a: [c]\n  b: {d: , c: }\n",
        ),
        (
            "tree:\n- a: [c]\n- b:\n  - d\n",
            "tree:\n- a: [c]\n- b:\n  - d\n  - c\n",
        ),
        (
            "tree:\n- a: [c]\n- b\n",
            "tree:\n- a: [c]\n- b\nnodes:\n  c:\n    parents: [b]\n",
        ),
        ("tree: {a: [c], b}\n", "tree: {a: [c], b: [c]}\n"),
    ];
    for (before, after) in cases {
        check(before, add_parent("c", "b"), after);
    }
}

#[test]
fn a_parent_less() {
    let cases: &[(&str, &str)] = &[
        (
            "nodes: {a: , b: , c: {parents: [a, b]}}\n",
            "nodes: {a: , b: , c: {parents: [b]}}\n",
        ),
        (
            "nodes: {a: , b: , c: {parents: [b, a]}}\n",
            "nodes: {a: , b: , c: {parents: [b]}}\n",
        ),
        (
            "nodes: {a: , b: , c: {parents: [b, a,]}}\n",
            "nodes: {a: , b: , c: {parents: [b, ]}}\n",
        ),
        (
            "nodes: {a: , b: , c: {parents: [a], names: x}}\n",
            "nodes: {a: , b: , c: {names: x}}\n",
        ),
        (
            "nodes: {a: , b: , c: {parents: [a]}}\n",
            "nodes: {a: , b: , c: {}}\n",
        ),
        (
            "nodes:\n  a:\n  c:\n    # why\n    parents: a  # that\n    names: x\n",
            "nodes:\n  a:\n  c:\n    # why\n    names: x\n",
        ),
        ("nodes:\n  a:\n  c:\n    parents: a", "nodes:\n  a:\n  c:"),
        (
            "nodes:\n  a:\n  b:\n  c:\n    parents:\n      # one\n      - a  # that\n      - b\n",
            "nodes:\n  a:\n  b:\n  c:\n    parents:\n      # one\n      - b\n",
        ),
        (
            "nodes:\n  a:\n  c:\n    parents:\n      - a\n    names: x\n",
            "nodes:\n  a:\n  c:\n    names: x\n",
        ),
        (
            "nodes:\n  a:\n  b:\n  c:\n    parents: [\n      b,  # 1\n      a   # 2\n    ]\n",
            "nodes:\n  a:\n  b:\n  c:\n    parents: [\n      b,  # 1\n    ]\n",
        ),
        ("tree:\n  a: [c, d]\n", "tree:\n  a: [d]\n  c:\n"),
        ("tree:\n  a: c\n", "tree:\n  a:\n  c:\n"),
        (
            "tree:\n  a:\n    - d\n    - c\n  b: [c]\n",
            "tree:\n  a:\n    - d\n  b: [c]\n",
        ),
        (
            "tree:\n  a:\n    c:  # with\n      d: [e]\n      # more\n      f:\n    g:\n",
            "tree:\n  a:\n    g:\n  c:  # with\n    d: [e]\n    # more\n    f:\n",
        ),
        (
            "tree:\n- a:\n  - c: [d]\n  - g\n",
            "tree:\n- a:\n  - g\n- c: [d]\n",
        ),
        ("tree: {a: {c: [d], e: }}\n", "tree: {a: {e: }, c: [d]}\n"),
        (
            "nodes: {c: }\ntree:\n  a:\n    c:\n",
            "nodes: {c: }\ntree:\n  a:\n",
        ),
    ];
    for (before, after) in cases {
        check(before, remove_parent("c", "a"), after);
    }
}

#[test]
fn another_parent() {
    let cases: &[(&str, &str)] = &[
        (
            "nodes:\n  a:\n  b:\n  c: {parents: ['a', d]}\n  d:\n",
            "nodes:\n  a:\n  b:\n  c: {parents: ['b', d]}\n  d:\n",
        ),
        (
            "nodes:\n  a:\n  b:\n  c: {parents: a}\n",
            "nodes:\n  a:\n  b:\n  c: {parents: b}\n",
        ),
        (
            "tree:\n  a: [c, d]\n  b: [e]\n",
            "tree:\n  a: [d]\n  b: [e, c]\n",
        ),
        (
            "tree:\n  a:\n    c: [d]\n  b:\n    e:\n",
            "tree:\n  a:\n  b:\n    e:\n    c: [d]\n",
        ),
        (
            "tree:\n  a:\n    c:\n      d:\n      # e\n      e:\n  b:\n",
            "tree:\n  a:\n  b:\n    c:\n      d:\n      # e\n      e:\n",
        ),
        (
            "tree:\n  a: {c: [d]}\n  b: {e: }\n",
            "tree:\n  a: {}\n  b: {e: , c: [d]}\n",
        ),
        (
            "tree:\n  a:\n    c: [d]\n  b: [e]\n",
            "tree:\n  a:\n  b: [e, c: [d]]\n",
        ),
        (
            "tree:\n- a:\n  - c: [d]\n- b:\n  - e\n",
            "tree:\n- a:\n- b:\n  - e\n  - c: [d]\n",
        ),
    ];
    // What an alias repeats stays what it is.
    check(
        "nodes:\n  &x a:\n  b:\n  c: {parents: [*x]}\n",
        moved("c", "a", "b"),
        "nodes:\n  &x a:\n  b:\n  c: {parents: [b]}\n",
    );
    for (before, after) in cases {
        check(before, moved("c", "a", "b"), after);
    }
}

#[test]
fn names_and_descriptions() {
    let cases: &[(&str, Edit, &str)] = &[
        (
            "nodes:\n  a: {names: [a]}\n",
            add_name("a", "x: y"),
            "nodes:\n  a: {names: [a, \"x: y\"]}\n",
        ),
        (
            "nodes:\n  big_a:\n",
            add_name("big_a", "-x"),
            "nodes:\n  big_a:\n    names: [big a, \"-x\"]\n",
        ),
        (
            "tree: [a]\n",
            add_name("a", "1984"),
            "tree: [a]\nnodes:\n  a:\n    names: [a, \"1984\"]\n",
        ),
        (
            "tree: [a]\n...\n",
            add_name("a", "yes"),
            "tree: [a]\nnodes:\n  a:\n    names: [a, \"yes\"]\n...\n",
        ),
        (
            "{tree: [a]}\n",
            add_name("a", "x"),
            "{tree: [a], nodes: {a: {names: [a, x]}}}\n",
        ),
        (
            "nodes:\n  a:\n    description: 'it''s' # c\n",
            describe("a", Some("isn't")),
            "nodes:\n  a:\n    description: 'isn''t' # c\n",
        ),
        (
            "nodes:\n  a:\n    description: >\n      long\n      text\n    names: b\n",
            describe("a", Some("short")),
            "nodes:\n  a:\n    description: short\n    names: b\n",
        ),
        (
            "nodes:\n  a:\n    description: |\n      long\n",
            describe("a", None),
            "nodes:\n  a:\n",
        ),
        (
            "nodes:\n  a:\n    description: long\n      text\n",
            describe("a", Some("one\ntwo #3")),
            "nodes:\n  a:\n    description: \"one\\ntwo #3\"\n",
        ),
        (
            "nodes:\n  a: {description: \"x\"}\n",
            describe("a", Some("a, b")),
            "nodes:\n  a: {description: \"a, b\"}\n",
        ),
        (
            "nodes:\n  a: {description: x}\n",
            describe("a", Some("a, b")),
            "nodes:\n  a: {description: \"a, b\"}\n",
        ),
        (
            "nodes:\n  a:\n    description: x\n",
            describe("a", Some("a, b")),
            "nodes:\n  a:\n    description: a, b\n",
        ),
        (
            "nodes:\n  a:\n    description:\n",
            describe("a", Some("a, b")),
            "nodes:\n  a:\n    description: a, b\n",
        ),
        (
            "nodes:\n  a:\n    description: null\n",
            describe("a", Some("a, b")),
            "nodes:\n  a:\n    description: a, b\n",
        ),
    ];
    for (before, edit, after) in cases {
        check(before, edit.clone(), after);
    }
}

#[test]
fn new_nodes_and_groups() {
    let pair = |a: &str, b: &str| (s(a), s(b));
    let disjoint = |(a, b)| Edit::Disjoint { a, b };
    let equivalent = |(a, b)| Edit::Equivalent { a, b };
    let cases: &[(&str, Edit, &str)] = &[
        (
            "nodes:\n  a:\n    names: x\n\n# end\n",
            add("b", &["z"], &["a"]),
            "nodes:\n  a:\n    names: x\n  b:\n    parents: [a]\n    names: [z]\n\n# end\n",
        ),
        (
            "nodes:\n  a: {names: x}\n",
            add("b", &[], &["a"]),
            "nodes:\n  a: {names: x}\n  b: {parents: [a]}\n",
        ),
        (
            "nodes: {a: }\n",
            add("b", &[], &[]),
            "nodes: {a: , b: {}}\n",
        ),
        (
            "nodes:\n  a:\n",
            add("null", &[], &[]),
            "nodes:\n  a:\n  \"null\":\n",
        ),
        ("tree: [a]\n", add("b", &[], &[]), "tree: [a, b]\n"),
        (
            "tree:\n  a:\n    - c\n",
            add("b, c", &[], &["a"]),
            "tree:\n  a:\n    - c\n    - b, c\n",
        ),
        (
            "nodes:\ntree: [a]\n",
            add("b", &[], &["a"]),
            "nodes:\n  b:\n    parents: [a]\ntree: [a]\n",
        ),
        (
            "tree: [a, b]\n",
            disjoint(pair("a", "b")),
            "tree: [a, b]\ndisjoint: [[a, b]]\n",
        ),
        (
            "tree: [a, b, c]\ndisjoint: [[a, b]]\n",
            disjoint(pair("a", "c")),
            "tree: [a, b, c]\ndisjoint: [[a, b], [a, c]]\n",
        ),
        (
            "tree: [a, b, c]\ndisjoint:\n  - [a, b]  # why\n",
            disjoint(pair("a", "c")),
            "tree: [a, b, c]\ndisjoint:\n  - [a, b]  # why\n  - [a, c]\n",
        ),
        (
            "tree: [a, b, c]\nequivalent:\n- - a\n  - b\n",
            equivalent(pair("a", "c")),
            "tree: [a, b, c]\nequivalent:\n- - a\n  - b\n- [a, c]\n",
        ),
        (
            "tree: [a, b, c]\nequivalent: []\n",
            equivalent(pair("a", "c")),
            "tree: [a, b, c]\nequivalent: [[a, c]]\n",
        ),
        (
            "equivalent:\ntree: [a, b, c]\n",
            equivalent(pair("a", "c")),
            "equivalent: [[a, c]]\ntree: [a, b, c]\n",
        ),
    ];
    for (before, edit, after) in cases {
        check(before, edit.clone(), after);
    }
}

fn rename(node: &str, id: &str) -> Edit {
    Edit::Rename {
        node: s(node),
        id: s(id),
    }
}

fn delete(node: &str, children: Orphans) -> Edit {
    Edit::Delete {
        node: s(node),
        children,
    }
}

fn merge(node: &str, into: &str) -> Edit {
    Edit::Merge {
        node: s(node),
        into: s(into),
    }
}

fn split(node: &str, parts: &[(&str, &[&str])]) -> Edit {
    let part = |(id, children): &(&str, &[&str])| Part {
        id: s(id),
        children: children.iter().map(|c| s(c)).collect(),
    };
    Edit::Split {
        node: s(node),
        parts: parts.iter().map(part).collect(),
    }
}

#[test]
fn another_id() {
    let cases: &[(&str, &str)] = &[
        (
            "nodes:\n  a:  # it\n  b: {parents: [a, 'c']}\n  c: {parents: \"a\"}\n",
            "nodes:\n  x:  # it\n  b: {parents: [x, 'c']}\n  c: {parents: \"x\"}\n",
        ),
        (
            "tree:\n  a: [b]\n  c:\n    - 'a'\ndisjoint: [[a, d]]\nnodes: {d: , a: {names: [a]}}\n",
            "tree:\n  x: [b]\n  c:\n    - 'x'\ndisjoint: [[x, d]]\nnodes: {d: , x: {names: [x]}}\n",
        ),
        (
            "nodes:\n  &i a:\n  b: {parents: *i}\n",
            "nodes:\n  &i x:\n  b: {parents: *i}\n",
        ),
    ];
    for (before, after) in cases {
        check(before, rename("a", "x"), after);
    }
    check(
        "tree: {b: [a]}\n",
        rename("a", "x, y: z"),
        "tree: {b: [\"x, y: z\"]}\n",
    );
    check("tree:\n- a\n", rename("a", "-"), "tree:\n- \"-\"\n");
}

#[test]
fn a_node_less() {
    use Orphans::{Delete, Loose, ToParents};
    let cases: &[(&str, Edit, &str)] = &[
        (
            "nodes:\n  a:\n  # b\n  b:  # end\n    parents: [a]\n  c: {parents: b}\n",
            delete("b", ToParents),
            "nodes:\n  a:\n  # b\n  c: {parents: a}\n",
        ),
        (
            "nodes:\n  a:\n  b:\n  c: {parents: b}\n",
            delete("b", Loose),
            "nodes:\n  a:\n  c: {}\n",
        ),
        (
            "nodes:\n  a:\n  b: {parents: a}\n  c: {parents: b}\n  d: {parents: [a, b]}\n",
            delete("b", Delete),
            "nodes:\n  a:\n  d: {parents: [a]}\n",
        ),
        (
            "tree:\n  a:\n    b: [c, d]\n",
            delete("b", ToParents),
            "tree:\n  a:\n    c:\n    d:\n",
        ),
        (
            "tree:\n  a: {b: [c, d]}\n",
            delete("b", ToParents),
            "tree:\n  a: {c: , d: }\n",
        ),
        (
            "tree:\n  a: [b, e]\n  b: [c]\n",
            delete("b", ToParents),
            "tree:\n  a: [e, c]\n",
        ),
        (
            "tree:\n  a:\n    b: {c: [e], d: }\n",
            delete("b", ToParents),
            "tree:\n  a:\n    c: [e]\n    d:\n",
        ),
        (
            "tree:\n  a: b\n  b: [c]\n",
            delete("b", ToParents),
            "tree:\n  a: [c]\n",
        ),
        (
            "tree: [a, b, c]\ndisjoint: [[a, b], [a, b, c]]\n",
            delete("b", Loose),
            "tree: [a, c]\ndisjoint: [[a, c]]\n",
        ),
        (
            "tree: [a, b, c]\n# d\ndisjoint:\n- [a, b]\n",
            delete("b", Loose),
            "tree: [a, c]\n# d\n",
        ),
        (
            "tree: [a, b, c]\nequivalent: [[a, b], [b, c]]\n",
            delete("b", Loose),
            "tree: [a, c]\nequivalent: [[a, c]]\n",
        ),
    ];
    for (before, edit, after) in cases {
        check(before, edit.clone(), after);
    }
}

#[test]
fn two_nodes_one_and_one_more() {
    let cases: &[(&str, Edit, &str)] = &[
        (
            "nodes:\n  a:\n  b: {parents: [a], names: [b, x], ids: [Q1]}\n  c: {parents: [b]}\n  d: {names: y}\n  f:\ndisjoint: [[b, f]]\noverlaps: [[b, d]]\n",
            merge("b", "d"),
            "nodes:\n  a:\n  c: {parents: [d]}\n  d: {names: [y, b, x], parents: [a], ids: [Q1]}\n  f:\ndisjoint: [[d, f]]\n",
        ),
        (
            "tree:\n  a: {b: [c], d: [e]}\n",
            merge("b", "d"),
            "tree:\n  a: {d: [e, c]}\nnodes:\n  d:\n    names: [d, b]\n",
        ),
        (
            "nodes:\n  a:\n  b: {parents: a}\n  c: {parents: [a, d]}\n  d:\n",
            split("a", &[("x", &["b", "c"]), ("y", &["c"])]),
            "nodes:\n  a:\n  b: {parents: x}\n  c: {parents: [x, d, y]}\n  d:\n  x: {parents: [a]}\n  y: {parents: [a]}\n",
        ),
        (
            "tree:\n  a: [b, c, d]\n",
            split("a", &[("x", &["b", "c"]), ("y", &["d"])]),
            "tree:\n  a: {x: [b, c], y: [d]}\n",
        ),
        (
            "tree:\n  a:\n    - b\n    - c: [e]\n    - d\n",
            split("a", &[("x", &["b", "c"])]),
            "tree:\n  a:\n    - d\n    - x:\n        b:\n        c: [e]\n",
        ),
        (
            "tree:\n  a:\n    b:\n      e:\n    d:\n",
            split("a", &[("x", &["d"])]),
            "tree:\n  a:\n    b:\n      e:\n    x: [d]\n",
        ),
    ];
    for (before, edit, after) in cases {
        check(before, edit.clone(), after);
    }
}

/// Files by path, the first of which is loaded.
fn load_all(files: &[(&str, &str)]) -> Taxonomy {
    let loaded = crate::taxonomy::load(Path::new(files[0].0), &|path| {
        let file = files.iter().find(|f| Path::new(f.0) == path);
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        file.map(|f| f.1.as_bytes().to_vec()).ok_or_else(missing)
    });
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    loaded.taxonomy.expect("there are nodes")
}

#[test]
fn several_files() {
    let main = "include: [more.yaml, rest/last.yaml]\nnodes:\n  a:\n";
    let more = "nodes:\n  b: {parents: a}\n";
    let last = "# The rest.\ntree:\n  a: [c]\n";
    let taxonomy = load_all(&[
        ("main.yaml", main),
        ("more.yaml", more),
        ("rest/last.yaml", last),
    ]);
    let after = |edit: &Edit| -> Vec<(String, String)> {
        let edited = apply(&taxonomy, edit).unwrap_or_else(|e| panic!("{e}: {edit:?}"));
        let files = edited.files.into_iter();
        files
            .map(|f| (f.path.display().to_string(), f.after))
            .collect()
    };
    assert_eq!(
        after(&rename("a", "z")),
        [
            (s("main.yaml"), main.replace("  a:", "  z:")),
            (s("more.yaml"), more.replace("parents: a", "parents: z")),
            (s("rest/last.yaml"), last.replace("a: [c]", "z: [c]")),
        ]
    );
    assert_eq!(
        after(&add_name("b", "x")),
        [(
            s("more.yaml"),
            s("nodes:\n  b: {parents: a, names: [b, x]}\n")
        )]
    );
    // What is said of a node of a tree goes where nodes are declared.
    assert_eq!(
        after(&describe("c", Some("third"))),
        [(
            s("main.yaml"),
            s("include: [more.yaml, rest/last.yaml]\nnodes:\n  a:\n  c:\n    description: third\n")
        )]
    );
}

#[test]
fn refused() {
    let text = "nodes:\n  a: {names: [x]}\n  b: {parents: a}\n  c: {parents: b}\n  d:\nequivalent: [[d, a]]\ndisjoint: [[b, e]]\ntree: [e]\n";
    let pair = |a: &str, b: &str| (s(a), s(b));
    let cases: &[(Edit, &str)] = &[
        (add_parent("q", "a"), "there is no node `q`"),
        (add_parent("b", "a"), "`a` is a parent of `b` already"),
        (add_parent("a", "a"), "`a` can be no relation of itself"),
        (
            add_parent("a", "c"),
            "`a` below `c` would close a cycle: `c` is below `a` already",
        ),
        (
            add_parent("d", "c"),
            "`d` below `c` would close a cycle: `c` is below `d` already",
        ),
        (remove_parent("c", "a"), "`a` is no parent of `c`"),
        (moved("c", "b", "b"), "nothing would change"),
        (add("a", &[], &[]), "there is a node `a` already"),
        (add(" ", &[], &[]), "an id must not be empty"),
        (add("f", &["g", "g"], &[]), "`g` comes twice in the names"),
        (rename("a", "b"), "there is a node `b` already"),
        (add_name("a", "x"), "`x` is a name of `a` already"),
        (
            Edit::RemoveName {
                node: s("a"),
                name: s("y"),
            },
            "`y` is no name of `a`",
        ),
        (
            Edit::RemoveName {
                node: s("b"),
                name: s("b"),
            },
            "`b` is the name that `b` has by its id: add another first, or rename the node",
        ),
        (describe("a", None), "nothing would change"),
        (split("a", &[]), "a split needs one part at least"),
        (
            merge("a", "c"),
            "`c` below `b` would close a cycle: `b` is below `c` already",
        ),
        (
            Edit::Equivalent {
                a: pair("c", "a").0,
                b: pair("c", "a").1,
            },
            "`c` and `a` cannot be equivalent: one is an ancestor of the other, and a kind of something is not the same thing",
        ),
        (
            Edit::Disjoint {
                a: s("e"),
                b: s("b"),
            },
            "`e` and `b` are declared disjoint already",
        ),
        (
            add_parent("c", "e"),
            "it would make the taxonomy unsound: `b` and `e` are declared disjoint, but `c` is a descendant of both",
        ),
    ];
    for (edit, why) in cases {
        let refusal = apply(&load(text), edit).expect_err("it is refused");
        assert_eq!(refusal.to_string(), *why, "{edit:?}");
    }
    check_refused(
        "tree: [a]\n",
        delete("a", Orphans::Loose),
        "`a` is the last node: a taxonomy has one at least",
    );
    check_refused(
        "tree: {a: {b: [c]}}\n",
        delete("a", Orphans::Delete),
        "`a` and what is deleted with it are all nodes: a taxonomy has one at least",
    );
    // What an alias repeats would change in both places.
    check_refused(
        "nodes:\n  a:\n  b:\n  c: {parents: &p [a]}\n  d: {parents: *p}\n",
        add_parent("c", "b"),
        "it cannot be made without changing something else (`parents` of `d` would not be what is meant): edit the file by hand",
    );
    check_refused(
        "nodes:\n  a:\n  b:\n  c: {parents: &p [a]}\n  d: {parents: *p}\n",
        add_parent("d", "b"),
        "it cannot be made without changing something else (`parents` of `d` is an alias): edit the file by hand",
    );
}

fn check_refused(text: &str, edit: Edit, why: &str) {
    let refusal = apply(&load(text), &edit).expect_err("it is refused");
    assert_eq!(refusal.to_string(), why, "{edit:?} in:\n{text}");
}

#[test]
fn a_change_as_a_diff() {
    let text = "nodes:\n  a:\n  b:\n  c:\n  d:\n  e: {parents: a}\n";
    let edited = apply(&load(text), &describe("e", Some("last"))).expect("it is made");
    assert_eq!(
        edited.files[0].diff(),
        "--- test\n+++ test\n@@ -3,4 +3,4 @@\n   b:\n   c:\n   d:\n-  e: {parents: a}\n+  e: {parents: a, description: last}\n"
    );
}

/// The warnings of a text after an edit that it has not before.
#[test]
fn an_edit_brings_the_warnings_that_were_not_there() {
    let text = "nodes:\n  a:\n  b: {parents: [a]}\n  c: {parents: [b]}\n  d: {parents: [c, b], names: [dee]}\n";
    let rename = |node: &str, id: &str| Edit::Rename {
        node: s(node),
        id: s(id),
    };
    for (edit, brought) in [
        (add_parent("c", "a"), &["redundant-edge"][..]),
        (add_parent("d", "a"), &["redundant-edge"]),
        (add_name("a", "dee"), &["same-name"]),
        (remove_parent("d", "b"), &["single-child-chain"]),
        (describe("a", Some("first")), &[]),
        // The warning that there is is of a node that is called otherwise now.
        (rename("d", "e"), &[]),
        (rename("b", "e"), &[]),
    ] {
        let taxonomy = load(text);
        let edited = apply(&taxonomy, &edit).expect("it can be made");
        let warnings = edited.warnings(&taxonomy, &edit);
        let codes: Vec<&str> = warnings.iter().map(|d| d.code.as_str()).collect();
        assert_eq!(codes, brought, "{edit:?}");
    }
}
