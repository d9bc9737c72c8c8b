# ruff: noqa: E501 (XML as it stands in files)
"""The story of the tests as EPUB 3 and EPUB 2, and what is to be heard of it."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from tests.books.library.inline import epub2_sign, epub3_sign, said, xhtml
from tests.books.library.keeper import AUTHORS, DATE, ENDNOTES, FOOTNOTES, PUBLISHER, SECTIONS, TITLE, Part, Section

_EXPECTED = Path(__file__).with_name("expected.tsv")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_XHTML = '<?xml version="1.0" encoding="utf-8"?>\n'
_HTML5 = (
    '<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" '
    'xmlns:ssml="http://www.w3.org/2001/10/synthesis" ssml:alphabet="ipa" xml:lang="en" lang="en">\n'
)
_XHTML11 = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">\n'
    '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en">\n'
)
_CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="{}" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
_CREATORS = "".join(f"<dc:creator>{name}</dc:creator>" for name in AUTHORS)


class Expected(NamedTuple):
    """What a person who reads the book aloud would say.

    Attributes:
        chapters: titles and levels, in order.
        sentences: in order, with headings; no alternative texts of images, and no notes.
        images: alternative texts.
        never: notes and furniture that are not read.
    """

    chapters: list[tuple[str, int]]
    sentences: list[str]
    images: list[str]
    never: list[str]


def expected() -> Expected:
    """Return what ``expected.tsv`` says.

    :func:`everything_said` makes it from the story, as the files are made, when the story changes; no test does. So it holds
    what readers make of the files, and not whether the story was written down in them right.
    """
    rows = [
        line.split("\t") for line in _EXPECTED.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]
    return Expected(
        [(text, int(kind.removeprefix("chapter "))) for kind, text in rows if kind.startswith("chapter")],
        [text for kind, text in rows if kind == "sentence" or kind.startswith("chapter")],
        [text for kind, text in rows if kind == "image"],
        [text for kind, text in rows if kind == "never"],
    )


def png(shade: int = 90, size: int = 8) -> bytes:
    """Return a grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes([shade]) * size) * size
    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _zipped(files: dict[str, str | bytes]) -> bytes:
    """Return an archive whose first entry is the ``mimetype``, not compressed; equal files, equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"mimetype": "application/epub+zip", **files}.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


# EPUB 3: a document for each chapter, its sections at anchors in it; footnotes in place, endnotes at the end.


def epub3() -> bytes:
    """Return the story as EPUB 3, as publishers make them."""
    pages = {f"text/{name}.xhtml": _page3(sections) for name, sections in _documents()}
    notes = "".join(f'<li id="en{key}" role="doc-endnote"><p>{escape(note)}</p></li>' for key, note in ENDNOTES.items())
    pages["text/notes.xhtml"] = _html3(
        "Notes", f'<section epub:type="endnotes" role="doc-endnotes"><h2>Notes</h2><ol>{notes}</ol></section>'
    )
    pages["text/cover.xhtml"] = _html3(
        "Cover", '<section epub:type="cover"><img src="../images/cover.png" alt="Cover of the book"/></section>'
    )
    pages["text/copyright.xhtml"] = _html3(
        "Copyright", '<section epub:type="copyright-page"><p>Printed in Tidewater on grey paper.</p></section>'
    )
    order = ["cover", "copyright", *(name for name, _ in _documents()), "notes"]
    items = "".join(f'<item id="{name}" href="text/{name}.xhtml" media-type="application/xhtml+xml"/>' for name in order)
    pictures = "".join(f'<item id="p{n}" href="images/p{n}.png" media-type="image/png"/>' for n in (1, 2))
    package = (
        f'{_XHTML}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">urn:uuid:6f6b8a0e-0000-4000-8000-000000000003'
        f"</dc:identifier><dc:title>{TITLE}</dc:title>{_CREATORS}<dc:language>en</dc:language><dc:publisher>{PUBLISHER}</dc:publisher>"
        f'<dc:date>{DATE}</dc:date><meta property="dcterms:modified">2024-05-01T00:00:00Z</meta></metadata><manifest>{items}{pictures}'
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        '<item id="cover-image" href="images/cover.png" media-type="image/png" properties="cover-image"/></manifest>'
        "<spine>" + "".join(f'<itemref idref="{name}"/>' for name in order) + "</spine></package>"
    )
    nav = _html3("Contents", f'<nav epub:type="toc" role="doc-toc"><h1>Contents</h1>{_nav(_entries())}</nav>')
    files = {
        "META-INF/container.xml": _CONTAINER.format("EPUB/package.opf"),
        "EPUB/package.opf": package,
        "EPUB/nav.xhtml": nav,
    }
    files |= {f"EPUB/{name}": page for name, page in pages.items()}
    images = {"EPUB/images/cover.png": png(40), "EPUB/images/p1.png": png(80), "EPUB/images/p2.png": png(120)}
    return _zipped({**files, **images})


def _documents() -> list[tuple[str, list[Section]]]:
    """Return the sections of each document: those of the third level stand with their chapter."""
    documents: list[tuple[str, list[Section]]] = []
    for number, section in enumerate(SECTIONS):
        if section.level < 2:
            documents.append((f"s{number:02}", []))
        documents[-1][1].append(section)
    return documents


def _entries() -> list[tuple[int, str, str]]:
    """Return the table of contents: level, title, reference."""
    return [
        (section.level, section.title, f"text/{name}.xhtml" + (f"#part-{place}" if place else ""))
        for name, sections in _documents()
        for place, section in enumerate(sections)
    ]


def _nav(entries: Sequence[tuple[int, str, str]]) -> str:
    """Write nested lists."""
    text, depth = "<ol>", 0
    for place, (level, title, href) in enumerate(entries):
        text += "<ol>" * (level - depth) + "</li></ol>" * (depth - level) + ("</li>" if place and level <= depth else "")
        text += f'<li><a href="{href}">{escape(title)}</a>'
        depth = level
    return text + "</li></ol>" * (depth + 1)


def _html3(title: str, body: str) -> str:
    return f"{_XHTML}{_HTML5}<head><title>{escape(title)}</title></head>\n<body>\n{body}\n</body></html>"


def _page3(sections: Sequence[Section]) -> str:
    body = ""
    for place, section in enumerate(sections):
        parts = "\n".join(_part3(part) for part in section.parts)
        notes = "".join(
            f'<aside epub:type="footnote" role="doc-footnote" id="fn{key}"><p><a href="#ref{key}">{key}</a> {escape(FOOTNOTES[key])}</p></aside>'
            for key in FOOTNOTES
            if any(f"{{fn:{key}}}" in sentence for part in section.parts for sentence in part.sentences)
        )
        heading = f"h{section.level + 1}"
        body += f'<section id="part-{place}">\n<{heading}>{escape(section.title)}</{heading}>\n{parts}\n{notes}\n</section>\n'
    return _html3(sections[0].title, body)


def _part3(part: Part) -> str:
    lines = [xhtml(sentence, epub3_sign, entities=False) for sentence in part.sentences]
    text = " ".join(lines)
    match part.kind:
        case "de" | "fr":
            return f'<p xml:lang="{part.kind}" lang="{part.kind}"><i>{text}</i></p>'
        case "quote":
            return f"<blockquote><p>{text}</p></blockquote>"
        case "letter":
            inner = " ".join(xhtml(sentence, epub3_sign, entities=False) for sentence in part.inner)
            return f'<blockquote epub:type="z3998:letter"><p>{text}</p><blockquote><p>{inner}</p></blockquote></blockquote>'
        case "verse":
            return (
                '<blockquote epub:type="z3998:verse"><p>'
                + "<br/>\n".join(f"<span>{line}</span>" for line in lines)
                + "</p></blockquote>"
            )
        case "steps" | "things":
            tag = "ol" if part.kind == "steps" else "ul"
            return f"<{tag}>" + "".join(f"<li>{line}</li>" for line in lines) + f"</{tag}>"
        case "table":
            head, *rows = (line.split("|") for line in part.sentences)
            cells = "".join("<tr>" + _cells("td", row) + "</tr>" for row in rows)
            return f"<table><thead><tr>{_cells('th', head)}</tr></thead><tbody>{cells}</tbody></table>"
        case "picture":
            return f'<figure><img src="../images/{picture(part)}" alt="{escape(part.sentences[0])}"/></figure>'
        case "break":
            return "<hr/>"
        case _:
            return f"<p>{text}</p>"


def _cells(tag: str, cells: Sequence[str]) -> str:
    return "".join(f"<{tag}>{cell}</{tag}>" for cell in cells)


def picture(part: Part) -> str:
    """Return the name of a picture's file."""
    return "p1.png" if "lighthouse" in part.sentences[0] else "p2.png"


