"""What a job costs beside its workers' work: 10,000 to 1M rows in 10 to 100,000 shards, and a worker that does nothing.

Each point is a job of its own in a process of its own, then resumed when it is finished and when every second part is gone.
``process`` runs the worker in the driver's process; its threads' CPU seconds are left out of the driver's. ``ray`` starts Ray
here; the driver's CPU seconds are those of its process alone. Requests are counted at a moto server on loopback. Writes
``.bench/scale.json`` and the table of ``benchmarks/README.md``; ``--quick`` takes minutes.
"""

import argparse
import functools
import gzip
import json
import logging
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from actors.batching import EngineStats
from actors.bundle import Bundle
from actors.rows import Columns, InputRow, RowDone, blank_row, tell_nobody
from actors.runtime.processor import this_processor
from actors.synthesizer import SYNTHESIS_COLUMNS
from benchmarks.sizing import filled
from cluster import output, runner, storage
from cluster.dataset import Dataset, scan
from cluster.output import PartSchema, Run, audio_feature, open_run, part_schema
from cluster.registry import EMBEDDED, describe
from jobs.pipeline import UnitRows, choose_backend, report_input, run_missing

ROOT = Path(__file__).parents[2]
BENCH = ROOT / ".bench"
README = ROOT / "benchmarks" / "README.md"

UNIT_ROWS = UnitRows(256, 256)  # the most that a synthesis job takes, at any number of workers
FORMATS = ("parquet", "jsonl", "jsonl.gz", "jsonl.zst")
QUICK = [(10_000, 10), (10_000, 1000)]
FULL = [(10_000, 10), (100_000, 100), (1_000_000, 10), (1_000_000, 1000)]
# Of shards with ten rows each: what a shard costs.
TINY = {"parquet": [(100_000, 10_000), (1_000_000, 100_000)], "jsonl.gz": [(100_000, 10_000)]}
ON_S3 = (10_000, 10)


@dataclass(frozen=True)
class NullConfig:
    """Makes workers that have nothing to do."""

    revision: ClassVar[int] = 1
    output_columns: ClassVar[Columns] = SYNTHESIS_COLUMNS

    input_columns: tuple[str, ...] = ("text",)
    slots: int = 1

    def open(self, bundle: Bundle, device: str, threads: int, *_: Bundle) -> "NullWorker":  # noqa: ARG002 - as every config
        """Return a worker."""
        return NullWorker()

    def blank_row(self, row: InputRow, model: str) -> dict[str, Any]:
        """Return a row for which there is no result."""
        return blank_row(SYNTHESIS_COLUMNS, row.id, model) | {"text": row.values["text"]}

    def content_of(self, row: InputRow) -> None:
        """Nothing is kept."""

    def adopt(self, made: Mapping[str, Any], row: InputRow, model: str) -> dict[str, Any]:
        """Return the output of a row by that of another."""
        return {**made, "id": row.id, "model": model}


