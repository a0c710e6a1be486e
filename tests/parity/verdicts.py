#!/usr/bin/env python3
"""An independent reference for what a run says: METHOD 2–6, 8 and 10 by brute force on sets.

Makes random DAGs with several parents and one or several roots, equivalences, overlaps, disjointness, shared names and
text prototypes that nearly coincide; answers random images on them by similarity, with deliberate ties; judges the
answers, follows the probability and looks for annotations that it contradicts; sums up; and writes
tests/fixtures/verdicts.json, which tests/it/verdicts.rs compares with.
Needs numpy:  python3 tests/parity/verdicts.py
"""
import json
import math
import random
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "verdicts.json"
CONFIRMED = ["synonym", "also_valid", "generalised"]
POSSIBLE = ["specialised", "overlap", "name_collision"]
MISTAKES = ["near", "related", "unrelated"]
VERDICTS = ["exact", *CONFIRMED, *POSSIBLE, *MISTAKES]
VALID = {"exact", *CONFIRMED}
ORDER = ["same", "equivalent", "ancestor", "descendant", "overlapping", "sibling", "related", "unrelated"]
# Below such a difference the f32 similarities of the program may decide otherwise.
CLOSE_CALL = 1e-4
REPLICATES = 2000
POLICIES = ["strict", "logical", "hf1", "wu-palmer", "lin", "depth"]


def normalised(name):
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


