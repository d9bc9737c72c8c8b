"""The book as one file: pages, overlays, audio and images, put into a zip one after the other."""

import hashlib
import json
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import resources as package_files
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from lxml import etree

from actors.errors import UsageError
from books.binding.legible import in_a_line
from books.binding.overlay.clips import Clip, clips_of, smil
from books.binding.overlay.images import ending_of, image_type, still_svg
from books.binding.overlay.languages import UNDETERMINED, language_tag
from books.binding.overlay.package import (
    NAVIGATION,
    NCX,
    PACKAGE,
    Description,
    Entry,
    Item,
    container,
    navigation,
    ncx,
    package,
)
from books.binding.overlay.pages import STYLE, Chapter, Picture, chapter_page, cover_page, depths, element_name
from books.binding.timeline import Timeline
from books.script import Script

_XHTML, _SMIL, _NCX_TYPE = "application/xhtml+xml", "application/smil+xml", "application/x-dtbncx+xml"
_AUDIO_ENDINGS = {"audio/mp4": "m4a", "audio/mpeg": "mp3", "audio/ogg; codecs=opus": "opus"}
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # equal books are equal files
_UNIX, _READABLE = 3, 0o100644 << 16
_BUFFER = 1 << 20
_UNTITLED = "Untitled"


def write_overlay(
    path: Path,
    script: Script,
    timeline: Timeline,
    resources: Callable[[str], bytes],
    encode: Callable[[int, Path], str],
    narration: str = "synthetic speech",
) -> None:
    """Write a book as an EPUB 3.3 in which each passage is marked while it is heard.

    Text, headings, images and contents are made from the script. Passages that the timeline does not have are in the text and
    are not heard; images that reading systems would not show are left out, with what is said of them in their place. Equal
    books are equal bytes. What is in memory is one chapter's text and one image; audio goes through files, one at a time.

    Args:
        path: of the file to write; if this fails, what is there is not a book.
        script: the book.
        timeline: when its passages are heard.
        resources: returns the content of the script's cover or of an image, by its name.
        encode: writes the audio of the timeline's chapter with an index to a path that has no ending, from ``start_s`` to
            ``end_s``, and returns its media type: ``audio/mp4``, ``audio/mpeg``, or ``audio/ogg; codecs=opus``.
        narration: who speaks, for those who ask what they can hear of the book.

    Raises:
        UsageError: the audio is of another type.
        OSError: the file cannot be written. What ``resources`` and ``encode`` raise goes through.
    """
    with _Archive(path) as archive:
        _Binder(archive, script, timeline, narration).bind(resources, encode)


