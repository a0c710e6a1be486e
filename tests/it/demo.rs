//! `cladist demo` from outside.

use std::fs;

use serde_json::Value;

use crate::cmd::{dir, run};

#[test]
fn drawings_come_with_all_that_is_known_of_them() {
    let dir = dir(&[]);
    let draw = |n, out, annotator| {
        let args = [
            "demo",
            "draw",
            "--n",
            n,
            "--seed",
            "4",
            "--size",
            "48",
            "--out",
            out,
            "--annotator",
            annotator,
            "--error-rate",
            "0.25",
        ];
        let (code, _, err) = run(dir.path(), &args);
        assert_eq!(code, 0, "{err}");
        fs::read_to_string(dir.path().join(out).join("manifest.csv")).unwrap()
    };
    let manifest = draw("40", "some", "uniform");
    let mut lines = manifest.lines();
    assert_eq!(
        lines.next(),
        Some("image,label,specific,true_labels,is_error")
    );
    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let image = image::open(dir.path().join("some").join(cells[0])).unwrap();
        assert_eq!((image.width(), image.height()), (48, 48));
        let truths: Vec<&str> = cells[3].split('|').collect();
        assert!(
            truths.contains(&cells[2]) && truths.contains(&"shape"),
            "{line}"
        );
        assert_eq!(truths.contains(&cells[1]), cells[4] == "false", "{line}");
        rows += 1;
    }
    assert_eq!(rows, 40);

    // The same pictures, whatever their number and whoever annotates them.
    draw("10", "few", "specific");
    for i in 0..10 {
        let of = |out: &str| fs::read(dir.path().join(format!("{out}/images/{i:04}.png"))).unwrap();
        assert!(of("some") == of("few"), "picture {i}");
    }

    // The world can be scored as it lies there.
    let (code, out, err) = run(dir.path(), &["check", "some/taxonomy.yaml"]);
    assert_eq!(code, 0, "{out}{err}");
    let (code, _, err) = run(
        dir.path(),
        &["demo", "draw", "--error-rate", "2", "--out", "x"],
    );
    assert_eq!(code, 2);
    assert!(err.contains("from 0 to 1"), "{err}");

    // The config file serves nested commands too; its options for others do no harm.
    fs::write(
        dir.path().join("cladist.yaml"),
        "n: 3\nseed: 4\nsize: 48\ncandidates: all\n",
    )
    .unwrap();
    let (code, _, err) = run(dir.path(), &["demo", "draw", "--out", "configured"]);
    assert_eq!(code, 0, "{err}");
    let picture = |out: &str| fs::read(dir.path().join(out).join("images/0002.png")).unwrap();
    assert!(picture("configured") == picture("few"));
}

/// `cladist` with these arguments in `dir`, which must succeed: standard output, standard error.
#[track_caller]
fn succeed(dir: &std::path::Path, args: &[&str]) -> (String, String) {
    let (code, out, err) = run(dir, args);
    assert_eq!(code, 0, "{args:?}\n{out}\n{err}");
    (out, err)
}

