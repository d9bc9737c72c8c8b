"""What the options of all jobs say: how many workers, where an output goes."""

from pathlib import Path

import pytest

from actors.errors import UsageError
from jobs.options import output_location, parse_workers


@pytest.mark.parametrize(("text", "bounds"), [(None, None), ("4", (4, 4)), ("0:64", (0, 64)), ("2:2", (2, 2))])
def test_workers_are_a_number_or_bounds(text: str | None, bounds: tuple[int, int] | None) -> None:
    assert parse_workers(text) == bounds


@pytest.mark.parametrize("text", ["0", "0:0", "4:2", "-1:3", "a", "1:b", ""])
def test_other_workers_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"--workers '{text}' is neither N nor MIN:MAX"):
        parse_workers(text)


def test_an_output_is_made_absolute_but_under_ray_job_submit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert output_location("out") == str(tmp_path / "out")
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    assert output_location(str(tmp_path / "out")) == str(tmp_path / "out")
    assert output_location("s3://bucket/out") == "s3://bucket/out"
    with pytest.raises(UsageError, match="--output out is relative"):
        output_location("out")
