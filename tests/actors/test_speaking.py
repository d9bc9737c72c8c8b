"""What all speaking families do, with the least that one adds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from actors.bundle import Bundle, Manifest, load_bundle
from actors.errors import NotFiniteError, RequestError
from actors.requests import SynthesisRequest, TextChunk
from actors.sampling import row_generator
from actors.speaking import (
    Prompt,
    SpeakingModel,
    SpeakingOptions,
    SpokenUtterance,
    check_audio,
    check_prompt,
    check_speakable,
    frames_of_noise,
    prompts_of,
    text_of,
)
from actors.text import Pause, Sentence
from actors.text.edits import Edited
from actors.text.sentences import cut_sentences
from cluster.registry import embedded_folder

REQUEST = SynthesisRequest("a", text="x", seed=3)


class Utterance(SpokenUtterance[SpeakingOptions]):
    @property
    def frames(self) -> int:
        return 5


class Model(SpeakingModel[SpeakingOptions, Utterance]):
    voices_come_from = "record one"

    def _trace(self, utterances: Sequence[Utterance]) -> dict[str, np.ndarray]:
        return {"indices": np.array([utterance.index for utterance in utterances])}


def parse(manifest: Manifest, values: Mapping[str, Any]) -> SpeakingOptions:
    return SpeakingOptions.parse(manifest.family, {}, values)


def model(voices: Sequence[str] = ("anna", "bert")) -> Model:
    bundle = load_bundle(embedded_folder())
    manifest = bundle.manifest.model_copy(update={"voices": list(voices), "sample_rate": 10})
    return Model(Bundle(bundle.folder, manifest, bundle.digest), 2, parse)


def spoken(index: int, samples: int, *, pause_s: float = 0.0, finish_reason: str = "eos", trace: bool = False) -> Utterance:
    return Utterance(
        request=REQUEST,
        index=index,
        text=f"Chunk {index}.",
        prompt=np.ones(3, np.int64),
        options=SpeakingOptions(pause_s=pause_s),
        trace=trace,
        finish_reason=finish_reason,
        audio=np.full(samples, index + 1, np.float32),
    )


class TestVoices:
    def test_the_first_is_the_default(self) -> None:
        assert model()._choose_voice(None) == "anna"
        assert model()._choose_voice("bert") == "bert"

    def test_others_are_refused(self) -> None:
        with pytest.raises(RequestError, match="unknown voice 'Anna': this model has anna, bert"):
            model()._choose_voice("Anna")

    def test_without_any_the_error_says_where_they_come_from(self) -> None:
        with pytest.raises(RequestError, match="this model has no voice: record one"):
            model(())._choose_voice(None)


class TestJoin:
    def test_chunks_follow_each_other_with_the_pause_between(self) -> None:
        result = model().join(REQUEST, [spoken(0, 2, pause_s=0.3), spoken(1, 0, pause_s=0.3), spoken(2, 1, pause_s=0.3)])
        assert result.audio.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 3]
        assert result.audio.dtype == np.float32
        assert result.chunks == (
            TextChunk("Chunk 0.", 0.0, 0.2),
            TextChunk("Chunk 1.", 0.5, 0.5),
            TextChunk("Chunk 2.", 0.8, 0.9),
        )
        assert (result.id, result.sample_rate, result.frames, result.finish_reason) == ("a", 10, 15, "eos")

    def test_sentences_are_followed_by_the_pauses_that_stand_behind_them(self) -> None:
        options = SpeakingOptions(pause_s=0.2, paragraph_pause_s=0.4, section_pause_s=0.3)
        chunks = [
            replace(spoken(i, 1), source=Sentence(f"Chunk {i}.", f"{i}.", pause), options=options)
            for i, pause in enumerate(Pause)
        ]
        result = model().join(REQUEST, [*chunks, spoken(9, 1)])
        silence = [b.start_s - a.end_s for a, b in zip(result.chunks, result.chunks[1:], strict=False)]
        assert silence == pytest.approx([0, 0, 0.2, 0.2, 0.4, 0.4])  # a longer pause is never shorter
        assert [chunk.written for chunk in result.chunks] == [*(f"{i}." for i in range(6)), None]

    def test_one_chunk_that_was_cut_short_is_told_of(self) -> None:
        result = model().join(REQUEST, [spoken(0, 1), spoken(1, 1, finish_reason="length")])
        assert result.finish_reason == "length"
        assert [chunk.finish_reason for chunk in result.chunks] == ["eos", "length"]

    def test_the_trace_is_there_if_it_was_asked_for(self) -> None:
        assert model().join(REQUEST, [spoken(0, 1)]).trace is None
        traced = model().join(REQUEST, [spoken(0, 1, trace=True), spoken(1, 1, trace=True)]).trace
        assert traced is not None
        assert traced["indices"].tolist() == [0, 1]

    def test_what_is_not_finished_is_not_joined(self) -> None:
        with pytest.raises(AssertionError):
            model().join(REQUEST, [replace(spoken(0, 1), audio=None)])


class TestPrompts:
    """Prompts are cut of a text by the family, or made of sentences."""

    TEXT = "One, two, three and four. Five! Six.\n\nSeven eight nine."

    @staticmethod
    def read(text: str) -> Prompt | None:
        kept = "".join(character for character in text.lower() if character.isalpha() or character == " ").strip()
        return Prompt(kept, list(kept.encode())) if kept else None

    def prompts(self, request: SynthesisRequest, most: int = 18, **options: Any) -> list[Prompt]:
        cut = prompts_of(
            request,
            cut=lambda text: [Prompt(word, []) for word in text.split()],
            read=self.read,
            fits=lambda prompt: len(prompt.ids) <= most,
            **options,
        )
        return list(cut)

    def request(self, text: str = TEXT) -> SynthesisRequest:
        return SynthesisRequest("a", text=text, sentences=cut_sentences(Edited(text), "en"))

    def test_a_text_is_cut_as_the_family_does(self) -> None:
        assert self.prompts(SynthesisRequest("a", text="Oh my!")) == [Prompt("Oh", []), Prompt("my!", [])]

    def test_sentences_fill_the_chunks_by_what_the_family_makes_of_them(self) -> None:
        prompts = self.prompts(self.request())
        assert [prompt.text for prompt in prompts] == ["one two", "three and four", "five six", "seven eight nine"]
        assert all(list(prompt.text.encode()) == prompt.ids for prompt in prompts)
        told = [(prompt.source.written, prompt.source.pause) for prompt in prompts if prompt.source]
        assert told == [
            ("One, two,", Pause.CLAUSE),
            ("three and four.", Pause.SENTENCE),
            ("Five! Six.", Pause.PARAGRAPH),
            ("Seven eight nine.", Pause.PARAGRAPH),
        ]

    def test_sentences_are_spoken_alone_but_for_short_ones(self) -> None:
        def short(prompt: Prompt) -> bool:
            return len(prompt.ids) < 4

        prompts = self.prompts(self.request(), 100, alone=True, short=short)
        assert [prompt.text for prompt in prompts] == ["one two three and four", "five six", "seven eight nine"]

    def test_what_the_family_makes_nothing_of_leaves_its_pause(self) -> None:
        sentences = [Sentence("One.", "1."), Sentence("2.", "2.", Pause.SECTION), Sentence("Three.", "3.")]
        prompts = self.prompts(SynthesisRequest("a", text="x", sentences=sentences), 3)
        assert [(prompt.text, prompt.source and prompt.source.pause) for prompt in prompts] == [
            ("one", Pause.SECTION),
            ("three", Pause.SENTENCE),
        ]

    @pytest.mark.parametrize("text", ["", "17 + 4", "\n\n"])
    def test_nothing_to_speak_is_refused(self, text: str) -> None:
        with pytest.raises(RequestError, match="the text has nothing to speak"):
            self.prompts(self.request(text))


def test_a_chunks_random_numbers_are_those_of_its_row_and_place() -> None:
    first, again, second = (spoken(i, 1)._generator.random(3).tolist() for i in (0, 0, 1))
    assert first == again == row_generator(3, "a", 0).random(3).tolist()
    assert second == row_generator(3, "a", 1).random(3).tolist() != first


def test_a_request_needs_something_to_speak() -> None:
    assert text_of(REQUEST) == "x"
    with pytest.raises(RequestError, match="either text or token_ids"):
        text_of(SynthesisRequest("a"))
    check_speakable(["...", "9"])
    for texts in ([], ["... --", "\U0001f600"]):
        with pytest.raises(RequestError, match="nothing to speak"):
            check_speakable(texts)


def test_prompts_are_int64_of_a_length_and_a_vocabulary() -> None:
    prompt = check_prompt([0, 9], 10, 2)
    assert (prompt.tolist(), prompt.dtype) == ([0, 9], np.int64)
    for ids in ([], [1, 2, 3]):
        with pytest.raises(RequestError, match=f"1 to 2 tokens with this voice, this one has {len(ids)}"):
            check_prompt(ids, 10, 2, " with this voice")
    for ids in ([10], [-1]):
        with pytest.raises(RequestError, match=r"token ids must be in 0 \.\. 9"):
            check_prompt(ids, 10, 2)


def test_noise_has_its_shape_for_each_frame() -> None:
    assert frames_of_noise(None, (8,)) is None
    assert frames_of_noise(np.zeros((3, 8)), (8,)) == 3
    for shape in ((3, 9), (0, 8), (8,), (3, 8, 1), ()):
        with pytest.raises(RequestError, match=r"it needs one of \[8\] per frame"):
            frames_of_noise(np.zeros(shape), (8,))


def test_audio_that_is_none_says_where() -> None:
    audio = np.zeros(10, np.float32)
    check_audio(audio, 0)
    check_audio(audio[:0], 0)
    audio[7] = np.nan
    with pytest.raises(NotFiniteError, match="NaN or infinite at sample 7 of chunk 3"):
        check_audio(audio, 2)
