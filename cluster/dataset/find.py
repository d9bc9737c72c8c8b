"""Finds a job's input files, in folders, by globs and on object stores. Nothing of them is read."""

import itertools
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from actors.errors import InputDataError
from cluster.dataset.folders import DANGLING, SPECIAL, list_folder
from cluster.dataset.shards import Format, Location, Shard
from cluster.dataset.text_options import TextOptions
from cluster.storage import Entry, LocalStore, Store, open_store, printable, split_uri

# What FFmpeg has a demuxer for and is heard: without raw samples, whose rate nobody knows, and lists of other files.
_AUDIO_SUFFIXES = (
    ".3ga .8svx .aa3 .aac .ac3 .adts .aif .aifc .aiff .amr .ape .au .awb .bwf .caf .dff .dsf .dts .eac3 .flac .gsm .m4a .m4b "
    ".m4r .mka .mlp .mp1 .mp2 .mp3 .mpa .mpc .oga .ogg .oma .omg .opus .ra .rf64 .shn .snd .sph .spx .tak .thd .truehd .tta "
    ".voc .w64 .wav .wave .weba .wma .wv"
)
_VIDEO_SUFFIXES = (
    ".3g2 .3gp .3gpp .asf .avi .divx .dv .f4v .flv .m1v .m2t .m2ts .m2v .m4v .mk3d .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf "
    ".nut .ogm .ogv .ogx .qt .rm .rmvb .ts .vob .webm .wmv .wtv"
)
_PLAYLIST_SUFFIXES = (".asx", ".cue", ".m3u", ".m3u8", ".pls", ".wpl", ".xspf")
MEDIA_SUFFIXES = frozenset((_AUDIO_SUFFIXES + " " + _VIDEO_SUFFIXES).split())
_FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "txt",
}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz", ".lz4": "lz4"}
_TEXT_SUFFIXES = [suffix for suffix, kind in _FORMATS.items() if kind not in ("parquet", "arrow")]
ROW_SUFFIXES = frozenset([*_FORMATS, *(text + packed for text in _TEXT_SUFFIXES for packed in _COMPRESSIONS)])

# Folders of other programs, whose content is none of the user's.
_SYSTEM_FOLDERS = ("__MACOSX", "_temporary", "_delta_log")
# What writers of datasets put beside the rows.
_DESCRIPTIONS = ("dataset_dict.json", "dataset_info.json", "dataset_infos.json", "index.json", "run.json", "state.json")
_CACHE = re.compile(r"cache-[0-9a-f]+(_\d+_of_\d+)?\.arrow")
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_MOST_KINDS = 12  # that are named of what is skipped


class _File(NamedTuple):
    """A file, its size and modification time, the store of the input it was found under, and whether it was named itself."""

    store: Store
    key: str
    size: int
    mtime: datetime
    is_named: bool = False

    @property
    def uri(self) -> str:
        return self.store.uri_of(self.key)


class Found(NamedTuple):
    """The files of an input, when each was changed, and which were named; and what is there but no part of it, in words."""

    shards: list[Shard]
    mtimes: list[datetime]
    named: set[int]
    skipped: tuple[str, ...]


def find_shards(
    inputs: Location | Sequence[Location], suffixes: frozenset[str], exclude: Iterable[Location], options: TextOptions
) -> Found:
    """Return the files of all inputs, each once, in order; nothing of them is read.

    Raises:
        InputDataError: there is none, or one that is named is of another kind.
        StorageError: a store cannot be read.
    """
    given = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)
    search = _Search(suffixes, exclude)
    locations = [_normal(location) for location in given]
    found = {file.uri: file for location in locations for file in search.files(location)}
    if not found:
        places = ", ".join(map(_place, locations)) or "(no input given)"
        there = f" Skipped there: {', '.join(search.skipped)}." if search.skipped else ""
        raise InputDataError(f"no input file at {places}: expected files that end in {', '.join(sorted(suffixes))}.{there}")
    root = _common_folder([file.store.uri for file in found.values()])
    names = [printable(uri.removeprefix(root)) for uri in found]
    shards = [_shard(i, name, file, options) for i, (name, file) in enumerate(zip(names, found.values(), strict=True))]
    named = {index for index, file in enumerate(found.values()) if file.is_named}
    return Found(shards, [file.mtime for file in found.values()], named, search.skipped)


def _place(location: str) -> str:
    """Return a location for a message, and what is there if nobody can read it."""
    path = printable(_split_query(location)[0])
    if "://" in location or Path(location).is_file() or Path(location).is_dir():
        return path
    kind = SPECIAL if Path(location).exists() else DANGLING if Path(location).is_symlink() else ""
    return f"{path} ({kind})" if kind else path


def _shard(index: int, name: str, file: _File, options: TextOptions) -> Shard:
    kind = _format_of(file.key)
    return Shard(
        index=index,
        name=name,
        store=file.store,
        key=file.key,
        size=file.size,
        format="csv" if kind == "txt" and options.delimiter else kind,
        compression=_COMPRESSIONS.get(_suffixes(file.key)[-1]),
        options=options,
        partition=_partition(name),
    )


