"""The story of the tests as Markdown and as a text of Project Gutenberg."""

import textwrap

from tests.books.library.books import picture
from tests.books.library.inline import markdown, plain
from tests.books.library.keeper import AUTHORS, DATE, ENDNOTES, FOOTNOTES, PUBLISHER, SECTIONS, TITLE, Part, Section


def markdown_book() -> str:
    """Return the story as Markdown."""
    authors = "\n".join(f"  - {name}" for name in AUTHORS)
    fields = f'title: "{TITLE}"\nauthors:\n{authors}\nlanguage: en\ncover: cover.png\npublisher: {PUBLISHER}\ndate: {DATE}'
    text = [f"---\n{fields}\n---\n"]
    for section in SECTIONS:
        text.append(f"{'#' * (section.level + 1)} {section.title}")
        text += [_part_markdown(part) for part in section.parts]
    text += [f"[^{key}]: {note}" for key, note in FOOTNOTES.items()]
    text += [f"[^e{key}]: {note}\n\n    It is kept in a box." for key, note in ENDNOTES.items()]
    return "\n\n".join(text) + "\n"


def _part_markdown(part: Part) -> str:
    lines = [markdown(sentence) for sentence in part.sentences]
    match part.kind:
        case "de" | "fr":
            return f'<div lang="{part.kind}">\n\n{" ".join(lines)}\n\n</div>'
        case "quote":
            return "\n".join(f"> {line}" for line in lines)
        case "letter":
            return "\n".join([*(f"> {line}" for line in lines), ">", *(f"> > {markdown(line)}" for line in part.inner)])
        case "verse":
            return "\\\n".join(lines)
        case "steps":
            return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))
        case "things":
            return "\n".join(f"- {line}" for line in lines)
        case "table":
            head, *rows = (f"| {line.replace('|', ' | ')} |" for line in lines)
            return "\n".join([head, "|---|:---|---|", *rows])
        case "picture":
            return f"![{lines[0]}](images/{picture(part)})"
        case "break":
            return "* * *"
        case _:
            return "\n".join(textwrap.wrap(" ".join(lines), 88, break_long_words=False, break_on_hyphens=False))


_HEADER = """\
The Project Gutenberg EBook of {title}, by {author}

This eBook is for the use of anyone anywhere at no cost and with
almost no restrictions whatsoever.  You may copy it, give it away or
re-use it under the terms of the Project Gutenberg License included
with this eBook or online at www.gutenberg.org


Title: {title}

Author: {author}

Release Date: May 1, 2024 [EBook #99999]

Language: English

Character set encoding: UTF-8

*** START OF THIS PROJECT GUTENBERG EBOOK {upper} ***




Produced by A. Volunteer and the Online Distributed
Proofreading Team at https://www.pgdp.net





"""
_FOOTER = """




End of the Project Gutenberg EBook of {title}, by {author}

*** END OF THIS PROJECT GUTENBERG EBOOK {upper} ***

***** This file should be named 99999.txt or 99999.zip *****

Section 1.  General Terms of Use and Redistributing Project Gutenberg-tm
electronic works
"""


def gutenberg_text() -> str:
    """Return the story as a text of Project Gutenberg, with a table of contents whose entries come again as headings."""
    names = {"title": TITLE, "author": AUTHORS[0], "upper": TITLE.upper()}
    contents = "\n".join(f"  {_heading(section)}  {number * 9}" for number, section in enumerate(SECTIONS, 1))
    text = _HEADER.format(**names) + f"CONTENTS\n\n{contents}\n"
    for section in SECTIONS:
        text += f"\n\n\n\n{_heading(section)}\n\n\n" if section.level < 2 else f"\n\n{_heading(section)}\n\n"
        text += "\n\n".join(_part_plain(part) for part in section.parts)
    notes = {**FOOTNOTES, **{key + 3: note for key, note in ENDNOTES.items()}}
    text += "\n\n\nFOOTNOTES:\n\n" + "\n\n".join(f"[Footnote {key}: {note}]" for key, note in notes.items())
    return (text + _FOOTER.format(**names)).replace("\n", "\r\n")


def _heading(section: Section) -> str:
    return section.title.upper().replace(":", ".") if section.level < 2 else section.title


def _part_plain(part: Part) -> str:
    lines = [plain(sentence) for sentence in part.sentences]
    match part.kind:
        case "verse":
            return "\n".join(f"        {line}" for line in lines)
        case "steps":
            return "\n\n".join(f"({number}) {line}" for number, line in enumerate(lines, 1))
        case "things":
            return "\n".join(f"    {line}" for line in lines)
        case "table":
            return "\n".join("    " + "".join(f"{cell:<14}" for cell in line.split("|")).rstrip() for line in lines)
        case "picture":
            return f"[Illustration: {lines[0]}]"
        case "break":
            return "       *       *       *       *       *"
        case "quote":
            return textwrap.indent(textwrap.fill(" ".join(lines), 60), "    ")
        case "letter":
            inner = textwrap.fill(" ".join(plain(line) for line in part.inner), 56)
            return textwrap.indent(textwrap.fill(" ".join(lines), 62), "    ") + "\n\n" + textwrap.indent(inner, "        ")
        case _:
            return textwrap.fill(" ".join(lines), 72)
