"""Listing what is published, removing it, collecting garbage."""

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from actors.bundle import MANIFEST_NAME, Manifest
from actors.errors import BundleError, BundleNotFoundError, UsageError
from cluster.registry.layout import (
    DIGEST_PREFIX,
    RegistryOrigin,
    prefix_of,
    read_manifest,
    registry_root,
    tag_key,
    tags_of,
)
from cluster.registry.reference import published_hint, split_reference, split_root
from cluster.storage import Entry, Store, open_store

logger = logging.getLogger(__name__)

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Published:
    """A bundle in a registry. ``manifest`` is ``None`` if it cannot be parsed; ``size`` is in bytes."""

    name: str
    digest: str
    tags: tuple[str, ...]
    size: int
    manifest: Manifest | None

    @property
    def reference(self) -> str:
        """``name@sha256:<hex>``."""
        return f"{self.name}@{self.digest}"


@dataclass(frozen=True)
class Garbage:
    """A bundle without a tag (``complete``) or what a publish that died left; ``size`` is in bytes."""

    name: str
    digest: str
    size: int
    complete: bool


def list_published(registry: str | None = None) -> list[Published]:
    """Return every bundle of a registry that resolves, by name.

    Raises:
        BundleCorruptError: a tag file is not valid.
        StorageError: the registry cannot be reached.
    """
    store = open_store(registry_root(registry))
    entries = store.entries()
    tags = tags_of(store, entries)
    published = []
    for (name, digest), files in sorted(_bundles_of(entries).items()):
        if not _is_complete(files):
            continue
        names = tuple(sorted(tag for (owner, tag), target in tags.items() if (owner, target) == (name, digest)))
        size = sum(entry.size for entry in files)
        published.append(Published(name, digest, names, size, _try_manifest(store, name, digest)))
    return published


def remove(reference: str, registry: str | None = None, *, force: bool = False) -> None:
    """Remove a tag (``name@tag``: the bundle stays) or a bundle (``name@sha256:<hex>``).

    Args:
        reference: what to remove; a bare name is not enough.
        registry: the registry's root URI; default ``SPEECHMILL_REGISTRY``.
        force: remove a bundle even if tags name it, and the tags with it.

    Raises:
        UsageError: the reference is no name in a registry, or tags name the bundle and ``force`` is not set.
        BundleNotFoundError: there is no such tag or bundle.
        StorageError: the registry cannot be reached.
    """
    root, name, version = split_reference(reference)
    if "@" not in split_root(reference)[1]:
        raise UsageError(f"{name!r} does not say what to remove: write {name}@tag or {name}@sha256:<hex>")
    store = open_store(registry_root(root or registry))
    if version.startswith(DIGEST_PREFIX):
        _remove_bundle(store, name, version, force=force)
        return
    if not store.exists(tag_key(name, version)):
        raise BundleNotFoundError(f"{store} has no {name}@{version}. {published_hint(store, name)}")
    store.delete(tag_key(name, version))


def collect_garbage(
    registry: str | None = None, *, older_than: timedelta = timedelta(days=1), dry_run: bool = False
) -> list[Garbage]:
    """Remove bundles that no tag names and what publishes that died left behind.

    Only what was not written to for ``older_than`` goes, so that a publish under way is left alone. A job that runs on
    a bundle whose tag moved loses it for nodes that have yet to fetch it: choose ``older_than`` accordingly.

    Args:
        registry: the registry's root URI; default ``SPEECHMILL_REGISTRY``.
        older_than: the age below which nothing is removed.
        dry_run: only say what would go.

    Returns:
        What was removed, or would be.

    Raises:
        BundleCorruptError: a tag file is not valid; nothing is removed, since it may name any bundle.
        StorageError: the registry cannot be reached.
    """
    store = open_store(registry_root(registry))
    entries = store.entries()
    tagged = {(name, digest) for (name, _), digest in tags_of(store, entries).items()}
    limit = datetime.now(UTC) - older_than
    garbage = []
    for (name, digest), files in sorted(_bundles_of(entries).items()):
        if (name, digest) in tagged or max(entry.mtime for entry in files) > limit:
            continue
        if not dry_run:
            if digest in tags_of(store, store.entries(f"{name}/tags")).values():  # tagged since the listing
                continue
            _delete_bundle(store, name, digest)
        garbage.append(Garbage(name, digest, sum(entry.size for entry in files), _is_complete(files)))
    if not dry_run:
        store.delete_temporaries(older_than.total_seconds())
    return garbage


def _remove_bundle(store: Store, name: str, digest: str, *, force: bool) -> None:
    tags = tags_of(store, store.entries(f"{name}/tags"))
    naming = [tag for (_, tag), target in tags.items() if target == digest]
    if naming and not force:
        raise UsageError(f"{name}@{digest} is tagged {', '.join(naming)}: remove the tags first, or use --force")
    if not naming and not store.entries(prefix_of(name, digest)):
        raise BundleNotFoundError(f"{store} has no {name}@{digest}. {published_hint(store, name)}")
    for tag in naming:
        store.delete(tag_key(name, tag))
    _delete_bundle(store, name, digest)


def _delete_bundle(store: Store, name: str, digest: str) -> None:
    prefix = prefix_of(name, digest)
    store.delete(f"{prefix}/{MANIFEST_NAME}")  # first: a bundle that is half gone must not resolve
    store.delete_tree(prefix)


def _bundles_of(entries: list[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """Group the files of a registry by the name and digest of their bundle."""
    bundles: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        name, _, rest = entry.key.partition("/")
        hexadecimal, _, member = rest.partition("/")
        if member and _HEX.fullmatch(hexadecimal):
            bundles.setdefault((name, DIGEST_PREFIX + hexadecimal), []).append(entry)
    return bundles


def _is_complete(files: list[Entry]) -> bool:
    """Say whether a bundle's files include its manifest, which is written last."""
    return any(entry.key.count("/") == 2 and entry.key.endswith(f"/{MANIFEST_NAME}") for entry in files)


def _try_manifest(store: Store, name: str, digest: str) -> Manifest | None:
    try:
        return read_manifest(RegistryOrigin(store, prefix_of(name, digest)), digest)[1]
    except BundleError as error:
        logger.warning("%s", error)
        return None
