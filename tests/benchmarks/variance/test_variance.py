"""Gradient estimators against the exact gradient."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from typer.testing import CliRunner

from agents.adversarial.seqgan import SeqGAN, SeqGANConfig
from agents.baselines.uniform import Uniform
from agents.data.text_batch import TextBatch
from agents.exact import estimated_gradient, exact_gradient, policy_table
from agents.policy_gradient.base import PolicyGradientConfig
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from benchmarks.cli import app
from benchmarks.variance import command
from benchmarks.variance.estimators import ESTIMATORS, Estimator, FixedPolicy
from benchmarks.variance.floor import ExactAdvantage
from benchmarks.variance.measure import Found, measure
from benchmarks.variance.table import markdown, missed
from support.games import share_copied
from support.text_sums import paths, probability_of_each_text
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, all_texts

SMALL: dict[str, Any] = {"embedding_size": 3, "hidden_size": 4}
SIZE: dict[str, Any] = {"vocab_size": 3, "max_length": 3}
NAMED = {each.label: each for each in ESTIMATORS}


def unequal(agent: Any) -> Any:
    """The agent with larger output weights."""
    with torch.no_grad():
        weight = agent.network.decoder.output.weight
        weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)))
    return agent


@pytest.mark.parametrize("conditional", [False, True])
def test_the_exact_advantage_has_the_exact_gradient_as_its_mean(conditional: bool, echo_task: Any) -> None:
    envs = (
        TextGenVectorEnv(echo_task, share_copied, num_envs=2)
        if conditional
        else gym.make_vec("TextGen-Tiny-v0", num_envs=2, **SIZE)
    )
    mdp = TextMDP.of(envs)
    agent = unequal(ExactAdvantage(envs, PolicyGradientConfig(**SMALL), seed=0))
    agent.gather(envs, np.ones(2, np.int64), 0)
    chances = probability_of_each_text(mdp, policy_table(agent, mdp))
    texts = all_texts(mdp)
    states, tokens, written = paths(mdp)
    sources = None if mdp.sources is None else mdp.sources.tokens[states[:, 0]]
    rewards = np.where(written, mdp.rewards[states, tokens], 0)
    every = TextBatch(texts.tokens, texts.lengths, rewards, sources, texts.sources)
    advantages = agent.advantages(every)
    log_probs, _, _ = agent.log_probs_and_entropy(every)
    loss = -(torch.from_numpy(chances[:, None] * advantages).float() * log_probs).sum()
    parameters = list(agent.network.parameters())
    for mean, exact in zip(torch.autograd.grad(loss, parameters), exact_gradient(agent, mdp), strict=True):
        np.testing.assert_allclose(-mean.numpy(), exact.numpy(), atol=2e-5)
    # The loss is of these, too, each text alike.
    uniform = -(torch.from_numpy(advantages).float() * log_probs).sum() / len(advantages)
    assert float(agent.losses(every)["policy"].detach()) == pytest.approx(float(uniform.detach()), rel=1e-4)


def caught(agent: Any) -> list[np.ndarray]:
    """Gradients that its optimiser gets, in place of a step."""
    found: list[np.ndarray] = []

    def step(*args: Any, **kwargs: Any) -> None:
        found.extend(parameter.grad.numpy().copy() for parameter in agent.parameters if parameter.grad is not None)

    agent.optimiser.step = step
    return found


def test_an_estimate_is_what_the_agent_follows() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4, **SIZE)
    config = ReinforceConfig(**SMALL, entropy_weight=0.0, batch_size=8, max_grad_norm=1e9)
    agent, learner = (unequal(Reinforce(envs, config, seed=0)) for _ in range(2))
    found = caught(learner)
    learner.train(envs, 1)
    estimate = estimated_gradient(agent, envs, 8)
    assert estimate.tokens == learner.tokens_generated
    for ours, theirs in zip(estimate.gradient, found, strict=True):
        np.testing.assert_allclose(-ours.numpy(), theirs, atol=1e-7)
    assert sum(float(part.abs().sum()) for part in estimate.gradient) > 0.01


@pytest.mark.parametrize("baseline", ["none", "batch_mean"])
def test_seqgans_estimate_is_what_it_follows(baseline: Any) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=8, **SIZE)
    config = SeqGANConfig(**SMALL, pretrain_epochs=0, rollouts=2, batch_size=8, baseline=baseline, max_grad_norm=1e9)
    agent, learner = (unequal(SeqGAN(envs, config, seed=0)) for _ in range(2))
    found = caught(learner)
    learner.train(envs, 1)
    estimate = estimated_gradient(agent, envs, 8)
    assert estimate.tokens == learner.tokens_spent
    for ours, theirs in zip(estimate.gradient, found, strict=True):
        # The g-step sums over the batch.
        np.testing.assert_allclose(-8 * ours.numpy(), theirs, atol=1e-5)


def test_a_soft_text_of_whole_tokens_earns_what_the_text_does() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2, **SIZE, reward="benchmarks.variance.soft_table:SoftTable")
    reward, texts = envs.unwrapped.reward, envs.unwrapped.task.all_texts()
    tokens = torch.from_numpy(texts.tokens)
    one_hots = F.one_hot(tokens, 4).double()
    expected = gym.make_vec("TextGen-Tiny-v0", num_envs=2, **SIZE).unwrapped.reward.score(texts.tokens, texts.lengths)
    np.testing.assert_allclose(reward.soft_score(one_hots).numpy(), expected, atol=1e-12)
    np.testing.assert_array_equal(reward.score(texts.tokens, texts.lengths), expected)
    # Of tokens drawn independently of each other, it is the mean of what the texts earn.
    chances = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(3), size=3))
    drawn = F.pad(chances, (0, 1))[None]
    chance = torch.stack([chances[t][ids] for t, ids in enumerate(tokens.clamp(max=2).T)], 1)
    of_text = chance.where(tokens < 3, 1.0).prod(1)
    assert float(of_text.sum()) == pytest.approx(1)
    assert float(reward.soft_score(drawn)) == pytest.approx(float(of_text @ torch.from_numpy(expected)))


@pytest.mark.parametrize("label", ["Gumbel-softmax, tau=1", "Gumbel-softmax, tau=0.2"])
def test_what_follows_soft_tokens_is_biased_as_it_says(label: str) -> None:
    """Little where they are nearly whole, much where they are not, and much more even then than their variance."""
    (row,) = measure([NAMED[label]], [FixedPolicy("fresh")], (16,), 40, env_kwargs=SIZE).rows
    assert (row.found.p < 1e-4) == (label == "Gumbel-softmax, tau=1")
    assert 16 <= row.tokens <= 16 * SIZE["max_length"]


def test_the_soft_return_has_a_gradient_of_its_own() -> None:
    """An estimator of it is unbiased for it, and far off for the return's."""
    soft = NAMED["soft, whole"]
    policies = [FixedPolicy("fresh", initial_std=1.0)]
    (right,), (wrong,) = (
        measure([each], policies, (16,), 60, env_kwargs=SIZE).rows for each in (soft, replace(soft, temperature=0.0))
    )
    assert right.found.p > 1e-3
    assert wrong.found.p < 1e-6


