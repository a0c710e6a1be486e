//! CSV and TSV.

use std::path::Path;

use super::{Columns, Role, Row, Seen, Spec, Take, empty, values};
use crate::dataset::DatasetError;
use crate::text::{line_at, shown};

/// Reads rows below a header; blank rows are passed over.
pub(super) fn read(
    path: &Path,
    text: &str,
    delimiter: u8,
    spec: &Spec,
    take: &mut Take<'_>,
) -> Result<Seen, DatasetError> {
    let mut reader = reader(text, delimiter);
    let mut record = csv::StringRecord::new();
    let mut header: Option<(Vec<String>, Columns)> = None;
    let mut rows = 0;
    let mut row = Row::default();
    let (mut line, mut counted) = (1, 0);
    loop {
        // The reader's own line is that of the blank lines it passes over, so count up to the record.
        let start = reader.position().byte() as usize;
        let more = reader
            .read_record(&mut record)
            .map_err(|e| DatasetError::Line {
                path: path.to_owned(),
                line,
                what: e.to_string(),
            })?;
        if !more {
            break;
        }
        let start =
            start + text[start..].len() - text[start..].trim_start_matches(['\r', '\n']).len();
        line += line_at(&text.as_bytes()[counted..], start - counted) - 1;
        counted = start;
        let fault = |what: String| DatasetError::Line {
            path: path.to_owned(),
            line,
            what,
        };
        // The reader takes an open quote's field to the end of the file, and all rows in it with it.
        if reader.position().byte() as usize == text.len() && is_open(&text[start..], delimiter) {
            return Err(fault(
                "a quote (\") is opened in this row and never closed".to_owned(),
            ));
        }
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let Some((names, columns)) = &header else {
            let names: Vec<String> = record.iter().map(|f| f.trim().to_owned()).collect();
            let columns = Columns::find(&names, spec).map_err(|fault| {
                fault.told(path, Some(line), &names, (spec, separator_hint(&names)))
            })?;
            header = Some((names, columns));
            continue;
        };
        if record.len() != names.len() {
            return Err(fault(format!(
                "{} field{} where the header has {} ({}); a field that contains the separator must be quoted",
                record.len(),
                if record.len() == 1 { "" } else { "s" },
                names.len(),
                super::list(names)
            )));
        }
        let image = record[columns.image()].trim();
        if image.is_empty() {
            return Err(fault(format!(
                "no image in the column `{}`",
                names[columns.image()]
            )));
        }
        row.image.clear();
        row.image.push_str(image);
        row.line = Some(line);
        fill(&mut row, &record, columns)
            .map_err(|(column, what)| fault(format!("column `{}`: {what}", names[column])))?;
        take(&mut row).map_err(fault)?;
        rows += 1;
    }
    let (columns, found) =
        header.ok_or_else(|| empty(path, "it holds separators and nothing else"))?;
    Ok(Seen {
        rows,
        labelled: !found.of(Role::Label).is_empty(),
        columns,
    })
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
