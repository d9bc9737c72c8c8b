"""Names of a job's records, and how they are read and written."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from actors.errors import ResumeError, StorageError
from cluster.storage import Store

RUN_NAME = "run.json"
# Not .json: Hugging Face's ``datasets`` reads a folder by the suffix that most of its files have.
INPUTS_NAME = "run.inputs"
INDEX_NAME = "index.json"
LOCK_NAME = ".speechmill.lock"
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
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
    # Asked only now: whether the bucket is there, and the file by now.
    return store.read_bytes(key) if store.exists(key) else None


def write_json(store: Store, key: str, model: BaseModel, indent: int | None = 1) -> None:
    """Write a record."""
    store.write_bytes(key, (model.model_dump_json(indent=indent) + "\n").encode())
