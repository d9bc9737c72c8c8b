# ruff: noqa: RUF001 (look-alike characters are what some tests are about)
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from actors.families.soprano.chunking import chunk_text, split_sentences
from actors.families.soprano.text import normalise

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[3] / "fixtures" / "soprano_text_cases.json").read_text(encoding="utf-8")
)
SPOKEN = set("abcdefghijklmnopqrstuvwxyz !$',.?-")


@pytest.mark.parametrize("case", CASES, ids=[case["text"][:40] for case in CASES])
def test_reads_like_the_original_package(case: dict[str, Any]) -> None:
    assert case["error"] is None
    assert normalise(case["text"]) == case["clean"]
    assert split_sentences(case["clean"]) == case["split"]


# Every expectation below, up to the robustness tests, was produced by soprano-tts 0.2.0.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "zero."),
        ("007", "seven."),
        ("13", "thirteen."),
        ("40", "forty."),
        ("90", "ninety."),
        ("100", "one hundred."),
        ("3000", "three thousand."),
        ("1005", "ten oh five."),
        ("1905", "nineteen oh five."),
        ("1900", "nineteen hundred."),
        ("2000", "two thousand."),
        ("2009", "two thousand nine."),
        ("2010", "twenty ten."),
        ("01984", "nineteen eighty-four."),
        ("5012", "five thousand twelve."),
        ("5112", "five thousand, one hundred twelve."),
        ("1000000000005", "one trillion five."),
        ("1000001000", "one billion, one thousand."),
        ("1" + "0" * 35, "one hundred decillion."),
        ("0th 12th 20th 21st", "zeroth twelfth twentieth twenty-first."),
        ("5100th 1000005th", "five thousand, one hundredth one million fifth."),
        ("1stop", "firstop."),
        ("10K 5M 3b 2T", "ten thousand five million three billion two trillion."),
        ("1.2.3", "one point two point three."),
        ("-5 + 3*4 - 12/34/5", "minus five plus three times four minus twelve over thirty-four over five."),
        ("a1b2C3", "a one b two c three."),
        ("12/25/2023", "twelve dash twenty-five dash twenty twenty-three."),
        ("call (555) 123-4567", "call five five five, one two three, four five six seven."),
        ("#1", "number one."),
    ],
)
def test_numbers(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0:00", "zero."),
        ("7:00", "seven o'clock."),
        ("19:00", "nineteen minutes."),
        ("7:05", "seven oh five."),
        ("10:30:15", "ten, 'thirty', fifteen."),
        ("10:00:00", "ten oh oh."),
        ("10:05:09", "ten oh five oh nine."),
        ("00:30:00", "thirty oh oh."),
        ("00:00:15", "fifteen."),
        ("$1,234.56", "twelve thirty-four dollars, fifty-six cents."),
        ("$1.50", "one dollar, fifty cents."),
        ("$1.5", "one dollar, five cents."),
        ("$0.01", "one cent."),
        ("$0.00", "zero dollars."),
        ("$1.2.3", "one point two point three dollars."),
        ("$.5", "five cents."),
        ("$", "$."),
    ],
)
def test_times_and_dollars(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\ntwo\n\nthree!", "one. two. three!"),
        ("a\tb", "ab."),
        ("a - b - c", "a, b - c."),
        ("well\u2014no", "well, no."),
        ("e.g. this", "e dot g. this."),
        ("http://x.com", "h t t p s colon slash slash x dot com."),
        ("a (b) c", "a, b, c."),
        ("a (b", "a b."),
        ("(a [b) c] d", ", a, b, c, d."),
        ("Mr. St. John", "mister saint john."),
        ("mr.St. John", "mr dot saint john."),
        ("the CPUs and APIs, etc", "the c p u's and a p i's, et cetera."),
        ("TPUs", "tpu's."),
        ("CamelCase ABc", "camel case a bc."),
        ("a <= b & c_d * 50%", "a less than or equal to b and c d fifty percent."),
        ("why?!... no", "why?... no."),
        ("hmmmm.. ok,.,", "hmm. ok."),
        ('she said "hi"', "she said hi."),
        ("it's: so; and", "it's. so, and."),
        ("[ELLIPSIS]", ", ellipsis."),
    ],
)
def test_words_and_signs(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("£20", "ps twenty."),
        ("¥100 ¢5 ₽7", "y equals one hundred c slash five r seven."),
        ("½ cup", "one over two cup."),
        ("5×3", "five x three."),
        ("20℃", "twenty degc."),
        ("Œuvre ŒUVRE", "o euvre oeuvre."),
        ("Ærø straße", "a ero strasse."),
        ("“curly” ‘quotes’", "curly 'quotes'."),
        ("no\u200bbreak", "no break."),
        ("one\u2028two", "one. two."),
        ("x ≤ y ≠ z", "x less than or equal to y z."),
        ("a → b", "a, b."),
        ("№ 5 ™", "no. five, tm."),
        ("Κνωσός ἀρχή Μαΐου", "knosos arkhe ma iou."),
        ("Ёлка чайковский Қазақ", "iolka chaikovskii k'azak'."),
        ("ᴛʜɪs", "thi's."),
        ("🆗 fine", ", ok, fine."),
        ("hi 😀👨\u200d👩\u200d👧 there ☀", "hi there."),
        ("𝐛old １２", "bold twelve."),
    ],
)
def test_characters_beyond_ascii(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize("emoji", ["😀", "☀", "⭐", "❤\ufe0f", "🇫🇷", "👍🏽", "⌚", "\U000e0067"])
def test_emoji_are_silent(emoji: str) -> None:
    assert normalise(emoji) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12345678901" * 4, " ".join(["one two three four five six seven eight nine zero one"] * 4) + "."),
        ("9" * 36 + "1st", "nine " * 36 + "first."),
        ("$,5", "five dollars."),
        ("$1,.5", "one dollar, five cents."),
        ("$" + "9" * 37, "nine " * 37 + "dollars."),
    ],
)
def test_reads_what_the_original_cannot(text: str, expected: str) -> None:
    assert normalise(text) == expected


