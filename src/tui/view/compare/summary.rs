//! The two runs and their figures.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Compared, SUMMARY};
use crate::report::compare::{SIGNIFICANT, points, probability};
use crate::report::diff::brief;
use crate::report::taxonomies::{extents, sentence};
use crate::report::text::thousands;
use crate::run::{ManifestDifference, VerdictChange};
use crate::score::{Difference, McNemar};
use crate::tui::action::Kind;
use crate::tui::app::App;
use crate::tui::text::fit;
use crate::tui::theme::{Theme, glyph};
use crate::tui::view::percent;
use crate::tui::widget::{pane, wrap};

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect, compared: &Compared) {
    let busy = if app.is_busy(Kind::Compare) {
        " …"
    } else {
        ""
    };
    let title = super::title(app, &format!("Two runs{busy}"));
    let in_focus = app.compare.pane == SUMMARY;
    let inner = pane(frame, area, &title, in_focus, app.theme);
    let lines = lines(app, compared, usize::from(inner.width));
    let scroll = &app.compare.summary;
    scroll.draw(frame, area, inner, &lines, app.theme);
}

fn lines(app: &App, compared: &Compared, width: usize) -> Vec<Line<'static>> {
    let theme = app.theme;
    let mut page = Page {
        theme,
        width,
        lines: Vec::new(),
    };
    if !super::is_current(app) {
        let told = "! This is of an earlier run, not of the one that is shown now: compare anew.";
        page.text(told, theme.orange());
    }
    runs(&mut page, compared);
    let comparison = &compared.comparison;
    if comparison.n == 0 {
        page.text("No image has a verdict in both runs.", theme.orange());
        return page.lines;
    }
    page.text(&verdict_on_it(compared), theme.title());
    explanation(&mut page, app, compared);
    page.blank();
    page.heads();
    let (top1, valid) = (&comparison.top1, &comparison.valid);
    page.row(
        "top-1",
        Style::new(),
        &top1.difference,
        top1.mcnemar.p_value,
    );
    page.row(
        "valid",
        Style::new(),
        &valid.difference,
        valid.mcnemar.p_value,
    );
    page.row("credit", Style::new(), &comparison.credit, None);
    page.text(&discordant(&top1.mcnemar), theme.dim());
    page.blank();
    page.text("Multiplicity share of the error", theme.title());
    let multiplicity = &comparison.multiplicity;
    page.row("  at least", Style::new(), &multiplicity.confirmed, None);
    page.row("  at most", Style::new(), &multiplicity.at_most, None);
    forgiven(&mut page, compared);
    page.blank();
    page.text("Verdicts (p after Holm)", theme.title());
    let occurs = |change: &&VerdictChange| {
        let Difference { first, second, .. } = change.difference;
        [first, second]
            .into_iter()
            .flatten()
            .any(|share| share > 0.0)
    };
    for change in comparison.verdicts.iter().filter(occurs) {
        let title = format!("{} {}", glyph(Some(change.verdict)), change.verdict.name());
        let style = theme.verdict(change.verdict);
        page.row(&title, style, &change.difference, change.p_holm);
    }
    page.lines
}

/// What the taxonomies say differently, and whether that explains more of the error than chance.
fn explanation(page: &mut Page, app: &App, compared: &Compared) {
    let theme = page.theme;
    let is_other = |part: &ManifestDifference| part.part == "taxonomy";
    match &compared.explained {
        None if app.is_busy(Kind::Explain) => {
            page.text(
                "Is what the taxonomy explains more than chance? …",
                theme.dim(),
            );
        }
        Some(Err(why)) if compared.comparison.differs.iter().any(is_other) => {
            let told = format!("What the taxonomy explains is not known: {why}");
            page.text(&told, theme.orange());
        }
        Some(Ok(Some(explained))) => {
            let said = brief(&explained.difference);
            page.text(&format!("The taxonomy from A to B: {said}"), Style::new());
            for (title, of) in extents(&explained.forgiveness) {
                let style = match of.exceeds_chance {
                    Some(true) => theme.title(),
                    _ => Style::new(),
                };
                page.text(&format!("{title}: {}", sentence(of)), style);
            }
        }
        _ => {}
    }
}

/// The figures behind it.
fn forgiven(page: &mut Page, compared: &Compared) {
    let Some(Ok(Some(explained))) = &compared.explained else {
        return;
    };
    let theme = page.theme;
    page.blank();
    page.text(
        "Forgiven of the answers of B, by each taxonomy",
        theme.title(),
    );
    for (title, of) in extents(&explained.forgiveness) {
        page.text(title, Style::new());
        page.row("  of all images", Style::new(), &of.share, of.p_value);
        for (what, figure) in [("  by chance", &of.by_chance), ("  beyond it", &of.excess)] {
            if let Some(figure) = figure {
                page.row(what, Style::new(), figure, None);
            }
        }
    }
    let permutations = thousands(explained.forgiveness.permutations);
    let told =
        format!("by chance: over all orders of the answers; p of {permutations} permutations");
    page.text(&told, theme.dim());
}

