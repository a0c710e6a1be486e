//! Progress of long work on stderr: a bar with rate and time left on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressStyle};

use super::output::tell;
use crate::model::hub::DownloadProgress;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Progress through a known number of images or texts.
pub struct Encoding {
    bar: ProgressBar,
    /// `images` or `texts`.
    what: &'static str,
    /// When the last line was printed; `None` on a terminal.
    last_line: Option<Mutex<Instant>>,
}

impl Encoding {
    pub fn new(total: usize, what: &'static str) -> Self {
        let bar = if stderr().is_terminal() {
            let style = ProgressStyle::with_template(
                "encoding {wide_bar} {pos}/{len} {msg}  {per_sec}  {eta} left",
            )
            .expect("the template is a constant");
            let bar = ProgressBar::new(total as u64)
                .with_style(style)
                .with_message(what);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        } else {
            ProgressBar::with_draw_target(
                Some(total as u64),
                indicatif::ProgressDrawTarget::hidden(),
            )
        };
        let last_line = (!stderr().is_terminal()).then(|| Mutex::new(Instant::now()));
        Self {
            bar,
            what,
            last_line,
        }
    }

    /// So many more are finished.
    pub fn advance(&self, count: usize) {
        self.bar.inc(count as u64);
        let Some(last) = &self.last_line else { return };
        let Ok(mut last) = last.lock() else { return };
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            tell!(
                "encoding: {}/{} {}, {:.1}/s, {} left",
                self.bar.position(),
                self.bar.length().unwrap_or(0),
                self.what,
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

/// Progress of downloads, a bar a file.
#[derive(Default)]
pub struct Downloads {
    current: Mutex<Option<ProgressBar>>,
}

impl DownloadProgress for Downloads {
    fn start(&self, file: &str, total: Option<u64>) {
        let size = total.map_or(String::new(), |t| format!(" ({})", HumanBytes(t)));
        if !stderr().is_terminal() {
            tell!("downloading {file}{size}");
        }
        let style = ProgressStyle::with_template(
            "downloading {msg} {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
        )
        .expect("the template is a constant");
        let bar = match total {
            Some(total) => ProgressBar::new(total).with_style(style),
            None => ProgressBar::new_spinner(),
        };
        bar.set_message(file.to_owned());
        if let Ok(mut current) = self.current.lock() {
            *current = Some(bar);
        }
    }

    fn advance(&self, bytes: u64) {
        if let Ok(current) = self.current.lock()
            && let Some(bar) = current.as_ref()
        {
            bar.inc(bytes);
        }
    }

    fn finish(&self) {
        if let Ok(mut current) = self.current.lock()
            && let Some(bar) = current.take()
        {
            bar.finish_and_clear();
        }
    }
}
