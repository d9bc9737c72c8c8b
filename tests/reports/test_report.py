"""What the page about an output says, whatever the output holds."""

import re
import resource
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lxml import html

from actors.audio.codec import encode
from actors.errors import RequestError, StorageError, UsageError
from actors.verifying import VERIFIED_COLUMNS
from cluster.output import RUN_NAME, Output
from cluster.storage import open_store
from reports import REPORT_KEY, report_link, write_report
from reports.clips import waveform
from reports.rows import scan_rows
from tests.reports.made import RATE, rejected, spoken, tone, write_output


def page_of(output: Output, **options: Any) -> Any:
    """Write the page into an output; return its root."""
    return html.fromstring(output.store.read_bytes(write_report(output.store, **options)))


@pytest.fixture(scope="session")
def page(library: Path) -> Any:
    return html.fromstring((library / "books.html").read_bytes())


def texts(page: Any, path: str) -> list[str]:
    return [" ".join(found.text_content().split()) for found in page.xpath(path)]


def section(name: str) -> str:
    return f"//section[@aria-labelledby='{name}']"


WHY = f"{section('suspects')}//*[@class='badge warn']"


def test_the_summary_counts_rows(page: Any) -> None:
    assert texts(page, "//dl[@class='tiles']/div[1]/dd") == ["34"]
    assert texts(page, "//ul[@class='counts']/li") == [
        "30 ok", "3 rejected", "1 failed", "29 ended by eos", "1 ended by length",
    ]  # fmt: skip


def test_rows_without_a_result_are_grouped_by_reason(page: Any) -> None:
    found = texts(page, f"{section('reasons')}//li")
    assert found[0] == "2 rejected the text has 70,001 characters, 50,000 are allowed long 1, long 2"
    assert sorted(found[1:]) == ["1 failed NotFiniteError: step 17 has NaN broken", "1 rejected the text is empty empty"]


def test_the_worst_rows_come_with_what_is_wrong(page: Any) -> None:
    rows = page.xpath(f"{section('suspects')}//article")
    found = {row.xpath(".//h3")[0].text_content(): "; ".join(texts(row, ".//*[@class='badge warn']")) for row in rows}
    assert found.keys() == {"cut", "silent", "clipped", "slow"}
    assert found["cut"] == "stopped at the longest length"
    assert found["silent"] == "nearly silent"
    assert re.fullmatch(r"[\d.]+% of its samples are clipped", found["clipped"])
    assert re.fullmatch(r"[\d.]+ times slower than most", found["slow"])


def test_strangers_texts_are_texts(library: Path, page: Any) -> None:
    source = (library / "books.html").read_text()
    assert texts(page, "//h1") == ["<i>Mine</i>"]
    assert not page.xpath("//img")
    assert source.count("<script") == source.count("</script>") == 1
    assert not re.search("[\x00-\x08\x0b-\x1f]", source)
    assert "</script><img src=x onerror=" in " ".join(texts(page, "//p"))


def test_the_policy_allows_what_is_in_the_page_alone(page: Any) -> None:
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert not page.xpath("//*[@style]")
    links = page.xpath("//@src | //@href")
    assert {re.match("data:|#|book/", link) is not None for link in links} == {True}


def test_samples_have_players_and_texts_with_times(page: Any) -> None:
    players = page.xpath("//*[@data-audio]")
    assert len(players) == 4 + 4 + 12  # chapters, the worst rows, others
    sources = [page.xpath(f"//audio[@id='{player.get('data-audio')}']/@src") for player in players]
    assert all(source.startswith("data:audio/mpeg;base64,") for (source,) in sources[4:])
    spans = page.xpath(f"({section('samples')}//article)[1]//*[@data-s]")
    assert [span.get("data-s") for span in spans] == ["0.000", "2.000"]


def test_charts_are_drawn_in_the_pages_colours(page: Any) -> None:
    assert texts(page, "//figure/h3") == [
        "Duration seconds",
        "Speaking rate characters a second",
        "Real-time factor seconds of work for a second of audio",
        "Loudness LUFS",
    ]
    assert page.xpath("//figure//svg//*[contains(@class, 'fill-accent')]")
    assert not re.findall(r"#0102\d\d", html.tostring(page).decode())


