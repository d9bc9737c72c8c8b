"""Cuts shards into units."""

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence

from actors.errors import InputDataError, UsageError
from cluster.dataset.shards import Shard, Unit

# What a unit's rows may have together, without compression, if there are several.
UNIT_BYTES = 128 << 20


def too_large(size: int) -> InputDataError:
    """Return the error of a unit that has ``size`` bytes or more: its halves may be read."""
    return InputDataError(f"the rows have {size >> 20} MiB or more, and together they may have {UNIT_BYTES >> 20}: read fewer")


def plan_units(shards: Sequence[Shard], rows_per_unit: int) -> list[Unit]:
    """Cut all shards into units of at most ``rows_per_unit`` rows."""
    return missing_units(shards, {}, rows_per_unit)


def missing_units(shards: Sequence[Shard], covered: Mapping[int, Sequence[Unit]], rows_per_unit: int) -> list[Unit]:
    """Return the units for the rows that ``covered`` (shard index -> disjoint units) lacks.

    Gaps are cut where a fresh plan would cut, so part names stay the same from run to run.
    """
    if rows_per_unit < 1:
        raise UsageError(f"a unit needs at least 1 row, got {rows_per_unit}")
    return [unit for shard in shards for unit in _uncovered(shard, covered.get(shard.index, ()), rows_per_unit)]


def _cuts(shard: Shard, rows_per_unit: int) -> list[int]:
    """Return the rows where new units start: they depend on nothing but the shard and ``rows_per_unit``.

    Units of large rows have fewer. Small row groups are taken together and large ones cut; only a large one is ever cut.
    """
    if shard.row_bytes:
        rows_per_unit = max(1, min(rows_per_unit, UNIT_BYTES // (2 * shard.row_bytes)))  # some are larger than others
    groups = shard.row_groups or (shard.rows,)
    cuts = []
    start = group_start = 0
    for stop in itertools.accumulate(groups):
        if stop - start > rows_per_unit and start < group_start:
            start = group_start
            cuts.append(start)
        while stop - start > rows_per_unit:
            start += rows_per_unit
            cuts.append(start)
        group_start = stop
    return cuts


def _uncovered(shard: Shard, covered: Sequence[Unit], rows_per_unit: int) -> Iterator[Unit]:
    cuts = _cuts(shard, rows_per_unit)
    for first, stop in _gaps(shard.rows, covered):
        inner = cuts[bisect_right(cuts, first) : bisect_left(cuts, stop)]
        for start, end in itertools.pairwise([first, *inner, stop]):
            yield Unit(shard.index, start, end - start)


def _gaps(rows: int, covered: Sequence[Unit]) -> Iterator[tuple[int, int]]:
    start = 0
    for unit in sorted(covered):
        if unit.first > start:
            yield start, unit.first
        start = unit.stop
    if start < rows:
        yield start, rows
