import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper

from actors.bundle import MANIFEST_NAME, hash_file, load_bundle
from actors.errors import BundleCorruptError, BundleError, BundleNotFoundError, UsageError
from cluster.registry import fetch, publish, resolve
from tests.cluster.registry.helpers import DATA, die_while_publishing


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


@pytest.mark.parametrize("tag", ["", "..", "a/b", "sha256:" + "0" * 64])
def test_a_tag_that_cannot_be_one_is_refused(tmp_path: Path, make_bundle: Any, tag: str) -> None:
    with pytest.raises(UsageError, match="cannot name a bundle or tag"):
        publish(make_bundle(), str(tmp_path / "registry"), tag)
