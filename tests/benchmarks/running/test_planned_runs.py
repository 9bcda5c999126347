"""Runs read back from what a folder of results asks for: the same runs, or a refusal; nothing is imported unasked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.running.planned_runs import planned_runs
from benchmarks.running.scheduler import plan_experiment
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment, Run, runs_of
from benchmarks.store.manifest import read_manifest
from textgen_env.files import DIGEST, sealed

EXPERIMENT = Experiment(
    name="asked",
    description="a test",
    env_id="TextGen-OracleSmall-v0",
    env_kwargs={
        "vocab_size": 12,
        "max_length": 4,
        "reward": {"name": "sum", "parts": [[1.0, "bleu"], [0.5, "random"]]},
    },
    algorithms=(
        Algorithm("RL", "reinforce", 100, hyperparameters={"hidden_size": 8}, init_from="MLE", init_at="best"),
        Algorithm("MLE", "mle", 100),
        Algorithm("PPO", "stable_baselines3:PPO", 100, "sb3", hyperparameters={"n_steps": 4}, masked=False),
    ),
    seeds=(0, 3),
    evaluation=Evaluation(2, 4, 8, 10, 1, ("nll_test",), validation="nll", validation_texts=5),
)


def asked(experiment: Experiment, out: Path, trust: bool = False) -> list[Run]:
    folder = plan_experiment(experiment, out)
    return planned_runs(folder, read_manifest(folder), trust)


def spoil(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes the manifest, by one who knows of digests."""
    path = folder / "experiment.json"
    content = {key: value for key, value in json.loads(path.read_text()).items() if key != DIGEST}
    change(content)
    path.write_text(json.dumps(sealed(content)))


def test_the_runs_are_those_that_were_planned(tmp_path: Path) -> None:
    found = asked(EXPERIMENT, tmp_path)
    assert found == runs_of(EXPERIMENT)
    assert [path.name for path in (tmp_path / "asked").iterdir()] == ["experiment.json"]


def test_runs_that_were_asked_for_before_are_there_too(tmp_path: Path) -> None:
    plan_experiment(replace(EXPERIMENT, seeds=(7,)), tmp_path)
    assert [run.name for run in asked(EXPERIMENT, tmp_path)] == [
        run.name for run in runs_of(replace(EXPERIMENT, seeds=(0, 3, 7)))
    ]


def test_runs_that_are_shared_lie_where_they_lie(tmp_path: Path) -> None:
    found = asked(replace(EXPERIMENT, shared={"MLE": "other"}), tmp_path)
    assert [run.name for run in found if run.algorithm.label == "MLE"] == ["other/MLE/seed-0", "other/MLE/seed-3"]
    assert found[1].parent == found[0]


