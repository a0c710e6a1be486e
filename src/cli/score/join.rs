//! Images that two sources name, found in one another.

use std::path::Path;

use anyhow::bail;

use crate::cli::output::tell;
use crate::dataset::LabelTable;
use crate::names::Names;
use crate::text::shown;

/// Where each image is in a table: by its name, or by the last part of its path where no name is in the table as it is.
pub fn join(
    names: &Names,
    table: &LabelTable,
    source: &Path,
    table_source: &Path,
) -> anyhow::Result<Vec<Option<u32>>> {
    let places: Vec<Option<u32>> = names
        .iter()
        .map(|name| table.find(name).map(|place| place as u32))
        .collect();
    if places.iter().any(Option::is_some) {
        return Ok(places);
    }
    if let Some(by_file_name) = table.by_file_name() {
        let mut taken = vec![false; table.len()];
        let mut is_unique = true;
        let places: Vec<Option<u32>> = names
            .iter()
            .map(|name| {
                let place = by_file_name.find(name)?;
                is_unique &= !std::mem::replace(&mut taken[place], true);
                Some(place as u32)
            })
            .collect();
        if is_unique && places.iter().any(Option::is_some) {
            tell!(
                "{} and {} name the images by other paths: matched by their file names",
                source.display(),
                table_source.display()
            );
            return Ok(places);
        }
    }
    let first = |names: &Names| names.iter().next().map_or(String::new(), shown);
    bail!(
        "{} names none of the images of {}: the first is `{}` there, and `{}` here",
        table_source.display(),
        source.display(),
        first(names),
        first(&table.names)
    );
}
