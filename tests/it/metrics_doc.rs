//! Holds `docs/metrics.md` to the code: every figure of a summary and everything that has a name has its place there, and
//! what has a place exists.
//!
//! A place is a code span: `` `summary: PATH …` `` with paths as in `summary.json`, where `[]` stands for every element and
//! `a.{b,c}` for `a.b` and `a.c`; or `` `KIND: NAME` ``, such as `` `measure: lin` ``.

use std::borrow::Cow;
use std::collections::BTreeSet;

use cladist::matrix::Matrix;
use cladist::run::{Evidence, Inputs, Prompts, Run};
use cladist::score::{
    Annotation, Annotations, CreditPolicy, Gaussians, Link, Match, Measure, Rule, Verdict,
};
use cladist::taxonomy::{Taxonomy, load_str};
use serde_json::{Value, json};

use crate::verdicts::{inputs, manifest};

const DOC: &str = include_str!("../../docs/metrics.md");

/// What the document has of a kind; twice is once too often.
fn places(kind: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // Between the first and the second backtick, the third and the fourth, …
    for span in DOC.split('`').skip(1).step_by(2) {
        let Some(places) = span.strip_prefix(kind).and_then(|s| s.strip_prefix(": ")) else {
            continue;
        };
        for place in places.split_whitespace().flat_map(expanded) {
            let is_new = found.insert(place.clone());
            assert!(is_new, "docs/metrics.md has `{kind}: {place}` twice");
        }
    }
    found
}

/// `a.{b,c}.d` is `a.b.d` and `a.c.d`.
fn expanded(place: &str) -> Vec<String> {
    let Some((before, rest)) = place.split_once('{') else {
        return vec![place.to_owned()];
    };
    let (choices, after) = rest.split_once('}').expect("a brace is closed");
    let choices = choices.split(',');
    choices
        .flat_map(|choice| expanded(&format!("{before}{choice}{after}")))
        .collect()
}

/// Compares, and says what is to be done.
#[track_caller]
fn compare(kind: &str, documented: &BTreeSet<String>, known: &BTreeSet<String>, source: &str) {
    let list = |a: &BTreeSet<String>, b: &BTreeSet<String>| -> String {
        let only = a.difference(b).map(|name| format!("  `{kind}: {name}`\n"));
        only.collect()
    };
    let (missing, gone) = (list(known, documented), list(documented, known));
    assert!(
        missing.is_empty() && gone.is_empty(),
        "docs/metrics.md lacks a place for what is in {source}:\n{missing}and has places for what is not there:\n{gone}"
    );
}

