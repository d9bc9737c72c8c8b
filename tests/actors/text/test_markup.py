# ruff: noqa: RUF001 (look-alike characters are listed on purpose)
"""Markup is read as text is meant; what only looks like it stays."""

import random
from itertools import pairwise

import pytest

from actors.text.edits import Edited
from actors.text.markup import markup_edits
from tests.actors.text.limits import CHARACTERS, linear_time

HTML = [
    ("<p>Hello <b>bold</b> world.</p>\n<p>Two</p>", "Hello bold world.\n\nTwo"),
    ("<p>One<p>Two", "One\n\nTwo"),
    ("<h1>Title</h1>Text", "Title\n\nText"),
    ("<div><b></b></div>x<div> </div><p>y", "x\n\ny"),
    ("a<br>b<br/>c<BR />d", "a\nb\nc\nd"),
    ("a<br><br>\nb", "a\n\nb"),
    ("a<hr>b", "a\n\n\nb"),
    ("<ul>\n<li>One</li>\n<li>Two</li>\n</ul>End", "One\n\nTwo\n\nEnd"),
    ("<table><tr><th>a</th><th>b</th></tr><tr><td>c.</td><td>d</td></tr></table>", "a, b\n\nc. d"),
    ("<script>var a = '<b>';</script>text <style type='text/css'>p {}</style>more", "text more"),
    ("<SCRIPT>x</script >y", "y"),
    ("x <!-- a comment --> y", "x y"),
    ("x\n\n<!-- a comment -->\n\ny", "x\n\ny"),
    ("x <!-- no end", "x no end"),
    ("a <script> b", "a b"),
    ("<![CDATA[some <b>text</b>]]> here", "some text here"),
    ("a]]>b", "a]]>b"),
    ("<?xml version='1.0'?>\n<!DOCTYPE html>\nx", "x"),
    ("<a href='x>y' title=q target=\"_blank\">a link</a>", "a link"),
    ("a picture <img src=x alt='not read'> here", "a picture here"),
    ("<span>a</span><span>b</span>", "ab"),
    ("un<wbr>believable", "unbelievable"),
    ("<o:p></o:p>x", "x"),
    ("10<sup>6</sup>, 5 m<sup>2</sup>, x<sup>n</sup>", "10⁶, 5 m², xⁿ"),
    ("H<sub>2</sub>O", "H₂O"),
    ("the 1<sup>st</sup>", "the 1st"),
    ("He said so.<sup>12</sup> Then", "He said so. Then"),
    ("漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp>です", "漢字です"),
    ("<p>wrapped\nlines stay</p>", "wrapped\nlines stay"),
    ("Tom &amp; Jerry", "Tom & Jerry"),
    ("&lt;b&gt; is a tag", "<b> is a tag"),
    ("&amp;lt; once", "&lt; once"),
    ("caf&eacute; &#8217;&#x41;&#X42; &hellip;", "café ’AB …"),
    ("5&nbsp;km", "5\u00a0km"),
    ("&#150;", "–"),
    ("&#1114112; and &#0;", "\ufffd and \ufffd"),
    ("see <em>this</em>, <strong>that</strong>.", "see this, that."),
    ("&gt; quoted in a feed", "quoted in a feed"),
]
NOT_HTML = [
    "a < b and c > d",
    "I <3 you",
    "x<y and y>z",
    "i <b and c> d",
    "AT&T and R&D; &c. &copy 2020 &nosuch;",
    "Q&A",
    "<laughs> a <name> of <unk>",
    "1 < 2 <= 3 << 4 <> 5 -> 6",
    "a <p without an end",
    "</ b>",
    "fish & chips; & more;",
    "[s]he and [b] and [i]",
]
SSML = [
    ("<speak>Hi.</speak>", "Hi."),
    ("<speak><p><s>Hello</s><s>You.</s> Wait</p></speak>", "Hello. You. Wait"),
    ('<prosody rate="slow">Slow</prosody> and <emphasis level="strong">loud</emphasis>', "Slow and loud"),
    ('<voice name="x">Hi</voice> <lang xml:lang="fr">ça</lang>', "Hi ça"),
    ("Wait <break/> now", "Wait, now"),
    ("Wait<break/>now", "Wait, now"),
    ("Wait, <break/> now", "Wait, now"),
    ("Wait <break/>, now", "Wait , now"),
    ("Wait.<break time='500ms'/>Now", "Wait. Now"),
    ("Wait <break time='500ms'/> now", "Wait, now"),
    ("Wait <break time='0.75s'/> now", "Wait\n\nnow"),
    ("Wait <break time='2s'/>\nnow", "Wait\n\nnow"),
    ("Wait <break time='800ms'> now", "Wait\n\nnow"),
    ("Wait <break strength='x-strong'/> now", "Wait\n\nnow"),
    ("Wait <break strength='none'/> now", "Wait now"),
    ("Wait <break time='0ms'/> now", "Wait now"),
    ("Wait <break time='soon'/> now", "Wait, now"),
    ("<break time='1s'/>Now<break time='1s'/>", "Now"),
    ('The <sub alias="World Wide Web">WWW</sub> is', "The World Wide Web is"),
    ("a <sub alias='Tom &amp; Co'>T&amp;C</sub>", "a Tom & Co"),
    ('<say-as interpret-as="characters">abc</say-as>', "A B C"),
    ('<say-as interpret-as="spell-out">IBM</say-as>', "I B M"),
    ("<say-as interpret-as='digits'>0 123</say-as>", "0 1 2 3"),
    ("<say-as interpret-as='cardinal'>12</say-as>", "12"),
    ("<say-as interpret-as='date' format='mdy'>1/2/03</say-as>", "1/2/03"),
    ('<phoneme alphabet="ipa" ph="təˈmeɪtoʊ">tomato</phoneme> soup', "tomato soup"),
    ("<mstts:express-as style='sad'>Oh.</mstts:express-as>", "Oh."),
    ("<mark name='here'/>Go", "Go"),
    ("<speak><desc>said by nobody</desc>Go</speak>", "Go"),
]
MARKDOWN = [
    ("# Title", "Title"),
    ("# Title\nText", "Title\n\nText"),
    ("Text\n## Title ##\n\nText", "Text\n\nTitle\n\nText"),
    ("### On C#", "On C#"),
    ("Title\n=====\nText", "Title\n\nText"),
    ("Title\n-----\n\nText", "Title\n\nText"),
    ("== History ==\nIt was.", "History\n\nIt was."),
    ("It is **bold** and __so__.", "It is bold and so."),
    ("He said *no*.", "He said no."),
    ("He said _no_, *twice*!", "He said no, twice!"),
    ("“*Never*,” she said.", "“Never,” she said."),
    ("***both*** and **_nested_ here**", "both and nested here"),
    ("**bold *it***", "bold it"),
    ("_a title\nover lines_", "a title\nover lines"),
    ("**N**ational **A**genc**y**", "National Agency"),
    ("这是**粗体**文字", "这是粗体文字"),
    ("*Titanic*'s", "Titanic's"),
    ("~~gone~~ here", "gone here"),
    ("Call `f(x)` now", "Call f(x) now"),
    ("Call `` a ` b `` now", "Call  a ` b  now"),
    ("Keep `*args` and `<div>` and `&amp;`", "Keep *args and <div> and &amp;"),
    ("Run:\n```python\nx = a_b * c_d\n<b>\n```\nDone", "Run:\n\nx = a_b * c_d\n<b>\n\nDone"),
    ("~~~\ncode\n~~~", "code\n"),
    ("```\nno end", "\nno end"),
    ("See [the page](http://x.org/a_b_(c) 'A title').", "See the page."),
    ("See [the *page*][1] or [that][].\n\n[1]: http://x.org\n", "See the page or that.\n\n"),
    ('See [it].\n\n[it]: <http://x.org> "A title"\n\nMore', "See it.\n\nMore"),
    ("![A cat](cat.png) sleeps", "A cat sleeps"),
    ("[![badge](b.svg)](http://x.org) Text", "badge Text"),
    ("<http://x.org/a> it", "http://x.org/a it"),
    ("e-mail <john@x.org>", "e-mail john@x.org"),
    ("e-mail <mailto:john@x.org>", "e-mail john@x.org"),
    ("So it is.[^1] Then[^note].", "So it is. Then."),
    ("[^1]: A note.", "A note."),
    ("> Quoted\n> twice\n\nAnd", "Quoted\ntwice\n\nAnd"),
    ("John wrote:\n> Hello\n>> Hi", "John wrote:\n\nHello\nHi"),
    ("> - one\n> - two", "one\n\ntwo"),
    ("> ```\n> x_y\n> ```\n> So", "x_y\n\nSo"),
    ("> | a |\n> |---|\nSo", "a\n\nSo"),
    ("- one\n- two\n  * three\n+ four", "one\n\ntwo\n\nthree\n\nfour"),
    ("Eggs:\n- two\n- three", "Eggs:\n\ntwo\n\nthree"),
    ("• one\n• two", "one\n\ntwo"),
    ("- [ ] do\n- [x] done", "do\n\ndone"),
    ("1. one\n2. two", "1. one\n2. two"),
    ("| a | b |\n|---|:-:|\n| c | |\n| *d*. | e |\n\nEnd", "a, b\n\nc\n\nd. e\n\nEnd"),
    ("a | b\n--|--\nc | d", "a, b\n\nc, d"),
    ("One\n\n---\n\nTwo", "One\n\n\n\nTwo"),
    ("One\n\n* * *\n\nTwo", "One\n\n\n\nTwo"),
    (r"\*not\* \_so\_ 1\. \# \[x\]", "*not* _so_ 1. # [x]"),
    ("one\\\ntwo", "one\ntwo"),
    ("It is so.[1][23] Then[4].", "It is so. Then."),
    ("It is so [1, 2] and [3].", "It is so and."),
    ("It is so.[citation needed] By whom[who?]", "It is so. By whom"),
    ("A king[note 3] and queen.[a]", "A king and queen."),
    ("[12] Smith, J.", "Smith, J."),
    ("[[Paris|the city]] and [[Rome]]", "the city and Rome"),
    ("[b]bold[/b] [url=http://x.org]t[/url] [img]http://y/z.png[/img]", "bold t "),
    ("[list][*]a[*]b[/list]c", "a\n\nb\n\nc"),
    ("# Title\r\n\r\n- one\r\n- two\r\n", "Title\r\n\r\none\r\n\ntwo\r\n"),
    ("\ufeff# Title", "Title"),
    ("See http://x.org/_a_/b_c_d* and *this*", "See http://x.org/_a_/b_c_d* and this"),
]
PROSE = [
    "5 * 3 = 15",
    "2*3*4 and 2**3**4",
    "a_b_c and snake_case_name",
    "f(x)_1 and g(x)_2",
    "#1 and #hashtag",
    "# of items: 5",
    "C# is fun",
    "@user_name_x",
    "was $5* (*terms)",
    "a 5* hotel and a 4* one",
    "f**k and s**t, h*ll",
    "def f(*args, **kwargs):",
    "x**2 + y**2",
    "[Note]: this is so",
    "a || b and |c| or | d",
    "*emphas*ised and the *n*th",
    "C:\\dir and C:\\dir\\x",
    "[sic] and [he] said [laughs]",
    "[2019] and [0] and [1000]",
    "a[i] = b[j]",
    "> 50 % of us",
    "5\n> 3",
    "+ 44 20 7946 0958",
    "the man\n- who was tall - came",
    "— Bonjour, dit-il.\n— Bonjour !",
    "– Hola, dijo.",
    "a | b",
    "|x| < 5 and |y| < 3",
    "`this' and ``that''",
    "`Hello,' he said, `goodbye.'",
    "*stars all over",
    "_ _ and __ __",
    "3 ~ 4, ~5 and ~~",
    "-5 degrees",
    "--help",
    "Wait...",
    "well-known (or so)",
    "He said [to me]: go",
    "x = [1, [2, 0]]",
    "^_^ and >_< and :-) and \\o/",
    "Mr. ---- said",
    "1 + 1 = 2",
]
PASSAGE = """It was a bright cold day in April, and the clocks were striking thirteen. "Well," said Mr. Smith - who was
tall - "I never!" He had £5 (about $6.50), 50% of it hers; the rest -- some 3/4 -- was his.

Chapter 2

Don't, she thought; it isn't. 'Tis "true": a well-known fact... isn't it? No. 5 is alive! See p. 12, e.g. there.

    It was the best of times,
    it was the worst of times
"""


