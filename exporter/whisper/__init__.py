"""Whisper (openai/whisper-tiny … large-v3, turbo, ``.en``, distil-whisper): an audio encoder and a decoder that reads it.

Source: transformers 5.23 ``models/whisper``, openai/whisper (MIT). Any ``WhisperForConditionalGeneration`` checkpoint in the
hub's layout is read. Every size comes from ``config.json``, and what decides an answer from ``generation_config.json``.
"""

from exporter.whisper.config import FILES
from exporter.whisper.export import load

__all__ = ["FILES", "load"]
