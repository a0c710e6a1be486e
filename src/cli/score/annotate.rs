//! What is known to be true of the images: tables of labels, of re-annotated valid sets, and labels that are also right.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueHint;

use super::file_hash;
use super::join::join;
use super::side::{self, SideLabels};
use crate::cli::count;
use crate::cli::output::tell;
use crate::dataset::{
    LabelFault, LabelIndex, LabelSet, LabelTable, Resolver, Role, Spec, read_also_right,
};
use crate::names::Names;
use crate::run::SourceHash;
use crate::score::{AlsoRight, Annotation, Annotations, RightToo};
use crate::taxonomy::{NodeId, Taxonomy};

/// Over these options in help texts.
const TRUTH: &str = "What is true";

#[derive(Debug, Clone, Default, clap::Args)]
pub struct TruthArgs {
    /// A table of images and their labels, the primary one first: CSV, TSV, JSON Lines or Parquet
    #[arg(long, help_heading = TRUTH, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub truth: Option<PathBuf>,

    /// Columns of --truth and --valid that go by other names, as in image=file,label=class
    #[arg(long, help_heading = TRUTH, value_name = "ROLE=NAME,…", value_delimiter = ',', value_parser = column)]
    truth_columns: Vec<(Role, String)>,

    /// What labels that are numbers, and columns of scores, stand for: a label a line from number 0, or JSON
    #[arg(long, help_heading = TRUTH, value_name = "FILE", value_hint = ValueHint::FilePath)]
    label_index: Option<PathBuf>,

    /// A re-annotation: a table of images and all labels that are right; verdicts are then over the images that it names
    #[arg(long, help_heading = TRUTH, value_name = "FILE", value_hint = ValueHint::FilePath)]
    valid: Option<PathBuf>,

    /// Labels that are right whenever another is the truth, as JSON: {"truth": ["also right", …], …}
    #[arg(long, help_heading = TRUTH, value_name = "FILE", value_hint = ValueHint::FilePath)]
    also_right: Option<PathBuf>,

    /// Leave out the side file: labels that are right too, in labels.valid.csv beside labels.csv, or photos.valid.csv beside photos/
    #[arg(long, help_heading = TRUTH)]
    pub no_side_labels: bool,
}

impl TruthArgs {
    /// The files that are named.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let files = [
            &self.truth,
            &self.label_index,
            &self.valid,
            &self.also_right,
        ];
        files.into_iter().flatten().cloned()
    }
}

/// A column as it is chosen on the command line: ROLE=NAME.
pub fn column(text: &str) -> Result<(Role, String), String> {
    let known = || Role::ALL.map(Role::name).join(", ");
    let Some((role, name)) = text.split_once('=') else {
        return Err(format!("write ROLE=NAME, with a role of {}", known()));
    };
    match Role::ALL
        .into_iter()
        .find(|known| known.name() == role.trim())
    {
        Some(role) => Ok((role, name.trim().to_owned())),
        None => Err(format!("unknown role `{role}`: use one of {}", known())),
    }
}

/// The columns to read: those of `spec` where none are chosen.
pub fn choose_columns(mut spec: Spec, chosen: &[(Role, String)]) -> Spec {
    for role in Role::ALL {
        let of_role = || chosen.iter().filter(|(of, _)| *of == role);
        if of_role().next().is_some() {
            // A blank name leaves out what would be read.
            let names = of_role().map(|(_, name)| name.clone());
            spec.choose(role, names.filter(|name| !name.is_empty()).collect());
        }
    }
    spec
}

