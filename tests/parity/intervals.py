#!/usr/bin/env python3
"""An independent reference for the bootstrap intervals of METHOD 10.

Makes a DAG with several parents, equivalences and two roots, and images on it with scores, one label or two or none, and in
one of the two worlds re-annotated valid sets of most of them. What an image says by itself comes from the brute force of
verdicts.py and hierarchy_metrics.py; here it is weighted by how often the image is drawn. Writes
tests/fixtures/intervals.json, which tests/it/intervals.rs compares with: of each figure its value, both ends of its
interval, and how far each is off by chance with 2000 replicates.
Needs networkx and numpy:  python3 tests/parity/intervals.py
"""
import functools
import json
import random
import warnings
from pathlib import Path

import numpy as np

import distances
import hierarchy_metrics
import verdicts
from verdicts import VALID

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "intervals.json"
REPLICATES, BATCHES = 2000, 20
PARENTS = {
    "figure": [], "rectangle": ["figure"], "rhombus": ["figure"], "round": ["figure"],
    "square": ["rectangle", "rhombus"], "oblong": ["rectangle"], "lozenge": ["rhombus"], "diamond": ["rhombus"],
    "circle": ["round"], "disc": ["round"], "oval": ["round"],
    "letter": [], "vowel": ["letter"], "consonant": ["letter"], "a": ["vowel"], "o": ["vowel", "round"],
    "b": ["consonant"], "c": ["consonant"],
}
EQUIVALENT = [["diamond", "lozenge"]]
# A prime: no probability is on the edge of a bin, and no mass a half.
TOTAL = 1999


def retrieval(order, positives):
    """One, R@1, R@5, R@10, R-Precision, AP@R."""
    hits, r = [g in positives for g in order], len(positives)
    if not r:
        return [0.0] * 6
    ap = sum(sum(hits[: k + 1]) / (k + 1) for k in range(r) if hits[k]) / r
    return [1.0, *(float(any(hits[:k])) for k in (1, 5, 10)), sum(hits[:r]) / r, ap]


