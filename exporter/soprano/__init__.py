"""Soprano (ekwek/Soprano-1.1-80M): a Qwen3 language model over audio tokens and a Vocos decoder of its hidden states.

Source: soprano-tts 0.2.0 (``backends/transformers.py``, ``vocos/``) and transformers' ``models/qwen3``. Every size is
read from the checkpoint's ``config.json`` and from the shapes in ``decoder.pth``.
"""

from exporter.soprano.config import FILES
from exporter.soprano.export import load

__all__ = ["FILES", "load"]
