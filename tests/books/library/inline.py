# ruff: noqa: E501, RUF001 (XML and quotation marks as they stand in books)
"""The notation of :mod:`tests.books.library.keeper`, written as XHTML, Markdown or plain text."""

import re
from collections.abc import Callable
from html import escape

_SIGN = re.compile(r"\{(fn|en|pg|ph|cap):([^}]*)\}")
_EMPHASIS = re.compile(r"\*([^*]+)\*")
_ENTITIES = {"—": "&mdash;", "“": "&#8220;", "”": "&#x201D;", "’": "&rsquo;", "ö": "&ouml;", "è": "&egrave;", "é": "&eacute;"}


def said(text: str) -> str:
    """Return what a person reads."""
    return _EMPHASIS.sub(r"\1", _SIGN.sub(lambda sign: sign[2].split("|")[0] if sign[1] in ("ph", "cap") else "", text))


def xhtml(text: str, write: Callable[[str, str], str], entities: bool) -> str:
    """Write a sentence as XHTML; ``write`` writes the signs, by kind and value."""
    text = _EMPHASIS.sub(r"<em>\1</em>", escape(text, quote=False).replace("&lt;em&gt;", "<em>"))
    if entities:
        text = "".join(_ENTITIES.get(letter, letter) for letter in text)
    return _SIGN.sub(lambda sign: write(sign[1], sign[2]), text)


def epub3_sign(kind: str, value: str) -> str:
    """Write a sign as EPUB 3 has it."""
    word, _, ipa = value.partition("|")
    return {
        "fn": f'<a epub:type="noteref" role="doc-noteref" href="#fn{value}" id="ref{value}">{value}</a>',
        "en": f'<sup><a epub:type="noteref" href="notes.xhtml#en{value}" id="enref{value}">{value}</a></sup>',
        "pg": f'<span epub:type="pagebreak" role="doc-pagebreak" id="page{value}" aria-label="{value}"></span>',
        "ph": f'<span ssml:ph="{ipa}">{word}</span>',
        "cap": f'<span class="dropcap">{value}</span>',
    }[kind]


def epub2_sign(kind: str, value: str) -> str:
    """Write a sign as books of Project Gutenberg and converters have it in EPUB 2."""
    return {
        "fn": f'<a name="FNanchor_{value}" id="FNanchor_{value}"></a><a href="#Footnote_{value}" class="fnanchor">[{value}]</a>',
        "en": f'<a id="back{value}" href="endnotes.html#note{value}"><sup>{value}</sup></a>',
        "pg": f'<span class="pagenum"><a name="Page_{value}" id="Page_{value}">[Pg {value}]</a></span>',
        "ph": value.partition("|")[0],
        "cap": f'<img class="dropcap" src="images/{value}.png" alt="{value}"/>',
    }[kind]


def markdown(text: str) -> str:
    """Write a sentence as Markdown."""

    def write(sign: re.Match[str]) -> str:
        word, _, ipa = sign[2].partition("|")
        return {
            "fn": f"[^{sign[2]}]",
            "en": f"[^e{sign[2]}]",
            "pg": f"<!-- page {sign[2]} -->",
            "ph": f'<phoneme alphabet="ipa" ph="{ipa}">{word}</phoneme>',
            "cap": sign[2],
        }[sign[1]]

    return _SIGN.sub(write, text.replace("&", "&amp;").replace("è", "&egrave;"))


def plain(text: str) -> str:
    """Write a sentence as Project Gutenberg's volunteers would."""

    def write(sign: re.Match[str]) -> str:
        kinds = {"fn": f"[{sign[2]}]", "en": f"[{int(sign[2]) + 3 if sign[1] == 'en' else 0}]", "pg": f"{{{sign[2]}}}"}
        return kinds.get(sign[1], sign[2].partition("|")[0])

    return _SIGN.sub(write, _EMPHASIS.sub(r"_\1_", text)).replace("—", "--")
