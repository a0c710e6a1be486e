//! What is made of saved runs: `compare`, `confusions`, `curve`; and decision rules from outside.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cmd::{dir, run};

const TAXONOMY: &str = "
taxonomy: toy
tree:
  animal: {dog: [beagle, poodle], cat: [tabby, siamese]}
";

/// Four labels in the order of `index.txt`; four images, whose logits are logarithms of these.
const PROBABILITIES: [(&str, &str, [f64; 4]); 4] = [
    ("a", "beagle", [0.7, 0.2, 0.05, 0.05]),
    ("b", "poodle", [0.48, 0.42, 0.05, 0.05]),
    ("c", "tabby", [0.31, 0.29, 0.25, 0.15]),
    ("d", "siamese", [0.05, 0.05, 0.42, 0.48]),
];

/// `times` copies of the four images, and their scores.
fn world(times: usize) -> TempDir {
    let mut truth = "image,label\n".to_owned();
    let mut logits = Vec::new();
    for i in 0..times {
        for (name, label, p) in PROBABILITIES {
            truth += &format!("{name}{i},{label}\n");
            logits.extend(p.map(|p| p.ln() as f32));
        }
    }
    let dir = dir(&[
        ("toy.yaml", TAXONOMY.as_bytes()),
        ("index.txt", b"beagle\npoodle\ntabby\nsiamese\n"),
        ("truth.csv", truth.as_bytes()),
    ]);
    let mut file = cladist::npy::header::<f32>(4 * times, 4);
    cladist::npy::write(&mut file, &logits).unwrap();
    fs::write(dir.path().join("logits.npy"), file).unwrap();
    dir
}

const SCORE: [&str; 11] = [
    "score",
    "--taxonomy",
    "toy.yaml",
    "--truth",
    "truth.csv",
    "--scores",
    "logits.npy",
    "--scores-are",
    "logits",
    "--label-index",
    "index.txt",
];

#[track_caller]
fn ok(dir: &Path, args: &[&str]) -> String {
    let (code, out, err) = run(dir, args);
    assert_eq!(code, 0, "{args:?}: {err}");
    out
}

#[track_caller]
fn parsed(dir: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&ok(dir, args)).unwrap()
}

/// The answers of the first four images under a rule, by the run's file; `-` for none.
fn answers(dir: &Path, rule: &str, more: &[&str]) -> Vec<String> {
    ok(
        dir,
        &[&SCORE[..], &["--decide", rule, "--out", "run"], more].concat(),
    );
    let lines = fs::read_to_string(dir.join("run/predictions.jsonl")).unwrap();
    let lines = lines.lines().take(4).map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["answer"].as_str().unwrap_or("-").to_owned()
    });
    lines.collect()
}

#[test]
fn rules_decide() {
    let dir = world(1);
    for (rule, expected) in [
        ("argmax", ["beagle", "beagle", "beagle", "siamese"]),
        ("leaf", ["beagle", "beagle", "beagle", "siamese"]),
        // The dog has 0.6 of the third.
        ("majority", ["beagle", "dog", "dog", "cat"]),
        ("threshold:0.5", ["beagle", "dog", "dog", "cat"]),
        ("threshold:0.8", ["dog", "dog", "animal", "cat"]),
        ("rollup:0.65", ["beagle", "dog", "animal", "cat"]),
        ("top-down", ["beagle", "beagle", "beagle", "siamese"]),
    ] {
        let found = answers(dir.path(), rule, &["--candidates", "index.txt"]);
        assert_eq!(found, expected, "{rule}");
    }
    let manifest = fs::read_to_string(dir.path().join("run/run.yaml")).unwrap();
    assert!(manifest.contains("decide: top-down\n"), "{manifest}");
}

#[test]
fn what_a_rule_lacks_is_told() {
    let dir = world(1);
    for (rule, said) in [
        ("argmin", "unknown rule `argmin`"),
        ("threshold", "write threshold:0.7"),
        ("threshold:2", "`2` is no value of the rule `threshold`"),
        ("darts:0.1", "--calibration which share"),
        ("chils", "subclasses must be prompted for: give --model"),
        ("rerank", "these must be prompted for: give --model"),
        ("speciesnet", "needs nodes with `rank:` genus"),
    ] {
        let args = [&SCORE[..], &["--decide", rule]].concat();
        let (code, _, err) = run(dir.path(), &args);
        assert_eq!(code, 2, "{rule}");
        assert!(err.contains(said), "{rule}: {err}");
    }
    let predictions = [
        "score",
        "--taxonomy",
        "toy.yaml",
        "--truth",
        "truth.csv",
        "--predictions",
        "truth.csv",
        "--decide",
        "majority",
    ];
    let (code, _, err) = run(dir.path(), &predictions);
    assert_eq!(code, 2);
    assert!(err.contains("predicted labels are all there is"), "{err}");
}

