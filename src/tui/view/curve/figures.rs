//! What the threshold at the cursor means, beside what the run has now.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::percent;
use super::walk;
use crate::report::text::thousands;
use crate::run::{AtThreshold, Operating};
use crate::score::{CurvePoint, CurveValue, RiskCurve, Summary, Verdict};
use crate::tui::action::Kind;
use crate::tui::app::{App, Hit};
use crate::tui::command::Command;
use crate::tui::text;
use crate::tui::theme::glyph;
use crate::tui::widget::{bar, pane, wrap};

/// A part of the answers: its sign, what it is, and the verdicts that are in it.
struct Part {
    sign: Option<Verdict>,
    title: &'static str,
    verdicts: &'static [Verdict],
    /// Left out where nothing is in it.
    is_rare: bool,
}

const PARTS: [Part; 6] = [
    Part {
        sign: Some(Verdict::Exact),
        title: "exact",
        verdicts: &[Verdict::Exact],
        is_rare: false,
    },
    Part {
        sign: Some(Verdict::Synonym),
        title: "true otherwise",
        verdicts: &[Verdict::Synonym, Verdict::AlsoValid],
        is_rare: true,
    },
    Part {
        sign: Some(Verdict::Generalised),
        title: "true, general",
        verdicts: &[Verdict::Generalised],
        is_rare: false,
    },
    Part {
        sign: Some(Verdict::Specialised),
        title: "below the truth",
        verdicts: &[Verdict::Specialised],
        is_rare: false,
    },
    Part {
        sign: Some(Verdict::Overlap),
        title: "may be true",
        verdicts: &[Verdict::Overlap, Verdict::NameCollision],
        is_rare: true,
    },
    Part {
        sign: Some(Verdict::Unrelated),
        title: "wrong",
        verdicts: &[Verdict::Near, Verdict::Related, Verdict::Unrelated],
        is_rare: false,
    },
];

impl Part {
    fn at(&self, at: &AtThreshold) -> usize {
        self.verdicts.iter().map(|&verdict| at.of(verdict)).sum()
    }

    fn now(&self, summary: &Summary) -> usize {
        let rows = summary.verdicts.iter();
        let own = rows.filter(|row| self.verdicts.contains(&row.verdict));
        own.map(|row| row.count).sum()
    }
}

/// The threshold and its figures in one line, to copy.
pub fn sentence(found: &Operating, threshold: f64) -> String {
    let at = found.thresholds.at(threshold);
    let point = &found.curve.points[walk::index_at(&found.curve.points, threshold)];
    let parts = PARTS.iter().map(|part| (part, part.at(&at)));
    let parts: Vec<String> = parts
        .filter(|(part, count)| !part.is_rare || *count > 0)
        .map(|(part, count)| format!("{count} {}", part.title))
        .collect();
    format!(
        "threshold {threshold}: {} of {} images answered, {}; correct {}, precision {}, recall {}",
        at.answered,
        at.answered + at.abstained,
        parts.join(", "),
        percent(Some(point.correct)),
        percent(Some(point.precision)),
        percent(Some(point.recall)),
    )
}

