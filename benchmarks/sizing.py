"""How many nodes, hours and dollars a corpus takes, from the speeds in ``docs/performance.md``: ``docs/sizing.md``.

``--write`` puts the tables for 1,000,000 hours into the page, ``--check`` fails if it has others; other arguments only print.
"""

import argparse
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SPEEDS = ROOT / "docs" / "performance.md"
PAGE = ROOT / "docs" / "sizing.md"


@dataclass(frozen=True)
class Family:
    """A model family: its table of speeds, the seconds of audio in a row there, and the rate of its output (0: text)."""

    name: str
    table: str
    row_s: float
    sample_rate: int


@dataclass(frozen=True)
class Node:
    """A machine like one that a table has a column for: ``kernels`` as the column names them, price in $ an hour on demand."""

    name: str
    kernels: str
    cores: int
    price: float


FAMILIES = (
    Family("Soprano 80M", "soprano_speed", 6.0, 32_000),
    Family("PocketTTS 100M", "pocket_speed", 5.0, 24_000),
    Family("VibeVoice-Realtime 0.5B", "vibevoice_speed", 4.0, 24_000),
    Family("VibeVoice-ASR 1.5B", "transcription_speed", 20.0, 0),
)
# AWS list prices in us-east-1, as known in November 2026; spot moves, so it is a share of them (--price for yours).
NODES = (Node("c7i.4xlarge", "VNNI", 8, 0.714), Node("c5a.4xlarge", "avx2", 8, 0.616))
HEAD_PRICE = 0.2016  # m7i.xlarge
SPOT_SHARE = 0.4
GB_MONTH_PRICE = 0.023  # S3 standard
REQUEST_PRICE = 5e-6  # PUT
REQUESTS_A_PART = 3
ROWS_A_PART = 256
# What 60 demo sentences of the embedded voice take (197 s, short files with their headers): FLAC as a share of WAV at 16 kHz,
# the rate of that voice; Opus and MP3 in bytes a second, nearly the same at all rates.
FLAC_SHARE = 0.58
OPUS_BYTES, MP3_BYTES = 12_300, 12_400


@dataclass(frozen=True)
class Plan:
    """What is asked for, and what is assumed.

    Attributes:
        audio_hours: to make, or to transcribe.
        days: in which.
        efficiency: what a job reaches of the bare engine that the tables show.
        start_minutes: from asking for a node to its first row.
        idle_minutes: until the autoscaler takes an idle node away.
        interruptions: spot notices a node-hour; each costs half a unit and a new start.
        unit_minutes: of a unit on its worker.
        price: $ a node-hour; ``None``: :data:`SPOT_SHARE` of the list price.
    """

    audio_hours: float = 1e6
    days: float = 7.0
    efficiency: float = 0.9
    start_minutes: float = 3.0
    idle_minutes: float = 5.0
    interruptions: float = 0.05
    unit_minutes: float = 2.0
    price: float | None = None


@dataclass(frozen=True)
class Size:
    """What a plan takes on nodes of one kind; ``cost`` is of nodes, head and requests, in $."""

    nodes: int
    node_hours: float
    cost: float


def size(plan: Plan, speed: float, node: Node, row_s: float) -> Size:
    """Return what a plan takes with an engine of ``speed`` audio seconds a core-second.

    Raises:
        ValueError: no number of nodes is enough, since starting one takes all the time there is.
    """
    busy = plan.audio_hours / (speed * node.cores * plan.efficiency)
    lost = plan.interruptions * (plan.start_minutes + plan.unit_minutes / 2) / 60
    if lost >= 1 or plan.days * 24 * 60 <= plan.start_minutes:
        raise ValueError("nodes start and go before they have done anything: give the plan more time, or less of both")
    working = busy / (1 - lost)
    nodes = math.ceil(working / (plan.days * 24 - plan.start_minutes / 60))
    node_hours = working + nodes * (plan.start_minutes + plan.idle_minutes) / 60
    price = SPOT_SHARE * node.price if plan.price is None else plan.price
    requests = REQUESTS_A_PART * plan.audio_hours * 3600 / row_s / ROWS_A_PART
    return Size(nodes, node_hours, node_hours * price + plan.days * 24 * HEAD_PRICE + requests * REQUEST_PRICE)


def speeds(table: str, kernels: str, page: str) -> dict[str, float]:
    """Return our best audio seconds a core-second by precision, in a table's column for a kind of processor.

    Raises:
        ValueError: the page has no such table, or the table no such column.
    """
    threads, cells = column_of(table, kernels, page)
    best: dict[str, float] = {}
    for name, cell in cells.items():
        if ours := re.match(r"Speechmill (\w+),", name):
            best[ours[1]] = max(float(cell.split()[0]) / threads, best.get(ours[1], 0.0))
    return best


