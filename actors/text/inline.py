# ruff: noqa: RUF001 (look-alike characters are listed on purpose)
"""Marks within a line of Markdown: emphasis, code, links, escapes; and those of Wikipedia's references."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from actors.text.edits import Edit

LABEL = r"[^\[\]\n]{1,200}"
# Behind a backtick: the rest of code between one or two of them. In old texts `this' is a quotation, and `so, ' is no code.
CODE = r"(?<!``)(?:(?!\s)[^`\n]++(?<!\s)`(?!`)|`(?!`)(?:[^`\n]++|`(?!`))++``(?!`))"

_QUERY = (
    r"[a-z][a-z ]{0,40} needed|(?:by |according to )?(?:who|whom|when|where|which|why|how|what)\?|original research\??"
    r"|clarify|dubious(?: [–-] discuss)?|failed verification|unreliable source\??|disputed|vague|edit|update"
    r"|quelle fehlt|beleg fehlt|réf\. (?:nécessaire|souhaitée|incomplète)|source insuffisante|cita requerida|senza fonte"
    r"|carece de fontes\??|bron\?"
)
_REFERENCE = (
    r"\^[^\[\]\s]{1,40}\]"
    r"|(?:[1-9]\d{0,2}(?:[,–-][ ]?[1-9]\d{0,2}){0,9}"
    rf"|(?i:(?:note|nota|noot|anm\.|nb|n|a|ref\.?)[ ]?\d{{1,3}}|{_QUERY}))\](?!\()"
    r"|(?<=[\w.,;:!?\"”’)\]]{2}\[)[a-h]\](?![\w(])"
)
_TITLE = r"""(?:"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+'|\((?:[^()\\\n]++|\\.)*+\))"""
_ADDRESS = r"(?:<[^<>\n]*+>|(?:[^()\s\\<]++|\\.|\((?:[^()\s\\]++|\\.)*+\))*+)"
_PAGE = r"[^\[\]|\n]{1,200}"
_MARK = re.compile(
    r"[\\`!<\[\]*_~:](?:"
    r"(?<=\\)(?P<escape>[!-/:-@\[-`{-~]|(?=\r?\n))"
    rf"|(?<=`)(?P<code>{CODE})"
    r"|(?<=:)//(?P<address>(?:[^\s<>\[\]\"`*_]|_(?=\w))*+)"
    r"|(?<=<)(?:(?P<autolink>(?:(?:https?|ftp)://|www\.)[^\s<>]++|[\w.+-]++@[\w-]++(?:\.[\w-]++)++)|mailto:(?P<mail>[^\s<>]++))>"
    r"|(?<=!)(?P<image>\[)"
    rf"|(?<=\[)(?P<reference>{_REFERENCE})"
    rf"|(?<=\[)(?P<wiki>\[(?:{_PAGE}\|)?{_PAGE}\]\])(?!\()"
    r"|(?<=\[)(?P<opening>)"
    rf"|(?<=\])(?P<link>\([ \t]*+{_ADDRESS}(?:[ \t]++{_TITLE})?[ \t]*+\))"
    r"|(?<=\])(?P<label>\[[^\[\]\n]{0,200}\])"
    r"|(?<=\])(?P<closing>)"
    r"|(?P<run>(?<=\*)\**+|(?<=_)_*+|(?<=~)~++)"
    r")"
)
_SIGN = re.compile(r"[\\`<\[*_~]")  # without which there is no mark
_LONGEST_RUN = 3  # of signs that stand around what is emphasised; more are drawn
_LONGEST_PART = 60  # of a word that is emphasised in part, in characters
_SUMS = frozenset("^<>=@#$%&+")  # signs beside which others are sums, or faces
_EAST_ASIAN = "\u2e80"  # from here on words are written without spaces


def inline_edits(text: str, start: int, end: int, labels: frozenset[str]) -> list[Edit]:
    """Return the edits of ``text[start:end]``, a paragraph, not in order.

    Args:
        text: all of it.
        start: where the paragraph begins.
        end: where it ends.
        labels: of the links that are defined in the text, in lower case.
    """
    return _Paragraph(text, start, end, labels).edits if _SIGN.search(text, start, end) else []


@dataclass
class _Run:
    """Signs that may begin what is emphasised; ``at_edge``: of a word."""

    start: int
    end: int
    at_edge: bool


class _Paragraph:
    def __init__(self, text: str, start: int, end: int, labels: frozenset[str]) -> None:
        self.edits: list[Edit] = []
        self._text, self._start, self._end, self._labels = text, start, end, labels
        self._taken = start  # behind the last reference
        self._brackets: list[tuple[int, int]] = []  # open ones
        self._runs: dict[str, list[_Run]] = {"*": [], "_": [], "~": []}
        for found in _MARK.finditer(text, start, end):
            if found.lastgroup in _READERS:
                _READERS[found.lastgroup](self, found)

    def _open(self, found: re.Match[str]) -> None:
        self._brackets.append(found.span())

    def _escape(self, found: re.Match[str]) -> None:
        self._drop(found.start(), found.start() + 1)

    def _drop(self, start: int, end: int) -> None:
        self.edits.append(Edit(start, end, ""))

    def _unwrap(self, found: re.Match[str]) -> None:
        """Drop what is around an address."""
        start, end = found.span(found.lastgroup or 0)
        self._drop(found.start(), start)
        self._drop(end, found.end())

    def _code(self, found: re.Match[str]) -> None:
        width = 2 if found["code"][0] == "`" else 1
        self._drop(found.start(), found.start() + width)
        self._drop(found.end() - width, found.end())

    def _wiki(self, found: re.Match[str]) -> None:
        self._drop(found.start(), found.start() + max(1, found[0].find("|")) + 1)
        self._drop(found.end() - 2, found.end())

    def _reference(self, found: re.Match[str]) -> None:
        """Drop the mark of a reference, with one of the spaces around it."""
        start, end = found.span()
        before, after = self._text[max(self._start, start - 2) : start], self._text[end : min(end + 1, self._end)]
        if before[-1:] in ("", "\n"):
            end += after == " "
        elif before[-1] == " " and before[0] not in " \n>" and start > self._taken and not after.isalnum():
            start -= 1
        self._drop(start, end)
        self._taken = end

    def _link(self, found: re.Match[str]) -> None:
        """Read a bracket that closes, and what is behind it; without an address or a label that there is it is one in prose."""
        if not self._brackets:
            return
        start, end = self._brackets.pop()
        kind = found.lastgroup
        if kind == "label":
            is_link = not self._text[start - 1 : start].isalnum() or found["label"][1:-1].casefold() in self._labels
        else:
            content = self._text[end : min(found.start(), end + 200)] if self._labels else ""
            is_link = kind == "link" or content.casefold() in self._labels
        if is_link:
            self._drop(start, end)
            self._drop(found.start(), found.end())

    def _run(self, found: re.Match[str]) -> None:
        """Read signs of emphasis: those that close, and then those that open."""
        start, end = found.span()
        if end - start > _LONGEST_RUN or (found[0][0] == "~" and end - start != 2):
            return
        sign = found[0][0]
        before, after = self._text[start - 1 : start] or " ", self._text[end : end + 1] or " "
        opens, closes = _opens(before, after), _opens(after, before)
        if sign == "_":
            opens, closes = opens and not _is_word(before), closes and not _is_word(after)
        if closes:
            start = self._close(sign, start, end, at_edge=not _is_word(after))
        if opens and start < end:
            self._runs[sign].append(_Run(start, end, not _is_word(before)))

    def _close(self, sign: str, start: int, end: int, *, at_edge: bool) -> int:
        """Drop signs that close with those that they close, and return where those begin that are left."""
        runs = self._runs[sign]
        while runs and start < end:
            run = runs[-1]
            if self._pairs(run, start, end, at_edge=at_edge):
                width = min(2, run.end - run.start, end - start)
                self._drop(run.end - width, run.end)
                self._drop(start, start + width)
                run.end -= width
                start += width
                if run.end > run.start:
                    continue
            elif run.at_edge:
                break
            runs.pop()
        return start

    def _pairs(self, run: _Run, start: int, end: int, *, at_edge: bool) -> bool:
        """Whether signs belong together: around words, or two of them around a part of one."""
        if run.at_edge and at_edge:
            return True
        is_part = (run.at_edge or at_edge) and min(run.end - run.start, end - start) > 1
        return is_part and start - run.end <= _LONGEST_PART and self._text[run.end : start].isalpha()


_READERS: dict[str, Callable[[_Paragraph, re.Match[str]], None]] = {
    "escape": _Paragraph._escape,
    "code": _Paragraph._code,
    "autolink": _Paragraph._unwrap,
    "mail": _Paragraph._unwrap,
    "image": _Paragraph._open,
    "opening": _Paragraph._open,
    "wiki": _Paragraph._wiki,
    "reference": _Paragraph._reference,
    "link": _Paragraph._link,
    "label": _Paragraph._link,
    "closing": _Paragraph._link,
    "run": _Paragraph._run,
}


def _opens(before: str, after: str) -> bool:
    """Whether signs between two characters may begin something (CommonMark: left-flanking)."""
    return not after.isspace() and before not in _SUMS and (_is_letter(after) or not _is_letter(before))


def _is_letter(character: str) -> bool:
    """Whether it is neither space nor punctuation."""
    return character.isalnum() or not (character.isspace() or character.isascii() or character in "“”‘’«»„‚‹›—–…¿¡")


def _is_word(character: str) -> bool:
    return character == "_" or (character.isalnum() and character < _EAST_ASIAN)
