//! What a view shows as a table, for a file: rows are made when they are written.

use std::fmt;
use std::path::Path;

use serde_json::{Map, Value};

/// A table of which the rows are made one by one.
pub struct Sheet {
    pub columns: Vec<String>,
    pub len: usize,
    /// The cells of a row.
    pub row: Box<dyn Fn(usize) -> Vec<Value> + Send>,
}

impl fmt::Debug for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sheet({:?}, {} rows)", self.columns, self.len)
    }
}

impl Sheet {
    /// The table as the file's name asks: `.json` (a list of objects), `.jsonl`, else CSV.
    ///
    /// # Errors
    /// What the CSV writer refuses, which it should not.
    pub fn render(&self, path: &Path) -> Result<Vec<u8>, String> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("json") => {
                let all: Vec<Value> = (0..self.len).map(|i| self.object(i)).collect();
                let mut text = serde_json::to_vec_pretty(&all).map_err(|e| e.to_string())?;
                text.push(b'\n');
                Ok(text)
            }
            Some("jsonl") => {
                let mut text = Vec::new();
                for i in 0..self.len {
                    serde_json::to_writer(&mut text, &self.object(i)).map_err(|e| e.to_string())?;
                    text.push(b'\n');
                }
                Ok(text)
            }
            _ => self.csv().map_err(|e| e.to_string()),
        }
    }

    fn object(&self, i: usize) -> Value {
        let cells = self.columns.iter().cloned().zip((self.row)(i));
        Value::Object(cells.collect::<Map<_, _>>())
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns)?;
        for i in 0..self.len {
            let cells = (self.row)(i).into_iter().map(|value| match value {
                Value::Null => String::new(),
                Value::String(text) => text,
                value => value.to_string(),
            });
            writer.write_record(cells)?;
        }
        writer.into_inner().map_err(|e| e.into_error().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sheet() -> Sheet {
        Sheet {
            columns: vec!["image".into(), "p".into()],
            len: 2,
            row: Box::new(|i| match i {
                0 => vec![json!("a, \"b\""), json!(0.5)],
                _ => vec![json!("c"), Value::Null],
            }),
        }
    }

    #[test]
    fn the_name_of_the_file_says_the_format() {
        let text =
            |name: &str| String::from_utf8(sheet().render(Path::new(name)).unwrap()).unwrap();
        assert_eq!(text("x.csv"), "image,p\n\"a, \"\"b\"\"\",0.5\nc,\n");
        assert_eq!(text("x"), text("x.csv"));
        assert_eq!(
            text("x.jsonl"),
            "{\"image\":\"a, \\\"b\\\"\",\"p\":0.5}\n{\"image\":\"c\",\"p\":null}\n"
        );
        let parsed: Value = serde_json::from_str(&text("x.json")).unwrap();
        assert_eq!(parsed[1], json!({"image": "c", "p": null}));
    }
}
