"""The measure against the enumeration of all texts of a tiny oracle, and its command from a folder of runs."""

from __future__ import annotations

import csv
import itertools
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from agents.decoding.next_tokens import NextTokens
from agents.imitation.mle import MLE, MLEConfig
from benchmarks.cli import app
from benchmarks.exposure.measure import (
    BLEU,
    KL,
    NLL,
    TV,
    against_oracle,
    measured_gaps,
    prefix_lengths,
    prefixes_and_references,
)
from benchmarks.specs.experiment import Algorithm
from support.games import share_copied
from support.tiny_experiment import MICRO, do
from textgen_env import TextGenVectorEnv, Texts, text_game

V, T = 3, 4
LogProb = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def oracle() -> Any:
    return gym.make_vec("TextGen-OracleSmall-v0", 1, vocab_size=V, max_length=T, train_size=50, test_size=6_000)


@pytest.fixture(scope="module")
def agent(oracle: Any) -> Any:
    """One that is far from the oracle, and from uniform tokens."""
    made = MLE(oracle, MLEConfig(embedding_size=3, hidden_size=4), seed=0)
    with torch.no_grad():
        weight = made.network.decoder.output.weight
        weight.copy_(2 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)))
    return made


def every_text() -> np.ndarray:
    return np.array(list(itertools.product(range(V), repeat=T)), np.int64)


def tokens_given_prefix(chances: np.ndarray) -> np.ndarray:
    """p(x_t | x_<t) (N, T, V) along each text, from the probabilities (N,) of all of them, by sums over texts alone."""
    texts = every_text()
    found = np.empty((len(texts), T, V))
    for row, t, v in itertools.product(range(len(texts)), range(T), range(V)):
        begins = (texts[:, :t] == texts[row, :t]).all(1)
        found[row, t, v] = chances[begins & (texts[:, t] == v)].sum() / chances[begins].sum()
    return found


class Enumerated:
    """Expected scores of continuations, by sums over all texts."""

    def __init__(self, agent: LogProb, oracle: LogProb) -> None:
        self.texts = every_text()
        self.chances = {"own": np.exp(agent(self.texts)), "real": np.exp(oracle(self.texts))}
        for chances in self.chances.values():
            assert chances.sum() == pytest.approx(1, abs=1e-5)
        self.pi, self.p = (tokens_given_prefix(self.chances[name]) for name in ("own", "real"))

    def score(self, whose: str, k: int) -> dict[Any, float]:
        """After the first k tokens of `whose` texts: the prefix by its own probability, and the rest by the agent's."""
        rows = np.arange(len(self.texts))
        chances = self.chances[whose].copy()
        prefix = np.array([chances[(self.texts[:, :k] == text[:k]).all(1)].sum() for text in self.texts])
        rest = np.prod([self.pi[rows, t, self.texts[:, t]] for t in range(k, T)], axis=0)
        weights = prefix * rest
        assert weights.sum() == pytest.approx(1, abs=1e-5)
        written = [(self.pi[rows, t, self.texts[:, t]], self.p[rows, t, self.texts[:, t]]) for t in range(k, T)]
        nll = -np.mean([np.log(p) for _, p in written], axis=0)
        kl = np.mean([np.log(pi) - np.log(p) for pi, p in written], axis=0)
        tv = np.abs(self.pi[:, k] - self.p[:, k]).sum(1) / 2
        return {NLL: float(weights @ nll), KL: float(weights @ kl), TV: float(weights @ tv)}


def test_estimates_are_those_of_the_enumeration(oracle: Any, agent: Any) -> None:
    task = text_game(oracle).task
    exact = Enumerated(agent.log_prob, lambda texts: task.log_prob(texts, np.full(len(texts), T)))
    real = task.test_sequences()
    found = measured_gaps(NextTokens(agent, text_game(oracle)), task, real, real, most_lengths=9, seed=1)
    assert list(found) == [NLL, KL, TV]
    for score, gaps in found.items():
        assert [each.length for each in gaps] == [0, 1, 2, 3]
        assert (gaps[0].gap.value, gaps[0].gap.error) == (0.0, 0.0)
        for each in gaps:
            after = {whose: exact.score(whose, each.length)[score] for whose in ("real", "own")}
            expected = {**after, "gap": after["own"] - after["real"]}
            for name, value in expected.items():
                estimate = getattr(each, name)
                assert estimate.count == 6_000
                assert abs(estimate.value - value) <= 4 * estimate.error + 1e-6, (score.name, each.length, name)
    # There is something to be seen.
    assert max(abs(each.gap.value) / each.gap.error for each in found[KL][1:]) > 10


