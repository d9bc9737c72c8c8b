"""What the embedded voice is trained and tested on: sentences of WordNet, of templates and of words in a row.

WordNet 3.0 (Debian's ``wordnet-base``) is read where it is installed and never copied into the repository. Everything goes
through the family's own text front end (:func:`actors.families.soprano.text.normalise`), so that the voice learns what a worker
will give it.

Some words are held out: no training text has them, nor another word that begins with the same six letters.
"""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from actors.errors import UsageError
from actors.families.soprano.text import normalise

WORDNET = Path("/usr/share/wordnet")
ALPHABET = " ',.?!abcdefghijklmnopqrstuvwxyz"

_COMMON_WORDS = 5000  # never held out: nobody can write a sentence without them
_HELD_OUT_WORDS = 0.02
_FAMILY_LETTERS = 6

# fmt: off
_FIRST_NAMES = [
    "john", "mary", "peter", "anna", "james", "laura", "robert", "alice", "david", "susan", "daniel", "emma",
    "thomas", "helen", "oscar", "maria",
]
_LAST_NAMES = [
    "smith", "jones", "brown", "taylor", "wilson", "evans", "walker", "white", "hall", "green", "carter", "baker",
    "morgan", "fisher", "stone", "young",
]
_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_MONTHS = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
]
_UNITS = [
    "miles", "pounds", "people", "years", "days", "dollars", "meters", "degrees", "pages", "times", "hours",
    "minutes", "percent",
]
# fmt: on


@dataclass(frozen=True)
class Texts:
    """Sentences in lower case over :data:`ALPHABET`.

    Attributes:
        train: what the voice learns from.
        held_out: WordNet sentences that are not in ``train``; their words may be.
        long: such sentences of 100 to 150 characters, one or several joined.
        unseen: rows of three to five held-out words.
        words: what may be in ``train``, the most frequent first.
    """

    train: list[str]
    held_out: list[str]
    long: list[str]
    unseen: list[str]
    words: list[str]


def clean(text: str) -> str:
    """Return ``text`` as the voice reads it: normalised, and what is not in :data:`ALPHABET` turned into spaces."""
    text = re.sub(f"[^{ALPHABET}]+", " ", normalise(text).lower())
    return re.sub(r" +", " ", re.sub(r" ([,.?!])", r"\1", text)).strip()


def is_held_out(word: str) -> bool:
    """Whether a word belongs to a held-out family, by the hash of its first letters (common words are looked up first)."""
    digest = hashlib.sha256(word[:_FAMILY_LETTERS].encode()).digest()
    return int.from_bytes(digest[:4], "big") < _HELD_OUT_WORDS * 2**32


def collect(seed: int, *, sentences: int = 22000, definitions: int = 8000, rows: int = 9000, templates: int = 7000) -> Texts:
    """Write the texts, the same for the same seed.

    Args:
        seed: of every random choice.
        sentences: at most so many example sentences of WordNet.
        definitions: at most so many of its definitions, which have the rarer words.
        rows: so many rows of words without a grammar.
        templates: so many sentences of numbers, dates, names, questions.

    Raises:
        UsageError: WordNet is not installed.
    """
    generator = random.Random(seed)  # noqa: S311 - a shuffle, not a secret
    wordnet = _WordNet(WORDNET)
    examples = [text for text in wordnet.examples if 8 <= len(text) <= 150]
    glosses = [text for text in wordnet.definitions if 20 <= len(text) <= 110]
    generator.shuffle(examples)
    generator.shuffle(glosses)

    common = set(wordnet.words[:_COMMON_WORDS])
    unseen_words = [word for word in wordnet.words if word not in common and is_held_out(word)]

    def allowed(texts: Iterable[str]) -> Iterator[str]:
        return (text for text in texts if all(word in common or not is_held_out(word) for word in words_of(text)))

    held_out = [_finish(text, generator) for text in examples[:300]]
    long = _join_to(generator, [text for text in examples[300:900] if len(text) >= 30], 100, 150)[:100]
    training = list(allowed(examples[900:]))[:sentences]
    training += list(allowed(glosses))[:definitions]
    known = [word for word in wordnet.words if word in common or not is_held_out(word)]
    training += [word_row(generator, known) for _ in range(rows)]
    training += allowed(clean(_template(generator, wordnet)) for _ in range(templates))
    finished = dict.fromkeys(_finish(text, generator) for text in training)
    tests = {_bare(text) for text in held_out + long}
    train = [text for text in finished if _bare(text) not in tests]
    generator.shuffle(train)
    unseen = [f"{', '.join(generator.sample(unseen_words, generator.randint(3, 5)))}." for _ in range(150)]
    return Texts(train, held_out, long, unseen, known)


def words_of(text: str) -> list[str]:
    """The words of a text, without punctuation."""
    return re.findall(r"[a-z']+", text)


def _bare(text: str) -> str:
    return text.rstrip(".?! ")


