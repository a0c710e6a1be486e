//! From similarities to answers, verdicts, credit and summary figures. Pure: no I/O, no formatting.
//!
//! The definitions are those of `docs/METHOD.md`, named by section in each docstring.

mod annotation;
mod answer;
mod attribution;
mod bootstrap;
mod chance;
mod credit;
mod dilution;
mod evaluate;
mod judge;
mod judgements;
mod measures;
mod metrics;
mod rankings;
mod reassessed;
mod summarise;
mod summary;
mod suspects;
mod verdict;

pub use annotation::{Annotation, Annotations};
pub use answer::{Cosines, Distribution, Given, Link, Scores, Similarities, prototypes};
pub use attribution::{CauseRow, FEWEST, Multiplicity, VerdictRow};
pub use bootstrap::Bootstrap;
pub use credit::{CreditError, CreditPolicy};
pub use dilution::{Dilution, DilutionRow, Mass};
pub use evaluate::{Evaluated, evaluate};
pub use judge::{AlsoRight, Collisions, Judge, ValidSets};
pub use judgements::{Judged, Judgements, Tally};
pub use measures::{AllPairs, Measure, Pairwise};
pub use metrics::{Calibration, Hierarchical, Information, Metrics, PrecisionRecall, Severity};
pub use rankings::{Ranked, Rankings};
pub use reassessed::Reassessed;
pub use summarise::summarise;
pub use summary::{Confusion, Interval, SUMMARY_SCHEMA, Summary, TopK, ValidSet};
pub use suspects::{Checked, Suspects};
pub use verdict::{Causes, Group, Judgement, Verdict};