class World:
    """A DAG whose nodes are classes of equivalent ids; every closure is a set made by naive recursion."""

    def __init__(self, parents, names, equivalent, overlaps, disjoint):
        self.names = {n: [normalised(name) for name in known] for n, known in names.items()}
        rep = {n: n for n in parents}
        for pair in equivalent:
            members = {n for n in parents if rep[n] in {rep[m] for m in pair}}
            for m in members:
                rep[m] = min(rep[x] for x in members)
        self.rep = rep
        self.up = {r: set() for r in rep.values()}
        for n, ps in parents.items():
            self.up[rep[n]] |= {rep[p] for p in ps}
        self.down = {r: {c for c in self.up if r in self.up[c]} for r in self.up}
        self.overlaps, self.disjoint = overlaps, disjoint
        self.leaves = {r for r in self.up if not self.down[r]}

    def closure(self, n, edges):
        seen, todo = set(), [self.rep[n]]
        while todo:
            x = todo.pop()
            if x not in seen:
                seen.add(x)
                todo += edges[x]
        return seen

    def anc(self, n):
        return self.closure(n, self.up)

    def desc(self, n):
        return self.closure(n, self.down)

    def information(self, n):
        return -math.log2(len(self.desc(n) & self.leaves) / len(self.leaves))

    def is_disjoint(self, a, b):
        up_a, up_b = self.anc(a), self.anc(b)
        return any(
            (self.rep[x] in up_a and self.rep[y] in up_b) or (self.rep[y] in up_a and self.rep[x] in up_b)
            for group in self.disjoint
            for x, y in combinations(group, 2)
        )

    def relation(self, p, t):
        a, b = self.rep[p], self.rep[t]
        if p == t:
            return "same"
        if a == b:
            return "equivalent"
        if a in self.anc(t):
            return "ancestor"
        if b in self.anc(p):
            return "descendant"
        declared = any({a, b} <= {self.rep[x] for x in group} for group in self.overlaps)
        if (self.desc(p) & self.desc(t) or declared) and not self.is_disjoint(p, t):
            return "overlapping"
        if self.up[a] & self.up[b]:
            return "sibling"
        return "related" if self.anc(p) & self.anc(t) else "unrelated"

    def lca_set(self, a, b):
        common = self.anc(a) & self.anc(b)
        return {c for c in common if not any(d != c and c in self.anc(d) for d in common)}

    def lca(self, a, b):
        return min(self.lca_set(a, b), key=lambda n: (-round(self.information(n), 12), n), default=None)

    def depth(self, n):
        ups = self.up[self.rep[n]]
        return 1 + max(map(self.depth, ups)) if ups else 0

    def min_depth(self, n):
        ups = self.up[self.rep[n]]
        return 1 + min(map(self.min_depth, ups)) if ups else 0

    def judge(self, p, truths, collide=lambda a, b: False):
        """Verdict, best relation, and the first truth that has it."""
        truth = min(truths, key=lambda t: ORDER.index(self.relation(p, t)))
        relation = self.relation(p, truth)
        return self.verdict(p, truths, relation, collide), relation, truth

    def verdict(self, p, truths, relation, collide):
        primary = truths[0]
        if p == primary:
            return "exact"
        if self.rep[p] == self.rep[primary] or self.names[p][0] == self.names[primary][0]:
            return "synonym"
        by_graph = {"same": "also_valid", "equivalent": "also_valid", "ancestor": "generalised",
                    "descendant": "specialised", "overlapping": "overlap"}
        if relation in by_graph:
            return by_graph[relation]
        if any(set(self.names[p]) & set(self.names[t]) or collide(p, t) for t in truths):
            return "name_collision"
        return {"sibling": "near"}.get(relation, relation)

    def valid(self, candidates, truths):
        return [c for c in candidates if self.judge(c, truths)[0] in VALID]

    def steps_up(self, n):
        steps, level, distance = {}, {self.rep[n]}, 0
        while level:
            for x in level:
                steps.setdefault(x, distance)
            level = {u for x in level for u in self.up[x]} - set(steps)
            distance += 1
        return steps

    def credit(self, policy, p, truths, verdict):
        ratio = lambda a, b: 1.0 if b == 0 else a / b
        if isinstance(policy, dict):
            return float(policy.get(verdict, verdict == "exact"))
        if policy == "strict":
            return float(verdict == "exact")
        if policy == "logical":
            if verdict in VALID:
                return 1.0
            if verdict == "specialised":
                known = max(self.information(t) for t in truths if self.rep[t] in self.anc(p))
                return ratio(known, self.information(p))
            return 0.5 if verdict == "overlap" else 0.0
        return max(self.pair_credit(policy, p, t, ratio) for t in truths)

    def pair_credit(self, policy, p, t, ratio):
        if policy == "hf1":
            a, b = self.anc(p), self.anc(t)
            return 2 * len(a & b) / (len(a) + len(b))
        if policy == "depth":
            roots = [r for r in self.up if not self.up[r]]
            deepest = max(map(self.depth, self.up)) + (len(roots) > 1)
            a, b = self.steps_up(p), self.steps_up(t)
            shared = [a[x] + b[x] for x in a.keys() & b.keys()]
            d = min(shared) if shared else self.min_depth(p) + self.min_depth(t) + 2
            return 1 - d / (2 * deepest)
        l = self.lca(p, t)
        if l is None:
            return 0.0
        if policy == "wu-palmer":
            return 2 * (self.depth(l) + 1) / (self.depth(p) + self.depth(t) + 2)
        return ratio(2 * self.information(l), self.information(p) + self.information(t))


class Prototypes:
    """A unit vector a node: an axis of its own, unless it leans on another node's by a given cosine."""

    def __init__(self, leaning, threshold):
        self.leaning, self.threshold = leaning, threshold

    def vector(self, n):
        if n not in self.leaning:
            return {n: 1.0}
        other, cosine = self.leaning[n]
        return {other: cosine, n: math.sqrt(1 - cosine * cosine)}

    def cosine(self, a, b):
        a, b = self.vector(a), self.vector(b)
        return sum(a[axis] * b[axis] for axis in a.keys() & b.keys())

    def collide(self, a, b):
        return self.cosine(a, b) >= self.threshold

    def similarity(self, picture, n):
        return sum(picture.get(axis, 0) * length for axis, length in self.vector(n).items())

    def rank(self, picture, candidates):
        """Best first, ties by id; `None` where in f32 a tie may be none, or what is none may be one."""
        at = {c: self.similarity(picture, c) for c in candidates}
        exact = {c for c in candidates if 1.0 in self.vector(c).values()}
        for a, b in combinations(candidates, 2):
            if abs(at[a] - at[b]) < 1e-3 and not ({a, b} <= exact or at[a] == at[b] == 0):
                return None
        return sorted(candidates, key=lambda c: (-at[c], c))

    def probabilities(self, picture, candidates, logit_scale):
        """Softmax over the candidates."""
        length = math.hypot(*picture.values())
        logits = logit_scale * np.array([self.similarity(picture, c) / length for c in candidates])
        weights = np.exp(logits - logits.max())
        return weights / weights.sum()


