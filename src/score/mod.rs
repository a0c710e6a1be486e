//! From similarities to answers, verdicts, credit and summary figures. Pure: no I/O, no formatting.
//!
//! The definitions are those of `docs/METHOD.md`, named by section in each docstring.

mod answer;
mod attribution;
mod bootstrap;
mod chance;
mod credit;
mod dilution;
mod evaluate;
mod growth;
mod kendall;
mod measures;
mod metrics;
mod paired;
mod retrieval;
mod summary;
mod suspects;
mod verdict;

pub use answer::{Ranked, Scores, Softmax, prototypes};
pub use attribution::{CauseRow, FEWEST, Multiplicity, VerdictRow};
pub use bootstrap::Bootstrap;
pub use credit::{CreditError, CreditPolicy};
pub use dilution::{Dilution, DilutionRow, Mass};
pub use evaluate::{Evaluated, evaluate};
pub use growth::{Annotations, BATCHES, FalseNegatives, Growth, GrowthRow, SUBSETS, growth};
pub use kendall::kendall_tau;
pub use measures::{AllPairs, Measure, Pairwise};
pub use metrics::{
    Calibration, ClassRow, Consistencies, Consistency, ConsistencySums, Consistent, HOLDS,
    Hierarchical, HierarchicalRanking, Information, LcaOnTheLine, LcaOnTheLineSums, LevelAnswers,
    LevelCalibration, LevelSums, Levels, Metrics, PerClass, PerClassSums, PrecisionRecall,
    RankingSums, Severity,
};
pub use paired::{Difference, McNemar, holm};
pub use retrieval::{
    Queries, Query, RECALL_AT, Retrieval, RetrievalFigures, Similarities, retrieval,
};
pub use summary::{
    Confusion, Interval, Judged, SUMMARY_SCHEMA, Summary, TopK, ValidSet, summarise,
};
pub use suspects::{Checked, Suspects};
pub use verdict::{Causes, Collisions, Group, Judgement, ValidSets, Verdict, judge};
