"""The options that jobs with workers share, and what becomes of their values."""

import functools
import inspect
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from actors.errors import UsageError
from cluster.dataset import TextOptions
from cluster.registry import REGISTRY_VARIABLE
from jobs.console import FailOn, LogFormat, log_as

REPORT_VARIABLE = "SPEECHMILL_REPORT"
_SUBMITTED = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # is set where `ray job submit` runs a job

OutputFolder = Annotated[str, typer.Option(help="Folder or URI; on a cluster one that every node reaches.")]
Registry = Annotated[str | None, typer.Option(envvar=REGISTRY_VARIABLE, help="Root of the registry.")]


class Runtime(StrEnum):
    """What runs a model's graphs."""

    AUTO = "auto"
    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"


@dataclass(frozen=True)
class RunOptions:
    """Where the workers live, and how a job runs: see the help of each.

    Raises:
        UsageError: ``workers`` is no size of a pool.
    """

    limit: Annotated[int | None, typer.Option(min=1, help="Only the first rows.")] = None
    workers: Annotated[
        str | None,
        typer.Option(
            help="N, or MIN:MAX: how many are kept to the end, and how many there may be. Default: what the machine or cluster "
            "holds, with what its autoscaler may add."
        ),
    ] = None
    cores_per_worker: Annotated[int, typer.Option(min=1, help="Physical cores that each worker owns.")] = 1
    gpus_per_worker: Annotated[float, typer.Option(min=0, help="GPU share of each worker, such as 0.5; 0: CPU.")] = 0.0
    backend: Annotated[
        Runtime,
        typer.Option(
            help="On the CPU, of models that are exported with --openvino. auto: for each graph what is faster on the worker's "
            "machine."
        ),
    ] = Runtime.AUTO
    ray_address: Annotated[str | None, typer.Option(help="A running cluster; default: RAY_ADDRESS, else this machine.")] = None
    no_ray: Annotated[bool, typer.Option("--no-ray", help="One worker in this process, with all cores.")] = False
    rows_per_unit: Annotated[int | None, typer.Option(min=1, help="Rows of an output part; default: by the input.")] = None
    resume: Annotated[
        bool, typer.Option("--resume/--overwrite", help="Go on with what is there, or delete it and start anew.")
    ] = True
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Write nothing: say what there is to do, and how long it takes by a sample run here."),
    ] = False
    price: Annotated[float | None, typer.Option(min=0, help="Of a node-hour, for the cost that --dry-run expects.")] = None
    fail_on: Annotated[
        list[FailOn] | None,
        typer.Option(
            "--fail-on",
            help="Exit with 1 if a row has this status or finish reason (a failed row always does that). Repeatable.",
        ),
    ] = None
    report: Annotated[
        bool,
        typer.Option(
            "--report/--no-report", envvar=REPORT_VARIABLE, help="Write a page about the output, to look at and to listen to."
        ),
    ] = True
    log_format: Annotated[LogFormat, typer.Option("--log-format", help="Of the lines on stderr.")] = LogFormat.TEXT

    def __post_init__(self) -> None:
        parse_workers(self.workers)  # wrong usage is refused before anything is read

    @property
    def pool(self) -> tuple[int, int] | None:
        """See :func:`parse_workers`."""
        return parse_workers(self.workers)


@dataclass(frozen=True)
class SharedOptions(RunOptions):
    """Also how the input's text files are written."""

    delimiter: Annotated[
        str | None,
        typer.Option(
            help="Between the fields of CSV, TSV and TXT: one character, such as ';', '|' or '\\t'. Default: by suffix."
        ),
    ] = None
    no_quoting: Annotated[
        bool, typer.Option("--no-quoting", help="Quotes in CSV and TSV are characters like others: a line is a row.")
    ] = False
    no_header: Annotated[
        bool, typer.Option("--no-header", help="CSV and TSV begin with a row; --columns names their columns.")
    ] = False
    columns: Annotated[str | None, typer.Option(help="Of CSV and TSV without a header, as id,text,note.")] = None
    encoding: Annotated[
        str | None, typer.Option(help="Of CSV, TSV, TXT and JSON: latin-1, cp1252, utf-16, shift_jis, … Default: utf-8.")
    ] = None

    def text_files(self, **of_manifests: Any) -> TextOptions:
        """Return how the input's text files are written; further arguments are those of :meth:`TextOptions.parse`.

        Raises:
            UsageError: an option makes no sense.
        """
        return TextOptions.parse(
            self.delimiter,
            quoting=not self.no_quoting,
            header=not self.no_header,
            columns=self.columns,
            encoding=self.encoding,
            **of_manifests,
        )


def with_shared_options(command: Callable[..., int]) -> Callable[..., int]:
    """Make of a command's parameter ``shared`` an option for each field of its type, and let it log as asked."""
    parameters = inspect.signature(command).parameters
    own = [parameter for name, parameter in parameters.items() if name != "shared"]
    kind: type[RunOptions] = parameters["shared"].annotation
    added = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for field in fields(kind)
    ]

    @functools.wraps(command)
    def run(**values: Any) -> int:
        log_as(values["log_format"])
        shared = kind(**{parameter.name: values.pop(parameter.name) for parameter in added})
        return command(**values, shared=shared)

    run.__dict__["__signature__"] = inspect.Signature([*own, *added])  # which is where typer looks
    return run


def parse_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Parse ``name=value`` arguments; values are JSON where they can be.

    Raises:
        UsageError: one has no name or no equals sign.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--option {pair!r} is not of the form name=value")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def parse_workers(text: str | None) -> tuple[int, int] | None:
    """Parse ``N`` or ``MIN:MAX``: how many workers are kept to the end, and how many there may be.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None
    smallest, _, largest = text.partition(":")
    try:
        sizes = int(smallest), int(largest or smallest)
    except ValueError:
        sizes = (0, 0)
    if not 0 <= sizes[0] <= sizes[1] or not sizes[1]:
        raise UsageError(f"--workers {text!r} is neither N nor MIN:MAX with 0 <= MIN <= MAX and MAX >= 1")
    return sizes


def output_location(output: str) -> str:
    """Return where the output goes, absolute.

    Raises:
        UsageError: it is relative, and the job runs under ``ray job submit``, whose working directory is a temporary folder.
    """
    if "://" in output:
        return output
    path = Path(output).expanduser()
    if not path.is_absolute() and _SUBMITTED in os.environ:
        raise UsageError(
            f"--output {output} is relative, and 'ray job submit' runs jobs in a temporary folder of the cluster, which is "
            "deleted after them: give the absolute path of a folder that every node reaches, or an s3:// or gs:// URI"
        )
    return str(path.resolve())
