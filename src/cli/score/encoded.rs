//! Images as a model encoded them, kept for the next scoring, which asks for most of them again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use rayon::prelude::*;

use crate::cli::on_all_cores;
use crate::dataset::Item;
use crate::embed::Encoded;
use crate::matrix::Matrix;
use crate::score::Gaussians;

/// Embedded images.
pub struct Embeddings {
    /// Unit rows.
    pub rows: Arc<Matrix>,
    /// Σσ² of each row, where the model tells it.
    pub uncertainty: Option<Arc<[f64]>>,
    /// The row of each image of the run; `None` of one that could not be read.
    pub of: Vec<Option<usize>>,
    /// Of each image that was encoded, by its name, which content it had, and its row.
    encoded: HashMap<String, (Version, usize)>,
}

/// Which content the file has that a picture is in: its size, and when it was written. `None` of what is in no file, or in none that is there.
pub type Version = Option<(u64, SystemTime)>;

/// Images in the order in which they were asked for.
#[derive(Default)]
pub struct Held {
    /// Unit rows.
    pub embeddings: Arc<Matrix>,
    /// Σσ² of each row, where the model tells it.
    pub uncertainty: Option<Arc<[f64]>>,
    /// The row of each; `None` of one that could not be read.
    pub rows: Vec<Option<usize>>,
}

impl Held {
    /// What an encoder of this dimension made.
    pub fn new(encoded: Encoded, dim: usize) -> Self {
        let made = Gaussians::of_rows(encoded.embeddings, dim);
        Self {
            uncertainty: made.totals().map(Arc::from),
            embeddings: Arc::new(made.means),
            rows: encoded.rows,
        }
    }
}

/// What the files of images are now.
///
/// # Errors
/// Threads that cannot be started.
pub fn versions(items: &[Item<'_>]) -> anyhow::Result<Vec<Version>> {
    let version = |item: &Item<'_>| {
        let metadata = std::fs::metadata(item.picture().holder()?).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    };
    on_all_cores(|| items.par_iter().map(version).collect())
}

impl Embeddings {
    /// Of all images but those that a rule was calibrated on, which the run has not.
    pub fn new(rows: Arc<Matrix>, uncertainty: Option<Arc<[f64]>>, calibration: &[usize]) -> Self {
        let of = (0..rows.rows()).filter(|row| calibration.binary_search(row).is_err());
        Self {
            of: of.map(Some).collect(),
            rows,
            uncertainty,
            encoded: HashMap::new(),
        }
    }

    /// With the row of each image of the run.
    pub fn placed(held: Held) -> Self {
        Self {
            rows: held.embeddings,
            uncertainty: held.uncertainty,
            of: held.rows,
            encoded: HashMap::new(),
        }
    }

