"""Errors of all agents with a policy; a loss which is not finite is named and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.baselines.tempered import Tempered, TemperedConfig
from agents.baselines.uniform import Uniform
from agents.bases.episodic import check_rewards
from agents.bases.policy_agent import PolicyAgent
from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.a2c import A2C
from agents.policy_gradient.off_policy import OffPolicy, OffPolicyConfig
from agents.policy_gradient.ppo import PPO, PPOConfig
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from agents.protocol import Agent
from agents.value.dqn import DQN, DQNConfig
from support.policy_agents import AGENTS, LEARNED, SMALL, make_envs, weights_of
from textgen_env import BaseTask


@pytest.mark.parametrize(
    ("agent", "module", "said"),
    [
        (
            MLE(make_envs(), MLEConfig(**SMALL)),
            "decoder.output",
            r"MLE: nll is nan in update 1; its batch: 64 training texts of 1 to 5 tokens; lower learning_rate=",
        ),
        (
            Reinforce(make_envs(), LEARNED),
            "value",
            r"Reinforce: value is nan in update 1; its batch: 8 texts of 1 to 5 tokens, returns \S+ to \S+, mean \S+; ",
        ),
        (Reinforce(make_envs(), LEARNED), "decoder.output", "Reinforce: the policy's logits are not finite"),
        (A2C(make_envs()), "value", "A2C: policy is nan in update 1; its batch: 64 texts of"),
        (PPO(make_envs(), PPOConfig(batch_size=8)), "value", "PPO: policy is nan in update 1; its batch: 8 texts of"),
    ],
)
def test_a_loss_that_is_not_finite_is_named_and_changes_nothing(agent: Any, module: str, said: str) -> None:
    with torch.no_grad():
        agent.network.get_submodule(module).bias[0] = float("nan")
    before = weights_of(agent)
    with pytest.raises(FloatingPointError, match=said):
        agent.train(make_envs(), 100)
    assert all(torch.equal(p.nan_to_num(), before[name].nan_to_num()) for name, p in weights_of(agent).items())
    assert agent.updates == 0


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_logit_that_is_not_finite_stops_playing_be_its_token_masked_or_not(bad: float, deterministic: bool) -> None:
    """-inf and what a mask hides leave a token to draw, and are no less the end of learning."""
    envs = make_envs()
    agent = Reinforce(envs, LEARNED)
    with torch.no_grad():
        agent.network.decoder.output.bias[1] = bad
    observation, _ = envs.reset(seed=0)
    masks = np.ones((envs.num_envs, agent.spec.vocab_size), np.bool_)
    masks[:, 1] = False
    for given in (None, masks):
        with pytest.raises(FloatingPointError, match="Reinforce: the policy's logits are not finite after 0 updates; "):
            agent.predict(observation, deterministic=deterministic, action_masks=given)


@pytest.mark.parametrize("kind", [MLE, Reinforce, Uniform])
def test_agents_follow_the_protocol_and_refuse_other_texts(kind: Any, echo_task: BaseTask) -> None:
    agent = kind(make_envs(), seed=3)
    assert isinstance(agent, Agent)
    with pytest.raises(ValueError, match="was made for"):
        agent.train(make_envs(echo_task), 100)
    with pytest.raises(TypeError, match="make_vec"):
        kind(gym.make("TextGen-Tiny-v0"))
    with pytest.raises(ValueError, match="no `task`"):
        kind(gym.make_vec("TextGen-Tiny-v0", vectorization_mode="sync"))
    with pytest.raises(TypeError, match="Discrete token ids"):
        kind(gym.make_vec("Pendulum-v1"))
    for total in (0, 1.5):
        with pytest.raises((TypeError, ValueError), match="total_tokens"):
            agent.train(make_envs(), total)
    with pytest.raises(ValueError, match="seed=-1"):
        kind(make_envs(), seed=-1)


def test_a_config_of_another_agent_is_refused() -> None:
    with pytest.raises(TypeError, match="must be a MLEConfig"):
        MLE(make_envs(), ReinforceConfig())


def test_wrong_texts_sources_and_observations_are_refused(echo_task: BaseTask) -> None:
    for kind in (MLE, Uniform):
        agent, conditional = kind(make_envs()), kind(make_envs(echo_task))
        with pytest.raises(ValueError, match="ids 0 to 3"):
            agent.log_prob([[1, 7]])
        with pytest.raises(ValueError, match="unconditional"):
            agent.log_prob([[1, 2]], None, [[0]])
        with pytest.raises(ValueError, match="sources=None"):
            conditional.sample(2)
        with pytest.raises(ValueError, match=r"shape \(1, 3\), expected \(2, 3\)"):
            conditional.sample(2, [[0, 1, 2]])
        with pytest.raises(TypeError, match="whole numbers"):
            conditional.sample(1, [[0.5, 1, 2]])
        with pytest.raises(ValueError, match="ids 0 to 3"):
            conditional.sample(1, [[0, 1, 9]])
        with pytest.raises(ValueError, match="n=0"):
            agent.sample(0)
        with pytest.raises(TypeError, match="array of token ids"):
            agent.predict({"tokens": np.zeros((2, 5), np.int64)})
        with pytest.raises(TypeError, match="dict of 'source' and 'tokens'"):
            conditional.predict(np.zeros((2, 4), np.int64))
        with pytest.raises(ValueError, match=r"shape \(2, 3\), expected \(N, 5\)"):
            agent.predict(np.zeros((2, 3), np.int64))
        with pytest.raises(TypeError, match="float64"):
            agent.predict(np.zeros((2, 5)))
        with pytest.raises(ValueError, match="0 to 4"):
            agent.predict(np.full((2, 5), 5))
    agent = MLE(make_envs())
    _, state = agent.predict(np.full((2, 5), 4))
    with pytest.raises(ValueError, match="state=None"):
        agent.predict(np.full((3, 5), 4), state)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"hidden_size": 0}, ValueError),
        ({"batch_size": 1.5}, TypeError),
        ({"cell": "rnn"}, ValueError),
        ({"learning_rate": 0}, ValueError),
        ({"learning_rate": float("nan")}, ValueError),
        ({"learning_rate": "0.1"}, TypeError),
        ({"max_grad_norm": -1}, ValueError),
        ({"discount": 1.1}, ValueError),
        ({"credit": "all"}, ValueError),
        ({"baseline": None}, ValueError),
        ({"entropy_weight": -0.1}, ValueError),
        ({"entropy_half_life": 0}, ValueError),
        ({"value_weight": float("inf")}, ValueError),
    ],
)
def test_hyperparameters_out_of_range_are_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    (name,) = changes
    configs = [config for _, config in AGENTS if hasattr(config, name)]
    assert configs
    for config in configs:
        with pytest.raises(error, match=name):
            replace(config, **changes)


def test_values_are_not_taken_for_a_policy() -> None:
    """A softmax of what tokens are worth is not what the agent of these values writes by."""
    envs = make_envs()
    valued = DQN(envs, DQNConfig(**SMALL))
    said = "must be an agent with a policy network, got DQN"
    for agent in (Tempered(envs, TemperedConfig(**SMALL)), Reinforce(envs, LEARNED)):
        with pytest.raises(TypeError, match=said):
            agent.initialise_from(valued)
    with pytest.raises(TypeError, match=said):
        OffPolicy(envs, OffPolicyConfig(**SMALL, refresh_every=None)).learn_from(valued)


def test_the_error_of_rewards_counts_those_of_tokens_written() -> None:
    envs = make_envs()
    agent = Reinforce(envs, LEARNED)
    played = agent.gather(envs, np.full(envs.num_envs, 2))
    rewards = np.where(np.arange(5) < played.lengths[:, None], -5.0, 0.0)
    rewards[1, 0] = np.nan
    count = played.lengths.sum()
    said = rf"token 0 of text 1 is nan in update 1; of the batch's {count} rewards 1 are not .* in \[-5, -5\]; look"
    with pytest.raises(FloatingPointError, match=said):
        check_rewards(agent, replace(played, rewards=rewards))
    with pytest.raises(FloatingPointError, match=rf"{count} rewards {count} are not finite; look at the environment's"):
        check_rewards(agent, replace(played, rewards=np.where(rewards == 0, 0, np.inf)))


@pytest.mark.parametrize("deterministic", [True, False])
def test_masks_that_allow_nothing_are_refused(deterministic: bool) -> None:
    agent = Reinforce(make_envs(), LEARNED)
    masks = np.array([[True] * 4, [False] * 4])
    with pytest.raises(ValueError, match="action_masks: row 1 allows no token; it must allow at least one"):
        agent.predict(np.full((2, 5), 4), deterministic=deterministic, action_masks=masks)


def test_policy_agent_alone_names_no_config() -> None:
    with pytest.raises(AttributeError, match="config_class"):
        PolicyAgent(make_envs())
