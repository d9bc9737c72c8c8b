"""The weights of PocketTTS checkpoints of transformers, by the original's names."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from actors.errors import ExportError
from exporter.checkpoints import Checkpoint
from exporter.pocket_tts.config import Config

_TRAINING_ONLY = ("loss_weighting.", "latent_stats_num_updates")

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


def read_model_weights(checkpoint: Checkpoint, config: Config, vocab_size: int, bos_id: int) -> dict[str, Tensor]:
    """Return the language model's weights by the original's names.

    Args:
        checkpoint: the model's.
        config: in the original's terms.
        vocab_size: rows of the text embedding, placeholders included.
        bos_id: the row that stands before a voice.

    Raises:
        ExportError: a weight is missing or left over, or has not the rows that the configuration says.
    """
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
    if table.shape[0] != vocab_size:
        raise ExportError(f"{checkpoint.folder}: model.embed_tokens.weight has {table.shape[0]} rows, not vocab_size")
    state["flow_lm.conditioner.embed.weight"] = table[: lm.lookup_table.n_bins + 1]  # the last is padding, which nothing reads
    state["flow_lm.bos_before_voice"] = table[bos_id][None, None]
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


def read_codec_weights(checkpoint: Checkpoint, config: Config, *, with_encoder: bool) -> dict[str, Tensor]:
    """Return the codec's weights by the original's names; raises as :func:`read_model_weights` does."""
    weights = _Weights(checkpoint)
    mimi = config.mimi
    state = {
        "mimi.quantizer.output_proj.weight": weights.take("latent_proj.weight"),
        "mimi.upsample.convtr.convtr.weight": weights.take("decoder.upsample.conv.weight"),
    }
    sides = ["decoder"]
    if with_encoder:
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
