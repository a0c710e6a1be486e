#!/usr/bin/env python3
"""An independent reference for metrics of METHOD 6: LCA-on-the-line, accuracy by class, hP@k and hmAP, consistency, and
calibration on each level.

Makes random trees and DAGs, with one or several roots and equivalences, and on each of them images with truths, a ranking
and scores of all nodes; measures them by brute force over the graph of distances.py; and writes
tests/fixtures/hierarchy_metrics.json, which tests/it/hierarchy_metrics.rs compares with.
Needs networkx and numpy:  python3 tests/parity/hierarchy_metrics.py
"""
import json
import math
import random
from itertools import accumulate
from pathlib import Path

import networkx as nx
import numpy as np

from distances import VIRTUAL, World, random_parents

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "hierarchy_metrics.json"


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else None


class Images:
    def __init__(self, world, images):
        self.world, self.images = world, images

    def strictly_above(self, n):
        return nx.ancestors(self.world.real, self.world.rep[n])

    def same(self, a, b):
        return self.world.rep[a] == self.world.rep[b]

    def lca_on_the_line(self):
        w = self.world
        shared = lambda p, t: 0 if (l := w.lca(w.rep[p], w.rep[t])) is None else w.information(l)
        errors = [i for i in self.images if i["ranking"][0] != i["truths"][0]]
        missed = lambda i, t: w.information(w.rep[t]) - shared(i["ranking"][0], t)
        return {"errors": len(errors), "mean": mean(min(missed(i, t) for t in i["truths"]) for i in errors)}

    def per_class(self):
        """Valid is what is at or above a truth: the names of these nodes are all different."""
        rows = []
        for label in sorted({i["truths"][0] for i in self.images}):
            of_label = [i for i in self.images if i["truths"][0] == label]
            valid = lambda i: any(self.world.rep[i["ranking"][0]] in self.world.anc(self.world.rep[t]) for t in i["truths"])
            rows.append([label, len(of_label), mean(float(i["ranking"][0] == label) for i in of_label),
                         mean(float(valid(i)) for i in of_label)])
        return {"rows": rows, "macro_exact": mean(r[2] for r in rows), "macro_valid": mean(r[3] for r in rows)}

    def ranking(self, candidates, k):
        w = self.world
        top = w.height(VIRTUAL) if len(w.roots) > 1 else max(w.height(r) for r in w.roots)
        similarity = lambda p, truths: max(1 - w.measure("height", p, t) / top for t in truths)
        k = min(k, len(candidates))
        curves, without_similar = [], 0
        for i in self.images:
            ideal = sorted((similarity(c, i["truths"]) for c in candidates), reverse=True)
            if ideal[0] == 0:
                without_similar += 1
                continue
            ranked = [similarity(c, i["truths"]) for c in i["ranking"]]
            curves.append([a / b for a, b in zip(accumulate(ranked[:k]), accumulate(ideal[:k]))])
        return {"n": len(curves), "without_similar": without_similar, "k": k, "hp_1": mean(c[0] for c in curves),
                "hp_k": mean(c[-1] for c in curves), "hmap_k": mean(map(mean, curves))}

    def consistency(self):
        w = self.world
        leaf = hca = pairs = agreeing = without = 0
        for i in self.images:
            score, answer = i["scores"], i["ranking"][0]
            right = any(self.same(answer, t) for t in i["truths"])
            path = nx.ancestors(w.joined, w.rep[answer])
            # One root needs no virtual one above it.
            choices = [min(w.joined.successors(a), key=lambda c: (-score[c], c)) for a in path]
            leaf += right
            hca += right and all(c in w.anc(w.rep[answer]) for c in choices)
            holding = [(a, d) for d in w.real for a in nx.ancestors(w.real, d) if score[d] >= 0.5]
            agree = sum(score[a] >= 0.5 for a, _ in holding)
            pairs, agreeing, without = pairs + len(holding), agreeing + agree, without + (agree == len(holding))
        n = len(self.images)
        return {"n": n, "leaf": leaf / n, "hca": hca / n, "pairs": pairs, "agreement": agreeing / pairs if pairs else None,
                "without_contradiction": without / n}

    def levels(self):
        w = self.world
        depth = {n: w.depth(n) for n in w.real}
        rows = []
        for level in range(max(depth.values()) + 1):
            answers = []
            for i in self.images:
                above = set().union(*(w.anc(w.rep[t]) for t in i["truths"]))
                best = min((n for n in w.real if depth[n] == level), key=lambda n: (-i["scores"][n], n))
                if any(depth[a] == level for a in above) and i["scores"][best] > 0:
                    answers.append((i["scores"][best], float(best in above)))
            rows.append({"depth": level, "n": len(answers), "accuracy": mean(a[1] for a in answers),
                         "confidence": mean(a[0] for a in answers), "ece": self.ece(answers)})
        return rows

    @staticmethod
    def ece(answers):
        if not answers:
            return None
        p, right = np.array(answers).T
        # Bins (0, 1/15], …: the edge belongs to the bin below it.
        bins = np.searchsorted(np.arange(1, 16) / 15, p, side="left")
        return float(sum((bins == b).mean() * abs(p[bins == b].mean() - right[bins == b].mean()) for b in set(bins)))


def main():
    rng = random.Random(9)
    worlds = []
    # (nodes, roots, most parents, how far back they are, pairs of equivalents)
    for n, roots, most, window, pairs in [(12, 1, 1, 4, 0), (13, 2, 1, 12, 0), (12, 1, 2, 6, 0), (14, 3, 3, 12, 0),
                                          (13, 1, 3, 4, 1), (14, 2, 2, 5, 2)]:
        while True:
            parents = random_parents(rng, n, roots, most, window)
            equivalent = [sorted(rng.sample(sorted(parents), 2)) for _ in range(pairs)]
            world = World(parents, equivalent)
            if world.is_sound():
                break
        ids = sorted(parents)
        candidates = sorted(rng.sample(ids, 7))
        images = []
        for _ in range(40):
            truths = rng.sample(ids, rng.choice([1, 1, 1, 2]))
            ranking = rng.sample(candidates, len(candidates))
            if rng.random() < 0.6 and truths[0] in candidates:
                ranking.sort(key=lambda c: c != truths[0])
            # Sixteenths, so that there are ties and no edge of a bin but 0 and 1; what is above the truth has more of them.
            above = set().union(*(world.anc(world.rep[t]) for t in truths))
            scores = {r: rng.choice([0, 1, 2, 4, 8]) / 16 + (r in above) * rng.choice([0, 3, 8, 8]) / 16 for r in world.real}
            images.append({"truths": truths, "ranking": ranking, "scores": scores})
        of = Images(world, images)
        worlds.append({
            "nodes": {id: {"parents": above} for id, above in parents.items()}, "equivalent": equivalent,
            "candidates": candidates, "images": images, "lca_on_the_line": of.lca_on_the_line(),
            "per_class": of.per_class(), "ranking": of.ranking(candidates, 5), "consistency": of.consistency(),
            "levels": of.levels(),
        })
    lines = ",\n".join(json.dumps(world, separators=(",", ":")) for world in worlds)
    OUT.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
