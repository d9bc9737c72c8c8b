"""What runs on a worker: model loops on ONNX Runtime. Imports neither torch nor ray."""
