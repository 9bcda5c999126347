"""Tidy frame of results: one row a run and measurement."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.analysis.load import AlgorithmRecords, Collected, Record, collect, experiment_folders
from benchmarks.measures.measures import RETURN
from benchmarks.specs.experiment import IMPORTED
from benchmarks.store.results import Measurement, Point, Result

CURVE, FINAL, BEST = "curve", "final", "best"
SPLITS = (CURVE, FINAL, BEST)


@dataclass(frozen=True)
class Row:
    """One number of one run; of a run without any, that it was asked for.

    Attributes:
        experiment: in whose table it stands.
        environment: id of the one that it was trained in.
        label: of the algorithm, as tables have it.
        agent: registered name or import path.
        seed: of the run.
        status: of the run: "finished", "failed", "diverged", "unfinished" or "not started".
        split: "curve" for a point of the learning curve, "final" for the fresh episodes after training, "best" for the
            same at the point that was best by validation; "" of a run without numbers.
        measure: "return", or the name of a measure.
        tokens: of training until then, generated and read; roll-outs are part of no other count, and not of this.
        seconds: of training until then, evaluation left out.
        value: the number.
        error: its standard error over texts, where it is known.
    """

    experiment: str
    environment: str
    label: str
    agent: str
    seed: int
    status: str
    split: str
    measure: str
    tokens: int | None
    seconds: float | None
    value: float | None
    error: float | None


COLUMNS = tuple(each.name for each in fields(Row))


def rows_in(folders: Sequence[Path]) -> list[Row]:
    """The rows of every experiment in some folders of results.

    Raises:
        ValueError: a folder without results, or two that hold an experiment of one name.
    """
    found: dict[str, Path] = {}
    rows: list[Row] = []
    for folder in dict.fromkeys(each for given in folders for each in experiment_folders(given)):
        collected = collect(folder)
        if found.setdefault(collected.name, collected.folder) == collected.folder:
            rows += rows_of(collected)
        else:
            raise ValueError(
                f"RUNS: {str(found[collected.name])!r} and {str(folder)!r} both hold an experiment "
                f"{collected.name!r}, whose rows could not be told apart; export them into files of their own"
            )
    return rows


def rows_of(collected: Collected) -> Iterator[Row]:
    """The rows of one experiment, run by run: its curve, its final measures, those of its best point."""
    for algorithm in collected.algorithms:
        for record in algorithm.records:
            yield from _of_run(collected, algorithm, record)


def values(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Entries of the columns, row by row."""
    return [astuple(row) for row in rows]


def _of_run(collected: Collected, records: AlgorithmRecords, record: Record) -> Iterator[Row]:
    config = record.state.config or records.config or {}
    algorithm = config.get("algorithm")
    named = algorithm if isinstance(algorithm, Mapping) else {}
    environment = str(config.get("env_id") or collected.experiment.env_id)
    run = (collected.name, environment, records.label, str(named.get("agent", "")), record.seed, record.outcome)
    result, failure = record.state.result, record.state.error
    curve = result.curve if result is not None else failure.curve if failure is not None else ()
    for point in curve:
        for name, value in {RETURN: point.mean_return, **point.measures}.items():
            yield Row(*run, CURVE, name, point.tokens, point.seconds, value, None)
    if result is not None:
        errors = {**result.errors, **_error_of_return(result, config)}
        final = Measurement(result.curve[-1], result.mean_return, result.measures, errors)
        yield from _measured(run, FINAL, final)
        if result.best is not None:
            yield from _measured(run, BEST, result.best)
    if not curve:
        yield Row(*run, "", "", None, None, None, None)


def _measured(run: tuple[str, str, str, str, int, str], split: str, found: Measurement) -> Iterator[Row]:
    point: Point = found.point
    for name, value in {RETURN: found.mean_return, **found.measures}.items():
        yield Row(*run, split, name, point.tokens, point.seconds, value, found.errors.get(name))


def _error_of_return(result: Result, config: Mapping[str, Any]) -> dict[str, float]:
    """Of the final episodes, where their number is known."""
    evaluation = config.get("evaluation")
    episodes = evaluation.get("final_episodes") if isinstance(evaluation, Mapping) else None
    # Of a single episode there is no spread, and of other tools an error only if they gave one.
    if not isinstance(episodes, int) or (not result.std_return if IMPORTED in config else episodes < 2):
        return {}
    return {RETURN: result.std_return / math.sqrt(episodes)}
