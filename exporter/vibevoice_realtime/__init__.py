"""VibeVoice-Realtime (microsoft/VibeVoice-Realtime-0.5B): two stacked Qwen2 backbones, a diffusion head and a sigma-VAE.

Source: microsoft/VibeVoice ``vibevoice/modular/modeling_vibevoice_streaming*.py`` and ``modular_vibevoice_diffusion_head.py``
(MIT), and transformers' ``models/qwen2``. Every size is read from the checkpoint's ``config.json``; every tensor of its
safetensors, which have the original's names, is used but for the one table that the original never reads.
"""

from exporter.vibevoice_realtime.config import FILES
from exporter.vibevoice_realtime.export import load
from exporter.vibevoice_realtime.voices import with_presets

__all__ = ["FILES", "load", "with_presets"]
