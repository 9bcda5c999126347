"""A generator that follows a differentiable reward through its soft tokens."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from agents.adversarial.gumbel_softmax import GumbelSoftmax, GumbelSoftmaxConfig
from agents.exact import exact_gradient, policy_table
from agents.protocol import Progress
from support.gradient_statistics import Deviations, estimates, gradient_of
from textgen_env import BaseReward, TextGenVectorEnv
from textgen_env.solve import TextMDP, backward_induction, expected_return

SMALL: dict[str, Any] = {
    "embedding_size": 8,
    "hidden_size": 8,
    "batch_size": 16,
    "pretrain_epochs": 1,
    "d_pretrain_steps": 1,
    "d_samples": 40,
    "d_steps": 1,
    "d_epochs": 1,
}
DISCRIMINATOR: dict[str, Any] = {"embedding_size": 8, "widths": [1, 2], "counts": [8, 8], "batch_size": 16}


class Pairs(BaseReward):
    """sum_{t < u} x_t' W_tu x_u over one-hot tokens, blanks among them: known exactly, and not linear in a token's
    place alone."""

    name = "pairs"

    def __init__(self, vocab_size: int, horizon: int) -> None:
        shape = horizon, vocab_size + 1, horizon, vocab_size + 1
        self.weights = torch.randn(shape, generator=torch.Generator().manual_seed(0))

    def score(self, tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
        one_hots = F.one_hot(torch.tensor(tokens), self.weights.shape[1]).float()
        return self.soft_score(one_hots).double().numpy()

    def soft_score(self, one_hots: Tensor, sources: Any = None) -> Tensor:
        return torch.einsum("nta,taub,nub->n", one_hots, self.weights, one_hots)


def pair_envs(num_envs: int = 128) -> TextGenVectorEnv:
    return TextGenVectorEnv("tiny", Pairs(3, 3), num_envs, vocab_size=3, max_length=3)


def gan_envs(**kwargs: Any) -> Any:
    reward = {"name": "discriminator", "auto_update": False, **DISCRIMINATOR, **kwargs}
    return gym.make_vec("TextGen-Tiny-v0", num_envs=4, reward=reward, train_size=64)


def deviations_at(temperature: float, straight_through: bool, count: int = 60) -> Deviations:
    envs = pair_envs()
    config = GumbelSoftmaxConfig(
        embedding_size=3,
        hidden_size=4,
        cell="gru",
        initial_std=0.7,
        temperature=temperature,
        least_temperature=temperature,
        straight_through=straight_through,
    )
    agent = GumbelSoftmax(envs, config, seed=0)
    exact = gradient_of(exact_gradient(agent, TextMDP.of(envs)))
    return Deviations.of(estimates(agent, (-agent.soft_scores(envs, 1).scores.mean() for _ in range(count))), exact)


def test_the_gradient_is_biased_by_the_temperature() -> None:
    """Both estimators point the right way; the soft one is the nearer to the exact gradient the lower tau is."""
    warm, cool = deviations_at(2.0, False), deviations_at(0.2, False, 120)
    assert warm.largest > 8
    assert warm.along > 0
    assert abs(cool.along - 1) < 0.5 * abs(warm.along - 1)
    through = deviations_at(1.0, True)
    assert through.along > 0.3
    assert through.largest > 5


def test_a_discriminators_soft_score_of_hard_tokens_is_the_score_of_the_ids() -> None:
    for output in ("probability", "log_odds"):
        envs = gan_envs(output=output)
        reward = envs.unwrapped.reward
        texts = envs.unwrapped.task.training_sequences()
        reward.update(envs.unwrapped.task.test_sequences(), steps=5)
        one_hots = F.one_hot(torch.from_numpy(texts.tokens), 5).float().requires_grad_()
        soft = reward.soft_score(one_hots)
        np.testing.assert_allclose(soft.detach().numpy(), reward.score(*texts[:2]), atol=1e-6)
        parameters = list(reward.discriminator.parameters.values())
        (gradient,) = torch.autograd.grad(soft.sum(), one_hots, retain_graph=True)
        assert float(gradient.abs().sum()) > 1e-3
        soft.sum().backward()
        assert all(parameter.requires_grad for parameter in parameters)
        grads = [parameter.grad for parameter in parameters]
        before = [None if grad is None else grad.clone() for grad in grads]
        reward.soft_score(one_hots).sum().backward()
        for old, parameter in zip(before, parameters, strict=True):
            assert old is None or torch.equal(old, parameter.grad)
        with pytest.raises(ValueError, match=r"one_hots has shape \(64, 5, 4\), expected \(N, 5, 5\)"):
            reward.soft_score(one_hots[:, :, :4])


def test_the_gradient_of_a_soft_score_is_that_of_finite_differences() -> None:
    reward = gan_envs(output="log_odds").unwrapped.reward
    soft = (3 * torch.randn(6, 5, 5, generator=torch.Generator().manual_seed(0))).softmax(2).requires_grad_()
    (gradient,) = torch.autograd.grad(reward.soft_score(soft).sum(), soft)
    directions = torch.randn((10, *soft.shape), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    # In double precision steps are so small that no maximum changes hands within them.
    reward.discriminator.network.double()
    for direction in directions:
        with torch.no_grad():
            ahead, behind = (reward.soft_score(soft.double() + step * direction).sum() for step in (1e-6, -1e-6))
        assert float((gradient * direction).sum()) == pytest.approx(float(ahead - behind) / 2e-6, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("straight_through", [True, False])
def test_masks_of_a_rows_later_texts_have_no_say(straight_through: bool) -> None:
    """In each autoreset mode another text, or none, follows a row's first one, with masks of its own."""

    def gradient(mode: str) -> tuple[float, Tensor]:
        sizes = {"vocab_size": 4, "max_length": 6, "min_length": 2}
        envs = TextGenVectorEnv("tiny", Pairs(4, 6), 32, autoreset_mode=mode, **sizes)
        config = GumbelSoftmaxConfig(embedding_size=3, hidden_size=4, straight_through=straight_through)
        agent = GumbelSoftmax(envs, config, seed=3)
        loss, _ = agent.policy_loss(envs, np.ones(32, np.int64), 5)
        return loss.item(), torch.cat([g.flatten() for g in torch.autograd.grad(loss, agent.parameters)])

    expected_loss, expected = gradient("Disabled")
    assert expected.norm() > 0
    for mode in ("NextStep", "SameStep"):
        loss, found = gradient(mode)
        assert loss == pytest.approx(expected_loss, rel=1e-6)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_the_rounds_are_seqgans() -> None:
    envs = gan_envs()
    seen: list[Progress] = []
    agent = GumbelSoftmax(envs, GumbelSoftmaxConfig(**SMALL, half_life=1, least_temperature=0.3), seed=0)
    agent.train(envs, 10**6, lambda progress: len(seen.append(progress) or seen) < 11)  # type: ignore[func-returns-value]
    assert [p.phase for p in seen] == 4 * ["mle"] + ["discriminator"] + 6 * ["adversarial"]
    steps = [p.losses for p in seen[5:]]
    assert [sorted(losses) for losses in steps] == 3 * [["policy", "temperature"], ["accuracy", "loss"]]
    assert [losses["temperature"] for losses in steps[::2]] == pytest.approx([1.0, 0.5, 0.3])
    # With whole tokens the soft scores are what the environment paid.
    assert -steps[0]["policy"] == pytest.approx(seen[5].mean_return, abs=1e-5)
    assert seen[5].tokens_generated > seen[4].tokens_generated


