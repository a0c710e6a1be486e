//! In which order the images of a run are shown.

use std::cmp::Ordering;

use rayon::prelude::*;

use super::opened::Opened;
use crate::names::Names;

/// What images are ordered by, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub by: Key,
    pub descending: bool,
}

/// What images are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// As in the run.
    File,
    /// The image's name, byte by byte.
    Image,
    /// The primary truth, by its preferred name, then id.
    Truth,
    /// The same of the answer.
    Answer,
    /// In the order in which verdicts are tested.
    Verdict,
    Probability,
    Credit,
    K,
    Mass,
    Margin,
    SelfConfidence,
    Noisy,
    Cosine,
    Uncertainty,
}

impl Key {
    /// Every key, that of the file first.
    pub const ALL: [Key; 14] = [
        Key::File,
        Key::Image,
        Key::Truth,
        Key::Answer,
        Key::Verdict,
        Key::Probability,
        Key::Credit,
        Key::K,
        Key::Mass,
        Key::Margin,
        Key::SelfConfidence,
        Key::Noisy,
        Key::Cosine,
        Key::Uncertainty,
    ];

    /// The key's name in texts, `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Key::File => "file",
            Key::Image => "image",
            Key::Truth => "truth",
            Key::Answer => "answer",
            Key::Verdict => "verdict",
            Key::Probability => "probability",
            Key::Credit => "credit",
            Key::K => "k",
            Key::Mass => "valid_mass",
            Key::Margin => "margin",
            Key::SelfConfidence => "self_confidence",
            Key::Noisy => "noisy",
            Key::Cosine => "text_cosine",
            Key::Uncertainty => "uncertainty",
        }
    }

    /// A key by its name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// The title of a column, short.
    pub fn title(self) -> &'static str {
        match self {
            Key::File => "#",
            Key::Image => "image",
            Key::Truth => "truth",
            Key::Answer => "answer",
            Key::Verdict => "verdict",
            Key::Probability => "p",
            Key::Credit => "credit",
            Key::K => "K",
            Key::Mass => "mass",
            Key::Margin => "margin",
            Key::SelfConfidence => "self",
            Key::Noisy => "noisy",
            Key::Cosine => "cosine",
            Key::Uncertainty => "uncertainty",
        }
    }
}

impl Order {
    /// Every row of the run, in this order: what is equal in the order of the run whichever way, and what is not known last. Runs
    /// on the current rayon pool; the result does not depend on its size.
    ///
    /// # Panics
    /// If the run has 2³² rows or more.
    pub fn rows(self, opened: &Opened) -> Vec<u32> {
        let rows = u32::try_from(opened.len()).expect("fewer than 2³² rows");
        let saved = &opened.saved;
        let of_row = |row: u32| &saved.rows[row as usize];
        let details = saved.details.as_ref();
        let detail = |row: u32| details.and_then(|details| details.rows.get(row as usize));
        match self.by {
            Key::File if self.descending => (0..rows).rev().collect(),
            Key::File => (0..rows).collect(),
            Key::Image => self.by_name(rows, &saved.images),
            Key::Truth => {
                let ranks = ranks(opened);
                self.by_rank(rows, |row| Some(ranks[of_row(row).primary? as usize]))
            }
            Key::Answer => {
                let ranks = ranks(opened);
                self.by_rank(rows, |row| Some(ranks[of_row(row).answer? as usize]))
            }
            Key::Verdict => self.by_rank(rows, |row| Some(of_row(row).verdict? as u32)),
            Key::K => self.by_rank(rows, |row| detail(row)?.k),
            Key::Probability => self.by_figure(rows, |row| of_row(row).probability),
            Key::Credit => self.by_figure(rows, |row| of_row(row).credit),
            Key::Cosine => self.by_figure(rows, |row| of_row(row).text_cosine),
            Key::Mass => self.by_figure(rows, |row| detail(row)?.valid_mass),
            Key::Margin => self.by_figure(rows, |row| detail(row)?.margin),
            Key::SelfConfidence => self.by_figure(rows, |row| detail(row)?.self_confidence),
            Key::Noisy => self.by_figure(rows, |row| detail(row)?.noisy),
            Key::Uncertainty => self.by_figure(rows, |row| detail(row)?.uncertainty),
        }
    }

    fn by_rank(self, rows: u32, rank: impl Fn(u32) -> Option<u32> + Sync) -> Vec<u32> {
        self.by_number(rows, |row| rank(row).map(u64::from))
    }

    /// What is not a number is not known.
    fn by_figure(self, rows: u32, figure: impl Fn(u32) -> Option<f64> + Sync) -> Vec<u32> {
        self.by_number(rows, |row| {
            let figure = figure(row).filter(|figure| !figure.is_nan())?;
            Some(ordered_bits(figure))
        })
    }

