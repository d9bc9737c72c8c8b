"""Subtitles of audiobooks: in sync, in order, complete, and readable for players."""

import html
import random
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import pytest

from books.binding.options import Subtitles
from books.binding.subtitles import render_subtitles
from books.binding.timeline import Cue, TimedChapter
from books.book import BlockKind
from books.script import Passage

LONG = (
    "The old man sat on the bench in front of his house, and the mill turned slowly in the evening wind, and nobody said a "
    "word for a very long time; then, suddenly, seven swans swam past the quiet village."
)
WORDS = ("mill", "a", "wheel,", "turned.", "&", "<i>", "-->", "“so”", "今日は、", "Donaudampfschifffahrtsgesellschaft", "é")
CLOCK = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)[.,](\d{3})")


def cue(text: str, start: float, end: float, voice: str | None = None, pieces: Sequence[tuple[str, float, float]] = ()) -> Cue:
    return Cue(Passage("p", text, text, 0, 0, BlockKind.PARAGRAPH, voice, None, 0.3), 0, start, end, tuple(pieces))


def chapter(title: str, *cues: Cue) -> TimedChapter:
    return TimedChapter(title, 0, cues[0].start_s if cues else 0.0, cues[-1].end_s if cues else 0.0, cues)


def milliseconds(clock: str) -> int:
    found = CLOCK.fullmatch(clock)
    assert found
    hours, minutes, seconds, rest = map(int, found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def columns(line: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(char) in "WF") for char in line)


def read(file: str) -> list[tuple[int, int, list[str]]]:
    """Start and end in milliseconds, and lines, of the cues of a file."""
    found = []
    for block in file.strip("\n").split("\n\n"):
        lines = block.split("\n")
        times = next((i for i, line in enumerate(lines) if re.match(r"\d\d+:\d\d:\d\d[.,]\d{3} --> ", line)), None)
        if times is not None:
            start, end = map(milliseconds, lines[times].split(" --> "))
            found.append((start, end, lines[times + 1 :]))
    return found


TWO = [
    chapter("One & <b> --> \0two\n\nlines", cue("Hello & <you> --> me.", 0.0, 1.2504), cue("Ah.", 3.0, 3.5, "<Ada>\n& Co.")),
    chapter(" ", cue("The end.", 3661.001, 3662.0)),
]


def test_srt() -> None:
    assert render_subtitles("srt", TWO) == (
        "1\n00:00:00,000 --> 00:00:01,250\nHello & <you> → me.\n\n"
        "2\n00:00:03,000 --> 00:00:03,500\nAh.\n\n"
        "3\n01:01:01,001 --> 01:01:02,000\nThe end.\n"
    )


def test_vtt() -> None:
    assert render_subtitles("vtt", TWO) == (
        "WEBVTT\n\nNOTE One & <b> → two lines\n\n"
        "00:00:00.000 --> 00:00:01.250\nHello &amp; &lt;you&gt; → me.\n\n"
        "00:00:03.000 --> 00:00:03.500\n<v &lt;Ada&gt; &amp; Co.>Ah.\n\n"
        "01:01:01.001 --> 01:01:02.000\nThe end.\n"
    )


def test_a_file_of_a_chapter_begins_at_its_start() -> None:
    assert read(render_subtitles("vtt", TWO[1:], 3661.001)) == [(0, 999, ["The end."])]


def test_one_voice_needs_no_name() -> None:
    assert "<v" not in render_subtitles("vtt", [chapter("A", cue("A.", 0.0, 1.0, "Ada"), cue("B.", 1.0, 2.0, "Ada"))])


def test_nothing_to_be_heard_is_a_file() -> None:
    assert render_subtitles("srt", []) == ""
    assert render_subtitles("vtt", [chapter("Empty")]) == "WEBVTT\n"


def test_pieces_are_cues_with_times_of_their_own() -> None:
    file = render_subtitles("srt", [chapter("A", cue("One. Two.", 1.0, 4.0, pieces=[("One.", 1.0, 2.5), ("Two.", 2.75, 4.0)]))])
    assert read(file) == [(1000, 2500, ["One."]), (2750, 4000, ["Two."])]


def test_long_passages_are_cut_by_shares_of_their_text() -> None:
    found = read(render_subtitles("srt", [chapter("A", cue(LONG, 10.0, 20.0))]))
    assert " ".join(line for *_, lines in found for line in lines) == LONG
    assert all(len(lines) <= 2 and all(len(line) <= 42 for line in lines) for *_, lines in found)
    assert (found[0][0], found[-1][1]) == (10_000, 20_000)
    done = 0
    for start, end, lines in found:
        assert start == pytest.approx(10_000 + 10_000 * done / len(LONG), abs=200)
        done += len(" ".join(lines)) + 1
        assert end == pytest.approx(10_000 + 10_000 * done / len(LONG), abs=200)


def test_what_xml_and_files_forbid_is_left_out() -> None:
    for kind in ("srt", "vtt"):
        file = render_subtitles(kind, [chapter("\ud800", cue("A\0B\ud800\r\n\r\nC\x0b", 0, 1))])
        assert file.encode().endswith(b"AB C\n")


def test_cues_end_with_their_passages_however_fast_they_must_be_read() -> None:
    assert (
        read(render_subtitles("vtt", [chapter("A", cue("Very quickly said indeed.", 0.0, 0.1), cue("B", 9.0, 10.0))]))[0][1]
        == 100
    )


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_any_timeline(kind: Subtitles) -> None:
    """Complete, two lines of 42, never overlapping, never empty; starts and ends of passages to a millisecond."""
    for seed in range(60):
        rng = random.Random(seed)
        now, cues = rng.random() * 40_000, []
        start = now
        for _ in range(rng.randrange(1, 12)):
            text = " ".join(rng.choices(WORDS, k=rng.choice([1, 5, 60])))
            end = now + rng.choice([0.0011, 0.4, 7.1, 30.0]) * (0.5 + rng.random()) + len(text) / 900
            cues.append(cue(text, now, end, rng.choice([None, "Ada"])))
            now = end + rng.choice([0.0, 0.3])
        found = read(render_subtitles(kind, [chapter("A", *cues)], start))
        assert all(first < last for first, last, _ in found)
        assert all(before[1] <= after[0] for before, after in pairwise(found))
        plain = [[html.unescape(re.sub("<v [^>]*>", "", line)) if kind == "vtt" else line for line in cue[2]] for cue in found]
        assert max(map(len, plain)) <= 2
        assert max(columns(line) for lines in plain for line in lines) <= 42
        expected = " ".join(cue.passage.written for cue in cues).replace("-->", "→")
        assert "".join(line for lines in plain for line in lines).replace(" ", "") == expected.replace(" ", "")
        for time in (time - start for cue in cues for time in (cue.start_s, cue.end_s)):
            assert min(abs(time * 1000 - shown) for first, last, _ in found for shown in (first, last)) <= 1
