"""What is found at an input, what is left out and said, and names that not every tool likes."""

import os
import pickle
import subprocess
from pathlib import Path
from typing import Any

import pytest

from actors.errors import InputDataError
from cluster.dataset import MEDIA_SUFFIXES, Dataset, plan_units, read_rows, scan, scan_media
from cluster.media import MediaReader
from cluster.storage import open_store


def write(folder: Path, *names: str | bytes) -> None:
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))  # noqa: PTH118 - bytes
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(b"line\n")


def ids_of(dataset: Dataset) -> list[str]:
    return [row.id for unit in plan_units(dataset.shards, 100) for row in read_rows(dataset, unit, ()).rows]


# --- kinds of files ---


def test_recordings_of_every_kind_are_found(tmp_path: Path) -> None:
    names = [f"a{suffix}" for suffix in sorted(MEDIA_SUFFIXES)]
    write(tmp_path, *names)
    assert ids_of(scan_media(tmp_path)) == names
    asked = ".amr .3gp .ts .mpg .mp2 .ac3 .caf .au .w64 .flv .mts .m2ts .vob .ogv .3g2 .f4v .asf .mpeg .mpa .m4r .aifc .snd"
    more = ".ape .wv .tta .tak .mpc .dts .eac3 .thd .spx .gsm .voc .rf64 .bwf .weba .mxf .dv .rm .ra .qt .nut .awb .oma .aa3"
    assert MEDIA_SUFFIXES.issuperset([*asked.split(), *more.split(), ".shn", ".dsf", ".dff", ".mka"])


