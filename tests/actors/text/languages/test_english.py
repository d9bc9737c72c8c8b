# ruff: noqa: RUF001 (minus signs)
"""English: what a reader says, kind by kind; the share of right ones among many more is in ``test_cases.py``."""

import re

from actors.text import Normaliser
from actors.text.languages.english import English

NORMALISER = Normaliser("en")
READ = [
    # Money.
    ("It was £20.", "It was twenty pounds."),
    ("It was €5, or ¥1500.", "It was five euros, or one thousand five hundred yen."),
    ("Only 99¢ or $0.99!", "Only ninety-nine cents or ninety-nine cents!"),
    ("They raised $1.2M of $5 billion.", "They raised one point two million dollars of five billion dollars."),
    ("It is $5.50, not $5.05.", "It is five dollars and fifty cents, not five dollars and five cents."),
    ("A $20 bill, $5-10, $3/kg.", "A twenty dollar bill, five to ten dollars, three dollars per kilogram."),
    ("He owed £5 3s. 6d. to me.", "He owed five pounds three shillings and sixpence to me."),
    # Numbers.
    ("We are 7 000 000, or 7,000,000.", "We are seven million, or seven million."),
    ("It is 1,5 or 1.5 or .5 of it.", "It is one point five or one point five or point five of it."),
    (
        "There are 1.234.567 of them.",
        "There are one million two hundred thirty-four thousand five hundred sixty-seven of them.",
    ),
    ("It fell to -7 or −7 degrees.", "It fell to minus seven or minus seven degrees."),
    ("The 1st, 22nd and 103rd came.", "The first, twenty-second and one hundred third came."),
    ("Use 2 1/2 cups and ¾ of it.", "Use two and a half cups and three quarters of it."),
    ("Use 1⅛ and 2 1/11 of it.", "Use one and an eighth and two and an eleventh of it."),
    (
        "It is 1234567890123456.78 now.",
        "It is one two three four five six seven eight nine zero one two three four five six point seven eight now.",
    ),
    # Years and dates.
    ("In 1999, 1905, 1900 and 2005.", "In nineteen ninety-nine, nineteen oh five, nineteen hundred and two thousand five."),
    ("The 1990s and the '80s.", "The nineteen nineties and the eighties."),
    ("On May 3, 2020 we met.", "On May third, twenty twenty we met."),
    ("On 3 May 2020 we met.", "On the third of May twenty twenty we met."),
    ("It is 2024-03-15 today.", "It is March fifteenth, twenty twenty-four today."),
    ("Jan left on Jan. 5.", "Jan left on January fifth."),
    # Times.
    ("At 13:00, 9:30 a.m. and 5pm.", "At thirteen hundred, nine thirty A M and five P M."),
    ("From 6-8 p.m. to 10:05.", "From six to eight P M to ten oh five."),
    # Units.
    ("It is 10m deep and 20°C warm.", "It is ten meters deep and twenty degrees Celsius warm."),
    ("It costs $10m for 10m people.", "It costs ten million dollars for ten million people."),
    ("A 10-km run at 5 km/h.", "A ten kilometer run at five kilometers per hour."),
    ("He is 5'10\" tall.", "He is five foot ten tall."),
    # Ranges and scores.
    ("Pages 10-20, COVID-19, 1914-1918.", "Pages ten to twenty, COVID nineteen, nineteen fourteen to nineteen eighteen."),
    ("Of 1914--1918, the ten--5 men--left.", "Of nineteen fourteen to nineteen eighteen, the ten--five men--left."),
    ("The 2010-11 season began.", "The twenty ten eleven season began."),
    ("They won 3-2 on a 16:9 screen.", "They won three to two on a sixteen by nine screen."),
    # Roman numerals.
    ("Henry VIII and Louis XIV's wars.", "Henry the eighth and Louis the fourteenth's wars."),
    ("World War II, Chapter IV.", "World War two, Chapter four."),
    ("I bought a CD for Malcolm X.", "I bought a CD for Malcolm X."),
    ("James I reigned; I did not.", "James the first reigned; I did not."),
    # Abbreviations.
    ("Use e.g. nuts, i.e. fruits, etc.", "Use for example nuts, that is fruits, et cetera."),
    ("St. Mary's is on Main St. in town.", "Saint Mary's is on Main Street in town."),
    ("Dr. Ray lives at 9 Elm Dr. in town.", "Doctor Ray lives at nine Elm Drive in town."),
    ("Did you? No. See No. 5.", "Did you? No. See number five."),
    ("J.R.R. Tolkien left the U.S. in 1950.", "J R R Tolkien left the U S in nineteen fifty."),
    # The web, and names with digits.
    ("See www.example.com/a or a.b@c.org.", "See w w w dot example dot com slash a or a dot b at c dot org."),
    ("An F-16, an MP3, H2O and 4K.", "An F sixteen, an MP three, H two O and four K."),
    ("Call (212) 555-0134 now.", "Call two one two five five five zero one three four now."),
    # A stop without a space.
    ("First.Second is here.", "First. Second is here."),
]
PROSE = [
    "Jan told Mark that he may go.",
    "We march at dawn, and may mar it.",
    "He sat. Sun shone on the street.",
    "The pot is hot; let it cool for a min.",
    "Vitamin C, plan B and Gen X.",
    "My brother and I left early.",
    "MIX the flour, and turn on the IV drip.",
    "“Never,” she said — and left…",
    "A well-known, half-forgotten story.",
]


def read(text: str) -> str:
    return NORMALISER(text).text


def test_what_is_written_is_read() -> None:
    assert [(written, read(written)) for written, _ in READ] == READ


def test_plain_prose_stays_as_it_is() -> None:
    assert [read(text) for text in PROSE] == PROSE


def test_numbers_in_words() -> None:
    english = English()
    words = {english.cardinal(value) for value in range(2_000)}
    assert len(words) == 2_000
    assert english.cardinal(0) == "zero"
    assert english.cardinal(342) == "three hundred forty-two"
    assert english.cardinal(10**12 + 1) == "one trillion one"
    assert english.ordinal(1_012) == "one thousand twelfth"
    assert all(re.fullmatch("[a-z -]+", word) for word in words)
