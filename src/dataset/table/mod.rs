//! Tables: CSV, TSV, JSON Lines and Parquet with a column of images and others of what is said of them.

mod delimited;
mod json;
pub(super) mod parquet;
mod values;

use std::path::Path;

use super::DatasetError;
use crate::text::{self, Pieces};

pub(super) use values::of_cell as labels_of_cell;
pub(super) use values::of_json as labels_of_json;
pub(super) use values::push as push_label;

/// How a table is written, told by the extension of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Fields separated by this byte, quoted as RFC 4180 says.
    Delimited(u8),
    /// One JSON object a line, or one JSON list of objects.
    Json,
    Parquet,
}

impl Kind {
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Delimited(b',')),
            "tsv" => Some(Self::Delimited(b'\t')),
            "jsonl" | "ndjson" | "json" => Some(Self::Json),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The kind of a file of this name, if it is Hugging Face's metadata for the folder that it lies in.
    pub(super) fn of_metadata(name: &str) -> Option<Self> {
        METADATA
            .contains(&name)
            .then(|| Self::of(Path::new(name)))?
    }
}

/// The names of Hugging Face's metadata for the folder that it lies in.
pub(super) const METADATA: [&str; 3] = ["metadata.csv", "metadata.jsonl", "metadata.parquet"];

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Image,
    /// A label, or several; the first is the primary one, or the best.
    Label,
    /// A probability of each label.
    Probability,
    /// Whether the image is to be left out of what the table says.
    Problematic,
}

impl Role {
    /// All of them, in the order of a [`Spec`]'s columns.
    pub const ALL: [Self; 4] = [
        Self::Image,
        Self::Label,
        Self::Probability,
        Self::Problematic,
    ];

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Label => "label",
            Self::Probability => "probability",
            Self::Problematic => "problematic",
        }
    }
}

/// Names of columns that may hold one thing: groups of which the first is read that has a column in the table; of a group
/// every column that is there is read, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    groups: Vec<Vec<String>>,
    /// The user named them: all must be there.
    is_chosen: bool,
}

/// Which columns of a table are read. Names are compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    wanted: [Wanted; 4],
    /// The option that chooses other columns, if there is one.
    option: &'static str,
}

impl Spec {
    fn new(option: &'static str, groups: [&[&[&str]]; 4]) -> Self {
        let owned = |names: &&[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let wanted = groups.map(|groups| Wanted {
            groups: groups.iter().map(owned).collect(),
            is_chosen: false,
        });
        Self { wanted, option }
    }

    /// The option that chooses other columns; empty if there is none.
    pub(super) fn option(&self) -> &'static str {
        self.option
    }

    /// A manifest's: in Hugging Face metadata `file_name` comes before `image`. Both `label` and `labels` may be there:
    /// `label` then gives the primary label.
    pub(super) fn manifest(hugging_face: bool) -> Self {
        let images: &[&[&str]] = if hugging_face {
            &[&["file_name"], &["image"], &["path"]]
        } else {
            IMAGES
        };
        Self::new("", [images, &[&["label", "labels"]], &[], &[]])
    }

    /// Those of true labels, and of re-annotations.
    pub fn truths() -> Self {
        let labels: &[&[&str]] = &[&["label", "labels"], &["truths"], &["truth"], &["target"]];
        Self::new(
            "--truth-columns",
            [
                IMAGES,
                labels,
                &[],
                &[&["problematic"], &["is_problematic"]],
            ],
        )
    }

    /// Those of predictions: a file may hold the true `label` too, so a column that can only be the answer comes first.
    pub fn predictions() -> Self {
        let labels: &[&[&str]] = &[
            &["prediction", "predictions"],
            &["predicted"],
            &["answer"],
            &["label", "labels"],
        ];
        let probabilities: &[&[&str]] = &[
            &["probability", "probabilities"],
            &["score", "scores"],
            &["confidence"],
        ];
        Self::new("--columns", [IMAGES, labels, probabilities, &[]])
    }

    /// Reads these columns, and no others, for a role: none of no names.
    pub fn choose(&mut self, role: Role, names: Vec<String>) {
        self.wanted[role as usize] = Wanted {
            is_chosen: !names.is_empty(),
            groups: match names.is_empty() {
                true => Vec::new(),
                false => vec![names],
            },
        };
    }
}

const IMAGES: &[&[&str]] = &[&["image"], &["file_name"], &["path"]];

/// One row.
#[derive(Debug, Default, PartialEq)]
pub struct Row {
    pub image: String,
    /// As written.
    pub labels: Vec<String>,
    /// With names for numbers, where the table itself has some.
    pub named: Option<Vec<String>>,
    pub probabilities: Vec<f64>,
    pub problematic: bool,
    /// From 1.
    pub line: Option<usize>,
}

/// What was read of a table.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub rows: usize,
    /// The columns in order of appearance; of JSON the first [`COLUMNS`] of them.
    pub columns: Vec<String>,
    /// Whether there is a column that labels come from; without one, nothing is labelled.
    pub labelled: bool,
}

