"""The promise to who brings a family: it is a package of its own, and no file of ours changes for it."""

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer

from actors import SynthesisRequest, open_model
from actors.bundle import load_bundle
from actors.errors import RequestError, UsageError
from actors.families import FAMILIES, Family, find_family, known_families, register
from actors.models import check_choices, check_transcriber
from cluster import hub
from jobs import export_models, registry, synthesize_corpus
from jobs.console import run_app

TOY = Path(__file__).parent / "toy"
MODULES = ("toy_family", "toy_exporter")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The toy family's package, installed for a test."""
    monkeypatch.syspath_prepend(str(TOY))
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)
    FAMILIES.pop("toy", None)
    for module in MODULES:
        sys.modules.pop(module, None)


def run(app: typer.Typer, *arguments: object) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        run_app(app, list(map(str, arguments)))
    return caught.value.code


@pytest.mark.usefixtures("toy")
def test_an_installed_family_is_exported_published_and_spoken_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="exporting needs the 'export' extra")
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "config.json").write_text('{"samples_per_character": 1600, "pitch_hz": 200.0}')
    export = ("export", "--family", "toy", "--checkpoint", tmp_path / "checkpoint", "--name", "hummer")
    assert run(export_models.app, *export, "--folder", tmp_path / "bundle", "--publish", tmp_path / "models") == 0
    reference = capsys.readouterr().out.splitlines()[-1]
    assert run(registry.app, "list", "--registry", tmp_path / "models") == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == [reference, "latest", "toy"]

    assert run(export_models.app, *export, "--folder", tmp_path / "other", "--voices", tmp_path) == 2
    assert "toy takes no voices" in capsys.readouterr().err

    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.reference == reference
    assert "pipeline_tag: text-to-speech" in hub.model_card(bundle, "someone/hummer")
    check_choices(bundle.manifest, "hum", {"pitch_hz": 300})
    with pytest.raises(UsageError, match=r"toy options: pitch: .*Known: pitch_hz"):
        check_choices(bundle.manifest, None, {"pitch": 300})
    with pytest.raises(UsageError, match="is a toy model, which does not transcribe"):
        check_transcriber(bundle.manifest, {})

    with open_model(bundle, threads=1, slots=2) as engine:
        result, other = engine.generate([SynthesisRequest("a", "oh my"), SynthesisRequest("b", "m", options={"pitch_hz": 50})])
        with pytest.raises(RequestError, match="nothing to speak"):
            engine.generate([SynthesisRequest("c", " ")])
    assert (result.frames, len(result.audio), len(other.audio)) == (4, 4 * 1600, 1600)
    np.testing.assert_allclose(other.audio, np.sin(2 * np.pi * 50 * np.arange(1600) / 16_000), atol=1e-5)

    (tmp_path / "texts.txt").write_text("Hello there.\nHm.\n")
    job = ("--no-ray", "--input", tmp_path / "texts.txt", "--output", tmp_path / "out", "--model", reference)
    assert run(synthesize_corpus.app, *job, "--registry", tmp_path / "models", "--option", "pitch_hz=100") == 0
    rows = pq.read_table(next((tmp_path / "out").glob("*.parquet"))).to_pylist()
    assert [(row["status"], row["voice"], row["model"]) for row in rows] == [("ok", "hum", reference)] * 2
    assert [row["duration_s"] for row in rows] == [pytest.approx(1.25), pytest.approx(0.3)]  # 11 letters, a pause; 3 letters
    assert json.loads((tmp_path / "out" / ".speechmill" / "run.json").read_bytes())["arguments"]["options"]["pitch_hz"] == 100


@pytest.mark.usefixtures("toy")
def test_an_installed_family_is_imported_when_it_is_asked_for() -> None:
    assert known_families() == sorted([*FAMILIES, "another-thing", "broken", "toy"])
    assert "toy_family" not in sys.modules
    assert find_family("toy") is FAMILIES["toy"]
    assert find_family("kokoro") is None


@pytest.mark.usefixtures("toy")
def test_a_package_that_brings_no_family_says_so() -> None:
    with pytest.raises(UsageError, match=r"broken is installed .*ModuleNotFoundError.*Repair or uninstall"):
        find_family("broken")
    with pytest.raises(UsageError, match=r"toy_family:Toy.*is no Family"):
        find_family("another-thing")


@pytest.mark.usefixtures("toy")
def test_a_family_is_registered_once() -> None:
    family: Family = import_module("toy_family").FAMILY
    register(family)
    register(family)
    assert find_family("toy") is family
    with pytest.raises(UsageError, match="there is a family 'toy' already"):
        register(replace(family))


@pytest.mark.usefixtures("toy")
def test_what_is_installed_without_an_exporter_cannot_be_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="exporting needs the 'export' extra")
    wanted = ("--checkpoint", tmp_path, "--name", "a", "--folder", tmp_path / "bundle")
    assert run(export_models.app, "export", "--family", "broken", *wanted) == 2
    assert "broken models cannot be exported" in capsys.readouterr().err
