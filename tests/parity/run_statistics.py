#!/usr/bin/env python3
"""An independent reference for the statistics of METHOD 4 and 10: Kendall's τ, the growth of valid pairs, McNemar's exact
test, Holm's correction, the paired bootstrap.

Measures random data with scipy, statsmodels or one pair at a time, and writes tests/fixtures/statistics.json, which
tests/it/statistics.rs compares with.
Needs numpy, scipy and statsmodels:  python3 tests/parity/run_statistics.py
"""
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "statistics.json"


def kendall(rng):
    cases = []
    for n, values in [(0, 1), (1, 1), (2, 9), (3, 2), (5, 1), (8, 4), (12, 1000), (30, 6), (200, 50)]:
        a, b = rng.integers(0, values, (2, n))
        # Half of them agree more than by luck.
        b = np.where(rng.random(n) < 0.5, a, b)
        tau = stats.kendalltau(a, b, variant="b").statistic if n > 1 else math.nan
        cases.append({"a": a.tolist(), "b": b.tolist(), "tau": None if math.isnan(tau) else tau})
    return cases


def growth(rng):
    """Pairs one by one; of random subsets the mean and the standard deviation, by drawing them."""
    cases = []
    for n, sets, labels, share in [(256, 9, 6, 0.3), (150, 40, 40, 0.02), (512, 3, 3, 0.5), (64, 60, 80, 0.0)]:
        primary = rng.integers(0, labels, sets)
        valid = rng.random((sets, labels)) < share
        # The own annotation is valid for nearly all of them.
        valid[np.arange(sets), primary] |= rng.random(sets) < 0.9
        truth_set = rng.integers(0, sets, n)
        pairs = valid[truth_set][:, primary[truth_set]]
        different = pairs & ~np.eye(n, dtype=bool)
        rows, size = [], 16
        while size <= n:
            drawn = [pairs[np.ix_(s, s)].sum() for s in (rng.permutation(n)[:size] for _ in range(4000))]
            # Of equally probable ordered pairs of different images.
            mean = size * pairs.diagonal().mean() + size * (size - 1) * different.sum() / (n * (n - 1))
            assert abs(np.mean(drawn) - mean) <= 5 * np.std(drawn) / math.sqrt(4000) + 1e-9
            rows.append({"n": size, "mean": float(mean), "std": float(np.std(drawn))})
            size *= 2
        probability = different.sum() / (n * (n - 1))
        cases.append({
            "truth_set": truth_set.tolist(), "primary": primary.tolist(), "labels": labels,
            "valid": [np.flatnonzero(row).tolist() for row in valid], "rows": rows,
            "exponent_of_means": float(np.polyfit(np.log([r["n"] for r in rows]), np.log([r["mean"] for r in rows]), 1)[0]),
            "pair_probability": float(probability),
            "false_negatives": [[b, float((b - 1) * probability)] for b in (256, 1024, 4096, 32768)],
        })
    return cases


def exact_two_sided(a, b):
    """In whole numbers."""
    n = a + b
    term = total = 1
    for i in range(min(a, b)):
        term = term * (n - i) // (i + 1)
        total += term
    return float(min(Fraction(1), Fraction(2 * total, 2**n)))


def mcnemar_cases():
    cases = []
    for a, b in [(0, 0), (0, 1), (1, 0), (3, 3), (2, 9), (9, 2), (10, 25), (100, 100), (120, 180), (400, 600), (7, 900),
                 (2000, 2100), (5000, 5600), (25000, 25000), (24000, 26000), (100, 1100)]:
        p = stats.binomtest(min(a, b), a + b, 0.5).pvalue if a + b else 1.0
        assert math.isclose(mcnemar([[0, a], [b, 0]], exact=True).pvalue, p, rel_tol=1e-9) or a + b == 0
        p_exact = exact_two_sided(a, b)
        # What scipy says to nine digits or so, to the last of them.
        assert math.isclose(p, p_exact, rel_tol=1e-9), (a, b, p, p_exact)
        cases.append({"a": a, "b": b, "p": p_exact})
    return cases


def holm(rng):
    cases = []
    for n in (1, 2, 5, 40):
        p = np.round(rng.random(n) ** 3, 3)
        cases.append({"p": p.tolist(), "corrected": multipletests(p, method="holm")[1].tolist()})
    return cases


def bootstrap(rng):
    """The difference of two ratios of sums, and how far its ends are off by chance with 2000 replicates."""
    cases = []
    for n in (12, 60, 900):
        first = np.stack([rng.integers(0, 2, n), rng.random(n).round(3)], axis=1)
        second = np.where(rng.random((n, 1)) < 0.6, first, np.stack([rng.integers(0, 2, n), rng.random(n).round(3)], axis=1))
        mean = lambda a, b, axis=-1: np.mean(b, axis=axis) - np.mean(a, axis=axis)
        of_one = lambda a, b, axis: np.sum(b, axis=axis) / (1 + np.sum(a, axis=axis))
        ratio = lambda a, b, c, d, axis=-1: of_one(c, d, axis) - of_one(a, b, axis)
        figures = []
        for data, figure in [((first[:, 0], second[:, 0]), mean), ((first[:, 0], first[:, 1], second[:, 0], second[:, 1]), ratio)]:
            ends = lambda resamples: stats.bootstrap(
                data, figure, paired=True, vectorized=True, method="percentile", n_resamples=resamples, rng=rng
            ).confidence_interval
            scatter = np.std([ends(2000) for _ in range(40)], axis=0)
            low, high = ends(50_000)
            figures.append({"difference": float(figure(*data)), "low": float(low), "high": float(high),
                            "scatter": scatter.tolist()})
        cases.append({"first": first.ravel().tolist(), "second": second.ravel().tolist(), "figures": figures})
    return cases


def main():
    rng = np.random.default_rng(10)
    fixture = {"kendall": kendall(rng), "growth": growth(rng), "mcnemar": mcnemar_cases(), "holm": holm(rng),
               "bootstrap": bootstrap(rng)}
    lines = ",\n".join(f'"{name}":{json.dumps(cases, separators=(",", ":"))}' for name, cases in fixture.items())
    OUT.write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
