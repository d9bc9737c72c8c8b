# ruff: noqa: E501, RUF001 (quotation marks as they stand in books)
"""What stands in the book of the tests, in a notation of its own, from which all files are made.

Sentences are listed one by one. Inside them: ``*so*`` is emphasis, ``{fn:1}`` and ``{en:1}`` lead to notes, ``{pg:12}`` is where a page
of the printed book ends, ``{ph:word|ipa}`` is a word with its pronunciation, ``{cap:T}`` a dropped letter.
"""

from typing import NamedTuple


class Part(NamedTuple):
    """A block: ``p``, ``de``, ``fr``, ``quote``, ``letter`` (a quotation with another in it), ``verse``, ``steps``, ``things``,
    ``table``, ``picture``, ``break``."""

    kind: str
    sentences: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()


class Section(NamedTuple):
    """An entry of the table of contents."""

    level: int
    title: str
    parts: tuple[Part, ...]


TITLE = "The Keeper of Skerry Light"
AUTHORS = ("Ada Morland", "Jón Ólafsson")
PUBLISHER = "Tidewater Press"
DATE = "2024-05-01"

FOOTNOTES = {
    1: "A skerry is a small rock that the sea covers in storms.",
    2: "Oil was still measured in gallons then.",
    3: "The ferry stopped running the year after.",
}
ENDNOTES = {
    1: "The letter survives in the parish archive.",
    2: "Another version of the song ends with the third line.",
}


def _p(*sentences: str) -> Part:
    return Part("p", sentences)