def test_what_is_skipped_is_said_by_kind_and_count(tmp_path: Path) -> None:
    write(tmp_path, "_aBcDeF12345.wav", "-x.WAV", "sub/_y/b.mp3", "._a.wav", ".DS_Store", ".git/c.wav", "__MACOSX/d.wav")
    write(tmp_path, "list.m3u", "list.pls", "disc.cue", "notes.md", "more.MD", "README", "a.txt")
    (tmp_path / "gone.wav").symlink_to("nowhere.wav")
    (tmp_path / "itself.wav").symlink_to("itself.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    dataset = scan_media(tmp_path)
    assert ids_of(dataset) == ["-x.WAV", "_aBcDeF12345.wav", "sub/_y/b.mp3"]
    assert set(dataset.skipped) == {
        "3 hidden (begins with '.')",
        "1 hidden (begins with '_')",
        "3 playlist",
        "2 .md",
        "1 without a suffix",
        "1 .txt",
        "2 dangling link",
        "1 device, pipe or socket",
    }
    assert pickle.loads(pickle.dumps(dataset)).rows == 3  # noqa: S301


def test_tables_of_writers_are_told_from_what_lies_beside_them(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "_SUCCESS", "_metadata", ".a.txt.crc", "_delta_log/0.json", "_temporary/0/b.txt", "_odd.txt")
    write(tmp_path, ".ipynb_checkpoints/c.txt", "dataset_info.json", "state.json", "cache-0a1b.arrow", "_col=1/d.txt", "e.docx")
    dataset = scan(tmp_path)
    assert ids_of(dataset) == ["_col=1/d.txt:0", "a.txt:0"]
    assert set(dataset.skipped) == {
        "5 hidden (begins with '_')",
        "2 hidden (begins with '.')",
        "3 description or cache of a dataset",
        "1 .docx",
    }


def test_json_that_describes_what_lies_beside_it_is_no_table(tmp_path: Path) -> None:
    write(tmp_path, "b.txt")
    (tmp_path / "a.json").write_text('{\n "licence": "MIT"\n}\n')
    (tmp_path / "c.jsonl").write_text('{"text": "hello"}\n')
    dataset = scan(tmp_path)
    assert ids_of(dataset) == ["b.txt:0", "c.jsonl:0"]
    assert dataset.skipped == ("1 .json without column 'text'",)
    assert [shard.index for shard in dataset.shards] == [0, 1]
    assert [shard.name for shard in scan([tmp_path, tmp_path / "a.json"]).corrupt] == ["a.json"]
    with pytest.raises(InputDataError, match="no column 'text'; the columns are 'licence'"):
        scan(tmp_path / "a.json")


def test_kinds_beyond_a_dozen_are_counted_together(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", *(f"b.x{i}" for i in range(20)))
    assert scan_media(tmp_path).skipped[-1] == "8 others"


def test_a_file_that_is_named_is_taken(tmp_path: Path) -> None:
    write(tmp_path, "_x.txt", ".y.txt", "talk.xyz", "voice", ".hidden/_z.wav")
    assert ids_of(scan([tmp_path / "_x.txt", tmp_path / ".y.txt"])) == ["_x.txt:0", ".y.txt:0"]
    assert ids_of(scan_media([tmp_path / "talk.xyz", tmp_path / "voice"])) == ["talk.xyz", "voice"]
    assert ids_of(scan_media(tmp_path / ".hidden")) == ["_z.wav"]
    assert ids_of(scan(f"{tmp_path}/_*.txt")) == ["_x.txt:0"]


@pytest.mark.parametrize(("name", "reason"), [("list.m3u", "name the recordings"), ("rows.csv", "unknown suffix")])
def test_a_file_that_is_named_and_means_something_else_is_an_error(tmp_path: Path, name: str, reason: str) -> None:
    write(tmp_path, name)
    with pytest.raises(InputDataError, match=reason):
        scan_media(tmp_path / name)


def test_a_playlist_is_no_table_either(tmp_path: Path) -> None:
    write(tmp_path, "list.m3u")
    with pytest.raises(InputDataError, match="name the recordings"):
        scan(tmp_path / "list.m3u")


def test_a_name_behind_which_no_file_is_says_what_is_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "gone.wav").symlink_to("nowhere.wav")
    with pytest.raises(InputDataError, match=r"gone\.wav \(dangling link\), .*pipe\.wav \(device, pipe or socket\): expected"):
        scan_media([tmp_path / "gone.wav", tmp_path / "pipe.wav"])


def test_an_input_of_nothing_but_other_files_says_what_they_are(tmp_path: Path) -> None:
    write(tmp_path, "a.docx", "b.docx", "_c.txt")
    with pytest.raises(InputDataError, match=r"Skipped there: 2 \.docx, 1 hidden"):
        scan(tmp_path)


# --- links ---


def test_a_link_to_its_own_folder_is_followed_once(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "sub/b.txt")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "sub/up").symlink_to("..")
    (tmp_path / "again").symlink_to("sub")
    dataset = scan(tmp_path)
    assert ids_of(dataset) == ["a.txt:0", "sub/b.txt:0"]
    assert dataset.skipped == ("3 link to a folder that is read already",)


def test_links_that_lead_elsewhere_are_followed(tmp_path: Path) -> None:
    write(tmp_path, "store/blob", "store/deep/x.txt", "in/c.txt")
    (tmp_path / "in/a.txt").symlink_to("../store/blob")
    (tmp_path / "in/far").symlink_to("../store/deep")
    assert ids_of(scan(tmp_path / "in")) == ["a.txt:0", "c.txt:0", "far/x.txt:0"]
    assert ids_of(scan(tmp_path / "in/a.txt")) == ["a.txt:0"]  # named as the link is, not as what it leads to


@pytest.mark.parametrize("given", ["out", "link", "in/link/sub"])
def test_the_output_is_left_out_also_behind_a_link(tmp_path: Path, given: str) -> None:
    write(tmp_path, "in/a.txt", "out/sub/part.txt", "out/part.txt")
    (tmp_path / "in/link").symlink_to("../out")
    (tmp_path / "link").symlink_to("out")
    left_out = {"in/link/sub": ["a.txt:0", "link/part.txt:0"]}.get(given, ["a.txt:0"])
    assert ids_of(scan(tmp_path / "in", exclude=[tmp_path / given])) == left_out


@pytest.mark.parametrize("given", ["out", "out/flac", "out/flac/a.wav"])
def test_an_input_within_the_output_is_an_error(tmp_path: Path, given: str) -> None:
    write(tmp_path, "out/flac/a.wav")
    with pytest.raises(InputDataError, match="lies in the output"):
        scan_media(tmp_path / given, exclude=[tmp_path / "out"])


