//! What is told of a node, line by line.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::{images, percent};
use super::columns::{SMALL, range};
use super::{detail, figures, selected};
use crate::report::text::thousands;
use crate::run::{ConfusedPair, NodeFigure, Opened};
use crate::score::Group;
use crate::taxonomy::NodeId;
use crate::tui::app::App;
use crate::tui::text;
use crate::tui::theme::{Theme, glyph};
use crate::tui::widget::wrap;

/// What is behind a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Door {
    Node(NodeId),
    /// The images of a filter.
    Images(String),
    Prompts(NodeId),
}

/// One line.
pub struct Item {
    pub line: Line<'static>,
    pub door: Option<Door>,
}

/// Nodes that are listed of each kind.
const MOST_NODES: usize = 8;
/// Prompts that are listed.
const MOST_PROMPTS: usize = 4;

/// The node, and where its lines go.
struct Facts<'a> {
    app: &'a App,
    run: &'a Opened,
    node: NodeId,
    width: usize,
    theme: Theme,
    items: Vec<Item>,
}

/// All that is known of the selected node, in lines of so many columns.
pub fn items(app: &App, width: usize) -> Vec<Item> {
    let (Some(run), Some(node)) = (app.run(), selected(app)) else {
        return Vec::new();
    };
    let mut facts = Facts {
        app,
        run,
        node,
        width,
        theme: app.theme,
        items: Vec::new(),
    };
    facts.names();
    facts.above();
    facts.figures();
    facts.confusions();
    facts.below();
    facts.prompts();
    facts.nearest();
    facts.items
}

