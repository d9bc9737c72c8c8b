# ruff: noqa: RUF001 (look-alike characters are listed on purpose)
"""HTML and SSML read as text is meant: tags dropped, breaks where they part paragraphs, entities as their characters."""

import re
from functools import cache
from html import unescape
from html.entities import html5

from actors.text.edits import Edit
from actors.text.inline import CODE


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Elements that stand for themselves on a page: paragraphs, headings, items, rows.
_BLOCKS = _names(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer"
    " form frameset h1 h2 h3 h4 h5 h6 head header hgroup html legend li main menu nav noframes ol optgroup option p paragraph"
    " pre search section select summary table tbody tfoot thead title tr ul"
)
_INLINE = _names(
    "a abbr acronym applet area audio b base basefont bdi bdo big blink button canvas cite code col colgroup data datalist del"
    " dfn em embed font frame i iframe img input ins kbd keygen label link map mark marquee math meta meter nobr noscript"
    " object output param picture progress q rb rtc ruby s samp slot small source span strike strong sub sup textarea time"
    " track tt u var video wbr emphasis lang lexicon lookup phoneme prosody say-as speak token voice w"
)
_CELLS = _names("td th")
# Not read: what is for machines, readings of characters that are read already, and what SSML says of a text.
_DROPPED = _names("script style template svg rt rp desc metadata")
_ELEMENTS = _BLOCKS | _INLINE | _CELLS | _DROPPED | {"br", "hr", "break"}

# Words alone are attributes in few cases, else 'a <b and c> d' were a tag.
_FLAGS = (
    "allowfullscreen|async|autofocus|autoplay|checked|compact|controls|default|defer|disabled|download|hidden|inert|ismap|itemscope"
    "|loop|multiple|muted|nohref|noshade|novalidate|nowrap|open|playsinline|readonly|required|reversed|selected"
)
_ATTRIBUTES = (
    r"""(?:[\s/]*+(?:[A-Za-z_:@][\w:.@-]*+\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'|[^\s"'<>]++)"""
    rf"|(?i:{_FLAGS})(?![\w-])))*+"
)

# Each begins with a sign, and none goes beyond the next '<'.
_MARK = re.compile(
    r"[<&\\`\[\]](?:"
    r"(?<=&)(?:\#(?:\d{1,7}|[xX][0-9a-fA-F]{1,6})|(?P<entity>[A-Za-z][A-Za-z0-9]{1,31}));"
    rf"|(?<=<)(?P<close>/)?(?P<element>[A-Za-z][\w-]*+(?::[\w-]++)?)(?=[\s/>])(?P<attributes>{_ATTRIBUTES})\s*+/?\s*+>"
    r"|(?<=<)(?P<comment>!--)"
    r"|(?<=<)(?P<cdata>!\[CDATA\[)"
    r"|(?<=\])(?P<cdata_end>\]>)"
    r"|(?<=<)(?P<declaration>[!?][A-Za-z\[][^<>]*+>)"
    r"|(?<=\\)(?P<literal>[<&`\[])"
    rf"|(?<=`)(?P<code>{CODE})"
    r"|(?<=`)(?P<fence>``+)"
    r"|(?<=\[)(?P<board_close>/)?(?P<board>[A-Za-z]{1,6}|\*)(?:=[^\[\]\n<]*+)?\]"
    r")"
)
_ATTRIBUTE = re.compile(r"""([\w:.@-]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>]++))""")
_CONTENT = re.compile(r"([^<]{0,1000}+)</([\w-]++)\s*+>")

# Of bulletin boards: [b]bold[/b]. Blocks are those that stand for themselves.
_BOARD_BLOCKS = _names("* li hr quote list ul ol center code table tr")
_BOARD = _BOARD_BLOCKS | _names("b i u s url img size color font email left right spoil td th sub sup align youtube")
_BOARD_END = re.compile(r"\[/([a-z]{1,6})\]")
_IMAGE = re.compile(r"[^\[\]\s]*+\[/img\]", re.IGNORECASE)

_PARAGRAPH, _RULE = 2, 3  # line breaks
_LONG_BREAK_S = 0.75
_TIME = re.compile(r"\s*\+?(\d{0,6}(?:\.\d{0,6})?)\s*(ms|s)\s*")
_LONG, _NONE = _names("strong x-strong"), _names("none x-weak")
_SPELLED = _names("characters character spell-out spell verbatim digits digit")
_RAISED = str.maketrans("0123456789+-−n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿ")
_LOWERED = str.maketrans("0123456789+-−", "₀₁₂₃₄₅₆₇₈₉₊₋₋")
_INDEX = re.compile(r"[+\-−]?(?:\d{1,4}|n)")
_UNIT = re.compile(r"(?:^|[^A-Za-z])[A-Za-z]{1,3}$")

