"""How words are said, as far as a page says it: SSML, its attributes in EPUBs, and its elements in HTML."""

import re

from books.book import MarkKind
from books.reading.html.markup import Element, ssml_of

_TIME = re.compile(r"(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})\s?(ms|s)")
_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.8, "x-strong": 1.5}
_LONGEST_BREAK_S = 60.0
_SAY_AS = {
    "digits": "digits",
    "telephone": "digits",
    "characters": "characters",
    "spell-out": "characters",
    "verbatim": "characters",
    "date": "date",
}


def break_of(element: Element, name: str) -> str | None:
    """Return the silence in seconds that an SSML ``break`` asks for, up to a minute; ``None`` for other elements."""
    if name != "break":
        return None
    time = _TIME.fullmatch((element.get("time") or "").strip().lower())
    if time:
        seconds = float(time[1]) / (1000 if time[2] == "ms" else 1)
    else:
        seconds = _STRENGTHS.get((element.get("strength") or "medium").lower(), _STRENGTHS["medium"])
    return f"{min(seconds, _LONGEST_BREAK_S):g}"


def marks_of(element: Element, name: str) -> list[tuple[MarkKind, str]]:
    """Return what an element says of its words, as kinds of marks and their values."""
    marks = []
    phonemes = element.get("ph") if name == "phoneme" else ssml_of(element, "ph")
    if phonemes and phonemes.strip() and (element.get("alphabet") or _alphabet_around(element)).lower() == "ipa":
        marks.append((MarkKind.PHONEMES, phonemes.strip()))
    if name == "sub" and (element.get("alias") or "").strip():
        marks.append((MarkKind.ALIAS, " ".join(element.get("alias").split())))
    if name == "say-as" and (how := _SAY_AS.get((element.get("interpret-as") or "").lower())):
        marks.append((MarkKind.SAY_AS, how))
    if name == "voice" and (element.get("name") or "").strip():
        marks.append((MarkKind.VOICE, element.get("name").strip()))
    return marks


def _alphabet_around(element: Element) -> str:
    """Return the alphabet that the elements around one set for it; IPA if none does."""
    while element is not None:
        said = ssml_of(element, "alphabet")
        if said:
            return str(said)
        element = element.getparent()
    return "ipa"
