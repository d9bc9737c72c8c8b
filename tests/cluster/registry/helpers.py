import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest

from actors.errors import StorageError
from cluster.registry import publish
from cluster.storage import LocalStore, ObjectStore, Store

REPOSITORY = Path(__file__).parents[3]
DATA = "decoder.onnx.data"
MARKS = f"verified-{os.geteuid()}"


def key_of(reference: str, member: str) -> str:
    return f"{reference.replace('@sha256:', '/')}/{member}"


def die_while_publishing(folder: Path, root: str, writes: int) -> None:
    """Publish over a connection that is lost after some writes."""
    remaining = iter(range(writes))

    def breaking(real: Callable[..., None]) -> Callable[..., None]:
        def write(store: Store, *arguments: object) -> None:
            if next(remaining, None) is None:
                raise StorageError("connection lost")
            real(store, *arguments)

        return write

    with pytest.MonkeyPatch.context() as patch:
        for kind in (LocalStore, ObjectStore):
            patch.setattr(kind, "write_bytes", breaking(kind.write_bytes))
            patch.setattr(kind, "write_file", breaking(kind.write_file))
        with pytest.raises(StorageError, match="connection lost"):
            publish(folder, root)


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=PIPE, text=True, env=environment)
