//! Encoding what is not known yet: rows come from a collection where it has them.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::pipeline::Loading;
use super::store::{Collection, Key};
use super::{
    Decode, EmbedError, EmbedOptions, Encoded, ReadImage, Stage, Stages, encode_some, loaders,
};
use crate::matrix::Matrix;
use crate::model::Encoder;

/// What is known of images before they are read.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub collection: &'a Collection,
    /// The key that the file of each image is believed to have.
    pub hinted: &'a [Option<Key>],
}

/// Embeddings of images, some of which were known.
#[derive(Debug, Default)]
pub struct Kept {
    /// As if all of them had been encoded.
    pub encoded: Encoded,
    /// The key of each image that has a row.
    pub keys: Vec<Option<Key>>,
    /// Those that were encoded now, each content once: what the collection does not have.
    pub fresh: Vec<usize>,
    /// Whether these are what its recipe says, so that they may be added: too little memory may have made other micro-batches of them.
    pub fit_recipe: bool,
    /// How many have the bytes of one of these.
    pub repeated: usize,
}

/// As [`encode_images`](super::encode_images) of as many as there are hints; rows that the collection has are taken from there, and pictures
/// of the same bytes are encoded once. The file of an image is not read if the key that it is believed to have is known. Nothing is
/// added to the collection.
///
/// # Errors
/// As [`encode_images`](super::encode_images).
pub fn encode_new_images(
    encoder: &dyn Encoder,
    Known { collection, hinted }: Known<'_>,
    read: &ReadImage<'_>,
    options: &EmbedOptions,
    progress: &(dyn Fn(usize) + Sync),
    stop: &AtomicBool,
) -> Result<Kept, EmbedError> {
    let count = hinted.len();
    let dim = encoder.columns();
    let mut rows = vec![0.0; count * dim];
    let known = look_up(collection, hinted, &mut rows);
    let new: Vec<usize> = (0..count).filter(|&i| !known[i]).collect();
    progress(count - new.len());

    let seen = Seen {
        collection,
        keys: new.iter().map(|_| OnceLock::new()).collect(),
        decoded: Mutex::default(),
        known: Mutex::default(),
    };
    let stages = &options.stages;
    let choose = |i: usize, decode: &mut Decode<'_>| {
        let bytes = stages.time(Stage::Read, || read(new[i]))?;
        seen.choose(i, &bytes, stages, decode)
    };
    let in_all = |error| match error {
        EmbedError::BadImage { index, reason } => EmbedError::BadImage {
            index: new[index],
            reason,
        },
        error => error,
    };
    let encoded = encode_some(encoder, new.len(), &choose, options, progress, stop);
    let kept = seen.gather(encoded.map_err(in_all)?, &new, hinted, &known, rows);
    Ok(Kept {
        fit_recipe: options.batch.fits_recipe(encoder),
        ..kept
    })
}

/// Puts the rows of those keys that are known where they belong, and tells which are.
fn look_up(collection: &Collection, hinted: &[Option<Key>], rows: &mut [f32]) -> Vec<bool> {
    let dim = collection.recipe().columns();
    let mut known = vec![false; hinted.len()];
    let share = hinted.len().div_ceil(loaders()).max(1);
    std::thread::scope(|scope| {
        let parts = hinted.chunks(share).zip(known.chunks_mut(share));
        for ((keys, known), rows) in parts.zip(rows.chunks_mut(share * dim)) {
            scope.spawn(move || {
                for ((key, known), row) in keys.iter().zip(known).zip(rows.chunks_mut(dim)) {
                    *known = key.is_some_and(|key| collection.get(&key, row));
                }
            });
        }
    });
    known
}

/// Whether a picture could be decoded, once that is known.
type Decoded = OnceLock<Result<(), String>>;

/// What is found out of the images that are read.
struct Seen<'a> {
    collection: &'a Collection,
    keys: Vec<OnceLock<Key>>,
    /// The first picture of each key is decoded, and the others wait for it.
    decoded: Mutex<HashMap<Key, Arc<Decoded>>>,
    /// Rows that the collection turned out to have.
    known: Mutex<HashMap<Key, Box<[f32]>>>,
}

impl Seen<'_> {
    fn choose(
        &self,
        i: usize,
        bytes: &[u8],
        stages: &Stages,
        decode: &mut Decode<'_>,
    ) -> Result<Loading, String> {
        let key = stages.time(Stage::Hash, || Key::of(bytes));
        let _ = self.keys[i].set(key);
        let cell = {
            let mut decoded = self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(decoded.entry(key).or_default())
        };
        let mut loading = Loading::PassOver;
        let is_picture = cell.get_or_init(|| {
            let mut row = vec![0.0; self.collection.recipe().columns()];
            if self.collection.get(&key, &mut row) {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(key, row.into());
                return Ok(());
            }
            loading = Loading::Encode;
            decode(bytes)
        });
        is_picture.clone().map(|()| loading)
    }

    /// Puts together what was known and what is new.
    fn gather(
        self,
        encoded: Encoded,
        new: &[usize],
        hinted: &[Option<Key>],
        known: &[bool],
        mut rows: Vec<f32>,
    ) -> Kept {
        let dim = self.collection.recipe().columns();
        let from_store = self
            .known
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut keys: Vec<Option<Key>> = hinted.to_vec();
        let mut fresh = Vec::new();
        let mut by_key: HashMap<Key, usize> = HashMap::new();
        for (i, key) in self.keys.iter().enumerate() {
            keys[new[i]] = key.get().copied();
            if let (Some(row), Some(key)) = (encoded.rows[i], key.get()) {
                fresh.push(new[i]);
                by_key.insert(*key, row);
            }
        }
        let failures: Vec<(usize, String)> = encoded
            .failures
            .into_iter()
            .map(|(i, reason)| (new[i], reason))
            .collect();
        let mut failed = failures.iter().map(|(i, _)| *i).peekable();
        let (mut places, mut next) = (Vec::with_capacity(keys.len()), 0);
        for i in 0..keys.len() {
            if failed.next_if_eq(&i).is_some() {
                places.push(None);
                keys[i] = None;
                continue;
            }
            // Those before are where they belong, and none of them is further back than this.
            let to = next * dim..(next + 1) * dim;
            if known[i] {
                rows.copy_within(i * dim..(i + 1) * dim, to.start);
            } else if let Some(key) = keys[i] {
                match (by_key.get(&key), from_store.get(&key)) {
                    (Some(&row), _) => rows[to].copy_from_slice(encoded.embeddings.row(row)),
                    (None, Some(row)) => rows[to].copy_from_slice(row),
                    (None, None) => unreachable!("what is no failure was encoded or known"),
                }
            }
            places.push(Some(next));
            next += 1;
        }
        let of_fresh = new.iter().filter_map(|&i| keys[i]);
        let of_fresh = of_fresh.filter(|key| by_key.contains_key(key)).count();
        let repeated = of_fresh - fresh.len();
        rows.truncate(next * dim);
        Kept {
            encoded: Encoded {
                embeddings: Matrix::new(dim, rows),
                rows: places,
                failures,
                deep_greys: encoded.deep_greys,
            },
            keys,
            fresh,
            fit_recipe: true,
            repeated,
        }
    }
}
