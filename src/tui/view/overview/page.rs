//! What stands on the page, section by section.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use serde_json::json;

use super::super::percent;
use super::{Door, LISTED, Row, Section};
use crate::report::text::{bounds, headline, thousands};
use crate::run::ConfusedPair;
use crate::score::{Group, Summary, Verdict};
use crate::tui::app::{App, View};
use crate::tui::text;
use crate::tui::theme::{Theme, glyph};
use crate::tui::widget::{marked_bar, wrap};

/// The page: what is on the left of a wide screen, and what is on the right. A narrow one has it all on the left.
pub fn sections(app: &App, summary: &Summary, width: usize) -> [Vec<Section>; 2] {
    let theme = app.theme;
    let mut left = vec![
        said(summary, theme, width),
        breakdown(summary, theme, width, app.overview.two.get()),
    ];
    let mut right = vec![pairs(app, width)];
    let ladder = ladder(summary, theme, width);
    match app.overview.two.get() {
        true => left.push(ladder),
        false => right.push(ladder),
    }
    right.extend([
        dilution(summary, theme, width),
        nodes(app, true, width),
        nodes(app, false, width),
        warnings(app, summary, width),
    ]);
    right.retain(|section| !section.rows.is_empty());
    if !app.overview.two.get() {
        left.append(&mut right);
    }
    [left, right]
}

/// The headline, and what it becomes when chance is allowed for.
fn said(summary: &Summary, theme: Theme, width: usize) -> Section {
    let mut rows: Vec<Row> = wrap(&headline(summary), width)
        .into_iter()
        .map(|line| Row::plain(line, theme.title()))
        .collect();
    for line in bounds(summary).iter().flat_map(|text| wrap(text, width)) {
        rows.push(Row::plain(line, theme.dim()));
    }
    Section {
        title: String::new(),
        rows,
    }
}

/// The answers by verdict; those that no answer has are left out where there is little room.
fn breakdown(summary: &Summary, theme: Theme, width: usize, with_none: bool) -> Section {
    let mut rows = Vec::new();
    // Glyph, name, count, share, interval; what is left is the bar.
    let bar_width = width.saturating_sub(2 + 15 + 8 + 9 + 14 + 1).min(60);
    rows.push(Row::plain(
        format!(
            "  {:<14} {:>7} {:>8} {:>13}",
            "verdict", "images", "of all", "95 %"
        ),
        theme.dim(),
    ));
    let mut group = None;
    for row in &summary.verdicts {
        if group != Some(row.group) {
            group = Some(row.group);
            rows.push(group_row(row.group, summary, theme));
        }
        if row.count == 0 && !with_none {
            continue;
        }
        let interval = row.share_95.map_or("–".to_owned(), |i| {
            format!("{:.1}–{:.1}", 100.0 * i.low, 100.0 * i.high)
        });
        let style = theme.verdict(row.verdict);
        let bar = marked_bar(row.share.unwrap_or(0.0), row.by_chance, bar_width);
        let figures = format!(
            "{:<14} {:>7} {:>8} {:>13} ",
            row.verdict.name(),
            thousands(row.count),
            percent(row.share),
            interval
        );
        let name = row.verdict.name();
        rows.push(Row {
            line: Line::from(vec![
                Span::styled(format!("{} ", glyph(Some(row.verdict))), style),
                Span::raw(figures),
                Span::styled(bar, style),
            ]),
            door: Some(Door::Images(format!("verdict:{name}"))),
            fact: Some((format!("verdicts.{name}.count"), json!(row.count))),
        });
    }
    Section {
        title: match summary.permutations {
            0 => "The answers by verdict".into(),
            n => format!("The answers by verdict (┃ by chance, {n} permutations)"),
        },
        rows,
    }
}

fn group_row(group: Group, summary: &Summary, theme: Theme) -> Row {
    let multiplicity = &summary.multiplicity;
    let (title, name, count) = match group {
        Group::Correct => ("correct", "correct", summary.judged - summary.errors),
        Group::Confirmed => (
            "multiplicity, confirmed",
            "confirmed",
            multiplicity.confirmed,
        ),
        Group::Possible => ("multiplicity, possible", "possible", multiplicity.possible),
        Group::Mistake => ("real mistakes", "mistake", multiplicity.mistakes),
    };
    let of_errors = match group {
        Group::Correct => String::new(),
        _ if summary.errors == 0 => String::new(),
        _ => format!(
            ", {:.1} % of the errors",
            100.0 * count as f64 / summary.errors as f64
        ),
    };
    Row {
        line: Line::styled(
            format!("{title}: {}{of_errors}", thousands(count)),
            theme.group(group).patch(theme.title()),
        ),
        door: Some(Door::Images(format!("verdict:{name}"))),
        fact: Some((format!("{name}.count"), json!(count))),
    }
}

