"""Names of what lies beside the rows of an output, and how a job's records are read and written.

Readers of Parquet folders take every file for rows, or guess the format from the suffix that most files have. So the records
are in a folder of their own, whose name all of them skip (tests/cluster/test_readers.py): ``datasets`` skips what begins with
``.`` or ``__``; pandas, pyarrow and Spark what begins with ``.`` or ``_``. polars skips nothing and wants ``*.parquet``.
"""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from actors.errors import ResumeError, StorageError
from cluster.storage import Store

RECORDS_FOLDER = ".speechmill"
RUN_NAME = f"{RECORDS_FOLDER}/run.json"
INPUTS_NAME = f"{RECORDS_FOLDER}/inputs.json"
INDEX_NAME = f"{RECORDS_FOLDER}/index.json"
LOCK_NAME = f"{RECORDS_FOLDER}/lock"
# For people, so it shows; two underscores are what ``datasets`` and the others skip alike.
TRANSCRIPTS_FOLDER = "__transcripts"
# What earlier versions had beside the parts.
EARLIER_RUN_NAME = "run.json"
EARLIER_INDEX_NAME = "index.json"
EARLIER_NAMES = (".speechmill.lock", EARLIER_INDEX_NAME, "run.inputs", EARLIER_RUN_NAME)
_Model = TypeVar("_Model", bound=BaseModel)


def read_json(store: Store, key: str, model: type[_Model]) -> _Model | None:
    """Return what a record says; ``None`` if there is none.

    Raises:
        ResumeError: it cannot be understood.
        StorageError: the store cannot be reached.
    """
    content = read_if_there(store, key)
    if content is None:
        return None
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise ResumeError(
            f"{store.uri_of(key)} is not a file that this version writes ({error.error_count()} problems, the first: "
            f"{error.errors()[0]['msg']}). Choose another output folder, or remove this one."
        ) from error


def read_if_there(store: Store, key: str) -> bytes | None:
    """Return the content of a file, without asking first whether it exists; ``None`` if it does not."""
    try:
        return store.read_bytes(key)
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            raise
    # Asked only now: whether the bucket is there, and the file by now.
    return store.read_bytes(key) if store.exists(key) else None


def write_json(store: Store, key: str, model: BaseModel, indent: int | None = 1) -> None:
    """Write a record."""
    store.write_bytes(key, (model.model_dump_json(indent=indent) + "\n").encode())
