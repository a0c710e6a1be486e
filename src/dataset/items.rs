//! Many images in little memory: some twenty bytes each beside its name.

use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::class_names::{ClassNames, is_number};
use super::picture::{Cell, Picture};
use super::table::parquet::PictureColumn;
use super::table::push_label;
use crate::names::Names;

/// The images of a data set in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Items {
    /// As reports print them.
    names: Names,
    /// Of each image a place in `lists`.
    labels: Vec<u32>,
    lists: Lists,
    /// From 1; 0 where there is none, or where it is beyond what is counted here.
    lines: Vec<u32>,
    /// Where the pictures are: each from its first image to that of the next.
    parts: Vec<Part>,
    /// Files that are not where their names say, since these are no UTF-8.
    odd: HashMap<usize, PathBuf>,
}

/// Images whose pictures are found in one way.
#[derive(Debug, Clone)]
struct Part {
    first: usize,
    /// Bytes of the names that are not the author's: where the part lies below the source.
    prefix: usize,
    origin: Origin,
}

/// How pictures are found.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// In files whose paths from this folder are the names.
    Folder(PathBuf),
    /// The same, as somebody wrote them.
    Listed(PathBuf),
    /// In this one file.
    File(PathBuf),
    /// Each in an archive, with its offset and length.
    Archive(Arc<Path>, Vec<(u64, u64)>),
    /// Each in the row of a table.
    Table(Arc<PictureColumn>),
    Made(Vec<Arc<[u8]>>),
}

/// Lists of labels, each once.
#[derive(Debug, Clone, Default)]
struct Lists {
    lists: Vec<Labels>,
    places: HashMap<Labels, u32, foldhash::fast::FixedState>,
}

/// Labels of an image, the primary one first; none: unlabelled.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Labels {
    /// As names where the data set has names for its numbers, and else as written.
    pub names: Vec<String>,
    /// As written, where that is not `names`.
    pub numbers: Option<Vec<String>>,
}

/// One image of a data set.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    items: &'a Items,
    place: usize,
}

impl Labels {
    pub fn named(names: Vec<String>) -> Self {
        Self {
            names,
            numbers: None,
        }
    }
}

impl Labels {
    /// Adds labels that stand after these, of which numbers are known by `names`, if there are some.
    ///
    /// # Errors
    /// A number that has no name, in words.
    pub fn add(&mut self, written: Vec<String>, names: Option<&ClassNames>) -> Result<(), String> {
        let is_named = names.is_some() && written.iter().any(|label| is_number(label));
        if is_named && self.numbers.is_none() {
            self.numbers = Some(self.names.clone());
        }
        for label in &written {
            let name = names.map_or_else(|| Ok(label.clone()), |names| names.name(label))?;
            push_label(&name, &mut self.names);
        }
        if let Some(numbers) = &mut self.numbers {
            numbers.extend(written);
        }
        Ok(())
    }
}

impl Lists {
    fn place(&mut self, labels: &Labels) -> u32 {
        if let Some(&place) = self.places.get(labels) {
            return place;
        }
        let place = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        self.lists.push(labels.clone());
        self.places.insert(labels.clone(), place);
        place
    }
}

