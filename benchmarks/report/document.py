"""Document of an experiment: all that a report says, as data, from which terminal, page and files are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.analysis.comparison import compare, time_to_threshold
from benchmarks.analysis.differences import differences
from benchmarks.analysis.load import Collected
from benchmarks.analysis.verdicts import Verdict, verdicts
from benchmarks.report.curves import Chart, caption, charts
from benchmarks.report.number_tables import comparison_numbers, difference_numbers
from benchmarks.report.shown_tables import (
    RUN_TEST,
    best_table,
    comparison_table,
    difference_table,
    spread_table,
    threshold_table,
)
from benchmarks.report.table import Table
from textgen_env.plain_text import plain_text

MOST_STORY, MOST_TRACEBACK = 2_000, 20_000
"""Characters that a page shows of a text or an error, and of a traceback."""


@dataclass(frozen=True)
class MissingRun:
    """A run without a result.

    Attributes:
        name: below the folder of results.
        story: what became of it.
        traceback: of the error that ended it; "" for none.
    """

    name: str
    story: str
    traceback: str


@dataclass(frozen=True)
class Sample:
    """Texts that one trained agent wrote.

    Attributes:
        label, seed: of its run.
        texts: whole.
        spans: each text in pieces, with the origin of each, "copied", "repeated" or "new"; empty where nothing is known
            of it.
    """

    label: str
    seed: int
    texts: tuple[str, ...]
    spans: tuple[tuple[tuple[str, str], ...], ...] = ()


@dataclass(frozen=True)
class Document:
    """All that a report says.

    Attributes:
        title: the experiment and its environment.
        name, description: of the experiment.
        facts: name -> value, of the environment, the agents, the seeds, the device, the runs.
        verdicts: whether what was expected came true.
        comparison: of the algorithms.
        threshold: how soon each came near the goal; None where nothing is asked for.
        best: the same as the comparison at the points best by validation; None where nothing was validated.
        compared_with: label of the algorithm that `differences` are from; "" for none.
        differences: of each measure, the first one foremost.
        test: what the tests of the differences are; part of their tables' notes.
        spreads: over seeds, of each measure.
        numbers: every number of the comparison.
        tests: every number of the differences; None where nothing is compared.
        charts: what figures show.
        caption: of the figures.
        samples: texts.
        settings: label -> configuration.
        versions: of what the runs were made with.
        missing: runs without a result.
        warnings: files that cannot be read.
    """

    title: str
    name: str
    description: str
    facts: Mapping[str, str]
    verdicts: tuple[Verdict, ...]
    comparison: Table
    threshold: Table | None
    best: Table | None
    compared_with: str
    differences: tuple[Table, ...]
    test: str
    spreads: tuple[Table, ...]
    numbers: Table
    tests: Table | None
    charts: tuple[Chart, ...]
    caption: str
    samples: tuple[Sample, ...]
    settings: Mapping[str, Mapping[str, Any]]
    versions: tuple[Mapping[str, str], ...]
    missing: tuple[MissingRun, ...]
    warnings: tuple[str, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that are shown, in their order."""
        found = (self.comparison, self.threshold, self.best, *self.differences, *self.spreads)
        return tuple(table for table in found if table is not None)


def document(collected: Collected) -> Document:
    """The document of an experiment's results, whatever there is of them; each number is computed once."""
    experiment = collected.experiment
    compared, threshold = compare(collected), time_to_threshold(collected)
    found = {of.name: differences(collected, of.name) for of in collected.quantities}
    shown = charts(collected)
    said = caption(shown)
    returns, *measures = collected.quantities
    foremost = (*measures, returns)
    return Document(
        title=collected.title,
        name=collected.name,
        description=experiment.description,
        verdicts=tuple(verdicts(collected)),
        comparison=comparison_table(collected, compared),
        threshold=None if threshold is None else threshold_table(threshold),
        best=best_table(collected, compared),
        compared_with=experiment.compared_with,
        differences=tuple(
            difference_table(experiment.compared_with, of, found[of.name]) for of in foremost if found[of.name]
        ),
        test=RUN_TEST,
        spreads=tuple(spread_table(compared, of) for of in foremost),
        numbers=comparison_numbers(collected, compared),
        tests=difference_numbers(collected, found) if experiment.compared_with else None,
        charts=shown,
        caption=said,
        facts=_facts(collected),
        samples=_samples(collected),
        settings={each.label: _settings(each.config) for each in collected.algorithms if each.config is not None},
        versions=_versions(collected),
        missing=_missing(collected),
        warnings=collected.warnings,
    )


def _facts(collected: Collected) -> dict[str, str]:
    asked = sum(len(each.records) for each in collected.algorithms)
    return {
        "environment": collected.experiment.env_id,
        "agents": ", ".join(each.label for each in collected.algorithms),
        "seeds": ", ".join(str(seed) for seed in collected.seeds),
        "device": ", ".join(collected.manifest.devices),
        "finished": f"{len(collected.results)} of {asked} runs",
    }


def _missing(collected: Collected) -> tuple[MissingRun, ...]:
    return tuple(
        MissingRun(
            record.name,
            plain_text(record.story, MOST_STORY),
            "" if record.state.error is None else plain_text(record.state.error.traceback, MOST_TRACEBACK),
        )
        for each in collected.algorithms
        for record in each.without_result
    )


def _samples(collected: Collected) -> tuple[Sample, ...]:
    """Of the first finished run of each algorithm."""
    found = []
    for each in collected.algorithms:
        finished = ((record.seed, record.state.result) for record in each.records)
        first = next(((seed, result) for seed, result in finished if result is not None), None)
        if first is not None:
            texts = tuple(plain_text(text, MOST_STORY) for text in first[1].samples)
            spans = tuple(
                tuple((plain_text(text, MOST_STORY), origin) for text, origin in each) for each in first[1].sample_spans
            )
            found.append(Sample(each.label, first[0], texts, spans))
    return tuple(found)


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "seed"}


def _versions(collected: Collected) -> tuple[Mapping[str, str], ...]:
    """The sets of versions that differ."""
    found: list[Mapping[str, str]] = []
    for result in collected.results:
        if result.versions not in found:
            found.append(result.versions)
    return tuple(found)
