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

#[cfg(test)]
pub use hooked::{at, reached};

#[cfg(test)]
mod hooked {
    use std::cell::RefCell;

    use super::Point;

    type Hook = Box<dyn FnMut(Point)>;

    thread_local! {
        static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    }

    /// Calls this from now on at each point that this thread reaches.
    pub fn at(hook: impl FnMut(Point) + 'static) {
        HOOK.set(Some(Box::new(hook)));
    }

    pub fn reached(point: Point) {
        HOOK.with_borrow_mut(|hook| {
            if let Some(hook) = hook {
                hook(point);
            }
        });
    }
}
