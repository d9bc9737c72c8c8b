import numpy as np
import pytest

from actors.runtime.bfloat16 import from_bfloat16, to_bfloat16


def floats(*bits: int) -> np.ndarray:
    return np.array(bits, np.uint32).view(np.float32)


def test_every_number_of_16_bits_comes_back() -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    bits = bits[np.isfinite(from_bfloat16(bits))]
    assert to_bfloat16(from_bfloat16(bits)).tobytes() == bits.tobytes()


@pytest.mark.parametrize(
    ("bits", "rounded"),
    [
        (0x3F800000, 0x3F80),
        (0x3F807FFF, 0x3F80),  # below the middle
        (0x3F808000, 0x3F80),  # in the middle, to the even one: down
        (0x3F808001, 0x3F81),  # above it
        (0x3F818000, 0x3F82),  # in the middle, to the even one: up
        (0xBF818000, 0xBF82),
        (0x3FFFFFFF, 0x4000),  # into the next power of two
        (0x00000001, 0x0000),
        (0x80000000, 0x8000),
        (0x7F7FFFFF, 0x7F80),  # the largest float32 is no bfloat16: infinity
        (0xFF800000, 0xFF80),
    ],
)
def test_the_nearest_is_taken_and_of_two_the_even_one(bits: int, rounded: int) -> None:
    assert to_bfloat16(floats(bits)).tolist() == [rounded]


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7F800001, 0x7FFFFFFF, 0xFFC00000, 0xFF800001, 0xFFFFFFFF])
def test_what_is_no_number_stays_none(bits: int) -> None:
    assert np.isnan(from_bfloat16(to_bfloat16(floats(bits)))).all()


def test_numbers_are_rounded_as_pytorch_rounds_them() -> None:
    torch = pytest.importorskip("torch", reason="the comparison needs the 'export' extra")
    random = np.random.default_rng(0)
    values = random.integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    values = np.concatenate([values[np.isfinite(values)], random.standard_normal(100_000).astype(np.float32)])
    theirs = torch.from_numpy(values).bfloat16().view(torch.int16).numpy().view(np.uint16)
    assert to_bfloat16(values).tobytes() == theirs.tobytes()


def test_arrays_keep_their_shape_whatever_their_strides() -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert from_bfloat16(to_bfloat16(values.transpose(2, 0, 1))).tolist() == values.transpose(2, 0, 1).tolist()
