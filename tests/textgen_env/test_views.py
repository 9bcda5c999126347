"""Every view plays the same game: N rows as N single environments, in each autoreset mode, infos included."""

from __future__ import annotations

import inspect
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics
from gymnasium.wrappers.vector import DictInfoToList
from gymnasium.wrappers.vector import RecordEpisodeStatistics as RecordVectorStatistics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from textgen_env import TextGenEnv, TextGenVectorEnv
from textgen_env.columns import VectorInfos

ROWS = 3
MODES = list(AutoresetMode)
# A matrix product of one row rounds otherwise than one of N rows.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def assert_same(ours: Any, theirs: Any, path: str = "") -> None:
    """Equal in keys, types, shapes, dtypes and values; floats to `TOLERANCE`; infos as a plain dict."""
    ours, theirs = (each.copy() if isinstance(each, VectorInfos) else each for each in (ours, theirs))
    assert type(ours) is type(theirs), f"{path}: {type(ours)} is not {type(theirs)}"
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), f"{path}: {sorted(ours)} are not {sorted(theirs)}"
        for key in theirs:
            assert_same(ours[key], theirs[key], f"{path}[{key!r}]")
    elif isinstance(theirs, tuple):
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, f"{path}[{at}]")
    elif isinstance(theirs, np.ndarray):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), path
        if theirs.dtype == object:
            for row, (one, other) in enumerate(zip(ours, theirs, strict=True)):
                assert_same(one, other, f"{path}[{row}]")
        elif theirs.dtype.kind == "f":
            np.testing.assert_allclose(ours, theirs, **TOLERANCE, err_msg=path)
        else:
            np.testing.assert_array_equal(ours, theirs, err_msg=path)
    elif isinstance(theirs, float):
        np.testing.assert_allclose(ours, theirs, **TOLERANCE, err_msg=path)
    else:
        assert ours == theirs, path


def actions_for(vocab_size: int, eos_id: int | None, steps: int) -> st.SearchStrategy[np.ndarray]:
    """(steps, ROWS) token ids; an end token, where there is one, about every other time."""
    ids = st.integers(0, vocab_size - 1)
    return arrays(np.int64, (steps, ROWS), elements=ids if eos_id is None else st.just(eos_id) | ids)


@pytest.mark.parametrize("mode", MODES)
def test_n_rows_play_as_gymnasiums_own_vector_of_single_envs(
    env_id: str, small_kwargs: dict[str, Any], mode: AutoresetMode
) -> None:
    ours = gymnasium.make_vec(env_id, num_envs=ROWS, autoreset_mode=mode.value, **small_kwargs)
    theirs = gymnasium.make_vec(
        env_id, num_envs=ROWS, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **small_kwargs
    )
    assert isinstance(ours.unwrapped, TextGenVectorEnv)
    assert isinstance(theirs, SyncVectorEnv)
    for name in ("observation_space", "action_space", "single_observation_space", "single_action_space", "metadata"):
        assert getattr(ours, name) == getattr(theirs, name), name
    vocabulary, horizon = ours.unwrapped.task.vocabulary, ours.unwrapped.task.max_length

    # Long enough for a text to end by its length, and for the next one to begin.
    @settings(max_examples=8, deadline=None)
    @given(st.integers(0, 2**31), actions_for(len(vocabulary), vocabulary.eos_id, horizon + 2))
    def play(seed: int, actions: np.ndarray) -> None:
        assert_same(ours.reset(seed=seed), theirs.reset(seed=seed), "reset")
        assert ours.np_random_seed == theirs.np_random_seed
        over = np.zeros(ROWS, bool)
        for t, chosen in enumerate(actions):
            if mode is AutoresetMode.DISABLED and over.any():
                mask = {"options": {"reset_mask": over}}
                assert_same(ours.reset(**mask), theirs.reset(options={"reset_mask": over.copy()}), f"mask, t={t}")
            one, other = ours.step(chosen), theirs.step(chosen)
            assert_same(one, other, f"t={t}")
            over = one[2]

    play()


