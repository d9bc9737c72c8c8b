"""Recordings with all that readers do: leave out, add, repeat, begin with an announcement, or read another book."""

import json
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from actors.errors import InputDataError
from actors.requests import Word
from books.alignment import Alignment, HeardRecording, Pauses, align
from books.book import Block, BlockKind, Book, Chapter
from books.direction import Direction, direct
from tests.books.alignment.narrated import ENGLISH, PAUSE_S, WORD_S, narrated, passages, prose, recording

FIXTURE = Path(__file__).parents[2] / "fixtures" / "alignment" / "mobydick.json"
BAR_S = 0.25

ONE = ["The mill turns slowly in the wind.", "Nobody has seen the miller since spring.", "His dog waits at the door."]
TWO = ["A letter arrived on Tuesday morning.", "It was written in green ink, and very short.", "Come home at once!"]
ANNOUNCED = "This is a recording that stands in the public domain."


def aligned(book: list[Any], *recordings: list[Word], paused: bool = False) -> Alignment:
    made = [recording(words, f"{number}.mp3", paused=paused) for number, words in enumerate(recordings)]
    return align(book, made, ENGLISH)


def starts(alignment: Alignment) -> list[tuple[int | None, float]]:
    return [(placed.recording, round(placed.start_s, 3)) for placed in alignment.passages]


def seconds(words: int, sentences: int) -> float:
    return round(words * WORD_S + sentences * PAUSE_S, 3)


def test_sentences_begin_with_their_first_words() -> None:
    alignment = aligned(passages(ONE), narrated(*ONE))
    assert starts(alignment) == [(0, 0.0), (0, seconds(7, 1)), (0, seconds(14, 2))]
    assert [placed.share for placed in alignment.passages] == [1.0] * 3
    assert alignment.passages[0].end_s == pytest.approx(7 * WORD_S)
    assert (alignment.found, alignment.recognised, alignment.extras) == (1.0, 1.0, [])


def test_chapters_are_in_recordings_of_their_own() -> None:
    alignment = aligned(passages(ONE, TWO), narrated(*ONE), narrated("Chapter two.", *TWO))
    assert starts(alignment)[3:] == [(1, seconds(2, 1)), (1, seconds(8, 2)), (1, seconds(17, 3))]


def test_an_announcement_is_added() -> None:
    alignment = aligned(passages(ONE), narrated(ANNOUNCED, *ONE, "End of the book, read by Ann."))
    assert starts(alignment)[0] == (0, seconds(10, 1))
    assert [extra.text for extra in alignment.extras] == [ANNOUNCED, "End of the book, read by Ann."]
    assert alignment.extras[0].start_s == 0.0
    assert alignment.extras[0].end_s == pytest.approx(10 * WORD_S)


def test_a_chapter_that_is_not_read_is_left_out() -> None:
    alignment = aligned(passages(ONE, TWO, prose_sentences(5)), narrated(*ONE, *prose_sentences(5)))
    assert [placed.recording for placed in alignment.passages] == [0] * 3 + [None] * 3 + [0] * 5
    assert alignment.found < 1


def test_a_sentence_that_is_not_read_is_left_out() -> None:
    alignment = aligned(passages(ONE, TWO), narrated(*ONE, TWO[0], TWO[2]), paused=True)
    assert [placed.recording for placed in alignment.passages] == [0, 0, 0, 0, None, 0]


def test_a_book_of_which_one_chapter_is_read() -> None:
    chapters = [prose_sentences(40, seed) for seed in range(5)]
    alignment = aligned(passages(*chapters), narrated(ANNOUNCED, *chapters[2]))
    read = [placed.recording is not None for placed in alignment.passages]
    assert read == [False] * 80 + [True] * 40 + [False] * 80
    assert alignment.found == pytest.approx(0.2, abs=0.05)


def test_a_sentence_that_is_read_twice_is_the_second_reading() -> None:
    """Readers begin again where they were wrong."""
    alignment = aligned(passages(ONE), narrated(ONE[0], ONE[1], ONE[1], ONE[2]))
    assert starts(alignment) == [(0, 0.0), (0, seconds(14, 2)), (0, seconds(21, 3))]
    assert [extra.text for extra in alignment.extras] == [ONE[1]]


def test_a_sentence_that_was_begun_twice_is_the_second_reading() -> None:
    alignment = aligned(passages(ONE), narrated(ONE[0], "Nobody has seen the", ONE[1], ONE[2]))
    assert starts(alignment)[1] == (0, seconds(11, 2))


