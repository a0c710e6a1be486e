//! Two saved runs on the same images: what one has right and the other has not, and what of it is noise.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;

use super::saved::{Saved, SavedRow};
use crate::names::NameIndex;
use crate::score::{Bootstrap, Difference, Group, McNemar, Verdict, holm};

/// Why runs cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    #[error(
        "the two runs have no image in common: they name their images otherwise, or are of other images"
    )]
    NothingInCommon,
    #[error(
        "`{image}` is named more than once in one of the runs: images must differ to be compared"
    )]
    Repeated { image: String },
}

/// Two runs on the images that both have, with a verdict in each.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Images that have a verdict in both runs.
    pub n: usize,
    /// Images of each run that are not among these.
    pub only_first: usize,
    pub only_second: usize,
    /// Images whose primary truth is another in the second run.
    pub other_truth: usize,
    /// What the manifests say differently: the part, and what it is in each run.
    pub differs: Vec<ManifestDifference>,
    /// Answers that are exact.
    pub top1: Compared,
    /// Answers that are exact or confirmed multiplicity: true of the image.
    pub valid: Compared,
    /// Mean credit, each run under its own policy.
    pub credit: Difference,
    /// The multiplicity share of the error, each run's of its own errors.
    pub multiplicity: MultiplicityChange,
    /// A row a verdict, in the order of the tests.
    pub verdicts: Vec<VerdictChange>,
    /// `transitions[a][b]`: images with the verdict `a` in the first run and `b` in the second, in that order.
    pub transitions: Vec<Vec<usize>>,
    /// Images with another answer.
    pub flipped: usize,
    /// The most frequent ways in which answers became right or wrong, by count, then ids.
    pub flips: Vec<Flip>,
    /// Images with another answer.
    pub images: Vec<FlippedImage>,
}

/// A part of the manifests that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManifestDifference {
    pub part: &'static str,
    pub first: String,
    pub second: String,
}

/// A share of two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    pub difference: Difference,
    pub mcnemar: McNemar,
}

/// The interval in which the multiplicity share of the error lies (METHOD 3), in two runs: its lower and its upper end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MultiplicityChange {
    /// Confirmed multiplicity.
    pub confirmed: Difference,
    /// Confirmed and possible multiplicity.
    pub at_most: Difference,
}

/// How often a verdict is passed in two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictChange {
    pub verdict: Verdict,
    /// Shares of the images.
    pub difference: Difference,
    /// Images that have it in one run alone, and the exact McNemar test of them.
    pub mcnemar: McNemar,
    /// Its p-value after Holm's correction over the verdicts that occur.
    pub p_holm: Option<f64>,
}

/// Images that are answered otherwise in the same way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flip {
    /// Id of the primary truth.
    pub truth: Option<String>,
    /// Ids of the answers; `None` where a run abstained.
    pub first: Option<String>,
    pub second: Option<String>,
    pub first_verdict: Verdict,
    pub second_verdict: Verdict,
    pub count: usize,
}

/// One image with another answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlippedImage {
    pub image: String,
    #[serde(flatten)]
    pub flip: Flip,
}

/// Parts of a manifest that a difference may come from.
const PARTS: [(&str, &str); 7] = [
    ("model", "/model"),
    ("taxonomy", "/taxonomy"),
    ("prompts", "/prompts"),
    ("candidates", "/candidates"),
    ("images", "/images"),
    ("truth", "/truth"),
    ("options", "/options"),
];

/// Compares two runs, image by image. Runs on the current rayon pool; the result does not depend on its size.
///
/// # Errors
/// When no image is in both, or one is there more than once.
pub fn compare(first: &Saved, second: &Saved) -> Result<Comparison, CompareError> {
    let pairs = pairs(first, second)?;
    let judged: Vec<(&SavedRow, &SavedRow, [Verdict; 2], usize)> = pairs
        .iter()
        .filter_map(|&(i, j)| {
            let (a, b) = (&first.rows[i], &second.rows[j]);
            Some((a, b, [a.verdict?, b.verdict?], i))
        })
        .collect();
    let verdicts: [Vec<usize>; 2] =
        [0, 1].map(|run| judged.iter().map(|(.., v, _)| v[run] as usize).collect());
    let mut transitions = vec![vec![0; Verdict::ALL.len()]; Verdict::ALL.len()];
    for (.., [a, b], _) in &judged {
        transitions[*a as usize][*b as usize] += 1;
    }
    let Shares {
        exact,
        valid,
        multiplicity,
        of_verdicts,
    } = shares(&verdicts);
    let mcnemar = |holds: &dyn Fn(Verdict) -> bool| {
        let of =
            |run: usize| -> Vec<bool> { judged.iter().map(|(.., v, _)| holds(v[run])).collect() };
        McNemar::of(&of(0), &of(1))
    };
    let is_exact = |v: Verdict| v == Verdict::Exact;
    let credit = credits(&judged);
    let images = flipped(first, second, &judged);
    Ok(Comparison {
        n: judged.len(),
        only_first: first.rows.len() - judged.len(),
        only_second: second.rows.len() - judged.len(),
        other_truth: judged
            .iter()
            .filter(|(a, b, ..)| id(first, a.primary) != id(second, b.primary))
            .count(),
        differs: differs(first, second),
        top1: Compared {
            difference: exact,
            mcnemar: mcnemar(&is_exact),
        },
        valid: Compared {
            difference: valid,
            mcnemar: mcnemar(&Verdict::is_valid),
        },
        credit,
        multiplicity,
        verdicts: changes(&of_verdicts, &|verdict| mcnemar(&|v| v == verdict)),
        transitions,
        flipped: images.len(),
        flips: counted(&images),
        images,
    })
}

