#!/usr/bin/env python3
"""Reference embeddings of SigLIP and SigLIP 2 (fixed resolution) from Hugging Face transformers.

    python3 tests/parity/siglip_fixtures.py            # rewrites tests/fixtures/siglip/
    python3 tests/parity/siglip_fixtures.py --pixels   # rewrites tests/fixtures/pixels/siglip.json
    python3 tests/parity/siglip_fixtures.py --reference DIR --images DIR --texts FILE --out DIR
                                                       # embeddings of files by transformers, as npy

Needs torch, torchvision, transformers, tokenizers, sentencepiece, safetensors, pillow. The weights are random and the
vocabularies are our own: a unigram model for SigLIP, as its sentencepiece is converted, byte pairs for SigLIP 2, as Gemma's.
"""
import argparse
import hashlib
import json
import pathlib
import shutil
import string

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

from clip_fixtures import CORPUS, TEXTS
from pixels import noise

ROOT = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
FIXTURES = ROOT / "siglip"
LENGTH = 20


def canonical(text):
    """What SiglipTokenizer does before its sentencepiece model."""
    return " ".join(text.lower().translate(str.maketrans("", "", string.punctuation)).split())


def unigram():
    """T5's kind of tokenizer, as SigLIP's is: `</s>` at the end, and as padding."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.train_from_iterator([canonical(t) for t in CORPUS], trainers.UnigramTrainer(
        vocab_size=60, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False))
    made.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", made.token_to_id("</s>"))])
    return made, {"tokenizer_class": "SiglipTokenizer", "do_lower_case": True, "pad_token": "</s>", "eos_token": "</s>",
                  "model_max_length": LENGTH}, canonical


def byte_pairs():
    """Gemma's kind of tokenizer, as SigLIP 2's is: byte fallback, `<eos>` at the end, `<pad>` as padding."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.train_from_iterator([t.lower() for t in CORPUS], trainers.BpeTrainer(
        vocab_size=380, special_tokens=special + [f"<0x{i:02X}>" for i in range(256)], show_progress=False))
    made.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    return made, {"tokenizer_class": "Siglip2Tokenizer", "pad_token": "<pad>", "eos_token": "<eos>",
                  "model_max_length": LENGTH}, str.lower


CASES = {
    # The keys that SigLIP's files leave out are left out here, so that the defaults are in use.
    "siglip": dict(tokenizer=unigram, seed=0, how="f32", resample=3),
    "siglip2-f16": dict(tokenizer=byte_pairs, seed=1, how="f16", resample=2, vision={"image_size": 40, "patch_size": 16},
                        text={"projection_size": 32, "hidden_size": 24, "num_attention_heads": 3}),
}


def build(out, *, tokenizer, seed, how, resample, vision=None, text=None):
    out.mkdir(parents=True, exist_ok=True)
    tok, config_of_tok, clean = tokenizer()
    tok.save(str(out / "tokenizer.json"))
    (out / "tokenizer_config.json").write_text(json.dumps(config_of_tok))
    config = {
        "model_type": "siglip",
        "text_config": {"model_type": "siglip_text_model", "vocab_size": tok.get_vocab_size(), "hidden_size": 32,
                        "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
                        "max_position_embeddings": LENGTH, **(text or {})},
        "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
                          "num_attention_heads": 4, "image_size": 32, "patch_size": 8, **(vision or {})},
    }
    (out / "config.json").write_text(json.dumps(config, indent=1))
    torch.manual_seed(seed)
    model = SiglipModel(SiglipConfig(**{k: v for k, v in config.items() if k != "model_type"})).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Initial weights are so small that activations stay linear and errors hide.
            if parameter.ndim > 1:
                parameter.normal_(0, 1.2 / parameter[0].numel() ** 0.5 if "embedding" not in name else 0.3)
            elif not name.startswith("logit"):
                parameter.add_(torch.randn_like(parameter) * 0.1)
        model.logit_scale.fill_(float(np.log(110.0)))
        model.logit_bias.fill_(-12.5)
    tensors = {k: v.contiguous() for k, v in model.state_dict().items()}
    if how == "f16":
        tensors = {k: v.half() for k, v in tensors.items()}
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(parameter.half().float())
    save_file(tensors, out / "model.safetensors")
    size = config["vision_config"]["image_size"]
    (out / "preprocessor_config.json").write_text(json.dumps({
        "do_convert_rgb": None, "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3, "image_processor_type": "SiglipImageProcessor", "processor_class": "SiglipProcessor",
        "resample": resample, "rescale_factor": 1 / 255, "size": {"height": size, "width": size}}))
    return model, tok, config_of_tok, clean


