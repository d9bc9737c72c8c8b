"""HTML in, blocks and chapters out: every word once, in order, and what is furniture left out."""

import time

import pytest

from actors.errors import InputDataError
from books.book import Block, BlockKind, Mark, MarkKind
from books.reading import read_book
from books.reading.encoding import decode
from books.reading.html import read_html
from books.reading.html.chapters import chapters_of
from books.reading.html.markup import parse_document
from books.reading.html.walk import blocks_of
from books.reading.references import resolve


def _read(html: str, **options: object) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in blocks_of(html, **options).blocks]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("html", "blocks"),
    [
        ("<p><span>T</span>HE end</p>", [("paragraph", "THE end")]),
        ("<p>one\n  two&nbsp;three<b> four</b>five</p>", [("paragraph", "one two three fourfive")]),
        ("<nav><a href='/'>Home</a></nav><p>a</p>", [("paragraph", "a")]),
        ("<p>soft\u00adhy\u200bphen</p>", [("paragraph", "softhyphen")]),
        ("<div>before<p>inside</p>after</div>", [("paragraph", "before"), ("paragraph", "inside"), ("paragraph", "after")]),
        ("<blockquote><p>a</p><p>b</p></blockquote>", [("quote", "a"), ("quote", "b")]),
        ("<ul><li><p>a</p></li><li>b<ul><li>c</li></ul></li></ul>", [("item", "a"), ("item", "b"), ("item", "c")]),
        ("<ol start=3><li>a<li value=7>b<li>c</ol>", [("item", "3. a"), ("item", "7. b"), ("item", "8. c")]),
        ("<ol reversed><li>a<li>b</ol>", [("item", "2. a"), ("item", "1. b")]),
        ("<ol type=i><li>a<li>b</ol><ol type=A><li>c</ol>", [("item", "i. a"), ("item", "ii. b"), ("item", "A. c")]),
        ("<ol style='list-style: none'><li>a</ol>", [("item", "a")]),
        ("<ol><li>1. a</ol>", [("item", "1. a")]),
        ("<dl><dt>a<dd>b</dl>", [("item", "a"), ("item", "b")]),
        ("<figure><img src=x.png alt='A dog'><figcaption>Rex</figcaption></figure>", [("image", "A dog"), ("caption", "Rex")]),
        ("<p>one <img src=x.png alt='A dog'> two</p>", [("paragraph", "one two"), ("image", "A dog")]),
        ("<p><img src=t.png alt=T>HE end</p>", [("paragraph", "THE end")]),
        ("<p><span><img src=t.png alt=T></span>HE end</p>", [("paragraph", "THE end")]),
        ("<p><img src=t.png alt=T></p>", [("image", "T")]),
        ("<svg><title>A dog</title><image href='a.png'/></svg><p>a</p>", [("image", "A dog"), ("paragraph", "a")]),
        ("<h2><img src=c.png alt='Chapter I'></h2>", [("heading", "Chapter I"), ("image", "")]),
        ("<p>a</p><hr><hr><p>b</p>", [("paragraph", "a"), ("scene_break", ""), ("paragraph", "b")]),
        ("<p>a</p><p>* * *</p><p>b</p>", [("paragraph", "a"), ("scene_break", ""), ("paragraph", "b")]),
        ("<p>a</p><p>…</p>", [("paragraph", "a"), ("paragraph", "…")]),
        ("<pre>\na  b\n\tc\n</pre>", [("code", "a  b\n    c")]),
        ("<p><ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>字</p>", [("paragraph", "漢字")]),
        ("<p>a<br>b</p>", [("paragraph", "a b")]),
        ("<p>a<br><br>b</p>", [("paragraph", "a"), ("paragraph", "b")]),
        ("<p>4 High St<br>London<br>England</p>", [("verse", "4 High St\nLondon\nEngland")]),
        ("<p>a<math alttext='x squared'><mi>x</mi></math>b</p>", [("paragraph", "a x squared b")]),
        (
            "<p>a<script>x</script><svg><text>y</text></svg><span hidden>z</span><i style='display: none'>z</i></p>",
            [("paragraph", "a")],
        ),
        ("<p>a<![CDATA[ & b]]></p>", [("paragraph", "a & b")]),
    ],
)
def test_what_a_page_says(html: str, blocks: list[tuple[str, str]]) -> None:
    xml = "CDATA" in html
    assert _read(html, xml=xml) == blocks


