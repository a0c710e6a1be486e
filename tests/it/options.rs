//! The options' file is saved while its options are in use.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use cladist::cli::Line;
use cladist::cli::workbench::Workbench;
use cladist::history::What;
use cladist::run::Opened;
use cladist::taxonomy::edit::Edit;
use cladist::tui::backend::{Applied, Backend, Fault, News};

use crate::again::{embedded, verdicts};

static GO_ON: AtomicBool = AtomicBool::new(false);

/// The workbench that these arguments open, with an options' file.
fn with_options(args: &[String], file: &Path) -> Workbench {
    let typed = ["cladist".to_owned(), "tui".to_owned()];
    let config = ["--config".to_owned(), file.to_str().unwrap().to_owned()];
    let typed = typed.iter().chain(args).chain(&config).map(Into::into);
    let line = Line {
        args: typed.collect(),
        file: file.to_owned(),
    };
    let workbench = crate::cmd::workbench(args).unwrap();
    workbench.with_line(Some(line)).unwrap()
}

/// What is made again, and what is told of the options.
fn again(
    workbench: &Workbench,
    opened: &Opened,
) -> (Result<Option<Applied>, Vec<Fault>>, Option<String>) {
    let word = Mutex::new(None);
    let tell = |news| {
        if let News::Options(told) = news {
            *word.lock().unwrap() = Some(told);
        }
    };
    let made = Backend::again(workbench, opened, &tell, &GO_ON);
    (made, word.into_inner().unwrap())
}

struct World {
    folder: tempfile::TempDir,
    config: PathBuf,
    workbench: Workbench,
    /// Without the file.
    args: Vec<String>,
}

impl World {
    /// Without these options on the command line, and with a file that says this.
    fn new(without: &[&str], text: &str) -> Self {
        let (folder, _, _, args) = embedded();
        let pairs = args.chunks(2);
        let kept = pairs.filter(|pair| !without.contains(&pair[0].as_str()));
        let args: Vec<String> = kept.flatten().cloned().collect();
        let config = folder.path().join("options.yaml");
        std::fs::write(&config, text).unwrap();
        let workbench = with_options(&args, &config);
        Self {
            folder,
            config,
            workbench,
            args,
        }
    }

    fn save(&self, text: &str) {
        std::fs::write(&self.config, text).unwrap();
    }

    /// What a workbench shows that begins with these options.
    fn anew(&self, more: &[&str]) -> Vec<String> {
        let more = more.iter().map(|arg| (*arg).to_owned());
        let args: Vec<String> = self.args.iter().cloned().chain(more).collect();
        let workbench = crate::cmd::workbench(&args).unwrap();
        told(&workbench.opened(&GO_ON).unwrap())
    }
}

/// All that a run says: what it was made with, its figures, its answers.
fn told(opened: &Opened) -> Vec<String> {
    let manifest = &opened.saved.manifest;
    let parts = ["options", "prompts", "candidates", "counts", "truth"];
    let mut told: Vec<String> = parts.map(|part| manifest[part].to_string()).to_vec();
    told.push(serde_json::to_string(&opened.saved.summary).unwrap());
    told.extend(verdicts(opened));
    told
}

/// Each change makes the run that a start with these options makes, and is told.
#[test]
fn a_saved_option_is_applied_as_if_it_had_been_there_from_the_start() {
    let world = World::new(&["--candidates"], "");
    let mut shown = world.workbench.opened(&GO_ON).unwrap();
    assert!(Backend::files(&world.workbench, Some(&shown)).contains(&world.config));
    for (text, args, word) in [
        (
            "credit: strict\n",
            &["--credit", "strict"][..],
            "credit is strict, was not set",
        ),
        (
            "credit: lin\n",
            &["--credit", "lin"],
            "credit is lin, was strict",
        ),
        (
            "candidates: all\n",
            &["--candidates", "all"],
            "candidates is all, was not set",
        ),
        (
            "top_k: 3\nprompts: bare\n",
            &["--top-k", "3", "--prompts", "bare"],
            "prompts is bare, was not set",
        ),
        (
            "decide: leaf\n",
            &["--decide", "leaf"],
            "decide is leaf, was argmax",
        ),
        (
            "match: max\n",
            &["--match", "max"],
            "match is max, was mean",
        ),
        ("", &[], "match is mean, was max"),
    ] {
        world.save(text);
        let (made, told_of) = again(&world.workbench, &shown);
        shown = made.unwrap().expect("it is made").shown.opened;
        assert_eq!(told(&shown), world.anew(args), "{text}");
        assert!(told_of.is_some_and(|told| told.contains(word)), "{text}");
        let (made, told_of) = again(&world.workbench, &shown);
        assert!(made.unwrap().is_none() && told_of.is_none(), "{text}");
    }
    // What changes no option makes no run, and the command line wins.
    let all = World::new(&[], "");
    let shown = all.workbench.opened(&GO_ON).unwrap();
    for text in ["# nothing\n", "candidates: leaves\n"] {
        all.save(text);
        let (made, told_of) = again(&all.workbench, &shown);
        assert!(made.unwrap().is_none() && told_of.is_none(), "{text}");
    }
}

