//! Prompt templates and what they expand to for each label. Pure: no I/O, no encoding.
//!
//! A file holds named sets:
//!
//! ```yaml
//! sets:
//!   general:
//!     templates: ["a photo of {a name}.", "a drawing of {a name}."]
//!     synonyms: false        # true: every name of a label, not the preferred one alone
//! ```
//!
//! or, for one set, `templates:` and `synonyms:` at the top, or a plain list. `docs/prompts.md` tells the whole story.

mod article;
mod file;
mod template;

use std::collections::HashSet;

use crate::taxonomy::{Code, Diagnostic, NodeId, Taxonomy};

pub use article::with_article;
pub use file::{Fault, PromptFile, parse};
pub use template::TemplateError;

use template::{Fields, Template};

/// The built-in set that is used where none is named.
pub const DEFAULT: &str = "general";

/// Names of the built-in sets.
pub const BUILTIN: [&str; 3] = ["bare", "general", "taxonomic"];

/// Why prompts could not be read or expanded.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Everything that is wrong with a prompt file, a line each.
    #[error("{}", .0.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n"))]
    File(Vec<Fault>),
    #[error("node `{node}`: template `{template}`: {error}")]
    NodeTemplate {
        node: String,
        template: String,
        error: TemplateError,
    },
}

/// A named set of templates, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSet {
    pub name: String,
    templates: Vec<Template>,
    synonyms: bool,
}

impl TemplateSet {
    /// Whether every name of a label is prompted with, unless [`ExpandOptions`] say otherwise.
    pub fn synonyms(&self) -> bool {
        self.synonyms
    }

    /// A set of one template.
    ///
    /// # Errors
    /// A text that is no template.
    pub fn single(template: &str, synonyms: bool) -> Result<Self, TemplateError> {
        Ok(Self {
            name: template.to_owned(),
            templates: vec![Template::parse(template)?],
            synonyms,
        })
    }

    /// The templates as they are written.
    pub fn templates(&self) -> impl ExactSizeIterator<Item = &str> {
        self.templates.iter().map(Template::text)
    }
}

/// How to expand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpandOptions {
    /// Whether every name is prompted with; `None`: as the set says.
    pub synonyms: Option<bool>,
}

/// The prompts of one label; their embeddings are averaged as CLIP does (normalise, mean, normalise).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// At least one, each once, in the order of templates, then names, then parents.
    pub texts: Vec<String>,
    /// The template that each text comes from, by its place in [`templates_of`] the node; `None` of a name that stands alone.
    pub templates: Vec<Option<usize>>,
    /// Templates left out because the node lacks what they ask for.
    pub left_out: usize,
}

/// A built-in set.
pub fn builtin(name: &str) -> Option<TemplateSet> {
    let text = match name {
        "bare" => include_str!("../../prompts/bare.yaml"),
        "general" => include_str!("../../prompts/general.yaml"),
        "taxonomic" => include_str!("../../prompts/taxonomic.yaml"),
        _ => return None,
    };
    let file = parse(name, text).expect("the built-in sets are tested");
    file.set(name).cloned()
}

/// What the templates of `set` expand to for `node`.
///
/// The node's own `prompts` replace the set's templates. A template with `{parent}` or `{path}` gives one prompt for
/// each parent. A template that needs a parent or a description which the node lacks is left out (and counted); if none
/// is left the name alone is the prompt: there is never a hole in a sentence.
///
/// # Errors
/// A template of the node's own that is not one.
pub fn expand(
    set: &TemplateSet,
    taxonomy: &Taxonomy,
    node: NodeId,
    options: &ExpandOptions,
) -> Result<Expansion, PromptError> {
    let own: Vec<Template> = taxonomy
        .node(node)
        .prompts
        .iter()
        .map(|text| {
            Template::parse(text).map_err(|error| PromptError::NodeTemplate {
                node: taxonomy.id(node).to_owned(),
                template: text.clone(),
                error,
            })
        })
        .collect::<Result<_, _>>()?;
    let templates = if own.is_empty() { &set.templates } else { &own };
    let names = &taxonomy.node(node).names;
    let all_names = options.synonyms.unwrap_or(set.synonyms);
    let names = if all_names {
        names.as_slice()
    } else {
        &names[..1]
    };
    let description = taxonomy.node(node).description.as_deref();
    let places = places(taxonomy, node);

    let mut texts: Vec<String> = Vec::new();
    let mut from = Vec::new();
    let mut met: HashSet<String> = HashSet::new();
    let mut left_out = 0;
    for (place, template) in templates.iter().enumerate() {
        let mut filled = false;
        for name in names {
            for (parent, path) in &places {
                let fields = Fields {
                    name,
                    parent: parent.as_deref(),
                    path: path.as_deref(),
                    description,
                };
                if let Some(text) = template.fill(&fields) {
                    filled = true;
                    if met.insert(text.clone()) {
                        texts.push(text);
                        from.push(Some(place));
                    }
                }
            }
        }
        left_out += usize::from(!filled);
    }
    if texts.is_empty() {
        texts.extend(names.iter().cloned());
        from.resize(texts.len(), None);
    }
    Ok(Expansion {
        texts,
        templates: from,
        left_out,
    })
}

/// The templates that a node's prompts come from, as they are written: its own, else those of the set.
pub fn templates_of<'a>(
    set: &'a TemplateSet,
    taxonomy: &'a Taxonomy,
    node: NodeId,
) -> Vec<&'a str> {
    match &taxonomy.node(node).prompts[..] {
        [] => set.templates().collect(),
        own => own.iter().map(String::as_str).collect(),
    }
}