/// From strict accuracy to all multiplicity forgiven, one verdict after the other, with the 1/K ceiling.
fn ladder(summary: &Summary, theme: Theme, width: usize) -> Section {
    let mut rows = Vec::new();
    let ceiling = summary.valid_set.ceiling;
    let judged = summary.judged;
    let bar_width = width.saturating_sub(32).min(60);
    let mut forgiven = 0;
    for row in &summary.verdicts {
        if row.group == Group::Mistake || (row.verdict != Verdict::Exact && row.count == 0) {
            continue;
        }
        forgiven += row.count;
        let share = (judged > 0).then(|| forgiven as f64 / judged as f64);
        let title = match row.verdict {
            Verdict::Exact => "strict accuracy".to_owned(),
            verdict => format!("+ {}", verdict.name()),
        };
        rows.push(Row {
            line: Line::from(vec![
                Span::raw(format!("{title:<22} {:>8} ", percent(share))),
                Span::styled(
                    marked_bar(share.unwrap_or(0.0), ceiling, bar_width),
                    theme.verdict(row.verdict),
                ),
            ]),
            door: Some(Door::Images(format!("verdict:{}", row.verdict.name()))),
            fact: Some((
                format!("forgiven up to {}", row.verdict.name()),
                json!(share),
            )),
        });
    }
    if let Some(ceiling) = ceiling {
        let ratio = summary.valid_set.top1_over_ceiling;
        let mut text = format!(
            "┃ 1/K ceiling {:.1} %: no model can know which of K true labels was written",
            100.0 * ceiling
        );
        if let Some(ratio) = ratio {
            text = format!("{text}; strict is {ratio:.2} of it");
        }
        rows.extend(
            wrap(&text, width)
                .into_iter()
                .map(|line| Row::plain(line, theme.dim())),
        );
    }
    let credit = summary.credit.map(|credit| {
        format!(
            "credit ({}): {:.1} %, strict {}",
            summary.credit_policy,
            100.0 * credit,
            percent(summary.strict_credit)
        )
    });
    rows.extend(credit.map(|text| Row::plain(text, theme.dim())));
    Section {
        title: "What forgiving multiplicity gains".into(),
        rows,
    }
}

/// The confusions that cost most, and whether they are the taxonomy's doing.
fn pairs(app: &App, width: usize) -> Section {
    let theme = app.theme;
    let mut rows = Vec::new();
    let costly = app.overview.costly.as_ref();
    let Some((_, costly, count)) = costly.filter(|(of, ..)| *of == app.generation) else {
        return Section {
            title: String::new(),
            rows,
        };
    };
    // Images, credit, and whose doing it is: with the verdict's name where there is room.
    let is_wide = width >= 70;
    let figures = 17 + if is_wide { 22 } else { 15 };
    let room = width.saturating_sub(2 + figures).clamp(16, 44);
    rows.push(Row::plain(
        format!(
            "  {} {:>6} {:>7}  {}",
            text::fit("annotated → answered", room),
            "images",
            "lost",
            "the taxonomy's?"
        ),
        theme.dim(),
    ));
    for pair in costly {
        let verdict = main_verdict(pair);
        let doing = match verdict.map(Verdict::group) {
            Some(Group::Confirmed) => "yes",
            Some(Group::Possible) => "perhaps",
            _ => "no",
        };
        let what = verdict.map_or("", Verdict::name);
        let names = format!("{} → {}", name(app, &pair.truth), name(app, &pair.answer));
        let style = verdict.map_or(Style::new(), |v| theme.verdict(v));
        rows.push(Row {
            line: Line::from(vec![
                Span::styled(format!("{} ", glyph(verdict)), style),
                Span::raw(text::fit(&names, room)),
                Span::raw(format!(
                    " {:>6} {:>7.1}  ",
                    thousands(pair.count),
                    pair.cost
                )),
                Span::styled(
                    if is_wide {
                        format!("{doing}: {what}")
                    } else {
                        doing.to_owned()
                    },
                    style,
                ),
            ]),
            door: Some(Door::Pair(pair.truth.clone(), pair.answer.clone())),
            fact: Some((
                format!("credit lost of {} answered {}", pair.truth, pair.answer),
                json!(pair.cost),
            )),
        });
    }
    if *count > LISTED {
        rows.push(Row {
            line: Line::styled("  all confusions …", theme.dim()),
            door: Some(Door::View(View::Confusions)),
            fact: None,
        });
    }
    Section {
        title: "The confusions that cost most credit".into(),
        rows,
    }
}

/// The verdict that most of a pair's images have.
pub fn main_verdict(pair: &ConfusedPair) -> Option<Verdict> {
    let most = pair
        .verdicts
        .iter()
        .max_by_key(|&(&verdict, &count)| (count, std::cmp::Reverse(verdict)));
    most.map(|(&verdict, _)| verdict)
}

/// The preferred name of a label by its id.
pub fn name<'a>(app: &'a App, id: &'a str) -> &'a str {
    let found = app
        .run()
        .and_then(|run| Some(run.taxonomy.label(run.taxonomy.find(id)?)));
    found.unwrap_or(id)
}

