"""Stretches of a text that have something in common, as who speaks them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class Run(NamedTuple):
    """``text[start:end]`` has ``value``."""

    start: int
    end: int
    value: str


def flat(runs: Iterable[Run]) -> list[Run]:
    """Return runs that do not overlap, in order: where some did, the one that begins last holds, of those the shortest."""
    made: list[Run] = []
    open_runs: list[Run] = []
    position = 0

    def close(until: int) -> None:
        nonlocal position
        while open_runs and position < until:
            run = open_runs[-1]
            end = min(run.end, until)
            if end > position:
                made.append(Run(position, end, run.value))
                position = end
            if run.end <= position:
                open_runs.pop()
        position = max(position, until)

    for run in sorted((run for run in runs if run.end > run.start), key=lambda run: (run.start, -run.end)):
        close(run.start)
        open_runs.append(run)
    close(max((run.end for run in open_runs), default=position))
    return made


def layered(length: int, layers: Sequence[Sequence[Run]], default: str | None) -> list[tuple[int, str | None]]:
    """Return where the values of a text of ``length`` characters begin, by the first of the layers that has one there.

    Args:
        length: of the text.
        layers: of runs that do not overlap, in order.
        default: what holds where no layer has a run.
    """
    edges = sorted({0, *(edge for layer in layers for run in layer for edge in (run.start, run.end) if edge < length)})
    pointers = [_values(edges, layer) for layer in layers]
    begun: list[tuple[int, str | None]] = []
    for edge, *values in zip(edges, *pointers, strict=True):
        value = next((value for value in values if value is not None), default)
        if not begun or begun[-1][1] != value:
            begun.append((edge, value))
    return begun


def _values(edges: Sequence[int], runs: Sequence[Run]) -> Iterator[str | None]:
    """Yield a layer's value at each edge."""
    index = 0
    for edge in edges:
        while index < len(runs) and runs[index].end <= edge:
            index += 1
        yield runs[index].value if index < len(runs) and runs[index].start <= edge else None
