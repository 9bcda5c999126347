"""Tokens are drawn from softmax(logits), by whatever way."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from textgen_env.models.sampling import sample_categorical, seeded_generator

DRAWS = 40_000


def generator(seed: int = 0) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def assert_distributed(drawn: np.ndarray, probabilities: np.ndarray) -> None:
    """Chi-square over the tokens that are expected at least five times, the rest taken together."""
    expected = len(drawn) * probabilities
    counts = np.bincount(drawn, minlength=len(expected)).astype(float)
    frequent = expected >= 5
    expected = np.append(expected[frequent], expected[~frequent].sum())
    counts = np.append(counts[frequent], counts[~frequent].sum())
    cells = expected > 0
    assert counts[~cells].sum() == 0
    freedom = max(cells.sum() - 1, 1)
    statistic = ((counts - expected)[cells] ** 2 / expected[cells]).sum()
    assert statistic < freedom + 5 * np.sqrt(2 * freedom)


@pytest.mark.parametrize("vocab_size", [1, 2, 3, 7, 10, 97, 100, 101, 1_000, 1_009])
def test_tokens_are_drawn_from_the_softmax(vocab_size: int) -> None:
    logits = 2 * torch.randn(vocab_size, generator=generator(vocab_size))
    drawn = sample_categorical(logits.expand(DRAWS, -1), generator())
    assert (drawn.shape, drawn.dtype) == ((DRAWS,), torch.int64)
    assert_distributed(drawn.numpy(), torch.softmax(logits.double(), -1).numpy())


def test_each_row_has_its_own_distribution() -> None:
    logits = torch.tensor([[0.0, 5.0, 0.0], [3.0, 0.0, 3.0]])
    drawn = sample_categorical(logits.repeat(DRAWS, 1), generator()).view(DRAWS, 2)
    for row in range(2):
        assert_distributed(drawn[:, row].numpy(), torch.softmax(logits[row].double(), -1).numpy())


@pytest.mark.parametrize("vocab_size", [2, 7, 100, 101])
def test_a_forbidden_token_is_never_drawn(vocab_size: int) -> None:
    for start in (0, 1):
        logits = torch.randn(vocab_size, generator=generator(1))
        logits[start::2] = -torch.inf
        drawn = sample_categorical(logits.expand(DRAWS, -1), generator())
        assert not (drawn % 2 == start).any()
        assert_distributed(drawn.numpy(), torch.softmax(logits.double(), -1).numpy())


@pytest.mark.parametrize("vocab_size", [1, 2, 7, 100, 101])
def test_the_only_token_that_is_allowed_is_drawn(vocab_size: int) -> None:
    for token in {0, vocab_size // 2, vocab_size - 1}:
        logits = torch.full((500, vocab_size), -torch.inf)
        logits[:, token] = -80.0
        assert (sample_categorical(logits, generator()) == token).all()


def test_extreme_logits_stay_in_range() -> None:
    for scale in (1e-30, 1e4, 1e30):
        logits = scale * torch.randn(2_000, 103, generator=generator(2))
        drawn = sample_categorical(logits, generator())
        assert drawn.min() >= 0
        assert drawn.max() < 103
    # At this scale the likeliest token takes all.
    assert torch.equal(drawn, logits.argmax(-1))


def test_rare_tokens_among_thousands_are_drawn_as_often_as_they_should() -> None:
    logits = torch.full((5_000,), -10.0)
    logits[4_321] = 0.0
    drawn = sample_categorical(logits.expand(DRAWS, -1), generator())
    rare = 1 - torch.softmax(logits.double(), -1)[4_321].item()
    hits = int((drawn != 4_321).sum())
    assert abs(hits - DRAWS * rare) < 5 * np.sqrt(DRAWS * rare * (1 - rare))
    # They are spread over the whole vocabulary.
    assert len(np.unique(drawn.numpy() // 500)) == 10


def test_the_logits_are_left_alone_and_the_generator_decides() -> None:
    logits = torch.randn(50, 30, generator=generator(3))
    before = logits.clone()
    first = sample_categorical(logits, generator(4))
    assert torch.equal(logits, before)
    assert torch.equal(sample_categorical(logits, generator(4)), first)
    assert not torch.equal(sample_categorical(logits, generator(5)), first)


def test_no_rows() -> None:
    assert sample_categorical(torch.zeros(0, 5), generator()).tolist() == []


def test_seeds_of_any_size_give_generators_of_their_own() -> None:
    draws = [torch.rand(1, generator=seeded_generator(*seeds)).item() for seeds in [(0,), (1,), (2**80,), (0, 1)]]
    assert len(set(draws)) == 4
    assert torch.rand(1, generator=seeded_generator(2**80)).item() == draws[2]
