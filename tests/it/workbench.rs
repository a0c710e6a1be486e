//! What the workbench asks of the outside, without a terminal.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cladist::cli::workbench::Workbench;
use cladist::tui::backend::{Backend, News, On, Shown, Trial};

use crate::cmd;
use crate::cmd::dir;

static GO_ON: AtomicBool = AtomicBool::new(false);

/// What is told while the source is opened.
#[track_caller]
pub fn open(workbench: &Workbench) -> Vec<News> {
    let told = Mutex::new(Vec::new());
    let tell = |news| told.lock().unwrap().push(news);
    workbench.open(&tell, &GO_ON).unwrap();
    told.into_inner().unwrap()
}

pub fn shown(news: &[News]) -> Vec<&Shown> {
    let shown = news.iter().filter_map(|news| match news {
        News::Run(shown) => Some(shown),
        _ => None,
    });
    shown.collect()
}

fn notes(news: &[News]) -> Vec<&str> {
    let notes = news.iter().filter_map(|news| match news {
        News::Note(note) => Some(note.as_str()),
        _ => None,
    });
    notes.collect()
}

/// The workbench of a saved run of the demo, with more arguments.
pub fn saved(dir: &Path, more: &[&str]) -> Workbench {
    let run = dir.join("run").display().to_string();
    let args: Vec<&str> = std::iter::once(run.as_str())
        .chain(more.iter().copied())
        .collect();
    crate::cmd::workbench(&args).unwrap()
}

