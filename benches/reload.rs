//! From a save of the taxonomy to the new breakdown, 50,000 images × 1,000 labels: of a saved run, and of embeddings that are scored here.

#[path = "world/sequence.rs"]
mod sequence;

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cladist::cli::workbench::Workbench;
use cladist::npy;
use cladist::run::Opened;
use cladist::tui::backend::{Backend, News};
use cladist::watch::Watch;
use criterion::{Criterion, criterion_group, criterion_main};
use sequence::Sequence;

/// As in the program: see `main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const IMAGES: usize = 50_000;
const LABELS: usize = 1000;
const DIM: usize = 512;

static GO_ON: AtomicBool = AtomicBool::new(false);

/// Ten groups of ten of ten labels; every tenth label has two parents, or one once it is edited.
fn taxonomy(is_edited: bool) -> String {
    let mut text = String::from("taxonomy: reload\nnodes:\n  root:\n");
    for a in 0..10 {
        let _ = writeln!(text, "  a{a}: {{parents: [root]}}");
    }
    for b in 0..100 {
        let _ = writeln!(text, "  b{b}: {{parents: [a{}]}}", b % 10);
    }
    for c in 0..LABELS {
        let second = match (c % 10, is_edited && c == 10) {
            (0, false) if c * 7 % 100 != c % 100 => format!(", b{}", c * 7 % 100),
            _ => String::new(),
        };
        let _ = writeln!(text, "  c{c}: {{parents: [b{}{second}]}}", c % 100);
    }
    text
}

/// Files of a made-up model: prompts as good as random, images near the prompt of their label.
struct Desk {
    folder: tempfile::TempDir,
    /// Whether the taxonomy is the edited one.
    is_edited: Cell<bool>,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().expect("a folder"),
            is_edited: Cell::new(false),
        };
        let mut random = Sequence(3);
        let mut noise = |scale: f64| -> Vec<f32> {
            let mut value =
                || (scale * (random.share() + random.share() + random.share() - 1.5)) as f32;
            (0..DIM).map(|_| value()).collect()
        };
        let texts: Vec<Vec<f32>> = (0..LABELS).map(|_| noise(1.0)).collect();
        let label = |image: usize| image * 7919 % LABELS;
        let images = (0..IMAGES).flat_map(|i| {
            let noise = noise(6.0);
            let values = noise.iter().zip(&texts[label(i)]);
            values
                .map(|(noise, text)| noise + text)
                .collect::<Vec<f32>>()
        });
        desk.array("images.npy", IMAGES, &images.collect::<Vec<f32>>());
        desk.array("texts.npy", LABELS, &texts.concat());
        let index: Vec<String> = (0..LABELS).map(|c| format!("c{c}")).collect();
        desk.write("index.txt", &index.join("\n"));
        let mut truth = String::from("image,label\n");
        for i in 0..IMAGES {
            let _ = writeln!(truth, "images/{i:06}.jpg,c{}", label(i));
        }
        desk.write("truth.csv", &truth);
        desk.save();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("it can be written");
    }

    fn array(&self, name: &str, rows: usize, values: &[f32]) {
        let mut file = fs::File::create(self.path(name)).expect("it can be written");
        file.write_all(&npy::header::<f32>(rows, DIM))
            .expect("it can be written");
        npy::write(&mut std::io::BufWriter::new(file), values).expect("it can be written");
    }

    /// Saves the taxonomy as it is not.
    fn save(&self) {
        self.is_edited.set(!self.is_edited.get());
        self.write("taxonomy.yaml", &taxonomy(self.is_edited.get()));
    }

    /// Options with their values, paths where they name files of this desk.
    fn workbench(&self, args: &[&str]) -> Workbench {
        let args = args.iter().map(|arg| match Path::new(arg).extension() {
            Some(_) => self.path(arg).display().to_string(),
            None => (*arg).to_owned(),
        });
        let args = args.chain(["--no-store".to_owned()]);
        Workbench::with_arguments(&args.collect::<Vec<_>>()).expect("good arguments")
    }
}

/// Saves the taxonomy in turns, and measures what follows; the run that is shown in the end.
fn reload(c: &mut Criterion, name: &str, desk: &Desk, workbench: &Workbench) -> Arc<Opened> {
    let begun = Instant::now();
    let mut shown = workbench.opened(&GO_ON).expect("it can be scored");
    println!("{name}: opened in {:.2} s", begun.elapsed().as_secs_f64());
    let mut save = |until: Until| {
        desk.save();
        let begun = Instant::now();
        let answers = Mutex::new(Duration::ZERO);
        let tell = |news| {
            if let News::Answers(_) = news {
                *answers.lock().expect("no panic") = begun.elapsed();
            }
        };
        let again = workbench.again(&shown, &tell, &GO_ON);
        let elapsed = begun.elapsed();
        shown = again.expect("no faults").expect("it changed").shown.opened;
        match until {
            Until::Answers => answers.into_inner().expect("no panic"),
            Until::Whole => elapsed,
        }
    };
    for (until, what) in [
        (Until::Answers, "the breakdown"),
        (Until::Whole, "the whole run"),
    ] {
        c.bench_function(&format!("{name}: {what}"), |b| {
            b.iter_custom(|times| (0..times).map(|_| save(until)).sum::<Duration>());
        });
    }
    shown
}

#[derive(Clone, Copy)]
enum Until {
    Answers,
    Whole,
}

/// From a save to the word of it, the wait until it has settled included: by the system's word alone.
fn notice(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("taxonomy.yaml");
    fs::write(&path, "").expect("it can be written");
    let (tell, told) = std::sync::mpsc::channel();
    let watch = Watch::start(move |files: &[PathBuf]| drop(tell.send(files.to_vec())));
    let watch = watch.expect("a thread can be started");
    watch.files([path.clone()]);
    let beside = folder.path().join("taxonomy.yaml~");
    let mut turn = 0;
    c.bench_function("a save is noticed", |b| {
        b.iter(|| {
            turn += 1;
            let text = format!("turn {turn}");
            // As editors do: over the file, or beside it and then in its place.
            match turn % 2 {
                0 => fs::write(&path, text).expect("it can be written"),
                _ => {
                    fs::write(&beside, text).expect("it can be written");
                    fs::rename(&beside, &path).expect("it can be renamed");
                }
            }
            told.recv().expect("it is noticed")
        });
    });
}

fn all(c: &mut Criterion) {
    notice(c);
    let desk = Desk::new();
    let scored = desk.workbench(&[
        "--taxonomy",
        "taxonomy.yaml",
        "--image-embeddings",
        "images.npy",
        "--text-embeddings",
        "texts.npy",
        "--label-index",
        "index.txt",
        "--truth",
        "truth.csv",
        "--candidates",
        "leaves",
    ]);
    let shown = reload(c, "scored here", &desk, &scored);
    scored
        .save(&shown, &desk.path("saved.run"))
        .expect("it can be saved");
    drop((shown, scored));
    let saved = desk.workbench(&["saved.run", "--taxonomy", "taxonomy.yaml"]);
    reload(c, "saved", &desk, &saved);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    targets = all
}
criterion_main!(benches);
