"""What the ear reads and writes, and that it learns; how well it hears is measured by ``tests/test_hearing_gate.py``."""

import itertools
import json
import random
import shutil
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the 'export' extra")

from actors.families.vibevoice_asr.transcript import parse_transcript  # noqa: E402
from exporter.checkpoints import open_checkpoint  # noqa: E402
from exporter.vae import Block  # noqa: E402
from exporter.vibevoice_asr import FILES, load  # noqa: E402
from training.ear import checkpoint as ear_checkpoint  # noqa: E402
from training.ear.model import IGNORED, WEIGHTS, Batch, Mistakes, Trainee, Writer, attend, run_block  # noqa: E402
from training.ear.rows import Pool, Row, Turn  # noqa: E402
from training.ear.sounds import SAMPLE_RATE, VOICE, Sound  # noqa: E402

SHIPPED = Path(__file__).parents[3] / "training" / "checkpoints" / "ear"
FIRST_FRAME = 7  # tokens of the prompt before the audio's first frame


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(["a", "b"])


@pytest.fixture(scope="module")
def trainee(writer: Writer) -> Trainee:
    torch.manual_seed(0)
    return Trainee(writer, voices=3)


@pytest.fixture(scope="module")
def batch(writer: Writer, sounds: list[Sound]) -> Batch:
    pool = Pool(sounds)
    return writer.batch([pool.row(random.Random(i), 4.0 + i, 2, 0.5, spoilt=False) for i in range(2)])


def _answer(writer: Writer, batch: Batch, row: int) -> str:
    targets = batch.targets[row]
    return str(writer.tokenizer.decode(targets[targets >= 0].tolist(), skip_special_tokens=True))


def test_the_answer_is_the_familys_json(writer: Writer, tone: Callable[..., Sound]) -> None:
    first, second = tone("it's here, now.", 3, 1.0), tone("who?", 5, 0.5)
    audio = np.zeros(3 * SAMPLE_RATE, np.float32)
    row = Row(audio, [Turn(first, 0, 0), Turn(second, 2 * SAMPLE_RATE, 1)])
    answer = _answer(writer, writer.batch([row]), 0)
    assert json.loads(answer.removeprefix("assistant\n")) == [
        {"Start": 0.1, "End": 1.1, "Speaker": 0, "Content": "it's here, now."},
        {"Start": 2.1, "End": 2.6, "Speaker": 1, "Content": "who?"},
    ]
    segments = parse_transcript(answer)
    assert segments is not None
    assert [segment.speaker for segment in segments] == ["0", "1"]


def test_where_nothing_is_said_the_answer_is_an_empty_list(writer: Writer) -> None:
    batch = writer.batch([Row(np.zeros(SAMPLE_RATE, np.float32), [])])
    assert parse_transcript(_answer(writer, batch, 0)) == []


def test_characters_are_looked_for_where_they_are_said(writer: Writer, tone: Callable[..., Sound]) -> None:
    said = tone("abcdefghij", 0, 2.0)
    batch = writer.batch([Row(np.zeros(3 * SAMPLE_RATE, np.float32), [Turn(said, 0, 0)])])
    letter = writer.tokenizer.token_to_id("j")
    (index,) = (batch.targets[0] == letter).nonzero()[0]
    # It is said at 2.1 s, looked for 60 ms later, and frame f is centred on (f + 0.5) * 80 ms.
    assert float(batch.position[0, index]) == pytest.approx(FIRST_FRAME + 2.16 / 0.08 - 0.5, abs=0.01)
    assert int(batch.is_audio[0].nonzero()[0]) == FIRST_FRAME
    assert int(batch.is_audio.sum()) == int(batch.heard.sum()) == 38


def test_phonemes_are_known_a_little_late_and_not_at_all_of_the_embedded_voice(
    writer: Writer, tone: Callable[..., Sound]
) -> None:
    known = tone("a", 0, 0.5)
    unknown = tone("a", VOICE, 0.5)
    unknown["phonemes"] = []
    audio = np.zeros(SAMPLE_RATE, np.float32)
    batch = writer.batch([Row(audio, [Turn(one, 0, 0)]) for one in (known, unknown)])
    label = batch.phonemes[0]
    assert (label[:6].tolist(), label[8:30].unique().tolist(), label[33:52].unique().tolist()) == ([0] * 6, [1], [0])
    assert batch.phonemes[1, 8:30].unique().tolist() == [-100]


