"""What the check found, as Markdown tables."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.gpu_check.budget import Found

Results = Mapping[str, tuple[Sequence[Found], str]]
Facts = Mapping[str, str]

_MIB = 2**20
_HOST = "CPUExecutionProvider"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, or nothing if it has no rows."""
    escaped = ([cell.replace("|", r"\|") for cell in cells] for cells in (titles, ["---"] * len(titles), *rows))
    lines = ["| " + " | ".join(cells) + " |" for cells in escaped]
    return "\n".join(lines) + "\n" if rows else ""


def write(facts: Facts, results: Results, *, dry: bool) -> str:
    """Return the whole report."""
    of = {kind: {name: part for name, part in results.items() if _kind(name) == kind} for kind in ("parity", "graphs", "speed")}
    why = [f"- {name}: {ended}" for name, (_, ended) in results.items() if ended]
    parts = [
        f"# {'A dry run' if dry else 'The check'} on {facts['name']}\n",
        "Nothing here is about a GPU: every line ran on the CPU, with tiny models.\n" if dry else "",
        f"{'Every family computes what it should.' if holds(results) else '**Not every family computes what it should.**'}\n",
        table(["", ""], [[name, fact] for name, fact in facts.items()]),
        "## The same as on the CPU\n",
        table(
            ["model", "", "rows", "difference, mixed batch", "alone", "tokens agree", "same bytes in any batch", ""],
            [_parity(found) for found in _found(of["parity"])],
        ),
        "## Speed and memory\n",
        table(
            ["model", "slots", "x real time", "prefill", "step", "finish", "memory, MiB", "grown, MiB"],
            [_speed(name, found) for name, (lines, _) in of["speed"].items() for found in lines],
        ),
        "## A step of each graph\n",
        _graphs(of["graphs"]),
        "## Left out\n" if why else "",
        "\n".join(why) + "\n" if why else "",
    ]
    return "\n".join(part for part in parts if part)


def _kind(name: str) -> str:
    return next((kind for kind in ("parity", "graphs") if name.startswith(kind)), "speed")


def _found(results: Results) -> Iterator[Found]:
    for lines, _ in results.values():
        yield from lines


def _parity(found: Found) -> list[str]:
    named = [found["family"], found["precision"], str(found["rows"])]
    if "failed" in found:
        return [*named, "", "", "", "", f"**does not run**: {found['failed']}"]
    return [
        *named,
        f"{found['mixed']:.1e}",
        f"{found['alone']:.1e}",
        f"{found['agreed']:.0%}",
        "yes" if found["same_bytes"] else "no",
        "holds" if found["holds"] else "**does not hold**",
    ]


def _speed(name: str, found: Found) -> list[str]:
    shares = [f"{found[phase]:.0%}" for phase in ("prefill", "step", "finish")]
    memory = [f"{found[what] / _MIB:,.0f}" for what in ("memory", "grown")]
    return [name, str(found["slots"]), f"{found['audio_s'] / found['wall_s']:,.1f}", *shares, *memory]


def _graphs(results: Results) -> str:
    gains = next((list(found["gains"]) for found in _found(results) if "gains" in found), [])
    rows, notes = [], []
    for name, (lines, _) in results.items():
        for found in lines:
            title = f"{name.removeprefix('graphs of ')} {found['precision']}, {found['graph']}"
            if "failed" in found:
                notes.append(f"- {title} did not run: {found['failed']}")
                continue
            numbers = [f"{found['crossing'] / 1024:,.0f}", f"{found['milliseconds']:.2f}"]
            rows.append([title, str(found["rows"]), *_nodes(found["nodes"]), *numbers, *map(_gain, found["gains"].values())])
            notes += [f"- {title}, {how}: {gain}" for how, gain in found["gains"].items() if isinstance(gain, str)]
    titles = ["graph", "rows", "nodes", "on the CPU", "copies between", "KiB in and out", "ms as in the engine", *gains]
    return table(titles, rows) + "".join(f"\n{note}" for note in notes) + "\n"


def _nodes(nodes: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return how many nodes there are, which of them are on the CPU, and how many copies stand around those."""
    everywhere = {(provider, name): count for provider, named in nodes.items() for name, count in named.items()}
    copies = sum(count for (_, name), count in everywhere.items() if name.startswith("Memcpy"))
    host = {name: count for (provider, name), count in everywhere.items() if provider == _HOST}
    shown = "all" if len(nodes) == 1 and host else ", ".join(f"{count} {name}" for name, count in sorted(host.items()))
    return [str(sum(everywhere.values()) - copies), shown or "none", str(copies)]


def _gain(gain: float | str) -> str:
    return "no" if isinstance(gain, str) else f"x {gain:.2f}"


def holds(results: Results) -> bool:
    """Whether every comparison with the CPU was made, and held."""
    compared = [(lines, ended) for name, (lines, ended) in results.items() if _kind(name) == "parity"]
    return bool(compared) and all(lines and not ended and all(found["holds"] for found in lines) for lines, ended in compared)
