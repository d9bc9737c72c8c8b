import contextlib
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from actors.bundle import (
    MANIFEST_NAME,
    Bundle,
    CheckResult,
    Manifest,
    check_name,
    digest_of,
    hash_file,
    load_bundle,
    parse_manifest,
)
from actors.errors import BundleCorruptError, BundleError

FILES = {"lm.onnx": b"graph", "lm.onnx.data": b"weights" * 1000, "voices/anna.safetensors": b"voice"}


TENSOR = {"name": "x", "dtype": "float32", "axes": ["batch", 4]}


def document() -> dict[str, Any]:
    """The content of a valid ``bundle.json`` for ``FILES``."""
    return {
        "format_version": 1,
        "family": "soprano",
        "name": "tiny",
        "precision": "int8",
        "layout": "server",
        "sample_rate": 32000,
        "voices": ["anna"],
        "graphs": {"lm": {"file": "lm.onnx", "precision": "int8", "inputs": [{**TENSOR}], "outputs": [{**TENSOR}]}},
        "settings": {"eos_token_id": 3},
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)} for name, content in FILES.items()
        },
        "source": {"repo": "someone/some-model", "revision": "abc", "licence": "Apache-2.0"},
        "checks": [
            {"graph": "lm", "case": "all cases", "metric": "max_abs_diff", "value": 1e-6, "floor": None, "ceiling": 1e-4}
        ],
        "tools": {"torch": "2.9"},
    }


def parse(content: object) -> Manifest:
    return parse_manifest(json.dumps(content).encode(), "somewhere/bundle.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A valid bundle folder."""
    for name, content in FILES.items():
        path = tmp_path / "bundle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "bundle" / MANIFEST_NAME).write_text(json.dumps(document()))
    return tmp_path / "bundle"


def test_loads_and_verifies_what_was_promised(folder: Path) -> None:
    bundle = load_bundle(str(folder))
    bundle.verify()
    assert bundle.manifest.graphs["lm"].inputs[0].axes == ["batch", 4]
    assert bundle.path("lm.onnx").read_bytes() == b"graph"


def test_digest_is_the_sha256_of_the_manifest_and_pins_the_reference(folder: Path) -> None:
    expected = "sha256:" + hashlib.sha256((folder / MANIFEST_NAME).read_bytes()).hexdigest()
    bundle = load_bundle(folder)
    assert bundle.digest == expected
    assert bundle.reference == f"tiny@{expected}"


def test_manifest_survives_a_round_trip_byte_by_byte() -> None:
    data = parse(document()).to_json()
    assert parse_manifest(data, "copy").to_json() == data
    assert digest_of(data) == digest_of(parse_manifest(data, "copy").to_json())


def test_manifest_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        parse(document()).name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "where",
    [
        lambda d: d,
        lambda d: d["graphs"]["lm"],
        lambda d: d["graphs"]["lm"]["inputs"][0],
        lambda d: d["files"]["lm.onnx"],
        lambda d: d["source"],
        lambda d: d["checks"][0],
    ],
    ids=["document", "graph", "tensor", "file", "source", "check"],
)
def test_an_unknown_key_is_an_error_at_every_level(where: Callable[[Any], dict[str, Any]]) -> None:
    content = document()
    where(content)["supprise"] = 1
    with pytest.raises(BundleError, match=r"somewhere/bundle\.json: .*supprise"):
        parse(content)


@pytest.mark.parametrize("key", sorted(document()))
def test_a_missing_key_is_an_error(key: str) -> None:
    content = document()
    del content[key]
    with pytest.raises(BundleError, match=f"{key}: Field required"):
        parse(content)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format_version", 0),
        ("format_version", "1"),
        ("family", 5),
        ("family", ""),
        ("family", "Kokoro"),
        ("family", "../soprano"),
        ("family", "soprano\n"),
        ("family", "x" * 65),
        ("precision", "int3"),
        ("layout", "desktop"),
        ("sample_rate", 0),
        ("sample_rate", -24000),
        ("sample_rate", 10**12),
        ("graphs", {"lm": {"file": "lm.onnx", "precision": "int8", "inputs": [{**TENSOR, "axes": [-1]}], "outputs": []}}),
        ("graphs", {"lm": {"file": "lm.onnx", "precision": "int8", "inputs": [{**TENSOR, "axes": [10**12]}], "outputs": []}}),
        ("sample_rate", 32000.5),
        ("sample_rate", "32000"),
        ("voices", "anna"),
        ("name", "../tiny"),
        ("files", {"lm.onnx": {"sha256": "A" * 64, "size": 1}}),
        ("files", {"lm.onnx": {"sha256": "a" * 63, "size": 1}}),
        ("files", {"lm.onnx": {"sha256": "a" * 64, "size": -1}}),
        ("checks", [{"graph": "lm", "case": "all", "metric": "vibes", "value": 1.0}]),
    ],
)
def test_a_wrong_value_is_an_error_that_names_its_key(key: str, value: object) -> None:
    with pytest.raises(BundleError, match=f"not a valid bundle manifest: .*{key}"):
        parse({**document(), key: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 2}, "has format 2, and this version of Speechmill reads 1"),
        ({"format_version": 2, "family": "kokoro", "layout": "edge", "surprise": 1}, "has format 2"),
    ],
)
def test_a_bundle_of_a_newer_version_says_so(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=f"{message}.*use a newer version of Speechmill") as caught:
        parse({**document(), **changes})
    assert "Export the model again" not in str(caught.value)


