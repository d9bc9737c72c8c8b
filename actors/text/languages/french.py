"""French, as it is read in France."""

import re
from collections.abc import Mapping
from typing import ClassVar

from actors.text.languages import french_numbers as numbers
from actors.text.languages.context import second_word_behind, word_before, word_behind, word_set
from actors.text.languages.european import European, short_forms
from actors.text.languages.french_names import Numerals
from actors.text.languages.french_nouns import is_feminine, is_noun
from actors.text.languages.french_times import HOURS, Times
from actors.text.languages.french_words import (
    ABBREVIATIONS,
    CURRENCIES,
    MAGNITUDES,
    MONTH_NAMES,
    MONTHS,
    NAMED_BY_NUMBER,
    NUMBERED,
    SHORT_DAYS,
    STARTERS,
    THOUSAND,
    TITLES,
    UNITS,
    WORDS,
    YEAR_WORDS,
)
from actors.text.languages.language import FRACTIONS, SPACE, Currency, Noun, alternatives
from actors.text.numbers import Number
from actors.text.rules import BEFORE_LETTER, BEFORE_MARK, BEFORE_SPACE, CAPITAL, DIGIT, FREE, LETTER, SIGN, Rule

_PARTS = {2: Noun("demi", "demis"), 3: Noun("tiers", "tiers"), 4: Noun("quart", "quarts")}
_WORDS_LIKE_UNITS = word_set("bar ch cv mi mo")
_GRADED = (10, 20, 50, 100)  # what marks are given out of: 15/20
_VOWEL = "aeiouyàâéèêëîïôöùûüœæ"
_ASPIRATED = ("haric", "haut", "hauss", "handicap", "hangar", "hauteur", "hérisson", "héros", "hibou", "homard", "hors", "hutt")
_MILLIONS = ("million", "millions", "milliard", "milliards", "billion", "billions")
_ANOTHER = re.compile(r" (?:à|ou|et|sur) [\d.,]{1,9} ([^\W\d_]+)")
_CALLED = re.compile(r"(?i:appel\w{0,6}|compos\w{0,6}|numéro|joindre|contact\w{0,5}|téléphon\w{0,5})\b[^.\n]{0,20}\Z")
_HALF_BEHIND = re.compile(r"\d ?([^\W\d_]+)(?: et)? \Z")
_DETERMINERS = word_set("un une la le les cette cet ce chaque sa son ma mon leur notre votre des deux trois")
_PER = "mois|jour|an|année|semaine|heure|minute|seconde|nuit|personne|enfant|adulte|habitant|tête|pièce|part|kilo|litre"
_ORDINAL = r"(?:[eèE][mM]?[eE]?s?|i?[eè]mes?|ers?|[eè]?res?|ères?|ière|nde?s?|ᵉʳ|ʳᵉ|ᵉ|ᵈᵉ?|de?)(?![\w'\u2019])"
_NAMED_BELOW = 10  # hundredths of a currency


