"""The bundles that ship with the repository: a small voice and a small ear. ``training`` says how they were made."""

from pathlib import Path

VOICE = "embedded"
EAR = "embedded-asr"
FOLDERS = {VOICE: Path(__file__).resolve().parent / "voice", EAR: Path(__file__).resolve().parent / "ear"}
