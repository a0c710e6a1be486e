//! Terminal in, actions through, screen out. Nothing is drawn unless something happened.

use std::fs;
use std::io::{self, Write, stdout};
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use crossterm::event::{self, Event};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::action::{Action, Effect};
use super::app::{App, Beginning};
use super::backend::Backend;
use super::keymap::Keymap;
use super::terminal::{self, Fault, Screen, Taken};
use super::theme::Theme;
use super::worker::{Worker, Workers};
use super::{
    ImageProtocol, Settings, ThemeChoice, clipboard, editor, picture, session, update, view,
};
use crate::watch::Watch;

/// How the workbench ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The user quit.
    Quit,
    /// The system asked for it, or the terminal is gone.
    Terminated,
}

/// Actions that are taken before the screen is drawn once.
const MOST_AT_ONCE: usize = 256;

/// Runs the workbench until the user quits.
///
/// # Errors
/// A terminal that cannot be used; a file of keys that cannot be understood.
pub fn run(backend: Arc<dyn Backend>, settings: &Settings) -> Result<Ended, Fault> {
    let keymap = match &settings.keys {
        Some(path) => Keymap::read(path)?,
        None => Keymap::default(),
    };
    let session_file = backend.session_file();
    let kept = session_file
        .as_ref()
        .and_then(|path| fs::read_to_string(path).ok());
    terminal::install_panic_hook();
    // Before raw mode, since a slow answer would be taken for keys.
    let theme = theme(settings.theme);
    let taken = Taken::new(true)?;
    let mut screen = Terminal::new(CrosstermBackend::new(stdout()))?;
    let size = screen.size()?;
    let mut app = App::new(Beginning {
        title: settings.title.clone(),
        theme,
        keymap,
        has_pictures: settings.image_protocol != ImageProtocol::None,
        keeps_session: session_file.is_some(),
        can_save: backend.can_save(),
        session: kept.as_deref().and_then(session::read),
        snapshots: backend.snapshots(),
        size: (size.width, size.height),
    });
    app.curve.value = backend.curve_value();
    let (actions, happened) = unbounded();
    let writing = terminal::writing();
    screen.draw(|frame| view::draw(&app, frame))?;
    let worker = Worker::new(Arc::clone(&backend));
    let saved = actions.clone();
    let watch = Watch::start(move |files: &[PathBuf]| {
        let _ = saved.send(Action::Changed(files.to_vec()));
    })?;
    // Before they are read, so that what is saved from then on is seen.
    watch.files(backend.files(None));
    let mut outside = Outside {
        watch,
        screen,
        workers: Workers::start(&worker, &actions),
        session_file,
        backend,
        writing: Some(writing),
    };
    // The run is opened while the terminal is asked what it can, before anybody else reads from it.
    let first = view::wants(&mut app);
    outside.perform(&mut app, first)?;
    let picker = picture::picker(settings.image_protocol);
    let _ = worker.picker.set(picker);
    watch_signals(&actions)?;
    let handled = read_terminal(&actions);
    let ended = outside.serve(&mut app, &happened, &handled);
    drop(taken);
    ended
}

/// What effects reach.
struct Outside {
    screen: Screen,
    workers: Workers,
    session_file: Option<PathBuf>,
    watch: Watch,
    backend: Arc<dyn Backend>,
    /// While anything but waiting is done: a worker that panics gives the terminal back in between.
    writing: Option<MutexGuard<'static, ()>>,
}

impl Outside {
    /// `handled` lets the terminal be read on: not before what was read from it has been seen to, since that may be to open an editor,
    /// which reads from it too.
    fn serve(
        &mut self,
        app: &mut App,
        happened: &Receiver<Action>,
        handled: &Sender<()>,
    ) -> Result<Ended, Fault> {
        let mut effects = Vec::new();
        let mut was_read = false;
        let mut read = None;
        let mut watched = Vec::new();
        loop {
            if let Some(ended) = self.perform(app, effects)? {
                return Ok(ended);
            }
            if std::mem::take(&mut was_read) {
                // Its thread ends with the terminal.
                let _ = handled.send(());
            }
            // Which files there are is known anew each time they were read, whatever came of it. What is watched already stays as it is.
            let now = Some((app.generation, app.readings));
            if read != now {
                read = now;
                let files = self.files(app);
                if files != watched {
                    self.watch.files(files.iter().cloned());
                    watched = files;
                }
            }
            self.screen.draw(|frame| view::draw(app, frame))?;
            self.writing = None;
            let first = happened.recv();
            self.writing = Some(terminal::writing());
            let Ok(first) = first else {
                return Ok(Ended::Terminated);
            };
            effects = Vec::new();
            let mut terminated = false;
            // What has piled up meanwhile is taken before the next frame.
            for action in std::iter::once(first).chain(happened.try_iter().take(MOST_AT_ONCE)) {
                terminated |= matches!(action, Action::Terminate);
                was_read |= is_of_terminal(&action);
                effects.extend(update(app, action));
            }
            app.can_save = self.backend.can_save()
                && app
                    .shown
                    .as_ref()
                    .is_some_and(|shown| shown.so_far.is_none());
            if terminated {
                self.perform(app, effects)?;
                return Ok(Ended::Terminated);
            }
        }
    }

