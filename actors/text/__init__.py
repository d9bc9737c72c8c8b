"""Text read as a person would read it: what is written in, what is spoken out, sentence by sentence.

It stands before every family's own front end, which stays as the original's. Stages in this order, each a module:
markup and characters, letters that cannot be spoken, the rules of a language, sentences.
"""

from actors.text.normaliser import Normaliser, Spoken, language_of
from actors.text.sentences import Pause, Sentence, pack_sentences

__all__ = ["Normaliser", "Pause", "Sentence", "Spoken", "language_of", "pack_sentences"]
