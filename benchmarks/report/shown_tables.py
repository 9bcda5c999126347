"""Tables that a report shows: the numbers of an analysis in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchmarks.analysis.comparison import Compared, Range, Threshold
from benchmarks.analysis.coverage import said
from benchmarks.analysis.differences import Difference
from benchmarks.analysis.load import Collected
from benchmarks.analysis.statistics import Summary
from benchmarks.measures.measures import Quantity
from benchmarks.report.table import UNKNOWN, Cell, Column, Table

COLLAPSED = "†"
SEQUENCE_TEST = "sequence-level test, as in Yu et al. 2017: blind to run-to-run variance"
RUN_TEST = (
    "t, df, p: Welch's t-test between runs, one run being one observation; Holm's correction is for all rows tested in "
    "the measure. Hedges' g: the difference in pooled standard deviations over runs, without small-sample bias."
)
ONE_RUN = "One run is one observation: the mean over its final texts."
BELOW_FOUR = " Below four runs the interquartile mean is the mean."
MONTE_CARLO = (
    " The error over texts is the Monte-Carlo standard error of the mean: what drawing other texts from the "
    "same trained models would change; it knows nothing of the seeds."
)
# A column is kept longer the less its priority: the agent, the return, the first measure, then these, then the other
# measures.
RUNS, TOKENS, SECONDS, OTHERS = 3, 4, 5, 6


def comparison_table(collected: Collected, compared: Sequence[Compared]) -> Table:
    """One line an algorithm, mean ± standard deviation over seeds; then the returns to compare with."""
    entropy = collected.oracle_entropy
    shown = collected.quantities
    columns = (
        Column("agent"),
        Column("runs", priority=RUNS),
        *_columns(shown, entropy),
        Column("tokens", "tokens", TOKENS),
        Column("seconds", "seconds of training", SECONDS),
    )
    rows = [
        (
            Cell(each.label, each.label),
            Cell(each.count, each.finished),
            *(_mean(each.summaries.get(of.name), of, each.collapsed and of.name == "nll_oracle") for of in shown),
            *((_tokens(each.spent), _seconds(each.spent)) if each.finished else (UNKNOWN, UNKNOWN)),
        )
        for each in compared
    ]
    for name, reference in collected.references.items():
        known = entropy if name == "data" else None
        cells = [
            Cell(f"{known:.3f}", known) if known is not None and of.name in ("nll_oracle", "nll_test") else UNKNOWN
            for of in shown[1:]
        ]
        value = Cell(f"{reference.value:.2f}", reference.value)
        rows.append((Cell(reference.title, reference.title), UNKNOWN, value, *cells, UNKNOWN, UNKNOWN))
    notes = tuple(_notes(collected, compared, shown))
    return Table("comparison", collected.title, columns, tuple(rows), notes, len(collected.references))


def threshold_table(found: Threshold) -> Table:
    """One line an algorithm: how many runs came to the threshold and stayed, after how many tokens and seconds."""
    share = f"{found.share:.0%}"
    columns = (
        Column("agent"),
        Column("reached", priority=1),
        Column(f"tokens to {share}", "tokens", 2),
        Column(f"seconds to {share}", "seconds of training", 3),
    )
    rows = tuple(
        (
            Cell(each.label, each.label),
            Cell(f"{each.reached}/{each.asked}", each.reached),
            _range(each.tokens, ""),
            _range(each.seconds, ".1f"),
        )
        for each in found.times
    )
    note = (
        f"{share} of the {found.goal} is {found.value:.2f}. Reached: in so many runs the return came to it, at a point "
        "of the curve, and did not fall below again. Tokens, spent in training until then, and seconds: the median of "
        "those runs, between the fastest and the slowest; a curve has few points, so that both are read off coarsely."
    )
    return Table("threshold", "How soon", columns, rows, (note,))


def best_table(collected: Collected, compared: Sequence[Compared]) -> Table | None:
    """One line an algorithm: the same quantities at the point of the curve that was best by validation, never chosen on
    the oracle; None where nothing was validated."""
    validated = [each for each in compared if each.best_runs]
    shown, by = collected.quantities, collected.validation
    if not validated or by is None:
        return None
    columns = (
        Column("agent"),
        Column("runs", priority=RUNS),
        *_columns(shown, collected.oracle_entropy),
        Column(by.title, by.unit, OTHERS),
        Column("tokens", "tokens", TOKENS),
    )
    rows = tuple(
        (
            Cell(each.label, each.label),
            Cell(f"{each.best_runs}", each.best_runs),
            *(_mean(each.best.get(of.name), of) for of in (*shown, by)),
            _tokens(each.best_spent),
        )
        for each in validated
    )
    note = (
        f"Not the end of training, as in every other table, but the point of each run's curve with the best "
        f"{by.title}, of test texts that no other number is taken of; tokens: until then."
    )
    return Table("best", "Best by validation", columns, rows, (note,))


def spread_table(compared: Sequence[Compared], of: Quantity) -> Table:
    """The spread over seeds of a measure, or of the return."""
    sampled = any(of.name in each.errors for each in compared)
    heads = ("mean", "standard deviation", "interquartile mean", "95% interval", "lowest", "highest")
    columns = (
        Column("agent"),
        Column("runs", priority=1),
        *(Column(head, of.unit, place) for place, head in enumerate(heads, 2)),
        *((Column("error over texts", of.unit, 8),) * sampled),
    )
    rows = []
    for each in compared:
        found = each.summaries.get(of.name)
        cells = (UNKNOWN,) * 6 if found is None else _spread(found, of.digits)
        error = _number(each.errors.get(of.name), f".{of.digits + 1}f")
        rows.append((Cell(each.label, each.label), Cell(each.count, each.finished), *cells, *((error,) * sampled)))
    fewest = min((found.count for each in compared if (found := each.summaries.get(of.name))), default=0)
    return Table(of.name, of.title, columns, tuple(rows), (_observations(fewest) + MONTE_CARLO * sampled,))


def _observations(fewest: int) -> str:
    """Description of the interval where an algorithm has `fewest` runs."""
    if fewest < 2:
        return ONE_RUN
    note = f" The 95% interval is that of the interquartile mean, {said(fewest)}."
    return ONE_RUN + note + BELOW_FOUR * (fewest < 4)


def difference_table(other: str, of: Quantity, found: Sequence[Difference]) -> Table:
    """The differences in a measure from the algorithm labelled `other`, and the tests of them."""
    sequences = any(each.sequences is not None for each in found)
    heads = {"runs": 4, "difference": 1, "t": 6, "df": 7, "p": 5, "p (Holm)": 2, "Hedges' g": 3, "p over sequences": 8}
    columns = [Column(head, of.unit if head == "difference" else "", place) for head, place in heads.items()]
    rows = tuple(_differing(each, of.digits)[: None if sequences else -1] for each in found)
    notes = tuple(_difference_notes(of, other, found, sequences))
    return Table(of.name, of.title, (Column("agent"), *columns[: None if sequences else -1]), rows, notes)


def shortened(number: float) -> str:
    """A count in three digits: 950, 12.3k, 1.20M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size * 0.9995:
            # Rounded first: 9.996 is 10.0, which has a digit more before the point.
            scaled = float(f"{number / size:.3g}") if number < 1e3 * size else number / size
            return f"{scaled:.{max(0, 2 - int(np.log10(scaled)))}f}{letter}"
    return f"{number:.0f}"


