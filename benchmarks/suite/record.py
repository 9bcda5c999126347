"""Record of a suite: every run of every environment, read from their folders or from the two tables that are kept."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.analysis.load import Collected, Record, collect, experiment_folders
from benchmarks.measures.measures import RETURN
from benchmarks.report.files import csv_text
from benchmarks.specs.experiment import settings_digest
from benchmarks.specs.settings import no_such
from benchmarks.store.results import Reference
from benchmarks.store.run_folder import read_json
from textgen_env.files import DamagedFile, what_is_wrong

RUNS, ENVIRONMENTS, FACTS = "runs.csv", "environments.csv", "suite.json"
VERSIONS = "versions"
FINISHED, MISSING = "finished", "missing"
OF_RUN = ("environment", "agent", "seed", "outcome", "tokens", "tokens_rolled_out", "seconds", "settings", "story")
OF_ENVIRONMENT = ("name", "env_id", "measured_on", "baseline", "reference", "reference_title", "reference_value")
MOST_STORY = 300
NOT_ASKED = "left out of these tables by --only"


@dataclass(frozen=True)
class RunRow:
    """One run of one agent on one environment.

    Attributes:
        environment: name of the experiment.
        agent: its label.
        seed: of the run.
        outcome: "finished", "failed", "diverged" or "missing".
        values: the return and the measures, by name; none of a run that did not finish.
        tokens: generated and read in training.
        tokens_rolled_out: in Monte-Carlo roll-outs.
        seconds: of training.
        settings: digest of all settings but the seed.
        story: what became of a run that did not finish; "" for one that did.
    """

    environment: str
    agent: str
    seed: int
    outcome: str
    values: Mapping[str, float]
    tokens: int = 0
    tokens_rolled_out: int = 0
    seconds: float = 0.0
    settings: str = ""
    story: str = ""


@dataclass(frozen=True)
class EnvironmentRow:
    """One environment of a suite, and what its scores are counted between.

    Attributes:
        name: of the experiment.
        env_id: that agents train in.
        measured_on: id of the environment that they are measured on.
        baseline: label of the agent whose mean return is the score 0; "" for none.
        reference: name of what is the score 1, as `benchmarks.evaluation.references` has it; "" for none.
        reference_title, reference_value: in words, and its return; None where no run tells it.
    """

    name: str
    env_id: str
    measured_on: str
    baseline: str
    reference: str = ""
    reference_title: str = ""
    reference_value: float | None = None


@dataclass(frozen=True)
class SuiteRecord:
    """All that is known of a suite's runs.

    Attributes:
        folder: it was read from.
        environments, runs: in the suite's order.
        versions: of what the runs were made with, each set of them once.
        facts: what `run suite` wrote of itself; none of other folders.
        warnings: files that cannot be read.
    """

    folder: Path
    environments: tuple[EnvironmentRow, ...]
    runs: tuple[RunRow, ...]
    versions: tuple[Mapping[str, str], ...]
    facts: Mapping[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def agents(self) -> list[str]:
        """Labels, in the order in which they first come up."""
        return list(dict.fromkeys(run.agent for run in self.runs))

    @property
    def seeds(self) -> list[int]:
        """All that were asked for."""
        return sorted({run.seed for run in self.runs})


def read_record(folder: Path) -> SuiteRecord:
    """The record of a folder: of the experiments in it, or of the tables that were kept of them.

    Raises:
        ValueError: neither is there, or a table is damaged.
    """
    try:
        found = experiment_folders(folder)
    except ValueError as error:
        if (folder / RUNS).is_file() and (folder / ENVIRONMENTS).is_file():
            return _kept(folder)
        raise ValueError(f"{error}; or a folder with {RUNS} and {ENVIRONMENTS}, as `leaderboard` writes them") from None
    collected = [collect(each) for each in found]
    order = list(_facts(folder).get("environments", ()))
    collected.sort(key=lambda each: order.index(each.name) if each.name in order else len(order))
    versions: list[Mapping[str, str]] = []
    for result in (result for each in collected for result in each.results):
        if result.versions not in versions:
            versions.append(result.versions)
    return SuiteRecord(
        folder,
        tuple(_environment(each) for each in collected),
        tuple(
            _run(each.name, algorithm.label, record)
            for each in collected
            for algorithm in each.algorithms
            for record in algorithm.records
        ),
        tuple(versions),
        _facts(folder),
        tuple(warning for each in collected for warning in each.warnings),
    )


def of_environments(record: SuiteRecord, names: Sequence[str]) -> SuiteRecord:
    """The record of some of its environments; all of them where none is named.

    Raises:
        ValueError: a name that is none of them.
    """
    known = [each.name for each in record.environments]
    for name in names:
        if name not in known:
            raise ValueError(f"--only {name!r} {no_such(name, known)}")
    if not names:
        return record
    facts = dict(record.facts)
    if "left_out" in facts:
        others = {each.env_id: NOT_ASKED for each in record.environments if each.name not in names}
        facts["left_out"] = {**facts["left_out"], **others}
        facts["refused"] = {name: why for name, why in facts["refused"].items() if name in names}
        facts["environments"] = [name for name in facts["environments"] if name in names]
    return replace(
        record,
        environments=tuple(each for each in record.environments if each.name in names),
        runs=tuple(run for run in record.runs if run.environment in names),
        facts=facts,
    )


def runs_csv(runs: Iterable[RunRow]) -> str:
    """The runs as a table, a column for each measure, which `read_record` reads."""
    rows = list(runs)
    names = list(dict.fromkeys(name for run in rows for name in run.values)) or [RETURN]
    lines = ({**{name: getattr(run, name) for name in OF_RUN}, **run.values} for run in rows)
    return csv_text((*OF_RUN, *names), lines)


def environments_csv(environments: Iterable[EnvironmentRow]) -> str:
    """The environments as a table, which `read_record` reads."""
    return csv_text(OF_ENVIRONMENT, ({name: getattr(each, name) for name in OF_ENVIRONMENT} for each in environments))


def _environment(collected: Collected) -> EnvironmentRow:
    experiment = collected.experiment
    configs = [each.config for each in collected.algorithms if each.config is not None]
    evaluation = configs[0].get("evaluation", {}) if configs else {}
    name, reference = _reference(collected)
    return EnvironmentRow(
        collected.name,
        experiment.env_id,
        str(evaluation.get("env_id") or experiment.env_id),
        experiment.baseline,
        name,
        "" if reference is None else reference.title,
        None if reference is None else reference.value,
    )


def _reference(collected: Collected) -> tuple[str, Reference | None]:
    """The optimum where the game is solved; else what the experiment names, or the data."""
    found = collected.references
    for name in ("optimum", collected.experiment.goal, "data"):
        if name in found:
            return name, found[name]
    return "", None


def _run(environment: str, agent: str, record: Record) -> RunRow:
    state, result = record.state, record.state.result
    config = {} if state.config is None else {name: value for name, value in state.config.items() if name != "seed"}
    settings = settings_digest(config)[:16] if config else ""
    if result is None:
        ended = record.outcome in ("failed", "diverged")
        story = " ".join(record.story.split())[:MOST_STORY]
        return RunRow(
            environment, agent, record.seed, record.outcome if ended else MISSING, {}, 0, 0, 0.0, settings, story
        )
    end = result.curve[-1]
    return RunRow(
        environment,
        agent,
        record.seed,
        FINISHED,
        {RETURN: result.mean_return, **result.measures},
        end.tokens_generated + end.tokens_read,
        end.tokens_rolled_out,
        end.seconds,
        settings,
    )


def _facts(folder: Path) -> dict[str, Any]:
    try:
        return read_json(folder / FACTS)
    except FileNotFoundError:
        return {}


def _kept(folder: Path) -> SuiteRecord:
    facts = _facts(folder)
    try:
        environments = tuple(_environment_of(line) for line in _lines(folder / ENVIRONMENTS, OF_ENVIRONMENT))
        runs = tuple(_run_of(line) for line in _lines(folder / RUNS, OF_RUN))
    except (ValueError, OSError) as error:
        raise ValueError(f"{str(folder)!r}: {what_is_wrong(error)}; write it anew by `leaderboard`") from None
    return SuiteRecord(folder, environments, runs, tuple(facts.get(VERSIONS, ())), facts)


def _lines(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        lacking = [name for name in columns if name not in (reader.fieldnames or ())]
        if lacking:
            raise DamagedFile(path, f"lacks the columns {', '.join(lacking)}")
        return list(reader)


def _environment_of(line: Mapping[str, str]) -> EnvironmentRow:
    words = {name: line[name] for name in OF_ENVIRONMENT if name != "reference_value"}
    return EnvironmentRow(**words, reference_value=float(line["reference_value"]) if line["reference_value"] else None)


def _run_of(line: Mapping[str, str]) -> RunRow:
    values = {name: float(value) for name, value in line.items() if name not in OF_RUN and value}
    words = (line["settings"], line["story"].removeprefix("'"))
    counts = int(line["tokens"]), int(line["tokens_rolled_out"]), float(line["seconds"])
    return RunRow(line["environment"], line["agent"], int(line["seed"]), line["outcome"], values, *counts, *words)
