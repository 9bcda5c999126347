"""The page of the diagnostics says what the committed scores say, and its exact statements hold."""

from __future__ import annotations

import csv
from statistics import fmean
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents import AGENTS as CLASSES
from agents.exact import policy_table
from benchmarks.diagnostics.knobs import BASE, CONTROL, ENV_ID, KNOBS, games
from benchmarks.diagnostics.scores import ends
from benchmarks.experiments.diagnostics import AGENTS, TOKENS
from support.results_page import PAGES, RESULTS
from textgen_env import text_game
from textgen_env.rewards.goal import GoalReward
from textgen_env.solve import TextMDP, expected_return, greedy_texts, soft_optimum, soft_policy

CERTAIN = ("REINFORCE", "A2C", "SB3-PPO")


def rows(name: str) -> list[dict[str, str]]:
    with (RESULTS / "diagnostics" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def page() -> str:
    return " ".join((PAGES / "diagnostics.md").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def scores() -> dict[str, dict[str, float]]:
    """Diagnostic -> agent -> score."""
    found: dict[str, dict[str, float]] = {}
    for row in rows("scores.csv"):
        found.setdefault(row["diagnostic"], {})[row["agent"]] = float(row["score"])
    return found


@pytest.fixture(scope="module")
def runs() -> dict[tuple[str, str], dict[str, float]]:
    """Agent and game -> means over seeds of what is earned, and of the score."""
    found: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows("diagnostics.csv"):
        found.setdefault((row["agent"], row["game"]), []).append(row)
    return {key: {name: fmean(float(r[name]) for r in of) for name in ("earned", "score")} for key, of in found.items()}


def test_the_scores_are_means_of_the_runs(scores, runs) -> None:
    for knob in KNOBS:
        for agent, score in scores[knob.name].items():
            assert score == pytest.approx(fmean(runs[agent, game]["score"] for game in knob.games), abs=1e-12)
    for row in rows("diagnostics.csv"):
        assert float(row["score"]) == pytest.approx(ends(row["game"]).score(float(row["earned"])), abs=1e-9)
    assert all(each[CONTROL] == pytest.approx(0, abs=1e-9) for each in scores.values())


def each_run(game: str) -> dict[str, list[float]]:
    """Agent -> what each of its runs in a game earns; without the control."""
    found: dict[str, list[float]] = {}
    for row in rows("diagnostics.csv"):
        if row["game"] == game and row["agent"] != CONTROL:
            found.setdefault(row["agent"], []).append(float(row["earned"]))
    return found


def test_the_seeds_are_said(page) -> None:
    assert {row["seed"] for row in rows("diagnostics.csv")} == {"0", "1", "2", "3", "4"}
    assert "five seeds, 0 to 4" in page
    assert {row["seeds"] for row in rows("scores.csv")} == {"5"}


def test_the_answer_is_that_of_the_scores(page, scores) -> None:
    agents = [agent for agent in scores["horizon"] if agent != CONTROL]
    assert len(agents) == 8
    low = {agent for agent in agents if round(scores["horizon"][agent], 2) < 0.95}
    assert low == {"Soft-PG", "Q-learning"}
    least = min(scores[name][agent] for name in ("vocabulary", "sparsity") for agent in agents)
    assert f"all {least:.2f} or more in large vocabularies and sparse rewards" in page
    drift = [scores["drift"][agent] for agent in agents]
    assert f"({min(drift):.2f} to {max(drift):.2f})" in page
    assert max(agents, key=lambda agent: scores["drift"][agent]) == "PPO"
    assert f"best score, {max(drift):.2f}." in page


def test_drift_leaves_the_certain_with_one_place_of_five(page, runs) -> None:
    found = each_run("drift-512")
    for agent in CERTAIN:
        assert found[agent] == pytest.approx([0.2] * len(found[agent]), abs=0.005)
    assert sum(each < 0.205 for each in found["GRPO"]) == 3
    assert max(found["Q-learning"]) < 0.205
    assert f"PPO earns {runs['PPO', 'drift-512']['earned']:.2f} there" in page


def test_baits(page) -> None:
    assert f"find {(ends('bifurcation-0').uniform) * 4:.2f} on average" in page
    left = {
        bait: {agent: sum(each > bait + 0.03 for each in of) for agent, of in each_run(f"bifurcation-{bait}").items()}
        for bait in (0.4, 0.6, 0.8)
    }
    assert f"left by {sum(left[0.4].values())} of 40 runs; one of 0.6 by {sum(left[0.6].values())}, among them" in page
    assert left[0.6]["DQN"] == 5
    assert f"one of 0.8 by {sum(left[0.8].values())}." in page
    trapped = [ends(f"bifurcation-{bait}").score(bait) for bait in (0.6, 0.8)]
    assert f"{trapped[0]:.2f} at 0.6 and {trapped[1]:.2f} at 0.8" in page
    uniform = [ends(f"bifurcation-{bait}").uniform for bait in (0.6, 0.8)]
    assert f"uniform tokens earn, {uniform[0]:.2f} and {uniform[1]:.2f}," in page


def test_sparsity_and_noise(page, runs) -> None:
    found = {agent: sum(each > 0.5 for each in of) for agent, of in each_run("sparsity-5").items()}
    assert f"{sum(found.values())} of {5 * len(found)} runs found it" in page
    assert {agent for agent, count in found.items() if count == 5} == {"PPO", "Q-learning"}
    assert {agent for agent, count in found.items() if count == 0} == {"GRPO"}
    assert all(runs[agent, "sparsity-4"]["score"] > 0.9 for agent in found)
    assert 1 / ends("sparsity-5").uniform == pytest.approx(1024)
    assert f"no agent scores more than {max(runs[agent, 'noise-2']['score'] for agent in found):.2f} there" in page


def test_soft_pg_is_held_to_its_own_optimum(page, runs) -> None:
    said = []
    for game in (BASE, "horizon-9"):
        mdp = TextMDP.of(gym.make(ENV_ID, **games()[game]))
        best = soft_policy(soft_optimum(mdp, 0.05).Q, 0.05)
        said.append(ends(game).score(expected_return(mdp, best)))
    own = runs["Soft-PG", "horizon-9"]["score"]
    assert f"scores {said[0]:.2f} in the easiest game, as Soft-PG does, and {said[1]:.2f} with texts of nine" in page
    assert runs["Soft-PG", BASE]["score"] == pytest.approx(said[0], abs=0.01)
    assert f"where it came to {own:.2f}" in page
    assert own < said[1]


def test_the_values_are_those_of_the_experiment(page) -> None:
    for knob in KNOBS:
        assert f"| {knob.name} |" in page
        first, last = (f"{value:g}" for value in (knob.values[0], knob.values[-1]))
        assert f" {last} |" in page
        assert f"| {first}" in page or knob.name == "drift"


def trained(label: str, game: str, tokens: int = TOKENS, **changes: Any) -> tuple[Any, TextMDP, np.ndarray]:
    """The environments, the game as it stands after training with seed 100, and the policy."""
    (settings,) = (each for each in AGENTS if each.label == label)
    envs = gym.make_vec(ENV_ID, num_envs=settings.num_envs, **games()[game])
    kind: Any = CLASSES.load(settings.agent)
    agent = kind(envs, kind.config_class(**{**settings.hyperparameters, **changes}), seed=100)
    agent.train(envs, total_tokens=tokens)
    mdp = TextMDP.of(envs)
    return envs, mdp, policy_table(agent, mdp)


def test_reinforce_still_writes_the_first_goal_after_it_has_drifted() -> None:
    envs, mdp, policy = trained("REINFORCE", "drift-512")
    assert text_game(envs).reward.finished // 512 == 4
    first = GoalReward().bind(envs.unwrapped.task).goals
    np.testing.assert_array_equal(greedy_texts(mdp, policy).tokens, first)


def test_who_explores_for_longer_leaves_the_bait() -> None:
    for label, tokens, changes, leaves in (
        ("Q-learning", TOKENS, {}, False),
        ("Q-learning", 3 * TOKENS, {"exploration_tokens": int(0.8 * 3 * TOKENS)}, True),
        ("REINFORCE", TOKENS, {}, False),
        ("REINFORCE", 2 * TOKENS, {"entropy_weight": 3.0, "entropy_half_life": TOKENS // 2}, True),
    ):
        _, mdp, policy = trained(label, "bifurcation-0.6", tokens, **changes)
        earned = expected_return(mdp, policy)
        assert (earned > 0.9) == leaves, (label, tokens)
        assert leaves or earned == pytest.approx(0.6, abs=0.02)
