//! `cladist score` and `cladist embed` from outside: a small checkpoint, pictures made here, and what can go wrong.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::cmd::{dir, run};

const TAXONOMY: &str = "
taxonomy: colours
tree:
  colour:
    warm: [red, orange]
    cold: [blue, green]
nodes:
  crimson: {parents: [red]}
equivalent: [[blue, azure]]
credit: {policy: logical}
include: more.yaml
";

/// A working directory with a taxonomy and a folder of pictures, a directory per label.
pub fn world() -> TempDir {
    let dir = dir(&[
        ("colours.yaml", TAXONOMY.as_bytes()),
        ("more.yaml", b"nodes:\n  azure: {parents: [cold]}\n"),
    ]);
    for (label, rgb) in [
        ("red", [220, 20, 10]),
        ("blue", [10, 30, 230]),
        ("green", [20, 200, 30]),
        ("warm", [250, 160, 60]),
    ] {
        for i in 0..3u8 {
            picture(
                &dir.path().join(format!("pictures/{label}/{i}.png")),
                rgb,
                i,
            );
        }
    }
    dir
}

fn picture(path: &Path, rgb: [u8; 3], seed: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let image = image::RgbImage::from_fn(40 + u32::from(seed), 50, |x, y| {
        image::Rgb(rgb.map(|v| v.wrapping_add((x * 3 + y * u32::from(seed)) as u8 / 8)))
    });
    image.save(path).unwrap();
}

/// A small checkpoint.
pub fn model() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/fixtures/clip/quick-gelu")
        .to_str()
        .unwrap()
        .to_owned()
}

