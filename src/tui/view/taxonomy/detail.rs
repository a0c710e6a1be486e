//! All that is known of the selected node, with doors to what it speaks of.

use std::cell::Cell;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::facts::{Door, items};
use super::{go_with, images, moves, selected};
use crate::run::ConfusedPair;
use crate::taxonomy::{NodeId, Relation, Taxonomy};
use crate::tui::action::Kind;
use crate::tui::app::{App, Hit};
use crate::tui::backend::EncodedPrompts;
use crate::tui::command::Command;
use crate::tui::text;
use crate::tui::widget::pane;

#[derive(Debug, Default)]
pub struct State {
    /// The node that the rest is about, of a run by its generation.
    of: Option<(u64, NodeId)>,
    /// The selected door.
    door: usize,
    top: Cell<usize>,
    /// Columns and lines when it was last drawn.
    room: Cell<(usize, usize)>,
    known: Known,
}

/// What takes too long to find to do it whenever the screen is drawn.
#[derive(Debug, Default)]
pub struct Known {
    /// The truths of the confused pairs, and which pairs these are: by the run's generation and where they lie.
    truths: Vec<Option<NodeId>>,
    pairs_are: Option<(u64, usize)>,
    /// The confusions of the node; `None` until they are known.
    pub pairs: Option<Vec<ConfusedPair>>,
    /// Children of the node's parents that overlap with it.
    pub overlapping: Vec<NodeId>,
}

/// Pairs that are listed.
const MOST_PAIRS: usize = 8;
/// Siblings that are looked at: each may take a walk over all that is below.
const MOST_SIBLINGS: usize = 50;

/// Makes it tell of a node.
pub fn refresh(app: &mut App, node: NodeId) {
    let Some(run) = app.run().cloned() else {
        return;
    };
    let of = Some((app.generation, node));
    let is_other = app.taxonomy.detail.of != of;
    if is_other {
        let state = &mut app.taxonomy.detail;
        state.of = of;
        state.door = 0;
        state.top.set(0);
        state.known.overlapping = overlapping(&run.taxonomy, node);
    }
    let mut known = std::mem::take(&mut app.taxonomy.detail.known);
    let confusions = super::super::confusions::at_depth(app, None);
    let are = confusions.map(|c| (app.generation, c.pairs.as_ptr() as usize));
    if known.pairs_are != are {
        let pairs = confusions.map_or(&[][..], |c| &c.pairs);
        let truths = pairs.iter().map(|pair| run.taxonomy.find(&pair.truth));
        known.truths = truths.collect();
    }
    if is_other || known.pairs_are != are {
        known.pairs = confusions.map(|confusions| {
            let is_here = |truth: Option<NodeId>| {
                truth.is_some_and(|truth| run.taxonomy.is_ancestor(node, truth))
            };
            let pairs = confusions.pairs.iter().zip(&known.truths);
            let here = pairs.filter(|&(_, &truth)| is_here(truth));
            here.map(|(pair, _)| pair.clone())
                .take(MOST_PAIRS)
                .collect()
        });
    }
    known.pairs_are = are;
    app.taxonomy.detail.known = known;
}

