"""Divergences of linear softmax layers, their gradients and their Fisher information, against torch's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Categorical, kl_divergence

from support.linear_layers import layer_of, rule
from textgen_env.models import linear_softmax
from textgen_env.models.linear_distribution import FORBIDDEN_LOGIT, Layer
from textgen_env.models.linear_divergence import divergences_from_itself, kl_divergences

FLOAT64 = torch.float64


@pytest.fixture(params=[11, 25, 1 << 20], ids=["one row", "two rows", "all rows"], autouse=True)
def rows_held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_softmax, "IN_CACHE", request.param)


def plain(old: Layer, layer: Layer, forbidden: Tensor | None) -> Tensor:
    logits = [F.linear(*each) for each in (old, layer)]
    if forbidden is not None:
        logits = [each.masked_fill(forbidden, FORBIDDEN_LOGIT) for each in logits]
    p, q = (Categorical(logits=each) for each in logits)
    return kl_divergence(p, q)


def masks(masked: bool) -> Tensor | None:
    if not masked:
        return None
    forbidden = torch.rand(7, 11, generator=torch.Generator().manual_seed(3)) < 0.4
    forbidden[:, 5] = False
    return forbidden


@pytest.mark.parametrize("dtype", [torch.float32, FLOAT64])
@pytest.mark.parametrize("masked", [False, True])
def test_divergences_and_gradients_are_torchs(masked: bool, dtype: torch.dtype) -> None:
    (old, _), (new, _) = (layer_of(7, 11, dtype=dtype, seed=seed) for seed in (0, 1))
    forbidden = masks(masked)
    leaves = Layer(*(part.requires_grad_() for part in new))
    weights = torch.randn(7, generator=torch.Generator().manual_seed(2), dtype=dtype)
    found, expected = kl_divergences(old, leaves, rule(forbidden)), plain(old, leaves, forbidden)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    gradients = (torch.autograd.grad((each * weights).sum(), leaves) for each in (found, expected))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    if dtype == FLOAT64:
        assert torch.autograd.gradcheck(lambda *parts: kl_divergences(old, Layer(*parts), rule(forbidden)), [*leaves])


def test_a_layer_does_not_diverge_from_itself() -> None:
    layer, _ = layer_of(7, 11)
    assert kl_divergences(layer.detach(), layer).abs().max() < 1e-6
    assert not divergences_from_itself(layer).any()
    nothing, _ = layer_of(0, 11)
    assert kl_divergences(nothing, nothing).shape == divergences_from_itself(nothing).shape == (0,)


def fisher_product(loss: Callable[[Layer], Tensor], parameters: list[Tensor], direction: list[Tensor]) -> Any:
    """H v of a loss of a layer whose hidden states come of a layer before it."""
    inputs, before, weight, bias = parameters
    value = loss(Layer(torch.tanh(inputs @ before), weight, bias))
    first = torch.autograd.grad(value, parameters, create_graph=True)
    along = sum((gradient * part).sum() for gradient, part in zip(first, direction, strict=True))
    return torch.autograd.grad(along, parameters)


@pytest.mark.parametrize("masked", [False, True])
def test_its_second_derivative_is_the_fisher_information(masked: bool) -> None:
    """Through what makes the hidden states, against twice differentiating the divergence over all logits."""
    generator = torch.Generator().manual_seed(5)
    shapes = ((7, 4), (4, 3), (11, 3), (11,))
    parameters = [torch.randn(shape, generator=generator, dtype=FLOAT64, requires_grad=True) for shape in shapes]
    direction = [torch.randn(shape, generator=generator, dtype=FLOAT64) for shape in shapes]
    weights, forbidden = torch.rand(7, generator=generator, dtype=FLOAT64), masks(masked)
    products = (
        fisher_product(loss, parameters, direction)
        for loss in (
            lambda layer: (divergences_from_itself(layer, rule(forbidden)) * weights).sum(),
            lambda layer: (plain(layer.detach(), layer, forbidden) * weights).sum(),
        )
    )
    for ours, theirs in zip(*products, strict=True):
        assert theirs.any()
        torch.testing.assert_close(ours, theirs)


def test_no_further_derivative_is_made_up() -> None:
    (old, _), (new, _) = layer_of(7, 11, seed=0), layer_of(7, 11, seed=1)
    leaves = Layer(*(part.requires_grad_() for part in new))
    (gradient,) = torch.autograd.grad(kl_divergences(old, leaves).sum(), leaves.hidden, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        gradient.sum().backward()
