"""Layers that several families share, written so that their export is what ONNX Runtime runs fastest."""

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """``x @ weight + bias`` with the weight stored as ``[in, out]``.

    ``torch.nn.Linear`` stores ``[out, in]`` and exports a Transpose or a Gemm. Stored this way, the exported node is a
    plain MatMul with a constant right side: the form that ONNX Runtime prepacks and that
    :mod:`exporter.quantize` rewrites.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, out_features))
        self.bias = nn.Parameter(torch.empty(out_features)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[..., in]`` to ``[..., out]``."""
        y = x @ self.weight
        return y if self.bias is None else y + self.bias


class RMSNorm(nn.Module):
    """Root-mean-square norm over the last axis (Zhang & Sennrich 2019), as in transformers' Qwen3RMSNorm."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``[..., size]``."""
        return torch.nn.functional.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


def rotary_tables(length: int, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Return the cosine and sine tables of rotary embedding, float32 ``[length, head_dim // 2]`` (RoFormer, half-split)."""
    frequency = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency
    return angle.cos().float(), angle.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply half-split rotary embedding to ``[..., head_dim]`` with tables broadcastable to ``[..., head_dim // 2]``."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def rotate_pairs(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply rotary embedding to ``[..., head_dim]`` whose neighbouring values are the pairs (interleaved, as in RoFormer)."""
    real, imaginary = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((real * cos - imaginary * sin, imaginary * cos + real * sin), dim=-1).flatten(-2)


def elu(x: Tensor) -> Tensor:
    """``torch.nn.functional.elu`` to 6e-8, without the operator of that name.

    ONNX Runtime's Elu is slower than this, and its last bits depend on how many threads share the array.
    """
    return torch.maximum(x, x.clamp(max=0).exp() - 1)
