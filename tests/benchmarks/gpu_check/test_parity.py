"""What counts as computing the same."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from actors import SynthesisResult
from actors.bundle import Bundle
from actors.families import FAMILIES
from benchmarks.gpu_check.models import TINY
from benchmarks.gpu_check.parity import EXACT, HALF, check, differ


def spoken(tokens: list[int] | None, values: list[float], audio: float = 1.0) -> SynthesisResult:
    """A row of as many frames as there are values."""
    trace = {"hidden": np.array(values, np.float32)} | ({} if tokens is None else {"tokens": np.array(tokens)})
    return SynthesisResult("a", np.full(4, audio, np.float32), 8000, len(values), "eos", (), trace)


REFERENCE = spoken([1, 2, 3, 4], [1.0, 2.0, -4.0, 1.0])


def test_equal_rows_hold() -> None:
    difference = differ([REFERENCE, REFERENCE], [REFERENCE, REFERENCE])
    assert (difference.largest, difference.agreed, difference.steps) == (0, 8, 8)
    assert difference.holds(exact=True)


@pytest.mark.parametrize("exact", [True, False])
def test_differences_are_relative_to_the_largest_value(exact: bool) -> None:
    tolerance = EXACT if exact else HALF
    for share, holds in ((0.9, True), (1.1, False)):
        far = spoken([1, 2, 3, 4], [1.0 + 4 * share * tolerance, 2.0, -4.0, 1.0])
        assert differ([REFERENCE], [far]).holds(exact) is holds


def test_audio_counts_as_well() -> None:
    assert not differ([REFERENCE], [spoken([1, 2, 3, 4], [1.0, 2.0, -4.0, 1.0], audio=1.5)]).holds(exact=False)


def test_behind_another_token_nothing_is_compared() -> None:
    other = spoken([1, 2, 9, 9], [1.0, 2.0, -4.0, 99.0], audio=2.0)
    difference = differ([REFERENCE], [other])
    assert (difference.largest, difference.agreed, difference.steps) == (0, 2, 4)
    assert not difference.holds(exact=True)
    assert difference.holds(exact=False)
    assert not differ([REFERENCE], [spoken([1, 9, 9, 9], [1.0, 2.0, 0, 0])]).holds(exact=False)


def test_frames_that_are_missing_do_not_agree() -> None:
    reference = spoken(None, [1.0, 2.0, 3.0])
    difference = differ([reference], [spoken(None, [1.0])])
    assert (difference.agreed, difference.steps) == (1, 3)


def test_what_is_no_number_never_holds() -> None:
    assert differ([REFERENCE], [spoken([1, 2, 3, 4], [1.0, np.nan, -4.0, 1.0])]).largest == np.inf
    assert not differ([REFERENCE], [replace(REFERENCE, audio=np.full(4, np.nan, np.float32))]).holds(exact=False)


def test_nothing_compared_does_not_hold() -> None:
    assert not differ([], []).holds(exact=False)


def test_every_family_is_asked() -> None:
    assert TINY.keys() == FAMILIES.keys()


@pytest.fixture
def bundles(tiny_bundle: Callable[..., Bundle]) -> Mapping[str, Mapping[str, str]]:
    return {"soprano": {precision: str(tiny_bundle(precision).folder) for precision in ("fp32", "fp16")}}


def test_a_family_on_the_cpu_is_the_same_and_in_half_precision_nearly(
    bundles: Mapping[str, Mapping[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    check("cpu", 1, bundles, exact=True)
    check("cpu", 1, bundles, exact=False)
    strict, single, half = map(json.loads, capsys.readouterr().out.splitlines())
    assert strict["precision"] == "fp32 without TF32"
    for found in (strict, single):
        assert (found["mixed"], found["alone"], found["agreed"], found["same_bytes"], found["holds"]) == (0, 0, 1, True, True)
    assert 0 < half["mixed"] < HALF
    assert half["holds"]


def test_a_family_that_does_not_run_is_told_of(
    bundles: Mapping[str, Mapping[str, str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.gpu_check.parity.open_device", lambda _: None)
    check("no-such-device", 1, bundles, exact=True)
    found = json.loads(capsys.readouterr().out)
    assert not found["holds"]
    assert "no-such-device" in found["failed"]
