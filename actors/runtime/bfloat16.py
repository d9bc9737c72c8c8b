"""The 16-bit floats that numpy does not have: the upper half of a float32."""

import numpy as np


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Return the bits (uint16) of float32 values, rounded to the nearest, of two as near to the even one."""
    bits = values.view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    # Rounding could carry what is no number into infinity, or into zero.
    kept = np.where(np.isnan(values), bits | np.uint32(0x400000), rounded)
    upper: np.ndarray = (kept >> np.uint32(16)).astype(np.uint16)
    return upper


def from_bfloat16(bits: np.ndarray) -> np.ndarray:
    """Return the float32 values of bits (uint16)."""
    values: np.ndarray = (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return values
