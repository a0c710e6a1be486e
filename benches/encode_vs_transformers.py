#!/usr/bin/env python3
"""Times `cladist embed` against transformers on the same weights, the same JPEG files and the same number of threads.

    python3 benches/encode_vs_transformers.py --model DIR --images DIR [--threads 2] [--batch 32] [--rounds 5]

Runs alternate, so that a busy machine slows both; what counts is the median of the ratios. Needs a release build of
cladist, torch, transformers and pillow. Loading the model is timed on its own and taken off: `cladist embed` is run on
all images and on one, and the difference is the encoding.
"""
import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", type=Path, required=True)
parser.add_argument("--images", type=Path, required=True)
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--binary", default="target/release/cladist")
args = parser.parse_args()

import torch  # noqa: E402
from PIL import Image  # noqa: E402
from transformers import CLIPImageProcessor, CLIPModel  # noqa: E402

torch.set_num_threads(args.threads)
model = CLIPModel.from_pretrained(args.model).eval()
processor = CLIPImageProcessor.from_pretrained(args.model)
paths = sorted(p for p in args.images.rglob("*") if p.suffix == ".jpg")


def reference():
    """(seconds from files to embeddings, seconds of that from pixels)."""
    encoding = 0.0
    start = time.perf_counter()
    with torch.inference_mode():
        for i in range(0, len(paths), args.batch):
            images = [Image.open(p).convert("RGB") for p in paths[i:i + args.batch]]
            pixels = processor(images=images, return_tensors="pt")["pixel_values"]
            before = time.perf_counter()
            features = model.visual_projection(model.vision_model(pixels).pooler_output)
            features /= features.norm(dim=-1, keepdim=True)
            encoding += time.perf_counter() - before
    return time.perf_counter() - start, encoding


def ours(images):
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        subprocess.run([args.binary, "embed", "--images", images, "--model", args.model, "--batch", str(args.batch),
                        "--out", f"{out}/e"], check=True, stderr=subprocess.DEVNULL)
        return time.perf_counter() - start


with tempfile.TemporaryDirectory() as one:
    os.symlink(paths[0].resolve(), f"{one}/one.jpg")
    ends, encodes = [], []
    for _ in range(args.rounds):
        reference_end, reference_encode = reference()
        net = ours(args.images) - ours(one)
        ends.append(reference_end / net)
        encodes.append(reference_encode / net)
        print(f"transformers {len(paths) / reference_end:.1f}/s from files ({len(paths) / reference_encode:.1f}/s from "
              f"pixels), cladist {len(paths) / net:.1f}/s from files, ratio {ends[-1]:.2f} (its files to their pixels: "
              f"{encodes[-1]:.2f})", flush=True)
print(f"median of {args.rounds}: {statistics.median(ends):.2f} × transformers from files; cladist from files is "
      f"{statistics.median(encodes):.2f} × transformers from pixels")
