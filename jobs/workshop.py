"""Where a job's books are bound while it speaks them, and what is said of them when it ends."""

import contextlib
import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import typer

from books.bindery import Bindery, Made, Volume
from books.binding.bind import BindOrder, timeline_of
from books.binding.options import Binding
from books.script import script_key
from cluster.dataset import Dataset, Shard
from cluster.output import Part, Run
from cluster.runner import Backend
from cluster.storage import Store, below, open_store
from jobs.scripting import SCRIPTS_FOLDER, BookScript, delete_earlier

if TYPE_CHECKING:
    from reports import BoundBook

_TIMED_PASSAGES = 100_000  # of all books together: the page has room for no more, and memory neither


class Workshop:
    """Binds the books of a job: its attendant (:class:`jobs.run.Attendant`), once it is open.

    Args:
        output: folder or URI of the job, with the scripts.
        scripts: of the books.
        binding: what is made of each.
    """

    def __init__(self, output: str, scripts: Sequence[BookScript], binding: Binding) -> None:
        self._target, self._scripts = open_store(output), open_store(below(output, SCRIPTS_FOLDER))
        self._of_key = {script_key(each.script): each for each in scripts}
        self._binding = binding
        self._made: Sequence[Made] = ()

    @contextlib.contextmanager
    def open(self, dataset: Dataset, run: Run, backend: Backend) -> Iterator["Workshop"]:
        """Open it for a run."""
        volumes = [self._volume(run, shard) for shard in dataset.shards]
        with backend.errands() as errands:
            self._bindery = Bindery(volumes, errands)
            yield self

    def note(self, parts: Sequence[Part]) -> None:
        """See :class:`jobs.run.Attendant`."""
        self._bindery.note(parts)

    def finish(self) -> int:
        """Wait for the books, and say where they are."""
        self._made, missing = self._bindery.finish()
        delete_earlier(self._scripts, self._of_key.values())
        for made in self._made:
            bound = made.bound
            silent = sum(chapter.missing for chapter in bound.chapters)
            gaps = f", {_counted(silent, 'sentence')} missing in it" if silent else ""
            length = f"{timedelta(seconds=round(bound.duration_s))}, {_counted(len(bound.chapters), 'chapter')}"
            typer.echo(f"{bound.title}: {length}{gaps}: {self._target.uri_of(made.name)}")
        return missing

    def write_page(self, sentences: Store) -> str:
        """Write the page about the books; return its link."""
        from reports import BOOKS_REPORT_KEY, report_link, write_report  # brings matplotlib

        return report_link(self._target, write_report(sentences, self._target, BOOKS_REPORT_KEY, self._shown(), self._title()))

    def _shown(self) -> list["BoundBook"]:
        from reports import BoundBook

        books, room = [], _TIMED_PASSAGES
        for made in self._made:
            room -= sum(chapter.passages for chapter in made.bound.chapters)
            notes = () if room >= 0 else ("its text is not shown: there are too many books for one page",)
            timeline = timeline_of(made.order) if room >= 0 else None
            books.append(BoundBook(made.bound.title, made.name, made.bound, timeline, notes))
        return books

    def _title(self) -> str:
        return self._made[0].bound.title if len(self._made) == 1 else f"{len(self._made)} audiobooks"

    def _volume(self, run: Run, shard: Shard) -> Volume:
        book = self._of_key[PurePosixPath(shard.key).name]
        return Volume(book.book, shard, functools.partial(self._order, run, book, shard))

    def _order(self, run: Run, book: BookScript, shard: Shard, parts: tuple[str, ...]) -> BindOrder:
        made_of = [run.fingerprint, book.script, shard.rows, asdict(self._binding), version("speechmill")]
        return BindOrder(
            sentences=run.store,
            parts=parts,
            scripts=self._scripts,
            script=book.script,
            target=self._target,
            folder=book.book,
            stem=book.book,
            binding=self._binding,
            key=hashlib.sha256(json.dumps(made_of).encode()).hexdigest(),
            limit=shard.rows,
        )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
