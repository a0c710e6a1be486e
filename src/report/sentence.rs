//! A verdict in one sentence.

use crate::score::Verdict;

/// What was answered of one image, by names.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    pub answer: Option<&'a str>,
    /// The annotated label that the answer is best related to, or the first.
    pub truth: Option<&'a str>,
    pub verdict: Option<Verdict>,
    /// What is above both, if something is.
    pub common: Option<&'a str>,
    /// Cosine of the two labels' prototypes.
    pub text_cosine: Option<f64>,
}

/// The sentence.
pub fn sentence(said: &Said<'_>) -> String {
    let Some(truth) = said.truth else {
        return match said.answer {
            Some(answer) => format!("answered {answer}; without an annotation there is no verdict"),
            None => "no answer, and no annotation".into(),
        };
    };
    let Some(answer) = said.answer else {
        return format!("annotated {truth}; no answer: the rule abstained");
    };
    let Some(verdict) = said.verdict else {
        return format!(
            "answered {answer}, annotated {truth}: the re-annotation does not name this image, so it is not judged"
        );
    };
    let met = match said.common {
        Some(common) => format!("what they share is that both are {common}"),
        None => "they share nothing".to_owned(),
    };
    let why = match verdict {
        Verdict::Exact => return format!("answered {answer}: the annotated label"),
        Verdict::Synonym => "another name of the same, so true".to_owned(),
        Verdict::AlsoValid => "another label that is right for this image, so true".to_owned(),
        Verdict::Generalised => "an ancestor, so true and less specific".to_owned(),
        Verdict::Specialised => {
            "a descendant, so it may be true: the annotation is too general to tell".to_owned()
        }
        Verdict::Overlap => "the two overlap, so both may hold".to_owned(),
        Verdict::NameCollision => match said.text_cosine {
            Some(cosine) => format!(
                "the model cannot tell their prompts apart (cosine {cosine:.3}), so it may mean the same"
            ),
            None => "the two go by the same word, so it may mean the same".to_owned(),
        },
        Verdict::Near => format!("a sibling: {met}; a real mistake, though a near one"),
        Verdict::Related => format!("{met}; a real mistake"),
        Verdict::Unrelated => "nothing in the taxonomy is above both; a real mistake".to_owned(),
    };
    format!("answered {answer}, annotated {truth}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: Said<'_> = Said {
        answer: Some("rectangle"),
        truth: Some("square"),
        verdict: Some(Verdict::Generalised),
        common: Some("rectangle"),
        text_cosine: None,
    };

    #[test]
    fn the_sentence_says_what_the_verdict_means() {
        assert_eq!(
            sentence(&SAID),
            "answered rectangle, annotated square: an ancestor, so true and less specific"
        );
        let near = Said {
            answer: Some("kite"),
            verdict: Some(Verdict::Near),
            common: Some("quadrilateral"),
            ..SAID
        };
        assert_eq!(
            sentence(&near),
            "answered kite, annotated square: a sibling: what they share is that both are quadrilateral; a real mistake, though a near one"
        );
        let none = Said {
            answer: None,
            verdict: None,
            ..SAID
        };
        assert_eq!(
            sentence(&none),
            "annotated square; no answer: the rule abstained"
        );
        let unlabelled = Said {
            truth: None,
            verdict: None,
            ..SAID
        };
        assert!(sentence(&unlabelled).contains("without an annotation"));
    }
}
