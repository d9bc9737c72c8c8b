import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from onnx import TensorProto, helper

import actors.bundle
from actors.bundle import MANIFEST_NAME, FileEntry, hash_file, load_bundle
from actors.errors import BundleCorruptError, BundleError, BundleNotFoundError, StorageError, UsageError
from cluster import registry
from cluster.registry import collect_garbage, describe, fetch, list_published, publish, remove, resolve
from cluster.storage import LocalStore, ObjectStore, Store, open_store

REPOSITORY = Path(__file__).parents[2]
DATA = "decoder.onnx.data"
MARKS = f"verified-{os.geteuid()}"
NO_AGE = timedelta(0)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def key_of(reference: str, member: str) -> str:
    return f"{reference.replace('@sha256:', '/')}/{member}"


def die_while_publishing(folder: Path, root: str, writes: int) -> None:
    """Publish over a connection that is lost after some writes."""
    remaining = iter(range(writes))

    def breaking(real: Callable[..., None]) -> Callable[..., None]:
        def write(store: Store, *arguments: object) -> None:
            if next(remaining, None) is None:
                raise StorageError("connection lost")
            real(store, *arguments)

        return write

    with pytest.MonkeyPatch.context() as patch:
        for kind in (LocalStore, ObjectStore):
            patch.setattr(kind, "write_bytes", breaking(kind.write_bytes))
            patch.setattr(kind, "write_file", breaking(kind.write_file))
        with pytest.raises(StorageError, match="connection lost"):
            publish(folder, root)


# --- publish and resolve


def test_a_published_bundle_is_fetched_by_every_form_of_reference(root: str, cache: Path, make_bundle: Any) -> None:
    folder = make_bundle()
    pinned_name = publish(folder, root, "v1")
    publish(folder, root)

    assert pinned_name == load_bundle(folder).reference
    forms = ["tiny", "tiny@latest", "tiny@v1", pinned_name, f"{root}/tiny@v1", f"{root}/{pinned_name}", f"{root}/tiny"]
    for reference in forms:
        assert resolve(reference, root).reference == pinned_name
    bundle = fetch("tiny", root, cache)
    assert bundle.reference == pinned_name
    assert bundle.folder == cache / pinned_name.rpartition(":")[2]
    assert bundle.path(DATA).read_bytes() == (folder / DATA).read_bytes()


