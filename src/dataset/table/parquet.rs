//! Parquet tables, such as Hugging Face's `metadata.parquet`.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::types::{Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::types::{UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;

use super::{Columns, Role, Row, Seen, Spec, Take, values};
use crate::dataset::DatasetError;
use crate::guard::guard;
use crate::matrix::Matrix;
use crate::names::Names;

/// Reads a table in a Parquet file. The library panics on some that are damaged.
pub(super) fn read(path: &Path, spec: &Spec, take: &mut Take<'_>) -> Result<Seen, DatasetError> {
    guard(|| read_columns(path, spec, take)).unwrap_or_else(|| {
        Err(DatasetError::File {
            path: path.to_owned(),
            what: "the Parquet file is damaged".to_owned(),
        })
    })
}

/// Reads the image column (text), the label columns (text, whole numbers, or lists of these), and those of probabilities
/// (numbers or lists of these) and of yes or no.
fn read_columns(path: &Path, spec: &Spec, take: &mut Take<'_>) -> Result<Seen, DatasetError> {
    let fault = |what: String| DatasetError::File {
        path: path.to_owned(),
        what,
    };
    let builder = open(path).map_err(fault)?;
    let fields = builder.schema().fields();
    let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    let columns = Columns::find(&names, spec)
        .map_err(|fault| fault.told(path, None, &names, String::new()))?;
    for role in Role::ALL {
        for &i in columns.of(role) {
            let data_type = fields[i].data_type();
            match role {
                Role::Image => check_image_type(data_type),
                Role::Label => check_label_type(data_type),
                Role::Probability => check_number_type(data_type),
                Role::Problematic => check_flag_type(data_type),
            }
            .map_err(|what| fault(format!("column `{}`: {what}", names[i])))?;
        }
    }

    let wanted: Vec<usize> = columns.0.iter().flatten().copied().collect();
    check_compression(&builder, &wanted).map_err(fault)?;
    // Images may lie in the file as bytes: only what is asked for is read.
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
    let reader = builder
        .with_projection(mask)
        .build()
        .map_err(|e| fault(e.to_string()))?;
    let mut rows = 0;
    let mut row = Row::default();
    for batch in reader {
        let batch = batch.map_err(|e| fault(format!("row {} or after: {e}", rows + 1)))?;
        let arrays = |role: Role| -> Result<Vec<Values>, DatasetError> {
            let arrays = columns.of(role).iter().map(|&i| {
                let array = batch.column_by_name(&names[i]);
                array
                    .map(Values::new)
                    .ok_or_else(|| fault(format!("the column `{}` cannot be read", names[i])))
            });
            arrays.collect()
        };
        let images = arrays(Role::Image)?;
        let labels = arrays(Role::Label)?;
        let probabilities = arrays(Role::Probability)?;
        let flags = arrays(Role::Problematic)?;
        for i in 0..batch.num_rows() {
            let at_row = |what: String| fault(format!("row {}: {what}", rows + 1));
            let image = images[0].text(i).filter(|image| !image.trim().is_empty());
            let Some(image) = image else {
                return Err(at_row(format!(
                    "no image in the column `{}`",
                    names[columns.image()]
                )));
            };
            row.image.clear();
            row.image.push_str(image);
            row.labels.clear();
            for column in &labels {
                let added = column.labels(i, &mut row.labels);
                added.map_err(|what| at_row(format!("a label: {what}")))?;
            }
            row.probabilities.clear();
            for column in &probabilities {
                column.numbers(i, &mut row.probabilities);
            }
            row.problematic = flags.iter().any(|column| column.flag(i));
            take(&mut row).map_err(at_row)?;
            rows += 1;
        }
    }
    Ok(Seen {
        rows,
        labelled: !columns.of(Role::Label).is_empty(),
        columns: names,
    })
}

