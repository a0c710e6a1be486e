//! Lists as they are typed into one line.

use crate::taxonomy::edit::Part;

/// The parts of a text, without blanks around them and without empty ones.
pub fn list(text: &str, between: &str) -> Vec<String> {
    let parts = text.split(between).map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Names with commas between; one in quotes may have commas, and a quote in it is written twice.
pub fn names_in(text: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => in_quotes(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
        };
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => after,
            None => return Err(format!("`{after}`: behind the quote comes a comma")),
        };
        if !name.is_empty() {
            names.push(name);
        }
    }
    Ok(names)
}

/// A name up to its closing quote, and what is behind that.
fn in_quotes(text: &str) -> Result<(String, &str), String> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"').ok_or("the quote is not closed")?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Ok((name.trim().to_owned(), after)),
        }
    }
}

/// The parts of a split, as they are typed: `one: child, child; two: child; three`.
pub fn parts(text: &str) -> Result<Vec<Part>, String> {
    if text.contains('=') {
        return Err(
            "`=` is of the command line: here it is `one: child, child; two: child`".to_owned(),
        );
    }
    let part = |text: String| {
        let (id, children) = text.split_once(':').unwrap_or((&text, ""));
        let id = id.trim().to_owned();
        match id.is_empty() {
            true => Err(format!("`{text}`: the id of the part is missing")),
            false => Ok(Part {
                id,
                children: list(children, ","),
            }),
        }
    };
    list(text, ";").into_iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::names_in;

    #[test]
    fn a_name_in_quotes_has_its_commas() {
        for (typed, names) in [
            ("one, two", &["one", "two"][..]),
            ("", &[]),
            (" , one ,, ", &["one"]),
            ("\"one, two\", three", &["one, two", "three"]),
            ("one,\" two \"", &["one", "two"]),
            ("\"a \"\"b\"\", c\"", &["a \"b\", c"]),
            ("5\" disc, \"\"", &["5\" disc"]),
        ] {
            assert_eq!(names_in(typed).unwrap(), names, "{typed}");
        }
        for (typed, why) in [
            ("\"one, two", "the quote is not closed"),
            (
                "\"one\" two, three",
                "`two, three`: behind the quote comes a comma",
            ),
        ] {
            assert_eq!(names_in(typed).unwrap_err(), why);
        }
    }
}
