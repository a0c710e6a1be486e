#!/usr/bin/env python3
"""Reference embeddings of open_clip, over configurations that differ where loaders go wrong.

    python3 tests/parity/open_clip_fixtures.py                 # rewrites tests/fixtures/open_clip/
    python3 tests/parity/open_clip_fixtures.py --pixels        # rewrites tests/fixtures/pixels/open_clip.json
    python3 tests/parity/open_clip_fixtures.py --texts         # rewrites tests/fixtures/open_clip_texts.json
    python3 tests/parity/open_clip_fixtures.py --reference DIR --images DIR --texts-of FILE --out DIR
                                                               # embeddings of files by open_clip, as npy

Needs torch, open_clip_torch, transformers, tokenizers, safetensors, and pillow before 13: since then pictures that lose more
than twice as many rows as columns are resized rows first, which moves some levels by one. The weights are random and the vocabulary is our own: the
files are in the layout that open_clip's push_to_hf_hub writes.
"""
import argparse
import copy
import hashlib
import json
import pathlib
import shutil

import numpy as np
import open_clip
import torch
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import BertTokenizerFast

from clip_fixtures import END, START, TEXTS, tokenizer
from pixels import noise

ROOT = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
FIXTURES = ROOT / "open_clip"

# What cleaning a text undergoes, and some that it must not touch.
DIRTY = [
    "Fish &amp; Chips", "Fish &amp;amp; Chips", "&lt;b&gt; &NTILDE;o &ntilde;o &notit; &#233; &#xe9; &#150; &#x110000; &bogus;",
    "<b>&eacute;</b> &eacute", "“Curly” ‘quotes’", "ﬁne ﬂour, ĳs, ǆ", "ＦＵＬＬ　ｗｉｄｔｈ ｶﾞ", "a\u0301 e\u0301",
    "a\x1b[31;1mred\x1b[0m word", "null\x00 bell\x07 bom\ufeff and \u206a", "it’s a dog’s", "C1 \x85 and \x96 dashes", "<end_of_text> inside",
    "snake_case & Ünïcode—dash", "non\u00a0breaking\u2003space", "ΑΣ and ΑΣΑ", "I'M SURE THEY'LL", "a &#59; b; &amp", "line one\nline <two> &amp;\n&amp;",
    "ſt and Kelvin K", "½ x² ①", "", "   ",
]


def clip_tokenizer():
    """A small vocabulary that is built as CLIP's: every byte, every byte that ends a word, what pairs make, start and end."""
    definition = json.loads(tokenizer(560).to_str())
    alphabet = list(open_clip.tokenizer.bytes_to_unicode().values())
    merges = definition["model"]["merges"]
    vocab = dict.fromkeys(alphabet + [byte + "</w>" for byte in alphabet] + ["".join(pair) for pair in merges] + [START, END])
    vocab = {token: i for i, token in enumerate(vocab)}
    definition["model"]["vocab"] = vocab
    for added in definition["added_tokens"]:
        added["id"] = vocab[added["content"]]
    definition["post_processor"] |= {"sep": [END, vocab[END]], "cls": [START, vocab[START]]}
    return Tokenizer.from_str(json.dumps(definition))


def simple_tokenizer(tok, length, **options):
    """open_clip's own tokenizer on our vocabulary."""
    definition = json.loads(tok.to_str())
    made = SimpleTokenizer(context_length=length, **options)
    made.encoder = {{START: "<start_of_text>", END: "<end_of_text>"}.get(t, t): i
                    for t, i in definition["model"]["vocab"].items()}
    made.bpe_ranks = {tuple(pair): i for i, pair in enumerate(definition["model"]["merges"])}
    made.cache = {t: t for t in ("<start_of_text>", "<end_of_text>")}
    made.sot_token_id, made.eot_token_id = (made.encoder[t] for t in ("<start_of_text>", "<end_of_text>"))
    return made


