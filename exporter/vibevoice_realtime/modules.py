"""VibeVoice-Realtime as torch modules: as the engine runs them, and under the public contract."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from exporter.layers import Linear, RMSNorm
from exporter.qwen import Backbone, positions_of
from exporter.vae import Connector, Decoder, Part, start
from exporter.vibevoice_realtime.config import Config, HeadConfig


class TextLM(nn.Module):
    """The lower layers, which read text alone and have no norm at their end."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.backbone.vocab_size, config.backbone.hidden_size)
        self.backbone = Backbone(config.backbone, config.lm_layers)


class EndClassifier(nn.Module):
    """The logit of the end, from a final hidden state (BinaryClassifier)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.fc1 = Linear(hidden_size, hidden_size, bias=True)
        self.fc2 = Linear(hidden_size, 1, bias=True)

    def forward(self, hidden_state: Tensor) -> Tensor:
        """Map ``[batch, hidden]`` to ``[batch, 1]``."""
        logit: Tensor = self.fc2(self.fc1(hidden_state).relu())
        return logit


class SpeechLM(nn.Module):
    """The upper layers with what surrounds them: they read the lower ones' text and the speech so far."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.backbone = Backbone(config.backbone, config.tts_layers)
        self.norm = RMSNorm(config.backbone.hidden_size, config.backbone.rms_norm_eps)


