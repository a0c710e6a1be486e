//! The categories of annotations: labels, and the taxonomy that they are part of.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Id, document};
use crate::dataset::DatasetError;
use crate::text;

/// The ranks above species that iNaturalist's categories tell, from the top, by their fields.
const RANKS: [&str; 6] = ["kingdom", "phylum", "class", "order", "family", "genus"];

/// A category as it is written; what else it has is passed over.
#[derive(Debug, Clone, Deserialize)]
pub struct Category {
    id: Id,
    name: String,
    #[serde(default)]
    supercategory: Option<String>,
    #[serde(default)]
    common_name: Option<String>,
    #[serde(default)]
    kingdom: Option<String>,
    #[serde(default)]
    phylum: Option<String>,
    #[serde(default)]
    class: Option<String>,
    #[serde(default)]
    order: Option<String>,
    #[serde(default)]
    family: Option<String>,
    #[serde(default)]
    genus: Option<String>,
}

impl Category {
    pub(super) fn id(&self) -> &Id {
        &self.id
    }

    fn name(&self) -> &str {
        self.name.trim()
    }

    /// The taxa that it is in, from the kingdom down: rank and name. Those that are not told are left out.
    fn lineage(&self) -> Vec<(&'static str, &str)> {
        let names = [
            &self.kingdom,
            &self.phylum,
            &self.class,
            &self.order,
            &self.family,
            &self.genus,
        ];
        let told = RANKS.into_iter().zip(names);
        told.filter_map(|(rank, name)| Some((rank, given(name.as_ref())?)))
            .collect()
    }
}

/// A text that says something.
fn given(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// What each category is called as a label, and is as a node: its name, with its id where others have the same name.
///
/// # Errors
/// Two categories of one id; one without a name.
pub(super) fn labels(categories: &[Category]) -> Result<Vec<String>, String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut ids = HashMap::new();
    for category in categories {
        if category.name().is_empty() {
            return Err(format!("the category {} has no name", category.id));
        }
        *counts.entry(category.name()).or_default() += 1;
        if let Some(other) = ids.insert(&category.id, category.name()) {
            return Err(format!(
                "two categories have the id {}: `{other}` and `{}`",
                category.id,
                category.name()
            ));
        }
    }
    let label = |category: &Category| match counts[category.name()] {
        1 => category.name().to_owned(),
        _ => format!("{} ({})", category.name(), category.id),
    };
    Ok(categories.iter().map(label).collect())
}

/// A taxonomy made of categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The taxonomy as YAML.
    pub yaml: String,
    pub categories: usize,
    /// Nodes above the categories.
    pub above: usize,
}

/// What is wrong with a file of another kind.
const NO_CATEGORIES: &str = "no list `categories`, of which a taxonomy could be made: expected annotations as COCO and iNaturalist write them";

/// Makes a taxonomy of the categories of a file: of COCO's supercategories, or of iNaturalist's ranks from kingdom to genus.
///
/// A category is the node of its name, with its number in `ids`; so the labels of the images are found in it. A taxon above is the node
/// `rank:Name`, since a name may be that of a genus and of a family.
///
/// # Errors
/// A file that cannot be read or has no categories; two categories of one id.
pub fn read_categories(path: &Path) -> Result<Imported, DatasetError> {
    let fault = |what: &str| DatasetError::File {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    let found = match document(path) {
        Ok(None) => return Err(not_annotations(path)),
        // What else could be given is not for who wants a taxonomy.
        Err(DatasetError::Read { source, .. }) => return Err(fault(&source.to_string())),
        found => found?.and_then(|found| found.categories),
    };
    let categories = found.filter(|categories| !categories.is_empty());
    let categories = categories.ok_or_else(|| fault(NO_CATEGORIES))?;
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    taxonomy(&categories, &file).map_err(|what| fault(&what))
}

/// What a file is instead of annotations: no JSON, or JSON of another kind.
fn not_annotations(path: &Path) -> DatasetError {
    let read = text::read(path).map_err(DatasetError::from);
    let parsed = read.and_then(|text| {
        let parsed = serde_json::from_str::<IgnoredAny>(&text);
        parsed.map_err(|error| super::fault(path, &error))
    });
    parsed.err().unwrap_or_else(|| DatasetError::File {
        path: path.to_owned(),
        what: NO_CATEGORIES.to_owned(),
    })
}

/// A node in the making.
struct Node {
    id: String,
    parent: Option<String>,
    names: Vec<String>,
    rank: Option<&'static str>,
    number: Option<String>,
}

fn taxonomy(categories: &[Category], file: &str) -> Result<Imported, String> {
    let labels = labels(categories)?;
    let mut above = Above::new(categories, &labels);
    let mut own = Vec::with_capacity(categories.len());
    for (category, label) in categories.iter().zip(&labels) {
        let mut lineage = category.lineage();
        let has_ranks = !lineage.is_empty();
        // A category may be a genus or a family itself, and then is the last of its own taxa.
        let last = lineage.pop_if(|(_, name)| *name == category.name());
        let mut parent = above.place(&lineage);
        if !has_ranks && let Some(group) = given(category.supercategory.as_ref()) {
            // COCO's only person is a person.
            parent = (group != label).then(|| above.group(group));
        }
        let mut names = vec![category.name().to_owned()];
        let common = given(category.common_name.as_ref());
        names.extend(
            common
                .filter(|name| *name != category.name())
                .map(str::to_owned),
        );
        own.push(Node {
            id: label.clone(),
            parent,
            names,
            rank: match (has_ranks, last) {
                (true, Some((rank, _))) => Some(rank),
                (true, None) if category.genus.is_some() => Some("species"),
                _ => None,
            },
            number: Some(category.id.to_string()),
        });
    }
    let count = above.nodes.len();
    let mut yaml = format!(
        "# Made by `cladist import` of the {} categories of {}.\ntaxonomy: {}\nnodes:\n",
        categories.len(),
        quoted(file),
        quoted(file.rsplit_once('.').map_or(file, |(stem, _)| stem)),
    );
    for node in above.nodes.iter().chain(&own) {
        write_node(node, &mut yaml);
    }
    Ok(Imported {
        yaml,
        categories: categories.len(),
        above: count,
    })
}

/// The nodes above categories.
struct Above<'a> {
    nodes: Vec<Node>,
    /// Ids by the lineage of the taxon, from the kingdom down to itself.
    of: HashMap<Vec<(&'static str, &'a str)>, String>,
    /// Ids that are taken.
    taken: HashSet<String>,
}

