//! What the figures of a summary are, in a line each, to be told beside them (METHOD 6).

use super::measures::Measure;

/// The field of a summary, and its formula with its conventions.
pub fn conventions() -> Vec<(&'static str, String)> {
    let of = |field, text: &str| (field, text.to_owned());
    let severity = |measure: Measure| {
        format!(
            "mean over wrong answers, over all, over the best k, and of the nearest of these; of several truths the nearest; {}",
            measure.definition()
        )
    };
    vec![
        of(
            "top1",
            "share of answers that are the primary truth, the very node",
        ),
        of(
            "top5",
            "the primary truth is among the best min(5, |C|); ties by id",
        ),
        of(
            "verdicts",
            "one an answer, tested in the order of the rows; shares of the judged images; 95 % percentile bootstrap of 2,000 replicates; by chance: answers permuted across the images",
        ),
        of(
            "multiplicity",
            "from confirmed / errors to (confirmed + possible) / errors",
        ),
        of(
            "causes",
            "an error may have several; Shapley values over the set of causes",
        ),
        of(
            "reassessed",
            "real: answer in the re-annotated set, over images whose set is not empty; mla: exact, synonym or in the set, averaged within each annotated class, then over classes",
        ),
        of(
            "valid_set",
            "K: candidates that would be exact, synonym, also_valid or generalised; ceiling: mean 1/K, 0 where K is 0",
        ),
        of(
            "dilution",
            "p(t|x) / mass on the valid set, by K; slope of log mean on log K, weighted by images",
        ),
        of(
            "growth",
            "ordered pairs of images, each with itself too, whose second annotation is valid for the first; mean of 20 random subsets a size",
        ),
        of(
            "retrieval",
            "positives: valid labels of an image, images with a truth at or below a label; macro means over queries that have one; ties by id, or by the order of images",
        ),
        of(
            "curve",
            "all thresholds of the most specific node of enough mass, pooled; recall and precision in bits; an answer below the truth is right; trapezoids over recall",
        ),
        of(
            "metrics.hierarchical",
            "ancestor closures with each node itself; union over parents and truths; equivalents are one; the root as --root says, by default the virtual one does not count; an abstention has no precision, and recall 0",
        ),
        of(
            "metrics.information",
            "v = −log2 of the share of leaves below; of the LCA over that of the answer, and of the truth; 0/0 = 1; an answer below the truth is cut to it",
        ),
        of(
            "metrics.depth",
            "the same with v = the greatest depth, a root at 1",
        ),
        ("metrics.severity_height", severity(Measure::Height)),
        ("metrics.severity_bertinetto", severity(Measure::Bertinetto)),
        of(
            "metrics.lca_on_the_line",
            "mean I(t) − I(LCA) over wrong answers, in bits",
        ),
        of(
            "metrics.hierarchical_ranking",
            "similarity 1 − height(LCA) / height of the root; over that of the best order of the candidates; hmAP: mean of hP@j, j up to k",
        ),
        of(
            "metrics.per_class",
            "by primary truth, equivalents apart; the means count each class once",
        ),
        of(
            "metrics.consistency",
            "HCA: the best candidate is a truth, and at every ancestor of it the child of most mass is above it too",
        ),
        of(
            "metrics.calibration",
            "15 bins of equal width, the upper end in the bin, or of equal size; Brier of the answer alone; by level: the node of most mass at each greatest depth",
        ),
        of(
            "suspects",
            "confident learning over annotated classes, with what can hold together with the label set aside",
        ),
        of(
            "noisy",
            "two normal components of −ln(mass on the valid labels), flagged above ½",
        ),
        of(
            "uncertainty",
            "Σσ² of the image as the model tells it, the least first; area: mean share of wrong answers among the k most certain, k from 1 to n; equals in every order",
        ),
        of(
            "inclusion",
            "edges with ln ∫ p_child² p_parent > ln ∫ p_parent² p_child, the labels' distributions being their prompts' normalised mean and mean σ²",
        ),
    ]
}
