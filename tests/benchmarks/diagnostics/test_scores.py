"""Scores of the diagnostics: exact controls, and what the command makes of results that are made up."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from typer.testing import CliRunner

import textgen_env  # noqa: F401
from benchmarks.cli import app
from benchmarks.diagnostics.knobs import BASE, ENV_ID, KNOBS, games
from benchmarks.diagnostics.plot import Inks, radars
from benchmarks.diagnostics.scores import Ends, ends, sources_unseen
from benchmarks.experiments.diagnostics import AGENTS, EXPERIMENTS, diagnostics
from benchmarks.specs.experiment import Experiment, runs_of
from benchmarks.store.manifest import Manifest
from benchmarks.store.results import Point, Result
from benchmarks.store.run_folder import read_state, write_json
from support.tiny_experiment import do
from textgen_env.solve import TextMDP, backward_induction, expected_return, greedy_policy

GAMES = games()


@pytest.mark.parametrize("game", GAMES)
def test_uniform_scores_nothing_and_the_optimal_policy_everything(game: str) -> None:
    """The optimal policy of who cannot tell the judges apart, played under each judge."""
    mdp = TextMDP.of(gym.make(ENV_ID, **GAMES[game]))
    uniform = mdp.allowed / mdp.allowed.sum(1, keepdims=True)
    assert ends(game).score(expected_return(mdp, uniform)) == pytest.approx(0.0, abs=1e-12)
    unseen = sources_unseen(mdp)
    best = greedy_policy(backward_induction(unseen).Q)
    trees = len(mdp.tokens) // len(unseen.tokens)
    policy = np.concatenate([np.tile(best[level], (trees, 1)) for level in unseen.levels])
    earned = expected_return(mdp, policy)
    assert earned == pytest.approx(1.0, abs=1e-12)
    assert ends(game).optimum == pytest.approx(1.0, abs=1e-12)
    assert ends(game).score(earned) == pytest.approx(1.0, abs=1e-12)


def test_who_sees_the_judge_could_earn_more() -> None:
    quiet, loud = ends("noise-0"), ends("noise-2")
    assert quiet.informed == quiet.optimum
    assert loud.informed > loud.optimum + 1
    assert loud.uniform == pytest.approx(ends(BASE).uniform, abs=1e-12)


def test_without_sources_nothing_is_unseen() -> None:
    mdp = TextMDP.of(gym.make(ENV_ID, **GAMES[BASE]))
    assert sources_unseen(mdp) is mdp
    shown = TextMDP.of(gym.make("TextGen-NumberWords-v0", max_number=9), most_states=10**6)
    with pytest.raises(ValueError, match="told apart"):
        sources_unseen(shown)


def test_less_than_uniform_is_nothing() -> None:
    assert Ends(uniform=0.2, optimum=1.0, informed=1.0).score(0.1) == 0.0
    assert Ends(uniform=0.2, optimum=1.0, informed=1.0).score(0.6) == pytest.approx(0.5)


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_a_knob_has_values_each_of_which_is_a_game(knob) -> None:
    assert 4 <= len(knob.values) <= 5
    assert len(set(knob.games)) == len(knob.values)
    assert set(knob.games) <= GAMES.keys()
    if knob.base is not None:
        assert knob.games[knob.values.index(knob.base)] == BASE


@pytest.mark.parametrize("name", ["horizon", "vocabulary", "sparsity"])
def test_uniform_tokens_find_less_of_the_reward_value_by_value(name: str) -> None:
    knob = next(each for each in KNOBS if each.name == name)
    found = [ends(game).uniform for game in knob.games]
    assert all(later < earlier for earlier, later in itertools.pairwise(found))


def test_every_agent_plays_every_game_with_the_same_settings() -> None:
    experiment = EXPERIMENTS["small"]
    assert len(experiment.algorithms) == len(AGENTS) * len(GAMES)
    for agent in AGENTS:
        own = [each for each in experiment.algorithms if each.label.startswith(f"{agent.label}.")]
        assert {each.label.partition(".")[2] for each in own} == set(GAMES)
        assert all(each.hyperparameters == agent.hyperparameters for each in own)
        assert {each.total_tokens for each in own} == {agent.total_tokens}


SMALL = diagnostics("diagnostics-made-up", (0, 1, 2), AGENTS[:2])


def share(label: str, seed: int) -> float | None:
    """Of the optimum: uniform tokens, and an agent that earns 0.7, 0.8 and 0.9, but fails one game of seed 2."""
    agent, _, game = label.partition(".")
    if agent == "Uniform":
        return ends(game).uniform / ends(game).informed
    return None if (game, seed) == (BASE, 2) else (0.7 + seed / 10) / ends(game).informed


def result(value: float) -> Result:
    return Result(
        curve=(Point(0, 0, 0.0, 0.0),), mean_return=value, std_return=0.0, measures={"optimum_share": value}, errors={},
        sequence_nll_oracle=(), reasons={}, references={}, oracle_entropy=None, samples=("a",), evaluation_seconds=1.0,
        versions={"python": "3"},
    )  # fmt: skip


def written_below(out: Path, experiment: Experiment = SMALL, value: Callable[[str, int], float | None] = share) -> Path:
    folder, runs = out / experiment.name, runs_of(experiment)
    Manifest.of(experiment, runs).write(folder)
    for run in runs:
        found = value(run.algorithm.label, run.seed)
        if found is not None:
            write_json(out / run.name / "config.json", run.to_config())
            write_json(out / run.name / "result.json", result(found).to_json())
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_command_scores_between_uniform_and_the_optimum(tmp_path: Path) -> None:
    folder = written_below(tmp_path)
    said = CliRunner().invoke(app, ["diagnose", str(folder)])
    assert said.exit_code == 0, said.output
    assert "without seed 2" in " ".join(said.output.split())
    found = {(row["agent"], row["diagnostic"]): row for row in rows(folder / "scores.csv")}
    assert len(found) == 2 * len(KNOBS)
    for knob in KNOBS:
        assert float(found["Uniform", knob.name]["score"]) == pytest.approx(0.0, abs=1e-12)
        row = found[AGENTS[1].label, knob.name]
        scores = [
            np.mean([max(0.0, (j - ends(g).uniform) / (1 - ends(g).uniform)) for g in knob.games]) for j in (0.7, 0.8)
        ]
        assert row["seeds"] == "2"
        assert float(row["score"]) == pytest.approx(np.mean(scores))
        assert float(row["standard_error"]) == pytest.approx(abs(scores[0] - scores[1]) / 2)
    assert len(rows(folder / "diagnostics.csv")) == (3 + 2) * len(GAMES)
    written = {path.name for path in folder.iterdir() if path.is_file()}
    assert written >= {"diagnostics.json", "diagnostics.md", "radars.svg", "radars.png"}
    drawing = (folder / "radars.svg").read_text(encoding="utf-8")
    assert all(knob.name in drawing for knob in KNOBS)
    assert AGENTS[1].label in drawing


def test_the_files_are_the_same_each_time_and_go_where_they_are_asked_to(tmp_path: Path) -> None:
    folder = written_below(tmp_path)
    for place in ("one", "two"):
        assert CliRunner().invoke(app, ["diagnose", str(folder), "--out", str(tmp_path / place)]).exit_code == 0
    for name in ("diagnostics.json", "diagnostics.md", "diagnostics.csv", "scores.csv", "radars.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
        assert not (folder / name).exists()


def test_what_is_no_result_of_the_diagnostics_is_refused(tmp_path: Path) -> None:
    nothing = CliRunner().invoke(app, ["diagnose", str(written_below(tmp_path, value=lambda label, seed: None))])
    assert nothing.exit_code == 2
    assert "no agent has a result in every game" in " ".join(nothing.output.split())
    other = tmp_path / "other"
    folder = written_below(other)
    config = other / runs_of(SMALL)[0].name / "config.json"
    config.write_text(config.read_text().replace('"goal"', '"table"'))
    changed = CliRunner().invoke(app, ["diagnose", str(folder)])
    assert changed.exit_code == 2
    assert "run the diagnostics anew" in " ".join(changed.output.split())
    missing = CliRunner().invoke(app, ["diagnose", str(tmp_path / "missing")])
    assert missing.exit_code == 2


def test_a_short_run_is_measured_exactly(tmp_path: Path) -> None:
    (agent,) = (each for each in AGENTS if each.label == "Q-learning")
    whole = diagnostics("diagnostics-short", (0,), (replace(agent, total_tokens=300),))
    names = ("drift-128", "noise-2", BASE)
    chosen = tuple(each for each in whole.algorithms if each.label.partition(".")[2] in names)
    do(replace(whole, algorithms=chosen), tmp_path)
    for algorithm in chosen:
        found = read_state(tmp_path / "diagnostics-short" / algorithm.label / "seed-0").result
        assert found is not None
        assert 0 <= found.measures["optimum_share"] <= 1
        assert found.errors["optimum_share"] == 0.0, "exact"


def test_agents_of_stable_baselines3_read_the_judges_dict() -> None:
    policies = {each.label: each.policy for each in EXPERIMENTS["small"].algorithms if each.kind == "sb3"}
    assert {policy for label, policy in policies.items() if ".noise-" in label} == {"MultiInputPolicy"}
    assert {policy for label, policy in policies.items() if ".noise-" not in label} == {"MlpPolicy"}


def test_a_radar_has_a_shape_an_agent_for_pages_of_any_colour() -> None:
    found = {
        "one": {"a": (1.0, 0.1), "b": (0.5, None), "c": (0.0, 0.0)},
        "two": {"a": (0.2, 0.0), "b": (0, 0), "c": (1, 0)},
    }
    light, dark = radars(found), radars(found, Inks("#ffffff", "#cccccc", "#7fb8ee"))
    for figure in (light, dark):
        assert [axes.get_title() for axes in figure.axes] == ["one", "two"]
        assert all([tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b", "c"] for axes in figure.axes)
    np.testing.assert_allclose(light.axes[0].lines[0].get_ydata(), [1.0, 0.5, 0.0, 1.0])
    assert dark.axes[0].title.get_color() == "#ffffff"
    assert dark.patch.get_alpha() == 0