/// Mean credits. They take few values, so that images are drawn by pairs of these.
fn credits(judged: &[(&SavedRow, &SavedRow, [Verdict; 2], usize)]) -> Difference {
    let mut numbers: BTreeMap<u64, usize> = BTreeMap::new();
    let of = |row: &SavedRow| row.credit.unwrap_or(0.0);
    for (a, b, ..) in judged {
        numbers.entry(of(a).to_bits()).or_default();
        numbers.entry(of(b).to_bits()).or_default();
    }
    // Credits are not negative, so their bits are in their order.
    let values: Vec<f64> = numbers.keys().map(|&bits| f64::from_bits(bits)).collect();
    numbers
        .values_mut()
        .zip(0..)
        .for_each(|(number, i)| *number = i);
    let categories: [Vec<usize>; 2] = [
        judged
            .iter()
            .map(|(a, ..)| numbers[&of(a).to_bits()])
            .collect(),
        judged
            .iter()
            .map(|(_, b, ..)| numbers[&of(b).to_bits()])
            .collect(),
    ];
    let mean = |counts: &[usize]| {
        let n: usize = counts.iter().sum();
        let sum: f64 = counts
            .iter()
            .zip(&values)
            .map(|(&n, value)| n as f64 * value)
            .sum();
        vec![(n > 0).then(|| sum / n as f64)]
    };
    let [first, second] = &categories;
    let bootstrap = Bootstrap::default();
    let mut found = bootstrap.of_paired_counts(first, second, values.len(), mean);
    found.swap_remove(0)
}

/// The rows of the images that both runs have, in the order of the first.
pub(super) fn pairs(first: &Saved, second: &Saved) -> Result<Vec<(usize, usize)>, CompareError> {
    let repeated = |image: &str| CompareError::Repeated {
        image: image.to_owned(),
    };
    let mut index = NameIndex::default();
    for i in 0..second.images.len() {
        if index.insert(&second.images, i).is_some() {
            return Err(repeated(second.images.get(i)));
        }
    }
    let mut taken = vec![false; second.images.len()];
    let mut pairs = Vec::new();
    for (i, image) in first.images.iter().enumerate() {
        if let Some(j) = index.find(&second.images, image) {
            if std::mem::replace(&mut taken[j], true) {
                return Err(repeated(image));
            }
            pairs.push((i, j));
        }
    }
    match pairs.is_empty() {
        true => Err(CompareError::NothingInCommon),
        false => Ok(pairs),
    }
}

/// What follows from how often each verdict was passed.
struct Shares {
    exact: Difference,
    valid: Difference,
    multiplicity: MultiplicityChange,
    /// In the order of the verdicts.
    of_verdicts: Vec<Difference>,
}

fn shares(verdicts: &[Vec<usize>; 2]) -> Shares {
    let of_all = |counts: &[usize], holds: &dyn Fn(Verdict) -> bool| -> usize {
        let all = Verdict::ALL.into_iter().filter(|&v| holds(v));
        all.map(|v| counts[v as usize]).sum()
    };
    let quotient = |count: usize, n: usize| (n > 0).then(|| count as f64 / n as f64);
    let figures = |counts: &[usize]| {
        let n = counts.iter().sum();
        let of_groups =
            |groups: &[Group]| of_all(counts, &|verdict| groups.contains(&verdict.group()));
        let errors = n - of_groups(&[Group::Correct]);
        let mut figures = vec![
            quotient(counts[Verdict::Exact as usize], n),
            quotient(of_all(counts, &Verdict::is_valid), n),
            quotient(of_groups(&[Group::Confirmed]), errors),
            quotient(of_groups(&[Group::Confirmed, Group::Possible]), errors),
        ];
        figures.extend(counts.iter().map(|&count| quotient(count, n)));
        figures
    };
    let categories = Verdict::ALL.len();
    let mut found = Bootstrap::default()
        .of_paired_counts(&verdicts[0], &verdicts[1], categories, figures)
        .into_iter();
    let mut next = || found.next().expect("as many figures as were asked for");
    let [exact, valid, confirmed, at_most] = std::array::from_fn(|_| next());
    Shares {
        exact,
        valid,
        multiplicity: MultiplicityChange { confirmed, at_most },
        of_verdicts: found.collect(),
    }
}

