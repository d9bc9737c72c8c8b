import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from actors.bundle import Bundle, CheckResult, Layout, Precision
from actors.errors import ExportError, UsageError
from exporter import quality
from exporter.build import Export
from exporter.quality import Pair, Utterance, check_can_measure, measure, with_quality

RATE = 32_000


def voiced(seconds: float = 3.0) -> np.ndarray:
    """A buzz that comes and goes four times a second, and sounds like a voice to PESQ and STOI."""
    time = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 140 * harmonic * time) / harmonic for harmonic in range(1, 20))
    return (0.1 * buzz * np.sin(2 * np.pi * 2 * time) ** 2).astype(np.float32)


def with_noise(audio: np.ndarray, snr_db: float) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(len(audio))
    return (audio + noise * np.sqrt(np.square(audio).mean() * 10 ** (-snr_db / 10))).astype(np.float32)


def values(checks: Sequence[CheckResult]) -> dict[str, float | None]:
    return {check.metric: check.value for check in checks}


def measured(*exported: np.ndarray, original: np.ndarray | None = None) -> dict[str, float | None]:
    original = voiced() if original is None else original
    return values(measure([Pair(original, audio, RATE) for audio in exported], exact=False, case="case"))


@pytest.fixture(params=["pesq", "stoi"])
def metric(request: pytest.FixtureRequest) -> str:
    package = {"pesq": "pesq", "stoi": "pystoi"}[request.param]
    pytest.importorskip(package, reason=f"{request.param} needs {package} (the extra 'quality'; pesq needs a compiler)")
    return str(request.param)


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "find_packages", dict)


@pytest.mark.usefixtures("no_packages")
def test_difference_and_snr_are_those_of_the_worst_utterance() -> None:
    found = measured(voiced(), with_noise(voiced(), 30), with_noise(voiced(), 40))
    assert found["snr_db"] == pytest.approx(30, abs=0.1)
    assert found["max_abs_diff"] == np.abs(with_noise(voiced(), 30).astype(np.float64) - voiced()).max()
    assert found.keys() == {"max_abs_diff", "snr_db"}  # and nothing is said of what is not installed


def test_pesq_and_stoi_are_best_of_equal_audio_and_fall_with_noise(metric: str) -> None:
    best = {"pesq": 4.644, "stoi": 1.0}[metric]  # 4.644 is the most that P.862.2 gives
    assert measured(voiced())[metric] == pytest.approx(best, abs=1e-3)
    noisy = measured(voiced(), with_noise(voiced(), 5))[metric]
    assert noisy is not None
    assert noisy < {"pesq": 2, "stoi": 0.95}[metric]


@pytest.mark.parametrize("audio", [np.zeros(3 * RATE, np.float32), voiced(0.2)], ids=["silence", "too short"])
def test_where_nobody_speaks_there_is_nothing_to_measure(audio: np.ndarray, metric: str) -> None:
    assert measured(audio, original=audio)[metric] is None


def test_an_utterance_that_says_nothing_does_not_hide_the_others(metric: str) -> None:
    silence = Pair(np.zeros(RATE, np.float32), np.zeros(RATE, np.float32), RATE)
    noisy = Pair(voiced(), with_noise(voiced(), 5), RATE)
    both, one = (values(measure(pairs, exact=False, case=""))[metric] for pairs in ([silence, noisy], [noisy]))
    assert both == one is not None


def test_of_long_audio_the_beginning_is_measured(metric: str) -> None:
    """PESQ's package ends the process on minutes."""
    long = voiced(150)
    changed = np.concatenate([long[: 20 * RATE], with_noise(long[20 * RATE :], 0)])
    assert measured(changed, original=long)[metric] == measured(long, original=long)[metric]


@pytest.mark.usefixtures("no_packages")
def test_only_what_should_be_equal_has_bounds_on_its_samples() -> None:
    pairs = [Pair(voiced(), voiced(), RATE)]
    for exact in (True, False):
        assert [check.floor is None and check.ceiling is None for check in measure(pairs, exact=exact, case="")] == [
            not exact
        ] * 2


