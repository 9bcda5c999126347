"""Scheduled sampling: a coin for every token, the schedules of the paper, and the loss of the true tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from agents.data.text_batch import TextBatch
from agents.data.training_texts import TrainingTexts
from agents.imitation.mle import MLE, MLEConfig
from agents.imitation.scheduled_sampling import ScheduledSampling, ScheduledSamplingConfig
from textgen_env import BaseTask, TextGenVectorEnv
from textgen_env.models.language_model import Cell

SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 6, "batch_size": 32}
DECAYING: dict[str, Any] = {"counted_in": "updates", "c": 0.05}


def tiny(**kwargs: Any) -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=1, **{"train_size": 100, **kwargs})


def learner(envs: Any, seed: int = 0, **config: Any) -> ScheduledSampling:
    return ScheduledSampling(envs, ScheduledSamplingConfig(**{**SMALL, **config}), seed)


def batch_of(agent: ScheduledSampling, envs: Any, number: int = 0, size: int = 32) -> TextBatch:
    return TrainingTexts(envs, agent.spec, size, 0, agent.device).batch(number)


def uniforms_of(agent: ScheduledSampling, batch: TextBatch) -> torch.Tensor:
    """Of the next call of `mixed`: coins and what tokens are drawn with, (2, B, T)."""
    twin = torch.Generator()
    twin.set_state(agent.generator.get_state())
    return torch.rand((2, *batch.tokens.shape), generator=twin, dtype=torch.float64)


def same_weights(first: Any, second: Any) -> bool:
    return all(a.equal(b) for a, b in zip(first.network.parameters(), second.network.parameters(), strict=True))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {0: 1.0, 1: 0.998, 250: 0.5, 500: 0.0, 900: 0.0}),
        ({"k": 0.9, "c": 0.1, "floor": 0.25}, {0: 0.9, 3: 0.6, 6: 0.3, 7: 0.25, 10**6: 0.25}),
        ({"schedule": "exponential", "k": 0.5}, {0: 1.0, 1: 0.5, 3: 0.125, 10**5: 0.0}),
        ({"schedule": "inverse_sigmoid", "k": 1}, {0: 0.5, 1: 1 / (1 + np.e), 10**6: 0.0}),
        ({"schedule": "inverse_sigmoid", "k": 50}, {0: 50 / 51, 100: 50 / (50 + np.exp(2)), 10**6: 0.0}),
    ],
)
def test_schedules(config: dict[str, Any], expected: dict[int, float]) -> None:
    schedule = ScheduledSamplingConfig(**config)
    for i, epsilon in expected.items():
        assert schedule.epsilon(i) == pytest.approx(epsilon, abs=1e-12)


def test_the_inverse_sigmoid_is_at_a_half_where_exp_of_i_over_k_is_k() -> None:
    schedule = ScheduledSamplingConfig(schedule="inverse_sigmoid", k=40)
    halfway = 40 * np.log(40)
    assert schedule.epsilon(int(halfway)) > 0.5 > schedule.epsilon(int(halfway) + 1)


@pytest.mark.parametrize(("counted_in", "expected"), [("epochs", [1, 1, 1, 1, 0.9, 0.9]), ("updates", None)])
def test_what_the_schedule_counts(counted_in: Any, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four batches make a pass."""
    envs = tiny()
    seen: list[float] = []
    mixed = ScheduledSampling.mixed
    monkeypatch.setattr(ScheduledSampling, "mixed", lambda s, b, eps: (seen.append(eps), mixed(s, b, eps))[1])
    agent = learner(envs, counted_in=counted_in, c=0.1)
    agent.train(envs, 10**6, lambda _: len(seen) < 3)
    agent.train(envs, 10**6, lambda _: len(seen) < 6)
    assert seen == pytest.approx(expected or [1, 0.9, 0.8, 0.7, 0.6, 0.5])


