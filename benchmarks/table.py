"""The comparison as a table of words: for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.collect import Collected, RowRecords
from benchmarks.results import Result
from benchmarks.stats import mean, share_of_distance, std, summarise

TITLES = {"nll_oracle": "NLL_oracle", "nll_test": "NLL_test", "distinct_2": "distinct-2"}
NONE = "–"


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the row. `notes` explain the columns and what is missing."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """How far a row came: one sentence, and whether that is as far as expected (None: nothing is expected)."""

    sentence: str
    met: bool | None


def comparison(collected: Collected) -> Table:
    """One line a row, mean ± standard deviation over seeds; then the levels to compare with."""
    measures = list(dict.fromkeys(name for result in collected.results for name in (*result.measures, *result.reasons)))
    titles = [_title(name, collected.oracle_entropy) for name in measures]
    columns = ["agent", "runs", "return", *titles, "tokens", "seconds"]
    rows = [_row(row, measures) for row in collected.rows]
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


def statistics(collected: Collected) -> Table:
    """The spread of each row's return over seeds."""
    columns = ("agent", "runs", "mean", "standard deviation", "interquartile mean", "95% interval", "lowest", "highest")
    rows = []
    for row in collected.rows:
        if not row.results:
            rows.append((row.label, _count(row), *[NONE] * 6))
            continue
        returns = [[result.mean_return] for result in row.results]
        summary = summarise(returns, np.random.default_rng(0))
        interval = NONE if summary.low is None else f"{summary.low:.2f} to {summary.high:.2f}"
        spread = NONE if summary.std is None else f"{summary.std:.2f}"
        ends = f"{summary.minimum:.2f}", f"{summary.maximum:.2f}"
        rows.append((row.label, _count(row), f"{summary.mean:.2f}", spread, f"{summary.iqm:.2f}", interval, *ends))
    note = (
        "One run is one observation: the mean over its final episodes. The interval is that of the interquartile mean, "
        "by stratified bootstrap over runs (Agarwal et al. 2021); with few runs it is too narrow. Below four runs the "
        "interquartile mean is the mean."
    )
    return Table(columns, tuple(rows), (note,))


def findings(collected: Collected) -> list[Finding]:
    """What share of the distance from the baseline to the goal each trained row closed."""
    goal = collected.references.get(collected.manifest.goal)
    baseline = next((row for row in collected.rows if row.label == collected.manifest.baseline), None)
    if goal is None or baseline is None or not baseline.results:
        return []
    low = _mean_return(baseline)
    found = []
    for row in collected.rows:
        if row is baseline or not row.results or low == goal.value:
            continue
        share = share_of_distance(_mean_return(row), low, goal.value)
        expected = collected.manifest.expected_shares.get(row.label)
        sentence = (
            f"{row.label} closed {share:.0%} of the distance between {baseline.label} ({low:.2f}) "
            f"and the {goal.title} ({goal.value:.2f})"
        )
        met = None if expected is None else share >= expected
        if expected is not None:
            sentence += f"; at least {expected:.0%} is expected: {'met' if met else 'MISSED'}"
        found.append(Finding(sentence + ".", met))
    return found


def shortened(number: float) -> str:
    """A count in three digits: 950, 12.3k, 1.20M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size * 0.9995:
            scaled = number / size
            return f"{scaled:.{max(0, 2 - int(np.log10(scaled) + 1e-3))}f}{unit}"
    return f"{number:.0f}"


def _title(measure: str, entropy: float | None) -> str:
    title = TITLES.get(measure, measure)
    return f"{title} (entropy {entropy:.2f})" if measure == "nll_oracle" and entropy is not None else title


def _row(row: RowRecords, measures: Sequence[str]) -> tuple[str, ...]:
    results = row.results
    if not results:
        return row.label, _count(row), *[NONE] * (len(measures) + 3)
    cells = [_spread([result.mean_return for result in results], 2)]
    cells += [_spread([r.measures[name] for r in results if name in r.measures], 3) for name in measures]
    seconds = np.mean([result.curve[-1].seconds for result in results])
    return row.label, _count(row), *cells, _tokens(results), f"{seconds:.1f}"


def _tokens(results: Sequence[Result]) -> str:
    generated = float(np.mean([result.curve[-1].tokens_generated for result in results]))
    read = float(np.mean([result.curve[-1].tokens_read for result in results]))
    return shortened(generated) + (f" (read {shortened(read)})" if read else "")


def _count(row: RowRecords) -> str:
    failed = sum(record.state.status == "failed" for record in row.records)
    missing = len(row.without_result) - failed
    words = [f"{len(row.results)}/{len(row.records)}"]
    words += [f"{failed} failed"] * bool(failed) + [f"{missing} missing"] * bool(missing)
    return ", ".join(words)


def _notes(collected: Collected, measures: Sequence[str]) -> list[str]:
    notes = [
        "return: mean over fresh episodes"
        + (f", {collected.manifest.unit}" if collected.manifest.unit else "")
        + "; ± standard deviation "
        "over seeds. tokens: generated in training; seconds: of training alone, evaluation left out."
    ]
    if "nll_oracle" in measures and collected.oracle_entropy is not None:
        notes.append(
            f"NLL in nats a token. The oracle's own entropy is {collected.oracle_entropy:.3f}: an NLL_oracle below it "
            "means likely texts only, not better ones."
        )
    for row in collected.rows:
        reasons = {name: reason for result in row.results for name, reason in result.reasons.items()}
        notes += [f"{row.label} has no {TITLES.get(name, name)}: {reason}." for name, reason in reasons.items()]
    return notes


def _spread(values: Sequence[float], digits: int) -> str:
    if not values:
        return NONE
    scores = np.array(values)[:, None]
    return f"{mean(scores):.{digits}f}" + (f" ± {std(scores):.{digits}f}" if len(values) > 1 else "")


def _mean_return(row: RowRecords) -> float:
    return float(np.mean([result.mean_return for result in row.results]))
