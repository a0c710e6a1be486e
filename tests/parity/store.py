#!/usr/bin/env python3
"""The store as other programs read it: clip-retrieval's reader (embedding-reader), and NumPy with PyArrow in the lines of docs/store.md.

Both must give, image by image, the rows that `cladist embed --out` writes.

Needs embedding-reader, numpy and pyarrow:  python3 tests/parity/store.py target/release/cladist
"""
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from embedding_reader import EmbeddingReader


def ten_lines(store):
    found = {}
    for marker in sorted(store.glob("shards/*.json")):
        n = marker.stem
        rows = np.load(store / f"img_emb/img_emb_{n}.npy", mmap_mode="r")
        images = pq.read_table(store / f"metadata/metadata_{n}.parquet")
        found |= {key: row for key, row in zip(images["sha256"].to_pylist(), rows)}
    return found


def clip_retrieval(store):
    reader = EmbeddingReader(str(store / "img_emb"), metadata_folder=str(store / "metadata"),
                             meta_columns=["image_path", "sha256"], file_format="parquet_npy")
    found = {}
    for rows, images in reader(batch_size=50, show_progress=False):
        found |= dict(zip(images["sha256"], rows))
    return found


def main():
    cladist = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        run = lambda *words: subprocess.run([cladist, *words], cwd=place, check=True)
        run("demo", "draw", "--n", "64", "--out", "figures")
        run("embed", "--images", "figures", "--model", "demo", "--store", "store", "--shard-rows", "9", "--out", "e")
        rows = np.load(place / "e/images.npy")
        paths = pq.read_table(place / "e/images.parquet")["path"].to_pylist()
        expected = {sha256((place / "figures" / path).read_bytes()).hexdigest(): row for path, row in zip(paths, rows)}
        store = next((place / "store").glob("images-*"))
        for read in (ten_lines, clip_retrieval):
            found = read(store)
            assert found.keys() == expected.keys(), read.__name__
            assert all((found[key] == expected[key]).all() for key in found), read.__name__
            print(f"{read.__name__}: {len(found)} rows, the same")


main()
