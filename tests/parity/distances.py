#!/usr/bin/env python3
"""An independent reference for the measures of METHOD 6, from their definitions by brute force over paths.

Makes random trees and DAGs with one or several roots and equivalences, measures every pair of nodes, and writes
tests/fixtures/distances.json, which tests/it/distances.rs compares with.
Needs networkx:  python3 tests/parity/distances.py
"""
import json
import math
import random
from itertools import combinations_with_replacement
from pathlib import Path

import networkx as nx

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "distances.json"
VIRTUAL = object()


class World:
    """A graph of classes with its edges downwards; several roots hang on a virtual one."""

    def __init__(self, parents, equivalent):
        sets = nx.utils.UnionFind(parents)
        for a, b in equivalent:
            sets.union(a, b)
        self.rep = {n: min(group) for group in sets.to_sets() for n in group}
        self.real = nx.DiGraph()
        self.real.add_nodes_from(self.rep.values())
        for n, above in parents.items():
            self.real.add_edges_from((self.rep[p], self.rep[n]) for p in above)
        self.roots = [n for n in self.real if self.real.in_degree(n) == 0]
        self.leaves = {n for n in self.real if self.real.out_degree(n) == 0}
        self.joined = self.real.copy()
        if len(self.roots) > 1:
            self.joined.add_edges_from((VIRTUAL, root) for root in self.roots)

    def is_sound(self):
        """Whether nothing is above itself: what is declared equivalent may not be."""
        return nx.is_directed_acyclic_graph(self.real)

    def anc(self, n):
        return nx.ancestors(self.real, n) | {n}

    def paths(self, graph, sources, targets):
        """The lengths in edges of all paths from one of these to one of those."""
        for source in sources:
            for target in targets:
                if source == target:
                    yield 0
                for path in nx.all_simple_paths(graph, source, target) if source != target else ():
                    yield len(path) - 1

    def depth(self, n):
        return max(self.paths(self.real, self.roots, [n]))

    def height(self, n):
        return max(self.paths(self.joined, [n], self.leaves))

    def information(self, n):
        below = (nx.descendants(self.real, n) | {n}) & self.leaves
        return math.log2(len(self.leaves) / len(below))

    def lca(self, a, b):
        common = self.anc(a) & self.anc(b)
        lowest = [c for c in common if not nx.descendants(self.real, c) & common]
        return min(lowest, key=lambda n: (-round(self.information(n), 9), n), default=None)

    def measure(self, name, a, b):
        a, b = self.rep[a], self.rep[b]
        lca, info = self.lca(a, b), self.information
        shared = 0 if lca is None else info(lca)
        greatest = max(map(self.depth, self.real))
        if name == "height":
            return 0 if a == b else self.height(VIRTUAL if lca is None else lca)
        if name == "bertinetto":
            strict = nx.ancestors(self.real, a) & nx.ancestors(self.real, b)
            return 0 if a == b else greatest - max(map(self.depth, strict), default=-1)
        if name == "wu-palmer":
            nodes = lambda n: self.depth(n) + 1
            return 0 if lca is None else nodes(lca) / ((nodes(a) + nodes(b)) / 2)
        if name == "resnik":
            return shared
        if name == "lin":
            if lca is None:
                return 0
            mean = (info(a) + info(b)) / 2
            return 1 if mean == 0 else shared / mean
        if name == "jiang-conrath":
            return (info(a) - shared) + (info(b) - shared)
        if name == "hf1":
            alpha, beta = self.anc(a), self.anc(b)
            precision, recall = len(alpha & beta) / len(alpha), len(alpha & beta) / len(beta)
            return 0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)
        # A pair without a common ancestor has one in the virtual root, and no other pair comes nearer through it.
        above = (nx.ancestors(self.joined, a) | {a}) & (nx.ancestors(self.joined, b) | {b})
        steps = lambda c, n: nx.shortest_path_length(self.joined, c, n)
        path = min(steps(c, a) + steps(c, b) for c in above)
        if name == "path":
            return path
        assert name == "depth"
        tops = [VIRTUAL] if len(self.roots) > 1 else self.roots
        farthest = 2 * max(self.paths(self.joined, tops, list(self.joined)))
        return 1 - path / farthest


MEASURES = ["height", "bertinetto", "wu-palmer", "resnik", "lin", "jiang-conrath", "hf1", "depth", "path"]


def random_parents(rng, n, roots, most, window):
    """Ids in another order than that of the graph; each node but the roots has up to `most` of those before it above."""
    ids = [f"n{i:02}" for i in rng.sample(range(100), n)]
    parents = {id: [] for id in ids[:roots]}
    for i in range(roots, n):
        before = ids[max(0, i - window):i]
        parents[ids[i]] = sorted(rng.sample(before, min(len(before), rng.randint(1, most))))
    return parents


def main():
    rng = random.Random(6)
    # (nodes, roots, most parents, how far back they are, pairs of equivalents)
    plans = [(12, 1, 1, 4, 0), (12, 2, 1, 12, 0), (12, 1, 2, 6, 0), (12, 3, 3, 12, 0), (12, 1, 3, 4, 1), (12, 2, 2, 5, 2),
             (14, 2, 2, 4, 0), (10, 4, 3, 5, 1)]
    worlds = []
    for n, roots, most, window, pairs in plans:
        while True:
            parents = random_parents(rng, n, roots, most, window)
            equivalent = [sorted(rng.sample(sorted(parents), 2)) for _ in range(pairs)]
            world = World(parents, equivalent)
            if world.is_sound():
                break
        ids = sorted(parents)
        values = {
            name: [round(world.measure(name, a, b), 9) for a, b in combinations_with_replacement(ids, 2)]
            for name in MEASURES
        }
        nodes = {id: {"parents": above} for id, above in parents.items()}
        worlds.append({"nodes": nodes, "equivalent": equivalent, "values": values})
    lines = ",\n".join(json.dumps(world, separators=(",", ":")) for world in worlds)
    OUT.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
