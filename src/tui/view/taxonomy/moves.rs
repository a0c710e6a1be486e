//! How one moves in the tree: what opens, what closes, and what is selected then.

use super::order::Order;
use super::places::{MOST_ROWS, Open, Places, path_to};
use super::search::Search;
use super::{Source, key, selected};
use crate::report::text::thousands;
use crate::taxonomy::NodeId;
use crate::tui::app::App;
use crate::tui::command::Command;

/// Makes the rows anew, and selects the end of a path, as far as it leads.
pub fn build(app: &mut App, open: &Open, path: &[NodeId]) {
    let Some(source) = Source::of(app) else {
        return;
    };
    let sorter = source.sorter();
    let taxonomy = sorter.taxonomy;
    let mut places = Places::new(&sorter, open);
    // What is selected is seen, whatever is open.
    let row = places.open_path(path, &sorter).unwrap_or_else(|| {
        let deepest = places.follow(path);
        deepest.map_or(0, |(row, _)| row)
    });
    let state = &mut app.taxonomy;
    state.places = places;
    state.cursor.set(row);
    state.sorted = source.figures.as_ref().map(|_| app.generation);
    state.has_shared = taxonomy.nodes().any(|n| taxonomy.parents(n).len() > 1);
}

/// The rows of a run of which nothing was seen yet.
pub fn begin(app: &mut App) {
    let Some(source) = Source::of(app) else {
        return;
    };
    let open = Open::at_first(&source.run.taxonomy, &source.sorter().roots());
    build(app, &open, &[]);
}

/// The path of the selected row.
fn path(app: &App) -> Vec<NodeId> {
    app.taxonomy.places.path(app.taxonomy.cursor.at())
}

/// Puts the rows into the order that is asked for, all else as it is.
pub fn resort(app: &mut App) {
    let open = app.taxonomy.places.open_ones();
    let open = Open::of(open.map(|(depth, node)| (depth, Some(node))));
    let path = path(app);
    build(app, &open, &path);
    // Matches are met in the order of the tree.
    let text = app.taxonomy.search.as_ref().map(|s| s.text.clone());
    search(app, text.unwrap_or_default());
}

pub fn sort(app: &mut App, order: Order) {
    app.taxonomy.order = order;
    resort(app);
    app.tell(format!("siblings are {}", order.told()));
}

pub fn fold_all(app: &mut App) {
    let path = path(app);
    build(app, &Open::default(), &path[..path.len().min(1)]);
}

pub fn unfold_all(app: &mut App) {
    let Some(source) = Source::of(app) else {
        return;
    };
    let (open, is_all) = Open::everything(&source.run.taxonomy, &source.sorter().roots());
    let path = path(app);
    build(app, &open, &path);
    let rows = thousands(app.taxonomy.places.rows().len());
    app.tell(match is_all {
        true => format!("everything is open: {rows} rows"),
        false => format!(
            "{rows} rows are open, level by level: with all it would be more than {}",
            thousands(MOST_ROWS)
        ),
    });
}

/// Opens a place; whether it is open now.
fn open(app: &mut App, row: usize) -> bool {
    let Some(source) = Source::of(app) else {
        return false;
    };
    let is_open = app.taxonomy.places.open(row, &source.sorter());
    let place = app.taxonomy.places.get(row);
    let is_leaf = place.is_none_or(|p| source.run.taxonomy.children(p.node).is_empty());
    if !is_open && !is_leaf {
        let key = key(app, Command::FoldAll);
        app.complain(format!("there are too many rows already: {key} closes all"));
    }
    is_open
}

/// Closes a branch, or goes to what it hangs under.
pub fn left(app: &mut App) {
    let state = &mut app.taxonomy;
    let at = state.cursor.at();
    match state.places.get(at) {
        Some(place) if place.is_open => state.places.close(at),
        Some(_) => {
            if let Some(above) = state.places.above(at) {
                state.cursor.set(above);
            }
        }
        None => {}
    }
}

