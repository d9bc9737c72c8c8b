"""German grammar as far as numbers need it: genders, cases, and the endings of ordinals."""

import re

from actors.text.languages.context import word_before, word_set
from actors.text.languages.german_words import GENDER_ENDINGS, GENDERS, QUEENS, REGNAL_NAMES, RULERS, WEEKDAYS

_LOOKED_BACK = 60
_SENTENCE = 160  # characters looked back for the beginning of a sentence
_MOST_ADVERBS = 3
_MOST_NAMES = 4  # titles and names before the last one of a ruler
_JOINT = r"(?:\s?[-\u2010-\u2013/]\s?|,\s|\s(?:und|bis|oder|sowie|u\.)\s)"
_ORDINALS_BEFORE = re.compile(rf"(?<![\w.])(?:\d{{1,4}}\.{_JOINT}){{1,6}}\Z")
_ORDINAL_BEFORE = re.compile(rf"\d\.{_JOINT}\Z")
_ORDINALS_BEHIND = re.compile(rf"(?:{_JOINT}\d{{1,4}}\.){{1,6}}")
_WORD = re.compile(r"\s?([^\W\d_]+(?:-[^\W\d_]+)*)(?![\w])")
_WEEKDAY_BEFORE = re.compile(
    rf"(?:{'tag|'.join(WEEKDAYS.values())}|Sonnabend|Heiligabend|(?:Mo|Di|Mi|Do|Fr|Sa|So)\.?),?\s?\Z".replace("tagtag", "tag")
)

_POSSESSIVE = ("mein", "dein", "sein", "ihr", "unser", "euer", "eur", "unsr", "kein", "ein")
_WITH_N = word_set(
    "dem den des am im zum vom beim zur unterm überm hinterm diesem diesen jedem jeden jenem jenen welchem welchen "
    "beiden allen aller alle deren letzten ersten"
) | {stem + ending for stem in _POSSESSIVE for ending in ("em", "en", "er", "es")}
_WITH_E = word_set("das die ins ans aufs fürs ums übers durchs diese jede jene welche jedes jenes") | {
    f"{stem}e" for stem in _POSSESSIVE
}
_LIKE_DER = word_set("der dieser jeder jener welcher")
DATIVE = word_set(
    "in an auf mit aus bei nach von zu seit vor unter über zwischen neben hinter außer gegenüber ab entgegen gemäß "
    "laut samt dank innerhalb binnen"
)
ACCUSATIVE = word_set("für gegen durch ohne um bis pro je")
_GENITIVE = word_set("während wegen trotz statt anstatt")
# Verbs whose object is more often counted than their subject.
_VERBS = word_set(
    "kostet kosten kostete kosteten zahlt zahlte zahlen bezahlt bezahlte bezahlen hat habe haben hatte hatten "
    "gewann gewinnt verlor verliert braucht brauche brauchen nimmt nehmen kauft kaufte kaufen spendet spendete "
    "verdient verdiente erhält erhielt bekommt bekam dauert dauerte wiegt misst beträgt macht trinkt trinken isst "
    "essen gab gibt sah sahen sieht fand fanden findet traf trafen trifft kannte las schrieb baute suchte sucht suchen "
    "besitzt besaß benötigt enthält enthielt verkaufte verkauft tötete erhielten bekamen nahm nahmen forderte umfasst"
)
_ADVERBS = word_set(
    "noch nur etwa rund knapp gut fast genau jeweils mindestens höchstens schon erst bloß lediglich immerhin insgesamt"
)
# Verbs whose subject is counted, not their object.
_BEING = word_set(
    "war ist sind waren blieb bleibt bleiben fehlt fehlte fehlen kam kamen kommt saß sitzt stand steht starb lebt lebte "
    "wurde wird werden wurden existiert erschien genügt reicht"
)
# Verbs that what is named behind is the object of: they are of people, and of rulers too.
_TOWARDS = word_set(
    "zeigt zeigte zeigen zeigten wählt wählte wählten besucht besuchte besuchten besuchen traf trafen trifft stürzte "
    "stürzten krönte krönten heiratete heiraten ernannte ernannten ermordete ermordeten besiegte besiegten unterstützte "
    "unterstützten kannte kannten sah sahen verehrte verehrten empfing empfingen porträtierte malte malten lobte lobten "
    "kritisierte kritisierten vertrieb vertrieben bekämpfte bekämpften schlug schlugen verriet beriet töteten tötete "
    "beerbte überredete überzeugte bat baten liebte hasste nannte nannten begleitete begleiteten spielt spielte verkörpert "
    "darstellt darstellte interviewte begrüßte begrüßten beerdigte hinrichtete enthauptete exkommunizierte salbte salbten "
    "setzte feiern feierte feierten ehrte ehrten beauftragte verklagte verließ ersetzte bewunderte fürchtete"
)
_TO = word_set(
    "folgte folgt folgten diente dienten gehorchte begegnete begegneten gratulierte half halfen gehörte gehörten dankte "
    "dankten glaubte unterlag huldigten widmete schenkte übergab nachfolgte"
)
# What a sentence begins with whose subject comes behind its verb.
_NO_SUBJECTS = word_set(
    "in im am an nach vor dann danach später schließlich bei mit seit um ab bis unter während zwischen daraufhin dort hier "
    "so auch erst anfangs darauf zunächst als wenn nachdem weil zu zum zur auf aus trotz wegen damals heute gestern kurz"
)
_SENTENCE_BEFORE = re.compile(r"(?:\A|[.!?:;\n]\s*)([^\W_]+)[^.!?:;\n]*\Z")
_ENDINGS = ("e", "en", "er", "es", "em")
_NO_ADJECTIVES = word_set(
    "wurde wurden werden haben hatte hatten waren hinter unter über oder aber wie sie eine einen einer es er der "
    "dessen konnte konnten sollte wollte kommen gingen machte gegen zwischen neben wegen den dem des heute morgen "
    "gerne wieder immer"
)
_STRONG = {"m": "er", "f": "e", "n": "es", "-": "er"}


