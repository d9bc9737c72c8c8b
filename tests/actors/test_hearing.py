"""What all hearing families do, with the least that one adds: its prompt and what its answers say."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from actors.audio.vad import Span
from actors.bundle import Bundle, Manifest, load_bundle
from actors.errors import RequestError
from actors.hearing import HeardUtterance, HearingModel, HearingOptions, plain_text
from actors.requests import Segment, TranscriptionRequest
from cluster.registry import embedded_folder

RATE = 16_000


class Utterance(HeardUtterance[HearingOptions]):
    @property
    def cost(self) -> int:
        return len(self.audio)


class Model(HearingModel[HearingOptions, Utterance]):
    def _utterance(
        self, request: TranscriptionRequest, index: int, spans: Sequence[Span], options: HearingOptions, trace: bool
    ) -> Utterance:
        return Utterance(request=request, index=index, spans=spans, options=options, trace=trace)

    def _trace(self, utterances: Sequence[Utterance]) -> dict[str, np.ndarray]:
        return {"tokens": np.array([token for utterance in utterances for token in utterance.tokens])}


def parse(manifest: Manifest, values: Mapping[str, Any]) -> HearingOptions:
    options = HearingOptions.parse(manifest.family, {"max_chunk_s": 30.0}, values)
    options.check_longest(30.0)
    return options


@pytest.fixture
def model() -> Model:
    bundle = load_bundle(embedded_folder())
    manifest = bundle.manifest.model_copy(update={"sample_rate": RATE})
    return Model(Bundle(bundle.folder, manifest, bundle.digest), 1, parse)


def answer(utterance: Utterance, *segments: Segment, finish_reason: str = "eos") -> None:
    utterance.tokens, utterance.finish_reason = [1, 2, 3], finish_reason
    utterance.segments = list(segments)


def request(audio: np.ndarray, **options: Any) -> TranscriptionRequest:
    return TranscriptionRequest("a", audio.astype(np.float32, copy=False), options=options)


def test_a_short_recording_is_one_piece_whose_speakers_keep_their_labels(model: Model, speech: np.ndarray) -> None:
    asked = request(speech)
    (piece,) = model.prepare(asked, False)
    assert (piece.audio.tolist(), piece.done) == (speech.tolist(), False)
    answer(piece, Segment(0.5, 1.0, "0", "Hello."), Segment(1.0, 1e6, None, "[Music]"))
    result = model.join(asked, [piece])
    duration_s = len(speech) / RATE
    assert result.segments == (Segment(0.5, 1.0, "0", "Hello."), Segment(1.0, duration_s, None, "[Music]"))
    assert (result.text, result.frames, result.finish_reason, result.coverage) == ("Hello. [Music]", 3, "eos", 1.0)
    assert (result.duration_s, result.unreadable, result.trace) == (duration_s, (), None)


def test_a_long_one_is_cut_and_its_pieces_are_put_back_in_time(model: Model, speech: np.ndarray) -> None:
    audio = np.tile(np.pad(speech, RATE // 2), 5)
    asked = request(audio, max_chunk_s=10)
    pieces = model.prepare(asked, True)
    assert len(pieces) > 2
    assert all(len(piece.audio) <= 10 * RATE for piece in pieces)
    assert [piece.index for piece in pieces] == list(range(len(pieces)))
    for piece in pieces:
        answer(piece, Segment(0.0, 1.0, "7", "x"))
    result = model.join(asked, pieces)
    for i, (segment, piece) in enumerate(zip(result.segments, pieces, strict=True)):
        assert segment == Segment(piece.spans[0][0] / RATE, piece.spans[0][0] / RATE + 1.0, f"{i + 1}-7", "x")
    assert result.trace is not None
    assert len(result.trace["tokens"]) == 3 * len(pieces)


def test_a_piece_in_which_nobody_speaks_is_done(model: Model) -> None:
    asked = request(np.zeros(9 * RATE))
    (piece,) = model.prepare(asked, False)
    assert piece.done
    result = model.join(asked, [piece])
    assert (result.finish_reason, result.text, result.segments, result.coverage) == ("silence", "", (), 0.0)
    hum = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE)
    assert [model.prepare(request(hum, vad=vad), False)[0].done for vad in (True, False)] == [True, False]


def test_the_worst_end_of_a_piece_is_the_recordings(model: Model, speech: np.ndarray) -> None:
    asked = request(np.tile(np.pad(speech, RATE // 2), 5), max_chunk_s=10)
    pieces = model.prepare(asked, False)
    for reason in ("eos", "length", "loop"):
        answer(pieces[-1], finish_reason=reason)
        for piece in pieces[:-1]:
            answer(piece)
        assert model.join(asked, pieces).finish_reason == reason
    pieces[0].segments, pieces[0].answer = None, "I hear music."
    assert model.join(asked, pieces).unreadable == ("I hear music.",)


def test_a_given_prompt_takes_the_recording_whole(model: Model) -> None:
    asked = TranscriptionRequest("a", np.zeros(99, np.float32), token_ids=[1])
    (piece,) = model.prepare(asked, False)
    assert (piece.spans, piece.done) == ([(0, 99)], False)


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(0, np.float32), "no samples"),
        (np.array([0, np.nan, 0], np.float32), "NaN or infinite"),
        (np.array([np.inf], np.float32), "NaN or infinite"),
        (np.zeros(9), "must be float32"),
        (np.zeros((1, 9), np.float32), r"got float32 \[1, 9\]"),
    ],
)
def test_what_is_no_recording_is_refused(model: Model, audio: np.ndarray, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        model.prepare(TranscriptionRequest("a", audio), False)


def test_pieces_are_no_longer_than_the_model_hears(model: Model, speech: np.ndarray) -> None:
    with pytest.raises(RequestError, match=r"max_chunk_s 31\.0 is more than the 30 s that this model hears at once"):
        model.prepare(request(speech, max_chunk_s=31), False)


def test_plain_text_joins_the_words() -> None:
    hello = Segment(0.0, 5.86, "0", "Hello.")
    assert plain_text([hello, Segment(6, 7, None, ""), hello]) == "Hello. Hello."
