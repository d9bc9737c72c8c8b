"""PocketTTS checkpoints of transformers, read as if they had pocket-tts' own layout: its config, its names, its weights.

Source: transformers 5.23 ``models/pocket_tts`` and ``models/pocket_tts_audio_tokenizer`` (Apache-2.0).

There, language model and codec are two checkpoints; queries and keys are rotated in halves, not in neighbouring pairs, and are
matrices of their own; what stands before a voice is a row of the text embedding. Of the rules for texts, which the original
has in its config, only a chat template is left, so that :data:`_TEXT_RULES` are those that all its configs share.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from actors.errors import ExportError, UsageError
from exporter.checkpoints import Checkpoint, open_checkpoint
from exporter.pocket_tts.config import Config, Contents
from exporter.pocket_tts.hub_weights import read_codec_weights, read_model_weights
from exporter.pocket_tts.voices import find_voices

logger = logging.getLogger(__name__)

CODEC_FILES = ("config.json", "*.safetensors", "*.safetensors.index.json")
CODEC_FOLDER = "audio_tokenizer"

# What exporter/pocket_tts/modules.py and exporter/mimi.py compute, and actors/families/pocket_tts does, by the key that could
# ask for something else.
_BACKBONE = {
    "hidden_act": "gelu_pytorch_tanh",
    "layer_norm_eps": 1e-5,
    "attention_bias": False,
    "quantization_config": None,
}
_FLOW_HEAD = {"hidden_act": "silu", "layer_norm_eps": 1e-6, "rms_norm_eps": 1e-5}
_CODEC = {
    "audio_channels": 1,
    "hidden_act": "gelu_pytorch_tanh",
    "norm_eps": 1e-5,
    "attention_bias": False,
    "use_causal_conv": True,
    "pad_mode": "constant",
    "trim_right_ratio": 1.0,
    "use_conv_shortcut": False,
    "quantization_config": None,
}
_GENERATION = {"do_sample": True, "num_flow_steps": 1, "min_frames_before_eos": 6}
_PROCESSOR = {"fade_in_duration": 0.005}
_FEATURES = {
    "end_on_pause": True,
    "pause_duration": 0.08,
    "fade_out_duration": 0.02,
    "silence_floor_db": 35.0,
    "analysis_frame_duration": 0.02,
}
_FRAMES_AFTER_EOS = {"short_text_max_words": 4, "frames_after_eos_short_text": 4, "frames_after_eos": 2}
_FLOW_TYPES = ("lsd", "drifting")
_TEXT_RULES = {"replace_characters": {"\u2019": "'", "\u2018": "'"}}

_PLACEHOLDERS = ("audio_prompt_token_id", "audio_latent_token_id", "audio_prompt_bos_token_id", "audio_bos_token_id")


def is_hub_layout(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint has transformers' files and not pocket-tts' own."""
    return checkpoint.has("config.json") and not checkpoint.has("config.yaml")


def read_hub(checkpoint: Checkpoint) -> Contents:
    """Read what ``save_pretrained`` of model, codec and processor wrote.

    The codec is in ``audio_tokenizer/``, or where ``processor_config.json`` says: in another folder or hub repository.

    Raises:
        ExportError: a file or weight is missing or left over, or a value asks for what is not supported.
        UsageError: the codec cannot be downloaded.
    """
    model = _Section.of(checkpoint, "config.json")
    model.expect_type("pocket_tts")
    model.expect(_BACKBONE)
    codec = _open_codec(checkpoint)
    config = _read_config(checkpoint, model, codec.config)
    voices = find_voices(checkpoint.folder)
    others = sorted(path.name for path in (checkpoint.folder / "voices").glob("*") if path.stem not in voices)
    if others:
        logger.warning(
            "%s/voices: left out, as they are no voice states of pocket-tts: %s", checkpoint.folder, ", ".join(others)
        )
    return Contents(
        config=config,
        weights={
            **read_model_weights(checkpoint, config, model["vocab_size"], model["audio_prompt_bos_token_id"]),
            **read_codec_weights(codec.checkpoint, config, with_encoder=codec.has_encoder),
        },
        tokenizer=_read_tokenizer(checkpoint, config),
        has_encoder=codec.has_encoder,
        origin=str(checkpoint.folder),
    )


