#!/usr/bin/env python3
"""Makes the demo: drawings, their manifest, and a tiny CLIP trained on others of the kind (4 minutes on 2 cores).

    python3 demo/make_demo.py            # rewrites demo/images, demo/manifest.csv, demo/model

Needs torch, transformers, tokenizers, safetensors, pillow, pyyaml. Everything is seeded.
"""
import csv
import json
import math
import random
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "parity"))
from clip_fixtures import END, tokenizer  # noqa: E402
from transformers import CLIPConfig, CLIPModel  # noqa: E402

SIZE, CANVAS = 32, 64
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], dtype=np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], dtype=np.float32)
TEMPLATES = ["a photo of {a}.", "a close-up photo of {a}.", "a good photo of {a}.", "a photo of one {}.",
             "a photo of a small {}.", "a photo of a large {}.", "a picture of {a}.", "a drawing of {a}.", "{}"]


def polygon(n, turn=-90.0):
    return [(math.cos(math.radians(turn + 360 * i / n)), math.sin(math.radians(turn + 360 * i / n))) for i in range(n)]


def figure(kind, rng):
    """Outlines of a figure in the unit disc; the second, if any, is a hole."""
    if kind == "square":
        return [polygon(4, 45)]
    if kind == "rectangle":
        h = rng.uniform(0.4, 0.65)
        return [[(-1, -h), (1, -h), (1, h), (-1, h)]]
    if kind == "rhombus":
        h = rng.uniform(0.5, 0.7)
        return [[(0, -1), (h, 0), (0, 1), (-h, 0)]]
    if kind == "parallelogram":
        h, s = rng.uniform(0.45, 0.6), rng.uniform(0.35, 0.5)
        return [[(-1 + s, -h), (1, -h), (1 - s, h), (-1, h)]]
    if kind == "trapezoid":
        h, s = rng.uniform(0.5, 0.65), rng.uniform(0.4, 0.6)
        return [[(-1 + s, -h), (1 - s, -h), (1, h), (-1, h)]]
    if kind == "right triangle":
        w = rng.choice([-1, 1])
        return [[(-w * 0.8, -0.8), (-w * 0.8, 0.7), (w * rng.uniform(0.7, 0.95), 0.7)]]
    if kind == "isosceles triangle":
        w = rng.uniform(0.35, 0.5)
        return [[(0, -1), (w, 0.85), (-w, 0.85)]]
    if kind == "equilateral triangle":
        return [polygon(3)]
    if kind == "regular pentagon":
        return [polygon(5)]
    if kind == "regular hexagon":
        return [polygon(6, 0)]
    if kind == "circle":
        return [polygon(48)]
    if kind == "ellipse":
        h = rng.uniform(0.45, 0.65)
        return [[(x, y * h) for x, y in polygon(48)]]
    if kind == "ring":
        h = rng.uniform(0.45, 0.65)
        return [polygon(48), [(x * h, y * h) for x, y in polygon(48)]]
    if kind == "star":
        return [[(x * r, y * r) for i, (x, y) in enumerate(polygon(10)) for r in [1 if i % 2 == 0 else 0.42]]]
    if kind == "cross":
        a = rng.uniform(0.25, 0.35)
        quarter = [(a, -1), (a, -a), (1, -a), (1, a)]
        turned = [(x * c - y * s, x * s + y * c) for c, s in [(1, 0), (0, 1), (-1, 0), (0, -1)] for x, y in quarter]
        return [turned]
    if kind == "heart":
        t = np.linspace(0, 2 * math.pi, 60)
        return [list(zip(np.sin(t) ** 3, -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16))]
    assert kind == "arrow", kind
    return [[(-1, -0.25), (0.15, -0.25), (0.15, -0.65), (1, 0), (0.15, 0.65), (0.15, 0.25), (-1, 0.25)]]


def draw(kind, rng):
    """One drawing, CANVAS pixels wide."""
    scale = 3
    colour = lambda low, high: tuple(rng.randint(low, high) for _ in range(3))
    dark_on_light = rng.random() < 0.5
    paper, ink = (colour(170, 255), colour(0, 110)) if dark_on_light else (colour(0, 90), colour(150, 255))
    image = Image.new("RGB", (CANVAS * scale,) * 2, paper)
    radius = CANVAS * scale * rng.uniform(0.3, 0.44)
    turn = math.radians(rng.uniform(-12, 12))
    free = CANVAS * scale / 2 - radius
    cx, cy = (CANVAS * scale / 2 + rng.uniform(-0.8, 0.8) * free for _ in range(2))
    pen = ImageDraw.Draw(image)
    outlined = rng.random() < 0.3
    for i, outline in enumerate(figure(kind, rng)):
        points = [(cx + radius * (x * math.cos(turn) - y * math.sin(turn)),
                   cy + radius * (x * math.sin(turn) + y * math.cos(turn))) for x, y in outline]
        if outlined:
            pen.line(points + points[:2], fill=ink, width=int(radius * 0.16), joint="curve")
        else:
            pen.polygon(points, fill=ink if i == 0 else paper)
    small = np.asarray(image.resize((CANVAS, CANVAS), Image.Resampling.BOX), dtype=np.int16)
    noise = np.random.default_rng(rng.randrange(1 << 30)).normal(0, 6, small.shape)
    return Image.fromarray(np.clip(small + noise, 0, 255).astype(np.uint8))