/// What was read.
#[derive(Debug, Default)]
pub struct Truth {
    /// The table of labels, and its source.
    labels: Option<(LabelTable, PathBuf)>,
    valid: Option<(LabelTable, PathBuf)>,
    side: Option<SideLabels>,
    pub also_right: AlsoRight,
    /// By the option that named them.
    files: Vec<(&'static str, PathBuf)>,
}

/// The list of labels by number, if there is one.
///
/// # Errors
/// As [`LabelIndex::read`].
pub fn read_label_index(
    args: &TruthArgs,
    taxonomy: &Taxonomy,
) -> anyhow::Result<Option<LabelIndex>> {
    let read = |path: &PathBuf| LabelIndex::read(path, taxonomy).context("--label-index");
    args.label_index.as_ref().map(read).transpose()
}

/// Where each image is in a table of labels.
fn join_table(
    names: &Names,
    table: &LabelTable,
    source: &Path,
    table_source: &Path,
) -> anyhow::Result<Vec<Option<u32>>> {
    let find = |name: &str| table.find(name);
    join(names, &table.names, &find, source, table_source)
}

impl Truth {
    /// Reads the tables, and the side file of these or of the images; labels at fault are left with `resolver`.
    ///
    /// # Errors
    /// A file that cannot be read or understood.
    pub fn read(
        args: &TruthArgs,
        images: Option<&Path>,
        taxonomy: &Taxonomy,
        resolver: &mut Resolver<'_>,
    ) -> anyhow::Result<Self> {
        let spec = choose_columns(Spec::truths(), &args.truth_columns);
        let mut table = |path: &Option<PathBuf>, option: &'static str| -> anyhow::Result<_> {
            let Some(path) = path else {
                return Ok(None);
            };
            let table = LabelTable::read(path, &spec, resolver).context(option)?;
            Ok(Some((table, path.clone())))
        };
        let labels = table(&args.truth, "--truth")?;
        let valid = table(&args.valid, "--valid")?;
        let mut also_right = AlsoRight::default();
        if let Some(path) = &args.also_right {
            let mut declare = |truth, right| also_right.declare(taxonomy, truth, right);
            read_also_right(path, resolver, &mut declare).context("--also-right")?;
        }
        let side = match side::of_data(args, images) {
            Some(path) => SideLabels::read(path, resolver)?,
            None => None,
        };
        let side_path = side.as_ref().map(|side| side.path.clone());
        let named = [
            ("truth", &args.truth),
            ("valid", &args.valid),
            ("also-right", &args.also_right),
            ("label-index", &args.label_index),
            (side::OPTION, &side_path),
        ];
        let files = named.into_iter();
        Ok(Self {
            labels,
            valid,
            side,
            also_right,
            files: files
                .filter_map(|(option, path)| Some((option, path.clone()?)))
                .collect(),
        })
    }

    /// Which files they were, by the options that named them.
    ///
    /// # Errors
    /// One that cannot be read any more.
    pub fn hashes(&self) -> anyhow::Result<BTreeMap<String, SourceHash>> {
        let hashes = self.files.iter();
        hashes
            .map(|(option, path)| Ok(((*option).to_owned(), file_hash(path)?)))
            .collect()
    }

    /// The images of the table of labels, in its order.
    pub fn images(&self) -> Option<&Names> {
        self.labels.as_ref().map(|(table, _)| &table.names)
    }

    /// What is true of these images, by the tables, which are given up; `own` has what their own source says, used where there is no table.
    /// `source` is what messages call the images.
    ///
    /// # Errors
    /// A table that names none of the images.
    pub fn annotate(
        &mut self,
        names: &Names,
        own: Option<&OwnLabels>,
        source: &Path,
    ) -> anyhow::Result<Annotated> {
        if names.is_empty() {
            return Ok(Annotated::default());
        }
        // They are not needed any more, and may be large.
        let (labels, valid) = (self.labels.take(), self.valid.take());
        let labels = match &labels {
            None => None,
            Some((table, path)) => {
                let places = join_table(names, table, source, path)?;
                let found = places.iter().flatten().count();
                if found < names.len() {
                    tell!(
                        "{}: not in {}, and so unlabelled",
                        count(names.len() - found, "image"),
                        path.display()
                    );
                }
                if found < table.len() {
                    tell!(
                        "{} in {} but not in {}, and left out",
                        are(table.len() - found, "image"),
                        path.display(),
                        source.display()
                    );
                }
                Some((table, places))
            }
        };
        let valid = match &valid {
            None => None,
            Some((table, path)) => Some((table, join_table(names, table, source, path)?)),
        };
        let (sets, set_of): (&[LabelSet], Vec<Option<u32>>) = match (&labels, own) {
            (Some((table, places)), _) => (table.sets(), numbers(table, places)),
            (None, Some(own)) => (&own.sets, own.of.iter().copied().map(Some).collect()),
            (None, None) => (&[], vec![None; names.len()]),
        };
        let (valid_sets, valid_of) = match &valid {
            Some((table, places)) => (table.sets(), numbers(table, places)),
            None => (&[][..], Vec::new()),
        };
        let mut annotated = Annotated::default();
        // By the numbers of its parts.
        let mut known: HashMap<(Option<u32>, Option<u32>), u32> = HashMap::new();
        let (mut distinct, mut of) = (Vec::new(), Vec::with_capacity(names.len()));
        for (i, &set) in set_of.iter().enumerate() {
            let truths = match set.map(|number| &sets[number as usize]) {
                None => &[][..],
                Some(LabelSet::Labels(truths)) => truths,
                Some(LabelSet::AtFault) => {
                    annotated.at_fault += 1;
                    continue;
                }
                Some(LabelSet::Problematic) => {
                    annotated.problematic += 1;
                    continue;
                }
            };
            annotated.unlabelled += usize::from(truths.is_empty());
            let number = valid_of.get(i).copied().flatten();
            let valid = match number.map(|number| &valid_sets[number as usize]) {
                Some(LabelSet::Labels(valid)) => Some(valid),
                Some(LabelSet::Problematic) => {
                    annotated.problematic_valid += 1;
                    None
                }
                Some(LabelSet::AtFault) | None => None,
            };
            let key = (set.filter(|_| !truths.is_empty()), valid.and(number));
            of.push(*known.entry(key).or_insert_with(|| {
                let valid = valid.map(|valid| {
                    let mut valid = valid.clone();
                    valid.sort_unstable();
                    valid
                });
                distinct.push(Annotation {
                    truths: truths.to_vec(),
                    valid,
                });
                distinct.len() as u32 - 1
            }));
            annotated.items.push(i);
        }
        annotated.annotations = Annotations::numbered(distinct, of, valid.is_some());
        if let Some(side) = self.side.take() {
            annotated.add(&side, names);
        }
        Ok(annotated)
    }
}