class World:
    def __init__(self, rng, n, reannotated):
        self.graph = verdicts.World(PARENTS, {x: [x] for x in PARENTS}, EQUIVALENT, [], [])
        for name in ("anc", "desc", "information", "relation", "lca", "depth"):
            setattr(self.graph, name, functools.cache(getattr(self.graph, name)))
        self.other = distances.World(PARENTS, EQUIVALENT)
        self.candidates = [x for x in PARENTS if x not in ("figure", "letter", "oval")]
        self.reannotated = reannotated
        self.images = [self.image(rng) for _ in range(n)]
        self.rows = [image for image in self.images if image["truths"]]
        self.each = self.columns()

    def image(self, rng):
        leaves = sorted(x for x in PARENTS if self.graph.rep[x] in self.graph.leaves)
        # Some classes have more images than others.
        truths = [leaves[int(len(leaves) * rng.random() ** 1.5)]]
        if rng.random() < 0.2:
            truths = [rng.choice(sorted(self.graph.up[self.graph.rep[truths[0]]]))]
        if rng.random() < 0.2:
            truths.append(rng.choice([c for c in self.candidates if c != truths[0]]))
        valid = None
        if self.reannotated and rng.random() < 0.85:
            valid = rng.choice([[], [truths[0]], [truths[0], rng.choice(self.candidates)], [rng.choice(self.candidates)]])
        near = {"same": 30, "equivalent": 20, "ancestor": 8, "sibling": 8, "related": 3}
        while True:
            weights = np.array([rng.random() ** 3 * near.get(self.graph.relation(c, truths[0]), 1) for c in self.candidates])
            scores = np.round(weights / weights.sum() * TOTAL).astype(int)
            scores[scores.argmax()] += TOTAL - scores.sum()
            if len(set(scores)) == len(scores) and scores.min() > 0:
                break
        ranking = [self.candidates[c] for c in np.argsort(-scores)]
        return {"truths": [] if rng.random() < 0.05 else truths, "valid": valid, "scores": scores.tolist(), "best": ranking,
                "ranking": ranking}

    def verdict(self, p, row):
        truth_set = {self.graph.rep[x] for x in [*row["truths"][1:], *(row["valid"] or [])]}
        verdict, relation, truth = self.graph.judge(p, row["truths"])
        if verdict not in ("exact", "synonym") and self.graph.rep[p] in truth_set:
            verdict = "also_valid"
        return verdict, relation, truth

    def columns(self):
        """What each labelled image says by itself, an array a name."""
        found = [self.of_image(row) for row in self.rows]
        return {name: np.array([of[name] for of in found], float) for name in found[0]}

    def of_image(self, row):
        g, best = self.graph, row["best"]
        p = np.array(row["scores"]) / TOTAL
        of = dict(zip(self.candidates, p))
        verdict, _, truth = self.verdict(best[0], row)
        exact, judged = float(best[0] == row["truths"][0]), float(row["valid"] is not None or not self.reannotated)
        row |= {"verdict": verdict, "truth": truth, "probability": of[best[0]]}
        row["scores_of"] = {r: sum(of[c] for c in self.candidates if g.rep[c] in g.desc(r)) for r in g.up}
        answer, truths = g.anc(best[0]), set().union(*map(g.anc, row["truths"]))
        with warnings.catch_warnings():
            # The mean severity of no mistake.
            warnings.simplefilter("ignore", RuntimeWarning)
            metrics = verdicts.metrics(g, [row])
        alone = hierarchy_metrics.Images(self.other, [{**row, "scores": row["scores_of"]}])
        ranking, consistency = alone.ranking(self.candidates, 5), alone.consistency()
        valid = [c for c in self.candidates if self.verdict(c, row)[0] in VALID]
        truth_mass, valid_mass = of.get(row["truths"][0]), sum(of[c] for c in valid)
        has_dilution = judged and truth_mass is not None and valid_mass > 0
        in_set = float(g.rep[best[0]] in {g.rep[v] for v in row["valid"] or []})
        right = float(in_set or verdict in ("exact", "synonym"))
        has_set = float(row["valid"] is not None)
        columns = {
            "exact": exact, "in_5": float(row["truths"][0] in best[:5]), "judged": judged, "judged_exact": judged * exact,
            "valid": judged * (verdict in VALID), "k": judged * len(valid), "one_in_k": judged / len(valid) if valid else 0.0,
            "credit": judged * g.credit("logical", best[0], row["truths"], verdict),
            "mass": judged * valid_mass, "dilution_k": len(valid) if has_dilution else 0,
            "dilution": truth_mass / valid_mass if has_dilution else 0.0,
            "answer": len(answer), "truths": len(truths), "both": len(answer & truths), "p": of[best[0]],
            "class": sorted(PARENTS).index(row["truths"][0]), "real_n": bool(row["valid"]), "real": bool(row["valid"]) * in_set,
            "set": has_set, "right": has_set * right, "mla_class": sorted(PARENTS).index(g.rep[row["truths"][0]]),
        }
        columns |= {f"hier_{i}": value for i, value in enumerate(metrics["hierarchical"])}
        for family in ("information", "depth"):
            columns |= {f"{family}_{i}": value for i, value in enumerate(metrics[family])}
        for family in ("severity_height", "severity_bertinetto"):
            columns |= {f"{family}_{i}": value for i, value in enumerate(metrics[family])}
        lca = alone.lca_on_the_line()["mean"]
        columns |= {"lca": 0.0 if lca is None else lca, "ranked": ranking["n"]}
        columns |= {name: ranking[name] or 0.0 for name in ("hp_1", "hp_k", "hmap_k")}
        columns |= {"leaf": consistency["leaf"], "hca": consistency["hca"], "pairs": consistency["pairs"],
                    "agreeing": (consistency["agreement"] or 0.0) * consistency["pairs"],
                    "without": consistency["without_contradiction"]}
        positives = set(valid) if judged else set()
        columns |= {f"query_{i}": value for i, value in enumerate(retrieval(best, positives))}
        return columns

    def figures(self, w):
        """Of images drawn so often: w is replicates × images."""
        c = {name: w @ column for name, column in self.each.items() if not name.startswith("severity") or not name.endswith("_0")}
        n = w.sum(axis=1)
        f1 = lambda p, r: 2 * p * r / np.where(p + r > 0, p + r, 1)
        ratio = lambda a, b: np.divide(a, b, out=np.full(len(a), np.nan), where=b > 0)
        ceiling = ratio(c["one_in_k"], c["judged"])
        found = {
            "top1": c["exact"] / n, "top5.accuracy": c["in_5"] / n,
            "strict_credit": ratio(c["judged_exact"], c["judged"]), "credit": ratio(c["credit"], c["judged"]),
            "valid_set.mean_k": ratio(c["k"], c["judged"]), "valid_set.ceiling": ceiling,
            "valid_set.top1_over_ceiling": ratio(c["judged_exact"], c["judged"]) / ceiling,
            "dilution.semantic_mass": ratio(c["mass"], c["judged"]), "dilution.slope": self.slope(w),
            "metrics.lca_on_the_line.mean": ratio(c["lca"], n - c["exact"]),
            "metrics.consistency.leaf": c["leaf"] / n, "metrics.consistency.hca": c["hca"] / n,
            "metrics.consistency.agreement": ratio(c["agreeing"], c["pairs"]),
            "metrics.consistency.without_contradiction": c["without"] / n,
        }
        for name in ("hp_1", "hp_k", "hmap_k"):
            found[f"metrics.hierarchical_ranking.{name}"] = ratio(c[name], c["ranked"])
        micro = c["both"] / c["answer"], c["both"] / c["truths"]
        of_micro = dict(zip(("precision", "recall", "f1"), (*micro, f1(*micro))))
        of_macro = {name: c[f"hier_{i}"] / n for name, i in (("precision", 3), ("recall", 4), ("f1", 5))}
        found |= {f"metrics.hierarchical.micro.{name}": value for name, value in of_micro.items()}
        found |= {f"metrics.hierarchical.macro.{name}": value for name, value in of_macro.items()}
        for family in ("information", "depth"):
            p, r = c[f"{family}_0"] / n, c[f"{family}_1"] / n
            found |= {f"metrics.{family}.scores.{name}": v for name, v in (("precision", p), ("recall", r), ("f1", f1(p, r)))}
            for i, name in enumerate(("correct", "excess", "deficient", "truncated")):
                found[f"metrics.{family}.{name}"] = c[f"{family}_{i + 3}"] / n
        for family in ("severity_height", "severity_bertinetto"):
            wrong = self.each["exact"] == 0
            found[f"metrics.{family}.mistake_severity"] = ratio(w[:, wrong] @ self.each[f"{family}_0"][wrong], n - c["exact"])
            for i, name in enumerate(("hdist_1", "hdist_k", "hdist_top_k")):
                found[f"metrics.{family}.{name}"] = c[f"{family}_{i + 1}"] / n
        for name, comes_true, counts in (("exact", "exact", np.ones(len(self.rows))), ("valid", "valid", self.each["judged"])):
            for figure, value in self.calibration(w * counts, self.each[comes_true]).items():
                found[f"metrics.calibration_{name}.{figure}"] = value
        for name, column in (("exact", "judged_exact"), ("valid", "valid")):
            found[f"metrics.per_class.macro_{name}"] = self.balanced(w, "class", "judged", column)
        if self.reannotated:
            found |= {"reassessed.real": ratio(c["real"], c["real_n"]), "reassessed.mla_plain": ratio(c["right"], c["set"]),
                      "reassessed.mla": self.balanced(w, "mla_class", "set", "right")}
        for i, name in enumerate(("recall_at_1", "recall_at_5", "recall_at_10", "r_precision", "map_at_r")):
            found[f"retrieval.image_to_label.{name}"] = ratio(c[f"query_{i + 1}"], c["query_0"])
        return found

    def balanced(self, w, classes, counted, right):
        shares = []
        for label in np.unique(self.each[classes]):
            of_label = self.each[classes] == label
            n = w[:, of_label] @ self.each[counted][of_label]
            with np.errstate(all="ignore"):
                shares.append(w[:, of_label] @ self.each[right][of_label] / n)
        return np.nanmean(shares, axis=0)

    def calibration(self, w, comes_true):
        p, n = self.each["p"], w.sum(axis=1)
        bins = np.searchsorted(np.arange(1, 16) / 15, p, side="left")
        gaps, widths = [], []
        for b in set(bins):
            size = w[:, bins == b].sum(axis=1)
            gap = np.abs(w[:, bins == b] @ (p - comes_true)[bins == b])
            gaps.append(gap)
            widths.append(np.where(size > 0, gap / np.maximum(size, 1), 0))
        return {"ece": sum(gaps) / n, "mce": np.max(widths, axis=0), "brier": w @ (p - comes_true) ** 2 / n}

    def slope(self, w):
        """Least squares over K, each row weighted by its images."""
        ks = sorted(set(self.each["dilution_k"]) - {0})
        n = np.array([w[:, self.each["dilution_k"] == k].sum(axis=1) for k in ks])
        sums = np.array([w[:, self.each["dilution_k"] == k] @ self.each["dilution"][self.each["dilution_k"] == k] for k in ks])
        with np.errstate(all="ignore"):
            y = np.where(n > 0, np.log(sums / n), 0.0)
        x = np.log(ks)[:, None]
        dx, dy = x - (n * x).sum(axis=0) / n.sum(axis=0), y - (n * y).sum(axis=0) / n.sum(axis=0)
        return (n * dx * dy).sum(axis=0) / (n * dx * dx).sum(axis=0)

    def label_queries(self):
        """What each candidate finds among all images, those that have something to find."""
        found = []
        for c, label in enumerate(self.candidates):
            order = sorted(range(len(self.images)), key=lambda i: (-self.images[i]["scores"][c], i))
            below = lambda image: any(self.graph.rep[t] in self.graph.desc(label) for t in image["truths"])
            found.append(retrieval(order, {i for i, image in enumerate(self.images) if below(image)}))
        return np.array([row for row in found if row[0]])


