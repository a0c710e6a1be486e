//! Answers that are another in the two runs: the ways in which they differ, and the images.

use std::collections::HashMap;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use serde_json::{Value, json};

use super::{Compared, IMAGES, WAYS};
use crate::report::text::thousands;
use crate::run::{Comparison, Flip, FlippedImage, quote};
use crate::score::Verdict;
use crate::tui::app::App;
use crate::tui::command::Command;
use crate::tui::sheet::Sheet;
use crate::tui::theme::glyph;
use crate::tui::view::confusions::has_text;
use crate::tui::view::overview::name;
use crate::tui::widget::{Cell, Column, Table, pane};

/// What a way of flipping is told apart by.
type Key<'a> = (
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Verdict,
    Verdict,
);

fn key(flip: &Flip) -> Key<'_> {
    (
        flip.truth.as_deref(),
        flip.first.as_deref(),
        flip.second.as_deref(),
        flip.first_verdict,
        flip.second_verdict,
    )
}

/// The images of each way.
pub fn of_ways(comparison: &Comparison) -> Vec<Vec<u32>> {
    let ways: HashMap<Key<'_>, usize> = comparison.flips.iter().map(key).zip(0..).collect();
    let mut of_ways = vec![Vec::new(); comparison.flips.len()];
    for (image, number) in comparison.images.iter().zip(0..) {
        if let Some(&way) = ways.get(&key(&image.flip)) {
            of_ways[way].push(number);
        }
    }
    of_ways
}

/// The ways that match, and how many images they have.
#[derive(Debug, Default)]
pub struct Listed {
    ways: Arc<Vec<u32>>,
    images: usize,
}

impl Listed {
    pub fn len(&self) -> usize {
        self.ways.len()
    }
}

/// Lists the ways that match; the selected one stays selected.
pub fn list(app: &mut App) {
    let selected = app.compare.listed.ways.get(app.compare.ways.at()).copied();
    let Some(comparison) = super::comparison(app) else {
        app.compare.listed = Listed::default();
        return;
    };
    let ways = matching(app, &comparison.flips);
    let counts = ways.iter().map(|&way| comparison.flips[way as usize].count);
    let images = counts.sum();
    let at = selected.and_then(|selected| ways.iter().position(|&way| way == selected));
    app.compare.listed = Listed {
        ways: Arc::new(ways),
        images,
    };
    app.compare.ways.set(at.unwrap_or(0));
    app.compare.images.set(0);
}

/// The numbers of the ways that match. Each label is looked at once.
fn matching(app: &App, flips: &[Flip]) -> Vec<u32> {
    let text = app.compare.filter.trim().to_lowercase();
    let transition = app.compare.transition;
    let mut known: HashMap<&str, bool> = HashMap::new();
    let numbered = flips.iter().zip(0u32..);
    let matching = numbered.filter(|&(flip, _)| {
        let verdicts = (flip.first_verdict, flip.second_verdict);
        let is_transition = transition.is_none_or(|wanted| wanted == verdicts);
        let ids = [&flip.truth, &flip.first, &flip.second];
        let mut ids = ids.into_iter().flatten();
        let mut has = |id| *known.entry(id).or_insert_with(|| has_name(app, id, &text));
        is_transition && (text.is_empty() || ids.any(|id| has(id.as_str())))
    });
    matching.map(|(_, number)| number).collect()
}

fn has_name(app: &App, id: &str, text: &str) -> bool {
    match app.run() {
        Some(run) => has_text(text, id, run.taxonomy.find(id), &run.taxonomy),
        None => id.to_lowercase().contains(text),
    }
}

fn selected_number(app: &App) -> Option<usize> {
    let way = app.compare.listed.ways.get(app.compare.ways.at())?;
    Some(*way as usize)
}

pub fn selected_way(app: &App) -> Option<&Flip> {
    super::comparison(app)?.flips.get(selected_number(app)?)
}

/// The images of the selected way.
fn images(app: &App) -> &[u32] {
    let compared = app.compare.compared.as_ref();
    let of_way = compared.and_then(|c| c.of_ways.get(selected_number(app)?));
    of_way.map_or(&[], Vec::as_slice)
}

pub fn selected_image(app: &App) -> Option<&FlippedImage> {
    let number = *images(app).get(app.compare.images.at())?;
    super::comparison(app)?.images.get(number as usize)
}

pub fn perform(app: &mut App, pane: usize, command: Command) {
    let (ways, images) = (app.compare.listed.len(), images(app).len());
    match (pane, command) {
        (_, Command::Left) => app.compare.pane = WAYS,
        (_, Command::Right) => app.compare.pane = IMAGES,
        (WAYS, command) => {
            if app.compare.ways.perform(command, ways) {
                app.compare.images.set(0);
            }
        }
        (_, command) => drop(app.compare.images.perform(command, images)),
    }
}

/// Selects a row of a pane, or the last one if there are fewer.
pub fn select(app: &mut App, pane: usize, row: usize) {
    match pane {
        WAYS => {
            app.compare.ways.set(row);
            app.compare.ways.clamp(app.compare.listed.len());
            app.compare.images.set(0);
        }
        _ => {
            let len = images(app).len();
            app.compare.images.set(row);
            app.compare.images.clamp(len);
        }
    }
}

