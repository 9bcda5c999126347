"""Tables of the diagnostics: scores of agents, for the terminal, for pages and for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.diagnostics.knobs import KNOBS, Knob
from benchmarks.diagnostics.scores import AgentScores, ends
from benchmarks.report.files import csv_text, markdown_table
from benchmarks.report.table import NONE, Column, Table, table_of_texts

SCORES = ("agent", "diagnostic", "seeds", "score", "standard_error")
RUNS = ("agent", "game", "seed", "earned", "uniform", "optimum", "score")
DEFINITION = (
    "Score: (J - J_uniform) / (J_optimum - J_uniform), J the exact expected return of the trained policy, 0 where it "
    "is below that of uniform tokens; of a diagnostic the mean over its values. ± standard error over seeds."
)


def score_table(agents: Sequence[AgentScores]) -> Table:
    """One line an agent, one column a diagnostic."""
    columns = (Column("agent"), *(Column(knob.name, priority=1 + place) for place, knob in enumerate(KNOBS)))
    rows = ((each.label, *(shown(*each.of_knob(knob)) for knob in KNOBS)) for each in agents)
    return table_of_texts("Scores", columns, rows)


def value_table(knob: Knob, agents: Sequence[AgentScores]) -> Table:
    """One line an agent, one column a value of a knob; below them the return of uniform tokens."""
    columns = (Column("agent"), *(Column(f"{value:g}") for value in knob.values))
    rows = [(each.label, *(shown(*each.of_game(game)) for game in knob.games)) for each in agents]
    uniform = ("uniform tokens earn", *(f"{ends(game).uniform:.3f}" for game in knob.games))
    return table_of_texts(f"{knob.name}: {knob.title}", columns, [*rows, uniform])


def shown(score: float, error: float | None) -> str:
    """A score as tables show it."""
    return f"{score:.2f}" if error is None else f"{score:.2f} ± {error:.2f}"


def markdown(name: str, agents: Sequence[AgentScores], left_out: Sequence[str]) -> str:
    """Everything, in Markdown."""
    seeds = sorted({seed for each in agents for seed in each.seeds})
    said = f"{DEFINITION} Seeds {', '.join(map(str, seeds)) or NONE}."
    parts = [f"# Diagnostics: {name}", "## Scores", said, *left_out, markdown_table(score_table(agents)), "## Values"]
    for knob in KNOBS:
        table = value_table(knob, agents)
        parts += [f"### {table.title}", markdown_table(table)]
    return "\n\n".join(parts) + "\n"


def scores_csv(agents: Sequence[AgentScores]) -> str:
    """One line an agent and diagnostic, at full precision."""
    return csv_text(
        SCORES,
        (
            dict(zip(SCORES, (each.label, knob.name, len(each.seeds), *each.of_knob(knob)), strict=True))
            for each in agents
            for knob in KNOBS
        ),
    )


def runs_csv(agents: Sequence[AgentScores]) -> str:
    """One line an agent, game and seed, at full precision."""
    return csv_text(RUNS, (dict(zip(RUNS, line, strict=True)) for line in _runs(agents)))


def _runs(agents: Sequence[AgentScores]) -> Iterator[tuple[str | int | float, ...]]:
    for each in agents:
        for game, found in each.games.items():
            exact = ends(game)
            for seed, earned, score in zip(each.seeds, each.earned[game], found, strict=True):
                yield each.label, game, seed, earned, exact.uniform, exact.optimum, score