/// Reads a column of lists of numbers, a row each, and a column of texts that name the rows, if there is one. Of several columns
/// that could be meant the first of `values`, and of `names`, is.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn read_lists(
    path: &Path,
    values: &[&str],
    names: &[&str],
) -> Result<(Matrix, Option<Names>), String> {
    let damaged = || "the Parquet file is damaged".to_owned();
    guard(|| {
        let builder = open(path)?;
        let fields = builder.schema().fields();
        let is_list = |i: &usize| {
            let data_type = fields[*i].data_type();
            let has_length = matches!(
                data_type,
                DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
            );
            has_length && check_number_type(data_type).is_ok()
        };
        let lists: Vec<usize> = (0..fields.len()).filter(is_list).collect();
        let named = |wanted: &[&str], among: &[usize]| {
            let mut hits = wanted.iter().filter_map(|name| {
                let is_named = |&&i: &&usize| fields[i].name().eq_ignore_ascii_case(name);
                among.iter().find(is_named).copied()
            });
            hits.next()
        };
        let column = named(values, &lists).or(match lists[..] {
            [only] => Some(only),
            _ => None,
        });
        let Some(column) = column else {
            let all: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
            return Err(format!(
                "no column of lists of numbers, or several; name one `{}`; the columns are: {}",
                values[0],
                super::list(&all)
            ));
        };
        let texts: Vec<usize> = (0..fields.len())
            .filter(|&i| check_image_type(fields[i].data_type()).is_ok())
            .collect();
        let naming = named(names, &texts);
        let wanted: Vec<usize> = std::iter::once(column).chain(naming).collect();
        let mut numbers = Vec::new();
        let (mut cols, mut rows) = (0, 0);
        let mut found = Names::default();
        each_row(builder, &wanted, &mut |arrays, i| {
            let before = numbers.len();
            let mut row = Vec::with_capacity(cols);
            arrays[0].numbers(i, &mut row);
            numbers.extend(row.iter().map(|&v| v as f32));
            let length = numbers.len() - before;
            if length == 0 || (rows > 0 && length != cols) {
                return Err(format!(
                    "row {rows} (from 0) has {length} numbers{}",
                    if rows > 0 {
                        format!(", those before it {cols}")
                    } else {
                        String::new()
                    }
                ));
            }
            cols = length;
            rows += 1;
            if let Some(names) = arrays.get(1) {
                found.push(names.text(i).unwrap_or_default());
            }
            Ok(())
        })?;
        if rows == 0 {
            return Err("holds no row".to_owned());
        }
        Ok((Matrix::new(cols, numbers), naming.map(|_| found)))
    })
    .unwrap_or_else(|| Err(damaged()))
}

/// Reads a column of texts: the first of `names` that there is.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn read_texts(path: &Path, names: &[&str]) -> Result<Names, String> {
    let damaged = || "the Parquet file is damaged".to_owned();
    guard(|| {
        let builder = open(path)?;
        let fields = builder.schema().fields();
        let position = |name: &&str| {
            fields
                .iter()
                .position(|f| f.name().eq_ignore_ascii_case(name))
        };
        let Some(column) = names.iter().find_map(position) else {
            let all: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
            return Err(format!(
                "no column `{}` that names the rows; the columns are: {}",
                names.join("`, `"),
                super::list(&all)
            ));
        };
        check_image_type(fields[column].data_type())
            .map_err(|what| format!("column `{}`: {what}", fields[column].name()))?;
        let mut found = Names::default();
        each_row(builder, &[column], &mut |arrays, i| {
            found.push(arrays[0].text(i).unwrap_or_default());
            Ok(())
        })?;
        Ok(found)
    })
    .unwrap_or_else(|| Err(damaged()))
}

/// What is given a row: the arrays of a batch, and the row in them.
type TakeRow<'a> = dyn FnMut(&[Values], usize) -> Result<(), String> + 'a;

type Builder = ParquetRecordBatchReaderBuilder<std::fs::File>;

