"""The stages of reading a text, in order."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from actors.errors import UsageError
from actors.text.characters import character_edits
from actors.text.edits import Edited
from actors.text.languages import rules_of
from actors.text.markup import markup_edits
from actors.text.scripts import unspeakable
from actors.text.sentences import Sentence, cut_sentences

logger = logging.getLogger(__name__)

_CODE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]++)*+")
_SHOWN_CHARS = 40
# Of languages whose words or letters we know by their codes of ISO 639-1: those of 639-2 and 639-3, which corpora use.
_CODES_OF_THREE = (
    "ar:ara,arb be:bel bg:bul bn:ben de:deu,ger el:ell,gre en:eng es:spa fa:fas,per,pes fr:fra,fre gu:guj he:heb "
    "hi:hin hy:arm,hye it:ita ja:jpn ka:geo,kat kk:kaz km:khm kn:kan ko:kor lo:lao mk:mac,mkd ml:mal mr:mar "
    "my:bur,mya ne:nep nl:dut,nld pa:pan ps:pus pt:por ru:rus si:sin sr:srp ta:tam te:tel th:tha uk:ukr ur:urd "
    "yi:yid zh:chi,cmn,zho"
)
_OF_THREE = {three: two for two, threes in (pair.split(":") for pair in _CODES_OF_THREE.split()) for three in threes.split(",")}


@dataclass(frozen=True)
class Spoken:
    """A text as it is read.

    Attributes:
        edited: what was written, and what is said instead.
        said: the same from where markup has been read: what was written as a person saw it.
        language: code of its language.
        note: what was left out, in a sentence; ``None`` if all is read.
    """

    edited: Edited
    said: Edited
    language: str
    note: str | None = None

    @property
    def text(self) -> str:
        """All that is said."""
        return self.edited.text

    @cached_property
    def sentences(self) -> Sequence[Sentence]:
        """Its sentences, in order."""
        return cut_sentences(self.said, self.language)


class Normaliser:
    """Reads texts of one language; safe to call from several threads.

    Args:
        language: its code, as ``en`` or ``pt-BR``. Of one without rules only markup, letters and sentences are seen to.
        markup: whether HTML, Markdown and SSML are read as text is meant; else they are characters like others.
        voice: code of the language of the voice that speaks, whose letters these have to be; ``None`` is the texts'.
        is_read: whether texts are words already: only their letters and sentences are seen to.

    Raises:
        UsageError: a code is none.
    """

    def __init__(self, language: str = "en", *, markup: bool = True, voice: str | None = None, is_read: bool = False) -> None:
        self.language = language_of(language)
        self._voice = voice and language_of(voice)
        self._rules = None if is_read else rules_of(self.language)
        if self._rules is None and not is_read:
            logger.warning("there are no rules for texts in %r: the model reads numbers and short forms itself", self.language)
        self._markup = markup

    def __call__(self, text: str) -> Spoken:
        """Return a text as it is read. Never raises but for a text that cannot be spoken at all.

        Raises:
            RequestError: most of its letters are of scripts that the language, or the voice's, is not written in.
        """
        # Characters behind markup: entities stand for characters, and characters that are no signs make no tags.
        plain = Edited(text, markup_edits(text) if self._markup else ())
        plain = plain.then(character_edits(plain.text))
        left_out, note = unspeakable(plain.text, self.language, self._voice)
        said = Edited(plain.text, left_out)
        if self._rules is not None:
            said = said.then(self._rules.edits(said.text))
        return Spoken(plain.then(said.edits) if plain.edits else said, said, self.language, note)


def language_of(code: str) -> str:
    """Return the language of a code such as ``en``, ``en-US``, ``eng`` or ``pt_BR``: ``en``, ``pt``.

    Raises:
        UsageError: it is no language code.
    """
    found = _CODE.fullmatch(code.strip().lower())
    if not found:
        shown = repr(code[:_SHOWN_CHARS])
        raise UsageError(f"{shown} is no language code: name one of two or three letters, such as en, de or pt-BR")
    return _OF_THREE.get(found[1], found[1])
