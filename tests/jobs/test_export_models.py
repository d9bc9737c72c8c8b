"""The export job: one command from a checkpoint to a published bundle."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from actors.bundle import Bundle
from cluster.registry import fetch, publish

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "training" / "checkpoints" / "voice"


def _export(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "jobs" / "export_models.py"), "--family", "soprano", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    registry = tmp_path_factory.mktemp("registry")
    arguments = ("--checkpoint", str(CHECKPOINT), "--name", "again", "--precision", "int8", "--quality", "measure")
    done = _export(*arguments, "--publish", str(registry))
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1], registry


def test_last_line_is_the_pinned_reference_and_it_resolves(published: tuple[str, Path], tmp_path: Path) -> None:
    reference, registry = published
    assert re.fullmatch(r"again@sha256:[0-9a-f]{64}", reference)
    assert fetch(reference, str(registry), tmp_path).reference == reference
    assert fetch("again@latest", str(registry), tmp_path).reference == reference


def test_shipped_bundle_is_what_the_checkpoint_exports_to(
    published: tuple[str, Path], tmp_path: Path, assert_same_model: Callable[[Bundle, Bundle], None]
) -> None:
    assert_same_model(fetch(published[0], str(published[1]), tmp_path), fetch("embedded"))


def test_measured_checks_are_in_the_manifest(published: tuple[str, Path], tmp_path: Path) -> None:
    checks = fetch(published[0], str(published[1]), tmp_path).manifest.checks
    measured = {(check.graph, check.metric, check.case) for check in checks}
    assert ("lm", "top1_agreement", "int8 against fp32") in measured
    assert ("decoder", "snr_db", "int8 against fp32") in measured
    assert all(check.floor is not None or check.ceiling is not None for check in checks if check.graph != "whole bundle")


def test_the_embedded_voice_sounds_as_its_original_does(published: tuple[str, Path], tmp_path: Path) -> None:
    """Trained weights, in int8: 33 dB, and where they can be measured PESQ 4.61 and STOI 0.9996."""
    checks = fetch(published[0], str(published[1]), tmp_path).manifest.checks
    measured = {check.metric: check.value for check in checks if check.graph == "whole bundle"}
    assert {"max_abs_diff", "snr_db"} <= measured.keys()
    lowest = {"max_abs_diff": 0.0, "snr_db": 28.0, "pesq": 4.5, "stoi": 0.99}
    assert {name for name, value in measured.items() if value is None or value < lowest[name]} == set()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--checkpoint", "no-such-folder", "--folder", "x", "--name", "a"], "neither a folder nor a hub id"),
        (["--checkpoint", ".", "--folder", "x", "--name", "../a"], "cannot name a bundle"),
        (["--checkpoint", ".", "--name", "a"], "say where the bundle goes"),
        (["--checkpoint", ".", "--folder", "x", "--name", "a", "--precision", "int2"], "int2"),
        (
            ["--checkpoint", str(CHECKPOINT), "--folder", "x", "--name", "a", "--layout", "portable", "--quality", "measure"],
            "use --layout server",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = _export(*[str(tmp_path / word) if word == "x" else word for word in arguments])
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


class TestVoice:
    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "jobs" / "export_models.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    @pytest.fixture
    def recording(self, tmp_path: Path) -> Path:
        time = np.arange(3 * 44_100) / 44_100
        soundfile.write(tmp_path / "anna.mp3", 0.3 * np.sin(2 * np.pi * 180 * time) * np.sin(6 * time) ** 2, 44_100)
        return tmp_path / "anna.mp3"

    def test_a_cloned_voice_is_a_new_version_that_a_job_speaks_with(
        self, recording: Path, pocket_bundle: Callable[..., Bundle], tmp_path: Path, embedded_environment: dict[str, str]
    ) -> None:
        registry = str(tmp_path / "registry")
        first = publish(str(pocket_bundle("lsd").folder), registry)
        done = self._run("voice", "--model", f"{registry}/pocket-lsd@latest", "--audio", str(recording), "--publish", registry)
        assert done.returncode == 0, done.stderr
        reference = done.stdout.splitlines()[-1]
        assert reference != first
        assert fetch("pocket-lsd@latest", registry, tmp_path / "cache").manifest.voices == ["voice", "voice_b", "anna"]

        (tmp_path / "texts.txt").write_text("Hello there.\nThe quick brown fox.\n")
        command = [
            sys.executable,
            str(ROOT / "jobs" / "synthesize_corpus.py"),
            "--input",
            str(tmp_path / "texts.txt"),
            "--no-ray",
        ]
        command += ["--input", str(tmp_path / "texts.txt"), "--output", str(tmp_path / "speech")]
        command += ["--model", reference, "--registry", registry, "--voice", "anna"]
        command += ["--temperature", "0.1", "--lsd-steps", "2", "--option", "max_frames=8"]
        spoken = subprocess.run(command, env=embedded_environment, capture_output=True, text=True, timeout=300)
        assert spoken.returncode == 0, spoken.stderr
        rows = pq.read_table(next((tmp_path / "speech").glob("*.parquet"))).to_pylist()
        assert [(row["status"], row["voice"], row["sampling_rate"]) for row in rows] == [("ok", "anna", 24_000)] * 2
        options = json.loads((tmp_path / "speech" / ".speechmill" / "run.json").read_bytes())["arguments"]["options"]
        assert options == {
            "pause_s": 0.15,
            "paragraph_pause_s": 0.5,
            "section_pause_s": 1.0,
            "temperature": 0.1,
            "lsd_steps": 2,
            "max_frames": 8,
        }

    def test_what_is_no_recording_or_no_name_is_one_line_and_exit_code_2(
        self, recording: Path, pocket_bundle: Callable[..., Bundle], tmp_path: Path
    ) -> None:
        (tmp_path / "notes.txt").write_text("not audio")
        model = str(pocket_bundle("lsd").folder)
        for arguments, message in (
            (("--audio", str(tmp_path / "notes.txt")), "cannot be decoded"),
            (("--audio", str(tmp_path / "none.wav")), "cannot be read"),
            (("--audio", str(recording), "--voice", "../anna"), "../anna"),
            (("--audio", str(recording), "--voice", "voice"), "has a voice 'voice' already"),
        ):
            done = self._run("voice", "--model", model, "--folder", str(tmp_path / "new"), *arguments)
            assert (done.returncode, done.stdout) == (2, "")
            assert message in done.stderr
            assert "Traceback" not in done.stderr
            assert not (tmp_path / "new").exists()

    def test_models_of_other_families_clone_no_voices(self, recording: Path, tmp_path: Path) -> None:
        done = self._run("voice", "--model", "embedded", "--audio", str(recording), "--folder", str(tmp_path / "new"))
        assert done.returncode == 2
        assert "only pocket-tts clones voices" in done.stderr
