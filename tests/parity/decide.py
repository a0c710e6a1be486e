#!/usr/bin/env python3
"""An independent reference for the decision rules of METHOD 7 and the operating curve of METHOD 6, by brute force.

Makes random DAGs with one or several roots and equivalences, and classifications with ranks; gives images probabilities that
are multiples of 1/1024, so that every sum is exact and ties are ties; answers them by every rule from its definition; and
writes tests/fixtures/decide.json, which tests/it/decide.rs compares with.
Needs numpy, scipy, networkx:  python3 tests/parity/decide.py
"""
import json
import math
import random
from functools import cache
from pathlib import Path

import networkx as nx
import numpy as np
from scipy.stats import beta

from distances import World as Graph
from distances import random_parents

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "decide.json"
PARTS = 1024
# Closer λ than this, and a comparison of bits may go either way in f64.
CLOSE = 1e-6


class World(Graph):
    """Candidates over a graph; a class goes by its least id."""

    def __init__(self, parents, equivalent, candidates, ranks=None, names=None):
        super().__init__(parents, equivalent)
        self.ids = sorted(parents)
        self.candidates = candidates
        self.ranks, self.names = ranks or {}, names or {}
        self.answerable = sorted({a for c in candidates for a in self.anc(self.rep[c])})
        self.below = {n: nx.descendants(self.real, n) | {n} for n in self.real}
        for known in ("anc", "depth", "information", "lca", "measure"):
            setattr(self, known, cache(getattr(self, known)))
        self.heights = {n: len((nx.descendants(self.real, n) | {n}) & self.leaves) for n in self.real}

    def members(self, n):
        return [c for c in self.candidates if self.rep[c] == n]

    def mass(self, p, n):
        return sum(p[c] for c in self.candidates if self.rep[c] in self.below[n])

    def own(self, p, n):
        return sum(p[c] for c in self.members(n))

    def node(self, p, n):
        """How class n is answered."""
        return min(self.members(n), key=lambda c: (-p[c], c), default=n)

    def answer(self, p, n):
        return None if n is None else [self.node(p, n), self.mass(p, n)]

    def is_right(self, n, truth):
        return n in self.anc(self.rep[truth])

    # The rules.

    def argmax(self, p):
        best = min(self.candidates, key=lambda c: (-p[c], c))
        return [best, p[best]]

    def leaf(self, p):
        best = min((c for c in self.candidates if self.rep[c] in self.leaves), key=lambda c: (-p[c], c), default=None)
        return None if best is None else [best, p[best]]

    def threshold(self, p, enough):
        sure = [n for n in self.answerable if enough(self.mass(p, n))]
        # Fewest leaves is most information.
        key = lambda n: (self.heights[n], -self.mass(p, n), -self.depth(n), n)
        return min(sure, key=key, default=None)

    def rollup(self, p, tau):
        lowest = [n for n in self.answerable if not nx.descendants(self.real, n) & set(self.answerable)]
        start = min(lowest, key=lambda n: (-self.mass(p, n), n))
        steps = lambda n: nx.shortest_path_length(self.real, n, start)
        sure = [n for n in self.anc(start) if self.mass(p, n) >= tau]
        return min(sure, key=lambda n: (steps(n), -self.mass(p, n), n), default=None)

    def crm(self, p, measure):
        """`close` where some costs differ from the least by no more than rounding, but do."""
        costs = {a: sum(p[c] * self.measure(measure, a, c) for c in self.candidates) for a in self.candidates}
        least = min(costs.values())
        if any(0 < cost - least < 1e-9 for cost in costs.values()):
            return "close"
        return min(self.rep[a] for a in costs if costs[a] == least)

    def top_down(self, p, beam):
        """Ways are tuples of classes; one that has stopped ends in None."""
        merit = lambda way: self.own(p, way[-2]) if way[-1] is None else self.mass(p, way[-1])
        last = lambda way: way[-2] if way[-1] is None else way[-1]
        ways = [(n,) for n in self.roots if n in self.answerable]
        while True:
            once = {(last(way), way[-1] is None): way for way in ways}
            order = lambda way: (-merit(way), way[-1] is None, last(way))
            ways = sorted(once.values(), key=order)[:beam]
            if all(way[-1] is None for way in ways):
                return last(ways[0])
            longer = []
            for way in ways:
                if way[-1] is None:
                    longer.append(way)
                    continue
                longer += [way + (c,) for c in self.real.successors(way[-1]) if c in self.answerable]
                longer += [way + (None,)] * bool(self.members(way[-1]))
            ways = longer

    # Rules of others.

    def at_rank(self, n, rank):
        has = lambda a: any(self.ranks.get(m) == rank for m in self.rep if self.rep[m] == a)
        return next((a for a in self.anc(self.rep[n]) if has(a)), None)

    def speciesnet(self, p, ensemble=False):
        top = sorted(self.candidates, key=lambda c: (-p[c], c))[:5]
        if ensemble and p[top[0]] > 0.8:
            return [top[0], p[top[0]]]
        for rank in ["genus", "family", "order", "class", "kingdom"]:
            sums = {}
            for c in top:
                at = self.at_rank(c, rank)
                if at is not None:
                    sums[at] = sums.get(at, 0) + p[c]
            best = max(sums, key=sums.get, default=None)
            if best is not None and sums[best] > 0.65:
                return [self.node(p, best), sums[best]]
        return None

    def inaturalist(self, p, server=False):
        level = {"species": 10, "genus": 20, "subtribe": 24, "tribe": 25, "subfamily": 27, "family": 30, "superfamily": 33,
                 "order": 40, "class": 50, "phylum": 60, "kingdom": 70}
        if server:
            level = {rank: at for rank, at in level.items() if 20 <= at <= 33}
        best = max(p.values())
        kept = sorted((c for c in self.candidates if p[c] > 0.01 * best), key=lambda c: (-p[c], c))[:15]
        total = sum(p[c] for c in kept)
        found = []
        for n in self.answerable:
            levels = [level[self.ranks[m]] for m in self.rep if self.rep[m] == n and self.ranks.get(m) in level]
            score = sum(p[c] for c in kept if n in self.anc(self.rep[c])) / total
            if levels and score > 0.78:
                found.append((min(levels), -score, n))
        return None if not found else [self.node(p, min(found)[2]), -min(found)[1]]

    def pybioclip(self, p, rank):
        ranks = ["kingdom", "phylum", "class", "order", "family", "genus", "species"]
        if rank == "species":
            return self.argmax(p)
        groups = {}
        for c in self.candidates:
            path = [self.at_rank(c, r) for r in ranks[:ranks.index(rank) + 1]]
            key = tuple(self.names.get(a, "") for a in path)
            group = groups.setdefault(key, {"sum": 0, "at": set()})
            group["sum"] += p[c] if p[c] > 1e-9 else 0
            group["at"] |= {path[-1]} - {None}
        best = min(groups.values(), key=lambda g: (-g["sum"], not g["at"], min(g["at"], default="")))
        return [self.node(p, min(best["at"])), best["sum"]] if best["at"] else None

    # DARTS.

    def crossings(self, p):
        """Every λ at which two classes are equally good: the value m·(r + λ) of each is a straight line in λ."""
        m = np.array([self.mass(p, n) for n in self.answerable])
        start = m * [self.information(n) for n in self.answerable]
        i, j = np.nonzero(m[:, None] != m)
        at = (start[j] - start[i]) / (m[i] - m[j])
        return set(at[at > 0])

    # Subclasses.

    def subclasses(self):
        """Class of subclass → the candidates whose subclass it is."""
        out = {}
        for c in self.candidates:
            for s in list(self.real.successors(self.rep[c])) or [self.rep[c]]:
                out.setdefault(s, set()).add(c)
        return out

    def chils(self, p_sup, p_sub):
        sub = self.subclasses()
        return {c: max((p_sub[s] / len(sub[s]) * p_sup[c] for s in sub if c in sub[s]), default=0)
                for c in self.candidates}

    # The operating curve.

    def worth(self, n, truth, value):
        t = self.rep[truth]
        if n is None:
            return [1.0, 0.0, 1.0 if value(t) == 0 else 0.0, 1.0, 0.0]
        exact, below = n == t, n != t and t in self.anc(n)
        said = t if below else n
        common = self.lca(said, t)
        common = 0.0 if common is None else value(common)
        share = lambda whole: 1.0 if whole == 0 else common / whole
        return [float(below or self.is_right(n, truth)), float(exact), share(value(t)), share(value(said)), value(said)]

    def curve(self, images, value):
        thresholds = sorted({self.mass(p, n) for p, _ in images for n in self.answerable} - {0}, reverse=True)
        at = lambda p, tau: self.threshold(p, lambda mass: mass >= tau)
        mean = lambda tau: np.mean([self.worth(at(p, tau), truth, value) for p, truth in images], axis=0)
        answered = lambda tau: any(at(p, tau) is not None and self.mass(p, at(p, tau)) == tau for p, _ in images)
        points = [[None, *mean(math.inf)]] + [[tau, *mean(tau)] for tau in thresholds if answered(tau)]
        correct, _, recall, precision, _ = np.array([point[1:] for point in points]).T
        at_least = lambda share: max(recall[correct >= share - 1e-12], default=0.0)
        return {"points": points, "ap": np.trapezoid(precision, recall), "ac": np.trapezoid(correct, recall),
                "at_90": at_least(0.90), "at_95": at_least(0.95)}


