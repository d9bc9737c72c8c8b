# ruff: noqa: RUF001 (the tables of this module list look-alike characters on purpose)
r"""Soprano's English text front end: normalisation, sentence splitting and chunking.

Soprano was trained on text that went through one particular normaliser, so this module gives the same output as
soprano-tts 0.2.0 (``utils/text_normalizer.py``, ``utils/text_splitter.py`` and ``_preprocess_text`` in ``tts.py``;
Apache-2.0, itself adapted from tortoise-tts, Apache-2.0), oddities included:

* ``10:30:15`` is read "ten, 'thirty', fifteen", ``$1,234.56`` "twelve thirty-four dollars", ``$1.5`` "five cents";
* ``http://`` is read like ``https://``, and ``£20`` "ps twenty";
* tabs and other control characters inside a line vanish and join their neighbours.

It differs in four places. Where the original raises, this module reads on: numbers of more than 36 digits digit by
digit, amounts without their stray commas. Patterns that take the original quadratic time on long runs of digits or
brackets are written in a linear form with the same result. The transliteration to ASCII is built on anyascii
instead of Unidecode (GPL), with tables of what the original reads differently; scripts other than Latin, Greek and
Cyrillic may still come out in another spelling. And words too long for a chunk, which the original takes apart letter
by letter, are cut behind their commas and hyphens.
"""

import re
import unicodedata
from collections.abc import Callable

from anyascii import anyascii

from actors.long_words import split_word

__all__ = ["chunk_text", "normalise", "split_sentences"]

# ---------------------------------------------------------------------------------------------------------------------
# Transliteration to ASCII

# Characters for which anyascii has a spelling and the original has none: it leaves them out. The ranges may cover
# characters of _READINGS, which is looked up first.
_SILENT = re.compile(
    "["
    "\u0241-\u0242\u02e5-\u02eb\u02ef-\u02ff"  # glottal stops, tone letters
    "\u0370-\u0373\u0376-\u037d\u037f-\u0385\u03cf\u03d8-\u03d9\u03f4-\u03ff"  # archaic and symbol Greek
    "\u0483-\u0487\u048a-\u048b\u04c5-\u04c6\u04c9-\u04ca\u04cd-\u04cf\u04f6-\u04f7\u04fa-\u052f"  # Cyrillic
    "\u1d10\u1d12\u1d16-\u1d17\u1d23-\u1d2b\u1d4a\u1d51\u1d53-\u1d55\u1d5c\u1d61\u1d6a-\u1d6b"  # phonetic extensions
    "\u1d78-\u1d7c\u1d7e-\u1d7f\u1d8b\u1d8f-\u1dff"
    "\u1e9c-\u1e9d\u1e9f\u1efa-\u1eff\u2c6d\u2c70-\u2c7f\ua720-\ua7ff"  # medieval Latin
    "\u204f-\u2051\u2054-\u2056\u2058-\u205e\u2094\u20c0"  # punctuation, subscript schwa, som
    "\u2104\u2107-\u2108\u210f\u2114\u2118\u211e\u2125\u2127\u2129\u2135-\u2138\u213a\u213c-\u2144"  # letterlike
    "\u214a-\u214c\u214f\u2184-\u2188\u218a-\u218b"
    "\u21f4-\u244a\u2596-\u259f\u25f8-\u27ff\u2900-\u2c5f"  # arrows, mathematics, symbols, dingbats, Glagolitic
    "\u3035\u303b-\u303f\ufe10-\ufe19\ufe45-\ufe4f\uff5f-\uff60\ufffc-\ufffd"  # CJK marks, replacement characters
    "\U00010000-\U0001d3ff\U0001d6db-\U0001d7cb\U0001d800-\U0001f0ff"  # above the BMP all but styled letters, digits
    "\U0001f10b-\U0001f10f\U0001f12d-\U0001f12f\U0001f14a-\U0001f14f\U0001f16d-\U0001f16f\U0001f18a-\U0001f190"
    "\U0001f1ae-\U0001f66f\U0001f67c-\U0010ffff"
    "]"
)

_BOXED = re.compile("[\U0001f130-\U0001f1ad]")  # letters and words in a box or circle, such as the OK button

