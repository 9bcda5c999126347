"""The page of the suite says what the committed runs do, and the committed tables are those of its runs."""

from __future__ import annotations

import csv
import re
from functools import cache

import pytest

from benchmarks.analysis.aggregates import AGGREGATES, aggregate
from benchmarks.report.files import table_csv
from benchmarks.suite.leaderboard import leaderboard
from benchmarks.suite.record import read_record
from benchmarks.suite.scores import suite_scores
from benchmarks.suite.sizes import SIZES
from benchmarks.suite.tables import matrix_table, numbers_table
from suite_gains import UNTUNED, verdicts
from suite_page import FOLDER, PICTURES, suite_page
from textgen_env import TABLE


@cache
def page():
    return suite_page()


@cache
def kept():
    record = read_record(FOLDER)
    scores = suite_scores(record)
    return record, scores, leaderboard(record, scores)


def test_the_committed_leaderboard_is_that_of_the_committed_runs():
    _, scores, places = kept()
    with (FOLDER / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        committed = list(csv.DictReader(file))
    computed = list(csv.DictReader(table_csv(numbers_table(places)).splitlines()))
    assert [row["agent"] for row in committed] == [row["agent"] for row in computed]
    for one, other in zip(committed, computed, strict=True):
        for name in one.keys() - {"agent"}:
            assert (one[name] == "") == (other[name] == "")
            if one[name]:
                assert float(one[name]) == pytest.approx(float(other[name]), abs=1e-9), (one["agent"], name)
    assert (FOLDER / "matrix.csv").read_text(encoding="utf-8").splitlines()[0] == (
        table_csv(matrix_table(scores, places)).splitlines()[0]
    )


def test_the_runs_are_those_of_the_laptop():
    record, scores, places = kept()
    laptop = SIZES["laptop"]
    assert (record.facts["tokens"], record.facts["episodes"]) == (laptop.tokens, laptop.evaluation.final_episodes)
    assert scores.seeds == tuple(range(len(scores.seeds))), "from the first on"
    asked = len(laptop.seeds)
    assert (f"The size asks for {asked} seeds, and these tables are of {len(scores.seeds)}" in page()) == (
        len(scores.seeds) < asked
    )
    ids = {each.env_id for each in record.environments}
    assert ids | record.facts["left_out"].keys() == {row.id for row in TABLE}
    for place in places:
        assert place.tokens < 2 * laptop.tokens, f"{place.agent} keeps to about its budget"


def test_every_agent_and_environment_is_on_it():
    record, _, places = kept()
    board = page().split("## Leaderboard")[1].split("\n## ")[0]
    found = [agent.replace("\\", "") for agent in re.findall(r"^\| (\S+) \| (?:\d+|–) \|", board, re.MULTILINE)]
    assert found == [place.agent for place in places]
    assert f"`{places[0].agent}` is the first" in page()
    for each in record.environments:
        assert f"[{each.env_id}](../environments/{each.env_id}.md)" in page()
    for agent in {name for agents in record.facts["refused"].values() for name in agents}:
        assert f"- `{agent}` on " in page()


def test_what_was_found_is_what_was_run():
    """Runs have other settings than those of the rules where a search had won, and there alone."""
    found, before = verdicts(), read_record(UNTUNED)
    assert "--untuned" in before.facts["command"]
    plain = {(run.agent, run.environment, run.seed): run.settings for run in before.runs}
    record, scores, _ = kept()
    assert plain.keys() == {(run.agent, run.environment, run.seed) for run in record.runs}
    for run in record.runs:
        won = found.get((run.agent, run.environment)) == "won"
        assert (run.settings != plain[run.agent, run.environment, run.seed]) == won, (run.agent, run.environment)
    told = {(agent, name) for name, agents in record.facts["tuned"].items() for agent in agents}
    assert told == {pair for pair, verdict in found.items() if verdict == "won"}
    scales = [(each.zero, each.one) for each in scores.scales]
    assert scales == [(each.zero, each.one) for each in suite_scores(before).scales], "scores count between the same"


def test_what_tuning_gained_is_that_of_the_runs():
    section = page().split("## What tuning gained")[1].split("\n## ")[0]
    _, scores, _ = kept()
    before, found = suite_scores(read_record(UNTUNED)), verdicts()
    assert f"for {len(found)} pairs" in section
    for agent in {label for label, _ in found}:
        (row,) = re.findall(rf"^\| `{agent}` \| ([-\d.]+) \| ([-\d.]+) \| ([-+\d.]+) \|", section, re.MULTILINE)
        means = [aggregate(each.table(agent), AGGREGATES["iqm"]) for each in (before, scores)]
        assert [float(value) for value in row] == pytest.approx([*means, means[1] - means[0]], abs=0.001)


def test_its_pictures_are_there():
    for name, words in PICTURES.items():
        assert f"![{words}]" in page()
        assert (FOLDER / f"{name}.svg").is_file()