def test_a_folder_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.txt", "lost+found/b.txt")
    plain = os.scandir

    def scandir(path: str) -> Any:  # root may read everything
        if path.endswith("lost+found"):
            raise PermissionError(13, "Permission denied", path)
        return plain(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert scan(tmp_path).skipped == ("1 folder that may not be read",)


# --- names ---

ODD_NAMES = [
    "back\\slash.wav",
    "new\nline.wav",
    "hash#tag.wav",
    "per%20cent.wav",
    "question?mark.wav",
    "colon:semi;.wav",
    "quote'\".wav",
    " space .wav",
    "é中🎈.wav",
    f"{'x' * 240}.wav",
    "[1] *.wav",
    "caf\\xe9.wav",
]


def test_odd_names_are_read_and_named(tmp_path: Path) -> None:
    write(tmp_path / "in", *ODD_NAMES)
    dataset = pickle.loads(pickle.dumps(scan_media(tmp_path / "in")))  # noqa: S301
    assert sorted(ids_of(dataset)) == sorted(ODD_NAMES)
    for row in read_rows(dataset, plan_units(dataset.shards, 99)[0]).rows:
        file = row.values["path"]
        assert file.store.read_bytes(file.key) == b"line\n"


def test_a_name_that_is_not_utf8_has_a_printable_id_and_its_bytes(tmp_path: Path) -> None:
    name = b"caf\xe9 \xff.wav"
    write(tmp_path / "in", name, b"d\xe9p/x.wav")
    dataset = pickle.loads(pickle.dumps(scan_media(tmp_path / "in")))  # noqa: S301
    assert ids_of(dataset) == ["caf\\xe9 \\xff.wav", "d\\xe9p/x.wav"]
    (first, second) = read_rows(dataset, plan_units(dataset.shards, 9)[0]).rows
    for row in (first, second):
        path = os.fspath(row.values["path"])
        path.encode()  # it becomes a value of the output
        store = dataset.shards[0].store
        key = path.removeprefix(f"{store.uri}/")
        found = store.find(key)
        local = store.local_path(key)
        assert found is not None
        assert local is not None
        assert local.read_bytes() == b"line\n"
        with row.values["path"].store.open_input(row.values["path"].key) as file:
            assert file.read() == b"line\n"
    assert ids_of(scan_media(os.fsdecode(os.path.join(os.fsencode(tmp_path / "in"), name)))) == ["caf\\xe9 \\xff.wav"]  # noqa: PTH118
    (only,) = scan_media(os.fsdecode(os.path.join(os.fsencode(tmp_path / "in"), b"d\xe9p"))).shards  # noqa: PTH118
    assert only.uri == f"{tmp_path}/in/d\\xe9p"


def test_rows_of_odd_names_are_read_by_workers(tmp_path: Path) -> None:
    write(tmp_path / "in", b"caf\xe9.wav", "back\\slash.wav", "a#b?c%20.wav")
    dataset = pickle.loads(pickle.dumps(scan_media(tmp_path / "in")))  # noqa: S301
    read = MediaReader.of(dataset, str(tmp_path))
    for row in read_rows(dataset, plan_units(dataset.shards, 9)[0]).rows:
        found = read(row.values["path"])
        assert isinstance(found, Path)
        assert found.read_bytes() == b"line\n"


@pytest.mark.parametrize("suffix", ["txt", "jsonl", "csv"])
def test_tables_with_odd_names_are_read(tmp_path: Path, suffix: str) -> None:
    content = {"txt": b"one\n", "jsonl": b'{"text": "one"}\n', "csv": b"text\none\n"}[suffix]
    for name in (b"caf\xe9.", b"back\\slash.", b"a#b?c%20."):
        (tmp_path / os.fsdecode(name + suffix.encode())).write_bytes(content)
    dataset = pickle.loads(pickle.dumps(scan(tmp_path)))  # noqa: S301
    rows = [row for unit in plan_units(dataset.shards, 9) for row in read_rows(dataset, unit).rows]
    assert [row.values["text"] for row in rows] == ["one"] * 3
    assert sorted(row.id for row in rows) == [f"a#b?c%20.{suffix}:0", f"back\\slash.{suffix}:0", f"caf\\xe9.{suffix}:0"]
    assert all(name.isprintable() for name, _ in dataset.inputs)


def test_odd_names_on_an_object_store(s3_root: str) -> None:
    store = open_store(f"{s3_root}/in")
    names = [name for name in ODD_NAMES if "\n" not in name]
    for name in names:
        store.write_bytes(name, b"line\n")
    dataset = pickle.loads(pickle.dumps(scan_media(f"{s3_root}/in")))  # noqa: S301
    assert sorted(ids_of(dataset)) == sorted(names)
    read = MediaReader.of(dataset, s3_root)
    for row in read_rows(dataset, plan_units(dataset.shards, 99)[0]).rows:
        assert read(row.values["path"]) == b"line\n"


def test_files_of_the_same_name_in_several_inputs_keep_apart(tmp_path: Path, s3_root: str) -> None:
    write(tmp_path, "x/a.wav", "x/y/a.wav", "z/a.wav")
    open_store(f"{s3_root}/x").write_bytes("a.wav", b"")
    dataset = scan_media([f"{s3_root}/x", tmp_path / "x", tmp_path / "x/y", tmp_path / "z/a.wav"])
    found = ids_of(dataset)
    assert len(found) == len(set(found)) == 4


# --- what folders and writers say ---


def test_folders_of_hive_give_columns(tmp_path: Path) -> None:
    rows = {
        "lang=de/day=2024-01-01/a.jsonl": '{"text": "a"}',
        "lang=__HIVE_DEFAULT_PARTITION__/day=x%2Fy/b.jsonl": '{"text": "b"}',
    }
    rows["lang=fr/c.jsonl"] = '{"text": "c", "lang": "own"}'
    rows["id=5/d.jsonl"] = '{"text": "d"}'
    for name, row in rows.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(row + "\n")
    dataset = pickle.loads(pickle.dumps(scan(tmp_path)))  # noqa: S301
    found = {}
    for unit in plan_units(dataset.shards, 10):
        batch = read_rows(dataset, unit, passthrough=["lang", "day"])
        assert batch.table.num_rows == 1
        found[batch.rows[0].values["text"]] = [*batch.table.to_pylist()[0].values(), batch.rows[0].values["day"]]
    assert found == {
        "a": ["de", "2024-01-01", "2024-01-01"],
        "b": [None, "x/y", "x/y"],
        "c": ["own", None, None],
        "d": [None, None, None],
    }
    assert "id=5/d.jsonl:0" in ids_of(dataset)


def test_empty_files_of_text_have_no_rows(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    for name in ("b.jsonl", "c.csv", "d.txt", "e.json"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "f.csv").write_text("id,text\n")
    dataset = scan(tmp_path)
    assert (ids_of(dataset), dataset.corrupt) == (["a.txt:0"], [])
    (tmp_path / "g.parquet").write_bytes(b"")
    (tmp_path / "h.arrow").write_bytes(b"")
    (tmp_path / "i.jsonl.gz").write_bytes(b"")
    assert [shard.name for shard in scan(tmp_path).corrupt] == ["g.parquet", "h.arrow", "i.jsonl.gz"]


def test_a_recording_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "in", "a.wav", "b.wav")
    first = scan_media(tmp_path / "in").inputs
    assert scan_media(tmp_path / "in").inputs == first
    os.utime(tmp_path / "in/b.wav", ns=(0, 1_000_000_000))
    assert scan_media(tmp_path / "in").inputs != first
    for ns in (-(10**18), 2**62):  # times beyond those that Python knows
        os.utime(tmp_path / "in/b.wav", ns=(0, ns))
        assert scan_media(tmp_path / "in").rows == 2


def test_a_copy_that_keeps_times_is_the_same_input(tmp_path: Path) -> None:
    write(tmp_path / "in", "a.wav")
    subprocess.run(["cp", "-rp", tmp_path / "in", tmp_path / "copy"], check=True)
    assert scan_media(tmp_path / "copy").inputs == scan_media(tmp_path / "in").inputs
