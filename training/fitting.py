"""The training loop that the language model, the decoder and the judge share: resumable, with its curve on disk."""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

Batch = TypeVar("Batch")
_EVERY = 100  # steps between lines of the curve; every second line has a test, and a save


def pick_device() -> torch.device:
    """A GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fit(
    path: Path,
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    batches: Callable[[int], Iterable[Batch]],
    losses: Callable[[Batch], Mapping[str, Tensor]],
    weights: Mapping[str, float],
    test: Callable[[], Mapping[str, float]],
    steps: int,
    rate: Callable[[float], float],
) -> None:
    """Train ``model`` in place, or go on from the last save.

    Args:
        path: without suffix: ``.pt`` gets the state, ``.jsonl`` the curve.
        model: what is saved, with every parameter that is trained.
        optimizers: stepped together.
        batches: endless, from a step on, and the same in every run: a resumed one goes on where it was.
        losses: of a batch, and measures, by name.
        weights: of the losses; names without a weight are only measured.
        test: measures of the model in eval mode.
        steps: to train in all.
        rate: factor of the learning rates at a fraction of the steps.
    """
    state, curve = path.with_suffix(".pt"), path.with_suffix(".jsonl")
    start, elapsed = 0, 0.0
    if state.exists():
        saved = torch.load(state, weights_only=True, map_location="cpu")
        model.load_state_dict(saved["model"])
        for optimizer, values in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        start, elapsed = saved["step"], saved["seconds"]
        # The steps between the save and the stop are learnt again, and drawn once.
        kept = [line for line in curve.read_text().splitlines(keepends=True) if json.loads(line)["step"] <= start]
        curve.write_text("".join(kept))
    initial = [[group["initial_lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    began = time.perf_counter() - elapsed
    sums: dict[str, float] = {}
    summed = 0
    for step, batch in enumerate(itertools.islice(batches(start), steps - start), start + 1):
        for optimizer, bases in zip(optimizers, initial, strict=True):
            for group, base in zip(optimizer.param_groups, bases, strict=True):
                group["lr"] = base * min(1.0, step / 60) * rate(step / steps)
        model.train()
        values = losses(batch)
        model.zero_grad()
        torch.stack([weight * values[name] for name, weight in weights.items()]).sum().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        summed += 1
        if step % _EVERY and step < steps:
            continue
        line = {"step": step, "seconds": round(time.perf_counter() - began, 1)}
        line |= {name: round(value / summed, 4) for name, value in sums.items()}
        sums, summed = {}, 0
        tested = step % (2 * _EVERY) == 0 or step == steps
        if tested:
            model.eval()
            with torch.no_grad():
                line |= {f"test_{name}": round(value, 4) for name, value in test().items()}
        with curve.open("a") as file:
            file.write(json.dumps(line) + "\n")
        if tested:
            saved = {
                "model": model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                "step": step,
                "seconds": line["seconds"],
            }
            torch.save(saved, temporary := state.with_suffix(".tmp"))
            temporary.rename(state)
    model.eval()


def skipping(batches: Iterable[Batch]) -> Callable[[int], Iterable[Batch]]:
    """For :func:`fit`: batches that are made one after the other, of which a resumed training throws some away."""
    return lambda start: itertools.islice(batches, start, None)


def with_rate(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Remember each group's learning rate, of which :func:`fit` takes a factor."""
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
    return optimizer


def mean(measures: Iterable[Mapping[str, Tensor]]) -> dict[str, float]:
    """The mean of each measure."""
    rows = list(measures)
    return {name: sum(float(row[name]) for row in rows) / len(rows) for name in rows[0]}
