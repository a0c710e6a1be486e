//! Parquet manifests, as Hugging Face's `metadata.parquet`.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::types::{UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::DatasetError;
use super::manifest::{Columns, Row, Rows, cell_labels, push_label};

/// Reads the image and label columns: text, whole numbers, or lists of these.
pub(super) fn read(path: &Path, image_names: [&str; 3]) -> Result<Rows, DatasetError> {
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
    let names: Vec<String> = builder
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let columns = Columns::find(path, &names, image_names)?;
    let wanted = std::iter::once(columns.image).chain(columns.labels.iter().copied());
    // Images may lie in the file as bytes: only what is asked for is read.
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
    let reader = builder
        .with_projection(mask)
        .build()
        .map_err(|e| fault(e.to_string()))?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| fault(e.to_string()))?;
        let column = |index: usize| batch.column_by_name(&names[index]);
        let images = column(columns.image).ok_or_else(|| fault("a column is missing".into()))?;
        for i in 0..batch.num_rows() {
            let in_row = |what: String| fault(format!("row {}: {what}", rows.len() + 1));
            let image = match value(images, i) {
                Some(Cell::Text(image)) if !image.trim().is_empty() => image,
                _ => {
                    return Err(in_row(format!(
                        "the column `{}` must hold a path",
                        names[columns.image]
                    )));
                }
            };
            let mut labels = Vec::new();
            for &index in &columns.labels {
                let Some(array) = column(index) else { continue };
                row_labels(array, i, &mut labels)
                    .map_err(|what| in_row(format!("column `{}`: {what}", names[index])))?;
            }
            rows.push(Row {
                image,
                labels,
                line: None,
            });
        }
    }
    Ok(Rows {
        rows,
        label_column: columns.labels.first().map(|&i| names[i].clone()),
        columns: names,
    })
}

enum Cell {
    Text(String),
    Number(String),
    Null,
}

/// The value in row `i`; none: of another type.
fn value(array: &ArrayRef, i: usize) -> Option<Cell> {
    if array.is_null(i) {
        return Some(Cell::Null);
    }
    macro_rules! number {
        ($type:ty) => {
            Cell::Number(array.as_primitive::<$type>().value(i).to_string())
        };
    }
    Some(match array.data_type() {
        DataType::Null => Cell::Null,
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(i).to_owned()),
        DataType::LargeUtf8 => Cell::Text(array.as_string::<i64>().value(i).to_owned()),
        DataType::Utf8View => Cell::Text(array.as_string_view().value(i).to_owned()),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary_opt()?;
            let key = *dictionary.normalized_keys().get(i)?;
            return value(dictionary.values(), key);
        }
        _ => return None,
    })
}

fn row_labels(array: &ArrayRef, i: usize, labels: &mut Vec<String>) -> Result<(), String> {
    let list = match array.data_type() {
        _ if array.is_null(i) => return Ok(()),
        DataType::List(_) => Some(array.as_list::<i32>().value(i)),
        DataType::LargeList(_) => Some(array.as_list::<i64>().value(i)),
        _ => None,
    };
    let unfit = |array: &ArrayRef| {
        format!(
            "expected text, whole numbers or lists of these, found {}",
            array.data_type()
        )
    };
    match list {
        Some(list) => (0..list.len()).try_for_each(|k| match value(&list, k) {
            Some(Cell::Text(label) | Cell::Number(label)) => {
                push_label(&label, labels);
                Ok(())
            }
            Some(Cell::Null) => Ok(()),
            None => Err(unfit(&list)),
        }),
        None => match value(array, i) {
            Some(Cell::Text(cell)) => cell_labels(&cell, labels),
            Some(Cell::Number(label)) => {
                push_label(&label, labels);
                Ok(())
            }
            Some(Cell::Null) => Ok(()),
            None => Err(unfit(array)),
        },
    }
}
