//! CSV and TSV.

use std::path::Path;

use super::{Columns, Role, Row, Seen, Spec, Take, empty, values};
use crate::dataset::DatasetError;
use crate::text::{Pieces, line_at, shown};

/// Reads rows below a header; blank rows are passed over. Of the text no more than a piece, or a row that is longer, is in memory.
pub(super) fn read(
    path: &Path,
    pieces: &mut Pieces<'_>,
    delimiter: u8,
    spec: &Spec,
    take: &mut Take<'_>,
) -> Result<Seen, DatasetError> {
    let mut rows = Rows {
        path,
        delimiter,
        spec,
        header: None,
        rows: 0,
        row: Row::default(),
        record: csv::StringRecord::new(),
        line: 1,
    };
    let (mut text, mut is_whole, mut has_text) = (String::new(), false, false);
    while !is_whole {
        // A row that has no end yet needs more than was enough before.
        let before = text.len();
        while !is_whole && text.len() <= 2 * before {
            is_whole = !pieces.add(&mut text)?;
        }
        has_text |= !text.trim_start().is_empty();
        let read = rows.read(&text, is_whole, take)?;
        text.drain(..read);
    }
    if !has_text {
        return Err(empty(path, "the file is empty"));
    }
    let (columns, found) = rows
        .header
        .ok_or_else(|| empty(path, "it holds separators and nothing else"))?;
    Ok(Seen {
        rows: rows.rows,
        labelled: !found.of(Role::Label).is_empty(),
        columns,
    })
}

/// The rows of a table, as far as they are read.
struct Rows<'a> {
    path: &'a Path,
    delimiter: u8,
    spec: &'a Spec,
    header: Option<(Vec<String>, Columns)>,
    rows: usize,
    row: Row,
    record: csv::StringRecord,
    /// Of what is read next.
    line: usize,
}

impl Rows<'_> {
    /// Reads the rows that begin and end in `text`, and says how much of it that was. A row at its end may go on unless it is the `last`
    /// text.
    fn read(
        &mut self,
        text: &str,
        is_last: bool,
        take: &mut Take<'_>,
    ) -> Result<usize, DatasetError> {
        let mut reader = reader(text, self.delimiter);
        let mut counted = 0;
        loop {
            // The reader's own line is that of the blank lines it passes over, so count up to the record.
            let before = reader.position().byte() as usize;
            let more = reader
                .read_record(&mut self.record)
                .map_err(|e| self.fault(e.to_string()))?;
            let end = reader.position().byte() as usize;
            if end == text.len() && !is_last {
                self.line += line_at(&text.as_bytes()[counted..], before - counted) - 1;
                return Ok(before);
            }
            if !more {
                return Ok(text.len());
            }
            let rest = &text[before..];
            let start = before + rest.len() - rest.trim_start_matches(['\r', '\n']).len();
            self.line += line_at(&text.as_bytes()[counted..], start - counted) - 1;
            counted = start;
            // The reader takes an open quote's field to the end of the file, and all rows in it with it.
            if end == text.len() && is_open(&text[start..], self.delimiter) {
                return Err(
                    self.fault("a quote (\") is opened in this row and never closed".to_owned())
                );
            }
            if !self.record.iter().all(|field| field.trim().is_empty()) {
                self.take(take)?;
            }
        }
    }

    fn fault(&self, what: String) -> DatasetError {
        DatasetError::Line {
            path: self.path.to_owned(),
            line: self.line,
            what,
        }
    }

    /// Takes a record: the header, or a row.
    fn take(&mut self, take: &mut Take<'_>) -> Result<(), DatasetError> {
        let Some((names, columns)) = &self.header else {
            let names = self.record.iter().map(|f| f.trim().to_owned());
            let names: Vec<String> = names.collect();
            let columns = Columns::find(&names, self.spec).map_err(|fault| {
                let hint = separator_hint(&names);
                fault.told(self.path, Some(self.line), &names, (self.spec, hint))
            })?;
            self.header = Some((names, columns));
            return Ok(());
        };
        if self.record.len() != names.len() {
            return Err(self.fault(format!(
                "{} field{} where the header has {} ({}); a field that contains the separator must be quoted",
                self.record.len(),
                if self.record.len() == 1 { "" } else { "s" },
                names.len(),
                super::list(names)
            )));
        }
        let image = self.record[columns.image()].trim();
        if image.is_empty() {
            return Err(self.fault(format!(
                "no image in the column `{}`",
                names[columns.image()]
            )));
        }
        self.row.image.clear();
        self.row.image.push_str(image);
        self.row.line = Some(self.line);
        let filled = fill(&mut self.row, &self.record, columns);
        filled
            .map_err(|(column, what)| self.fault(format!("column `{}`: {what}", names[column])))?;
        take(&mut self.row).map_err(|what| DatasetError::Line {
            path: self.path.to_owned(),
            line: self.line,
            what,
        })?;
        self.rows += 1;
        Ok(())
    }
}