def test_the_registry_may_come_from_the_environment(root: str, make_bundle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHMILL_REGISTRY", root)
    reference = publish(make_bundle())
    assert resolve("tiny").reference == reference


def test_the_query_of_a_root_may_stand_before_or_after_the_name(
    s3_root: str, s3_environment: str, make_bundle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned_name = publish(make_bundle(), s3_root)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    query = f"endpoint_override={s3_environment}&region=us-east-1"
    for reference in (f"{s3_root}/tiny@latest?{query}", f"{s3_root}?{query}/tiny@latest", f"{s3_root}/tiny?{query}"):
        assert resolve(reference).reference == pinned_name


def test_a_folder_is_used_where_it_is_and_verified(make_bundle: Any, cache: Path) -> None:
    folder = make_bundle()
    for reference in (str(folder), folder.as_uri()):
        assert fetch(reference, cache=cache).folder == folder
    assert [path.name for path in cache.iterdir()] == [MARKS]
    (folder / DATA).write_bytes(b"other")
    with pytest.raises(BundleCorruptError, match=DATA):
        fetch(str(folder), cache=cache)


def test_a_folder_that_changes_after_it_was_pinned_is_refused(make_bundle: Any) -> None:
    folder = make_bundle()
    pinned = resolve(str(folder))
    (folder / MANIFEST_NAME).write_bytes((make_bundle(payload=b"changed") / MANIFEST_NAME).read_bytes())
    with pytest.raises(BundleCorruptError, match=r"was sha256:.* and is sha256:.* now"):
        fetch(pinned)


@pytest.mark.parametrize("name", ["embedded", "embedded-asr"])
def test_a_bundle_that_ships_is_found_wherever_the_code_is_unpacked(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = registry.embedded_folder(name)
    assert here.parent == REPOSITORY / "embedded"
    pinned = [resolve(name), resolve(str(here))]
    there = tmp_path / "unpacked"
    shutil.copytree(here, there)
    monkeypatch.setattr(registry, "embedded_folder", lambda _name: there)
    assert {fetch(each).folder for each in pinned} == {there}
    assert describe(name)[0] == pinned[0]


def test_code_that_ships_another_bundle_is_refused(make_bundle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = resolve("embedded")
    monkeypatch.setattr(registry, "embedded_folder", lambda _name: make_bundle())
    with pytest.raises(BundleCorruptError, match=r"ships embedded as sha256:.*, the job was started with sha256:"):
        fetch(pinned)


def test_a_folder_may_hold_a_bundle_of_an_embedded_name(make_bundle: Any) -> None:
    folder = make_bundle("embedded-asr")
    assert fetch(resolve(str(folder))).folder == folder


def test_publishing_twice_sends_nothing(s3_root: str, make_bundle: Any, s3_requests: list[str]) -> None:
    folder = make_bundle()
    reference = publish(folder, s3_root)
    sent = [line for line in s3_requests if line.startswith(("PUT", "POST"))]
    assert [line.rpartition("/")[2] for line in sent][-2:] == [MANIFEST_NAME, "latest.json"]
    s3_requests.clear()

    assert publish(folder, s3_root) == reference
    assert [line for line in s3_requests if not line.startswith(("GET", "HEAD"))] == []


@pytest.mark.parametrize("writes", range(5))
def test_a_publish_that_dies_leaves_nothing_that_resolves(root: str, make_bundle: Any, cache: Path, writes: int) -> None:
    folder = make_bundle()
    reference = load_bundle(folder).reference
    die_while_publishing(folder, root, writes)

    unresolved = ["tiny", reference] if writes < 4 else ["tiny"]  # after four writes only the tag is not there
    for form in unresolved:
        with pytest.raises(BundleNotFoundError):
            resolve(form, root)
    assert publish(folder, root) == reference
    assert fetch("tiny", root, cache).reference == reference


def test_a_bundle_is_verified_before_it_is_published(tmp_path: Path, make_bundle: Any) -> None:
    folder = make_bundle()
    (folder / DATA).write_bytes(b"x" * (folder / DATA).stat().st_size)
    with pytest.raises(BundleCorruptError, match=DATA):
        publish(folder, str(tmp_path / "registry"))
    assert not (tmp_path / "registry").exists()


def test_weights_that_are_not_listed_are_not_published(tmp_path: Path, make_bundle: Any) -> None:
    folder = make_bundle()
    tensor = TensorProto(name="w", data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="other.data")
    graph = helper.make_model(helper.make_graph([], "g", [], [], [tensor])).SerializeToString()
    (folder / "decoder.onnx").write_bytes(graph)
    manifest = load_bundle(folder).manifest
    files = {**manifest.files, "decoder.onnx": hash_file(folder / "decoder.onnx")}
    (folder / MANIFEST_NAME).write_bytes(manifest.model_copy(update={"files": files}).to_json())
    with pytest.raises(BundleError, match=r"keeps weights in 'other\.data', which bundle\.json does not list"):
        publish(folder, str(tmp_path / "registry"))
    assert not (tmp_path / "registry").exists()


def test_two_publishes_of_one_tag_leave_one_winner_and_both_bundles(root: str, make_bundle: Any, cache: Path) -> None:
    folders = [make_bundle(payload=payload) for payload in (b"one", b"two")]
    barrier = threading.Barrier(2)

    def race(folder: Path) -> str:
        barrier.wait()
        return publish(folder, root)

    with ThreadPoolExecutor(2) as pool:
        references = list(pool.map(race, folders))

    assert resolve("tiny", root).reference in references
    for reference in references:
        assert fetch(reference, root, cache).reference == reference


def test_a_tag_that_moves_changes_nothing_for_what_is_pinned(root: str, make_bundle: Any, cache: Path) -> None:
    first = publish(make_bundle(payload=b"one"), root)
    pinned = pickle.loads(pickle.dumps(resolve("tiny", root)))  # noqa: S301 - as it travels to an actor
    second = publish(make_bundle(payload=b"two"), root)

    assert resolve("tiny", root).reference == second
    assert fetch(pinned, cache=cache).reference == first


@pytest.mark.parametrize(
    "reference",
    ["", "@latest", "tiny@", "..", "../..@latest", "tiny@..", "a b", "/registry/..@latest", "tiny@sha256:12"],
)
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, reference: str) -> None:
    with pytest.raises((UsageError, BundleError)):  # '..' is a folder, and no bundle
        resolve(reference, str(tmp_path))


@pytest.mark.parametrize("tag", ["", "..", "a/b", "sha256:" + "0" * 64])
def test_a_tag_that_cannot_be_one_is_refused(tmp_path: Path, make_bundle: Any, tag: str) -> None:
    with pytest.raises(UsageError, match="cannot name a bundle or tag"):
        publish(make_bundle(), str(tmp_path / "registry"), tag)


def test_without_a_registry_the_error_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPEECHMILL_REGISTRY", raising=False)
    with pytest.raises(UsageError, match="--registry URI or set SPEECHMILL_REGISTRY"):
        resolve("tiny")


def test_what_is_not_published_is_an_error_that_names_what_is(root: str, make_bundle: Any) -> None:
    with pytest.raises(BundleNotFoundError, match=r"has no tiny@latest\. Nothing is published there"):
        resolve("tiny", root)
    publish(make_bundle(), root, "v1")
    with pytest.raises(BundleNotFoundError, match=r"has no tiny@latest\. Its tags are: v1"):
        resolve("tiny", root)
    with pytest.raises(BundleNotFoundError, match="Published names are: tiny"):
        resolve("other", root)
    with pytest.raises(BundleNotFoundError, match="no finished bundle tiny@sha256:0"):
        resolve("tiny@sha256:" + "0" * 64, root)


def test_a_path_to_nothing_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFoundError, match="no such folder"):
        resolve(str(tmp_path / "absent"))
    with pytest.raises(BundleError, match="not a bundle"):
        resolve(str(tmp_path))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"digest": "sha256:12"}', b'{"digest": "../../x"}', b'{"digest": "%s", "more": 1}']
)
def test_a_tag_file_is_parsed_strictly(tmp_path: Path, make_bundle: Any, content: bytes) -> None:
    digest = publish(make_bundle(), str(tmp_path / "registry")).partition("@")[2]
    (tmp_path / "registry" / "tiny" / "tags" / "latest.json").write_bytes(content.replace(b"%s", digest.encode()))
    with pytest.raises(BundleCorruptError, match=r"tags/latest\.json is not a valid tag"):
        resolve("tiny", str(tmp_path / "registry"))


