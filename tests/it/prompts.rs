//! `cladist prompts`.

use serde_json::Value;

use crate::cmd::{dir, run};

const TAXONOMY: &[u8] = b"\
nodes:
  polygon:
  rectangle: {parents: polygon, names: [rectangle, oblong]}
  rhombus: {parents: polygon, description: four equal sides}
  square: {parents: [rectangle, rhombus]}
  own: {parents: polygon, prompts: ['my {name}']}
  bank_1: {names: bank}
  bank_2: {names: bank}
";

#[test]
fn every_label_with_what_it_expands_to() {
    let dir = dir(&[
        ("t.yaml", TAXONOMY),
        (
            "p.yaml",
            b"- 'a {name}, {a parent}'\n- '{path}: {description}'\n- '{} {c} {{x}}'\n",
        ),
    ]);
    let prompts = |rest: &[&str]| {
        let args = ["prompts", "--taxonomy", "t.yaml", "--prompts", "p.yaml"];
        let args: Vec<&str> = args.iter().chain(rest).copied().collect();
        let (code, out, err) = run(dir.path(), &args);
        assert_eq!(code, 0, "{err}");
        out
    };
    assert_eq!(
        prompts(&["Square"]),
        "square  (one template left out: it asks for a parent or a description)\n  a square, a rectangle\n  a square, a rhombus\n  square square {x}\n"
    );
    assert_eq!(
        prompts(&["rectangle", "--synonyms"]),
        "rectangle  (one template left out: it asks for a parent or a description)\n  a rectangle, a polygon\n  a oblong, a polygon\n  rectangle rectangle {x}\n  oblong oblong {x}\n"
    );
    assert_eq!(prompts(&["own"]), "own\n  my own\n");
    let json: Value = serde_json::from_str(&prompts(&["rhombus", "--format", "json"])).unwrap();
    assert_eq!(json[0]["prompts"][1], "polygon: four equal sides");
    assert_eq!(json[0]["left_out"], 0);
    assert_eq!(
        prompts(&[]).lines().filter(|l| !l.starts_with(' ')).count(),
        7
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let dir = dir(&[
        ("t.yaml", TAXONOMY),
        (
            "bad.yaml",
            b"templates:\n  - 'a {nmae}'\n  - {name}\n  - 'b {'\n",
        ),
        ("two.yaml", b"sets: {a: x, b: y}\n"),
        ("empty.yaml", b""),
        ("latin.yaml", b"- caf\xe9\n"),
        ("own.yaml", b"nodes:\n  a: {prompts: ['{nmae}']}\n"),
    ]);
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["--taxonomy", "t.yaml", "--prompts", "bad.yaml"],
            &[
                "bad.yaml:2:5: ",
                "did you mean `{name}`",
                "bad.yaml:3:5: ",
                "in quotes",
                "bad.yaml:4:5: ",
            ],
        ),
        (
            &["--taxonomy", "t.yaml", "--prompts", "two.yaml"],
            &["two.yaml#SET", "a, b"],
        ),
        (
            &["--taxonomy", "t.yaml", "--prompts", "two.yaml#c"],
            &["no set `c`", "a, b"],
        ),
        (
            &["--taxonomy", "t.yaml", "--prompts", "empty.yaml"],
            &["empty.yaml:1:1: the file is empty"],
        ),
        (
            &["--taxonomy", "t.yaml", "--prompts", "latin.yaml"],
            &["latin.yaml", "UTF-8"],
        ),
        (
            &["--taxonomy", "t.yaml", "--prompts", "gone.yaml"],
            &["gone.yaml", "bare, general, taxonomic"],
        ),
        (
            &["--taxonomy", "own.yaml"],
            &["error[template]", "own.yaml:2:17", "did you mean `{name}`"],
        ),
        (
            &["--taxonomy", "t.yaml", "bank"],
            &["stands for 2 nodes", "`bank_1`, `bank_2`"],
        ),
        (
            &["--taxonomy", "t.yaml", "sqare"],
            &["did you mean `square`"],
        ),
    ];
    for (args, said) in cases {
        let args: Vec<&str> = ["prompts"].iter().chain(*args).copied().collect();
        let (code, _, err) = run(dir.path(), &args);
        assert_eq!(code, 2, "{args:?}: {err}");
        for said in *said {
            assert!(err.contains(said), "{args:?}: {said} is not in\n{err}");
        }
    }
}