/// Columns that are remembered and shown: enough to see what is wrong.
const COLUMNS: usize = 20;

/// What takes the rows; what it says is wrong with a row is told with the row's place.
pub(super) type Take<'a> = dyn FnMut(&mut Row) -> Result<(), String> + 'a;

/// Reads a table, a row at a time. Other columns than those of `spec` are ignored.
pub(super) fn read(
    path: &Path,
    kind: Kind,
    spec: &Spec,
    take: &mut Take<'_>,
) -> Result<Seen, DatasetError> {
    let seen = match kind {
        Kind::Delimited(delimiter) => {
            delimited::read(path, &mut Pieces::open(path)?, delimiter, spec, take)?
        }
        Kind::Json => json::read(path, &mut Pieces::open(path)?, spec, take)?,
        Kind::Parquet => parquet::read(path, spec, take)?,
    };
    if seen.rows == 0 {
        return Err(empty(path, "it holds column names and no row"));
    }
    Ok(seen)
}

/// Reads a CSV's text, without a byte order mark.
pub(super) fn read_csv(
    path: &Path,
    text: &str,
    spec: &Spec,
    take: &mut Take<'_>,
) -> Result<Seen, DatasetError> {
    delimited::read(path, &mut Pieces::of(path, text), b',', spec, take)
}

/// Where the column of the images is, and those of the labels in the order in which they are read; `None` where there is no image's.
pub(super) fn columns(names: &[String], spec: &Spec) -> Option<(usize, Vec<usize>)> {
    let columns = Columns::find(names, spec).ok()?;
    Some((columns.image(), columns.of(Role::Label).to_vec()))
}

fn empty(path: &Path, what: &'static str) -> DatasetError {
    DatasetError::Empty {
        path: path.to_owned(),
        what,
    }
}

/// Which columns are read, of each role.
struct Columns([Vec<usize>; 4]);

/// Why columns were not found.
enum ColumnFault {
    NoImage,
    Twice(String),
    /// One that the user named.
    Missing(String),
}

impl ColumnFault {
    /// As a message of a table with these columns; `hint` says what may be wrong with one that names no image.
    fn told(
        self,
        path: &Path,
        line: Option<usize>,
        names: &[String],
        (spec, hint): (&Spec, String),
    ) -> DatasetError {
        let fault = |what| match line {
            Some(line) => DatasetError::Line {
                path: path.to_owned(),
                line,
                what,
            },
            None => DatasetError::File {
                path: path.to_owned(),
                what,
            },
        };
        match self {
            Self::Twice(name) => fault(format!(
                "the column `{name}` appears twice; rename one of them"
            )),
            Self::Missing(name) => fault(format!(
                "no column `{}`; the columns are: {}",
                text::shown(&name),
                list(names)
            )),
            Self::NoImage => DatasetError::NoImageColumn {
                path: path.to_owned(),
                hint: match spec.option {
                    option if hint.is_empty() && !option.is_empty() => {
                        format!("; name it with {option} image=NAME")
                    }
                    _ => hint,
                },
                found: names.to_vec(),
            },
        }
    }
}

impl Columns {
    fn find(names: &[String], spec: &Spec) -> Result<Self, ColumnFault> {
        let columns = Self::without_image(names, spec)?;
        match columns.of(Role::Image) {
            [] => Err(ColumnFault::NoImage),
            _ => Ok(columns),
        }
    }

    /// The same of a table that need not have a column of paths.
    fn without_image(names: &[String], spec: &Spec) -> Result<Self, ColumnFault> {
        let position = |wanted: &String| {
            let mut hits = (0..names.len()).filter(|&i| names[i].eq_ignore_ascii_case(wanted));
            match (hits.next(), hits.next()) {
                (_, Some(_)) => Err(ColumnFault::Twice(wanted.clone())),
                (first, None) => Ok(first),
            }
        };
        let mut columns = Self(Default::default());
        for (found, wanted) in columns.0.iter_mut().zip(&spec.wanted) {
            for group in &wanted.groups {
                for name in group {
                    match position(name)? {
                        Some(i) if found.contains(&i) => {}
                        Some(i) => found.push(i),
                        None if wanted.is_chosen => return Err(ColumnFault::Missing(name.clone())),
                        None => {}
                    }
                }
                if !found.is_empty() {
                    break;
                }
            }
        }
        // Of several image columns one is read.
        columns.0[Role::Image as usize].truncate(1);
        Ok(columns)
    }

    fn of(&self, role: Role) -> &[usize] {
        &self.0[role as usize]
    }

    fn image(&self) -> usize {
        self.0[Role::Image as usize][0]
    }
}

/// What columns there are, as a message names them.
pub(super) fn list(columns: &[String]) -> String {
    let mut shown: Vec<String> = columns
        .iter()
        .take(COLUMNS)
        .map(|c| text::shown(c))
        .collect();
    if columns.len() > COLUMNS {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}
