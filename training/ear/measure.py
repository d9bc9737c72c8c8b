"""Measures hearing: word errors, and who spoke when in dialogues."""

import itertools
import json
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from actors.audio.codec import decode, encode, resample
from actors.requests import Segment
from training.ear.rows import LONGEST_S, Pool
from training.ear.sounds import SAMPLE_RATE, Sound

TOLERANCE_S = 0.2  # of a segment's start, and of its end


@dataclass(frozen=True)
class SegmentScore:
    """How many segments there are, and of how many the times are right, the speaker is, and both are."""

    segments: int = 0
    timed: int = 0
    attributed: int = 0
    right: int = 0

    def __add__(self, other: "SegmentScore") -> "SegmentScore":
        return SegmentScore(
            *(mine + theirs for mine, theirs in zip(asdict(self).values(), asdict(other).values(), strict=True))
        )


def score_segments(heard: Sequence[Segment], said: Sequence[Segment]) -> SegmentScore:
    """Compare each segment that was said with the one heard that overlaps it most.

    Speakers are names: those that were heard are taken for those that spoke in the way that is right most often.
    """
    pairs = [(one, near) for one in said if (near := _nearest(heard, one)) is not None]
    names = sorted({segment.speaker or "" for segment in heard})
    speakers = sorted({one.speaker or "" for one in said})
    spare = [*speakers, *[""] * len(names)]  # who was heard too much is nobody
    best = max(
        (dict(zip(names, order, strict=False)) for order in itertools.permutations(spare, len(names))),
        key=lambda cast: sum(cast[near.speaker or ""] == one.speaker for one, near in pairs),
    )
    timed = [max(abs(near.start - one.start), abs(near.end - one.end)) <= TOLERANCE_S for one, near in pairs]
    attributed = [best[near.speaker or ""] == one.speaker for one, near in pairs]
    return SegmentScore(
        segments=len(said),
        timed=sum(timed),
        attributed=sum(attributed),
        right=sum(time and speaker for time, speaker in zip(timed, attributed, strict=True)),
    )


def _nearest(heard: Sequence[Segment], one: Segment) -> Segment | None:
    near = max(heard, key=lambda segment: _overlap(segment, one), default=None)
    return near if near is not None and _overlap(near, one) > 0 else None


def _overlap(a: Segment, b: Segment) -> float:
    return min(a.end, b.end) - max(a.start, b.start)


def score_dialogues(heard: Iterable[Sequence[Segment]], said: Iterable[Sequence[Segment]]) -> SegmentScore:
    """Compare dialogues in order, each with its own speakers."""
    return sum((score_segments(*pair) for pair in zip(heard, said, strict=True)), SegmentScore())


def one_after_another(sounds: Sequence[np.ndarray], seconds: float) -> tuple[np.ndarray, int]:
    """Join sounds with half a second of silence behind each, all of them as often as it takes to fill so many seconds.

    Returns:
        The recording, float32 ``[samples]`` at 24 kHz, and how often each sound is in it.
    """
    once = np.concatenate([np.pad(sound, (0, SAMPLE_RATE // 2)) for sound in sounds])
    times = math.ceil(seconds * SAMPLE_RATE / len(once))
    return np.tile(once, times), times


def samples_of(file: bytes) -> np.ndarray:
    """Decode a file to what the ear hears: float32 ``[samples]`` at 24 kHz."""
    audio, rate = decode(file)
    return resample(audio.mean(0), rate, SAMPLE_RATE)


def write_dialogues(folder: Path, sounds: Sequence[Sound], count: int, seed: int) -> None:
    """Write so many dialogues of 30 s between two speakers as Opus files, and what is said in them as JSON."""
    generator = random.Random(f"{seed}/dialogues")  # noqa: S311 - a choice, not a secret
    pool = Pool(sounds)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        row = pool.row(generator, LONGEST_S, 2, 0.5, spoilt=False)
        segments = [Segment(turn.start, turn.end, str(turn.speaker), turn.sound["text"]) for turn in row.turns]
        (folder / f"{i}.opus").write_bytes(encode(row.audio, SAMPLE_RATE, "opus"))
        (folder / f"{i}.json").write_text(json.dumps([asdict(segment) for segment in segments], indent=1) + "\n")


def read_dialogues(folder: Path) -> Mapping[Path, list[Segment]]:
    """Return what is said in each of a folder's files."""
    return {
        path.with_suffix(".opus"): [Segment(**values) for values in json.loads(path.read_bytes())]
        for path in sorted(folder.glob("*.json"))
    }
