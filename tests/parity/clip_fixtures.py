#!/usr/bin/env python3
"""Reference embeddings of CLIP from Hugging Face transformers, over configurations that differ where loaders go wrong.

    python3 tests/parity/clip_fixtures.py                      # rewrites tests/fixtures/clip/
    python3 tests/parity/clip_fixtures.py --size base --out D  # a ViT-B/32-sized checkpoint with random weights in D
    python3 tests/parity/clip_fixtures.py --reference MODEL --images DIR --texts FILE --out D
                                                               # embeddings of files by transformers, as npy

Needs torch, transformers, tokenizers, safetensors, pillow. The weights are random and the vocabulary is our own.
"""
import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer
from transformers import CLIPConfig, CLIPModel

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "clip"
START, END = "<|startoftext|>", "<|endoftext|>"
CORPUS = ["a photo of a square", "a drawing of a rectangle", "the dog and the bone", "a photo of a fox", "long"] * 8
TEXTS = [
    "a photo of a square.", "A Photo of a RECTANGLE!!", "", "   two   spaces\tand a tab ", "it's the dog's bone, isn't it?",
    "Ångström café naïve", "犬と猫 — 写真", "🦊🦊 a fox 🦊", "x1y22z333 3.14 #hash @you", "snake_case-and-dash/slash",
    "long " * 120,
]


