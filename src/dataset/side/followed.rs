//! A side file after an edit of the taxonomy: its labels name the nodes that they named before.

use std::cmp::Reverse;
use std::ops::Range;
use std::path::Path;

use super::{Header, SideError, cell, field, parted, records, rows, text_of};
use crate::dataset::table::{self, Spec};
use crate::taxonomy::edit::Edit;
use crate::taxonomy::{Resolution, Taxonomy};

/// The text of a side file after an edit. A label that would name another node than it did, or none, becomes the id of its node, which
/// is another's after a rename or a merge; all other bytes stay as they are. A label that names no node before is left alone, and one
/// that its row has twice by then is left out. `text` is the file as it is; `path` is what messages name. O(size of the file).
///
/// # Errors
/// A label names a node that is no more, which is told at the line; the file is no table of images and labels.
pub fn followed(
    path: &Path,
    text: &str,
    edit: &Edit,
    before: &Taxonomy,
    after: &Taxonomy,
) -> Result<String, SideError> {
    let (mark, table) = parted(text);
    if table.trim().is_empty() {
        return Ok(text.to_owned());
    }
    let now = |label: &str| now(label, edit, before, after);
    refuse_gone(path, table, &now)?;
    let mut expected = rows(path, table)?;
    for labels in expected.values_mut().flatten() {
        *labels = renamed(labels, labels, &now);
    }
    match spliced(table, &now) {
        Some(after) if rows(path, &after).is_ok_and(|found| found == expected) => {
            Ok(format!("{mark}{after}"))
        }
        _ => Err(SideError::Unsafe {
            path: path.to_owned(),
        }),
    }
}

/// What becomes of a label.
enum Now {
    Same,
    Other(String),
    Gone,
}

/// What a label has to be to name its node still.
fn now(label: &str, edit: &Edit, before: &Taxonomy, after: &Taxonomy) -> Now {
    let Resolution::One(node) = before.look_up(label) else {
        return Now::Same;
    };
    let Some(node) = after.find(edit.heir(before.id(node))) else {
        return Now::Gone;
    };
    match after.look_up(label) {
        Resolution::One(found) if found == node => Now::Same,
        _ => Now::Other(after.id(node).to_owned()),
    }
}

/// # Errors
/// A label's node is gone.
fn refuse_gone(path: &Path, table: &str, now: &dyn Fn(&str) -> Now) -> Result<(), SideError> {
    let mut gone = None;
    table::read_csv(path, table, &Spec::truths(), &mut |row| {
        let mut labels = row.labels.iter();
        let found = labels.find(|label| matches!(now(label), Now::Gone));
        if let (None, Some(label)) = (&gone, found) {
            gone = Some(SideError::Gone {
                path: path.to_owned(),
                line: row.line.unwrap_or_default(),
                image: row.image.clone(),
                label: label.clone(),
            });
        }
        Ok(())
    })?;
    gone.map_or(Ok(()), Err)
}

/// Some labels of a row that has `all`, as they are now.
fn renamed(labels: &[String], all: &[String], now: &dyn Fn(&str) -> Now) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(labels.len());
    for label in labels {
        match now(label) {
            Now::Other(id) if all.contains(&id) || kept.contains(&id) => {}
            Now::Other(id) => kept.push(id),
            Now::Same | Now::Gone => kept.push(label.clone()),
        }
    }
    kept
}

