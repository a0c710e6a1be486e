//! `cladist score` of what was made elsewhere: predictions, scores, embeddings, and what is known to be true of the images.

use std::fs;
use std::path::Path;

use cladist::npy;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cmd::{dir, run};
use crate::score::{model, world};

const TAXONOMY: &str = "
taxonomy: toy
nodes:
  animal:
  dog: {parents: [animal]}
  beagle: {parents: [dog], names: [beagle, Beagle hound], ids: [n1]}
  poodle: {parents: [dog]}
  cat: {parents: [animal]}
  plant:
  rose: {parents: [plant]}
";

const TRUTH: &str =
    "image,label\na.jpg,beagle\nb.jpg,beagle\nc.jpg,poodle\nd.jpg,cat\ne.jpg,rose\nf.jpg,rose\n";

fn toy(files: &[(&str, &str)]) -> TempDir {
    let mut all = vec![("toy.yaml", TAXONOMY), ("truth.csv", TRUTH)];
    all.extend(files);
    let all: Vec<(&str, &[u8])> = all.iter().map(|&(n, t)| (n, t.as_bytes())).collect();
    dir(&all)
}

/// Scores in the directory of a toy world; the summary.
#[track_caller]
fn summary(dir: &Path, more: &[&str]) -> Value {
    let mut args = vec!["score", "--taxonomy", "toy.yaml", "--truth", "truth.csv"];
    args.extend(["--format", "json"]);
    args.extend(more);
    let (code, out, err) = run(dir, &args);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

#[track_caller]
fn refused(dir: &Path, more: &[&str], said: &str) {
    let mut args = vec!["score", "--taxonomy", "toy.yaml"];
    args.extend(more);
    let (code, out, err) = run(dir, &args);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains(said), "{err:?} does not say {said:?}");
}

fn counts(summary: &Value) -> Vec<(String, u64)> {
    let rows = summary["verdicts"].as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["verdict"].as_str().unwrap(),
            row["count"].as_u64().unwrap(),
        )
    })
    .filter(|&(_, count)| count > 0)
    .map(|(verdict, count)| (verdict.to_owned(), count))
    .collect()
}

fn of(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|&(v, n)| (v.to_owned(), n)).collect()
}

const PREDICTIONS: &str = "image,label,probability\na.jpg,n1,0.9\nb.jpg,poodle,0.6\nc.jpg,dog,0.5\nd.jpg,rose,0.4\ne.jpg,rose,0.8\nf.jpg,,\n";

/// By hand: two of five exact, a generalisation, a sibling, an unrelated answer, and one abstention.
#[test]
fn predicted_labels_are_judged() {
    let dir = toy(&[("p.csv", PREDICTIONS)]);
    let found = summary(dir.path(), &["--predictions", "p.csv"]);
    assert_eq!(
        [
            &found["n"],
            &found["judged"],
            &found["abstained"],
            &found["errors"]
        ],
        [5, 5, 1, 3]
    );
    assert_eq!(found["top1"], 0.4);
    let expected = [
        ("exact", 2),
        ("generalised", 1),
        ("near", 1),
        ("unrelated", 1),
    ];
    assert_eq!(counts(&found), of(&expected));
    // Labels that occur, as answers or as truths: beagle, cat, dog, poodle, rose.
    assert_eq!(found["candidates"], 5);
    // Nothing is known of other candidates.
    for field in ["dilution", "suspects", "reassessed"] {
        assert_eq!(found[field], Value::Null, "{field}");
    }
    assert_eq!(found["top5"]["accuracy"], Value::Null);
    // |α∩β| = 3 + 2 + 2 + 0 + 2, Σ|β| = 3 + 3 + 3 + 2 + 2 + 2 with the abstention, Σ|α| = 3 + 3 + 2 + 2 + 2.
    let micro = &found["metrics"]["hierarchical"]["micro"];
    assert_eq!(micro["precision"], 9.0 / 12.0);
    assert_eq!(micro["recall"], 9.0 / 15.0);
}

