"""Rows of the manifests of NeMo and Lhotse: lines of JSON that say where recordings are, each in words of its own.

Sources: NVIDIA NeMo, "Preparing Audio Data" (``audio_filepath``, ``duration``, ``offset``); Lhotse,
``lhotse/audio/recording.py`` and ``lhotse/cut/data.py``.
A row that is part of a recording cannot be transcribed as what it is, so it says that instead.
"""

from collections.abc import Mapping
from typing import Any

from actors.errors import RequestError
from cluster.dataset.text_options import Manifest

# A cut is as long as its recording if it lacks no more than this; both tools round.
_TOLERANCE_S = 0.05


def recognise(values: Mapping[str, Any]) -> Manifest | None:
    """Say whose manifest a row is of; ``None`` if it is of none."""
    if "audio_filepath" in values:
        return "nemo"
    is_recording = isinstance(values.get("sources"), list) and "sampling_rate" in values
    is_cut = str(values.get("type", "")).endswith("Cut") and "id" in values
    is_supervision = {"id", "recording_id", "start", "duration"} <= values.keys()
    return "lhotse" if is_recording or is_cut or is_supervision else None


def is_segment(values: Mapping[str, Any]) -> bool:
    """Say whether a row of NeMo's begins within a recording."""
    return bool(_seconds(values.get("offset")))


def find_audio(manifest: Manifest, values: Mapping[str, Any], folder: str | None, *, segmented: bool = False) -> str:
    """Return the path or URI of a row's recording.

    Args:
        manifest: whose row it is.
        values: the row.
        folder: where relative paths of NeMo begin: that of the manifest; ``None`` leaves them relative.
        segmented: rows of the manifest begin within recordings, so that those that begin at 0 are segments too.

    Raises:
        RequestError: the row names no recording, or something else than all of one.
    """
    if manifest == "lhotse":
        return _lhotse_audio(values)
    path = values.get("audio_filepath")
    if not isinstance(path, str) or not path:
        raise RequestError("the row of a NeMo manifest has no audio_filepath")
    if is_segment(values) or (segmented and "offset" in values):
        raise RequestError(_segment(_seconds(values.get("offset")), values.get("duration")))
    is_whole = path.startswith("/") or "://" in path
    return path if is_whole or folder is None else f"{folder.rstrip('/')}/{path}"


def _lhotse_audio(values: Mapping[str, Any]) -> str:
    recording: Any = values if "sources" in values else values.get("recording")
    if not isinstance(recording, Mapping):
        kind = values.get("type") or "supervision"
        raise RequestError(
            f"a Lhotse {kind} names no single recording: give a manifest of recordings, or of cuts of whole ones"
        )
    sources = recording.get("sources")
    if not isinstance(sources, list) or len(sources) != 1 or not isinstance(sources[0], Mapping):
        raise RequestError("a Lhotse recording must have one source")
    source, kind = sources[0].get("source"), sources[0].get("type")
    if kind not in ("file", "url") or not isinstance(source, str) or not source:
        raise RequestError(f"a Lhotse recording's source of type {kind!r} cannot be read: only files and URLs can")
    if values is not recording:
        _check_whole(values, recording, sources[0])
    return source


def _check_whole(cut: Mapping[str, Any], recording: Mapping[str, Any], source: Mapping[str, Any]) -> None:
    """Raise :class:`RequestError` if a cut is not all of its recording."""
    start, duration = _seconds(cut.get("start")), _seconds(cut.get("duration"))
    if start or duration < _seconds(recording.get("duration")) - _TOLERANCE_S:
        raise RequestError(_segment(start, duration))
    channels = source.get("channels")
    if isinstance(cut.get("channel"), int) and isinstance(channels, list) and len(channels) > 1:
        raise RequestError(f"the cut is channel {cut['channel']} of a recording with {len(channels)}: split its channels first")


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _segment(start: float, duration: Any) -> str:
    return (
        f"the row is a segment of a recording (it starts at {start:g} s and lasts {duration} s), and only whole recordings are "
        "transcribed: cut it out into a file of its own, or give the whole recording once"
    )
