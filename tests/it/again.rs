//! Runs that are made again after their taxonomy was edited.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cladist::cli::workbench::Workbench;
use cladist::history::What;
use cladist::run::Opened;
use cladist::taxonomy::edit::Edit;
use cladist::tui::backend::{Applied, Backend, Fault, News};

use crate::cmd;
use crate::cmd::dir;

static GO_ON: AtomicBool = AtomicBool::new(false);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A copy of the demo's taxonomy.
fn shapes() -> (tempfile::TempDir, PathBuf, String) {
    let text = std::fs::read_to_string(root().join("taxonomies/shapes.yaml")).unwrap();
    let folder = dir(&[("shapes.yaml", text.as_bytes())]);
    let path = folder.path().join("shapes.yaml");
    (folder, path, text)
}

/// What changed files make of the run; `None` if they hold what it was made of.
fn again(workbench: &Workbench, opened: &Opened) -> Result<Option<Applied>, Vec<Fault>> {
    Backend::again(workbench, opened, &|_| {}, &GO_ON)
}

/// What is said of every image.
pub fn verdicts(opened: &Opened) -> Vec<String> {
    let rows = opened.saved.rows.iter().zip(opened.saved.images.iter());
    let label = |label: u32| opened.saved.labels[label as usize].as_str();
    rows.map(|(row, image)| format!("{image} {:?} {:?}", row.answer.map(label), row.verdict))
        .collect()
}

const EDGE: &str = "    parents: [isosceles_triangle, acute_triangle, regular_polygon]\n";

#[test]
fn a_saved_run_follows_its_taxonomy_and_outlives_its_errors() {
    let (_folder, path, text) = shapes();
    assert!(text.contains(EDGE));
    let run = root().join("tests/fixtures/run");
    let args = ["--taxonomy", path.to_str().unwrap()];
    let args = [&[run.to_str().unwrap()][..], &args].concat();
    let workbench = crate::cmd::workbench(&args).unwrap();
    let begun = workbench.opened(&GO_ON).unwrap();
    assert_eq!(
        Backend::files(&workbench, Some(&begun)),
        std::slice::from_ref(&path)
    );

    std::fs::write(&path, text.replace(EDGE, "")).unwrap();
    let edited = again(&workbench, &begun).unwrap().unwrap();
    assert!(
        !edited.assumed.is_empty(),
        "it says that prompts are not encoded again"
    );
    let edited = edited.shown.opened;
    let (before, after) = (verdicts(&begun), verdicts(&edited));
    let moved: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).collect();
    assert!(
        !moved.is_empty() && moved.len() < before.len() / 2,
        "{moved:?}"
    );
    // An image that is annotated as equilateral triangle and answered `polygon`: no ancestor any more.
    let lost = |(a, b): &(&String, &String)| a.contains("Generalised") && b.contains("Unrelated");
    assert!(moved.iter().any(lost), "{moved:?}");

    // Two errors, each at its place.
    let broken = text.replace("parents: [triangle]", "parents: [triangel]");
    std::fs::write(&path, &broken).unwrap();
    let faults = again(&workbench, &edited).unwrap_err();
    let line = 1 + broken
        .lines()
        .position(|line| line.contains("[triangel]"))
        .unwrap();
    assert_eq!(faults.len(), 4, "{faults:?}");
    let (file, at, _) = faults[0].place.clone().unwrap();
    assert_eq!((file, at), (path.clone(), line));
    assert_eq!(faults[0].code, "unknown-parent");

    // Restored: what is shown is of this file.
    std::fs::write(&path, text.replace(EDGE, "")).unwrap();
    assert!(again(&workbench, &edited).unwrap().is_none());

    std::fs::write(&path, &text).unwrap();
    let back = again(&workbench, &edited).unwrap().unwrap().shown.opened;
    assert_eq!(verdicts(&back), before);
}

