"""Scores, their aggregates and who has a place, of returns that are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.analysis.aggregates import AGGREGATES, aggregate
from benchmarks.suite.leaderboard import leaderboard
from benchmarks.suite.record import SuiteRecord, of_environments, read_record
from benchmarks.suite.scores import suite_scores
from benchmarks.suite.tables import ONE_SEED, failures, leaderboard_table
from support.suite_folders import Returns, suite_folder

TWO: Returns = {
    "A": {"uniform": [1, 3], "good": [8, 10], "half": [None, 6], "narrow": [2, 2]},
    "B": {"uniform": [0, 0], "good": [10, 20], "half": [5, 5]},
}


def record(tmp_path: Path, returns: Returns = TWO) -> SuiteRecord:
    return read_record(suite_folder(tmp_path / "suite", returns))


def test_the_baseline_is_0_the_reference_1_and_what_broke_is_0(tmp_path):
    scores = suite_scores(record(tmp_path))
    assert [(scale.zero, scale.one) for scale in scores.scales] == [(2, 10), (0, 10)]
    assert scores.table("good").tolist() == [[0.75, 1.0], [1.0, 2.0]]
    assert scores.table("half").tolist() == [[0.0, 0.5], [0.5, 0.5]]
    assert scores.broken == {"uniform": 0, "good": 0, "half": 1, "narrow": 0}
    assert scores.ranked == ["uniform", "good", "half"]
    assert scores.unranked == ["narrow"]


def test_places_follow_the_interquartile_mean(tmp_path):
    found = record(tmp_path)
    scores = suite_scores(found)
    places = leaderboard(found, scores)
    assert [(each.agent, each.place) for each in places] == [("good", 1), ("half", 2), ("uniform", 3), ("narrow", None)]
    for each in places:
        for name, statistic in AGGREGATES.items():
            estimated = each.aggregates[name]
            assert estimated.value == pytest.approx(aggregate(scores.table(each.agent), statistic))
            assert estimated.interval[0] <= estimated.value <= estimated.interval[1]
    first, second, *_, last = places
    assert (first.improvement, last.improvement) == (None, None)
    assert second.improvement.value == 0.0
    assert (second.broken, second.runs, second.environments) == (1, 4, 2)
    assert (second.tokens, second.seconds) == (100, 1.5)
    assert failures(found, scores) == ["A/half/seed-0: failed: ValueError: no"]
    table = leaderboard_table(scores, places)
    assert table.references == 1
    assert any("are not comparable" in note for note in table.notes)
    assert any("Measured coverage" in note for note in table.notes)


def test_one_seed_has_no_intervals(tmp_path):
    one = {name: {agent: values[1:] for agent, values in agents.items()} for name, agents in TWO.items()}
    found = record(tmp_path, one)
    scores = suite_scores(found)
    places = leaderboard(found, scores)
    assert all(each.aggregates["iqm"].interval is None for each in places)
    assert ONE_SEED in leaderboard_table(scores, places).notes


def test_one_agent_alone_is_ranked_against_itself(tmp_path):
    found = record(tmp_path, {"A": {"uniform": [1, 3]}})
    (only,) = leaderboard(found, suite_scores(found))
    assert (only.place, only.improvement, only.aggregates["mean"].value) == (1, None, 0.0)


def test_a_seed_counts_once_all_of_its_runs_have_ended(tmp_path):
    returns = {"A": {"uniform": [1, 3, 2], "good": [8, 10]}}
    scores = suite_scores(record(tmp_path, returns))
    assert (scores.seeds, scores.left_seeds) == ((0, 1), (2,))
    assert scores.scales[0].zero == 2, "of the seeds that count"
    begun = record(tmp_path / "other", {"A": {"uniform": [1], "good": [2]}})
    missing = replace(begun, runs=(begun.runs[0], replace(begun.runs[1], outcome="missing", values={})))
    with pytest.raises(ValueError, match="no seed that is complete: 1 of 2 runs are missing; give the same `run`"):
        suite_scores(missing)


def test_an_environment_without_a_scale_is_named(tmp_path):
    returns = {**TWO, "C": {"good": [1, 2]}, "D": {"uniform": [10, 10], "good": [10, 10]}}
    scores = suite_scores(record(tmp_path, returns))
    assert scores.environments == ["A", "B"]
    assert scores.unscored["C"] == "no run of uniform, whose return is the score 0"
    assert scores.unscored["D"] == "its baseline and its reference both earn 10"
    with pytest.raises(ValueError, match="no environment that can be scored: C: no run of uniform"):
        suite_scores(record(tmp_path / "other", {"C": {"good": [1, 2]}}))


def test_tables_are_read_as_they_were_written(tmp_path):
    found = record(tmp_path)
    again = read_record(found.folder)
    assert (again.runs, again.environments) == (found.runs, found.environments)
    assert np.isfinite(suite_scores(again).table("good")).all()


def test_some_environments_may_be_ranked_alone(tmp_path):
    found = record(tmp_path)
    only = of_environments(found, ["B"])
    assert [each.name for each in only.environments] == ["B"]
    assert suite_scores(only).ranked == ["uniform", "good", "half"]
    assert of_environments(found, []) is found
    with pytest.raises(ValueError, match="--only 'b' must be one of A, B"):
        of_environments(found, ["b"])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("runs.csv", "environment,agent\nA,b\n", "lacks the columns seed"),
        ("environments.csv", "name\nA\n", "lacks the columns env_id"),
    ],
)
def test_damaged_tables_are_refused(tmp_path, name, text, message):
    folder = suite_folder(tmp_path / "suite", TWO)
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_record(folder)


def test_a_folder_without_runs_says_what_would_do(tmp_path):
    with pytest.raises(ValueError, match=r"holds no results.*or a folder with runs\.csv and environments\.csv"):
        read_record(tmp_path)
