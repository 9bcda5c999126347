"""Diagnostics of agents: one small game, solved exactly, of which one thing at a time is made harder.

After bsuite (Osband et al. 2020): horizon, vocabulary, sparsity, noise, multimodality, bifurcations early in the text,
and a reward that drifts, each one knob with five values. `python -m benchmarks diagnose DIR` makes scores, a table and
a radar picture an agent of what this leaves. Every agent has one setting for all games, and as many tokens; settings
were chosen on seeds from 100 on. MLE is not among them: the game has no texts to imitate.

To add an agent: a line in AGENTS.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.diagnostics.knobs import CONTROL, ENV_ID, games
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

TOKENS = 10_000
# The bonus of entropy has halved five times at the end.
FADING = {"entropy_half_life": TOKENS // 5}
EXPLORING = {"exploration_tokens": int(0.8 * TOKENS)}
AGENTS: tuple[Algorithm, ...] = (
    Algorithm(CONTROL, "uniform"),
    Algorithm("REINFORCE", "reinforce", TOKENS, hyperparameters=FADING),
    Algorithm("A2C", "a2c", TOKENS, hyperparameters=FADING),
    Algorithm("PPO", "ppo", TOKENS, hyperparameters={**FADING, "batch_size": 128}),
    Algorithm("GRPO", "grpo", TOKENS, hyperparameters=FADING),
    # In the unit of the reward, of which the goal earns 1.
    Algorithm(
        "Soft-PG",
        "soft_policy_gradient",
        TOKENS,
        hyperparameters={**FADING, "temperature": 0.05, "entropy_weight": 0.2},
    ),
    # By default it learns too rarely for so few tokens: it would not find the goal of the easiest game.
    Algorithm("DQN", "dqn", TOKENS, hyperparameters={**EXPLORING, "updates_per_batch": 8, "target_period": 25}),
    Algorithm("Q-learning", "q_learning", TOKENS, hyperparameters=EXPLORING),
    Algorithm(
        "SB3-PPO",
        "stable_baselines3:PPO",
        TOKENS,
        "sb3",
        hyperparameters={
            "n_steps": 5,
            "batch_size": 160,
            "n_epochs": 4,
            "gamma": 1.0,
            "learning_rate": 0.003,
            "ent_coef": 0.1,
            "ent_half_life": TOKENS // 5,
        },
    ),
)


def _in_game(agent: Algorithm, game: str, kwargs: dict[str, Any]) -> Algorithm:
    policy = "MultiInputPolicy" if agent.kind == "sb3" and "task" in kwargs else agent.policy
    return replace(agent, label=f"{agent.label}.{game}", env_kwargs=kwargs, policy=policy)


def diagnostics(name: str, seeds: tuple[int, ...], agents: tuple[Algorithm, ...] = AGENTS) -> Experiment:
    """The experiment: each of the agents in each game."""
    return Experiment(
        name=name,
        description=f"one game, of which one thing at a time is made harder; {len(seeds)} seeds",
        env_id=ENV_ID,
        algorithms=tuple(_in_game(agent, game, dict(kwargs)) for agent in agents for game, kwargs in games().items()),
        seeds=seeds,
        evaluation=Evaluation(points=1, episodes=64, final_episodes=64, sample_texts=1, measures=("optimum_share",)),
        goal="optimum",
    )


EXPERIMENTS = {"small": diagnostics("diagnostics-small", (0, 1, 2, 3, 4))}
