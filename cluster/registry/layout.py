"""What lies where in a registry, and reading it."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from actors.bundle import MANIFEST_NAME, FileEntry, Manifest, digest_of, parse_manifest
from actors.errors import BundleCorruptError, UsageError
from cluster.storage import Entry, Store

REGISTRY_VARIABLE = "SPEECHMILL_REGISTRY"
DIGEST_PREFIX = "sha256:"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

_REPUBLISH = "publish the bundle again with --repair"
_TAG_FILE = re.compile(r"([^/]+)/tags/([^/]+)\.json")


class Origin(Protocol):
    """Where a bundle's files come from."""

    def uri_of(self, member: str) -> str:
        """Return the printable place of a file."""

    def read(self, member: str) -> bytes:
        """Return the content of a small file."""

    def download(self, member: str, promise: FileEntry, target: Path) -> None:
        """Write a file to a local path; raise :class:`BundleCorruptError` if it cannot be what is promised."""


@dataclass(frozen=True)
class RegistryOrigin:
    """A bundle in a registry: ``<name>/<hex>/`` below the store's root."""

    store: Store
    prefix: str

    def uri_of(self, member: str) -> str:
        """Return the printable URI of a file."""
        return self.store.uri_of(f"{self.prefix}/{member}")

    def read(self, member: str) -> bytes:
        """Return the content of a file."""
        return self.store.read_bytes(f"{self.prefix}/{member}")

    def download(self, member: str, promise: FileEntry, target: Path) -> None:
        """Write a file to ``target`` unless the store's own record of its size says that it is not what is promised."""
        key = f"{self.prefix}/{member}"
        entry = self.store.find(key)
        if entry is None:
            raise BundleCorruptError(f"{self.store.uri_of(key)} is missing: publish the bundle again")
        if entry.size != promise.size:
            raise not_as_promised(self.store.uri_of(key), f"{entry.size} bytes", promise)
        self.store.read_file(key, target)


class _Tag(BaseModel):
    """The content of a tag file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    digest: Annotated[str, Field(pattern=rf"^{DIGEST.pattern}$")]


def registry_root(registry: str | None) -> str:
    """Return the root URI of a registry: the one given, else that of the environment.

    Raises:
        UsageError: there is none.
    """
    root = registry or os.environ.get(REGISTRY_VARIABLE)
    if not root:
        raise UsageError(
            f"no registry is given: pass --registry URI or set {REGISTRY_VARIABLE} "
            "(for a bundle folder write its path, as in ./folder)"
        )
    return root


def prefix_of(name: str, digest: str) -> str:
    """Return the key of the folder that holds a bundle."""
    return f"{name}/{digest.removeprefix(DIGEST_PREFIX)}"


def tag_key(name: str, tag: str) -> str:
    """Return the key of a tag's file."""
    return f"{name}/tags/{tag}.json"


def write_tag(store: Store, name: str, tag: str, digest: str) -> None:
    """Have a tag name a digest."""
    store.write_bytes(tag_key(name, tag), _Tag(digest=digest).model_dump_json().encode())


def find_tag(store: Store, name: str, tag: str) -> str | None:
    """Return the digest a tag names, or ``None`` if there is no such tag."""
    key = tag_key(name, tag)
    return _read_tag(store, key) if store.exists(key) else None


def _read_tag(store: Store, key: str) -> str:
    try:
        return _Tag.model_validate_json(store.read_bytes(key)).digest
    except ValidationError as error:
        raise BundleCorruptError(f"{store.uri_of(key)} is not a valid tag: remove it or publish it again") from error


def read_manifest(origin: Origin, digest: str) -> tuple[bytes, Manifest]:
    """Return ``bundle.json``, as bytes and parsed, after comparing its digest."""
    where = origin.uri_of(MANIFEST_NAME)
    data = origin.read(MANIFEST_NAME)
    if digest_of(data) != digest:
        raise BundleCorruptError(f"{where} has digest {digest_of(data)}, not {digest}: {_REPUBLISH}")
    return data, parse_manifest(data, where)


def not_as_promised(where: str, actual: str, promise: FileEntry) -> BundleCorruptError:
    """Return the error of a file that has other bytes than its manifest promises."""
    promised = f"{promise.size} bytes with sha256 {promise.sha256}"
    return BundleCorruptError(f"{where} has {actual}, but bundle.json promises {promised}: {_REPUBLISH}")


def tags_of(store: Store, entries: list[Entry]) -> dict[tuple[str, str], str]:
    """Return the digest of every tag among the files of a registry, by name and tag."""
    matches = (_TAG_FILE.fullmatch(entry.key) for entry in entries)
    return {(match[1], match[2]): _read_tag(store, match[0]) for match in matches if match}
