use proptest::prelude::*;

use super::*;
use crate::run::SavedRank;
use crate::run::testing::{Image, opened, random_world};

/// A run in which each of these is annotated with the first label so many times, and the others are claimed, each as probable.
fn run(taxonomy: &str, images: &[(&str, &[&str], usize)]) -> Opened {
    let mut all = Vec::new();
    let mut claims = Vec::new();
    for &(annotated, claimed, times) in images {
        for i in 0..times {
            // Which is best is as chance has it.
            all.push(Image::new(&[annotated], Some(claimed[i % claimed.len()])));
            claims.push(claimed);
        }
    }
    let mut run = opened(taxonomy, &all);
    let label = |run: &mut Opened, id: &str| -> u32 {
        let known = run.saved.labels.iter().position(|l| l == id);
        known.expect("every claimed label is answered once") as u32
    };
    let mut ranked = super::super::Jagged::default();
    for claimed in claims {
        let probability = 0.99 / claimed.len() as f64;
        let mut ranks: Vec<SavedRank> = claimed
            .iter()
            .map(|id| SavedRank {
                label: label(&mut run, id),
                similarity: None,
                probability: Some(probability),
            })
            .collect();
        // What is improbable ends the claims.
        let other = (0..).find(|l| ranks.iter().all(|r| r.label != *l));
        ranks.push(SavedRank {
            label: other.unwrap_or_default(),
            similarity: None,
            probability: Some(0.01),
        });
        ranked.push(ranks);
    }
    let details = run.saved.details.as_mut().expect("the whole run");
    details.ranked = ranked;
    run
}

/// Kinds and labels of what is suggested.
fn brief(run: &Opened) -> Vec<String> {
    let found = suggest(run, Embeddings::default());
    let brief = |s: &Suggestion| format!("{} {}", s.kind.name(), s.nodes.join(" "));
    found.iter().map(brief).collect()
}

const ANIMALS: &str =
    "tree: {animal: {cat: [tabby, manx], pet: , beagle: }, plant: [oak], thing: [toy, plaything]}";

#[test]
fn a_label_that_holds_of_all_images_of_another_is_above_it() {
    let run = run(
        ANIMALS,
        &[
            ("tabby", &["tabby", "cat", "animal"], 30),
            ("cat", &["manx", "cat", "animal"], 30),
            ("beagle", &["beagle", "pet", "animal"], 30),
            ("pet", &["pet", "animal"], 30),
            ("oak", &["oak", "plant"], 30),
        ],
    );
    let found = suggest(&run, Embeddings::default());
    let first = &found[0];
    assert_eq!(
        first.edit,
        Some(Edit::AddParent {
            node: "beagle".to_owned(),
            parent: "pet".to_owned()
        })
    );
    assert_eq!(first.why, Why::Contained);
    let evidence = &first.evidence;
    assert_eq!(evidence.images, [30, 60]);
    assert_eq!(
        [evidence.first_as_second, evidence.second_as_first],
        [10, 0]
    );
    assert_eq!(
        evidence.moved,
        Moved {
            confirmed: 10,
            possible: 0
        }
    );
    assert_eq!(evidence.accuracy, Some(10.0 / 150.0));
    assert_eq!(evidence.text_cosine, None);
    // Labels and what is above them are answered side by side.
    assert_eq!(brief(&run), ["missing_parent beagle pet", "mixed_levels "]);
}

#[test]
fn labels_that_hold_of_each_others_images_are_one() {
    let run = run(
        ANIMALS,
        &[
            ("toy", &["toy", "plaything", "thing"], 30),
            ("plaything", &["toy", "plaything", "thing"], 30),
            ("oak", &["oak", "plant"], 30),
        ],
    );
    let found = suggest(&run, Embeddings::default());
    assert_eq!(
        found[0].edit,
        Some(Edit::Equivalent {
            a: "plaything".to_owned(),
            b: "toy".to_owned()
        })
    );
    assert_eq!(found[0].evidence.moved.confirmed, 20);
}

