//! Labels that are right too: the side file beside the data, in what is scored, judged again, watched and undone.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use cladist::history::{Change, History, What};
use cladist::run::Opened;
use cladist::score::Verdict;
use cladist::taxonomy::edit::{Edit, Orphans};
use cladist::tui::backend::{Backend, News};
use serde_json::Value;

use crate::cmd::{dir, run};

static GO_ON: AtomicBool = AtomicBool::new(false);

const TAXONOMY: &str = "tree: {thing: {animal: [dog, cat], vehicle: [car, bus]}}\n";
const TRUTH: &str = "image,label\na/1.jpg,dog\na/2.jpg,dog\nb/1.jpg,cat\nb/3.jpg,\n";
const PREDICTIONS: &str =
    "image,label\n/x/a/1.jpg,cat\n/x/a/2.jpg,bus\n/x/b/1.jpg,cat\n/x/b/3.jpg,car\n";

fn place() -> tempfile::TempDir {
    dir(&[
        ("taxonomy.yaml", TAXONOMY.as_bytes()),
        ("truth.csv", TRUTH.as_bytes()),
        ("predictions.csv", PREDICTIONS.as_bytes()),
    ])
}

/// The command that scores them.
const SCORE: [&str; 7] = [
    "score",
    "--taxonomy",
    "taxonomy.yaml",
    "--truth",
    "truth.csv",
    "--predictions",
    "predictions.csv",
];

/// Scores the predictions: the object that is printed, and what is said on stderr.
fn score(dir: &Path, more: &[&str]) -> (Value, String) {
    let args = [&SCORE[..], &["--format", "json"], more].concat();
    let (code, out, err) = run(dir, &args);
    assert_eq!(code, 0, "{err}");
    (serde_json::from_str(&out).expect("JSON"), err)
}

fn also_valid(object: &Value) -> u64 {
    let verdicts = object["verdicts"].as_array().expect("verdicts");
    let found = verdicts.iter().find(|row| row["verdict"] == "also_valid");
    found.map_or(0, |row| row["count"].as_u64().expect("a count"))
}

#[test]
fn what_is_right_too_is_also_valid() {
    let place = place();
    let dir = place.path();
    let (before, said) = score(dir, &[]);
    assert_eq!(
        (also_valid(&before), said.contains("right too")),
        (0, false)
    );
    assert!(before["run"]["truth"].get("side-labels").is_none());
    // By name of the table; a row of an image without a label adds nothing, nor does what is known.
    let side = "image,labels\na/1.jpg,cat\nb/1.jpg,cat\nb/3.jpg,car\n";
    fs::write(dir.join("truth.valid.csv"), side).unwrap();
    let (after, said) = score(dir, &["--out", "run"]);
    assert_eq!(also_valid(&after), 1);
    let told =
        "truth.valid.csv: 1 label right too, of 1 image; 2 rows of it of no image that is judged";
    assert!(said.contains(told), "{said}");
    // Nothing else is judged otherwise than before, and nothing is re-assessed.
    for field in ["n", "judged", "top1", "reassessed", "strict_credit"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let made = &after["run"];
    assert_eq!(made["truth"]["side-labels"]["source"], "truth.valid.csv");
    assert_eq!(
        made["truth"]["side-labels"]["sha256"]
            .as_str()
            .map(str::len),
        Some(64)
    );
    assert_eq!(
        made["right_too"],
        serde_json::json!({"/x/a/1.jpg": ["cat"]})
    );
    let rows = fs::read_to_string(dir.join("run/predictions.jsonl")).unwrap();
    let valid: Vec<Value> = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).expect("a row")["valid"].clone())
        .collect();
    let set = serde_json::json!(["dog", "cat"]);
    let sorted = |value: &Value| {
        let mut ids: Vec<String> = serde_json::from_value(value.clone()).expect("a list");
        ids.sort();
        ids
    };
    assert_eq!(sorted(&valid[0]), sorted(&set));
    assert!(valid[1..].iter().all(Value::is_null), "{valid:?}");
    let (without, said) = score(dir, &["--no-side-labels"]);
    assert_eq!(
        (
            without["verdicts"] == before["verdicts"],
            said.contains("right too")
        ),
        (true, false)
    );

    // With a re-annotation: its sets with these labels, over the images that it names.
    fs::write(
        dir.join("sets.csv"),
        "image,labels\na/1.jpg,dog\nb/1.jpg,cat\n",
    )
    .unwrap();
    fs::write(
        dir.join("truth.valid.csv"),
        "image,labels\na/1.jpg,cat\na/2.jpg,bus\n",
    )
    .unwrap();
    let valid = ["--valid", "sets.csv"];
    let (with, _) = score(dir, &valid);
    let (without, _) = score(dir, &[&valid[..], &["--no-side-labels"]].concat());
    assert_eq!(
        [&with, &without].map(|o| o["judged"].as_u64()),
        [Some(2); 2]
    );
    assert_eq!([&with, &without].map(also_valid), [1, 0]);
    let real = |object: &Value| object["reassessed"]["real"].as_f64();
    assert_eq!([&with, &without].map(real), [Some(1.0), Some(0.5)]);
}

