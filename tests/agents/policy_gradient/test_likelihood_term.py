"""The likelihood term of policy gradients: what it adds to a step, what it reads, and who has no place for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.data.training_texts import TrainingTexts
from agents.policy_gradient.a2c import A2C
from agents.policy_gradient.mixer import MixerConfig
from agents.policy_gradient.npg import NPGConfig
from agents.policy_gradient.off_policy import OffPolicyConfig
from agents.policy_gradient.ppo import PPO
from agents.policy_gradient.reinforce import Reinforce
from agents.policy_gradient.rloo import RLOO
from agents.policy_gradient.self_critical import SelfCritical
from agents.policy_gradient.soft import SoftPolicyGradient
from agents.policy_gradient.trpo import TRPOConfig
from support.games import share_copied
from support.gradient_statistics import SMALLEST
from textgen_env import BaseTask, TextGenVectorEnv, Vocabulary, text_game

AGENTS = [Reinforce, A2C, PPO, RLOO, SelfCritical, SoftPolicyGradient]


class NoData(BaseTask):
    """A task without texts."""

    vocabulary = Vocabulary(["<e>", "a"], eos="<e>")
    max_length = 3


def make_envs(task: Any = None, **kwargs: Any) -> Any:
    if task is None:
        return gym.make_vec("TextGen-Tiny-v0", num_envs=4, train_size=20, **kwargs)
    return TextGenVectorEnv(task, share_copied, 4)


def small(kind: Any, envs: Any, weight: float, **config: Any) -> Any:
    return kind(envs, kind.config_class(**{**SMALLEST, "batch_size": 8, "likelihood_weight": weight, **config}), 1)


def gradients(agent: Any) -> list[torch.Tensor]:
    return [torch.zeros_like(each) if each.grad is None else each.grad.clone() for each in agent.parameters]


@pytest.mark.parametrize("conditional", [False, True])
def test_a_step_is_down_the_reward_and_the_nll_of_a_text(conditional: bool, echo_task: Any) -> None:
    envs = make_envs(echo_task if conditional else None)
    agent, weight = small(Reinforce, envs, 0.7, max_grad_norm=1e9), 0.7
    batch = agent.gather(envs, np.full(4, 2))
    truths = TrainingTexts(envs, agent.spec, 8, agent.order_seed, torch.device("cpu"))
    expected = agent.total_loss(agent.losses(batch))
    expected = expected - weight * _log_prob(agent, truths.batch(0)).sum() / len(truths.batch(0))
    wanted = torch.autograd.grad(expected, agent.parameters)
    agent._truths = truths
    losses = agent.learn(batch)
    for found, want in zip(gradients(agent), wanted, strict=True):
        torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-6)
    assert losses.keys() == {"policy", "entropy", "nll"}
    assert agent.batches_read == 1
    assert agent.tokens_read == truths.batch(0).lengths.sum()


def _log_prob(agent: Any, batch: Any) -> torch.Tensor:
    hidden = agent.network.hidden(batch.token_ids, batch.source_ids)
    log_probs = agent.network.logits(hidden).log_softmax(-1)
    of_tokens = log_probs.gather(-1, batch.token_ids.masked_fill(~batch.written, 0)[..., None])[..., 0]
    return (of_tokens * batch.written).sum(1)


@pytest.mark.parametrize("kind", AGENTS)
def test_beside_a_reward_that_says_nothing_it_is_maximum_likelihood(kind: Any) -> None:
    envs = make_envs(reward="constant")
    with_term, without = (
        small(kind, envs, weight, learning_rate=0.02, **({"group_size": 4} if kind is RLOO else {}))
        for weight in (1.0, 0.0)
    )
    said: dict[Any, list[float]] = {}
    for agent in (with_term, without):
        agent.train(make_envs(reward="constant"), 4_000)
        texts = text_game(envs).task.training_sequences()
        said[agent] = agent.log_prob(texts.tokens, texts.lengths).mean()
    assert said[with_term] > said[without] + 0.5
    assert with_term.tokens_read > 0
    assert without.tokens_read == 0


@pytest.mark.parametrize("kind", [Reinforce, PPO])
def test_saved_between_two_segments_it_goes_on_bit_for_bit(kind: Any, tmp_path: Path) -> None:
    agent, resumed = (small(kind, make_envs(), 0.1) for _ in range(2))
    for _ in range(4):
        agent.train(make_envs(), 100)
        resumed.train(make_envs(), 100)
        resumed.save(tmp_path / "agent")
        resumed = kind.load(tmp_path / "agent")
    assert agent.batches_read == resumed.batches_read > 4
    assert all(map(torch.equal, agent.parameters, resumed.parameters))


def test_ppo_reads_as_many_texts_a_step_as_it_has_in_one() -> None:
    envs = make_envs()
    agent = small(PPO, envs, 0.1, batch_size=32, minibatches=4)
    agent.train(envs, 1)
    assert agent.batches_read == agent.config.epochs * 4
    assert agent.tokens_read <= agent.batches_read * 8 * agent.spec.max_length


@pytest.mark.parametrize("config", [MixerConfig, NPGConfig, TRPOConfig, OffPolicyConfig])
def test_an_update_without_a_place_for_it_says_so(config: Any) -> None:
    with pytest.raises(ValueError, match=r"likelihood_weight=0\.5 must be 0: "):
        config(likelihood_weight=0.5)


def test_errors_say_what_to_do() -> None:
    envs = make_envs()
    with pytest.raises(ValueError, match="likelihood_weight"):
        small(Reinforce, envs, -1)
    agent = small(Reinforce, envs, 1.0)
    with pytest.raises(RuntimeError, match=r"likelihood_weight=1\.0 takes the task's training texts; call train"):
        agent.learn(agent.gather(envs, np.full(4, 2)))
    without = make_envs(NoData())
    with pytest.raises(ValueError, match="NoData has no training data"):
        small(Reinforce, without, 1.0).train(without, 100)
