"""The softmax of a linear layer against torch's own over all logits at once."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from textgen_env.models import linear_softmax
from textgen_env.models.linear_softmax import (
    LogitsMemory,
    draw_tokens,
    linear_cross_entropy,
    rows_at_once,
    token_log_probs,
)
from textgen_env.models.sampling import inverse_softmax

pytestmark = pytest.mark.usefixtures("path")


def layer(
    rows: int, vocab_size: int, size: int = 8, scale: float = 1.0, dtype: torch.dtype = torch.float32, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Hidden states, weight, bias, and a token of each row."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(rows, size, generator=generator, dtype=dtype)
    weight = scale * torch.randn(vocab_size, size, generator=generator, dtype=dtype)
    bias = scale * torch.randn(vocab_size, generator=generator, dtype=dtype)
    return hidden, weight, bias, torch.randint(vocab_size, (rows,), generator=generator)


def in_float64(hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
    """log p of each row's token."""
    # The logits are float32's; what is asked here is the softmax's.
    logits = F.linear(hidden, weight, bias).double()
    return torch.log_softmax(logits, 1).gather(1, tokens.unsqueeze(1)).squeeze(1)


@pytest.mark.parametrize("vocab_size", [1, 2, 17, 300, 5_000, 20_000])
def test_token_log_probs(vocab_size: int) -> None:
    drawn = layer(500, vocab_size)
    assert rows_at_once(drawn[1]) < 500 or vocab_size <= 300
    torch.testing.assert_close(token_log_probs(*drawn).double(), in_float64(*drawn), atol=3e-6, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 10.0, 100.0, 1e4, 1e30])
def test_logits_of_any_size(scale: float) -> None:
    drawn = layer(300, 400, scale=scale)
    found = token_log_probs(*drawn).double()
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found, in_float64(*drawn), atol=3e-6, rtol=3e-6)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(
    seed=st.integers(0, 2**32), vocab_size=st.integers(1, 200), shift=st.floats(-1e4, 1e4), forbidden=st.floats(0, 1)
)
def test_shifted_and_forbidden_logits(seed: int, vocab_size: int, shift: float, forbidden: float) -> None:
    """The likelihood of a token does not hang on what is added to all logits, nor on tokens that have no chance."""
    rng = np.random.default_rng(seed)
    hidden, weight, bias, tokens = layer(30, vocab_size, scale=2, seed=seed)
    bias += shift
    bias[torch.from_numpy(rng.random(vocab_size) < forbidden)] = -torch.inf
    bias[rng.integers(vocab_size)] = shift
    found, expected = token_log_probs(hidden, weight, bias, tokens), in_float64(hidden, weight, bias, tokens)
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-6)


def test_no_probability_is_larger_than_1() -> None:
    hidden, weight, bias, _ = layer(2_000, 3, scale=8)
    likeliest = F.linear(hidden, weight, bias).argmax(1)
    log_probs = token_log_probs(hidden, weight, bias, likeliest)
    assert (log_probs <= 0).all()
    assert (log_probs > -1e-6).any()


def test_what_is_no_number_stays_none() -> None:
    for bad in (torch.nan, torch.inf):
        hidden, weight, bias, tokens = layer(4, 300)
        bias[7] = bad
        assert torch.isnan(token_log_probs(hidden, weight, bias, tokens)).all()


@pytest.mark.parametrize("bad", [-1, 300])
def test_a_token_that_is_none_is_refused(bad: int) -> None:
    hidden, weight, bias, tokens = layer(4_000, 300)
    tokens[3_777] = bad
    with pytest.raises(IndexError, match=rf"tokens\[3777\]={bad} must be a token, 0 to 299"):
        token_log_probs(hidden, weight, bias, tokens)


def plain_loss(hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
    return F.cross_entropy(F.linear(hidden, weight, bias), tokens)


@pytest.mark.parametrize(("rows", "vocab_size"), [(1, 1), (7, 300), (1_280, 5_000), (40, 60_000)])
def test_linear_cross_entropy_and_its_gradients(rows: int, vocab_size: int) -> None:
    hidden, weight, bias, tokens = layer(rows, vocab_size)
    results = []
    for loss_of in (linear_cross_entropy, plain_loss):
        leaves = [tensor.clone().requires_grad_() for tensor in (hidden, weight, bias)]
        loss = loss_of(*leaves, tokens)
        # The gradient that comes in is not 1.
        (3 * loss).backward()
        results.append([loss.detach(), *(leaf.grad for leaf in leaves)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()) + 1e-9, rtol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(linear_cross_entropy(hidden, weight, bias, tokens), results[1][0])


def test_gradients_in_float64_are_those_of_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_softmax, "IN_CACHE", 25)
    *parameters, tokens = layer(8, 11, size=3, dtype=torch.float64)
    assert rows_at_once(parameters[1]) == 2
    leaves = [parameter.requires_grad_() for parameter in parameters]
    assert torch.autograd.gradcheck(lambda *given: linear_cross_entropy(*given, tokens), leaves)
    torch.testing.assert_close(linear_cross_entropy(*leaves, tokens), plain_loss(*leaves, tokens))


def test_extreme_logits_have_finite_losses_and_gradients() -> None:
    hidden, weight, bias, tokens = layer(50, 300, scale=1e4)
    leaves = [tensor.requires_grad_() for tensor in (hidden, weight, bias)]
    loss = linear_cross_entropy(*leaves, tokens)
    loss.backward()
    torch.testing.assert_close(loss, plain_loss(*leaves, tokens))
    assert all(torch.isfinite(leaf.grad).all() for leaf in leaves if leaf.grad is not None)


def test_the_same_bits_every_time() -> None:
    *parameters, tokens = layer(1_000, 3_000)
    leaves = [parameter.requires_grad_() for parameter in parameters]
    first, second = (torch.autograd.grad(linear_cross_entropy(*leaves, tokens), leaves) for _ in range(2))
    assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))


