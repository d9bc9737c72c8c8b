import pytest

from actors.families.soprano.chunking import chunk_text, split_sentences

# Every expectation of what is split and joined, up to words too long for a chunk, was produced by soprano-tts 0.2.0.

LONG = "this sentence has more than thirty characters."


@pytest.mark.parametrize(
    ("text", "max_chars", "expected"),
    [
        ("", 300, []),
        ("One. Two! Three?", 300, ["One.", "Two!", "Three?"]),
        ("Version 1.2 is out. Yes", 300, ["Version 1.2 is out.", "Yes"]),
        ("What?! No...", 300, ["What?!", "No..."]),
        ('"Hi there. Bye." he said.', 300, ['"Hi there. Bye." he said.']),
        ("“Hi. Bye.” he said. Ok", 300, ['"Hi. Bye." he said.', "Ok"]),
        ("one two three four", 10, ["one two", "three", "four"]),
        ('"one two" three four five', 15, ['"one two"', "three four", "five"]),
        ("abcdefgh", 5, ["a", "b", "c", "d", "efgh"]),
        ("... , ! ok ;", 300, ["ok ;"]),
        ("Hello.b", 300, ["Hello.b"]),
    ],
)
def test_splits_like_the_original(text: str, max_chars: int, expected: list[str]) -> None:
    assert split_sentences(text, max_chars) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Hi.", ["hi."]),
        ("Hi. Ok.", ["hi. ok."]),
        (f"Hi. Ok. {LONG}", [f"hi. ok. {LONG}"]),
        (f"{LONG} Hi. Ok. {LONG}", [f"{LONG} hi. ok.", LONG]),
        ("This one has thirty letters in. Yes. No.", ["this one has thirty letters in. yes. no."]),
        (f"Yes, of course I did so. Yes. No. {LONG}", ["yes, of course i did so. yes. no.", LONG]),
    ],
)
def test_short_sentences_join_their_neighbours(text: str, expected: list[str]) -> None:
    assert chunk_text(text) == expected


def test_chunks_respect_the_given_bounds() -> None:
    assert chunk_text("Hi. Ok.", min_chars=0) == ["hi.", "ok."]
    assert chunk_text("one two three four", min_chars=0, max_chars=10) == ["one two", "three", "four."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one,two,three,four,five,six", ["one, two, three,", "four, five, six."]),
        ("grape-orange-pear-fig-lime-plum", ["grape-orange-pear", "fig-lime-plum."]),
        ("Say: qwrtpsdfghjklzxcvbnmqwrtpsdfg", ["say.", "qwrtpsdfghjklzxcvbn", "mqwrtpsdfg."]),
        ("ภาษาไทยภาษาไทยภาษาไทย", ["phasaaithyphasaaith", "yphasaaithy."]),
        ("-" * 60, []),
    ],
)
def test_words_too_long_for_a_chunk_are_cut_and_not_taken_apart(text: str, expected: list[str]) -> None:
    assert chunk_text(text, min_chars=0, max_chars=20) == expected


def test_words_that_fit_are_left_as_they_are() -> None:
    assert chunk_text("And one,two,three,four is", min_chars=0, max_chars=20) == ["and", "one,two,three,four", "is."]


@pytest.mark.parametrize("text", ["", " \t\r\n", "😀 😀", "\0\x07", "...", "?!", '"" ""', "\ud800", "([{}])", "\u2028"])
def test_nothing_to_say_gives_no_chunks(text: str) -> None:
    assert chunk_text(text) == []
