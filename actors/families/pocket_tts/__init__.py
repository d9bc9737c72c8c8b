"""PocketTTS: a flow language model and the Mimi codec."""

from pathlib import Path

from actors.audio.mono import FloatArray
from actors.bundle import Bundle
from actors.families.family import Family
from actors.families.pocket_tts.loop import PocketTTS, language_of, parse_options
from actors.families.pocket_tts.voices import add_voice


def _add_clone(bundle: Bundle, name: str, audio: FloatArray, sample_rate: int, folder: Path) -> Bundle:
    # Imported here: scipy takes a second, for which nothing else need wait.
    from actors.families.pocket_tts.cloning import VoiceCloner

    return add_voice(bundle, name, VoiceCloner(bundle).clone(audio, sample_rate), folder)


FAMILY = Family(
    "pocket-tts",
    "text-to-speech",
    PocketTTS,
    parse_options,
    int8_gain={"avx2": 1.27},
    add_clone=_add_clone,
    language=language_of,
)
