"""An existing recording of a book, and its text: when each sentence is heard, and what only one of the two has."""

from books.alignment.align import Alignment, Extra, HeardRecording, Placed, align
from books.alignment.pauses import Pauses, find_pauses
from books.alignment.record import AlignedBook, AlignedChapter, AlignedRecording, record_of
from books.alignment.timeline import book_timeline, recording_chapters

__all__ = [
    "AlignedBook",
    "AlignedChapter",
    "AlignedRecording",
    "Alignment",
    "Extra",
    "HeardRecording",
    "Pauses",
    "Placed",
    "align",
    "book_timeline",
    "find_pauses",
    "record_of",
    "recording_chapters",
]
