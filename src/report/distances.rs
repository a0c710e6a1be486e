//! A measure of all pairs of labels as CSV: a table with the labels' ids above and beside it.

use std::borrow::Cow;
use std::fmt::Write;

/// The first line: the measure's name in the corner, then the ids of the columns.
pub fn csv_header<'a>(measure: &str, ids: impl Iterator<Item = &'a str>) -> String {
    let mut line = field(measure).into_owned();
    for id in ids {
        line.push(',');
        line.push_str(&field(id));
    }
    line.push('\n');
    line
}

/// A line: the id of the row, then its values, each with the fewest digits that read back as the same number.
pub fn csv_row(id: &str, values: &[f64]) -> String {
    // Nearly all values have as many as 17 digits.
    let mut line = String::with_capacity(id.len() + 20 * values.len() + 3);
    line.push_str(&field(id));
    for value in values {
        let _ = write!(line, ",{value}");
    }
    line.push('\n');
    line
}

/// A field as RFC 4180 wants it: in quotes where it holds what would end it.
fn field(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_csv_reader_reads_it() {
        let ids = ["a", "b, c", "say \"hi\"", "two\nlines", "é"];
        let values = [0.0, 1.0, 0.1 + 0.2, 1.0 / 3.0, 5e-324];
        let mut text = csv_header("lin", ids.into_iter());
        for id in ids {
            text.push_str(&csv_row(id, &values));
        }
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header: Vec<String> = reader
            .headers()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        assert_eq!(header[0], "lin");
        assert_eq!(header[1..], ids);
        let mut rows = 0;
        for (record, id) in reader.records().zip(ids) {
            let record = record.unwrap();
            assert_eq!(&record[0], id);
            let read: Vec<f64> = record.iter().skip(1).map(|v| v.parse().unwrap()).collect();
            assert_eq!(read, values);
            rows += 1;
        }
        assert_eq!(rows, ids.len());
        assert!(text.contains("\na,0,1,0.30000000000000004,"), "{text}");
    }
}