def _partition(name: str) -> tuple[tuple[str, str | None], ...]:
    """Return the columns that folders such as ``lang=de`` give, as Hive and Spark name them."""
    pairs = (folder.partition("=") for folder in name.split("/")[:-1])
    return tuple((key, None if value == _HIVE_NULL else unquote(value)) for key, equals, value in pairs if key and equals)


class _Search:
    """Finds files that end in some suffixes, and counts what it leaves out."""

    def __init__(self, suffixes: frozenset[str], exclude: Iterable[Location]) -> None:
        self._suffixes = suffixes
        self._exclude = [open_store(_normal(location)) for location in exclude]
        self._counts: Counter[str] = Counter()

    @property
    def skipped(self) -> tuple[str, ...]:
        """What was left out, in words: the most frequent kinds first."""
        named = [f"{count} {kind}" for kind, count in self._counts.most_common(_MOST_KINDS)]
        others = sum(self._counts.values()) - sum(count for _, count in self._counts.most_common(_MOST_KINDS))
        return (*named, f"{others} others") if others else tuple(named)

    def files(self, location: str) -> Iterator[_File]:
        """Yield the files of one input: the file itself, those below a folder, or of a glob."""
        path, query = _split_query(location)
        if _may_be_file(path):
            store, key = _split_file(path, query)
            if entry := store.find(key):
                self._check_named(store.uri_of(key))
                self._check_outside(store.uri_of(key))
                yield _File(store, key, entry.size, entry.mtime, is_named=True)
                return
        base, pattern = _split_glob(path)
        store = open_store(base + query)
        self._check_outside(f"{store.uri.rstrip('/')}/")
        for entry in self._entries(store):
            parts = tuple(entry.key.split("/"))
            if _matches(parts, pattern) and not self._is_excluded(store.uri_of(entry.key)):
                if reason := self._reason_to_skip(parts, pattern):
                    self._counts[reason] += 1
                else:
                    yield _File(store, entry.key, entry.size, entry.mtime)

    def _entries(self, store: Store) -> list[Entry]:
        if not isinstance(store, LocalStore):
            return store.entries()
        leave_out = [other.root for other in self._exclude if isinstance(other, LocalStore)]
        return list_folder(store, self._counts, leave_out)

    def _is_excluded(self, uri: str) -> bool:
        return any(uri.startswith(store.uri.rstrip("/") + "/") for store in self._exclude)

    def _check_outside(self, uri: str) -> None:
        if self._is_excluded(uri):
            raise InputDataError(f"the input {printable(uri)} lies in the output: give the output a folder of its own")

    def _reason_to_skip(self, parts: tuple[str, ...], pattern: tuple[str, ...]) -> str:
        """Return why a file found below a folder is no input; empty if it is one."""
        signs = "." if self._suffixes is MEDIA_SUFFIXES else "._"  # recordings of YouTube are named _aBcDeF12345
        asked = tuple(part[:1] for part in pattern)
        for part in parts:
            is_hidden = part.startswith(tuple(signs)) and part[0] not in asked and not (part[0] == "_" and "=" in part)
            if is_hidden or part in _SYSTEM_FOLDERS:
                return f"hidden (begins with {part[0]!r})"
        if _has_suffix(parts[-1], _PLAYLIST_SUFFIXES):
            return "playlist"
        if self._suffixes is ROW_SUFFIXES and (parts[-1] in _DESCRIPTIONS or _CACHE.fullmatch(parts[-1])):
            return "description or cache of a dataset"
        if _has_suffix(parts[-1], self._suffixes):
            return ""
        suffix = Path(parts[-1]).suffix
        return f"{printable(suffix.lower())}" if suffix else "without a suffix"

    def _check_named(self, uri: str) -> None:
        """Raise if a file that is named is of another kind; recordings may have any suffix that means nothing else."""
        if _has_suffix(uri, _PLAYLIST_SUFFIXES):
            raise InputDataError(
                f"{printable(uri)}: a list of recordings is neither a recording nor a table; name the recordings"
            )
        is_media = self._suffixes is MEDIA_SUFFIXES
        if _has_suffix(uri, ROW_SUFFIXES) if is_media else not _has_suffix(uri, self._suffixes):
            raise InputDataError(f"{printable(uri)}: unknown suffix; expected {', '.join(sorted(self._suffixes))}")


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


def _split_file(path: str, query: str) -> tuple[Store, str]:
    """Return the store of the folder that holds a file, and its name there; that of a link is its own, not its target's."""
    if "://" in path:
        return split_uri(path + query)
    folder, _, name = path.rpartition("/")
    return open_store(folder or "/"), name


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


def _has_suffix(key: str, suffixes: Iterable[str]) -> bool:
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