def test_every_estimator_is_measured() -> None:
    found = measure(ESTIMATORS, [FixedPolicy("fresh")], (4,), 2, env_kwargs=SIZE)
    assert [row.estimator for row in found.rows] == list(ESTIMATORS)
    assert len(NAMED) == len(ESTIMATORS)
    by = {row.estimator.label: row.found for row in found.rows}
    # One estimator by three names.
    assert by["PPO, lambda=1"].variance.value == pytest.approx(by["A2C, lambda=1"].variance.value, rel=1e-4)
    assert by["NPG's g, lambda=1"].variance.value == pytest.approx(by["A2C, lambda=1"].variance.value, rel=1e-4)


def test_an_agent_without_a_policy_gradient_is_refused() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    with pytest.raises(TypeError, match=r"must have policy_loss\(envs, quota, seed\)"):
        estimated_gradient(Uniform(envs), envs, 8)


@pytest.fixture(scope="module")
def found() -> Found:
    """A few estimators of one policy."""
    labels = ("whole return, none", "reward-to-go, learned", "SeqGAN, N=1", "SeqGAN, N=16", "exact advantage")
    policies = [FixedPolicy("fresh", initial_std=0.5)]
    return measure([NAMED[label] for label in labels], policies, (4, 16), 100, env_kwargs=SIZE)


