"""The stages of reading a text, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from actors.text.edits import Edited
from actors.text.languages import LANGUAGES
from actors.text.rules import Rules
from actors.text.sentences import Sentence, cut_sentences


@dataclass(frozen=True)
class Spoken:
    """A text as it is read.

    Attributes:
        edited: what was written, and what is said instead.
        sentences: of what is said, in order.
        note: what was left out, in a sentence; ``None`` if all is read.
    """

    edited: Edited
    sentences: Sequence[Sentence]
    note: str | None = None

    @property
    def text(self) -> str:
        """All that is said."""
        return self.edited.text


class Normaliser:
    """Reads texts of one language.

    Args:
        language: its code, as ``en`` or ``pt-BR``; of one without rules of its own only markup, letters and sentences are seen to.
        markup: whether HTML, Markdown and SSML are read as text is meant; else they are characters like others.
    """

    def __init__(self, language: str = "en", *, markup: bool = True) -> None:
        self.language = language_of(language)
        self._markup = markup

    def __call__(self, text: str) -> Spoken:
        """Return a text as it is read. Never raises but for a text that cannot be spoken at all.

        Raises:
            RequestError: most of its letters are of scripts that the language is not written in.
        """
        edited = Edited(text)
        rules = rules_of(self.language)
        if rules is not None:
            edited = edited.then(rules.edits(edited.text))
        return Spoken(edited, cut_sentences(edited, self.language))


@cache
def rules_of(language: str) -> Rules | None:
    """Return the rules of a language; ``None`` if it has none."""
    return LANGUAGES[language]().reader if language in LANGUAGES else None


@cache
def language_of(code: str) -> str:
    """Return the language of a code such as ``en``, ``en-US`` or ``pt_BR``: ``en``, ``pt``.

    Raises:
        UsageError: it is no language code.
    """
    return code.replace("_", "-").partition("-")[0].lower()
