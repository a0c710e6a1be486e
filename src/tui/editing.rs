//! Edits of the taxonomy as one puts them together: what they are about, what is asked for one after the other, and the edit at the end.

mod kind;
mod typed;

use crate::history::What;
use crate::run::Opened;
use crate::taxonomy::edit::{Edit, Orphans};
use crate::taxonomy::{NodeId, Taxonomy};
pub use kind::Kind;
use typed::{list, names_in, parts};

/// What an edit is about: the node that is selected and, where there is one, the other of a pair, and the image that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The node's id.
    pub node: String,
    /// The id of the other node: where a second one is needed, it is this.
    pub other: Option<String>,
    pub image: Option<Image>,
}

/// What an image is called and was answered, which stays the same from whatever side its pair is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub name: String,
    /// The id of the answer.
    pub answer: Option<String>,
    /// The id of the label that it is annotated with, its primary truth.
    pub truth: Option<String>,
    /// Why nothing can be added to that; `None` if it can.
    pub fixed: Option<String>,
}

impl Image {
    /// The answer as a label that is right beside the annotated one.
    ///
    /// # Errors
    /// Why it is none.
    fn right_too(&self) -> Result<&str, &str> {
        match (self.answer.as_deref(), &self.fixed) {
            (None, _) => Err("the image has no answer"),
            (answer, _) if answer == self.truth.as_deref() => {
                Err("the answer is the annotated label")
            }
            (_, Some(fixed)) => Err(fixed),
            (Some(answer), None) => Ok(answer),
        }
    }
}

impl Subject {
    pub fn of(run: &Opened, node: NodeId) -> Self {
        Self {
            node: run.taxonomy.id(node).to_owned(),
            other: None,
            image: None,
        }
    }

    /// The same pair from its other side; as it is without one.
    pub fn swapped(&self) -> Self {
        match &self.other {
            Some(other) => Self {
                node: other.clone(),
                other: Some(self.node.clone()),
                image: self.image.clone(),
            },
            None => self.clone(),
        }
    }
}

/// An edit that is being put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub kind: Kind,
    pub subject: Subject,
    /// What was asked for so far, in its order.
    pub answers: Vec<String>,
}

/// What an edit needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One of a few: what each is called, and the answer that it is.
    Choose {
        title: String,
        options: Vec<(String, String)>,
    },
    /// Any node.
    Pick { title: String },
    /// A line; `text` is what it begins with.
    Type { title: String, text: String },
    /// Nothing more.
    Done(What),
}

/// What stands between prompts, in a line of them.
const BETWEEN_PROMPTS: &str = " | ";

impl Draft {
    pub fn new(kind: Kind, subject: Subject) -> Self {
        Self {
            kind,
            subject,
            answers: Vec::new(),
        }
    }

    /// With one more answer.
    pub fn answered(mut self, answer: impl Into<String>) -> Self {
        self.answers.push(answer.into());
        self
    }