class _WordNet:
    """Example sentences, definitions and words (the most frequent first) of an installed WordNet."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UsageError(f"WordNet is not installed in {folder}: apt install wordnet-base")
        examples: set[str] = set()
        definitions: set[str] = set()
        self.lemmas: dict[str, list[str]] = {}
        for part in ("noun", "verb", "adj", "adv"):
            for line in (folder / f"data.{part}").read_text(errors="replace").splitlines():
                if line.startswith("  "):  # the licence
                    continue
                gloss = line.split("|", 1)[1]
                examples.update(self._cleaned(re.findall(r'"([^"]+)"', gloss)))
                definitions.update(self._cleaned([re.sub(r"\([^)]*\)", "", gloss.split(";")[0].split('"')[0])]))
            index = (folder / f"index.{part}").read_text(errors="replace").splitlines()
            names = (line.split(" ", 1)[0] for line in index if not line.startswith("  "))
            self.lemmas[part] = sorted({name for name in names if re.fullmatch("[a-z]{3,14}", name)})
        self.examples = sorted(examples)
        self.definitions = sorted(definitions)
        counts: Counter[str] = Counter()
        for line in (folder / "cntlist.rev").read_text().splitlines():
            key, _, count = line.split()
            counts[key.split("%")[0]] += int(count)
        for text in self.examples:
            counts.update(words_of(text))
        words = {word for names in self.lemmas.values() for word in names} | set(counts)
        self.words = sorted((w for w in words if re.fullmatch("[a-z]{2,14}", w)), key=lambda word: (-counts[word], word))

    @staticmethod
    def _cleaned(texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            if re.fullmatch(r"[A-Za-z0-9' ,;:.?!-]+", text := text.strip()) and "''" not in text:
                cleaned = _bare(clean(text)).strip(" ',")
                if cleaned:
                    yield cleaned


def _finish(text: str, generator: random.Random) -> str:
    """End a sentence: most with a full stop, some as a question or an exclamation, a few with nothing."""
    if text[-1] in ".?!":
        return text
    return text + generator.choices((".", "?", "!", ""), (80, 11, 5, 4))[0]


def _join_to(generator: random.Random, texts: list[str], shortest: int, longest: int) -> list[str]:
    """Join neighbours, each ended, until they have ``shortest`` characters; leave out what is longer than ``longest``."""
    joined, current = [], ""
    for text in texts:
        ended = _finish(text, generator)
        current = f"{current} {ended if ended[-1] in '.?!' else ended + '.'}".strip()
        if len(current) >= shortest:
            if len(current) <= longest:
                joined.append(current)
            current = ""
    return joined


def word_row(generator: random.Random, words: Sequence[str]) -> str:
    """Two to six words: half of the rows lean to frequent ones, the others treat all alike."""
    lean = generator.choice((1.0, 3.0))
    chosen = [words[int(len(words) * generator.random() ** lean)] for _ in range(generator.randint(2, 6))]
    return (", " if generator.random() < 0.25 else " ").join(chosen)


def _template(generator: random.Random, wordnet: _WordNet) -> str:
    """A sentence with numbers, dates, times, money, names, or as people talk."""
    pick, number = generator.choice, generator.randrange
    frequent = wordnet.words[:6000]
    noun, verb, adjective = pick(wordnet.lemmas["noun"]), pick(wordnet.lemmas["verb"]), pick(wordnet.lemmas["adj"])
    word, name = pick(frequent), f"{pick(_FIRST_NAMES)} {pick(_LAST_NAMES)}"
    patterns = (
        f"{number(1000)}",
        f"{number(20, 10000)} {pick(_UNITS)}",
        f"{pick(_DAYS)}, {pick(_MONTHS)} {number(1, 32)}, {number(1500, 2060)}.",
        f"the {number(1, 40)}th of {pick(_MONTHS)}",
        f"it is {number(1, 13)}:{number(10, 60)}.",
        f"at {number(1, 13)} o'clock on {pick(_DAYS)}",
        f"{number(0, 10)}{number(0, 10)}{number(0, 10)} {number(0, 10)}{number(0, 10)}{number(0, 10)}{number(0, 10)}",
        f"{pick(('page', 'room', 'line', 'chapter', 'number', 'gate'))} {number(1, 400)}",
        f"${number(1, 1000)}.{number(10, 100)} for the {noun}",
        f"{number(1, 100)}% of the {word}",
        f"{number(1, 100)}.{number(1, 10)} {pick(_UNITS)} & {number(1, 60)} {pick(_UNITS)}",
        f"the {noun} cost {number(2, 1000)} dollars in {number(1800, 2030)}.",
        f"{pick(('mr.', 'mrs.', 'dr.'))} {pick(_LAST_NAMES)} lives at {number(1, 200)} {pick(_LAST_NAMES)} street.",
        f"my name is {name}, and this is {pick(_FIRST_NAMES)}.",
        f"{name} was born in {number(1850, 2020)}.",
        f"what {pick(('is', 'was', 'about'))} the {adjective} {noun}?",
        f"how {pick(('old', 'long', 'much', 'far', 'many'))} is the {noun}?",
        f"why did you {verb} the {noun}?",
        f"where {pick(('is', 'are', 'were'))} {pick(('my', 'your', 'our', 'the'))} {word}?",
        f"can you tell me {pick(('what', 'where', 'when', 'why'))} the {word} is?",
        f"do you {pick(('like', 'want', 'see', 'know', 'need'))} {pick(('the', 'a', 'this'))} {noun}?",
        f"who said {word}?",
        f"please {verb} the {word}!",
        f"oh no, the {noun} is {adjective}!",
        f"thank you for the {adjective} {word}.",
        f"i would like {pick(('a cup of', 'some', 'two', 'the'))} {noun}, please.",
        f"yes, i think that {pick(_FIRST_NAMES)} can {verb} it.",
        f"no, we will not {verb} {pick(('today', 'tomorrow', 'again', 'next week', 'here'))}.",
        f"hello, {pick(_FIRST_NAMES)}. how are you {pick(('today', 'doing', 'this morning', ''))}?",
        f"{pick(('she', 'he', 'they', 'we', 'i', 'you'))} said, {pick(('well', 'yes', 'no'))}, the {word} is {adjective}.",
        f"if you {verb} it, {pick(('then ', ''))}the {noun} will be {adjective}.",
        f"the {word} and the {noun}, the {adjective} {pick(frequent)} and the {pick(frequent)}.",
    )
    return pick(patterns)
