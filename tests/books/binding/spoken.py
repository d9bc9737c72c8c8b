"""Books as if they had been spoken: scripts, and the rows that a job would have made of them."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from actors.synthesizer import SYNTHESIS_COLUMNS
from books.binding.bind import BindOrder
from books.binding.options import Binding
from books.book import BlockKind, Resource
from books.script import BookNote, ChapterNote, Passage, Script, write_script
from cluster.output.schema import arrow_type
from cluster.storage import open_store

RATE = 24_000
Sound = Callable[[int, int], np.ndarray]  # row, samples


@dataclass(frozen=True)
class Said:
    """A passage: seconds of sound, ``None`` if it was not spoken, and its pause."""

    seconds: float | None
    pause_s: float = 0.3
    paragraph: int = 0
    chunks: int = 1


def speech(samples: int, seed: int = 0, level: float = 0.1, rate: int = RATE) -> np.ndarray:
    """Something with the spectrum, the syllables and the crests of speech."""
    random = np.random.default_rng(seed)
    seconds = np.arange(samples) / rate
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * seconds)) / rate
    voice = sum(np.sin(n * pitch + n) / n for n in range(1, 20)) + 0.1 * random.standard_normal(samples)
    envelope = np.abs(np.sin(2 * np.pi * 2.1 * seconds + random.random())) ** 1.5
    return (level * voice * envelope).astype(np.float32)


def spoken(row: int, samples: int) -> np.ndarray:
    return speech(samples, row)


def script_of(chapters: Sequence[Sequence[Said]], title: str = "Book", **note: Any) -> Script:
    passages = [
        Passage(
            id=f"{c}-{i}",
            text=f"Sentence {i} of {c}.",
            written=f"Sentence {i} of {c}.",
            chapter=c,
            paragraph=said.paragraph,
            kind=BlockKind.PARAGRAPH,
            voice=None,
            language=None,
            pause_s=said.pause_s,
        )
        for c, chapter in enumerate(chapters)
        for i, said in enumerate(chapter)
    ]
    titles = tuple(ChapterNote(title=f"Chapter {c + 1}", level=c % 2) for c in range(len(chapters)))
    return Script(BookNote(**{"title": title, "chapters": titles, **note}), passages)


def write_rows(
    folder: Path, script: Script, said: Sequence[Said], sound: Sound = spoken, rate: int = RATE, rows_per_part: int = 4
) -> tuple[str, ...]:
    """Write part files of a few rows, and row groups of two; return their keys."""
    schema = pa.schema([(name, arrow_type(kind)) for name, kind in SYNTHESIS_COLUMNS.items()])
    rows = [_row(i, p, s, sound, rate) for i, (p, s) in enumerate(zip(script.passages, said, strict=True))]
    keys = []
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(rows), rows_per_part):
        keys.append(f"part-00000-{first:08d}.parquet")
        table = pa.Table.from_pylist(rows[first : first + rows_per_part], schema)
        pq.write_table(table, folder / keys[-1], row_group_size=2, write_page_checksum=True)
    return tuple(keys)


def _row(index: int, passage: Passage, said: Said, sound: Sound, rate: int) -> dict[str, Any]:
    row = dict.fromkeys(SYNTHESIS_COLUMNS) | {"id": passage.id, "text": passage.text}
    if said.seconds is None:
        return row | {"status": "rejected", "error": "no words", "chunks": []}
    samples = sound(index, round(said.seconds * rate))
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
    bounds = pairwise(np.linspace(0, len(samples) / rate, said.chunks + 1).tolist())
    return row | {
        "status": "ok",
        "audio": {"bytes": file.getvalue(), "path": f"{passage.id}.flac"},
        "sampling_rate": rate,
        "duration_s": len(samples) / rate,
        "chunks": [{"text": f"piece {i}", "start_s": start, "end_s": end} for i, (start, end) in enumerate(bounds)],
    }


def order_of(
    folder: Path,
    chapters: Sequence[Sequence[Said]],
    binding: Binding,
    sound: Sound = spoken,
    resources: Sequence[Resource] = (),
    rate: int = RATE,
    **note: Any,
) -> BindOrder:
    """Write a book below a folder, and return what binds it."""
    script = script_of(chapters, **note)
    parts = write_rows(folder / "sentences", script, [said for chapter in chapters for said in chapter], sound, rate)
    scripts = open_store(str(folder / "scripts"))
    write_script(scripts, "book", Script(script.book, script.passages, resources))
    return BindOrder(
        sentences=open_store(str(folder / "sentences")),
        parts=parts,
        scripts=scripts,
        script="book",
        target=open_store(str(folder)),
        folder="Book",
        stem="Book",
        binding=binding,
        key="made of this",
    )
