//! `cladist suggest`: edits of the taxonomy that a saved run speaks for.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueHint;

use super::confusions::taxonomy_of;
use super::output;
use super::score::EmbeddingsArgs;
use crate::report;
use crate::run::{self, Opened, SuggestionKind};
use crate::taxonomy::edit::{self, Edit, EditedFile};

/// Suggest edits of the taxonomy that the answers of a saved run speak for, each with its numbers.
///
/// Missing parents (one label holds of all images of another), synonyms (each holds of the images of the other), overlaps, names that
/// collide, redundant edges, and candidates that mix levels. Each has the images of the two labels, how often one was answered for the
/// other and how much more often than by chance, and the accuracy that the edit moves. A run says what labels mean to its model
/// and its annotators: whether they are right is for you to say.
///
/// A run keeps no embeddings. With those of its images, how far the images of two labels coincide counts too, and labels whose images are
/// of two sorts are found.
#[derive(clap::Args)]
pub struct SuggestArgs {
    /// A directory that `cladist score --out` wrote
    #[arg(value_name = "RUN_DIR", value_hint = ValueHint::DirPath)]
    run: PathBuf,

    /// Suggestions of this kind alone; may be given several times
    #[arg(long, value_enum, value_name = "KIND")]
    kind: Vec<Kind>,

    /// Suggestions to show as text, or to show a diff of as JSON; 0: all
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,

    /// The taxonomy, if it is not where the run found it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    taxonomy: Option<PathBuf>,

    #[command(flatten)]
    embeddings: EmbeddingsArgs,

    /// How to print the suggestions; JSON has all of them
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    MissingParent,
    Synonym,
    Overlap,
    TooCoarse,
    NameCollision,
    RedundantEdge,
    MixedLevels,
}

impl From<Kind> for SuggestionKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::MissingParent => Self::MissingParent,
            Kind::Synonym => Self::Synonym,
            Kind::Overlap => Self::Overlap,
            Kind::TooCoarse => Self::TooCoarse,
            Kind::NameCollision => Self::NameCollision,
            Kind::RedundantEdge => Self::RedundantEdge,
            Kind::MixedLevels => Self::MixedLevels,
        }
    }
}

pub fn run(args: &SuggestArgs) -> anyhow::Result<ExitCode> {
    let saved = run::load_whole(&args.run)?;
    let taxonomy = taxonomy_of(&saved, args.taxonomy.as_deref())?;
    let opened = Opened::new(saved, taxonomy);
    // What the taxonomy has not would be passed over in silence.
    opened.known_nodes()?;
    let embedded = args.embeddings.read(&opened, &args.run)?;
    let mut suggestions = run::suggest(&opened, embedded.embeddings());
    if !args.kind.is_empty() {
        let wanted: Vec<SuggestionKind> = args.kind.iter().map(|&kind| kind.into()).collect();
        suggestions.retain(|suggestion| wanted.contains(&suggestion.kind));
    }
    let diff = |edit: &Edit| -> Result<String, String> {
        let edited = edit::apply(&opened.taxonomy, edit).map_err(|refusal| refusal.to_string())?;
        Ok(edited.files.iter().map(EditedFile::diff).collect())
    };
    let text = match args.format {
        Format::Text => report::suggest::render(&suggestions, args.top, &diff, output::style()),
        Format::Json => report::suggest::json(&suggestions, args.top, &diff)?,
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
