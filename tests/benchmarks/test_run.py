"""The runner in this process: results, going on where it stopped, refusing, failing."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.collect import collect
from benchmarks.measures import MEASURES
from benchmarks.results import Failure, Result
from benchmarks.run import ConfigMismatch, run_experiment
from benchmarks.specs import Evaluation, Experiment, Row
from benchmarks.storage import read_json, read_state, write_json
from benchmarks.tensorboard import ADVICE
from benchmarks.workers import Event

MICRO = Experiment(
    name="micro",
    description="a test",
    env_id="TextGen-OracleSmall-v0",
    env_kwargs={"vocab_size": 12, "max_length": 4, "train_size": 80, "test_size": 40},
    rows=(
        Row("Random", "agents.random:Random", num_envs=8),
        Row("MLE", "agents.mle:MLE", total_tokens=1_000, num_envs=8),
        Row(
            "REINFORCE",
            "agents.reinforce:Reinforce",
            total_tokens=1_000,
            num_envs=8,
            hyperparameters={"hidden_size": 8, "batch_size": 16},
        ),
        Row(
            "SB3-A2C",
            "stable_baselines3:A2C",
            kind="sb3",
            total_tokens=200,
            num_envs=8,
            hyperparameters={"n_steps": 4, "gamma": 1.0},
            policy_kwargs={"hidden_size": 8},
        ),
        Row("SB3-DQN", "stable_baselines3:DQN", kind="sb3", total_tokens=64, num_envs=8),
    ),
    seeds=(0,),
    evaluation=Evaluation(
        points=4, episodes=16, final_episodes=32, test_texts=20, sample_texts=2, measures=tuple(MEASURES)
    ),
    baseline="Random",
)


class Heard:
    """Listens to a runner: events, and what it says in words."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.words: list[str] = []

    def ended(self) -> list[tuple[str, str]]:
        return [(e.run.row.label, e.kind) for e in self.events if e.kind in ("finished", "failed")]


def do(experiment: Experiment, out: Path, seeds: tuple[int, ...] | None = None, retry: bool = False) -> Heard:
    heard = Heard()
    run_experiment(experiment, out, 0, heard.events.append, seeds, heard.words.append, retry=retry)
    heard.words = [words for words in heard.words if words != ADVICE]
    return heard


def result(out: Path, label: str, seed: int = 0) -> Result:
    found = read_state(out / "micro" / label / f"seed-{seed}").result
    assert found is not None
    return found


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Heard]:
    """A finished experiment; not to be changed."""
    out = tmp_path_factory.mktemp("runs")
    return out, do(MICRO, out)


def test_every_run_finishes_in_its_own_folder(done: tuple[Path, Heard]) -> None:
    out, heard = done
    assert heard.ended() == [(row.label, "finished") for row in MICRO.rows]
    for row in MICRO.rows:
        folder = out / "micro" / row.label / "seed-0"
        left = sorted(path.name for path in folder.iterdir() if not path.name.startswith("events."))
        assert left == ["agent.safetensors"] * (row.kind == "agent") + ["config.json", "result.json"]
        assert read_json(folder / "config.json")["row"]["label"] == row.label


def test_curve_runs_from_the_untrained_policy_to_the_end_of_training(done: tuple[Path, Heard]) -> None:
    curve = result(done[0], "REINFORCE").curve
    assert (curve[0].tokens_generated, curve[0].seconds) == (0, 0.0)
    assert len(curve) >= 5
    assert all(a.tokens_generated < b.tokens_generated and a.seconds < b.seconds for a, b in pairwise(curve))
    assert 1_000 <= curve[-1].tokens_generated < 1_100
    assert result(done[0], "SB3-A2C").curve[-1].tokens_generated >= 200
    reader = result(done[0], "MLE").curve
    assert reader[-1].tokens_generated == 0
    assert reader[-1].tokens_read >= 1_000
    assert len(result(done[0], "Random").curve) == 1


def test_evaluation_is_not_counted_as_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import agent_job, job, judge, training

    evaluate = judge.evaluate
    # A clock on which an evaluation takes 100 seconds and a look at it a millisecond.
    now = [0.0]

    def slow(*args: object, **kwargs: object) -> object:
        now[0] += 100
        return evaluate(*args, **kwargs)  # type: ignore[arg-type]

    def clock() -> float:
        now[0] += 0.001
        return now[0]

    monkeypatch.setattr(judge, "evaluate", slow)
    for module in (training, agent_job, job):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=clock))
    do(replace(MICRO, rows=(MICRO.rows[2],), baseline=""), tmp_path)
    found = result(tmp_path, "REINFORCE")
    assert found.evaluation_seconds == pytest.approx(100 * (len(found.curve) + 1), abs=1)
    assert 0 < found.curve[-1].seconds < 1