impl<'a> Above<'a> {
    fn new(categories: &'a [Category], labels: &[String]) -> Self {
        // Taxa that are categories themselves are above others as these.
        let categories = categories.iter().zip(labels);
        let of = categories.filter_map(|(category, label)| {
            let lineage = category.lineage();
            let (_, last) = lineage.last()?;
            (*last == category.name()).then(|| (lineage, label.clone()))
        });
        Self {
            nodes: Vec::new(),
            of: of.collect(),
            taken: labels.iter().cloned().collect(),
        }
    }

    /// The id of the last taxon of a lineage, with nodes for all of it.
    fn place(&mut self, lineage: &[(&'static str, &'a str)]) -> Option<String> {
        if let Some(id) = self.of.get(lineage) {
            return Some(id.clone());
        }
        let (&(rank, name), before) = lineage.split_last()?;
        let parent = self.place(before);
        // Two genera of one name, one of animals and one of plants, are told apart by what they are in.
        let within = before.last().map_or("", |&(_, name)| name);
        let id = self.free(format!("{rank}:{name}"), within);
        self.nodes.push(Node {
            id: id.clone(),
            parent,
            names: vec![name.to_owned()],
            rank: Some(rank),
            number: None,
        });
        self.of.insert(lineage.to_vec(), id.clone());
        Some(id)
    }

    /// The id of a supercategory, which may be a category itself.
    fn group(&mut self, name: &str) -> String {
        if self.taken.insert(name.to_owned()) {
            self.nodes.push(Node {
                id: name.to_owned(),
                parent: None,
                names: vec![name.to_owned()],
                rank: None,
                number: None,
            });
        }
        name.to_owned()
    }

    /// An id that no other node has.
    fn free(&mut self, id: String, within: &str) -> String {
        let mut free = id.clone();
        if self.taken.contains(&free) {
            free = format!("{id} ({within})");
        }
        let mut number = 2;
        while self.taken.contains(&free) {
            free = format!("{id} ({within} {number})");
            number += 1;
        }
        self.taken.insert(free.clone());
        free
    }
}

fn write_node(node: &Node, yaml: &mut String) {
    let mut fields = Vec::new();
    if let Some(parent) = &node.parent {
        fields.push(format!("parents: [{}]", quoted(parent)));
    }
    if node.names.len() > 1 || node.names[0] != node.id {
        let names: Vec<String> = node.names.iter().map(|name| quoted(name)).collect();
        fields.push(format!("names: [{}]", names.join(", ")));
    }
    if let Some(rank) = node.rank {
        fields.push(format!("rank: {rank}"));
    }
    if let Some(number) = &node.number {
        fields.push(format!("ids: [{}]", quoted(number)));
    }
    // Writing to a string does not fail.
    let _ = writeln!(yaml, "  {}: {{{}}}", quoted(&node.id), fields.join(", "));
}

/// As a YAML scalar that is text whatever it holds: YAML's double quotes are JSON's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
