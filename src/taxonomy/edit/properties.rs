//! Random taxonomies in random styles, edited at random: every edit is right or refused, and what it need not touch stays.

use std::{io, path::Path};

use proptest::prelude::*;

use super::drawn::{self, Choices, Plan};
use super::*;
use crate::taxonomy::load;

fn read(text: &str) -> crate::taxonomy::Loaded {
    load(Path::new("test.yaml"), &|path| {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        (path == Path::new("test.yaml"))
            .then(|| text.as_bytes().to_vec())
            .ok_or_else(missing)
    })
}

/// The comments of a text by the numbers that they were given.
fn comments(text: &str, drawn: usize) -> Vec<usize> {
    (1..=drawn)
        .filter(|i| text.contains(&format!("# comment {i}.")))
        .collect()
}

/// How edits went.
#[derive(Debug, Default)]
struct Tally {
    made: usize,
    refused: usize,
    unsafely: Vec<(String, Edit, String)>,
}

/// A text in a random style and a few edits of it, each checked.
fn edited_at_random(bytes: Vec<u8>, ordinary: bool, tally: &mut Tally) {
    let mut choices = Choices::new(bytes);
    let plan = Plan::drawn(&mut choices);
    let (mut text, drawn) = plan.text(&mut choices, ordinary);
    for _ in 0..4 {
        let loaded = read(&text);
        let Some(taxonomy) = loaded.taxonomy else {
            return;
        };
        if loaded
            .diagnostics
            .iter()
            .any(|d| d.is_error() && d.code == crate::taxonomy::Code::Syntax)
        {
            panic!("{:?} in:\n{text}", loaded.diagnostics);
        }
        // Where errors had something left out, an edit may well bring it back.
        if ordinary
            && loaded
                .diagnostics
                .iter()
                .any(crate::taxonomy::Diagnostic::is_error)
        {
            return;
        }
        let edit = drawn::edit(&mut choices, &taxonomy);
        let meant = edit.on_declared(&taxonomy.declared());
        match apply(&taxonomy, &edit) {
            Ok(edited) => {
                let meant = meant.expect("what is made has a meaning");
                let [file] = edited.files.as_slice() else {
                    panic!("{edit:?} changed no file in:\n{text}");
                };
                let after = read(&file.after);
                let declared = after.taxonomy.map(|t| t.declared());
                assert_eq!(
                    declared.as_ref(),
                    Some(&meant),
                    "{edit:?} in:\n{text}\n--\n{}",
                    file.after
                );
                assert_eq!(file.before, text);
                assert_eq!(edited.undone().files[0].after, text);
                let mark = |text: &str| text.starts_with('\u{feff}');
                assert_eq!(mark(&file.after), mark(&text));
                if !text.contains('\r') {
                    assert!(!file.after.contains('\r'));
                } else {
                    let lone = file.after.replace("\r\n", "");
                    assert!(
                        !lone.contains(['\r', '\n']),
                        "{edit:?} in:\n{text:?}\n{:?}",
                        file.after
                    );
                }
                let (was, is) = (comments(&text, drawn), comments(&file.after, drawn));
                for lost in was.iter().filter(|i| !is.contains(i)) {
                    let line = text
                        .lines()
                        .find(|l| l.contains(&format!("# comment {lost}.")));
                    let line = line.unwrap_or_default();
                    // A line of its own goes only from inside an entry that goes whole.
                    let takes_entries = matches!(
                        edit,
                        Edit::Delete { .. }
                            | Edit::Merge { .. }
                            | Edit::RemoveParent { .. }
                            | Edit::Move { .. }
                            | Edit::RemoveName { .. }
                            | Edit::Prompts { .. }
                            | Edit::Split { .. }
                            | Edit::Describe { .. }
                    );
                    // What takes one word of several out takes what stands on its line, and no line of comment.
                    let takes_a_word = match &edit {
                        Edit::RemoveParent { node, .. } => !meant.nodes[node].parents.is_empty(),
                        edit => matches!(edit, Edit::Move { .. }),
                    };
                    let is_own_line = line.trim_start().starts_with('#');
                    assert!(
                        takes_entries && !(takes_a_word && is_own_line),
                        "{edit:?} lost {line:?} in:\n{text}\n--\n{}",
                        file.after
                    );
                }
                tally.made += 1;
                text.clone_from(&file.after);
            }
            Err(Refusal::Unsafe(why)) => {
                assert!(meant.is_ok());
                tally.unsafely.push((why, edit, text.clone()));
            }
            Err(_) => tally.refused += 1,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn an_edit_is_right_or_refused(bytes in prop::collection::vec(any::<u8>(), 400)) {
        edited_at_random(bytes, false, &mut Tally::default());
    }
}

/// Edits of so many random texts that what they are written like decides, and how many of them it does not let be made.
fn tally(texts: usize, ordinary: bool) -> Tally {
    let mut tally = Tally::default();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..texts {
        let bytes = (0..400).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        });
        edited_at_random(bytes.collect(), ordinary, &mut tally);
    }
    tally
}

#[test]
fn edits_are_seldom_refused_for_how_a_text_is_written() {
    // Without anchors, and with.
    for (ordinary, at_most) in [(true, 0.01), (false, 0.05)] {
        let tally = tally(200, ordinary);
        let tried = tally.made + tally.unsafely.len();
        assert!(tally.made > 200 && tally.refused > 100, "{tally:#?}");
        assert!(
            (tally.unsafely.len() as f64) <= at_most * tried as f64,
            "{tally:#?}"
        );
    }
}
