//! The side file of the data: labels that somebody found right too, beside those that the images are annotated with.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::TruthArgs;
use super::join::by_last_parts;
use crate::cli::output::tell;
use crate::cli::{builtin, count};
use crate::dataset::{LabelSet, LabelTable, Resolver, Spec, side_file};
use crate::names::Names;
use crate::score::RightToo;

/// The option that leaves them out, and what a run's manifest calls the file.
pub const OPTION: &str = "side-labels";

/// The side file of what is scored, which need not exist: it stands beside what labels the images, the table of labels or else the
/// images themselves. `None` where that is in no file, or the option says so.
pub fn of_data(args: &TruthArgs, images: Option<&Path>) -> Option<PathBuf> {
    let source = args.truth.as_deref().or(images)?;
    if args.no_side_labels || builtin::is_meant(source) {
        return None;
    }
    side_file(source)
}

/// What a side file says.
#[derive(Debug)]
pub struct SideLabels {
    pub path: PathBuf,
    table: LabelTable,
}

impl SideLabels {
    /// Reads the file, if it is there; labels at fault are left with `resolver`.
    ///
    /// # Errors
    /// It cannot be read or understood.
    pub fn read(path: PathBuf, resolver: &mut Resolver<'_>) -> anyhow::Result<Option<Self>> {
        if !path.is_file() {
            return Ok(None);
        }
        let table = LabelTable::read(&path, &Spec::truths(), resolver);
        let table = table.context("the side file, which --no-side-labels leaves out")?;
        Ok(Some(Self { path, table }))
    }

    /// The labels of these images, by their places. An image is found by its name; where the file names none of them so, by as many of the
    /// last parts of its path as tell the images apart.
    pub fn of_images(&self, images: &Names) -> RightToo {
        let labels = |row: usize| match &self.table.sets()[self.table.set_of(row) as usize] {
            LabelSet::Labels(labels) if !labels.is_empty() => Some(labels.clone()),
            _ => None,
        };
        let by_name = |(image, name)| Some((image, labels(self.table.find(name)?)?));
        let found: RightToo = images.iter().enumerate().filter_map(by_name).collect();
        if !found.is_empty() {
            return found;
        }
        let places = by_last_parts(&self.table.names, images);
        let places = places.into_iter().flat_map(|(_, places)| places);
        let by_part = |(row, image): (usize, Option<u32>)| Some((image? as usize, labels(row)?));
        places.enumerate().filter_map(by_part).collect()
    }

    /// Tells how much of it was added to what images are annotated with: labels of so many images.
    pub fn tell(&self, images: usize, labels: usize) {
        let rest = match self.table.len().saturating_sub(images) {
            0 => String::new(),
            rest => format!(
                "; {} of it of no image that is judged, or nothing new",
                count(rest, "row")
            ),
        };
        tell!(
            "{}: {} right too, of {}{rest} (--no-{OPTION} leaves them out)",
            self.path.display(),
            count(labels, "label"),
            count(images, "image")
        );
    }
}
