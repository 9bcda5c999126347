"""`tune` from end to end: search, selection, comparison on fresh seeds, and what is written of it."""

from __future__ import annotations

import csv
import json
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.commands.seeds import parsed_seeds
from benchmarks.specs.experiment import Run
from benchmarks.specs.reserved_seeds import FRESH, SEARCHED, SELECTED
from benchmarks.specs.tuned import Place, Tuned, read_settings, settings_file, tuned_at
from benchmarks.store.lease import Standing, standing
from benchmarks.store.leases import Leases
from benchmarks.store.results import Point

pytest.importorskip("optuna", reason="searching for settings needs Optuna")

from benchmarks.tuning.command import Tuning, tune
from benchmarks.tuning.confirmation import Comparison, best_of
from benchmarks.tuning.outcome import OUTCOME
from benchmarks.tuning.plan import StudyInUse
from benchmarks.tuning.study import Tried
from benchmarks.tuning.writing import write_tuned

TINY = "TextGen-Tiny-v0"
FOUND: dict[str, Any] = {
    "command": "python -m benchmarks tune",
    "objective": "mean return",
    "trials": 3,
    "tokens": 500,
    "seeds": "search 10000-10001",
    "default": 1.0,
    "tuned": 2.0,
    "difference": [0.5, 1.5],
    "date": "2026-01-02",
    "version": "0.1.0",
}


def formula(sign: float) -> Callable[[Run, Callable[[Point], None]], float]:
    """High, or low, for settings that learn fast."""

    def train(run: Run, hear: Callable[[Point], None]) -> float:
        value = sign * float(run.algorithm.hyperparameters["learning_rate"])
        for number in range(3):
            hear(Point(100 * number, 0, 0.0, value))
        return value

    return train


def asked_of(tmp_path: Path, **changes: Any) -> Tuning:
    settings = ("evaluation.points=2", "evaluation.episodes=16", "evaluation.final_episodes=64", "env.train_size=100")
    settings = (*settings, "agent.num_envs=16", "agent.batch_size=16")
    asked = Tuning(
        "mle", "TextGen-OracleSmall-v0", settings, 2_000, 10, 1, 2, 3, out=tmp_path / "studies", into=tmp_path / "won"
    )
    return replace(asked, jobs=0, **changes)


@pytest.fixture(scope="module")
def won(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Comparison]:
    """The folder of a study whose settings have won, and how."""
    folder = tmp_path_factory.mktemp("won")
    found = tune(asked_of(folder), lambda words: None, "2026-01-02", formula(1))
    assert found is not None
    return folder, found


def test_settings_that_win_are_written_with_how_they_were_found(won: tuple[Path, Comparison]) -> None:
    tmp_path, found = won
    asked = asked_of(tmp_path)
    assert found.won
    assert len(found.default) == len(found.tuned) == 3
    (tuned,) = read_settings(settings_file("mle", tmp_path / "won"), "mle")
    assert tuned_at("mle", "TextGen-OracleSmall-v0", {"train_size": 100}, tmp_path / "won") == [tuned]
    assert tuned.settings.keys() == {"learning_rate", "hidden_size", "num_envs", "batch_size"}
    assert tuned.settings["learning_rate"] > 0.005
    assert tuned.found["difference"] == pytest.approx(found.interval)
    assert tuned.found["tuned"] == pytest.approx(sum(found.tuned) / 3)
    assert tuned.found["seeds"] == "search 10000-10000, selection 20000-20002, comparison 30000-30002"
    assert "--tokens 2000 --trials 10" in tuned.found["command"]
    study = tmp_path / "studies" / "OracleSmall-v0-mle"
    for name, seeds in (("selection", SELECTED), ("fresh", FRESH)):
        assert {path.name for path in (study / name).glob("*/seed-*")} == {f"seed-{seed}" for seed in seeds[:3]}
    again: list[str] = []
    assert tune(asked, again.append, "2026-01-02", formula(1)) == found
    assert not any(words.startswith(("trial", "selection", "fresh")) for words in again)


def test_settings_that_do_not_win_are_not_written(tmp_path: Path) -> None:
    said: list[str] = []
    found = tune(asked_of(tmp_path, best=1), said.append, "2026-01-02", formula(-1))
    assert found is not None
    assert not found.won
    assert not settings_file("mle", tmp_path / "won").exists()
    assert "nothing is written: the settings have not won" in said[-1]
    candidate = (tmp_path / "studies" / "OracleSmall-v0-mle" / "settings.toml").read_text()
    assert candidate.startswith(f"# {said[-2]}\n")
    assert len(tomllib.loads(candidate)["tuned"]) == 1
    assert "no difference shown" in said[-2] or "lost" in said[-2]


def test_a_study_is_of_one_process_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "studies" / "OracleSmall-v0-mle"
    with Leases() as others:
        assert others.claim(folder) is not None
        with pytest.raises(StudyInUse, match="another process searches there"):
            tune(asked_of(tmp_path), lambda words: None, "2026-01-02", formula(1))

        def taken_over(run: Run, hear: Callable[[Point], None]) -> float:
            lease = others.claim(folder) or standing(folder)
            assert isinstance(lease, Standing)
            shutil.rmtree(lease.path)
            return formula(1)(run, hear)

    with pytest.raises(StudyInUse, match="it goes on with the search"):
        tune(asked_of(tmp_path), lambda words: None, "2026-01-02", taken_over)


