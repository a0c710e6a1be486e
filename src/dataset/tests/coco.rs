//! COCO's annotations and iNaturalist's as data sets, and the taxonomies of their categories.

use super::{check, check_in, dir};
use crate::dataset::read_categories;
use crate::taxonomy::{Resolution, Severity, load_str};

const COCO: &str = r#"{
  "info": {"year": 2017}, "licenses": [],
  "images": [
    {"id": 7, "file_name": "0007.jpg", "height": 10, "width": 10},
    {"id": 3, "file_name": "0003.jpg"},
    {"id": 9, "file_name": "0009.jpg"}
  ],
  "annotations": [
    {"id": 1, "image_id": 7, "category_id": 1, "area": 30.5, "iscrowd": 0, "segmentation": [[0, 1]]},
    {"id": 2, "image_id": 7, "category_id": 18, "area": 20.0, "iscrowd": 0},
    {"id": 3, "image_id": 7, "category_id": 18, "area": 20.0, "iscrowd": 0},
    {"id": 4, "image_id": 7, "category_id": 2, "area": 9000.0, "iscrowd": 1},
    {"id": 5, "image_id": 3, "category_id": 2, "bbox": [0, 0, 2, 3]},
    {"id": 6, "image_id": 3, "category_id": 1, "bbox": [0, 0, 3, 3]},
    {"id": 7, "image_id": 999, "category_id": 1, "area": 1}
  ],
  "categories": [
    {"supercategory": "person", "id": 1, "name": "person"},
    {"supercategory": "vehicle", "id": 2, "name": "bicycle"},
    {"supercategory": "animal", "id": 18, "name": "dog"}
  ]
}"#;

const INATURALIST: &str = r#"{
  "images": [
    {"id": 0, "file_name": "train/0_Ficus/a.jpg"},
    {"id": 1, "file_name": "train/1_Ficus/b.jpg"}
  ],
  "annotations": [
    {"id": 0, "image_id": 0, "category_id": 0},
    {"id": 1, "image_id": 1, "category_id": 5}
  ],
  "categories": [
    {"id": 0, "name": "Ficus carica", "common_name": "fig", "supercategory": "Plants", "kingdom": "Plantae",
     "phylum": "Tracheophyta", "class": "Magnoliopsida", "order": "Rosales", "family": "Moraceae", "genus": "Ficus",
     "specific_epithet": "carica", "image_dir_name": "0_Ficus"},
    {"id": 5, "name": "Ficus variegata", "common_name": "", "supercategory": "Mollusks", "kingdom": "Animalia",
     "phylum": "Mollusca", "class": "Gastropoda", "order": "Littorinimorpha", "family": "Ficidae", "genus": "Ficus",
     "specific_epithet": "variegata", "image_dir_name": "1_Ficus"},
    {"id": 6, "name": "Ficidae", "common_name": "fig shells", "kingdom": "Animalia", "phylum": "Mollusca",
     "class": "Gastropoda", "order": "Littorinimorpha", "family": "Ficidae"}
  ]
}"#;

#[test]
fn labels_are_the_categories_by_their_area_and_crowds_are_last() {
    let files: &[(&str, &[u8])] = &[
        ("annotations/instances_val2017.json", COCO.as_bytes()),
        ("val2017/0003.jpg", b""),
    ];
    check(
        files,
        "annotations/instances_val2017.json",
        "- 0007.jpg [dog, person, bicycle] -> ~/annotations/../val2017/0007.jpg
         - 0003.jpg [person, bicycle] -> ~/annotations/../val2017/0003.jpg
         - 0009.jpg [] -> ~/annotations/../val2017/0009.jpg
         note: ~/annotations/instances_val2017.json: passed over 1 annotation of images that it does not list
         note: ~/annotations/instances_val2017.json: 1 of 3 images has no annotation and is unlabelled",
    );
}