/// What a table says of images at these places, by its number.
fn numbers(table: &LabelTable, places: &[Option<u32>]) -> Vec<Option<u32>> {
    let number = |place: &Option<u32>| place.map(|place| table.set_of(place as usize));
    places.iter().map(number).collect()
}

/// What is known to be true of images.
#[derive(Debug, Default)]
pub struct Annotated {
    /// The images that are left, ascending.
    pub items: Vec<usize>,
    /// Of these.
    pub annotations: Annotations,
    /// Of these, the images without a label.
    pub unlabelled: usize,
    /// Images left out since one of their labels names no node, or several.
    pub at_fault: usize,
    /// Images left out since the table of labels calls them problematic.
    pub problematic: usize,
    /// Images that the re-annotation calls problematic: they take no part in what needs it.
    pub problematic_valid: usize,
    /// What the side file added to the annotations, by the numbers of all images.
    pub right_too: RightToo,
}

impl Annotated {
    /// Adds what a side file says of the images that are left, and tells it.
    fn add(&mut self, side: &SideLabels, names: &Names) {
        let place = |image: usize| self.items.binary_search(&image).ok();
        let labels = side.of_images(names).into_iter();
        let labels = labels.filter_map(|(image, labels)| Some((place(image)?, labels)));
        let annotations = std::mem::take(&mut self.annotations);
        let (annotations, added) = annotations.with_right_too(&labels.collect());
        side.tell(added.len(), added.values().map(Vec::len).sum());
        self.annotations = annotations;
        let all = added.into_iter();
        self.right_too = all
            .map(|(place, labels)| (self.items[place], labels))
            .collect();
    }

    /// Tells what was left out, and why.
    ///
    /// # Errors
    /// Nothing is left.
    pub fn tell(&self, faults: &[LabelFault], source: &Path) -> anyhow::Result<()> {
        if self.at_fault > 0 {
            tell!(
                "{} left out, labelled with what names no node or several:",
                count(self.at_fault, "image")
            );
        } else if !faults.is_empty() {
            tell!("left out of the re-annotation, since a label names no node or several:");
        }
        for fault in faults {
            tell!("  {fault}");
        }
        if self.problematic > 0 {
            tell!(
                "{} left out as problematic",
                count(self.problematic, "image")
            );
        }
        if self.items.is_empty() {
            bail!("{}: no image is left to score", source.display());
        }
        if self.unlabelled > 0 {
            tell!(
                "{} without a label: predicted, left out of the verdicts",
                count(self.unlabelled, "image")
            );
        }
        if self.problematic_valid > 0 {
            tell!(
                "{} problematic in the re-annotation, left out of what needs it",
                are(self.problematic_valid, "image")
            );
        }
        Ok(())
    }

    /// The labels that occur as a truth, each once.
    pub fn occurring(&self) -> Vec<NodeId> {
        let truths = self.annotations.distinct().iter().flat_map(|a| &a.truths);
        let mut occurring: Vec<NodeId> = truths.copied().collect();
        occurring.sort_unstable();
        occurring.dedup();
        occurring
    }

    /// The number of images with a label.
    pub fn labelled(&self) -> usize {
        self.items.len() - self.unlabelled
    }
}

/// The labels of images by their own source.
#[derive(Debug, Default)]
pub struct OwnLabels {
    sets: Vec<LabelSet>,
    of: Vec<u32>,
}

impl FromIterator<LabelSet> for OwnLabels {
    fn from_iter<T: IntoIterator<Item = LabelSet>>(images: T) -> Self {
        let mut numbers: HashMap<LabelSet, u32> = HashMap::new();
        let mut own = Self::default();
        for set in images {
            let next = own.sets.len() as u32;
            own.of.push(*numbers.entry(set).or_insert_with_key(|set| {
                own.sets.push(set.clone());
                next
            }));
        }
        own
    }
}

/// `1 image is`, `2 images are`.
fn are(n: usize, what: &str) -> String {
    format!("{} {}", count(n, what), if n == 1 { "is" } else { "are" })
}
