"""Jobs that share a row cache, and its upkeep, as users run them."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs import cache
from jobs.console import run_app
from jobs.sizes import parse_size, parse_span, say_size
from tests.jobs.conftest import SENTENCES, RunJob, StartJob

CommandLine = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Iterator[CommandLine]:
    """Runs ``jobs/cache.py`` in this process."""
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            run_app(cache.app, list(map(str, arguments)))
        assert isinstance(caught.value.code, int)
        return (caught.value.code, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, handler)


def write_input(path: Path, texts: list[str], prefix: str = "") -> Path:
    lines = [json.dumps({"id": f"{prefix}{i}", "text": text, "n": i}) + "\n" for i, text in enumerate(texts)]
    path.write_text("".join(lines))
    return path


def columns_of(output: Path, *names: str) -> list[dict[str, object]]:
    return [
        row for path in sorted(output.glob("part-*.parquet")) for row in pq.read_table(path, columns=list(names)).to_pylist()
    ]


def record_of(output: Path) -> dict[str, object]:
    record: dict[str, object] = json.loads((output / ".speechmill" / "run.json").read_bytes())
    return record


def test_an_edited_text_is_all_that_is_spoken_again(synthesize: RunJob, command: CommandLine, tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    options = ("--seed-by", "text", "--slots", 4)
    plain, kept, edited, tiny = (tmp_path / name for name in ("plain", "kept", "edited", "tiny"))
    source = write_input(tmp_path / "in.jsonl", [*SENTENCES, SENTENCES[0]])
    assert synthesize("--input", source, "--output", plain, *options).code == 0
    assert synthesize("--input", source, "--output", kept, *options, "--cache", rows).code == 0
    every = ("id", "text", "spoken_text", "voice", "audio", "duration_s", "status", "error", "chunks", "model", "seed", "n")
    assert columns_of(plain, *every) == columns_of(kept, *every)
    sounds = [row["audio"]["bytes"] for row in columns_of(kept, "audio")]  # type: ignore[index]
    assert sounds[0] == sounds[-1]

    other = write_input(tmp_path / "other.jsonl", [SENTENCES[1], "A new one.", *SENTENCES[2:]], prefix="book/")
    ended = synthesize("--input", other, "--output", edited, *options, "--cache", rows)
    assert "4 of 5 rows were made before" in " ".join(ended.out.split())
    assert record_of(edited)["cached_rows"] == 4
    made = columns_of(edited, "id", "audio", "n")
    assert [row["id"] for row in made] == [f"book/{i}" for i in range(5)]
    assert made[0]["audio"] == {"bytes": sounds[1], "path": columns_of(edited, "audio")[0]["audio"]["path"]}  # type: ignore[index]
    assert synthesize("--input", other, "--output", tmp_path / "again", *options).code == 0
    assert columns_of(tmp_path / "again", "id", "audio", "n") == made

    code, out, _ = command("info", "--cache", rows)
    assert (code, out.splitlines()[0].split(",")[0]) == (0, "6 rows")
    assert command("gc", "--cache", rows, "--max-size", 0, "--dry-run")[1].startswith("would remove 6 rows")
    old = time.time() - 40 * 86_400
    (used, *others) = sorted(rows.glob("*/*"))
    for path in others:
        os.utime(path, (old, old))
    assert command("gc", "--cache", rows, "--unused-for", "30d")[1].startswith("removed 5 rows")
    assert sorted(rows.glob("*/*")) == [used]
    ended = synthesize("--input", source, "--output", tiny, *options, "--cache", rows, "--cache-size", "1kB")
    assert ended.code == 0, ended.err
    assert columns_of(tiny, *every) == columns_of(plain, *every)
    assert not list(rows.glob("*/*"))


def test_a_killed_job_and_a_cache_that_is_no_folder_end_in_the_same_bytes(
    synthesize: RunJob, start_synthesize: StartJob, tmp_path: Path
) -> None:
    source = write_input(tmp_path / "in.jsonl", [f"{SENTENCES[i % 5]} Number {i}." for i in range(8)])
    options = ("--input", source, "--rows-per-unit", 2, "--slots", 2)
    killed = start_synthesize("--no-ray", *options, "--output", tmp_path / "killed", "--cache", tmp_path / "rows")
    killed.wait_for_parts(tmp_path / "killed", 2)
    killed.end(signal.SIGKILL)
    assert synthesize(*options, "--output", tmp_path / "killed", "--cache", tmp_path / "rows").code == 0
    ended = synthesize(*options, "--output", tmp_path / "fresh", "--cache", tmp_path / "rows")
    assert "8 of 8 rows were made before" in " ".join(ended.out.split())
    (tmp_path / "file").write_text("")
    ended = synthesize(*options, "--output", tmp_path / "plain", "--cache", tmp_path / "file")
    assert ended.code == 0
    assert ended.err.count("the job goes on without") == 1
    outputs = [columns_of(tmp_path / name, "id", "audio", "chunks") for name in ("killed", "fresh", "plain")]
    assert outputs[0] == outputs[1] == outputs[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gc", "--cache", "x"), "nothing says what may go: give --max-size, --unused-for or both"),
        (("gc", "--cache", "x", "--max-size", "much"), "--max-size 'much' is no size: write it as 500MB"),
        (("gc", "--cache", "x", "--unused-for", "30"), "--unused-for '30' is no span of time: write it as 12h"),
        (("info", "--cache", "ftp://x"), "unknown kind of store"),
    ],
)
def test_wrong_usage_is_said(command: CommandLine, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = command(*arguments)
    assert code == 2
    assert said in err


def test_a_size_without_a_cache_is_refused(synthesize: RunJob, tmp_path: Path) -> None:
    source = write_input(tmp_path / "in.jsonl", ["a"])
    ended = synthesize("--input", source, "--output", tmp_path / "out", "--cache-size", "1GB")
    assert ended.code == 2
    assert "give --cache" in ended.err


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("1000", 1000), ("50GB", 50 * 10**9), ("1.5 TiB", 3 * 2**39), ("7mb", 7 * 10**6), ("2b", 2)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text, "--max-size") == size


def test_spans_and_what_is_said_of_sizes() -> None:
    assert [parse_span(text, "") for text in ("90s", "2m", "1.5h", "30d", "2w")] == [90, 120, 5400, 2_592_000, 1_209_600]
    assert [say_size(size) for size in (0, 1500, 2 * 10**6, 3 * 10**9, 4 * 10**12)] == [
        "0.0 kB", "1.5 kB", "2.0 MB", "3.0 GB", "4.0 TB",
    ]  # fmt: skip
