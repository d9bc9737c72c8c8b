"""EPUBs in, books out: everything once and in order, chapters as the table of contents says, and damage told."""

import io
import time
import zipfile
from collections.abc import Mapping

import pytest

from actors.errors import InputDataError
from books.book import BlockKind, Book
from books.reading import read_book
from books.reading.epub.archive import Archive

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="o/b.opf"/></rootfiles></container>'
)
METADATA = "<dc:title>Book</dc:title><dc:language>en</dc:language>"


def page(body: str, **attributes: str) -> str:
    said = "".join(f' {key.replace("_", ":")}="{value}"' for key, value in attributes.items())
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f"<head><title>t</title></head><body{said}>{body}</body></html>"
    )


def nav(*entries: str, rest: str = "") -> str:
    return page(f'<nav epub:type="toc"><h1>Contents</h1><ol>{"".join(entries)}</ol></nav>{rest}')


def entry(href: str | None, title: str, *inside: str) -> str:
    label = f'<a href="{href}">{title}</a>' if href else f"<span>{title}</span>"
    return f"<li>{label}{'<ol>' + ''.join(inside) + '</ol>' if inside else ''}</li>"


def package(pages: list[str], metadata: str = METADATA, items: str = "", rest: str = "", spine: str = "") -> str:
    listed = "".join(f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in pages)
    order = "".join(f'<itemref idref="{name}"/>' for name in pages) + spine
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:opf="http://www.idpf.org/2007/opf" unique-identifier="id"><metadata>{metadata}</metadata>'
        f'<manifest>{listed}<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
        f'<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>{items}</manifest>'
        f'<spine toc="ncx">{order}</spine>{rest}</package>'
    )


def archive(files: Mapping[str, str | bytes], mimetype: bytes | None = b"application/epub+zip") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        if mimetype is not None:
            target.writestr("mimetype", mimetype, zipfile.ZIP_STORED)
        for path, content in files.items():
            target.writestr(path, content)
    return buffer.getvalue()


def book_of(pages: Mapping[str, str | bytes], contents: str | None = None, **said: str) -> Book:
    return read_book(epub(pages, contents, **said), "book.epub")


def epub(
    pages: Mapping[str, str | bytes], contents: str | None = None, files: Mapping[str, str | bytes] = {}, **said: str
) -> bytes:
    parts: dict[str, str | bytes] = {"META-INF/container.xml": CONTAINER, "o/b.opf": package(list(pages), **said)}
    parts |= {
        f"o/{name}": page(body) if isinstance(body, str) and "<html" not in body else body for name, body in pages.items()
    }
    if contents is not None:
        parts["o/nav.xhtml" if "<nav " in contents else "o/toc.ncx"] = contents
    return archive({**parts, **files})


def shape(book: Book) -> list[tuple[int, str, list[str]]]:
    return [(chapter.level, chapter.title, [block.text for block in chapter.blocks]) for chapter in book.chapters]


def test_a_table_of_contents_parts_the_text() -> None:
    pages = {
        "t.xhtml": "<h1>Title page</h1>",
        "1.xhtml": "<h1>Part I</h1><h2 id='a'>A</h2><p>a</p><h2 id='b'>B</h2><p>b</p>",
        "2.xhtml": "<p>more b</p>",
        "3.xhtml": "<p>c</p>",
    }
    contents = nav(
        entry("3.xhtml", "C"),
        entry("1.xhtml", "Part I", entry("1.xhtml#a", "A"), entry("1.xhtml#b", "B"), entry("1.xhtml#b", "B")),
        entry(None, "Group"),
        entry("gone.xhtml", "Gone"),
    )
    assert shape(book_of(pages, contents)) == [
        (0, "Title page", ["Title page"]),
        (0, "Part I", ["Part I"]),
        (1, "A", ["A", "a"]),
        (1, "B", ["B", "b", "more b"]),
        (0, "C", ["c"]),
    ]


