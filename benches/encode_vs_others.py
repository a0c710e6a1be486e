#!/usr/bin/env python3
"""Times cladist's image encoder against transformers, open_clip and ONNX Runtime on the same weights, files and threads.

    python3 benches/encode_vs_others.py --model DIR --images DIR [--threads 2] [--batch 32] [--rounds 7]
                                        [--kinds pixels files latency] [--dtypes f32] [--bench BINARY]

- pixels: the encoder alone, from tensors in memory to embeddings;
- files: from JPEG files to embeddings, each with its own preprocessing (transformers' processor, open_clip's transform, one
  file after the other; ONNX Runtime has none, and takes open_clip's);
- latency: one image at a time, from its tensor.

All hold the model in memory and do one pass in turn, so that what else the machine does slows all of them; what counts is the
median of the ratios of one round. Peak memory is that of the whole process, ours read from /proc at the end. `--dtypes` times
cladist in other precisions against the same references, where the device has them.

Needs a Rust toolchain (it builds and runs `cargo bench --bench encode`, or runs BINARY), torch, transformers, pillow, and where
they are to be compared open_clip_torch, onnx, onnxscript and onnxruntime. What is not installed is left out and said.
"""
import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", type=Path, required=True, help="a CLIP checkpoint in the Hugging Face layout")
parser.add_argument("--images", type=Path, required=True, help="a folder of JPEG files")
parser.add_argument("--threads", type=int, default=os.cpu_count(), help="for the others; cladist uses every core")
parser.add_argument("--batch", type=int, default=32, help="images a batch of the others")
parser.add_argument("--our-batch", type=int, help="images a micro-batch of cladist; its default is the program's")
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--kinds", nargs="+", default=["pixels", "files", "latency"], choices=["pixels", "files", "latency"])
parser.add_argument("--dtypes", nargs="+", default=["f32"])
parser.add_argument("--bench", type=Path, help="the built benchmark, instead of building it")
args = parser.parse_args()

import torch  # noqa: E402
from transformers import CLIPImageProcessor, CLIPModel  # noqa: E402
from transformers.image_utils import load_image  # noqa: E402

torch.set_num_threads(args.threads)
paths = [str(path) for path in sorted(args.images.rglob("*.jpg"))]
batches = [paths[i:i + args.batch] for i in range(0, len(paths), args.batch)]
model = CLIPModel.from_pretrained(args.model).eval()
processor = CLIPImageProcessor.from_pretrained(args.model)


def unit(features):
    return features / features.norm(dim=-1, keepdim=True)


class Transformers:
    name = "transformers"

    def prepare(self, batch):
        return processor(images=[load_image(path) for path in batch], return_tensors="pt")["pixel_values"]

    def encode(self, pixels):
        return unit(model.visual_projection(model.vision_model(pixels).pooler_output))


class OpenClip:
    name = "open_clip"

    def __init__(self):
        import open_clip
        from PIL import Image
        vision = model.config.vision_config
        text = model.config.text_config
        self.open = Image.open
        # The same shapes, so the same work; the values of random weights have no say in the time.
        self.model = open_clip.CLIP(
            embed_dim=model.config.projection_dim,
            vision_cfg=dict(image_size=vision.image_size, layers=vision.num_hidden_layers, width=vision.hidden_size,
                            head_width=vision.hidden_size // vision.num_attention_heads, patch_size=vision.patch_size),
            text_cfg=dict(context_length=text.max_position_embeddings, vocab_size=text.vocab_size, width=text.hidden_size,
                          heads=text.num_attention_heads, layers=text.num_hidden_layers),
            quick_gelu=vision.hidden_act == "quick_gelu").eval()
        self.transform = open_clip.image_transform(vision.image_size, is_train=False)

    def prepare(self, batch):
        return torch.stack([self.transform(self.open(path)) for path in batch])

    def encode(self, pixels):
        return self.model.encode_image(pixels, normalize=True)


class OnnxRuntime:
    name = "ONNX Runtime"

    def __init__(self, prepare):
        import onnxruntime
        self.prepare = prepare

        class Images(torch.nn.Module):
            def forward(self, pixels):
                return unit(model.visual_projection(model.vision_model(pixels).pooler_output))

        path = Path(tempfile.mkdtemp()) / "images.onnx"
        size = model.config.vision_config.image_size
        torch.onnx.export(Images().eval(), (torch.zeros(2, 3, size, size),), path, input_names=["pixels"], dynamo=True,
                          dynamic_shapes=({0: torch.export.Dim("n", min=1, max=4096)},), verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = args.threads
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def encode(self, pixels):
        return torch.from_numpy(self.session.run(None, {"pixels": pixels.numpy()})[0])


others = [Transformers()]
for make in [OpenClip, lambda: OnnxRuntime(others[-1].prepare)]:
    try:
        others.append(make())
    except ImportError as error:
        print(f"left out: {error}", file=sys.stderr)
prepared = [others[0].prepare(batch) for batch in batches]
single = prepared[0][:1].contiguous()


def reference(other, kind):
    start = time.perf_counter()
    with torch.inference_mode():
        if kind == "latency":
            other.encode(single)
        for i, batch in enumerate(batches if kind != "latency" else []):
            other.encode(prepared[i] if kind == "pixels" else other.prepare(batch))
    return time.perf_counter() - start


class Ours:
    def __init__(self, dtype):
        command = [args.bench.resolve()] if args.bench else ["cargo", "bench", "--bench", "encode", "--"]
        batch = ["--batch", str(args.our_batch)] if args.our_batch else []
        self.process = subprocess.Popen(
            [*command, "--model", args.model.resolve(), "--images", args.images.resolve(), "--dtype", dtype, *batch],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, question):
        print(question, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def end(self):
        memory = self.ask("memory")
        self.process.stdin.close()
        self.process.wait()
        return memory


for dtype in args.dtypes:
    ours = Ours(dtype)
    for kind in args.kinds:
        count = 1 if kind == "latency" else len(paths)
        asked = [*others, ours]
        ratios = {other.name: [] for other in others}
        seconds = {name: [] for name in [*ratios, "cladist"]}
        for round in range(args.rounds + 1):
            took = {other.name: reference(other, kind) for other in others}
            mine = float(ours.ask(kind))
            if round == 0:
                continue  # warms caches and allocators
            seconds["cladist"].append(mine)
            for name, theirs in took.items():
                seconds[name].append(theirs)
                ratios[name].append(theirs / mine)
        print(f"{kind}, {dtype}: medians of {args.rounds} rounds, {args.threads} threads")
        for name, taken in seconds.items():
            ratio = f"   cladist is {statistics.median(ratios[name]):.2f} × as fast" if name in ratios else ""
            taken = statistics.median(taken)
            speed = f"{taken * 1000:7.1f} ms" if kind == "latency" else f"{count / taken:7.1f} images/s"
            print(f"  {name:14} {speed}{ratio}", flush=True)
    print(f"peak memory: cladist in {dtype} {ours.end()} MiB, "
          f"this process with {len(others)} others {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
