//! The list of labels: those that occur in the run, then the others of the taxonomy.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use serde_json::{Value, json};

use crate::report::text::thousands;
use crate::run::Opened;
use crate::taxonomy::{NodeId, Taxonomy};
use crate::tui::app::{App, Hit};
use crate::tui::sheet::Sheet;
use crate::tui::widget::{Cell, Column, Cursor, Table, pane};

/// What the labels are ordered by, within those of the run and the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    #[default]
    Name,
    /// The agreement between the prompts of a label.
    Agreement,
}

impl By {
    pub fn name(self) -> &'static str {
        match self {
            By::Name => "name",
            By::Agreement => "agreement",
        }
    }
}

/// What a list was made for: another is made when it is not the same any more.
#[derive(Debug, Clone, PartialEq)]
struct Made {
    generation: u64,
    filter: String,
    by: By,
    reversed: bool,
    is_encoded: bool,
}

#[derive(Debug, Default)]
pub struct List {
    pub cursor: Cursor,
    pub filter: String,
    pub by: By,
    pub reversed: bool,
    made: Option<Made>,
    nodes: Vec<NodeId>,
    /// Of a run by its generation: whether each node occurs there.
    occurs: Option<(u64, Vec<bool>)>,
    /// Of a run by its generation: the place of each node among those that were encoded.
    places: Option<(u64, Vec<Option<usize>>)>,
    /// What is to be selected when the list is made.
    wanted: Option<NodeId>,
}

impl List {
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn selected(&self) -> Option<NodeId> {
        self.nodes.get(self.cursor.at()).copied()
    }

    /// Selects a label as soon as the list is made anew, which it will be.
    pub fn want(&mut self, node: NodeId) {
        self.wanted = Some(node);
        self.made = None;
    }

    /// Forgets what is another in another taxonomy.
    pub fn forget(&mut self, node: Option<NodeId>) {
        self.nodes.clear();
        self.made = None;
        self.occurs = None;
        self.places = None;
        self.wanted = node;
    }

    pub fn recall(&mut self, place: &Value) {
        self.filter = place["filter"].as_str().unwrap_or_default().to_owned();
        self.reversed = place["reversed"] == true;
        let all = [By::Name, By::Agreement];
        let by = all.into_iter().find(|by| place["by"] == by.name());
        self.by = by.unwrap_or_default();
    }
}

/// The selected label.
pub fn selected(app: &App) -> Option<NodeId> {
    let node = app.prompts.list.selected()?;
    (node.index() < app.run()?.taxonomy.len()).then_some(node)
}

pub fn sort(app: &mut App) {
    let list = &mut app.prompts.list;
    list.by = match list.by {
        By::Name => By::Agreement,
        By::Agreement => By::Name,
    };
    let told = match (list.by, super::encoded(app)) {
        (By::Name, _) => "sorted by name".to_owned(),
        (By::Agreement, Some(_)) => {
            "sorted by the agreement between the prompts, least first".to_owned()
        }
        (By::Agreement, None) => {
            let key = super::key(app, crate::tui::command::Command::EncodePrompts);
            format!("sorted by agreement: {key} encodes the prompts, for it to be known")
        }
    };
    app.tell(told);
    refresh(app);
}

