//! Progress of long work on stderr: a bar with rate and time left on a terminal, a line now and then elsewhere.

use std::fmt;
use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{
    HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

use super::output::{self, Listener, Message, tell};
use crate::model::hub::DownloadProgress;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Between two messages on bytes to whoever listens.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// Progress through a known number of things of one kind.
pub struct Progress {
    /// What is done to them, as in `encoding`.
    doing: &'static str,
    /// Their name in the plural.
    things: &'static str,
    shown: Shown,
}

/// Where it is seen.
enum Shown {
    Stderr {
        bar: ProgressBar,
        /// When the last line was printed; `None` on a terminal.
        last_line: Option<Mutex<Instant>>,
    },
    /// By whoever listens instead.
    Elsewhere {
        listener: Listener,
        /// Held while it is told, so that it only grows.
        done: Mutex<usize>,
        total: usize,
        begun: Instant,
    },
}

impl Progress {
    /// Begins; `things` is their name in the plural, `doing` what is done to them, as in `encoding`.
    pub fn new(doing: &'static str, total: usize, things: &'static str) -> Self {
        let shown = match output::listener() {
            Some(listener) => Shown::Elsewhere {
                listener,
                done: Mutex::new(0),
                total,
                begun: Instant::now(),
            },
            None => Shown::on_stderr(doing, total as u64, things),
        };
        let progress = Self {
            doing,
            things,
            shown,
        };
        progress.advance(0);
        progress
    }

    /// `count` more are finished.
    pub fn advance(&self, count: usize) {
        match &self.shown {
            Shown::Elsewhere {
                listener,
                done,
                total,
                begun,
            } => {
                let Ok(mut done) = done.lock() else { return };
                *done += count;
                listener(Message::Progress {
                    doing: self.doing.to_owned(),
                    things: self.things.to_owned(),
                    done: *done,
                    total: *total,
                    elapsed: begun.elapsed(),
                });
            }
            Shown::Stderr { bar, last_line } => {
                bar.inc(count as u64);
                let Some(last) = last_line else { return };
                let Ok(mut last) = last.lock() else { return };
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    let (done, total) = (bar.position(), bar.length().unwrap_or(0));
                    tell!(
                        "{}: {done}/{total} {}, {}",
                        self.doing,
                        self.things,
                        pace(done, total, bar.elapsed())
                    );
                }
            }
        }
    }

    /// Tells a line beside it, whichever thread this is.
    pub fn tell(&self, line: String) {
        match &self.shown {
            Shown::Stderr { bar, .. } => bar.suspend(|| tell!("{line}")),
            Shown::Elsewhere { listener, .. } => listener(Message::Text(line)),
        }
    }

    /// Removes the bar; on a terminal its last state would only be in the way of the answer.
    pub fn finish(&self) {
        match &self.shown {
            Shown::Stderr { bar, .. } => bar.finish_and_clear(),
            Shown::Elsewhere { listener, .. } => listener(Message::ProgressEnd),
        }
    }
}

impl Shown {
    fn on_stderr(doing: &'static str, total: u64, things: &'static str) -> Self {
        if !stderr().is_terminal() {
            let hidden = ProgressDrawTarget::hidden();
            return Self::Stderr {
                bar: ProgressBar::with_draw_target(Some(total), hidden),
                last_line: Some(Mutex::new(Instant::now())),
            };
        }
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg}, {pace}")
            .expect("the template is a constant")
            .with_key("pace", |state: &ProgressState, out: &mut dyn fmt::Write| {
                let text = pace(state.pos(), state.len().unwrap_or(0), state.elapsed());
                let _ = out.write_str(&text);
            });
        let bar = ProgressBar::new(total).with_style(style);
        bar.set_prefix(doing);
        bar.set_message(things);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self::Stderr {
            bar,
            last_line: None,
        }
    }
}

/// Rate and time left from what is done so far: work comes in batches, and the rate of the last one jumps.
fn pace(done: u64, total: u64, elapsed: Duration) -> String {
    if done == 0 || elapsed.is_zero() {
        return "starting".to_owned();
    }
    let rate = done as f64 / elapsed.as_secs_f64();
    let left = Duration::from_secs_f64(total.saturating_sub(done) as f64 / rate);
    format!("{rate:.1}/s, {} left", HumanDuration(left))
}

/// Progress of downloads, a bar a file, until `stop` says that they are to end.
pub struct Downloads<'a> {
    stop: &'a AtomicBool,
    /// Who hears of them instead of stderr.
    listener: Option<Listener>,
    current: Mutex<Option<Download>>,
}

