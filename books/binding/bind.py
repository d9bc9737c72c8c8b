"""Makes a book's files of its spoken rows."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from actors.errors import UsageError
from actors.names import plain_name
from books.binding.encoder import AUDIO_KINDS, MAX_BIT_RATE, MIN_BIT_RATE, AudioKind, Cover, Labels, Mark, read_cover
from books.binding.levels import Levels
from books.binding.loudness import AIMS, Aim, first_gains
from books.binding.options import AudioFile, Binding
from books.binding.pressing import Press
from books.binding.record import Bound, BoundChapter, BoundFile
from books.binding.speech import Layout, Speech, lay_out
from books.binding.timeline import TimedChapter, Timeline
from books.book import Resource
from books.script import Script, read_resource, read_script
from cluster.storage import Store

RECORD_NAME = ".book.json"

_ACX_BIT_RATE = 192_000
_UNFINISHED = ""  # the key of a record while files change


@dataclass(frozen=True)
class BindOrder:
    """What to bind; fit to be sent to another process.

    Attributes:
        sentences: the output with the book's rows.
        parts: the keys of its part files with the rows, in order; they hold no others.
        scripts: where the book's script is.
        script: its name there: see :func:`books.script.read_script`.
        target: where books are written.
        folder: the key of the book's folder there; empty for the root.
        stem: what its files are called.
        binding: what is made.
        key: names what it is made of and how; kept in the record.
        limit: how many of the script's passages there are rows of, from the first; ``None`` is all.
    """

    sentences: Store
    parts: tuple[str, ...]
    scripts: Store
    script: str
    target: Store
    folder: str
    stem: str
    binding: Binding
    key: str
    limit: int | None = None


def bind(order: BindOrder) -> Bound:
    """Write a book's files, and ``.book.json`` last; do nothing if they are there, made of the same in the same way.

    Files are made one after the other on the local disk (in ``TMPDIR``), the largest of which must fit there. Memory does not
    grow with the book's length but for the index of an MP4 file. What an earlier binding left in the folder is deleted.

    Raises:
        UsageError: the binding's options do not fit together.
        InputDataError: nothing of the book was spoken.
        StorageError: rows or the script are damaged, or a store or the local disk cannot be read or written.
    """
    check_binding(order.binding)
    earlier = read_bound(order.target, order.folder)
    if earlier and earlier.key == order.key and _is_whole(order, earlier):
        return earlier
    with tempfile.TemporaryDirectory(prefix="speechmill-") as folder:
        return _Binder(order, Path(folder), earlier).run()


def check_binding(binding: Binding) -> None:
    """Raise ``UsageError`` if the options do not fit together."""
    if binding.bit_rate is not None and not MIN_BIT_RATE <= binding.bit_rate <= MAX_BIT_RATE:
        raise UsageError(f"a bit rate of {binding.bit_rate} is none of speech: use {MIN_BIT_RATE} to {MAX_BIT_RATE} bit/s")
    aim = AIMS[binding.loudness]
    if aim and aim.rate and binding.sample_rate not in (None, aim.rate):
        raise UsageError(f"loudness {binding.loudness!r} is at {aim.rate} Hz: leave out the sample rate")


def read_bound(target: Store, folder: str) -> Bound | None:
    """Return the record of a book's folder; ``None`` if there is none of this version.

    Raises:
        StorageError: the store cannot be reached.
    """
    key = _key(folder, RECORD_NAME)
    if not target.exists(key):
        return None
    try:
        return Bound.model_validate_json(target.read_bytes(key))
    except ValidationError:
        return None


def timeline_of(order: BindOrder) -> Timeline:
    """Return when each passage of a book is heard in what is bound of it.

    Raises:
        InputDataError: nothing of the book was spoken.
        StorageError: rows or the script are damaged, or a store cannot be reached.
    """
    aim = AIMS[order.binding.loudness]
    script = read_script(order.scripts, order.script, order.limit)
    return lay_out(script, Speech(order.sentences, order.parts).rows(), aim.ends if aim else None).timeline


def _key(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _is_whole(order: BindOrder, bound: Bound) -> bool:
    found = (order.target.find(_key(order.folder, file.key)) for file in bound.files)
    return all(entry is not None and entry.size == file.size for entry, file in zip(found, bound.files, strict=True))


@dataclass
class _Binder:
    """Binds one book. ``levels`` are those of chapters as measured on the first files of them."""

    order: BindOrder
    local: Path
    earlier: Bound | None
    files: list[BoundFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    levels: dict[int, Levels] = field(default_factory=dict)

    def run(self) -> Bound:
        self._mark_unfinished()
        for kind in self._kinds():
            self._write_audio(kind)
        if self.order.binding.subtitles:
            self._write_subtitles()
        if self.order.binding.overlay:
            self._write_overlay()
        self._delete_earlier()
        return self._write_record()

    @cached_property
    def script(self) -> Script:
        return read_script(self.order.scripts, self.order.script, self.order.limit)

    @cached_property
    def aim(self) -> Aim | None:
        return AIMS[self.order.binding.loudness]

    @cached_property
    def speech(self) -> Speech:
        return Speech(self.order.sentences, self.order.parts)

    @cached_property
    def layout(self) -> Layout:
        return lay_out(self.script, self.speech.rows(), self.aim.ends if self.aim else None)

    @cached_property
    def press(self) -> Press:
        return Press(self.speech, self.layout, first_gains(self.speech, self.layout, self.aim), self.aim)

    @cached_property
    def cover(self) -> Cover | None:
        book = self.script.book
        if book.cover is None or book.cover_type is None:
            return None
        cover = read_cover(Resource(book.cover, book.cover_type, self._resource(book.cover)))
        if cover is None:
            self.notes.append(f"the audio files have no cover: {book.cover} is no JPEG or PNG that can be read")
        return cover

    @property
    def chapters(self) -> Sequence[TimedChapter]:
        return self.layout.timeline.chapters

    def _kinds(self) -> list[AudioFile]:
        """Return the formats, each once; that by which levels are judged is the first."""
        kinds = list(dict.fromkeys(self.order.binding.audio))
        return sorted(kinds, key=lambda kind: kind != "mp3") if self.order.binding.loudness == "acx" else kinds

    def _groups(self, kind: AudioFile) -> Iterator[tuple[str, list[int], int | None]]:
        """Yield the stem of each of a format's files, its chapters, and which chapter it is if it is one."""
        everything = list(range(len(self.chapters)))
        # What ACX accepts is a file for each chapter.
        if kind == "m4b" or (self.order.binding.whole and self.order.binding.loudness != "acx"):
            yield self.order.stem, everything, None
            return
        width = max(2, len(str(len(everything))))
        for i in everything:
            yield plain_name(f"{i + 1:0{width}d} - {self.chapters[i].title}"), [i], i

    def _write_audio(self, name: AudioFile) -> None:
        kind = AUDIO_KINDS[name]
        for stem, chapters, single in self._groups(name):
            path = self.local / f"audio{kind.suffix}"
            self._press(path, kind, chapters, single, self._bit_rate(name))
            self._store(path, stem + kind.suffix, name, single)

    def _press(self, path: Path, kind: AudioKind, chapters: list[int], single: int | None, bit_rate: int | None) -> None:
        wanted = self.order.binding.sample_rate or (self.aim and self.aim.rate) or self.layout.rate
        measured = self.press.write(path, kind, chapters, kind.rate(wanted), self._labels(chapters, single), bit_rate)
        for chapter, levels in zip(chapters, measured, strict=True):
            self.levels.setdefault(chapter, levels)
            if self.aim and (shortfall := self.aim.shortfall(levels)):
                self.notes.append(f"{kind.suffix[1:].upper()}, chapter {self.chapters[chapter].title!r}: {shortfall}")

    def _bit_rate(self, name: AudioFile) -> int | None:
        wanted = self.order.binding.bit_rate
        return max(wanted or 0, _ACX_BIT_RATE) if name == "mp3" and self.order.binding.loudness == "acx" else wanted

    def _labels(self, chapters: list[int], single: int | None) -> Labels:
        book = self.script.book
        creators = ", ".join(book.creators)
        tags = {
            "title": book.title if single is None else self.chapters[single].title,
            "album": book.title,
            "artist": creators,
            "album_artist": creators,
            "genre": "Audiobook",
            "media_type": "2",  # MP4's number of audiobooks
            "track": "" if single is None else f"{single + 1}/{len(self.chapters)}",
            "language": book.language or "",
            "date": book.details.get("date", ""),
            "publisher": book.details.get("publisher", ""),
            "copyright": book.details.get("rights", ""),
            "comment": book.details.get("description", ""),
        }
        start_s = self.chapters[chapters[0]].start_s
        marks = [Mark(c.title, c.start_s - start_s, c.end_s - start_s) for c in map(self.chapters.__getitem__, chapters)]
        return Labels(tags, marks if single is None else (), self.cover)

    def _write_subtitles(self) -> None:
        from books.binding.subtitles import render_subtitles

        for stem, (chapters, single) in self._subtitled().items():
            timed = [self.chapters[i] for i in chapters]
            for kind in dict.fromkeys(self.order.binding.subtitles):
                path = self.local / f"subtitles.{kind}"
                path.write_text(render_subtitles(kind, timed, timed[0].start_s), encoding="utf-8", newline="\n")
                self._store(path, f"{stem}.{kind}", kind, single)

    def _subtitled(self) -> dict[str, tuple[list[int], int | None]]:
        """Return the stems of subtitles, with their chapters: those of the audio files."""
        names: Sequence[AudioFile] = self._kinds() or ["m4b"]
        return {stem: (chapters, single) for name in names for stem, chapters, single in self._groups(name)}

    @property
    def _overlay_name(self) -> str:
        return f"{self.order.stem}.epub"

    def _write_overlay(self) -> None:
        from books.binding.overlay import write_overlay

        def encode(chapter: int, path: Path) -> str:
            self._press(path, AUDIO_KINDS["m4a"], [chapter], chapter, self.order.binding.bit_rate)
            return AUDIO_KINDS["m4a"].media_type

        resources: Callable[[str], bytes] = self._resource
        path = self.local / "overlay.epub"
        write_overlay(path, self.script, self.layout.timeline, resources, encode)
        self._store(path, self._overlay_name, "epub", None)

    def _resource(self, name: str) -> bytes:
        return read_resource(self.order.scripts, self.order.script, name)

    def _store(self, path: Path, name: str, kind: str, chapter: int | None) -> None:
        size = path.stat().st_size
        self.order.target.write_file(_key(self.order.folder, name), path)
        path.unlink()
        self.files.append(BoundFile(key=name, size=size, kind=kind, chapter=chapter))

    def _mark_unfinished(self) -> None:
        """Say before any file changes that no record holds, and which files may be there should this not come to its end."""
        names = sorted({*self._earlier_names(), *self._names()})
        files = tuple(BoundFile(key=name, size=0, kind="") for name in names)
        self._write(Bound(key=_UNFINISHED, title=self.script.book.title, duration_s=0.0, chapters=(), files=files))

    def _delete_earlier(self) -> None:
        for name in sorted(self._earlier_names() - {file.key for file in self.files}):
            self.order.target.delete(_key(self.order.folder, name))

    def _earlier_names(self) -> set[str]:
        return {file.key for file in self.earlier.files} if self.earlier else set()

    def _names(self) -> Iterator[str]:
        """Yield the names of all files that are made."""
        for name in self._kinds():
            yield from (stem + AUDIO_KINDS[name].suffix for stem, _, _ in self._groups(name))
        for kind in self.order.binding.subtitles:
            yield from (f"{stem}.{kind}" for stem in self._subtitled())
        if self.order.binding.overlay:
            yield self._overlay_name

    def _write_record(self) -> Bound:
        bound = Bound(
            key=self.order.key,
            title=self.script.book.title,
            duration_s=self.layout.timeline.duration_s,
            chapters=tuple(map(self._bound_chapter, range(len(self.chapters)))),
            files=tuple(self.files),
            notes=(*self.script.book.notes, *self.layout.notes, *dict.fromkeys(self.notes)),
        )
        self._write(bound)
        return bound

    def _bound_chapter(self, index: int) -> BoundChapter:
        chapter, stretch, levels = self.chapters[index], self.layout.stretches[index], self.levels.get(index)
        return BoundChapter(
            title=chapter.title,
            level=chapter.level,
            start_s=chapter.start_s,
            end_s=chapter.end_s,
            passages=len(stretch.spans) + stretch.missing,
            missing=stretch.missing,
            loudness_lufs=levels and levels.loudness_lufs,
            true_peak_dbtp=levels and levels.true_peak_dbtp,
            rms_db=levels and levels.rms_db,
            noise_floor_db=levels and levels.noise_floor_db,
        )

    def _write(self, bound: Bound) -> None:
        content = bound.model_dump_json(indent=1).encode()
        self.order.target.write_bytes(_key(self.order.folder, RECORD_NAME), content)