/// Makes the list anew where something that it depends on is another.
pub fn refresh(app: &mut App) {
    let Some(run) = app.run().cloned() else {
        return;
    };
    let encoded = app.prompts.encoded.clone();
    let encoded = encoded.filter(|(generation, _)| *generation == app.generation);
    let generation = app.generation;
    let list = &mut app.prompts.list;
    let wanted = Made {
        generation,
        filter: list.filter.clone(),
        by: list.by,
        reversed: list.reversed,
        is_encoded: encoded.is_some(),
    };
    if list.made.as_ref() == Some(&wanted) {
        return;
    }
    if list.occurs.as_ref().is_none_or(|(of, _)| *of != generation) {
        list.occurs = Some((generation, occurring(&run)));
    }
    list.places = encoded.as_ref().map(|(_, encoded)| {
        let mut places = vec![None; run.taxonomy.len()];
        for (i, node) in encoded.nodes.iter().enumerate() {
            if let Some(place) = places.get_mut(node.index()) {
                *place = Some(i);
            }
        }
        (generation, places)
    });
    let selected = list.wanted.take().or(list.selected());
    let occurs = list.occurs.as_ref().map_or(&[][..], |(_, occurs)| occurs);
    let agreement = |node: NodeId| {
        let (_, encoded) = encoded.as_ref()?;
        let (_, places) = list.places.as_ref()?;
        encoded.agreement.get(places[node.index()]?).copied()?
    };
    list.nodes = ordered(&run.taxonomy, &wanted, occurs, agreement);
    let at = selected.and_then(|node| list.nodes.iter().position(|&n| n == node));
    if at != Some(list.cursor.at()) {
        list.cursor.set(at.unwrap_or(0));
        if at.is_none() {
            app.prompts.prompts.set(0);
        }
    }
    app.prompts.list.made = Some(wanted);
}

/// Which nodes occur in the run: as a label of an image, as an answer, or among the best.
fn occurring(run: &Opened) -> Vec<bool> {
    let saved = &run.saved;
    let mut of_label = vec![false; saved.labels.len()];
    let mut note = |label: u32| {
        if let Some(occurs) = of_label.get_mut(label as usize) {
            *occurs = true;
        }
    };
    saved.truths.iter().flatten().for_each(|&label| note(label));
    for row in &saved.rows {
        row.answer.into_iter().for_each(&mut note);
    }
    if let Some(details) = &saved.details {
        for row in 0..details.ranked.len() {
            let ranked = details.ranked.get(row).iter();
            ranked.for_each(|rank| note(rank.label));
        }
    }
    let mut occurs = vec![false; run.taxonomy.len()];
    for (label, _) in (0..).zip(&of_label).filter(|(_, occurs)| **occurs) {
        if let Some(node) = run.node(label) {
            occurs[node.index()] = true;
        }
    }
    occurs
}

fn ordered(
    taxonomy: &Taxonomy,
    wanted: &Made,
    occurs: &[bool],
    agreement: impl Fn(NodeId) -> Option<f64>,
) -> Vec<NodeId> {
    let needle = wanted.filter.to_lowercase();
    let matches = |node: &NodeId| {
        let node = taxonomy.node(*node);
        let names = node.names.iter().map(String::as_str);
        needle.is_empty()
            || std::iter::once(node.id.as_str())
                .chain(names)
                .any(|text| text.to_lowercase().contains(&needle))
    };
    let mut keyed: Vec<(String, NodeId)> = (taxonomy.nodes().filter(matches))
        .map(|node| (taxonomy.label(node).to_lowercase(), node))
        .collect();
    let turned = |ordering: std::cmp::Ordering| match wanted.reversed {
        true => ordering.reverse(),
        false => ordering,
    };
    let is_absent = |node: NodeId| !occurs.get(node.index()).copied().unwrap_or(false);
    keyed.sort_by(|(name_a, a), (name_b, b)| {
        let groups = is_absent(*a).cmp(&is_absent(*b));
        let figures = match wanted.by {
            By::Name => std::cmp::Ordering::Equal,
            By::Agreement => match (agreement(*a), agreement(*b)) {
                (Some(a), Some(b)) => turned(a.total_cmp(&b)),
                // What has none comes last either way.
                (a, b) => b.is_some().cmp(&a.is_some()),
            },
        };
        let names = match wanted.by {
            By::Name => turned(name_a.cmp(name_b)),
            By::Agreement => name_a.cmp(name_b),
        };
        groups.then(figures).then(names).then(a.cmp(b))
    });
    keyed.into_iter().map(|(_, node)| node).collect()
}

/// The agreement between the prompts of a label, where it is known and there is any.
pub fn agreement(app: &App, node: NodeId) -> Option<f64> {
    let place = place(app, node)?;
    *super::encoded(app)?.agreement.get(place)?
}

