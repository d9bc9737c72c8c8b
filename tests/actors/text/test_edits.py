"""Edits on top of edits: the text is what both make of it, and offsets lead back to what was written."""

import random

import pytest

from actors.text.edits import Edit, Edited


def random_edits(generator: random.Random, length: int) -> list[Edit]:
    cuts = sorted(generator.choices(range(length + 1), k=2 * generator.randrange(4)))
    return [Edit(start, end, "xyz"[: generator.randrange(4)]) for start, end in zip(cuts[::2], cuts[1::2], strict=True)]


def test_edits_are_applied_and_lead_back() -> None:
    edited = Edited("It cost £20, he said.", [Edit(8, 11, "twenty pounds")])
    assert edited.text == "It cost twenty pounds, he said."
    assert edited.source_span(8, 21) == (8, 11)
    assert edited.source_span(15, 21) == (8, 11), "a part of an edit is the whole of it"
    assert edited.source_span(23, 25) == (13, 15)
    assert edited.spans == [(8, 21, 8, 11)]


def test_edits_of_edits() -> None:
    once = Edited("<b>5</b> km", [Edit(0, 3, ""), Edit(4, 8, "")])
    twice = once.then([Edit(0, 4, "five kilometers")])
    assert twice.text == "five kilometers"
    assert twice.source_span(0, 4) == (3, 11), "what is taken away before it is no part of it"


def test_two_rounds_give_what_they_give_one_after_the_other() -> None:
    generator = random.Random(0)
    for _ in range(300):
        source = "abcdefghij"[: generator.randrange(11)]
        once = Edited(source, random_edits(generator, len(source)))
        edits = random_edits(generator, len(once.text))
        twice = once.then(edits)
        assert twice.text == Edited(once.text, edits).text
        assert Edited(source, twice.edits).text == twice.text
        check_all_parts_lead_back(twice)


def check_all_parts_lead_back(edited: Edited) -> None:
    for start in range(len(edited.text) + 1):
        for end in range(start, len(edited.text) + 1):
            first, last = edited.source_span(start, end)
            assert 0 <= first <= last <= len(edited.source)
            if all(span.end <= start or span.start >= end for span in edited.spans) and start < end:
                assert edited.source[first:last] == edited.text[start:end]


@pytest.mark.parametrize("edits", [[Edit(3, 2, "")], [Edit(0, 2, ""), Edit(1, 3, "")], [Edit(0, 9, "")]])
def test_edits_out_of_place_are_refused(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match="an edit of"):
        Edited("abc", edits)
