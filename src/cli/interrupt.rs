//! Ctrl-C: the first asks the work to end at the next safe point, the second ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::output::tell;

static STOP: AtomicBool = AtomicBool::new(false);

/// Catches Ctrl-C, SIGTERM and SIGHUP from here on; the returned flag becomes true at the first of them.
///
/// # Errors
/// If the handler cannot be installed.
pub fn install() -> anyhow::Result<&'static AtomicBool> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            // Whatever is half-written lies under a temporary name; the next run does not see it.
            std::process::exit(i32::from(super::exit::INTERRUPTED));
        }
        tell!("\ninterrupted: ending after the current batch (again to end at once)");
    })?;
    Ok(&STOP)
}