/// Every format, the label by its number, ranked labels, columns by other names.
#[test]
fn predictions_are_read_however_they_are_written() {
    let expected = [("exact", 1), ("generalised", 1), ("near", 1)];
    let index = ["animal", "dog", "beagle", "poodle", "cat", "plant", "rose"].join("\n");
    for (name, text, more) in [
        (
            "p.csv",
            "image,label\na.jpg,beagle\nb.jpg,Poodle\nc.jpg,dog\n",
            &[][..],
        ),
        (
            "p.tsv",
            "path\tlabel\na.jpg\tbeagle hound\nb.jpg\tpoodle\nc.jpg\tdog\n",
            &[],
        ),
        (
            "p.jsonl",
            "{\"image\": \"a.jpg\", \"label\": \"n1\"}\n{\"image\": \"b.jpg\", \"labels\": [\"poodle\", \"beagle\"]}\n{\"image\": \"c.jpg\", \"label\": \"dog\"}\n",
            &[],
        ),
        // The true label stands there too.
        (
            "p.csv",
            "image,label,prediction\na.jpg,cat,beagle\nb.jpg,cat,poodle\nc.jpg,cat,dog\n",
            &[],
        ),
        (
            "p.csv",
            "file,one,two,p1,p2\na.jpg,beagle,dog,0.5,0.2\nb.jpg,poodle,cat,0.5,0.2\nc.jpg,dog,cat,0.4,0.1\n",
            &[
                "--columns",
                "image=file,label=one,label=two,probability=p1,probability=p2",
            ],
        ),
        // Other paths to the same files.
        (
            "p.csv",
            "image,label\nval/a.jpg,beagle\nval/b.jpg,poodle\nval\\c.jpg,dog\n",
            &[],
        ),
        (
            "p.csv",
            "image,label\na.jpg,2\nb.jpg,3\nc.jpg,1\n",
            &["--label-index", "index.txt"],
        ),
        (
            "p.json",
            "[{\"image\": \"a.jpg\", \"label\": 2}, {\"image\": \"b.jpg\", \"label\": 3}, {\"image\": \"c.jpg\", \"label\": 1}]",
            &["--label-index", "index.json"],
        ),
    ] {
        let dir = toy(&[
            (name, text),
            ("index.txt", &index),
            (
                "index.json",
                "{\"id2label\": {\"0\": \"animal\", \"1\": \"dog\", \"2\": [\"n999\", \"beagle\"], \"3\": \"poodle, standard poodle\"}}",
            ),
        ]);
        let mut args = vec!["--predictions", name];
        args.extend(more);
        let found = summary(dir.path(), &args);
        assert_eq!(counts(&found), of(&expected), "{text}");
    }
}

/// By hand. a: exact. b: in the valid set. c: re-annotated as nothing at all, and generalised. d: problematic. e and f are
/// not named.
#[test]
fn a_re_annotation_says_what_else_is_right() {
    let valid = "{\"image\": \"a.jpg\", \"labels\": [\"beagle\"]}\n{\"image\": \"b.jpg\", \"labels\": [\"beagle\", \"poodle\"]}\n{\"image\": \"c.jpg\", \"labels\": []}\n{\"image\": \"d.jpg\", \"labels\": [\"rose\"], \"problematic\": true}\n";
    let csv = "image,labels,problematic\na.jpg,beagle,\nb.jpg,beagle|poodle,0\nc.jpg,,false\nd.jpg,rose,1\n";
    let dir = toy(&[("p.csv", PREDICTIONS), ("v.jsonl", valid), ("v.csv", csv)]);
    for file in ["v.jsonl", "v.csv"] {
        let found = summary(dir.path(), &["--predictions", "p.csv", "--valid", file]);
        // What needs no re-annotation is over all.
        assert_eq!([&found["n"], &found["judged"]], [5, 3]);
        assert_eq!(found["top1"], 0.4);
        let expected = [("exact", 1), ("also_valid", 1), ("generalised", 1)];
        assert_eq!(counts(&found), of(&expected));
        let expected = json!({
            // a and b, both in their sets.
            "real_n": 2, "real": 1.0,
            // beagle: a and b right; poodle: c is not, since an ancestor is neither exact, a synonym nor in the set.
            "mla_n": 3, "classes": 2, "mla": 0.5, "mla_plain": 2.0 / 3.0,
        });
        assert_eq!(found["reassessed"], expected);
        // K: {beagle, dog}; {beagle, poodle, dog}; {poodle, dog}.
        assert_eq!(found["valid_set"]["mean_k"], 7.0 / 3.0);
    }
}

