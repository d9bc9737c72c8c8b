import errno
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from actors.bundle import MANIFEST_NAME, digest_of
from actors.errors import BundleCorruptError, BundleError, StorageError
from cluster.registry import fetch, publish, resolve
from cluster.storage import open_store
from tests.cluster.registry.helpers import DATA, MARKS, key_of, start


def test_a_damaged_cache_is_mended_from_the_store(root: str, make_bundle: Any, cache: Path) -> None:
    publish(make_bundle(), root)
    bundle = fetch("tiny", root, cache)
    original = bundle.path(DATA).read_bytes()
    damages = [
        lambda path: path.write_bytes(b"x" * len(original)),
        lambda path: path.write_bytes(original[:-1]),
        lambda path: path.unlink(),
        lambda path: path.with_name(MANIFEST_NAME).write_bytes(b"{}"),
    ]
    for damage in damages:
        damage(bundle.path(DATA))
        mended = fetch("tiny", root, cache)
        mended.verify()
        assert mended == bundle


def test_mending_fetches_only_what_is_damaged(s3_root: str, make_bundle: Any, cache: Path, s3_requests: list[str]) -> None:
    publish(make_bundle(), s3_root)
    pinned = resolve("tiny", s3_root)
    fetch(pinned, cache=cache).path(DATA).write_bytes(b"damaged")
    s3_requests.clear()
    fetch(pinned, cache=cache)
    assert {line.rpartition("/")[2] for line in s3_requests} == {MANIFEST_NAME, DATA}
    s3_requests.clear()
    fetch(pinned, cache=cache)
    assert s3_requests == []


@pytest.mark.parametrize("content", [b"x" * 700, b"short", None], ids=["same-size", "truncated", "missing"])
def test_a_corrupt_store_is_an_error_that_names_the_file(
    root: str, make_bundle: Any, cache: Path, content: bytes | None
) -> None:
    folder = make_bundle()
    reference = publish(folder, root)
    store, key = open_store(root), key_of(reference, DATA)
    if content is None:
        store.delete(key)
    else:
        store.write_bytes(key, content)

    with pytest.raises(BundleCorruptError, match=f"shared root/{key}"):
        fetch("tiny", root, cache)
    with pytest.raises(BundleCorruptError):  # what arrived was not kept
        fetch("tiny", root, cache)
    publish(folder, root, repair=True)
    assert fetch("tiny", root, cache).reference == reference


def test_a_manifest_with_another_hash_is_refused(root: str, make_bundle: Any, cache: Path) -> None:
    reference = publish(make_bundle(), root)
    other = (make_bundle(payload=b"forged") / MANIFEST_NAME).read_bytes()
    open_store(root).write_bytes(key_of(reference, MANIFEST_NAME), other)
    with pytest.raises(BundleCorruptError, match=f"{MANIFEST_NAME} has digest .*, not sha256:"):
        fetch("tiny", root, cache)


def test_a_bundle_whose_files_leave_it_is_refused(tmp_path: Path, make_bundle: Any, cache: Path) -> None:
    manifest = json.loads((make_bundle() / MANIFEST_NAME).read_bytes())
    manifest["files"]["../../escaped"] = manifest["files"][DATA]
    forged = json.dumps(manifest).encode()
    digest = digest_of(forged)
    open_store(tmp_path / "registry").write_bytes(key_of(f"tiny@{digest}", MANIFEST_NAME), forged)
    with pytest.raises(BundleError, match="not a relative path"):
        fetch(f"tiny@{digest}", str(tmp_path / "registry"), cache)


def test_a_cache_that_cannot_be_written_is_a_storage_error(tmp_path: Path, make_bundle: Any) -> None:
    publish(make_bundle(), str(tmp_path / "registry"))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot use the cache"):
        fetch("tiny", str(tmp_path / "registry"), tmp_path / "file" / "cache")


FETCH = "import sys; from cluster.registry import fetch; print(fetch('tiny', *sys.argv[1:]).reference)"
FETCH_AND_HANG = """
import sys, time
from cluster.registry import fetch
from cluster.registry.layout import RegistryOrigin
def hang(origin, member, promise, target):
    real(origin, member, promise, target)
    if member.endswith(".data"):
        target.write_bytes(target.read_bytes()[:10])
        print("halfway", flush=True)
        time.sleep(60)
real = RegistryOrigin.download
RegistryOrigin.download = hang
fetch('tiny', *sys.argv[1:])
"""


def test_processes_of_a_node_fetch_a_bundle_once(s3_root: str, make_bundle: Any, cache: Path, s3_requests: list[str]) -> None:
    reference = publish(make_bundle(), s3_root)
    processes = [start(FETCH, s3_root, str(cache)) for _ in range(3)]
    assert {process.communicate(timeout=60)[0].strip() for process in processes} == {reference}
    for member in (DATA, "decoder.onnx", "anna.safetensors"):
        assert sum(line.startswith("GET") and line.endswith(f"/{member}") for line in s3_requests) == 1


def test_a_process_killed_while_it_fetches_leaves_neither_lock_nor_half_a_bundle(
    tmp_path: Path, make_bundle: Any, cache: Path
) -> None:
    root = str(tmp_path / "registry")
    reference = publish(make_bundle(), root)
    with start(FETCH_AND_HANG, root, str(cache)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "halfway\n"
        process.send_signal(signal.SIGKILL)
    bundle = fetch("tiny", root, cache)
    bundle.verify()
    assert bundle.reference == reference
    entry = bundle.folder.name
    assert sorted(path.name for path in cache.iterdir()) == sorted([entry, f"{entry}.lock", MARKS])


def test_a_cache_that_is_part_of_an_image_is_used(
    tmp_path: Path, make_bundle: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(tmp_path / "registry")
    publish(make_bundle(), root)
    bundle = fetch("tiny", root, cache)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("cluster.registry.cache.locked", refuse)
    assert fetch("tiny", root, cache) == bundle
    bundle.path(DATA).write_bytes(b"damaged")
    with pytest.raises(StorageError, match="cannot use the cache"):
        fetch("tiny", root, cache)
