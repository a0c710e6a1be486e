//! How an image is matched with a label that has several prompts: the three families of METHOD 4, which can be compared
//! on one run.
//!
//! In what follows x is the image's unit vector, y one of the m prompts of a label, each divided by its length, and c_y
//! their cosine. A label all of whose prompts are the same has its cosine under every strategy, so that similarities of
//! different strategies are on one scale and take the same temperature.

use std::ops::Range;

use super::answer::{Cosines, Similarities, prototypes};
use super::gaussian::Gaussians;
use crate::matrix::Matrix;

/// α of [`Match::SmoothChamfer`]: how sharp the soft maximum is (Kim et al., Improving Cross-Modal Retrieval with Set of
/// Diverse Embeddings, CVPR 2023; METHOD 9).
pub const SHARPNESS: f64 = 16.0;

/// A strategy of matching (METHOD 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Match {
    /// Deterministic: the cosine with the label's one prototype, the normalised mean of its prompts (Radford et al.,
    /// Learning Transferable Visual Models From Natural Language Supervision, ICML 2021).
    Mean,
    /// Multiple embeddings: max_y c_y, the prompt that fits best (PVSE; Song & Soleymani, Polysemous Visual-Semantic
    /// Embedding, CVPR 2019). Of labels that fit alike, one with more prompts has more chances.
    Max,
    /// Multiple embeddings: the smooth Chamfer similarity of METHOD 9, the image being a set of one.
    ///
    /// Of sets X and Y it is (1/2α|X|) Σ_x ln Σ_y e^{α c_xy} + (1/2α|Y|) Σ_y ln Σ_x e^{α c_xy}, where ln|set|/α is taken off
    /// each soft maximum (1/α) ln Σ e^{α c} over a set, for that of equal cosines is c + ln|set|/α. With |X| = 1 and
    /// |Y| = m that is
    ///
    /// s = ½ · (1/α) ln((1/m) Σ_y e^{α c_y}) + ½ · (1/m) Σ_y c_y,
    ///
    /// halfway between a soft maximum and the mean of the cosines: not below that mean, not above the maximum, and of equal
    /// cosines exactly c. α is [`SHARPNESS`].
    SmoothChamfer,
    /// Probabilistic: a label is a normal distribution, whose mean μ and variance σ² in each dimension are those of its
    /// prompts (population variance: 0 of a single one); an image is a point. From the closed-form sampled distance
    /// d = ‖x − μ‖² + Σσ² (METHOD 9; Chun, Improved Probabilistic Image-Text Representations, ICLR 2024) the similarity is
    /// s = 1 − d/2, which is the cosine where σ = 0.
    ///
    /// μ is not normalised again, so Σσ² = 1 − ‖μ‖², and s = x·μ, the mean of the cosines: the similarity of
    /// [`Mean`](Self::Mean) times ‖μ‖, which is less the more the prompts of a label disagree.
    Gaussian,
    /// Probabilistic: by the uncertainty that the model itself tells of each image and prompt (ProLIP; Chun et al.,
    /// Probabilistic Language-Image Pre-Training, ICLR 2025). A label is the normal distribution that
    /// [`Gaussians::prototypes`] makes of its prompts, an image the one that the model gives, and
    /// s = μx·μ − ½Σ(σx² + σ²): 1 − d/2 of the closed-form sampled distance d, as the means are unit vectors. The pair logit
    /// is the temperature times that, and a bias that is the same for all pairs. Embeddings without σ² cannot be matched so.
    ProLip,
}

impl Match {
    /// All strategies, in the order in which they are told.
    pub const ALL: [Self; 5] = [
        Self::Mean,
        Self::Max,
        Self::SmoothChamfer,
        Self::Gaussian,
        Self::ProLip,
    ];

    /// A strategy by its name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|strategy| strategy.name() == name)
    }

    /// The name, as METHOD and the command line have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Max => "max",
            Self::SmoothChamfer => "smooth-chamfer",
            Self::Gaussian => "gaussian",
            Self::ProLip => "prolip",
        }
    }
}

