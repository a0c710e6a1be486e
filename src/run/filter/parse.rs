//! From a text to what it asks of the images of a run.

use super::fields::{FLAGS, Figure, Flag, Kind, Role, did_you_mean, near, relations, verdicts};
use super::labels::{Labels, with_text};
use super::lexer::{Comparison, Lexer, Value, Written};
use super::needle::Needle;
use super::{Condition, FilterError, Term, Test};
use crate::run::opened::Opened;
use crate::taxonomy::normalise;

/// Parentheses in parentheses: more than anybody writes, and few enough to recurse.
const DEEPEST: usize = 64;

/// What a text asks; `None`: nothing.
pub(super) fn parse(text: &str, opened: &Opened) -> Result<Option<Condition>, FilterError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let mut parser = Parser {
        lexer: Lexer::new(text),
        opened,
        depth: 0,
    };
    let condition = parser.any()?;
    match parser.lexer.peek() {
        None => Ok(Some(condition)),
        Some(_) => Err(FilterError {
            span: parser.lexer.at..parser.lexer.at + 1,
            message: "no parenthesis is open here".to_owned(),
        }),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    opened: &'a Opened,
    /// Parentheses that are open.
    depth: usize,
}

impl Parser<'_> {
    /// Terms of which one must hold.
    fn any(&mut self) -> Result<Condition, FilterError> {
        let mut any = vec![self.all()?];
        while self.lexer.eat_or() {
            any.push(self.all()?);
        }
        Ok(joined(any, Condition::Any))
    }

    /// Terms that must all hold; ends where something else than a term is next.
    fn all(&mut self) -> Result<Condition, FilterError> {
        let mut all = vec![self.one()?];
        loop {
            self.lexer.skip_blanks();
            let is_joined = self.lexer.eat_and();
            if !is_joined && self.is_end() {
                return Ok(joined(all, Condition::All));
            }
            all.push(self.one()?);
        }
    }

    /// Whether no term is next; blanks were skipped.
    fn is_end(&self) -> bool {
        let mut ahead = Lexer::new(self.lexer.rest());
        matches!(ahead.peek(), None | Some(')')) || ahead.eat_or()
    }

    /// A term, or what is between parentheses, negated or not.
    fn one(&mut self) -> Result<Condition, FilterError> {
        let mut is_negated = false;
        self.lexer.skip_blanks();
        while self.lexer.eat_not() {
            is_negated = !is_negated;
            self.lexer.skip_blanks();
        }
        let start = self.lexer.at;
        if self.is_end() || self.lexer.eat_and() {
            return Err(FilterError {
                span: start..self.lexer.at,
                message: "a term is expected here, such as `truth:dog` or `p<0.4`".to_owned(),
            });
        }
        let condition = match self.lexer.eat("(") {
            true => self.group(start)?,
            false => {
                let written = self.lexer.term()?;
                self.term(written)?
            }
        };
        Ok(negated(condition, is_negated))
    }

    /// The rest of what is between parentheses.
    fn group(&mut self, start: usize) -> Result<Condition, FilterError> {
        let wrong = |end, message: &str| FilterError {
            span: start..end,
            message: message.to_owned(),
        };
        if self.depth == DEEPEST {
            return Err(wrong(
                self.lexer.at,
                "parentheses are nested too deeply here",
            ));
        }
        self.depth += 1;
        let condition = self.any()?;
        self.depth -= 1;
        match self.lexer.eat(")") {
            true => Ok(condition),
            false => Err(wrong(self.lexer.at, "the parenthesis is not closed")),
        }
    }

    fn term(&self, written: Written) -> Result<Condition, FilterError> {
        let opened = self.opened;
        let (field, span, comparison, values) = match written {
            Written::Text(value) => return Ok(text(value, opened)),
            Written::Asks {
                field,
                span,
                comparison,
                values,
            } => (field, span, comparison, values),
        };
        if let Kind::Figure(figure) = field.kind {
            return self::figure(figure, comparison, &values);
        }
        if !matches!(comparison, Comparison::Is | Comparison::IsNot) {
            return Err(FilterError {
                span,
                message: format!("`{0}` is no figure: write `{0}:…`", field.name),
            });
        }
        let condition = match field.kind {
            Kind::Verdict => Condition::is(Term::Verdict(mask("verdict", &values, verdicts)?)),
            Kind::Relation => Condition::is(Term::Relation(mask("relation", &values, relations)?)),
            Kind::Labels(role) => labels(role, Labels::read(&values, opened)?, opened),
            Kind::Flag => one_of(&values, flag)?,
            Kind::Image | Kind::Figure(_) => one_of(&values, |value| {
                Ok(Term::Image(Needle::new(&value.text, &opened.saved.images)))
            })?,
        };
        Ok(negated(condition, comparison == Comparison::IsNot))
    }
}

/// Conditions as one.
fn joined(mut conditions: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match conditions.len() {
        1 => conditions.remove(0),
        _ => join(conditions),
    }
}

fn negated(condition: Condition, is_negated: bool) -> Condition {
    match is_negated {
        true => Condition::Not(Box::new(condition)),
        false => condition,
    }
}