#[test]
fn images_are_beside_the_annotations_or_in_the_usual_folders() {
    let places = [
        "0003.jpg",
        "images/0003.jpg",
        "val/0003.jpg",
        "images/val/0003.jpg",
    ];
    for place in places {
        let dir = dir(&[("in_val.json", COCO.as_bytes()), (place, b"")]);
        let dataset = crate::dataset::open(&dir.path().join("in_val.json")).unwrap();
        let found = dataset.item(1).picture();
        assert_eq!(found.path(), Some(&*dir.path().join(place)));
    }
    check(
        &[("a.json", COCO.as_bytes())],
        "a.json",
        "- 0007.jpg [dog, person, bicycle]
         - 0003.jpg [person, bicycle]
         - 0009.jpg []
         note: ~/a.json: passed over 1 annotation of images that it does not list
         note: ~/a.json: 1 of 3 images has no annotation and is unlabelled
         note: ~/a.json: the image `0007.jpg` is neither beside it nor in a folder `images` or of the split's name; put it, or a link to its folder, there",
    );
}

#[test]
fn categories_of_inaturalist_are_labels() {
    check(
        &[
            ("val.json", INATURALIST.as_bytes()),
            ("train/0_Ficus/a.jpg", b""),
        ],
        "val.json",
        "- train/0_Ficus/a.jpg [Ficus carica]
         - train/1_Ficus/b.jpg [Ficus variegata]",
    );
}

