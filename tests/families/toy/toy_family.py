"""A family of another package: it hums a tone for every character. Its one graph is one operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from actors.bundle import Bundle, Manifest
from actors.families import Family
from actors.requests import SynthesisRequest
from actors.runtime.graphs import Graphs
from actors.runtime.session import Device
from actors.settings import FamilySettings, Positive, Size
from actors.speaking import SpeakingModel, SpeakingOptions, SpokenUtterance, check_speakable, text_of


class Settings(FamilySettings):
    samples_per_character: Size
    pitch_hz: Positive


class Options(SpeakingOptions):
    pitch_hz: Annotated[float, Field(ge=20, le=4000)]


def parse_options(manifest: Manifest, values: Mapping[str, Any]) -> Options:
    return Options.parse(manifest.family, Settings.of(manifest).model_dump(include={"pitch_hz"}), values)


@dataclass(kw_only=True)
class Utterance(SpokenUtterance[Options]):
    characters: int = 0

    @property
    def frames(self) -> int:
        return self.characters


class Toy(SpeakingModel[Options, Utterance]):
    compacts = True

    def __init__(self, bundle: Bundle, device: Device, threads: int, slots: int) -> None:
        super().__init__(bundle, slots, parse_options)
        self.settings = Settings.of(bundle.manifest)
        self.graphs = Graphs(bundle, device, threads)
        self._voice = self.graphs.open("voice", phase=None, audio=None)

    def prepare(self, request: SynthesisRequest, trace: bool) -> list[Utterance]:
        self._choose_voice(request.voice)
        options = self._options(request.options)
        words = text_of(request).split()
        check_speakable(words)
        return [
            Utterance(request=request, index=i, text=word, prompt=np.arange(len(word)), options=options, trace=trace)
            for i, word in enumerate(words)
        ]

    def prefill(self, utterance: Utterance, slot: int) -> None:
        pass

    def step(self, rows: Sequence[Utterance | None]) -> None:
        for row in filter(None, rows):
            row.characters += 1
            if row.characters == len(row.text):
                row.finish_reason = "eos"

    def move(self, utterance: Utterance, source: int, target: int) -> None:
        pass

    def finish(self, utterance: Utterance) -> None:
        time = np.arange(utterance.characters * self.settings.samples_per_character) / self.sample_rate
        phase = (2 * np.pi * utterance.options.pitch_hz * time).astype(np.float32)
        utterance.audio = self._voice.run(["audio"], {"phase": phase})[0]

    def _trace(self, utterances: Sequence[Utterance]) -> dict[str, np.ndarray]:
        return {"characters": np.array([utterance.characters for utterance in utterances])}


FAMILY = Family("toy", "text-to-speech", Toy, parse_options)
