//! The judged images of a saved run by what they were taken for: a run has far fewer pairs of labels than images.

use std::collections::HashMap;

use super::saved::Saved;
use crate::score::{Group, Verdict};

/// The images with one truth and one answer, those whose answer is exact apart from the others. Labels are numbers in
/// [`Saved::labels`].
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// The truth that the answer is best related to.
    pub truth: u32,
    pub answer: u32,
    pub is_exact: bool,
    /// Images by verdict, as [`Verdict::ALL`] has them.
    pub verdicts: [usize; Verdict::ALL.len()],
    /// Sum over the images.
    pub credit: f64,
    /// Images whose annotation is suspect; 0 where the details were not read.
    pub suspect: usize,
    /// Sum over the images that have one, and how many they are.
    pub text_cosine: (f64, usize),
}

impl Tally {
    /// The number of images.
    pub fn count(&self) -> usize {
        self.verdicts.iter().sum()
    }

    /// The images whose verdict is in the group.
    pub fn in_group(&self, group: Group) -> usize {
        let of_group = Verdict::ALL.into_iter().filter(|v| v.group() == group);
        of_group.map(|v| self.verdicts[v as usize]).sum()
    }
}

/// The images with a verdict, by truth, then answer, then whether it is exact, in the order of the labels' numbers. Linear in the
/// images; sums are in their order.
pub fn tallies(saved: &Saved) -> Vec<Tally> {
    let details = saved.details.as_ref();
    let mut places: HashMap<(u32, u32, bool), usize> = HashMap::new();
    let mut tallies: Vec<Tally> = Vec::new();
    for (i, row) in saved.rows.iter().enumerate() {
        let (Some(truth), Some(answer), Some(verdict)) = (row.truth, row.answer, row.verdict)
        else {
            continue;
        };
        let is_exact = verdict == Verdict::Exact;
        let place = *places.entry((truth, answer, is_exact)).or_insert_with(|| {
            tallies.push(Tally {
                truth,
                answer,
                is_exact,
                verdicts: [0; Verdict::ALL.len()],
                credit: 0.0,
                suspect: 0,
                text_cosine: (0.0, 0),
            });
            tallies.len() - 1
        });
        let tally = &mut tallies[place];
        tally.verdicts[verdict as usize] += 1;
        tally.credit += row.credit.unwrap_or(0.0);
        let is_suspect = details.is_some_and(|details| details.rows[i].looks_like.is_some());
        tally.suspect += usize::from(is_suspect);
        if let Some(cosine) = row.text_cosine {
            tally.text_cosine.0 += cosine;
            tally.text_cosine.1 += 1;
        }
    }
    tallies.sort_unstable_by_key(|tally| (tally.truth, tally.answer, tally.is_exact));
    tallies
}
