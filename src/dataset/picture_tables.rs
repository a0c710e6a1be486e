//! Parquet tables that hold the images themselves, as Hugging Face's data sets do.

use std::path::Path;
use std::sync::Arc;

use super::items::Origin;
use super::shards::Shard;
use super::table;
use super::table::parquet::{PictureTable, has_pictures};
use super::{Dataset, DatasetError};

/// Whether the file is a table that holds images.
pub(super) fn is_one(path: &Path) -> bool {
    table::Kind::of(path) == Some(table::Kind::Parquet) && has_pictures(path)
}

/// Adds the images of tables, in the order of these and of their rows.
///
/// # Errors
/// A table that cannot be read; no row in any of them.
pub(super) fn read(tables: &[Shard], dataset: &mut Dataset) -> Result<(), DatasetError> {
    let begin = dataset.items.len();
    for Shard { path, prefix } in tables {
        let table = PictureTable::open(path)?;
        dataset.manifests.push((dataset.items.len(), path.clone()));
        // An id is one everywhere; a path or a number of a row is one of its table.
        let prefix = if table.has_ids() { "" } else { prefix };
        let origin = Origin::Table(Arc::clone(&table.column));
        dataset.items.begin(prefix, origin);
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let (items, mut row) = (&mut dataset.items, 0);
        table.each(&mut |name, labels| {
            let name = match (name, prefix.is_empty()) {
                (Some(name), _) => format!("{prefix}{name}"),
                (None, false) => format!("{prefix}{row}"),
                (None, true) => format!("{file}/{row}"),
            };
            items.push(&name, labels, None);
            row += 1;
        })?;
        if !table.is_labelled() {
            dataset.note_unlabelled(path, &table.columns);
        }
    }
    if dataset.items.len() == begin {
        return Err(DatasetError::Empty {
            path: dataset.source.clone(),
            what: "it holds column names and no row",
        });
    }
    Ok(())
}
