"""The arrays are the game: every text, played through the environment, earns what they say."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from support.games import share_copied
from textgen_env import TextGenEnv, TextGenVectorEnv
from textgen_env.solve import TextMDP, all_texts, solve


def test_every_text_earns_in_the_game_what_the_arrays_say(game: dict[str, Any], mode: str) -> None:
    mdp = TextMDP.of(TextGenEnv(**game, reward_mode=mode))
    tokens, lengths, sources = all_texts(mdp)
    core = TextGenVectorEnv(**game, reward_mode=mode, num_envs=len(tokens)).core
    core.reset(source=sources)
    close = 1e-5 if game["reward"] == "likelihood" else 1e-9
    at = np.zeros(len(tokens), np.int64) if sources is None else np.array([mdp.state([], s) for s in sources.tolist()])
    for t in range(int(lengths.max())):
        going = np.flatnonzero(core.running)
        np.testing.assert_array_equal(going, np.flatnonzero(lengths > t))
        here, chosen = at[going], tokens[going, t]
        np.testing.assert_array_equal(mdp.allowed[here], core.action_masks(going))
        np.testing.assert_array_equal(mdp.tokens[here], core.tokens[going])
        if mdp.sources is not None:
            np.testing.assert_array_equal(mdp.sources.tokens[here], core.observations(going)["source"])
        moved = core.step(chosen, going)
        np.testing.assert_allclose(moved.rewards[going], mdp.rewards[here, chosen], rtol=close, atol=close)
        at[going] = mdp.next_state[here, chosen]
        np.testing.assert_array_equal(at[going] < 0, moved.terminated[going])
    assert not core.running.any()


def test_it_is_a_tree_breadth_first(mdp: TextMDP) -> None:
    states = np.arange(mdp.num_states)
    roots = mdp.levels[0].stop
    goes_on = mdp.next_state >= 0
    np.testing.assert_array_equal(mdp.next_state[goes_on], states[roots:])
    assert [level.start for level in mdp.levels[1:]] == [level.stop for level in mdp.levels[:-1]]
    for length, level in enumerate(mdp.levels):
        assert (mdp.lengths[level] == length).all()
    assert mdp.start.sum() == pytest.approx(1)
    assert not mdp.start[roots:].any()
    assert not (goes_on & ~mdp.allowed).any()
    assert not mdp.rewards[~mdp.allowed].any()


def test_all_texts_are_those_of_the_task() -> None:
    env = gym.make("TextGen-Tiny-v0")
    tokens, lengths, sources = all_texts(TextMDP.of(env))
    expected = env.unwrapped.task.all_texts()
    assert sources is None
    assert sorted(tokens.tolist()) == sorted(expected.tokens.tolist())
    np.testing.assert_array_equal((tokens < 4).sum(1), lengths)


def test_sources_begin_as_often_as_the_pool_has_them(echo_task: Any) -> None:
    echo_task.sources.pool.setflags(write=True)
    echo_task.sources.pool[:] = 5
    echo_task.sources.pool[0] = 1
    mdp = TextMDP.of(TextGenVectorEnv(echo_task, share_copied))
    assert mdp.sources is not None
    np.testing.assert_allclose(mdp.start[:2], [1 / 20, 19 / 20])
    assert mdp.sources.indices[:2].tolist() == [1, 5]
    assert mdp.state([1, 2], source=5) == mdp.next_state[mdp.next_state[1, 1], 2]


def test_a_state_is_found_by_its_prefix(mdp: TextMDP) -> None:
    for state in range(mdp.num_states):
        source = None if mdp.sources is None else int(mdp.sources.indices[state])
        assert mdp.state(mdp.tokens[state, : mdp.lengths[state]], source) == state


@pytest.mark.parametrize("prefix", [[0], [1, 0], [4], [-1], [1] * 5])
def test_a_prefix_that_is_none_is_refused(prefix: list[int]) -> None:
    with pytest.raises(ValueError, match="prefix="):
        TextMDP.of(gym.make("TextGen-Tiny-v0")).state(prefix)


def test_a_source_that_is_none_is_refused(echo_task: Any) -> None:
    conditional = TextMDP.of(TextGenVectorEnv(echo_task, share_copied))
    for source in (None, 3):
        with pytest.raises(ValueError, match=f"source={source} must be a row"):
            conditional.state([], source)
    with pytest.raises(ValueError, match="source=0: this task is unconditional"):
        TextMDP.of(gym.make("TextGen-Tiny-v0")).state([], 0)


@pytest.mark.parametrize(
    ("id_", "kwargs", "said"),
    [
        ("TextGen-Oracle-v0", {}, r"has 1\.9e\+70 prefixes, more than most_states=1000000; make vocab_size or"),
        ("TextGen-Oracle-v0", {"max_length": 200}, r"has 1\.2e\+736 prefixes"),
        (
            "TextGen-Oracle-v0",
            {"max_length": 2, "vocab_size": 5500},
            "has 30,255,500 pairs of a prefix and a token",
        ),
        ("TextGen-Captions-v1", {"min_length": 3}, r"has 2\.\de\+50 prefixes, more"),
        ("TextGen-NumberWords-v0", {"max_number": 99}, "or the pool of sources"),
    ],
)
def test_a_game_too_large_is_refused_saying_how_large(id_: str, kwargs: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TextMDP.of(gym.make(id_, **kwargs))


def test_the_limits_are_the_count(game: dict[str, Any]) -> None:
    """One less is refused: by its sizes, or level by level where the task has masks."""
    env = TextGenEnv(**game)
    mdp = TextMDP.of(env)
    states, pairs = mdp.num_states, mdp.allowed.size
    assert TextMDP.of(env, most_states=states, most_pairs=pairs).num_states == states
    if states > 1:
        with pytest.raises(ValueError, match=rf"has {states:,} prefixes.*more than most_states={states - 1}"):
            solve(env, most_states=states - 1)
        with pytest.raises(ValueError, match=rf"has {pairs:,} pairs .*more than most_pairs={pairs - 1}"):
            TextMDP.of(env, most_pairs=pairs - 1)


def test_what_is_masked_is_not_counted(no_repeat_task: Any) -> None:
    """1 + 1 + 2 + 2 * 2 + 2 * 2 * 2 prefixes; 1 + 3 + 9 + ... without masks."""
    assert TextMDP.of(TextGenVectorEnv(no_repeat_task, "table"), most_states=16).num_states == 16


def test_a_prefix_that_nothing_may_follow_is_refused(no_repeat_task: Any) -> None:
    no_repeat_task.allowed_tokens = lambda tokens, lengths: np.repeat(lengths[:, None] < 2, 4, 1)
    with pytest.raises(ValueError, match=r"no token is allowed after \[1, 1\]"):
        TextMDP.of(TextGenVectorEnv(no_repeat_task, "table"))


def test_a_reward_drawn_anew_is_refused() -> None:
    rng = np.random.default_rng(0)
    env = gym.make("TextGen-Tiny-v0", reward=lambda tokens, lengths, sources=None: rng.random(len(tokens)))
    with pytest.raises(ValueError, match=r"scores the text \[0\] 0\.\d+ and then 0\.\d+: what is drawn anew"):
        TextMDP.of(env)


def test_a_reward_that_learns_is_taken_as_it_stands() -> None:
    small = {"embedding_size": 4, "widths": [1, 2], "counts": [3, 3], "update_every": 8}
    env = gym.make("TextGen-Tiny-v0", reward={"name": "discriminator", **small}).unwrapped
    before = {name: tensor.clone() for name, tensor in env.reward.state_dict().items()}
    mdp = TextMDP.of(env)
    after = env.reward.state_dict()
    assert all((after[name] == tensor).all() for name, tensor in before.items())
    texts = all_texts(mdp)
    np.testing.assert_allclose(mdp.rewards[mdp.ends], env.score(texts.tokens, texts.lengths), rtol=1e-6)
    env.reward.update(texts)
    assert np.abs(TextMDP.of(env).rewards - mdp.rewards).max() > 1e-4


def test_wrappers_are_looked_through() -> None:
    env = gym.wrappers.TransformReward(gym.make("TextGen-Tiny-v0"), lambda reward: 2 * reward)
    assert solve(env).optimum == solve(gym.make_vec("TextGen-Tiny-v0", num_envs=3)).optimum


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"env": "TextGen-Tiny-v0"}, TypeError, "env='TextGen-Tiny-v0' must be a text environment"),
        ({"env": gym.make("CartPole-v1")}, TypeError, "must be a text environment"),
        ({"discount": 1.1}, ValueError, "discount=1.1 must be a number from 0 to 1"),
        ({"discount": float("nan")}, ValueError, "discount=nan"),
        ({"discount": "1"}, ValueError, "discount='1'"),
        ({"most_states": 0}, ValueError, "most_states=0 must be a whole number >= 1"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        TextMDP.of(**{"env": gym.make("TextGen-Tiny-v0"), **arguments})


def test_policies_are_checked() -> None:
    mdp = TextMDP.of(gym.make("TextGen-Tiny-v0", min_length=1))
    fine = mdp.uniform_policy()
    np.testing.assert_array_equal(fine[0], [0, 1 / 3, 1 / 3, 1 / 3])
    mdp.checked_policy(fine)
    for wrong in ([0.5, 0.5, 0.5, -0.5], [0, 0.5, 0.25, 0.2], [0, np.nan, 0.5, 0.5]):
        policy = fine.copy()
        policy[3] = wrong
        with pytest.raises(ValueError, match=r"policy\[3\]=\[.*must be probabilities >= 0 that add up to 1"):
            mdp.checked_policy(policy)
    with pytest.raises(ValueError, match=r"policy\[0, 0\]=0.25: token 0 is not allowed after \[\]"):
        mdp.checked_policy(np.full_like(fine, 0.25))
    with pytest.raises(ValueError, match=r"policy has shape \(2, 4\), expected \(121, 4\)"):
        mdp.checked_policy(fine[:2])