@dataclass(frozen=True)
class _Section:
    """A JSON object of a checkpoint, and what messages call it."""

    name: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, checkpoint: Checkpoint, name: str, *, optional: bool = False) -> "_Section":
        return cls(str(checkpoint.folder / name), checkpoint.json(name, optional=optional))

    def __getitem__(self, key: str) -> Any:
        if self.values.get(key) is None:
            raise ExportError(f"{self.name} lacks the key {key!r}")
        return self.values[key]

    def section(self, key: str) -> "_Section":
        """Return the object below a key; none at all if the key is not there."""
        values = self.values.get(key) or {}
        if not isinstance(values, Mapping):
            raise self.unsupported(key, "an object")
        return _Section(f"{self.name}: {key}", values)

    def expect_type(self, model_type: str) -> None:
        """Raise :class:`ExportError` if this is another model's ``config.json``."""
        if self["model_type"] != model_type:
            raise self.unsupported("model_type", repr(model_type))

    def expect(self, supported: Mapping[str, Any]) -> None:
        """Raise :class:`ExportError` if a key has another value; one that is not there, or null, is the default."""
        for key, value in supported.items():
            if self.values.get(key) is not None and self.values[key] != value:
                raise self.unsupported(key, repr(value))

    def unsupported(self, key: str, supported: str) -> ExportError:
        """Return what to raise for a value."""
        return ExportError(f"{self.name}: {key} = {self.values.get(key)!r} is not supported, only {supported}")


@dataclass(frozen=True)
class _Codec:
    checkpoint: Checkpoint
    config: _Section

    @property
    def has_encoder(self) -> bool:
        """Whether it can make latents of audio. Codecs may be saved without a half, ``"encoder_config": null``."""
        return self.config.values.get("encoder_config", {}) is not None


def _open_codec(checkpoint: Checkpoint) -> _Codec:
    named = _Section.of(checkpoint, "processor_config.json", optional=True).section("audio_tokenizer")
    reference = named.values.get("audio_tokenizer_name_or_path")
    if not isinstance(reference, str | None):
        raise named.unsupported("audio_tokenizer_name_or_path", "a name or a path")
    beside = [checkpoint.folder / name for name in (CODEC_FOLDER, reference) if name]
    found = next((str(folder) for folder in beside if folder.is_dir()), reference)
    remedy = f"put what the codec's save_pretrained wrote into {beside[0]}"
    if not found:
        raise ExportError(f"{checkpoint.folder} has no codec, and no processor_config.json that names one: {remedy}")
    try:
        codec = open_checkpoint(found, CODEC_FILES)
    except UsageError as error:
        raise UsageError(f"the codec that {named.name} names is not there: {error}; or {remedy}") from error
    config = _Section.of(codec, "config.json")
    config.expect_type("pocket_tts_audio_tokenizer")
    config.expect(_CODEC)
    if config.values.get("decoder_config", {}) is None:
        raise ExportError(f"{config.name}: decoder_config = None is not supported: a codec without decoder cannot speak")
    return _Codec(codec, config)


def _read_config(checkpoint: Checkpoint, model: _Section, codec: _Section) -> Config:
    processor = _Section.of(checkpoint, "processor_config.json", optional=True)
    processor.expect(_PROCESSOR)
    processor.section("feature_extractor").expect(_FEATURES | {"sampling_rate": codec["sampling_rate"]})
    try:
        return Config.model_validate(
            {
                "flow_lm": _flow_lm(model),
                "mimi": _mimi(codec, model),
                "model_recommended_frames_after_eos": _frames_after_eos(processor),
                **_sampling(_Section.of(checkpoint, "generation_config.json", optional=True)),
                **_TEXT_RULES,
            }
        )
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ExportError(f"{model.name} or {codec.name} is not a PocketTTS model's: {error}") from error


def _flow_lm(model: _Section) -> dict[str, Any]:
    head = model.section("flow_head_config")
    head.expect(_FLOW_HEAD | {"condition_dim": model["hidden_size"], "latent_dim": model["latent_dim"]})
    if head["flow_type"] not in _FLOW_TYPES:
        raise head.unsupported("flow_type", " or ".join(map(repr, _FLOW_TYPES)))
    return {
        "dtype": "float32",
        "flow": {"dim": head["hidden_size"], "depth": head["num_hidden_layers"], "type": head["flow_type"]},
        "transformer": {
            "d_model": model["hidden_size"],
            "num_layers": model["num_hidden_layers"],
            "num_heads": model["num_attention_heads"],
            "num_kv_heads": model["num_key_value_heads"],
            "attn_dim": model["num_attention_heads"] * model["head_dim"],
            "dim_feedforward": model["intermediate_size"],
            "hidden_scale": 1,  # of no effect beside dim_feedforward
            "max_period": _rope_theta(model),
        },
        "lookup_table": {
            "dim": model["hidden_size"],
            "n_bins": _text_rows(model),
            "tokenizer": "tokenizers",
            "tokenizer_path": "tokenizer.json",
        },
        "insert_bos_before_voice": True,
    }


