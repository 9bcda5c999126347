"""The page of the diagnostics says what the committed scores say, and its exact statements hold."""

from __future__ import annotations

import csv
from statistics import fmean

import gymnasium as gym
import pytest

from benchmarks.diagnostics.knobs import BASE, CONTROL, ENV_ID, KNOBS, games
from benchmarks.diagnostics.scores import ends
from support.results_page import PAGES, RESULTS
from textgen_env.solve import TextMDP, expected_return, soft_optimum, soft_policy

CERTAIN = ("REINFORCE", "A2C", "GRPO", "Q-learning", "SB3-PPO")


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
            for game in knob.games:
                earned = runs[agent, game]["earned"]
                assert runs[agent, game]["score"] == pytest.approx(max(0, ends(game).score(earned)), abs=1e-9)
    assert all(each[CONTROL] == pytest.approx(0, abs=1e-9) for each in scores.values())


def test_the_answer_is_that_of_the_scores(page, scores) -> None:
    agents = [agent for agent in scores["horizon"] if agent != CONTROL]
    assert len(agents) == 8
    low = {agent for agent in agents if round(scores["horizon"][agent], 2) < 0.95}
    assert low == {"Soft-PG", "Q-learning"}
    assert min(round(scores[name][a], 2) for name in ("vocabulary", "sparsity") for a in agents) == 0.80
    drift = [scores["drift"][agent] for agent in agents]
    assert f"({min(drift):.2f} to {max(drift):.2f})" in page
    assert max(agents, key=lambda agent: scores["drift"][agent]) == "PPO"


def test_drift_leaves_the_certain_with_one_place_of_five(page, runs) -> None:
    for agent in CERTAIN:
        assert runs[agent, "drift-512"]["earned"] == pytest.approx(0.2, abs=0.005)
    assert f"earns {runs['PPO', 'drift-512']['earned']:.2f} and" in page


def test_baits(page, scores, runs) -> None:
    assert f"find {(ends('bifurcation-0').uniform) * 4:.2f} on average" in page
    for agent in scores["bifurcation"]:
        if agent == CONTROL:
            continue
        assert runs[agent, "bifurcation-0.4"]["earned"] > 0.8
        held = runs[agent, "bifurcation-0.6"]["earned"] == pytest.approx(0.6, abs=0.005)
        assert held == (agent != "DQN")
        assert runs[agent, "bifurcation-0.8"]["earned"] == pytest.approx(0.8, abs=0.005)
    assert f"which scores {runs['DQN', 'bifurcation-0.6']['score']:.2f} there" in page
    trapped = [ends(f"bifurcation-{bait}").score(bait) for bait in (0.6, 0.8)]
    assert f"{trapped[0]:.2f} at 0.6 and {trapped[1]:.2f} at 0.8" in page
    uniform = [ends(f"bifurcation-{bait}").uniform for bait in (0.6, 0.8)]
    assert f"uniform tokens earn, {uniform[0]:.2f} and {uniform[1]:.2f}," in page


def test_sparsity_and_noise(page, scores, runs) -> None:
    agents = [agent for agent in scores["sparsity"] if agent != CONTROL]
    found = {agent: runs[agent, "sparsity-5"]["score"] for agent in agents}
    assert {agent for agent in agents if found[agent] < 0.01} == {"GRPO", "SB3-PPO"}
    assert f"come to {min(score for score in found.values() if score > 0.01):.2f} or more" in page
    assert 1 / ends("sparsity-5").uniform == pytest.approx(1024)
    assert f"no agent comes past {max(runs[agent, 'noise-2']['score'] for agent in agents):.2f}" in page


def test_soft_pg_is_held_to_its_own_optimum(page, runs) -> None:
    said = []
    for game in (BASE, "horizon-9"):
        mdp = TextMDP.of(gym.make(ENV_ID, **games()[game]))
        best = soft_policy(soft_optimum(mdp, 0.05).Q, 0.05)
        said.append(ends(game).score(expected_return(mdp, best)))
    own = runs["Soft-PG", "horizon-9"]["score"]
    assert f"scores {said[0]:.2f} in the easiest game and {said[1]:.2f} with texts of nine tokens" in page
    assert f"where it came to {own:.2f}" in page
    assert own < said[1]


def test_the_values_are_those_of_the_experiment(page) -> None:
    for knob in KNOBS:
        assert f"| {knob.name} |" in page
        first, last = (f"{value:g}" for value in (knob.values[0], knob.values[-1]))
        assert f" {last} |" in page
        assert f"| {first}" in page or knob.name == "drift"
