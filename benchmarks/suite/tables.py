"""Tables of a leaderboard, as terminal and page show them, and as other programs read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.analysis.aggregate_coverage import RUNS, said
from benchmarks.analysis.aggregates import AGGREGATES
from benchmarks.report.shown_tables import shortened
from benchmarks.report.table import UNKNOWN, Cell, Column, Table
from benchmarks.suite.leaderboard import Estimated, Place
from benchmarks.suite.record import SuiteRecord
from benchmarks.suite.scores import SuiteScores

TITLES = {"iqm": "IQM", "median": "median", "mean": "mean", "optimality_gap": "optimality gap"}
ONE_SEED = "One seed says nothing of others: there are no intervals."


def leaderboard_table(scores: SuiteScores, places: Sequence[Place]) -> Table:
    """The agents by their interquartile mean; those that apply to some environments alone are set off below."""
    columns = [Column("agent"), Column("place", priority=1)]
    columns += [Column(title, priority=2 + number) for number, title in enumerate(TITLES.values())]
    columns += [
        Column("P(better than the first)", priority=6),
        Column("environments", priority=7),
        Column("broken runs", priority=8),
        Column("tokens", priority=9),
        Column("seconds", priority=10),
    ]
    total = len(scores.scales)
    rows = tuple(
        (
            Cell(each.agent, each.agent),
            UNKNOWN if each.place is None else Cell(str(each.place), each.place),
            *(_estimated(each.aggregates[name]) for name in TITLES),
            UNKNOWN if each.improvement is None else _estimated(each.improvement),
            Cell(f"{each.environments} of {total}", each.environments),
            Cell(f"{each.broken} of {each.runs}", each.broken),
            Cell(shortened(round(each.tokens)), each.tokens),
            Cell(f"{each.seconds:.1f}", each.seconds),
        )
        for each in places
    )
    unranked = sum(each.place is None for each in places)
    return Table("leaderboard", "Leaderboard", tuple(columns), rows, _notes(scores, unranked), unranked)


def matrix_table(scores: SuiteScores, places: Sequence[Place]) -> Table:
    """Mean score over runs of each agent on each environment, with its standard deviation."""
    columns = (Column("agent"), *(Column(name, priority=1 + at) for at, name in enumerate(scores.environments)))
    rows = tuple(
        (
            Cell(each.agent, each.agent),
            *(_mean_cell(scores.scores[each.agent].get(name)) for name in scores.environments),
        )
        for each in places
    )
    return Table("matrix", "Scores by environment", columns, rows)


def environments_table(scores: SuiteScores) -> Table:
    """Baseline (0) and reference (1) of each environment, and where they come from."""
    columns = (
        Column("environment"),
        Column("measured on", priority=3),
        Column("0: return of the baseline", priority=1),
        Column("1: return of the reference", priority=1),
        Column("reference", priority=2),
    )
    rows = tuple(
        (
            Cell(scale.environment.env_id, scale.environment.env_id),
            Cell(scale.environment.measured_on, scale.environment.measured_on),
            Cell(f"{scale.zero:.3f}", scale.zero),
            Cell(f"{scale.one:.3f}", scale.one),
            Cell(*2 * (f"{scale.environment.reference_title}{_exact(scale.environment.reference)}",)),
        )
        for scale in scores.scales
    )
    notes = [f"{name} is not scored: {reason}." for name, reason in scores.unscored.items()]
    return Table("environments", "Environments", columns, rows, tuple(notes))


def cost_table(places: Sequence[Place]) -> Table:
    """Tokens and seconds of a run, means over the runs that finished."""
    columns = (Column("agent"), Column("tokens"), Column("tokens rolled out"), Column("seconds a run"))
    rows = tuple(
        (
            Cell(each.agent, each.agent),
            Cell(f"{each.tokens:,.0f}", each.tokens),
            Cell(f"{each.tokens_rolled_out:,.0f}", each.tokens_rolled_out),
            Cell(f"{each.seconds:.2f}", each.seconds),
        )
        for each in sorted(places, key=lambda place: place.seconds)
    )
    return Table("costs", "Cost of a run", columns, rows)


def numbers_table(places: Sequence[Place]) -> Table:
    """Every number of the leaderboard at full precision, a line an agent."""
    heads = ["agent", "place", "environments", "runs", "broken"]
    heads += [f"{name}{end}" for name in (*AGGREGATES, "improvement") for end in ("", "_low", "_high")]
    heads += ["tokens", "tokens_rolled_out", "seconds"]
    rows = []
    for each in places:
        values: list[str | float | None] = [each.agent, each.place, each.environments, each.runs, each.broken]
        for found in (*(each.aggregates[name] for name in AGGREGATES), each.improvement):
            low, high = (None, None) if found is None or found.interval is None else found.interval
            values += [None if found is None else found.value, low, high]
        values += [each.tokens, each.tokens_rolled_out, each.seconds]
        rows.append(tuple(Cell.of(value) for value in values))
    return Table("numbers", "Numbers", tuple(Column(head) for head in heads), tuple(rows))


def failures(record: SuiteRecord, scores: SuiteScores) -> list[str]:
    """Runs that failed or diverged and, of seeds that are not counted, how many are left."""
    found = [
        f"{run.environment}/{run.agent}/seed-{run.seed}: {run.story}"
        for run in record.runs
        if run.outcome in ("failed", "diverged")
    ]
    if scores.left_seeds:
        seeds = ", ".join(str(seed) for seed in scores.left_seeds)
        found.append(f"not counted, since not all of their runs have ended: seeds {seeds}")
    return found


def _notes(scores: SuiteScores, unranked: int) -> tuple[str, ...]:
    """Notes on what the columns are, and how sure."""
    counted = ", ".join(str(seed) for seed in scores.seeds)
    notes = [
        f"Scores over {len(scores.scales)} environments and the seeds {counted}: 0 is what the baseline earns, 1 the "
        "reference of each environment. IQM: the mean of the middle half of all runs; optimality gap: what runs lack "
        "of 1, on average; P: the chance that a run is better than one of the first agent, an equal one counted half. "
        "In brackets 95% intervals of the stratified bootstrap over runs.",
        "A run that failed or diverged counts as 0.",
    ]
    if len(scores.seeds) == 1:
        notes.append(ONE_SEED)
    else:
        runs = len(scores.seeds)
        more = f" Here there are {runs} runs." if runs > RUNS else ""
        notes.append(said(len(scores.scales), runs) + more)
    if unranked:
        notes.append(
            f"The last {unranked} apply to some environments alone: their aggregates are over these, are not "
            "comparable with the others', and have no place."
        )
    return tuple(notes)


def _estimated(found: Estimated) -> Cell:
    if found.interval is None:
        return Cell(f"{found.value:z.3f}", found.value)
    low, high = found.interval
    return Cell(f"{found.value:z.3f} [{low:z.3f}, {high:z.3f}]", found.value)


def _mean_cell(values: np.ndarray | None) -> Cell:
    if values is None:
        return UNKNOWN
    mean = float(values.mean())
    spread = f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else ""
    return Cell(f"{without_minus_zero(mean)}{spread}", mean)


def without_minus_zero(value: float) -> str:
    """Two decimals; a zero has no sign."""
    return f"{value:z.2f}"


def _exact(reference: str) -> str:
    return ", solved exactly" if reference == "optimum" else ""
