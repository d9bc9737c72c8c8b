from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from actors.audio.mastering import Mastering
from actors.deciding import NOT_DECIDING, TOLD_IF_SET, deciding_arguments
from actors.synthesizer import SynthesisConfig
from actors.transcriber import TranscriptionConfig

SYNTHESIS: dict[str, Any] = {
    "text_column": "text",
    "voice": None,
    "seed": 0,
    "format": "flac",
    "max_text_chars": 50_000,
    "options": {},
    "normalise": "spoken",
    "markup": True,
    "language": None,
}


@dataclass(frozen=True)
class Extras:
    louder: float | None = None
    softer: bool = False
    label: str = field(default="", metadata=NOT_DECIDING)


@dataclass(frozen=True)
class Config:
    extras: Extras = field(default_factory=Extras)
    name: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    slots: int = field(default=8, metadata=NOT_DECIDING)


def test_every_field_decides_but_those_that_are_marked() -> None:
    assert deciding_arguments(Config(slots=9)) == {"name": None, "options": {}}


def test_of_a_nested_dataclass_what_is_not_its_default_decides() -> None:
    assert deciding_arguments(Config(Extras(softer=True, label="x")))["extras"] == {"softer": True}
    assert "extras" not in deciding_arguments(Config(Extras(label="x")))


def test_a_number_that_is_zero_is_not_the_default_none() -> None:
    assert deciding_arguments(Config(Extras(louder=0.0)))["extras"] == {"louder": 0.0}
    assert deciding_arguments(SynthesisConfig(mastering=Mastering(peak_dbfs=0.0)))["mastering"] == {"peak_dbfs": 0.0}


def test_a_new_field_of_a_config_decides_at_once() -> None:
    @dataclass(frozen=True)
    class Later(SynthesisConfig):
        breath: float = 0.5

    assert deciding_arguments(Later()) == {**SYNTHESIS, "breath": 0.5}


def test_what_decides_about_speech_is_recorded_as_it_always_was() -> None:
    assert deciding_arguments(SynthesisConfig(slots=3)) == SYNTHESIS
    mastering = Mastering(trim_silence=True, sample_rate=22050, loudness_lufs=-30)
    config = SynthesisConfig("said", "anna", 7, "wav", mastering, 100, 3, {"top_p": 0.9})
    assert deciding_arguments(config) == {
        **SYNTHESIS,
        "text_column": "said",
        "voice": "anna",
        "seed": 7,
        "format": "wav",
        "mastering": {"trim_silence": True, "sample_rate": 22050, "loudness_lufs": -30},
        "max_text_chars": 100,
        "options": {"top_p": 0.9},
    }


def test_what_decides_about_transcripts_is_recorded_as_it_always_was() -> None:
    assert deciding_arguments(TranscriptionConfig(Path)) == {
        "audio_column": "audio",
        "context": None,
        "max_audio_s": 21600.0,
        "damaged": "accept",
        "audio_track": None,
        "options": {},
    }


@pytest.mark.parametrize("config", [SynthesisConfig(), TranscriptionConfig(Path)])
def test_few_fields_do_not_decide(config: SynthesisConfig | TranscriptionConfig) -> None:
    left_out = {field.name for field in fields(config)} - deciding_arguments(config).keys()
    nested = {field.name for field in fields(config) if is_dataclass(vars(config)[field.name])}
    told_if_set = {field.name for field in fields(config) if field.metadata == TOLD_IF_SET}
    assert left_out - nested - told_if_set <= {"slots", "read"}


def test_a_field_that_is_told_only_where_it_is_set_leaves_older_outputs_resumable() -> None:
    assert deciding_arguments(SynthesisConfig(seed_by="text")) == {**SYNTHESIS, "seed_by": "text"}