def gender_of(word: str) -> str:
    """Return the gender of a noun, ``m``, ``f`` or ``n``; ``-`` if it is not written as one."""
    if not word[:1].isupper():
        return "-"
    name = word.casefold()
    for start in range(max(1, len(name) - 1)):
        known = GENDERS.get(name[start:])
        if known and (start == 0 or len(name) - start > 2):
            return known
    return next((gender for ending, gender in GENDER_ENDINGS.items() if name.endswith(ending)), "m")


def noun_behind(text: str, position: int) -> str:
    """Return the noun behind an ordinal, whatever adjectives and further ordinals are between; empty if there is none."""
    behind = _ORDINALS_BEHIND.match(text, position)
    if behind:
        position = behind.end()
    for _ in range(3):
        word = _WORD.match(text, position)
        if word is None or (word[1][0].isupper() and not _is_adjective(text, word)):
            return word[1].rpartition("-")[2] if word else ""
        if word[1][0].islower() and (not word[1].endswith(_ENDINGS) or word[1] in _NO_ADJECTIVES):
            return ""
        position = word.end()
    return ""


def _is_adjective(text: str, word: re.Match[str]) -> bool:
    """Whether a word with a capital is a part of a name: *Olympischen* Spiele."""
    return word[1].endswith(("ischen", "ische", "ischer")) and text[word.end() + 1 : word.end() + 2].isupper()


def adjective_behind(text: str, position: int) -> str:
    """Return the word behind an ordinal if it begins with a small letter; else an empty one."""
    word = _WORD.match(text, position)
    return word[1] if word and (word[1][0].islower() or _is_adjective(text, word)) else ""


def before_ordinals(text: str, position: int) -> int:
    """Return where the first ordinal of a list begins, the last of which begins at a position: 3 in *3. und 4. Platz*."""
    if not _ORDINAL_BEFORE.search(text, max(0, position - len("3. sowie ")), position):
        return position
    match = _ORDINALS_BEFORE.search(text, max(0, position - _LOOKED_BACK), position)
    return match.start() if match else position


def is_determined(text: str, position: int) -> bool:
    """Whether an article or the like stands before the ordinal at a position."""
    before = word_before(text, before_ordinals(text, position)).casefold()
    return before in _WITH_N or before in _WITH_E or before in _LIKE_DER or before in _POSSESSIVE


