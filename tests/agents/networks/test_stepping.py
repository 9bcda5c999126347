"""Answers of all agents with a policy: carried state, masks, exact probabilities of what they write."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from scipy import stats

from agents.baselines.uniform import Uniform
from agents.data.episodes import play
from agents.imitation.mle import MLE, MLEConfig
from agents.networks.policy_network import PolicyNetwork
from support.policy_agents import SMALL, make_envs
from textgen_env import BaseTask

CELLS = ("lstm", "gru", "transformer")


def decided(agent: Any) -> Any:
    """The agent with output weights so large that its tokens are far from equally likely."""
    with torch.no_grad():
        weights = agent.network.decoder.output.weight
        weights.copy_(torch.randn(weights.shape, generator=torch.Generator().manual_seed(5)))
    return agent


def imitator(envs: Any, cell: Any = "gru", seed: int = 0) -> Any:
    return decided(MLE(envs, MLEConfig(**SMALL, cell=cell), seed))


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_carried_state_says_what_log_prob_says(task: BaseTask | None, cell: str, mode: str) -> None:
    envs = make_envs(task, 6, autoreset_mode=mode)
    agent = imitator(envs, cell, seed=2)
    chosen: list[tuple[np.ndarray, np.ndarray]] = []

    def predict(*args: Any) -> Any:
        tokens, state = agent.predict(*args)
        with torch.no_grad():
            log_probs = agent.network.logits(torch.from_numpy(state[0])).log_softmax(-1).numpy()
        chosen.append((args[2], log_probs[np.arange(6), tokens]))
        return tokens, state

    played = play(predict, envs, np.ones(6, np.int64))
    # Each row's first text: the chances of the tokens chosen until it ended, multiplied.
    carried = [sum(log_prob[row] for _, log_prob in chosen[: played.lengths[row]]) for row in range(6)]
    at_once = agent.log_prob(played.tokens, played.lengths, played.sources)
    np.testing.assert_allclose(carried, at_once, atol=1e-5)
    assert len(set(played.lengths)) > 1


def test_predict_costs_one_step_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=3, train_size=1, test_size=1)
    agent = imitator(envs)
    steps: list[int] = []
    advance = PolicyNetwork.advance
    monkeypatch.setattr(PolicyNetwork, "advance", lambda *args: (steps.append(len(args[1])), advance(*args))[1])
    play(agent.predict, envs, np.full(3, 2))
    assert steps == [3] * 21  # ten tokens, the step that resets, ten tokens


@pytest.mark.parametrize("cell", CELLS)
def test_predict_is_right_whatever_the_state(task: BaseTask | None, cell: str) -> None:
    envs = make_envs(task, 5)
    agent = imitator(envs, cell)
    observation, _ = envs.reset(seed=0)
    _, stale = agent.predict(observation)
    carried = None
    for action in (1, 2, 3):
        tokens, carried = agent.predict(observation, carried, deterministic=True)
        anew, fresh = agent.predict(observation, None, deterministic=True)
        outdated, read = agent.predict(observation, stale, deterministic=True)
        np.testing.assert_array_equal(tokens, anew)
        np.testing.assert_array_equal(tokens, outdated)
        for one, two, three in zip(carried, fresh, read, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)
            np.testing.assert_allclose(one, three, atol=1e-6)
        observation = envs.step(np.full(5, action))[0]
    # Rows that swap their texts, or go back to a sibling of the last prefix, are read again.
    _, state = agent.predict(observation, carried)
    swapped = {k: v[::-1] for k, v in observation.items()} if isinstance(observation, dict) else observation[::-1]
    sibling = {k: v.copy() for k, v in swapped.items()} if isinstance(swapped, dict) else swapped.copy()
    (sibling["tokens"] if isinstance(sibling, dict) else sibling)[2, 2] = 1
    for other in (swapped, sibling):
        _, found = agent.predict(other, state)
        _, expected = agent.predict(other, None)
        for one, two in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_prefixes_of_unequal_length_are_read_as_each_alone(cell: str) -> None:
    agent = imitator(make_envs(), cell)
    prefixes = np.array([[1, 2, 3, 1, 2], [4, 4, 4, 4, 4], [3, 3, 4, 4, 4], [1, 0, 4, 4, 4], [2, 4, 4, 4, 4]])
    _, together = agent.predict(prefixes)
    for row in range(5):
        _, alone = agent.predict(prefixes[row : row + 1])
        for one, two in zip(together, alone, strict=True):
            np.testing.assert_allclose(one[row], two[0], atol=1e-6)


def test_episode_start_forgets_the_state() -> None:
    envs = make_envs()
    agent = imitator(envs)
    observation, _ = envs.reset()
    _, state = agent.predict(observation)
    observation = envs.step(np.array([1, 2, 3, 1]))[0]
    spoilt = (state[0] + 1, *state[1:])
    _, expected = agent.predict(observation)
    _, found = agent.predict(observation, spoilt, np.array([True, False, True, False]))
    np.testing.assert_allclose(found[0][::2], expected[0][::2], atol=1e-6)
    assert (np.abs(found[0] - expected[0])[1::2].max(1) > 0.01).all()


@pytest.mark.parametrize("kind", [MLE, Uniform])
def test_a_single_observation_gives_a_single_token(task: BaseTask | None, kind: Any) -> None:
    envs = make_envs(task)
    agent = kind(envs)
    observation = envs.single_observation_space.sample()
    token, state = agent.predict(observation)
    assert token.shape == ()
    assert token in envs.single_action_space
    assert agent.predict(observation, state)[0].shape == ()


@pytest.mark.parametrize("kind", [MLE, Uniform])
@pytest.mark.parametrize("deterministic", [False, True])
def test_predict_keeps_to_the_masks(kind: Any, deterministic: bool) -> None:
    envs = make_envs(num_envs=400)
    agent = kind(envs)
    observation, _ = envs.reset()
    masks = np.zeros((400, 4), np.bool_)
    masks[np.arange(400), np.arange(400) % 4] = True
    masks[:, 2] = True
    masks.flags.writeable = False
    chosen, _ = agent.predict(observation, deterministic=deterministic, action_masks=masks)
    assert masks[np.arange(400), chosen].all()
    assert deterministic or len(np.unique(chosen)) == 4


@pytest.mark.parametrize("cell", CELLS)
def test_texts_are_sampled_as_often_as_log_prob_says(cell: str) -> None:
    envs = make_envs()
    agent = imitator(envs, cell)
    texts = envs.unwrapped.task.all_texts()
    chances = np.exp(agent.log_prob(texts.tokens, texts.lengths))
    assert chances.sum() == pytest.approx(1, abs=1e-5)
    assert chances.max() > 20 * np.median(chances)
    count = 20_000
    drawn = agent.sample(count)
    index = {tuple(text): i for i, text in enumerate(texts.tokens.tolist())}
    observed = np.bincount([index[tuple(text)] for text in drawn.tokens.tolist()], minlength=len(chances))
    np.testing.assert_array_equal(envs.unwrapped.task.vocabulary.lengths(drawn.tokens), drawn.lengths)
    rare = chances * count < 5
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(chances[~rare], chances[rare].sum()) * count
    assert stats.chisquare(observed, expected * count / expected.sum()).pvalue > 1e-3


def test_texts_of_a_source_are_sampled_as_log_prob_says(echo_task: BaseTask) -> None:
    agent = imitator(make_envs(echo_task))
    assert echo_task.sources is not None
    for row in (0, 20):
        sources = np.repeat(echo_task.sources.tokens[row : row + 1], 5_000, 0)
        drawn = agent.sample(5_000, sources)
        texts, observed = np.unique(drawn.tokens, axis=0, return_counts=True)
        expected = np.exp(agent.log_prob(texts, None, sources[: len(texts)])) * 5_000
        common = expected > 5
        assert stats.chisquare(
            np.append(observed[common], 5_000 - observed[common].sum()),
            np.append(expected[common], 5_000 - expected[common].sum()),
        ).pvalue > 1e-3  # fmt: skip
    different = agent.log_prob(texts, None, np.repeat(echo_task.sources.tokens[:1], len(texts), 0))
    assert np.abs(np.exp(different) * 5_000 - expected).max() > 50


def test_large_batches_are_cut_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = imitator(make_envs())
    texts = agent.sample(50)
    whole = agent.log_prob(texts.tokens, texts.lengths)
    monkeypatch.setattr("agents.bases.policy_agent.CHUNK_HIDDEN", 5 * 7)
    np.testing.assert_allclose(agent.log_prob(texts.tokens, texts.lengths), whole, atol=1e-5)
