//! The pairs that match, in an order: made anew only when something has changed that decides which they are.

use std::collections::{HashMap, HashSet};
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

/// Orders pairs; equal ones by their ids. Each pair is looked at once, and then numbers are compared.
fn sort(rows: &mut [u32], pairs: &[ConfusedPair], order: Order, taxonomy: &Taxonomy) {
    let places = places(pairs, taxonomy);
    rows.sort_by_cached_key(|&row| {
        let pair = &pairs[row as usize];
        let [truth, answer] = [&pair.truth, &pair.answer].map(|id| places[id.as_str()]);
        let number = match order.by {
            By::Count => pair.count as u64,
            By::Excess => ordered_bits(pair.excess),
            By::Cost => ordered_bits(pair.cost),
            By::Truth => truth.by_name as u64,
            By::Answer => answer.by_name as u64,
        };
        let number = if order.descending { !number } else { number };
        (number, truth.by_id, answer.by_id)
    });
}

/// A number that is ordered as the figure is. Either zero is the same.
fn ordered_bits(figure: f64) -> u64 {
    let bits = (figure + 0.0).to_bits();
    match bits >> 63 {
        0 => bits | 1 << 63,
        _ => !bits,
    }
}

/// Where an id stands among all that occur.
#[derive(Clone, Copy)]
struct Place {
    by_id: usize,
    /// By preferred name, whatever its case.
    by_name: usize,
}

fn places<'p>(pairs: &'p [ConfusedPair], taxonomy: &Taxonomy) -> HashMap<&'p str, Place> {
    let ids = pairs.iter().flat_map(|pair| [&pair.truth, &pair.answer]);
    let ids: HashSet<&str> = ids.map(String::as_str).collect();
    let mut ids: Vec<&str> = ids.into_iter().collect();
    ids.sort_unstable();
    let name = |id| taxonomy.find(id).map_or(id, |n| taxonomy.label(n));
    let named = ids.iter().zip(0usize..);
    let mut named: Vec<(String, usize)> =
        named.map(|(id, i)| (name(id).to_lowercase(), i)).collect();
    named.sort_unstable();
    let places = named.iter().zip(0usize..).map(|((_, by_id), by_name)| {
        let by_id = *by_id;
        (ids[by_id], Place { by_id, by_name })
    });
    places.collect()
}