# EPUB 2: a document for each part with all of its levels at anchors, footnotes at its end, Windows line ends, named entities.


def epub2() -> bytes:
    """Return the story as EPUB 2, as converters and Project Gutenberg made them."""
    documents = _documents2()
    pages = {f"{name}.html": _page2(sections) for name, sections in documents}
    notes = "".join(f'<p id="note{key}"><a href="#back{key}">{key}</a>. {escape(note)}</p>\n' for key, note in ENDNOTES.items())
    pages["endnotes.html"] = _html2("Notes", f'<div class="endnotes"><h2>Notes</h2>\n{notes}</div>')
    order = [*(name for name, _ in documents), "endnotes"]
    items = "".join(f'<item id="{name}" href="{name}.html" media-type="application/xhtml+xml"/>' for name in order)
    pictures = "".join(
        f'<item id="i{n}" href="images/{n}.png" media-type="image/png"/>' for n in ("cover", "p1", "p2", "T", "I")
    )
    package = (
        f'{_XHTML}<package xmlns="http://www.idpf.org/2007/opf" version="2.0" unique-identifier="id"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf"><dc:identifier id="id">test-2</dc:identifier>'
        f"<dc:title>{TITLE}</dc:title>{_CREATORS}<dc:language>en</dc:language>"
        f'<dc:publisher>{PUBLISHER}</dc:publisher><dc:date>{DATE}</dc:date><meta name="cover" content="icover"/></metadata><manifest>{items}'
        f'{pictures}<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest><spine toc="ncx">'
        + "".join(f'<itemref idref="{name}"/>' for name in order).replace('endnotes"', 'endnotes" linear="no"')
        + "</spine></package>"
    )
    files = {
        "META-INF/container.xml": _CONTAINER.format("OPS/content.opf"),
        "OPS/content.opf": package,
        "OPS/toc.ncx": _ncx(documents),
    }
    files |= {f"OPS/{name}": page.replace("\n", "\r\n") for name, page in pages.items()}
    images = {f"OPS/images/{name}.png": png(shade) for shade, name in enumerate(("cover", "p1", "p2", "T", "I"), 50)}
    return _zipped({**files, **images})


