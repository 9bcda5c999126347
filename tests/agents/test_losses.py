"""Losses against torch's own."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Categorical

from agents.losses import (
    cross_entropy,
    entropy,
    masked_logits,
    policy_gradient_loss,
    token_log_probs,
    value_loss,
)

N, T, V = 6, 5, 7
LENGTHS = torch.tensor([5, 1, 3, 5, 2, 4])
WRITTEN = torch.arange(T) < LENGTHS.unsqueeze(1)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def logits(generator: torch.Generator) -> Tensor:
    return torch.randn(N, T, V, generator=generator, requires_grad=True)


@pytest.fixture
def tokens(generator: torch.Generator) -> Tensor:
    return torch.randint(V, (N, T), generator=generator).masked_fill(~WRITTEN, V)


def test_token_log_probs(logits: Tensor, tokens: Tensor) -> None:
    expected = Categorical(logits=logits).log_prob(tokens.clamp(max=V - 1)) * WRITTEN
    torch.testing.assert_close(token_log_probs(logits, tokens, WRITTEN), expected)


def test_cross_entropy_is_the_mean_over_tokens(tokens: Tensor, generator: torch.Generator) -> None:
    shapes = ((N, T, 4), (V, 4), (V,))
    layer = [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]
    loss = cross_entropy(*layer, tokens, WRITTEN)
    expected = F.cross_entropy(F.linear(*layer).flatten(0, 1), tokens.flatten(), ignore_index=V)
    torch.testing.assert_close(loss, expected)
    gradients, others = (torch.autograd.grad(value, layer) for value in (loss, expected))
    for gradient, other in zip(gradients, others, strict=True):
        torch.testing.assert_close(gradient, other)
    assert (gradients[0][~WRITTEN] == 0).all()


def test_policy_gradient_loss_sums_over_tokens_and_averages_over_texts(logits: Tensor, tokens: Tensor) -> None:
    advantages = torch.randn(N, T, generator=torch.Generator().manual_seed(1), requires_grad=True)
    log_probs = token_log_probs(logits, tokens, WRITTEN)
    loss = policy_gradient_loss(log_probs, advantages, WRITTEN)
    expected = sum(-advantages[n, t] * log_probs[n, t] for n in range(N) for t in range(int(LENGTHS[n]))) / N
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert advantages.grad is None
    assert logits.grad is not None
    assert (logits.grad[~WRITTEN] == 0).all()


def test_entropy(logits: Tensor) -> None:
    expected = (Categorical(logits=logits).entropy() * WRITTEN).sum() / N
    torch.testing.assert_close(entropy(logits, WRITTEN), expected)


def test_masked_tokens_have_no_probability_and_no_entropy(logits: Tensor) -> None:
    allowed = torch.zeros(N, T, V, dtype=torch.bool)
    allowed[..., :3] = True
    masked = masked_logits(logits, allowed)
    assert (masked.softmax(-1)[..., 3:] == 0).all()
    found = entropy(masked, WRITTEN)
    torch.testing.assert_close(found, (Categorical(logits=logits[..., :3]).entropy() * WRITTEN).sum() / N)
    found.backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert masked_logits(logits, None) is logits


def test_value_loss_is_half_the_mean_square_error_a_token(generator: torch.Generator) -> None:
    values = torch.randn(N, T, generator=generator, requires_grad=True)
    returns = torch.randn(N, T, generator=generator)
    expected = F.mse_loss(values[WRITTEN], returns[WRITTEN]) / 2
    torch.testing.assert_close(value_loss(values, returns, WRITTEN), expected)


def test_no_tokens_cost_nothing(tokens: Tensor) -> None:
    nothing = torch.zeros(N, T, dtype=torch.bool)
    assert cross_entropy(torch.ones(N, T, 4), torch.ones(V, 4), torch.ones(V), tokens, nothing) == 0
    assert value_loss(torch.ones(N, T), torch.zeros(N, T), nothing) == 0
