"""The cases of ``benchmarks/normalisation`` are read as a person would, in their share; none is read worse than before."""

import pytest

from actors.families.soprano.text import normalise
from actors.text import Normaliser
from benchmarks.normalisation.cases import languages, read_cases

LEAST = {"en": 0.97}
LEAST_OF_OTHERS = 0.95


@pytest.mark.parametrize("language", languages())
def test_most_cases_are_read_as_a_person_would(language: str) -> None:
    normaliser = Normaliser(language)
    cases = list(read_cases(language))
    wrong = [f"{case.written} -> {said}" for case in cases if not case.allows(said := normaliser(case.written).text)]
    share = 1 - len(wrong) / len(cases)
    assert share >= LEAST.get(language, LEAST_OF_OTHERS), "\n".join(wrong)


def test_there_are_cases_enough() -> None:
    counts = {language: sum(1 for _ in read_cases(language)) for language in languages()}
    assert counts.pop("en") >= 300
    assert sorted(counts) == ["de", "es", "fr", "it", "nl", "pt"]
    assert min(counts.values()) >= 40


def test_what_the_original_reads_right_stays_right() -> None:
    normaliser = Normaliser("en")
    worse = [
        f"{case.written} -> {said}"
        for case in read_cases("en")
        if case.allows(normalise(case.written)) and not case.allows(said := normaliser(case.written).text)
    ]
    assert not worse