/// What is right also is tested before the valid set, and in one direction only.
#[test]
fn what_is_also_right_is_a_synonym() {
    let dir = toy(&[
        (
            "p.csv",
            "image,label\na.jpg,cat\nb.jpg,poodle\nc.jpg,beagle\nd.jpg,beagle\n",
        ),
        (
            "v.csv",
            "image,labels\na.jpg,beagle|cat\nb.jpg,poodle\nc.jpg,poodle\nd.jpg,cat\n",
        ),
        ("also.json", "{\"beagle\": [\"poodle\", \"cat\"]}"),
    ]);
    let mut args = vec!["--predictions", "p.csv", "--also-right", "also.json"];
    let found = summary(dir.path(), &args);
    let expected = [("synonym", 2), ("near", 1), ("related", 1)];
    assert_eq!(counts(&found), of(&expected));
    args.extend(["--valid", "v.csv"]);
    let found = summary(dir.path(), &args);
    assert_eq!(counts(&found), of(&expected));
    // Both causes: forgiving one changes nothing once the other is forgiven.
    let causes = found["causes"].as_array().unwrap();
    let cause = |name: &str| causes.iter().find(|c| c["cause"] == name).unwrap();
    assert_eq!(cause("synonym")["count"], 2);
    assert_eq!(cause("also_valid")["count"], 2);
    assert_eq!(cause("also_valid")["last"], 0.0);
}

