import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from actors.families.vibevoice_realtime.text import split_text, tokenize


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """A token is a byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({character: i for i, character in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def test_prompt_is_stripped_and_ends_with_a_newline(tokenizer: Tokenizer) -> None:
    newline = tokenizer.encode("\n").ids
    assert tokenize(tokenizer, "  Hello. \n\n") == tokenizer.encode("Hello.").ids + newline


def test_curly_quotes_become_straight(tokenizer: Tokenizer) -> None:
    assert tokenize(tokenizer, "\u201cIt\u2019s\u201d") == tokenize(tokenizer, '"It\'s"')


def test_short_text_stays_whole(tokenizer: Tokenizer) -> None:
    assert split_text(tokenizer, " One. Two! ", 20) == ["One. Two!"]


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        ("One two. Three four! Five six?", ["One two. Three four!", "Five six?"]),
        ('She said "no." He left at once.', ['She said "no."', "He left at once."]),
        ("One, two, three, four, five, six.", ["One, two, three, four,", "five, six."]),
        ("one two three four five six", ["one two three four five", "six"]),
        ("abcdefghijklmnopqrstuvwxyz" * 2, ["abcdefghijklm", "nopqrstuvwxyz"] * 2),
        ("one,two,three,four,five,six,seven", ["one,two,three,four,", "five,six,seven"]),
        ("it.ends.here:1,000,000,000,000.5", ["it.ends.", "here:", "1,000,000,000,000.5"]),
        ("https://example.com/q?a=fig&b=plum&c=kiwi", ["https://example.com/q?", "a=fig&b=plum&c=kiwi"]),
        ("e\u0301" * 9, ["e\u0301" * 4, "e\u0301" * 5]),
        ("一二三。四五六。", ["一二三。", "四五六。"]),
        ("One\nTwo\n\nThree and four and five", ["One\nTwo", "Three and four and five"]),
        ("", []),
        ("  ", []),
    ],
)
def test_longer_text_is_cut_at_the_best_place(tokenizer: Tokenizer, text: str, chunks: list[str]) -> None:
    assert split_text(tokenizer, text, 24) == chunks


def test_no_letter_is_lost(tokenizer: Tokenizer) -> None:
    text = "The first, longer sentence; it has clauses: three. Averyveryveryverylongwordwithoutanend! 日本語。 End"
    for longest in (8, 12, 20, 60):
        chunks = split_text(tokenizer, text, longest)
        assert "".join("".join(chunks).split()) == "".join(text.split())
        assert all(len(tokenize(tokenizer, chunk)) <= longest for chunk in chunks)
