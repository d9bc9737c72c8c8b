import time

import pytest

from actors.errors import InputDataError, UsageError
from actors.text.edits import Edit, Edited
from books.direction import Lexicon, read_lexicon
from books.direction.lexicon import Entry, Scope

SCOPE = Scope("A Tale", "en")


def said(table: str, text: str, scope: Scope = SCOPE) -> str:
    return Edited(text, read_lexicon(table.encode(), "lexicon.tsv").edits(text, scope)).text


class TestTable:
    @pytest.mark.parametrize(
        ("table", "text", "spoken"),
        [
            ("Hermione\ther my oh nee", "Hermione's owl; HERMIONE! Hermiones?", "her my oh nee's owl; her my oh nee! Hermiones?"),
            ("bow\tboh\tcase", "A bow, a Bow.", "A boh, a Bow."),
            ("US\tyou ess\tcase", "The US told us.", "The you ess told us."),
            ("York\tYork\nNew York\tNoo York", "New York and York", "Noo York and York"),
            ("New York\tNoo York", "New  York, new\nYork", "New  York, Noo York"),
            ("O’Brien\tOh Brien", "O'Brien met O’Brien.", "Oh Brien met Oh Brien."),
            ("C++\tsee plus plus", "C++ and C+ and C++11", "see plus plus and C+ and see plus plus11"),
            (".NET\tdot net", "Use .NET, not a net.", "Use dot net, not a net."),
            ("# a comment\n\nword\tsaid\ncat\tdog", "The cat.", "The dog."),
            ("word\tsaid\ncat\tdog", "My word, a cat.", "My word, a dog."),
            ("größe\tx\nΟΔΟΣ\ty", "Die GRÖßE und οδοσ", "Die x und y"),
            ("a b\t1\nb c\t2", "a b c b c", "1 c 2"),
        ],
    )
    def test_words_are_said_as_it_tells(self, table: str, text: str, spoken: str) -> None:
        assert said(table, text) == spoken

    def test_flags_say_where_an_entry_holds(self) -> None:
        table = 'read\tred\tbook="The red *"\nread\treed\tvoice=anna\nread\trid\tlanguage=de-DE\nread\tride\tcase voice=bert'
        assert said(table, "read") == "read"
        assert said(table, "read", Scope("the RED house", "en")) == "red"
        assert said(table, "read", Scope("A", "de")) == "rid"
        voices = ((0, None), (5, "anna"), (10, "bert"))
        assert said(table, "read read read Read", Scope("A", "en", voices)) == "read reed ride Read"

    def test_an_exact_entry_goes_before_one_that_is_not(self) -> None:
        assert said("polish\tpollish\nPolish\tpoalish\tcase", "Polish it, polish.") == "poalish it, pollish."

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ("cat", r"lexicon.tsv, line 1: write a word, a tab, and how it is said"),
            ("a\tb\n\tb", r"line 2: write a word"),
            ("a\tb\tcase\tmore", r"line 1: write a word"),
            ("a\tb\texact", r"line 1: 'exact' is no flag: there are case, book=<glob>, voice=<name>, language=<code>"),
            ("a\tb\tcase=1", r"'case=1' is no flag"),
            ("a\tb\tlanguage=English!", r"line 1: 'English!' is no language code"),
            ("a\tb\n***\tstars", r"line 2: '\*\*\*' has no letter or digit"),
        ],
    )
    def test_a_line_that_is_none_is_named(self, table: str, message: str) -> None:
        with pytest.raises(InputDataError, match=message):
            read_lexicon(table.encode(), "lexicon.tsv")

    def test_a_file_that_is_no_text_is_refused(self) -> None:
        with pytest.raises(InputDataError, match=r"lexicon.tsv is no text in UTF-8"):
            read_lexicon(b"a\tb\xff", "lexicon.tsv")


def test_what_is_taken_stays() -> None:
    lexicon = Lexicon([Entry("a", "1"), Entry("b c", "2"), Entry("d", "3")])
    assert lexicon.edits("a b c d", SCOPE, [Edit(4, 5, "x")]) == [Edit(0, 1, "1"), Edit(4, 5, "x"), Edit(6, 7, "3")]


