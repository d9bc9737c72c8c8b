"""Files named by paths, URIs and names relative to a folder; and what rows must not name."""

import contextlib
import errno
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.errors import RequestError, StorageError, UsageError
from cluster import media, storage
from cluster.dataset import Unit, read_rows, scan, scan_media
from cluster.media import MediaReader
from cluster.storage import open_store
from tests.cluster.faulty_proxy import FaultyProxy


@pytest.fixture
def reader(tmp_path: Path) -> MediaReader:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "a b.wav").write_bytes(b"a")
    (tmp_path / "other.wav").write_bytes(b"other")
    return MediaReader.of(scan_media(tmp_path / "in"), str(tmp_path))


def test_local_files_are_given_as_paths(reader: MediaReader, tmp_path: Path) -> None:
    for location in (f"{tmp_path}/in/sub/a b.wav", "in/sub/a b.wav", f"file://{tmp_path}/in/sub/a%20b.wav"):
        assert reader(location) == tmp_path / "in" / "sub" / "a b.wav"
    assert pickle.loads(pickle.dumps(reader))("other.wav") == tmp_path / "other.wav"  # noqa: S301 - our own


@pytest.mark.parametrize("location", ["nowhere.wav", "in/sub", "ftp://host/a.wav", "in/"])
def test_what_is_no_file_is_a_reason(reader: MediaReader, location: str) -> None:
    with pytest.raises(RequestError):
        reader(location)


@pytest.mark.parametrize("place", ["nowhere", "other.wav"])
def test_a_folder_that_is_not_there_is_wrong_usage_and_not_the_rows_fault(tmp_path: Path, place: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "other.wav").write_bytes(b"other")
    dataset = scan_media(tmp_path / "other.wav")
    for root, allowed in ((place, "in"), ("in", place)):
        with pytest.raises(UsageError, match=f"there is no folder .*{place}"):
            MediaReader.of(dataset, str(tmp_path / root), [open_store(tmp_path / allowed)])


def table_in(folder: Path | str) -> Path | str:
    """Write a table of recordings into a folder or store."""
    store = open_store(folder)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"audio": ["a.wav"]}), sink)
    store.write_bytes("in.parquet", sink.getvalue())
    return f"{folder}/in.parquet"


Read = Callable[..., bytes | Path]


