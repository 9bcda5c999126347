"""The sweep against agents at a temperature, and its command from a folder of runs."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from typer.testing import CliRunner

from agents.baselines.tempered import Tempered, TemperedConfig
from agents.decoding.next_tokens import NextTokens
from agents.imitation.mle import MLE, MLEConfig
from benchmarks.cli import app
from benchmarks.policies.finished import FinishedAgent, finished_runs
from benchmarks.specs.experiment import Algorithm
from benchmarks.sweep.command import parsed_temperatures
from benchmarks.sweep.curves import Drawn, drawn
from benchmarks.sweep.measure import AtTemperature, Plane, planes, swept
from benchmarks.sweep.table import verdict, verdicts
from support.tiny_experiment import MICRO, do
from textgen_env import text_game

SMALL: dict[str, Any] = {"vocab_size": 6, "max_length": 4, "train_size": 80, "test_size": 40}
NLL = Plane("nll", "nll_oracle", "nll_test")


def trained(envs: Any) -> MLE:
    return MLE(envs, MLEConfig(embedding_size=4, hidden_size=6, learning_rate=0.05), seed=0).train(envs, 2_000)


def test_likelihoods_are_those_of_the_agent_at_the_temperature() -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", 2, **SMALL)
    agent, task = trained(envs), text_game(envs).task
    for temperature in (0.4, 1.0, 2.5):
        tempered = Tempered(envs, TemperedConfig(embedding_size=4, hidden_size=6, temperature=temperature), seed=0)
        tempered.initialise_from(agent)
        found = AtTemperature(NextTokens(agent, text_game(envs)), temperature).log_prob(task.test_sequences(), task)
        np.testing.assert_allclose(found, tempered.log_prob(*task.test_sequences()[:2]), rtol=1e-4)


def test_colder_is_better_and_less_diverse() -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", 1, **SMALL)
    env = gym.make("TextGen-OracleSmall-v0", **SMALL)
    agent = trained(envs)
    finished = FinishedAgent("MLE", 0, agent, env, NextTokens(agent, text_game(env)), kept_back=0)
    cold, warm, hot = swept(finished, (0.3, 1.0, 3.0), texts=300, order=2, seed=0)
    assert set(cold) == {"nll_oracle", "nll_test", "bleu_2", "self_bleu_2"}
    assert cold["nll_oracle"] < warm["nll_oracle"] < hot["nll_oracle"]
    assert cold["self_bleu_2"] > warm["self_bleu_2"] > hot["self_bleu_2"]
    assert warm["nll_test"] < min(cold["nll_test"], hot["nll_test"])


def test_of_a_conditional_game_the_return_is_swept() -> None:
    env = gym.make("TextGen-NumberWords-v0", max_number=20)
    envs = gym.make_vec("TextGen-NumberWords-v0", num_envs=1, max_number=20)
    agent = MLE(envs, MLEConfig(embedding_size=4, hidden_size=6), seed=0)
    finished = FinishedAgent("MLE", 0, agent, env, NextTokens(agent, text_game(env)), kept_back=0)
    found = swept(finished, (0.5, 1.0), texts=8, order=3, seed=0)
    assert all(set(values) == {"return", "nll_test"} for values in found)
    assert [each.plane.name for each in drawn(planes(3), (0.5, 1.0), ["MLE"], {("MLE", 0): found})] == ["return"]


def values(seeds: list[list[tuple[float, float]]], label: str) -> dict[tuple[str, int], list[dict[str, float]]]:
    return {
        (label, seed): [{"nll_oracle": quality, "nll_test": diversity} for quality, diversity in run]
        for seed, run in enumerate(seeds)
    }


def plane_of(*curves: tuple[str, list[float]], count: int = 3) -> Drawn:
    """Curves that are one line of three temperatures, moved by so much with each seed: lower is better."""
    line = [(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for label, shifts in curves:
        found |= values([[(x + shift, y + shift) for x, y in line] for shift in shifts[:count]], label)
    (plane,) = drawn([NLL], (0.5, 1.0, 2.0), [label for label, _ in curves], found)
    return plane


def test_verdicts_name_who_dominates_whom() -> None:
    plane = plane_of(("A", [0.0, 0.0, 0.0]), ("B", [0.5, 0.6, 0.7]), ("C", [-0.1, 0.2, -0.1]))
    a_b, a_c, b_c = verdicts(plane)
    assert a_b.startswith("NLL_oracle against NLL_test: A dominates B: for each of 1 points of B there is one of A ")
    assert "by +0.600 (+0.352 to +0.848) on average" in a_b
    assert "neither of A and C is ahead" in a_c
    # Named from the better one.
    assert ": C dominates B" in b_c
    assert verdicts(plane, against="B") == [verdict(plane, each.turned() if each.first != "B" else each)
                                           for each in plane.pairs if "B" in (each.first, each.second)]  # fmt: skip
    apart = values([[(1.0, 9.0), (2.0, 8.0)]] * 3, "A") | values([[(8.0, 2.0), (9.0, 1.0)]] * 3, "B")
    far = verdicts(drawn([NLL], (0.5, 1.0), ["A", "B"], apart)[0])[0]
    assert far.endswith("A and B are too far apart to be held against one another.")
    assert "share one seed, which has no interval" in verdicts(plane_of(("A", [0.0]), ("B", [0.5])))[0]


def test_runs_without_a_measure_at_some_temperature_are_no_curve() -> None:
    found = values([[(1.0, 2.0), (2.0, 1.0)]], "A") | {("B", 0): [{"nll_oracle": 1.0}, {"nll_oracle": 2.0}]}
    (plane,) = drawn(planes(3), (0.5, 1.0), ["A", "B"], found)
    assert [curve.label for curve in plane.curves] == ["A"]
    assert plane.pairs == ()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    mle, reinforce = (each for each in MICRO.algorithms if each.label in ("MLE", "REINFORCE"))
    tempered = Algorithm("MLE-T0.5", "tempered", num_envs=8, hyperparameters={"temperature": 0.5}, init_from="MLE")
    algorithms = (mle, replace(reinforce, total_tokens=200), tempered)
    evaluation = replace(MICRO.evaluation, points=1, measures=())
    do(replace(MICRO, algorithms=algorithms, baseline="", seeds=(0, 1), evaluation=evaluation), out)
    return out


def test_the_command_writes_what_it_prints(runs: Path, tmp_path: Path) -> None:
    asked = ["sweep", str(runs / "micro"), "--texts", "40", "--temperatures", "2,0.5,1", "--order", "2"]
    done = CliRunner().invoke(app, [*asked, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "NLL_oracle against NLL_test" in said
    assert "BLEU-2 against Self-BLEU-2" in said
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"sweep_pairs.csv", *(f"sweep.{kind}" for kind in ("json", "csv", "md", "png", "svg"))}
    with (tmp_path / "sweep.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    # A row at a temperature is a point of another's curve.
    assert {line["agent"] for line in lines} == {"MLE", "REINFORCE"}
    assert [line["temperature"] for line in lines[:3]] == ["0.5", "1.0", "2.0"]
    assert len(lines) == 2 * 2 * 3 * 2
    kept = json.loads((tmp_path / "sweep.json").read_text())
    assert len(kept["pairs"]) == 4
    assert all(sentence in (tmp_path / "sweep.md").read_text() for sentence in kept["verdicts"]["nll"])


def test_rows_at_a_temperature_are_swept_where_they_are_asked_for(runs: Path) -> None:
    found = finished_runs(runs / "micro", only=["MLE-T0.5"], without=lambda agent: agent == "tempered")
    assert [(each.label, each.seed) for each in found.agents] == [("MLE-T0.5", 0), ("MLE-T0.5", 1)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--texts", "1"], "texts=1"),
        (["--order", "6"], "order=6"),
        (["--seed", "-1"], "seed=-1"),
        (["--temperatures", "hot"], "--temperatures 'hot': give numbers above 0 with commas"),
        (["--temperatures", "0,1"], "temperatures=0"),
        (["--only", "Nobody"], "--only 'Nobody' is no algorithm of micro"),
    ],
)
def test_what_cannot_be_swept_is_refused(given: list[str], said: str, runs: Path) -> None:
    done = CliRunner().invoke(app, ["sweep", str(runs / "micro"), *given])
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert not (runs / "micro" / "sweep.json").exists()


def test_a_folder_of_several_experiments_is_refused(runs: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "experiment.json").write_bytes((runs / "micro" / "experiment.json").read_bytes())
    done = CliRunner().invoke(app, ["sweep", str(tmp_path)])
    assert done.exit_code == 2
    assert "holds several experiments: give one, such as" in " ".join(done.output.split())
    done = CliRunner().invoke(app, ["sweep", str(tmp_path / "nowhere")])
    assert done.exit_code == 2
    assert "is no folder" in done.output


def test_temperatures_rise() -> None:
    assert parsed_temperatures("1,0.5,1,2") == (0.5, 1.0, 2.0)
