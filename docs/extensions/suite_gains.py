"""Section of the suite's page on what tuning gained: each agent by the suite's rules, and with what was found."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.analysis.aggregates import AGGREGATES, aggregate, improvement_interval, improvement_probability
from benchmarks.suite.applicable import label_of
from benchmarks.suite.record import SuiteRecord, read_record
from benchmarks.suite.scores import SuiteScores, suite_scores
from kept_tables import RESULTS, csv_rows, lined

FOLDER = RESULTS / "suite"
UNTUNED = FOLDER / "untuned"

DISTINCT = "distinct_2"
NOTHING = ("uniform", "unigram")
"""They have no settings."""
Verdicts = Mapping[tuple[str, str], str]
"""Label of an agent and name of an environment -> verdict of the search."""


def verdicts() -> Verdicts:
    """Of every search that was done."""
    rows = csv_rows("suite", "gains.csv")
    return {(label_of(row["agent"]), row["environment"].removeprefix("TextGen-")): row["verdict"] for row in rows}


def gains_section() -> list[str]:
    """Paragraphs and tables."""
    records = read_record(UNTUNED), read_record(FOLDER)
    before, after = (suite_scores(each) for each in records)
    found = verdicts()
    won = sum(verdict == "won" for verdict in found.values())
    return [
        "## What tuning gained",
        f"A search of 16 trials was made for {len(found)} pairs of agent and environment, by `tune-suite`, on seeds "
        f"that these tables do not have. In {won} of them the settings that it found won on fresh seeds, and are used "
        "here; in the others nothing won, and the suite's rules hold. An interval of 95% that lies above 0 by chance "
        f"alone would let some {len(found) * 0.025:.0f} win.",
        *_not_searched(after, found),
        "The same suite by its rules alone: interquartile means, and the chance P that a run with what was found is "
        "better than one by the rules, on the average environment, an equal one counted half, with its 95% interval. "
        "The searches looked at the mean return alone: distinct-2, the share of different pairs of tokens in the texts "
        "of a run, is beside it, and where it falls, an agent earns more by writing fewer texts over and over.",
        by_agent(records, before, after, found),
        "Mean scores with what was found, minus those by the rules, where settings had won; = where none had, empty "
        "where no search was made.",
        by_environment(before, after, found),
    ]


def _not_searched(scores: SuiteScores, found: Verdicts) -> list[str]:
    """A sentence on agents that were searched for in some of their environments or in none."""
    left: dict[tuple[str, ...], list[str]] = {}
    for agent, own in scores.scores.items():
        missing = tuple(name for name in own if (agent, name) not in found)
        if missing and agent not in NOTHING:
            left.setdefault(missing, []).append(f"`{agent}`")
    parts = [
        f"{', '.join(agents)} on {'all environments' if len(names) == len(scores.environments) else ', '.join(names)}"
        for names, agents in left.items()
    ]
    return [f"Not searched for, for the time that it takes: {'; '.join(parts)}."] if parts else []


def by_agent(records: tuple[SuiteRecord, SuiteRecord], before: SuiteScores, after: SuiteScores, found: Verdicts) -> str:
    """A row for each agent that was searched for."""
    rows = []
    for agent in _searched(after, found):
        names = list(after.scores[agent])
        old, new = (np.stack([each.scores[agent][name] for name in names], axis=1) for each in (before, after))
        chance = improvement_probability(new, old)
        low, high = improvement_interval(new, old, np.random.default_rng(0))
        searched = [found[agent, name] for name in names if (agent, name) in found]
        means = [aggregate(each, AGGREGATES["iqm"]) for each in (old, new)]
        rows.append(
            [
                f"`{agent}`",
                *(f"{mean:.3f}" for mean in means),
                f"{means[1] - means[0]:+.3f}",
                f"{chance:.2f} ({low:.2f} to {high:.2f})".replace(" ", "\N{NO-BREAK SPACE}"),
                "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}".join(f"{diversity(each, agent):.3f}" for each in records),
                f"{searched.count('won')} of {len(searched)}",
            ]
        )
    rows.sort(key=lambda row: -float(row[3]))
    return lined(["agent", "IQM, rules", "IQM, found", "gain", "P", "distinct-2", "searches won"], rows)


def diversity(record: SuiteRecord, agent: str) -> float:
    """Mean distinct-2 of an agent's runs."""
    found = [run.values[DISTINCT] for run in record.runs if run.agent == agent and DISTINCT in run.values]
    return sum(found) / len(found)


def by_environment(before: SuiteScores, after: SuiteScores, found: Verdicts) -> str:
    """A row for each agent, a column for each environment."""
    rows = []
    for agent in _searched(after, found):
        cells = []
        for name in after.environments:
            verdict = found.get((agent, name))
            if verdict is None or name not in after.scores[agent]:
                cells.append("")
            elif verdict == "won":
                cells.append(f"{after.scores[agent][name].mean() - before.scores[agent][name].mean():+.2f}")
            else:
                cells.append("=")
        rows.append([f"`{agent}`", *cells])
    return lined(["agent", *after.environments], rows)


def _searched(scores: SuiteScores, found: Verdicts) -> list[str]:
    return [agent for agent in scores.scores if any(label == agent for label, _ in found)]
