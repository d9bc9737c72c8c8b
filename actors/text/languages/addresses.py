"""What is read sign by sign: addresses of the web, files, versions, telephone and other numbers that are no amounts."""

import re

from actors.text.languages.context import word_set
from actors.text.languages.language import Language, alternatives
from actors.text.numbers import Number
from actors.text.rules import BEFORE_LETTER, BEFORE_MARK, DIGIT, FREE, LETTER, SIGN, Rule

_TOP_LEVEL = (
    "com org net edu gov mil int info biz io ai app dev co me tv uk us eu de fr es it pt nl br be at ch ca au nz ie in jp cn "
    "ru pl se no dk fi mx ar cl pe cat online shop site blog news wiki store tech xyz"
)
_SUFFIXES = (
    "pdf html htm txt docx doc xlsx xls pptx ppt csv json xml yaml yml md py js ts sh exe zip tar gz jpg jpeg png gif svg mp3 "
    "mp4 wav flac avi mov mkv epub tex log ini cfg toml java cpp rs php css sql db iso dmg apk bin odt rtf bak"
)
_LABEL = r"[A-Za-z0-9\u00c0-\u024f](?:[\w-]{0,62}+)"
_DOMAIN = rf"(?:{_LABEL}\.){{1,5}}(?:{alternatives(_TOP_LEVEL.split())})(?![\w-])"
_PATH = r"(?:[/?#][^\s<>\"'\u201d\u2019)\]]{0,300})?"
_SPELLED = word_set("uk us eu nz hk sg tv fm bbc cnn nhs ibm hbo nyc php xml csv url faq")
_SCHEME = re.compile(r"\A(?:https?|ftp)://")
_PIECE = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_TRAILING = ".,;:!?"
_LONGEST = 400
_LONGEST_NUMBER = 4  # digits; longer ones are told one by one
_LARGEST_BYTE = 255


class Addresses:
    """Reads addresses in a language."""

    def __init__(self, language: Language) -> None:
        self._language = language
        words = language.words
        self._signs = {
            ".": words.dot, "@": words.at, "/": words.slash, "\\": words.slash, "-": words.dash, "_": words.underscore,
            "#": words.hashtag, "+": words.plus, "=": words.equals, "&": words.and_, "~": "", "%": words.percent,
        }  # fmt: skip

    def rules(self) -> list[Rule]:
        """Return the rules for addresses and files."""
        kinds = (
            rf"[\w.+-]{{1,64}}+(?<!\.)@{_LABEL}(?:\.{_LABEL}){{1,5}}",
            rf"(?:https?|ftp)://[^\s<>\"'\u201d\u2019)\]]{{1,{_LONGEST}}}",
            rf"www\.{_LABEL}(?:\.{_LABEL}){{1,5}}{_PATH}",
            rf"{_DOMAIN}{_PATH}",
            rf"[\w-]{{1,60}}+\.(?:{alternatives(_SUFFIXES.split())})(?!\w)",
        )
        # Only words with such a sign behind are gone through further.
        return [
            Rule(
                rf"(?<![\w@.-])(?=[\w+-]{{1,64}}+[.@:])(?:{'|'.join(kinds)})",
                self._address,
                BEFORE_LETTER + BEFORE_MARK + LETTER,
            ),
            Rule(r"(?<![\w/.<:€$£%²³])~?/(?:[\w.-]{1,60}/){1,12}[\w.-]{0,60}", self._address, SIGN),
            Rule(r"(?<![\w/])@(?=[A-Za-z_]\w)", lambda _: f"{self._language.words.at} ", SIGN),
            Rule(r"(?<![\w&/])#(?=[^\W\d_])", lambda _: f"{self._language.words.hashtag} ", SIGN),
        ]

    def _address(self, match: re.Match[str]) -> str:
        written = match[0]
        said = written.rstrip(_TRAILING)
        return self.spell(said) + written[len(said) :]

    def spell(self, address: str) -> str:
        """Return an address as it is told to somebody: its scheme is left out."""
        bare = _SCHEME.sub("", address).rstrip("/")
        return " ".join(filter(None, map(self._piece, _PIECE.findall(bare))))

    def _piece(self, piece: str) -> str:
        if piece.isdecimal():
            number = Number(piece)
            is_code = number.is_code or len(piece) > _LONGEST_NUMBER
            return self._language.digits(piece) if is_code else self._language.cardinal(number.value, "-")
        if piece.lower() == "www":
            return "w w w"
        if piece in _SPELLED:
            return " ".join(piece.upper())
        return self._signs.get(piece, piece)


def dotted_numbers(language: Language) -> list[Rule]:
    """Return the rules for numbers with more than one point: versions, and addresses of computers digit by digit."""

    def network(match: re.Match[str]) -> str | None:
        if any(int(part) > _LARGEST_BYTE for part in match[0].split(".")):
            return None
        return f" {language.words.dot} ".join(map(language.digits, match[0].split(".")))

    def version(match: re.Match[str]) -> str | None:
        first, *others = match[0].split(".")
        if "." in language.groups and len(first) <= 3 and first[0] != "0" and all(len(part) == 3 for part in others):
            return None  # an amount: 1.234.567
        return f" {language.words.dot_in_version} ".join(language.cardinal(int(part), "-") for part in match[0].split("."))

    return [
        Rule(rf"{FREE}\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w]|\.\d)", network, DIGIT),
        Rule(rf"{FREE}(?!\d{{1,3}}(?:\.\d{{3}}){{2,9}}(?!\d))\d{{1,4}}(?:\.\d{{1,4}}){{2,5}}(?![\w]|\.\d)", version, DIGIT),
    ]