/// A rule that cannot answer is refused before the model is read, let alone an image encoded.
#[test]
fn what_a_rule_lacks_is_told_before_the_model_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let demo = "score --images demo --taxonomy demo --model nowhere/".split(' ');
    let demo: Vec<&str> = demo.collect();
    for (more, said) in [
        (["--decide", "darts:0.1"], "--calibration which share"),
        (["--decide", "speciesnet"], "needs nodes with `rank:` genus"),
    ] {
        let (code, _, err) = run(dir.path(), &[&demo[..], &more].concat());
        assert_eq!(code, 2, "{more:?}");
        assert!(err.contains(said), "{more:?}: {err}");
    }
    let (_, _, err) = run(dir.path(), &demo);
    assert!(err.contains("nowhere/"), "{err}");
    let prolip = "score --images demo --taxonomy demo --model demo --match prolip";
    let (code, _, err) = run(dir.path(), &prolip.split(' ').collect::<Vec<_>>());
    assert_eq!(code, 2);
    let is_told_first = err.contains("it is n/a here") && !err.contains("encoding");
    assert!(is_told_first, "{err}");
    // The built-in prompts of figures are not as many for each.
    let rerank = "score --images demo --taxonomy demo --model demo --prompts bare --decide rerank";
    let (code, _, err) = run(dir.path(), &rerank.split(' ').collect::<Vec<_>>());
    assert_eq!(code, 2);
    assert!(err.contains("2 or more, and these have 1 to"), "{err}");
}

/// The images that it is calibrated on are left out, the same in every run.
#[test]
fn darts_is_calibrated_on_images_that_are_set_aside() {
    let dir = world(100);
    let args = [
        &SCORE[..],
        &[
            "--decide",
            "darts:0.4",
            "--calibration",
            "0.5",
            "--format",
            "json",
        ],
    ]
    .concat();
    let found = parsed(dir.path(), &args);
    let calibrated = &found["calibrated"];
    let (n, set_aside) = (
        found["n"].as_u64().unwrap(),
        calibrated["n"].as_u64().unwrap(),
    );
    assert_eq!(n + set_aside, 400);
    assert!((150..250).contains(&n), "{n}");
    assert!(calibrated["bound"].as_f64().unwrap() > 0.6);
    assert_eq!(found["run"]["counts"]["calibration"], set_aside);
    assert_eq!(parsed(dir.path(), &args), found);
}