/// What the templates of `set` make of a name that is nobody's: those that ask for more than a name are left out, and if none is
/// left the name alone is the prompt.
pub fn expand_name(set: &TemplateSet, name: &str) -> Vec<String> {
    let fields = Fields {
        name,
        parent: None,
        path: None,
        description: None,
    };
    let mut met = HashSet::new();
    let filled = set.templates.iter().filter_map(|t| t.fill(&fields));
    let mut texts: Vec<String> = filled.filter(|text| met.insert(text.clone())).collect();
    if texts.is_empty() {
        texts.push(name.to_owned());
    }
    texts
}

/// What is wrong with the templates that a taxonomy gives its nodes, each at its place.
pub fn check(taxonomy: &Taxonomy) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for node in taxonomy.nodes() {
        let own = &taxonomy.node(node).prompts;
        for (i, text) in own.iter().enumerate() {
            if let Err(error) = Template::parse(text) {
                let at = taxonomy.prompt_place(node, i);
                let message = format!(
                    "`{}` of `{}` is no template: {error}",
                    text,
                    taxonomy.id(node)
                );
                diagnostics.push(Diagnostic::new(Code::Template, at, message));
            }
        }
    }
    diagnostics
}

/// Parent and path for each way in which the node is placed: one for each declared parent, or none for a root. A node
/// without parents has those of its equivalents.
///
/// The path runs from the root to the parent, `animal > dog`; above the parent it follows the first parents.
fn places(taxonomy: &Taxonomy, node: NodeId) -> Vec<(Option<String>, Option<String>)> {
    let placed = std::iter::once(&node).chain(taxonomy.equivalents(node));
    let mut placed = placed.map(|&n| taxonomy.parents(n));
    let Some(parents) = placed.find(|p| !p.is_empty()) else {
        return vec![(None, None)];
    };
    let place = |&parent: &NodeId| {
        let path = taxonomy.path_to_root(parent);
        let labels: Vec<&str> = path.into_iter().map(|n| taxonomy.label(n)).collect();
        (
            Some(taxonomy.label(parent).to_owned()),
            Some(labels.join(" > ")),
        )
    };
    parents.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    const SHAPES: &str = r#"
nodes:
  polygon:
  rectangle: {parents: [polygon]}
  rhombus: {parents: [polygon], description: "four equal sides"}
  square: {parents: [rectangle, rhombus], names: [square, regular quadrilateral]}
  own: {parents: [polygon], prompts: ["my {name}", "{description}"]}
"#;

    /// The prompts of `node` under these templates.
    fn check(templates: &str, node: &str, synonyms: bool, expected: &[&str]) {
        let taxonomy = load_str("shapes", SHAPES).into_sound().unwrap();
        let file = parse("test", &format!("templates: {templates}")).unwrap();
        let node = taxonomy.find(node).unwrap();
        let options = ExpandOptions {
            synonyms: Some(synonyms),
        };
        let set = file.only().unwrap();
        let expansion = expand(set, &taxonomy, node, &options).unwrap();
        assert_eq!(expansion.texts, expected);
        assert_eq!(expansion.templates.len(), expected.len());
        // What a text begins with, its template does.
        let templates = templates_of(set, &taxonomy, node);
        for (text, place) in expansion.texts.iter().zip(expansion.templates) {
            let literal = |template: &str| template.split('{').next().unwrap().len();
            let same = place.map(|place| {
                text[..literal(templates[place])] == templates[place][..literal(templates[place])]
            });
            assert!(same != Some(false), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_nobodys() {
        let check = |templates: &str, expected: &[&str]| {
            let file = parse("test", &format!("templates: {templates}")).unwrap();
            assert_eq!(expand_name(file.only().unwrap(), "oval"), expected);
        };
        check(
            "['{a name}.', '{}', '{c}', '{name} of {parent}', '{description}']",
            &["an oval.", "oval"],
        );
        check("['{path} > {name}']", &["oval"]);
        let set = TemplateSet::single("my {name}", false).unwrap();
        assert_eq!(expand_name(&set, "oval"), ["my oval"]);
        assert_eq!(set.templates().collect::<Vec<_>>(), ["my {name}"]);
        assert!(TemplateSet::single("my {nmae}", false).is_err());
    }

    #[test]
    fn expansion() {
        check(
            "['a {name}', 'a {}', 'a {c}']",
            "square",
            false,
            &["a square"],
        );
        check(
            "['{a name}']",
            "square",
            true,
            &["a square", "a regular quadrilateral"],
        );
        check(
            "['{name}, a {parent}']",
            "square",
            false,
            &["square, a rectangle", "square, a rhombus"],
        );
        check(
            "['{path} > {name}']",
            "rhombus",
            false,
            &["polygon > rhombus"],
        );
        // What a node lacks leaves the template out, or the name alone.
        check(
            "['{name} in {parent}', 'a {name}']",
            "polygon",
            false,
            &["a polygon"],
        );
        check("['{name} in {parent}']", "polygon", false, &["polygon"]);
        check(
            "['{name}: {description}']",
            "rhombus",
            false,
            &["rhombus: four equal sides"],
        );
        // The node's own come instead; the one without a description is left out.
        check("['a {name}']", "own", false, &["my own"]);
    }

    #[test]
    fn every_builtin_set_is_sound() {
        for name in BUILTIN {
            assert_eq!(builtin(name).unwrap().name, name);
        }
        assert_eq!(builtin("none"), None);
        assert!(BUILTIN.contains(&DEFAULT));
    }
}
