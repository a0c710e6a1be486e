#!/usr/bin/env python3
"""PyTorch files of a few numbers, in the shapes that people save models in.

    python3 tests/parity/torch_files.py      # rewrites tests/fixtures/torch/

Needs torch.
"""
from pathlib import Path

import torch

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "torch"


def main():
    state = {"logit_scale": torch.tensor(2.5), "text_projection.weight": torch.arange(6.0).reshape(2, 3)}
    buffers = {"text_model.embeddings.position_ids": torch.arange(4)[None]}
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for name, what, options in [
        ("plain", state | buffers, {}),
        ("prefixed", {f"model.clip.{key}": value for key, value in state.items()}, {}),
        ("nested", {"epoch": 3, "state_dict": state}, {}),
        ("no-state-dict", [1, 2, 3], {}),
        ("old", state, {"_use_new_zipfile_serialization": False}),
    ]:
        torch.save(what, FIXTURES / f"{name}.bin", **options)


if __name__ == "__main__":
    main()
