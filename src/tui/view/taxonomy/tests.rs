use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;

use super::*;
use crate::run::testing::{Image, opened, random_world};
use crate::tui::action::Action;
use crate::tui::backend::{
    Applied, Backend, EncodedPrompts, Expanded, News, On, Other, Templates, Trial, Tried,
};
use crate::tui::stage::Stage;
use crate::tui::testing::{beginning, stage};

/// A run of any taxonomy, without prompts.
struct World(Arc<Opened>);

fn shown_run(opened: Arc<Opened>) -> Shown {
    Shown {
        opened,
        so_far: None,
        is_saved: true,
        name: "world".into(),
        fixed_labels: None,
    }
}

impl Backend for World {
    fn open(&self, tell: &(dyn Fn(News) + Sync), _stop: &AtomicBool) -> Result<(), String> {
        tell(News::Run(shown_run(Arc::clone(&self.0))));
        Ok(())
    }

    fn picture(&self, _: &Opened, _: usize) -> Result<Vec<u8>, String> {
        Err("no picture".into())
    }

    fn other(&self, _: &Path) -> Result<Other, String> {
        Err("no run".into())
    }

    fn templates(&self, _: &Opened) -> Result<Templates, String> {
        Err("no templates".into())
    }

    fn expand(&self, _: &Opened, _: NodeId) -> Result<Expanded, String> {
        Err("the run has no prompts".into())
    }

    fn encode_prompts(
        &self,
        _: &Opened,
        _: &(dyn Fn(News) + Sync),
        _: &AtomicBool,
    ) -> Result<EncodedPrompts, String> {
        Err("no model".into())
    }

    fn try_out(
        &self,
        _: &Opened,
        _: &Trial,
        _: On,
        _: &(dyn Fn(News) + Sync),
        _: &AtomicBool,
    ) -> Result<Tried, String> {
        Err("no model".into())
    }

    fn at_threshold(&self, _: &Opened, _: f64) -> Result<Applied, String> {
        Err("no probabilities".into())
    }

    fn save(&self, _: &Opened, _: &Path) -> Result<(), String> {
        Err("nothing to save".into())
    }

    fn can_save(&self) -> bool {
        false
    }

    fn session_file(&self) -> Option<PathBuf> {
        None
    }
}

fn world(run: Opened) -> Stage {
    let mut stage = Stage::new(Arc::new(World(Arc::new(run))), beginning(100, 30));
    stage.press("2");
    stage
}

/// The fixture, at its taxonomy.
fn shapes() -> Stage {
    let mut stage = stage(100, 30);
    stage.press("2");
    stage
}

/// The nodes of the rows, by id.
fn rows(stage: &Stage) -> Vec<&str> {
    let taxonomy = &stage.app.run().unwrap().taxonomy;
    let rows = stage.app.taxonomy.places.rows().iter();
    rows.map(|place| taxonomy.id(place.node)).collect()
}

fn path(stage: &Stage) -> Vec<&str> {
    let taxonomy = &stage.app.run().unwrap().taxonomy;
    let state = &stage.app.taxonomy;
    let path = state.places.path(state.cursor.at()).into_iter();
    path.map(|node| taxonomy.id(node)).collect()
}

/// The selected node, by id.
fn at(stage: &Stage) -> &str {
    path(stage).last().copied().unwrap_or("")
}

fn status(stage: &Stage) -> &str {
    stage.app.status.as_ref().map_or("", |s| &s.text)
}

fn go_to(stage: &mut Stage, id: &str) {
    let node = stage.app.run().unwrap().taxonomy.find(id).unwrap();
    reveal(&mut stage.app, node);
}

fn door(stage: &Stage) -> usize {
    Tree.selected_row(&stage.app, 1).unwrap()
}

fn click(stage: &mut Stage, column: u16, row: u16) {
    stage.act(Action::Mouse(MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column,
        row,
        modifiers: KeyModifiers::NONE,
    }));
}

#[test]
fn branches_open_and_close_and_left_and_right_go_up_and_down() {
    let mut stage = shapes();
    stage.press("-");
    assert_eq!(rows(&stage), ["shape"]);
    stage.press("right right");
    assert_eq!(path(&stage), ["shape", "polygon"]);
    stage.press("right right left");
    // What is closed already leads up.
    assert_eq!(at(&stage), "polygon");
    stage.press("left");
    assert_eq!(rows(&stage)[..2], ["shape", "polygon"]);
    assert!(!stage.app.taxonomy.places.rows()[1].is_open);
    stage.press("left left left");
    assert_eq!((at(&stage), rows(&stage).len()), ("shape", 1));
    stage.press("+");
    assert!(status(&stage).starts_with("everything is open"));
    let squares = rows(&stage).iter().filter(|&&id| id == "square").count();
    assert!(squares > 3);
    stage.press("end home");
    assert_eq!(at(&stage), "shape");
}