#[test]
fn what_cannot_be_scored_is_told() {
    let dir = toy(&[
        ("p.csv", PREDICTIONS),
        ("typo.csv", "image,label\na.jpg,beagel\n"),
        (
            "some.csv",
            "image,label,probability\na.jpg,beagle,0.5\nb.jpg,poodle,\n",
        ),
        ("logits.csv", "image,label,score\na.jpg,beagle,3.5\n"),
        ("others.csv", "image,label\nx/1.jpg,beagle\n"),
        ("twice.csv", "image,label\na.jpg,beagle\na.jpg,poodle\n"),
        ("number.csv", "image,label\na.jpg,7\n"),
        ("index.txt", "beagle\npoodle\n"),
        ("double.txt", "beagle\nbeagle\n"),
        ("gap.json", "{\"0\": \"beagle\", \"2\": \"cat\"}"),
        ("list.json", "[1]"),
    ]);
    let dir = dir.path();
    npy_file(&dir.join("s.npy"), 6, &[0.5; 12]);
    npy_file(&dir.join("nan.npy"), 6, &[f32::NAN; 12]);
    npy_file(&dir.join("five.npy"), 5, &[0.5; 10]);
    npy_file(&dir.join("p.npy"), 6, &[0.7; 12]);
    let truth = ["--truth", "truth.csv"];
    let with = |more: &[&'static str]| [&truth[..], more].concat();
    refused(dir, &[], "nothing to score: give --images with a --model");
    refused(
        dir,
        &["--predictions", "p.csv"],
        "--predictions needs --truth",
    );
    refused(
        dir,
        &with(&[
            "--predictions",
            "p.csv",
            "--scores",
            "s.npy",
            "--scores-are",
            "logits",
        ]),
        "cannot be used with",
    );
    refused(dir, &with(&["--images", "demo"]), "say which --model");
    refused(
        dir,
        &with(&["--predictions", "typo.csv"]),
        "`beagel` (1 image, first typo.csv:2): unknown, nearest: beagle",
    );
    refused(
        dir,
        &with(&["--predictions", "some.csv"]),
        "some.csv:3: `b.jpg` has no probability",
    );
    refused(
        dir,
        &with(&["--predictions", "logits.csv"]),
        "logits.csv:2: the probability 3.5 is not from 0 to 1",
    );
    refused(
        dir,
        &with(&["--predictions", "others.csv"]),
        "truth.csv names none of the images of others.csv: its first is `a.jpg`, and that of others.csv `x/1.jpg`",
    );
    refused(
        dir,
        &["--predictions", "p.csv", "--truth", "twice.csv"],
        "twice.csv:3: the image `a.jpg` is named a second time",
    );
    refused(
        dir,
        &with(&["--predictions", "p.csv", "--columns", "label=guess"]),
        "p.csv:1: no column `guess`; the columns are: image, label, probability",
    );
    refused(
        dir,
        &with(&["--predictions", "p.csv", "--columns", "guess"]),
        "write ROLE=NAME",
    );
    refused(
        dir,
        &with(&["--predictions", "number.csv", "--label-index", "index.txt"]),
        "index.txt has 2 labels, numbered from 0",
    );
    refused(
        dir,
        &with(&["--predictions", "p.csv", "--label-index", "gap.json"]),
        "there is no number 1",
    );
    refused(
        dir,
        &with(&["--predictions", "p.csv", "--also-right", "list.json"]),
        "list.json: expected an object",
    );
    let scores = |file, index| {
        [
            "--scores",
            file,
            "--scores-are",
            "logits",
            "--label-index",
            index,
        ]
    };
    refused(dir, &with(&["--scores", "s.npy"]), "--scores-are");
    refused(
        dir,
        &with(&["--scores", "s.npy", "--scores-are", "logits"]),
        "--label-index FILE",
    );
    refused(
        dir,
        &with(&scores("nan.npy", "index.txt")),
        "nan.npy: row 0, column 0 (from 0) is NaN",
    );
    refused(
        dir,
        &with(&scores("five.npy", "index.txt")),
        "has 5 rows that have no names, and --truth has 6",
    );
    refused(
        dir,
        &with(&scores("s.npy", "double.txt")),
        "numbers 0 and 1 are the same label, `beagle`",
    );
    refused(
        dir,
        &with(&[
            "--scores",
            "p.npy",
            "--scores-are",
            "probabilities",
            "--label-index",
            "index.txt",
        ]),
        "the probabilities of row 0 (from 0) add up to 1.4000",
    );
    refused(
        dir,
        &with(&["--image-embeddings", "s.npy"]),
        "--text-embeddings",
    );
}

/// Rows of values in a `.npy` file.
fn npy_file(path: &Path, rows: usize, values: &[f32]) {
    let mut file = npy::header::<f32>(rows, values.len() / rows);
    npy::write(&mut file, values).unwrap();
    fs::write(path, file).unwrap();
}

/// The figures that follow from answers alone.
fn of_answers(summary: &Value) -> Value {
    let fields = [
        "n",
        "errors",
        "candidates",
        "top1",
        "verdicts",
        "multiplicity",
        "valid_set",
    ];
    let mut all: Vec<&Value> = fields.iter().map(|field| &summary[field]).collect();
    all.push(&summary["metrics"]["hierarchical"]);
    all.push(&summary["metrics"]["severity_height"]["hdist_1"]);
    json!(all)
}

/// The same pictures by every way: answered here; their embeddings, with the model and with embedded prompts; scores; and the
/// answers alone.
#[test]
fn every_way_leads_to_the_same_figures() {
    let dir = world();
    let model = model();
    let score = |more: &[&str]| -> Value {
        let mut args = vec!["score", "--taxonomy", "colours.yaml", "--format", "json"];
        args.extend(more);
        let (code, out, err) = run(dir.path(), &args);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    };
    let labels = [
        "azure", "blue", "cold", "colour", "crimson", "green", "orange", "red", "warm",
    ];
    fs::write(dir.path().join("labels.txt"), labels.join("\n")).unwrap();
    let here = score(&[
        "--images",
        "pictures",
        "--model",
        &model,
        "--candidates",
        "labels.txt",
        "--out",
        "run",
        "--prompts",
        "bare",
        "--top-k",
        "0",
    ]);
    let truth = [
        "--truth",
        "run/predictions.jsonl",
        "--label-index",
        "labels.txt",
    ];

    let answers = score(&[&truth[..], &["--predictions", "run/predictions.jsonl"]].concat());
    assert_eq!(of_answers(&answers), of_answers(&here));
    let table = [
        "--truth",
        "run/predictions.parquet",
        "--label-index",
        "labels.txt",
    ];
    let answers = score(&[&table[..], &["--predictions", "run/predictions.parquet"]].concat());
    assert_eq!(of_answers(&answers), of_answers(&here));
    assert_eq!(
        answers["metrics"]["calibration_exact"],
        here["metrics"]["calibration_exact"]
    );

    fs::write(dir.path().join("texts.txt"), labels.join("\n")).unwrap();
    let embed = [
        "embed",
        "--model",
        &model,
        "--images",
        "pictures",
        "--texts",
        "texts.txt",
        "--out",
        "emb",
    ];
    let (code, _, err) = run(dir.path(), &embed);
    assert_eq!(code, 0, "{err}");
    // Which pixels are in a batch may change an embedding's last bits.
    let close = |found: &Value, what: &str| {
        assert_eq!(of_answers(found), of_answers(&here), "{what}");
        for field in ["/dilution/semantic_mass", "/metrics/calibration_valid/ece"] {
            let [a, b] = [found, &here].map(|s| s.pointer(field).unwrap().as_f64().unwrap());
            assert!((a - b).abs() < 1e-4, "{what}: {field}: {a}, not {b}");
        }
    };
    let images = ["--image-embeddings", "emb"];
    let found = score(
        &[
            &truth[..],
            &images,
            &[
                "--model",
                &model,
                "--prompts",
                "bare",
                "--candidates",
                "labels.txt",
            ],
        ]
        .concat(),
    );
    close(&found, "embeddings and model");
    let manifest = fs::read_to_string(dir.path().join("run/run.yaml")).unwrap();
    let scale = manifest.split("logit_scale: ").nth(1).unwrap();
    let scale = scale.lines().next().unwrap().to_owned();
    let found = score(
        &[
            &truth[..],
            &images,
            &["--text-embeddings", "emb", "--logit-scale", &scale],
        ]
        .concat(),
    );
    close(&found, "embeddings of both");

    // Scores from the run's own ranking of all candidates.
    let lines = fs::read_to_string(dir.path().join("run/predictions.jsonl")).unwrap();
    let (mut logits, mut probabilities) = (Vec::new(), Vec::new());
    let mut rows = 0;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        rows += 1;
        for label in labels {
            let ranked = line["top_k"].as_array().unwrap();
            let of = ranked.iter().find(|r| r["label"] == label).unwrap();
            let number = |field: &str| of[field].as_f64().unwrap() as f32;
            logits.push(number("similarity") * scale.parse::<f32>().unwrap());
            probabilities.push(number("probability"));
        }
    }
    for (file, values, are) in [
        ("l.npy", &logits, "logits"),
        ("p.npy", &probabilities, "probabilities"),
    ] {
        npy_file(&dir.path().join(file), rows, values);
        let found = score(&[&truth[..], &["--scores", file, "--scores-are", are]].concat());
        close(&found, are);
        // Fewer candidates than columns: the probabilities are over them.
        let some = [
            "--scores",
            file,
            "--scores-are",
            are,
            "--candidates",
            "leaves",
        ];
        let found = score(&[&truth[..], &some].concat());
        assert_eq!(found["candidates"], 5, "{are}");
        assert!(found["dilution"]["semantic_mass"].as_f64().unwrap() <= 1.0);
    }
}

