"""Experiments by name, by size and by import path; one of a stranger's runs to its report from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks import catalogue
from benchmarks.analysis.load import collect
from benchmarks.catalogue import experiment_names, load_experiment, load_sizes, modules_of, register_experiment
from benchmarks.specs.experiment import Experiment
from benchmarks.store.run_folder import read_json
from textgen_env.registries import load_object

ROOT = Path(__file__).resolve().parents[2]
STRANGER = '''
from agents import register_agent
from agents.baselines.uniform import Uniform
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment


class Walk(Uniform):
    """Counts what it is to spend, and learns nothing."""

    def train(self, envs, total_tokens, callback=None):
        return self


register_agent("strangers_walk", "stranger:Walk")
SMALL, LARGE = (
    Experiment(
        name=f"walk-{size}",
        description="a stranger's",
        env_id="TextGen-Tiny-v0",
        algorithms=(
            Algorithm("By-name", "strangers_walk", num_envs=4),
            Algorithm("By-path", "stranger:Walk", num_envs=4),
        ),
        seeds=(0,),
        evaluation=Evaluation(points=1, episodes=8, final_episodes=16, measures=("entropy",)),
        unit=size,
    )
    for size in ("small", "large")
)
EXPERIMENTS = {"small": SMALL, "large": LARGE}
'''


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(catalogue, "EXPERIMENTS", dict(catalogue.EXPERIMENTS))


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"no experiment 'nope'; there are .*quick.*smoke.*, and import paths"):
        load_experiment("nope")
    for path, said in (
        ("agents", "module:Class"),
        ("agents.imitation.mle:Nope", "no 'Nope'"),
        ("nope:A", "No module named"),
    ):
        with pytest.raises(ValueError, match=said):
            load_object(path)
    with pytest.raises(ValueError, match="experiment='nope:A': No module named 'nope'"):
        load_experiment("nope:A")


def sized(monkeypatch: pytest.MonkeyPatch, **attributes: object) -> str:
    """The import path of a module's `EXPERIMENTS`, or else its `EXPERIMENT`; the module defines these."""
    module = ModuleType("sized_experiments")
    for name, value in attributes.items():
        setattr(module, name, value)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return f"{module.__name__}:{'EXPERIMENTS' if 'EXPERIMENTS' in attributes else 'EXPERIMENT'}"


@pytest.mark.usefixtures("entered")
@pytest.mark.parametrize("by_path", [True, False])
def test_an_experiment_may_have_sizes(monkeypatch: pytest.MonkeyPatch, by_path: bool) -> None:
    small, paper = (Experiment(f"sized-{size}", "d", "id", ()) for size in ("small", "paper"))
    sizes = {"small": small, "paper": paper}
    register_experiment("sized", sized(monkeypatch, EXPERIMENTS=sizes) if by_path else sizes)
    assert "sized" in experiment_names()
    assert load_sizes("sized") == {"small": small, "paper": paper}
    assert load_experiment("sized") is small
    assert load_experiment("sized", "paper") is paper
    for size in ("huge", ""):
        with pytest.raises(ValueError, match=f"experiment sized has no size '{size}'; there are small, paper"):
            load_experiment("sized", size)
    with pytest.raises(ValueError, match="it has but one: leave --size out"):
        load_experiment("smoke", "small")


@pytest.mark.usefixtures("entered")
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"EXPERIMENT": 3},
        {"EXPERIMENT": Experiment("other", "d", "id", ())},
        {"EXPERIMENTS": {}},
        {"EXPERIMENTS": [Experiment("sized", "d", "id", ())]},
        {"EXPERIMENTS": {"small": Experiment("small", "d", "id", ())}},
    ],
)
def test_what_is_no_experiment_is_refused(monkeypatch: pytest.MonkeyPatch, attributes: dict[str, Any]) -> None:
    path = sized(monkeypatch, **attributes)
    register_experiment("sized", path)
    said = r"experiment sized: sized_experiments:EXPERIMENTS? must be Experiment\(name='sized'" if attributes else path
    with pytest.raises(ValueError, match=said):
        load_sizes("sized")
    for experiment in attributes.values():
        with pytest.raises(ValueError, match=r"must be Experiment\(name='other_name'"):
            register_experiment("other_name", experiment)


@pytest.mark.usefixtures("entered")
def test_names_that_cannot_be_entered_are_refused() -> None:
    with pytest.raises(TypeError, match="name=3 must be a string"):
        register_experiment(3, "m:E")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="name='a-b' must consist of letters"):
        register_experiment("a-b", "m:E")
    with pytest.raises(ValueError, match="experiment 'mine': 'm' must be an import path of the form 'module:NAME'"):
        register_experiment("mine", "m")
    with pytest.raises(ValueError, match=r"experiment 'smoke' is taken by 'benchmarks.experiments.smoke:EXPERIMENT'"):
        register_experiment("smoke", "m:E")
    register_experiment("smoke", "benchmarks.experiments.smoke:EXPERIMENT")
    with pytest.raises(ValueError, match=r"name='\.\./x' names a folder"):
        Experiment("../x", "d", "id", ())


def test_the_module_of_an_experiment_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert modules_of("smoke") == ("benchmarks.experiments.smoke",)
    assert modules_of("mine.here:EXPERIMENT") == ("mine.here",)
    monkeypatch.setitem(catalogue.EXPERIMENTS, "made", Experiment("made", "d", "id", ()))
    assert modules_of("made") == ()


def run_from(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "run", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_strangers_experiment_runs_to_its_report_from_outside(tmp_path: Path) -> None:
    """By its import path, in a worker process, with an agent of its own: by a name that its module registers, and by
    its path."""
    (tmp_path / "stranger.py").write_text(STRANGER)
    said = run_from(tmp_path, "stranger:EXPERIMENTS", "--size", "large", "--jobs", "1")
    assert "By-name" in said
    collected = collect(tmp_path / "runs" / "walk-large")
    assert [(row.label, row.count) for row in collected.algorithms] == [("By-name", "1/1"), ("By-path", "1/1")]
    assert (tmp_path / "runs" / "walk-large" / "table.md").is_file()
    # Results name what is registered.
    for label in ("By-name", "By-path"):
        config = read_json(tmp_path / "runs" / "walk-large" / label / "seed-0" / "config.json")
        assert config["algorithm"]["agent"] == "strangers_walk"
    assert "1/1" in run_from(tmp_path, "stranger:SMALL", "--jobs", "1")
