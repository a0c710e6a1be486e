//! Edits of the run's taxonomy, and of what else is said of its images, on the disk.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, bail};

use super::Workbench;
use crate::cli::{builtin, locked, places};
use crate::files::StagedFiles;
use crate::history::{Change, History, What};
use crate::run::Opened;
use crate::taxonomy::edit;
use crate::text::shown;
use crate::tui::backend::Plan;

/// What an edit would write; `None` where the taxonomy is built in.
///
/// # Errors
/// Why it cannot be made.
pub fn plan(bench: &Workbench, opened: &Opened, what: &What) -> anyhow::Result<Option<Plan>> {
    // The history is one of the taxonomy's file.
    let is_built_in = bench.taxonomy_file(Some(opened)).is_none();
    let (what, changes) = match what {
        What::AlsoRight { image, label } => {
            let known = opened.saved.images.iter().position(|name| name == image);
            let row = known.with_context(|| format!("the run has no image {}", shown(image)))?;
            let (what, change) = bench.right_too(opened, row, label)?;
            (what, vec![change])
        }
        What::Taxonomy(_) if is_built_in => return Ok(None),
        What::Taxonomy(edit) => {
            let edited = edit::apply(&opened.taxonomy, edit)?;
            let changes = edited.files.into_iter().map(Change::from);
            (what.clone(), changes.collect())
        }
    };
    Ok((!is_built_in).then_some(Plan { what, changes }))
}

pub fn make(bench: &Workbench, opened: &Opened, plan: &Plan) -> anyhow::Result<()> {
    history(bench, opened)?.make(plan.what.clone(), &plan.changes)?;
    Ok(())
}

pub fn undo(bench: &Workbench, opened: &Opened) -> anyhow::Result<What> {
    Ok(history(bench, opened)?.undo()?)
}

pub fn redo(bench: &Workbench, opened: &Opened) -> anyhow::Result<What> {
    Ok(history(bench, opened)?.redo()?)
}

/// The history of the edits of the run's taxonomy.
fn history(bench: &Workbench, opened: &Opened) -> anyhow::Result<History> {
    let file = bench.taxonomy_file(Some(opened));
    let file = file.context("the taxonomy is built in: nothing was edited")?;
    Ok(History::open(&places::history(&file)?)?)
}

/// Goes on with a file in the place of a taxonomy that is built in: the one that is there, else a copy that is written.
pub fn adopt(bench: &Workbench, opened: &Opened, path: &Path) -> anyhow::Result<()> {
    let told = path.display();
    let [(source, text)] = opened.taxonomy.sources() else {
        bail!("the taxonomy is in several files already");
    };
    if bench.taxonomy_file(Some(opened)).is_some() || source != Path::new(builtin::NAME) {
        bail!("the taxonomy is not the built-in one: --taxonomy FILE says where it is");
    }
    if builtin::is_meant(path) {
        bail!("`{told}` means the built-in taxonomy: choose another name");
    }
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => bail!("{told}: is there already, and no file: choose another name"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let staged = StagedFiles::new(&[path])?;
            fs::write(staged.path(0), text).with_context(|| told.to_string())?;
            staged.publish()?;
        }
        Err(error) => return Err(error).with_context(|| told.to_string()),
    }
    *locked(&bench.adopted) = Some(path.to_owned());
    Ok(())
}
