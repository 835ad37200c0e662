"""The backbone against the official model's arrays, its own symmetries, and a written-out definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seq2exp.model.backbone import Backbone
from seq2exp.model.scan import EngineName

ENGINES: list[EngineName] = ["reference", "cpu"]
SHARED = ("in_proj.weight", "out_proj.weight")


def official_state(arrays: np.lib.npyio.NpzFile, prefix: str) -> dict[str, Tensor]:
    """Our names for the official keys under ``state_dict/model.<prefix>.backbone.``; tied copies must agree."""
    state: dict[str, Tensor] = {}
    head = f"state_dict/model.{prefix}.backbone."
    for key in arrays.files:
        if not key.startswith(head):
            continue
        name = key.removeprefix(head).replace("mamba_fwd", "fwd").replace("mamba_rev", "rev")
        if name.endswith(SHARED):
            name = name.replace("mixer.fwd.", "mixer.").replace("mixer.rev.", "mixer.")
        tensor = torch.from_numpy(arrays[key])
        assert name not in state or torch.equal(state[name], tensor)
        state[name] = tensor
    return state


@pytest.mark.reference
@pytest.mark.parametrize("engine", ENGINES)
def test_official_activations(reference_dir: Path, engine: EngineName) -> None:
    arrays = np.load(reference_dir / "soft_small.npz")
    backbone = Backbone(d_model=32, n_layer=2)
    backbone.load_state_dict(official_state(arrays, "generator"))
    embeddings = torch.from_numpy(arrays["inter/seq_input_embeds"])
    with torch.inference_mode():
        first = backbone.layers[0]
        x, z = first.mixer.in_proj(first.norm(embeddings)).chunk(2, dim=-1)
        forward = first.mixer.out_proj(first.mixer.fwd(x, z, reverse=False, engine=engine))
        mixed = first.mixer(first.norm(embeddings), engine=engine)
        out = backbone(embeddings, engine=engine)
    for name, ours in (("generator_layer0_mixer_fwd_out", forward), ("generator_layer0_mixer_out", mixed)):
        np.testing.assert_allclose(ours.numpy(), arrays[f"inter/{name}"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(out.numpy(), arrays["inter/generator_out"], rtol=0, atol=1e-5)
