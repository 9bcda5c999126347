"""Verdicts on algorithms: what learning on a metric gained, how far each came towards the goal, and whether what should
be small is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.analysis.gains import gain
from benchmarks.analysis.load import AlgorithmRecords, Collected
from benchmarks.analysis.statistics import rate_interval
from benchmarks.measures.measures import RETURN, digits, title
from benchmarks.store.results import Reference

# Runs from which on a rate among them says something: none of ten leaves it below 31%.
RATE_FROM = 10


@dataclass(frozen=True)
class Verdict:
    """Verdict on one algorithm: a sentence, and whether what is expected came true (None: nothing is expected)."""

    sentence: str
    met: bool | None


def verdicts(collected: Collected) -> list[Verdict]:
    """A verdict on every algorithm that something is expected of, and how far the others came.

    What is expected of an algorithm is expected of all its runs: one that failed or diverged, or no result at all,
    misses it, whatever the others reached. Runs that are merely missing yet are named, and the others judged.
    """
    answer = gain(collected)
    return [*([Verdict(answer, None)] if answer else []), *_shares(collected), *_bars(collected)]


def share_of_distance(score: float, baseline: float, goal: float) -> float:
    """(score - baseline) / (goal - baseline): 0 at the baseline, 1 at the goal.

    Raises:
        ValueError: baseline and goal are equal.
    """
    if baseline == goal:
        raise ValueError(f"baseline={baseline} and goal={goal} are equal: there is no distance to share")
    return (score - baseline) / (goal - baseline)


def _shares(collected: Collected) -> list[Verdict]:
    """The share of the distance from the baseline to the goal that each trained algorithm closed, or, without a
    baseline, the share of the goal that it reached."""
    asked = collected.experiment
    goal = collected.references.get(asked.goal)
    baseline = next((each for each in collected.algorithms if each.label == asked.baseline), None)
    lacking = _lacking(asked.baseline, baseline, goal)
    found = []
    for each in collected.algorithms:
        expected = asked.expected_shares.get(each.label)
        bar = None if expected is None else f"at least {expected:.0%} is expected"
        if each.label == asked.baseline:
            continue
        if goal is not None and each.results and not lacking:
            low = 0.0 if baseline is None else _mean_return(baseline)
            share = share_of_distance(_mean_return(each), low, goal.value)
            if expected is not None or baseline is not None:
                said = _closed(each, share, goal, baseline) + _reservation(each, len(each.results))
                if expected is not None:
                    said += _misses(each, low, goal.value, expected)
                found.append(_verdict(said, bar, expected is not None and share >= expected and not _broken(each)))
        elif expected is not None:
            reason = f"no share of the goal: {lacking}" if each.results else f"no result: {_counted(each)}"
            found.append(_verdict(f"{each.label} has {reason}", bar, met=False))
    return found


def _bars(collected: Collected) -> list[Verdict]:
    """Verdicts on means over seeds that should be small."""
    found = []
    for measure, bars in collected.experiment.at_most.items():
        for each in collected.algorithms:
            if each.label not in bars:
                continue
            values, most = each.values.get(measure, []), bars[each.label]
            if values:
                said = f"{title(measure)} {np.mean(values):.{digits(measure)}f}" + _reservation(each, len(values))
            else:
                said = f"no {title(measure)}" if each.results else f"no result: {_counted(each)}"
            met = bool(values) and float(np.mean(values)) <= most and not _broken(each)
            found.append(_verdict(f"{each.label} has {said}", f"at most {most:g} is expected", met))
    return found


def _verdict(said: str, bar: str | None, met: bool) -> Verdict:
    if bar is None:
        return Verdict(f"{said}.", None)
    return Verdict(f"{said}; {bar}: {'met' if met else 'MISSED'}.", met)


def _lacking(named: str, baseline: AlgorithmRecords | None, goal: Reference | None) -> str:
    """Why no share can be counted; "" where it can."""
    if named and baseline is None:
        return f"there is no {named}, which it is counted from"
    if baseline is not None and not baseline.results:
        return f"{named}, which it is counted from, has no result, {_counted(baseline)}"
    if goal is None:
        return "no run says what the goal is worth"
    low = 0.0 if baseline is None else _mean_return(baseline)
    return f"the {goal.title} is worth {low:.2f}, where the counting starts" if low == goal.value else ""


def _closed(records: AlgorithmRecords, share: float, goal: Reference, baseline: AlgorithmRecords | None) -> str:
    to_goal = f"the {goal.title} ({goal.value:.2f})"
    if baseline is None:
        return f"{records.label} reached {share:.1%} of {to_goal}"
    low = f"{_mean_return(baseline):.2f}{_reservation(baseline, len(baseline.results))}"
    return f"{records.label} closed {share:.0%} of the distance between {baseline.label} ({low}) and {to_goal}"


def _misses(records: AlgorithmRecords, low: float, goal: float, expected: float) -> str:
    """The number of runs, in words, that miss by themselves what is expected of the mean, those that failed or diverged
    among them."""
    broken = records.outcomes["failed"] + records.outcomes["diverged"]
    runs = len(records.results) + broken
    if runs < RATE_FROM:
        return ""
    missed = broken + sum(share_of_distance(each, low, goal) < expected for each in records.values[RETURN])
    lowest, highest = rate_interval(missed, runs)
    return (
        f"; {missed} of {runs} runs are below {expected:.0%} (95% interval of the rate: {lowest:.1%} to {highest:.1%})"
    )


def _reservation(records: AlgorithmRecords, counted: int) -> str:
    """Note that a number is over `counted` runs, where these are not all that were asked for; else ""."""
    if _broken(records):
        return f", but {_counted(records)}"
    asked = len(records.records)
    return f", over {counted} of {asked} runs" if counted < asked else ""


def _counted(records: AlgorithmRecords) -> str:
    """Of the runs that were asked for: "1 of 10 runs finished, 9 diverged"."""
    outcomes = records.outcomes
    others = [f"{outcomes[name]} {name}" for name in ("failed", "diverged", "missing") if outcomes[name]]
    return ", ".join([f"{outcomes['finished']} of {outcomes['asked']} runs finished", *others])


def _broken(records: AlgorithmRecords) -> bool:
    return records.outcomes["failed"] + records.outcomes["diverged"] > 0


def _mean_return(records: AlgorithmRecords) -> float:
    return float(np.mean(records.values[RETURN]))
