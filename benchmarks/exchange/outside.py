"""Measurements of other tools, as a CSV hands them over: read, and checked line by line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.exchange.frames import COLUMNS, CURVE, SPLITS, Row
from benchmarks.specs.experiment import LABEL
from benchmarks.specs.settings import no_such
from textgen_env.registries import NAME

REQUIRED = ("label", "seed", "measure", "tokens", "value")
STATUSES = ("finished", "failed", "diverged", "unfinished", "not started")
MOST_BYTES = 2**28
# Beyond it, floats skip whole numbers.
MOST_NUMBER = 2.0**53
T = TypeVar("T", int, float)


@dataclass(frozen=True)
class Line(Row):
    """One measurement of a CSV: a row, "" or None where the file says nothing.

    Attributes:
        number: of the line, from 1.
    """

    number: int


class BadLine(ValueError):
    """Error: a CSV that is not what can be imported; the message says where, and what to do."""


def read_lines(path: Path) -> list[Line]:
    """The measurements in a CSV.

    Raises:
        FileNotFoundError: no such file.
        ValueError: columns that lack or are not known; an entry that is not what its column takes; a measurement that
            is there twice; no measurement. The message names the line.
    """
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise BadLine(f"{path}: {path.stat().st_size:,} bytes are more than the {MOST_BYTES:,} that are read; split it")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadLine(f"{path}: {error}; save it as UTF-8") from None
    reader = csv.reader(io.StringIO(text), strict=True)
    lines: list[Line] = []
    try:
        heads = [head.strip() for head in next(reader, [])]
        _check_columns(path, heads)
        for entries in reader:
            if not any(entry.strip() for entry in entries):
                continue
            if len(entries) != len(heads):
                raise BadLine(
                    f"{path}, line {reader.line_num}: {len(entries)} entries under {len(heads)} columns; quote an "
                    "entry that has a comma"
                )
            entry = dict(zip(heads, (each.strip() for each in entries), strict=True))
            lines.append(_line(f"{path}, line {reader.line_num}", reader.line_num, entry))
    except csv.Error as error:
        raise BadLine(f"{path}, line {reader.line_num}: no CSV: {error}") from None
    if not lines:
        raise BadLine(f"{path}: there are columns and no measurements; nothing was written")
    _check_twice(path, lines)
    return lines


def _check_columns(path: Path, heads: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in heads]
    other = next((sign for sign in ";\t" if len(heads) == 1 and sign in heads[0]), "")
    if other:
        raise BadLine(f"{path}, line 1: its columns are parted by {other!r}; part them by commas")
    if missing:
        raise BadLine(
            f"{path}, line 1: the column {', '.join(missing)} is missing; there are {', '.join(heads) or 'none'}. Name "
            f"{', '.join(REQUIRED)} in the first line; {', '.join(optional_columns())} may be there too"
        )
    for head in heads:
        if head not in COLUMNS:
            raise BadLine(f"{path}, line 1: the column {head!r} {no_such(head, COLUMNS)}; rename it, or leave it out")
        if heads.count(head) > 1:
            raise BadLine(f"{path}, line 1: the column {head!r} is there twice; leave one out")


def optional_columns() -> tuple[str, ...]:
    """The columns that may be missing."""
    return tuple(name for name in COLUMNS if name not in REQUIRED)


def _line(where: str, number: int, entry: Mapping[str, str]) -> Line:
    label, measure = entry["label"], entry["measure"]
    status = entry.get("status") or "finished"
    _check_in(where, "status", status, STATUSES)
    _check_name(where, "label", label)
    if entry.get("experiment"):
        _check_name(where, "experiment", entry["experiment"])
    seed = _number(where, "seed", entry["seed"], int)
    # Of a run that came to nothing there is but the fact.
    nothing = not measure and not entry["value"] and status != "finished"
    if not nothing and not NAME.fullmatch(measure):
        raise BadLine(
            f"{where}: measure={measure!r} must consist of letters, digits and '_', and begin with a letter: return, "
            "bleu_4"
        )
    split = entry.get("split") or ""
    if split or "split" in entry:
        _check_in(where, "split", split, ("",) if nothing else SPLITS)
    seconds, error = entry.get("seconds"), entry.get("error")
    return Line(
        number=number,
        experiment=entry.get("experiment", ""),
        environment=entry.get("environment", ""),
        label=label,
        agent=entry.get("agent", ""),
        seed=seed,
        status=status,
        split=split,
        measure=measure,
        tokens=None if nothing else _number(where, "tokens", entry["tokens"], int),
        seconds=_number(where, "seconds", seconds, float) if seconds else None,
        value=None if nothing else _number(where, "value", entry["value"], float, least=-math.inf),
        error=_number(where, "error", error, float) if error else None,
    )


def _check_in(where: str, column: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise BadLine(f"{where}: {column}={given!r} {no_such(given, [each or 'empty' for each in allowed])}")


def _check_name(where: str, column: str, given: str) -> None:
    if not LABEL.fullmatch(given):
        raise BadLine(f"{where}: {column}={given!r} names a folder: use letters, digits and . _ + - only")


def _number(where: str, column: str, given: str, kind: type[T], least: float = 0) -> T:
    with suppress(ValueError, OverflowError):
        value = float(given)
        # Tables write whole numbers as 500.0 where a column has gaps.
        whole = value.is_integer() and value <= MOST_NUMBER
        if math.isfinite(value) and value >= least and (kind is float or whole):
            return kind(value)
    what = "a whole number" if kind is int else "a finite number"
    raise BadLine(
        f"{where}: {column}={given!r} must be {what}{'' if least == -math.inf else ' >= 0'}; correct it, or leave the "
        "line out"
    )


def _check_twice(path: Path, lines: list[Line]) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for line in lines:
        # Without splits, the last point of a curve is the final measurement too.
        split = line.split or CURVE
        tokens = line.tokens if split == CURVE else None
        key = (line.experiment, line.label, line.seed, split, line.measure, tokens)
        first = seen.setdefault(key, line.number)
        if first != line.number:
            run = f"{line.label}, seed {line.seed}, {line.measure or line.status}"
            at = f" at tokens={line.tokens}" if split == CURVE else f" of the split {split}"
            raise BadLine(f"{path}, line {line.number}: {run}{at} is in line {first} already; leave one out")
