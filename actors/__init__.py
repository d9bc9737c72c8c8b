"""What runs on a worker: model loops on ONNX Runtime. Imports neither torch nor ray.

engine = open_model("bundle-folder-or-reference", device="cpu", threads=2, slots=8)
result, = engine.generate([SynthesisRequest(id="a", text="Hello.")])
"""

from actors.batching import Engine
from actors.models import open_model
from actors.requests import Segment, SynthesisRequest, SynthesisResult, TextChunk, TranscriptionRequest, TranscriptionResult

__all__ = [
    "Engine",
    "Segment",
    "SynthesisRequest",
    "SynthesisResult",
    "TextChunk",
    "TranscriptionRequest",
    "TranscriptionResult",
    "open_model",
]
