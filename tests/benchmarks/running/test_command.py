"""The command's words on runs that the machine failed, and on those that took too long."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import catalogue
from benchmarks.cli import app
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from support.plug_ins import MET

PLUG_INS = Experiment(
    "plug_ins",
    "a test",
    "TextGen-Tiny-v0",
    tuple(Algorithm(name, f"support.plug_ins:{name}", 10, num_envs=2) for name in ("NoSpace", "NoFile")),
    {"train_size": 10, "test_size": 10},
    (0,),
    Evaluation(points=1, episodes=4, final_episodes=4, test_texts=10, sample_texts=1),
)
HANGS = Experiment("hangs", "a test", "TextGen-Tiny-v0", (Algorithm("Hangs", "support.plug_ins:Hangs", 10),), {}, (0,))


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Experiments that the command knows."""
    monkeypatch.setenv(MET, str(tmp_path / "met"))
    for experiment in (PLUG_INS, HANGS):
        monkeypatch.setitem(catalogue.EXPERIMENTS, experiment.name, experiment)


def invoked(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["run", *arguments, "--jobs", "2", "--out", str(tmp_path / "out")])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(result.output.split())


def test_what_is_tried_again_is_told_from_what_is_not(tmp_path: Path) -> None:
    code, output = invoked(tmp_path, "plug_ins")
    assert code == 1
    assert "2 of 2 runs failed; see above" in output
    assert "1 of them by no fault of their agents: the same command tries them again" in output
    assert "the others are not run again, unless asked for by --retry" in output
    (tmp_path / "met").touch()
    code, output = invoked(tmp_path, "plug_ins")
    assert code == 1
    assert "plug_ins/NoSpace/seed-0: finished" in output
    assert "1 of 2 runs failed; see above" in output
    assert "they are not run again, unless asked for by --retry" in output


@pytest.mark.skipif(sys.platform == "win32", reason="hands no files over")
def test_a_run_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    code, output = invoked(tmp_path, "hangs", "--timeout", "3")
    assert code == 1
    assert (
        "hangs/Hangs/seed-0: failed: TimedOut: the 3 seconds that it may take (--timeout) were over; it was" in output
    )
    assert "they are not run again, unless asked for by --retry" in output


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_times_that_are_none_are_refused(tmp_path: Path, seconds: str) -> None:
    code, output = invoked(tmp_path, "hangs", "--timeout", seconds)
    assert code == 2
    assert f"--timeout {seconds} must be a number of seconds above 0" in output
    assert not (tmp_path / "out").exists()
