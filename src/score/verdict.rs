//! What can be said of one prediction: the verdicts, their groups, and the causes of an error (METHOD 3).

use serde::{Deserialize, Serialize};

use crate::taxonomy::{NodeId, Relation};

/// The verdict of one prediction, declared in the order in which it is tested (METHOD 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Exact,
    Synonym,
    AlsoValid,
    Generalised,
    Specialised,
    Overlap,
    NameCollision,
    Near,
    Related,
    Unrelated,
}

/// What a verdict says of the error it stands for (METHOD 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Correct,
    /// Multiplicity that the graph or the annotation confirms: the answer is true.
    Confirmed,
    /// Multiplicity that the data cannot decide: the answer may be true.
    Possible,
    Mistake,
}

impl Verdict {
    /// Every verdict, in the order of the tests.
    pub const ALL: [Verdict; 10] = [
        Verdict::Exact,
        Verdict::Synonym,
        Verdict::AlsoValid,
        Verdict::Generalised,
        Verdict::Specialised,
        Verdict::Overlap,
        Verdict::NameCollision,
        Verdict::Near,
        Verdict::Related,
        Verdict::Unrelated,
    ];

    /// The verdict's name in files and tables, `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Exact => "exact",
            Verdict::Synonym => "synonym",
            Verdict::AlsoValid => "also_valid",
            Verdict::Generalised => "generalised",
            Verdict::Specialised => "specialised",
            Verdict::Overlap => "overlap",
            Verdict::NameCollision => "name_collision",
            Verdict::Near => "near",
            Verdict::Related => "related",
            Verdict::Unrelated => "unrelated",
        }
    }

    /// A verdict by its name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }

    /// The group that the verdict belongs to.
    pub fn group(self) -> Group {
        match self {
            Verdict::Exact => Group::Correct,
            Verdict::Synonym | Verdict::AlsoValid | Verdict::Generalised => Group::Confirmed,
            Verdict::Specialised | Verdict::Overlap | Verdict::NameCollision => Group::Possible,
            Verdict::Near | Verdict::Related | Verdict::Unrelated => Group::Mistake,
        }
    }

    /// Whether an answer with this verdict is true of the image: what K(x) counts (METHOD 4).
    pub fn is_valid(self) -> bool {
        matches!(self.group(), Group::Correct | Group::Confirmed)
    }
}

/// What is known of one prediction: its verdict, and the truth that it was best related to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    /// The best relation to any truth.
    pub relation: Relation,
    /// The truth that has it; the first in the order of the annotation.
    pub truth: NodeId,
}

/// The causes that an error has, apart from the order in which verdicts are tested: a set of the verdicts of confirmed
/// and possible multiplicity (METHOD 3). A mistake has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Causes(u16);

impl Causes {
    /// Every cause there is, in the order of the verdicts.
    pub const ALL: [Verdict; 6] = [
        Verdict::Synonym,
        Verdict::AlsoValid,
        Verdict::Generalised,
        Verdict::Specialised,
        Verdict::Overlap,
        Verdict::NameCollision,
    ];

    pub fn contains(self, cause: Verdict) -> bool {
        self.0 & (1 << cause as u16) != 0
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn insert(&mut self, cause: Verdict) {
        self.0 |= 1 << cause as u16;
    }
}
