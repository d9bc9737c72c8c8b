"""What an alignment is written as: subtitles for each recording, an EPUB with overlays, a record."""

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from actors.names import file_path
from books.alignment.align import Alignment, HeardRecording
from books.alignment.record import AlignedBook, record_of
from books.alignment.timeline import book_timeline, recording_chapters
from books.binding.options import Subtitles
from books.binding.subtitles import render_subtitles
from books.script import Script
from cluster.storage import Store

RECORD_NAME = "alignment.json"
_NARRATION = "a recording"


@dataclass(frozen=True)
class AlignedFiles:
    """What is written of an aligned book.

    Attributes:
        target: where.
        stem: the name of the EPUB.
        subtitles: their kinds.
        epub: whether there is an EPUB.
    """

    target: Store
    stem: str
    subtitles: Sequence[Subtitles] = ("srt", "vtt")
    epub: bool = True

    def write(
        self,
        script: Script,
        alignment: Alignment,
        recordings: Sequence[HeardRecording],
        write_sound: Callable[[int, Path], str],
    ) -> AlignedBook:
        """Write all files, the record last; return it.

        Args:
            script: of the book, with its resources.
            alignment: of its passages.
            recordings: those of the alignment.
            write_sound: writes the recording with an index to a path that has no ending, and returns its media type: one
                that EPUBs may hold.

        Raises:
            StorageError: a file cannot be written. What ``write_sound`` raises goes through.
        """
        for index, stem in enumerate(_stems([recording.name for recording in recordings])):
            chapters = recording_chapters(script, alignment, index)
            for kind in self.subtitles:
                self.target.write_bytes(file_path(stem, f".{kind}"), render_subtitles(kind, chapters).encode())
        if self.epub:
            self._write_epub(script, alignment, recordings, write_sound)
        record = record_of(script, alignment, recordings)
        self.target.write_bytes(RECORD_NAME, record.model_dump_json(indent=1).encode())
        return record

    def _write_epub(
        self,
        script: Script,
        alignment: Alignment,
        recordings: Sequence[HeardRecording],
        write_sound: Callable[[int, Path], str],
    ) -> None:
        from books.binding.overlay import write_overlay  # brings lxml

        images = {resource.name: resource.data for resource in script.resources}
        timeline = book_timeline(script, alignment, recordings)
        with tempfile.TemporaryDirectory(prefix="speechmill-") as folder:
            path = Path(folder) / "overlay.epub"
            write_overlay(path, script, timeline, images.__getitem__, write_sound, _NARRATION)
            self.target.write_file(f"{self.stem}.epub", path)


def _stems(names: Sequence[str]) -> list[str]:
    """Return what subtitles are called: as players look for them, but for recordings that differ in their suffix alone."""
    stems = [PurePosixPath(name).with_suffix("").as_posix() for name in names]
    count = Counter(stem.casefold() for stem in stems)
    return [stem if count[stem.casefold()] == 1 else name for stem, name in zip(stems, names, strict=True)]