class NullWorker:
    """Every row is ok at once, with an empty result."""

    stats = EngineStats()

    def __call__(self, rows: Sequence[InputRow], done: RowDone = tell_nobody) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return a result for each row."""
        return [{"id": row.id, "text": row.values["text"], "status": "ok"} for row in rows]

    def close(self) -> None:
        """There is nothing to close."""


# --- corpora -----------------------------------------------------------------------------------------------------


def make_corpus(folder: Path, kind: str, rows: int, shards: int) -> Path:
    """Write a corpus of short texts with ids, unless it is there."""
    if not folder.exists():
        made = folder.with_suffix(".part")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        with ProcessPoolExecutor() as pool:
            write = functools.partial(_write_shard, made, kind, rows // shards)
            for _ in pool.map(write, range(shards), chunksize=max(1, shards // 100)):
                pass
        made.rename(folder)
    return folder


def _write_shard(folder: Path, kind: str, rows: int, index: int) -> None:
    path = folder / f"{index:06d}.{kind}"
    first = index * rows
    ids = [f"row-{i:08d}" for i in range(first, first + rows)]
    texts = [f"This is sentence number {i} of a corpus, and it is neither long nor short." for i in range(first, first + rows)]
    if kind == "parquet":
        pq.write_table(pa.table({"id": ids, "text": texts}), path)
        return
    lines = "".join(json.dumps({"id": id_, "text": text}) + "\n" for id_, text in zip(ids, texts, strict=True)).encode()
    pack: dict[str, Callable[[bytes], bytes]] = {"jsonl.gz": gzip.compress, "jsonl.zst": zstandard.compress}
    path.write_bytes(pack.get(kind, bytes)(lines))


# --- one job, in a process of its own ------------------------------------------------------------------------------


def run_job(corpus: str, target: str, backend: str, *, plan_only: bool) -> dict[str, float]:
    """Run a job and say what it took; ``plan_only`` ends when it is known what is missing."""
    written, worker_s = _watch_writes(), _watch_workers()
    cpu_before, start = time.process_time(), time.monotonic()
    dataset = scan(corpus)
    scanned = time.monotonic()
    report_input(dataset)
    found = {"scan_s": scanned - start}
    with open_run(target, arguments={}, other={}, inputs=dataset.inputs) as run:
        if plan_only:
            return {
                **found,
                "units": len(run.missing_units(dataset.shards, UNIT_ROWS.most)),
                "planned_s": time.monotonic() - start,
            }
        first = _watch_first(run)
        schema = _schema(dataset)
        task = runner.Task(dataset, run.writer(schema), describe(EMBEDDED)[0], NullConfig())
        summary, _ = run_missing(run, task, choose_backend(backend == "process", None, 1, 0, None), UNIT_ROWS)
    return {
        **found,
        "first_s": (first[0] if first else time.monotonic()) - scanned,
        "wall_s": time.monotonic() - start,
        "driver_cpu_s": time.process_time() - cpu_before - sum(worker_s),
        "worker_cpu_s": sum(worker_s),
        "parts": len(summary.parts),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "record_bytes": written.get(output.RUN_NAME, 0),
    }


def _schema(dataset: Dataset) -> PartSchema:
    features = {"audio": audio_feature(24000)}
    return part_schema(SYNTHESIS_COLUMNS, dataset.schema, consumed={"id", "text"}, features=features)


def _watch_writes() -> dict[str, int]:
    """Return a dict that grows with the bytes written to each file."""
    written: dict[str, int] = {}

    def watch(kind: type[storage.Store]) -> None:
        plain = kind.write_bytes

        def write(self: storage.Store, key: str, data: Any) -> None:
            written[key] = written.get(key, 0) + len(data)
            plain(self, key, data)

        kind.write_bytes = write  # type: ignore[method-assign]

    watch(storage.LocalStore)
    return written


def _watch_workers() -> list[float]:
    """Return a list that grows with the CPU seconds of the units that run in this process."""
    seconds: list[float] = []
    plain = runner.UnitWorker.run

    def run(worker: runner.UnitWorker, units: runner.Group) -> list[runner.Outcome]:
        before = time.thread_time()
        try:
            return plain(worker, units)
        finally:
            seconds.append(time.thread_time() - before)

    runner.UnitWorker.run = run  # type: ignore[assignment, method-assign]
    return seconds


def _watch_first(run: Run) -> list[float]:
    """Return a list that gets the time when the first part is counted."""
    seen: list[float] = []
    plain = run.add

    def add(*arguments: Any) -> None:
        if not seen:
            seen.append(time.monotonic())
        plain(*arguments)

    run.add = add  # type: ignore[assignment, method-assign]
    return seen


def count_requests(corpus: str) -> dict[str, float]:
    """Run a job on a moto server, and return its requests a part."""
    from moto.server import ThreadedMotoServer

    requests: list[str] = []

    class Log(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            requests.extend(re.findall(r'"(?:\x1b\[\d+m)*([A-Z]+ \S+)', record.getMessage()))

    log = logging.getLogger("werkzeug")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(Log())
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    os.environ.update(credentials, AWS_ENDPOINT_URL=f"http://{host}:{port}", AWS_REGION="us-east-1")
    bucket = urllib.request.Request(f"http://{host}:{port}/bucket", method="PUT")
    urllib.request.urlopen(bucket).close()  # noqa: S310 - loopback
    store = storage.open_store("s3://bucket/in")
    for path in sorted(Path(corpus).iterdir()):
        store.write_file(path.name, path)
    dataset = scan("s3://bucket/in")
    with open_run("s3://bucket/out", arguments={}, other={}, inputs=dataset.inputs) as run:
        task = runner.Task(dataset, run.writer(_schema(dataset)), describe(EMBEDDED)[0], NullConfig())
        requests.clear()
        summary, _ = run_missing(run, task, choose_backend(True, None, 1, 0, None), UNIT_ROWS)
    done = len(requests)
    server.stop()
    return {"requests": done / len(summary.parts)}


# --- the grid ------------------------------------------------------------------------------------------------------


def main() -> None:
    """Measure every point, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small corpora only")
    parser.add_argument("--backend", choices=("process", "ray", "both"), default="both")
    parser.add_argument("--format", choices=FORMATS, action="append", help="default: all")
    parser.add_argument("--no-readme", action="store_true", help="leave the table in the README alone")
    parser.add_argument("--child", nargs=4, metavar=("WHAT", "CORPUS", "OUTPUT", "BACKEND"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        what, corpus, target, backend = arguments.child
        made = count_requests(corpus) if what == "s3" else run_job(corpus, target, backend, plan_only=what == "plan")
        print(json.dumps(made))
        return
    points = [
        {"format": kind, "rows": rows, "shards": shards, "backend": backend, **measure(kind, rows, shards, backend)}
        for kind, rows, shards, backend in grid(arguments)
    ]
    requests = {kind: _child("s3", _corpus(kind, *ON_S3), BENCH / "none", "process")["requests"] for kind in FORMATS}
    report = {"processor": this_processor().name, "cores": os.cpu_count(), "points": points, "requests": requests}
    (BENCH / "scale.json").write_text(json.dumps(report, indent=1))
    shutil.rmtree(BENCH / "scale")
    text = table(report)
    print(text)
    if not arguments.no_readme:
        README.write_text(filled(README.read_text(), {"scale": text}))


def grid(arguments: argparse.Namespace) -> Iterator[tuple[str, int, int, str]]:
    """Yield format, rows, shards and backend of every point."""
    backends = ("process", "ray") if arguments.backend == "both" else (arguments.backend,)
    kinds = arguments.format or FORMATS
    for backend in backends:
        for kind in kinds:
            if backend == "process" or kind == "parquet":  # Ray's share does not depend on the format
                for shape in QUICK if arguments.quick else [*FULL, *TINY.get(kind, [])]:
                    yield kind, *shape, backend


def measure(kind: str, rows: int, shards: int, backend: str) -> dict[str, float]:
    """Run one point's job, and resume it finished and half-finished."""
    corpus, target = _corpus(kind, rows, shards), BENCH / "scale" / "out"
    shutil.rmtree(target, ignore_errors=True)
    found = _child("run", corpus, target, backend)
    again = _child("run", corpus, target, backend)
    found |= {"resume_s": again["process_s"], "resume_cpu_s": again["process_cpu_s"]}
    for part in sorted(target.glob("part-*"))[::2]:
        part.unlink()
    (target / output.INDEX_NAME).unlink()
    half = _child("plan", corpus, target, backend)
    found |= {"half_s": half["process_s"], "half_cpu_s": half["process_cpu_s"]}
    if half["units"] < found["parts"] // 2:
        raise SystemExit(f"{half['units']} units are missing of {found['parts']}: the measurement is wrong")
    shutil.rmtree(target)
    print(f"{kind} {rows} {shards} {backend}: {json.dumps(found)}", flush=True)
    return found


def _corpus(kind: str, rows: int, shards: int) -> Path:
    return make_corpus(BENCH / "scale" / f"{kind}-{rows}-{shards}", kind, rows, shards)


def _child(what: str, corpus: Path, target: Path, backend: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.soak.scale", "--child", what, str(corpus), str(target), backend]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled"}
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**found, "process_s": time.monotonic() - start, "process_cpu_s": cpu_s}


def table(report: Mapping[str, Any]) -> str:
    """Return the report in Markdown."""
    titles = (
        "workers", "format", "rows", "shards", "parts", "scan, s", "first unit after, s", "wall, s", "driver, ms CPU a row",
        "worker, ms CPU a row", "driver's peak, MB", "run.json, kB written", "resume finished, s (CPU)", "half, s (CPU)",
    )  # fmt: skip
    lines = ["|" + "|".join(titles) + "|", "|---|---|" + "---:|" * (len(titles) - 2)]
    for point in report["points"]:
        cells = (
            point["backend"], point["format"], f"{point['rows']:,}", f"{point['shards']:,}", f"{point['parts']:,}",
            f"{point['scan_s']:.1f}", f"{point['first_s']:.1f}", f"{point['wall_s']:.1f}",
            f"{1000 * point['driver_cpu_s'] / point['rows']:.3f}",
            f"{1000 * point['worker_cpu_s'] / point['rows']:.3f}" if point["worker_cpu_s"] else "",
            f"{point['peak_mb']:,.0f}", f"{point['record_bytes'] / 1000:,.0f}",
            f"{point['resume_s']:.1f} ({point['resume_cpu_s']:.1f})", f"{point['half_s']:.1f} ({point['half_cpu_s']:.1f})",
        )  # fmt: skip
        lines.append("|" + "|".join(cells) + "|")
    requests = ", ".join(f"{kind} {count:.2f}" for kind, count in report["requests"].items())
    rows, shards = ON_S3
    return (
        f"{report['processor']}, {report['cores']} cores, Python {platform.python_version()}.\n\n"
        + "\n".join(lines)
        + f"\n\nRequests a part on S3 in all, {rows:,} rows in {shards} shards: {requests}.\n"
    )


if __name__ == "__main__":
    main()