class _Archive:
    """A zip file of the EPUB container's rules; everything else in it is below ``EPUB/``."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w")
        self._digest = hashlib.sha256()
        self._put("mimetype", b"application/epub+zip", zipfile.ZIP_STORED)
        self._put("META-INF/container.xml", _document(container()), zipfile.ZIP_DEFLATED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._zip.close()

    def name(self, secret: str) -> str:
        """Return a name for what has been added so far and for what else there is to know."""
        digest = self._digest.copy()
        digest.update(secret.encode())
        return uuid.uuid5(uuid.NAMESPACE_OID, digest.hexdigest()).urn

    def add(self, href: str, content: bytes, *, compress: bool = True) -> None:
        self._digest.update(href.encode() + b"\0" + content)
        self._put(f"EPUB/{href}", content, zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED)

    def add_page(self, href: str, root: Any) -> None:
        self.add(href, _document(root, "<!DOCTYPE html>"))

    def add_xml(self, href: str, root: Any) -> None:
        self.add(href, _document(root))

    def add_file(self, href: str, path: Path) -> None:
        info = _info(f"EPUB/{href}", zipfile.ZIP_STORED)
        info.file_size = path.stat().st_size  # says whether the entry needs the long form
        with path.open("rb") as source, self._zip.open(info, "w") as target:
            while content := source.read(_BUFFER):
                target.write(content)

    def _put(self, name: str, content: bytes, compression: int) -> None:
        self._zip.writestr(_info(name, compression), content)


def _info(name: str, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIMESTAMP)
    info.compress_type, info.create_system, info.external_attr = compression, _UNIX, _READABLE
    return info


def _document(root: Any, doctype: str | None = None) -> bytes:
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True, doctype=doctype))


class _Binder:
    """Puts a book's files into an archive and keeps the list of them."""

    def __init__(self, archive: _Archive, script: Script, timeline: Timeline, narration: str) -> None:
        self._archive, self._script, self._timeline, self._narration = archive, script, timeline, narration
        self._book = script.book
        self._clips = clips_of(timeline)
        self._language = _language_of(script)
        titles = [in_a_line(chapter.title) or str(number) for number, chapter in enumerate(self._book.chapters, 1)]
        self._title = in_a_line(self._book.title) or _UNTITLED
        hrefs = [f"chapter-{number:04d}.xhtml" for number in range(1, len(titles) + 1)]
        self._entries = [
            Entry(*entry) for entry in zip(titles, hrefs, depths(c.level for c in self._book.chapters), strict=True)
        ]
        self._items: list[Item] = []
        self._spine: list[str] = []

    def bind(self, resources: Callable[[str], bytes], encode: Callable[[int, Path], str]) -> None:
        self._add_style()
        hrefs = self._add_images(resources)
        cover = self._add_cover(hrefs)
        audio = self._add_audio(encode)
        self._add_chapters(hrefs, audio)
        identifier = self._archive.name(json.dumps(self._book.model_dump()))
        self._archive.add_page(NAVIGATION, navigation(self._title, self._language, self._entries, cover))
        self._items.append(Item("nav", NAVIGATION, _XHTML, "nav"))
        self._archive.add_xml(NCX, ncx(identifier, self._title, self._entries))
        self._items.append(Item("ncx", NCX, _NCX_TYPE))
        self._archive.add_xml(PACKAGE, package(self._description(identifier), self._items, self._spine))

    def _add_style(self) -> None:
        self._archive.add(STYLE, package_files.files(__package__).joinpath(STYLE).read_bytes())
        self._items.append(Item("style", STYLE, "text/css"))

    def _add_images(self, resources: Callable[[str], bytes]) -> dict[str, str]:
        """Add cover and images that can be shown; return the names of their files by those of the resources."""
        names = dict.fromkeys([self._book.cover] * bool(self._book.cover) + [image.name for image in self._book.images])
        added = ((name, self._add_image(number, name, resources(name))) for number, name in enumerate(filter(None, names), 1))
        return {name: href for name, href in added if href}

    def _add_image(self, number: int, name: str, content: bytes) -> str | None:
        media_type = image_type(content)
        drawn = still_svg(content) if media_type == "image/svg+xml" else content
        if media_type is None or drawn is None:
            return None
        href = f"image-{number:04d}.{ending_of(media_type)}"
        self._archive.add(href, drawn, compress=media_type == "image/svg+xml")
        properties = "cover-image" if name == self._book.cover else None
        self._items.append(Item(f"image-{number}", href, media_type, properties))
        return href

    def _add_cover(self, hrefs: Mapping[str, str]) -> str | None:
        if not (href := hrefs.get(self._book.cover or "")):
            return None
        self._archive.add_page("cover.xhtml", cover_page(self._title, href, self._language))
        self._items.append(Item("cover", "cover.xhtml", _XHTML))
        self._spine.append("cover")
        return "cover.xhtml"

    def _add_audio(self, encode: Callable[[int, Path], str]) -> dict[int, str]:
        """Add the audio of all chapters that have clips; return the names of their files."""
        hrefs = {}
        with TemporaryDirectory(prefix="speechmill-") as folder:
            for index in sorted({clip.audio for clip in self._clips.values()}):
                file = Path(folder) / "audio"
                media_type = encode(index, file)
                hrefs[index] = f"audio-{index + 1:04d}.{_audio_ending(media_type)}"
                self._archive.add_file(hrefs[index], file)
                self._items.append(Item(f"audio-{index + 1}", hrefs[index], media_type))
                file.unlink()
        return hrefs

    def _add_chapters(self, hrefs: Mapping[str, str], audio: Mapping[int, str]) -> None:
        by_chapter: list[list[int]] = [[] for _ in self._entries]
        for index, passage in enumerate(self._script.passages):
            by_chapter[passage.chapter].append(index)
        pictures, breaks = self._pictures(hrefs, by_chapter), frozenset(self._book.breaks)
        for number, (entry, indices) in enumerate(zip(self._entries, by_chapter, strict=True)):
            passages = {index: self._script.passages[index] for index in indices}
            content = Chapter(entry.title, entry.depth, passages, pictures[number], self._language, breaks)
            self._archive.add_page(entry.href, chapter_page(content))
            overlay = self._add_overlay(number, {i: self._clips[i] for i in indices if i in self._clips}, audio)
            self._items.append(Item(f"chapter-{number + 1}", entry.href, _XHTML, overlay=overlay))
            self._spine.append(f"chapter-{number + 1}")

    def _add_overlay(self, number: int, clips: Mapping[int, Clip], audio: Mapping[int, str]) -> str | None:
        if not clips:
            return None
        href, name = f"chapter-{number + 1:04d}.smil", f"overlay-{number + 1}"
        named = {element_name(index): clip for index, clip in clips.items()}
        self._archive.add_xml(href, smil(self._entries[number].href, named, audio))
        duration = sum(clip.end_ms - clip.begin_ms for clip in clips.values())
        self._items.append(Item(name, href, _SMIL, duration_ms=duration))
        return name

    def _pictures(self, hrefs: Mapping[str, str], by_chapter: Sequence[Sequence[int]]) -> list[dict[int, list[Picture]]]:
        """Return the pictures of each chapter, by the passages they stand before; those behind all are in the last."""
        chapters = {index: number for number, indices in enumerate(by_chapter) for index in indices}
        found: list[dict[int, list[Picture]]] = [{} for _ in by_chapter]
        for image in self._book.images:
            chapter = chapters.get(image.before, len(found) - 1) if image.chapter is None else image.chapter
            pictures = found[min(chapter, len(found) - 1)]
            pictures.setdefault(image.before, []).append(Picture(hrefs.get(image.name), image.alt))
        return found

    def _description(self, identifier: str) -> Description:
        book, passages = self._book, len(self._script.passages)
        creators = [name for creator in book.creators if (name := in_a_line(creator))]
        narrators = self._narrators() if self._clips else []
        silent = passages - len(self._clips)
        who = (creators, narrators)
        return Description(identifier, self._title, self._language, *who, book.details, passages, silent, self._narration)

    def _narrators(self) -> list[str]:
        """Return who the book says that narrates it; otherwise the voices that passages have of their own."""
        if narrator := in_a_line(self._book.details.get("narrator", "")):
            return [narrator]
        voices = dict.fromkeys(in_a_line(passage.voice or "") for passage in self._script.passages)
        return list(filter(None, voices))


def _language_of(script: Script) -> str:
    """Return the language of a book: that which it says, or that in which the most is said."""
    if (tag := language_tag(script.book.language)) != UNDETERMINED:
        return tag
    counted = Counter(passage.language for passage in script.passages)
    return language_tag(counted.most_common(1)[0][0]) if counted else UNDETERMINED


def _audio_ending(media_type: str) -> str:
    try:
        return _AUDIO_ENDINGS[media_type]
    except KeyError:
        raise UsageError(f"EPUBs hold no {media_type!r}: encode audio as one of {', '.join(_AUDIO_ENDINGS)}") from None
