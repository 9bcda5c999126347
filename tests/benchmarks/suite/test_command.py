"""The suite is run, gone on with, ranked and read again, as a person would."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.suite import experiments
from benchmarks.suite.record import read_record

pytest.importorskip("stable_baselines3")
AGENTS = ["uniform", "reinforce", "q_learning", "pg_bleu", "sb3/A2C"]
FILES = {
    "runs.csv",
    "environments.csv",
    "leaderboard.csv",
    "matrix.csv",
    "leaderboard.md",
    "leaderboard.html",
    "suite.json",
    "intervals.svg",
    "profiles.svg",
    "matrix.svg",
}


def told(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "220"})
    return found.exit_code, " ".join(found.output.split())


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("suite")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "agent_names", lambda: AGENTS)
        code, words = told("run", "suite", "--size", "tiny", "--jobs", "1", "--out", str(out))
        assert code == 0, words
        again, more = told("run", "suite", "--size", "tiny", "--jobs", "1", "--out", str(out))
        assert again == 0
        assert "4 of 4 runs are finished and kept" in more, "nothing is done twice"
    return out / "suite-tiny"


def test_every_agent_has_its_place_or_its_reason(done):
    record = read_record(done)
    assert [each.name for each in record.environments] == ["Tiny-v0", "Parallel-v0"]
    assert record.facts["refused"]["Tiny-v0"].keys() == {"pg_bleu"}
    assert record.seeds == [0, 1]
    assert {run.outcome for run in record.runs} == {"finished"}
    assert [(each.reference, each.measured_on) for each in record.environments] == [
        ("optimum", "TextGen-Tiny-v0"),
        ("optimum", "TextGen-Parallel-v0"),
    ]
    with (done / "leaderboard.csv").open(encoding="utf-8") as file:
        places = {row["agent"]: row["place"] for row in csv.DictReader(file)}
    assert sorted(places) == ["pg_bleu", "q_learning", "reinforce", "sb3-A2C", "uniform"]
    assert places["pg_bleu"] == ""
    assert sorted(filter(None, places.values())) == ["1", "2", "3", "4"]


def test_the_kept_tables_give_the_same_leaderboard(done, tmp_path):
    assert {path.name for path in done.iterdir()} >= FILES
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in ("runs.csv", "environments.csv", "suite.json"):
        (kept / name).write_bytes((done / name).read_bytes())
    code, words = told("leaderboard", str(kept))
    assert code == 0, words
    for name in FILES:
        assert (kept / name).read_bytes() == (done / name).read_bytes(), name


def test_one_environment_is_ranked_alone(done, tmp_path):
    code, words = told("leaderboard", str(done), "--only", "Tiny-v0", "--out", str(tmp_path))
    assert code == 0, words
    record = read_record(tmp_path)
    assert {run.environment for run in record.runs} == {"Tiny-v0"}
    assert record.facts["left_out"]["TextGen-Parallel-v0"] == "left out of these tables by --only"


def test_the_page_stands_alone_and_says_it_all(done):
    page = (done / "leaderboard.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    assert "best text, solved exactly" in page
    assert "No run failed or diverged." in page
    assert not re.search(r'(src|href)="http', page)


def test_a_version_that_changed_nothing_regresses_in_nothing(done):
    code, words = told("regress", str(done), str(done), "--fail")
    assert code == 0
    assert "0 worse, 0 better" in words
    assert "the same values, run for run" in words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "suite", "--size", "large"], "--size 'large' must be one of laptop, tiny"),
        (["run", "suite", "--agent", "m:C"], "--agent and --tokens are not for the suite"),
        (["run", "suite", "--plan"], "--plan is for one experiment"),
        (["leaderboard", "nowhere"], "'nowhere' is no folder"),
    ],
)
def test_bad_input_is_refused(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, words = told(*arguments)
    assert code == 2
    assert message in words