def test_an_ncx_parts_the_text() -> None:
    ncx = """<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "x" "http://x.org/ncx.dtd"><ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>
      <navPoint><navLabel><text>One &amp; all</text></navLabel><content src="1.xhtml"/>
        <navPoint><navLabel><text>Two</text></navLabel><content src="1.xhtml#b"/></navPoint></navPoint></navMap></ncx>"""
    assert shape(book_of({"1.xhtml": "<p>a</p><p id='b'>b</p>"}, ncx)) == [(0, "One & all", ["a"]), (1, "Two", ["b"])]


def test_entries_that_lead_to_one_place_are_parted_by_headings_or_joined() -> None:
    contents = nav(entry("1.xhtml", "Part I", entry("1.xhtml", "The start")))
    assert shape(book_of({"1.xhtml": "<h1>Part I</h1><h2>The Start</h2><p>a</p>"}, contents)) == [
        (0, "Part I", ["Part I"]),
        (1, "The start", ["The Start", "a"]),
    ]
    assert shape(book_of({"1.xhtml": "<p>a</p>"}, contents)) == [(0, "Part I: The start", ["a"])]


def test_an_anchor_behind_its_heading_takes_the_heading_along() -> None:
    contents = nav(entry("1.xhtml", "One"), entry("1.xhtml#b", "Two"))
    assert shape(book_of({"1.xhtml": "<h1>One</h1><p>a</p><h1>Two</h1><p id='b'>b</p>"}, contents))[1] == (
        0,
        "Two",
        ["Two", "b"],
    )


def test_a_page_that_announces_goes_with_what_follows() -> None:
    pages = {"1.xhtml": "<p>a</p>", "p.xhtml": "<h1>Part Two</h1>", "2.xhtml": "<h2>B</h2><p>b</p>"}
    assert shape(book_of(pages, nav(entry("1.xhtml", "A"), entry("2.xhtml", "B")))) == [
        (0, "A", ["a"]),
        (0, "B", ["Part Two", "B", "b"]),
    ]


def test_without_a_table_of_contents_headings_part_the_text() -> None:
    book = book_of({"1.xhtml": "<h1>One</h1><p>a</p>", "2.xhtml": "<h1>Two</h1><p>b</p>"})
    assert shape(book) == [(0, "One", ["One", "a"]), (0, "Two", ["Two", "b"])]
    assert "no table of contents" in book.notes[0]


def test_metadata() -> None:
    said = """<dc:title id="s">A Tale</dc:title><dc:title id="m">Book</dc:title>
      <meta refines="#m" property="title-type">main</meta><meta refines="#s" property="title-type">subtitle</meta>
      <dc:creator id="n">Ned Narrator</dc:creator><meta refines="#n" property="role">nrt</meta>
      <dc:creator id="b">Bob</dc:creator><meta refines="#b" property="display-seq">2</meta>
      <dc:creator id="a" opf:role="aut">Ann</dc:creator><meta refines="#a" property="display-seq">1</meta>
      <meta refines="#b" property="role">aut</meta><dc:contributor>Carl</dc:contributor><dc:language>en_GB</dc:language>
      <dc:identifier>x</dc:identifier><dc:identifier id="id">urn:1</dc:identifier><dc:publisher>P</dc:publisher>
      <dc:subject>s1</dc:subject><dc:subject>s2</dc:subject>
      <dc:description>&lt;p&gt;Some &lt;b&gt;words&lt;/b&gt;&lt;/p&gt;</dc:description>"""
    book = book_of({"1.xhtml": "<p>a</p>"}, metadata=said)
    assert (book.title, book.creators, book.language) == ("Book: A Tale", ("Ann", "Bob"), "en-GB")
    assert book.details == {"identifier": "urn:1", "publisher": "P", "subject": "s1, s2", "description": "Some words"}


COVERS = {
    "properties": {"items": '<item id="c" href="c.png" properties="cover-image" media-type="image/png"/>'},
    "meta": {
        "items": '<item id="c" href="c.png" media-type="image/png"/>',
        "metadata": METADATA + '<meta name="cover" content="c"/>',
    },
    "guide": {"rest": '<guide><reference type="cover" href="cover.xhtml"/></guide>'},
    "page": {},
}