@pytest.mark.parametrize("env_id", ["TextGen-Tiny-v0", "TextGen-Captions-v1"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_with_true_tokens_only_it_is_mle(env_id: str, cell: Cell) -> None:
    envs = gym.make_vec(env_id, num_envs=1, train_size=100)
    teacher = MLE(envs, MLEConfig(**SMALL, cell=cell), seed=4).train(envs, 2_000)
    agent = learner(envs, seed=4, cell=cell, c=0.0).train(envs, 2_000)
    assert agent.tokens_read == teacher.tokens_read
    assert agent.batches_read == teacher.batches_read > 4
    assert same_weights(agent, teacher)


@pytest.mark.parametrize("epsilon", [0.0, 0.6])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_each_token_is_drawn_from_the_policy_after_what_it_has_read(cell: Cell, epsilon: float) -> None:
    """Against the distribution function after every mixed prefix, the prefix read anew in one piece."""
    envs = tiny(max_length=7)
    agent = learner(envs, cell=cell).train(envs, 3_000)
    batch = batch_of(agent, envs)
    coins, uniforms = uniforms_of(agent, batch)
    mixed = agent.mixed(batch, epsilon)
    with torch.no_grad():
        logits = agent.network.logits(agent.network.hidden(mixed, None)).double()
    passed = (logits.softmax(-1).cumsum(-1) <= uniforms.unsqueeze(-1)).sum(-1)
    drawn = (coins >= epsilon) & batch.written
    drawn[:, -1] = False
    assert drawn.sum() > 0.7 * (1 - epsilon) * batch.written.sum()
    torch.testing.assert_close(mixed, torch.where(drawn, passed, batch.token_ids))
    assert (mixed != batch.token_ids)[drawn].float().mean() > 0.3
    assert (mixed == batch.token_ids)[~batch.written].all()


def always_the_last_token(agent: ScheduledSampling) -> None:
    with torch.no_grad():
        agent.network.decoder.output.bias[-1] = 100.0


def test_a_coin_is_tossed_for_every_token_of_every_text() -> None:
    """A policy that writes nothing but a token that no text has shows where the coins have fallen."""
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=1, train_size=10, test_size=1)
    agent = learner(envs)
    always_the_last_token(agent)
    rows, horizon, epsilon = 4_000, 10, 0.7
    tokens = torch.randint(99, (rows, horizon), generator=torch.Generator().manual_seed(0))
    batch = TextBatch(tokens.numpy(), np.full(len(tokens), tokens.shape[1]), np.zeros(tokens.shape))
    mixed, again = agent.mixed(batch, epsilon), agent.mixed(batch, epsilon)
    coins = (mixed == 99).numpy()
    assert ((mixed == tokens).numpy() == ~coins).all()
    assert not coins[:, -1].any()
    coins = coins[:, :-1]
    error = np.sqrt(epsilon * (1 - epsilon) / coins.size)
    assert abs(coins.mean() - (1 - epsilon)) < 4 * error
    np.testing.assert_allclose(coins.mean(0), 1 - epsilon, atol=4.5 * error * 3)
    # Of independent coins: those of a text vary as a binomial number does, those at two positions do not correlate.
    assert coins.sum(1).var() == pytest.approx(9 * epsilon * (1 - epsilon), rel=0.1)
    correlations = np.corrcoef(coins, rowvar=False) - np.eye(9)
    assert np.abs(correlations).max() < 4.5 / np.sqrt(rows)
    assert np.corrcoef(coins.ravel(), (again == 99).numpy()[:, :-1].ravel())[0, 1] < 4 / np.sqrt(coins.size)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_updates_are_those_of_plain_torch(cell: Cell) -> None:
    """The cross-entropy of the true tokens after mixed ones; nothing flows back through what was drawn."""
    envs = tiny()
    agent, other = (learner(envs, cell=cell, k=0.4, c=0.0) for _ in range(2))
    optimiser = torch.optim.Adam(other.parameters, lr=other.config.learning_rate)
    nlls: list[float] = []
    agent.train(envs, 10**6, lambda progress: nlls.append(progress.losses["nll"]) or len(nlls) < 3)
    texts = TrainingTexts(envs, other.spec, 32, other.order_seed, other.device)
    for number, nll in enumerate(nlls):
        batch = texts.batch(number)
        logits = other.network.logits(other.network.hidden(other.mixed(batch, 0.4), None))
        loss = F.cross_entropy(logits[batch.written], batch.token_ids[batch.written])
        assert nll == pytest.approx(loss.item(), abs=1e-5)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(other.parameters, other.config.max_grad_norm)
        optimiser.step()
    for parameter, expected in zip(agent.parameters, other.parameters, strict=True):
        torch.testing.assert_close(parameter, expected, atol=1e-4, rtol=0)


def test_it_learns_the_oracles_texts() -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=1, train_size=2_000, test_size=1_000)
    test = envs.unwrapped.task.test_sequences()

    def nll(agent: ScheduledSampling) -> float:
        return float(-agent.log_prob(test.tokens, test.lengths).sum() / test.lengths.sum())

    guided, half_guided = (
        ScheduledSampling(envs, ScheduledSamplingConfig(k=k, c=0.0), seed=0).train(envs, 150_000) for k in (1.0, 0.5)
    )
    unigram = np.bincount(envs.unwrapped.task.training_sequences().tokens.ravel(), minlength=100) + 1.0
    by_unigram = -np.log(unigram / unigram.sum())[test.tokens].mean()
    assert nll(half_guided) < by_unigram - 0.05
    assert nll(guided) < nll(half_guided)


