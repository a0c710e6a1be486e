#!/usr/bin/env python3
"""What other people's code makes of the same answers: HiClass, NLTK and scikit-learn (METHOD 6).

Random trees, forests and DAGs; writes tests/fixtures/outside.json, which tests/it/outside.rs compares with.

NLTK reads WordNet's files: each taxonomy is written in their format, and the leaves are given to it as counts, so that its
information content is that by leaves (in nats; ours in bits). On trees all four similarities are those of the literature.
They also are by our own reading of the formulas, with networkx, to begin with. Where NLTK goes its own way:
- Jiang-Conrath is 1 / distance, and 0 if either synset has no information: not compared then. Lin of two such is 0/0.
- Wu-Palmer on a DAG: NLTK takes the common hypernym of greatest *least* depth, of several the first by name, and for the
  depth of a synset that hypernym's greatest depth and the shortest way up to it. We take the LCA of most information and
  greatest depths. The two are compared where they choose one LCA and no way up is shorter than the longest.
  Resnik, Lin and Jiang-Conrath are the same on DAGs too: of all common hypernyms both take the most informative.

Needs hiclass, networkx, nltk, numpy and scikit-learn:  python3 tests/parity/outside.py
"""
import json
import math
import tempfile
import warnings
from pathlib import Path

import hiclass.metrics as hiclass
import networkx as nx
import nltk
import numpy as np
from nltk.corpus.reader.wordnet import WordNetCorpusReader
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, top_k_accuracy_score

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "outside.json"
BINS = 15


def random_graph(rng, size, roots, parents):
    """Edges child → parent; each node but the roots has 1 to `parents` of the nodes before it."""
    graph = nx.DiGraph()
    for i in range(size):
        graph.add_node(f"n{i:02}")
        if i >= roots:
            # Not much above, so that paths have unequal lengths and some are long.
            above = np.arange(max(0, i - 9), i)
            for parent in rng.choice(above, min(len(above), rng.integers(1, parents + 1)), replace=False):
                graph.add_edge(f"n{i:02}", f"n{parent:02}")
    return graph


def nodes_yaml(graph):
    return {n: {"parents": sorted(graph.successors(n))} if graph.out_degree(n) else {} for n in graph}


# --- HiClass ---------------------------------------------------------------------------------------------------------


def path(graph, node):
    """From the root; HiClass takes a row of labels for a set."""
    return [] if node is None else [*path(graph, next(iter(graph.successors(node)), None)), node]


