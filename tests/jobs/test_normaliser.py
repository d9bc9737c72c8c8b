"""What scorers do not count is gone, and what is said stays, in the scripts of the world."""

import time

import pytest

from actors.errors import UsageError
from jobs.normaliser import characters_of, language_of, normalise_text, words_of


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Mr. Quilter\u2019s  BOOK \u2014 \uff21", "mr quilter's book a"),
        ("'tis [laughs] rock 'n' roll's", "tis rock n roll's"),
        ("3.5 km_h <unk>", "3 5 km h"),
        ("\u4f60\u597d\uff0cworld", "\u4f60\u597d world"),
        ("x < y and y > z", "x y and y z"),
        ("3\u00bd Brand\u2122", "3 1 2 brand"),
        ("\ud800lone", "lone"),
        ("tab\there\u2028line\x00", "tab here line"),
    ],
)
def test_normalised_text(text: str, normal: str) -> None:
    assert normalise_text(text) == normal


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("\u0915\u0940", "\u0915\u093e"),  # Hindi
        ("\u0b95\u0bbf", "\u0b95\u0bc0"),  # Tamil
        ("\u09b6\u09c1\u09ad", "\u09b6\u09ad"),  # Bengali
        ("\u0c15\u0c3f", "\u0c15\u0c41"),  # Telugu
        ("\u0d15\u0d3f", "\u0d15\u0d41"),  # Malayalam
        ("\u0e1e\u0e39\u0e14", "\u0e1e\u0e14"),  # Thai
        ("\u1019\u103c\u1014\u103a", "\u1019\u1014\u103a"),  # Burmese
        ("\u1780\u17b6", "\u1780\u17b8"),  # Khmer
        ("\u0f40\u0f72", "\u0f40\u0f74"),  # Tibetan
        ("\u0780\u07a8", "\u0780\u07aa"),  # Dhivehi
        ("\u1e63\u0301", "\u1e63\u0300"),  # Yoruba: no composed letter has both
        ("\u0905\u0902\u0917", "\u0905\u0917"),  # Hindi without its nasal
        ("n\u0303o", "no"),
        ("\U00011f04\U00011f34", "\U00011f04\U00011f35"),  # Kawi, which older Pythons do not know
    ],
)
def test_marks_that_are_letters_are_kept(wrong: str, right: str) -> None:
    assert normalise_text(wrong) != normalise_text(right)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u0627\u0644\u0633\u0651\u064e\u0644\u0627\u0645\u064f", "\u0627\u0644\u0633\u0644\u0627\u0645"),  # harakat
        ("\u0647\u0670\u0630\u0627", "\u0647\u0630\u0627"),  # a small alef
        ("\u0633\u0640\u0640\u0644\u0627\u0645", "\u0633\u0644\u0627\u0645"),  # tatweel
        ("\ufefb", "\u0644\u0627"),  # a ligature
        ("\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\u05e9\u05dc\u05d5\u05dd"),  # niqqud
        ("\ufb2a\u05dc\u05d5\ufb4b\u05dd", "\u05e9\u05dc\u05d5\u05d5\u05dd"),  # pointed letters
        ("\u05d2\u05f3\u05d9\u05e8\u05e4\u05d4", "\u05d2'\u05d9\u05e8\u05e4\u05d4"),  # geresh
        ("\u0437\u0430\u0301\u043c\u043e\u043a", "\u0437\u0430\u043c\u043e\u043a"),  # stress
        ("co\u00adop\u200bera\u2060te\ufeff", "cooperate"),
        ("\u200eabc\u202c \u2066def\u2069", "abc def"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645"),  # ZWNJ
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u0937"),  # ZWJ
        ("\u0d28\u0d4d\u200d", "\u0d7b"),  # a chillu in two spellings
        ("\u09a4\u09cd\u200d", "\u09ce"),
        ("\u0e19\u0e49\u0e33", "\u0e19\u0e4d\u0e49\u0e32"),  # am in two
        ("don\u02bct don\u00b4t don`t don\uff07t", "don't don't don't don't"),
        ("e\u0301", "\u00e9"),
        ("Stra\u00dfe \u039f\u0394\u039f\u03a3", "STRASSE \u03bf\u03b4\u03cc\u03c2".replace("\u03cc", "\u03bf")),
        ("\u0130stanbul", "istanbul"),
        ("\u096a\u0968 \u0664\u0662 \u0e54\u0e52", "42 42 42"),
        ("\uff76\uff9e \u30ab\u309b", "\u30ac \u30ac"),
        ("1\ufe0f\u20e3", "1"),
        ("\u845b\U000e0100", "\u845b"),
    ],
)
def test_spellings_of_the_same_are_the_same(one: str, other: str) -> None:
    assert normalise_text(one) == normalise_text(other) != ""


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("tr", "ISPARTA \u0130ZM\u0130R", "\u0131sparta izmir"),
        ("ar", "\u0623\u062d\u0645\u062f \u0625\u0644\u0649", "\u0627\u062d\u0645\u062f \u0627\u0644\u064a"),
        ("fa", "\u0643\u064a", "\u06a9\u06cc"),
        ("ru", "\u0415\u0449\u0451", "\u0435\u0449\u0435"),
    ],
)
def test_a_language_has_letters_of_its_own(language: str, one: str, other: str) -> None:
    assert normalise_text(one, language) == normalise_text(other, language)
    assert normalise_text(one) != normalise_text(other)


