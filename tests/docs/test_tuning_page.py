"""The page on tuning shows what was committed, and `train` takes what the table says won."""

from __future__ import annotations

import csv
import json

import pytest

from benchmarks.analysis.significance import welch_interval
from benchmarks.specs.named import agent_names
from benchmarks.specs.tuned import Tuned, read_settings, settings_file
from kept_tables import RESULTS
from result_answers import title_and_answer
from support.results_page import page

pytest.importorskip("optuna", reason="the table is written beside the search, which needs Optuna")

from benchmarks.tuning.outcome import COLUMNS

ROWS = list(csv.DictReader((RESULTS / "tuning" / "gains.csv").read_text(encoding="utf-8").splitlines()))


def kept() -> dict[tuple[str, str], Tuned]:
    """The settings that come along for a person's own runs, by environment and agent."""
    files = {name: settings_file(name) for name in agent_names()}
    found = [each for name, path in files.items() if path.is_file() for each in read_settings(path, name)]
    return {(each.place.environment, each.agent): each for each in found if not each.place.suite}


def test_the_table_is_that_of_the_file() -> None:
    assert ROWS
    assert tuple(ROWS[0]) == COLUMNS
    lines = (RESULTS / "tuning" / "gains.md").read_text(encoding="utf-8").splitlines()[2:]
    assert len(lines) == len(ROWS)
    for line, row in zip(lines, ROWS, strict=True):
        cells = [each.strip() for each in line.strip("|").split("|")]
        assert cells[:2] == [row["environment"].removeprefix("TextGen-"), row["agent"]]
        assert cells[3:5] == [f"{float(row['default']):.4g}", f"{float(row['tuned']):.4g}"]
        assert cells[5] == f"{float(row['difference']):+.3g} ({float(row['low']):.3g} to {float(row['high']):.3g})"
        assert cells[-1] == row["verdict"]


def test_the_answer_counts_the_rows() -> None:
    _, answer = title_and_answer("tuning")
    won = sum(row["verdict"] == "won" for row in ROWS)
    assert f"in {won} of {len(ROWS)} pairs of agent and world" in answer
    assert ("lost" in answer) == any(row["verdict"] == "lost" for row in ROWS)


def test_at_a_longer_budget_the_defaults_are_no_worse() -> None:
    rows = list(csv.DictReader((RESULTS / "tuning" / "longer.csv").read_text(encoding="utf-8").splitlines()))
    said = " ".join(page("tuning").split())
    for agent, words in (("reinforce", "for REINFORCE by {} to {}"), ("ppo", "for PPO by {} to {}")):
        default, tuned = (
            [float(row["mean_return"]) for row in rows if (row["agent"], row["settings"]) == (agent, settings)]
            for settings in ("default", "tuned")
        )
        assert len(default) == len(tuned) == 8
        interval = welch_interval(default, tuned)
        assert interval is not None
        assert words.format(*(f"{end:.1f}" for end in interval)) in said
    assert {row["seed"] for row in rows} == {str(seed) for seed in range(8)}


def test_those_that_won_come_along_and_no_others() -> None:
    won = {(row["environment"], row["agent"]): row for row in ROWS if row["verdict"] == "won"}
    settings = kept()
    assert settings.keys() == won.keys()
    for place, row in won.items():
        assert json.loads(row["settings"]) == settings[place].settings
        assert float(row["low"]) == settings[place].found["difference"][0] > 0
        assert float(row["tuned"]) == settings[place].found["tuned"]


def test_the_searches_of_the_suite_are_counted() -> None:
    rows = list(csv.DictReader((RESULTS / "suite" / "gains.csv").read_text(encoding="utf-8").splitlines()))
    won = {(row["environment"], row["agent"]) for row in rows if row["verdict"] == "won"}
    assert f"Of {len(rows)} searches {len(won)} won." in " ".join(page("tuning").split())
    files = {name: settings_file(name) for name in agent_names()}
    found = [each for name, path in files.items() if path.is_file() for each in read_settings(path, name)]
    assert {(each.place.environment, each.agent) for each in found if each.place.suite == "laptop"} == won
    assert all(row["suite"] == "laptop" for row in rows)
