//! The taxonomy: a tree that opens and closes, figures beside each node, and of the selected one all that is known.

mod columns;
mod detail;
mod facts;
mod list;
mod moves;
mod order;
mod places;
mod search;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::{Choice, Part, images};
use crate::run::{NodeFigures, Opened};
use crate::taxonomy::NodeId;
use crate::tui::action::{Effect, Job, Kind};
use crate::tui::app::{App, View};
use crate::tui::backend::Shown;
use crate::tui::command::Command;
use crate::tui::editing::Subject;
use crate::tui::sheet::Sheet;
use crate::tui::widget::Cursor;
use columns::COLUMNS;
use order::{By, Order, Sorter};
use places::{Open, Places};
use search::Search;

pub struct State {
    pub figures: Option<(u64, Arc<NodeFigures>)>,
    places: Places,
    cursor: Cursor,
    /// 0: the tree; 1: the selected node.
    pane: usize,
    order: Order,
    /// The run, by its generation, whose figures the rows are in the order of; `None`: of no figures.
    sorted: Option<u64>,
    /// Which of [`COLUMNS`] are shown.
    columns: Vec<bool>,
    /// Whether any node has several parents.
    has_shared: bool,
    search: Option<Search>,
    detail: detail::State,
    /// The run, by its generation, that prompts were asked of.
    asked: Option<u64>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            figures: None,
            places: Places::default(),
            cursor: Cursor::default(),
            pane: 0,
            order: Order::default(),
            sorted: None,
            columns: COLUMNS.iter().map(|c| c.by_default).collect(),
            has_shared: false,
            search: None,
            detail: detail::State::default(),
            asked: None,
        }
    }
}

/// Open places that are kept to come back to: more are opened by [`Command::UnfoldAll`] alone.
const MOST_KEPT: usize = 2_000;

pub struct Tree;

/// The figures of the nodes of the run that is shown.
pub fn figures(app: &App) -> Option<&NodeFigures> {
    let (generation, figures) = app.taxonomy.figures.as_ref()?;
    (*generation == app.generation).then_some(figures.as_ref())
}

/// Selects a node in the tree, with all that is above it open.
pub fn reveal(app: &mut App, node: NodeId) {
    app.taxonomy.pane = 0;
    moves::go_to(app, node);
}

/// Goes where a command about a node leads.
pub fn go_with(app: &mut App, node: NodeId, command: Command) {
    match command {
        Command::Reveal => {
            app.go(View::Taxonomy);
            reveal(app, node);
        }
        Command::PromptsOf => {
            app.go(View::Prompts);
            super::prompts::select(app, node);
        }
        Command::ConfusionsOf => {
            app.go(View::Confusions);
            super::confusions::show_of(app, node);
        }
        _ => {}
    }
}

/// The selected node.
pub fn selected(app: &App) -> Option<NodeId> {
    let state = &app.taxonomy;
    state.places.get(state.cursor.at()).map(|place| place.node)
}

/// The key of a command, or what it is called.
fn key(app: &App, command: Command) -> String {
    let key = app.keymap.key(command);
    key.unwrap_or_else(|| command.spec().id.to_owned())
}

/// What the order of the rows comes from, apart from the state, so that this can change meanwhile.
struct Source {
    run: Arc<Opened>,
    figures: Option<Arc<NodeFigures>>,
    order: Order,
}

impl Source {
    fn of(app: &App) -> Option<Self> {
        let figures = app.taxonomy.figures.as_ref();
        let figures = figures.filter(|(generation, _)| *generation == app.generation);
        Some(Self {
            run: Arc::clone(app.run()?),
            figures: figures.map(|(_, figures)| Arc::clone(figures)),
            order: app.taxonomy.order,
        })
    }

    fn sorter(&self) -> Sorter<'_> {
        Sorter::new(&self.run.taxonomy, self.figures.as_deref(), self.order)
    }
}