def _columns(shown: Sequence[Quantity], entropy: float | None) -> list[Column]:
    """Of the return and the measures, the first of which stay longest."""
    return [
        Column(_title(of, entropy), of.unit, 1 + place if place < 2 else OTHERS + place)
        for place, of in enumerate(shown)
    ]


def _title(of: Quantity, entropy: float | None) -> str:
    return of.title + (f" (entropy {entropy:.2f})" if of.name == "nll_oracle" and entropy is not None else "")


def _mean(found: Summary | None, of: Quantity, collapsed: bool = False) -> Cell:
    if found is None:
        return UNKNOWN
    spread = "" if found.std is None else f" ± {found.std:.{of.digits}f}"
    return Cell(f"{found.mean:.{of.digits}f}{spread}" + f" {COLLAPSED}" * collapsed, found.mean)


def _number(value: float | None, form: str) -> Cell:
    return UNKNOWN if value is None else Cell(format(value, form), value)


def _tokens(spent: Mapping[str, Summary]) -> Cell:
    generated, read, rolled_out = (spent[f"tokens_{kind}"].mean for kind in ("generated", "read", "rolled_out"))
    return Cell(
        shortened(generated)
        + (f" (read {shortened(read)})" if read else "")
        + (f" + {shortened(rolled_out)} rolled out" if rolled_out else ""),
        generated,
    )


def _seconds(spent: Mapping[str, Summary]) -> Cell:
    own, before = spent["own_seconds"].mean, spent["seconds_before"].mean
    return Cell(f"{own:.1f}" + (f" + {before:.1f}" if before else ""), own)