fn open(path: &Path) -> Result<Builder, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    Builder::try_new(file).map_err(|e| format!("not a Parquet file that can be read: {e}"))
}

/// Reads these columns, in this order, and hands on each row.
fn each_row(builder: Builder, wanted: &[usize], take: &mut TakeRow<'_>) -> Result<(), String> {
    check_compression(&builder, wanted)?;
    let fields = builder.schema().fields();
    let names: Vec<String> = wanted.iter().map(|&i| fields[i].name().clone()).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.iter().copied());
    let reader = builder
        .with_projection(mask)
        .build()
        .map_err(|e| e.to_string())?;
    for batch in reader {
        let batch = batch.map_err(|e| e.to_string())?;
        let mut arrays = Vec::with_capacity(names.len());
        for name in &names {
            let array = batch.column_by_name(name);
            arrays.push(Values::new(
                array.ok_or_else(|| format!("the column `{name}` cannot be read"))?,
            ));
        }
        for i in 0..batch.num_rows() {
            take(&arrays, i)?;
        }
    }
    Ok(())
}

fn check_image_type(data_type: &DataType) -> Result<(), String> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(()),
        DataType::Dictionary(_, values) => check_image_type(values),
        DataType::Struct(_) | DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            Err("holds the images themselves, which are not read from Parquet; write them to files and put their paths here".to_owned())
        }
        other => Err(format!("expected paths as text, found {other}")),
    }
}

fn check_label_type(data_type: &DataType) -> Result<(), String> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) => check_label_value(item.data_type()),
        other => check_label_value(other),
    }
    .map_err(|()| format!("expected text, whole numbers or lists of these, found {data_type}"))
}

fn check_number_type(data_type: &DataType) -> Result<(), String> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            check_number_type(item.data_type())
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Ok(()),
        other => Err(format!(
            "expected numbers or lists of numbers, found {other}"
        )),
    }
}

fn check_flag_type(data_type: &DataType) -> Result<(), String> {
    match data_type {
        DataType::Boolean => Ok(()),
        other if other.is_integer() => Ok(()),
        other => Err(format!("expected true and false, found {other}")),
    }
}

fn check_label_value(data_type: &DataType) -> Result<(), ()> {
    match data_type {
        DataType::Dictionary(_, values) => check_label_value(values),
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(()),
        other if other.is_integer() => Ok(()),
        _ => Err(()),
    }
}

