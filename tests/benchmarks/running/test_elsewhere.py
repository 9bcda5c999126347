"""Runs on a Ray cluster and as Slurm's jobs: a machine that goes in the middle changes no byte."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.running.remote import do_there, outcome_of, written_outcome
from benchmarks.running.slurm import parsed_parameters
from benchmarks.running.task import Task
from benchmarks.specs.experiment import runs_of
from benchmarks.store.leases import Leases
from benchmarks.store.results import Failure
from benchmarks.store.run_folder import read_state
from chaos.command import differences, left_in
from support.tiny_experiment import MICRO

ROOT = Path(__file__).resolve().parents[3]
LIBRARIES = {"ray": "ray", "slurm": "submitit"}
SECONDS = 1_200


def driven(where: str, out: Path) -> str:
    """What the driver says."""
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, "-m", "support.elsewhere", where, str(out)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What two processes on this machine leave."""
    out = tmp_path_factory.mktemp("here") / "out"
    driven("here", out)
    return left_in(out)


@pytest.mark.parametrize("where", LIBRARIES)
def test_a_machine_that_goes_in_the_middle_changes_no_byte(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if find_spec(LIBRARIES[where]) is None:
        pytest.skip(f"{LIBRARIES[where]} is an extra: pip install 'textgen-env[{where}]'")
    undisturbed = request.getfixturevalue("undisturbed")
    said = driven(where, tmp_path / "out")
    assert "is tried again: MachineFailed: " in said, said
    assert differences(left_in(tmp_path / "out"), undisturbed) == [], said


@pytest.mark.parametrize("where", LIBRARIES)
def test_a_library_that_is_not_installed_is_named_with_its_remedy(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, LIBRARIES[where], None)
    result = CliRunner().invoke(app, ["run", "smoke", "--executor", where, "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert f"--executor {where}: " in result.output
    assert f"pip install 'textgen-env[{where}]'" in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--executor", "cloud"), "--executor 'cloud' must be one of local, ray, slurm"),
        (("--address", "auto"), "--address 'auto' is for --executor ray"),
        (("--slurm", "timeout_min=3"), "is for --executor slurm"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "smoke", "--out", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_parameters_of_jobs_are_numbers_or_words() -> None:
    assert parsed_parameters(["timeout_min=240", "slurm_partition = long"]) == {
        "timeout_min": 240,
        "slurm_partition": "long",
    }
    for wrong in (["long"], ["=3"], ["a="], ["a=1", "a=2"]):
        with pytest.raises(ValueError, match=r"must be of the form NAME=VALUE, each name once"):
            parsed_parameters(wrong)


def test_a_task_is_done_wherever_the_folder_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTGEN_TOLD", raising=False)
    run = runs_of(MICRO)[0]
    with Leases() as leases:
        lease = leases.claim(tmp_path / run.name)
        assert lease is not None
        told = do_there(Task(tmp_path, run, lease), None, 0.05, {"TEXTGEN_TOLD": "here"})
        assert outcome_of(told) == ""
        assert os.environ.pop("TEXTGEN_TOLD") == "here"
        assert read_state(tmp_path / run.name).status == "finished"
        late = outcome_of(do_there(Task(tmp_path, run, lease), 0.001, 0.05, {}))
        assert isinstance(late, Failure)
        assert late.kind == "TimedOut"
    # The lease is released: whoever still goes by it is told so, and writes nothing.
    lost = outcome_of(do_there(Task(tmp_path, run, lease), None, 0.05, {}))
    assert isinstance(lost, str)
    assert lost.startswith("LeaseLost: ")
    assert not lease.folder.joinpath("error.json").exists()


@pytest.mark.parametrize("left", ["", "{", '{"error": 3}', "[]"])
def test_an_outcome_that_cannot_be_read_is_none(left: str, tmp_path: Path) -> None:
    assert written_outcome(tmp_path) is None
    (tmp_path / "outcome.json").write_text(left)
    assert written_outcome(tmp_path) is None
