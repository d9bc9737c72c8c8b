"""The job with a model that has been told what it hears: the words of recordings of noise, by the recordings' names."""

import json
import signal
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from actors import transcriber
from actors.audio.codec import encode
from actors.batching import EngineStats
from actors.errors import UsageError
from actors.requests import TranscriptionRequest, TranscriptionResult, Word
from actors.transcriber import TranscriptionConfig
from books.alignment import RECORD_NAME
from books.book import Block, BlockKind, Book, Chapter, Mark, MarkKind
from jobs import align_audiobook as job
from jobs.console import run_app
from jobs.run import Job
from tests.books.alignment.narrated import narrated

RATE = 16_000
ONE = ["The mill turns slowly in the wind.", "Nobody has seen the miller since spring.", "His dog waits at the door."]
TWO = ["A letter arrived on Tuesday morning.", "It was written in green ink, and very short.", "Come home at once!"]
BOOK = "# One\n\n" + " ".join(ONE) + "\n\n# Two\n\n" + " ".join(TWO) + "\n"
READ = {"2 one.flac": ["One.", *ONE], "10 two.mp3": ["Two.", *TWO]}

Run = Callable[..., tuple[int, str]]


class Ear:
    """An engine that hears what it was told."""

    stats = EngineStats()

    def __init__(self, words: Mapping[str, Sequence[Word]]) -> None:
        self._words = words

    def close(self) -> None:
        pass

    def submit(self, request: TranscriptionRequest) -> Future[TranscriptionResult]:
        assert request.options == {job.WORD_TIMES: True, "language": "en"}
        words, future = tuple(self._words[request.id]), Future[TranscriptionResult]()
        text = "".join(word.text for word in words)
        future.set_result(
            TranscriptionResult(request.id, text, (), len(request.audio) / RATE, len(words), "eos", 1.0, (), words=words)
        )
        return future


@pytest.fixture
def aligned(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """Runs the job in this process on recordings in which sentences are read; returns the exit code and what it printed."""
    handler = signal.getsignal(signal.SIGTERM)

    def run(read: Mapping[str, Sequence[str]] = READ, *arguments: object, book: str = BOOK) -> tuple[int, str]:
        words = {name: narrated(*texts, begin_s=0.5) for name, texts in read.items()}
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "mill.md").write_text(book)
        for name, heard in words.items():
            if not (tmp_path / "in" / name).exists():
                (tmp_path / "in" / name).write_bytes(spoken(heard, name.rpartition(".")[2]))
        monkeypatch.setattr(transcriber, "open_model", lambda *_, **__: Ear(words))
        monkeypatch.setattr(job, "check_transcriber", lambda *_: None)
        inputs = ("--book", tmp_path / "mill.md", "--input", tmp_path / "in", "--output", tmp_path / "out")
        with pytest.raises(SystemExit) as ended:
            run_app(job.app, ["--no-ray", "--no-report", "--model", "embedded-asr", *map(str, (*inputs, *arguments))])
        assert isinstance(ended.value.code, int)
        out, err = capsys.readouterr()
        return ended.value.code, out + err

    yield run
    signal.signal(signal.SIGTERM, handler)


def spoken(words: Sequence[Word], kind: str) -> bytes:
    """Return noise where there are words."""
    samples = np.zeros(int((words[-1].end + 0.5) * RATE), np.float32)
    noise = 0.1 * np.random.default_rng(0).standard_normal(len(samples))
    for word in words:
        span = slice(int(word.start * RATE), int(word.end * RATE))
        samples[span] = noise[span]
    return encode(samples, RATE, kind)  # type: ignore[arg-type]


def test_a_book_and_its_recordings_become_subtitles_and_an_epub(aligned: Run, tmp_path: Path) -> None:
    code, printed = aligned()
    assert code == 0, printed
    assert "100.0 % of the text is heard, in 6 sentences" in printed
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        "2 one.srt", "2 one.vtt", "10 two.srt", "10 two.vtt", "mill.epub", RECORD_NAME, job.TRANSCRIPTS_FOLDER,
    }  # fmt: skip
    record = json.loads((out / RECORD_NAME).read_bytes())
    assert [recording["name"] for recording in record["recordings"]] == ["2 one.flac", "10 two.mp3"]
    first = record["chapters"][0]["sentences"][1]
    assert first["start_s"] == pytest.approx(0.5 + 0.3 + 0.6 - 0.15, abs=0.011)  # a little before its first sound
    with zipfile.ZipFile(out / "mill.epub") as book:
        assert book.read("EPUB/audio-0002.mp3") == (tmp_path / "in" / "10 two.mp3").read_bytes()
        assert "EPUB/audio-0001.m4a" in book.namelist()  # EPUBs hold no FLAC


