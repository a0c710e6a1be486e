#!/usr/bin/env python3
"""Reference embeddings of an image tower of EVA-CLIP (EVA-02) by timm, on random weights and of small size.

    python3 tests/parity/eva_fixtures.py                 # rewrites tests/fixtures/eva/
    python3 tests/parity/eva_fixtures.py --whole DIR     # EVA02-B-16 with random weights, and what open_clip makes of it

Needs torch, timm, open_clip_torch, safetensors. open_clip's configurations name the tower by its model in timm, which fixes its sizes: so
the small one has no configuration, and is loaded by its sizes alone.
"""
import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from timm.models.eva import Eva

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "eva"


def shaken(model):
    """Initial weights are so small that activations stay linear and errors hide."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                of_tokens = name.endswith(("cls_token", "pos_embed", "positional_embedding", "token_embedding.weight"))
                parameter.normal_(0, 0.3 if of_tokens else 1.2 / parameter[0].numel() ** 0.5)
            elif name != "logit_scale":
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def tolist(tensor):
    return [float(f"{v:.8g}") for v in tensor.flatten().tolist()]


def fixtures():
    shutil.rmtree(FIXTURES, ignore_errors=True)
    FIXTURES.mkdir(parents=True)
    torch.manual_seed(0)
    # 5 × 5 patches, where the model was made for 4 × 4.
    model = shaken(Eva(img_size=40, patch_size=8, embed_dim=32, depth=2, num_heads=2, mlp_ratio=4 * 2 / 3, qkv_fused=False,
                       swiglu_mlp=True, scale_mlp=True, scale_attn_inner=True, use_rot_pos_emb=True, ref_feat_shape=(4, 4),
                       global_pool="token", num_classes=24))
    save_file({f"visual.trunk.{k}": v.contiguous() for k, v in model.state_dict().items()}, FIXTURES / "model.safetensors")
    pixels = torch.randn(3, 3, 40, 40, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        made = model(pixels)
    (FIXTURES / "expected.json").write_text(json.dumps({"pixels": tolist(pixels), "features": tolist(made)}))


def whole(out):
    """A checkpoint as open_clip's push_to_hf_hub writes it, but for the tokenizer."""
    import open_clip
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    model = shaken(open_clip.create_model("EVA02-B-16"))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, out / "open_clip_model.safetensors")
    (out / "open_clip_config.json").write_text(json.dumps({"model_cfg": open_clip.get_model_config("EVA02-B-16"), "preprocess_cfg": {}}))
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        made = model.encode_image(pixels, normalize=True)
    (out / "expected.json").write_text(json.dumps({"pixels": tolist(pixels), "image_embeddings": tolist(made)}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", type=pathlib.Path)
    args = parser.parse_args()
    whole(args.whole) if args.whole else fixtures()