def test_distributions_along_a_text_are_exact(oracle: Any, agent: Any) -> None:
    task = text_game(oracle).task
    exact = Enumerated(agent.log_prob, lambda texts: task.log_prob(texts, np.full(len(texts), T)))
    found = against_oracle(NextTokens(agent, text_game(oracle)), task, torch.from_numpy(every_text()))
    np.testing.assert_allclose(found.cross_entropy, -(exact.pi * np.log(exact.p)).sum(2), atol=1e-4)
    np.testing.assert_allclose(found.entropy, -(exact.pi * np.log(exact.pi)).sum(2), atol=1e-4)
    np.testing.assert_allclose(found.total_variation, np.abs(exact.pi - exact.p).sum(2) / 2, atol=1e-4)


class Knowing:
    """Agent that is the oracle."""

    def __init__(self, agent: Any, task: Any) -> None:
        self.spec, self.task = agent.spec, task

    def action_probabilities(self, tokens: np.ndarray, lengths: np.ndarray, sources: Any) -> np.ndarray:
        model, k = self.task.language_model, int(lengths[0])
        inputs, state = model.start(len(tokens)), model.initial_state(len(tokens))
        for t in range(k + 1):
            logits, state = model.step(inputs, state)
            inputs = torch.from_numpy(tokens[:, min(t, T - 1)])
        chances: np.ndarray = logits.double().softmax(-1).numpy()
        return chances


def test_the_oracle_has_no_exposure_bias(oracle: Any, agent: Any) -> None:
    task = text_game(oracle).task
    real = Texts(*(array[:1_000] for array in task.test_sequences()[:2]))
    found = measured_gaps(NextTokens(Knowing(agent, task), text_game(oracle)), task, real, real, 9, seed=0)
    for score in (KL, TV):
        assert max(abs(each.own.value) + abs(each.real.value) for each in found[score]) < 1e-6
    assert all(abs(each.gap.value) <= 4 * each.gap.error for each in found[NLL])


def test_without_an_oracle_continuations_are_held_against_what_follows(echo_task: Any) -> None:
    """An agent that copies its source after any prefix goes on rightly from real ones; its own are real, too."""
    envs = TextGenVectorEnv(echo_task, share_copied, num_envs=1)
    made = MLE(envs, MLEConfig(embedding_size=3, hidden_size=4), seed=0)
    texts = echo_task.test_sequences()

    class Copying:
        spec = made.spec

        def action_probabilities(self, tokens: np.ndarray, lengths: np.ndarray, sources: np.ndarray) -> np.ndarray:
            padded = np.concatenate([sources, np.full((len(sources), 1), 3)], 1)
            follows = padded[np.arange(len(sources)), lengths]
            return np.eye(4)[np.where(follows == 3, 0, follows + 1)]

    game = text_game(envs)
    found = measured_gaps(NextTokens(Copying(), game), game.task, texts, texts, 9, seed=0)
    assert list(found) == [BLEU]
    # Texts of 4 tokens at most, and at least 2 to go.
    assert [each.length for each in found[BLEU]] == [0, 1, 2]
    assert all(each.real.value == each.own.value == pytest.approx(1.0) for each in found[BLEU])
    writer = measured_gaps(NextTokens(made, game), game.task, texts, texts, 9, seed=0)[BLEU]
    assert writer[0].gap.value == 0
    assert all(each.real.value < 0.9 for each in writer)


def test_lengths_are_evenly_spaced() -> None:
    assert prefix_lengths(10, 12) == tuple(range(10))
    assert prefix_lengths(20, 5, shortest_rest=2) == (0, 4, 9, 14, 18)
    assert prefix_lengths(1, 12) == (0,)


