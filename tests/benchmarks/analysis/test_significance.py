"""Tests of difference against SciPy, hand calculation and their defining properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from benchmarks.analysis.significance import hedges_g, holm, student_test, welch_interval, welch_test

A, B = [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]


def test_welch_by_hand() -> None:
    found = welch_test(A, B)
    assert found is not None
    # Variances 1 and 4 over three each.
    assert found.t == pytest.approx(-2 / np.sqrt(5 / 3))
    assert found.df == pytest.approx((5 / 3) ** 2 / ((1 / 3) ** 2 / 2 + (4 / 3) ** 2 / 2))
    assert found.p == pytest.approx(2 * scipy_stats.t.sf(abs(found.t), found.df))


@pytest.mark.parametrize(("test", "equal_var"), [(welch_test, False), (student_test, True)])
def test_t_tests_are_scipys(test, equal_var: bool) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        a = rng.normal(rng.normal(), rng.gamma(1.0), rng.integers(2, 9))
        b = rng.normal(rng.normal(), rng.gamma(1.0), rng.integers(2, 9))
        found, theirs = test(a, b), scipy_stats.ttest_ind(a, b, equal_var=equal_var)
        assert (found.t, found.df, found.p) == pytest.approx((theirs.statistic, theirs.df, theirs.pvalue))
        turned = test(b, a)
        assert (turned.t, turned.p) == pytest.approx((-found.t, found.p))


def test_equal_scores_do_not_differ() -> None:
    found = welch_test(A, A)
    assert found is not None
    assert (found.t, found.p, hedges_g(A, A)) == (0.0, 1.0, 0.0)


def test_without_any_spread_there_is_nothing_to_measure_by() -> None:
    # The mean of three times 0.1 is not 0.1: without care, its spread would be 1e-17 and t 1e16.
    for a, b in (([0.1] * 3, [0.1] * 3), ([0.1] * 3, [0.3] * 4), ([0.0, 0.0], [0.0, 0.0])):
        assert welch_test(a, b) is student_test(a, b) is hedges_g(a, b) is None


def test_one_side_without_spread_is_a_test_against_a_constant() -> None:
    found = welch_test(A, [0.1] * 5)
    theirs = scipy_stats.ttest_1samp(A, 0.1)
    assert found is not None
    assert (found.t, found.df, found.p) == pytest.approx((theirs.statistic, theirs.df, theirs.pvalue))


def test_hedges_g_by_hand() -> None:
    # J(4) = Gamma(2) / (sqrt(2) Gamma(3/2)), near its approximation 1 - 3 / (4 * 4 - 1).
    correction = 1 / (np.sqrt(2) * np.sqrt(np.pi) / 2)
    assert correction == pytest.approx(1 - 3 / 15, abs=0.01)
    assert hedges_g(A, B) == pytest.approx(correction * -2 / np.sqrt((2 * 1 + 2 * 4) / 4))


def test_hedges_g_is_without_bias() -> None:
    rng = np.random.default_rng(1)
    found = [hedges_g(rng.normal(1.0, 1.0, 3), rng.normal(0.0, 1.0, 5)) for _ in range(4_000)]
    assert np.mean(found) == pytest.approx(1.0, abs=4 * np.std(found) / np.sqrt(len(found)))


def test_holm_by_hand() -> None:
    # Ascending 0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 * 1, which is raised to the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.2]) == pytest.approx([0.2])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert holm([]).shape == (0,)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_holm_rejects_what_the_step_down_procedure_rejects(p: list[float], alpha: float) -> None:
    adjusted = holm(p)
    order = np.argsort(p, kind="stable")
    rejected = np.zeros(len(p), bool)
    for step, test in enumerate(order):
        if p[test] * (len(p) - step) > alpha:
            break
        rejected[test] = True
    assert ((adjusted <= alpha) == rejected).all()
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, np.array(p) * len(p))).all()
    assert (np.diff(adjusted[order]) >= 0).all()


@pytest.mark.parametrize("wrong", [[1.0], [], [[1.0, 2.0]], [1.0, np.nan], [np.inf, 1.0]])
def test_too_few_observations_or_others_than_numbers_are_refused(wrong: list) -> None:
    for test in (welch_test, student_test, hedges_g):
        with pytest.raises(ValueError, match="a must be"):
            test(wrong, A)
        with pytest.raises(ValueError, match="b must be"):
            test(A, wrong)


@pytest.mark.parametrize("wrong", [[1.5], [-0.1], [np.nan], [[0.5]]])
def test_what_is_no_p_value_is_refused(wrong: list) -> None:
    with pytest.raises(ValueError, match="p_values must be"):
        holm(wrong)


def test_the_interval_is_scipys_and_holds_what_the_test_does_not_reject() -> None:
    a, b = [0.2, 0.5, 0.3, 0.9], [0.1, 0.15, 0.05]
    expected = scipy_stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    assert welch_interval(a, b, 0.9) == pytest.approx((expected.low, expected.high))
    for end in welch_interval(a, b) or ():
        test = welch_test(np.array(a) - end, b)
        assert test is not None
        assert test.p == pytest.approx(0.05)
    assert welch_interval([1.0, 1.0], [2.0, 2.0]) is None