/// Of two labels with the same images the name says which is the kind.
#[test]
fn a_name_with_a_word_before_it_is_a_kind() {
    let taxonomy = "tree: {thing: [hexagon, regular_hexagon]}";
    let images: [(&str, &[&str], usize); 2] = [
        ("hexagon", &["hexagon", "regular_hexagon"], 20),
        ("regular_hexagon", &["hexagon", "regular_hexagon"], 20),
    ];
    let found = brief(&run(taxonomy, &images));
    assert_eq!(found, ["missing_parent regular_hexagon hexagon"]);
}

/// All hexagons of the run are regular, and all of these convex: that says nothing of hexagons.
#[test]
fn images_of_one_child_are_no_evidence_beside_it() {
    let taxonomy = "tree: {hexagon: [regular], convex: [regular], other: }";
    let images: [(&str, &[&str], usize); 3] = [
        ("regular", &["regular", "hexagon", "convex"], 30),
        ("convex", &["convex"], 30),
        ("other", &["other"], 30),
    ];
    let found = brief(&run(taxonomy, &images));
    assert_eq!(found, ["mixed_levels "]);
}

/// But those of two children are, if there are no others.
#[test]
fn a_label_is_where_all_its_children_are() {
    let taxonomy = "tree: {hexagon: [regular, irregular], flat: [regular, irregular, leaf]}";
    let images: [(&str, &[&str], usize); 3] = [
        ("regular", &["regular", "hexagon", "flat"], 30),
        ("irregular", &["irregular", "hexagon", "flat"], 30),
        ("leaf", &["leaf", "flat"], 30),
    ];
    let run = run(taxonomy, &images);
    let found = suggest(&run, Embeddings::default());
    assert_eq!(found[0].nodes, ["hexagon", "flat"]);
    assert_eq!(found[0].why, Why::ChildrenContained);
}

#[test]
fn labels_that_hold_at_once_of_some_images_overlap() {
    let taxonomy = "tree: {thing: [red, round, flat, loud]}";
    let images: [(&str, &[&str], usize); 5] = [
        ("red", &["red"], 20),
        ("red", &["red", "round"], 12),
        ("round", &["round"], 20),
        ("flat", &["flat"], 150),
        ("loud", &["loud"], 150),
    ];
    let run = run(taxonomy, &images);
    let found = suggest(&run, Embeddings::default());
    assert_eq!(
        found[0].edit,
        Some(Edit::Overlapping {
            a: "red".to_owned(),
            b: "round".to_owned()
        })
    );
    assert_eq!(
        found[0].evidence.moved,
        Moved {
            confirmed: 0,
            possible: 6
        }
    );
    // Who says that nothing is both is not contradicted.
    let disjoint = format!("{taxonomy}\ndisjoint: [[red, round]]");
    assert_eq!(brief(&self::run(&disjoint, &images)), [""; 0]);
}

#[test]
fn homonyms_get_a_description_into_the_prompt() {
    let taxonomy =
        "nodes: {bird: {names: [crane], description: a bird}, machine: {names: [Crane]}, other: }";
    // The prompts are the same, so the model claims both of the images of either.
    let images: [(&str, &[&str], usize); 2] = [
        ("bird", &["bird", "machine"], 9),
        ("machine", &["bird", "machine"], 9),
    ];
    let found = suggest(&run(taxonomy, &images), Embeddings::default());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, SuggestionKind::NameCollision);
    assert_eq!(
        found[0].edit,
        Some(Edit::Prompts {
            node: "bird".to_owned(),
            prompts: vec!["{name}: {description}".to_owned()]
        })
    );
}

/// One word for what is alike in all else is one label.
#[test]
fn the_same_words_for_the_same_images_are_synonyms() {
    let taxonomy = "nodes: {thing: , toy: {names: [toy], parents: [thing]}, toy2: {names: [toy], parents: [thing]}, oak: }";
    let images: [(&str, &[&str], usize); 4] = [
        ("toy", &["toy2"], 9),
        ("toy", &["thing"], 9),
        ("toy2", &["toy"], 9),
        ("toy2", &["thing"], 9),
    ];
    let found = suggest(&run(taxonomy, &images), Embeddings::default());
    let edit = Edit::Equivalent {
        a: "toy".to_owned(),
        b: "toy2".to_owned(),
    };
    assert_eq!(found[0].edit, Some(edit));
    assert_eq!(found[0].why, Why::SameName);
    assert_eq!(found[0].evidence.moved.confirmed, 18);
}

