//! Progress of long work on stderr: a bar with rate and time left on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::hub::DownloadProgress;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Progress through a known number of images.
pub struct Images {
    bar: ProgressBar,
    /// When the last line was printed; `None` on a terminal.
    last_line: Option<Mutex<Instant>>,
}

impl Images {
    pub fn new(total: usize) -> Self {
        let bar = if stderr().is_terminal() {
            let style = ProgressStyle::with_template(
                "encoding {wide_bar} {pos}/{len} images  {per_sec}  {eta} left",
            )
            .expect("the template is a constant");
            let bar = ProgressBar::new(total as u64).with_style(style);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        } else {
            ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden())
        };
        let last_line = (!stderr().is_terminal()).then(|| Mutex::new(Instant::now()));
        Self { bar, last_line }
    }

    /// `count` more images are finished.
    pub fn advance(&self, count: usize) {
        self.bar.inc(count as u64);
        let Some(last) = &self.last_line else { return };
        let Ok(mut last) = last.lock() else { return };
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            eprintln!(
                "encoding: {}/{} images, {:.1}/s, {} left",
                self.bar.position(),
                self.bar.length().unwrap_or(0),
                self.bar.per_sec(),
                HumanDuration(self.bar.eta())
            );
        }
    }

    /// Removes the bar; on a terminal its last state would only be in the way of the answer.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
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
            eprintln!("downloading {file}{size}{already}");
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
                Some(total) => eprintln!("downloading {file}: {done} of {}", HumanBytes(total)),
                None => eprintln!("downloading {file}: {done}"),
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
        eprintln!("another process downloads {file}: waiting for it");
    }

    fn go_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}