impl Facts<'_> {
    fn push(&mut self, line: impl Into<Line<'static>>, door: Option<Door>) {
        let line = line.into();
        self.items.push(Item { line, door });
    }

    /// A text in as many lines as it needs.
    fn told(&mut self, text: &str, style: Style) {
        for line in wrap(text, self.width) {
            self.push(Line::styled(line, style), None);
        }
    }

    /// A heading, with a line above it.
    fn heading(&mut self, text: &str) {
        if !self.items.is_empty() {
            self.push(Line::default(), None);
        }
        self.told(text, self.theme.title());
    }

    /// A name on the left and what is told of it on the right.
    fn beside(&self, name: &str, right: &str) -> String {
        let room = self.width.saturating_sub(text::width(right) + 1);
        format!("{} {right}", text::fit(name, room))
    }

    fn names(&mut self) {
        let taxonomy = &self.run.taxonomy;
        let node = taxonomy.node(self.node);
        let dim = self.theme.dim();
        self.told(&format!("id {}", node.id), dim);
        if node.names.len() > 1 {
            self.told(
                &format!("also {}", node.names[1..].join(", ")),
                Style::new(),
            );
        }
        if !node.ids.is_empty() {
            self.told(&format!("elsewhere {}", node.ids.join(", ")), dim);
        }
        if let Some(description) = &node.description {
            self.told(description, Style::new());
        }
        let (least, most) = taxonomy.depth(self.node);
        let depth = match least == most {
            true => format!("depth {least}"),
            false => format!("depth {least}–{most}"),
        };
        let leaves = match taxonomy.is_leaf(self.node) {
            true => "a leaf".to_owned(),
            false => told_count(taxonomy.leaf_count(self.node), "leaf", "leaves") + " below",
        };
        let rank = node.rank.as_ref();
        let rank = rank.map_or(String::new(), |rank| format!("{rank} · "));
        let bits = taxonomy.information(self.node);
        self.told(&format!("{rank}{depth} · {leaves} · {bits:.1} bits"), dim);
    }

    /// A list of nodes, which are doors.
    fn nodes(&mut self, nodes: &[NodeId]) {
        for &node in nodes.iter().take(MOST_NODES) {
            let n = figures(self.app).and_then(|figures| figures.nodes.get(node.index()));
            let n = n.map_or(String::new(), |figure| thousands(figure.n));
            let line = self.beside(&format!("  {}", self.run.taxonomy.label(node)), &n);
            self.push(line, Some(Door::Node(node)));
        }
        let more = nodes.len().saturating_sub(MOST_NODES);
        if more > 0 {
            self.told(
                &format!("  … and {} more", thousands(more)),
                self.theme.dim(),
            );
        }
    }

    fn above(&mut self) {
        let taxonomy = &self.run.taxonomy;
        let parents = taxonomy.parents(self.node);
        if !parents.is_empty() {
            self.heading(match parents.len() {
                1 => "Under",
                _ => "Under (o goes from place to place)",
            });
            self.nodes(parents);
        }
        let same = taxonomy.equivalents(self.node).iter().copied();
        let same: Vec<NodeId> = same.filter(|&other| other != self.node).collect();
        if !same.is_empty() {
            self.heading("The same as");
            self.nodes(&same);
        }
        let overlapping = &detail::known(self.app).overlapping;
        if !overlapping.is_empty() {
            self.heading("May hold together with");
            self.nodes(overlapping);
        }
    }

    fn below(&mut self) {
        let children = self.run.taxonomy.children(self.node);
        if !children.is_empty() {
            self.heading(&told_count(children.len(), "child", "children"));
            self.nodes(children);
        }
    }

    fn figures(&mut self) {
        let Some(figures) = figures(self.app) else {
            self.heading("Images");
            return self.told("…", self.theme.dim());
        };
        let Some(&figure) = figures.nodes.get(self.node.index()) else {
            return;
        };
        self.heading("Images");
        if figure.n == 0 {
            let answered = match figure.answered {
                0 => "none, and none is answered so".to_owned(),
                n => format!("none, but {} answered so", thousands(n)),
            };
            return self.told(&answered, self.theme.dim());
        }
        self.counts(&figure);
        self.shares(&figure);
        self.errors(&figure);
    }

    fn counts(&mut self, figure: &NodeFigure) {
        let under = images::under(self.run, self.node);
        let at = match figure.own_n {
            n if n == figure.n => String::new(),
            n => format!(" · {} its very own", thousands(n)),
        };
        let counted = told_count(figure.n, "image", "images");
        self.push(format!("{counted}{at}"), Some(Door::Images(under)));
        if figure.n < SMALL {
            let text = "? so few that shares say little";
            self.told(text, self.theme.orange());
        }
    }

    fn shares(&mut self, figure: &NodeFigure) {
        let interval = figure.interval.map_or(String::new(), |i| {
            format!(" ({:.1}–{:.1})", 100.0 * i.low, 100.0 * i.high)
        });
        let recall = percent(figure.recall);
        self.told(&format!("recall {recall}{interval}"), Style::new());
        let answered = thousands(figure.answered);
        let precision = percent(figure.precision);
        let precision = format!("precision {precision} of {answered} answered so");
        self.told(&precision, Style::new());
        let credit = figure.credit.map_or("–".to_owned(), |c| format!("{c:.2}"));
        let outside = percent(figure.outside);
        let told = format!("credit {credit} · taken for something else {outside}");
        self.told(&told, Style::new());
        if figure.suspect > 0 {
            let suspect = thousands(figure.suspect);
            let under = images::under(self.run, self.node);
            let door = Door::Images(format!("{under} suspect"));
            let line = Line::styled(
                format!("! suspect annotations {suspect}"),
                self.theme.orange(),
            );
            self.push(line, Some(door));
        }
    }

    /// The errors as a bar of three parts, and each part.
    fn errors(&mut self, figure: &NodeFigure) {
        let share = figure.multiplicity.map(range);
        let share = share.map_or(String::new(), |share| format!(", multiplicity {share}"));
        let error = percent(figure.error);
        let errors = told_count(figure.errors, "error", "errors");
        self.heading(&format!("{errors} ({error}){share}"));
        if figure.errors == 0 {
            return;
        }
        let parts = [
            ("confirmed", figure.confirmed, Group::Confirmed, "█"),
            ("possible", figure.possible, Group::Possible, "▒"),
            ("mistake", figure.mistakes, Group::Mistake, "░"),
        ];
        let counts = parts.map(|(_, count, ..)| count);
        let widths = stacked(counts, self.width.min(60));
        let bar = parts.iter().zip(widths);
        let bar = bar.map(|((.., group, sign), width)| {
            Span::styled(sign.repeat(width), self.theme.group(*group))
        });
        self.push(Line::from_iter(bar), None);
        let under = images::under(self.run, self.node);
        for (name, count, group, sign) in parts.into_iter().filter(|(_, count, ..)| *count > 0) {
            let share = 100.0 * count as f64 / figure.errors as f64;
            let right = format!("{} {share:>5.1} %", thousands(count));
            let what = match group {
                Group::Mistake => "mistakes".to_owned(),
                _ => format!("multiplicity, {name}"),
            };
            let line = Line::from(vec![
                Span::styled(format!("{sign} "), self.theme.group(group)),
                Span::raw(self.narrower(2).beside(&what, &right)),
            ]);
            self.push(line, Some(Door::Images(format!("{under} verdict:{name}"))));
        }
    }

    /// The same node in fewer columns.
    fn narrower(&self, by: usize) -> Facts<'_> {
        Facts {
            width: self.width.saturating_sub(by),
            items: Vec::new(),
            ..*self
        }
    }

    fn confusions(&mut self) {
        let Some(pairs) = &detail::known(self.app).pairs else {
            return;
        };
        if pairs.is_empty() {
            return;
        }
        self.heading("Taken for another, most often");
        for pair in pairs {
            self.pair(pair);
        }
    }

    fn pair(&mut self, pair: &ConfusedPair) {
        let taxonomy = &self.run.taxonomy;
        let name = |id: &str| {
            let node = taxonomy.find(id);
            node.map_or(id, |node| taxonomy.label(node)).to_owned()
        };
        let most = pair.verdicts.iter().max_by_key(|(_, count)| **count);
        let verdict = most.map(|(&verdict, _)| verdict);
        let style = verdict.map_or(Style::new(), |v| self.theme.verdict(v));
        let count = thousands(pair.count);
        let room = self.width.saturating_sub(2 + 3 + count.len() + 1);
        // The answer gets what the annotation leaves.
        let (truth, answer) = (name(&pair.truth), name(&pair.answer));
        let of_truth =
            text::width(&truth).min(room.saturating_sub(text::width(&answer).min(room / 2)));
        let line = Line::from(vec![
            Span::styled(format!("{} ", glyph(verdict)), style),
            Span::raw(text::fit(&truth, of_truth)),
            Span::styled(" → ", self.theme.dim()),
            Span::styled(text::fit(&answer, room - of_truth), style),
            Span::raw(format!(" {count}")),
        ]);
        let filter = images::of_pair(&pair.truth, &pair.answer);
        self.push(line, Some(Door::Images(filter)));
    }

    fn prompts(&mut self) {
        let expanded = self.app.prompts.expanded.as_ref();
        let expanded = expanded.filter(|(node, _)| *node == self.node);
        let Some((_, expanded)) = expanded else {
            if let Some(fault) = detail::fault_of_prompts(self.app) {
                self.heading("Prompts");
                self.told(fault, self.theme.dim());
            }
            return;
        };
        let prompts = &expanded.prompts;
        let counted = told_count(prompts.len(), "prompt", "prompts");
        self.push(Line::default(), None);
        let line = Line::styled(counted, self.theme.title());
        self.push(line, Some(Door::Prompts(self.node)));
        for (prompt, _) in prompts.iter().take(MOST_PROMPTS) {
            let line = text::fit(&format!("  {prompt}"), self.width);
            self.push(Line::raw(line), None);
        }
        let more = prompts.len().saturating_sub(MOST_PROMPTS);
        if more > 0 {
            self.told(
                &format!("  … and {} more", thousands(more)),
                self.theme.dim(),
            );
        }
    }

    /// The labels whose prompts are nearest, as far as they are encoded.
    fn nearest(&mut self) {
        let Some(encoded) = detail::encoded(self.app) else {
            self.push(Line::default(), None);
            let text = "e encodes the prompts: the labels nearest by text are here then";
            return self.told(text, self.theme.dim());
        };
        let at = encoded.nodes.iter().position(|&n| n == self.node);
        let nearest = at.and_then(|at| encoded.nearest.get(at));
        let Some(nearest) = nearest.filter(|nearest| !nearest.is_empty()) else {
            return;
        };
        self.heading("Nearest by text (cosine)");
        for &(node, cosine) in nearest.iter().take(MOST_NODES) {
            if node.index() < self.run.taxonomy.len() {
                let name = format!("  {}", self.run.taxonomy.label(node));
                let line = self.beside(&name, &format!("{cosine:.3}"));
                self.push(line, Some(Door::Node(node)));
            }
        }
    }
}