#[test]
fn a_parent_above_another_is_redundant() {
    let taxonomy = "nodes: {a: , b: {parents: [a]}, c: {parents: [a, b]}}";
    let found = brief(&run(taxonomy, &[("c", &["c"], 9), ("b", &["b"], 9)]));
    assert_eq!(found, ["redundant_edge c a"]);
}

/// Two clusters far apart, and their prototypes.
#[test]
fn embeddings_tell_sorts_and_what_coincides() {
    let run = run(
        "tree: {thing: [bat, ball]}",
        &[("bat", &["bat"], 80), ("ball", &["ball"], 20)],
    );
    let angle = |degrees: f32| [degrees.to_radians().cos(), degrees.to_radians().sin()];
    let images = (0u8..100).flat_map(|i| {
        let jitter = f32::from(i % 7) - 3.0;
        match i {
            80.. => angle(45.0 + jitter),
            i if i % 4 < 2 => angle(jitter),
            _ => angle(90.0 + jitter),
        }
    });
    let rows = Matrix::new(2, images.collect());
    let mut of: Vec<Option<usize>> = (0..100).map(Some).collect();
    let images = |of: &[Option<usize>]| {
        let embeddings = Embeddings {
            texts: None,
            images: Some(Embedded { rows: &rows, of }),
        };
        suggest(&run, embeddings)
    };
    let found = images(&of);
    assert_eq!(found[0].kind, SuggestionKind::TooCoarse);
    assert_eq!(found[0].nodes, ["bat"]);
    let Why::Clusters(clusters) = &found[0].why else {
        panic!("{:?}", found[0].why);
    };
    assert_eq!(clusters.sizes, [40, 40]);
    // The middle ones: what is four degrees off is at the edge.
    for (name, cluster) in clusters.typical.iter().flatten().zip([0, 0, 0, 1, 1, 1]) {
        let image: usize = name.parse().unwrap();
        let is_first = clusters.typical[0][0].parse::<usize>().unwrap() % 4 < 2;
        assert_eq!((image % 4 < 2) == is_first, cluster == 0, "{name}");
        assert!((image % 7).abs_diff(3) <= 1, "{name}");
    }
    let embedded = Embedded {
        rows: &rows,
        of: &of,
    };
    let ids: Vec<usize> = (0..100).collect();
    let apart = coarse::overlap(embedded, &ids[..40], &ids[80..]);
    assert!(apart.is_some_and(|overlap| overlap < 0.1));
    let same = coarse::overlap(embedded, &ids[..40], &ids[40..80]);
    assert!(same.is_some_and(|overlap| overlap > 0.9), "{same:?}");
    // What could not be read is passed over.
    (0..100).filter(|i| i % 4 < 2).for_each(|i| of[i] = None);
    assert_eq!(images(&of).len(), 0);
}

#[test]
fn shares_are_weighed() {
    let log_bayes = |hits: f64, of: f64| Share { hits, of }.log_bayes();
    assert!(log_bayes(0.0, 0.0).abs() < 1e-12);
    // Beta(18, 1): 18 ∫ x¹⁸ = 18/19, against 1/2.
    assert!((log_bayes(1.0, 1.0) - (36f64 / 19.0).ln()).abs() < 1e-12);
    assert!(log_bayes(27.0, 30.0) > 0.0 && log_bayes(15.0, 30.0) < -5.0);
    assert!(log_bayes(1e9, 1e9) <= 18f64.ln());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Edits name nodes that there are, no edge closes a cycle, and the order is the same every time.
    #[test]
    fn suggestions_can_be_made(run in random_world()) {
        let found = suggest(&run, Embeddings::default());
        for suggestion in &found {
            let taxonomy = &run.taxonomy;
            for id in &suggestion.nodes {
                prop_assert!(taxonomy.find(id).is_some());
            }
            prop_assert!(suggestion.score.is_finite());
            if let Some(Edit::AddParent { node, parent }) = &suggestion.edit {
                let [node, parent] = [node, parent].map(|id| taxonomy.find(id).unwrap());
                prop_assert!(!taxonomy.is_ancestor(node, parent));
                prop_assert!(!taxonomy.is_ancestor(parent, node));
            }
        }
        prop_assert_eq!(&found, &suggest(&run, Embeddings::default()));
    }
}
