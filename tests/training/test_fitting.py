"""The training loop, with a model of one weight."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the 'export' extra")

from training.fitting import fit, with_rate  # noqa: E402


class Stopped(Exception):  # noqa: N818 - what a user does, no error
    """Ctrl-C, where the test says."""


def _train(path: Path, stop: int | None = None, steps: int = 500) -> float:
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)

    def batches(start: int) -> Iterator[torch.Tensor]:
        for step in itertools.count(start):
            if step == stop:
                raise Stopped
            yield torch.full((4, 1), 1.0 + step % 7)

    def losses(batch: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"error": (model(batch) - 3 * batch).square().mean(), "batch": batch.mean()}

    def test() -> dict[str, float]:
        return {"weight": float(model.weight.detach())}

    optimizers = [with_rate(torch.optim.AdamW(model.parameters(), lr=0.05, weight_decay=0.0))]
    fit(path, model, optimizers, batches, losses, {"error": 1.0}, test, steps, lambda done: 1 - done)
    return test()["weight"]


def _curve(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]


def test_a_training_that_was_stopped_goes_on_from_its_save_and_draws_every_step_once(tmp_path: Path) -> None:
    whole = _train(tmp_path / "whole")
    with pytest.raises(Stopped):
        _train(tmp_path / "stopped", stop=350)
    resumed = _train(tmp_path / "stopped")
    assert abs(whole - 3) < 0.05
    assert resumed == whole
    curves = [_curve(tmp_path / name) for name in ("whole", "stopped")]
    assert [line["step"] for line in curves[1]] == [100, 200, 300, 400, 500]
    first, second = ([{k: v for k, v in line.items() if k != "seconds"} for line in curve] for curve in curves)
    assert first == second


def test_a_training_that_goes_on_after_its_end_tells_the_mean_of_the_steps_that_it_took(tmp_path: Path) -> None:
    _train(tmp_path / "longer", steps=270)
    _train(tmp_path / "longer", steps=350)
    taken = {100: range(100), 200: range(100, 200), 270: range(200, 270), 300: range(270, 300), 350: range(300, 350)}
    expected = {step: sum(1.0 + i % 7 for i in steps) / len(steps) for step, steps in taken.items()}
    assert {line["step"]: line["batch"] for line in _curve(tmp_path / "longer")} == pytest.approx(expected, abs=1e-4)
