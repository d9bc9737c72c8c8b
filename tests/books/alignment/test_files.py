import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from books.alignment import RECORD_NAME, AlignedBook, AlignedFiles, align
from books.script import BookNote, ChapterNote, Script
from cluster.storage import open_store
from tests.books.alignment.narrated import ENGLISH, narrated, passages, recording

ONE = ["The mill turns slowly in the wind.", "Nobody has seen the miller since spring."]
TWO = ["A letter arrived on Tuesday morning.", "It was written in green ink, and very short."]
THREE = ["There is a third chapter that nobody reads aloud."]
ANNOUNCED = "Recorded by Ann for those who cannot read."


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a book of three chapters, of which two are read, in a recording each."""
    folder = tmp_path_factory.mktemp("aligned")
    notes = tuple(ChapterNote(title=title) for title in ("One", "Two", "Three"))
    script = Script(BookNote(title="The Mill", language="en", chapters=notes), passages(ONE, TWO, THREE))
    recordings = [
        recording(narrated(ANNOUNCED, *ONE, ANNOUNCED, begin_s=0.5), "cd 1/1.mp3"),
        recording(narrated(*TWO), "cd 1/2.mp3"),
    ]
    files = AlignedFiles(open_store(str(folder)), "mill")
    files.write(script, align(script.passages, recordings, ENGLISH), recordings, sound())
    return folder


def sound() -> Callable[[int, Path], str]:
    def write(index: int, path: Path) -> str:
        path.write_bytes(f"sound of {index}".encode())
        return "audio/mpeg"

    return write


def test_each_recording_has_subtitles_of_what_is_read_in_it(written: Path) -> None:
    first, second = (written / "cd 1" / f"{number}.srt" for number in (1, 2))
    assert first.read_text() == (
        "1\n00:00:03,500 --> 00:00:05,600\nThe mill turns slowly in the wind.\n\n"
        "2\n00:00:06,200 --> 00:00:08,300\nNobody has seen the miller since spring.\n"
    )
    assert second.read_text().startswith("1\n00:00:00,000 --> 00:00:01,800\nA letter arrived on Tuesday morning.\n")
    assert "NOTE Two\n" in (written / "cd 1" / "2.vtt").read_text()


def test_the_epub_has_the_recordings_and_clips_of_them(written: Path) -> None:
    with zipfile.ZipFile(written / "mill.epub") as book:
        assert book.read("EPUB/audio-0002.mp3") == b"sound of 1"
        pages = [book.read(f"EPUB/chapter-000{number}.xhtml").decode() for number in (1, 2, 3)]
        clips = re.findall(r'text src="(.+?)"/><audio src="(.+?)" clipBegin="(.+?)" clipEnd="(.+?)"', _smils(book))
        package = book.read("EPUB/package.opf").decode()
    assert "third chapter that nobody reads" in pages[2]
    assert clips == [
        ("chapter-0001.xhtml#s0", "audio-0001.mp3", "3.500s", "6.200s"),
        # Pauses are heard, the announcement behind the last sentence is not.
        ("chapter-0001.xhtml#s1", "audio-0001.mp3", "6.200s", "9.300s"),
        ("chapter-0002.xhtml#s2", "audio-0002.mp3", "0.000s", "2.400s"),
        ("chapter-0002.xhtml#s3", "audio-0002.mp3", "2.400s", "6.100s"),
    ]
    assert "but for 1 of 5 sentences, is also narrated by a recording;" in package


def _smils(book: zipfile.ZipFile) -> str:
    return "".join(book.read(name).decode() for name in sorted(book.namelist()) if name.endswith(".smil"))


def test_the_record_says_what_is_heard_left_out_and_added(written: Path) -> None:
    record = AlignedBook.model_validate_json((written / RECORD_NAME).read_bytes())
    assert [(chapter.title, chapter.words, chapter.found) for chapter in record.chapters] == [
        ("One", 14, 14), ("Two", 15, 15), ("Three", 9, 0),
    ]  # fmt: skip
    assert record.found == pytest.approx(29 / 38, abs=1e-4)
    sentence = record.chapters[1].sentences[0]
    assert (sentence.id, sentence.recording, sentence.start_s, sentence.end_s) == ("1-0", "cd 1/2.mp3", 0.0, 1.8)
    assert [left.text for left in record.chapters[2].left_out] == THREE
    assert [(added.start_s, added.text) for added in record.recordings[0].added] == [(0.5, ANNOUNCED), (8.9, ANNOUNCED)]
    assert record.recordings[1].added == ()


def test_the_same_again_is_the_same_bytes(tmp_path: Path) -> None:
    notes = (ChapterNote(title="One"),)
    script = Script(BookNote(title="The Mill", language="en", chapters=notes), passages(ONE))
    recordings = [recording(narrated(*ONE))]
    for name in ("a", "b"):
        alignment = align(script.passages, recordings, ENGLISH)
        AlignedFiles(open_store(str(tmp_path / name)), "mill", ("srt",)).write(script, alignment, recordings, sound())
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["1.srt", RECORD_NAME, "mill.epub"]
    assert all((tmp_path / "b" / path.name).read_bytes() == path.read_bytes() for path in (tmp_path / "a").iterdir())
    assert json.loads((tmp_path / "a" / RECORD_NAME).read_bytes())["format_version"] == 1


def test_recordings_that_differ_in_their_suffix_have_subtitles_each(tmp_path: Path) -> None:
    script = Script(BookNote(title="The Mill", chapters=(ChapterNote(title="One"),)), passages([*ONE, *TWO]))
    recordings = [recording(narrated(*ONE), "a.mp3"), recording(narrated(*TWO), "A.flac")]
    files = AlignedFiles(open_store(str(tmp_path)), "mill", ("srt",), epub=False)
    files.write(script, align(script.passages, recordings, ENGLISH), recordings, sound())
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp3.srt", "A.flac.srt", RECORD_NAME}


def test_a_recording_of_nothing_in_the_book_is_in_no_epub(tmp_path: Path) -> None:
    script = Script(BookNote(title="The Mill", chapters=(ChapterNote(title="One"),)), passages([*ONE, *TWO]))
    recordings = [recording(narrated(ANNOUNCED), "0.mp3"), recording(narrated(*ONE, *TWO), "1.mp3")]
    AlignedFiles(open_store(str(tmp_path)), "mill", ("srt",)).write(
        script, align(script.passages, recordings, ENGLISH), recordings, sound()
    )
    assert (tmp_path / "0.srt").read_text() == ""
    with zipfile.ZipFile(tmp_path / "mill.epub") as book:
        assert [name for name in book.namelist() if "audio" in name] == ["EPUB/audio-0002.mp3"]


def test_without_an_epub_no_sound_is_written(tmp_path: Path) -> None:
    script = Script(BookNote(title="The Mill", chapters=(ChapterNote(title="One"),)), passages(ONE))
    recordings = [recording(narrated(*ONE))]

    def write(index: int, path: Path) -> str:
        raise AssertionError(index, path)

    files = AlignedFiles(open_store(str(tmp_path)), "mill", (), epub=False)
    files.write(script, align(script.passages, recordings, ENGLISH), recordings, write)
    assert [path.name for path in tmp_path.iterdir()] == [RECORD_NAME]
