"""Curves after pre-training, and what the figures of a report show."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.report.curves import Chart, Line, bounds, curve_over_seeds, curves_after_pretraining
from benchmarks.report.plots import learning_curves, to_svg
from benchmarks.store.results import Point, Reference


def line(label: str, heights: list[float], *, begun: int = 0, place: int = 0) -> Line:
    """Points every 100 tokens and 10 seconds; a curve that begins with tokens read continues another's."""
    points = [Point(100 * n, begun, 10.0 * n + begun / 10, height) for n, height in enumerate(heights)]
    curve = curve_over_seeds(
        [points, [Point(p.tokens_generated, begun, p.seconds, p.mean_return - 0.2) for p in points]]
    )
    assert curve is not None
    return Line(label, curve, place)


CONTINUED = line("GAN", [9.0, 8.0, 8.5], begun=5_000)
COLLAPSED = line("BLEU", [9.0, 6.0, 2.0], begun=5_000, place=1)
ALONE = line("MLE", [11.0, 9.5, 9.1], place=2)


def test_curves_begin_where_pretraining_ended_and_others_are_references() -> None:
    later, references = curves_after_pretraining([CONTINUED, ALONE], [Reference("entropy", 5.0)])
    assert [each.label for each in later] == ["GAN"]
    curve = later[0].curve
    assert (curve.tokens[0], curve.tokens[-1]) == (0, 200)
    assert (curve.seconds[0], curve.seconds[-1]) == pytest.approx((0, 20))
    np.testing.assert_array_equal(curve.mean, CONTINUED.curve.mean)
    assert references == (Reference("entropy", 5.0), Reference("MLE", pytest.approx(9.0)))
    assert curves_after_pretraining([ALONE], [])[0] == ()


def test_what_collapses_does_not_press_the_others_together() -> None:
    later, references = curves_after_pretraining(
        [CONTINUED, COLLAPSED, ALONE], [Reference("entropy", 5.0), Reference("far", 12.0)]
    )
    # The band of the one, and the level near it.
    assert bounds(later, references, 5.0) == pytest.approx((7.8, 9.0), abs=0.01)
    assert bounds(later, references, None) == pytest.approx((1.8, 12.0), abs=0.01)
    assert bounds(later[1:], [], 5.0) == pytest.approx((1.8, 9.0), abs=0.01)
    shown = Chart("after", "x", later, references, "tokens", "after", "NLL_oracle", (7.8, 9.2))
    svg = to_svg(learning_curves(shown), "x", "x")
    assert "BLEU ↓ 1.9" in svg
    assert "MLE" in svg
    assert "entropy" not in svg.replace("nll", "")
    assert "GAN ↓" not in svg
