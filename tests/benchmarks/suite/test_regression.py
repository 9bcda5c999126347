"""Changes of a version are told from chance, and those that cannot be compared are named."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_ind
from typer.testing import CliRunner

from benchmarks.analysis.significance import holm
from benchmarks.cli import app
from benchmarks.suite.regression import IDENTICAL, ONE_RUN, compare_versions
from support.suite_folders import suite_folder

OLD = {"A": {"same": [1, 2, 3], "fell": [5, 5.1, 5.2], "rose": [1, 1.1, 0.9], "noisy": [1, 5, 9], "broke": [1, 2, 3]}}
NEW = {
    "A": {"same": [1, 2, 3], "fell": [3, 3.1, 3.2], "rose": [4, 4.1, 3.9], "noisy": [2, 4, 8], "broke": [1, None, 3]}
}


def folders(tmp_path: Path, old=OLD, new=NEW, **more) -> list[Path]:
    return [
        suite_folder(tmp_path / "old", old, version="1.0"),
        suite_folder(tmp_path / "new", new, version="2.0", **more),
    ]


def test_verdicts_are_those_of_welch_and_holm(tmp_path):
    found = compare_versions(*folders(tmp_path))
    rows = {row.agent: row for row in found.rows}
    assert {agent: row.verdict for agent, row in rows.items()} == {
        "same": "untested",
        "fell": "worse",
        "rose": "better",
        "noisy": "not told apart",
        "broke": "not told apart",
    }
    assert rows["same"].reason == IDENTICAL
    tested = ("fell", "rose", "noisy", "broke")
    values = [[[x for x in each["A"][agent] if x is not None] for each in (NEW, OLD)] for agent in tested]
    expected = [ttest_ind(new, old, equal_var=False).pvalue for new, old in values]
    assert [rows[agent].p_holm for agent in tested] == pytest.approx(holm(expected).tolist())
    assert rows["fell"].difference == pytest.approx(-2)
    assert found.versions == {"textgen-env": ("1.0", "2.0")}
    assert found.failures == ("A/broke: 1 of 3 runs failed or diverged, 0 of 3 before: failed: ValueError: no",)
    assert found.worse


def test_chance_alone_fails_no_build(tmp_path):
    """Of 40 agents that did not change, Holm's correction calls none worse with 95%: here of one drawing."""
    rng = np.random.default_rng(0)
    old, new = ({"A": {f"agent-{i}": rng.normal(size=5).tolist() for i in range(40)}} for _ in range(2))
    found = compare_versions(*folders(tmp_path, old, new))
    assert min(row.test.p for row in found.rows) < 0.05, "uncorrected, one would be"
    assert not found.worse


def test_other_settings_environments_and_agents_are_listed(tmp_path):
    old, new = folders(
        tmp_path, {"A": {"x": [1, 2]}, "B": {"x": [1, 2]}}, {"A": {"x": [1, 2], "y": [1, 2]}}, settings="b"
    )
    found = compare_versions(old, new)
    assert found.rows == ()
    assert found.uncompared == {
        "A/x": "its settings are others",
        "B/x": "no run has ended in NEW",
        "A/y": "no run has ended in OLD",
    }
    assert not found.worse


def test_one_seed_is_not_tested(tmp_path):
    found = compare_versions(*folders(tmp_path, {"A": {"x": [1.0]}}, {"A": {"x": [0.5]}}))
    assert [(row.verdict, row.reason) for row in found.rows] == [("untested", ONE_RUN)]


def test_the_command_says_it_and_fails_when_asked(tmp_path):
    old, new = folders(tmp_path)
    table = tmp_path / "all.csv"
    run = CliRunner().invoke
    told = run(app, ["regress", str(old), str(new), "--out", str(table)], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    words = " ".join(told.output.split())
    assert "textgen-env: 1.0 -> 2.0" in words
    assert "Of 4 comparisons by Welch's test, corrected by Holm: 1 worse, 1 better" in words
    assert "1 not tested: the same values, run for run" in words
    with table.open(encoding="utf-8") as file:
        assert {row["agent"]: row["verdict"] for row in csv.DictReader(file)}["fell"] == "worse"
    assert run(app, ["regress", str(old), str(new), "--fail"]).exit_code == 1
    assert run(app, ["regress", str(old), str(old), "--fail"]).exit_code == 0


def test_what_compares_nothing_guards_nothing(tmp_path):
    old, new = (str(each) for each in folders(tmp_path, settings="b"))
    run = CliRunner().invoke
    assert run(app, ["regress", old, new]).exit_code == 0
    found = run(app, ["regress", old, new, "--fail"])
    assert found.exit_code == 2
    assert "nothing could be compared" in " ".join(found.output.split())


@pytest.mark.parametrize(("options", "message"), [([], "holds no results"), (["--level", "2"], "--level 2 must lie")])
def test_bad_input_is_refused(tmp_path, options, message):
    (tmp_path / "empty").mkdir()
    old, _ = folders(tmp_path)
    found = CliRunner().invoke(app, ["regress", str(old), str(tmp_path / "empty"), *options])
    assert found.exit_code == 2
    assert message in " ".join(found.output.split())
