"""What the tests of languages share: tables of sentences, and texts that try rules; what is wrong is named in full."""

import random
import re
import time
from collections.abc import Iterable
from pathlib import Path

from actors.text import Normaliser
from actors.text.languages import rules_of
from actors.text.rules import Rules
from tests.actors.text.limits import CHARACTERS, LONGEST_S

_TEXTS = 2000
_CHARACTERS = "0123456789.,:/-\u2013'\u2019ºª°½%€$£ \n\u00a0IVXLCDMaehmnxS@#&§+=<>²₂()"
_RUNS = (
    *("9", "9 ", "1.", "1,", "1/", "1:", "12:30-", "1½ ", "1 x ", "3. und ", "1.1.\u2013", "3ª", "1€/", "€1", "'9", "₂"),
    *("XX-", "XV e ", "V. ", "a.", "ab-", "a@"),
)


def table(name: str) -> list[tuple[str, str]]:
    """Return what is written and what is said, line by line, from a file beside this one."""
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    return [(written, said) for written, said in (line.split("\t") for line in lines)]


def misread(code: str, sentences: Iterable[tuple[str, str]]) -> list[str]:
    """Return the sentences that are not read to the letter as they should be, with what is said."""
    read = Normaliser(code)
    return [f"{written} -> {said}" for written, wanted in sentences if (said := read(written).text) != wanted]


def misread_words(code: str, sentences: Iterable[tuple[str, str]]) -> list[str]:
    """Return the sentences whose words are those of none of the readings, which ``|`` stands between, with what is said."""
    read = Normaliser(code)
    return [
        f"{written} -> {said}"
        for written, readings in sentences
        if _words(said := read(written).text) not in [_words(reading) for reading in readings.split(" | ")]
    ]


def _words(text: str) -> list[str]:
    """Return the words of a text in small letters, without marks."""
    text = re.sub(r"[-\u2010-\u2015\u2212]", " ", text.lower())
    return re.sub(r"[^\w\s']", "", text).split()


def read_noise(code: str) -> None:
    """Read texts of marks, digits and letters at random, which must not raise."""
    read, generator = Normaliser(code), random.Random(0)
    for _ in range(_TEXTS):
        read("".join(generator.choices(_CHARACTERS, k=generator.randrange(1, 60))) + " x.")


def slow_runs(code: str) -> list[str]:
    """Return the runs of characters that a language's rules take more time for than they could if they were linear."""
    rules = rules_of(code)
    assert rules
    return [run for run in _RUNS if _seconds(rules, (run * CHARACTERS)[:CHARACTERS]) > LONGEST_S]


def _seconds(rules: Rules, text: str) -> float:
    begin = time.process_time()
    rules.edits(text)
    return time.process_time() - begin