def bert_tokenizer(out):
    """A small BERT vocabulary, saved as transformers saves it."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "photo", "of", "square", "the", "dog", "##s", "##e", "fox",
             "'", ".", "!", "s", "t", "it", "is", "##n", "long", "2", "é", "e"]
    vocab = out / "vocab.txt"
    vocab.write_text("\n".join(words) + "\n")
    made = BertTokenizerFast(vocab=str(vocab), model_max_length=512)
    made.save_pretrained(out)
    vocab.unlink()
    for extra in ("special_tokens_map.json",):
        (out / extra).unlink(missing_ok=True)


def build(out, vision, text, *, seed, quick_gelu=None, custom_text=False, dim=24, preprocess=None):
    out.mkdir(parents=True, exist_ok=True)
    bert = "hf_tokenizer_name" in text
    tok = None
    if bert:
        bert_tokenizer(out)
    else:
        tok = clip_tokenizer()
        # The hub has transformers' files of CLIP's vocabulary beside the models of open_clip.
        tok.save(str(out / "tokenizer.json"))
    model_cfg = {
        "embed_dim": dim,
        "vision_cfg": {"image_size": 24, "layers": 2, "width": 32, "head_width": 8, "mlp_ratio": 2.0, "patch_size": 8, **vision},
        "text_cfg": {"context_length": 20, "vocab_size": 26 if bert else tok.get_vocab_size(), "width": 32, "heads": 4,
                     "layers": 2, "mlp_ratio": 2.0, **text},
    }
    if quick_gelu is not None:
        model_cfg["quick_gelu"] = quick_gelu
    if custom_text:
        model_cfg["custom_text"] = True
    torch.manual_seed(seed)
    made = copy.deepcopy(model_cfg)
    custom = made.pop("custom_text", False)
    made["text_cfg"].pop("hf_tokenizer_name", None)
    model = (open_clip.model.CustomTextCLIP if custom else open_clip.CLIP)(**made).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Initial weights are so small that activations stay linear and errors hide.
            if parameter.ndim > 1:
                fan = parameter.shape[0] if name.endswith("proj") or name.endswith("projection") else parameter[0].numel()
                parameter.normal_(0, 0.3 if "embedding" in name else 1.2 / fan ** 0.5)
            elif name != "logit_scale":
                parameter.add_(torch.randn_like(parameter) * 0.1)
    preprocess_cfg = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711],
                      **(preprocess or {})}
    (out / "open_clip_config.json").write_text(json.dumps({"model_cfg": model_cfg, "preprocess_cfg": preprocess_cfg}, indent=1))
    return model, tok, model_cfg


def save(model, out, how):
    tensors = {k: v.contiguous() for k, v in model.state_dict().items()}
    if how == "f16":
        save_file({k: v.half() for k, v in tensors.items()}, out / "open_clip_model.safetensors")
    elif how == "bin":
        # As training checkpoints are: of a wrapped model, below a key, with a buffer that newer versions leave out.
        state = {f"module.{k}": v.half() for k, v in tensors.items()} | {"module.attn_mask": torch.zeros(20, 20)}
        torch.save({"epoch": 3, "state_dict": state}, out / "open_clip_pytorch_model.bin")
    else:
        save_file(tensors, out / "open_clip_model.safetensors")
    if how != "f32":
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(parameter.half().float())


def expected(model, tok, cfg, out):
    """Embeddings and logits of fixed pixels and texts; the stored weights are what is computed with."""
    size, length = cfg["vision_cfg"]["image_size"], cfg["text_cfg"]["context_length"]
    pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(7))
    texts = TEXTS + DIRTY[:8]
    kwargs = cfg["text_cfg"].get("tokenizer_kwargs", {})
    tokens = simple_tokenizer(tok, length, **kwargs) if tok else HFTokenizer(str(out), context_length=length, **kwargs)
    ids = tokens(texts)
    with torch.no_grad():
        images, of_texts = model.encode_image(pixels, normalize=True), model.encode_text(ids, normalize=True)
        logits = model.logit_scale.exp() * images @ of_texts.T
    tolist = lambda t: [float(f"{v:.8g}") for v in t.flatten().tolist()]
    (out / "expected.json").write_text(json.dumps({
        "pixels": tolist(pixels), "texts": texts, "token_ids": ids.tolist(), "logit_scale": model.logit_scale.exp().item(),
        "image_embeddings": tolist(images), "text_embeddings": tolist(of_texts), "logits": tolist(logits)}))


CLIPA = dict(vision={"no_ln_pre": True, "pool_type": "avg", "final_ln_after_pool": True},
             text={"hf_tokenizer_name": "bert-base-uncased", "tokenizer_kwargs": {"strip_sep_token": True},
                   "pool_type": "last", "no_causal_mask": True})
CASES = {
    # As ViT-B-32-quickgelu of OpenAI's weights.
    "quick-gelu": dict(how="f32", seed=0, vision={}, text={}, quick_gelu=True),
    # As ViT-bigG-14: head_width and mlp_ratio that are not the usual ones; half-precision weights.
    "gelu-f16": dict(how="f16", seed=1, vision={"head_width": 16, "mlp_ratio": 2.4231, "patch_size": 7, "image_size": 30}, text={}),
    # As a training checkpoint of a custom_text model.
    "custom-text-bin": dict(how="bin", seed=2, vision={"pool_type": "avg", "norm_kwargs": {"eps": 1e-3}},
                            text={"act_kwargs": {"approximate": "tanh"}, "norm_kwargs": {"eps": 1e-3}}, custom_text=True),
    "clipa": dict(how="f16", seed=3, **CLIPA),
}


def fixtures():
    shutil.rmtree(FIXTURES, ignore_errors=True)
    for name, case in CASES.items():
        options = dict(case)
        how = options.pop("how")
        out = FIXTURES / name
        model, tok, cfg = build(out, **options)
        save(model, out, how)
        expected(model, tok, cfg, out)


def texts():
    """Cleaned texts, whatever the vocabulary."""
    from open_clip.tokenizer import get_clean_fn
    cleaned = {how: [get_clean_fn(how)(text) for text in DIRTY + TEXTS] for how in ("lower", "whitespace", "canonicalize")}
    (ROOT / "open_clip_texts.json").write_text(json.dumps({"texts": DIRTY + TEXTS, "cleaned": cleaned}))


PIXELS = [
    {}, {"size": 32}, {"size": 32, "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    {"size": 48, "resize_mode": "squash", "interpolation": "bilinear"}, {"size": 31, "resize_mode": "squash"},
]


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def steps(cfg):
    transform = image_transform_v2(PreprocessCfg(**cfg), is_train=False)
    # The last two make numbers of the picture.
    cropped = lambda image: np.asarray(__import__("torchvision").transforms.Compose(transform.transforms[:-2])(image))
    return lambda image: {"crop": sha(cropped(image)), "tensor": sha(transform(image).numpy())}


def pixels():
    """Hashes of what open_clip makes of noise of many sizes, and of every file that is decoded."""
    made = [steps(cfg) for cfg in PIXELS]
    sizes = [(1, 1), (7, 300), (300, 7), (32, 32), (33, 32), (35, 32), (37, 35), (64, 48), (100, 67), (61, 224), (333, 250), (225, 227)]
    resizing = [{"width": w, "height": h, "seed": i, "config": c, **step(Image.fromarray(noise(w, h, i)))}
                for i, (w, h) in enumerate(sizes) for c, step in enumerate(made)]
    decoded = json.loads((ROOT / "pixels" / "expected.json").read_text())["decoding"]
    files = []
    for case in decoded:
        name = case["file"]
        try:
            files.append({"file": name, "config": 1, **made[1](Image.open(ROOT / "pixels" / name))})
        except Exception as error:
            files.append({"file": name, "refused": str(error)})
    (ROOT / "pixels" / "open_clip.json").write_text(json.dumps({"configs": PIXELS, "resizing": resizing, "files": files}, indent=0))


def reference(directory, images, lines, out):
    """What open_clip makes of files: unit embeddings in the order of sorted paths and of lines."""
    out.mkdir(parents=True, exist_ok=True)
    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{directory}")
    cfg = json.loads((directory / "open_clip_config.json").read_text())["model_cfg"]["text_cfg"]
    tok = simple_tokenizer(Tokenizer.from_file(str(directory / "tokenizer.json")), cfg["context_length"])
    with torch.no_grad():
        rows = [model.eval().encode_image(transform(Image.open(p))[None], normalize=True)
                for p in sorted(images.rglob("*")) if p.is_file()]
        np.save(out / "images.npy", torch.cat(rows).numpy())
        np.save(out / "texts.npy", model.encode_text(tok(lines.read_text().splitlines()), normalize=True).numpy())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", action="store_true")
    parser.add_argument("--texts", action="store_true")
    parser.add_argument("--reference", type=pathlib.Path)
    parser.add_argument("--images", type=pathlib.Path)
    parser.add_argument("--texts-of", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    if args.reference:
        reference(args.reference, args.images, args.texts_of, args.out)
    elif args.pixels:
        pixels()
    elif args.texts:
        texts()
    else:
        fixtures()