# Spelling -> the characters that the original spells so and anyascii does not.
# fmt: off
_SPELLINGS = {
    # Dashes, quotes, bullets, spaces
    " - ": "—", "--": "―⁃︱", ",": "‚❟", ",,": "„❠〟🙸", "'": "ʿ˓❜", '"': "ʺˮ❝❞々", "`": "ʾ˒Ӏ῾", "''": "῎〞",
    "``": "〝", "*>": "‣", ".": "‧ˑ", "-[": "⁅", "]-": "⁆", "(]": "⁌", "[)": "⁍", "\n": "\u2028", "\n\n": "\u2029",
    " ": "\u200b", "?": "\u037eʔʕʖʡʢˀˁˤ", "!": "ǃ❢", ";": "\u0387", "'~": "῏", "`'": "῝῞", "`~": "῟", '"~': "῁",
    "\"'": "\u1fee", "'`": "῍", '"`': "῭", "----": "⸺", "------": "⸻",
    # Currency
    "PS": "£￡", "C/": "¢", "/C": "￠", "$?": "¤", "Y=": "¥￥", "W=": "￦", "ECU": "₠", "CL": "₡", "FF": "₣",
    "mil": "₥", "NS": "₪", "UAH": "₴", "C|": "₵", "m": "₼ᴟᵚ", "l": "₾",
    # Letterlike signs, fractions, numerals
    "SS": "§ẞ", "PP": "⁋", "(c)": "©", "(r)": "®", "(p)": "℗", "(sm)": "℠", "(tm)": "™", "No. ": "№", "ohm": "\u2126",
    "degC": "℃", "degF": "℉", "R/": "℟", "V/": "℣", " a/c ": "℀", " a/s ": "℁", " c/o ": "℅", " c/u ": "℆",
    " 1/4": "¼", " 1/2": "½", " 3/4": "¾", " 1/7 ": "⅐", " 1/9 ": "⅑", " 1/10 ": "⅒", " 1/3 ": "⅓", " 2/3 ": "⅔",
    " 1/5 ": "⅕", " 2/5 ": "⅖", " 3/5 ": "⅗", " 4/5 ": "⅘", " 1/6 ": "⅙", " 5/6 ": "⅚", " 1/8 ": "⅛", " 3/8 ": "⅜",
    " 5/8 ": "⅝", " 7/8 ": "⅞", " 1/": "⅟", " 0/3 ": "↉", "(D": "ↀ", "D)": "ↁ", ")": "Ↄ",
    # Mathematics, arrows, shapes
    "*": "·･∗✱◖◗◢◣◤◥", "x": "×", "%": "⁒", "-": "−▔←→↔↚↛↞↠↢↣↤↦↩↪↫↬↭↼↽⇀⇁⇠⇢⇤⇥⇦⇨⇰￩￫", "|": "ǀ∣❘▕↓↕↡↧↯↰↱↲↳↴↵⇂⇃⇊⇓⇟⇣⇩￬",
    "||": "ǁ", "|=": "ǂ", "\\": "ˋˎ∖↖↘", "/": "ˊˏ∕↗↙", "~": "∼↜↝⇜⇝〰", "^": "Ʌʌ˔⌃↶↻", "V": "˅ˇ˕˘ˬᴠ↷↺▼▽▾▿",
    "=": "⇇⇉⇍⇎⇏⇐⇒⇔⇚⇛", ":": "∶", "<=": "≤≦", ">=": "≥≧", "::=": "⩴", "==": "⩵", "===": "⩶", "<": "\u2329⟨◀", ">": "▶",
    "> ": "\u232a⟩〉", "[": "⟦", "{": "⦃『", "} ": "⦄』", "#": "♯▪▫◴◵◶◷", "white king": "♔", "white queen": "♕",
    "white rook": "♖", "white bishop": "♗", "white knight": "♘", "white pawn": "♙", "black king": "♚",
    "black queen": "♛", "black rook": "♜", "black bishop": "♝", "black knight": "♞", "black pawn": "♟",
    "spades": "♠♤", "hearts": "♡♥", "diamonds": "♢♦", "clubs": "♣♧",
    "et": "🙰🙱🙲🙳",
    # Latin letters and the phonetic alphabet
    "AE": "ÆǢǼᴁᴭ", "OE": "Œɶ", "NG": "Ŋ", "OI": "Ƣ", "oi": "ƣ", "OU": "Ȣ", "SH": "Ʃ", "ZH": "ƷƸǮ", "zh": "ƹ",
    "HV": "Ƕ", "hv": "ƕ", "YR": "Ʀ", "k": "ĸ", "d": "ƍ", "q": "Ɋ", "a": "ẚӐ", "e": "ɝɞ", "h": "ʮʯ", "r": "ɿ",
    "u": "Ѹ", "2": "ƻ", "3": "Ǝ", "@": "Əǝəɚʘ˚ӘәӚӛ", "A": "Ɐᴀ", "B": "ʙᴃ", "C": "ʗᴄ", "D": "₫ᴅᴆ", "E": "ʚᴇ",
    "F": "ɸⅎ", "G": "ʛˠ", "H": "ʜ", "I": "ɪ\u0390", "L": "ʟᴌ₶₺", "M": "Ɱᴍ", "O": "ɷᴏᴑᴓ◯￮", "R": "ʀʁ˞ᴙᴚῤῥ₽",
    "S": "ʃʅʆẛ", "U": "ʊᴜϒϓϔ", "W": "ɯɰᴡ", "WW": "ʬ", "X": "˟", "Y": "Ʊɥʏ", "Z": "ʒʓᴢ", "J": "ᴊ", "K": "ᴋ", "N": "ᴎ",
    "P": "ᴘ", "T": "ᴛ", "Oe": "ᴔ", "Ou": "ᴕ", "b": "ᵝᵦ", "lZ": "ɮ", "dZ": "ʤ", "tS": "ʧ", "tC": "ʨ", "fN": "ʩ",
    # Capitals that are not spelled like their small letter
    "Ks": "Ξ", "CH": "Ϭ", "c": "ϲ",
    # East Asian punctuation
    ", ": "、", ". ": "。", "[JIS]": "〄", "] ": "」〕", ")] ": "】", "]] ": "〗〛", ")) ": "〙", "[[": "〖〚",
    "((": "〘", ">> ": "》", "~ ": "〜", "X ": "〓", "+": "〱〲〳〴", " // ": "〷", "+10+": "〸", "+20+": "〹",
    "+30+": "〺",
    # Cyrillic number signs
    "*1000*": "҂", "*100.000*": "҈", "*1.000.000*": "҉",
}

