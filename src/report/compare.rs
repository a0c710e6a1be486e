//! Two runs side by side as text, and many runs in a table.

use std::fmt::Write;

use super::text::{Style, paint, percent, thousands};
use crate::run::{Compared, Comparison, Flip, Ranking, VerdictChange};
use crate::score::{Difference, Summary, Verdict};
use crate::text::printable;

/// Ways of answering otherwise that are shown.
const FLIPS: usize = 15;

/// Below this a difference is no noise.
pub const SIGNIFICANT: f64 = 0.05;

/// What changed from one run to another, in one line: answers, verdicts and the multiplicity share of the error.
pub fn in_a_line(before: &Summary, now: &Summary, comparison: &Comparison) -> String {
    let moved = comparison.transitions.iter().enumerate();
    let moved = moved.map(|(i, row)| {
        row.iter()
            .enumerate()
            .filter(|(j, _)| i != *j)
            .map(|(_, n)| n)
            .sum::<usize>()
    });
    let share = |summary: &Summary| match summary.multiplicity.share_of_error {
        Some(share) if (share.high - share.low).abs() < 1e-9 => {
            format!("{:.1} %", 100.0 * share.low)
        }
        Some(share) => format!("{:.1}–{:.1} %", 100.0 * share.low, 100.0 * share.high),
        None => "no error".to_owned(),
    };
    format!(
        "{} answers flipped, {} verdicts moved; multiplicity of the error {} → {}",
        thousands(comparison.flipped),
        thousands(moved.sum()),
        share(before),
        share(now)
    )
}

/// What differs between two runs that are called A and B.
pub fn render(comparison: &Comparison, names: [&str; 2], style: Style) -> String {
    let mut out = String::new();
    let [a, b] = names.map(printable);
    let _ = writeln!(out, "A  {a}\nB  {b}");
    for part in &comparison.differs {
        let (first, second) = (printable(&part.first), printable(&part.second));
        match first == second {
            true => drop(writeln!(out, "   {}: `{first}` has changed", part.part)),
            false => drop(writeln!(out, "   {}: {first} → {second}", part.part)),
        }
    }
    let _ = writeln!(
        out,
        "n {} images with a verdict in both; {} more in A, {} more in B",
        thousands(comparison.n),
        thousands(comparison.only_first),
        thousands(comparison.only_second)
    );
    if comparison.other_truth > 0 {
        let _ = writeln!(
            out,
            "{} of them have another annotated label in B",
            thousands(comparison.other_truth)
        );
    }
    if comparison.n == 0 {
        return out;
    }
    let _ = writeln!(out, "\n{}", header(""));
    for (what, of) in [("top-1", &comparison.top1), ("valid", &comparison.valid)] {
        let _ = writeln!(out, "{}", compared(what, of, style));
    }
    let _ = writeln!(out, "{}", row("credit", &comparison.credit, None));
    let _ = writeln!(out, "multiplicity share of the error");
    let multiplicity = &comparison.multiplicity;
    for (what, of) in [
        ("  at least", &multiplicity.confirmed),
        ("  at most", &multiplicity.at_most),
    ] {
        let _ = writeln!(out, "{}", row(what, of, None));
    }
    verdicts(&mut out, &comparison.verdicts, style);
    transitions(&mut out, &comparison.transitions);
    flips(&mut out, comparison, style);
    out
}

/// Over the columns of [`row`].
pub(super) fn header(what: &str) -> String {
    format!(
        "{what:<16}{:>9}{:>9}{:>9}{:>18}{:>9}",
        "A", "B", "B − A", "95 %", "p"
    )
}

fn compared(what: &str, of: &Compared, style: Style) -> String {
    let line = row(what, &of.difference, of.mcnemar.p_value);
    let says = format!(
        "   only A {}, only B {}{}",
        thousands(of.mcnemar.only_first),
        thousands(of.mcnemar.only_second),
        judged(of.difference.difference, of.mcnemar.p_value, style)
    );
    format!("{line}{says}")
}

/// Whether a difference is more than noise, in words.
fn judged(difference: Option<f64>, p: Option<f64>, style: Style) -> String {
    match (difference, p) {
        (Some(difference), Some(p)) if p < SIGNIFICANT && difference != 0.0 => {
            let says = if difference > 0.0 { "more" } else { "fewer" };
            format!("  {}", paint(style, "1", says))
        }
        (Some(_), Some(_)) => "  noise".to_owned(),
        _ => String::new(),
    }
}

/// A figure of both, their difference in points with its interval, and a p-value.
pub(super) fn row(what: &str, of: &Difference, p: Option<f64>) -> String {
    let interval = of.interval.map_or("–".to_owned(), |i| {
        format!("{} to {}", points(i.low), points(i.high))
    });
    format!(
        "{what:<16}{:>9}{:>9}{:>9}{interval:>18}{:>9}",
        percent(of.first),
        percent(of.second),
        of.difference.map_or("–".to_owned(), points),
        p.map_or("–".to_owned(), probability),
    )
}

/// A difference of shares in points, with its sign; none is −0.
pub fn points(difference: f64) -> String {
    match format!("{:+.1}", 100.0 * difference) {
        zero if zero == "-0.0" => "+0.0".to_owned(),
        points => points,
    }
}

/// A p-value.
pub fn probability(p: f64) -> String {
    match p {
        p if p < 0.0001 => "< 0.0001".to_owned(),
        p => format!("{p:.4}"),
    }
}