impl Part for Tree {
    fn perform(&self, app: &mut App, command: Command) -> Vec<Effect> {
        match command {
            Command::NextPane | Command::PreviousPane => app.taxonomy.pane = 1 - app.taxonomy.pane,
            Command::EncodePrompts => return vec![app.request(Job::EncodePrompts)],
            Command::ImagesOf => show_images(app),
            Command::PromptsOf | Command::ConfusionsOf => {
                if let Some(node) = selected(app) {
                    go_with(app, node, command);
                }
            }
            Command::FoldAll => moves::fold_all(app),
            Command::UnfoldAll => moves::unfold_all(app),
            Command::OtherPlace => moves::other_place(app),
            Command::NextMatch => moves::next_match(app, true),
            Command::PreviousMatch => moves::next_match(app, false),
            Command::ClearFilter => app.taxonomy.search = None,
            Command::Sort => {
                let shown: Vec<usize> = shown(&app.taxonomy.columns).collect();
                moves::sort(app, app.taxonomy.order.next(&shown));
            }
            Command::Reverse => {
                let order = app.taxonomy.order;
                let descending = !order.descending;
                moves::sort(
                    app,
                    Order {
                        descending,
                        ..order
                    },
                );
            }
            command if app.taxonomy.pane == 1 => detail::perform(app, command),
            Command::Open => show_images(app),
            Command::Left => moves::left(app),
            Command::Right => moves::right(app),
            command => {
                let state = &mut app.taxonomy;
                state.cursor.perform(command, state.places.rows().len());
            }
        }
        Vec::new()
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, area: Rect) {
        let [left, right] = crate::tui::widget::split(area, app.split, &app.hits);
        list::draw(app, frame, left);
        detail::draw(app, frame, right);
    }

    fn wants(&self, app: &mut App) -> Vec<Effect> {
        // Figures that came meanwhile may change the order.
        let is_by_figure = matches!(app.taxonomy.order.by, By::Figure(_));
        if is_by_figure && figures(app).is_some() && app.taxonomy.sorted != Some(app.generation) {
            moves::resort(app);
        }
        let Some(node) = selected(app) else {
            return Vec::new();
        };
        detail::refresh(app, node);
        let mut effects: Vec<Effect> = app.want("nodes", Job::Nodes).into_iter().collect();
        if super::confusions::at_depth(app, None).is_none() {
            effects.extend(app.want("depth None", Job::Confusions { depth: None }));
        }
        // Where the prompts of one node cannot be told, those of the next cannot either: it is said once.
        let has_asked = app.taxonomy.asked == Some(app.generation);
        if !has_asked || app.fault(Kind::Expand).is_none() {
            app.taxonomy.asked = Some(app.generation);
            effects.extend(app.want(format!("node {}", node.index()), Job::Expand(node)));
        }
        effects
    }

    fn why_not(&self, app: &App, command: Command) -> Option<String> {
        let why = match command {
            Command::OtherPlace => match app.run()?.taxonomy.parents(selected(app)?).len() {
                0 => "it has no parent, and so one place",
                1 => "it has one parent, and so one place under it",
                _ => return None,
            },
            Command::NextMatch | Command::PreviousMatch if app.taxonomy.search.is_none() => {
                let key = key(app, Command::Filter);
                return Some(format!("nothing is searched for: {key} finds"));
            }
            Command::Reveal if !detail::is_at_node(app) => "this is the taxonomy",
            Command::EncodePrompts if app.is_busy(Kind::EncodePrompts) => {
                "they are being encoded already"
            }
            Command::EncodePrompts if detail::encoded(app).is_some() => "they are encoded already",
            _ => return None,
        };
        Some(why.to_owned())
    }

    fn value(&self, app: &App) -> Option<String> {
        Some(app.run()?.taxonomy.id(selected(app)?).to_owned())
    }

    fn subject(&self, app: &App) -> Option<Subject> {
        Some(Subject::of(app.run()?, selected(app)?))
    }

    fn sheet(&self, app: &App) -> Option<Sheet> {
        let source = Source::of(app)?;
        let rows = app.taxonomy.places.rows();
        Some(columns::sheet(&source.run, source.figures, rows))
    }

    fn remember(&self, app: &App) -> Value {
        let Some(run) = app.run() else {
            return json!({});
        };
        let state = &app.taxonomy;
        let id = |node: NodeId| run.taxonomy.id(node);
        let path = state.places.path(state.cursor.at());
        let open = state.places.open_ones().take(MOST_KEPT);
        let open = open.map(|(depth, node)| format!("{depth} {}", id(node)));
        let shown: Vec<&str> = shown(&state.columns).map(|c| COLUMNS[c].title).collect();
        json!({
            "path": path.into_iter().map(id).collect::<Vec<_>>(),
            "open": open.collect::<Vec<_>>(),
            "by": state.order.by.name(),
            "descending": state.order.descending,
            "columns": shown,
            "find": state.search.as_ref().map(|search| search.text.as_str()),
            "pane": state.pane,
        })
    }

