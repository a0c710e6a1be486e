use super::*;
use proptest::prelude::*;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::{Block, BorderType, Widget};

fn screen(lines: &[&str]) -> Buffer {
    Buffer::with_lines(lines.iter().copied())
}

fn styled(text: &str, style: Style) -> Buffer {
    let mut buffer = screen(&[text]);
    buffer.set_style(buffer.area, style);
    buffer
}

/// What is drawn in the window.
fn contents(buffer: &Buffer) -> String {
    let svg = svg(buffer, &Palette::dark());
    let (_, rest) = svg.split_once("fill=\"#e6edf3\">").unwrap();
    rest.strip_suffix("</g></svg>\n").unwrap().to_owned()
}

fn check(buffer: &Buffer, expected: &str) {
    assert_eq!(contents(buffer), expected);
}

#[test]
fn a_window_is_around_the_screen() {
    let svg = svg(&screen(&["a"]), &Palette::light());
    assert!(svg.starts_with(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"32\" height=\"40\" viewBox=\"0 0 32 40\" font-family="
    ));
    assert!(svg.contains(
        "<rect x=\".5\" y=\".5\" width=\"31\" height=\"39\" rx=\"8\" fill=\"#fff\" stroke=\"#d1d9e0\"/>"
    ));
}

#[test]
fn runs_of_text_stand_at_their_own_place() {
    check(
        &screen(&["  a cat   dog", "", "x<&>"]),
        "<text y=\"12\"><tspan x=\"16\" textLength=\"40\">a cat</tspan>\
         <tspan x=\"80\" textLength=\"24\">dog</tspan></text>\
         <text y=\"44\"><tspan x=\"0\" textLength=\"32\">x&lt;&amp;&gt;</tspan></text>",
    );
    // Wide characters are fitted, signs of other fonts stand alone, letters that join stay together.
    check(
        &screen(&["a日本b ✓✓ שלום"]),
        "<text y=\"12\"><tspan x=\"0\">a</tspan>\
         <tspan x=\"8\" textLength=\"32\" lengthAdjust=\"spacingAndGlyphs\">日本</tspan>\
         <tspan x=\"40\">b</tspan><tspan x=\"56\">✓</tspan><tspan x=\"64\">✓</tspan>\
         <tspan x=\"80\" textLength=\"32\">שלום</tspan></text>",
    );
    check(
        &screen(&["⣿⡇"]),
        "<text y=\"12\"><tspan x=\"0\" textLength=\"16\">⣿⡇</tspan></text>",
    );
}

#[test]
fn looks_are_what_a_terminal_shows() {
    let text =
        |attributes: &str| format!("<text y=\"12\"><tspan x=\"0\"{attributes}>a</tspan></text>");
    let tile = |colour: &str| {
        format!(
            "<g shape-rendering=\"crispEdges\"><path fill=\"{colour}\" d=\"M0 0h8v16h-8z\"/></g>"
        )
    };
    check(&styled("a", Style::new().red()), &text(" fill=\"#ff7b72\""));
    check(
        &styled("a", Style::new().bold()),
        &text(" font-weight=\"bold\""),
    );
    check(
        &styled("a", Style::new().italic()),
        &text(" font-style=\"italic\""),
    );
    check(&styled("a", Style::new().hidden()), "");
    check(
        &styled("a", Style::new().fg(Color::Rgb(17, 34, 51))),
        &text(" fill=\"#123\""),
    );
    check(
        &styled("a", Style::new().bg(Color::Indexed(196))),
        &(tile("#f00") + &text("")),
    );
    check(
        &styled("a", Style::new().reversed()),
        &(tile("#e6edf3") + &text(" fill=\"#0d1117\"")),
    );
    // Six tenths of the letters' colour.
    let dim = Style::new()
        .fg(Color::Rgb(100, 100, 100))
        .bg(Color::Rgb(0, 0, 0))
        .dim();
    check(
        &styled("a", dim),
        &(tile("#000") + &text(" fill=\"#3c3c3c\"")),
    );
    check(
        &styled("a ", Style::new().underlined()),
        &("<path fill=\"#e6edf3\" d=\"M0 14h16v1h-16z\"/>".to_owned() + &text("")),
    );
    check(
        &styled("a ", Style::new().crossed_out()),
        &("<path fill=\"#e6edf3\" d=\"M0 8h16v1h-16z\"/>".to_owned() + &text("")),
    );
}