#[test]
fn a_side_file_at_fault_is_told() {
    let place = place();
    let dir = place.path();
    let args = SCORE;
    for (text, told) in [
        ("image,labels\na/1.jpg,dgo\n", "first truth.valid.csv:2"),
        ("image,note\na/1.jpg,dog\n", "no column of labels"),
        (
            "image,labels\na/1.jpg,dog\na/1.jpg,cat\n",
            "truth.valid.csv:3: the image `a/1.jpg` is named a second time",
        ),
    ] {
        fs::write(dir.join("truth.valid.csv"), text).unwrap();
        let (code, _, said) = run(dir, &args);
        assert_eq!((code, said.contains(told)), (2, true), "{said}");
    }
    let (code, ..) = run(dir, &[&args[..], &["--no-side-labels"]].concat());
    assert_eq!(code, 0);
}

fn verdicts(opened: &Opened) -> Vec<Option<Verdict>> {
    opened.saved.rows.iter().map(|row| row.verdict).collect()
}

/// An answer that was right too, undone and redone: on what is scored here, and on a saved run, with and without a re-annotation.
#[test]
fn a_label_is_added_and_taken_back() {
    let place = place();
    let dir = place.path();
    let path = |name: &str| dir.join(name).to_str().expect("UTF-8").to_owned();
    fs::write(
        dir.join("sets.csv"),
        "image,labels\na/1.jpg,dog\na/2.jpg,dog\nb/1.jpg,cat\n",
    )
    .unwrap();
    let scored = ["--taxonomy", "--truth", "--predictions"]
        .into_iter()
        .zip(["taxonomy.yaml", "truth.csv", "predictions.csv"])
        .flat_map(|(option, name)| [option.to_owned(), path(name)]);
    let scored: Vec<String> = scored.collect();
    let valid = ["--valid".to_owned(), path("sets.csv")];
    let reannotated = [&scored[..], &valid].concat();
    let side = dir.join("truth.valid.csv");
    for (name, scored) in [("run", &scored), ("valid-run", &reannotated)] {
        let mut args: Vec<&str> = vec!["score", "--out", name];
        args.extend(scored.iter().map(String::as_str));
        assert_eq!(run(dir, &args).0, 0);
        for args in [scored.clone(), vec![path(name)]] {
            let workbench = crate::cmd::workbench(&args).unwrap();
            let begun = workbench.opened(&GO_ON).unwrap();
            let files = Backend::files(&workbench, Some(&begun));
            assert!(files.contains(&side), "{files:?}");
            let again = |opened: &Opened| {
                let again = Backend::again(&workbench, opened, &|_| {}, &GO_ON);
                again.unwrap().map(|again| again.shown.opened)
            };
            assert!(again(&begun).is_none(), "nothing is another than before");
            let (what, change) = workbench.right_too(&begun, 1, "bus").unwrap();
            let expected = What::AlsoRight {
                image: "a/2.jpg".to_owned(),
                label: "bus".to_owned(),
            };
            assert_eq!(what, expected, "by the name that the table has");
            let mut history = History::open(&dir.join("state/log.jsonl")).unwrap();
            history.make(what, std::slice::from_ref(&change)).unwrap();
            let text = fs::read_to_string(&side).unwrap();
            assert_eq!(text, "image,labels\na/2.jpg,bus\n");
            let now = again(&begun).unwrap();
            assert_eq!(verdicts(&begun)[1], Some(Verdict::Related));
            assert_eq!(verdicts(&now)[1], Some(Verdict::AlsoValid));
            let others = |opened: &Opened| {
                let mut all = verdicts(opened);
                all.remove(1);
                all
            };
            assert_eq!(others(&begun), others(&now));
            assert!(again(&now).is_none());
            let error = workbench.right_too(&now, 1, "bus").unwrap_err().to_string();
            assert!(error.contains("already"), "{error}");
            // What was read before is no more.
            assert!(history.make(expected, &[change]).is_err());
            history.undo().unwrap();
            assert!(!side.exists(), "it was not there before");
            let back = again(&now).unwrap();
            assert_eq!(verdicts(&back), verdicts(&begun));
            let made = |opened: &Opened| opened.saved.manifest["truth"].clone();
            assert_eq!(made(&back), made(&begun));
            assert_eq!(back.saved.summary.judged, begun.saved.summary.judged);
            assert_eq!(
                back.saved.summary.reassessed,
                begun.saved.summary.reassessed
            );
        }
    }
}

