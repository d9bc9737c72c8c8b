import pytest

from actors.errors import UsageError
from books.book import Block, BlockKind, Book, Chapter, Mark, MarkKind
from books.direction import Direction, direct
from books.direction.markup import Markup, seconds_of
from books.direction.notes import Notes
from tests.books.direction.conftest import Speak, said

LONG = "It rained the whole day and the whole night long."


def paragraph(text: str) -> Block:
    return Block(BlockKind.PARAGRAPH, text)


class TestVoices:
    def test_one_speaks_what_its_tags_hold(self, speak: Speak) -> None:
        script = speak("He said: [voice:anna]I shall not come.[/voice] And he went.")
        assert said(script) == [(None, "He said:"), ("anna", "I shall not come."), (None, "And he went.")]

    def test_it_goes_on_over_blocks_and_chapters(self) -> None:
        first = Chapter("One", (paragraph(f"[voice:anna]{LONG}"), paragraph(LONG)))
        second = Chapter("Two", (paragraph(f"{LONG}[/voice] {LONG}"),))
        script = direct(Book("A", (first, second), language="en"), Direction(titles=False, voice="carl"))
        assert [passage.voice for passage in script.passages] == ["anna", "anna", "anna", "carl"]
        assert script.book.notes == ()

    def test_they_nest(self, speak: Speak) -> None:
        script = speak("[voice:a]One [voice:b]two [voice:c]three[/voice] four[/voice] five[/voice] six.")
        assert said(script) == [("a", "One"), ("b", "two"), ("c", "three"), ("b", "four"), ("a", "five"), (None, "six.")]

    def test_what_is_not_closed_and_what_closes_nothing_is_noted(self, speak: Speak) -> None:
        script = speak(f"{LONG} [/voice]", f"[voice:a]{LONG}")
        assert script.book.notes == (
            "[/voice] closes nothing (in chapter 1, 'One')",
            "[voice:a] is never closed: it holds to the end of the book (in chapter 1, 'One')",
        )

    def test_an_unknown_one_is_refused(self, speak: Speak) -> None:
        message = r"chapter 1, 'One' is to be spoken by 'Anna', which is no voice of the model: it has anna, bert"
        with pytest.raises(UsageError, match=message):
            speak("[voice:Anna]Hello.[/voice]", voices=("anna", "bert"))
        with pytest.raises(UsageError, match=message):
            speak(Block(BlockKind.PARAGRAPH, "Hello.", (Mark(0, 6, MarkKind.VOICE, "Anna"),)), voices=("anna", "bert"))

    def test_ssml_names_them_too(self, speak: Speak) -> None:
        assert said(speak('<speak>One <voice name="a">two</voice> three.</speak>')) == [
            (None, "One"),
            ("a", "two"),
            (None, "three."),
        ]


class TestBreaks:
    @pytest.mark.parametrize(
        ("tag", "seconds"),
        [
            ("[pause:1.5]", 1.5),
            ("[pause: 500ms]", 0.5),
            ("[PAUSE:2s]", 2),
            ('<break time="750ms"/>', 0.75),
            ("<break time='2s' />", 2),
            ('<break strength="x-strong"/>', 2),
            ("<break/>", 0.5),
            ("[pause:1][pause:1.5]", 2.5),
            ("[pause:9999999]", 30),
            ("[pause:20]<break time='20s'/>", 30),
        ],
    )
    def test_they_are_silences(self, speak: Speak, tag: str, seconds: float) -> None:
        first, second = speak(f"He looked {tag} and saw nothing.").passages
        assert (first.text, second.text) == ("He looked", "and saw nothing.")
        assert first.pause_s == seconds

    def test_none_is_shorter_than_what_is_there_without_it(self, speak: Speak) -> None:
        first, second = speak(f"{LONG}[pause:0.1] {LONG}").passages
        assert first.pause_s == 0.35
        assert second.pause_s == 2.5

    @pytest.mark.parametrize("tag", ["[pause:0]", '<break strength="none"/>'])
    def test_of_no_length_it_does_nothing(self, speak: Speak, tag: str) -> None:
        assert said(speak(f"He looked {tag}and saw nothing.")) == [(None, "He looked and saw nothing.")]

    def test_what_is_no_time_is_left_out_with_a_note(self, speak: Speak) -> None:
        script = speak("He looked [pause:long] and saw [pause:long] nothing.")
        assert said(script) == [(None, "He looked and saw nothing.")]
        assert script.book.notes == (
            "[pause:long] is no pause and is left out: write [pause:1.5] or [pause:500ms] (2 times, first in chapter 1, 'One')",
        )