SECTIONS = (
    Section(
        0,
        "Prologue",
        (
            _p(
                "{cap:T}he light on the skerry{fn:1} had burned for ninety years before anybody asked who lit it.",
                "Ships passed, saw the beam, and went on.",
                "Nobody thought of the hand behind the glass.",
            ),
            _p(
                "My grandmother did.",
                "She counted the seconds between two flashes, and she said that the keeper must be an *honest* man.",
                "“A careless man,” she told me, “would let it stutter.”",
                "I was six years old, and I believed every word.",
            ),
            Part("picture", ("A lighthouse on a bare rock at dusk",)),
            _p(
                "Much later I learned that she had been right about the seconds{pg:2} and wrong about the man.",
                "The keeper was a woman.",
            ),
        ),
    ),
    Section(
        0,
        "Part One: The Rock",
        (Part("quote", ("Whoever keeps a light keeps more than oil.", "So runs a saying of the coast.")),),
    ),
    Section(
        1,
        "Chapter 1: The Lamp",
        (
            _p(
                "Her name was {ph:Siobhan|ʃɪˈvɔːn} Reid, and she came to the rock in the autumn of 1887.",
                "The boat that brought her could not land.",
                "Two men threw her trunk across the gap; then they threw her after it.",
            ),
            _p(
                "She stood up, counted her fingers, and laughed.",
                "“Is that how you greet everyone?” she called.",
                "“Only the ones who can jump,” answered Mr. Dunn, who rowed.",
                "Dr. Hale’s report, written ten days later, says nothing of this.",
            ),
        ),
    ),
    Section(
        2,
        "I. The Stairs",
        (
            _p(
                "There were one hundred and twelve steps, and each of them rang with a note of its own.",
                "Within a week she could play a hymn by walking.",
                "Within a month she no longer heard it.",
            ),
            _p(
                "Every evening she carried the oil up.",
                "Four gallons{fn:2} weighed more than a child, she wrote, but a child would have held on.",
                "At the top she set the can down & waited for her breath.",
                "Then she opened the little iron door—the one that stuck—and stepped inside.",
            ),
            Part("break"),
            _p(
                "One step, the ninetieth, had a crack.",
                "She always skipped it.",
                "On the night when she forgot, it broke, and the can went all the way down without her.",
            ),
        ),
    ),
    Section(
        2,
        "II. The Glass",
        (
            _p(
                "The lens came from Paris in eleven crates.",
                "It was taller than she was, and it bent the smallest flame into a spear.",
                "A plate on its foot said in French what it was for:",
            ),
            Part("fr", ("Cette lumière appartient à tous ceux qui la voient.", "Ne la laissez jamais mourir.")),
            _p(
                "She did not read French.",
                "She polished the plate every Sunday all the same.",
                "The rules for the glass hung beside the door, and there were four of them.",
            ),
            Part(
                "steps",
                (
                    "Wash your hands before you touch the lens.",
                    "Use the soft cloth and never the coarse one.",
                    "Do not breathe upon the prisms.",
                    "When you have finished, begin again.",
                ),
            ),
            _p(
                "She obeyed the first three.",
                "The fourth, she said, obeyed itself.",
            ),
        ),
    ),
    Section(
        1,
        "Chapter 2: A Letter from Home",
        (
            _p(
                "{cap:I}n March the mail came with the flour.",
                "There was one letter, and it had been wet and dry so often that it crackled.",
                "She read it on the stairs, where the light was good.",
            ),
            Part(
                "letter",
                (
                    "Dear sister, the roof is mended and the cow is sold.",
                    "Father asks after you at supper, and Mother does not, which is worse.",
                    "The pastor read from your letter in church, and he chose these lines:",
                ),
                (
                    "I am never alone here.",
                    "The sea talks all day, and at night I answer it with the lamp.",
                ),
            ),
            _p(
                "She folded the paper{en:1} and put it into the log.",
                "That is why we have it.",
                "On the back she had noted, in pencil, what the house needed.",
            ),
            Part("things", ("Two yards of wick", "Salt, if there is any", "A cat")),
            _p(
                "The cat came in June, in a basket, with a bad temper.",
                "It lived for fourteen years and never once went near the water.",
                "Its name was *Admiral*.",
            ),
            Part("break"),
            _p(
                "Winter was slow.",
                "She wrote fewer lines each week, until the log held nothing but the wind and its direction.",
                "North-west, she wrote; north-west, and again north-west.",
                "On the twentieth of January there is a single word.",
                "It is “Enough.”",
            ),
        ),
    ),
    Section(
        0,
        "Part Two: The Mainland",
        (
            _p(
                "Nobody leaves a lighthouse by accident.",
                "She asked for her leave in writing, was refused twice, and went on the third boat without waiting.",
            ),
        ),
    ),
    Section(
        1,
        "Chapter 3: The Harbour",
        (
            _p(
                "The town smelled of tar, bread and horses.",
                "After two years of wind she had to hold on to a wall, because nothing moved.",
                "Children stared at her.",
                "A German sailor, who took her for a countrywoman, greeted her at the pump.",
            ),
            Part("de", ("Guten Morgen, liebe Frau, das Wetter wird schön.", "Über Nacht hat der Wind gedreht.")),
            _p(
                "She nodded, since it sounded kind.",
                "He lifted his cap and went on to the ferry{fn:3} with his bag.",
            ),
        ),
    ),
    Section(
        2,
        "I. The Market",
        (
            _p(
                "She had forgotten what things cost.",
                "A board beside the fish stall listed the prices of the day.",
            ),
            Part(
                "table", ("Fish|Weight|Price", "Herring|one pound|two pence", "Cod|one pound|four pence", "Eel|each|sixpence")
            ),
            _p(
                "She bought an eel, because she pitied it, and let it go from the quay.",
                "“That’s sixpence in the sea,” said the fishwife.",
                "“I have put more than that into it,” said Siobhan.",
                "They were friends from that hour.",
            ),
            _p(
                "The fishwife was called Morag Tully, and she owned half a boat.",
                "The other half belonged to a cousin in Leith who wrote once a year to ask whether it still floated.",
                "It did, on most days.",
                "She offered Siobhan a bed above the net store, and a key, and no advice.",
            ),
            Part("picture", ("A market stall with baskets of fish",)),
        ),
    ),
    Section(
        2,
        "II. The Song",
        (
            _p(
                "In the evening somebody had a fiddle.",
                "The song was old, and the whole room knew it but her.",
            ),
            Part(
                "verse",
                (
                    "Burn, little lamp, on the edge of the deep,",
                    "The gulls are in bed and the captains asleep;",
                    "Burn till the morning comes over the foam,",
                    "And bring all my darlings, my darlings, back home.",
                ),
            ),
            _p(
                "Nobody clapped{en:2} when it ended.",
                "They looked into their glasses instead, and one man went out to see to his boat.",
                "Siobhan found that she was counting seconds.",
                "One, two, three, four, and then the flash should come.",
                "It did not come.",
            ),
        ),
    ),
    Section(
        1,
        "Chapter 4: The Return",
        (
            _p(
                "The window of the inn looked west, and in the west there was nothing at all.",
                "The relief keeper had fallen asleep, or was ill, or had let the oil run out.",
                "It did not matter which.",
                "Three boats were out that night, and one of them was Morag’s.",
            ),
            _p(
                "“Who will row me?” she asked.",
                "For a moment the room was as still as a painting.",
                "Then Mr. Dunn, who was over seventy by now, stood up and looked for his boots.",
                "“I threw you onto that rock once,” he said.",
                "“I suppose I can do it again.”",
            ),
            Part("break"),
            _p(
                "What follows is taken from the log,{pg:31} in her own hand.",
                "They left at ten past eleven with two oars and a lantern.",
                "The swell was heavy but the wind had dropped.",
                "Dunn sang, badly, so that she would know he was still there.",
                "At a quarter to one the bow struck the landing, and she jumped.",
            ),
            _p(
                "She took the stairs in the dark.",
                "She did not skip the ninetieth step, for there was none; she leapt across the gap, and landed, and ran on.",
                "The lamp was cold.",
                "The relief keeper lay beside it with a broken leg and a very small voice.",
                "“I fell,” he said.",
                "“Everybody does,” said Siobhan, and struck a match.",
            ),
            _p(
                "At four minutes past one the light of Skerry turned again.",
                "Three boats saw it.",
                "All three came home.",
            ),
        ),
    ),
    Section(
        0,
        "Epilogue",
        (
            _p(
                "She stayed for another thirty-one years.",
                "When the lamp was made electric she taught the engineers how to clean the glass, and they pretended to know.",
                "The cat is buried beneath the flagpole.",
            ),
            _p(
                "My grandmother never met her.",
                "But every evening, at the same hour, she stood at her window and counted.",
                "“Still honest,” she would say, and draw the curtain.",
                "I do it too, now.",
                "Somebody has to.",
            ),
        ),
    ),
)
