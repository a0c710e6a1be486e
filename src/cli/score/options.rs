//! How to score, whatever is scored: the options, and what they mean.

use std::path::Path;

use anyhow::{Context, bail};
use clap::ValueHint;
use serde_json::json;

use crate::cli::count;
use crate::cli::model_args::ImageArgs;
use crate::cli::output::tell;
use crate::dataset::OnUnknownLabel;
use crate::hash;
use crate::names::Names;
use crate::run::Candidates;
use crate::score::{
    Annotations, Collisions, CreditPolicy, DecideError, Match, Root, Rule, RuleError,
};
use crate::taxonomy::{NodeId, Taxonomy};
use crate::text::{self, TextError};

/// How to score, whatever is scored.
#[derive(Debug, Clone, clap::Args)]
pub struct ScoreOptions {
    #[command(flatten)]
    pub image: ImageArgs,

    /// Prompt templates: a YAML file (FILE#SET for one of several), or a built-in set: bare, general, taxonomic
    #[arg(long, value_name = "FILE|SET", value_hint = ValueHint::AnyPath)]
    pub(super) prompts: Option<String>,

    /// Prompt with every name of a label, not the preferred one alone; default: as the prompts say, else no
    // Takes `=false`, so that the command line can take back what a file says.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    pub(super) synonyms: Option<bool>,

    /// What may be answered: truths (the labels that occur), leaves, all, under:NODE, or a file with a label a line; default: truths
    #[arg(long, value_name = "WHICH", value_hint = ValueHint::AnyPath)]
    pub candidates: Option<String>,

    /// Ranked candidates to keep for each image; 0 keeps all
    #[arg(long, value_name = "K", default_value_t = 5)]
    pub(super) top_k: usize,

    /// Credit policy: strict, logical, hf1, wu-palmer, lin or depth; default: the taxonomy's, else logical
    #[arg(long, value_name = "POLICY")]
    pub(super) credit: Option<String>,

    /// How an image is matched with a label's prompts: mean (their one prototype), max, smooth-chamfer, gaussian, or prolip
    /// (by the uncertainty that a ProLIP model tells)
    #[arg(long = "match", value_name = "STRATEGY", default_value = "mean", value_parser = strategy)]
    pub(super) strategy: Match,

    /// How an answer comes from the probabilities: argmax, leaf, majority, threshold:MASS, rollup:MASS, darts:ERROR, crm[:DISTANCE],
    /// top-down[:beam=N], chils, rerank, speciesnet, inaturalist or pybioclip:RANK
    #[arg(long, value_name = "RULE", default_value = "argmax", value_parser = rule)]
    pub(super) decide: Rule,

    /// Share of the labelled images that a rule is calibrated on (darts); they are left out of the figures
    #[arg(long, value_name = "SHARE")]
    pub(super) calibration: Option<f64>,

    /// Whether the root counts in hierarchical precision and recall: as it is declared, counted (also the virtual one above
    /// several), or excluded
    #[arg(long, value_name = "HOW", default_value = "declared", value_parser = root)]
    pub(super) root: Root,

    /// Cosine of two labels' text prototypes from which they count as the same name
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true, default_value_t = Collisions::DEFAULT_THRESHOLD)]
    pub(super) collision_cosine: f64,

    /// What to do with images one of whose labels names no node of the taxonomy, or several
    #[arg(long, value_enum, value_name = "DO", default_value = "error")]
    pub(super) on_unknown_label: OnUnknown,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum OnUnknown {
    Error,
    Skip,
}

fn strategy(text: &str) -> Result<Match, String> {
    match Match::by_name(text) {
        Some(strategy) => Ok(strategy),
        None => Err("use mean, max, smooth-chamfer, gaussian or prolip".to_owned()),
    }
}

fn root(text: &str) -> Result<Root, String> {
    let known = || Root::ALL.map(Root::name).join(", ");
    Root::by_name(text).ok_or_else(|| format!("use one of {}", known()))
}

fn rule(text: &str) -> Result<Rule, RuleError> {
    Rule::parse(text)
}

impl ScoreOptions {
    pub(super) fn on_unknown(&self) -> OnUnknownLabel {
        match self.on_unknown_label {
            OnUnknown::Error => OnUnknownLabel::Error,
            OnUnknown::Skip => OnUnknownLabel::Skip,
        }
    }

