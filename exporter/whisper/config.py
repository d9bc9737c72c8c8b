"""What the files of a Whisper checkpoint say."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actors.errors import ExportError
from exporter.checkpoints import Checkpoint

FILES: tuple[str, ...] = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "*.safetensors",
    "*.safetensors.index.json",
)


@dataclass(frozen=True, kw_only=True)
class MelConfig:
    """The spectrogram, named as in transformers' ``WhisperFeatureExtractor``: samples at ``sampling_rate`` Hz."""

    feature_size: int
    sampling_rate: int
    n_fft: int
    hop_length: int


@dataclass(frozen=True, kw_only=True)
class Config:
    """The sizes of a model, named as in transformers' ``WhisperConfig``; and what ``generation_config.json`` adds.

    Attributes:
        mel: of ``preprocessor_config.json``.
        alignment_heads: (layer, head) of the decoder whose cross-attention follows the speech; may be empty.
        suppress_tokens: ids that are never written; ``begin_suppress_tokens``: that no answer begins with.
        lang_to_id: a language's id by its token, such as ``<|en|>``, where the file names them.
        max_initial_timestamp_index: the latest timestamp of a first word, in frames of 20 ms.
    """

    vocab_size: int
    num_mel_bins: int
    d_model: int
    encoder_layers: int
    decoder_layers: int
    encoder_attention_heads: int
    decoder_attention_heads: int
    encoder_ffn_dim: int
    decoder_ffn_dim: int
    max_source_positions: int
    max_target_positions: int
    mel: MelConfig
    alignment_heads: Sequence[tuple[int, int]]
    suppress_tokens: Collection[int]
    begin_suppress_tokens: Collection[int]
    lang_to_id: Mapping[str, int]
    max_initial_timestamp_index: int | None
    eos_token_id: int
    is_multilingual: bool
    scale_embedding: bool

    @property
    def head_dim(self) -> int:
        """Of the decoder."""
        return self.d_model // self.decoder_attention_heads


def read_config(checkpoint: Checkpoint) -> Config:
    """Read ``config.json`` and the files beside it.

    Raises:
        ExportError: it is no Whisper model's, lacks a key, or asks for what is not supported.
    """
    raw = checkpoint.json("config.json")
    generation = checkpoint.json("generation_config.json", optional=True)
    mel = checkpoint.json("preprocessor_config.json", optional=True)
    path = checkpoint.folder / "config.json"
    try:
        _check_kind(raw)
        sizes: dict[str, Any] = {name: int(raw[name]) for name in _SIZES}
        config = Config(**sizes, **_generation(raw, generation), mel=_mel(raw, mel))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExportError(f"{path} or a file beside it is not a Whisper model's, or lacks a key: {error!r}") from error
    _check(config, str(path))
    return config


_SIZES = (
    "vocab_size", "num_mel_bins", "d_model", "encoder_layers", "decoder_layers", "encoder_attention_heads",
    "decoder_attention_heads", "encoder_ffn_dim", "decoder_ffn_dim", "max_source_positions", "max_target_positions",
)  # fmt: skip


_MULTILINGUAL = 51_865  # entries of a vocabulary: openai/whisper model.py


def _check_kind(raw: Mapping[str, Any]) -> None:
    if raw["model_type"] != "whisper":
        raise ValueError(f"model_type is {raw['model_type']!r}, not 'whisper'")
    if (activation := raw.get("activation_function", "gelu")) != "gelu":
        raise ValueError(f"activation_function is {activation!r}: only 'gelu' is supported")


def _mel(raw: Mapping[str, Any], mel: Mapping[str, Any]) -> MelConfig:
    """The spectrogram; of a checkpoint without ``preprocessor_config.json`` the one all of OpenAI's models have."""
    return MelConfig(
        feature_size=int(mel.get("feature_size", raw["num_mel_bins"])),
        sampling_rate=int(mel.get("sampling_rate", 16_000)),
        n_fft=int(mel.get("n_fft", 400)),
        hop_length=int(mel.get("hop_length", 160)),
    )


def _generation(raw: Mapping[str, Any], generation: Mapping[str, Any]) -> dict[str, Any]:
    """What decides how an answer is written; older checkpoints have some of it in ``config.json``."""

    def ids(name: str) -> list[int]:
        listed = generation.get(name, raw.get(name))
        return [int(i) for i in listed or []]

    eos = generation.get("eos_token_id", raw.get("eos_token_id"))
    return {
        "alignment_heads": [(int(layer), int(head)) for layer, head in generation.get("alignment_heads") or []],
        "suppress_tokens": ids("suppress_tokens"),
        "begin_suppress_tokens": ids("begin_suppress_tokens"),
        "lang_to_id": {str(token): int(i) for token, i in (generation.get("lang_to_id") or {}).items()},
        "max_initial_timestamp_index": generation.get("max_initial_timestamp_index", 50),
        "is_multilingual": bool(generation.get("is_multilingual", int(raw["vocab_size"]) >= _MULTILINGUAL)),
        "scale_embedding": bool(raw.get("scale_embedding")),
        "eos_token_id": int(eos[0] if isinstance(eos, list) else eos),
    }


def _check(config: Config, path: str) -> None:
    """Raise an ``ExportError`` if the sizes do not fit together."""
    problems = {
        "heads do not divide d_model": config.d_model % config.decoder_attention_heads
        or config.d_model % config.encoder_attention_heads,
        "the spectrogram has other bins than the encoder": config.mel.feature_size != config.num_mel_bins,
        "n_fft is not even, or below the hop": config.mel.n_fft % 2 or config.mel.n_fft < config.mel.hop_length,
        "an alignment head is beyond the decoder": any(
            not (0 <= layer < config.decoder_layers and 0 <= head < config.decoder_attention_heads)
            for layer, head in config.alignment_heads
        ),
    }
    if wrong := [problem for problem, is_so in problems.items() if is_so]:
        raise ExportError(f"{path}: {'; '.join(wrong)}: this is a model that no worker could run")