#[test]
fn after_an_edit_pictures_are_scored_as_if_for_the_first_time() {
    let (folder, path, text) = shapes();
    let drawn = [
        "demo", "draw", "--n", "24", "--seed", "5", "--out", "pictures",
    ];
    let (code, out, err) = cmd::run(folder.path(), &drawn);
    assert_eq!(code, 0, "{out}{err}");
    let pictures = folder.path().join("pictures/manifest.csv");
    let args = [
        "--taxonomy",
        path.to_str().unwrap(),
        "--images",
        pictures.to_str().unwrap(),
        "--model",
        "demo",
        "--candidates",
        "all",
    ];
    let workbench = crate::cmd::workbench(&args).unwrap();
    let begun = workbench.opened(&GO_ON).unwrap();
    // An edge is gone, and a label has another name, so another prompt.
    let edited = text.replace(EDGE, "").replace(
        "names: [quadrilateral, quadrangle]",
        "names: [four-sided figure, quadrangle]",
    );
    assert_ne!(edited, text);
    std::fs::write(&path, &edited).unwrap();
    let found = again(&workbench, &begun).unwrap().unwrap().shown.opened;
    let anew = crate::cmd::workbench(&args)
        .unwrap()
        .opened(&GO_ON)
        .unwrap();
    assert_eq!(verdicts(&found), verdicts(&anew));
    let ranked = |opened: &Arc<Opened>| {
        let details = opened.saved.details.as_ref().unwrap();
        let labels = |label: u32| opened.saved.labels[label as usize].clone();
        let all = details.ranked.iter().flatten();
        all.map(|rank| (labels(rank.label), rank.probability.unwrap()))
            .collect::<Vec<_>>()
    };
    let (found, anew, begun) = (ranked(&found), ranked(&anew), ranked(&begun));
    assert_eq!(found.len(), anew.len());
    for (a, b) in found.iter().zip(&anew) {
        // Another batch of texts can change the last bits of an embedding, which the temperature makes a hundred times as much.
        assert!(a.0 == b.0 && (a.1 - b.1).abs() < 1e-4, "{a:?} {b:?}");
    }
    assert_ne!(found, begun);
}

/// The files that say how it is scored count as the taxonomy does, and so does one that an edit names for the first time.
#[test]
fn all_files_of_text_are_looked_at_and_only_their_content_counts() {
    let (folder, path, text) = shapes();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("answers.csv"), "image,label\na,square\nb,rhombus\n").unwrap();
    let truth = "image,label\na,square\nb,square\n";
    std::fs::write(at("truth.csv"), truth).unwrap();
    let arg = |name: &str| at(name).to_str().unwrap().to_owned();
    let args = [
        ["--taxonomy".to_owned(), arg("shapes.yaml")],
        ["--predictions".to_owned(), arg("answers.csv")],
        ["--truth".to_owned(), arg("truth.csv")],
    ];
    let workbench = crate::cmd::workbench(args.as_flattened()).unwrap();
    let begun = workbench.opened(&GO_ON).unwrap();
    assert!(again(&workbench, &begun).unwrap().is_none());

    std::fs::remove_file(at("truth.csv")).unwrap();
    assert!(again(&workbench, &begun).is_err());
    assert!(Backend::files(&workbench, Some(&begun)).contains(&at("truth.csv")));
    std::fs::write(at("truth.csv"), truth).unwrap();
    assert!(again(&workbench, &begun).unwrap().is_none());

    std::fs::write(at("truth.csv"), truth.replace("b,square", "b,rhombus")).unwrap();
    let edited = again(&workbench, &begun).unwrap().unwrap().shown.opened;
    assert_ne!(verdicts(&edited), verdicts(&begun));
    assert!(again(&workbench, &edited).unwrap().is_none());

    let including = format!("include: [more.yaml]\n{text}");
    std::fs::write(&path, &including).unwrap();
    std::fs::write(at("more.yaml"), "nodes: {blob: {parents: [nowhere]}}").unwrap();
    assert!(again(&workbench, &edited).is_err());
    assert!(Backend::files(&workbench, Some(&edited)).contains(&at("more.yaml")));
    std::fs::write(at("more.yaml"), "nodes: {blob: {parents: [polygon]}}").unwrap();
    let more = again(&workbench, &edited).unwrap().unwrap().shown.opened;
    assert!(more.taxonomy.find("blob").is_some());
}

/// Embeddings as good as random under the demo's taxonomy, and their labels.
pub fn embedded() -> (tempfile::TempDir, PathBuf, String, Vec<String>) {
    const IMAGES: usize = 120;
    const DIM: usize = 64;
    let (folder, path, text) = shapes();
    let at = |name: &str| folder.path().join(name);
    let values: Vec<f32> = (0..IMAGES * DIM).map(|i| (i as f32 * 1.7).sin()).collect();
    let mut file = cladist::npy::header::<f32>(IMAGES, DIM);
    cladist::npy::write(&mut file, &values).unwrap();
    std::fs::write(at("images.npy"), file).unwrap();
    let labels = [
        "square",
        "rhombus",
        "polygon",
        "circle",
        "equilateral_triangle",
    ];
    let rows = (0..IMAGES).map(|i| format!("{i}.png,{}\n", labels[i % labels.len()]));
    let truth = format!("image,label\n{}", rows.collect::<String>());
    std::fs::write(at("truth.csv"), truth).unwrap();
    let arg = |name: &str| at(name).to_str().unwrap().to_owned();
    let args = [
        ["--taxonomy".to_owned(), arg("shapes.yaml")],
        ["--image-embeddings".to_owned(), arg("images.npy")],
        ["--truth".to_owned(), arg("truth.csv")],
        ["--model".to_owned(), "demo".to_owned()],
        ["--candidates".to_owned(), "all".to_owned()],
    ];
    (folder, path, text, args.as_flattened().to_vec())
}

