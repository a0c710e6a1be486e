//! Credit policies: how much a prediction earns against a truth, in [0, 1] (METHOD 5).

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::verdict::{Group, Judgement, Verdict};
use crate::taxonomy::{NodeId, Taxonomy};

/// How much a prediction earns against a truth; the mean over images is the hierarchy-aware accuracy (METHOD 5).
#[derive(Debug, Clone, PartialEq)]
pub enum CreditPolicy {
    /// 1 for `exact`, else 0.
    Strict,
    /// Correct and confirmed 1; `specialised` I(t)/I(p); `overlap` 0.5; others 0.
    Logical,
    /// F1 of the ancestor closures, 2|α∩β| / (|α|+|β|). The virtual root is in neither; a declared root counts.
    Hf1,
    /// Wu & Palmer: 2·depth(l) / (depth(p)+depth(t)), l the LCA. Depths are maximal, in nodes (a root has 1).
    WuPalmer,
    /// Lin: 2·I(l) / (I(p)+I(t)); 0/0 = 1; 0 without a common ancestor.
    Lin,
    /// 1 − d/d_max: d the fewest edges between the two through a common ancestor, or through the virtual root where
    /// there is none; d_max is twice the greatest depth, one edge deeper where the virtual root joins several roots.
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
            let verdict = Verdict::ALL
                .into_iter()
                .find(|v| v.name() == name)
                .ok_or_else(|| CreditError::UnknownVerdict(name.clone()))?;
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

/// A policy over one taxonomy, with the credits of pairs already met.
///
/// A run has far fewer distinct (answer, truth) pairs than images, and a closure measure costs microseconds.
pub(super) struct Creditor<'a> {
    taxonomy: &'a Taxonomy,
    policy: &'a CreditPolicy,
    depth_max: f64,
    pairs: HashMap<(NodeId, NodeId), f64>,
}

impl<'a> Creditor<'a> {
    pub(super) fn new(taxonomy: &'a Taxonomy, policy: &'a CreditPolicy) -> Self {
        let deepest = taxonomy
            .nodes()
            .map(|n| taxonomy.depth(n).1)
            .max()
            .unwrap_or(0);
        let virtual_edge = usize::from(taxonomy.roots().len() > 1);
        let depth_max = (2 * (deepest + virtual_edge)) as f64;
        Self {
            taxonomy,
            policy,
            depth_max,
            pairs: HashMap::new(),
        }
    }

    /// Credit of the answer `p`; measures of a pair take the best over the truths.
    pub(super) fn credit(&mut self, p: NodeId, truths: &[NodeId], judgement: Judgement) -> f64 {
        let verdict = judgement.verdict;
        match self.policy {
            CreditPolicy::Strict => f64::from(u8::from(verdict == Verdict::Exact)),
            CreditPolicy::Table(credits) => credits.get(&verdict).copied().unwrap_or(0.0),
            CreditPolicy::Logical => match verdict {
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
            CreditPolicy::Hf1
            | CreditPolicy::WuPalmer
            | CreditPolicy::Lin
            | CreditPolicy::Depth => truths.iter().map(|&t| self.pair(p, t)).fold(0.0, f64::max),
        }
    }

    fn pair(&mut self, p: NodeId, t: NodeId) -> f64 {
        if let Some(&known) = self.pairs.get(&(p, t)) {
            return known;
        }
        let taxonomy = self.taxonomy;
        let credit = match self.policy {
            CreditPolicy::Hf1 => {
                let (a, b) = (closure(taxonomy, p), closure(taxonomy, t));
                let common = a.iter().filter(|n| b.binary_search(n).is_ok()).count();
                2.0 * common as f64 / (a.len() + b.len()) as f64
            }
            CreditPolicy::WuPalmer => taxonomy.lca(p, t).map_or(0.0, |l| {
                let nodes = |n| (taxonomy.depth(n).1 + 1) as f64;
                2.0 * nodes(l) / (nodes(p) + nodes(t))
            }),
            CreditPolicy::Lin => taxonomy.lca(p, t).map_or(0.0, |l| {
                let information = |n| taxonomy.information(n);
                ratio(2.0 * information(l), information(p) + information(t))
            }),
            CreditPolicy::Depth if self.depth_max > 0.0 => {
                1.0 - taxonomy_distance(taxonomy, p, t) / self.depth_max
            }
            _ => f64::from(u8::from(taxonomy.same_class(p, t))),
        };
        self.pairs.insert((p, t), credit);
        credit
    }
}

/// `a / b`, with 0/0 = 1: two labels that both say nothing agree.
fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 1.0 } else { a / b }
}

/// The ancestor closure with each equivalence class once, sorted.
fn closure(taxonomy: &Taxonomy, n: NodeId) -> Vec<NodeId> {
    let mut closure = taxonomy.ancestors(n);
    closure.retain(|&a| taxonomy.representative(a) == a);
    closure
}

/// Fewest edges between the two through a common ancestor, or through the virtual root.
fn taxonomy_distance(taxonomy: &Taxonomy, a: NodeId, b: NodeId) -> f64 {
    let (up_a, up_b) = (steps_up(taxonomy, a), steps_up(taxonomy, b));
    let through_common = up_a
        .iter()
        .filter_map(|(n, steps)| Some(steps + up_b.get(n)?))
        .min();
    let through_virtual_root = || {
        let to_root = |n| taxonomy.depth(n).0 + 1;
        to_root(a) + to_root(b)
    };
    through_common.unwrap_or_else(through_virtual_root) as f64
}

/// Fewest edges up to each ancestor class.
fn steps_up(taxonomy: &Taxonomy, n: NodeId) -> HashMap<NodeId, usize> {
    let mut steps = HashMap::from([(taxonomy.representative(n), 0)]);
    let mut level = vec![taxonomy.representative(n)];
    for distance in 1.. {
        let mut above = Vec::new();
        for class in level {
            for parent in taxonomy.class_parents(class) {
                if let Entry::Vacant(unmet) = steps.entry(parent) {
                    unmet.insert(distance);
                    above.push(parent);
                }
            }
        }
        if above.is_empty() {
            break;
        }
        level = above;
    }
    steps
}
