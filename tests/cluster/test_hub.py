import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

from actors.bundle import MANIFEST_NAME, CheckResult, Source, load_bundle
from actors.errors import BundleCorruptError, BundleNotFoundError, StorageError, UsageError
from actors.families import FAMILIES
from cluster import hub
from cluster.registry import describe, fetch, publish, resolve

TOKEN = "hf_secretsecretsecretsecret"  # noqa: S105 - guards nothing
DATA = "decoder.onnx.data"

# huggingface_hub's own use of its HTTP client.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


class FakeHub:
    """What a hub keeps: commits of files by branch, large files apart, and the requests it got."""

    def __init__(self) -> None:
        self.repos: set[str] = set()
        self.branches: dict[tuple[str, str], str] = {}
        self.commits: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.tokens: dict[str, set[str | None]] = {}

    def commit_of(self, repo: str, revision: str) -> str | None:
        return revision if revision in self.commits else self.branches.get((repo, revision))

    def commit(self, repo: str, branch: str, lines: list[dict[str, Any]]) -> str:
        files = dict(self.commits.get(self.branches.get((repo, branch), ""), {}))
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.large[value["oid"]]
        oid = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()  # noqa: S324 - as git names commits
        self.commits[oid] = files
        self.branches[repo, branch] = oid
        return oid


