# ruff: noqa: RUF001 (punctuation of other scripts is what some tests are about)
"""Subtitle files, and texts that would break them."""

import html
import json
import re
import unicodedata

import pytest

from actors.requests import Segment, Word
from actors.subtitles import CueLimits, render, to_srt, to_txt, to_vtt

SEGMENTS = [Segment(0, 1.5, "0", "Hello\n\nthere --> you"), Segment(3661.0004, 3661.0004, None, "<b> & [Music]")]


def test_srt() -> None:
    assert to_srt(SEGMENTS) == (
        "1\n00:00:00,000 --> 00:00:01,500\nSpeaker 0: Hello there → you\n\n2\n01:01:01,000 --> 01:01:01,001\n<b> & [Music]\n"
    )


def test_vtt() -> None:
    assert to_vtt(SEGMENTS) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v Speaker 0>Hello there → you\n\n"
        "01:01:01.000 --> 01:01:01.001\n&lt;b&gt; &amp; [Music]\n"
    )


def test_txt() -> None:
    assert to_txt(SEGMENTS) == "Speaker 0: Hello there → you\n<b> & [Music]\n"


def test_without_speech_there_is_a_valid_file() -> None:
    row = {"id": "a", "path": None, "duration_s": 1.0, "language": None, "text": "", "segments": [], "finish_reason": "silence"}
    assert render("srt", row) == render("txt", row) == ""
    assert render("vtt", row) == "WEBVTT\n"
    assert json.loads(render("json", {**row, "model": "m"}))["segments"] == []


LIMITS = CueLimits()
SENTENCES = (
    "The old man sat on the bench in front of his house, and the mill turned slowly in the evening wind. Nobody said a word "
    "for a very long time; then, suddenly, seven swans swam past the quiet village. It was over."
)
MANDARIN = "今天天气很好，我们去公园散步吧。然后我们一起吃午饭，下午再去看电影，晚上回家休息。你觉得怎么样？「好的」，他说。"
JAPANESE = "私は昨日、友達と一緒に東京へ行って、美味しいラーメンを食べました。ちょっと高かったですが、とても楽しかったです！"
THAI = "สวัสดีครับวันนี้อากาศดีมากเราไปเดินเล่นที่สวนสาธารณะกันเถอะแล้วก็ไปกินข้าวกลางวันด้วยกันนะครับ"
KOREAN = "안녕하세요 오늘은 날씨가 아주 좋습니다 우리는 공원에 산책하러 갑시다 그리고 함께 점심을 먹읍시다 정말 좋네요"
ARABIC = (
    "مرحبا بكم في هذا البرنامج، نتحدث اليوم عن الطقس في المدينة وعن أشياء كثيرة أخرى مهمة للجميع؟ نعم، هيا بنا نبدأ الآن معا."
)


def cues(file: str) -> list[tuple[float, float, list[str]]]:
    """Start, end and lines of the cues of an SRT or VTT file."""
    found = []
    for block in file.removeprefix("WEBVTT\n\n").strip("\n").split("\n\n"):
        lines = block.split("\n")
        times = next(i for i, line in enumerate(lines) if " --> " in line)
        start, end = (
            sum(float(part) * 60**i for i, part in enumerate(reversed(clock.replace(",", ".").split(":"))))
            for clock in lines[times].split(" --> ")
        )
        found.append((start, end, lines[times + 1 :]))
    return found


def columns(line: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line if unicodedata.category(c) not in ("Mn", "Cf"))


@pytest.mark.parametrize("speaker", [None, "0", "2-1"])
@pytest.mark.parametrize("text", [SENTENCES, MANDARIN, JAPANESE, THAI * 2, KOREAN, ARABIC, "x" * 300, "😀" * 99])
def test_lines_fit_and_nothing_is_lost(text: str, speaker: str | None) -> None:
    file = to_srt([Segment(2, 20, speaker, text)], LIMITS)
    found = cues(file)
    assert len(found) > 1
    assert all(1 <= len(lines) <= 2 and columns(line) <= 42 and line.strip() == line for *_, lines in found for line in lines)
    said = "".join("".join(lines) for *_, lines in found)
    name = "" if speaker is None else f"Speaker{speaker}:"
    assert said.replace(" ", "") == name + text.replace(" ", "")
    assert [start for start, *_ in found[1:]] == [end for _, end, _ in found[:-1]]
    assert (found[0][0], found[-1][1]) == (2, 20)
    seconds = [(end - start) / sum(map(columns, lines)) for start, end, lines in found[1:]]
    assert max(seconds) < 1.15 * min(seconds)  # times are shared by characters


def test_cuts_are_behind_sentences_and_clauses_and_lines_are_balanced() -> None:
    found = cues(to_srt([Segment(0, 20, None, SENTENCES)], LIMITS))
    assert all(lines[-1][-1] in ".,;" for *_, lines in found)
    assert all(abs(len(lines[0]) - len(lines[1])) < 14 for *_, lines in found if len(lines) == 2)
    assert to_srt([Segment(0, 9, None, "It rains. " * 3)], LIMITS).count("-->") == 1