def padded(tok, config, clean, texts):
    """As the processor calls the tokenizer: cleaned, cut, always padded to the full length."""
    tok.enable_truncation(LENGTH)
    tok.enable_padding(length=LENGTH, pad_id=tok.token_to_id(config["pad_token"]), pad_token=config["pad_token"])
    return torch.tensor([tok.encode(clean(text)).ids for text in texts])


def expected(model, ids, out):
    """Embeddings and logits of fixed pixels and texts; the stored weights are what is computed with."""
    size = model.config.vision_config.image_size
    pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        made = model(input_ids=ids, pixel_values=pixels)
    bias, scale = model.logit_bias.item(), model.logit_scale.exp().item()
    tolist = lambda t: [float(f"{v:.8g}") for v in t.flatten().tolist()]
    (out / "expected.json").write_text(json.dumps({
        "pixels": tolist(pixels), "texts": TEXTS, "token_ids": ids.tolist(), "logit_scale": scale, "logit_bias": bias,
        "image_embeddings": tolist(made.image_embeds), "text_embeddings": tolist(made.text_embeds),
        # Without the bias, which is the same for all pairs.
        "logits": tolist(made.logits_per_image - bias)}))


def fixtures():
    shutil.rmtree(FIXTURES, ignore_errors=True)
    for name, case in CASES.items():
        out = FIXTURES / name
        model, tok, config, clean = build(out, **case)
        expected(model, padded(tok, config, clean, TEXTS), out)


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


CONFIGS = [{}, {"size": {"height": 32, "width": 32}, "resample": 2}, {"size": {"height": 48, "width": 40}},
           {"size": {"height": 56, "width": 56}, "resample": 2, "image_mean": [0.4, 0.5, 0.6]}]


def pixels():
    """Hashes of what SigLIP's image processor makes of noise of many sizes."""
    sizes = [(1, 1), (7, 300), (300, 7), (32, 32), (40, 48), (56, 55), (64, 48), (100, 67), (61, 224), (333, 250)]
    cases = []
    for i, (w, h) in enumerate(sizes):
        image = Image.fromarray(noise(w, h, i))
        for c, config in enumerate(CONFIGS):
            made = SiglipImageProcessor(**config)(images=image, return_tensors="pt")["pixel_values"][0]
            cases.append({"width": w, "height": h, "seed": i, "config": c, "tensor": sha(made.numpy())})
    (ROOT / "pixels" / "siglip.json").write_text(json.dumps({"configs": CONFIGS, "resizing": cases}, indent=0))


def reference(directory, images, lines, out):
    """What transformers makes of files: unit embeddings in the order of sorted paths and of lines."""
    out.mkdir(parents=True, exist_ok=True)
    model = SiglipModel.from_pretrained(directory, dtype=torch.float32).eval()
    processor = SiglipImageProcessor.from_pretrained(directory)
    tok = Tokenizer.from_file(str(directory / "tokenizer.json"))
    config = json.loads((directory / "tokenizer_config.json").read_text())
    clean = canonical if config["tokenizer_class"] == "SiglipTokenizer" else str.lower
    ids = padded(tok, config, clean, lines.read_text().splitlines())
    unit = lambda x: (x / x.norm(dim=-1, keepdim=True)).numpy()
    with torch.no_grad():
        # Not through `load_image`, which forgets transparency where the processor puts it on white.
        opened = [ImageOps.exif_transpose(Image.open(p)) for p in sorted(images.rglob("*")) if p.is_file()]
        pixels = [processor(images=i, do_convert_rgb=True, return_tensors="pt")["pixel_values"] for i in opened]
        rows = [model.vision_model(one).pooler_output for one in pixels]
        np.save(out / "images.npy", unit(torch.cat(rows)))
        np.save(out / "texts.npy", unit(model.text_model(input_ids=ids).pooler_output))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", action="store_true")
    parser.add_argument("--reference", type=pathlib.Path)
    parser.add_argument("--images", type=pathlib.Path)
    parser.add_argument("--texts", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    if args.reference:
        reference(args.reference, args.images, args.texts, args.out)
    elif args.pixels:
        pixels()
    else:
        fixtures()
