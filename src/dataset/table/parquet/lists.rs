//! Columns of numbers that make a matrix, and of texts that name its rows.

use std::path::Path;

use arrow_schema::DataType;

use super::{check_image_type, check_number_type, each_row, open};
use crate::dataset::table::list;
use crate::guard::guard;
use crate::matrix::Matrix;
use crate::names::Names;

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
                list(&all)
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
                found.push(row_name(names.text(i), rows - 1)?);
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

/// The names of a table's columns; `None` if it cannot be read.
pub fn columns(path: &Path) -> Option<Vec<String>> {
    guard(|| {
        let builder = open(path).ok()?;
        let fields = builder.schema().fields();
        Some(fields.iter().map(|field| field.name().clone()).collect())
    })
    .flatten()
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
                list(&all)
            ));
        };
        check_image_type(fields[column].data_type())
            .map_err(|what| format!("column `{}`: {what}", fields[column].name()))?;
        let mut found = Names::default();
        each_row(builder, &[column], &mut |arrays, i| {
            found.push(row_name(arrays[0].text(i), found.len())?);
            Ok(())
        })?;
        Ok(found)
    })
    .unwrap_or_else(|| Err(damaged()))
}

/// The name of a row.
fn row_name(name: Option<&str>, row: usize) -> Result<&str, String> {
    name.filter(|name| !name.is_empty())
        .ok_or_else(|| format!("row {row} (from 0) has no name"))
}
