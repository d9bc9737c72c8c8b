"""Measure transcripts against references: word and character error rates. ``python jobs/evaluate.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from actors.errors import InputDataError, UsageError
from cluster.dataset import Dataset, plan_units, read_pieces, scan
from cluster.output import Output, is_output
from cluster.storage import split_uri
from jobs.console import EXIT_FAILED_ROWS, run_app
from jobs.normaliser import NO_LANGUAGE, has_rules, language_of, normalise_text, words_of
from jobs.opinions import Opinions, rate_recordings
from jobs.scoring import Errors, RowErrors, measure
from reports import ScoredRow, report_link, write_evaluation

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

_ROWS_AT_ONCE = 1024
_NAMED = 5  # ids of each kind that a report names
_STATUS = "status"
_WITHOUT_TEXT = ("rejected", "failed")  # what a job calls rows that it heard nothing of
_METADATA_KEY = b"speechmill_evaluation"


class Normalisation(StrEnum):
    """What is done to both texts before they are compared."""

    NONE = "none"
    BASIC = "basic"
    SPOKEN = "spoken"


@dataclass(frozen=True)
class Texts:
    """How texts are compared."""

    normalisation: Normalisation
    language: str

    @classmethod
    def of(cls, normalisation: Normalisation, code: str) -> "Texts":
        """Return it as the command line has it; numbers and contractions are English ones where no language is named.

        Raises:
            UsageError: ``code`` is no language code.
        """
        language = language_of(code)
        english = normalisation is Normalisation.SPOKEN and language == NO_LANGUAGE
        return cls(normalisation, "en" if english else language)

    def normalise(self, text: str) -> str:
        """Return what is compared."""
        return text.strip() if self.normalisation is Normalisation.NONE else normalise_text(text, self.language)

    def __str__(self) -> str:
        if self.normalisation is Normalisation.NONE:
            return "compared as they are"
        if self.language == NO_LANGUAGE:
            return "compared by the rules of all languages (--language knows more)"
        return f"compared as {self.language}" + ("" if has_rules(self.language) else ", which has no rules of its own here")


@dataclass(frozen=True)
class Pair:
    """What was said in a row, and what was heard (``None``: nothing; ``status`` then says why, where a job wrote it)."""

    id: str
    reference: str
    hypothesis: str | None
    status: str = "ok"


@dataclass
class Pairs:
    """What can be scored, and ids of what cannot or is doubtful, each once for every row.

    Attributes:
        scored: pairs.
        without_reference: hypotheses whose id has no reference.
        repeated_references: ids that several references have.
        repeated_hypotheses: ids that several hypotheses have.
        ambiguous: those of the repeated ids whose texts differ, in tables that were joined: not scored.
        unreadable: rows that cannot be read, and references or hypotheses that are no text.
    """

    scored: list[Pair] = field(default_factory=list)
    without_reference: list[str] = field(default_factory=list)
    repeated_references: list[str] = field(default_factory=list)
    repeated_hypotheses: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def without_hypothesis(self) -> list[str]:
        """Ids of references of which nothing was heard."""
        return [pair.id for pair in self.scored if pair.hypothesis is None]

    @property
    def remarks(self) -> dict[str, list[str]]:
        """All ids that a report names, by what there is to say of them."""
        names = ("without_reference", "repeated_hypotheses", "repeated_references", "ambiguous", "unreadable")
        return {"without_hypothesis": self.without_hypothesis} | {name: getattr(self, name) for name in names}

    @property
    def complete(self) -> bool:
        """Whether every row that has a reference was scored, and against a hypothesis."""
        return not (self.without_hypothesis or self.ambiguous or self.unreadable)


@dataclass(frozen=True)
class Row:
    """A row of a table: the texts of its columns, what its ``status`` says, and whether it holds what is no text."""

    id: str
    texts: tuple[str | None, ...]
    status: str = "ok"
    strange: bool = False

    @property
    def heard(self) -> str | None:
        """The text of the last column, unless the job says that it has none."""
        return None if self.status in _WITHOUT_TEXT else self.texts[-1]


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
            help="basic: NFKC, no case, no punctuation, and the rules of --language. spoken: the same, and the language is "
            "English where none is named. none: as they are.",
        ),
    ] = Normalisation.BASIC,
    language: Annotated[
        str,
        typer.Option(
            help="The texts' language, by its code. en: numbers, currency, contractions and spelling, as Whisper's normaliser "
            "has them. ar, az, fa, ks, ru, tr, ur, yi: their letters. Others: what holds everywhere."
        ),
    ] = NO_LANGUAGE,
    dnsmos: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="A table with the recordings, joined by id: also say how good they sound, by DNSMOS (the extra dnsmos).",
        ),
    ] = None,
    audio_column: Annotated[str, typer.Option(help="Of that table: audio (bytes or with a path), or a path or URI.")] = "audio",
    allow_store: Annotated[
        list[str] | None,
        typer.Option(
            help="A folder, s3:// or gs:// URI of which that table's rows may name files, beside the current folder and what "
            "lies below the table. Repeatable."
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Parquet file for the rows' error rates.")] = None,
    report: Annotated[
        str | None, typer.Option(help="HTML page with the differences, the worst rows first: file or URI.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the totals as JSON.")] = False,
) -> int:
    """Compare every row that has a reference; print the totals. Exit code 1 if some could not be compared, or rated."""
    texts = Texts.of(normalisation, language)
    pairs = _pairs(inputs, hypothesis_column, reference_column, references, id_column)
    if not pairs.scored:
        found = "; ".join(f"{name.replace('_', ' ')}: {_named(ids)}" for name, ids in pairs.remarks.items() if ids)
        raise InputDataError(
            f"no row has a text in column {reference_column!r}" + (f" that can be scored. {found}" if found else "")
        )
    rows = [measure(pair.id, texts.normalise(pair.reference), texts.normalise(pair.hypothesis or "")) for pair in pairs.scored]
    totals = _totals(rows, pairs, texts)
    opinions = None
    if dnsmos is not None:
        ids = [pair.id for pair in pairs.scored]
        opinions = rate_recordings(_tables([dnsmos]), audio_column, id_column, ids, allow_store or ())
        totals["dnsmos"] = opinions.totals
    if output is not None:
        _write(output, rows, pairs, opinions, totals)
    if report is not None:
        _write_page(report, rows, pairs, totals, said=not as_json)
    if as_json:
        typer.echo(json.dumps(totals))
    else:
        _report(rows, pairs, texts, opinions)
    return 0 if pairs.complete and not (opinions and opinions.unrated) else EXIT_FAILED_ROWS


def _pairs(inputs: Sequence[str], hypothesis: str, reference: str, references: str | None, id_column: str) -> Pairs:
    heard = scan(_tables(inputs), hypothesis, id_column=id_column)
    if references is not None:
        said = scan(_tables([references]), reference, id_column=id_column)
        for table in (heard, said):
            _require(table, id_column, "rows are joined by it. Or name another: --id-column")
        return _joined(_rows(heard, (hypothesis,)), _rows(said, (reference,)))
    _require(heard, reference, "what was said must be in it. Or name a table: --references")
    return _side_by_side(_rows(heard, (reference, hypothesis)))


def _require(table: Dataset, column: str, why: str) -> None:
    if column not in table.schema.names:
        raise InputDataError(f"there is no column {column!r}; the columns are {', '.join(table.schema.names)}: {why}")


def _side_by_side(rows: Iterable[Row]) -> Pairs:
    """Pair the columns of one table. Each row is a pair of its own, also where ids repeat."""
    pairs = Pairs()
    by_id: dict[str, list[str]] = {}
    for row in _noted(rows, pairs):
        if (said := row.texts[0]) is not None:
            by_id.setdefault(row.id, []).append(said)
            pairs.scored.append(Pair(row.id, said, row.heard, row.status))
        elif not row.strange:
            pairs.without_reference.append(row.id)
    pairs.repeated_hypotheses = [id_ for id_, said in by_id.items() if len(said) > 1]
    pairs.repeated_references = [id_ for id_ in pairs.repeated_hypotheses if len(set(by_id[id_])) > 1]
    return pairs


def _joined(heard: Iterable[Row], said: Iterable[Row]) -> Pairs:
    """Pair hypotheses and references of the same id. Where an id has several that differ, nobody knows which are meant."""
    pairs = Pairs()
    hypotheses, references = _by_id(_noted(heard, pairs)), _by_id(_noted(said, pairs))
    pairs.repeated_hypotheses = [id_ for id_, rows in hypotheses.items() if len(rows) > 1]
    pairs.repeated_references = [id_ for id_, rows in references.items() if len(rows) > 1]
    for id_, rows in references.items():
        said_texts = {row.texts[0] for row in rows} - {None}
        if not said_texts:
            continue
        found = hypotheses.pop(id_, [])
        heard_texts = {row.heard for row in found} - {None}
        if len(said_texts) > 1 or len(heard_texts) > 1:
            pairs.ambiguous.append(id_)
        else:
            status = "ok" if heard_texts else found[0].status if found else "missing"
            pairs.scored.append(Pair(id_, said_texts.pop() or "", heard_texts.pop() if heard_texts else None, status))
    pairs.without_reference += hypotheses
    return pairs


def _noted(rows: Iterable[Row], pairs: Pairs) -> Iterator[Row]:
    """Yield rows, and note those that hold what is no text: a hypothesis of that kind is none."""
    for row in rows:
        if row.strange:
            pairs.unreadable.append(row.id)
        yield row


def _by_id(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(row)
    return found


def _rows(dataset: Dataset, names: tuple[str, ...]) -> Iterator[Row]:
    for shard in dataset.corrupt:
        raise InputDataError(f"{shard.uri}: {shard.error}")
    columns = {*names, _STATUS} & set(dataset.schema.names)
    for unit in plan_units(dataset.shards, _ROWS_AT_ONCE):
        for batch in read_pieces(dataset, unit, columns):
            for row in batch.rows:
                values = [row.values.get(name) for name in names]
                status = row.values.get(_STATUS)
                strange = row.error is not None or any(_text(value) is None and not _is_missing(value) for value in values)
                yield Row(row.id, tuple(map(_text, values)), status if isinstance(status, str) else "ok", strange)


def _text(value: Any) -> str | None:
    """Return what a table means by a value: numbers are texts too; ``None`` if it is missing, or no text."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.0f}" if value.is_integer() else repr(value)  # a column of integers with gaps is one of floats
    return str(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _tables(inputs: Iterable[str]) -> list[str]:
    """Return inputs with the files of its rows in place of each job's output: ``--files`` puts texts beside them."""
    return [table for location in inputs for table in _files_of_output(location) or [location]]


def _files_of_output(location: str) -> list[str]:
    """Return the files that hold the rows of a job's output; none if it is no such folder."""
    path, mark, query = location.partition("?") if "://" in location else (location, "", "")
    if "*" in path if "://" in path else not Path(path).expanduser().is_dir():
        return []
    return [f"{path.rstrip('/')}/{key}{mark}{query}" for key in Output(location).files] if is_output(location) else []


def _totals(rows: Sequence[RowErrors], pairs: Pairs, texts: Texts) -> dict[str, Any]:
    words, characters = _sums(rows)
    return {
        "rows": len(rows),
        **{name: len(ids) for name, ids in pairs.remarks.items()},
        **{status: sum(pair.status == status for pair in pairs.scored) for status in _WITHOUT_TEXT},
        "empty_references": sum(not row.reference for row in rows),
        "normalisation": texts.normalisation.value,
        "language": texts.language,
        "wer": words.rate,
        "cer": characters.rate,
        "words": asdict(words),
        "characters": asdict(characters),
        "ids": {name: ids[:_NAMED] for name, ids in pairs.remarks.items() if ids},
    }


def _sums(rows: Sequence[RowErrors]) -> tuple[Errors, Errors]:
    return sum((row.words for row in rows), Errors()), sum((row.characters for row in rows), Errors())


def _write(path: Path, rows: Sequence[RowErrors], pairs: Pairs, opinions: Opinions | None, totals: Mapping[str, Any]) -> None:
    """Write the rows that were scored; the totals are in the schema's metadata."""
    records = [
        {
            "id": row.id,
            "reference": row.reference,
            "hypothesis": row.hypothesis,
            "status": _status_of(pair),
            "wer": row.words.rate,
            "cer": row.characters.rate,
            **{f"word_{name}": count for name, count in asdict(row.words).items()},
            **{f"character_{name}": count for name, count in asdict(row.characters).items()},
            **(opinions.columns(row.id) if opinions else {}),
        }
        for row, pair in zip(rows, pairs.scored, strict=True)
    ]
    table = pa.Table.from_pylist(records).replace_schema_metadata({_METADATA_KEY: json.dumps(totals)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error}. Name another file: --output") from error


def _write_page(location: str, rows: Sequence[RowErrors], pairs: Pairs, totals: Mapping[str, Any], *, said: bool) -> None:
    """Write the page with the rows' differences, and say where it is."""
    store, key = split_uri(location)
    scored = [
        ScoredRow(row.id, words_of(row.reference), words_of(row.hypothesis), row.words.edits, _status_of(pair))
        for row, pair in zip(rows, pairs.scored, strict=True)
    ]
    write_evaluation(scored, totals, store, key)
    typer.echo(f"report  {report_link(store, key)}", err=not said)


def _status_of(pair: Pair) -> str:
    return pair.status if pair.status in _WITHOUT_TEXT else "missing" if pair.hypothesis is None else "ok"


_REMARKS = {
    "without_hypothesis": "all of the reference counts as missing",
    "without_reference": "not scored",
    "repeated_hypotheses": "several hypotheses of one id",
    "repeated_references": "several references of one id",
    "ambiguous": "not scored: the texts of the id differ",
    "unreadable": "lines that cannot be read, values that are no text",
}


def _report(rows: Sequence[RowErrors], pairs: Pairs, texts: Texts, opinions: Opinions | None) -> None:
    missing = len(pairs.without_hypothesis)
    why = ", ".join(f"{sum(pair.status == status for pair in pairs.scored):,} {status}" for status in _WITHOUT_TEXT)
    lines = [("rows", f"{len(rows):,} ({missing:,} without a hypothesis: {why})")]
    for name, errors in zip(("WER", "CER"), _sums(rows), strict=True):
        rate = "-" if errors.rate is None else f"{errors.rate:.2%}"
        edits = f"{errors.substitutions} substituted, {errors.deletions} missing, {errors.insertions} too many"
        lines.append((name, f"{rate} of {errors.length:,} ({edits})"))
    lines.append(("texts", str(texts)))
    lines += [(name.replace("_", " "), f"{_named(ids)} ({_REMARKS[name]})") for name, ids in pairs.remarks.items() if ids]
    lines += opinions.lines if opinions else ()
    width = max(len(name) for name, _ in lines)
    for name, line in lines:
        typer.echo(f"{name:<{width}}  {line}")


def _named(ids: Sequence[str]) -> str:
    shown = ", ".join(map(repr, ids[:_NAMED]))
    return f"{len(ids):,}: {shown}" + (", …" if len(ids) > _NAMED else "")


if __name__ == "__main__":
    run_app(app)
