//! `cladist tui`: a run, its taxonomy and its pictures on the terminal; and what the workbench asks of the outside.

mod again;
mod asking;
mod editing;
mod lost;
mod news;
mod opening;
mod options;
mod origins;
mod pictures;
mod session;
mod side;
mod snapshots;
mod trial;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use anyhow::{Context, bail};
use clap::{FromArgMatches, ValueHint};

use super::model_args::DeviceArgs;
use super::output::{self, Message};
use super::score::{Basis, Embeddings, Memory, WhatArgs};
use super::store::StoreArgs;
use super::{Line, builtin, exit, locked};
use crate::demo;
use crate::files::Staging;
use crate::history::What;
use crate::model::Encoder;
use crate::names::Names;
use crate::run::{self, Opened, Run, Suggestion};
use crate::taxonomy::NodeId;
use crate::tui::backend::{
    Applied, Backend, EncodedPrompts, Expanded, Fault, News, On, Other, Plan, Templates, Trial,
    Tried,
};
use crate::tui::{self, Ended, ImageProtocol, ThemeChoice};
use asking::Asked;
use news::{hearing, in_silence, with_news};
use options::Options;
use origins::Origins;
use pictures::Pictures;

/// Explore a run on the terminal: its figures, its taxonomy, its pictures, and what another label or template would do
///
/// With RUN_DIR a saved run is opened: --taxonomy, --images and --model then say where these are now, if that is not where
/// the run found them. Without it what the options name is scored as `cladist score` would, and can be looked at from the first
/// images on. Without either it shows the demo, which needs no file.
#[derive(Debug, Clone, clap::Args)]
pub struct TuiArgs {
    /// A directory that `cladist score --out` wrote
    #[arg(value_name = "RUN_DIR", value_hint = ValueHint::DirPath)]
    run: Option<PathBuf>,

    /// How pictures are put on the screen; `auto` asks the terminal
    #[arg(long, value_enum, value_name = "HOW", default_value = "auto")]
    image_protocol: Protocol,

    /// Colours; `auto` asks the terminal for its background, and NO_COLOR or `--color never` make it `none`
    #[arg(long, value_enum, value_name = "THEME", default_value = "auto")]
    theme: Theme,

    /// Keys of your own; default: cladist/keys.toml where XDG_CONFIG_HOME says, else in ~/.config
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    keys: Option<PathBuf>,

    #[command(flatten)]
    what: WhatArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Protocol {
    Auto,
    Kitty,
    Sixel,
    Iterm2,
    Halfblocks,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Theme {
    Auto,
    Dark,
    Light,
    None,
}

impl From<Protocol> for ImageProtocol {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Auto => Self::Auto,
            Protocol::Kitty => Self::Kitty,
            Protocol::Sixel => Self::Sixel,
            Protocol::Iterm2 => Self::Iterm2,
            Protocol::Halfblocks => Self::HalfBlocks,
            Protocol::None => Self::None,
        }
    }
}

impl Theme {
    fn choice(self) -> ThemeChoice {
        match self {
            _ if output::is_colourless() => ThemeChoice::Plain,
            Self::Auto => ThemeChoice::Auto,
            Self::Dark => ThemeChoice::Dark,
            Self::Light => ThemeChoice::Light,
            Self::None => ThemeChoice::Plain,
        }
    }
}

impl TuiArgs {
    /// What these arguments say.
    fn of(args: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let command = complete(<Self as clap::Args>::augment_args(clap::Command::new(
            "tui",
        )));
        let matches = command.no_binary_name(true).try_get_matches_from(args)?;
        Ok(Self::from_arg_matches(&matches)?)
    }
}

/// Options that have a say on a saved run too: where its parts are, and how they are shown and computed.
const OF_SAVED: [&str; 14] = [
    "run",
    "taxonomy",
    "images",
    "model",
    "no_side_labels",
    "device",
    "dtype",
    "store",
    "no_store",
    "verify",
    "shard_rows",
    "image_protocol",
    "theme",
    "keys",
];

