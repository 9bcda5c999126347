"""The core as Stable-Baselines3's vector environment plays as SB3's own vector of single environments does."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import sb3_contrib
from gymnasium.error import InvalidAction, ResetNeeded
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor
from stable_baselines3.common.vec_env.base_vec_env import tile_images

from support.games import token_count
from support.registered import REGISTERED, needed
from textgen_env import TextGenEnv
from textgen_env.environments import EnvRow
from textgen_env.sb3 import TextGenVecEnv, make_sb3_vec_env

SMALL = "TextGen-OracleSmall-v0"


ROWS = 3


# A matrix product of one row rounds otherwise than one of N rows.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def assert_same(ours: Any, theirs: Any) -> None:
    """Equal in structure, shapes, dtypes and values; floats to `TOLERANCE`."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            assert_same(ours[key], theirs[key])
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(theirs, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_allclose(ours, theirs, **TOLERANCE)
    elif isinstance(theirs, float):
        np.testing.assert_allclose(ours, theirs, **TOLERANCE)
    else:
        assert type(ours) is type(theirs)
        assert ours == theirs


def assert_plays_alike(ours: TextGenVecEnv, theirs: DummyVecEnv, steps: int) -> None:
    """Both are seeded with 5 and play the same random tokens, an end token every fourth time."""
    assert ours.num_envs == theirs.num_envs == ROWS
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata == theirs.metadata
    assert ours.seed(5) == theirs.seed(5)
    assert_same(ours.reset(), theirs.reset())
    assert_same(ours.reset_infos, theirs.reset_infos)
    rng = np.random.default_rng(0)
    ended = 0
    for _ in range(steps):
        masks = np.stack(theirs.env_method("action_masks"))
        assert_same(np.stack(ours.env_method("action_masks")), masks)
        actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
        actions = np.where(masks[:, 0] & (rng.random(ROWS) < 0.25), 0, actions)
        assert_same(ours.step(actions), theirs.step(actions))
        assert_same(ours.reset_infos, theirs.reset_infos)
        ended += ours.core.tokens[:, 0].tolist().count(ours.core.vocab_size)
    assert ended >= 2 * ROWS


@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
def test_rows_play_as_sb3s_own_vector_of_single_envs(
    env_id: str, small_kwargs: dict[str, Any], reward_mode: str
) -> None:
    kwargs = small_kwargs | {"reward_mode": reward_mode}
    ours = make_sb3_vec_env(env_id, ROWS, **kwargs)
    theirs = DummyVecEnv([lambda: gymnasium.make(env_id, **kwargs)] * ROWS)
    assert_plays_alike(ours, theirs, 3 * ours.core.horizon)


@pytest.mark.parametrize("name", ["echo_task", "no_repeat_task"])
@pytest.mark.parametrize("min_length", [0, 2])
def test_sources_and_masks_play_alike(name: str, min_length: int, request: pytest.FixtureRequest) -> None:
    task = request.getfixturevalue(name)
    kwargs: dict[str, Any] = {"reward_mode": "dense", "min_length": min_length}
    theirs = DummyVecEnv([lambda: TextGenEnv(task, token_count, **kwargs)] * ROWS)
    assert_plays_alike(TextGenVecEnv(task, token_count, ROWS, **kwargs), theirs, 40)


def test_what_a_step_returned_stays_as_it_was() -> None:
    envs = make_sb3_vec_env(SMALL, 2)
    first = envs.reset()
    assert isinstance(first, np.ndarray)
    kept = [(first, first.copy())]
    for token in range(25):
        observations, rewards, dones, infos = envs.step(np.array([token, token + 1]))
        assert isinstance(observations, np.ndarray)
        for array in (observations, rewards, dones, *(i["tokens"] for i in infos if "tokens" in i)):
            kept.append((array, array.copy()))
        infos[0]["mine"] = True
    for array, copied in kept:
        np.testing.assert_array_equal(array, copied)
    assert "mine" not in envs.step(np.array([0, 0]))[3][0]


def test_vec_monitor_reports_episodes(tmp_path: Path) -> None:
    envs = VecMonitor(make_sb3_vec_env(SMALL, 2, seed=0), str(tmp_path / "log"))
    envs.reset()
    returns = np.zeros(2)
    for token in range(10):
        _, rewards, dones, infos = envs.step(np.array([token, 2 * token]))
        returns += rewards
    assert dones.all()
    np.testing.assert_allclose([info["episode"]["r"] for info in infos], returns, rtol=1e-5)
    assert [info["episode"]["l"] for info in infos] == [10, 10]
    envs.close()
    assert SMALL in (tmp_path / "log.monitor.csv").read_text(encoding="utf-8")


def test_masks_reach_sb3_contrib(no_repeat_task: Any) -> None:
    envs = TextGenVecEnv(no_repeat_task, token_count, ROWS)
    envs.reset()
    assert is_masking_supported(envs)
    assert is_masking_supported(VecMonitor(envs))
    envs.step(np.array([1, 1, 1]))
    envs.step(np.array([2, 3, 0]))
    expected = np.array([[1, 1, 0, 1], [1, 1, 1, 0], [0, 1, 0, 0]], bool)
    np.testing.assert_array_equal(get_action_masks(envs), expected)
    np.testing.assert_array_equal(envs.env_method("action_masks", indices=[2, 0]), expected[[2, 0]])
    np.testing.assert_array_equal(envs.env_method("action_masks", indices=1), expected[[1]])
    np.testing.assert_array_equal(envs.rows[1].action_masks(), expected[1])
    # A masked token would be refused.
    model = sb3_contrib.MaskablePPO("MlpPolicy", envs, n_steps=16, batch_size=16, n_epochs=1, device="cpu")
    model.learn(96)


def test_attributes_and_methods_of_rows() -> None:
    envs = make_sb3_vec_env(SMALL, ROWS, seed=0)
    envs.reset()
    assert [task.max_length for task in envs.get_attr("task")] == [10] * ROWS
    assert envs.get_attr("reward", indices=0)[0] is envs.core.reward
    assert {spec.id for spec in envs.get_attr("spec", indices=range(2))} == {SMALL}
    assert envs.get_attr("render_mode") == [None] * ROWS
    assert envs.get_attr("observation_space")[0] == envs.observation_space
    assert envs.env_method("render") == [None] * ROWS
    assert envs.env_is_wrapped(Monitor) == [False] * ROWS
    assert envs.env_is_wrapped(Monitor, indices=[1]) == [False]
    envs.set_attr("note", "mine", indices=[1])
    assert envs.get_attr("note", indices=[1]) == ["mine"]
    assert envs.has_attr("score")
    assert not envs.has_attr("note")
    assert not envs.has_attr("nothing")
    with pytest.raises(AttributeError, match="reward"):
        envs.set_attr("reward", None)
    (state,) = envs.env_method("snapshot", indices=0)
    envs.step(np.array([1, 2, 3]))
    envs.env_method("restore", state, indices=[1])
    assert envs.core.lengths.tolist() == [1, 0, 1]
    texts = np.full((2, 10), 3)
    (scores,) = envs.env_method("score", texts, indices=2)
    np.testing.assert_array_equal(scores, envs.core.score(texts))
    assert envs.get_attr("np_random")[0] is envs.core.generators[0]


def test_seeds_and_options_are_used_once(echo_task: Any) -> None:
    envs = TextGenVecEnv(echo_task, token_count, 8)

    def sources() -> list[int]:
        envs.reset()
        return [info["source_row"] for info in envs.reset_infos]

    envs.seed(3)
    first, second = sources(), sources()
    envs.seed(3)
    assert (sources(), sources()) == (first, second)
    assert first != second
    envs.seed(4)
    assert sources()[:-1] == first[1:]
    assert all(isinstance(seed, int) for seed in envs.seed())
    other = sources()
    envs.seed(None)
    assert sources() != other or sources() != other

    options: list[dict[str, Any]] = [{"source": 5}, {"prefix": [1, 2]}, *[{} for _ in range(6)]]
    envs.set_options(options)
    observations = envs.reset()
    assert isinstance(observations, dict)
    assert envs.reset_infos[0] == {"source_row": 5}
    assert observations["tokens"][1].tolist() == [1, 2, 4, 4]
    assert (observations["tokens"][2:] == 4).all()
    envs.set_options({"prefix": [3]})
    assert envs.reset()["tokens"][:, 0].tolist() == [3] * 8  # type: ignore[index, call-overload]
    assert (envs.reset()["tokens"] == 4).all()  # type: ignore[index, call-overload]


def test_bad_input_is_named_and_changes_nothing(echo_task: Any, plain: Callable[[Any], Any]) -> None:
    with pytest.raises(gymnasium.error.NameNotFound, match="TextGen-Nothing"):
        make_sb3_vec_env("TextGen-Nothing-v0")
    with pytest.raises(ValueError, match="id='CartPole-v1' must name a TextGenEnv"):
        make_sb3_vec_env("CartPole-v1")
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'vocab'"):
        make_sb3_vec_env(SMALL, vocab="x")
    with pytest.raises(ValueError, match="num_envs=0"):
        make_sb3_vec_env(SMALL, 0)
    with pytest.raises(ValueError, match="render_mode='video'"):
        make_sb3_vec_env(SMALL, render_mode="video")
    with pytest.raises(ValueError, match="seed=-1"):
        make_sb3_vec_env(SMALL, seed=-1)
    with pytest.raises(ResetNeeded, match="call reset"):
        make_sb3_vec_env(SMALL).step(np.array([0]))

    envs = TextGenVecEnv(echo_task, token_count, 2)
    envs.seed(0)
    envs.reset()
    envs.step(np.array([1, 2]))
    before = plain(envs.core.snapshot())
    for actions in ([0, 4], [0], [[0], [0]], [0.0, 1.0]):
        with pytest.raises(InvalidAction):
            envs.step(np.array(actions))
    with pytest.raises(ValueError, match="options\\['sauce'\\]"):
        envs.set_options({"sauce": 1})
    with pytest.raises(ValueError, match="options has 1 entries, expected num_envs=2"):
        envs.set_options([{"source": 1}])
    envs.seed(9)
    envs.set_options([{"source": 1}, {"source": 10_000}])
    with pytest.raises(ValueError, match="10000"):
        envs.reset()
    assert plain(envs.core.snapshot()) == before


def test_a_failed_import_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("textgen_env.sb3")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    with pytest.raises(ImportError, match=r'pip install "textgen-env\[sb3\]"'):
        importlib.import_module("textgen_env.sb3")


def test_rendering(capsys: pytest.CaptureFixture[str]) -> None:
    images = make_sb3_vec_env(SMALL, 2, render_mode="rgb_array")
    images.reset()
    images.step(np.array([1, 2]))
    frames = images.get_images()
    assert frames[0] is not None
    assert (frames[0] != frames[1]).any()
    np.testing.assert_array_equal(images.render(), tile_images(frames))  # type: ignore[arg-type]

    printed = make_sb3_vec_env(SMALL, 2, render_mode="human")
    printed.reset()
    assert capsys.readouterr().out.count("token 0 of 10") == 2
    printed.step(np.array([41, 42]))
    assert "text:   41 _" in capsys.readouterr().out
    assert printed.get_images() == [None, None]
    assert "text:   42 _" in make_and_read("ansi")[1]


def make_and_read(mode: str) -> list[Any]:
    """What the rows show after the tokens 41 and 42."""
    envs = make_sb3_vec_env(SMALL, 2, render_mode=mode)
    envs.reset()
    envs.step(np.array([41, 42]))
    return envs.env_method("render")


@pytest.mark.parametrize("row", REGISTERED)
def test_sb3_accepts_every_id(row: EnvRow) -> None:
    """Warnings are errors here; the data alone are cut down, to be quick."""
    kwargs = {"train_size": 50, "test_size": 10} if row.task == "oracle" else {}
    check_env(gymnasium.make(row.id, **needed(row), **kwargs), warn=True)
