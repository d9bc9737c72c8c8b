"""Whisper's weights from CTranslate2's files to the names and shapes of its Hugging Face checkpoints.

The file is CTranslate2's (https://github.com/OpenNMT/CTranslate2, ``python/ctranslate2/specs/model_spec.py``: ``_serialize``):
the version, the name and the revision of the specification, and then each variable with its name, shape, type and bytes.
"""

import re
import struct
from collections.abc import Iterator, Mapping

import numpy as np

from actors.errors import InputDataError

Weights = dict[str, np.ndarray]

_DTYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)  # by the number that the file has for them
_POSITIONS = 448  # of the decoder, in every Whisper
_FRAMES = 1500  # of the encoder


def read_variables(content: bytes) -> Weights:
    """Return a file's variables by their names, such as ``encoder/layer_0/ffn/linear_0/weight``.

    Raises:
        InputDataError: the content is no such file, or ends too early.
    """
    try:
        return dict(_Reader(content).variables())
    except (struct.error, UnicodeDecodeError, IndexError, ValueError) as error:
        raise InputDataError(f"this is no whole model.bin of CTranslate2 ({error}): get it again") from error


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def variables(self) -> Iterator[tuple[str, np.ndarray]]:
        self._number("I")
        self._text()
        self._number("I")
        for _ in range(self._number("I")):
            name = self._text()
            shape = [self._number("I") for _ in range(self._number("B"))]
            dtype = _DTYPES[self._number("B")]
            yield name, np.frombuffer(self._bytes(self._number("I")), dtype).reshape(shape)

    def _number(self, kind: str) -> int:
        (value,) = struct.unpack_from(f"<{kind}", self._content, self._at)
        self._at += struct.calcsize(f"<{kind}")
        return int(value)

    def _bytes(self, size: int) -> bytes:
        found = self._content[self._at : self._at + size]
        self._at += size
        return found

    def _text(self) -> str:
        return self._bytes(self._number("H"))[:-1].decode()  # ends in a zero


def huggingface_weights(variables: Mapping[str, np.ndarray]) -> Weights:
    """Return the tensors of ``WhisperForConditionalGeneration``, float16, by their names there.

    Raises:
        InputDataError: the variables are not Whisper's: one is missing, or a key has a bias.
    """
    try:
        named = dict(_tensors(variables))
    except KeyError as error:
        raise InputDataError(f"the file has no variable {error}: it is no Whisper") from error
    return {name: np.ascontiguousarray(values, np.float16) for name, values in named.items()}


def huggingface_config(variables: Mapping[str, np.ndarray], eos_token_id: int) -> dict[str, object]:
    """Return the ``config.json`` of a checkpoint with these variables."""
    vocab_size, width = variables["decoder/embeddings/weight"].shape
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "torch_dtype": "float16",
        "vocab_size": vocab_size,
        "num_mel_bins": variables["encoder/conv1/weight"].shape[1],
        "d_model": width,
        "encoder_layers": _layers(variables, "encoder"),
        "decoder_layers": _layers(variables, "decoder"),
        "encoder_attention_heads": int(variables["encoder/num_heads"]),
        "decoder_attention_heads": int(variables["decoder/num_heads"]),
        "encoder_ffn_dim": variables["encoder/layer_0/ffn/linear_0/weight"].shape[0],
        "decoder_ffn_dim": variables["decoder/layer_0/ffn/linear_0/weight"].shape[0],
        "activation_function": "gelu",
        "max_source_positions": _FRAMES,
        "max_target_positions": _POSITIONS,
        "scale_embedding": False,
        "bos_token_id": eos_token_id,
        "eos_token_id": eos_token_id,
        "pad_token_id": eos_token_id,
        "decoder_start_token_id": eos_token_id + 1,
    }


def _layers(variables: Mapping[str, np.ndarray], side: str) -> int:
    return len({found[0] for name in variables if (found := re.match(rf"{side}/layer_\d+/", name))})


def _tensors(variables: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    for number in ("1", "2"):
        yield from _linear(variables, f"encoder/conv{number}", f"model.encoder.conv{number}")
    yield "model.encoder.embed_positions.weight", variables["encoder/position_encodings/encodings"]
    yield "model.decoder.embed_positions.weight", variables["decoder/position_encodings/encodings"]
    yield "model.decoder.embed_tokens.weight", variables["decoder/embeddings/weight"]
    for side in ("encoder", "decoder"):
        yield from _norm(variables, f"{side}/layer_norm", f"model.{side}.layer_norm")
        for layer in range(_layers(variables, side)):
            yield from _layer(variables, f"{side}/layer_{layer}", f"model.{side}.layers.{layer}")


def _layer(variables: Mapping[str, np.ndarray], source: str, target: str) -> Iterator[tuple[str, np.ndarray]]:
    yield from _norm(variables, f"{source}/self_attention/layer_norm", f"{target}.self_attn_layer_norm")
    yield from _self_attention(variables, f"{source}/self_attention", f"{target}.self_attn")
    if f"{source}/attention/linear_0/weight" in variables:
        yield from _norm(variables, f"{source}/attention/layer_norm", f"{target}.encoder_attn_layer_norm")
        yield from _cross_attention(variables, f"{source}/attention", f"{target}.encoder_attn")
    yield from _norm(variables, f"{source}/ffn/layer_norm", f"{target}.final_layer_norm")
    yield from _linear(variables, f"{source}/ffn/linear_0", f"{target}.fc1")
    yield from _linear(variables, f"{source}/ffn/linear_1", f"{target}.fc2")


def _norm(variables: Mapping[str, np.ndarray], source: str, target: str) -> Iterator[tuple[str, np.ndarray]]:
    yield f"{target}.weight", variables[f"{source}/gamma"]
    yield f"{target}.bias", variables[f"{source}/beta"]


def _linear(variables: Mapping[str, np.ndarray], source: str, target: str) -> Iterator[tuple[str, np.ndarray]]:
    yield f"{target}.weight", variables[f"{source}/weight"]
    yield f"{target}.bias", variables[f"{source}/bias"]


def _self_attention(variables: Mapping[str, np.ndarray], source: str, target: str) -> Iterator[tuple[str, np.ndarray]]:
    yield from _fused(variables, f"{source}/linear_0", target, ("q_proj", "k_proj", "v_proj"))
    yield from _linear(variables, f"{source}/linear_1", f"{target}.out_proj")


def _cross_attention(variables: Mapping[str, np.ndarray], source: str, target: str) -> Iterator[tuple[str, np.ndarray]]:
    yield from _linear(variables, f"{source}/linear_0", f"{target}.q_proj")
    yield from _fused(variables, f"{source}/linear_1", target, ("k_proj", "v_proj"))
    yield from _linear(variables, f"{source}/linear_2", f"{target}.out_proj")


def _fused(
    variables: Mapping[str, np.ndarray], source: str, target: str, names: tuple[str, ...]
) -> Iterator[tuple[str, np.ndarray]]:
    """Part projections that the file has as one. Whisper's keys have no bias: in the fused one there are zeros."""
    weights, biases = (np.split(variables[f"{source}/{part}"], len(names)) for part in ("weight", "bias"))
    for name, weight, bias in zip(names, weights, biases, strict=True):
        yield f"{target}.{name}.weight", weight
        if name != "k_proj":
            yield f"{target}.{name}.bias", bias
        elif bias.any():
            raise InputDataError(f"{source} has a bias for its keys: it is no Whisper")
