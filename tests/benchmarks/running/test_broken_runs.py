"""The runner in this process: going on where it stopped, refusing, failing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.analysis.load import collect
from benchmarks.running.executor import Event
from benchmarks.running.scheduler import ConfigMismatch, run_experiment
from benchmarks.specs.experiment import Algorithm
from benchmarks.store.results import Failure
from benchmarks.store.run_folder import read_state, write_json
from support.tiny_experiment import MICRO, do

FAST = replace(MICRO, algorithms=MICRO.algorithms[:2])


def test_going_on_keeps_what_is_finished(tmp_path: Path) -> None:
    do(FAST, tmp_path)
    kept = tmp_path / "micro" / "MLE" / "seed-0" / "result.json"
    before = kept.stat().st_mtime_ns
    heard = do(FAST, tmp_path, seeds=(0, 1))
    assert kept.stat().st_mtime_ns == before
    assert [(e.run.algorithm.label, e.run.seed) for e in heard.events if e.kind == "finished"] == [
        ("Random", 1),
        ("MLE", 1),
    ]
    assert heard.words == ["2 of 4 runs are finished and kept"]
    assert do(FAST, tmp_path, seeds=(0, 1)).events == []
    # A report knows of all seeds that were ever asked for.
    assert collect(tmp_path / "micro").seeds == [0, 1]


def test_other_settings_are_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    do(FAST, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    longer = replace(FAST, algorithms=(FAST.algorithms[0], replace(FAST.algorithms[1], total_tokens=2_000)))
    with pytest.raises(ConfigMismatch) as refused:
        do(longer, tmp_path, seeds=(0, 1))
    said = str(refused.value)
    assert "MLE/seed-0/config.json: algorithm.total_tokens: 1000 there, 2000 now" in said
    assert "--out" in said
    assert "Random" not in said
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_broken_result_is_set_aside_and_done_again(tmp_path: Path) -> None:
    do(FAST, tmp_path)
    folder = tmp_path / "micro" / "MLE" / "seed-0"
    (folder / "result.json").write_text('{"format": 1, "curve": [')
    assert [row.label for row in collect(tmp_path / "micro").algorithms if row.without_result] == ["MLE"]
    heard = do(FAST, tmp_path)
    assert heard.ended() == [("MLE", "finished")]
    assert any("result.json is broken" in words for words in heard.words)
    assert (folder / "result.json.broken-1").read_text() == '{"format": 1, "curve": ['
    assert read_state(folder).status == "finished"


@pytest.mark.parametrize("left", ["{", '{"name": 3, "runs": [1]}', '{"runs": 5}'])
def test_a_broken_manifest_is_written_anew(tmp_path: Path, left: str) -> None:
    do(FAST, tmp_path)
    (tmp_path / "micro" / "experiment.json").write_text(left)
    assert [len(row.results) for row in collect(tmp_path / "micro").algorithms] == [1, 1]
    do(FAST, tmp_path)
    assert [row.label for row in collect(tmp_path / "micro").algorithms] == ["Random", "MLE"]
    assert collect(tmp_path / "micro").warnings == ()


def test_an_interrupted_run_is_unfinished_and_done_again(tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if event.kind == "advanced" and event.run.algorithm.label == "MLE":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(FAST, tmp_path, 0, interrupt, (0, 1), lambda words: None)
    statuses = {r.name: r.state.status for row in collect(tmp_path / "micro").algorithms for r in row.records}
    assert statuses == {
        "micro/Random/seed-0": "finished",
        "micro/Random/seed-1": "not started",
        "micro/MLE/seed-0": "unfinished",
        "micro/MLE/seed-1": "not started",
    }
    heard = do(FAST, tmp_path, (0, 1))
    assert heard.ended() == [("MLE", "finished"), ("Random", "finished"), ("MLE", "finished")]


def test_a_run_that_fails_is_kept_as_such_and_the_others_go_on(tmp_path: Path) -> None:
    bad = Algorithm("Bad", "reinforce", total_tokens=10, hyperparameters={"cell": "abacus"})
    experiment = replace(FAST, algorithms=(bad, *FAST.algorithms))
    heard = do(experiment, tmp_path)
    assert heard.ended() == [("Bad", "failed"), ("Random", "finished"), ("MLE", "finished")]
    state = read_state(tmp_path / "micro" / "Bad" / "seed-0")
    assert state.status == "failed"
    assert state.error is not None
    assert "abacus" in state.error.error
    assert "Traceback" in state.error.traceback
    again = do(experiment, tmp_path)
    assert again.ended() == []
    (said,) = (words for words in again.words if "Bad" in words)
    assert said.startswith("micro/Bad/seed-0 failed before (ValueError: cell='abacus'")
    assert said.endswith("it is not run again: --retry does")
    retried = do(experiment, tmp_path, retry=True)
    assert retried.ended() == [("Bad", "failed")]
    assert any("is run again" in words for words in retried.words)


def test_a_run_whose_process_was_ended_from_outside_is_done_again(tmp_path: Path) -> None:
    do(FAST, tmp_path)
    folder = tmp_path / "micro" / "MLE" / "seed-0"
    (folder / "result.json").unlink()
    write_json(folder / "error.json", Failure("WorkerDied: its process ended by SIGKILL").to_json())
    heard = do(FAST, tmp_path)
    assert heard.ended() == [("MLE", "finished")]
    assert any(words.endswith("SIGKILL) and is run again") for words in heard.words)


@pytest.mark.parametrize(
    ("agent", "hyperparameters", "said"),
    [
        ("agents.imitation.mle:MLEConfig", {}, "lacks train, predict"),
        ("agents.nowhere:X", {}, "agents.nowhere"),
        ("uniform", {"learning_rate": 1.0}, "learning_rate"),
        ("mle", {"nope": 1}, "nope"),
    ],
)
def test_agents_that_are_none_fail_with_a_reason(tmp_path: Path, agent: str, hyperparameters: dict, said: str) -> None:
    row = Algorithm("Bad", agent, total_tokens=10, hyperparameters=hyperparameters)
    do(replace(MICRO, algorithms=(row,), baseline=""), tmp_path)
    error = read_state(tmp_path / "micro" / "Bad" / "seed-0").error
    assert error is not None
    assert said in error.error


def test_a_return_that_is_not_finite_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.data.episodes import EvaluatedTexts as Played
    from benchmarks.evaluation import evaluator

    evaluate = evaluator.evaluate

    def diverged(*args: object, **kwargs: object) -> Played:
        played = evaluate(*args, **kwargs)  # type: ignore[arg-type]
        return replace(played, returns=played.returns * np.nan)

    monkeypatch.setattr(evaluator, "evaluate", diverged)
    do(replace(FAST, algorithms=FAST.algorithms[1:], baseline=""), tmp_path)
    error = read_state(tmp_path / "micro" / "MLE" / "seed-0").error
    assert error is not None
    assert "diverged" in error.error
    assert not list(tmp_path.rglob("result.json"))
