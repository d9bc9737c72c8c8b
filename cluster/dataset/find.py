"""Finds a job's input files, in folders, by globs and on object stores. Nothing of them is read."""

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from actors.errors import InputDataError
from cluster.dataset.shards import Format, Location, Shard
from cluster.storage import Store, open_store, split_uri

_AUDIO_SUFFIXES = (".aac", ".aif", ".aiff", ".flac", ".m4a", ".m4b", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma")
_VIDEO_SUFFIXES = (".avi", ".m4v", ".mka", ".mkv", ".mov", ".mp4", ".webm", ".wmv")
MEDIA_SUFFIXES = frozenset(_AUDIO_SUFFIXES + _VIDEO_SUFFIXES)
_FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "txt",
}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_TEXT_SUFFIXES = [suffix for suffix, kind in _FORMATS.items() if kind != "parquet"]
ROW_SUFFIXES = frozenset([*_FORMATS, *(text + packed for text in _TEXT_SUFFIXES for packed in _COMPRESSIONS)])


class _Found(NamedTuple):
    """A file, its size, and the store of the input it was found under."""

    store: Store
    key: str
    size: int

    @property
    def uri(self) -> str:
        return self.store.uri_of(self.key)


def find_shards(inputs: Location | Sequence[Location], suffixes: frozenset[str], exclude: Iterable[Location]) -> list[Shard]:
    """Return the files of all inputs, each once, in order; nothing of them is read."""
    given = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)
    locations = [_normal(location) for location in given]
    skipped = tuple(open_store(_normal(location)).uri.rstrip("/") + "/" for location in exclude)
    found = {
        file.uri: file for location in locations for file in _find_files(location, suffixes) if not file.uri.startswith(skipped)
    }
    if not found:
        raise InputDataError(
            f"no input file at {', '.join(_split_query(location)[0] for location in locations) or '(no input given)'}: "
            f"expected files that end in {', '.join(sorted(suffixes))}"
        )
    root = _common_folder([file.store.uri for file in found.values()])
    return [
        Shard(
            index=index,
            name=uri.removeprefix(root),
            store=file.store,
            key=file.key,
            size=file.size,
            format=_format_of(file.key),
            compression=_COMPRESSIONS.get(_suffixes(file.key)[-1]),
        )
        for index, (uri, file) in enumerate(found.items())
    ]


def _find_files(location: str, suffixes: frozenset[str]) -> Iterator[_Found]:
    """Yield the files of one input that end in a known suffix: the file itself, those below a folder, or of a glob."""
    path, query = _split_query(location)
    if _may_be_file(path):
        store, key = split_uri(path + query)
        if entry := store.find(key):
            if not _has_suffix(key, suffixes):
                raise InputDataError(f"{store.uri_of(key)}: unknown suffix; expected {', '.join(sorted(suffixes))}")
            yield _Found(store, key, entry.size)
            return
    base, pattern = _split_glob(path)
    store = open_store(base + query)
    for entry in store.entries():
        parts = tuple(entry.key.split("/"))
        hidden = any(part.startswith((".", "_")) for part in parts)
        if not hidden and _has_suffix(entry.key, suffixes) and _matches(parts, pattern):
            yield _Found(store, entry.key, entry.size)


def _normal(location: Location) -> str:
    """Return a location without ``~``, ``..`` and trailing slashes."""
    text = os.fspath(location)
    if "://" not in text:
        return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111 - pathlib keeps ".."
    path, query = _split_query(text)
    return path.rstrip("/") + query


def _split_query(location: str) -> tuple[str, str]:
    if "://" not in location:
        return location, ""
    path, mark, query = location.partition("?")
    return path, mark + query


def _may_be_file(path: str) -> bool:
    """Say whether a path has a last part: a bucket or the root folder has none."""
    return path.count("/") > (2 if "://" in path else 0) and not path.endswith("/")


def _split_glob(path: str) -> tuple[str, tuple[str, ...]]:
    """Return the folder before the first part with a wildcard, and the parts from there on."""
    local = "://" not in path
    if local and Path(path).is_dir():  # a folder may have brackets in its name
        return path, ()
    parts = path.split("/")
    for i, part in enumerate(parts):
        if any(character in part for character in ("*?[" if local else "*[")):  # "?" begins a URI's query
            return "/".join(parts[:i]) or "/", tuple(parts[i:])
    return path, ()


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Say whether a path, or a folder it lies in, matches the glob."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_matches(parts[i:], pattern[1:]) for i in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _has_suffix(key: str, suffixes: frozenset[str]) -> bool:
    return key.lower().endswith(tuple(suffixes))


def _format_of(key: str) -> Format:
    suffixes = _suffixes(key)
    return _FORMATS.get(suffixes[-2 if suffixes[-1] in _COMPRESSIONS else -1], "media")


def _suffixes(key: str) -> tuple[str, str]:
    """Return the last two suffixes of a file's name, in small letters."""
    name, _, last = key.lower().rpartition(".")
    return "." + name.rpartition("/")[2].rpartition(".")[2], "." + last


def _common_folder(folders: list[str]) -> str:
    """Return the longest folder prefix of all ``folders`` with its trailing slash; empty if they share none."""
    columns = zip(*(folder.rstrip("/").split("/") for folder in folders), strict=False)
    shared = itertools.takewhile(lambda parts: len(set(parts)) == 1, columns)
    prefix = "/".join(parts[0] for parts in shared)
    return "" if prefix.endswith((":", ":/")) or not prefix else prefix + "/"