/// A: the best label. B: at least half of the mass. The second image becomes `dog`, the third `dog`, the fourth `cat`.
#[test]
fn two_runs_are_compared() {
    let dir = world(10);
    let dir = dir.path();
    let list = ["--candidates", "index.txt"];
    ok(dir, &[&SCORE[..], &list, &["--out", "a"]].concat());
    ok(
        dir,
        &[&SCORE[..], &list, &["--decide", "majority", "--out", "b"]].concat(),
    );
    let found = parsed(dir, &["compare", "a", "b", "--format", "json"]);
    assert_eq!(found["n"], 40);
    assert_eq!(found["flipped"], 30);
    // a and d are exact in A; in B d is generalised.
    let top1 = &found["top1"];
    assert_eq!(
        [&top1["difference"]["first"], &top1["difference"]["second"]],
        [0.5, 0.25]
    );
    assert_eq!(
        [
            &top1["mcnemar"]["only_first"],
            &top1["mcnemar"]["only_second"]
        ],
        [10, 0]
    );
    // 2 · 2⁻¹⁰.
    assert_eq!(top1["mcnemar"]["p_value"], 2.0 / 1024.0);
    // Valid: a, d; then a, b and d: the dog is no cat.
    let valid = &found["valid"]["difference"];
    assert_eq!([&valid["first"], &valid["second"]], [0.5, 0.75]);
    let differs = found["differs"].as_array().unwrap();
    assert_eq!(
        differs,
        &[
            json!({"part": "options", "first": "decide \"argmax\"", "second": "decide \"majority\""})
        ]
    );
    // exact → generalised 10, near → generalised 10, related → related 10, exact → exact 10.
    let verdicts = [
        "exact",
        "synonym",
        "also_valid",
        "generalised",
        "specialised",
        "overlap",
        "name_collision",
        "near",
        "related",
        "unrelated",
    ];
    let place = |verdict: &str| verdicts.iter().position(|v| *v == verdict).unwrap();
    let count = |a: &str, b: &str| found["transitions"][place(a)][place(b)].as_u64().unwrap();
    assert_eq!(count("exact", "exact"), 10);
    assert_eq!(count("exact", "generalised"), 10);
    assert_eq!(count("near", "generalised"), 10);
    assert_eq!(count("related", "related"), 10);
    let text = ok(dir, &["compare", "a", "b"]);
    assert!(text.contains("30 answers differ"), "{text}");

    let many = parsed(dir, &["compare", "a", "b", "a", "--format", "json"]);
    assert_eq!(many["runs"].as_array().unwrap().len(), 3);
    assert_eq!(many["pairs"].as_array().unwrap().len(), 3);
    assert_eq!(many["differs"], serde_json::json!(["options"]));
    assert_eq!(many["pairs"][0]["n"], 40);
    assert_eq!(many["pairs"][0]["other_truth"], 0);
    // Holm: the two tests of 2/1024 are multiplied by 3 and 2, and no smaller one follows a larger.
    assert_eq!(many["pairs"][0]["p_holm"], 6.0 / 1024.0);
    assert_eq!(many["pairs"][1]["p_holm"], 1.0);

    let truth = fs::read_to_string(dir.join("truth.csv")).unwrap();
    let other = truth.replace("b3,poodle", "b3,tabby");
    fs::write(dir.join("truth.csv"), other).unwrap();
    ok(dir, &[&SCORE[..], &list, &["--out", "c"]].concat());
    let (code, out, err) = run(dir, &["compare", "a", "b", "c", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("not have the same annotated labels"), "{err}");
    let many: Value = serde_json::from_str(&out).unwrap();
    let others = |pair: usize| many["pairs"][pair]["other_truth"].as_u64();
    assert_eq!([0, 1, 2].map(others), [Some(0), Some(1), Some(1)]);
    let differs = serde_json::json!(["options", "truth"]);
    assert_eq!(many["differs"], differs);

    let (code, _, err) = run(dir, &["compare", "a", "toy.yaml"]);
    assert_eq!(code, 2);
    assert!(err.contains("no run of cladist"), "{err}");
    let (code, ..) = run(dir, &["compare", "a"]);
    assert_eq!(code, 2);
}

#[test]
fn confusions_are_counted_against_chance() {
    let dir = world(1);
    let dir = dir.path();
    ok(dir, &[&SCORE[..], &["--out", "a"]].concat());
    let found = parsed(dir, &["confusions", "a", "--format", "json"]);
    assert_eq!([&found["n"], &found["errors"]], [4, 2]);
    let pairs = found["pairs"].as_array().unwrap();
    let brief: Vec<Value> = pairs
        .iter()
        .map(|p| {
            json!([
                p["truth"],
                p["answer"],
                p["count"],
                p["relation"],
                p["lca"],
                p["expected"]
            ])
        })
        .collect();
    // `beagle` is answered three times of four, and each of these is annotated once.
    let expected = [
        json!(["poodle", "beagle", 1, "sibling", "dog", 0.75]),
        json!(["tabby", "beagle", 1, "related", "animal", 0.75]),
    ];
    assert_eq!(brief, expected);
    // A cat for a dog, and dogs among themselves: 2 · 3 of which 3 would be a beagle for a beagle.
    let grouped = parsed(
        dir,
        &["confusions", "a", "--depth", "1", "--format", "json"],
    );
    let pairs = grouped["pairs"].as_array().unwrap();
    let brief: Vec<Value> = pairs
        .iter()
        .map(|p| json!([p["truth"], p["answer"], p["count"], p["expected"]]))
        .collect();
    assert_eq!(
        brief,
        [
            json!(["cat", "dog", 1, 1.5]),
            json!(["dog", "dog", 1, 0.75])
        ]
    );
    let csv = ok(dir, &["confusions", "a", "--format", "csv"]);
    assert!(csv.starts_with(
        "truth,answer,count,expected,excess,relation,lca,text_cosine,verdicts,cost,suspect\n"
    ));
    assert!(
        csv.contains("poodle,beagle,1,0.75,0.25,sibling,dog,,near:1,1,0\n"),
        "{csv}"
    );
    // All cost the same, so the order is that of ids.
    let sorted = ok(
        dir,
        &["confusions", "a", "--format", "csv", "--sort", "cost"],
    );
    assert_eq!(sorted, csv);
    // The file has changed, or is gone.
    fs::write(dir.join("toy.yaml"), TAXONOMY.replace("tabby", "manx")).unwrap();
    let (code, _, err) = run(dir, &["confusions", "a"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("is not what the run was made with") && err.contains("`tabby`"),
        "{err}"
    );
}

#[test]
fn the_curve_of_a_run() {
    let dir = world(1);
    let dir = dir.path();
    ok(
        dir,
        &[&SCORE[..], &["--out", "a", "--candidates", "index.txt"]].concat(),
    );
    let found = parsed(dir, &["curve", "a", "--format", "json"]);
    let summary: Value =
        serde_json::from_str(&fs::read_to_string(dir.join("a/summary.json")).unwrap()).unwrap();
    for field in [
        "n",
        "average_precision",
        "average_correct",
        "recall_at_90",
        "recall_at_95",
    ] {
        assert_eq!(found[field], summary["curve"][field], "{field}");
    }
    // In bits: dog and cat 1, the four 2. Thresholds 1 (animal), 0.9 (a, b: dog, d: cat), 0.7, 0.6, 0.48 …; at 0.7 a is a
    // beagle: recall (2 + 1 + 0 + 1) / 8, and all of it is right.
    let points = found["points"].as_array().unwrap();
    // Rounding parts what are the same thresholds here: the last of them.
    let at = |threshold: f64| {
        let is_above = |p: &&Value| p["threshold"].as_f64().is_none_or(|t| t > threshold - 1e-6);
        points.iter().rfind(is_above).unwrap()
    };
    assert_eq!([&at(0.9)["recall"], &at(0.9)["correct"]], [0.375, 1.0]);
    assert_eq!([&at(0.7)["recall"], &at(0.7)["correct"]], [0.5, 1.0]);
    // The third is taken for a dog.
    assert_eq!([&at(0.6)["recall"], &at(0.6)["correct"]], [0.5, 0.75]);
    let csv = ok(dir, &["curve", "a", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 1 + points.len());
    let text = ok(dir, &["curve", "a"]);
    assert!(text.contains("recall at 90 % correct 50.0 %"), "{text}");

    let predictions = [
        "score",
        "--taxonomy",
        "toy.yaml",
        "--truth",
        "truth.csv",
        "--predictions",
        "truth.csv",
        "--out",
        "p",
    ];
    ok(dir, &predictions);
    let (code, _, err) = run(dir, &["curve", "p"]);
    assert_eq!(code, 2);
    assert!(err.contains("was made of predicted labels"), "{err}");
}

/// Whether two texts are the same JSON, numbers to their last bit but one: more is not kept of those that are read.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 2.0 * f64::EPSILON * a.abs()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let pairs = a.iter().zip(b);
            a.len() == b.len() && { pairs }.all(|((k, a), (l, b))| k == l && is_same(a, b))
        }
        _ => a == b,
    }
}

