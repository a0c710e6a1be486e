//! Suggested edits of a taxonomy as text and as JSON.

use std::fmt::Write;

use serde::Serialize;

use super::text::{BOLD, Style, paint, percent, thousands};
use crate::run::{Grounds, Share, Suggestion, SuggestionKind, Why};
use crate::taxonomy::edit::Edit;
use crate::text::printable;

/// What an edit would do to the files, as a unified diff, or why it cannot be made.
pub type Diff<'a> = dyn Fn(&Edit) -> Result<String, String> + 'a;

/// The first `most`; 0 means all.
fn first(suggestions: &[Suggestion], most: usize) -> &[Suggestion] {
    match most {
        0 => suggestions,
        most => &suggestions[..suggestions.len().min(most)],
    }
}

/// The first `most` suggestions (0: all), each with why, its numbers and what it would do to the files.
pub fn render(suggestions: &[Suggestion], most: usize, diff: &Diff<'_>, style: Style) -> String {
    let shown = first(suggestions, most);
    let mut out = String::new();
    if shown.is_empty() {
        return "nothing to suggest\n".to_owned();
    }
    for (i, suggestion) in (1..).zip(shown) {
        let head = format!("{}  {}", suggestion.kind.name(), title(suggestion));
        let head = paint(style, BOLD, &head);
        let _ = writeln!(out, "{i:>3}  {head}");
        let _ = writeln!(out, "     {}", reason(suggestion));
        for line in numbers(suggestion) {
            let _ = writeln!(out, "     {line}");
        }
        match suggestion.edit.as_ref().map(diff) {
            // The names of the file, which are the same in all of them, are left out.
            Some(Ok(diff)) => diff.lines().skip(2).for_each(|line| {
                let _ = writeln!(out, "       {}", printable(line));
            }),
            Some(Err(why)) => drop(writeln!(out, "     by hand: {}", printable(&why))),
            None => {}
        }
        for line in advice(suggestion) {
            let _ = writeln!(out, "     {line}");
        }
    }
    if shown.len() < suggestions.len() {
        let _ = writeln!(
            out,
            "  … and {} more (--top 0 shows all)",
            thousands(suggestions.len() - shown.len())
        );
    }
    out
}

/// A suggestion with what it would do to the file.
#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    suggestion: &'a Suggestion,
    /// A unified diff of the YAML; `null` of advice, of an edit that is to be made by hand, and beyond the first few.
    diff: Option<String>,
}

/// All suggestions as a JSON list, the first `most` (0: all) with what they would do to the files.
///
/// # Errors
/// None in practice: the types hold nothing that JSON cannot say.
pub fn json(
    suggestions: &[Suggestion],
    most: usize,
    diff: &Diff<'_>,
) -> serde_json::Result<String> {
    let with_diff = first(suggestions, most).len();
    let entries = suggestions.iter().enumerate().map(|(i, suggestion)| {
        let edit = suggestion.edit.as_ref().filter(|_| i < with_diff);
        Entry {
            suggestion,
            diff: edit.and_then(|edit| diff(edit).ok()),
        }
    });
    super::json::pretty(&entries.collect::<Vec<_>>())
}

/// What is suggested, in words.
pub fn title(suggestion: &Suggestion) -> String {
    let [a, b] = names(suggestion);
    match suggestion.kind {
        SuggestionKind::MissingParent => format!("`{a}` below `{b}`"),
        SuggestionKind::Synonym => format!("`{a}` is equivalent to `{b}`"),
        SuggestionKind::Overlap => format!("`{a}` and `{b}` overlap"),
        SuggestionKind::TooCoarse => format!("split `{a}` in two"),
        SuggestionKind::NameCollision => format!("tell `{a}` from `{b}` in the prompts"),
        SuggestionKind::RedundantEdge => format!("`{a}` need not name its parent `{b}`"),
        SuggestionKind::MixedLevels => "score with candidates of one level".to_owned(),
    }
}

/// Why, in one sentence.
pub fn reason(suggestion: &Suggestion) -> String {
    let [a, b] = names(suggestion);
    match &suggestion.why {
        Why::Contained => format!("the model holds nearly all images of `{a}` to be `{b}` too"),
        Why::ChildrenContained => format!(
            "nearly all images of `{a}` are of its children, and several of these are below `{b}`"
        ),
        Why::Coincide => format!("nearly all images of `{a}` are held to be `{b}`, and the other way"),
        Why::HoldAtOnce => {
            format!("`{a}` and `{b}` are held to be true of the same images more often than by chance")
        }
        Why::Clusters(clusters) => {
            let [first, second] = clusters.sizes.map(thousands);
            format!(
                "its images are two clusters of {first} and {second}, {:.1} times their spread apart (one would be 2.7)",
                clusters.separation
            )
        }
        Why::SameName => {
            format!("`{a}` and `{b}` have a name in common and are taken for each other")
        }
        Why::SamePrompts => format!("the model cannot tell the prompts of `{a}` and `{b}` apart"),
        Why::AlreadyAbove { through } => format!(
            "`{b}` is above `{}`, which is a parent of `{a}` too",
            printable(through)
        ),
        Why::LevelsConfused => {
            "answers are above or below the annotation: `--candidates leaves`, or a list of one level, asks for one of them"
                .to_owned()
        }
    }
}

