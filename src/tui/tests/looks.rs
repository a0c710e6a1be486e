//! Shows screens, to look at while one works.

use super::*;

#[test]
#[ignore = "prints screens"]
fn look() {
    let keys = std::env::var("KEYS").unwrap_or_default();
    let size = std::env::var("SIZE").unwrap_or("120x40".into());
    let (w, h) = size.split_once('x').unwrap();
    let (w, h) = (w.parse().unwrap(), h.parse().unwrap());
    let mut stage = stage(w, h);
    for key in keys.split_whitespace() {
        match key.strip_prefix('\'') {
            Some(text) => stage.type_in(&text.replace('_', " ")),
            None => stage.press(key),
        }
    }
    println!("{}", stage.text_at(w, h));
}