def test_points_that_are_vowels_are_scored_where_the_language_says_so() -> None:
    pasekh, komets = "\u05d0\u05b7", "\u05d0\u05b8"
    assert normalise_text(pasekh) == normalise_text(komets)
    assert normalise_text(pasekh, "yi") != normalise_text(komets, "yi")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("we say \u4f60\u597dworld42", ["we", "say", "\u4f60", "\u597d", "world42"]),
        ("\u30b3\u30fc\u30d2\u30fc", ["\u30b3", "\u30fc", "\u30d2", "\u30fc"]),
        ("\u0e17\u0e33 \u0e14\u0e35", ["\u0e17\u0e33", "\u0e14\u0e35"]),
        ("\u1019\u103c\u1014\u103a\u1019\u102c", ["\u1019\u103c", "\u1014\u103a", "\u1019\u102c"]),
        ("\u0eaa\u0eb0\u0e9a\u0eb2", ["\u0eaa", "\u0eb0", "\u0e9a", "\u0eb2"]),
        ("\ud55c\uad6d\uc5b4 \ub9d0", ["\ud55c\uad6d\uc5b4", "\ub9d0"]),  # Korean parts words
        ("\u092e\u0947\u0930\u0940 \u0928\u093e\u092e", ["\u092e\u0947\u0930\u0940", "\u0928\u093e\u092e"]),
    ],
)
def test_characters_are_words_where_words_are_not_parted(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_letter_and_its_marks_are_one_character_and_spaces_are_none() -> None:
    assert characters_of("ab c") == ["a", "b", "c"]
    assert characters_of("\u092e\u0947\u0930\u0940 \u0928\u093e\u092e") == [
        "\u092e\u0947",
        "\u0930\u0940",
        "\u0928\u093e",
        "\u092e",
    ]


@pytest.mark.parametrize(
    ("code", "language"), [("en", "en"), ("en-US", "en"), ("pt_BR", "pt"), ("None", "none"), ("yue", "yue")]
)
def test_languages_have_codes(code: str, language: str) -> None:
    assert language_of(code) == language


@pytest.mark.parametrize("code", ["english", "", "e", "de utsch"])
def test_what_is_no_code_is_wrong_usage(code: str) -> None:
    with pytest.raises(UsageError, match="no language code"):
        language_of(code)


# --- English ---


@pytest.fixture
def english() -> None:
    pytest.importorskip("whisper_normalizer", reason="English needs whisper-normalizer")


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("He paid $3.50 in 1984.", "he paid three dollars, fifty cents in nineteen eighty four"),
        ("Mr. Hall can\u2019t come, I cannot stay", "mister hall can not come, I can't stay"),
        ("We shan\u2019t pay 50\u00a2", "we shall not pay fifty cents"),
        ("The colour of 1,000 aeroplanes", "the color of one thousand airplanes"),
        ("uh, I'm 20% sure", "I am twenty percent sure"),
        ("the 21st of June (laughs)", "the twenty-first of June"),
        ("salt & pepper at 3:45 and 5:00", "salt and pepper at three forty five and five"),
        ("a na\u00efve caf\u00e9", "a naive cafe"),
        ("\uff11\uff10 men", "ten men"),
    ],
)
def test_english_is_compared_as_it_is_spoken(written: str, spoken: str) -> None:
    assert normalise_text(written, "en") == normalise_text(spoken, "en")


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize(
    "text",
    [
        "Doctor Smith won't pay $20 million, or 5 per cent of it!",
        "It's one oh one, double five; minus two point five degrees.",
        "We're gonna analyse the programme's colours, y'all. Hmm.",
        "the 1960s, the 3rd and two hundred and one",
    ],
)
def test_plain_english_is_what_whisper_makes_of_it(text: str) -> None:
    from whisper_normalizer.english import EnglishTextNormalizer

    assert normalise_text(text, "en") == EnglishTextNormalizer()(text).strip()


@pytest.mark.usefixtures("english")
def test_words_of_other_scripts_keep_their_marks_in_english_texts() -> None:
    hindi = "\u092e\u0947\u0930\u0940"
    assert normalise_text(f"My {hindi} has twenty five, he said", "en") == f"my {hindi} has 25 he said"


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize("text", ["9" * 5000, "one " * 5000 + "decillion", "[", "$", "", "\ud800"])
def test_no_text_is_too_strange_for_english(text: str) -> None:
    normalise_text(text, "en")


def test_the_time_grows_with_the_text() -> None:
    """Not with its square: these took Whisper's patterns minutes."""
    started = time.monotonic()
    for text in ("[" * 100_000, "<a" * 100_000, "(" * 100_000, "' " * 100_000, "\u0301" * 100_000):
        words_of(normalise_text(text))
    assert time.monotonic() - started < 10