    /// With the names of the images and what their files were before they were read, so that they need not be encoded again.
    pub fn named<'n>(
        held: Held,
        names: impl Iterator<Item = &'n str>,
        versions: &[Version],
        calibration: &[usize],
    ) -> Self {
        let images = names.zip(versions).zip(held.rows);
        let encoded = images.filter_map(|((name, &version), row)| {
            // What could not be read then may be there now.
            Some((name.to_owned(), (version, row?)))
        });
        Self {
            encoded: encoded.collect(),
            ..Self::new(held.embeddings, held.uncertainty, calibration)
        }
    }

    /// These images as they were encoded before; those that were not, or are others now, are encoded by `encode`, by their places.
    /// Where that adds nothing, no row is copied.
    ///
    /// # Errors
    /// Those of `encode`.
    pub fn with_more(
        &self,
        names: &[&str],
        versions: &[Version],
        encode: &dyn Fn(&[usize]) -> anyhow::Result<Held>,
    ) -> anyhow::Result<Held> {
        let known = |(name, version): (&&str, &Version)| {
            let (before, row) = self.encoded.get(*name)?;
            (before == version).then_some(*row)
        };
        let known: Vec<Option<usize>> = names.iter().zip(versions).map(known).collect();
        let missing: Vec<usize> = (0..known.len()).filter(|&i| known[i].is_none()).collect();
        let more = match missing.is_empty() {
            true => Held::default(),
            false => encode(&missing)?,
        };
        if more.embeddings.rows() == 0 && known.iter().flatten().copied().eq(0..self.rows.rows()) {
            return Ok(Held {
                embeddings: Arc::clone(&self.rows),
                uncertainty: self.uncertainty.clone(),
                rows: known,
            });
        }
        let dim = self.rows.cols();
        let mut data = Vec::with_capacity(names.len() * dim);
        let mut uncertainty = Vec::new();
        let of = |uncertainty: &Option<Arc<[f64]>>, row: usize| Some(uncertainty.as_ref()?[row]);
        let (mut new, mut rows) = (more.rows.iter(), Vec::with_capacity(names.len()));
        for known in known {
            let row = match known {
                Some(row) => Some((self.rows.row(row), of(&self.uncertainty, row))),
                None => new
                    .next()
                    .copied()
                    .flatten()
                    .map(|row| (more.embeddings.row(row), of(&more.uncertainty, row))),
            };
            rows.push(row.map(|(row, of_row)| {
                data.extend_from_slice(row);
                uncertainty.extend(of_row);
                data.len() / dim - 1
            }));
        }
        Ok(Held {
            embeddings: Arc::new(Matrix::new(dim, data)),
            uncertainty: self.uncertainty.as_ref().map(|_| uncertainty.into()),
            rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;

    /// The version of a file that was written so many seconds after another.
    fn version(seconds: u64) -> Version {
        Some((100, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)))
    }

    /// A picture is embedded as its place and the number of times that pictures were encoded, with ln σ² of 0 and its place; `bad`
    /// cannot be read.
    fn encode(missing: &[usize], times: usize, bad: &[usize]) -> Held {
        let good: Vec<usize> = missing
            .iter()
            .copied()
            .filter(|i| !bad.contains(i))
            .collect();
        let values = good
            .iter()
            .flat_map(|&i| [i as f32, times as f32, 0.0, i as f32]);
        let encoded = Encoded {
            embeddings: Matrix::new(4, values.collect()),
            rows: missing
                .iter()
                .map(|i| good.iter().position(|g| g == i))
                .collect(),
            ..Encoded::default()
        };
        Held::new(encoded, 2)
    }

    /// Only what is new, was replaced or could not be read is encoded, and where nothing comes of it the very same matrix goes on.
    #[test]
    fn an_image_is_encoded_again_if_its_file_is_another_or_could_not_be_read() {
        let names = ["a", "b", "c"];
        let first = [version(0), None, version(0)];
        let held = encode(&[0, 1, 2], 0, &[1]);
        let before = Embeddings::named(held, names.into_iter(), &first, &[]);
        for (versions, bad, asked, expected) in [
            (first, &[1][..], &[1][..], [Some(0), None, Some(0)]),
            (first, &[], &[1], [Some(0), Some(1), Some(0)]),
            (
                [version(0), None, version(9)],
                &[1],
                &[1, 2],
                [Some(0), None, Some(1)],
            ),
            (
                [Some((101, SystemTime::UNIX_EPOCH)), version(0), version(0)],
                &[],
                &[0, 1],
                [Some(1), Some(1), Some(0)],
            ),
        ] {
            let told = RefCell::new(Vec::new());
            let again = |missing: &[usize]| {
                *told.borrow_mut() = missing.to_vec();
                Ok(encode(missing, 1, bad))
            };
            let now = before.with_more(&names, &versions, &again).unwrap();
            assert_eq!(told.into_inner(), asked);
            let is_same = Arc::ptr_eq(&now.embeddings, &before.rows);
            assert_eq!(is_same, bad == [1] && asked == [1]);
            for (i, (row, times)) in now.rows.iter().zip(expected).enumerate() {
                let found = row.map(|row| now.embeddings.row(row).to_vec());
                assert_eq!(found, times.map(|times| vec![i as f32, times as f32]));
                let found = row.map(|row| now.uncertainty.as_ref().unwrap()[row]);
                let expected = 1.0 + f64::from((i as f64).exp() as f32);
                assert_eq!(found, times.map(|_| expected));
            }
        }
        // In another order, and fewer.
        let now = before.with_more(&["c", "a"], &[version(0); 2], &|_| unreachable!());
        let now = now.unwrap();
        assert_eq!(now.rows, [Some(0), Some(1)]);
        assert_eq!(now.embeddings.row(0), [2.0, 0.0]);
    }
}
