"""Measure transcripts against references: word and character error rates. ``python jobs/evaluate.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table

from actors.errors import InputDataError, UsageError
from actors.text import normalise
from cluster.dataset import Dataset, plan_units, read_pieces, scan
from jobs.console import EXIT_FAILED_ROWS, run_app

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

_ROWS_AT_ONCE = 1024
_EVENT = re.compile(r"\[[^\[\]]*\]")
# Characters of words: letters and digits with their marks, and an apostrophe between two of them.
_NOT_IN_WORDS = re.compile(r"[^\w\s']|_|(?<!\w)'|'(?!\w)")


class Normalisation(StrEnum):
    """What is done to both texts before they are compared."""

    NONE = "none"
    BASIC = "basic"
    SPOKEN = "spoken"


@dataclass(frozen=True)
class Errors:
    """Edits between a reference and a hypothesis, and how long the reference is, in words or in characters."""

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def length(self) -> int:
        """Of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def rate(self) -> float | None:
        """Edits for each word or character of the reference; ``None`` if it is empty."""
        return (self.substitutions + self.deletions + self.insertions) / self.length if self.length else None


@dataclass(frozen=True)
class RowErrors:
    """What was measured of one row. ``hypothesis`` is empty where there is none: all of the reference is then missing."""

    id: str
    reference: str
    hypothesis: str
    words: Errors
    characters: Errors


@app.command()
def evaluate(
    inputs: Annotated[
        list[str],
        typer.Option("--input", help="What transcribe_dataset wrote, or any table: file, folder, glob or URI. Repeatable."),
    ],
    reference_column: Annotated[str, typer.Option("--reference", help="The column that holds what was said.")],
    hypothesis_column: Annotated[str, typer.Option("--hypothesis", help="The column that holds what was heard.")] = "text",
    references: Annotated[
        str | None, typer.Option(help="A table with the references, joined by id, where the input does not have them itself.")
    ] = None,
    id_column: Annotated[str, typer.Option(help="The column that names the rows.")] = "id",
    normalisation: Annotated[
        Normalisation,
        typer.Option(
            "--normalise",
            help="basic: NFKC, no case, no punctuation. spoken: also numbers and abbreviations in English words, as a voice "
            "reads them. none: as they are.",
        ),
    ] = Normalisation.BASIC,
    output: Annotated[Path | None, typer.Option(help="Parquet file for the rows' error rates.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the totals as JSON.")] = False,
) -> int:
    """Compare every row that has a reference; print the totals. Exit code 1 if some of them have no hypothesis."""
    prepare = _NORMALISERS[normalisation]
    pairs = list(_pairs(inputs, hypothesis_column, reference_column, references, id_column))
    if not pairs:
        raise InputDataError(f"no row has a text in column {reference_column!r}")
    rows = [measure(id_, prepare(reference), prepare(heard or "")) for id_, reference, heard in pairs]
    missing = sum(heard is None for _, _, heard in pairs)
    if output is not None:
        _write(output, rows)
    _report(rows, missing, as_json)
    return EXIT_FAILED_ROWS if missing else 0


def normalise_text(text: str) -> str:
    """Fold case and compatibility forms, drop punctuation and bracketed events such as ``[Music]``, join spaces."""
    folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()
    without_events = _EVENT.sub(" ", folded)
    return " ".join(_NOT_IN_WORDS.sub(" ", without_events).split())


def spoken_text(text: str) -> str:
    """What is left of a text when it is spoken in English: "$3.50" is "three dollars, fifty cents"."""
    # The voice would read an event's name, and joins what a tab parts.
    return normalise_text(normalise(" ".join(_EVENT.sub(" ", text).split())))


_NORMALISERS: dict[Normalisation, Callable[[str], str]] = {
    Normalisation.NONE: str.strip,
    Normalisation.BASIC: normalise_text,
    Normalisation.SPOKEN: spoken_text,
}


