//! Edits in the workbench: what is asked, what is shown before it is written, what is taken back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::history::What;
use crate::taxonomy::edit::Edit;
use crate::tui::action::{Action, Effect, Job, Kind};
use crate::tui::backend::Backend;
use crate::tui::overlay::Overlay;
use crate::tui::testing::{Fake, beginning, stage_with};

fn fake() -> (Arc<Fake>, Stage) {
    let fake = Arc::new(Fake::default());
    let stage = stage_with(&fake, 120, 40);
    (fake, stage)
}

/// Goes to a node of the taxonomy.
fn go_to(stage: &mut Stage, name: &str) {
    stage.press("f");
    stage.type_in(name);
    stage.press("enter");
}

fn made(fake: &Fake) -> Vec<What> {
    let made = fake.made.lock().unwrap();
    made.iter().map(|plan| plan.what.clone()).collect()
}

fn status(stage: &Stage) -> String {
    let status = stage.app.status.as_ref();
    status.map_or(String::new(), |status| status.text.clone())
}

#[test]
fn a_parent_is_removed_after_its_diff_was_seen_and_put_back() {
    let (fake, mut stage) = fake();
    go_to(&mut stage, "equilateral triangle");
    stage.press("e x");
    let screen = text_of(&stage.screen());
    assert!(
        screen.contains("Parent to remove from `equilateral_triangle`"),
        "{screen}"
    );
    stage.press("down down enter");
    let screen = text_of(&stage.screen());
    for line in [
        "-    parents: [isosceles_triangle, acute_triangle, regular_polygon]",
        "+    parents: [isosceles_triangle, acute_triangle]",
        "enter writes it",
    ] {
        assert!(screen.contains(line), "{screen}");
    }
    assert!(made(&fake).is_empty(), "nothing is written before that");
    stage.press("enter");
    let edit = Edit::RemoveParent {
        node: "equilateral_triangle".to_owned(),
        parent: "regular_polygon".to_owned(),
    };
    assert_eq!(made(&fake), [What::Taxonomy(edit)]);
    assert!(stage.app.before.is_some(), "it was scored again");
    stage.press("u");
    assert!(made(&fake).is_empty());
    stage.press("u");
    assert_eq!(status(&stage), "there is no edit to take back");
}

#[test]
fn what_is_escaped_from_is_not_written() {
    let (fake, mut stage) = fake();
    go_to(&mut stage, "kite");
    for keys in [
        "e esc",
        "e r esc",
        "e p esc",
        "e p enter esc",
        "e p enter n",
    ] {
        stage.press(keys);
        assert!(stage.app.overlay.is_none(), "{keys}");
    }
    assert!(made(&fake).is_empty());
}

#[test]
fn a_refused_line_is_there_again_with_the_reason() {
    let (fake, mut stage) = fake();
    go_to(&mut stage, "kite");
    stage.press("e r");
    (0..4).for_each(|_| stage.press("backspace"));
    stage.type_in("square");
    stage.press("enter");
    let screen = text_of(&stage.screen());
    assert!(
        screen.contains("there is a node `square` already"),
        "{screen}"
    );
    assert!(screen.contains("> square"), "{screen}");
    stage.type_in("d");
    stage.press("enter enter");
    let edit = Edit::Rename {
        node: "kite".to_owned(),
        id: "squared".to_owned(),
    };
    assert_eq!(made(&fake), [What::Taxonomy(edit)]);
}

#[test]
fn a_refused_choice_is_told() {
    let (fake, mut stage) = fake();
    go_to(&mut stage, "polygon");
    // Below what is below it.
    stage.press("e p");
    stage.type_in("square");
    stage.press("enter");
    let told = status(&stage);
    assert!(told.contains("would close a cycle"), "{told}");
    assert!(made(&fake).is_empty());
}

