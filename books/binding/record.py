"""What binding a book has made: the record beside its files, of which reports are made."""

from pydantic import BaseModel, ConfigDict


class BoundFile(BaseModel):
    """A file of a bound book: its key below the book's folder, its size in bytes, and what it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    size: int
    kind: str  # "m4b", "mp3", …, "srt", "vtt", "epub"
    chapter: int | None = None  # of files that hold one chapter, its index among the bound chapters


class BoundChapter(BaseModel):
    """A chapter as it is heard: seconds from the book's beginning, and levels as measured on the result."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    level: int
    start_s: float
    end_s: float
    passages: int
    missing: int = 0  # passages without audio
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    rms_db: float | None = None
    noise_floor_db: float | None = None


class Bound(BaseModel):
    """A bound book. ``key`` names what it was made of and how: the same again is not made again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = 1
    key: str
    title: str
    duration_s: float
    chapters: tuple[BoundChapter, ...]
    files: tuple[BoundFile, ...]
    notes: tuple[str, ...] = ()