/// The side file goes with the node that it names, in the same step; else the next reading would find a label of no node.
#[test]
fn a_node_that_is_right_too_is_renamed_in_the_side_file_as_well() {
    let place = place();
    let dir = place.path();
    let side = dir.join("truth.valid.csv");
    let labels = "image,labels\na/2.jpg,vehicle\n";
    fs::write(&side, labels).unwrap();
    let path = |name: &str| dir.join(name).display().to_string();
    let args = ["taxonomy.yaml", "truth.csv", "predictions.csv"].map(path);
    let options = ["--taxonomy", "--truth", "--predictions"];
    let args: Vec<&str> = options
        .into_iter()
        .zip(&args)
        .flat_map(|(option, value)| [option, value])
        .collect();
    let workbench = crate::cmd::workbench(&args).unwrap();
    let begun = workbench.opened(&GO_ON).unwrap();
    let plan = |edit: Edit| Backend::plan(&workbench, &begun, &What::Taxonomy(edit));
    let rename = Edit::Rename {
        node: "vehicle".to_owned(),
        id: "machine".to_owned(),
    };
    let plan_of_rename = plan(rename).unwrap().expect("a plan");
    let mut history = History::open(&dir.join("state/log.jsonl")).unwrap();
    let changes = &plan_of_rename.changes;
    history.make(plan_of_rename.what.clone(), changes).unwrap();
    let now = fs::read_to_string(&side).unwrap();
    assert_eq!(now, labels.replace("vehicle", "machine"));
    let again = Backend::again(&workbench, &begun, &|_| {}, &GO_ON).unwrap();
    let again = again.expect("another run").shown.opened;
    let right_too = again.saved.manifest["right_too"].as_object().unwrap();
    assert!(right_too.values().all(|labels| labels[0] == "machine"));
    assert_eq!(right_too.len(), 1);
    history.undo().unwrap();
    assert_eq!(fs::read_to_string(&side).unwrap(), labels);
    assert_eq!(
        fs::read_to_string(dir.join("taxonomy.yaml")).unwrap(),
        TAXONOMY
    );
    // A plan stands on the side file, whatever it does to it.
    let add = Edit::AddName {
        node: "dog".to_owned(),
        name: "hound".to_owned(),
    };
    let plan_of_add = plan(add).unwrap().expect("a plan");
    fs::write(&side, format!("{labels}a/1.jpg,cat\n")).unwrap();
    assert!(
        history
            .make(plan_of_add.what, &plan_of_add.changes)
            .is_err()
    );
    let delete = Edit::Delete {
        node: "vehicle".to_owned(),
        children: Orphans::ToParents,
    };
    let why = plan(delete).unwrap_err();
    assert!(
        why.contains("truth.valid.csv:2: `vehicle` is right too of `a/2.jpg`"),
        "{why}"
    );
}

