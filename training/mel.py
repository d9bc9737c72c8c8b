"""The mel filters that the training features and the judge share."""

import numpy as np


def mel_filters(n_fft: int, mels: int, sample_rate: int) -> np.ndarray:
    """Triangular filters ``[mels, n_fft // 2 + 1]`` of height 1, from 60 to 7800 Hz on O'Shaughnessy's mel scale."""
    low, high = 2595 * np.log10(1 + np.array([60, 7800]) / 700)
    edges = 700 * (10 ** (np.linspace(low, high, mels + 2) / 2595) - 1)[:, None]
    frequency = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling))
