"""Bundles on the Hugging Face hub: publish one with a model card, resolve and fetch ``hf://org/repo[@revision]``.

The token comes from huggingface_hub's own places (``HF_TOKEN`` or its login file), the endpoint from ``HF_ENDPOINT``.
"""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, ModelCardData, constants

# HTTPError belongs to the HTTP client of this huggingface_hub, which changes between its versions.
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    GatedRepoError,
    HFValidationError,
    HTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from actors.bundle import MANIFEST_NAME, Bundle, CheckResult, FileEntry, Manifest
from actors.errors import BundleCorruptError, BundleNotFoundError, StorageError, UsageError
from actors.families import find_family

CARD_NAME = "README.md"
_TIMEOUT_S = 20.0
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_-]|[.](?![.]))*"
_REFERENCE = re.compile(rf"hf://({_PART}/{_PART})(?:@({_PART}(?:/{_PART})*))?")
# The licence identifiers the hub knows that speech models use; its validation refuses others.
_HUB_LICENCES = frozenset(
    {
        "apache-2.0",
        "bsd-2-clause",
        "bsd-3-clause",
        "cc-by-4.0",
        "cc-by-nc-4.0",
        "cc-by-nc-sa-4.0",
        "cc-by-sa-4.0",
        "cc0-1.0",
        "gpl-3.0",
        "mit",
        "mpl-2.0",
        "openrail",
    }
)


@dataclass(frozen=True)
class HubOrigin:
    """The files of one commit of a hub repository."""

    repo: str
    commit: str

    def uri_of(self, member: str) -> str:
        """Return the printable place of a file."""
        return f"hf://{self.repo}@{self.commit}/{member}"

    def read(self, member: str) -> bytes:
        """Return the content of a small file.

        Raises:
            BundleNotFoundError: the commit has no such file.
            StorageError: the hub cannot be reached.
        """
        with tempfile.TemporaryDirectory() as scratch:
            return self._download(member, Path(scratch)).read_bytes()

    def download(self, member: str, promise: FileEntry, target: Path) -> None:  # noqa: ARG002 - the hub checks sizes
        """Write a file to ``target``.

        Raises:
            BundleCorruptError: the commit has no such file.
            StorageError: the hub cannot be reached.
        """
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".hub-") as scratch:
            try:
                self._download(member, Path(scratch)).replace(target)
            except BundleNotFoundError as error:
                raise BundleCorruptError(f"{self.uri_of(member)} is missing: publish the bundle again") from error

    def _download(self, member: str, scratch: Path) -> Path:
        with _errors(self.uri_of(member)):
            # The scratch folder is the hub's cache too: bundles have their own, and a big file is on disk once.
            return Path(
                HfApi().hf_hub_download(
                    self.repo, member, revision=self.commit, local_dir=scratch, cache_dir=scratch / ".cache"
                )
            )


def parse_reference(reference: str) -> tuple[str, str | None]:
    """Return repository and revision of ``hf://org/repo[@revision]``.

    Raises:
        UsageError: the reference has another form.
    """
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise UsageError(f"{reference!r} is not a hub reference: write hf://org/repo or hf://org/repo@revision")
    return match[1], match[2]


def pin(reference: str) -> HubOrigin:
    """Resolve the branch, tag or commit of ``hf://org/repo[@revision]`` to the commit it names now.

    Raises:
        UsageError: the reference has another form.
        BundleNotFoundError: there is no such repository or revision.
        StorageError: the hub cannot be reached.
    """
    repo, revision = parse_reference(reference)
    with _errors(reference):
        commit = HfApi().model_info(repo, revision=revision or constants.DEFAULT_REVISION, timeout=_TIMEOUT_S).sha
    if commit is None:
        raise StorageError(f"{reference}: the hub names no commit. Check HF_ENDPOINT ({constants.ENDPOINT}).")
    return HubOrigin(repo, commit)


def publish(bundle: Bundle, destination: str, tag: str = "latest") -> HubOrigin:
    """Upload a verified bundle and a generated model card as one commit.

    The branch is the revision of ``destination`` if it has one, ``main`` for the tag ``latest``, else the tag. One
    commit carries everything, so the branch never shows half a bundle. A ``README.md`` that is there is replaced,
    unless the bundle lists its own.

    Args:
        bundle: the bundle on local disk.
        destination: ``hf://org/repo[@branch]``; the repository is made if need be.
        tag: the registry tag that is published.

    Raises:
        UsageError: ``destination`` has another form.
        StorageError: the hub cannot be reached or refuses.
    """
    repo, revision = parse_reference(destination)
    branch = revision or (constants.DEFAULT_REVISION if tag == "latest" else tag)
    members = [MANIFEST_NAME, *sorted(bundle.manifest.files)]
    operations = [CommitOperationAdd(member, bundle.folder / member) for member in members]
    if CARD_NAME not in bundle.manifest.files:
        operations.append(CommitOperationAdd(CARD_NAME, model_card(bundle, repo, branch).encode()))
    api = HfApi()
    with _errors(destination):
        api.create_repo(repo, exist_ok=True)
        if branch != constants.DEFAULT_REVISION:
            api.create_branch(repo, branch=branch, exist_ok=True)
        commit = api.create_commit(repo, operations, commit_message=f"Publish {bundle.reference}", revision=branch)
    return HubOrigin(repo, commit.oid)