/// A line, and whether it is one of those that stay where there is little room.
type Told = (Line<'static>, bool);

pub fn draw(app: &App, found: &Operating, frame: &mut Frame<'_>, area: Rect) {
    let threshold = super::threshold(app);
    let inner = pane(frame, area, "At the cursor", false, app.theme);
    app.hits.add(area, Hit::Pane(1));
    let mut lines = lines(app, found, threshold, usize::from(inner.width));
    let height = usize::from(inner.height);
    if lines.len() > height {
        lines.retain(|(line, _)| line.width() > 0);
    }
    if lines.len() > height {
        lines.retain(|(_, stays)| *stays);
    }
    for (y, (line, _)) in (inner.y..inner.bottom()).zip(&lines) {
        frame.buffer_mut().set_line(inner.x, y, line, inner.width);
    }
}

fn lines(app: &App, found: &Operating, threshold: f64, width: usize) -> Vec<Told> {
    let points = &found.curve.points;
    let at = &points[walk::index_at(points, threshold)];
    let blank = || (Line::default(), false);
    let mut lines = place_lines(app, found, threshold, width);
    lines.push(blank());
    let counts = count_lines(app, &found.thresholds.at(threshold), width);
    lines.extend(counts.into_iter().map(|line| (line, true)));
    lines.push(blank());
    let shares = share_lines(app, at, &found.present);
    lines.extend(shares.into_iter().map(|line| (line, true)));
    let note = "of all images: what abstains says nothing, and nothing wrong";
    lines.extend(notes(app, note, width));
    lines.push(blank());
    let whole = whole_lines(app, found, width);
    lines.extend(whole.into_iter().map(|line| (line, true)));
    if let Some(risk) = &found.uncertainty {
        lines.push(blank());
        lines.extend(risk_lines(app, risk).into_iter().map(|line| (line, true)));
    }
    lines
}

/// What is told as long as there is room.
fn notes(app: &App, text: &str, width: usize) -> impl Iterator<Item = Told> {
    let style = app.theme.dim();
    let lines = wrap(text, width).into_iter();
    lines.map(move |line| (Line::styled(line, style), false))
}

/// Which threshold it is, and what one can do with it.
fn place_lines(app: &App, found: &Operating, threshold: f64, width: usize) -> Vec<Told> {
    let theme = app.theme;
    let points = &found.curve.points;
    let (above, up_to) = walk::same(points, threshold);
    let title = format!("threshold {}", told(threshold));
    let mut lines = vec![(Line::styled(title, theme.title()), true)];
    let place = format!(
        "the same above {} up to {} (point {} of {})",
        told_apart(above, up_to),
        told_apart(up_to, above),
        thousands(walk::index_at(points, threshold) + 1),
        thousands(points.len())
    );
    lines.extend(notes(app, &place, width));
    if app.is_busy(Kind::AtThreshold) {
        let text = "the run is being answered by it …";
        lines.push((Line::styled(text, theme.blue()), true));
    } else if let Some(fault) = app.fault(Kind::AtThreshold) {
        let fault = wrap(&format!("! not applied: {fault}"), width).into_iter();
        lines.extend(fault.map(|line| (Line::styled(line, theme.error()), true)));
    } else if let Some(key) = app.keymap.key(Command::ApplyRule) {
        let text = format!("{key} answers the whole run by it");
        lines.extend(notes(app, &text, width));
    }
    lines
}

/// A threshold in four digits, or in as many as tell it from another.
fn told_apart(threshold: f64, other: f64) -> String {
    let digits = (4..=17).find(|&digits| {
        let told = |threshold: f64| format!("{threshold:.digits$}");
        told(threshold) != told(other)
    });
    match digits {
        Some(digits) => format!("{threshold:.digits$}"),
        None => threshold.to_string(),
    }
}

/// A threshold in four digits, or in as many as it takes where it is just above 0.
fn told(threshold: f64) -> String {
    match threshold > 0.0 && threshold < 0.00005 {
        true => format!("{threshold:.1e}"),
        false => format!("{threshold:.4}"),
    }
}

/// Columns of a row: what it is, a count and a share at the cursor, the count of now, and a bar where there is room.
struct Columns {
    count: usize,
    now: bool,
    bar: usize,
}

const TITLE: usize = 17;
const SHARE: usize = 8;

impl Columns {
    fn new(images: usize, width: usize) -> Self {
        let count = thousands(images).len().max(5) + 1;
        let needs = TITLE + count + SHARE;
        let now = needs + count <= width;
        let needs = needs + if now { count } else { 0 };
        let left = width.saturating_sub(needs + 2).min(40);
        Self {
            count,
            now,
            bar: if left < 6 { 0 } else { left },
        }
    }

    fn row(&self, title: &str, count: &str, share: &str, now: &str) -> String {
        let right = text::fit_right;
        let mut row = text::fit(title, TITLE);
        row += &right(count, self.count);
        row += &right(share, SHARE);
        if self.now {
            row += &right(now, self.count);
        }
        row + "  "
    }
}

/// How many images are answered, and how.
fn count_lines(app: &App, at: &AtThreshold, width: usize) -> Vec<Line<'static>> {
    let theme = app.theme;
    let Some(summary) = app.summary() else {
        return Vec::new();
    };
    let images = at.answered + at.abstained;
    let columns = Columns::new(images, width);
    let header = columns.row("", "count", "share", "now");
    let mut lines = vec![Line::styled(header, theme.dim())];
    let row = |title: &str, count: usize, of: usize, now: usize, style: Style| {
        let share = (of > 0).then(|| count as f64 / of as f64);
        let figures = columns.row(title, &thousands(count), &percent(share), &thousands(now));
        Line::from(vec![
            Span::raw(figures),
            Span::styled(bar(share.unwrap_or(0.0), columns.bar), style),
        ])
    };
    let plain = Style::new();
    lines.push(row("answered", at.answered, images, summary.n, plain));
    lines.push(row(
        "abstained",
        at.abstained,
        images,
        summary.abstained,
        theme.dim(),
    ));
    if at.judged < at.answered {
        let title = "re-annotated";
        lines.push(row(title, at.judged, at.answered, summary.judged, plain));
    }
    for part in &PARTS {
        let (count, now) = (part.at(at), part.now(summary));
        if part.is_rare && count == 0 && now == 0 {
            continue;
        }
        let title = format!("{} {}", glyph(part.sign), part.title);
        let style = part.sign.map_or(plain, |verdict| theme.verdict(verdict));
        lines.push(row(&title, count, at.judged, now, style));
    }
    let credit = |credit: Option<f64>| credit.map_or("–".to_owned(), |c| format!("{c:.3}"));
    let (now, credit) = (credit(summary.credit), credit(at.credit));
    lines.push(Line::raw(columns.row("mean credit", "", &credit, &now)));
    lines
}

