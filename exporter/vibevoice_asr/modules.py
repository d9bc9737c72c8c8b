"""VibeVoice-ASR as torch modules."""

import math

import torch
from torch import Tensor, nn

from exporter.layers import Linear, RMSNorm
from exporter.qwen import Backbone
from exporter.vae import Connector, Encoder
from exporter.vibevoice_asr.config import Config


class SpeechEncoder(nn.Module):
    """Audio to what the language model reads in place of the audio tokens' embeddings."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.hop = config.acoustic.frame_size
        self.acoustic = Encoder(config.acoustic)
        self.semantic = Encoder(config.semantic)
        self.acoustic_connector = Connector(config.acoustic.dimension, config.lm.hidden_size)
        self.semantic_connector = Connector(config.semantic.dimension, config.lm.hidden_size)
        self._shapes = [*self.acoustic.state_shapes, *self.semantic.state_shapes]
        self._sizes = [math.prod(shape) for shape in self._shapes]
        self._of_acoustic = len(self.acoustic.state_shapes)

    @property
    def state_size(self) -> int:
        """Floats that travel from chunk to chunk: what every convolution needs of the past, in one tensor."""
        return sum(self._sizes)

    def forward(self, audio: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map audio ``[batch, frames, hop]`` to features ``[batch, frames, hidden]``, and give the next chunk's state."""
        samples = audio.flatten(1)
        past = [part.unflatten(1, shape) for part, shape in zip(state.split(self._sizes, dim=1), self._shapes, strict=True)]
        acoustic, *present = self.acoustic(samples, *past[: self._of_acoustic])
        semantic, *rest = self.semantic(samples, *past[self._of_acoustic :])
        features = self.acoustic_connector(acoustic.flatten(0, 1)) + self.semantic_connector(semantic.flatten(0, 1))
        return features.view(*audio.shape[:2], -1), torch.cat([part.flatten(1) for part in [*present, *rest]], dim=1)


class Decoder(nn.Module):
    """The language model as one graph for prefill and step: logits of each row's last token, caches updated in place."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        config = backbone.config
        self.backbone = backbone
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.lm_head = Linear(config.hidden_size, config.vocab_size)

    def predict(self, hidden: Tensor) -> Tensor:
        """Map hidden states ``[batch, sequence, hidden]`` to the logits of the last token, ``[batch, vocab]``."""
        logits: Tensor = self.lm_head(self.norm(hidden[:, -1]))
        return logits

    def forward(self, embeds: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map embeddings ``[batch, sequence, hidden]`` to logits ``[batch, vocab]`` and the caches."""
        rows, present = self.backbone.run_in_slots(embeds, seqlens_k, total_sequence_length, past)
        return self.predict(rows.view(embeds.shape)), *present