/// Refuses codecs that are not built in, which the reader itself reports in its builder's terms.
fn check_compression(
    builder: &ParquetRecordBatchReaderBuilder<std::fs::File>,
    roots: &[usize],
) -> Result<(), String> {
    let schema = builder.parquet_schema();
    for group in builder.metadata().row_groups() {
        for (leaf, chunk) in group.columns().iter().enumerate() {
            if !roots.contains(&schema.get_column_root_idx(leaf)) {
                continue;
            }
            match chunk.compression() {
                Compression::UNCOMPRESSED | Compression::SNAPPY => {}
                other => {
                    let codec = other.to_string();
                    let codec = codec.split('(').next().unwrap_or_default();
                    return Err(format!(
                        "compressed with {codec}, which is not read; write it with snappy or without compression"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// A column of one batch, its dictionary taken apart.
struct Values {
    /// One a row: where rows are null.
    column: ArrayRef,
    /// Index into `values` of each row; `None`: the values are the column itself.
    keys: Option<Vec<usize>>,
    values: ArrayRef,
}

impl Values {
    fn new(column: &ArrayRef) -> Self {
        let dictionary = column.as_any_dictionary_opt();
        let (keys, values) = match dictionary {
            None => (None, column),
            // Without values every row is null; the keys cannot be asked for then.
            Some(dictionary) if dictionary.values().is_empty() => (Some(Vec::new()), column),
            Some(dictionary) => (Some(dictionary.normalized_keys()), dictionary.values()),
        };
        Self {
            column: column.clone(),
            keys,
            values: values.clone(),
        }
    }

    /// Where row `i` stands in `values`; none: null.
    fn position(&self, i: usize) -> Option<usize> {
        if self.column.is_null(i) {
            return None;
        }
        let position = match &self.keys {
            None => i,
            Some(keys) => *keys.get(i)?,
        };
        self.values.is_valid(position).then_some(position)
    }

    /// The text of row `i`; none: null, or no text.
    fn text(&self, i: usize) -> Option<&str> {
        let i = self.position(i)?;
        match self.values.data_type() {
            DataType::Utf8 => Some(self.values.as_string::<i32>().value(i)),
            DataType::LargeUtf8 => Some(self.values.as_string::<i64>().value(i)),
            DataType::Utf8View => Some(self.values.as_string_view().value(i)),
            _ => None,
        }
    }

    /// The whole number of row `i` as it is written; none: null, or no number.
    fn number(&self, i: usize) -> Option<String> {
        let i = self.position(i)?;
        macro_rules! number {
            ($type:ty) => {
                Some(self.values.as_primitive::<$type>().value(i).to_string())
            };
        }
        match self.values.data_type() {
            DataType::Int8 => number!(Int8Type),
            DataType::Int16 => number!(Int16Type),
            DataType::Int32 => number!(Int32Type),
            DataType::Int64 => number!(Int64Type),
            DataType::UInt8 => number!(UInt8Type),
            DataType::UInt16 => number!(UInt16Type),
            DataType::UInt32 => number!(UInt32Type),
            DataType::UInt64 => number!(UInt64Type),
            _ => None,
        }
    }

    /// The list of row `i`; none: null, or no list.
    fn list(&self, i: usize) -> Option<Self> {
        let i = self.position(i)?;
        match self.values.data_type() {
            DataType::List(_) => Some(Self::new(&self.values.as_list::<i32>().value(i))),
            DataType::LargeList(_) => Some(Self::new(&self.values.as_list::<i64>().value(i))),
            DataType::FixedSizeList(..) => {
                Some(Self::new(&self.values.as_fixed_size_list().value(i)))
            }
            _ => None,
        }
    }

    /// Adds the numbers of row `i`; nothing if it is null.
    fn numbers(&self, i: usize, found: &mut Vec<f64>) {
        if let Some(list) = self.list(i) {
            (0..list.column.len()).for_each(|k| list.numbers(k, found));
            return;
        }
        let Some(i) = self.position(i) else {
            return;
        };
        match self.values.data_type() {
            DataType::Float16 => found.push(f64::from(
                self.values.as_primitive::<Float16Type>().value(i),
            )),
            DataType::Float32 => found.push(f64::from(
                self.values.as_primitive::<Float32Type>().value(i),
            )),
            DataType::Float64 => found.push(self.values.as_primitive::<Float64Type>().value(i)),
            _ => {}
        }
    }

    /// The yes or no of row `i`; null: no.
    fn flag(&self, i: usize) -> bool {
        match (self.position(i), self.values.data_type()) {
            (Some(i), DataType::Boolean) => self.values.as_boolean().value(i),
            _ => self.number(i).is_some_and(|number| number != "0"),
        }
    }

    /// Adds the labels of row `i`. The texts of a list are not separated further.
    fn labels(&self, i: usize, found: &mut Vec<String>) -> Result<(), String> {
        let Some(list) = self.list(i) else {
            if let Some(text) = self.text(i) {
                return values::of_cell(text, found);
            }
            if let Some(number) = self.number(i) {
                values::push(&number, found);
            }
            return Ok(());
        };
        for k in 0..list.column.len() {
            if let Some(text) = list.text(k) {
                values::push(text, found);
            } else if let Some(number) = list.number(k) {
                values::push(&number, found);
            }
        }
        Ok(())
    }
}