class Suspicion:
    """Confident learning, a row an image (of those that have labels) and a column a class."""

    def __init__(self, world, candidates, images, probabilities):
        self.world = world
        self.images = images
        # Equivalent labels are one class, under the least id.
        primary = [world.rep[image["truths"][0]] for image in images]
        times = np.array([image["times"] for image in images])
        below = lambda c, label: world.relation(c, label) in ("same", "equivalent", "descendant")
        labels = sorted(set(primary))
        self.classes = [label for label in labels if any(below(c, label) for c in candidates)]
        mass = lambda holds: probabilities @ np.array([[float(holds(c, k)) for k in self.classes] for c in candidates])
        own, against = mass(below), mass(self.exclude)
        with np.errstate(invalid="ignore"):
            self.q = np.nan_to_num(own / (own + against), nan=0.0)
        self.own = [self.q[i, self.classes.index(j)] if j in self.classes else None for i, j in enumerate(primary)]
        self.thresholds = []
        for k in self.classes:
            carries = np.array([j == k for j in primary])
            self.thresholds.append(np.average(self.q[carries, self.classes.index(k)], weights=times[carries]))
        # Classes of the same candidates have one and the same q, to the last bit.
        self.sameness = [tuple((below(c, k), self.exclude(c, k)) for c in candidates) for k in self.classes]

    def exclude(self, a, b):
        """Whether no image is an instance of both, as far as the taxonomy tells."""
        return self.world.relation(a, b) in ("sibling", "related", "unrelated")

    def rivals(self, i):
        """The indices of the classes that no label of image `i` can hold together with."""
        labels = self.images[i]["truths"]
        return [k for k, rival in enumerate(self.classes) if all(self.exclude(rival, label) for label in labels)]

    def looks_like(self, i):
        if self.own[i] is None:
            return None
        confident = [k for k in self.rivals(i) if self.q[i, k] >= self.thresholds[k] and self.q[i, k] > self.own[i]]
        return min(confident, key=lambda k: (-self.q[i, k], self.classes[k]), default=None)

    def is_close_call(self, i):
        """Whether a difference too small for f32 decides."""
        if self.own[i] is None:
            return False
        near = lambda a, b: abs(a - b) < CLOSE_CALL
        best = self.looks_like(i)
        for k in self.rivals(i):
            q, threshold = self.q[i, k], self.thresholds[k]
            # Either comparison decides unless the other one says no anyhow.
            if near(q, threshold) and q > self.own[i] - CLOSE_CALL:
                return True
            if near(q, self.own[i]) and q > threshold - CLOSE_CALL:
                return True
            if best is not None and near(q, self.q[i, best]) and q > threshold:
                if self.sameness[k] != self.sameness[best]:
                    return True
        return False


def where_it_goes(world, candidates, images, prototypes, logit_scale):
    """Adds to the images where their probability goes; without those where too small a difference decides."""
    ids = sorted(world.rep)
    while True:
        labelled = [image for image in images if image["truths"]]
        pictures = [dict(zip(ids, map(int, image["picture"]))) for image in labelled]
        probabilities = np.array([prototypes.probabilities(p, candidates, logit_scale) for p in pictures])
        suspicion = Suspicion(world, candidates, labelled, probabilities)
        close = [image for i, image in enumerate(labelled) if suspicion.is_close_call(i)]
        if not close:
            break
        # The thresholds change with them.
        images = [image for image in images if not any(image is c for c in close)]
    for i, image in enumerate(labelled):
        of = dict(zip(candidates, probabilities[i]))
        like = suspicion.looks_like(i)
        image |= {"probability": of[image["best"][0]], "truth_mass": of.get(image["truths"][0]),
                  "valid_mass": sum(of[c] for c in world.valid(candidates, image["truths"])),
                  "self_confidence": suspicion.own[i],
                  "looks_like": None if like is None else suspicion.classes[like]}
    return images