def test_memory_is_lent_again_and_to_one_at_a_time() -> None:
    memory, weight = LogitsMemory(), torch.zeros(300, 4)
    with torch.inference_mode():
        first = memory.take(weight)
    second = memory.take(weight)
    assert first.shape == second.shape == (rows_at_once(weight), 300)
    assert first.data_ptr() != second.data_ptr()
    # What inference mode has made is of use outside of it.
    first.zero_()
    memory.give(first)
    for other in (weight.double(), torch.zeros(301, 4)):
        room = memory.take(other)
        assert (room.dtype, room.shape[1]) == (other.dtype, len(other))
    assert memory.take(weight) is first
    memory.give(first)
    for copied in (deepcopy(memory), pickle.loads(pickle.dumps(memory))):
        assert copied.take(weight).data_ptr() != first.data_ptr()
    assert memory.take(weight) is first


def test_threads_that_share_memory_do_not_meet() -> None:
    memory = LogitsMemory()
    layers = [layer(700, 3_000, seed=seed) for seed in range(8)]
    expected = [token_log_probs(*drawn) for drawn in layers]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            found = list(pool.map(lambda drawn: token_log_probs(*drawn, memory), layers))
            assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_no_rows_cost_nothing() -> None:
    *parameters, tokens = layer(0, 30)
    leaves = [parameter.requires_grad_() for parameter in parameters]
    loss = linear_cross_entropy(*leaves, tokens)
    loss.backward()
    assert loss == 0
    assert leaves[1].grad is not None
    assert not leaves[1].grad.any()
    assert token_log_probs(*parameters, tokens).shape == (0,)
    with torch.no_grad():
        assert linear_cross_entropy(*parameters, tokens) == 0


def test_no_second_derivative_is_made_up() -> None:
    *parameters, tokens = layer(3, 5)
    leaves = [parameter.requires_grad_() for parameter in parameters]
    (gradient,) = torch.autograd.grad(linear_cross_entropy(*leaves, tokens), leaves[:1], create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        gradient.sum().backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1, 64])
@pytest.mark.parametrize(("rows", "vocab_size"), [(1, 1), (7, 300), (500, 5_003), (40, 60_000)])
def test_tokens_are_drawn_as_from_all_logits(rows: int, vocab_size: int, scale: int, dtype: torch.dtype) -> None:
    """Quarters, whose products are exact: in whatever order they are added, the logits are the same."""
    hidden, weight, bias, _ = layer(rows, vocab_size, dtype=dtype)
    hidden, weight, bias = ((4 * part).round() / 4 for part in (hidden, weight, scale * bias))
    uniforms = torch.rand(rows, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = inverse_softmax(F.linear(hidden, weight, bias), uniforms)
    assert torch.equal(draw_tokens(hidden, weight, bias, uniforms), expected)
    memory = LogitsMemory()
    for _ in range(2):
        assert torch.equal(draw_tokens(hidden, weight, bias, uniforms, memory), expected)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("row", [0, 3_777])
def test_no_token_is_drawn_from_logits_that_are_not_finite(bad: float, row: int) -> None:
    hidden, weight, bias, _ = layer(4_000, 300)
    uniforms, memory = torch.full((4_000,), 0.5, dtype=torch.float64), LogitsMemory()
    hidden[row, 0] = bad
    for _ in range(2):
        with pytest.raises(FloatingPointError, match=r"logits W h \+ b are not finite"):
            draw_tokens(hidden, weight, bias, uniforms, memory)
    hidden[row, 0] = 1e30
    assert len(draw_tokens(hidden, weight, bias, uniforms, memory)) == 4_000
    weight[7] = 1e30
    with pytest.raises(FloatingPointError, match=r"logits W h \+ b are not finite"):
        draw_tokens(hidden, weight, bias, uniforms, memory)
    assert draw_tokens(hidden[:0], weight, bias, uniforms[:0]).shape == (0,)
