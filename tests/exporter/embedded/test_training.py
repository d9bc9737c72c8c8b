"""The training loop, with a model of one weight."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the 'export' extra")

from exporter.embedded.training import fit, with_rate  # noqa: E402


class Stopped(Exception):  # noqa: N818 - what a user does, no error
    """Ctrl-C, where the test says."""


def _train(path: Path, stop: int | None = None) -> float:
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)

    def batches(start: int) -> Iterator[torch.Tensor]:
        for step in itertools.count(start):
            if step == stop:
                raise Stopped
            yield torch.full((4, 1), 1.0 + step % 7)

    def losses(batch: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"error": (model(batch) - 3 * batch).square().mean()}

    def test() -> dict[str, float]:
        return {"weight": float(model.weight.detach())}

    optimizers = [with_rate(torch.optim.AdamW(model.parameters(), lr=0.05, weight_decay=0.0))]
    fit(path, model, optimizers, batches, losses, {"error": 1.0}, test, 500, lambda done: 1 - done)
    return test()["weight"]


def test_a_training_that_was_stopped_goes_on_from_its_save_and_draws_every_step_once(tmp_path: Path) -> None:
    whole = _train(tmp_path / "whole")
    with pytest.raises(Stopped):
        _train(tmp_path / "stopped", stop=350)
    resumed = _train(tmp_path / "stopped")
    assert abs(whole - 3) < 0.05
    assert resumed == whole
    curves = [
        [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()] for name in ("whole", "stopped")
    ]
    assert [line["step"] for line in curves[1]] == [100, 200, 300, 400, 500]
    first, second = ([{k: v for k, v in line.items() if k != "seconds"} for line in curve] for curve in curves)
    assert first == second
