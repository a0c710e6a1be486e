//! One column of a batch: what each row holds, however it is stored.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::types::{Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::types::{UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use crate::dataset::table::values;

/// A column of one batch, its dictionary taken apart.
pub struct Values {
    /// One a row: where rows are null.
    column: ArrayRef,
    /// Index into `values` of each row; `None`: the values are the column itself.
    keys: Option<Vec<usize>>,
    values: ArrayRef,
}

impl Values {
    pub fn new(column: &ArrayRef) -> Self {
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
    pub fn text(&self, i: usize) -> Option<&str> {
        let i = self.position(i)?;
        match self.values.data_type() {
            DataType::Utf8 => Some(self.values.as_string::<i32>().value(i)),
            DataType::LargeUtf8 => Some(self.values.as_string::<i64>().value(i)),
            DataType::Utf8View => Some(self.values.as_string_view().value(i)),
            _ => None,
        }
    }

    /// The whole number of row `i` as it is written; none: null, or no number.
    pub fn number(&self, i: usize) -> Option<String> {
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
    pub fn numbers(&self, i: usize, found: &mut Vec<f64>) {
        if let Some(list) = self.list(i) {
            for k in 0..list.column.len() {
                let before = found.len();
                list.numbers(k, found);
                // Left out, it would move the numbers after it.
                if found.len() == before {
                    found.push(f64::NAN);
                }
            }
            return;
        }
        if let Some(number) = self.number(i) {
            found.extend(number.parse::<f64>());
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
    pub fn flag(&self, i: usize) -> bool {
        match (self.position(i), self.values.data_type()) {
            (Some(i), DataType::Boolean) => self.values.as_boolean().value(i),
            _ => self.number(i).is_some_and(|number| number != "0"),
        }
    }

    /// Adds the labels of row `i`. The texts of a list are not separated further.
    pub fn labels(&self, i: usize, found: &mut Vec<String>) -> Result<(), String> {
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