_STANDING = frozenset(".,;:!?…—–-([{“‘«/")  # no mark is needed behind these
_FOLLOWING = frozenset(".,;:!?…)]}”’»/")  # nor before these


def tag_edits(text: str) -> list[Edit]:
    """Return the edits that leave of HTML, SSML and BBCode what is read. What stands in Markdown's code is left alone."""
    return _Tags(text).edits()


class _Rewriter:
    """Edits of a text in the order they come, with the space around them kept as one would type it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._edits: list[Edit] = []
        self._position = 0  # behind the last edit
        self._solid = ""  # the last character so far that is no space
        self._breaks = _PARAGRAPH  # line breaks behind it; a text begins as a paragraph does
        self._spaced = True  # whether a space or a line break is behind it

    def edits(self) -> list[Edit]:
        """Return the edits; breaks at the end of the text are none."""
        end = len(self._text)
        for index in range(len(self._edits) - 1, -1, -1):
            edit = self._edits[index]
            if self._text[edit.end : end].strip():
                break
            self._edits[index] = edit._replace(text=edit.text.rstrip())
            if self._edits[index].text:
                break
            end = edit.start
        return self._edits

    def put(self, start: int, end: int, new: str) -> None:
        """Write ``new`` where ``text[start:end]`` stood."""
        self._keep(start)
        self._edits.append(Edit(start, end, new))
        self._position = end
        if new:
            self._note(new)

    def drop(self, start: int, end: int) -> None:
        """Leave ``text[start:end]`` out, and the space behind it if there is one before it."""
        self._keep(start)
        if self._breaks >= _PARAGRAPH:
            end = self._skip_space(end)
        elif self._spaced:
            end = self._skip_spaces(end)
            if self._breaks and self._text[end : end + 1] == "\n":
                end += 1
        self.put(start, end, "")

    def pause(self, start: int, end: int, mark: str) -> None:
        """Write a mark where ``text[start:end]`` stood, if none is there."""
        start, end = self._space_before(start), self._skip_spaces(end)
        self._keep(start)
        stands = self._solid in _STANDING or self._text[end : end + 1] in _FOLLOWING
        self.put(start, end, "" if self._spaced else " " if stands else f"{mark} ")

    def part(self, start: int, end: int, breaks: int) -> None:
        """Write line breaks where ``text[start:end]`` stood with the space around it, but for those that are there."""
        outer, behind = self._space_before(start), self._skip_space(end)
        if "\n\n" in self._text[outer:start] or "\n\n" in self._text[end:behind]:
            breaks = max(breaks, _PARAGRAPH)
        self._keep(outer)
        self.put(outer, behind, "\n" * (breaks - self._breaks) if self._solid else "")

    def break_line(self, start: int, end: int) -> None:
        """Write a line break where ``text[start:end]`` stood; two of them part paragraphs."""
        self._keep(self._space_before(start))
        self.part(start, end, min(self._breaks + 1, max(_PARAGRAPH, self._breaks)))

    def _keep(self, start: int) -> None:
        """Note what stays up to ``start``."""
        if start > self._position:
            last = self._text[start - 1]
            if last.isspace():
                self._note(self._text[self._position : start])
            else:
                self._solid, self._breaks, self._spaced = last, 0, False
            self._position = start

    def _note(self, new: str) -> None:
        if solid := new.rstrip():
            self._solid = solid[-1]
            self._breaks = 0
        self._breaks += new.count("\n", len(solid))
        self._spaced = len(solid) < len(new)

    def _space_before(self, start: int) -> int:
        while start > self._position and self._text[start - 1].isspace():
            start -= 1
        return start

    def _skip_space(self, end: int) -> int:
        while end < len(self._text) and self._text[end].isspace():
            end += 1
        return end

    def _skip_spaces(self, end: int) -> int:
        while end < len(self._text) and self._text[end] in " \t\r":
            end += 1
        return end


class _Tags(_Rewriter):
    """Reads the tags of a text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._endless: set[str] = set()  # what has no end in the rest of the text, not looked for again
        self._is_speech = "<speak" in text  # then <s> is a sentence, else struck out
        self._board = set(_BOARD_END.findall(text.lower())) if "[/" in text else set()
        self._cdata = 0
        position = 0
        while found := _MARK.search(text, position):
            self._read(found)
            position = max(found.end(), self._position)

    def _read(self, found: re.Match[str]) -> None:
        kind = found.lastgroup
        start, end = found.span()
        if found["element"]:
            self._element(found["element"].lower(), found)
        elif found["board"]:
            self._bulletin(found["board"].lower(), start, end, closes=bool(found["board_close"]))
        elif kind == "entity":
            if f"{found['entity']};" in html5:
                self.put(start, end, html5[f"{found['entity']};"])
        elif kind is None:
            self.put(start, end, unescape(found[0]))
        elif kind == "comment":
            self._drop_to("-->", start, end)
        elif kind == "fence":
            self._skip_fence(start, end)
        elif kind in ("declaration", "cdata") or (kind == "cdata_end" and self._cdata):
            self._cdata += {"cdata": 1, "cdata_end": -1}.get(kind, 0)
            self.drop(start, end)

    def _skip_fence(self, start: int, end: int) -> None:
        """Leave what stands between two fences at lines' starts as it is."""
        if self._text[start - 1 : start] in ("", "\n"):
            self._keep(max(self._find("\n```", end), self._position))

    def _find(self, sign: str, position: int) -> int:
        """Return where a sign ends behind a position; -1 if it is not there."""
        if sign in self._endless:
            return -1
        found = _pattern(sign).search(self._text, position)
        if not found:
            self._endless.add(sign)
        return found.end() if found else -1

    def _drop_to(self, sign: str, start: int, end: int) -> None:
        """Drop all up to a sign; if it is not there, only where it begins."""
        self.drop(start, max(end, self._find(sign, end)))

    def _element(self, name: str, found: re.Match[str]) -> None:
        start, end = found.span()
        is_end = bool(found["close"])
        if name in _BLOCKS:
            self.part(start, end, _PARAGRAPH)
        elif name == "br":
            self.break_line(start, end)
        elif name == "hr":
            self.part(start, end, _RULE)
        elif name == "break":
            self._pause(start, end, found["attributes"])
        elif name == "s" and self._is_speech:
            self.pause(start, end, ".")
        elif name in _CELLS and not is_end:
            self.pause(start, end, ",")
        elif name in _DROPPED and not is_end:
            self._drop_to(f"</{name}>", start, end)
        elif not is_end and (instead := self._replaced(name, found)):
            self.put(start, instead[0], instead[1])
        elif name in _ELEMENTS or ":" in name:
            self.drop(start, end)

    def _bulletin(self, name: str, start: int, end: int, *, closes: bool) -> None:
        """Read a tag of a bulletin board; one that is closed nowhere is none."""
        if name not in _BOARD or not (name in self._board or (name in "*li" and self._board & {"list", "ul", "ol"})):
            return
        if name in _BOARD_BLOCKS:
            self.part(start, end, _PARAGRAPH)
        elif name == "img" and not closes and (image := _IMAGE.match(self._text, end)):
            self.drop(start, image.end())
        else:
            self.drop(start, end)

    def _pause(self, start: int, end: int, attributes: str) -> None:
        """Read SSML's break."""
        said = _attributes(attributes)
        length = _seconds(said.get("time", ""))
        strength = said.get("strength", "medium")
        if length == 0 or (length is None and strength in _NONE):
            self.drop(start, end)
        elif length >= _LONG_BREAK_S if length is not None else strength in _LONG:
            self.part(start, end, _PARAGRAPH)
        else:
            self.pause(start, end, ",")

    def _replaced(self, name: str, found: re.Match[str]) -> tuple[int, str] | None:
        """Return where an element ends that is said in another way than it is written, and how it is said."""
        if name not in ("sub", "sup", "say-as"):
            return None
        content = _CONTENT.match(self._text, found.end())
        if not content or content[2].lower() != name:
            return None
        text = unescape(content[1]).strip()
        said = _attributes(found["attributes"])
        if name == "say-as":
            spelled = said.get("interpret-as", said.get("type", "")).lower() in _SPELLED
            return (content.end(), " ".join("".join(text.upper().split()))) if spelled else None
        if "alias" in said:
            return content.end(), unescape(said["alias"])
        if not _INDEX.fullmatch(text):
            return None
        if name == "sub":
            return content.end(), text.translate(_LOWERED)
        self._keep(found.start())
        return content.end(), text.translate(_RAISED) if self._is_raised(found.start()) else ""

    def _is_raised(self, start: int) -> bool:
        """Whether what is high at ``start`` is a power, of a number or of a unit, and no footnote's mark."""
        return self._solid.isdigit() or self._solid == ")" or bool(_UNIT.search(self._text, max(0, start - 4), start))


@cache
def _pattern(sign: str) -> re.Pattern[str]:
    return re.compile(re.escape(sign).replace(">", r"\s*+>") if sign[0] == "<" else re.escape(sign), re.IGNORECASE)


def _attributes(text: str) -> dict[str, str]:
    return {name.lower(): double or single or bare for name, double, single, bare in _ATTRIBUTE.findall(text)}


def _seconds(time: str) -> float | None:
    """Return the seconds of a time such as ``500ms`` or ``1.5s``; ``None`` if it is none."""
    found = _TIME.fullmatch(time)
    if not found or not found[1].strip("."):
        return None
    return float(found[1]) / (1000 if found[2] == "ms" else 1)
