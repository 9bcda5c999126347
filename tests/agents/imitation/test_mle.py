"""Teacher forcing: the policy comes to give its task's texts the likelihood that they have."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from agents.imitation.mle import MLE, MLEConfig
from textgen_env import BaseTask, TextGenVectorEnv, Texts
from textgen_env.models.language_model import Cell


def flat(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
    return np.zeros(len(tokens))


def nll(agent: MLE, texts: Texts, sources: np.ndarray | None = None) -> float:
    """Nats a token."""
    return float(-agent.log_prob(texts.tokens, texts.lengths, sources).sum() / texts.lengths.sum())


def bigram_nll(train: Texts, test: Texts, vocab_size: int, smoothing: float) -> float:
    """Of the chain whose transitions are counted in the training data, mixed with the unigrams."""

    def pairs(texts: Texts) -> tuple[np.ndarray, np.ndarray]:
        counted = np.arange(texts.tokens.shape[1]) < texts.lengths[:, None]
        before = np.concatenate([np.full((len(texts.tokens), 1), vocab_size), texts.tokens[:, :-1]], 1)
        return before[counted], texts.tokens[counted]

    counts = np.zeros((vocab_size + 1, vocab_size))
    np.add.at(counts, pairs(train), 1)
    unigram = counts.sum(0) / counts.sum()
    chances = (counts + smoothing * unigram) / (counts.sum(1, keepdims=True) + smoothing)
    return float(-np.log(chances[pairs(test)]).mean())


def test_it_finds_the_chain_behind_tiny() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=1, train_size=4_000, test_size=4_000)
    task = envs.unwrapped.task
    agent = MLE(envs, seed=0).train(envs, 60_000)
    test = task.test_sequences()
    chain = bigram_nll(task.training_sequences(), test, 4, smoothing=1e-3)
    assert nll(agent, test) == pytest.approx(chain, abs=0.01)


def test_on_the_oracles_texts_it_passes_the_best_bigram_model() -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=1, test_size=2_000)
    task = envs.unwrapped.task
    test = task.test_sequences()
    agent = MLE(envs, seed=0)
    assert nll(agent, test) == pytest.approx(np.log(100), abs=0.05)
    agent.train(envs, 300_000)
    bigram = min(bigram_nll(task.training_sequences(), test, 100, smoothing) for smoothing in (10, 30, 100))
    assert task.entropy < nll(agent, test) < bigram - 0.1


def test_it_spells_numbers_out() -> None:
    pytest.importorskip("num2words")
    envs = gym.make_vec("TextGen-NumberWords-v0", num_envs=1, max_number=999)
    task = envs.unwrapped.task
    test = task.test_sequences()
    sources = task.sources.tokens[test.sources]
    losses: list[float] = []
    agent = MLE(envs, MLEConfig(batch_size=32), seed=0)
    agent.train(envs, 60_000, lambda progress: losses.append(progress.losses["nll"]))
    assert losses[0] > 3
    assert np.mean(losses[-20:]) < 0.1
    assert nll(agent, test, sources) < 0.3
    others = np.random.default_rng(0).permutation(sources)
    assert nll(agent, test, others) > 2


def test_pairs_are_learned_with_their_own_sources(echo_task: BaseTask) -> None:
    envs = TextGenVectorEnv(echo_task, flat)
    assert echo_task.sources is not None
    texts = echo_task.training_sequences()
    agent = MLE(envs, seed=0).train(envs, 20_000)
    sources = echo_task.sources.tokens[texts.sources]
    assert nll(agent, texts, sources) < 0.02
    observation: dict[str, Any] = {"source": sources, "tokens": np.full_like(texts.tokens, 4)}
    state = None
    for t in range(4):
        observation["tokens"][:, t], state = agent.predict(observation, state, deterministic=True)
    written = np.arange(4) < texts.lengths[:, None]
    np.testing.assert_array_equal(observation["tokens"][written], texts.tokens[written])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_updates_are_those_of_plain_torch(cell: Cell) -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=1, train_size=64)
    agent, other = (MLE(envs, MLEConfig(cell=cell), seed=0) for _ in range(2))
    texts = envs.unwrapped.task.training_sequences()
    tokens = torch.from_numpy(texts.tokens)
    optimiser = torch.optim.Adam(other.parameters, lr=other.config.learning_rate)
    nlls: list[float] = []
    agent.train(envs, 3 * texts.tokens.size, lambda progress: nlls.append(progress.losses["nll"]))
    for nll in nlls:
        loss = F.cross_entropy(other.network.logits(other.network.hidden(tokens, None)).flatten(0, 1), tokens.flatten())
        assert nll == pytest.approx(loss.item(), abs=1e-5)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(other.parameters, other.config.max_grad_norm)
        optimiser.step()
    assert len(nlls) == 3
    for parameter, expected in zip(agent.parameters, other.parameters, strict=True):
        torch.testing.assert_close(parameter, expected, atol=1e-4, rtol=0)


def test_the_seed_decides_every_bit() -> None:
    envs = gym.make_vec("TextGen-Captions-v1", num_envs=1, train_size=300)
    first, again, other = (MLE(envs, seed=seed).train(envs, 3_000) for seed in (0, 0, 1))
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name])
    assert not torch.equal(first.parameters[0], other.parameters[0])


def test_training_in_parts_is_training_at_once() -> None:
    """A call goes on in the pass where the last one stopped."""
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=1, train_size=100)
    whole, parts = (MLE(envs, MLEConfig(batch_size=32), seed=3) for _ in range(2))
    whole.train(envs, 900)
    for _ in range(40):
        if parts.tokens_read < whole.tokens_read:
            parts.train(envs, 1)
    assert parts.tokens_read == whole.tokens_read
    for one, two in zip(whole.network.parameters(), parts.network.parameters(), strict=True):
        assert one.equal(two)


def test_a_task_without_data_is_refused(no_repeat_task: BaseTask) -> None:
    envs = TextGenVectorEnv(no_repeat_task, flat)
    with pytest.raises(ValueError, match="no training data"):
        MLE(envs).train(envs, 100)


def test_parameters_begin_as_the_paper_has_them() -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=1)
    network = MLE(envs, MLEConfig(initial_std=0.1)).network
    drawn = [parameter for parameter in network.parameters() if parameter.requires_grad]
    values = np.concatenate([parameter.detach().numpy().ravel() for parameter in drawn])
    assert abs(values.mean()) < 4 * 0.1 / np.sqrt(len(values))
    assert abs(values.std() / 0.1 - 1) < 4 / np.sqrt(2 * len(values))
    with pytest.raises(ValueError, match="initial_std=0"):
        MLEConfig(initial_std=0)