#[test]
fn a_node_is_followed_from_place_to_place() {
    let mut stage = shapes();
    stage.press("-");
    go_to(&mut stage, "square");
    let first = path(&stage).join(" ");
    let mut above = Vec::new();
    for _ in 0..3 {
        let path = path(&stage);
        above.push(path[path.len() - 2].to_owned());
        stage.press("o");
    }
    assert_eq!(path(&stage).join(" "), first);
    above.sort();
    assert_eq!(above, ["rectangle", "regular_polygon", "rhombus"]);
    assert!(status(&stage).starts_with("place 1 of 3"));
    go_to(&mut stage, "arrow");
    stage.press("o");
    assert_eq!(
        status(&stage),
        "other-place: it has one parent, and so one place under it"
    );
}

#[test]
fn what_is_searched_for_is_found_wherever_it_is() {
    let mut stage = shapes();
    stage.press("- n");
    assert!(status(&stage).contains("nothing is searched for"));
    stage.press("/");
    stage.type_in("SQUARE");
    stage.press("enter");
    // A synonym of it has the text.
    let first = at(&stage).to_owned();
    assert_eq!(status(&stage), "SQUARE: match 1 of 2");
    stage.press("n");
    let second = at(&stage).to_owned();
    let mut both = [first.as_str(), second.as_str()];
    both.sort_unstable();
    assert_eq!(both, ["isosceles_right_triangle", "square"]);
    stage.press("n");
    assert_eq!(at(&stage), first);
    stage.press("N");
    assert_eq!(at(&stage), second);
    assert!(stage.text_at(100, 30).contains("/SQUARE 2 of 2"));
    // What nothing has is told while it is typed, and not taken.
    stage.press("/");
    stage.type_in("zz");
    stage.press("enter");
    assert!(stage.app.overlay.is_some());
    stage.press("esc esc");
    assert!(stage.app.taxonomy.search.is_none());
}

#[test]
fn siblings_are_sorted_and_the_tree_stays_as_open_as_it_is() {
    let mut stage = shapes();
    go_to(&mut stage, "square");
    let before = rows(&stage).into_iter().map(str::to_owned);
    let before: Vec<String> = before.collect();
    stage.press("s");
    assert_eq!(status(&stage), "siblings are by name");
    let children = |stage: &Stage| {
        let run = Arc::clone(stage.app.run().unwrap());
        let source = Source::of(&stage.app).unwrap();
        let children = source
            .sorter()
            .children(run.taxonomy.find("shape").unwrap());
        let ids = children.iter().map(|&n| run.taxonomy.id(n).to_owned());
        ids.collect::<Vec<_>>()
    };
    let mut by_name = children(&stage);
    assert!(by_name.is_sorted());
    by_name.reverse();
    stage.press("S");
    assert_eq!(children(&stage), by_name);
    stage.press("s s");
    assert_eq!(status(&stage), "siblings are by recall, least first");
    let figures = figures(&stage.app).unwrap();
    let taxonomy = &stage.app.run().unwrap().taxonomy;
    let recall = |id: &String| figures.get(taxonomy.find(id).unwrap()).recall;
    let recalls: Vec<f64> = children(&stage).iter().filter_map(recall).collect();
    assert!(recalls.is_sorted());
    let all: Vec<Option<f64>> = children(&stage).iter().map(recall).collect();
    assert!(all[..recalls.len()].iter().all(Option::is_some));
    assert_eq!(at(&stage), "square");
    let (mut a, mut b) = (before.clone(), rows(&stage));
    a.sort();
    b.sort();
    assert_eq!(a, b);
    while stage.app.taxonomy.order != Order::default() {
        stage.press("s");
    }
    assert_eq!(rows(&stage), before);
}

