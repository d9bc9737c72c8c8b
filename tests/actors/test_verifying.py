import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.batching import EngineStats
from actors.bundle import Bundle, load_bundle
from actors.deciding import deciding_arguments
from actors.errors import EngineClosedError, NotFiniteError, RequestError, UsageError
from actors.requests import SynthesisRequest, SynthesisResult, TextChunk, TranscriptionRequest, TranscriptionResult
from actors.rows import InputRow
from actors.synthesizer import SynthesisConfig
from actors.takes import take_seed
from actors.verifying import VERIFIED_COLUMNS, VerifyingConfig, VerifyingSynthesizer

EMBEDDED = Path(__file__).parents[2] / "embedded"
TEXT = "one two three four five six seven eight nine ten"

Heard = str | None | Exception


def done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    if isinstance(value, Exception):
        future.set_exception(value)
    else:
        future.set_result(value)
    return future


class FakeVoice:
    """Speaks samples whose value says which take they are of; keeps the requests."""

    def __init__(self) -> None:
        self.stats = EngineStats()
        self.requests: list[SynthesisRequest] = []
        self.closed = False
        self.results: Callable[[int], Any] = lambda _: None  # of a take, in the place of speech
        self.changes = True

    def submit(self, request: SynthesisRequest) -> Future[SynthesisResult]:
        if self.closed:
            raise EngineClosedError("closed")
        seeds = [request_of.seed for request_of in self.requests if request_of.id == request.id]
        number = len(seeds)
        self.requests.append(request)
        instead = self.results(number)
        if isinstance(instead, Exception):
            return done(instead)
        seconds = 3.0 if instead is None else instead
        audio = np.full(int(8_000 * seconds), (number if self.changes else 0) / 10 + 0.1, np.float32)
        chunks = (TextChunk(request.text or "", 0.0, seconds),)
        return done(SynthesisResult(request.id, audio, 8_000, 1, "eos", chunks))

    def close(self) -> None:
        self.closed = True


class FakeEar:
    """Hears of each take what it is told to; ``None`` is silence."""

    def __init__(self, *heard: Heard) -> None:
        self.heard = heard
        self.count = 0
        self.closed = False

    def submit(self, request: TranscriptionRequest) -> Future[TranscriptionResult]:
        if not len(request.audio):
            raise RequestError("the audio has no samples")
        assert request.audio.dtype == np.float32
        self.count += 1
        heard = self.heard[round(float(np.median(request.audio)) * 10) - 1]
        if isinstance(heard, Exception):
            return done(heard)
        ended = "eos" if heard else "silence"
        return done(TranscriptionResult(request.id, heard or "", (), 3.0, 1, ended, 1.0, ()))

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def voice_bundle() -> Bundle:
    return load_bundle(EMBEDDED / "voice")


@pytest.fixture(scope="module")
def ear_bundle() -> Bundle:
    return load_bundle(EMBEDDED / "ear")


@pytest.fixture
def make(voice_bundle: Bundle, ear_bundle: Bundle) -> Iterator[Callable[..., tuple[VerifyingSynthesizer, FakeVoice, FakeEar]]]:
    opened = []

    def make_worker(*heard: Heard, **settings: Any) -> tuple[VerifyingSynthesizer, FakeVoice, FakeEar]:
        config = VerifyingConfig(SynthesisConfig(seed=5, format="wav"), "ear@1", **settings)
        voice, ear = FakeVoice(), FakeEar(*heard)
        opened.append(VerifyingSynthesizer(voice, ear, voice_bundle, ear_bundle, config))  # type: ignore[arg-type]
        return opened[-1], voice, ear

    yield make_worker
    for worker in opened:
        worker.close()


def speak(worker: VerifyingSynthesizer, text: str = TEXT) -> dict[str, Any]:
    (row,) = worker([InputRow("a", {"text": text})])
    return row


def test_a_row_that_is_heard_as_it_was_written_is_spoken_once(make: Any) -> None:
    worker, voice, ear = make("One, two three four five six seven eight nine 10")
    row = speak(worker)
    assert list(row) == list(VERIFIED_COLUMNS)
    assert (row["status"], row["finish_reason"], row["error"]) == ("ok", "eos", None)
    assert (row["take"], row["word_error_rate"], row["longest_error_run"]) == (0, 0.0, 0)
    assert row["heard"] == "One, two three four five six seven eight nine 10"
    assert [request.seed for request in voice.requests] == [row["seed"]] == [5]
    assert ear.count == 1