fn score_demo(dir: &Path, n: &str) {
    let (code, out, err) = cmd::run(dir, &["demo", "--n", n, "--out", "run"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn a_run_can_be_looked_at_while_it_is_made_and_comes_to_the_same() {
    let files = dir(&[]);
    score_demo(files.path(), "150");
    let workbench = Workbench::demo(150).unwrap();
    assert!(!workbench.can_save());
    let news = open(&workbench);
    let runs = shown(&news);
    let (whole, partial) = runs.split_last().unwrap();
    // Whole micro-batches, whose size depends on the cores.
    let (first, _) = partial[0].so_far.unwrap();
    assert!((32..=64).contains(&first), "{first}");
    for run in partial {
        let (done, total) = run.so_far.unwrap();
        assert_eq!((run.opened.len(), total), (done, 150));
        assert_eq!(run.opened.saved.manifest["counts"]["predicted"], done);
        assert_eq!(run.opened.saved.images.get(31), "images/0031.png");
        // What the model answers to an image does not change any more.
        let ranked = |shown: &Shown| {
            let details = shown.opened.saved.details.as_ref().unwrap();
            let ranked = details.ranked.get(31).iter();
            let labels = ranked.map(|r| {
                (
                    shown.opened.saved.labels[r.label as usize].clone(),
                    r.similarity,
                )
            });
            labels.collect::<Vec<_>>()
        };
        assert_eq!(ranked(run), ranked(whole));
    }
    // Nothing is lost by quitting: the demo is made again in no time.
    assert!(whole.so_far.is_none() && whole.is_saved && whole.name == "demo");
    // The images' progress only grows, from nothing to all.
    let progress = news.iter().filter_map(|news| match news {
        News::Progress(p) if p.things == "images" => Some((p.done, p.total)),
        _ => None,
    });
    let progress: Vec<(usize, usize)> = progress.collect();
    assert!(progress.is_sorted(), "{progress:?}");
    assert_eq!(progress.first(), Some(&(0, 150)));
    assert_eq!(progress.last(), Some(&(150, 150)));

    // It goes on with what was encoded, and with nothing else: a run in the making is no more.
    let label = Trial::Label("a blue elephant".to_owned());
    let told = Mutex::new(Vec::new());
    let tell = |news| told.lock().unwrap().push(news);
    let tried = workbench.try_out(&whole.opened, &label, On::All, &tell, &GO_ON);
    assert_eq!(tried.unwrap().whole.unwrap().n, 150);
    let is_of_images = |news: &News| matches!(news, News::Progress(p) if p.things == "images");
    assert!(!told.lock().unwrap().iter().any(is_of_images));
    let error = workbench
        .try_out(&partial[0].opened, &label, On::All, &tell, &GO_ON)
        .unwrap_err();
    assert!(error.contains("try it again"), "{error}");
    workbench
        .try_out(&partial[0].opened, &label, On::Image(0), &tell, &GO_ON)
        .unwrap();

    // It can be saved, as the command saves it.
    assert!(workbench.can_save());
    workbench
        .save(&whole.opened, &files.path().join("mine"))
        .unwrap();
    for file in fs::read_dir(files.path().join("run")).unwrap() {
        let file = file.unwrap();
        let mine = files.path().join("mine").join(file.file_name());
        assert!(
            fs::read(file.path()).unwrap() == fs::read(&mine).unwrap(),
            "{mine:?}"
        );
    }
    let error = workbench.save(&whole.opened, Path::new("/")).unwrap_err();
    assert!(error.contains('/'), "{error}");
}

#[test]
fn a_saved_run_opens_with_its_taxonomy_and_pictures_and_its_model_can_be_asked() {
    let files = dir(&[]);
    score_demo(files.path(), "40");
    let workbench = saved(files.path(), &[]);
    let news = open(&workbench);
    assert!(
        matches!(&news[0], News::Figures(summary, _) if summary.n == 40),
        "{:?}",
        news[0]
    );
    let [run] = shown(&news)[..] else {
        panic!("{news:?}")
    };
    assert!(run.is_saved && run.so_far.is_none() && run.opened.len() == 40);
    assert_eq!(notes(&news), [""; 0]);
    assert!(!workbench.can_save());
    let opened = &run.opened;
    assert!(opened.unknown().next().is_none());

    let picture = workbench.picture(opened, 39).unwrap();
    assert_eq!(image::load_from_memory(&picture).unwrap().width(), 96);
    assert!(workbench.picture(opened, 40).is_err());

    let templates = workbench.templates(opened).unwrap();
    assert_eq!(templates.name, "general");
    let names: Vec<&str> = templates.others.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(names, ["bare", "general", "taxonomic"]);
    let square = opened.taxonomy.find("square").unwrap();
    let expanded = workbench.expand(opened, square).unwrap();
    assert_eq!(expanded.prompts.len(), templates.templates.len());
    for ((prompt, from), template) in expanded.prompts.iter().zip(&templates.templates) {
        assert!(
            from == template && prompt.contains("square"),
            "{prompt} {from}"
        );
    }

    let told = Mutex::new(Vec::new());
    let tell = |news| told.lock().unwrap().push(news);
    let encoded = workbench.encode_prompts(opened, &tell, &GO_ON).unwrap();
    assert_eq!(encoded.nodes.len(), 51);
    assert!(encoded.nearest.iter().all(|near| near.len() == 10));
    assert!(encoded.agreement.iter().all(Option::is_some));
    let is_progress = |news: &News| matches!(news, News::Progress(p) if p.things == "texts");
    assert!(told.lock().unwrap().iter().any(is_progress));

    // A label beside the candidates takes its share of the probability, and leaves the others' order.
    let label = Trial::Label("a blue elephant".to_owned());
    let tried = workbench
        .try_out(opened, &label, On::Image(3), &|_| (), &GO_ON)
        .unwrap();
    assert_eq!(tried.ranked.len(), 52);
    let sum: f64 = tried.ranked.iter().map(|(_, p)| p).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    assert!(tried.ranked.is_sorted_by(|a, b| a.1 >= b.1));
    let others = tried
        .ranked
        .iter()
        .filter(|(name, _)| name != "a blue elephant");
    let best = others.map(|(name, _)| name.as_str()).next().unwrap();
    let answer = opened.saved.rows[3].answer.unwrap();
    assert_eq!(best, opened.taxonomy.label(opened.node(answer).unwrap()));

    // The templates that the run was made with change nothing on the whole.
    let whole = workbench
        .try_out(opened, &label, On::All, &|_| (), &GO_ON)
        .unwrap()
        .whole
        .unwrap();
    assert_eq!((whole.n, whole.changed), (40, whole.won));
    assert_eq!(whole.from.iter().map(|(_, n)| n).sum::<usize>(), whole.won);
    let right = opened
        .saved
        .rows
        .iter()
        .filter(|row| row.answer == row.primary);
    assert_eq!(whole.right_before, right.count());
    let template = Trial::Template("a photo of {a name}.".to_owned());
    let whole = workbench
        .try_out(opened, &template, On::All, &|_| (), &GO_ON)
        .unwrap()
        .whole
        .unwrap();
    assert_eq!(whole.won, whole.right_after);
    assert_eq!(whole.templates.len(), templates.templates.len());
    let bad = Trial::Template("a {nmae}".to_owned());
    let error = workbench
        .try_out(opened, &bad, On::All, &|_| (), &GO_ON)
        .unwrap_err();
    assert!(error.contains("did you mean `{name}`"), "{error}");

    let strict = workbench.at_threshold(opened, 0.99).unwrap();
    assert!(strict.shown.name.ends_with(" at threshold 0.9900") && strict.shown.is_saved);
    assert_eq!(strict.shown.opened.len(), 40);
    // Its pictures and its model are those of the run.
    assert_eq!(
        workbench.picture(&strict.shown.opened, 39).unwrap(),
        picture
    );
    let again = workbench
        .try_out(&strict.shown.opened, &label, On::Image(3), &|_| (), &GO_ON)
        .unwrap();
    assert_eq!(again, tried);
    let other = workbench.other(&files.path().join("run")).unwrap();
    assert_eq!(other.saved.rows.len(), 40);
    assert_eq!(other.taxonomy.unwrap().name(), opened.taxonomy.name());
    assert!(
        workbench
            .other(files.path())
            .unwrap_err()
            .contains("no run")
    );
}

#[test]
fn a_run_whose_files_have_gone_says_what_is_missing() {
    let files = dir(&[
        (
            "taxonomy.yaml",
            b"nodes:\n  polygon:\n  square: {parents: [polygon]}\n  circle:\n",
        ),
        (
            "other.yaml",
            b"nodes:\n  polygon:\n  square: {parents: [polygon]}\n",
        ),
        (
            "truth.csv",
            b"image,label\nx/1.png,square\nx/2.png,circle\n",
        ),
        (
            "answers.csv",
            b"image,label\nx/1.png,polygon\nx/2.png,circle\n",
        ),
        ("pictures/y/1.png", b"one"),
        ("pictures/y/2.png", b"two"),
    ]);
    let path = |name: &str| files.path().join(name).display().to_string();
    let (taxonomy, other, pictures) = (path("taxonomy.yaml"), path("other.yaml"), path("pictures"));
    let args = [
        "score",
        "--taxonomy",
        &taxonomy,
        "--predictions",
        "answers.csv",
        "--truth",
        "truth.csv",
        "--out",
        "run",
    ];
    let (code, _, err) = cmd::run(files.path(), &args);
    assert_eq!(code, 0, "{err}");

    let workbench = saved(files.path(), &[]);
    let news = open(&workbench);
    let opened = Arc::clone(&shown(&news)[0].opened);
    let error = workbench.picture(&opened, 0).unwrap_err();
    assert!(error.contains("--images DIR|FILE"), "{error}");
    let error = workbench.templates(&opened).unwrap_err();
    assert!(error.contains("no templates"), "{error}");
    let label = Trial::Label("oval".to_owned());
    let error = workbench
        .try_out(&opened, &label, On::All, &|_| (), &GO_ON)
        .unwrap_err();
    assert!(error.contains("no model to ask"), "{error}");

    // The pictures are found by the ends of their names.
    let workbench = saved(files.path(), &["--images", &pictures]);
    assert_eq!(workbench.picture(&opened, 1).unwrap(), b"two");

    // Labels that the taxonomy has not, and no taxonomy at all.
    let news = open(&saved(files.path(), &["--taxonomy", &other]));
    let notes_of = notes(&news).join("\n");
    assert!(
        notes_of.contains("not what the run was made with"),
        "{notes_of}"
    );
    assert!(
        notes_of.contains("1 label of the run not in the taxonomy"),
        "{notes_of}"
    );
    fs::remove_file(&taxonomy).unwrap();
    let news = open(&saved(files.path(), &[]));
    let notes_of = notes(&news).join("\n");
    assert!(notes_of.contains("--taxonomy FILE"), "{notes_of}");
    let opened = &shown(&news)[0].opened;
    assert_eq!(opened.taxonomy.len(), 3);
    assert!(opened.unknown().next().is_none());
}

#[test]
fn every_source_has_its_own_session() {
    let files = dir(&[("run/run.yaml", b""), ("other/run.yaml", b"")]);
    let of = |args: &[&str]| crate::cmd::workbench(args).unwrap().session_file().unwrap();
    let run = files.path().join("run").display().to_string();
    let same = format!("{}/other/../run", files.path().display());
    let other = files.path().join("other").display().to_string();
    assert_eq!(of(&[&run]), of(&[&same]));
    let scored = ["--taxonomy", "demo", "--images", "demo", "--model", "demo"];
    let sources: [&[&str]; 4] = [&[&run], &[&other], &scored, &[]];
    let files: HashSet<_> = sources.into_iter().map(of).collect();
    assert_eq!(files.len(), 4);
    let is_named = |file: &Path| file.to_string_lossy().contains("cladist/sessions/");
    assert!(
        files
            .iter()
            .all(|file| file.is_absolute() && is_named(file))
    );
}

#[test]
fn work_that_is_stopped_ends_and_says_so() {
    let stop = AtomicBool::new(false);
    let workbench = Workbench::demo(500).unwrap();
    let tell = |news| {
        if matches!(news, News::Run(_)) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let error = workbench.open(&tell, &stop).unwrap_err();
    assert!(error.starts_with("interrupted"), "{error}");
    assert!(!workbench.can_save());
}

#[test]
fn without_a_terminal_the_command_names_others() {
    let files = dir(&[]);
    let (code, out, err) = cmd::run(files.path(), &["tui"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains("cladist score") && err.contains("cladist demo"),
        "{err}"
    );
    let (code, _, err) = cmd::run(files.path(), &[]);
    assert_eq!(code, 2);
    assert!(err.contains("Usage:") && err.contains("tui"), "{err}");
    // The options are those of `score`; on a saved run they have no say, and those of the config file stand aside.
    let (code, _, err) = cmd::run(files.path(), &["tui", "--decide", "guess"]);
    assert_eq!(code, 2);
    assert!(err.contains("--decide"), "{err}");
    let (code, _, err) = cmd::run(files.path(), &["tui", "run", "--decide", "leaf"]);
    assert_eq!(code, 2);
    assert!(err.contains("cannot be used with"), "{err}");
    fs::write(
        files.path().join("cladist.yaml"),
        "decide: leaf\ntaxonomy: demo\n",
    )
    .unwrap();
    let (code, _, err) = cmd::run(files.path(), &["tui", "--theme", "dark", "run"]);
    assert_eq!(code, 2);
    assert!(err.contains("no terminal"), "{err}");
}
