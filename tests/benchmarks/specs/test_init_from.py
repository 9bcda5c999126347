"""Rows that start from other rows, agents that learn in phases, and what their curves and budgets count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.baselines.uniform import Uniform
from agents.imitation.mle import MLE
from agents.policy_gradient.reinforce import Reinforce
from agents.protocol import Progress
from benchmarks.analysis.load import collect
from benchmarks.report.document import document
from benchmarks.running.executor import Event
from benchmarks.running.queue import Queue
from benchmarks.running.scheduler import ConfigMismatch, run_experiment
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment, runs_of
from benchmarks.store.results import Result
from benchmarks.store.run_folder import read_state

SMALL = {"vocab_size": 8, "max_length": 3, "train_size": 40, "test_size": 40}
SIZES = {"hidden_size": 4, "embedding_size": 4, "batch_size": 16}
PARENT = Algorithm("MLE", "mle", 300, hyperparameters=SIZES, num_envs=8)
CHILD = Algorithm("RL", "reinforce", 200, hyperparameters=SIZES, num_envs=8, init_from="MLE")
EVALUATION = Evaluation(2, 8, 16, 10, 1, ("nll_test",))
EXPERIMENT = Experiment("x", "d", "TextGen-OracleSmall-v0", (CHILD, PARENT), SMALL, (0,), EVALUATION)


def do(experiment: Experiment, out: Path, **options: Any) -> tuple[list[Event], list[str]]:
    events: list[Event] = []
    words: list[str] = []
    run_experiment(experiment, out, 0, events.append, notify=words.append, **options)
    return events, words


def result(out: Path, label: str) -> Result:
    found = read_state(out / "x" / label / "seed-0")
    assert found.result is not None, found.error
    return found.result


def ended(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.run.algorithm.label, event.kind) for event in events if event.kind in ("finished", "failed")]


def test_a_row_begins_as_the_other_ended_and_counts_on_from_there(tmp_path: Path) -> None:
    events, _ = do(EXPERIMENT, tmp_path)
    assert ended(events) == [("MLE", "finished"), ("RL", "finished")]
    parent, own = result(tmp_path, "MLE"), result(tmp_path, "RL")
    end, begun, last = parent.curve[-1], own.curve[0], own.curve[-1]
    assert end.tokens_read >= 300
    assert (begun.tokens_generated, begun.tokens_read, begun.seconds) == (0, end.tokens_read, end.seconds)
    assert (last.tokens_read, last.tokens_generated >= 200) == (end.tokens_read, True)
    assert last.seconds > end.seconds
    assert own.own_seconds == last.seconds - end.seconds
    rows = {row[0]: row for row in document(collect(tmp_path / "x")).comparison.texts}
    assert rows["RL"][-2] == f"{last.tokens_generated} (read {end.tokens_read})"
    assert rows["RL"][-1] == f"{own.own_seconds:.1f} + {end.seconds:.1f}"


def test_an_untrained_algorithm_that_starts_from_another_is_that_policy(tmp_path: Path) -> None:
    row = replace(PARENT, label="Again", total_tokens=0, init_from="MLE")
    do(replace(EXPERIMENT, algorithms=(PARENT, row)), tmp_path)
    assert result(tmp_path, "Again").measures == result(tmp_path, "MLE").measures
    (point,) = result(tmp_path, "Again").curve
    assert point.tokens_read == result(tmp_path, "MLE").curve[-1].tokens_read


def test_another_parent_is_another_setting(tmp_path: Path) -> None:
    do(EXPERIMENT, tmp_path)
    for name in ("MLE", "RL"):
        (tmp_path / "x" / name).rename(tmp_path / name)
    longer = replace(EXPERIMENT, algorithms=(CHILD, replace(PARENT, total_tokens=400)))
    do(longer, tmp_path)
    # The result of before, which started from the shorter one.
    (tmp_path / "x" / "RL").rename(tmp_path / "newer")
    (tmp_path / "RL").rename(tmp_path / "x" / "RL")
    with pytest.raises(ConfigMismatch, match=r"RL/seed-0/config.json: parent.settings: "):
        do(longer, tmp_path)


class Broken(MLE):
    """Fails until it is mended."""

    mended = False

    def train(self, envs: Any, total_tokens: int, callback: Any = None) -> Any:
        if not Broken.mended:
            raise RuntimeError("gone wrong")
        return super().train(envs, total_tokens, callback)


def test_what_starts_from_a_failed_run_fails_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(EXPERIMENT, algorithms=(CHILD, replace(PARENT, agent=f"{__name__}:Broken")))
    events, _ = do(broken, tmp_path)
    assert ended(events) == [("MLE", "failed"), ("RL", "failed")]
    error = read_state(tmp_path / "x" / "RL" / "seed-0").error
    assert error is not None
    reason = "ParentFailed: this run starts from x/MLE/seed-0, which is failed: RuntimeError: gone wrong"
    assert error.error == reason
    assert error.curve == ()
    # Neither is run again by itself; once its parent is, the other is too.
    events, words = do(broken, tmp_path)
    assert ended(events) == []
    assert sum("--retry" in line for line in words) == 2
    monkeypatch.setattr(Broken, "mended", True)
    events, _ = do(broken, tmp_path, retry=True)
    assert ended(events) == [("MLE", "finished"), ("RL", "finished")]


def test_a_parent_without_its_agent_is_named_and_made_anew(tmp_path: Path) -> None:
    do(replace(EXPERIMENT, algorithms=(PARENT,)), tmp_path)
    path = tmp_path / "x" / "MLE" / "seed-0" / "agent.safetensors"
    whole = path.read_bytes()
    path.unlink()
    _, words = do(EXPERIMENT, tmp_path)
    assert "agent.safetensors, which it rests on, is missing" in " ".join(words)
    assert path.read_bytes() == whole
    assert read_state(tmp_path / "x" / "RL" / "seed-0").status == "finished"


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("uniform", "lacks `initialise_from`"),
        ("reinforce", "hidden_size"),
    ],
)
def test_agents_that_cannot_adopt_fail_with_a_reason(tmp_path: Path, agent: str, said: str) -> None:
    row = Algorithm("RL", agent, 10, init_from="MLE")
    do(replace(EXPERIMENT, algorithms=(PARENT, row)), tmp_path)
    error = read_state(tmp_path / "x" / "RL" / "seed-0").error
    assert error is not None
    assert said in error.error


def test_workers_take_a_parent_before_what_starts_from_it() -> None:
    runs = runs_of(replace(EXPERIMENT, algorithms=(CHILD, PARENT, replace(PARENT, label="Other")), seeds=(0, 1)))
    queue = Queue(runs)

    def taken() -> str | None:
        run = queue.take()
        return None if run is None else f"{run.algorithm.label} {run.seed}"

    by_name = {f"{run.algorithm.label} {run.seed}": run for run in runs}
    assert taken() == "MLE 0"
    assert [taken(), taken()] == ["Other 0", "MLE 1"]
    assert [taken(), taken()] == ["Other 1", None]
    queue.end(by_name["Other 0"])
    queue.end(by_name["MLE 1"])
    assert [taken(), taken()] == ["RL 1", None]
    queue.end(by_name["MLE 0"])
    assert [taken(), taken()] == ["RL 0", None]


def test_what_is_asked_for_without_its_parent_waits_for_none() -> None:
    runs = [run for run in runs_of(EXPERIMENT) if run.parent is not None]
    queue = Queue(runs)
    assert [queue.take() for _ in runs] == runs


class InPhases(Uniform):
    """Learns nothing in three phases, and rolls out."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.tokens_generated = 0

    def train(self, envs: Any, total_tokens: int, callback: Any = None) -> Any:
        until = self.tokens_generated * 3 + total_tokens
        while self.tokens_generated * 3 < until:
            self.tokens_generated += 5
            phase = "mle" if self.tokens_generated <= 35 else "adversarial"
            progress = Progress(
                self.tokens_generated, 0, float("nan"), {"a": 1.0, "b": np.nan}, phase, self.tokens_generated * 2
            )
            if callback(progress) is False:
                break
        return self


