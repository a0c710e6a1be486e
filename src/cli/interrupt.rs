//! Ctrl-C: the first asks the work to end at the next safe point, the second ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::output::tell;
use crate::files;

static STOP: AtomicBool = AtomicBool::new(false);

/// Catches Ctrl-C, SIGTERM and SIGHUP from here on; the returned flag becomes true at the first of them.
///
/// A process that was started to outlive its terminal (`nohup`) keeps ignoring SIGHUP, and ends at once at the others.
///
/// # Errors
/// If the handler cannot be installed.
pub fn install() -> anyhow::Result<&'static AtomicBool> {
    // The handler is for all three signals or none.
    if ignores_hangup() {
        return Ok(&STOP);
    }
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            // Held to the end, so that nothing is published any more.
            let _unpublished = files::discard_unpublished();
            std::process::exit(i32::from(super::exit::INTERRUPTED));
        }
        tell!("\ninterrupted: ending at the next safe point (again to end at once)");
    })?;
    Ok(&STOP)
}

/// Whether SIGHUP is ignored, where the system tells.
fn ignores_hangup() -> bool {
    // A mask in hexadecimal; SIGHUP is the first signal.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}
