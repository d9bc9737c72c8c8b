# ruff: noqa: RUF001 (look-alike characters are listed on purpose)
"""What Project Gutenberg puts around its texts: headers, licences, credits; in all their forms since 1991."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# "***START OF THE PROJECT GUTENBERG EBOOK X***"; before 2003 a header ended with the small print.
_START = re.compile(r"\*{2,}\s*START OF (?:TH[EI]S? )?PROJECT GUTENBERG", re.I)
_SMALL_PRINT_ENDS = re.compile(r"\*+\s*END\W{0,3}(?:OF )?THE SMALL PRINT", re.I)
_SMALL_PRINT_STARTS = re.compile(r"\*+\s*START\W{0,3}(?:OF )?THE SMALL PRINT", re.I)
_END = re.compile(
    r"(?:\*{2,}\s*)?(?:(?:THIS IS )?THE )?END OF (?:TH[EI]S? )?PROJECT GUTENBERG|\*{3,} ?START: FULL LICENSE", re.I
)
_ANY_HEADER = re.compile(r"\W{0,8}(?:This is )?(?:The )?Project Gutenberg(?:['’]s|\s+(?:e-?(?:book|text)|edition))", re.I)
_NAMED = re.compile(
    r"\W{0,8}(?:This is )?(?:The )?Project Gutenberg(?:['’]s(?: e-?(?:book|text) of)?| e-?(?:book|text)s? (?:of|,)) "
    r"(?P<title>[^*]{1,200}?)"
    r"(?:,? by (?P<author>[^*]{1,100}?))?\s*\**\Z",
    re.I,
)
_FIELD = re.compile(r"(Title|Author|Translator|Illustrator|Editor|Language|Release Date|Posting Date):\s*(\S.*)", re.I)
_CREDIT = re.compile(
    r"\W{0,4}(?:Produced|(?:This )?E-?(?:text|book)(?: was)?(?: first)? (?:prepared|produced|created|scanned|converted|typed)"
    r"|Transcribed|Scanned|Proofread|Digitized|HTML version|Updated editions|Note: (?:Project Gutenberg|Images of)"
    r"|(?:Original )?Transcriber['’]?s?['’]? notes?\b|\[Transcriber|This (?:file|e-?(?:text|book)) (?:was|is)|Project Gutenberg"
    r"|The Project Gutenberg|End of (?:The )?Project Gutenberg|Distributed Proof|.{0,80}pgdp\.net|Character set encoding)",
    re.I,
)
_TRANSCRIBER = re.compile(r"\W{0,4}(?:Original )?Transcriber['’]?s?['’]? (?:end)?notes?\W{0,4}\Z", re.I)
_SEARCHED = 1000  # lines: no header is longer
_CREDITS = 14  # groups of lines at the front, and at the end, among which credits are found
_LANGUAGES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "dutch": "nl", "portuguese": "pt",
    "finnish": "fi", "swedish": "sv", "danish": "da", "norwegian": "no", "polish": "pl", "latin": "la", "greek": "el",
    "esperanto": "eo", "catalan": "ca", "hungarian": "hu", "czech": "cs", "russian": "ru", "chinese": "zh", "japanese": "ja",
}  # fmt: skip


@dataclass(frozen=True)
class Unwrapped:
    """A text without what Project Gutenberg put around it.

    Attributes:
        lines: of the text.
        fields: ``title``, ``author``, ``language`` (its code), as far as the header says.
        found: whether there was a header, a footer or credits.
    """

    lines: list[str]
    fields: dict[str, str]
    found: bool


def begins_text(line: str) -> bool:
    """Tell whether a text begins behind a line or paragraph: it ends a header."""
    line = line.lstrip()
    return bool(_START.match(line) or _SMALL_PRINT_ENDS.match(line))


def ends_text(line: str) -> bool:
    """Tell whether a text ends before a line or paragraph: it begins a footer."""
    return bool(_END.match(line.lstrip()))


def unwrap(lines: Sequence[str]) -> Unwrapped:
    """Drop a header, a footer and credits; a text from elsewhere stays as it is."""
    start, end = _bounds(lines)
    if start == 0 and end == len(lines):
        return Unwrapped(list(lines), {}, False)
    body = _without_credits(list(lines[start:end]))
    return Unwrapped(body, _fields(lines[: start or 40]), True)


def _bounds(lines: Sequence[str]) -> tuple[int, int]:
    start = 0
    for number, line in enumerate(lines[:_SEARCHED]):
        if begins_text(line):
            start = _behind(lines, number)
        elif start and ends_text(line):
            break
    half = max(start, len(lines) // 2)
    for number in range(start, len(lines)):
        line = lines[number]
        if (number > start + 5 and ends_text(line)) or (number > half and _SMALL_PRINT_STARTS.match(line.lstrip())):
            return start, number
    return start, len(lines)


def _behind(lines: Sequence[str], number: int) -> int:
    """Return where the text goes on behind a marker, which may be of two or three lines."""
    for behind in range(number, min(number + 4, len(lines))):
        if lines[behind].rstrip().endswith("*"):
            return behind + 1
    return number + 1


def _fields(header: Sequence[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for number, line in enumerate(header):
        if match := _FIELD.match(line.strip("\ufeff ")):
            fields.setdefault(match[1].lower(), _continued(match[2], header[number + 1 :]))
    if "title" not in fields:
        fields |= _from_first_line(header)
    if "language" in fields:
        code = _LANGUAGES.get(fields.pop("language").split()[0].strip(",;").lower())
        fields |= {"language": code} if code else {}
    return {name: value for name, value in fields.items() if name in ("title", "author", "language")}


def _continued(value: str, behind: Sequence[str]) -> str:
    parts = [value.strip()]
    for line in behind:
        if not line.strip() or not line[0].isspace():
            break
        parts.append(line.strip())
    return " ".join(parts)


def _from_first_line(header: Sequence[str]) -> dict[str, str]:
    for line in header[:60]:
        if match := _NAMED.match(line.strip("\ufeff ")):
            return {name: value.strip() for name, value in match.groupdict().items() if value}
    return {}


def _without_credits(lines: list[str]) -> list[str]:
    """Drop credits and notes of transcribers at the front and at the end."""
    groups = _groups(lines)
    drop: set[int] = set()
    for first, last in groups[:_CREDITS] + groups[-_CREDITS:]:
        if _CREDIT.match(lines[first]) or _ANY_HEADER.match(lines[first]):
            drop.update(range(first, last))
    last = max(len(groups) // 2, min(len(groups) * 9 // 10, len(groups) - _CREDITS))
    for first, _ in groups[last:]:
        if _TRANSCRIBER.match(lines[first]):
            drop.update(range(first, len(lines)))
            break
    return ["" if number in drop else line for number, line in enumerate(lines)]


def _groups(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Return the first line of each group of lines between blank ones, and the one behind its last."""
    groups: list[tuple[int, int]] = []
    first = None
    for number, line in enumerate([*lines, ""]):
        if line.strip() and first is None:
            first = number
        elif not line.strip() and first is not None:
            groups.append((first, number))
            first = None
    return groups
