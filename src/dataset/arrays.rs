//! Embeddings and scores that were computed elsewhere: NumPy, safetensors, Parquet, and the folders that clip-retrieval and
//! `cladist embed` write.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};

use super::table;
use crate::guard::guard;
use crate::matrix::Matrix;
use crate::names::Names;
use crate::npy;

/// Why an array could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ArrayError {
    #[error("{}: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {what}", path.display())]
    File { path: PathBuf, what: String },
}

/// Rows of numbers, and what each is called where that is said beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub rows: Matrix,
    /// As many rows and columns of log σ², where they are beside embeddings.
    pub log_variances: Option<Matrix>,
    pub names: Option<Names>,
}

/// What the rows of an array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ImageEmbeddings,
    TextEmbeddings,
    Scores,
}

impl Kind {
    /// How files of a folder begin, that of clip-retrieval and that of `cladist embed`.
    fn stems(self) -> [&'static str; 2] {
        match self {
            Self::ImageEmbeddings => ["img_emb", "images"],
            Self::TextEmbeddings => ["text_emb", "texts"],
            Self::Scores => ["scores", "logits"],
        }
    }

    /// Columns that name a row, the first that is there.
    fn names(self) -> &'static [&'static str] {
        match self {
            // A text is a prompt, and no label.
            Self::TextEmbeddings => &["label"],
            _ => &["image", "path", "image_path", "file_name", "url", "key"],
        }
    }

    /// Columns that hold the numbers, the first that is there; else the only one that can.
    fn values(self) -> &'static [&'static str] {
        match self {
            Self::Scores => &["scores", "logits", "probabilities"],
            _ => &["embedding", "emb", "embeddings", "features", "vector"],
        }
    }
}

/// Reads an array: `.npy` (beside which a Parquet file of the same stem may name the rows, and `STEM_logvar.npy` hold log σ² of
/// embeddings), `.safetensors` (`FILE#TENSOR` where
/// it holds several), `.parquet` with a column of lists, or a folder in the layout of clip-retrieval (`img_emb_N.npy` and
/// `metadata_N.parquet`, each in a folder `img_emb` and `metadata` or not) or of `cladist embed`.
///
/// # Errors
/// When something cannot be read or understood; numbers that are not finite (a score may be −∞), rows of embeddings that are
/// all 0.
pub fn read(path: &Path, kind: Kind) -> Result<Array, ArrayError> {
    let array = if path.is_dir() {
        read_folder(path, kind)?
    } else {
        read_file(path, kind)?
    };
    check(path, &array.rows, kind)?;
    Ok(array)
}

fn fault(path: &Path, what: impl Into<String>) -> ArrayError {
    ArrayError::File {
        path: path.to_owned(),
        what: what.into(),
    }
}

fn open(path: &Path) -> Result<File, ArrayError> {
    File::open(path).map_err(|source| ArrayError::Read {
        path: path.to_owned(),
        source,
    })
}

fn read_file(path: &Path, kind: Kind) -> Result<Array, ArrayError> {
    let (file, tensor) = split_tensor(path);
    let extension = file.extension().and_then(|e| e.to_str()).unwrap_or("");
    match extension.to_ascii_lowercase().as_str() {
        "npy" => {
            let rows = read_npy(&file)?;
            let log_variances = read_log_variances(&log_variances_beside(&file), &rows, kind)?;
            let beside = file.with_extension("parquet");
            let names = match beside.is_file() && has_names(&beside, kind) {
                true => Some(read_names(&beside, kind, rows.rows())?),
                false => None,
            };
            Ok(Array {
                rows,
                log_variances,
                names,
            })
        }
        "safetensors" => Ok(Array {
            rows: read_safetensors(&file, tensor.as_deref())?,
            log_variances: None,
            names: None,
        }),
        "parquet" => {
            let whole = table::parquet::read_lists(&file, kind.values(), kind.names());
            let (rows, names) = whole.map_err(|what| fault(&file, what))?;
            Ok(Array {
                rows,
                log_variances: None,
                names,
            })
        }
        "npz" => Err(fault(
            path,
            "an archive of arrays: save the one that is meant with numpy.save, as .npy",
        )),
        _ => Err(fault(
            path,
            "unknown kind of array; its name ends in .npy, .safetensors or .parquet, or it is a folder of such files",
        )),
    }
}

/// `FILE.safetensors#TENSOR` in its parts.
fn split_tensor(path: &Path) -> (PathBuf, Option<String>) {
    let text = path.to_string_lossy();
    match text.rsplit_once('#') {
        Some((file, tensor)) if file.ends_with(".safetensors") => {
            (PathBuf::from(file), Some(tensor.to_owned()))
        }
        _ => (path.to_owned(), None),
    }
}

fn read_npy(path: &Path) -> Result<Matrix, ArrayError> {
    let mut file = BufReader::new(open(path)?);
    let (cols, values) = npy::read(&mut file).map_err(|what| fault(path, what))?;
    if values.is_empty() {
        return Err(fault(path, "holds no numbers"));
    }
    Ok(Matrix::new(cols, values))
}