def test_files_are_found_from_any_folder_and_held_to_their_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("a b c .\nb c a .\nc a b .\n")
    experiment = replace(
        EXPERIMENT, env_id="TextGen-Corpus-v0", env_kwargs={"path": "texts.txt"}, algorithms=(EXPERIMENT.algorithms[1],)
    )
    folder = plan_experiment(experiment, tmp_path / "out")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert planned_runs(folder, read_manifest(folder))[0].env_kwargs == {"path": str(tmp_path / "texts.txt")}
    (tmp_path / "texts.txt").write_text("another text .\n")
    with pytest.raises(ValueError, match=r"asked/MLE/seed-0 would be another run here.*sha256:"):
        planned_runs(folder, read_manifest(folder))
    (tmp_path / "texts.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"texts\.txt.*no such file"):
        planned_runs(folder, read_manifest(folder))


def of_all(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Sets one thing in every run."""

    def change(content: dict[str, Any]) -> None:
        for run in content["runs"]:
            place = run
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = value

    return change


HOSTILE = {
    "agent": of_all("algorithm", "agent", value="evil:Agent"),
    "sb3": lambda content: content["runs"][2]["algorithm"].update(agent="evil:PPO"),
    "environment": of_all("env_id", value="evil:Env-v0"),
    "evaluation": of_all("evaluation", "env_id", value="evil:Env-v0"),
    "reward": of_all("env_kwargs", "reward", value="evil:Reward"),
    "arguments of a reward": of_all("env_kwargs", "reward", value={"name": "evil:Reward"}),
    "part": of_all("env_kwargs", "reward", value={"name": "sum", "parts": [[1.0, {"name": "evil:Reward"}]]}),
    "task": of_all("env_kwargs", "task", value={"name": "evil:Task"}),
    "task of the evaluation": of_all("evaluation", "env_kwargs", value={"task": "evil:Task"}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_import_paths_are_refused_without_trust_and_nothing_is_imported(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = plan_experiment(EXPERIMENT, tmp_path)
    spoil(folder, HOSTILE[what])
    # A run that starts from another is told by the other's settings.
    spoil(folder, lambda content: content.update(runs=[run for run in content["runs"] if run["parent"] is None]))
    with pytest.raises(ValueError, match=r"evil:.*/experiment\.json and is an import path.*--trust"):
        planned_runs(folder, read_manifest(folder))
    assert not (tmp_path / "marker").exists()
    assert "evil" not in sys.modules
    assert planned_runs(folder, read_manifest(folder), trust=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (of_all("algorithm", "agent", value="nobody"), "agent 'nobody' is not registered; name the module"),
        (of_all("env_kwargs", "reward", value="praise"), "reward 'praise' is not registered"),
        (of_all("env_id", value="CartPole-v1"), "env_id='CartPole-v1' is no environment of texts"),
        (of_all("env_id", value="Nothing-v0"), "env_id='Nothing-v0' is no environment of texts"),
        (of_all("algorithm", "colour", value="red"), 'algorithm.colour: "red" there, not set now'),
        (of_all("algorithm", "total_tokens", value="many"), "total_tokens='many' must be int"),
        (of_all("algorithm", "total_tokens", value=-1), "total_tokens=-1 must be >= 0"),
        (of_all("evaluation", "points", value=0), "points=0 must be >= 1"),
        (of_all("evaluation", value={}), "measures: .* there, not set now|would be another run here"),
        (of_all("env_kwargs", value=3), "cannot be run here"),
        (of_all("device", value=5), "device: 5 there"),
    ],
)
def test_what_is_no_run_of_this_version_is_refused(
    change: Callable[[dict[str, Any]], None], said: str, tmp_path: Path
) -> None:
    folder = plan_experiment(replace(EXPERIMENT, algorithms=EXPERIMENT.algorithms[1:]), tmp_path)
    spoil(folder, change)
    with pytest.raises(ValueError, match=said):
        planned_runs(folder, read_manifest(folder))


@pytest.mark.parametrize("parent", ["asked/RL/seed-0", "asked/Nobody/seed-0", 5])
def test_runs_start_from_runs(parent: Any, tmp_path: Path) -> None:
    folder = plan_experiment(EXPERIMENT, tmp_path)
    spoil(folder, lambda content: content["runs"][1].update(parent={"run": parent, "settings": "?"}))
    with pytest.raises(ValueError, match="which is no other run"):
        planned_runs(folder, read_manifest(folder))


def test_settings_of_a_parent_count(tmp_path: Path) -> None:
    folder = plan_experiment(EXPERIMENT, tmp_path)
    spoil(folder, lambda content: content["runs"][0]["algorithm"].update(total_tokens=200))
    with pytest.raises(ValueError, match=r"asked/RL/seed-0 would be another run here.*parent\.settings"):
        planned_runs(folder, read_manifest(folder))


def test_a_saved_oracle_is_a_file_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "oracle.npz", a=np.zeros(3))
    experiment = replace(EXPERIMENT, env_kwargs={"path": str(tmp_path / "oracle.npz")})
    assert asked(experiment, tmp_path) == runs_of(experiment)
