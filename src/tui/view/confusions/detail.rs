//! All that is known of one pair: what the two labels are to each other, and whether the confusion is the taxonomy's doing.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::report::text::thousands;
use crate::run::{ConfusedPair, Confusions, Opened};
use crate::score::{Group, Verdict};
use crate::taxonomy::Relation;
use crate::tui::app::{App, Hit};
use crate::tui::theme::glyph;
use crate::tui::view::overview::{main_verdict, name};
use crate::tui::widget::{bar, pane, wrap};

/// Images that are named.
const NAMED: usize = 12;

/// The first images of a pair.
#[derive(Debug)]
pub struct Examples {
    generation: u64,
    truth: String,
    answer: String,
    rows: Vec<usize>,
}

/// Finds the images of the selected pair, where labels are not grouped. Ends where there are enough of them, so that only rare pairs
/// of long runs are looked for to the end.
pub fn refresh(app: &mut App, run: &Opened) {
    let listed = app.confusions.listed.as_ref();
    let is_grouped = listed.is_none_or(|listed| listed.found.depth.is_some());
    let Some(pair) = super::at_cursor(app).filter(|_| !is_grouped) else {
        app.confusions.examples = None;
        return;
    };
    let known = app.confusions.examples.as_ref();
    if known.is_some_and(|k| {
        (k.generation, &k.truth, &k.answer) == (app.generation, &pair.truth, &pair.answer)
    }) {
        return;
    }
    let label = |id: &str| run.taxonomy.find(id).and_then(|node| run.label(node));
    let (truth, answer) = (label(&pair.truth), label(&pair.answer));
    let rows = run.saved.rows.iter().enumerate().filter(|(_, row)| {
        (row.truth, row.answer) == (truth, answer)
            && truth.is_some()
            && row.verdict.is_some_and(|v| v != Verdict::Exact)
    });
    let most = pair.count.min(NAMED);
    let found = Examples {
        generation: app.generation,
        truth: pair.truth.clone(),
        answer: pair.answer.clone(),
        rows: rows.map(|(i, _)| i).take(most).collect(),
    };
    app.confusions.examples = Some(found);
}

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let in_focus = app.confusions.pane == 1;
    let listed = app.confusions.listed.as_ref();
    let (Some(pair), Some(listed)) = (super::at_cursor(app), listed) else {
        pane(frame, area, "", in_focus, app.theme);
        app.hits.add(area, Hit::Pane(1));
        return;
    };
    let title = format!("{} → {}", name(app, &pair.truth), name(app, &pair.answer));
    let inner = pane(frame, area, &title, in_focus, app.theme);
    app.hits.add(area, Hit::Pane(1));
    let lines = lines(app, &listed.found, pair, usize::from(inner.width));
    let detail = &app.confusions.detail;
    detail.draw(frame, area, inner, &lines, app.theme);
}

fn lines(app: &App, found: &Confusions, pair: &ConfusedPair, width: usize) -> Vec<Line<'static>> {
    let theme = app.theme;
    let plain = |text: &str, style: Style| -> Vec<Line<'static>> {
        let lines = wrap(text, width).into_iter();
        lines.map(|line| Line::styled(line, style)).collect()
    };
    let style = main_verdict(pair).map_or(Style::new(), |v| theme.verdict(v));
    let mut lines = plain(&doing(pair), style.patch(theme.title()));
    lines.extend(plain(&related(app, pair), Style::new()));
    lines.push(Line::default());
    lines.extend(verdict_lines(app, pair, width));
    lines.push(Line::default());
    for fact in facts(app, found, pair) {
        lines.extend(plain(&fact, theme.dim()));
    }
    lines.extend(example_lines(app, pair, width));
    lines
}

/// Whether it is the taxonomy's doing.
fn doing(pair: &ConfusedPair) -> String {
    let of = |group: Group| -> usize {
        let of_group = pair.verdicts.iter().filter(|(v, _)| v.group() == group);
        of_group.map(|(_, &count)| count).sum()
    };
    let groups = [Group::Confirmed, Group::Possible, Group::Mistake];
    let most = groups.into_iter().max_by_key(|&group| of(group));
    let is_all = groups.into_iter().filter(|&group| of(group) > 0).count() == 1;
    let (yes_or_no, why) = match most {
        Some(Group::Confirmed) => ("yes", "the answer is true of the images"),
        Some(Group::Possible) => (
            "perhaps",
            "the answer may be true, the annotation cannot tell",
        ),
        _ => ("no", "these are real mistakes"),
    };
    match is_all {
        true => format!("The taxonomy's doing? {yes_or_no}: {why}."),
        false => format!("The taxonomy's doing? Mostly {yes_or_no}: of most, {why}."),
    }
}

