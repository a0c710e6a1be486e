//! From similarities to answers, verdicts, credit and summary figures. Pure: no I/O, no formatting.
//!
//! The definitions are those of `docs/METHOD.md`, named by section in each docstring.

mod annotation;
mod answer;
mod attribution;
mod bootstrap;
mod chance;
mod conventions;
mod credit;
mod curve;
pub mod decide;
mod deciding;
mod dilution;
mod distinct;
mod evaluate;
mod figure;
mod forgiveness;
mod gaussian;
mod growth;
mod image_rows;
mod intervals;
mod judge;
mod judged;
mod judgements;
mod kendall;
mod kept;
mod labelled;
mod matching;
mod measures;
mod metrics;
mod noisy;
mod paired;
mod rankings;
mod reassessed;
mod retrieval;
mod selective;
mod stop;
mod summarise;
mod summary;
mod suspects;
mod templates;
pub mod trials;
mod verdict;
mod wilson;

pub use annotation::{Annotation, Annotations, RightToo};
pub use answer::{Cosines, Distribution, Given, Link, Scores, Selected, Similarities, prototypes};
pub use attribution::{CauseRow, FEWEST, Multiplicity, VerdictRow};
pub use bootstrap::Bootstrap;
pub use conventions::conventions;
pub use credit::{CreditError, CreditPolicy, Creditor};
pub use curve::{CurvePoint, CurveValue, ImageCurve, OperatingCurve, Pareto, Worths};
pub use decide::{Answer, DecideError, Decider, Rule, RuleError};
pub use deciding::{Deciding, Reranking};
pub use dilution::{Dilution, DilutionRow, Mass};
pub use evaluate::{Evaluated, Question, Whole, answer_alone, evaluate, tie_order};
pub use forgiveness::{Answered, Forgiven, Forgiveness, forgiveness};
pub use gaussian::{Gaussian, Gaussians};
pub use growth::{BATCHES, FalseNegatives, Growth, GrowthRow, SUBSETS, TruthSets, growth};
pub use judge::{AlsoRight, Collisions, Judge, ValidSets};
pub use judgements::{Judged, Judgements, Tally};
pub use kendall::kendall_tau;
pub use kept::{Kept, MOST_KEPT};
pub use matching::{Match, MatchError, Matching, SHARPNESS};
pub use measures::{AllPairs, Measure, Pairwise};
pub use metrics::{
    Calibration, ClassRow, Consistencies, Consistency, ConsistencySums, Consistent, HOLDS,
    Hierarchical, HierarchicalRanking, Information, LcaOnTheLine, LcaOnTheLineSums, LevelAnswers,
    LevelCalibration, LevelSums, Levels, Metrics, PerClass, PerClassSums, PrecisionRecall,
    RankingSums, Root, Severity,
};
pub use noisy::{FEWEST_IMAGES, Noisy, NoisySummary, SMALLEST_MASS, Unfitted, noisy};
pub use paired::{Difference, McNemar, holm};
pub use rankings::{Ranked, Rankings};
pub use reassessed::Reassessed;
pub use retrieval::{Queries, Query, RECALL_AT, Retrieval, RetrievalFigures, retrieval};
pub use selective::{Risk, RiskAreas, RiskCurve, RiskPoint, Ventured};
pub use stop::{Stop, Stopped};
pub use summarise::{Depth, Terms, summarise};
pub use summary::{
    Confusion, CurveAreas, InclusionOfEdges, Interval, SUMMARY_SCHEMA, Summary, TopK, ValidSet,
};
pub use suspects::{Checked, Suspects};
pub use templates::{TemplateAgreement, nearest_labels, prompt_cosines, template_agreement};
pub use verdict::{Causes, Group, Judgement, Verdict};
pub use wilson::wilson;
