"""Soft tokens: drawn as often as their softmax says, with torch's gradients, and whole texts where they are hard."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats

from agents.adversarial.gumbel_softmax import RelaxedWriter, gumbel_noise, gumbel_softmax, relaxed_text
from agents.data.episodes import play
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from support.gradient_statistics import SMALLEST, unequal
from textgen_env import TextGenVectorEnv

LOGITS = torch.tensor([0.3, -1.0, 2.0, 0.0])


def test_the_greatest_is_drawn_as_often_as_the_softmax_says() -> None:
    noise = gumbel_noise((20_000, 4), torch.Generator().manual_seed(0))
    drawn = gumbel_softmax(LOGITS.expand(20_000, 4), noise, 0.7, straight_through=True).argmax(1)
    observed = np.bincount(drawn.numpy(), minlength=4)
    assert stats.chisquare(observed, 20_000 * LOGITS.double().softmax(0).numpy()).pvalue > 1e-3
    assert stats.kstest(noise.flatten()[:5000].numpy(), "gumbel_r").pvalue > 1e-3


@pytest.mark.parametrize("straight_through", [False, True])
@pytest.mark.parametrize("temperature", [0.2, 1.0, 3.0])
def test_values_and_gradients_are_torchs(temperature: float, straight_through: bool) -> None:
    ours = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    weights = torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        noise = -torch.empty(6, 4).exponential_().log()
        torch.manual_seed(3)
        expected = F.gumbel_softmax(theirs, temperature, hard=straight_through)
    found = gumbel_softmax(ours, noise, temperature, straight_through)
    torch.testing.assert_close(found, expected)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert float(ours.grad.abs().sum()) > 1e-3  # type: ignore[union-attr]
    if straight_through:
        torch.testing.assert_close(found.detach(), F.one_hot(found.argmax(1), 4).float())


def test_a_temperature_of_0_is_refused() -> None:
    with pytest.raises(ValueError, match=r"temperature=0\.0 must be above 0"):
        gumbel_softmax(LOGITS, torch.zeros(4), 0.0)


def test_hard_tokens_make_the_text() -> None:
    tokens = torch.tensor([[1, 2, 0, 3], [3, 1, 2, 1], [0, 0, 1, 1]])
    expected = torch.tensor([[1, 2, 0, 4], [3, 1, 2, 1], [0, 4, 4, 4]])
    one_hots = F.one_hot(tokens, 4).double()
    assert relaxed_text(one_hots, 0).equal(F.one_hot(expected, 5).double())
    assert relaxed_text(one_hots, None).equal(F.one_hot(tokens, 5).double())


def test_soft_tokens_end_the_text_as_likely_as_they_say() -> None:
    """Each place of the relaxed text is the mean over hard ones that are drawn place by place."""
    soft = torch.rand(1, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    soft = soft / soft.sum(2, keepdim=True)
    mean = torch.zeros(1, 3, 4, dtype=torch.float64)
    for tokens in torch.cartesian_prod(*(torch.arange(3),) * 3):
        chance = soft[0, torch.arange(3), tokens].prod()
        mean += chance * relaxed_text(F.one_hot(tokens, 3).double()[None], 0)
    torch.testing.assert_close(relaxed_text(soft, 0), mean)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_what_is_written_is_what_the_environment_is_played_with(cell: Any, mode: str) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=9, autoreset_mode=mode)
    agent = unequal(Reinforce(envs, ReinforceConfig(**SMALLEST, cell=cell)))
    writer = RelaxedWriter(agent.network, agent.spec, 0.5, True, torch.Generator().manual_seed(0), 9)
    played = play(writer.predict, envs, np.ones(9, np.int64), masked=True)
    torch.testing.assert_close(writer.texts().detach(), F.one_hot(torch.from_numpy(played.tokens), 5).float())
    assert len(set(played.lengths)) > 1
    # The same noise on the logits of the network that reads ids.
    with torch.no_grad():
        logits = agent.network.logits(agent.network.hidden(torch.from_numpy(played.tokens), None))
    greatest = (logits + writer.noise.transpose(0, 1)).argmax(2).numpy()
    counted = np.arange(5) < played.lengths[:, None]
    np.testing.assert_array_equal(greatest[counted], played.tokens[counted])


def test_masks_and_sources_hold_for_soft_tokens(no_repeat_task: Any, echo_task: Any) -> None:
    for task in (no_repeat_task, echo_task):
        envs = TextGenVectorEnv(task, lambda tokens, lengths, sources=None: lengths.astype(float), 8)
        agent = unequal(Reinforce(envs, ReinforceConfig(**SMALLEST)))
        writer = RelaxedWriter(agent.network, agent.spec, 1.0, False, torch.Generator().manual_seed(0), 8)
        played = play(writer.predict, envs, np.ones(8, np.int64), masked=True)
        assert writer.texts().shape == (8, task.max_length, 5)
        torch.testing.assert_close(writer.texts().sum(2), torch.ones(8, task.max_length))
        if played.allowed_tokens is not None:
            assert (writer.texts()[:, 0, [0, 2, 3, 4]] == 0).all()


def test_logits_that_are_not_finite_are_named() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    agent = Reinforce(envs, ReinforceConfig(**SMALLEST))
    with torch.no_grad():
        agent.network.decoder.output.bias[0] = float("nan")
    writer = RelaxedWriter(agent.network, agent.spec, 1.0, False, torch.Generator().manual_seed(0), 2)
    with pytest.raises(FloatingPointError, match="logits are not finite at place 0"):
        play(writer.predict, envs, np.ones(2, np.int64))
