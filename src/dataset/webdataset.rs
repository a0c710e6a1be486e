//! WebDataset: tar archives whose consecutive members of one name and different extensions are a sample.
//!
//! Only the headers are read, and the short members that hold labels: an image is a place in its archive until it is asked for.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tar::Archive;

use super::class_names::ClassNames;
use super::items::{Items, Labels, Origin};
use super::shards::Shard;
use super::{Dataset, DatasetError, is_image, table};
use crate::text::shown;

/// Bytes of a member with labels, at most: captions and metadata are some kilobytes.
const LONGEST_LABEL: u64 = 1 << 24;

/// Bytes of a tar's blocks: a header is one, and a member begins at one.
const BLOCK: u64 = 512;

/// Whether the file is an archive by its name.
pub(super) fn is_shard(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("tar"))
}

/// Whether the file is an archive by its name, but compressed as a whole: then no image can be read without all before it.
pub(super) fn is_compressed(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let endings = ["gz", "bz2", "xz", "zst"].map(|codec| format!(".tar.{codec}"));
    endings.iter().any(|ending| name.ends_with(ending)) || name.ends_with(".tgz")
}

/// Adds the images of archives, in the order of these and of their members.
///
/// The labels are those of the member `.cls`; else the fields `label` and `labels` of `.json`; else the text of `.txt`. Where no sample of the
/// whole data set has any of these, the label is the first directory, as in a folder.
///
/// # Errors
/// What is no tar, or has no image; labels that cannot be understood.
pub(super) fn read(shards: &[Shard], dataset: &mut Dataset) -> Result<(), DatasetError> {
    let first = dataset.items.len();
    let mut tally = Tally::default();
    let mut names: Option<(&Path, Option<ClassNames>)> = None;
    for Shard { path, prefix } in shards {
        let folder = path.parent().unwrap_or(Path::new(""));
        if names.as_ref().is_none_or(|(of, _)| *of != folder) {
            names = Some((folder, ClassNames::beside(path)?));
        }
        let class_names = names.as_ref().and_then(|(_, names)| names.as_ref());
        dataset.manifests.push((dataset.items.len(), path.clone()));
        let origin = Origin::Archive(Arc::from(path.as_path()), Vec::new());
        dataset.items.begin(prefix, origin);
        let mut index = Index {
            items: &mut dataset.items,
            prefix,
            names: class_names,
            tally: &mut tally,
        };
        let note = index.read(path)?;
        dataset.notes.extend(note);
    }
    if dataset.items.len() == first {
        let without = tally.without_image;
        return Err(DatasetError::File {
            path: dataset.source.clone(),
            what: format!(
                "no images in {} archive{} ({without} sample{} without one); an image is a member such as 0001.jpg, and 0001.cls its class",
                shards.len(),
                if shards.len() == 1 { "" } else { "s" },
                if without == 1 { "" } else { "s" },
            ),
        });
    }
    if !tally.has_labels {
        label_by_directory(first, dataset);
    }
    tally.note(dataset);
    Ok(())
}

/// Labels images that have none by the first directory of their own names.
fn label_by_directory(first: usize, dataset: &mut Dataset) {
    for i in first..dataset.items.len() {
        let name = dataset.item(i).own_name();
        if let Some((directory, _)) = name.split_once('/') {
            let labels = Labels::named(vec![directory.to_owned()]);
            dataset.items.set_labels(i, &labels);
        }
    }
}

/// What was found in all archives.
#[derive(Default)]
struct Tally {
    has_labels: bool,
    /// Samples that are passed over.
    without_image: usize,
    /// Samples of which one image is read, and the name of the first image that is not.
    of_several: usize,
    first_left_out: Option<String>,
    /// Where the names of numbers were from, if any was used.
    names_of: Option<String>,
}

impl Tally {
    fn note(self, dataset: &mut Dataset) {
        let source = dataset.source.display();
        let mut notes = Vec::new();
        if let Some(names) = self.names_of {
            notes.push(format!(
                "{source}: its classes are numbers, which {names} names"
            ));
        }
        if self.without_image > 0 {
            notes.push(format!(
                "{source}: passed over {} sample{} without an image",
                self.without_image,
                if self.without_image == 1 { "" } else { "s" }
            ));
        }
        if let Some(first) = self.first_left_out {
            notes.push(format!(
                "{source}: {} sample{} several images, of which one is read (left out, the first: {first})",
                self.of_several,
                if self.of_several == 1 { " has" } else { "s have" }
            ));
        }
        if (0..dataset.len()).all(|i| dataset.item(i).labels().is_empty()) {
            notes.push(format!(
                "{source}: no .cls, no .txt and no .json with `label`, so its images are unlabelled"
            ));
        }
        dataset.notes.extend(notes);
    }
}

/// What the images of an archive are added to.
struct Index<'a> {
    items: &'a mut Items,
    /// What goes before the names of the members.
    prefix: &'a str,
    names: Option<&'a ClassNames>,
    tally: &'a mut Tally,
}

/// The members of a sample so far.
#[derive(Default)]
struct Sample {
    key: String,
    image: Option<(String, (u64, u64))>,
    cls: Option<Vec<String>>,
    json: Option<Vec<String>>,
    txt: Option<Vec<String>>,
}

