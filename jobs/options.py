"""The options that all jobs with workers share."""

from typing import Annotated

import typer

from jobs.console import FailOn, LogFormat

Output = Annotated[str, typer.Option(help="Folder or URI; on a cluster one that every node reaches.")]
Delimiter = Annotated[
    str | None,
    typer.Option(help="Between the fields of CSV, TSV and TXT: one character, such as ';', '|' or '\\t'. Default: by suffix."),
]
NoQuoting = Annotated[
    bool, typer.Option("--no-quoting", help="Quotes in CSV and TSV are characters like others: a line is a row.")
]
NoHeader = Annotated[bool, typer.Option("--no-header", help="CSV and TSV begin with a row; --columns names their columns.")]
Columns = Annotated[str | None, typer.Option(help="Of CSV and TSV without a header, as id,text,note.")]
Encoding = Annotated[
    str | None, typer.Option(help="Of CSV, TSV, TXT and JSON: latin-1, cp1252, utf-16, shift_jis, … Default: utf-8.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first rows.")]
Workers = Annotated[
    str | None,
    typer.Option(
        help="N, or MIN:MAX: how many are kept to the end, and how many there may be. Default: what the machine or cluster "
        "holds, with what its autoscaler may add."
    ),
]
CoresPerWorker = Annotated[int, typer.Option(min=1, help="Physical cores that each worker owns.")]
GpusPerWorker = Annotated[float, typer.Option(min=0, help="GPU share of each worker, such as 0.5; 0: CPU.")]
RayAddress = Annotated[str | None, typer.Option(help="A running cluster; default: RAY_ADDRESS, else this machine.")]
NoRay = Annotated[bool, typer.Option("--no-ray", help="One worker in this process, with all cores.")]
RowsPerUnit = Annotated[int | None, typer.Option(min=1, help="Rows of an output part; default: by the input.")]
Resume = Annotated[bool, typer.Option("--resume/--overwrite", help="Go on with what is there, or delete it and start anew.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Write nothing: say what there is to do, and how long it takes by a sample run here.")
]
Price = Annotated[float | None, typer.Option(min=0, help="Of a node-hour, for the cost that --dry-run expects.")]
FailOnKinds = Annotated[
    list[FailOn] | None,
    typer.Option(
        "--fail-on",
        help="Exit with 1 if a row has this status or finish reason (a failed row always does that). Repeatable.",
    ),
]
LogAs = Annotated[LogFormat, typer.Option("--log-format", help="Of the lines on stderr.")]
