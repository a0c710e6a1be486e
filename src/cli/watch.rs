//! `cladist watch`: scores, and again each time a file is saved that says how.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::ValueHint;

use super::output::{self, tell};
use super::score::WhatArgs;
use super::workbench::Workbench;
use super::{Line, count, interrupt, locked, on_all_cores};
use crate::report;
use crate::run::{self, Opened};
use crate::text::shown;
use crate::tui::backend::{Backend, News};
use crate::watch::Watch;

/// Between two looks whether Ctrl-C was pressed.
const GLANCE: Duration = Duration::from_millis(100);

/// Score, and score again each time the taxonomy, a file it includes, the prompts, the labels or the options' file are saved
///
/// With RUN_DIR the answers of a saved run are judged again; else what the options name is scored as `cladist score` would, and after
/// a change nothing is encoded but prompts that are new. Each time it prints the breakdown of the answers at once, then what changed
/// and the breakdown with its intervals. Ctrl-C ends it. A file with errors is told, and waited for.
#[derive(clap::Args)]
pub struct WatchArgs {
    /// A directory that `cladist score --out` wrote
    #[arg(value_name = "RUN_DIR", value_hint = ValueHint::DirPath)]
    run: Option<PathBuf>,

    #[command(flatten)]
    pub(super) what: WhatArgs,
}

pub fn run(args: &WatchArgs, line: Option<Line>) -> anyhow::Result<ExitCode> {
    let stop = interrupt::install()?;
    let workbench = Workbench::new(args.run.as_deref(), &args.what)?.with_line(line)?;
    let (tell_changed, changed) = channel();
    let watch = Watch::start(move |files: &[PathBuf]| drop(tell_changed.send(files.to_vec())))?;
    let named = Backend::files(&workbench, None);
    // What a saved run was judged by is known once it is open.
    if args.run.is_none() {
        check(&named)?;
    }
    watch.files(named);
    let mut opened = workbench.opened(stop)?;
    // What a saved run was judged by may be another by now, which is no doing of the next save.
    if args.run.is_some() {
        match workbench.again(&opened, &|_| {}, stop) {
            Ok(Some(again)) => {
                tell!("the files are not what the run was made with: judged again by them");
                opened = again.shown.opened;
            }
            Ok(None) => {}
            Err(faults) => faults.iter().for_each(|fault| tell!("{fault}")),
        }
    }
    output::print(&breakdown(&opened))?;
    loop {
        let files = Backend::files(&workbench, Some(&opened));
        check(&files)?;
        tell!("watching {}; Ctrl-C ends", count(files.len(), "file"));
        watch.files(files);
        let saved = loop {
            match changed.recv_timeout(GLANCE) {
                Ok(files) => break files,
                Err(RecvTimeoutError::Timeout) if !stop.load(Ordering::Relaxed) => {}
                Err(_) => return Ok(ExitCode::SUCCESS),
            }
        };
        let names: Vec<String> = saved
            .iter()
            .map(|path| shown(&path.to_string_lossy()))
            .collect();
        let begun = Instant::now();
        let names = names.join(", ");
        let printed = Mutex::new(Ok(()));
        let print_answers = |news| match news {
            News::Answers(answers) => {
                let breakdown = breakdown(&answers.shown.opened);
                *locked(&printed) = output::print(&format!("\n{names} changed:\n{breakdown}"));
                tell!(
                    "in {:.2} s; the intervals follow",
                    begun.elapsed().as_secs_f64()
                );
            }
            News::Options(word) => tell!("{word}"),
            _ => {}
        };
        let again = workbench.again(&opened, &print_answers, stop);
        std::mem::replace(&mut *locked(&printed), Ok(()))?;
        match again {
            Ok(None) => tell!("{names}: as it was, nothing is scored again"),
            Ok(Some(again)) => {
                let now = again.shown.opened;
                again.assumed.iter().for_each(|assumed| tell!("{assumed}"));
                let comparison = run::compare(&opened.saved, &now.saved)?;
                let (before, after) = (&opened.saved.summary, &now.saved.summary);
                let line = report::compare::in_a_line(before, after, &comparison);
                output::print(&format!("\n{names} changed: {line}\n"))?;
                output::print(&explained(&opened, &now)?)?;
                output::print(&breakdown(&now))?;
                tell!("in {:.2} s", begun.elapsed().as_secs_f64());
                opened = now;
            }
            Err(faults) => faults.iter().for_each(|fault| tell!("{}", fault)),
        }
    }
}

/// Whether there is anything to wait for.
fn check(files: &[PathBuf]) -> anyhow::Result<()> {
    if files.is_empty() {
        bail!("nothing to watch: the taxonomy is the built-in one; --taxonomy FILE names yours");
    }
    Ok(())
}

/// What the taxonomy says otherwise than before, and whether that explains more than chance. Nothing where the taxonomy says the same,
/// or where one of the two lacks labels that the run has now.
fn explained(before: &Opened, now: &Opened) -> anyhow::Result<String> {
    let taxonomies = [("before", &before.taxonomy), ("now", &now.taxonomy)];
    let found = on_all_cores(|| run::explained(&now.saved, taxonomies))?;
    let told = found.ok().flatten();
    let told = told.map(|edit| report::taxonomies::render_edit(&edit) + "\n");
    Ok(told.unwrap_or_default())
}

fn breakdown(opened: &Opened) -> String {
    report::text::attribution(&opened.saved.summary, output::style())
}
