"""How a book is to be spoken."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from books.direction.cast import Cast
from books.direction.lexicon import Lexicon


@dataclass(frozen=True)
class Pauses:
    """Silences in seconds, by what stands where they are.

    Readers of audiobooks leave a third of a second between sentences and twice that between paragraphs: long enough to
    be heard as a new thought, short enough that nobody believes the reader gone. A change of scene has to be told from
    a paragraph by the ear alone, and needs more than twice of that again. ACX asks for 1 to 5 s where a chapter ends,
    and a heading is given the second that a page gives it in white space. A clause is what is left where a speaker
    changes within a sentence: a breath. Models leave about a tenth of a second at the ends of what they speak; that
    comes on top.
    """

    clause: float = 0.15
    sentence: float = 0.35
    line: float = 0.5
    paragraph: float = 0.7
    heading: float = 1.0
    section: float = 1.6
    chapter: float = 2.5


@dataclass(frozen=True)
class Direction:
    """How a book is to be spoken.

    Attributes:
        voice: the narrator; ``None`` is the job's voice.
        voices: the names that the model has; with none of them nothing is checked.
        language: code of the language of all texts; ``None`` is what a block says, else the book, else ``voice_language``.
        voice_language: code of the language that the voices speak, whose letters texts have to be in.
        lexicon: how words are said.
        cast: who speaks what.
        dialogue_voice: who speaks all quoted speech that the cast gives to nobody.
        pauses: what is left between passages.
        image_alt: whether the alternative texts of images are read.
        titles: whether a chapter's title is said where no heading of its page says it.
        markup: whether tags in the text are followed, such as ``[voice:name]`` and SSML's; else they are read as text.
    """

    voice: str | None = None
    voices: Sequence[str] = ()
    language: str | None = None
    voice_language: str = "en"
    lexicon: Lexicon = field(default_factory=Lexicon)
    cast: Cast = field(default_factory=Cast)
    dialogue_voice: str | None = None
    pauses: Pauses = field(default_factory=Pauses)
    image_alt: bool = False
    titles: bool = True
    markup: bool = True
