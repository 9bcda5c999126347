"""The part of learning curves that follows pre-training, which a long pre-training leaves no room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.report.plots import Curve, Level, Line


def after_pretraining(lines: Sequence[Line], levels: Sequence[Level]) -> tuple[list[Line], list[Level]]:
    """The curves that had a pre-training, over the tokens and seconds since it ended; none if none had. A curve that
    had none is the level that it ended at.
    """
    later, others = [], list(levels)
    for line in lines:
        if line.curve.pretrained is None:
            others.append(Level(line.label, float(line.curve.mean[-1])))
        else:
            later.append(replace(line, curve=_since(line.curve, *line.curve.pretrained)))
    return later, others


def bounds(lines: Sequence[Line], levels: Sequence[Level], floor: float | None) -> tuple[float, float]:
    """From the lowest to the highest of the bands of all curves that do not end below `floor`, and the levels among
    them: what collapses leaves the picture, and does not press the others together. Of all curves, if all do."""
    kept = [line.curve for line in lines if floor is None or line.curve.mean[-1] >= floor]
    kept = kept or [line.curve for line in lines]
    low, high = min(float(curve.low.min()) for curve in kept), max(float(curve.high.max()) for curve in kept)
    room = 0.5 * (high - low) or 1.0
    near = [level.value for level in levels if low - room <= level.value <= high + room]
    return min([low, *near]), max([high, *near])


def _since(curve: Curve, tokens: float, seconds: float) -> Curve:
    kept = curve.tokens >= tokens * (1 - 1e-9)
    return replace(
        curve,
        tokens=curve.tokens[kept] - tokens,
        seconds=(curve.seconds[kept] - seconds).clip(0.0),
        mean=curve.mean[kept],
        low=curve.low[kept],
        high=curve.high[kept],
        pretrained=None,
    )
