"""Soprano's decoder, a Vocos: hidden states of the language model to a waveform."""

import math

import torch
from torch import Tensor, nn

from actors.errors import ExportError
from exporter.checkpoints import Checkpoint, load_weights
from exporter.layers import Linear
from exporter.soprano.config import DecoderConfig, LMConfig


class ConvNeXtBlock(nn.Module):
    """A 1-d ConvNeXt block (Liu et al. 2022) as Vocos uses it, on ``[batch, frames, dim]``."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        dim = config.decoder_dim
        self.dwconv = nn.Conv1d(dim, dim, config.dw_kernel, padding=config.dw_kernel // 2, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = Linear(dim, config.decoder_intermediate_dim, bias=True)
        self.pwconv2 = Linear(config.decoder_intermediate_dim, dim, bias=True)
        self.gamma = nn.Parameter(torch.empty(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, residual included."""
        # As a 2-d convolution of height 1: ONNX Runtime's depthwise kernel for it is 1.5 times as fast.
        conv = torch.nn.functional.conv2d(
            x.transpose(1, 2)[:, :, None],
            self.dwconv.weight[:, :, None],
            self.dwconv.bias,
            padding=(0, self.dwconv.kernel_size[0] // 2),
            groups=self.dwconv.groups,
        )
        y = self.norm(conv.squeeze(2).transpose(1, 2)).flatten(0, 1)
        y = self.pwconv2(torch.nn.functional.gelu(self.pwconv1(y)))
        return x + (self.gamma * y).view_as(x)


class InverseSTFT(nn.Module):
    """``torch.istft(center=True)`` with a Hann window and a hop of a quarter window, without complex operators.

    The inverse real Fourier transform is four MatMuls of a quarter of the full matrix each: the cosine part is even and the
    sine part odd around ``n_fft / 2``, and within each the even and odd bins are even or odd around ``n_fft / 4``.
    The lowest and highest bin are zero, as soprano-tts ``vocos/spectral_ops.py`` makes them: the lowest has weight zero and the
    highest does not appear. So a frame has a multiple of 16 values, and ONNX Runtime's sine and cosine, which treat the last
    few values of an array or a thread's share differently, give a row the same bits in any batch.
    """

    def __init__(self, n_fft: int, hop_length: int) -> None:
        super().__init__()
        if n_fft != 4 * hop_length:
            raise ExportError(f"the decoder has n_fft {n_fft} and hop {hop_length}: only a hop of n_fft / 4 is supported")
        self.n_fft, self.hop_length = n_fft, hop_length
        time = torch.arange(n_fft // 4 + 1, dtype=torch.float64)
        for parity, bins in (("even", torch.arange(0, n_fft // 2, 2)), ("odd", torch.arange(1, n_fft // 2, 2))):
            angle = 2 * math.pi / n_fft * bins[:, None].double() * time
            weight = 2 / n_fft * (bins[:, None] > 0)
            self.register_buffer(f"cos_{parity}", (angle.cos() * weight).float(), persistent=False)
            self.register_buffer(f"sin_{parity}", (angle.sin() * weight).float(), persistent=False)
        window = torch.hann_window(n_fft, dtype=torch.float64)
        squared = window.square().view(4, hop_length)
        full = squared.sum(0)  # what four overlapping windows add up to: the same in every hop but the first and last
        self.register_buffer("window", (window / full.repeat(4)).float(), persistent=False)
        self.register_buffer("first_hop", (full / (full - squared[3])).float(), persistent=False)
        self.register_buffer("last_hop", (full / (full - squared[0])).float(), persistent=False)

    @staticmethod
    def bin_order(n_fft: int) -> Tensor:
        """Return the bins in the order in which :meth:`forward` takes them: 0, 2, 4, … and then 1, 3, 5, …."""
        return torch.cat((torch.arange(0, n_fft // 2, 2), torch.arange(1, n_fft // 2, 2)))

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """Map a spectrum, ``[batch, frames, n_fft // 2]`` each, to ``[batch, (frames - 1) * hop_length]`` samples."""
        nyquist, quarter = self.n_fft // 2, self.n_fft // 4
        real_even, real_odd = real.chunk(2, dim=-1)
        imaginary_even, imaginary_odd = imaginary.chunk(2, dim=-1)
        cos_even, cos_odd = real_even @ self.cos_even, real_odd @ self.cos_odd
        sin_even, sin_odd = imaginary_even @ self.sin_even, imaginary_odd @ self.sin_odd
        even = torch.cat((cos_even + cos_odd, (cos_even - cos_odd)[..., :quarter].flip(-1)), dim=-1)
        odd = torch.cat((sin_even + sin_odd, (sin_odd - sin_even)[..., :quarter].flip(-1)), dim=-1)
        frames = torch.cat((even - odd, (even + odd)[..., 1:nyquist].flip(-1)), dim=-1) * self.window
        quarters = frames.unflatten(-1, (4, self.hop_length))
        # Hop h of the output is the sum of frame h+2's first quarter, h+1's second, h's third and h-1's fourth.
        count = frames.shape[1]
        padded = torch.nn.functional.pad(quarters, (0, 0, 0, 0, 1, 1))
        hops = padded[:, 3 : count + 2, 0] + padded[:, 2 : count + 1, 1] + padded[:, 1:count, 2] + padded[:, : count - 1, 3]
        hops = torch.cat((hops[:, :1] * self.first_hop, hops[:, 1:-1], hops[:, -1:] * self.last_hop), dim=1)
        return hops.flatten(1)


class Decoder(nn.Module):
    """The Vocos decoder (Siuzdak 2023): final hidden states of the language model to a waveform."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = Linear(config.input_kernel * config.num_input_channels, config.decoder_dim, bias=True)
        self.norm = nn.LayerNorm(config.decoder_dim, eps=1e-6)
        self.convnext = nn.ModuleList(ConvNeXtBlock(config) for _ in range(config.decoder_num_layers))
        self.final_layer_norm = nn.LayerNorm(config.decoder_dim, eps=1e-6)
        self.out = Linear(config.decoder_dim, config.n_fft, bias=True)  # columns in InverseSTFT.bin_order
        self.istft = InverseSTFT(config.n_fft, config.hop_length)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map hidden ``[batch, tokens >= 2, channels]`` to ``[batch, (tokens - 1) * upscale * hop_length]`` samples."""
        x = self._windows(self._upsample(hidden))
        x = self.norm(self.embed(x.flatten(0, 1)).view(x.shape[0], x.shape[1], -1))
        for block in self.convnext:
            x = block(x)
        spectrum = self.out(self.final_layer_norm(x).flatten(0, 1)).view(x.shape[0], x.shape[1], -1)
        log_magnitude, phase = spectrum.chunk(2, dim=-1)
        magnitude = log_magnitude.exp().clamp(max=1e2)
        audio: Tensor = self.istft(magnitude * phase.cos(), magnitude * phase.sin())
        return audio

    def _windows(self, x: Tensor) -> Tensor:
        """Put the frames that the input convolution sees side by side: ``[batch, frames, input_kernel * channels]``.

        As a MatMul the convolution gives the same bits with any number of threads; ONNX Runtime's Conv does not.
        """
        kernel, frames = self.config.input_kernel, x.shape[1]
        if kernel == 1:
            return x
        padded = torch.nn.functional.pad(x, (0, 0, kernel // 2, kernel // 2))
        return torch.cat([padded[:, i : i + frames] for i in range(kernel)], dim=-1)

    def _upsample(self, hidden: Tensor) -> Tensor:
        """Interpolate linearly between tokens to ``upscale * (tokens - 1) + 1`` frames (align_corners)."""
        fraction = torch.arange(self.config.upscale, dtype=hidden.dtype)[:, None] / self.config.upscale
        left, right = hidden[:, :-1, None], hidden[:, 1:, None]
        between = (left * (1 - fraction) + right * fraction).flatten(1, 2)
        return torch.cat((between, hidden[:, -1:]), dim=1)


class PortableDecoder(nn.Module):
    """The decoder with the public export's channel-first input ``[batch, channels, tokens]``."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Map hidden states to samples."""
        audio: Tensor = self.decoder(hidden_states.transpose(1, 2))
        return audio


def load_decoder(checkpoint: Checkpoint, lm: LMConfig) -> Decoder:
    """Read ``decoder.pth`` and what ``decoder_config.json`` says beyond its shapes.

    Raises:
        ExportError: it is not a Soprano decoder, or not of this language model.
    """
    state = checkpoint.pickled("decoder.pth")
    origin = str(checkpoint.folder / "decoder.pth")
    try:
        dim, channels, input_kernel = state["decoder.embed.weight"].shape
        blocks = {key.split(".")[2] for key in state if key.startswith("decoder.convnext.")}
        n_fft = state["head.out.weight"].shape[0] - 2
        shapes = {
            "num_input_channels": channels,
            "decoder_dim": dim,
            "decoder_intermediate_dim": state["decoder.convnext.0.pwconv1.weight"].shape[0],
            "decoder_num_layers": len(blocks),
            "dw_kernel": state["decoder.convnext.0.dwconv.weight"].shape[2],
            "n_fft": n_fft,
            "hop_length": n_fft // 4,
        }
        own = checkpoint.json("decoder_config.json", optional=True)
        differing = {key: own[key] for key in shapes.keys() & own.keys() if own[key] != shapes[key]}
        if differing:
            raise ExportError(f"{origin}: decoder_config.json says {differing}, the weights say {shapes}")
        extra = {key: own[key] for key in ("upscale", "sample_rate") if key in own}
        config = DecoderConfig(**shapes, input_kernel=input_kernel, **extra)
        if channels != lm.hidden_size:
            raise ExportError(f"{origin} takes {channels} channels, but the language model has hidden size {lm.hidden_size}")
        decoder = Decoder(config)
        load_weights(decoder, _decoder_state(state, n_fft), origin)
    except KeyError as error:
        raise ExportError(f"{origin} lacks the key {error}: it is not a Soprano decoder") from error
    return decoder


def _decoder_state(state: dict[str, Tensor], n_fft: int) -> dict[str, Tensor]:
    """Rename soprano-tts SopranoDecoder keys to ours; transpose Linear weights, reorder the head's bins."""
    bins = InverseSTFT.bin_order(n_fft)
    rows = torch.cat((bins, bins + n_fft // 2 + 1))
    renamed = {}
    for key, tensor in state.items():
        if key.startswith("decoder."):
            renamed[key.removeprefix("decoder.")] = tensor.T.contiguous() if tensor.dim() == 2 else tensor
    # [out, in, kernel] to [kernel * in, out]
    renamed["embed.weight"] = state["decoder.embed.weight"].permute(2, 1, 0).flatten(0, 1).contiguous()
    renamed["out.weight"] = state["head.out.weight"][rows].T.contiguous()
    renamed["out.bias"] = state["head.out.bias"][rows]
    return renamed
