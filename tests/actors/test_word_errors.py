import pytest

from actors.text import Normaliser
from actors.word_errors import compare, spoken_words, words_of

ENGLISH = Normaliser("en", markup=False)


@pytest.mark.parametrize(
    ("said", "heard", "errors", "run"),
    [
        ("a b c d", "a b c d", 0, 0),
        ("a b c d", "a x c d", 1, 1),
        ("a b c d", "a d", 2, 2),
        ("a b c d", "", 4, 4),
        ("a b c d", "a b x y z c d", 3, 3),  # speech that nobody asked for
        ("a b c d e", "x b y d z", 3, 1),
        ("", "x y", 2, 2),
        ("", "", 0, 0),
        ("the sea side is near", "the seaside is near", 0, 0),
        ("under twelve", "undertwelf", 2, 2),
    ],
)
def test_errors_and_their_longest_run(said: str, heard: str, errors: int, run: int) -> None:
    found = compare(said.split(), heard.split())
    assert (found.words, found.errors, found.longest_run) == (len(said.split()), errors, run)


def test_a_stretch_of_garbage_shows_in_a_long_text_whose_rate_is_fine() -> None:
    said = [f"word{i}" for i in range(600)]
    found = compare(said, [*said[:300], *(f"noise{i}" for i in range(25)), *said[300:]])
    assert found.rate < 0.05
    assert found.longest_run == 25
    assert found.longest.said == ()


def test_the_rate_of_a_text_without_words_is_a_number() -> None:
    assert compare([], []).rate == 0
    assert compare([], ["x"]).rate == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("She paid $5.", "she paid five dollars"),
        ("Dr. Smith, twenty-four", "doctor smith twenty four"),
        ("don\u2019t", "DON'T"),
        ("[Music] Hello <unk> there", "hello there"),
    ],
)
def test_what_is_spoken_alike_is_the_same(one: str, other: str) -> None:
    assert spoken_words(one, ENGLISH) == spoken_words(other, ENGLISH)


def test_a_text_that_the_language_cannot_be_read_in_has_its_own_words() -> None:
    assert spoken_words("Привет, мир!", ENGLISH) == ["привет", "мир"]


def test_scripts_that_part_no_words_count_by_character() -> None:
    assert words_of("今天很好。Hello") == ["今", "天", "很", "好", "hello"]
    assert words_of("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]
