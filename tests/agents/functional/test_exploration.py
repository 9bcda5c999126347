"""Exploration: schedules, and chances against their definitions, token by token."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents.functional.exploration import ExplorationConfig, boltzmann, epsilon_greedy, greedy, scheduled

VALUES = np.array([[1.0, 3.0, 2.0, 0.5], [2.0, 2.0, -1.0, 0.0], [-5.0, -4.0, -1.0, -2.0]])
ALLOWED = np.array([[True, False, True, True], [True, True, True, True], [True, True, False, False]])


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("allowed", [None, ALLOWED])
def test_epsilon_greedy_is_its_definition(epsilon: float, allowed: np.ndarray | None) -> None:
    found = epsilon_greedy(VALUES, epsilon, allowed)
    for row, values in enumerate(VALUES):
        tokens = [a for a in range(4) if allowed is None or allowed[row, a]]
        best = [a for a in tokens if values[a] == max(values[b] for b in tokens)]
        for a in range(4):
            expected = epsilon / len(tokens) * (a in tokens) + (1 - epsilon) / len(best) * (a in best)
            assert found[row, a] == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("allowed", [None, ALLOWED])
def test_boltzmann_is_its_definition(temperature: float, allowed: np.ndarray | None) -> None:
    found = boltzmann(VALUES, temperature, allowed)
    weights = np.exp(VALUES / temperature) * (1 if allowed is None else allowed)
    np.testing.assert_allclose(found, weights / weights.sum(1, keepdims=True), rtol=1e-12)


def test_boltzmann_has_uniform_and_greedy_limits() -> None:
    np.testing.assert_allclose(boltzmann(VALUES, 1e9), 0.25, rtol=1e-6)
    np.testing.assert_array_equal(boltzmann(VALUES, 1e-320), epsilon_greedy(VALUES, 0.0))
    np.testing.assert_array_equal(boltzmann(1e6 * VALUES, 1e-3), epsilon_greedy(VALUES, 0.0))


def test_greedy_takes_the_first_of_the_best_that_are_allowed() -> None:
    np.testing.assert_array_equal(greedy(VALUES), [1, 0, 2])
    np.testing.assert_array_equal(greedy(VALUES, ALLOWED), [2, 0, 1])


def test_any_number_of_axes() -> None:
    stacked = np.stack([VALUES, VALUES[::-1]])
    masks = np.stack([ALLOWED, ALLOWED[::-1]])
    for rule in (epsilon_greedy, boltzmann):
        np.testing.assert_array_equal(rule(stacked, 0.4, masks)[1], rule(VALUES, 0.4, ALLOWED)[::-1])


def test_where_nothing_is_allowed() -> None:
    none = ALLOWED & [[True], [False], [True]]
    for call in (lambda: epsilon_greedy(VALUES, 0.1, none), lambda: boltzmann(VALUES, 1, none)):
        with pytest.raises(ValueError, match="action_masks: row 1 allows no token; it must allow at least one"):
            call()
    with pytest.raises(ValueError, match="action_masks: row 1"):
        greedy(VALUES, none)


def test_schedules() -> None:
    for schedule in ("linear", "exponential"):
        assert scheduled(schedule, 1.0, 0.01, 0.0) == 1.0
        assert scheduled(schedule, 1.0, 0.01, 1.0) == scheduled(schedule, 1.0, 0.01, 7.0) == 0.01
    assert scheduled("linear", 1.0, 0.01, 0.25) == pytest.approx(0.7525)
    assert scheduled("exponential", 1.0, 0.01, 0.5) == pytest.approx(0.1)
    assert scheduled("constant", 1.0, 0.01, 0.0) == 0.01
    config = ExplorationConfig(exploration_start=0.8, exploration_end=0.2, exploration_tokens=300)
    assert [config.exploration_after(tokens) for tokens in (0, 100, 300, 900)] == pytest.approx([0.8, 0.6, 0.2, 0.2])
    assert replace(config, exploration_schedule="constant").exploration_after(0) == 0.2
    np.testing.assert_array_equal(config.chances(VALUES, 0.3, ALLOWED), epsilon_greedy(VALUES, 0.3, ALLOWED))
    warm = ExplorationConfig(exploration="boltzmann", exploration_start=5.0)
    np.testing.assert_array_equal(warm.chances(VALUES, 0.3, ALLOWED), boltzmann(VALUES, 0.3, ALLOWED))


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"exploration": "ucb"}, ValueError, "exploration='ucb' must be one of 'epsilon_greedy', 'boltzmann'"),
        ({"exploration_schedule": "cosine"}, ValueError, "exploration_schedule='cosine' must be one of 'constant'"),
        ({"exploration_tokens": 0}, ValueError, "exploration_tokens=0"),
        ({"exploration_start": 1.5}, ValueError, "exploration_start=1.5 must be at least 0 and at most 1"),
        ({"exploration_end": -0.1}, ValueError, "exploration_end=-0.1 must be at least 0"),
        ({"exploration_end": "0"}, TypeError, "exploration_end='0' must be a number"),
        ({"exploration_end": 0.0, "exploration_schedule": "exponential"}, ValueError, "exploration_end=0.0 .* above 0"),
        ({"exploration_end": 0.0, "exploration": "boltzmann"}, ValueError, "exploration_end=0.0 must be above 0"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(changes: dict[str, Any], error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        ExplorationConfig(**changes)
    assert ExplorationConfig(exploration_end=0.0).exploration_after(10**9) == 0
