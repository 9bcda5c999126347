"""The compiled GRU layer: torch's values and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from textgen_env.kernels import kernels
from textgen_env.models import recurrent_layer
from textgen_env.models.recurrent_layer import differentiable_twice, gru_layer

SIZES = [(1, 1, 1, 1), (1, 7, 3, 5), (6, 1, 4, 9), (5, 20, 3, 17), (70, 4, 32, 64)]


def made(count: int, horizon: int, inputs: int, size: int) -> tuple[nn.GRU, Tensor, Tensor, list[Tensor]]:
    torch.manual_seed(count + horizon)
    gru = nn.GRU(inputs, size, batch_first=True)
    read, hidden = torch.randn(count, horizon, inputs) * 2, torch.randn(count, size)
    given = [torch.randn(count, horizon, size), torch.randn(count, size)]
    return gru, read.requires_grad_(), hidden.requires_grad_(), given


def found(gru: nn.GRU, read: Tensor, hidden: Tensor, given: list[Tensor]) -> list[Tensor]:
    outputs = gru_layer(gru, read, hidden)
    return [*outputs, *torch.autograd.grad(outputs, [read, hidden, *gru.parameters()], given)]


@pytest.mark.skipif(kernels("gates") is None, reason="Numba is not installed")
@pytest.mark.parametrize("sizes", SIZES)
def test_values_and_gradients_are_torchs(sizes: tuple[int, int, int, int]) -> None:
    whole = made(*sizes)
    assert gru_layer(*whole[:3])[0].grad_fn.__class__.__name__ == "_GRUBackward"
    with differentiable_twice():
        expected = found(*whole)
        assert gru_layer(*whole[:3])[0].grad_fn.__class__.__name__ != "_GRUBackward"
    for ours, theirs in zip(found(*whole), expected, strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=2e-5)


def test_only_one_of_the_two_results_may_count() -> None:
    gru, read, hidden, given = made(5, 4, 3, 2)
    for number in range(2):
        with differentiable_twice():
            expected = torch.autograd.grad(gru_layer(gru, read, hidden)[number], gru.weight_hh_l0, given[number])
        ours = torch.autograd.grad(gru_layer(gru, read, hidden)[number], gru.weight_hh_l0, given[number])
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_a_backward_pass_may_be_repeated() -> None:
    gru, read, hidden, given = made(5, 4, 3, 2)
    outputs = gru_layer(gru, read, hidden)
    first, second = (torch.autograd.grad(outputs, [read, hidden], given, retain_graph=True) for _ in range(2))
    assert all(map(torch.equal, first, second))
    assert torch.equal(given[0], made(5, 4, 3, 2)[3][0])


def test_what_needs_no_gradient_gets_none_and_values_stay() -> None:
    gru, read, hidden, given = made(5, 4, 3, 2)
    plain = gru_layer(gru, read.detach(), hidden.detach())
    plain[0].backward(given[0])
    assert gru.weight_ih_l0.grad is not None
    with torch.no_grad():
        assert torch.equal(gru_layer(gru, read, hidden)[0], plain[0])
    with torch.inference_mode():
        assert torch.equal(gru_layer(gru, read, hidden)[1], plain[1])


def test_second_derivatives_are_asked_for_by_name() -> None:
    gru, read, hidden, _ = made(2, 3, 2, 2)
    if kernels("gates") is not None:
        (gradient,) = torch.autograd.grad(gru_layer(gru, read, hidden)[0].square().sum(), read, create_graph=True)
        with pytest.raises(RuntimeError, match="once_differentiable"):
            gradient.sum().backward()
    with differentiable_twice():
        (gradient,) = torch.autograd.grad(gru_layer(gru, read, hidden)[0].square().sum(), read, create_graph=True)
        gradient.sum().backward()
    assert gru.weight_hh_l0.grad is not None


@pytest.mark.parametrize(("count", "horizon"), [(0, 3), (3, 0)])
def test_nothing_to_read(count: int, horizon: int) -> None:
    gru = nn.GRU(2, 3, batch_first=True)
    if count:
        with pytest.raises(RuntimeError, match="sequence length"):
            gru_layer(gru, torch.zeros(count, horizon, 2), torch.zeros(count, 3))
    else:
        outputs, last = gru_layer(gru, torch.zeros(count, horizon, 2), torch.zeros(count, 3))
        assert (outputs.shape, last.shape) == ((0, 3, 3), (0, 3))


def test_without_compiled_loops_it_is_torchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrent_layer, "kernels", lambda name: None)
    gru, read, hidden, _ = made(5, 4, 3, 2)
    assert torch.equal(gru_layer(gru, read, hidden)[0], gru(read, hidden.unsqueeze(0))[0])
    gru, read, hidden = gru.double(), read.double(), hidden.double()
    assert torch.equal(gru_layer(gru, read, hidden)[0], gru(read, hidden.unsqueeze(0))[0])