VERSE = [
    '<blockquote epub:type="z3998:verse"><p><span>one</span><br/><span class="i1">two</span></p>'
    "<p><span>three</span></p></blockquote>",
    '<div class="poem"><p><span>one</span><span>two</span></p><p>three</p></div>',
    '<div class="poetry"><div class="stanza"><div class="verse indent0">one</div><div class="verse">two</div></div>'
    '<div class="stanza"><div class="line">three</div></div></div>',
    '<div class="poem"><div class="stanza"><span class="i0">one<br/></span><span class="i2">two<br/></span></div>'
    '<div class="stanza"><span>three<br/></span></div></div>',
    '<div class="verse"><p>one<br/>two<br/><br/>three</p></div>',
]


@pytest.mark.parametrize("html", VERSE)
def test_verse_keeps_its_lines(html: str) -> None:
    assert _read(html) == [("verse", "one\ntwo"), ("verse", "three")]


def test_tables_are_read_row_by_row() -> None:
    html = """<table><caption>Prices</caption><thead><tr><th>What</th><th>Cost</th></tr></thead>
      <tr><td><p>Bread:</p></td><td><b>2</b> €</td></tr><tr><td></td><td>x</td></tr></table>"""
    assert _read(html) == [("caption", "Prices"), ("row", "What, Cost"), ("row", "Bread: 2 €"), ("row", "x")]


def test_tables_that_are_layout_are_read_as_text() -> None:
    html = "<table><tr><td><p>a</p><p>b</p></td><td><table><tr><td>c</td><td>d</td></tr></table></td></tr></table>"
    assert _read(html) == [("paragraph", "a"), ("paragraph", "b"), ("row", "c, d")]


@pytest.mark.parametrize(
    "note",
    [
        '<sup><a href="#fn1">1</a></sup>',
        '<a href="notes.html#n1"><sup>1</sup></a>',
        '<a href="#fn1">[1]</a>',
        '<a href="#footnote-1">1</a>',
        '<a href="#x">†</a>',
        '<a epub:type="noteref" href="#x">see the note</a>',
        '<a role="doc-noteref" href="#x">12</a>',
        '<a class="fnanchor" href="#x">A</a>',
        '<span epub:type="pagebreak" title="12">12</span>',
        '<span class="pagenum">[Pg 12]</span>',
    ],
)
def test_numbers_of_notes_and_pages_are_not_read(note: str) -> None:
    assert _read(f"<p>word{note} next</p>") == [("paragraph", "word next")]


def test_links_that_are_no_notes_are_read() -> None:
    html = '<p>see <a href="#c3">3</a>, <a href="x#y">[HTML5]</a>, m<sup>2</sup> and <a href="http://x.org/">a</a></p>'
    assert _read(html) == [("paragraph", "see 3, [HTML5], m2 and a")]


def test_notes_are_not_read() -> None:
    html = """<p>text<a id="r1" href="#n1">[1]</a></p><aside epub:type="footnote"><p>a</p></aside>
      <section role="doc-endnotes">b</section>
      <div class="footnote"><p>c</p><p>d</p></div><p><a id="n1" href="#r1">[1]</a> the note</p><p>more text</p>"""
    flow = blocks_of(html, notes={"n1"})
    assert [block.text for block in flow.blocks] == ["text", "more text"]
    assert flow.skipped["footnotes and endnotes"] == 5


def test_lists_of_links_are_contents() -> None:
    links = "".join(f'<li><a href="#c{number}">Chapter {number}</a></li>' for number in range(4))
    assert _read(f"<ul>{links}</ul><p>a</p>") == [("paragraph", "a")]


def test_blank_paragraphs_part_scenes_unless_they_part_everything() -> None:
    page = "".join(f"<p id=p{number}>{number}x</p>" for number in range(6))
    flow = blocks_of(page.replace("<p id=p3>", "<p>&nbsp;</p><p id=p3>"))
    assert [block.text for block in flow.blocks] == ["0x", "1x", "2x", "", "3x", "4x", "5x"]
    assert flow.anchors["p3"] == 4
    assert not any(
        block.kind is BlockKind.SCENE_BREAK for block in blocks_of(page.replace("<p id", "<p>&nbsp;</p><p id")).blocks
    )


