"""The goal that drifts: a function of the number of finished texts, which changes at an episode's end alone."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

from textgen_env import text_game
from textgen_env.rewards.drifting_goal import DriftingGoalReward
from textgen_env.rewards.goal import GoalReward
from textgen_env.solve import solve
from textgen_env.tasks.judged import JudgedTask
from textgen_env.tasks.tiny import TinyTask
from textgen_env.testing import check_reward


def ended(reward: DriftingGoalReward, texts: int) -> None:
    reward.episodes_ended(np.zeros((texts, 5), np.int64), np.ones(texts, np.int64))


def next_letters(goals: np.ndarray, place: int) -> np.ndarray:
    moved = goals.copy()
    moved[:, place] = moved[:, place] % 3 + 1
    return moved


def test_one_place_moves_on_after_each_period() -> None:
    reward = DriftingGoalReward(every=10, modes=3).bind(TinyTask())
    expected = GoalReward(modes=3).bind(TinyTask()).goals
    np.testing.assert_array_equal(reward.goals, expected)
    for change in range(15):
        ended(reward, 9)
        np.testing.assert_array_equal(reward.goals, expected)
        ended(reward, 1)
        expected = next_letters(expected, change % 5)
        np.testing.assert_array_equal(reward.goals, expected)
        assert (reward.goals > 0).all()
    # Each of five places has moved round the three letters.
    np.testing.assert_array_equal(reward.goals, GoalReward(modes=3).bind(TinyTask()).goals)


def test_it_depends_on_the_number_alone() -> None:
    at_once, in_parts, one_by_one = (DriftingGoalReward(every=7).bind(TinyTask()) for _ in range(3))
    ended(at_once, 100)
    for part in (3, 50, 47):
        ended(in_parts, part)
    for _ in range(100):
        assert one_by_one.episode_ended(np.zeros(5, np.int64))
    for reward in (at_once, in_parts, one_by_one):
        assert reward.finished == 100
        np.testing.assert_array_equal(reward.goals, at_once.goals)


def test_without_a_period_it_is_the_goal() -> None:
    env = gym.make("TextGen-Tiny-v0", reward={"name": "drifting_goal", "every": 0}).unwrapped
    check_reward(env.reward, env.task)
    ended(env.reward, 10_000)
    np.testing.assert_array_equal(env.reward.goals, GoalReward().bind(env.task).goals)


@pytest.mark.parametrize("mode", ["terminal", "dense"])
def test_texts_are_paid_before_the_goal_moves(mode: str) -> None:
    envs = gym.make_vec(
        "TextGen-Tiny-v0", num_envs=4, reward={"name": "drifting_goal", "every": 2}, reward_mode=mode
    ).unwrapped
    goal = envs.reward.goals[0]
    envs.reset(seed=0)
    earned = np.zeros(4)
    for token in goal:
        np.testing.assert_array_equal(envs.reward.goals[0], goal)
        earned += envs.step(np.full(4, token))[1]
    np.testing.assert_allclose(earned, 1.0, atol=1e-12)
    np.testing.assert_array_equal(envs.reward.goals[0], next_letters(next_letters(goal[None], 0), 1)[0])
    assert envs.score(goal[None])[0] == pytest.approx(0.6)


def test_single_and_vector_environments_count_alike() -> None:
    kwargs = {"reward": {"name": "drifting_goal", "every": 3}}
    env, envs = gym.make("TextGen-Tiny-v0", **kwargs), gym.make_vec("TextGen-Tiny-v0", num_envs=1, **kwargs)
    env.reset(seed=0)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    over = False
    for _ in range(60):
        token = int(rng.integers(4))
        paid = envs.step(np.array([token]))[1][0]
        if over:
            env.reset()
            over = False
            continue
        _, reward, over, _, _ = env.step(token)
        assert reward == paid
    assert env.unwrapped.reward.finished == envs.unwrapped.reward.finished > 10


def test_evaluation_does_not_count() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2, reward={"name": "drifting_goal", "every": 1})
    with text_game(envs).evaluating():
        envs.reset(seed=0)
        envs.step(np.zeros(2, np.int64))
    assert text_game(envs).reward.finished == 0


def test_the_optimum_is_the_goal_as_it_stands() -> None:
    env = gym.make("TextGen-Tiny-v0", reward={"name": "drifting_goal", "every": 1})
    for _ in range(4):
        found = solve(env)
        assert found.optimum == pytest.approx(1.0, abs=1e-12)
        np.testing.assert_array_equal(found.texts.tokens, env.unwrapped.reward.goals)
        ended(env.unwrapped.reward, 1)


def test_it_is_kept_and_taken_up() -> None:
    first, second = (DriftingGoalReward(every=3).bind(TinyTask()) for _ in range(2))
    ended(first, 20)
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(second.goals, first.goals)
    ended(first, 4)
    ended(second, 4)
    np.testing.assert_array_equal(second.goals, first.goals)
    fresh = DriftingGoalReward(every=3).bind(TinyTask())
    second.load_state_dict(fresh.state_dict())
    np.testing.assert_array_equal(second.goals, fresh.goals)
    for state in ({}, {"finished": torch.tensor(1.0)}, {"finished": torch.tensor([1])}, {"finished": torch.tensor(-1)}):
        with pytest.raises(ValueError, match=r"state=|finished="):
            second.load_state_dict(state)
    assert second.finished == 0


def test_environments_that_share_it_share_the_goal() -> None:
    reward = DriftingGoalReward(every=1).bind(TinyTask())
    assert reward.bind(TinyTask()) is reward
    assert DriftingGoalReward(every=1).bind(TinyTask()) is not reward
    for other in (TinyTask(max_length=4), TinyTask(vocab_size=5)):
        with pytest.raises(ValueError, match="bound to another task"):
            reward.bind(other)


def test_noise_and_drift_go_together() -> None:
    env = gym.make("TextGen-Tiny-v0", task="judged", reward={"name": "drifting_goal", "every": 10_000, "noise": 1.0})
    check_reward(env.unwrapped.reward, env.unwrapped.task)
    reward = DriftingGoalReward(every=5, noise=1.0).bind(JudgedTask())
    assert reward.bind(JudgedTask()) is reward


@pytest.mark.parametrize(("every", "error"), [(-1, ValueError), (1.5, TypeError)])
def test_a_period_that_is_none_is_refused(every: float, error: type[Exception]) -> None:
    with pytest.raises(error, match="every="):
        DriftingGoalReward(every=every)