/// Reads what a record says besides the image; else the column at fault and what is wrong with it.
fn fill(
    row: &mut Row,
    record: &csv::StringRecord,
    columns: &Columns,
) -> Result<(), (usize, String)> {
    row.labels.clear();
    row.probabilities.clear();
    row.problematic = false;
    for &i in columns.of(Role::Label) {
        values::of_cell(&record[i], &mut row.labels).map_err(|what| (i, what))?;
    }
    for &i in columns.of(Role::Probability) {
        values::numbers_of_cell(&record[i], &mut row.probabilities).map_err(|what| (i, what))?;
    }
    for &i in columns.of(Role::Problematic) {
        row.problematic |= values::flag_of_cell(&record[i]).map_err(|what| (i, what))?;
    }
    Ok(())
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
}

/// Whether the one record that `text` holds ends inside of quotes: then another line belongs to it as well.
fn is_open(text: &str, delimiter: u8) -> bool {
    text.contains('"') && {
        let longer = format!("{}\n.", text.trim_end_matches(['\r', '\n']));
        reader(&longer, delimiter).records().count() == 1
    }
}

/// What may be wrong with a header that names no image.
fn separator_hint(names: &[String]) -> String {
    if let [name] = names {
        for (separator, called) in [(';', "`;`"), ('\t', "tabs"), ('|', "`|`"), (',', "commas")] {
            if name.contains(separator) {
                return format!(
                    "; its fields seem to be separated by {called}: commas are read in a .csv, tabs in a .tsv"
                );
            }
        }
    }
    let first = names.first().map(|name| shown(name)).unwrap_or_default();
    if Path::new(&first).extension().is_some() {
        return format!("; the first line must name the columns, and `{first}` looks like a file");
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a text in pieces of this size: line, image and labels of each row; else the fault.
    fn told(text: &str, size: usize) -> Result<Vec<String>, String> {
        let path = Path::new("m.csv");
        let mut pieces = Pieces::new(path, text.as_bytes(), size);
        let mut found = Vec::new();
        let read = read(
            path,
            &mut pieces,
            b',',
            &Spec::manifest(false),
            &mut |row| {
                found.push(format!("{:?} {} {:?}", row.line, row.image, row.labels));
                Ok(())
            },
        );
        read.map(|_| found).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_are_the_same_in_pieces_of_any_size() {
        for text in [
            "image,label\n1.jpg,cat\n\n\n2.jpg,dog\r\n3.jpg,a|b",
            "image,label\n\"1\n.jpg\",\"cat\n\n\"\n2.jpg,5\" nail\n3.jpg,\"a\"\"\n\"\n",
            "\r\n\nimage,label\r1.jpg,cat\r\r2.jpg,dog\r",
            "image,label\n1.jpg,cat\n2.jpg,dog,3\n3.jpg,cat\n",
            "image,label\n1.jpg,cat\n2.jpg,\"dog\n3.jpg,cat\n4.jpg,cat\n",
            "image,label\n1.jpg,cat\n,dog\n",
            "label\n1",
            ",,\n,\n",
            " \n\n ",
            "",
        ] {
            let whole = told(text, 1 << 20);
            for size in 1..40 {
                assert_eq!(told(text, size), whole, "{text:?} {size}");
            }
        }
    }
}
