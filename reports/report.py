"""The page about a job's output."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cluster.dataset import Location
from cluster.output import AUDIO_TYPE, Output, RunRecord
from cluster.output.record import require_run
from cluster.storage import Store
from reports.bound import BoundBook, show_books
from reports.corpus import LONGEST_CLIP_S, Shown, increments, show_rows, throughput
from reports.links import REPORT_KEY
from reports.rows import Rows, scan_rows

_FEWEST_STEPS = 4  # of a run, of which there is anything to draw


def write_report(
    output: Store | Location,
    to: Store | None = None,
    key: str = REPORT_KEY,
    books: Sequence[BoundBook] = (),
    title: str | None = None,
    media: Callable[[str], bytes | Path] | None = None,
) -> str:
    """Write the page about the output of a job, finished or not; return its key.

    Work and memory are bounded, whatever the size of the output: numbers are counted over half a million rows at most, sound is
    decoded of two hundred. The same output gives the same page.

    Args:
        output: of ``synthesize_corpus`` or ``transcribe_dataset``, or the sentences of an audiobook.
        to: where the page is written; by default beside the rows.
        key: of the page there.
        books: that were bound of the rows; their files lie in ``to``.
        title: of the page; by default the folder's name.
        media: reads a recording by what a transcript's ``path`` says, as :class:`cluster.media.MediaReader` does. Without it
            transcripts have no players.

    Raises:
        UsageError: ``output`` is not the output of a job.
        StorageError: the output cannot be read, or the page not written.
    """
    from reports.page import render  # brings Jinja, as charts bring matplotlib: workers and --help do without

    found = Output(output)
    target = to or found.store
    record = require_run(found.store)
    speech = record.arguments.get("columns", {}).get("audio") == str(AUDIO_TYPE)
    rows = scan_rows(found, speech=speech)
    shown = show_rows(found, rows, media, speech=speech)
    values = {
        "title": title or found.store.uri.rstrip("/").rpartition("/")[2] or "output",
        "kind": "Audiobooks" if books else "Speech" if speech else "Transcripts",
        "place": found.store.uri,
        "record": record,
        "summary": found.summary,
        "rows": rows,
        "shown": shown,
        "plays": speech,
        "facts": _facts(record, rows),
        "charts": _charts(record, rows, shown),
        "books": show_books(books, target, key),
        "settings": _flat(record.arguments),
        "longest_clip_s": LONGEST_CLIP_S,
    }
    target.write_bytes(key, render("output.html", values))
    return key


def _facts(record: RunRecord, rows: Rows) -> list[tuple[str, str]]:
    """Return what computed the output, as name and value."""
    voices = [voice for voice, _ in rows.voices.most_common(4)]
    facts = [("Model", str(record.arguments.get("model", "\u2013"))), ("Device", str(record.arguments.get("device", "\u2013")))]
    if voices:
        facts.append(("Voice", ", ".join(voices[:3]) + (", …" if voices[3:] else "")))
    if record.made_by:
        facts.append(("Processors", ", ".join(sorted({made.processor for made in record.made_by}))))
    facts.append(("Versions", ", ".join(f"{name} {version}" for name, version in record.versions.items())))
    facts.append(("Started", f"{record.started}, {record.sessions} session{'s'[: record.sessions > 1]}"))
    facts.append(("Ended", record.ended or record.state))
    return facts


def _charts(record: RunRecord, rows: Rows, shown: Shown) -> list[Any]:
    from reports.charts import histogram, line

    charts = []
    steps = list(increments(record))
    if len(steps) >= _FEWEST_STEPS:
        borders, speeds = throughput(record)
        mean = record.audio_s / max(record.wall_s, 1e-9)
        says = f"seconds of audio in each second: {mean:,.1f} over the whole run, {max(speeds):,.1f} at best"
        charts.append(line("Throughput", "\u00d7 real time", borders, speeds, says))
    durations = np.where(rows.ok, rows.duration_s, math.nan)
    charts.append(histogram("Duration", "seconds", durations))
    charts.append(histogram("Speaking rate", "characters a second", rows.rates))
    rtf = np.array([seconds / audio for seconds, audio in steps if audio and len(steps) >= _FEWEST_STEPS])
    few = "the run was too short to say how it went on"
    charts.append(histogram("Real-time factor", "seconds of work for a second of audio", rtf, 4, few))
    if levels := list(shown.levels.values()):
        lufs = np.array([level.lufs for level in levels if level.lufs > -70])
        charts.append(histogram("Loudness", "LUFS", lufs))
    if np.isfinite(rows.word_errors).any():
        charts.append(histogram("Word errors when heard again", "per cent of the words", 100 * rows.word_errors))
    return charts


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as names and values; columns are not among them."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping) and name != "columns":
            found += _flat(value, f"{prefix}{name}.")
        elif name != "columns":
            found.append((f"{prefix}{name}", "\u2013" if value is None else str(value)))
    return found
