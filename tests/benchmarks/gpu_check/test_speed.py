"""Speed and memory of the embedded voice, on the CPU."""

import json

import pytest

from benchmarks.gpu_check.speed import measure
from cluster.registry import embedded_folder


def test_every_number_of_slots_is_told_of_from_the_smallest(capsys: pytest.CaptureFixture[str]) -> None:
    measure("cpu", 1, str(embedded_folder()), [2, 1], {"length": 4, "text": "Good night."})
    one, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert (one["slots"], two["slots"]) == (1, 2)
    assert two["audio_s"] == pytest.approx(2 * one["audio_s"])
    for found in (one, two):
        assert found["audio_s"] > 0
        assert 0 < found["prefill"] + found["step"] + found["finish"] <= 1
