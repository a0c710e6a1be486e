//! All that is known of one image: its picture, what was answered, and where answer and annotation meet.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui_image::Image;

use super::table::name;
use crate::report::sentence::{Said, sentence};
use crate::run::Opened;
use crate::score::{Group, Verdict};
use crate::taxonomy::{NodeId, Relation, Taxonomy};
use crate::tui::action::Kind;
use crate::tui::app::{App, Hit};
use crate::tui::text;
use crate::tui::theme::{Theme, glyph};
use crate::tui::widget::{bar, pane, wrap};

/// The room for the picture in the pane; `None` if there is none.
pub fn picture_area(app: &App, pane: Rect) -> Option<Rect> {
    if !app.has_pictures {
        return None;
    }
    let inner = Rect {
        x: pane.x + 1,
        y: pane.y + 1,
        width: pane.width.saturating_sub(2),
        height: pane.height.saturating_sub(2),
    };
    // Text needs some dozen lines; cells are about twice as high as wide.
    let height = (inner.height * 2 / 5).min(inner.width / 2).min(30);
    (height >= 4 && inner.width >= 8).then_some(Rect { height, ..inner })
}

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let is_focused = app.images.pane == 1;
    let (Some(run), Some(row)) = (app.run(), super::selected(app)) else {
        pane(frame, area, "", is_focused, app.theme);
        return;
    };
    let title = run.saved.images.get(row);
    let inner = pane(frame, area, title, is_focused, app.theme);
    app.hits.add(area, Hit::Pane(1));
    let mut below = inner;
    if let Some(room) = picture_area(app, area) {
        draw_picture(app, frame, room);
        below.y += room.height;
        below.height -= room.height;
    }
    let lines = lines(app, run, row, usize::from(inner.width));
    (app.images.detail).draw(frame, area, below, &lines, app.theme);
}

fn draw_picture(app: &App, frame: &mut Frame<'_>, room: Rect) {
    match super::picture(app) {
        Some(drawn) => {
            let size = drawn.protocol.size();
            let area = Rect {
                x: room.x + room.width.saturating_sub(size.width) / 2,
                y: room.y,
                width: size.width.min(room.width),
                height: size.height.min(room.height),
            };
            frame.render_widget(Image::new(&drawn.protocol).allow_clipping(true), area);
        }
        None => {
            let told = match app.fault(Kind::Picture) {
                Some(fault) => format!("no picture: {fault}"),
                None => "…".to_owned(),
            };
            super::super::paragraph(frame, room, &told, app.theme.dim());
        }
    }
}

/// What is told below the picture.
fn lines(app: &App, run: &Opened, row: usize, width: usize) -> Vec<Line<'static>> {
    let theme = app.theme;
    let mut lines = Vec::new();
    verdict_lines(run, row, theme, width, &mut lines);
    ranked_lines(run, row, theme, width, &mut lines);
    lines.push(Line::default());
    path_lines(run, row, theme, width, &mut lines);
    fact_lines(run, row, theme, width, &mut lines);
    lines
}

fn verdict_lines(
    run: &Opened,
    row: usize,
    theme: Theme,
    width: usize,
    lines: &mut Vec<Line<'static>>,
) {
    let saved = &run.saved.rows[row];
    let lca = (run.saved.details.as_ref()).and_then(|d| d.rows[row].lca);
    let label = |label: Option<u32>| label.map(|label| name(run, label));
    let said = Said {
        answer: label(saved.answer),
        truth: label(saved.truth.or(saved.primary)),
        verdict: saved.verdict,
        common: label(lca),
        text_cosine: saved.text_cosine,
    };
    let style = saved.verdict.map_or(Style::new(), |v| theme.verdict(v));
    let verdict = saved.verdict.map_or("no verdict", |v| v.name());
    let group = saved.verdict.map(|v| match v.group() {
        Group::Correct => "correct",
        Group::Confirmed => "multiplicity, confirmed",
        Group::Possible => "multiplicity, possible",
        Group::Mistake => "a real mistake",
    });
    let group = group.map_or(String::new(), |group| format!(" · {group}"));
    lines.push(Line::styled(
        format!("{} {verdict}{group}", glyph(saved.verdict)),
        style.patch(theme.title()),
    ));
    lines.extend(wrap(&sentence(&said), width).into_iter().map(Line::raw));
}

