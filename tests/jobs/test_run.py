"""A third job, of a few lines: it runs, resumes, refuses and plans by what its config and its workers say of themselves."""

import json
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer

from actors.audio.codec import encode
from actors.batching import EngineStats
from actors.bundle import Bundle
from actors.deciding import NOT_DECIDING
from actors.rows import AUDIO, Columns, InputRow, RowDone, blank_row, tell_nobody
from cluster.dataset import scan
from cluster.output import Output, audio_feature
from cluster.registry import EMBEDDED, describe
from cluster.storage import Store
from jobs.console import run_app
from jobs.options import OutputFolder, SharedOptions, output_location, with_shared_options
from jobs.pipeline import UnitRows
from jobs.run import Job, run_job
from tests.jobs.conftest import Ended

COLUMNS: Columns = {
    "id": str,
    "beep": AUDIO,
    "duration_s": float,
    "tones": [{"word": str, "hertz": int}],
    "status": str,
    "error": str,
    "finish_reason": str,
    "model": str,
}


@dataclass(frozen=True)
class Envelope:
    attack_s: float = 0.0
    decay_s: float = 0.0


@dataclass(frozen=True)
class BeepConfig:
    """Says words as beeps."""

    revision: ClassVar[int] = 1
    output_columns: ClassVar[Columns] = COLUMNS
    input_columns: ClassVar[tuple[str, ...]] = ("words", "key")

    hertz: int = 440
    envelope: Envelope = field(default_factory=Envelope)
    slots: int = field(default=2, metadata=NOT_DECIDING)

    def open(self, bundle: Bundle, device: str, threads: int, *_: Bundle) -> "Beeper":
        assert (bundle.manifest.name, device) == ("embedded", "cpu")
        assert threads > 0
        return Beeper(self, bundle.reference)

    def blank_row(self, row: InputRow, model: str) -> dict[str, Any]:
        return blank_row(COLUMNS, row.id, model)

    def content_of(self, row: InputRow) -> None:
        pass

    def adopt(self, made: Mapping[str, Any], row: InputRow, model: str) -> dict[str, Any]:
        return {**made, "id": row.id, "model": model}


class Beeper:
    """Beeps, if there are words."""

    stats = EngineStats()

    def __init__(self, config: BeepConfig, model: str) -> None:
        self._config = config
        self._model = model

    def __call__(self, rows: Sequence[InputRow], done: RowDone = tell_nobody) -> list[dict[str, Any]]:  # noqa: ARG002
        return list(map(self._beep, rows))

    def close(self) -> None:
        """There is nothing to close."""

    def _beep(self, row: InputRow) -> dict[str, Any]:
        output = self._config.blank_row(row, self._model)
        words = row.values["words"]
        if row.error or not words:
            return output | {"error": row.error or "there are no words"}
        tones = [{"word": word, "hertz": self._config.hertz} for word in words.split()]
        sound = {"bytes": encode(np.zeros(800, np.float32), 8000, "wav"), "path": f"{row.id}.wav"}
        return output | {"beep": sound, "duration_s": 0.1, "tones": tones, "status": "ok", "finish_reason": "eos"}


class Beeps:
    """The command line of the job, with the type of its config, and what it does at the end."""

    def __init__(self) -> None:
        self.config: Callable[..., BeepConfig] = BeepConfig
        self.finish: Callable[[Store], int] = lambda _: 0
        self.app = typer.Typer()
        self.app.command()(with_shared_options(self.beep))

    def beep(
        self,
        inputs: Annotated[list[str], typer.Option("--input")],
        output: OutputFolder,
        hertz: int = 440,
        decay: float = 0.0,
        *,
        shared: SharedOptions,
    ) -> int:
        """Beep words: all that a third job has to say."""
        model, manifest = describe(EMBEDDED)
        text_files = shared.text_files()
        job = Job(
            dataset=scan(inputs, "words", exclude=[output], use="text", options=text_files),
            id_column="id",
            text_files=text_files,
            model=model,
            manifest=manifest,
            config=self.config(hertz=hertz, envelope=Envelope(decay_s=decay)),
            output=output_location(output),
            unit_rows=UnitRows(1, 2),
            features={"beep": audio_feature(8000)},
            passed=["key"],
            finish=self.finish,
        )
        return run_job(job, shared)


RunBeeps = Callable[..., Ended]


@pytest.fixture
def beeps() -> Beeps:
    return Beeps()


