"""Soprano's language model: ids in, the next id's logits and the hidden state that the decoder reads out."""

from torch import Tensor, nn

from actors.errors import ExportError
from exporter.checkpoints import Checkpoint, load_weights
from exporter.layers import Linear, RMSNorm
from exporter.qwen import Backbone, backbone_state
from exporter.soprano.config import LMConfig, read_lm_config


class LanguageModel(Backbone):
    """The weights of the language model; :class:`ServerLM` and :class:`PortableLM` give it a cache and an interface."""

    config: LMConfig

    def __init__(self, config: LMConfig) -> None:
        super().__init__(config, config.num_hidden_layers)
        layers = self.layers
        del self.layers  # to stand behind the embedding: this is the order of the weights in the graph's file
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = layers
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.lm_head = Linear(config.hidden_size, config.vocab_size)


class ServerLM(nn.Module):
    """One graph for prefill and step: logits and final hidden state of each row's last token, caches updated in place."""

    def __init__(self, lm: LanguageModel) -> None:
        super().__init__()
        self.lm = lm

    def forward(self, input_ids: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ids ``[batch, sequence]`` to logits ``[batch, vocab]``, hidden ``[batch, hidden]`` and the caches."""
        embeddings = self.lm.embed_tokens(input_ids)
        rows, present = self.lm.run_in_slots(embeddings, seqlens_k, total_sequence_length, past)
        hidden = self.lm.norm(rows.view(*input_ids.shape, -1)[:, -1])
        return self.lm.lm_head(hidden), hidden, *present


class PortableLM(nn.Module):
    """The contract of the public export KevinAHM/soprano-web-onnx: growing caches, logits and hidden of every token."""

    def __init__(self, lm: LanguageModel) -> None:
        super().__init__()
        self.lm = lm

    def forward(self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ids ``[batch, sequence]`` to logits, the grown caches and the final hidden states, in this order."""
        embeddings = self.lm.embed_tokens(input_ids)
        states, keys, values = self.lm.run_growing(embeddings, attention_mask, position_ids, past[::2], past[1::2])
        hidden = self.lm.norm(states)
        present = [cache for pair in zip(keys, values, strict=True) for cache in pair]
        return self.lm.lm_head(hidden), *present, hidden


def load_lm(checkpoint: Checkpoint) -> LanguageModel:
    """Read ``config.json`` and ``model.safetensors``.

    Raises:
        ExportError: a key or a weight is missing or left over, or a shape is not the configuration's.
    """
    config = read_lm_config(checkpoint)
    lm = LanguageModel(config)
    origin = str(checkpoint.folder / "model.safetensors")
    state = checkpoint.safetensors()
    try:
        renamed = _lm_state(state, config)
    except KeyError as error:
        raise ExportError(f"{origin} lacks the key {error}, which config.json asks for") from error
    if state:
        raise ExportError(f"{origin} has weights that config.json says nothing about: {', '.join(sorted(state)[:3])}, …")
    load_weights(lm, renamed, origin)
    return lm


def _lm_state(state: dict[str, Tensor], config: LMConfig) -> dict[str, Tensor]:
    """Rename transformers' Qwen3ForCausalLM keys to ours, emptying ``state``."""
    embedding = state.pop("model.embed_tokens.weight")
    head = state.pop("lm_head.weight", embedding) if config.tie_word_embeddings else state.pop("lm_head.weight")
    return {
        "embed_tokens.weight": embedding,
        "norm.weight": state.pop("model.norm.weight"),
        "lm_head.weight": head.T.contiguous(),
        **backbone_state(state.pop, "model.", config.num_hidden_layers, qk_norm=True),
    }
