from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from actors.errors import InputDataError, StorageError
from books.binding.speech import Ends, Layout, Speech, chapter_blocks, lay_out
from cluster.storage import open_store
from tests.books.binding.spoken import RATE, Said, script_of, spoken, write_rows


def laid_out(folder: Path, chapters: list[list[Said]], ends: Ends | None = None) -> tuple[Speech, Layout]:
    script = script_of(chapters)
    keys = write_rows(folder, script, [said for chapter in chapters for said in chapter])
    speech = Speech(open_store(str(folder)), keys)
    return speech, lay_out(script, speech.rows(), ends)


def test_passages_follow_each_other_to_the_sample(tmp_path: Path) -> None:
    # Durations that are no whole milliseconds, over several files and row groups.
    said = [Said((1000 + 7 * i) / RATE, pause_s=0.1 + i / 7) for i in range(11)]
    speech, layout = laid_out(tmp_path, [said[:5], said[5:]])
    place = 0
    for cue, one in zip([c for chapter in layout.timeline.chapters for c in chapter.cues], said, strict=True):
        assert cue.start_s == place / RATE
        place += round((one.seconds or 0) * RATE)
        assert cue.end_s == place / RATE
        place += round(one.pause_s * RATE)
    assert layout.timeline.duration_s == place / RATE
    assert layout.timeline.chapters[1].start_s == layout.timeline.chapters[0].end_s
    for number, stretch in enumerate(layout.stretches):
        heard = np.concatenate(list(chapter_blocks(speech, layout, number)))
        assert len(heard) == stretch.samples
        for span in stretch.spans:
            first = span.start - stretch.start
            np.testing.assert_allclose(heard[first : first + span.samples], spoken(span.row, span.samples), atol=1 / 32768)
            pause = heard[first + span.samples :][: round(said[span.row].pause_s * RATE)]
            assert not pause.any()


def test_what_was_not_spoken_takes_no_time_and_is_counted(tmp_path: Path) -> None:
    speech, layout = laid_out(tmp_path, [[Said(1.0), Said(None, 9.0), Said(1.0)], [Said(None)], [Said(None), Said(0.5, 0.0)]])
    assert layout.timeline.duration_s == pytest.approx(2 * 1.3 + 0.5)
    assert [chapter.title for chapter in layout.timeline.chapters] == ["Chapter 1", "Chapter 3"]
    assert [stretch.missing for stretch in layout.stretches] == [1, 1]
    assert [cue.index for chapter in layout.timeline.chapters for cue in chapter.cues] == [0, 2, 5]
    (note,) = layout.notes
    assert "'Chapter 2'" in note
    assert sum(map(len, chapter_blocks(speech, layout, 1))) == RATE // 2


def test_pieces_of_long_passages_have_times_of_the_book(tmp_path: Path) -> None:
    _, layout = laid_out(tmp_path, [[Said(1.0, 1.0), Said(3.0, chunks=3)]])
    assert layout.timeline.chapters[0].cues[0].pieces == ()
    assert layout.timeline.chapters[0].cues[1].pieces == (("piece 0", 2.0, 3.0), ("piece 1", 3.0, 4.0), ("piece 2", 4.0, 5.0))


def test_a_long_chapter_is_cut_behind_the_last_paragraph_that_fits(tmp_path: Path) -> None:
    ends = Ends(head_s=0.5, least_tail_s=1.0, most_tail_s=2.0, longest_s=11.0)
    chapter = [Said(2.0, 0.5, paragraph=i // 2) for i in range(6)] + [Said(4.0, 5.0, paragraph=9), Said(4.0, 0.0, paragraph=9)]
    speech, layout = laid_out(tmp_path, [chapter, [Said(1.0, 0.0)]], ends)
    chapters = layout.timeline.chapters
    assert [c.title for c in chapters] == [*(f"Chapter 1 ({n})" for n in (1, 2, 3, 4)), "Chapter 2"]
    # The third paragraph does not fit with the second; the fourth is too long by itself, and is cut behind a passage.
    assert [[cue.index for cue in c.cues] for c in chapters] == [[0, 1, 2, 3], [4, 5], [6], [7], [8]]
    for c, stretch in zip(chapters, layout.stretches, strict=True):
        assert c.end_s - c.start_s <= ends.longest_s
        assert c.cues[0].start_s - c.start_s == 0.5
        assert 1.0 <= c.end_s - c.cues[-1].end_s <= 2.0
        assert sum(map(len, chapter_blocks(speech, layout, chapters.index(c)))) == stretch.samples


def test_rows_of_another_script_are_refused(tmp_path: Path) -> None:
    script = script_of([[Said(1.0), Said(1.0)]])
    keys = write_rows(tmp_path, script, [Said(1.0), Said(1.0)])
    rows = list(Speech(open_store(str(tmp_path)), keys).rows())
    with pytest.raises(StorageError, match="not its script's 2 passages"):
        lay_out(script, rows[:1])
    with pytest.raises(StorageError, match="in order"):
        lay_out(script, reversed(rows))


def test_a_book_of_which_nothing_was_spoken_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="nothing of 'Book' was spoken"):
        laid_out(tmp_path, [[Said(None)]])


def test_audio_that_is_damaged_says_which(tmp_path: Path) -> None:
    script = script_of([[Said(1.0)]])
    (key,) = write_rows(tmp_path, script, [Said(1.0)])
    content = (tmp_path / key).read_bytes()
    (tmp_path / key).write_bytes(content.replace(b"fLaC", b"junk"))
    speech = Speech(open_store(str(tmp_path)), [key])
    layout = lay_out(script, speech.rows())
    with pytest.raises(StorageError, match=r"'0-0' cannot be decoded|damaged"):
        list(chapter_blocks(speech, layout, 0))


def test_pieces_that_say_something_else_than_is_written_are_one_cue(tmp_path: Path) -> None:
    script = script_of([[Said(3.0, chunks=3)]])
    script = replace(script, passages=[replace(script.passages[0], text="Doctor Crane", written="Dr. Crane")])
    keys = write_rows(tmp_path, script, [Said(3.0, chunks=3)])
    (cue,) = lay_out(script, Speech(open_store(str(tmp_path)), keys).rows()).timeline.chapters[0].cues
    assert (cue.passage.written, cue.pieces) == ("Dr. Crane", ())
