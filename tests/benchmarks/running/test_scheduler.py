"""The runner in this process: folders, curves and results of runs that finish."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.measures.measures import MEASURES
from benchmarks.store.results import Result
from benchmarks.store.run_folder import read_json, read_state
from support.tiny_experiment import MICRO, Heard, do


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
    assert heard.ended() == [(row.label, "finished") for row in MICRO.algorithms]
    for row in MICRO.algorithms:
        folder = out / "micro" / row.label / "seed-0"
        left = sorted(path.name for path in folder.iterdir() if not path.name.startswith("events."))
        assert left == ["agent.safetensors", "config.json", "result.json"]
        assert read_json(folder / "config.json")["algorithm"]["label"] == row.label


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
    from benchmarks.evaluation import evaluator
    from benchmarks.evaluation import result as final
    from benchmarks.running import job, training

    evaluate = evaluator.evaluate
    # A clock on which an evaluation takes 100 seconds and a look at it a millisecond.
    now = [0.0]

    def slow(*args: object, **kwargs: object) -> object:
        now[0] += 100
        return evaluate(*args, **kwargs)  # type: ignore[arg-type]

    def clock() -> float:
        now[0] += 0.001
        return now[0]

    monkeypatch.setattr(evaluator, "evaluate", slow)
    for module in (training, job, final):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=clock))
    do(replace(MICRO, algorithms=(MICRO.algorithms[2],), baseline=""), tmp_path)
    found = result(tmp_path, "REINFORCE")
    assert found.evaluation_seconds == pytest.approx(100 * (len(found.curve) + 1), abs=1)
    assert 0 < found.curve[-1].seconds < 1


def test_random_is_as_uniform_texts_are(done: tuple[Path, Heard]) -> None:
    found = result(done[0], "Random")
    assert found.measures["nll_test"] == pytest.approx(np.log(12))
    # The return is the oracle's log-likelihood of the same texts, of 4 tokens each.
    for row in MICRO.algorithms:
        found = result(done[0], row.label)
        assert found.mean_return == pytest.approx(-4 * found.measures["nll_oracle"], rel=1e-4)
        assert 0 < found.measures["distinct_2"] <= 1
        assert len(found.samples) == 2
        assert found.references["greedy"].value > found.references["data"].value
        assert found.oracle_entropy == pytest.approx(-found.references["data"].value / 4, rel=0.1)


def test_measures_are_taken_of_the_same_texts(done: tuple[Path, Heard]) -> None:
    for row in MICRO.algorithms:
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
    from benchmarks.policies.sb3 import SB3Adapter
    from benchmarks.specs.experiment import runs_of
    from textgen_env import Texts
    from textgen_env.tasks.oracle import OracleTask

    small = {"vocab_size": 3, "max_length": 3, "train_size": 2, "test_size": 2}
    run = runs_of(replace(MICRO, algorithms=(MICRO.algorithms[3],), baseline="", env_kwargs=small))[0]
    adapter = SB3Adapter(run)
    adapter.train(100, lambda progress: True)
    every = np.array(list(product(range(3), repeat=3)))
    log_probs = adapter.log_prob(Texts(every, np.full(27, 3)), OracleTask(**small))
    assert np.exp(log_probs).sum() == pytest.approx(1.0, abs=1e-4)
    assert np.ptp(log_probs) > 1e-3


@pytest.mark.parametrize("label", ["REINFORCE", "SB3-A2C"])
def test_the_same_seed_gives_the_same_result(done: tuple[Path, Heard], tmp_path: Path, label: str) -> None:
    row = next(row for row in MICRO.algorithms if row.label == label)
    do(replace(MICRO, algorithms=(row,), baseline=""), tmp_path)
    first, again = result(done[0], label), result(tmp_path, label)
    assert [p.mean_return for p in first.curve] == [p.mean_return for p in again.curve]
    assert (first.mean_return, first.measures, first.samples) == (again.mean_return, again.measures, again.samples)


def test_config_holds_all_that_the_result_depends_on(done: tuple[Path, Heard]) -> None:
    config = json.loads((done[0] / "micro" / "MLE" / "seed-0" / "config.json").read_text())
    assert config["env_id"] == MICRO.env_id
    assert config["env_kwargs"] == MICRO.env_kwargs
    assert config["seed"] == 0
    assert config["algorithm"]["total_tokens"] == 1_000
    assert config["evaluation"]["episodes"] == 16
