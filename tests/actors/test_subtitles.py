"""Subtitle files, and texts that would break them."""

import json

from actors.requests import Segment
from actors.subtitles import render, to_srt, to_txt, to_vtt

SEGMENTS = [Segment(0, 1.5, "0", "Hello\n\nthere --> you"), Segment(3661.0004, 3661.0004, None, "<b> & [Music]")]


def test_srt() -> None:
    assert to_srt(SEGMENTS) == (
        "1\n00:00:00,000 --> 00:00:01,500\nSpeaker 0: Hello there → you\n\n2\n01:01:01,000 --> 01:01:01,001\n<b> & [Music]\n"
    )


def test_vtt() -> None:
    assert to_vtt(SEGMENTS) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v Speaker 0>Hello there → you\n\n"
        "01:01:01.000 --> 01:01:01.001\n&lt;b&gt; &amp; [Music]\n"
    )


def test_txt() -> None:
    assert to_txt(SEGMENTS) == "Speaker 0: Hello there → you\n<b> & [Music]\n"


def test_without_speech_there_is_a_valid_file() -> None:
    row = {"id": "a", "path": None, "duration_s": 1.0, "language": None, "text": "", "segments": [], "finish_reason": "silence"}
    assert render("srt", row) == render("txt", row) == ""
    assert render("vtt", row) == "WEBVTT\n"
    assert json.loads(render("json", {**row, "model": "m"}))["segments"] == []
