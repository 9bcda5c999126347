"""Tables for other programs: every number of an analysis at full precision, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.analysis.comparison import Compared
from benchmarks.analysis.differences import Difference
from benchmarks.analysis.load import Collected
from benchmarks.analysis.statistics import Summary
from benchmarks.measures.measures import NATS, RETURN
from benchmarks.report.table import Cell, Column, Table, Value

COUNTS = ("asked", "finished", "failed", "diverged", "missing")
SUMMARY = ("mean", "std", "iqm", "iqm_low", "iqm_high", "lowest", "highest", "error_over_texts", "collapsed")
BEST = "best_by_validation"
DIFFERENCE = ("difference", "t", "df", "p", "p_holm", "hedges_g", "p_over_sequences", "sequences_seed", "reason")
Line = Mapping[str, Value]


def comparison_numbers(collected: Collected, compared: Sequence[Compared]) -> Table:
    """One line for each algorithm and each number measured of it; reference returns at the end.

    What is not known is empty; `error_over_texts` is the Monte-Carlo standard error of the mean, iqm_low and iqm_high
    the 95% interval of the interquartile mean (`analysis.statistics.iqm_interval`). All is of the end of training, but
    that `best_by_validation` is the mean at the points that were best by validation.
    """
    heads = ("agent", "measure", "unit", *COUNTS, *SUMMARY, BEST)
    return _table("numbers", "Numbers", heads, _numbers(collected, compared))


def difference_numbers(collected: Collected, found: Mapping[str, Sequence[Difference]]) -> Table:
    """One line for each algorithm and measure: the differences of all of them."""
    heads = ("agent", "compared_with", "measure", "unit", "runs", "runs_compared_with", *DIFFERENCE)
    return _table("tests", "Differences", heads, _tests(collected, found))


def _table(name: str, title: str, heads: Sequence[str], lines: Iterator[Line]) -> Table:
    rows = tuple(tuple(Cell.of(line.get(head)) for head in heads) for line in lines)
    return Table(name, title, tuple(Column(head) for head in heads), rows)


def _numbers(collected: Collected, compared: Sequence[Compared]) -> Iterator[Line]:
    unit = collected.experiment.unit
    units = {
        **dict.fromkeys(("tokens_generated", "tokens_read", "tokens_rolled_out"), "tokens"),
        "seconds": "seconds of training",
        "own_seconds": "seconds of training, without the run started from",
    }
    for each in compared:
        for of in collected.quantities:
            best = each.best.get(of.name)
            yield {
                **_line(each, of.name, of.unit, each.summaries.get(of.name)),
                "error_over_texts": each.errors.get(of.name),
                BEST: None if best is None else best.mean,
                "collapsed": each.collapsed if of.name == "nll_oracle" else None,
            }
        for name, words in units.items():
            yield _line(each, name, words, each.spent.get(name))
    for reference in collected.references.values():
        yield {"agent": reference.title, "measure": RETURN, "unit": unit, "mean": reference.value}
    if collected.oracle_entropy is not None:
        yield {"agent": "oracle", "measure": "entropy", "unit": NATS, "mean": collected.oracle_entropy}


def _line(each: Compared, measure: str, unit: str, found: Summary | None) -> dict[str, Value]:
    line: dict[str, Value] = {"agent": each.label, "measure": measure, "unit": unit, **each.outcomes}
    if found is not None:
        line |= {"mean": found.mean, "std": found.std, "iqm": found.iqm, "iqm_low": found.low, "iqm_high": found.high}
        line |= {"lowest": found.minimum, "highest": found.maximum}
    return line


def _tests(collected: Collected, found: Mapping[str, Sequence[Difference]]) -> Iterator[Line]:
    for of in collected.quantities:
        for each in found[of.name]:
            line: dict[str, Value] = {
                "agent": each.label,
                "compared_with": collected.experiment.compared_with,
                "measure": of.name,
                "unit": of.unit,
                "runs": each.runs[0],
                "runs_compared_with": each.runs[1],
                "difference": each.difference,
                "p_holm": each.p_holm,
                "hedges_g": each.effect,
                "reason": each.reason,
            }
            if each.test is not None:
                line |= {"t": each.test.t, "df": each.test.df, "p": each.test.p}
            if each.sequences is not None:
                line |= {"p_over_sequences": each.sequences.p, "sequences_seed": each.sequences.seed}
            yield line