def test_words_need_letters_and_a_lexicon_tells_its_entries() -> None:
    with pytest.raises(UsageError, match="no letter or digit"):
        Lexicon([Entry("...", "dots")])
    assert repr(Lexicon([Entry("a", "b")])) == repr(Lexicon([Entry("a", "b")])) != repr(Lexicon([Entry("a", "c")]))


def test_a_large_lexicon_takes_no_longer() -> None:
    table = "".join(f"word{number} more\tsaid\tbook=A*\n" for number in range(20_000)) + "the\tthe" + "".join(
        f"\nthe end {number}\tx" for number in range(2000)
    )
    lexicon = read_lexicon(table.encode(), "lexicon.tsv")
    began = time.perf_counter()
    for _ in range(200):
        lexicon.edits("Some cats and dogs went down to word7 at once. " * 5, SCOPE)
    assert time.perf_counter() - began < 2  # 0.05 s where measured


PLS = """<?xml version="1.0" encoding="UTF-8"?>
<!-- by hand -->
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon" alphabet="{alphabet}" xml:lang="en-GB">
  {lexemes}
</lexicon>"""


def pls(*lexemes: str, alphabet: str = "ipa") -> bytes:
    return PLS.format(alphabet=alphabet, lexemes="".join(f"<lexeme>{lexeme}</lexeme>" for lexeme in lexemes)).encode()


class TestPls:
    def test_aliases_and_phonemes_are_said(self) -> None:
        content = pls(
            "<grapheme>W3C</grapheme><grapheme>WWW  Consortium</grapheme><alias>World Wide Web Consortium</alias>",
            "<grapheme>Alyce</grapheme><!-- ! --><phoneme>ˈælɪs</phoneme><alias>never</alias>",
            "<grapheme>read</grapheme><alias>reed</alias><phoneme prefer='true'>rɛd</phoneme>",
            "<grapheme>ship</grapheme><phoneme alphabet='x-sampa'>SIp</phoneme>",
        )
        entries = read_lexicon(content, "lexicon.pls").entries
        assert [(entry.word, entry.said, entry.language) for entry in entries] == [
            ("W3C", "World Wide Web Consortium", "en"),
            ("WWW Consortium", "World Wide Web Consortium", "en"),
            ("Alyce", "alliss", "en"),
            ("read", "red", "en"),
            ("ship", "ship", "en"),
        ]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"<lexicon", r"lexicon.pls is no XML"),
            (b"<html/>", r"its root is <html> and not <lexicon>"),
            (pls("<grapheme>a</grapheme>"), r"line 4: a lexeme has no <alias> or <phoneme>"),
            (pls("<grapheme>a</grapheme><phoneme>a</phoneme>", alphabet="x-arpabet"), r"phonemes in 'x-arpabet' are not read"),
            (pls("<grapheme>a</grapheme><phoneme>123</phoneme>"), r"'123' has no sound of ipa"),
            (pls("<grapheme>?!</grapheme><alias>b</alias>"), r"lexicon.pls: the lexicon has '\?!', which has no letter or digit"),
            (pls().replace(b"en-GB", b"English!"), r"'English!' is no language code"),
        ],
    )
    def test_what_is_none_is_refused(self, content: bytes, message: str) -> None:
        with pytest.raises(InputDataError, match=message):
            read_lexicon(content, "lexicon.pls")

    def test_nothing_is_loaded_or_blown_up(self) -> None:
        bomb = b'<!DOCTYPE lexicon [<!ENTITY a "aaaaaaaaaa"><!ENTITY x SYSTEM "file:///etc/passwd">]>'
        content = pls("<grapheme>a</grapheme><alias>b&x;&a;</alias>").replace(b"<!-- by hand -->", bomb)
        (entry,) = read_lexicon(content, "lexicon.pls").entries
        assert "root" not in entry.said
