//! Relations, depths, labels and information of small graphs.

use super::*;

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