/// Why images and prompts cannot be matched.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MatchError {
    #[error(
        "matching `prolip` needs the uncertainty that a ProLIP model tells with each embedding, and these embeddings have none: it is n/a here; use mean, max, smooth-chamfer or gaussian"
    )]
    NoUncertainty,
    #[error("label {label} of {labels} has no prompt: there is nothing to match with it")]
    NoPrompts { label: usize, labels: usize },
    #[error("the labels have {expected} prompts, but there are embeddings of {found}")]
    TooFewPrompts { expected: usize, found: usize },
    #[error(
        "the images' embeddings have {images} dimensions and the prompts' {prompts}: they are not of one model"
    )]
    Dimensions { images: usize, prompts: usize },
}

/// s(x,c) under a strategy of matching.
#[derive(Debug, Clone)]
pub struct Matching<'a> {
    images: &'a Matrix,
    strategy: Match,
    rows: Rows,
}

/// What the images' vectors are multiplied with, and what becomes of the products.
#[derive(Debug, Clone)]
enum Rows {
    /// A row a label: the product is the similarity.
    Labels(Matrix),
    /// A row a label, and what is taken off the product: half of Σσ² of the label, and of the image.
    Uncertain {
        labels: Matrix,
        of_labels: Vec<f64>,
        of_images: Vec<f64>,
    },
    /// A unit row a prompt.
    Prompts {
        prompts: Matrix,
        /// The first row of each label, and the number of rows.
        starts: Vec<usize>,
        reduce: fn(&[f32]) -> f64,
    },
}

/// Labels whose prompts are multiplied before they are reduced: so many that the products stay in the nearest cache.
const BLOCK: usize = 256;

impl<'a> Matching<'a> {
    /// `images` is n × dim, unit rows. `prompts` has a row a prompt, of any length but 0; `counts[i]` is the number of
    /// consecutive rows that belong to label i. Rows after those are not looked at, so that `counts` may be of the first
    /// labels alone. `uncertainty` is Σσ² of each image, where the model tells it.
    ///
    /// Takes time and, but for the strategies of one row a label, memory in the size of the prompts. An image then takes
    /// a product of vectors for each label, or for each prompt.
    ///
    /// # Errors
    /// [`MatchError`]: the strategy needs what embeddings do not tell, or the shapes do not fit.
    pub fn new(
        strategy: Match,
        images: &'a Matrix,
        uncertainty: Option<&[f64]>,
        prompts: &Gaussians,
        counts: &[usize],
    ) -> Result<Self, MatchError> {
        let of_prompts = &prompts.means;
        let labels = counts.len();
        if let Some(label) = counts.iter().position(|&count| count == 0) {
            let label = label + 1;
            return Err(MatchError::NoPrompts { label, labels });
        }
        let expected = counts.iter().sum();
        if prompts.len() < expected {
            let found = prompts.len();
            return Err(MatchError::TooFewPrompts { expected, found });
        }
        if images.rows() > 0 && labels > 0 && images.cols() != of_prompts.cols() {
            let (images, prompts) = (images.cols(), of_prompts.cols());
            return Err(MatchError::Dimensions { images, prompts });
        }
        // A label each: what is left to do is to divide by the length.
        let unit = || prototypes(of_prompts, &vec![1; expected]);
        let by_prompt = |reduce| Rows::Prompts {
            prompts: unit(),
            starts: starts(counts),
            reduce,
        };
        let rows = match strategy {
            Match::Mean => Rows::Labels(prototypes(of_prompts, counts)),
            Match::Gaussian => Rows::Labels(means(&unit(), counts)),
            Match::Max => by_prompt(maximum),
            Match::SmoothChamfer => by_prompt(smooth_chamfer),
            Match::ProLip => {
                let labels = prompts.prototypes(counts);
                let half = |totals: &[f64]| totals.iter().map(|total| 0.5 * total).collect();
                let of_labels = labels.totals().ok_or(MatchError::NoUncertainty)?;
                Rows::Uncertain {
                    of_labels: half(&of_labels),
                    of_images: half(
                        uncertainty
                            .filter(|of| of.len() == images.rows())
                            .ok_or(MatchError::NoUncertainty)?,
                    ),
                    labels: labels.means,
                }
            }
        };
        Ok(Self {
            images,
            strategy,
            rows,
        })
    }

