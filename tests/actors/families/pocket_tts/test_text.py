"""The text front end gives what pocket-tts 4.0.1 gave, recorded in the oracles' meta.json."""

from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import Tokenizer

from actors.families.pocket_tts.text import TextRules, has_few_words, prepare_text, split_text

RULES = TextRules(
    pad_with_spaces_for_short_inputs=False,
    remove_semicolons=False,
    append_terminal_punctuation=True,
    capitalize_first_letter=True,
    replace_characters={"\u2019": "'", "\u2018": "'"},
)
VARIANTS = ("lsd", "drifting", "pointwise")


@pytest.mark.parametrize("variant", VARIANTS)
def test_recorded_texts_are_prepared_as_recorded(variant: str, pocket_oracle: Callable[[str], Any]) -> None:
    for case in pocket_oracle(variant).meta["prepare"]:
        text, pad, remove_semicolons = case["args"]
        expected, frames_after_eos = case["out"]
        rules = TextRules(pad, remove_semicolons, True, True, {})
        prepared, is_short = prepare_text(text, rules)
        assert (prepared, 3 if is_short else 1) == (expected, frames_after_eos)


@pytest.mark.parametrize("variant", VARIANTS)
def test_recorded_texts_are_cut_as_recorded(variant: str, pocket_oracle: Callable[[str], Any]) -> None:
    oracle = pocket_oracle(variant)
    tokenizer = Tokenizer.from_file(str(oracle.folder / "tokenizer.json"))
    for case in oracle.meta["chunking"]:
        assert split_text(tokenizer, case["text"], case["max_tokens"], RULES) == case["chunks"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \n\t ", ""),
        ("so it ends, ", "So it ends."),
        ("he said \u201cgo on,\u201d", "He said \u201cgo on.\u201d"),
        ("it\u2019s\nnew", "It's new."),
        ("what?!; yes", "What?! yes."),
        ("...", "..."),
    ],
)
def test_text_is_prepared_as_sentences(text: str, expected: str) -> None:
    assert prepare_text(text, RULES)[0] == expected


def test_four_words_are_few() -> None:
    assert has_few_words("one two three four")
    assert not has_few_words("one two three four five")
