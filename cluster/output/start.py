"""Starts a job in its output folder, or goes on with one."""

import contextlib
import hashlib
import json
import logging
import platform
import uuid
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any, Literal

from actors.errors import ResumeError, UsageError
from cluster.dataset import Location
from cluster.output.files import EARLIER_INDEX_NAME, EARLIER_NAMES, INDEX_NAME, INPUTS_NAME, RUN_NAME, read_json, write_json
from cluster.output.lock import Lock, acquire_lock, timestamp
from cluster.output.parts import PART_NAME
from cluster.output.record import EarlierIndex, Index, Inputs, InputsNote, RunRecord, is_of_earlier_version, read_run
from cluster.output.run import Run
from cluster.storage import Store, open_store

logger = logging.getLogger(__name__)

_ABSENT = object()
# Among the arguments, but for the first one: outputs that are older than the counting have none.
_REVISION = "revision"
_FIRST_REVISION = 1
Mode = Literal["resume", "overwrite", "renew"]


def open_run(
    output: Location,
    *,
    arguments: Mapping[str, Any],
    other: Mapping[str, Any],
    inputs: Sequence[tuple[str, str | None]],
    mode: Mode = "resume",
    revision: int = _FIRST_REVISION,
) -> Run:
    """Start a job in an output folder, or go on with it.

    A folder without ``run.json`` must hold no Parquet file and no index; other files are left alone.

    Args:
        output: folder or URI.
        arguments: what decides the result (model digest, seed, columns, …), as JSON values.
        other: further arguments, to be noted.
        inputs: ``Dataset.inputs``. A resumed job may have further shards at the end, and corrupt ones repaired.
        mode: ``resume``, or ``overwrite`` to delete the files of an earlier job first (no others); ``renew`` resumes what can
            be resumed and overwrites what cannot: the output of another job, or of an input that has changed.
        revision: of what we compute ourselves; it decides the result as ``arguments`` do.

    Raises:
        ResumeError: another job runs there, or was there with other arguments (the message lists the differences) or another
            revision; or an earlier version wrote the output, or a compacted file is damaged.
        UsageError: the folder holds Parquet files of something else.
        StorageError: the store cannot be reached or written.
    """
    store = open_store(output)
    if revision != _FIRST_REVISION:
        arguments = {**arguments, _REVISION: revision}
    lock = acquire_lock(store, uuid.uuid4().hex)
    try:
        return _start_run(store, lock, arguments, other, inputs, mode)
    except BaseException:
        lock.release()
        raise


def _start_run(
    store: Store,
    lock: Lock,
    arguments: Mapping[str, Any],
    other: Mapping[str, Any],
    inputs: Sequence[tuple[str, str | None]],
    mode: Mode,
) -> Run:
    if mode == "renew":
        try:
            return _start_run(store, lock, arguments, other, inputs, "resume")
        except ResumeError as error:
            logger.info("starting anew: %s", error)
            return _start_run(store, lock, arguments, other, inputs, "overwrite")
    arguments = json.loads(json.dumps(arguments))  # as they will be read back: tuples become lists
    earlier = read_run(store)
    index = read_json(store, INDEX_NAME, Index) if earlier else None
    if earlier and mode == "overwrite":
        _delete_job(store, index)
        earlier = index = None
    earlier_inputs = _read_inputs(store, earlier) if earlier else []
    if earlier is None:
        if is_of_earlier_version(store):
            _replace_earlier_version(store, mode)
        _require_unused(store)
    else:
        compacted = bool(index and index.compacted)
        _require_same(store, earlier, arguments, _input_differences(earlier_inputs, inputs, compacted=compacted))
    known: dict[str, Any] = {
        "state": "running",
        "fingerprint": fingerprint_of(arguments),
        "session": lock.session,
        "arguments": arguments,
        "other": json.loads(json.dumps(other)),
        "inputs": InputsNote(file=INPUTS_NAME, shards=len(inputs)),
        "versions": _versions(),
    }
    if earlier:
        ended = {"error": None, "ended": None, "rtf": None}
        record = earlier.model_copy(update={**known, **ended, "sessions": earlier.sessions + 1})
    else:
        record = RunRecord(**known, sessions=1, counts={}, started=timestamp())
    finished = bool(earlier and earlier.state == "finished" and earlier_inputs == list(inputs) and index)
    if finished and index and _is_whole(store, index):
        return Run(store, record, lock, index, finished=True)
    store.delete_temporaries(older_than_s=0)
    for key in [*(index.compacting if index else ()), INDEX_NAME]:
        store.delete(key)
    if earlier is None or earlier_inputs != list(inputs):
        write_json(store, INPUTS_NAME, Inputs(inputs=list(inputs)), indent=None)
    write_json(store, RUN_NAME, record)
    return Run(store, record, lock, index, finished=False)


