//! Which pairs are asked for: `label:` with a label, or a part of a name, or both.

use std::collections::HashMap;

use crate::run::{Completion, ConfusedPair, Opened, complete};
use crate::taxonomy::{NodeId, Resolution, Taxonomy};

const LABEL: &str = "label:";

/// What is asked of a pair, made ready for a taxonomy.
#[derive(Debug, Default, PartialEq)]
pub struct Filter {
    /// By [`NodeId::index`]: what one side must be.
    label: Option<Vec<bool>>,
    /// In lower case: what an id or a name of one side must have in it.
    text: String,
}

impl Filter {
    /// # Errors
    /// A label that the taxonomy has not.
    pub fn parse(text: &str, taxonomy: &Taxonomy) -> Result<Self, String> {
        let Some(rest) = text.trim().strip_prefix(LABEL) else {
            return Ok(Self {
                label: None,
                text: text.trim().to_lowercase(),
            });
        };
        let (label, rest) = value(rest.trim_start())?;
        let nodes = meant(&label, taxonomy)?;
        let mut is_in = vec![false; taxonomy.len()];
        for below in nodes.iter().flat_map(|&n| taxonomy.descendants(n)) {
            is_in[below.index()] = true;
        }
        Ok(Self {
            label: Some(is_in),
            text: rest.trim().to_lowercase(),
        })
    }

    pub fn is_all(&self) -> bool {
        self.label.is_none() && self.text.is_empty()
    }

    /// The numbers of the pairs that match, in their order. Each label is looked at once.
    pub fn select(&self, pairs: &[ConfusedPair], taxonomy: &Taxonomy) -> Vec<u32> {
        let all = 0..pairs.len() as u32;
        if self.is_all() {
            return all.collect();
        }
        let mut known: HashMap<&str, (bool, bool)> = HashMap::new();
        let mut of = |id| *known.entry(id).or_insert_with(|| self.of_id(id, taxonomy));
        let matches = |&i: &u32| {
            let pair = &pairs[i as usize];
            let (a, b) = (of(&pair.truth), of(&pair.answer));
            (a.0 || b.0) && (a.1 || b.1)
        };
        all.filter(matches).collect()
    }

    /// Whether an id is the label or below it, and whether it has the text.
    fn of_id(&self, id: &str, taxonomy: &Taxonomy) -> (bool, bool) {
        let node = taxonomy.find(id);
        let is_label = match &self.label {
            None => true,
            Some(is_in) => node.is_some_and(|n| is_in[n.index()]),
        };
        (is_label, has_text(&self.text, id, node, taxonomy))
    }
}

/// Whether a text in lower case is in an id or in a name of its node.
pub fn has_text(text: &str, id: &str, node: Option<NodeId>, taxonomy: &Taxonomy) -> bool {
    let is_in = |name: &str| name.to_lowercase().contains(text);
    let names = node.map(|n| taxonomy.node(n).names.iter());
    is_in(id) || names.is_some_and(|mut names| names.any(|name| is_in(name)))
}

/// What follows `label:`, and the rest.
fn value(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (label, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        // As completion and the language of images write it; what is below is meant anyhow.
        let inner = label.strip_prefix("under(");
        let label = inner.map_or(label, |inner| inner.trim_end_matches(')'));
        return match label.is_empty() {
            true => Err("a label is expected after `label:`".to_owned()),
            false => Ok((label.to_owned(), rest)),
        };
    };
    let mut label = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Ok((label, &quoted[at + 1..])),
            '\\' => label.extend(characters.next().map(|(_, c)| c)),
            c => label.push(c),
        }
    }
    Err("the quote is not closed".to_owned())
}

fn meant(label: &str, taxonomy: &Taxonomy) -> Result<Vec<NodeId>, String> {
    match taxonomy.resolve(label) {
        Resolution::One(node) => Ok(vec![node]),
        Resolution::Ambiguous(nodes) => Ok(nodes),
        Resolution::Unknown(nearest) => {
            let nearest: Vec<String> = nearest.iter().map(|n| format!("`{n}`")).collect();
            let mean = match nearest.is_empty() {
                true => String::new(),
                false => format!("; did you mean {}?", nearest.join(" or ")),
            };
            Err(format!("no label `{label}`{mean}"))
        }
    }
}

/// How a filter may go on: `label:`, and labels after it.
pub fn completions(text: &str, cursor: usize, run: &Opened) -> Vec<Completion> {
    if text.starts_with(LABEL) && cursor >= LABEL.len() {
        let all = complete(text, cursor, run).into_iter();
        let is_label = |c: &Completion| !matches!(c.text.as_str(), "under(" | "above(" | "none");
        return all.filter(is_label).collect();
    }
    let is_begun = cursor <= text.len() && !text.is_empty() && LABEL.starts_with(text);
    let label = Completion {
        range: 0..text.len(),
        text: LABEL.to_owned(),
        note: "this label or what is below it, on either side".to_owned(),
    };
    is_begun.then_some(label).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::confusions;
    use crate::run::testing::{Image, opened};

    #[test]
    fn a_filter_asks_for_a_label_or_for_a_part_of_a_name() {
        let text = "
nodes:
  animal:
  dog: {parents: [animal], names: [domestic dog, hound]}
  pug: {parents: [dog]}
  cat: {parents: [animal]}
  car:
";
        let images = [
            ("pug", "cat"),
            ("cat", "car"),
            ("car", "dog"),
            ("car", "cat"),
        ];
        let run = opened(text, &images.map(|(t, a)| Image::new(&[t], Some(a))));
        let found = confusions(&run.saved, &run.taxonomy, None).unwrap();
        let check = |text: &str, expected: &[(&str, &str)]| {
            let filter = Filter::parse(text, &run.taxonomy).unwrap();
            let rows = filter.select(&found.pairs, &run.taxonomy);
            let pair = |i: u32| {
                let pair = &found.pairs[i as usize];
                (pair.truth.as_str(), pair.answer.as_str())
            };
            let mut rows: Vec<_> = rows.into_iter().map(pair).collect();
            rows.sort_unstable();
            assert_eq!(rows, expected, "{text}");
        };
        check(
            "",
            &[
                ("car", "cat"),
                ("car", "dog"),
                ("cat", "car"),
                ("pug", "cat"),
            ],
        );
        check("HOUND", &[("car", "dog")]);
        check("label:dog", &[("car", "dog"), ("pug", "cat")]);
        check("label:\"Domestic Dog\" cat", &[("pug", "cat")]);
        check("label:under(dog)", &[("car", "dog"), ("pug", "cat")]);
        let error = |text: &str| Filter::parse(text, &run.taxonomy).unwrap_err();
        assert_eq!(error("label:dogg"), "no label `dogg`; did you mean `dog`?");
        assert_eq!(error("label:"), "a label is expected after `label:`");
        assert_eq!(error("label:\"do"), "the quote is not closed");
    }
}
