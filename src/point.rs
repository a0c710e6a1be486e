//! Where something else may happen in the middle of what is written to disk: another process may write, or this one end. Tests see
//! to it that it does.

/// A place in the code that a step comes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Of an edit: another process has the lock.
    Waiting,
    /// The step is in the log.
    Noted,
    /// All new contents are beside their files.
    Staged,
    /// One more file has its new content.
    Put,
    /// The step is marked as done.
    Marked,
    /// Of embeddings: the shard has a number.
    Claimed,
    /// One more file of it is written, under another name.
    Written,
    /// One more file of it is in its place.
    Placed,
    /// It has its marker.
    Sealed,
}

#[cfg(not(test))]
pub fn reached(_: Point) {}

/// Waits, unless a test has no time for it.
#[cfg(not(test))]
pub fn pause(time: std::time::Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
pub use hooked::{KILLED, at, exit_at, pause, pausing_in_no_time, reached};

#[cfg(test)]
mod hooked {
    use std::cell::{Cell, RefCell};
    use std::thread;
    use std::time::Duration;

    use super::Point;

    type Hook = Box<dyn FnMut(Point)>;

    thread_local! {
        static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
        /// How long this thread has paused in no time; `None` where it takes its time.
        static PAUSED: Cell<Option<Duration>> = const { Cell::new(None) };
    }

    /// Does something with all pauses of this thread left out; how long they would have been.
    pub fn pausing_in_no_time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
        PAUSED.set(Some(Duration::ZERO));
        let result = work();
        (result, PAUSED.take().unwrap_or_default())
    }

    pub fn pause(time: Duration) {
        match PAUSED.get() {
            Some(paused) => PAUSED.set(Some(paused + time)),
            None => thread::sleep(time),
        }
    }

    /// Calls this from now on at each point that this thread reaches.
    pub fn at(hook: impl FnMut(Point) + 'static) {
        HOOK.set(Some(Box::new(hook)));
    }

    /// The exit code of a process that ended at a point.
    pub const KILLED: i32 = 86;

    /// Ends the process at the `last` point that this thread reaches from now on, counted from 1.
    pub fn exit_at(last: usize) {
        let mut reached = 0;
        at(move |_| {
            reached += 1;
            if reached == last {
                std::process::exit(KILLED);
            }
        });
    }

    pub fn reached(point: Point) {
        HOOK.with_borrow_mut(|hook| {
            if let Some(hook) = hook {
                hook(point);
            }
        });
    }
}
