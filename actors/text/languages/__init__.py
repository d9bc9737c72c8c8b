"""The languages that texts are read in: a module each, and what they have in common."""

from collections.abc import Mapping

from actors.text.languages.english import English
from actors.text.languages.french import French
from actors.text.languages.language import Language
from actors.text.languages.portuguese import Portuguese


LANGUAGES: Mapping[str, type[Language]] = {language.code: language for language in (English, French, Portuguese)}