/// Which runs they are, what they differ in, and on how many images they are compared.
fn runs(page: &mut Page, compared: &Compared) {
    let theme = page.theme;
    let comparison = &compared.comparison;
    for (letter, name) in ["A", "B"].iter().zip(&compared.names) {
        page.text(&format!("{letter}: {name}"), theme.title());
    }
    for part in &comparison.differs {
        let told = match part.first == part.second {
            true => format!("{}: `{}` has changed", part.part, part.first),
            false => format!("{}: {} → {}", part.part, part.first, part.second),
        };
        page.text(&told, Style::new());
    }
    if comparison.differs.is_empty() {
        page.text("The two were made alike.", theme.dim());
    }
    let mut told = format!("{} images have a verdict in both", thousands(comparison.n));
    for (only, letter) in [(comparison.only_first, "A"), (comparison.only_second, "B")] {
        if only > 0 {
            told += &format!(", {} more are in {letter}", thousands(only));
        }
    }
    page.text(&told, theme.dim());
    if comparison.other_truth > 0 {
        let told = format!(
            "! {} of them are annotated otherwise in B",
            thousands(comparison.other_truth)
        );
        page.text(&told, theme.orange());
    }
    page.blank();
}

/// Whether B is better than A, in a sentence.
fn verdict_on_it(compared: &Compared) -> String {
    let comparison = &compared.comparison;
    if comparison.flipped == 0 && comparison.top1.difference.difference == Some(0.0) {
        let moved = comparison.verdicts.iter();
        let mut moved = moved.map(|change| change.mcnemar.only_first + change.mcnemar.only_second);
        return match moved.any(|images| images > 0) {
            true => "The answers are the same; some are judged otherwise.",
            false => "No difference: every answer is the same.",
        }
        .to_owned();
    }
    let top1 = &comparison.top1;
    let flipped = thousands(comparison.flipped);
    let Some(difference) = top1.difference.difference else {
        return format!("{flipped} answers differ.");
    };
    let direction = match difference {
        d if d > 0.0 => "B has more right than A",
        d if d < 0.0 => "B has fewer right than A",
        _ => "A and B have as many right",
    };
    let points = 100.0 * difference.abs();
    let told = match difference == 0.0 {
        true => direction.to_owned(),
        false => format!("{direction}, by {points:.1} points"),
    };
    let noise = match top1.mcnemar.p_value {
        Some(p) if p < SIGNIFICANT => "more than noise",
        Some(_) => "no more than noise",
        None => "too few images to tell it from noise",
    };
    format!("{flipped} answers differ. {told}: {noise}.")
}

fn discordant(mcnemar: &McNemar) -> String {
    format!(
        "A alone has {} right, B alone {}; p is McNemar's, exact",
        thousands(mcnemar.only_first),
        thousands(mcnemar.only_second)
    )
}

/// What is copied: the difference in top-1.
pub fn value(compared: &Compared) -> String {
    let of = &compared.comparison.top1;
    let number = |of: Option<f64>| of.map_or("null".to_owned(), |of| of.to_string());
    format!(
        "difference in top-1\t{}\t{}",
        number(of.difference.difference),
        number(of.mcnemar.p_value)
    )
}

/// Lines that are being written.
struct Page {
    theme: Theme,
    width: usize,
    lines: Vec<Line<'static>>,
}

impl Page {
    fn text(&mut self, text: &str, style: Style) {
        let lines = wrap(text, self.width).into_iter();
        self.lines
            .extend(lines.map(|line| Line::styled(line, style)));
    }

    fn blank(&mut self) {
        self.lines.push(Line::default());
    }

    /// Whether there is room for intervals and p.
    fn is_wide(&self) -> bool {
        self.width >= 16 + 3 * 8 + 15 + 9
    }

    fn heads(&mut self) {
        let mut heads = format!("{:<16}{:>8}{:>8}{:>8}", "", "A", "B", "B − A");
        if self.is_wide() {
            heads += &format!("{:>15}", "95 %");
        }
        heads += &format!("{:>9}", "p");
        self.lines.push(Line::styled(heads, self.theme.dim()));
    }

    /// A figure of both runs. What is more than noise is told by a mark and by a style.
    fn row(&mut self, title: &str, style: Style, of: &Difference, p: Option<f64>) {
        let mut figures = format!(
            "{:>8}{:>8}{:>8}",
            percent(of.first),
            percent(of.second),
            of.difference.map_or("–".to_owned(), points)
        );
        if self.is_wide() {
            let interval = of
                .interval
                .map(|i| format!("{} to {}", points(i.low), points(i.high)));
            figures += &format!("{:>15}", interval.unwrap_or_else(|| "–".to_owned()));
        }
        figures += &format!("{:>9}", p.map_or("–".to_owned(), probability));
        let counts = p.is_some_and(|p| p < SIGNIFICANT) && of.difference != Some(0.0);
        let (mark, weight) = match counts {
            true => (" *", self.theme.title()),
            false => ("", Style::new()),
        };
        self.lines.push(Line::from(vec![
            Span::styled(fit(title, 16), style),
            Span::styled(figures + mark, weight),
        ]));
    }
}
