"""What a book is bound as."""

from dataclasses import dataclass
from typing import Literal

AudioFile = Literal["m4b", "mp3", "flac", "opus", "wav"]
Loudness = Literal["none", "ebu", "acx"]
Subtitles = Literal["srt", "vtt"]


@dataclass(frozen=True)
class Binding:
    """What is made of a book's spoken passages.

    Attributes:
        audio: formats of the audio files. M4B is always one file, with chapters, cover and tags.
        whole: whether the others are one file too, or one for each chapter.
        subtitles: formats of subtitles, one for each audio file.
        overlay: whether an EPUB 3 with media overlays is made.
        loudness: ``ebu`` brings every chapter to -19 LUFS and below -2 dBTP; ``acx`` to what Audible's exchange accepts.
        bit_rate: of lossy formats, in bit/s; ``None`` is the format's own.
        sample_rate: in Hz; ``None`` is the model's, as far as the format knows it.
    """

    audio: tuple[AudioFile, ...] = ("m4b",)
    whole: bool = False
    subtitles: tuple[Subtitles, ...] = ("srt", "vtt")
    overlay: bool = False
    loudness: Loudness = "none"
    bit_rate: int | None = None
    sample_rate: int | None = None
