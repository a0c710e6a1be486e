//! `cladist suggest` from outside, on the saved run of the demo.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use cladist::cli::workbench::Workbench;
use cladist::run::{Suggestion, SuggestionKind};
use cladist::tui::backend::{Backend, News, Shown};
use serde_json::{Value, json};

use crate::cmd::{dir, run};

/// The run, from the directory of the test.
fn saved() -> String {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/run");
    run.to_str().expect("a path in UTF-8").to_owned()
}

/// The demo's taxonomy with another text in place of this one.
fn shapes(text: &str, other: &str) -> String {
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("taxonomies/shapes.yaml");
    let shapes = fs::read_to_string(shapes).expect("the demo's taxonomy");
    assert!(shapes.contains(text), "{text}");
    shapes.replacen(text, other, 1)
}

#[test]
fn an_edge_that_was_taken_out_is_the_first_suggestion() {
    let left = shapes(
        "constant_width_figure: [circle, reuleaux_triangle]",
        "constant_width_figure: [reuleaux_triangle]",
    );
    let dir = dir(&[("left.yaml", left.as_bytes())]);
    let saved = saved();
    let args = ["suggest", &saved, "--taxonomy", "left.yaml"];
    let (code, out, err) = run(dir.path(), &[&args[..], &["--format", "json"]].concat());
    assert_eq!(code, 0, "{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let first = &found[0];
    assert_eq!(
        first["edit"],
        json!({"edit": "add_parent", "node": "circle", "parent": "constant_width_figure"})
    );
    assert_eq!(first["kind"], "missing_parent");
    let evidence = &first["evidence"];
    assert!(evidence["second_in_first"]["of"].as_f64().unwrap() > 3.0);
    // A saved run has no embeddings.
    assert_eq!(evidence["image_overlap"], Value::Null);
    let diff = first["diff"].as_str().unwrap();
    assert!(
        diff.contains("\n+    parents: [constant_width_figure]\n"),
        "{diff}"
    );

    let (_, text, _) = run(dir.path(), &args);
    assert!(
        text.starts_with("  1  missing_parent  `circle` below `constant_width_figure`\n"),
        "{text}"
    );
    assert!(
        text.contains("\n       +    parents: [constant_width_figure]\n"),
        "{text}"
    );
    let (_, text, _) = run(dir.path(), &[&args[..], &["--top", "1"]].concat());
    assert!(text.contains("more (--top 0 shows all)"), "{text}");
    let (_, text, _) = run(
        dir.path(),
        &[&args[..], &["--kind", "redundant-edge"]].concat(),
    );
    assert_eq!(text, "nothing to suggest\n");
}

/// What is whole lacks nothing; that candidates stand on all levels is the demo's point.
#[test]
fn of_the_whole_taxonomy_nothing_is_to_be_edited() {
    let dir = dir(&[]);
    let (code, out, err) = run(
        dir.path(),
        &[
            "suggest",
            &saved(),
            "--taxonomy",
            "demo",
            "--format",
            "json",
        ],
    );
    assert_eq!(code, 0, "{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let kinds: Vec<&Value> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|suggestion| &suggestion["kind"])
        .collect();
    assert_eq!(kinds, [&json!("mixed_levels")]);
}

#[test]
fn labels_that_the_taxonomy_has_not_are_told() {
    let dir = dir(&[("other.yaml", b"tree: {a: [b]}")]);
    let (code, _, err) = run(
        dir.path(),
        &["suggest", &saved(), "--taxonomy", "other.yaml"],
    );
    assert_eq!(code, 2);
    assert!(err.contains("which is not in the taxonomy"), "{err}");
    let (code, _, err) = run(dir.path(), &["suggest", "nowhere"]);
    assert_eq!(code, 2);
    assert!(err.contains("no run of cladist"), "{err}");
}

/// Runs a command that must do.
fn done(dir: &Path, args: &[&str]) -> String {
    let (code, out, err) = run(dir, args);
    assert_eq!(code, 0, "{args:?}: {err}");
    out
}

/// Rings and L-shapes are drawn and annotated alike, squares and kites as what they are; a square is a kite.
fn draw_two_sorts(dir: &Path) {
    let drawn =
        "demo draw --n 620 --seed 3 --size 48 --annotator specific --error-rate 0 --out pictures";
    done(dir, &drawn.split(' ').collect::<Vec<_>>());
    let manifest = fs::read_to_string(dir.join("pictures/manifest.csv")).unwrap();
    let mut chosen = "image,label\n".to_owned();
    for line in manifest.lines().skip(1) {
        let (image, rest) = line.split_once(',').unwrap();
        let label = match rest.split(',').next().unwrap() {
            "ring" | "l_shape" => "thing",
            label @ ("square" | "kite" | "heart") => label,
            _ => continue,
        };
        chosen += &format!("pictures/{image},{label}\n");
    }
    fs::write(dir.join("chosen.csv"), chosen).unwrap();
    let taxonomy = "tree:\n  shape: [thing, square, kite, heart]\n";
    fs::write(dir.join("two.yaml"), taxonomy).unwrap();
}

#[test]
fn embeddings_tell_whose_images_coincide_and_which_label_is_of_two_sorts() {
    let dir = dir(&[]);
    let dir = dir.path();
    draw_two_sorts(dir);
    // From anywhere.
    let path = |name: &str| dir.join(name).display().to_string();
    let (taxonomy, images) = (path("two.yaml"), path("chosen.csv"));
    let scored = [
        "--taxonomy",
        &taxonomy,
        "--images",
        &images,
        "--model",
        "demo",
    ];
    done(dir, &[&["score"], &scored[..], &["--out", "run"]].concat());
    let embed = "embed --images chosen.csv --model demo --out embedded";
    done(dir, &embed.split(' ').collect::<Vec<_>>());
    let suggested = |more: &[&str]| -> Vec<Value> {
        let args = [&["suggest", "run", "--format", "json"], more].concat();
        serde_json::from_str(&done(dir, &args)).unwrap()
    };
    let of = |found: &[Value], kind: &str| -> Vec<Value> {
        let of_kind = found.iter().filter(|s| s["kind"] == kind);
        of_kind.cloned().collect()
    };
    let without = suggested(&[]);
    assert_eq!(of(&without, "too_coarse").len(), 0);
    let with = suggested(&["--image-embeddings", "embedded"]);
    let coarse = of(&with, "too_coarse");
    assert_eq!(coarse.len(), 1, "{with:?}");
    assert_eq!(coarse[0]["nodes"], json!(["thing"]));
    assert_eq!(coarse[0]["edit"]["edit"], "split");
    let diff = coarse[0]["diff"].as_str().unwrap();
    assert!(diff.contains("\n+  thing_2:\n"), "{diff}");
    // One sort a cluster, as the annotator knew.
    let manifest = fs::read_to_string(dir.join("pictures/manifest.csv")).unwrap();
    let kind_of = |name: &Value| {
        let file = name.as_str().unwrap().rsplit('/').next().unwrap();
        let line = manifest.lines().find(|line| line.contains(file)).unwrap();
        line.split(',').nth(2).unwrap().to_owned()
    };
    let typical = coarse[0]["why"]["typical"].as_array().unwrap();
    let kinds = typical.iter().map(|images| -> Vec<String> {
        let images = images.as_array().unwrap();
        images.iter().map(kind_of).collect()
    });
    let mut kinds: Vec<Vec<String>> = kinds.collect();
    kinds.sort();
    assert_eq!(kinds, [["l_shape"; 3], ["ring"; 3]]);

    // Squares are kites, but not the kites that were drawn.
    let missing = &of(&with, "missing_parent")[0];
    assert_eq!(missing["nodes"], json!(["square", "kite"]));
    let overlap = missing["evidence"]["image_overlap"].as_f64().unwrap();
    assert!(overlap < 0.2, "{overlap}");
    let (_, text, _) = run(dir, &["suggest", "run", "--image-embeddings", "embedded"]);
    assert!(text.contains("image overlap 0."), "{text}");
    assert!(
        text.contains("typical of the second: pictures/images/"),
        "{text}"
    );

    // The workbench has them from scoring.
    let (workbench, shown) = opened(&scored);
    let found = workbench.suggest(&shown.opened);
    assert!(is_coarse(&found));
    let missing = &found[0].evidence;
    assert!((missing.image_overlap.unwrap() - overlap).abs() < 1e-9);
    assert!(missing.text_cosine.is_some());

    // A saved run has them when they are asked for.
    let (workbench, shown) = opened(&[path("run")]);
    assert!(!is_coarse(&workbench.suggest(&shown.opened)));
    workbench
        .encode_images(&shown.opened, &|_| (), &GO_ON)
        .unwrap();
    let found = workbench.suggest(&shown.opened);
    assert!(is_coarse(&found) && found[0].evidence.text_cosine.is_some());

    // Nodes are numbered otherwise in another taxonomy: the images stay, the prompts are those of the same labels.
    fs::write(
        &taxonomy,
        "tree:\n  shape: [new, thing, square, kite, heart]\n",
    )
    .unwrap();
    let again = workbench.again(&shown.opened, &|_| (), &GO_ON).unwrap();
    let again = again.unwrap().shown.opened;
    assert!(is_coarse(&workbench.suggest(&again)));
    let encoded = workbench.encode_prompts(&again, &|_| (), &GO_ON).unwrap();
    let mut asked: Vec<&str> = encoded
        .nodes
        .iter()
        .map(|&n| again.taxonomy.id(n))
        .collect();
    asked.sort_unstable();
    assert_eq!(asked, ["heart", "kite", "square", "thing"]);
}

static GO_ON: AtomicBool = AtomicBool::new(false);

/// The workbench with these arguments, and the run when it is whole.
fn opened<A: AsRef<str>>(args: &[A]) -> (Workbench, Shown) {
    let workbench = crate::cmd::workbench(args).unwrap();
    let last = Mutex::new(None);
    let tell = |news| {
        if let News::Run(shown) = news {
            *last.lock().unwrap() = Some(shown);
        }
    };
    workbench.open(&tell, &GO_ON).unwrap();
    (workbench, last.into_inner().unwrap().unwrap())
}

fn is_coarse(found: &[Suggestion]) -> bool {
    found.iter().any(|s| s.kind == SuggestionKind::TooCoarse)
}

#[test]
fn embeddings_that_are_not_of_the_run_are_told() {
    let header = |rows: usize| {
        let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 2), }}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((118u16).to_le_bytes());
        bytes.extend(format!("{text:<117}\n").as_bytes());
        bytes.extend(
            (0..rows)
                .flat_map(|_| [1f32, 0.0])
                .flat_map(f32::to_le_bytes),
        );
        bytes
    };
    let (few, all) = (header(3), header(300));
    let dir = dir(&[
        ("few.npy", few.as_slice()),
        ("all.npy", all.as_slice()),
        ("labels.txt", b"circle\nsquare\ncirlce\n"),
    ]);
    let saved = saved();
    let suggest = |more: &[&str]| {
        let args = [&["suggest", &saved, "--taxonomy", "demo"], more].concat();
        run(dir.path(), &args)
    };
    let (code, _, err) = suggest(&["--image-embeddings", "few.npy"]);
    assert_eq!(code, 2);
    for told in [
        "--image-embeddings",
        "few.npy: its 3 rows have no names",
        "300 images",
    ] {
        assert!(err.contains(told), "{told}: {err}");
    }
    let (code, _, err) = suggest(&["--image-embeddings", "all.npy"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("are taken for the images of the run, in its order"),
        "{err}"
    );
    let (code, _, err) = suggest(&[
        "--text-embeddings",
        "few.npy",
        "--label-index",
        "labels.txt",
    ]);
    assert_eq!(code, 2);
    assert!(
        err.contains("labels.txt") && err.contains("cirlce"),
        "{err}"
    );
    let (code, _, err) = suggest(&["--label-index", "labels.txt"]);
    assert_eq!(code, 2);
    assert!(err.contains("--text-embeddings"), "{err}");
}