/// The probability of the annotated label beside 1/K.
fn dilution(summary: &Summary, theme: Theme, width: usize) -> Section {
    let mut rows = Vec::new();
    let Some(dilution) = &summary.dilution else {
        return Section {
            title: String::new(),
            rows,
        };
    };
    let bar_width = width.saturating_sub(34).min(60);
    for row in &dilution.by_k {
        rows.push(Row {
            line: Line::from(vec![
                Span::raw(format!(
                    "K {:>3} {:>8} {:>6.3} of {:>5.3} ",
                    row.k,
                    thousands(row.n),
                    row.mean,
                    row.expected
                )),
                Span::styled(
                    marked_bar(row.mean, Some(row.expected), bar_width),
                    theme.blue(),
                ),
            ]),
            door: Some(Door::Images(format!("k={}", row.k))),
            fact: Some((format!("dilution at K = {}", row.k), json!(row.mean))),
        });
    }
    if let Some(slope) = dilution.slope {
        let text = format!("slope of log dilution on log K: {slope:.2} (−1 is 1/K)");
        rows.push(Row::plain(text, theme.dim()));
    }
    Section {
        title: "The annotated label's share of the valid mass (┃ 1/K)".into(),
        rows,
    }
}

/// Nodes whose images lose most credit, or least.
fn nodes(app: &App, worst: bool, width: usize) -> Section {
    let theme = app.theme;
    let mut section = Section {
        title: match worst {
            true => "Worst nodes (images, credit, errors)".into(),
            false => "Best nodes (images, credit, errors)".into(),
        },
        rows: Vec::new(),
    };
    let (Some(run), Some(figures)) = (app.run(), super::super::taxonomy::figures(app)) else {
        return section;
    };
    let taxonomy = &run.taxonomy;
    let Some((_, [worst_nodes, best_nodes])) =
        (app.overview.nodes.as_ref()).filter(|(of, _)| *of == app.generation)
    else {
        return section;
    };
    for &node in if worst { worst_nodes } else { best_nodes } {
        let figure = figures.get(node);
        let right = format!(
            " {:>7} {:>8} {:>8}",
            thousands(figure.n),
            percent(figure.credit),
            percent(figure.error)
        );
        let room = width.saturating_sub(2 + right.len()).clamp(12, 44);
        let style = theme.heat(figure.credit.map_or(0.0, |credit| 1.0 - credit));
        section.rows.push(Row {
            line: Line::from(vec![
                Span::raw("  "),
                Span::raw(text::fit(taxonomy.label(node), room)),
                Span::styled(right, style),
            ]),
            door: Some(Door::Node(node)),
            fact: Some((
                format!("mean credit of {}", taxonomy.id(node)),
                json!(figure.credit),
            )),
        });
    }
    section
}

/// What one should know before believing the figures.
fn warnings(app: &App, summary: &Summary, width: usize) -> Section {
    let theme = app.theme;
    let mut rows = Vec::new();
    let mut warn = |text: String, door: Option<Door>| {
        for (i, line) in wrap(&text, width.saturating_sub(2)).into_iter().enumerate() {
            let mark = if i == 0 { "! " } else { "  " };
            rows.push(Row {
                line: Line::from(vec![Span::styled(mark, theme.orange()), Span::raw(line)]),
                door: door.clone().filter(|_| i == 0),
                fact: None,
            });
        }
    };
    if summary.judged < 100 {
        warn(
            format!(
                "only {} images are judged: intervals are wide",
                summary.judged
            ),
            None,
        );
    }
    if summary.abstained > 0 {
        warn(
            format!(
                "{} labelled images were abstained from",
                thousands(summary.abstained)
            ),
            Some(Door::Images("abstained".into())),
        );
    }
    let manifest = match (&app.shown, &app.figures) {
        (Some(shown), _) => Some(&shown.opened.saved.manifest),
        (None, Some((_, manifest))) => Some(manifest.as_ref()),
        (None, None) => None,
    };
    let counted = |name: &str| {
        manifest
            .and_then(|m| m["counts"][name].as_u64())
            .unwrap_or(0)
    };
    for (name, told) in [
        (
            "skipped_bad_image",
            "images could not be read and are left out",
        ),
        (
            "skipped_unknown_label",
            "images are left out: a label is unknown or ambiguous",
        ),
        ("skipped_problematic", "images are left out as problematic"),
    ] {
        if counted(name) > 0 {
            warn(
                format!("{} {told}", thousands(counted(name) as usize)),
                None,
            );
        }
    }
    if counted("unlabelled") > 0 {
        warn(
            format!(
                "{} images have no label",
                thousands(counted("unlabelled") as usize)
            ),
            Some(Door::Images("unlabelled".into())),
        );
    }
    if let Some(suspects) = summary.suspects.as_ref().filter(|s| s.flagged > 0) {
        warn(
            format!(
                "{} annotations are suspect: the model contradicts them",
                thousands(suspects.flagged)
            ),
            Some(Door::Images("suspect".into())),
        );
    }
    let none_valid = summary.valid_set.without_valid_candidate;
    if none_valid > 0 {
        warn(
            format!(
                "{} images have no true label among the candidates",
                thousands(none_valid)
            ),
            Some(Door::Images("k=0".into())),
        );
    }
    for note in &app.notes {
        warn(note.clone(), None);
    }
    Section {
        title: "Before you believe it".into(),
        rows,
    }
}
