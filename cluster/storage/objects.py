"""A bucket, or a prefix in it, on S3 or Google Cloud Storage."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

from actors.errors import StorageError
from cluster.storage.clouds import endpoint_of, make_filesystem, with_region
from cluster.storage.patience import Contact, NoPatience, contact_with
from cluster.storage.store import Store
from cluster.storage.uris import bucket_of, parse_uri, printed

T = TypeVar("T")

_SEND_BYTES = 64 << 20
_HINTS = {
    "s3": "Check the bucket, AWS_ENDPOINT_URL, AWS_REGION and the AWS credentials of this environment.",
    "gs": "Check the bucket and the Google credentials of this environment (GOOGLE_APPLICATION_CREDENTIALS).",
}


@dataclass(frozen=True)
class ObjectStore(Store):
    """The objects below a prefix.

    Attributes:
        location: the URI that is opened again elsewhere; it may hold secrets.
        contact: what is known of the bucket.
    """

    location: str = field(repr=False)
    contact: Contact = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return open_bucket, (self.location, self.contact.answered)

    @property
    def hint(self) -> str:
        """What to look at when this store fails."""
        return _HINTS[urlsplit(self.uri).scheme]

    def local_path(self, key: str = "") -> None:
        """Objects have no path."""

    def write_bytes(self, key: str, data: bytes | pa.Buffer) -> None:
        """Write an object with one PUT, or one multipart upload if it is large."""
        path = self._path(key)
        with self.errors("write", key):
            self.patiently(lambda: self._put(path, data))

    def write_file(self, key: str, source: Path) -> None:
        """Upload a file, mapped rather than read into memory."""
        path = self._path(key)
        with self.errors(f"copy {source} to", key):
            if source.stat().st_size == 0:  # cannot be mapped
                self.patiently(lambda: self._put(path, b""))
            else:
                with pa.memory_map(str(source)) as mapped:
                    data = mapped.read_buffer()
                    self.patiently(lambda: self._put(path, data))

    def delete_tree(self, under: str) -> None:
        """Delete all objects below a prefix."""
        path = self._path(under)
        with self.errors("delete", under):
            # Not delete_dir: on Google it fails for want of the marker object that would make the prefix a folder.
            self.patiently(lambda: self.filesystem.delete_dir_contents(path, missing_dir_ok=True))

    def patiently(self, attempt: Callable[[], T]) -> T:
        """Try again what fails because the store is away or overloaded; see :mod:`cluster.storage.patience`."""
        return self.contact.patiently(attempt)

    def impatient(self) -> "ObjectStore":
        """See :meth:`Store.impatient`."""
        return replace(self, contact=NoPatience(self.contact.bucket))

    def delete_temporaries(self, older_than_s: float, under: str = "") -> int:  # noqa: ARG002 - one interface
        """Return 0: an unfinished upload is not visible as an object."""
        return 0

    def _put(self, path: str, data: bytes | pa.Buffer) -> None:
        # Arrow completes an upload when its stream is closed, even by a signal that raises before all is written. Signals
        # raise in the main thread.
        if threading.current_thread() is not threading.main_thread():
            self._upload(path, data)
            return
        with ThreadPoolExecutor(1) as thread:
            thread.submit(self._upload, path, data).result()

    def _upload(self, path: str, data: bytes | pa.Buffer) -> None:
        # In pieces, as Arrow copies what is written.
        whole = pa.py_buffer(data)
        with self.filesystem.open_output_stream(path, compression=None) as stream:
            for start in range(0, whole.size, _SEND_BYTES):
                if start:
                    stream.flush()  # waits until what was written is gone
                stream.write(whole.slice(start, min(_SEND_BYTES, whole.size - start)))

    def _open_input(self, path: str) -> pa.NativeFile:
        return pa.PythonFile(_PatientFile(self, super()._open_input(path)), mode="r")

    def _check_container(self) -> None:
        """Raise if the bucket does not exist, which Arrow reports as an empty one; one that has answered does."""
        if self.contact.answered:
            return
        bucket = self.root.partition("/")[0]
        try:
            kind = self.filesystem.get_file_info(bucket).type
        except OSError:  # some roles may use the objects of a bucket but not ask about the bucket
            return
        if kind == fs.FileType.NotFound:
            raise FileNotFoundError(f"there is no bucket {bucket!r}")


class _PatientFile:
    """An object that is open for reading, whose failing reads are tried again: what ``pa.PythonFile`` needs of a file."""

    def __init__(self, store: ObjectStore, file: pa.NativeFile) -> None:
        self._store = store
        self._file = file

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def read(self, size: int) -> bytes:
        return self.read_buffer(size).to_pybytes()  # type: ignore[no-any-return]

    def read_buffer(self, size: int) -> pa.Buffer:
        """Return up to ``size`` bytes, without a copy."""
        position = self._file.tell()

        def attempt() -> pa.Buffer:
            self._file.seek(position)
            return self._file.read_buffer(size)

        return self._store.patiently(attempt)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()


def open_bucket(location: str, answered: bool = False) -> ObjectStore:
    """Return the store at an ``s3://`` or ``gs://`` URI; see :func:`~cluster.storage.open_store`.

    Args:
        location: the URI.
        answered: it has answered another process, so it is waited for.
    """
    parts = parse_uri(location)
    bucket = bucket_of(parts)
    uri = printed(parts)
    try:
        parts = with_region(parts)
        filesystem = make_filesystem(parts)
    except OSError as error:
        raise StorageError(f"cannot open {uri}: {error}. {_HINTS[parts.scheme]}") from error
    root = f"{bucket}/{unquote(parts.path).strip('/')}".rstrip("/")
    contact = contact_with(f"{parts.scheme}://{bucket}", endpoint_of(parts))
    contact.answered |= answered
    return ObjectStore(uri=uri, filesystem=filesystem, root=root, location=parts.geturl(), contact=contact)
