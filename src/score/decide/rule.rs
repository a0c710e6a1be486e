//! What the command line gives for a rule, and back.

use std::fmt::{self, Display};

use crate::score::measures::Measure;

/// A rule from probabilities to an answer (METHOD 7); [`Decider`](super::Decider) says what each does.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// The most probable candidate.
    Argmax,
    /// The most probable candidate that is a leaf of the taxonomy.
    Leaf,
    /// The most specific node whose mass is above one half.
    Majority,
    /// The most specific node of this mass, from 0 to 1, or more.
    Threshold(f64),
    /// The best of the lowest candidates, or the first above it of this mass, from 0 to 1, or more.
    Rollup(f64),
    /// DARTS with this share of wrong answers allowed, between 0 and 1.
    Darts(f64),
    /// The candidate of least expected distance, in this measure.
    Crm(Measure),
    /// From the roots down, keeping the best `beam` (1 or more) partial ways.
    TopDown { beam: usize },
    /// By the candidates' subclasses.
    Chils,
    /// The best five rescored where prompts disagree.
    Rerank,
    /// SpeciesNet's roll-up: the sums of the best five at genus, family, order, class, kingdom, the first above 0.65.
    SpeciesNet {
        /// Whether a best score above 0.8 is taken first.
        ensemble: bool,
    },
    /// iNaturalist's common ancestor: the lowest rank above 0.78 of what the best candidates (15 at most, above 1 % of the
    /// best) sum to.
    INaturalist {
        /// Whether ranks from genus to superfamily alone are answered.
        server: bool,
    },
    /// pybioclip's sums at a rank, by the names from kingdom down to it.
    PyBioClip(Rank),
}

/// The ranks that pybioclip sums at, from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    Kingdom,
    Phylum,
    Class,
    Order,
    Family,
    Genus,
    Species,
}

impl Rank {
    /// All of them, from the top.
    pub const ALL: [Rank; 7] = [
        Rank::Kingdom,
        Rank::Phylum,
        Rank::Class,
        Rank::Order,
        Rank::Family,
        Rank::Genus,
        Rank::Species,
    ];

    /// The name as it stands in a node's `rank:`.
    pub fn name(self) -> &'static str {
        match self {
            Rank::Kingdom => "kingdom",
            Rank::Phylum => "phylum",
            Rank::Class => "class",
            Rank::Order => "order",
            Rank::Family => "family",
            Rank::Genus => "genus",
            Rank::Species => "species",
        }
    }
}

/// Why a rule cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("unknown rule `{found}`{}; known are {}", hint(.nearest), known(&FORMS))]
    Unknown {
        found: String,
        nearest: Option<&'static str>,
    },
    #[error("the rule `{rule}` needs a value: write {form}")]
    NeedsValue {
        rule: &'static str,
        form: &'static str,
    },
    #[error("the rule `{rule}` takes no value, found `{found}`: write {rule}")]
    NoValue { rule: &'static str, found: String },
    #[error("`{found}` is no value of the rule `{rule}`: {expected}")]
    BadValue {
        rule: &'static str,
        found: String,
        expected: &'static str,
    },
    #[error("unknown measure `{found}` in `crm:{found}`{}; known are {}", hint(.nearest), known(&distances()))]
    UnknownMeasure {
        found: String,
        nearest: Option<&'static str>,
    },
    #[error("`{found}` is a similarity, and `crm` needs a distance: use {}", known(&distances()))]
    Similarity { found: &'static str },
    #[error("unknown rank `{found}` in `pybioclip:{found}`{}; known are {}", hint(.nearest), known(&Rank::ALL.map(Rank::name)))]
    UnknownRank {
        found: String,
        nearest: Option<&'static str>,
    },
}

/// How each rule is written, in the order of METHOD 7.
const FORMS: [&str; 13] = [
    "argmax",
    "leaf",
    "majority",
    "threshold:0.7",
    "rollup:0.8",
    "darts:0.05",
    "crm",
    "top-down",
    "chils",
    "rerank",
    "speciesnet",
    "inaturalist",
    "pybioclip:genus",
];

fn known(words: &[&str]) -> String {
    words.join(", ")
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |near| format!(": did you mean `{near}`?"))
}

fn distances() -> Vec<&'static str> {
    let distances = Measure::ALL.into_iter().filter(|m| !m.is_similarity());
    distances.map(Measure::name).collect()
}

