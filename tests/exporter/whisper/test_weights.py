"""The hub's names, and weights that are not those of the config."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.errors import ExportError

pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")

import torch
from safetensors.torch import load_file, save_file

from exporter.checkpoints import open_checkpoint
from exporter.whisper import FILES, load

TINY = Path(__file__).parents[2] / "fixtures" / "whisper_tiny"
Weights = dict[str, torch.Tensor]


def copy_of(folder: Path, change: Callable[[Weights], Weights]) -> str:
    shutil.copytree(TINY, folder)
    save_file(change(load_file(TINY / "model.safetensors")), folder / "model.safetensors")
    return str(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: {name.removeprefix("model."): tensor for name, tensor in weights.items()},
        lambda weights: weights | {"proj_out.weight": weights["model.decoder.embed_tokens.weight"].clone()},
        lambda weights: {name: tensor.float() for name, tensor in weights.items()},
    ],
    ids=["no prefix", "proj_out", "float32"],
)
def test_checkpoints_of_other_forms_are_the_same_model(tmp_path: Path, change: Callable[[Weights], Weights]) -> None:
    ours = load(open_checkpoint(copy_of(tmp_path / "a", change), FILES), "server")
    whole = load(open_checkpoint(str(TINY), FILES), "server")
    for part in whole.graphs:
        weights = ours.named(part.graph.name).graph.module.state_dict()
        for name, tensor in part.graph.module.state_dict().items():
            assert torch.equal(weights[name], tensor), name


def test_projections_of_one_input_are_one_and_keys_have_no_bias() -> None:
    theirs = load_file(TINY / "model.safetensors")
    graph = load(open_checkpoint(str(TINY), FILES), "server").named("decoder").graph
    state = {name.removeprefix("decoder."): tensor for name, tensor in graph.module.state_dict().items()}
    width = 32
    projection, bias = state["layers.1.qkv_proj.weight"], state["layers.1.qkv_proj.bias"]
    for i, part in enumerate("qkv"):
        weight = theirs[f"model.decoder.layers.1.self_attn.{part}_proj.weight"].float()
        assert torch.equal(projection[:, i * width : (i + 1) * width], weight.T)
    assert torch.equal(bias[:width], theirs["model.decoder.layers.1.self_attn.q_proj.bias"].float())
    assert not bias[width : 2 * width].any()


@pytest.mark.parametrize(
    "name",
    [
        "model.encoder.conv1.bias",
        "model.encoder.embed_positions.weight",
        "model.encoder.layers.1.self_attn.k_proj.weight",
        "model.decoder.embed_tokens.weight",
        "model.decoder.layers.0.encoder_attn.out_proj.bias",
        "model.decoder.layer_norm.weight",
    ],
)
def test_a_missing_weight_is_named(tmp_path: Path, name: str) -> None:
    folder = copy_of(tmp_path / "a", lambda weights: {key: tensor for key, tensor in weights.items() if key != name})
    with pytest.raises(ExportError, match=f"has no weight '{re.escape(name)}'"):
        load(open_checkpoint(folder, FILES), "server")


@pytest.mark.parametrize("name", ["model.encoder.layers.2.fc1.weight", "model.decoder.layers.0.self_attn.k_proj.bias"])
def test_weights_that_are_left_over_are_named(tmp_path: Path, name: str) -> None:
    folder = copy_of(tmp_path / "a", lambda weights: weights | {name: torch.zeros(1)})
    with pytest.raises(ExportError, match=f"says nothing about: {re.escape(name.removeprefix('model.'))}"):
        load(open_checkpoint(folder, FILES), "server")


@pytest.mark.parametrize(
    "name",
    ["model.encoder.embed_positions.weight", "model.decoder.embed_tokens.weight", "model.decoder.layers.0.fc1.weight"],
)
def test_a_weight_of_another_shape_is_named(tmp_path: Path, name: str) -> None:
    folder = copy_of(tmp_path / "a", lambda weights: weights | {name: weights[name][:-1].contiguous()})
    with pytest.raises(ExportError, match=r"(?s)does not fit (Encoder|Decoder).*size mismatch"):
        load(open_checkpoint(folder, FILES), "server")
