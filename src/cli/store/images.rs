//! Images that were encoded before.

use std::borrow::Cow;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Kept;
use crate::cli::output::tell;
use crate::cli::score::{Version, versions};
use crate::cli::{count, locked};
use crate::dataset::Item;
use crate::embed;
use crate::embed::store::{Collection, Entry, Hints, Key, Stamp, StoreError};

/// Between two shards, at least, if there are not enough images for a whole one: what a process that is killed loses.
pub const BETWEEN_SHARDS: Duration = Duration::from_secs(30);

/// How long a file must have been as it is, for its time of change to tell it from what it will be: some file systems count in seconds, and
/// FAT in two.
const SETTLED: Duration = Duration::from_secs(3);

/// Embeddings of images that outlive the program.
pub struct Images {
    kept: Kept,
    hints: Mutex<Hints>,
    /// Whether hints are not believed.
    verify: bool,
    flushed: Mutex<Instant>,
    /// How many came from where.
    tally: Mutex<Tally>,
}

/// Which key the file of each image is believed to have, and what its directory says of it.
#[derive(Default)]
pub struct Believed {
    stamps: Vec<Option<Stamp>>,
    keys: Vec<Option<Key>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    known: usize,
    encoded: usize,
    repeated: usize,
}

impl Images {
    pub(super) fn new(kept: Kept, hints: Hints, verify: bool) -> Self {
        Self {
            kept,
            hints: Mutex::new(hints),
            verify,
            flushed: Mutex::new(Instant::now()),
            tally: Mutex::default(),
        }
    }

    pub fn collection(&self) -> &Collection {
        &self.kept.collection
    }

    /// What is known of the files of these images before they are read.
    ///
    /// # Errors
    /// Threads that cannot be started.
    pub fn believed(&self, items: &[Item<'_>]) -> anyhow::Result<Believed> {
        let now = SystemTime::now();
        let stamp = |version: Version| stamp(version, now);
        let stamps: Vec<Option<Stamp>> = versions(items)?.into_iter().map(stamp).collect();
        let files = items.iter().zip(&stamps).map(|(item, stamp)| {
            let stamp = (*stamp)?;
            Some((item.picture().locator()?.into_owned(), stamp))
        });
        let keys = locked(&self.hints).look_up(files);
        Ok(Believed { stamps, keys })
    }

    /// The keys that are gone by: none where every file is to be read.
    pub fn hinted<'a>(&self, believed: Part<'a>) -> Cow<'a, [Option<Key>]> {
        match self.verify {
            true => Cow::Owned(vec![None; believed.keys.len()]),
            false => Cow::Borrowed(believed.keys),
        }
    }

    /// Keeps what was encoded, if it is what the recipe says; `describe` gives the name of an image, and what is shown beside it.
    ///
    /// # Errors
    /// It cannot be written, and the user has named the store.
    pub fn keep(
        &self,
        kept: &embed::Kept,
        describe: &dyn Fn(usize) -> (String, Option<String>),
    ) -> Result<(), StoreError> {
        let encoded = &kept.encoded;
        let mut tally = locked(&self.tally);
        tally.encoded += kept.fresh.len();
        tally.repeated += kept.repeated;
        tally.known += encoded.embeddings.rows() - kept.fresh.len() - kept.repeated;
        drop(tally);
        if !kept.fit_recipe {
            return Ok(());
        }

        let mut rows = Vec::with_capacity(kept.fresh.len() * encoded.embeddings.cols());
        let entries = kept.fresh.iter().filter_map(|&i| {
            rows.extend_from_slice(encoded.embeddings.row(encoded.rows[i]?));
            let key = kept.keys[i]?;
            let (name, label) = describe(i);
            Some(Entry { key, name, label })
        });
        let entries: Vec<Entry> = entries.collect();
        if entries.is_empty() {
            return Ok(());
        }
        // That there is no room for it should be told now, not when there is a shard of it.
        self.kept.adding(Collection::prepare)?;
        self.kept
            .adding(|collection| collection.add(entries, &rows))?;
        if locked(&self.flushed).elapsed() >= BETWEEN_SHARDS {
            self.flush()?;
        }
        Ok(())
    }

    /// Notes which files have which keys.
    pub fn learn(&self, items: &[Item<'_>], believed: Part<'_>, kept: &embed::Kept) {
        let mut hints = locked(&self.hints);
        for (i, item) in items.iter().enumerate() {
            let picture = item.picture();
            let (Some(place), Some(stamp), Some(key)) =
                (picture.locator(), believed.stamps[i], kept.keys[i])
            else {
                continue;
            };
            if believed.keys[i] != Some(key) {
                hints.learn(&place, stamp, &key);
            }
        }
    }

    /// Writes what is no shard yet.
    ///
    /// # Errors
    /// As [`keep`](Self::keep).
    pub fn flush(&self) -> Result<(), StoreError> {
        *locked(&self.flushed) = Instant::now();
        self.kept.adding(Collection::flush)?;
        // They can be lost.
        let _ = locked(&self.hints).flush();
        Ok(())
    }

    /// Tells how many came from where, and what is damaged.
    pub fn tell(&self) {
        let tally = *locked(&self.tally);
        let repeated = match tally.repeated {
            0 => String::new(),
            n => format!(", {n} of the same bytes as one of these"),
        };
        tell!(
            "{} from the store, {} encoded{repeated}",
            count(tally.known, "image"),
            tally.encoded
        );
        self.kept.tell_faults();
    }
}

/// Some of what is believed.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    stamps: &'a [Option<Stamp>],
    keys: &'a [Option<Key>],
}

impl Believed {
    pub fn part(&self, part: std::ops::Range<usize>) -> Part<'_> {
        Part {
            stamps: &self.stamps[part.clone()],
            keys: &self.keys[part],
        }
    }
}

/// What tells this content of a file from others; `None` while it may be written to.
fn stamp(version: Version, now: SystemTime) -> Option<Stamp> {
    let (bytes, changed) = version?;
    let settled = now.duration_since(changed).ok()? >= SETTLED;
    let changed = match changed.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).ok()?,
        Err(before) => -i64::try_from(before.duration().as_nanos()).ok()?,
    };
    settled.then_some(Stamp { bytes, changed })
}
