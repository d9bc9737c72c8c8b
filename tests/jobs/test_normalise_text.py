"""A line in, a line out, whatever the lines are."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.errors import RequestError
from actors.text import Normaliser, Spoken
from actors.text.edits import Edit, Edited
from jobs import normalise_text
from jobs.console import run_app
from tests.jobs.conftest import Ended

SCRIPT = Path(normalise_text.__file__)


class Reader:
    """Reads £20, takes <br> for a paragraph, leaves emoji out and cannot read Cyrillic."""

    def __init__(self, language: str, *, markup: bool) -> None:
        Normaliser(language)
        self.markup = markup

    def __call__(self, text: str) -> Spoken:
        if "ж" in text:
            raise RequestError("its letters are Cyrillic")
        edits = []
        for written, said in (("£20", "twenty pounds"), ("😀", ""), *([("<br>", "\n\n")] if self.markup else [])):
            if (start := text.find(written)) >= 0:
                edits.append(Edit(start, start + len(written), said))
        edited = Edited(text, sorted(edits))
        return Spoken(edited, edited, "en", "an emoji was left out" if "😀" in text else None)


class Pipe:
    """Stands for a stream of text; what is below it holds bytes."""

    def __init__(self, path: Path, content: bytes = b"") -> None:
        path.write_bytes(content)
        self.buffer = path.open("r+b")


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[Any]:
    """Runs the job in this process, with a reader that is known here; returns the lines that it wrote."""
    monkeypatch.setattr(normalise_text, "Normaliser", Reader)
    handler = signal.getsignal(signal.SIGTERM)

    def run(content: bytes, *options: str) -> Ended:
        caplog.clear()
        out = tmp_path / "out"
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", Pipe(tmp_path / "in", content))
            patch.setattr(sys, "stdout", Pipe(out))
            with pytest.raises(SystemExit) as caught:
                run_app(normalise_text.app, options)
        assert isinstance(caught.value.code, int)
        return Ended(caught.value.code, out.read_bytes().decode(), capsys.readouterr().err + caplog.text)

    yield run
    signal.signal(signal.SIGTERM, handler)


def start(*options: str, **streams: Any) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(SCRIPT), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **streams})


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        (b"", ""),
        (b"\n", "\n"),
        (b"\n\n\n", "\n\n\n"),
        (b"It cost \xc2\xa320.\nReally?\n", "It cost twenty pounds.\nReally?\n"),
        (b"one\r\n\r\ntwo\r\n", "one\n\ntwo\n"),
        (b"one\ntwo", "one\ntwo\n"),
        (b" \t \n  x  \n", "\nx\n"),
        (b"a<br>b <br> c\n", "a b <br> c\n"),
        (b"a\rb\x0bc\x0cd\xc2\x85e\xe2\x80\xa8f\xe2\x80\xa9g\x1ch\n", "a b c d e f g h\n"),
    ],
)
def test_there_are_as_many_lines_out_as_in(run: Any, written: bytes, spoken: str) -> None:
    ended = run(written)
    assert (ended.code, ended.out, ended.err) == (0, spoken, "")


def test_what_cannot_be_spoken_is_an_empty_line_and_its_number_and_reason_are_told(run: Any) -> None:
    ended = run("fine\nжж\nfine 😀 too\n".encode())
    assert (ended.code, ended.out) == (0, "fine\n\nfine  too\n")
    assert "line 2 cannot be spoken: its letters are Cyrillic" in ended.err
    assert "line 3: an emoji was left out" in ended.err


def test_what_is_not_utf8_is_replaced_and_told(run: Any) -> None:
    ended = run(b"fine\nna\xefve\n")
    assert ended.out == "fine\nna\ufffdve\n"
    assert "line 2 is not UTF-8 (byte 3)" in ended.err


def test_offsets_lead_back_to_what_was_written(run: Any) -> None:
    ended = run("It cost £20.<br>Really 😀? Yes\u2028\n\nжж\n".encode(), "--offsets")
    first, empty, refused = map(json.loads, ended.out.splitlines())
    assert first == {
        "text": "It cost twenty pounds.\n\nReally ? Yes\u2028",
        "offsets": [[8, 21, 8, 11], [22, 24, 12, 16], [31, 31, 23, 24]],
        "sentences": [
            {"spoken": "It cost twenty pounds.", "written": "It cost £20.", "pause": "paragraph"},
            {"spoken": "Really ?", "written": "Really 😀?", "pause": "sentence"},
            {"spoken": "Yes", "written": "Yes", "pause": "paragraph"},
        ],
        "note": "an emoji was left out",
    }
    assert empty == {"text": "", "offsets": [], "sentences": [], "note": None}
    assert refused == {"text": "", "offsets": [], "sentences": [], "error": "its letters are Cyrillic"}


def test_markup_may_be_characters_like_others(run: Any) -> None:
    assert run(b"a<br>b\n", "--no-markup").out == "a<br>b\n"


def test_what_is_no_language_is_wrong_usage(run: Any) -> None:
    ended = run(b"a\n", "--language", "German!")
    assert (ended.code, ended.out) == (2, "")
    assert "error: 'German!' is no language code" in ended.err


def test_lines_are_written_as_they_come() -> None:
    process = start()
    assert process.stdin
    assert process.stdout
    for line in (b"one\n", b"two\n"):
        process.stdin.write(line)
        process.stdin.flush()
        assert process.stdout.readline() == line
    assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 0


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    process = start(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    process.communicate()
    source, sink = os.pipe()
    process = start(stdout=sink)
    os.close(sink)
    assert process.stdin
    process.stdin.write(b"one\n")
    process.stdin.flush()
    assert os.read(source, 100) == b"one\n"
    os.close(source)
    _, said = process.communicate(b"two\n" * 1000, timeout=30)
    assert (process.returncode, said) == (0, b"")


def test_a_full_disk_is_told_in_a_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(stdout=full)
        _, said = process.communicate(b"one\n", timeout=30)
    assert (process.returncode, said.count(b"\n")) == (1, 1)
    assert b"error: stdin cannot be read, or stdout not be written to: No space left on device" in said


def test_ctrl_c_ends_it_in_a_sentence() -> None:
    process = start()
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"one\n")
    process.stdin.flush()
    process.stdout.readline()
    time.sleep(0.1)  # until it waits for more
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.count(b"\n") == 1


def test_no_more_than_a_line_is_held(tmp_path: Path) -> None:
    """Measured by the kernel: 100 MB of lines go through in less memory than that."""
    script = f"import resource, sys; sys.argv = ['x']; sys.path.insert(0, {str(SCRIPT.parents[1])!r})\n" + (
        "from jobs import normalise_text\n"
        "class Fast:\n"
        "    def __init__(self, language, markup): self.spoken = __import__('jobs.normalise_text').normalise_text.Spoken\n"
        "    def __call__(self, text): return self.spoken(Edited(text), Edited(text), 'en')\n"
        "from actors.text.edits import Edited\n"
        "normalise_text.Normaliser = Fast\n"
        "normalise_text.app(standalone_mode=False)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    (tmp_path / "lines").write_bytes((b"x" * 999 + b"\n") * 100_000)
    with (tmp_path / "lines").open() as lines:
        done = subprocess.run([sys.executable, "-c", script], stdin=lines, capture_output=True, check=True, timeout=60)
    assert done.stdout.count(b"\n") == 100_000
    peak_kib = int(done.stderr)
    (tmp_path / "lines").write_bytes(b"x\n")
    with (tmp_path / "lines").open() as lines:
        idle = subprocess.run([sys.executable, "-c", script], stdin=lines, capture_output=True, check=True, timeout=60)
    assert peak_kib - int(idle.stderr) < 20_000