#[test]
fn a_pair_is_edited_from_either_side() {
    let (fake, mut stage) = fake();
    stage.press("4 e");
    let Some(Overlay::Edits(subject, _)) = &stage.app.overlay else {
        panic!()
    };
    let (truth, answer) = (subject.node.clone(), subject.other.clone().unwrap());
    stage.press("o");
    let told = text_of(&stage.screen());
    assert!(told.contains("Write this?"), "{told}");
    stage.press("enter e tab o enter");
    let overlap = |a: &String, b: &String| {
        What::Taxonomy(Edit::Overlapping {
            a: a.clone(),
            b: b.clone(),
        })
    };
    assert_eq!(
        made(&fake),
        [overlap(&truth, &answer), overlap(&answer, &truth)]
    );
}

#[test]
fn an_answer_that_was_right_too_is_told_of_its_image() {
    let (fake, mut stage) = fake();
    stage.press("3 e v");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("+image,labels"), "{screen}");
    stage.press("enter");
    let [What::AlsoRight { image, label }] = &made(&fake)[..] else {
        panic!("{:?}", made(&fake))
    };
    let run = stage.app.run().unwrap();
    let row = crate::tui::view::images::selected(&stage.app).unwrap();
    assert_eq!(image, run.saved.images.get(row));
    assert_eq!(label, run.saved.id(run.saved.rows[row].answer.unwrap()));
}

#[test]
fn the_children_of_a_split_are_completed() {
    let (fake, mut stage) = fake();
    go_to(&mut stage, "isosceles triangle");
    stage.press("e /");
    stage.type_in("sharp: eq");
    stage.press("tab enter enter");
    let [What::Taxonomy(Edit::Split { parts, .. })] = &made(&fake)[..] else {
        panic!("{:?}", made(&fake))
    };
    assert_eq!(parts[0].id, "sharp");
    assert_eq!(parts[0].children, ["equilateral_triangle"]);
}

#[test]
fn without_a_file_one_is_asked_for_and_the_edit_goes_on() {
    let (fake, mut stage) = fake();
    fake.is_built_in.store(true, Ordering::Relaxed);
    go_to(&mut stage, "kite");
    stage.press("e s");
    stage.type_in("dragon");
    stage.press("enter");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("The taxonomy is built in"), "{screen}");
    stage.press("enter");
    assert_eq!(
        fake.adopted.lock().unwrap()[..],
        [std::path::PathBuf::from("taxonomy.yaml")]
    );
    let screen = text_of(&stage.screen());
    assert!(screen.contains("dragon"), "{screen}");
    stage.press("enter");
    assert_eq!(made(&fake).len(), 1);
}

#[test]
fn a_run_that_was_named_is_compared_with() {
    let (_, mut stage) = fake();
    stage.press("R");
    stage.type_in("first");
    stage.press("enter 7 r");
    stage.type_in("fi");
    stage.press("tab enter");
    let told = text_of(&stage.screen());
    assert!(told.contains("A: first"), "{told}");
}

#[test]
fn one_edit_is_written_at_a_time_and_none_is_given_up_half_way() {
    let (fake, mut stage) = fake();
    // As if its thread had not come to it yet.
    let waiting = stage.app.request(Job::Undo);
    stage.press("u");
    assert_eq!(status(&stage), "undo: an edit is being written");
    stage.press("ctrl-x");
    assert!(stage.app.is_busy(Kind::Edit), "it goes on");
    go_to(&mut stage, "kite");
    stage.press("e o");
    stage.type_in("square");
    stage.press("enter enter");
    assert!(status(&stage).contains("another edit is being written"));
    assert!(matches!(stage.app.overlay, Some(Overlay::Preview(_))));
    // What others save meanwhile is seen to when it is done.
    stage.act(Action::Changed(vec!["shapes.yaml".into()]));
    assert!(!stage.app.is_busy(Kind::Again));
    let Effect::Request(request) = waiting else {
        panic!()
    };
    stage.act(Action::Answer(request.id, Err("no edit".to_owned())));
    assert!(stage.app.before.is_some(), "it was scored again");
    stage.press("enter");
    assert_eq!(made(&fake).len(), 1);
}

