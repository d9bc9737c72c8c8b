"""Who is said to have said what: ``“Yes,” said Alice``."""

import re
from collections.abc import Sequence
from functools import cache

from books.direction.quotes import Speech

_VERBS = {
    "en": "said says asked asks cried cries replied replies answered answers exclaimed whispered shouted called murmured "
    "muttered added continued went\\son began begged remarked observed thought yelled screamed sighed repeated "
    "returned inquired enquired interrupted growled laughed demanded declared explained insisted protested "
    "suggested told",
    "de": "sagte sagt fragte fragt rief ruft antwortete antwortet erwiderte erwidert entgegnete meinte meint "
    "fl\u00fcsterte schrie murmelte f\u00fcgte sprach spricht bat erkl\u00e4rte begann fuhr",
    "fr": "dit demanda r\u00e9pondit r\u00e9pliqua cria s'\u00e9cria \u00e9cria s\u2019\u00e9cria murmura ajouta reprit fit "
    "continua",
    "es": "dijo dice pregunt\u00f3 respondi\u00f3 contest\u00f3 exclam\u00f3 grit\u00f3 murmur\u00f3 "
    "a\u00f1adi\u00f3 replic\u00f3 susurr\u00f3",
    "it": "disse dice chiese domand\u00f2 rispose esclam\u00f2 grid\u00f2 mormor\u00f2 aggiunse replic\u00f2 sussurr\u00f2",
    "pt": "disse diz perguntou respondeu exclamou gritou murmurou acrescentou replicou sussurrou",
    "nl": "zei zegt vroeg vraagt riep roept antwoordde fluisterde schreeuwde mompelde vervolgde",
}
_REACH = 120  # characters around speech in which its speaker is named
_BETWEEN = r"(?:\s(?!(?:to|with|at|zu|mit|\u00e0|a|al|aan|tegen)\b)[\w.'\u2019-]{1,30}+){0,3}?"
_ENDS = re.compile(r"[.!?\u2026](?<!Mr\.)(?<!Mrs\.)(?<!Dr\.)(?<!St\.)(?<!Ms\.)\s")


@cache
def _patterns(language: str, name: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what stands behind speech, and what before it, of a speaker whose name has this pattern."""
    verb = rf"(?:{'|'.join(_VERBS.get(language, _VERBS['en']).split())})"
    who = rf"(?<!\w)(?:{name})(?!\w)"
    behind = re.compile(
        rf"[\s,\u2014\u2013-]*+(?:{verb}{_BETWEEN}\s{who}|(?:\w[\w.'\u2019-]{{0,30}}+\s){{0,3}}?{who}{_BETWEEN}\s{verb}\b)",
        re.I,
    )
    before = re.compile(rf"(?:{who}{_BETWEEN}\s{verb}|{verb}{_BETWEEN}\s{who})\b[^.!?]{{0,80}}+\Z", re.I)
    return behind, before


def is_said_by(text: str, speech: Sequence[Speech], index: int, name: str, language: str) -> bool:
    """Whether a paragraph says of one of its speeches that somebody said it.

    Args:
        text: of the paragraph.
        speech: in it, in order.
        index: of the one that is asked for.
        name: a pattern of names.
        language: code of the text's language.
    """
    behind, before = _patterns(language, name)
    if behind.match(_behind(text, speech, index)):
        return True
    lead = _before(text, speech, index)
    return lead.rstrip()[-1:] in (",", ":") and bool(before.search(lead.rstrip()[:-1]))


def _behind(text: str, speech: Sequence[Speech], index: int) -> str:
    end = speech[index].end
    limit = speech[index + 1].start if index + 1 < len(speech) else len(text)
    around = text[end : min(limit, end + _REACH)]
    stop = _ENDS.search(around)
    return around[: stop.start()] if stop else around


def _before(text: str, speech: Sequence[Speech], index: int) -> str:
    start = speech[index].start
    limit = speech[index - 1].end if index else 0
    return _ENDS.split(text[max(limit, start - _REACH) : start])[-1]
