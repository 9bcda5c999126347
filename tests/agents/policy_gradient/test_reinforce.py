"""REINFORCE: its gradient is that of the expected return, and it finds the best text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.baselines.uniform import Uniform
from agents.data.episodes import evaluate, play
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from support.gradient_estimates import flat_gradient, policy_gradients, standard_errors_off, unequal
from support.text_batches import forbids
from textgen_env import BaseTask, TextGenVectorEnv

PLAIN: dict[str, Any] = {"embedding_size": 3, "hidden_size": 4, "scale_advantages": False}


# With a discount below 1, reward-to-go leaves a factor of the gradient out on purpose.
@pytest.mark.parametrize(
    ("baseline", "credit", "discount"),
    [
        ("none", "whole", 1.0),
        ("none", "reward_to_go", 1.0),
        ("batch_mean", "whole", 0.5),
        ("batch_mean", "reward_to_go", 1.0),
        ("learned", "reward_to_go", 1.0),
    ],
)
def test_the_gradient_is_that_of_the_expected_return(baseline: Any, credit: Any, discount: float) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=32, vocab_size=3, max_length=3)
    config = ReinforceConfig(**PLAIN, baseline=baseline, credit=credit, discount=discount)
    agent = unequal(Reinforce(envs, config, seed=0))
    texts = envs.unwrapped.task.all_texts()
    scores = np.zeros(len(texts.tokens))
    before = np.zeros(len(scores))
    for t in range(3):
        longer = np.minimum(texts.lengths, t + 1)
        so_far = envs.unwrapped.score(np.where(np.arange(3) < longer[:, None], texts.tokens, 3), longer)
        scores += discount**t * (so_far - before)
        before = so_far
    tokens = torch.from_numpy(texts.tokens)
    written = torch.arange(3) < torch.from_numpy(texts.lengths).unsqueeze(1)
    log_probs = agent.network.logits(agent.network.hidden(tokens, None)).log_softmax(-1)
    chances = (log_probs.gather(2, tokens.clamp(max=2).unsqueeze(2)).squeeze(2) * written).sum(1).exp()
    assert float(chances.detach().sum()) == pytest.approx(1, abs=1e-5)
    exact = flat_gradient(agent, (chances * torch.from_numpy(scores).float()).sum())

    off, resolution = standard_errors_off(policy_gradients(agent, envs, 250), exact)
    assert off < 4
    # The test can tell: the error is small beside the gradient.
    assert resolution < 0.1


def test_baselines_make_the_gradient_steadier() -> None:
    """On rewards far from 0, as log-likelihoods are."""
    envs = TextGenVectorEnv("tiny", lambda tokens, lengths, sources=None: -20.0 - (tokens == 1).sum(1), 16)
    noise = {}
    for baseline in ("none", "batch_mean"):
        agent = unequal(Reinforce(envs, ReinforceConfig(**PLAIN, baseline=baseline), seed=0))  # type: ignore[arg-type]
        gradients = [
            flat_gradient(agent, agent.losses(play(agent.explore, envs, np.ones(16, np.int64)))["policy"])
            for _ in range(40)
        ]
        noise[baseline] = np.var(gradients, axis=0).sum()
    assert noise["batch_mean"] < noise["none"] / 50


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_writes_the_best_text_of_tiny(seed: int) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=64)
    texts = envs.unwrapped.task.all_texts()
    scores = envs.unwrapped.score(texts.tokens, texts.lengths)
    agent = Reinforce(envs, seed=seed).train(envs, 30_000)
    reached = evaluate(agent.predict, envs, 500).returns.mean()
    assert reached > 0.98 * scores.max()


@pytest.mark.parametrize(
    "config",
    [
        ReinforceConfig(baseline="learned"),
        ReinforceConfig(credit="whole"),
        ReinforceConfig(cell="lstm", entropy_weight=0.1, entropy_half_life=None),
    ],
)
def test_its_variants_learn_tiny_too(config: ReinforceConfig) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=64)
    texts = envs.unwrapped.task.all_texts()
    best = envs.unwrapped.score(texts.tokens, texts.lengths).max()
    agent = Reinforce(envs, config, seed=0).train(envs, 30_000)
    assert evaluate(agent.predict, envs, 500).returns.mean() > 0.98 * best


def test_it_learns_under_masks(no_repeat_task: BaseTask) -> None:
    """The best text alternates between two letters that the reward likes."""

    def likes(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
        return ((tokens == 2) | (tokens == 3)).sum(1).astype(float)

    envs = TextGenVectorEnv(no_repeat_task, likes, 32)
    agent = Reinforce(envs, ReinforceConfig(hidden_size=16), seed=0)
    agent.train(envs, 40_000)
    assert evaluate(agent.predict, envs, 200, masked=True).returns.mean() > 3.9


def test_what_masks_forbid_has_no_gradient() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=16)
    agent = unequal(Reinforce(envs, ReinforceConfig(**PLAIN), seed=0))
    played = play(Uniform(envs, seed=1).predict, envs, np.ones(16, np.int64))
    kept = np.where(played.tokens == 3, 1, played.tokens)
    for name, loss in agent.losses(replace(played, tokens=kept, allowed_tokens=forbids(3, 4))).items():
        (gradient,) = torch.autograd.grad(loss, agent.network.decoder.output.bias, retain_graph=True)
        assert gradient[3] == 0, name
        assert (gradient[:3] != 0).all(), name


def test_it_answers_its_source(echo_task: BaseTask) -> None:
    """The reward counts letters that stand where the source has them."""

    def echoes(tokens: np.ndarray, lengths: np.ndarray, sources: Any) -> np.ndarray:
        return ((tokens[:, :3] == sources.tokens + 1) & (sources.tokens < 3)).sum(1) / (sources.tokens < 3).sum(1)

    envs = TextGenVectorEnv(echo_task, echoes, 64)
    agent = Reinforce(envs, seed=0)
    random = evaluate(agent.predict, envs, 400).returns.mean()
    agent.train(envs, 30_000)
    assert random < 0.4
    assert evaluate(agent.predict, envs, 400).returns.mean() > 0.9


def test_a_batch_is_filled_up_to_as_many_texts_of_each_row() -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=6, train_size=1, test_size=1)
    agent = Reinforce(envs, ReinforceConfig(batch_size=16))
    tokens: list[int] = []
    agent.train(envs, 181, lambda progress: tokens.append(progress.tokens_generated))
    assert tokens == [180, 360]


def test_the_entropy_bonus_fades_by_half() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    terms = {"policy": torch.tensor(1.0), "entropy": torch.tensor(2.0)}
    agent = Reinforce(envs, ReinforceConfig(entropy_weight=0.4, entropy_half_life=100))
    assert float(agent.total_loss(terms)) == pytest.approx(1 - 0.8)
    agent.tokens_generated = 200
    assert float(agent.total_loss(terms)) == pytest.approx(1 - 0.2)
    constant = Reinforce(envs, ReinforceConfig(entropy_weight=0.4, entropy_half_life=None, value_weight=3.0))
    constant.tokens_generated = 200
    assert float(constant.total_loss(terms | {"value": torch.tensor(5.0)})) == pytest.approx(1 - 0.8 + 15)