#[test]
fn one_comes_back_to_where_one_was() {
    let mut stage = shapes();
    stage.press("s s s c down down space esc /");
    stage.type_in("square");
    stage.press("enter tab");
    let place = Tree.remember(&stage.app);
    let mut other = shapes();
    Tree.recall(&mut other.app, &place);
    assert_eq!(Tree.remember(&other.app), place);
    assert_eq!(rows(&other), rows(&stage));
    assert_eq!(path(&other), path(&stage));
    // And from another view.
    stage.press("i backspace");
    assert_eq!(
        (stage.app.view, Tree.remember(&stage.app)),
        (View::Taxonomy, place)
    );
    // What is no such state changes nothing, or what it names.
    for text in [
        "{}",
        "[]",
        r#"{"open": ["x", "7 shape", 3, "0 none"], "path": [1], "by": "zz"}"#,
    ] {
        let mut other = shapes();
        Tree.recall(&mut other.app, &serde_json::from_str(text).unwrap());
        assert!(at(&other) == "shape", "{text}");
        other.text_at(100, 30);
    }
}

#[test]
fn another_taxonomy_keeps_what_it_has_too() {
    const FIRST: &str = "tree: {a: {b: {c: {d: [e]}, x: []}}, f: [g]}";
    // `c` is gone, and `d` is elsewhere.
    const SECOND: &str = "tree: {new: {a: {b: {x: []}}}, f: {h: {d: [e]}, g: []}}";
    let images = [Image::new(&["e"], Some("e"))];
    let mut stage = world(opened(FIRST, &images));
    stage.press("+");
    go_to(&mut stage, "d");
    stage.press("/");
    stage.type_in("e");
    stage.press("enter N");
    go_to(&mut stage, "d");
    let run = shown_run(Arc::new(opened(SECOND, &images)));
    stage.act(Action::News(News::Run(run)));
    assert_eq!(path(&stage), ["f", "h", "d"]);
    assert_eq!(rows(&stage), ["new", "f", "h", "d", "g"]);
    assert_eq!(stage.app.taxonomy.search.as_ref().unwrap().len(), 2);
    let run = shown_run(Arc::new(opened("tree: {z: [e]}", &images)));
    stage.act(Action::News(News::Run(run)));
    assert_eq!(at(&stage), "z");
}

#[test]
fn the_mouse_selects_opens_and_goes_to_the_images() {
    let mut stage = shapes();
    stage.press("-");
    stage.screen();
    // The mark of the root: it opens at one click.
    click(&mut stage, 1, 3);
    assert!(rows(&stage).len() > 1);
    stage.screen();
    click(&mut stage, 10, 4);
    assert_eq!(at(&stage), "polygon");
    stage.screen();
    click(&mut stage, 2, 4);
    assert!(stage.app.taxonomy.places.rows()[1].is_open);
    stage.press("tab");
    stage.screen();
    click(&mut stage, 10, 4);
    assert_eq!(
        (stage.app.view, stage.app.taxonomy.pane),
        (View::Taxonomy, 0)
    );
    stage.screen();
    click(&mut stage, 10, 4);
    assert_eq!(stage.app.view, View::Images);
    assert_eq!(stage.app.images.filter, "truth:under(polygon)");
}

#[test]
fn what_is_told_of_a_node_are_doors() {
    let mut stage = shapes();
    go_to(&mut stage, "rhombus");
    stage.press("tab");
    stage.text_at(120, 50);
    stage.press("enter");
    // The first of its parents, at this very place.
    assert_eq!(stage.app.taxonomy.pane, 1);
    let up = at(&stage).to_owned();
    assert_ne!(up, "rhombus");
    stage.press("left");
    go_to(&mut stage, "convex_polygon");
    let (row, column) = {
        stage.text_at(120, 50);
        stage.find("multiplicity, confirmed").unwrap()
    };
    click(&mut stage, column, row);
    stage.press("enter");
    let filter = &stage.app.images.filter;
    assert_eq!(filter, "truth:under(convex_polygon) verdict:confirmed");
    let found = images::rows(&stage.app).unwrap().len();
    stage.press("backspace");
    let node = selected(&stage.app).unwrap();
    assert_eq!(found, figures(&stage.app).unwrap().get(node).confirmed);
    stage.press("P");
    assert!(stage.text_at(120, 60).contains("Nearest by text"));
    stage.press("P");
    assert_eq!(status(&stage), "encode-prompts: they are encoded already");
    // All doors can be come to with the arrows, however low the screen is.
    stage.text_at(80, 18);
    stage.press("home");
    let mut met = vec![door(&stage)];
    for _ in 0..200 {
        stage.press("down");
        met.push(door(&stage));
    }
    assert!(met.is_sorted());
    met.dedup();
    assert!(met.len() > 15 && met.windows(2).all(|w| w[1] == w[0] + 1));
    stage.press("home");
    assert_eq!(door(&stage), 0);
}

