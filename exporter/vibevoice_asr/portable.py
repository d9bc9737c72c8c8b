"""VibeVoice-ASR under the public contract: whole recordings, token ids, and caches that grow."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from exporter.qwen import positions_of
from exporter.vibevoice_asr.modules import Decoder, SpeechEncoder
from exporter.vibevoice_asr.streamed import Embedding

LOUDNESS_DBFS = -25.0
_SMALLEST = 1e-6  # of a loudness: vibevoice_tokenizer_processor.py, AudioNormalizer


class PortableEncoder(nn.Module):
    """The public contract of the encoders: whole recordings as they are, brought to the model's loudness here."""

    def __init__(self, encoder: SpeechEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, audio: Tensor, num_samples: Tensor) -> Tensor:
        """Map recordings ``[batch, 1, samples]``, of which the first ``num_samples`` ``[batch]`` count, to features.

        What comes behind them is not heard; of the features ``[batch, frames, hidden]`` a row's first
        ``ceil(num_samples / samples_per_frame)`` are its own.
        """
        hop = self.encoder.hop
        samples = audio[:, 0] * (torch.arange(audio.shape[2]) < num_samples[:, None])
        # A mean of a million squares is more than float32 holds.
        rms = (samples.double().square().sum(1, keepdim=True) / num_samples[:, None]).sqrt().float()
        samples = samples * (10 ** (LOUDNESS_DBFS / 20) / (rms + _SMALLEST))
        peak = samples.abs().amax(1, keepdim=True)
        samples = torch.where(peak > 1, samples / (peak + _SMALLEST), samples)
        frames = (audio.shape[2] + hop - 1) // hop
        padded = torch.cat((samples, samples.new_zeros(samples.shape[0], hop)), dim=1)[:, : frames * hop]
        state = samples.new_zeros(samples.shape[0], self.encoder.state_size)
        features, _ = self.encoder(padded.reshape(samples.shape[0], frames, hop), state)
        return features


class PortableDecoder(nn.Module):
    """The public contract of a step: token ids, and a cache for each layer that grows. Rows may be padded on the left."""

    def __init__(self, decoder: Decoder, embedding: Embedding) -> None:
        super().__init__()
        self.decoder, self.embedding = decoder, embedding

    def forward(self, input_ids: Tensor, attention_mask: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ids ``[batch, tokens]`` behind ``past`` to the last token's logits ``[batch, vocab]`` and the grown caches."""
        return self.run(self.embedding(input_ids), attention_mask, past)

    def run(self, embeddings: Tensor, attention_mask: Tensor, past: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Run ``[batch, tokens, hidden]``; caches are key and value of one layer after the other."""
        positions = positions_of(attention_mask, embeddings.shape[1])
        hidden, keys, values = self.decoder.backbone.run_growing(embeddings, attention_mask, positions, past[::2], past[1::2])
        present = [cache for pair in zip(keys, values, strict=True) for cache in pair]
        return self.decoder.predict(hidden), *present


class PortablePrefill(PortableDecoder):
    """The public contract of the prompt: audio tokens, wherever they are, are replaced by the features in turn."""

    def __init__(self, decoder: Decoder, embedding: Embedding, audio_id: int) -> None:
        super().__init__(decoder, embedding)
        self.audio_id = audio_id

    def forward(self, input_ids: Tensor, attention_mask: Tensor, speech_embeddings: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        """Map ids ``[batch, tokens]`` and features ``[batch, frames, hidden]`` to the logits and the caches."""
        is_audio = input_ids == self.audio_id
        frame = (is_audio.cumsum(1) - 1).clamp(min=0, max=speech_embeddings.shape[1] - 1)
        heard = speech_embeddings.gather(1, frame[..., None].expand(-1, -1, speech_embeddings.shape[2]))
        embeddings = torch.where(is_audio[..., None], heard, self.embedding(input_ids))
        config = self.decoder.backbone.config
        none = embeddings.new_zeros(embeddings.shape[0], config.num_key_value_heads, 0, config.head_dim)
        return self.run(embeddings, attention_mask, [none] * 2 * len(self.decoder.backbone.layers))