def test_an_unreachable_registry_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match="s3://bucket/root"):
        resolve("tiny", "s3://k:s@bucket/root?endpoint_override=http://127.0.0.1:1")


# --- fetch


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
    digest = registry.digest_of(forged)
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
from cluster import registry
from cluster.registry import fetch
def hang(origin, member, promise, target):
    real(origin, member, promise, target)
    if member.endswith(".data"):
        target.write_bytes(target.read_bytes()[:10])
        print("halfway", flush=True)
        time.sleep(60)
real = registry.RegistryOrigin.download
registry.RegistryOrigin.download = hang
fetch('tiny', *sys.argv[1:])
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=PIPE, text=True, env=environment)


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


# --- verified once a node


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the bundles' files that this process has hashed."""
    names: list[str] = []

    def count(path: Path) -> FileEntry:
        names.append(path.name)
        time.sleep(0.05)  # time for others to come too
        return hash_file(path)

    for module in (actors.bundle, registry):
        monkeypatch.setattr(module, "hash_file", count)
    return names


FETCH_AND_COUNT = """
import sys
import actors.bundle
from cluster.registry import fetch
names = []
def count(path, real=actors.bundle.hash_file):
    names.append(path.name)
    return real(path)
actors.bundle.hash_file = count
fetch(sys.argv[1], cache=sys.argv[2])
print(len(names))
"""
FILES = sorted([DATA, "decoder.onnx", "anna.safetensors"])


def test_threads_hash_a_folder_once(make_bundle: Any, cache: Path, hashed: list[str]) -> None:
    folder = make_bundle()
    with ThreadPoolExecutor(6) as pool:
        assert {bundle.folder for bundle in pool.map(lambda _: fetch(str(folder), cache=cache), range(6))} == {folder}
    assert sorted(hashed) == FILES


def test_processes_hash_a_folder_once(make_bundle: Any, cache: Path) -> None:
    processes = [start(FETCH_AND_COUNT, str(make_bundle()), str(cache)) for _ in range(4)]
    assert sorted(process.communicate(timeout=60)[0] for process in processes) == ["0\n", "0\n", "0\n", "3\n"]


def test_what_was_fetched_is_hashed_while_it_is_fetched_and_not_again(
    root: str, make_bundle: Any, cache: Path, hashed: list[str]
) -> None:
    publish(make_bundle(), root)
    hashed.clear()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fetch("tiny", root, cache), range(4)))
    assert sorted(name.removeprefix(".").removesuffix(".part") for name in hashed) == FILES


