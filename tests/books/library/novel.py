# ruff: noqa: E501
"""A long book of plain English sentences, no two of them equal."""

_OPENINGS = ("On day {}", "At mile {}", "By lamp {}", "In house {}", "At gate {}", "On page {}", "In year {}", "At bell {}")
_SUBJECTS = (
    "the miller", "a tired nurse", "the old captain", "my youngest cousin", "the baker", "a quiet stranger", "the schoolmaster",
    "our neighbour", "the gardener", "a travelling singer", "the widow", "the clockmaker", "a farmer", "the postman", "the judge",
    "her brother", "the fisherman",
)  # fmt: skip
_VERBS = (
    "carried a basket of apples", "found a silver key", "told a long story", "mended the broken fence", "sold two grey horses",
    "asked for a cup of tea", "wrote a short letter", "closed the heavy door", "remembered a forgotten song", "counted the stars",
    "lost a leather glove", "planted a row of beans", "waited for the slow train",
)  # fmt: skip
_PLACES = (
    "beside the river", "under the stone bridge", "behind the church", "near the edge of the forest", "in the empty market",
    "on the way to the harbour", "above the baker's shop", "across the wide field", "before the first snow", "after the rain",
    "at the end of the lane",
)  # fmt: skip
_ENDINGS = (
    "",
    " and said nothing",
    " and smiled",
    " while the children slept",
    " without any hurry",
    ", as people do",
    " once more",
)
_PER_PARAGRAPH = 5
_PER_CHAPTER = 50


def sentence(number: int) -> str:
    """Return sentence ``number``, from 1: it says its number, so that all differ."""
    opening = _OPENINGS[number % len(_OPENINGS)].format(number)
    parts = (_SUBJECTS, _VERBS, _PLACES)
    subject, verb, place = (choices[number % len(choices)] for choices in parts)
    return f"{opening}, {subject} {verb} {place}{_ENDINGS[number % len(_ENDINGS)]}."


def novel(sentences: int, per_chapter: int = _PER_CHAPTER) -> str:
    """Return a book in Markdown with that many sentences, in chapters and paragraphs."""
    text = "---\ntitle: The Long Road\nauthor: A. Test\nlanguage: en\n---\n"
    for first in range(1, sentences + 1, per_chapter):
        text += f"\n# Chapter {first // per_chapter + 1}\n"
        for start in range(first, min(first + per_chapter, sentences + 1), _PER_PARAGRAPH):
            last = min(start + _PER_PARAGRAPH, first + per_chapter, sentences + 1)
            text += "\n" + " ".join(sentence(number) for number in range(start, last)) + "\n"
    return text
