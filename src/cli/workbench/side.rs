//! The side file of what is shown: an answer that was right too is written into it, and a saved run is judged again with it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use super::options::Options;
use super::{Source, Workbench};
use crate::cli::builtin;
use crate::cli::output::tell;
use crate::cli::score::{SIDE_LABELS, SideLabels, by_last_parts, file_hash};
use crate::dataset::{self, LabelTable, OnUnknownLabel, Resolver, Spec};
use crate::history::{Change, What};
use crate::names::Names;
use crate::run::{Manifest, Opened};
use crate::score::RightToo;
use crate::taxonomy::Taxonomy;

/// Why there is no place for a label that is right too.
const NO_PLACE: &str = "the labels of the run are in no file, or it is not where it was, or another by now, or --no-side-labels leaves its side file out: nothing can be added";

impl Workbench {
    /// Why nothing can be added to the labels of a run; `None` if it can. Of a saved run it is looked for once: its labels are hashed for that.
    pub(super) fn fixed_labels(&self, opened: &Opened) -> Option<String> {
        let why = || self.side_file(Some(opened)).is_none().then_some(NO_PLACE);
        let why = match self.source {
            Source::Saved(_) => *self.fixed_labels.get_or_init(why),
            Source::Scored => why(),
            Source::Demo(_) => {
                Some("the demo's labels are drawn with its pictures: nothing can be added")
            }
        };
        why.map(str::to_owned)
    }

    /// The side file, which need not exist; `None` where it takes no part, or a saved run's data is not where the run says. It stands beside
    /// its source: where that is gone or another, what bears its name is of other data.
    pub(super) fn side_file(&self, opened: Option<&Opened>) -> Option<PathBuf> {
        self.side_file_by(&self.options_of(opened), opened)
    }

    /// The same by these options.
    fn side_file_by(&self, options: &Options, opened: Option<&Opened>) -> Option<PathBuf> {
        let manifest = match &self.source {
            Source::Scored => return options.what.side_file(),
            Source::Saved(_) if !options.what.has_no_side_labels() => &opened?.saved.manifest,
            Source::Saved(_) | Source::Demo(_) => return None,
        };
        let recorded = |pointer: &str| manifest.pointer(pointer)?.as_str().map(PathBuf::from);
        if let Some(truth) = recorded("/truth/truth/source") {
            let then = manifest.pointer("/truth/truth/sha256");
            let is_it = match then.and_then(Value::as_str) {
                Some(then) => file_hash(&truth).is_ok_and(|now| now.sha256 == then),
                None => truth.is_file(),
            };
            return is_it.then(|| dataset::side_file(&truth))?;
        }
        // What names and labels of images are hashed to is told by no file of theirs.
        let images = self.images.clone();
        let source = images.or_else(|| recorded("/images/source"))?;
        let is_there = !builtin::is_meant(&source) && source.exists();
        is_there.then(|| dataset::side_file(&source))?
    }

    /// Tells of a saved run that its side file is another than it was judged with, so that it is not taken for what the next edit did.
    pub(super) fn tell_of_side_file(&self, opened: &Opened) {
        let Some(path) = self.side_file(Some(opened)) else {
            return;
        };
        if !self.has_side_labels_of(opened) {
            tell!(
                "{} has changed since the run was saved: ctrl-r takes it up",
                path.display()
            );
        }
    }

    /// Whether a saved run was judged with the side file as it is now. What is scored here is held against what it was made of.
    pub(super) fn has_side_labels_of(&self, opened: &Opened) -> bool {
        let recorded = format!("/truth/{SIDE_LABELS}/sha256");
        let recorded = opened.saved.manifest.pointer(&recorded);
        match (&self.source, self.side_file(Some(opened))) {
            (Source::Saved(_), Some(path)) => {
                let now = file_hash(&path).ok().map(|now| now.sha256);
                now.as_deref() == recorded.and_then(Value::as_str)
            }
            _ => true,
        }
    }