#[test]
fn a_node_is_picked_from_the_taxonomy_as_it_is_by_then() {
    let (fake, mut stage) = fake();
    go_to(&mut stage, "trapezoid");
    stage.press("e p");
    stage.type_in("equilateral polygon");
    // All nodes have other numbers from now on.
    fake.write(&[("nodes:\n", "nodes:\n  first:\n")]);
    stage.act(Action::Changed(vec!["shapes.yaml".into()]));
    stage.press("enter");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("Write this?"), "{screen}");
    stage.press("enter");
    let edit = Edit::AddParent {
        node: "trapezoid".to_owned(),
        parent: "equilateral_polygon".to_owned(),
    };
    assert_eq!(made(&fake), [What::Taxonomy(edit)]);
}

#[test]
fn what_has_no_intervals_yet_is_not_kept() {
    let (fake, mut stage) = fake();
    fake.stops_at_answers.store(true, Ordering::Relaxed);
    stage.press("ctrl-r esc");
    for key in ["R", "x"] {
        stage.press(key);
        let told = status(&stage);
        assert!(told.contains("the intervals are not there yet"), "{told}");
    }
}

#[test]
fn what_an_edit_came_to_is_told_beside_what_it_did() {
    let (_, mut stage) = fake();
    go_to(&mut stage, "kite");
    stage.press("e s");
    stage.type_in("dragon");
    stage.press("enter enter");
    let told = status(&stage);
    assert!(told.starts_with("done: add "), "{told}");
    assert!(told.contains("0 answers flipped"), "{told}");
    // Whole also where it does not fit on a line.
    let screen = stage.text_at(80, 24);
    assert!(screen.contains("Compare (7)"), "{screen}");
    stage.press("down");
    assert_eq!(status(&stage), "");
}

#[test]
fn a_preview_is_made_anew_when_the_text_is_another() {
    let (fake, mut stage) = fake();
    go_to(&mut stage, "kite");
    stage.press("e s");
    stage.type_in("dragon");
    stage.press("enter");
    fake.write(&[("# Three sides.", "# With three sides.")]);
    stage.act(Action::Changed(vec!["shapes.yaml".into()]));
    stage.press("enter");
    let made = fake.made.lock().unwrap();
    let before = made[0].changes[0].before.as_ref().unwrap();
    assert!(before.contains("# With three sides."));
}

#[test]
fn errors_lie_in_nobodys_way() {
    let (fake, mut stage) = fake();
    *fake.faults.lock().unwrap() = vec![crate::tui::backend::Fault::anywhere("broken".into())];
    stage.press("2 ctrl-r enter");
    assert_eq!(status(&stage), "this one is at no line of a file");
    stage.press("u");
    assert_eq!(status(&stage), "there is no edit to take back");
}

#[test]
fn a_name_is_not_given_twice_unasked() {
    let (_, mut stage) = fake();
    for _ in 0..2 {
        stage.press("R");
        stage.type_in("first");
        stage.press("enter");
    }
    let screen = text_of(&stage.screen());
    assert!(screen.contains("`first!` replaces it"), "{screen}");
    stage.type_in("!");
    stage.press("enter");
    assert!(stage.app.overlay.is_none());
    assert_eq!(stage.app.snapshots.len(), 1);
}

/// What was kept is compared with at once, and by its name after the next start; what could not be kept, until then.
#[test]
fn snapshots_outlive_the_workbench() {
    let (fake, mut stage) = fake();
    let keep = |stage: &mut Stage, name: &str| {
        stage.press("R");
        stage.type_in(name);
        stage.press("enter");
        status(stage)
    };
    let told = keep(&mut stage, "first");
    assert!(
        told.contains("kept as `first`") && told.contains("snapshots/first"),
        "{told}"
    );
    let told = keep(&mut stage, "too long");
    assert!(
        told.contains("as long as the workbench is open: the disk is full"),
        "{told}"
    );
    assert_eq!(stage.app.snapshots.len(), 2);

    let mut beginning = beginning(100, 30);
    beginning.snapshots = vec!["first".to_owned(), "gone".to_owned()];
    let backend: Arc<dyn Backend> = Arc::<Fake>::clone(&fake);
    let mut later = Stage::new(backend, beginning);
    later.press("7 r");
    later.type_in("fi");
    later.press("tab enter");
    assert!(
        status(&later).ends_with("Compare (7)"),
        "{}",
        status(&later)
    );
    later.press("r");
    later.type_in("gone");
    later.press("enter");
    assert_eq!(status(&later), "no `gone`");
}