/// The table with the labels as they are now. `None` where they are not found.
fn spliced(table: &str, now: &dyn Fn(&str) -> Now) -> Option<String> {
    let mut records = records(table).into_iter();
    let columns = Header::take(table, &mut records)?.labels;
    let mut out = table.to_owned();
    // From the end, so that what is before stays where it is.
    for fields in records.rev() {
        let own = |place: &Range<usize>| -> Option<Vec<String>> {
            let mut own = Vec::new();
            table::labels_of_cell(&text_of(table, place), &mut own).ok()?;
            Some(own)
        };
        let places = columns.iter().filter_map(|&column| fields.get(column));
        let cells = places.map(|place| Some((place, own(place)?)));
        let mut cells = cells.collect::<Option<Vec<_>>>()?;
        let all: Vec<String> = cells.iter().flat_map(|(_, own)| own.clone()).collect();
        cells.sort_by_key(|(place, _)| Reverse(place.start));
        for (place, own) in cells {
            let kept = renamed(&own, &all, now);
            if kept != own {
                out.replace_range(place.clone(), &field(&cell(&kept)));
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::edit::{Orphans, apply};
    use crate::taxonomy::load_str;

    const TAXONOMY: &str = "
nodes:
  vehicle:
  car: { parents: [vehicle], names: [car, motor car] }
  van: { parents: [vehicle] }
  crane: { names: [crane, hoist] }
  lorry: { names: [truck] }
";

    fn after(text: &str, edit: &Edit) -> Result<String, String> {
        let before = load_str("t", TAXONOMY).into_sound().unwrap();
        let edited = apply(&before, edit).unwrap();
        let after = edited.taxonomy(&before).unwrap();
        let path = Path::new("photos.valid.csv");
        followed(path, text, edit, &before, &after).map_err(|error| error.to_string())
    }

    #[test]
    fn a_label_goes_with_its_node() {
        let text = "\u{feff}note,image,labels\r\n\r\nlorry, a.jpg , lorry \r\n\"x,\",b.jpg,\"van|lorry|truck\"\r\nz,c.jpg,tram";
        let into = |node: &str, into: &str| Edit::Merge {
            node: node.to_owned(),
            into: into.to_owned(),
        };
        // The names go with the node, and its id does not.
        let expected = text
            .replace(" lorry \r", "van\r")
            .replace("\"van|lorry|truck\"", "van|truck");
        assert_eq!(
            after(text, &into("lorry", "van")).as_deref(),
            Ok(&*expected)
        );
        // A node that takes another in is named as before; so is one that nobody names.
        assert_eq!(after(text, &into("crane", "lorry")).as_deref(), Ok(text));
        let rename = Edit::Rename {
            node: "car".to_owned(),
            id: "auto".to_owned(),
        };
        let found = after("image,labels\na.jpg,car\nb.jpg,motor car\n", &rename);
        let expected = "image,labels\na.jpg,car\nb.jpg,motor car\n";
        assert_eq!(found.as_deref(), Ok(expected), "by its names, which stay");
        let found = after(
            "image,label,labels\na.jpg,van,crane|van\n",
            &Edit::Rename {
                node: "van".to_owned(),
                id: "wagon".to_owned(),
            },
        );
        let expected = "image,label,labels\na.jpg,wagon,crane|wagon\n";
        assert_eq!(found.as_deref(), Ok(expected));
        for empty in ["", "\u{feff}", "\n"] {
            assert_eq!(after(empty, &rename).as_deref(), Ok(empty));
        }
    }

    #[test]
    fn a_name_that_goes_or_is_anothers_too_becomes_the_id() {
        let text = "image,labels\na.jpg,hoist\nb.jpg,crane\n";
        let removed = Edit::RemoveName {
            node: "crane".to_owned(),
            name: "hoist".to_owned(),
        };
        let shared = Edit::AddName {
            node: "van".to_owned(),
            name: "hoist".to_owned(),
        };
        for edit in [removed, shared] {
            let expected = text.replace("hoist", "crane");
            assert_eq!(after(text, &edit).as_deref(), Ok(&*expected), "{edit}");
        }
    }

    #[test]
    fn a_node_that_is_named_is_not_deleted() {
        let delete = |node: &str, children| Edit::Delete {
            node: node.to_owned(),
            children,
        };
        let text = "image,labels\na.jpg,crane\nb.jpg,crane|motor car\n";
        for edit in [
            delete("car", Orphans::Loose),
            delete("vehicle", Orphans::Delete),
        ] {
            let error = after(text, &edit).unwrap_err();
            let said = "photos.valid.csv:3: `motor car` is right too of `b.jpg`";
            assert!(error.contains(said), "{error}");
        }
        let edit = delete("van", Orphans::Loose);
        assert_eq!(after(text, &edit).as_deref(), Ok(text));
    }
}
