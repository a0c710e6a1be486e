//! All files of a taxonomy, changed by what is meant and not by where it stands.

use std::{collections::BTreeSet, path::PathBuf};

use super::{
    Refusal, meaning,
    places::{At, Entry, Mention, Page},
    value::{Item, Value, inline},
};
use crate::taxonomy::yaml::Id;

type Result<T> = std::result::Result<T, Refusal>;

/// Fields of an entry, with what they are to be.
type Fields = Vec<(String, Value)>;

/// An entry, with what it is to be; `None`: empty.
type NewEntry = (String, Option<Value>);

pub(super) struct Book<'t> {
    pub(super) pages: Vec<Page<'t>>,
    /// Entries that `nodes:` is to get: file, id, fields.
    declared: Vec<(usize, String, Fields)>,
    /// Lists that bodies are to get: file, entry, field, texts.
    lists: Vec<(usize, Entry, String, Vec<String>)>,
    /// Entries of trees that are about to go: file, list or mapping, number.
    pub(super) leaving: BTreeSet<(usize, Id, u32)>,
}

pub(super) fn by_hand(why: impl Into<String>) -> Refusal {
    Refusal::Unsafe(why.into())
}

pub(super) fn leaf(id: &str) -> Item {
    Item::Entry {
        name: id.to_owned(),
        value: None,
    }
}

fn entry(name: &str, value: Value) -> Item {
    Item::Entry {
        name: name.to_owned(),
        value: Some(value),
    }
}

impl<'t> Book<'t> {
    pub fn new(files: &'t [(PathBuf, String)]) -> Result<Self> {
        let pages: Result<_> = files.iter().map(|(p, text)| Page::new(p, text)).collect();
        Ok(Self {
            pages: pages?,
            declared: Vec::new(),
            lists: Vec::new(),
            leaving: BTreeSet::new(),
        })
    }

