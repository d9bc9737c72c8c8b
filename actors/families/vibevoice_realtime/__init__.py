"""VibeVoice-Realtime: two language models and a diffusion head."""

from actors.families.family import Family
from actors.families.vibevoice_realtime.loop import VibeVoiceRealtime, parse_options
from actors.families.vibevoice_realtime.voices import language_of

FAMILY = Family(
    "vibevoice-realtime",
    "text-to-speech",
    VibeVoiceRealtime,
    parse_options,
    int8_gain={"avx2": 1.31},
    language=language_of,
)
