//! Files that a run is made of beside its taxonomy, when they are others: none of them is taken for what it was.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use cladist::cli::workbench::Workbench;
use cladist::run::Opened;
use cladist::tui::backend::{Backend, News};

use crate::again::{embedded, verdicts, without_edges};
use crate::cmd::{dir, run};

static GO_ON: AtomicBool = AtomicBool::new(false);

fn opened(args: &[String]) -> (Workbench, Arc<Opened>) {
    let workbench = crate::cmd::workbench(args).unwrap();
    let opened = workbench.opened(&GO_ON).unwrap();
    (workbench, opened)
}

/// The run that is made again, which is that of a first time; `None` if nothing was seen to be another.
#[track_caller]
fn again(workbench: &Workbench, shown: &Opened, args: &[String]) -> Option<Arc<Opened>> {
    let now = workbench.again(shown, &|_| {}, &GO_ON).unwrap()?;
    let now = now.shown.opened;
    let (_, anew) = opened(args);
    assert_eq!(now.saved.manifest, anew.saved.manifest);
    // Another batch of pictures can change the last bits of an embedding.
    assert_eq!(verdicts(&now), verdicts(&anew));
    Some(now)
}

/// An array of as many rows.
fn write_array(path: &Path, rows: usize, cols: usize, step: f32) {
    let values: Vec<f32> = (0..rows * cols).map(|i| (i as f32 * step).cos()).collect();
    let mut file = cladist::npy::header::<f32>(rows, cols);
    cladist::npy::write(&mut file, &values).unwrap();
    fs::write(path, file).unwrap();
}

#[test]
fn arrays_and_predictions_are_read_again_when_they_are_others() {
    let (folder, path, _, args) = embedded();
    let at = |name: &str| folder.path().join(name);
    let arg = |name: &str| at(name).to_str().unwrap().to_owned();
    let (workbench, begun) = opened(&args);
    assert!(workbench.files(Some(&begun)).contains(&at("images.npy")));
    assert!(again(&workbench, &begun, &args).is_none());
    // Of another size, since a file system may tell the time in steps.
    let truth = fs::read_to_string(at("truth.csv")).unwrap();
    fs::write(at("truth.csv"), format!("{truth}more.png,circle\n")).unwrap();
    write_array(&at("images.npy"), 121, 64, 0.7);
    let now = again(&workbench, &begun, &args).expect("other images");
    assert_eq!((begun.len(), now.len()), (120, 121));
    assert!(again(&workbench, &now, &args).is_none());

    let answers = "image,label\n0.png,square\n1.png,rhombus\n";
    fs::write(at("answers.csv"), answers).unwrap();
    let args = [
        ["--taxonomy".to_owned(), path.to_str().unwrap().to_owned()],
        ["--predictions".to_owned(), arg("answers.csv")],
        ["--truth".to_owned(), arg("truth.csv")],
    ];
    let args = args.as_flattened();
    let (workbench, begun) = opened(args);
    assert!(workbench.files(Some(&begun)).contains(&at("answers.csv")));
    fs::write(at("answers.csv"), answers.replace("rhombus", "circle")).unwrap();
    let now = again(&workbench, &begun, args).expect("other answers");
    assert_ne!(verdicts(&now), verdicts(&begun));
    assert!(again(&workbench, &now, args).is_none());
}

#[test]
fn metadata_in_a_folder_of_pictures_is_read_again_when_it_is_another() {
    let place = dir(&[]);
    let drawn = [
        "demo", "draw", "--n", "12", "--seed", "5", "--out", "pictures",
    ];
    assert_eq!(run(place.path(), &drawn).0, 0);
    let at = |name: &str| place.path().join("pictures").join(name);
    let manifest = fs::read_to_string(at("manifest.csv")).unwrap();
    let (header, rows) = manifest.split_once('\n').unwrap();
    let header = header.replacen("image", "file_name", 1);
    fs::remove_file(at("manifest.csv")).unwrap();
    let (first, last) = rows.trim_end().rsplit_once('\n').unwrap();
    fs::write(at("metadata.csv"), format!("{header}\n{first}\n")).unwrap();
    let args = [
        ["--taxonomy".to_owned(), "demo".to_owned()],
        [
            "--images".to_owned(),
            at("").to_str().unwrap().trim_end_matches('/').to_owned(),
        ],
        ["--model".to_owned(), "demo".to_owned()],
        ["--candidates".to_owned(), "all".to_owned()],
    ];
    let args = args.as_flattened();
    let (workbench, begun) = opened(args);
    assert!(again(&workbench, &begun, args).is_none());
    fs::write(at("metadata.csv"), format!("{header}\n{first}\n{last}\n")).unwrap();
    let now = again(&workbench, &begun, args).expect("one image more");
    assert_eq!((begun.len(), now.len()), (11, 12));
    assert!(again(&workbench, &now, args).is_none());

    // A picture that was replaced is encoded again, once something asks for the run.
    let name = now.saved.images.get(0).to_owned();
    let other = now.saved.images.get(1).to_owned();
    fs::copy(at(&other), at(&name)).unwrap();
    fs::write(at("metadata.csv"), format!("{header}\n{first}\n")).unwrap();
    let replaced = again(&workbench, &now, args).expect("one image less");
    assert_eq!(replaced.saved.rows[0].answer, replaced.saved.rows[1].answer);
}

/// However few ranked labels are kept, the figures that are shown first are those of the whole run.
#[test]
fn with_few_ranked_labels_the_first_figures_are_those_of_the_whole() {
    let (_folder, path, text, mut args) = embedded();
    args.extend(["--top-k".to_owned(), "2".to_owned()]);
    let (workbench, begun) = opened(&args);
    // A relation less, which has no say in the answers.
    fs::write(&path, without_edges(&text, 0b10)).unwrap();
    let answers = Mutex::new(None);
    let tell = |news| {
        if let News::Answers(told) = news {
            *answers.lock().unwrap() = Some(told.shown.opened);
        }
    };
    let now = workbench.again(&begun, &tell, &GO_ON).unwrap().unwrap();
    let (first, whole) = (answers.into_inner().unwrap().unwrap(), now.shown.opened);
    let (first, whole) = (&first.saved.summary, &whole.saved.summary);
    assert!(whole.top5.accuracy > whole.top1, "five are looked at");
    assert_eq!((first.top1, &first.top5), (whole.top1, &whole.top5));
}
