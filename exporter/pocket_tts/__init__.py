"""PocketTTS (kyutai/pocket-tts): a transformer over continuous latents, a small flow head and the Mimi codec.

Source: pocket-tts 4.0.1 (``models/flow_lm.py``, ``modules/mlp.py``, ``models/tts_model.py``; MIT). Every size of every variant
is read from the checkpoint's ``config.yaml`` (:mod:`exporter.pocket_tts.config`), or from what transformers has in its place
(:mod:`exporter.pocket_tts.hub`).
"""

from exporter.pocket_tts.config import find_checkpoint
from exporter.pocket_tts.export import load
from exporter.pocket_tts.voices import with_voices

__all__ = ["find_checkpoint", "load", "with_voices"]