@pytest.mark.parametrize("how", COVERS)
def test_covers(how: str) -> None:
    cover = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="c.png"/></svg>'
    )
    pages = {"cover.xhtml": cover, "1.xhtml": "<p>a</p>"}
    book = read_book(epub(pages, files={"o/c.png": PNG}, **COVERS[how]), "b.epub")
    assert book.cover is not None
    assert (book.cover.name, book.cover.media_type, book.cover.data) == ("c.png", "image/png", PNG)


def test_images_have_plain_names_of_their_own() -> None:
    files = {"o/x/a.png": PNG, "o/y/a.png": PNG, "o/bad.png": b"no image", "o/sp%20ace.png": PNG}
    body = "<p>t</p>" + "".join(f'<img src="{name}" alt="x"/>' for name in ("x/a.png", "y/a.png", "X/A.PNG", "bad.png"))
    book = read_book(epub({"1.xhtml": body}, files=files), "b.epub")
    assert [block.image for block in book.chapters[0].blocks if block.kind is BlockKind.IMAGE] == [
        "a.png",
        "a-2.png",
        "a.png",
        None,
    ]
    assert set(book.images) == {"a.png", "a-2.png"}


def test_notes_of_epub_2_are_not_read() -> None:
    pages = {
        "1.xhtml": '<h1>One</h1><p>Text<a id="r1" href="n.xhtml#n1"><sup>1</sup></a> goes'
        '<sup><a href="n.xhtml#n2">2</a></sup> on.</p>',
        "n.xhtml": '<h1>Notes</h1><p><a id="n1" href="1.xhtml#r1">1.</a> First.</p>'
        '<div id="n2"><a href="1.xhtml#r1">2</a> Second.</div>',
    }
    book = book_of(pages, nav(entry("1.xhtml", "One"), entry("n.xhtml", "Notes")))
    assert shape(book) == [(0, "One", ["One", "Text goes on."])]
    assert any("footnotes and endnotes" in note for note in book.notes)


@pytest.mark.parametrize(
    "kind", ["cover", "toc", "landmarks", "index", "copyright-page", "colophon", "imprint", "loi", "endnotes"]
)
def test_pages_of_furniture_are_not_read(kind: str) -> None:
    pages = {"x.xhtml": page("<h1>X</h1><p>words</p>", epub_type=kind), "1.xhtml": "<h1>One</h1><p>a</p>"}
    assert shape(book_of(pages)) == [(0, "One", ["One", "a"])]
    guide = f'<guide><reference type="{kind}" href="x.xhtml"/></guide>'
    book = book_of({**pages, "x.xhtml": "<h1>X</h1><p>words</p>"}, rest=guide)
    assert shape(book) == [(0, "One", ["One", "a"])]
    assert any("not read" in note for note in book.notes)


@pytest.mark.parametrize("kind", ["titlepage", "dedication", "epigraph", "foreword", "preface", "afterword", "bodymatter"])
def test_pages_of_text_are_read(kind: str) -> None:
    assert shape(book_of({"x.xhtml": page("<p>words</p>", epub_type=kind)})) == [(0, "t", ["words"])]


def test_pages_of_links_and_of_numbers_are_not_read() -> None:
    links = "".join(f'<p><a href="1.xhtml#{number}">Chapter {number}</a></p>' for number in range(9))
    pages = {
        "c.xhtml": f"<h1>Inhalt</h1>{links}",
        "i.xhtml": "<p>© 2020 Verlag</p><p>ISBN 1</p>",
        "1.xhtml": "<p>a</p>",
        "2.xhtml": "<p>b</p>",
    }
    book = book_of(pages, nav(entry("c.xhtml", "Inhalt"), entry("1.xhtml", "One"), entry("2.xhtml", "Two")))
    assert shape(book) == [(0, "One", ["a"]), (0, "Two", ["b"])]


