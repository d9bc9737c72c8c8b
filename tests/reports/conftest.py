"""Outputs of which reports are made."""

from dataclasses import replace
from pathlib import Path

import pytest

from actors.transcriber import TRANSCRIPTION_COLUMNS
from cluster.output import Output
from cluster.storage import open_store
from reports import write_report
from tests.reports.made import bound_book, heard, rejected, spoken, write_output


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """The output of 34 rows: hostile, odd, cut, silent and clipped ones are among them, and some without a result."""
    texts = [f"This is sentence number {i} of those that are spoken here." for i in range(24)]
    evil = spoken("evil", '</script><img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script> says.', 4.0)
    rows = [evil, *(spoken(f"row {i:02d}", text, 2.5 + 0.1 * (i % 5)) for i, text in enumerate(texts))]
    rows += [
        spoken("odd \u202e<b>", "\u202e\u05e2\u05d1\u05e8\u05d9\u05ea \x07 mixed \x00 with control signs and 漢字.", 2.0),
        spoken("cut", "This one was cut off at its longest length.", 2.0, finish_reason="length", error="chunk 1 was cut"),
        spoken("silent", "Of this one nothing can be heard at all, it seems.", 2.0, level=0.0),
        spoken("clipped", "This one is far too loud for its own good.", 2.0, level=20.0),
        spoken("slow", "This sentence takes far too long for what it says.", 14.0),
        rejected("empty", "the text is empty"),
        rejected("long 1", "the text has 70,001 characters, 50,000 are allowed"),
        rejected("long 2", "the text has 81,543 characters, 50,000 are allowed"),
        rejected("broken", "NotFiniteError: step 17 has NaN", status="failed"),
    ]
    return write_output(tmp_path_factory.mktemp("speech"), rows)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, speech: Output) -> Path:
    """A folder with ``books.html``: that output, a book whose files are beside the page, and one that is in it."""
    folder = tmp_path_factory.mktemp("pages")
    mp3, m4b = bound_book(folder, "mp3"), bound_book(folder, "m4b")
    large = tuple(file.model_copy(update={"size": 30_000_000}) for file in mp3.bound.files)
    beside = replace(mp3, bound=mp3.bound.model_copy(update={"files": large}))
    write_report(speech.store, open_store(folder), "books.html", [beside, m4b], title="<i>Mine</i>")
    return folder


@pytest.fixture(scope="session")
def transcripts(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """The output of three transcripts: one says the same again and again, one is of the recording's beginning."""
    rows = [
        heard("a", "The mill turns slowly in the wind."),
        heard("b", "and so on " * 40, finish_reason="loop"),
        heard("c", "Only a beginning.", duration_s=60.0, coverage=0.1),
    ]
    return write_output(tmp_path_factory.mktemp("transcripts"), rows, TRANSCRIPTION_COLUMNS)