fn told_count(n: usize, one: &str, many: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{} {many}", thousands(n)),
    }
}

/// So many columns in parts by counts; what is not nothing is seen, where there is room.
fn stacked(counts: [usize; 3], columns: usize) -> [usize; 3] {
    let total: usize = counts.iter().sum();
    let mut widths = [0; 3];
    if total == 0 {
        return widths;
    }
    for (width, count) in widths.iter_mut().zip(counts) {
        *width = (columns * count / total).max(usize::from(count > 0));
    }
    // What rounding left over, or took too much, is the greatest part's.
    let greatest = (0..3).max_by_key(|&i| counts[i]).unwrap_or(0);
    let others: usize = (0..3).filter(|&i| i != greatest).map(|i| widths[i]).sum();
    widths[greatest] = columns.saturating_sub(others);
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_bar_fill_it() {
        assert_eq!(stacked([1, 1, 2], 8), [2, 2, 4]);
        assert_eq!(stacked([1, 0, 999], 10), [1, 0, 9]);
        assert_eq!(stacked([0, 0, 0], 10), [0, 0, 0]);
        assert_eq!(stacked([1, 1, 1], 10).iter().sum::<usize>(), 10);
        assert_eq!(stacked([5, 5, 5], 0), [1, 1, 0]);
    }
}