/// The text without some of the further parents of labels that have several: each bit of `which` stands for one.
pub fn without_edges(text: &str, which: u32) -> String {
    let mut several = 0;
    let lines = text.lines().map(|line| match line.rsplit_once(", ") {
        Some((first, last))
            if line.trim_start().starts_with("parents: [") && last.ends_with(']') =>
        {
            several += 1;
            match which >> (several % 32) & 1 {
                1 => format!("{first}]\n"),
                _ => format!("{line}\n"),
            }
        }
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// Whatever relations come and go, the run that is made again is to the bit the one that would be made for the first time, and what
/// is shown of its answers before is true of it.
#[test]
fn what_is_made_again_is_what_would_be_made_anew() {
    let (_folder, path, text, args) = embedded();
    let workbench = crate::cmd::workbench(&args).unwrap();
    let mut shown = workbench.opened(&GO_ON).unwrap();
    for which in [0b10, 0b1010_1010, u32::MAX, 0] {
        let edited = without_edges(&text, which);
        assert_eq!(edited == text, which == 0);
        std::fs::write(&path, edited).unwrap();
        let answers = std::sync::Mutex::new(None);
        let tell = |news| {
            if let News::Answers(told) = news {
                *answers.lock().unwrap() = Some(told.shown.opened);
            }
        };
        let now = Backend::again(&workbench, &shown, &tell, &GO_ON)
            .unwrap()
            .unwrap();
        let now = now.shown.opened;
        let anew = crate::cmd::workbench(&args)
            .unwrap()
            .opened(&GO_ON)
            .unwrap();
        assert_eq!(now.saved.summary, anew.saved.summary);
        assert_eq!(now.saved.manifest, anew.saved.manifest);
        assert_eq!(now.saved.rows, anew.saved.rows);
        assert_eq!(now.saved.details, anew.saved.details);

        let answers = answers.into_inner().unwrap().unwrap();
        assert_eq!(verdicts(&answers), verdicts(&now));
        let (first, whole) = (&answers.saved.summary, &now.saved.summary);
        assert_eq!(first.causes, whole.causes);
        assert_eq!(
            (first.credit, first.top1, &first.top5),
            (whole.credit, whole.top1, &whole.top5)
        );
        let share = |summary: &cladist::score::Summary| summary.multiplicity.share_of_error;
        assert_eq!(share(first), share(whole));
        assert!(first.intervals_95.is_empty() && !whole.intervals_95.is_empty());
        shown = now;
    }
}

/// What is made again and not shown, or not finished, changes nothing for the run that is shown.
#[test]
fn a_run_is_held_against_what_it_was_made_of_itself() {
    let (folder, path, text, args) = embedded();
    let workbench = crate::cmd::workbench(&args).unwrap();
    let begun = workbench.opened(&GO_ON).unwrap();
    let truth = folder.path().join("truth.csv");
    let labels = std::fs::read_to_string(&truth).unwrap();
    std::fs::write(&truth, labels.replace("0.png,square", "0.png,circle")).unwrap();
    let edited = text.replace(EDGE, "");
    let edited = edited.replacen("nodes:\n", "nodes:\n  lens:\n", 1);
    std::fs::write(&path, edited).unwrap();

    // Asked to stop when its answers are there: they are shown, and the whole run is not made.
    let (stop, answers) = (AtomicBool::new(false), std::sync::Mutex::new(None));
    let tell = |news| {
        if let News::Answers(told) = news {
            *answers.lock().unwrap() = Some(told.shown.opened);
            stop.store(true, Ordering::Relaxed);
        }
    };
    let stopped = Backend::again(&workbench, &begun, &tell, &stop);
    assert_eq!(stopped.unwrap_err(), [], "nothing is wrong with the files");
    let answers = answers.into_inner().unwrap().unwrap();
    assert!(answers.taxonomy.find("lens").is_some());
    let out = folder.path().join("run");
    let refused = workbench.save(&answers, &out).unwrap_err();
    assert!(refused.contains("only the answers"), "{refused}");
    workbench.save(&begun, &out).unwrap();
    // What is asked of the model meanwhile is asked under the taxonomy that is shown, whose nodes are others.
    for run in [&answers, &begun] {
        let mut asked = workbench.encode_prompts(run, &|_| {}, &GO_ON).unwrap();
        asked.nodes.sort_unstable();
        let all: Vec<_> = run.taxonomy.nodes().collect();
        assert_eq!(asked.nodes, all);
    }

    // Made whole by a request whose answer nobody waits for: what is shown lacks the change still.
    let unseen = again(&workbench, &begun).unwrap().unwrap().shown.opened;
    let refused = workbench.save(&begun, &out).unwrap_err();
    assert!(
        refused.contains("not the run that was made last"),
        "{refused}"
    );
    for shown in [&begun, &answers] {
        let now = again(&workbench, shown).unwrap().expect("it is made");
        assert_eq!(verdicts(&now.shown.opened), verdicts(&unseen));
        assert!(again(&workbench, &now.shown.opened).unwrap().is_none());
        workbench
            .save(&now.shown.opened, &folder.path().join("other"))
            .unwrap_or_else(|why| panic!("{why}"));
        std::fs::remove_dir_all(folder.path().join("other")).unwrap();
    }
    assert!(again(&workbench, &unseen).unwrap().is_none());
}

/// A preview tells what a saved run will miss, and it is what the run complains of once it is written.
#[test]
fn a_preview_tells_of_labels_that_a_saved_run_would_miss() {
    let (_folder, path, text) = shapes();
    let run = root().join("tests/fixtures/run");
    let args = [run.to_str().unwrap(), "--taxonomy", path.to_str().unwrap()];
    let workbench = crate::cmd::workbench(&args).unwrap();
    let shown = workbench.opened(&GO_ON).unwrap();
    let node = || "square".to_owned();
    let rename = Edit::Rename {
        node: node(),
        id: "quadrate".to_owned(),
    };
    let delete = Edit::Delete {
        node: node(),
        children: cladist::taxonomy::edit::Orphans::ToParents,
    };
    let merge = Edit::Merge {
        node: node(),
        into: "rhombus".to_owned(),
    };
    let describe = Edit::Describe {
        node: node(),
        description: Some("four sides alike".to_owned()),
    };
    for (edit, is_told) in [
        (rename, true),
        (delete, true),
        (merge, true),
        (describe, false),
    ] {
        let what = What::Taxonomy(edit);
        let plan = workbench.plan(&shown, &what).unwrap().unwrap();
        let told = plan.warnings.iter().find(|told| told.contains("saved run"));
        assert_eq!(told.is_some(), is_told, "{what}: {:?}", plan.warnings);
        assert!(told.is_none_or(|told| told.contains("`square` (annotated in ")));
        std::fs::write(&path, plan.changes[0].after.as_ref().unwrap()).unwrap();
        assert_eq!(again(&workbench, &shown).is_err(), is_told, "{what}");
        std::fs::write(&path, &text).unwrap();
    }
}

/// Figures that go with an edit of a saved run are named, with what keeps them; it is told each time, and of what the run had.
#[test]
fn figures_that_a_saved_run_loses_are_named() {
    let (_folder, path, text) = shapes();
    let run = root().join("tests/fixtures/run");
    let args = [run.to_str().unwrap(), "--taxonomy", path.to_str().unwrap()];
    let workbench = crate::cmd::workbench(&args).unwrap();
    let mut shown = workbench.opened(&GO_ON).unwrap();
    let had = &shown.saved.summary;
    assert!(had.suspects.is_some() && had.dilution.is_some());
    let nothing = |opened: &Opened| -> Vec<String> {
        let summary = serde_json::to_value(&opened.saved.summary).unwrap();
        let fields = summary.as_object().unwrap().iter();
        fields
            .filter(|(_, value)| value.is_null())
            .map(|(name, _)| name.clone())
            .collect()
    };
    let before = nothing(&shown);
    for text in [text.replace(EDGE, ""), text] {
        std::fs::write(&path, text).unwrap();
        let made = again(&workbench, &shown).unwrap().unwrap();
        let told = made.assumed.iter().find(|told| told.contains("left out"));
        let told = told.expect("it is told");
        let figures = "left out: suspect annotations, dilution, retrieval, the operating curve. ";
        assert!(told.starts_with(figures), "{told}");
        assert!(
            told.contains("`cladist tui` with the options that made it"),
            "{told}"
        );
        shown = made.shown.opened;
        // And these are all that go.
        let mut gone = nothing(&shown);
        gone.retain(|name| !before.contains(name));
        assert_eq!(
            gone,
            ["dilution", "retrieval", "curve", "suspects", "noisy"]
        );
        assert!(shown.saved.details.as_ref().unwrap().pareto.is_none());
    }
}

#[test]
fn watching_prints_what_a_change_does_and_waits_where_a_file_is_broken() {
    use std::io::{BufRead, BufReader};
    let (folder, path, text) = shapes();
    let run = root().join("tests/fixtures/run");
    let mut child = crate::cmd::program(folder.path())
        .args(["watch", run.to_str().unwrap(), "--taxonomy", "shapes.yaml"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut see = |text: &str| {
        out.by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains(text))
            .expect("it is printed");
    };
    let mut hear = |text: &str| {
        err.by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains(text))
            .expect("it is told");
    };
    see("Of 251 errors");
    hear("watching 1 file");
    std::fs::write(
        &path,
        text.replace("parents: [triangle]", "parents: [triangel]"),
    )
    .unwrap();
    hear("shapes.yaml:37:15: ");
    hear("watching 1 file");
    std::fs::write(&path, &text).unwrap();
    hear("shapes.yaml: as it was, nothing is scored again");
    hear("watching 1 file");
    std::fs::write(&path, text.replace(EDGE, "")).unwrap();
    see("shapes.yaml changed: 0 answers flipped, ");
    see("from A to B: ");
    see("confirmed multiplicity: B forgives less than A");
    see("Of 251 errors");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn there_is_nothing_to_watch_of_the_demo() {
    let folder = dir(&[]);
    let (code, _, err) = cmd::run(
        folder.path(),
        &[
            "watch",
            "--images",
            "demo",
            "--model",
            "demo",
            "--taxonomy",
            "demo",
        ],
    );
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("--taxonomy FILE"), "{err}");
}

#[test]
fn the_demo_goes_on_with_a_copy_of_its_taxonomy() {
    let folder = dir(&[]);
    let path = folder.path().join("mine.yaml");
    let workbench = Workbench::demo(24).unwrap();
    let begun = workbench.opened(&GO_ON).unwrap();
    let edit = What::Taxonomy(Edit::AddName {
        node: "kite".to_owned(),
        name: "dragon".to_owned(),
    });
    assert!(Backend::files(&workbench, Some(&begun)).is_empty());
    let planned = workbench.plan(&begun, &edit).unwrap();
    assert!(planned.is_none(), "there is no file to write");
    let other = folder.path().join("other.yaml");
    std::fs::write(&other, "zebra: 1\n").unwrap();
    let refused = workbench.adopt(&begun, &other).unwrap_err();
    assert!(refused.contains("other.yaml:1:1"), "{refused}");
    // A slip in the path makes no folder.
    let nowhere = folder.path().join("nowhere/mine.yaml");
    let refused = workbench.adopt(&begun, &nowhere).unwrap_err();
    assert!(refused.contains("nowhere: no such folder"), "{refused}");
    assert!(!folder.path().join("nowhere").exists());
    workbench.adopt(&begun, &path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), shapes().2);
    let files = Backend::files(&workbench, Some(&begun));
    assert_eq!(files, std::slice::from_ref(&path));

    // Of the same text, but of a file.
    let adopted = again(&workbench, &begun).unwrap().unwrap().shown.opened;
    assert_eq!(verdicts(&adopted), verdicts(&begun));
    let plan = workbench.plan(&adopted, &edit).unwrap().unwrap();
    assert_eq!(plan.changes[0].path, path);
    assert!(plan.changes[0].diff().contains("dragon"));
    let unreadable = What::Taxonomy(Edit::Prompts {
        node: "kite".to_owned(),
        prompts: vec!["the {foo}".to_owned()],
    });
    let refused = workbench.plan(&adopted, &unreadable).unwrap_err();
    assert!(refused.contains("the prompt `the {foo}`"), "{refused}");
    std::fs::write(&path, shapes().2.replace(EDGE, "")).unwrap();
    let edited = again(&workbench, &adopted).unwrap().unwrap().shown.opened;
    let triangle = edited.taxonomy.find("equilateral_triangle").unwrap();
    assert!(edited.taxonomy.parents(triangle).is_empty());
    let refused = workbench.adopt(&edited, &folder.path().join("other.yaml"));
    assert!(refused.unwrap_err().contains("not the built-in one"));
}