    /// The files that what is shown depends on.
    fn files(&self, app: &App) -> Vec<PathBuf> {
        self.backend.files(app.run().map(Arc::as_ref))
    }

    /// Does what the update asks for; how the workbench ends, if it does.
    fn perform(&mut self, app: &mut App, effects: Vec<Effect>) -> Result<Option<Ended>, Fault> {
        let mut faults = Vec::new();
        for effect in effects {
            match effect {
                Effect::Request(request) => self.workers.send(request),
                Effect::Copy(text) => {
                    if let Ok(sequence) =
                        clipboard::sequence_for(|name| std::env::var(name).ok(), &text)
                    {
                        let mut out = stdout();
                        out.write_all(sequence.as_bytes())?;
                        out.flush()?;
                    }
                }
                Effect::Mouse(catches) => terminal::catch_mouse(catches)?,
                Effect::KnowFiles => self.watch.known(self.files(app)),
                Effect::Suspend => terminal::stop_job(),
                Effect::Stop => self.stop(app)?,
                Effect::Edit(path, line) => {
                    terminal::give_back();
                    let opened = editor::open(&path, line);
                    terminal::take(app.catches_mouse)?;
                    self.draw_anew()?;
                    if let Err(message) = opened {
                        faults.push(message);
                    }
                }
                Effect::Redraw => self.draw_anew()?,
                Effect::KeepSession(state) => self.keep(&state),
                Effect::Quit => return Ok(Some(Ended::Quit)),
            }
        }
        if let Some(fault) = faults.pop() {
            app.complain(fault);
        }
        Ok(None)
    }

    fn stop(&mut self, app: &App) -> io::Result<()> {
        terminal::give_back();
        terminal::stop_process();
        // Here again after `fg`.
        terminal::take(app.catches_mouse)?;
        self.draw_anew()
    }

    /// Forgets what is on the screen, so that every cell is drawn. `Terminal::clear` would ask where the cursor is, and the answer would
    /// go to who reads the keys.
    fn draw_anew(&mut self) -> io::Result<()> {
        terminal::wipe()?;
        self.screen = Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok(())
    }

    /// Writes the state of the session, in place of the earlier one at once. What goes wrong is nothing to bother anybody with.
    fn keep(&self, state: &str) {
        let Some(path) = &self.session_file else {
            return;
        };
        let Some(folder) = path.parent() else { return };
        let _ = fs::create_dir_all(folder);
        let Ok(mut file) = tempfile::NamedTempFile::new_in(folder) else {
            return;
        };
        if file.write_all(state.as_bytes()).is_ok() {
            let _ = file.persist(path);
        }
    }
}

/// Whether it was read from the terminal.
fn is_of_terminal(action: &Action) -> bool {
    matches!(
        action,
        Action::Key(_) | Action::Mouse(_) | Action::Paste(_) | Action::Resize(..)
    )
}

/// Keys, mouse and sizes, one after the other: what is sent lets the next one be read. When the terminal is gone, so is the workbench.
fn read_terminal(actions: &Sender<Action>) -> Sender<()> {
    let actions = actions.clone();
    let (handled, go_on) = unbounded::<()>();
    thread::Builder::new()
        .name("terminal".into())
        .spawn(move || {
            loop {
                let action = match event::read() {
                    Ok(Event::Key(key)) => Action::Key(key),
                    Ok(Event::Mouse(mouse)) => Action::Mouse(mouse),
                    Ok(Event::Paste(text)) => Action::Paste(text),
                    Ok(Event::Resize(width, height)) => Action::Resize(width, height),
                    Ok(Event::FocusGained | Event::FocusLost) => continue,
                    Err(_) => Action::Terminate,
                };
                let is_end = matches!(action, Action::Terminate);
                if actions.send(action).is_err() || is_end || go_on.recv().is_err() {
                    return;
                }
            }
        })
        .expect("a thread can be started");
    handled
}

/// Signals as actions.
#[cfg(unix)]
fn watch_signals(actions: &Sender<Action>) -> io::Result<()> {
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
    let mut signals =
        signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGINT, SIGCONT, SIGTSTP])?;
    let actions = actions.clone();
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in &mut signals {
                let action = match signal {
                    SIGCONT => Action::Resumed,
                    SIGTSTP => Action::Stop,
                    _ => Action::Terminate,
                };
                if actions.send(action).is_err() {
                    return;
                }
            }
        })?;
    Ok(())
}

#[cfg(not(unix))]
fn watch_signals(_actions: &Sender<Action>) -> io::Result<()> {
    Ok(())
}

/// The theme that is asked for; the terminal is asked for its background, and dark is what most have.
fn theme(choice: ThemeChoice) -> Theme {
    use terminal_colorsaurus::{QueryOptions, ThemeMode, theme_mode};
    match choice {
        ThemeChoice::Dark => Theme::Dark,
        ThemeChoice::Light => Theme::Light,
        ThemeChoice::Plain => Theme::Plain,
        ThemeChoice::Auto => {
            let mut options = QueryOptions::default();
            // Over a slow line a wrong guess is better than a wait.
            options.timeout = Duration::from_millis(200);
            match theme_mode(options) {
                Ok(ThemeMode::Light) => Theme::Light,
                _ => Theme::Dark,
            }
        }
    }
}
