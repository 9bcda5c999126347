"""The hidden goal: each knob, counted by hand over all texts, and what it does to what uniform tokens find."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from textgen_env.rewards.goal import GoalReward
from textgen_env.solve import TextMDP, all_texts, expected_return, solve
from textgen_env.tasks.judged import JudgedTask
from textgen_env.tasks.tiny import TinyTask
from textgen_env.testing import check_reward


def game(task: str = "tiny", vocab_size: int = 4, max_length: int = 5, **knobs: Any) -> gym.Env:
    sizes = {"vocab_size": vocab_size, "max_length": max_length}
    return gym.make("TextGen-Tiny-v0", task={"name": task, **sizes}, reward={"name": "goal", **knobs})


def uniform_return(env: gym.Env) -> float:
    mdp = TextMDP.of(env)
    return expected_return(mdp, np.full(mdp.allowed.shape, 1 / mdp.vocab_size))


def texts_of(env: gym.Env) -> list[list[int]]:
    tokens, lengths, _ = all_texts(TextMDP.of(env))
    return [row[:length].tolist() for row, length in zip(tokens, lengths, strict=True)]


def by_hand(text: list[int], goals: list[list[int]], sparsity: int, bait: float | None) -> float:
    """The docstring's rules, place by place."""
    if bait is not None and text[0] != goals[0][0]:
        return bait
    begins = 0 if bait is None else 1
    places, found = len(goals[0]) - begins, []
    for number, goal in enumerate(goals):
        matches = sum(t < len(text) and text[t] == goal[t] for t in range(begins, len(goal)))
        paid = matches if matches == places else matches - matches % sparsity
        found.append(paid / places * (1.0 if number == 0 else 0.75))
    return max(found)


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"sparsity": 2},
        {"sparsity": 5},
        {"modes": 7},
        {"bait": 0.3},
        {"bait": 0.0, "sparsity": 3, "modes": 4, "seed": 5},
    ],
)
@pytest.mark.parametrize("mode", ["terminal", "dense"])
def test_every_text_earns_what_the_rules_say(knobs: dict[str, Any], mode: str) -> None:
    env = gym.make("TextGen-Tiny-v0", reward={"name": "goal", **knobs}, reward_mode=mode).unwrapped
    check_reward(env.reward, env.task)
    goals, texts = env.reward.goals.tolist(), texts_of(env)
    assert len(goals) == knobs.get("modes", 1)
    expected = [by_hand(text, goals, knobs.get("sparsity", 1), knobs.get("bait")) for text in texts]
    padded = np.array([text + [4] * (5 - len(text)) for text in texts])
    np.testing.assert_allclose(env.score(padded, [len(text) for text in texts]), expected, atol=1e-12)
    assert env.score(goals)[0] == 1.0
    assert np.count_nonzero(np.isclose(expected, 1.0)) == 1


def test_the_goal_is_written_without_the_end_token_and_decoys_share_no_place_with_it() -> None:
    for seed in range(20):
        goals = GoalReward(modes=33, seed=seed).bind(TinyTask()).goals
        assert (goals > 0).all()
        assert (goals[1:] != goals[0]).all()
        assert len(np.unique(goals, axis=0)) == 33


def test_the_optimum_is_the_goal_whatever_the_knobs() -> None:
    games = [game(max_length=T) for T in (2, 7)] + [game(vocab_size=V) for V in (3, 10)]
    games += [game(sparsity=k) for k in (2, 5)] + [game(modes=m) for m in (4, 33)] + [game(bait=b) for b in (0.0, 0.9)]
    for env in games:
        found = solve(env)
        assert found.optimum == pytest.approx(1.0, abs=1e-12)
        assert found.texts.tokens.tolist() == env.unwrapped.reward.goals[:1].tolist()


def test_a_longer_horizon_is_found_less() -> None:
    """A place is reached if no end token came before it: E = 1/T sum_t (1/V) (1 - 1/V)^(t - 1)."""
    exact = [uniform_return(game(max_length=T)) for T in (2, 3, 5, 7)]
    expected = [sum((3 / 4) ** t / 4 for t in range(T)) / T for T in (2, 3, 5, 7)]
    np.testing.assert_allclose(exact, expected, atol=1e-12)
    assert np.all(np.diff(exact) < 0)


def test_a_larger_vocabulary_is_found_less() -> None:
    exact = [uniform_return(game(vocab_size=V)) for V in (3, 4, 6, 8)]
    assert np.all(np.diff(exact) < 0)


def test_a_sparser_reward_is_found_less() -> None:
    """At the end only the goal pays: it is written with probability V^-T."""
    exact = [uniform_return(game(sparsity=k)) for k in (1, 2, 3, 4, 5)]
    assert np.all(np.diff(exact) < 0)
    assert exact[-1] == pytest.approx(4.0**-5, abs=1e-15)