def test_throughput_is_drawn_of_a_run_that_was_long_enough(transcripts: Output, tmp_path: Path) -> None:
    record = transcripts.store.read_bytes(RUN_NAME).decode()
    points = [[10.0 * i, i, 100.0 * i] for i in range(1, 8)]
    changed = re.sub(r'"progress": \[.*\]', f'"progress": {points}', record, flags=re.DOTALL)
    shutil.copytree(transcripts.store.root, tmp_path / "out")
    (tmp_path / "out" / RUN_NAME).write_text(changed)
    page = page_of(Output(tmp_path / "out"))
    assert texts(page, "//figure/h3")[0] == "Throughput \u00d7 real time, by seconds"
    assert texts(page, "//figure/figcaption")[0].endswith("10.0 at best")
    assert texts(page, "//figure/figcaption")[3].startswith("6 values: median 0.1000")


def test_transcripts_have_segments_and_play_what_may_be_read(transcripts: Output) -> None:
    asked = set()

    def media(path: str) -> bytes:
        asked.add(path)
        if path == "c.flac":
            raise RequestError("there is no file c.flac")
        return encode(tone(2.0), RATE, "flac")

    page = page_of(transcripts, media=media)
    assert asked == {"a.flac", "b.flac", "c.flac"}
    assert texts(page, f"{section('samples')}//article//*[@class='speaker']") == ["Speaker 0", "Speaker 1"]
    assert texts(page, WHY) == [
        "repeated itself in a loop", "text repeats itself", "transcript ends after 10% of the recording",
    ]  # fmt: skip
    assert len(page.xpath("//audio")) == 2


def test_without_their_recordings_transcripts_are_read_and_the_page_is_the_same_each_time(transcripts: Output) -> None:
    page = page_of(transcripts)
    assert not page.xpath("//audio")
    assert "Speaker 0 The mill turns slowl Speaker 1 y in the wind." in texts(page, "//p")
    before = transcripts.store.read_bytes(REPORT_KEY)
    write_report(transcripts.store)
    assert transcripts.store.read_bytes(REPORT_KEY) == before


def test_word_errors_of_what_was_heard_again(tmp_path: Path) -> None:
    rows = [spoken(str(i), "Some sentence that was spoken.", 2.0) for i in range(4)]
    passed = {"word_error_rate": [0.0, 0.1, 0.75, None], "heard": ["a", "b", "something <i>else</i>", None]}
    page = page_of(write_output(tmp_path, rows, passed=passed))
    assert texts(page, WHY) == ["75% word errors when heard again"]
    assert texts(page, f"{section('suspects')}//*[@class='heard']") == ["heard something <i>else</i>"]


def test_what_an_ear_has_verified(tmp_path: Path) -> None:
    text, kept = "one two three four five six seven eight", {"spoken_text": "one two three four five six seven eight"}
    rows = [
        spoken("right", text, 2.0, **kept, heard=text, word_error_rate=0.0, longest_error_run=0, take=0),
        spoken("second", text, 2.0, **kept, heard=text, word_error_rate=0.0, longest_error_run=0, take=1),
        spoken(
            "wrong", text, 2.0, **kept, heard="one <b>x</b> five six seven", word_error_rate=0.5, longest_error_run=3, take=2,
            finish_reason="suspicious",
        ),
        rejected("empty", "the text is empty"),
    ]  # fmt: skip
    (tmp_path / "plain").mkdir()
    plain = write_output(tmp_path / "plain", [spoken("plain", text, 2.0)])
    page = page_of(write_output(tmp_path, rows, VERIFIED_COLUMNS))
    assert texts(page, f"{section('verified')}//dd") == ["3", "2", "2", "1", "16.7%", "3words"]
    assert texts(page, f"{section('verified')}//li//p[@class='diff']/*") == [
        "one",
        "two three fourb x b",
        "five six seven",
        "eight",
    ]
    assert texts(page, WHY) == [
        "still doubtful when heard again", "50% word errors when heard again", "3 wrong words one after the other",
    ]  # fmt: skip
    (row,) = page.xpath(f"{section('suspects')}//article")
    assert texts(row, ".//del") == ["two three four", "eight"]
    assert texts(row, ".//*[@class='heard diff']//ins") == ["b x b"]
    assert not page_of(plain).xpath(section("verified"))


