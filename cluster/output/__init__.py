"""A job's output folder: parts, records, the lock, compaction, and how it is read.

Layout of an output folder or URI::

    part-<shard>-<first row>.parquet   one per finished unit, under its final name only when it is whole
    data/train-00000-of-000NN.parquet  instead of the parts, after :func:`compact`
    .speechmill/run.json               what the job is and how it went
    .speechmill/inputs.json            names and digests of the input's shards; written when they change
    .speechmill/index.json             the files with the rows, their sizes, and counts; written last
    .speechmill/lock                   while a job runs
    __transcripts/<format>/<id>        what ``transcribe_dataset --files`` writes for people
    __report/report.html               the page about it, for people too (``speechmill report``)

Readers of Parquet folders skip the last three folders (:mod:`cluster.output.files`). :class:`Output` reads the rows of a job
and nothing else that may be there. Versions that had the records beside the parts wrote outputs that are refused, or
overwritten.

The rule that resuming rests on: *a row is done if and only if a part covers it whose footer names this job's
fingerprint.* Parts have names that follow from their units, so a retry replaces a part by an equal one. Should parts
overlap all the same (a worker that was given up for dead finishes a unit whose halves were done by others),
:func:`choose_parts` picks disjoint ones and the others are deleted: before a run starts, and again before it counts as
finished. Rows that are then without a part are missing, and done again. So a finished output holds every row once.

Each look lists the folder. A footer is read once: parts that this run has seen, or its workers have written
(:meth:`Run.add`), are known by name and size. So are the files of a finished job: one that is gone, truncated or emptied is
done again. Bytes that changed in place are not looked for; pages have checksums, by which readers find them. A part that this
run has written and that is gone at the next look is an error, and no part is stored that cannot be opened again.
"""

from cluster.output.compaction import compact
from cluster.output.files import (
    EARLIER_RUN_NAME,
    INDEX_NAME,
    INPUTS_NAME,
    LOCK_NAME,
    RECORDS_FOLDER,
    RUN_NAME,
    TRANSCRIPTS_FOLDER,
)
from cluster.output.parts import STATUSES, Part, PartWriter, Summary, choose_parts, read_parts
from cluster.output.reader import Output, is_output
from cluster.output.record import InputsNote, MadeBy, RunRecord, read_run
from cluster.output.run import Run
from cluster.output.schema import AUDIO_TYPE, PartSchema, audio_feature, part_schema
from cluster.output.start import Mode, fingerprint_of, open_run

__all__ = [
    "AUDIO_TYPE",
    "EARLIER_RUN_NAME",
    "INDEX_NAME",
    "INPUTS_NAME",
    "LOCK_NAME",
    "RECORDS_FOLDER",
    "RUN_NAME",
    "STATUSES",
    "TRANSCRIPTS_FOLDER",
    "InputsNote",
    "MadeBy",
    "Mode",
    "Output",
    "Part",
    "PartSchema",
    "PartWriter",
    "Run",
    "RunRecord",
    "Summary",
    "audio_feature",
    "choose_parts",
    "compact",
    "fingerprint_of",
    "is_output",
    "open_run",
    "part_schema",
    "read_parts",
    "read_run",
]