def check(world):
    """That all images, once each, have the figures of verdicts.py and hierarchy_metrics.py."""
    found = {path: value[0] for path, value in world.figures(np.ones((1, len(world.rows)))).items()}
    metrics = verdicts.metrics(world.graph, world.rows)
    close = lambda paths, expected: np.testing.assert_allclose([found[p] for p in paths], expected, rtol=1e-9, atol=1e-12)
    close([f"metrics.hierarchical.{m}.{x}" for m in ("micro", "macro") for x in ("precision", "recall", "f1")],
          metrics["hierarchical"])
    for family in ("severity_height", "severity_bertinetto"):
        close([f"metrics.{family}.{x}" for x in ("mistake_severity", "hdist_1", "hdist_k", "hdist_top_k")], metrics[family])
    for family in ("information", "depth"):
        close([*(f"metrics.{family}.scores.{x}" for x in ("precision", "recall", "f1")),
               *(f"metrics.{family}.{x}" for x in ("correct", "excess", "deficient", "truncated"))], metrics[family])
    ece, _, mce, brier = metrics["calibration_exact"]
    close([f"metrics.calibration_exact.{x}" for x in ("ece", "mce", "brier")], [ece, mce, brier])
    if not world.reannotated:
        rows = [{"truth_mass": d or None, "valid_mass": 1, "k": int(k)}
                for d, k in zip(world.each["dilution"], world.each["dilution_k"])]
        close(["dilution.slope"], [verdicts.dilution(rows)["slope"]])


