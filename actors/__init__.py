"""What runs on a worker: model loops on ONNX Runtime. Imports neither torch nor ray.

engine = open_model("bundle-folder-or-reference", device="cpu", threads=2, slots=8)
result, = engine.generate([SynthesisRequest(id="a", text="Hello.")])
"""

from actors.batching import Engine
from actors.models import open_model
from actors.requests import SynthesisRequest, SynthesisResult, TextChunk

__all__ = ["Engine", "SynthesisRequest", "SynthesisResult", "TextChunk", "open_model"]