def test_it_is_spoken_again_with_another_seed_until_it_is_right(make: Any) -> None:
    worker, voice, _ = make("one x y four five six seven eight nine ten", TEXT, "never asked")
    row = speak(worker)
    assert (row["take"], row["word_error_rate"], row["finish_reason"], row["seed"]) == (1, 0.0, "eos", 5)
    assert [request.seed for request in voice.requests] == [5, take_seed(5, 1)]
    assert "temperature" not in voice.requests[0].options
    assert voice.requests[1].options["temperature"] > 0  # the embedded voice has none: all its takes would be the same


def test_the_take_with_the_fewest_errors_wins_and_is_suspicious_if_it_is_not_good(make: Any) -> None:
    worker, _, _ = make(None, "one x y z five six seven eight nine ten", "a b c d e six seven eight nine ten")
    row = speak(worker)
    assert (row["status"], row["take"], row["finish_reason"]) == ("ok", 1, "suspicious")
    assert (row["word_error_rate"], row["longest_error_run"]) == (0.3, 3)
    assert row["error"] == "heard 'x y z' where it says 'two three four': 3 of 10 words differ after 3 takes"


@pytest.mark.parametrize(
    ("heard", "take"),
    [
        # As many errors: those that are not all in one place, then the earliest.
        (("x y z four five six seven eight nine ten", "x two y four z six seven eight nine ten", "no"), 1),
        (("x y z four five six seven eight nine ten", "one two three x y z seven eight nine ten", "no"), 0),
    ],
)
def test_ties(make: Any, heard: tuple[str, ...], take: int) -> None:
    assert speak(make(*heard)[0])["take"] == take


@pytest.mark.parametrize(
    ("text", "heard", "takes"),
    [
        ("Yes.", "yet", 1),  # one word says nothing
        ("Yes.", None, 2),
        ("Yes.", "yes I am here", 2),
        ("Go on.", "come in", 2),
        ("It rains today.", "it rained today", 1),
        (TEXT, "one x three four five six seven eight nine ten", 1),
        (TEXT, "one x three y five six seven eight nine ten", 2),
    ],
)
def test_short_rows_are_not_judged_by_one_word(make: Any, text: str, heard: Heard, takes: int) -> None:
    worker, voice, _ = make(heard, heard, takes=2)
    speak(worker, text)
    assert len(voice.requests) == takes


def test_a_long_row_is_judged_by_its_longest_run(make: Any) -> None:
    text = " ".join(["rain", "and", "wind"] * 40)
    worker, voice, _ = make(text.replace("rain and wind", "rain and x y z wind", 1), text)
    voice.results = lambda _: 30.0
    row = speak(worker, text)
    assert row["take"] == 1


def test_nothing_heard_is_said(make: Any) -> None:
    row = speak(make(None, takes=1)[0])
    assert (row["heard"], row["word_error_rate"], row["finish_reason"]) == (None, 1.0, "suspicious")
    assert row["error"] == "nothing was heard: 10 of 10 words differ after one take"


def test_speech_too_long_for_its_text_is_a_bad_take(make: Any) -> None:
    worker, voice, _ = make(TEXT, TEXT)
    voice.results = lambda number: None if number else 300.0
    row = speak(worker)
    assert (row["take"], row["finish_reason"], row["error"]) == (1, "eos", None)


def test_takes_that_sound_the_same_are_not_tried_again(make: Any) -> None:
    worker, voice, ear = make(None, None, None)
    voice.changes = False
    row = speak(worker)
    assert (len(voice.requests), ear.count, row["finish_reason"]) == (2, 1, "suspicious")


def test_a_take_without_sound_or_numbers_is_followed_by_another(make: Any) -> None:
    for first in (0.0, NotFiniteError("step 3 is not finite")):
        worker, voice, _ = make(TEXT, TEXT)
        voice.results = lambda number, first=first: None if number else first
        row = speak(worker)
        assert (row["status"], row["take"]) == ("ok", 1)


def test_a_row_that_never_is_finite_fails_alone(make: Any) -> None:
    worker, voice, _ = make()
    voice.results = lambda _: NotFiniteError("step 3 is not finite")
    row = speak(worker)
    assert (row["status"], row["error"], row["heard"]) == ("failed", "step 3 is not finite", None)


def test_an_ear_that_computes_no_numbers_has_heard_nothing(make: Any) -> None:
    row = speak(make(NotFiniteError("no number"), TEXT)[0])
    assert (row["take"], row["finish_reason"]) == (1, "eos")