/// Where log σ² of the embeddings of an `.npy` file would be.
fn log_variances_beside(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{stem}_logvar.npy"))
}

/// Log σ² of embeddings; `None` if there is no such file.
fn read_log_variances(path: &Path, of: &Matrix, kind: Kind) -> Result<Option<Matrix>, ArrayError> {
    if kind == Kind::Scores || !path.is_file() {
        return Ok(None);
    }
    let found = read_npy(path)?;
    if (found.rows(), found.cols()) != (of.rows(), of.cols()) {
        return Err(fault(
            path,
            format!(
                "is {} × {}, and the embeddings beside it are {} × {}: log σ² has a value for each of theirs",
                found.rows(),
                found.cols(),
                of.rows(),
                of.cols()
            ),
        ));
    }
    let wrong = found.as_slice().iter().position(|v| !v.is_finite());
    if let Some(wrong) = wrong {
        let (row, column) = (wrong / found.cols(), wrong % found.cols());
        let value = found.as_slice()[wrong];
        return Err(fault(
            path,
            format!("row {row}, column {column} (from 0) is {value}, no log σ² to reckon with"),
        ));
    }
    Ok(Some(found))
}

/// Whether a table beside an array names its rows.
fn has_names(path: &Path, kind: Kind) -> bool {
    let columns = table::parquet::columns(path).unwrap_or_default();
    let is_there = |name: &&str| columns.iter().any(|c| c.eq_ignore_ascii_case(name));
    kind.names().iter().any(is_there)
}

fn read_names(path: &Path, kind: Kind, rows: usize) -> Result<Names, ArrayError> {
    let names = table::parquet::read_texts(path, kind.names());
    let names = names.map_err(|what| fault(path, what))?;
    if names.len() == rows {
        return Ok(names);
    }
    Err(fault(
        path,
        format!(
            "names {} rows, and the array beside it has {rows}",
            names.len()
        ),
    ))
}

