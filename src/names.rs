//! Many names in little memory, and how they are found again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;

/// Many names in one piece of memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    text: String,
    ends: Vec<usize>,
}

impl Names {
    pub fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }

    pub fn get(&self, i: usize) -> &str {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[i]]
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|i| self.get(i))
    }
}

impl<'a> FromIterator<&'a str> for Names {
    fn from_iter<T: IntoIterator<Item = &'a str>>(names: T) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.push(name));
        all
    }
}

/// Where each of many names is: of a few dozen bytes a name.
#[derive(Debug, Clone, Default)]
pub struct NameIndex {
    hasher: foldhash::fast::FixedState,
    /// By the hash of the name.
    places: HashMap<u64, u32, foldhash::fast::FixedState>,
    /// Names whose hash is that of another.
    others: HashMap<String, u32>,
}

impl NameIndex {
    /// Adds the name at place `i` of `names`; the place of the same name before it, if there is one.
    ///
    /// # Panics
    /// If `i` is 2³² or more.
    pub fn insert(&mut self, names: &Names, i: usize) -> Option<usize> {
        let name = names.get(i);
        let place = u32::try_from(i).expect("fewer than 2³² names");
        match self.places.entry(self.hasher.hash_one(name)) {
            Entry::Vacant(free) => {
                free.insert(place);
                None
            }
            Entry::Occupied(taken) if names.get(*taken.get() as usize) == name => {
                Some(*taken.get() as usize)
            }
            Entry::Occupied(_) => match self.others.entry(name.to_owned()) {
                Entry::Vacant(free) => {
                    free.insert(place);
                    None
                }
                Entry::Occupied(taken) => Some(*taken.get() as usize),
            },
        }
    }

    /// The place of a name in `names`, those that were inserted.
    pub fn find(&self, names: &Names, name: &str) -> Option<usize> {
        let place = *self.places.get(&self.hasher.hash_one(name))? as usize;
        if names.get(place) == name {
            return Some(place);
        }
        self.others.get(name).map(|&place| place as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_were_put() {
        let words: Vec<String> = (0..5000).map(|i| format!("image-{}", i % 4000)).collect();
        let names: Names = words.iter().map(String::as_str).collect();
        let mut index = NameIndex::default();
        for i in 0..names.len() {
            assert_eq!(index.insert(&names, i), i.checked_sub(4000));
        }
        for (i, word) in words[..4000].iter().enumerate() {
            assert_eq!(index.find(&names, word), Some(i));
        }
        assert_eq!(index.find(&names, "image"), None);
        assert_eq!(names.iter().last(), Some("image-999"));
    }
}
