"""Project Gutenberg's licence around a text, where its pages do not mark it as such."""

import re

from books.reading.blocks import Flow

_BEGIN = re.compile(r"\*{3}\s?START OF TH(?:E|IS) PROJECT GUTENBERG", re.IGNORECASE)
_END = re.compile(r"\*{3}\s?END OF TH(?:E|IS) PROJECT GUTENBERG|\AEnd of (?:the )?Project Gutenberg", re.IGNORECASE)
_FIRST_BLOCKS = 80
_LAST_BLOCKS = 400


def without_licence(flow: Flow) -> Flow:
    """Return a flow without the licence before and behind its text."""
    blocks = flow.blocks
    begins = [index for index, block in enumerate(blocks[:_FIRST_BLOCKS]) if _BEGIN.search(block.text)]
    first = begins[0] + 1 if begins else 0
    ends = [index for index in range(max(first, len(blocks) - _LAST_BLOCKS), len(blocks)) if _END.search(blocks[index].text)]
    last = ends[0] if ends else len(blocks)
    if (first, last) == (0, len(blocks)):
        return flow
    flow.blocks = blocks[first:last]
    flow.levels = {index - first: level for index, level in flow.levels.items() if first <= index < last}
    flow.anchors = {key: max(index - first, 0) for key, index in flow.anchors.items() if index < last}
    return flow
