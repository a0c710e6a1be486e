//! From similarities to answers, verdicts, credit and summary figures. Pure: no I/O, no formatting.
//!
//! The definitions are those of `docs/METHOD.md`, named by section in each docstring.

mod answer;
mod credit;
mod summary;
mod verdict;

pub use answer::{Ranked, prototypes, rank};
pub use credit::{CreditError, CreditPolicy};
pub use summary::{
    Confusion, Interval, Judged, Multiplicity, SUMMARY_SCHEMA, Summary, TopK, ValidSet, VerdictRow,
    summarise,
};
pub use verdict::{Collisions, Group, Judgement, ValidSets, Verdict, judge};