    /// What the side file of a saved run says of its images now. `None` where that stays as it was.
    ///
    /// # Errors
    /// The file cannot be read, or a label of it names no node.
    pub(super) fn side_labels(
        &self,
        options: &Options,
        opened: &Opened,
        taxonomy: &Taxonomy,
    ) -> anyhow::Result<Option<NowRight>> {
        let Some(path) = self.side_file_by(options, Some(opened)) else {
            return Ok(None);
        };
        let mut resolver = Resolver::new(taxonomy, None);
        let file = SideLabels::read(path, &mut resolver)?;
        let skips = opened.saved.manifest.pointer("/options/on-unknown-label");
        let on_unknown = match skips.and_then(Value::as_str) {
            Some("skip") => OnUnknownLabel::Skip,
            _ => OnUnknownLabel::Error,
        };
        resolver.finish(on_unknown)?;
        let labels = file
            .as_ref()
            .map(|file| file.of_images(&opened.saved.images));
        Ok(Some(NowRight {
            file,
            labels: labels.unwrap_or_default(),
        }))
    }

    /// The edit by which a label is right too of an image of the run: one more label in the side file, which is made if there is none.
    ///
    /// # Errors
    /// There is no place for a side file, it cannot be understood, or the label is right by it already.
    pub fn right_too(
        &self,
        opened: &Opened,
        image: usize,
        label: &str,
    ) -> anyhow::Result<(What, Change)> {
        let images = &opened.saved.images;
        if image >= images.len() {
            bail!("the run has {} images", images.len());
        }
        let path = self.side_file(Some(opened)).context(NO_PLACE)?;
        let image = self.name_in_data(opened, image);
        let before = text_of(&path)?;
        let after = dataset::with_label(&path, before.as_deref(), &image, label)?;
        let label = label.to_owned();
        let change = Change {
            path,
            before,
            after: Some(after),
        };
        Ok((What::AlsoRight { image, label }, change))
    }

    /// What the data calls an image: the table of labels may name it by another path than the answers do.
    fn name_in_data(&self, opened: &Opened, image: usize) -> String {
        let images = &opened.saved.images;
        let own = images.get(image);
        let recorded = opened.saved.manifest.pointer("/truth/truth/source");
        let Some(source) = recorded.and_then(Value::as_str) else {
            return own.to_owned();
        };
        // Where the table cannot be read any more, the answers' own names are found as well.
        let mut resolver = Resolver::new(&opened.taxonomy, None);
        let table = LabelTable::read(Path::new(source), &Spec::truths(), &mut resolver);
        let names: Names = match table {
            Ok(table) => table.names,
            Err(_) => return own.to_owned(),
        };
        let known: HashSet<&str> = names.iter().collect();
        if images.iter().any(|name| known.contains(name)) {
            return own.to_owned();
        }
        let places = by_last_parts(images, &names).map(|(_, places)| places);
        let place = places.and_then(|places| places[image]);
        place
            .map_or(own, |place| names.get(place as usize))
            .to_owned()
    }
}

/// What a side file holds, byte for byte; `None` if there is none.
///
/// # Errors
/// It cannot be read, or is no UTF-8.
pub(super) fn text_of(path: &Path) -> anyhow::Result<Option<String>> {
    let told = || path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| anyhow!("{}: is no UTF-8; save it so first", told())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(told),
    }
}

/// What a side file says of the images of a run.
pub struct NowRight {
    /// `None` if it is not there.
    file: Option<SideLabels>,
    pub labels: RightToo,
}

impl NowRight {
    /// Puts the file into the manifest of a run that was judged with it, and tells what it came to.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub fn record(&self, manifest: &mut Manifest) -> anyhow::Result<()> {
        manifest.truth.remove(SIDE_LABELS);
        if let Some(file) = &self.file {
            let hash = file_hash(&file.path)?;
            manifest.truth.insert(SIDE_LABELS.to_owned(), hash);
            let added = &manifest.right_too;
            file.tell(added.len(), added.values().map(Vec::len).sum());
        }
        Ok(())
    }
}
