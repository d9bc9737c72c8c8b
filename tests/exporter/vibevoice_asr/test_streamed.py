"""Matrices of the language model that are read at every call."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="exporting needs the 'export' extra")

import torch

from exporter.layers import Linear
from exporter.streaming import Rows
from exporter.vibevoice_asr.streamed import StreamedLinear


@pytest.mark.parametrize("bias", [False, True])
def test_a_matrix_that_is_read_in_blocks_multiplies_as_the_whole(bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.streaming._BLOCK_BYTES", 4 * 70 * 7)
    matrix = np.random.default_rng(0).standard_normal((50, 70)).astype(np.float32)
    read: list[tuple[int, int]] = []

    def rows(first: int, stop: int) -> np.ndarray:
        read.append((first, stop))
        return matrix[first:stop]

    whole = Linear(70, 50, bias)
    whole.weight.data = torch.from_numpy(matrix).T.contiguous()
    streamed = StreamedLinear(Rows(matrix.shape, rows), bias=bias)
    if bias:
        whole.bias.data = torch.arange(50.0)
        streamed.bias = whole.bias
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((3, 70)).astype(np.float32))
    torch.testing.assert_close(streamed(x), whole(x), atol=1e-5, rtol=0)
    assert len(read) == 8
