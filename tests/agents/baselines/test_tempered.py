"""A policy at a temperature is softmax(logits / T), in whatever it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from scipy import stats

from agents.baselines.tempered import Tempered, TemperedConfig
from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from agents.protocol import Agent
from textgen_env import BaseTask, TextGenVectorEnv
from textgen_env.models.language_model import Cell

SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 6}


@pytest.fixture(scope="module")
def envs() -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=4)


def teacher_of(envs: Any, cell: Cell = "gru", seed: int = 0) -> MLE:
    return MLE(envs, MLEConfig(**SMALL, cell=cell, learning_rate=0.05), seed).train(envs, 10_000)


def tempered(envs: Any, other: Any, temperature: float, cell: Cell = "gru", seed: int = 0) -> Tempered:
    agent = Tempered(envs, TemperedConfig(**SMALL, cell=cell, temperature=temperature), seed)
    agent.initialise_from(other)
    return agent


def log_chances(teacher: Any, tokens: np.ndarray, lengths: np.ndarray, temperature: float, sources: Any) -> np.ndarray:
    """By the definition: log softmax(logits / T) of every token, the logits divided in float64."""
    with torch.no_grad():
        given = None if sources is None else torch.from_numpy(sources)
        logits = teacher.network.logits(teacher.network.hidden(torch.from_numpy(tokens), given)).double().numpy()
    scaled = logits / temperature
    log_probs = scaled - np.log(np.exp(scaled).sum(-1, keepdims=True))
    written = np.arange(tokens.shape[1]) < lengths[:, None]
    chosen = np.take_along_axis(log_probs, np.where(written, tokens, 0)[..., None], -1)[..., 0]
    return (chosen * written).sum(1)


@pytest.mark.parametrize("temperature", [0.5, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_texts_are_as_likely_as_at_the_temperature(envs: Any, cell: Cell, temperature: float) -> None:
    teacher = teacher_of(envs, cell)
    agent = tempered(envs, teacher, temperature, cell)
    texts = envs.unwrapped.task.all_texts()
    expected = log_chances(teacher, texts.tokens, texts.lengths, temperature, None)
    found = agent.log_prob(texts.tokens, texts.lengths)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-5)
    if temperature != 1.0:
        assert np.abs(found - teacher.log_prob(texts.tokens, texts.lengths)).max() > 0.1
    drawn = agent.sample(10_000)
    index = {tuple(text): i for i, text in enumerate(texts.tokens.tolist())}
    observed = np.bincount([index[tuple(text)] for text in drawn.tokens.tolist()], minlength=len(expected))
    chances = np.exp(expected) / np.exp(expected).sum() * 10_000
    rare = chances < 5
    assert stats.chisquare(
        np.append(observed[~rare], observed[rare].sum()), np.append(chances[~rare], chances[rare].sum())
    ).pvalue > 1e-3  # fmt: skip


def test_predict_draws_at_the_temperature(envs: Any) -> None:
    teacher = teacher_of(envs)
    agent = tempered(envs, teacher, 1.5)
    prefix = np.array([2, 4, 4, 4, 4])
    with torch.no_grad():
        logits = teacher.network.logits(teacher.network.hidden(torch.tensor([[2, 0, 4, 4, 4]]), None))[0, 1]
    chances = (logits.double() / 1.5).softmax(0).numpy()
    drawn, _ = agent.predict(np.tile(prefix, (20_000, 1)))
    assert stats.chisquare(np.bincount(drawn, minlength=4), chances * 20_000).pvalue > 1e-3
    greedy, _ = agent.predict(prefix, deterministic=True)
    assert greedy == chances.argmax()
    masks = np.tile([True, False, True, False], (20_000, 1))
    drawn, _ = agent.predict(np.tile(prefix, (20_000, 1)), action_masks=masks)
    allowed = chances[[0, 2]] / chances[[0, 2]].sum()
    assert stats.chisquare(np.bincount(drawn, minlength=4)[[0, 2]], allowed * 20_000).pvalue > 1e-3


def test_lower_temperatures_write_less_diverse_texts(envs: Any) -> None:
    teacher = teacher_of(envs)
    texts = envs.unwrapped.task.all_texts()

    def entropy(temperature: float) -> float:
        log_probs = tempered(envs, teacher, temperature).log_prob(texts.tokens, texts.lengths)
        return float(-(np.exp(log_probs) * log_probs).sum())

    entropies = [entropy(temperature) for temperature in (0.1, 0.5, 0.75, 1.0, 1.25, 1.5)]
    assert entropies == sorted(entropies)
    assert entropies[0] < 0.5


def test_adopting_again_does_not_temper_again(envs: Any) -> None:
    teacher, other = teacher_of(envs), teacher_of(envs, seed=1)
    agent = tempered(envs, teacher, 0.5)
    once = {name: tensor.clone() for name, tensor in agent.network.state_dict().items()}
    agent.initialise_from(teacher)
    assert all(tensor.equal(once[name]) for name, tensor in agent.network.state_dict().items())
    agent.initialise_from(other)
    fresh = tempered(envs, other, 0.5)
    assert all(tensor.equal(fresh.network.state_dict()[n]) for n, tensor in agent.network.state_dict().items())
    # The teacher's own policy stays as it was; tempered policies can be tempered in their turn.
    assert teacher.network.decoder.output.weight.equal(2**-1 * once["decoder.output.weight"])
    back = tempered(envs, tempered(envs, teacher, 0.5), 2.0)
    assert back.network.decoder.output.weight.equal(teacher.network.decoder.output.weight)


def test_it_counts_what_was_spent_and_adopts_any_policy_of_its_shape(envs: Any, echo_task: BaseTask) -> None:
    critic = Reinforce(envs, ReinforceConfig(**SMALL, batch_size=8, baseline="learned")).train(envs, 100)
    agent = tempered(envs, critic, 0.8)
    assert agent.tokens_generated == critic.tokens_generated > 0
    with pytest.raises(ValueError, match=r"differs in .*hidden_size"):
        Tempered(envs, TemperedConfig(embedding_size=4)).initialise_from(critic)
    with pytest.raises(TypeError, match="policy network"):
        agent.initialise_from("MLE")  # type: ignore[arg-type]
    others = TextGenVectorEnv(echo_task, lambda tokens, lengths, sources=None: np.zeros(len(tokens)))
    with pytest.raises(ValueError, match="the other one"):
        agent.initialise_from(MLE(others, MLEConfig(**SMALL)))


def test_a_conditional_policy_is_tempered_given_its_source(echo_task: BaseTask) -> None:
    envs = TextGenVectorEnv(echo_task, lambda tokens, lengths, sources=None: np.zeros(len(tokens)))
    teacher = teacher_of(envs)
    texts = echo_task.training_sequences()
    assert echo_task.sources is not None
    sources = echo_task.sources.tokens[texts.sources]
    found = tempered(envs, teacher, 0.6).log_prob(texts.tokens, texts.lengths, sources)
    np.testing.assert_allclose(found, log_chances(teacher, texts.tokens, texts.lengths, 0.6, sources), atol=2e-5)


def test_it_learns_nothing_and_says_so(envs: Any) -> None:
    agent = tempered(envs, teacher_of(envs), 0.5)
    assert isinstance(agent, Agent)
    before = agent.network.decoder.output.weight.clone()
    seen: list[Any] = []
    spent = agent.tokens_spent
    assert agent.train(envs, 1_000, seen.append) is agent
    assert len(seen) == 1
    assert agent.tokens_spent == spent
    assert agent.network.decoder.output.weight.equal(before)


def test_without_a_policy_it_does_nothing(envs: Any) -> None:
    agent = Tempered(envs)
    texts = envs.unwrapped.task.all_texts()
    for act in (
        lambda: agent.sample(3),
        lambda: agent.predict(np.full((2, 5), 4)),
        lambda: agent.log_prob(texts.tokens),
        lambda: agent.train(envs, 10),
    ):
        with pytest.raises(RuntimeError, match="Tempered has no policy yet; call initialise_from"):
            act()


def test_it_is_saved_tempered(envs: Any, tmp_path: Path) -> None:
    agent = tempered(envs, teacher_of(envs), 0.7, seed=5)
    agent.sample(3)
    agent.save(tmp_path / "agent")
    loaded = Tempered.load(tmp_path / "agent")
    assert (loaded.config, loaded.tokens_read) == (agent.config, agent.tokens_read)
    texts = agent.sample(50)
    np.testing.assert_array_equal(loaded.sample(50).tokens, texts.tokens)
    np.testing.assert_array_equal(loaded.log_prob(texts.tokens), agent.log_prob(texts.tokens))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"temperature": 0.0}, r"temperature=0\.0"), ({"temperature": -1}, "temperature=-1"), ({"cell": "x"}, "cell='x'")],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        TemperedConfig(**wrong)
