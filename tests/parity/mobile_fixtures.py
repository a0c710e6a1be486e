#!/usr/bin/env python3
"""Reference embeddings of image towers of MobileCLIP by timm, on random weights and of small size.

    python3 tests/parity/mobile_fixtures.py                    # rewrites tests/fixtures/mobile/
    python3 tests/parity/mobile_fixtures.py --whole NAME DIR   # MobileCLIP-S2, … with random weights, a few
                                                               # pictures, and what open_clip makes of both

Needs torch, timm, open_clip_torch, safetensors. open_clip's configurations name the tower by its model in timm, which fixes its sizes: so
the small ones have no configuration, and are loaded by their sizes alone.
"""
import argparse
import json
import pathlib
import shutil
from functools import partial

import torch
from safetensors.torch import save_file
from timm.layers import LayerNorm2d
from timm.models.fastvit import FastVit, RepConditionalPosEnc
from timm.models.vision_transformer_hybrid import ConvStem, _create_vision_transformer_hybrid

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "mobile"


def shaken(model, run):
    """Weights under which nothing is 0 or 1 and no activation stays linear, and batch norms that have seen what `run` shows them."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("gamma"):
                parameter.uniform_(0.1, 0.6).mul_(torch.randint(0, 2, parameter.shape) * 2.0 - 1)
            elif parameter.ndim > 1:
                of_tokens = name.endswith(("cls_token", "pos_embed", "positional_embedding", "token_embedding.weight"))
                parameter.normal_(0, 0.3 if of_tokens else 1.2 / parameter[0].numel() ** 0.5)
            elif name != "logit_scale":
                parameter.add_(torch.randn_like(parameter) * 0.1)
        for norm in norms:
            norm.momentum = 1.0
            norm.train()
        run(model)
        for norm in norms:
            norm.running_mean.add_(0.3 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean))
            norm.running_var.mul_(torch.empty_like(norm.running_var).uniform_(0.6, 1.6)).add_(0.01)
    return model.eval()


def tolist(tensor):
    return [float(f"{v:.8g}") for v in tensor.flatten().tolist()]


def fast(**others):
    return FastVit(pos_embs=(None,) * 3 + (partial(RepConditionalPosEnc, spatial_shape=(7, 7)),) * 2, lkc_use_act=True, num_classes=24,
                   token_mixers=("repmixer",) * 3 + ("attention",) * 2, **others)


def vit():
    stem = ConvStem(channels=(8, 8, 32), stride=(4, 2, 2), kernel_size=(4, 2, 2), padding=0, act_layer=torch.nn.GELU)
    return _create_vision_transformer_hybrid("vit_base_mci_224", backbone=stem, embed_args=dict(proj=False), img_size=48, embed_dim=32,
                                             depth=2, num_heads=2, no_embed_class=True, num_classes=24, global_pool="token")


def fixtures():
    shutil.rmtree(FIXTURES, ignore_errors=True)
    torch.manual_seed(0)
    for name, size, model in [
        # As mci0 to mci2, as mci3 and mci4, and MobileCLIP-B; grids of 10, 5, 3, 2 and 1.
        ("small", 40, fast(layers=(1, 1, 1, 2), embed_dims=(8, 16, 32, 64), mlp_ratios=(3,) * 4, se_downsamples=(False, False, True, True))),
        ("large", 40, fast(layers=(1,) * 5, embed_dims=(4, 8, 16, 32, 64), mlp_ratios=(4,) * 5, se_downsamples=(False,) * 5,
                           downsamples=(False,) + (True,) * 4, norm_layer=partial(LayerNorm2d, eps=1e-5), stem_use_scale_branch=False)),
        ("vit", 48, vit()),
    ]:
        out = FIXTURES / name
        out.mkdir(parents=True)
        model = shaken(model, lambda model: model(torch.randn(16, 3, size, size)))
        # Half of the bytes, and the model has what is kept.
        state = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
        model.load_state_dict(state)
        save_file({f"visual.trunk.{k}": v.contiguous() for k, v in state.items()}, out / "model.safetensors")
        pixels = (torch.randn(2, 3, size, size) * 100).round() / 100
        with torch.no_grad():
            made = model(pixels)
        (out / "expected.json").write_text(json.dumps({"pixels": tolist(pixels), "features": tolist(made)}))


def whole(name, out):
    """A checkpoint as open_clip's push_to_hf_hub writes it, with the vocabulary of open_clip's own tokenizer."""
    import open_clip
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    config = open_clip.get_model_config(name)
    size = config["vision_cfg"]["image_size"]
    model = open_clip.create_model(name)
    model = shaken(model.eval(), lambda model: model.encode_image(torch.randn(8, 3, size, size)))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, out / "open_clip_model.safetensors")
    steps = {"mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": "bilinear", "resize_mode": "shortest"}
    (out / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": steps}))
    tokenizer = open_clip.SimpleTokenizer()
    (out / "vocab.json").write_text(json.dumps(tokenizer.encoder))
    merges = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.get)
    (out / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    # As pictures, so that what is done to them is compared too.
    from PIL import Image
    generator = torch.Generator().manual_seed(7)
    (out / "pictures").mkdir(exist_ok=True)
    prepare = open_clip.image_transform(size, is_train=False, mean=(0, 0, 0), std=(1, 1, 1), resize_mode="shortest",
                                        interpolation="bilinear")
    pixels = []
    for i in range(3):
        coarse = torch.rand(1, 3, 9, 9, generator=generator)
        fine = torch.nn.functional.interpolate(coarse, (size + 40 * i, size + 90), mode="bicubic").clamp(0, 1)[0]
        picture = Image.fromarray((fine.permute(1, 2, 0) * 255).byte().numpy())
        picture.save(out / "pictures" / f"{i}.png")
        pixels.append(prepare(picture))
    texts = ["a photo of a dog", "two cats on a sofa", "ein Bild"]
    with torch.no_grad():
        images = model.encode_image(torch.stack(pixels), normalize=True)
        words = model.encode_text(open_clip.get_tokenizer(name)(texts), normalize=True)
    expected = {"image_embeddings": images.tolist(), "texts": texts, "text_embeddings": words.tolist()}
    (out / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", nargs=2, metavar=("NAME", "DIR"))
    args = parser.parse_args()
    whole(args.whole[0], pathlib.Path(args.whole[1])) if args.whole else fixtures()
