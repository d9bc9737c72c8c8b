"""The batches of a training; the parts are tested where they are, the whole by ``make train-embedded-ear``."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="training needs the 'export' extra")
pytest.importorskip("pyworld", reason="making training speech needs the 'train' extra")

from training.ear.model import IGNORED, Writer  # noqa: E402
from training.ear.train import Steps  # noqa: E402

if TYPE_CHECKING:
    from training.ear.sounds import Sound


def test_a_resumed_training_goes_on_with_the_same_batches(sounds: "list[Sound]", tmp_path: Path) -> None:
    torch.save(sounds, shard := tmp_path / "0000.pt")
    steps = Steps([shard], Writer(["a"]), seed=3, scale=1.0)
    once, resumed = list(steps.between(6999, 7003)), list(steps.between(7001, 7003))
    assert [spelled is None for _, spelled in once] == [True, True, False, False]
    for before, after in zip(once[2:], resumed, strict=True):
        assert torch.equal(before[0].audio, after[0].audio)
        for a, b in zip(before, after, strict=True):
            assert a is not None
            assert b is not None
            assert torch.equal(a.targets, b.targets)
    early, late = (steps[step][0].named for step in (4999, 5000))
    assert ((early != IGNORED).any(), (late != IGNORED).any()) == (False, True)
    assert not torch.equal(once[0][0].targets, once[1][0].targets)
