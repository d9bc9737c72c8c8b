"""Whisper: what was said, in which language, and when."""

from actors.families.family import Family
from actors.families.whisper.settings import parse_options

FAMILY = Family("whisper", "automatic-speech-recognition", None, parse_options)
