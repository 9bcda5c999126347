"""Token ids and lengths that are none are refused by name by every public function that takes texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents.policy_gradient.reinforce import Reinforce
from agents.value.q_learning import QLearning
from textgen_env import metrics

TINY: Any = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
ORACLE: Any = gym.make_vec("TextGen-OracleSmall-v0", num_envs=2, train_size=20, test_size=20)
SCORER, AGENT, TABLE = metrics.BleuScorer([[1, 2, 3]]), Reinforce(TINY), QLearning(TINY)
TEXTS, LENGTHS = np.array([[1, 2, 3], [1, 1, 1]]), np.array([3, 3])
FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "BleuScorer.score": SCORER.score,
    "self_bleu": metrics.self_bleu,
    "distinct_n": lambda tokens, lengths: metrics.distinct_n(tokens, lengths, 2),
    "edit_distance": lambda tokens, lengths: metrics.edit_distance(tokens, lengths, tokens, lengths),
    "word_error_rate": lambda tokens, lengths: metrics.word_error_rate(tokens, lengths, tokens, lengths),
    "score": TINY.unwrapped.score,
    "likelihood": ORACLE.unwrapped.score,
    "OracleTask.log_prob": ORACLE.unwrapped.task.log_prob,
    "OracleTask.conditional_entropies": ORACLE.unwrapped.task.conditional_entropies,
    "Reinforce.log_prob": AGENT.log_prob,
    "QLearning.log_prob": TABLE.log_prob,
}
# Metrics take ids of any vocabulary.
ANY_ID = ("BleuScorer.score", "self_bleu", "distinct_n", "edit_distance", "word_error_rate")
NO_IDS: dict[str, Any] = {
    "negative": TEXTS - 5,
    "beyond the vocabulary": TEXTS + 10**6,
    "fractions": TEXTS + 0.5,
    "truth values": TEXTS > 1,
    "None": np.array([[1, None, 2], [1, 1, 1]], object),
    "strings": TEXTS.astype(str),
}
NO_LENGTHS: dict[str, Any] = {
    "negative": LENGTHS - 5,
    "beyond the text": LENGTHS + 7,
    "fractions": LENGTHS + 0.5,
    "truth values": LENGTHS > 1,
}


@pytest.mark.parametrize("wrong", NO_IDS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_no_token_id_is_refused(name: str, wrong: str) -> None:
    if name in ANY_ID and wrong == "beyond the vocabulary":
        FUNCTIONS[name](NO_IDS[wrong], LENGTHS)
        return
    with pytest.raises((TypeError, ValueError)):
        FUNCTIONS[name](NO_IDS[wrong], LENGTHS)


@pytest.mark.parametrize("wrong", NO_LENGTHS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_no_length_is_refused(name: str, wrong: str) -> None:
    with pytest.raises((TypeError, ValueError), match=r"length"):
        FUNCTIONS[name](TEXTS, NO_LENGTHS[wrong])
