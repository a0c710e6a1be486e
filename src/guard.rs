//! Calls into libraries that may panic on damaged files.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is expected, and no news.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread would be expected, and no news: for who installs a panic hook.
pub fn is_expected() -> bool {
    EXPECTED.get()
}

/// What `work` gives, or `None` if it panics, about which stderr stays silent. What `work` has borrowed mutably
/// should not be used after a panic.
pub fn guard<T>(work: impl FnOnce() -> T) -> Option<T> {
    static SILENT: Once = Once::new();
    SILENT.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                others(panic);
            }
        }));
    });
    let before = EXPECTED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    EXPECTED.set(before);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_no_result() {
        assert_eq!(guard(|| 1), Some(1));
        let zero = std::hint::black_box(0);
        assert_eq!(guard(|| 1 / zero), None);
        // One inside of another leaves the outer one guarded.
        assert_eq!(guard(|| guard(|| 1 / zero).map_or(1 / zero, |_| 2)), None);
        assert!(!EXPECTED.get());
    }
}
