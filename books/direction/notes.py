"""What there is to say of a direction: each matter once, with a count."""

from collections import Counter

_MOST = 100  # a stranger's file may name any number of things


class Notes:
    """Sentences, each with how often it holds and where it first did."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._places: dict[str, str] = {}

    def add(self, sentence: str, place: str = "") -> None:
        """Count a sentence, which has no stop; ``place`` is where it holds."""
        if sentence in self._counts or len(self._counts) < _MOST:
            self._counts[sentence] += 1
            self._places.setdefault(sentence, place)

    def listed(self) -> tuple[str, ...]:
        """Return the sentences in the order in which they came."""
        return tuple(self._sentence(sentence, count) for sentence, count in self._counts.items())

    def _sentence(self, sentence: str, count: int) -> str:
        place = self._places[sentence]
        said = [f"{count} times" * (count > 1), (f"first in {place}" if count > 1 else f"in {place}") * bool(place)]
        behind = ", ".join(filter(None, said))
        return f"{sentence} ({behind})" if behind else sentence