/// The best labels as bars, with a glyph for what they are to the annotation.
fn ranked_lines(
    run: &Opened,
    row: usize,
    theme: Theme,
    width: usize,
    lines: &mut Vec<Line<'static>>,
) {
    let Some(details) = &run.saved.details else {
        return;
    };
    let truths = &run.saved.truths[run.saved.rows[row].truths as usize];
    let truths: Vec<NodeId> = truths.iter().filter_map(|&label| run.node(label)).collect();
    // What is right too, by a re-annotation or because somebody said so.
    let valid = details.rows[row].valid;
    let valid = valid.map_or(&[][..], |set| &details.valid[set as usize]);
    let names = (width.saturating_sub(10) / 2).clamp(8, 26);
    let bars = width.saturating_sub(names + 10);
    for rank in details.ranked.get(row) {
        let relation = run.node(rank.label).and_then(|node| {
            let relations = truths
                .iter()
                .map(|&truth| run.taxonomy.relation(node, truth));
            relations.min()
        });
        let is_same = matches!(relation, Some(Relation::Same | Relation::Equivalent));
        let (mark, style) = match relation {
            _ if !is_same && valid.contains(&rank.label) => (
                glyph(Some(Verdict::AlsoValid)),
                theme.verdict(Verdict::AlsoValid),
            ),
            Some(relation) => (relation_glyph(relation), relation_style(relation, theme)),
            None => ("·", Style::new()),
        };
        let told = match (rank.probability, rank.similarity) {
            (Some(p), _) => format!(" {p:.3}"),
            (None, Some(similarity)) => format!(" {similarity:.3}"),
            (None, None) => String::new(),
        };
        lines.push(Line::from(vec![
            Span::styled(format!("{mark} "), style),
            Span::raw(text::fit(name(run, rank.label), names)),
            Span::raw(format!("{told} ")),
            Span::styled(bar(rank.probability.unwrap_or(0.0), bars), style),
        ]));
    }
}

fn relation_glyph(relation: Relation) -> &'static str {
    match relation {
        Relation::Same => "=",
        Relation::Equivalent => "≡",
        Relation::Ancestor => "↑",
        Relation::Descendant => "↓",
        Relation::Overlapping => "∩",
        Relation::Sibling => "~",
        Relation::Related => "○",
        Relation::Unrelated => "×",
    }
}

fn relation_style(relation: Relation, theme: Theme) -> Style {
    theme.group(match relation {
        Relation::Same => Group::Correct,
        Relation::Equivalent | Relation::Ancestor => Group::Confirmed,
        Relation::Descendant | Relation::Overlapping => Group::Possible,
        Relation::Sibling | Relation::Related | Relation::Unrelated => Group::Mistake,
    })
}

/// The paths from annotation and answer up to where they meet, as a tree from there.
fn path_lines(
    run: &Opened,
    row: usize,
    theme: Theme,
    width: usize,
    lines: &mut Vec<Line<'static>>,
) {
    let saved = &run.saved.rows[row];
    let node = |label: Option<u32>| label.and_then(|label| run.node(label));
    let (Some(truth), Some(answer)) = (node(saved.truth.or(saved.primary)), node(saved.answer))
    else {
        return;
    };
    let style = saved.verdict.map_or(Style::new(), |v| theme.verdict(v));
    for step in paths(&run.taxonomy, truth, answer) {
        let mark = match (step.is_truth, step.is_answer) {
            (true, true) => "  annotated and answered",
            (true, false) => "  annotated",
            (false, true) => "  answered",
            (false, false) => "",
        };
        let style = if step.is_answer { style } else { Style::new() };
        let label = run.taxonomy.label(step.node);
        let room = width.saturating_sub(text::width(&step.branch) + text::width(mark));
        let label = match text::width(label) > room {
            true => text::fit(label, room),
            false => label.to_owned(),
        };
        lines.push(Line::from(vec![
            Span::styled(step.branch, theme.dim()),
            Span::styled(
                label,
                if mark.is_empty() {
                    style
                } else {
                    style.patch(theme.title())
                },
            ),
            Span::styled(mark, style),
        ]));
    }
}

/// One node of the two paths.
#[derive(Debug, PartialEq)]
struct Step {
    /// The lines before it.
    branch: String,
    node: NodeId,
    is_truth: bool,
    is_answer: bool,
}