/// Siblings that may hold together with a node.
fn overlapping(taxonomy: &Taxonomy, node: NodeId) -> Vec<NodeId> {
    let parents = taxonomy.parents(node).iter();
    let siblings = parents.flat_map(|&parent| taxonomy.children(parent));
    let mut found: Vec<NodeId> = siblings
        .take(MOST_SIBLINGS)
        .copied()
        .filter(|&other| taxonomy.relation(other, node) == Relation::Overlapping)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

pub fn known(app: &App) -> &Known {
    &app.taxonomy.detail.known
}

/// What the encoded prompts of this run tell, if they are encoded.
pub fn encoded(app: &App) -> Option<&EncodedPrompts> {
    let (generation, encoded) = app.prompts.encoded.as_ref()?;
    (*generation == app.generation).then_some(encoded.as_ref())
}

/// The lines at which the doors are, how many lines there are, and the doors.
fn doors(app: &App) -> (Vec<usize>, usize, Vec<Door>) {
    let (width, _) = app.taxonomy.detail.room.get();
    let items = items(app, width);
    let count = items.len();
    let doors = items.into_iter().enumerate();
    let doors = doors.filter_map(|(line, item)| Some((line, item.door?)));
    let (lines, doors) = doors.unzip();
    (lines, count, doors)
}

/// The selected door, where one is in this pane.
fn selected_door(app: &App) -> Option<Door> {
    let (_, _, mut doors) = doors(app);
    let at = app.taxonomy.detail.door;
    (app.taxonomy.pane == 1 && at < doors.len()).then(|| doors.swap_remove(at))
}

/// Whether one is at a door to a node.
pub fn is_at_node(app: &App) -> bool {
    matches!(selected_door(app), Some(Door::Node(_)))
}

pub fn selected_row(app: &App) -> Option<usize> {
    Some(app.taxonomy.detail.door)
}

pub fn select_row(app: &mut App, row: usize) {
    app.taxonomy.detail.door = row;
}

pub fn perform(app: &mut App, command: Command) {
    match command {
        Command::Left => app.taxonomy.pane = 0,
        Command::Open | Command::Reveal => match selected_door(app) {
            Some(door) => enter(app, door),
            None => app.complain("there is nothing here that could be opened"),
        },
        command => scroll(app, command),
    }
}

fn enter(app: &mut App, door: Door) {
    match door {
        Door::Node(node) => moves::go_to(app, node),
        Door::Images(filter) => images::show(app, filter),
        Door::Prompts(node) => go_with(app, node, Command::PromptsOf),
    }
}

/// Moves from door to door, and where the next one is not seen, line by line.
fn scroll(app: &mut App, command: Command) {
    let (lines, count, _) = doors(app);
    let state = &mut app.taxonomy.detail;
    let (_, height) = state.room.get();
    let most = count.saturating_sub(height);
    let page = height.saturating_sub(1).max(1);
    let top = state.top.get().min(most);
    let last = lines.len().saturating_sub(1);
    let at = state.door.min(last);
    let line = |door: usize| lines.get(door).copied();
    let (top, door) = match command {
        Command::Up => match at.checked_sub(1).and_then(line) {
            Some(next) if next + 1 >= top => (top.min(next), at - 1),
            // What stands above the first door is seen too.
            _ => (top.saturating_sub(1), at),
        },
        Command::Down => match line(at + 1) {
            Some(next) if next <= top + height => {
                (top.max((next + 1).saturating_sub(height)), at + 1)
            }
            _ => ((top + 1).min(most), at),
        },
        Command::PageUp => (top.saturating_sub(page), at),
        Command::PageDown => ((top + page).min(most), at),
        Command::First => (0, 0),
        Command::Last => (most, last),
        _ => return,
    };
    state.top.set(top);
    // The selection is seen, if any door is.
    let seen = top..top + height;
    let is_seen = |door: usize| line(door).is_some_and(|line| seen.contains(&line));
    let nearest = || {
        let all = 0..lines.len();
        let distance = |door: &usize| door.abs_diff(at);
        all.filter(|&door| is_seen(door)).min_by_key(distance)
    };
    state.door = match is_seen(door) {
        true => door,
        false => nearest().unwrap_or(door),
    };
}

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let is_focused = app.taxonomy.pane == 1;
    let title = match (app.run(), selected(app)) {
        (Some(run), Some(node)) => run.taxonomy.label(node),
        _ => "",
    };
    let inner = pane(frame, area, title, is_focused, app.theme);
    app.hits.add(area, Hit::Pane(1));
    let state = &app.taxonomy.detail;
    let (width, height) = (usize::from(inner.width), usize::from(inner.height));
    state.room.set((width, height));
    let items = items(app, width);
    let top = state.top.get().min(items.len().saturating_sub(height));
    state.top.set(top);
    let mut door = 0;
    for (line, item) in items.iter().enumerate() {
        let is_door = item.door.is_some();
        if (top..top + height).contains(&line) {
            let area = Rect {
                y: inner.y + (line - top) as u16,
                height: 1,
                ..inner
            };
            let is_selected = is_focused && is_door && door == state.door;
            draw_item(app, frame, area, &item.line, is_selected);
            if is_door {
                app.hits.add(area, Hit::Row(1, door));
            }
        }
        door += usize::from(is_door);
    }
    let more = items.len().saturating_sub(top + height);
    if more > 0 && area.height > 0 {
        let told = format!(" ↓ {more} more ");
        let x = area.right().saturating_sub(text::width(&told) as u16 + 2);
        let room = usize::from(area.right().saturating_sub(x));
        let buffer = frame.buffer_mut();
        buffer.set_stringn(x, area.bottom() - 1, told, room, app.theme.dim());
    }
}

fn draw_item(
    app: &App,
    frame: &mut Frame<'_>,
    area: Rect,
    line: &Line<'static>,
    is_selected: bool,
) {
    let buffer = frame.buffer_mut();
    buffer.set_line(area.x, area.y, line, area.width);
    if is_selected {
        buffer.set_style(area, app.theme.selected(true));
    }
}

/// Why prompts cannot be told, if they cannot.
pub fn fault_of_prompts(app: &App) -> Option<&str> {
    app.fault(Kind::Expand)
}