def dilution(rows):
    """Semantic mass, n, a row a K, the slope."""
    shares = {}
    for row in rows:
        if row["truth_mass"] is not None and row["valid_mass"] > 0:
            shares.setdefault(row["k"], []).append(row["truth_mass"] / row["valid_mass"])
    by_k = [[k, len(of), np.mean(of), 1 / k] for k, of in sorted(shares.items())]
    slope = None
    if len(by_k) > 1:
        k, n, mean, _ = np.array(by_k).T
        # The weights of polyfit are those of the residuals before they are squared.
        slope = np.polyfit(np.log(k), np.log(mean), 1, w=np.sqrt(n))[0]
    return {"semantic_mass": np.mean([row["valid_mass"] for row in rows]), "n": sum(row[1] for row in by_k),
            "by_k": by_k, "slope": slope}


def bootstrap(rows):
    """The two ends of the headline's interval, each with the standard deviation of its share over the replicates."""
    is_error = np.array([row["verdict"] != "exact" for row in rows])
    if is_error.sum() < 10:
        return None
    confirmed = np.array([row["verdict"] in CONFIRMED for row in rows])
    possible = np.array([row["verdict"] in POSSIBLE for row in rows])
    suspect = np.array([row["looks_like"] is not None for row in rows])
    drawn = np.random.default_rng(10).integers(0, len(rows), (REPLICATES, len(rows)))
    errors = is_error[drawn].sum(axis=1)
    drawn, errors = drawn[errors > 0], errors[errors > 0]
    ends = []
    for part, quantile in [(confirmed & ~suspect, 0.025), (confirmed | possible, 0.975)]:
        shares = part[drawn].sum(axis=1) / errors
        ends.append([np.quantile(shares, quantile), np.std(shares)])
    return ends


def overlapping_causes(world, rows, collide):
    """Per cause, for the errors with that cause: their number, Δaccuracy alone, last, and as a Shapley value from its
    definition over all subsets."""
    causes = []
    for row in rows:
        p, primary, *others = row["best"][0], *row["truths"]
        relations = {world.relation(p, t) for t in row["truths"]}
        words = [set(world.names[p]) & set(world.names[t]) or collide(p, t) for t in row["truths"] if t != p]
        of = {"synonym": world.rep[p] == world.rep[primary] or world.names[p][0] == world.names[primary][0],
              "also_valid": any(world.rep[p] == world.rep[t] for t in others),
              "generalised": "ancestor" in relations, "specialised": "descendant" in relations,
              "overlap": "overlapping" in relations, "name_collision": any(words)}
        causes.append(set() if p == primary else {cause for cause, holds in of.items() if holds})
    n, names = len(rows), CONFIRMED + POSSIBLE
    gain = lambda forgiven: sum(bool(of & forgiven) for of in causes) / n
    found = []
    for cause in names:
        rest = [c for c in names if c != cause]
        shapley = 0
        for size in range(len(names)):
            weight = math.factorial(size) * math.factorial(len(rest) - size) / math.factorial(len(names))
            shapley += weight * sum(gain({*s, cause}) - gain(set(s)) for s in combinations(rest, size))
        found.append([sum(cause in of for of in causes), gain({cause}), gain(set(names)) - gain(set(rest)), shapley])
    return found


def by_chance(world, rows, collide):
    """Per verdict: its share if answers and truths were independent, and how often permuted answers have as many."""
    index = [[VERDICTS.index(world.judge(answer["best"][0], truth["truths"], collide)[0]) for truth in rows]
             for answer in rows]
    table = np.array(index)
    n = len(rows)
    expected = np.bincount(table.ravel(), minlength=len(VERDICTS)) / n**2
    observed = np.bincount(table.diagonal(), minlength=len(VERDICTS))
    rng = np.random.default_rng(3)
    counts = np.array([np.bincount(table[rng.permutation(n), np.arange(n)], minlength=len(VERDICTS))
                       for _ in range(REPLICATES)])
    return [[e, p] for e, p in zip(expected, (1 + (counts >= observed).sum(axis=0)) / (1 + REPLICATES))]


