//! What is known is neither decoded nor encoded, and the result is the same.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tempfile::TempDir;

use super::files::{Reader, options, picture, read_file};
use crate::embed::store::{Collection, Entry, Key, Recipe, Store};
use crate::embed::{
    EmbedError, EmbedOptions, Encoded, Kept, Known, encode_images, encode_new_images,
};

/// Pictures, some of them bad and some twice, and a store.
struct World {
    dir: TempDir,
    paths: Vec<PathBuf>,
}

impl World {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let mut paths: Vec<PathBuf> = (0..40).map(|i| picture(dir.path(), i)).collect();
        let bad = dir.path().join("bad.png");
        std::fs::write(&bad, "no picture").unwrap();
        for i in [33, 20, 7, 0] {
            paths.insert(i, bad.clone());
        }
        for i in [3, 5, 30] {
            // Under another name too.
            let copy = dir.path().join(format!("copy-{i}.png"));
            std::fs::copy(&paths[i], &copy).unwrap();
            paths.push(copy);
            paths.insert(i, paths[i].clone());
        }
        Self { dir, paths }
    }

    fn collection(&self, options: &EmbedOptions) -> Collection {
        let recipe = Recipe::of_images(&Reader::new(2), options, "reader");
        let store = Store::at(&self.dir.path().join("store"));
        store.collection(recipe).unwrap()
    }

    fn plain(&self, options: &EmbedOptions) -> Result<Encoded, EmbedError> {
        let read = |i: usize| read_file(&self.paths[i]);
        let stop = AtomicBool::new(false);
        let encoder = Reader::new(2);
        encode_images(&encoder, self.paths.len(), &read, options, &|_| {}, &stop)
    }

    /// Encodes all, and which files were read.
    fn kept(
        &self,
        options: &EmbedOptions,
        hinted: &[Option<Key>],
    ) -> Result<(Kept, Vec<usize>), EmbedError> {
        let read_ones = Mutex::new(Vec::new());
        let read = |i: usize| {
            read_ones.lock().unwrap().push(i);
            read_file(&self.paths[i])
        };
        let (encoder, stop) = (Reader::new(2), AtomicBool::new(false));
        let finished = AtomicUsize::new(0);
        let progress = |count: usize| {
            finished.fetch_add(count, Ordering::Relaxed);
        };
        let kept = encode_new_images(
            &encoder,
            Known {
                collection: &self.collection(options),
                hinted,
            },
            &read,
            options,
            &progress,
            &stop,
        )?;
        assert_eq!(finished.into_inner(), self.paths.len());
        let mut read_ones = read_ones.into_inner().unwrap();
        read_ones.sort_unstable();
        Ok((kept, read_ones))
    }

    fn add(&self, options: &EmbedOptions, kept: &Kept, which: impl Fn(usize) -> bool) {
        let collection = self.collection(options);
        for &i in kept.fresh.iter().filter(|&&i| which(i)) {
            let entry = Entry {
                key: kept.keys[i].unwrap(),
                name: self.paths[i].display().to_string(),
                label: None,
            };
            let row = kept.encoded.embeddings.row(kept.encoded.rows[i].unwrap());
            collection.add(vec![entry], row).unwrap();
        }
        collection.flush().unwrap();
    }
}

#[test]
fn the_result_is_that_of_encoding_everything() {
    for batch in [1, 4, 100] {
        let (world, options) = (World::new(), options(batch));
        let n = world.paths.len();
        let plain = world.plain(&options).unwrap();
        let (first, read) = world.kept(&options, &vec![None; n]).unwrap();
        assert_eq!(first.encoded, plain);
        assert_eq!((first.fresh.len(), first.repeated), (40, 6));
        assert!(read.iter().copied().eq(0..n));
        for i in 0..n {
            let key = Key::of(&std::fs::read(&world.paths[i]).unwrap());
            assert_eq!(first.keys[i], plain.rows[i].map(|_| key));
        }
        // Half of them are known, and of half the file is.
        world.add(&options, &first, |i| i.is_multiple_of(2));
        let mut hinted = first.keys.clone();
        hinted.iter_mut().skip(n / 2).for_each(|key| *key = None);
        let (second, read) = world.kept(&options, &hinted).unwrap();
        assert_eq!(second.encoded, plain);
        // Of several of the same bytes any may be the one that is encoded.
        let key = |kept: &Kept, i: usize| kept.keys[i].unwrap();
        let kept = |i: &usize| i.is_multiple_of(2);
        let mut missing: Vec<Key> = (first.fresh.iter().filter(|i| !kept(i)))
            .map(|&i| key(&first, i))
            .collect();
        let mut new: Vec<Key> = second.fresh.iter().map(|&i| key(&second, i)).collect();
        missing.sort();
        new.sort();
        assert_eq!(new, missing);
        assert!(read.len() < n && (n / 2..n).all(|i| read.contains(&i)));
        world.add(&options, &second, |_| true);
        // All are: only the bad one is read, and what nothing is said of.
        let (third, read) = world.kept(&options, &first.keys).unwrap();
        assert_eq!((&third.encoded, third.fresh.len()), (&plain, 0));
        assert!(read.iter().all(|&i| first.keys[i].is_none()), "{read:?}");
        let (fourth, read) = world.kept(&options, &vec![None; n]).unwrap();
        assert_eq!((&fourth.encoded, fourth.fresh.len()), (&plain, 0));
        assert_eq!((fourth.repeated, read.len()), (0, n));
        // A false hint is of a row that is there, or is none.
        hinted.fill(Some(Key::of(b"another")));
        assert_eq!(world.kept(&options, &hinted).unwrap().0.encoded, plain);
    }
}

/// The bad picture is there four times, and the first is told whoever finds it.
#[test]
fn the_first_bad_image_is_told() {
    let world = World::new();
    let all = EmbedOptions {
        stop_at_bad_image: true,
        ..options(4)
    };
    for round in 0..20 {
        let mut hinted = vec![None; world.paths.len()];
        let failures = world.plain(&options(4)).unwrap().failures;
        let expected = failures[round % 2].0;
        if expected > 0 {
            let skipped = options(4);
            let (first, _) = world.kept(&skipped, &hinted).unwrap();
            world.add(&all, &first, |_| true);
            // Said to be the first good one, so it is not read.
            hinted[..expected].fill(first.keys[1]);
        }
        let error = world.kept(&all, &hinted).unwrap_err();
        let is_told = matches!(&error, EmbedError::BadImage { index, .. } if *index == expected);
        assert!(is_told, "{round}: {error}");
    }
}