impl Index<'_> {
    /// Reads the headers of an archive, and says what should be known of it.
    fn read(&mut self, path: &Path) -> Result<Option<String>, DatasetError> {
        let failed = |source| DatasetError::Read {
            path: path.to_owned(),
            source,
        };
        let fault = |what: String| DatasetError::File {
            path: path.to_owned(),
            what,
        };
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut archive = Archive::new(file);
        let first = self.items.len();
        let (mut sample, mut members, mut end) = (Sample::default(), 0_usize, 0);
        let mut cut = None;
        for member in archive.entries_with_seek().map_err(failed)? {
            let mut member = match member {
                Ok(member) => member,
                // What is cut off or overwritten has no next header; nothing behind it can be found.
                Err(error) => {
                    // The message has bytes of the file.
                    cut = Some(shown(&error.to_string()));
                    break;
                }
            };
            members += 1;
            let place = (member.raw_file_position(), member.size());
            end = place.0.saturating_add(place.1.next_multiple_of(BLOCK));
            let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
            let is_whole = place.0.saturating_add(place.1) <= length;
            if member.header().entry_type().is_file() {
                let name = name.strip_prefix("./").unwrap_or(&name);
                if let Some((key, extension)) = split(name) {
                    if key != sample.key {
                        self.finish(std::mem::take(&mut sample)).map_err(fault)?;
                        sample.key = key.to_owned();
                    }
                    let add = sample.add(name, extension, place, &mut member, is_whole, self.tally);
                    add.map_err(|what| fault(format!("{}: {what}", shown(name))))?;
                }
            }
            if !is_whole {
                cut = Some(format!("in the middle of {}", shown(name.as_str())));
                end = length;
                break;
            }
        }
        self.finish(sample).map_err(fault)?;
        let images = self.items.len() - first;
        match cut {
            Some(why) if members == 0 => Err(fault(format!("no tar archive ({why})"))),
            Some(why) => Ok(Some(format!(
                "{}: damaged or cut off at byte {end} ({why}); it is read up to there, {images} image{}",
                path.display(),
                if images == 1 { "" } else { "s" }
            ))),
            None if members > 0 && end >= length => Ok(Some(format!(
                "{}: ends without the mark of a tar's end, so it may be cut off",
                path.display()
            ))),
            None => Ok(None),
        }
    }

    /// Adds what a sample has come to.
    fn finish(&mut self, sample: Sample) -> Result<(), String> {
        if sample.key.is_empty() {
            return Ok(());
        }
        let Some((name, place)) = sample.image else {
            self.tally.without_image += 1;
            return Ok(());
        };
        let labels = sample.cls.or(sample.json).or(sample.txt);
        self.tally.has_labels |= labels.is_some();
        let mut found = Labels::default();
        let added = found.add(labels.unwrap_or_default(), self.names);
        added.map_err(|what| format!("{}: {what}", shown(&name)))?;
        if let (Some(_), Some(names)) = (&found.numbers, self.names) {
            let source = || names.source().to_owned();
            self.tally.names_of.get_or_insert_with(source);
        }
        let name = format!("{}{name}", self.prefix);
        self.items.push_member(&name, &found, place);
        Ok(())
    }
}

impl Sample {
    /// Adds a member, whose content is read only if it is a label's.
    fn add(
        &mut self,
        name: &str,
        extension: &str,
        place: (u64, u64),
        content: &mut impl Read,
        is_whole: bool,
        tally: &mut Tally,
    ) -> Result<(), String> {
        if is_image(Path::new(name)) {
            // `1.jpg` comes before `1.mask.png`, and of two that are alike the first.
            let is_better = self.image.as_ref().is_none_or(|(other, _)| {
                let is_plain = |name: &str| split(name).is_some_and(|(_, e)| !e.contains('.'));
                is_plain(name) && !is_plain(other)
            });
            let left_out = match is_better {
                true => self
                    .image
                    .replace((name.to_owned(), place))
                    .map(|(other, _)| other),
                false => Some(name.to_owned()),
            };
            if let Some(left_out) = left_out {
                tally.of_several += 1;
                tally.first_left_out.get_or_insert(left_out);
            }
            return Ok(());
        }
        let is_label = ["cls", "json", "txt"].contains(&extension);
        // The class is known: what else is said of the image is not asked for.
        if !is_label || !is_whole || self.cls.is_some() {
            return Ok(());
        }
        if place.1 > LONGEST_LABEL {
            return Err(format!("{} bytes, which are too many for labels", place.1));
        }
        let mut bytes = Vec::new();
        content
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8(bytes)
            .map_err(|_| "not UTF-8, so it cannot be read as labels".to_owned())?;
        let mut labels = Vec::new();
        match extension {
            "json" => {
                let value: Value =
                    serde_json::from_str(&text).map_err(|error| format!("not JSON: {error}"))?;
                self.json = labels_of_json(&value)?;
            }
            "cls" => {
                table::labels_of_cell(&text, &mut labels)?;
                self.cls = Some(labels);
            }
            _ => {
                table::labels_of_cell(&text, &mut labels)?;
                self.txt = Some(labels);
            }
        }
        Ok(())
    }
}

/// The labels of an object; `None` if it has no field for them.
fn labels_of_json(value: &Value) -> Result<Option<Vec<String>>, String> {
    let mut found = None;
    for wanted in ["label", "labels"] {
        let fields = value.as_object().into_iter().flatten();
        for (key, value) in fields.filter(|(key, _)| key.eq_ignore_ascii_case(wanted)) {
            let labels = found.get_or_insert_with(Vec::new);
            table::labels_of_json(value, labels).map_err(|what| format!("`{key}`: {what}"))?;
        }
    }
    Ok(found)
}

/// The name that a sample's members have in common, and the extension: a file's name ends at its first dot. `None` of a file that belongs to
/// no sample: one without extension, a hidden one, or WebDataset's own metadata.
fn split(name: &str) -> Option<(&str, &str)> {
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = file + name[file..].find('.')?;
    let is_meta = name.starts_with("__") && name.split('/').next()?.ends_with("__");
    (dot > file && !is_meta).then(|| (&name[..dot], &name[dot + 1..]))
}
