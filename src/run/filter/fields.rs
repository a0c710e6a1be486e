//! What may be asked: the fields, flags and values of the language, each with what it means.

use std::fmt::Write;

use crate::run::saved::{Detail, Saved};
use crate::score::{Group, Verdict};
use crate::taxonomy::Relation;

/// Examples, with what each asks for.
pub const HELP: &[(&str, &str)] = &[
    (
        "verdict:near",
        "answers with this verdict; `verdict:near,related`: with either",
    ),
    (
        "verdict:mistake",
        "a group: correct, confirmed, possible, mistake; `error` is all but exact, `none` is unjudged",
    ),
    (
        "relation:sibling",
        "how the answer is related to the truth in the graph",
    ),
    (
        "truth:dog",
        "images of this label, by id or name; `truth:none`: without a label",
    ),
    (
        "answer:\"golden retriever\"",
        "answers; what has blanks is quoted; `answer:cat,dog`: either",
    ),
    (
        "truth:under(dog)",
        "dog or anything below it; `above(dog)`: dog or anything above it",
    ),
    ("label:dog", "dog is a truth or the answer"),
    ("top:dog", "dog is among the ranked labels"),
    ("looks:dog", "the annotation is suspect: it looks like dog"),
    (
        "p<0.4",
        "the answer's probability; also k, credit, mass, self, margin, noisy, cosine, uncertainty",
    ),
    (
        "k:2..5",
        "from 2 to 5; also `k>=2`, `k!=1`, `k:2..`; `k:none`: not known",
    ),
    (
        "suspect",
        "also abstained, unlabelled, multi, reannotated; `is:suspect` is the same",
    ),
    ("image:IMG_20", "the image's name has this in it"),
    (
        "retriever",
        "in the image's name, or an id or name of a truth or of the answer",
    ),
    (
        "\"free text\"",
        "quoted: with blanks, or a word that would mean something else",
    ),
    ("truth:dog p<0.4", "both"),
    ("truth:dog OR truth:cat", "either; also `|`"),
    ("-suspect", "not; also `NOT suspect` and `!suspect`"),
    (
        "p<0.4 (truth:dog | answer:dog)",
        "parentheses group; without them blanks bind before OR",
    ),
];

/// What is asked of images without a verdict, as the number of a verdict.
pub(super) const NO_VERDICT: usize = Verdict::ALL.len();
pub(super) const NO_RELATION: usize = Relation::ALL.len();

/// Something that an image has, and that terms ask of.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    pub name: &'static str,
    /// Other names of it.
    pub aliases: &'static [&'static str],
    pub kind: Kind,
    pub note: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Verdict,
    Relation,
    Labels(Role),
    Figure(Figure),
    Flag,
    Image,
}

/// What a label is to an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Role {
    Truth,
    Answer,
    Either,
    Ranked,
    LooksLike,
}

/// A number that an image has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Figure {
    Probability,
    K,
    Credit,
    Mass,
    SelfConfidence,
    Margin,
    Noisy,
    Cosine,
    Uncertainty,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Flag {
    Suspect,
    Abstained,
    Unlabelled,
    Multi,
    Reannotated,
}

const fn field(
    name: &'static str,
    aliases: &'static [&'static str],
    kind: Kind,
    note: &'static str,
) -> Field {
    Field {
        name,
        aliases,
        kind,
        note,
    }
}

pub(super) const FIELDS: &[Field] = &[
    field(
        "verdict",
        &["group"],
        Kind::Verdict,
        "verdict, or a group of verdicts",
    ),
    field("truth", &[], Kind::Labels(Role::Truth), "annotated label"),
    field("answer", &[], Kind::Labels(Role::Answer), "answered label"),
    field(
        "label",
        &[],
        Kind::Labels(Role::Either),
        "annotated or answered label",
    ),
    field(
        "p",
        &["probability"],
        Kind::Figure(Figure::Probability),
        "probability of the answer",
    ),
    field(
        "k",
        &[],
        Kind::Figure(Figure::K),
        "K(x): how many candidates are valid",
    ),
    field(
        "credit",
        &[],
        Kind::Figure(Figure::Credit),
        "credit of the answer",
    ),
    field(
        "mass",
        &["valid_mass"],
        Kind::Figure(Figure::Mass),
        "probability of all that is valid",
    ),
    field(
        "self",
        &["self_confidence"],
        Kind::Figure(Figure::SelfConfidence),
        "probability of the annotated label",
    ),
    field(
        "margin",
        &[],
        Kind::Figure(Figure::Margin),
        "margin of the annotated label over its rivals",
    ),
    field(
        "noisy",
        &[],
        Kind::Figure(Figure::Noisy),
        "probability that the annotation is noisy, by its loss",
    ),
    field(
        "cosine",
        &["text_cosine"],
        Kind::Figure(Figure::Cosine),
        "cosine of the texts of truth and answer",
    ),
    field(
        "uncertainty",
        &[],
        Kind::Figure(Figure::Uncertainty),
        "the model's own uncertainty of the image, if it tells it",
    ),
    field("image", &[], Kind::Image, "part of the image's name"),
    field(
        "relation",
        &[],
        Kind::Relation,
        "relation of the answer to the truth",
    ),
    field(
        "top",
        &[],
        Kind::Labels(Role::Ranked),
        "label among the ranked",
    ),
    field(
        "looks",
        &["looks_like"],
        Kind::Labels(Role::LooksLike),
        "label that a suspect annotation looks like",
    ),
    field("is", &[], Kind::Flag, "suspect, abstained, …"),
];

