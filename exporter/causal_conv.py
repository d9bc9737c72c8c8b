"""Causal convolutions in chunks, which the codecs are made of.

Everything is channel-last and every convolution is a MatMul over windows: ONNX Runtime's Conv and ConvTranspose are slower,
and their bits depend on the number of threads. A convolution of stride ``s`` is one of stride 1 over blocks of ``s`` steps; a
transposed one of stride ``s`` gives ``s`` steps for every step, which lie side by side in memory already.

What a layer needs of the past, it gets and gives back, so that chunks are the whole, exactly.
"""

from collections.abc import Iterable
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from exporter.layers import elu

UPSAMPLED_TAPS = 2  # a transposed convolution's kernel is twice its stride


class Causal(Protocol):
    """A layer that is given the past; ``past_shape`` ``(steps, channels)`` is what it carries from chunk to chunk."""

    past_shape: tuple[int, int]


class Conv(nn.Module):
    """A causal convolution on ``[batch, steps, in_channels]`` as a MatMul over windows.

    The weight is ``[kernel_size * in_channels, out_channels]``; ``past`` holds the blocks before the first one.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, dilation: int = 1, bias: bool = True
    ) -> None:
        super().__init__()
        self.stride, self.dilation = stride, dilation
        self.taps = kernel_size // stride  # blocks that a window holds
        self.block = stride * in_channels
        self.past_shape = ((self.taps - 1) * dilation, self.block)  # what a chunk needs of the one before
        self.weight = nn.Parameter(torch.empty(kernel_size * in_channels, out_channels))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Map ``[batch, steps, in]`` to ``[batch, steps / stride, out]``, and give what the next chunk needs."""
        blocks = x.reshape(x.shape[0], x.shape[1] // self.stride, self.block)
        padded = blocks if past is None else torch.cat((past, blocks), dim=1)
        count = blocks.shape[1]
        windows = [padded[:, i * self.dilation : i * self.dilation + count] for i in range(self.taps)]
        columns = windows[0] if self.taps == 1 else torch.cat(windows, dim=-1)
        y = columns.flatten(0, 1) @ self.weight
        if self.bias is not None:
            y = y + self.bias
        return y.view(x.shape[0], count, -1), None if past is None else padded[:, count:]


class BandConv(nn.Module):
    """A :class:`Conv` of stride 1 that makes ``rows`` steps from one longer window, with a weight that is a band.

    Where there are few channels, putting windows side by side takes longer than multiplying them: longer windows overlap less,
    and the zeros beside the band cost less than the copies that they save.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.past_shape = (kernel_size - 1, in_channels)
        self.weight = nn.Parameter(torch.empty((rows + kernel_size - 1) * in_channels, rows * out_channels))
        self.bias = nn.Parameter(torch.empty(rows * out_channels))

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[batch, steps, in]`` to ``[batch, steps, out]``; ``steps`` is a multiple of ``rows``."""
        batch, steps, channels = x.shape
        before = past.shape[1]
        blocks = x.reshape(batch, steps // self.rows, self.rows * channels)
        tails = blocks[:, :, (self.rows - before) * channels :] if self.rows > before else blocks
        padded = torch.cat((past.flatten(1)[:, None], tails), dim=1)
        count = blocks.shape[1]
        columns = torch.cat((padded[:, :count], blocks), dim=-1)
        y = columns.flatten(0, 1) @ self.weight + self.bias
        return y.view(batch, steps, -1), padded[:, count:].reshape(batch, before, channels)


class ConvTranspose(nn.Module):
    """A causal transposed convolution with a kernel of two strides, on ``[batch, steps, in_channels]``.

    Every output step comes from this input step and the one before: a convolution of two taps whose output channels are
    ``stride`` steps side by side. The weight is ``[2 * in_channels, stride * out_channels]``, the earlier step first.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.past_shape = (1, in_channels)
        self.weight = nn.Parameter(torch.empty(UPSAMPLED_TAPS * in_channels, stride * out_channels))
        self.bias = nn.Parameter(torch.empty(stride * out_channels))

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[batch, steps, in]`` to ``[batch, steps * stride, out]``, and give the last input step."""
        count = x.shape[1]
        padded = torch.cat((past, x), dim=1)
        columns = torch.cat((padded[:, :count], x), dim=-1)
        y = columns.flatten(0, 1) @ self.weight + self.bias
        return y.view(x.shape[0], count * self.stride, -1), padded[:, count:]


def convolve(layers: nn.ModuleList, x: Tensor, past: Iterable[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Run layers on ``[batch, steps, channels]``; take and give what is carried. ``ELU`` stands where an activation does."""
    tails, remaining = [], iter(past)
    for layer in layers:
        if isinstance(layer, nn.ELU):
            x = elu(x)
        else:
            x, tail = layer(x, next(remaining))
            tails.append(tail)
    return x, tails


def past_shapes(layers: nn.ModuleList) -> dict[int, tuple[int, int]]:
    """Return the shapes of what :func:`convolve` carries, without the batch axis, by the layer's index."""
    return {i: cast("Causal", layer).past_shape for i, layer in enumerate(layers) if not isinstance(layer, nn.ELU)}


def conv_weight(weight: Tensor) -> Tensor:
    """``[out, in, kernel]`` to ``[kernel * in, out]``."""
    return weight.permute(2, 1, 0).flatten(0, 1).contiguous()


def convtr_weight(weight: Tensor) -> Tensor:
    """``[in, out, 2 * stride]`` to ``[2 * in, stride * out]``: first what an input step adds to the next one's output."""
    current, following = weight.permute(0, 2, 1).chunk(2, dim=1)
    return torch.cat((following.flatten(1), current.flatten(1)))


def band_weight(weight: Tensor, rows: int) -> Tensor:
    """``[out, in, kernel]`` to ``[(rows + kernel - 1) * in, rows * out]``: each step's weight one step further down."""
    out_channels, in_channels, kernel = weight.shape
    band = weight.new_zeros(rows + kernel - 1, in_channels, rows, out_channels)
    for i in range(rows):
        band[i : i + kernel, :, i] = weight.permute(2, 1, 0)
    return band.flatten(2).flatten(0, 1)