def test_what_should_be_smaller_is(found: Found) -> None:
    by = {(row.estimator.label, row.texts): row for row in found.rows}
    variance = {key: row.found.variance.value for key, row in by.items()}
    for texts in (4, 16):
        assert variance["exact advantage", texts] < variance["SeqGAN, N=16", texts] < variance["SeqGAN, N=1", texts]
        assert variance["exact advantage", texts] < variance["whole return, none", texts] / 1.5
    for (label, texts), row in by.items():
        if texts == 16:
            # Four times the texts, a quarter of the variance; a baseline of few texts adds its own.
            few, many = by[label, 4].found.variance, row.found.variance
            noise = np.hypot(few.error, 4 * many.error)
            assert "learned" in label or abs(few.value - 4 * many.value) < 4 * noise
            assert row.found.cosine.value > by[label, 4].found.cosine.value
            # Written, and rolled out from each proper prefix.
            ratio = row.tokens / by["exact advantage", 16].tokens
            assert ratio > 5 if label == "SeqGAN, N=16" else ratio < 2
    assert missed(found) == []


def test_the_same_seed_gives_the_same_numbers(found: Found) -> None:
    again = measure([NAMED["SeqGAN, N=1"]], [FixedPolicy("fresh", initial_std=0.5)], (4,), 100, env_kwargs=SIZE)
    (row,) = again.rows
    assert row == next(each for each in found.rows if each.estimator.label == "SeqGAN, N=1" and each.texts == 4)


def test_a_biased_estimator_is_seen(found: Found) -> None:
    biased = replace(found.rows[0].found, p=0.01 / len(found.rows) / 2)
    rows = (replace(found.rows[0], found=biased), *found.rows[1:])
    assert missed(replace(found, rows=rows)) == [rows[0]]
    unclaimed = replace(rows[0], estimator=replace(rows[0].estimator, unbiased=False))
    assert missed(replace(found, rows=(unclaimed, *rows[1:]))) == []


def test_nothing_is_said_of_bias_where_replicates_are_too_few_to_tell(found: Found) -> None:
    """Of a skewed law twenty draws lie far off their mean, by their own error, far more often than a t-test expects."""
    few = replace(found.rows[0], replicates=99, found=replace(found.rows[0].found, p=1e-9))
    short = replace(found, rows=(few, *found.rows[1:]))
    assert short.biased(few) is None
    assert missed(short) == []
    assert "| not tested |" in markdown(short)
    assert "| not tested |" not in markdown(found)


def test_an_estimator_of_another_network_is_refused() -> None:
    lstm = Estimator("lstm", hyperparameters={"cell": "lstm"})
    with pytest.raises((ValueError, RuntimeError), match=r"size mismatch|its network has no"):
        measure([lstm], [FixedPolicy("fresh")], (4,), 2, env_kwargs=SIZE)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BATCHES", (2, 4, 8))
    monkeypatch.setattr(command, "POLICIES", (FixedPolicy("fresh"), FixedPolicy("trained", tokens=200)))
    monkeypatch.setattr(command, "QUICK_REPLICATES", 5)


@pytest.mark.usefixtures("quick")
def test_the_command_prints_and_keeps_what_it_found(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["variance", "--quick", "--only", "go, none", "--only", "N=1,", "--only", "EXACT", "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    for said in ("fresh: expected return", "trained: expected return", "reward-to-go, none", "at equal", "± standard"):
        assert said in " ".join(result.output.split())
    kept = json.loads((out / "variance.json").read_text())
    assert [policy["label"] for policy in kept["policies"]] == ["fresh", "trained"]
    assert len(kept["rows"]) == 2 * 2 * 2
    lines = list(csv.DictReader((out / "variance.csv").read_text().splitlines()))
    assert len(lines) == len(kept["rows"])
    for line, row in zip(lines, kept["rows"], strict=True):
        assert float(line["variance"]) == row["found"]["variance"]["value"]
        assert (line["estimator"], line["texts"]) == (row["estimator"]["label"], str(row["texts"]))
    page = (out / "variance.md").read_text()
    assert page.count("| exact advantage |") == 4
    for quantity in ("variance", "cosine"):
        assert (out / f"{quantity}.png").read_bytes().startswith(b"\x89PNG")
        assert "exact advantage" in (out / f"{quantity}.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--replicates", "1"), "--replicates 1 must be at least 2"),
        (("--seed", "-1"), "--seed -1 at least 0"),
        (("--only", "magic"), "--only 'magic' is in none of the labels: whole return, none; "),
    ],
)
def test_bad_input_is_refused_in_words(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["variance", *arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
