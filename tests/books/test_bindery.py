"""A book is bound of its parts in the order of its rows, whatever their sizes."""

from concurrent.futures import Future
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.errors import StorageError
from books.bindery import Bindery, Volume
from books.binding.bind import BindOrder
from cluster.dataset import Unit, scan
from cluster.output import Part


class Told:
    """Errands that are noted, and never done."""

    def submit(self, *_: object) -> Future[Any]:
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


class Failing:
    """Errands that fail, each in its way, but for the last."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)

    def submit(self, *_: object) -> Future[Any]:
        future, answer = Future[Any](), self._answers.pop(0)
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future


def test_a_book_that_breaks_its_errand_does_not_take_others_with_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a", "b", "c", "d"):
        rows = '{"id": "1", "text": "x"}\n' * (name != "d")
        (tmp_path / f"{name}.jsonl").write_text(rows or "\n")
    shards = scan(tmp_path, "text").shards
    volumes = [Volume(PurePath(shard.key).stem, shard, lambda _: cast(BindOrder, None)) for shard in shards]
    bindery = Bindery(volumes, Failing(StorageError("no room"), ZeroDivisionError("a bug"), "bound"))
    bindery.note([Part(Unit(shard.index, 0, 1), f"part-{shard.index}", 1, {}, 0.0) for shard in shards if shard.rows])
    made, missing = bindery.finish()
    assert ([each.name for each in made], missing) == (["c"], 2), "of the fourth nothing is wanted"
    assert "a cannot be bound: no room" in caplog.text
    assert "b cannot be bound" in caplog.text
