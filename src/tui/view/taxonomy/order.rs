//! The order of siblings.

use std::cmp::Ordering;

use super::columns::{COLUMNS, Column};
use crate::run::NodeFigures;
use crate::taxonomy::{NodeId, Taxonomy};

/// What siblings are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// As they are declared.
    #[default]
    File,
    Name,
    /// A figure, by its place among [`COLUMNS`].
    Figure(usize),
}

impl By {
    pub fn name(self) -> &'static str {
        match self {
            By::File => "file",
            By::Name => "name",
            By::Figure(column) => COLUMNS.get(column).map_or("file", |c| c.title),
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        let figure = || COLUMNS.iter().position(|c| c.title == name);
        match name {
            "file" => Some(By::File),
            "name" => Some(By::Name),
            _ => figure().map(By::Figure),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    pub by: By,
    pub descending: bool,
}

impl Order {
    /// The order after this one, of those of the columns that are shown.
    pub fn next(self, shown: &[usize]) -> Self {
        let all = [By::File, By::Name].into_iter();
        let all: Vec<By> = all
            .chain(shown.iter().map(|&column| By::Figure(column)))
            .collect();
        let at = all.iter().position(|&by| by == self.by);
        let by = all[at.map_or(0, |at| (at + 1) % all.len())];
        Self {
            by,
            // What one looks for first is what goes wrong.
            descending: match by {
                By::Figure(column) => COLUMNS[column].worst_is_most,
                _ => false,
            },
        }
    }

    /// In words.
    pub fn told(self) -> String {
        let by = self.by.name();
        match (self.by, self.descending) {
            (By::File, false) => "in the order of the file".to_owned(),
            (By::File, true) => "in the order of the file, the last first".to_owned(),
            (By::Name, false) => "by name".to_owned(),
            (By::Name, true) => "by name, backwards".to_owned(),
            (By::Figure(_), false) => format!("by {by}, least first"),
            (By::Figure(_), true) => format!("by {by}, greatest first"),
        }
    }
}

/// Puts siblings into an order.
#[derive(Clone, Copy)]
pub struct Sorter<'a> {
    pub taxonomy: &'a Taxonomy,
    /// Without them the file's order stands for that by figures.
    figures: Option<&'a NodeFigures>,
    order: Order,
}

impl<'a> Sorter<'a> {
    pub fn new(taxonomy: &'a Taxonomy, figures: Option<&'a NodeFigures>, order: Order) -> Self {
        Self {
            taxonomy,
            figures,
            order,
        }
    }

    /// The nodes without a declared parent. One that has parents through an equivalent only is one of them: it stands nowhere else.
    pub fn roots(&self) -> Vec<NodeId> {
        let nodes = self.taxonomy.nodes();
        let roots = nodes.filter(|&n| self.taxonomy.parents(n).is_empty());
        self.sorted(roots.collect())
    }

    pub fn children(&self, node: NodeId) -> Vec<NodeId> {
        self.sorted(self.taxonomy.children(node).to_vec())
    }

    /// Nodes in the order, of which they are given in that of the file.
    fn sorted(&self, mut nodes: Vec<NodeId>) -> Vec<NodeId> {
        let descending = self.order.descending;
        match (self.order.by, self.figures) {
            (By::Figure(column), Some(figures)) => {
                let Some(column) = COLUMNS.get(column) else {
                    return nodes;
                };
                nodes.sort_by_cached_key(|&n| Key::of(column, figures, n, descending));
            }
            (By::Name, _) => {
                nodes.sort_by_cached_key(|&n| self.taxonomy.label(n).to_lowercase());
                if descending {
                    nodes.reverse();
                }
            }
            (By::File, _) if descending => nodes.reverse(),
            _ => {}
        }
        nodes
    }
}

/// A figure to sort by: those that are not known come last, whichever way.
struct Key {
    figure: Option<f64>,
    descending: bool,
}

impl Key {
    fn of(column: &Column, figures: &NodeFigures, node: NodeId, descending: bool) -> Self {
        let figure = figures.nodes.get(node.index());
        Self {
            figure: figure.and_then(column.key),
            descending,
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.figure, other.figure) {
            (Some(a), Some(b)) if self.descending => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}
