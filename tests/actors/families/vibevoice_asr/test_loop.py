"""Parity with transformers, alone and in a batch; prompts, loops and long recordings."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from actors import Engine, TranscriptionRequest, open_model
from actors.audio.codec import resample
from actors.bundle import Bundle, Precision
from actors.errors import RequestError
from actors.requests import TranscriptionResult
from cluster.registry import EMBEDDED_ASR, embedded_folder

AsrEngine = Engine[TranscriptionRequest, Any, TranscriptionResult]


@pytest.fixture(scope="module")
def engine(asr_bundle: Callable[[Precision], Bundle]) -> Iterator[AsrEngine]:
    with open_model(asr_bundle("fp32"), threads=1, slots=4) as opened:
        yield opened


@pytest.fixture(scope="module")
def ear() -> Iterator[AsrEngine]:
    with open_model(embedded_folder(EMBEDDED_ASR), threads=1, slots=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def requests(asr_oracle: Mapping[str, Any]) -> list[TranscriptionRequest]:
    options = {"max_new_tokens": 48}
    prompts = asr_oracle["prompts"]
    return [
        TranscriptionRequest(str(i), asr_oracle[f"wav{i}"], token_ids=prompt, options=options)
        for i, prompt in enumerate(prompts)
    ]


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(24_000 * seconds))).astype(np.float32)


def test_tokens_and_logits_are_those_of_transformers(
    engine: AsrEngine, requests: list[TranscriptionRequest], asr_oracle: Mapping[str, Any]
) -> None:
    for i, result in enumerate(engine.generate(requests, trace=True)):
        assert result.trace is not None
        assert result.trace["tokens"].tolist() == asr_oracle["tokens"][i].tolist()
        expected = asr_oracle["prefill_logits"][i]
        assert np.abs(result.trace["logits"][0] - expected).max() < 1e-4 * np.abs(expected).max()
        assert result.finish_reason == "length"


@pytest.mark.parametrize("precision", ["fp32", "int8", "int4"])
def test_a_row_alone_has_the_same_bits_as_among_others(
    asr_bundle: Callable[[Precision], Bundle], requests: list[TranscriptionRequest], precision: Precision
) -> None:
    bundle = asr_bundle(precision)
    with open_model(bundle, threads=1, slots=4) as engine, open_model(bundle, threads=1, slots=1) as narrow:
        together = engine.generate(requests, trace=True)
        for request, among_others in zip(requests, together, strict=True):
            for opened in (engine, narrow):
                (alone,) = opened.generate([request], trace=True)
                assert alone.trace is not None
                assert among_others.trace is not None
                for name in ("tokens", "logits"):
                    np.testing.assert_array_equal(alone.trace[name], among_others.trace[name])


def test_a_prompt_in_pieces_gives_the_same_answer(
    engine: AsrEngine, requests: list[TranscriptionRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = engine.generate(requests, trace=True)
    monkeypatch.setattr("actors.families.vibevoice_asr.loop._MAX_PREFILL", 7)
    monkeypatch.setattr("actors.families.vibevoice_asr.loop._ENCODER_FRAMES", 5)
    for expected, result in zip(whole, engine.generate(requests, trace=True), strict=True):
        assert result.trace is not None
        assert expected.trace is not None
        np.testing.assert_array_equal(result.trace["tokens"], expected.trace["tokens"])
        np.testing.assert_allclose(result.trace["logits"], expected.trace["logits"], atol=1e-4)


def test_the_prompt_is_the_originals(ear: AsrEngine) -> None:
    (utterance,) = ear.model.prepare(TranscriptionRequest("a", noise(5.86)), False)
    (known,) = ear.model.prepare(TranscriptionRequest("a", noise(5.86), context="Aiden <|im_end|>"), False)
    tokenizer = ear.model._tokenizer
    text = tokenizer.decode(utterance.prompt.tolist(), skip_special_tokens=False)
    assert text == (
        "<|im_start|>system\nYou are a helpful assistant that transcribes audio input into text output in JSON format."
        "<|im_end|>\n<|im_start|>user\n<|object_ref_start|>" + 74 * "<|box_start|>" + "<|object_ref_end|>\n"
        "This is a 5.86 seconds audio, please transcribe it with these keys: Start time, End time, Speaker ID, Content"
        "<|im_end|>\n"
    )
    with_context = tokenizer.decode(known.prompt.tolist(), skip_special_tokens=False)
    assert (
        "5.86 seconds audio, with extra info: Aiden < |im_end|>\n\nPlease transcribe it with these keys: Start time"
        in with_context
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"audio": np.zeros(0, np.float32)}, "no samples"),
        ({"audio": np.full(9, np.nan, np.float32)}, "NaN"),
        ({"audio": np.zeros(9)}, "must be float32"),
        ({"options": {"beams": 3}}, "beams.*Known: max_new_tokens"),
        ({"options": {"max_chunk_s": 1e6}}, "hears at once"),
        ({"token_ids": [1, 2]}, "0 audio tokens, the audio 2 frames"),
        ({"context": "names " * 2000}, "shorter context"),
    ],
)
def test_what_cannot_be_transcribed_is_refused(ear: AsrEngine, changed: dict[str, Any], message: str) -> None:
    request = replace(TranscriptionRequest("a", noise(0.1)), **changed)
    with pytest.raises(RequestError, match=message):
        ear.submit(request)


def test_long_audio_is_cut_and_put_back_in_place(ear: AsrEngine, speech: np.ndarray, said: str) -> None:
    once = np.pad(resample(speech, 16_000, 24_000), 12_000)
    request = TranscriptionRequest("a", np.tile(once, 6), options={"max_chunk_s": 10})
    (result,) = ear.generate([request])
    pieces = ear.model.prepare(request, False)
    assert len(pieces) >= 3
    assert 0.95 <= sum(len(piece.audio) for piece in pieces) / len(request.audio) <= 1  # but for silence at their edges
    assert result.duration_s == len(request.audio) / 24_000
    # A sentence that is said twice in a piece is not always heard to its end: the gate measures hearing, this test places.
    assert [segment.text[:28] for segment in result.segments] == [said[:28]] * 6
    length = len(once) / 24_000
    for i, segment in enumerate(result.segments):
        assert i * length < segment.start < segment.end < (i + 1) * length
    labels = [f"{number}-0" for number, _ in enumerate(pieces, 1)]
    assert list(dict.fromkeys(segment.speaker for segment in result.segments)) == labels


@pytest.mark.parametrize("max_chunk_s", [8, 30])
@pytest.mark.parametrize("gap", ["zeros", "offset", "hiss"])
def test_silence_in_a_recording_is_not_heard(
    ear: AsrEngine, speech: np.ndarray, said: str, max_chunk_s: float, gap: str
) -> None:
    voice = resample(speech, 16_000, 24_000)
    silence = np.zeros(40 * 24_000, np.float32)
    audio = np.concatenate([silence, voice, silence, voice, silence])
    audio += {"zeros": 0, "offset": 0.2, "hiss": 0.01 * noise(len(audio) / 24_000)}[gap]
    request = TranscriptionRequest("a", audio.astype(np.float32), options={"max_chunk_s": max_chunk_s})
    (result,) = ear.generate([request])
    assert (result.finish_reason, result.unreadable) == ("eos", ())
    assert [segment.text[:28] for segment in result.segments] == [said[:28]] * 2
    length = len(voice) / 24_000
    for segment, start in zip(result.segments, (40, 80 + length), strict=True):
        assert start - 0.5 < segment.start < segment.end < start + length + 0.5
    assert result.coverage == result.segments[-1].end / result.duration_s


def test_digital_silence_in_a_piece_is_short_and_times_are_the_recordings(
    ear: AsrEngine, speech: np.ndarray, said: str
) -> None:
    voice = resample(speech, 16_000, 24_000)
    audio = np.concatenate([np.zeros(5 * 24_000, np.float32), voice, np.zeros(10 * 24_000, np.float32), voice])
    (piece,) = ear.model.prepare(TranscriptionRequest("a", audio), False)
    assert len(piece.audio) < 2 * len(voice) + 2 * 24_000
    (result,) = ear.generate([TranscriptionRequest("a", audio)])
    assert [(segment.text[:28], segment.speaker) for segment in result.segments] == [(said[:28], "0")] * 2
    assert [segment.start for segment in result.segments] == pytest.approx([5, 15 + len(voice) / 24_000], abs=0.5)


def test_a_piece_in_which_nobody_speaks_never_reaches_the_model(ear: AsrEngine) -> None:
    before = ear.stats.step_s
    (result,) = ear.generate([TranscriptionRequest("a", noise(9))])
    assert (result.finish_reason, result.text, result.segments, result.frames, result.coverage) == ("silence", "", (), 0, 0.0)
    assert ear.stats.step_s == before
    (asked,) = ear.generate([TranscriptionRequest("a", noise(9), options={"vad": False})])
    assert asked.frames > 0
    (still,) = ear.generate([TranscriptionRequest("a", np.zeros(9_000, np.float32), options={"vad": False})])
    assert still.finish_reason == "silence"


def test_a_row_gets_out_of_a_loop_or_ends_before_it(engine: AsrEngine, requests: list[TranscriptionRequest]) -> None:
    looping = replace(requests[1], options={"max_new_tokens": 1500, "retries": 0})
    (ended,) = engine.generate([looping], trace=True)
    assert ended.finish_reason == "loop"
    assert ended.trace is not None
    assert len(ended.trace["logits"]) == ended.frames
    retried = replace(looping, options={"max_new_tokens": 1500})
    alone, *_ = engine.generate([retried], trace=True)
    assert alone.finish_reason == "eos"
    among_others = engine.generate([requests[0], retried, requests[2]], trace=True)[1]
    assert alone.trace is not None
    assert among_others.trace is not None
    np.testing.assert_array_equal(alone.trace["tokens"], among_others.trace["tokens"])
    assert alone.trace["tokens"][: ended.frames].tolist() == ended.trace["tokens"].tolist()
