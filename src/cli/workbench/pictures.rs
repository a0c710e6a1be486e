//! Where the pictures of a run are.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, anyhow, bail};

use crate::cli::builtin;
use crate::cli::demo::recorded::settings_of;
use crate::cli::locked;
use crate::cli::score::by_last_parts;
use crate::dataset::{self, Dataset, Item, Picture};
use crate::demo::{PICTURES, Settings, World, png};
use crate::names::{NameIndex, Names};
use crate::run::Opened;
use crate::text::shown;

/// Finds pictures by the names of images.
pub struct Pictures {
    /// The data set that has them now, if it is not where the run says.
    given: Option<PathBuf>,
    /// Read once a name leads to no file.
    listed: Mutex<Option<Arc<Listed>>>,
}

/// A data set, and where each image of the run is in it.
struct Listed {
    dataset: Dataset,
    items: Vec<Option<u32>>,
}

impl Pictures {
    pub fn new(given: Option<PathBuf>) -> Self {
        Self {
            given,
            listed: Mutex::default(),
        }
    }

    /// The content of the file of an image.
    ///
    /// # Errors
    /// The run does not say where the pictures are, or it is not there.
    pub fn bytes(&self, opened: &Opened, image: usize) -> anyhow::Result<Vec<u8>> {
        let saved = &opened.saved;
        if image >= saved.images.len() {
            bail!("the run has {} images", saved.images.len());
        }
        let name = saved.images.get(image);
        let source = self.source(opened)?;
        if source == Path::new(builtin::NAME) {
            return draw(opened, name);
        }
        if let Some(path) = dataset::path_of(source, name)
            && std::fs::symlink_metadata(&path).is_ok()
        {
            return read(&Picture::File(path));
        }
        let listed = self.listed(opened, source)?;
        let item = listed.items.get(image).copied().flatten();
        let item =
            item.with_context(|| format!("{}: no image `{}`", source.display(), shown(name)))?;
        read(&listed.dataset.item(item as usize).picture())
    }

    /// The data set that has the pictures.
    fn source<'a>(&'a self, opened: &'a Opened) -> anyhow::Result<&'a Path> {
        if let Some(given) = &self.given {
            return Ok(given);
        }
        let manifest = &opened.saved.manifest;
        // What was encoded here has a device; other answers come from a file that has no pictures.
        let is_of_pictures = manifest
            .get("device")
            .is_some_and(|device| !device.is_null());
        let recorded = manifest.pointer("/images/source").and_then(|s| s.as_str());
        let source = recorded.filter(|_| is_of_pictures).map(Path::new).context(
            "the answers were made elsewhere, and the run does not say where the pictures are: \
             `cladist tui RUN_DIR --images DIR|FILE` does",
        )?;
        if source == Path::new(builtin::NAME) || dataset::is_there(source) {
            return Ok(source);
        }
        bail!(
            "{}: not there any more; `cladist tui RUN_DIR --images DIR|FILE` says where the pictures are now",
            source.display()
        )
    }

    /// The data set with the images of the run found in it, by their names or the last parts of these.
    fn listed(&self, opened: &Opened, source: &Path) -> anyhow::Result<Arc<Listed>> {
        let mut listed = locked(&self.listed);
        let images = &opened.saved.images;
        if let Some(listed) = listed.as_ref().filter(|l| l.items.len() == images.len()) {
            return Ok(Arc::clone(listed));
        }
        let dataset = dataset::open(source)?;
        let names: Names = dataset.items().map(Item::name).collect();
        let mut index = NameIndex::default();
        for i in 0..names.len() {
            index.insert(&names, i);
        }
        let find = |name| index.find(&names, name).map(|place| place as u32);
        let mut items: Vec<Option<u32>> = images.iter().map(find).collect();
        if items.iter().all(Option::is_none)
            && let Some((_, found)) = by_last_parts(images, &names)
        {
            items = found;
        }
        Ok(Arc::clone(
            listed.insert(Arc::new(Listed { dataset, items })),
        ))
    }
}

/// The content of the file of a picture.
fn read(picture: &Picture) -> anyhow::Result<Vec<u8>> {
    let bytes = picture.read().map_err(|why| match picture.holder() {
        Some(path) => anyhow!("{}: {why}", path.display()),
        None => anyhow!(why),
    });
    Ok(bytes?.into_owned())
}

/// A picture of the drawn world, by its name.
fn draw(opened: &Opened, name: &str) -> anyhow::Result<Vec<u8>> {
    let world = World::new()?;
    // Older runs do not say what their world was: the one that `--images demo` stands for.
    let (settings, pictures) =
        settings_of(&opened.saved.manifest).unwrap_or((Settings::default(), PICTURES));
    let number = name
        .strip_prefix("images/")
        .and_then(|name| name.strip_suffix(".png"));
    let number: Option<u64> = number.and_then(|digits| digits.parse().ok());
    let number = number.filter(|&number| number < pictures);
    let number = number.with_context(|| format!("`{}`: no picture of the demo", shown(name)))?;
    Ok(png(&world.item(&settings, number).drawing))
}
