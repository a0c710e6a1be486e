//! The workbench without a terminal: keys go in, screens come out, and work is done at once on the thread that asks. For tests, stills
//! and recordings.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui_image::picker::Picker;

use super::action::{Action, Answer, Effect, Job};
use super::app::{App, Beginning};
use super::backend::{Backend, News};
use super::worker::Worker;
use super::{keymap, screen, update, view};

/// A workbench on a stage.
pub struct Stage {
    pub app: App,
    worker: Worker,
    /// What was copied to the clipboard.
    pub copied: Vec<String>,
    /// The state that was kept at the end.
    pub kept: Option<String>,
    pub has_ended: bool,
    /// How often the process would have been stopped.
    pub stopped: usize,
    /// Files that the editor would have been opened on, and the lines.
    pub edited: Vec<(PathBuf, usize)>,
    /// Files that would have been written: here nothing is.
    pub written: Vec<(PathBuf, Vec<u8>)>,
}

/// Effects that follow from one action; more would be a loop.
const MOST_EFFECTS: usize = 10_000;

impl Stage {
    /// Opens the run at once.
    pub fn new(backend: Arc<dyn Backend>, beginning: Beginning) -> Self {
        let picker = beginning.has_pictures.then(Picker::halfblocks);
        let worker = Worker::new(Arc::clone(&backend));
        let _ = worker.picker.set(picker);
        let mut app = App::new(beginning);
        app.curve.value = backend.curve_value();
        let mut stage = Self {
            app,
            worker,
            copied: Vec::new(),
            kept: None,
            has_ended: false,
            stopped: 0,
            edited: Vec::new(),
            written: Vec::new(),
        };
        let effects = view::wants(&mut stage.app);
        stage.perform(effects);
        stage
    }

    /// Does an action, and all that follows from it.
    pub fn act(&mut self, action: Action) {
        let effects = update(&mut self.app, action);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        let mut waiting: VecDeque<Effect> = effects.into();
        for _ in 0..MOST_EFFECTS {
            let Some(effect) = waiting.pop_front() else {
                return;
            };
            match effect {
                Effect::Request(request) => {
                    let id = request.id;
                    let news = Mutex::new(Vec::new());
                    let tell = |told: News| news.lock().expect("no holder panics").push(told);
                    let answer = match self.write(&request.job) {
                        Some(written) => written,
                        None => self.worker.perform(request, &tell),
                    };
                    for told in news.into_inner().expect("no holder panics") {
                        waiting.extend(update(&mut self.app, Action::News(told)));
                    }
                    waiting.extend(update(&mut self.app, Action::Answer(id, answer)));
                }
                Effect::Copy(text) => self.copied.push(text),
                Effect::KeepSession(state) => self.kept = Some(state),
                Effect::Suspend => waiting.push_back(Effect::Stop),
                Effect::Stop => self.stopped += 1,
                Effect::Edit(path, line) => self.edited.push((path, line)),
                Effect::Mouse(_) | Effect::Redraw | Effect::KnowFiles => {}
                Effect::Quit => self.has_ended = true,
            }
        }
        panic!("one action leads to another without end");
    }

    /// What a job would write is kept; `None` if it is another job.
    fn write(&mut self, job: &Job) -> Option<Result<Answer, String>> {
        let (path, bytes) = match job {
            Job::Export(path, sheet) => (path, sheet.render(path)),
            Job::Write(path, text) => (path, Ok(text.clone().into_bytes())),
            Job::SaveRun(path) => (path, Ok(Vec::new())),
            _ => return None,
        };
        Some(bytes.map(|bytes| {
            self.written.push((path.clone(), bytes));
            Answer::Written(format!("written to {}", path.display()))
        }))
    }

    /// Presses keys, written as in a file of keys with blanks between them: `3 down enter`.
    ///
    /// # Panics
    /// What is no key.
    pub fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            let key = keymap::pressed(key).unwrap_or_else(|| panic!("`{key}` is no key"));
            self.act(Action::Key(key));
        }
    }

    /// Types a text, a key a character.
    pub fn type_in(&mut self, text: &str) {
        for c in text.chars() {
            let modifiers = match c.is_uppercase() {
                true => KeyModifiers::SHIFT,
                false => KeyModifiers::NONE,
            };
            self.act(Action::Key(KeyEvent::new(KeyCode::Char(c), modifiers)));
        }
    }

    pub fn resize(&mut self, width: u16, height: u16) {
        self.act(Action::Resize(width, height));
    }

    /// What is on the screen.
    pub fn screen(&self) -> Buffer {
        screen(&self.app)
    }

    /// The same at a size, as text: a line a row, blanks at their ends left out.
    pub fn text_at(&mut self, width: u16, height: u16) -> String {
        self.resize(width, height);
        text_of(&self.screen())
    }

    /// The row of the first place where a text is on the screen now, and its column.
    pub fn find(&self, text: &str) -> Option<(u16, u16)> {
        let screen = text_of(&self.screen());
        let mut rows = (0..).zip(screen.lines());
        rows.find_map(|(row, line)| {
            let at = line.find(text)?;
            Some((row, super::text::width(&line[..at]) as u16))
        })
    }
}

/// A screen as text: a line a row, blanks at their ends left out.
pub fn text_of(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut text = String::new();
    for y in area.top()..area.bottom() {
        let mut line = String::new();
        let mut x = area.left();
        while x < area.right() {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += (super::text::width(symbol) as u16).max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