    /// The texts with all changes made; `None` for those that stay.
    pub fn rendered(mut self) -> Result<Vec<Option<String>>> {
        for (at, place, field, texts) in std::mem::take(&mut self.lists) {
            self.add_field(at, place, &field, Value::List(texts));
        }
        self.write_declared()?;
        let render = |page: Page<'_>| {
            let changed = page.sheet.is_changed();
            changed
                .then(|| page.sheet.rendered().map_err(by_hand))
                .transpose()
        };
        self.pages.into_iter().map(render).collect()
    }

    /// The entries of a node under `nodes:`, each with its file; more than one is an error of the file.
    pub fn entries(&self, node: &str) -> Vec<(usize, Entry)> {
        let pages = self.pages.iter().enumerate();
        let entries = pages.flat_map(|(i, page)| {
            let entries = page.nodes.get(node).into_iter().flatten();
            entries.map(move |entry| (i, *entry))
        });
        entries.collect()
    }

    /// Where trees mention a node.
    pub fn mentions(&self, node: &str) -> Vec<(usize, Mention)> {
        let pages = self.pages.iter().enumerate();
        let mentions = pages.flat_map(|(i, page)| {
            let mentions = page.tree.get(node).into_iter().flatten();
            mentions.map(move |mention| (i, mention.clone()))
        });
        mentions.collect()
    }

    /// The file in which a node stands first.
    fn home(&self, node: &str) -> Option<usize> {
        let entry = self.entries(node).first().map(|e| e.0);
        entry.or_else(|| self.mentions(node).first().map(|m| m.0))
    }

    /// Whether a field of the node's body is to be written in brackets, as its neighbours are.
    fn bodies_in_brackets(&self, page: usize) -> bool {
        let page = &self.pages[page];
        let Some(nodes) = page.section("nodes") else {
            return false;
        };
        let slots = (0..page.sheet.slots(nodes)).rev();
        let mut bodies = slots.map(|slot| page.sheet.value_of(nodes, slot));
        let last = bodies.find(|&body| page.sheet.is_map(body));
        last.is_some_and(|body| page.sheet.is_flow(body))
    }

    /// A new entry under `nodes:`, in the file at `home` if that has the section.
    pub fn declare(&mut self, home: usize, id: &str, fields: Vec<(String, Value)>) {
        let Some(known) = self.declared.iter_mut().find(|d| d.1 == id) else {
            self.declared.push((home, id.to_owned(), fields));
            return;
        };
        for (field, value) in fields {
            match (known.2.iter_mut().find(|f| f.0 == field), value) {
                (Some((_, Value::List(texts))), Value::List(more)) => texts.extend(more),
                (_, value) => known.2.push((field, value)),
            }
        }
    }

    fn write_declared(&mut self) -> Result<()> {
        let mut sections: Vec<(usize, Vec<NewEntry>)> = Vec::new();
        for (home, id, fields) in std::mem::take(&mut self.declared) {
            let has_section = |&page: &usize| self.pages[page].section("nodes").is_some();
            let with_section = Some(home).filter(has_section);
            let with_section = with_section.or_else(|| (0..self.pages.len()).find(has_section));
            let fields: Vec<_> = fields.into_iter().map(|(f, v)| (f, Some(v))).collect();
            if let Some(page) = with_section {
                let mut body = Value::Map(fields);
                if self.bodies_in_brackets(page) && body != Value::Map(Vec::new()) {
                    body = inline(&body);
                }
                let sheet = &mut self.pages[page];
                if let Some(nodes) = sheet.section("nodes") {
                    sheet.sheet.add(nodes, entry(&id, body));
                }
                continue;
            }
            let node = (id, Some(Value::Map(fields)));
            match sections.iter_mut().find(|s| s.0 == home) {
                Some(section) => section.1.push(node),
                None => sections.push((home, vec![node])),
            }
        }
        for (home, nodes) in sections {
            self.add_section(home, "nodes", Value::Map(nodes))?;
        }
        Ok(())
    }

    fn add_section(&mut self, home: usize, field: &str, value: Value) -> Result<()> {
        let page = &mut self.pages[home];
        let root = page.root;
        let root = root.ok_or_else(|| by_hand("the file has no field yet"))?;
        page.sheet.add(root, entry(field, value));
        Ok(())
    }

    /// Adds to a list of a node's body, which is made if need be.
    pub fn extend_field(&mut self, node: &str, field: &str, texts: &[String]) -> Result<()> {
        let Some(&(at, place)) = self.entries(node).first() else {
            let home = self.home(node);
            let home = home.ok_or_else(|| Refusal::UnknownNode(node.to_owned()))?;
            let value = Value::List(texts.to_vec());
            self.declare(home, node, vec![(field.to_owned(), value)]);
            return Ok(());
        };
        self.own_body(at, place)?;
        match self.pages[at].field(place.body, field).first() {
            Some(&(slot, value)) => {
                let is_text = self.pages[at].text(value).is_some();
                let sheet = &mut self.pages[at].sheet;
                let child = 2 * slot + 1;
                if sheet.is_alias(place.body, child) {
                    if !is_text || sheet.is_null(value) {
                        return Err(by_hand(format!("`{field}` of `{node}` is an alias")));
                    }
                    for text in texts {
                        sheet.add_beside(place.body, child, leaf(text));
                    }
                    return Ok(());
                }
                for text in texts {
                    sheet.add(value, leaf(text));
                }
            }
            None => {
                let body = place.body;
                let same = |list: &&mut (usize, Entry, String, Vec<String>)| {
                    (list.0, list.1.body, list.2.as_str()) == (at, body, field)
                };
                match self.lists.iter_mut().find(same) {
                    Some(list) => list.3.extend_from_slice(texts),
                    None => {
                        let field = field.to_owned();
                        self.lists.push((at, place, field, texts.to_vec()));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the body stands where it is used, and not elsewhere under an anchor.
    fn own_body(&self, at: usize, place: Entry) -> Result<()> {
        let page = &self.pages[at];
        if page.sheet.is_alias(place.map, 2 * place.slot + 1) {
            let id = page.text(place.key).unwrap_or_default();
            return Err(by_hand(format!("what is said of `{id}` is an alias")));
        }
        Ok(())
    }

    fn add_field(&mut self, at: usize, place: Entry, field: &str, value: Value) {
        let brackets = self.bodies_in_brackets(at);
        let sheet = &mut self.pages[at].sheet;
        if brackets {
            sheet.prefer_brackets(place.body);
        }
        sheet.add(place.body, entry(field, value));
    }

    /// Sets a field of a node's body, or takes it out.
    pub fn set_field(&mut self, node: &str, field: &str, value: Option<Value>) -> Result<()> {
        let Some(&(at, place)) = self.entries(node).first() else {
            let home = self.home(node);
            let home = home.ok_or_else(|| Refusal::UnknownNode(node.to_owned()))?;
            if let Some(value) = value {
                self.declare(home, node, vec![(field.to_owned(), value)]);
            }
            return Ok(());
        };
        self.own_body(at, place)?;
        let there = self.pages[at].field(place.body, field);
        let sheet = &mut self.pages[at].sheet;
        match (there.first(), value) {
            (_, None) => there
                .iter()
                .for_each(|&(slot, _)| sheet.remove(place.body, slot)),
            (None, Some(value)) => self.add_field(at, place, field, value),
            (Some(&(slot, old)), Some(value)) => {
                if sheet.is_alias(place.body, 2 * slot + 1) {
                    return Err(by_hand(format!("`{field}` of `{node}` is an alias")));
                }
                match value {
                    Value::Text(text) if sheet.slots(old) == 0 => sheet.replace(old, &text),
                    Value::List(texts) => self.set_list(at, place, (slot, old), &texts),
                    _ => return Err(by_hand(format!("`{field}` of `{node}` is a list"))),
                }
            }
        }
        Ok(())
    }

    /// Other texts in the place of those that are listed: what stays is left where it is, if the order allows.
    fn set_list(&mut self, at: usize, place: Entry, (slot, old): (u32, Id), texts: &[String]) {
        let page = &mut self.pages[at];
        let was: Vec<(u32, Id, String)> = {
            let texts = page.texts(old).into_iter();
            texts
                .map(|(slot, id, text)| (slot, id, text.to_owned()))
                .collect()
        };
        if was.is_empty() {
            // Text, or nothing.
            match (page.sheet.is_null(old) || page.text(old).is_none(), texts) {
                (false, [one]) => page.sheet.replace(old, one),
                (false, [first, rest @ ..]) => {
                    if page.text(old) == Some(first.as_str()) {
                        rest.iter().for_each(|text| page.sheet.add(old, leaf(text)));
                    } else {
                        page.sheet.remove(place.body, slot);
                        let value = Value::List(texts.to_vec());
                        self.add_field(at, place, "prompts", value);
                    }
                }
                _ => texts
                    .iter()
                    .for_each(|text| page.sheet.add(old, leaf(text))),
            }
            return;
        }
        for (i, (slot, id, text)) in was.iter().enumerate() {
            match texts.get(i) {
                Some(new) if new == text => {}
                Some(new) => page.sheet.replace(*id, new),
                None => page.sheet.remove(old, *slot),
            }
        }
        for text in texts.iter().skip(was.len()) {
            page.sheet.add(old, leaf(text));
        }
    }

    /// The names that a node's body lists.
    pub fn lists_names(&self, node: &str) -> bool {
        self.entries(node).iter().any(|&(at, place)| {
            let page = &self.pages[at];
            let fields = page.field(place.body, "names");
            let lists = |&(_, value): &(u32, Id)| {
                page.sheet.slots(value) > 0
                    || page.text(value).is_some() && !page.sheet.is_null(value)
            };
            fields.iter().any(lists)
        })
    }

    /// Takes a text out of a list of a node's body, and the field with the last one.
    pub fn remove_from_field(&mut self, node: &str, field: &str, text: &str) {
        for (at, place) in self.entries(node) {
            let page = &mut self.pages[at];
            for (slot, value) in page.field(place.body, field) {
                if page.text(value) == Some(text) {
                    page.sheet.remove(place.body, slot);
                    continue;
                }
                let there = page.texts(value).into_iter().filter(|t| t.2 == text);
                let there: Vec<u32> = there.map(|t| t.0).collect();
                for slot in there {
                    page.sheet.remove(value, slot);
                    page.sheet.vanish_when_empty(value);
                }
            }
        }
    }

    /// Writes down that `node` is below `parent`: where the node's parents are listed, or in a tree if it is in trees alone.
    pub fn add_edge(&mut self, node: &str, parent: &str) -> Result<()> {
        if self.entries(node).is_empty()
            && let Some((at, below)) = self.tree_below(parent)
        {
            self.pages[at].sheet.add(below, leaf(node));
            return Ok(());
        }
        self.extend_field(node, "parents", &[parent.to_owned()])
    }

    /// The value in a tree under which the children of a node stand, or may.
    pub fn tree_below(&self, node: &str) -> Option<(usize, Id)> {
        let mentions = self.mentions(node).into_iter();
        let mut values: Vec<_> = mentions
            .filter_map(|(at, m)| Some((!m.has_children, at, m.value?)))
            .filter(|&(_, at, value)| !self.is_leaving(at, value))
            .collect();
        values.sort_by_key(|v| v.0);
        values.first().map(|&(_, at, value)| (at, value))
    }

    /// Whether the value stands in an entry that is about to go.
    fn is_leaving(&self, at: usize, value: Id) -> bool {
        let sheet = &self.pages[at].sheet;
        let around = std::iter::successors(sheet.place(value), |place| sheet.place(place.0));
        let slot = |(container, child): (Id, u32)| {
            let slot = if sheet.is_map(container) {
                child / 2
            } else {
                child
            };
            (at, container, slot)
        };
        !self.leaving.is_empty() && around.map(slot).any(|place| self.leaving.contains(&place))
    }

    /// Takes out all that says that `node` is below `parent`. What a tree has below the node stays below it.
    pub fn remove_edge(&mut self, node: &str, parent: &str) -> Result<()> {
        self.remove_from_field(node, "parents", parent);
        let mentions = self.mentions(node);
        let (gone, stay): (Vec<_>, Vec<_>) = mentions
            .into_iter()
            .partition(|(_, m)| m.parent.as_deref() == Some(parent));
        let mut mentioned = !stay.is_empty() || !self.entries(node).is_empty();
        for (at, mention) in &gone {
            if mention.has_children {
                self.lift(*at, mention)?;
                mentioned = true;
            }
            self.cut(*at, mention);
        }
        if let (false, Some((at, _))) = (mentioned, gone.first()) {
            match self.pages[*at]
                .section("tree")
                .filter(|&tree| self.pages[*at].sheet.slots(tree) > 0)
            {
                Some(tree) => self.pages[*at].sheet.add(tree, leaf(node)),
                None => self.declare(*at, node, Vec::new()),
            }
        }
        Ok(())
    }

    pub fn cut(&mut self, at: usize, mention: &Mention) {
        let sheet = &mut self.pages[at].sheet;
        match mention.at {
            At::Slot(container, slot) => sheet.remove(container, slot),
            At::Value(map, slot) => sheet.empty(map, slot),
        }
    }

    /// Copies an entry of a tree, with what is below it, to the tree's top.
    fn lift(&mut self, at: usize, mention: &Mention) -> Result<()> {
        let top = self.pages[at].section("tree");
        let top = top.ok_or_else(|| by_hand("there is no `tree:`"))?;
        self.copy(at, mention, top)
    }

    /// Copies an entry of a tree, with what is below it, under `target`.
    fn copy(&mut self, at: usize, mention: &Mention, target: Id) -> Result<()> {
        let page = &mut self.pages[at];
        let At::Slot(container, slot) = mention.at else {
            page.sheet.add(target, leaf(&mention.id));
            return Ok(());
        };
        if !mention.has_children {
            page.sheet.add(target, leaf(&mention.id));
            return Ok(());
        }
        if page
            .field(target, &mention.id)
            .iter()
            .any(|f| !page.sheet.is_removed(target, f.0))
        {
            let id = &mention.id;
            return Err(by_hand(format!(
                "`{id}` stands there already, with nodes of its own below it"
            )));
        }
        let block = page.sheet.is_null(target) || page.sheet.slots(target) > 0;
        let item = if block && !page.sheet.in_flow(target) {
            page.sheet.lines(container, slot).map(Item::Lines)
        } else {
            None
        };
        let inline = || {
            let source = page.sheet.inline(mention.value?)?;
            Some(entry(&mention.id, Value::Source(source)))
        };
        let item = item.or_else(inline);
        let item = item.ok_or_else(|| {
            let id = &mention.id;
            by_hand(format!(
                "what stands below `{id}` cannot be written in brackets as it is"
            ))
        })?;
        page.sheet.add(target, item);
        Ok(())
    }

    /// Moves a node, with what stands below it, from one parent to another.
    pub fn move_edge(&mut self, node: &str, from: &str, to: &str) -> Result<()> {
        let listed: Vec<(usize, Id)> = self
            .entries(node)
            .iter()
            .flat_map(|&(at, place)| {
                let fields = self.pages[at].field(place.body, "parents").into_iter();
                fields.map(move |(_, value)| (at, value))
            })
            .flat_map(|(at, value)| {
                let page = &self.pages[at];
                let items = page
                    .texts(value)
                    .into_iter()
                    .map(|(_, id, text)| (id, text));
                let all = items.chain(page.text(value).map(|text| (value, text)));
                let from = all.filter(|(_, text)| *text == from);
                from.map(|(id, _)| (at, id)).collect::<Vec<_>>()
            })
            .collect();
        let mentions = self.mentions(node).into_iter();
        let below: Vec<_> = mentions
            .filter(|(_, m)| m.parent.as_deref() == Some(from))
            .collect();
        match (listed.as_slice(), below.as_slice()) {
            // A text under an anchor, or an alias of it, is said elsewhere too.
            ([(at, id)], []) if !self.pages[*at].sheet.has_properties(*id) => {
                self.pages[*at].sheet.replace(*id, to);
                Ok(())
            }
            ([], [(at, mention)]) => {
                let target = self.tree_below(to).filter(|target| target.0 == *at);
                match target {
                    Some((_, target)) if self.can_copy(*at, mention, target) => {
                        self.copy(*at, mention, target)?;
                        self.cut(*at, mention);
                        Ok(())
                    }
                    _ => {
                        self.remove_edge(node, from)?;
                        self.add_edge(node, to)
                    }
                }
            }
            _ => {
                self.remove_edge(node, from)?;
                self.add_edge(node, to)
            }
        }
    }

    fn can_copy(&self, at: usize, mention: &Mention, target: Id) -> bool {
        let sheet = &self.pages[at].sheet;
        let At::Slot(container, slot) = mention.at else {
            return true;
        };
        let inline = || {
            mention
                .value
                .and_then(|value| sheet.inline(value))
                .is_some()
        };
        !mention.has_children
            || inline()
            || !sheet.in_flow(target)
                && (sheet.is_null(target) || sheet.slots(target) > 0)
                && sheet.lines(container, slot).is_some()
    }

    /// A new node below `parents`: in the tree if the file has nothing else, else under `nodes:`.
    pub fn add_node(&mut self, id: &str, names: &[String], parents: &[String]) -> Result<()> {
        let has_nodes = self
            .pages
            .iter()
            .any(|page| page.section("nodes").is_some());
        if !has_nodes && names.is_empty() && parents.len() < 2 {
            let below = match parents {
                [parent] => self.tree_below(parent),
                _ => (0..self.pages.len()).find_map(|at| {
                    let tree = self.pages[at].section("tree")?;
                    (self.pages[at].sheet.slots(tree) > 0).then_some((at, tree))
                }),
            };
            if let Some((at, below)) = below {
                self.pages[at].sheet.add(below, leaf(id));
                return Ok(());
            }
        }
        let home = parents.first().and_then(|parent| self.home(parent));
        let lists = [("parents", parents), ("names", names)].into_iter();
        let fields = lists
            .filter(|(_, texts)| !texts.is_empty())
            .map(|(field, texts)| (field.to_owned(), Value::List(texts.to_vec())));
        self.declare(home.unwrap_or(0), id, fields.collect());
        Ok(())
    }

    /// A new group in a section, which is made if need be.
    pub fn add_group(&mut self, field: &str, members: Vec<String>) -> Result<()> {
        let pages = self.pages.iter().enumerate();
        let section = pages
            .filter_map(|(at, page)| Some((at, page.section(field)?)))
            .next();
        if let Some((at, section)) = section {
            self.pages[at].sheet.add(section, Item::Group(members));
            return Ok(());
        }
        let home = self.pages.iter().position(|page| page.root.is_some());
        let Value::Source(group) = inline(&Value::List(members)) else {
            return Ok(());
        };
        self.add_section(
            home.unwrap_or(0),
            field,
            Value::Source(format!("[{group}]")),
        )
    }

    /// One more name; one that is made of the id is written down first, since a list of names takes its place.
    pub fn add_names(&mut self, node: &str, names: &[String]) -> Result<()> {
        let mut all = names.to_vec();
        if !self.lists_names(node) {
            all.insert(0, meaning::default_name(node));
        }
        self.extend_field(node, "names", &all)
    }
}