fn verdicts(out: &mut String, changes: &[VerdictChange], style: Style) {
    let _ = writeln!(out, "verdict{:>63}", "p (Holm)");
    for change in changes {
        let line = row(
            &format!("  {}", change.verdict.name()),
            &change.difference,
            change.p_holm,
        );
        let says = judged(change.difference.difference, change.p_holm, style);
        let _ = writeln!(out, "{}", format!("{line}{says}").trim_end());
    }
}

/// A verdict in six columns.
fn short(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Exact => "exact",
        Verdict::Synonym => "synon",
        Verdict::AlsoValid => "also",
        Verdict::Generalised => "gener",
        Verdict::Specialised => "speci",
        Verdict::Overlap => "overl",
        Verdict::NameCollision => "collis",
        Verdict::Near => "near",
        Verdict::Related => "relat",
        Verdict::Unrelated => "unrel",
    }
}

/// The verdicts that occur: A's in rows, B's in columns.
fn transitions(out: &mut String, transitions: &[Vec<usize>]) {
    let occurs = |v: &Verdict| {
        let v = *v as usize;
        transitions[v].iter().sum::<usize>() + transitions.iter().map(|r| r[v]).sum::<usize>() > 0
    };
    let verdicts: Vec<Verdict> = Verdict::ALL.into_iter().filter(occurs).collect();
    let most = transitions.iter().flatten().copied().max().unwrap_or(0);
    let width = thousands(most).len().max(6) + 1;
    let _ = write!(out, "\n{:<16}", "A in rows, B →");
    for verdict in &verdicts {
        let _ = write!(out, "{:>width$}", short(*verdict));
    }
    out.push('\n');
    for &a in &verdicts {
        let _ = write!(out, "  {:<14}", a.name());
        for &b in &verdicts {
            let count = match transitions[a as usize][b as usize] {
                0 => "·".to_owned(),
                count => thousands(count),
            };
            let _ = write!(out, "{count:>width$}");
        }
        out.push('\n');
    }
}

fn flips(out: &mut String, comparison: &Comparison, style: Style) {
    let _ = writeln!(out, "\n{} answers differ", thousands(comparison.flipped));
    let shown = &comparison.flips[..comparison.flips.len().min(FLIPS)];
    if shown.is_empty() {
        return;
    }
    let answer = |label: &Option<String>, verdict: Verdict| {
        let label = label.as_deref().map_or("(abstained)".to_owned(), printable);
        format!("{label} ({})", verdict.name())
    };
    let cells: Vec<[String; 4]> =
        std::iter::once(["count", "annotated", "A", "B"].map(str::to_owned))
            .chain(shown.iter().map(|flip: &Flip| {
                [
                    thousands(flip.count),
                    flip.truth.as_deref().map_or("–".to_owned(), printable),
                    answer(&flip.first, flip.first_verdict),
                    answer(&flip.second, flip.second_verdict),
                ]
            }))
            .collect();
    out.push_str(&super::columns::table(&cells, &[1, 2, 3], style));
    if comparison.flips.len() > shown.len() {
        let _ = writeln!(
            out,
            "  … and {} other ways; --format json lists every image",
            thousands(comparison.flips.len() - shown.len())
        );
    }
}

/// Many runs: their figures, which of them differ, and whether R@1 and mAP@R agree on their order.
pub fn render_many(ranking: &Ranking, style: Style) -> String {
    let mut out = String::new();
    let cells: Vec<[String; 6]> =
        std::iter::once(["run", "n", "top-1", "R@1", "mAP@R", "label→image"].map(str::to_owned))
            .chain(ranking.runs.iter().map(|run| {
                [
                    printable(&run.name),
                    thousands(run.n),
                    percent(run.top1),
                    percent(run.recall_at_1),
                    percent(run.map_at_r),
                    percent(run.map_at_r_of_images),
                ]
            }))
            .collect();
    out.push_str(&super::columns::table(&cells, &[0], style));
    if !ranking.differs.is_empty() {
        let _ = writeln!(out, "\nnot the same in all: {}", ranking.differs.join(", "));
    }
    let tau = |tau: Option<f64>| tau.map_or("n/a".to_owned(), |tau| format!("{tau:+.2}"));
    let _ = writeln!(
        out,
        "\nKendall τ of the orders by R@1 and by mAP@R: image to label {}, label to image {}",
        tau(ranking.kendall_tau),
        tau(ranking.kendall_tau_of_images)
    );
    let _ = writeln!(
        out,
        "\ntop-1, pairs of runs (McNemar, exact; Holm over {} pairs)",
        ranking.pairs.len()
    );
    let cells: Vec<[String; 6]> = std::iter::once(
        [
            "first",
            "second",
            "n",
            "only first",
            "only second",
            "p (Holm)",
        ]
        .map(str::to_owned),
    )
    .chain(ranking.pairs.iter().map(|pair| {
        let name = |i: usize| printable(&ranking.runs[i].name);
        [
            name(pair.first),
            name(pair.second),
            thousands(pair.n),
            thousands(pair.mcnemar.only_first),
            thousands(pair.mcnemar.only_second),
            pair.p_holm.map_or("–".to_owned(), |p| {
                let noise = if p < SIGNIFICANT { "" } else { "  noise" };
                probability(p) + noise
            }),
        ]
    }))
    .collect();
    out.push_str(&super::columns::table(&cells, &[0, 1], style));
    out
}
