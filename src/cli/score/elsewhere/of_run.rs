//! Embeddings of what a saved run is of, since it keeps none itself.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueHint;

use super::texts::text_embeddings;
use crate::cli::count;
use crate::cli::output::tell;
use crate::cli::score::join::join;
use crate::cli::score::memory::unit;
use crate::dataset::{LabelIndex, OnUnknownLabel, Resolver, arrays};
use crate::matrix::Matrix;
use crate::names::{NameIndex, Names};
use crate::run::{self, Embedded, Opened, Prompts};
use crate::score::prototypes;
use crate::text::shown;

/// Where they are.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct EmbeddingsArgs {
    /// Embeddings of the run's images, which are found by their names: .npy, .safetensors, .parquet, or a folder as clip-retrieval or
    /// `cladist embed` writes it
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    image_embeddings: Option<PathBuf>,

    /// Embeddings of prompts, whose labels are in --label-index or beside them; a label may have several
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    text_embeddings: Option<PathBuf>,

    /// What the rows of --text-embeddings stand for: a label a line from number 0, or JSON
    #[arg(long, value_name = "FILE", requires = "text_embeddings", value_hint = ValueHint::FilePath)]
    label_index: Option<PathBuf>,
}

/// Embeddings of images and labels of a run, as far as there are some.
#[derive(Default)]
pub struct OfRun {
    images: Option<Placed>,
    texts: Option<Placed>,
}

impl OfRun {
    pub fn embeddings(&self) -> run::Embeddings<'_> {
        run::Embeddings {
            texts: self.texts.as_ref().map(Placed::embedded),
            images: self.images.as_ref().map(Placed::embedded),
        }
    }
}

/// Unit rows, and which is that of each image or label of a run.
pub struct Placed {
    rows: Matrix,
    of: Vec<Option<usize>>,
}

impl Placed {
    /// The prototypes of prompts, whose nodes are those of the run's taxonomy.
    pub fn prototypes(prompts: &Prompts, opened: &Opened) -> Self {
        let mut of = vec![None; opened.saved.labels.len()];
        for (row, &node) in prompts.nodes.iter().enumerate() {
            if let Some(label) = opened.label(node) {
                of[label as usize] = Some(row);
            }
        }
        Self {
            rows: prototypes(&prompts.embeddings.means, &prompts.counts),
            of,
        }
    }

    pub fn embedded(&self) -> Embedded<'_> {
        Embedded {
            rows: &self.rows,
            of: &self.of,
        }
    }
}

impl EmbeddingsArgs {
    /// Reads what is named, and finds the images and labels of a run in it; `source` is its directory.
    ///
    /// # Errors
    /// Whatever is wrong with the files; none of the images is in them; a label that the taxonomy has not.
    pub fn read(&self, opened: &Opened, source: &Path) -> anyhow::Result<OfRun> {
        let images = self.image_embeddings.as_deref();
        let images =
            images.map(|path| images_of(path, opened, source).context("--image-embeddings"));
        let texts = self.text_embeddings.as_deref();
        let texts = texts.map(|path| self.texts_of(path, opened).context("--text-embeddings"));
        Ok(OfRun {
            images: images.transpose()?,
            texts: texts.transpose()?,
        })
    }

    fn texts_of(&self, path: &Path, opened: &Opened) -> anyhow::Result<Placed> {
        let taxonomy = &opened.taxonomy;
        let index = self.label_index.as_deref();
        let index = index.map(|path| LabelIndex::read(path, taxonomy).context("--label-index"));
        let index = index.transpose()?;
        let mut resolver = Resolver::new(taxonomy, index.as_ref());
        let texts = text_embeddings(path, index.as_ref(), &mut resolver)?;
        resolver.finish(OnUnknownLabel::Error)?;
        Ok(Placed::prototypes(&texts.prompts(&[]), opened))
    }
}

fn images_of(path: &Path, opened: &Opened, source: &Path) -> anyhow::Result<Placed> {
    let array = arrays::read(path, arrays::Kind::ImageEmbeddings)?;
    let images = &opened.saved.images;
    let of = match &array.names {
        Some(names) => named(images, names, path, source)?,
        None if array.rows.rows() == images.len() => {
            tell!(
                "{}: its rows have no names, and are taken for the images of the run, in its order",
                path.display()
            );
            (0..images.len()).map(Some).collect()
        }
        None => bail!(
            "{}: its {} have no names, and the run has {}: name them, as a Parquet file beside an .npy does, or give one row an image, in the order of the run",
            path.display(),
            count(array.rows.rows(), "row"),
            count(images.len(), "image")
        ),
    };
    let missing = of.iter().filter(|row| row.is_none()).count();
    if missing > 0 {
        tell!(
            "{}: {} of the run not in it, and passed over",
            path.display(),
            count(missing, "image")
        );
    }
    Ok(Placed {
        rows: unit(array.rows),
        of,
    })
}

/// The row of each image of a run.
fn named(
    images: &Names,
    names: &Names,
    path: &Path,
    source: &Path,
) -> anyhow::Result<Vec<Option<usize>>> {
    let mut index = NameIndex::default();
    if let Some(twice) = (0..names.len()).find(|&i| index.insert(names, i).is_some()) {
        bail!(
            "{}: the image `{}` has two rows",
            path.display(),
            shown(names.get(twice))
        );
    }
    let find = |name: &str| index.find(names, name);
    let rows = join(images, names, &find, source, path)?.into_iter();
    Ok(rows.map(|row| row.map(|row| row as usize)).collect())
}
