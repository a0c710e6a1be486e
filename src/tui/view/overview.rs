//! Where the error comes from, on one page. Every number is a door to the images behind it.

mod page;

use std::cell::Cell;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use serde_json::{Value, json};

use super::{Part, images};
use crate::run::{ConfusedPair, Confusions, NodeFigures};
use crate::taxonomy::NodeId;
use crate::tui::action::{Effect, Job, Kind};
use crate::tui::app::{App, Hit, View};
use crate::tui::backend::Shown;
use crate::tui::command::Command;
use crate::tui::sheet::Sheet;
use crate::tui::text;
use crate::tui::widget::pane;

/// The item one is at; how far each column is scrolled is decided while drawing.
#[derive(Debug, Default)]
pub struct State {
    at: usize,
    offsets: [Cell<usize>; 2],
    /// Items of the left column when it was last drawn, and whether there were two columns.
    left: Cell<usize>,
    two: Cell<bool>,
    /// The confusions that cost most, of a run by its generation, and how many there are in all.
    costly: Option<(u64, Vec<ConfusedPair>, usize)>,
    /// The worst nodes and the best, of a run by its generation.
    nodes: Option<(u64, [Vec<NodeId>; 2])>,
}

/// What is behind an item.
#[derive(Debug, Clone, PartialEq)]
enum Door {
    /// The images of a filter.
    Images(String),
    Node(NodeId),
    Pair(String, String),
    View(View),
}

/// One line of the page.
struct Row {
    line: Line<'static>,
    door: Option<Door>,
    /// What is copied and exported of it: what it is, and its value.
    fact: Option<(String, Value)>,
}

/// A part of the page.
struct Section {
    title: String,
    rows: Vec<Row>,
}

/// How many confusions and nodes are listed.
const LISTED: usize = 5;
/// Images that a node needs behind it to be listed.
const FEWEST_OF_NODE: usize = 10;

impl Row {
    fn plain(text: impl Into<String>, style: Style) -> Self {
        Self {
            line: Line::styled(text.into(), style),
            door: None,
            fact: None,
        }
    }
}

use page::sections;
pub use page::{main_verdict, name};

pub struct Overview;