fn paths(taxonomy: &Taxonomy, truth: NodeId, answer: NodeId) -> Vec<Step> {
    let step = |branch: String, node: NodeId| Step {
        branch,
        node,
        is_truth: node == truth,
        is_answer: node == answer,
    };
    let (mut of_truth, mut of_answer, top) = match taxonomy.lca(truth, answer) {
        Some(lca) => (
            taxonomy.path_from(lca, truth),
            taxonomy.path_from(lca, answer),
            Some(lca),
        ),
        None => (
            taxonomy.path_to_root(truth),
            taxonomy.path_to_root(answer),
            None,
        ),
    };
    let mut steps = Vec::new();
    if let Some(top) = top {
        // The two may name the class that they meet in by different nodes.
        let first = of_truth.first().copied().unwrap_or(top);
        steps.push(step(String::new(), first));
        of_truth = of_truth.split_off(1.min(of_truth.len()));
        let other = of_answer.first().copied();
        of_answer = of_answer.split_off(1.min(of_answer.len()));
        if let Some(other) = other.filter(|&other| other != first) {
            steps.push(step("≡ ".to_owned(), other));
        }
    }
    let has_both = !of_truth.is_empty() && !of_answer.is_empty();
    for (path, bars) in [(of_truth, has_both), (of_answer, false)] {
        for (depth, node) in path.into_iter().enumerate() {
            let elbow = match (depth, bars) {
                (0, true) => "├─ ".to_owned(),
                (0, false) => "└─ ".to_owned(),
                (depth, true) => format!("│  {}└─ ", "   ".repeat(depth - 1)),
                (depth, false) => format!("{}└─ ", "   ".repeat(depth)),
            };
            let branch = match top {
                Some(_) => elbow,
                // Without a place to meet each path begins at a root of its own.
                None if depth == 0 => String::new(),
                None => format!("{}└─ ", "   ".repeat(depth - 1)),
            };
            steps.push(step(branch, node));
        }
    }
    steps
}

/// Figures of the image, and what else is annotated.
fn fact_lines(
    run: &Opened,
    row: usize,
    theme: Theme,
    width: usize,
    lines: &mut Vec<Line<'static>>,
) {
    let saved = &run.saved.rows[row];
    let Some(detail) = run.saved.details.as_ref().map(|d| &d.rows[row]) else {
        return;
    };
    let mut facts = Vec::new();
    let names = |labels: &[u32]| -> String {
        let names: Vec<&str> = labels.iter().map(|&label| name(run, label)).collect();
        names.join(", ")
    };
    let truths = &run.saved.truths[saved.truths as usize];
    if truths.len() > 1 {
        facts.push(format!("annotated labels: {}", names(truths)));
    }
    if let Some(valid) = detail.valid {
        let valid = &run.saved.details.as_ref().expect("it has the detail").valid[valid as usize];
        facts.push(format!("right by the re-annotation: {}", names(valid)));
    }
    if let Some(k) = detail.k {
        let mass = detail
            .valid_mass
            .map(|mass| format!(", with {:.1} % of the probability", 100.0 * mass));
        let are = if k == 1 {
            "1 candidate is true".to_owned()
        } else {
            format!("{k} candidates are true")
        };
        facts.push(format!("{are} of it{}", mass.unwrap_or_default()));
    }
    if let Some(credit) = saved.credit {
        facts.push(format!(
            "credit {credit:.2} ({})",
            run.saved.summary.credit_policy
        ));
    }
    if let Some(looks_like) = detail.looks_like {
        facts.push(format!(
            "! suspect annotation: it looks like {}",
            name(run, looks_like)
        ));
    }
    if !facts.is_empty() {
        lines.push(Line::default());
    }
    for fact in facts {
        let style = if fact.starts_with('!') {
            theme.orange()
        } else {
            theme.dim()
        };
        lines.extend(
            wrap(&fact, width)
                .into_iter()
                .map(|line| Line::styled(line, style)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    fn drawn(truth: &str, answer: &str) -> String {
        let text = "
tree:
  animal: {dog: [beagle, poodle], cat: [tabby]}
  car: [taxi]
";
        let taxonomy = load_str("t", text).into_sound().unwrap();
        let node = |id: &str| taxonomy.find(id).unwrap();
        let steps = paths(&taxonomy, node(truth), node(answer));
        let lines = steps.iter().map(|step| {
            let mark = match (step.is_truth, step.is_answer) {
                (true, true) => " TA",
                (true, false) => " T",
                (false, true) => " A",
                _ => "",
            };
            format!("{}{}{mark}\n", step.branch, taxonomy.label(step.node))
        });
        lines.collect()
    }

    #[test]
    fn the_paths_meet_where_the_labels_do() {
        assert_eq!(
            drawn("beagle", "tabby"),
            "animal\n├─ dog\n│  └─ beagle T\n└─ cat\n   └─ tabby A\n"
        );
        assert_eq!(drawn("beagle", "poodle"), "dog\n├─ beagle T\n└─ poodle A\n");
        assert_eq!(
            drawn("beagle", "animal"),
            "animal A\n└─ dog\n   └─ beagle T\n"
        );
        assert_eq!(drawn("dog", "beagle"), "dog T\n└─ beagle A\n");
        assert_eq!(drawn("dog", "dog"), "dog TA\n");
        assert_eq!(
            drawn("beagle", "taxi"),
            "animal\n└─ dog\n   └─ beagle T\ncar\n└─ taxi A\n"
        );
    }
}
