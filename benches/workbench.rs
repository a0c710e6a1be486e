//! How long the workbench takes from a key to the frame that shows what it did, and from a saved run to the first frame.

#[path = "world/mod.rs"]
mod world;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use cladist::files::Staging;
use cladist::matrix::Matrix;
use cladist::names::Names;
use cladist::run::{
    Counts, Evidence, Inputs, KIND, MANIFEST_SCHEMA, Manifest, Opened, Run, SourceHash,
    load_summary, load_whole, save,
};
use cladist::score::{AlsoRight, Annotations, Collisions, CreditPolicy, Link, Match, Root, Rule};
use cladist::taxonomy::{NodeId, Taxonomy, load_str};
use cladist::tui::app::Beginning;
use cladist::tui::backend::{
    Applied, Backend, EncodedPrompts, Expanded, News, On, Other, Shown, Templates, Trial, Tried,
};
use cladist::tui::keymap::Keymap;
use cladist::tui::stage::Stage;
use cladist::tui::theme::Theme;
use criterion::{Criterion, criterion_group, criterion_main};
use world::{ROWS, opened};

/// As in the program: see `main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A run that is there already; `None`: not yet.
struct Ready(Option<Arc<Opened>>);

impl Backend for Ready {
    fn open(&self, tell: &(dyn Fn(News) + Sync), _stop: &AtomicBool) -> Result<(), String> {
        if let Some(run) = &self.0 {
            tell(News::Run(Shown {
                opened: Arc::clone(run),
                so_far: None,
                is_saved: true,
                name: "ready".into(),
                fixed_labels: None,
            }));
        }
        Ok(())
    }

    fn picture(&self, _: &Opened, _: usize) -> Result<Vec<u8>, String> {
        Err("no pictures".into())
    }

    fn other(&self, _: &Path) -> Result<Other, String> {
        Err("no other".into())
    }

    fn templates(&self, _: &Opened) -> Result<Templates, String> {
        Ok(Templates::default())
    }

    fn expand(&self, _: &Opened, _: NodeId) -> Result<Expanded, String> {
        Ok(Expanded::default())
    }

    fn encode_prompts(
        &self,
        _: &Opened,
        _: &(dyn Fn(News) + Sync),
        _: &AtomicBool,
    ) -> Result<EncodedPrompts, String> {
        Err("no model".into())
    }

    fn try_out(
        &self,
        _: &Opened,
        _: &Trial,
        _: On,
        _: &(dyn Fn(News) + Sync),
        _: &AtomicBool,
    ) -> Result<Tried, String> {
        Err("no model".into())
    }

    fn at_threshold(&self, _: &Opened, _: f64) -> Result<Applied, String> {
        Err("no masses".into())
    }

    fn save(&self, _: &Opened, _: &Path) -> Result<(), String> {
        Ok(())
    }

    fn can_save(&self) -> bool {
        false
    }

    fn session_file(&self) -> Option<PathBuf> {
        None
    }
}

fn beginning() -> Beginning {
    Beginning {
        title: "ready".into(),
        theme: Theme::Dark,
        keymap: Keymap::default(),
        has_pictures: false,
        keeps_session: false,
        can_save: false,
        session: None,
        snapshots: Vec::new(),
        size: (120, 40),
    }
}

/// Resident memory of this process in bytes, where the system tells.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

fn keys(c: &mut Criterion) {
    let before = resident();
    let run = Arc::new(opened(ROWS));
    let mut stage = Stage::new(Arc::new(Ready(Some(run))), beginning());
    if let (Some(before), Some(after)) = (before, resident()) {
        println!(
            "memory: {} bytes a row, taxonomy and all",
            after.saturating_sub(before) / ROWS
        );
    }
    let mut group = c.benchmark_group("key to frame, 1,000,000 rows");
    stage.press("3");
    for (name, keys) in [
        ("down", "down"),
        ("page down", "pagedown"),
        ("end and home", "end home"),
        ("another view and back", "2 3"),
        ("taxonomy: page down", "2 pagedown"),
        ("confusions: down", "4 down"),
        ("overview: down", "1 down"),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| {
                stage.press(keys);
                black_box(stage.screen());
            });
        });
    }
    stage.press("3 s s s s g");
    group.bench_function("down, sorted by probability", |b| {
        b.iter(|| {
            stage.press("down");
            black_box(stage.screen());
        });
    });
    for filter in [
        "verdict:near",
        "p<0.4 k>3",
        "zebra",
        "truth:under(entity) jpeg",
    ] {
        group.bench_function(format!("enter of the filter {filter}"), |b| {
            b.iter_custom(|times| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..times {
                    stage.press("/");
                    stage.app.images.filter.clear();
                    stage.press("ctrl-u");
                    stage.type_in(filter);
                    let begun = Instant::now();
                    stage.press("enter");
                    black_box(stage.screen());
                    elapsed += begun.elapsed();
                    stage.press("esc");
                }
                elapsed
            });
        });
    }
    group.bench_function("f and a letter, 82,000 nodes", |b| {
        b.iter(|| {
            stage.press("f");
            stage.type_in("w");
            black_box(stage.screen());
            stage.press("esc");
        });
    });
    group.finish();
}