def pixels(image):
    values = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    return ((values - MEAN) / STD).transpose(2, 0, 1)


def taxonomy():
    """Names and ancestor closures of demo/taxonomy.yaml."""
    source = yaml.safe_load((HERE / "taxonomy.yaml").read_text())
    parents, names = {}, {}

    def walk(tree, above):
        for name, below in (tree.items() if isinstance(tree, dict) else ((leaf, None) for leaf in tree or [])):
            parents.setdefault(name, set()).update(above)
            walk(below, [name])

    walk(source["tree"], [])
    for name, node in source["nodes"].items():
        parents.setdefault(name, set()).update(node.get("parents", []))
        names[name] = node.get("names", [name])
    closure = lambda n: {n}.union(*(closure(p) for p in parents[n]))
    return {n: names.get(n, [n]) for n in parents}, {n: sorted(closure(n)) for n in parents}


def caption(rng, name):
    article = "an" if name[0] in "aeio" else "a"
    return rng.choice(TEMPLATES).replace("{a}", f"{article} {name}").replace("{}", name)


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    rng = random.Random(1)
    names, above = taxonomy()
    labels = sorted(names)
    kinds = [n for n in labels if n in {
        "square", "rectangle", "rhombus", "parallelogram", "trapezoid", "right triangle", "isosceles triangle",
        "equilateral triangle", "regular pentagon", "regular hexagon", "circle", "ellipse", "ring", "star", "cross",
        "heart", "arrow"}]
    tok = tokenizer(420, [caption(rng, name) for name in sum(names.values(), []) for _ in range(20)])
    config = CLIPConfig(
        projection_dim=64,
        text_config={"vocab_size": tok.get_vocab_size(), "hidden_size": 64, "intermediate_size": 128,
                     "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 32,
                     "eos_token_id": tok.token_to_id(END), "pad_token_id": tok.token_to_id(END)},
        vision_config={"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 3, "num_attention_heads": 4,
                       "image_size": SIZE, "patch_size": 8})
    model = CLIPModel(config)
    true = {k: torch.tensor([label in above[k] for label in labels]) for k in kinds}

    print("drawing", flush=True)
    drawn = [(k, pixels(draw(k, rng))) for _ in range(900) for k in kinds]
    data = torch.tensor(np.stack([p for _, p in drawn]))
    is_true = torch.stack([true[k] for k, _ in drawn])
    specific = torch.tensor([labels.index(k) for k, _ in drawn])
    steps, batch = 1800, 96
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps, pct_start=0.1)
    started = time.time()
    for step in range(steps):
        pick = torch.randint(len(drawn), (batch,))
        texts = [tok.encode(caption(rng, rng.choice(names[label]))).ids for label in labels]
        longest = max(map(len, texts))
        ids = torch.tensor([t + [tok.token_to_id(END)] * (longest - len(t)) for t in texts])
        image = model.visual_projection(model.vision_model(data[pick]).pooler_output)
        text = model.text_projection(model.text_model(input_ids=ids).pooler_output)
        image, text = (x / x.norm(dim=-1, keepdim=True) for x in (image, text))
        logits = model.logit_scale.exp() * image @ text.T
        # One true label is asked for, the others that are true are no negatives.
        some = torch.multinomial(is_true[pick].float(), 1).squeeze(1)
        asked = torch.where(torch.rand(batch) < 0.6, specific[pick], some)
        others = is_true[pick].clone()
        others[torch.arange(batch), asked] = False
        loss = torch.nn.functional.cross_entropy(logits.masked_fill(others, -1e4), asked)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=math.log(30))
        if step % 100 == 0:
            print(f"{step}: loss {loss.item():.3f}, {time.time() - started:.0f} s", flush=True)

    out = HERE / "model"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    model.half().save_pretrained(out)
    (out / "generation_config.json").unlink(missing_ok=True)
    tok.save(str(out / "tokenizer.json"))
    (out / "preprocessor_config.json").write_text(json.dumps({"size": {"shortest_edge": SIZE}, "crop_size": SIZE}) + "\n")

    shutil.rmtree(HERE / "images", ignore_errors=True)
    (HERE / "images").mkdir()
    held_out = random.Random(2)
    with open(HERE / "manifest.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["image", "label"])
        for i in range(12):
            for kind in kinds:
                name = f"images/{kind.replace(' ', '-')}-{i:02}.jpg"
                draw(kind, held_out).save(HERE / name, quality=88)
                # An annotator who is now and then less specific, and in one of thirty wrong.
                label = kind
                if held_out.random() < 0.2:
                    label = held_out.choice(above[kind])
                elif held_out.random() < 1 / 30:
                    label = held_out.choice(kinds)
                rows.writerow([name, label])


if __name__ == "__main__":
    main()
