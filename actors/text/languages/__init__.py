"""The languages that texts are read in: a module each, and what they have in common."""

from collections.abc import Mapping
from functools import cache

from actors.text.languages.dutch import Dutch
from actors.text.languages.english import English
from actors.text.languages.french import French
from actors.text.languages.german import German
from actors.text.languages.italian import Italian
from actors.text.languages.language import Language
from actors.text.languages.portuguese import Portuguese
from actors.text.languages.spanish import Spanish
from actors.text.rules import Rules

LANGUAGES: Mapping[str, type[Language]] = {
    language.code: language for language in (Dutch, English, French, German, Italian, Portuguese, Spanish)
}


@cache
def rules_of(language: str) -> Rules | None:
    """Return the rules of a language, by its code; ``None`` if it has none."""
    return LANGUAGES[language]().reader if language in LANGUAGES else None
