"""Bytes of equal rows change with a revision or not at all: outputs that were begun before are refused by it, and not mixed."""

import hashlib
from collections.abc import Iterable

import numpy as np

from actors.audio.codec import encode
from actors.audio.mastering import Mastering, master
from actors.audio.packing import pack
from actors.audio.vad import without_silence
from actors.families.soprano.chunking import chunk_text
from actors.families.whisper.rules import TokenRules
from actors.families.whisper.segments import segments_of
from actors.families.whisper.words import token_times, words_of
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
# Read by all stages of actors/text, each language by its own rules, and one that has none.
READ = [
    *(("en", text) for text in TEXTS),
    ("en", "<h1>Chapter IV</h1><p>King Henry VIII &amp; <b>co.</b> paid £20.</p>\n\n\n* * *\n\n**St.** John's St."),
    ("en", "It was 10-20 °C; see 'Москва' … I"),
    ("en", "one, two; " * 60 + "three."),
    ("de", "Am 3. Mai 2021 um 13:30 Uhr zahlte Dr. Meier 3,50 € für 1.234,5 km, z. B. in Köln. Und dann? Ludwig XIV. kam."),
    ("es", "El 3 de mayo de 2021, a las 13:30, el Sr. López pagó 3,50 € por 1.234,5 km. ¿Y luego? Felipe II, 1.º piso."),
    ("fr", "Le 3 mai 2021 à 13 h 30, M. Dupont a payé 3,50 € pour 1 234,5 km. Et après ? Louis XIV, 1er étage."),
    ("it", "Il 3 maggio 2021 alle 13:30 il sig. Rossi ha pagato 3,50 € per 1.234,5 km. E poi? Luigi XIV, 1º piano."),
    ("nl", "Op 3 mei 2021 om 13.30 uur betaalde dhr. De Vries € 3,50 voor 1.234,5 km. En toen? Lodewijk XIV, 1e verdieping."),
    ("pt", "Em 3 de maio de 2021, às 13h30, o Sr. Silva pagou 3,50 € por 1.234,5 km. E depois? Luís XIV, 1.º andar."),
    ("pl", "Kosztuje 20 zł &amp; już. Tak? Tak!"),
]
# Of each revision; the model's own front end, and mastering, are as in the first.
SPEECH = {2: "9008a9e03be620ff"}
ALONE = "5170c4ad03592712"
HEARING = {1: "739285eefd32a8b7"}
WHISPER = {1: "4f0b6b1f7a6267a6"}


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
    texts = [Normaliser(language)(text) for language, text in READ]
    read = [f"{sentence.spoken}|{sentence.written}|{sentence.pause}" for text in texts for sentence in text.sentences]
    with open_model("embedded", threads=1, slots=1) as engine:
        told = [
            f"{chunk.text}|{chunk.source.written}|{chunk.source.pause}"
            for spoken in texts
            for chunk in engine.model.prepare(SynthesisRequest("a", text=spoken.text, sentences=spoken.sentences), False)
        ]
    made = digest(map(str.encode, [*(f"{text.text}|{text.edited.spans}|{text.note}" for text in texts), *read, *told]))
    assert made == SPEECH.get(SynthesisConfig.revision), "equal rows have other bytes: raise the revision"


def test_what_is_heard_of_a_recording() -> None:
    made = digest([repr(without_silence(bursts(24_000), 24_000)).encode()])
    assert made == HEARING.get(TranscriptionConfig.revision), "equal rows have other results: raise the revision"


def test_what_whisper_hears_of_a_recording_and_what_is_read_of_its_answers() -> None:
    """Its pieces, its rules, its segments and its words: what no processor computes otherwise."""
    said = [
        (second * 16_000, second * 16_000 + length) for second, length in ((0, 9_000), (1, 30_000), (4, 8_000), (9, 20_000))
    ]
    pieces = pack(said, 12 * 16_000, 16_000, 4 * 16_000)
    eos, begin = 40, 50
    rules = TokenRules(100, eos, begin, begin - 1, (7, 41, 42), (3, eos), 20)
    random = np.random.default_rng(0)
    answer: list[int] = []
    for _ in range(40):
        logits = random.integers(-40, 40, 100).astype(np.float32)
        answer.append(rules.choose(logits, answer, timestamps=True, temperature=0, uniform=0)[0])
    attention = np.eye(40, 80, dtype=np.float32)[None].repeat(2, axis=0) * 50

    def decode(tokens: list[int]) -> str:
        return "".join(" ,a.b"[token % 5] for token in tokens)

    segments, seek = segments_of(answer, timestamp_begin=begin, eos_id=eos, duration_s=1.0, decode=decode)
    times = token_times(attention)
    words = words_of(answer, times, [0.0] * len(answer), eos_id=eos, decode=decode, language="en")
    read = [*pieces, answer, segments, seek, times.round(2).tolist(), words]
    made = digest(repr(part).encode() for part in read)
    assert made == WHISPER.get(TranscriptionConfig.revision), "equal rows have other results: raise the revision"