impl Part for Overview {
    fn perform(&self, app: &mut App, command: Command) -> Vec<Effect> {
        let doors = doors(app);
        let last = doors.len().saturating_sub(1);
        let state = &mut app.overview;
        let left = state.left.get();
        match command {
            Command::Up => state.at = state.at.saturating_sub(1),
            Command::Down => state.at = (state.at + 1).min(last),
            Command::First => state.at = 0,
            Command::Last => state.at = last,
            Command::PageUp => state.at = state.at.saturating_sub(10),
            Command::PageDown => state.at = (state.at + 10).min(last),
            Command::Left if state.two.get() && state.at >= left => {
                state.at = (state.at - left).min(left.saturating_sub(1));
            }
            Command::Right | Command::NextPane if state.two.get() && state.at < left => {
                state.at = (state.at + left).min(last);
            }
            Command::NextPane | Command::PreviousPane if state.two.get() => {
                state.at = if state.at < left { left.min(last) } else { 0 };
            }
            Command::Open | Command::ImagesOf => {
                if let Some(door) = doors.get(state.at).cloned() {
                    enter(app, door);
                }
            }
            Command::Reveal | Command::PromptsOf | Command::ConfusionsOf => {
                if let Some(node) = node_behind(app, doors.get(app.overview.at)) {
                    super::taxonomy::go_with(app, node, command);
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, area: Rect) {
        let Some(summary) = app.summary() else {
            let text = match app.fault(Kind::Open) {
                Some(fault) => fault.to_owned(),
                None => match app.notes.last() {
                    Some(note) => format!("Opening …\n{note}"),
                    None => "Opening …".to_owned(),
                },
            };
            let inner = pane(frame, area, "Overview", true, app.theme);
            super::paragraph(frame, inner, &text, Style::new());
            return;
        };
        let two = area.width >= 116;
        app.overview.two.set(two);
        let column_width = match two {
            true => area.width / 2,
            false => area.width,
        };
        let inner_width = usize::from(column_width.saturating_sub(2));
        let [left, right] = sections(app, summary, inner_width);
        let count = |sections: &[Section]| {
            let rows = sections.iter().flat_map(|s| &s.rows);
            rows.filter(|row| row.door.is_some()).count()
        };
        let of_left = count(&left);
        app.overview.left.set(of_left);
        if two {
            let [a, b] = [
                Rect {
                    width: column_width,
                    ..area
                },
                Rect {
                    x: area.x + column_width,
                    width: area.width - column_width,
                    ..area
                },
            ];
            draw_column(app, frame, a, "Where the error comes from", left, 0, 0);
            draw_column(app, frame, b, "Where to look", right, of_left, 1);
        } else {
            draw_column(app, frame, area, "Where the error comes from", left, 0, 0);
        }
    }

    fn wants(&self, app: &mut App) -> Vec<Effect> {
        let nodes = app.want("nodes", Job::Nodes);
        let pairs = super::confusions::want(app, None);
        nodes.into_iter().chain(pairs).collect()
    }

    fn why_not(&self, app: &App, command: Command) -> Option<String> {
        match command {
            Command::Reveal | Command::PromptsOf | Command::ConfusionsOf => {
                let node = node_behind(app, doors(app).get(app.overview.at));
                let why = "select a node or a confusion for that".to_owned();
                node.is_none().then_some(why)
            }
            _ => None,
        }
    }

    fn value(&self, app: &App) -> Option<String> {
        let (_, fact) = selected(app)?;
        let (what, value) = fact?;
        Some(format!("{what}\t{value}"))
    }

    fn sheet(&self, app: &App) -> Option<Sheet> {
        let facts: Vec<(String, Value)> = rows(app).into_iter().filter_map(|r| r.fact).collect();
        Some(Sheet {
            columns: vec!["figure".into(), "value".into()],
            len: facts.len(),
            row: Box::new(move |i| vec![json!(facts[i].0), facts[i].1.clone()]),
        })
    }

    fn remember(&self, app: &App) -> Value {
        json!({ "at": app.overview.at })
    }

    fn recall(&self, app: &mut App, place: &Value) {
        app.overview.at = place["at"].as_u64().unwrap_or(0) as usize;
        let last = doors(app).len().saturating_sub(1);
        app.overview.at = app.overview.at.min(last);
    }

    fn run_changed(&self, app: &mut App, _earlier: Option<&Shown>) {
        let last = doors(app).len().saturating_sub(1);
        app.overview.at = app.overview.at.min(last);
    }

    fn selected_row(&self, app: &App, _pane: usize) -> Option<usize> {
        Some(app.overview.at)
    }

    fn select_row(&self, app: &mut App, _pane: usize, row: usize) {
        app.overview.at = row;
    }
}

/// Picks the confusions that cost most out of all.
pub fn set_pairs(app: &mut App, found: &Confusions) {
    let mut costly: Vec<&ConfusedPair> = found.pairs.iter().filter(|p| p.cost > 0.0).collect();
    let order = |a: &&ConfusedPair, b: &&ConfusedPair| {
        let by_cost = b.cost.total_cmp(&a.cost).then(b.count.cmp(&a.count));
        by_cost.then_with(|| (&a.truth, &a.answer).cmp(&(&b.truth, &b.answer)))
    };
    if costly.len() > LISTED {
        costly.select_nth_unstable_by(LISTED, order);
        costly.truncate(LISTED);
    }
    costly.sort_by(order);
    let costly = costly.into_iter().cloned().collect();
    app.overview.costly = Some((app.generation, costly, found.pairs.len()));
}

/// Picks the worst nodes and the best out of all.
pub fn set_nodes(app: &mut App, figures: &NodeFigures) {
    let Some(run) = app.run() else { return };
    let worst = figures.worst(&run.taxonomy, FEWEST_OF_NODE, LISTED);
    let best = figures.best(&run.taxonomy, FEWEST_OF_NODE, LISTED);
    app.overview.nodes = Some((app.generation, [worst, best]));
}

/// The node that an item is about.
fn node_behind(app: &App, door: Option<&Door>) -> Option<NodeId> {
    match door? {
        Door::Node(node) => Some(*node),
        Door::Pair(truth, _) => app.run()?.taxonomy.find(truth),
        Door::Images(_) | Door::View(_) => None,
    }
}

/// Goes through a door.
fn enter(app: &mut App, door: Door) {
    if app.run().is_none() {
        app.complain("the images are not read yet");
        return;
    }
    match door {
        Door::Images(filter) => images::show(app, filter),
        Door::Node(node) => {
            let filter = app.run().map(|run| images::under(run, node));
            images::show(app, filter.unwrap_or_default());
        }
        Door::Pair(truth, answer) => images::show(app, images::of_pair(&truth, &answer)),
        Door::View(view) => app.go(view),
    }
}

/// All rows of the page, in the order of the selection. The width decides only how texts are broken.
fn rows(app: &App) -> Vec<Row> {
    let Some(summary) = app.summary() else {
        return Vec::new();
    };
    let [left, right] = sections(app, summary, 78);
    left.into_iter()
        .chain(right)
        .flat_map(|section| section.rows)
        .collect()
}

fn doors(app: &App) -> Vec<Door> {
    rows(app).into_iter().filter_map(|row| row.door).collect()
}

/// The selected item: its door and what it says.
fn selected(app: &App) -> Option<(Door, Option<(String, Value)>)> {
    let rows = rows(app).into_iter();
    let mut doors = rows.filter_map(|row| Some((row.door?, row.fact)));
    doors.nth(app.overview.at)
}

fn draw_column(
    app: &App,
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    sections: Vec<Section>,
    first: usize,
    column: usize,
) {
    let count: usize = (sections.iter().flat_map(|s| &s.rows))
        .filter(|row| row.door.is_some())
        .count();
    let at = app.overview.at;
    let has_selection = (first..first + count).contains(&at);
    let inner = pane(frame, area, title, has_selection, app.theme);
    let mut lines: Vec<(Line<'static>, Option<usize>)> = Vec::new();
    let mut number = first;
    for section in sections {
        if !lines.is_empty() {
            lines.push((Line::default(), None));
        }
        if !section.title.is_empty() {
            lines.push((Line::styled(section.title, app.theme.title()), None));
        }
        for row in section.rows {
            let door = row.door.is_some().then_some(number);
            number += usize::from(door.is_some());
            lines.push((row.line, door));
        }
    }
    let height = usize::from(inner.height);
    let line_at = lines.iter().position(|(_, door)| *door == Some(at));
    let highest = lines.len().saturating_sub(height);
    let offset = &app.overview.offsets[column];
    let mut top = offset.get().min(highest);
    if let Some(line_at) = line_at.filter(|_| height > 0) {
        // What stands above the first item is seen with it, and what stands below the last.
        let (above, below) = (at == first, at + 1 == first + count);
        top = top.min(if above { 0 } else { line_at });
        top = top.max((line_at + 1).saturating_sub(height));
        if below {
            top = highest.min(line_at);
        }
    }
    offset.set(top);
    for (y, (line, door)) in (inner.y..inner.bottom()).zip(&lines[top..]) {
        frame.buffer_mut().set_line(inner.x, y, line, inner.width);
        let area = Rect {
            y,
            height: 1,
            ..inner
        };
        if let Some(door) = door {
            app.hits.add(area, Hit::Row(column, *door));
            if *door == at {
                frame.buffer_mut().set_style(area, app.theme.selected(true));
            }
        }
    }
    let more = lines.len().saturating_sub(top + height);
    if more > 0 && inner.height > 0 {
        let text = format!(" ↓ {more} more ");
        let x = area.right().saturating_sub(text::width(&text) as u16 + 2);
        let y = area.bottom() - 1;
        frame
            .buffer_mut()
            .set_stringn(x, y, text, usize::from(area.width), app.theme.dim());
    }
}