/// What the answer is to the annotated label.
fn related(app: &App, pair: &ConfusedPair) -> String {
    let (truth, answer) = (name(app, &pair.truth), name(app, &pair.answer));
    let lca = pair.lca.as_deref().map(|id| name(app, id));
    let met = |what: &str| match lca {
        Some(lca) => format!("{what}: they meet in {lca}"),
        None => what.to_owned(),
    };
    let said = match pair.relation {
        Relation::Same if app.confusions.depth.is_some() => {
            format!("errors within {truth}")
        }
        Relation::Same => format!("{answer} is annotated too, beside another label"),
        Relation::Equivalent => format!("{answer} and {truth} are declared equivalent"),
        Relation::Ancestor => format!("{answer} is above {truth}: less specific"),
        Relation::Descendant => format!("{answer} is below {truth}: more specific"),
        Relation::Overlapping => met(&format!(
            "{answer} and {truth} overlap, so that an image may be both"
        )),
        Relation::Sibling => met(&format!("{answer} and {truth} are siblings")),
        Relation::Related => met(&format!("{answer} and {truth} are related")),
        Relation::Unrelated => format!("nothing is above both {answer} and {truth}"),
    };
    format!("{said}.")
}

fn verdict_lines(app: &App, pair: &ConfusedPair, width: usize) -> Vec<Line<'static>> {
    let room = width.saturating_sub(2 + 15 + 8).min(40);
    let line = |(&verdict, &count): (&Verdict, &usize)| {
        let style = app.theme.verdict(verdict);
        let share = count as f64 / pair.count.max(1) as f64;
        Line::from(vec![
            Span::styled(format!("{} ", glyph(Some(verdict))), style),
            Span::raw(format!("{:<14} {:>7} ", verdict.name(), thousands(count))),
            Span::styled(bar(share, room), style),
        ])
    };
    pair.verdicts.iter().map(line).collect()
}

fn facts(app: &App, found: &Confusions, pair: &ConfusedPair) -> Vec<String> {
    let images = |n: usize| match n {
        1 => "1 image".to_owned(),
        n => format!("{} images", thousands(n)),
    };
    let than = if pair.excess < 0.0 { "fewer" } else { "more" };
    let mut facts = vec![format!(
        "{}; {:.1} expected by chance, so {:.1} {than}",
        images(pair.count),
        pair.expected,
        pair.excess.abs()
    )];
    let all: f64 = found.pairs.iter().map(|pair| pair.cost).sum();
    let policy = app.summary().map_or("", |s| s.credit_policy.as_str());
    let share = match all > 0.0 {
        true => format!(", {:.1} % of all that is lost", 100.0 * pair.cost / all),
        false => String::new(),
    };
    facts.push(format!(
        "costs {:.1} in credit ({policy}){share}",
        pair.cost
    ));
    if let Some(cosine) = pair.text_cosine {
        facts.push(format!(
            "mean cosine of the two labels' prompts: {cosine:.3}"
        ));
    }
    if pair.truth != pair.answer {
        let is_reverse = |p: &&ConfusedPair| (&p.truth, &p.answer) == (&pair.answer, &pair.truth);
        let reverse = found.pairs.iter().find(is_reverse).map_or(0, |p| p.count);
        let (truth, answer) = (name(app, &pair.truth), name(app, &pair.answer));
        facts.push(format!(
            "the other way round, {answer} answered {truth}: {}",
            images(reverse)
        ));
    }
    if pair.suspect > 0 {
        let suspect = images(pair.suspect);
        facts.push(format!("the model contradicts the annotation of {suspect}"));
    }
    facts
}

/// The names of the first images.
fn example_lines(app: &App, pair: &ConfusedPair, width: usize) -> Vec<Line<'static>> {
    let (Some(run), Some(examples)) = (app.run(), &app.confusions.examples) else {
        return Vec::new();
    };
    let is_of_pair = (&examples.truth, &examples.answer) == (&pair.truth, &pair.answer);
    if !is_of_pair || examples.generation != app.generation || examples.rows.is_empty() {
        return Vec::new();
    }
    let title = match pair.count > examples.rows.len() {
        true => format!("The first {} images", examples.rows.len()),
        false => "The images".to_owned(),
    };
    let mut lines = vec![Line::default(), Line::styled(title, app.theme.title())];
    for &row in &examples.rows {
        let image = crate::tui::text::fit_start(run.saved.images.get(row), width);
        lines.push(Line::raw(image.trim_end().to_owned()));
    }
    lines
}