def test_more_modes_take_more_of_what_is_found() -> None:
    """The share of uniform texts that earn most by a decoy, not by the goal, grows."""

    def share(modes: int) -> float:
        decoyed, plain = game(modes=modes), game()
        tokens, lengths, _ = all_texts(TextMDP.of(plain))
        chances = 0.25**lengths
        more = decoyed.unwrapped.score(tokens, lengths) > plain.unwrapped.score(tokens, lengths) + 1e-12
        return float(chances @ more)

    found = [share(modes) for modes in (1, 4, 8, 16, 32)]
    assert found[0] == 0
    assert np.all(np.diff(found) > 0)


def test_a_bait_looks_better_than_the_path_from_a_price_on() -> None:
    """Uniform tokens earn 3/16 sum_t (3/4)^t after the right first token, t < 4, and the bait after any other."""
    path = sum((3 / 4) ** t / 4 for t in range(4)) / 4
    for bait in (0.0, 0.2, 0.4, 0.8):
        mdp = TextMDP.of(game(bait=bait))
        policy = np.full(mdp.allowed.shape, 0.25)
        assert expected_return(mdp, policy) == pytest.approx(path / 4 + bait * 3 / 4, abs=1e-12)
    assert 0.0 < path < 0.2


def test_noise_is_added_by_the_judge_and_cancels_over_judges() -> None:
    loud, quiet = game("judged", noise=2.0), game("judged")
    tokens, lengths, sources = all_texts(TextMDP.of(loud))
    added = loud.unwrapped.score(tokens, lengths, sources) - quiet.unwrapped.score(tokens, lengths, sources)
    np.testing.assert_allclose(np.abs(added), 2.0, atol=1e-12)
    np.testing.assert_allclose(added[sources == 0], -added[sources == 1], atol=1e-12)
    assert abs((added[sources == 0] > 0).mean() - 0.5) < 4 * 0.5 / np.sqrt((sources == 0).sum())
    assert uniform_return(loud) == pytest.approx(uniform_return(quiet), abs=1e-12)
    assert uniform_return(quiet) == pytest.approx(uniform_return(game()), abs=1e-12)


def test_the_judge_is_drawn_by_the_rows_own_generator_and_not_shown() -> None:
    """Row i of N rows seeded s is paid as a single environment seeded s + i; no observation tells the judges apart."""
    kwargs = {"task": "judged", "reward": {"name": "goal", "noise": 1.0}}
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=16, **kwargs)
    seen, infos = envs.reset(seed=40)
    assert len(set(infos["source_row"].tolist())) == 2
    assert len(np.unique(seen["source"])) == 1
    paid = envs.step(np.zeros(16, np.int64))[1]
    assert len(np.unique(paid)) == 2
    for row in range(16):
        env = gym.make("TextGen-Tiny-v0", **kwargs)
        env.reset(seed=40 + row)
        assert env.step(0)[1] == paid[row]


def test_the_seed_alone_draws_the_goal() -> None:
    first, again, other = (GoalReward(modes=3, seed=seed).bind(TinyTask()).goals for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("knobs", "task", "said"),
    [
        ({"sparsity": 6}, TinyTask(), "sparsity=6 must be at most 5"),
        ({"sparsity": 5, "bait": 0.1}, TinyTask(), "sparsity=5 must be at most 4"),
        ({"bait": 0.1}, TinyTask(max_length=1), "bait=0.1 needs a second token"),
        ({"modes": 34}, TinyTask(), "modes=34 must be at most 33"),
        ({"modes": 2}, TinyTask(vocab_size=2), "modes=2 must be at most 1"),
        ({}, TinyTask(vocab_size=1), "make vocab_size at least 2"),
        ({"noise": 1.0}, TinyTask(), "task='judged'"),
    ],
)
def test_knobs_that_do_not_fit_are_refused(knobs: dict[str, Any], task: TinyTask, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GoalReward(**knobs).bind(task)


@pytest.mark.parametrize(
    ("knobs", "error"),
    [
        ({"sparsity": 0}, ValueError),
        ({"modes": 1.5}, TypeError),
        ({"bait": -0.1}, ValueError),
        ({"bait": 1.5}, ValueError),
        ({"noise": "loud"}, TypeError),
        ({"noise": -1.0}, ValueError),
        ({"seed": -1}, ValueError),
    ],
)
def test_knobs_out_of_range_are_refused(knobs: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"{next(iter(knobs))}="):
        GoalReward(**knobs)


def test_it_says_what_it_lacks() -> None:
    texts = np.array([[1, 1]]), np.array([2])
    with pytest.raises(RuntimeError, match="not bound"):
        GoalReward().score(*texts)
    with pytest.raises(ValueError, match="sources=None"):
        GoalReward(noise=1.0).bind(JudgedTask(3, 2)).score(*texts)
