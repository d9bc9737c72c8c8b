# ruff: noqa: RUF001 (look-alike characters are what the tests are about)
import itertools
import unicodedata
from pathlib import PurePosixPath

import pytest

from actors.names import file_name, file_path

PLAIN = ["a", "row 001", "a.b-c", "[1] (x), +2", "ü", "日本", "中国", "हिन्दी", "การ", "٣", "x" * 200, "あ" * 66]
ALTERED = [
    "",
    ".",
    "..",
    "...",
    " ",
    " a",
    "a ",
    "a.",
    ".a",
    "-a",
    "-rf",
    "A",
    "ß",
    "ẞ",
    "ı",
    "ﬁ",
    "e\u0301",
    "É",
    "a/b",
    "a//b",
    "a/./b",
    "a/../b",
    "a/",
    "/a",
    "/etc/passwd",
    "../../evil",
    "a\\b",
    "..\\a",
    "C:\\a",
    "a:b",
    "a?b",
    "a*b",
    "a~b",
    "a\nb",
    "a\0b",
    "a\x7fb",
    "a\u200bb",
    "a\u202eb",
    "\ud800",
    "\udcff",
    "\\ud800",
    "con",
    "CON",
    "nul.txt",
    "com1",
    "lpt¹",
    "aux .b",
    "🎉",
    "x" * 201,
    "x" * 300,
    "x" * 300 + "y",
    "あ" * 67,
    "あ" * 300,
    "http://a.org/b?c=d&e#f",
]
FOLDERS = ["sub/a b.mp3", "sub/a", "sub", "a.srt", "a.vtt/b", "日本/中国"]
FOLDERS_LOST = ["a.srt/b", "a.srt/b.srt/c", "A.SRT/b", "sub/con/a", "sub/-a", "sub./a", "sub/.a", "d/" * 400 + "a"]


def assert_apart(names: list[str]) -> None:
    """Assert that no two are the same, also where the spellings of a letter are."""
    assert len({unicodedata.normalize("NFC", name) for name in names}) == len(names)


def assert_safe(name: str) -> None:
    assert 0 < len(name.encode()) <= 255
    assert name == unicodedata.normalize("NFC", name)
    assert name[0] not in ".-~ "
    assert name[-1] not in ". "
    assert not set(name) & set('/\\:*?"<>|\0')
    assert name.isprintable()
    assert name.split(".")[0].lower() not in ("con", "nul", "com1", "aux ", "lpt¹")


@pytest.mark.parametrize("row_id", PLAIN)
def test_an_id_that_may_be_a_name_is_one(row_id: str) -> None:
    assert file_name(row_id, ".flac") == row_id + ".flac"


@pytest.mark.parametrize(
    ("row_id", "begin"),
    [
        ("a/b", "a_b~"),
        ("", "row~"),
        ("CON", "_CON~"),
        ("../x", "_x~"),
        ("日本?", "日本~"),
        ("あ" * 300, "あ" * 33 + "~"),
    ],
)
def test_of_other_ids_what_is_left_can_be_read(row_id: str, begin: str) -> None:
    name = file_name(row_id, ".flac")
    assert name.startswith(begin)
    assert len(name) == len(begin) + 12 + len(".flac")


def test_names_are_apart_and_safe_everywhere() -> None:
    ids = [*PLAIN, *ALTERED, *FOLDERS, *FOLDERS_LOST]
    ids += [file_name(row_id) for row_id in ids if "~" in file_name(row_id)]  # somebody may be called so
    ids = list(dict.fromkeys(ids))
    names = [file_name(row_id, ".flac") for row_id in ids]
    assert_apart(names)
    for name in names:
        assert_safe(name)


def test_paths_keep_folders_and_none_is_a_folder_of_another() -> None:
    ids = list(dict.fromkeys([*PLAIN, *ALTERED, *FOLDERS, *FOLDERS_LOST]))
    paths = [file_path(row_id, ".srt") for row_id in ids]
    assert [path for path in paths if "/" in path] == ["a/b.srt", *(f"{i}.srt" for i in FOLDERS if "/" in i)]
    assert_apart(paths)
    folders = {str(folder).casefold() for path in paths for folder in PurePosixPath(path).parents}
    assert not folders & {path.casefold() for path in paths}
    for path in paths:
        for part in path.split("/"):
            assert_safe(part)


def test_no_two_of_many_ids_share_a_name() -> None:
    ids = ["".join(letters) for letters in itertools.product("aA_/.é~", repeat=4)]
    assert_apart([file_name(row_id) for row_id in ids])
    assert_apart([file_path(row_id, ".a") for row_id in ids])
