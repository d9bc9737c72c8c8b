"""Parity with transformers, alone and in a batch; languages, windows, fallback, words."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from actors import Engine, TranscriptionRequest, open_model
from actors.bundle import MANIFEST_NAME, Bundle, Precision
from actors.errors import BundleError, NotFiniteError, RequestError
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
        TranscriptionRequest(name, whisper_recordings[int(name[-1])], options={**GREEDY, "timestamps": "timed" in name})
        for name in ANSWERS
    ]


def with_options(request: TranscriptionRequest, **options: Any) -> TranscriptionRequest:
    return replace(request, options={**request.options, **options})


class Script:
    """Rules that choose what is written here: answer after answer, each at the next time it is asked for a first token."""

    def __init__(self, *answers: Sequence[int]) -> None:
        self.answers = list(answers)
        self.temperatures: list[float] = []

    def choose(self, _: np.ndarray, tokens: Sequence[int], *, temperature: float, **_others: Any) -> tuple[int, float]:
        if not tokens:
            self.temperatures.append(temperature)
        answer = self.answers[len(self.temperatures) - 1]
        return answer[len(tokens)], -0.1


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


def test_a_window_that_fits_is_the_same_beside_longer_ones(
    engine: WhisperEngine, requests: list[TranscriptionRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.families.whisper.loop._MARGIN_S", 0.5)
    short = with_options(requests[5], fit_window=True, word_times=True)
    assert [engine.model.prepare(request, False)[0].frames for request in (short, requests[5])] == [100, 200]
    (alone,) = engine.generate([short], trace=True)
    for others in (requests[:3], requests[3:]):
        assert_same(alone, engine.generate([*others, short], trace=True)[-1])
    (whole,) = engine.generate([with_options(requests[5], word_times=True)], trace=True)
    assert tokens_of(whole) != tokens_of(alone)  # less silence is heard behind it
    (full,) = engine.generate([with_options(requests[3], fit_window=True)], trace=True)
    assert_same(full, engine.generate([requests[3]], trace=True)[0])


# --- recordings of several windows, silence ------------------------------------------------------------------------


def test_all_windows_of_a_recording_are_in_one_language(
    engine: WhisperEngine, whisper_recordings: list[np.ndarray], whisper_oracle: Mapping[str, Any]
) -> None:
    audio = np.concatenate([whisper_recordings[0], whisper_recordings[1], whisper_recordings[2]])
    options = {**GREEDY, "language": None, "max_new_tokens": 12}
    request = TranscriptionRequest("a", audio, options=options)
    first, *others = engine.model.prepare(request, False)
    assert others
    assert all(utterance.recording is first.recording for utterance in others)
    assert all(first.cost > utterance.cost for utterance in others)
    (result,) = engine.generate([request], trace=True)
    (given,) = engine.generate([with_options(request, language=result.language)], trace=True)
    assert_same(result, given)
    assert result.language == whisper_oracle["detected"][0] != whisper_oracle["detected"][1]
    assert all(0 <= segment.start <= segment.end <= result.duration_s for segment in result.segments)


def test_pieces_are_heard_as_if_they_were_recordings(engine: WhisperEngine, whisper_recordings: list[np.ndarray]) -> None:
    audio = np.concatenate(whisper_recordings[:2])
    options = {**GREEDY, "timestamps": False, "max_new_tokens": 12}
    pieces = engine.model.prepare(TranscriptionRequest("a", audio, options=options), False)
    (whole,) = engine.generate([TranscriptionRequest("a", audio, options=options)], trace=True)
    parts = engine.generate([TranscriptionRequest("b", piece.audio.copy(), options=options) for piece in pieces], trace=True)
    assert len(pieces) >= 2
    assert max(len(piece.audio) for piece in pieces) <= 4 * RATE
    assert tokens_of(whole) == [token for part in parts for token in tokens_of(part)]


def test_a_recording_in_which_nobody_speaks_never_reaches_the_model(engine: WhisperEngine) -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal(9 * RATE)).astype(np.float32)
    before = engine.stats.steps
    (result,) = engine.generate([TranscriptionRequest("a", noise)])
    assert (result.finish_reason, result.text, result.segments, result.words, result.frames) == ("silence", "", (), (), 0)
    assert engine.stats.steps == before
    (asked,) = engine.generate([TranscriptionRequest("a", noise, options=GREEDY)])
    assert asked.frames > 0


@pytest.mark.parametrize(
    ("thresholds", "reason"),
    [
        ({"no_speech_threshold": 0.0, "logprob_threshold": None}, "silence"),
        ({"no_speech_threshold": 0.0, "logprob_threshold": -0.05}, "silence"),
        ({"no_speech_threshold": 0.0, "logprob_threshold": -9.0}, "length"),
        ({"no_speech_threshold": 1.0, "logprob_threshold": None}, "length"),
        ({"no_speech_threshold": None, "logprob_threshold": -0.05}, "length"),
    ],
)
def test_where_the_model_hears_silence_nothing_is_said(
    engine: WhisperEngine, requests: list[TranscriptionRequest], thresholds: Mapping[str, Any], reason: str
) -> None:
    (result,) = engine.generate([with_options(requests[0], **thresholds, compression_ratio_threshold=None)])
    assert result.finish_reason == reason
    assert bool(result.text) == (reason != "silence")


def test_what_a_piece_says_nothing_of_is_heard_again(
    engine: WhisperEngine, speech: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = speech[: 4 * RATE]
    duration_s = len(audio) / RATE
    begin, eos = engine.model.settings.timestamp_begin, engine.model.settings.eos_id
    heard: list[float] = []
    hear = engine.model._hear

    def note(utterance: Any, slot: int) -> None:
        heard.append(len(utterance.audio) / RATE)
        hear(utterance, slot)

    monkeypatch.setattr(engine.model, "_hear", note)
    script = Script([begin, 78, 69, begin + 40, eos], [begin, 77, begin + 50, begin + 50, 78, eos], [begin, 69, eos])
    monkeypatch.setattr(engine.model, "_rules", script)
    request = TranscriptionRequest("a", audio, options={"language": "en", "word_times": True, "vad": True})
    (piece,) = engine.model.prepare(request, False)
    lasts = len(piece.audio) / RATE
    (result,) = engine.generate([request])
    assert heard == pytest.approx([lasts, lasts - 0.8, lasts - 1.8])
    assert [segment.text for segment in result.segments] == ["of", "n", "f"]
    starts = [segment.start for segment in result.segments]
    offset = piece.spans[0][0] / RATE
    assert starts == pytest.approx([offset, offset + 0.8, offset + 1.8], abs=0.011)
    assert result.segments[-1].end <= duration_s
    edges = [edge for word in result.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[-1] <= duration_s
    assert result.frames == 4 + 5 + 2


def test_the_trace_has_all_parts_of_a_piece_though_one_was_written_again(
    engine: WhisperEngine, speech: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, eos = engine.model.settings.timestamp_begin, engine.model.settings.eos_id
    script = Script([begin, 78, 69, begin + 40, eos], [78] * 60, [begin, 77, eos])
    monkeypatch.setattr(engine.model, "_rules", script)
    request = TranscriptionRequest("a", speech[: 4 * RATE], options={"language": "en", "temperatures": (0.0, 0.2)})
    (result,) = engine.generate([request], trace=True)
    assert script.temperatures == [0.0, 0.0, 0.2]
    assert tokens_of(result) == [begin, 78, 69, begin + 40, begin, 77]
    assert result.trace is not None
    assert len(result.trace["logits"]) == 5 + 3  # with what ended each part


# --- fallback ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "attempts"),
    [
        ({"logprob_threshold": -0.001}, 3),
        ({"compression_ratio_threshold": 0.01}, 3),
        ({"logprob_threshold": None, "compression_ratio_threshold": None}, 1),
        ({"logprob_threshold": -50.0, "compression_ratio_threshold": 50.0}, 1),
    ],
)
def test_doubtful_answers_are_written_at_all_temperatures(
    engine: WhisperEngine, requests: list[TranscriptionRequest], options: Mapping[str, Any], attempts: int
) -> None:
    ended: list[Any] = []
    request = with_options(requests[3], temperatures=(0.0, 0.4, 1.0), **options)
    engine.submit(request, trace=True, on_utterance=lambda _, utterance: ended.append(utterance)).result()
    assert [utterance.attempt + 1 for utterance in ended] == [attempts]
    assert len(ended[0].logits) == len(ended[0].logprobs)


def test_rows_draw_numbers_of_their_own(engine: WhisperEngine, requests: list[TranscriptionRequest]) -> None:
    rows = [replace(with_options(requests[3], temperatures=(1.0,)), id=str(i)) for i in range(3)]
    drawn = [tuple(tokens_of(result)) for result in engine.generate(rows, trace=True)]
    assert len(set(drawn)) == 3


def test_a_loop_is_left_at_the_next_temperature_or_ends_the_answer(
    engine: WhisperEngine, requests: list[TranscriptionRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    eos = engine.model.settings.eos_id
    for temperatures, reason in (((0.0,), "loop"), ((0.0, 0.7), "eos")):
        script = Script([78] * 60, [77, 69, eos])
        monkeypatch.setattr(engine.model, "_rules", script)
        request = with_options(requests[0], temperatures=temperatures, max_new_tokens=60)
        (result,) = engine.generate([request])
        assert (result.finish_reason, script.temperatures) == (reason, list(temperatures))
        assert result.frames == (2 if reason == "eos" else 24)


# --- what is asked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"audio": np.zeros(0, np.float32)}, "no samples"),
        ({"audio": np.full(9, np.nan, np.float32)}, "NaN"),
        ({"token_ids": [1, 2]}, "token_ids: Whisper's prompt is made of its options"),
        ({"options": {"beams": 3}}, "beams.*Known: .*language"),
        ({"options": {"language": "eng"}}, "language 'eng' is none of this model's: de, en, es, fr, ru, zh"),
        ({"options": {"task": "summarise"}}, "task"),
        ({"options": {"max_chunk_s": 4.5}}, r"max_chunk_s 4\.5 is more than the 4 s"),
        ({"options": {"max_new_tokens": 65}}, "max_new_tokens 65 is above this model's 64"),
        ({"options": {"temperatures": []}}, "temperatures"),
        ({"options": {"temperatures": [3]}}, "temperatures"),
        ({"options": {"temperatures": "0,warm"}}, "temperatures"),
        ({"options": {"logprob_threshold": 1}}, "logprob_threshold"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_what_cannot_be_transcribed_is_refused(engine: WhisperEngine, changed: dict[str, Any], message: str) -> None:
    request = replace(TranscriptionRequest("a", np.zeros(1600, np.float32)), **changed)
    with pytest.raises(RequestError, match=message):
        engine.submit(request)


def test_a_long_context_is_cut_and_has_no_special_tokens(engine: WhisperEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = engine.model.settings
    noise = (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
    request = TranscriptionRequest("a", noise, context="the old man <|endoftext|> " * 50, options=GREEDY)
    (utterance,) = engine.model.prepare(request, False)
    assert utterance.previous[0] == settings.previous_id
    assert len(utterance.previous) == settings.max_tokens
    assert max(utterance.previous[1:]) < settings.eos_id
    # 64 tokens of context, 4 of the prompt and 64 of the answer are more than there are positions.
    options = {"max_new_tokens": settings.max_tokens, "timestamps": False, "compression_ratio_threshold": None}
    monkeypatch.setattr(engine.model, "_rules", Script(list(range(70, 140))))
    (result,) = engine.generate([with_options(request, **options)])
    assert (result.finish_reason, result.frames) == ("length", settings.max_target_positions - settings.max_tokens - 4 + 1)


def test_a_request_that_is_cancelled_leaves_the_others_as_they_are(
    engine: WhisperEngine, requests: list[TranscriptionRequest]
) -> None:
    expected = engine.generate(requests[:3], trace=True)
    futures = [engine.submit(request, trace=True) for request in [*requests, *requests[:3]]]
    for future in futures[3:6]:
        future.cancel()
    for want, future in zip([*expected, *expected], [*futures[:3], *futures[6:]], strict=True):
        assert_same(want, future.result(60))


# --- other bundles -------------------------------------------------------------------------------------------------


def copy_of(bundle: Bundle, folder: Path) -> Path:
    return Path(shutil.copytree(bundle.folder, folder))


def set_to(folder: Path, **values: Any) -> None:
    document = json.loads((folder / MANIFEST_NAME).read_bytes())
    document["settings"].update(values)
    (folder / MANIFEST_NAME).write_text(json.dumps(document))


def test_a_model_of_english_alone_is_asked_for_nothing(
    whisper_bundle: Callable[[Precision], Bundle], requests: list[TranscriptionRequest], tmp_path: Path
) -> None:
    folder = copy_of(whisper_bundle("fp32"), tmp_path / "bundle")
    set_to(folder, languages={})
    with open_model(folder, threads=1, slots=2) as opened:
        plain, timed = (opened.model.prepare(requests[row], False)[0] for row in (0, 3))
        assert opened.model._task(plain) == [opened.model.settings.no_timestamps_id]
        assert opened.model._task(timed) == []
        unknown = with_options(requests[3], language=None, word_times=True)
        first, second = opened.generate([requests[0], unknown], trace=True)
        (alone,) = opened.generate([unknown], trace=True)
        assert (first.language, second.language) == ("en", "en")
        assert_same(second, alone)
        for options, message in (({"language": "de"}, "none of this model's: en"), ({"task": "translate"}, "English alone")):
            with pytest.raises(RequestError, match=message):
                opened.submit(with_options(requests[0], **options))


def test_a_model_without_alignment_heads_has_no_word_times(
    whisper_bundle: Callable[[Precision], Bundle], requests: list[TranscriptionRequest], tmp_path: Path
) -> None:
    folder = copy_of(whisper_bundle("fp32"), tmp_path / "bundle")
    set_to(folder, alignment_heads=0)
    with (
        open_model(folder, threads=1, slots=1) as opened,
        pytest.raises(RequestError, match=r"word_times: .*generation_config\.json has alignment_heads"),
    ):
        opened.submit(with_options(requests[0], word_times=True))


def test_weights_that_are_no_numbers_fail_the_rows_that_read_them(
    whisper_bundle: Callable[[Precision], Bundle], requests: list[TranscriptionRequest], tmp_path: Path
) -> None:
    folder = copy_of(whisper_bundle("fp32"), tmp_path / "bundle")
    model = onnx.load(folder / "decoder.onnx")
    (positions,) = (tensor for tensor in model.graph.initializer if tensor.dims == [128, 32])
    array = numpy_helper.to_array(positions).copy()
    array[20:] = np.nan
    positions.CopyFrom(numpy_helper.from_array(array, positions.name))
    for file in folder.glob("decoder.onnx*"):
        file.unlink()
    onnx.save(model, folder / "decoder.onnx", save_as_external_data=True, location="decoder.onnx.data", size_threshold=1024)
    with open_model(folder, threads=1, slots=4) as opened:
        short = with_options(requests[1], max_new_tokens=10)
        futures = [opened.submit(request, trace=True) for request in (requests[0], short, requests[2])]
        for broken in (futures[0], futures[2]):
            with pytest.raises(NotFiniteError, match="what the decoder says is NaN or infinite at step 18 of chunk 1"):
                broken.result(60)
        (alone,) = opened.generate([short], trace=True)
        assert_same(alone, futures[1].result(60))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocab_size": 574}, "no timestamps|knows the token"),
        ({"vocab_size": 576}, "has 'logits'"),
        ({"eos_id": 999}, "outside the vocabulary of 575"),
        ({"suppress_tokens": [575]}, "outside the vocabulary of 575"),
        ({"languages": {"EN": 362}}, "languages"),
        ({"panel_frames": 150}, "200 frames are no whole panels of 150"),
        ({"panel_frames": 200}, "'input_features' of size 200, this model needs one of size 400"),
        ({"max_source_positions": 300}, "no timestamps for 300 frames"),
        ({"alignment_heads": 3}, "'alignment' of size 2 x heard, this model needs one of size 3 x 200"),
        ({"hop_length": 0}, "hop_length"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_settings_of_another_model_are_refused(
    whisper_bundle: Callable[[Precision], Bundle], tmp_path: Path, settings: Mapping[str, Any], message: str
) -> None:
    folder = copy_of(whisper_bundle("fp32"), tmp_path / "bundle")
    set_to(folder, **settings)
    with pytest.raises(BundleError, match=message):
        open_model(folder, threads=1, slots=1)


@pytest.mark.parametrize("graph", ["log_mel", "encoder", "decoder"])
def test_a_bundle_without_a_graph_is_refused(whisper_bundle: Callable[[Precision], Bundle], tmp_path: Path, graph: str) -> None:
    folder = copy_of(whisper_bundle("fp32"), tmp_path / "bundle")
    document = json.loads((folder / MANIFEST_NAME).read_bytes())
    del document["graphs"][graph]
    (folder / MANIFEST_NAME).write_text(json.dumps(document))
    with pytest.raises(BundleError, match=f"has no graph '{graph}', which a whisper model needs"):
        open_model(folder, threads=1, slots=1)


def test_a_prompt_that_is_no_number_in_another_attempt_ends_its_row_alone(
    engine: WhisperEngine, requests: list[TranscriptionRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, german = engine.model._run, engine.model.settings.languages["de"]
    attempts = []

    def broken(slot: int, tokens: Sequence[int], past: int, frames: int) -> None:
        run(slot, tokens, past, frames)
        if german in tokens:
            attempts.append(slot)
            if len(attempts) > 1:
                engine.model._logits[slot] = np.nan

    monkeypatch.setattr(engine.model, "_run", broken)
    doubtful = with_options(requests[0], language="de", temperatures=(0.0, 0.5), compression_ratio_threshold=0.01)
    futures = [engine.submit(doubtful), engine.submit(requests[1])]
    with pytest.raises(NotFiniteError, match="what the decoder says is NaN or infinite at step 1 of chunk 1"):
        futures[0].result(60)
    assert len(attempts) == 2
    assert futures[1].result(60).frames > 0