#[track_caller]
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_demo_needs_no_file_and_compares_with_what_was_planted() {
    let dir = dir(&[]);
    let (out, err) = succeed(dir.path(), &["demo", "--n", "300"]);
    for part in [
        "over 51 candidates",
        "multiplicity, confirmed: ",
        "Allowing for sampling",
        "multiplicity in the error",
        "wrong annotations",
        "1/K",
        "│",
    ] {
        assert!(out.contains(part), "no {part:?} in\n{out}");
    }
    assert!(!out.contains('\x1b'), "colours in a pipe");
    assert!(err.contains("300 figures drawn"), "{err}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    assert_eq!(succeed(dir.path(), &["demo", "--n", "300"]).0, out);

    let (out, _) = succeed(dir.path(), &["demo", "--n", "300", "--format", "json"]);
    let found = json(&out);
    let planted = |count: &str| found["planted"][count].as_u64().unwrap();
    assert_eq!(planted("n"), 300);
    assert_eq!(found["errors"], planted("errors"));
    let parts = [
        "multiplicity",
        "only_answer_true",
        "only_annotation_true",
        "neither_true",
    ];
    assert_eq!(parts.map(planted).iter().sum::<u64>(), planted("errors"));
    let suspects = planted("wrong_and_suspect") + planted("right_but_suspect");
    assert_eq!(found["suspects"]["flagged"], suspects);
}

/// What is in the program is what is drawn into files and what lies in the repository.
#[test]
fn the_built_in_world_is_the_one_on_disk() {
    let dir = dir(&[]);
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/models/demo");
    succeed(dir.path(), &["demo", "draw", "--n", "60", "--out", "world"]);
    let of_files = [
        "score",
        "--images",
        "world/manifest.csv",
        "--taxonomy",
        "world/taxonomy.yaml",
        "--model",
        model,
        "--candidates",
        "all",
        "--format",
        "json",
        "--out",
        "of-files",
    ];
    let mut files = json(&succeed(dir.path(), &of_files).0);
    let built_in = ["demo", "--n", "60", "--format", "json", "--out", "built-in"];
    let mut built_in = json(&succeed(dir.path(), &built_in).0);
    built_in.as_object_mut().unwrap().shift_remove("planted");
    // Only the world itself tells how it was made.
    let world = serde_json::json!({
        "n": 60, "seed": 1, "size": 96, "turn": 20.0, "distractors": 0.3, "annotator": "uniform", "error-rate": 0.05,
    });
    let options = built_in["run"]["options"].as_object_mut().unwrap();
    for (option, value) in world.as_object().unwrap() {
        assert_eq!(options.shift_remove(option).as_ref(), Some(value));
    }
    for run in [&mut files, &mut built_in] {
        // As given: the only things that may differ.
        for source in ["taxonomy", "images", "model"] {
            run["run"][source]["source"] = Value::Null;
        }
    }
    assert_eq!(files, built_in);
    let predictions = |run: &str| fs::read(dir.path().join(run).join("predictions.jsonl")).unwrap();
    assert!(predictions("of-files") == predictions("built-in"));
}

#[test]
fn every_command_can_be_tried_with_what_is_built_in() {
    let dir = dir(&[("texts.txt", b"a circle\n"), ("demo/a.txt", b"")]);
    let (out, _) = succeed(dir.path(), &["check", "demo"]);
    assert!(out.contains("demo"), "{out}");
    let (out, _) = succeed(dir.path(), &["show", "demo"]);
    assert!(out.contains("isosceles right triangle") || out.contains("isosceles_right_triangle"));
    let (out, _) = succeed(dir.path(), &["prompts", "--taxonomy", "demo"]);
    assert!(out.contains("circle"), "{out}");
    let embed = [
        "embed",
        "--model",
        "demo",
        "--texts",
        "texts.txt",
        "--out",
        "e",
    ];
    let (_, err) = succeed(dir.path(), &embed);
    // A directory has the name too: it is told how to mean that.
    assert!(err.contains("./demo"), "{err}");
    let score = [
        "score",
        "--images",
        "demo",
        "--taxonomy",
        "demo",
        "--model",
        "demo",
        "--format",
        "json",
    ];
    let of_score = json(&succeed(dir.path(), &score).0);
    let of_demo = json(&succeed(dir.path(), &["demo", "--format", "json"]).0);
    assert_eq!(of_score["n"], 1000);
    assert_eq!(of_score["verdicts"], of_demo["verdicts"]);
    let (code, _, err) = run(dir.path(), &["check", "./demo"]);
    assert_eq!(code, 2, "{err}");
}

/// On drawings of another seed than those of its training and of its card.
#[test]
fn the_model_has_something_to_say() {
    let dir = dir(&[]);
    let shared = [
        "demo",
        "--n",
        "400",
        "--seed",
        "20261124",
        "--annotator",
        "specific",
        "--error-rate",
        "0",
        "--format",
        "json",
    ];
    let of = |candidates| {
        let args = [&shared[..], &["--candidates", candidates]].concat();
        json(&succeed(dir.path(), &args).0)
    };
    let (leaves, all) = (of("leaves"), of("all"));
    // Some figures are most specifically an inner node: these cannot be right among the leaves.
    let inner = leaves["valid_set"]["truth_not_a_candidate"]
        .as_f64()
        .unwrap();
    let n = leaves["n"].as_f64().unwrap();
    let top1 = |run: &Value| run["top1"].as_f64().unwrap();
    let of_leaves = top1(&leaves) * n / (n - inner);
    assert!(of_leaves >= 0.85, "{of_leaves}");
    assert!(top1(&all) < of_leaves - 0.2, "{}", top1(&all));
    let mass = all["dilution"]["semantic_mass"].as_f64().unwrap();
    assert!(mass > 0.85, "{mass}");
    // K true labels share the mass evenly.
    let slope = all["dilution"]["slope"].as_f64().unwrap();
    assert!((slope + 1.0).abs() < 0.3, "{slope}");
}

#[test]
fn in_the_laboratory_the_interval_holds_what_was_planted() {
    let dir = dir(&[]);
    for candidates in ["all", "leaves"] {
        let args = ["demo", "lab", "--n", "400", "--candidates", candidates];
        let (out, _) = succeed(dir.path(), &args);
        assert_eq!(out.lines().filter(|l| l.starts_with("| ")).count(), 31);
        assert!(out.contains("the 95 % interval in "), "{out}");
    }
}
