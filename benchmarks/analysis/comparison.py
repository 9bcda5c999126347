"""The comparison as a table of words: for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.analysis.load import Collected, RowRecords
from benchmarks.analysis.statistics import mean, std, summarise
from benchmarks.measures.measures import RETURN, digits, title, unit
from benchmarks.store.results import Point, Result

NONE = "–"
COLLAPSED = "†"


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the row. `notes` explain the columns and what is missing."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def comparison(collected: Collected) -> Table:
    """One line a row, mean ± standard deviation over seeds; then the levels to compare with."""
    measures = collected.measures
    titles = [_title(name, collected.oracle_entropy) for name in measures]
    columns = ["agent", "runs", RETURN, *titles, "tokens", "seconds"]
    rows = [_row(row, measures, collected.oracle_entropy) for row in collected.rows]
    for name, level in collected.references.items():
        entropy = collected.oracle_entropy
        cells = [
            f"{entropy:.3f}"
            if name == "data" and entropy is not None and measure in ("nll_oracle", "nll_test")
            else NONE
            for measure in measures
        ]
        rows.append((level.title, NONE, f"{level.value:.2f}", *cells, NONE, NONE))
    return Table(tuple(columns), tuple(rows), tuple(_notes(collected, measures)))


def statistics(collected: Collected, measure: str = RETURN) -> Table:
    """The spread over seeds of a measure, or of the return."""
    columns = ["agent", "runs", "mean", "standard deviation", "interquartile mean", "95% interval", "lowest", "highest"]
    sampled = any(row.error_over_texts(measure) is not None for row in collected.rows)
    rows = [_statistics(row, measure, sampled) for row in collected.rows]
    note = (
        "One run is one observation: the mean over its final texts. The interval is that of the interquartile mean, "
        "by stratified bootstrap over runs (Agarwal et al. 2021); with few runs it is too narrow. Below four runs the "
        "interquartile mean is the mean."
    )
    if sampled:
        columns.append("error over texts")
        note += (
            " The error over texts is the Monte-Carlo standard error of the mean: what drawing other texts from the "
            "same trained models would change; it knows nothing of the seeds."
        )
    return Table(tuple(columns), tuple(rows), (note,))


def best_by_validation(collected: Collected) -> Table | None:
    """One line a row: the same measures at the point of the curve that was best by validation, never chosen on the
    oracle; None where nothing was validated."""
    rows = [row for row in collected.rows if row.best_values(RETURN)]
    by, measures = collected.validation, collected.measures
    if not rows or not by:
        return None
    lines = []
    for row in rows:
        points = [result.best.point for result in row.results if result.best is not None]
        chosen = _spread([point.measures[by] for point in points], digits(by))
        cells = [_spread(row.best_values(name), digits(name)) for name in (RETURN, *measures)]
        lines.append((row.label, f"{len(points)}", *cells, chosen, _tokens(points)))
    note = (
        f"Not the end of training, as in every other table, but the point of each run's curve with the best "
        f"{title(by)}, of test texts that no other number is taken of; tokens: until then."
    )
    titles = [_title(name, collected.oracle_entropy) for name in measures]
    return Table(("agent", "runs", RETURN, *titles, title(by), "tokens"), tuple(lines), (note,))


def shortened(number: float) -> str:
    """A count in three digits: 950, 12.3k, 1.20M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size * 0.9995:
            # Rounded first: 9.996 is 10.0, which has a digit more before the point.
            scaled = float(f"{number / size:.3g}") if number < 1e3 * size else number / size
            return f"{scaled:.{max(0, 2 - int(np.log10(scaled)))}f}{letter}"
    return f"{number:.0f}"


def collapsed(row: RowRecords, entropy: float | None) -> bool:
    """Whether the row's NLL_oracle lies below the oracle's own `entropy` (nats a token), by more than two standard
    errors over texts where these are known: the oracle's own texts lie below it half the time."""
    values = row.values("nll_oracle")
    if entropy is None or not values:
        return False
    return float(np.mean(values)) < entropy - 2 * (row.error_over_texts("nll_oracle") or 0.0)


def _title(measure: str, entropy: float | None) -> str:
    return title(measure) + (f" (entropy {entropy:.2f})" if measure == "nll_oracle" and entropy is not None else "")