def test_a_bundle_that_ships_is_hashed_once(cache: Path, hashed: list[str]) -> None:
    for _ in range(2):
        fetch("embedded", cache=cache)
    assert len(hashed) == len(set(hashed)) > 0


def flip_a_byte(path: Path) -> None:
    with path.open("r+b") as file:
        first = file.read(1)[0]
        file.seek(0)
        file.write(bytes([first ^ 1]))


def flip_a_byte_and_restore_its_time(path: Path) -> None:
    before = path.stat()
    flip_a_byte(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_a_damaged_copy(path: Path) -> None:
    copy = path.with_suffix(".copy")
    shutil.copy2(path, copy)
    flip_a_byte_and_restore_its_time(copy)
    copy.replace(path)


def move_a_link_in_its_place(path: Path) -> None:
    other = path.parent.parent / "elsewhere"
    path.replace(other)
    path.symlink_to(other)


def put_a_pipe_in_its_place(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)  # who opens it waits for a writer


DAMAGES = [
    flip_a_byte,
    flip_a_byte_and_restore_its_time,
    replace_by_a_damaged_copy,
    move_a_link_in_its_place,
    lambda path: os.truncate(path, 10),
    Path.unlink,
    put_a_pipe_in_its_place,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_noticed_after_the_first_verification(make_bundle: Any, cache: Path, damage: Callable[[Path], None]) -> None:
    folder = make_bundle()
    fetch(str(folder), cache=cache)
    damage(folder / DATA)
    for _ in range(2):
        with pytest.raises(BundleCorruptError, match=DATA):
            fetch(str(folder), cache=cache)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_in_the_cache_is_mended(tmp_path: Path, make_bundle: Any, cache: Path, damage: Callable[[Path], None]) -> None:
    folder, root = make_bundle(), str(tmp_path / "registry")
    publish(folder, root)
    bundle = fetch("tiny", root, cache)
    damage(bundle.path(DATA))
    assert fetch("tiny", root, cache).path(DATA).read_bytes() == (folder / DATA).read_bytes()


def test_a_file_that_was_touched_is_hashed_again_and_good(make_bundle: Any, cache: Path, hashed: list[str]) -> None:
    folder = make_bundle()
    fetch(str(folder), cache=cache)
    (folder / DATA).touch()
    for _ in range(2):
        fetch(str(folder), cache=cache)
    assert len(hashed) == 2 * len(FILES)


def test_another_bundle_in_the_same_place_is_hashed(make_bundle: Any, cache: Path, hashed: list[str]) -> None:
    folder, other = make_bundle(), make_bundle(payload=b"other")
    fetch(str(folder), cache=cache)
    shutil.rmtree(folder)
    other.rename(folder)
    fetch(str(folder), cache=cache)
    assert len(hashed) == 2 * len(FILES)


@pytest.mark.parametrize("mark", [b"", b"{}", b'{"files": {}}', b'{"files": {"decoder.onnx": [1, 2, 3, 4]}}'])
def test_a_mark_that_is_not_ours_counts_for_nothing(make_bundle: Any, cache: Path, hashed: list[str], mark: bytes) -> None:
    folder = make_bundle()
    fetch(str(folder), cache=cache)
    (path,) = (cache / MARKS).glob("*.json")
    path.write_bytes(mark)
    fetch(str(folder), cache=cache)
    assert len(hashed) == 2 * len(FILES)


def occupy(marks: Path) -> None:
    marks.touch()


def open_to_others(marks: Path) -> None:
    marks.mkdir()
    marks.chmod(0o777)


def point_elsewhere(marks: Path) -> None:
    (marks.parent / "elsewhere").mkdir()
    marks.symlink_to("elsewhere")


@pytest.mark.parametrize("spoil", [occupy, open_to_others, point_elsewhere])
def test_without_a_folder_of_its_own_for_marks_every_process_hashes(
    make_bundle: Any, cache: Path, hashed: list[str], spoil: Callable[[Path], None]
) -> None:
    cache.mkdir()
    spoil(cache / MARKS)
    folder = make_bundle()
    for _ in range(2):
        fetch(str(folder), cache=cache)
    assert len(hashed) == 2 * len(FILES)
    flip_a_byte(folder / DATA)
    with pytest.raises(BundleCorruptError, match=DATA):
        fetch(str(folder), cache=cache)


def test_where_nothing_can_be_written_every_process_hashes(
    make_bundle: Any, cache: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(registry, "_locked", refuse)
    monkeypatch.setattr(LocalStore, "write_bytes", lambda *_: open_store("/dev/null/x").read_bytes("x"))
    folder = make_bundle()
    for _ in range(2):
        fetch(str(folder), cache=cache)
    assert len(hashed) == 2 * len(FILES)


def test_a_cache_that_is_part_of_an_image_is_used(
    tmp_path: Path, make_bundle: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(tmp_path / "registry")
    publish(make_bundle(), root)
    bundle = fetch("tiny", root, cache)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(registry, "_locked", refuse)
    assert fetch("tiny", root, cache) == bundle
    bundle.path(DATA).write_bytes(b"damaged")
    with pytest.raises(StorageError, match="cannot use the cache"):
        fetch("tiny", root, cache)


# --- list, describe, remove, collect garbage


def test_listing_shows_names_tags_and_sizes(root: str, make_bundle: Any) -> None:
    first = publish(make_bundle(payload=b"one"), root, "v1")
    publish(make_bundle(payload=b"one"), root)
    second = publish(make_bundle("other"), root)

    listed = {item.reference: item for item in list_published(root)}
    assert set(listed) == {first, second}
    assert listed[first].tags == ("latest", "v1")
    assert listed[first].size == sum(path.stat().st_size for path in make_bundle(payload=b"one").rglob("*.*"))
    manifest = listed[second].manifest
    assert manifest is not None
    assert (manifest.family, manifest.precision) == ("soprano", "int8")


def test_one_corrupt_bundle_does_not_hide_the_others(root: str, make_bundle: Any) -> None:
    broken = publish(make_bundle("broken"), root)
    publish(make_bundle(), root)
    open_store(root).write_bytes(key_of(broken, MANIFEST_NAME), b"{}")
    assert [(item.name, item.manifest is None) for item in list_published(root)] == [("broken", True), ("tiny", False)]


def test_describing_reads_the_manifest_and_no_more(root: str, make_bundle: Any) -> None:
    folder = make_bundle()
    reference = publish(folder, root)
    for form in ("tiny", str(folder)):
        pinned, manifest = describe(form, root)
        assert (pinned.reference, manifest.sample_rate) == (reference, 24000)


def test_removing_a_tag_keeps_the_bundle(root: str, make_bundle: Any) -> None:
    reference = publish(make_bundle(), root)
    remove("tiny@latest", root)
    assert resolve(reference, root).reference == reference
    for gone in ("tiny@latest", "other@latest"):
        with pytest.raises(BundleNotFoundError, match=f"no {gone}"):
            remove(gone, root)


def test_a_tagged_bundle_is_removed_only_by_force(root: str, make_bundle: Any) -> None:
    reference = publish(make_bundle(), root)
    with pytest.raises(UsageError, match="is tagged latest: remove the tags first, or use --force"):
        remove(reference, root)
    remove(reference, root, force=True)
    assert open_store(root).entries() == []
    with pytest.raises(BundleNotFoundError):
        remove(reference, root)


def test_removing_needs_a_tag_or_digest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="write tiny@tag or tiny@sha256"):
        remove("tiny", str(tmp_path))


def test_garbage_is_what_no_tag_names_and_what_died(root: str, make_bundle: Any) -> None:
    old = publish(make_bundle(payload=b"old"), root)
    kept = publish(make_bundle(payload=b"new"), root)
    half = make_bundle("half")
    die_while_publishing(half, root, writes=1)

    assert collect_garbage(root) == []  # all of it is young
    expected = {(old, True), (load_bundle(half).reference, False)}
    for dry_run in (True, False):
        garbage = collect_garbage(root, older_than=NO_AGE, dry_run=dry_run)
        assert {(f"{item.name}@{item.digest}", item.complete) for item in garbage} == expected
    assert collect_garbage(root, older_than=NO_AGE) == []
    assert [item.reference for item in list_published(root)] == [kept]


def test_nothing_is_collected_while_a_tag_is_unreadable(tmp_path: Path, make_bundle: Any) -> None:
    root = str(tmp_path / "registry")
    publish(make_bundle(), root)
    (tmp_path / "registry" / "tiny" / "tags" / "latest.json").write_bytes(b"{}")
    with pytest.raises(BundleCorruptError, match="not a valid tag"):
        collect_garbage(root, older_than=NO_AGE)
    remove("tiny@latest", root)
    assert len(collect_garbage(root, older_than=NO_AGE)) == 1
