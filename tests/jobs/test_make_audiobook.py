"""Books in, audiobooks out: the whole way, with the embedded voice."""

import html
import json
import os
import re
import shutil
import signal
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from scipy.signal import correlate

from actors.audio.codec import decode
from books.binding.bind import RECORD_NAME
from books.binding.record import Bound
from books.reading import read_book
from cluster.output import Output, read_run
from cluster.storage import open_store
from jobs import make_audiobook as job
from jobs.console import run_app
from tests.books.binding.test_encoder import image
from tests.books.library.books import epub3, expected, png
from tests.books.library.hearing import heard_once, words_of
from tests.books.library.novel import novel, sentence
from tests.books.library.texts import markdown_book
from tests.jobs.conftest import RunJob, StartJob

QUICK = ("--option", "max_new_tokens=3", "--subtitles", "none", "--loudness", "none")  # a sentence is a click
_TIMES = re.compile(r"(\d+):(\d\d):(\d\d)[.,](\d{3}) --> (\d+):(\d\d):(\d\d)[.,](\d{3})\n(.*?)\n\n", re.DOTALL)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a job with the story of the tests as EPUB and as Markdown."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "in").mkdir()
    (folder / "in" / "keeper.epub").write_bytes(epub3())
    (folder / "in" / "mark.md").write_text(markdown_book(), encoding="utf-8")
    (folder / "in" / "cover.png").write_bytes(png())
    with pytest.raises(SystemExit) as ended:
        run_app(job.app, ["--no-ray", "--input", str(folder / "in"), "--output", str(folder / "out"), "--epub", "--no-report"])
    assert ended.value.code == 0
    return folder / "out"


def bound(output: Path, name: str) -> Bound:
    return Bound.model_validate_json((output / name / RECORD_NAME).read_bytes())


def cues(path: Path) -> list[tuple[float, float, str]]:
    """Return the cues of a file of subtitles: seconds, and their text in one line."""
    found = []
    for match in _TIMES.finditer(path.read_text(encoding="utf-8") + "\n\n"):
        h, m, s, ms, h2, m2, s2, ms2 = (int(group) for group in match.groups()[:8])
        text = re.sub(r"<[^>]*>", "", match[9]).replace("\n", " ")
        text = html.unescape(text) if path.suffix == ".vtt" else text  # SRT has no escapes
        found.append((h * 3600 + m * 60 + s + ms / 1000, h2 * 3600 + m2 * 60 + s2 + ms2 / 1000, text))
    assert found
    return found


def chapters(path: Path) -> list[tuple[str, float]]:
    with av.open(str(path)) as container:
        return [(c["metadata"]["title"], float(c["start"] * c["time_base"])) for c in container.chapters()]


def lag_s(heard: np.ndarray, spoken: np.ndarray, rate: int) -> float:
    """Return by how much ``spoken`` comes later in ``heard`` than where it should be: its beginning, 0.1 s from the start."""
    reach = rate // 10
    found = correlate(heard.astype(np.float64), spoken.astype(np.float64), "valid")
    return (int(np.argmax(found)) - reach) / rate


@pytest.mark.parametrize("name", ["keeper", "mark"])
def test_every_sentence_is_heard_once_and_in_order(library: Path, name: str) -> None:
    rows = list(Output(library / "sentences").rows(["id", "status", "written"]))
    said = [row["written"] for row in rows if row["id"].startswith(f"{name}/")]
    assert {row["status"] for row in rows} == {"ok"}
    assert heard_once(expected().sentences, said) == []
    for kind in ("srt", "vtt"):
        assert heard_once(expected().sentences, [text for _, _, text in cues(library / name / f"{name}.{kind}")]) == []


