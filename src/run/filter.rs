//! Which images of a run are meant: the filter language, for those who look at a million rows.
//!
//! A text such as `verdict:near truth:under(dog) p<0.4` is read once, beside the run that it is for: labels become sets of the
//! run's labels, so that what is left to do for a row is a look into a table. [`HELP`] has an example of each term.

mod complete;
mod fields;
mod labels;
mod lexer;
mod needle;
mod parse;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

pub use complete::{Completion, complete};
pub use fields::HELP;
pub use lexer::quote;

use super::opened::Opened;
use super::saved::Saved;
use fields::{Figure, Flag};
use labels::{Bits, Labels};
use needle::Needle;

/// Rows that are looked at before a thread asks whether to stop: a multiple of 64.
const CHUNK: usize = 16_384;

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Where, in bytes of the text; empty where something is missing.
    pub span: Range<usize>,
    /// What is wrong, and what may be meant.
    pub message: String,
}

/// What is asked of an image.
#[derive(Debug, Clone)]
pub struct Filter {
    /// `None`: nothing.
    condition: Option<Condition>,
}

#[derive(Debug, Clone)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Is(Box<Term>),
}

/// What a term asks, made ready for the run that it was read for.
#[derive(Debug, Clone)]
enum Term {
    /// The verdict's bit, by its place in the order of the tests; the one after the last is for images without a verdict.
    Verdict(u16),
    /// The same of relations.
    Relation(u16),
    /// The number of the image's truths.
    Truths(Bits),
    Answer(Labels),
    Ranked(Labels),
    LooksLike(Labels),
    Figure(Figure, Test),
    Flag(Flag),
    Image(Needle),
    /// In the image's name, or in that of a label: the numbers of truths, and the labels, that have it.
    Text(Needle, Bits, Bits),
}

/// What is asked of a figure. One that is not known passes no test but [`Test::Unknown`].
#[derive(Debug, Clone, PartialEq)]
enum Test {
    Below(f64),
    AtMost(f64),
    Above(f64),
    AtLeast(f64),
    /// In one of these, ends included.
    Within(Vec<(f64, f64)>),
    /// In none of these.
    Outside(Vec<(f64, f64)>),
    Unknown,
}

impl Test {
    fn passes(&self, figure: Option<f64>) -> bool {
        let Some(figure) = figure.filter(|figure| !figure.is_nan()) else {
            return *self == Test::Unknown;
        };
        let is_in = |ranges: &[(f64, f64)]| {
            ranges
                .iter()
                .any(|&(low, high)| low <= figure && figure <= high)
        };
        match self {
            Test::Below(bound) => figure < *bound,
            Test::AtMost(bound) => figure <= *bound,
            Test::Above(bound) => figure > *bound,
            Test::AtLeast(bound) => figure >= *bound,
            Test::Within(ranges) => is_in(ranges),
            Test::Outside(ranges) => !is_in(ranges),
            Test::Unknown => false,
        }
    }
}

impl Condition {
    fn is(term: Term) -> Self {
        Condition::Is(Box::new(term))
    }

    fn holds(&self, saved: &Saved, row: usize) -> bool {
        match self {
            Condition::All(all) => all.iter().all(|condition| condition.holds(saved, row)),
            Condition::Any(any) => any.iter().any(|condition| condition.holds(saved, row)),
            Condition::Not(condition) => !condition.holds(saved, row),
            Condition::Is(term) => term.holds(saved, row),
        }
    }
}

impl Term {
    fn holds(&self, saved: &Saved, row: usize) -> bool {
        let values = &saved.rows[row];
        let details = saved.details.as_ref();
        let detail = || details.and_then(|details| details.rows.get(row));
        match self {
            Term::Verdict(mask) => {
                let bit = values.verdict.map_or(fields::NO_VERDICT, |v| v as usize);
                mask & 1 << bit != 0
            }
            Term::Relation(mask) => {
                let relation = detail().and_then(|detail| detail.relation);
                let bit = relation.map_or(fields::NO_RELATION, |r| r as usize);
                mask & 1 << bit != 0
            }
            Term::Truths(numbers) => numbers.has(values.truths),
            Term::Answer(labels) => labels.has(values.answer),
            Term::Ranked(labels) => {
                let ranked = details.map(|details| &details.ranked);
                let ranked = ranked.filter(|ranked| row < ranked.len());
                let ranked = ranked.map_or(&[][..], |ranked| ranked.get(row));
                let has_any = ranked.iter().any(|ranked| labels.has(Some(ranked.label)));
                has_any || ranked.is_empty() && labels.has(None)
            }
            Term::LooksLike(labels) => labels.has(detail().and_then(|detail| detail.looks_like)),
            Term::Figure(figure, test) => test.passes(figure.of(saved, row)),
            Term::Flag(flag) => flag.of(saved, row),
            Term::Image(needle) => needle.is_in(saved.images.get(row)),
            Term::Text(needle, truths, labels) => {
                truths.has(values.truths)
                    || values.answer.is_some_and(|answer| labels.has(answer))
                    || needle.is_in(saved.images.get(row))
            }
        }
    }
}

impl Filter {
    /// Reads a text for a run. An empty one is met by every image.
    ///
    /// # Errors
    /// The text is not of the language, or names what neither the run nor its taxonomy has.
    pub fn parse(text: &str, opened: &Opened) -> Result<Self, FilterError> {
        let condition = parse::parse(text, opened)?;
        Ok(Self { condition })
    }

    /// Whether nothing is asked.
    pub fn is_all(&self) -> bool {
        self.condition.is_none()
    }

    /// Whether an image of the run that the filter was read for is meant; no image is that the run has not.
    pub fn matches(&self, opened: &Opened, row: usize) -> bool {
        let condition = self.condition.as_ref();
        row < opened.len() && condition.is_none_or(|condition| condition.holds(&opened.saved, row))
    }

    /// The rows of `order` that are meant, in its order; `None` if told to stop. Runs on the current rayon pool; the result does
    /// not depend on its size.
    pub fn select(&self, opened: &Opened, order: &[u32], stop: &AtomicBool) -> Option<Vec<u32>> {
        // Rows in another order than that of memory are slow to look at: it is faster to look at all, unless few are asked for.
        if self.is_all() || order.len() < opened.len() / 8 {
            return pick(order, stop, |row| self.matches(opened, row));
        }
        let chunks = 0..opened.len().div_ceil(CHUNK);
        let words = chunks.into_par_iter().map(|chunk| {
            let rows = chunk * CHUNK..((chunk + 1) * CHUNK).min(opened.len());
            let is_stopped = stop.load(Ordering::Relaxed);
            (!is_stopped).then(|| Bits::of(rows, |row| self.matches(opened, row)))
        });
        let chunks = words.collect::<Option<Vec<Bits>>>()?;
        let is_meant = |row: usize| {
            let chunk = chunks.get(row / CHUNK);
            chunk.is_some_and(|bits| bits.has((row % CHUNK) as u32))
        };
        pick(order, stop, is_meant)
    }
}

/// The rows of `order` that are meant, in its order; `None` if told to stop.
fn pick(
    order: &[u32],
    stop: &AtomicBool,
    is_meant: impl Fn(usize) -> bool + Sync,
) -> Option<Vec<u32>> {
    let chunks = order.par_chunks(CHUNK).map(|rows| {
        let is_stopped = stop.load(Ordering::Relaxed);
        let meant = || rows.iter().copied().filter(|&row| is_meant(row as usize));
        (!is_stopped).then(|| meant().collect())
    });
    let chunks = chunks.collect::<Option<Vec<Vec<u32>>>>()?;
    Some(chunks.concat())
}