def hierarchical(rng, size, roots):
    graph = random_graph(rng, size, roots, 1)
    nodes = list(graph)
    truths = [str(t) for t in rng.choice(nodes, 80)]
    near = lambda t: str(rng.choice([*nx.ancestors(graph, t), *nx.descendants(graph, t), t, *rng.choice(nodes, 2)]))
    answers = [near(t) for t in truths]
    rows = lambda labels: [path(graph, n) for n in labels]
    figures = lambda of, truths, answers: {
        average: of(rows(truths), rows(answers), average=average) for average in ("micro", "macro")
    }
    # An image without an answer has no precision, which HiClass divides by 0: of it the recall alone.
    missing = [None if rng.random() < 0.2 else a for a in answers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # F1 of an answer that shares nothing is 0, and HiClass warns of it.
        return {
            "nodes": nodes_yaml(graph), "truths": truths, "answers": answers, "missing": missing,
            "precision": figures(hiclass.precision, truths, answers),
            "recall": figures(hiclass.recall, truths, answers),
            "f1": figures(hiclass.f1, truths, answers),
            "recall_with_missing": figures(hiclass.recall, truths, missing),
        }


# --- NLTK ------------------------------------------------------------------------------------------------------------


class Reader(WordNetCorpusReader):
    def map_wn(self, version="wordnet"):
        """Not of WordNet's synsets."""


def wordnet(graph, folder):
    """The graph as WordNet's database of nouns; its synsets by node."""
    line = lambda n, at: "{:08d} 00 n 01 {} 0 {:03d} {}| {}\n".format(
        at[n], n, graph.out_degree(n), "".join(f"@ {at[p]:08d} n 0000 " for p in graph.successors(n)), n
    )
    zero, offsets, next_ = dict.fromkeys(graph, 0), {}, 1  # 0 is the key of the total.
    for n in graph:
        offsets[n] = next_
        next_ += len(line(n, zero))
    for name in Reader._FILES:
        (folder / name).write_text("")
    (folder / "lexnames").write_text("00\tnoun.all\t1\n")
    (folder / "data.noun").write_text(" " + "".join(line(n, offsets) for n in graph))
    (folder / "index.noun").write_text("".join(f"{n} n 1 1 @ 1 0 {offsets[n]:08d}\n" for n in graph))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # There is one language.
        nltk.data.path.append(str(folder))  # It opens nothing that lies elsewhere.
        reader = Reader(str(folder), None)
    return {n: reader.synset(f"{n}.n.01") for n in graph}


def literature(graph):
    """Our own reading: information, greatest depths in nodes, and the LCA of most information, ties by id."""
    leaves = {n for n in graph if graph.in_degree(n) == 0}
    counts = {n: len(leaves & (nx.ancestors(graph, n) | {n})) for n in graph}
    information = {n: math.log(len(leaves) / counts[n]) for n in graph}
    depth = {}
    for n in reversed(list(nx.topological_sort(graph))):
        depth[n] = 1 + max((depth[p] for p in graph.successors(n)), default=0)
    above = {n: nx.descendants(graph, n) | {n} for n in graph}

    def lca(a, b):
        common = above[a] & above[b]
        lowest = [n for n in common if not any(n in above[m] for m in common - {n})]
        return min(lowest, key=lambda n: (-information[n], n), default=None)

    return counts, information, depth, lca


def similarities(rng, size, roots, parents):
    graph = random_graph(rng, size, roots, parents)
    counts, information, depth, lca = literature(graph)
    with tempfile.TemporaryDirectory() as folder:
        synsets = wordnet(graph, Path(folder))
        leaves = sum(graph.in_degree(n) == 0 for n in graph)
        ic = {"n": {0: leaves} | {synsets[n].offset(): counts[n] for n in graph}}
        values = {name: [] for name in ("wu-palmer", "resnik", "lin", "jiang-conrath")}
        apart = 0
        bits = lambda nats: nats / math.log(2)
        for i, a in enumerate(graph):
            for b in list(graph)[i:]:
                common = lca(a, b)
                ours = lambda of: of[common] if common else 0
                of_two = information[a] + information[b]
                wup = 2 * ours(depth) / (depth[a] + depth[b])
                res, jcn = ours(information), of_two - 2 * ours(information)

                # None of two without a common hypernym.
                theirs = synsets[a].wup_similarity(synsets[b]) or 0.0
                chosen = synsets[a].lowest_common_hypernyms(synsets[b], use_min_depth=True)
                chosen = synsets[a] if synsets[a] in chosen else next(iter(chosen), None)
                up = lambda n: synsets[n].shortest_path_distance(chosen) + depth[common] == depth[n]
                if chosen is None or (chosen == synsets[common] and up(a) and up(b)):
                    assert math.isclose(theirs, wup, abs_tol=1e-12), (a, b, theirs, wup)
                    values["wu-palmer"].append(round(theirs, 12))
                else:
                    assert parents > 1, "on a tree there is one way up"
                    apart += abs(theirs - wup) > 1e-9
                    values["wu-palmer"].append(None)

                theirs = synsets[a].res_similarity(synsets[b], ic)
                assert math.isclose(theirs, res, abs_tol=1e-12)
                values["resnik"].append(round(bits(theirs), 12))

                try:
                    theirs = synsets[a].lin_similarity(synsets[b], ic)
                    assert math.isclose(theirs, 2 * res / of_two, abs_tol=1e-12)
                    values["lin"].append(round(theirs, 12))
                except ZeroDivisionError:
                    assert of_two == 0
                    values["lin"].append(None)

                theirs = synsets[a].jcn_similarity(synsets[b], ic)
                if theirs == 0:
                    assert information[a] == 0 or information[b] == 0
                    values["jiang-conrath"].append(None)
                else:
                    # Infinite, which NLTK has as 1e300, of what is not apart.
                    assert math.isclose(1 / theirs, jcn, abs_tol=1e-12)
                    values["jiang-conrath"].append(round(bits(1 / theirs), 12))
    assert (apart > 0) == (parents > 1)
    # In the order of the ids.
    assert list(graph) == sorted(graph)
    return {"nodes": nodes_yaml(graph), "values": values}


# --- scikit-learn ----------------------------------------------------------------------------------------------------


def gaps(true, probability, strategy):
    """|accuracy − confidence| of the bins that are not empty, and how many are in each."""
    accuracy, confidence = calibration_curve(true, probability, n_bins=BINS, strategy=strategy)
    edges = {
        "uniform": np.linspace(0, 1, BINS + 1), "quantile": np.percentile(probability, np.linspace(0, 100, BINS + 1))
    }[strategy]
    counts = np.bincount(np.searchsorted(edges[1:-1], probability), minlength=BINS)
    return np.abs(accuracy - confidence), counts[counts > 0]


def classification(rng, images, classes, sharpness):
    """Probabilities are multiples of 2⁻²⁰ that add up to 1, so that they are the same in f32."""
    one = 1 << 20
    truths = rng.choice(classes, images, p=rng.dirichlet(np.ones(classes)))
    logits = rng.normal(size=(images, classes)) * sharpness
    logits[np.arange(images), truths] += sharpness
    scores = np.floor(one * np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(int)
    best = scores.argmax(1)
    scores[np.arange(images), best] += one - scores.sum(1)
    assert all(len(set(row)) == classes for row in scores.tolist()), "a tie"
    probability = scores.max(1) / one
    assert images % BINS == 0 and len(set(probability)) == images, "bins of equal mass are then the same"
    right = best == truths
    uniform, counts = gaps(right, probability, "uniform")
    quantile, equal = gaps(right, probability, "quantile")
    assert (equal == images // BINS).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of classes that are answered and never true.
        balanced = balanced_accuracy_score(truths, best)
    return {
        "truths": truths.tolist(), "scores": scores.tolist(),
        "top1": accuracy_score(truths, best),
        "top5": top_k_accuracy_score(truths, scores, k=5, labels=range(classes)),
        "balanced": balanced,
        "ece": np.average(uniform, weights=counts), "mce": uniform.max(),
        "ece_equal_mass": quantile.mean(), "brier": brier_score_loss(right, probability),
    }


def main():
    rng = np.random.default_rng(6)
    found = {
        "hierarchical": [hierarchical(rng, 30, 1), hierarchical(rng, 40, 4), hierarchical(rng, 12, 2)],
        # Trees, a forest, DAGs of one root and of several.
        "similarities": [
            similarities(rng, *world) for world in [(26, 1, 1), (14, 1, 1), (24, 3, 1), (24, 1, 3), (26, 3, 2)]
        ],
        "classification": [classification(rng, 150, 8, 1.0), classification(rng, 90, 12, 2.0)],
    }
    rows = lambda worlds: ",\n".join(json.dumps(world, separators=(",", ":")) for world in worlds)
    OUT.write_text("{" + ",\n".join(f'"{name}": [\n{rows(worlds)}\n]' for name, worlds in found.items()) + "}\n")


if __name__ == "__main__":
    main()
