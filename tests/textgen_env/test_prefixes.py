"""The short ways of writing a token inside a text do what the long way does, or nothing."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_env import BaseTask, GenerationCore, Vocabulary
from textgen_env.kernels import SWITCH
from textgen_env.prefixes import COMPILED_FROM
from textgen_env.rewards.base import as_reward

WORDS = ("<eos>", "a", "b", "c", "d", "e")
MANY = COMPILED_FROM + 5


class WordTask(BaseTask):
    """Texts of up to four of six tokens, with or without an end."""

    def __init__(self, ends: bool) -> None:
        self.vocabulary = Vocabulary(WORDS, eos=WORDS[0] if ends else None)
        self.max_length = 4


def token_sum(tokens: Any, lengths: Any, sources: Any = None) -> Any:
    """A reward that sees every token."""
    return np.where(np.arange(tokens.shape[1]) < lengths[:, None], tokens, 0).sum(1)


def core(rows: int, ends: bool, compiled: bool = True, mode: Any = None) -> GenerationCore:
    """A core that writes by compiled code, or the plain way."""
    with pytest.MonkeyPatch.context() as patch:
        if not compiled:
            patch.setenv(SWITCH, "0")
        return GenerationCore(WordTask(ends), as_reward(token_sum), rows, mode)


def played(game: GenerationCore, actions: Any, rows: Any = None) -> Any:
    """What a step gave and where it led, or how it was refused."""
    try:
        moved = game.step(actions, rows)
        said: Any = moved.rewards.tolist(), moved.terminated.tolist(), str(moved.finished)
    except Exception as error:
        said = repr(error)
    return said, game.tokens.tolist(), game.lengths.tolist(), game.running.tolist(), game.returns.tolist()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    ends=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
    wrong=st.lists(st.sampled_from([None, -1, 6, 2**40, "float", "int32", "readonly", "strided", "list", "short"])),
    lazy=st.booleans(),
)
def test_compiled_steps_are_the_plain_ones(ends: bool, seed: int, wrong: list[Any], lazy: bool) -> None:
    pytest.importorskip("numba")
    fast, plain = core(MANY, ends), core(MANY, ends, compiled=False)
    rng = np.random.default_rng(seed)
    if lazy:
        fast.reset()
        plain.reset()
    for how in [*wrong, None, None, None]:
        # The end token is rare, so that whole batches stay inside their texts.
        actions = np.where(rng.random(MANY) < 0.001, 0, rng.integers(1, len(WORDS), MANY))
        if isinstance(how, int):
            actions[rng.integers(MANY)] = how
        given = {
            "float": lambda a: a.astype(float),
            "int32": lambda a: a.astype(np.int32),
            "readonly": lambda a: np.frombuffer(a.tobytes(), np.int64),
            "strided": lambda a: np.repeat(a, 2)[::2],
            "list": lambda a: a.tolist(),
            "short": lambda a: a[1:],
        }.get(str(how), lambda a: a)(actions)
        assert played(fast, given) == played(plain, given)
        ended = np.flatnonzero(fast.ended)
        if len(ended):
            fast.reset(ended)
            plain.reset(ended)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    ends=st.booleans(), mode=st.sampled_from(["terminal", "dense"]), seed=st.integers(0, 2**32 - 1), wrong=st.booleans()
)
def test_compiled_steps_of_some_rows_are_the_plain_ones(ends: bool, mode: Any, seed: int, wrong: bool) -> None:
    pytest.importorskip("numba")
    fast, plain = core(MANY, ends, mode=mode), core(MANY, ends, compiled=False, mode=mode)
    rng = np.random.default_rng(seed)
    fast.reset()
    plain.reset()
    found = 0
    for _ in range(12):
        going = np.flatnonzero(fast.running & (rng.random(MANY) < 0.8))
        actions = rng.integers(0, len(WORDS), len(going))
        if wrong and len(going) and rng.random() < 0.3:
            at = rng.integers(len(going))
            kind = rng.integers(3)
            if kind == 0:
                actions[at] = rng.choice([-1, len(WORDS), 2**40])
            elif kind == 1:
                going[at] = np.flatnonzero(~fast.running)[0] if (~fast.running).any() else going[at]
            else:
                actions = actions.astype(np.int32)
        known = fast.prefixes.found_ends(actions, going)
        found += known is not None
        assert played(fast, actions, going) == played(plain, actions, going)
        over = np.flatnonzero(fast.ended & (rng.random(MANY) < 0.5))
        if len(over):
            fast.reset(over)
            plain.reset(over)
    assert found


def test_compiled_code_is_taken_where_it_pays() -> None:
    pytest.importorskip("numba")
    game = core(MANY, ends=False)
    game.reset()
    assert game.prefixes.write_all_inside(np.ones(MANY, np.int64))
    assert (game.lengths == 1).all()
    few = core(COMPILED_FROM - 1, ends=False)
    few.reset()
    assert not few.prefixes.write_all_inside(np.ones(COMPILED_FROM - 1, np.int64))


@pytest.mark.parametrize("kwargs", [{"reward_mode": "dense"}, {"min_length": 2}])
def test_paid_and_masked_tokens_take_the_long_way(kwargs: dict[str, Any]) -> None:
    game = GenerationCore(WordTask(ends=True), as_reward(token_sum), MANY, **kwargs)
    game.reset()
    moved = game.step(np.ones(MANY, np.int64))
    assert (moved.rewards == (1.0 if "reward_mode" in kwargs else 0.0)).all()
    if "min_length" in kwargs:
        with pytest.raises(gym.error.InvalidAction, match="masked"):
            game.step(np.zeros(MANY, np.int64))


def test_many_rows_play_as_single_environments() -> None:
    rows = MANY
    envs = gym.make_vec("TextGen-Captions-v1", num_envs=rows, train_size=50, autoreset_mode="NextStep")
    singles = [gym.make("TextGen-Captions-v1", train_size=50) for _ in range(3)]
    rng = np.random.default_rng(0)
    envs.reset(seed=0)
    for row, env in enumerate(singles):
        env.reset(seed=row)
    over = [False] * len(singles)
    for _ in range(50):
        actions = rng.integers(envs.single_action_space.n, size=rows)
        seen, rewards, terminated, _, infos = envs.step(actions)
        for row, env in enumerate(singles):
            if over[row]:
                obs, over[row] = env.reset()[0], False
                assert rewards[row] == 0.0
            else:
                obs, reward, over[row], _, info = env.step(actions[row])
                assert (rewards[row], terminated[row]) == (reward, over[row])
                if over[row]:
                    assert infos["text"][row] == info["text"]
            assert (seen[row] == obs).all()


def test_65536_rows_step() -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=65_536, reward_mode="terminal", autoreset_mode="SameStep")
    rng = np.random.default_rng(0)
    envs.reset()
    for _ in range(10):
        seen, rewards, terminated, _, infos = envs.step(rng.integers(100, size=65_536))
    assert seen.shape == (65_536, 10)
    assert terminated.all()
    texts = infos["final_info"]["tokens"][-3:]
    np.testing.assert_allclose(rewards[-3:], envs.unwrapped.score(texts), atol=1e-4)
    assert infos["final_info"]["text"][-1] == " ".join(map(str, texts[-1]))