/// Opens a branch, or goes to the first below it.
pub fn right(app: &mut App) {
    let at = app.taxonomy.cursor.at();
    match app.taxonomy.places.get(at) {
        Some(place) if place.is_open => app.taxonomy.cursor.set(at + 1),
        _ => {
            open(app, at);
        }
    }
}

/// Opens the selected branch, or closes it.
pub fn toggle(app: &mut App) {
    let at = app.taxonomy.cursor.at();
    match app.taxonomy.places.get(at) {
        Some(place) if place.is_open => app.taxonomy.places.close(at),
        _ => {
            open(app, at);
        }
    }
}

/// Selects the end of a path, with all above it open.
fn go_along(app: &mut App, path: &[NodeId]) {
    let Some(source) = Source::of(app) else {
        return;
    };
    match app.taxonomy.places.open_path(path, &source.sorter()) {
        Some(row) => app.taxonomy.cursor.set(row),
        // There are too many rows: the path alone is open then.
        None => build(app, &Open::default(), path),
    }
}

/// Selects a node at the place that is nearest to where one is.
pub fn go_to(app: &mut App, node: NodeId) {
    let Some(source) = Source::of(app) else {
        return;
    };
    let places = &app.taxonomy.places;
    let at = app.taxonomy.cursor.at();
    let here = places.path(at);
    if let Some(up) = here.iter().position(|&n| n == node) {
        return go_along(app, &here[..=up]);
    }
    let is_below = here
        .last()
        .is_some_and(|&n| source.run.taxonomy.children(n).contains(&node));
    if is_below {
        let path: Vec<NodeId> = here.into_iter().chain([node]).collect();
        return go_along(app, &path);
    }
    match places.first_of(node) {
        Some(row) => app.taxonomy.cursor.set(row),
        None => go_along(app, &path_to(&source.run.taxonomy, node)),
    }
}

/// Goes to the same node under its next parent.
pub fn other_place(app: &mut App) {
    let (Some(source), Some(node)) = (Source::of(app), selected(app)) else {
        return;
    };
    let taxonomy = &source.run.taxonomy;
    let parents = taxonomy.parents(node);
    let places = &app.taxonomy.places;
    let above = places.above(app.taxonomy.cursor.at());
    let above = above
        .and_then(|row| places.get(row))
        .map(|place| place.node);
    let at = parents.iter().position(|&p| Some(p) == above);
    let Some(&next) = parents.get(at.map_or(0, |at| (at + 1) % parents.len())) else {
        return;
    };
    let mut path = match places.first_of(next) {
        Some(row) => places.path(row),
        None => path_to(taxonomy, next),
    };
    path.push(node);
    go_along(app, &path);
    let number = parents.iter().position(|&p| p == next).unwrap_or(0) + 1;
    let (of, label) = (parents.len(), taxonomy.label(next));
    app.tell(format!("place {number} of {of}: under {label}"));
}

/// Searches for a text; an empty one ends the search.
pub fn search(app: &mut App, text: String) {
    let text = text.trim().to_owned();
    let source = Source::of(app).filter(|_| !text.is_empty());
    app.taxonomy.search = source.map(|source| Search::new(&source.sorter(), text));
}

/// Goes to the first match from where one is.
pub fn to_match(app: &mut App) {
    let is_at_one = match (&app.taxonomy.search, selected(app)) {
        (Some(search), Some(node)) => search.is_match(node),
        _ => return,
    };
    match is_at_one {
        true => tell_match(app),
        false => next_match(app, true),
    }
}

pub fn next_match(app: &mut App, forward: bool) {
    let (Some(search), Some(node)) = (&app.taxonomy.search, selected(app)) else {
        return;
    };
    let Some(next) = search.next(node, forward) else {
        let text = format!("no node has {} in its id or in a name", search.text);
        return app.complain(text);
    };
    let path = search.path(next);
    go_along(app, &path);
    tell_match(app);
}

fn tell_match(app: &mut App) {
    let (Some(search), Some(node)) = (&app.taxonomy.search, selected(app)) else {
        return;
    };
    let number = search.number(node).map_or(0, |number| number + 1);
    let (text, of) = (search.text.clone(), thousands(search.len()));
    app.tell(format!("{text}: match {} of {of}", thousands(number)));
}
