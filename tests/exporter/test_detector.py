"""The detector's graph over many windows is Silero's graph run window by window."""

import numpy as np
import onnxruntime as ort

from exporter.detector import SOURCE, TARGET, build

_RATE = 16_000


def test_the_file_in_the_package_is_what_the_exporter_makes() -> None:
    assert TARGET.read_bytes() == build(SOURCE).SerializeToString(deterministic=True)


def test_many_windows_together_are_one_by_one(speech: np.ndarray) -> None:
    windows = len(speech) // 512
    samples = np.concatenate([np.zeros(64, np.float32), speech[: windows * 512]])
    original, ours = ort.InferenceSession(SOURCE), ort.InferenceSession(TARGET)
    state = np.zeros((2, 1, 128), np.float32)
    expected = np.zeros(windows, np.float32)
    for i in range(windows):
        feeds = {"input": samples[None, i * 512 : i * 512 + 576], "state": state, "sr": np.array(_RATE)}
        output, state = original.run(["output", "stateN"], feeds)
        expected[i] = output[0, 0]
    half = windows // 2 * 512
    first, between = ours.run(None, {"samples": samples[: 64 + half], "state": np.zeros_like(state)})
    second, last = ours.run(None, {"samples": samples[half:], "state": between})
    assert expected.max() > 0.9
    np.testing.assert_allclose(np.concatenate([first, second]), expected, atol=1e-5)
    np.testing.assert_allclose(last, state, atol=1e-4)
