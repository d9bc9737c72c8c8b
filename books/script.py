"""A book as it will be spoken: passages, which workers take as rows, and what binding needs to know of the book."""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from actors.errors import StorageError
from books.book import BlockKind, Resource
from cluster.storage import Store

_KEY = b"speechmill.book"
_ROWS_PER_GROUP = 1024


@dataclass(frozen=True)
class Passage:
    """A sentence, or short ones together: what is spoken in one go, and has a time of its own.

    Attributes:
        id: unique in the job.
        text: what is said.
        written: what stands in the book.
        chapter: its number, from 0.
        paragraph: that of its block, from 0 in the book.
        kind: of its block.
        voice: who speaks; ``None`` is the job's voice.
        language: code of its language; ``None`` is the voice's.
        pause_s: the silence behind it, in seconds.
        line: of its block, from 0: verse and code have several.
    """

    id: str
    text: str
    written: str
    chapter: int
    paragraph: int
    kind: BlockKind
    voice: str | None
    language: str | None
    pause_s: float
    line: int = 0


class ChapterNote(BaseModel):
    """A chapter's title, and how deep it is nested."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    level: int = 0


class ImageNote(BaseModel):
    """An image that stands before a passage, by the passage's index; ``name`` is its resource's.

    ``chapter`` is that in which it stands, which is not the passage's for an image that ends one; ``None`` is the passage's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    before: int
    name: str
    media_type: str
    alt: str
    chapter: int | None = None


class BookNote(BaseModel):
    """What of a book is not spoken: see :class:`books.book.Book`. ``notes`` are also those of its direction.

    ``breaks`` are the indices of passages before which the scene breaks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    creators: tuple[str, ...] = ()
    language: str | None = None
    cover: str | None = None
    cover_type: str | None = None
    details: dict[str, str] = {}
    chapters: tuple[ChapterNote, ...]
    images: tuple[ImageNote, ...] = ()
    breaks: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Script:
    """A book as it will be spoken."""

    book: BookNote
    passages: Sequence[Passage]
    resources: Sequence[Resource] = field(default=(), repr=False)


_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("written", pa.string()),
        ("chapter", pa.int32()),
        ("paragraph", pa.int32()),
        ("kind", pa.string()),
        ("voice", pa.string()),
        ("language", pa.string()),
        ("pause_s", pa.float64()),
        ("line", pa.int32()),
    ]
)


def write_script(store: Store, name: str, script: Script) -> None:
    """Write a script and its resources to a store, the passages last. Equal scripts are equal bytes.

    Args:
        store: where scripts are.
        name: of this one.
        script: the script.

    Raises:
        StorageError: the store cannot be reached or written.
    """
    for resource in script.resources:
        store.write_bytes(_resource_key(name, resource.name), resource.data)
    schema = _SCHEMA.with_metadata({_KEY: script.book.model_dump_json().encode()})
    table = pa.Table.from_pylist([asdict(passage) for passage in script.passages], schema)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=_ROWS_PER_GROUP, compression="zstd")
    store.write_bytes(script_key(name), buffer.getvalue())


def script_key(name: str) -> str:
    """Return the key of the file with a script's passages."""
    return f"{name}.parquet"


def has_script(store: Store, name: str) -> bool:
    """Say whether there is a script that can be read.

    Raises:
        StorageError: the store cannot be reached.
    """
    key = script_key(name)
    if not store.exists(key):
        return False
    try:
        with store.errors("read", key), store.open_input(key) as file:
            return _KEY in (pq.read_schema(file).metadata or {})
    except (pa.ArrowException, ValueError):
        return False


def delete_script(store: Store, name: str) -> None:
    """Delete a script and its resources; there need not be one.

    Raises:
        StorageError: the store cannot be reached.
    """
    store.delete(script_key(name))
    store.delete_tree(_resources_folder(name))


def read_script(store: Store, name: str, limit: int | None = None) -> Script:
    """Return what :func:`write_script` wrote, without the resources (see :func:`read_resource`).

    Args:
        store: where scripts are.
        name: of this one.
        limit: how many of its passages, from the first; ``None`` is all.

    Raises:
        StorageError: there is no such script, it is damaged, or the store cannot be reached.
    """
    key = script_key(name)
    try:
        table = pq.read_table(io.BytesIO(store.read_bytes(key)))
        note = BookNote.model_validate_json((table.schema.metadata or {})[_KEY])
        rows = table[:limit].to_pylist()
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise StorageError(f"{store.uri_of(key)} is no script of this version ({error}): delete it and run again") from error
    return Script(note, [Passage(**{**row, "kind": BlockKind(row["kind"])}) for row in rows])


def read_resource(store: Store, name: str, resource: str) -> bytes:
    """Return the content of a script's cover or image.

    Raises:
        StorageError: there is none, or the store cannot be reached.
    """
    return store.read_bytes(_resource_key(name, resource))


def _resources_folder(name: str) -> str:
    return f"{name}.files"


def _resource_key(name: str, resource: str) -> str:
    return f"{_resources_folder(name)}/{resource}"
