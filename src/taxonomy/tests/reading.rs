//! Texts that are hardly YAML, and what is read of them.

use super::*;

#[test]
fn a_syntax_error_hides_nothing_else() {
    // Each text ends with two faults that must be told in spite of the first.
    let end = "\n  y: {parents: zzzz}\n  z:\n  z:\n";
    let cases: &[(&str, &[&str])] = &[
        // Brackets.
        ("nodes:\n  a: {parents: [y\n  b:", &["syntax 3:4"]),
        ("nodes:\n  a: {parents: [y}\n  b:", &["syntax 2:18"]),
        ("nodes:\n  a: {parents: y}}\n  b:", &["syntax 2:18"]),
        ("nodes:\n  a: {parents: y]\n  b:", &["syntax 2:17"]),
        (
            "tree: {\n  a: [u, v],\n  b: [w, x}\n}\nnodes:",
            &["syntax 3:11"],
        ),
        (
            "tree: {\n  a: [u, v],\n  b: [w, x]\nnodes:",
            &["syntax 4:1"],
        ),
        // Quotes.
        ("nodes:\n  a: {description: \"text}\n  b:", &["syntax 2:20"]),
        (
            "nodes:\n  a:\n    description: 'text\n  b:",
            &["syntax 3:18"],
        ),
        ("nodes:\n  a: {names: \"\\q\"}\n  b:", &["syntax 2:14"]),
        // A key without a colon: alone, with a value, with something below, at the margin, at the end of a section.
        ("nodes:\n  a\n  b:", &["syntax 2:3"]),
        ("nodes:\n  a: {}\n  b # why\n  c:", &["syntax 3:3"]),
        (
            "nodes:\n  a:\n    parents [y]\n    names: x\n  b:",
            &["syntax 3:5"],
        ),
        (
            "nodes:\n  a\n    parents: y\n    colour: red\n  b:",
            &["syntax 2:3", "unknown-field 4:5"],
        ),
        ("nodes:\n  big dog\n  b:", &["syntax 2:3"]),
        ("nodes", &["syntax 1:1"]),
        ("tree:\n  a: [u, v]\n  b\nnodes:", &["syntax 3:3"]),
        ("tree:\n  a:[u, v]\n  b: [w, x]\nnodes:", &["syntax 2:3"]),
        ("nodes:\n  a: {names: y: z}\n  b:", &["syntax 2:15"]),
        (
            "nodes:\n  a:\n    description: this: that\n  b:",
            &["syntax 3:22"],
        ),
        (
            "nodes:\n  a:\n    description: long\n      and on: this\n  b:",
            &["syntax 4:13"],
        ),
        // Indentation.
        ("nodes:\n  a: {}\n   b: {}\n  c:", &["syntax 3:4"]),
        ("nodes:\n  a:\n\t\tparents: y\n  b:", &["syntax 3:1"]),
        (
            "nodes:\n  a:\n\t\tparents: y\n\t\tcolour: red\n  b:",
            &["syntax 3:1", "unknown-field 4:3"],
        ),
        // Characters.
        (
            "nodes:\n  *a: {names: [x]}\n  b: {names: w}\n  c:",
            &["syntax 2:3"],
        ),
        ("nodes:\n  @a: {}\n  b:", &["syntax 2:3"]),
        ("nodes:\n  a: *nope\n  b:", &["syntax 2:6"]),
        ("nodes:\n  a: &x {names: [*x]}\n  b:", &["syntax 2:18"]),
    ];
    for (text, first) in cases {
        let line = text.lines().count() + 1;
        let mut expected: Vec<String> = first.iter().map(|&s| s.to_owned()).collect();
        expected.push(format!("unknown-parent {line}:16"));
        expected.push(format!("duplicate-key {}:3", line + 2));
        let text = format!("{text}{end}");
        let errors: Vec<String> = found(&[("main.yaml", text.as_bytes())])
            .into_iter()
            .filter(|d| !d.starts_with("single-child-chain"))
            .collect();
        assert_eq!(errors, expected, "in:\n{text}");
    }
}

#[test]
fn what_is_lost_explains_only_what_it_names() {
    // The lost entry's node is not an unknown parent; a part of its name is.
    check(
        "nodes:\n  a: {parents: big}\n  biggest: {names: [x}\n  c: {parents: biggest}\n",
        &["unknown-parent 2:16", "syntax 3:22"],
    );
}