#[test]
fn backgrounds_merge_over_columns_and_rows() {
    let mut buffer = screen(&["", "", ""]);
    buffer.resize(Rect::new(0, 0, 3, 3));
    buffer.set_style(Rect::new(1, 0, 2, 3), Style::new().on_red());
    check(
        &buffer,
        "<g shape-rendering=\"crispEdges\"><path fill=\"#ff7b72\" d=\"M8 0h16v48h-16z\"/></g>",
    );
}

#[test]
fn half_blocks_are_two_tiles_and_merge_where_equal() {
    let mut buffer = screen(&["▀▀", "▄█"]);
    let (red, blue) = (Color::Rgb(255, 0, 0), Color::Rgb(0, 0, 255));
    buffer.set_style(buffer.area, Style::new().fg(red).bg(blue));
    check(
        &buffer,
        "<g shape-rendering=\"crispEdges\">\
         <path fill=\"#00f\" d=\"M0 8h16v8h-16zM0 16h8v8h-8z\"/>\
         <path fill=\"#f00\" d=\"M0 0h16v8h-16zM8 16h8v16h-8zM0 24h8v8h-8z\"/></g>",
    );
    // A bar: two full cells and three eighths.
    check(
        &styled("██▍ ", Style::new().fg(red)),
        "<g shape-rendering=\"crispEdges\"><path fill=\"#f00\" d=\"M0 0h19v16h-19z\"/></g>",
    );
    check(
        &styled(
            "▂▒",
            Style::new()
                .fg(Color::Rgb(200, 0, 0))
                .bg(Color::Rgb(0, 0, 0)),
        ),
        "<g shape-rendering=\"crispEdges\"><path fill=\"#000\" d=\"M0 0h8v12h-8z\"/>\
         <path fill=\"#640000\" d=\"M8 0h8v16h-8z\"/>\
         <path fill=\"#c80000\" d=\"M0 12h8v4h-8z\"/></g>",
    );
}

#[test]
fn frames_are_lines_without_gaps() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 3));
    Block::bordered().render(buffer.area, &mut buffer);
    // One rectangle a side: from the middle of a corner to the middle of the next.
    check(
        &buffer,
        "<path fill=\"#e6edf3\" d=\"M4 8h1v33h-1zM4 8h25v1h-25zM28 8h1v33h-1zM4 40h25v1h-25z\"/>",
    );
    let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 2));
    let rounded = Block::bordered().border_type(BorderType::Rounded);
    rounded.render(buffer.area, &mut buffer);
    check(
        &buffer,
        "<g fill=\"none\"><path stroke=\"#e6edf3\" d=\"M4.5 16v-4q0-3.5 3.5-3.5M8 8.5h1q3.5 0 3.5 3.5v4\
         M4.5 16v5q0 3.5 3.5 3.5M12.5 16v5q0 3.5-3.5 3.5h-1\"/></g>",
    );
}

#[test]
fn an_animation_shows_its_frames_in_turn() {
    let at = Duration::from_millis;
    let frames = [
        (at(500), screen(&["title", "one"])),
        (at(1500), screen(&["title", "two"])),
        (at(2000), screen(&["title", "two"])),
        (at(2500), screen(&["title", "one"])),
    ];
    let svg = animated(&frames, &Palette::dark());
    let (_, rest) = svg.split_once("<style>").unwrap();
    let (style, rest) = rest.split_once("</style>").unwrap();
    assert_eq!(
        style,
        ".f{visibility:hidden;animation:4s step-end infinite}#f0{visibility:visible}\
         @media(prefers-reduced-motion:reduce){.f{animation:none!important}}\
         #f0{animation-name:k0}@keyframes k0{0%{visibility:visible}25%{visibility:hidden}}\
         #f1{animation-name:k1}@keyframes k1{0%{visibility:hidden}25%{visibility:visible}50%{visibility:hidden}}\
         #f2{animation-name:k2}@keyframes k2{0%{visibility:hidden}50%{visibility:visible}}"
    );
    let (_, rest) = rest.split_once("<defs>").unwrap();
    // The title is there once and for all; "one" is defined once and used twice.
    assert_eq!(
        rest,
        "<g id=\"r0\"><text y=\"12\"><tspan x=\"0\" textLength=\"40\">title</tspan></text></g>\
         <g id=\"r1\"><text y=\"12\"><tspan x=\"0\" textLength=\"24\">one</tspan></text></g>\
         <g id=\"r2\"><text y=\"12\"><tspan x=\"0\" textLength=\"24\">two</tspan></text></g></defs>\
         <g class=\"f\" id=\"f0\"><use href=\"#r1\" y=\"16\"/></g>\
         <g class=\"f\" id=\"f1\"><use href=\"#r2\" y=\"16\"/></g>\
         <g class=\"f\" id=\"f2\"><use href=\"#r1\" y=\"16\"/></g>\
         <use href=\"#r0\"/></g></svg>\n"
    );
}

