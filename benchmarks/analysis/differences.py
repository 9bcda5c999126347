"""How every row differs from the row that it is compared with, and whether that may be chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.analysis.comparison import NONE, Table
from benchmarks.analysis.load import Collected, RowRecords
from benchmarks.analysis.statistics import TTest, hedges_g, holm, student_test, welch_test
from benchmarks.measures.measures import RETURN, digits, title, unit

SEQUENCE_TEST = "sequence-level test, as in Yu et al. 2017: blind to run-to-run variance"
RUN_TEST = (
    "t, df, p: Welch's t-test between runs, one run being one observation; Holm's correction is for all rows tested in "
    "the measure. Hedges' g: the difference in pooled standard deviations over runs, without small-sample bias."
)
NO_VALUE = "one of the two has no value"
ONE_SEED = "one seed is one observation, and a test needs at least two of both"
NO_SPREAD = "neither of the two varies over its runs"


@dataclass(frozen=True)
class SequenceTest:
    """The test of the SeqGAN paper, over the final texts of one run of each row: its p-value and the runs' seed."""

    p: float
    seed: int


@dataclass(frozen=True)
class Difference:
    """A row less the row that it is compared with, in one measure.

    Attributes:
        label: of the row.
        runs: finished runs of the row and of the other that have the measure.
        difference: of the means over runs, in the measure's unit; None where a row has no value.
        test: Welch's, over runs; None where it cannot be made.
        p_holm: its p-value, by Holm's correction for all rows tested in this measure.
        effect: Hedges' g.
        sequences: the test over sequences, of nll_oracle alone.
        reason: why there is no test; "" where there is one.
    """

    label: str
    runs: tuple[int, int]
    difference: float | None
    test: TTest | None
    p_holm: float | None
    effect: float | None
    sequences: SequenceTest | None
    reason: str


def compared_with(collected: Collected) -> RowRecords | None:
    """The row that the others are compared with; None where the experiment names none."""
    return next((row for row in collected.rows if row.label == collected.manifest.compared_with), None)


def headline(collected: Collected) -> str:
    """The measure whose differences are shown first: the first of the experiment's, or the return."""
    return next(iter(collected.measures), RETURN)


def differences(collected: Collected, measure: str) -> list[Difference]:
    """Of every row but the one compared with; none where there is no such row."""
    other = compared_with(collected)
    if other is None:
        return []
    found = [_difference(row, other, measure) for row in collected.rows if row is not other]
    adjusted = iter(holm([each.test.p for each in found if each.test is not None]))
    return [each if each.test is None else replace(each, p_holm=float(next(adjusted))) for each in found]


def difference_table(collected: Collected, measure: str) -> Table | None:
    """`differences` in words; None where there is no row to compare with."""
    found = differences(collected, measure)
    if not found:
        return None
    sequences = any(each.sequences is not None for each in found)
    columns = ("agent", "runs", "difference", "t", "df", "p", "p (Holm)", "Hedges' g")
    rows = tuple(_cells(each, measure, sequences) for each in found)
    return Table(columns + ("p over sequences",) * sequences, rows, tuple(_notes(collected, measure, found, sequences)))


def _difference(row: RowRecords, other: RowRecords, measure: str) -> Difference:
    values, others = row.values(measure), other.values(measure)
    reason = _reason(len(values), len(others))
    test = None if reason else welch_test(values, others)
    if not reason and test is None:
        reason = NO_SPREAD
    return Difference(
        label=row.label,
        runs=(len(values), len(others)),
        difference=float(np.mean(values) - np.mean(others)) if values and others else None,
        test=test,
        p_holm=None,
        effect=None if reason else hedges_g(values, others),
        sequences=_over_sequences(row, other) if measure == "nll_oracle" else None,
        reason=reason,
    )


def _reason(count: int, others: int) -> str:
    if not (count and others):
        return NO_VALUE
    return ONE_SEED if min(count, others) == 1 else ""


def _over_sequences(row: RowRecords, other: RowRecords) -> SequenceTest | None:
    """Of the runs with the lowest seed that both rows have finished."""
    sequences, others = _sequences(row), _sequences(other)
    seed = min(sequences.keys() & others.keys(), default=None)
    if seed is None:
        return None
    test = student_test(sequences[seed], others[seed])
    return None if test is None else SequenceTest(test.p, seed)


def _sequences(row: RowRecords) -> dict[int, tuple[float, ...]]:
    results = {record.seed: record.state.result for record in row.records}
    return {
        seed: result.sequence_nll_oracle
        for seed, result in results.items()
        if result is not None and len(result.sequence_nll_oracle) > 1
    }


def _cells(found: Difference, measure: str, sequences: bool) -> tuple[str, ...]:
    test = found.test
    return (
        found.label,
        f"{found.runs[0]} and {found.runs[1]}",
        NONE if found.difference is None else f"{found.difference:+.{digits(measure)}f}",
        *((NONE,) * 3 if test is None else (f"{test.t:.2f}", f"{test.df:.1f}", _p(test.p))),
        NONE if found.p_holm is None else _p(found.p_holm),
        NONE if found.effect is None else f"{found.effect:+.2f}",
        *((NONE if found.sequences is None else f"{_p(found.sequences.p)} (seed {found.sequences.seed})",) * sequences),
    )


def _p(p: float) -> str:
    if p < 1e-99:
        return "<1e-99"
    return f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def _notes(collected: Collected, measure: str, found: Sequence[Difference], sequences: bool) -> list[str]:
    label = collected.manifest.compared_with
    words = unit(measure, collected.manifest.unit)
    notes = [
        f"{title(measure)}{f', {words}' if words else ''}: the row's mean over runs less that of {label}.",
        RUN_TEST,
    ]
    if sequences:
        notes.append(
            f"p over sequences: {SEQUENCE_TEST}. Student's t-test over the {title('nll_oracle')} of the final texts of "
            "one run of each row, the seed named; uncorrected, and none where no two texts differ."
        )
    for reason in dict.fromkeys(each.reason for each in found if each.reason):
        labels = ", ".join(each.label for each in found if each.reason == reason)
        notes.append(f"No test between runs of {labels} and {label}: {reason}.")
    return notes