def test_row_i_of_seed_s_plays_as_a_single_env_of_seed_s_plus_i(env_id: str, small_kwargs: dict[str, Any]) -> None:
    vector = gymnasium.make_vec(env_id, num_envs=ROWS, autoreset_mode="Disabled", **small_kwargs)
    singles = [gymnasium.make(env_id, **small_kwargs) for _ in range(ROWS)]
    vocabulary, horizon = vector.unwrapped.task.vocabulary, vector.unwrapped.task.max_length

    @settings(max_examples=8, deadline=None)
    @given(st.integers(0, 2**31), actions_for(len(vocabulary), vocabulary.eos_id, 2 * horizon))
    def play(seed: int, actions: np.ndarray) -> None:
        observations, infos = vector.reset(seed=seed)
        for row, env in enumerate(singles):
            assert_same((row_of(observations, row), infos_of(infos, row)), env.reset(seed=seed + row))
        over = np.zeros(ROWS, bool)
        for chosen in actions:
            if over.any():
                # The second texts draw their sources from the rows' generators where the first left them.
                observations, infos = vector.reset(options={"reset_mask": over})
                for row in np.flatnonzero(over):
                    assert_same((row_of(observations, row), infos_of(infos, row)), singles[row].reset())
            observations, rewards, over, truncated, infos = vector.step(chosen)
            for row, env in enumerate(singles):
                observation, reward, terminated, cut, info = env.step(chosen[row])
                assert_same(row_of(observations, row), observation)
                assert_same(float(rewards[row]), reward)
                assert (over[row], truncated[row]) == (terminated, cut)
                assert_same(infos_of(infos, row), info)

    play()


def row_of(observations: Any, row: int) -> Any:
    """One row's observation."""
    return {k: v[row] for k, v in observations.items()} if isinstance(observations, dict) else observations[row]


def infos_of(infos: dict[str, Any], row: int) -> dict[str, Any]:
    """One row's info as the single environment gives it: what the masks say it has, as plain numbers."""
    own: dict[str, Any] = {}
    for key, value in infos.items():
        if key.startswith("_") or not infos[f"_{key}"][row]:
            continue
        entry = infos_of(value, row) if isinstance(value, dict) else value[row]
        own[key] = entry.item() if isinstance(entry, np.generic) else entry
    return own


def test_same_step_keeps_the_last_observation_and_info() -> None:
    envs = TextGenVectorEnv("tiny", "table", num_envs=2, autoreset_mode="SameStep")
    envs.reset(seed=0)
    envs.step([1, 2])
    observations, rewards, terminated, _, infos = envs.step([0, 3])
    assert terminated.tolist() == [True, False]
    assert observations.tolist() == [[4] * 5, [2, 3, 4, 4, 4]]
    assert infos["final_obs"][0].tolist() == [1, 0, 4, 4, 4]
    assert infos["final_obs"][1] is None
    assert infos["_final_obs"].tolist() == infos["_final_info"].tolist() == [True, False]
    final = infos_of(infos["final_info"], 0)
    assert (final["text"], final["stop"], final["length"]) == ("a", "eos", 2)
    assert final["reward_terms"]["table"] == pytest.approx(envs.score([[1, 0]])[0])
    assert np.isfinite(rewards).all()


@pytest.mark.parametrize("mode", MODES)
def test_every_info_has_the_row_of_the_source_that_is_shown(echo_task: Any, mode: AutoresetMode) -> None:
    envs = TextGenVectorEnv(echo_task, len_reward, num_envs=3, autoreset_mode=mode)
    table = echo_task.sources.tokens
    observations, infos = envs.reset(seed=0)
    drawn = set()
    for chosen in ([1, 0, 2], [2, 1, 0], [0, 2, 1], [1, 1, 1], [2, 2, 2], [1, 2, 0]):
        np.testing.assert_array_equal(table[infos["source_row"]], observations["source"])
        assert infos["_source_row"].all()
        assert infos["source_row"].dtype == np.int64
        drawn |= set(infos["source_row"].tolist())
        before = infos["source_row"].copy()
        observations, _, over, _, infos = envs.step(chosen)
        if mode is AutoresetMode.SAME_STEP and over.any():
            final = infos["final_info"]
            assert final["_source_row"].tolist() == over.tolist()
            np.testing.assert_array_equal(final["source_row"][over], before[over])
        if mode is AutoresetMode.DISABLED and over.any():
            observations, begun = envs.reset(options={"reset_mask": over})
            assert begun["_source_row"].tolist() == over.tolist()
            np.testing.assert_array_equal(begun["source_row"][over], envs.core.source_indices[over])
            infos["source_row"][over] = begun["source_row"][over]
    assert len(drawn) > 3


def test_next_step_ignores_the_action_of_a_row_that_ended() -> None:
    envs = TextGenVectorEnv("tiny", "table", num_envs=2, autoreset_mode="NextStep")
    envs.reset(seed=0)
    envs.step([0, 1])
    observations, rewards, terminated, truncated, infos = envs.step([99, 0])
    assert observations.tolist() == [[4] * 5, [1, 0, 4, 4, 4]]
    assert rewards[0] == 0.0
    assert terminated.tolist() == [False, True]
    assert not truncated.any()
    assert infos["_text"].tolist() == [False, True]


