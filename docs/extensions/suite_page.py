"""Page of the suite: the leaderboard of all agents over all environments, from the committed tables of its runs."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.report.files import markdown_table
from benchmarks.report.table import Table
from benchmarks.suite.leaderboard import Estimated, Place, leaderboard
from benchmarks.suite.record import SuiteRecord, read_record
from benchmarks.suite.scores import SuiteScores, suite_scores
from benchmarks.suite.tables import cost_table, environments_table, failures, leaderboard_table, matrix_table
from kept_tables import RESULTS, lined
from suite_gains import gains_section

FOLDER = RESULTS / "suite"
FROM_PAGE = "../../benchmarks/results/suite"
INCOMPLETE = (
    "**The size asks for {asked} seeds, and these tables are of {seeds}**: the other runs were not done when they were "
    "written. Differences between neighbours may be chance; the command goes on with what is missing."
)
FILES = ("runs.csv", "environments.csv", "leaderboard.csv", "matrix.csv", "gains.csv", "untuned/runs.csv")
PICTURES = {
    "intervals": "Interquartile mean, median and optimality gap of each agent, with 95% intervals",
    "profiles": "Share of runs above each score, the first six agents in colour",
    "matrix": "Mean scores, agents by environments",
}


def suite_page() -> str:
    """The whole page, in Markdown."""
    record = read_record(FOLDER)
    scores = suite_scores(record)
    places = leaderboard(record, scores)
    return "\n\n".join(
        [
            "# Suite",
            _head(record, scores, places),
            _how(record, scores),
            "## Leaderboard",
            board(places),
            *leaderboard_table(scores, places).notes,
            _picture("intervals"),
            "## Performance profiles",
            "The higher a curve, the more of an agent's runs are better than that score; the bands hold 95% of what "
            "the bootstrap drew at each point.",
            _picture("profiles"),
            "## Agents by environments",
            _picture("matrix"),
            _linked(matrix_table(scores, places)),
            *gains_section(),
            "## What is 0 and what is 1",
            _linked(environments_table(scores)),
            "## Cost",
            markdown_table(cost_table(places)),
            "## What failed",
            "\n".join(f"- {line}" for line in failures(record, scores)) or "No run failed or diverged.",
            *_left_out(record),
            "## Made with",
            "\n".join(f"- {', '.join(f'{name} {value}' for name, value in each.items())}" for each in record.versions),
        ]
    )


def _head(record: SuiteRecord, scores: SuiteScores, places: tuple[Place, ...]) -> str:
    first, second = places[:2]
    best = first.aggregates["iqm"]
    between = "" if best.interval is None else f" (95% interval {best.interval[0]:.3f} to {best.interval[1]:.3f})"
    chance = "" if second.improvement is None else f"{second.improvement.value:.0%}"
    seeds, asked = len(scores.seeds), len(record.facts["seeds"])
    few = "" if seeds == asked else f" {INCOMPLETE.format(seeds=seeds, asked=asked)}"
    return (
        f"Which agent does best over all environments? With {record.facts['tokens']:,} tokens of training, "
        f"{len(scores.ranked)} agents on {len(scores.scales)} environments and {_seeds(seeds)}, "
        f"`{first.agent}` is the first: its interquartile mean is {best.value:.3f}{between}. A run of "
        f"`{second.agent}`, the next, beats one of it with probability {chance}. So few tokens favour agents that "
        f"learn from texts: one that follows a reward alone has to find a good text before it can learn from it.{few}"
    )


def board(places: tuple[Place, ...]) -> str:
    """The leaderboard as narrow as a page: intervals of the first aggregate and of the chance alone; the picture has
    the others'."""
    rows = [
        [
            _plain(each.agent),
            "–" if each.place is None else str(each.place),
            _estimated(each.aggregates["iqm"]),
            f"{each.aggregates['median'].value:z.3f}",
            f"{each.aggregates['optimality_gap'].value:z.3f}",
            "–" if each.improvement is None else _estimated(each.improvement),
        ]
        for each in places
    ]
    heads = ["agent", "place", "IQM", "median", "optimality gap", "P(better than the first)"]
    return lined(heads, rows)


def _estimated(found: Estimated) -> str:
    if found.interval is None:
        return f"{found.value:z.3f}"
    low, high = found.interval
    # On one line.
    return f"{found.value:z.3f} [{low:z.3f}, {high:z.3f}]".replace(" ", "\N{NO-BREAK SPACE}")


def _seeds(count: int) -> str:
    return "one seed" if count == 1 else f"{count} seeds"


def _how(record: SuiteRecord, scores: SuiteScores) -> str:
    facts, seeds = record.facts, scores.seeds
    asked = f" --seeds {len(seeds)}" if seeds == tuple(range(len(seeds))) else ""
    files = ", ".join(f"{{download}}`{name} <{FROM_PAGE}/{name}>`" for name in FILES)
    return f"""```sh
{facts["command"]}{asked}
```

Every agent has the same budget. Its settings are those that [`tune-suite`](../tuning.md) found for it in the
environment, if they had won there on fresh seeds; else its own defaults with one rule for all: what is counted in
tokens is made to fit the budget, and batches are halved. Final returns are means over {facts["episodes"]} texts.
Where a reward learns while an agent does, the agent is measured by a reward of the same task that stands still.

This is what agents do with few tokens. The [results](../results/index.md) of single experiments have more. Runs were
made one after another, on one core that other work shared: seconds are upper bounds. Files: {files}.
[One score for many environments](../explanations/aggregates.md) says what the aggregates are, and how often their
intervals hold."""


def _left_out(record: SuiteRecord) -> list[str]:
    left: Mapping[str, str] = record.facts["left_out"]
    refused: Mapping[str, Mapping[str, str]] = record.facts["refused"]
    reasons: dict[tuple[str, str], list[str]] = {}
    for name, agents in refused.items():
        for agent, reason in agents.items():
            # What a table would hold differs by environment.
            kind, varies, _ = reason.partition(" of TextSpec")
            reasons.setdefault((agent, f"{kind} would be too large" if varies else kind), []).append(name)
    lines = [
        f"- `{agent}` on {_places(names, len(refused))}: {_plain(reason)}" for (agent, reason), names in reasons.items()
    ]
    return [
        "## What is not in it",
        "\n".join(f"- `{env_id}`: {reason}" for env_id, reason in left.items()),
        "Agents that do not apply say so themselves:",
        "\n".join(lines),
    ]


def _places(names: list[str], count: int) -> str:
    return "all environments" if len(names) == count else ", ".join(names)


def _plain(reason: str) -> str:
    """A reason as prose of one line; what it quotes is no Markdown."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]{}<>|" else letter for letter in reason)


def _linked(table: Table) -> str:
    """A table whose ids lead to their pages."""
    text = markdown_table(table)
    for row in table.rows:
        for cell in row:
            if isinstance(cell.value, str) and cell.value.startswith("TextGen-"):
                text = text.replace(f"| {cell.value} ", f"| [{cell.value}](../environments/{cell.value}.md) ")
    return text


def _picture(name: str) -> str:
    return f"![{PICTURES[name]}]({FROM_PAGE}/{name}.svg){{.kept-picture}}"
