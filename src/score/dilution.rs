//! How the probability of the valid labels is divided among them (METHOD 4).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::figure::{Figure, add_row, mean};

/// Where the probability of one image went, as far as its annotation tells (METHOD 4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mass {
    /// p(t|x) of the primary truth; `None` if it is no candidate.
    pub truth: Option<f64>,
    /// m_valid(x): Σ p over the valid set; 0 if that is empty.
    pub valid: f64,
}

impl Mass {
    /// The share of the valid mass that the annotated label gets: p(t|x) / m_valid(x).
    pub fn dilution(&self) -> Option<f64> {
        // Softmax may underflow to nothing at all.
        self.truth
            .filter(|_| self.valid > 0.0)
            .map(|p| p / self.valid)
    }
}

/// The claim that the probability of the annotated label drops as 1/K, on these images (METHOD 4).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Dilution {
    /// Mean m_valid(x), the probability put on any correct answer.
    pub semantic_mass: Option<f64>,
    /// Images whose annotated label is a candidate: those that have a dilution.
    pub n: usize,
    /// A row for each K that occurs among them, ascending.
    pub by_k: Vec<DilutionRow>,
    /// Slope of log mean dilution on log K, least squares over the rows weighted by their n; −1 is the claim. `None`
    /// with fewer than two K.
    pub slope: Option<f64>,
}

/// The images with one K.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct DilutionRow {
    pub k: usize,
    pub n: usize,
    /// Mean p(t|x) / m_valid(x).
    pub mean: f64,
    /// 1/K.
    pub expected: f64,
}

/// Columns that are summed over the images: ones, and m_valid(x). Besides, of each K that occurs, ones and dilutions of the
/// images that have a dilution.
pub const COLUMNS: usize = 2;

impl Mass {
    /// What is summed up of the image.
    pub(super) fn row(self) -> [f64; COLUMNS] {
        [1.0, self.valid]
    }
}

/// Sums up the (K, mass) of images.
pub fn dilution(images: &[(usize, Mass)]) -> Dilution {
    let mut groups: BTreeMap<usize, [f64; 2]> = BTreeMap::new();
    let mut sums = [0.0; COLUMNS];
    for (k, mass) in images {
        add_row(&mut sums, &mass.row());
        if let Some(share) = mass.dilution() {
            add_row(groups.entry(*k).or_default(), &[1.0, share]);
        }
    }
    let (ks, of_ks): (Vec<usize>, Vec<[f64; 2]>) = groups.into_iter().unzip();
    figures(&ks, &sums, of_ks.as_flattened())
}

/// Of sums of the [columns](COLUMNS), and of the two of each of these K.
fn figures(ks: &[usize], sums: &[f64], of_ks: &[f64]) -> Dilution {
    let row = |(&k, of_k): (&usize, &[f64])| {
        Some(DilutionRow {
            k,
            n: of_k[0] as usize,
            mean: mean(of_k[1], of_k[0])?,
            expected: 1.0 / k as f64,
        })
    };
    let rows = ks.iter().zip(of_ks.chunks_exact(2));
    let by_k: Vec<DilutionRow> = rows.filter_map(row).collect();
    Dilution {
        semantic_mass: mean(sums[1], sums[0]),
        n: by_k.iter().map(|row| row.n).sum(),
        slope: slope(&by_k),
        by_k,
    }
}

/// The figures of sums of the [columns](COLUMNS), and of the two of each of these K.
pub fn named(ks: &[usize], sums: &[f64], of_ks: &[f64]) -> Vec<Figure> {
    let found = figures(ks, sums, of_ks);
    vec![
        Figure::new("dilution", "semantic_mass", found.semantic_mass, sums[0]),
        Figure::new("dilution", "slope", found.slope, found.n as f64),
    ]
}

fn slope(rows: &[DilutionRow]) -> Option<f64> {
    let points: Vec<(f64, f64, f64)> = rows
        .iter()
        .filter(|row| row.mean > 0.0)
        .map(|row| ((row.k as f64).ln(), row.mean.ln(), row.n as f64))
        .collect();
    if points.len() < 2 {
        return None;
    }
    let weight: f64 = points.iter().map(|(.., w)| w).sum();
    let x_mean = points.iter().map(|(x, _, w)| w * x).sum::<f64>() / weight;
    let y_mean = points.iter().map(|(_, y, w)| w * y).sum::<f64>() / weight;
    let along = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        let terms = points
            .iter()
            .map(|&(x, y, w)| w * f(x - x_mean, y - y_mean));
        terms.sum()
    };
    Some(along(&|dx, dy| dx * dy) / along(&|dx, _| dx * dx))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mass(truth: f64, valid: f64) -> Mass {
        Mass {
            truth: Some(truth),
            valid,
        }
    }

    #[test]
    fn images_are_grouped_by_k() {
        let not_a_candidate = Mass {
            truth: None,
            valid: 0.5,
        };
        let found = dilution(&[
            (1, mass(0.8, 0.8)),
            (2, mass(0.1, 0.4)),
            (2, mass(0.6, 0.8)),
            (3, not_a_candidate),
        ]);
        assert!((found.semantic_mass.unwrap() - 0.625).abs() < 1e-12);
        assert_eq!(found.n, 3);
        let rows: Vec<_> = found.by_k.iter().map(|r| (r.k, r.n)).collect();
        assert_eq!(rows, [(1, 1), (2, 2)]);
        assert!((found.by_k[1].mean - 0.5).abs() < 1e-12);
        // From (log 1, log 1) to (log 2, log 0.5).
        assert!((found.slope.unwrap() + 1.0).abs() < 1e-12);
    }

    /// numpy.polyfit(log k, log mean, 1, w=sqrt(n)) of these rows gives −0.918296, without weights −1.084963.
    #[test]
    fn the_slope_is_weighted_by_the_number_of_images() {
        let images = [
            vec![(1, mass(0.9, 1.0)); 5],
            vec![(2, mass(0.6, 1.0)); 20],
            vec![(4, mass(0.15, 1.0)), (4, mass(0.25, 1.0))],
        ];
        let slope = dilution(&images.concat()).slope.unwrap();
        assert!((slope + 0.918296).abs() < 1e-5, "{slope}");
    }

    #[test]
    fn without_mass_there_is_no_dilution() {
        assert_eq!(mass(0.0, 0.0).dilution(), None);
        let none = dilution(&[]);
        assert_eq!((none.semantic_mass, none.n, none.slope), (None, 0, None));
        assert_eq!(dilution(&[(2, mass(0.3, 0.6))]).slope, None);
    }
}
