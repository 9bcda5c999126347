"""Runs of other tools: what their lines of measurements make together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.exchange.frames import BEST, CURVE, FINAL
from benchmarks.exchange.outside import BadLine, Line
from benchmarks.measures.measures import RETURN
from benchmarks.specs.experiment import IMPORTED
from benchmarks.store.results import Failure, Measurement, Point, Result

ELSEWHERE = "elsewhere"
"""The device of runs that were not done here."""
KINDS = {"failed": RuntimeError.__name__, "diverged": FloatingPointError.__name__}


@dataclass(frozen=True)
class OutsideRun:
    """Run of another tool.

    Attributes:
        label, seed: which it is.
        status: as the file says.
        config: its settings, as far as they are known.
        outcome: what it came to; None of one that neither finished nor failed.
    """

    label: str
    seed: int
    status: str
    config: Mapping[str, Any]
    outcome: Result | Failure | None


def outside_run(file: str, experiment: str, environment: str, lines: Sequence[Line]) -> OutsideRun:
    """The run that some lines are of.

    Args:
        file: that they stand in.
        experiment, environment: that it belongs to.
        lines: of one label and seed.

    Raises:
        BadLine: lines that do not go together.
    """
    first = lines[0]
    label, seed, status = first.label, first.seed, first.status
    for name in ("status", "agent"):
        _check_one(file, lines, name)
    told = [line for line in lines if line.measure]
    if told and status in ("unfinished", "not started"):
        where = f"{file}, line {told[0].number}"
        raise BadLine(f"{where}: {label}, seed {seed}, is {status} and has numbers; call it failed or finished")
    curve, final = _curve(file, told), _split(told, FINAL)
    if final:
        end = _point(file, final)
        if curve and curve[-1].tokens > end.tokens:
            raise BadLine(
                f"{file}, line {final[0].number}: tokens={end.tokens} of the split {FINAL} must not be below "
                f"{curve[-1].tokens}, where the curve of {label}, seed {seed}, ends"
            )
        if not curve or curve[-1].tokens < end.tokens:
            curve = (*curve, end)
    else:
        # Without splits, the last point of the curve is the final measurement.
        final = [line for line in told if curve and line.tokens == curve[-1].tokens and line.split != BEST]
    outcome: Result | Failure | None = None
    if status in KINDS:
        outcome = Failure(f"{KINDS[status]}: {status}, as {file} says", "(none: imported)", curve)
    elif status == "finished":
        outcome = _result(file, curve, final, _split(told, BEST))
    measures = [line.measure for line in final if line.measure != RETURN]
    config = {
        "experiment": experiment,
        "algorithm": {
            "label": label,
            "agent": first.agent,
            "kind": IMPORTED,
            "total_tokens": curve[-1].tokens if curve else 0,
        },
        "seed": seed,
        "env_id": environment,
        "env_kwargs": {},
        # One that counts as one: the error of the return is given, and not made of episodes.
        "evaluation": {"measures": measures, "final_episodes": 1},
        "device": ELSEWHERE,
        IMPORTED: {"file": file, "rows": _digest(lines)},
    }
    return OutsideRun(label, seed, status, config, outcome)


def _result(file: str, curve: tuple[Point, ...], final: Sequence[Line], best: Sequence[Line]) -> Result:
    measured = _measurement(file, final)
    return Result(
        curve=curve,
        mean_return=measured.mean_return,
        std_return=measured.errors.get(RETURN, 0.0),
        measures=dict(measured.measures),
        errors={name: error for name, error in measured.errors.items() if name != RETURN},
        sequence_nll_oracle=(),
        reasons={},
        references={},
        oracle_entropy=None,
        samples=(),
        evaluation_seconds=0.0,
        versions={IMPORTED: file},
        best=_measurement(file, best) if best else None,
    )


def _measurement(file: str, lines: Sequence[Line]) -> Measurement:
    point = _point(file, lines)
    errors = {line.measure: line.error for line in lines if line.error is not None}
    return Measurement(point, point.mean_return, point.measures, errors)


def _curve(file: str, lines: Sequence[Line]) -> tuple[Point, ...]:
    by_tokens: dict[int, list[Line]] = {}
    for line in lines:
        if line.split in ("", CURVE):
            by_tokens.setdefault(line.tokens or 0, []).append(line)
    return tuple(_point(file, by_tokens[tokens]) for tokens in sorted(by_tokens))


def _point(file: str, lines: Sequence[Line]) -> Point:
    """The point that lines of one place are of."""
    first = lines[0]
    for name in ("tokens", "seconds"):
        _check_one(file, lines, name)
    values = {line.measure: line.value for line in lines if line.value is not None}
    if RETURN not in values:
        raise BadLine(
            f"{file}, line {first.number}: {first.label}, seed {first.seed}, tokens={first.tokens}, has "
            f"{', '.join(values)} and no return; add a line of it whose measure is {RETURN}"
        )
    measures = {name: value for name, value in values.items() if name != RETURN}
    return Point(first.tokens or 0, 0, first.seconds or 0.0, values[RETURN], measures=measures)


def _split(lines: Sequence[Line], split: str) -> list[Line]:
    return [line for line in lines if line.split == split]


def _check_one(file: str, lines: Sequence[Line], name: str) -> None:
    """Refuses lines that say different things of one run, or of one point."""
    first = lines[0]
    for line in lines:
        here, there = getattr(line, name), getattr(first, name)
        if here != there:
            of = "run" if name in ("status", "agent") else "point"
            raise BadLine(
                f"{file}, line {line.number}: {name}={here!r} of {line.label}, seed {line.seed}, is {there!r} in line "
                f"{first.number}; say one thing of one {of}"
            )


def _digest(lines: Sequence[Line]) -> str:
    """SHA-256 of what lines say, wherever they stand."""
    said = [{**asdict(line), "number": 0} for line in lines]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