/// The paths of all values; an interval is one.
fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        // Its fields are paths, those of the figures that they are of.
        Value::Object(_) if path == "intervals_95" => {
            found.insert(path.to_owned());
        }
        Value::Object(fields) if !fields.keys().eq(["low", "high"]) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(value, &format!("{path}{dot}{name}"), found);
            }
        }
        Value::Array(elements) => {
            let path = format!("{path}[]");
            if elements.is_empty() {
                found.insert(path);
            } else {
                elements.iter().for_each(|e| leaves(e, &path, found));
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// A summary that lacks nothing: there are probabilities, a re-annotation, a calibrated rule, and errors enough for intervals.
fn summary() -> Value {
    let taxonomy = load_str(
        "shapes",
        "tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], circle: }}",
    )
    .into_sound()
    .unwrap();
    let candidates = [
        "square",
        "oblong",
        "lozenge",
        "circle",
        "rectangle",
        "figure",
    ];
    let node = |id: &str| taxonomy.find(id).unwrap();
    let images = 60;
    let annotations = (0..images).map(|i| Annotation {
        truths: vec![node(candidates[i % 4])],
        valid: Some(vec![node(candidates[i % 3])]),
    });
    let scores = (0..images * candidates.len()).map(|i| 1.0 + (i * i % 17) as f32);
    let evidence = Evidence::Scored(
        Cow::Owned(Matrix::new(candidates.len(), scores.collect())),
        Link::Probabilities,
    );
    let annotations = Annotations::new(annotations, true);
    let inputs = Inputs {
        uncertainty: Some((0..images).map(|i| (i * i % 7) as f64).collect()),
        rule: Rule::Darts(0.5),
        calibration: (0..20).collect(),
        ..inputs(
            &taxonomy,
            candidates.map(node).to_vec(),
            annotations,
            evidence,
        )
    };
    let run = Run::build(inputs, manifest()).expect("the root is right, if nothing else is");
    let mut summary = json!(run.summary);
    summary["inclusion"] = inclusion(&taxonomy);
    summary
}

/// What needs distributions of labels, which those who give scores have not.
fn inclusion(taxonomy: &Taxonomy) -> Value {
    let nodes = ["square", "rectangle"].map(|id| taxonomy.find(id).unwrap());
    let embeddings = Gaussians {
        means: Matrix::new(2, vec![0.6, 0.8, 1.0, 0.0]),
        variances: Some(Matrix::new(2, vec![0.1, 0.1, 0.2, 0.2])),
    };
    let prompts = Prompts {
        nodes: nodes.to_vec(),
        counts: vec![1, 1],
        embeddings,
    };
    let evidence = Evidence::Embedded {
        images: Cow::Owned(Matrix::new(2, vec![0.6, 0.8])),
        prompts: Cow::Owned(prompts),
        kinds: None,
        logit_scale: 1.0,
        similarities: None,
    };
    let annotations = Annotations::of_truths([vec![nodes[0]]]);
    let inputs = inputs(taxonomy, nodes.to_vec(), annotations, evidence);
    let run = Run::build(inputs, manifest()).expect("argmax needs nothing");
    let found = run.summary.inclusion.expect("σ² of the labels is known");
    // The narrower is in the wider.
    assert_eq!((found.n, found.included, found.share), (1, 1, 1.0));
    json!(found)
}

#[test]
fn every_figure_of_a_summary_is_explained() {
    let (mut known, summary) = (BTreeSet::new(), summary());
    leaves(&summary, "", &mut known);
    compare("summary", &places("summary"), &known, "summary.json");
    for figure in summary["intervals_95"].as_object().unwrap().keys() {
        assert!(
            known.contains(figure),
            "an interval of {figure}, which is no figure"
        );
    }
}

#[test]
fn everything_that_has_a_name_is_explained() {
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    // Where there is no list of all, an error that helps has one.
    let told = |error: String, after: &str| -> BTreeSet<String> {
        let known = error.rsplit_once(after).expect("a list").1.split(", ");
        known
            .map(|form| form.split(':').next().unwrap_or(form).to_owned())
            .collect()
    };
    let measures = Measure::ALL.map(Measure::name);
    compare("measure", &places("measure"), &set(&measures), "Measure");
    let verdicts = Verdict::ALL.map(Verdict::name);
    compare("verdict", &places("verdict"), &set(&verdicts), "Verdict");
    let strategies = Match::ALL.map(Match::name);
    compare("match", &places("match"), &set(&strategies), "Match");
    let rules = told(Rule::parse("?").unwrap_err().to_string(), "known are ");
    compare("rule", &places("rule"), &rules, "Rule");
    let unknown = CreditPolicy::by_name("?").unwrap_err().to_string();
    let mut policies = told(unknown, "use one of ");
    policies.insert("table".to_owned());
    compare("credit", &places("credit"), &policies, "CreditPolicy");
}

/// The tests are as good as what they read.
#[test]
fn braces_and_lists_are_read() {
    assert_eq!(
        expanded("a.{b,c}.{d,e}").join(" "),
        "a.b.d a.b.e a.c.d a.c.e"
    );
    let mut found = BTreeSet::new();
    let value = json!({"a": [{"b": 1}, {"c": {"low": 0, "high": 1}}], "d": {"e": null}});
    leaves(&value, "", &mut found);
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["a[].b", "a[].c", "d.e"]
    );
    assert!(places("measure").len() > 1 && places("summary").len() > 50);
}
