//! Parquet manifests, as Hugging Face's `metadata.parquet`.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::types::{UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;

use super::{ColumnFault, Columns, ImageNames, Row, Rows, labels};
use crate::dataset::DatasetError;
use crate::guard::guard;

/// Reads a manifest in a Parquet file. The library panics on some that are damaged.
pub(super) fn read(path: &Path, image_names: ImageNames) -> Result<Rows, DatasetError> {
    guard(|| read_columns(path, image_names)).unwrap_or_else(|| {
        Err(DatasetError::File {
            path: path.to_owned(),
            what: "the Parquet file is damaged".to_owned(),
        })
    })
}

/// Reads the image column (text) and the label columns: text, whole numbers, or lists of these.
fn read_columns(path: &Path, image_names: ImageNames) -> Result<Rows, DatasetError> {
    let fault = |what: String| DatasetError::File {
        path: path.to_owned(),
        what,
    };
    let file = std::fs::File::open(path).map_err(|source| DatasetError::Read {
        path: path.to_owned(),
        source,
    })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|e| fault(format!("not a Parquet file that can be read: {e}")))?;
    let fields = builder.schema().fields();
    let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    let columns = Columns::find(&names, image_names).map_err(|error| match error {
        ColumnFault::Twice(name) => fault(format!(
            "the column `{name}` appears twice; rename one of them"
        )),
        ColumnFault::NoImage => DatasetError::NoImageColumn {
            path: path.to_owned(),
            found: names.clone(),
            hint: String::new(),
        },
    })?;
    check_image_type(fields[columns.image].data_type())
        .map_err(|what| fault(format!("column `{}`: {what}", names[columns.image])))?;
    for &i in &columns.labels {
        check_label_type(fields[i].data_type())
            .map_err(|what| fault(format!("column `{}`: {what}", names[i])))?;
    }

    let wanted: Vec<usize> = std::iter::once(columns.image)
        .chain(columns.labels.iter().copied())
        .collect();
    check_compression(&builder, &wanted).map_err(fault)?;
    // Images may lie in the file as bytes: only what is asked for is read.
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
    let reader = builder
        .with_projection(mask)
        .build()
        .map_err(|e| fault(e.to_string()))?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| fault(format!("row {} or after: {e}", rows.len() + 1)))?;
        let column = |index: usize| {
            let array = batch.column_by_name(&names[index]);
            array
                .map(Values::new)
                .ok_or_else(|| fault(format!("the column `{}` cannot be read", names[index])))
        };
        let images = column(columns.image)?;
        let label_columns: Vec<Values> = columns
            .labels
            .iter()
            .map(|&i| column(i))
            .collect::<Result<_, _>>()?;
        for i in 0..batch.num_rows() {
            let Some(image) = images.text(i).filter(|image| !image.trim().is_empty()) else {
                return Err(fault(format!(
                    "row {}: no image in the column `{}`",
                    rows.len() + 1,
                    names[columns.image]
                )));
            };
            let mut found = Vec::new();
            for column in &label_columns {
                column
                    .labels(i, &mut found)
                    .map_err(|what| fault(format!("row {}: a label: {what}", rows.len() + 1)))?;
            }
            rows.push(Row {
                image: image.to_owned(),
                labels: found,
                line: None,
            });
        }
    }
    Ok(Rows {
        rows,
        labelled: !columns.labels.is_empty(),
        columns: names,
    })
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

    /// Adds the labels of row `i`. The texts of a list are not separated further.
    fn labels(&self, i: usize, found: &mut Vec<String>) -> Result<(), String> {
        let Some(position) = self.position(i) else {
            return Ok(());
        };
        let list = match self.values.data_type() {
            DataType::List(_) => self.values.as_list::<i32>().value(position),
            DataType::LargeList(_) => self.values.as_list::<i64>().value(position),
            _ => {
                if let Some(text) = self.text(i) {
                    return labels::of_cell(text, found);
                }
                if let Some(number) = self.number(i) {
                    labels::push(&number, found);
                }
                return Ok(());
            }
        };
        let list = Self::new(&list);
        for k in 0..list.column.len() {
            if let Some(text) = list.text(k) {
                labels::push(text, found);
            } else if let Some(number) = list.number(k) {
                labels::push(&number, found);
            }
        }
        Ok(())
    }
}
