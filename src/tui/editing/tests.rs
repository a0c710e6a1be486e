use super::*;
use crate::taxonomy::edit::{Part, Refusal};
use crate::taxonomy::load_str;

fn taxonomy() -> Taxonomy {
    let text = "
nodes:
  shape:
  round: { parents: [shape], names: [round shape, curved shape] }
  flat: { parents: [shape] }
  disc: { parents: [round, flat], description: a filled circle, prompts: [a disc, the disc] }
";
    load_str("t", text).into_sound().unwrap()
}

fn draft(kind: Kind, node: &str, other: Option<&str>) -> Draft {
    let subject = Subject {
        node: node.to_owned(),
        other: other.map(str::to_owned),
        image: Some(Image {
            name: "3.png".to_owned(),
            answer: other.map(str::to_owned),
            truth: Some(node.to_owned()),
            fixed: None,
        }),
    };
    Draft::new(kind, subject)
}

/// What an edit is after these answers.
fn done(draft: Draft, answers: &[&str]) -> What {
    let draft = answers.iter().fold(draft, |d, answer| d.answered(*answer));
    match draft.step(&taxonomy()) {
        Ok(Step::Done(what)) => what,
        step => panic!("{step:?}"),
    }
}

fn edit(kind: Kind, node: &str, answers: &[&str]) -> Edit {
    match done(draft(kind, node, None), answers) {
        What::Taxonomy(edit) => edit,
        what => panic!("{what:?}"),
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn each_kind_becomes_its_edit() {
    let both = |node: &str, other: &str| (text(node), text(other));
    assert_eq!(
        edit(Kind::Add, "round", &["oval", "oval, egg shape"]),
        Edit::Add {
            id: text("oval"),
            names: vec![text("oval"), text("egg shape")],
            parents: vec![text("round")]
        }
    );
    let (node, id) = both("round", "curved");
    assert_eq!(
        edit(Kind::Rename, "round", &["curved"]),
        Edit::Rename { node, id }
    );
    let (node, parent) = both("flat", "round");
    assert_eq!(
        edit(Kind::AddParent, "flat", &["round"]),
        Edit::AddParent { node, parent }
    );
    let (node, parent) = both("disc", "flat");
    assert_eq!(
        edit(Kind::RemoveParent, "disc", &["flat"]),
        Edit::RemoveParent { node, parent }
    );
    let (node, from) = both("disc", "flat");
    let to = text("shape");
    assert_eq!(
        edit(Kind::Move, "disc", &["flat", "shape"]),
        Edit::Move { node, from, to }
    );
    let (node, into) = both("flat", "round");
    assert_eq!(
        edit(Kind::Merge, "flat", &["round"]),
        Edit::Merge { node, into }
    );
    let (a, b) = both("flat", "round");
    assert_eq!(
        edit(Kind::Equivalent, "flat", &["round"]),
        Edit::Equivalent { a, b }
    );
    let (a, b) = both("flat", "round");
    assert_eq!(
        edit(Kind::Overlapping, "flat", &["round"]),
        Edit::Overlapping { a, b }
    );
    let (a, b) = both("flat", "round");
    assert_eq!(
        edit(Kind::Disjoint, "flat", &["round"]),
        Edit::Disjoint { a, b }
    );
    let (node, name) = both("flat", "plane");
    assert_eq!(
        edit(Kind::AddName, "flat", &["plane"]),
        Edit::AddName { node, name }
    );
    let (node, name) = both("round", "curved shape");
    assert_eq!(
        edit(Kind::RemoveName, "round", &["curved shape"]),
        Edit::RemoveName { node, name }
    );
    let (node, said) = both("flat", "without depth");
    assert_eq!(
        edit(Kind::Describe, "flat", &["without depth"]),
        Edit::Describe {
            node,
            description: Some(said)
        }
    );
    assert_eq!(
        edit(Kind::Prompts, "flat", &["a flat one | one that is flat |"]),
        Edit::Prompts {
            node: text("flat"),
            prompts: vec![text("a flat one"), text("one that is flat")]
        }
    );
    assert_eq!(
        edit(Kind::Split, "round", &["oval: disc ; ring"]),
        Edit::Split {
            node: text("round"),
            parts: vec![
                Part {
                    id: text("oval"),
                    children: vec![text("disc")]
                },
                Part {
                    id: text("ring"),
                    children: Vec::new()
                }
            ]
        }
    );
}

#[test]
fn what_is_left_empty_is_taken_out() {
    assert_eq!(
        edit(Kind::Describe, "disc", &[""]),
        Edit::Describe {
            node: text("disc"),
            description: None
        }
    );
    assert_eq!(
        edit(Kind::Prompts, "disc", &[""]),
        Edit::Prompts {
            node: text("disc"),
            prompts: Vec::new()
        }
    );
}

#[test]
fn a_line_begins_with_what_is_there() {
    let begins = |kind, node| match draft(kind, node, None).step(&taxonomy()) {
        Ok(Step::Type { text, .. }) => text,
        step => panic!("{step:?}"),
    };
    assert_eq!(begins(Kind::Rename, "disc"), "disc");
    assert_eq!(begins(Kind::Describe, "disc"), "a filled circle");
    assert_eq!(begins(Kind::Prompts, "disc"), "a disc | the disc");
}

#[test]
fn children_are_asked_after_only_where_there_are_any() {
    let (node, loose) = (text("disc"), Orphans::Loose);
    assert_eq!(
        edit(Kind::Delete, "disc", &[]),
        Edit::Delete {
            node,
            children: loose
        }
    );
    let Ok(Step::Choose { options, .. }) = draft(Kind::Delete, "round", None).step(&taxonomy())
    else {
        panic!()
    };
    let meant: Vec<Orphans> = options
        .iter()
        .map(|(_, key)| match edit(Kind::Delete, "round", &[key]) {
            Edit::Delete { children, .. } => children,
            edit => panic!("{edit:?}"),
        })
        .collect();
    assert_eq!(meant, [Orphans::ToParents, Orphans::Loose, Orphans::Delete]);
}

#[test]
fn the_only_parent_is_not_asked_for_and_the_other_of_a_pair_is_meant() {
    let (node, parent) = (text("flat"), text("shape"));
    assert_eq!(
        edit(Kind::RemoveParent, "flat", &[]),
        Edit::RemoveParent { node, parent }
    );
    let (node, from, to) = (text("flat"), text("shape"), text("round"));
    let moved = done(draft(Kind::Move, "flat", Some("round")), &[]);
    assert_eq!(moved, What::Taxonomy(Edit::Move { node, from, to }));
    let swapped = draft(Kind::Merge, "flat", Some("round")).subject.swapped();
    assert_eq!(
        (swapped.node, swapped.other),
        (text("round"), Some(text("flat")))
    );
}

/// From whatever side the pair is seen.
#[test]
fn it_is_the_answer_that_was_right_too() {
    let draft = draft(Kind::AlsoRight, "flat", Some("round"));
    for subject in [draft.subject.clone(), draft.subject.swapped()] {
        let title = Kind::AlsoRight.title(&subject);
        assert!(title.contains("`round`"), "{title}");
        assert_eq!(Kind::AlsoRight.why_not(&subject, &taxonomy()), None);
        let (image, label) = (text("3.png"), text("round"));
        let right = done(Draft::new(Kind::AlsoRight, subject), &[]);
        assert_eq!(right, What::AlsoRight { image, label });
    }
    let mut subject = draft.subject;
    for (answer, why) in [
        (None, "the image has no answer"),
        (Some("flat"), "the answer is the annotated label"),
    ] {
        let image = subject.image.as_mut().unwrap();
        image.answer = answer.map(str::to_owned);
        assert_eq!(Kind::AlsoRight.why_not(&subject, &taxonomy()), Some(why));
        let step = Draft::new(Kind::AlsoRight, subject.clone()).step(&taxonomy());
        assert_eq!(step, Err(text(why)));
    }
    subject.image.as_mut().unwrap().truth = None;
    assert_eq!(Kind::AlsoRight.why_not(&subject, &taxonomy()), None);
}

#[test]
fn what_cannot_be_done_says_why() {
    let taxonomy = taxonomy();
    let mut subject = draft(Kind::AlsoRight, "shape", Some("flat")).subject;
    assert_eq!(
        Kind::Move.why_not(&subject, &taxonomy),
        Some("it has no parent")
    );
    assert_eq!(
        Kind::RemoveName.why_not(&subject, &taxonomy),
        Some("it has one name")
    );
    assert_eq!(Kind::AlsoRight.why_not(&subject, &taxonomy), None);
    subject.image = None;
    assert!(Kind::AlsoRight.why_not(&subject, &taxonomy).is_some());
    subject.node = text("gone");
    assert!(
        Kind::MENU
            .iter()
            .all(|(_, kind)| kind.why_not(&subject, &taxonomy).is_some())
    );
    let part = draft(Kind::Split, "round", None).answered("oval; : disc");
    assert_eq!(
        part.step(&taxonomy),
        Err(text("`: disc`: the id of the part is missing"))
    );
    let of_the_shell = draft(Kind::Split, "round", None).answered("oval=disc ring");
    assert!(of_the_shell.step(&taxonomy).is_err());
    let taken = draft(Kind::Add, "round", None).answered("disc");
    assert_eq!(
        taken.step(&taxonomy),
        Err(text("there is a node `disc` already"))
    );
}

/// What is offered of a pair is what can be made of it.
#[test]
fn a_pair_is_offered_what_can_be_made_of_it() {
    let text = "
nodes:
  a:
  b: {parents: [a]}
  c: {parents: [b]}
  d: {parents: [a]}
  e: {parents: [c, d]}
  f:
  g:
  h: {parents: [g]}
equivalent: [[d, g]]
overlaps: [[b, f]]
disjoint: [[c, f]]
";
    let taxonomy = load_str("t", text).into_sound().unwrap();
    let kinds = [
        Kind::AddParent,
        Kind::Merge,
        Kind::Equivalent,
        Kind::Overlapping,
        Kind::Disjoint,
    ];
    let mut wrong = Vec::new();
    for kind in kinds {
        for (a, b) in taxonomy
            .nodes()
            .flat_map(|a| taxonomy.nodes().map(move |b| (a, b)))
        {
            let draft = draft(kind, taxonomy.id(a), Some(taxonomy.id(b)));
            let why = kind.why_not(&draft.subject, &taxonomy);
            let Ok(Step::Done(What::Taxonomy(edit))) = draft.step(&taxonomy) else {
                panic!("{draft:?}");
            };
            let made = crate::taxonomy::edit::apply(&taxonomy, &edit).err();
            // What groups of disjoint nodes say of all that is below them is seen when it is made.
            let is_seen_later = matches!(made, Some(Refusal::Unsound(_))) && kind != Kind::Disjoint;
            if why.is_some() != made.is_some() && !is_seen_later {
                wrong.push(format!("{edit:?}: {why:?} {made:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_nothing_can_be_added_to_says_why() {
    let taxonomy = taxonomy();
    let mut draft = draft(Kind::AlsoRight, "round", Some("flat"));
    assert_eq!(Kind::AlsoRight.why_not(&draft.subject, &taxonomy), None);
    let image = draft.subject.image.as_mut().unwrap();
    image.fixed = Some("they are in no file".to_owned());
    let why = Kind::AlsoRight.why_not(&draft.subject, &taxonomy);
    assert_eq!(why, Some("they are in no file"));
}
