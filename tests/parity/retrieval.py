#!/usr/bin/env python3
"""An independent reference for retrieval (METHOD 4): R@K, R-Precision and mAP@R from image to label and back.

Makes random similarities with many ties, and positives; measures every query by the definitions, and again with ranx
and scikit-learn, which must agree; and writes tests/fixtures/retrieval.json, which tests/it/retrieval.rs compares with.
Needs numpy, ranx and scikit-learn:  python3 tests/parity/retrieval.py
"""
import json
from pathlib import Path

import numpy as np
from ranx import Qrels, Run, evaluate
from sklearn.metrics import average_precision_score

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "retrieval.json"
RECALL_AT = (1, 5, 10)
FIGURES = [f"recall_at_{k}" for k in RECALL_AT] + ["r_precision", "map_at_r"]


def ranking(scores, tie_order):
    """The gallery, best first."""
    return sorted(range(len(scores)), key=lambda g: (-scores[g], tie_order[g]))


def by_definition(order, positives):
    hits = [g in positives for g in order]
    r = len(positives)
    precision = lambda at: sum(hits[:at]) / at
    ap = sum(precision(rank + 1) for rank in range(r) if hits[rank]) / r
    return [float(any(hits[:k])) for k in RECALL_AT] + [precision(r), ap]


def by_ranx(order, positives):
    """Ranks instead of similarities, so that ties stay broken as they are."""
    qrels = Qrels({"q": {str(g): 1 for g in positives}})
    run = Run({"q": {str(g): float(len(order) - rank) for rank, g in enumerate(order)}})
    names = [f"hit_rate@{k}" for k in RECALL_AT] + ["r-precision", f"map@{len(positives)}"]
    found = evaluate(qrels, run, names)
    return [float(found[name]) for name in names]


def ap_by_sklearn(order, positives):
    """Of the best R alone: scikit-learn divides by the positives among them, AP@R by R."""
    r = len(positives)
    hits = [g in positives for g in order[:r]]
    return average_precision_score(hits, np.arange(r, 0, -1)) * sum(hits) / r if any(hits) else 0.0


def direction(scores, tie_order, positives):
    """The means, and how many queries have a positive and have none."""
    rows = []
    for row, of_query in zip(scores, positives):
        if not of_query:
            continue
        order = ranking(row, tie_order)
        figures = by_definition(order, of_query)
        assert np.allclose(figures, by_ranx(order, of_query), rtol=0, atol=1e-12), (figures, by_ranx(order, of_query))
        assert np.isclose(figures[-1], ap_by_sklearn(order, of_query), rtol=0, atol=1e-12)
        rows.append(figures)
    means = np.mean(rows, axis=0).round(12).tolist() if rows else [None] * len(FIGURES)
    return {"n": len(rows), "without_positive": len(positives) - len(rows)} | dict(zip(FIGURES, means))


def main():
    rng = np.random.default_rng(4)
    worlds = []
    # (images, candidates, distinct similarities, share of pairs that are positive)
    for n, candidates, values, share in [
        (40, 12, 5, 0.15), (30, 30, 1000, 0.1), (90, 7, 3, 0.4), (5, 60, 9, 0.03), (8, 8, 1, 0.3), (3, 4, 50, 0.0)
    ]:
        scores = rng.integers(0, values, (n, candidates)) - values // 2
        positive = rng.random((n, candidates)) < share
        # A valid pair is valid in both directions here; the figures do not ask for it, so some are in one alone.
        back = positive & (rng.random((n, candidates)) < 0.8)
        tie_order = rng.permutation(candidates).tolist()
        of = lambda rows: [np.flatnonzero(row).tolist() for row in rows]
        valid, images_of = of(positive), of(back.T)
        worlds.append({
            "scores": scores.tolist(), "tie_order": tie_order, "valid": valid, "images_of": images_of,
            "image_to_label": direction(scores.tolist(), tie_order, valid),
            "label_to_image": direction(scores.T.tolist(), list(range(n)), images_of),
        })
    lines = ",\n".join(json.dumps(world, separators=(",", ":")) for world in worlds)
    OUT.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
