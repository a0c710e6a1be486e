//! What is told of a node, line by line.

mod figures;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::images;
use super::{detail, figures, key, selected};
use crate::report::text::thousands;
use crate::run::{ConfusedPair, Opened};
use crate::taxonomy::NodeId;
use crate::tui::app::App;
use crate::tui::command::Command;
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
            let key = key(self.app, Command::OtherPlace);
            self.heading(&match parents.len() {
                1 => "Under".to_owned(),
                _ => format!("Under ({key} goes from place to place)"),
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
        if let Some(fault) = detail::fault_of_prompts(self.app) {
            self.heading("Prompts");
            return self.told(fault, self.theme.dim());
        }
        let expanded = self.app.prompts.expanded.as_ref();
        let Some((_, expanded)) = expanded.filter(|(node, _)| *node == self.node) else {
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
            let key = key(self.app, Command::EncodePrompts);
            let text = format!("{key} encodes the prompts, for the labels nearest by text");
            return self.told(&text, self.theme.dim());
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