def _documents2() -> list[tuple[str, list[Section]]]:
    documents: list[tuple[str, list[Section]]] = []
    for section in SECTIONS:
        if section.level == 0:
            documents.append((f"file{len(documents)}", []))
        documents[-1][1].append(section)
    return documents


def _ncx(documents: Sequence[tuple[str, Sequence[Section]]]) -> str:
    text, depth, number = "", -1, 0
    for name, sections in documents:
        for place, section in enumerate(sections):
            number += 1
            text += "</navPoint>" * (depth - section.level + 1)
            text += (
                f'<navPoint id="n{number}" playOrder="{number}"><navLabel><text>{escape(section.title)}</text></navLabel>'
                f'<content src="{name}.html#a{place}"/>'
            )
            depth = section.level
    return (
        f'{_XHTML}<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1"><head><meta name="dtb:uid" content="test-2"/></head>'
        f"<docTitle><text>{TITLE}</text></docTitle><navMap>{text}{'</navPoint>' * (depth + 1)}</navMap></ncx>"
    )


def _html2(title: str, body: str) -> str:
    return f"{_XHTML}{_XHTML11}<head><title>{escape(title)}</title></head>\n<body>\n{body}\n</body></html>"


def _page2(sections: Sequence[Section]) -> str:
    body, used = "", []
    for place, section in enumerate(sections):
        parts = "\n".join(_part2(part) for part in section.parts)
        used += [key for key in FOOTNOTES if f"{{fn:{key}}}" in " ".join(s for part in section.parts for s in part.sentences)]
        body += f'<h{section.level + 2} id="a{place}">{escape(section.title)}</h{section.level + 2}>\n{parts}\n'
    notes = "".join(
        f'<div class="footnote"><p><a name="Footnote_{key}" id="Footnote_{key}"></a><a href="#FNanchor_{key}"><span class="label">[{key}]</span>'
        f"</a> {escape(FOOTNOTES[key])}</p></div>\n"
        for key in used
    )
    return _html2(sections[0].title, body + (f'<div class="footnotes"><h3>FOOTNOTES:</h3>\n{notes}</div>' if notes else ""))