#[test]
fn text_that_stays_is_above_bars_that_move() {
    let bar = |style: Style| styled("a", style);
    let frames = [
        (Duration::ZERO, bar(Style::new())),
        (Duration::from_secs(1), bar(Style::new().on_red())),
    ];
    let svg = animated(&frames, &Palette::dark());
    let (below, above) = svg
        .split_once("<g class=\"f\" id=\"f1\"><use href=\"#r1\"/></g>")
        .unwrap();
    assert!(
        !below.contains("<use") && above.starts_with("<use href=\"#r0\"/>"),
        "{svg}"
    );
}

#[test]
fn frames_that_nobody_would_see_are_left_out() {
    let at = Duration::from_secs;
    let [a, b] = ["a", "b"].map(|text| screen(&[text]));
    let dark = Palette::dark();
    assert_eq!(animated(&[], &dark), window(0, 0, &dark, "", ""));
    let still = svg(&a, &dark);
    assert_eq!(animated(&[(at(3), a.clone())], &dark), still);
    assert_eq!(
        animated(&[(at(0), a.clone()), (at(1), a.clone())], &dark),
        still
    );
    // Two at one time, or one that comes late: the later one counts.
    assert_eq!(
        animated(&[(at(2), b.clone()), (at(2), a.clone())], &dark),
        still
    );
    let frames = [(at(2), a.clone()), (at(4), b.clone()), (at(3), a.clone())];
    assert_eq!(animated(&frames, &dark), still);
    // One that is held at the end lengthens the loop.
    let held = animated(&[(at(0), a), (at(1), b.clone()), (at(5), b)], &dark);
    assert!(held.contains("animation:7s"));
}

/// A screen as busy as they come, with all of it moving: a frame, a picture, a list, a bar.
fn busy(frame: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 100, 30));
    Block::bordered()
        .title("cladist")
        .render(buffer.area, &mut buffer);
    for y in 1..29 {
        let text = format!(
            "{:>5} {:<30} {:>7.3} ████▌",
            frame + y,
            "a name of some label",
            f32::from(frame * y)
        );
        let style = if y == frame % 28 {
            Style::new().reversed()
        } else {
            Style::new().cyan()
        };
        buffer.set_string(2, y, text, style);
    }
    // Another picture every tenth frame.
    let seed = frame / 10;
    for (x, y) in (0..32).flat_map(|x| (0..16).map(move |y| (60 + x, 4 + y))) {
        let colour = |y: u16| {
            let part = |i: u16| (seed * 31 + x * i * 7 + y * (i + 3)) as u8;
            Color::Rgb(part(1), part(2), part(3))
        };
        buffer[(x, y)]
            .set_symbol("▀")
            .set_fg(colour(2 * y))
            .set_bg(colour(2 * y + 1));
    }
    buffer
}

#[test]
fn a_long_animation_stays_small() {
    let frames: Vec<_> = (0..40)
        .map(|i| (Duration::from_secs(i.into()), busy(i)))
        .collect();
    let svg = animated(&frames, &Palette::dark());
    assert!(svg.len() < 1_000_000, "{} bytes", svg.len());
    well_formed(&svg).unwrap();
}

