//! Images that two sources name, found in one another.

use std::path::Path;

use anyhow::bail;

use crate::cli::output::tell;
use crate::names::{NameIndex, Names};
use crate::text::shown;

/// Parts of a path that are compared, at most.
const DEEPEST: usize = 8;

/// Where each image is in a table, whose images are `listed` and found by `find`: by its name, or where no name is in the table as it
/// is, by as many of the last parts of its path as tell the images of the table apart.
///
/// # Errors
/// The table names none of the images; an image is given twice.
pub fn join(
    names: &Names,
    listed: &Names,
    find: &dyn Fn(&str) -> Option<usize>,
    source: &Path,
    table_source: &Path,
) -> anyhow::Result<Vec<Option<u32>>> {
    let by_name = |name: &str| find(name).map(|place| place as u32);
    let mut places: Vec<Option<u32>> = names.iter().map(by_name).collect();
    if places.iter().all(Option::is_none) {
        let Some((parts, found)) = by_last_parts(names, listed) else {
            let first = |names: &Names| names.iter().next().map_or(String::new(), shown);
            bail!(
                "{table} names none of the images of {source}: its first is `{}`, and that of {source} `{}`",
                first(listed),
                first(names),
                table = table_source.display(),
                source = source.display()
            );
        };
        let by = match parts {
            1 => "file names".to_owned(),
            parts => format!("last {parts} parts"),
        };
        tell!(
            "{} and {} name the images by other paths: matched by their {by}",
            source.display(),
            table_source.display()
        );
        places = found;
    }
    let mut taken = vec![false; listed.len()];
    for (i, place) in places.iter().enumerate() {
        if let Some(place) = place
            && std::mem::replace(&mut taken[*place as usize], true)
        {
            bail!(
                "{}: the image `{}` is given a second time; an image has one row",
                source.display(),
                shown(names.get(i))
            );
        }
    }
    Ok(places)
}

/// Where each image is among others by the fewest last parts that tell these apart, if any is found by them.
pub fn by_last_parts(names: &Names, others: &Names) -> Option<(usize, Vec<Option<u32>>)> {
    for parts in 1..=DEEPEST {
        let ends: Names = others.iter().map(|name| end(name, parts)).collect();
        let mut index = NameIndex::default();
        if (0..ends.len()).any(|i| index.insert(&ends, i).is_some()) {
            continue;
        }
        let find = |name| {
            index
                .find(&ends, end(name, parts))
                .map(|place| place as u32)
        };
        let places: Vec<Option<u32>> = names.iter().map(find).collect();
        return places
            .iter()
            .any(Option::is_some)
            .then_some((parts, places));
    }
    None
}

/// The last parts of a path, of Windows or not; all of it where it has no more.
fn end(path: &str, parts: usize) -> &str {
    let mut slashes = path.rmatch_indices(['/', '\\']);
    match slashes.nth(parts - 1) {
        Some((at, _)) => &path[at + 1..],
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_parts_of_a_path() {
        for (path, parts, expected) in [
            ("a.jpg", 1, "a.jpg"),
            ("x/y/a.jpg", 1, "a.jpg"),
            ("x/y/a.jpg", 2, "y/a.jpg"),
            ("x/y/a.jpg", 9, "x/y/a.jpg"),
            ("x\\y\\a.jpg", 2, "y\\a.jpg"),
        ] {
            assert_eq!(end(path, parts), expected);
        }
    }
}
