"""Tables and sentences of a sweep over temperatures: for the terminal, for pages and for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.report.files import csv_text, markdown_table
from benchmarks.report.table import NONE, Column, Table, table_of_texts
from benchmarks.sweep.curves import Drawn, Pair
from benchmarks.sweep.dominance import Dominance

HEADS = ("agent", "seed", "temperature", "plane", "quality", "quality_value", "diversity", "diversity_value")
PAIR_HEADS = (
    *("plane", "better", "worse", "seeds", "points", "margin", "low", "high", "least_margin", "least_low"),
    *("least_high", "least_at", "dominates", "ahead"),
)
DIGITS = 3


def curve_table(found: Drawn) -> Table:
    """One line for each agent and temperature: mean ± standard deviation over seeds."""
    measures = (found.quality, found.diversity)
    titles = (each.title for each in measures)
    columns = [Column(head, priority=place) for place, head in enumerate(("agent", "temperature", *titles))]
    rows = []
    for curve in found.curves:
        for place, temperature in enumerate(found.temperatures):
            cells = [_spread(curve.values[:, place, which], each.digits) for which, each in enumerate(measures)]
            rows.append((curve.label, f"{temperature:g}", *cells))
    return table_of_texts(title(found), columns, rows)


def pair_table(found: Drawn) -> Table:
    """One line for each two agents, in both directions."""
    heads = ("agent", "over", "points", "margin", "least margin", "at temperature", "dominates")
    rows = []
    for pair in found.pairs:
        for each in (pair, pair.turned()):
            of = each.over
            least = _least(of)
            rows.append(
                (
                    each.first,
                    each.second,
                    str(len(of.points)),
                    _interval(of.mean, of.mean_low, of.mean_high) if len(of.points) else NONE,
                    NONE if least is None else _interval(of.margins[least], *_ends(of, least)),
                    NONE if least is None else f"{found.temperatures[of.points[least]]:g}",
                    {True: "yes", False: "no", None: "not certain"}[of.dominates],
                )
            )
    return table_of_texts(f"Who dominates whom: {title(found)}", tuple(Column(head) for head in heads), rows)


def title(found: Drawn) -> str:
    """Of a plane."""
    return f"{found.quality.title} against {found.diversity.title}"


def verdict(found: Drawn, pair: Pair) -> str:
    """The finding about two curves, in a sentence."""
    begins = f"{title(found)}: "
    if not len(pair.over.points) and not len(pair.under.points):
        return f"{begins}{pair.first} and {pair.second} are too far apart to be held against one another."
    if len(pair.seeds) < 2:
        means = ", ".join(
            f"{each.first} over {each.second} {each.over.mean:+.{DIGITS}f}"
            for each in (pair, pair.turned())
            if len(each.over.points)
        )
        return f"{begins}{pair.first} and {pair.second} share one seed, which has no interval; mean margins: {means}."
    winner = pair.winner
    if winner is None:
        known = pair if len(pair.over.points) else pair.turned()
        margin = _interval(known.over.mean, known.over.mean_low, known.over.mean_high)
        return f"{begins}neither of {pair.first} and {pair.second} is ahead: {known.first}'s margin is {margin}."
    of = winner.over
    margin = _interval(of.mean, of.mean_low, of.mean_high)
    if of.dominates:
        return (
            f"{begins}{winner.first} dominates {winner.second}: for each of {len(of.points)} points of "
            f"{winner.second} there is one of {winner.first} at least as good in both, by {margin} on average."
        )
    least = _least(of)
    assert least is not None, "a pair without points has no winner"
    at = f"temperature {found.temperatures[of.points[least]]:g}"
    return (
        f"{begins}{winner.first} is ahead of {winner.second} by {margin} on average over {len(of.points)} points, but "
        f"it is not certain that it dominates: at {winner.second}'s {at} the margin is "
        f"{_interval(of.margins[least], *_ends(of, least))}."
    )


def verdicts(found: Drawn, against: str | None = None) -> list[str]:
    """Of each two curves, or of each other one and `against`, which is named first."""
    chosen = []
    for pair in found.pairs:
        if against is None or pair.first == against:
            chosen.append(pair)
        elif pair.second == against:
            chosen.append(pair.turned())
    return [verdict(found, pair) for pair in chosen]


def notes(texts: int) -> list[str]:
    """The columns in words."""
    return [
        f"At each temperature {texts:,} texts of each agent, the same random numbers at all of them; ± standard "
        "deviation over seeds. A curve is the broken line through its points.",
        "margin: by how much the best point of the agent's curve is better than a point of the other's, in the worse "
        "of quality and diversity, on average over the other's points, and over seeds (95% interval by Student's t). "
        "Points of lower quality or lower diversity than the agent's curve shows anywhere are left out: it was not "
        "swept so far. Where the units of the two differ, it is the sign of a margin that counts.",
        "dominates: at each of the other's points the whole interval of the margin is at least 0; no: at one of them "
        "it is below 0.",
    ]


def markdown(name: str, planes: Sequence[Drawn], said: Sequence[str]) -> str:
    """Everything, in Markdown."""
    parts = [f"# Quality against diversity: {name}", *said]
    for found in planes:
        parts += [f"## {title(found)}", markdown_table(curve_table(found))]
        if found.pairs:
            parts += ["\n".join(f"- {sentence}" for sentence in verdicts(found)), markdown_table(pair_table(found))]
    return "\n\n".join(parts) + "\n"


def csv(planes: Sequence[Drawn]) -> str:
    """One line for each agent, seed, temperature and plane, at full precision."""
    return csv_text(HEADS, (line for found in planes for line in _points(found)))


def pairs_csv(planes: Sequence[Drawn]) -> str:
    """One line for each two agents in each direction and plane, at full precision."""
    return csv_text(PAIR_HEADS, pair_lines(planes))


def pair_lines(planes: Sequence[Drawn]) -> list[Mapping[str, Any]]:
    """The lines of `pairs_csv`; plain JSON values."""
    lines: list[Mapping[str, Any]] = []
    for found in planes:
        for pair in found.pairs:
            for each in (pair, pair.turned()):
                lines.append({"plane": found.plane.name, **_pair_line(found, each)})
    return lines


def _pair_line(found: Drawn, pair: Pair) -> dict[str, Any]:
    of, least = pair.over, _least(pair.over)
    line: dict[str, Any] = {
        "better": pair.first,
        "worse": pair.second,
        "seeds": len(pair.seeds),
        "points": len(of.points),
        "margin": of.mean if len(of.points) else None,
        "low": of.mean_low,
        "high": of.mean_high,
        "dominates": of.dominates,
        "ahead": of.ahead,
    }
    if least is not None:
        low, high = _ends(of, least)
        line |= {"least_margin": float(of.margins[least]), "least_low": low, "least_high": high}
        line["least_at"] = found.temperatures[of.points[least]]
    return line


def _points(found: Drawn) -> Iterator[dict[str, Any]]:
    for curve in found.curves:
        for seed, values in zip(curve.seeds, curve.values.tolist(), strict=True):
            for temperature, (quality, diversity) in zip(found.temperatures, values, strict=True):
                yield {
                    "agent": curve.label,
                    "seed": seed,
                    "temperature": temperature,
                    "plane": found.plane.name,
                    "quality": found.plane.quality,
                    "quality_value": quality,
                    "diversity": found.plane.diversity,
                    "diversity_value": diversity,
                }


def _least(of: Dominance) -> int | None:
    """Where, among its points, a dominance is least certain."""
    if not len(of.points):
        return None
    return int((of.margins if of.low is None else of.low).argmin())


def _ends(of: Dominance, place: int) -> tuple[float | None, float | None]:
    if of.low is None or of.high is None:
        return None, None
    return float(of.low[place]), float(of.high[place])


def _interval(value: float, low: float | None, high: float | None) -> str:
    shown = f"{value:+.{DIGITS}f}"
    return shown if low is None or high is None else f"{shown} ({low:+.{DIGITS}f} to {high:+.{DIGITS}f})"


def _spread(values: np.ndarray, digits: int) -> str:
    mean = f"{values.mean():.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {values.std(ddof=1):.{digits}f}"
