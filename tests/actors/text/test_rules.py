"""Of rules the first that applies to a place is taken, wherever one can begin."""

import re

import pytest

from actors.text.edits import Edited
from actors.text.languages import LANGUAGES
from actors.text.rules import _SHARED, CAPITAL, DIGIT, FREE, SMALL, Rule, Rules

NUMBER = Rule(rf"{FREE}\d{{1,3}}", lambda _: "many", DIGIT)


def read(text: str, *rules: Rule, words: tuple[str, ...] = ()) -> str:
    return Edited(text, Rules(rules, words).edits(text)).text


def test_the_first_rule_that_applies_is_taken() -> None:
    seven = Rule(rf"{FREE}7", lambda _: "seven", DIGIT)
    refuses = Rule(rf"{FREE}\d", lambda _: None, DIGIT)
    assert read("a 7 and 8", refuses, seven, NUMBER) == "a seven and many"
    assert read("a 7", refuses) == "a 7"


def test_a_rule_is_tried_only_where_it_can_begin() -> None:
    name = Rule(r"(?<!\w)(?:Aa|aa-b)", lambda _: "x", CAPITAL)
    assert read("an Aa, aa-b", name) == "an x, aa-b"
    assert read("an Aa, aa-b", name._replace(begins=CAPITAL + SMALL)) == "an x, x"
    assert read("a1 a5 5 1.5", NUMBER) == "a1 a5 many many.5"


def test_plain_words_are_looked_at_if_they_are_named() -> None:
    per = Rule(r"(?<!\w)per\b", lambda _: "for each", SMALL)
    assert read("so per se, super", per) == "so per se, super"
    assert read("so per se, super", per, words=("per",)) == "so for each se, super"


def test_a_tail_is_read_if_it_is_there() -> None:
    rule = Rule(rf"{FREE}\d", lambda match: f"{match['unit']}s", DIGIT, r"(?: (?P<unit>km))?")
    assert read("a 5 km and 5 m", rule) == "a kms and Nones m"


def test_what_begins_a_sentence_has_a_capital() -> None:
    assert read("5 came. 6 left, “7” of 8.", NUMBER) == "Many came. Many left, “many” of many."


def test_endless_words_are_left_alone() -> None:
    endless = "5," * 600
    assert read(f"a 5 {endless} 5", NUMBER) == f"a many {endless} many"


def test_groups_have_names() -> None:
    with pytest.raises(ValueError, match="must have names"):
        Rules([Rule(r"(\d)", lambda _: "", DIGIT)])


def without_brackets(pattern: str) -> str:
    bare = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "", pattern)
    while bare != (inner := re.sub(r"\([^()]*\)", "", bare)):
        bare = inner
    return bare


@pytest.mark.parametrize("language", LANGUAGES)
def test_alternatives_behind_what_rules_share_are_in_brackets(language: str) -> None:
    patterns = [rule.pattern for rule in LANGUAGES[language]().rules()]
    assert [pattern for pattern in patterns if pattern.startswith(_SHARED[:-1]) and "|" in without_brackets(pattern)] == []
