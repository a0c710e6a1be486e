//! The operating curve: how much is said and how much of it is right, over all thresholds; and what each threshold would mean.

mod chart;
mod figures;
mod walk;

use std::cell::Cell;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use serde_json::{Value, json};

use super::Part;
use crate::run::Operating;
use crate::score::{CurvePoint, CurveValue, Rule};
use crate::tui::action::{Effect, Job, Kind};
use crate::tui::app::App;
use crate::tui::backend::Shown;
use crate::tui::command::Command;
use crate::tui::sheet::Sheet;
use crate::tui::widget::{pane, split};

pub struct State {
    /// Of a run by its generation; `None` where it has no curve.
    pub curve: Option<(u64, CurveValue, Option<Arc<Operating>>)>,
    /// What is measured in.
    pub value: CurveValue,
    /// The threshold that one is at; `None` until it is moved.
    at: Option<f64>,
    /// The points that a chart needs.
    outline: Vec<usize>,
    /// Columns of the chart when it was last drawn.
    columns: Cell<u16>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            curve: None,
            value: CurveValue::Information,
            at: None,
            outline: Vec::new(),
            columns: Cell::new(0),
        }
    }
}

pub struct Curve;

/// Where one begins, if the run has no threshold of its own.
const MIDDLE: f64 = 0.5;

/// Takes a curve.
pub fn set(app: &mut App, value: CurveValue, curve: Option<Arc<Operating>>) {
    let points = curve.as_ref().map(|curve| curve.curve.points.as_slice());
    app.curve.outline = points.map_or(Vec::new(), chart::outline);
    app.curve.curve = Some((app.generation, value, curve));
}

/// The curve that is shown, if it is there.
fn operating(app: &App) -> Option<&Arc<Operating>> {
    let (generation, value, curve) = app.curve.curve.as_ref()?;
    let is_shown = (*generation, *value) == (app.generation, app.curve.value);
    curve.as_ref().filter(|_| is_shown)
}

/// Whether it is known that the run has none.
fn has_none(app: &App) -> bool {
    matches!(&app.curve.curve, Some((generation, _, None)) if *generation == app.generation)
}

/// The threshold that one is at: to begin with the run's own.
pub fn threshold(app: &App) -> f64 {
    let own = || match Rule::parse(&app.summary()?.rule) {
        Ok(Rule::Threshold(threshold)) => Some(threshold),
        _ => None,
    };
    app.curve.at.or_else(own).unwrap_or(MIDDLE)
}

/// The name of what is measured in.
fn unit(value: CurveValue) -> &'static str {
    match value {
        CurveValue::Information => "information",
        CurveValue::Depth => "depth",
    }
}

impl Part for Curve {
    fn perform(&self, app: &mut App, command: Command) -> Vec<Effect> {
        match command {
            Command::Measure => {
                app.curve.value = match app.curve.value {
                    CurveValue::Information => CurveValue::Depth,
                    CurveValue::Depth => CurveValue::Information,
                };
                app.tell(match app.curve.value {
                    CurveValue::Information => {
                        "recall and precision in bits of information: what a label rules out"
                    }
                    CurveValue::Depth => "recall and precision in levels of the taxonomy",
                });
            }
            Command::ApplyRule | Command::Open => match self.why_not(app, Command::ApplyRule) {
                Some(why) => app.complain(why),
                None => {
                    let threshold = threshold(app);
                    app.tell(format!("answering by the threshold {threshold} …"));
                    return vec![app.request(Job::AtThreshold(threshold))];
                }
            },
            command => {
                let from = threshold(app);
                let points = operating(app).map(|found| found.curve.points.as_slice());
                let to = points.and_then(|points| walk::moved(points, from, command));
                if to.is_some() {
                    app.curve.at = to;
                }
            }
        }
        Vec::new()
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, area: Rect) {
        let Some(found) = operating(app) else {
            let inner = pane(frame, area, "Operating curve", true, app.theme);
            let text = match app.fault(Kind::Curve) {
                Some(fault) => fault.to_owned(),
                None if has_none(app) => why_none(app),
                None => "The thresholds of all images are being pooled …".to_owned(),
            };
            super::paragraph(frame, inner, &text, Style::new());
            return;
        };
        let [left, right] = split(area, app.split, &app.hits);
        chart::draw(app, found, frame, left);
        figures::draw(app, found, frame, right);
    }

