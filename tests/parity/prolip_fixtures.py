#!/usr/bin/env python3
"""Reference means and log variances of ProLIP (Chun et al., ICLR 2025), on random weights.

    python3 tests/parity/prolip_fixtures.py      # rewrites tests/fixtures/prolip/

Needs torch, open_clip_torch, tokenizers, safetensors. ProLIP's own package is on no index: its towers are put together here as
its published code has them, of open_clip's blocks, with the names that its checkpoints have. Two things in that code are
not what one would expect, and are so here: the image's class token is normed twice, and the uncertainty of a text is read from
its projected class token, not from the uncertainty token.
"""
import json
import pathlib
import shutil

import torch
from open_clip.tokenizer import get_clean_fn
from open_clip.transformer import LayerNorm, QuickGELU, Transformer
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from clip_fixtures import TEXTS, tokenizer
from open_clip_fixtures import DIRTY
from siglip_fixtures import unigram

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "prolip"


def blocks(cfg, heads, quick_gelu):
    return Transformer(width=cfg["width"], layers=cfg["layers"], heads=heads, mlp_ratio=cfg.get("mlp_ratio", 4.0),
                       act_layer=QuickGELU if quick_gelu else nn.GELU, norm_layer=norm(cfg))


def norm(cfg):
    return lambda width: LayerNorm(width, **cfg.get("norm_kwargs", {}))


