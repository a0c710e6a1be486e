#!/usr/bin/env python3
"""Re-assessed figures as those who published them compute them: an independent reference.

Makes a flat set of classes under a hierarchy, annotations, predictions, a ReaL-like re-annotation (some sets empty), a
multi-label re-annotation of a part of the images (some problematic) and a one-directional map of classes that are also right;
computes top-1, ReaL accuracy (Beyer et al. 2020: numpy, over the images whose set is not empty), multi-label accuracy (Shankar et
al. 2020, as in TensorFlow Datasets' imagenet2012_multilabel: class by class), the counts of errors in the order of Peychev et al.
2023 (also right, then multi-label), mistake severity and hdist@1 by the height of the lowest common ancestor and by H minus its depth
on the tree; and writes tests/fixtures/reassessed.json, which tests/it/reassessed.rs runs the program on.
Needs nothing but Python:  python3 tests/parity/reassessed.py
"""
import json
import random
from collections import defaultdict
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "reassessed.json"
CLASSES, IMAGES = 60, 1500


def main():
    rng = random.Random(20)
    # A tree whose leaves are not equally deep.
    parent = {}
    inner = ["entity"]
    for i in range(18):
        name = f"group{i}"
        parent[name] = rng.choice(inner)
        inner.append(name)
    used = {p for p in parent.values()}
    for c in range(CLASSES):
        # Every inner node has something below it, so that the classes are the leaves.
        bare = [g for g in inner if g not in used]
        parent[f"class{c}"] = bare[0] if bare else rng.choice(inner)
        used.add(parent[f"class{c}"])
    leaves = [f"class{c}" for c in range(CLASSES)]

    def path(n):
        return [n] + (path(parent[n]) if n in parent else [])

    depth = {n: len(path(n)) - 1 for n in [*parent, "entity"]}
    height = {n: 0 for n in depth}
    for n in depth:
        for up, a in enumerate(path(n)):
            height[a] = max(height[a], up)
    deepest = max(depth.values())

    def distances(a, b):
        if a == b:
            return 0, 0
        lca = next(n for n in path(a) if n in path(b))
        return height[lca], deepest - depth[lca]

    also = defaultdict(list)
    for _ in range(25):
        a, b = rng.sample(range(CLASSES), 2)
        also[a].append(b)
    truth = [rng.randrange(CLASSES) for _ in range(IMAGES)]
    near = lambda t: rng.choice(also[t]) if also[t] and rng.random() < 0.5 else rng.randrange(CLASSES)
    predicted = [t if rng.random() < 0.6 else near(t) for t in truth]
    real, multi = [], {}
    for i, t in enumerate(truth):
        others = [rng.randrange(CLASSES) for _ in range(rng.choice([0, 0, 1, 2]))]
        some = others + ([predicted[i]] if rng.random() < 0.3 else [])
        labels = sorted(set(some + ([t] if rng.random() < 0.9 else [])))
        real.append([] if rng.random() < 0.08 else labels)
        if rng.random() < 0.4:
            problematic = rng.random() < 0.1
            labels = sorted(set(some + ([t] if not problematic else [])))
            multi[i] = {"labels": labels, "problematic": problematic}

    top1 = sum(p == t for p, t in zip(predicted, truth)) / IMAGES
    is_correct = [predicted[i] in real[i] for i in range(IMAGES) if real[i]]
    right, images = defaultdict(int), defaultdict(int)
    counts = dict.fromkeys(["correct", "also_right", "multi_label", "other"], 0)
    for i, of in multi.items():
        if of["problematic"]:
            continue
        images[truth[i]] += 1
        if predicted[i] == truth[i]:
            kind = "correct"
        elif predicted[i] in also.get(truth[i], []):
            kind = "also_right"
        elif predicted[i] in of["labels"]:
            kind = "multi_label"
        else:
            kind = "other"
        counts[kind] += 1
        right[truth[i]] += kind != "other"
    mla = sum(right[c] / images[c] for c in images) / len(images)
    found = [distances(leaves[p], leaves[t]) for p, t in zip(predicted, truth)]
    errors = [d for d, p, t in zip(found, predicted, truth) if p != t]
    mean = lambda values: sum(values) / len(values)

    nodes = {"entity": {}} | {n: {"parents": [p]} for n, p in parent.items()}
    name = lambda i: f"ILSVRC2012_val_{i + 1:08}.JPEG"
    facts = {
        "nodes": nodes,
        "index": leaves,
        "truth": truth,
        "predicted": predicted,
        "images": [name(i) for i in range(IMAGES)],
        "real": real,
        "multi": [{"image": name(i), **of} for i, of in multi.items()],
        "also": also,
        "expected": {
            "top1": top1,
            "real": mean(is_correct),
            "real_n": len(is_correct),
            "mla": mla,
            "mla_n": sum(images.values()),
            "classes": len(images),
            "counts": counts,
            "severity": [mean([d[k] for d in errors]) for k in (0, 1)],
            "hdist_1": [mean([d[k] for d in found]) for k in (0, 1)],
        },
    }
    OUT.write_text(json.dumps(facts, separators=(",", ":")) + "\n")
    print(OUT.name, OUT.stat().st_size, "bytes", facts["expected"])


if __name__ == "__main__":
    main()
