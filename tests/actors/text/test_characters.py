# ruff: noqa: RUF001 (look-alike characters are listed on purpose)
"""Characters that are not seen are dropped, and others are written in the plainest way; what languages read stays."""

import random
import unicodedata

import pytest

from actors.text.characters import character_edits
from actors.text.edits import Edited
from tests.actors.text.limits import CHARACTERS, linear_time

UNSEEN = [
    ("zero\u200bwidth \u2060no\ufeff", "zerowidth no"),
    ("\ufeffStart", "Start"),
    ("co\u00adop exam\u00ad\nple", "coop example"),
    ("\u202aleft\u202c \u2067x\u2069\u200e", "left x"),
    ("a\x00b\x08c\x7fd\x81e", "abcde"),
    ("lost \ufffd one\ufffd", "lost  one"),
    ("\ue000x\U000f0000y\ud800z", "xyz"),
    ("\x1b[1;31mred\x1b[0m, \x1b", "red, "),
    ("می\u200cخواهم", "می\u200cخواهم"),
    ("a\u200cb\u200d", "ab"),
]
BREAKS = [
    ("a\r\nb\rc\n\r\nd", "a\nb\nc\n\nd"),
    ("a\tb", "a b"),
    ("a\x0cb\x0bc\u2028d\u2029e", "a\nb\nc\nd\n\ne"),
]
SPACES = [
    ("7\u00a0000\u202f000", "7\u00a0000\u202f000"),
    ("1\u2009000", "1\u2009000"),
    ("5\u00a0km à\u00a0Paris\u202f!", "5 km à Paris !"),
    ("a\u3000b\u2003c", "a b c"),
    ("1\u3000000", "1 000"),
]
WAYS = [
    ("ｆｕｌｌ　ｗｉｄｔｈ！１２", "full width!12"),
    ("￥１００ ￡", "¥100 £"),
    ("ﬁne ﬂat oﬃce ﬅ \u017fo", "fine flat office st so"),
    ("𝐁𝐨𝐥𝐝 𝒮𝒸𝓇𝒾𝓅𝓉 ℝ 𝟏𝟐", "Bold Script R 12"),
    ("e\u0301te\u0301 n\u0303 и\u0306", "été ñ й"),
    ("か\u3099", "が"),
    ("\u1112\u1161\u11ab", "한"),
    ("ﬁ\u0301", "fí"),
    (
        "s\u0336t\u0336r\u0336 z\u0301\u0302\u0303\u0304\u0305\u0306",
        unicodedata.normalize("NFC", "str z\u0301\u0302\u0303\u0304"),
    ),
    ("=\u0338 1\ufe0f\u20e3", "≠ 1"),
    ("Louis ⅩⅣ, ① one, Ⓐ", "Louis XIV, 1 one, A"),
    ("20 ℃, 5 ㎡, 3 ㎞, ĳs", "20 °C, 5 m², 3 km, ijs"),
    ("non\u2011breaking co\u2010op", "non-breaking co-op"),
    ("What‼ Really⁉", "What!! Really!?"),
]
PICTOGRAPHS = [
    ("Hello 😀 world", "Hello world"),
    ("Great job 👍🏽.", "Great job."),
    ("👨\u200d👩\u200d👧 family 🇩🇪!", "family!"),
    ("❤️ it ❤️", "it"),
    ("Done✅Next", "Done Next"),
    ("Done✅ Next 😀😀 😀 too", "Done Next too"),
    ("one 😀\ntwo", "one\ntwo"),
    ("one\n😀 two", "one\ntwo"),
    ("├── a\n│   └── b", "a\n  b"),
    ("★★★ four ♫", "four"),
    ("(😀) “😀”", "() “”"),
    ("C♯ and D♭ → E", "C♯ and D♭ → E"),
    ("© 2020 ™ ®", "© 2020 ™ ®"),
    ("😀", ""),
]
RULERS = [
    ("One\n\n* * *\n\nTwo", "One\n\n\n\nTwo"),
    ("-----\nOne\n=====\n", "\nOne\n\n"),
    ("One\r\n_____\r\nTwo\r\n***", "One\n\nTwo\n"),
    ("One\n+---+---+\nTwo", "One\n\nTwo"),
    ("One\n————\nTwo\n━━━━\n", "One\n\nTwo\n\n"),
    ("Mr. ---- said---so", "Mr. — said—so"),
    ("Name: ____ Date: ____", "Name: Date: "),
    ("so —— he", "so — he"),
    ("*** News *** ~~~~ it", " News it"),
]
MOJIBAKE = [
    ("donâ€™t", "don’t"),
    ("â€œSoâ€\x9d â€“ heâ€¦ â€˜xâ€™ yâ€” zâ€", "“So” – he… ‘x’ y— z”"),
    ("cafÃ© mÃ¼de Ã¶fter dÃ­a aÃ±o", "café müde öfter día año"),
    ("voilÃ\xa0 Ã\xa0 la", "voilà à la"),
    ("Ã–sterreich Ã‰cole cÅ“ur straÃŸe", "Österreich École cœur straße"),
    ("Â£5 and 20Â°C 3â‚¬ Â«xÂ»", "£5 and 20°C 3€ «x»"),
    ("don\u00e2\u0080\u0099t caf\u00c3\u00a9", "don’t café"),
    ("don\x92t \x93quote\x94 \x96 \x85", "don’t “quote” – …"),
    ("ï»¿Start", "Start"),
]
KEPT = [
    'Plain ASCII, it isn\'t -- "much": (1/2) & [so] #1 a_b 5*3 ~x |y|.\nNext line...\n',
    "“Curly” ‘quotes’ – dashes — and … «guillemets» „unten“",
    "x² H₂O ½ 3⅔ № 5 ° ª º § ¶ µ",
    "Ça, où, garçon, größer, español ¿sí? ¡ya!, naïve, Ångström, Łódź, čeština",
    "AMANHÃ\u2013 IRMÃ „Å“ Â, âge, Ã",
    "Привет, мир. 你好、世界。こんにちは。 مرحبا שלום नमस्ते 한글",
    "→ ≠ ± × ÷ ≤ ∞ √2 − 5",
    "s***t and f****, --help and a -- b and == and __init__ and ** and ...",
    "• one · two",
    "",
]