@pytest.mark.parametrize("name", ["keeper", "mark"])
def test_chapters_of_the_m4b_are_those_of_the_book(library: Path, name: str) -> None:
    found = chapters(library / name / f"{name}.m4b")
    assert [words_of(title) for title, _ in found] == [words_of(title) for title, _ in expected().chapters]
    begins = [chapter.start_s for chapter in bound(library, name).chapters]
    assert [start for _, start in found] == pytest.approx(begins, abs=0.002)
    # A chapter begins where its title, or its first sentence, is said.
    starts = {words[0]: start for start, _, text in reversed(cues(library / name / f"{name}.srt")) if (words := [text])}
    for (title, _), start in zip(expected().chapters, begins, strict=True):
        first = next(text for text, at in sorted(starts.items(), key=lambda item: item[1]) if at >= start - 0.002)
        assert words_of(first)[:1] == words_of(title)[:1] or start == 0.0


def test_subtitles_are_in_sync_with_the_m4b(library: Path) -> None:
    """Within 50 ms, at 12 places of the book: where in the decoded file each sentence's own sound is."""
    sound, rate = decode(library / "keeper" / "keeper.m4b")
    rows = [r for r in Output(library / "sentences").rows(["id", "written", "audio"]) if r["id"].startswith("keeper/")]
    spoken = {row["written"]: row["audio"]["bytes"] for row in rows}
    timed = [(start, text) for start, _, text in cues(library / "keeper" / "keeper.vtt") if text in spoken]
    chosen = timed[:: max(1, len(timed) // 12)]
    assert len(chosen) >= 12
    for start, text in chosen:
        audio, own_rate = decode(spoken[text])
        assert own_rate == rate
        begin = round(start * rate) - rate // 10
        piece = sound[0, max(begin, 0) : begin + rate // 10 * 2 + audio.shape[1]]
        padded = np.concatenate([np.zeros(max(-begin, 0), np.float32), piece])
        assert abs(lag_s(padded, audio[0], rate)) <= 0.05, text


def test_cues_do_not_overlap_and_end_with_the_book(library: Path) -> None:
    for name in ("keeper", "mark"):
        times = cues(library / name / f"{name}.srt")
        assert all(a_start < a_end <= b_start + 0.001 for (a_start, a_end, _), (b_start, _, _) in pairwise(times))
        assert times[-1][1] <= bound(library, name).duration_s


def test_files_and_tags(library: Path) -> None:
    for name in ("keeper", "mark"):
        files = {file.key: file.size for file in bound(library, name).files}
        there = {p.name: p.stat().st_size for p in (library / name).iterdir() if p.name != RECORD_NAME}
        assert there == files
        with av.open(str(library / name / f"{name}.m4b")) as container:
            assert container.metadata["title"] == "The Keeper of Skerry Light"
            assert "Ada Morland" in container.metadata["artist"]
            assert [stream.type for stream in container.streams].count("video") == 1, "the cover"


def test_levels_are_those_of_ebu_r128(library: Path) -> None:
    for chapter in bound(library, "keeper").chapters:
        assert chapter.loudness_lufs is not None
        assert chapter.true_peak_dbtp is not None
        assert chapter.loudness_lufs == pytest.approx(-19, abs=1.0)
        assert chapter.true_peak_dbtp <= -2.0


def test_the_book_to_read_along_is_the_same_book(library: Path) -> None:
    again = read_book((library / "keeper" / "keeper.epub").read_bytes(), "keeper.epub")
    texts = [block.text for chapter in again.chapters for block in chapter.blocks if block.image is None]
    assert heard_once(expected().sentences, texts) == []


def test_the_same_command_again_does_nothing(library: Path, make_audiobook: RunJob, tmp_path: Path) -> None:
    output = tmp_path / "out"
    shutil.copytree(library, output)
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.m4b")}
    source = library.parent / "in"
    ended = make_audiobook("--input", source, "--output", output, "--epub")
    assert ended.code == 0
    assert "had nothing to do" in ended.out
    # The key holds where nothing is, so a copy elsewhere is the same book.
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*.m4b")} == before


def run_novel(make: RunJob, folder: Path, text: str, *arguments: object) -> Any:
    """Make the audiobook of a text; return the record of the job."""
    folder.mkdir(exist_ok=True)
    (folder / "novel.md").write_text(text)
    ended = make("--input", folder / "novel.md", "--output", folder / "out", *QUICK, *arguments)
    assert ended.code == 0, ended.err
    return read_run(open_store(folder / "out" / "sentences"))


def test_an_edited_sentence_is_all_that_is_spoken_again(make_audiobook: RunJob, tmp_path: Path) -> None:
    text = novel(1000)
    first = run_novel(make_audiobook, tmp_path / "a", text)
    assert first.counts["ok"] >= 1000
    edited = text.replace(sentence(500), "Nobody had expected this sentence.")
    assert edited != text
    second = run_novel(make_audiobook, tmp_path / "a", edited)
    spoken = second.counts["rows"] - second.cached_rows
    assert 1 <= spoken <= 10, "1 % of 1,000"


def test_an_edited_book_is_the_same_as_if_it_had_been_so_at_once(make_audiobook: RunJob, tmp_path: Path) -> None:
    text = novel(60)
    edited = text.replace(sentence(30), "Nobody had expected this sentence.")
    run_novel(make_audiobook, tmp_path / "a", text)
    run_novel(make_audiobook, tmp_path / "a", edited)
    run_novel(make_audiobook, tmp_path / "b", edited)
    assert files_of(tmp_path / "a" / "out" / "novel") == files_of(tmp_path / "b" / "out" / "novel")
    (script,) = (tmp_path / "a" / "out" / "scripts").glob("novel.*.parquet")
    assert script.name in {path.name for path in (tmp_path / "b" / "out" / "scripts").iterdir()}, "the earlier one is gone"


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.fault
def test_a_killed_job_makes_the_same_bytes(start_job: StartJob, tmp_path: Path) -> None:
    (tmp_path / "novel.md").write_text(novel(64))

    def command(output: Path) -> list[object]:
        return [
            job.__file__,
            "--no-ray",
            "--input",
            tmp_path / "novel.md",
            "--output",
            output,
            *QUICK[2:],
            "--rows-per-unit",
            8,
        ]

    assert start_job(*command(tmp_path / "whole")).end().code == 0
    for parts in (1, 7):
        started = start_job(*command(tmp_path / "killed"))
        started.wait_for_parts(tmp_path / "killed" / "sentences", parts)
        started.end(signal.SIGKILL)
    assert start_job(*command(tmp_path / "killed")).end().code == 0
    assert files_of(tmp_path / "killed" / "novel") == files_of(tmp_path / "whole" / "novel")


def test_a_library_goes_on_without_the_book_that_is_broken(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken.epub").write_bytes(epub3()[:500])
    (tmp_path / "in" / "good.txt").write_text("Good morning.\n\nIt rains today.\n")
    ended = make_audiobook("--input", tmp_path / "in", "--output", tmp_path / "out", *QUICK)
    assert ended.code == 1
    assert "broken.epub" in ended.err
    assert (tmp_path / "out" / "good" / "good.m4b").is_file()
    alone = make_audiobook("--input", tmp_path / "in" / "broken.epub", "--output", tmp_path / "alone", *QUICK)
    assert alone.code == 2
    assert alone.err.count("\n") == 1, "one sentence, once"
    assert alone.err.count("broken.epub") >= 1
    assert "Traceback" not in ended.err + alone.err


def test_books_of_one_name_have_folders_of_their_own(make_audiobook: RunJob, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "book.txt").write_text(f"This is the book in folder {folder}.\n")
    ended = make_audiobook("--input", tmp_path / "in", "--output", tmp_path / "out", *QUICK)
    assert ended.code == 0, ended.err
    assert len(list((tmp_path / "out").rglob("*.m4b"))) == 2


def test_chapters_are_listed_and_chosen(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "novel.md").write_text(novel(200))
    listed = make_audiobook("--input", tmp_path / "novel.md", "--list-chapters")
    assert listed.code == 0
    assert [line.split("(")[0].split() for line in listed.out.splitlines()[1:]] == [
        [str(n), "Chapter", str(n)] for n in range(1, 5)
    ]
    chosen = ("--input", tmp_path / "novel.md", "--output", tmp_path / "out", "--chapters", "1,3-4", *QUICK)
    assert make_audiobook(*chosen).code == 0
    assert [title for title, _ in chapters(tmp_path / "out" / "novel" / "novel.m4b")] == ["Chapter 1", "Chapter 3", "Chapter 4"]
    refused = make_audiobook("--input", tmp_path / "novel.md", "--output", tmp_path / "none", "--chapters", "9")
    assert (refused.code, "has 4 chapters" in refused.err) == (2, True)


def test_other_formats_are_a_file_a_chapter(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "novel.md").write_text(novel(20, per_chapter=10))
    formats = [argument for name in ("mp3", "opus", "flac", "wav") for argument in ("--format", name)]
    ended = make_audiobook("--input", tmp_path / "novel.md", "--output", tmp_path / "out", *QUICK, *formats)
    assert ended.code == 0, ended.err
    names = sorted(path.name for path in (tmp_path / "out" / "novel").iterdir() if path.name != RECORD_NAME)
    assert names == sorted(f"0{n} - Chapter {n}.{kind}" for n in (1, 2) for kind in ("mp3", "opus", "flac", "wav"))


def test_a_lexicon_changes_what_is_said_and_not_what_is_written(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("Siobhan came home. She was tired of the long road.\n")
    (tmp_path / "words.tsv").write_text("Siobhan\tshuh vawn\n")
    ended = make_audiobook(
        "--input", tmp_path / "book.txt", "--output", tmp_path / "out", "--lexicon", tmp_path / "words.tsv", *QUICK
    )
    assert ended.code == 0, ended.err
    (row, *_) = Output(tmp_path / "out" / "sentences").rows(["text", "written"])
    assert row["text"].startswith("shuh vawn")
    assert row["written"].startswith("Siobhan")


def test_the_first_rows_alone_make_the_beginning_of_a_book(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.md").write_text(novel(20, per_chapter=10))
    (tmp_path / "in" / "b.md").write_text(novel(20, per_chapter=10))
    ended = make_audiobook("--input", tmp_path / "in", "--output", tmp_path / "out", "--limit", 5, *QUICK)
    assert ended.code == 0, ended.err
    assert [title for title, _ in chapters(tmp_path / "out" / "a" / "a.m4b")] == ["Chapter 1"]
    assert not (tmp_path / "out" / "b").exists()


def test_names_of_files_may_be_no_utf8(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / os.fsdecode(b"caf\xe9.txt")).write_text("Good morning to you all.\n")
    ended = make_audiobook("--input", tmp_path / "in", "--output", tmp_path / "out", *QUICK)
    assert ended.code == 0, ended.err
    assert len(list((tmp_path / "out").rglob("*.m4b"))) == 1


def test_the_name_of_a_file_is_not_spoken(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "pg2701.txt").write_text("Call me Ishmael, he said to all of us that day.\n")
    assert make_audiobook("--input", tmp_path / "pg2701.txt", "--output", tmp_path / "out", *QUICK).code == 0
    assert [row["written"] for row in Output(tmp_path / "out" / "sentences").rows(["written"])] == [
        "Call me Ishmael, he said to all of us that day."
    ]
    with av.open(str(tmp_path / "out" / "pg2701" / "pg2701.m4b")) as container:
        assert container.metadata["title"] == "pg2701"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--voice", "nobody"], "has no voice 'nobody'"),
        (["--dialogue-voice", "nobody"], "nobody"),
        (["--cast", "missing.tsv"], "missing.tsv"),
        (["--subtitles", "none", "--subtitles", "srt"], "goes with no other"),
        (["--loudness", "acx", "--sample-rate", "22050"], "44100 Hz"),
        (["--chapters", "3-1"], "ranges go up"),
        (["--verify", "embedded"], "does not transcribe"),
    ],
)
def test_wrong_usage_is_a_sentence(make_audiobook: RunJob, tmp_path: Path, arguments: Sequence[str], reason: str) -> None:
    (tmp_path / "book.txt").write_text("Good morning.\n")
    ended = make_audiobook("--input", tmp_path / "book.txt", "--output", tmp_path / "out", *arguments)
    assert (ended.code, reason in ended.err) == (2, True), ended.err
    assert not (tmp_path / "out").exists()


def test_a_dry_run_writes_nothing(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "novel.md").write_text(novel(20))
    ended = make_audiobook("--input", tmp_path / "novel.md", "--output", tmp_path / "out", "--dry-run", *QUICK)
    assert ended.code == 0, ended.err
    assert not (tmp_path / "out").exists()


def test_verified_rows_say_what_was_heard(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("The mill turns slowly in the morning. The river is very low this year.\n")
    ended = make_audiobook("--input", tmp_path / "book.txt", "--output", tmp_path / "out", "--verify", "embedded-asr")
    assert ended.code == 0, ended.err
    rows = list(Output(tmp_path / "out" / "sentences").rows(["heard", "word_error_rate", "take"]))
    assert all(row["heard"] and row["word_error_rate"] <= 0.5 for row in rows)
    assert json.loads((tmp_path / "out" / "sentences" / ".speechmill" / "run.json").read_text())["state"] == "finished"


def test_of_a_limit_only_those_passages_are_bound(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        (tmp_path / "in" / f"{name}.md").write_text(novel(30, per_chapter=10))
    ended = make_audiobook("--input", tmp_path / "in", "--output", tmp_path / "out", "--limit", 15, *QUICK)
    assert ended.code == 0, ended.err
    assert sum(chapter.passages for chapter in bound(tmp_path / "out", "a").chapters) == 15
    assert not (tmp_path / "out" / "b").exists()


def test_a_book_may_have_the_name_of_our_folders(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "Sentences.txt").write_text("Good morning. It rains today.\n")
    ended = make_audiobook("--input", tmp_path / "Sentences.txt", "--output", tmp_path / "out", *QUICK)
    assert ended.code == 0, ended.err
    assert (tmp_path / "out" / "Sentences (2)" / "Sentences (2).m4b").is_file()


def test_a_changed_cover_beside_the_book_is_taken(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "mark.md").write_text("---\ntitle: Mark\ncover: cover.png\n---\n\n# One\n\nGood morning.\n")
    made = []
    for width in (32, 64):
        (tmp_path / "cover.png").write_bytes(image("png", "rgb24", width))
        ended = make_audiobook("--input", tmp_path / "mark.md", "--output", tmp_path / "out", *QUICK)
        assert ended.code == 0, ended.err
        with av.open(str(tmp_path / "out" / "mark" / "mark.m4b")) as container:
            made.append(container.streams.video[0].width)
    assert made == [32, 64]


def test_one_book_with_a_wrong_tag_does_not_stop_the_others(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.md").write_text("[voice:nobody]Good morning.[/voice]\n")
    (tmp_path / "in" / "good.md").write_text("Good morning.\n")
    ended = make_audiobook("--input", tmp_path / "in", "--output", tmp_path / "out", *QUICK)
    assert (ended.code, "'nobody', which is no voice" in ended.err) == (1, True), ended.err
    assert (tmp_path / "out" / "good" / "good.m4b").is_file()
    everywhere = make_audiobook("--input", tmp_path / "in", "--output", tmp_path / "none", "--dialogue-voice", "nobody", *QUICK)
    assert (everywhere.code, everywhere.err.count("nobody")) == (2, 1), "an option is wrong once, not of each book"


def test_acx_is_a_file_a_chapter_by_itself(make_audiobook: RunJob, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("Good morning. It rains today.\n")
    acx = ("--loudness", "acx", "--no-report", "--subtitles", "none")
    ended = make_audiobook("--input", tmp_path / "book.txt", "--output", tmp_path / "out", *acx)
    assert ended.code == 0, ended.err
    assert [file.kind for file in bound(tmp_path / "out", "book").files] == ["mp3"]
