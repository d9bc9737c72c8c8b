"""What turns a PyTorch checkpoint into a checked ONNX bundle. The only folder that imports torch."""
