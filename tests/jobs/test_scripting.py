"""Scripts of earlier books and settings."""

from pathlib import Path

from books.book import BlockKind
from books.script import BookNote, ChapterNote, Passage, Script, has_script, write_script
from cluster.storage import open_store
from jobs.scripting import BookScript, delete_earlier

OLD, NEW = "0123456789abcdef", "fedcba9876543210"


def test_earlier_scripts_of_the_same_books_are_deleted_and_no_others(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    passage = Passage("a/1", "Good morning.", "Good morning.", 0, 0, BlockKind.PARAGRAPH, None, None, 0.5)
    script = Script(BookNote(title="A", chapters=(ChapterNote(title="One"),)), [passage])
    names = [f"a.{OLD}", f"a.{NEW}", f"a.b.{OLD}", f"other.{OLD}", "a.notes"]
    for name in names:
        write_script(store, name, script)
    store.write_bytes(f"a.{OLD}.files/cover.png", b"1")
    store.write_bytes(f"a.{'1' * 16}.files/cover.png", b"2")  # of a job that was killed before it wrote the passages
    delete_earlier(store, [BookScript("a", f"a.{NEW}")])
    assert [name for name in names if has_script(store, name)] == names[1:]
    assert not store.entries(f"a.{OLD}.files")
    assert not store.entries(f"a.{'1' * 16}.files")


def test_a_damaged_script_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    assert not has_script(open_store(str(tmp_path)), "a")
    assert not has_script(open_store(str(tmp_path)), "b")