def model_card(bundle: Bundle, repo: str, branch: str = constants.DEFAULT_REVISION) -> str:
    """Return the ``README.md`` of a bundle's hub repository: YAML front matter and what the manifest knows."""
    manifest = bundle.manifest
    reference = f"hf://{repo}" + ("" if branch == constants.DEFAULT_REVISION else f"@{branch}")
    return "\n".join(
        [
            "---",
            _front_matter(manifest).to_yaml(),
            "---",
            "",
            f"# {manifest.name}",
            "",
            "A Speechmill bundle: ONNX graphs that run on ONNX Runtime without torch.",
            "",
            *_table(["", ""], _facts(bundle)),
            "",
            "## Graphs",
            "",
            *_table(["graph", "file", "precision", "inputs", "outputs"], _graph_rows(manifest)),
            "",
            "## Checks",
            "",
            *_checks(manifest.checks),
            "",
            "## Usage",
            "",
            "```python",
            "from actors import open_model",
            "",
            f'engine = open_model("{reference}")',
            "```",
            "",
        ]
    )


def _front_matter(manifest: Manifest) -> ModelCardData:
    family = find_family(manifest.family)
    licence = manifest.source.licence
    known = licence is not None and licence.lower() in _HUB_LICENCES
    base = manifest.source.repo if re.fullmatch(rf"{_PART}/{_PART}", manifest.source.repo) else None
    quantized = base is not None and manifest.precision in ("int8", "int4")
    return ModelCardData(
        license=licence.lower() if licence and known else "other" if licence else None,
        license_name=None if known else licence,
        library_name="speechmill",
        pipeline_tag=family.task if family else None,
        tags=["speechmill", "onnx", "onnxruntime", manifest.family, manifest.precision, manifest.layout],
        base_model=base,
        base_model_relation="quantized" if quantized else None,
    )


def _facts(bundle: Bundle) -> list[list[str]]:
    manifest = bundle.manifest
    facts = {
        "Family": manifest.family,
        "Precision": manifest.precision,
        "Layout": manifest.layout,
        "Sample rate": f"{manifest.sample_rate} Hz",
        "Voices": ", ".join(manifest.voices) or "none",
        "Size": f"{sum(entry.size for entry in manifest.files.values()) / 1e6:.1f} MB",
        "Digest": f"`{bundle.digest}`",
        "Source": manifest.source.repo,
        "Source revision": manifest.source.revision or "not recorded",
        "Licence": manifest.source.licence or "not recorded",
        "Built with": ", ".join(f"{tool} {version}" for tool, version in sorted(manifest.tools.items())),
    }
    return [[key, value] for key, value in facts.items()]


def _graph_rows(manifest: Manifest) -> list[list[str]]:
    return [
        [name, graph.file, graph.precision, str(len(graph.inputs)), str(len(graph.outputs))]
        for name, graph in sorted(manifest.graphs.items())
    ]


def _checks(checks: list[CheckResult]) -> list[str]:
    if not checks:
        return ["No check results are recorded."]
    rows = [[check.graph, check.case, check.metric, measured(check), bound(check)] for check in checks]
    return ["Measured against PyTorch at export:", "", *_table(["graph", "case", "metric", "value", "bound"], rows)]


def measured(check: CheckResult) -> str:
    """Return what a check measured, for people; ``-`` where there was nothing to measure."""
    return "-" if check.value is None else f"{check.value:.4g}"


def bound(check: CheckResult) -> str:
    """Return the bound of a check, for people, and whether it was missed."""
    limits = {">=": check.floor, "<=": check.ceiling}
    shown = ", ".join(f"{sign} {limit:.4g}" for sign, limit in limits.items() if limit is not None) or "none"
    return shown if check.holds else f"{shown} (missed)"


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(header), _row(["---"] * len(header)), *map(_row, rows)]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


@contextlib.contextmanager
def _errors(where: str) -> Iterator[None]:
    """Turn huggingface_hub's errors into ours."""
    try:
        yield
    except HFValidationError as error:
        raise UsageError(f"{where}: {error}") from error
    except GatedRepoError as error:
        raise StorageError(f"{where}: access is gated. Accept the terms on the hub and set HF_TOKEN.") from error
    except RepositoryNotFoundError as error:
        raise BundleNotFoundError(
            f"{where}: there is no such repository. Check the name; if it is private, set HF_TOKEN."
        ) from error
    except (RevisionNotFoundError, RemoteEntryNotFoundError) as error:
        raise BundleNotFoundError(f"{where}: there is no such revision or file in this repository.") from error
    except (HTTPError, OSError, RuntimeError, ValueError) as error:  # RuntimeError: upload; ValueError: odd reply
        cause = " ".join(str(error.__cause__ or error).split())
        raise StorageError(
            f"{where}: {cause}. Check the network, HF_ENDPOINT and HF_TOKEN; "
            "for a mirror without Xet storage set HF_HUB_DISABLE_XET=1."
        ) from error