/// Many parts in the layout of clip-retrieval, in the order of their numbers.
#[test]
fn the_folders_of_clip_retrieval_are_read() {
    let dir = toy(&[("labels.txt", "beagle\ncat\n")]);
    let folder = dir.path().join("emb/img_emb");
    fs::create_dir_all(&folder).unwrap();
    // Part 10 comes after part 2.
    npy_file(&folder.join("img_emb_0.npy"), 2, &[1.0, 0.0, 1.0, 0.0]);
    npy_file(&folder.join("img_emb_2.npy"), 2, &[0.0, 3.0, 0.0, 1.0]);
    npy_file(&folder.join("img_emb_10.npy"), 2, &[1.0, 0.0, 1.0, 0.1]);
    npy_file(&dir.path().join("t.npy"), 2, &[2.0, 0.0, 0.0, 0.5]);
    let args = [
        "--image-embeddings",
        "emb",
        "--text-embeddings",
        "t.npy",
        "--label-index",
        "labels.txt",
    ];
    let found = summary(dir.path(), &args);
    // beagle, beagle, cat for a poodle, cat for a cat, beagle for roses.
    let expected = [("exact", 3), ("related", 1), ("unrelated", 2)];
    assert_eq!(counts(&found), of(&expected));
}

/// Rows of others must not be taken for those of these images.
#[test]
fn parts_that_are_missing_are_missed() {
    let dir = toy(&[("labels.txt", "beagle\ncat\n")]);
    let folder = dir.path().join("emb/img_emb");
    fs::create_dir_all(&folder).unwrap();
    npy_file(
        &folder.join("img_emb_0.npy"),
        3,
        &[1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
    );
    npy_file(
        &folder.join("img_emb_2.npy"),
        3,
        &[0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
    );
    npy_file(&dir.path().join("t.npy"), 2, &[2.0, 0.0, 0.0, 0.5]);
    let args = |folder| {
        let truth = ["--truth", "truth.csv", "--label-index", "labels.txt"];
        [
            &truth[..],
            &["--text-embeddings", "t.npy", "--image-embeddings", folder],
        ]
        .concat()
    };
    fs::rename(folder.join("img_emb_2.npy"), folder.join("img_emb_1.npy")).unwrap();
    // Names for some of the rows alone.
    let metadata = dir.path().join("emb/metadata");
    fs::create_dir_all(&metadata).unwrap();
    let names = |number: usize, names: [&str; 3]| {
        let paths = names.map(str::to_owned);
        let column: arrow_array::ArrayRef =
            std::sync::Arc::new(arrow_array::StringArray::from_iter_values(paths));
        let batch = arrow_array::RecordBatch::try_from_iter([("image_path", column)]).unwrap();
        let file = fs::File::create(metadata.join(format!("metadata_{number}.parquet"))).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    names(1, ["a.jpg", "b.jpg", "c.jpg"]);
    refused(
        dir.path(),
        &args("emb"),
        "img_emb_0.npy: has no metadata_0.parquet",
    );
    // In another order than that of the truth; the folder of the arrays alone finds its names too.
    names(0, ["d.jpg", "e.jpg", "f.jpg"]);
    for folder in ["emb", "emb/img_emb"] {
        let args = [
            "--image-embeddings",
            folder,
            "--text-embeddings",
            "t.npy",
            "--label-index",
            "labels.txt",
        ];
        let found = summary(dir.path(), &args);
        // cat for a, b and c; beagle for d, e and f.
        assert_eq!(
            counts(&found),
            of(&[("related", 4), ("unrelated", 2)]),
            "{folder}"
        );
    }
    names(2, ["g", "h", "i"]);
    refused(
        dir.path(),
        &args("emb"),
        "metadata_2.parquet: names rows of a part that is not in emb",
    );
}

/// Two rows of one image; nothing for the chosen candidates; a null in a list would move what comes after it.
#[test]
fn what_would_pair_or_weigh_wrongly_is_refused() {
    let dir = toy(&[
        (
            "twice.csv",
            "image,label\na.jpg,beagle\nx/a.jpg,cat\na.jpg,cat\n",
        ),
        ("index.txt", "beagle\npoodle\ncat\n"),
        ("two.txt", "beagle\npoodle\n"),
        ("cladist.yaml", "model: demo\nimages: demo\n"),
    ]);
    let mut rows = [0.2f32, 0.3, 0.5].repeat(5);
    rows.extend([0.0, 0.0, 1.0]);
    npy_file(&dir.path().join("p.npy"), 6, &rows);
    let truth = ["--truth", "truth.csv"];
    let with = |more: &[&'static str]| [&truth[..], more].concat();
    let said = "twice.csv: the image `a.jpg` is given a second time";
    refused(dir.path(), &with(&["--predictions", "twice.csv"]), said);
    let scores = [
        "--scores",
        "p.npy",
        "--scores-are",
        "probabilities",
        "--label-index",
        "index.txt",
    ];
    let subset = [&scores[..], &["--candidates", "two.txt"]].concat();
    let said = "`f.jpg` has a score of 0 for each of the 2 candidates";
    refused(dir.path(), &with(&subset), said);
    refused(
        dir.path(),
        &with(&[&scores[..], &["--match", "max"]].concat()),
        "--scores are no embeddings",
    );
    refused(
        dir.path(),
        &with(&[&scores[..], &["--model", "demo"]].concat()),
        "cannot be used with",
    );
    refused(
        dir.path(),
        &with(&[&scores[..], &["--columns", "label=x"]].concat()),
        "belongs to --predictions",
    );
    // `model:` and `images:` of the configuration stand aside.
    assert_eq!(summary(dir.path(), &scores)["n"], 6);
}

/// Class folders hold files of the same names: the parts of the path that tell them apart are compared.
#[test]
fn images_are_matched_by_as_many_parts_as_tell_them_apart() {
    let dir = toy(&[
        (
            "t.csv",
            "image,label\nval/x/1.jpg,beagle\nval/y/1.jpg,cat\n",
        ),
        (
            "p.csv",
            "image,label\n/data/y/1.jpg,cat\n/data/x/1.jpg,beagle\n",
        ),
    ]);
    let args = [
        "score",
        "--taxonomy",
        "toy.yaml",
        "--truth",
        "t.csv",
        "--predictions",
        "p.csv",
    ];
    let (code, out, err) = run(dir.path(), &args);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("n 2   top-1 100.0 %"), "{out}");
    assert!(err.contains("matched by their last 2 parts"), "{err}");
}