def test_a_bundle_of_a_family_that_this_version_does_not_know_can_be_read() -> None:
    assert parse({**document(), "family": "kokoro"}).family == "kokoro"


def test_whatever_stands_in_a_manifest_is_understood_or_a_bundle_error() -> None:
    odd = [None, True, -1, 0, 10**400, 1e308, "", "x" * 10_000, [], {}, [[]], {"a": None}, "\ud800", "../..", float("inf")]
    chance = random.Random(0)

    def change(value: Any) -> Any:
        if chance.random() < 0.1:
            return chance.choice(odd)
        if isinstance(value, dict):
            return {key: change(one) for key, one in value.items()}
        return [change(one) for one in value] if isinstance(value, list) else value

    for _ in range(300):
        with contextlib.suppress(BundleError):
            parse(change(document()))
    for data in (b"[" * 100_000, b'{"settings":' + b'{"a":' * 100_000, b'{"family":' + b"9" * 5000 + b"}"):
        with pytest.raises(BundleError):
            parse_manifest(data, "origin")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a": NaN}'])
def test_what_is_no_json_object_is_an_error(data: bytes) -> None:
    with pytest.raises(BundleError, match=r"^origin: not a valid bundle manifest"):
        parse_manifest(data, "origin")


@pytest.mark.parametrize(
    "member",
    [
        "",
        ".",
        "..",
        "../secret",
        "a/../../secret",
        "a/../b",
        "./a",
        "a//b",
        "a/",
        "/etc/passwd",
        "//host/share",
        "a\\b",
        "..\\secret",
        "C:secret",
        "C:\\secret",
        "a\0b",
    ],
)
def test_no_member_leaves_the_folder(member: str) -> None:
    content = document()
    content["files"][member] = content["files"]["lm.onnx"]
    with pytest.raises(BundleError, match="files"):
        parse(content)
    content = document()
    content["graphs"]["lm"]["file"] = member
    with pytest.raises(BundleError, match="graphs"):
        parse(content)


def test_a_graph_whose_file_is_not_listed_is_an_error() -> None:
    content = document()
    content["graphs"]["lm"]["file"] = "other.onnx"
    with pytest.raises(BundleError, match=r"graph 'lm' names 'other\.onnx'"):
        parse(content)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"it has no bundle\.json"):
        load_bundle(tmp_path)


def test_the_path_of_an_unlisted_file_is_an_error(folder: Path) -> None:
    (folder / "stranger").touch()
    with pytest.raises(BundleError, match="lists no file 'stranger'"):
        load_bundle(folder).path("stranger")


def _change_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _replace_with_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link_outside(path: Path) -> None:
    path.rename(path.parent.parent / "outside")
    path.symlink_to(path.parent.parent / "outside")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (Path.unlink, "is missing"),
        (_replace_with_folder, "is missing"),
        (_change_a_byte, "but bundle.json promises 7000"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "has 6999 bytes"),
        (lambda path: path.write_bytes(b""), "has 0 bytes"),
        (_link_outside, "is a link that leaves the bundle"),
    ],
    ids=["missing", "a folder", "another byte", "truncated", "empty", "link outside"],
)
def test_verify_names_a_file_that_is_not_as_promised(folder: Path, damage: Callable[[Path], object], message: str) -> None:
    bundle = load_bundle(folder)
    damage(folder / "lm.onnx.data")
    with pytest.raises(BundleCorruptError, match=message) as caught:
        bundle.verify()
    assert str(folder / "lm.onnx.data") in str(caught.value)


def test_verify_refuses_a_linked_folder_that_leaves_the_bundle(folder: Path) -> None:
    (folder / "voices").rename(folder.parent / "elsewhere")
    (folder / "voices").symlink_to(folder.parent / "elsewhere", target_is_directory=True)
    with pytest.raises(BundleCorruptError, match=r"anna\.safetensors is a link that leaves"):
        load_bundle(folder).verify()


def test_verify_accepts_a_bundle_behind_a_link_and_links_inside_it(folder: Path) -> None:
    (folder / "lm.onnx").rename(folder / "blob")
    (folder / "lm.onnx").symlink_to("blob")
    (folder.parent / "link").symlink_to(folder, target_is_directory=True)
    load_bundle(folder.parent / "link").verify()


def test_files_that_are_not_listed_do_not_matter(folder: Path) -> None:
    (folder / "README.md").write_text("a model card")
    load_bundle(folder).verify()


def test_hash_file_gives_sha256_and_size(folder: Path) -> None:
    entry = hash_file(folder / "lm.onnx")
    assert (entry.sha256, entry.size) == (hashlib.sha256(b"graph").hexdigest(), 5)


@pytest.mark.parametrize("name", ["a", "Soprano-1.1", "0", "a_b.c-d", "x" * 128])
def test_good_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "-a", "a..b", "a/b", "a b", "a@b", "ä", "a\n", "x" * 129])
def test_bad_names(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a bundle or tag"):
        check_name(name)


def test_a_check_result_is_a_finite_number() -> None:
    with pytest.raises(ValidationError):
        CheckResult(graph="lm", case="all", metric="snr_db", value=float("nan"))


def test_a_bundle_is_equal_to_itself_loaded_again(folder: Path) -> None:
    assert load_bundle(folder) == load_bundle(folder)
    assert isinstance(load_bundle(folder), Bundle)
