"""VibeVoice-ASR (microsoft/VibeVoice-ASR, 7B and 1.5B): two speech encoders in front of a Qwen2 language model.

Source: transformers 5.23 ``models/vibevoice_asr`` and ``models/qwen2``, microsoft/VibeVoice (MIT). Both checkpoint layouts are
read: the original's and the hub's ``…-HF``. Every size comes from ``config.json``.

The acoustic encoder's latent is its mean: the original adds noise to it, which makes transcripts differ from run to run and no
better. The embedding is not in a graph: workers map its rows from a file.
"""

from exporter.vibevoice_asr.config import FILES
from exporter.vibevoice_asr.export import load

__all__ = ["FILES", "load"]
