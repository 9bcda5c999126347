"""Log-probabilities and entropies of a linear softmax, and their gradients, against torch's own over all logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from support.linear_layers import layer_of, rule
from textgen_env.models import linear_softmax
from textgen_env.models.linear_distribution import FORBIDDEN_LOGIT, Layer, log_probs_and_entropies, logits_in_turn
from textgen_env.models.linear_softmax import LogitsMemory, rows_at_once

pytestmark = pytest.mark.usefixtures("path")


def plain(layer: Layer, tokens: Tensor, forbidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
    logits = F.linear(*layer)
    if forbidden is not None:
        logits = logits.masked_fill(forbidden, FORBIDDEN_LOGIT)
    log_p = logits.log_softmax(1)
    return log_p.gather(1, tokens.unsqueeze(1)).squeeze(1), -(log_p.exp() * log_p).sum(1)


def values_and_gradients(function: object, layer: Layer, *args: object) -> list[Tensor]:
    """The two values, and the gradients of a mixture of them in which no row has another's weights."""
    leaves = Layer(*(part.clone().requires_grad_() for part in layer))
    log_probs, entropies = function(leaves, *args)  # type: ignore[operator]
    generator = torch.Generator().manual_seed(7)
    mixed = sum(
        (part * torch.randn(len(part), generator=generator, dtype=part.dtype)).sum() for part in (log_probs, entropies)
    )
    return [log_probs.detach(), entropies.detach(), *torch.autograd.grad(mixed, leaves)]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("rows", "vocab_size"), [(1, 1), (1, 5_003), (7, 300), (1_280, 5_003), (40, 60_001)])
def test_values_and_gradients_are_the_plain_forms(rows: int, vocab_size: int, masked: bool) -> None:
    layer, tokens = layer_of(rows, vocab_size)
    forbidden = torch.rand(rows, vocab_size, generator=torch.Generator().manual_seed(3)) < 0.4 if masked else None
    if forbidden is not None:
        forbidden[torch.arange(rows), tokens] = False
    ours = values_and_gradients(log_probs_and_entropies, layer, tokens, rule(forbidden))
    theirs = values_and_gradients(plain, layer, tokens, forbidden)
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()) + 1e-9, rtol=1e-5)