/// What is left to whoever knows, since a run cannot know the words.
pub fn advice(suggestion: &Suggestion) -> Vec<String> {
    let [a, b] = names(suggestion);
    match (&suggestion.why, suggestion.kind, &suggestion.edit) {
        (Why::Clusters(clusters), ..) => {
            let typical = clusters.typical.iter().zip(["first", "second"]);
            let mut lines: Vec<String> = typical
                .map(|(images, which)| {
                    let images: Vec<String> = images.iter().map(|name| printable(name)).collect();
                    format!("typical of the {which}: {}", images.join(", "))
                })
                .collect();
            lines.push(
                "the ids of the parts are placeholders: look at the images, and name them"
                    .to_owned(),
            );
            lines
        }
        (_, SuggestionKind::NameCollision, None) => vec![format!(
            "by hand: give `{a}` or `{b}` a `description` that tells it from the other, and `prompts: [\"{{name}}: {{description}}\"]`"
        )],
        _ => Vec::new(),
    }
}

fn names(suggestion: &Suggestion) -> [String; 2] {
    let name = |i: usize| {
        suggestion
            .nodes
            .get(i)
            .map_or(String::new(), |id| printable(id))
    };
    [name(0), name(1)]
}

/// The numbers, a few to a line; what the run does not hold is left out.
fn numbers(suggestion: &Suggestion) -> Vec<String> {
    let evidence = &suggestion.evidence;
    match suggestion.kind {
        SuggestionKind::MixedLevels => {
            return vec![format!(
                "n {}   answered above {}, below {}",
                thousands(evidence.images[0]),
                thousands(evidence.first_as_second),
                thousands(evidence.second_as_first),
            )];
        }
        SuggestionKind::TooCoarse => return vec![format!("n {}", thousands(evidence.images[0]))],
        _ => {}
    }
    let mut lines = vec![format!(
        "n {} and {}   answered for each other {} and {} times, {} against chance",
        thousands(evidence.images[0]),
        thousands(evidence.images[1]),
        thousands(evidence.first_as_second),
        thousands(evidence.second_as_first),
        signed(evidence.excess),
    )];
    let rest = rest(evidence);
    if !rest.is_empty() {
        lines.push(rest.join("   "));
    }
    lines
}

/// Every number with what it is, one after the other, of two labels both ways; a dash where it is not known.
pub fn facts(suggestion: &Suggestion) -> Vec<(&'static str, String)> {
    let evidence = &suggestion.evidence;
    let [first, second] = evidence.images.map(thousands);
    let [there, back] = [evidence.first_as_second, evidence.second_as_first].map(thousands);
    match suggestion.kind {
        SuggestionKind::MixedLevels => {
            return vec![
                ("images judged", first),
                ("answered above", there),
                ("answered below", back),
            ];
        }
        SuggestionKind::TooCoarse => return vec![("images", first)],
        _ => {}
    }
    let share = |share: Option<Share>| match share {
        Some(share) => {
            let of_all = percent(share.value());
            format!("{of_all} ({:.1} of {:.1})", share.hits, share.of)
        }
        None => percent(None),
    };
    let number = |value: Option<f64>, decimals: usize| {
        value.map_or("–".to_owned(), |value| format!("{value:.decimals$}"))
    };
    vec![
        ("images", format!("{first} and {second}")),
        (
            "confused",
            format!(
                "{there} and {back} times, by chance {:.1}: {}",
                evidence.expected,
                signed(evidence.excess)
            ),
        ),
        (
            "holds of",
            format!(
                "{}, the other way {}",
                share(evidence.second_in_first),
                share(evidence.first_in_second)
            ),
        ),
        ("Bayes factor", number(evidence.log_bayes.map(f64::exp), 1)),
        ("text cosine", number(evidence.text_cosine, 3)),
        ("image overlap", number(evidence.image_overlap, 2)),
        (
            "moves",
            format!(
                "{} confirmed, {} possible: {} points",
                thousands(evidence.moved.confirmed),
                thousands(evidence.moved.possible),
                points(evidence.accuracy)
            ),
        ),
    ]
}

/// A share of all images in points of accuracy; a dash of none.
pub fn points(accuracy: Option<f64>) -> String {
    accuracy.map_or("–".to_owned(), |share| format!("{:+.2}", 100.0 * share))
}

fn rest(evidence: &Grounds) -> Vec<String> {
    let share = |share: Option<Share>| share.and_then(Share::value);
    let mut parts = Vec::new();
    if let (Some(there), Some(back)) = (
        share(evidence.second_in_first),
        share(evidence.first_in_second),
    ) {
        parts.push(format!(
            "holds of {}, the other way of {}",
            percent(Some(there)),
            percent(Some(back))
        ));
    }
    if let Some(log_bayes) = evidence.log_bayes {
        parts.push(format!("Bayes factor {:.1}", log_bayes.exp()));
    }
    if let Some(cosine) = evidence.text_cosine {
        parts.push(format!("text cosine {cosine:.3}"));
    }
    if let Some(overlap) = evidence.image_overlap {
        parts.push(format!("image overlap {overlap:.2}"));
    }
    if let Some(accuracy) = evidence.accuracy.filter(|&a| a > 0.0) {
        parts.push(format!(
            "moves {} of the images ({} confirmed, {} possible)",
            percent(Some(accuracy)),
            thousands(evidence.moved.confirmed),
            thousands(evidence.moved.possible)
        ));
    }
    parts
}

/// To one decimal, with its sign; none is −0.
fn signed(value: f64) -> String {
    format!("{:+.1}", (10.0 * value).round() / 10.0 + 0.0)
}
