"""`run --plan` and `work`: an experiment that is shared out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import catalogue
from benchmarks.cli import app
from benchmarks.specs.experiment import Algorithm
from benchmarks.store import lease as leasing
from benchmarks.store.lease import claimed
from benchmarks.store.run_folder import read_state
from support.tiny_experiment import MICRO

SHARED = replace(
    MICRO,
    name="given_out",
    algorithms=(MICRO.algorithms[0], replace(MICRO.algorithms[3], label="A2C")),
    evaluation=replace(MICRO.evaluation, measures=("nll_test",)),
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Experiments that the command knows."""
    monkeypatch.setitem(catalogue.EXPERIMENTS, "given_out", SHARED)
    bad = Algorithm("Bad", "mle", 10, hyperparameters={"cell": "abacus"})
    fails = replace(SHARED, name="failing", algorithms=(bad,), baseline="")
    monkeypatch.setitem(catalogue.EXPERIMENTS, "failing", fails)


def invoked(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(result.output.split())


def planned(tmp_path: Path, name: str = "given_out") -> Path:
    code, output = invoked("run", name, "--out", str(tmp_path / "out"), "--plan")
    assert code == 0, output
    folder = tmp_path / "out" / name
    assert f"runs are planned; on every machine: python -m benchmarks work {folder}" in output
    assert [path.name for path in folder.iterdir()] == ["experiment.json"]
    return folder


def test_what_was_planned_is_done(tmp_path: Path) -> None:
    folder = planned(tmp_path)
    code, output = invoked("work", str(tmp_path / "out"), "--jobs", "1")
    assert code == 0, output
    for run in ("Random", "A2C"):
        assert f"given_out/{run}/seed-0: finished" in output
        assert read_state(folder / run / "seed-0").status == "finished"
    assert not (folder / "report.html").exists(), "all would write it"
    code, output = invoked("work", str(folder), "--jobs", "1")
    assert code == 0, output
    assert "2 of 2 runs are finished and kept" in output


def test_what_others_are_at_is_left_to_them_if_one_does_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = planned(tmp_path)
    monkeypatch.setattr(leasing, "kernel", lambda: "0123456789ab")
    assert claimed(folder / "A2C" / "seed-0", None) is not None
    monkeypatch.undo()
    code, output = invoked("work", str(folder), "--jobs", "1", "--no-wait")
    assert code == 0, output
    assert "1 of 2 runs have no result yet: others are at work on them, or they failed" in output
    assert read_state(folder / "A2C" / "seed-0").status == "not started"


def test_what_fails_is_told(tmp_path: Path) -> None:
    planned(tmp_path, "failing")
    code, output = invoked("work", str(tmp_path / "out"), "--jobs", "1")
    assert code == 1
    assert "1 of 1 runs failed; see above" in output


def test_a_folder_that_asks_for_what_is_not_trusted_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_agents.py").write_text("from agents.baselines.uniform import Uniform\nclass Mine(Uniform): ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    mine = replace(SHARED, name="mine", algorithms=(Algorithm("Mine", "my_agents:Mine", num_envs=8),), baseline="")
    monkeypatch.setitem(catalogue.EXPERIMENTS, "mine", mine)
    planned(tmp_path, "mine")
    code, output = invoked("work", "out/mine", "--jobs", "1")
    assert code == 2
    assert "agent='my_agents:Mine' stands in" in output
    assert "--trust" in output
    code, output = invoked("work", "out/mine", "--jobs", "1", "--trust")
    assert code == 0, output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "'nowhere' is no folder"),
        ((".", "--jobs", "0"), "--jobs 0 must be at least 1"),
        ((".", "--stale", "nan"), "--stale nan must be a number of seconds above 0"),
        ((".", "--import", "no_such_module"), "No module named 'no_such_module'"),
        ((".",), "holds no results"),
    ],
)
def test_what_cannot_be_worked_at_is_said(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = invoked("work", *arguments)
    assert code == 2
    assert said in output