class Vision(nn.Module):
    def __init__(self, cfg, dim, quick_gelu):
        super().__init__()
        width, patch = cfg["width"], cfg["patch_size"]
        self.conv1 = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.unc_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros((cfg["image_size"] // patch) ** 2 + 2, width))
        self.ln_pre, self.ln_post = norm(cfg)(width), norm(cfg)(width)
        self.transformer = blocks(cfg, width // cfg.get("head_width", 64), quick_gelu)
        self.proj = nn.Parameter(torch.zeros(width, dim))
        self.uncertainty_proj = nn.Linear(width, dim)

    def forward(self, pixels):
        patches = self.conv1(pixels).flatten(2).transpose(1, 2)
        learnt = torch.stack([self.class_embedding, self.unc_embedding]).expand(len(patches), -1, -1)
        x = self.ln_pre(torch.cat([learnt, patches], 1) + self.positional_embedding)
        x = self.ln_post(self.transformer(x))
        return self.ln_post(x[:, 0]) @ self.proj, self.uncertainty_proj(x[:, 1])


class Text(nn.Module):
    def __init__(self, cfg, dim, quick_gelu):
        super().__init__()
        width = cfg["width"]
        self.token_embedding = nn.Embedding(cfg["vocab_size"], width)
        self.cls_emb, self.unc_emb = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros(cfg["context_length"] + 2, width))
        self.transformer = blocks(cfg, cfg["heads"], quick_gelu)
        self.ln_final = norm(cfg)(width)
        self.text_projection = nn.Linear(width, dim)
        self.text_uncertainty_projection = nn.Linear(width, dim)

    def forward(self, ids):
        learnt = torch.stack([self.unc_emb, self.cls_emb]).expand(len(ids), -1, -1)
        x = torch.cat([self.token_embedding(ids), learnt], 1) + self.positional_embedding
        mean = self.text_projection(self.ln_final(self.transformer(x)[:, -1]))
        return mean, self.text_uncertainty_projection(mean)


class ProLIP(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        quick_gelu = cfg.get("quick_gelu", False)
        self.visual = Vision(cfg["vision_cfg"], cfg["embed_dim"], quick_gelu)
        self.text = Text(cfg["text_cfg"], cfg["embed_dim"], quick_gelu)
        self.logit_scale, self.logit_bias = nn.Parameter(torch.tensor(4.0)), nn.Parameter(torch.tensor(-10.0))


def t5():
    """A unigram vocabulary with the ids that T5 has to spare, as SigLIP's was saved by timm."""
    made, _, _ = unigram()
    made.add_special_tokens([f"<extra_id_{i}>" for i in range(5)])
    return made, {"tokenizer_class": "T5Tokenizer", "pad_token": {"content": "</s>", "lstrip": False}, "eos_token": "</s>"}


def clip():
    return tokenizer(560), {"tokenizer_class": "CLIPTokenizer", "pad_token": "<|endoftext|>"}


CASES = {
    # As ViT-B/16: the keys that its file leaves out are left out here.
    "b16": dict(seed=0, tokenizer=t5, half=False, top={"init_logit_bias": -10}, clean="canonicalize",
                vision={"width": 64, "image_size": 32, "patch_size": 8},
                text={"hf_tokenizer_name": "timm/ViT-B-16-SigLIP", "tokenizer_kwargs": {"clean": "canonicalize"},
                      "norm_kwargs": {"eps": 1e-6}}),
    # As ViT-H/14: QuickGELU, CLIP's vocabulary, heads that are not 64 wide; stored in half precision.
    "h14-f16": dict(seed=1, tokenizer=clip, half=True, top={"quick_gelu": True, "init_logit_bias": -10}, clean="whitespace",
                    vision={"width": 48, "head_width": 16, "mlp_ratio": 2.4231, "image_size": 30, "patch_size": 7}, text={}),
}


def build(out, *, seed, tokenizer, half, top, clean, vision, text):
    out.mkdir(parents=True)
    tok, config_of_tok = tokenizer()
    tok.save(str(out / "tokenizer.json"))
    (out / "tokenizer_config.json").write_text(json.dumps(config_of_tok))
    uncertain = {"embed_unc": True, "init_unc_bias": -10}
    cfg = {
        "embed_dim": 32, **top,
        "vision_cfg": {"layers": 2, **vision, **uncertain},
        "text_cfg": {"context_length": 20, "vocab_size": tok.get_vocab_size(), "width": 32, "heads": 4, "layers": 2,
                     "no_causal_mask": True, "proj_bias": True, "pool_type": "last", "embed_cls": True, **text, **uncertain},
    }
    (out / "config.json").write_text(json.dumps(cfg, indent=1, sort_keys=True))
    torch.manual_seed(seed)
    model = ProLIP(cfg).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Weights as they begin are so small that activations stay linear and errors hide.
            if name.startswith("logit"):
                continue
            if "embedding" in name or name.endswith("_emb"):
                parameter.normal_(0, 0.3)
            elif parameter.ndim > 1:
                fan = parameter.shape[0] if name.endswith("proj") else parameter[0].numel()
                parameter.normal_(0, 1.2 / fan ** 0.5)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.1)
        for head in (model.visual.uncertainty_proj, model.text.text_uncertainty_projection):
            head.bias.fill_(-4.0)
    tensors = {k: v.contiguous() for k, v in model.state_dict().items()}
    if half:
        tensors = {k: v.half() for k, v in tensors.items()}
        model.load_state_dict({k: v.float() for k, v in tensors.items()})
    save_file(tensors, out / "model.safetensors")
    return model, cfg, tok, config_of_tok, get_clean_fn(clean)


def expected(out, model, cfg, tok, config_of_tok, clean):
    """Means, log variances and pair logits of fixed pixels and texts; the stored weights are what is computed with."""
    size, length = cfg["vision_cfg"]["image_size"], cfg["text_cfg"]["context_length"]
    pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(7))
    texts = TEXTS + DIRTY[:8]
    pad = config_of_tok["pad_token"]
    pad = pad if isinstance(pad, str) else pad["content"]
    tok.enable_truncation(length)
    tok.enable_padding(length=length, pad_id=tok.token_to_id(pad), pad_token=pad)
    ids = torch.tensor([tok.encode(clean(text)).ids for text in texts])
    with torch.no_grad():
        (images, of_images), (words, of_words) = model.visual(pixels), model.text(ids)
        images, words = F.normalize(images, dim=-1), F.normalize(words, dim=-1)
        scale = model.logit_scale.exp()
        uncertain = of_images.exp().sum(-1)[:, None] + of_words.exp().sum(-1)[None]
    tolist = lambda t: [float(f"{v:.8g}") for v in t.flatten().tolist()]
    (out / "expected.json").write_text(json.dumps({
        "pixels": tolist(pixels), "texts": texts, "token_ids": ids.tolist(), "logit_scale": scale.item(),
        "image_embeddings": tolist(images), "text_embeddings": tolist(words), "logits": tolist(scale * images @ words.T),
        "image_log_variances": tolist(of_images), "text_log_variances": tolist(of_words),
        # Without the bias, which is the same for all pairs.
        "pair_logits": tolist(scale * (images @ words.T - uncertain / 2))}))


if __name__ == "__main__":
    shutil.rmtree(FIXTURES, ignore_errors=True)
    for name, case in CASES.items():
        expected(FIXTURES / name, *build(FIXTURES / name, **case))
