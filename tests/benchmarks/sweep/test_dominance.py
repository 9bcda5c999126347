"""Dominance on curves made by hand, and against a search of the drawn lines."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.analysis.statistics import mean_interval
from benchmarks.sweep.dominance import dominance, margins, within_reach

# Quality falls as diversity rises.
LINE = np.array([[3.0, 0.0], [2.0, 1.0], [1.0, 2.0], [0.0, 3.0]])


def test_a_curve_is_on_itself() -> None:
    assert margins(LINE, LINE) == pytest.approx([0.0] * 4)
    # Between its points, too.
    assert margins(LINE, LINE[[0, 3]]) == pytest.approx([0.0] * 4)


def test_what_lies_further_out_is_ahead_by_as_much() -> None:
    assert margins(LINE, LINE + 0.25) == pytest.approx([0.25] * 4)
    assert margins(LINE, LINE - 0.25) == pytest.approx([-0.25] * 4)
    assert margins([[1.0, 1.0]], [[1.5, 4.0]]) == pytest.approx([0.5])
    # Better in one of the two alone: no better.
    assert margins([[1.0, 1.0]], [[9.0, 0.9]]) == pytest.approx([-0.1])


def test_the_best_point_may_lie_between_two() -> None:
    assert margins([[1.0, 1.0]], [[4.0, 0.0], [0.0, 4.0]]) == pytest.approx([1.0])
    assert margins([[1.0, 1.0]], [[4.0, 0.0]]) == pytest.approx([-1.0])


@pytest.mark.parametrize("seed", range(20))
def test_margins_are_those_of_a_search_along_the_line(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(7, 2)), rng.normal(size=(int(rng.integers(1, 6)), 2))
    shares = np.linspace(0, 1, 2_001)[:, None]
    line = b if len(b) == 1 else np.concatenate([u + shares * (v - u) for u, v in pairwise(b)])
    searched = (line[None] - a[:, None]).min(2).max(1)
    found = margins(a, b)
    assert (found >= searched - 1e-12).all()
    np.testing.assert_allclose(found, searched, atol=5e-3)


def test_margins_move_with_the_curves() -> None:
    rng = np.random.default_rng(1)
    a, b, shift = rng.normal(size=(5, 2)), rng.normal(size=(4, 2)), rng.normal(size=2)
    np.testing.assert_allclose(margins(a + shift, b + shift), margins(a, b), atol=1e-12)
    np.testing.assert_allclose(margins(3 * a, 3 * b), 3 * margins(a, b), atol=1e-12)
    np.testing.assert_allclose(margins(a, b[::-1]), margins(a, b), atol=1e-12)
    np.testing.assert_allclose(margins(a[:, ::-1], b[:, ::-1]), margins(a, b), atol=1e-12)


def test_points_beyond_a_curve_that_was_not_swept_so_far_are_left_out() -> None:
    short = LINE[1:3] + 0.1
    assert within_reach(LINE, short).tolist() == [False, False, False, False]
    assert within_reach(LINE, short - 0.2).tolist() == [False, True, True, False]
    # Where all are out of reach, those that are beaten count.
    assert dominance([LINE], [short]).points.tolist() == [1, 2]
    assert dominance([LINE], [short + 9]).points.tolist() == [0, 1, 2, 3]
    # A point better than all of the other's in diversity, and within its quality, tells against it.
    assert within_reach([[1.0, 9.0]], short - 0.2).tolist() == [True]
    assert dominance([[[1.0, 9.0]]], [short - 0.2]).mean < 0


def seeds_of(curve: np.ndarray, shifts: list[float]) -> np.ndarray:
    return np.array([curve + shift for shift in shifts])


def test_one_curve_dominates_where_every_interval_is_above() -> None:
    a, b = seeds_of(LINE, [0.0, 0.0, 0.0]), seeds_of(LINE, [0.4, 0.5, 0.6])
    over, under = dominance(a, b), dominance(b, a)
    # The outermost points of A have less quality or diversity than B shows anywhere.
    assert over.points.tolist() == [1, 2]
    assert (over.dominates, over.ahead) == (True, True)
    assert over.margins == pytest.approx([0.5] * 2)
    assert (over.mean, over.mean_low, over.mean_high) == pytest.approx((0.5, *mean_interval([0.4, 0.5, 0.6])))
    assert (under.dominates, under.ahead) == (False, False)


def test_curves_that_cross_do_not_dominate() -> None:
    steep = np.array([[4.0, 0.0], [1.5, 1.5], [-1.0, 3.0]])
    a, b = seeds_of(LINE, [0.0, 0.01, -0.01]), seeds_of(steep, [0.0, 0.01, -0.01])
    assert dominance(a, b).dominates is False
    assert dominance(b, a).dominates is False


def test_noise_leaves_it_open() -> None:
    a, b = seeds_of(LINE, [0.0, 0.0, 0.0]), seeds_of(LINE, [0.3, -0.2, 0.2])
    assert dominance(a, b).dominates is None
    assert dominance(a, b).ahead is None


def test_one_seed_has_no_interval() -> None:
    found = dominance([LINE], [LINE + 0.1])
    assert (found.low, found.mean_low, found.dominates, found.ahead) == (None, None, None, None)
    assert found.mean == pytest.approx(0.1)


def test_curves_apart_are_not_held_against_one_another() -> None:
    far = LINE + np.array([10.0, -10.0])
    found = dominance([LINE, LINE], [far, far])
    assert len(found.points) == 0
    assert np.isnan(found.mean)
    assert (found.dominates, found.ahead) == (None, None)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: margins([1.0, 2.0], LINE), "a must be points (P, 2), P >= 1, got shape (2,)"),
        (lambda: margins(LINE, np.empty((0, 2))), "b must be points (P, 2), P >= 1, got shape (0, 2)"),
        (lambda: margins(LINE, [[np.inf, 0.0]]), "b must be finite; leave out runs that diverged, and say so"),
        (lambda: dominance([LINE], [LINE, LINE]), "of the same seeds, got (1, 4, 2), (2, 4, 2)"),
    ],
)
def test_what_is_no_curve_is_refused(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        call()  # type: ignore[operator]