/// A run that was saved with such labels is judged again without those that are gone.
#[test]
fn a_saved_run_forgets_what_is_right_no_more() {
    let place = place();
    let dir = place.path();
    let side = dir.join("truth.valid.csv");
    fs::write(&side, "image,labels\na/2.jpg,bus\n").unwrap();
    for more in [&[][..], &["--valid", "sets.csv"]] {
        fs::write(
            dir.join("sets.csv"),
            "image,labels\na/1.jpg,dog|bus\na/2.jpg,dog\nb/1.jpg,cat\n",
        )
        .unwrap();
        fs::write(&side, "image,labels\na/1.jpg,bus\na/2.jpg,bus\n").unwrap();
        let absolute = |name: &str| dir.join(name).display().to_string();
        let (taxonomy, truth) = (absolute("taxonomy.yaml"), absolute("truth.csv"));
        let args = [
            "score",
            "--taxonomy",
            &taxonomy,
            "--truth",
            &truth,
            "--predictions",
            "predictions.csv",
            "--out",
            "run",
        ];
        assert_eq!(run(dir, &[&args[..], more].concat()).0, 0);
        let workbench = crate::cmd::workbench(&[absolute("run")]).unwrap();
        let begun = workbench.opened(&GO_ON).unwrap();
        assert_eq!(verdicts(&begun)[1], Some(Verdict::AlsoValid));
        fs::write(&side, "image,labels\na/1.jpg,bus\n").unwrap();
        let again = Backend::again(&workbench, &begun, &|_| {}, &GO_ON).unwrap();
        let now = again.expect("another run").shown.opened;
        assert_eq!(verdicts(&now)[1], Some(Verdict::Related));
        // What the re-annotation has stays, whatever the side file said.
        fs::remove_file(&side).unwrap();
        let again = Backend::again(&workbench, &now, &|_| {}, &GO_ON).unwrap();
        let now = again.expect("another run").shown.opened;
        assert!(now.saved.manifest.get("right_too").is_none());
        let details = now.saved.details.as_ref().expect("a run read whole");
        let size = |image: usize| {
            let set = details.rows[image].valid;
            set.map(|set| details.valid[set as usize].len())
        };
        let expected = match more.is_empty() {
            true => [None, None],
            false => [Some(2), Some(1)],
        };
        assert_eq!([size(0), size(1)], expected);
    }
}

