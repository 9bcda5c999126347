"""Tokens are drawn from softmax(logits), by whatever way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from support.kernel_switch import PATHS, taking
from textgen_env.kernels import kernels
from textgen_env.models.sampling import all_finite, inverse_softmax, sample_categorical, seeded_generator

DRAWS = 40_000
LAST = 1 - 2**-53
"""The largest float64 below 1."""
# Around the 128 tokens of a block, and at sizes that no block divides.
SIZES = (1, 2, 3, 97, 127, 128, 129, 1_009, 5_000)

pytestmark = pytest.mark.usefixtures("path")


def generator(seed: int = 0) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def assert_inverted(logits: Tensor, uniforms: np.ndarray) -> None:
    """The tokens are those of float64's cumulative sum and `searchsorted`; where a number is within float32's rounding
    of a step of the distribution function, one of the two beside it."""
    tokens = inverse_softmax(logits, torch.from_numpy(uniforms)).numpy()
    x = logits.double().numpy()
    ends = np.exp(x - x.max(1, keepdims=True)).cumsum(1)
    points = uniforms * ends[:, -1]
    expected = np.array([np.searchsorted(row, point, side="right") for row, point in zip(ends, points, strict=True)])
    # One rounded up to the total belongs to the last token that has a chance.
    expected = np.minimum(expected, (ends < ends[:, -1:]).sum(1))
    near = np.abs(ends - points[:, None]).min(1) < 2e-7 * ends[:, -1]
    assert near.mean() < 0.01 or logits.shape[1] == 1 or set(uniforms) <= {0.0, LAST}
    np.testing.assert_array_equal(tokens[~near], expected[~near])
    rows = np.arange(len(x))
    lowest = np.where(tokens > 0, ends[rows, tokens - 1], 0.0)
    slack = 2e-6 * ends[:, -1]
    assert ((lowest - slack <= points) & (points <= ends[rows, tokens] + slack)).all()
    assert (x[rows, tokens] > -np.inf).all()


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


def test_a_million_draws_follow_the_softmax() -> None:
    logits = 2 * torch.randn(50, generator=generator(50))
    drawing = generator()
    drawn = [sample_categorical(logits.expand(100_000, -1), drawing).numpy() for _ in range(10)]
    assert_distributed(np.concatenate(drawn), torch.softmax(logits.double(), -1).numpy())


@pytest.mark.parametrize("vocab_size", SIZES)
def test_tokens_are_those_of_the_cumulative_sum(vocab_size: int) -> None:
    rng = np.random.default_rng(vocab_size)
    rows = 500_000 // max(vocab_size, 100)
    for scale in (0.1, 3.0, 30.0, 1e4):
        logits = scale * torch.randn(rows, vocab_size, generator=generator(vocab_size))
        assert_inverted(logits, rng.random(rows))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    vocab_size=st.integers(1, 300),
    scale=st.sampled_from([0.0, 0.5, 5.0, 1e2, 1e4, 1e38]),
    forbidden=st.floats(0, 1),
    rounded=st.booleans(),
)
def test_tokens_are_those_of_the_cumulative_sum_in_odd_cases(
    seed: int, vocab_size: int, scale: float, forbidden: float, rounded: bool
) -> None:
    """Ties, forbidden tokens, a token with all the mass, and numbers at both ends."""
    rng = np.random.default_rng(seed)
    logits = (scale * rng.standard_normal((60, vocab_size)).clip(-3, 3)).astype(np.float32)
    logits = logits.round() if rounded else logits
    masked = rng.random(logits.shape) < forbidden
    masked[np.arange(60), rng.integers(vocab_size, size=60)] = False
    logits[masked] = -np.inf
    for uniforms in (np.zeros(60), np.full(60, LAST)):
        assert_inverted(torch.from_numpy(logits), uniforms)
    tokens = inverse_softmax(torch.from_numpy(logits), torch.from_numpy(rng.random(60)))
    assert not masked[np.arange(60), tokens.numpy()].any()


@pytest.mark.parametrize("vocab_size", [1, 2, 64, 128, 256, 4_096])
def test_a_number_at_a_step_belongs_to_the_token_after_it(vocab_size: int) -> None:
    at = torch.arange(vocab_size, dtype=torch.float64) / vocab_size
    logits = torch.zeros(vocab_size, vocab_size)
    assert torch.equal(inverse_softmax(logits, at), torch.arange(vocab_size))
    below = torch.nextafter(at, torch.tensor(-1.0, dtype=torch.float64)).clamp(min=0)
    assert torch.equal(inverse_softmax(logits, below), (torch.arange(vocab_size) - 1).clamp(min=0))


def test_both_paths_draw_the_same_tokens() -> None:
    logits = 3 * torch.randn(20_000, 300, generator=generator(8))
    uniforms = torch.rand(20_000, generator=generator(9), dtype=torch.float64)
    tokens = []
    for path in PATHS:
        with taking(path):
            tokens.append(inverse_softmax(logits, uniforms))
    # Their exponentials differ in the last bit or two.
    assert (tokens[0] != tokens[1]).sum() <= 1
    assert torch.equal(inverse_softmax(logits.double(), uniforms), inverse_softmax(logits.double(), uniforms))


def test_the_compiled_search_equals_numpys() -> None:
    with taking("compiled"):
        compiled = kernels("softmax")
    if compiled is None:
        pytest.skip("compares the compiled loop, which needs Numba")
    rng = np.random.default_rng(0)
    for vocab_size in SIZES:
        weights = rng.random((200, vocab_size)).astype(np.float32) ** 8
        weights[rng.random(weights.shape) < 0.3] = 0
        weights[:, rng.integers(vocab_size)] = 1
        ends = np.empty(-(-vocab_size // compiled.BLOCK))
        cumulated = weights.astype(np.float64).cumsum(1)
        for row, sums in zip(weights, cumulated, strict=True):
            for uniform in (*rng.random(20), 0.0):
                assert compiled.invert(row, uniform, ends) == np.searchsorted(sums, uniform * sums[-1], side="right")
            # Here the order of the additions shows.
            token = compiled.invert(row, LAST, ends)
            assert row[token] > 0
            assert sums[token] == pytest.approx(sums[-1], rel=1e-14)


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf])
def test_logits_that_leave_nothing_to_draw_are_refused(bad: float) -> None:
    logits = torch.zeros(5, 300)
    logits[3, 200] = bad
    with pytest.raises(FloatingPointError, match=r"logits\[3\] has no token to draw: it must be numbers or -inf"):
        sample_categorical(logits, generator())
    logits[3] = -torch.inf
    with pytest.raises(ValueError, match=r"logits\[3\] has no token to draw.* its maximum is -inf"):
        sample_categorical(logits, generator())


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
    drawing = generator()
    drawn = torch.cat([sample_categorical(logits.expand(1_000, -1), drawing) for _ in range(DRAWS // 1_000)])
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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_is_seen_wherever_it_stands(bad: float, dtype: torch.dtype) -> None:
    logits = torch.randn(3, 4_999, generator=generator(), dtype=dtype)
    assert all_finite(logits)
    for row, token in ((0, 0), (1, 2_500), (2, 4_998)):
        spoilt = logits.clone()
        spoilt[row, token] = bad
        assert not all_finite(spoilt)
    both = logits.clone()
    both[0, 0], both[1, 1] = torch.inf, -torch.inf
    assert not all_finite(both)
    # Their sum overflows, and none of them is infinite.
    assert all_finite(torch.full((3, 100), torch.finfo(dtype).max, dtype=dtype, requires_grad=True))
    assert all_finite(logits[:0])