#[test]
fn what_is_wrong_with_annotations_is_told() {
    let fault = |from: &str, to: &str, expected: &str| {
        let changed = COCO.replacen(from, to, 1);
        assert_ne!(changed, COCO);
        check(&[("a.json", changed.as_bytes())], "a.json", expected);
    };
    fault(
        r#""image_id": 7, "category_id": 1,"#,
        r#""image_id": 7, "category_id": 5,"#,
        "error: ~/a.json: an annotation of the image 7 has the category 5, which is not in `categories`",
    );
    fault(
        r#"{"id": 3, "file_name""#,
        r#"{"id": 7, "file_name""#,
        "error: ~/a.json: two images have the id 7",
    );
    fault(
        r#""id": 18"#,
        r#""id": 2"#,
        "error: ~/a.json: two categories have the id 2: `bicycle` and `dog`",
    );
    fault(
        r#""name": "dog""#,
        r#""name": " ""#,
        "error: ~/a.json: the category 18 has no name",
    );
    fault(
        r#"{"id": 3, "file_name": "0003.jpg"}"#,
        r#"{"id": 3}"#,
        "error: ~/a.json:5: missing field `file_name` (column 13), in annotations as COCO writes them",
    );
    fault(
        r#""licenses": []"#,
        r#""licenses": [}"#,
        "error: ~/a.json:2: expected value (column 40), in annotations as COCO writes them",
    );
    check(
        &[("a.json", br#"{"images": [], "categories": []}"#)],
        "a.json",
        "error: ~/a.json: its list `images` is empty; `cladist import` makes a taxonomy of its categories",
    );
    // Objects of another kind are a manifest.
    check(
        &[("a.json", br#"{"image": "1.jpg", "images": 3}"#)],
        "a.json",
        "1 1.jpg []
         note: ~/a.json: no column `label` or `labels` (the columns are: image, images), so its images are unlabelled",
    );
}

/// The taxonomy of these annotations, which has no fault; `Ok` of the YAML.
fn imported(json: &str) -> Result<String, String> {
    let dir = dir(&[("in.json", json.as_bytes())]);
    let found = read_categories(&dir.path().join("in.json"));
    let found =
        found.map_err(|error| error.to_string().replace(dir.path().to_str().unwrap(), "~"))?;
    let loaded = load_str("t.yaml", &found.yaml);
    let errors = loaded
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error);
    assert_eq!(errors.count(), 0, "{}", found.yaml);
    Ok(found.yaml)
}

#[test]
fn supercategories_are_above_their_categories() {
    assert_eq!(
        imported(COCO).unwrap(),
        r#"# Made by `cladist import` of the 3 categories of "in.json".
taxonomy: "in"
nodes:
  "vehicle": {}
  "animal": {}
  "person": {ids: ["1"]}
  "bicycle": {parents: ["vehicle"], ids: ["2"]}
  "dog": {parents: ["animal"], ids: ["18"]}
"#
    );
}

#[test]
fn taxa_are_told_apart_by_rank_and_by_what_they_are_in() {
    let yaml = imported(INATURALIST).unwrap();
    assert_eq!(
        yaml,
        r#"# Made by `cladist import` of the 3 categories of "in.json".
taxonomy: "in"
nodes:
  "kingdom:Plantae": {names: ["Plantae"], rank: kingdom}
  "phylum:Tracheophyta": {parents: ["kingdom:Plantae"], names: ["Tracheophyta"], rank: phylum}
  "class:Magnoliopsida": {parents: ["phylum:Tracheophyta"], names: ["Magnoliopsida"], rank: class}
  "order:Rosales": {parents: ["class:Magnoliopsida"], names: ["Rosales"], rank: order}
  "family:Moraceae": {parents: ["order:Rosales"], names: ["Moraceae"], rank: family}
  "genus:Ficus": {parents: ["family:Moraceae"], names: ["Ficus"], rank: genus}
  "genus:Ficus (Ficidae)": {parents: ["Ficidae"], names: ["Ficus"], rank: genus}
  "kingdom:Animalia": {names: ["Animalia"], rank: kingdom}
  "phylum:Mollusca": {parents: ["kingdom:Animalia"], names: ["Mollusca"], rank: phylum}
  "class:Gastropoda": {parents: ["phylum:Mollusca"], names: ["Gastropoda"], rank: class}
  "order:Littorinimorpha": {parents: ["class:Gastropoda"], names: ["Littorinimorpha"], rank: order}
  "Ficus carica": {parents: ["genus:Ficus"], names: ["Ficus carica", "fig"], rank: species, ids: ["0"]}
  "Ficus variegata": {parents: ["genus:Ficus (Ficidae)"], rank: species, ids: ["5"]}
  "Ficidae": {parents: ["order:Littorinimorpha"], names: ["Ficidae", "fig shells"], rank: family, ids: ["6"]}
"#
    );
    let taxonomy = load_str("t.yaml", &yaml).taxonomy.unwrap();
    for label in ["Ficus carica", "fig", "5", "Ficidae", "genus:Ficus"] {
        assert!(
            matches!(taxonomy.look_up(label), Resolution::One(_)),
            "{label}"
        );
    }
    assert!(matches!(
        taxonomy.look_up("Ficus"),
        Resolution::Ambiguous(_)
    ));
}

#[test]
fn categories_of_one_name_are_told_apart_by_their_numbers() {
    let json = r#"{"images": [{"id": 1, "file_name": "1.jpg"}],
        "annotations": [{"image_id": 1, "category_id": "b"}],
        "categories": [{"id": "a", "name": "cat"}, {"id": "b", "name": "cat"}, {"id": 1, "name": "\"x\": y"}]}"#;
    let dir = dir(&[("in.json", json.as_bytes()), ("1.jpg", b"")]);
    check_in(&dir, "in.json", "- 1.jpg [cat (b)]");
    assert_eq!(
        imported(json).unwrap(),
        r#"# Made by `cladist import` of the 3 categories of "in.json".
taxonomy: "in"
nodes:
  "cat (a)": {names: ["cat"], ids: ["a"]}
  "cat (b)": {names: ["cat"], ids: ["b"]}
  "\"x\": y": {ids: ["1"]}
"#
    );
    let none = "error: ~/in.json: no list `categories`, of which a taxonomy could be made: expected annotations as COCO and iNaturalist write them";
    for json in ["[]", "{}", r#"{"images": []}"#, r#"{"categories": []}"#] {
        assert_eq!(
            imported(json).map_err(|why| format!("error: {why}")),
            Err(none.to_owned())
        );
    }
    // What is no JSON is told where it is not.
    for (json, told) in [
        ("", "~/in.json:1: EOF while parsing a value"),
        (
            "{\"images\":\n [{\"id\":1",
            "~/in.json:2: EOF while parsing",
        ),
        ("a,b", "~/in.json:1: expected value (column 1)"),
    ] {
        let why = imported(json).unwrap_err();
        assert!(why.starts_with(told), "{why}");
    }
}