    /// By numbers less than the greatest there is, which is what is not known, whichever way.
    fn by_number(self, rows: u32, number: impl Fn(u32) -> Option<u64> + Sync) -> Vec<u32> {
        let key = |row| match (number(row), self.descending) {
            (None, _) => u64::MAX,
            (Some(number), false) => number,
            (Some(number), true) => u64::MAX - 1 - number,
        };
        let mut keyed: Vec<(u64, u32)> = (0..rows)
            .into_par_iter()
            .map(|row| (key(row), row))
            .collect();
        keyed.par_sort_unstable();
        keyed.into_iter().map(|(_, row)| row).collect()
    }

    fn by_name(self, rows: u32, names: &Names) -> Vec<u32> {
        let mut keyed: Vec<(u64, u32)> = (0..rows).map(|row| (0, row)).collect();
        let by_name = ByName {
            names,
            descending: self.descending,
        };
        by_name.sort(&mut keyed, 0, 0);
        keyed.into_iter().map(|(_, row)| row).collect()
    }
}

/// A number that is ordered as the figure is; less than the two greatest there are. Either zero is the same.
fn ordered_bits(figure: f64) -> u64 {
    let bits = (figure + 0.0).to_bits();
    match bits >> 63 {
        0 => bits | 1 << 63,
        _ => !bits,
    }
}

/// The place of each label of the run in the order of preferred names, then ids.
fn ranks(opened: &Opened) -> Vec<u32> {
    let ids = &opened.saved.labels;
    let names: Vec<(&str, &str)> = (0..)
        .zip(ids)
        .map(|(label, id)| {
            let name = opened.node(label).map(|node| opened.taxonomy.label(node));
            (name.unwrap_or(id), id.as_str())
        })
        .collect();
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.par_sort_unstable_by_key(|&label| names[label]);
    let mut ranks = vec![0; ids.len()];
    for (rank, label) in (0..).zip(order) {
        ranks[label] = rank;
    }
    ranks
}

/// Bytes of a name that are compared at once.
const STEP: usize = 7;
/// Rows that are sorted by comparing whole names.
const FEW: usize = 32;
/// Rows that are worth a thread's while.
const ENOUGH: usize = 16_384;
/// Steps after which whole names are compared, so that no names can make the recursion deep.
const DEEPEST: usize = 64;

/// Sorts rows by name, a few bytes at a time: a name is in memory far from the next, so that each look at one is dear.
struct ByName<'n> {
    names: &'n Names,
    descending: bool,
}

impl ByName<'_> {
    /// Sorts rows whose names have the same bytes up to `start`.
    fn sort(&self, rows: &mut [(u64, u32)], start: usize, depth: usize) {
        if rows.len() <= FEW || depth == DEEPEST {
            rows.sort_unstable_by(|a, b| self.compare(a.1, b.1));
            return;
        }
        let start = self.common(rows, start);
        (rows.par_iter_mut().with_min_len(ENOUGH))
            .for_each(|(key, row)| *key = self.key(*row, start));
        rows.par_sort_unstable();
        let is_same = |a: &(u64, u32), b: &(u64, u32)| a.0 == b.0;
        let sort = |group: &mut [(u64, u32)]| {
            if group.len() > 1 && self.goes_on(group[0].0) {
                self.sort(group, start + STEP, depth + 1);
            }
        };
        match rows.len() > ENOUGH {
            true => rows.par_chunk_by_mut(is_same).for_each(sort),
            false => rows.chunk_by_mut(is_same).for_each(sort),
        }
    }

    fn name(&self, row: u32) -> &[u8] {
        self.names.get(row as usize).as_bytes()
    }

    fn compare(&self, a: u32, b: u32) -> Ordering {
        let by_name = self.name(a).cmp(self.name(b));
        let by_name = if self.descending {
            by_name.reverse()
        } else {
            by_name
        };
        by_name.then(a.cmp(&b))
    }

    /// The bytes that all names have in common, from the start on.
    fn common(&self, rows: &[(u64, u32)], start: usize) -> usize {
        let first = self.name(rows[0].1);
        let common = |a: &[u8]| {
            let pairs = a[start..].iter().zip(&first[start..]);
            start + pairs.take_while(|(a, b)| a == b).count()
        };
        let all = rows
            .par_iter()
            .with_min_len(ENOUGH)
            .map(|&(_, row)| common(self.name(row)));
        all.min().unwrap_or(start)
    }

    /// The next bytes of a name, then how many there are: one more than fit if it goes on.
    fn key(&self, row: u32, start: usize) -> u64 {
        let rest = &self.name(row)[start..];
        let mut bytes = [0; 8];
        let length = rest.len().min(STEP);
        bytes[..length].copy_from_slice(&rest[..length]);
        bytes[STEP] = rest.len().min(STEP + 1) as u8;
        let key = u64::from_be_bytes(bytes);
        if self.descending { !key } else { key }
    }

    /// Whether names of a key have more bytes than are in it.
    fn goes_on(&self, key: u64) -> bool {
        let key = if self.descending { !key } else { key };
        key as u8 as usize > STEP
    }
}

#[cfg(test)]
mod tests;