def _row(row: RowRecords, measures: list[str], entropy: float | None) -> tuple[str, ...]:
    results = row.results
    if not results:
        return row.label, row.count, *[NONE] * (len(measures) + 3)
    cells = [_spread(row.values(name), digits(name)) for name in (RETURN, *measures)]
    if collapsed(row, entropy) and "nll_oracle" in measures:
        cells[1 + measures.index("nll_oracle")] += f" {COLLAPSED}"
    return row.label, row.count, *cells, _tokens([result.curve[-1] for result in results]), _seconds(results)


def _statistics(row: RowRecords, measure: str, sampled: bool) -> tuple[str, ...]:
    values, places = row.values(measure), digits(measure)
    if not values:
        return row.label, row.count, *[NONE] * (6 + sampled)
    summary = summarise([[value] for value in values], np.random.default_rng(0))
    interval = NONE if summary.low is None else f"{summary.low:.{places}f} to {summary.high:.{places}f}"
    spread = NONE if summary.std is None else f"{summary.std:.{places}f}"
    numbers = [f"{number:.{places}f}" for number in (summary.mean, summary.iqm, summary.minimum, summary.maximum)]
    error = row.error_over_texts(measure)
    errors = [NONE if error is None else f"{error:.{places + 1}f}"] if sampled else []
    return row.label, row.count, numbers[0], spread, numbers[1], interval, *numbers[2:], *errors


def _tokens(points: Sequence[Point]) -> str:
    generated = float(np.mean([point.tokens_generated for point in points]))
    read = float(np.mean([point.tokens_read for point in points]))
    rolled_out = float(np.mean([point.tokens_rolled_out for point in points]))
    return (
        shortened(generated)
        + (f" (read {shortened(read)})" if read else "")
        + (f" + {shortened(rolled_out)} rolled out" if rolled_out else "")
    )


def _seconds(results: Sequence[Result]) -> str:
    own = float(np.mean([result.own_seconds for result in results]))
    before = float(np.mean([result.curve[0].seconds for result in results]))
    return f"{own:.1f}" + (f" + {before:.1f}" if before else "")


def _notes(collected: Collected, measures: Sequence[str]) -> list[str]:
    notes = [
        "return: mean over fresh episodes"
        + (f", {collected.manifest.unit}" if collected.manifest.unit else "")
        + "; ± standard deviation "
        "over seeds. tokens: generated in training; seconds: of training alone, evaluation left out."
    ]
    ends = [result.curve[-1] for result in collected.results]
    if any(end.tokens_rolled_out for end in ends):
        notes.append("rolled out: tokens written in Monte-Carlo roll-outs, which are part of no other count.")
    if any(result.curve[0].tokens for result in collected.results):
        notes.append(
            "A row that starts from another's agent counts that row's tokens too; its seconds are its own + those of "
            "the other."
        )
    units = {name: unit(name) for name in measures}
    for words in dict.fromkeys(filter(None, units.values())):
        notes.append(f"{', '.join(title(name) for name in measures if units[name] == words)}: {words}.")
    entropy = collected.oracle_entropy
    if "nll_oracle" in measures and entropy is not None:
        notes.append(f"The oracle's own entropy is {entropy:.3f} nats a token: the NLL_oracle of a perfect imitation.")
        if any(collapsed(row, entropy) for row in collected.rows):
            notes.append(
                f"{COLLAPSED} collapse: an NLL_oracle below the oracle's own entropy (by more than two standard errors "
                "over texts) means likely texts only, not better ones."
            )
    if any(row.outcomes["failed"] + row.outcomes["diverged"] for row in collected.rows):
        notes.append("Runs that failed or diverged have no values: every mean is over the finished runs alone.")
    for row in collected.rows:
        reasons = {name: reason for result in row.results for name, reason in result.reasons.items()}
        for reason in dict.fromkeys(reasons.values()):
            lacking = ", ".join(title(name) for name in measures if reasons.get(name) == reason)
            notes.append(f"{row.label} has no {lacking}: {reason}.")
    return notes


def _spread(values: Sequence[float], digits: int) -> str:
    if not values:
        return NONE
    scores = np.array(values)[:, None]
    return f"{mean(scores):.{digits}f}" + (f" ± {std(scores):.{digits}f}" if len(values) > 1 else "")
