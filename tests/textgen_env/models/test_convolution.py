"""Pooled convolutions against all windows written out, by each way that there is to compute them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from textgen_env.kernels import SWITCH, kernels
from textgen_env.models import convolution
from textgen_env.models.convolution import (
    features_from_tables,
    features_of,
    pooled_convolution,
    shared_with_previous,
    tables_pay,
)

needs_kernels = pytest.mark.skipif(
    kernels("convolution") is None, reason="without Numba the plain path is all there is"
)


def reference(embedded, weights, biases):
    """Every window of every text with every filter; of equals the first is the highest."""
    columns = []
    for weight, bias in zip(weights, biases, strict=True):
        width = weight.shape[2]
        windows = torch.stack([embedded[:, t : t + width] for t in range(embedded.shape[1] - width + 1)], 1)
        products = torch.einsum("bpwe,new->bpn", windows, weight)
        # NumPy's argmax is the first by contract, torch's by chance.
        first = torch.from_numpy(products.detach().numpy().argmax(1))
        columns.append(functional.relu(products.gather(1, first[:, None]).squeeze(1) + bias))
    return torch.cat(columns, 1)


def plain(embedded, weights, biases):
    """The module's own words: torch's convolutions and maxima."""
    channels = embedded.transpose(1, 2)
    pairs = zip(weights, biases, strict=True)
    return torch.cat([functional.conv1d(channels, w, b).amax(2).relu() for w, b in pairs], 1)


def written(rng, count, length, vocab_size):
    """Texts as they come: of random ends, repeated tokens, texts and beginnings; the blank is the last token."""
    tokens = rng.integers(0, max(1, rng.integers(1, vocab_size + 1)), (count, length))
    for text in range(1, count):
        if rng.random() < 0.5:
            begin = rng.integers(0, length + 1)
            tokens[text, :begin] = tokens[rng.integers(text), :begin]
    return np.where(np.arange(length) < rng.integers(0, length + 1, count)[:, None], tokens, vocab_size)


@st.composite
def problems(draw):
    """Texts, embedding, weights, biases in sixteenths: float32 holds each sum of products exactly, in any order."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    length, vocab_size, size = draw(st.integers(1, 24)), draw(st.integers(1, 30)), draw(st.integers(1, 20))
    widths = draw(st.lists(st.integers(1, length), min_size=1, max_size=4))
    counts = [draw(st.integers(1, 40)) for _ in widths]
    tokens = written(rng, draw(st.sampled_from([0, 1, 3, 4, 9, 40])), length, vocab_size)

    def sixteenths(*shape):
        return torch.from_numpy(rng.integers(-16, 17, shape).astype(np.float32) / 16)

    weights = [sixteenths(n, size, w) for w, n in zip(widths, counts, strict=True)]
    return tokens, sixteenths(vocab_size + 1, size), weights, [sixteenths(n) for n in counts]


@needs_kernels
@settings(max_examples=400, deadline=None, derandomize=True)
@given(problems())
def test_values_and_gradients_are_those_of_all_windows(problem):
    tokens, embedding, weights, biases = problem
    parameters = [p.requires_grad_() for p in (embedding, *weights, *biases)]
    doubles = [p.detach().double().requires_grad_() for p in parameters]
    of_widths = slice(1, 1 + len(weights)), slice(1 + len(weights), None)
    ours = pooled_convolution(functional.embedding(torch.from_numpy(tokens), embedding), weights, biases)
    theirs = reference(doubles[0][torch.from_numpy(tokens)], doubles[of_widths[0]], doubles[of_widths[1]])
    assert ours.dtype == torch.float32
    assert torch.equal(ours, theirs.float())
    gradient = torch.randint(-4, 5, ours.shape, generator=torch.Generator().manual_seed(len(tokens)))
    if len(tokens) < convolution.FEW:
        return  # torch's own gradient, which shares out among equals
    ours.backward(gradient.float())
    theirs.backward(gradient.double())
    for mine, exact in zip(parameters, doubles, strict=True):
        assert torch.equal(mine.grad, exact.grad.float())


@needs_kernels
@settings(max_examples=400, deadline=None, derandomize=True)
@given(problems(), st.booleans(), st.integers(1, 4), st.sampled_from([1, 300, 10**6]))
def test_tables_give_the_values_of_all_windows(problem, in_order, threads, numbers):
    tokens, embedding, weights, biases = problem
    if in_order:
        tokens = tokens[np.lexsort(tokens.T[::-1])]
    expected = reference(embedding[torch.from_numpy(tokens)], weights, biases)
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr(convolution, "_threads_for", lambda texts: threads)
        patch.setattr(convolution, "TABLE_NUMBERS", numbers)
        assert torch.equal(features_from_tables(tokens, embedding, weights, biases), expected)
        patch.setattr(convolution, "tables_pay", lambda *args: True)
        assert torch.equal(features_of(torch.from_numpy(tokens), embedding, weights, biases), expected)


