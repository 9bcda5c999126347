"""Learning curves as data: over seeds, after pre-training, and what each figure of a report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.analysis.load import Collected
from benchmarks.measures.measures import RETURN
from benchmarks.store.results import Point, Reference

FloatArray = NDArray[np.float64]
Axis = Literal["tokens", "seconds"]
View = Literal["tokens", "seconds", "after"]
VIEWS: Mapping[View, str] = MappingProxyType(
    {"tokens": "tokens", "seconds": "wall time", "after": "tokens after pre-training"}
)
GRID = 200


@dataclass(frozen=True)
class Curve:
    """One algorithm's learning curve over seeds.

    Attributes:
        tokens, seconds: (P,) means over seeds, at P evenly spaced shares of the training budget; tokens are those
            generated and read.
        mean, low, high: (P,) of the return, or of the measure shown, over seeds: mean, lowest, highest.
        read, generated: which kinds of tokens there are among them.
        pretrained: tokens and seconds at which pre-training ended, means over seeds; None without.
    """

    tokens: FloatArray
    seconds: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    read: bool
    generated: bool
    pretrained: tuple[float, float] | None = None


@dataclass(frozen=True)
class Line:
    """A curve with its name, and its position among the lines of a report: the same colour in all figures."""

    label: str
    curve: Curve
    position: int


@dataclass(frozen=True)
class Chart:
    """One figure as data.

    Attributes:
        view: of the curves.
        title: of the figure.
        lines: the curves.
        references: horizontal lines to compare them with.
        axis: over what they are drawn.
        x_title, y_title: of the axes.
        within: the heights that are shown; None for all.
    """

    view: View
    title: str
    lines: tuple[Line, ...]
    references: tuple[Reference, ...]
    axis: Axis
    x_title: str
    y_title: str
    within: tuple[float, float] | None = None


def charts(collected: Collected) -> tuple[Chart, ...]:
    """The figures in which there is something to be seen: none where no run has learned, and what follows pre-training
    where half of the curves have one."""
    of = collected.curve
    lines, references = lines_and_references(collected)
    if not lines:
        return ()
    titles = {view: f"{_heading(of.name, of.title)} against {words}" for view, words in VIEWS.items()}
    y_title = ("mean return" if of.name == RETURN else of.title) + (f" ({of.unit})" if of.unit else "")
    drawn = [Chart("tokens", titles["tokens"], lines, references, "tokens", tokens_title(lines), y_title)]
    # Of another tool's runs the time may not be known.
    timed = tuple(line for line in lines if line.curve.seconds[-1] > 0)
    if timed:
        axis = "seconds of training (wall clock)"
        drawn.append(Chart("seconds", titles["seconds"], timed, references, "seconds", axis, y_title))
    if 2 * sum(line.curve.pretrained is not None for line in lines) >= len(lines):
        later, others = curves_after_pretraining(lines, references)
        within = bounds(later, others, None if of.name == RETURN else collected.oracle_entropy)
        drawn.append(Chart("after", titles["after"], later, others, "tokens", VIEWS["after"], y_title, within))
    return tuple(drawn)


def caption(shown: Sequence[Chart]) -> str:
    """Caption of the figures: how they are read; "" for none."""
    if not shown:
        return ""
    lines = shown[0].lines
    said = "Lines: mean over seeds; bands: lowest to highest. Evaluation is left out of the seconds."
    if any(line.curve.pretrained is not None for line in lines):
        said += " Dotted vertical lines: where pre-training ends."
    if any(chart.view == "after" for chart in shown):
        said += " After it, runs that end below the oracle's entropy are clipped at the lower edge."
    readers = [line.label for line in lines if not line.curve.generated]
    if readers:
        says = "generates no tokens: its curve is" if len(readers) == 1 else "generate no tokens: their curves are"
        said += f" {', '.join(readers)} {says} over the tokens of training data read."
    return said


def lines_and_references(collected: Collected) -> tuple[tuple[Line, ...], tuple[Reference, ...]]:
    """A curve for each algorithm that learns; a horizontal line for each that does not, and for each reference."""
    of = collected.experiment.curve
    lines: list[Line] = []
    references: list[Reference] = []
    position = 0
    for each in collected.algorithms:
        results, values = each.results, each.values.get(of)
        curve = curve_over_seeds([result.curve for result in results], of) if results else None
        if curve is not None:
            lines.append(Line(each.label, curve, position))
        elif values:
            references.append(Reference(each.label, sum(values) / len(values)))
        # Algorithms without results yet keep their position: the others' colours do not change when they come.
        position += curve is not None or not results
    if of == RETURN:
        references += collected.references.values()
    elif collected.oracle_entropy is not None:
        references.append(Reference("oracle's entropy", collected.oracle_entropy))
    return tuple(lines), tuple(references)


def curve_over_seeds(curves: Sequence[Sequence[Point]], of: str = RETURN) -> Curve | None:
    """The mean over seeds of their learning curves, each read off (linearly) at the same shares of its own training.

    Shares, because runs that differ in length or speed have no common tokens or seconds at which to be averaged.

    Args:
        curves: of each seed.
        of: the return, or the name of a measure of the points.

    Returns:
        None if a run was not trained, or lacks the measure: it has no curve.
    """
    shares = np.linspace(0.0, 1.0, GRID)
    tokens, seconds, heights = [], [], []
    for points in curves:
        total = np.array([point.tokens for point in points], np.float64)
        if total[-1] == total[0] or any(_height(point, of) is None for point in points):
            return None
        done = (total - total[0]) / (total[-1] - total[0])
        tokens.append(np.interp(shares, done, total))
        seconds.append(np.interp(shares, done, [point.seconds for point in points]))
        heights.append(np.interp(shares, done, [_height(point, of) for point in points]))  # type: ignore[arg-type]
    ends = [end for end in map(end_of_pretraining, curves) if end is not None]
    over_seeds = np.array(heights)
    return Curve(
        tokens=np.mean(tokens, 0),
        seconds=np.mean(seconds, 0),
        mean=over_seeds.mean(0),
        low=over_seeds.min(0),
        high=over_seeds.max(0),
        read=any(points[-1].tokens_read for points in curves),
        generated=any(points[-1].tokens_generated for points in curves),
        pretrained=(
            (float(np.mean([end.tokens for end in ends])), float(np.mean([end.seconds for end in ends])))
            if ends
            else None
        ),
    )


def end_of_pretraining(points: Sequence[Point]) -> Point | None:
    """The first point of the last phase, where there are several; else the first of all, where it is the end of another
    run; else None."""
    last = points[-1].phase
    for before, point in reversed(list(pairwise(points))):
        if before.phase not in ("", last):
            return point
    return points[0] if points[0].tokens else None


def curves_after_pretraining(
    lines: Sequence[Line], references: Sequence[Reference]
) -> tuple[tuple[Line, ...], tuple[Reference, ...]]:
    """The curves that had a pre-training, over the tokens and seconds since it ended; none if none had. A curve that
    had none is a horizontal line at the height where it ended."""
    later, others = [], list(references)
    for line in lines:
        if line.curve.pretrained is None:
            others.append(Reference(line.label, float(line.curve.mean[-1])))
        else:
            later.append(replace(line, curve=_since(line.curve, *line.curve.pretrained)))
    return tuple(later), tuple(others)


def bounds(lines: Sequence[Line], references: Sequence[Reference], floor: float | None) -> tuple[float, float]:
    """From the lowest to the highest of the bands of all curves that do not end below `floor`, and the references near
    them: collapsed runs are clipped, and do not press the others together. Of all curves, if all end below."""
    kept = [line.curve for line in lines if floor is None or line.curve.mean[-1] >= floor]
    kept = kept or [line.curve for line in lines]
    low, high = min(float(curve.low.min()) for curve in kept), max(float(curve.high.max()) for curve in kept)
    room = 0.5 * (high - low) or 1.0
    near = [each.value for each in references if low - room <= each.value <= high + room]
    return min([low, *near]), max([high, *near])


def tokens_title(lines: Sequence[Line]) -> str:
    """Of an axis of tokens: which kinds of them the curves count."""
    if any(line.curve.read and line.curve.generated for line in lines):
        return "tokens read and generated"
    readers = [line.label for line in lines if line.curve.read]
    generating = len(readers) < len(lines)
    if not readers:
        return "tokens generated"
    return f"tokens generated ({', '.join(readers)}: tokens read)" if generating else "tokens read"


def _heading(name: str, title: str) -> str:
    return title.capitalize() if name == RETURN else title


def _height(point: Point, of: str) -> float | None:
    return point.mean_return if of == RETURN else point.measures.get(of)


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
