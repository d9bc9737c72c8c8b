"""An existing recording of a book, and its text: when each sentence is heard, and what only one of the two has."""

from books.alignment.align import Alignment, Extra, HeardRecording, Placed, align
from books.alignment.files import RECORD_NAME, AlignedFiles
from books.alignment.pauses import Pauses, find_pauses
from books.alignment.record import AlignedBook, AlignedChapter, AlignedRecording, record_of

__all__ = [
    "RECORD_NAME",
    "AlignedBook",
    "AlignedChapter",
    "AlignedFiles",
    "AlignedRecording",
    "Alignment",
    "Extra",
    "HeardRecording",
    "Pauses",
    "Placed",
    "align",
    "find_pauses",
    "record_of",
]