    fn wants(&self, app: &mut App) -> Vec<Effect> {
        let value = app.curve.value;
        let effect = app.want(format!("curve {value:?}"), Job::Curve(value));
        effect.into_iter().collect()
    }

    fn why_not(&self, app: &App, command: Command) -> Option<String> {
        match command {
            Command::ApplyRule if has_none(app) => Some("the run has no operating curve".into()),
            Command::ApplyRule if operating(app).is_none() => {
                Some("the curve is not there yet".into())
            }
            Command::ApplyRule if app.is_busy(Kind::AtThreshold) => {
                Some("a threshold is being applied".into())
            }
            Command::ApplyRule if app.shown.as_ref().is_some_and(|s| s.so_far.is_some()) => {
                Some("the run is still being made".into())
            }
            _ => None,
        }
    }

    fn value(&self, app: &App) -> Option<String> {
        Some(figures::sentence(operating(app)?, threshold(app)))
    }

    fn sheet(&self, app: &App) -> Option<Sheet> {
        let found = Arc::clone(operating(app)?);
        let columns = [
            "threshold",
            "correct",
            "exact",
            "recall",
            "precision",
            "value",
        ];
        Some(Sheet {
            columns: columns.map(str::to_owned).to_vec(),
            len: found.curve.points.len(),
            row: Box::new(move |i| {
                let point = &found.curve.points[i];
                let figures = figures_of(point).map(|figure| json!(figure));
                let threshold = super::number(point.threshold);
                [threshold].into_iter().chain(figures).collect()
            }),
        })
    }

    fn remember(&self, app: &App) -> Value {
        // As text: a number would come back as one beside it, on the other side of a point.
        json!({
            "at": app.curve.at.map(|at| at.to_string()),
            "value": unit(app.curve.value),
        })
    }

    fn recall(&self, app: &mut App, place: &Value) {
        let at = place["at"].as_str().and_then(|at| at.parse::<f64>().ok());
        app.curve.at = at.filter(|at| (0.0..=1.0).contains(at));
        let values = [CurveValue::Information, CurveValue::Depth];
        let value = values
            .into_iter()
            .find(|&value| place["value"] == unit(value));
        app.curve.value = value.unwrap_or(app.curve.value);
    }

    fn run_changed(&self, _app: &mut App, _earlier: Option<&Shown>) {}

    fn select_row(&self, app: &mut App, _pane: usize, column: usize) {
        let columns = app.curve.columns.get();
        let recall = column as f64 / f64::from(columns.saturating_sub(1).max(1));
        let Some(found) = operating(app) else { return };
        let points = &found.curve.points;
        let distance = |i: &usize| (points[*i].recall - recall).abs();
        let outline = app.curve.outline.iter().copied();
        let nearest = outline.min_by(|a, b| distance(a).total_cmp(&distance(b)));
        if let Some(i) = nearest {
            app.curve.at = Some(walk::threshold_of(points, i));
        }
    }
}

/// What is known of a point beside its threshold.
fn figures_of(point: &CurvePoint) -> [f64; 5] {
    [
        point.correct,
        point.exact,
        point.recall,
        point.precision,
        point.value,
    ]
}

/// Why the run has no curve, and what to do.
fn why_none(app: &App) -> String {
    let details = app.run().and_then(|run| run.saved.details.as_ref());
    let knows = details.is_some_and(|details| details.pareto.is_some());
    let why = match knows {
        true => "No image of this run has a label, so nothing can be right or wrong.",
        false => {
            "The curve needs the probabilities of all candidates for each image: what every threshold would answer follows from \
             them. This run was made of predicted labels, or of the best few labels of each image."
        }
    };
    let what = match knows {
        true => {
            "Score images whose labels are known: in folders by label, or with a table of labels."
        }
        false => {
            "Score the pictures or their embeddings with a model, or give all scores with --scores; the other views need no more than \
             there is."
        }
    };
    format!("This run has no operating curve.\n\n{why}\n\n{what}")
}
