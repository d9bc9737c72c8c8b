"""Runs a graph that carries state over a long input, in chunks that are the whole, exactly."""

import numpy as np

from actors.errors import BundleError
from actors.runtime.graphs import Graphs


class StreamingGraph:
    """A graph whose first input is a sequence, and whose others, ``past_*``, are what the first output's fellows become.

    One sequence at a time: on a CPU that is faster than several together, which leave its caches. ``chunk`` is the steps of one
    call; ``axis`` is the one of the output (without its batch) along which the chunks follow each other.
    """

    def __init__(self, graphs: Graphs, key: str, *, chunk: int, axis: int = 0) -> None:
        spec = graphs.bundle.graph(key)
        if not spec.inputs or len(spec.outputs) != len(spec.inputs):
            raise BundleError(f"{spec.file} does not put out as many tensors as it takes: its state would be lost")
        first, *past = spec.inputs
        self.chunk = chunk
        self._axis = axis
        self._session = graphs.open(key)
        self._input = first.name
        self._past = [tensor.name for tensor in past]
        self._outputs = [tensor.name for tensor in spec.outputs]
        self._start = {
            tensor.name: np.zeros([axis if isinstance(axis, int) else 1 for axis in tensor.axes], tensor.dtype)
            for tensor in past
        }

    def run(self, sequence: np.ndarray) -> np.ndarray:
        """Map ``[steps, channels]``, at least one step, to what the graph makes of it, without the batch axis."""
        state = self._start
        made = []
        for start in range(0, len(sequence), self.chunk):
            part = sequence[None, start : start + self.chunk]
            output, *carried = self._session.run(self._outputs, {self._input: part, **state})
            made.append(output[0])
            state = dict(zip(self._past, carried, strict=True))
        return np.concatenate(made, self._axis)
