"""A book is bound of its parts in the order of its rows, whatever their sizes."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from books.bindery import Bindery, Volume
from cluster.dataset import Unit, scan
from cluster.output import Part


class Told:
    """Errands that are noted, and never done."""

    def submit(self, errand: Callable[..., Any], /, *arguments: object) -> Future[Any]:
        return Future()


def part(first: int, stop: int) -> Part:
    return Part(Unit(0, first, stop - first), f"part-{first:03}", 1, {}, 0.0)


def test_parts_of_unequal_sizes_are_in_the_order_of_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"id": "{n}", "text": "x"}}\n' for n in range(100)))
    (shard,) = scan(tmp_path / "rows.jsonl", "text").shards
    ordered: list[tuple[str, ...]] = []

    def order(keys: tuple[str, ...]) -> Any:
        ordered.append(keys)
        return SimpleNamespace()

    bindery = Bindery([Volume("book", shard, order)], Told())
    # As units are cut finer towards the end, and as workers finish them: in no order.
    for first, stop in ((56, 100), (0, 6), (20, 56), (6, 20)):
        bindery.note([part(first, stop)])
    assert ordered == [("part-000", "part-006", "part-020", "part-056")]
