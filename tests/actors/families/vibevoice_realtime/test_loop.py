"""Parity with the original within stated tolerances; "same row, same bytes" with none."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from actors import Engine, SynthesisRequest, SynthesisResult, open_model
from actors.bundle import Bundle
from actors.errors import BundleError, NotFiniteError, RequestError, UsageError
from actors.families.vibevoice_realtime.loop import Utterance, VibeVoiceRealtime
from actors.runtime.session import Device
from actors.text.edits import Edited
from actors.text.sentences import cut_sentences

BundleFactory = Callable[..., Bundle]
VibeVoiceEngine = Engine[SynthesisRequest, Utterance, SynthesisResult]
Oracle = Mapping[str, np.ndarray]

FRAME = 3200
LATENT = 16


@pytest.fixture(scope="module")
def fp32(vibevoice_bundle: BundleFactory) -> Bundle:
    return vibevoice_bundle("fp32")


@pytest.fixture(scope="module")
def engine(fp32: Bundle) -> Iterator[VibeVoiceEngine]:
    """The fp32 model in six slots."""
    with open_model(fp32, threads=2, slots=6) as engine:
        yield engine


@pytest.fixture(scope="module", params=["fp32", "int8"])
def any_engine(request: pytest.FixtureRequest, vibevoice_bundle: BundleFactory) -> Iterator[VibeVoiceEngine]:
    """The model in each precision."""
    with open_model(vibevoice_bundle(request.param), threads=2, slots=6) as engine:
        yield engine


def original(oracle: Oracle, name: str, row_id: str = "", **options: object) -> SynthesisRequest:
    """The request whose result the oracle has."""
    return SynthesisRequest(
        id=row_id or name,
        token_ids=oracle[f"{name}_token_ids"].tolist(),
        voice="voiceA",
        noise=oracle[f"{name}_noise"],
        options={"cfg_scale": 1.5, "steps": 5, **options},
    )


def traced(result: SynthesisResult) -> Mapping[str, np.ndarray]:
    assert result.trace is not None
    return result.trace


def assert_is_original(result: SynthesisResult, oracle: Oracle, name: str) -> None:
    latents = oracle[f"{name}_latents"]
    assert (result.frames, result.finish_reason, result.sample_rate) == (len(latents), "eos", 24000)
    assert result.audio.shape == (len(latents) * FRAME,)
    assert result.audio.dtype == np.float32
    np.testing.assert_allclose(traced(result)["latents"], latents, atol=2e-4, rtol=0)
    np.testing.assert_allclose(traced(result)["eos_logits"], oracle[f"{name}_eos_logits"], atol=1e-4, rtol=0)


def assert_same_bytes(actual: SynthesisResult, expected: SynthesisResult) -> None:
    assert (actual.frames, actual.finish_reason) == (expected.frames, expected.finish_reason)
    assert actual.audio.tobytes() == expected.audio.tobytes()
    for name, array in traced(expected).items():
        assert traced(actual)[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("name", ["A12", "B3"])
def test_an_utterance_alone_is_the_originals(engine: VibeVoiceEngine, vibevoice_oracle: Oracle, name: str) -> None:
    (result,) = engine.generate([original(vibevoice_oracle, name)], trace=True)
    assert_is_original(result, vibevoice_oracle, name)


def test_utterances_in_a_mixed_batch_are_the_originals(engine: VibeVoiceEngine, vibevoice_oracle: Oracle) -> None:
    names = ["A12", "B3", "B3", "A12", "A12", "B3", "A12", "B3"]
    requests = [original(vibevoice_oracle, name, f"{name} {i}") for i, name in enumerate(names)]
    for name, result in zip(names, engine.generate(requests, trace=True), strict=True):
        assert_is_original(result, vibevoice_oracle, name)


def test_in_one_slot_they_are_the_originals_one_after_the_other(fp32: Bundle, vibevoice_oracle: Oracle) -> None:
    with open_model(fp32, threads=1, slots=1) as engine:
        results = engine.generate([original(vibevoice_oracle, name) for name in ("A12", "B3")], trace=True)
    for name, result in zip(("A12", "B3"), results, strict=True):
        assert_is_original(result, vibevoice_oracle, name)


def mixed(rows: int) -> list[SynthesisRequest]:
    """Requests of many kinds: both voices, texts of many lengths, several solvers and scales."""
    random = np.random.default_rng(1)
    kinds: list[dict[str, Any]] = [{}, {"steps": 2}, {"sde": True, "steps": 3}, {"cfg_scale": 1.0}, {"max_new_tokens": 20}]
    return [
        SynthesisRequest(
            id=str(i),
            token_ids=random.integers(0, 512, 1 + 5 * i % 23).tolist(),
            voice=f"voice{'AB'[i % 2]}",
            seed=7,
            options={"max_frames_per_token": 9.0, **kinds[i % len(kinds)]},
        )
        for i in range(rows)
    ]


def test_same_row_same_bytes(any_engine: VibeVoiceEngine) -> None:
    requests = mixed(12)
    together = any_engine.generate(requests, trace=True)
    for i in (0, 2, 5, 11):
        (alone,) = any_engine.generate([requests[i]], trace=True)
        assert_same_bytes(together[i], alone)


def test_a_seed_fixes_the_noise_and_another_one_changes_it(engine: VibeVoiceEngine) -> None:
    def speak(seed: int) -> bytes:
        request = SynthesisRequest(id="a", token_ids=[1, 2, 3], seed=seed, options={"max_new_tokens": 6})
        (result,) = engine.generate([request])
        return result.audio.tobytes()

    assert speak(1) == speak(1)
    assert speak(1) != speak(2)


@pytest.mark.parametrize(
    ("max_new_tokens", "frames", "heard"),
    [
        (20, 11, 10),  # in the frame loop: the frame that has no room to be heard is kept
        (13, 6, 6),  # before a window of text that has no room
        (4, 0, 0),  # before the first one
    ],
)
def test_the_longest_length_stops_where_the_original_stops(
    engine: VibeVoiceEngine, vibevoice_oracle: Oracle, max_new_tokens: int, frames: int, heard: int
) -> None:
    (result,) = engine.generate([original(vibevoice_oracle, "A12", max_new_tokens=max_new_tokens)], trace=True)
    assert (result.frames, result.finish_reason, len(result.audio)) == (frames, "length", frames * FRAME)
    np.testing.assert_allclose(traced(result)["latents"], vibevoice_oracle["A12_latents"][:frames], atol=2e-4, rtol=0)
    assert len(traced(result)["eos_logits"]) == heard


def test_speech_ends_with_the_models_positions(engine: VibeVoiceEngine) -> None:
    positions = 512 - 23  # behind voiceA's prompt
    request = SynthesisRequest(
        id="a", token_ids=[5] * (positions - 3), voice="voiceA", options={"steps": 1, "finish_text": True}
    )
    (result,) = engine.generate([request])
    assert result.finish_reason == "length"
    assert 0 < result.frames < positions


@pytest.mark.parametrize("where", ["_condition", "_eos_logit"])
def test_a_step_that_is_not_finite_fails_its_row_and_no_other(
    engine: VibeVoiceEngine, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    requests = mixed(3)
    expected = engine.generate(requests)
    model = engine.model
    assert isinstance(model, VibeVoiceRealtime)
    hear, run = model._hear, model._tts.run
    heard: list[Utterance | None] = []

    def keep_rows(rows: Sequence[Utterance | None]) -> None:
        heard[:] = rows
        hear(rows)

    def poisoned(first: int, feeds: Mapping[str, np.ndarray], lengths: np.ndarray) -> None:
        run(first, feeds, lengths)
        for slot, row in enumerate(heard if feeds["latents"].shape[1] else ()):
            if row and row.request.id == "1" and len(row.latents) == 3:
                getattr(model, where)[2 * slot] = np.nan  # of the positive branch

    with monkeypatch.context() as patch:
        patch.setattr(model, "_hear", keep_rows)
        patch.setattr(model._tts, "run", poisoned)
        first, broken, last = (engine.submit(request) for request in requests)
        with pytest.raises(NotFiniteError, match=r"NaN or infinite at step [34] of chunk 1"):
            broken.result()
        assert first.result().audio.tobytes() == expected[0].audio.tobytes()
        assert last.result().audio.tobytes() == expected[2].audio.tobytes()
    assert engine.generate(requests)[1].audio.tobytes() == expected[1].audio.tobytes()


def long_texts(**options: object) -> list[SynthesisRequest]:
    random = np.random.default_rng(0)
    return [
        SynthesisRequest(id=str(i), token_ids=random.integers(0, 512, 40).tolist(), options={"max_new_tokens": 150, **options})
        for i in range(6)
    ]


def test_finish_text_does_not_end_before_all_text_was_read(engine: VibeVoiceEngine) -> None:
    windows_before_the_last = 7 * 6  # frames, at the least, before 40 tokens were read
    assert any(result.frames <= windows_before_the_last for result in engine.generate(long_texts()))
    finished = engine.generate(long_texts(finish_text=True))
    assert all(result.frames > windows_before_the_last for result in finished)


def test_runaway_guard_counts_frames_per_token(engine: VibeVoiceEngine, vibevoice_oracle: Oracle) -> None:
    (result,) = engine.generate([original(vibevoice_oracle, "B3", max_frames_per_token=2.5)], trace=True)
    assert (result.frames, result.finish_reason) == (8, "length")
    np.testing.assert_allclose(traced(result)["latents"], vibevoice_oracle["B3_latents"][:8], atol=2e-4, rtol=0)


def test_fresh_noise_at_every_step_is_used_as_given(engine: VibeVoiceEngine) -> None:
    noise = np.random.default_rng(0).standard_normal((4, 6, LATENT)).astype(np.float32)

    def speak(noise: np.ndarray) -> np.ndarray:
        request = SynthesisRequest(id="a", token_ids=[1, 2, 3], noise=noise, options={"sde": True})
        (result,) = engine.generate([request], trace=True)
        return traced(result)["latents"]

    unused, used = noise.copy(), noise.copy()
    unused[:, 5] += 1  # the last step draws none
    used[0, 3] += 1
    assert (speak(unused) == speak(noise)).all()
    assert (speak(used)[0] != speak(noise)[0]).any()


def test_text_is_spoken_and_its_chunks_have_their_places(engine: VibeVoiceEngine) -> None:
    options = {"steps": 1, "max_new_tokens": 45, "max_chunk_tokens": 16, "pause_s": 0.5}
    (result,) = engine.generate([SynthesisRequest(id="a", text="It was late. “Hello?” Nobody there.", options=options)])
    assert [chunk.text for chunk in result.chunks] == ["It was late.", '"Hello?"', "Nobody there."]
    ends = [chunk.end_s for chunk in result.chunks]
    assert [chunk.start_s for chunk in result.chunks] == pytest.approx([0, ends[0] + 0.5, ends[1] + 0.5])
    assert len(result.audio) == result.frames * FRAME + 2 * 12000


def test_sentences_fill_chunks_of_as_many_tokens_as_may_be(engine: VibeVoiceEngine) -> None:
    text = "It was late. “Hello?” Nobody there. It was cold and dark and wet. Then a light."
    options = {"max_chunk_tokens": 16}
    request = SynthesisRequest(id="a", text=text, sentences=cut_sentences(Edited(text), "en"), options=options)
    utterances = engine.model.prepare(request, False)
    assert len(utterances) > 2
    assert all(len(utterance.prompt) <= 16 for utterance in utterances)
    assert " ".join(utterance.text for utterance in utterances) == text.replace("“", '"').replace("”", '"')
    assert " ".join(utterance.source.written for utterance in utterances if utterance.source) == text


def test_a_text_that_the_model_has_no_room_for_is_cut(engine: VibeVoiceEngine) -> None:
    text = "So it went on. " * 6
    utterances = engine.model.prepare(SynthesisRequest(id="a", text=text), False)
    assert len(utterances) == 3
    assert all(len(utterance.prompt) <= 42 for utterance in utterances)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"voice": "nobody"}, "unknown voice 'nobody': this model has voiceA, voiceB"),
        ({"token_ids": []}, "a prompt has 1 to"),
        ({"token_ids": [1] * 500}, "a prompt has 1 to 486 tokens with this voice, this one has 500"),
        ({"token_ids": [512]}, "token ids must be in 0 .. 511"),
        ({"noise": np.zeros((3, 15))}, r"noise has shape \[3, 15\]"),
        ({"noise": np.zeros((0, 16))}, r"noise has shape \[0, 16\]"),
        ({"noise": np.zeros((3, 16)), "options": {"sde": True}}, r"it needs one of \[6, 16\] per frame"),
        ({"options": {"step": 5}}, "Known: cfg_scale, steps, sde, max_new_tokens"),
        ({"options": {"steps": 501}}, "at most 500"),
        ({"options": {"cfg_scale": float("nan")}}, "cfg_scale"),
        ({"token_ids": None}, "needs either text or token_ids"),
        ({"token_ids": None, "text": "..."}, "nothing to speak"),
        ({"token_ids": None, "text": "  "}, "nothing to speak"),
    ],
)
def test_what_cannot_be_spoken_is_refused(engine: VibeVoiceEngine, change: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        engine.generate([SynthesisRequest(**{"id": "a", "token_ids": [1, 2, 3], "voice": "voiceB", **change})])


def edited(bundle: Bundle, **changes: object) -> Bundle:
    return Bundle(bundle.folder, bundle.manifest.model_copy(update=changes), bundle.digest)


def test_without_a_tokenizer_it_speaks_tokens_only(fp32: Bundle) -> None:
    files = {name: entry for name, entry in fp32.manifest.files.items() if name != "tokenizer.json"}
    with open_model(edited(fp32, files=files), slots=1) as engine:
        with pytest.raises(RequestError, match=r"no tokenizer\.json"):
            engine.generate([SynthesisRequest(id="a", text="Hello.")])
        (result,) = engine.generate([SynthesisRequest(id="a", token_ids=[1], options={"max_new_tokens": 2, "steps": 1})])
    assert result.frames


def test_without_a_voice_it_says_where_voices_come_from(fp32: Bundle) -> None:
    with open_model(edited(fp32, voices=[]), slots=1) as engine, pytest.raises(RequestError, match="--voices"):
        engine.generate([SynthesisRequest(id="a", token_ids=[1])])


def test_other_settings_layouts_and_devices_are_refused(fp32: Bundle) -> None:
    with pytest.raises(BundleError, match="settings of this vibevoice-realtime bundle"):
        open_model(edited(fp32, settings={**fp32.manifest.settings, "more": 1}))
    with pytest.raises(BundleError, match="layout 'portable'"):
        open_model(edited(fp32, layout="portable"))
    with pytest.raises(UsageError, match="CPU only"):
        VibeVoiceRealtime(fp32, Device("cuda"), 1, 1)


def test_half_precision_speaks_nearly_the_same(vibevoice_bundle: BundleFactory, vibevoice_oracle: Oracle) -> None:
    with open_model(vibevoice_bundle("fp16"), threads=1, slots=2) as engine:
        (result,) = engine.generate([original(vibevoice_oracle, "A12")], trace=True)
    latents = vibevoice_oracle["A12_latents"]
    assert result.frames == len(latents)
    np.testing.assert_allclose(traced(result)["latents"], latents, atol=0.1, rtol=0)
