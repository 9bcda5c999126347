"""Ingredients by which reinforcement learning learns a conditional text from nothing: number words, one after another.

No likelihood, no text to imitate: a random policy, the digits of a number, and a reward. Each row has all that the row
above it has. Settings chosen on seeds 0 and 1, which are not among those that are reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

TOKENS = 300_000
# A token pays for the error that it makes in the best alignment with the reference so far, at once.
ERRORS = {"reward": {"name": "error_rate", "output": "negative"}, "reward_mode": "dense"}
LOOKING = {"attention": "general"}
# Credited with its own reward alone: no later one, which is other tokens' doing, adds to its variance.
OWN = {**LOOKING, "discount": 0.0, "entropy_weight": 0.1}


def row(label: str, agent: str, hyperparameters: Mapping[str, Any], env_kwargs: Mapping[str, Any]) -> Algorithm:
    """From a random policy."""
    return Algorithm(label, agent, TOKENS, hyperparameters=hyperparameters, env_kwargs=env_kwargs)


EXPERIMENT = Experiment(
    name="scratch",
    description="number words from a random policy, by reward alone, one ingredient after another",
    env_id="TextGen-NumberWords-v0",
    algorithms=(
        row("REINFORCE", "reinforce", {}, {}),
        row("attention", "reinforce", LOOKING, {}),
        row("dense-errors", "reinforce", LOOKING, ERRORS),
        row("own-reward", "reinforce", OWN, ERRORS),
        row("PPO", "ppo", OWN, ERRORS),
    ),
    seeds=(10, 11, 12),
    evaluation=Evaluation(
        points=6,
        episodes=256,
        final_episodes=1_000,
        measures=("greedy_bleu", "greedy_wer", "greedy_exact", "nll_test", "entropy"),
        env_id="TextGen-NumberWords-v0",
        env_kwargs={"split": "test"},
    ),
    goal="data",
    compared_with="REINFORCE",
    unit="BLEU",
    expected_shares={"PPO": 0.5},
)