def test_random_is_as_uniform_texts_are(done: tuple[Path, Heard]) -> None:
    found = result(done[0], "Random")
    assert found.measures["nll_test"] == pytest.approx(np.log(12))
    # The return is the oracle's log-likelihood of the same texts, of 4 tokens each.
    for row in MICRO.rows:
        found = result(done[0], row.label)
        assert found.mean_return == pytest.approx(-4 * found.measures["nll_oracle"], rel=1e-4)
        assert 0 < found.measures["distinct_2"] <= 1
        assert len(found.samples) == 2
        assert found.references["greedy"].value > found.references["data"].value
        assert found.oracle_entropy == pytest.approx(-found.references["data"].value / 4, rel=0.1)


def test_measures_are_taken_of_the_same_texts(done: tuple[Path, Heard]) -> None:
    for row in MICRO.rows:
        found = result(done[0], row.label)
        assert set(MEASURES) == found.measures.keys() | found.reasons.keys()
        assert found.reasons["bleu_5"] == "no text is longer than 4 tokens"
        assert len(found.sequence_nll_oracle) == 32
        # Of equal lengths: the mean and its standard error are those of the sequences.
        assert np.mean(found.sequence_nll_oracle) == pytest.approx(found.measures["nll_oracle"], abs=1e-4)
        spread = np.std(found.sequence_nll_oracle, ddof=1) / np.sqrt(32)
        assert found.errors["nll_oracle"] == pytest.approx(spread, abs=1e-4)
        assert "distinct_2" not in found.errors
        if "entropy" in found.measures:
            less_entropy = found.measures["nll_oracle"] - found.measures["entropy"]
            assert found.measures["kl_reverse"] == pytest.approx(less_entropy, abs=1e-6)


def test_likelihood_of_an_sb3_policy_is_its_own(done: tuple[Path, Heard]) -> None:
    # A policy that has hardly learned is near the uniform one.
    assert result(done[0], "SB3-A2C").measures["nll_test"] == pytest.approx(np.log(12), abs=0.5)
    # It takes the token of the greatest value, with a 20th of all draws uniform: one of 4 texts of 12^4 is likely.
    dqn = result(done[0], "SB3-DQN").measures
    assert dqn["nll_test"] > np.log(12) > dqn["entropy"]


def test_likelihood_of_an_sb3_policy_sums_to_one_over_all_texts() -> None:
    from benchmarks.sb3_contestant import SB3Contestant
    from benchmarks.specs import runs_of
    from textgen_env import Texts
    from textgen_env.tasks.oracle import OracleTask

    small = {"vocab_size": 3, "max_length": 3, "train_size": 2, "test_size": 2}
    run = runs_of(replace(MICRO, rows=(MICRO.rows[3],), baseline="", env_kwargs=small))[0]
    contestant = SB3Contestant(run)
    contestant.train(100, lambda progress: True)
    every = np.array(list(product(range(3), repeat=3)))
    log_probs = contestant.log_prob(Texts(every, np.full(27, 3)), OracleTask(**small))
    assert np.exp(log_probs).sum() == pytest.approx(1.0, abs=1e-4)
    assert np.ptp(log_probs) > 1e-3


@pytest.mark.parametrize("label", ["REINFORCE", "SB3-A2C"])
def test_the_same_seed_gives_the_same_result(done: tuple[Path, Heard], tmp_path: Path, label: str) -> None:
    row = next(row for row in MICRO.rows if row.label == label)
    do(replace(MICRO, rows=(row,), baseline=""), tmp_path)
    first, again = result(done[0], label), result(tmp_path, label)
    assert [p.mean_return for p in first.curve] == [p.mean_return for p in again.curve]
    assert (first.mean_return, first.measures, first.samples) == (again.mean_return, again.measures, again.samples)


FAST = replace(MICRO, rows=MICRO.rows[:2])


def test_going_on_keeps_what_is_finished(tmp_path: Path) -> None:
    do(FAST, tmp_path)
    kept = tmp_path / "micro" / "MLE" / "seed-0" / "result.json"
    before = kept.stat().st_mtime_ns
    heard = do(FAST, tmp_path, seeds=(0, 1))
    assert kept.stat().st_mtime_ns == before
    assert [(e.run.row.label, e.run.seed) for e in heard.events if e.kind == "finished"] == [("Random", 1), ("MLE", 1)]
    assert heard.words == ["2 of 4 runs are finished and kept"]
    assert do(FAST, tmp_path, seeds=(0, 1)).events == []
    # A report knows of all seeds that were ever asked for.
    assert collect(tmp_path / "micro").seeds == [0, 1]


