import pytest

torch = pytest.importorskip("torch", reason="training needs the 'export' extra")

import numpy as np  # noqa: E402

from training.texts import ALPHABET  # noqa: E402
from training.voice.codes import (  # noqa: E402
    CODES,
    FIRST_CHARACTER,
    FIRST_CODE,
    HIGH_CODES,
    START,
    STOP,
    TEXT,
    VOCABULARY,
    Codebook,
    tokenizer,
)
from training.voice.utterances import TOKEN, Utterance  # noqa: E402


def _utterance(generator: np.random.Generator, tokens: int = 20) -> Utterance:
    high = np.arange(tokens) >= tokens - 4
    return Utterance(
        text="ab?",
        features=torch.from_numpy(generator.normal(high[:, None] * 1.0, 1.0, (tokens, 160)).astype(np.float16)),
        high=torch.from_numpy(high),
        position=torch.linspace(0, 2, tokens),
        phonemes=["a", "b", "_"],
        starts=torch.tensor([TOKEN, 8 * TOKEN, 15 * TOKEN], dtype=torch.int32),
        audio=torch.zeros(0, dtype=torch.int16),
    )


def test_codebook_gives_the_two_pitches_codes_of_their_own() -> None:
    pytest.importorskip("sklearn", reason="clustering needs the 'train' extra")
    generator = np.random.default_rng(0)
    utterances = [_utterance(generator, tokens=40) for _ in range(60)]
    codebook = Codebook.fit(utterances, seed=0, sample=60)
    assert codebook.phonemes == ["_", "a", "b"]
    example = codebook.example(utterances[0])
    assert torch.equal(example.codes >= FIRST_CODE + CODES - HIGH_CODES, utterances[0]["high"])
    assert torch.equal(example.points[:, -1] > 0, utterances[0]["high"])
    distance = np.linalg.norm(codebook.centres[example.codes - FIRST_CODE] - example.points[:, :160].numpy(), axis=1)
    assert (distance < np.linalg.norm(example.points[:, :160].numpy(), axis=1)).mean() > 0.9


def test_example_labels_each_half_of_a_token_with_what_sounds_there() -> None:
    codebook = Codebook(
        np.zeros(160), 1.0, np.random.default_rng(0).normal(size=(CODES, 160)).astype(np.float32), ["_", "a", "b"]
    )
    example = codebook.example(_utterance(np.random.default_rng(1)))
    assert example.characters.tolist() == [FIRST_CHARACTER + ALPHABET.index(c) for c in "ab?"]
    assert example.phonemes[0].tolist() == [0, 0]  # before the first phoneme
    assert example.phonemes[1].tolist() == [0, 1]  # it starts at this token's centre: its first half is still silent
    assert example.phonemes[4].tolist() == [1, 1]
    assert example.phonemes[10].tolist() == [2, 2]
    assert example.phonemes[18].tolist() == [0, 0]


def test_tokenizer_reads_characters_and_turns_the_rest_into_spaces() -> None:
    ours = tokenizer()
    assert ours.get_vocab_size() == VOCABULARY
    ids = ours.encode("[STOP][TEXT]Ab-c  (d) , e?[START]").ids
    assert ids[:2] == [STOP, TEXT]
    assert ids[-1] == START
    assert "".join(ALPHABET[i - FIRST_CHARACTER] for i in ids[2:-1]) == "ab c d, e?"
    assert all(ours.token_to_id(f"[{i}]") == FIRST_CODE + i for i in (0, CODES - 1))
    assert 0 not in ours.encode("naïve 1984 €5 <b>").ids  # [UNK] is never needed