@pytest.mark.parametrize("rows", [[], [rejected("a", "too bad"), rejected("b", "")]], ids=["none", "all rejected"])
def test_an_output_without_sound(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    page = page_of(write_output(tmp_path, rows))
    assert texts(page, "//dl[@class='tiles']/div[1]/dd") == [str(len(rows))]
    assert "nothing was measured" in texts(page, "//figcaption")


def test_columns_of_the_input_may_have_any_type(tmp_path: Path) -> None:
    rows = [spoken("a", "One.", 1.0), spoken("b", "Two.", 1.0)]
    output = write_output(tmp_path, rows, passed={"word_error_rate": ["x", "y"], "heard": [1, 2], "coverage": [[1], [2]]})
    assert "Tw o." in texts(page_of(output), "//p")


def test_long_texts_and_long_sound_do_not_fill_the_page(tmp_path: Path) -> None:
    rows = [spoken("long", "word " * 10_000, 70.0, chunks=[]), spoken("longer", "漢" * 50_000, 1.0, chunks=[])]
    page = page_of(write_output(tmp_path, rows))
    assert "46,000 more characters are not shown." in texts(page, "//p")
    assert "playsthe first 60.0 s" in texts(page, "//dl[@class='facts']/div")
    assert len(html.tostring(page)) < 4_000_000


def test_work_is_bounded_for_large_outputs(tmp_path: Path) -> None:
    """5,000 rows in two parts, of which a few row groups are read with their sound."""
    sound = {"bytes": encode(tone(0.5), RATE, "mp3"), "path": "a.mp3"}
    row = {**spoken("x", "A sentence of some length that somebody says.", 3.0), "audio": sound, "chunks": []}
    output = write_output(tmp_path, [{**row, "id": str(i)} for i in range(5_000)], rows_per_part=2_500)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    write_report(output.store)
    assert time.monotonic() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


def test_of_very_many_rows_evenly_chosen_files_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.rows.MAX_ROWS", 5)
    rows = scan_rows(write_output(tmp_path, [rejected(str(i), "no") for i in range(10)], rows_per_part=2), speech=True)
    assert (len(rows), rows.share) == (6, 0.5)  # parts 0, 2 and 4


def test_what_is_no_output_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not the output of a job"):
        write_report(tmp_path)


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    output = write_output(tmp_path, [spoken("a", "One.", 1.0)])
    part = output.store.local_path(output.files[0])
    assert part
    part.write_bytes(b"PAR1" + bytes(part.stat().st_size - 8) + b"PAR1")
    with pytest.raises(StorageError, match=r"cannot read .*part-00000-000000000\.parquet"):
        scan_rows(output, speech=True)


def test_links() -> None:
    assert report_link(open_store("/a b/c"), REPORT_KEY) == "file:///a%20b/c/__report/report.html"
    s3 = open_store("s3://key:secret@bucket/some%20where?region=eu-west-1")
    assert report_link(s3) == "https://bucket.s3.eu-west-1.amazonaws.com/some%20where/__report/report.html"
    dotted = open_store("s3://my.bucket/x?region=eu-west-1")
    assert report_link(dotted, "r.html") == "https://s3.eu-west-1.amazonaws.com/my.bucket/x/r.html"
    minio = open_store("s3://bucket/x?endpoint_override=http://127.0.0.1:9000&region=us-east-1")
    assert report_link(minio, "r.html") == "http://127.0.0.1:9000/bucket/x/r.html"
    google = open_store("gs://bucket/x?anonymous=true")
    assert report_link(google, "a/r.html") == "https://storage.googleapis.com/bucket/x/a/r.html"


def test_a_waveform_is_as_high_as_the_sound() -> None:
    drawn = waveform(np.r_[np.zeros(1200), np.ones(1200)].astype(np.float32))
    assert [float(height) for height in re.findall(r"v([\d.]+)h", drawn)] == [1.0] * 60 + [38.0] * 60