/// Runs `score` on the world with further arguments.
fn score(dir: &Path, more: &[&str]) -> (i32, String, String) {
    let model = model();
    let mut args = vec![
        "score",
        "--images",
        "pictures",
        "--taxonomy",
        "colours.yaml",
        "--model",
        &model,
    ];
    args.extend(more);
    run(dir, &args)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn lines(path: PathBuf) -> Vec<Value> {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(json)
        .collect()
}

#[test]
fn a_run_holds_what_was_printed() {
    let dir = world();
    let args = [
        "--candidates",
        "all",
        "--top-k",
        "0",
        "--out",
        "runs/a",
        "--format",
        "json",
    ];
    let (code, out, err) = score(dir.path(), &args);
    assert_eq!(code, 0, "{err}");
    let printed = json(&out);
    let run_dir = dir.path().join("runs/a");
    let summary = json(&fs::read_to_string(run_dir.join("summary.json")).unwrap());
    for (field, value) in summary.as_object().unwrap() {
        assert_eq!(&printed[field], value, "{field}");
    }
    assert_eq!(summary["n"], 12);
    assert_eq!(summary["candidates"], 9);

    // The breakdown is that of the predictions.
    let predictions = lines(run_dir.join("predictions.jsonl"));
    assert_eq!(predictions.len(), 12);
    for row in summary["verdicts"].as_array().unwrap() {
        let count = predictions
            .iter()
            .filter(|p| p["verdict"] == row["verdict"])
            .count();
        assert_eq!(row["count"], count, "{row}");
    }
    for prediction in &predictions {
        let ranked = prediction["top_k"].as_array().unwrap();
        assert_eq!(ranked.len(), 9, "all candidates are kept");
        assert_eq!(ranked[0]["label"], prediction["answer"]);
        let mass: f64 = ranked
            .iter()
            .map(|r| r["probability"].as_f64().unwrap())
            .sum();
        assert!((mass - 1.0).abs() < 1e-9);
    }
    assert_eq!(predictions[0]["image"], "blue/0.png");
    assert_eq!(parquet_rows(&run_dir.join("predictions.parquet")), 12);
    let manifest: Value =
        serde_yaml::from_str(&fs::read_to_string(run_dir.join("run.yaml")).unwrap()).unwrap();
    assert_eq!(manifest["counts"]["labelled"], 12);
    assert_eq!(
        manifest["model"]["fingerprint"]["weights"]
            .as_str()
            .unwrap()
            .len(),
        64
    );
}

fn parquet_rows(path: &Path) -> i64 {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    reader.metadata().file_metadata().num_rows()
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let dir = world();
    for out in ["a", "b"] {
        let (code, _, err) = score(dir.path(), &["--out", out]);
        assert_eq!(code, 0, "{err}");
    }
    for file in [
        "summary.json",
        "predictions.jsonl",
        "predictions.parquet",
        "run.yaml",
    ] {
        let read = |run: &str| fs::read(dir.path().join(run).join(file)).unwrap();
        assert_eq!(read("a"), read("b"), "{file}");
    }
}

#[test]
fn the_text_has_its_parts_in_order() {
    let dir = world();
    let (code, out, err) = score(dir.path(), &["--candidates", "all"]);
    assert_eq!(code, 0, "{err}");
    let mut from = 0;
    for part in [
        "n 12",
        "top-1",
        "verdict",
        "exact",
        "unrelated",
        "Of ",
        "credit",
        "mean K",
        "worst confusions",
    ] {
        let at = out[from..]
            .find(part)
            .unwrap_or_else(|| panic!("no {part} after {from} in {out}"));
        from += at;
    }
    assert!(!out.contains('\x1b'), "colours in a pipe");
}

#[test]
fn by_default_the_truth_labels_are_the_candidates_and_it_says_so() {
    let dir = world();
    let (code, out, err) = score(dir.path(), &["--format", "json"]);
    assert_eq!(
        (code, &json(&out)["candidates"]),
        (0, &Value::from(4)),
        "{err}"
    );
    assert!(
        err.contains("candidates: the 4 labels that occur as truth"),
        "{err}"
    );
}

#[test]
fn candidates_are_chosen() {
    let dir = world();
    fs::write(dir.path().join("list.txt"), "# some\nRED\n\ncrimson\nred\n").unwrap();
    for (choice, count) in [
        ("leaves", 5),
        ("under:warm", 4),
        ("list.txt", 2),
        ("all", 9),
    ] {
        let (code, out, err) = score(dir.path(), &["--candidates", choice, "--format", "json"]);
        assert_eq!(
            (code, &json(&out)["candidates"]),
            (0, &Value::from(count)),
            "{choice}: {err}"
        );
    }
    fs::write(dir.path().join("list.txt"), "redd\nblue\nmauve\n").unwrap();
    let (code, _, err) = score(dir.path(), &["--candidates", "list.txt"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("redd") && err.contains("red") && err.contains("mauve"),
        "{err}"
    );
}

#[test]
fn every_unknown_label_is_told_or_skipped() {
    let dir = world();
    picture(&dir.path().join("pictures/gren/0.png"), [1, 2, 3], 1);
    picture(&dir.path().join("pictures/mauve/0.png"), [1, 2, 3], 2);
    picture(&dir.path().join("pictures/loose.png"), [1, 2, 3], 3);
    let (code, _, err) = score(dir.path(), &[]);
    assert_eq!(code, 2);
    assert!(
        err.contains("gren") && err.contains("green") && err.contains("mauve"),
        "{err}"
    );
    let args = [
        "--on-unknown-label",
        "skip",
        "--out",
        "run",
        "--format",
        "json",
    ];
    let (code, out, err) = score(dir.path(), &args);
    assert_eq!((code, &json(&out)["n"]), (0, &Value::from(12)), "{err}");
    let counts = &json(&out)["run"]["counts"];
    assert_eq!(counts["skipped_unknown_label"], 2);
    assert_eq!(
        (&counts["unlabelled"], &counts["predicted"]),
        (&1.into(), &13.into())
    );
    let loose = lines(dir.path().join("run/predictions.jsonl"));
    let loose = loose.iter().find(|p| p["image"] == "loose.png").unwrap();
    assert!(
        loose["verdict"].is_null() && loose["answer"].is_string(),
        "{loose}"
    );
}

#[test]
fn bad_images_are_listed_counted_or_fatal() {
    let dir = world();
    let pictures = dir.path().join("pictures");
    fs::write(pictures.join("red/broken.jpg"), b"\xff\xd8\xff\xe0 nothing").unwrap();
    fs::write(pictures.join("red/empty.png"), b"").unwrap();
    let (code, out, err) = score(dir.path(), &["--format", "json"]);
    assert_eq!(
        (code, &json(&out)["run"]["counts"]["skipped_bad_image"]),
        (0, &2.into()),
        "{err}"
    );
    assert!(
        err.contains("broken.jpg") && err.contains("empty.png"),
        "{err}"
    );
    let (code, _, err) = score(dir.path(), &["--on-bad-image", "error", "--out", "run"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("red/broken.jpg: "), "not the first: {err}");
    assert!(!dir.path().join("run").exists());
    for label in ["red", "blue", "green", "warm"] {
        fs::remove_dir_all(pictures.join(label)).unwrap();
    }
    fs::create_dir(pictures.join("red")).unwrap();
    fs::write(pictures.join("red/a.png"), b"no picture").unwrap();
    assert_eq!(score(dir.path(), &[]).0, 1);
}

#[test]
fn a_config_file_is_enough_and_the_command_line_wins() {
    let dir = world();
    let config = format!(
        "images: pictures\ntaxonomy: colours.yaml\nmodel: {}\ncandidates: all\ntop_k: 2\nsynonyms: true\n",
        model()
    );
    fs::write(dir.path().join("cladist.yaml"), &config).unwrap();
    let (code, out, err) = run(dir.path(), &["score", "--format", "json"]);
    assert_eq!((code, &json(&out)["candidates"]), (0, &9.into()), "{err}");
    assert_eq!(json(&out)["run"]["options"]["top-k"], 2);
    let (_, out, _) = run(
        dir.path(),
        &["score", "--format", "json", "--candidates", "leaves"],
    );
    assert_eq!(json(&out)["candidates"], 5);
    let (_, out, _) = run(
        dir.path(),
        &["score", "--format", "json", "--synonyms=false"],
    );
    assert_eq!(json(&out)["run"]["options"]["synonyms"], false);

    let (_, out, _) = run(
        dir.path(),
        &["score", "--format", "json", "--candidates", "truths"],
    );
    assert_eq!(json(&out)["candidates"], 4);

    for (line, said) in [
        ("candidate: all\n", "did you mean `candidates`"),
        ("batch: [1]\n", "must be one value"),
        ("batch: many\n", "many"),
        ("batch: many\n", "stands at bad.yaml:2"),
        ("images: [", "not valid YAML"),
        (
            "top-k: 1\ntop_k: 2\n",
            "bad.yaml:3: option `top_k` is given a second time",
        ),
        (
            "taxonomy: other.yaml\n",
            "bad.yaml:2: option `taxonomy` is given a second time",
        ),
        ("config: more.yaml\n", "belongs on the command line"),
    ] {
        fs::write(
            dir.path().join("bad.yaml"),
            format!("taxonomy: colours.yaml\n{line}"),
        )
        .unwrap();
        let (code, _, err) = run(dir.path(), &["--config", "bad.yaml", "score"]);
        assert_eq!(code, 2, "{line}");
        assert!(err.contains(said), "{line}: {err}");
    }
}

#[test]
fn help_is_had_whatever_the_config_file_is() {
    let dir = dir(&[("cladist.yaml", b"images: [\n")]);
    for args in [
        &["score", "--help"][..],
        &["--help"],
        &["--version"],
        &["help", "score"],
        &["completions", "bash"],
        &["man"],
    ] {
        let (code, out, err) = run(dir.path(), args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert!(!out.is_empty());
    }
}

#[test]
fn what_the_command_line_asks_for_is_not_widened_by_the_config_file() {
    let dir = world();
    let config = format!("images: pictures\nmodel: {}\n", model());
    fs::write(dir.path().join("cladist.yaml"), config).unwrap();
    fs::write(dir.path().join("texts.txt"), "a dog\n").unwrap();
    for (args, images, texts) in [
        (&["--texts", "texts.txt", "--out", "t"][..], false, true),
        (&["--out", "i"], true, false),
    ] {
        let args: Vec<&str> = ["embed"].iter().chain(args).copied().collect();
        let (code, _, err) = run(dir.path(), &args);
        assert_eq!(code, 0, "{err}");
        let out = dir.path().join(args[args.len() - 1]);
        assert_eq!(out.join("images.npy").exists(), images, "{args:?}");
        assert_eq!(out.join("texts.npy").exists(), texts, "{args:?}");
    }
}

#[test]
fn what_eight_bits_change_is_told_and_recorded() {
    let dir = world();
    let out = dir.path().join("q8");
    let q8 = ["--dtype", "q8", "--q8-check", "6"];
    let (code, _, told) = score(dir.path(), &[&q8[..], &["--out", "q8"]].concat());
    assert_eq!(code, 0, "{told}");
    assert!(
        told.contains("q8: of 6 images answered in f32 too, "),
        "{told}"
    );
    let summary = json(&fs::read_to_string(out.join("summary.json")).unwrap());
    let manifest = |run: &str| -> Value {
        let text = fs::read_to_string(dir.path().join(run).join("run.yaml")).unwrap();
        serde_yaml::from_str(&text).unwrap()
    };
    let of_q8 = manifest("q8");
    assert_eq!(of_q8["dtype"], "q8");
    assert_eq!(of_q8["model"]["fingerprint"]["dtype"], "q8");
    let check = &of_q8["model"]["q8"];
    assert_eq!(check["images"], 6);
    // The model is made of noise, and the pictures of few colours: the answers of a pair are the same or not, the counts are of all six.
    for dtype in ["f32", "q8"] {
        let counts = check["verdicts"][dtype].as_object().unwrap();
        let sum: u64 = counts.values().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(sum, 6, "{check}");
    }
    assert!(check["same_answer"].as_u64().unwrap() <= 6);
    assert_eq!(summary["judged"], 12, "the run itself is of all images");

    // The two say the same of the same images.
    let (code, _, told) = score(dir.path(), &["--out", "f32"]);
    assert!(code == 0 && !told.contains("q8"), "{told}");
    let answers = |run: &str| -> Vec<Value> {
        let rows = lines(dir.path().join(run).join("predictions.jsonl"));
        rows.into_iter().map(|row| row["answer"].clone()).collect()
    };
    let all = ["--dtype", "q8", "--q8-check", "1000", "--out", "all"];
    let (_, _, told) = score(dir.path(), &all);
    assert!(told.contains("q8: of 12 images"), "{told}");
    let same = answers("f32")
        .iter()
        .zip(answers("all"))
        .filter(|(a, b)| *a == b)
        .count();
    assert_eq!(manifest("all")["model"]["q8"]["same_answer"], same);

    let (_, _, told) = score(dir.path(), &["--dtype", "q8", "--q8-check", "0"]);
    assert!(!told.contains("answered in f32"), "{told}");
}

#[test]
fn labels_with_the_same_prompts_are_told() {
    let dir = world();
    fs::write(dir.path().join("same.yaml"), "['the same', 'for all']").unwrap();
    let (code, _, err) = score(dir.path(), &["--prompts", "same.yaml"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("3 labels have the prompts of another"),
        "{err}"
    );
    let (_, _, err) = score(dir.path(), &[]);
    assert!(!err.contains("the prompts of another"), "{err}");
}

#[test]
fn a_config_file_may_hold_global_options() {
    let dir = dir(&[
        ("cladist.yaml", b"color: always\n"),
        ("faulty.yaml", b"nodes:\n  a: {parents: [b]}\n"),
    ]);
    for (args, coloured) in [
        (&["check", "faulty.yaml"][..], true),
        (&["check", "faulty.yaml", "--color", "never"], false),
        (&["--color", "never", "check", "faulty.yaml"], false),
    ] {
        let (code, out, err) = run(dir.path(), args);
        assert_eq!(code, 1, "{err}");
        assert_eq!(out.contains('\x1b'), coloured, "{args:?}");
    }
}

#[test]
fn a_bad_image_comes_with_the_line_that_lists_it() {
    let dir = world();
    let list = "image,label\npictures/red/0.png,red\n\npictures/red/9.png,red\n";
    fs::write(dir.path().join("list.csv"), list).unwrap();
    let model = model();
    let args = [
        "score",
        "--images",
        "list.csv",
        "--taxonomy",
        "colours.yaml",
        "--model",
        &model,
    ];
    let (code, _, err) = run(dir.path(), &args);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("1 image could not be read and is left out"),
        "{err}"
    );
    assert!(err.contains("  pictures/red/9.png (list.csv:4): "), "{err}");
}

/// As after `2>&1 | head -1` and `| head -1`.
#[test]
fn a_closed_pipe_is_no_fault_and_the_run_is_kept() {
    let dir = world();
    fs::write(dir.path().join("pictures/red/bad.png"), b"no picture").unwrap();
    for (closed, out) in [("stderr", "a"), ("stdout", "b"), ("both", "c")] {
        let mut child = crate::cmd::program(dir.path())
            .args([
                "score",
                "--images",
                "pictures",
                "--taxonomy",
                "colours.yaml",
            ])
            .args(["--model", &model(), "--out", out])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        if closed != "stdout" {
            drop(child.stderr.take());
        }
        if closed != "stderr" {
            drop(child.stdout.take());
        }
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{closed}: {err}");
        assert!(!err.contains("panicked"), "{closed}: {err}");
        assert!(dir.path().join(out).join("run.yaml").exists(), "{closed}");
    }
}

#[test]
fn a_directory_that_is_no_run_is_not_overwritten() {
    let dir = world();
    let (code, _, err) = score(dir.path(), &["--out", "pictures"]);
    assert_eq!(code, 2);
    assert!(err.contains("not the result of an earlier run"), "{err}");
    assert!(dir.path().join("pictures/red/0.png").exists());
}

#[test]
fn a_model_that_is_not_there_says_what_to_do() {
    let dir = world();
    for (model, said) in [
        ("./nowhere", "no such directory"),
        ("org/clip", "HF_HUB_CACHE"),
        ("pictures", "config.json"),
    ] {
        let args = [
            "score",
            "--images",
            "pictures",
            "--taxonomy",
            "colours.yaml",
            "--model",
            model,
        ];
        let out = crate::cmd::program(dir.path())
            .args(args)
            .envs([("HF_HUB_OFFLINE", "1"), ("HF_HUB_CACHE", "cache")])
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(2), "{model}");
        assert!(err.contains(said), "{model}: {err}");
    }
}

#[test]
fn completions_and_manual_come_from_the_definitions() {
    let dir = world();
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = run(dir.path(), &["completions", shell]);
        assert!(code == 0 && out.contains("collision-cosine"), "{shell}");
    }
    assert!(run(dir.path(), &["man"]).1.contains("multiplicity"));
    assert_eq!(run(dir.path(), &["man", "--out", "man"]).0, 0);
    assert!(dir.path().join("man/cladist-score.1").exists());
}
