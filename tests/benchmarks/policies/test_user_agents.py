"""Agents of the user's own: in the folder and the table of an experiment, or refused before anything runs."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from multiprocessing.spawn import get_preparation_data
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.imitation.mle import MLE
from benchmarks import catalogue
from benchmarks.analysis.load import collect
from benchmarks.catalogue import load_experiment
from benchmarks.cli import app
from benchmarks.commands import doing
from benchmarks.policies.user_agents import plugged_in
from benchmarks.running.workers import local
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "tests" / "support" / "ranked_reinforce.py"
MINE = Experiment(
    "mine",
    "a test",
    "TextGen-Tiny-v0",
    (
        Algorithm("Random", "uniform", num_envs=8),
        Algorithm("MLE", "mle", 600, num_envs=8),
    ),
    seeds=(0,),
    evaluation=Evaluation(points=2, episodes=32, final_episodes=32, measures=("optimum_share",)),
)
BROKEN = """
from agents.baselines.uniform import Uniform


class NoSampling(Uniform):
    sample = None


class Greets:
    def __init__(self, envs):
        print("hello")


class Lies(Uniform):
    def log_prob(self, tokens, lengths=None, sources=None):
        return super().log_prob(tokens, lengths, sources) - 1.0
"""


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An experiment "mine", and a current directory with modules of the user's own, which nothing else finds."""
    monkeypatch.setitem(catalogue.EXPERIMENTS, "mine", MINE)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if Path(entry or ".").resolve() != tmp_path])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_ranked.py").write_text(EXAMPLE.read_text())
    (tmp_path / "my_broken.py").write_text(BROKEN)
    # In this process: a worker would take seconds to start.
    monkeypatch.setattr(doing, "local", lambda jobs, timeout: local(0))
    for name in ("my_ranked", "my_broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def invoked(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["run", "mine", "--out", "out", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_an_agent_by_its_import_path_is_a_row_like_the_others(mine: Path) -> None:
    code, output = invoked("--agent", "my_ranked:Ranked", "--tokens", "500")
    assert code == 0, output
    # Worker processes look for it where this one does.
    assert str(mine) in get_preparation_data("worker")["sys_path"]
    rows = {row.label: row for row in collect(mine / "out" / "mine").algorithms}
    assert list(rows) == ["Random", "MLE", "Ranked"]
    (found,) = rows["Ranked"].results
    assert 500 <= found.curve[-1].tokens_generated < 1_500
    assert found.measures["optimum_share"] > rows["Random"].results[0].measures["optimum_share"]
    assert "Ranked" in (mine / "out" / "mine" / "table.md").read_text()
    # Without it, the table keeps it.
    code, output = invoked()
    assert code == 0, output
    assert "Ranked" in output


def test_nothing_runs_where_an_agent_breaks_the_protocol(mine: Path) -> None:
    code, output = invoked(
        *(part for name in ("NoSampling", "Greets", "Lies") for part in ("--agent", f"my_broken:{name}"))
    )
    assert code == 2
    assert "what does not implement Agent (agents/protocol.py); nothing was run:" in output
    for said in (
        "my_broken:NoSampling: it lacks sample",
        "my_broken:Greets: its constructor cannot be called as Greets(envs, config=None, seed=0): ",
        "my_broken:Greets: it lacks train, predict, sample, log_prob, save, load",
        "my_broken:Lies: log_prob raises ValueError: the probabilities that log_prob gives all 15 texts add up to 0.36",
    ):
        assert said in output
    assert "hello" not in output
    assert not (mine / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--agent", "my_ranked"), "agent='my_ranked' must be one of uniform, unigram,"),
        (("--agent", "my_nothing:X"), "agent='my_nothing:X': No module named 'my_nothing'"),
        (("--agent", "my_ranked:Nothing"), "agent='my_ranked:Nothing': the module 'my_ranked' has no 'Nothing'"),
        (("--agent", "my_failing:X"), "agent='my_failing:X': importing it raises ZeroDivisionError: division by"),
        (
            ("--agent", "MLE=mle"),
            "--agent MLE=mle: there is an algorithm 'MLE'; give this one a label",
        ),
        (("--agent", "a b=uniform"), "label='a b' names a folder"),
        (("--agent", "my_ranked:Ranked", "--tokens", "0"), "--tokens 0 must be at least 1"),
        (("--tokens", "5"), "--tokens 5 is for what --agent adds"),
    ],
)
def test_what_cannot_be_plugged_in_is_refused_in_words(mine: Path, arguments: tuple[str, ...], said: str) -> None:
    (mine / "my_failing.py").write_text("1 / 0\n")
    code, output = invoked(*arguments)
    assert code == 2
    assert said in " ".join(output.split())
    assert not (mine / "out").exists()


def test_labels_and_budgets() -> None:
    smoke = load_experiment("smoke")
    rows = plugged_in(smoke, ["One=uniform", "Two=uniform", "sb3_contrib:TRPO"]).algorithms[-3:]
    assert [row.label for row in rows] == ["One", "Two", "TRPO"]
    assert [row.kind for row in rows] == ["agent", "agent", "sb3"]
    assert {row.total_tokens for row in rows} == {max(row.total_tokens for row in smoke.algorithms)}
    assert plugged_in(smoke, ["One=uniform"], tokens=7).algorithms[-1].total_tokens == 7
    masked = replace(smoke, algorithms=(replace(smoke.algorithms[0], masked=True), *smoke.algorithms[1:]))
    assert plugged_in(masked, ["One=uniform"]).algorithms[-1].masked
    with pytest.raises(ValueError, match="agent='positions' must be one of uniform, "):
        plugged_in(smoke, ["One=positions"])


MEDDLES = """
import os
import numpy as np
from agents.baselines.uniform import Uniform
from agents.imitation.mle import MLE

os.environ["MEDDLED"] = "at import"


class Meddles(Uniform):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        os.chdir("/")
        os.environ["MEDDLED"] = "when made"
        MLE.train = None


class Hangs(Uniform):
    def train(self, envs, total_tokens, callback=None):
        while True:
            pass


class Leaves(Uniform):
    def __init__(self, *arguments, **options):
        os._exit(3)
"""


def test_what_an_agent_does_while_it_is_checked_reaches_nothing_else(mine: Path) -> None:
    (mine / "my_meddling.py").write_text(MEDDLES)
    before = dict(os.environ), MLE.train
    experiment = plugged_in(MINE, ["my_meddling:Meddles"], 50)
    assert experiment.algorithms[-1].agent == "my_meddling:Meddles"
    assert (dict(os.environ), MLE.train) == before
    assert Path.cwd() == mine
    assert "my_meddling" not in sys.modules


def test_an_agent_that_ends_the_process_that_checks_it_is_refused(mine: Path) -> None:
    (mine / "my_meddling.py").write_text(MEDDLES)
    with pytest.raises(ValueError, match=r"my_meddling:Leaves: .*its process was ended with exit code 3"):
        plugged_in(MINE, ["my_meddling:Leaves"], 50)


def test_the_check_of_an_agent_that_hangs_ends_in_time(mine: Path) -> None:
    (mine / "my_meddling.py").write_text(MEDDLES)
    code, output = invoked("--agent", "my_meddling:Hangs", "--timeout", "3")
    assert code == 2
    said = " ".join(output.split())
    assert "my_meddling:Hangs: TimedOut: the 3 seconds that it may take (--timeout) were over; it was at " in said
    assert not (mine / "out").exists()
