//! A section of open_clip's configuration, read key by key: what is not read must say nothing.

use std::cell::RefCell;

use serde_json::{Map, Value};

/// A section, and which of its keys have been read.
pub struct Section<'a> {
    /// As errors call it; empty for the whole file.
    name: &'static str,
    map: Option<&'a Map<String, Value>>,
    read: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// The section `name` of `config`; empty if there is none.
    ///
    /// # Errors
    /// If it is no section.
    pub fn of(config: &'a Value, name: &'static str) -> Result<Self, String> {
        let map = match config.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::Object(map)) => Some(map),
            Some(other) => return Err(format!("{name} is {other}: it must be a section")),
        };
        Ok(Self {
            name,
            map,
            read: RefCell::default(),
        })
    }

    /// A whole file that is one section.
    pub fn root(config: &'a Value) -> Self {
        Self {
            name: "",
            map: config.as_object(),
            read: RefCell::default(),
        }
    }

    pub fn is_there(&self) -> bool {
        self.map.is_some()
    }

    /// The value of a key, `None` if it is absent or null.
    pub fn get(&self, key: &'static str) -> Option<&'a Value> {
        self.read.borrow_mut().push(key);
        self.map?.get(key).filter(|value| !value.is_null())
    }

    /// The value of a key that is there, be it null.
    pub fn given(&self, key: &'static str) -> Option<&'a Value> {
        self.map?.get(key)
    }

    /// A whole number.
    ///
    /// # Errors
    /// A sentence that names the key and the value, here and below.
    pub fn size(&self, key: &'static str, default: usize) -> Result<usize, String> {
        self.typed(key, default, "a whole number", |value| {
            usize::try_from(value.as_u64()?).ok()
        })
    }

    /// The number of a token.
    pub fn id(&self, key: &'static str, default: u32) -> Result<u32, String> {
        self.typed(key, default, "the number of a token", |value| {
            u32::try_from(value.as_u64()?).ok()
        })
    }

    /// A finite number.
    pub fn number(&self, key: &'static str, default: f64) -> Result<f64, String> {
        self.typed(key, default, "a number", |value| {
            value.as_f64().filter(|number| number.is_finite())
        })
    }

    pub fn flag(&self, key: &'static str) -> Result<bool, String> {
        self.typed(key, false, "true or false", Value::as_bool)
    }

    pub fn text(&self, key: &'static str, default: &'a str) -> Result<&'a str, String> {
        self.typed(key, default, "a text", Value::as_str)
    }

    fn typed<T>(
        &self,
        key: &'static str,
        default: T,
        expected: &str,
        of: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<T, String> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => of(value).ok_or_else(|| self.wrong(key, value, expected)),
        }
    }

    /// That a value is not what it should be.
    pub fn wrong(&self, key: &str, value: &Value, expected: &str) -> String {
        format!("{} is {value}: it must be {expected}", self.path(key))
    }

    fn path(&self, key: &str) -> String {
        match self.name {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        }
    }

    /// Refuses what has not been read, unless it is among the keys that are of no consequence, or says that something is
    /// not so: a part of the network that we pass over would make every answer another one.
    ///
    /// # Errors
    /// The first such key, with its value.
    pub fn refuse_the_rest(&self, of_no_consequence: &[&str]) -> Result<(), String> {
        let read = self.read.borrow();
        let says_no = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Bool(true) => false,
        };
        let consequential = self.map.into_iter().flatten().find(|(key, value)| {
            let is_known = |keys: &[&str]| keys.contains(&key.as_str());
            !is_known(&read) && !is_known(of_no_consequence) && !says_no(value)
        });
        match consequential {
            None => Ok(()),
            Some((key, value)) => Err(format!(
                "{} is {value}, which is not supported",
                self.path(key)
            )),
        }
    }
}
