"""Whisper's weights, from the hub's names to our modules."""

from collections.abc import Mapping

import torch
from torch import Tensor

from actors.errors import ExportError
from exporter.checkpoints import Checkpoint, load_weights
from exporter.whisper.config import Config
from exporter.whisper.modules import Decoder, Encoder

_NORMS = ("weight", "bias")


class _Reader:
    """A checkpoint's tensors by name; notes what was read. The hub's names begin with ``model.``, some exports' do not."""

    def __init__(self, tensors: Mapping[str, Tensor], origin: str) -> None:
        self._tensors = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
        self._unread = set(self._tensors) - {"proj_out.weight"}  # the embedding, under a second name
        self.origin = origin

    def __call__(self, name: str) -> Tensor:
        if name not in self._tensors:
            raise ExportError(f"{self.origin} has no weight 'model.{name}', which config.json asks for")
        self._unread.discard(name)
        return self._tensors[name]

    def check_all_read(self) -> None:
        """Raise :class:`ExportError` if there are weights nobody asked for."""
        if self._unread:
            some = ", ".join(sorted(self._unread)[:3])
            raise ExportError(f"{self.origin} has weights that config.json says nothing about: {some}, …")

    def linear(self, ours: str, theirs: str) -> dict[str, Tensor]:
        """A layer with a bias."""
        return {f"{ours}.weight": self(f"{theirs}.weight").T.contiguous(), f"{ours}.bias": self(f"{theirs}.bias")}

    def stacked(self, ours: str, theirs: str, parts: str) -> dict[str, Tensor]:
        """Projections that read the same input, as one. Keys have no bias."""
        weights = [self(f"{theirs}.{part}_proj.weight") for part in parts]
        biases = [
            torch.zeros(len(weight)) if part == "k" else self(f"{theirs}.{part}_proj.bias")
            for part, weight in zip(parts, weights, strict=True)
        ]
        return {f"{ours}.weight": torch.cat(weights).T.contiguous(), f"{ours}.bias": torch.cat(biases)}

    def norm(self, ours: str, theirs: str) -> dict[str, Tensor]:
        """A layer norm."""
        return {f"{ours}.{part}": self(f"{theirs}.{part}") for part in _NORMS}

    def convolution(self, ours: str, theirs: str) -> dict[str, Tensor]:
        """A convolution over three frames, as :class:`exporter.whisper.modules.Convolution` has it."""
        weight = self(f"{theirs}.weight")  # [out, in, 3]
        return {
            f"{ours}.project.weight": weight.permute(2, 1, 0).flatten(0, 1).contiguous(),
            f"{ours}.project.bias": self(f"{theirs}.bias"),
        }


def load(config: Config, checkpoint: Checkpoint) -> tuple[Encoder, Decoder]:
    """Read both halves of a model.

    Raises:
        ExportError: a weight is missing, left over or of another shape.
    """
    read = _Reader(checkpoint.safetensors(), str(checkpoint.folder))
    encoder, decoder = Encoder(config), Decoder(config)
    states = _encoder_state(config, read), _decoder_state(config, read)
    read.check_all_read()
    for module, state in zip((encoder, decoder), states, strict=True):
        load_weights(module, state, read.origin)
    return encoder, decoder


def _layer_state(read: _Reader, ours: str, theirs: str) -> dict[str, Tensor]:
    """What layers of both halves have."""
    return {
        **read.norm(f"{ours}.self_attn_layer_norm", f"{theirs}.self_attn_layer_norm"),
        **read.stacked(f"{ours}.qkv_proj", f"{theirs}.self_attn", "qkv"),
        **read.linear(f"{ours}.out_proj", f"{theirs}.self_attn.out_proj"),
        **read.norm(f"{ours}.final_layer_norm", f"{theirs}.final_layer_norm"),
        **read.linear(f"{ours}.fc1", f"{theirs}.fc1"),
        **read.linear(f"{ours}.fc2", f"{theirs}.fc2"),
    }


def _encoder_state(config: Config, read: _Reader) -> dict[str, Tensor]:
    state = {"embed_positions": read("encoder.embed_positions.weight"), **read.norm("layer_norm", "encoder.layer_norm")}
    for name in ("conv1", "conv2"):
        state |= read.convolution(name, f"encoder.{name}")
    for i in range(config.encoder_layers):
        state |= _layer_state(read, f"layers.{i}", f"encoder.layers.{i}")
    return state


def _decoder_state(config: Config, read: _Reader) -> dict[str, Tensor]:
    embedding = read("decoder.embed_tokens.weight")
    state = {
        "embed_tokens": embedding,
        "proj_out.weight": embedding.T.contiguous(),
        "embed_positions": read("decoder.embed_positions.weight"),
        **read.norm("layer_norm", "decoder.layer_norm"),
    }
    for i in range(config.decoder_layers):
        ours, theirs = f"layers.{i}", f"decoder.layers.{i}"
        state |= {
            **_layer_state(read, ours, theirs),
            **read.norm(f"{ours}.encoder_attn_layer_norm", f"{theirs}.encoder_attn_layer_norm"),
            **read.linear(f"{ours}.cross_q_proj", f"{theirs}.encoder_attn.q_proj"),
            **read.stacked(f"{ours}.cross_kv_proj", f"{theirs}.encoder_attn", "kv"),
            **read.linear(f"{ours}.cross_out_proj", f"{theirs}.encoder_attn.out_proj"),
        }
    return state
