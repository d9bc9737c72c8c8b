"""Bytes of equal rows change with a revision or not at all: outputs that were begun before are refused by it, and not mixed."""

import hashlib
from collections.abc import Iterable

import numpy as np

from actors.audio.codec import encode
from actors.audio.mastering import Mastering, master
from actors.audio.vad import without_silence
from actors.families.soprano.chunking import chunk_text
from actors.models import open_model
from actors.requests import SynthesisRequest
from actors.synthesizer import SynthesisConfig
from actors.text import Normaliser
from actors.transcriber import TranscriptionConfig

TEXTS = [
    "Dr. Smith paid $3.50 on 12/05/2021, at 10:30 a.m.; that is 1,000,000 times less than £2bn.",
    "Send e-mails to a.b@example.org, or visit https://example.org/mill?x=1!",
    "The 3rd of NASA's 12.5 km runs -- “quoted”, naïve & 50% done -- ended. Really? Yes!\nA new line, then.",
    "word " * 150,
]
# Of each revision; the model's own front end, and mastering, are as in the first.
SPEECH = {2: "d4a8eb338aa0f016"}
ALONE = "5170c4ad03592712"
HEARING = {1: "739285eefd32a8b7"}


def digest(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def bursts(rate: int) -> np.ndarray:
    """Return five seconds: silence, two bursts of square waves that no processor computes otherwise, and silence between."""
    audio = np.zeros(5 * rate, np.float32)
    for start, stop in ((rate, 2 * rate), (3 * rate, 4 * rate)):
        audio[start:stop] = np.where(np.arange(stop - start) // 40 % 2, 0.25, -0.25)
    return audio


def test_what_is_made_of_a_text_and_of_sound() -> None:
    chunks = [chunk for text in TEXTS for chunk in chunk_text(text, 30, 250)]
    mastered = master(bursts(24_000), 24_000, Mastering(trim_silence=True, peak_dbfs=-6.0))
    made = digest([*map(str.encode, chunks), encode(mastered.audio, mastered.sample_rate, "wav")])
    assert made == ALONE, "equal rows have other bytes: raise the revision"


def test_what_is_read_of_a_text() -> None:
    with open_model("embedded", threads=1, slots=1) as engine:
        told = [
            f"{chunk.text}|{chunk.source.written}|{chunk.source.pause}"
            for spoken in map(Normaliser("en"), TEXTS)
            for chunk in engine.model.prepare(SynthesisRequest("a", text=spoken.text, sentences=spoken.sentences), False)
        ]
    made = digest(map(str.encode, told))
    assert made == SPEECH.get(SynthesisConfig.revision), "equal rows have other bytes: raise the revision"


def test_what_is_heard_of_a_recording() -> None:
    made = digest([repr(without_silence(bursts(24_000), 24_000)).encode()])
    assert made == HEARING.get(TranscriptionConfig.revision), "equal rows have other results: raise the revision"
