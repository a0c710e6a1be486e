//! Progress of long work on stderr: a bar with rate and time left on a terminal, a line now and then elsewhere.

use std::fmt;
use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{
    HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

use super::output::tell;
use crate::model::hub::DownloadProgress;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Progress through a known number of things of one kind.
pub struct Progress {
    bar: ProgressBar,
    /// What is done to them, as in `encoding`.
    doing: &'static str,
    /// Their name in the plural.
    things: &'static str,
    /// When the last line was printed; `None` on a terminal.
    last_line: Option<Mutex<Instant>>,
}

impl Progress {
    /// Begins; `things` is their name in the plural, `doing` what is done to them, as in `encoding`.
    pub fn new(doing: &'static str, total: usize, things: &'static str) -> Self {
        let total = total as u64;
        if !stderr().is_terminal() {
            let hidden = ProgressDrawTarget::hidden();
            return Self {
                bar: ProgressBar::with_draw_target(Some(total), hidden),
                doing,
                things,
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
        Self {
            bar,
            doing,
            things,
            last_line: None,
        }
    }

    /// `count` more are finished.
    pub fn advance(&self, count: usize) {
        self.bar.inc(count as u64);
        let Some(last) = &self.last_line else { return };
        let Ok(mut last) = last.lock() else { return };
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
            tell!(
                "{}: {done}/{total} {}, {}",
                self.doing,
                self.things,
                pace(done, total, self.bar.elapsed())
            );
        }
    }

    /// Removes the bar; on a terminal its last state would only be in the way of the answer.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
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
    current: Mutex<Option<Download>>,
}

struct Download {
    file: String,
    bar: ProgressBar,
    last_line: Instant,
}

impl<'a> Downloads<'a> {
    pub fn new(stop: &'a AtomicBool) -> Self {
        Self {
            stop,
            current: Mutex::default(),
        }
    }
}

impl DownloadProgress for Downloads<'_> {
    fn start(&self, file: &str, done: u64, total: Option<u64>) {
        let on_terminal = stderr().is_terminal();
        if !on_terminal {
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
        if let Ok(mut current) = self.current.lock() {
            *current = Some(Download {
                file: file.to_owned(),
                bar,
                last_line: Instant::now(),
            });
        }
    }

    fn advance(&self, bytes: u64) {
        let Ok(mut current) = self.current.lock() else {
            return;
        };
        let Some(Download {
            file,
            bar,
            last_line,
        }) = current.as_mut()
        else {
            return;
        };
        bar.inc(bytes);
        if !stderr().is_terminal() && last_line.elapsed() >= LINE_EVERY {
            *last_line = Instant::now();
            let done = HumanBytes(bar.position());
            match bar.length() {
                Some(total) => tell!("downloading {file}: {done} of {}", HumanBytes(total)),
                None => tell!("downloading {file}: {done}"),
            }
        }
    }

    fn finish(&self) {
        if let Ok(mut current) = self.current.lock()
            && let Some(download) = current.take()
        {
            download.bar.finish_and_clear();
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
    fn the_pace_is_that_of_all_that_is_done() {
        let after = Duration::from_secs(10);
        assert_eq!(pace(0, 100, after), "starting");
        assert_eq!(pace(25, 100, after), "2.5/s, 30 seconds left");
        assert_eq!(pace(100, 100, after), "10.0/s, 0 seconds left");
    }
}
