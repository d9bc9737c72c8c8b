"""A job's record and index: what it is, how it went, and which parts it has."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from actors.errors import UsageError
from cluster.dataset import Location
from cluster.output.files import INDEX_NAME, RUN_NAME, read_json
from cluster.output.parts import Part, Summary, read_parts
from cluster.storage import Store, open_store


class MadeBy(BaseModel):
    """The parts of an output that one kind of machine made: see :class:`actors.processor.Maker`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    processor: str
    onnxruntime: str
    numpy: str
    speechmill: str
    parts: list[str]


class InputsNote(BaseModel):
    """Where the names and digests of the input's shards are, and how many there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    shards: int


class RunRecord(BaseModel):
    """The content of ``run.json``.

    ``arguments`` decide the result and are what the fingerprint is made of; ``other`` do not. ``inputs`` says where the
    names and digests of the shards are (earlier versions wrote them here). ``versions`` are those of the machine that
    started the job; ``made_by`` says which parts were computed by what, once the job has stopped or ended. While it runs,
    the file is a few seconds old. Times add up over all sessions (a start and each resume). ``rtf`` is wall time by seconds
    of audio. ``waited_row_s`` are rows that could have been with a worker that was not there yet, times the seconds
    that took.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    state: Literal["running", "stopped", "finished"]
    error: str | None = None
    fingerprint: str
    session: str
    sessions: int
    arguments: dict[str, Any]
    other: dict[str, Any]
    inputs: InputsNote | list[tuple[str, str | None]]
    versions: dict[str, str]
    made_by: list[MadeBy] = []
    counts: dict[str, int]
    started: str
    ended: str | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    waited_row_s: float = 0.0
    audio_s: float = 0.0
    rtf: float | None = None


class Inputs(BaseModel):
    """The content of ``run.inputs``: name and digest of each shard (no digest: it is corrupt)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    inputs: list[tuple[str, str | None]]


class Index(BaseModel):
    """The content of ``index.json``.

    The files ``compacted`` replace the parts; those in ``compacting`` are of a compaction that is not finished.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    fingerprint: str
    rows: int
    status: dict[str, int]
    duration_s: float
    corrupt_shards: dict[str, str]
    parts: list[Part]
    compacting: list[str] = []
    compacted: list[str] = []

    @property
    def files(self) -> list[str]:
        """The files that hold the rows."""
        return self.compacted or [part.key for part in self.parts]


def read_run(store: Store) -> RunRecord | None:
    """Return what ``run.json`` says; ``None`` if there is none.

    Raises:
        ResumeError: it cannot be understood.
        StorageError: the store cannot be reached.
    """
    return read_json(store, RUN_NAME, RunRecord)


def summarise(output: Location | Store) -> Summary:
    """Count an output's rows, from its index or, while a job is unfinished, from the footers of its parts.

    Raises:
        UsageError: the folder is not the output of a job.
        StorageError: the store cannot be reached.
    """
    store = output if isinstance(output, Store) else open_store(output)
    if index := read_json(store, INDEX_NAME, Index):
        return Summary(index.rows, index.status, index.duration_s, tuple(index.parts))
    record = read_run(store)
    if record is None:
        raise UsageError(f"{store} has no {RUN_NAME}: it is not the output of a job")
    return Summary.of(read_parts(store, record.fingerprint)[0])