def _text_rows(model: _Section) -> int:
    """How many rows of the embedding are the tokenizer's; the four placeholders' are behind them."""
    rows: int = model["vocab_size"] - len(_PLACEHOLDERS)
    if sorted(model[key] for key in _PLACEHOLDERS) != list(range(rows, model["vocab_size"])):
        ids = ", ".join(f"{key} = {model[key]}" for key in _PLACEHOLDERS)
        raise ExportError(f"{model.name}: {ids} are not the last ids below vocab_size = {model['vocab_size']}")
    return rows


def _mimi(codec: _Section, model: _Section) -> dict[str, Any]:
    width = codec["hidden_size"]
    frame_size = codec["latent_stride"]
    for ratio in codec["upsampling_ratios"]:
        frame_size *= ratio
    frame_rate = codec["sampling_rate"] / frame_size
    codec.expect(
        {
            "upsample_groups": width,
            "num_key_value_heads": codec["num_attention_heads"],
            "head_dim": width // codec["num_attention_heads"],
            "latent_dim": model["latent_dim"],
        }
    )
    model.expect({"frame_rate": frame_rate})
    return {
        "dtype": "float32",
        "sample_rate": codec["sampling_rate"],
        "channels": codec["audio_channels"],
        "frame_rate": frame_rate,
        "inner_dim": codec["latent_dim"],
        "outer_dim": width,
        "seanet": {
            "dimension": width,
            "channels": codec["audio_channels"],
            "n_filters": codec["num_filters"],
            "n_residual_layers": codec["num_residual_layers"],
            "ratios": codec["upsampling_ratios"],
            "kernel_size": codec["kernel_size"],
            "residual_kernel_size": codec["residual_kernel_size"],
            "last_kernel_size": codec["last_kernel_size"],
            "dilation_base": codec["dilation_growth_rate"],
            "pad_mode": codec["pad_mode"],
            "compress": codec["compress"],
        },
        "transformer": {
            "d_model": width,
            "input_dimension": width,
            "output_dimensions": [width],
            "num_heads": codec["num_attention_heads"],
            "num_layers": codec["num_hidden_layers"],
            "layer_scale": codec["layer_scale_initial_scale"],
            "context": codec["sliding_window"],
            "max_period": _rope_theta(codec),
            "dim_feedforward": codec["intermediate_size"],
        },
        "quantizer": {"dimension": codec["latent_dim"], "output_dimension": width},
    }


def _rope_theta(config: _Section) -> Any:
    rope = config.section("rope_parameters")
    rope.expect({"rope_type": "default"})
    return rope["rope_theta"]


def _sampling(generation: _Section) -> dict[str, Any]:
    """What ``generation_config.json`` says of the loop; what it does not say is as in the original."""
    generation.expect(_GENERATION)
    names = {"temperature": "default_temperature", "eos_threshold": "default_eos_threshold"}
    return {ours: generation.values[key] for key, ours in names.items() if generation.values.get(key) is not None}


def _frames_after_eos(processor: _Section) -> int | None:
    """The original's setting: it counts the frame at which speech ends, transformers the frames behind it."""
    given = {key: processor.values.get(key, default) for key, default in _FRAMES_AFTER_EOS.items()}
    if given == _FRAMES_AFTER_EOS:
        return None  # by the number of words, as in the original
    frames: int = given["frames_after_eos"]
    if given["frames_after_eos_short_text"] != frames:
        values = ", ".join(f"{key} = {value}" for key, value in given.items())
        raise ExportError(f"{processor.name}: {values} are not supported, only the original's or one number for all texts")
    return frames + 1


def _read_tokenizer(checkpoint: Checkpoint, config: Config) -> Tokenizer:
    """Read the tokenizer without the placeholders, which no text may become, and what transformers' last call set in it."""
    content = checkpoint.json("tokenizer.json")
    rows = config.flow_lm.lookup_table.n_bins
    added = [token for token in content.get("added_tokens", []) if token["id"] < rows]
    tokenizer = Tokenizer.from_str(json.dumps(content | {"added_tokens": added}))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