@pytest.mark.parametrize("at_once", [1, 2, 3, 8, 100])
def test_gradients_in_float64_are_those_of_differences(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever rows are held at once: one, all, or some with a rest."""
    monkeypatch.setattr(linear_softmax, "IN_CACHE", 11 * at_once)
    layer, tokens = layer_of(8, 11, size=3, dtype=torch.float64)
    assert rows_at_once(layer.weight) == at_once
    forbidden = torch.zeros(8, 11, dtype=torch.bool)
    forbidden[::2, ::3] = True
    # Of a token that is forbidden, too, whose own logit has no gradient. Differences of -1e9 would be too coarse.
    assert forbidden[torch.arange(8), tokens].any()
    others = forbidden.scatter(1, tokens.unsqueeze(1), False)
    leaves = [part.requires_grad_() for part in layer]
    assert torch.autograd.gradcheck(lambda *parts: log_probs_and_entropies(Layer(*parts), tokens, rule(others)), leaves)
    for masks in (None, forbidden):
        found = values_and_gradients(log_probs_and_entropies, layer, tokens, rule(masks))
        for one, other in zip(found, values_and_gradients(plain, layer, tokens, masks), strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("wanted", [0, 1])
def test_one_of_the_two_alone_has_its_own_gradient(wanted: int) -> None:
    layer, tokens = layer_of(30, 50)
    leaves = Layer(*(part.requires_grad_() for part in layer))
    ours = torch.autograd.grad(log_probs_and_entropies(leaves, tokens)[wanted].sum(), leaves)
    theirs = torch.autograd.grad(plain(leaves, tokens)[wanted].sum(), leaves)
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(seed=st.integers(0, 2**32), vocab_size=st.integers(1, 200), shift=st.floats(-1e3, 1e3), share=st.floats(0, 1))
def test_shifted_and_forbidden_logits(seed: int, vocab_size: int, shift: float, share: float) -> None:
    """Neither value hangs on what is added to all logits, nor on tokens that are forbidden."""
    rng = np.random.default_rng(seed)
    layer, tokens = layer_of(20, vocab_size, scale=2, seed=seed)
    layer.bias.add_(shift)
    forbidden = torch.from_numpy(rng.random((20, vocab_size)) < share)
    forbidden[torch.arange(20), tokens] = False
    found = log_probs_and_entropies(layer, tokens, rule(forbidden))
    # The same logits, as float32 rounds them beside the shift; what is asked here is the softmax's error.
    logits = torch.cat([rows.clone() for _, rows, _ in logits_in_turn(layer, rule(forbidden), LogitsMemory())]).double()
    torch.testing.assert_close(
        logits, F.linear(*layer).double().masked_fill(forbidden, FORBIDDEN_LOGIT), atol=1e-5, rtol=1e-6
    )
    log_p = logits.log_softmax(1)
    expected = log_p.gather(1, tokens.unsqueeze(1)).squeeze(1), -(log_p.exp() * log_p).sum(1)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-6, 10.0, 1e4, 1e20])
def test_logits_of_any_size_have_finite_values_and_gradients(scale: float) -> None:
    layer, tokens = layer_of(300, 400, scale=scale)
    log_probs, entropies, *gradients = values_and_gradients(log_probs_and_entropies, layer, tokens)
    torch.testing.assert_close(log_probs, plain(layer, tokens)[0], rtol=1e-5, atol=1e-5)
    assert (log_probs <= 0).all()
    assert (entropies >= 0).all()
    assert (entropies <= np.log(400) + 1e-5).all()
    assert all(torch.isfinite(part).all() for part in gradients)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_is_no_number_stays_none(bad: float) -> None:
    layer, tokens = layer_of(4, 300)
    layer.bias[7] = bad
    for found in values_and_gradients(log_probs_and_entropies, layer, tokens):
        assert torch.isnan(found).any()
    assert all(torch.isnan(found).all() for found in log_probs_and_entropies(layer, tokens))


@pytest.mark.parametrize("bad", [-1, 300])
def test_a_token_that_is_none_is_refused(bad: int) -> None:
    layer, tokens = layer_of(4_000, 300)
    tokens[3_777] = bad
    with pytest.raises(IndexError, match=rf"tokens\[3777\]={bad} must be a token, 0 to 299"):
        log_probs_and_entropies(layer, tokens)


def test_masks_are_asked_for_the_rows_of_a_pass_and_anew_in_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_softmax, "IN_CACHE", 25)
    layer, tokens = layer_of(5, 11)
    leaves = [part.requires_grad_() for part in layer]
    asked: list[tuple[int, int]] = []

    def some(rows: slice) -> Tensor | None:
        asked.append((rows.start, rows.stop))
        # Rows without any mask among others that have one.
        return None if rows.start == 2 else torch.arange(11).repeat(rows.stop - rows.start, 1) == 10

    tokens = tokens.clamp(max=9)
    log_probs, entropies = log_probs_and_entropies(Layer(*leaves), tokens, some)
    assert asked == [(0, 2), (2, 4), (4, 5)]
    (log_probs.sum() + entropies.sum()).backward()
    assert asked == 2 * [(0, 2), (2, 4), (4, 5)]
    forbidden = torch.zeros(5, 11, dtype=torch.bool)
    forbidden[[0, 1, 4], 10] = True
    torch.testing.assert_close(log_probs, plain(layer, tokens, forbidden)[0], atol=1e-5, rtol=1e-5)


def test_the_same_bits_every_time_and_with_memory_that_was_used_before() -> None:
    layer, tokens = layer_of(1_000, 3_000)
    memory = LogitsMemory()
    first, second, third = (
        values_and_gradients(log_probs_and_entropies, layer, tokens, None, room) for room in (None, memory, memory)
    )
    for one, two, three in zip(first, second, third, strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)


def test_no_rows_cost_nothing() -> None:
    layer, tokens = layer_of(0, 30)
    log_probs, entropies, *gradients = values_and_gradients(log_probs_and_entropies, layer, tokens)
    assert log_probs.shape == entropies.shape == (0,)
    assert not any(part.any() for part in gradients)


def test_no_second_derivative_is_made_up() -> None:
    layer, tokens = layer_of(3, 5)
    leaves = Layer(*(part.requires_grad_() for part in layer))
    (gradient,) = torch.autograd.grad(
        log_probs_and_entropies(leaves, tokens)[0].sum(), leaves.hidden, create_graph=True
    )
    with pytest.raises(RuntimeError, match="does not require grad"):
        gradient.sum().backward()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("masked", [False, True])
def test_a_gpu_finds_the_same(masked: bool) -> None:
    layer, tokens = layer_of(1_280, 5_003)
    forbidden = torch.rand(1_280, 5_003, generator=torch.Generator().manual_seed(3)) < 0.4 if masked else None
    if forbidden is not None:
        forbidden[torch.arange(1_280), tokens] = False
    there = Layer(*(part.cuda() for part in layer)), tokens.cuda()
    masks = None if forbidden is None else forbidden.cuda()
    leaves = Layer(*(part.requires_grad_() for part in there[0]))
    log_probs, entropies = log_probs_and_entropies(leaves, there[1], rule(masks))
    of_both = torch.autograd.grad(log_probs.sum() + 0.3 * entropies.sum(), leaves)
    own = Layer(*(part.requires_grad_() for part in layer))
    expected = log_probs_and_entropies(own, tokens, rule(forbidden))
    of_own = torch.autograd.grad(expected[0].sum() + 0.3 * expected[1].sum(), own)
    for found, other in zip((log_probs, entropies, *of_both), (*expected, *of_own), strict=True):
        torch.testing.assert_close(found.cpu(), other, atol=1e-5 * float(other.detach().abs().max()), rtol=1e-5)
