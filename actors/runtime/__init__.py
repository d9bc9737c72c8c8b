"""ONNX Runtime: sessions, buffers, and what the processor makes of them."""
