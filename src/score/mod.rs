//! From similarities to answers, verdicts, credit and summary figures. Pure: no I/O, no formatting.
//!
//! The definitions are those of `docs/METHOD.md`, named by section in each docstring.

mod answer;
mod attribution;
mod bootstrap;
mod chance;
mod credit;
mod curve;
pub mod decide;
mod dilution;
mod evaluate;
mod measures;
mod metrics;
mod summary;
mod suspects;
mod verdict;

pub use answer::{Ranked, Scores, Softmax, prototypes};
pub use attribution::{CauseRow, FEWEST, Multiplicity, VerdictRow};
pub use bootstrap::Bootstrap;
pub use credit::{CreditError, CreditPolicy};
pub use curve::{CurvePoint, CurveValue, ImageCurve, OperatingCurve, Pareto};
pub use decide::{Answer, DecideError, Decider, Rule, RuleError};
pub use dilution::{Dilution, DilutionRow, Mass};
pub use evaluate::{Evaluated, evaluate};
pub use measures::{AllPairs, Measure, Pairwise};
pub use metrics::{Calibration, Hierarchical, Information, Metrics, PrecisionRecall, Severity};
pub use summary::{
    Confusion, Interval, Judged, SUMMARY_SCHEMA, Summary, TopK, ValidSet, summarise,
};
pub use suspects::{Checked, Suspects};
pub use verdict::{Causes, Collisions, Group, Judgement, ValidSets, Verdict, judge};
