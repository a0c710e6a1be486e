//! Text → a YAML scalar on one line, plain where that says the same to every reader of YAML.

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
}

/// The text in that style, or in the next that can hold it. `flow`: inside brackets.
pub(super) fn render(text: &str, style: Style, flow: bool) -> String {
    match style {
        Style::Plain if is_plain(text, flow) => text.to_owned(),
        Style::Single if !needs_escapes(text) => single(text),
        Style::Plain if !needs_escapes(text) && text.contains(['"', '\\']) => single(text),
        _ => double(text),
    }
}

/// Whether the text can stand without quotes, and looks like text to readers that know more types than ours.
pub(super) fn is_plain(text: &str, flow: bool) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let indicator = "-?:,[]{}#&*!|>'\"%@`.=~<+".contains(first);
    let number = text.replace('_', "").parse::<f64>().is_ok()
        || first.is_ascii_digit()
            && text
                .chars()
                .all(|c| c.is_ascii_hexdigit() || "xo_:.-+".contains(c));
    let word = ["null", "true", "false", "yes", "no", "on", "off"];
    !(indicator
        || number
        || needs_escapes(text)
        || text.trim() != text
        || word.iter().any(|w| text.eq_ignore_ascii_case(w))
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with(':')
        || flow && text.contains(['[', ']', '{', '}', ',']))
}

/// Whether only double quotes can hold it on one line.
fn needs_escapes(text: &str) -> bool {
    text.chars().any(is_special)
}

fn is_special(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn double(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_special(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
