"""Export a checkpoint that is larger than memory should be: how much memory does it take?

Writes a VibeVoice-ASR checkpoint of random weights, the language model as wide as the 7B one with as many layers as make
``--gigabytes``, in shards; exports it in a process of its own; prints the peak of its memory, phase by phase, and the checks.
What the language model costs is what writing and checking it take beyond what was held before (torch, its exporter, the speech
encoder, which is read whole).
Takes three times as much disk, and Linux. Memory is what the process holds itself (``RssAnon``): pages of the checkpoint that
the system caches can be dropped at any time and are not counted.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

ROOT = Path(__file__).parent.parent
BENCH = ROOT / ".bench"
TINY = ROOT / "tests" / "fixtures" / "vibevoice_asr_tiny"  # its encoders are kept

HIDDEN, INTERMEDIATE, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 3584, 18_944, 28, 4, 128, 152_064
_LAYER_BYTES = 2 * (2 * HIDDEN * HIDDEN + 2 * KV_HEADS * HEAD_DIM * HIDDEN + 3 * HIDDEN * INTERMEDIATE)
_TABLES_BYTES = 2 * 2 * VOCAB * HIDDEN

_WRITING = "language model written"
# By the first of these files that is there.
_PHASES = {"embedding.npy": "table written", "decoder.onnx": "language model checked", "decoder.onnx.data": _WRITING}


def write_checkpoint(folder: Path, layers: int) -> None:
    """Write config and shards: one for the encoders, each of the two tables, and each layer."""
    folder.mkdir(parents=True)
    config = json.loads((TINY / "config.json").read_bytes())
    config["text_config"] |= {
        "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE,
        "num_hidden_layers": layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD_DIM,
        "vocab_size": VOCAB,
        "max_position_embeddings": 131_072,
    }
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("generation_config.json", "tokenizer.json"):
        shutil.copy(TINY / name, folder)
    index: dict[str, str] = {}
    shards = [("encoders", _encoders()), ("embedding", _table("language_model.model.embed_tokens"))]
    shards += [("head", _table("language_model.lm_head") | {"language_model.model.norm.weight": torch.ones(HIDDEN)})]
    for name, weights in shards:
        _save(folder, name, weights, index)
    for i in range(layers):
        _save(folder, f"layer-{i:02d}", dict(_layer(f"language_model.model.layers.{i}", i)), index)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


def export(checkpoint: Path, precision: str, folder: Path) -> None:
    """Export in a process of its own and print its peaks of memory."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, str(ROOT / "jobs" / "export_models.py"), "--family", "vibevoice-asr", "--precision", precision]
    command += ["--checkpoint", str(checkpoint), "--name", "large", "--folder", str(folder)]
    started = time.monotonic()
    process = subprocess.Popen(command, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})
    peaks: dict[str, float] = {}
    held = before = 0.0
    while process.poll() is None:
        phase = _phase(folder)
        if phase == _WRITING and phase not in peaks:
            before = held
        held = _held_gb(process.pid)
        peaks[phase] = max(peaks.get(phase, 0.0), held)
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(process.returncode)
    checks = json.loads((folder / "bundle.json").read_bytes())["checks"]
    cosines = [check["value"] for check in checks if check["metric"] == "cosine"]
    read = sum(path.stat().st_size for path in checkpoint.glob("*.safetensors"))
    wrote = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{precision}: {read / 1e9:.1f} GB read, {wrote / 1e9:.1f} GB written in {time.monotonic() - started:.0f} s")
    print("; ".join(f"{phase} {peak:.2f} GB" for phase, peak in peaks.items()), f"({before:.2f} GB held before it is written)")
    if cosines:
        print(f"cosine similarity of {len(cosines)} tensors and of logits: {min(cosines):.4f} or more")


def _phase(folder: Path) -> str:
    return next((phase for file, phase in _PHASES.items() if (folder / file).exists()), "reading, PyTorch, speech encoder")


def _held_gb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e6


def _save(folder: Path, name: str, weights: Mapping[str, Tensor], index: dict[str, str]) -> None:
    save_file({key: tensor.bfloat16() for key, tensor in weights.items()}, folder / f"{name}.safetensors")
    index |= dict.fromkeys(weights, f"{name}.safetensors")


def _encoders() -> dict[str, Tensor]:
    weights = {key: tensor for key, tensor in load_file(TINY / "model.safetensors").items() if "_encoder." in key}
    for part in ("acoustic", "semantic"):
        latent = weights[f"{part}_tokenizer_encoder.head.conv.bias"].shape[0]
        prefix = f"multi_modal_projector.{part}"
        weights |= {f"{prefix}_linear_1.weight": _normal(HIDDEN, latent), f"{prefix}_linear_2.weight": _normal(HIDDEN, HIDDEN)}
        weights |= {f"{prefix}_linear_{i}.bias": torch.zeros(HIDDEN) for i in (1, 2)}
        weights[f"{prefix}_norm.weight"] = torch.ones(HIDDEN)
    return weights


def _table(name: str) -> dict[str, Tensor]:
    return {f"{name}.weight": _normal(VOCAB, HIDDEN, seed=len(name))}


def _layer(prefix: str, seed: int) -> Iterator[tuple[str, Tensor]]:
    for name, heads in (("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS)):
        yield f"{prefix}.self_attn.{name}_proj.weight", _normal(heads * HEAD_DIM, HIDDEN, seed)
        yield f"{prefix}.self_attn.{name}_proj.bias", torch.zeros(heads * HEAD_DIM)
    yield f"{prefix}.self_attn.o_proj.weight", _normal(HIDDEN, HEADS * HEAD_DIM, seed)
    for name in ("gate", "up"):
        yield f"{prefix}.mlp.{name}_proj.weight", _normal(INTERMEDIATE, HIDDEN, seed)
    yield f"{prefix}.mlp.down_proj.weight", _normal(HIDDEN, INTERMEDIATE, seed)
    for name in ("input_layernorm", "post_attention_layernorm"):
        yield f"{prefix}.{name}.weight", torch.ones(HIDDEN)


def _normal(rows: int, columns: int, seed: int = 0) -> Tensor:
    generator = np.random.Generator(np.random.SFC64(seed))
    return torch.from_numpy(generator.standard_normal((rows, columns), np.float32)).mul_(columns**-0.5)


def main() -> None:
    """Write the checkpoint, export it in each precision, delete it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--precisions", nargs="+", default=["int8", "int4"])
    parser.add_argument("--folder", type=Path, default=BENCH / "streaming_export", help="is deleted before and after")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    layers = max(1, -(-int(arguments.gigabytes * 1e9 - _TABLES_BYTES) // _LAYER_BYTES))
    try:
        write_checkpoint(arguments.folder / "checkpoint", layers)
        for precision in arguments.precisions:
            export(arguments.folder / "checkpoint", precision, arguments.folder / "bundle")
    finally:
        shutil.rmtree(arguments.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
