"""Matrices that are read in parts, and what is written of them."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="exporting needs the 'export' extra")

from exporter.quantize import pack_nbits, unpack_nbits
from exporter.streaming import Rows, stack, write_npy

MATRIX = np.random.default_rng(0).standard_normal((50, 70)).astype(np.float32)


def rows_of(matrix: np.ndarray) -> Rows:
    return Rows(matrix.shape, lambda first, stop: matrix[first:stop])


def test_stacked_matrices_are_read_across_their_borders() -> None:
    stacked = stack([rows_of(MATRIX[:10]), rows_of(MATRIX[10:11]), rows_of(MATRIX[11:])])
    assert stacked.shape == MATRIX.shape
    for first, stop in ((0, 50), (9, 12), (10, 11), (49, 50), (0, 10)):
        np.testing.assert_array_equal(stacked.read(first, stop), MATRIX[first:stop])
    np.testing.assert_array_equal(stacked.take(np.array([[3, 10], [49, 0]])), MATRIX[[[3, 10], [49, 0]]])


def test_blocks_are_the_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("exporter.streaming._BLOCK_BYTES", 4 * 70 * 7)
    blocks = list(rows_of(MATRIX).blocks())
    assert [first for first, _ in blocks] == list(range(0, 50, 7))
    write_npy(tmp_path / "a.npy", rows_of(MATRIX), np.float16)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", mmap_mode="r"), MATRIX.astype(np.float16))


@pytest.mark.parametrize(("bits", "cosine"), [(4, 0.995), (8, 0.9999)])
def test_few_bits_come_back_nearly_as_they_were(bits: int, cosine: float) -> None:
    matrix = MATRIX.copy()
    matrix[3] = 0
    packed, scales = pack_nbits(matrix, bits)
    assert packed.shape == (50, 3, 4 * bits)
    back = unpack_nbits(packed, scales, bits, 70)
    assert (back * matrix).sum() / np.sqrt((back**2).sum() * (matrix**2).sum()) > cosine
    assert not back[3].any()
    assert np.abs(back - matrix).max() <= np.abs(scales).max() * 1.01
