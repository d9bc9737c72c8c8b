"""A family of another package: it hums a tone for every character. Its one graph is one operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from actors.bundle import Bundle, Manifest
from actors.errors import RequestError
from actors.families import Family
from actors.requests import SynthesisRequest, SynthesisResult, join_chunks
from actors.runtime.session import Device, Graphs
from actors.settings import FamilyOptions, FamilySettings, Positive, Size


class Settings(FamilySettings):
    samples_per_character: Size
    pitch_hz: Positive


class Options(FamilyOptions):
    pitch_hz: Annotated[float, Field(ge=20, le=4000)]
    pause_s: Annotated[float, Field(ge=0, le=10)] = 0.0


def parse_options(manifest: Manifest, values: Mapping[str, Any]) -> Options:
    return Options.parse(manifest.family, Settings.of(manifest).model_dump(include={"pitch_hz"}), values)


@dataclass
class Utterance:
    text: str
    options: Options
    characters: int = 0
    audio: np.ndarray | None = None

    @property
    def cost(self) -> int:
        return len(self.text)

    @property
    def done(self) -> bool:
        return self.characters == len(self.text)


class Toy:
    compacts = True

    def __init__(self, bundle: Bundle, device: Device, threads: int, slots: int) -> None:
        self.slots = slots
        self.graphs = Graphs(bundle, device, threads)
        self._manifest = bundle.manifest
        self._settings = Settings.of(bundle.manifest)
        self._voice = self.graphs.open("voice", phase=None, audio=None)

    def prepare(self, request: SynthesisRequest, trace: bool) -> list[Utterance]:  # noqa: ARG002 - one interface
        words = (request.text or "").split()
        if not words:
            raise RequestError("the text has nothing to hum")
        options = parse_options(self._manifest, request.options)
        return [Utterance(word, options) for word in words]

    def prefill(self, utterance: Utterance, slot: int) -> None:
        pass

    def step(self, rows: Sequence[Utterance | None]) -> None:
        for row in filter(None, rows):
            row.characters += 1

    def move(self, utterance: Utterance, source: int, target: int) -> None:
        pass

    def finish(self, utterance: Utterance) -> None:
        time = np.arange(utterance.characters * self._settings.samples_per_character) / self._manifest.sample_rate
        phase = (2 * np.pi * utterance.options.pitch_hz * time).astype(np.float32)
        utterance.audio = self._voice.run(["audio"], {"phase": phase})[0]

    def join(self, request: SynthesisRequest, utterances: Sequence[Utterance]) -> SynthesisResult:
        spoken = [(utterance.text, utterance.audio, "eos") for utterance in utterances]
        audio, chunks = join_chunks(spoken, utterances[0].options.pause_s, self._manifest.sample_rate)
        frames = sum(utterance.characters for utterance in utterances)
        return SynthesisResult(request.id, audio, self._manifest.sample_rate, frames, "eos", chunks)


FAMILY = Family("toy", "text-to-speech", Toy, parse_options)
