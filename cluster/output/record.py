"""A job's record and index: what it is, how it went, and which parts it has."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from actors.errors import ResumeError, UsageError
from cluster.output.files import EARLIER_RUN_NAME, RUN_NAME, read_if_there, read_json
from cluster.output.parts import Part, Summary
from cluster.output.progress import Point
from cluster.storage import Store


class MadeBy(BaseModel):
    """The parts of an output that one kind of machine made: see :class:`actors.runtime.processor.Maker`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    processor: str
    onnxruntime: str
    numpy: str
    speechmill: str
    openvino: str = ""
    parts: list[str]


class InputsNote(BaseModel):
    """Where the names and digests of the input's shards are, and how many there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    shards: int


class RunRecord(BaseModel):
    """The content of ``run.json``.

    ``arguments`` decide the result and are what the fingerprint is made of; ``other`` do not. ``inputs`` says where the names
    and digests of the shards are. ``versions`` are those of the machine that started the job; ``made_by`` says which parts
    were computed by what, once the job has stopped or ended. While it runs, the file is a few seconds old. Times add up over
    all sessions (a start and each resume). ``rtf`` is wall time by seconds of audio. ``waited_row_s`` are rows that could
    have been with a worker that was not there yet, times the seconds that took. ``worker_s`` are the seconds of all workers
    by phase (see :class:`cluster.runner.Usage`). ``cached_rows`` came out of a cache of rows, or are equal to another row.
    ``finish_reasons`` counts the rows that have one; ``duplicate_ids`` has a sentence for each of the first ids that several
    rows share. ``progress`` says how far the job was when: seconds of all sessions, rows, seconds of audio.
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
    inputs: InputsNote
    versions: dict[str, str]
    made_by: list[MadeBy] = []
    counts: dict[str, int]
    finish_reasons: dict[str, int] = {}
    duplicate_ids: list[str] = []
    started: str
    ended: str | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    waited_row_s: float = 0.0
    worker_s: dict[str, float] = {}
    cached_rows: int = 0
    audio_s: float = 0.0
    rtf: float | None = None
    progress: list[Point] = []


class Inputs(BaseModel):
    """The content of ``inputs.json``: name and digest of each shard (no digest: it is corrupt)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    inputs: list[tuple[str, str | None]]


class JoinedFile(BaseModel):
    """A file that a compaction made: its key, and its size in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    size: int


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
    finish_reasons: dict[str, int] = {}
    corrupt_shards: dict[str, str]
    parts: list[Part]
    compacting: list[str] = []
    compacted: list[JoinedFile] = []

    @property
    def files(self) -> dict[str, int]:
        """The files that hold the rows, in the order of the rows, and their sizes in bytes."""
        return {file.key: file.size for file in self.compacted or self.parts}

    @property
    def summary(self) -> Summary:
        """What they hold."""
        return Summary(self.rows, self.status, self.duration_s, tuple(self.parts), self.finish_reasons)


class _EarlierRecord(BaseModel):
    """What the ``run.json`` of earlier versions has, which was beside the parts, and another program's has not."""

    format_version: Literal[1]
    fingerprint: str
    session: str


class EarlierIndex(BaseModel):
    """What is needed of the ``index.json`` that earlier versions had beside the parts."""

    compacting: list[str] = []
    compacted: list[str] = []


def is_of_earlier_version(store: Store) -> bool:
    """Say whether a version that kept its records beside the parts wrote an output.

    Raises:
        StorageError: the store cannot be reached.
    """
    content = read_if_there(store, EARLIER_RUN_NAME)
    try:
        return content is not None and bool(_EarlierRecord.model_validate_json(content))
    except ValidationError:
        return False


def read_run(store: Store) -> RunRecord | None:
    """Return what ``run.json`` says; ``None`` if there is none.

    Raises:
        ResumeError: it cannot be understood.
        StorageError: the store cannot be reached.
    """
    return read_json(store, RUN_NAME, RunRecord)


def require_run(store: Store) -> RunRecord:
    """Return what ``run.json`` says.

    Raises:
        UsageError: there is none.
        ResumeError: it cannot be understood, or an earlier version wrote the output.
        StorageError: the store cannot be reached.
    """
    if record := read_run(store):
        return record
    if is_of_earlier_version(store):
        raise ResumeError(
            f"{store} was written by an earlier version of speechmill, whose records this one does not read. Its Parquet "
            "files are as good as ever: name them instead of the folder, or read it with that version"
        )
    raise UsageError(f"{store} has no {RUN_NAME}: it is not the output of a job")
