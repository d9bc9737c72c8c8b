"""VibeVoice-ASR's weights, from either layout to our modules."""

import math
import re
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from actors.errors import ExportError
from exporter.checkpoints import Checkpoint, TensorFiles, load_weights
from exporter.qwen import MATRICES, Backbone, backbone_vectors
from exporter.streaming import Rows, stack
from exporter.vae import connector_state, encoder_state
from exporter.vibevoice_asr.config import Config
from exporter.vibevoice_asr.modules import Decoder, SpeechEncoder
from exporter.vibevoice_asr.streamed import StreamedDecoder

EMBEDDING_KEY = "model.language_model.embed_tokens.weight"
_MAX_IN_MEMORY_BYTES = 2 << 30  # of a language model in float32, which an ONNX file without external data cannot hold either

_ENCODER = r"^(acoustic|semantic)_tokenizer_encoder\."
_HUB_KEYS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (_ENCODER + r"stem\.conv\.conv\.", r"model.\1_tokenizer.encoder.downsample_layers.0.0.conv.conv."),
    (_ENCODER + r"stem\.stage\.", r"model.\1_tokenizer.encoder.stages.0."),
    (
        _ENCODER + r"conv_layers\.(\d+)\.conv\.conv\.",
        lambda m: f"model.{m[1]}_tokenizer.encoder.downsample_layers.{int(m[2]) + 1}.0.conv.conv.",
    ),
    (_ENCODER + r"conv_layers\.(\d+)\.stage\.", lambda m: f"model.{m[1]}_tokenizer.encoder.stages.{int(m[2]) + 1}."),
    (_ENCODER + r"head\.conv\.", r"model.\1_tokenizer.encoder.head.conv.conv."),
    (r"\.mixer\.conv\.(weight|bias)$", r".mixer.conv.conv.conv.\1"),
    (r"^multi_modal_projector\.(acoustic|semantic)_linear_([12])\.", r"model.\1_connector.fc\2."),
    (r"^multi_modal_projector\.(acoustic|semantic)_norm\.", r"model.\1_connector.norm."),
    (r"^language_model\.model\.", "model.language_model."),
    (r"^language_model\.lm_head\.", "lm_head."),
)
# Of the original's layout: the speech decoder that it was trained with, and nothing here uses.
_UNUSED = re.compile(r"model\.(acoustic|semantic)_tokenizer\.(decoder\.|fix_std$)|model\.speech_(scaling|bias)_factor$")


def original_key(key: str) -> str:
    """Return the name that a tensor of the hub's layout has in the original's; the original's names stay as they are."""
    for pattern, replacement in _HUB_KEYS:
        key = re.sub(pattern, replacement, key)
    return key


class Weights:
    """A checkpoint's tensors by their names in the original's layout, and what was read of them."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._files = TensorFiles(checkpoint)
        self._names = {name: key for key in self._files.keys if not _UNUSED.match(name := original_key(key))}
        self._unread = set(self._names)
        self.origin = str(checkpoint.folder)

    def read(self, name: str) -> Tensor:
        """Return a tensor in float32.

        Raises:
            ExportError: the checkpoint has none of this name.
        """
        if name not in self._names:
            raise self.missing(name)
        self._unread.discard(name)
        return self._files.read(self._names[name])

    def read_below(self, prefix: str) -> dict[str, Tensor]:
        """Return all tensors whose names begin so."""
        return {name: self.read(name) for name in self._names if name.startswith(prefix)}

    def rows(self, name: str) -> Rows:
        """Return a matrix that is read in parts.

        Raises:
            ExportError: the checkpoint has none of this name.
        """
        if name not in self._names:
            raise self.missing(name)
        self._unread.discard(name)
        key = self._names[name]
        outer, inner = self._files.shape(key)
        return Rows((outer, inner), lambda first, stop: self._files.rows(key, first, stop).numpy())

    def bytes_below(self, prefix: str) -> int:
        """Return how much memory the tensors whose names begin so take in float32."""
        return sum(4 * math.prod(self._files.shape(key)) for name, key in self._names.items() if name.startswith(prefix))

    def check_all_read(self) -> None:
        """Raise :class:`ExportError` if there are weights nobody asked for."""
        if self._unread:
            raise self.left_over(self._unread)

    def missing(self, name: str) -> ExportError:
        """Return what to raise for a weight that is not there."""
        return ExportError(f"{self.origin} has no weight {name!r}, which config.json asks for (the original's name of it)")

    def left_over(self, names: Iterable[str]) -> ExportError:
        """Return what to raise for weights that nobody asked for."""
        some = ", ".join(self._names[name] for name in sorted(names)[:3])
        return ExportError(f"{self.origin} has weights that config.json says nothing about: {some}, …")


def load_encoder(config: Config, weights: Weights) -> SpeechEncoder:
    """Read both speech encoders and their connectors."""
    encoder = SpeechEncoder(config)
    load_weights(encoder, _encoder_state(config, weights), weights.origin)
    return encoder


def _encoder_state(config: Config, weights: Weights) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for part, sizes in (("acoustic", config.acoustic), ("semantic", config.semantic)):
        prefix = f"model.{part}_tokenizer.encoder."
        theirs = weights.read_below(prefix)
        try:
            state |= {f"{part}.{name}": tensor for name, tensor in encoder_state(theirs, prefix, sizes).items()}
        except KeyError as error:
            raise weights.missing(error.args[0]) from error
        if theirs:
            raise weights.left_over(theirs)
        connector = connector_state(weights.read, f"model.{part}_connector.")
        state |= {f"{part}_connector.{name}": tensor for name, tensor in connector.items()}
    return state


def _decoder_vectors(config: Config, read: Callable[[str], Tensor]) -> dict[str, Tensor]:
    """Return what is no matrix of the language model, by our names."""
    vectors = backbone_vectors(read, "model.language_model.", config.lm_layers)
    state = {f"backbone.{name}": tensor for name, tensor in vectors.items()}
    return state | {"norm.weight": read("model.language_model.norm.weight")}


def _decoder_matrices(config: Config, weights: Weights) -> dict[str, Rows]:
    """Return the transposes of the matrices by our names; those of projections that share an input are one."""
    matrices = {"lm_head.weight": weights.rows(EMBEDDING_KEY if config.tie_word_embeddings else "lm_head.weight")}
    for i in range(config.lm_layers):
        for ours, theirs in MATRICES.items():
            parts = [weights.rows(f"model.language_model.layers.{i}.{name}.weight") for name in theirs]
            matrices[f"backbone.layers.{i}.{ours}.weight"] = stack(parts)
    return matrices


def load_decoder(config: Config, weights: Weights) -> Decoder:
    """Read the language model; or, where it is large, what is needed to read it piece by piece."""
    state, matrices = _decoder_vectors(config, weights.read), _decoder_matrices(config, weights)
    if weights.bytes_below("model.language_model.") > _MAX_IN_MEMORY_BYTES:
        return StreamedDecoder(config, matrices, state, weights.origin)
    decoder = Decoder(Backbone(config.lm, config.lm_layers))
    for name, rows in matrices.items():
        state[name] = torch.from_numpy(rows.read(0, rows.shape[0])).T.contiguous()
    load_weights(decoder, state, weights.origin)
    return decoder
