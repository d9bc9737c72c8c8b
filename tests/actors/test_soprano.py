"""Parity with soprano-tts 0.2.0 within stated tolerances, and "same row, same bytes" within none."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from actors import Engine, SynthesisRequest, SynthesisResult, open_model
from actors.bundle import Bundle, Precision
from actors.errors import BundleError, RequestError
from actors.kv_cache import KVCache
from actors.sampling import row_generator
from actors.session import Device, open_session
from actors.soprano import Soprano, Utterance

BundleFactory = Callable[..., Bundle]
SopranoEngine = Engine[SynthesisRequest, Utterance, SynthesisResult]

CPU = Device("cpu")
STOP = 3
SAMPLES_PER_TOKEN = 2048


def assert_close(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Assert equal shapes and a largest difference of ``tolerance`` times the largest expected magnitude."""
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


def same_bytes(first: np.ndarray, second: np.ndarray) -> bool:
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


class LM:
    """The server graph of the language model on a KV cache of its own, as the engine drives it."""

    def __init__(self, bundle: Bundle, slots: int, threads: int = 2) -> None:
        spec = bundle.manifest.graphs["lm"]
        self.session = open_session(bundle.path(spec.file), CPU, threads)
        past = [tensor for tensor in spec.inputs if tensor.name.startswith("past_")]
        present = [tensor for tensor in spec.outputs if tensor.name.startswith("present_")]
        self.cache = KVCache(past, present, slots, 256, CPU)

    def run(self, tokens: np.ndarray, lengths: Sequence[int], first: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Run ``tokens [rows, sequence]`` in the slots from ``first`` on; return logits and hidden of each row's last."""
        binding: ort.IOBinding = self.session.io_binding()
        binding.bind_cpu_input("input_ids", np.ascontiguousarray(tokens, np.int64))
        binding.bind_cpu_input("seqlens_k", np.array(lengths, np.int32) - 1)
        binding.bind_cpu_input("total_sequence_length", np.array(max(lengths), np.int32))
        self.cache.bind(binding, first, len(tokens))
        for name in ("logits", "hidden"):
            binding.bind_output(name, "cpu")
        self.session.run_with_iobinding(binding)
        logits, hidden = binding.copy_outputs_to_cpu()[-2:] if False else binding.copy_outputs_to_cpu()[:2]
        return logits, hidden