def test_pages_beside_the_reading_order_are_read_where_the_contents_name_them() -> None:
    items = "".join(f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>' for name in "nm")
    files = {"o/n.xhtml": page("<p>n</p>"), "o/m.xhtml": page("<p>m</p>")}
    spine = '<itemref idref="n" linear="no"/><itemref idref="m" linear="no"/>'
    contents = nav(entry("1.xhtml", "One"), entry("n.xhtml", "N"))
    book = read_book(epub({"1.xhtml": "<p>a</p>"}, contents, files, items=items, spine=spine), "b.epub")
    assert shape(book) == [(0, "One", ["a"]), (0, "N", ["n"])]
    assert "m.xhtml" in book.notes[0]


def test_damaged_books_are_read_and_the_damage_is_told() -> None:
    pages: dict[str, str | bytes] = {
        "1.xhtml": b"<html><p>a & b<br>c &nbsp;d</html>",
        "2.xhtml": '\ufeff<?xml version="1.0" encoding="utf-16"?><html><body><p>\u00fcber</p></body></html>'.encode(
            "utf-16-le"
        ),
        "3 x.xhtml": '<?xml version="1.0" encoding="iso-8859-1"?><html><body><p>ł</p></body></html>'.encode(),
    }
    files = {"META-INF/container.xml": "<container", "o/B.OPF.bak": "x"}
    spine = '<itemref idref="gone"/><itemref idref="nowhere"/><itemref idref="1.xhtml"/><itemref idref="up"/>'
    items = "".join(
        f'<item id="{name}" href="{href}" media-type="text/html"/>'
        for name, href in (("gone", "gone.xhtml"), ("up", "../../../etc/passwd"))
    )
    content = epub(pages, files=files, spine=spine, items=items)
    book = read_book(content.replace(b"application/epub+zip", b"application/xxxx+zip"), "b.epub")
    assert [block.text for chapter in book.chapters for block in chapter.blocks] == ["a & b c d", "über", "ł"]
    notes = " ".join(book.notes)
    for words in (
        "mimetype",
        "container.xml is missing",
        "left out: nowhere",
        "missing were left out: o/gone.xhtml",
        "read as HTML: o/1.xhtml",
    ):
        assert words in notes


def test_file_names_of_another_case_and_with_percent_signs() -> None:
    items = '<item id="u" href="T%C3%A9xt/Two%20.XHTML" media-type="application/xhtml+xml"/>'
    content = epub(
        {"1.xhtml": "<p>a</p>"}, files={"o/te\u0301xt/two .xhtml": page("<p>b</p>")}, items=items, spine='<itemref idref="u"/>'
    )
    assert [block.text for chapter in read_book(content, "b.epub").chapters for block in chapter.blocks] == ["a", "b"]


ENCRYPTION = '<encryption><EncryptedData><EncryptionMethod Algorithm="{}"/></EncryptedData></encryption>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (epub({"1.xhtml": "<p>a</p>"})[:600], "cut off or damaged"),
        (b"no zip at all", "is no EPUB"),
        (archive({"a.txt": "x"}), "no package file"),
        (epub({"1.xhtml": "<p></p>"}), "no text to read"),
        (epub({"1.xhtml": "<p>a</p>"}, files={"META-INF/rights.xml": "<r/>"}), "DRM"),
        (
            epub(
                {"1.xhtml": "<p>a</p>"},
                files={"META-INF/encryption.xml": ENCRYPTION.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")},
            ),
            "DRM",
        ),
        (epub({"1.xhtml": "<p>" + "a" * (40 << 20)}), "unpacks to more"),
    ],
    # Archives have the time in them: as names of tests they would differ between processes.
    ids=["cut off", "no zip", "no package", "no text", "rights", "encryption", "bomb"],
)
def test_what_cannot_be_read_gets_a_sentence(content: bytes, words: str) -> None:
    with pytest.raises(InputDataError, match=words):
        read_book(content, "b.epub")


def test_obfuscated_fonts_are_no_drm() -> None:
    files = {"META-INF/encryption.xml": ENCRYPTION.format("http://www.idpf.org/2008/embedding")}
    assert read_book(epub({"1.xhtml": "<p>a</p>"}, files=files), "b.epub").chapters


