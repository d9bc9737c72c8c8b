"""What normalisers make of the cases: ``python -m benchmarks.normalisation [--python wetext=VENV/bin/python …] [--wrong]``.

Prints a table of languages and candidates (share of cases read as a person would, MB of text a CPU second), one of kinds for
English, how fast ours reads plain prose, and with ``--wrong`` what it reads wrong. wetext and nemo run where ``--python`` names
an interpreter that has them.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from actors.text import Normaliser
from benchmarks.normalisation.candidates import CANDIDATES
from benchmarks.normalisation.cases import Case, languages, read_cases

PROSE = Path(__file__).parents[2] / "jobs" / "demo_sentences.txt"


@dataclass(frozen=True)
class Outcome:
    """What a candidate made of the cases of a language, and how long that took."""

    cases: Sequence[Case]
    spoken: Sequence[str]
    seconds: float

    def share(self, kind: str | None = None) -> float:
        """Return the share of cases (of a kind) that are read as a person would."""
        rights = [case.allows(said) for case, said in zip(self.cases, self.spoken, strict=True) if kind in (None, case.kind)]
        return sum(rights) / len(rights)

    @property
    def speed(self) -> float:
        """MB of text a CPU second."""
        return sum(len(case.written.encode()) for case in self.cases) / self.seconds / 1e6


def run(name: str, language: str, python: str) -> Outcome:
    """Run a candidate in its interpreter."""
    cases = list(read_cases(language))
    command = [python, "-m", "benchmarks.normalisation.candidates", name, language]
    texts = json.dumps([case.written for case in cases])
    done = subprocess.run(command, input=texts, stdout=subprocess.PIPE, text=True, check=True)
    return Outcome(cases, **json.loads(done.stdout))


def table(outcomes: Mapping[tuple[str, str], Outcome], names: Sequence[str]) -> str:
    """Return a row a language: the share of each candidate, with its speed."""
    lines = [f"|language|cases|{'|'.join(names)}|", f"|---|---:|{'---:|' * len(names)}"]
    for language in languages():
        cells = []
        for name in names:
            outcome = outcomes.get((name, language))
            cells.append("" if outcome is None else f"{outcome.share():.1%} ({outcome.speed:.2g})")
        lines.append(f"|{language}|{len(list(read_cases(language)))}|{'|'.join(cells)}|")
    return "\n".join(lines)


def kinds_table(outcomes: Mapping[tuple[str, str], Outcome], names: Sequence[str], language: str) -> str:
    """Return a row a kind of a language's cases: the share of each candidate."""
    found = {name: outcomes[name, language] for name in names if (name, language) in outcomes}
    cases = list(read_cases(language))
    lines = [f"|{language}|cases|{'|'.join(found)}|", f"|---|---:|{'---:|' * len(found)}"]
    for kind in sorted({case.kind for case in cases}):
        shares = "|".join(f"{outcome.share(kind):.0%}" for outcome in found.values())
        lines.append(f"|{kind}|{sum(case.kind == kind for case in cases)}|{shares}|")
    return "\n".join(lines)


def prose_speed() -> str:
    """Return how fast ours reads the demo's sentences, which have hardly a number, line by line; the best of nine times."""
    lines = PROSE.read_text(encoding="utf-8").splitlines() * 20
    size = sum(len(line.encode()) + 1 for line in lines) / 1e6
    normaliser = Normaliser("en")

    def speed(read: Callable[[str], object]) -> float:
        def seconds() -> float:
            start = time.process_time()
            for line in lines:
                read(line)
            return time.process_time() - start

        return size / min(seconds() for _ in range(9))

    read, cut = speed(lambda line: normaliser(line).text), speed(lambda line: normaliser(line).sentences)
    return f"Plain prose: {read:.1f} MB a CPU second, {cut:.1f} cut into sentences."


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], metavar="CANDIDATE=INTERPRETER")
    parser.add_argument("--wrong", action="store_true", help="Show what ours reads wrong.")
    arguments = parser.parse_args()
    pythons = dict.fromkeys(("speechmill", "as-written", "soprano-tts"), sys.executable)
    pythons |= dict(pair.split("=", 1) for pair in arguments.python)
    outcomes = {
        (name, language): run(name, language, python)
        for name, python in pythons.items()
        for language in languages()
        if (spoken := CANDIDATES[name][1]) is None or language in spoken
    }
    print(table(outcomes, list(pythons)), kinds_table(outcomes, list(pythons), "en"), prose_speed(), sep="\n\n")
    if arguments.wrong:
        for language in languages():
            ours = outcomes["speechmill", language]
            for case, said in zip(ours.cases, ours.spoken, strict=True):
                if not case.allows(said):
                    print(f"\n{language} {case.kind}: {case.written}\n  read: {said}\n  want: {case.readings[0]}")


if __name__ == "__main__":
    main()