def with_ends(values, drawn):
    """By path the value, the ends of its interval, and the standard deviations of these with 2000 replicates."""
    found = {}
    for path, value in values.items():
        all_of = drawn[path]
        ends = np.nanquantile(all_of, [0.025, 0.975])
        batches = np.nanquantile(all_of.reshape(BATCHES, REPLICATES), [0.025, 0.975], axis=1)
        # Of a figure of few values the ends may not move at all: at least what a normal distribution's would.
        scatter = np.maximum(batches.std(axis=1), 0.06 * np.nanstd(all_of))
        found[path] = np.round([value[0], *ends, *scatter], 12).tolist()
    return found


def main():
    rng, draws = random.Random(10), np.random.default_rng(10)
    worlds = []
    for n, reannotated in [(170, False), (300, True)]:
        world = World(rng, n, reannotated)
        check(world)
        size = len(world.rows)
        w = draws.multinomial(size, np.full(size, 1 / size), REPLICATES * BATCHES).astype(float)
        figures = with_ends(world.figures(np.ones((1, size))), world.figures(w))
        queries = world.label_queries()
        assert len(queries) >= 10
        w = draws.multinomial(len(queries), np.full(len(queries), 1 / len(queries)), REPLICATES * BATCHES) / len(queries)
        of_labels = lambda w: {f"retrieval.label_to_image.{name}": w @ queries[:, i + 1] for i, name in enumerate(
            ("recall_at_1", "recall_at_5", "recall_at_10", "r_precision", "map_at_r"))}
        figures |= with_ends(of_labels(np.full((1, len(queries)), 1 / len(queries))), of_labels(w))
        worlds.append({
            "nodes": {id: {"parents": above} for id, above in PARENTS.items()}, "equivalent": EQUIVALENT,
            "candidates": world.candidates, "reannotated": reannotated,
            "images": [{name: image[name] for name in ("truths", "valid", "scores")} for image in world.images],
            "figures": figures,
        })
    lines = ",\n".join(json.dumps(world, separators=(",", ":")) for world in worlds)
    OUT.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
