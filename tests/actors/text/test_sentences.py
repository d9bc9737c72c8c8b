# ruff: noqa: RUF001 (texts of many scripts)
"""Sentences end where a reader would take a breath, whatever the language, the line breaks and the quotes; no word is lost."""

import random
import re
import textwrap

import pytest

from actors.text.edits import Edit, Edited
from actors.text.sentences import Pause, Sentence, cut_sentences, pack_sentences, split_sentence
from tests.actors.text.limits import CHARACTERS, linear_time


def spoken(text: str, language: str = "en") -> list[str]:
    return [sentence.spoken for sentence in cut_sentences(Edited(text), language)]


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


# Where a sentence ends there is a "|".
WITHIN_A_LINE = [
    ("en", "Hello there.| How are you?| Fine!"),
    ("en", "“Stop!” he said.| “Go!”| She went."),
    ("en", '"Really?" she asked.| "Yes."| He nodded.'),
    ("en", "'Go!' he said.| 'Tis true."),
    ("en", "He said: “It is. Truly. It is so.”| Then he left."),
    ("en", 'He said "Go! Now!" and left.| Then silence.'),
    ("en", "He left (why? nobody knows) at noon.| (He came back.)| Then he slept."),
    ("en", "She met (finally!) John yesterday."),
    ("en", "Wait... he said.| Wait...| What?| Wait…| Then he came."),
    ("en", "Well... and so on. . . more."),
    ("en", "...And then there was light."),
    ("en", "What?!| No!!| Never...!| Well."),
    ("en", "Yahoo! is a company.| They like it!"),
    ("en", "First.|Second thing.| Hello!|There you are."),
    ("en", "Go to example.com or Node.Js at www.Example.Com or actors.text.Spoken now.| See file.Txt there."),
    ("en", "It is 3.5 metres.| Version 2.0 is out."),
    ("en", "Mr. Brown and Prof. Smith met J. K. Rowling.| They spoke."),
    ("en", "Apples, pears, etc.| And then plums."),
    ("en", "It was Plan B.| Then the value of x.| Then it ended."),
    ("en", "See the text.[1]| It is there.| Then [sic.] so."),
    ("en", "He came at 5 p.m. on Monday.| He left."),
    ("en", "I have an idea.| iPhone sales rose."),
    ("en", "hello.| how are you?| fine"),
    ("en", "The end .| Then he left !| Yes ?"),
    ("de", "„Halt!“ rief er.| „Halt!“| Er ging.| »Ja.«| Sie kam."),
    ("de", "Das ist z. B. gut.| Am 3. Oktober kam er.| Dr. Müller auch."),
    ("de", "Äpfel usw.| Und Friedrich II. war König."),
    ("fr", "M. Dupont est là.| Mme. Durand et MM. Un et Deux aussi."),
    ("fr", "« Non ! » dit-il.| « Oui. »| Et puis, vers l'an 50 av. J.-C. en Gaule."),
    ("fr", "J.-P. Sartre est né.| Il a dit : « Va. »| Puis rien."),
    ("es", "¿Qué?| ¡Sí!| —¿Qué? —dijo él.| —No.| ¡Hola!, dijo."),
    ("es", "El Sr. López vino.| ¿Y luego?| Nada."),
    ("it", "Il sig. Rossi è qui.| Che?| Sì, perché no."),
    ("pt", "O Sr. Silva veio.| Sim?| Não."),
    ("nl", "Dhr. Jansen is hier.| 's Avonds gaat hij.| Ja."),
    ("pl", "To jest np. dobre.| Prof. Kowalski przyszedł w r. 1999.| Tak."),
    ("ru", "«Стой!» — сказал он.| А. С. Пушкин умер в 1837 г. и т. е. давно.| Да?| Нет!"),
    ("uk", "Це м. Київ.| Так."),
    ("sv", "T.ex. huset.| Ja."),
    ("tr", "Dr. Ali geldi.| Evet."),
    ("el", "Τι;| Ναι.| Όχι."),
    ("ja", "「すごい！」と彼は言った。|次。"),
    ("ja", "彼は「行く。」と言った。|はい。"),
    ("ja", "え？|本当！？|（笑）はい。|「うん。」|「はい。」|彼は来た。"),
    ("zh", "你好。|他说：“好！”|然后走了。|“好。”他说。|真的？！|是。"),
    ("ko", '안녕하세요.| 네!| "가자."라고 말했다.| 3.5입니다.'),
    ("hi", "यह है।| डॉ. सिंह आए।| क्या?| हाँ॥| अंत"),
    ("ar", "مرحبا؟| نعم.| «قف!»| قال."),
    ("ur", "یہ ہے۔| وہ ہے۔"),
    ("hy", "Բարեւ։| Այո։"),
    ("am", "ሰላም።| አዎ።"),
    ("km", "សួស្តី។| បាទ។"),
    ("th", "สวัสดี ครับ.| ไป"),
    ("xx", "Hello there.| Next."),
]