class TestFilesThatATableNames:
    """A folder ``data`` with a table and recordings, beside ``secret.wav``, which is not the rows' business."""

    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        data = tmp_path / "data"
        (data / "sub").mkdir(parents=True)
        for name in ("a.wav", "sub/what?.wav", "sub/100%25.wav", os.fsdecode(b"caf\xe9.wav")):
            (data / name).write_bytes(b"sound")
        (tmp_path / "secret.wav").write_bytes(b"secret")
        (data / "link.wav").symlink_to("../secret.wav")
        (data / "up").symlink_to("..")
        (data / "inside.wav").symlink_to("sub/../a.wav")
        return data

    @pytest.fixture
    def read(self, data: Path) -> Read:
        def read(location: str, *allowed: object) -> bytes | Path:
            dataset = scan(str(table_in(data)), "audio")
            return MediaReader.of(dataset, str(data), [open_store(str(place)) for place in allowed])(location)

        return read

    @pytest.mark.parametrize(
        "location", ["a.wav", "./a.wav", "sub/../a.wav", "inside.wav", "{data}/a.wav", "file://{data}/a.wav"]
    )
    def test_what_lies_below_the_table_is_read(self, read: Read, data: Path, location: str) -> None:
        assert read(location.format(data=data)) == data / "a.wav"

    def test_names_mean_what_they_say(self, read: Read, data: Path) -> None:
        assert read("sub/what?.wav") == data / "sub" / "what?.wav"
        assert read("sub/100%25.wav") == data / "sub" / "100%25.wav"
        assert read(f"file://{data}/sub/100%2525.wav") == data / "sub" / "100%25.wav"
        for name in (os.fsdecode(b"caf\xe9.wav"), f"file://{data}/caf%E9.wav"):
            assert os.fsencode(Path(str(read(name)))).endswith(b"caf\xe9.wav")

    @pytest.mark.parametrize(
        "location",
        [
            "{folder}/secret.wav", "../secret.wav", "sub/../../secret.wav", "link.wav", "up/secret.wav", "{data}/up/secret.wav",
            "file://{folder}/secret.wav", "file://{data}/%2e%2e/secret.wav", "file://{data}/..%2fsecret.wav", "/etc/hostname",
            "{folder}/not there.wav", "/proc/self/environ", "{data}2/a.wav", "file:///", "/",
        ],
    )  # fmt: skip
    def test_what_lies_elsewhere_is_refused_with_the_option_that_allows_it(
        self, read: Read, data: Path, tmp_path: Path, location: str
    ) -> None:
        location = location.format(data=data, folder=tmp_path)
        with pytest.raises(RequestError, match=r"outside .*--allow-store /") as caught:
            read(location)
        assert "secret'" not in str(caught.value)
        if "secret" in location:
            assert str(caught.value).endswith(f"--allow-store {tmp_path}")
            assert read(location, tmp_path) == tmp_path / "secret.wav"

    @pytest.mark.parametrize(
        "location",
        [
            "http://127.0.0.1:9/a.wav?token=SECRET", "ftp://user:SECRET@host/a.wav", "gopher://x", "HTTP://h/a.wav#SECRET?SECRET",
            "s3://data/a.wav?endpoint_override=http://SECRET:9", "S3://data/a.wav", "gs://data/a.wav?anonymous=SECRET",
            "s3://key:SECRET@data/a.wav", "s3://key:SECRET/SECRET@data/a.wav", "s3://[SECRET", "file://host/a.wav", "s3://", "s3:///",
        ],
    )  # fmt: skip
    def test_no_other_machine_is_asked_and_no_secret_is_shown(self, read: Read, location: str) -> None:
        with pytest.raises(RequestError) as caught:
            read(location)
        if "[" not in location and "#" not in location:
            assert "SECRET" not in str(caught.value)

    @pytest.mark.parametrize(
        ("location", "reason"),
        [
            ("x" * 300 + ".wav", "a name of 304 bytes, more than a file's name may have"),
            ("é" * 200 + ".wav", "a name of 404 bytes"),
            ("x/" * 3000 + "a.wav", "more than a path may have"),
            ("A" * 5_000_000, "base64"),
            ("UklGR" + "iQAAAB" * 60 + "==", "looks like base64 and not like a path: put the bytes"),
            ("//uQxAAA" * 60, "looks like base64"),
            ("/9j/4AAQ" * 60, "looks like base64"),
            ("UklG\n" * 60, "looks like base64"),
            ("data:audio/wav;base64,UklGRiQAAAA=", "looks like base64"),
            ("a\0.wav", "zero byte"),
            ("file://{data}/a%00.wav", "zero byte"),
            ("\ud800.wav", "not a name that a file can have"),
            ("s3://bucket/\ud800.wav", "outside"),
            ("sub", "is a folder"),
            ("", "is a folder"),
            ("a.wav/b.wav", "there is no file"),
            ("C:\\sounds\\a.wav", "path of Windows"),
            ("\\\\server\\share\\a.wav", "path of Windows"),
            ("~/a.wav", "there is no file"),
            ("file:/a.wav", "there is no file"),
        ],
    )  # fmt: skip
    def test_a_name_that_cannot_be_one_is_a_reason(self, read: Read, data: Path, location: str, reason: str) -> None:
        with pytest.raises(RequestError, match=reason) as caught:
            read(location.format(data=data))
        assert len(str(caught.value)) < 600

    def test_what_is_no_file_is_never_opened(self, read: Read, data: Path) -> None:
        os.mkfifo(data / "pipe.wav")
        (data / "empty.wav").touch()
        (data / "circle.wav").symlink_to("circle.wav")
        (data / "round").symlink_to("round2")
        (data / "round2").symlink_to("round")
        started = time.monotonic()
        for location, reason in {
            "pipe.wav": "is a pipe, not a file",
            "empty.wav": "0 bytes",
            "circle.wav": "circle|symbolic links",
            "round/a.wav": "circle|symbolic links",
        }.items():
            with pytest.raises(RequestError, match=reason):
                read(location)
        for location, reason in {"/dev/zero": "is a device", "/proc/kmsg": "0 bytes|permitted|denied"}.items():
            with pytest.raises(RequestError, match=reason):
                read(location, "/")
        assert time.monotonic() - started < 5

    def test_the_top_of_a_machine_allows_nothing_by_itself(self, data: Path, tmp_path: Path) -> None:
        dataset = scan(str(table_in(data)), "audio")
        relative = str(tmp_path / "secret.wav")[1:]
        with pytest.raises(RequestError, match=f"--allow-store {tmp_path}"):
            MediaReader.of(dataset, "/")(relative)
        assert MediaReader.of(dataset, "/", [open_store("/")])(relative) == tmp_path / "secret.wav"

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            (errno.EACCES, RequestError), (errno.EPERM, RequestError), (errno.EINVAL, RequestError), (errno.EIO, StorageError),
            (errno.ESTALE, StorageError), (errno.EMFILE, StorageError),
        ],
    )  # fmt: skip
    def test_what_a_row_names_is_told_from_a_file_system_in_trouble(
        self, read: Read, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
    ) -> None:
        def fail(*_: object) -> Path:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(media, "_checked_file", fail)
        monkeypatch.setattr(storage.local, "_STALE_PAUSE_S", 0)
        with pytest.raises(kind, match=r"a\.wav") as caught:
            read("a.wav")
        assert os.strerror(code) in str(caught.value)

    @pytest.mark.parametrize(
        "error", [ValueError("odd"), RuntimeError("odd"), MemoryError(), KeyError("odd"), RecursionError()]
    )
    def test_whatever_one_name_does_is_its_rows_reason(
        self, read: Read, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def fail(*_: object) -> Path:
            raise error

        monkeypatch.setattr(media, "_checked_file", fail)
        with pytest.raises(RequestError):
            read("a.wav")


def test_links_in_a_folder_of_recordings_are_followed(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "1234").write_bytes(b"sound")
    (tmp_path / "chosen").mkdir()
    (tmp_path / "chosen" / "a.wav").symlink_to("../blobs/1234")
    dataset = scan_media(tmp_path / "chosen")
    (row,) = read_rows(dataset, Unit(0, 0, 1)).rows
    assert MediaReader.of(dataset, str(tmp_path / "chosen"))(row.values["path"]) == tmp_path / "blobs" / "1234"


def open_files() -> set[Path]:
    """Return the files and connections that this process holds open; others may come and go meanwhile."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(descriptor.readlink())
    return found


class TestObjectsThatATableNames:
    """A prefix ``data`` with a table and recordings, in a bucket with others."""

    @pytest.fixture
    def root(self, s3_root: str) -> str:
        assert s3_root
        store = open_store("s3://bucket")
        for key in ("data/a.wav", "data/what?.wav", "data/100%25.wav", "data/a b.wav", "data2/a.wav", "secret.wav"):
            store.write_bytes(key, key.encode())
        return "s3://bucket/data"

    @pytest.fixture
    def reader(self, root: str, tmp_path: Path) -> MediaReader:
        return MediaReader.of(scan(table_in(root), "audio"), str(tmp_path))

    @pytest.mark.parametrize("name", ["a.wav", "what?.wav", "100%25.wav", "a b.wav"])
    def test_what_lies_beside_the_table_is_read(self, reader: MediaReader, root: str, name: str) -> None:
        assert reader(f"{root}/{name}") == f"data/{name}".encode()
        assert pickle.loads(pickle.dumps(reader))(f"S3://bucket/data/{name}") == f"data/{name}".encode()  # noqa: S301 - our own
        relative = MediaReader.of(scan(table_in(root), "audio"), root)
        assert relative(name) == f"data/{name}".encode()

    def test_a_name_may_be_percent_encoded(self, reader: MediaReader, root: str) -> None:
        assert reader(f"{root}/a%20b.wav") == b"data/a b.wav"
        assert reader(f"{root}/what%3F.wav") == b"data/what?.wav"

    @pytest.mark.parametrize("location", ["s3://bucket/secret.wav", "s3://bucket/data2/a.wav", "s3://other/data/a.wav"])
    def test_other_places_are_refused_before_they_are_asked(
        self, reader: MediaReader, s3_requests: list[str], location: str
    ) -> None:
        with pytest.raises(RequestError, match=r"outside .*--allow-store s3://" + location[5:].rpartition("/")[0]):
            reader(location)
        assert not s3_requests

    @pytest.mark.parametrize(
        "name",
        ["../secret.wav", "%2e%2e/secret.wav", "x/../../secret.wav", "..%2Fsecret.wav", "./a.wav", "/a.wav", "/../secret.wav",
         "x" * 1100 + ".wav", "", "\ud800.wav", "nowhere.wav", "sub/"],
    )  # fmt: skip
    def test_a_name_that_leaves_the_prefix_or_cannot_be_one_is_a_reason(
        self, reader: MediaReader, root: str, name: str
    ) -> None:
        with pytest.raises(RequestError):
            reader(f"{root}/{name}")
        with pytest.raises(RequestError):
            MediaReader.of(scan(table_in(root), "audio"), root)(name)

    def test_a_row_has_no_say_in_the_options_of_a_store(self, reader: MediaReader, root: str) -> None:
        query = "endpoint_override=http://127.0.0.1:9&scheme=http"
        for read, location in (
            (reader, f"{root}/a.wav?{query}"),
            (MediaReader.of(scan(table_in(root), "audio"), root), f"a.wav?{query}"),
        ):
            with pytest.raises(RequestError, match="no options, which only the job's command line may give") as caught:
                read(location)
            assert "127.0.0.1" not in str(caught.value)
        allowed = MediaReader.of(scan(table_in(root), "audio"), root, [open_store("s3://bucket")])
        assert allowed("s3://bucket/secret.wav") == b"secret.wav"

    @pytest.mark.parametrize("user", ["key:SECRET", "anonymous", ""])
    def test_a_row_brings_no_credentials_along(self, reader: MediaReader, root: str, user: str) -> None:
        with pytest.raises(RequestError, match="brings user information along") as caught:
            reader(f"{root}/a.wav".replace("://", f"://{user}@"))
        assert "SECRET" not in str(caught.value)

    def test_a_large_object_is_spooled_and_gone_with_its_path(
        self, reader: MediaReader, root: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(media, "_SPOOLED_BYTES", 5)
        path = reader(f"{root}/a.wav")
        assert isinstance(path, Path)
        assert path.read_bytes() == path.read_bytes() == b"data/a.wav"
        spooled = path.readlink()
        assert spooled in open_files()
        del path
        assert spooled not in open_files()
        monkeypatch.setattr(media.shutil, "disk_usage", lambda _: media.shutil._ntuple_diskusage(10, 5, 5))
        with pytest.raises(RequestError, match=r"has 10 bytes, and .* has room for 5: .*TMPDIR"):
            reader(f"{root}/a.wav")

    def test_an_object_that_is_refused_is_a_reason_and_a_store_that_refuses_all_is_not(
        self, reader: MediaReader, root: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refused = OSError("When reading: AWS Error ACCESS_DENIED during HeadObject operation: No response body.")
        find = storage.ObjectStore._find

        def refuse(store: storage.ObjectStore, key: str) -> object:
            if key in lost:
                raise refused
            return find(store, key)

        monkeypatch.setattr(storage.ObjectStore, "_find", refuse)
        lost = {"a.wav"}
        with pytest.raises(RequestError, match=r"a\.wav is refused by the store"):
            reader(f"{root}/a.wav")
        lost = {"a.wav", "in.parquet"}
        with pytest.raises(StorageError, match="ACCESS_DENIED"):
            reader(f"{root}/a.wav")

    def test_an_archived_object_is_a_reason(self, reader: MediaReader, root: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def archived(*_: object) -> bytes:
            raise OSError("AWS Error UNKNOWN (HTTP status 403) during GetObject operation: InvalidObjectState")

        monkeypatch.setattr(storage.ObjectStore, "_read", archived)
        with pytest.raises(RequestError, match="is there, but the store does not give it"):
            reader(f"{root}/a.wav")


def test_a_store_that_is_away_for_a_while_costs_no_row(
    s3_proxy: FaultyProxy, s3_root: str, tmp_path: Path, pauses: list[float]
) -> None:
    open_store(s3_root).write_bytes("a.wav", b"sound")
    reader = pickle.loads(pickle.dumps(MediaReader.of(scan(table_in(s3_root), "audio"), str(tmp_path))))  # noqa: S301 - our own
    s3_proxy.refuse(503)
    assert reader(f"{s3_root}/a.wav") == b"sound"
    assert len(pauses) == 2