def measure(row_id: str, reference: str, hypothesis: str) -> RowErrors:
    """Count the edits of one row (jiwer).

    Raises:
        UsageError: jiwer is not installed.
    """
    try:
        import jiwer
    except ModuleNotFoundError as error:
        raise UsageError(f"measuring error rates needs {error.name}: pip install jiwer") from error
    if not reference or not hypothesis:  # nothing to align
        words = Errors(deletions=len(reference.split()), insertions=len(hypothesis.split()))
        return RowErrors(row_id, reference, hypothesis, words, Errors(deletions=len(reference), insertions=len(hypothesis)))
    words, characters = (
        Errors(found.hits, found.substitutions, found.deletions, found.insertions)
        for found in (jiwer.process_words(reference, hypothesis), jiwer.process_characters(reference, hypothesis))
    )
    return RowErrors(row_id, reference, hypothesis, words, characters)


def word_errors(pairs: Iterable[tuple[str, str]]) -> Errors:
    """Count the word errors of pairs of what was said and what was heard, compared as :func:`spoken_text` has them."""
    return sum((measure("", spoken_text(said), spoken_text(heard)).words for said, heard in pairs), Errors())


def _pairs(
    inputs: Sequence[str], hypothesis: str, reference: str, references: str | None, id_column: str
) -> Iterator[tuple[str, str, str | None]]:
    """Yield id, reference and hypothesis (``None`` if there is none) of every row that has a reference."""
    if references is None:
        dataset = scan(inputs, hypothesis, id_column=id_column, use="text")
        if reference not in dataset.schema.names:
            names = ", ".join(dataset.schema.names)
            raise InputDataError(f"there is no column {reference!r}; the columns are {names}. Or name a table: --references")
        for id_, (said, heard) in _columns(dataset, (reference, hypothesis)):
            if isinstance(said, str):
                yield id_, said, heard if isinstance(heard, str) else None
        return
    found = {id_: heard for id_, (heard,) in _columns(scan(inputs, hypothesis, id_column=id_column, use="text"), (hypothesis,))}
    for id_, (said,) in _columns(scan(references, reference, id_column=id_column, use="text"), (reference,)):
        if isinstance(said, str):
            heard = found.get(id_)
            yield id_, said, heard if isinstance(heard, str) else None


def _columns(dataset: Dataset, names: tuple[str, ...]) -> Iterator[tuple[str, tuple[object, ...]]]:
    for shard in dataset.corrupt:
        raise InputDataError(f"{shard.uri}: {shard.error}")
    for unit in plan_units(dataset.shards, _ROWS_AT_ONCE):
        for batch in read_pieces(dataset, unit, names):
            for row in batch.rows:
                yield row.id, tuple(row.values[name] for name in names)


def _write(path: Path, rows: Sequence[RowErrors]) -> None:
    records = [
        {
            "id": row.id,
            "reference": row.reference,
            "hypothesis": row.hypothesis,
            "wer": row.words.rate,
            "cer": row.characters.rate,
            **{f"word_{name}": count for name, count in asdict(row.words).items()},
            **{f"character_{name}": count for name, count in asdict(row.characters).items()},
        }
        for row in rows
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(records), path)


def _report(rows: Sequence[RowErrors], missing: int, as_json: bool) -> None:
    words = sum((row.words for row in rows), Errors())
    characters = sum((row.characters for row in rows), Errors())
    if as_json:
        totals = {"rows": len(rows), "without_hypothesis": missing, "wer": words.rate, "cer": characters.rate}
        typer.echo(json.dumps({**totals, "words": asdict(words), "characters": asdict(characters)}))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("rows", f"{len(rows):,} ({missing:,} without a hypothesis)")
    for name, errors in (("WER", words), ("CER", characters)):
        rate = "-" if errors.rate is None else f"{errors.rate:.2%}"
        edits = f"{errors.substitutions} substituted, {errors.deletions} missing, {errors.insertions} too many"
        table.add_row(name, f"{rate} of {errors.length:,} ({edits})")
    Console().print(table, soft_wrap=True)


if __name__ == "__main__":
    run_app(app)
