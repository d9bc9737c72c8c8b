"""Languages as XML names them."""

import re

UNDETERMINED = "und"  # ISO 639-2
_TAG = re.compile(r"([A-Za-z]{2,3})(-[A-Za-z]{4})?(-(?:[A-Za-z]{2}|[0-9]{3}))?(?=-|$)")
_RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ps", "sd", "syr", "ug", "ur", "yi"})
_RIGHT_TO_LEFT_SCRIPTS = frozenset({"arab", "hebr", "nkoo", "syrc", "thaa"})
_WITHOUT_SPACES = frozenset({"ja", "km", "lo", "my", "th", "yue", "zh"})


def language_tag(code: str | None) -> str:
    """Return language, script and region of a code as BCP 47 writes them; ``und`` if it is none."""
    found = _TAG.match((code or "").strip().replace("_", "-"))
    if not found:
        return UNDETERMINED
    language, script, region = found.groups(default="")
    return language.lower() + script.title() + region.upper()


def direction_of(tag: str) -> str:
    """Return ``rtl`` for languages that are written from right to left, else ``ltr``."""
    language, *others = tag.lower().split("-")
    scripts = [part for part in others if len(part) == 4]  # ISO 15924
    return "rtl" if _RIGHT_TO_LEFT_SCRIPTS.intersection(scripts) or (not scripts and language in _RIGHT_TO_LEFT) else "ltr"


def writes_spaces(tag: str) -> bool:
    """Whether sentences of a language have spaces between them."""
    return tag.partition("-")[0] not in _WITHOUT_SPACES