/// The word nearest to `found`, if it is near enough to be meant.
fn nearest(found: &str, known: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    let limit = 1 + found.chars().count() / 4;
    known
        .into_iter()
        .map(|word| (strsim::osa_distance(found, word), word))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// The rule's name in one of [`FORMS`].
fn word(form: &'static str) -> &'static str {
    form.split(':').next().unwrap_or(form)
}

impl Rule {
    /// A rule as the command line has it: `NAME` or `NAME:VALUE`. Case and spaces around it do not matter.
    ///
    /// # Errors
    /// Names what was found, the rules or values that there are, and the nearest of them.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let text = text.trim().to_lowercase();
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (text.as_str(), None),
        };
        let Some(form) = FORMS.into_iter().find(|form| word(form) == name) else {
            return Err(RuleError::Unknown {
                nearest: nearest(name, FORMS.map(word)),
                found: text,
            });
        };
        let rule = word(form);
        let plain = |parsed: Self| match value {
            None => Ok(parsed),
            Some(found) => Err(RuleError::NoValue {
                rule,
                found: found.to_owned(),
            }),
        };
        let needed = || value.ok_or(RuleError::NeedsValue { rule, form });
        let share = |inside: fn(&f64) -> bool, expected| {
            let found = needed()?;
            let number = found.parse::<f64>().ok().filter(inside);
            number.ok_or_else(|| RuleError::BadValue {
                rule,
                found: found.to_owned(),
                expected,
            })
        };
        // Whether the one variant that the rule has is asked for.
        let variant = |known: &str, expected| match value {
            None => Ok(false),
            Some(found) if found == known => Ok(true),
            Some(found) => Err(RuleError::BadValue {
                rule,
                found: found.to_owned(),
                expected,
            }),
        };
        match rule {
            "argmax" => plain(Self::Argmax),
            "leaf" => plain(Self::Leaf),
            "majority" => plain(Self::Majority),
            "chils" => plain(Self::Chils),
            "rerank" => plain(Self::Rerank),
            "speciesnet" => variant("ensemble", "write speciesnet, or speciesnet:ensemble to take a sure best score first")
                .map(|ensemble| Self::SpeciesNet { ensemble }),
            "inaturalist" => variant("server", "write inaturalist, or inaturalist:server for ranks from genus to superfamily alone")
                .map(|server| Self::INaturalist { server }),
            "threshold" | "rollup" => {
                // `0 + x`: −0 is 0.
                let mass = 0.0
                    + share(
                        |t| (0.0..=1.0).contains(t),
                        "the least mass, a number from 0 to 1",
                    )?;
                Ok(if rule == "rollup" {
                    Self::Rollup(mass)
                } else {
                    Self::Threshold(mass)
                })
            }
            "darts" => share(
                |e| *e > 0.0 && *e < 1.0,
                "the share of wrong answers allowed, a number between 0 and 1",
            )
            .map(Self::Darts),
            "crm" => value.map_or(Ok(Measure::Height), distance).map(Self::Crm),
            "top-down" => value.map_or(Ok(1), beam).map(|beam| Self::TopDown { beam }),
            _ => rank(needed()?).map(Self::PyBioClip),
        }
    }

    /// The canonical text, which [`parse`](Self::parse) reads back: values that were left out are there.
    pub fn name(&self) -> String {
        self.to_string()
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argmax => f.write_str("argmax"),
            Self::Leaf => f.write_str("leaf"),
            Self::Majority => f.write_str("majority"),
            Self::Threshold(mass) => write!(f, "threshold:{mass}"),
            Self::Rollup(mass) => write!(f, "rollup:{mass}"),
            Self::Darts(wrong) => write!(f, "darts:{wrong}"),
            Self::Crm(measure) => write!(f, "crm:{}", measure.name()),
            Self::TopDown { beam: 1 } => f.write_str("top-down"),
            Self::TopDown { beam } => write!(f, "top-down:beam={beam}"),
            Self::Chils => f.write_str("chils"),
            Self::Rerank => f.write_str("rerank"),
            Self::SpeciesNet { ensemble: false } => f.write_str("speciesnet"),
            Self::SpeciesNet { ensemble: true } => f.write_str("speciesnet:ensemble"),
            Self::INaturalist { server: false } => f.write_str("inaturalist"),
            Self::INaturalist { server: true } => f.write_str("inaturalist:server"),
            Self::PyBioClip(rank) => write!(f, "pybioclip:{}", rank.name()),
        }
    }
}

fn distance(found: &str) -> Result<Measure, RuleError> {
    match Measure::by_name(found) {
        Some(measure) if measure.is_similarity() => Err(RuleError::Similarity {
            found: measure.name(),
        }),
        Some(measure) => Ok(measure),
        None => Err(RuleError::UnknownMeasure {
            nearest: nearest(found, distances()),
            found: found.to_owned(),
        }),
    }
}

fn beam(found: &str) -> Result<usize, RuleError> {
    let number = found
        .split_once('=')
        .filter(|(field, _)| field.trim() == "beam");
    let number = number.and_then(|(_, number)| number.trim().parse::<usize>().ok());
    number
        .filter(|&n| n > 0)
        .ok_or_else(|| RuleError::BadValue {
            rule: "top-down",
            found: found.to_owned(),
            expected: "write top-down:beam=5, with the number of partial ways that are kept, at least 1",
        })
}

fn rank(found: &str) -> Result<Rank, RuleError> {
    let rank = Rank::ALL.into_iter().find(|rank| rank.name() == found);
    rank.ok_or_else(|| RuleError::UnknownRank {
        nearest: nearest(found, Rank::ALL.map(Rank::name)),
        found: found.to_owned(),
    })
}
