import re
from dataclasses import replace

import pytest

from actors.bundle import Manifest, load_bundle
from actors.models import FAMILIES, int8_note
from actors.processor import Processor
from cluster.registry import embedded_folder

OLD, NEW = Processor("An old one", "avx2"), Processor("A new one", "avx512-vnni")


@pytest.fixture
def manifest() -> Manifest:
    return load_bundle(embedded_folder()).manifest


@pytest.mark.parametrize("family", FAMILIES)
def test_int8_pays_on_avx2_in_every_family(family: str, manifest: Manifest) -> None:
    note = int8_note(manifest.model_copy(update={"family": family}), OLD)
    assert note is not None
    assert re.search(r"no VNNI \(An old one, avx2\): int8 is 1\.\d times as fast as fp32", note)


def test_where_int8_does_not_pay_the_note_says_how_fast_fp32_is(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "soprano", replace(FAMILIES["soprano"], int8_gain={"avx2": 0.8}))
    note = int8_note(manifest, OLD)
    assert note is not None
    assert "fp32 is 1.2 times as fast as int8, export the model in fp32" in note


def test_there_is_nothing_to_say_of_other_precisions_and_processors(manifest: Manifest) -> None:
    assert int8_note(manifest, NEW) is None
    assert int8_note(manifest, replace(OLD, kernels="sse4.1")) is None  # not measured
    assert int8_note(manifest.model_copy(update={"precision": "fp32"}), OLD) is None
