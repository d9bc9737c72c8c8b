"""How a book is spoken: what of it is a sentence, who says it, how its words are pronounced, and what silence is left."""

from books.direction.cast import Cast, read_cast
from books.direction.direct import check_voices, direct
from books.direction.lexicon import Lexicon
from books.direction.options import Direction, Pauses
from books.direction.pronunciations import read_lexicon

__all__ = ["Cast", "Direction", "Lexicon", "Pauses", "check_voices", "direct", "read_cast", "read_lexicon"]