def test_what_cannot_be_measured_is_refused_before_the_export(tiny_export: Callable[[Layout], Export]) -> None:
    utterances = tiny_export("server").utterances
    with pytest.raises(UsageError, match="the quality of pocket-tts models is not measured"):
        check_can_measure("pocket-tts", (), "server", "measure")
    with pytest.raises(UsageError, match="use --layout server"):
        check_can_measure("soprano", utterances, "portable", "measure")


@pytest.mark.usefixtures("no_packages")
def test_without_the_packages_two_metrics_are_missing_and_the_log_says_why(
    tiny_export: Callable[[Layout], Export], caplog: pytest.LogCaptureFixture
) -> None:
    utterances = tiny_export("server").utterances
    check_can_measure("soprano", utterances, "server", "measure")
    assert "PESQ is not measured: it needs pesq" in caplog.text
    assert "STOI is not measured: it needs pystoi" in caplog.text
    assert "speechmill[quality]" in caplog.text
    with pytest.raises(UsageError, match=r"needs pesq and pystoi: pip install 'speechmill\[quality\]'"):
        check_can_measure("soprano", utterances, "server", "require")


@pytest.mark.parametrize(
    ("precision", "snr_db"),
    [("fp32", 100), ("int8", 18)],  # 112 and 22 dB with AVX-512
)
def test_pytorch_says_after_a_bundle_what_that_one_said(
    precision: Precision, snr_db: float, tiny_bundle: Callable[[Precision], Bundle], tiny_export: Callable[[Layout], Export]
) -> None:
    bundle = tiny_bundle(precision)
    manifest = with_quality(bundle.folder, bundle.manifest, tiny_export("server").utterances, required=False)
    assert manifest.checks[: len(bundle.manifest.checks)] == bundle.manifest.checks
    added = manifest.checks[len(bundle.manifest.checks) :]
    found = values(added)
    assert found["snr_db"] is not None
    assert found["snr_db"] > snr_db
    assert all(check.case == f"{precision} against PyTorch" and check.holds for check in added)


@pytest.fixture
def louder(tiny_export: Callable[[Layout], Export]) -> list[Utterance]:
    """The utterances of a model that is a tenth louder: 20 dB of SNR."""

    def follow(utterance: Utterance) -> Utterance:
        return replace(utterance, follow=lambda trace: np.float32(1.1) * utterance.follow(trace))

    return [follow(utterance) for utterance in tiny_export("server").utterances]


def test_a_missed_bar_is_told_or_ends_the_export(
    louder: list[Utterance], tiny_bundle: Callable[[Precision], Bundle], caplog: pytest.LogCaptureFixture
) -> None:
    bundle = tiny_bundle("fp32")
    with caplog.at_level(logging.WARNING):
        manifest = with_quality(bundle.folder, bundle.manifest, louder, required=False)
    (snr,) = (check for check in manifest.checks if check.graph == "whole bundle" and check.metric == "snr_db")
    assert snr.value == pytest.approx(20.8, abs=0.1)  # 20 log10(1.1 / 0.1)
    assert not snr.holds
    assert "whole bundle (fp32 against PyTorch): snr_db is 20.83, it should be at least 60" in caplog.text
    with pytest.raises(ExportError, match=r"max_abs_diff is .*, it must be at most 0\.0001\. Nothing was published"):
        with_quality(bundle.folder, bundle.manifest, louder, required=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda audio: audio[1:], "samples, PyTorch"), (lambda audio: audio * np.float32(np.nan), "values that are not finite")],
)
def test_audio_that_cannot_be_compared_is_an_error_also_where_nothing_is_required(
    change: Callable[[np.ndarray], np.ndarray],
    message: str,
    tiny_bundle: Callable[[Precision], Bundle],
    tiny_export: Callable[[Layout], Export],
) -> None:
    bundle, utterance = tiny_bundle("fp32"), tiny_export("server").utterances[0]
    changed = replace(utterance, follow=lambda trace: change(utterance.follow(trace)))
    with pytest.raises(ExportError, match=message):
        with_quality(bundle.folder, bundle.manifest, [changed], required=False)


def test_a_bar_that_cannot_be_measured_is_missed() -> None:
    check = CheckResult(graph="whole bundle", case="", metric="pesq", value=None, floor=4.0)
    assert not check.holds
    with pytest.raises(ExportError, match="pesq is nothing that could be measured, it must be at least 4"):
        quality.judge(check, required=True)
