"""Curves over seeds, label places, and figures that need nothing from outside."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.plots import GRID, Level, Line, curve_over_seeds, learning_curves, spread_apart, style, to_svg
from benchmarks.results import Point


def straight(tokens: int, seconds: float, slope: float, points: int = 5) -> list[Point]:
    shares = [k / (points - 1) for k in range(points)]
    return [Point(int(share * tokens), 0, share * seconds, slope * share) for share in shares]


def test_curve_is_the_mean_over_seeds_at_equal_shares_of_training() -> None:
    curve = curve_over_seeds([straight(100, 2.0, 1.0), straight(300, 4.0, 3.0, points=9)])
    assert curve is not None
    shares = np.linspace(0, 1, GRID)
    np.testing.assert_allclose(curve.tokens, 200 * shares, atol=1)
    np.testing.assert_allclose(curve.seconds, 3 * shares, atol=0.02)
    np.testing.assert_allclose(curve.mean, 2 * shares, atol=0.02)
    np.testing.assert_allclose(curve.low, shares, atol=0.02)
    np.testing.assert_allclose(curve.high, 3 * shares, atol=0.03)
    assert not curve.read


def test_what_reads_is_drawn_over_the_tokens_it_read() -> None:
    curve = curve_over_seeds([[Point(0, 0, 0.0, 0.0), Point(0, 500, 1.0, 2.0)]])
    assert curve is not None
    assert curve.read
    assert curve.tokens[-1] == 500


def test_what_was_not_trained_has_no_curve() -> None:
    assert curve_over_seeds([[Point(0, 0, 0.0, 1.0)]]) is None


@given(st.lists(st.floats(-100, 100), max_size=12), st.floats(0.1, 20))
def test_labels_lie_apart_in_their_order(heights: list[float], gap: float) -> None:
    places = spread_apart(heights, gap)
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    assert all(places[b] - places[a] >= gap * (1 - 1e-6) - 1e-9 for a, b in pairwise(order))


@given(st.lists(st.integers(-20, 20), unique=True, max_size=10))
def test_labels_with_room_stay_where_they_are(heights: list[int]) -> None:
    assert spread_apart([10.0 * h for h in heights], 9.0) == pytest.approx([10.0 * h for h in heights])


def test_no_two_lines_look_alike() -> None:
    assert len({style(position) for position in range(28)}) == 28


@pytest.mark.parametrize("axis", ["tokens", "seconds"])
def test_figure_as_svg_stands_alone(axis: str) -> None:
    curve = curve_over_seeds([straight(100, 2.0, 1.0), straight(100, 3.0, 2.0)])
    assert curve is not None

    def drawn() -> str:
        figure = learning_curves([Line("A<B", curve, *style(0))], [Level("goal & end", 3.0)], axis, "nats")
        return to_svg(figure, f"fig-{axis}", 'a "title"')

    svg = drawn()
    ElementTree.fromstring(svg)  # well-formed
    assert "://" not in svg
    assert "A&lt;B" in svg
    assert "goal &amp; end" in svg
    assert not re.search(r"<svg[^>]*\s(width|height)=", svg)
    ids = set(re.findall(r'\bid="([^"]+)"', svg))
    assert all(name.startswith(f"fig-{axis}-") for name in ids)
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg)) <= ids
    assert svg == drawn()
