use proptest::prelude::*;

use super::*;
use crate::score::Gaussian;

const COMPUTED: [Match; 4] = [
    Match::Mean,
    Match::Max,
    Match::SmoothChamfer,
    Match::Gaussian,
];

/// A unit vector in the plane.
fn at(degrees: f32) -> [f32; 2] {
    let (sin, cos) = degrees.to_radians().sin_cos();
    [cos, sin]
}

fn plane(degrees: &[f32]) -> Matrix {
    Matrix::new(2, degrees.iter().copied().flat_map(at).collect())
}

fn all(strategy: Match, images: &Matrix, prompts: &Matrix, counts: &[usize]) -> Vec<Vec<f32>> {
    let matching = Matching::new(strategy, images, None, &prompts.clone().into(), counts).unwrap();
    assert_eq!(matching.images(), images.rows());
    assert_eq!(matching.candidates(), counts.len());
    (0..matching.images())
        .map(|i| {
            let mut row = vec![9.0];
            matching.fill(i, 0..counts.len(), &mut row);
            row
        })
        .collect()
}

fn close(found: f32, expected: f64) {
    assert!(
        (f64::from(found) - expected).abs() < 1e-6,
        "{found}, not {expected}"
    );
}

/// An image at 0°; a label with prompts at 60° and 90°, of unequal length, and one with a prompt at 45°.
#[test]
fn strategies_by_hand() {
    let images = plane(&[0.0]);
    let mut prompts = plane(&[60.0, 90.0, 45.0]);
    prompts.row_mut(1)[1] = 7.0;
    let of = |strategy| all(strategy, &images, &prompts, &[2, 1]).remove(0);
    let half = std::f64::consts::FRAC_1_SQRT_2;
    for strategy in COMPUTED {
        close(of(strategy)[1], half);
    }
    close(of(Match::Mean)[0], 75f64.to_radians().cos());
    close(of(Match::Max)[0], 0.5);
    let soft_maximum = ((8f64.exp() + 1.0) / 2.0).ln() / 16.0;
    close(of(Match::SmoothChamfer)[0], 0.5 * soft_maximum + 0.5 * 0.25);
    // μ = ((cos 60° + 0)/2, (sin 60° + 1)/2); variances by the deviations from it.
    let (x, y) = (0.25f64, (3f64.sqrt() / 2.0 + 1.0) / 2.0);
    let variances = 0.25f64.powi(2) + (1.0 - y).powi(2);
    let distance = (1.0 - x).powi(2) + y.powi(2) + variances;
    close(of(Match::Gaussian)[0], 1.0 - distance / 2.0);
}

/// Two images of σ² that differ, a label with two prompts and one with one, which agree but for their σ².
#[test]
fn the_models_own_uncertainty_is_taken_off() {
    let images = plane(&[0.0, 60.0]);
    let prompts = Gaussians {
        means: plane(&[30.0, 30.0, 30.0]),
        variances: Some(Matrix::new(2, vec![0.1, 0.3, 0.3, 0.5, 0.0, 0.1])),
    };
    let counts = [2, 1];
    let of = |uncertainty, prompts: &Gaussians| {
        Matching::new(Match::ProLip, &images, uncertainty, prompts, &counts).map(|matching| {
            let mut row = Vec::new();
            matching.fill(1, 0..2, &mut row);
            row
        })
    };
    let found = of(Some(&[0.25, 0.5]), &prompts).unwrap();
    let cosine = 30f64.to_radians().cos();
    close(found[0], cosine - 0.5 * (0.5 + 0.6));
    close(found[1], cosine - 0.5 * (0.5 + 0.1));
    // As the pair logit of the two distributions has it.
    let image = Gaussian {
        mean: images.row(1),
        variance: &[0.2, 0.3],
    };
    let label = prompts.prototypes(&counts);
    close(found[0], image.pair_logit(label.get(0).unwrap(), 1.0, 0.0));
    let without = prompts.means.clone().into();
    for fault in [
        of(None, &prompts),
        of(Some(&[0.25]), &prompts),
        of(Some(&[0.25, 0.5]), &without),
    ] {
        assert_eq!(fault, Err(MatchError::NoUncertainty));
    }
}

#[test]
fn names_are_theirs() {
    for strategy in Match::ALL {
        assert_eq!(Match::by_name(strategy.name()), Some(strategy));
    }
    assert_eq!(Match::by_name("median"), None);
}