def ordinal_ending(text: str, start: int, noun: str, adjective: str = "") -> str:
    """Return the ending of an ordinal that begins at a position, before a noun, maybe with an adjective in between."""
    start = before_ordinals(text, start)
    before = _before(text, start)
    gender = gender_of(noun) if noun else "-"
    if before in _WITH_N or (adjective.endswith("en") and before in ("die", "")):
        return "en"
    if before == "dieses":
        return "en" if noun.endswith("s") else "e"
    if before in _WITH_E:
        return "e"
    if before in _LIKE_DER:
        prepositional = word_before(text, text.rfind(before[1:], 0, start)).casefold() in DATIVE
        return "en" if gender == "f" or (prepositional and gender != "m") else "e"
    if before in DATIVE or before in ACCUSATIVE or before in ("anfang", "mitte", "ende"):
        return _strong_ending(before, gender)
    return _STRONG[gender]


def _before(text: str, start: int) -> str:
    """Return the word before; with a date, that before its weekday if there is none."""
    before = word_before(text, start)
    if weekday := _WEEKDAY_BEFORE.search(text, max(0, start - 14), start):
        earlier = word_before(text, weekday.start()).casefold()
        return earlier if earlier in _WITH_N or earlier in DATIVE or earlier in ("bis",) else ""
    return before.casefold()


def _strong_ending(before: str, gender: str) -> str:
    if before in ("bis", "ab", "anfang", "mitte", "ende", "vor", "um", "gegen", "für", "durch", "ohne", "pro", "je"):
        return {"f": "e" if before not in ("ab", "vor") else "er", "n": "es"}.get(gender, "en")
    return "er" if gender == "f" else "em"


def case_of_one(text: str, start: int) -> str:
    """Return the case of one thing that is counted at a position: ``d``, ``a``, or none for the nominative."""
    before = word_before(text, start).casefold()
    if before in DATIVE:
        return "d"
    skipped, more = before in _ADVERBS, before == "noch"
    for _ in range(_MOST_ADVERBS):
        if before not in _ADVERBS:
            break
        start -= len(text[max(0, start - _LOOKED_BACK) : start].lower().rpartition(before)[2]) + len(before)
        before = word_before(text, start).casefold()
    if before in ACCUSATIVE or before in _VERBS:
        return "a"
    known = before and before not in _BEING
    return "a" if (skipped and known) or (more and not before) else ""  # Noch einen Tag!


def regnal_article(text: str, start: int, name: str) -> tuple[str, str]:
    """Return the article of a ruler's number and its ending: *der* and *e*, *dem* and *en*.

    Args:
        text: where it stands.
        start: where the name begins, or the number if the name is not to be looked past.
        name: before the number.
    """
    base = name.removesuffix("s")
    genitive = name not in REGNAL_NAMES and base in REGNAL_NAMES
    woman = (base if genitive else name) in QUEENS
    before = word_before(text, start)
    for _ in range(_MOST_NAMES):
        if before.casefold() not in RULERS and before not in REGNAL_NAMES:
            break
        woman = woman or before.casefold().endswith("in")
        if before.casefold() in ("kaisers", "königs", "papstes", "zaren", "herzogs"):
            genitive = True
        start = text.rfind(before, 0, start)
        before = word_before(text, start)
    before = before.casefold()
    if genitive or before in _GENITIVE or before == "des":
        return ("der", "en") if woman else ("des", "en")
    if (
        before in _TO
        or before in DATIVE
        or before in ("dem", "vom", "zum", "beim", "am", "im", "zur")
        or (woman and before == "der")
    ):
        return ("der", "en") if woman else ("dem", "en")
    if before in ACCUSATIVE or before == "den" or (before in _TOWARDS and _has_subject(text, start)):
        return ("die", "e") if woman else ("den", "en")
    return ("die", "e") if woman else ("der", "e")


def _has_subject(text: str, position: int) -> bool:
    """Whether the subject of the sentence around a position comes before it, as far as its first word tells it."""
    first = _SENTENCE_BEFORE.search(text, max(0, position - _SENTENCE), position)
    return first is not None and first[1].casefold() not in _NO_SUBJECTS and not first[1].isdecimal()