def _require_same(store: Store, earlier: RunRecord, arguments: Mapping[str, Any], of_inputs: Sequence[str]) -> None:
    """Raise :class:`ResumeError` if a job is not the one that was begun in its output."""
    begun, ours = (found.get(_REVISION, _FIRST_REVISION) for found in (earlier.arguments, arguments))
    before, now = ({**found, _REVISION: None} for found in (earlier.arguments, arguments))
    differences = [*_differences(before, now), *of_inputs]
    if begun != ours:
        told = "; ".join([f"its revision is {begun}, here it is {ours}", *differences])
        raise ResumeError(
            f"{store} was begun by speechmill {earlier.versions.get('speechmill', 'of another version')}, of which equal rows "
            f"have other bytes ({told}). Go on with that version, choose another output folder, or overwrite the output."
        )
    if differences:
        raise ResumeError(
            f"{store} belongs to a job with other arguments: {'; '.join(differences)}. Choose another output folder, "
            "repeat the earlier arguments, or overwrite the output."
        )


def _is_whole(store: Store, index: Index) -> bool:
    """Say whether a finished job has its files, with the sizes that they had, and no parts besides.

    What an interrupted compaction has left beside them is deleted: readers would find rows twice.

    Raises:
        ResumeError: a compacted file does not.
        StorageError: the store cannot be reached.
    """
    sizes = {entry.key: entry.size for entry in store.entries()}
    others = [key for key in sizes if PART_NAME.fullmatch(key) and key not in index.files]
    changed = [key for key, size in index.files.items() if sizes.get(key) != size]
    if changed and index.compacted:
        raise ResumeError(
            f"{store}: {', '.join(changed[:3])}{', …' if changed[3:] else ''} is gone or has another size than when the output "
            "was compacted. Restore the file, choose another output folder, or overwrite the output."
        )
    for key in changed:
        logger.warning("%s is gone or has another size than when the job finished: its rows are done again", store.uri_of(key))
    for key in sizes.keys() & {*index.compacting, *(others if index.compacted else ())}:
        store.delete(key)
    return not changed and (bool(index.compacted) or not others)


def _read_inputs(store: Store, record: RunRecord) -> list[tuple[str, str | None]]:
    """Return the inputs of an earlier run.

    Raises:
        ResumeError: their file is gone or cannot be understood.
        StorageError: the store cannot be reached.
    """
    found = read_json(store, record.inputs.file, Inputs)
    if found is None:
        raise ResumeError(
            f"{store.uri_of(record.inputs.file)} is gone, which says what the input was. Choose another output folder, or "
            "overwrite the output."
        )
    return found.inputs


def fingerprint_of(arguments: Mapping[str, Any]) -> str:
    """Return the sha256 (hex) of arguments in canonical JSON."""
    return hashlib.sha256(_canonical(arguments).encode()).hexdigest()


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield ``name: old -> new`` for every value whose JSON differs, at any depth: whatever changes the fingerprint."""
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, f"{prefix}{key}.")
        elif _canonical(before) != _canonical(after):
            yield f"{prefix}{key}: {_canonical(before)} -> {_canonical(after)}"


def _canonical(value: Any) -> str:
    return "(absent)" if value is _ABSENT else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _input_differences(
    old: Sequence[tuple[str, str | None]], new: Sequence[tuple[str, str | None]], *, compacted: bool
) -> list[str]:
    """Say how the input differs, apart from what a resumed job may add: repaired shards, and new ones at the end."""
    if compacted:
        return [] if list(old) == list(new) else ["input: it changed after the output was compacted"]
    found = []
    for i, (name, digest) in enumerate(old):
        if i >= len(new):
            found.append(f"input {i}: {name} -> (nothing)")
        elif new[i][0] != name:
            found.append(f"input {i}: {name} -> {new[i][0]}")
        elif digest not in (None, new[i][1]):
            found.append(f"input {name}: {'its content changed' if new[i][1] else 'it can no longer be read'}")
    return found[:5]


def _require_unused(store: Store) -> None:
    taken = [e.key for e in store.entries() if e.key == INDEX_NAME or ("/" not in e.key and e.key.endswith(".parquet"))]
    if taken:
        raise UsageError(
            f"{store} has no {RUN_NAME} but holds {', '.join(taken[:3])}{', …' if taken[3:] else ''}: choose an empty "
            "output folder"
        )


def _delete_job(store: Store, index: Index | None) -> None:
    """Delete what an earlier job wrote; ``run.json`` last, so that the folder stays ours if this is interrupted."""
    parts = [entry.key for entry in store.entries() if PART_NAME.fullmatch(entry.key)]
    compacted = [*index.compacting, *(file.key for file in index.compacted)] if index else []
    for key in [*parts, *compacted, INDEX_NAME, INPUTS_NAME, RUN_NAME]:
        store.delete(key)


def _replace_earlier_version(store: Store, mode: Mode) -> None:
    """Delete the output of a version that kept its records beside the parts, if that is what is wanted.

    Raises:
        ResumeError: it is not.
        StorageError: the store cannot be reached.
    """
    if mode != "overwrite":
        raise ResumeError(
            f"{store} was written by an earlier version of speechmill, whose records this one does not read: choose another "
            "output folder, or overwrite the output"
        )
    index = read_json(store, EARLIER_INDEX_NAME, EarlierIndex) or EarlierIndex()
    parts = [entry.key for entry in store.entries() if PART_NAME.fullmatch(entry.key)]
    for key in [*parts, *index.compacting, *index.compacted, *EARLIER_NAMES]:
        store.delete(key)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("speechmill", "ray", "onnxruntime", "pyarrow", "numpy"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