struct Download {
    file: String,
    bar: ProgressBar,
    last_told: Instant,
    begun: Instant,
    /// Bytes that were here before.
    already: u64,
}

impl<'a> Downloads<'a> {
    pub fn new(stop: &'a AtomicBool) -> Self {
        Self {
            stop,
            listener: output::listener(),
            current: Mutex::default(),
        }
    }

    fn is_on_terminal(&self) -> bool {
        self.listener.is_none() && stderr().is_terminal()
    }
}

impl Download {
    /// What is there to be fetched, and how much of that is.
    fn message(&self) -> Message {
        // Without what is here already, which would count as fast.
        let fetched = |bytes: u64| (bytes - self.already.min(bytes)) as usize;
        Message::Progress {
            doing: format!("downloading {}", self.file),
            things: "bytes".to_owned(),
            done: fetched(self.bar.position()),
            total: self.bar.length().map_or(0, fetched),
            elapsed: self.begun.elapsed(),
        }
    }
}

impl DownloadProgress for Downloads<'_> {
    fn start(&self, file: &str, done: u64, total: Option<u64>) {
        let on_terminal = self.is_on_terminal();
        if !on_terminal && self.listener.is_none() {
            let size = total.map_or(String::new(), |t| format!(" ({})", HumanBytes(t)));
            let already = match done {
                0 => String::new(),
                done => format!(", {} of it are here already", HumanBytes(done)),
            };
            tell!("downloading {file}{size}{already}");
        }
        let bar = match total {
            Some(total) => ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden())
                .with_style(
                    ProgressStyle::with_template(
                        "downloading {msg} {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
                    )
                    .expect("the template is a constant"),
                ),
            None => ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        };
        // Before it is shown, so that what is here already does not count as fast.
        let bar = bar.with_position(done).with_message(file.to_owned());
        bar.reset_eta();
        if on_terminal {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        let download = Download {
            file: file.to_owned(),
            bar,
            last_told: Instant::now(),
            begun: Instant::now(),
            already: done,
        };
        if let Some(listener) = &self.listener {
            listener(download.message());
        }
        if let Ok(mut current) = self.current.lock() {
            *current = Some(download);
        }
    }

    fn advance(&self, bytes: u64) {
        let Ok(mut current) = self.current.lock() else {
            return;
        };
        let Some(download) = current.as_mut() else {
            return;
        };
        download.bar.inc(bytes);
        let every = match self.listener {
            Some(_) => TOLD_EVERY,
            None => LINE_EVERY,
        };
        if self.is_on_terminal() || download.last_told.elapsed() < every {
            return;
        }
        download.last_told = Instant::now();
        if let Some(listener) = &self.listener {
            listener(download.message());
            return;
        }
        let (file, done) = (&download.file, HumanBytes(download.bar.position()));
        match download.bar.length() {
            Some(total) => tell!("downloading {file}: {done} of {}", HumanBytes(total)),
            None => tell!("downloading {file}: {done}"),
        }
    }

    fn finish(&self) {
        if let Ok(mut current) = self.current.lock()
            && let Some(download) = current.take()
        {
            download.bar.finish_and_clear();
            if let Some(listener) = &self.listener {
                listener(Message::ProgressEnd);
            }
        }
    }

    fn waiting(&self, file: &str) {
        tell!("another process downloads {file}: waiting for it");
    }

    fn go_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_to_whoever_listens() {
        use std::sync::Arc;

        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        let listener: Listener = Arc::new(move |message| into.lock().unwrap().push(message));
        let progress = output::heard_by(Some(listener), || Progress::new("encoding", 5, "images"));
        // From wherever it goes on.
        std::thread::scope(|scope| {
            scope.spawn(|| progress.advance(2));
        });
        progress.advance(3);
        progress.finish();
        let heard = heard.lock().unwrap();
        let told = heard.iter().map(|message| match message {
            Message::Progress {
                doing,
                things,
                done,
                total,
                ..
            } => format!("{doing} {done}/{total} {things}"),
            other => format!("{other:?}"),
        });
        let expected = [
            "encoding 0/5 images",
            "encoding 2/5 images",
            "encoding 5/5 images",
            "ProgressEnd",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_pace_is_that_of_all_that_is_done() {
        let after = Duration::from_secs(10);
        assert_eq!(pace(0, 100, after), "starting");
        assert_eq!(pace(25, 100, after), "2.5/s, 30 seconds left");
        assert_eq!(pace(100, 100, after), "10.0/s, 0 seconds left");
    }
}
