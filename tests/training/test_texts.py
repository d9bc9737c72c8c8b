from pathlib import Path

import pytest

from actors.errors import UsageError
from training import texts
from training.texts import ALPHABET, Texts, clean, collect, is_held_out, words_of

_WORDS = [
    f"{stem}{ending}"
    for stem in ["plan", "grain", "torch", "blank", "swift", "marsh", "cloud", "stream"]
    for ending in ("", "er", "ing")
]


@pytest.fixture
def wordnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in WordNet's format, with invented entries."""
    lines = [f"  1 This software and database is being provided {i}" for i in range(3)]
    for i, word in enumerate(_WORDS * 60):
        other = _WORDS[(i * 7 + i // 24) % len(_WORDS)]
        lines.append(f'{i:08d} 03 n 01 {word} 0 000 | a kind of {other} number {i}; "the {word} saw {other} {i} of them"')
    for part in ("noun", "verb", "adj", "adv"):
        (tmp_path / f"data.{part}").write_text("\n".join(lines))
        (tmp_path / f"index.{part}").write_text("\n".join(["  1 licence", *(f"{word} n 1 0" for word in _WORDS)]))
    (tmp_path / "cntlist.rev").write_text("\n".join(f"{word}%1:00:00:: 1 {i}" for i, word in enumerate(_WORDS)))
    monkeypatch.setattr(texts, "WORDNET", tmp_path)
    monkeypatch.setattr(texts, "_COMMON_WORDS", 4)
    monkeypatch.setattr(texts, "_HELD_OUT_WORDS", 0.3)
    return tmp_path


def _collect() -> Texts:
    return collect(3, sentences=200, definitions=100, rows=100, templates=200)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("The book cost $3.50 in 1984!", "the book cost three dollars, fifty cents in nineteen eighty four!"),
        ("twenty-one  MEN ;  and (so on)", "twenty one men, and, so on."),
        ("What?", "what?"),
    ],
)
def test_clean_goes_through_the_front_end_and_leaves_only_the_alphabet(text: str, cleaned: str) -> None:
    assert clean(text).rstrip(".") == cleaned.rstrip(".")
    assert set(clean(text)) <= set(ALPHABET)


def test_words_of_one_family_are_held_out_together() -> None:
    assert is_held_out("monkeys") == is_held_out("monkey")
    assert {is_held_out(word) for word in (f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst")} == {False, True}


@pytest.mark.usefixtures("wordnet")
def test_no_training_text_has_a_held_out_word_and_all_rows_of_unseen_ones_do() -> None:
    collected = _collect()
    unseen = {word for text in collected.unseen for word in words_of(text)}
    assert unseen
    assert all(is_held_out(word) for word in unseen)
    assert unseen.isdisjoint(word for text in collected.train for word in words_of(text))


@pytest.mark.usefixtures("wordnet")
def test_test_sentences_are_not_in_training() -> None:
    collected = _collect()
    training = {text.rstrip(".?! ") for text in collected.train}
    assert training.isdisjoint(text.rstrip(".?! ") for text in collected.held_out)
    assert all(100 <= len(text) <= 150 for text in collected.long)


@pytest.mark.usefixtures("wordnet")
def test_texts_are_the_same_for_the_same_seed_and_speakable() -> None:
    collected = _collect()
    assert collected == _collect()
    assert collected.train != collect(4, sentences=200, definitions=100, rows=100, templates=200).train
    assert {text[-1] for text in collected.train} >= set(".?!")
    assert all(set(text) <= set(ALPHABET) and 0 < len(text) <= 200 for text in collected.train)


def test_a_machine_without_wordnet_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "WORDNET", tmp_path / "none")
    with pytest.raises(UsageError, match="apt install wordnet-base"):
        collect(0)
