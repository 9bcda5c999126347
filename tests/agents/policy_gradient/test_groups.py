"""RLOO and GRPO: whole groups of texts of one source, and gradients that are what they are said to be."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.data.episodes import play_from
from agents.data.text_batch import TextBatch, joined
from agents.exact import exact_gradient, policy_table
from agents.policy_gradient.grpo import GRPO, GRPOConfig
from agents.policy_gradient.rloo import RLOO, RLOOConfig
from support.games import share_copied
from support.gradient_statistics import SMALLEST, Deviations, estimates, gradient_of, unequal
from support.text_batches import forbids, masks_of
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, all_texts, text_probabilities

PLAIN: dict[str, Any] = {**SMALLEST, "scale_advantages": False}


def small_envs(num_envs: int = 128, **kwargs: Any) -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=num_envs, vocab_size=3, max_length=3, **kwargs)


def estimates_of(agent: Any, envs: Any, count: int) -> np.ndarray:
    """Of the gradient, each from a text of each row."""
    quota = np.ones(envs.num_envs, np.int64)
    return estimates(agent, (agent.losses(agent.gather(envs, quota))["policy"] for _ in range(count)))


def texts_as_episodes(envs: Any, tokens: np.ndarray, lengths: np.ndarray) -> TextBatch:
    """Texts with their scores paid at the last token."""
    rewards = np.zeros(tokens.shape)
    rewards[np.arange(len(tokens)), lengths - 1] = envs.unwrapped.score(tokens, lengths)
    return TextBatch(tokens, lengths, rewards, tokens_written=int(lengths.sum()))


@pytest.mark.parametrize(("group_size", "discount"), [(2, 1.0), (8, 1.0), (4, 0.5)])
def test_rloo_is_unbiased(group_size: int, discount: float) -> None:
    envs = small_envs()
    agent = unequal(RLOO(envs, RLOOConfig(**PLAIN, group_size=group_size, discount=discount), seed=0))
    exact = gradient_of(exact_gradient(agent, TextMDP.of(envs, discount)))
    found = estimates_of(agent, envs, 60)
    deviations = Deviations.of(found, exact)
    assert deviations.largest < 4
    assert deviations.noise < 0.1


def test_rloo_is_unbiased_given_the_sources(echo_task: Any) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, 128)
    agent = unequal(RLOO(envs, RLOOConfig(**PLAIN, group_size=4), seed=0))
    exact = gradient_of(exact_gradient(agent, TextMDP.of(envs)))
    found = estimates_of(agent, envs, 80)
    deviations = Deviations.of(found, exact)
    assert deviations.largest < 4
    assert deviations.noise < 0.2


def test_the_mean_of_a_group_makes_the_gradient_shorter() -> None:
    """Without the division, GRPO's is (k-1)/k of the exact one."""
    envs = small_envs()
    agent = unequal(GRPO(envs, GRPOConfig(**PLAIN, group_size=2, divide_by_std=False), seed=0))
    exact = gradient_of(exact_gradient(agent, TextMDP.of(envs)))
    found = estimates_of(agent, envs, 60)
    assert Deviations.of(found, exact / 2).largest < 4
    assert Deviations.of(found, exact).largest > 10


