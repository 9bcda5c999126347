"""Losses against torch's own."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Categorical, kl_divergence

from agents.functional.losses import (
    approximate_kl,
    best_values,
    clip_fraction,
    clipped_value_loss,
    cross_entropy,
    entropy,
    huber_loss,
    kl_from_itself,
    log_probs_and_entropies,
    masked_logits,
    policy_gradient_loss,
    policy_kl,
    ppo_clip_loss,
    surrogate_loss,
    value_loss,
)
from textgen_env.models.linear_distribution import Layer

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
def layer(generator: torch.Generator) -> Layer:
    return Layer(*(torch.randn(shape, generator=generator, requires_grad=True) for shape in ((N, T, 4), (V, 4), (V,))))


@pytest.fixture
def tokens(generator: torch.Generator) -> Tensor:
    return torch.randint(V, (N, T), generator=generator).masked_fill(~WRITTEN, V)


def test_log_probs_and_entropies_are_torchs(layer: Layer, tokens: Tensor) -> None:
    policy = Categorical(logits=F.linear(*layer))
    log_probs, entropies = log_probs_and_entropies(layer, tokens, WRITTEN)
    torch.testing.assert_close(log_probs, policy.log_prob(tokens.clamp(max=V - 1)) * WRITTEN)
    torch.testing.assert_close(entropies, policy.entropy() * WRITTEN)


def test_cross_entropy_is_the_mean_over_tokens(layer: Layer, tokens: Tensor) -> None:
    loss = cross_entropy(layer, tokens, WRITTEN)
    expected = F.cross_entropy(F.linear(*layer).flatten(0, 1), tokens.flatten(), ignore_index=V)
    torch.testing.assert_close(loss, expected)
    gradients, others = (torch.autograd.grad(value, layer) for value in (loss, expected))
    for gradient, other in zip(gradients, others, strict=True):
        torch.testing.assert_close(gradient, other)
    assert (gradients[0][~WRITTEN] == 0).all()


def test_policy_gradient_loss_sums_over_tokens_and_averages_over_texts(layer: Layer, tokens: Tensor) -> None:
    advantages = torch.randn(N, T, generator=torch.Generator().manual_seed(1), requires_grad=True)
    log_probs, _ = log_probs_and_entropies(layer, tokens, WRITTEN)
    loss = policy_gradient_loss(log_probs, advantages, WRITTEN)
    expected = sum(-advantages[n, t] * log_probs[n, t] for n in range(N) for t in range(int(LENGTHS[n]))) / N
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert advantages.grad is None
    assert layer.hidden.grad is not None
    assert (layer.hidden.grad[~WRITTEN] == 0).all()


def test_entropy_sums_over_tokens_and_averages_over_texts(generator: torch.Generator) -> None:
    entropies = torch.rand(N, T, generator=generator)
    expected = sum(float(entropies[n, t]) for n in range(N) for t in range(int(LENGTHS[n]))) / N
    assert float(entropy(entropies, WRITTEN)) == pytest.approx(expected)


def test_masked_tokens_have_no_probability_and_no_entropy(logits: Tensor, layer: Layer, tokens: Tensor) -> None:
    allowed = torch.zeros(N, T, V, dtype=torch.bool)
    allowed[..., :3] = True
    assert (masked_logits(logits, allowed).softmax(-1)[..., 3:] == 0).all()
    assert masked_logits(logits, None) is logits
    forbidden = ~allowed[WRITTEN]
    chosen = tokens.clamp(max=2)
    log_probs, entropies = log_probs_and_entropies(layer, chosen, WRITTEN, lambda rows: forbidden[rows])
    expected = Categorical(logits=F.linear(*layer)[..., :3])
    torch.testing.assert_close(log_probs, expected.log_prob(chosen) * WRITTEN)
    torch.testing.assert_close(entropies, expected.entropy() * WRITTEN)
    gradients = torch.autograd.grad(log_probs.sum() + entropies.sum(), layer)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert not gradients[1][3:].any()


def test_value_loss_is_half_the_mean_square_error_a_token(generator: torch.Generator) -> None:
    values = torch.randn(N, T, generator=generator, requires_grad=True)
    returns = torch.randn(N, T, generator=generator)
    expected = F.mse_loss(values[WRITTEN], returns[WRITTEN]) / 2
    torch.testing.assert_close(value_loss(values, returns, WRITTEN), expected)


def test_no_tokens_cost_nothing(tokens: Tensor) -> None:
    nothing = torch.zeros(N, T, dtype=torch.bool)
    assert cross_entropy(Layer(torch.ones(N, T, 4), torch.ones(V, 4), torch.ones(V)), tokens, nothing) == 0
    assert value_loss(torch.ones(N, T), torch.zeros(N, T), nothing) == 0
    assert clipped_value_loss(torch.ones(N, T), torch.ones(N, T), torch.zeros(N, T), nothing, 0.1) == 0
    assert approximate_kl(torch.ones(N, T), torch.zeros(N, T), nothing) == 0
    assert clip_fraction(torch.ones(N, T), torch.zeros(N, T), nothing, 0.1) == 0


@pytest.fixture
def old_log_probs(generator: torch.Generator) -> Tensor:
    return torch.randn(N, T, generator=generator)


def test_ppo_clip_loss_is_stable_baselines3s_a_text(old_log_probs: Tensor, generator: torch.Generator) -> None:
    log_probs = (old_log_probs + torch.randn(N, T, generator=generator) / 3).requires_grad_()
    credits = torch.randn(N, T, generator=generator)
    loss = ppo_clip_loss(log_probs, old_log_probs, credits, WRITTEN, 0.2)
    # As PPO.train of stable_baselines3 has it: a mean over steps.
    log_prob, advantages = log_probs[WRITTEN], credits[WRITTEN]
    ratio = torch.exp(log_prob - old_log_probs[WRITTEN])
    policy_loss_1 = advantages * ratio
    policy_loss_2 = advantages * torch.clamp(ratio, 1 - 0.2, 1 + 0.2)
    expected = -torch.min(policy_loss_1, policy_loss_2).mean() * WRITTEN.sum() / N
    torch.testing.assert_close(loss, expected)
    ours, theirs = (torch.autograd.grad(value, log_probs)[0] for value in (loss, expected))
    torch.testing.assert_close(ours, theirs)
    assert (ours[WRITTEN] == 0).any()
    log_ratio = (log_probs - old_log_probs)[WRITTEN]
    torch.testing.assert_close(
        approximate_kl(log_probs, old_log_probs, WRITTEN), torch.mean((torch.exp(log_ratio) - 1) - log_ratio)
    )
    torch.testing.assert_close(
        clip_fraction(log_probs, old_log_probs, WRITTEN, 0.2), torch.mean((torch.abs(ratio - 1) > 0.2).float())
    )


@pytest.mark.parametrize(
    ("ratio", "advantage", "gained", "slope"),
    [
        (1.0, 2.0, 2.0, 2.0),
        (1.5, 2.0, 2.4, 0.0),  # held at 1.2
        (1.5, -2.0, -3.0, -3.0),  # what has become worse counts in full
        (0.5, 2.0, 1.0, 1.0),
        (0.5, -2.0, -1.6, 0.0),  # held at 0.8
    ],
)
def test_ppo_clip_loss_by_hand(ratio: float, advantage: float, gained: float, slope: float) -> None:
    log_probs = torch.tensor([[ratio]]).log().requires_grad_()
    one = torch.ones(1, 1, dtype=torch.bool)
    loss = ppo_clip_loss(log_probs, torch.zeros(1, 1), torch.tensor([[advantage]]), one, 0.2)
    assert float(loss.detach()) == pytest.approx(-gained)
    assert float(torch.autograd.grad(loss, log_probs)[0]) == pytest.approx(-slope)


def test_surrogates_begin_as_the_policy_gradient(layer: Layer, tokens: Tensor, generator: torch.Generator) -> None:
    log_probs, _ = log_probs_and_entropies(layer, tokens, WRITTEN)
    credits = torch.randn(N, T, generator=generator)
    losses = (
        policy_gradient_loss(log_probs, credits, WRITTEN),
        surrogate_loss(log_probs, log_probs, credits, WRITTEN),
        ppo_clip_loss(log_probs, log_probs, credits, WRITTEN, 0.2),
    )
    first, second, third = (torch.autograd.grad(loss, layer.hidden, retain_graph=True)[0] for loss in losses)
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(first, third)
    assert float(losses[1].detach()) == pytest.approx(-float((credits * WRITTEN).sum()) / N)


@pytest.mark.parametrize(
    ("value", "loss"),
    [(1.3, 1.7**2 / 2), (2.5, 1.5**2 / 2), (-0.5, 3.5**2 / 2), (3.5, 1.5**2 / 2)],
)
def test_clipped_value_loss_by_hand(value: float, loss: float) -> None:
    """Of an old value 1, held within 0.5 of it, where 3 was to be found."""
    one = torch.ones(1, 1)
    found = clipped_value_loss(value * one, one, 3 * one, one.bool(), 0.5)
    assert float(found) == pytest.approx(loss)


def test_policy_kl_is_torchs(layer: Layer, generator: torch.Generator) -> None:
    old = Layer(*(torch.randn(part.shape, generator=generator) for part in layer))
    found = policy_kl(old, layer, WRITTEN)
    policies = (Categorical(logits=F.linear(*each)) for each in (old, layer))
    expected = (kl_divergence(*policies) * WRITTEN).sum() / N
    torch.testing.assert_close(found, expected)
    gradients = (torch.autograd.grad(value, layer) for value in (found, expected))
    for gradient, other in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, other)
    assert float(policy_kl(layer.detach(), layer, WRITTEN).detach()) == pytest.approx(0, abs=1e-6)


def test_kl_from_itself_curves_as_policy_kl_does(layer: Layer) -> None:
    loss = kl_from_itself(layer, WRITTEN)
    assert loss == 0
    gradient = torch.autograd.grad(loss, layer.bias, create_graph=True)[0]
    assert not gradient.any()
    forward, old = F.linear(*layer)[WRITTEN].detach(), layer.detach()
    direction = torch.randn(V, generator=torch.Generator().manual_seed(3))
    (product,) = torch.autograd.grad(gradient @ direction, layer.bias)
    p = forward.softmax(1)
    expected = (p * direction - p * (p @ direction).unsqueeze(1)).sum(0) / N
    torch.testing.assert_close(product, expected)
    moved = old._replace(bias=old.bias + 1e-2 * direction)
    assert float(policy_kl(old, moved, WRITTEN)) == pytest.approx(float(direction @ product) / 2e4, rel=0.05)


def test_huber_loss_has_the_error_clipped_for_gradient() -> None:
    errors = 3 * torch.randn(N, T, generator=torch.Generator().manual_seed(2))
    values = errors.clone().requires_grad_(True)
    targets = torch.ones(N, T)
    loss = huber_loss(values + targets, targets.masked_fill(~WRITTEN, 1e6), WRITTEN)
    expected = [
        0.5 * e**2 if abs(e) <= 1 else abs(e) - 0.5 for n in range(N) for e in errors[n, : int(LENGTHS[n])].tolist()
    ]
    assert float(loss.detach()) == pytest.approx(sum(expected) / len(expected), rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, values)
    torch.testing.assert_close(gradient, errors.clamp(-1, 1) * WRITTEN / WRITTEN.sum())


def test_best_values_by_hand() -> None:
    """Q(s, .) = 1, 5, 2 chooses token 1, or token 2 where 1 is not allowed; Q' says what that is worth."""
    ours, theirs = torch.tensor([[1.0, 5.0, 2.0]]), torch.tensor([[7.0, 3.0, 4.0]])
    allowed = torch.tensor([[True, False, True]])
    assert best_values(theirs, ours, None).tolist() == [3.0]
    assert best_values(theirs, ours, allowed).tolist() == [4.0]
    assert best_values(theirs, theirs, None).tolist() == [7.0]
    assert best_values(theirs, theirs, ~allowed).tolist() == [3.0]
