"""Parity with transformers, alone and in a batch; languages, windows, fallback, words."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors import Engine, TranscriptionRequest, open_model
from actors.bundle import Bundle, Precision
from actors.errors import NotFiniteError, RequestError
from actors.requests import TranscriptionResult

WhisperEngine = Engine[TranscriptionRequest, Any, TranscriptionResult]

RATE = 16_000
# The oracle's answers are greedy, and random weights are always doubtful.
GREEDY = {
    "language": "en",
    "vad": False,
    "temperatures": (0.0,),
    "no_speech_threshold": None,
    "max_new_tokens": 48,
}
ANSWERS = [f"{kind}{row}" for kind in ("plain", "timed") for row in range(3)]


@pytest.fixture(scope="module")
def engine(whisper_bundle: Callable[[Precision], Bundle]) -> Iterator[WhisperEngine]:
    with open_model(whisper_bundle("fp32"), threads=1, slots=4) as opened:
        yield opened


@pytest.fixture(scope="module")
def requests(whisper_recordings: list[np.ndarray]) -> list[TranscriptionRequest]:
    """Those of :data:`ANSWERS`."""
    return [
        TranscriptionRequest(name, whisper_recordings[int(name[-1])], options={**GREEDY, "timestamps": name.startswith("timed")})
        for name in ANSWERS
    ]


def with_options(request: TranscriptionRequest, **options: Any) -> TranscriptionRequest:
    return replace(request, options={**request.options, **options})


def tokens_of(result: TranscriptionResult) -> list[int]:
    assert result.trace is not None
    tokens: list[int] = result.trace["tokens"].tolist()
    return tokens


def assert_same(one: TranscriptionResult, other: TranscriptionResult) -> None:
    """Equal to the last bit."""
    assert replace(one, trace=None) == replace(other, trace=None)
    assert one.trace is not None
    assert other.trace is not None
    for name, array in one.trace.items():
        np.testing.assert_array_equal(array, other.trace[name], err_msg=name)


# --- transformers' answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
def test_tokens_are_those_of_transformers(
    engine: WhisperEngine, requests: list[TranscriptionRequest], whisper_oracle: Mapping[str, Any], together: bool
) -> None:
    batches = [requests] if together else [[request] for request in requests]
    results = [result for batch in batches for result in engine.generate(batch, trace=True)]
    for name, result in zip(ANSWERS, results, strict=True):
        expected = whisper_oracle["tokens"][name]
        assert tokens_of(result)[: len(expected)] == expected, name
        assert result.finish_reason == ("length" if len(expected) == 48 else "eos")
        assert result.language == "en"


def test_logits_are_those_of_transformers(
    engine: WhisperEngine, requests: list[TranscriptionRequest], whisper_oracle: Mapping[str, Any]
) -> None:
    for row, result in enumerate(engine.generate(requests[:3], trace=True)):
        assert result.trace is not None
        expected = whisper_oracle[f"logits_{row}"]
        np.testing.assert_allclose(result.trace["logits"][::4, ::4], expected, atol=2e-4)


def test_a_translation_and_a_context_are_those_of_transformers(
    engine: WhisperEngine, requests: list[TranscriptionRequest], whisper_oracle: Mapping[str, Any]
) -> None:
    translated = with_options(requests[0], language="de", task="translate", max_new_tokens=12)
    told = replace(with_options(requests[1], max_new_tokens=24), context=" all the others ")
    first, second = engine.generate([translated, told], trace=True)
    assert tokens_of(first) == whisper_oracle["translate"] != whisper_oracle["tokens"]["plain0"][:12]
    assert tokens_of(second) == whisper_oracle["context"] != whisper_oracle["tokens"]["plain1"][:24]
    assert (first.language, second.language) == ("de", "en")


def test_the_language_is_the_one_that_transformers_detects(
    engine: WhisperEngine, requests: list[TranscriptionRequest], whisper_oracle: Mapping[str, Any]
) -> None:
    asked = [with_options(request, language=None, max_new_tokens=1) for request in requests[:3]]
    together = engine.generate(asked)
    alone = [engine.generate([request])[0] for request in asked]
    assert [result.language for result in together] == [result.language for result in alone] == whisper_oracle["detected"]


def test_how_probable_languages_are_is_what_transformers_says(
    engine: WhisperEngine, requests: list[TranscriptionRequest], whisper_oracle: Mapping[str, Any]
) -> None:
    for request, expected in zip(requests, whisper_oracle["language_probs"], strict=False):
        (utterance,) = engine.model.prepare(with_options(request, language=None), False)
        engine.model._hear(utterance, 0)
        engine.model._language(utterance, 0)
        logits = engine.model._logits[0, sorted(engine.model.settings.languages.values())].astype(np.float64)
        weights = np.exp(logits - logits.max())
        np.testing.assert_allclose(weights / weights.sum(), expected, atol=1e-4)


def test_words_and_their_times_are_those_of_transformers(
    engine: WhisperEngine, requests: list[TranscriptionRequest], whisper_oracle: Mapping[str, Any]
) -> None:
    asked = [with_options(request, word_times=True) for request in requests]
    for name, result in zip(ANSWERS, engine.generate(asked), strict=True):
        expected = whisper_oracle["words"][name]
        assert [word.text for word in result.words] == [text.strip() for text, _, _ in expected]
        times = [(word.start, word.end) for word in result.words]
        np.testing.assert_allclose(times, [times for _, *times in expected], atol=0.0201)
        edges = np.array(times).ravel()
        assert (np.diff(edges) >= 0).all()
        assert 0 <= edges[0] <= edges[-1] <= result.duration_s
        assert all(word.probability is not None and 0 < word.probability <= 1 for word in result.words)


# --- bits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fallback", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_row_alone_has_the_same_bits_as_among_others(
    whisper_bundle: Callable[[Precision], Bundle],
    requests: list[TranscriptionRequest],
    precision: Precision,
    fallback: bool,
) -> None:
    bundle = whisper_bundle(precision)
    drawn = {"temperatures": (0.0, 0.5, 1.0), "logprob_threshold": -0.05} if fallback else {}
    rows = [with_options(request, word_times=True, **drawn) for request in requests]
    with open_model(bundle, threads=1, slots=4) as wide, open_model(bundle, threads=1, slots=1) as narrow:
        together = wide.generate(rows, trace=True)
        for request, among_others in zip(rows, together, strict=True):
            for opened in (wide, narrow):
                (alone,) = opened.generate([request], trace=True)
                assert_same(alone, among_others)