def trained(seed, spread):
    """The paper's filters, with weights as they start and larger, as they become."""
    generator = torch.Generator().manual_seed(seed)
    config = zip((1, 2, 3, 4, 5, 10, 15, 20), (100, 200, 200, 200, 200, 100, 160, 160), strict=True)
    weights = [torch.randn((n, 64, w), generator=generator) * spread for w, n in config]
    biases = [torch.randn(len(w), generator=generator) * spread for w in weights]
    embedding = torch.rand((301, 64), generator=generator) * 2 - 1
    return torch.from_numpy(written(np.random.default_rng(seed), 64, 20, 300)), embedding, weights, biases


@pytest.mark.parametrize("compiled", ["0", "1"])
@pytest.mark.parametrize("spread", [0.1, 0.5])
def test_values_and_gradients_equal_torch(monkeypatch, compiled, spread):
    monkeypatch.setenv(SWITCH, compiled)
    tokens, embedding, weights, biases = trained(0, spread)
    parameters = [p.requires_grad_() for p in (embedding, *weights, *biases)]
    ours = features_of(tokens, embedding, weights, biases)
    theirs = plain(functional.embedding(tokens, embedding), weights, biases)
    torch.testing.assert_close(ours, theirs, atol=1e-5 * float(theirs.detach().max()), rtol=1e-5)
    mine, others = (torch.autograd.grad(features.square().sum(), parameters) for features in (ours, theirs))
    for a, b in zip(mine, others, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5 * float(b.abs().max()), rtol=1e-5)


@pytest.mark.parametrize("compiled", ["0", "1"])
@pytest.mark.parametrize("count", [0, 1, 5, 700, 3000])
def test_features_without_gradient_equal_torch(monkeypatch, compiled, count):
    monkeypatch.setenv(SWITCH, compiled)
    _, embedding, weights, biases = trained(1, 0.1)
    tokens = torch.from_numpy(written(np.random.default_rng(2), count, 20, 300))
    with torch.no_grad():
        ours = features_of(tokens, embedding, weights[::3], biases[::3])
        theirs = plain(functional.embedding(tokens, embedding), weights[::3], biases[::3])
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@needs_kernels
def test_the_same_features_whatever_the_layout_or_the_threads(monkeypatch):
    tokens, embedding, weights, biases = trained(1, 0.1)
    tokens = tokens.repeat(20, 1)
    with torch.no_grad():
        assert tables_pay(len(tokens), 20, 301, weights)
        once = features_of(tokens, embedding, weights, biases)
        assert torch.equal(features_of(tokens.T.contiguous().T, embedding, weights, biases), once)
        monkeypatch.setattr(convolution, "_threads_for", lambda texts: 3)
        assert torch.equal(features_of(tokens, embedding, weights, biases), once)
    embedded = functional.embedding(tokens[:64], embedding)
    swapped = embedded.transpose(0, 1).contiguous().transpose(0, 1)
    assert torch.equal(pooled_convolution(swapped, weights, biases), pooled_convolution(embedded, weights, biases))


@needs_kernels
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_stays_so(value):
    tokens, embedding, weights, biases = trained(3, 0.1)
    tokens = tokens.repeat(20, 1)
    embedding[tokens[0, 3]] = value
    with torch.no_grad():
        theirs = plain(functional.embedding(tokens, embedding), weights, biases)
        assert not theirs.isfinite().all()
        several = pooled_convolution(functional.embedding(tokens, embedding), weights, biases)
        tabulated = features_of(tokens, embedding, weights, biases)
    for ours in (several, tabulated):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5, equal_nan=True)


def test_other_types_take_the_plain_path():
    tokens, embedding, weights, biases = (
        [p.double() for p in given] if isinstance(given, list) else given for given in trained(4, 0.1)
    )
    with torch.no_grad():
        ours = features_of(tokens, embedding.double(), weights, biases)
    assert ours.dtype == torch.float64
    torch.testing.assert_close(ours, reference(embedding.double()[tokens], weights, biases))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.integers(0, 12), st.integers(1, 6))
def test_shared_beginnings(seed, count, length):
    tokens = written(np.random.default_rng(seed), count, length, 3)
    expected = np.zeros(count, int)
    for text in range(1, count):
        while expected[text] < length and tokens[text, expected[text]] == tokens[text - 1, expected[text]]:
            expected[text] += 1
    assert np.array_equal(shared_with_previous(tokens), expected)


def test_tables_are_for_many_texts_over_few_tokens():
    _, _, weights, _ = trained(0, 0.1)
    assert tables_pay(19456, 20, 5000, weights)
    assert not tables_pay(64, 20, 1000, weights)
    assert not tables_pay(1, 20, 20, [w[:1] for w in weights])