def test_number_longer_than_python_converts() -> None:
    assert normalise("7" * 5000 + "th") == "seven " * 4999 + "seventh."
    assert normalise("$" + "0" * 5000 + "1") == "one dollar."


def test_any_string_gives_only_characters_that_are_spoken() -> None:
    rng = random.Random(0)
    ranges = [(0, 0x80), (0, 0x300), (0x2000, 0x2800), (0xD800, 0xE000), (0, 0x110000)]
    for _ in range(300):
        low, high = rng.choice(ranges)
        text = "".join(chr(rng.randrange(low, high)) for _ in range(60))
        assert set(normalise(text)) <= SPOKEN, ascii(text)
        assert set("".join(chunk_text(text))) <= SPOKEN, ascii(text)


@pytest.mark.parametrize(
    "unit", ["(", "[)", "1", "1,", "a", "aB", "A", ".", "?!", '" ', "\n", "\0", "\ud800", "😀", "Hi. ", "x_", "$"]
)
def test_time_grows_with_the_length_only(unit: str) -> None:
    text = unit * (50_000 // len(unit))
    started = time.perf_counter()
    chunk_text(text)
    assert time.perf_counter() - started < 5  # about 0.2 s; quadratic patterns need minutes


def test_threads_share_no_state() -> None:
    texts = ["0", "123456789", "1905", "$0.05", "101st"] * 200
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(normalise, texts)) == [normalise(text) for text in texts]


def test_names_that_look_like_short_months_stay_names_in_what_was_read_before() -> None:
    assert normalise("Jan and Mar left.") == "january and march left."
    assert normalise("Jan and Mar left.", is_read=True) == "jan and mar left."
