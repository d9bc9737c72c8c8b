"""Parity with soprano-tts 0.2.0 within stated tolerances; "same row, same bytes" with none."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from actors import Engine, SynthesisRequest, SynthesisResult, open_model
from actors.bundle import Bundle
from actors.errors import BundleError, RequestError
from actors.families.soprano.loop import Options, Soprano, Utterance
from actors.runtime.graphs import Graphs
from actors.runtime.session import Device, open_session
from actors.runtime.step_graph import StepGraph
from actors.sampling import row_generator
from actors.text.edits import Edited
from actors.text.sentences import Sentence, cut_sentences

BundleFactory = Callable[..., Bundle]
SopranoEngine = Engine[SynthesisRequest, Utterance, SynthesisResult]
Arrays = Mapping[str, np.ndarray]

CPU = Device("cpu")
RATE = 32000
SAMPLES_PER_TOKEN = 2048
STOP = 3

ROWS = 32  # so many utterances decode together in the tests


def assert_close(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Assert equal shapes, and differences of at most ``tolerance`` times the largest expected magnitude."""
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


def assert_same_bytes(actual: np.ndarray, expected: np.ndarray) -> None:
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    assert actual.tobytes() == expected.tobytes()


class LM:
    """The server graph of the language model with KV slots of its own, run as the engine runs it."""

    def __init__(self, bundle: Bundle, slots: int, threads: int = 2) -> None:
        sizes = {"logits": bundle.manifest.settings["vocab_size"], "hidden": bundle.manifest.settings["hidden_size"]}
        self.graph = StepGraph(Graphs(bundle, CPU, threads), "lm", slots, 128, sizes)

    def run(self, tokens: np.ndarray, lengths: Sequence[int], first: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Run ``tokens [rows, sequence]`` in the slots from ``first`` on; return each row's last logits and hidden."""
        self.graph.run(first, {"input_ids": np.ascontiguousarray(tokens, np.int64)}, np.array(lengths))
        logits, hidden = (self.graph.outputs[name][first : first + len(tokens)].copy() for name in ("logits", "hidden"))
        return logits, hidden


def open_decoder(bundle: Bundle, threads: int = 2) -> Callable[[np.ndarray], np.ndarray]:
    """Return the decoder of a server bundle: hidden ``[batch, tokens, hidden]`` to audio ``[batch, samples]``."""
    session = open_session(bundle.path(bundle.manifest.graphs["decoder"].file), CPU, threads)

    def decode(hidden: np.ndarray) -> np.ndarray:
        audio: np.ndarray = session.run(["audio"], {"hidden": hidden})[0]
        return audio

    return decode


@pytest.fixture(scope="module")
def fp32(tiny_bundle: BundleFactory) -> Bundle:
    return tiny_bundle("fp32")


@pytest.fixture(scope="module", params=["fp32", "int8"])
def bundle(request: pytest.FixtureRequest, tiny_bundle: BundleFactory) -> Bundle:
    """The server bundle in each precision."""
    return tiny_bundle(request.param)


@pytest.fixture(scope="module")
def engine(fp32: Bundle) -> Iterator[SopranoEngine]:
    """The fp32 model in eight slots."""
    with open_model(fp32, threads=2, slots=8) as engine:
        yield engine


@pytest.fixture(scope="module")
def greedy(engine: SopranoEngine, prompts: list[list[int]]) -> list[SynthesisResult]:
    """The four prompts, spoken as one batch with the bundle's defaults."""
    return engine.generate([SynthesisRequest(id=str(i), token_ids=ids) for i, ids in enumerate(prompts)], trace=True)


def traced(result: SynthesisResult) -> Mapping[str, np.ndarray]:
    assert result.trace is not None
    return result.trace


def prepare(engine: SopranoEngine, **options: object) -> Utterance:
    """An utterance that has not run yet."""
    (utterance,) = engine.model.prepare(SynthesisRequest(id="a", token_ids=[1, 2], options=options), False)
    return utterance


# fp32 against the original.


@pytest.mark.parametrize("row", range(4))
def test_tokens_are_the_originals_one_by_one_and_as_a_batch(
    engine: SopranoEngine, greedy: list[SynthesisResult], oracle: Arrays, prompts: list[list[int]], row: int
) -> None:
    alone = engine.generate([SynthesisRequest(id="alone", token_ids=prompts[row])], trace=True)[0]
    expected = oracle[f"greedy/tokens{row}"].tolist()
    assert traced(alone)["tokens"].tolist() == expected
    assert traced(greedy[row])["tokens"].tolist() == expected
    assert greedy[row].finish_reason == "eos"


@pytest.mark.parametrize("row", [1, 3])
def test_hidden_states_are_the_originals_to_1e_4(greedy: list[SynthesisResult], oracle: Arrays, row: int) -> None:
    assert_close(traced(greedy[row])["hidden"], oracle[f"greedy/hidden{row}"], 1e-4)


def test_logits_and_hidden_of_prompts_and_steps_are_the_originals_to_1e_4(
    fp32: Bundle, oracle: Arrays, prompts: list[list[int]]
) -> None:
    lm = LM(fp32, slots=4)
    for slot, prompt in enumerate(prompts):
        logits, hidden = lm.run(np.array([prompt]), [len(prompt)], slot)
        assert_close(logits[0], oracle["prefill_logits_last"][slot], 1e-4)
        assert_close(hidden[0], oracle["prefill_hidden_last"][slot], 1e-4)
    for step in range(3):
        lengths = [len(prompt) + step + 1 for prompt in prompts]
        logits, hidden = lm.run(oracle["step_tokens"][:, step : step + 1], lengths)
        assert_close(logits, oracle["step_logits"][:, step], 1e-4)
        assert_close(hidden, oracle["step_hidden"][:, step], 1e-4)


def test_decoder_makes_the_originals_audio_from_its_hidden_states_to_1e_4(fp32: Bundle, oracle: Arrays) -> None:
    decode = open_decoder(fp32)
    assert_close(decode(oracle["greedy/hidden1"][None])[0], oracle["greedy/audio1"], 1e-4)
    hidden = np.ascontiguousarray(oracle["decoder/hidden"].transpose(0, 2, 1))
    assert_close(decode(hidden), oracle["decoder/audio"], 1e-4)
    assert_close(decode(hidden[1:2, -7:]), oracle["decoder/audio_tail"], 1e-4)


def test_free_running_audio_is_the_originals_to_5e_3_of_its_rms(greedy: list[SynthesisResult], oracle: Arrays) -> None:
    audio, expected = greedy[1].audio, oracle["greedy/audio1"]
    assert audio.shape == expected.shape
    assert np.abs(audio - expected).max() <= 5e-3 * np.sqrt(np.square(expected).mean())


def test_a_token_is_2048_samples_and_the_first_one_makes_none(greedy: list[SynthesisResult]) -> None:
    for result in greedy:
        assert result.frames == len(traced(result)["tokens"]) == len(traced(result)["hidden"])
        assert result.audio.shape == ((result.frames - 1) * SAMPLES_PER_TOKEN,)
        assert (str(result.audio.dtype), result.sample_rate) == ("float32", RATE)


@pytest.mark.parametrize("index", range(3))
def test_texts_become_the_originals_prompts(
    engine: SopranoEngine, tiny_meta: Mapping[str, Any], prompts: list[list[int]], index: int
) -> None:
    text = tiny_meta["texts"][index]
    utterances = engine.model.prepare(SynthesisRequest(id="a", text=text["text"]), False)
    assert [f"[STOP][TEXT]{utterance.text}[START]" for utterance in utterances] == text["prompts"]
    assert [utterance.prompt.tolist() for utterance in utterances] == [prompts[:1], prompts[1:2], prompts[2:]][index]


def test_hallucinations_are_the_originals(engine: SopranoEngine, oracle: Arrays, tiny_meta: Mapping[str, Any]) -> None:
    for i, expected in enumerate(tiny_meta["hallucinates"]):
        utterance = prepare(engine, retries=1)
        utterance.hidden = list(oracle[f"halluc{i}"])
        assert (engine.model.finish(utterance) is not None) == expected


# The portable bundle with nothing but ONNX Runtime, as others load it: names and numbers.


@pytest.fixture(scope="module")
def portable(tiny_bundle: BundleFactory) -> Bundle:
    return tiny_bundle("fp32", "portable")


@pytest.fixture(scope="module")
def backbone(portable: Bundle) -> ort.InferenceSession:
    return ort.InferenceSession(portable.folder / "soprano_backbone_kv.onnx", providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def decoder(portable: Bundle) -> ort.InferenceSession:
    return ort.InferenceSession(portable.folder / "soprano_decoder.onnx", providers=["CPUExecutionProvider"])


def test_portable_names_are_those_of_the_public_export(backbone: ort.InferenceSession, decoder: ort.InferenceSession) -> None:
    past = [f"past_key_values.{i}.{part}" for i in range(3) for part in ("key", "value")]
    present = [f"present.{i}.{part}" for i in range(3) for part in ("key", "value")]
    assert [i.name for i in backbone.get_inputs()] == ["input_ids", "attention_mask", "position_ids", *past]
    assert [o.name for o in backbone.get_outputs()] == ["logits", *present, "last_hidden_state"]
    assert [(i.name, i.shape) for i in decoder.get_inputs()] == [("hidden_states", ["batch", 512, "tokens"])]
    assert [o.name for o in decoder.get_outputs()] == ["audio"]


def test_portable_operators_are_the_standards(portable: Bundle) -> None:
    for graph in portable.manifest.graphs.values():
        model = onnx.load(portable.path(graph.file), load_external_data=False)
        assert {node.domain for node in model.graph.node} == {""}
        assert [opset.domain for opset in model.opset_import] == [""]


def test_portable_left_padded_batch_and_steps_are_the_originals_to_1e_4(backbone: ort.InferenceSession, oracle: Arrays) -> None:
    mask = oracle["attention_mask"]
    cache = {i.name: np.zeros((4, 1, 0, 32), np.float32) for i in backbone.get_inputs()[3:]}
    ids, position = oracle["input_ids"], np.maximum(mask.cumsum(axis=1) - 1, 0)
    names = [output.name for output in backbone.get_outputs()]
    for step in range(4):
        feeds = {"input_ids": ids, "attention_mask": mask, "position_ids": position, **cache}
        outputs = dict(zip(names, backbone.run(names, feeds), strict=True))
        logits, hidden = outputs["logits"][:, -1], outputs["last_hidden_state"][:, -1]
        if step == 0:
            assert_close(logits, oracle["prefill_logits_last"], 1e-4)
            assert_close(hidden, oracle["prefill_hidden_last"], 1e-4)
        else:
            assert_close(logits, oracle["step_logits"][:, step - 1], 1e-4)
            assert_close(hidden, oracle["step_hidden"][:, step - 1], 1e-4)
        cache = {name.replace("present", "past_key_values"): outputs[name] for name in names[1:-1]}
        ids, position = oracle["step_tokens"][:, step : step + 1], position[:, -1:] + 1
        mask = np.pad(mask, ((0, 0), (0, 1)), constant_values=1)


def test_portable_decoder_makes_the_originals_audio_to_1e_4(decoder: ort.InferenceSession, oracle: Arrays) -> None:
    audio = decoder.run(["audio"], {"hidden_states": oracle["greedy/hidden1"].T[None]})[0]
    assert_close(audio[0], oracle["greedy/audio1"], 1e-4)
    assert_close(decoder.run(["audio"], {"hidden_states": oracle["decoder/hidden"]})[0], oracle["decoder/audio"], 1e-4)


def test_the_engine_refuses_a_portable_bundle(portable: Bundle) -> None:
    with pytest.raises(BundleError, match="the engine runs 'server' bundles"):
        open_model(portable, threads=1, slots=1)


# Same row, same bytes: a row's result is a function of the row, whatever runs beside it.


@pytest.fixture(scope="module")
def rows() -> list[np.ndarray]:
    """Random prompts of 2 to 64 tokens and four tokens to step with, each."""
    random = np.random.default_rng(0)
    return [random.integers(0, 312, 4 + random.integers(2, 65)) for _ in range(ROWS)]


@pytest.fixture(scope="module")
def alone(bundle: Bundle, rows: list[np.ndarray]) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """Logits and hidden of prefill and steps of every row, alone in the only slot."""
    lm = LM(bundle, slots=1)
    return [
        [
            lm.run(row[None, :-4], [len(row) - 4]),
            *(lm.run(row[None, i : i + 1], [i + 1]) for i in range(len(row) - 4, len(row))),
        ]
        for row in rows
    ]


@pytest.mark.parametrize(("mates", "threads"), [(1, 2), (2, 2), (7, 2), (16, 3), (31, 2), (31, 1)])
def test_prefill_and_steps_are_the_same_bytes_among_any_mates(
    bundle: Bundle,
    rows: list[np.ndarray],
    alone: list[list[tuple[np.ndarray, np.ndarray]]],
    mates: int,
    threads: int,
) -> None:
    """Prefill while other slots run, and steps among ragged mates, in any slot and with any number of threads."""
    lm = LM(bundle, ROWS, threads)
    order = np.random.default_rng(mates).permutation(ROWS)[: mates + 1]
    # Prefill one after the other, with a step of those already there in between.
    for slot, index in enumerate(order):
        row = rows[index]
        for actual, expected in zip(lm.run(row[None, :-4], [len(row) - 4], slot), alone[index][0], strict=True):
            assert_same_bytes(actual, expected)
        running = [rows[i] for i in order[: slot + 1]]
        logits, _ = lm.run(np.array([row[-4:-3] for row in running]), [len(row) - 3 for row in running])
        assert_same_bytes(logits[slot], alone[index][1][0][0])
    for step in range(4):
        tokens = np.array([rows[i][step - 4, None] for i in order])
        logits, hidden = lm.run(tokens, [len(rows[i]) - 3 + step for i in order])
        for slot, index in enumerate(order):
            assert_same_bytes(logits[slot], alone[index][step + 1][0][0])
            assert_same_bytes(hidden[slot], alone[index][step + 1][1][0])


@pytest.mark.parametrize("tokens", [2, 33])
def test_decoded_audio_is_the_same_bytes_among_any_mates(bundle: Bundle, tokens: int) -> None:
    """A row alone and among 31 others, with any number of threads."""
    hidden = np.random.default_rng(tokens).standard_normal((ROWS, tokens, 512)).astype(np.float32)
    decode = open_decoder(bundle, threads=1)
    alone = [decode(hidden[i : i + 1])[0] for i in range(ROWS)]
    for threads in (1, 2, 4):
        decode = open_decoder(bundle, threads)
        for audio, expected in zip(decode(hidden), alone, strict=True):
            assert_same_bytes(audio, expected)
        assert_same_bytes(decode(hidden[:1])[0], alone[0])


@pytest.fixture(scope="module")
def requests(prompts: list[list[int]], tiny_meta: Mapping[str, Any]) -> list[SynthesisRequest]:
    """Twelve requests of different lengths and settings, most of them sampled at temperature 0.8."""
    hot = {"temperature": 0.8, "max_new_tokens": 40}
    noise = np.random.default_rng(1).random(24)
    return [
        *(SynthesisRequest(str(i), token_ids=ids, seed=5, options=hot) for i, ids in enumerate(prompts)),
        SynthesisRequest("same words", token_ids=prompts[0], seed=5, options=hot),
        SynthesisRequest("other seed", token_ids=prompts[0], seed=6, options=hot),
        SynthesisRequest("noise", token_ids=prompts[1], noise=noise, options={**hot, "max_new_tokens": 24}),
        SynthesisRequest("greedy", token_ids=prompts[2], options={"max_new_tokens": 30}),
        SynthesisRequest("short", token_ids=[1, 2], options={**hot, "max_new_tokens": 2}),
        SynthesisRequest("one token", token_ids=[1], options={**hot, "max_new_tokens": 1}),
        SynthesisRequest("chunks", text=tiny_meta["texts"][2]["text"], options={**hot, "pause_s": 0.1}),
        SynthesisRequest("again", token_ids=prompts[3], options={**hot, "min_new_tokens": 40, "top_k": 1, "retries": 2}),
    ]


@pytest.fixture(scope="module")
def spoken_alone(bundle: Bundle, requests: list[SynthesisRequest]) -> dict[str, SynthesisResult]:
    with open_model(bundle, threads=2, slots=1) as engine:
        return {request.id: engine.generate([request], trace=True)[0] for request in requests}


@pytest.mark.parametrize(("slots", "threads", "order"), [(1, 2, 1), (3, 2, -1), (8, 2, 1), (8, 1, 5), (32, 2, 7)])
def test_speech_is_the_same_bytes_in_any_batch(
    bundle: Bundle,
    requests: list[SynthesisRequest],
    spoken_alone: dict[str, SynthesisResult],
    slots: int,
    threads: int,
    order: int,
) -> None:
    """Sampled tokens and audio of a request, alone and in mixed batches, in any order."""
    shuffled = [requests[i * order % len(requests)] for i in range(len(requests))]
    with open_model(bundle, threads=threads, slots=slots) as engine:
        for result in engine.generate(shuffled, trace=True):
            expected = spoken_alone[result.id]
            assert_same_bytes(traced(result)["tokens"], traced(expected)["tokens"])
            assert_same_bytes(traced(result)["hidden"], traced(expected)["hidden"])
            assert_same_bytes(result.audio, expected.audio)
            assert (result.finish_reason, result.chunks) == (expected.finish_reason, expected.chunks)


def test_sampled_requests_differ_by_id_and_seed(spoken_alone: dict[str, SynthesisResult]) -> None:
    tokens = [tuple(traced(spoken_alone[name])["tokens"].tolist()) for name in ("0", "same words", "other seed")]
    assert len(set(tokens)) == 3


def test_int8_is_row_wise_and_not_the_stock_quantization(tiny_bundle: BundleFactory) -> None:
    bundle = tiny_bundle("int8")
    for key, graph in bundle.manifest.graphs.items():
        assert graph.precision == "int8"
        model = onnx.load(bundle.path(graph.file), load_external_data=False)
        operators = [node.op_type for node in model.graph.node]
        assert "MatMulIntegerToFloat" in operators
        assert not {"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "MatMulInteger"} & set(operators)
        if key == "lm":
            assert "MatMul" not in operators


def test_int8_audio_is_close_to_fp32(tiny_bundle: BundleFactory, oracle: Arrays) -> None:
    expected = oracle["greedy/audio1"]
    audio = open_decoder(tiny_bundle("int8"))(oracle["greedy/hidden1"][None])[0]
    assert 10 * np.log10(np.square(expected).sum() / np.square(audio - expected).sum()) > 30


# What a request may ask for.


def test_a_text_of_two_chunks_is_their_concatenation(
    engine: SopranoEngine, greedy: list[SynthesisResult], tiny_meta: Mapping[str, Any]
) -> None:
    text = tiny_meta["texts"][2]["text"]
    (result,) = engine.generate([SynthesisRequest(id="a", text=text)], trace=True)
    assert_same_bytes(result.audio, np.concatenate([greedy[2].audio, greedy[3].audio]))
    assert_same_bytes(traced(result)["hidden"], np.concatenate([traced(greedy[i])["hidden"] for i in (2, 3)]))
    assert result.frames == greedy[2].frames + greedy[3].frames
    ends = np.cumsum([len(greedy[i].audio) / RATE for i in (2, 3)]).tolist()
    assert [(chunk.start_s, chunk.end_s) for chunk in result.chunks] == [(0, ends[0]), (ends[0], ends[1])]
    assert [chunk.text for chunk in result.chunks] == [
        prompt.removeprefix("[STOP][TEXT]").removesuffix("[START]") for prompt in tiny_meta["texts"][2]["prompts"]
    ]


def test_sentences_are_spoken_one_at_a_time_each_through_the_front_end(engine: SopranoEngine) -> None:
    texts = [
        "Dr. Jones paid $5 for the old bicycle, and left.",
        "Nobody in the town has seen him again since then.",
        "Hm.",
        "“…”",
    ]
    sentences = [Sentence(text, text.upper()) for text in texts]
    utterances = engine.model.prepare(SynthesisRequest(id="a", text="of no effect", sentences=sentences), False)
    told = [(utterance.text, utterance.source.written) for utterance in utterances if utterance.source]
    assert told == [
        ("doctor jones paid five dollars for the old bicycle, and left.", texts[0].upper()),
        ("nobody in the town has seen him again since then. hm...", " ".join(texts[1:]).upper()),
    ]


def test_a_sentence_that_is_too_long_is_cut_by_what_the_front_end_makes_of_it(engine: SopranoEngine) -> None:
    text = "They counted: " + ", ".join(str(number) for number in range(1100, 1180)) + "."
    sentences = cut_sentences(Edited(text), "en")
    utterances = engine.model.prepare(SynthesisRequest(id="a", text=text, sentences=sentences), False)
    assert len(utterances) > 5
    assert all(len(utterance.text) <= 300 for utterance in utterances)
    assert " ".join(utterance.source.written for utterance in utterances if utterance.source) == text


def test_a_pause_is_silence_between_chunks(
    engine: SopranoEngine, greedy: list[SynthesisResult], tiny_meta: Mapping[str, Any]
) -> None:
    request = SynthesisRequest(id="a", text=tiny_meta["texts"][2]["text"], options={"pause_s": 0.25})
    (result,) = engine.generate([request])
    first, second = greedy[2].audio, greedy[3].audio
    assert_same_bytes(result.audio, np.concatenate([first, np.zeros(RATE // 4, np.float32), second]))
    assert result.chunks[1].start_s == result.chunks[0].end_s + 0.25


def test_streams_the_chunks_of_a_text(
    engine: SopranoEngine, greedy: list[SynthesisResult], tiny_meta: Mapping[str, Any]
) -> None:
    chunks = list(engine.stream(SynthesisRequest(id="a", text=tiny_meta["texts"][2]["text"])))
    for chunk, result in zip(chunks, greedy[2:], strict=True):
        assert chunk.audio is not None
        assert_same_bytes(chunk.audio, result.audio)


def test_without_trace_nothing_is_kept(engine: SopranoEngine) -> None:
    (result,) = engine.generate([SynthesisRequest(id="a", token_ids=[1, 2], options={"max_new_tokens": 5})])
    assert result.trace is None
    assert result.frames == 5


def test_max_new_tokens_ends_it_by_length(engine: SopranoEngine, prompts: list[list[int]], oracle: Arrays) -> None:
    request = SynthesisRequest(id="a", token_ids=prompts[0], options={"max_new_tokens": 9})
    (result,) = engine.generate([request], trace=True)
    assert traced(result)["tokens"].tolist() == oracle["greedy/tokens0"][:9].tolist()
    assert (result.finish_reason, result.frames, len(result.audio)) == ("length", 9, 8 * SAMPLES_PER_TOKEN)


def test_min_new_tokens_forbids_the_end(engine: SopranoEngine, prompts: list[list[int]]) -> None:
    request = SynthesisRequest(id="a", token_ids=prompts[3], options={"min_new_tokens": 110, "max_new_tokens": 115})
    (result,) = engine.generate([request], trace=True)
    assert result.frames >= 110
    assert STOP not in traced(result)["tokens"]


@pytest.mark.parametrize("tokens", [0, 1])
def test_an_utterance_that_ends_at_once_is_silent(
    engine: SopranoEngine, oracle: Arrays, prompts: list[list[int]], tokens: int
) -> None:
    options = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "repetition_penalty": 1.0, "max_new_tokens": 1}
    logits = oracle["prefill_logits_last"][0].astype(np.float64) / 5
    share = np.exp(logits) / np.exp(logits).sum()
    at_stop = share[:STOP].sum() + share[STOP] / 2
    noise = np.array([at_stop if tokens == 0 else share[0] / 2])
    request = SynthesisRequest("a", token_ids=prompts[0], noise=noise, options={**options, "temperature": 5.0})
    (result,) = engine.generate([request], trace=True)
    assert traced(result)["tokens"].tolist() == [0] * tokens
    assert traced(result)["hidden"].shape == (tokens, 512)
    assert (result.frames, result.audio.shape) == (tokens, (0,))
    assert result.finish_reason == ("length" if tokens else "eos")


def test_noise_is_used_as_it_is(engine: SopranoEngine, prompts: list[list[int]]) -> None:
    options = {"temperature": 1.0, "max_new_tokens": 20, "top_p": 1.0}
    drawn = row_generator(3, "a", 0, 0).random(20)
    seeded = SynthesisRequest(id="a", token_ids=prompts[0], seed=3, options=options)
    noisy = SynthesisRequest(id="b", token_ids=prompts[0], noise=drawn, options=options)
    other = SynthesisRequest(id="c", token_ids=prompts[0], noise=1 - drawn, options=options)
    first, second, third = (traced(r)["tokens"].tolist() for r in engine.generate([seeded, noisy, other], trace=True))
    assert first == second != third


def test_a_hallucination_is_spoken_again_with_other_random_numbers(engine: SopranoEngine, oracle: Arrays) -> None:
    utterance = prepare(engine, retries=1, temperature=0.8)
    utterance.hidden = list(oracle["halluc1"])
    utterance.tokens = list(range(len(utterance.hidden)))
    utterance.finish_reason = "length"
    again = engine.model.finish(utterance)
    assert again is not None
    assert (again.attempt, again.tokens, again.hidden, again.done) == (1, [], [], False)
    assert again.uniform() != prepare(engine, retries=1, temperature=0.8).uniform()
    again.hidden = list(oracle["halluc1"])
    assert engine.model.finish(again) is None
    assert again.audio is not None
    assert again.audio.shape == ((len(oracle["halluc1"]) - 1) * SAMPLES_PER_TOKEN,)


def test_without_retries_a_hallucination_stays(engine: SopranoEngine, oracle: Arrays) -> None:
    utterance = prepare(engine)
    utterance.hidden = list(oracle["halluc1"])
    assert engine.model.finish(utterance) is None


def test_defaults_are_the_originals(engine: SopranoEngine) -> None:
    expected = Options(temperature=0.0, top_p=0.95, top_k=50, repetition_penalty=1.2, max_new_tokens=512)
    assert prepare(engine).options == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temprature": 1.0}, r"temprature: .*Known: temperature, top_p"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"repetition_penalty": 0.0}, "repetition_penalty"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"max_new_tokens": 513}, "max_new_tokens 513 is above this model's 512"),
        ({"max_new_tokens": "many"}, "max_new_tokens"),
        ({"retries": 21}, "retries"),
        ({"pause_s": 11.0}, "pause_s"),
    ],
)
def test_a_bad_option_is_a_request_error(engine: SopranoEngine, options: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        engine.submit(SynthesisRequest(id="a", token_ids=[1, 2], options=options))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (SynthesisRequest("a", text="Hello.", voice="anna"), "unknown voice 'anna': this model has default"),
        (SynthesisRequest("a"), "either text or token_ids"),
        (SynthesisRequest("a", text=""), "nothing to speak"),
        (SynthesisRequest("a", text=" \n\t "), "nothing to speak"),
        (SynthesisRequest("a", text="... ?! --"), "nothing to speak"),
        (SynthesisRequest("a", token_ids=[]), "this one has 0"),
        (SynthesisRequest("a", token_ids=[1] * 513), "1 to 512 tokens, this one has 513"),
        (SynthesisRequest("a", token_ids=[1, 312]), r"0 \.\. 311"),
        (SynthesisRequest("a", token_ids=[-1, 2]), r"0 \.\. 311"),
        (SynthesisRequest("a", token_ids=[1], noise=np.zeros(511)), "noise has 511 numbers, max_new_tokens is 512"),
    ],
    ids=lambda value: "" if isinstance(value, SynthesisRequest) else value,
)
def test_a_request_that_cannot_be_spoken_says_why(engine: SopranoEngine, request_: SynthesisRequest, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        engine.submit(request_)


def test_the_longest_prompt_and_speech_fit(engine: SopranoEngine) -> None:
    options = {"min_new_tokens": 512, "temperature": 1.0}
    request = SynthesisRequest(id="a", token_ids=[5] * 512, options=options)
    (result,) = engine.generate([request])
    assert (result.frames, result.finish_reason) == (512, "length")
    assert np.isfinite(result.audio).all()


def test_no_text_is_too_long_for_the_prompt(engine: SopranoEngine) -> None:
    text = "zqxkvj " * 41 + ". " + "Zqxkvjq. " * 30
    utterances = engine.model.prepare(SynthesisRequest(id="a", text=text), False)
    assert max(len(utterance.prompt) for utterance in utterances) <= 512
    assert sum(utterance.text.count("q") for utterance in utterances) == text.lower().count("q")


def test_settings_of_another_version_are_a_bundle_error(fp32: Bundle) -> None:
    settings = {**fp32.manifest.settings, "supprise": 1}
    manifest = fp32.manifest.model_copy(update={"settings": settings})
    with pytest.raises(BundleError, match="settings of this soprano bundle are not understood"):
        Soprano(Bundle(fp32.folder, manifest, fp32.digest), CPU, threads=1, slots=1)