def test_voices_are_known_where_somebody_speaks_and_numbers_are_looked_for_there(
    writer: Writer, tone: Callable[..., Sound]
) -> None:
    turns = [Turn(tone("a", VOICE, 0.8), 0, 0), Turn(tone("b", 1, 0.8), 2 * SAMPLE_RATE, 1)]
    turns += [Turn(tone(letter, VOICE, 0.1), i * SAMPLE_RATE, 0) for i, letter in ((3, "c"), (4, "d"))]
    batch = writer.batch([Row(np.zeros(5 * SAMPLE_RATE, np.float32), turns)])
    voices = batch.voices[0]
    assert (voices[2:11].unique().tolist(), voices[12:25].unique().tolist(), voices[27:36].unique().tolist()) == (
        [0],
        [IGNORED],
        [2],
    )
    asked = (batch.ids[0] == writer.asks_who).nonzero()[:, 0].tolist()
    assert writer.tokenizer.decode(batch.targets[0, asked].tolist()) == "0100"
    first, second, third, _ = asked
    assert batch.known_from[0, asked].tolist() == [first, second, first + 1, third + 1]
    assert int((batch.known_from != IGNORED).sum()) == 4
    assert batch.named[0, [i for index in asked for i in (index, index + 1)]].tolist() == [0, 0, 2, 2, 0, 0, 0, 0]
    assert int((batch.named != IGNORED).sum()) == 8
    # In the middle of what is said from 0.1 to 0.9 s, and from 2.1 to 2.9 s; the token behind looks there too.
    for index, middle in ((first, 0.5), (first + 1, 0.5), (second, 2.5), (second + 1, 2.5)):
        assert float(batch.position[0, index]) == pytest.approx(FIRST_FRAME + middle / 0.08 - 0.5, abs=0.01)


def test_mistakes_are_in_what_was_written_and_not_in_what_is_to_be(writer: Writer, tone: Callable[..., Sound]) -> None:
    text = "".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz ", k=800))
    row = Row(np.zeros(30 * SAMPLE_RATE, np.float32), [Turn(tone(text, 0, 29.0), 0, 0)])
    right, once, again, other = (
        writer.batch([row], mistakes) for mistakes in (None, Mistakes(0.08, "4"), Mistakes(0.08, "4"), Mistakes(0.08, "5"))
    )
    assert torch.equal(once.ids, again.ids)
    assert once.ids.shape != other.ids.shape or not torch.equal(once.ids, other.ids)
    asked = int((right.targets[0] >= 0).nonzero()[0])
    assert torch.equal(once.ids[0, : asked + 1], right.ids[0, : asked + 1])  # the prompt is never wrong
    # What is looked for where stays as it is; only letters that were left out, or are there twice, move it.
    expected = list(zip(right.targets[0, asked:].tolist(), right.position[0, asked:].tolist(), strict=True))
    letters = [pair for pair in zip(once.targets[0].tolist(), once.position[0].tolist(), strict=True) if pair[1] == pair[1]]
    assert set(letters) <= set(expected)
    places = [where for _, where in letters[4:]]  # the first four are times and the speaker
    assert places == sorted(places)
    # Words left out in one piece, and words written twice, of which only the end says how it goes on.
    skipped = [b - a for a, b in itertools.pairwise([expected.index(pair) for pair in letters])]
    assert max(skipped) > 2
    assert int((once.targets[0, asked:] == IGNORED).sum()) > 2
    same = SequenceMatcher(None, right.ids[0, asked:].tolist(), once.ids[0, asked:].tolist(), autojunk=False).ratio()
    assert 0.9 < same < 0.98


def test_what_is_only_spelled_has_no_audio_and_asks_for_the_whole_answer(writer: Writer, tone: Callable[..., Sound]) -> None:
    turns = [Turn(tone("it's here, now.", 0, 1.0), 0, 0), Turn(tone("who?", 1, 0.5), 2 * SAMPLE_RATE, 1)]
    row = Row(np.zeros(3 * SAMPLE_RATE, np.float32), turns)
    heard, spelled = writer.batch([row]), writer.spelling([row])
    assert spelled.audio.shape == (1, 0)
    names = ("ids", "is_audio", "heard", "phonemes", "targets")
    assert all(torch.equal(getattr(heard, name), getattr(spelled, name)) for name in names)


def test_the_imagination_learns_what_the_encoder_hears_and_does_not_prompt(writer: Writer, sounds: list[Sound]) -> None:
    torch.manual_seed(0)
    trainee = Trainee(writer, voices=3)
    row = Pool(sounds).row(random.Random(0), 4.0, 1, 1.0, spoilt=False)
    losses = trainee.losses(writer.batch([row]), writer.spelling([row]))
    own, encoder = trainee.imagination.near.weight, trainee.encoder.acoustic_connector.fc1.weight
    assert torch.autograd.grad(losses["spelling"], [own, encoder], retain_graph=True, allow_unused=True) == (None, None)
    copied = torch.autograd.grad(losses["imagination"], [own, encoder], allow_unused=True)
    assert (copied[0] is not None and copied[0].abs().max() > 0, copied[1]) == (True, None)


