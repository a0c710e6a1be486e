//! Folders and manifests → images with labels; what others predicted, scored, embedded or found right of images.
//!
//! Nothing is decoded here and no image is read but when it is asked for ([`Picture::read`]): a data set is a list of where images
//! are, with the labels as their author wrote them. What a label stands for is asked of the taxonomy in [`resolve_labels`].
//!
//! Kinds of source, told apart by [`open`]:
//! - a folder with a directory per label (`DIR/square/1.jpg`; deeper directories belong to the first);
//! - a CSV, TSV, JSON Lines or Parquet manifest, whose paths are relative to it;
//! - a folder that holds Hugging Face's `metadata.csv`, `.jsonl` or `.parquet`, which then speaks for it;
//! - COCO's annotations, and iNaturalist's (`.json` with `images`, `annotations` and `categories`);
//! - a Parquet table that holds the images themselves, or several in a folder, as Hugging Face's data sets are;
//! - WebDataset shards: a `.tar`, several in a folder, or a pattern such as `{0000..0012}.tar`.

mod annotated;
pub mod arrays;
mod class_names;
mod coco;
mod folder;
mod items;
mod label_index;
mod labels;
mod picture;
mod picture_tables;
mod shards;
mod side;
mod table;
#[cfg(test)]
mod tests;
mod webdataset;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::text::TextError;
use items::{Items, Labels, Origin};
use shards::Shard;

pub use annotated::{LabelTable, read_also_right, read_predictions};
pub use coco::{Imported, read_categories};
pub use items::Item;
pub use label_index::{LabelIndex, LabelIndexError};
pub use labels::{
    LabelError, LabelFault, LabelSet, OnUnknownLabel, Reason, Resolver, resolve_labels,
};
pub use picture::Picture;
pub use side::{SideError, followed, side_file, with_label};
pub use table::{Role, Spec};

/// File name extensions that are taken for images, in lower case.
pub const IMAGE_EXTENSIONS: [&str; 9] = [
    "jpg", "jpeg", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff",
];

/// The images of a folder, a manifest or archives, in a fixed order: a folder's by the bytes of their names, others as they are listed.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// What was opened.
    pub source: PathBuf,
    items: Items,
    /// What the user should know and need not stop for, one sentence each.
    pub notes: Vec<String>,
    /// (index of its first item, file that lists them), in order; empty for a folder without metadata.
    manifests: Vec<(usize, PathBuf)>,
}

/// An image file that the program made.
#[derive(Debug, Clone)]
pub struct Made {
    pub name: String,
    /// The primary label first; empty: unlabelled.
    pub labels: Vec<String>,
    pub content: Arc<[u8]>,
}

impl Dataset {
    fn new(source: &Path) -> Self {
        Self {
            source: source.to_owned(),
            items: Items::default(),
            notes: Vec::new(),
            manifests: Vec::new(),
        }
    }

    /// A data set of images in memory. `source` is what messages name.
    pub fn of_made(source: &Path, images: Vec<Made>) -> Self {
        let mut dataset = Self::new(source);
        dataset.manifests.push((0, source.to_owned()));
        let contents = images.iter().map(|image| Arc::clone(&image.content));
        dataset.items.begin("", Origin::Made(contents.collect()));
        for Made { name, labels, .. } in images {
            dataset.items.push(&name, &Labels::named(labels), None);
        }
        dataset
    }

    /// Number of images; a data set that was opened has one at least.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The image at this place.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn item(&self, i: usize) -> Item<'_> {
        self.items.get(i)
    }

    /// All images in order.
    pub fn items(&self) -> impl ExactSizeIterator<Item = Item<'_>> + Clone {
        (0..self.len()).map(|i| self.item(i))
    }

    /// The files that list its images: the manifest, the metadata in its folders, or archives with their images.
    pub fn manifests(&self) -> impl Iterator<Item = &Path> {
        self.manifests.iter().map(|(_, path)| path.as_path())
    }

    /// Where item `i` got its labels: `manifest:line`, or its directory.
    pub fn place(&self, i: usize) -> String {
        let item = self.item(i);
        let manifest = self.manifests.iter().rev().find(|(first, _)| *first <= i);
        match (item.line(), manifest) {
            (Some(line), Some((_, path))) => format!("{}:{line}", path.display()),
            (None, Some((_, path))) => format!("{} ({})", path.display(), item.own_name()),
            (_, None) => match item.picture().path() {
                Some(path) => path.parent().unwrap_or(path).display().to_string(),
                None => item.name().to_owned(),
            },
        }
    }
}