const IMAGES: usize = 50_000;
const CANDIDATES: usize = 100;

fn small_taxonomy() -> Taxonomy {
    let mut text = String::from("nodes:\n  root: {}\n");
    for i in 0..CANDIDATES {
        text += &format!("  n{i:03}: {{parents: [root], names: [\"concept {i}\"]}}\n");
    }
    load_str("small", &text).taxonomy.expect("nodes")
}

/// A run of scores that are as good as random, on disk.
fn saved(dir: &Path) {
    let taxonomy = small_taxonomy();
    let candidates: Vec<NodeId> = taxonomy.nodes().skip(1).collect();
    let mut random = world::Sequence(5);
    let scores: Vec<f32> = (0..IMAGES * CANDIDATES)
        .map(|_| 8.0 * random.share() as f32)
        .collect();
    let mut images = Names::default();
    (0..IMAGES).for_each(|i| images.push(&format!("images/{i:06}.jpg")));
    let truths = (0..IMAGES).map(|i| vec![candidates[i * 7 % CANDIDATES]]);
    let source = |name: &str| SourceHash {
        source: name.to_owned(),
        sha256: String::new(),
    };
    let inputs = Inputs {
        taxonomy: &taxonomy,
        candidates: candidates.clone(),
        images,
        annotations: Annotations::of_truths(truths),
        also_right: AlsoRight::default(),
        uncertainty: None,
        evidence: Evidence::Scored(
            std::borrow::Cow::Owned(Matrix::new(CANDIDATES, scores)),
            Link::Softmax { scale: 1.0 },
        ),
        collision_threshold: Collisions::DEFAULT_THRESHOLD,
        credit: CreditPolicy::Logical,
        root: Root::default(),
        strategy: Match::Mean,
        rule: Rule::Argmax,
        calibration: Vec::new(),
        top_k: 5,
    };
    let manifest = Manifest {
        schema: MANIFEST_SCHEMA,
        cladist: "bench".into(),
        taxonomy: source("small"),
        prompts: None,
        images: source("images"),
        truth: Default::default(),
        right_too: Default::default(),
        model: serde_json::json!({ "source": "none" }),
        device: None,
        dtype: None,
        candidates: source("all"),
        options: Default::default(),
        counts: Counts {
            images: IMAGES,
            predicted: IMAGES,
            labelled: IMAGES,
            calibration: 0,
            unlabelled: 0,
            skipped_unknown_label: 0,
            skipped_problematic: 0,
            skipped_bad_image: 0,
            candidates: CANDIDATES,
            prompts: 0,
        },
    };
    let run = Run::build(inputs, manifest).expect("scores can be ranked");
    save(&run, Staging::new(dir, KIND).expect("a place")).expect("it can be written");
}

fn start(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("run");
    saved(&dir);
    let mut group = c.benchmark_group("from a saved run of 50,000 images");
    group.bench_function("the first frame", |b| {
        b.iter(|| {
            let figures = load_summary(&dir).expect("a run");
            let mut stage = Stage::new(Arc::new(Ready(None)), beginning());
            let news = News::Figures(Box::new(figures.summary), figures.manifest);
            stage.act(cladist::tui::action::Action::News(news));
            black_box(stage.screen());
        });
    });
    group.bench_function("the whole run, drawn", |b| {
        b.iter(|| {
            let whole = load_whole(&dir).expect("a run");
            let run = Arc::new(Opened::new(whole, small_taxonomy()));
            let mut stage = Stage::new(Arc::new(Ready(Some(run))), beginning());
            stage.press("3");
            black_box(stage.screen());
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    targets = start, keys
}
criterion_main!(benches);
