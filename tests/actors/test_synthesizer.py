import io
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile

from actors.audio.mastering import Mastering
from actors.batching import Engine, EngineStats
from actors.bundle import Bundle, load_bundle
from actors.errors import EngineClosedError, RequestError
from actors.requests import SynthesisRequest, SynthesisResult, TextChunk
from actors.rows import InputRow
from actors.synthesizer import SynthesisConfig, Synthesizer
from actors.text import Normaliser, Spoken
from actors.text.edits import Edit, Edited

EMBEDDED = Path(__file__).parents[2] / "embedded" / "voice"


class EchoEngine:
    """Answers every request at once with one sample per letter; keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[SynthesisRequest] = []
        self.stats = EngineStats()
        self.closed = False

    def submit(self, request: SynthesisRequest) -> Future[SynthesisResult]:
        if request.voice == "nobody":
            raise RequestError("unknown voice 'nobody'")
        self.requests.append(request)
        audio = np.full(0 if request.text == "mute" else len(request.text or ""), 0.5, np.float32)
        chunks = (TextChunk(request.text or "", 0.0, len(audio) / 8000),)
        future: Future[SynthesisResult] = Future()
        future.set_result(SynthesisResult(request.id, audio, 8000, len(audio), "eos", chunks))
        return future

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def embedded() -> Bundle:
    return load_bundle(EMBEDDED)


@pytest.fixture
def engine() -> EchoEngine:
    return EchoEngine()


@pytest.fixture
def synthesizer(engine: EchoEngine, embedded: Bundle) -> Synthesizer:
    return make_synthesizer(engine, embedded)


@pytest.fixture(scope="module")
def real(embedded: Bundle) -> Iterator[Synthesizer]:
    """The embedded model with few slots."""
    synthesizer = SynthesisConfig(slots=3, format="wav").open(embedded, "cpu", 1)
    yield synthesizer
    synthesizer.close()


def make_synthesizer(engine: Any, bundle: Bundle, **config: Any) -> Synthesizer:
    return Synthesizer(engine, bundle, SynthesisConfig(**config))


def speak_one(synthesizer: Synthesizer, **values: Any) -> dict[str, Any]:
    (row,) = synthesizer([InputRow("a", {"text": "hello", **values})])
    return row


def test_a_spoken_row_has_every_column(synthesizer: Synthesizer, embedded: Bundle) -> None:
    row = speak_one(synthesizer)
    audio = row.pop("audio")
    assert row == {
        "id": "a",
        "text": "hello",
        "spoken_text": "hello",
        "voice": embedded.manifest.voices[0],
        "sampling_rate": 8000,
        "duration_s": 5 / 8000,
        "status": "ok",
        "error": None,
        "finish_reason": "eos",
        "chunks": [{"text": "hello", "start_s": 0.0, "end_s": 5 / 8000}],
        "model": embedded.reference,
        "seed": 0,
    }
    samples, rate = soundfile.read(io.BytesIO(audio["bytes"]))
    assert (audio["path"], rate) == ("a.flac", 8000)
    np.testing.assert_allclose(samples, 0.5, atol=1e-4)


def test_the_blank_row_has_the_same_columns_in_the_same_order(synthesizer: Synthesizer) -> None:
    assert list(speak_one(synthesizer)) == list(SynthesisConfig().blank_row(InputRow("a", {"text": "hello"}), "model"))


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"text": None}, "column 'text' is null"),
        ({"text": ""}, "the text is empty"),
        ({"text": " \t\n\u3000"}, "the text is empty"),
        ({"text": 17}, "column 'text' holds a int, not text"),
        ({"text": ["hello"]}, "column 'text' holds a list, not text"),
        ({"text": "x" * 101}, "the text has 101 characters, the limit is 100"),
        ({"voice": 3}, "column 'voice' holds 3, not a voice's name"),
        ({"voice": "nobody"}, "unknown voice 'nobody'"),
        ({"speed": 2}, "speed is 2, but this model has no speed control"),
        ({"speed": "0.5"}, "speed is '0.5', but this model has no speed control"),
        ({"speed": "fast"}, "speed is 'fast', but this model has no speed control"),
        ({"seed": "lucky"}, "column 'seed' holds 'lucky', not a 64-bit whole number"),
        ({"seed": 1.5}, "column 'seed' holds 1.5, not a 64-bit whole number"),
        ({"seed": float("nan")}, "column 'seed' holds nan"),
        ({"seed": True}, "column 'seed' holds True"),
        ({"seed": 2**63}, "column 'seed' holds 9223372036854775808"),
        ({"seed": "9" * 10_000}, "column 'seed' holds '9999"),
        ({"seed": [1]}, r"column 'seed' holds \[1\]"),
        ({"language": 3}, "column 'language' holds 3, not the code of a language"),
        ({"language": "English!"}, "column 'language': 'English!' is no language code"),
    ],
)
def test_a_row_that_cannot_be_spoken_is_rejected_with_the_reason(
    engine: EchoEngine, embedded: Bundle, values: dict[str, Any], error: str
) -> None:
    row = speak_one(make_synthesizer(engine, embedded, max_text_chars=100), **values)
    assert row["status"] == "rejected"
    assert (row["audio"], row["duration_s"], row["finish_reason"]) == (None, None, None)
    assert re.match(error, row["error"])
    assert not engine.requests


@pytest.mark.parametrize(
    ("value", "seed"),
    [(None, 42), ("", 42), (" ", 42), (7, 7), (-7, -7), (7.0, 7), ("7", 7), ("7.0", 7), (" -7 ", -7), (2**63 - 1, 2**63 - 1)],
)
def test_a_row_has_its_own_seed_or_that_of_the_job(engine: EchoEngine, embedded: Bundle, value: Any, seed: int) -> None:
    row = speak_one(make_synthesizer(engine, embedded, seed=42), seed=value)
    assert (row["status"], row["seed"], engine.requests[0].seed) == ("ok", seed, seed)


@pytest.mark.parametrize(("value", "voice"), [(None, "anna"), ("", "anna"), ("ben", "ben")])
def test_a_row_has_its_own_voice_or_that_of_the_job(engine: EchoEngine, embedded: Bundle, value: Any, voice: str) -> None:
    row = speak_one(make_synthesizer(engine, embedded, voice="anna"), voice=value)
    assert (row["voice"], engine.requests[0].voice) == (voice, voice)


@pytest.mark.parametrize("speed", [None, "", 1, 1.0, "1", "1.0"])
def test_the_normal_speed_can_be_asked_for(synthesizer: Synthesizer, speed: Any) -> None:
    assert speak_one(synthesizer, speed=speed)["status"] == "ok"


def test_the_options_of_the_job_reach_the_model(engine: EchoEngine, embedded: Bundle) -> None:
    speak_one(make_synthesizer(engine, embedded, options={"temperature": 0.5}))
    assert engine.requests[0].options == {"temperature": 0.5}


def test_the_text_may_be_in_another_column(engine: EchoEngine, embedded: Bundle) -> None:
    config = SynthesisConfig(text_column="sentence")
    (row,) = Synthesizer(engine, embedded, config)([InputRow("a", {"sentence": "hello"})])  # type: ignore[arg-type]
    assert (row["text"], row["status"]) == ("hello", "ok")
    assert config.input_columns == ("sentence", "voice", "seed", "speed", "language")
    assert SynthesisConfig(normalise="model").input_columns == ("text", "voice", "seed", "speed")


class Reader:
    """Reads £20 in the language it is asked to, and cannot read Cyrillic."""

    made: list[tuple[str, bool]] = []  # noqa: RUF012 - of one test

    def __init__(self, language: str, *, markup: bool, voice: str, is_read: bool) -> None:
        assert not is_read
        del voice
        Normaliser(language)
        self.language = language
        self.made.append((language, markup))

    def __call__(self, text: str) -> Spoken:
        if "ж" in text:
            raise RequestError("its letters are Cyrillic")
        start = text.find("£20")
        edited = Edited(
            text, [Edit(start, start + 3, f"twenty pounds in the old money ({self.language})")] if start >= 0 else []
        )
        note = "an emoji was left out" if "😀" in text else None
        return Spoken(edited, edited, "en", note)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> type[Reader]:
    monkeypatch.setattr("actors.synthesizer.Normaliser", Reader)
    monkeypatch.setattr(Reader, "made", [])
    return Reader


class TestReading:
    """Texts are read as a person would before a model gets them."""

    def test_the_model_gets_what_is_said_and_its_sentences(
        self, engine: EchoEngine, embedded: Bundle, reader: type[Reader]
    ) -> None:
        row = speak_one(make_synthesizer(engine, embedded), text="It cost £20. Really?")
        (request,) = engine.requests
        assert request.text == row["spoken_text"] == "It cost twenty pounds in the old money (en). Really?"
        assert [(sentence.spoken, sentence.written) for sentence in request.sentences or ()] == [
            ("It cost twenty pounds in the old money (en).", "It cost £20."),
            ("Really?", "Really?"),
        ]
        assert (row["text"], row["status"]) == ("It cost £20. Really?", "ok")
        assert reader.made == [("en", True)]

    @pytest.mark.usefixtures("reader")
    def test_chunks_hold_what_was_written_and_times_are_judged_by_what_was_said(self, embedded: Bundle) -> None:
        class Speaker(EchoEngine):
            def submit(self, request: SynthesisRequest) -> Future[SynthesisResult]:
                future = super().submit(request)
                chunks = (TextChunk(request.text or "", 0.0, 9.0, written="£20"),)
                future = Future()
                future.set_result(SynthesisResult(request.id, np.full(72_000, 0.5, np.float32), 8000, 1, "eos", chunks))
                return future

        row = speak_one(make_synthesizer(Speaker(), embedded), text="£20")
        assert [chunk["text"] for chunk in row["chunks"]] == ["£20"]
        assert (row["finish_reason"], row["error"]) == ("eos", None)
        row = speak_one(make_synthesizer(Speaker(), embedded), text="20")
        assert row["finish_reason"] == "suspicious"
        assert "9.0 s for 2 characters ('20')" in row["error"]

    @pytest.mark.usefixtures("reader")
    def test_what_is_left_out_is_said_of_a_row_that_is_ok(self, engine: EchoEngine, embedded: Bundle) -> None:
        row = speak_one(make_synthesizer(engine, embedded, mastering=Mastering(loudness_lufs=-5)), text="Well done 😀 so far")
        assert row["status"] == "ok"
        assert re.match("an emoji was left out; .* its peaks above -1 dBFS", row["error"])

    @pytest.mark.usefixtures("reader")
    def test_what_cannot_be_read_is_rejected(self, engine: EchoEngine, embedded: Bundle) -> None:
        row = speak_one(make_synthesizer(engine, embedded), text="жж")
        assert (row["status"], row["error"], row["spoken_text"]) == ("rejected", "its letters are Cyrillic", None)
        assert not engine.requests

    def test_with_the_models_own_front_end_nothing_is_read(
        self, engine: EchoEngine, embedded: Bundle, reader: type[Reader]
    ) -> None:
        row = speak_one(make_synthesizer(engine, embedded, normalise="model"), text="It cost £20.", language="!")
        assert (row["status"], row["text"], row["spoken_text"]) == ("ok", "It cost £20.", None)
        assert [(request.text, request.sentences) for request in engine.requests] == [("It cost £20.", None)]
        assert reader.made == []

    def test_what_has_been_read_is_said_as_it_stands(self, engine: EchoEngine, embedded: Bundle) -> None:
        synthesizer = make_synthesizer(engine, embedded, normalise="done")
        text = "It cost £20 &amp; <b>10</b> **more**. Mr. 5 left."
        row = speak_one(synthesizer, text=text, language="en")
        assert (row["status"], row["text"], row["spoken_text"]) == ("ok", text, text)
        assert [sentence.spoken for sentence in engine.requests[0].sentences or ()] == [text[:37], text[38:]]
        row = speak_one(synthesizer, text="Привет, как дела?", language="en")
        assert (row["status"], "Cyrillic" in row["error"]) == ("rejected", True)
        row = speak_one(synthesizer, text="Hello.", language="!")
        assert (row["status"], row["error"][:18]) == ("rejected", "column 'language':")
        assert SynthesisConfig(normalise="done").input_columns == SynthesisConfig().input_columns

    @pytest.mark.parametrize(
        ("column", "config", "voice", "language"),
        [
            ("fr", {"language": "es"}, "de-Spk0_man", "fr"),
            (" \t", {"language": "es"}, "de-Spk0_man", "es"),
            (None, {}, "de-Spk0_man", "de"),
            (None, {}, "jp-Spk0_man", "ja"),
            (None, {"voice": "kr-Spk1_man"}, None, "ko"),
            (None, {}, "anna", "en"),
            ("pt-BR", {}, "anna", "pt-BR"),
        ],
    )
    def test_the_language_is_that_of_the_row_or_of_the_job_or_of_the_voice(
        self,
        engine: EchoEngine,
        embedded: Bundle,
        reader: type[Reader],
        column: str | None,
        config: Any,
        voice: Any,
        language: str,
    ) -> None:
        manifest = embedded.manifest.model_copy(update={"family": "vibevoice-realtime"})
        synthesizer = make_synthesizer(engine, replace(embedded, manifest=manifest), markup=False, **config)
        row = speak_one(synthesizer, text="£20", language=column, voice=voice)
        assert row["spoken_text"] == f"twenty pounds in the old money ({language})"
        assert reader.made == [(language, False)]

    @pytest.mark.parametrize(
        ("config", "column", "error"),
        [
            (
                {},
                "ru",
                "10 of 10 letters are of a script that texts in 'en' are not written in (Cyrillic): give the language of",
            ),
            ({"language": "ru"}, None, None),  # who says so knows the voice
            ({}, "rus", "10 of 10 letters"),
        ],
    )
    def test_letters_that_the_voice_cannot_speak_are_rejected_whatever_the_text_s_language(
        self, engine: EchoEngine, embedded: Bundle, config: Any, column: str | None, error: str | None
    ) -> None:
        row = speak_one(make_synthesizer(engine, embedded, **config), text="Здравствуй!", language=column)
        assert row["status"] == ("rejected" if error else "ok")
        assert (row["error"] or "").startswith(error or "")

    @pytest.mark.parametrize("text", ['<p>Hello.</p><img src="data:image/png;base64,{}">', "[Hello](https://example.org/{})."])
    def test_data_that_nobody_sees_is_no_reason_to_reject_a_text(self, engine: EchoEngine, embedded: Bundle, text: str) -> None:
        text = text.format("0a1B2c" * 400)
        assert speak_one(make_synthesizer(engine, embedded), text=text)["status"] == "ok"
        row = speak_one(make_synthesizer(engine, embedded, markup=False), text=text)
        assert (row["status"], "are no words" in (row["error"] or "")) == ("rejected", True)

    def test_a_reader_is_made_once_for_a_language(self, engine: EchoEngine, embedded: Bundle, reader: type[Reader]) -> None:
        rows = [InputRow(str(i), {"text": "£20", "language": ("en", "de", None)[i % 3]}) for i in range(9)]
        make_synthesizer(engine, embedded)(rows)
        assert reader.made == [("en", True), ("de", True)]

    def test_sentences_are_spoken_with_their_pauses(self, real: Synthesizer, embedded: Bundle) -> None:
        pauses = {"pause_s": 0.25, "paragraph_pause_s": 0.75}
        synthesizer = make_synthesizer(real._engine, embedded, options=pauses)
        text = "The “old” mill turns slowly in the wind. It is older than all of us here.\n\nNobody remembers who had built it."
        row = speak_one(synthesizer, text=text)
        assert [chunk["text"] for chunk in row["chunks"]] == [
            "The “old” mill turns slowly in the wind.",
            "It is older than all of us here.",
            "Nobody remembers who had built it.",
        ]
        ends, starts = [chunk["end_s"] for chunk in row["chunks"]], [chunk["start_s"] for chunk in row["chunks"]]
        assert [start - end for start, end in zip(starts[1:], ends, strict=False)] == pytest.approx([0.25, 0.75])


def test_a_row_that_could_not_be_read_is_rejected_with_that_reason(synthesizer: Synthesizer) -> None:
    (row,) = synthesizer([InputRow("a", {"text": None}, "line 3 is not JSON")])
    assert (row["id"], row["status"], row["error"]) == ("a", "rejected", "line 3 is not JSON")


def test_speech_without_a_sound_is_a_failure(synthesizer: Synthesizer) -> None:
    row = speak_one(synthesizer, text="mute")
    assert (row["status"], row["audio"]) == ("failed", None)
    assert "try another seed" in row["error"]


def test_speech_that_is_cut_at_the_longest_length_says_how_far_it_got(real: Synthesizer, embedded: Bundle) -> None:
    synthesizer = make_synthesizer(real._engine, embedded, options={"max_new_tokens": 20})
    row = speak_one(synthesizer, text="This sentence is far too long for that. And the second one is too, of course. Hm.")
    assert (row["status"], row["finish_reason"], len(row["chunks"])) == ("ok", "length", 2)
    assert re.match(
        r"2 of 2 chunks reached the longest length before their end, the first of them, chunk 1, after 1\.2 s for 39 "
        r"characters \('this sentence is far too long for that\.'\), 1\.2 s into the audio",
        row["error"],
    )


@pytest.mark.parametrize(
    ("text", "seconds", "error"),
    [
        (
            "Hello there.",
            20.0,
            r"chunk 1 of 1 took 20\.0 s for 12 characters \('Hello there\.'\): 0\.0 to 6\.\d s were expected",
        ),
        (
            "The old man sat on the bench in front of his house.",
            0.2,
            r"chunk 1 of 1 took 0\.2 s .* 1\.0 to 13\.\d s were expected",
        ),
        ("checksum " + "0a1b" * 16, 30.0, r"the text has a word of 64 characters \('0a1b.*\u2026'\), which was spelled or cut"),
    ],
)
def test_speech_that_cannot_be_that_of_its_text_is_suspicious(embedded: Bundle, text: str, seconds: float, error: str) -> None:
    class Slow(EchoEngine):
        def submit(self, request: SynthesisRequest) -> Future[SynthesisResult]:
            audio = np.full(round(seconds * 8000), 0.5, np.float32)
            future: Future[SynthesisResult] = Future()
            future.set_result(SynthesisResult(request.id, audio, 8000, 1, "eos", (TextChunk(text, 0.0, seconds),)))
            return future

    row = speak_one(make_synthesizer(Slow(), embedded), text=text)
    assert (row["status"], row["finish_reason"], row["duration_s"]) == ("ok", "suspicious", seconds)
    assert re.match(error, row["error"])


@pytest.mark.parametrize("text", ["x" * 2001, "=" * 2100, "data:image/png;base64," + "aGVsbG8gd29ybGQ" * 200, "0a1b2c" * 400])
def test_data_is_no_text(engine: EchoEngine, embedded: Bundle, text: str) -> None:
    row = speak_one(make_synthesizer(engine, embedded, normalise="model"), text=f"Look: {text}")
    assert row["status"] == "rejected"
    assert re.match(r"\d+ characters of the text are no words, such as .*: take out encoded data", row["error"])


def test_long_lists_without_spaces_are_spoken_to_their_end(real: Synthesizer) -> None:
    text = "one,two,three," * 12
    row = speak_one(real, text=text)
    assert (row["status"], row["error"], row["finish_reason"]) == ("ok", None, "eos")
    assert "".join("".join(chunk["text"] for chunk in row["chunks"]).split())[:-1] == text[:-1]
    assert row["duration_s"] < 25


def test_audio_is_mastered_and_chunks_keep_their_places(embedded: Bundle) -> None:
    class Padded(EchoEngine):
        def submit(self, request: SynthesisRequest) -> Future[SynthesisResult]:
            audio = np.zeros(32_000, np.float32)
            audio[8_000:16_000] = audio[20_000:24_000] = 0.01
            chunks = (TextChunk("one", 0.0, 2.0), TextChunk("two", 2.5, 4.0))
            future: Future[SynthesisResult] = Future()
            future.set_result(SynthesisResult(request.id, audio, 8_000, 1, "eos", chunks))
            return future

    row = speak_one(make_synthesizer(Padded(), embedded, mastering=Mastering(True, 24_000, peak_dbfs=-6)))
    samples, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]))
    assert (row["sampling_rate"], rate) == (24_000, 24_000)
    assert np.abs(samples).max() == pytest.approx(10 ** (-6 / 20), abs=1e-4)
    assert len(samples) / rate == row["duration_s"] == pytest.approx(2.1, abs=0.001)
    assert row["chunks"] == [
        {"text": "one", "start_s": 0.0, "end_s": pytest.approx(1.05)},
        {"text": "two", "start_s": pytest.approx(1.55), "end_s": row["duration_s"]},
    ]


def test_what_mastering_cannot_do_is_said(engine: EchoEngine, embedded: Bundle) -> None:
    row = speak_one(make_synthesizer(engine, embedded, mastering=Mastering(loudness_lufs=-5)), text="x" * 10)
    assert (row["status"], row["finish_reason"]) == ("ok", "eos")
    assert "more would take its peaks above -1 dBFS" in row["error"]


@pytest.mark.parametrize(
    ("audio_format", "wanted", "rate"),
    [
        ("flac", 22_050, 22_050),
        ("opus", None, 8_000),
        ("opus", 22_050, 24_000),
        ("opus", 44_100, 48_000),
        ("mp3", 44_100, 44_100),
    ],
)
def test_the_sampling_rate_is_that_of_the_file(
    engine: EchoEngine, embedded: Bundle, audio_format: Any, wanted: int | None, rate: int
) -> None:
    synthesizer = make_synthesizer(engine, embedded, format=audio_format, mastering=Mastering(sample_rate=wanted))
    row = speak_one(synthesizer, text="x " * 4000)
    assert (row["sampling_rate"], soundfile.info(io.BytesIO(row["audio"]["bytes"])).samplerate) == (rate, rate)
    assert row["duration_s"] == pytest.approx(1, abs=1e-3)


def test_results_come_in_the_order_of_the_rows(synthesizer: Synthesizer) -> None:
    rows = [InputRow(f"row {i}", {"text": None if i % 3 == 0 else "x" * (50 - i)}) for i in range(50)]
    results = synthesizer(rows)
    assert [row["id"] for row in results] == [row.id for row in rows]
    assert [row["status"] for row in results] == ["rejected" if i % 3 == 0 else "ok" for i in range(50)]


@pytest.mark.parametrize(
    ("row_id", "name"),
    [("row 1", r"row 1\.flac"), ("日本", r"日本\.flac"), ("a/b", r"a_b~\w{12}\.flac"), ("", r"row~\w{12}\.flac")],
)
def test_audio_is_named_after_its_row(synthesizer: Synthesizer, row_id: str, name: str) -> None:
    (row,) = synthesizer([InputRow(row_id, {"text": "hello"})])
    assert row["id"] == row_id
    assert re.fullmatch(name, row["audio"]["path"])


def test_closing_closes_the_engine(synthesizer: Synthesizer, engine: EchoEngine) -> None:
    synthesizer.close()
    assert engine.closed


def test_a_row_alone_is_the_row_among_others_of_several_callers(real: Synthesizer) -> None:
    texts = ["One.", "Two is somewhat longer than one.", "Three.", "Four and five. And six, too.", "Seven."]
    rows = [InputRow(f"row {i}", {"text": text}) for i, text in enumerate(texts)]
    alone = [real([row])[0] for row in rows]
    together: dict[int, list[dict[str, Any]]] = {}

    def speak(caller: int) -> None:
        together[caller] = real(rows)

    callers = [threading.Thread(target=speak, args=(caller,)) for caller in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert {row["status"] for row in alone} == {"ok"}
    assert together == {0: alone, 1: alone}


@pytest.mark.parametrize("where", ["_logits", "_hidden"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_step_that_is_not_finite_fails_its_row_and_no_other(
    real: Synthesizer, monkeypatch: pytest.MonkeyPatch, where: str, value: float
) -> None:
    rows = [InputRow(f"row {i}", {"text": text}) for i, text in enumerate(["One.", "Two is longer.", "Three."])]
    model = real._engine.model
    choose = model._choose

    def poisoned(utterances: Any, slots: slice) -> None:
        for slot, row in zip(range(slots.start, slots.stop), utterances, strict=True):
            if row and row.request.id == "row 1" and len(row.tokens) == 4:
                getattr(model, where)[slot, 7] = value
        choose(utterances, slots)

    expected = real(rows)
    with monkeypatch.context() as patch:
        patch.setattr(model, "_choose", poisoned)
        first, broken, last = real(rows)
    assert [first, last] == [expected[0], expected[2]]
    assert (broken["status"], broken["audio"], broken["finish_reason"]) == ("failed", None, None)
    assert "NaN or infinite at step 5 of chunk 1" in broken["error"]
    assert real(rows) == expected


def test_audio_that_is_not_finite_fails_its_row_and_no_other(real: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = real._engine.model._decoder

    class BrokenDecoder:
        def run(self, outputs: Any, feeds: Any) -> list[np.ndarray]:
            (audio,) = decoder.run(outputs, feeds)
            audio[0, 100] = np.nan if audio.size > 16_000 else audio[0, 100]
            return [audio]

    monkeypatch.setattr(real._engine.model, "_decoder", BrokenDecoder())
    rows = real([InputRow("a", {"text": "One."}), InputRow("b", {"text": "Two, three, four, five and six."})])
    assert [row["status"] for row in rows] == ["ok", "failed"]
    assert "audio is NaN or infinite at sample 100 of chunk 1" in rows[1]["error"]


def test_the_engine_s_counters_are_those_of_the_worker(real: Synthesizer) -> None:
    before = real.stats.utterances
    speak_one(real)
    assert real.stats.utterances == before + 1
    assert 0 < real.stats.occupancy <= 1


def test_opening_a_config_gives_a_worker_on_the_bundle(embedded: Bundle) -> None:
    synthesizer = SynthesisConfig(slots=2).open(embedded, "cpu", 1)
    assert speak_one(synthesizer, text=" ")["model"] == embedded.reference
    synthesizer.close()


def test_an_engine_that_broke_raises_for_the_whole_batch(embedded: Bundle) -> None:
    class BrokenModel:
        slots, compacts = 1, False

        def prepare(self, *_: object) -> list[Any]:
            return [type("Utterance", (), {"cost": 1, "done": False})()]

        def prefill(self, *_: object) -> None:
            raise MemoryError("no room for this prompt")

    with Engine(BrokenModel()) as engine, pytest.raises(MemoryError, match="no room"):  # type: ignore[arg-type]
        make_synthesizer(engine, embedded)([InputRow("a", {"text": "hello"})])


def test_an_engine_that_was_closed_fails_no_row(embedded: Bundle) -> None:
    worker = SynthesisConfig().open(embedded, "cpu", 1)
    worker.close()  # the job was interrupted: a row that is written as failed then would never be done
    with pytest.raises(EngineClosedError):
        worker([InputRow("a", {"text": "hello"})])


class TestSeedByText:
    TEXTS = ("The mill turns slowly.", "It rains.", "The mill turns slowly.")
    RANDOM: ClassVar[dict[str, Any]] = {"temperature": 1.5}

    @staticmethod
    def sounds(synthesizer: Synthesizer, *rows: InputRow) -> list[bytes]:
        return [row["audio"]["bytes"] for row in synthesizer(rows)]

    def test_equal_texts_sound_the_same_whatever_their_ids_batches_and_slots(self, embedded: Bundle) -> None:
        config = SynthesisConfig(slots=3, format="wav", seed_by="text", options=self.RANDOM)
        speak, narrow = config.open(embedded, "cpu", 1), replace(config, slots=1).open(embedded, "cpu", 1)
        try:
            first, other, again = self.sounds(speak, *(InputRow(str(i), {"text": text}) for i, text in enumerate(self.TEXTS)))
            assert first == again != other
            assert self.sounds(narrow, InputRow("elsewhere", {"text": self.TEXTS[0]})) == [first]
            reseeded, named = self.sounds(
                speak,
                InputRow("0", {"text": self.TEXTS[0], "seed": 1}),
                InputRow("0", {"text": self.TEXTS[0], "voice": next(iter(embedded.manifest.voices), None), "language": "en"}),
            )
            assert reseeded != first == named
        finally:
            speak.close()
            narrow.close()

    def test_by_default_they_do_not_and_files_are_named_by_the_row(self, real: Synthesizer, embedded: Bundle) -> None:
        synthesizer = make_synthesizer(real._engine, embedded, options=self.RANDOM)
        first, _, again = self.sounds(synthesizer, *(InputRow(str(i), {"text": text}) for i, text in enumerate(self.TEXTS)))
        assert first != again
        for seed_by in ("id", "text"):
            row = speak_one(make_synthesizer(EchoEngine(), embedded, seed_by=seed_by))
            assert (row["id"], row["audio"]["path"]) == ("a", "a.flac")

    def test_with_the_ids_a_request_is_named_by_its_row_alone(self, embedded: Bundle) -> None:
        names = {}
        for seed_by in ("id", "text"):
            engine = EchoEngine()
            make_synthesizer(engine, embedded, seed_by=seed_by)(
                [InputRow(str(i), {"text": text}) for i, text in enumerate(("a", "b", "a"))]
            )
            names[seed_by] = [request.id for request in engine.requests]
        assert names["id"] == ["0", "1", "2"]
        assert names["text"][0] == names["text"][2] != names["text"][1]


class TestContent:
    @staticmethod
    def content(config: SynthesisConfig, row_id: str = "a", **values: Any) -> Any:
        return config.content_of(InputRow(row_id, {config.text_column: "hello", **values}))

    def test_it_is_what_is_spoken_wherever_that_is_said(self) -> None:
        config = SynthesisConfig(seed_by="text")
        plain = self.content(config)
        assert plain == self.content(config, "b", voice="", seed="0", speed="1.0")
        assert plain == self.content(replace(config, slots=2, text_column="said"))
        anna = self.content(config, voice="anna", seed=7, language="de")
        assert anna == self.content(replace(config, voice="anna", seed=7, language="de"))
        assert anna == self.content(replace(config, voice="ben", seed=1, language="fr"), voice="anna", seed=7.0, language="de")

    @pytest.mark.parametrize(
        "change",
        [
            {"seed": 1},
            {"voice": "anna"},
            {"language": "de"},
            {"format": "wav"},
            {"mastering": Mastering(trim_silence=True)},
            {"options": {"temperature": 0.5}},
            {"markup": False},
            {"normalise": "model"},
            {"seed_by": "id"},
        ],
    )
    def test_each_setting_that_decides_makes_another(self, change: dict[str, Any]) -> None:
        config = SynthesisConfig(seed_by="text")
        assert self.content(config) != self.content(replace(config, **change))

    def test_the_id_is_part_of_it_only_where_it_decides(self) -> None:
        assert self.content(SynthesisConfig()) != self.content(SynthesisConfig(), "b")

    @pytest.mark.parametrize("values", [{"text": None}, {"text": 3}, {"seed": "many"}, {"speed": 2}, {"speed": float("nan")}])
    def test_rows_that_will_be_rejected_have_none(self, values: dict[str, Any]) -> None:
        assert self.content(SynthesisConfig(seed_by="text"), **values) is None
        assert SynthesisConfig().content_of(InputRow("a", {"text": "hello"}, "line 3 is not JSON")) is None

    def test_a_row_takes_what_was_made_of_another(self, synthesizer: Synthesizer) -> None:
        config = SynthesisConfig(seed_by="text")
        made, expected = synthesizer([InputRow("a", {"text": "hello"}), InputRow("b/c", {"text": "hello"})])
        assert config.adopt(made, InputRow("b/c", {"text": "hello"}), expected["model"]) == expected
        assert made["id"] == "a"