def test_gains_are_gathered(won: tuple[Path, Comparison], tmp_path: Path) -> None:
    shutil.copytree(won[0] / "studies", tmp_path / "studies")
    (tmp_path / "studies" / "begun").mkdir()
    (tmp_path / "studies" / "begun" / "study.json").write_text("{}")
    shown = CliRunner().invoke(app, ["gains", str(tmp_path / "studies"), "--out", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert "begun is not done" in shown.output
    (row,) = csv.DictReader((tmp_path / "gains.csv").read_text().splitlines())
    kept = json.loads((tmp_path / "studies" / "OracleSmall-v0-mle" / OUTCOME).read_text())
    assert (row["agent"], row["trials"], row["verdict"]) == ("mle", "10", "won")
    assert float(row["default"]) == pytest.approx(sum(kept["default"]) / 3)
    assert float(row["low"]) > 0
    shown_row = (tmp_path / "gains.md").read_text().splitlines()[2]
    assert shown_row.startswith(f'| OracleSmall-v0 {{"train_size": 100}} | mle | 2,000 | {float(row["default"]):.4g} |')
    assert shown_row.endswith("| 3 | won |")
    kept["tuned"][0] += 1
    (tmp_path / "studies" / "OracleSmall-v0-mle" / OUTCOME).write_text(json.dumps(kept))
    spoiled = CliRunner().invoke(app, ["gains", str(tmp_path / "studies")])
    assert spoiled.exit_code == 2
    assert OUTCOME in spoiled.output


def tuned_of(environment: str = TINY, **changes: Any) -> Tuned:
    return Tuned("ppo", Place(environment), {"clip": 0.3}, {**FOUND, **changes})


def test_nothing_is_overwritten_silently(tmp_path: Path) -> None:
    path = settings_file("ppo", tmp_path)
    assert write_tuned(tuned_of(), tmp_path) is None
    assert write_tuned(tuned_of("TextGen-OracleSmall-v0"), tmp_path) is None
    before = path.read_bytes()
    newer = tuned_of(trials=900)
    assert write_tuned(newer, tmp_path) == tuned_of()
    assert path.read_bytes() == before
    assert write_tuned(newer, tmp_path, True) is None
    assert read_settings(path, "ppo") == (newer, tuned_of("TextGen-OracleSmall-v0"))
    assert write_tuned(tuned_of(tokens=900), tmp_path) is None
    assert len(read_settings(path, "ppo")) == 3
    path.write_text("nonsense")
    with pytest.raises(ValueError, match=r"is no TOML"):
        write_tuned(newer, tmp_path, True)
    assert path.read_text() == "nonsense"


def test_values_come_back_as_they_were_written(tmp_path: Path) -> None:
    settings = {"clip": 0.1 + 0.2, "learning_rate": 1e-05, "entropy_half_life": 7, "scale_advantages": False}
    arguments = {"reward": {"name": "bleu", "max_order": 2}, "words": ['a "b"', "\u00e9\\"], "size": 3}
    tuned = replace(tuned_of(), settings=settings, place=Place(TINY, arguments=arguments))
    write_tuned(tuned, tmp_path)
    assert read_settings(settings_file("ppo", tmp_path), "ppo") == (tuned,)


@pytest.mark.parametrize(
    ("default", "tuned", "verdict"),
    [
        ((1.0, 1.1, 0.9), (2.0, 2.1, 1.9), "won"),
        ((2.0, 2.1, 1.9), (1.0, 1.1, 0.9), "lost"),
        ((1.0, 3.0, 2.0), (2.0, 1.5, 3.0), "no difference shown"),
        ((1.0, 1.1, 0.9), (2.0, 2.1), "lost"),
        ((1.0,), (2.0, 2.1, 1.9), "no difference shown"),
        ((), (2.0, 2.1, 1.9), "no difference shown"),
        ((1.0, 1.0, 1.0), (2.0, 2.0, 2.0), "won"),
        ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), "no difference shown"),
    ],
)
def test_verdicts(default: tuple[float, ...], tuned: tuple[float, ...], verdict: str) -> None:
    assert Comparison(default, tuned, 3).verdict == verdict


def test_the_best_are_whole_and_differ() -> None:
    tried = [
        Tried(0, {"clip": 0.2}, 5.0, 4),
        Tried(1, {"clip": 0.1}, 1.0, 4),
        Tried(2, {"clip": 0.3}, None, 2),
        Tried(3, {"clip": 0.4}, 3.0, 4),
        Tried(4, {"clip": 0.4}, 4.0, 4),
    ]
    assert [each.number for each in best_of(tried, {"clip": 0.2}, 3)] == [4, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--agent", "pppo"], "did you mean 'ppo'?"),
        (["--agent", "uniform"], "--agent uniform: nothing is left to search"),
        (["--env", "TextGen-Tini-v0"], "did you mean 'TextGen-Tiny-v0'?"),
        (["--set", "agent.lerning_rate=1"], "did you mean 'learning_rate'?"),
        (["--trials", "0"], "--trials 0 must be at least 1"),
        (["--fresh", "1"], "--fresh 1 must be at least 2"),
        (["--seeds", "20000"], "--seeds 20000 must be at most 10000"),
        (["--tokens", "0"], "--tokens 0 must be at least 1"),
    ],
)
def test_mistakes_are_named_before_anything_runs(change: list[str], words: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["tune", "--agent", "ppo", "--env", TINY, "--out", str(tmp_path / "out"), *change])
    assert result.exit_code == 2, result.output
    assert words in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


def test_no_studies_are_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["gains", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds no studies" in result.output


@pytest.mark.parametrize("text", [f"{SEARCHED.start},", f"{SELECTED.start - 1}-{SELECTED.start}", f"5,{FRESH[-1]}"])
def test_no_report_uses_the_seeds_of_a_search(text: str) -> None:
    with pytest.raises(ValueError, match="settings are tuned on the seeds 10000 to 39999"):
        parsed_seeds(text)


def test_seeds_on_either_side_are_free() -> None:
    assert parsed_seeds(f"{SEARCHED.start - 1},{FRESH.stop}") == (9_999, 40_000)