class TestSsml:
    @pytest.mark.parametrize(
        ("text", "spoken"),
        [
            ('<sub alias="World Wide Web">WWW</sub> is old.', "World Wide Web is old."),
            ('<say-as interpret-as="digits">1984</say-as> is a book.', "One nine eight four is a book."),
            ('<say-as interpret-as="characters">abc</say-as> are letters.', "A B C are letters."),
            ('<say-as interpret-as="spell-out">ok</say-as> it is.', "O K it is."),
            ('<say-as interpret-as="telephone">5551</say-as> is it.', "Five five five one is it."),
            ('It was on <say-as interpret-as="date">3 May 1984</say-as>.', "It was on the third of May nineteen eighty-four."),
            ('<phoneme alphabet="ipa" ph="ˈælɪs">Alyce</phoneme> it is.', "alliss it is."),
            ("H<sub>x</sub> is <emphasis level='strong'>water</emphasis>.", "Hx is water."),
            ('<prosody rate="slow">Slowly</prosody> <lang xml:lang="fr">now</lang>.', "Slowly now."),
        ],
    )
    def test_a_part_of_it_is_followed(self, speak: Speak, text: str, spoken: str) -> None:
        (passage,) = speak(text).passages
        assert passage.text == spoken

    def test_what_only_looks_like_tags_stays(self, speak: Speak) -> None:
        text = "1 < 2, [this] and [voice] are <b>no</b> tags > 3."
        (passage,) = speak(text, language="pl", voice_language="pl").passages
        assert passage.text == passage.written == text

    def test_what_is_not_is_noted_once(self, speak: Speak) -> None:
        script = speak("<emphasis>A</emphasis> <emphasis>b</emphasis> <say-as interpret-as='fraction'>1/2</say-as> </lang> <sub alias='c'>d.")
        place = "in chapter 1, 'One'"
        assert script.book.notes == (
            f"<emphasis> is not followed: no model has a control for it (2 times, first {place})",
            f"<say-as> as 'fraction' is not followed: texts are read as they are written ({place})",
            f"</lang> closes nothing ({place})",
            f"<sub> has no end in its paragraph and is not followed ({place})",
        )

    def test_as_text_tags_are_read(self, speak: Speak) -> None:
        (passage,) = speak("[voice:anna] and [pause:1]", markup=False, language="pl", voice_language="pl").passages
        assert (passage.text, passage.voice) == ("[voice:anna] and [pause:1]", None)


def test_marks_of_a_block_move_with_its_text() -> None:
    block = Block(BlockKind.PARAGRAPH, "[pause:1]One [voice:a]two[/voice] three", (Mark(34, 39, MarkKind.ALIAS, "3"),))
    marked = Markup((), Notes()).read(block, "here")
    assert marked.text == "One two three"
    assert [(mark.kind, marked.text[mark.start : mark.end]) for mark in marked.marks] == [
        (MarkKind.BREAK, ""),
        (MarkKind.ALIAS, "three"),
    ]
    assert [(marked.text[run.start : run.end], run.value) for run in marked.voices] == [("two", "a")]


@pytest.mark.parametrize(("time", "seconds"), [("1", 1), (".5s", 0.5), ("+250ms", 0.25), ("1,5", None), ("-1", None), ("", None)])
def test_seconds_of(time: str, seconds: float | None) -> None:
    assert seconds_of(time) == seconds