def test_other_settings_are_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    do(FAST, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    longer = replace(FAST, rows=(FAST.rows[0], replace(FAST.rows[1], total_tokens=2_000)))
    with pytest.raises(ConfigMismatch) as refused:
        do(longer, tmp_path, seeds=(0, 1))
    said = str(refused.value)
    assert "MLE/seed-0/config.json: row.total_tokens: 1000 there, 2000 now" in said
    assert "--out" in said
    assert "Random" not in said
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_broken_result_is_set_aside_and_done_again(tmp_path: Path) -> None:
    do(FAST, tmp_path)
    folder = tmp_path / "micro" / "MLE" / "seed-0"
    (folder / "result.json").write_text('{"format": 1, "curve": [')
    assert [row.label for row in collect(tmp_path / "micro").rows if row.without_result] == ["MLE"]
    heard = do(FAST, tmp_path)
    assert heard.ended() == [("MLE", "finished")]
    assert "result.json is broken" in heard.words[0]
    assert (folder / "result.json.broken-1").read_text() == '{"format": 1, "curve": ['
    assert read_state(folder).status == "finished"


@pytest.mark.parametrize("left", ["{", '{"name": 3, "runs": [1]}', '{"runs": 5}'])
def test_a_broken_manifest_is_written_anew(tmp_path: Path, left: str) -> None:
    do(FAST, tmp_path)
    (tmp_path / "micro" / "experiment.json").write_text(left)
    assert [len(row.results) for row in collect(tmp_path / "micro").rows] == [1, 1]
    do(FAST, tmp_path)
    assert [row.label for row in collect(tmp_path / "micro").rows] == ["Random", "MLE"]
    assert collect(tmp_path / "micro").warnings == ()


def test_an_interrupted_run_is_unfinished_and_done_again(tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if event.kind == "advanced" and event.run.row.label == "MLE":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(FAST, tmp_path, 0, interrupt, (0, 1), lambda words: None)
    statuses = {r.name: r.state.status for row in collect(tmp_path / "micro").rows for r in row.records}
    assert statuses == {
        "micro/Random/seed-0": "finished",
        "micro/Random/seed-1": "not started",
        "micro/MLE/seed-0": "unfinished",
        "micro/MLE/seed-1": "not started",
    }
    heard = do(FAST, tmp_path, (0, 1))
    assert heard.ended() == [("MLE", "finished"), ("Random", "finished"), ("MLE", "finished")]


def test_a_run_that_fails_is_kept_as_such_and_the_others_go_on(tmp_path: Path) -> None:
    bad = Row("Bad", "agents.reinforce:Reinforce", total_tokens=10, hyperparameters={"cell": "abacus"})
    experiment = replace(FAST, rows=(bad, *FAST.rows))
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
        ("agents.mle:MLEConfig", {}, "lacks train, predict"),
        ("agents.nowhere:X", {}, "agents.nowhere"),
        ("agents.random:Random", {"learning_rate": 1.0}, "learning_rate"),
        ("agents.mle:MLE", {"nope": 1}, "nope"),
    ],
)
def test_agents_that_are_none_fail_with_a_reason(tmp_path: Path, agent: str, hyperparameters: dict, said: str) -> None:
    row = Row("Bad", agent, total_tokens=10, hyperparameters=hyperparameters)
    do(replace(MICRO, rows=(row,), baseline=""), tmp_path)
    error = read_state(tmp_path / "micro" / "Bad" / "seed-0").error
    assert error is not None
    assert said in error.error


def test_a_return_that_is_not_finite_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.rollout import Evaluation as Played
    from benchmarks import judge

    evaluate = judge.evaluate

    def diverged(*args: object, **kwargs: object) -> Played:
        played = evaluate(*args, **kwargs)  # type: ignore[arg-type]
        return replace(played, returns=played.returns * np.nan)

    monkeypatch.setattr(judge, "evaluate", diverged)
    do(replace(FAST, rows=FAST.rows[1:], baseline=""), tmp_path)
    error = read_state(tmp_path / "micro" / "MLE" / "seed-0").error
    assert error is not None
    assert "diverged" in error.error
    assert not list(tmp_path.rglob("result.json"))


def test_config_holds_all_that_the_result_depends_on(done: tuple[Path, Heard]) -> None:
    config = json.loads((done[0] / "micro" / "MLE" / "seed-0" / "config.json").read_text())
    assert config["env_id"] == MICRO.env_id
    assert config["env_kwargs"] == MICRO.env_kwargs
    assert config["seed"] == 0
    assert config["row"]["total_tokens"] == 1_000
    assert config["evaluation"]["episodes"] == 16