#[test]
fn an_error_that_comes_back_takes_its_surroundings() {
    let loaded = load_str(
        "t",
        "nodes:\n  a:\n    b: [\n  c: ]\n   d: {\n  e: }}\ntree: [x, x]\n",
    );
    let errors: Vec<_> = loaded.diagnostics.iter().map(|d| d.code).collect();
    assert!(
        errors.contains(&Code::Syntax) && errors.contains(&Code::DuplicateEntry),
        "{errors:?}"
    );
}

#[test]
fn tags_documents_and_composed_letters() {
    let cases: &[(&str, &[&str])] = &[
        ("tree: !include other.yaml\n", &["wrong-type 1:7"]),
        (
            "nodes:\n  a: !foo {}\n  b: !!map {}\n  !!str 12: ! {}\n",
            &["wrong-type 2:6"],
        ),
        (
            "nodes:\n  a: !!binary aGk=\n",
            &["wrong-type 2:6", "wrong-type 2:6"],
        ),
        (
            "tree: [a]\n---\ntree: [b]\nnode: 1\n---\nnodes: {q: {parents: zz}}\n",
            &[
                "multiple-documents 2:1",
                "unknown-field 4:1",
                "multiple-documents 5:1",
                "unknown-parent 6:22",
            ],
        ),
        // What is in a later document is known.
        (
            "tree: [a]\n---\nnodes: {q: {parents: [a, b]}, b: }\n",
            &["multiple-documents 2:1"],
        ),
        ("---\ntree: [a]\n...\n", &[]),
        // é in one code point and in two.
        (
            "nodes:\n  caf\u{e9}:\n  cafe\u{301}:\n",
            &["duplicate-key 3:3"],
        ),
        (
            "nodes:\n  caf\u{e9}:\n  b: {parents: cafe\u{301}}\n  c: {parents: caf\u{e9}}\n",
            &[],
        ),
        // A list whose dashes were forgotten.
        (
            "tree:\n  a:\n    b\n    c\n",
            &["single-child-chain 2:3", "wrong-type 3:5"],
        ),
        ("tree:\n  a:\n    - \"b\n      c\"\n    - d\n", &[]),
    ];
    for (text, expected) in cases {
        check(text, expected);
    }
    let t = sound("nodes: {caf\u{e9}: {ids: [cr\u{e8}me]}}");
    assert_eq!(t.find("cafe\u{301}"), t.find("caf\u{e9}"));
    assert!(t.find("cafe\u{301}").is_some());
    assert_eq!(t.resolve("cre\u{300}me"), Resolution::One(NodeId(0)));
    // A path is what its bytes are.
    let files: &[(&str, &[u8])] = &[
        ("main.yaml", "include: cafe\u{301}.yaml\n".as_bytes()),
        ("cafe\u{301}.yaml", b"tree: [a]\n"),
    ];
    assert_eq!(found(files), Vec::<String>::new());
}

#[test]
fn what_was_not_read_is_not_unknown() {
    // More syntax errors than are told.
    let mut text = String::from("nodes:\n");
    for i in 0..130 {
        text.push_str(&format!("  n{i}: {{parents: last}}\n  m{i}: @\n"));
    }
    text.push_str("  last:\n");
    let found = found(&[("main.yaml", text.as_bytes())]);
    assert_eq!(found.len(), 100);
    assert!(found.iter().all(|d| d.starts_with("syntax")), "{found:?}");
}

#[test]
fn text_that_is_no_text() {
    assert_eq!(
        found(&[("main.yaml", b"tree: [a, \xff]\nnode: x\n")]),
        ["syntax 1:11", "unknown-field 2:1"]
    );
    // Each line once.
    assert_eq!(
        found(&[(
            "main.yaml",
            b"tree:\n  - a\xff\xfe\n  - \xe9\n  - \x07b\x07\n  - c\0\n"
        )]),
        ["syntax 2:6", "syntax 3:5", "syntax 4:5", "syntax 5:6"]
    );
    // UTF-16 is told, and read.
    assert_eq!(
        found(&[("main.yaml", b"\xff\xfet\0r\0:\0 \0a\0")]),
        ["syntax 1:1", "unknown-field 1:1"]
    );
    assert_eq!(
        found(&[("main.yaml", b"tree: [a]\nno\0de: x\n")]),
        ["unknown-field 2:1", "syntax 2:3"]
    );
    assert_eq!(found(&[]), ["unreadable-file"]);
}