# The same for small letters of Greek (its accents are dropped in _spell) and Cyrillic; their capitals follow suit.
_SMALL_LETTERS = {
    "b": "β", "e": "ηӭ", "u": "υ", "ph": "φ", "kh": "χϧҩ", "sp": "ϡ", "g": "ϫ", "i": "й", "iu": "ю", "ia": "я",
    "ie": "ѐӗ", "io": "ё", "yi": "ї", "gj": "ѓ", "kj": "ќ", "tsh": "ћ", '"': "ҍ", "g'": "ґғҕ", "k'": "қҝҟҡӄ",
    "n'": "ңӈ", "p'": "ҧ", "r'": "ҏ", "s'": "ҫ", "t'": "ҭ", "u'": "ұ", "z'": "ҙ", "kh'": "ҳ", "zh'": "җ",
    "ch'": "ҷҹҿ", "tts": "ҵ", "zh": "ӂӝ", "ch": "ϭӌӵ", "z": "ӟ", "o": "ӫ",
}
# fmt: on

_READINGS = (
    {letter: spelling for spelling, letters in _SMALL_LETTERS.items() for letter in letters}
    | {letter.upper(): spelling.capitalize() for spelling, letters in _SMALL_LETTERS.items() for letter in letters}
    | {character: spelling for spelling, characters in _SPELLINGS.items() for character in characters}
)


def _to_ascii(text: str) -> str:
    """Spell every character in ASCII, as the original does; what has no spelling (emoji, surrogates) vanishes."""
    if text.isascii():
        return text
    return text.translate({ord(c): _spell(c) for c in set(text) if not c.isascii()})