/// Says of the command what follows from its options: how to score is asked of no run that is scored already.
pub fn complete(command: clap::Command) -> clap::Command {
    let ids = command.get_arguments().map(|arg| arg.get_id().clone());
    let scoring: Vec<clap::Id> = ids.filter(|id| !OF_SAVED.contains(&id.as_str())).collect();
    command.mut_arg("run", |run| run.conflicts_with_all(scoring))
}

/// Shows the demo.
pub fn run_demo() -> anyhow::Result<ExitCode> {
    run(&TuiArgs::of([])?, None)
}

/// Whether standard input and output are a terminal that can show the workbench.
pub fn is_possible() -> bool {
    why_not().is_none()
}

fn why_not() -> Option<&'static str> {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Some("standard input and output are no terminal");
    }
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_dumb.then_some("TERM=dumb: the terminal cannot place the cursor")
}

pub fn run(args: &TuiArgs, line: Option<Line>) -> anyhow::Result<ExitCode> {
    if let Some(why) = why_not() {
        bail!(
            "{why}; `cladist score` prints the figures, `cladist demo` those of the built-in example"
        );
    }
    let workbench = Workbench::new(args.run.as_deref(), &args.what)?.with_line(line)?;
    if let Source::Saved(dir) = &workbench.source {
        // What is no run is told on the terminal that the command was typed in.
        run::load_summary(dir)?;
    }
    let keys = match &args.keys {
        Some(file) if !file.is_file() => {
            bail!("--keys {}: no file that can be read", file.display())
        }
        Some(file) => Some(file.clone()),
        None => session::default_keys(),
    };
    let settings = tui::Settings {
        image_protocol: args.image_protocol.into(),
        theme: args.theme.choice(),
        keys,
        title: workbench.name(),
    };
    // Nothing may be written between the lines of the screen: what nobody asked to hear is told afterwards.
    let strays = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&strays);
    let redirected = output::redirect(Box::new(move |message| {
        if let Message::Text(line) = message {
            locked(&into).push(line);
        }
    }));
    let ended = tui::run(Arc::new(workbench), &settings);
    drop(redirected);
    for line in locked(&strays).drain(..) {
        output::tell!("{line}");
    }
    Ok(match ended? {
        Ended::Quit => ExitCode::SUCCESS,
        Ended::Terminated => ExitCode::from(exit::INTERRUPTED),
    })
}

/// What there is to look at.
#[derive(Debug, Clone)]
enum Source {
    /// A saved run.
    Saved(PathBuf),
    /// What the options name.
    Scored,
    /// So many pictures of the drawn world.
    Demo(u64),
}

/// A run, saved or to be made, with the model that is asked about it.
///
/// All that is dear is kept: the model, the embedded prompts and images, once something has asked for them.
pub struct Workbench {
    source: Source,
    /// What it was opened on.
    start: Arc<Options>,
    /// The options as they were last read.
    now: Mutex<Arc<Options>>,
    /// What was typed, with the file that options are from; `None` if there is no such file.
    line: Option<Line>,
    device: DeviceArgs,
    /// Where embeddings outlive it.
    store: StoreArgs,
    /// The file that took the place of a built-in taxonomy.
    adopted: Mutex<Option<PathBuf>>,
    /// The model of a saved run, by its name now.
    model: Option<String>,
    /// Where the images of a saved run are now.
    images: Option<PathBuf>,
    pictures: Pictures,
    /// The model and its name.
    encoder: Mutex<Option<(String, Arc<dyn Encoder>)>>,
    /// What the model was asked last, and what that belongs to.
    basis: Mutex<Option<(Asked, Arc<Basis>)>>,
    /// The images that were embedded last, and their names.
    embeddings: Mutex<Option<(Names, Arc<Embeddings>)>>,
    /// The whole run that was made here last, and as what it was shown.
    made: Mutex<Option<(Weak<Opened>, Arc<Run>)>>,
    origins: Origins,
    memory: Memory,
    /// Why nothing can be added to the labels of a saved run.
    fixed_labels: OnceLock<Option<&'static str>>,
    /// Figures that a saved run has and that cannot be made again of what it keeps.
    of_all: OnceLock<Vec<&'static str>>,
    /// The taxonomy's files when it was last read.
    included: Mutex<Vec<PathBuf>>,
}