    /// All that the similarities with a label are made of beside the images, to the bit.
    pub(super) fn of_label(&self, label: usize) -> impl Iterator<Item = u32> + '_ {
        let (rows, range, total) = match &self.rows {
            Rows::Labels(rows) => (rows, label..label + 1, None),
            Rows::Uncertain {
                labels, of_labels, ..
            } => (labels, label..label + 1, Some(of_labels[label].to_bits())),
            Rows::Prompts {
                prompts, starts, ..
            } => (prompts, starts[label]..starts[label + 1], None),
        };
        let total = total.into_iter().flat_map(|b| [b as u32, (b >> 32) as u32]);
        let values = &rows.as_slice()[range.start * rows.cols()..range.end * rows.cols()];
        values.iter().map(|v| v.to_bits()).chain(total)
    }

    pub(super) fn strategy(&self) -> Match {
        self.strategy
    }
}

impl Similarities for Matching<'_> {
    fn images(&self) -> usize {
        self.images.rows()
    }

    fn candidates(&self) -> usize {
        match &self.rows {
            Rows::Labels(rows) | Rows::Uncertain { labels: rows, .. } => rows.rows(),
            Rows::Prompts { starts, .. } => starts.len() - 1,
        }
    }

    fn fill(&self, image: usize, candidates: Range<usize>, out: &mut Vec<f32>) {
        let products = |prototypes| Cosines {
            images: self.images,
            prototypes,
        };
        match &self.rows {
            Rows::Labels(rows) => products(rows).fill(image, candidates, out),
            Rows::Uncertain {
                labels,
                of_labels,
                of_images,
            } => {
                products(labels).fill(image, candidates.clone(), out);
                for (s, of_label) in out.iter_mut().zip(&of_labels[candidates]) {
                    *s = (f64::from(*s) - of_label - of_images[image]) as f32;
                }
            }
            Rows::Prompts {
                prompts,
                starts,
                reduce,
            } => {
                out.clear();
                out.reserve(candidates.len());
                let mut cosines = Vec::new();
                let mut next = candidates.start;
                while next < candidates.end {
                    let block = next..candidates.end.min(next + BLOCK);
                    let first = starts[block.start];
                    let rows = first..starts[block.end];
                    products(prompts).fill(image, rows, &mut cosines);
                    out.extend(block.clone().map(|label| {
                        let of_label = starts[label] - first..starts[label + 1] - first;
                        reduce(&cosines[of_label]) as f32
                    }));
                    next = block.end;
                }
            }
        }
    }
}

fn starts(counts: &[usize]) -> Vec<usize> {
    let mut next = 0;
    let ends = counts.iter().map(|count| {
        next += count;
        next
    });
    std::iter::once(0).chain(ends).collect()
}

/// The mean of each label's rows, not normalised. Sums are in f64.
fn means(rows: &Matrix, counts: &[usize]) -> Matrix {
    let starts = starts(counts);
    let mut data = Vec::with_capacity(counts.len() * rows.cols());
    for label in starts.windows(2) {
        let mut mean = vec![0f64; rows.cols()];
        for row in label[0]..label[1] {
            for (sum, &value) in mean.iter_mut().zip(rows.row(row)) {
                *sum += f64::from(value);
            }
        }
        let count = (label[1] - label[0]) as f64;
        data.extend(mean.iter().map(|sum| (sum / count) as f32));
    }
    Matrix::new(rows.cols(), data)
}

fn maximum(cosines: &[f32]) -> f64 {
    f64::from(cosines.iter().copied().fold(f32::NEG_INFINITY, f32::max))
}

/// As [`Match::SmoothChamfer`] has it; the largest cosine is taken out of the exponentials.
fn smooth_chamfer(cosines: &[f32]) -> f64 {
    let (count, largest) = (cosines.len() as f64, maximum(cosines));
    let (mut exponentials, mut sum) = (0.0, 0.0);
    for &cosine in cosines {
        let cosine = f64::from(cosine);
        exponentials += (SHARPNESS * (cosine - largest)).exp();
        sum += cosine;
    }
    let soft_maximum = largest + (exponentials / count).ln() / SHARPNESS;
    0.5 * (soft_maximum + sum / count)
}

#[cfg(test)]
mod tests;
