"""Curves over seeds, label places, and figures that need nothing from outside."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report.curves import (
    GRID,
    Axis,
    Chart,
    Line,
    curve_over_seeds,
    end_of_pretraining,
    tokens_title,
)
from benchmarks.report.plots import learning_curves, save_figure, spread_apart, style, to_svg
from benchmarks.store.results import Point, Reference


def chart(lines: list[Line], references: list[Reference], axis: Axis = "tokens", unit: str = "") -> Chart:
    return Chart(axis, "title", tuple(lines), tuple(references), axis, tokens_title(lines), f"mean return ({unit})")


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


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12))
def test_labels_stay_beside_the_axes_where_there_is_room(heights: list[float]) -> None:
    places = spread_apart(heights, 10.0, (-100.0, 100.0))
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    assert all(places[b] - places[a] >= 10 - 1e-6 for a, b in pairwise(order))
    assert min(places) >= -100 - 1e-6
    assert max(places) <= 100 + 1e-6


def test_without_room_labels_keep_apart_from_the_top_down() -> None:
    assert spread_apart([5.0, 5.0, 5.0], 4.0, (0.0, 5.0)) == [-3.0, 1.0, 5.0]


def test_no_two_lines_look_alike() -> None:
    assert len({style(position) for position in range(28)}) == 28


@pytest.mark.parametrize("axis", ["tokens", "seconds"])
def test_figure_as_svg_stands_alone(axis: str) -> None:
    curve = curve_over_seeds([straight(100, 2.0, 1.0), straight(100, 3.0, 2.0)])
    assert curve is not None

    def drawn() -> str:
        figure = learning_curves(chart([Line("A<B", curve, 0)], [Reference("goal & end", 3.0)], axis, "nats"))
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


def phased(*phases: str, begun: int = 0) -> list[Point]:
    return [
        Point(100 * n, begun, 10.0 * n, -5.0, 7 * n, phase, {}, {"nll_oracle": 3.0 - n})
        for n, phase in enumerate(phases)
    ]


@pytest.mark.parametrize(
    ("points", "tokens"),
    [
        (phased("", "mle", "discriminator", "adversarial", "adversarial"), 300),
        (phased("", "mle", "mle"), None),
        (phased("", "", ""), None),
        (phased("", "", "", begun=50), 50),
        (phased("", "mle", "adversarial", begun=50), 250),
        (phased(""), None),
    ],
)
def test_pretraining_ends_where_the_last_phase_begins_or_where_another_run_ended(
    points: list[Point], tokens: int | None
) -> None:
    end = end_of_pretraining(points)
    assert (None if end is None else end.tokens) == tokens


def test_a_curve_goes_on_from_where_another_ended() -> None:
    curve = curve_over_seeds([phased("", "", "", begun=50), phased("", "", "", begun=150)])
    assert curve is not None
    assert (curve.tokens[0], curve.tokens[-1]) == (100, 300)
    assert curve.pretrained == (100, 0.0)
    assert (curve.read, curve.generated) == (True, True)


def test_a_measure_is_drawn_in_place_of_the_return() -> None:
    curve = curve_over_seeds([phased("", "a", "b")], "nll_oracle")
    assert curve is not None
    assert (curve.mean[0], curve.mean[-1]) == (3.0, 1.0)
    assert curve_over_seeds([phased("", "a", "b")], "nope") is None
    (axes,) = learning_curves(chart([Line("A", curve, 0)], [], unit="nats a token")).axes
    assert axes.get_ylabel() == "mean return (nats a token)"
    assert axes.get_xlabel() == "tokens generated"


def test_a_figure_is_laid_out_once_however_often_it_is_written(tmp_path: Path) -> None:
    curve = curve_over_seeds([straight(100, 2.0, 1.0)])
    assert curve is not None
    figure = learning_curves(chart([Line("A", curve, 0)], [Reference("goal", 3.0)]))
    (axes,) = figure.axes
    before = axes.get_position().bounds
    written = []
    for name in ("first", "second"):
        for kind in ("png", "svg"):
            save_figure(figure, kind, tmp_path / f"{name}.{kind}")
        written.append([(tmp_path / f"{name}.{kind}").read_bytes() for kind in ("png", "svg")])
        to_svg(figure, name, name)
    assert written[0] == written[1]
    assert axes.get_position().bounds == before


def test_pretraining_ends_at_a_vertical_line_once_where_rows_agree() -> None:
    curves = [curve_over_seeds([phased("", "a", "b", "b", begun=begun)]) for begun in (50, 51, 120)]
    lines = [Line(str(n), curve, n) for n, curve in enumerate(curves) if curve is not None]
    for axis, places in (("tokens", [250, 320]), ("seconds", [20.0])):
        (axes,) = learning_curves(chart(lines, [], axis)).axes  # type: ignore[arg-type]
        vertical = [
            line.get_xdata()[0]
            for line in axes.lines
            if len(set(line.get_xdata())) == 1 and line.get_marker() == "None"
        ]
        assert vertical == places
