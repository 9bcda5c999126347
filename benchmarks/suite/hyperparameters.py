"""Settings of agents in the suite: their own defaults, with whatever is counted in tokens made to fit the budget.

No agent is tuned here, and none by environment: rules on the names of settings, the same for all that have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from benchmarks.specs.named import NamedAgent
from textgen_env import Task

# So few tokens are spent in half as many texts at a time as by default, which makes twice as many updates.
NUM_ENVS = 32
SHARE_OF_BATCH = 2
# Shares of the budget. Exploration ends, and the bonus of entropy has halved five times, before training does; what
# begins with likelihood spends half on it.
EXPLORED, HALVINGS, IMITATED = 0.8, 5, 0.5
# Discriminators and roll-outs of the paper's sizes would take nearly all of the time.
ADVERSARIAL: Mapping[str, int] = {"d_pretrain_steps": 5, "d_steps": 1, "d_samples": 256, "rollouts": 4}
# Of sb3-contrib's TRPO, as in the experiment `exact`, and of the networks of its others: most of their time otherwise.
CHEAPER: Mapping[str, int] = {"n_critic_updates": 5, "cg_max_steps": 6, "sub_sampling_factor": 4}
CHEAPER_POLICIES: Mapping[str, Mapping[str, int]] = {
    "QRDQN": {"n_quantiles": 10},
    "RecurrentPPO": {"lstm_hidden_size": 32},
}
MINIBATCHED_ROWS = 128
# The defaults of Stable-Baselines3 are for millions of steps; `quick` and `exact` found rates near this one.
SB3_LEARNING_RATE = 0.003


def agent_settings(config_class: Any, tokens: int, task: Task) -> dict[str, Any]:
    """Hyperparameters of an agent of agents/ for so many tokens.

    Args:
        config_class: of the agent.
        tokens: of training.
        task: whose texts are imitated, where the agent begins with that.
    """
    defaults: dict[str, Any] = {each.name: each.default for each in fields(config_class)}
    found: dict[str, Any] = {name: least for name, least in ADVERSARIAL.items() if defaults.get(name, 0) > least}
    if "batch_size" in defaults:
        found["batch_size"] = defaults["batch_size"] // SHARE_OF_BATCH
    if "exploration_tokens" in defaults:
        found["exploration_tokens"] = max(1, int(EXPLORED * tokens))
    if "entropy_half_life" in defaults:
        found["entropy_half_life"] = max(1, tokens // HALVINGS)
    if defaults.get("pretrain_epochs"):
        read = int(task.training_sequences().lengths.sum())
        found["pretrain_epochs"] = max(1, round(IMITATED * tokens / read))
    if "xent_updates" in defaults:
        found["xent_updates"] = max(1, round(IMITATED * tokens / (found["batch_size"] * task.max_length)))
    return found


def sb3_settings(agent: NamedAgent, tokens: int, task: Task) -> dict[str, Any]:
    """Hyperparameters of an algorithm of Stable-Baselines3 or sb3-contrib: a rollout is one whole text a row, rewards
    are not discounted, as for the agents of agents/; minibatches and epochs as their PPO has; a buffer and periods that
    fit the budget."""
    taken = {each.name for each in agent.arguments}
    found: dict[str, Any] = {"gamma": 1.0, "learning_rate": SB3_LEARNING_RATE}
    if "gae_lambda" in taken:
        found["n_steps"] = task.max_length
    if {"gae_lambda", "batch_size"} <= taken:
        found["batch_size"] = sb3_rows(agent) * task.max_length // 4
    if "n_epochs" in taken:
        found["n_epochs"] = 4
    if "buffer_size" in taken:
        found |= {
            "buffer_size": 2 * tokens,
            "learning_starts": tokens // 20,
            "train_freq": 1,
            "target_update_interval": max(1, tokens // 50),
            "exploration_fraction": EXPLORED,
            "exploration_final_eps": 0.0,
        }
    # sb3-contrib's TRPO cannot take a part of observations that are a Dict.
    whole = ("sub_sampling_factor",) if task.sources is not None else ()
    return found | {name: value for name, value in CHEAPER.items() if name in taken and name not in whole}


def sb3_rows(agent: NamedAgent) -> int:
    """Rows that an algorithm plays, the texts of a rollout: where these are read in minibatches, as many as an update
    of our PPO has."""
    taken = {each.name for each in agent.arguments}
    return MINIBATCHED_ROWS if {"gae_lambda", "batch_size"} <= taken else NUM_ENVS
