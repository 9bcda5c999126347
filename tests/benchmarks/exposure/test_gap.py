"""Gaps and their growth on numbers made by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest

from benchmarks.analysis.statistics import mean_interval
from benchmarks.exposure.gap import Gap, OverSeeds, exposure, gap_at, growth, less


def test_a_gap_is_how_much_worse_it_is_after_the_own_prefixes() -> None:
    real, own = [1.0, 2.0, 3.0], [1.5, 2.0, 4.0]
    lower = gap_at(4, real, own, higher_is_better=False)
    assert (lower.length, lower.real.value, lower.own.value, lower.gap.value) == pytest.approx((4, 2.0, 2.5, 0.5))
    assert lower.gap.error == pytest.approx(np.std([0.5, 0.0, 1.0], ddof=1) / 3**0.5)
    assert gap_at(4, real, own, higher_is_better=True).gap.value == pytest.approx(-0.5)


def test_growth_is_the_slope() -> None:
    assert growth([1, 2, 4], [[0.1, 0.3, 0.7], [5.0, 5.0, 5.0]]) == pytest.approx([0.2, 0.0])
    rng = np.random.default_rng(0)
    gaps = rng.normal(size=(3, 6))
    assert growth(range(6), gaps) == pytest.approx([np.polyfit(range(6), row, 1)[0] for row in gaps])


def test_seeds_together() -> None:
    runs = [[gap_at(k, [1.0, 1.0], [1.0 + s * k, 1.0 + s * k], False) for k in (0, 1, 2, 3)] for s in (0.1, 0.2, 0.3)]
    found = exposure(runs)
    assert found.gap.mean == pytest.approx(0.4)
    assert (found.gap.low, found.gap.high) == pytest.approx(mean_interval([0.2, 0.4, 0.6]))
    assert found.growth is not None
    assert found.growth.mean == pytest.approx(0.2)
    assert found.ratio is not None
    assert found.ratio.mean == pytest.approx(1.4)
    assert exposure([[gap_at(1, [0.0, 1.0], [1.0, 1.0], False)]]).growth is None
    assert exposure([[gap_at(1, [0.0, 0.0], [1.0, 1.0], False)]]).ratio is None


def test_algorithms_are_compared_seed_by_seed() -> None:
    def run(slope: float, lengths: tuple[int, ...]) -> list[Gap]:
        return [gap_at(k, [1.0, 1.0], [1.0 + slope * k, 1.0 + slope * k], False) for k in lengths]

    one = {0: run(0.3, (0, 1, 2, 3)), 1: run(0.5, (0, 1, 2, 3)), 7: run(9.0, (0, 1))}
    other = {1: run(0.1, (0, 1, 2)), 0: run(0.2, (0, 1, 2)), 2: run(9.0, (0, 1))}
    found = less(one, other)
    assert found is not None
    # Over the lengths 1 and 2: 0.1 and 0.4 for each token.
    assert (found.mean, found.low, found.high) == pytest.approx((0.375, *mean_interval([0.15, 0.6])))
    assert less(one, {5: run(0.1, (0, 1))}) is None


def test_what_an_interval_says() -> None:
    assert OverSeeds.of([1.0, 1.1, 0.9]).above_zero is True
    assert OverSeeds.of([-1.0, -1.1, -0.9]).above_zero is False
    assert OverSeeds.of([-1.0, 1.0]).above_zero is None
    assert OverSeeds.of([1.0]) == OverSeeds(1.0, None, None)
    assert OverSeeds.of([1.0]).above_zero is None


def test_intervals_of_a_mean_hold_it_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    held = [low <= 2.0 <= high for low, high in (mean_interval(rng.normal(2.0, 3.0, 3)) for _ in range(2_000))]
    assert 0.935 <= np.mean(held) <= 0.965


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: gap_at(1, [1.0], [1.0, 2.0], False), "own has shape (2,), expected that of real, (1,)"),
        (lambda: gap_at(2, [1.0], [np.inf], False), "scores after 2 tokens are not all finite"),
        (lambda: growth([1], [[1.0]]), "gaps must be (S, 1) over at least 2 lengths, got shape (1, 1)"),
        (lambda: exposure([]), "runs must have gaps at the same lengths, one above 0 among them; got []"),
        (lambda: exposure([[gap_at(0, [1.0], [1.0], False)]]), "one above 0 among them; got [[]]"),
        (lambda: mean_interval([1.0]), "at least 2 runs"),
        (lambda: mean_interval([1.0, 2.0], confidence=1.0), "confidence=1.0 must lie in (0, 1)"),
    ],
)
def test_what_is_no_gap_is_refused(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        call()  # type: ignore[operator]