impl Workbench {
    /// The saved run, or what the options name; the demo without either.
    ///
    /// # Errors
    /// Options that do not belong together.
    pub fn new(run: Option<&Path>, what: &WhatArgs) -> anyhow::Result<Self> {
        let source = match run {
            Some(dir) => Source::Saved(dir.to_owned()),
            None if what.is_nothing() => Source::Demo(demo::PICTURES),
            None => {
                what.check()?;
                Source::Scored
            }
        };
        let start = Arc::new(Options::fixed(what.clone()));
        let is_saved = run.is_some();
        let images = what.images.clone().filter(|_| is_saved);
        Ok(Self {
            source,
            now: Arc::clone(&start).into(),
            start,
            line: None,
            device: what.device.clone(),
            store: what.options.image.store.clone(),
            adopted: Mutex::default(),
            model: what.model.clone().filter(|_| is_saved),
            pictures: Pictures::new(images.clone()),
            images,
            encoder: Mutex::default(),
            basis: Mutex::default(),
            embeddings: Mutex::default(),
            made: Mutex::default(),
            origins: Origins::default(),
            memory: Memory::default(),
            fixed_labels: OnceLock::new(),
            of_all: OnceLock::new(),
            included: Mutex::default(),
        })
    }

    /// What `cladist tui` with these arguments shows, without a terminal.
    ///
    /// # Errors
    /// What is wrong with the arguments.
    pub fn with_arguments<A: AsRef<str>>(args: &[A]) -> anyhow::Result<Self> {
        let args = args.iter().map(|arg| arg.as_ref().to_owned());
        let args = TuiArgs::of(args)?;
        Self::new(args.run.as_deref(), &args.what)
    }

    /// The demo with this number of pictures, which are encoded anew each time.
    ///
    /// # Errors
    /// None, as long as no option is required.
    pub fn demo(pictures: u64) -> anyhow::Result<Self> {
        let mut workbench = Self::with_arguments(&["--no-store"])?;
        if let Source::Demo(n) = &mut workbench.source {
            *n = pictures;
        }
        Ok(workbench)
    }

    /// The whole run, for a command that goes on with it: what there is to say is said on stderr.
    ///
    /// # Errors
    /// Whatever is wrong with the run or the options; an interruption.
    pub fn opened(&self, stop: &AtomicBool) -> anyhow::Result<Arc<Opened>> {
        let last = Mutex::new(None);
        let tell = |news| {
            if let News::Run(shown) = news {
                *locked(&last) = Some(shown.opened);
            }
        };
        opening::open(self, &tell, stop)?;
        let found = locked(&last).take();
        found.context("there is no run")
    }

    /// The run that is shown, as it was made here.
    ///
    /// # Errors
    /// It was not made here, or is not whole, or another one was made since.
    fn made_as(&self, opened: &Opened) -> anyhow::Result<Arc<Run>> {
        let made = locked(&self.made).clone();
        let (shown, run) =
            made.context("there is no run to save: it is saved, or not whole yet")?;
        if origins::is(&shown, opened) {
            return Ok(run);
        }
        match self.origins.of(opened) {
            Some(origin) if !origin.is_whole => bail!(
                "only the answers of the run that is shown are there: score it again (ctrl-r), and save it when its intervals are there"
            ),
            _ => bail!(
                "what is shown is not the run that was made last: score it again (ctrl-r), and save it then"
            ),
        }
    }

    /// What is shown, in a few words.
    fn name(&self) -> String {
        match &self.source {
            Source::Saved(dir) => dir.display().to_string(),
            Source::Demo(..) => builtin::NAME.to_owned(),
            Source::Scored => self.start.what.name(),
        }
    }
}