def _part2(part: Part) -> str:
    lines = [xhtml(sentence, epub2_sign, entities=True) for sentence in part.sentences]
    text = "\n".join(lines)
    match part.kind:
        case "de" | "fr":
            return f'<p xml:lang="{part.kind}">{text}</p>'
        case "quote":
            return f'<div class="blockquot"><blockquote>{text}</blockquote></div>'
        case "letter":
            inner = " ".join(xhtml(sentence, epub2_sign, entities=True) for sentence in part.inner)
            return f"<blockquote><p>{text}</p><blockquote><p>{inner}</p></blockquote></blockquote>"
        case "verse":
            return (
                '<div class="poem"><div class="stanza">'
                + "\n".join(f'<span class="i0">{line}<br/></span>' for line in lines)
                + "</div></div>"
            )
        case "steps" | "things":
            tag = "ol" if part.kind == "steps" else "ul"
            return f"<{tag}>\n" + "\n".join(f"<li><p>{line}</p></li>" for line in lines) + f"\n</{tag}>"
        case "table":
            rows = "\n".join("<tr>" + _cells("td", line.split("|")) + "</tr>" for line in part.sentences)
            return f'<table border="0" summary="prices">\n{rows}\n</table>'
        case "picture":
            return (
                f'<div class="figcenter"><img src="images/{picture(part)}" alt="{escape(part.sentences[0])}" title="" /></div>'
            )
        case "break":
            return '<p class="center">*&nbsp;&nbsp;*&nbsp;&nbsp;*</p>'
        case _:
            return f"<p>{text}</p>"


def everything_said() -> Iterator[tuple[str, str]]:
    """Yield rows like those of ``expected.tsv``, made from the story, for whoever changes it."""
    for section in SECTIONS:
        yield f"chapter {section.level}", section.title
        for part in section.parts:
            if part.kind == "table":
                yield from (("sentence", line.replace("|", ", ")) for line in part.sentences)
            elif part.kind == "steps":
                yield from (("sentence", f"{number}. {said(line)}") for number, line in enumerate(part.sentences, 1))
            elif part.kind != "break":
                kind = "image" if part.kind == "picture" else "sentence"
                yield from ((kind, said(line)) for line in (*part.sentences, *part.inner))
    yield from (("never", note) for note in (*FOOTNOTES.values(), *ENDNOTES.values()))


if __name__ == "__main__":
    head = "# What is heard of the story, in order: chapters with their level, sentences, images' alternative texts; and what never is.\n"
    _EXPECTED.write_text(head + "".join(f"{kind}\t{text}\n" for kind, text in everything_said()), encoding="utf-8")
