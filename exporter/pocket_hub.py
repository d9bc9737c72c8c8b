"""PocketTTS checkpoints of transformers, read as if they had pocket-tts' own layout: its config, its names, its weights.

Source: transformers 5.23 ``models/pocket_tts`` and ``models/pocket_tts_audio_tokenizer`` (Apache-2.0).

There, language model and codec are two checkpoints; queries and keys are rotated in halves, not in neighbouring pairs, and are
matrices of their own; what stands before a voice is a row of the text embedding. Of the rules for texts, which the original
has in its config, only a chat template is left, so that :data:`_TEXT_RULES` are those that all its configs share.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from actors.errors import ExportError, UsageError
from exporter.checkpoints import Checkpoint, open_checkpoint
from exporter.pocket_config import Config, Contents
from exporter.pocket_voices import find_voices

logger = logging.getLogger(__name__)

CODEC_FILES = ("config.json", "*.safetensors", "*.safetensors.index.json")
CODEC_FOLDER = "audio_tokenizer"

# What exporter/pocket_tts.py and exporter/mimi.py compute, and actors/families/pocket_tts does, by the key that could ask for
# something else.
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
_TRAINING_ONLY = ("loss_weighting.", "latent_stats_num_updates")


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
        weights=_read_weights(checkpoint, config, model) | _read_codec_weights(codec, config),
        tokenizer=_read_tokenizer(checkpoint, config),
        has_encoder=codec.has_encoder,
        origin=str(checkpoint.folder),
    )


# --- config.json and the files beside it ---------------------------------------------------------------------------


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


# --- weights -------------------------------------------------------------------------------------------------------

_LAYER = {
    "input_layernorm.weight": "norm1.weight",
    "input_layernorm.bias": "norm1.bias",
    "self_attn.o_proj.weight": "self_attn.out_proj.weight",
    "post_attention_layernorm.weight": "norm2.weight",
    "post_attention_layernorm.bias": "norm2.bias",
    "mlp.fc1.weight": "linear1.weight",
    "mlp.fc2.weight": "linear2.weight",
}
_LAYER_SCALES = {"self_attn_layer_scale.scale": "layer_scale_1.scale", "mlp_layer_scale.scale": "layer_scale_2.scale"}
_TIME_EMBEDDING = {
    "freqs": "freqs",
    "fc1.weight": "mlp.0.weight",
    "fc1.bias": "mlp.0.bias",
    "fc2.weight": "mlp.2.weight",
    "fc2.bias": "mlp.2.bias",
    "norm.weight": "mlp.3.alpha",
}
_FLOW_BLOCK = {"norm": "in_ln", "fc1": "mlp.0", "fc2": "mlp.2", "adaln_proj": "adaLN_modulation.1"}


class _Weights:
    """The tensors of a checkpoint by transformers' names; they are taken out one by one."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._origin = str(checkpoint.folder)
        self._state = {key: t for key, t in checkpoint.safetensors().items() if not key.startswith(_TRAINING_ONLY)}

    def take(self, key: str) -> Tensor:
        """Return a tensor.

        Raises:
            ExportError: there is none of this name.
        """
        if key not in self._state:
            raise ExportError(f"{self._origin} has no weight {key!r}, which config.json asks for")
        return self._state.pop(key)

    def renamed(self, theirs: str, ours: str, names: Mapping[str, str]) -> dict[str, Tensor]:
        """Return tensors below a prefix by the original's names."""
        return {f"{ours}{name}": self.take(f"{theirs}{key}") for key, name in names.items()}

    def linears(self, theirs: str, ours: str, names: Mapping[str, str]) -> dict[str, Tensor]:
        """Return the weights and biases of modules below a prefix by the original's names."""
        parts = ("weight", "bias")
        return self.renamed(theirs, ours, {f"{key}.{part}": f"{name}.{part}" for key, name in names.items() for part in parts})

    def in_proj(self, theirs: str, head_dim: int, heads: int, kv_heads: int) -> Tensor:
        """Return query, key and value as one matrix for rotation in pairs."""
        parts = []
        for part, count in (("q_proj", heads), ("k_proj", kv_heads), ("v_proj", kv_heads)):
            key = f"{theirs}self_attn.{part}.weight"
            weight = self.take(key)
            if weight.dim() != 2 or weight.shape[0] != count * head_dim:
                raise ExportError(
                    f"{self._origin}: {key} has shape {list(weight.shape)}, not the {count * head_dim} rows of config.json"
                )
            parts.append(weight if part == "v_proj" else interleave(weight, count))
        return torch.cat(parts)

    def check_empty(self) -> None:
        """Raise :class:`ExportError` if tensors are left over."""
        if self._state:
            some = ", ".join(sorted(self._state)[:3])
            raise ExportError(f"{self._origin} has weights that config.json says nothing about: {some}, …")