@pytest.mark.parametrize("divided", [{"divide_by_std": True}, {"divide_by_std": False, "divide_by_length": True}])
def test_grpos_divisions_follow_another_gradient(divided: dict[str, bool]) -> None:
    """The mean over many batches is that over all pairs of texts, each as likely as it is; and is not the gradient of
    the expected return, in direction either."""
    envs = small_envs()
    mdp = TextMDP.of(envs)
    agent = unequal(GRPO(envs, GRPOConfig(**PLAIN, group_size=2, **divided), seed=0))
    texts = all_texts(mdp)
    chances = text_probabilities(mdp, policy_table(agent, mdp))
    scores = envs.unwrapped.score(texts.tokens, texts.lengths)
    weights = np.zeros(len(scores))
    for i, first in enumerate(scores):
        for j, second in enumerate(scores):
            # Of two numbers the standard deviation is |a - b| / sqrt 2.
            spread = abs(first - second) / np.sqrt(2) + 1e-4 if divided["divide_by_std"] else 1
            weights[i] += chances[i] * chances[j] * (first - second) / 2 / spread
    if divided.get("divide_by_length"):
        weights /= texts.lengths
    episodes = texts_as_episodes(envs, texts.tokens, texts.lengths)
    log_probs = agent.log_probs_and_entropy(episodes)[0].sum(1)
    over_all_pairs = gradient_of(torch.autograd.grad((log_probs * torch.from_numpy(weights)).sum(), agent.parameters))
    found = estimates_of(agent, envs, 60)
    deviations = Deviations.of(found, over_all_pairs)
    assert deviations.largest < 4
    exact = gradient_of(exact_gradient(agent, mdp))
    cosine = over_all_pairs @ exact / np.linalg.norm(over_all_pairs) / np.linalg.norm(exact)
    assert 0.5 < cosine < 0.99


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
@pytest.mark.parametrize(("num_envs", "batch_size", "texts"), [(8, 16, 16), (6, 10, 12), (3, 1, 12), (1, 5, 8)])
def test_groups_answer_to_one_source(echo_task: Any, mode: str, num_envs: int, batch_size: int, texts: int) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, num_envs, autoreset_mode=mode)
    agent = RLOO(envs, RLOOConfig(**SMALLEST, group_size=4, batch_size=batch_size), seed=0)
    played = agent.gather(envs, np.full(num_envs, -(-batch_size // num_envs)), seed=0)
    assert len(played.tokens) == texts
    assert played.source_rows is not None
    assert played.sources is not None
    groups = played.source_rows.reshape(-1, 4)
    assert (groups == groups[:, :1]).all()
    assert np.isin(groups, echo_task.sources.pool).all()
    assert len(np.unique(groups)) > 1 or texts == 8
    np.testing.assert_array_equal(played.sources, echo_task.sources.tokens[played.source_rows])
    np.testing.assert_allclose(
        played.returns, envs.unwrapped.score(played.tokens, played.lengths, played.source_rows), atol=1e-12
    )
    # The same seed draws the same sources, as the environment does when it is reset with it.
    again = agent.gather(envs, np.full(num_envs, -(-batch_size // num_envs)), seed=0)
    np.testing.assert_array_equal(again.source_rows, played.source_rows)


def test_a_batch_without_sources_is_filled_up_to_whole_groups() -> None:
    envs = small_envs(6)
    agent = RLOO(envs, RLOOConfig(**SMALLEST, group_size=4, batch_size=6))
    played = agent.gather(envs, np.ones(6, np.int64))
    assert len(played.tokens) == 12
    assert played.source_rows is None


def test_starts_that_do_not_fill_the_rows_are_filled_up(echo_task: Any) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, 4)
    agent = RLOO(envs, RLOOConfig(**SMALLEST))
    starts = {"source": np.array([3, 5, 30, 7, 1, 0]), "prefix": np.array([[1], [2], [3], [1], [2], [3]])}
    played = play_from(agent.predict, envs, starts, seed=1, masked=True)
    np.testing.assert_array_equal(played.source_rows, starts["source"])
    np.testing.assert_array_equal(played.tokens[:, :1], starts["prefix"])
    assert (played.rewards[:, 0] == 0).all()
    assert played.tokens_written >= (played.lengths - 1).sum() + 2


def test_masks_of_joined_parts_stay_with_their_texts(no_repeat_task: Any) -> None:
    envs = TextGenVectorEnv(no_repeat_task, lambda tokens, lengths, sources=None: lengths.astype(float), 2)
    agent = RLOO(envs, RLOOConfig(**SMALLEST))
    starts = {"prefix": np.array([[1], [1], [1]])}
    played = play_from(agent.predict, envs, starts, masked=True)
    for tokens, length, masks in zip(played.tokens, played.lengths, masks_of(played, 4), strict=True):
        assert masks[0].all()
        for t in range(1, length):
            assert masks[t].tolist() == [token != tokens[t - 1] for token in range(4)]


@pytest.mark.parametrize("kind", [(RLOOConfig, 1), (GRPOConfig, 0)])
def test_groups_of_fewer_than_two_are_refused(kind: Any) -> None:
    config, size = kind
    with pytest.raises(ValueError, match=f"group_size={size} must be a whole number >= 2"):
        config(group_size=size)


def test_joined_parts_keep_the_rule_of_their_game() -> None:
    tokens, lengths, rule = np.array([[1, 0, 3]]), np.array([2]), forbids(0, 3)
    first = TextBatch(tokens, lengths, np.zeros((1, 3)), given=np.array([1]), allowed_tokens=rule, tokens_written=2)
    second = TextBatch(tokens, lengths, np.ones((1, 3)), given=np.array([0]), allowed_tokens=rule, tokens_written=3)
    both = joined([first, second])
    assert both.allowed_tokens is rule
    masks = masks_of(both, 3)
    assert masks[0, 0].all(), "what was given is not masked"
    assert masks[0, 1].tolist() == masks[1, 0].tolist() == [False, True, True]
    assert masks[:, 2].all()
    np.testing.assert_array_equal(both.returns, [0, 3])
    assert both.tokens_written == 5
    free = TextBatch(tokens, lengths, np.zeros((1, 3)))
    assert joined([free, free]).allowed_tokens is None
