"""Ends a job with a sentence, and not with a traceback, where Python lacks what it needs.

The scripts import this before anything else. It uses the standard library alone, and syntax that older Pythons read too.
"""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parent.parent
_MODULES = {"markdown-it-py": "markdown_it"}  # of packages that are not named like theirs
_EXIT_USAGE = 2  # jobs.console cannot be imported yet


def ensure() -> None:
    """Exit with 2 and a sentence on stderr if this Python cannot run the jobs; a clone that is not installed finds itself."""
    if sys.version_info < (3, 11):  # noqa: UP036 - that of a cluster is whatever it is
        _end(f"{sys.executable} is Python {sys.version.split()[0]}: jobs need 3.11 or newer")
    if lacking := missing(dependencies()):
        _end(
            f"{sys.executable} has no {', '.join(lacking)}: on a cluster submit with "
            "`ray job submit --runtime-env cluster/deploy/runtime_env.yaml …` or start the nodes from our image "
            "(cluster/deploy/Dockerfile.worker), elsewhere run `pip install -e .` in the clone (docs/cluster.md)"
        )
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C among our imports ends without a traceback; Interrupts come later
    if importlib.util.find_spec("actors") is None:
        sys.path.append(str(ROOT))
        found = (os.environ.get("PYTHONPATH"), str(ROOT))  # by the workers that are started here
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, found))


def dependencies() -> list[str]:
    """Return the requirements of workers and jobs as pyproject.toml has them; none where we are an installed package."""
    import tomllib  # as new as the Python that we need

    project = ROOT / "pyproject.toml"
    if not project.exists():  # whatever installed us has installed them
        return []
    listed: list[str] = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    return listed


def missing(requirements: list[str]) -> list[str]:
    """Return the names of those that cannot be imported."""
    names = (re.match(r"[\w-]+", requirement) for requirement in requirements)
    modules = {name[0]: _MODULES.get(name[0], name[0].replace("-", "_")) for name in names if name}
    return [name for name, module in modules.items() if importlib.util.find_spec(module) is None]


def _end(sentence: str) -> NoReturn:
    sys.stderr.write(f"error: {sentence}\n")
    sys.exit(_EXIT_USAGE)


ensure()
