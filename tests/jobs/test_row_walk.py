"""How many of our files a row of text goes through in a worker, from the shard that it is read of to the part that it is in.

A file counts if a function of it is given the row's text or its sound, in whatever they are kept, or returns them. What only
names the row, what the model computes with meanwhile, and the bytes of whole files are not the row.

Nine of them are the room where texts are read as a person would read them (``actors/text``), for a text in which nothing is
read otherwise: what puts the stages in a row; these, which do not know each other (markup, characters, scripts, a language's
rules, and lines, stops and sentences, which are cut together); and the edits that all of them make. With ``--normalise model``
none is left.
"""

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.batching import ENGINE_THREAD
from cluster.runner import UnitWorker
from tests.jobs.conftest import RunJob

ROOT = Path(__file__).parents[2]
OURS = tuple(f"{ROOT / folder}/" for folder in ("actors", "cluster", "jobs"))
MOST_FILES = {"spoken": 15 + 9, "model": 15}
MARK = "porridge"
SOUND_SAMPLES = 1000  # logits and hidden states have another axis, or are shorter


def is_of_the_row(value: Any, depth: int = 6) -> bool:
    """Say whether a value holds the row's text or sound."""
    if isinstance(value, str):
        return MARK in value.lower()
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and value.dtype.kind == "f" and len(value) >= SOUND_SAMPLES
    if isinstance(value, pa.Table | pa.RecordBatch | pa.ChunkedArray | pa.Array):
        return is_of_the_row(value.to_pylist(), depth)
    if not depth or isinstance(value, type):
        return False
    if is_dataclass(value):
        return any(is_of_the_row(getattr(value, field.name, None), depth - 1) for field in fields(value))
    held = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple | set) else ()
    return any(is_of_the_row(item, depth - 1) for item in held)


class Walk:
    """Notes the files and functions that a row is seen in, on the threads that put units through a model."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {}
        self.under_way = False

    def note(self, frame: FrameType, event: str, returned: Any) -> None:
        """See ``sys.setprofile``."""
        code = frame.f_code
        if not self.under_way or event not in ("call", "return") or not code.co_filename.startswith(OURS):
            return
        given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        values = [returned] if event == "return" else [frame.f_locals.get(name) for name in given]
        if any(map(is_of_the_row, values)):
            self.seen.setdefault(str(Path(code.co_filename).relative_to(ROOT)), set()).add(code.co_name)


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Walk]:
    """Watch every thread that begins from now on, while a unit is under way."""
    walk = Walk()
    plain = UnitWorker.run

    def run(*arguments: Any) -> Any:
        walk.under_way = True
        try:
            return plain(*arguments)
        finally:
            walk.under_way = False

    def watch_thread(*event: Any) -> None:
        name = threading.current_thread().name
        sys.setprofile(walk.note if name == ENGINE_THREAD or name.startswith("unit") else None)
        if sys.getprofile():
            walk.note(*event)

    monkeypatch.setattr(UnitWorker, "run", run)
    threading.setprofile(watch_thread)
    try:
        yield walk
    finally:
        threading.setprofile(None)


@pytest.mark.parametrize(("kind", "normalise"), [("jsonl", "spoken"), ("parquet", "spoken"), ("jsonl", "model")])
def test_a_row_goes_through_few_files(
    kind: str, normalise: str, synthesize: RunJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / f"in.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"id": ["a"], "text": [f"{MARK.title()}."]}), source)
    else:
        source.write_text(f'{{"id": "a", "text": "{MARK.title()}."}}\n')
    with watched(monkeypatch) as walk:
        ended = synthesize("--input", source, "--output", tmp_path / "out", "--slots", 2, "--normalise", normalise)
    assert ended.code == 0, ended.err
    ends = {"cluster/dataset/read.py", "actors/synthesizer.py", "actors/audio/codec.py", "cluster/output/parts.py"}
    assert ends < walk.seen.keys(), "the row's way is not seen any more"
    told = "\n".join(f"{file}: {', '.join(sorted(names))}" for file, names in sorted(walk.seen.items()))
    assert len(walk.seen) <= MOST_FILES[normalise], told
