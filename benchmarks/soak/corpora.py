"""What ``torture.py`` feeds a job: texts or recordings, with bad ones of every kind among them.

Both return what each id must come out as: a status, and for a bad one a part of its reason.
"""

import io
import json
import random
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from actors.audio.codec import AudioFormat, encode

_SHARDS = 4
_FORMATS: tuple[AudioFormat, ...] = ("wav", "flac", "mp3", "opus")
_BAD_TEXTS_OF_EACH_KIND = 3
_BAD_RECORDINGS_OF_EACH_KIND = 5


@dataclass(frozen=True)
class Expected:
    """How a row must come out."""

    status: str = "ok"
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}" if self.reason else self.status


_WHO = ("The miller", "A traveller", "My sister", "The old dog", "Nobody", "The children", "A heron")
_WHAT = ("sings", "walks away", "counts the steps", "looks back", "tells a story", "falls asleep")
_WHERE = ("by the river", "at noon", "under the bridge", "without a word", "in the rain", "once more")

# Kind -> a line that is a bad row; the id is filled in. Lines that are no JSON objects are known by their number only.
_BAD_LINES: dict[str, str] = {
    "null": '{"id": %s, "text": null}',
    "no text": '{"id": %s}',
    "empty": '{"id": %s, "text": ""}',
    "whitespace": '{"id": %s, "text": " \\t\\n\\u3000"}',
    "emoji": '{"id": %s, "text": "\\ud83d\\ude00 \\ud83c\\udf89"}',
    "control characters": '{"id": %s, "text": "\\u0000\\u0007"}',
    "too long": '{"id": %%s, "text": "%s"}' % ("word " * 200_000),
    "a number": '{"id": %s, "text": 42}',
    "unknown voice": '{"id": %s, "text": "Hello.", "voice": "nobody"}',
    "bad seed": '{"id": %s, "text": "Hello.", "seed": "lucky"}',
    "other speed": '{"id": %s, "text": "Hello.", "speed": 2}',
    "not closed": '{"id": %s, "text": "Hello.',
    "half a character": '{"id": %s, "text": "\\ud83d"}',
}
_NAMELESS = {"not closed", "half a character"}


def write_texts(folder: Path, rows: int, rng: random.Random) -> dict[str, Expected]:
    """Write shards of texts into a new folder; return how each id must come out."""
    folder.mkdir()
    bad = _planted(rows, list(_BAD_LINES), _BAD_TEXTS_OF_EACH_KIND, rng)
    expected: dict[str, Expected] = {}
    per_shard = -(-rows // _SHARDS)
    for shard in range(_SHARDS):
        name = f"shard-{shard}.jsonl"
        with (folder / name).open("w") as file:
            for row in range(shard * per_shard, min(rows, (shard + 1) * per_shard)):
                kind = bad.get(row)
                id_ = f"{name}:{row - shard * per_shard}" if kind in _NAMELESS else f"row-{row:06d}"
                text = f"{rng.choice(_WHO)} {rng.choice(_WHAT)} {rng.choice(_WHERE)}."
                line = json.dumps({"id": id_, "text": text, "n": row}) if kind is None else _BAD_LINES[kind] % json.dumps(id_)
                file.write(line + "\n")
                expected[id_] = Expected() if kind is None else Expected("rejected")
    return expected


def write_recordings(folder: Path, rows: int, rng: random.Random) -> dict[str, Expected]:
    """Write short recordings into a new folder, and one of three hours; return how each id must come out."""
    folder.mkdir()
    odd = dict(_odd_recordings())
    planted = _planted(rows - 1, list(odd), _BAD_RECORDINGS_OF_EACH_KIND, rng)
    expected: dict[str, Expected] = {}
    for row in range(rows - 1):
        if kind := planted.get(row):
            extension, expectation, make = odd[kind]
            content = make(rng.randrange(2**32))
        else:
            extension, expectation = rng.choice(_FORMATS), Expected()
            content = encode(_noise(rng.randrange(2**32), rng.uniform(1, 4)), 16_000, extension)
        name = f"{row % _SHARDS}/recording-{row:05d}.{extension}"
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        expected[name] = expectation
    _write_three_hours(folder / "long.flac")
    return expected | {"long.flac": Expected()}


def _odd_recordings() -> Iterator[tuple[str, tuple[str, Expected, Callable[[int], bytes]]]]:
    """Yield kinds of unusual files: their extension, how they must come out, and what makes one from a seed."""

    def rejected(reason: str) -> Expected:
        return Expected("rejected", reason)

    yield "truncated mp3", ("mp3", rejected("truncated"), lambda seed: encode(_noise(seed, 6), 16_000, "mp3")[:-9000])
    yield "truncated flac", ("flac", rejected("truncated"), lambda seed: encode(_noise(seed, 6), 16_000, "flac")[:-40_000])
    yield "zero bytes", ("wav", rejected("0 bytes"), lambda _: b"")
    yield "text", ("mp3", rejected("not audio"), lambda seed: f"these are no samples: {seed}\n".encode() * 40)
    yield "video only", ("mp4", rejected("no audio track"), lambda seed: _video(seed, with_audio=False))
    yield "wrong extension", ("wav", Expected(), lambda seed: encode(_noise(seed, 2), 16_000, "mp3"))
    yield "video", ("mp4", Expected(), lambda seed: _video(seed, with_audio=True))
    yield "eight channels at 192 kHz", ("wav", Expected(), _eight_channels)
    yield "silence", ("wav", Expected(), lambda seed: encode(np.zeros(16_000 + seed % 999, np.float32), 16_000, "wav"))


def _planted(rows: int, kinds: list[str], of_each: int, rng: random.Random) -> dict[int, str]:
    """Draw the rows that are odd, so many of each kind."""
    drawn = [kind for kind in kinds for _ in range(of_each)]
    return dict(zip(rng.sample(range(rows), len(drawn)), drawn, strict=True))


def _noise(seed: int, seconds: float) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * 16_000), np.float32)


def _eight_channels(seed: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(8)
        out.setsampwidth(2)
        out.setframerate(192_000)
        out.writeframes((np.random.default_rng(seed).standard_normal((192_000, 8)) * 3000).astype("<i2").tobytes())
    return file.getvalue()


def _video(seed: int, *, with_audio: bool) -> bytes:
    """Return a second of grey noise in MPEG-4, with or without a sound track in AAC."""
    random_ = np.random.default_rng(seed)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        picture = container.add_stream("mpeg4", rate=5, width=64, height=48, pix_fmt="yuv420p")
        sound = container.add_stream("aac", rate=16_000, layout="mono") if with_audio else None
        for _ in range(5):
            pixels = random_.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(picture.encode(None))
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(_noise(seed, 2)[None], format="fltp", layout="mono")
            frame.sample_rate = 16_000
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return file.getvalue()


def _write_three_hours(path: Path) -> None:
    """Write three hours of faint noise with bursts, at 8 kHz."""
    minute = 0.02 * np.random.default_rng(0).standard_normal(60 * 8_000, np.float32)
    minute[:80_000] *= 10
    path.write_bytes(encode(np.tile(minute, 180), 8_000, "flac"))
