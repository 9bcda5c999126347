"""Wrappers: single and vector say the same, and what they say is the observation and the mask."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from textgen_env import wrappers

ROWS = 3
NAMES = ["OneHotObservation", "MultiDiscreteObservation", "ActionMaskObservation", "ActionMaskInfo", "UniformInfo"]
MODES = list(AutoresetMode)


def assert_same(one: Any, other: Any, path: str) -> None:
    """Equal in keys, types, shapes and values."""
    if isinstance(other, dict):
        assert set(one) == set(other), path
        for key in other:
            assert_same(one[key], other[key], f"{path}[{key!r}]")
    elif isinstance(other, np.ndarray) and other.dtype == object:
        for row, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{path}[{row}]")
    elif isinstance(other, np.ndarray | float):
        assert getattr(one, "dtype", float) == getattr(other, "dtype", float), path
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5, err_msg=path)
    else:
        assert one == other, path


# The checker would rather see what is inside.
@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version:UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_gymnasiums_checker_has_nothing_to_say(name: str, env_id: str, small_kwargs: dict[str, Any]) -> None:
    env = getattr(wrappers, name)(gymnasium.make(env_id, **small_kwargs))
    env.unwrapped.reset(seed=0)
    check_env(env, skip_render_check=True, skip_close_check=True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("id", ["TextGen-Captions-v1", "TextGen-NumberWords-v0"])
def test_rows_show_what_gymnasiums_vector_of_wrapped_environments_shows(
    id: str, name: str, mode: AutoresetMode
) -> None:
    small = {"max_number": 99} if "Number" in id else {"train_size": 50, "test_size": 10}
    ours = getattr(wrappers.vector, name)(
        gymnasium.make_vec(id, num_envs=ROWS, autoreset_mode=mode, min_length=2, **small)
    )

    def make() -> gymnasium.Env[Any, Any]:
        return getattr(wrappers, name)(gymnasium.make(id, min_length=2, **small))  # type: ignore[no-any-return]

    theirs = SyncVectorEnv([make] * ROWS, autoreset_mode=mode)
    assert ours.observation_space == theirs.observation_space
    assert ours.autoreset_mode is mode
    assert ours.single_observation_space == theirs.single_observation_space
    assert_same(ours.reset(seed=3)[0], theirs.reset(seed=3)[0], "reset")
    rng = np.random.default_rng(0)
    vocabulary = ours.unwrapped.task.vocabulary
    over = np.zeros(ROWS, np.bool_)
    for t in range(40):
        if mode is AutoresetMode.DISABLED and over.any():
            chosen = {"reset_mask": over}
            one, other = ours.reset(options=dict(chosen)), theirs.reset(options={"reset_mask": over.copy()})
            assert_same(one[0], other[0], f"mask {t}")
        masks = ours.unwrapped.action_masks()
        actions = (rng.random(masks.shape) * masks).argmax(1)
        ends = masks[:, vocabulary.eos_id] & (rng.random(ROWS) < 0.3)
        actions[ends] = vocabulary.eos_id
        one, other = ours.step(actions), theirs.step(actions)
        for which, (mine, its) in enumerate(zip(one, other, strict=True)):
            assert_same(mine, its, f"t={t}[{which}]")
        assert one[0] in ours.observation_space
        over = one[2]


def test_infos_have_the_same_keys_from_the_first_to_the_last(echo_task: Any) -> None:
    env = wrappers.UniformInfo(gymnasium.make("TextGen-Tiny-v0", task=echo_task, reward="constant"))
    infos = [env.reset(seed=0)[1], *(env.step(token)[4] for token in (1, 2, 0))]
    assert [set(info) for info in infos] == [{"text", "tokens", "length", "stop", "source_row"}] * 4
    assert [(info["text"], info["length"], info["stop"]) for info in infos] == [
        ("", 0, ""),
        ("a", 1, ""),
        ("ab", 2, ""),
        ("ab", 3, "eos"),
    ]
    assert [info["tokens"].tolist() for info in infos[1:3]] == [[1, 4, 4, 4], [1, 2, 4, 4]]


def test_ids_stay_ids_in_a_multi_discrete(echo_task: Any) -> None:
    env = wrappers.MultiDiscreteObservation(gymnasium.make("TextGen-Tiny-v0", task=echo_task, reward="constant"))
    assert env.observation_space == gymnasium.spaces.MultiDiscrete([4] * 3 + [5] * 4)
    env.reset(options={"source": 5})
    assert env.step(1)[0].tolist() == [0, 2, 3, 1, 4, 4, 4]


def test_one_hot_numbers_are_the_tokens() -> None:
    env = wrappers.OneHotObservation(gymnasium.make("TextGen-Tiny-v0", max_length=3, vocab_size=4))
    assert not env.reset(seed=0)[0].any()
    env.step(2)
    seen = env.step(1)[0]
    np.testing.assert_array_equal(seen.reshape(3, 4), [[0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])


def test_the_source_comes_before_the_tokens(echo_task: Any) -> None:
    env = gymnasium.make("TextGen-Tiny-v0", task=echo_task, reward="constant")
    ids, space = env.reset(seed=0)[0], env.observation_space
    seen = wrappers.OneHotObservation(env).reset(seed=0)[0]
    (source, kinds), _ = ((space[key].shape[0], int(space[key].high.max())) for key in ("source", "tokens"))
    table = seen[: source * kinds].reshape(source, kinds)
    written = ids["source"] < kinds
    np.testing.assert_array_equal(table.argmax(1)[written], ids["source"][written])
    assert table.sum() == seen.sum() == written.sum()


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_makes_the_wrapped_environment_again(name: str) -> None:
    env = getattr(wrappers, name)(gymnasium.make("TextGen-Tiny-v0"))
    again = gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.observation_space == env.observation_space
    assert type(again).__name__ == name


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.bool_])
def test_a_mask_has_the_type_that_is_asked_for(dtype: Any) -> None:
    env = gymnasium.make("TextGen-Captions-v1", min_length=2, train_size=50, test_size=10)
    masked = wrappers.ActionMaskObservation(env, "observations", "mask", dtype)
    seen, _ = masked.reset(seed=0)
    assert seen.keys() == {"observations", "mask"}
    assert seen in masked.observation_space
    assert seen["mask"].dtype == dtype
    np.testing.assert_array_equal(seen["mask"], env.unwrapped.action_masks())
    assert not seen["mask"][env.unwrapped.task.vocabulary.eos_id]


def test_what_cannot_be_wrapped_is_refused() -> None:
    cartpole, texts = gymnasium.make("CartPole-v1"), gymnasium.make("TextGen-Tiny-v0")
    for name in NAMES:
        with pytest.raises(TypeError, match=r"expected token ids|must be an environment of texts"):
            getattr(wrappers, name)(cartpole)
    for name in ("OneHotObservation", "MultiDiscreteObservation"):
        with pytest.raises(TypeError, match="before anything that changes what it shows"):
            getattr(wrappers, name)(wrappers.OneHotObservation(texts))
    with pytest.raises(ValueError, match="must be two names"):
        wrappers.ActionMaskObservation(texts, "a", "a")
