"""Finds the audio that a row names by a path or URI."""

from dataclasses import dataclass
from pathlib import Path

from actors.errors import RequestError, UsageError
from cluster.dataset import Dataset
from cluster.storage import Store, split_uri


@dataclass(frozen=True)
class MediaReader:
    """Reads files by the paths and URIs in a job's rows. Picklable.

    Attributes:
        stores: the stores of the input's folders, which know credentials that a printed URI does not.
        folder: the folder or URI that relative paths begin at.
    """

    stores: tuple[Store, ...]
    folder: str

    @classmethod
    def of(cls, dataset: Dataset, folder: str) -> "MediaReader":
        """Return a reader for the rows of ``dataset``."""
        return cls(tuple({shard.store.uri: shard.store for shard in dataset.shards}.values()), folder)

    def __call__(self, location: str) -> bytes | Path:
        """Return a local file's path, or the content of any other.

        Raises:
            RequestError: there is no such file.
            StorageError: the store cannot be reached.
        """
        try:
            store, key = self._find(location)
            entry = store.find(key)
        except UsageError as error:
            raise RequestError(f"{location!r} is not the place of a file: {error}") from error
        if entry is None:
            raise RequestError(f"there is no file {store.uri_of(key)}")
        if path := store.local_path(key):
            return path
        return store.read_bytes(key)

    def _find(self, location: str) -> tuple[Store, str]:
        for store in self.stores:
            prefix = store.uri.rstrip("/") + "/"
            if location.startswith(prefix):
                return store, location.removeprefix(prefix)
        if "://" in location or location.startswith("/"):
            return split_uri(location)
        return split_uri(f"{self.folder.rstrip('/')}/{location}")
