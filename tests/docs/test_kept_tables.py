"""Committed results as the pages of the site read them."""

from __future__ import annotations

import csv
import json

import pytest

from agents import AGENTS
from benchmarks.catalogue import load_experiment
from kept_tables import RESULTS, csv_rows, experiment, experiments, rows, rows_of_environment


def test_every_committed_experiment_is_read() -> None:
    folders = {path.parent.name for path in RESULTS.glob("*/experiment.json")}
    assert {each.folder for each in experiments()} == folders
    for each in experiments():
        kept = json.loads((RESULTS / each.folder / "experiment.json").read_text(encoding="utf-8"))
        assert (each.env_id, each.description, each.runs) == (kept["env_id"], kept["description"], len(kept["runs"]))


def test_the_command_is_that_of_the_experiment() -> None:
    for each in experiments():
        words = each.command.split()
        size = words[words.index("--size") + 1] if "--size" in words else None
        assert load_experiment(words[4], size).name == each.folder


def test_agents_are_names_of_the_registry_or_paths() -> None:
    for each in experiments():
        assert all(agent in AGENTS or ":" in agent for agent in each.agents.values()), each.folder
    assert experiment("table1-small").agents["SeqGAN-steady"] == "seqgan"


def test_rows_are_those_of_the_file() -> None:
    with (RESULTS / "table1-small" / "table.csv").open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["agent"] == "MLE-T0.5"]
    own = [row for row in rows("table1-small") if row.agent == "MLE-T0.5"]
    assert [(row.measure, row.mean) for row in own] == [(line["measure"], float(line["mean"])) for line in lines]
    oracle = next(row for row in own if row.measure == "nll_oracle")
    assert oracle.collapsed
    assert oracle.shown == "2.084 ± 0.037 †"
    assert oracle.low is not None
    assert oracle.iqm is not None
    assert oracle.high is not None
    assert oracle.low <= oracle.iqm <= oracle.high
    assert (oracle.finished, oracle.failed) == (5, 0)


def test_an_experiments_goal_is_measured_in_it() -> None:
    goals = {each.folder: each.goal for each in experiments()}
    assert goals["exact"] == "optimum_share"
    assert goals["table1-small"] == "nll_oracle"
    assert goals["table4-small"] == "return"
    for folder, goal in goals.items():
        assert goal in {row.measure for row in rows(folder)}, folder


def test_rows_of_an_environment_are_of_its_experiments() -> None:
    folders = {row.folder for row in rows_of_environment("TextGen-NumberWords-v0")}
    assert folders == {"attention", "metric-numbers-small", "scratch"}
    assert rows_of_environment("TextGen-None-v0") == []


def test_what_is_not_there_is_named_with_what_is() -> None:
    with pytest.raises(ValueError, match=r"folder='nothing' holds no experiment; there are attention"):
        experiment("nothing")
    with pytest.raises(ValueError, match=r"no 'runs.csv' in the results of 'exact'; there are: fresh_seeds.csv"):
        csv_rows("exact", "runs.csv")