def plain(source: str) -> str:
    edits = character_edits(source)
    assert edits == sorted(edits)
    return Edited(source, edits).text


@pytest.mark.parametrize(
    "cases", [UNSEEN, BREAKS, SPACES, WAYS, PICTOGRAPHS, RULERS, MOJIBAKE], ids=lambda cases: ascii(cases[0])
)
def test_what_is_seen_is_left(cases: list[tuple[str, str]]) -> None:
    assert [(source, plain(source)) for source, _ in cases] == cases


def test_what_languages_read_stays() -> None:
    assert [source for source in KEPT if character_edits(source)] == []


def test_a_space_within_a_number_is_no_edit() -> None:
    assert character_edits("7\u202f000\u00a0000") == []


def test_controls_are_what_they_are_in_a_code_page() -> None:
    for byte in range(0x80, 0xA0):
        assert plain(f"a{chr(byte)}b") == bytes([97, byte, 98]).decode("cp1252", "ignore")


def test_of_any_characters_only_those_that_are_seen_are_left() -> None:
    generator = random.Random(0)
    parts = [*"\u0301\u200d\u00a0\u00ad\r\n\t \x1b[m😀️⃣❤\u1100\u1161Â_-—1aé✅𝐁ﬁ\ud800.", "Ã©", "â€™", "***", "\n---\n"]
    for _ in range(300):
        others = [chr(generator.randrange(0x110000)) for _ in range(10)]
        source = "".join(generator.choices([*parts, *others], k=generator.randrange(60)))
        assert not set(plain(source)) & set("\r\t\x1b\u00ad😀❤✅\ud800𝐁ﬁ"), ascii(source)


UNITS = [
    "\u0301",
    "e\u0301",
    "\u1100\u1161",
    "😀",
    " 😀",
    "1\u00a0",
    "\u00ad\n",
    "\x1b[1",
    "Ã",
    "â€",
    "- ",
    "_",
    "_ ",
    "*",
    "\n---",
    "\r\n",
    " ",
]


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_long(unit: str) -> None:
    with linear_time():
        character_edits((unit * CHARACTERS)[:CHARACTERS])
