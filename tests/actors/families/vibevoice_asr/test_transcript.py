"""Answers as the model gives them, and as it should not."""

import pytest

from actors.families.vibevoice_asr.transcript import parse_transcript
from actors.requests import Segment

HELLO = Segment(0.0, 5.86, "0", "Hello.")


@pytest.mark.parametrize(
    "answer",
    [
        '[{"Start":0,"End":5.86,"Speaker":0,"Content":"Hello."}]',
        'assistant\n[{"Start":0.0,"End":5.86,"Speaker":0,"Content":"Hello."}]\n',
        '```json\n[{"Start time":"0","End time":"0:05.86","Speaker ID":"0","Content":" Hello. "}]\n```',
        '[{"Start":0,"End":5.86,"Speaker":0,"Content":"Hello."},{"Start":5.86,"End":7',
        '[{"Start":0,"End":5.86,"Speaker":0,"Content":"Hello."},{"Start":"later","End":7,"Content":"no time"}]',
        '[{"Start":0,"End":5.86,"Speaker":0,"Content":"Hello."},{"Start":NaN,"End":7,"Content":"no time"}]',
        '{"Start":0,"End":5.86,"Speaker":0,"Content":"Hello."}',
    ],
)
def test_complete_segments_are_read(answer: str) -> None:
    assert parse_transcript(answer) == [HELLO]


def test_quotation_marks_that_are_not_escaped_are_part_of_the_text() -> None:
    answer = (
        '[{"Start":0,"End":1,"Speaker":0,"Content":"He said "no", twice."},{"Start":1,"End":2,"Speaker":1,"Content":"[ok]"}]'
    )
    assert parse_transcript(answer) == [Segment(0, 1, "0", 'He said "no", twice.'), Segment(1, 2, "1", "[ok]")]


@pytest.mark.parametrize("speaker", ['"Speaker":"N/A",', '"Speaker":null,', ""])
def test_nobody_may_speak(speaker: str) -> None:
    answer = f'[{{"Start":0,"End":3,{speaker}"Content":"[Music]"}}]'
    assert parse_transcript(answer) == [Segment(0, 3, None, "[Music]")]


def test_an_end_before_the_start_is_the_start() -> None:
    assert parse_transcript('[{"Start":3,"End":1,"Speaker":0,"Content":"x"}]') == [Segment(3, 3, "0", "x")]


@pytest.mark.parametrize(
    ("answer", "expected"), [("[]", []), ("", None), ("I hear music.", None), ("[[[[", None), ("{" * 9999, None)]
)
def test_an_empty_list_is_no_speech_and_anything_else_no_transcript(answer: str, expected: list[Segment] | None) -> None:
    assert parse_transcript(answer) == expected