pub(super) const FLAGS: [(&str, Flag, &str); 5] = [
    (
        "suspect",
        Flag::Suspect,
        "the annotation looks like another label",
    ),
    ("abstained", Flag::Abstained, "there is no answer"),
    ("unlabelled", Flag::Unlabelled, "there is no truth"),
    ("multi", Flag::Multi, "there are several truths"),
    (
        "reannotated",
        Flag::Reannotated,
        "a re-annotation says what is valid",
    ),
];

/// The verdicts and groups of them, each with its bits and what it is.
pub(super) fn verdicts() -> impl Iterator<Item = (&'static str, u16, &'static str)> {
    let verdicts = Verdict::ALL.map(|verdict| {
        let note = match verdict.group() {
            Group::Correct => "correct",
            Group::Confirmed => "multiplicity, confirmed",
            Group::Possible => "multiplicity, possible",
            Group::Mistake => "mistake",
        };
        (verdict.name(), 1 << verdict as u16, note)
    });
    let of = |is_in: fn(Verdict) -> bool| {
        let verdicts = Verdict::ALL.into_iter().filter(|&verdict| is_in(verdict));
        verdicts.fold(0, |mask, verdict| mask | 1 << verdict as u16)
    };
    let groups = [
        (
            "correct",
            of(|v| v.group() == Group::Correct),
            "group: exact",
        ),
        (
            "confirmed",
            of(|v| v.group() == Group::Confirmed),
            "group: true by the graph or the annotation",
        ),
        (
            "possible",
            of(|v| v.group() == Group::Possible),
            "group: may be true, the data cannot tell",
        ),
        (
            "mistake",
            of(|v| v.group() == Group::Mistake),
            "group: near, related or unrelated",
        ),
        ("error", of(|v| v != Verdict::Exact), "all but exact"),
        ("none", 1 << NO_VERDICT, "without a verdict"),
    ];
    verdicts.into_iter().chain(groups)
}

pub(super) fn relations() -> impl Iterator<Item = (&'static str, u16, &'static str)> {
    let relations = Relation::ALL.map(|relation| {
        let note = match relation {
            Relation::Same => "the answer is the truth",
            Relation::Equivalent => "declared equivalent to the truth",
            Relation::Ancestor => "the answer is above the truth",
            Relation::Descendant => "the answer is below the truth",
            Relation::Overlapping => "both can hold at once",
            Relation::Sibling => "a parent in common",
            Relation::Related => "an ancestor in common",
            Relation::Unrelated => "nothing in common",
        };
        (relation.name(), 1 << relation as u16, note)
    });
    let none = ("none", 1 << NO_RELATION, "without a verdict");
    relations.into_iter().chain([none])
}

impl Field {
    pub fn by_name(name: &str) -> Option<&'static Self> {
        FIELDS
            .iter()
            .find(|field| field.names().any(|known| known.eq_ignore_ascii_case(name)))
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// What stands between several of its values, beside `|`: a comma may be part of a file's name.
    pub fn takes_commas(&self) -> bool {
        !matches!(self.kind, Kind::Figure(_) | Kind::Image)
    }
}

impl Flag {
    pub fn by_name(name: &str) -> Option<Self> {
        let mut flags = FLAGS.iter();
        let found = flags.find(|(known, ..)| known.eq_ignore_ascii_case(name));
        found.map(|&(_, flag, _)| flag)
    }

    pub fn of(self, saved: &Saved, row: usize) -> bool {
        let details = saved.details.as_ref();
        let has = |what: fn(&Detail) -> Option<u32>| {
            let detail = details.and_then(|details| details.rows.get(row));
            detail.and_then(what).is_some()
        };
        match self {
            Flag::Suspect => has(|detail| detail.looks_like),
            Flag::Reannotated => has(|detail| detail.valid),
            Flag::Abstained => saved.rows[row].answer.is_none(),
            Flag::Unlabelled => saved.rows[row].primary.is_none(),
            Flag::Multi => {
                let truths = saved.truths.get(saved.rows[row].truths as usize);
                truths.is_some_and(|truths| truths.len() > 1)
            }
        }
    }
}

impl Figure {
    pub fn of(self, saved: &Saved, row: usize) -> Option<f64> {
        let details = saved.details.as_ref();
        let detail = || details.and_then(|details| details.rows.get(row));
        let values = &saved.rows[row];
        match self {
            Figure::Probability => values.probability,
            Figure::Credit => values.credit,
            Figure::Cosine => values.text_cosine,
            Figure::K => detail()?.k.map(f64::from),
            Figure::Mass => detail()?.valid_mass,
            Figure::SelfConfidence => detail()?.self_confidence,
            Figure::Margin => detail()?.margin,
            Figure::Noisy => detail()?.noisy,
            Figure::Uncertainty => detail()?.uncertainty,
        }
    }
}

/// The words that may be meant by another, best first, at most three.
pub(super) fn near<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Vec<&'w str> {
    let word = word.to_lowercase();
    // One letter in three may be wrong, and what is not finished is what it begins.
    let limit = (word.chars().count() / 3).max(1);
    let distance = |known: &str| match !word.is_empty() && known.starts_with(&word) {
        true => 0,
        false => strsim::osa_distance(&word, known),
    };
    let known = known.map(|known| (distance(known), known));
    let mut near: Vec<(usize, &str)> = known.filter(|(distance, _)| *distance <= limit).collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.truncate(3);
    near.into_iter().map(|(_, known)| known).collect()
}

/// The end of a message: what may be meant, if anything.
pub(super) fn did_you_mean<'w>(near: impl Iterator<Item = &'w str>) -> String {
    let mut said = String::new();
    for (i, word) in near.enumerate() {
        let before = if i == 0 { "; did you mean" } else { " or" };
        let _ = write!(said, "{before} `{word}`");
    }
    if !said.is_empty() {
        said.push('?');
    }
    said
}
