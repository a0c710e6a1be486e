//! Credit, K and its ceiling, masses, suspects, and the metrics: a line each.

use std::fmt::Write;

use super::{percent, thousands, with_interval};
use crate::score::{PrecisionRecall, Summary};

pub fn figures(out: &mut String, summary: &Summary) {
    let _ = writeln!(
        out,
        "credit       strict {}   {} {}",
        with_interval(summary, "strict_credit", summary.strict_credit),
        summary.credit_policy,
        with_interval(summary, "credit", summary.credit)
    );
    let valid = &summary.valid_set;
    let _ = writeln!(
        out,
        "mean K       {}   1/K ceiling {}   exact {} ({} of the ceiling)",
        valid.mean_k.map_or("n/a".to_owned(), |k| format!("{k:.2}")),
        percent(valid.ceiling),
        percent(summary.strict_credit),
        percent(valid.top1_over_ceiling),
    );
    for (count, what) in [
        (
            valid.without_valid_candidate,
            "without any valid candidate: K = 0, counted as ceiling 0",
        ),
        (
            valid.truth_not_a_candidate,
            "whose annotated label is not a candidate: never exact",
        ),
    ] {
        if count > 0 {
            let _ = writeln!(out, "             {} images {what}", thousands(count));
        }
    }
    mass_and_suspects(out, summary);
    metrics(out, summary);
    retrieval_and_curve(out, summary);
    uncertainty(out, summary);
}

fn uncertainty(out: &mut String, summary: &Summary) {
    if let Some(of) = &summary.uncertainty {
        for (what, risk) in [("errors", of.errors), ("mistakes", of.mistakes)] {
            let _ = writeln!(
                out,
                "uncertainty  {what} {}, over all shares of the most certain images {}  (at least {})",
                percent(Some(risk.rate)),
                percent(Some(risk.area)),
                percent(Some(risk.least)),
            );
        }
    }
    if let Some(of) = &summary.inclusion {
        let _ = writeln!(
            out,
            "inclusion    {} of {} labels in what is above them ({}; by chance half)",
            thousands(of.included),
            thousands(of.n),
            percent(Some(of.share)),
        );
    }
}

fn retrieval_and_curve(out: &mut String, summary: &Summary) {
    if let Some(retrieval) = &summary.retrieval {
        for (what, of) in [
            ("image→label", &retrieval.image_to_label),
            ("label→image", &retrieval.label_to_image),
        ] {
            let _ = writeln!(
                out,
                "{what}  R@1 {}  R@5 {}  R@10 {}  R-P {}  mAP@R {}",
                percent(of.recall_at_1),
                percent(of.recall_at_5),
                percent(of.recall_at_10),
                percent(of.r_precision),
                percent(of.map_at_r),
            );
        }
    }
    if let Some(curve) = &summary.curve {
        let _ = writeln!(
            out,
            "curve        AP {}  AC {}  recall at 90 % correct {}, at 95 % {}",
            percent(Some(curve.average_precision)),
            percent(Some(curve.average_correct)),
            percent(Some(curve.recall_at_90)),
            percent(Some(curve.recall_at_95)),
        );
    }
    if let Some(growth) = &summary.growth
        && let Some(exponent) = growth.exponent
    {
        let batch = growth.false_negatives.last();
        let batch = batch.and_then(|of| Some((of.batch, of.per_image?)));
        let told = batch.map_or(String::new(), |(batch, per_image)| {
            format!(
                "; {per_image:.1} false negatives an image in a batch of {}",
                thousands(batch)
            )
        });
        let _ = writeln!(out, "valid pairs  grow as n^{exponent:.2}{told}");
    }
}

fn metrics(out: &mut String, summary: &Summary) {
    let metrics = &summary.metrics;
    let scores = |of: &PrecisionRecall| {
        format!(
            "P {}  R {}  F1 {}",
            percent(of.precision),
            percent(of.recall),
            percent(of.f1)
        )
    };
    let hierarchical = &metrics.hierarchical;
    let _ = writeln!(
        out,
        "hierarchical {}   macro F1 {}  (root {})",
        scores(&hierarchical.micro),
        percent(hierarchical.macro_.f1),
        summary.root
    );
    let information = &metrics.information;
    let decimals = |value: Option<f64>| value.map_or("n/a".to_owned(), |v| format!("{v:.2}"));
    let _ = writeln!(
        out,
        "information  {}   {} below the truth, cut to it\n{:13}{} bits right, {} too many, {} missing",
        scores(&information.scores),
        percent(information.truncated),
        "",
        decimals(information.correct),
        decimals(information.excess),
        decimals(information.deficient),
    );
    for (what, of) in [
        ("height", &metrics.severity_height),
        ("bertinetto", &metrics.severity_bertinetto),
    ] {
        let of_k = match of.hdist_k {
            Some(mean) => format!(
                "  @{k} {mean:.2}  top@{k} {}",
                decimals(of.hdist_top_k),
                k = of.k
            ),
            None => String::new(),
        };
        let _ = writeln!(
            out,
            "severity     {}   hdist@1 {}{of_k}  ({what})",
            of.mistake_severity
                .map_or("n/a".to_owned(), |edges| format!("{edges:.2} edges")),
            decimals(of.hdist_1),
        );
    }
    let lca = &metrics.lca_on_the_line;
    let ranking = metrics.hierarchical_ranking.as_ref().map(|of| {
        format!(
            "   hP@1 {}  @{k} {}  hmAP@{k} {}",
            percent(of.hp_1),
            percent(of.hp_k),
            percent(of.hmap_k),
            k = of.k
        )
    });
    let _ = writeln!(
        out,
        "LCA          {} bits short{}",
        decimals(lca.mean),
        ranking.unwrap_or_default()
    );
    let _ = writeln!(
        out,
        "per class    exact {}  valid {}  ({} classes, each counts the same)",
        percent(metrics.per_class.macro_exact),
        percent(metrics.per_class.macro_valid),
        thousands(metrics.per_class.rows.len())
    );
    if let Some(of) = &metrics.consistency {
        let _ = writeln!(
            out,
            "consistency  HCA {}  of answers right {}",
            percent(of.hca),
            percent(of.leaf)
        );
    }
    for (what, of) in [
        ("annotated", &metrics.calibration_exact),
        ("valid", &metrics.calibration_valid),
    ] {
        // Nothing is known of the answers' probabilities.
        if of.ece.is_none() {
            continue;
        }
        let _ = writeln!(
            out,
            "calibration  ECE {}  equal mass {}  MCE {}  Brier {}  ({what})",
            percent(of.ece),
            percent(of.ece_equal_mass),
            percent(of.mce),
            of.brier.map_or("n/a".to_owned(), |b| format!("{b:.3}")),
        );
    }
}

fn mass_and_suspects(out: &mut String, summary: &Summary) {
    if let Some(dilution) = &summary.dilution {
        let _ = write!(out, "valid mass   {}", percent(dilution.semantic_mass));
        if let Some(slope) = dilution.slope {
            let _ = write!(
                out,
                "   of which the annotated label gets ~ K^{slope:.2} (1/K: K^-1)"
            );
        }
        out.push('\n');
    }
    if let Some(suspects) = &summary.suspects {
        let _ = writeln!(
            out,
            "suspects     {} of {} annotations ({}); {} in confirmed multiplicity",
            thousands(suspects.flagged),
            thousands(suspects.checked),
            percent(suspects.share),
            thousands(suspects.confirmed),
        );
    }
}