/// What check would complain of afterwards is seen before it is written, above the diff, and whole on a narrow screen.
#[test]
fn a_preview_warns_of_what_the_edit_brings() {
    for (width, height) in [(60, 16), (80, 24), (200, 60)] {
        let fake = Arc::new(Fake::default());
        let mut stage = stage_with(&fake, width, height);
        go_to(&mut stage, "square");
        stage.press("e p");
        stage.type_in("parallelogram");
        stage.press("enter");
        let screen = text_of(&stage.screen());
        let (warning, diff) = (
            screen.find("! the edge from"),
            screen.find("+++ shapes.yaml"),
        );
        let warned: Vec<&str> = screen.split_whitespace().collect();
        assert!(warned.contains(&"redundant:"), "{screen}");
        assert!(warning.is_some() && warning < diff, "{screen}");
        assert!(screen.contains("enter writes it"), "{screen}");
    }
}

/// What is asked for is read whole, however narrow the screen.
#[test]
fn a_long_question_is_read_whole() {
    for (width, height) in [(60, 16), (80, 24), (200, 60)] {
        let fake = Arc::new(Fake::default());
        let mut stage = stage_with(&fake, width, height);
        go_to(&mut stage, "square");
        stage.press("e a");
        stage.type_in("tile");
        stage.press("enter");
        let screen = text_of(&stage.screen());
        assert!(screen.contains("Names of `tile`"), "{screen}");
        assert!(screen.contains("in words"), "{screen}");
        stage.type_in("\"tile, square\"");
        assert!(text_of(&stage.screen()).contains("> \"tile, square\""));
        stage.press("enter enter");
        assert!(matches!(
            &made(&fake)[..],
            [What::Taxonomy(Edit::Add { names, .. })] if *names == ["tile, square"]
        ));
    }
}

/// A save that changes nothing is not said to be scored for ever.
#[test]
fn a_save_that_changes_nothing_is_told_to() {
    let (fake, mut stage) = fake();
    fake.is_unchanged.store(true, Ordering::Relaxed);
    stage.act(Action::Changed(vec!["shapes.yaml".into()]));
    assert_eq!(status(&stage), "the files hold what is shown");
}

/// What is right too of an image is marked so among its ranked labels.
#[test]
fn a_label_that_is_right_too_has_its_mark() {
    let (_, mut stage) = fake();
    stage.press("3 /");
    stage.type_in("verdict:specialised");
    stage.press("enter");
    let marks = |stage: &Stage| {
        let screen = text_of(&stage.screen());
        let ranked = screen
            .lines()
            .filter(|line| line.contains("│+ ") || line.contains("┃+ "));
        ranked.count()
    };
    assert_eq!(marks(&stage), 0);
    let run = Arc::clone(stage.app.run().unwrap());
    let mut saved = run.saved.clone();
    let details = saved.details.as_mut().unwrap();
    for (row, detail) in saved.rows.iter().zip(&mut details.rows) {
        detail.valid = Some(details.valid.len() as u32);
        details
            .valid
            .push([row.primary, row.answer].into_iter().flatten().collect());
    }
    let shown = crate::tui::backend::Shown {
        opened: Arc::new(crate::run::Opened::new(saved, run.taxonomy.clone())),
        so_far: None,
        is_saved: true,
        name: "right too".into(),
        fixed_labels: None,
    };
    stage.act(Action::News(crate::tui::backend::News::Run(shown)));
    assert_eq!(marks(&stage), 1, "{}", text_of(&stage.screen()));
}

/// The palette tells the selected command whole, and why it cannot be performed, on a narrow screen too.
#[test]
fn a_command_that_is_cut_is_told_whole_below() {
    let mut stage = stage_with(&Arc::default(), 60, 16);
    stage.press("7 :");
    stage.type_in("compare-before");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("make the run anew"), "{screen}");
}