impl Backend for Workbench {
    fn open(&self, tell: &(dyn Fn(News) + Sync), stop: &AtomicBool) -> Result<(), String> {
        with_news(tell, |tell| opening::open(self, tell, stop))
    }

    fn picture(&self, opened: &Opened, image: usize) -> Result<Vec<u8>, String> {
        in_silence(|| self.pictures.bytes(opened, image))
    }

    fn other(&self, dir: &Path) -> Result<Other, String> {
        in_silence(|| opening::other(dir))
    }

    fn suggest(&self, opened: &Opened) -> Vec<Suggestion> {
        asking::suggest(self, opened)
    }

    fn templates(&self, opened: &Opened) -> Result<Templates, String> {
        in_silence(|| asking::templates(opened))
    }

    fn expand(&self, opened: &Opened, node: NodeId) -> Result<Expanded, String> {
        in_silence(|| asking::expand(opened, node))
    }

    fn encode_prompts(
        &self,
        opened: &Opened,
        tell: &(dyn Fn(News) + Sync),
        stop: &AtomicBool,
    ) -> Result<EncodedPrompts, String> {
        with_news(tell, |_| asking::encode_prompts(self, opened, stop))
    }

    fn encode_images(
        &self,
        opened: &Opened,
        tell: &(dyn Fn(News) + Sync),
        stop: &AtomicBool,
    ) -> Result<(), String> {
        with_news(tell, |_| {
            let basis = self.basis(opened, stop)?;
            self.embeddings(opened, &basis, stop).map(drop)
        })
    }

    fn try_out(
        &self,
        opened: &Opened,
        trial: &Trial,
        on: On,
        tell: &(dyn Fn(News) + Sync),
        stop: &AtomicBool,
    ) -> Result<Tried, String> {
        with_news(tell, |_| trial::try_out(self, opened, trial, on, stop))
    }

    fn at_threshold(&self, opened: &Opened, threshold: f64) -> Result<Applied, String> {
        in_silence(|| opening::at_threshold(self, opened, threshold))
    }

    fn files(&self, opened: Option<&Opened>) -> Vec<PathBuf> {
        self.text_files(opened)
    }

    fn again(
        &self,
        opened: &Opened,
        tell: &(dyn Fn(News) + Sync),
        stop: &AtomicBool,
    ) -> Result<Option<Applied>, Vec<Fault>> {
        hearing(tell, |tell| again::again(self, opened, tell, stop))
    }

    fn plan(&self, opened: &Opened, what: &What) -> Result<Option<Plan>, String> {
        in_silence(|| editing::plan(self, opened, what))
    }

    fn make(&self, opened: &Opened, plan: &Plan) -> Result<(), String> {
        in_silence(|| editing::make(self, opened, plan))
    }

    fn undo(&self, opened: &Opened) -> Result<What, String> {
        in_silence(|| editing::undo(self, opened))
    }

    fn redo(&self, opened: &Opened) -> Result<What, String> {
        in_silence(|| editing::redo(self, opened))
    }

    fn adopt(&self, opened: &Opened, path: &Path) -> Result<(), String> {
        in_silence(|| editing::adopt(self, opened, path))
    }

    fn save(&self, opened: &Opened, dir: &Path) -> Result<(), String> {
        in_silence(|| {
            let run = self.made_as(opened)?;
            Ok(run::save(&run, Staging::new(dir, run::KIND)?)?)
        })
    }

    fn snapshots(&self) -> Vec<String> {
        self.snapshot_names()
    }

    fn keep_snapshot(&self, opened: &Opened, name: &str) -> Result<PathBuf, String> {
        in_silence(|| {
            let folder = self.snapshot(name)?;
            snapshots::keep(&folder, opened)?;
            Ok(folder)
        })
    }

    fn kept_snapshot(&self, name: &str) -> Result<Other, String> {
        in_silence(|| snapshots::kept(&self.snapshot(name)?))
    }

    fn can_save(&self) -> bool {
        locked(&self.made).is_some()
    }

    fn session_file(&self) -> Option<PathBuf> {
        session::file(&self.source, &self.start.what)
    }
}
