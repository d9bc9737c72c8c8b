from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.bundle import MANIFEST_NAME, load_bundle
from actors.errors import BundleCorruptError, BundleNotFoundError, UsageError
from cluster.registry import collect_garbage, list_published, publish, remove, resolve
from cluster.storage import open_store
from tests.cluster.registry.helpers import die_while_publishing, key_of

NO_AGE = timedelta(0)


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
