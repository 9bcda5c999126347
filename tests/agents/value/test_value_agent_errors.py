"""Errors of all agents with values; rewards and values which are not finite are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.policy_gradient.reinforce import Reinforce
from agents.protocol import Agent
from agents.value.q_learning import QLearning
from agents.value.td_prediction import TDPrediction
from support.games import share_copied
from support.value_agents import AGENTS, CONTROL, learned
from textgen_env import BaseTask, TextGenVectorEnv


def test_rewards_that_are_not_finite_are_named_before_anything_is_learned(make: Any) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    agent = make(envs).train(envs, 100)
    before = {name: tensor for name, tensor in learned(agent).items() if not name.endswith("generator")}
    gather, updates = agent.gather, agent.updates

    def spoilt(*args: Any) -> Any:
        episodes = gather(*args)
        rewards = np.where(np.arange(len(episodes.rewards))[:, None] == 3, np.nan, np.clip(episodes.rewards, -1, 2))
        rewards[0, 0], rewards[1, 0] = -1, 2
        return replace(episodes, rewards=rewards)

    agent.gather = spoilt
    said = (
        rf"{type(agent).__name__}: the reward of token 0 of text 3 is nan in update {updates + 1}; of the batch's \d+ "
        r"rewards \d are not finite, the others lie in \[-1, 2\]; look at"
    )
    with pytest.raises(FloatingPointError, match=said):
        agent.train(envs, 100)
    after = learned(agent)
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert agent.updates == updates


@pytest.mark.parametrize("name", CONTROL)
def test_values_that_are_not_finite_are_named(name: str) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    kind, config = CONTROL[name]
    agent = kind(envs, config)
    if hasattr(agent, "network"):
        with torch.no_grad():
            agent.network.decoder.output.bias[0] = float("nan")
    else:
        agent.values[0, 0] = np.inf
    with pytest.raises(FloatingPointError, match=f"{kind.__name__}: its values are not finite after 0 updates; make"):
        agent.train(envs, 100)
    assert agent.tokens_generated == 0


def test_agents_follow_the_protocol_and_refuse_other_texts(make: Any, echo_task: BaseTask) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    agent = make(envs, 3)
    assert isinstance(agent, Agent)
    kind = type(agent)
    with pytest.raises(ValueError, match="was made for"):
        agent.train(TextGenVectorEnv(echo_task, share_copied, 4), 100)
    with pytest.raises(ValueError, match="total_tokens=0"):
        agent.train(envs, 0)
    with pytest.raises(TypeError, match="make_vec"):
        kind(gym.make("TextGen-Tiny-v0"))
    with pytest.raises(ValueError, match="seed=-1"):
        kind(envs, seed=-1)
    with pytest.raises(TypeError, match=f"must be a {kind.config_class.__name__}"):
        kind(envs, Reinforce.config_class())
    with pytest.raises(ValueError, match="device='cuda:99'"):
        kind(envs, device="cuda:99")
    with pytest.raises(ValueError, match="n=0"):
        agent.sample(0)
    with pytest.raises(ValueError, match=r"expected prefixes \(K, 5\)"):
        agent.action_probabilities(np.full((2, 4), 4), np.zeros(2, np.int64))
    blank = np.full((2, 5), 4)
    with pytest.raises(ValueError, match=r"expected prefixes \(K, 5\) and \(K,\) lengths from 0 to 4"):
        agent.values_after(blank, np.array([0, 5]))
    with pytest.raises(ValueError, match="action_masks: row 1 allows no token"):
        agent.predict(blank, action_masks=np.array([[True] * 4, [False] * 4]))
    with pytest.raises(ValueError, match="unconditional"):
        agent.log_prob([[1, 2]], None, [[0]])


def test_saved_agents_that_do_not_fit_together_are_refused(make: Any, tmp_path: Path) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    agent = make(envs).train(envs, 100)
    agent.save(tmp_path / "agent")
    with pytest.raises(ValueError, match=f"holds a {type(agent).__name__}, not a Reinforce"):
        Reinforce.load(tmp_path / "agent")
    if agent.tables:
        agent.values = agent.values[1:]
        said = r"values is float64 \(120.*\), expected float64 \(121"
    elif hasattr(agent, "replay"):
        agent.replay.added -= 1
        agent.replay.capacity = agent.replay.added
        state = agent.replay.state_dict
        agent.replay.state_dict = lambda: {**state(), "added": torch.tensor(1)}
        said = r"replay: tokens is int64 \(.*\), expected int64 \(1, 5\)"
    else:
        agent.network.decoder.output = torch.nn.Linear(6, 5)
        said = "size mismatch"
    agent.save(tmp_path / "agent")
    with pytest.raises(ValueError, match=rf"(?s)holds a {type(agent).__name__} that does not fit together: .*{said}"):
        type(agent).load(tmp_path / "agent")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"batch_size": 0}, ValueError),
        ({"discount": 1.1}, ValueError),
        ({"step_size": 0}, ValueError),
        ({"step_size": 1.5}, ValueError),
        ({"step_size_power": -0.1}, ValueError),
        ({"step_size_power": "1"}, TypeError),
        ({"exploration_tokens": 0}, ValueError),
        ({"exploration_end": 2.0}, ValueError),
        ({"embedding_size": 0}, ValueError),
        ({"hidden_size": 1.5}, TypeError),
        ({"n_step": 0}, ValueError),
        ({"cell": "rnn"}, ValueError),
        ({"loss": "l1"}, ValueError),
        ({"learning_rate": 0}, ValueError),
        ({"max_grad_norm": -1}, ValueError),
        ({"learning_rate_half_life": 0}, ValueError),
        ({"double": 1}, TypeError),
        ({"replay_capacity": 0}, ValueError),
        ({"learning_starts": 0}, ValueError),
        ({"learning_starts": 31}, ValueError),
        ({"updates_per_batch": 0}, ValueError),
        ({"target_period": 0}, ValueError),
        ({"target_rate": 0.0}, ValueError),
        ({"target_rate": 1.1}, ValueError),
    ],
)
def test_hyperparameters_out_of_range_are_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    (name,) = changes
    configs = [replace(config, exploration="epsilon_greedy") if hasattr(config, "exploration") else config
               for _, config in AGENTS.values() if hasattr(config, name)]  # fmt: skip
    assert configs
    for config in configs:
        with pytest.raises(error, match=name):
            replace(config, **changes)


def test_a_table_too_large_is_refused() -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=2, train_size=1, test_size=1)
    for kind in (QLearning, TDPrediction):
        with pytest.raises(ValueError, match=r"envs: a table over all prefixes .* such as dqn"):
            kind(envs)