/// The taxonomy that is named by now is judged by, watched and edited; what is shown meanwhile has its own.
#[test]
fn the_options_file_names_another_taxonomy() {
    let world = World::new(&["--taxonomy"], "taxonomy: shapes.yaml\n");
    let at = |name: &str| world.folder.path().join(name);
    let text = std::fs::read_to_string(at("shapes.yaml")).unwrap();
    let shown = world.workbench.opened(&GO_ON).unwrap();
    world.save("top-k: 4\ntaxonomy: other.yaml\n");
    // The one that is not there, nor its run.
    let (made, _) = again(&world.workbench, &shown);
    let faults = made.unwrap_err();
    assert_eq!(
        faults[0].place,
        Some((world.config.clone(), 2, 1)),
        "{faults:?}"
    );
    let files = Backend::files(&world.workbench, Some(&shown));
    assert!(files.contains(&at("shapes.yaml")), "{files:?}");
    let what = What::Taxonomy(Edit::Describe {
        node: "circle".to_owned(),
        description: Some("round".to_owned()),
    });
    let plan = world.workbench.plan(&shown, &what).unwrap().unwrap();
    assert_eq!(plan.changes[0].path, at("shapes.yaml"));

    std::fs::write(at("other.yaml"), text.replace("a bounded part", "a part")).unwrap();
    // By now it can be found beside the file.
    let (made, _) = again(&world.workbench, &shown);
    let now = made.unwrap().expect("it is made").shown.opened;
    assert_eq!(now.taxonomy.sources()[0].0, at("other.yaml"));
    let plan = world.workbench.plan(&now, &what).unwrap().unwrap();
    assert_eq!(plan.changes[0].path, at("other.yaml"));
    let files = Backend::files(&world.workbench, Some(&now));
    assert!(files.contains(&at("other.yaml")), "{files:?}");
}

/// What is wrong is told at its line, and the run that is shown stays until it is mended.
#[test]
fn a_broken_options_file_keeps_the_last_run() {
    let world = World::new(&[], "credit: lin\n");
    let shown = world.workbench.opened(&GO_ON).unwrap();
    for (text, line, said) in [
        ("credit: lin\ntop-k: [\n", 3, "not valid YAML"),
        (
            "credit: lin\n\ncredits: strict\n",
            3,
            "did you mean `credit`",
        ),
        ("\ntop-k: many\n", 2, "invalid value 'many'"),
        ("\ncredit: nobodys\n", 2, "nobodys"),
        ("credit: lin\ncalibration: 0.5\n", 2, "is not calibrated"),
        ("candidates: lin\nprompts: gone.yaml\n", 2, "gone.yaml"),
    ] {
        world.save(text);
        let (made, _) = again(&world.workbench, &shown);
        let fault = &made.unwrap_err()[0];
        let place = fault.place.as_ref().map(|(path, line, _)| (path, *line));
        assert_eq!(place, Some((&world.config, line)), "{text}: {fault}");
        assert!(fault.message.contains(said), "{text}: {fault}");
    }
    std::fs::remove_file(&world.config).unwrap();
    let (made, _) = again(&world.workbench, &shown);
    assert!(made.unwrap_err()[0].message.contains("stay as they were"));
    world.save("credit: lin\n");
    let (made, _) = again(&world.workbench, &shown);
    assert!(made.unwrap().is_none());
}

/// What the workbench was opened on stays, and that is told once, and noted beside each run that is made since.
#[test]
fn what_is_scored_stays_until_the_next_start() {
    let world = World::new(&[], "");
    let shown = world.workbench.opened(&GO_ON).unwrap();
    world.save("device: cpu\nlogit-scale: 7\n");
    let (made, word) = again(&world.workbench, &shown);
    assert!(made.unwrap().is_none());
    let word = word.unwrap();
    assert!(
        word.contains("device counts once cladist is started again"),
        "{word}"
    );
    let (made, word) = again(&world.workbench, &shown);
    assert!(made.unwrap().is_none() && word.is_none());
    world.save("device: cpu\nlogit-scale: 7\ntop-k: 2\n");
    let (made, word) = again(&world.workbench, &shown);
    let made = made.unwrap().expect("it is made");
    assert_eq!(told(&made.shown.opened), world.anew(&["--top-k", "2"]));
    assert!(word.is_some_and(|word| !word.contains("device")));
    assert!(
        made.assumed[0].contains("device, logit-scale count only once"),
        "{:?}",
        made.assumed
    );
}

#[test]
fn a_saved_run_is_judged_by_the_taxonomy_that_the_file_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("taxonomies/shapes.yaml")).unwrap();
    let edge = "    parents: [isosceles_triangle, acute_triangle, regular_polygon]\n";
    let less = text.replace(edge, "");
    let folder = crate::cmd::dir(&[
        ("shapes.yaml", text.as_bytes()),
        ("less.yaml", less.as_bytes()),
        ("options.yaml", b"taxonomy: shapes.yaml\ncredit: lin\n"),
    ]);
    let config = folder.path().join("options.yaml");
    let run = root.join("tests/fixtures/run");
    let args = [run.to_str().unwrap().to_owned()];
    let workbench = with_options(&args, &config);
    let shown = workbench.opened(&GO_ON).unwrap();
    assert!(again(&workbench, &shown).0.unwrap().is_none());
    std::fs::write(&config, "taxonomy: less.yaml\ncredit: strict\n").unwrap();
    let (made, word) = again(&workbench, &shown);
    let made = made.unwrap().expect("it is made").shown.opened;
    assert_ne!(verdicts(&made), verdicts(&shown));
    // How to score is asked of no run that is scored already.
    let word = word.unwrap();
    assert!(
        word.contains("less.yaml") && !word.contains("credit"),
        "{word}"
    );
}