class PredictionHead(nn.Module):
    """A SwiGLU stack with adaptive norms (Peebles & Xie 2023): the diffusion's velocity. Every row stands alone.

    What all layers read of the condition is one matrix, and what the timesteps become is a table: there are but a thousand.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        hidden = config.hidden_size
        self.config = config
        self.timesteps = nn.Embedding(config.ddpm_num_steps, hidden)
        self.noisy_images_proj = Linear(config.latent_size, hidden)
        self.cond_proj = Linear(hidden, hidden)
        self.modulation = Linear(hidden, (3 * config.head_layers + 2) * hidden, bias=True)  # scales with the 1 added to them
        self.norms = nn.ModuleList(RMSNorm(hidden, config.rms_norm_eps) for _ in range(config.head_layers))
        self.gate_up_proj = nn.ModuleList(Linear(hidden, 2 * config.intermediate_size) for _ in range(config.head_layers))
        self.down_proj = nn.ModuleList(Linear(config.intermediate_size, hidden) for _ in range(config.head_layers))
        self.final_norm = RMSNorm(hidden, config.rms_norm_eps)  # of weight one: the original's has none
        self.final = Linear(hidden, config.latent_size)

    def forward(self, noisy_latent: Tensor, timestep: Tensor, conditioning: Tensor) -> Tensor:
        """Map latents ``[batch, latent]``, timesteps ``[batch]`` and conditions ``[batch, hidden]`` to ``[batch, latent]``."""
        condition = self.cond_proj(conditioning) + self.timesteps(timestep)
        *modulations, shift, scale = self.modulation(nn.functional.silu(condition)).split(self.config.hidden_size, dim=-1)
        x = self.noisy_images_proj(noisy_latent)
        for i, (norm, gate_up, down) in enumerate(zip(self.norms, self.gate_up_proj, self.down_proj, strict=True)):
            layer_shift, layer_scale, layer_gate = modulations[3 * i : 3 * i + 3]
            gate, up = gate_up(norm(x) * layer_scale + layer_shift).chunk(2, dim=-1)
            x = x + layer_gate * down(nn.functional.silu(gate) * up)
        velocity: Tensor = self.final(self.final_norm(x) * scale + shift)
        return velocity


@dataclass(frozen=True)
class Model:
    """A checkpoint as torch modules. ``types`` ``[2, hidden]``: what is added to the embedding of speech, and of text."""

    config: Config
    lm: TextLM
    tts: SpeechLM
    types: Tensor
    connector: Connector
    end: EndClassifier
    head: PredictionHead
    decoder: Decoder
    speech_scaling_factor: float
    speech_bias_factor: float


class ServerLM(nn.Module):
    """Text to what the upper layers read of it: the lower layers' hidden states with the type of text added."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.lm = model.lm
        self.text_type = nn.Parameter(model.types[1], requires_grad=False)

    def forward(self, input_ids: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ids ``[batch, tokens]`` to ``[batch, tokens, hidden]`` and the caches."""
        embeddings = self.lm.embed_tokens(input_ids)
        rows, present = self.lm.backbone.run_in_slots(embeddings, seqlens_k, total_sequence_length, past)
        return rows.view(embeddings.shape) + self.text_type, *present


class ServerTTS(nn.Module):
    """One graph for windows of text and for frames: what the last position of each row leads to, caches in place."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.tts, self.connector, self.end = model.tts, model.connector, model.end
        self.speech_type = nn.Parameter(model.types[0], requires_grad=False)

    def forward(
        self, text: Tensor, latents: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, *past: Tensor
    ) -> tuple[Tensor, ...]:
        """Run positions: text ``[batch, tokens, hidden]`` and then latents ``[batch, frames, latent]``, either may be none."""
        speech = self.connector(latents.flatten(0, 1)) + self.speech_type
        embeddings = torch.cat((text, speech.view(*latents.shape[:2], text.shape[2])), dim=1)
        rows, present = self.tts.backbone.run_in_slots(embeddings, seqlens_k, total_sequence_length, past)
        condition = self.tts.norm(rows.view(embeddings.shape)[:, -1])
        return condition, self.end(condition), *present


class ServerLatentDecoder(nn.Module):
    """The language model's latents to the decoder's coarse features: few steps, large weights."""

    def __init__(self, model: Model, part: Part) -> None:
        super().__init__()
        self.coarse = part
        self.scale, self.bias = model.speech_scaling_factor, model.speech_bias_factor

    def forward(self, latent: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ``[batch, frames, latent]`` to ``[batch, steps, channels]`` and ``past`` to that for the next chunk."""
        made: tuple[Tensor, ...] = self.coarse(latent / self.scale - self.bias, *past)
        return made


class ServerAcousticDecoder(nn.Module):
    """Coarse features to samples: small weights, many steps."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.fine = part

    def forward(self, features: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ``[batch, steps, channels]`` to samples ``[batch, samples]`` and ``past`` to that for the next chunk."""
        audio, *present = self.fine(features, *past)
        return audio.flatten(1), *present


def _run_growing(
    backbone: Backbone, embeddings: Tensor, attention_mask: Tensor, position_ids: Tensor, keys: Tensor, values: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Run behind caches that the public contract holds in one tensor, ``[layers, batch, kv_heads, past, head_dim]``."""
    hidden, new_keys, new_values = backbone.run_growing(
        embeddings, attention_mask, position_ids, keys.unbind(), values.unbind()
    )
    return hidden, torch.stack(new_keys), torch.stack(new_values)


class PortableLM(nn.Module):
    """The public contract of the lower layers. Positions follow from the mask: rows may be padded on the left."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.lm = model.lm

    def forward(self, input_ids: Tensor, attention_mask: Tensor, past_keys: Tensor, past_values: Tensor) -> tuple[Tensor, ...]:
        """Map ids ``[batch, sequence]`` to hidden states and the grown caches."""
        position_ids = positions_of(attention_mask, input_ids.shape[1])
        embeddings = self.lm.embed_tokens(input_ids)
        return _run_growing(self.lm.backbone, embeddings, attention_mask, position_ids, past_keys, past_values)


class PortableTTS(nn.Module):
    """The public contract of the upper layers, for windows of text and for frames."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.tts = model.tts

    def forward(
        self, inputs_embeds: Tensor, attention_mask: Tensor, position_ids: Tensor, past_keys: Tensor, past_values: Tensor
    ) -> tuple[Tensor, ...]:
        """Map embeddings ``[batch, sequence, hidden]``, types added, to hidden states and the grown caches."""
        hidden, *present = _run_growing(self.tts.backbone, inputs_embeds, attention_mask, position_ids, past_keys, past_values)
        return self.tts.norm(hidden), *present


class PortableDecoder(nn.Module):
    """The public contract of the decoder: channel-first, all frames at once, scaled latents."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, latent: Tensor) -> Tensor:
        """Map ``latent / scaling factor - bias factor``, ``[batch, latent, frames]``, to ``[batch, 1, samples]``."""
        x = latent.transpose(1, 2)
        audio: Tensor = self.decoder(x, *start(self.decoder.state_shapes, x))[0]
        return audio.unsqueeze(1)