def _spell(character: str) -> str:
    if character in _READINGS:
        return _READINGS[character]
    if _SILENT.match(character):
        return ""
    if _BOXED.match(character):
        return f"[{anyascii(character)}]"
    if "\u0370" <= character <= "\u03ff" or "\u1f00" <= character <= "\u1fff":  # Greek: the original drops its accents
        character = unicodedata.normalize("NFD", character)[0]
    return _READINGS.get(character) or anyascii(character)


# ---------------------------------------------------------------------------------------------------------------------
# Numbers in words, spelled as inflect does with ``andword=""``. inflect itself keeps the arguments of a call in its
# engine, so that two threads that share one mix up their words.

# fmt: off
_SMALL_NUMBERS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = [
    "", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion", "septillion",
    "octillion", "nonillion", "decillion",
]
# fmt: on
_MOST_DIGITS = 3 * len(_SCALES)
_ORDINAL_ENDINGS = {
    "ty": "tieth",
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def _cardinal(digits: str) -> str:
    """Return a number in words ("one thousand, two hundred five"), digit by digit when it has no short name."""
    significant = digits.lstrip("0")
    if len(significant) > _MOST_DIGITS:
        return " ".join(_SMALL_NUMBERS[int(digit)] for digit in digits)
    groups = [int(group) for group in f"{int(significant or 0):,}".split(",")]
    scales = reversed(_SCALES[: len(groups)])
    words = [f"{_below_thousand(group)} {scale}".rstrip() for group, scale in zip(groups, scales, strict=True) if group]
    if not words:
        return "zero"
    if len(words) > 1 and 0 < groups[-1] < 100:
        return f"{', '.join(words[:-1])} {words[-1]}"
    return ", ".join(words)


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{_SMALL_NUMBERS[hundreds]} hundred"] if hundreds else []
    return " ".join([*words, _below_hundred(rest)] if rest else words)


def _below_hundred(number: int) -> str:
    if number < len(_SMALL_NUMBERS):
        return _SMALL_NUMBERS[number]
    tens, units = divmod(number, 10)
    return f"{_TENS[tens]}-{_SMALL_NUMBERS[units]}" if units else _TENS[tens]


def _ordinal(digits: str) -> str:
    words = _cardinal(digits)
    for ending, ordinal in _ORDINAL_ENDINGS.items():
        if words.endswith(ending):
            return words.removesuffix(ending) + ordinal
    return f"{words}th"


def _year_or_cardinal(digits: str) -> str:
    """Return a number in words; 1001 to 2999 are read like years ("nineteen oh five", "two thousand nine")."""
    significant = digits.lstrip("0")
    number = int(significant) if len(significant) == 4 else 0
    if not 1000 < number < 3000 or number == 2000:
        return _cardinal(digits)
    century, year = divmod(number, 100)
    if year == 0:
        return f"{_below_hundred(century)} hundred"
    if 2000 < number < 2010:
        return f"two thousand {_below_hundred(year)}"
    return f"{_below_hundred(century)} {'oh ' if year < 10 else ''}{_below_hundred(year)}"


# ---------------------------------------------------------------------------------------------------------------------
# What the rules below replace their matches with

_MAGNITUDES = {"k": "thousand", "m": "million", "b": "billion", "t": "trillion"}


def _magnitude(match: re.Match[str]) -> str:
    return f"{match[1]} {_MAGNITUDES[match[2].lower()]}"


def _date(match: re.Match[str]) -> str:
    return match[1] + match[2].replace("/", " dash ").replace("-", " dash ") + match[3]


def _telephone_number(match: re.Match[str]) -> str:
    return ", ".join(" ".join(group) for group in match.groups())


def _time(match: re.Match[str]) -> str:
    hours, minutes, seconds = match.groups()
    if seconds is None:
        return _hours_and_minutes(hours, minutes)
    if int(hours):
        # The braces are the original's slip (it formats a set); they become commas with all other brackets.
        spoken_minutes = _clock(minutes) if minutes.startswith("0") else f"{{'{minutes}'}}"
        return f"{hours} {spoken_minutes} {'' if seconds == '00' else _clock(seconds)}"
    return seconds if minutes == "00" else f"{minutes} {_clock(seconds)}"


def _hours_and_minutes(hours: str, minutes: str) -> str:
    if minutes != "00":
        return f"{hours} {_clock(minutes)}"
    if int(hours) == 0:
        return "0"
    return f"{hours} minutes" if int(hours) > 12 else f"{hours} o'clock"


def _clock(digits: str) -> str:
    """Return two digits of a time as they are said: "oh oh", "oh 5", "15"."""
    if digits == "00":
        return "oh oh"
    return f"oh {digits[1]}" if digits.startswith("0") else digits


def _dollars(match: re.Match[str]) -> str:
    whole, *fractions = match[1].split(".")
    if len(fractions) > 1:
        return f"{match[1]} dollars"
    amounts = [_counted(whole, "dollar"), *(_counted(fraction, "cent") for fraction in fractions)]
    return ", ".join(filter(None, amounts)) or "zero dollars"


def _counted(digits: str, unit: str) -> str:
    """Return "5 cents", or nothing for zero. The commas that are left here make the original raise."""
    count = digits.replace(",", "").lstrip("0")
    if not count:
        return ""
    return f"{count} {unit}" if count == "1" else f"{count} {unit}s"


def _decimal(match: re.Match[str]) -> str:
    whole, *fractions = match[0].split(".")
    return " point ".join([whole, *(" ".join(fraction) for fraction in fractions)])


def _brackets(match: re.Match[str]) -> str:
    """Turn the text between the first opening and the last closing bracket into commas, as the original does."""
    inside = re.sub(r"[(\[{]", ", ", match[2])
    inside = re.sub(r"[)\]}][^$.!?,]", ", ", inside)  # takes the character behind the bracket with it
    return match[1] + re.sub(r"[)\]}]", "", inside)


def _mixed_case(match: re.Match[str]) -> str:
    """Split "CamelCase" in words and give "GPUs" an apostrophe; leave "Word" and "UPPERCASE" as they are."""
    word = match[0]
    parts = re.findall(r"[A-Z][a-z]*", word)
    if len(parts) in (1, len(word)):
        return word
    if len(parts) == len(word) - 1 and word.endswith("s"):
        return f"{word[:-1]}'s"
    return " ".join(parts)


def _punctuation(match: re.Match[str]) -> str:
    """Return an ellipsis as it is, and one mark, the strongest, for any other run of marks."""
    run = match[0]
    return "..." if run.startswith("...") else next(mark for mark in "?!.," if mark in run)


# ---------------------------------------------------------------------------------------------------------------------
# The rules, in the order in which they apply, each to the result of those before. Order is behaviour: see the tests.

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_NUMBER_RULES: list[_Rule] = [
    (re.compile(r"#(\d)"), r"number \1"),
    (re.compile(r"\b(\d++)([KMBT])\b", re.IGNORECASE), _magnitude),
    (re.compile(r"\d[\d,]+\d"), lambda match: match[0].replace(",", "")),
    (re.compile(r"(^|[^/])(\d\d?[/-]\d\d?[/-]\d\d(?:\d\d)?)($|[^/])"), _date),
    (re.compile(r"\(?(\d{3})\)?[-.\s](\d{3})[-.\s]?(\d{4})"), _telephone_number),
    (re.compile(r"(\d\d?):(\d\d)(?::(\d\d))?"), _time),
    (re.compile(r"\$([\d.,]*\d)"), _dollars),
    # Only whole runs of digits: without the lookbehind a long run costs quadratic time.
    (re.compile(r"(?<!\d)\d++(?:\.\d++)+"), _decimal),
    (re.compile(r"(\d\s?)\*(\s?\d)"), r"\1 times \2"),
    (re.compile(r"(\d\s?)/(\s?\d)"), r"\1 over \2"),
    (re.compile(r"(\d\s?)\+(\s?\d)"), r"\1 plus \2"),
    (re.compile(r"(\d?\s?)-(\s?\d)"), r"\1 minus \2"),
    (re.compile(r"(?<=\d)/(?=\d)"), " over "),  # in a row of fractions, those that the rule above stepped over
    (re.compile(r"(?<!\d)(\d++)(?:st|nd|rd|th)"), lambda match: _ordinal(match[1])),
    (re.compile(r"(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)"), " "),
    (re.compile(r"\d+"), lambda match: _year_or_cardinal(match[0])),
]

_PATTERN_RULES: list[_Rule] = [
    (re.compile(r"https?://"), "h t t p s colon slash slash "),
    (re.compile(r"(.) - (.)"), r"\1, \2"),
    (re.compile(r"([A-Za-z])\.([A-Za-z])"), r"\1 dot \2"),
    (re.compile(r"\A([^(\[{]*+)([(\[{].*[)\]}].?)"), _brackets),
]

_TITLES = {
    "mrs": "misess",
    "ms": "miss",
    "mr": "mister",
    "dr": "doctor",
    "st": "saint",
    "co": "company",
    "jr": "junior",
    "maj": "major",
    "gen": "general",
    "drs": "doctors",
    "rev": "reverend",
    "lt": "lieutenant",
    "hon": "honorable",
    "sgt": "sergeant",
    "capt": "captain",
    "esq": "esquire",
    "ltd": "limited",
    "col": "colonel",
    "ft": "fort",
}

_ABBREVIATIONS = {
    "Hz": "hertz",
    "kHz": "kilohertz",
    "KBs": "kilobytes",
    "KB": "kilobyte",
    "MBs": "megabytes",
    "MB": "megabyte",
    "GBs": "gigabytes",
    "GB": "gigabyte",
    "TBs": "terabytes",
    "TB": "terabyte",
    "APIs": "a p i's",
    "API": "a p i",
    "CLIs": "c l i's",
    "CLI": "c l i",
    "CPUs": "c p u's",
    "CPU": "c p u",
    "GPUs": "g p u's",
    "GPU": "g p u",
    "Ave": "avenue",
    "etc": "et cetera",
    "Mon": "monday",
    "Tues": "tuesday",
    "Wed": "wednesday",
    "Thurs": "thursday",
    "Fri": "friday",
    "Sat": "saturday",
    "Jan": "january",
    "Feb": "february",
    "Mar": "march",
    "Apr": "april",
    "Aug": "august",
    "Sept": "september",
    "Oct": "october",
    "Nov": "november",
    "Dec": "december",
    "and/or": "and or",
}

_WORD_RULES: list[_Rule] = [
    *((re.compile(rf"\b{title}\.", re.IGNORECASE), words) for title, words in _TITLES.items()),
    *((re.compile(rf"\b{short}\b"), words) for short, words in _ABBREVIATIONS.items()),
    (re.compile(r"\b(?:[A-Z][a-z]*)+\b"), _mixed_case),
]

_RULES = _NUMBER_RULES + _PATTERN_RULES + _WORD_RULES

_SYMBOLS = {
    "@": " at ",
    "&": " and ",
    "%": " percent ",
    ":": ".",
    ";": ",",
    "+": " plus ",
    "\\": " backslash ",
    "~": " about ",
    "<=": " less than or equal to ",
    ">=": " greater than or equal to ",
    "<": " less than ",
    ">": " greater than ",
    "=": " equals ",
    "/": " slash ",
    "_": " ",
    "*": " ",
}

_TIDYING_RULES: list[_Rule] = [
    (re.compile(r"[^a-z !$',.?-]"), ""),  # what the tokenizer has never seen
    (re.compile(r" +"), " "),
    (re.compile(r" ([.?!,])"), r"\1"),
    (re.compile(r"^ | $"), ""),
    (re.compile(r"\.{3,}|(?:(?!\.{3})[.,!?])+"), _punctuation),
    (re.compile(r"(\w)\1{2,}"), r"\1\1"),
]


def _apply(rules: list[_Rule], text: str) -> str:
    for pattern, replacement in rules:
        text = pattern.sub(replacement, text)
    return text


def _end_lines(text: str) -> str:
    """Join the lines of ``text`` with spaces, each ended with a full stop unless it has its own mark."""
    lines = [line.strip() for line in text.split("\n")]
    return " ".join(line + "." if line and line[-1] not in ".!?" else line for line in lines)


def normalise(text: str) -> str:
    """Return ``text`` as Soprano's tokenizer expects it: lower-case words and ``!$',.?-``, nothing else.

    Never raises, whatever the string; the result is empty if nothing can be read.
    """
    text = _apply(_RULES, _end_lines(_to_ascii(text)))
    for symbol, words in _SYMBOLS.items():
        text = text.replace(symbol, words)
    return _apply(_TIDYING_RULES, text.lower())


# ---------------------------------------------------------------------------------------------------------------------
# Sentences and chunks

_STOP = re.compile(r'[.!?"]')
_STOP_IN_QUOTES = re.compile(r'"|.(?=")')
_LONGEST_PIECE = 40  # of a word without end, in letters: the model loses its way in longer ones


def split_sentences(text: str, max_chars: int = 300) -> list[str]:
    """Split ``text`` after sentences, outside quotation marks; longer ones after the last quotation, mark or word.

    A single word longer than ``max_chars`` loses its letters one by one until the rest fits, as in the original.
    Pieces without a letter, digit or other sign than ``.,;:!?`` are left out.
    """
    text = re.sub(r"[“”]", '"', re.sub(r"\s+", " ", text))
    ahead = text[:-1]  # the original never looks ahead at the last character: it takes it for the end
    pieces = []
    start = end = 0  # the piece being read is text[start:end]
    quotation_end = 0
    in_quotes = False
    while end < len(text):
        limit = max(start + max_chars, end + 1)
        stop = (_STOP_IN_QUOTES if in_quotes else _STOP).search(text, end, limit)
        end = stop.end() if stop else min(limit, len(text))
        in_quotes ^= text[end - 1] == '"'
        if end - start >= max_chars:
            cut = quotation_end or _last_break(text, start, end)
            # One off, as in the original: it forgets the last mark it steps back over and counts the one it stops at.
            in_quotes ^= text.count('"', cut - 1, end - 1) % 2 == 1
            end = cut
        elif in_quotes:
            if ahead[end : end + 1] == '"' and ahead[end + 1 : end + 2] in ("", " "):
                end = quotation_end = end + 2
                in_quotes = False
            continue
        elif text[end - 1] in "!?" or (text[end - 1] == "." and ahead[end : end + 1] in ("", " ")):
            while end < len(text) and end - start < max_chars and ahead[end : end + 1] in ("", "!", "?", "."):
                end += 1
        else:
            continue
        pieces.append(text[start:end])
        start, quotation_end = end, 0
    pieces.append(text[start:])
    return [piece.strip() for piece in pieces if piece.strip(" .,;:!?")]


def _last_break(text: str, start: int, end: int) -> int:
    """Return the end of the last word in ``text[start:end]``, or of its first character if there is but one word."""
    return max(start, *(text.rfind(mark, start, end) for mark in "!?. ")) + 1


def chunk_text(text: str, min_chars: int = 30, max_chars: int = 300) -> list[str]:
    """Return ``text`` normalised and cut into the pieces that Soprano speaks one at a time; none if it is silent.

    Sentences shorter than ``min_chars`` join the one before, at the beginning the ones behind. As in the original,
    many short sentences in a row make one chunk, which can be longer than ``max_chars``.
    """
    sentences = split_sentences(_break_endless(normalise(text.strip()), max_chars), max_chars)
    chunks: list[list[str]] = []
    opening = 0  # characters of the first chunk
    for sentence in sentences:
        if chunks and (len(sentence) < min_chars or opening < min_chars):
            chunks[-1].append(sentence)
        else:
            chunks.append([sentence])
        if len(chunks) == 1:
            opening += len(sentence) + (opening > 0)
    return [" ".join(chunk) for chunk in chunks]


def _break_endless(text: str, max_chars: int) -> str:
    """Put spaces where :func:`split_sentences` finds none to cut at: behind commas, else for hyphens, else anywhere.

    Behind all of a list's commas, as in what the model was trained on: without, it loses its place in the list.
    """
    endless = re.compile(rf"[^.!? ]{{{max_chars},}}")
    longest = max(1, min(max_chars - 1, _LONGEST_PIECE))

    def cut(match: re.Match[str]) -> str:
        pieces = (piece.strip("-") for piece in split_word(match[0], longest))
        return " ".join(piece for piece in pieces if piece)

    return endless.sub(cut, endless.sub(lambda match: match[0].replace(",", ", ").rstrip(), text))
