"""A job's output folder: parts, ``run.json``, the lock, the index and compaction.

Layout of an output folder or URI::

    part-<shard>-<first row>.parquet   one per finished unit, under its final name only when it is whole
    run.json                           what the job is and how it went
    run.inputs                         names and digests of the input's shards, in JSON; written when they change
    index.json                         parts and counts; written last
    .speechmill.lock                   while a job runs
    data/train-00000-of-000NN.parquet  instead of the parts, after :func:`compact`

The rule that resuming rests on: *a row is done if and only if a part covers it whose footer names this job's
fingerprint.* Parts have names that follow from their units, so a retry replaces a part by an equal one. Should parts
overlap all the same (a worker that was given up for dead finishes a unit whose halves were done by others),
:func:`choose_parts` picks disjoint ones and the others are deleted: before a run starts, and again before it counts as
finished. Rows that are then without a part are missing, and done again. So a finished output holds every row once.

Each look lists the folder. A footer is read once: parts that this run has seen, or its workers have written
(:meth:`Run.add`), are known by name and size.
"""

from cluster.output.compaction import compact
from cluster.output.files import INDEX_NAME, INPUTS_NAME, LOCK_NAME, RUN_NAME
from cluster.output.parts import STATUSES, Part, PartWriter, Summary, choose_parts, read_parts
from cluster.output.record import InputsNote, MadeBy, RunRecord, read_run, summarise
from cluster.output.run import Mode, Run, fingerprint_of, open_run
from cluster.output.schema import AUDIO_TYPE, SYNTHESIS_SCHEMA, TRANSCRIPTION_SCHEMA, PartSchema, audio_feature, part_schema

__all__ = [
    "AUDIO_TYPE",
    "INDEX_NAME",
    "INPUTS_NAME",
    "LOCK_NAME",
    "RUN_NAME",
    "STATUSES",
    "SYNTHESIS_SCHEMA",
    "TRANSCRIPTION_SCHEMA",
    "InputsNote",
    "MadeBy",
    "Mode",
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
    "open_run",
    "part_schema",
    "read_parts",
    "read_run",
    "summarise",
]