def test_what_breaks_an_engine_is_raised(make: Any) -> None:
    worker, _, _ = make(ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        speak(worker)


def test_a_bad_row_is_rejected_and_its_neighbours_are_spoken(make: Any) -> None:
    worker, _, _ = make("hello there")
    rejected, fine = worker([InputRow("a", {"text": None}), InputRow("b", {"text": "Hello there."})])
    assert (rejected["status"], rejected["take"], fine["status"], fine["take"]) == ("rejected", None, "ok", 0)


def test_no_more_is_spoken_than_the_ear_can_soon_hear(make: Any) -> None:
    worker, voice, ear = make(TEXT, ear_slots=4)
    most, count = worker._most_waiting, 100
    hear, asked = ear.submit, []

    def hear_later(request: TranscriptionRequest) -> Future[Any]:
        asked.append((request, Future()))
        return asked[-1][1]

    ear.submit = hear_later
    with ThreadPoolExecutor(1) as threads:
        speaking = threads.submit(worker, [InputRow(f"{i}", {"text": TEXT}) for i in range(count)])
        try:
            for i in range(count):
                while i == len(asked):
                    time.sleep(0.001)
                assert len(voice.requests) <= i + most
                asked[i][1].set_result(hear(asked[i][0]).result())
            assert [row["id"] for row in speaking.result(10)] == [f"{i}" for i in range(count)]
        finally:
            worker.close()
            for _, future in asked:
                future.cancel()


def test_a_worker_that_is_closed_lets_nobody_wait(make: Any) -> None:
    worker, voice, ear = make(TEXT)
    never: Future[Any] = Future()
    voice.submit = lambda _: never
    ended: list[BaseException] = []

    def run() -> None:
        try:
            speak(worker)
        except EngineClosedError as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    worker.close()
    never.set_exception(EngineClosedError("closed"))  # as an engine does
    thread.join(5)
    assert ended
    assert voice.closed
    assert ear.closed


def test_what_decides_is_all_of_it() -> None:
    config = VerifyingConfig(SynthesisConfig(seed=7), "ear@1")
    told = deciding_arguments(config)
    assert told["speech"] == {"seed": 7, "options": {}}
    assert told.keys() == {"speech", "asr", "takes", "threshold", "longest_run", "ear_options"}
    assert config.revision != SynthesisConfig.revision
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 - our own
    assert list(config.blank_row(InputRow("a", {}), "m")) == list(VERIFIED_COLUMNS)


def test_rows_that_are_kept_are_those_of_the_same_verification() -> None:
    row, config = InputRow("a", {"text": "Hello."}), VerifyingConfig(SynthesisConfig(), "ear@1")
    contents = [
        config.content_of(row),
        config.speech.content_of(row),
        replace(config, asr="ear@2").content_of(row),
        replace(config, takes=2).content_of(row),
        replace(config, speech=SynthesisConfig(seed=1)).content_of(row),
    ]
    assert all(content not in contents[:index] for index, content in enumerate(contents))
    assert replace(config, ear_slots=1).content_of(row) == contents[0]
    assert config.content_of(InputRow("a", {"text": None})) is None


def test_an_ear_is_needed(voice_bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="a model that hears"):
        VerifyingConfig(SynthesisConfig(), "ear@1").open(voice_bundle, "cpu", 1)


def test_the_models_that_ship(voice_bundle: Bundle, ear_bundle: Bundle) -> None:
    """Take 0 is what the voice alone makes, alone and among others."""
    texts = ["Please do not feed the birds.", "It rained all night.", "Children under twelve do not pay.", "Good morning."]
    rows = [InputRow(f"r{i}", {"text": text}) for i, text in enumerate(texts)]
    speech = SynthesisConfig(slots=3)
    plain = speech.open(voice_bundle, "cpu", 1)
    worker = VerifyingConfig(speech, ear_bundle.reference, takes=2).open(voice_bundle, "cpu", 1, ear_bundle)
    try:
        spoken, verified = plain(rows), worker(rows)
        again = [worker([row])[0] for row in reversed(rows)][::-1]
    finally:
        plain.close()
        worker.close()
    assert verified == again
    firsts = [(one, other) for one, other in zip(spoken, verified, strict=True) if other["take"] == 0]
    assert len(firsts) >= 2
    assert all(one["audio"] == other["audio"] for one, other in firsts)
    assert verified[1]["heard"].lower().startswith("it rained all")