#[test]
fn nesting_has_a_limit_and_no_stack_to_overflow() {
    let deep = "[".repeat(200_000);
    assert_eq!(
        found(&[("main.yaml", deep.as_bytes())]),
        ["too-large 1:256"]
    );
    let mut block = String::from("tree:\n");
    for i in 0..3000 {
        block.push_str(&format!("{}n{i}:\n", " ".repeat(i + 1)));
    }
    assert!(
        found(&[("main.yaml", block.as_bytes())])
            .iter()
            .any(|d| d.starts_with("too-large"))
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

/// Read from wherever the node is declared, also in an included file; a mention in a tree has none.
#[test]
fn ranks_are_normalised_and_merged() {
    let files = [
        (
            "main.yaml",
            "include: more.yaml\ntree: {felidae: [cat, puma]}\nnodes: {cat: {rank: ' Species '}, puma: {rank: ~}}\n",
        ),
        (
            "more.yaml",
            "nodes:\n  felidae: {rank: FAMILY}\n  cat: {parents: felidae, rank: genus}\n",
        ),
    ];
    let read = |path: &Path| {
        let file = files.iter().find(|(name, _)| Path::new(name) == path);
        let text = file.map(|(_, text)| text.as_bytes().to_vec());
        text.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    };
    let loaded = load(Path::new("main.yaml"), &read);
    let codes: Vec<Code> = loaded.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, [Code::DuplicateId]);
    let t = loaded.taxonomy.expect("there are nodes");
    let rank = |id: &str| t.rank(t.find(id).expect("a node"));
    assert_eq!(rank("felidae"), Some("family"));
    // The first declaration counts, as for every field.
    assert_eq!(rank("cat"), Some("species"));
    assert_eq!(rank("puma"), None);
}

/// A file in every form, and two faults at its end.
const SHAPES: &str = "\
taxonomy: shapes
nodes:
  polygon: {description: a figure, names: [polygon]}
  rectangle:
    parents: [polygon]
    names:
      - rectangle
      - \"right-angled parallelogram\"
  rhombus: {parents: [polygon], ids: ['Q1', Q2]}
  square:
    parents: [rectangle, rhombus]
    description: >
      equal sides
      and right angles
tree:
  round:
    ellipse: [circle, stadium]
    oval: {egg: , lens: }
  other: [star,
    cross]
equivalent: [[ellipse, oval]]
credit: {policy: logical}
overlaps: [[cross]]
shape: 1
";

/// One slip of the finger leaves nearly everything else to be read: for every place and every likely character.
#[test]
fn a_slip_hides_hardly_anything() {
    let slips = [
        "", "[", "]", "{", "}", "'", "\"", ":", ": ", ",", "\n", "\t", "  ", "#", "-", "- ", "&",
        "*", "!", "@", "|", "é",
    ];
    let end = SHAPES.find("overlaps").expect("the end") - 1;
    let (mut few, mut untold) = (Vec::new(), Vec::new());
    for at in 0..end {
        for slip in slips {
            // Nothing in place of a character, or something before it.
            let rest = at + usize::from(slip.is_empty());
            let text = format!("{}{slip}{}", &SHAPES[..at], &SHAPES[rest..]);
            let loaded = load_str("t", &text);
            let codes: Vec<Code> = loaded.diagnostics.iter().map(|d| d.code).collect();
            if !codes.contains(&Code::ShortGroup) || !codes.contains(&Code::UnknownField) {
                untold.push((text.clone(), codes.clone()));
            }
            if loaded.taxonomy.map_or(0, |t| t.len()) < 10 {
                few.push((text, codes));
            }
        }
    }
    // What cannot be mended: a bracket, a quote or an indicator that changes what all the rest of a section is.
    let all = end * slips.len();
    let some = |which: &[(String, Vec<Code>)]| which.first().cloned();
    assert!(
        untold.len() * 200 < all,
        "{} of {all}: {:?}",
        untold.len(),
        some(&untold)
    );
    assert!(
        few.len() * 33 < all,
        "{} of {all}: {:?}",
        few.len(),
        some(&few)
    );
}