/// What the curve has of the point: means over all images.
fn share_lines(app: &App, at: &CurvePoint, now: &CurvePoint) -> Vec<Line<'static>> {
    let unit = super::unit(app.curve.value);
    let mut lines = vec![Line::styled(
        format!(
            "{:<TITLE$}{:>9}{:>9}",
            format!("by {unit}"),
            "cursor",
            "now"
        ),
        app.theme.dim(),
    )];
    let row = |title: &str, at: String, now: String| {
        Line::raw(format!("{}{at:>9}{now:>9}", text::fit(title, TITLE)))
    };
    let share = |title: &str, of: fn(&CurvePoint) -> f64| {
        row(title, percent(Some(of(at))), percent(Some(of(now))))
    };
    lines.push(share("correct", |p| p.correct));
    lines.push(share("precision", |p| p.precision));
    lines.push(share("recall", |p| p.recall));
    let said = match app.curve.value {
        CurveValue::Information => "bits said",
        CurveValue::Depth => "levels said",
    };
    let figure = |value: f64| format!("{value:.2}");
    lines.push(row(said, figure(at.value), figure(now.value)));
    lines
}

/// What the whole curve comes to.
fn whole_lines(app: &App, found: &Operating, width: usize) -> Vec<Line<'static>> {
    let curve = &found.curve;
    let share = |share: f64| percent(Some(share));
    let mut lines = vec![Line::styled("all thresholds", app.theme.dim())];
    let areas = [curve.average_precision, curve.average_correct].map(share);
    let texts = [
        match width < 48 {
            true => format!("AP {}, AC {}", areas[0], areas[1]),
            false => format!("average precision {}, correct {}", areas[0], areas[1]),
        },
        format!(
            "recall at 90 % correct {}, at 95 % {}",
            share(curve.recall_at_90),
            share(curve.recall_at_95)
        ),
    ];
    let texts = texts.iter().flat_map(|text| wrap(text, width));
    lines.extend(texts.map(Line::raw));
    lines
}

/// Shares of the images that are told of by the model's own uncertainty.
const MOST_CERTAIN: [f64; 4] = [0.1, 0.25, 0.5, 1.0];

/// How often answers are wrong of the images of which the model is most certain.
fn risk_lines(app: &App, risk: &RiskCurve) -> Vec<Line<'static>> {
    let header = format!("{:<TITLE$}{:>9}{:>9}", "most certain", "errors", "mistakes");
    let mut lines = vec![Line::styled(header, app.theme.dim())];
    for share in MOST_CERTAIN {
        let Some(point) = risk.points.iter().find(|point| point.coverage >= share) else {
            continue;
        };
        let title = format!("{} of images", percent(Some(point.coverage)));
        let shares = [point.errors, point.mistakes].map(|of| percent(Some(of)));
        let title = text::fit(&title, TITLE);
        lines.push(Line::raw(format!(
            "{title}{:>9}{:>9}",
            shares[0], shares[1]
        )));
    }
    lines
}