    /// What is needed next.
    ///
    /// # Errors
    /// What is wrong with the last answer.
    pub fn step(&self, taxonomy: &Taxonomy) -> Result<Step, String> {
        let subject = &self.subject;
        let id = subject.node.clone();
        let node = taxonomy.find(&id);
        let node = node.ok_or_else(|| format!("the taxonomy has no node `{id}`"))?;
        let answer = |i: usize| self.answers.get(i).cloned();
        let edit = |edit: Edit| Ok(Step::Done(What::Taxonomy(edit)));
        let pick = |title: String| Ok(Step::Pick { title });
        let line = |title: String, text: String| Ok(Step::Type { title, text });
        let second = || subject.other.clone().or_else(|| answer(0));
        let label = |n: NodeId| format!("{}  ({})", taxonomy.label(n), taxonomy.id(n));
        let parents = || {
            let parents = taxonomy.parents(node).iter();
            let options = parents.map(|&p| (label(p), taxonomy.id(p).to_owned()));
            options.collect::<Vec<_>>()
        };
        let data = taxonomy.node(node);
        match self.kind {
            Kind::AlsoRight => {
                let image = subject.image.as_ref().ok_or("no image is selected")?;
                Ok(Step::Done(What::AlsoRight {
                    image: image.name.clone(),
                    label: image.right_too()?.to_owned(),
                }))
            }
            Kind::Add => match (answer(0), answer(1)) {
                (None, _) => line(format!("Id of the new node below `{id}`"), String::new()),
                (Some(new), None) if taxonomy.find(&new).is_some() => {
                    Err(format!("there is a node `{new}` already"))
                }
                (Some(new), None) => line(
                    format!(
                        "Names of `{new}`, the preferred one first, with commas between and \"…\" around one that has a comma; none: its id in words"
                    ),
                    String::new(),
                ),
                (Some(id), Some(names)) => edit(Edit::Add {
                    id,
                    names: names_in(&names)?,
                    parents: vec![subject.node.clone()],
                }),
            },
            Kind::Rename => match answer(0) {
                None => line(format!("New id of `{id}`"), id),
                Some(new) => edit(Edit::Rename { node: id, id: new }),
            },
            Kind::Delete => match answer(0).as_deref() {
                None if taxonomy.children(node).is_empty() => edit(Edit::Delete {
                    node: id,
                    children: Orphans::Loose,
                }),
                None => Ok(Step::Choose {
                    title: format!("Delete `{id}`, and its children"),
                    options: ORPHANS
                        .map(|(_, key, told)| (told.to_owned(), key.to_owned()))
                        .into(),
                }),
                Some(key) => {
                    let found = ORPHANS.into_iter().find(|(_, k, _)| *k == key);
                    let (children, ..) = found.ok_or("choose what becomes of the children")?;
                    edit(Edit::Delete { node: id, children })
                }
            },
            Kind::AddParent => match second() {
                None => pick(format!("Parent to add to `{id}`")),
                Some(parent) => edit(Edit::AddParent { node: id, parent }),
            },
            Kind::RemoveParent => match (answer(0), &parents()[..]) {
                (Some(parent), _) => edit(Edit::RemoveParent { node: id, parent }),
                (None, [(_, parent)]) => edit(Edit::RemoveParent {
                    node: id,
                    parent: parent.clone(),
                }),
                (None, options) => Ok(Step::Choose {
                    title: format!("Parent to remove from `{id}`"),
                    options: options.to_vec(),
                }),
            },
            Kind::Move => {
                let options = parents();
                let only = match &options[..] {
                    [(_, parent)] => Some(parent.clone()),
                    _ => None,
                };
                let asked = usize::from(only.is_none());
                let Some(from) = only.or_else(|| answer(0)) else {
                    return Ok(Step::Choose {
                        title: format!("Move `{id}` away from"),
                        options,
                    });
                };
                match subject.other.clone().or_else(|| answer(asked)) {
                    None => pick(format!("Parent of `{id}` in the place of `{from}`")),
                    Some(to) => edit(Edit::Move { node: id, from, to }),
                }
            }
            Kind::Merge => match second() {
                None => pick(format!("Node to merge `{id}` into")),
                Some(into) => edit(Edit::Merge { node: id, into }),
            },
            Kind::Equivalent => match second() {
                None => pick(format!("Node that `{id}` is equivalent to")),
                Some(b) => edit(Edit::Equivalent { a: id, b }),
            },
            Kind::Overlapping => match second() {
                None => pick(format!("Node that `{id}` overlaps with")),
                Some(b) => edit(Edit::Overlapping { a: id, b }),
            },
            Kind::Disjoint => match second() {
                None => pick(format!("Node that `{id}` is disjoint from")),
                Some(b) => edit(Edit::Disjoint { a: id, b }),
            },
            Kind::AddName => match answer(0) {
                None => line(format!("Synonym of `{id}`"), String::new()),
                Some(name) => edit(Edit::AddName { node: id, name }),
            },
            Kind::RemoveName => match answer(0) {
                None => Ok(Step::Choose {
                    title: format!("Name to remove from `{id}`"),
                    options: data
                        .names
                        .iter()
                        .map(|name| (name.clone(), name.clone()))
                        .collect(),
                }),
                Some(name) => edit(Edit::RemoveName { node: id, name }),
            },
            Kind::Describe => match answer(0) {
                None => line(
                    format!("Description of `{id}`; empty takes it out"),
                    data.description.clone().unwrap_or_default(),
                ),
                Some(text) => edit(Edit::Describe {
                    node: id,
                    description: (!text.is_empty()).then_some(text),
                }),
            },
            Kind::Prompts => match answer(0) {
                None => line(
                    format!("Prompts of `{id}` alone, with `|` between; empty takes them out"),
                    data.prompts.join(BETWEEN_PROMPTS),
                ),
                Some(text) => edit(Edit::Prompts {
                    node: id,
                    prompts: list(&text, "|"),
                }),
            },
            Kind::Split => match answer(0) {
                None => line(
                    format!(
                        "Parts of `{id}` and their children, as in `one: child, child; two: child; three`"
                    ),
                    String::new(),
                ),
                Some(text) => edit(Edit::Split {
                    node: id,
                    parts: parts(&text)?,
                }),
            },
        }
    }

    /// Ids that a line may go on with: the children that a split has to place.
    pub fn words<'a>(&self, taxonomy: &'a Taxonomy) -> Vec<&'a str> {
        let node = taxonomy.find(&self.subject.node);
        match (self.kind, node) {
            (Kind::Split, Some(node)) => {
                let children = taxonomy.children(node).iter();
                children.map(|&child| taxonomy.id(child)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether an empty line is an answer.
    pub fn takes_nothing(&self) -> bool {
        match self.kind {
            Kind::Add => self.answers.len() == 1,
            kind => matches!(kind, Kind::Describe | Kind::Prompts),
        }
    }
}

/// What may become of the children of a node that is deleted: the key of the answer, and in words.
const ORPHANS: [(Orphans, &str, &str); 3] = [
    (Orphans::ToParents, "to-parents", "go to its parents"),
    (
        Orphans::Loose,
        "loose",
        "lose this parent, and may become roots",
    ),
    (
        Orphans::Delete,
        "delete",
        "are deleted too, where they have no other parent",
    ),
];

#[cfg(test)]
mod tests;