@pytest.mark.parametrize("xml", [False, True])
def test_ssml_becomes_marks(xml: bool) -> None:
    html = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:ssml="http://www.w3.org/2001/10/synthesis" xml:lang="en"><body><p>A '
        '<span ssml:ph="kæti">Cathy</span><break time="500ms"/> and <sub alias="World Wide Web">WWW</sub> <say-as '
        'interpret-as="characters">IBM</say-as> <phoneme ph="x">y</phoneme> <i xml:lang="fr">mon Dieu</i></p></body></html>'
    )
    block = blocks_of(html, language="en", xml=xml).blocks[0]
    assert block.text == "A Cathy and WWW IBM y mon Dieu"
    assert block.marks == (
        Mark(2, 7, MarkKind.PHONEMES, "kæti"),
        Mark(7, 7, MarkKind.BREAK, "0.5"),
        Mark(12, 15, MarkKind.ALIAS, "World Wide Web"),
        Mark(16, 19, MarkKind.SAY_AS, "characters"),
        Mark(20, 21, MarkKind.PHONEMES, "x"),
        Mark(22, 30, MarkKind.LANGUAGE, "fr"),
    )


def test_marks_move_with_the_number_of_an_item() -> None:
    block = blocks_of('<ol><li>a <i lang="la">b</i></ol>', language="en").blocks[0]
    assert (block.text, block.marks) == ("1. a b", (Mark(5, 6, MarkKind.LANGUAGE, "la"),))


def test_marks_of_one_kind_inside_each_other_and_across_blocks() -> None:
    french = '<span lang="fr">a <i lang="fr">b</i><p>c</p> d</span> e'
    blocks = blocks_of(f"<div>{french}</div>", language="en").blocks
    assert [(block.text, [(mark.start, mark.end) for mark in block.marks]) for block in blocks] == [
        ("a b", [(0, 3), (2, 3)]),
        ("c", [(0, 1)]),
        ("d e", [(0, 1)]),
    ]


def test_languages_of_blocks() -> None:
    flow = blocks_of('<div lang="de-AT"><p>a</p><p lang="en-GB">b</p><p lang="x-elvish">c</p></div>', language="en-US")
    assert [block.language for block in flow.blocks] == ["de-AT", None, "de-AT"]


def test_anchors_lead_to_the_block_they_stand_in_or_before() -> None:
    flow = blocks_of(
        '<p id="a">x <span id="b">y</span></p><div id="c"><a name="d"></a><p>z</p></div><span class="pagenum" id="e">1</span>'
    )
    assert flow.anchors == {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2}


def _chapters(html: str) -> list[tuple[int, str, list[str]]]:
    return [
        (chapter.level, chapter.title, [block.text for block in chapter.blocks])
        for chapter in chapters_of(blocks_of(html), "Book")
    ]


def test_chapters_by_headings() -> None:
    html = "<p>before</p><h1>One</h1><p>a</p><h2>Sub</h2><p>b</p><h4>no chapter</h4><h1>Two</h1><hr><p>c</p>"
    assert _chapters(html) == [
        (0, "Book", ["before"]),
        (0, "One", ["One", "a"]),
        (1, "Sub", ["Sub", "b", "no chapter"]),
        (0, "Two", ["Two", "c"]),
    ]


def test_a_title_alone_goes_with_what_follows() -> None:
    assert _chapters("<h1>Title</h1><h2>One</h2><p>a</p><h2>Two</h2><p>b</p>") == [
        (0, "One", ["Title", "One", "a"]),
        (0, "Two", ["Two", "b"]),
    ]
    assert _chapters("<p>a</p>") == [(0, "Book", ["a"])]


def test_titles_are_of_bounded_length() -> None:
    assert len(_chapters(f"<h1>{'long ' * 1000}</h1><p>a</p>")[0][1]) == 300


def test_a_subtitle_belongs_to_its_heading() -> None:
    assert _chapters("<hgroup><h2>I</h2><p>Down the Rabbit-Hole</p></hgroup><p>a</p>") == [
        (0, "I: Down the Rabbit-Hole", ["I", "Down the Rabbit-Hole", "a"])
    ]


def test_a_file_of_html() -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(20)
    page = b"""<!DOCTYPE html><html lang="de"><head><title>Das  Buch</title><meta name="author" content="Anna B."></head>
      <body><h1>Eins</h1><p>Gr\xc3\xbc\xc3\x9fe</p><img src="i/a.png" alt="Bild">
      <img src="../b.png" alt="Fort"></body></html>"""
    asked: list[str] = []

    def beside(path: str) -> bytes | None:
        asked.append(path)
        return png

    book = read_book(page, "buch.html", beside)
    assert (book.title, book.creators, book.language) == ("Das Buch", ("Anna B.",), "de")
    assert book.chapters[0].blocks[1:] == (
        Block(BlockKind.PARAGRAPH, "Grüße"),
        Block(BlockKind.IMAGE, "Bild", image="a.png"),
        Block(BlockKind.IMAGE, "Fort"),
    )
    assert (asked, book.images["a.png"].media_type) == (["i/a.png"], "image/png")


