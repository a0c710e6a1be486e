//! Parquet tables, such as Hugging Face's `metadata.parquet`.

mod column;
mod labelling;
mod lists;
mod pictures;

use std::path::Path;

use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;

use super::{Columns, Role, Row, Seen, Spec, Take};
use crate::dataset::DatasetError;
use crate::guard::guard;
use column::Values;
use labelling::Labelling;
pub use lists::{columns, read_lists, read_texts};
pub(in crate::dataset) use pictures::{PictureColumn, PictureTable, has_pictures};

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
        .map_err(|fault| fault.told(path, None, &names, (spec, String::new())))?;
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

    let labelling = Labelling::new(path, builder.schema(), columns.of(Role::Label));
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
        let labels = labelling.of(&batch).map_err(fault)?;
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
            let found = labels
                .get(i)
                .map_err(|what| at_row(format!("a label: {what}")))?;
            (row.labels, row.named) = match found.numbers {
                Some(numbers) => (numbers, Some(found.names)),
                None => (found.names, None),
            };
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
            Err("holds images, where their paths are expected".to_owned())
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
        other if other.is_integer() => Ok(()),
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
