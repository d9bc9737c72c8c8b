import pickle
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from actors.errors import UsageError
from books.binding.bind import RECORD_NAME, bind, read_bound
from books.binding.encoder import read_audio
from books.binding.options import Binding
from books.binding.pressing import measure
from books.binding.record import Bound
from books.book import Resource
from books.script import delete_script, read_script, write_script
from cluster.storage import LocalStore, open_store
from tests.books.binding.spoken import RATE, Said, order_of, script_of, speech
from tests.books.binding.test_encoder import image

CHAPTERS = [[Said(2.0, 0.4, paragraph=i // 2) for i in range(6)], [Said(1.0), Said(None)], [Said(11.0, 1.0)]]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "Book").iterdir()}


def test_a_book_is_one_file_with_chapters_where_the_record_says(tmp_path: Path) -> None:
    cover = Resource("cover.png", "image/png", image("png", "rgb24"))
    order = order_of(
        tmp_path,
        CHAPTERS,
        Binding(subtitles=()),
        resources=[cover],
        creators=("A. Author", "B. Author"),
        cover="cover.png",
        cover_type="image/png",
        details={"date": "1899", "publisher": "P", "description": "Of\nthings."},
    )
    bound = bind(pickle.loads(pickle.dumps(order)))  # noqa: S301
    assert sorted(files_of(tmp_path)) == sorted(["Book.m4b", RECORD_NAME])
    assert read_bound(order.target, "Book") == bound
    assert [file.key for file in bound.files] == ["Book.m4b"]
    with av.open(str(tmp_path / "Book" / "Book.m4b")) as container:
        chapters = [(float(c["start"] * c["time_base"]), c["metadata"]["title"]) for c in container.chapters()]
        assert chapters == [(pytest.approx(c.start_s, abs=1e-3), c.title) for c in bound.chapters]
        assert container.metadata["artist"] == "A. Author, B. Author"
        assert container.metadata["comment"] == "Of things."
        assert len(container.streams.video) == 1
    assert [(c.passages, c.missing) for c in bound.chapters] == [(6, 0), (2, 1), (1, 0)]
    assert bound.duration_s == pytest.approx(6 * 2.4 + 1.3 + 12)


def test_the_same_is_not_made_again_and_what_is_gone_is(tmp_path: Path) -> None:
    order = order_of(tmp_path, CHAPTERS, Binding(audio=("flac",), subtitles=()))
    bound = bind(order)
    made = files_of(tmp_path)
    assert [file.key for file in bound.files] == ["01 - Chapter 1.flac", "02 - Chapter 2.flac", "03 - Chapter 3.flac"]
    assert [file.chapter for file in bound.files] == [0, 1, 2]
    path = tmp_path / "Book" / "01 - Chapter 1.flac"
    path.write_bytes(b"?" * len(made[path.name]))  # of the right size: it is not looked into
    assert bind(order) == bound
    assert files_of(tmp_path) != made
    path.unlink()
    assert bind(order) == bound
    assert files_of(tmp_path) == made
    # Another binding takes away what it does not make, and what somebody else put there stays.
    (tmp_path / "Book" / "notes.txt").write_text("mine")
    other = bind(replace(order, binding=Binding(audio=("wav",), whole=True, subtitles=()), key="other"))
    assert sorted(files_of(tmp_path)) == sorted([RECORD_NAME, "Book.wav", "notes.txt"])
    assert other.key == "other"


def test_one_that_was_killed_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = order_of(tmp_path, CHAPTERS, Binding(audio=("flac",), subtitles=()))
    bind(order)
    other = replace(order, binding=Binding(audio=("wav",), subtitles=()), key="other")
    store, written = type(order.target), []

    def write_file(self: object, key: str, source: Path) -> None:
        if len(written) == 1:
            raise KeyboardInterrupt
        written.append(key)
        original(self, key, source)

    original = store.write_file
    with monkeypatch.context() as context:
        context.setattr(store, "write_file", write_file)
        with pytest.raises(KeyboardInterrupt):
            bind(other)
    made = bind(order)  # the record of what was there does not hold any more
    assert made.key == order.key
    bind(other)
    names = sorted(files_of(tmp_path))
    assert names == sorted([RECORD_NAME, *(f"0{i} - Chapter {i}.wav" for i in (1, 2, 3))])


def test_titles_that_are_no_names_become_some(tmp_path: Path) -> None:
    order = order_of(tmp_path, [[Said(0.5)], [Said(0.5)]], Binding(audio=("wav",), subtitles=()))
    script = order.scripts
    book = read_script(script, "book")
    titles = [
        c.model_copy(update={"title": t}) for c, t in zip(book.book.chapters, ["../../etc/passwd\0", "?" * 500], strict=True)
    ]
    write_script(script, "book", replace(book, book=book.book.model_copy(update={"chapters": tuple(titles)})))
    assert [file.key for file in bind(order).files] == ["01 - .._.._etc_passwd.wav", "02 -.wav"]


def loud_and_soft(row: int, samples: int) -> np.ndarray:
    sound = speech(samples, row, 0.02 if row < 6 else 0.15)
    sound[samples // 2 :: 7000] += 0.3  # crests that a limiter has to hold
    return sound


@pytest.fixture(scope="module")
def ebu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ebu")
    binding = Binding(audio=("m4b", "flac"), loudness="ebu", subtitles=())
    bind(order_of(folder, [*CHAPTERS, [Said(12.0, 0.0)]], binding, loud_and_soft))
    return folder


def test_ebu_brings_every_chapter_to_its_loudness(ebu: Path) -> None:
    bound = record_of(ebu)
    assert not [note for note in bound.notes if "loudness" in note or "peak" in note]
    long = [chapter for chapter in bound.chapters if chapter.end_s - chapter.start_s >= 10]
    assert len(long) == 3
    for chapter in long:
        assert chapter.loudness_lufs == pytest.approx(-19, abs=0.3)
    for chapter in bound.chapters:
        assert chapter.true_peak_dbtp is not None
        assert chapter.true_peak_dbtp <= -2
    # The record is what a file has.
    (whole,) = measure(ebu / "Book" / "Book.m4b", [bound.duration_s])
    assert whole.loudness_lufs == pytest.approx(-19, abs=0.5)
    (last,) = measure(ebu / "Book" / "04 - Chapter 4.flac", [12.0])
    assert last.loudness_lufs == pytest.approx(-19, abs=0.3)


def record_of(folder: Path) -> Bound:
    bound = read_bound(open_store(str(folder)), "Book")
    assert bound
    return bound


def test_acx_is_what_audible_takes(tmp_path: Path) -> None:
    chapters = [CHAPTERS[0], [Said(9.0, 30.0)]]
    bound = bind(order_of(tmp_path, chapters, Binding(audio=("mp3",), whole=True, loudness="acx", subtitles=()), loud_and_soft))
    assert [file.key for file in bound.files] == ["01 - Chapter 1.mp3", "02 - Chapter 2.mp3"]
    assert not bound.notes
    for file, chapter in zip(bound.files, bound.chapters, strict=True):
        assert chapter.rms_db is not None
        assert -23 <= chapter.rms_db <= -18
        assert chapter.true_peak_dbtp is not None
        assert chapter.true_peak_dbtp <= -3
        assert chapter.noise_floor_db is not None
        assert -75 <= chapter.noise_floor_db <= -60  # room tone, not digital silence
        blocks = list(read_audio(tmp_path / "Book" / file.key))
        assert {rate for _, rate in blocks} == {44_100}
        heard = np.concatenate([block for block, _ in blocks])
        assert len(heard) / 44_100 == pytest.approx(chapter.end_s - chapter.start_s, abs=0.01)
        (loud,) = np.nonzero(np.abs(heard) > 0.01)
        assert 0.5 <= loud[0] / 44_100 <= 1.0
        assert 1.0 <= (len(heard) - loud[-1]) / 44_100 <= 5.0
        with av.open(str(tmp_path / "Book" / file.key)) as container:
            assert container.streams.audio[0].codec_context.bit_rate == 192_000
            assert container.metadata["track"] == f"{(file.chapter or 0) + 1}/2"


def test_what_cannot_be_brought_there_is_said(tmp_path: Path) -> None:
    def clicks(row: int, samples: int) -> np.ndarray:
        return np.where(np.arange(samples) % 12_000 == 0, 0.3, 0.0).astype(np.float32) * (row + 1)

    bound = bind(order_of(tmp_path, [[Said(10.0)]], Binding(audio=("mp3",), loudness="acx", subtitles=()), clicks))
    (note,) = bound.notes
    assert note.startswith("MP3, chapter 'Chapter 1': its RMS is -")
    assert note.endswith("dB, not -23 to -18")


def test_rates_are_those_that_formats_know_and_options_are_checked(tmp_path: Path) -> None:
    order = order_of(
        tmp_path,
        [[Said(0.5)]],
        Binding(audio=("m4b", "mp3", "opus", "flac"), subtitles=()),
        lambda i, n: speech(n, i),
        rate=23_000,
    )
    rates = {}
    for file in bind(order).files:
        with av.open(str(tmp_path / "Book" / file.key)) as container:
            rates[file.kind] = container.streams.audio[0].rate
    assert rates == {"m4b": 24_000, "mp3": 24_000, "opus": 48_000, "flac": 23_000}
    for binding, message in (
        (Binding(bit_rate=7), "8000 to 256000 bit/s"),
        (Binding(loudness="acx", sample_rate=48_000), "44100 Hz"),
    ):
        with pytest.raises(UsageError, match=message):
            bind(replace(order, binding=binding))


def test_subtitles_go_with_the_files(tmp_path: Path) -> None:
    pytest.importorskip("books.binding.subtitles", reason="made by another helper")
    order = order_of(tmp_path, CHAPTERS, Binding(audio=("m4b", "wav"), subtitles=("srt", "vtt")))
    names = [file.key for file in bind(order).files if file.kind in ("srt", "vtt")]
    assert names == ["Book.srt", "Book.vtt", *(f"0{i} - Chapter {i}.{kind}" for i in (1, 2, 3) for kind in ("srt", "vtt"))]
    assert "00:00:02,400 -->" in (tmp_path / "Book" / "Book.srt").read_text()
    assert "00:00:00,000 -->" in (tmp_path / "Book" / "03 - Chapter 3.srt").read_text()
    assert RATE


def test_what_a_first_binding_left_is_deleted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = order_of(tmp_path, CHAPTERS, Binding(audio=("flac",)))

    kind = type(order.target)  # orders are copied, and their stores with them
    original = kind.write_file

    def write_file(store: LocalStore, key: str, source: Path) -> None:
        original(store, key, source)
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(kind, "write_file", write_file)
        for audio in ("flac", "mp3"):
            with pytest.raises(KeyboardInterrupt):
                bind(replace(order, binding=Binding(audio=(audio,))))
    assert {"01 - Chapter 1.flac", "01 - Chapter 1.mp3"} <= set(files_of(tmp_path))
    bind(replace(order, binding=Binding(audio=("wav",), subtitles=())))
    assert sorted(files_of(tmp_path)) == sorted([RECORD_NAME, *(f"0{i} - Chapter {i}.wav" for i in (1, 2, 3))])


def test_a_limit_binds_the_first_passages(tmp_path: Path) -> None:
    order = order_of(tmp_path, CHAPTERS, Binding(audio=("wav",), whole=True, subtitles=("srt",)))
    bound = bind(replace(order, parts=order.parts[:1], limit=4))
    assert [(chapter.title, chapter.passages) for chapter in bound.chapters] == [("Chapter 1", 4)]
    assert bound.duration_s == pytest.approx(4 * 2.4)


def test_a_script_is_deleted_with_its_images_and_no_other_is(tmp_path: Path) -> None:
    store, script = open_store(str(tmp_path)), script_of(CHAPTERS)
    for name in ("book", "book.2"):
        write_script(store, name, replace(script, resources=[Resource("a.png", "image/png", name.encode())]))
    delete_script(store, "book")
    assert [entry.key for entry in store.entries()] == ["book.2.files/a.png", "book.2.parquet"]
