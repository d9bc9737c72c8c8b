import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from actors.bundle import MANIFEST_NAME, load_bundle
from actors.errors import BundleCorruptError, BundleError, BundleNotFoundError, StorageError, UsageError
from cluster.registry import describe, embedded_folder, fetch, publish, resolve
from tests.cluster.registry.helpers import DATA, MARKS, REPOSITORY


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
    here = embedded_folder(name)
    assert here.parent == REPOSITORY / "embedded"
    pinned = [resolve(name), resolve(str(here))]
    there = tmp_path / "unpacked"
    shutil.copytree(here, there)
    monkeypatch.setattr("cluster.registry.reference.embedded_folder", lambda _name: there)
    assert {fetch(each).folder for each in pinned} == {there}
    assert describe(name)[0] == pinned[0]


def test_code_that_ships_another_bundle_is_refused(make_bundle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = resolve("embedded")
    monkeypatch.setattr("cluster.registry.reference.embedded_folder", lambda _name: make_bundle())
    with pytest.raises(BundleCorruptError, match=r"ships embedded as sha256:.*, the job was started with sha256:"):
        fetch(pinned)


def test_a_folder_may_hold_a_bundle_of_an_embedded_name(make_bundle: Any) -> None:
    folder = make_bundle("embedded-asr")
    assert fetch(resolve(str(folder))).folder == folder


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


def test_describing_reads_the_manifest_and_no_more(root: str, make_bundle: Any) -> None:
    folder = make_bundle()
    reference = publish(folder, root)
    for form in ("tiny", str(folder)):
        pinned, manifest = describe(form, root)
        assert (pinned.reference, manifest.sample_rate) == (reference, 24000)