def test_saved_it_goes_on_bit_for_bit(tmp_path: Path) -> None:
    envs, others = gan_envs(), gan_envs()
    config = GumbelSoftmaxConfig(**SMALL, half_life=2)
    calls = itertools.count(1)
    agent = GumbelSoftmax(envs, config, seed=2).train(envs, 10**6, lambda _: next(calls) < 7)
    agent.save(tmp_path / "agent")
    loaded = GumbelSoftmax.load(tmp_path / "agent")
    others.unwrapped.reward.load_state_dict(envs.unwrapped.reward.state_dict())
    for learner, its_envs in ((agent, envs), (loaded, others)):
        more = itertools.count(1)
        learner.train(its_envs, 10**6, lambda _, more=more: next(more) < 5)
    assert agent.g_steps_taken == loaded.g_steps_taken > 2
    twin = loaded.network.state_dict()
    assert all(tensor.equal(twin[name]) for name, tensor in agent.network.state_dict().items())


@pytest.mark.parametrize("straight_through", [False, True])
def test_it_learns_from_a_reward_that_is_no_secret(straight_through: bool) -> None:
    envs = pair_envs(64)
    mdp = TextMDP.of(envs)
    config = GumbelSoftmaxConfig(
        pretrain_epochs=0, d_steps=0, hidden_size=16, half_life=40, straight_through=straight_through
    )
    agent = GumbelSoftmax(envs, config, seed=0)
    begun = expected_return(mdp, policy_table(agent, mdp))
    agent.train(envs, 25_000)
    best = float(mdp.start @ backward_induction(mdp).V)
    assert expected_return(mdp, policy_table(agent, mdp)) > begun + 0.7 * (best - begun)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"least_temperature": 2.0}, "least_temperature=2.0 must be at most temperature=1.0"),
        ({"cell": "transformer"}, "reads whole tokens only"),
        ({"half_life": 0}, "half_life=0"),
        ({"g_steps": 0}, "g_steps=0"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        GumbelSoftmaxConfig(**wrong)


def test_rewards_that_do_not_fit_are_refused() -> None:
    table = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    agent = GumbelSoftmax(table, GumbelSoftmaxConfig(**{**SMALL, "pretrain_epochs": 0}))
    with pytest.raises(ValueError, match=r"their reward TableReward has no soft_score"):
        agent.train(table, 100)
    with pytest.raises(ValueError, match=r"GumbelSoftmax decides when it learns; .*'auto_update': False"):
        agent.train(gan_envs(auto_update=True), 100)


@pytest.mark.parametrize(
    ("module", "said"), [("decoder.output", "the policy's logits are not finite at place 0"), ("", "policy is nan")]
)
def test_what_is_not_finite_is_named_and_changes_nothing(module: str, said: str) -> None:
    envs = pair_envs(4)
    agent = GumbelSoftmax(envs, GumbelSoftmaxConfig(**{**SMALL, "pretrain_epochs": 0, "d_steps": 0}))
    if module:
        with torch.no_grad():
            agent.network.get_submodule(module).bias[0] = float("nan")
    else:
        envs.reward.weights[0] = float("nan")
        envs.reward.score = lambda tokens, lengths, sources=None: np.zeros(len(tokens))  # type: ignore[attr-defined]
    before = {name: tensor.clone() for name, tensor in agent.network.state_dict().items()}
    with pytest.raises(FloatingPointError, match=rf"GumbelSoftmax: {said}.* in update 1"):
        agent.train(envs, 100)
    assert all(t.nan_to_num().equal(before[name].nan_to_num()) for name, t in agent.network.state_dict().items())
    assert agent.updates == 0
