"""Portuguese, as it is read in Brazil; what is written in Portugal is read too."""

import re
from collections.abc import Mapping
from typing import ClassVar

from actors.text.languages import portuguese_numbers as numbers
from actors.text.languages.context import second_word_behind, word_before, word_behind, word_set
from actors.text.languages.european import European
from actors.text.languages.language import FRACTIONS, SPACE, Noun, alternatives
from actors.text.languages.portuguese_names import Names
from actors.text.languages.portuguese_nouns import is_feminine, is_noun
from actors.text.languages.portuguese_times import HOURS, Times
from actors.text.languages.portuguese_words import (
    ABBREVIATIONS,
    CURRENCIES,
    ESCUDO,
    MAGNITUDES,
    MONTH_NAMES,
    MONTHS,
    NAMED_BY_NUMBER,
    NUMBERED,
    SHORT_MONTHS,
    STARTERS,
    THOUSAND,
    TITLES,
    UNITS,
    WEEKDAYS,
    WORDS,
    YEAR_WORDS,
)
from actors.text.numbers import Number
from actors.text.rules import BEFORE_LETTER, BEFORE_MARK, BEFORE_SPACE, CAPITAL, DIGIT, FREE, LETTER, SIGN, Rule

_PARTS = {2: Noun("meio", "meios"), 3: Noun("terço", "terços"), 4: Noun("quarto", "quartos")}
_MILLIONS = ("milhão", "milhões", "bilhão", "bilhões", "trilhão", "trilhões")
_FEMININE_BEFORE = word_set(
    "as às das nas pelas umas estas essas aquelas suas minhas nossas todas outras primeiras últimas próximas à"
)
_MASCULINE_BEFORE = word_set(
    "os aos dos nos pelos uns estes esses aqueles seus meus nossos todos outros primeiros últimos próximos"
)
_CALLED = re.compile(
    r"(?i:\b(?:tel|ligu|lig|telefon|contat|contact|celular|telem|whats|númer|disqu|cham|fone|fax|sms)\w{0,9})\b[^\n]{0,25}\Z"
)
_GAMES = (
    r"(?i:\b(?:venc|ganh|perd|empat|placar|derrot|gole|jogo|partida|bat|final|vitória|virou|set|sets|fech|elimin|"
    r"super)\w{0,6})\b"
)
_PLAYED = re.compile(rf"{_GAMES}[^\n]{{0,40}}\Z")
_HALF_BEHIND = re.compile(r"\d ?([^\W\d_]+) e \Z")
_IN_EACH = re.compile(r" (?:em cada|de cada|entre|em|a|ou|e) [\d.]{1,9} ([^\W\d_]+)")
_PLACES = re.compile(
    r"\s(?:"
    "lugar|andar|turno|ano|dia|grau|semestre|trimestre|bimestre|tempo|colocad|capítulo|batalhão|round|set|quarto|ministro|sargento|tenente|"
    "secretário|ato|artigo|distrito|ciclo|período|de |do |da |e |ao |ou |a |passo|item|prêmio|"
    "aniversário|mandato|filho|gol|mês|piso|lote|nível|vice)"
)
_PER = "mês|dia|ano|semana|hora|minuto|segundo|noite|pessoa|criança|habitante|unidade|quilo|litro|metro|aluno|peça|caixa|dose"


