"""VibeVoice-ASR: who spoke when, and what."""

from actors.families.family import Family
from actors.families.vibevoice_asr.loop import VibeVoiceASR, parse_options

FAMILY = Family("vibevoice-asr", "automatic-speech-recognition", VibeVoiceASR, parse_options, int8_gain={"avx2": 1.38})