def read(source: str) -> str:
    edits = markup_edits(source)
    assert edits == sorted(edits)
    return Edited(source, edits).text


@pytest.mark.parametrize("cases", [HTML, SSML, MARKDOWN], ids=["HTML", "SSML", "Markdown"])
def test_markup_is_read_as_it_is_meant(cases: list[tuple[str, str]]) -> None:
    assert [(source, read(source)) for source, _ in cases] == cases


def test_what_is_no_markup_stays() -> None:
    prose = [*NOT_HTML, *PROSE, PASSAGE, "", " ", "\n"]
    assert [read(source) for source in prose] == prose


def test_words_lead_back_to_what_was_written() -> None:
    for source, _ in [*HTML, *SSML, *MARKDOWN]:
        edited = Edited(source, markup_edits(source))
        for span in edited.spans:
            assert 0 <= span.source_start <= span.source_end <= len(source)
        for before, after in pairwise(edited.spans):
            assert source[before.source_end : after.source_start] == edited.text[before.end : after.start]


def test_a_word_within_marks_leads_back_to_itself() -> None:
    source = "<p>It is <b>really</b> **so**.</p>"
    edited = Edited(source, markup_edits(source))
    for word in ("really", "so"):
        start = edited.text.index(word)
        first, last = edited.source_span(start, start + len(word))
        assert source[first:last] == word


