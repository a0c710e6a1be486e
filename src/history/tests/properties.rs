//! Random edits of random taxonomies, made, undone and redone by two that take turns.

use proptest::prelude::*;

use super::*;
use crate::taxonomy::edit::apply;
use crate::taxonomy::edit::drawn::{self, Choices, Plan};
use crate::taxonomy::{Taxonomy, load};

fn taxonomy(path: &Path) -> Option<Taxonomy> {
    load(path, &|path: &Path| fs::read(path)).taxonomy
}

fn made_and_undone_at_random(bytes: Vec<u8>) {
    let mut choices = Choices::new(bytes);
    let (original, _) = Plan::drawn(&mut choices).text(&mut choices, true);
    let place = Place::new();
    place.put("a.yaml", Some(&original));
    let path = place.file("a.yaml");
    let mut histories = [place.open(), place.open()];
    // What the file held after each edit, and of how many of them it holds the result.
    let (mut texts, mut done) = (vec![original.clone()], 0_usize);
    for _ in 0..8 {
        let history = &mut histories[choices.below(2)];
        match choices.below(4) {
            0 => {
                let result = history.undo();
                assert_eq!(result.is_ok(), done > 0, "{result:?}");
                done = done.saturating_sub(1);
            }
            1 => {
                let result = history.redo();
                assert_eq!(result.is_ok(), done + 1 < texts.len(), "{result:?}");
                done = (done + 1).min(texts.len() - 1);
            }
            _ => {
                let Some(taxonomy) = taxonomy(&path) else {
                    return;
                };
                let edit = drawn::edit(&mut choices, &taxonomy);
                if let Ok(edited) = apply(&taxonomy, &edit) {
                    texts.truncate(done + 1);
                    texts.push(edited.files[0].after.clone());
                    done += 1;
                    let changes: Vec<Change> = edited.files.into_iter().map(Change::from).collect();
                    history.make(What::Taxonomy(edit), &changes).unwrap();
                }
            }
        }
        assert_eq!(place.read("a.yaml").as_ref(), Some(&texts[done]));
    }
    let mut history = place.open();
    assert_eq!(history.done().len(), done);
    assert_eq!(history.undone().len(), texts.len() - 1 - done);
    while history.done().len() > 0 {
        history.undo().unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), original.as_bytes());
    while history.undone().len() > 0 {
        history.redo().unwrap();
    }
    assert_eq!(place.read("a.yaml").as_ref(), texts.last());
    assert!(place.is_tidy());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn edits_undone_give_the_original_bytes(bytes in prop::collection::vec(any::<u8>(), 400)) {
        made_and_undone_at_random(bytes);
    }
}
