//! Published figures against an independent implementation of their definitions (`tests/parity/reassessed.py`): the program
//! is run on tables such as authors release, with labels as numbers.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cmd::{dir, run};

#[test]
fn re_assessed_and_multi_label_figures_are_those_of_their_authors() {
    let facts: Value = serde_json::from_str(include_str!("../fixtures/reassessed.json")).unwrap();
    let list = |field: &str| facts[field].as_array().unwrap();
    let (mut truth, mut predictions, mut real) = (
        "image,label\n".to_owned(),
        "image,label\n".to_owned(),
        String::new(),
    );
    for (i, image) in list("images").iter().enumerate() {
        let image = image.as_str().unwrap();
        writeln!(truth, "{image},{}", facts["truth"][i]).unwrap();
        // A program names the files by other paths.
        writeln!(predictions, "val/{image},{}", facts["predicted"][i]).unwrap();
        writeln!(
            real,
            "{}",
            json!({ "image": image, "labels": facts["real"][i] })
        )
        .unwrap();
    }
    let lines = |values: &[Value]| {
        values
            .iter()
            .fold(String::new(), |all, v| format!("{all}{v}\n"))
    };
    let index: Vec<&str> = list("index").iter().map(|l| l.as_str().unwrap()).collect();
    // JSON is YAML.
    let taxonomy = json!({ "taxonomy": "published", "nodes": facts["nodes"] }).to_string();
    let dir = dir(&[
        ("taxonomy.yaml", taxonomy.as_bytes()),
        ("index.txt", index.join("\n").as_bytes()),
        ("truth.csv", truth.as_bytes()),
        ("predictions.csv", predictions.as_bytes()),
        ("real.jsonl", real.as_bytes()),
        ("multi.jsonl", lines(list("multi")).as_bytes()),
        ("also.json", facts["also"].to_string().as_bytes()),
    ]);
    let score = |more: &[&str]| -> Value {
        let mut args = vec![
            "score",
            "--taxonomy",
            "taxonomy.yaml",
            "--truth",
            "truth.csv",
            "--predictions",
            "predictions.csv",
            "--label-index",
            "index.txt",
            "--format",
            "json",
        ];
        args.extend(more);
        let (code, out, err) = run(dir.path(), &args);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    };
    let expected = &facts["expected"];
    let close = |found: &Value, expected: &Value, what: &str| {
        let [a, b] = [found, expected].map(|v| v.as_f64().unwrap_or(f64::NAN));
        assert!(
            (a - b).abs() < 1e-12,
            "{what}: {found}, expected {expected}"
        );
    };

    let found = score(&["--valid", "real.jsonl"]);
    close(&found["top1"], &expected["top1"], "top-1");
    close(&found["reassessed"]["real"], &expected["real"], "ReaL");
    assert_eq!(found["reassessed"]["real_n"], expected["real_n"]);
    for (k, distance) in ["severity_height", "severity_bertinetto"]
        .iter()
        .enumerate()
    {
        let of = &found["metrics"][distance];
        close(&of["mistake_severity"], &expected["severity"][k], distance);
        close(&of["hdist_1"], &expected["hdist_1"][k], distance);
    }

    let found = score(&["--valid", "multi.jsonl", "--also-right", "also.json"]);
    // Over all images, though the re-annotation names some.
    close(&found["top1"], &expected["top1"], "top-1");
    let reassessed = &found["reassessed"];
    close(&reassessed["mla"], &expected["mla"], "multi-label accuracy");
    assert_eq!(reassessed["mla_n"], expected["mla_n"]);
    assert_eq!(reassessed["classes"], expected["classes"]);
    let count = |verdict: &str| {
        let mut rows = found["verdicts"].as_array().unwrap().iter();
        rows.find(|row| row["verdict"] == verdict).unwrap()["count"].clone()
    };
    assert_eq!(count("exact"), expected["counts"]["correct"]);
    assert_eq!(count("synonym"), expected["counts"]["also_right"]);
    assert_eq!(count("also_valid"), expected["counts"]["multi_label"]);
    let mistakes = ["near", "related", "unrelated"].map(|v| count(v).as_u64().unwrap());
    assert_eq!(
        json!(mistakes.iter().sum::<u64>()),
        expected["counts"]["other"]
    );
}
