"""The page about an evaluation: what was said, what was heard, and the difference word by word."""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from cluster.storage import Store
from reports.differences import Difference, differences

_SHOWN = 200  # rows, the worst first
_SHOWN_CONFUSIONS = 12
_ALIGNED_ROWS = 20_000  # of which confusions are counted
_ALIGNED_CELLS = 25_000_000  # words times words: a longer pair is shown without its differences
_SHOWN_WORDS = 800  # of a row


@dataclass(frozen=True)
class ScoredRow:
    """A row that was compared.

    Attributes:
        id: of the row.
        reference: the words that were said, as they are compared.
        hypothesis: those that were heard.
        errors: substitutions, deletions and insertions.
        status: ``ok``, or why nothing was heard.
    """

    id: str
    reference: Sequence[str]
    hypothesis: Sequence[str]
    errors: int
    status: str = "ok"

    @property
    def rate(self) -> float | None:
        """Errors for each word that was said."""
        return self.errors / len(self.reference) if self.reference else None


@dataclass(frozen=True)
class EvaluatedView:
    """A row and its differences; ``left_out`` counts the words that are not shown."""

    row: ScoredRow
    differences: Sequence[Difference]
    left_out: int


def write_evaluation(
    rows: Sequence[ScoredRow], totals: Mapping[str, Any], to: Store, key: str = "report.html", title: str = "Evaluation"
) -> str:
    """Write the page about an evaluation; return its key.

    Args:
        rows: all that were compared.
        totals: as ``evaluate --json`` prints them.
        to: where the page is written.
        key: of the page there.
        title: of the page.

    Raises:
        StorageError: the page cannot be written.
    """
    from reports.charts import histogram
    from reports.page import render

    worst = heapq.nsmallest(_SHOWN, (row for row in rows if row.errors and row.status == "ok"), key=_badness)
    rates = np.array([100 * row.rate for row in rows if row.rate is not None and row.status == "ok"])
    values = {
        "title": title,
        "kind": "Word errors",
        "totals": totals,
        "rows": rows,
        "unheard": [row for row in rows if row.status != "ok"],
        "perfect": sum(row.errors == 0 for row in rows),
        "charts": [histogram("Word errors of rows", "per cent of the words", rates)],
        "worst": [_view(row) for row in worst],
        "confusions": _confusions(rows),
        "aligned": min(len(rows), _ALIGNED_ROWS),
    }
    to.write_bytes(key, render("evaluation.html", values))
    return key


def _view(row: ScoredRow) -> EvaluatedView:
    said, heard = row.reference[:_SHOWN_WORDS], row.hypothesis[:_SHOWN_WORDS]
    left_out = len(row.reference) - len(said) + len(row.hypothesis) - len(heard)
    return EvaluatedView(row, list(differences(said, heard)), left_out)


def _confusions(rows: Sequence[ScoredRow]) -> dict[str, list[tuple[tuple[str, str], int]]]:
    """Return the most frequent edits of single words, by kind."""
    found: dict[str, Counter[tuple[str, str]]] = {kind: Counter() for kind in ("replace", "delete", "insert")}
    for row in rows[:_ALIGNED_ROWS]:
        if row.errors and row.hypothesis and len(row.reference) * len(row.hypothesis) < _ALIGNED_CELLS:
            for difference in differences(row.reference, row.hypothesis):
                if difference.edit != "equal":
                    pairs = _word_pairs(difference)
                    found[difference.edit].update(pairs)
    return {kind: counter.most_common(_SHOWN_CONFUSIONS) for kind, counter in found.items()}


def _badness(row: ScoredRow) -> tuple[float, int]:
    """Return what the worst rows have least of."""
    return -(float(row.errors) if row.rate is None else row.rate), -row.errors


def _word_pairs(difference: Difference) -> list[tuple[str, str]]:
    """Return what was said and heard word by word; a word that has no other stands beside nothing."""
    return list(zip_longest(difference.said.split(" "), difference.heard.split(" "), fillvalue=""))