def test_a_damaged_file_in_the_archive_is_left_out() -> None:
    content = epub({"1.xhtml": "<p>aaa</p>", "2.xhtml": "<p>bbb</p>"})
    entry_ = zipfile.ZipFile(io.BytesIO(content)).getinfo("o/2.xhtml")
    at = entry_.header_offset + 30 + len("o/2.xhtml") + 5
    book = read_book(content[:at] + bytes(20) + content[at + 20 :], "b.epub")
    assert [block.text for block in book.chapters[0].blocks] == ["aaa"]
    assert any("damaged" in note for note in book.notes)


def test_paths_of_an_archive_lead_nowhere_else() -> None:
    files = Archive(archive({"../../x": "a", "/etc/y": "b"}), "b.epub")
    assert files.read("../x") is None
    assert files.read("/etc/passwd") is None


def test_many_pages_and_long_ones_are_read_fast() -> None:
    paragraph = "<p>It is a <i>truth</i> universally acknowledged, that a single man must be in want of a wife.</p>" * 12
    pages = {f"{number}.xhtml": f"<h1>{number}</h1>{paragraph}" for number in range(500)}
    content = epub(pages, nav(*(entry(f"{number}.xhtml", str(number)) for number in range(500))))
    begun = time.process_time()
    book = read_book(content, "b.epub")
    seconds = time.process_time() - begun
    assert len(book.chapters) == 500
    assert seconds < 3  # 0.3 s for 0.5 MB of text


def test_many_entries_in_one_long_page_are_found_fast() -> None:
    body = "".join(f"<h2 id='c{number}'>{number}</h2><p>a</p>" for number in range(2000))
    contents = nav(*(entry(f"1.xhtml#c{number}", str(number)) for number in range(2000)), *[entry("1.xhtml", "x")] * 5000)
    begun = time.process_time()
    book = book_of({"1.xhtml": body}, contents)
    assert time.process_time() - begun < 5  # 0.3 s
    assert [chapter.title for chapter in book.chapters] == ["0: x", *map(str, range(1, 2000))]


def test_a_number_above_the_title_that_an_entry_leads_to_is_of_its_chapter() -> None:
    """As InDesign exports chapters: the anchor is in the title, the number stands before it."""
    pages = {f"{n}.xhtml": f"<p>{n}</p><p id='a'>Title {n}</p><p>Text {n}.</p>" for n in (1, 2)}
    book = book_of(pages, nav(*(entry(f"{n}.xhtml#a", f"{n} Title {n}") for n in (1, 2))))
    assert [[block.text for block in chapter.blocks] for chapter in book.chapters] == [
        ["1", "Title 1", "Text 1."],
        ["2", "Title 2", "Text 2."],
    ]


def test_an_entry_at_the_top_of_a_page_keeps_its_few_words() -> None:
    contents = nav(entry("1.xhtml", "Part One"), entry("1.xhtml#a", "First"))
    book = book_of({"1.xhtml": "<h1>Part One</h1><h2 id='a'>First</h2><p>Text.</p>"}, contents)
    assert [chapter.title for chapter in book.chapters] == ["Part One", "First"]


def test_a_caption_that_pandoc_hides_from_screen_readers_alone_is_read() -> None:
    figure = '<figure><img src="x.png" alt="A chart."/><figcaption aria-hidden="true">A chart.</figcaption></figure>'
    book = book_of({"1.xhtml": f"<p>Text.</p>{figure}<p aria-hidden='true'>No.</p>"}, nav(entry("1.xhtml", "One")))
    kinds = [block for block in book.chapters[0].blocks if block.kind is not BlockKind.IMAGE]
    assert [(block.kind, block.text) for block in kinds] == [
        (BlockKind.PARAGRAPH, "Text."),
        (BlockKind.CAPTION, "A chart."),
    ]


@pytest.mark.parametrize("name", ["my  story\n2.txt", "my  story\n2.md"])
def test_a_file_name_that_is_the_title_is_a_line_without_suffix(name: str) -> None:
    assert read_book(b"Good morning to you all, said the miller.\n", name).title == "my story 2"