/// The labels nearest to one, if they are known.
pub fn nearest(app: &App, node: NodeId) -> Option<&[(NodeId, f64)]> {
    let place = place(app, node)?;
    super::encoded(app)?.nearest.get(place).map(Vec::as_slice)
}

/// Where a label is among those that were encoded.
fn place(app: &App, node: NodeId) -> Option<usize> {
    let (generation, places) = app.prompts.list.places.as_ref()?;
    let is_shown = *generation == app.generation;
    places.get(node.index()).copied()?.filter(|_| is_shown)
}

fn occurs(app: &App, node: NodeId) -> bool {
    let occurs = app.prompts.list.occurs.as_ref();
    occurs.is_some_and(|(_, occurs)| occurs.get(node.index()) == Some(&true))
}

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let Some(run) = app.run() else { return };
    let (list, taxonomy) = (&app.prompts.list, &run.taxonomy);
    let of = match list.filter.as_str() {
        "" => String::new(),
        filter => format!(" of {} · {filter}", thousands(taxonomy.len())),
    };
    let title = format!("Labels {}{of}", thousands(list.len()));
    let is_focused = app.prompts.pane == super::LABELS;
    let inner = pane(frame, area, &title, is_focused, app.theme);
    app.hits.add(area, Hit::Pane(super::LABELS));
    if list.len() == 0 {
        let told = "No label matches. esc shows all of them.";
        super::super::paragraph(frame, inner, told, app.theme.dim());
        return;
    }
    let mut columns = vec![
        Column::fixed("", 1),
        Column::text("label", 3),
        Column::number("agree", 6),
    ];
    if inner.width >= 50 {
        columns.push(Column::text("below", 2));
    }
    let row = |i: usize| {
        let Some(&node) = list.nodes.get(i).filter(|n| n.index() < taxonomy.len()) else {
            return Vec::new();
        };
        let is_in_run = occurs(app, node);
        let style = match is_in_run {
            true => Style::new(),
            false => app.theme.dim(),
        };
        let parents = taxonomy.parents(node).iter();
        let parents: Vec<&str> = parents.map(|&parent| taxonomy.label(parent)).collect();
        let figure = agreement(app, node).map_or(String::new(), |a| format!("{a:.3}"));
        vec![
            Cell::styled(if is_in_run { "•" } else { " " }, style),
            Cell::styled(taxonomy.label(node), style),
            Cell::styled(figure, style),
            Cell::styled(parents.join(", "), app.theme.dim()),
        ]
    };
    let sorted = match list.by {
        By::Name => (1, list.reversed),
        By::Agreement => (2, list.reversed),
    };
    let table = Table {
        columns: &columns,
        sorted: Some(sorted),
        len: list.len(),
        row: &row,
        cursor: &list.cursor,
        in_focus: is_focused,
        pane: super::LABELS,
        theme: app.theme,
    };
    table.draw(frame.buffer_mut(), inner, &app.hits);
}

/// The labels of the list, with what the encoded prompts tell of them.
pub fn sheet(app: &App) -> Option<Sheet> {
    let run = Arc::clone(app.run()?);
    let nodes = app.prompts.list.nodes.clone();
    let figures = |&node: &NodeId| {
        let nearest = nearest(app, node).and_then(|n| n.first().copied());
        (occurs(app, node), agreement(app, node), nearest)
    };
    let rows: Vec<_> = nodes.iter().map(figures).collect();
    let columns = ["label", "name", "in_run", "agreement", "nearest", "cosine"];
    Some(Sheet {
        columns: columns.map(str::to_owned).to_vec(),
        len: nodes.len(),
        row: Box::new(move |i| {
            let (is_in_run, agreement, nearest) = rows[i];
            let taxonomy = &run.taxonomy;
            vec![
                json!(taxonomy.id(nodes[i])),
                json!(taxonomy.label(nodes[i])),
                json!(is_in_run),
                json!(agreement),
                json!(nearest.map(|(node, _)| taxonomy.id(node))),
                json!(nearest.map(|(_, cosine)| cosine)),
            ]
        }),
    })
}
