"""Windows cut as openai's transcribe.py cuts them."""

import pytest

from actors.families.whisper.segments import WindowSegment, segments_of

EOS, BEGIN = 100, 110
A, B, SPACE = 1, 2, 3
TEXTS = {A: " a", B: " b", SPACE: " "}


def at(seconds: float) -> int:
    return BEGIN + round(seconds / 0.02)


def cut(tokens: list[int], duration_s: float = 10.0) -> tuple[list[WindowSegment], float | None]:
    decode = lambda ids: "".join(TEXTS[token] for token in ids)  # noqa: E731
    return segments_of(tokens, timestamp_begin=BEGIN, eos_id=EOS, duration_s=duration_s, decode=decode)


FIRST, SECOND = [at(0), A, at(2)], [at(2), B, at(4)]


@pytest.mark.parametrize(
    ("tokens", "segments", "seek"),
    [
        # two times after each other end a segment and begin one; a single one at the end: nobody speaks behind it
        (FIRST + SECOND, [(0, 2, " a"), (2, 4, " b")], None),
        # two at the end: heard again from there
        ([*FIRST, *SECOND, at(4)], [(0, 2, " a"), (2, 4, " b")], 4),
        # a segment that does not end is left out, and heard again
        ([*FIRST, at(2), B, A], [(0, 2, " a")], 2),
        # no two times after each other: one segment, up to the last time
        (FIRST, [(0, 2, " a")], None),
        ([at(1), A, at(2)], [(0, 2, " a")], None),
        ([at(0), A], [(0, 10, " a")], None),
        ([at(1.5), A], [(0, 1.5, " a")], None),
        # no times at all
        ([A, B], [(0, 10, " a b")], None),
        ([], [], None),
        # neither text nor length
        ([at(0), SPACE, at(2), at(2), B, at(4)], [(2, 4, " b")], None),
        ([at(0), A, at(0), at(0), B, at(4)], [(0, 4, " b")], None),
        # other special tokens are no text
        ([at(0), A, EOS + 5, at(2)], [(0, 2, " a")], None),
        # the model may write what lies behind the audio
        ([*FIRST, at(2), B, at(12), at(12)], [(0, 2, " a"), (2, 12, " b")], None),
        # and nothing at the start, which must not go on for ever
        ([at(0), at(0), A], [], None),
    ],
)
def test_segments_and_the_next_window(tokens: list[int], segments: list[tuple[float, float, str]], seek: float | None) -> None:
    found, next_start = cut(tokens)
    assert [(pytest.approx(s.start), pytest.approx(s.end), s.text) for s in found] == segments
    assert next_start == (None if seek is None else pytest.approx(seek))


def test_segments_keep_their_tokens() -> None:
    assert [segment.tokens for segment in cut(FIRST + SECOND)[0]] == [tuple(FIRST), tuple(SECOND)]
