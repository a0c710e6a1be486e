//! What commands say while they work, as news to the workbench.

use std::sync::Arc;

use crate::cli::output::{self, Listener, Message};
use crate::cli::told;
use crate::tui::backend::{News, Progress};

/// Does work whose messages and progress are news, in the order in which they are told; what goes wrong is a text.
pub fn with_news<T>(
    tell: &(dyn Fn(News) + Sync),
    work: impl FnOnce(&dyn Fn(News)) -> anyhow::Result<T>,
) -> Result<T, String> {
    hearing(tell, work).map_err(|error| told(&error))
}

/// Does work whose messages are news.
pub fn hearing<T>(tell: &(dyn Fn(News) + Sync), work: impl FnOnce(&dyn Fn(News)) -> T) -> T {
    std::thread::scope(|scope| {
        let (sender, receiver) = crossbeam_channel::unbounded();
        // It ends when nobody can send any more: when the listener and what is below are gone.
        scope.spawn(move || receiver.into_iter().for_each(tell));
        let messages = sender.clone();
        let listener: Listener = Arc::new(move |message| {
            let news = match message {
                Message::Text(line) => News::Note(line),
                Message::Progress {
                    doing,
                    things,
                    done,
                    total,
                    elapsed,
                } => News::Progress(Progress {
                    doing,
                    things,
                    done,
                    total,
                    elapsed,
                }),
                Message::ProgressEnd => return,
            };
            let _ = messages.send(news);
        });
        let send = |news| {
            let _ = sender.send(news);
        };
        output::heard_by(Some(listener), || work(&send))
    })
}

/// The same without news.
pub fn in_silence<T>(work: impl FnOnce() -> anyhow::Result<T>) -> Result<T, String> {
    let nobody: Listener = Arc::new(|_| ());
    output::heard_by(Some(nobody), work).map_err(|error| told(&error))
}