def column_of(table: str, kernels: str, page: str) -> tuple[int, dict[str, str]]:
    """Return the threads and the cells that are not empty of a table's column for a kind of processor.

    Raises:
        ValueError: the page has no such table, or the table no such column.
    """
    found = re.search(rf"<!-- {table} -->\n(.*?)<!-- /{table} -->", page, re.DOTALL)
    if found is None:
        raise ValueError(f"the page has no table {table}")
    titles, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines())
    column, threads = _column(titles, kernels)
    return threads, {row[0]: row[column] for row in rows if row[column]}


def _column(titles: Sequence[str], kernels: str) -> tuple[int, int]:
    for i, title in enumerate(titles):
        if found := re.search(rf"\({re.escape(kernels)}\), (\d+) threads", title):
            return i, int(found[1])
    raise ValueError(f"no column of {list(titles)} is of {kernels}")


def tables(plan: Plan, performance: str) -> Mapping[str, str]:
    """Return the page's tables by the name of their marks."""
    return {"sizing": _table(_computed(plan, performance)), "sizing_storage": _table(_stored(plan))}


def _computed(plan: Plan, performance: str) -> Iterator[Sequence[str]]:
    yield "Model", "Node", "x real time a core", "Node-hours", f"Nodes for {plan.days:g} days", "$", "$ for 1,000 h"
    for family in FAMILIES:
        for node in NODES:
            for precision, speed in speeds(family.table, node.kernels, performance).items():
                taken = size(plan, speed, node, family.row_s)
                yield (
                    f"{family.name}, {precision}",
                    f"{node.name} ({node.kernels})",
                    f"{speed:.2f}",
                    f"{taken.node_hours:,.0f}",
                    f"{taken.nodes:,}",
                    f"{taken.cost:,.0f}",
                    f"{taken.cost / plan.audio_hours * 1000:,.2f}",
                )


def _stored(plan: Plan) -> Iterator[Sequence[str]]:
    yield "Model", "Rows", "WAV", "FLAC", "Opus", "MP3", "FLAC on S3, $ a month"
    seconds = plan.audio_hours * 3600
    for family in FAMILIES:
        rows = f"{seconds / family.row_s / 1e6:,.0f} million of {family.row_s:g} s"
        if not family.sample_rate:
            yield family.name, rows, "text", "", "", "", ""
            continue
        wav = 2 * family.sample_rate * seconds
        sizes = (wav, wav * FLAC_SHARE, OPUS_BYTES * seconds, MP3_BYTES * seconds)
        month = wav * FLAC_SHARE / 1e9 * GB_MONTH_PRICE
        yield family.name, rows, *(f"{stored / 1e12:,.0f} TB" for stored in sizes), f"{month:,.0f}"


def _table(rows: Iterator[Sequence[str]]) -> str:
    titles, *body = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in (titles, ["---"] * len(titles), *body))


def filled(page: str, made: Mapping[str, str]) -> str:
    """Return the page with its tables replaced."""
    for name, table in made.items():
        before, rest = page.split(f"<!-- {name} -->\n")
        _, after = rest.split(f"<!-- /{name} -->")
        page = f"{before}<!-- {name} -->\n{table}<!-- /{name} -->{after}"
    return page


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, write them into the page, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Plan()
    parser.add_argument("--audio-hours", type=float, default=default.audio_hours)
    parser.add_argument("--days", type=float, default=default.days, help="until it is done")
    parser.add_argument("--price", type=float, help="$ of a node-hour; default: a share of the list price")
    parser.add_argument("--efficiency", type=float, default=default.efficiency, help="of a job against the bare engine")
    parser.add_argument("--interruptions", type=float, default=default.interruptions, help="spot notices a node-hour")
    parser.add_argument("--start-minutes", type=float, default=default.start_minutes, help="from asking for a node to its work")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="into docs/sizing.md")
    what.add_argument("--check", action="store_true", help="fail if docs/sizing.md has other tables")
    given = vars(parser.parse_args(arguments))
    write, check = given.pop("write"), given.pop("check")
    plan = Plan(**given)
    if (write or check) and plan != default:
        parser.error("the page holds the tables of the defaults")
    made = tables(plan, SPEEDS.read_text())
    page = PAGE.read_text()
    if write:
        PAGE.write_text(filled(page, made))
    elif check and page != filled(page, made):
        sys.exit("docs/sizing.md is not what the speeds in docs/performance.md give: run python -m benchmarks.sizing --write")
    elif not check:
        print("\n".join(made.values()))


if __name__ == "__main__":
    main()
