#!/usr/bin/env python3
"""How long scoring takes, and how much memory, where there is much of it.

Makes made-up data in a folder (kept, and used again) and runs a release build on it:
- scores: 50,000 images × 1,000 labels from logits, every figure and interval;
- predictions: 10 million predicted labels with probabilities, as CSV;
- listing: a manifest of 10 million images as `embed` lists it, of which a handful is looked for;
- wide (with --wordnet FILE, as tests/parity/wordnet_yaml.py writes it): 5,000 embedded images × all nouns of WordNet.
Wall-clock seconds, processor seconds and peak memory of each. Needs numpy:
    cargo build --release && python3 benches/scale.py --data /tmp/scale
"""
import argparse
import os
import re
import subprocess
import time
from pathlib import Path

import numpy as np

PROGRAM = Path(__file__).resolve().parent.parent / "target" / "release" / "cladist"
IMAGES, LABELS, MANY = 50_000, 1_000, 10_000_000


def taxonomy(path):
    """Ten groups of ten of ten labels; every tenth label has two parents."""
    lines = ["taxonomy: scale", "nodes:", "  root:"]
    lines += [f"  a{a}: {{parents: [root]}}" for a in range(10)]
    lines += [f"  b{b}: {{parents: [a{b % 10}]}}" for b in range(100)]
    for c in range(LABELS):
        parents = dict.fromkeys([f"b{c % 100}"] + ([f"b{c * 7 % 100}"] if c % 10 == 0 else []))
        lines.append(f"  c{c}: {{parents: [{', '.join(parents)}]}}")
    path.write_text("\n".join(lines) + "\n")


def table(path, head, rows):
    with open(path, "w") as out:
        out.write(head + "\n")
        out.writelines(rows)


def scores(data, rng):
    truth = rng.integers(0, LABELS, IMAGES)
    logits = rng.normal(size=(IMAGES, LABELS)).astype("f4")
    logits[np.arange(IMAGES), truth] += 2.5
    np.save(data / "logits.npy", logits)
    (data / "index.txt").write_text("\n".join(f"c{c}" for c in range(LABELS)))
    table(data / "truth.csv", "image,label", (f"{i:08d}.jpg,c{t}\n" for i, t in enumerate(truth)))


def predictions(data, rng):
    truth = rng.integers(0, LABELS, MANY)
    found = np.where(rng.random(MANY) < 0.7, truth, rng.integers(0, LABELS, MANY))
    sure = rng.random(MANY)
    table(data / "many_truth.csv", "image,label", (f"img/{i:08d}.jpg,c{t}\n" for i, t in enumerate(truth)))
    rows = (f"img/{i:08d}.jpg,c{p},{q:.4f}\n" for i, (p, q) in enumerate(zip(found, sure)))
    table(data / "many.csv", "image,label,probability", rows)


def wide(data, rng, wordnet):
    ids = re.findall(r'^  "([^"]+)":', Path(wordnet).read_text(), re.M)
    texts = rng.normal(size=(len(ids), 512)).astype("f4")
    truth = rng.integers(0, len(ids), 5_000)
    np.save(data / "wide_text.npy", texts)
    np.save(data / "wide_images.npy", texts[truth] + 0.9 * rng.normal(size=(5_000, 512)).astype("f4"))
    (data / "wide_index.txt").write_text("\n".join(ids))
    table(data / "wide_truth.csv", "image,label", (f"{i}.jpg,{ids[t]}\n" for i, t in enumerate(truth)))


def run(name, data, arguments, command="score", statuses=(0,)):
    command = [str(PROGRAM), command, *arguments]
    start = time.perf_counter()
    child = subprocess.Popen(command, cwd=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = child.stdout.read().decode().splitlines()
    _, status, used = os.wait4(child.pid, 0)
    assert os.waitstatus_to_exitcode(status) in statuses, f"{' '.join(command)} failed"
    wall = time.perf_counter() - start
    print(f"{name:<12}{wall:8.2f} s{used.ru_utime + used.ru_stime:9.2f} s CPU{used.ru_maxrss / 1e6:8.2f} GB   {out[0] if out else ''}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("scale-data"))
    parser.add_argument("--wordnet", help="a taxonomy of WordNet's nouns")
    args = parser.parse_args()
    data, rng = args.data, np.random.default_rng(0)
    data.mkdir(parents=True, exist_ok=True)
    taxonomy(data / "taxonomy.yaml")
    if not (data / "logits.npy").exists():
        scores(data, rng)
    if not (data / "many.csv").exists():
        predictions(data, rng)
    if args.wordnet and not (data / "wide_text.npy").exists():
        wide(data, rng, args.wordnet)
    own = ["--taxonomy", "taxonomy.yaml"]
    run("scores", data, [*own, "--truth", "truth.csv", "--scores", "logits.npy", "--scores-are", "logits",
                         "--label-index", "index.txt"])
    run("predictions", data, [*own, "--truth", "many_truth.csv", "--predictions", "many.csv"])
    # The images are not there, which is no success.
    run("listing", data, ["--images", "many_truth.csv", "--shard", "1/1000000", "--no-store", "--model", "demo", "--out", "listing"],
        "embed", (1,))
    if args.wordnet:
        run("wide", data, ["--taxonomy", str(Path(args.wordnet).resolve()), "--truth", "wide_truth.csv", "--image-embeddings",
                           "wide_images.npy", "--text-embeddings", "wide_text.npy", "--label-index", "wide_index.txt"])


if __name__ == "__main__":
    main()
