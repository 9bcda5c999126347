"""A game is a function of its kwargs and its seed: nothing else is read, nothing else is written."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from textgen_env import TextGenVectorEnv, generators
from textgen_env.generators import COMPILED_FROM, MANY, RowGenerators
from textgen_env.tasks.oracle import OracleTask

Plain = Callable[[Any], Any]


def trace(env: Any, seed: int, episodes: int = 3) -> list[Any]:
    """All that a few episodes of random tokens show."""
    return list(played(env, seed, episodes))


def played(env: Any, seed: int, episodes: int = 3) -> Any:
    """The same, one step at a time."""
    rng = np.random.default_rng(seed + 1)
    for episode in range(episodes):
        observation, info = env.reset(seed=seed if episode == 0 else None)
        yield observation, info
        terminated = False
        while not terminated:
            observation, reward, terminated, _, info = env.step(int(rng.integers(env.action_space.n)))
            yield observation, reward, info
    yield env.action_space.n


def global_states() -> list[Any]:
    """The random states that everyone shares."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002, this is what is watched
    return [random.getstate(), name, keys.tolist(), rest, torch.get_rng_state().tolist()]


def test_the_same_seed_gives_the_same_trace(env_id: str, small_kwargs: dict[str, Any], plain: Plain) -> None:
    first = plain(trace(gymnasium.make(env_id, **small_kwargs), seed=5))
    env = gymnasium.make(env_id, **small_kwargs)
    trace(env, seed=9)
    assert plain(trace(env, seed=5)) == first


def test_another_seed_gives_other_sources() -> None:
    env = gymnasium.make("TextGen-NumberWords-v0")
    drawn = {env.reset(seed=seed)[1]["source_row"] for seed in range(20)}
    assert len(drawn) > 15


def test_environments_do_not_meet(env_id: str, small_kwargs: dict[str, Any], plain: Plain) -> None:
    """Two that are stepped in turn, between uses of the global generators, play as each does alone."""
    alone = [trace(gymnasium.make(env_id, **small_kwargs), seed) for seed in (5, 6)]
    games = [played(gymnasium.make(env_id, **small_kwargs), seed) for seed in (5, 6)]
    together: list[list[Any]] = [[], []]
    running = [0, 1]
    while running:
        for which in list(running):
            random.seed(which)
            np.random.seed(which)  # noqa: NPY002, a user may do so
            torch.manual_seed(which)
            try:
                together[which].append(next(games[which]))
            except StopIteration:
                running.remove(which)
    assert plain(together) == plain(alone)


def test_threads_do_not_meet(env_id: str, small_kwargs: dict[str, Any], plain: Plain) -> None:
    alone = [trace(gymnasium.make(env_id, **small_kwargs), seed, episodes=2) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda seed: trace(gymnasium.make(env_id, **small_kwargs), seed, episodes=2), range(4))
        assert plain(list(together)) == plain(alone)


def test_no_global_random_state_is_touched(env_id: str, small_kwargs: dict[str, Any]) -> None:
    """Not by building, playing, scoring, drawing data, nor by a discriminator that learns."""
    before = global_states()
    if "reward" in small_kwargs:
        small_kwargs["reward"] = {**small_kwargs["reward"], "auto_update": True, "update_every": 2, "steps": 1}
    env = gymnasium.make(env_id, **small_kwargs)
    envs = gymnasium.make_vec(env_id, num_envs=2, **small_kwargs)
    trace(env, seed=0)
    env.reset()
    envs.reset(seed=0)
    envs.step(np.ones(2, np.int64))
    for texts in (env.unwrapped.task.training_sequences(), env.unwrapped.task.test_sequences()):
        env.unwrapped.score(*texts)
    env.unwrapped.snapshot()
    assert global_states() == before


def test_global_seeds_change_nothing(env_id: str, small_kwargs: dict[str, Any], plain: Plain) -> None:
    seen = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002, a user may do so
        torch.manual_seed(seed)
        env = gymnasium.make(env_id, **small_kwargs)
        task = env.unwrapped.task
        seen.append(
            (plain(trace(env, seed=0)), plain(task.training_sequences().tokens), plain(task.test_sequences().tokens))
        )
    assert seen[0] == seen[1]