def tokenizer(size, corpus=CORPUS):
    """A byte-pair tokenizer with CLIP's normaliser, pre-tokeniser and template, on a vocabulary of its own."""
    made = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix="</w>", continuing_subword_prefix=""))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    # The start and end come last, as in CLIP's vocabulary: the end is the largest id.
    trainer = BpeTrainer(vocab_size=size - 2, end_of_word_suffix="</w>", special_tokens=[], show_progress=False,
                         initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(corpus, trainer)
    definition = json.loads(made.to_str())
    ids = definition["model"]["vocab"]
    for token in (START, END):
        ids[token] = len(ids)
    made = Tokenizer.from_str(json.dumps(definition))
    made.add_special_tokens([START, END])
    made.post_processor = processors.RobertaProcessing(
        (END, ids[END]), (START, ids[START]), trim_offsets=False, add_prefix_space=False)
    return made


def build(out, *, act="quick_gelu", eos=None, eps=1e-5, projection=24, vision=None, text=None, seed=0, vocab=640):
    out.mkdir(parents=True, exist_ok=True)
    tok = tokenizer(vocab)
    end = tok.token_to_id(END)
    tok.save(str(out / "tokenizer.json"))
    torch.manual_seed(seed)
    config = CLIPConfig(
        projection_dim=projection,
        text_config={"vocab_size": tok.get_vocab_size(), "hidden_size": 32, "intermediate_size": 64,
                     "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 24,
                     "hidden_act": act, "layer_norm_eps": eps, "projection_dim": projection,
                     "bos_token_id": tok.token_to_id(START), "eos_token_id": end if eos is None else eos,
                     "pad_token_id": end, **(text or {})},
        vision_config={"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3,
                       "image_size": 32, "patch_size": 8, "hidden_act": act, "layer_norm_eps": eps,
                       "projection_dim": projection, **(vision or {})})
    model = CLIPModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # transformers' initial weights are so small that activations stay linear and errors hide.
            if parameter.ndim > 1:
                parameter.normal_(0, 1.2 / parameter[0].numel() ** 0.5 if "embedding" not in name else 0.3)
            elif name != "logit_scale":
                parameter.add_(torch.randn_like(parameter) * 0.1)
    config.save_pretrained(out)
    size = model.config.vision_config.image_size
    (out / "preprocessor_config.json").write_text(json.dumps({"size": size, "crop_size": size}))
    return model, tok


def save(model, out, how):
    tensors = {k: v.contiguous() for k, v in model.state_dict().items()}
    if how == "f16":
        save_file({k: v.half() for k, v in tensors.items()}, out / "model.safetensors")
    elif how == "bin":
        # As conversion scripts leave them: matrices transposed in place, the model inside another one.
        turned = {f"clip.{k}": v.t().contiguous().t() if v.ndim == 2 else v for k, v in tensors.items()}
        torch.save(turned, out / "pytorch_model.bin")
    elif how == "sharded":
        names = sorted(tensors)
        halves = [names[::2], names[1::2]]
        where = {}
        for i, half in enumerate(halves):
            file = f"model-{i + 1:05}-of-00002.safetensors"
            save_file({k: tensors[k] for k in half}, out / file)
            where |= dict.fromkeys(half, file)
        (out / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    else:
        save_file(tensors, out / "model.safetensors")


def expected(model, tok, out):
    """Embeddings and logits of fixed pixels and texts; the stored weights are what is computed with."""
    size = model.config.vision_config.image_size
    length = model.config.text_config.max_position_embeddings
    pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(7))
    tok.enable_truncation(length)
    ids = [tok.encode(text).ids for text in TEXTS]
    with torch.no_grad():
        images = model.visual_projection(model.vision_model(pixels).pooler_output)
        texts = torch.cat([model.text_projection(model.text_model(input_ids=torch.tensor([i])).pooler_output)
                           for i in ids])
        images, texts = (x / x.norm(dim=-1, keepdim=True) for x in (images, texts))
        logits = model.logit_scale.exp() * images @ texts.T
    tolist = lambda t: [float(f"{v:.8g}") for v in t.flatten().tolist()]
    (out / "expected.json").write_text(json.dumps({
        "pixels": tolist(pixels), "texts": TEXTS, "token_ids": ids, "logit_scale": model.logit_scale.exp().item(),
        "image_embeddings": tolist(images), "text_embeddings": tolist(texts), "logits": tolist(logits)}))


def fixtures():
    cases = {
        "quick-gelu": dict(how="f32"),
        "gelu-eps-f16": dict(how="f16", act="gelu", eps=1e-3, seed=1, projection=40),
        "old-eos-sharded": dict(how="sharded", eos=2, seed=2, vision={"patch_size": 16, "image_size": 40}),
        "bin": dict(how="bin", seed=3, text={"hidden_size": 48, "num_attention_heads": 2}),
    }
    shutil.rmtree(FIXTURES, ignore_errors=True)
    for name, options in cases.items():
        how = options.pop("how")
        out = FIXTURES / name
        model, tok = build(out, **options)
        if how == "f16":
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.copy_(parameter.half().float())
        save(model, out, how)
        expected(model, tok, out)


def reference(model_dir, images, texts, out):
    """What transformers makes of files: unit embeddings in the order of sorted paths and of lines."""
    from transformers import CLIPImageProcessor
    from transformers.image_utils import load_image
    out.mkdir(parents=True, exist_ok=True)
    # Checkpoints in half precision are computed in f32, as cladist does on the CPU.
    model = CLIPModel.from_pretrained(model_dir, dtype=torch.float32).eval()
    processor = CLIPImageProcessor.from_pretrained(model_dir)
    tok = Tokenizer.from_file(str(model_dir / "tokenizer.json"))
    tok.enable_truncation(model.config.text_config.max_position_embeddings)
    tok.no_padding()
    paths = sorted(p for p in images.rglob("*") if p.is_file())
    with torch.no_grad():
        rows = []
        for path in paths:
            pixels = processor(images=load_image(str(path)), return_tensors="pt")["pixel_values"]
            rows.append(model.visual_projection(model.vision_model(pixels).pooler_output))
        lines = texts.read_text().splitlines()
        encoded = [model.text_projection(model.text_model(input_ids=torch.tensor([tok.encode(t).ids])).pooler_output)
                   for t in lines]
    for name, found in [("images", rows), ("texts", encoded)]:
        found = torch.cat(found)
        np.save(out / f"{name}.npy", (found / found.norm(dim=-1, keepdim=True)).numpy())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["base"])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--texts", type=Path)
    args = parser.parse_args()
    if args.reference:
        reference(args.reference, args.images, args.texts, args.out)
    elif args.size == "base":
        made, _ = build(args.out, projection=512, vocab=2048,
                        text={"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12,
                              "num_attention_heads": 8, "max_position_embeddings": 77},
                        vision={"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
                                "num_attention_heads": 12, "image_size": 224, "patch_size": 32})
        save(made, args.out, "f32")
    else:
        fixtures()
