"""Times soprano-tts 0.2.0 (its transformers backend) on a fixed number of tokens per row. Run by ``benchmarks.speed``."""

import contextlib
import io
import json
import sys
import time

import torch
from soprano.backends.transformers import TransformersModel
from soprano.tts import SopranoTTS


def main(checkpoint: str, threads: int, batch: int, length: int, text: str) -> None:
    """Print the audio seconds and wall seconds of one batch as JSON."""
    torch.set_num_threads(threads)
    load = TransformersModel.__init__

    def load_with_fixed_length(self: TransformersModel, *args: object, **kwargs: object) -> None:
        load(self, *args, **kwargs)
        generate = self.model.generate
        self.model.generate = lambda **options: generate(**{**options, "max_new_tokens": length})

    TransformersModel.__init__ = load_with_fixed_length
    with contextlib.redirect_stdout(io.StringIO()):
        tts = SopranoTTS(backend="transformers", device="cpu", model_path=checkpoint)
        start = time.perf_counter()
        audio = tts.infer_batch([text] * batch)
        wall_s = time.perf_counter() - start
    print(json.dumps({"audio_s": sum(len(row) for row in audio) / 32000, "wall_s": wall_s}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), **json.loads(sys.argv[4]))