/// As it is copied.
pub fn told(flip: &Flip) -> String {
    let of = |id: &Option<String>| id.clone().unwrap_or_default();
    format!(
        "{}\t{}\t{}",
        of(&flip.truth),
        of(&flip.first),
        of(&flip.second)
    )
}

/// The images of this run that are annotated, answered and judged as those of the flip: what the other run answered the language of
/// filters does not know.
pub fn filter_of_way(flip: &Flip) -> String {
    let label = |id: &Option<String>| id.as_deref().map_or("none".to_owned(), quote);
    format!(
        "truth:{} answer:{} verdict:{}",
        label(&flip.truth),
        label(&flip.second),
        flip.second_verdict.name()
    )
}

pub fn filter_of_image(image: &FlippedImage) -> String {
    format!("image:{}", quote(&image.image))
}

fn answer(app: &App, id: &Option<String>, verdict: Verdict) -> Cell {
    let id = id.as_deref();
    let told = id.map_or("(abstained)", |id| name(app, id));
    let told = format!("{} {told}", glyph(Some(verdict)));
    Cell::styled(told, app.theme.verdict(verdict))
}

pub fn draw_ways(app: &App, frame: &mut Frame<'_>, area: Rect, compared: &Compared) {
    let state = &app.compare;
    let flips = &compared.comparison.flips;
    let ways = &state.listed.ways;
    let in_focus = state.pane == WAYS;
    let inner = pane(frame, area, &ways_title(app, compared), in_focus, app.theme);
    if ways.is_empty() {
        let told = match flips.is_empty() {
            true => "Every answer is the same in both runs.",
            false => "No flip matches. esc shows all of them.",
        };
        crate::tui::view::paragraph(frame, inner, told, app.theme.dim());
        return;
    }
    let columns = [
        Column::number("images", 7),
        Column::text("annotated", 3),
        Column::text("A", 3),
        Column::text("B", 3),
    ];
    let table = Table {
        columns: &columns,
        sorted: Some((0, true)),
        len: ways.len(),
        row: &|i| {
            let flip = &flips[ways[i] as usize];
            let truth = flip.truth.as_deref().map_or("–", |id| name(app, id));
            vec![
                Cell::new(thousands(flip.count)),
                Cell::new(truth),
                answer(app, &flip.first, flip.first_verdict),
                answer(app, &flip.second, flip.second_verdict),
            ]
        },
        cursor: &state.ways,
        in_focus,
        pane: WAYS,
        theme: app.theme,
    };
    table.draw(frame.buffer_mut(), inner, &app.hits);
}

fn ways_title(app: &App, compared: &Compared) -> String {
    let state = &app.compare;
    let flipped = compared.comparison.flipped;
    let count = match state.listed.images == flipped {
        true => thousands(flipped),
        false => format!(
            "{} of {}",
            thousands(state.listed.images),
            thousands(flipped)
        ),
    };
    let mut title = format!("{count} flipped answers");
    if let Some((a, b)) = state.transition {
        title += &format!(" · {} → {}", a.name(), b.name());
    }
    if !state.filter.is_empty() {
        title += &format!(" · {}", state.filter);
    }
    super::title(app, &title)
}

pub fn draw_images(app: &App, frame: &mut Frame<'_>, area: Rect, compared: &Compared) {
    let numbers = images(app);
    let title = match selected_way(app) {
        Some(_) => format!("Images of the selected flip: {}", thousands(numbers.len())),
        None => "Images of the selected flip".to_owned(),
    };
    let in_focus = app.compare.pane == IMAGES;
    let inner = pane(frame, area, &title, in_focus, app.theme);
    let all = &compared.comparison.images;
    let table = Table {
        columns: &[Column::text("image", 1)],
        sorted: None,
        len: numbers.len(),
        row: &|i| {
            let image = all.get(numbers[i] as usize);
            vec![Cell::styled(
                image.map_or("", |image| image.image.as_str()),
                Style::new(),
            )]
        },
        cursor: &app.compare.images,
        in_focus,
        pane: IMAGES,
        theme: app.theme,
    };
    table.draw(frame.buffer_mut(), inner, &app.hits);
}

/// The flipped images of the ways that match, way by way.
pub fn sheet(app: &App) -> Option<Sheet> {
    const TITLES: [&str; 6] = [
        "image",
        "truth",
        "first",
        "second",
        "first_verdict",
        "second_verdict",
    ];
    let compared = app.compare.compared.as_ref()?;
    let ways = app.compare.listed.ways.iter();
    let numbers: Vec<u32> = ways
        .flat_map(|&way| compared.of_ways[way as usize].iter().copied())
        .collect();
    let comparison = Arc::clone(&compared.comparison);
    Some(Sheet {
        columns: TITLES.map(str::to_owned).to_vec(),
        len: numbers.len(),
        row: Box::new(move |i| cells(&comparison.images[numbers[i] as usize])),
    })
}

fn cells(image: &FlippedImage) -> Vec<Value> {
    let flip = &image.flip;
    vec![
        json!(image.image),
        json!(flip.truth),
        json!(flip.first),
        json!(flip.second),
        json!(flip.first_verdict),
        json!(flip.second_verdict),
    ]
}