def test_disabled_resets_the_rows_of_the_mask_alone() -> None:
    envs = TextGenVectorEnv("tiny", "table", num_envs=3, autoreset_mode="Disabled")
    envs.reset(seed=0)
    envs.step([0, 1, 0])
    mask = np.array([True, False, False])
    options = {"reset_mask": mask, "prefix": [2]}
    observations, _ = envs.reset(options=options)
    assert observations[:, :2].tolist() == [[2, 4], [1, 4], [0, 4]]
    assert options.keys() == {"reset_mask", "prefix"}
    with pytest.raises(gymnasium.error.ResetNeeded, match="row 2 has ended"):
        envs.step([1, 1, 1])


def test_a_mask_seeds_its_rows_alone() -> None:
    envs = TextGenVectorEnv("number_words", "bleu", num_envs=3, autoreset_mode="Disabled", max_number=99)
    envs.reset(seed=0)
    _, infos = envs.reset(seed=7, options={"reset_mask": np.array([False, True, True])})
    assert envs.np_random_seed == (0, 8, 9)
    single = TextGenEnv("number_words", "bleu", max_number=99)
    assert infos["source_row"][1] == single.reset(seed=8)[1]["source_row"]
    assert infos["_source_row"].tolist() == [False, True, True]


def test_a_reset_under_way_ends_with_the_mask(echo_task: Any) -> None:
    """NEXT_STEP: a row that ended and is reset by a mask plays on in the next step."""
    envs = TextGenVectorEnv(echo_task, len_reward, num_envs=2)
    envs.reset(seed=0)
    envs.step([0, 1])
    envs.reset(options={"reset_mask": np.array([True, False])})
    observations, *_ = envs.step([3, 2])
    assert observations["tokens"].tolist() == [[3, 4, 4, 4], [1, 2, 4, 4]]


def len_reward(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
    """The number of tokens."""
    return lengths.astype(float)


def test_single_wrappers_work() -> None:
    env = RecordEpisodeStatistics(gymnasium.make("TextGen-Tiny-v0"))
    env.reset(seed=0)
    env.step(1)
    *_, terminated, _, info = env.step(0)
    assert terminated
    assert info["episode"]["r"] == pytest.approx(env.unwrapped.score([[1, 0]])[0])
    assert info["episode"]["l"] == 2


@pytest.mark.parametrize("mode", MODES)
def test_vector_wrappers_work(env_id: str, small_kwargs: dict[str, Any], mode: AutoresetMode) -> None:
    envs = gymnasium.make_vec(env_id, num_envs=2, autoreset_mode=mode.value, **small_kwargs)
    listed = DictInfoToList(RecordVectorStatistics(envs))
    _, infos = listed.reset(seed=0)
    assert [info.keys() for info in infos] == [envs.reset(seed=0)[1].keys() - {"_source_row"}] * 2
    listed.reset(seed=0)
    steps = envs.unwrapped.task.max_length
    returns = np.zeros(2)
    for _ in range(steps):
        _, rewards, terminated, _, infos = listed.step(np.full(2, 1))
        returns += rewards
    assert terminated.all()
    for row, info in enumerate(infos):
        final = info["final_info"] if mode is AutoresetMode.SAME_STEP else info
        assert final["stop"] == "length"
        assert final["length"] == steps
        assert isinstance(str(final["text"]), str)
        assert info["episode"]["r"] == pytest.approx(returns[row])
        assert info["episode"]["l"] == steps


def test_texts_cross_processes_as_strings() -> None:
    make = [lambda: gymnasium.make("TextGen-Tiny-v0")] * 2
    envs = AsyncVectorEnv(make)
    try:
        envs.reset(seed=0)
        envs.step(np.array([1, 2]))
        *_, infos = envs.step(np.array([0, 0]))
    finally:
        envs.close()
    assert infos["text"].tolist() == ["a", "b"]
    assert [type(text) for text in infos["text"]] == [str, str]


def test_the_vector_env_takes_all_that_the_single_env_takes() -> None:
    single = inspect.signature(TextGenEnv).parameters
    vector = inspect.signature(TextGenVectorEnv).parameters
    assert {name: (p.default, p.kind) for name, p in single.items()}.items() <= {
        name: (p.default, p.kind) for name, p in vector.items()
    }.items()


def test_masks_of_rows_are_the_masks_of_single_envs(no_repeat_task: Any) -> None:
    envs = TextGenVectorEnv(no_repeat_task, len_reward, num_envs=2, autoreset_mode="Disabled")
    single = TextGenEnv(no_repeat_task, len_reward)
    envs.reset(seed=0)
    single.reset(seed=0)
    for actions in ([1, 1], [2, 0]):
        np.testing.assert_array_equal(envs.action_masks()[0], single.action_masks())
        envs.step(actions)
        single.step(actions[0])
    # A row that waits for its reset takes any action.
    assert envs.action_masks().tolist() == [[True, True, False, True], [True] * 4]