@pytest.mark.parametrize("unit", ["👨‍👩‍👧‍👦", "🇩🇪", "👍🏽", "e\u0301", "น้ำ", "\u1100\u1161\u11a8", "क्ष"])
def test_what_people_see_as_one_character_stays_one(unit: str) -> None:
    for *_, lines in cues(to_srt([Segment(0, 20, None, unit * 200)], CueLimits(41, 2))):
        assert all(line == unit * (len(line) // len(unit)) for line in lines)


def test_words_between_dashes_stay_whole() -> None:
    text = "He went on \u201cimportant\u2014unimportant\u2014unimportant\u2014important\u2014\u201d and on."
    written = to_srt([Segment(0.0, 9.0, None, text)], CueLimits())
    assert re.findall(r"[^\W\d_]+", written.replace("\n", " ")) == re.findall(r"[^\W\d_]+", text)


def test_punctuation_does_not_begin_a_line_of_chinese() -> None:
    for width in range(10, 43):
        for *_, lines in cues(to_srt([Segment(0, 20, None, MANDARIN)], CueLimits(width, 2))):
            assert not any(line[0] in "，。？」" or line[-1] == "「" for line in lines)


def test_what_must_be_read_fast_stays_on_into_free_time() -> None:
    segments = [Segment(0, 0.5, None, "x" * 34), Segment(1, 1.5, None, "x" * 34), Segment(9, 9.5, None, "x" * 34)]
    times = [(start, end) for start, end, _ in cues(to_srt(segments, LIMITS, 10))]
    assert times == [(0, 1), (1, 3), (9, 10)]
    overlapping = [Segment(0, 5, "0", "slow"), Segment(1, 1.2, "1", "x" * 34), Segment(1.1, 2, "0", "no")]
    assert [end for _, end, _ in cues(to_srt(overlapping, LIMITS, 10))] == [5, 1.2, 2]


def test_limits_can_be_switched_off() -> None:
    segment = [Segment(0, 1, "0", SENTENCES)]
    assert to_srt(segment, CueLimits(0, 2, 0)) == to_srt(segment)
    ((_, _, lines),) = cues(to_srt(segment, CueLimits(42, 0, 0)))
    assert len(lines) > 2
    assert all(len(line) <= 42 for line in lines)


def test_cues_of_vtt_each_name_the_voice_and_are_escaped_when_they_are_cut() -> None:
    file = to_vtt([Segment(0, 9, "A & B", "<i> & --> " * 20)], LIMITS)
    assert file.count("<v Speaker A &amp; B>") == file.count(" --> ") > 1
    assert file.replace("<v Speaker A &amp; B>", "").count("<") == 0
    assert all(
        columns(html.unescape(line)) <= 42 for *_, lines in cues(file.replace("<v Speaker A &amp; B>", "")) for line in lines
    )


@pytest.mark.parametrize("speaker", ["0", "Somebody whose name is longer than a line of a subtitle may be"])
@pytest.mark.parametrize("limits", [CueLimits(1, 1), CueLimits(3, 1), CueLimits(42, 2)])
@pytest.mark.parametrize("text", ["", "界界", "a b", SENTENCES])
def test_no_text_and_no_limit_is_too_small(text: str, speaker: str, limits: CueLimits) -> None:
    found = cues(to_srt([Segment(3, 3, speaker, text)], limits, 100))
    assert all(start < end and all(lines) for start, end, lines in found)


def test_where_words_have_times_a_long_segment_is_cut_at_them() -> None:
    said = [
        "It",
        "rained",
        "all",
        "day,",
        "and",
        "nobody",
        "went",
        "out.",
        "Then",
        "the",
        "sun",
        "came",
        "and",
        "everybody",
        "did.",
    ]
    starts = [float(i) if i < 8 else 10.0 + i for i in range(len(said))]
    words = [Word(start, start + 0.5, word, 1.0) for start, word in zip(starts, said, strict=True)]
    segment = Segment(0, 30, "Ann", " ".join(said))
    limits = CueLimits(20, 2, 0)
    shares = [start for start, _, _ in cues(to_srt([segment], limits))]
    timed = cues(to_srt([segment], limits, 30, words))
    assert [start for start, _, _ in timed] != shares
    for start, _, lines in timed[1:]:
        first = " ".join(lines).split()[0]
        assert start in [word.start for word in words if word.text == first]
    assert timed[0][0] == 0
    assert timed[-1][1] == 30
    others = [Word(word.start, word.end, word.text.upper(), 1.0) for word in words]
    assert [start for start, _, _ in cues(to_srt([segment], limits, 30, others))] == shares