fn changes(shares: &[Difference], mcnemar: &dyn Fn(Verdict) -> McNemar) -> Vec<VerdictChange> {
    let mut changes: Vec<VerdictChange> = Verdict::ALL
        .into_iter()
        .zip(shares)
        .map(|(verdict, &difference)| VerdictChange {
            verdict,
            difference,
            mcnemar: mcnemar(verdict),
            p_holm: None,
        })
        .collect();
    // A verdict that neither run passes is no test.
    let p_of = |change: &VerdictChange| {
        let occurs = |share: Option<f64>| share.is_some_and(|share| share > 0.0);
        let Difference { first, second, .. } = change.difference;
        let p_value = change.mcnemar.p_value;
        p_value.filter(|_| occurs(first) || occurs(second))
    };
    let p_values: Vec<f64> = changes
        .iter()
        .map(|c| p_of(c).unwrap_or(f64::NAN))
        .collect();
    for (change, p) in changes.iter_mut().zip(holm(&p_values)) {
        change.p_holm = (!p.is_nan()).then_some(p);
    }
    changes
}

pub(super) fn id(run: &Saved, label: Option<u32>) -> Option<&str> {
    label.map(|label| run.id(label))
}

fn flipped(
    first: &Saved,
    second: &Saved,
    judged: &[(&SavedRow, &SavedRow, [Verdict; 2], usize)],
) -> Vec<FlippedImage> {
    let own = |id: Option<&str>| id.map(str::to_owned);
    judged
        .iter()
        .filter_map(|&(a, b, [first_verdict, second_verdict], i)| {
            let (answer_a, answer_b) = (id(first, a.answer), id(second, b.answer));
            (answer_a != answer_b).then(|| FlippedImage {
                image: first.images.get(i).to_owned(),
                flip: Flip {
                    truth: own(id(first, a.primary)),
                    first: own(answer_a),
                    second: own(answer_b),
                    first_verdict,
                    second_verdict,
                    count: 1,
                },
            })
        })
        .collect()
}

/// Each way of answering otherwise with how often it occurs, the most frequent first.
fn counted(images: &[FlippedImage]) -> Vec<Flip> {
    type Key<'a> = (
        Option<&'a str>,
        Option<&'a str>,
        Option<&'a str>,
        Verdict,
        Verdict,
    );
    let mut flips: BTreeMap<Key<'_>, Flip> = BTreeMap::new();
    for FlippedImage { flip, .. } in images {
        let key = (
            flip.truth.as_deref(),
            flip.first.as_deref(),
            flip.second.as_deref(),
            flip.first_verdict,
            flip.second_verdict,
        );
        flips
            .entry(key)
            .and_modify(|known| known.count += 1)
            .or_insert_with(|| flip.clone());
    }
    let mut flips: Vec<Flip> = flips.into_values().collect();
    flips.sort_by_key(|flip| std::cmp::Reverse(flip.count));
    flips
}

pub(super) fn differs(first: &Saved, second: &Saved) -> Vec<ManifestDifference> {
    let told = |run: &Saved, pointer: &str| {
        let value = run.manifest.pointer(pointer);
        let source = value.and_then(|v| v.get("source")).and_then(|s| s.as_str());
        match (source, value) {
            (Some(source), _) => source.to_owned(),
            (None, Some(Value::Object(fields))) => {
                // Predictions made elsewhere have no source of a model, but the file's name.
                let texts = fields
                    .iter()
                    .filter_map(|(k, v)| Some(format!("{k} {}", v.as_str()?)));
                texts.collect::<Vec<_>>().join(", ")
            }
            (None, Some(value)) => value.to_string(),
            (None, None) => "none".to_owned(),
        }
    };
    PARTS
        .into_iter()
        .filter(|(_, pointer)| first.manifest.pointer(pointer) != second.manifest.pointer(pointer))
        .flat_map(|(part, pointer)| match part {
            "options" => options(first, second),
            _ => vec![ManifestDifference {
                part,
                first: told(first, pointer),
                second: told(second, pointer),
            }],
        })
        .collect()
}

/// The options that differ, in one text a run.
fn options(first: &Saved, second: &Saved) -> Vec<ManifestDifference> {
    let of = |run: &Saved| -> HashMap<String, String> {
        let options = run.manifest["options"].as_object();
        let options = options.into_iter().flatten();
        let told = |value: &Value| match value {
            // As the cosine of names where no prompt is at hand.
            Value::Null => "not used".to_owned(),
            value => value.to_string(),
        };
        options.map(|(k, v)| (k.clone(), told(v))).collect()
    };
    let (a, b) = (of(first), of(second));
    let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| a.get(*name) != b.get(*name));
    let told = |of: &HashMap<String, String>| {
        let told = names.iter().map(|name| {
            let value = of.get(*name).map_or("none", String::as_str);
            format!("{name} {value}")
        });
        told.collect::<Vec<_>>().join(", ")
    };
    vec![ManifestDifference {
        part: "options",
        first: told(&a),
        second: told(&b),
    }]
}