fn read_safetensors(path: &Path, tensor: Option<&str>) -> Result<Matrix, ArrayError> {
    let bytes = std::fs::read(path).map_err(|source| ArrayError::Read {
        path: path.to_owned(),
        source,
    })?;
    let damaged = || fault(path, "no safetensors file, or damaged");
    let tensors = guard(|| SafeTensors::deserialize(&bytes).ok())
        .flatten()
        .ok_or_else(damaged)?;
    let mut matrices: Vec<(&str, _)> = tensors
        .iter()
        .filter(|(name, view)| match tensor {
            Some(tensor) => tensor == *name,
            None => view.shape().len() == 2,
        })
        .collect();
    matrices.sort_unstable_by_key(|&(name, _)| name.to_owned());
    let names: Vec<&str> = matrices.iter().map(|&(name, _)| name).collect();
    let [(name, view)] = &matrices[..] else {
        let what = match (tensor, names.is_empty()) {
            (Some(tensor), _) => format!("holds no tensor `{tensor}`"),
            (None, true) => "holds no tensor of two dimensions".to_owned(),
            (None, false) => format!(
                "holds several tensors of two dimensions: write {}#NAME with one of {}",
                path.display(),
                names.join(", ")
            ),
        };
        return Err(fault(path, what));
    };
    let [rows, cols] = view.shape() else {
        return Err(fault(
            path,
            format!("the tensor `{name}` does not have two dimensions"),
        ));
    };
    if rows * cols == 0 {
        return Err(fault(path, format!("the tensor `{name}` holds no numbers")));
    }
    let data = view.data();
    let values: Vec<f32> = match view.dtype() {
        Dtype::F32 => numbers(data, f32::from_le_bytes),
        Dtype::F64 => numbers(data, |b| f64::from_le_bytes(b) as f32),
        Dtype::F16 => numbers(data, |b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => numbers(data, |b| bf16::from_le_bytes(b).to_f32()),
        other => {
            return Err(fault(
                path,
                format!("the tensor `{name}` holds {other:?}, not floating-point numbers"),
            ));
        }
    };
    Ok(Matrix::new(*cols, values))
}

fn numbers<const N: usize>(data: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = data.as_chunks::<N>();
    chunks.iter().map(|&bytes| value(bytes)).collect()
}

/// The parts of a folder, in the order of their numbers.
fn read_folder(path: &Path, kind: Kind) -> Result<Array, ArrayError> {
    let [stem, own] = kind.stems();
    let single = path.join(format!("{own}.npy"));
    if single.is_file() {
        return read_file(&single, kind);
    }
    let nested = path.join(stem);
    let folder = if nested.is_dir() { &nested } else { path };
    let mut parts = numbered(folder, &format!("{stem}_"), ".npy")?;
    if parts.is_empty() {
        return Err(fault(
            path,
            format!("no {own}.npy here, and no {stem}_0.npy as clip-retrieval writes it"),
        ));
    }
    parts.sort_unstable();
    let mut named = BTreeMap::new();
    // Beside the arrays, beside their folder, or where that is what was given, beside it.
    for place in [
        path.join("metadata"),
        path.to_owned(),
        path.join("..").join("metadata"),
    ] {
        if place.is_dir() && named.is_empty() {
            let tables = numbered(&place, "metadata_", ".parquet")?;
            named.extend(
                tables
                    .into_iter()
                    .map(|(number, path)| (number.value, path)),
            );
        }
    }
    check_parts(path, &parts, &named)?;
    // As a store has it: `img_logvar/img_logvar_0.npy` beside `img_emb/img_emb_0.npy`.
    let of_variances = stem.replace("_emb", "_logvar");
    let nested = path.join(&of_variances);
    let beside = if nested.is_dir() { &nested } else { path };
    let (mut values, mut cols) = (Vec::new(), 0);
    let mut log_variances: Option<Vec<f32>> = None;
    let (first, mut told) = (parts[0].1.clone(), 0);
    let mut names = (!named.is_empty()).then(Names::default);
    for (number, part) in parts {
        let rows = read_npy(&part)?;
        if cols != 0 && cols != rows.cols() {
            return Err(fault(
                &part,
                format!(
                    "has rows of {} numbers, those before it {cols}",
                    rows.cols()
                ),
            ));
        }
        cols = rows.cols();
        let name = format!("{of_variances}_{number}.npy");
        if let Some(of_part) = read_log_variances(&beside.join(name), &rows, kind)? {
            log_variances
                .get_or_insert_default()
                .extend(of_part.into_vec());
        }
        told += rows.rows();
        let is_whole = |of: &Vec<f32>| of.len() == told * cols;
        if log_variances.as_ref().is_some_and(|of| !is_whole(of)) {
            return Err(fault(
                &first,
                format!(
                    "of {} some parts have log σ² beside them and some have none",
                    path.display()
                ),
            ));
        }
        if let (Some(names), Some(table)) = (&mut names, named.get(&number.value)) {
            let of_part = read_names(table, kind, rows.rows())?;
            of_part.iter().for_each(|name| names.push(name));
        }
        values.extend(rows.into_vec());
    }
    Ok(Array {
        rows: Matrix::new(cols, values),
        log_variances: log_variances.map(|of| Matrix::new(cols, of)),
        names,
    })
}

/// Refuses parts that are missing: rows would be taken for those of others.
fn check_parts(
    path: &Path,
    parts: &[(Number, PathBuf)],
    named: &BTreeMap<u64, PathBuf>,
) -> Result<(), ArrayError> {
    for (number, part) in parts {
        if !named.is_empty() && !named.contains_key(&number.value) {
            let text = format!("has no metadata_{number}.parquet, and others have theirs");
            return Err(fault(part, text));
        }
    }
    let is_part = |number: &u64| parts.iter().any(|(part, _)| part.value == *number);
    match named.iter().find(|(number, _)| !is_part(number)) {
        Some((_, table)) => Err(fault(
            table,
            format!(
                "names rows of a part that is not in {}: is one missing?",
                path.display()
            ),
        )),
        None => Ok(()),
    }
}

/// Files of a folder whose name is a number between these, with the number as written sorted by its value.
fn numbered(
    folder: &Path,
    before: &str,
    after: &str,
) -> Result<Vec<(Number, PathBuf)>, ArrayError> {
    let entries = std::fs::read_dir(folder).map_err(|source| ArrayError::Read {
        path: folder.to_owned(),
        source,
    })?;
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(before)?.strip_suffix(after));
        if let Some(number) = number
            && let Ok(value) = number.parse()
        {
            found.push((
                Number {
                    value,
                    written: number.to_owned(),
                },
                entry.path(),
            ));
        }
    }
    Ok(found)
}

/// A number in a file's name, which may have zeros before it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    value: u64,
    written: String,
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written)
    }
}

/// Refuses what no figure can be made of.
fn check(path: &Path, rows: &Matrix, kind: Kind) -> Result<(), ArrayError> {
    for i in 0..rows.rows() {
        let row = rows.row(i);
        let is_wrong = |v: &f32| match kind {
            Kind::Scores => v.is_nan() || *v == f32::INFINITY,
            _ => !v.is_finite(),
        };
        if let Some(col) = row.iter().position(is_wrong) {
            return Err(fault(
                path,
                format!(
                    "row {i}, column {col} (from 0) is {}, not a number to reckon with",
                    row[col]
                ),
            ));
        }
        let is_empty = match kind {
            Kind::Scores => row.iter().all(|&v| v == f32::NEG_INFINITY),
            _ => row.iter().all(|&v| v == 0.0),
        };
        if is_empty {
            return Err(fault(
                path,
                format!("row {i} (from 0) says nothing: all of it is {}", row[0]),
            ));
        }
    }
    Ok(())
}