impl Items {
    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn get(&self, place: usize) -> Item<'_> {
        assert!(place < self.len(), "image {place} of {}", self.len());
        Item { items: self, place }
    }

    /// Says how the pictures of the images that follow are found; their names begin with a `prefix` that is not their author's.
    pub fn begin(&mut self, prefix: &str, origin: Origin) {
        self.parts.push(Part {
            first: self.len(),
            prefix: prefix.len(),
            origin,
        });
    }

    /// Adds an image to the part that was begun.
    pub fn push(&mut self, name: &str, labels: &Labels, line: Option<usize>) {
        self.names.push(name);
        let place = self.lists.place(labels);
        self.labels.push(place);
        let line = line.and_then(|line| u32::try_from(line).ok());
        self.lines.push(line.unwrap_or(0));
    }

    /// As [`push`](Self::push), of what is at this offset of the archive that was begun, and so long.
    pub fn push_member(&mut self, name: &str, labels: &Labels, place: (u64, u64)) {
        if let Some(Part {
            origin: Origin::Archive(_, members),
            ..
        }) = self.parts.last_mut()
        {
            members.push(place);
        }
        self.push(name, labels, None);
    }

    /// As [`push`](Self::push), of a file whose path is not what its name says.
    pub fn push_odd(&mut self, name: &str, path: PathBuf, labels: &Labels) {
        self.odd.insert(self.len(), path);
        self.push(name, labels, None);
    }

    /// Gives an image other labels.
    pub fn set_labels(&mut self, place: usize, labels: &Labels) {
        self.labels[place] = self.lists.place(labels);
    }

    /// Images that are listed again: the first of them, and how many there are.
    pub fn repeated(&self) -> Option<(usize, usize)> {
        let hashes = || self.names.iter().map(hash_of);
        let mut sorted: Vec<u64> = hashes().collect();
        sorted.sort_unstable();
        let pairs = sorted.windows(2).filter(|pair| pair[0] == pair[1]);
        let suspect: HashSet<u64> = pairs.map(|pair| pair[0]).collect();
        if suspect.is_empty() {
            return None;
        }
        let suspects = (0..self.len()).zip(hashes());
        let suspects = suspects.filter(|(_, hash)| suspect.contains(hash));
        let mut seen = HashSet::new();
        let mut again = suspects.map(|(i, _)| i).filter(|&i| {
            let item = self.get(i);
            // One archive may hold two images of one name.
            let file = item.picture().path().map(Path::to_owned);
            !seen.insert(file.unwrap_or_else(|| PathBuf::from(item.name())))
        });
        let first = again.next()?;
        Some((first, again.count() + 1))
    }

    fn part(&self, place: usize) -> &Part {
        let after = self.parts.partition_point(|part| part.first <= place);
        &self.parts[after - 1]
    }
}

/// The hash of a name as a path, so that `a.jpg` and `./a.jpg` are one.
fn hash_of(name: &str) -> u64 {
    let name = name.strip_prefix("./").unwrap_or(name);
    foldhash::fast::FixedState::default().hash_one(Path::new(name))
}

impl<'a> Item<'a> {
    /// As in the manifest, or relative to the folder with `/` between the parts: what reports print.
    pub fn name(self) -> &'a str {
        self.items.names.get(self.place)
    }

    /// As their author called it: without the place of its table or archive in the folder that was opened.
    pub fn own_name(self) -> &'a str {
        &self.name()[self.items.part(self.place).prefix..]
    }

    /// The primary label first; empty: unlabelled. A number that the data set has a name for is that name, and else all are as written.
    pub fn labels(self) -> &'a [String] {
        &self.list().names
    }

    /// As [`labels`](Self::labels), with numbers as they are.
    pub fn numbers(self) -> &'a [String] {
        let list = self.list();
        list.numbers.as_ref().unwrap_or(&list.names)
    }

    fn list(self) -> &'a Labels {
        &self.items.lists.lists[self.items.labels[self.place] as usize]
    }

    /// The line in the manifest, from 1, where there is one.
    pub fn line(self) -> Option<usize> {
        Some(self.items.lines[self.place] as usize).filter(|&line| line > 0)
    }

    /// Where its bytes are.
    pub fn picture(self) -> Picture {
        if let Some(path) = self.items.odd.get(&self.place) {
            return Picture::File(path.clone());
        }
        let part = self.items.part(self.place);
        let at = self.place - part.first;
        match &part.origin {
            Origin::Folder(folder) => Picture::File(folder.join(self.own_name())),
            Origin::Listed(folder) => Picture::File(super::locate(folder, self.own_name())),
            Origin::File(path) => Picture::File(path.clone()),
            Origin::Archive(archive, members) => Picture::Member {
                archive: Arc::clone(archive),
                offset: members[at].0,
                length: members[at].1,
            },
            Origin::Table(table) => Picture::Cell {
                table: Cell(Arc::clone(table)),
                row: at as u64,
            },
            Origin::Made(contents) => Picture::Made(Arc::clone(&contents[at])),
        }
    }
}
