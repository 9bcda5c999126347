"""Results that were kept before agents had names are read as they are."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from agents import AGENTS
from benchmarks.analysis.load import collect
from benchmarks.catalogue import experiment_names, load_sizes
from benchmarks.store.manifest import read_manifest
from benchmarks.store.old_form import AGENT_NAMES, in_new_form
from benchmarks.store.run_folder import read_state, write_json

RESULTS = Path(__file__).resolve().parents[3] / "benchmarks" / "results"
COMMITTED = sorted(path.parent.name for path in RESULTS.glob("*/experiment.json"))
EXPERIMENTS = {each.name: each for name in experiment_names() for each in load_sizes(name).values()}


def written(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / name / "experiment.json").read_text(encoding="utf-8"))
    return content


OF_OLD = [name for name in COMMITTED if "row" in written(name)["runs"][0]]


def test_there_are_committed_results() -> None:
    assert len(OF_OLD) >= 7


@pytest.mark.parametrize("name", OF_OLD)
def test_every_committed_run_is_read(name: str) -> None:
    runs, manifest = written(name)["runs"], read_manifest(RESULTS / name)
    assert [*manifest.runs] == [(run["row"]["label"], run["seed"]) for run in runs]
    for run, config in zip(runs, manifest.runs.values(), strict=True):
        row, algorithm = run["row"], config["algorithm"]
        assert algorithm == {
            **{key: value for key, value in row.items() if key != "starts_from"},
            "agent": algorithm["agent"],
            "init_from": row["starts_from"],
        }
        assert algorithm["agent"] in AGENTS if row["kind"] == "agent" else algorithm["agent"] == row["agent"]
        others = {key: value for key, value in run.items() if key not in ("row", "source")}
        assert config == {**others, "algorithm": algorithm, "parent": run["source"]}


@pytest.mark.parametrize("name", COMMITTED)
def test_the_committed_experiments_are_those_of_the_catalogue(name: str) -> None:
    known = {each.label: each for each in EXPERIMENTS[name].algorithms}
    for (label, _), config in read_manifest(RESULTS / name).runs.items():
        kept = config["algorithm"]
        assert (kept["agent"], kept["init_from"]) == (known[label].agent, known[label].init_from)


@pytest.mark.parametrize("name", OF_OLD)
def test_a_report_of_committed_results_has_their_algorithms_and_seeds(name: str) -> None:
    collected, runs = collect(RESULTS / name), written(name)["runs"]
    assert collected.seeds == sorted({run["seed"] for run in runs})
    found = {(records.label, record.name) for records in collected.algorithms for record in records.records}
    assert found == {
        (run["row"]["label"], f"{run['experiment']}/{run['row']['label']}/seed-{run['seed']}") for run in runs
    }
    with (RESULTS / name / "table.csv").open(encoding="utf-8", newline="") as table:
        told = {line["agent"]: int(line["asked"]) for line in csv.DictReader(table) if line["asked"]}
    assert {records.label: len(records.records) for records in collected.algorithms} == told


def test_every_agent_that_had_a_place_has_a_name() -> None:
    assert set(AGENT_NAMES.values()) <= set(AGENTS)
    assert len(set(AGENT_NAMES.values())) == len(AGENT_NAMES)


def test_a_run_folder_of_the_old_form_is_read(tmp_path: Path) -> None:
    row = {"label": "A", "agent": "agents.random:Random", "starts_from": "B"}
    write_json(tmp_path / "config.json", {"experiment": "x", "row": row, "seed": 3, "source": {"run": "x/B/seed-3"}})
    state = read_state(tmp_path)
    assert state.config == {
        "experiment": "x",
        "algorithm": {"label": "A", "agent": "uniform", "init_from": "B"},
        "seed": 3,
        "parent": {"run": "x/B/seed-3"},
    }
    assert state.status == "unfinished"


def test_the_new_form_and_a_strangers_agent_are_left_as_they_are() -> None:
    new = {"algorithm": {"label": "A", "agent": "agents.random:Random"}, "source": 1}
    assert in_new_form(new) == new
    assert in_new_form({"row": {"agent": "mine:A"}})["algorithm"] == {"agent": "mine:A"}
    assert in_new_form({"row": None})["algorithm"] is None