/// What is read of a run is all of it: written again, each file is the same byte for byte, but for the figures.
#[test]
fn a_run_that_was_read_is_written_as_it_was() {
    let dir = world(3);
    let valid = r#"{"image": "a0", "labels": ["beagle", "dog"]}
{"image": "b1", "labels": ["poodle"]}
"#;
    fs::write(dir.path().join("valid.jsonl"), valid).unwrap();
    let more = |args: &[&'static str]| [&SCORE[..], args, &["--out", "run"]].concat();
    for args in [
        more(&["--candidates", "index.txt"]),
        more(&["--decide", "threshold:0.99", "--top-k", "0"]),
        more(&["--valid", "valid.jsonl", "--decide", "leaf"]),
    ] {
        ok(dir.path(), &args);
        let (first, again) = (dir.path().join("run"), dir.path().join("again"));
        let saved = cladist::run::load_whole(&first).unwrap();
        let staging = cladist::files::Staging::new(&again, cladist::run::KIND).unwrap();
        cladist::run::save_again(&saved, staging).unwrap();
        for file in cladist::run::KIND.entries {
            let read = |run: &Path| fs::read(run.join(file)).unwrap();
            let (first, again) = (read(&first), read(&again));
            if *file == "summary.json" {
                let parsed = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
                let (first, again) = (parsed(&first), parsed(&again));
                assert!(is_same(&first, &again), "{first} {again}");
            } else {
                assert!(first == again, "{args:?}: {file}");
            }
        }
    }
    let read = cladist::run::load(&dir.path().join("run")).unwrap();
    let staging = cladist::files::Staging::new(&dir.path().join("part"), cladist::run::KIND);
    let error = cladist::run::save_again(&read, staging.unwrap()).unwrap_err();
    assert!(error.to_string().contains("not read whole"), "{error}");
    assert!(!dir.path().join("part").exists());
}