/// Why a data set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("{}: {source}; give a folder of images, a manifest (.csv, .tsv, .jsonl, .parquet) or WebDataset shards (.tar)", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{}: neither a folder nor a manifest nor a shard; a manifest ends in .csv, .tsv, .jsonl, .ndjson, .json or .parquet, a shard in .tar",
        path.display()
    )]
    UnknownKind { path: PathBuf },
    #[error("{}: unknown kind of table; its name ends in .csv, .tsv, .jsonl, .ndjson, .json or .parquet", path.display())]
    UnknownTable { path: PathBuf },
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(
        "{}: no images are listed ({what}); expected rows with a column `image` and a column `label`",
        path.display()
    )]
    Empty { path: PathBuf, what: &'static str },
    #[error(
        "{}: no images in this folder ({ignored} other file{}); looked for {}, also in its directories{hint}",
        path.display(),
        if *ignored == 1 { "" } else { "s" },
        IMAGE_EXTENSIONS.map(|e| format!(".{e}")).join(" ")
    )]
    NoImages {
        path: PathBuf,
        ignored: usize,
        /// What may be meant instead, `; …`, or empty.
        hint: String,
    },
    #[error(
        "{}: no column `image`, `file_name` or `path`; the columns are: {}{hint}",
        path.display(),
        table::list(found)
    )]
    NoImageColumn {
        path: PathBuf,
        found: Vec<String>,
        /// What is probably wrong, `; …`, or empty.
        hint: String,
    },
    #[error("{}:{line}: {what}", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        what: String,
    },
    #[error("{}: {what}", path.display())]
    File { path: PathBuf, what: String },
    #[error(
        "{}: holds {}; keep one, or give one of them as the manifest",
        path.display(),
        found.join(" and ")
    )]
    SeveralMetadata { path: PathBuf, found: Vec<String> },
}

/// The metadata of Hugging Face that a folder itself has.
pub fn metadata_of(folder: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    let files = table::METADATA.iter().map(|name| folder.join(name));
    files.filter(|path| path.is_file())
}

/// Whether there is something to open: a folder, a file, or all files that a pattern stands for.
pub fn is_there(path: &Path) -> bool {
    path.exists() || matches!(shards::of_pattern(path), Ok(Some(_)))
}

/// Reads the list of images of a data set.
///
/// A single image file is a data set of one unlabelled image.
///
/// # Errors
/// When the source cannot be read, is empty, or is not understood; each error names the file, the line
/// where there is one, and what to do. Images that do not exist, or are cut off, are not noticed here.
pub fn open(path: &Path) -> Result<Dataset, DatasetError> {
    let mut dataset = Dataset::new(path);
    if let Some(shards) = shards::of_pattern(path)? {
        read_shards(&shards, &mut dataset)?;
        dataset.note_duplicates();
        return Ok(dataset);
    }
    let metadata = std::fs::metadata(path).map_err(|source| DatasetError::Read {
        path: path.to_owned(),
        source,
    })?;
    if metadata.is_dir() {
        folder::read(path, &mut dataset)?;
    } else if picture_tables::is_one(path) {
        picture_tables::read(&[Shard::alone(path)], &mut dataset)?;
    } else if let Some(kind) = table::Kind::of(path) {
        if !(coco::may_be(path) && coco::read(path, &mut dataset)?) {
            dataset.add_manifest(path, kind, "", false)?;
        }
    } else if is_image(path) {
        dataset.items.begin("", Origin::File(path.to_owned()));
        let name = path.display().to_string();
        dataset.items.push(&name, &Labels::default(), None);
    } else if webdataset::is_shard(path) {
        webdataset::read(&[Shard::alone(path)], &mut dataset)?;
    } else if webdataset::is_compressed(path) {
        return Err(DatasetError::File {
            path: path.to_owned(),
            what: "compressed as a whole, so that no image can be read without all before it; decompress it first (images get hardly smaller by it)".to_owned(),
        });
    } else {
        return Err(DatasetError::UnknownKind {
            path: path.to_owned(),
        });
    }
    dataset.note_duplicates();
    Ok(dataset)
}

