//! Edits of the run's taxonomy, and of what else is said of its images, on the disk.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, bail};

use super::again::faults;
use super::{Source, Workbench, side};
use crate::cli::edit::{edited, warned};
use crate::cli::{builtin, count, locked, places, read_taxonomy};
use crate::dataset;
use crate::files::StagedFiles;
use crate::history::{Change, History, What};
use crate::run::{self, Opened};
use crate::taxonomy::edit::{Edit, Edited};
use crate::text::shown;
use crate::tui::backend::Plan;

/// What an edit would write; `None` where the taxonomy is built in.
///
/// # Errors
/// Why it cannot be made.
pub fn plan(bench: &Workbench, opened: &Opened, what: &What) -> anyhow::Result<Option<Plan>> {
    // The history is one of the taxonomy's file.
    let is_built_in = bench.taxonomy_file(Some(opened)).is_none();
    let mut warnings = Vec::new();
    let (what, changes) = match what {
        What::AlsoRight { image, label } => {
            let known = opened.saved.images.iter().position(|name| name == image);
            let row = known.with_context(|| format!("the run has no image {}", shown(image)))?;
            let (what, change) = bench.right_too(opened, row, label)?;
            (what, vec![change])
        }
        What::Taxonomy(_) if is_built_in => return Ok(None),
        What::Taxonomy(edit) => {
            let edited = edited(&opened.taxonomy, edit)?;
            let side = side_file_after(bench, opened, edit, &edited)?;
            warnings = warned(&edited.warnings(&opened.taxonomy, edit));
            if matches!(bench.source, Source::Saved(_)) {
                warnings.extend(labels_gone(opened, &edited));
            }
            let mut changes = Change::of_sources(&opened.taxonomy, edited);
            changes.extend(side);
            (what.clone(), changes)
        }
    };
    Ok((!is_built_in).then_some(Plan {
        what,
        changes,
        warnings,
    }))
}

/// What a saved run could not be judged by any more: its labels are ids, which stay what they were.
fn labels_gone(opened: &Opened, edited: &Edited) -> Option<String> {
    let taxonomy = edited.taxonomy(&opened.taxonomy)?;
    let gone = run::gone(&opened.saved, &taxonomy);
    let gone = gone
        .iter()
        .filter(|gone| opened.taxonomy.find(&gone.label).is_some());
    let gone: Vec<String> = gone
        .map(|gone| {
            format!(
                "`{}` (annotated in {}, answered in {})",
                shown(&gone.label),
                count(gone.annotated, "image"),
                gone.answered
            )
        })
        .collect();
    let named = gone.first()?;
    let more = match gone.len() - 1 {
        0 => String::new(),
        more => format!(", and {}", count(more, "label more")),
    };
    Some(format!(
        "the saved run has {named}{more}: it cannot be judged by what this makes, and stays as it is shown until the edit is undone or it is scored anew"
    ))
}

/// What becomes of the side file by an edit, so that its labels name the same nodes; it is one of the files that the edit stands on.
///
/// # Errors
/// The file cannot be read, or names a node that would be gone.
fn side_file_after(
    bench: &Workbench,
    opened: &Opened,
    edit: &Edit,
    edited: &Edited,
) -> anyhow::Result<Option<Change>> {
    let Some(path) = bench.side_file(Some(opened)) else {
        return Ok(None);
    };
    let Some(before) = side::text_of(&path)? else {
        return Ok(None);
    };
    let taxonomy = edited.taxonomy(&opened.taxonomy);
    let taxonomy = taxonomy.context("nothing can be read of what the edit makes")?;
    let after = dataset::followed(&path, &before, edit, &opened.taxonomy, &taxonomy)?;
    Ok(Some(Change {
        path,
        before: Some(before),
        after: Some(after),
    }))
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
        Ok(found) if found.is_file() => {
            if let Some(fault) = faults(&read_taxonomy(path)).into_iter().next() {
                bail!("{fault}; choose another file, or mend it first");
            }
        }
        Ok(_) => bail!("{told}: is there already, and no file: choose another name"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A slip in the path should not become a folder.
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                bail!(
                    "{}: no such folder: make it first, or choose another",
                    folder.display()
                );
            }
            let staged = StagedFiles::new(&[path])?;
            fs::write(staged.path(0), text).with_context(|| told.to_string())?;
            staged.publish()?;
        }
        Err(error) => return Err(error).with_context(|| told.to_string()),
    }
    *locked(&bench.adopted) = Some(path.to_owned());
    Ok(())
}