def random_probabilities(rng, candidates, sharpness):
    """Multiples of 1/1024 that add up to 1; equal ones are common."""
    weights = [rng.choice([0, 1, 1, 2, 4, 8]) ** sharpness for _ in candidates]
    weights[rng.randrange(len(weights))] += 1
    parts = [w * PARTS // sum(weights) for w in weights]
    parts[rng.randrange(len(parts))] += PARTS - sum(parts)
    return parts


def darts(world, images, wrong):
    """Where the bound begins to hold as λ grows; how many are right there; a λ after it, and the answers at it."""
    classes = world.answerable
    masses = np.array([[world.mass(p, n) for n in classes] for p, _ in images])
    rewards = np.array([world.information(n) for n in classes])
    is_right = np.array([[world.is_right(n, truth) for n in classes] for _, truth in images])
    best = lambda lam: np.argmax(masses * (rewards + lam), axis=1)
    cuts = sorted({0.0} | set().union(*(world.crossings(p) for p, _ in images)))
    cuts.append(2 * cuts[-1] + 1)
    everyone = np.arange(len(images))
    right = [int(is_right[everyone, best((low + high) / 2)].sum()) for low, high in zip(cuts, cuts[1:])]
    n = len(images)
    bound = lambda k: float(beta.ppf(0.05, k, n - k + 1)) if k else 0.0
    holds = [bound(k) > 1 - wrong for k in right]
    if not holds[-1]:
        return {"wrong": wrong, "unreachable": [right[-1], bound(right[-1])]}
    starts = []
    for i, (k, good) in enumerate(zip(right, holds)):
        # Rounding makes of one crossing several, with nothing between them.
        if good and (i == 0 or not holds[i - 1]) and cuts[i + 1] - cuts[i] > 4 * CLOSE:
            answers = [world.answer(p, classes[b]) for (p, _), b in zip(images, best(cuts[i] + 2 * CLOSE))]
            starts.append({"lambda": cuts[i], "right": k, "bound": bound(k), "answers": answers})
    return {"wrong": wrong, "starts": starts}


def facts(rng, world, equivalent, parents, count, rules, extra):
    images = []
    for _ in range(count):
        parts = random_probabilities(rng, world.candidates, rng.choice([1, 2] if extra else [1, 3, 4]))
        p = {c: part / PARTS for c, part in zip(world.candidates, parts)}
        # Mostly something near the answer.
        near = world.node(p, world.top_down(p, 1))
        truth = rng.choice([near, near, near, rng.choice(world.candidates), rng.choice(world.ids)])
        images.append((parts, p, truth))
    fixture = {
        "nodes": {n: {"parents": parents[n], **({"rank": world.ranks[n]} if n in world.ranks else {}),
                      **({"names": [world.names[n]]} if n in world.names else {})}
                  for n in rng.sample(world.ids, len(world.ids))},
        "equivalent": equivalent, "candidates": world.candidates,
        "images": [{"p": parts, "truth": truth} for parts, _, truth in images],
        "rules": {name: [rule(world, p) for _, p, _ in images] for name, rule in rules.items()},
    }
    if extra:
        # Labels that have no information ask nothing of an answer: left to the tests by hand.
        judged = [(p, truth) for _, p, truth in images]
        fixture["curve"] = {"information": world.curve(judged, world.information),
                            "depth": world.curve(judged, lambda n: world.depth(n) + 1.0)}
        fixture["darts"] = [darts(world, judged, wrong) for wrong in (0.1, 0.3, 0.6)]
        sub = world.subclasses()
        ids = sorted(sub)
        fixture["subclasses"] = {s: sorted(sub[s]) for s in ids}
        fixture["chils"] = []
        for _, p, _ in images[:8]:
            parts = random_probabilities(rng, ids, 1)
            scores = world.chils(p, {s: part / PARTS for s, part in zip(ids, parts)})
            best = min(scores, key=lambda c: (-scores[c], c))
            fixture["chils"].append({"p_sub": dict(zip(ids, parts)), "scores": [scores[c] for c in world.candidates],
                                     "best": best})
    return fixture


def classed(rule):
    return lambda world, p: world.answer(p, rule(world, p))


def crm(measure):
    def rule(world, p):
        least = world.crm(p, measure)
        return least if least == "close" else world.answer(p, least)
    return rule


RULES = {
    "argmax": World.argmax,
    "leaf": World.leaf,
    "majority": classed(lambda w, p: w.threshold(p, lambda mass: mass > 0.5)),
    "threshold:0.5": classed(lambda w, p: w.threshold(p, lambda mass: mass >= 0.5)),
    "threshold:0.25": classed(lambda w, p: w.threshold(p, lambda mass: mass >= 0.25)),
    "threshold:0.9": classed(lambda w, p: w.threshold(p, lambda mass: mass >= 0.9)),
    "rollup:0.3": classed(lambda w, p: w.rollup(p, 0.3)),
    "rollup:0.75": classed(lambda w, p: w.rollup(p, 0.75)),
    "crm:height": crm("height"),
    "crm:bertinetto": crm("bertinetto"),
    "crm:path": crm("path"),
    "crm:jiang-conrath": crm("jiang-conrath"),
    "top-down": classed(lambda w, p: w.top_down(p, 1)),
    "top-down:beam=2": classed(lambda w, p: w.top_down(p, 2)),
    "top-down:beam=5": classed(lambda w, p: w.top_down(p, 5)),
}
PRESETS = {
    "speciesnet": World.speciesnet,
    "speciesnet:ensemble": lambda world, p: world.speciesnet(p, True),
    "inaturalist": World.inaturalist,
    "inaturalist:server": lambda world, p: world.inaturalist(p, True),
    **{f"pybioclip:{rank}": (lambda rank: lambda w, p: w.pybioclip(p, rank))(rank)
       for rank in ["kingdom", "class", "order", "family", "genus", "species"]},
}


def graph_world(rng, n, roots, most, window, pairs, count):
    while True:
        parents = random_parents(rng, n, roots, most, window)
        equivalent = [sorted(rng.sample(sorted(parents), 2)) for _ in range(pairs)]
        candidates = rng.sample(sorted(parents), count or n)
        world = World(parents, equivalent, candidates)
        if not world.is_sound():
            continue
        if not count:
            world = World(parents, equivalent, rng.sample([i for i in world.ids if world.rep[i] in world.leaves],
                                                          len([i for i in world.ids if world.rep[i] in world.leaves])))
        return world, parents, equivalent


def classification(rng, species):
    """A tree of ranks, some of which a branch leaves out; names come again, also of genera; a few candidates above species."""
    levels = ["kingdom", "class", "order", "superfamily", "family", "tribe", "genus", "species"]
    parents, ranks, names, above = {"k": []}, {"k": "kingdom"}, {"k": "Animalia"}, {"kingdom": ["k"]}
    for i, rank in enumerate(levels[1:], 1):
        above[rank] = []
        for j in range(species if rank == "species" else min(species // 2, 1 + i)):
            n = f"{rng.choice('abcdefgh')}{rank[:3]}{j}"
            # Mostly of the level above, at times of the one above that.
            upper = next(above[r] for r in reversed(levels[:max(1, i - rng.choice([0, 0, 0, 1]))]) if above[r])
            parents[n] = [rng.choice(upper)]
            ranks[n], names[n] = rank, f"{rank.title()} {rng.randrange(4)}"
            above[rank].append(n)
    # A rank written as nobody looks for it, and a class under two ids.
    lone = rng.choice(above["species"])
    parents["zz"], names["zz"] = parents[lone], "Other"
    candidates = rng.sample(above["species"], len(above["species"])) + rng.sample(above["family"] + above["genus"], 2)
    return World(parents, [["zz", lone]], candidates + ["zz"], ranks, names), parents, [["zz", lone]]


def rounded(value):
    if isinstance(value, float):
        return round(float(value), 12)
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, (list, tuple)) else value


def main():
    rng = random.Random(20221128)
    # (nodes, roots, most parents, how far back they are, pairs of equivalents, candidates or 0 for the leaves)
    plans = [(20, 1, 1, 9, 0, 0), (22, 1, 3, 14, 0, 0), (22, 2, 2, 14, 1, 0), (18, 1, 2, 7, 1, 11), (18, 3, 3, 8, 2, 14),
             (14, 1, 3, 5, 0, 14)]
    worlds = []
    for plan in plans:
        world, parents, equivalent = graph_world(rng, *plan)
        worlds.append(facts(rng, world, equivalent, parents, 24, RULES, True))
    for species in (14, 24):
        world, parents, equivalent = classification(rng, species)
        worlds.append(facts(rng, world, equivalent, parents, 40, {**RULES, **PRESETS}, False))
    lines = ",\n".join(json.dumps(rounded(world), separators=(",", ":")) for world in worlds)
    OUT.write_text(f"[\n{lines}\n]\n")
    for world in worlds:
        answered = {name: sum(a is not None for a in answers) for name, answers in world["rules"].items()}
        close = sum(a == "close" for answers in world["rules"].values() for a in answers)
        print(len(world["candidates"]), answered, "close", close)
        for found in world.get("darts", []):
            starts = [(s["lambda"], s["right"]) for s in found.get("starts", [])]
            print("   darts", found["wrong"], found.get("unreachable"), starts)
    print(f"{OUT.name}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
