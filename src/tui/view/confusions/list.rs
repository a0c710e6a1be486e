//! The pairs that match, in an order: made anew only when something has changed that decides which they are.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::filter::Filter;
use crate::run::{ConfusedPair, Confusions};
use crate::taxonomy::Taxonomy;

/// What pairs are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    #[default]
    Count,
    Excess,
    Cost,
    Truth,
    Answer,
}

impl By {
    pub const ALL: [By; 5] = [By::Count, By::Excess, By::Cost, By::Truth, By::Answer];

    pub fn name(self) -> &'static str {
        match self {
            By::Count => "images",
            By::Excess => "excess",
            By::Cost => "cost",
            By::Truth => "annotated",
            By::Answer => "answered",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.name() == name)
    }

    /// The one that comes after it, around the end.
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// Whether the greatest is what one looks for first.
    pub fn is_figure(self) -> bool {
        !matches!(self, By::Truth | By::Answer)
    }
}

/// An order of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub by: By,
    pub descending: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            by: By::Count,
            descending: true,
        }
    }
}

/// What decides which pairs are listed, and in which order.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub generation: u64,
    pub depth: Option<usize>,
    pub order: Order,
    pub filter: String,
}

/// The pairs that are listed.
#[derive(Debug)]
pub struct Listed {
    pub key: Key,
    pub found: Arc<Confusions>,
    /// Numbers of pairs.
    pub rows: Arc<Vec<u32>>,
}

impl Listed {
    pub fn new(key: Key, found: Arc<Confusions>, taxonomy: &Taxonomy) -> Self {
        // What was a filter for another taxonomy asks for nothing.
        let filter = Filter::parse(&key.filter, taxonomy).unwrap_or_default();
        let mut rows = filter.select(&found.pairs, taxonomy);
        sort(&mut rows, &found.pairs, key.order, taxonomy);
        Self {
            key,
            found,
            rows: Arc::new(rows),
        }
    }

    pub fn get(&self, row: usize) -> Option<&ConfusedPair> {
        self.found.pairs.get(*self.rows.get(row)? as usize)
    }

    /// The row of a pair.
    pub fn position(&self, truth: &str, answer: &str) -> Option<usize> {
        let is_it = |p: &ConfusedPair| p.truth == truth && p.answer == answer;
        let rows = self.rows.iter();
        rows.map(|&row| &self.found.pairs[row as usize])
            .position(is_it)
    }
}

/// Orders pairs; equal ones by their ids.
fn sort(rows: &mut [u32], pairs: &[ConfusedPair], order: Order, taxonomy: &Taxonomy) {
    let pair = |row: u32| &pairs[row as usize];
    let directed = |ordering: Ordering| match order.descending {
        true => ordering.reverse(),
        false => ordering,
    };
    let by_ids = |a: u32, b: u32| {
        let ids = |row| (&pair(row).truth, &pair(row).answer);
        ids(a).cmp(&ids(b))
    };
    let by_figure = |rows: &mut [u32], of: fn(&ConfusedPair) -> f64| {
        rows.sort_unstable_by(|&a, &b| {
            let ordering = of(pair(a)).total_cmp(&of(pair(b)));
            directed(ordering).then_with(|| by_ids(a, b))
        });
    };
    let by_name = |rows: &mut [u32], side: fn(&ConfusedPair) -> &str| {
        let places = places(pairs.iter().map(side), taxonomy);
        rows.sort_unstable_by(|&a, &b| {
            let ordering = places[side(pair(a))].cmp(&places[side(pair(b))]);
            directed(ordering).then_with(|| by_ids(a, b))
        });
    };
    match order.by {
        By::Count => by_figure(rows, |pair| pair.count as f64),
        By::Excess => by_figure(rows, |pair| pair.excess),
        By::Cost => by_figure(rows, |pair| pair.cost),
        By::Truth => by_name(rows, |pair| &pair.truth),
        By::Answer => by_name(rows, |pair| &pair.answer),
    }
}

/// The place of each id among them by preferred name, in lower case.
fn places<'p>(ids: impl Iterator<Item = &'p str>, taxonomy: &Taxonomy) -> HashMap<&'p str, usize> {
    let mut names: HashMap<&str, String> = HashMap::new();
    for id in ids {
        let name = || taxonomy.find(id).map_or(id, |n| taxonomy.label(n));
        names.entry(id).or_insert_with(|| name().to_lowercase());
    }
    let mut ordered: Vec<(String, &str)> = names.into_iter().map(|(id, n)| (n, id)).collect();
    ordered.sort_unstable();
    let numbered = ordered.into_iter().zip(0..);
    numbered.map(|((_, id), place)| (id, place)).collect()
}
