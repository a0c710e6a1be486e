#!/usr/bin/env python3
"""Times cladist's image encoder against transformers on the same weights, files, threads and batch size.

    python3 benches/encode_vs_transformers.py --model DIR --images DIR [--threads 2] [--batch 32] [--rounds 7]

From pixels (the encoder alone) and from JPEG files (read, decode, preprocess, encode). Both hold the model in memory
and do one pass in turn, so that a busy machine slows both; what counts is the median of the ratios. Needs a Rust
toolchain (it builds and runs `cargo bench --bench encode`), torch, transformers and pillow.
"""
import argparse
import os
import statistics
import subprocess
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", type=Path, required=True, help="a CLIP checkpoint in the Hugging Face layout")
parser.add_argument("--images", type=Path, required=True, help="a folder of JPEG files")
parser.add_argument("--threads", type=int, default=os.cpu_count(), help="for transformers; cladist uses every core")
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--rounds", type=int, default=7)
args = parser.parse_args()

import torch  # noqa: E402
from transformers import CLIPImageProcessor, CLIPModel  # noqa: E402
from transformers.image_utils import load_image  # noqa: E402

torch.set_num_threads(args.threads)
model = CLIPModel.from_pretrained(args.model).eval()
processor = CLIPImageProcessor.from_pretrained(args.model)
paths = [str(path) for path in sorted(args.images.rglob("*.jpg"))]
batches = [paths[i:i + args.batch] for i in range(0, len(paths), args.batch)]


def prepare(batch):
    return processor(images=[load_image(path) for path in batch], return_tensors="pt")["pixel_values"]


def encode(pixels):
    features = model.visual_projection(model.vision_model(pixels).pooler_output)
    return features / features.norm(dim=-1, keepdim=True)


pixels = [prepare(batch) for batch in batches]


def reference(kind):
    start = time.perf_counter()
    with torch.inference_mode():
        for i, batch in enumerate(batches):
            encode(pixels[i] if kind == "pixels" else prepare(batch))
    return time.perf_counter() - start


ours = subprocess.Popen(
    ["cargo", "bench", "--bench", "encode", "--", "--model", args.model.resolve(), "--images", args.images.resolve(),
     "--batch", str(args.batch)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def cladist(kind):
    print(kind, file=ours.stdin, flush=True)
    return float(ours.stdout.readline())


for kind in ["pixels", "files"]:
    reference(kind), cladist(kind)  # warm caches and allocators
    ratios = []
    for _ in range(args.rounds):
        theirs, mine = reference(kind), cladist(kind)
        ratios.append(theirs / mine)
        print(f"from {kind}: transformers {len(paths) / theirs:.1f}/s, cladist {len(paths) / mine:.1f}/s, "
              f"ratio {ratios[-1]:.2f}", flush=True)
    print(f"from {kind}: median of {args.rounds}: {statistics.median(ratios):.2f} × transformers", flush=True)
ours.stdin.close()
ours.wait()