def test_sentences_of_a_line() -> None:
    cut = [(language, spoken(marked.replace("|", ""), language)) for language, marked in WITHIN_A_LINE]
    assert cut == [(language, [part.strip() for part in marked.split("|")]) for language, marked in WITHIN_A_LINE]


LINE, PARAGRAPH, SECTION, SENTENCE = Pause.LINE, Pause.PARAGRAPH, Pause.SECTION, Pause.SENTENCE
LONG = "It was a dark night and the rain fell over the"

LAYOUTS = {
    "a heading is its own and has a stop": (
        "Chapter One\n\nIt began.",
        [("Chapter One.", PARAGRAPH), ("It began.", PARAGRAPH)],
    ),
    "the last of a text has none": ("It began.\n\nThe End", [("It began.", PARAGRAPH), ("The End", PARAGRAPH)]),
    "a heading with a mark keeps it": ("Why?\n\nSo: it is", [("Why?", PARAGRAPH), ("So: it is", PARAGRAPH)]),
    "two blank lines part sections": ("A b.\n\n\nC d.", [("A b.", SECTION), ("C d.", PARAGRAPH)]),
    "a row of stars does": ("A b.\n\n* * *\n\nC d.", [("A b.", SECTION), ("C d.", PARAGRAPH)]),
    "wrapped lines go on": (f"{LONG}\ntown. Nobody slept.", [(f"{LONG} town.", SENTENCE), ("Nobody slept.", PARAGRAPH)]),
    "wrapped names too": (f"{LONG}\nThames. Nobody slept.", [(f"{LONG} Thames.", SENTENCE), ("Nobody slept.", PARAGRAPH)]),
    "wrapped behind a mark": (
        f"{LONG}.\nIncomprehensibilities of it.",
        [(f"{LONG}.", SENTENCE), ("Incomprehensibilities of it.", PARAGRAPH)],
    ),
    "a short line was ended": (f"Mum\n{LONG} sea.", [("Mum.", LINE), (f"{LONG} sea.", PARAGRAPH)]),
    "lines wider than a page are not wrapped": (
        f"{LONG * 4}.\n{LONG * 3}.\nNo.",
        [(LONG * 4 + ".", LINE), (LONG * 3 + ".", LINE), ("No.", PARAGRAPH)],
    ),
    "lines wrapped far out go on": (f"{LONG * 4} and\n{LONG * 3} sea.", [(f"{LONG * 4} and {LONG * 3} sea.", PARAGRAPH)]),
    "items": ("- apples\n- pears", [("- apples.", LINE), ("- pears", PARAGRAPH)]),
    "items of any length": (f"1. {LONG} sea\n2. {LONG} sky", [(f"1. {LONG} sea.", LINE), (f"2. {LONG} sky", PARAGRAPH)]),
    "items without a sign": ("Apples\nPears\nPlums", [("Apples.", LINE), ("Pears.", LINE), ("Plums", PARAGRAPH)]),
    "verse": (
        "Tyger Tyger, burning bright,\nIn the forests of the night;\nWhat immortal hand\nor eye",
        [
            ("Tyger Tyger, burning bright,", LINE),
            ("In the forests of the night;", LINE),
            ("What immortal hand or eye", PARAGRAPH),
        ],
    ),
    "chat": ("hi\nhow are you\nfine", [("hi.", LINE), ("how are you.", LINE), ("fine", PARAGRAPH)]),
    "dialogue": ("—¿Qué?\n—No sé.", [("—¿Qué?", LINE), ("—No sé.", PARAGRAPH)]),
    "other breaks": ("A b.\r\n\r\nC d.\rE f.", [("A b.", PARAGRAPH), ("C d.", LINE), ("E f.", PARAGRAPH)]),
    "a hyphen at the end of a line": (f"{LONG} well-\nknown town.", [(f"{LONG} well-known town.", PARAGRAPH)]),
    "marks are not alone": ('He left.\n\n...\n\n"Go." "\n', [("He left. ...", PARAGRAPH), ('"Go." "', PARAGRAPH)]),
    "marks at the beginning": ("...\n\nHe left.", [("... He left.", PARAGRAPH)]),
    "nothing but marks": ("?!", [("?!", PARAGRAPH)]),
    "spaces": ("  A \t b. \u00a0 C  ", [("A b.", SENTENCE), ("C", PARAGRAPH)]),
    "nothing": (" \n\n ", []),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_lines_are_put_together_or_told_apart(name: str) -> None:
    text, expected = LAYOUTS[name]
    assert [(sentence.spoken, sentence.pause) for sentence in cut_sentences(Edited(text), "en")] == expected


def test_lines_of_scripts_without_spaces_are_joined_without_one() -> None:
    line = "吾輩は猫である名前はまだ無いどこで生れたかとんと"
    assert spoken(f"{line}\n見当がつかぬ。", "ja") == [f"{line}見当がつかぬ。"]


def test_a_heading_of_chinese_has_its_own_stop() -> None:
    assert spoken("第一章\n\n你好。", "zh") == ["第一章。", "你好。"]


def test_a_book_wrapped_at_a_column_has_the_sentences_of_the_one_that_is_not() -> None:
    text = (
        "He was not there, and nobody knew why he had gone. It rained all day; she waited. “Is it you?” she asked at last. " * 6
    )
    assert spoken(textwrap.fill(text, 70)) == spoken(text)


def test_numbers_in_words_begin_sentences_in_lower_case() -> None:
    source = "He came in. 20 people left."
    edited = Edited(source, [Edit(12, 14, "twenty")])
    sentences = cut_sentences(edited, "en")
    assert [sentence.spoken for sentence in sentences] == ["He came in.", "twenty people left."]
    assert [sentence.written for sentence in sentences] == ["He came in.", "20 people left."]


def test_a_number_before_an_item_is_not_alone() -> None:
    edited = Edited("1. Apples are red. 2. Pears are not.", [Edit(0, 1, "one"), Edit(19, 20, "two")])
    assert [sentence.spoken for sentence in cut_sentences(edited, "en")] == ["one. Apples are red.", "two. Pears are not."]


def test_an_edit_over_two_sentences_was_written_in_the_first() -> None:
    edited = Edited("So XY it is.", [Edit(3, 5, "it was. And then")])
    assert [sentence.written for sentence in cut_sentences(edited, "en")] == ["So XY", "it is."]


SCRAPS = [
    *("word", "Word", "Mr.", "z. B.", "...", ".", "! ", "?!", " ", "  ", "\n", "\n\n", "\n \n\n", '"', "“", "”", "«", "»", "'"),
    *(
        "(",
        ")",
        "- ",
        "1. ",
        "A.",
        "日本。",
        "「",
        "」と",
        "यह।",
        "3.5",
        "U.S.",
        "iPhone",
        "é",
        "\u0301",
        "👍🏽",
        "*",
        "x" * 50,
    ),
    *("\u00a0", "\r", "[1]", "\ud800", "\x00", "\u200b"),
]


def random_text(generator: random.Random, length: int) -> str:
    return "".join(generator.choice(SCRAPS) + generator.choice(["", " "]) for _ in range(length))


def random_edits(generator: random.Random, text: str) -> list[Edit]:
    places = [match.span() for match in re.finditer(r"\w+", text) if generator.random() < 0.3]
    return [Edit(start, end, generator.choice(["two words", "so. And", "Xy", "twenty-one"])) for start, end in places]


def test_no_word_is_lost_or_said_twice() -> None:
    for seed in range(200):
        check_words(random.Random(seed))


def check_words(generator: random.Random) -> None:
    text = random_text(generator, 60)
    edited = Edited(text, random_edits(generator, text))
    sentences = cut_sentences(edited, generator.choice(["en", "ja", "fr", "xx"]))
    limit = generator.choice([5, 20, 80, 400])
    pieces = [piece for sentence in sentences for piece in split_sentence(sentence, lambda piece: len(piece) <= limit)]
    packed = pack_sentences(sentences, lambda piece: len(piece) <= limit, lambda piece: len(piece) < limit // 4)
    for parts in (sentences, pieces, packed):
        assert "".join(words("".join(part.spoken for part in parts))) == "".join(words(edited.text))
        assert "".join(words("".join(part.written for part in parts))) == "".join(words(text))
    assert all(words(sentence.spoken) for sentence in sentences) or not words(edited.text)


def test_what_is_too_long_is_cut_behind_clauses_in_pieces_of_about_one_size() -> None:
    text = "She took the road over the hills, which was long and hard; he went along the river, where it was cool - and so on"
    pieces = split_sentence(*cut_sentences(Edited(text), "en"), lambda piece: len(piece) <= 60)
    assert [(piece.spoken, piece.pause) for piece in pieces] == [
        ("She took the road over the hills, which was long and hard;", Pause.CLAUSE),
        ("he went along the river, where it was cool - and so on", Pause.PARAGRAPH),
    ]


def test_a_long_quotation_is_cut_between_its_sentences() -> None:
    text = "“I never said that he was there. I said that he might have been there.”"
    first, last = split_sentence(*cut_sentences(Edited(text), "en"), lambda piece: len(piece) <= 50)
    assert (first.spoken, first.pause) == ("“I never said that he was there.", Pause.SENTENCE)
    assert last.spoken == "I said that he might have been there.”"


def test_pieces_keep_what_was_written_of_them() -> None:
    source = "It cost £20 there, and £30 here"
    edited = Edited(source, [Edit(8, 11, "twenty pounds"), Edit(23, 26, "thirty pounds")])
    pieces = split_sentence(*cut_sentences(edited, "en"), lambda piece: len(piece) <= 30)
    assert [piece.written for piece in pieces] == ["It cost £20 there,", "and £30 here"]
    assert [piece.spoken for piece in pieces] == ["It cost twenty pounds there,", "and thirty pounds here"]


def test_words_are_cut_only_where_they_do_not_fit() -> None:
    text = "an extraordinarily long " + "x" * 50
    pieces = [piece.spoken for piece in split_sentence(*cut_sentences(Edited(text), "en"), lambda piece: len(piece) <= 20)]
    assert pieces[:2] == ["an extraordinarily", "long xxxxxxxxxxxxx"]
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    flags = "🇩🇪" * 20
    assert all(
        len(piece.spoken) % 2 == 0 for piece in split_sentence(*cut_sentences(Edited(flags), "en"), lambda s: len(s) <= 7)
    )


def test_the_stop_of_a_heading_is_with_its_last_piece() -> None:
    heading, _ = cut_sentences(Edited("The long heading of a chapter\n\nText"), "en")
    pieces = split_sentence(heading, lambda piece: len(piece) <= 20)
    assert [piece.spoken for piece in pieces] == ["The long heading", "of a chapter."]
    assert [piece.pause for piece in pieces] == [Pause.NONE, Pause.PARAGRAPH]


def packed(text: str, limit: int, short: int = 0) -> list[str]:
    sentences = cut_sentences(Edited(text), "en")
    return [
        each.spoken for each in pack_sentences(sentences, lambda piece: len(piece) <= limit, lambda piece: len(piece) < short)
    ]


def test_neighbours_are_packed_while_they_fit() -> None:
    assert packed("Aa bb. Cc dd. Ee ff.", 13) == ["Aa bb. Cc dd.", "Ee ff."]
    assert packed("Aa bb. Cc dd. Ee ff.", 100) == ["Aa bb. Cc dd. Ee ff."]
    assert packed("Aa bb. Cc dd. Ee ff.", 3) == ["Aa", "bb.", "Cc", "dd.", "Ee", "ff."]


def test_paragraphs_are_packed_only_where_one_is_short() -> None:
    text = "A heading\n\nThe first paragraph. It goes on.\n\nThe second paragraph.\n\nYes."
    assert packed(text, 100) == ["A heading.", "The first paragraph. It goes on.", "The second paragraph.", "Yes."]
    assert packed(text, 100, 12) == ["A heading. The first paragraph. It goes on.", "The second paragraph. Yes."]


def test_a_short_paragraph_goes_with_what_is_nearer() -> None:
    text = "The first paragraph.\n\nThe End.\n\n\nChapter Two\n\nThe second paragraph."
    assert packed(text, 100, 13) == ["The first paragraph. The End.", "Chapter Two. The second paragraph."]


def test_a_short_last_sentence_takes_one_from_those_before() -> None:
    assert packed("It was so there. It was so here. Yes.", 32) == ["It was so there. It was so here.", "Yes."]
    assert packed("It was so there. It was so here. Yes.", 32, 5) == ["It was so there.", "It was so here. Yes."]


def test_what_is_packed_has_the_pause_of_its_last_and_all_that_was_written() -> None:
    (only,) = pack_sentences(cut_sentences(Edited("A b.  C\nd."), "en"), lambda _: True)
    assert only == Sentence("A b. C d.", "A b. C d.", Pause.PARAGRAPH)


ENDLESS = [
    *SCRAPS,
    "a.",
    "a. ",
    "A. ",
    '"a',
    "(a. ",
    "?! ",
    "「あ。",
    "\n\na",
    "a\n",
    "«a",
    "'a.' ",
    "Ab.Cd",
    "a-\n",
    "- a\n",
    "... ",
    ". ",
]


def test_time_and_measured_text_grow_with_the_text() -> None:
    for unit in ENDLESS:
        check_growth((unit * CHARACTERS)[:CHARACTERS])


def check_growth(text: str) -> None:
    measured = 0

    def fits(piece: str) -> bool:
        nonlocal measured
        measured += len(piece)
        return len(piece) <= 300

    with linear_time():
        sentences = cut_sentences(Edited(text), "en")
        pack_sentences(sentences, fits, lambda piece: len(piece) < 30)
    assert measured < 20 * len(text), text[:20]