def test_what_is_imagined_of_a_phoneme_is_in_its_frame_and_the_two_after_it(trainee: Trainee) -> None:
    phonemes = torch.zeros(2, 40, dtype=torch.long)
    phonemes[1, 13] = 2
    silence, spoken = trainee.imagination(phonemes)
    assert (silence != spoken).any(-1).nonzero()[:, 0].tolist() == [3, 4, 5]


def test_exporter_reads_back_what_was_trained(trainee: Trainee, writer: Writer, batch: Batch, tmp_path: Path) -> None:
    with torch.no_grad():
        for parameter in trainee.parameters():
            parameter.copy_(parameter.half())  # what the file can hold
    ear_checkpoint.write(tmp_path, trainee, writer.tokenizer)
    export = load(open_checkpoint(str(tmp_path), FILES), "server")
    encoder, decoder = (export.named(name).graph.module for name in ("speech_encoder", "decoder"))
    ids, is_audio = batch.ids[:1], batch.is_audio[:1]
    with torch.no_grad():
        steps, _, semantic = trainee.listen(batch.audio[:1])
        features = trainee.understand(steps, semantic)
        frames = batch.audio[:1].unflatten(1, (-1, writer.hop))
        read, _ = encoder(frames, torch.zeros(1, encoder.state_size))
        torch.testing.assert_close(read, features, atol=1e-4, rtol=1e-4)
        hidden, _, _ = trainee.read(ids, is_audio, features[batch.heard[:1]])
        embeds = torch.nn.functional.embedding(ids, trainee.embedding).masked_scatter(
            is_audio[..., None], features[batch.heard[:1]]
        )
        length = ids.shape[1]
        cache = [torch.zeros(1, 2, length, 32) for _ in range(8)]
        logits, *_ = decoder(embeds, torch.tensor([length - 1], dtype=torch.int32), torch.tensor(length), *cache)
    torch.testing.assert_close(logits, hidden[:, -1] @ trainee.embedding.T, atol=1e-3, rtol=1e-3)


def test_it_learns(writer: Writer, batch: Batch, sounds: list[Sound]) -> None:
    torch.manual_seed(0)
    spelling = writer.spelling([Pool(sounds).row(random.Random(0), 4.0, 1, 1.0, spoilt=False)])
    trainee = Trainee(writer, voices=3)
    optimizer = torch.optim.AdamW(trainee.parameters(), lr=2e-3)
    learnt = []
    for _ in range(6):
        losses = trainee.losses(batch, spelling)
        optimizer.zero_grad()
        torch.stack([weight * losses[name] for name, weight in WEIGHTS.items()]).sum().backward()
        optimizer.step()
        learnt.append([float(losses[name].detach()) for name in ("answer", "spelling")])
    assert all(last < first - 1 for first, last in zip(learnt[0], learnt[-1], strict=True))


def test_attention_is_the_frameworks() -> None:
    generator = torch.Generator().manual_seed(0)
    parts = [torch.randn(2, heads, 40, 32, generator=generator, requires_grad=True) for heads in (6, 2, 2)]
    later = torch.ones(40, 40, dtype=torch.bool).triu(1)
    ours = attend(*parts, later)
    expected = torch.nn.functional.scaled_dot_product_attention(*parts, is_causal=True, enable_gqa=True)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)
    for gradients in zip(*(torch.autograd.grad(x.square().sum(), parts) for x in (ours, expected)), strict=True):
        torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


@pytest.mark.skipif(shutil.which("g++") is None, reason="compilation needs a C++ compiler")
def test_a_compiled_block_has_the_same_gradients(writer: Writer) -> None:
    block = next(module for module in Trainee(writer, voices=3).modules() if isinstance(module, Block))
    x = torch.randn(2, 50, block.norm.weight.shape[0], generator=torch.Generator().manual_seed(0), requires_grad=True)

    def gradients(run: Callable[[Block, torch.Tensor], torch.Tensor]) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(run(block, x).square().sum(), [x, *block.parameters()])

    compiled = torch.compile(run_block, dynamic=True)
    for ours, expected in zip(gradients(compiled), gradients(run_block), strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def test_shipped_checkpoint_is_whole_and_small() -> None:
    files = {path.name: path.stat().st_size for path in SHIPPED.iterdir()}
    assert files.keys() == {"config.json", "tokenizer.json", "model.safetensors", "README.md"}
    assert sum(files.values()) <= 6_000_000