    fn recall(&self, app: &mut App, place: &Value) {
        let state = &mut app.taxonomy;
        state.pane = usize::from(place["pane"] == 1);
        if let Some(by) = place["by"].as_str().and_then(By::by_name) {
            state.order = Order {
                by,
                descending: place["descending"] == true,
            };
        }
        if let Some(shown) = place["columns"].as_array() {
            let is_shown = |title: &str| shown.iter().any(|s| s == title);
            state.columns = COLUMNS.iter().map(|c| is_shown(c.title)).collect();
        }
        let (Some(run), true) = (app.run().cloned(), place["open"].is_array()) else {
            return;
        };
        let texts = |name: &str| {
            let texts = place[name].as_array().into_iter().flatten();
            texts.filter_map(Value::as_str)
        };
        let node = |id: &str| run.taxonomy.find(id);
        let open = texts("open").take(MOST_KEPT).filter_map(|text| {
            let (depth, id) = text.split_once(' ')?;
            Some((depth.parse().ok()?, node(id)))
        });
        let path: Vec<NodeId> = texts("path").map_while(node).collect();
        let search = place["find"].as_str().unwrap_or_default().to_owned();
        moves::build(app, &Open::of(open), &path);
        moves::search(app, search);
    }

    fn run_changed(&self, app: &mut App, earlier: Option<&Shown>) {
        let (Some(run), Some(earlier)) = (app.run().cloned(), earlier) else {
            return moves::begin(app);
        };
        let state = &app.taxonomy;
        let same = |node: NodeId| run.taxonomy.find(earlier.opened.taxonomy.id(node));
        let open = state.places.open_ones();
        let open = Open::of(open.map(|(depth, node)| (depth, same(node))));
        let path = state.places.path(state.cursor.at());
        // Where its place is not there any more, the node may be at another.
        let node = path.last().copied().and_then(same);
        let path: Vec<NodeId> = path.into_iter().map_while(same).collect();
        let search = state.search.as_ref().map(|search| search.text.clone());
        moves::build(app, &open, &path);
        if let Some(node) = node.filter(|&node| selected(app) != Some(node)) {
            moves::go_to(app, node);
        }
        moves::search(app, search.unwrap_or_default());
    }

    fn filter(&self, app: &App) -> String {
        let search = app.taxonomy.search.as_ref();
        search.map_or(String::new(), |search| search.text.clone())
    }

    fn set_filter(&self, app: &mut App, text: String) {
        moves::search(app, text);
        moves::to_match(app);
    }

    fn check_filter(&self, app: &App, text: &str) -> Result<(), String> {
        match app.run() {
            Some(run) if !search::is_anywhere(&run.taxonomy, text.trim()) => {
                Err("no node has this in its id or in a name".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn columns(&self, app: &App) -> Vec<Choice> {
        let titles = COLUMNS.iter().map(|c| c.title);
        titles.zip(app.taxonomy.columns.iter().copied()).collect()
    }

    fn toggle_column(&self, app: &mut App, column: usize) {
        if let Some(shown) = app.taxonomy.columns.get_mut(column) {
            *shown = !*shown;
        }
    }

    fn focused(&self, app: &App) -> usize {
        app.taxonomy.pane
    }

    fn focus(&self, app: &mut App, pane: usize) {
        // The marks of branches are of the tree.
        app.taxonomy.pane = usize::from(pane == 1);
    }

    fn selected_row(&self, app: &App, pane: usize) -> Option<usize> {
        match pane {
            0 => Some(app.taxonomy.cursor.at()),
            1 => detail::selected_row(app),
            _ => None,
        }
    }

    fn select_row(&self, app: &mut App, pane: usize, row: usize) {
        match pane {
            1 => detail::select_row(app, row),
            _ => {
                app.taxonomy.cursor.set(row);
                app.taxonomy.cursor.clamp(app.taxonomy.places.rows().len());
                if pane == list::MARKS {
                    moves::toggle(app);
                }
            }
        }
    }
}

/// The columns that are shown.
fn shown(columns: &[bool]) -> impl Iterator<Item = usize> + '_ {
    let all = columns.iter().enumerate();
    all.filter(|(_, shown)| **shown).map(|(column, _)| column)
}

fn show_images(app: &mut App) {
    if let (Some(run), Some(node)) = (app.run(), selected(app)) {
        let filter = images::under(run, node);
        images::show(app, filter);
    }
}