def test_a_point_is_measured_where_a_phase_begins(tmp_path: Path) -> None:
    row = Algorithm("P", f"{__name__}:InPhases", 300, num_envs=8)
    do(replace(EXPERIMENT, algorithms=(row,)), tmp_path)
    curve = result(tmp_path, "P").curve
    assert [(p.phase, p.tokens_generated, p.tokens_rolled_out) for p in curve] == [
        ("", 0, 0),
        ("adversarial", 40, 80),
        ("adversarial", 50, 100),
        ("adversarial", 100, 200),
    ]
    assert curve[-1].losses == {"a": 1.0}
    # The task's reward is the oracle's log-likelihood: three tokens a text.
    assert curve[-1].measures["nll_oracle"] == pytest.approx(-curve[-1].mean_return / 3)
    rows = {row[0]: row for row in document(collect(tmp_path / "x")).comparison.texts}
    assert rows["P"][-2] == "100 + 200 rolled out"


def test_rows_that_start_from_nothing_real_are_refused() -> None:
    for rows, said in (
        ((replace(CHILD, init_from="Nobody"),), "algorithm RL: init_from='Nobody' is no algorithm"),
        ((replace(CHILD, init_from="RL"),), "start from one another: RL <- RL"),
        ((CHILD, replace(PARENT, init_from="RL")), "start from one another: RL <- MLE <- RL"),
        ((CHILD, Algorithm("MLE", "stable_baselines3:A2C", kind="sb3")), "has kind='sb3'"),
    ):
        with pytest.raises(ValueError, match=said):
            replace(EXPERIMENT, algorithms=rows)
    with pytest.raises(ValueError, match="init_from='A' is for agents"):
        Algorithm("B", "stable_baselines3:A2C", kind="sb3", init_from="A")