def test_no_text_is_compared_with_itself() -> None:
    texts = Texts(np.arange(10)[:, None], np.ones(10, np.int64))
    real, references = prefixes_and_references(texts, 3, True, np.random.default_rng(0))
    assert len(real.tokens) == 3
    assert set(real.tokens.ravel()) <= set(range(5))
    assert references.tokens.ravel().tolist() == [5, 6, 7, 8, 9]
    real, references = prefixes_and_references(texts, 30, False, np.random.default_rng(0))
    assert sorted(real.tokens.ravel()) == list(range(10))
    assert references is texts
    with pytest.raises(ValueError, match="the task has 2 texts; at least 4 are needed"):
        prefixes_and_references(Texts(texts.tokens[:2], texts.lengths[:2]), 3, True, np.random.default_rng(0))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of an agent, one of which did not finish, and a model of Stable-Baselines3."""
    out = tmp_path_factory.mktemp("runs")
    kept = [each for each in MICRO.algorithms if each.label in ("Random", "MLE", "SB3-A2C")]
    tempered = Algorithm("MLE-T0.5", "tempered", num_envs=8, hyperparameters={"temperature": 0.5}, init_from="MLE")
    algorithms = tuple(replace(each, total_tokens=min(each.total_tokens, 200)) for each in kept)
    evaluation = replace(MICRO.evaluation, points=1, measures=())
    do(replace(MICRO, algorithms=(*algorithms, tempered), seeds=(0, 1), evaluation=evaluation), out)
    (out / "micro" / "Random" / "seed-1" / "result.json").unlink()
    return out


def test_the_command_writes_what_it_prints(runs: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["exposure", str(runs / "micro"), "--texts", "30", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "micro/Random/seed-1 is left out: it is unfinished" in said
    assert "MLE, NLL_oracle of the continuation: " in said
    assert "Random, NLL_oracle of the continuation: the gap is" in said
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"exposure.{kind}" for kind in ("json", "csv", "md", "png", "svg")}
    with (tmp_path / "exposure.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["agent"] for line in lines} == {"Random", "MLE", "MLE-T0.5", "SB3-A2C"}
    assert len([line for line in lines if line["agent"] == "MLE"]) == 2 * 3 * 4
    kept = json.loads((tmp_path / "exposure.json").read_text())
    assert {each["score"] for each in kept["found"]} == {"nll_oracle", "kl_reverse", "tv_next"}
    mle = next(each for each in kept["found"] if (each["agent"], each["score"]) == ("MLE", "tv_next"))
    own = [
        float(x["gap"]) for x in lines if (x["agent"], x["score"]) == ("MLE", "tv_next") and x["prefix_length"] != "0"
    ]
    assert mle["gap"]["mean"] == pytest.approx(np.mean(own))
    assert mle["verdict"] in (tmp_path / "exposure.md").read_text()
    # The same numbers are drawn again.
    again = CliRunner().invoke(
        app, ["exposure", str(runs / "micro"), "--texts", "30", "--out", str(tmp_path / "again")]
    )
    assert again.exit_code == 0
    assert (tmp_path / "again" / "exposure.csv").read_text() == (tmp_path / "exposure.csv").read_text()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--texts", "1"], "texts=1"),
        (["--lengths", "1"], "lengths=1"),
        (["--seed", "-1"], "seed=-1"),
        (["--only", "Nobody"], "--only 'Nobody' is no algorithm of micro; there are Random, MLE, SB3-A2C, MLE-T0.5"),
    ],
)
def test_what_cannot_be_measured_is_refused(given: list[str], said: str, runs: Path) -> None:
    done = CliRunner().invoke(app, ["exposure", str(runs / "micro"), *given])
    assert done.exit_code == 2
    assert re.search(re.escape(said), " ".join(done.output.split()))
    assert not (runs / "micro" / "exposure.json").exists()


def test_with_nothing_to_look_at_it_says_why(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "micro", tmp_path / "micro")
    for result in tmp_path.glob("micro/SB3-A2C/*/result.json"):
        result.unlink()
    done = CliRunner().invoke(app, ["exposure", str(tmp_path / "micro"), "--only", "SB3-A2C"])
    assert done.exit_code == 2
    said = " ".join(done.output.split())
    assert "no agent of micro can be looked at: micro/SB3-A2C/seed-0 is left out: it is unfinished" in said