def metrics(world, rows):
    """Hierarchical and information precision and recall, calibration of the answer's probability."""
    f1 = lambda p, r: 2 * p * r / (p + r) if p + r else 0.0
    closures = [(world.anc(row["best"][0]), set().union(*map(world.anc, row["truths"]))) for row in rows]
    both, answer, truth = (np.array(x, float) for x in zip(*[(len(a & b), len(a), len(b)) for a, b in closures]))
    micro = [both.sum() / answer.sum(), both.sum() / truth.sum()]
    each = [both / answer, both / truth]
    hierarchical = [*micro, f1(*micro), *map(np.mean, each), np.mean([f1(p, r) for p, r in zip(*each)])]

    def information(value):
        columns = []
        for row in rows:
            p, t = row["best"][0], row["truth"]
            is_below = world.relation(p, t) == "descendant"
            p = t if is_below else p
            common = world.lca(p, t)
            columns.append((value(p), value(t), 0.0 if common is None else value(common), is_below))
        answer, truth, common, below = np.array(columns, float).T
        ratio = lambda whole: np.mean([1.0 if w == 0 else c / w for c, w in zip(common, whole)])
        precision, recall = ratio(answer), ratio(truth)
        return [precision, recall, f1(precision, recall), common.mean(), (answer - common).mean(),
                (truth - common).mean(), below.mean()]

    def calibration(holds):
        p = np.array([row["probability"] for row in rows])
        y = np.array([float(holds(row)) for row in rows])
        edges = np.linspace(0, 1, 16)
        gaps = lambda bins: [(len(b), abs(y[b].mean() - p[b].mean())) for b in bins if len(b)]
        expected = lambda gaps: sum(n * gap for n, gap in gaps) / len(rows)
        width = gaps([np.flatnonzero((p > low) & (p <= high)) for low, high in zip(edges, edges[1:])])
        order = np.lexsort((y, p))
        mass = gaps([order[len(rows) * b // 15 : len(rows) * (b + 1) // 15] for b in range(15)])
        return [expected(width), expected(mass), max(gap for _, gap in width), np.mean((p - y) ** 2)]

    def severity(distance, k):
        """Mistake severity, hdist@1, hdist@k, hdist_top@k."""
        of = np.array([[min(distance(p, t) for t in row["truths"]) for p in row["best"][:k]] for row in rows], float)
        wrong = np.array([row["verdict"] != "exact" for row in rows])
        return [of[wrong, 0].mean(), of[:, 0].mean(), of.mean(axis=1).mean(), of.min(axis=1).mean()]

    deepest = max(map(world.depth, world.up))
    height = lambda n: max([1 + height(c) for c in world.up if world.rep[n] in world.up[c]], default=0)

    def by_height(a, b):
        if world.rep[a] == world.rep[b]:
            return 0
        common = world.lca(a, b)
        return deepest + 1 if common is None else height(common)

    def by_strict_ancestor(a, b):
        if world.rep[a] == world.rep[b]:
            return 0
        common = (world.anc(a) - {world.rep[a]}) & (world.anc(b) - {world.rep[b]})
        return deepest - max(map(world.depth, common), default=-1)

    k = min(5, len(rows[0]["best"]))
    return {"severity_height": severity(by_height, k), "severity_bertinetto": severity(by_strict_ancestor, k),
            "hierarchical": hierarchical, "information": information(world.information),
            "depth": information(lambda n: world.depth(n) + 1),
            "calibration_exact": calibration(lambda row: row["verdict"] == "exact"),
            "calibration_valid": calibration(lambda row: row["verdict"] in VALID)}


def summary(world, candidates, images, policies, collide):
    """The figures of a run, from its judged images: each counts `times`."""
    rows = [image for image in images if image["truths"] for _ in range(image["times"])]
    n = len(rows)
    mean = lambda values: sum(values) / n
    counts = Counter(row["verdict"] for row in rows)
    errors = n - counts["exact"]
    confirmed, possible, mistakes = (sum(counts[v] for v in group) for group in (CONFIRMED, POSSIBLE, MISTAKES))
    top1 = mean([row["best"][0] == row["truths"][0] for row in rows])
    ceiling = mean([1 / row["k"] if row["k"] else 0 for row in rows])
    pairs = Counter((row["truth"], row["best"][0], VERDICTS.index(row["verdict"]), row["relation"])
                    for row in rows if row["verdict"] != "exact")
    worst = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:10]
    return {
        "n": n, "errors": errors, "top1": top1,
        "top5": [min(5, len(candidates)), mean([row["truths"][0] in row["best"] for row in rows])],
        "verdicts": [counts[v] for v in VERDICTS],
        "multiplicity": [confirmed, possible, mistakes],
        "share_of_error": [confirmed / errors, (confirmed + possible) / errors],
        "mistake_share": mistakes / errors,
        "mean_k": mean([row["k"] for row in rows]), "ceiling": ceiling,
        "top1_over_ceiling": top1 / ceiling if ceiling else None,
        "without_valid_candidate": sum(row["k"] == 0 for row in rows),
        "truth_not_a_candidate": sum(row["truths"][0] not in candidates for row in rows),
        "confusions": [[t, p, count, VERDICTS[v], relation, world.lca(p, t)] for (t, p, v, relation), count in worst],
        "credit": [mean([row["credit"][i] for row in rows]) for i in range(len(policies))],
        "dilution": dilution(rows),
        # Checked, flagged, and flagged with a verdict of confirmed multiplicity.
        "suspects": [sum(row["self_confidence"] is not None for row in rows),
                     sum(row["looks_like"] is not None for row in rows),
                     sum(row["looks_like"] is not None and row["verdict"] in CONFIRMED for row in rows)],
        "interval_95": bootstrap(rows),
        "causes": overlapping_causes(world, rows, collide),
        "by_chance": by_chance(world, rows, collide),
        "metrics": metrics(world, rows),
    }


def random_world(rng, size, one_root):
    """Ids are made so that a parent always precedes its child; equivalences join nodes without a path between."""
    ids = [f"n{i:02}" for i in range(size)]
    parents = {}
    for i, n in enumerate(ids):
        is_root = i == 0 if one_root else i < 2 or rng.random() < 0.05
        k = 0 if is_root else rng.choice([1, 1, 1, 2, 2, 3])
        parents[n] = sorted(rng.sample(ids[:i], min(k, i)))
    names = {n: [f"name {i}"] for i, n in enumerate(ids)}
    a, b, c, d = rng.sample(ids, 4)
    names[b] = [names[a][0].replace("name ", "Name_")]  # the same surface name: a synonym
    names[c].append(f" NAME-{ids.index(d)}")  # the same word further down: a name collision
    plain = World(parents, names, [], [], [])
    # Equivalents among leaves without children: joining them can close no cycle.
    leaves = sorted(plain.leaves)
    equivalent = [rng.sample(leaves, 2)] if len(leaves) > 3 else []
    return parents, names, equivalent


def second_root(rng, parents, names, equivalent, extra, of_root):
    """A node without parents that is equivalent to another: it has those parents all the same, and is no root unless
    the other is. One of the other's later nodes is below it too."""
    ids = sorted(parents)
    inner = [n for n in ids[1 : len(ids) // 2] if any(n in above for above in parents.values())]
    other = ids[0] if of_root else rng.choice(inner)
    below = rng.choice([n for n in ids if n > other and other not in parents[n]])
    parents[extra], names[extra] = [], [f"name {extra}"]
    parents[below] = sorted([*parents[below], extra])
    equivalent.append([extra, other])


def declared(rng, parents, names, equivalent):
    """Overlaps and disjointness, of nodes of which none is above the other."""
    merged = World(parents, names, equivalent, [], [])
    apart = [(a, b) for a, b in combinations(sorted(parents), 2)
             if merged.rep[a] not in merged.anc(b) and merged.rep[b] not in merged.anc(a)]
    overlaps = [list(x) for x in rng.sample(apart, 2)]
    # Nothing may be below both of two disjoint nodes.
    free = [x for x in apart if not merged.desc(x[0]) & merged.desc(x[1])]
    disjoint = [list(x) for x in rng.sample(free, min(2, len(free)))]
    # Declared to overlap as well, the nodes themselves or what is below them: disjointness wins.
    for x in disjoint:
        pair = [rng.choice(sorted(merged.desc(n))) for n in x] if rng.random() < 0.5 else x
        overlaps.append(list(pair))
    return overlaps, disjoint


def random_prototypes(rng, world, ids, threshold):
    """Of pairs that the graph leaves to the names, some on either side of the threshold, none near it; and two labels
    of one and the same prototype."""
    others = [x for x in combinations(ids, 2) if world.relation(*x) in ("sibling", "related", "unrelated")]
    leaning, taken = {}, set()
    for cosine in [1.0, 0.9945, 0.9985, 0.9875, 0.95, 0.8]:
        free = [x for x in others if not taken & set(x)]
        if free:
            other, n = rng.sample(rng.choice(free), 2)
            leaning[n] = (other, cosine)
            taken |= {n, other}
    prototypes = Prototypes(leaning, threshold)
    assert all(abs(prototypes.cosine(a, b) - threshold) > 1e-3 for a, b in combinations(ids, 2))
    return prototypes


def random_picture(rng, ids, aim, prototypes):
    """A digit an axis, few different ones, so that there are ties; most at what it is aimed at, though not alone."""
    picture = {n: rng.choice([0, 1, 1, 2, 3]) for n in ids}
    other, cosine = prototypes.leaning.get(aim, (aim, 1))
    picture[other] = 8
    if cosine < 1:
        picture[aim] = rng.choice([4, 6, 7])
    if rng.random() < 0.3:
        picture[rng.choice(ids)] = 8
    return picture


def random_images(rng, world, ids, candidates, prototypes, policies, size):
    images = []
    # The graph has few of them, whatever the candidates.
    synonyms = [(p, t) for p in candidates for t in ids if world.judge(p, [t])[0] == "synonym"]
    while len(images) < size:
        # The last image has no label. Most primary truths are candidates.
        truths = [] if len(images) == size - 1 else rng.sample(ids, rng.choice([1, 1, 2, 3]))
        if truths and rng.random() < 0.5:
            truths = list(dict.fromkeys([rng.choice(candidates), *truths[1:]]))
        kinds = {}
        for c in candidates if truths else []:
            kinds.setdefault(world.judge(c, truths, prototypes.collide)[0], []).append(c)
        # Rare verdicts are asked for as often as common ones.
        aim = rng.choice(kinds[rng.choice(sorted(kinds))]) if kinds else rng.choice(candidates)
        if truths and synonyms and rng.random() < 0.1:
            aim, primary = rng.choice(synonyms)
            truths = list(dict.fromkeys([primary, *truths[1:]]))
        picture = random_picture(rng, ids, aim, prototypes)
        ranked = prototypes.rank(picture, candidates)
        if ranked is None:
            continue
        image = {"truths": truths, "picture": "".join(str(picture[n]) for n in ids), "best": ranked[:5],
                 "times": rng.choice([1, 1, 2, 3])}
        if truths:
            verdict, relation, truth = world.judge(ranked[0], truths, prototypes.collide)
            image |= {"verdict": verdict, "relation": relation, "truth": truth,
                      "k": len(world.valid(candidates, truths)),
                      "credit": [world.credit(policy, ranked[0], truths, verdict) for policy in policies]}
        images.append(image)
    return images


def lca_set(world, a, b):
    """The chosen one first, the others by id."""
    chosen = world.lca(a, b)
    return " ".join([chosen, *sorted(world.lca_set(a, b) - {chosen})]) if chosen else ""


def rounded(value):
    """Twelve decimals, everywhere: enough to compare with, and half the length."""
    if isinstance(value, float):
        return round(float(value), 12)
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def shortened(image):
    """The probabilities are no better than the program's f32 similarities: seven decimals."""
    short = lambda p: None if p is None else round(float(p), 7)
    if "verdict" in image:
        image.pop("probability")
        image |= {"mass": [short(image.pop("truth_mass")), short(image.pop("valid_mass"))],
                  "self_confidence": short(image["self_confidence"])}
    return image


def random_facts(rng, one_root, extra, of_root, count, threshold, logit_scale, section, size=24, pictures=50):
    parents, names, equivalent = random_world(rng, size, one_root)
    if extra:
        second_root(rng, parents, names, equivalent, extra, of_root)
    overlaps, disjoint = declared(rng, parents, names, equivalent)
    world = World(parents, names, equivalent, overlaps, disjoint)
    roots = [r for r in world.up if not world.up[r]]
    assert (len(roots) == 1) == one_root, roots
    ids = sorted(parents)
    leaves = [n for n in ids if world.rep[n] in world.leaves]
    candidates = leaves if count == "leaves" else sorted(rng.sample(ids, count or len(ids)))
    # The section of the file: a policy's name in either form, or a table.
    policies = [*POLICIES, section if isinstance(section, str) else section.get("policy") or section["table"]]
    prototypes = random_prototypes(rng, world, ids, threshold)
    images = random_images(rng, world, ids, candidates, prototypes, policies, pictures)
    images = where_it_goes(world, candidates, images, prototypes, logit_scale)
    figures = summary(world, candidates, images, policies, prototypes.collide)
    in_file = rng.sample(ids, len(ids))
    return rounded({
        "nodes": {n: {"parents": parents[n], "names": names[n]} for n in in_file},
        "equivalent": equivalent, "overlaps": overlaps, "disjoint": disjoint, "credit": section,
        "information": [world.information(n) for n in ids],
        "depth": [[world.min_depth(n), world.depth(n)] for n in ids],
        "relations": ["".join(str(ORDER.index(world.relation(a, b))) for b in ids) for a in ids],
        "lca": [lca_set(world, a, b) for i, a in enumerate(ids) for b in ids[i:]],
        "candidates": candidates, "threshold": threshold, "leaning": prototypes.leaning,
        "logit_scale": logit_scale,
        "images": [shortened(image) for image in images], "summary": figures,
    })


def main():
    rng = random.Random(20250519)
    table = {"table": {"synonym": 1, "also_valid": 0.9, "generalised": 0.75, "specialised": 0.5, "near": 0.125}}
    harsh = {"table": {"exact": 0.5, "generalised": 0, "overlap": 1, "name_collision": 0.25, "related": 0.0625,
                       "unrelated": 1e-2}}
    # One root or several; a second node without parents, equivalent to an inner node or to the root, which its id puts
    # before or after it; how many candidates, 0 for all nodes; τ; how sharp the softmax is; the section. The last world
    # is too small for an interval and a slope.
    worlds = [random_facts(rng, *given) for given in [
        (False, None, False, 16, 0.99, 10, table),
        (False, None, False, 0, 0.99, 8, harsh),
        (False, None, False, 4, 0.99, 6, {"policy": "lin"}),
        (False, None, False, 12, 0.9, 12, table),
        (False, None, False, "leaves", 0.99, 10, harsh),
        (True, None, False, 16, 0.99, 15, harsh),
        (True, None, False, 0, 0.99, 20, "wu-palmer"),
        (True, "n24", False, "leaves", 0.99, 6, table),
        (True, "a00", False, 0, 0.99, 100, {"policy": "depth"}),
        (True, "n24", True, 10, 0.99, 10, harsh),
        (True, None, False, 1, 0.99, 10, "strict", 8, 6),
    ]]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text("[" + ",\n".join(json.dumps(w, separators=(",", ":")) for w in worlds) + "]\n")
    for w in worlds:
        figures = w["summary"]
        print(f"n {figures['n']}  verdicts {figures['verdicts']}  K=0 {figures['without_valid_candidate']}  "
              f"no candidate {figures['truth_not_a_candidate']}  top1 {figures['top1']:.2f}  "
              f"ceiling {figures['ceiling']:.2f}  top5 {figures['top5']}  confusions {figures['confusions'][0][2]}  "
              f"suspects {figures['suspects']}  interval {figures['interval_95']}  "
              f"K {len(figures['dilution']['by_k'])}  slope {figures['dilution']['slope']}")
    print(f"{OUT.name}: {OUT.stat().st_size} bytes, {sum(len(w['disjoint']) for w in worlds)} declared overlapping and "
          "disjoint")


if __name__ == "__main__":
    main()
