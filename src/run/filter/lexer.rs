//! The words of the language, and where they are: what parsing and completion have in common.

use std::ops::Range;

use super::FilterError;
use super::fields::{Field, Flag, did_you_mean, near};

/// Words that join terms.
pub(super) const JOINING: [&str; 3] = ["OR", "AND", "NOT"];

/// The labels beside the one that is named.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Closure {
    Under,
    Above,
}

pub(super) const CLOSURES: [(&str, Closure); 2] =
    [("under", Closure::Under), ("above", Closure::Above)];

/// What follows a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    pub span: Range<usize>,
    /// Without quotes.
    pub text: String,
    pub is_quoted: bool,
    pub closure: Option<Closure>,
}

impl Value {
    /// Whether it is this word, which has a meaning of its own.
    pub fn is_bare(&self, word: &str) -> bool {
        !self.is_quoted && self.closure.is_none() && self.text == word
    }
}

/// How a field is compared with its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Comparison {
    Is,
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// Longer ones first.
const COMPARISONS: [(&str, Comparison); 8] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("!=", Comparison::IsNot),
    ("==", Comparison::Is),
    (":", Comparison::Is),
    ("=", Comparison::Is),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

/// A term as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Written {
    /// A word or what is between quotes.
    Text(Value),
    Asks {
        field: &'static Field,
        /// Of the field and the comparison.
        span: Range<usize>,
        comparison: Comparison,
        values: Vec<Value>,
    },
}

/// The word or value that was read last: what completion completes.
#[derive(Debug, Clone, Default)]
pub(super) struct Piece {
    pub span: Range<usize>,
    /// The field whose value it is.
    pub field: Option<&'static Field>,
    pub closure: Option<Closure>,
}