def test_another_book_is_refused() -> None:
    with pytest.raises(InputDataError, match=r"not of this book: of 1,200 words .* Check that text and recordings"):
        aligned(passages([" ".join(prose(1_200, 1))]), narrated(" ".join(prose(1_200, 2))))


def test_a_recording_without_words_is_refused() -> None:
    with pytest.raises(InputDataError, match="no word was heard"):
        aligned(passages(ONE), [])


def test_misheard_first_words_are_placed_by_their_letters() -> None:
    words = narrated(*ONE)
    heard = [
        *words[:7],
        Word(words[7].start, words[7].end, " Zyx", 0.1),
        Word(words[8].start, words[8].end, " qq", 0.1),
        *words[9:],
    ]
    alignment = aligned(passages(ONE), heard)
    assert alignment.passages[1].start_s == pytest.approx(words[7].start)
    assert alignment.passages[1].heard == 5
    paused = align(passages(ONE), [HeardRecording("a", heard, 10.0, recording(words, paused=True).pauses)], ENGLISH)
    assert paused.passages[1].start_s == pytest.approx(words[7].start - 0.15, abs=0.011)


def test_a_sentence_that_a_model_did_not_hear_is_placed_where_somebody_speaks() -> None:
    words = narrated(*ONE)
    heard = HeardRecording("a", [*words[:7], *words[14:]], 10.0, recording(words, paused=True).pauses)
    unheard = align(passages(ONE), [heard], ENGLISH).passages[1]
    assert (unheard.recording, unheard.heard) == (0, 0)
    assert unheard.start_s == pytest.approx(words[7].start - 0.15, abs=0.011)
    assert unheard.end_s == pytest.approx(words[13].end, abs=0.011)


def test_a_words_time_that_spans_a_pause_is_its_end() -> None:
    """Models count to a word what they did not hear before it."""
    words = narrated(*ONE)
    late = [*words[:7], Word(words[6].end, words[7].end, words[7].text, 1.0), *words[8:]]
    paused = align(passages(ONE), [HeardRecording("a", late, 10.0, recording(words, paused=True).pauses)], ENGLISH)
    assert paused.passages[1].start_s == pytest.approx(words[7].start - 0.15, abs=0.011)


def test_times_never_go_back() -> None:
    said = prose_sentences(200)
    words = [Word(word.start - 0.4 * (index % 3), word.end, word.text, 1.0) for index, word in enumerate(narrated(*said))]
    placed = aligned(passages(said), words).passages
    for one, other in pairwise(placed):
        assert one.start_s <= one.end_s <= other.start_s


def test_numbers_are_heard_as_they_are_said() -> None:
    book = passages(["In nineteen eighty-four he paid twenty-five dollars for it."])
    assert aligned(book, narrated("In 1984 he paid $25 for it.")).passages[0].share == 1.0


def test_signs_without_words_are_in_no_place() -> None:
    alignment = aligned(passages([*ONE, "* * *"]), narrated(*ONE))
    assert alignment.passages[3].recording is None
    assert alignment.found == 1.0


def prose_sentences(count: int, seed: int = 0) -> list[str]:
    words = prose(12 * count, seed)
    return [" ".join(words[12 * i : 12 * i + 12]) for i in range(count)]


@pytest.fixture(scope="module")
def moby() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FIXTURE.read_text(encoding="utf-8"))
    return content


def heard_by_whisper(moby: dict[str, Any]) -> list[HeardRecording]:
    return [
        HeardRecording(each["name"], [Word(*word) for word in each["words"]], each["duration_s"], Pauses(each["pauses"]))
        for each in moby["recordings"]
    ]


def test_sentences_of_a_human_reader_begin_where_a_person_cut_them(moby: dict[str, Any]) -> None:
    """W3C's test against the words of Whisper base, which did not hear "Call me Ishmael", with which it begins."""
    text = " ".join(clip["text"] for clip in moby["clips"])
    book = Book("Moby-Dick", (Chapter("Loomings", (Block(BlockKind.PARAGRAPH, text),)),), language="en")
    script = direct(book, Direction(titles=False))
    assert [passage.written for passage in script.passages] == [clip["text"] for clip in moby["clips"]]
    alignment = align(script.passages, heard_by_whisper(moby), ENGLISH)
    assert [placed.recording for placed in alignment.passages] == [clip["recording"] for clip in moby["clips"]]
    errors = [abs(placed.start_s - clip["start_s"]) for placed, clip in zip(alignment.passages, moby["clips"], strict=True)]
    assert max(errors) <= BAR_S, errors
    assert median(errors) <= BAR_S / 2, errors
    assert alignment.extras[0].text.startswith("This is a Liebervox Recording.")
