"""Outputs as jobs write them, of rows that sound like something and are made up in milliseconds."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors.audio.codec import encode
from actors.synthesizer import SYNTHESIS_COLUMNS
from books.binding.record import Bound, BoundChapter, BoundFile
from books.binding.timeline import Cue, TimedChapter, Timeline
from books.book import BlockKind
from books.script import Passage
from cluster.dataset import Unit, read_rows, scan
from cluster.output import Output, audio_feature, open_run, part_schema
from reports import BoundBook

RATE = 16_000
Row = dict[str, Any]


def tone(seconds: float, level: float = 0.2) -> np.ndarray:
    """Noise that swells four times a second, as speech does: float32 ``[samples]``."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).standard_normal(len(time))
    return (level * noise * np.abs(np.sin(4 * np.pi * time)) / 3).astype(np.float32)


def spoken(row_id: str, text: str, seconds: float, level: float = 0.2, **changes: Any) -> Row:
    """A row of ``synthesize_corpus``, its text in two chunks."""
    half, middle = seconds / 2, len(text) // 2
    chunks = [
        {"text": text[:middle], "start_s": 0.0, "end_s": half},
        {"text": text[middle:], "start_s": half, "end_s": seconds},
    ]
    audio = {"bytes": encode(tone(seconds, level), RATE, "flac"), "path": f"{row_id}.flac"}
    found = {"id": row_id, "text": text, "audio": audio, "sampling_rate": RATE, "duration_s": seconds, "status": "ok"}
    return {**found, "finish_reason": "eos", "chunks": chunks, "voice": "ada", "model": "m@sha256:0", **changes}


def heard(row_id: str, text: str, **changes: Any) -> Row:
    """A row of ``transcribe_dataset``, in two segments."""
    segments = [
        {"start": 0.0, "end": 1.0, "speaker": "0", "text": text[:20]},
        {"start": 1.0, "end": 2.0, "speaker": "1", "text": text[20:]},
    ]
    found = {"id": row_id, "path": f"{row_id}.flac", "duration_s": 2.0, "text": text, "segments": segments, "status": "ok"}
    return {**found, "finish_reason": "eos", "coverage": 1.0, **changes}


def rejected(row_id: str, error: str, status: str = "rejected") -> Row:
    """A row without a result."""
    return {"id": row_id, "text": None, "status": status, "error": error, "chunks": []}


def write_output(
    folder: Path,
    rows: Sequence[Row],
    columns: Mapping[str, Any] = SYNTHESIS_COLUMNS,
    rows_per_part: int = 50,
    passed: Mapping[str, Sequence[Any]] | None = None,
) -> Output:
    """Write the output of a finished job from its rows; ``passed`` are columns of its input."""
    ids = pa.array([row["id"] for row in rows], pa.string())
    pq.write_table(pa.table({"id": ids, "text": ids, **(passed or {})}), folder / "in.parquet")
    dataset = scan(folder / "in.parquet", id_column="id")
    schema = part_schema(columns, dataset.schema, consumed=["id", "text"], features={"audio": audio_feature(RATE)})
    arguments = {"model": "m@sha256:0", "device": "cpu", "columns": schema.columns}
    with open_run(folder / "out", arguments=arguments, other={}, inputs=dataset.inputs) as run:
        for first in range(0, len(rows), rows_per_part):
            unit = Unit(0, first, min(rows_per_part, len(rows) - first))
            batch = read_rows(dataset, unit, ["id"], schema.passthrough)
            run.add(run.writer(schema).write(batch, rows[first : first + unit.count]))
        run.finish(dataset.shards, cpu_s=0.0)
    return Output(folder / "out")


def bound_book(folder: Path, kind: str) -> BoundBook:
    """Write a book of two chapters of 4 s into ``folder/book``: MP3s of each, or one M4B."""
    (folder / "book").mkdir(exist_ok=True)
    cues = [
        Cue(Passage(f"p{i}", text, text, i // 2, i // 2, BlockKind.PARAGRAPH, None, None, 0.0), i, 2.0 * i, 2.0 * i + 1.9)
        for i, text in enumerate(f"Sentence {i} of it." for i in range(4))
    ]
    chapters = [TimedChapter(f"Chapter {i}", i, 4.0 * i, 4.0 * i + 4, cues[2 * i : 2 * i + 2]) for i in range(2)]
    bound = [
        BoundChapter(title=c.title, level=c.level, start_s=c.start_s, end_s=c.end_s, passages=2, loudness_lufs=-19.0)
        for c in chapters
    ]
    sound = tone(8.0)
    contents = {"book.m4b": _m4b(sound)} if kind == "m4b" else {f"{i}.mp3": encode(tone(4.0), RATE, "mp3") for i in range(2)}
    files = []
    for number, (key, content) in enumerate(contents.items()):
        (folder / "book" / key).write_bytes(content)
        files.append(BoundFile(key=key, size=len(content), kind=kind, chapter=None if kind == "m4b" else number))
    record = Bound(key="k", title="The Book", duration_s=8.0, chapters=tuple(bound), files=tuple(files))
    return BoundBook("The Book", "book", record, Timeline(chapters))


def _m4b(sound: np.ndarray) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
