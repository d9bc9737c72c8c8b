"""All jobs as one command: ``speechmill synthesize``, ``speechmill transcribe`` and the others."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from typing import NamedTuple


class Subcommand(NamedTuple):
    """A job: its module in ``jobs``, and what it does in a line."""

    module: str
    help: str


JOBS = {
    "synthesize": Subcommand("synthesize_corpus", "Speak a corpus: rows of text in, Parquet of audio out."),
    "transcribe": Subcommand("transcribe_dataset", "Transcribe recordings: who said what and when."),
    "audiobook": Subcommand("make_audiobook", "Make audiobooks: EPUB, Markdown, text, HTML and PDF in, M4B with chapters out."),
    "align": Subcommand("align_audiobook", "Align recordings of a book with its text: subtitles and a read-along EPUB out."),
    "normalise": Subcommand("normalise_text", "Show how lines of text will be read out."),
    "evaluate": Subcommand("evaluate", "Word and character error rates of transcripts."),
    "extract-audio": Subcommand("extract_audio", "Take the audio out of a corpus, as files to listen to."),
    "export": Subcommand("export_models", "Make a checked ONNX bundle of a PyTorch checkpoint; clone voices."),
    "compact": Subcommand("compact_output", "Join the many parts of a finished job into a few large files."),
    "cache": Subcommand("cache", "Look at a cache of spoken rows, and keep it small."),
    "report": Subcommand("report", "Make the page about a job's output, to look at and to listen to."),
    "registry": Subcommand("registry", "Publish, list, show, load and remove bundles."),
    "demo": Subcommand("demo", "Run the main jobs on the models that ship with Speechmill."),
    "doctor": Subcommand("doctor", "Say what is wrong or slow on this machine, and what to do."),
}
_EXIT_USAGE = 2  # that of jobs.console, which comes with a job


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the job that the first argument names with the other ones, and exit. Without a job, none is imported."""
    first, *others = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if first in JOBS:
        from jobs.console import run_app

        sys.argv[0] = f"speechmill {first}"  # as its help calls it
        run_app(import_module(f"jobs.{JOBS[first].module}").app, others)
    elif first == "--help":
        sys.stdout.write(_help())
    elif first == "--version":
        sys.stdout.write(f"speechmill {version('speechmill')}\n")
    else:
        near = get_close_matches(first, JOBS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(JOBS)}"
        sys.stderr.write(f"error: no such job: {first}: {hint} (--help says what they do)\n")
        sys.exit(_EXIT_USAGE)


def _help() -> str:
    width = max(map(len, JOBS))
    lines = (f"  {name:{width}}  {job.help}\n" for name, job in JOBS.items())
    return f"Usage: speechmill JOB [OPTIONS]\n\n{''.join(lines)}\nspeechmill JOB --help shows its options.\n"


if __name__ == "__main__":
    main()
