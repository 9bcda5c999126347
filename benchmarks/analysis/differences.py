"""Differences of every algorithm from the one compared with, and whether they may be chance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.analysis.load import AlgorithmRecords, Collected
from benchmarks.analysis.significance import TTest, hedges_g, holm, student_test, welch_test

NO_VALUE = "one of the two has no value"
ONE_SEED = "one seed is one observation, and a test needs at least two of both"
NO_SPREAD = "neither of the two varies over its runs"


@dataclass(frozen=True)
class SequenceTest:
    """The test of the SeqGAN paper, over the final texts of one run of each algorithm: its p-value, the runs' seed."""

    p: float
    seed: int


@dataclass(frozen=True)
class Difference:
    """An algorithm less the one that it is compared with, in one measure.

    Attributes:
        label: of the algorithm.
        runs: finished runs of the algorithm and of the other that have the measure.
        difference: of the means over runs, in the measure's unit; None where one of them has no value.
        test: Welch's, over runs; None where it cannot be made.
        p_holm: its p-value, by Holm's correction for all algorithms tested in this measure.
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


def compared_with(collected: Collected) -> AlgorithmRecords | None:
    """The algorithm that the others are compared with; None where the experiment names none."""
    return next((each for each in collected.algorithms if each.label == collected.experiment.compared_with), None)


def differences(collected: Collected, measure: str) -> list[Difference]:
    """Of every algorithm but the one compared with; none where there is no such algorithm."""
    other = compared_with(collected)
    if other is None:
        return []
    found = [_difference(each, other, measure) for each in collected.algorithms if each is not other]
    adjusted = iter(holm([each.test.p for each in found if each.test is not None]))
    return [each if each.test is None else replace(each, p_holm=float(next(adjusted))) for each in found]


def _difference(records: AlgorithmRecords, other: AlgorithmRecords, measure: str) -> Difference:
    values, others = records.values.get(measure, []), other.values.get(measure, [])
    sequences = _over_sequences(records, other) if measure == "nll_oracle" else None
    reason = _reason(len(values), len(others))
    test = None if reason else welch_test(values, others)
    if not reason and test is None:
        reason = NO_SPREAD
    return Difference(
        label=records.label,
        runs=(len(values), len(others)),
        difference=float(np.mean(values) - np.mean(others)) if values and others else None,
        test=test,
        p_holm=None,
        effect=None if reason else hedges_g(values, others),
        sequences=sequences,
        reason=reason,
    )


def _reason(count: int, others: int) -> str:
    if not (count and others):
        return NO_VALUE
    return ONE_SEED if min(count, others) == 1 else ""


def _over_sequences(records: AlgorithmRecords, other: AlgorithmRecords) -> SequenceTest | None:
    """Of the runs with the lowest seed that both have finished."""
    sequences, others = _sequences(records), _sequences(other)
    seed = min(sequences.keys() & others.keys(), default=None)
    if seed is None:
        return None
    test = student_test(sequences[seed], others[seed])
    return None if test is None else SequenceTest(test.p, seed)


def _sequences(records: AlgorithmRecords) -> dict[int, tuple[float, ...]]:
    results = {record.seed: record.state.result for record in records.records}
    return {
        seed: result.sequence_nll_oracle
        for seed, result in results.items()
        if result is not None and len(result.sequence_nll_oracle) > 1
    }