def test_the_same_command_again_is_not_heard_again(aligned: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aligned()[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").glob("*.*")}

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Ear, "submit", refuse)
    assert aligned()[0] == 0
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(("arguments", "code"), [((), 1), (("--max-left-out", 0.6), 0), (("--chapters", 1), 0)], ids=str)
def test_a_chapter_that_is_not_read_is_said(aligned: Run, arguments: tuple[object, ...], code: int, tmp_path: Path) -> None:
    found, printed = aligned({"one.mp3": [*ONE, "Read by Ann in the year two thousand."]}, *arguments)
    assert found == code, printed
    assert ("left out in 'Two': 20 words from 'Two A letter" in printed) == ("--chapters" not in arguments)
    assert "added in one.mp3, 0:00:0" in printed
    assert "'Read by Ann in the year two thousand.'" in printed
    assert (tmp_path / "out" / "mill.epub").exists()


def test_another_book_is_refused(aligned: Run, tmp_path: Path) -> None:
    code, printed = aligned({"a.mp3": ["Whenever it is a damp, drizzly November, I account it high time to get to sea."]})
    assert code == 2
    assert "error: the recordings are not of this book" in printed
    assert not (tmp_path / "out" / RECORD_NAME).exists()


def test_a_recording_that_cannot_be_heard_is_named(aligned: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "3.mp3").write_bytes(b"this is not audio")
    code, _ = aligned()
    assert code == 1
    assert (tmp_path / "out" / "mill.epub").exists()


def test_a_model_without_word_times_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mill.md").write_text(BOOK)
    with pytest.raises(SystemExit) as ended:
        run_app(job.app, ["--book", str(tmp_path / "mill.md"), "--input", str(tmp_path), "--model", "embedded-asr"])
    assert ended.value.code == 2
    assert "does not say when each word is heard: name a Whisper model with --model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("book", "said"),
    [("nowhere.epub", "no input file at"), ("empty.md", "empty.md: "), (".", "names 2 books: name one")],
    ids=["nowhere", "empty", "two"],
)
def test_what_is_not_one_book_is_refused(book: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty.md").write_text("")
    (tmp_path / "mill.md").write_text(BOOK)
    with pytest.raises(SystemExit) as ended:
        run_app(job.app, ["--book", str(tmp_path / book), "--input", str(tmp_path), "--model", "embedded-asr"])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("languages", "told"), [("en,de", {"language": "de"}), ("en", {})], ids=str)
def test_a_model_is_told_the_books_language_if_it_knows_it(
    languages: str, told: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def check(_: object, options: Mapping[str, object]) -> None:
        if options.get("language", "en") not in languages.split(","):
            raise UsageError("language is none of this model's")

    def note(made: Job, _: object) -> int:
        assert isinstance(made.config, TranscriptionConfig)
        assert made.config.options == {job.WORD_TIMES: True, **told}
        return 7

    monkeypatch.setattr(job, "check_transcriber", check)
    monkeypatch.setattr(job, "run_job", note)
    (tmp_path / "mill.md").write_text(BOOK)
    (tmp_path / "1.mp3").write_bytes(b"sound")
    inputs = ["--book", str(tmp_path / "mill.md"), "--input", str(tmp_path / "1.mp3"), "--language", "de"]
    with pytest.raises(SystemExit) as ended:
        run_app(job.app, [*inputs, "--model", "embedded-asr", "--output", str(tmp_path / "out")])
    assert ended.value.code == 7


def test_names_are_in_the_order_of_their_numbers() -> None:
    names = ["10.mp3", "2.mp3", "b/1.mp3", "Chapter 2.mp3", "chapter 10.mp3", "a/03.mp3"]
    assert sorted(names, key=job.natural) == ["2.mp3", "10.mp3", "a/03.mp3", "b/1.mp3", "Chapter 2.mp3", "chapter 10.mp3"]


def test_marks_for_made_voices_are_not_what_people_say() -> None:
    marks = (Mark(0, 7, MarkKind.PHONEMES, "kat"), Mark(8, 10, MarkKind.ALIAS, "doctor"))
    book = Book("A", (Chapter("B", (Block(BlockKind.PARAGRAPH, "Siobhan Dr", marks),)),))
    assert job.unmarked(book).chapters[0].blocks[0].marks == marks[1:]
