"""The reference numbers are those of speechmos 0.0.1.1 and librosa 0.11 for the same samples."""

import importlib.util
from dataclasses import astuple
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from actors.audio import dnsmos
from actors.audio.codec import resample
from actors.audio.dnsmos import Dnsmos, Opinion, log_mel
from actors.errors import RequestError, UsageError


def voiced(seconds: float, noise: float = 0.0) -> np.ndarray:
    """A buzz that comes and goes at 16 kHz, in noise that rises to ``noise``."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    buzz = sum(np.sin(2 * np.pi * 140 * harmonic * time) / harmonic for harmonic in range(1, 20))
    hiss = np.random.default_rng(0).standard_normal(len(time)) * np.linspace(0, noise, len(time))
    return (0.1 * buzz * np.sin(2 * np.pi * 2 * time) ** 2 + hiss).astype(np.float32)


@pytest.fixture(scope="module")
def models() -> Dnsmos:
    pytest.importorskip("speechmos", reason="DNSMOS needs the extra 'dnsmos'")
    return Dnsmos(threads=1)


def test_the_mel_spectrogram_is_librosas() -> None:
    found = log_mel(voiced(1, noise=0.1))
    assert found.shape == (100, 120)
    places = [found[frame, band] for frame, band in ((0, 0), (10, 5), (50, 30), (50, 60), (99, 119))]
    np.testing.assert_allclose(places, [-1.0, 0.970725, -0.177301, 0.121255, 0.514885], atol=1e-5)
    assert not np.isnan(log_mel(np.zeros(16_000, np.float32))).any()


# Short audio is repeated. Of 26 s the windows that begin at 0 to 6 s are heard, and not those at 7 to 16 s.
@pytest.mark.parametrize(
    ("audio", "expected"),
    [
        (voiced(3), Opinion(1.975659, 2.720212, 2.837807, 2.339169)),
        (voiced(26, noise=0.1), Opinion(1.408204, 2.229724, 1.384224, 2.317981)),
    ],
    ids=["3 s", "26 s"],
)
def test_opinions_are_those_of_speechmos(models: Dnsmos, audio: np.ndarray, expected: Opinion) -> None:
    assert astuple(models.rate(audio, 16_000)) == pytest.approx(astuple(expected), abs=1e-3)


def test_audio_of_another_rate_and_beyond_full_scale_is_brought_to_what_the_models_know(models: Dnsmos) -> None:
    usual = astuple(models.rate(voiced(3), 16_000))
    assert astuple(models.rate(resample(voiced(3), 16_000, 48_000), 48_000)) == pytest.approx(usual, abs=0.05)
    clipped = models.rate(np.clip(10 * voiced(3), -1, 1), 16_000)
    assert models.rate(10 * voiced(3), 16_000) == clipped


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.full(16_000, np.nan, np.float32)], ids=["nothing", "not finite"])
def test_what_is_no_audio_is_a_bad_request(models: Dnsmos, audio: np.ndarray) -> None:
    with pytest.raises(RequestError, match="the audio"):
        models.rate(audio, 16_000)


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'speechmill\[dnsmos\]'"):
        Dnsmos(threads=1)


@pytest.mark.parametrize("content", [None, b"another model"])
def test_other_models_than_the_known_ones_are_not_opened(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = ModuleSpec("speechmos", None, is_package=True)
    package.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: package)
    monkeypatch.setattr(dnsmos, "open_session", lambda *_: pytest.fail("it was opened"))
    if content is not None:
        (tmp_path / "dnsmos_models").mkdir()
        for name in ("sig_bak_ovr.onnx", "model_v8.onnx"):
            (tmp_path / "dnsmos_models" / name).write_bytes(content)
    with pytest.raises(UsageError, match=r"sig_bak_ovr\.onnx is not the model of speechmos 0\.0\.1\.1"):
        Dnsmos(threads=1)