@pytest.fixture
def beep(
    beeps: Beeps, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[RunBeeps]:
    """Runs the job on five rows, the last of which has no words."""
    handler = signal.getsignal(signal.SIGTERM)
    rows = [{"id": f"row {i}", "words": f"one two {i}" if i < 4 else "", "key": i, "note": "n"} for i in range(5)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def start(*arguments: object) -> Ended:
        caplog.clear()
        job = ["--no-ray", "--input", tmp_path / "in.jsonl", "--output", tmp_path / "out", *arguments]
        with pytest.raises(SystemExit) as caught:
            run_app(beeps.app, list(map(str, job)))
        out, err = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return Ended(caught.value.code, out, err + caplog.text)

    yield start
    signal.signal(signal.SIGTERM, handler)


def record(folder: Path) -> Any:
    return json.loads((folder / "out" / ".speechmill" / "run.json").read_bytes())


def test_it_runs(beep: RunBeeps, tmp_path: Path) -> None:
    ended = beep()
    assert ended.code == 0, ended.err
    assert "5 (4 ok, 1 rejected, 0 failed)" in ended.out
    rows = list(Output(tmp_path / "out").rows())
    assert list(rows[0]) == [*COLUMNS, "key", "note"]  # what was passed on, and what nobody has read
    assert rows[3]["tones"] == [{"word": word, "hertz": 440} for word in ("one", "two", "3")]
    assert rows[3]["model"] == describe(EMBEDDED)[0].reference
    assert [row["error"] for row in rows] == [None] * 4 + ["there are no words"]
    (part, *_) = sorted((tmp_path / "out").glob("part-*"))
    features = json.loads(pq.read_schema(part).metadata[b"huggingface"])["info"]["features"]
    assert features["beep"] == {"sampling_rate": 8000, "_type": "Audio"}
    kinds = {"word": "string", "hertz": "int64"}
    assert features["tones"] == [{name: {"dtype": kind, "_type": "Value"} for name, kind in kinds.items()}]
    kept = record(tmp_path)
    assert kept["arguments"].keys() == {"model", "id_column", "text_files", "limit", "device", "columns", "hertz"}
    assert kept["other"] == {"workers": None, "cores_per_worker": 1, "gpus_per_worker": 0.0, "slots": 2}


def test_it_goes_on_with_what_is_missing(beep: RunBeeps, tmp_path: Path) -> None:
    assert beep().code == 0
    parts = {part.name: part.read_bytes() for part in (tmp_path / "out").glob("part-*")}
    assert "had nothing to do" in beep().out
    (tmp_path / "out" / min(parts)).unlink()
    assert "of 5 rows are there already" in beep().err
    assert {part.name: part.read_bytes() for part in (tmp_path / "out").glob("part-*")} == parts


def test_it_refuses_other_arguments_and_can_overwrite(beep: RunBeeps, tmp_path: Path) -> None:
    assert beep().code == 0
    ended = beep("--hertz", 880, "--decay", 0.5, "--limit", 2)
    assert ended.code == 2
    assert 'envelope: (absent) -> {"decay_s":0.5}; hertz: 440 -> 880; limit: null -> 2' in ended.err
    assert beep("--hertz", 880, "--overwrite").code == 0
    assert record(tmp_path)["arguments"]["hertz"] == 880


def test_it_refuses_a_field_that_its_config_did_not_have(beeps: Beeps, beep: RunBeeps) -> None:
    @dataclass(frozen=True)
    class Louder(BeepConfig):
        gain: float = 1.0

    assert beep().code == 0
    beeps.config = Louder
    ended = beep()
    assert (ended.code, "gain: (absent) -> 1.0" in ended.err) == (2, True)
    assert beep("--overwrite").code == 0
    beeps.config = lambda **given: Louder(gain=2.0, **given)
    ended = beep()
    assert (ended.code, "other arguments: gain: 1.0 -> 2.0. Choose" in ended.err) == (2, True)


def test_it_refuses_an_output_of_another_revision(beeps: Beeps, beep: RunBeeps) -> None:
    class Revised(BeepConfig):
        revision = 2

    class RevisedAgain(BeepConfig):
        revision = 3

    assert beep().code == 0
    for config, revisions in ((Revised, "its revision is 1, here it is 2"), (RevisedAgain, "its revision is 2, here it is 3")):
        beeps.config = config
        ended = beep()
        assert ended.code == 2
        assert f"equal rows have other bytes ({revisions}). Go on with that version" in ended.err
        assert beep("--overwrite").code == 0
        assert "had nothing to do" in beep().out


def test_a_name_that_all_jobs_have_is_no_name_for_a_field(beeps: Beeps, beep: RunBeeps) -> None:
    @dataclass(frozen=True)
    class Limited(BeepConfig):
        limit: int = 3

    beeps.config = Limited
    with pytest.raises(TypeError, match="multiple values for keyword argument 'limit'"):
        beep()


def test_it_plans(beep: RunBeeps, tmp_path: Path) -> None:
    ended = beep("--dry-run")
    assert ended.code == 0, ended.err
    assert "nothing was written" in ended.out
    assert not (tmp_path / "out").exists()


def test_what_it_cannot_do_at_the_end_is_in_its_exit_code(beeps: Beeps, beep: RunBeeps, tmp_path: Path) -> None:
    seen: list[str] = []

    def finish(store: Store) -> int:
        seen.append(store.uri)
        return len(seen) - 1

    beeps.finish = finish
    assert (beep().code, beep().code) == (0, 1)
    assert seen == [str(tmp_path / "out")] * 2


def test_wrong_usage_is_refused_before_anything_is_read(beep: RunBeeps, tmp_path: Path) -> None:
    ended = beep("--input", tmp_path / "nothing", "--workers", "2:1")
    assert (ended.code, "--workers '2:1' is neither N nor MIN:MAX" in ended.err) == (2, True)