def test_data_do_not_depend_on_what_is_asked_first() -> None:
    kwargs: dict[str, Any] = {"vocab_size": 30, "max_length": 6, "train_size": 60, "test_size": 20}
    first, second = OracleTask(**kwargs), OracleTask(**kwargs)
    train, test = first.training_sequences(), first.test_sequences()
    np.testing.assert_array_equal(second.test_sequences().tokens, test.tokens)
    np.testing.assert_array_equal(second.training_sequences().tokens, train.tokens)
    assert not np.array_equal(train.tokens[:20], test.tokens)


def test_unseeded_rows_differ(echo_task: Any) -> None:
    envs = TextGenVectorEnv(echo_task, lambda tokens, lengths, sources: lengths, num_envs=40)
    _, infos = envs.reset()
    assert len(set(infos["source_row"].tolist())) > 5
    assert envs.np_random_seed == (-1,) * 40


def test_a_seed_list_seeds_each_row(echo_task: Any) -> None:
    envs = TextGenVectorEnv(echo_task, lambda tokens, lengths, sources: lengths, num_envs=3)
    _, one = envs.reset(seed=[4, 8, 4])
    assert one["source_row"][0] == one["source_row"][2]
    assert envs.np_random_seed == (4, 8, 4)
    generators = [generator.bit_generator.state for generator in envs.np_random]
    assert generators[0] == generators[2] != generators[1]
    # None leaves the generator where it is.
    _, two = envs.reset(seed=[None, 8, None])
    assert two["source_row"][0] == two["source_row"][2]
    assert two["source_row"][1] == one["source_row"][1]
    assert envs.np_random_seed == (4, 8, 4)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_a_vector_env_repeats_itself(env_id: str, small_kwargs: dict[str, Any], mode: str, plain: Plain) -> None:
    envs = gymnasium.make_vec(env_id, num_envs=2, autoreset_mode=mode, **small_kwargs)

    def outcome() -> list[Any]:
        rng = np.random.default_rng(0)
        seen = [plain(envs.reset(seed=3)[0])]
        for _ in range(envs.unwrapped.task.max_length):
            observations, rewards, over, _, infos = envs.step(rng.integers(envs.single_action_space.n, size=2))
            seen += [plain(observations), rewards.tolist(), over.tolist(), plain(infos)]
            if mode == "Disabled" and over.any():
                seen.append(plain(envs.reset(options={"reset_mask": over})[0]))
        return seen

    assert outcome() == outcome()


@pytest.mark.parametrize("bound", [1, 2, 7, 1_000, 2**31 + 11, 2**32 - 1, 2**40])
def test_numbers_of_many_rows_are_those_that_numpy_draws(bound: int) -> None:
    rows = np.arange(0, MANY, 2)
    ours = RowGenerators(MANY)
    ours.seed(np.arange(MANY), list(range(MANY)))
    # Of another kind, and one that has half of its 64 bits left over.
    strange = np.random.Generator(np.random.MT19937(5)) if bound == 1_000 else np.random.default_rng(5)
    ours[4] = strange
    ours[6].integers(9)
    theirs = deepcopy(ours)
    for _ in range(20):
        found = ours.below(rows, bound)
        assert found.dtype == np.int64
        assert found.tolist() == [int(theirs[row].integers(bound)) for row in rows.tolist()]
        assert str(ours.states(rows)) == str(theirs.states(rows))
        few = rows[: COMPILED_FROM - 1]
        assert ours.below(few, bound).tolist() == [int(theirs[row].integers(bound)) for row in few.tolist()]


def test_another_numpy_draws_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs, rows = RowGenerators(MANY), RowGenerators(MANY), np.arange(MANY)
    ours.seed(rows, rows.tolist())
    theirs.seed(rows, rows.tolist())
    monkeypatch.setattr(generators, "_is_numpys_way", lambda: False)
    monkeypatch.setattr(generators, "_drawn", None)
    assert ours.below(rows, 50).tolist() == [int(theirs[row].integers(50)) for row in range(MANY)]


def test_the_kernel_draws_as_the_installed_numpy() -> None:
    pytest.importorskip("numba")
    assert generators._is_numpys_way()


@pytest.mark.parametrize(("rows", "drawn"), [(MANY, True), (MANY - 1, False)])
def test_compiled_draws_are_taken_in_games_of_many_rows(
    rows: int, drawn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    asked = []
    draw = generators._drawn
    monkeypatch.setattr(generators, "_drawn", lambda *given: asked.append(1) or draw(*given))
    RowGenerators(rows).below(np.arange(rows), 9)
    assert bool(asked) == drawn
