"""W3C's Pronunciation Lexicon Specification, 1.0: https://www.w3.org/TR/pronunciation-lexicon/."""

from collections.abc import Iterator

from lxml import etree

from actors.errors import InputDataError, UsageError
from actors.text import language_of
from books.direction.lexicon import Entry
from books.direction.phonemes import from_sampa, respelled

_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_ALPHABETS = ("ipa", "x-sampa")


def read_pls(content: bytes, name: str) -> list[Entry]:
    """Return the entries of a lexicon: each grapheme with the alias of its lexeme, or with its phonemes as letters.

    Args:
        content: of the file. Nothing is loaded that it refers to.
        name: of the file, for messages.

    Raises:
        InputDataError: it is no such lexicon, or in an alphabet other than IPA and X-SAMPA.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise InputDataError(f"{name} is no XML ({error}): repair it, or write a table with tabs") from error
    if _kind(root) != "lexicon":
        raise InputDataError(f"{name} is no lexicon: its root is <{_kind(root)}> and not <lexicon>")
    return list(_entries(root, name))


def _entries(root: etree._Element, name: str) -> Iterator[Entry]:
    language = _language(root, name)
    for lexeme in root:
        if _kind(lexeme) == "lexeme":
            said = _said(lexeme, root.get("alphabet", "ipa"), language or "en", f"{name}, line {lexeme.sourceline}")
            for grapheme in lexeme:
                if _kind(grapheme) == "grapheme" and (word := _text(grapheme)):
                    yield Entry(word, said, language=language)


def _said(lexeme: etree._Element, alphabet: str, language: str, place: str) -> str:
    """Return how a lexeme is said: by what is preferred, else by what stands first."""
    ways = [child for child in lexeme if _kind(child) in ("alias", "phoneme") and _text(child)]
    if not ways:
        raise InputDataError(f"{place}: a lexeme has no <alias> or <phoneme> with text in it: add one")
    way = next((way for way in ways if way.get("prefer") == "true"), ways[0])
    if _kind(way) == "alias":
        return _text(way)
    alphabet = way.get("alphabet", alphabet).lower()
    if alphabet not in _ALPHABETS:
        raise InputDataError(f"{place}: phonemes in {alphabet!r} are not read: give them in ipa or x-sampa, or an <alias>")
    said = respelled(_text(way) if alphabet == "ipa" else from_sampa(_text(way)), language)
    if not said:
        raise InputDataError(f"{place}: {_text(way)!r} has no sound of {alphabet}: correct it, or give an <alias>")
    return said


def _language(root: etree._Element, name: str) -> str | None:
    code = root.get(_LANGUAGE)
    try:
        return language_of(code) if code else None
    except UsageError as error:
        raise InputDataError(f"{name}: {error}") from error


def _kind(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _text(element: etree._Element) -> str:
    return " ".join("".join(element.itertext()).split())
