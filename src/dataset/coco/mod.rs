//! Annotations as COCO writes them, and after it iNaturalist's competitions and camera traps: one JSON object of `images`,
//! `annotations` and `categories`.
//!
//! The labels of an image are the names of its annotations' categories, each once: all are right, and the one of the largest area is the
//! primary one. A crowd (`iscrowd`) says that its category is there, but not how large one of it is, so it comes after those that do.

mod categories;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::items::{Labels, Origin};
use super::{Dataset, DatasetError};
use crate::text::shown;
use categories::Category;
pub use categories::{Imported, read_categories};

/// Images whose files are looked for, to find the folder that they are in.
const LOOKED_FOR: usize = 8;

/// What some programs write at the start of a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A number or a text that stands for an image or a category.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Text(String),
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(&shown(text)),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Image {
    id: Id,
    file_name: String,
}

#[derive(Debug, Deserialize)]
struct Annotation {
    image_id: Id,
    category_id: Id,
    #[serde(default)]
    area: Option<f64>,
    /// x, y, width, height.
    #[serde(default)]
    bbox: Option<Vec<f64>>,
    #[serde(default)]
    iscrowd: Option<Flag>,
}

/// COCO writes 0 and 1; others false and true.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Flag {
    Number(i64),
    Bool(bool),
}

impl Annotation {
    fn is_crowd(&self) -> bool {
        matches!(self.iscrowd, Some(Flag::Bool(true)))
            || matches!(self.iscrowd, Some(Flag::Number(n)) if n != 0)
    }

    /// In pixels; 0 if it is not said, or if it is that of a crowd.
    fn size(&self) -> f64 {
        let of_box = || match self.bbox.as_deref() {
            Some(&[_, _, width, height]) => width * height,
            _ => 0.0,
        };
        let size = self.area.unwrap_or_else(of_box);
        if self.is_crowd() || !size.is_finite() {
            0.0
        } else {
            size
        }
    }
}

/// The parts that are read; what else an object has is passed over.
#[derive(Debug, Default, Deserialize)]
struct Document {
    images: Option<Vec<Image>>,
    annotations: Option<Vec<Annotation>>,
    categories: Option<Vec<Category>>,
}

/// Whether the file may hold annotations by its name.
pub(super) fn may_be(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// Reads the document of a file; `None` if it is another kind of JSON.
///
/// # Errors
/// A file that cannot be read; one of this kind with a fault.
fn document(path: &Path) -> Result<Option<Document>, DatasetError> {
    let failed = |source| DatasetError::Read {
        path: path.to_owned(),
        source,
    };
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
    let start = reader.fill_buf().map_err(failed)?;
    let mark = if start.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len()
    } else {
        0
    };
    // A list is a manifest. So is an object with other fields, which is read no further than its end.
    if start[mark..].trim_ascii_start().first() != Some(&b'{') {
        return Ok(None);
    }
    reader.consume(mark);
    let mut json = serde_json::Deserializer::from_reader(reader);
    match Document::deserialize(&mut json) {
        Ok(found) if found.images.is_none() && found.categories.is_none() => Ok(None),
        Ok(found) => match json.end() {
            Ok(()) => Ok(Some(found)),
            Err(error) => Err(fault(path, &error)),
        },
        Err(error) => match is_meant(path) {
            true => Err(fault(path, &error)),
            false => Ok(None),
        },
    }
}

fn fault(path: &Path, error: &serde_json::Error) -> DatasetError {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    DatasetError::Line {
        path: path.to_owned(),
        line: error.line(),
        what: format!(
            "{what} (column {}), in annotations as COCO writes them",
            error.column()
        ),
    }
}

/// Whether a file that could not be read so seems to be one nevertheless: its first lines have the names of two of the parts.
fn is_meant(path: &Path) -> bool {
    let Ok(text) = std::fs::read(path) else {
        return false;
    };
    let has = |part: &str| memchr::memmem::find(&text, format!("\"{part}\"").as_bytes()).is_some();
    has("images") && (has("annotations") || has("categories"))
}