PARTS = [
    *"<>&*_`[]()#|-+=~!\\\"':/;.,^ \n\taAb1é•",
    *("<p>", "</p>", "<br/>", "<b>", "<script>", "</script>", "<!--", "-->", "<![CDATA[", "]]>", "<td>", "<s>", "<speak>"),
    *("<break time='1s'/>", "<sub alias='x'>", "</sub>", "<say-as interpret-as='digits'>", "</say-as>", "<sup>2</sup>"),
    *("&amp;", "&#41;", "**", "***", "[a](b)", "![", "](", "[1]", "[^1]", "[b]", "[/b]", "[*]", "[/list]", "[[a|b]]"),
    *("```\n", "~~~\n", "[a]: b\n", "| a | b |\n", "|---|---|\n", "\n---\n", "\n===\n", "* * *", "\r\n"),
    *("# ", "> ", "- ", "1. ", "http://x.org/_a", "<a@b.c>", "word "),
]  # fmt: skip


def test_anything_is_read() -> None:
    generator = random.Random(0)
    for _ in range(1000):
        read("".join(generator.choices(PARTS, k=generator.randrange(80))))


def test_no_text_takes_long() -> None:
    for unit in PARTS:
        with linear_time():
            for beginning in ("", "[/b]x](<speak><a "):
                read(f"{beginning}{unit * CHARACTERS}"[:CHARACTERS])


def test_what_was_read_is_prose() -> None:
    source = "".join(
        f"{paragraph}\n\n" for paragraph, _ in [*HTML, *SSML[:3]] if "&" not in paragraph and "no end" not in paragraph
    )
    once = read(source)
    assert read(once) == once