def test_gutenbergs_licence_is_not_read() -> None:
    html = (
        "<p>*** START OF THE PROJECT GUTENBERG EBOOK X ***</p><h1>X</h1><p>a</p>"
        "<p>*** END OF THE PROJECT GUTENBERG EBOOK X ***</p><p>licence</p>"
    )
    assert [block.text for block in read_html(html, "x.html").chapters[0].blocks] == ["X", "a"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Grüße".encode(), "Grüße"),
        ("\ufeffGrüße".encode("utf-16"), "Grüße"),
        ("<p>Grüße".encode("utf-16-le"), "<p>Grüße"),
        ('<meta charset="iso-8859-2">łąka'.encode("iso-8859-2"), '<meta charset="iso-8859-2">łąka'),
        ('<meta charset="iso-8859-1">łąka'.encode(), '<meta charset="iso-8859-1">łąka'),
        ("“Grüße”".encode("cp1252"), "“Grüße”"),
    ],
)
def test_encodings(content: bytes, text: str) -> None:
    assert decode(content).lstrip("\ufeff") == text


def test_entities_of_a_documents_own_are_not_expanded() -> None:
    bomb = '<!DOCTYPE html [<!ENTITY a "aaaa"><!ENTITY x SYSTEM "file:///etc/passwd">]><html><p>&a;&x; b</p></html>'
    root, mended = parse_document(bomb)
    assert "aaaa" not in "".join(root.itertext())
    assert "root:" not in "".join(root.itertext())
    assert mended


def test_tags_that_close_themselves_in_damaged_pages() -> None:
    page = '<html><head><title/></head><body><p>a & b <a id="x"/>c</p><script/><p>d</body>'
    assert _read(page, xml=True) == [("paragraph", "a & b c"), ("paragraph", "d")]


@pytest.mark.parametrize(
    ("base", "href", "target"),
    [
        ("a/b.html", "c%20d.html#e%C3%A9", ("a/c d.html", "eé")),
        ("a/b.html", "#x", ("a/b.html", "x")),
        ("a/b.html", "../c.html", ("c.html", "")),
        ("a/b.html", "/c.html", ("c.html", "")),
        ("a/b.html", "../../c.html", None),
        ("a/b.html", "..%2f..%2fetc/passwd", None),
        ("a/b.html", "..\\..\\x", None),
        ("a/b.html", "http://x.org/c", None),
        ("a/b.html", "//x.org/c", None),
        ("a/b.html", "file:///etc/passwd", None),
        ("a/b.html", "data:image/png;base64,AA", None),
    ],
)
def test_references_stay_in_the_book(base: str, href: str, target: tuple[str, str] | None) -> None:
    assert resolve(base, href) == target


HOSTILE = {
    "deep": "<div>" * 20_000 + "x",
    "tables": "<table><tr><td>" * 2_000 + "x" + "<p>y</p>" * 2_000,
    "lists": "<ul><li>" * 2_000 + "<a href='#x'>x</a>" * 2_000,
    "links": "<p>" + "<a></a>" * 20_000 + "<a href='#n1'>[1]</a>" * 2_000,
    "sections": "<![CDATA[" * 50_000,
    "tags": "<a " * 50_000,
    "doctype": "<!DOCTYPE html [" + "<!ENTITY a 'b'>" * 20_000,
    "reversed": "<ol reversed>" + "<li>x" * 5_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_take_no_long_time(name: str) -> None:
    begun = time.process_time()
    blocks_of(HOSTILE[name], xml=True)
    assert time.process_time() - begun < 5  # 0.05 to 0.5 s


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "a.html", "is empty"),
        (b"<html><body></body></html>", "a.html", "has no text"),
        (b"%PDF-1.7", "a.html", "is a PDF"),
        (b"%PDF-1.7", "a.epub", "is a PDF"),
        (b"<html></html>", "a.epub", "is HTML"),
        (b"x\0y", "a.txt", "no text"),
        (b"PK\x03\x04x", "a.txt", "zip archive"),
        (b"x", "a.mobi", "Kindle"),
        (b"x", "a.exe", "no book"),
    ],
)
def test_files_that_are_no_books(content: bytes, name: str, words: str) -> None:
    with pytest.raises(InputDataError, match=words):
        read_book(content, name)