fn one_of(
    values: &[Value],
    term: impl Fn(&Value) -> Result<Term, FilterError>,
) -> Result<Condition, FilterError> {
    let terms = values.iter().map(|value| term(value).map(Condition::is));
    Ok(joined(terms.collect::<Result<_, _>>()?, Condition::Any))
}

/// A word is a flag, or else looked for.
fn text(value: Value, opened: &Opened) -> Condition {
    if !value.is_quoted
        && let Some(flag) = Flag::by_name(&value.text)
    {
        return Condition::is(Term::Flag(flag));
    }
    let needle = Needle::new(&value.text, &opened.saved.images);
    let (truths, labels) = with_text(&needle, opened);
    Condition::is(Term::Text(needle, truths, labels))
}

fn labels(role: Role, labels: Labels, opened: &Opened) -> Condition {
    let truths = |labels: &Labels| Condition::is(Term::Truths(labels.of_truths(opened)));
    match role {
        Role::Truth => truths(&labels),
        Role::Answer => Condition::is(Term::Answer(labels)),
        Role::Ranked => Condition::is(Term::Ranked(labels)),
        Role::LooksLike => Condition::is(Term::LooksLike(labels)),
        Role::Either => Condition::Any(vec![truths(&labels), Condition::is(Term::Answer(labels))]),
    }
}

/// The bits of verdicts or relations.
fn mask<Words: Iterator<Item = (&'static str, u16, &'static str)>>(
    what: &str,
    values: &[Value],
    words: fn() -> Words,
) -> Result<u16, FilterError> {
    let mut mask = 0;
    for value in values {
        let key = normalise(&value.text);
        let mut known = words();
        match known.find(|(name, ..)| normalise(name) == key) {
            Some((_, bits, _)) => mask |= bits,
            None => {
                let known: Vec<&str> = words().map(|(name, ..)| name).collect();
                return Err(unknown(what, value, &known));
            }
        }
    }
    Ok(mask)
}

fn flag(value: &Value) -> Result<Term, FilterError> {
    let known = FLAGS.map(|(name, ..)| name);
    let flag = Flag::by_name(&value.text);
    flag.map(Term::Flag)
        .ok_or_else(|| unknown("flag", value, &known))
}

/// A word that is not one of a few: what is near, or else all.
fn unknown(what: &str, value: &Value, known: &[&str]) -> FilterError {
    let near = near(&value.text, known.iter().copied());
    let hint = match near.is_empty() {
        true => format!(": one of {}", known.join(", ")),
        false => did_you_mean(near.into_iter()),
    };
    FilterError {
        span: value.span.clone(),
        message: format!("no {what} `{}`{hint}", value.text),
    }
}

fn figure(
    figure: Figure,
    comparison: Comparison,
    values: &[Value],
) -> Result<Condition, FilterError> {
    let is_equality = matches!(comparison, Comparison::Is | Comparison::IsNot);
    let is_negated = comparison == Comparison::IsNot;
    let is = |test| Condition::is(Term::Figure(figure, test));
    if let [value] = values
        && is_equality
        && value.is_bare("none")
    {
        return Ok(negated(is(Test::Unknown), is_negated));
    }
    if is_equality {
        let ranges = values.iter().map(range).collect::<Result<Vec<_>, _>>()?;
        return Ok(is(match is_negated {
            true => Test::Outside(ranges),
            false => Test::Within(ranges),
        }));
    }
    if let [first, .., last] = values {
        return Err(FilterError {
            span: first.span.start..last.span.end,
            message: "one number is expected".to_owned(),
        });
    }
    let bound = values.first().map(|value| number(value, &value.text));
    let bound = bound.unwrap_or(Ok(f64::NAN))?;
    Ok(is(match comparison {
        Comparison::Below => Test::Below(bound),
        Comparison::AtMost => Test::AtMost(bound),
        Comparison::Above => Test::Above(bound),
        _ => Test::AtLeast(bound),
    }))
}

/// A number, or two with `..` between them, either of which may be left out.
fn range(value: &Value) -> Result<(f64, f64), FilterError> {
    let Some((low, high)) = value.text.split_once("..") else {
        let only = number(value, &value.text)?;
        return Ok((only, only));
    };
    let end = |text: &str, open: f64| match text.trim() {
        "" => Ok(open),
        text => number(value, text),
    };
    let (low, high) = (end(low, f64::NEG_INFINITY)?, end(high, f64::INFINITY)?);
    match low <= high {
        true => Ok((low, high)),
        false => Err(FilterError {
            span: value.span.clone(),
            message: format!("nothing is from {low} to {high}: the smaller number comes first"),
        }),
    }
}

/// A number, or one in percent.
fn number(value: &Value, text: &str) -> Result<f64, FilterError> {
    let (digits, unit) = match text.strip_suffix('%') {
        Some(percent) => (percent, 100.0),
        None => (text, 1.0),
    };
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    let number = digits.trim().parse::<f64>().ok();
    let number = number.filter(|number| number.is_finite() && digits.trim().chars().all(is_number));
    number
        .map(|number| number / unit)
        .ok_or_else(|| FilterError {
            span: value.span.clone(),
            message: format!("`{text}` is no number, such as 0.4 or 40%; a range is 0.2..0.4"),
        })
}