    /// Refuses values that mean nothing.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if let Some(share) = self.calibration {
            if !(share > 0.0 && share < 1.0) {
                bail!("--calibration {share}: a share is between 0 and 1");
            }
            if !matches!(self.decide, Rule::Darts(_)) {
                bail!(
                    "--calibration: the rule `{}` is not calibrated",
                    self.decide
                );
            }
        }
        if self.calibration.is_none() && matches!(self.decide, Rule::Darts(_)) {
            let rule = self.decide.name();
            bail!(DecideError::NeedsCalibration { rule });
        }
        if (-1.0..=1.0).contains(&self.collision_cosine) {
            return Ok(());
        }
        bail!(
            "--collision-cosine {}: a cosine is from -1 to 1",
            self.collision_cosine
        );
    }
}

pub fn credit_policy(
    options: &ScoreOptions,
    source: &Path,
    taxonomy: &Taxonomy,
) -> anyhow::Result<CreditPolicy> {
    match (&options.credit, taxonomy.credit()) {
        (Some(name), _) => CreditPolicy::by_name(name).context("--credit"),
        (None, Some(section)) => CreditPolicy::from_section(section)
            .with_context(|| format!("{}: credit", source.display())),
        (None, None) => Ok(CreditPolicy::Logical),
    }
}

/// What `--candidates` says, or another option that chooses labels.
pub fn candidate_choice(argument: Option<&str>, option: &str) -> anyhow::Result<Candidates> {
    Ok(match argument {
        None | Some("truths") => Candidates::Truths,
        Some("leaves") => Candidates::Leaves,
        Some("all") => Candidates::All,
        Some(argument) => match argument.strip_prefix("under:") {
            Some(label) => Candidates::Under(label.to_owned()),
            None => candidate_list(Path::new(argument), option)?,
        },
    })
}

/// A choice as it is written on the command line.
pub fn value_name(choice: impl clap::ValueEnum) -> String {
    let value = choice.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// A label a line; blank lines and lines that begin with `#` are passed over.
fn candidate_list(path: &Path, option: &str) -> anyhow::Result<Candidates> {
    let shown = path.display();
    let text = text::read(path).map_err(|error| match error {
        TextError::Read { .. } => anyhow::Error::new(error).context(format!(
            "{option} {shown}: use leaves, all, under:NODE, or a file with a label a line"
        )),
        error => error.into(),
    })?;
    let labels = text
        .lines()
        .enumerate()
        .map(|(i, line)| (format!("line {}", i + 1), line.trim().to_owned()))
        .filter(|(_, label)| !label.is_empty() && !label.starts_with('#'))
        .collect();
    Ok(Candidates::List {
        source: shown.to_string(),
        labels,
    })
}

/// The labelled images that a rule is calibrated on: by their names, so that they are the same in every run.
pub fn calibration(
    options: &ScoreOptions,
    images: &Names,
    annotations: &Annotations,
) -> Vec<usize> {
    let Some(share) = options.calibration else {
        return Vec::new();
    };
    let is_set_aside = |name: &str| {
        let hash = hash::of_bytes(name.as_bytes());
        let number = u32::from_str_radix(&hash[..8], 16).unwrap_or(u32::MAX);
        f64::from(number) < share * f64::from(u32::MAX)
    };
    (0..images.len())
        .filter(|&i| !annotations.get(i).truths.is_empty() && is_set_aside(images.get(i)))
        .collect()
}

/// Tells that the candidates are the labels that occur, which nobody asked for.
pub fn tell_of_truths_as_candidates(candidates: &[NodeId]) {
    tell!(
        "candidates: the {} that occur{} as truth (--candidates leaves|all|FILE|under:NODE for others)",
        count(candidates.len(), "label"),
        if candidates.len() == 1 { "s" } else { "" }
    );
}

/// The options that every run has, as resolved.
pub fn common_options(
    options: &ScoreOptions,
    policy: &CreditPolicy,
) -> Vec<(String, serde_json::Value)> {
    [
        ("collision-cosine", json!(options.collision_cosine)),
        ("credit", json!(policy.name())),
        ("decide", json!(options.decide.name())),
        ("match", json!(options.strategy.name())),
        ("root", json!(options.root.name())),
        ("calibration", json!(options.calibration)),
        (
            "on-unknown-label",
            json!(value_name(options.on_unknown_label)),
        ),
        ("top-k", json!(options.top_k)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