/// Reads the files that a pattern stands for.
fn read_shards(shards: &[Shard], dataset: &mut Dataset) -> Result<(), DatasetError> {
    if shards.iter().all(|shard| webdataset::is_shard(&shard.path)) {
        return webdataset::read(shards, dataset);
    }
    match shards.iter().find(|shard| !picture_tables::is_one(&shard.path)) {
        None => picture_tables::read(shards, dataset),
        Some(other) => Err(DatasetError::File {
            path: other.path.clone(),
            what: "a pattern stands for shards, all .tar or all Parquet tables that hold images; this is another file".to_owned(),
        }),
    }
}

impl Dataset {
    /// Appends the rows of a manifest; `prefix` goes before their names and ends in `/` unless empty.
    fn add_manifest(
        &mut self,
        path: &Path,
        kind: table::Kind,
        prefix: &str,
        hugging_face: bool,
    ) -> Result<(), DatasetError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        self.manifests.push((self.items.len(), path.to_owned()));
        let items = &mut self.items;
        items.begin(prefix, Origin::Listed(folder.to_owned()));
        let (mut name, mut labels) = (prefix.to_owned(), Labels::default());
        let seen = table::read(
            path,
            kind,
            &table::Spec::manifest(hugging_face),
            &mut |row| {
                name.truncate(prefix.len());
                name.push_str(&row.image);
                labels.numbers = row.named.is_some().then(|| row.labels.clone());
                labels
                    .names
                    .clone_from(row.named.as_ref().unwrap_or(&row.labels));
                items.push(&name, &labels, row.line);
                Ok(())
            },
        )?;
        if !seen.labelled {
            self.note_unlabelled(path, &seen.columns);
        }
        Ok(())
    }

    /// Tells that a table with these columns labels nothing.
    fn note_unlabelled(&mut self, table: &Path, columns: &[String]) {
        self.notes.push(format!(
            "{}: no column `label` or `labels` (the columns are: {}), so its images are unlabelled",
            table.display(),
            table::list(columns)
        ));
    }

    /// A path that is listed twice is kept twice, since a row is what its author counts; but it is told.
    fn note_duplicates(&mut self) {
        if let Some((first, count)) = self.items.repeated() {
            let note = format!(
                "{}: {count} row{} an image that was listed before (the first: {}, {}); every row counts",
                self.source.display(),
                if count == 1 { " repeats" } else { "s repeat" },
                self.item(first).name(),
                self.place(first),
            );
            self.notes.push(note);
        }
    }
}

/// Where the file of the image of this name is, without reading the data set: in the folder, or as seen from the manifest. `None` of what
/// is in archives and tables. There is no such file of names that are no UTF-8, and where annotations find their images elsewhere.
pub fn path_of(source: &Path, name: &str) -> Option<PathBuf> {
    if source.is_dir() {
        return Some(locate(source, name));
    }
    if is_image(source) && source.display().to_string() == name {
        return Some(source.to_owned());
    }
    let has_files = source.is_file() && !webdataset::is_shard(source);
    let has_files = has_files && !picture_tables::is_one(source);
    has_files.then(|| locate(source.parent().unwrap_or(Path::new("")), name))
}

/// The file of an image as a manifest in `folder` names it.
///
/// Programs on Windows write `cat\1.jpg`. Elsewhere a backslash may stand in a file's name, so it separates
/// folders only where no file has the name as it is written.
fn locate(folder: &Path, image: &str) -> PathBuf {
    let path = folder.join(image);
    if cfg!(not(windows)) && image.contains('\\') && std::fs::symlink_metadata(&path).is_err() {
        return folder.join(image.replace('\\', "/"));
    }
    path
}

/// Whether the extension is that of an image.
fn is_image(path: &Path) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| {
        IMAGE_EXTENSIONS
            .iter()
            .any(|known| e.eq_ignore_ascii_case(known))
    })
}