#[test]
fn what_is_shown_is_copied_and_exported() {
    let mut stage = shapes();
    stage.press("down y");
    assert_eq!(stage.copied, ["polygon"]);
    let sheet = Tree.sheet(&stage.app).unwrap();
    assert_eq!(sheet.len, rows(&stage).len());
    let cells = (sheet.row)(1);
    assert_eq!(cells.len(), sheet.columns.len());
    assert_eq!(
        cells[..4],
        [json!("polygon"), json!("polygon"), json!("shape"), json!(1)]
    );
    assert_eq!(
        (&sheet.columns[4], &cells[4]),
        (&"n".to_owned(), &json!(169))
    );
    // The columns that are chosen are drawn.
    stage.press("c end space esc");
    assert!(stage.text_at(200, 30).contains("own n"));
}

#[test]
fn prompts_that_cannot_be_told_are_told_of_in_the_pane() {
    let images = [Image::new(&["b"], Some("a"))];
    let mut stage = world(opened("tree: {a: [b, c]}", &images));
    for key in ["", "down"] {
        stage.press(key);
        // Nobody asked for them, so nobody is bothered.
        assert_eq!(status(&stage), "");
        assert!(stage.text_at(100, 40).contains("the run has no prompts"));
    }
}

#[test]
fn many_nodes_open_and_are_drawn() {
    let mut text = "nodes:\n  root: {}\n".to_owned();
    for i in 0..200 {
        text += &format!("  a{i}: {{parents: [root]}}\n");
        for j in 0..409 {
            text += &format!("  a{i}_{j}: {{parents: [a{i}]}}\n");
        }
    }
    let mut stage = world(opened(&text, &[Image::new(&["a3_4"], Some("a3"))]));
    let count = stage.app.run().unwrap().taxonomy.len();
    assert_eq!(count, 82_001);
    stage.press("+");
    assert_eq!(rows(&stage).len(), count);
    stage.press("end");
    stage.press("up left left right end");
    assert_eq!(at(&stage), "a199_408");
    assert!(stage.text_at(120, 40).contains("a199_408"));
    stage.press("s s s / a 7 _ enter n");
    assert_eq!(rows(&stage).len(), count);
    assert!(stage.text_at(120, 40).contains("/a7_ 2 of 409"));
    // What is kept to come back to stays small.
    let place = Tree.remember(&stage.app);
    Tree.recall(&mut stage.app, &place);
    assert_eq!(path(&stage).len(), 3);
}

/// Keys of all that the view can do, and some that it cannot.
const KEYS: &[&str] = &[
    "up",
    "down",
    "left",
    "right",
    "pageup",
    "pagedown",
    "home",
    "end",
    "enter",
    "tab",
    "+",
    "-",
    "o",
    "s",
    "S",
    "n",
    "N",
    "i",
    "C",
    "p",
    "t",
    "e",
    "y",
    "backspace",
    "esc",
    "/ n enter",
    "/ 1 enter",
    "/ q enter esc",
    "c down space esc",
    "f 2 enter",
    ">",
    "<",
];

/// Draws the view at a size, however small.
fn drawn(stage: &Stage, width: u16, height: u16) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let area = Rect::new(0, 0, width, height);
    let draw = |frame: &mut Frame<'_>| Tree.draw(&stage.app, frame, area);
    terminal.draw(draw).unwrap();
}

fn is_sound(stage: &Stage) -> bool {
    let state = &stage.app.taxonomy;
    let source = Source::of(&stage.app).unwrap();
    let open = state.places.open_ones();
    let open = Open::of(open.map(|(depth, node)| (depth, Some(node))));
    // What hangs under a closed place, or in another order, would not come back.
    state.places == Places::new(&source.sorter(), &open) && selected(&stage.app).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_one_does_the_tree_is_sound(run in random_world(), steps in proptest::collection::vec((0..KEYS.len(), 0u16..90, 0u16..30), 1..40)) {
        let mut stage = world(run);
        for (key, width, height) in steps {
            stage.press(KEYS[key]);
            if stage.app.view != View::Taxonomy {
                stage.press("esc 2");
            }
            prop_assert!(is_sound(&stage), "after {}", KEYS[key]);
            drawn(&stage, width, height);
            stage.text_at(60 + width, 16 + height);
        }
        let place = Tree.remember(&stage.app);
        Tree.recall(&mut stage.app, &place);
        prop_assert_eq!(Tree.remember(&stage.app), place);
        prop_assert!(is_sound(&stage));
    }
}
