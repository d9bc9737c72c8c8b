"""Project Gutenberg's licence around a page, where its elements do not say that they are it."""

from books.reading.gutenberg import begins_text, ends_text
from books.reading.html.blocks import Flow

_FIRST_BLOCKS = 80  # among which the text begins
_LAST_BLOCKS = 400  # among which it ends: the licence has about a hundred paragraphs


def without_licence(flow: Flow) -> Flow:
    """Return a flow without the licence before and behind its text."""
    blocks = flow.blocks
    first = next((index + 1 for index, block in enumerate(blocks[:_FIRST_BLOCKS]) if begins_text(block.text)), 0)
    end = len(blocks)
    last = next((index for index in range(max(first, end - _LAST_BLOCKS), end) if ends_text(blocks[index].text)), end)
    return flow if (first, last) == (0, end) else flow.part(first, last)