def _range(found: Range | None, form: str) -> Cell:
    """The median, between the lowest and the highest; in the form of a number, or as a count."""
    if found is None:
        return UNKNOWN
    low, middle, high = (format(each, form) if form else shortened(each) for each in found)
    return Cell(middle if low == high else f"{middle} ({low} to {high})", found[1])


def _spread(found: Summary, digits: int) -> tuple[Cell, ...]:
    form = f".{digits}f"
    interval = UNKNOWN
    if found.low is not None and found.high is not None:
        interval = Cell(f"{found.low:{form}} to {found.high:{form}}", found.low)
    ends = (_number(found.minimum, form), _number(found.maximum, form))
    return _number(found.mean, form), _number(found.std, form), _number(found.iqm, form), interval, *ends


def _differing(found: Difference, digits: int) -> tuple[Cell, ...]:
    test, sequences = found.test, found.sequences
    return (
        Cell(found.label, found.label),
        Cell(f"{found.runs[0]} and {found.runs[1]}", found.runs[0]),
        _number(found.difference, f"+.{digits}f"),
        *((UNKNOWN,) * 3 if test is None else (_number(test.t, ".2f"), _number(test.df, ".1f"), _p(test.p))),
        UNKNOWN if found.p_holm is None else _p(found.p_holm),
        _number(found.effect, "+.2f"),
        UNKNOWN if sequences is None else _p(sequences.p, f" (seed {sequences.seed})"),
    )


def _p(p: float, more: str = "") -> Cell:
    shown = "<1e-99" if p < 1e-99 else f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"
    return Cell(shown + more, p)


def _difference_notes(of: Quantity, other: str, found: Sequence[Difference], sequences: bool) -> Iterable[str]:
    yield f"{of.title}{f', {of.unit}' if of.unit else ''}: the row's mean over runs less that of {other}."
    yield RUN_TEST
    if sequences:
        yield (
            f"p over sequences: {SEQUENCE_TEST}. Student's t-test over the NLL_oracle of the final texts of one run of "
            "each row, the seed named; uncorrected, and none where no two texts differ."
        )
    for reason in dict.fromkeys(each.reason for each in found if each.reason):
        labels = ", ".join(each.label for each in found if each.reason == reason)
        yield f"No test between runs of {labels} and {other}: {reason}."


def _notes(collected: Collected, compared: Sequence[Compared], shown: Sequence[Quantity]) -> Iterable[str]:
    unit = collected.experiment.unit
    yield (
        f"return: mean over fresh episodes{f', {unit}' if unit else ''}; ± standard deviation over seeds. tokens: "
        "generated in training; seconds: of training alone, evaluation left out."
    )
    ends = [result.curve[-1] for result in collected.results]
    if any(end.tokens_rolled_out for end in ends):
        yield "rolled out: tokens written in Monte-Carlo roll-outs, which are part of no other count."
    here = [each for each in collected.algorithms if not each.imported_from]
    for each in collected.algorithms:
        if each.imported_from:
            yield f"{each.label}: imported from {each.imported_from}, not run here."
    if any(result.curve[0].tokens for each in here for result in each.results):
        yield (
            "A row that starts from another's agent counts that row's tokens too; its seconds are its own + those of "
            "the other."
        )
    measures = shown[1:]
    for words in dict.fromkeys(of.unit for of in measures if of.unit):
        yield f"{', '.join(of.title for of in measures if of.unit == words)}: {words}."
    entropy = collected.oracle_entropy
    if any(of.name == "nll_oracle" for of in measures) and entropy is not None:
        error = collected.oracle_entropy_error
        known = f"{entropy:.3f}" + ("" if error is None else f" ± {error:.4f} (standard error over texts)")
        yield f"The oracle's own entropy is {known} nats a token: the NLL_oracle of a perfect imitation."
        if any(each.collapsed for each in compared):
            yield (
                f"{COLLAPSED} collapse: an NLL_oracle below the oracle's own entropy (by more than two standard errors "
                "over texts) means likely texts only, not better ones."
            )
    if any(each.outcomes["failed"] + each.outcomes["diverged"] for each in compared):
        yield "Runs that failed or diverged have no values: every mean is over the finished runs alone."
    for each in collected.algorithms:
        reasons = {name: reason for result in each.results for name, reason in result.reasons.items()}
        for reason in dict.fromkeys(reasons.values()):
            lacking = ", ".join(of.title for of in measures if reasons.get(of.name) == reason)
            yield f"{each.label} has no {lacking}: {reason}."
