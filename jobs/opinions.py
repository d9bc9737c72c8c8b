"""How the recordings of a table sound: what DNSMOS says of each, for the rows that are asked for."""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from actors.audio.codec import decode_mono
from actors.audio.dnsmos import Dnsmos, Opinion
from actors.errors import InputDataError
from actors.rows import InputRow, quarantine
from actors.transcriber import audio_source
from cluster.dataset import Dataset, plan_units, read_pieces, scan
from cluster.media import MediaReader
from cluster.storage import open_store

_ROWS_AT_ONCE = 64
_LONGEST_S = 6 * 3600.0
_RATE = 16_000  # what the models hear
_NAMED = 5  # rows without an opinion that a report names
_NO_OPINION = dict.fromkeys(Opinion.__dataclass_fields__)


@dataclass(frozen=True)
class Opinions:
    """Of each id that was asked for either an opinion, or the reason why there is none."""

    rated: dict[str, Opinion] = field(default_factory=dict)
    unrated: dict[str, str] = field(default_factory=dict)

    def columns(self, row_id: str) -> dict[str, float | None]:
        """Return the columns of a row: ``dnsmos`` is the overall score."""
        opinion = self.rated.get(row_id)
        scores = _NO_OPINION if opinion is None else asdict(opinion)
        return {"dnsmos" if name == "overall" else f"dnsmos_{name}": score for name, score in scores.items()}

    @property
    def totals(self) -> dict[str, Any]:
        """Means over the rows that were rated, how many these are, and the first that were not, with the reason."""
        columns = [asdict(opinion) for opinion in self.rated.values()]
        means = {name: sum(scores[name] for scores in columns) / len(columns) for name in _NO_OPINION}
        return {**means, "rated": len(self.rated), "unrated": len(self.unrated), "reasons": self._first_unrated}

    @property
    def lines(self) -> Iterator[tuple[str, str]]:
        """What a report says of them: names and values."""
        totals = self.totals
        parts = ", ".join(f"{name} {totals[name]:.2f}" for name in ("signal", "background", "p808"))
        yield "DNSMOS", f"{totals['overall']:.2f} ({parts}; mean of {len(self.rated):,} rows, 1 to 5)"
        if self.unrated:
            yield "not rated", f"{len(self.unrated):,}: {self.reasons}"

    @property
    def reasons(self) -> str:
        """Why the first rows that were not rated were not."""
        named = "; ".join(f"{row_id!r}: {reason}" for row_id, reason in self._first_unrated.items())
        return named + ("; …" if len(self.unrated) > _NAMED else "")

    @property
    def _first_unrated(self) -> dict[str, str]:
        return dict(islice(self.unrated.items(), _NAMED))


def rate_recordings(
    tables: Sequence[str], column: str, id_column: str, wanted: Collection[str], allowed: Sequence[str]
) -> Opinions:
    """Rate the recordings of the rows that are ``wanted`` by their ids.

    Args:
        tables: where they are.
        column: holds audio, or says where it is.
        id_column: names the rows.
        wanted: ids. Of one that several rows have nobody knows which is meant.
        allowed: folders and stores of which rows may name files, beside the current folder and what lies below the tables.

    Raises:
        InputDataError: there is no such column, or not one row can be rated.
        UsageError: speechmos is not installed, or a folder is not there.
        StorageError: a store cannot be reached.
    """
    models = Dnsmos(len(os.sched_getaffinity(0)))
    dataset = scan(tables, column, id_column=id_column, use="audio")
    reader = MediaReader.of(dataset, ".", [open_store(location) for location in allowed])
    opinions = Opinions(unrated=dict.fromkeys(wanted, "the table has no row of this id"))
    seen: set[str] = set()
    for row in _rows(dataset, column):
        if row.id in seen:
            opinions.rated.pop(row.id, None)
            opinions.unrated[row.id] = "several rows of the table have this id"
        elif row.id in opinions.unrated:
            seen.add(row.id)
            _rate(row, column, reader, models, opinions)
    if not opinions.rated:
        raise InputDataError(f"no row of {', '.join(tables)} can be rated. {opinions.reasons}")
    return opinions


def _rate(row: InputRow, column: str, reader: MediaReader, models: Dnsmos, opinions: Opinions) -> None:
    """Note what the models say of a row, or why they say nothing."""
    rating: dict[str, Any] = {"id": row.id, "error": row.error}
    if row.error is None:
        with quarantine(rating):
            source = audio_source(row.values.get(column), column, reader)
            recording = decode_mono(source, _RATE, _LONGEST_S, damaged="accept")
            opinions.rated[row.id] = models.rate(recording.samples, _RATE)
    if row.id in opinions.rated:
        del opinions.unrated[row.id]
    else:
        opinions.unrated[row.id] = rating["error"]


def _rows(dataset: Dataset, column: str) -> Iterator[InputRow]:
    for shard in dataset.corrupt:
        raise InputDataError(f"{shard.uri}: {shard.error}")
    for unit in plan_units(dataset.shards, _ROWS_AT_ONCE):
        for batch in read_pieces(dataset, unit, [column]):
            yield from batch.rows
