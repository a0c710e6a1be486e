//! Labels as written → nodes.

use crate::dataset::{
    Dataset, LabelError, LabelFault, LabelSet, Labels, OnUnknownLabel, Origin, Resolver,
    resolve_labels,
};
use crate::taxonomy::{Taxonomy, load_str};

const TAXONOMY: &str = "
taxonomy: animals
nodes:
  animal:
  golden_retriever: {parents: [animal], names: [golden retriever, goldie], ids: [n02099601]}
  crane_bird: {parents: [animal], names: [crane]}
  crane_machine: {names: [crane, derrick]}
  seal: {parents: [animal], names: [pinniped]}
  stamp: {names: [stamp, seal]}
  poodle: {parents: [animal]}
";

fn taxonomy() -> Taxonomy {
    load_str("t.yaml", TAXONOMY).taxonomy.unwrap()
}

/// A manifest `m.csv` whose rows have these labels.
fn dataset(rows: &[&[&str]]) -> Dataset {
    let mut dataset = Dataset::new("m.csv".as_ref());
    dataset.manifests.push((0, "m.csv".into()));
    dataset.items.begin("", Origin::Listed("".into()));
    for (i, labels) in rows.iter().enumerate() {
        let labels = labels.iter().map(|&label| label.to_owned());
        let labels = Labels::named(labels.collect());
        dataset
            .items
            .push(&format!("{i}.jpg"), &labels, Some(i + 2));
    }
    dataset
}

/// What the rows' labels stand for, and those at fault.
fn resolve(
    rows: &[&[&str]],
    taxonomy: &Taxonomy,
    on_unknown: OnUnknownLabel,
) -> Result<(Vec<LabelSet>, Vec<LabelFault>), LabelError> {
    let mut resolver = Resolver::new(taxonomy, None);
    let sets = resolve_labels(&dataset(rows), &mut resolver);
    Ok((sets, resolver.finish(on_unknown)?))
}

/// Resolves one row's labels: the ids of the truths, or the error.
#[track_caller]
fn check(labels: &[&str], expected: Result<&[&str], &str>) {
    let taxonomy = taxonomy();
    match (
        resolve(&[labels], &taxonomy, OnUnknownLabel::Error),
        expected,
    ) {
        (Ok((found, _)), Ok(expected)) => {
            let LabelSet::Labels(truths) = &found[0] else {
                panic!("{labels:?}: {found:?}");
            };
            let ids: Vec<&str> = truths.iter().map(|&n| taxonomy.id(n)).collect();
            assert_eq!(ids, expected, "{labels:?}");
        }
        (Err(error), Err(part)) => {
            let error = error.to_string();
            assert!(error.contains(part), "{error:?} does not say {part:?}");
        }
        (found, _) => panic!("{labels:?}: {found:?}"),
    }
}

#[test]
fn labels_are_ids_names_or_external_ids_however_they_are_written() {
    for label in [
        "golden_retriever",
        "golden retriever",
        "Golden-Retriever",
        "  GOLDEN__retriever ",
        "Goldie",
        "n02099601",
        "N02099601",
    ] {
        check(&[label], Ok(&["golden_retriever"]));
    }
    check(&["poodle", "Animal", "POODLE"], Ok(&["poodle", "animal"]));
    check(&[], Ok(&[]));
}

#[test]
fn a_name_of_two_nodes_is_told_with_their_ids() {
    check(
        &["Crane"],
        Err(
            "`Crane` (1 image, first m.csv:2): ambiguous, write one of the ids: crane_bird, crane_machine",
        ),
    );
    check(&["derrick"], Ok(&["crane_machine"]));
    check(&["crane_machine"], Ok(&["crane_machine"]));
    // An id, as it is written, is that node, whoever else is called so. Written otherwise it is a name like others.
    check(&["seal"], Ok(&["seal"]));
    check(&["Seal"], Err("write one of the ids: seal, stamp"));
}

#[test]
fn unknown_labels_come_with_what_is_near() {
    check(
        &["podle"],
        Err("`podle` (1 image, first m.csv:2): unknown, nearest: poodle"),
    );
    check(&["golden retreiver"], Err("nearest: golden_retriever"));
    check(
        &["zebra"],
        Err("`zebra` (1 image, first m.csv:2): unknown, nothing is near"),
    );
    check(&["two\nlines"], Err("`two\\nlines` (1 image"));
    check(&["_"], Err("`_` (1 image"));
    check(
        &["zebra"],
        Err(
            "Correct the labels, add them to the taxonomy as `names` of a node, or leave these images out with --on-unknown-label skip.",
        ),
    );
    check(
        &["7"],
        Err(
            "Labels that are numbers may be indices of classes, as in Hugging Face's ClassLabel: name them with --label-index FILE (beside WebDataset shards a classes.txt does), or give each node its number in `ids`.",
        ),
    );
}

#[test]
fn all_labels_at_fault_are_told_once_each() {
    let rows: &[&[&str]] = &[
        &["poodle"],
        &["podle"],
        &["Crane", "zebra"],
        &[],
        &["zebra", "podle"],
        &["podle"],
    ];
    let error = resolve(rows, &taxonomy(), OnUnknownLabel::Error).unwrap_err();
    assert_eq!(
        error.to_string(),
        "3 labels without one node in the taxonomy `animals`:
  `podle` (3 images, first m.csv:3): unknown, nearest: poodle
  `Crane` (1 image, first m.csv:4): ambiguous, write one of the ids: crane_bird, crane_machine
  `zebra` (2 images, first m.csv:4): unknown, nothing is near
Correct the labels, add them to the taxonomy as `names` of a node, or leave these images out with --on-unknown-label skip."
    );

    let taxonomy = taxonomy();
    let (found, faults) = resolve(rows, &taxonomy, OnUnknownLabel::Skip).unwrap();
    assert_eq!(faults, error.faults);
    let poodle = taxonomy.find("poodle").unwrap();
    let fault = LabelSet::AtFault;
    let expected = [
        LabelSet::Labels(vec![poodle]),
        fault.clone(),
        fault.clone(),
        LabelSet::Labels(Vec::new()),
        fault.clone(),
        fault,
    ];
    assert_eq!(found, expected);
}

/// A whole column of something else: near names are not looked for without end.
#[test]
fn near_names_are_looked_for_of_some_and_all_are_listed() {
    let labels: Vec<String> = (0..1500).map(|i| format!("poodle{i}")).collect();
    let rows: Vec<[&str; 1]> = labels.iter().map(|label| [label.as_str()]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(|row| &row[..]).collect();
    let error = resolve(&rows, &taxonomy(), OnUnknownLabel::Error).unwrap_err();
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 1500 + 2);
    assert_eq!(
        lines[10],
        "  `poodle9` (1 image, first m.csv:11): unknown, nearest: poodle"
    );
    assert_eq!(
        lines[1500],
        "  `poodle1499` (1 image, first m.csv:1501): unknown"
    );
    assert!(text.contains("Near names were looked for of the first 1000 unknown labels."));
}
