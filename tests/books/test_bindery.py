"""A book that cannot be bound costs the others nothing."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from actors.errors import StorageError
from books.bindery import Bindery, Volume


def test_a_book_that_breaks_is_alone_in_that(caplog: pytest.LogCaptureFixture) -> None:
    volumes: list[Any] = [Volume(name, SimpleNamespace(index=i, rows=1), None) for i, name in enumerate("abc")]  # type: ignore[arg-type]
    bindery = Bindery(volumes, errands=None)  # type: ignore[arg-type]
    for index, came in enumerate((ZeroDivisionError("a bug"), StorageError("the disk is full."), "bound")):
        future: Future[Any] = Future()
        if isinstance(came, Exception):
            future.set_exception(came)
        else:
            future.set_result(came)
        bindery._sent[index] = None, future  # type: ignore[assignment]
    made, missing = bindery.finish()
    assert ([book.name for book in made], missing) == (["c"], 2)
    assert "a cannot be bound, by a fault of ours" in caplog.text
    assert "ZeroDivisionError: a bug" in caplog.text
    assert "b cannot be bound: the disk is full." in caplog.text
