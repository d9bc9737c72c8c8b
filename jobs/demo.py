"""The main job on the voice that ships with us: publish, speak a hundred sentences with two workers, say where to listen."""

import shutil
import subprocess
import sys
from pathlib import Path

import typer

from actors.audio import decode
from cluster.registry import publish
from jobs.console import run_app
from jobs.extract_audio import extract

ROOT = Path(__file__).parent.parent
SENTENCES = Path(__file__).parent / "demo_sentences.txt"

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def demo(output: Path = ROOT / "demo-output", workers: str = "2", listen: int = 12) -> None:
    """Run the demo into OUTPUT, which is deleted first if it holds an earlier one."""
    if (output / "corpus" / "run.json").exists():
        shutil.rmtree(output)
    reference = publish("embedded", str(output / "registry"))
    typer.echo(f"published {reference}")
    command = [sys.executable, str(ROOT / "jobs" / "synthesize_corpus.py"), "--input", str(SENTENCES), "--workers", workers]
    command += ["--output", str(output / "corpus"), "--model", reference, "--registry", str(output / "registry")]
    subprocess.run(command, check=True)  # noqa: S603 - our own job
    files = extract(str(output / "corpus"), output / "listen", limit=listen)
    loudest = max(abs(decode(path)[0]).max() for path in files)
    typer.echo(f"look:   {output / 'corpus'} (load_dataset reads it)")
    typer.echo(f"listen: {files[0]} and {len(files) - 1} more in {output / 'listen'} (peak {loudest:.2f})")


if __name__ == "__main__":
    run_app(app)