/// Whether a text is XML of elements, attributes in double quotes, and the three entities that are written here.
fn well_formed(xml: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut roots = 0;
    let mut rest = xml;
    while let Some((text, from_tag)) = rest.split_once('<') {
        well_formed_text(text)?;
        let (tag, after) = from_tag.split_once('>').ok_or("an open tag")?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}>"));
            }
            continue;
        }
        let (tag, is_closed) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Err(format!("<{tag}>"));
        }
        well_formed_attributes(attributes)?;
        roots += usize::from(open.is_empty());
        if !is_closed {
            open.push(name);
        }
    }
    match (rest, roots, open.is_empty()) {
        ("\n", 1, true) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn well_formed_text(text: &str) -> Result<(), String> {
    let is_char =
        |c: char| matches!(c, '\n' | ' '..='\u{7e}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..);
    let mut bare = text.to_owned();
    for entity in ["&amp;", "&lt;", "&gt;"] {
        bare = bare.replace(entity, "");
    }
    match bare.contains(['&', '>']) || !text.chars().all(is_char) {
        true => Err(format!("{text:?}")),
        false => Ok(()),
    }
}

fn well_formed_attributes(attributes: &str) -> Result<(), String> {
    let mut names = Vec::new();
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").ok_or_else(|| rest.to_owned())?;
        let (value, after) = value.split_once('"').ok_or_else(|| rest.to_owned())?;
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
        if !is_name || names.contains(&name) || value.contains(['<', '&']) {
            return Err(attributes.to_owned());
        }
        names.push(name);
        rest = after.trim_start();
    }
    Ok(())
}

#[test]
fn the_checker_of_xml_sees_faults() {
    for fault in [
        "<a><b></a></b>\n",
        "<a>\n",
        "<a/><b/>\n",
        "<a>&</a>\n",
        "<a>\u{1}</a>\n",
        "<a x=1/>\n",
        "<a x=\"1\" x=\"2\"/>\n",
        "<a>></a>\n",
        "<a x=\"<\"/>\n",
        "\n",
    ] {
        assert!(well_formed(fault).is_err(), "{fault}");
    }
    well_formed("<a x=\"1\" y-z=\"2\"><b/>&amp;ä</a>\n").unwrap();
}

fn buffers() -> impl Strategy<Value = Buffer> {
    let colour = || {
        prop_oneof![
            Just(Color::Reset),
            Just(Color::White),
            any::<u8>().prop_map(Color::Indexed),
            any::<(u8, u8, u8)>().prop_map(|(r, g, b)| Color::Rgb(r, g, b)),
        ]
    };
    let symbol = prop_oneof![
        any::<String>(),
        any::<char>().prop_map(String::from),
        (0x2500u32..0x25a0).prop_map(|c| char::from_u32(c).map_or_else(String::new, String::from)),
        prop::sample::select(vec![
            "<", "&", "]]>", "日", "\0", "\x1b[0m", "\u{ffff}", "\u{85}", ""
        ])
        .prop_map(str::to_owned),
    ];
    let style = (colour(), colour(), any::<u16>()).prop_map(|(fg, bg, bits)| {
        let modifier = Modifier::from_bits_truncate(bits);
        Style::new().fg(fg).bg(bg).add_modifier(modifier)
    });
    (0u16..8, 0u16..4, any::<(u16, u16)>()).prop_flat_map(move |(width, height, (x, y))| {
        let cells = usize::from(width * height);
        prop::collection::vec((symbol.clone(), style.clone()), cells).prop_map(move |cells| {
            let mut buffer = Buffer::empty(Rect::new(x.min(9), y.min(9), width, height));
            for (cell, (symbol, style)) in buffer.content.iter_mut().zip(cells) {
                cell.set_symbol(&symbol).set_style(style);
            }
            buffer
        })
    })
}

proptest! {
    #[test]
    fn any_screen_is_well_formed(buffer in buffers()) {
        let found = svg(&buffer, &Palette::light());
        prop_assert!(well_formed(&found).is_ok(), "{found}");
    }

    #[test]
    fn any_animation_is_well_formed(frames in prop::collection::vec((0u64..9, buffers()), 0..5)) {
        let frames: Vec<_> = frames.into_iter().map(|(at, b)| (Duration::from_secs(at), b)).collect();
        let found = animated(&frames, &Palette::dark());
        prop_assert!(well_formed(&found).is_ok(), "{found}");
        prop_assert_eq!(&found, &animated(&frames, &Palette::dark()));
    }
}
