//! Credit policies: how much a prediction earns against a truth, in [0, 1] (METHOD 5).

use std::collections::BTreeMap;

use serde_json::Value;

use super::measures::{Measure, Pairwise, ratio};
use super::verdict::{Group, Judgement, Verdict};
use crate::taxonomy::{NodeId, Taxonomy};

/// How much a prediction earns against a truth; the mean over images is the hierarchy-aware accuracy (METHOD 5).
#[derive(Debug, Clone, PartialEq)]
pub enum CreditPolicy {
    /// 1 for `exact`, else 0.
    Strict,
    /// Correct and confirmed 1; `specialised` I(t)/I(p); `overlap` 0.5; others 0.
    Logical,
    /// The similarity [`Measure::Hf1`].
    Hf1,
    /// The similarity [`Measure::WuPalmer`].
    WuPalmer,
    /// The similarity [`Measure::Lin`].
    Lin,
    /// The similarity [`Measure::Depth`].
    Depth,
    /// Credit by verdict. Verdicts that are not named earn 0, `exact` 1.
    Table(BTreeMap<Verdict, f64>),
}

/// Why a credit policy was refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CreditError {
    #[error("unknown credit policy `{0}`: use one of strict, logical, hf1, wu-palmer, lin, depth")]
    UnknownPolicy(String),
    #[error(
        "unknown verdict `{0}` in the credit table: use exact, synonym, also_valid, generalised, specialised, overlap, name_collision, near, related or unrelated"
    )]
    UnknownVerdict(String),
    #[error("credit for `{verdict}` is {value}: it must be a number from 0 to 1")]
    OutOfRange { verdict: String, value: String },
    #[error(
        "`credit` must be a policy's name, `policy: NAME`, or `table:` with a credit per verdict"
    )]
    Shape,
}

impl CreditPolicy {
    /// A built-in policy by its name.
    ///
    /// # Errors
    /// [`CreditError::UnknownPolicy`] names the ones there are.
    pub fn by_name(name: &str) -> Result<Self, CreditError> {
        Ok(match name {
            "strict" => Self::Strict,
            "logical" => Self::Logical,
            "hf1" => Self::Hf1,
            "wu-palmer" => Self::WuPalmer,
            "lin" => Self::Lin,
            "depth" => Self::Depth,
            _ => return Err(CreditError::UnknownPolicy(name.to_owned())),
        })
    }

    /// The `credit:` section of a taxonomy: a name, `{policy: NAME}` or `{table: {VERDICT: CREDIT, …}}`.
    ///
    /// # Errors
    /// Every way in which the section can be wrong; the first is told.
    pub fn from_section(section: &Value) -> Result<Self, CreditError> {
        if let Some(name) = section.as_str().or_else(|| section.get("policy")?.as_str()) {
            return Self::by_name(name);
        }
        let table = section
            .get("table")
            .and_then(Value::as_object)
            .ok_or(CreditError::Shape)?;
        let mut credits = BTreeMap::from([(Verdict::Exact, 1.0)]);
        for (name, value) in table {
            let verdict =
                Verdict::by_name(name).ok_or_else(|| CreditError::UnknownVerdict(name.clone()))?;
            let credit = value
                .as_f64()
                .filter(|c| (0.0..=1.0).contains(c))
                .ok_or_else(|| CreditError::OutOfRange {
                    verdict: name.clone(),
                    value: value.to_string(),
                })?;
            credits.insert(verdict, credit);
        }
        Ok(Self::Table(credits))
    }

    /// The policy's name, as it is written on the command line; `table` for a table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Logical => "logical",
            Self::Hf1 => "hf1",
            Self::WuPalmer => "wu-palmer",
            Self::Lin => "lin",
            Self::Depth => "depth",
            Self::Table(_) => "table",
        }
    }
}

/// A policy over one taxonomy.
pub struct Creditor<'a> {
    taxonomy: &'a Taxonomy,
    rule: Rule<'a>,
}

/// A policy with what it needs of the taxonomy.
enum Rule<'a> {
    Strict,
    Logical,
    Table(&'a BTreeMap<Verdict, f64>),
    /// A similarity from 0 to 1. A closure measure costs microseconds: it is asked of distinct pairs.
    Similarity(Pairwise<'a>),
}

impl<'a> Creditor<'a> {
    pub fn new(taxonomy: &'a Taxonomy, policy: &'a CreditPolicy) -> Self {
        let similarity = |measure| Rule::Similarity(Pairwise::new(taxonomy, measure));
        let rule = match policy {
            CreditPolicy::Strict => Rule::Strict,
            CreditPolicy::Logical => Rule::Logical,
            CreditPolicy::Table(credits) => Rule::Table(credits),
            CreditPolicy::Hf1 => similarity(Measure::Hf1),
            CreditPolicy::WuPalmer => similarity(Measure::WuPalmer),
            CreditPolicy::Lin => similarity(Measure::Lin),
            CreditPolicy::Depth => similarity(Measure::Depth),
        };
        Self { taxonomy, rule }
    }

    /// Credit of the answer `p`; measures of a pair take the best over the truths.
    pub fn credit(&self, p: NodeId, truths: &[NodeId], judgement: Judgement) -> f64 {
        let verdict = judgement.verdict;
        match &self.rule {
            Rule::Strict => f64::from(u8::from(verdict == Verdict::Exact)),
            Rule::Table(credits) => credits.get(&verdict).copied().unwrap_or(0.0),
            Rule::Logical => match verdict {
                _ if matches!(verdict.group(), Group::Correct | Group::Confirmed) => 1.0,
                Verdict::Specialised => {
                    // Only a truth above the answer says how much of it is known.
                    let above = truths.iter().filter(|&&t| self.taxonomy.is_ancestor(t, p));
                    let known = above
                        .map(|&t| self.taxonomy.information(t))
                        .fold(0.0, f64::max);
                    ratio(known, self.taxonomy.information(p))
                }
                Verdict::Overlap => 0.5,
                _ => 0.0,
            },
            Rule::Similarity(pairwise) => {
                let credits = truths.iter().map(|&t| pairwise.value(p, t));
                credits.fold(0.0, f64::max)
            }
        }
    }
}