#[test]
fn what_cannot_be_matched_says_so() {
    let (images, prompts) = (plane(&[0.0]), plane(&[10.0, 20.0]).into());
    let fault = |strategy, images: &Matrix, counts: &[usize]| {
        Matching::new(strategy, images, None, &prompts, counts).err()
    };
    let no_uncertainty = fault(Match::ProLip, &images, &[1, 1]);
    assert_eq!(no_uncertainty, Some(MatchError::NoUncertainty));
    let labels = 2;
    let no_prompts = fault(Match::Max, &images, &[2, 0]);
    assert_eq!(no_prompts, Some(MatchError::NoPrompts { label: 2, labels }));
    let (expected, found) = (3, 2);
    let too_few = fault(Match::Mean, &images, &[1, 2]);
    assert_eq!(too_few, Some(MatchError::TooFewPrompts { expected, found }));
    let wide = Matrix::new(3, vec![1.0, 0.0, 0.0]);
    let (images, prompts) = (3, 2);
    let dimensions = fault(Match::Gaussian, &wide, &[1]);
    assert_eq!(dimensions, Some(MatchError::Dimensions { images, prompts }));
}

#[test]
fn without_labels_or_images_there_is_nothing() {
    for strategy in COMPUTED {
        assert!(all(strategy, &Matrix::default(), &plane(&[1.0]), &[1]).is_empty());
        assert_eq!(
            all(strategy, &plane(&[1.0]), &Matrix::default(), &[]),
            [[0f32; 0]]
        );
    }
}

/// The rows of a table are asked for in parts, whose borders need not be those of the blocks.
#[test]
fn parts_are_those_of_the_whole() {
    let angles: Vec<f32> = (0..3 * BLOCK).map(|i| (i * i % 360) as f32).collect();
    let (images, prompts) = (plane(&[33.0]), plane(&angles));
    let counts: Vec<usize> = (0..2 * BLOCK).map(|i| 1 + i % 2).collect();
    for strategy in COMPUTED {
        let whole = all(strategy, &images, &prompts, &counts).remove(0);
        let matching =
            Matching::new(strategy, &images, None, &prompts.clone().into(), &counts).unwrap();
        for part in [0..0, 0..1, 5..BLOCK + 9, BLOCK - 1..2 * BLOCK] {
            let mut found = Vec::new();
            matching.fill(0, part.clone(), &mut found);
            assert_eq!(found, whole[part]);
        }
    }
}

fn vectors(count: usize) -> impl Strategy<Value = Vec<f32>> {
    proptest::collection::vec(-1f32..1.0, 5 * count).prop_filter("no zero vector", |v| {
        v.chunks(5).all(|v| v.iter().any(|x| x.abs() > 0.1))
    })
}

/// One image and its cosines with the prompts.
fn unit(v: Vec<f32>) -> Matrix {
    let matrix = Matrix::new(5, v);
    prototypes(&matrix, &vec![1; matrix.rows()])
}

proptest! {
    #[test]
    fn of_equal_prompts_every_strategy_is_the_cosine(
        image in vectors(1), prompt in vectors(1), count in 1usize..9,
    ) {
        let image = unit(image);
        let cosine = all(Match::Max, &image, &Matrix::new(5, prompt.clone()), &[1])[0][0];
        let prompts = Matrix::new(5, prompt.repeat(count));
        for strategy in COMPUTED {
            let found = all(strategy, &image, &prompts, &[count])[0][0];
            prop_assert!((found - cosine).abs() < 1e-6, "{strategy:?} {found} {cosine}");
        }
        // To the bit where the prompts themselves are multiplied.
        prop_assert_eq!(all(Match::SmoothChamfer, &image, &prompts, &[count])[0][0], cosine);
    }

    /// mean of the cosines ≤ chamfer ≤ soft maximum ≤ maximum; `gaussian` is the mean, and no further from 0 than `mean`.
    #[test]
    fn strategies_are_in_order(image in vectors(1), prompts in vectors(6)) {
        let (image, prompts) = (unit(image), Matrix::new(5, prompts));
        let of = |strategy, counts: &[usize]| all(strategy, &image, &prompts, counts).remove(0);
        let whole = |strategy| of(strategy, &[6])[0];
        let cosines = of(Match::Max, &[1; 6]);
        let average = cosines.iter().sum::<f32>() / 6.0;
        let (max, chamfer) = (whole(Match::Max), whole(Match::SmoothChamfer));
        prop_assert_eq!(max, cosines.iter().copied().fold(f32::MIN, f32::max));
        prop_assert!(average <= chamfer + 1e-6 && chamfer <= max);
        prop_assert!((whole(Match::Gaussian) - average).abs() < 1e-6);
        prop_assert!(average.abs() <= whole(Match::Mean).abs() + 1e-6);
    }

    /// That a prompt is said twice changes nothing where all are.
    #[test]
    fn how_often_the_prompts_are_said_does_not_matter(image in vectors(1), prompts in vectors(4)) {
        let image = unit(image);
        let twice = Matrix::new(5, prompts.repeat(2));
        let once = Matrix::new(5, prompts);
        for strategy in COMPUTED {
            let found = all(strategy, &image, &twice, &[8])[0][0];
            let expected = all(strategy, &image, &once, &[4])[0][0];
            prop_assert!((found - expected).abs() < 1e-6, "{strategy:?}");
        }
    }
}