pub(super) struct Lexer<'t> {
    text: &'t str,
    /// The byte that is next.
    pub at: usize,
    pub piece: Piece,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            piece: Piece::default(),
        }
    }

    pub fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Goes past `token`, if it is next.
    pub fn eat(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        if is_next {
            self.at += token.len();
        }
        is_next
    }

    /// Goes past a word that joins terms, if it is next and is all of a word.
    pub fn eat_word(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word);
        let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '|');
        let is_next = after.is_some_and(|after| after.chars().next().is_none_or(ends));
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    pub fn eat_or(&mut self) -> bool {
        self.eat("||") || self.eat("|") || self.eat_word("OR")
    }

    pub fn eat_and(&mut self) -> bool {
        self.eat_word("AND") || self.eat_word("&&") || self.eat_word("&")
    }

    pub fn eat_not(&mut self) -> bool {
        self.eat("-") || (!self.rest().starts_with("!=") && self.eat("!")) || self.eat_word("NOT")
    }

    /// The term that is next; there is one.
    pub fn term(&mut self) -> Result<Written, FilterError> {
        let start = self.at;
        self.piece = Piece {
            span: start..start,
            ..Piece::default()
        };
        if self.peek() == Some('"') {
            return Ok(Written::Text(self.quoted()?));
        }
        let Some((name, comparison, at)) = self.compared() else {
            return self.word();
        };
        let Some(field) = Field::by_name(name) else {
            self.at += name.len();
            return Err(unknown_field(name, start..self.at));
        };
        self.at = at;
        let span = start..at;
        let values = self.values(field)?;
        Ok(Written::Asks {
            field,
            span,
            comparison,
            values,
        })
    }

    /// The field that a term begins with, how it is compared, and where its values begin. Blanks may stand before the comparison if
    /// it is a field that there is.
    fn compared(&self) -> Option<(&'t str, Comparison, usize)> {
        let rest = self.rest();
        let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        let length = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(length);
        let apart = after.trim_start();
        let is_apart = apart.len() < after.len();
        if name.is_empty() || is_apart && Field::by_name(name).is_none() {
            return None;
        }
        let mut comparisons = COMPARISONS.iter();
        let &(sign, comparison) = comparisons.find(|(sign, _)| apart.starts_with(sign))?;
        let at = self.text.len() - apart.len() + sign.len();
        Some((name, comparison, at))
    }

    fn word(&mut self) -> Result<Written, FilterError> {
        let value = self.bare(None);
        let function = value.text.split_once('(').map(|(name, _)| name);
        let is_function = |name: &str| CLOSURES.iter().any(|(known, _)| *known == name);
        if function.is_some_and(is_function) {
            return Err(FilterError {
                message: format!(
                    "a field is expected before it, as in `truth:{0}`, or quotes around it",
                    value.text
                ),
                span: value.span,
            });
        }
        if value.text.starts_with(['<', '>', '=']) || value.text.starts_with("!=") {
            return Err(FilterError {
                span: value.span,
                message: "a field is expected before it, as in `p<0.4`, or quotes around it"
                    .to_owned(),
            });
        }
        Ok(Written::Text(value))
    }

    /// What follows a field: values with commas or `|` between them.
    fn values(&mut self, field: &'static Field) -> Result<Vec<Value>, FilterError> {
        let mut values = Vec::new();
        loop {
            self.skip_blanks();
            self.value(field, &mut values)?;
            let is_next = field.takes_commas() && self.eat(",") || self.eat_alternative();
            if !is_next {
                return Ok(values);
            }
        }
    }

    /// Goes past a `|` between two values. One between two terms has blanks beside it, or a field after it.
    fn eat_alternative(&mut self) -> bool {
        let Some(after) = self.rest().strip_prefix('|') else {
            return false;
        };
        let joins = |c: char| c.is_whitespace() || matches!(c, '|' | '(' | '-' | '!');
        let begins_term = after.chars().next().is_none_or(joins);
        let next = Lexer::new(after);
        let has_field = (next.compared()).is_some_and(|(name, ..)| Field::by_name(name).is_some());
        !begins_term && !has_field && self.eat("|")
    }

    fn value(&mut self, field: &'static Field, values: &mut Vec<Value>) -> Result<(), FilterError> {
        self.piece = Piece {
            span: self.at..self.at,
            field: Some(field),
            closure: None,
        };
        if matches!(field.kind, super::fields::Kind::Labels(_)) {
            for (name, closure) in CLOSURES {
                let start = self.at;
                if self.eat(name) && self.eat("(") {
                    return self.closed(start, closure, values);
                }
                self.at = start;
            }
        }
        let value = match self.peek() {
            Some('"') => self.quoted()?,
            _ => self.bare(Some(field)),
        };
        if value.text.is_empty() && !value.is_quoted {
            return Err(FilterError {
                span: value.span,
                message: format!("a value is expected after `{}`", field.name),
            });
        }
        values.push(value);
        Ok(())
    }

    /// The labels between the parentheses of a closure, which may have blanks.
    fn closed(
        &mut self,
        start: usize,
        closure: Closure,
        values: &mut Vec<Value>,
    ) -> Result<(), FilterError> {
        loop {
            self.skip_blanks();
            self.piece.span = self.at..self.at;
            self.piece.closure = Some(closure);
            let mut value = match self.peek() {
                Some('"') => self.quoted()?,
                _ => self.balanced(|c| c == ','),
            };
            if value.text.is_empty() && !value.is_quoted {
                return Err(FilterError {
                    span: value.span,
                    message: "a label is expected".to_owned(),
                });
            }
            value.closure = Some(closure);
            values.push(value);
            self.skip_blanks();
            if self.eat(")") {
                self.piece.span.end = self.at;
                return Ok(());
            }
            if !self.eat(",") {
                return Err(FilterError {
                    span: start..self.at,
                    message: "the parenthesis is not closed".to_owned(),
                });
            }
        }
    }

    fn bare(&mut self, field: Option<&Field>) -> Value {
        let takes_commas = field.is_some_and(Field::takes_commas);
        self.balanced(|c| c.is_whitespace() || matches!(c, '"' | '|') || takes_commas && c == ',')
    }

    /// What is up to a character that `ends` it, or a parenthesis that was not opened in it; without blanks at its end.
    fn balanced(&mut self, ends: impl Fn(char) -> bool) -> Value {
        let start = self.at;
        let mut open = 0usize;
        let is_end = |c: char| {
            match c {
                '(' => open += 1,
                ')' if open == 0 => return true,
                ')' => open -= 1,
                _ => return ends(c),
            }
            false
        };
        let length = self.rest().find(is_end).unwrap_or(self.rest().len());
        let text = self.rest()[..length].trim_end();
        self.at += length;
        self.piece.span.end = self.at;
        Value {
            span: start..start + text.len(),
            text: text.to_owned(),
            is_quoted: false,
            closure: None,
        }
    }

    /// What is between quotes; `\"` and `\\` stand for `"` and `\`.
    fn quoted(&mut self) -> Result<Value, FilterError> {
        let start = self.at;
        let (text, length) = unquoted(self.rest());
        self.at += length.unwrap_or(self.rest().len());
        self.piece.span.end = self.at;
        match length {
            Some(_) => Ok(Value {
                span: start..self.at,
                text,
                is_quoted: true,
                closure: None,
            }),
            None => Err(FilterError {
                span: start..self.at,
                message: "the quote is not closed".to_owned(),
            }),
        }
    }
}

fn unknown_field(name: &str, span: Range<usize>) -> FilterError {
    let known = super::fields::FIELDS.iter().flat_map(Field::names);
    let mean = did_you_mean(near(name, known).into_iter());
    let message = format!("no field `{name}`{mean}");
    FilterError {
        span,
        message: match mean.is_empty() {
            true => format!("{message}; text with such a sign is quoted"),
            false => message,
        },
    }
}

/// What is between the quote that a text begins with and the next, and the length of all that, if it is closed.
pub(super) fn unquoted(text: &str) -> (String, Option<usize>) {
    let mut out = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (out, Some(at + 1)),
            '\\' => match characters.next_if(|(_, c)| matches!(c, '"' | '\\')) {
                Some((_, escaped)) => out.push(escaped),
                None => out.push('\\'),
            },
            _ => out.push(c),
        }
    }
    (out, None)
}

/// A label as the language has it: between quotes if it needs them. Where there is a label of this id it is that one.
///
/// ```
/// assert_eq!(cladist::run::quote("dog"), "dog");
/// assert_eq!(cladist::run::quote("golden retriever"), "\"golden retriever\"");
/// ```
pub fn quote(label: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let is_word = JOINING.contains(&label) || label == "none" || Flag::by_name(label).is_some();
    if !label.is_empty() && !label.starts_with('-') && !is_word && label.chars().all(is_plain) {
        return label.to_owned();
    }
    let escaped = label.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