#[test]
fn pictures_have_their_side_file_beside_their_folder() {
    let place = dir(&[]);
    let dir = place.path();
    let drawn = [
        "demo", "draw", "--n", "24", "--seed", "5", "--out", "pictures",
    ];
    assert_eq!(run(dir, &drawn).0, 0);
    let path = |name: &str| dir.join(name).display().to_string();
    let args = [
        "--taxonomy",
        "demo",
        "--images",
        &path("pictures/manifest.csv"),
        "--model",
        "demo",
        "--candidates",
        "all",
    ];
    let workbench = crate::cmd::workbench(&args).unwrap();
    let begun = workbench.opened(&GO_ON).unwrap();
    let right = [Verdict::Exact, Verdict::Synonym, Verdict::AlsoValid];
    let wrong = |row: &Option<Verdict>| row.is_some_and(|verdict| !right.contains(&verdict));
    let image = verdicts(&begun)
        .iter()
        .position(wrong)
        .expect("another answer");
    let answer = begun.saved.rows[image].answer.expect("an answer");
    let (what, change) = workbench
        .right_too(&begun, image, begun.saved.id(answer))
        .unwrap();
    assert_eq!(change.path, dir.join("pictures/manifest.valid.csv"));
    let changes: [Change; 1] = [change];
    let mut history = History::open(&dir.join("log.jsonl")).unwrap();
    history.make(what, &changes).unwrap();
    let again = Backend::again(&workbench, &begun, &|_| {}, &GO_ON).unwrap();
    let now = again.expect("another run").shown.opened;
    assert_eq!(verdicts(&now)[image], Some(Verdict::AlsoValid));
    let made = &now.saved.manifest["right_too"];
    assert_eq!(
        made[begun.saved.images.get(image)][0],
        begun.saved.id(answer)
    );
}

/// The side file counts as long as what it stands beside is there and is what the run was made with; and that it has changed is said
/// when the run is opened.
#[test]
fn a_side_file_beside_other_labels_is_that_of_others() {
    let place = place();
    let dir = place.path();
    let (truth, side) = (dir.join("truth.csv"), dir.join("truth.valid.csv"));
    fs::write(&side, "image,labels\na/2.jpg,bus\n").unwrap();
    let absolute = |name: &str| dir.join(name).display().to_string();
    let args = [
        "score",
        "--taxonomy",
        &absolute("taxonomy.yaml"),
        "--truth",
        &absolute("truth.csv"),
        "--predictions",
        "predictions.csv",
        "--out",
        "run",
    ];
    assert_eq!(run(dir, &args).0, 0);
    let open = || {
        let workbench = crate::cmd::workbench(&[absolute("run")]).unwrap();
        let (notes, begun) = (Mutex::new(Vec::new()), Mutex::new(None));
        let tell = |news| match news {
            News::Note(note) => notes.lock().unwrap().push(note),
            News::Run(shown) => *begun.lock().unwrap() = Some(shown.opened),
            _ => {}
        };
        Backend::open(&workbench, &tell, &GO_ON).unwrap();
        let begun = begun.into_inner().unwrap().expect("a run");
        (workbench, begun, notes.into_inner().unwrap().join("\n"))
    };
    let (.., said) = open();
    assert_eq!(said, "");
    fs::write(&side, "image,labels\na/1.jpg,bus\n").unwrap();
    let (.., said) = open();
    let told = "truth.valid.csv has changed since the run was saved: ctrl-r takes it up";
    assert!(said.contains(told), "{said}");

    // The labels of another project, and none.
    for other in [Some("image,label\na/1.jpg,cat\n"), None] {
        match other {
            Some(other) => fs::write(&truth, other).unwrap(),
            None => fs::remove_file(&truth).unwrap(),
        }
        let (workbench, begun, said) = open();
        assert_eq!(said, "");
        let files = Backend::files(&workbench, Some(&begun));
        assert!(!files.contains(&side), "{files:?}");
        let again = Backend::again(&workbench, &begun, &|_| {}, &GO_ON);
        assert!(again.unwrap().is_none());
        let error = workbench.right_too(&begun, 1, "bus").unwrap_err();
        assert!(error.to_string().contains("nothing can be added"));
        // Under another taxonomy it is still judged with the labels that it was made with.
        let taxonomy = TAXONOMY.replace("thing", "entity");
        fs::write(dir.join("taxonomy.yaml"), taxonomy).unwrap();
        let again = Backend::again(&workbench, &begun, &|_| {}, &GO_ON).unwrap();
        let now = again.expect("another run").shown.opened;
        assert_eq!(verdicts(&now)[1], Some(Verdict::AlsoValid));
        fs::write(dir.join("taxonomy.yaml"), TAXONOMY).unwrap();
    }
}