class Portuguese(European):
    """Portuguese."""

    code: ClassVar = "pt"
    trigger_words: ClassVar = [
        "x",
        WORDS.per,
        *SHORT_MONTHS,
        *WEEKDAYS,
        *(word for word in NUMBERED if word.isalpha() and word.islower()),
    ]
    words: ClassVar = WORDS
    units: ClassVar[Mapping[str, Noun]] = UNITS
    currencies: ClassVar = CURRENCIES
    magnitudes: ClassVar = MAGNITUDES
    long_magnitudes: ClassVar = "milhão|milhões|bilhão|bilhões|trilhão|trilhões|mil milhões"
    abbreviations: ClassVar = ABBREVIATIONS
    starters: ClassVar = STARTERS
    months: ClassVar = MONTHS
    of_month: ClassVar = r"(?: ?d[eo] |[/-])?"
    hours: ClassVar = rf":|{HOURS}"
    o_clock: ClassVar = r"hs?"
    titles: ClassVar = TITLES
    numbered: ClassVar = NUMBERED
    short_days: ClassVar = WEEKDAYS | {short.capitalize(): day.capitalize() for short, day in WEEKDAYS.items()}
    day_joints: ClassVar = {"a": "a", "à": "a", "e": "e", "ou": "ou", "até": "até", "&": "e"}
    played: ClassVar = _GAMES
    timed: ClassVar = r"(?i:\b(?:às?|das|de|até|desde|entre|hora|horário|e)) \Z"
    emergency: ClassVar = word_set("190 191 192 193 197 199 180 181 188 112 115 117 911 144")
    called: ClassVar = (
        r"(?i:\b(?:lig\w*|disqu\w*|telefon\w*|cham[ae]\w*|disc\w*|atende\w*|emergência|socorro|polícia|bombeiros|samu|"
        r"número|denunci\w*|acion\w*))\b[^.\n]{0,30}\Z"
    )
    called_behind: ClassVar = r" (?:\((?:SAMU|Polícia|Bombeiros)|em caso de emergência)"
    ordinal_mark: ClassVar = r"(?P<mark>\.?[ºª]s?|\.?°|\.(?:os|as|o|a)(?=\s)|[oa](?!\w))(?!\w|\s?[CF]\b)"

    def first_rules(self) -> list[Rule]:
        """Return the rules of Portuguese alone."""
        return [
            *Names(self).rules(),
            Rule(
                rf"{FREE}(?P<day>1)\.?[ºo°]?[/-](?P<month>0?[1-9]|1[0-2])[/-](?P<year>\d{{4}})(?![\w/-])", self._numeric, DIGIT
            ),
            *Times(self).rules(),
            *self._own_codes(),
            *self._own_amounts(),
            *self._own_signs(),
        ]

    def _own_codes(self) -> list[Rule]:
        return [
            Rule(rf"{FREE}(?P<number>\d{{1,4}})(?P<mark>a)(?!\w)", self.read_ordinal, BEFORE_LETTER),
            Rule(r"(?<![\w.,])\d{3}\.\d{3}\.\d{3}-\d\d(?![\w-])", self._told, BEFORE_MARK),
            Rule(r"(?<![\w.,])\d\d\.\d{3}\.\d{3}/\d{4}-\d\d(?![\w-])", self._told, BEFORE_MARK),
            Rule(r"(?<![\w.,])\+\d{1,3}(?:[ ./-]?\(?\d{1,5}\)?){2,6}(?:-\d{4})?(?!\d)", self.telephone, SIGN),
            Rule(
                r"(?<![\w.,])(?:\(0?\d\d\) ?|0?\d\d )?(?:9 ?)?\d{4}[-. ]\d{4}(?![\d-]|[.,]\d)",
                self._local_number,
                BEFORE_SPACE + BEFORE_MARK + SIGN,
            ),
            Rule(rf"(?<![\w.])[vV]\.?{SPACE}?(?P<version>\d{{1,4}}(?:\.\d{{1,4}}){{1,5}})(?!\w)", self._version, LETTER),
            Rule(r"(?<![\w.,])\d\d \d{3} ?\d{4}(?![\w-]|[.,]\d)", self._told, BEFORE_SPACE),
            Rule(r"(?<![\w.,])[2789]\d\d[ .]?\d{3}[ .]?\d{3}(?![\w-]|[ .,]\d)", self._if_called, BEFORE_SPACE + BEFORE_MARK),
            Rule(rf"{FREE}\d{{3,5}}(?!\w|[ .,/-]\d)", self._if_called, BEFORE_SPACE + BEFORE_MARK),
            Rule(r"(?<![\w.,])(?:\d{5}-\d{3}|\d{4}-\d{3})(?![\w-])", self._told, BEFORE_MARK),
        ]

    def _own_amounts(self) -> list[Rule]:
        whole, fraction = rf"(?:(?P<whole>\d{{1,4}}){SPACE}?)?", r"(?P<above>\d{1,2})[/\u2044](?P<below>\d{1,2})"
        counted = rf"(?:{SPACE}?(?P<unit>{self.unit})|{SPACE}(?P<noun>[a-z\u00df-\u00ff]{{2,30}})(?!\w))"
        millions = r"(?:[1-9]\d{0,2}[ .\u00a0\u202f])?[1-9]\d{0,2}(?:[ .\u00a0\u202f]000){2}"
        behind = r"(?= (?:d[eo]|sem|no|com|por|mais|menos|maior|menor|em|ao)\b|[.,;!?]?(?:\s|\Z))"
        return [
            Rule(rf"{FREE}{whole}{fraction}(?![\w/,.]\d){counted}", self._parted, BEFORE_SPACE + BEFORE_MARK),
            Rule(
                rf"{FREE}{whole}(?P<fraction>[{''.join(FRACTIONS)}]){counted}",
                self._parted,
                BEFORE_LETTER + BEFORE_SPACE + CAPITAL,
            ),
            Rule(
                rf"{FREE}(?P<number>{millions}){SPACE}(?P<noun>[^\W\d_]{{1,30}})", self._millions_of, BEFORE_SPACE + BEFORE_MARK
            ),
            Rule(
                rf"{FREE}(?P<number>{self.number}){SPACE}?(?P<magnitude>mi|bi|tri|MM)(?!\w|{SPACE}?[€$£])",
                self._magnitude,
                DIGIT,
            ),
            Rule(rf"{FREE}(?P<number>\d{{1,3}}(?:\.\d{{3}})*)\$(?P<rest>\d\d)(?!\d)", self._escudos, BEFORE_MARK),
            Rule(r"(?<=[Aa]os )(?P<number>\d{1,3})['\u2032](?!\w)", self._minutes_of, DIGIT),
            Rule(rf"{FREE}(?P<number>\d{{1,3}})[xX]{behind}", self._times_of, BEFORE_LETTER),
            Rule(rf"{FREE}(?P<first>\d{{1,2}}){SPACE}?[xX\u00d7]{SPACE}?(?P<last>\d{{1,2}})(?!\w|[.,]\d)", self._score, DIGIT),
            Rule(
                rf"{FREE}(?P<whole>\d{{1,2}}){SPACE}?m{SPACE}?(?P<rest>\d\d)(?!\w)", self._metres, BEFORE_LETTER + BEFORE_SPACE
            ),
            Rule(rf"{FREE}(?P<whole>[1-9]\d?),(?P<rest>\d\d){SPACE}?m(?![\w/²³])", self._metres, BEFORE_MARK),
            Rule(
                rf"{FREE}(?P<first>\d{{2,3}})/(?P<last>\d{{2,3}})(?={SPACE}?mm|(?<=\d\d\d/\d\d)(?![\w/]))",
                self._pressure,
                BEFORE_MARK,
            ),
            Rule(
                rf"{FREE}1{SPACE}?:{SPACE}?(?P<last>{self.number})(?<=\d\d)(?![\w:])", self._scale, BEFORE_SPACE + BEFORE_MARK
            ),
        ]

    def _own_signs(self) -> list[Rule]:
        return [
            Rule(r"(?:\A|(?<=\n))\+(?= \d)", lambda _: "mais", SIGN),
            Rule(rf"(?<=[€$£%\w²³])/(?=(?:{_PER})(?!\w))", lambda _: " por ", SIGN),
            Rule(rf"(?<=[\d€$£%])/(?P<unit>{alternatives(UNITS)})(?![\w/])", self._per_unit, SIGN),
            Rule(r"(?<=\d)/(?=\d{2,4}(?!\w))", lambda _: " barra ", SIGN),
            Rule(r"(?<=[\dm] )x(?= \d)", lambda _: "por", LETTER),
            Rule(r"(?<![\w€$£])[€$£](?![\w€$£]| ?\d)", lambda match: self.currencies[match[0]].major.many, SIGN),
            Rule(r"(?<!\w)(?:R|US)\$(?![\w€$£]| ?\d)", lambda match: self.currencies[match[0]].major.many, LETTER),
        ]

    # -----------------------------------------------------------------------------------------------------------------
    # Numbers

    def cardinal(self, value: int, gender: str = "m") -> str:
        """Return a whole number in words."""
        return numbers.cardinal(value, gender == "f")

    def ordinal(self, value: int, gender: str = "m") -> str:
        """Return an ordinal in words."""
        return numbers.ordinal(value, gender == "f")

    def decimals(self, digits: str) -> str:
        """Return what is said behind the comma: zeros, and a number of up to two digits."""
        rest = digits.lstrip("0")
        if len(rest) > len("99"):
            return self.digits(digits)
        zeros = ["zero"] * (len(digits) - len(rest))
        return " ".join([*zeros, *([self.cardinal(int(rest))] if rest else [])])

    def is_single(self, number: Number) -> bool:
        """Whether one of what is counted is said with a number: with all below two."""
        return number.value < 2 and not number.is_code and (number.value > 0 or bool(number.fraction))

    def fraction(self, above: int, below: int) -> str:
        """Return a fraction in words: três quartos, cinco doze avos."""
        parts = _PARTS.get(below) or Noun(self.ordinal(below), f"{self.ordinal(below)}s")
        if below > 10 and below not in (100, 1000):
            parts = Noun(f"{self.cardinal(below)} avos", f"{self.cardinal(below)} avos")
        return f"{self.cardinal(above)} {parts.one if above == 1 else parts.many}"

    def mixed(self, whole: int | None, above: int, below: int) -> str:
        """Return a whole number, if there is one, and a fraction, in words: dois e meio."""
        if whole is None:
            return "meio" if (above, below) == (1, 2) else self.fraction(above, below)
        part = "meio" if (above, below) == (1, 2) else self.fraction(above, below)
        return f"{self.cardinal(whole)} e {part}"

    # -----------------------------------------------------------------------------------------------------------------
    # Amounts

    def with_magnitude(self, match: re.Match[str], short: str | None, noun: Noun) -> str:
        """Return an amount, maybe of millions or the like, of a noun, in words."""
        said = self._magnified(match, short) if short else self.read_amount(match, noun.gender)
        name = noun.one if not short and self.is_single_amount(match) else noun.many
        return f"{said} de {name}" if said.endswith(_MILLIONS) else f"{said} {name}"

    def _magnified(self, match: re.Match[str], short: str) -> str:
        magnitude = self.magnitudes.get(short) or Noun(short, short)
        number = self.parse(match["first"])
        if magnitude is not THOUSAND:
            return f"{self.read_amount(match)} {magnitude.one if self.is_single_amount(match) else magnitude.many}"
        if match["last"] is None and len(number.fraction) <= len("500"):
            return self.signed(match["sign"]) + self.cardinal(number.value * 1000 + int(number.fraction.ljust(3, "0")))
        return f"{self.read_amount(match)} mil"

    def counted(self, number: Number, noun: Noun) -> str:
        """Return so many of something in words, with ``de`` behind millions."""
        said, name = self.spell(number, noun.gender), noun.one if self.is_single(number) else noun.many
        return f"{said} de {name}" if said.endswith(_MILLIONS) else f"{said} {name}"

    def plain(self, match: re.Match[str]) -> str | None:
        """Read a number before anything else: in the gender of what is counted."""
        text, last = match.string, match["last"]
        if text[match.end() : match.end() + 1].isalpha():
            return None
        gender = self._gender(match)
        sign, first = self.signed(match["sign"]), self._plain(match["first"], gender)
        if last is None:
            return sign + first
        joint = text[match.end("first") : match.start("last")] if self.is_aside(match) else " a "
        return f"{sign}{first}{joint}{self._plain(last, gender)}"

    def _plain(self, written: str, gender: str) -> str:
        if "." in written and not self.parse(written).grouped:
            return self.read(written).replace(" vírgula ", " ponto ")
        return self.read(written, gender)

    def _gender(self, match: re.Match[str]) -> str:
        """Return the gender of what a number counts, as far as the words around it tell it."""
        text, written = match.string, match["first"]
        before = word_before(text, match.start()).lower()
        year = before in YEAR_WORDS and len(written) == 4 and written.isdecimal() and "1000" <= written <= "2099"
        if year or before in NAMED_BY_NUMBER or before in _MASCULINE_BEFORE:
            return "-"
        if before in _FEMININE_BEFORE and text[match.start() - 1].isspace():
            return "f"
        return self._gender_behind(match) if text[match.end() : match.end() + 1].isspace() else "-"

    def _gender_behind(self, match: re.Match[str]) -> str:
        """Return the gender of the words behind a number."""
        of_all = _IN_EACH.match(match.string, match.end())
        behind, second = (of_all[1], "") if of_all else (word_behind(match), second_word_behind(match))
        feminine = behind == "das" or (behind.islower() and is_feminine(behind, second))
        return "f" if feminine else "-"

    def _millions_of(self, match: re.Match[str]) -> str | None:
        noun = match["noun"]
        return f"{self.read(match['number'])} de {noun}" if is_noun(noun) else None

    def _millions(self, match: re.Match[str]) -> str | None:
        """Read millions of what is written out; thousands agree with it, and a letter alone may be another (sala 2 B)."""
        return None if match["magnitude"] == "mil" or len(match["magnitude"]) == 1 else super()._millions(match)

    def _magnitude(self, match: re.Match[str]) -> str:
        return self.counted(self.parse(match["number"]), self.magnitudes[match["magnitude"]])

    def _escudos(self, match: re.Match[str]) -> str:
        """Read money of Portugal before the euro: 1.000$00."""
        return self.counted(self.parse(f"{match['number']},{match['rest']}" if int(match["rest"]) else match["number"]), ESCUDO)

    def _minutes_of(self, match: re.Match[str]) -> str:
        """Read a minute of a match: aos 45'."""
        return self.counted(Number(match["number"]), UNITS["min"])

    def _times_of(self, match: re.Match[str]) -> str:
        return self.counted(Number(match["number"]), Noun("vez", "vezes", "f"))

    def _score(self, match: re.Match[str]) -> str | None:
        """Read a score of a match (2 x 1): not so what is multiplied, or has sides."""
        played = _PLAYED.search(match.string, max(0, match.start() - 70), match.start())
        if not (played or "0" in (match["first"], match["last"])) or match.string[match.end() :][:2].lstrip()[:1] == "=":
            return None
        return f"{self.cardinal(int(match['first']))} a {self.cardinal(int(match['last']))}"

    def _metres(self, match: re.Match[str]) -> str:
        return f"{self.counted(Number(match['whole']), UNITS['m'])} e {self.cardinal(int(match['rest']))}"

    def _scale(self, match: re.Match[str]) -> str:
        return f"um para {self.read(match['last'])}"

    def _per_unit(self, match: re.Match[str]) -> str:
        return f" por {UNITS[match['unit']].one}"

    def _pressure(self, match: re.Match[str]) -> str:
        return f"{self.read(match['first'])} por {self.read(match['last'])}"

    def part_before(self, whole: int | None, above: int, below: int, match: re.Match[str]) -> str:
        """Return a fraction in words; a half is of the gender of what stands before it: uma hora e meia."""
        if whole is None and (above, below) == (1, 2) and (feminine := self._behind_noun(match)) is not None:
            return "meia" if feminine else "meio"
        return super().part_before(whole, above, below, match)

    def _behind_noun(self, match: re.Match[str]) -> bool | None:
        """Whether what a fraction stands behind (uma hora e ½) is feminine; ``None`` if it stands behind nothing."""
        noun = _HALF_BEHIND.search(match.string, max(0, match.start() - 20), match.start())
        return is_feminine(noun[1]) or noun[1] == "h" if noun else None

    def _parted(self, match: re.Match[str]) -> str | None:
        """Read a fraction of something: meia colher, três quartos de xícara, duas horas e meia."""
        parts = match.groupdict()
        above, below = FRACTIONS[parts["fraction"]] if "fraction" in parts else (int(parts["above"]), int(parts["below"]))
        noun = self._noun(match)
        glued = match["whole"] and "above" in parts and match.string[match.end("whole")].isdigit()
        if noun is None or glued or above >= below or below > 8:
            return None
        half = "meia" if noun.gender == "f" else "meio"
        if match["whole"] is None:
            return f"{half} {noun.one}" if below == 2 else f"{self.fraction(above, below)} de {noun.one}"
        whole = self.counted(Number(match["whole"]), noun)
        return f"{whole} e {half if below == 2 else self.fraction(above, below)}"

    def _noun(self, match: re.Match[str]) -> Noun | None:
        if match["unit"]:
            return self.noun_of_unit(match["unit"])
        noun = match["noun"]
        return Noun(noun, noun, "f" if is_feminine(noun) else "m") if is_noun(noun) else None

    # -----------------------------------------------------------------------------------------------------------------
    # Dates and times

    def date(self, day: int, month: int, year: int | None, match: re.Match[str]) -> str:  # noqa: ARG002 - one interface
        """Return a date in words."""
        said = f"{'primeiro' if day == 1 else self.cardinal(day)} de {MONTH_NAMES[month - 1]}"
        return f"{said} de {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, second: int | None, match: re.Match[str]) -> str:
        """Return a time of the day, or a time that something takes, in words."""
        many = hour > 1 or (not hour and word_before(match.string, match.start()).lower() in ("às", "das"))
        said = f"{self.cardinal(hour, 'f')} hora{'s' if many else ''}"
        minutes = f"{self.cardinal(minute)} minuto{'s' if minute > 1 else ''}"
        if second is not None:
            return f"{said} {minutes} e {self.cardinal(second)} segundo{'s' if second > 1 else ''}"
        return f"{said} e {minutes}" if minute else said

    # -----------------------------------------------------------------------------------------------------------------
    # Names and ordinals

    def _version(self, match: re.Match[str]) -> str:
        return "versão " + " ponto ".join(self.cardinal(int(part)) for part in match["version"].split("."))

    def _told(self, match: re.Match[str]) -> str:
        return self.digits(match[0])

    def _local_number(self, match: re.Match[str]) -> str | None:
        """Read a telephone number; two years are none."""
        years = re.fullmatch(r"([12]\d{3})[-. ]([12]\d{3})", match[0])
        return None if years and years[1] < years[2] else self.digits(match[0])

    def _if_called(self, match: re.Match[str]) -> str | None:
        called = _CALLED.search(match.string, max(0, match.start() - 50), match.start())
        near = len(match[0]) > 5 or re.search(
            r"(?i:ligu\w*|disqu\w*|ligar|cham\w+)(?: \w{1,5}){0,3} \Z", match.string[max(0, match.start() - 40) : match.start()]
        )
        return self.digits(match[0]) if called and near else None

    def read_initial(self, match: re.Match[str]) -> str | None:
        """Read a letter with a stop before a name; not one that ends a sentence (o plano B. Ele …)."""
        return None if word_behind(match) in self.starters else super().read_initial(match)

    def read_ordinal(self, match: re.Match[str]) -> str | None:
        """Read an ordinal: 1º, 2.ª, 3o."""
        number, mark = int(match["number"]), match["mark"]
        if (
            mark == "°"
            and not _PLACES.match(match.string, match.end())
            and word_before(match.string, match.start()).lower() not in ("artigo", "art", "arts")
        ):
            return None
        plural = "s" if mark.endswith("s") else ""
        return self.ordinal(number, "f" if "ª" in mark or "a" in mark else "m") + plural