class Handler(BaseHTTPRequestHandler):
    """The endpoints that huggingface_hub calls to publish and to fetch, large files by the basic LFS transfer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go in two writes
    hub: FakeHub

    def handle_request(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        first, second, third, *rest = [*path.strip("/").split("/"), "", "", ""]
        routes: dict[tuple[str, str], Callable[[], None]] = {
            ("POST", "create"): lambda: self.create(json.loads(body)),
            ("POST", "validate-yaml"): lambda: self.reply({}),
            ("POST", "branch"): lambda: self.branch(f"{third}/{rest[0]}", rest[2]),
            ("POST", "preupload"): lambda: self.preupload(json.loads(body)),
            ("POST", "batch"): lambda: self.lfs_batch(json.loads(body)),
            ("PUT", "lfs"): lambda: self.lfs_put(second, body),
            ("POST", "commit"): lambda: self.commit(f"{third}/{rest[0]}", rest[2], body),
            ("GET", "revision"): lambda: self.revision(f"{third}/{rest[0]}", rest[2]),
            ("HEAD", "resolve"): lambda: self.resolve(f"{first}/{second}", path),
            ("GET", "resolve"): lambda: self.resolve(f"{first}/{second}", path),
            ("GET", "lfs"): lambda: self.reply_bytes(self.hub.large[second]),
        }
        self.hub.tokens.setdefault(first, set()).add(self.headers.get("Authorization"))
        if first == "api":
            word = rest[1] if second == "models" else third or second
        else:
            word = "lfs" if first == "lfs" else "batch" if path.endswith("/batch") else third
        routes.get((self.command, word), lambda: self.missing("NotHere"))()

    do_GET = do_HEAD = do_POST = do_PUT = handle_request  # noqa: N815 - names of the base class

    def create(self, wanted: dict[str, str]) -> None:
        repo = f"{wanted['organization']}/{wanted['name']}"
        status = 409 if repo in self.hub.repos else 200
        self.hub.repos.add(repo)
        self.reply({"url": f"http://{self.headers['Host']}/{repo}"}, status)

    def branch(self, repo: str, branch: str) -> None:
        status = 409 if (repo, branch) in self.hub.branches else 200
        self.hub.branches.setdefault((repo, branch), "")
        self.reply({}, status)

    def preupload(self, wanted: dict[str, Any]) -> None:
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith((".onnx", ".data", ".safetensors")) else "regular",
                "shouldIgnore": False,
            }
            for file in wanted["files"]
        ]
        self.reply({"files": files})

    def lfs_batch(self, wanted: dict[str, Any]) -> None:
        objects = []
        for item in wanted["objects"]:
            upload = {"href": f"http://{self.headers['Host']}/lfs/{item['oid']}"}
            new = {} if item["oid"] in self.hub.large else {"actions": {"upload": upload}}
            objects.append({"oid": item["oid"], "size": item["size"], **new})
        self.reply({"transfer": "basic", "objects": objects})

    def lfs_put(self, oid: str, body: bytes) -> None:
        self.hub.large[oid] = body
        self.reply({})

    def commit(self, repo: str, branch: str, body: bytes) -> None:
        oid = self.hub.commit(repo, branch, [json.loads(line) for line in body.splitlines()])
        self.reply({"commitUrl": f"http://{self.headers['Host']}/{repo}/commit/{oid}", "commitOid": oid})

    def revision(self, repo: str, revision: str) -> None:
        if repo not in self.hub.repos:
            self.missing("RepoNotFound")
        elif commit := self.hub.commit_of(repo, revision):
            self.reply({"id": repo, "sha": commit})
        else:
            self.missing("RevisionNotFound")

    def resolve(self, repo: str, path: str) -> None:
        revision, _, member = path.partition("/resolve/")[2].partition("/")
        commit = self.hub.commit_of(repo, revision) or ""
        content = self.hub.commits[commit].get(member)
        if content is None:
            self.missing("EntryNotFound")
            return
        oid = hashlib.sha256(content).hexdigest()
        headers = {"X-Repo-Commit": commit, "ETag": f'"{oid}"'}
        if oid in self.hub.large:
            link = {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content))}
            # Another host, as large files are: the client must not follow with its token.
            elsewhere = self.headers["Host"].replace("127.0.0.1", "localhost")
            self.reply_bytes(b"", 302, Location=f"http://{elsewhere}/lfs/{oid}", **headers, **link)
        else:
            self.reply_bytes(content, **headers)

    def missing(self, code: str) -> None:
        self.reply_bytes(b"", 404, **{"X-Error-Code": code})

    def reply(self, body: dict[str, Any], status: int = 200) -> None:
        self.reply_bytes(json.dumps(body).encode(), status)

    def reply_bytes(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def fake_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    state = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"hub": state}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    # Their variables are read when huggingface_hub is imported: too late to set them here.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_bundle_goes_to_the_hub_in_one_commit_and_back(
    fake_hub: FakeHub, make_bundle: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_bundle()
    (folder / "notes.txt").write_text("not part of the bundle")
    caplog.set_level("DEBUG")
    reference = publish(folder, "hf://org/repo")

    (commit,) = fake_hub.commits
    members = {DATA, "decoder.onnx", "voices/anna.safetensors", MANIFEST_NAME, "README.md"}
    assert set(fake_hub.commits[commit]) == members
    pinned = resolve("hf://org/repo")
    assert pinned.reference == reference
    assert pinned.origin == hub.HubOrigin("org/repo", commit)
    bundle = fetch(pinned, cache=tmp_path / "cache")
    bundle.verify()
    assert bundle.reference == reference
    assert {path.name for path in bundle.folder.rglob("*") if path.is_file()} == {
        Path(member).name for member in members - {"README.md"}
    }
    assert f"Bearer {TOKEN}" in fake_hub.tokens["api"]
    assert fake_hub.tokens["lfs"] == {None}
    assert TOKEN not in caplog.text


def test_publishing_again_sends_no_large_file(fake_hub: FakeHub, make_bundle: Any) -> None:
    folder = make_bundle()
    publish(folder, "hf://org/repo")
    fake_hub.requests.clear()
    publish(folder, "hf://org/repo")
    assert not any(request.startswith("PUT") for request in fake_hub.requests)


@pytest.mark.usefixtures("fake_hub")
def test_a_branch_that_moves_changes_nothing_for_what_is_pinned(make_bundle: Any, tmp_path: Path) -> None:
    first = publish(make_bundle(payload=b"one"), "hf://org/repo")
    pinned = resolve("hf://org/repo")
    second = publish(make_bundle(payload=b"two"), "hf://org/repo")

    assert fetch(pinned, cache=tmp_path).reference == first
    assert fetch("hf://org/repo@main", cache=tmp_path).reference == second
    assert isinstance(pinned.origin, hub.HubOrigin)
    assert fetch(f"hf://org/repo@{pinned.origin.commit}", cache=tmp_path).reference == first


@pytest.mark.parametrize(("destination", "tag"), [("hf://org/repo", "v1"), ("hf://org/repo@v1", "latest")])
def test_another_tag_or_revision_is_a_branch(fake_hub: FakeHub, make_bundle: Any, destination: str, tag: str) -> None:
    reference = publish(make_bundle(), destination, tag)
    publish(make_bundle(payload=b"main"), "hf://org/repo")
    assert resolve("hf://org/repo@v1").reference == reference
    assert b'open_model("hf://org/repo@v1")' in fake_hub.commits[fake_hub.branches["org/repo", "v1"]]["README.md"]


def test_a_file_that_is_not_as_promised_is_named(fake_hub: FakeHub, make_bundle: Any, tmp_path: Path) -> None:
    publish(make_bundle(), "hf://org/repo")
    (files,) = fake_hub.commits.values()
    original = files[DATA]
    for corrupt in (b"x" * len(original), None):
        if corrupt is None:
            del files[DATA]
        else:
            files[DATA] = corrupt
        with pytest.raises(BundleCorruptError, match=f"hf://org/repo@[0-9a-f]{{40}}/{DATA}"):
            fetch("hf://org/repo", cache=tmp_path / "cache")
    assert not any(path.is_dir() and path.suffix == "" for path in (tmp_path / "cache").iterdir())


def test_what_is_not_on_the_hub_is_not_found(fake_hub: FakeHub, make_bundle: Any) -> None:
    with pytest.raises(BundleNotFoundError, match="hf://org/absent: there is no such repository"):
        resolve("hf://org/absent")
    publish(make_bundle(), "hf://org/repo")
    with pytest.raises(BundleNotFoundError, match="hf://org/repo@v9: there is no such revision"):
        resolve("hf://org/repo@v9")
    (files,) = fake_hub.commits.values()
    del files[MANIFEST_NAME]
    with pytest.raises(BundleNotFoundError, match=rf"{MANIFEST_NAME}: there is no such revision or file"):
        resolve("hf://org/repo")


def test_an_unreachable_hub_is_a_storage_error(make_bundle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(StorageError, match="Check the network, HF_ENDPOINT and HF_TOKEN"):
        resolve("hf://org/repo")
    with pytest.raises(StorageError, match="hf://org/repo: "):
        publish(make_bundle(), "hf://org/repo")


@pytest.mark.parametrize(
    "reference",
    ["hf://", "hf://repo", "hf://org/../repo", "hf://org/repo@", "hf://org/repo@../main", "hf://a/b/c", "hf://a/b--c"],
)
def test_another_form_of_reference_is_refused(reference: str) -> None:
    with pytest.raises(UsageError):
        resolve(reference)


def front_matter(card: str) -> str:
    return card.split("---")[1]


def test_the_card_says_what_the_manifest_knows(make_bundle: Any) -> None:
    check = CheckResult(graph="decoder", case="batch|2", metric="snr_db", value=41.25, floor=30.0)
    bundle = load_bundle(make_bundle(checks=[check], voices=["anna", "b|ob\n## x"]))
    card = hub.model_card(bundle, "org/repo")

    for line in (
        "license: apache-2.0",
        "library_name: speechmill",
        "pipeline_tag: text-to-speech",
        "base_model: someone/some-model",
        "base_model_relation: quantized",
        "- int8",
    ):
        assert line in front_matter(card).splitlines()
    for row in (
        "| Family | soprano |",
        "| Sample rate | 24000 Hz |",
        "| Voices | anna, b\\|ob ## x |",
        f"| Digest | `{bundle.digest}` |",
        "| decoder | decoder.onnx | int8 | 1 | 1 |",
        "| decoder | batch\\|2 | snr_db | 41.25 | >= 30 |",
        'engine = open_model("hf://org/repo")',
    ):
        assert row in card.splitlines()


def test_the_card_says_what_missed_its_bar_and_what_could_not_be_measured(make_bundle: Any) -> None:
    said = CheckResult(graph="whole bundle", case="int8", metric="stoi", value=0.9, floor=0.95)
    unheard = CheckResult(graph="whole bundle", case="int8", metric="pesq", value=None, floor=4.0)
    free = CheckResult(graph="whole bundle", case="int8", metric="snr_db", value=-3.0)
    rows = hub.model_card(load_bundle(make_bundle(checks=[said, unheard, free])), "org/repo").splitlines()
    assert "| whole bundle | int8 | stoi | 0.9 | >= 0.95 (missed) |" in rows
    assert "| whole bundle | int8 | pesq | - | >= 4 (missed) |" in rows
    assert "| whole bundle | int8 | snr_db | -3 | none |" in rows


def test_the_card_names_the_familys_task_where_it_is_known(make_bundle: Any) -> None:
    tasks = {family: family_task(hub.model_card(load_bundle(make_bundle(family=family)), "org/repo")) for family in FAMILIES}
    assert tasks == {name: family.task for name, family in FAMILIES.items()}
    assert family_task(hub.model_card(load_bundle(make_bundle(family="kokoro")), "org/repo")) is None


def family_task(card: str) -> str | None:
    lines = [line for line in front_matter(card).splitlines() if line.startswith("pipeline_tag")]
    return lines[0].removeprefix("pipeline_tag: ") if lines else None


@pytest.mark.parametrize(
    ("licence", "lines"),
    [("Custom 1.0", ["license: other", "license_name: Custom 1.0"]), (None, [])],
)
def test_a_licence_the_hub_does_not_know_is_named(make_bundle: Any, licence: str | None, lines: list[str]) -> None:
    source = Source(repo="checkpoints/../local folder", licence=licence)
    card = hub.model_card(load_bundle(make_bundle(source=source)), "org/repo")
    assert [line for line in front_matter(card).splitlines() if line.startswith("license")] == lines
    assert "base_model" not in front_matter(card)


def test_describing_reads_only_the_manifest(fake_hub: FakeHub, make_bundle: Any) -> None:
    reference = publish(make_bundle(), "hf://org/repo")
    fake_hub.requests.clear()
    pinned, manifest = describe("hf://org/repo")
    assert (pinned.reference, manifest.family) == (reference, "soprano")
    assert not any(request.endswith(DATA) for request in fake_hub.requests)