def interleave(weight: Tensor, heads: int) -> Tensor:
    """Reorder the rows ``[heads * head_dim, in]`` from the two halves of a head to pairs of neighbours, one of each half."""
    return weight.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)


def _read_weights(checkpoint: Checkpoint, config: Config, model: _Section) -> dict[str, Tensor]:
    """Return the language model's weights by the original's names."""
    weights = _Weights(checkpoint)
    lm = config.flow_lm
    state = weights.renamed(
        "",
        "flow_lm.",
        {
            "latent_mean": "emb_mean",
            "latent_std": "emb_std",
            "model.bos_latent": "bos_emb",
            "model.audio_prompt_proj.weight": "speaker_proj_weight",
            "model.audio_latent_proj.weight": "input_linear.weight",
        },
    )
    state |= weights.linears("", "flow_lm.", {"model.norm": "out_norm", "eos_head": "out_eos"})
    for i in range(lm.transformer.num_layers):
        theirs, ours = f"model.layers.{i}.", f"flow_lm.transformer.layers.{i}."
        state |= weights.renamed(theirs, ours, _LAYER)
        sizes = (lm.transformer.head_dim, lm.transformer.num_heads, lm.transformer.kv_heads)
        state[f"{ours}self_attn.in_proj.weight"] = weights.in_proj(theirs, *sizes)
    table = weights.take("model.embed_tokens.weight")
    if table.shape[0] != model["vocab_size"]:
        raise ExportError(f"{checkpoint.folder}: model.embed_tokens.weight has {table.shape[0]} rows, not vocab_size")
    state["flow_lm.conditioner.embed.weight"] = table[: lm.lookup_table.n_bins + 1]  # the last is padding, which nothing reads
    state["flow_lm.bos_before_voice"] = table[model["audio_prompt_bos_token_id"]][None, None]
    state |= _flow_head(weights, config)
    weights.check_empty()
    return state


def _flow_head(weights: _Weights, config: Config) -> dict[str, Tensor]:
    theirs, ours = "flow_head.", "flow_lm.flow_net."
    ends = {
        "input_proj": "input_proj",
        "cond_proj": "cond_embed",
        "final_layer.proj": "final_layer.linear",
        "final_layer.adaln_proj": "final_layer.adaLN_modulation.1",
    }
    state = weights.linears(theirs, ours, ends)
    for i in range(config.flow_lm.flow.times):
        state |= weights.renamed(f"{theirs}timestep_embeddings.{i}.", f"{ours}time_embed.{i}.", _TIME_EMBEDDING)
    for i in range(config.flow_lm.flow.depth):
        state |= weights.linears(f"{theirs}layers.{i}.", f"{ours}res_blocks.{i}.", _FLOW_BLOCK)
    return state


def _read_codec_weights(codec: _Codec, config: Config) -> dict[str, Tensor]:
    """Return the codec's weights by the original's names."""
    weights = _Weights(codec.checkpoint)
    mimi = config.mimi
    state = {
        "mimi.quantizer.output_proj.weight": weights.take("latent_proj.weight"),
        "mimi.upsample.convtr.convtr.weight": weights.take("decoder.upsample.conv.weight"),
    }
    sides = ["decoder"]
    if codec.has_encoder:
        sides.append("encoder")
        state["mimi.downsample.conv.conv.weight"] = weights.take("encoder.downsample.conv.weight")
    for side in sides:
        names = _seanet_layers(side, len(mimi.seanet.ratios), mimi.seanet.n_residual_layers)
        state |= weights.linears(f"{side}.{side}_seanet.layers.", f"mimi.{side}.model.", dict(names))
        for i in range(mimi.transformer.num_layers):
            theirs, ours = f"{side}.{side}_transformer.layers.{i}.", f"mimi.{side}_transformer.transformer.layers.{i}."
            state |= weights.renamed(theirs, ours, _LAYER | _LAYER_SCALES)
            heads = mimi.transformer.num_heads
            sizes = (mimi.transformer.d_model // heads, heads, heads)
            state[f"{ours}self_attn.in_proj.weight"] = weights.in_proj(theirs, *sizes)
    weights.check_empty()
    return state


def _seanet_layers(side: str, ratios: int, residual: int) -> Iterable[tuple[str, str]]:
    """The convolutions of one side, in both layouts: the first, every ratio's, the last. Activations have indices too."""
    yield "0.conv", "0.conv"
    size = residual + 2
    for i in range(ratios):
        first = 1 + i * size
        if side == "decoder":
            resampling, blocks = first + 1, first + 2
            yield f"{resampling}.conv", f"{resampling}.convtr"
        else:
            resampling, blocks = first + residual + 1, first
            yield f"{resampling}.conv", f"{resampling}.conv"
        for block in range(blocks, blocks + residual):
            for j in (1, 3):
                yield f"{block}.block.{j}.conv", f"{block}.block.{j}.conv"
    yield f"{ratios * size + 2}.conv", f"{ratios * size + 2}.conv"
