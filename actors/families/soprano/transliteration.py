# ruff: noqa: RUF001 (the tables of this module list look-alike characters on purpose)
"""Any script spelled in ASCII as the original does it, which has Unidecode (GPL) for that.

Here it is anyascii, with tables of what the two read differently.
"""

import re
import unicodedata

from anyascii import anyascii

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


def to_ascii(text: str) -> str:
    """Spell every character in ASCII, as the original does; what has no spelling (emoji, surrogates) vanishes."""
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