def test_an_agent_may_count_what_it_adopted_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = Reinforce.initialise_from

    def adopt(self: Any, other: Any) -> None:
        inner(self, other)
        self.tokens_generated = self.tokens_read = self.tokens_rolled_out = 0

    do(EXPERIMENT, tmp_path / "a")
    monkeypatch.setattr(Reinforce, "initialise_from", adopt)
    do(EXPERIMENT, tmp_path / "b")
    counted, anew = (
        [(p.tokens_generated, p.tokens_read) for p in result(tmp_path / name, "RL").curve] for name in ("a", "b")
    )
    assert counted == anew


EARLY = replace(PARENT, total_tokens=3_000, hyperparameters={"hidden_size": 32, "learning_rate": 0.05})
AT_BEST = replace(EARLY, label="Best", total_tokens=0, init_from="MLE", init_at="best")
VALIDATED = replace(EVALUATION, points=6, test_texts=30, validation="nll", validation_texts=10)


def test_a_row_may_begin_as_the_best_by_validation(tmp_path: Path) -> None:
    do(replace(EXPERIMENT, algorithms=(EARLY, AT_BEST), evaluation=VALIDATED), tmp_path)
    stopped = result(tmp_path, "MLE")
    assert stopped.best is not None
    assert stopped.best.point != stopped.curve[-1], "too short to be worse at the end"
    begun = result(tmp_path, "Best")
    assert begun.measures == stopped.best.measures
    assert begun.curve[0].tokens_read == stopped.best.point.tokens_read


def test_without_test_data_there_is_no_best_point_to_begin_at(tmp_path: Path) -> None:
    rows = (Algorithm("Uniform", "uniform"), replace(AT_BEST, agent="uniform", init_from="Uniform", hyperparameters={}))
    tiny = replace(EXPERIMENT, env_id="TextGen-Tiny-v0", env_kwargs={}, algorithms=rows, evaluation=VALIDATED)
    do(tiny, tmp_path)
    error = read_state(tmp_path / "x" / "Best" / "seed-0").error
    assert error is not None
    assert "the best point of x/Uniform/seed-0, which was not validated; have a task with test data" in error.error


def test_where_it_begins_counts_among_the_settings_only_if_it_is_not_the_end() -> None:
    assert "init_at" not in CHILD.to_config()
    assert AT_BEST.to_config()["init_at"] == "best"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"init_at": "middle"}, "algorithm RL: init_at='middle' must be 'end' or 'best'"),
        ({"init_at": "best", "init_from": ""}, "init_at='best' of no other algorithm; name one in init_from"),
    ],
)
def test_no_other_place_to_begin_at(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(CHILD, **changed)


def test_the_best_point_needs_a_validation() -> None:
    with pytest.raises(
        ValueError, match="algorithm Best: init_at='best' needs a point best by validation; name one in"
    ):
        replace(EXPERIMENT, algorithms=(EARLY, AT_BEST))