class French(European):
    """French."""

    code: ClassVar = "fr"
    trigger_words: ClassVar = [
        "x",
        WORDS.per,
        "v",
        "nos",
        "mai",
        "juin",
        "juillet",
        *(word for word in NUMBERED if word.isalpha() and word.islower()),
    ]
    words: ClassVar = WORDS
    units: ClassVar[Mapping[str, Noun]] = UNITS
    currencies: ClassVar = CURRENCIES
    magnitudes: ClassVar = MAGNITUDES
    long_magnitudes: ClassVar = "millions?|milliards?|billions?|mille"
    abbreviations: ClassVar = ABBREVIATIONS
    starters: ClassVar = STARTERS
    months: ClassVar = MONTHS
    of_month: ClassVar = r"[/-]?"
    hours: ClassVar = rf":|{HOURS}"
    o_clock: ClassVar = r"[hH]"
    titles: ClassVar = TITLES
    numbered: ClassVar = NUMBERED
    labels: ClassVar = word_set("taille vitamine hépatite plan type classe groupe lettre catégorie bâtiment option variante")
    short_days: ClassVar = SHORT_DAYS
    day_joints: ClassVar = {"au": "au", "à": "à", "et": "et", "ou": "ou", "&": "et"}
    set_marks: ClassVar = "/-"
    played: ClassVar = (
        r"(?i:\b(?:gagn|perd|batt|victoire|défaite|match|set|sets|manche|impos|emport|score|domin|s'inclin|qualifi|"
        r"tennis|finale)\w{0,6})\b"
    )
    timed: ClassVar = r"(?i:\b(?:à|vers|dès|de|jusqu'à|entre|avant|après|et)) \Z"
    emergency: ClassVar = word_set("911")
    called: ClassVar = r"(?i:\b(?:appel\w*|compos\w*|numéro))\b[^.\n]{0,25}\Z"
    ordinal_mark: ClassVar = rf"(?P<mark>{_ORDINAL})"

    def first_rules(self) -> list[Rule]:
        """Return the rules of French alone."""
        return [
            *Numerals(self).rules(),
            *Times(self).rules(),
            *self._own_codes(),
            *self._own_amounts(),
            *self._own_signs(),
        ]

    def _own_codes(self) -> list[Rule]:
        return [
            Rule(
                r"(?<![\w.])(?:\(?0\d\)?(?:[ .-]?\d\d){4}|0(?: ?\d{3}){3})(?![\w,.]\d|\d)",
                self.telephone,
                BEFORE_SPACE + BEFORE_MARK + SIGN,
            ),
            Rule(rf"{FREE}(?P<number>2)(?P<mark>d)(?!\w)", self.read_ordinal, BEFORE_LETTER),
            Rule(rf"{FREE}4[x\u00d7]4(?!\w)", lambda _: "quatre quatre", BEFORE_LETTER + BEFORE_MARK),
            Rule(rf"(?<=[dlDL]['\u2019])(?P<short>{short_forms(ABBREVIATIONS)})(?!\w)", self.read_abbreviation, LETTER),
            Rule(r"(?<=[ldLDnNsSqQ]['\u2019])(?P<letter>[A-Z]{1,5})-?(?P<number>\d{1,5})(?!\w)", self._road, CAPITAL),
            Rule(rf"{FREE}0(?P<number>\d000)(?= [A-Z])", self._town, BEFORE_SPACE),
            Rule(
                rf"(?<![\w.])(?P<book>[LRDA])\.{SPACE}?(?P<first>\d{{1,4}})(?:-(?P<last>\d{{1,4}}))?(?!\w)", self._law, CAPITAL
            ),
            Rule(rf"(?<![\w.])[vV]\.?{SPACE}?(?P<version>\d{{1,4}}(?:\.\d{{1,4}}){{1,5}})(?!\w)", self._version, LETTER),
            Rule(r"(?<=[LlDd]es )nos(?= \d)|(?<=[Aa]ux )nos(?= \d)", lambda _: "numéros", LETTER),
            Rule(r"(?<![\w.])Me\.?(?= [A-Z])", self._counsel, CAPITAL),
            Rule(r"(?<![\w.])M\.", self._label, CAPITAL),
            Rule(r"(?<=[^\W\d_]-)(?P<saint>Ste?s?)(?=-[A-Z\u00c0-\u00de])", lambda match: self.titles[match["saint"]], CAPITAL),
        ]

    def _own_amounts(self) -> list[Rule]:
        whole, fraction = rf"(?:(?P<whole>\d{{1,4}}){SPACE}?)?", r"(?P<above>\d{1,2})[/\u2044](?P<below>\d{1,2})"
        counted = rf"(?:{SPACE}?(?P<unit>{self.unit})|{SPACE}(?P<noun>[a-z\u00df-\u00ff\u0153]{{2,30}})(?!\w))"
        millions = r"(?:[1-9]\d{0,2}[ .\u00a0\u202f])?[1-9]\d{0,2}(?:[ .\u00a0\u202f]000){2}"
        magnitude = rf"(?P<magnitude>Mds?|Mrds?|Mio|M(?={SPACE}d['\u2019e]))(?!\w|{SPACE}?[€$£])"
        return [
            Rule(
                rf"{FREE}(?P<above>\d{{1,2}})[/\u2044](?P<below>\d{{1,3}})(?:e|es|èmes?|ᵉ)(?!\w)",
                self._named_fraction,
                BEFORE_MARK,
            ),
            Rule(rf"{FREE}{whole}{fraction}(?![\w/,.]\d){counted}", self._parted, BEFORE_SPACE + BEFORE_MARK),
            Rule(
                rf"{FREE}{whole}(?P<fraction>[{''.join(FRACTIONS)}]){counted}",
                self._parted,
                BEFORE_LETTER + BEFORE_SPACE + CAPITAL,
            ),
            Rule(
                rf"{FREE}(?P<number>{millions}){SPACE}(?P<noun>[^\W\d_]{{1,30}})", self._millions_of, BEFORE_SPACE + BEFORE_MARK
            ),
            Rule(rf"{FREE}(?P<number>{self.number}){SPACE}?{magnitude}", self._magnitude, DIGIT),
            Rule(
                rf"{FREE}(?P<whole>\d{{1,2}}){SPACE}?m{SPACE}?(?P<rest>\d\d)(?!\w)", self._metres, BEFORE_LETTER + BEFORE_SPACE
            ),
            Rule(rf"{FREE}(?P<whole>[1-9]\d?),(?P<rest>\d\d){SPACE}?m(?![\w/²³'\u2019])", self._metres, BEFORE_MARK),
            Rule(rf"{FREE}(?P<number>\d){SPACE}?[xX\u00d7]{SPACE}?(?P<length>\d{{2,4}}){SPACE}?m(?!\w)", self._legs, DIGIT),
            Rule(rf"(?:(?<=[Ll]e )|(?<=[Aa]u )|(?<=[Dd]u )|(?<=[Uu]n ))(?P<unit>{self.unit})", self._one_of, LETTER),
            Rule(
                rf"{FREE}(?P<above>\d{{1,2}}[.,]\d{{1,2}}){SPACE}?/{SPACE}?(?P<below>5|10|20|100)(?![\w/]|[.,]\d)",
                self._marks,
                DIGIT,
            ),
            Rule(rf"{FREE}(?P<number>\d{{1,4}})[xX](?= (?:plus|moins|par|sans|de)\b)", self._times_of, BEFORE_LETTER),
            Rule(
                rf"{FREE}1{SPACE}?[:/]{SPACE}?(?P<last>{self.number})(?<=\d{{3}})(?!\w)",
                self._scale,
                BEFORE_SPACE + BEFORE_MARK,
            ),
        ]

    def _own_signs(self) -> list[Rule]:
        return [
            Rule(r"(?:\A|(?<=\n))\+(?= \d)", lambda _: "plus", SIGN),
            Rule(rf"(?<=[€$£%]){SPACE}?/{SPACE}?(?P<unit>{alternatives(UNITS)})(?!\w)", self._per_unit, SIGN),
            Rule(rf"(?<=[\w€$£%²³])/(?=(?:{_PER})s?(?!\w))", lambda _: " par ", SIGN),
            Rule(r"(?<=\d)/(?=\d{2,4}(?!\w))", lambda _: " slash ", SIGN),
            Rule(r"(?<=[\dm] )x(?= \d)", lambda _: "sur", LETTER),
            Rule(r"(?<![\w€$£])[€$£](?![\w€$£])", lambda match: self.currencies[match[0]].major.many, SIGN),
        ]

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers

    def cardinal(self, value: int, gender: str = "m") -> str:
        """Return a whole number in words."""
        return numbers.feminine(value) if gender == "f" else numbers.cardinal(value)

    def ordinal(self, value: int, gender: str = "m") -> str:
        """Return an ordinal in words."""
        return numbers.ordinal(value, gender)

    def year(self, value: int) -> str:
        """Return a year in words; no plural is heard in it."""
        return numbers.without_plural(numbers.cardinal(value))

    def decimals(self, digits: str) -> str:
        """Return what is said behind the comma: zeros, and a number of up to three digits."""
        return self.digits(digits) if len(digits.lstrip("0")) > len("999") else self._group(digits)

    def is_single(self, number: Number) -> bool:
        """Whether one of what is counted is said with a number: with all below two."""
        return number.value < 2 and not number.is_code

    def fraction(self, above: int, below: int) -> str:
        """Return a fraction in words."""
        parts = _PARTS.get(below) or Noun(self.ordinal(below), f"{self.ordinal(below)}s")
        return f"{self.cardinal(above)} {parts.one if above == 1 else parts.many}"

    def mixed(self, whole: int | None, above: int, below: int) -> str:
        """Return a whole number, if there is one, and a fraction, in words: deux et demi."""
        if whole is None:
            return self.fraction(above, below)
        part = self.fraction(above, below)
        return f"{self.cardinal(whole)} et {part.removeprefix('un ') if below in (2, 4) else part}"

    def of(self, noun: str) -> str:
        """Return a noun with ``de`` before it."""
        silent = noun[0] in "hH" and not noun.lower().startswith(_ASPIRATED)
        return f"d'{noun}" if noun[0].lower() in _VOWEL or silent else f"de {noun}"

    # -----------------------------------------------------------------------------------------------------------------
    # Amounts

    def with_magnitude(self, match: re.Match[str], short: str | None, noun: Noun) -> str:
        """Return an amount, maybe of millions or the like, of a noun, in words."""
        said = self.magnified(match, short) if short else self.read_amount(match, noun.gender)
        name = noun.one if not short and self.is_single_amount(match) else noun.many
        return f"{said} {self.of(name) if said.endswith(_MILLIONS) else name}"

    def magnified(self, match: re.Match[str], short: str) -> str:
        """Return an amount of thousands, millions or the like in words."""
        magnitude = self.magnitudes.get(short) or Noun(short, short)
        number = self.parse(match["first"])
        if magnitude is not THOUSAND:
            return f"{self.read_amount(match)} {magnitude.one if self.is_single_amount(match) else magnitude.many}"
        if match["last"] is None and len(number.fraction) <= len("500"):
            return self.signed(match["sign"]) + self.cardinal(number.value * 1000 + int(number.fraction.ljust(3, "0")))
        return f"{numbers.without_plural(self.read_amount(match))} mille"

    def with_hundredths(self, major: str, hundredths: Number, currency: Currency) -> str:
        """Return an amount with hundredths in words, which are named if they are few: trois euros cinquante."""
        is_few = hundredths.value < _NAMED_BELOW
        return super().with_hundredths(major, hundredths, currency) if is_few else f"{major} {self.cardinal(hundredths.value)}"

    def counted(self, number: Number, noun: Noun) -> str:
        """Return so many of something in words, with ``de`` behind millions."""
        said, name = self.spell(number, noun.gender), noun.one if self.is_single(number) else noun.many
        return f"{said} {self.of(name) if said.endswith(_MILLIONS) else name}"

    def plain(self, match: re.Match[str]) -> str | None:
        """Read a number before anything else: in the gender of what is counted."""
        text, last = match.string, match["last"]
        if text[match.end() : match.end() + 1].isalpha():
            return None
        first = self._plain(match["first"], match)
        if last is not None and self.is_aside(match):
            return f"{first}{text[match.end('first') : match.start('last')]}{self._plain(last, match)}"
        if last is None:
            return self.signed(match["sign"]) + first
        return f"{self.signed(match['sign'])}{first} à {self._plain(last, match)}"

    def _plain(self, written: str, match: re.Match[str]) -> str:
        before = word_before(match.string, match.start()).lower()
        behind = word_behind(match)
        if "." in written and not self.parse(written).grouped:
            return self.read(written).replace(" virgule ", " point ")
        if before in NAMED_BY_NUMBER or self._is_year(written, before, behind):
            return numbers.without_plural(self.read(written))
        if (
            len(written) == 4
            and written.isdecimal()
            and _CALLED.search(match.string, max(0, match.start() - 40), match.start())
        ):
            return self._pairs(written)
        return self.read(written, self._gender_behind(behind, match))

    def _gender_behind(self, behind: str, match: re.Match[str]) -> str:
        """Return the gender of the words behind a number, of which ``behind`` is the first."""
        if not match.string[match.end() : match.end() + 1].isspace():
            return "-"
        another = _ANOTHER.match(match.string, match.end())
        feminine = is_feminine(another[1]) if another else is_feminine(behind, second_word_behind(match))
        return "f" if feminine else "-"

    def _is_year(self, written: str, before: str, behind: str) -> bool:
        is_year = len(written) == 4 and written.isdecimal() and "1000" <= written <= "2099"
        return is_year and (before in YEAR_WORDS or before in self.months or not is_noun(behind))

    def _millions_of(self, match: re.Match[str]) -> str | None:
        noun = match["noun"]
        if not is_noun(noun):
            return None
        return f"{self.read(match['number'])} {self.of(noun)}"

    def _millions(self, match: re.Match[str]) -> str | None:
        """Read millions of what is written out; a letter alone may be another (taille 40 M)."""
        return None if len(match["magnitude"]) == 1 else super()._millions(match)

    def _magnitude(self, match: re.Match[str]) -> str:
        magnitude = self.magnitudes[match["magnitude"]]
        return self.counted(self.parse(match["number"]), magnitude)

    def _metres(self, match: re.Match[str]) -> str:
        return f"{self.counted(Number(match['whole']), UNITS['m'])} {self._group(match['rest'])}"

    def _version(self, match: re.Match[str]) -> str:
        return "version " + " point ".join(self.cardinal(int(part)) for part in match["version"].split("."))

    def _law(self, match: re.Match[str]) -> str:
        first = f"{match['book']} {self.read(match['first'])}"
        return f"{first} tiret {self.read(match['last'])}" if match["last"] else first

    def _legs(self, match: re.Match[str]) -> str:
        """Read the legs of a relay race: 4x100 m."""
        return f"{self.read(match['number'])} fois {self.counted(Number(match['length']), UNITS['m'])}"

    def _marks(self, match: re.Match[str]) -> str:
        """Read marks out of what could be had: 7,5/10."""
        return f"{self.read(match['above'].replace('.', ','))} sur {self.read(match['below'])}"

    def _one_of(self, match: re.Match[str]) -> str | None:
        """Read what a price is of: le kg, au m²."""
        is_unit = len(match["unit"]) > 1 and not match["unit"].isupper() and match["unit"] not in _WORDS_LIKE_UNITS
        return self.noun_of_unit(match["unit"]).one if is_unit else None

    def _times_of(self, match: re.Match[str]) -> str:
        return f"{self.read(match['number'], 'f')} fois"

    def _scale(self, match: re.Match[str]) -> str:
        return f"un sur {self.read(match['last'])}"

    def _per_unit(self, match: re.Match[str]) -> str:
        return f" par {UNITS[match['unit']].one}"

    def _slashed(self, match: re.Match[str]) -> str | None:
        above, below = int(match["above"]), int(match["below"])
        if not match["whole"] and (above >= below or (below in _GRADED and above > 1)):
            return f"{self.cardinal(above)} sur {self.cardinal(below)}"
        return super()._slashed(match)

    def _named_fraction(self, match: re.Match[str]) -> str:
        return self.fraction(int(match["above"]), int(match["below"]))

    def part_before(self, whole: int | None, above: int, below: int, match: re.Match[str]) -> str:
        """Return a fraction in words; a half is of the gender of what stands before it: une heure et demie."""
        noun = _HALF_BEHIND.search(match.string, max(0, match.start() - 20), match.start())
        counted = noun and whole is None and (above, below) == (1, 2) and (noun[0].endswith(" et ") or noun[1] == "h")
        if not noun or not counted:
            return super().part_before(whole, above, below, match)
        return f"{'' if noun[0].endswith(' et ') else 'et '}demi{'e' if is_feminine(noun[1]) or noun[1] == 'h' else ''}"

    def _parted(self, match: re.Match[str]) -> str | None:
        """Read a fraction of something: un demi-litre, trois quarts de tasse, deux heures et demie."""
        parts = match.groupdict()
        above, below = FRACTIONS[parts["fraction"]] if "fraction" in parts else (int(parts["above"]), int(parts["below"]))
        noun = self._noun(match)
        glued = match["whole"] and "above" in parts and match.string[match.end("whole")].isdigit()
        if noun is None or glued or above >= below or (below in _GRADED and above > 1) or (above > 1 and below > 8):
            return None
        if match["whole"] is None:
            determined = word_before(match.string, match.start()).lower() in _DETERMINERS
            half = f"{'' if determined else self.cardinal(1, noun.gender) + ' '}demi-{noun.one}"
            return half if below == 2 else f"{self.fraction(above, below)} {self.of(noun.one)}"
        whole = self.counted(Number(match["whole"]), noun)
        if below == 2:
            return f"{whole} et demi{'e' if noun.gender == 'f' else ''}"
        return f"{whole} {'et ' if above == 1 else ''}{self.fraction(above, below)}"

    def _noun(self, match: re.Match[str]) -> Noun | None:
        if match["unit"]:
            return self.noun_of_unit(match["unit"])
        noun = match["noun"]
        return Noun(noun, noun, "f" if is_feminine(noun) else "m") if is_noun(noun) else None

    # -----------------------------------------------------------------------------------------------------------------
    # Dates and times

    def date(self, day: int, month: int, year: int | None, match: re.Match[str]) -> str:  # noqa: ARG002 - one interface
        """Return a date in words."""
        said = f"{'premier' if day == 1 else self.cardinal(day)} {MONTH_NAMES[month - 1]}"
        return f"{said} {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, second: int | None, match: re.Match[str]) -> str:  # noqa: ARG002 - one interface
        """Return a time of the day in words."""
        said = self.hour(hour)
        if second is not None:
            minutes = f"{self.cardinal(minute, 'f')} minute{'s' if minute > 1 else ''}"
            return f"{said} {minutes} et {self.cardinal(second, 'f')} seconde{'s' if second > 1 else ''}"
        return f"{said} {self.cardinal(minute, 'f')}" if minute else said

    def hour(self, hour: int) -> str:
        """Return so many hours in words."""
        return f"{self.cardinal(hour, 'f')} heure{'s' if hour > 1 else ''}"

    # -----------------------------------------------------------------------------------------------------------------
    # Names and ordinals

    def telephone(self, match: re.Match[str]) -> str:
        """Return a telephone number in words, in the groups that it is written in, or in pairs."""
        plus = "plus " if match[0][0] == "+" else ""
        groups = re.findall(r"\d+", match[0].replace("(0)", ""))
        return plus + " ".join(self._pairs(group) if len(group) > 3 else self._group(group) for group in groups)

    def _pairs(self, digits: str) -> str:
        start = len(digits) % 2
        pairs = [digits[:start], *(digits[at : at + 2] for at in range(start, len(digits), 2))]
        return " ".join(self._group(pair) for pair in pairs if pair)

    def _group(self, digits: str) -> str:
        rest = digits.lstrip("0")
        zeros = ["zéro"] * (len(digits) - len(rest))
        return " ".join([*zeros, *([self.cardinal(int(rest))] if rest else [])])

    def _town(self, match: re.Match[str]) -> str:
        return f"zéro {self.cardinal(int(match['number']))}"

    def _road(self, match: re.Match[str]) -> str:
        return f"{match['letter']} {self.read(match['number'])}"

    def _counsel(self, match: re.Match[str]) -> str | None:
        return "Maître" if word_behind(match) not in self.starters else None

    def _label(self, match: re.Match[str]) -> str | None:
        """Keep a letter that is no gentleman: taille M."""
        return match[0] if word_before(match.string, match.start()).lower() in self.labels else None

    def read_initial(self, match: re.Match[str]) -> str | None:
        """Read a letter with a stop before a name; not one that ends a sentence (le plan B. Il …)."""
        return None if word_behind(match) in self.starters else super().read_initial(match)

    def read_ordinal(self, match: re.Match[str]) -> str | None:
        """Read an ordinal: 1er, 2e, 3ème, 2nde."""
        number, mark = int(match["number"]), match["mark"].lower()
        plural = "s" if mark.endswith("s") else ""
        mark = mark.removesuffix("s")
        if mark in ("nd", "nde", "d", "de", "ᵈ", "ᵈᵉ"):
            return f"second{'e' if mark.endswith(('e', 'ᵉ')) else ''}{plural}" if number == 2 else None
        feminine = number == 1 and mark not in ("er", "ᵉʳ", "e", "ᵉ")
        return self.ordinal(number, "f" if feminine else "m") + plural
