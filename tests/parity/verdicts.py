#!/usr/bin/env python3
"""An independent reference for relations, verdicts, K and credit: METHOD 2–5 by brute force on sets.

Makes random DAGs with several parents and roots, equivalences, overlaps, disjointness and shared names, judges random
(answer, truths) pairs on them, and writes tests/fixtures/verdicts.json, which tests/it/verdicts.rs compares with.
Needs nothing beyond Python:  python3 tests/parity/verdicts.py
"""
import json
import math
import random
from itertools import combinations
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "verdicts.json"
CORRECT_OR_CONFIRMED = {"exact", "synonym", "also_valid", "generalised"}
ORDER = ["same", "equivalent", "ancestor", "descendant", "overlapping", "sibling", "related", "unrelated"]


class World:
    """A DAG whose nodes are classes of equivalent ids; every closure is a set made by naive recursion."""

    def __init__(self, parents, names, equivalent, overlaps, disjoint):
        self.names = names
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

    def verdict(self, p, truths):
        primary = truths[0]
        relation = min((self.relation(p, t) for t in truths), key=ORDER.index)
        if p == primary:
            return "exact", relation
        if self.rep[p] == self.rep[primary] or self.names[p][0] == self.names[primary][0]:
            return "synonym", relation
        by_graph = {"same": "also_valid", "equivalent": "also_valid", "ancestor": "generalised",
                    "descendant": "specialised", "overlapping": "overlap"}
        if relation in by_graph:
            return by_graph[relation], relation
        if any(set(self.names[p]) & set(self.names[t]) for t in truths):
            return "name_collision", relation
        return {"sibling": "near"}.get(relation, relation), relation

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
        if policy == "strict":
            return float(verdict == "exact")
        if policy == "logical":
            if verdict in CORRECT_OR_CONFIRMED:
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


def random_world(rng, size):
    """Ids are made so that a parent always precedes its child; equivalences join nodes without a path between."""
    ids = [f"n{i:02}" for i in range(size)]
    parents = {}
    for i, n in enumerate(ids):
        k = 0 if i < 2 or rng.random() < 0.05 else rng.choice([1, 1, 1, 2, 2, 3])
        parents[n] = sorted(rng.sample(ids[:i], min(k, i)))
    names = {n: [f"name {i}"] for i, n in enumerate(ids)}
    a, b, c, d = rng.sample(ids, 4)
    names[b] = list(names[a])               # the same surface name: a synonym
    names[c].append(f"name {ids.index(d)}")  # the same word further down: a name collision
    plain = World(parents, names, [], [], [])
    apart = [x for x in combinations(ids, 2) if x[0] not in plain.anc(x[1]) and x[1] not in plain.anc(x[0])]
    # Equivalents among leaves without children: joining them can close no cycle.
    leaves = sorted(plain.leaves)
    equivalent = [rng.sample(leaves, 2)] if len(leaves) > 3 else []
    merged = World(parents, names, equivalent, [], [])
    apart = [x for x in apart if merged.rep[x[0]] != merged.rep[x[1]]
             and merged.rep[x[0]] not in merged.anc(x[1]) and merged.rep[x[1]] not in merged.anc(x[0])]
    overlaps = [list(x) for x in rng.sample(apart, 2)]
    # Nothing may be below both of two disjoint nodes.
    free = [x for x in apart if not merged.desc(x[0]) & merged.desc(x[1])]
    disjoint = [list(x) for x in rng.sample(free, min(2, len(free)))]
    # Declared to overlap as well, the nodes themselves or what is below them: disjointness wins.
    for x in disjoint:
        pair = [rng.choice(sorted(merged.desc(n))) for n in x] if rng.random() < 0.5 else x
        overlaps.append(list(pair))
    return parents, names, equivalent, overlaps, disjoint


def main():
    rng = random.Random(20250519)
    worlds = []
    for _ in range(5):
        facts = random_world(rng, 24)
        world = World(*facts)
        parents, names, equivalent, overlaps, disjoint = facts
        ids = sorted(parents)
        candidates = sorted(rng.sample(ids, 16))
        pairs = [{"a": a, "b": b, "relation": world.relation(a, b), "lca_set": sorted(world.lca_set(a, b)),
                  "lca": world.lca(a, b)} for a in ids for b in ids]
        cases = []
        questions = [(rng.choice(ids), rng.sample(ids, rng.choice([1, 1, 2, 3]))) for _ in range(120)]
        # Shared names are rare: ask for each of them.
        questions += [(a, [b]) for a in ids for b in ids if a != b and set(names[a]) & set(names[b])]
        for p, truths in questions:
            verdict, relation = world.verdict(p, truths)
            k = sum(world.verdict(c, truths)[0] in CORRECT_OR_CONFIRMED for c in candidates)
            credit = {policy: world.credit(policy, p, truths, verdict)
                      for policy in ["strict", "logical", "hf1", "wu-palmer", "lin", "depth"]}
            cases.append({"answer": p, "truths": truths, "verdict": verdict, "relation": relation, "k": k,
                          "credit": credit})
        worlds.append({
            "nodes": {n: {"parents": parents[n], "names": names[n]} for n in ids},
            "equivalent": equivalent, "overlaps": overlaps, "disjoint": disjoint,
            "information": {n: world.information(n) for n in ids},
            "depth": {n: [world.min_depth(n), world.depth(n)] for n in ids},
            "candidates": candidates, "pairs": pairs, "cases": cases,
        })
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(worlds, separators=(",", ":")) + "\n")
    seen = sorted({c["verdict"] for w in worlds for c in w["cases"]})
    both = sum(len(w["disjoint"]) for w in worlds)
    print(f"{OUT.name}: {sum(len(w['pairs']) for w in worlds)} pairs, {both} declared overlapping and disjoint, "
          f"verdicts {', '.join(seen)}")


if __name__ == "__main__":
    main()