/// Adds the images of a file with annotations; `false` if it is another kind of JSON.
///
/// # Errors
/// A file that cannot be read, or with a fault.
pub(super) fn read(path: &Path, dataset: &mut Dataset) -> Result<bool, DatasetError> {
    let Some(found) = document(path)? else {
        return Ok(false);
    };
    let fault = |what: String| DatasetError::File {
        path: path.to_owned(),
        what,
    };
    let images = found.images.unwrap_or_default();
    if images.is_empty() {
        return Err(fault(
            "its list `images` is empty; `cladist import` makes a taxonomy of its categories"
                .to_owned(),
        ));
    }
    let categories = found.categories.unwrap_or_default();
    let labels = labels_of_images(
        &images,
        found.annotations.as_deref().unwrap_or_default(),
        &categories,
        dataset,
        path,
    )
    .map_err(fault)?;
    let folder = folder_of(path, &images);
    if folder.is_none() {
        dataset.notes.push(format!(
            "{}: the image `{}` is neither beside it nor in a folder `images` or of the split's name; put it, or a link to its folder, there",
            path.display(),
            shown(&images[0].file_name)
        ));
    }
    let beside = path.parent().unwrap_or(Path::new("")).to_owned();
    dataset
        .manifests
        .push((dataset.items.len(), path.to_owned()));
    let folder = folder.unwrap_or(beside);
    dataset.items.begin("", Origin::Listed(folder));
    for (image, labels) in images.iter().zip(labels) {
        dataset
            .items
            .push(&image.file_name, &Labels::named(labels), None);
    }
    Ok(true)
}

/// The labels of each image, the primary one first.
fn labels_of_images(
    images: &[Image],
    annotations: &[Annotation],
    categories: &[Category],
    dataset: &mut Dataset,
    path: &Path,
) -> Result<Vec<Vec<String>>, String> {
    let mut places = HashMap::with_capacity(images.len());
    for (place, image) in images.iter().enumerate() {
        if places.insert(&image.id, place).is_some() {
            return Err(format!("two images have the id {}", image.id));
        }
    }
    let names = categories::labels(categories)?;
    let ids = categories.iter().map(Category::id).zip(0..);
    let ids: HashMap<&Id, usize> = ids.collect();
    // Of each image its categories in order of appearance, with their areas.
    let mut found: Vec<Vec<(usize, f64)>> = vec![Vec::new(); images.len()];
    let mut strays = 0;
    for annotation in annotations {
        let Some(&place) = places.get(&annotation.image_id) else {
            strays += 1;
            continue;
        };
        let Some(&category) = ids.get(&annotation.category_id) else {
            return Err(format!(
                "an annotation of the image {} has the category {}, which is not in `categories`",
                annotation.image_id, annotation.category_id
            ));
        };
        let size = annotation.size();
        match found[place]
            .iter_mut()
            .find(|(known, _)| *known == category)
        {
            Some((_, area)) => *area += size,
            None => found[place].push((category, size)),
        }
    }
    if strays > 0 {
        dataset.notes.push(format!(
            "{}: passed over {strays} annotation{} of images that it does not list",
            path.display(),
            if strays == 1 { "" } else { "s" }
        ));
    }
    let unlabelled = found.iter().filter(|found| found.is_empty()).count();
    if unlabelled > 0 {
        dataset.notes.push(format!(
            "{}: {unlabelled} of {} images ha{} no annotation and {} unlabelled",
            path.display(),
            images.len(),
            if unlabelled == 1 { "s" } else { "ve" },
            if unlabelled == 1 { "is" } else { "are" }
        ));
    }
    let labels = found.into_iter().map(|mut found| {
        // Stable: of two that are alike the one that was annotated first.
        found.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        found
            .into_iter()
            .map(|(category, _)| names[category].clone())
            .collect()
    });
    Ok(labels.collect())
}

/// The folder that the first images are in, as seen from the annotations: beside them, in `images` or in a folder of the split's name
/// (`annotations/instances_val2017.json` and `val2017/`), here or one above. `None` if they are in none of these.
fn folder_of(path: &Path, images: &[Image]) -> Option<PathBuf> {
    let here = path.parent().unwrap_or(Path::new(""));
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let split = stem.rsplit_once('_').map_or(stem, |(_, split)| split);
    let above = here.join("..");
    let folders = [here, &above].into_iter().flat_map(|base| {
        [
            base.to_owned(),
            base.join(split),
            base.join("images"),
            base.join("images").join(split),
        ]
    });
    let has = |folder: &PathBuf| {
        let mut first = images.iter().take(LOOKED_FOR);
        first.any(|image| super::locate(folder, &image.file_name).is_file())
    };
    folders.into_iter().find(has)
}
