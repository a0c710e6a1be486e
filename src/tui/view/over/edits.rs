//! Draws what an edit needs on its way: the menu, a choice, the diff.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Clear;

use super::{centred, listed};
use crate::tui::app::App;
use crate::tui::editing::{Kind, Subject};
use crate::tui::overlay::{Choose, Preview};
use crate::tui::text;
use crate::tui::widget::{Cursor, pane, wrap};

/// The edits that there are of what is selected, each with its key; those that cannot be made say why.
pub fn menu(app: &App, frame: &mut Frame<'_>, body: Rect, subject: &Subject, cursor: &Cursor) {
    let Some(run) = app.run() else { return };
    let area = centred(body, 78, Kind::MENU.len() as u16 + 2);
    frame.render_widget(Clear, area);
    let title = match &subject.other {
        Some(other) => format!("Edit `{}` (tab: `{other}`)", subject.node),
        None => format!("Edit `{}`", subject.node),
    };
    let inner = pane(frame, area, &title, true, app.theme);
    let rows: Vec<(String, bool)> = (Kind::MENU.iter())
        .map(|&(key, kind)| {
            let what = kind.title(subject);
            match kind.why_not(subject, &run.taxonomy) {
                Some(why) => (format!("{key}  not now, {why}: {what}"), false),
                None => (format!("{key}  {what}"), true),
            }
        })
        .collect();
    listed(app, frame, inner, cursor, &rows);
}

/// One of a few.
pub fn choose(app: &App, frame: &mut Frame<'_>, body: Rect, choose: &Choose) {
    let title = &choose.asked.title;
    let texts = choose.options.iter().map(|(told, _)| told.as_str());
    let widest = texts.chain([title.as_str()]).map(text::width).max();
    let width = widest.unwrap_or(0) as u16 + 6;
    let count = choose.options.len();
    let area = centred(body, width.clamp(40, 96), (count as u16).min(20) + 2);
    frame.render_widget(Clear, area);
    let inner = pane(frame, area, title, true, app.theme);
    let rows: Vec<(String, bool)> = (choose.options.iter())
        .map(|(told, _)| (told.clone(), true))
        .collect();
    listed(app, frame, inner, &choose.cursor, &rows);
}

/// That an edit is on its way.
pub fn preparing(app: &App, frame: &mut Frame<'_>, body: Rect) {
    let area = centred(body, 44, 3);
    frame.render_widget(Clear, area);
    let inner = pane(frame, area, "Preparing the edit …", true, app.theme);
    super::super::paragraph(frame, inner, "esc leaves it", app.theme.key());
}

/// What an edit would write.
pub fn preview(app: &App, frame: &mut Frame<'_>, body: Rect, preview: &Preview) {
    let what = preview.plan.what.to_string();
    let count = preview.lines.len();
    let width = body.width.min(96);
    // The warnings first, and whole: the diff can be scrolled.
    let warnings = preview.plan.warnings.iter();
    let warnings: Vec<String> = warnings
        .flat_map(|warning| {
            wrap(
                &format!("! {warning}"),
                usize::from(width.saturating_sub(2)),
            )
        })
        .collect();
    let wanted = count + warnings.len() + 4;
    let area = centred(body, width, u16::try_from(wanted).unwrap_or(u16::MAX));
    frame.render_widget(Clear, area);
    let title = format!("Write this? – {what}");
    let inner = pane(frame, area, &title, true, app.theme);
    let of_warnings = (warnings.len() as u16).min(inner.height.saturating_sub(2));
    for (y, line) in (inner.y..inner.y + of_warnings).zip(&warnings) {
        let width = usize::from(inner.width);
        let style = app.theme.orange();
        frame
            .buffer_mut()
            .set_stringn(inner.x, y, line, width, style);
    }
    let list = Rect {
        y: inner.y + of_warnings,
        height: inner.height.saturating_sub(of_warnings + 1),
        ..inner
    };
    let visible = preview.cursor.visible(count, usize::from(list.height));
    for (y, i) in (list.y..).zip(visible) {
        let line = &preview.lines[i];
        let (_, seen) = text::cut(line, preview.shift);
        let width = usize::from(list.width);
        let buffer = frame.buffer_mut();
        let style = diff_style(app, line);
        buffer.set_stringn(list.x, y, text::fit(seen, width), width, style);
    }
    let foot = Rect {
        y: list.bottom(),
        height: inner.height.min(1),
        ..inner
    };
    let keys = "enter writes it   esc leaves it   ← ↑ ↓ → scroll   (u takes it back)";
    super::super::paragraph(frame, foot, keys, app.theme.key());
}

/// The style of a line of a diff; its first character tells what it is, too.
pub fn diff_style(app: &App, line: &str) -> Style {
    match line.as_bytes().first() {
        _ if line.starts_with("+++") || line.starts_with("---") => app.theme.dim(),
        Some(b'+') => app.theme.key(),
        Some(b'-') => app.theme.error(),
        Some(b'@') => app.theme.blue(),
        _ => Style::new(),
    }
}
