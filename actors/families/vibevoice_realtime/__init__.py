"""VibeVoice-Realtime: two language models and a diffusion head."""

from actors.families.family import Family
from actors.families.vibevoice_realtime.loop import VibeVoiceRealtime, parse_options

FAMILY = Family("vibevoice-realtime", "text-to-speech", VibeVoiceRealtime, parse_options, int8_gain={"avx2": 1.31})
