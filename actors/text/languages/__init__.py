"""The languages that texts are read in: a module each, and what they have in common."""

from collections.abc import Mapping

from actors.text.languages.dutch import Dutch
from actors.text.languages.english import English
from actors.text.languages.german import German
from actors.text.languages.language import Language

LANGUAGES: Mapping[str, type[Language]] = {language.code: language for language in (Dutch, English, German)}