def test_pairs_are_learned_with_their_own_sources(echo_task: BaseTask) -> None:
    envs = TextGenVectorEnv(echo_task, lambda tokens, lengths, sources=None: np.zeros(len(tokens)))
    assert echo_task.sources is not None
    texts = echo_task.training_sequences()
    agent = ScheduledSampling(envs, ScheduledSamplingConfig(c=0.005), seed=0).train(envs, 25_000)
    log_probs = agent.log_prob(texts.tokens, texts.lengths, echo_task.sources.tokens[texts.sources])
    assert -log_probs.sum() / texts.lengths.sum() < 0.1


def test_training_in_parts_is_training_at_once() -> None:
    envs = tiny()
    whole, parts = (learner(envs, seed=3, **DECAYING) for _ in range(2))
    whole.train(envs, 3_000)
    while parts.tokens_read < whole.tokens_read:
        parts.train(envs, 1)
    assert parts.tokens_read == whole.tokens_read
    assert same_weights(whole, parts)
    assert not same_weights(whole, learner(envs, seed=3, c=0.0).train(envs, 3_000))


def test_a_loaded_agent_goes_on_bit_for_bit(tmp_path: Path) -> None:
    envs = tiny()
    agent = learner(envs, seed=1, **DECAYING).train(envs, 900)
    agent.save(tmp_path / "agent")
    loaded = ScheduledSampling.load(tmp_path / "agent")
    assert loaded.config == agent.config
    for each in (agent, loaded):
        each.train(tiny(), 1_500)
    assert same_weights(agent, loaded)
    assert (agent.tokens_read, agent.batches_read) == (loaded.tokens_read, loaded.batches_read)
    assert agent.tokens_generated == agent.tokens_rolled_out == 0


@pytest.mark.parametrize(("k", "said"), [(1.0, "nll is nan in update 1"), (0.0, "logits are not finite in update 1")])
def test_what_is_not_finite_is_named_and_changes_nothing(k: float, said: str) -> None:
    envs = tiny()
    agent = learner(envs, k=k, c=0.0)
    with torch.no_grad():
        agent.network.decoder.output.bias[0] = float("nan")
    before = [parameter.clone() for parameter in agent.network.parameters()]
    with pytest.raises(FloatingPointError, match=f"ScheduledSampling: .*{said}"):
        agent.train(envs, 100)
    after = agent.network.parameters()
    assert all(a.nan_to_num().equal(b.nan_to_num()) for a, b in zip(before, after, strict=True))
    assert agent.updates == agent.batches_read == 0


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"schedule": "cosine"}, "schedule='cosine'"),
        ({"counted_in": "tokens"}, "counted_in='tokens'"),
        ({"k": 1.1}, r"k=1\.1"),
        ({"k": -0.1}, r"k=-0\.1"),
        ({"schedule": "exponential", "k": 0.0}, r"k=0\.0"),
        ({"schedule": "exponential", "k": 1.5}, r"k=1\.5"),
        ({"schedule": "inverse_sigmoid", "k": 0.9}, r"k=0\.9"),
        ({"c": -0.1}, r"c=-0\.1"),
        ({"floor": 1.5}, r"floor=1\.5"),
        ({"learning_rate": 0.0}, r"learning_rate=0\.0"),
        ({"cell": "rnn"}, "cell='rnn'"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        ScheduledSamplingConfig(**wrong)
