"""The table of ids is the contract with `gym.make`."""

from __future__ import annotations

import inspect
import json
import statistics
import subprocess
import sys
import time
from importlib import import_module
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import textgen_env
from textgen_env import TABLE, TextGenEnv, TextGenVectorEnv
from textgen_env.registration import GAME_ARGUMENTS, REWARDS, TASKS


def load(path: str) -> Any:
    """The class that a table's "module:attribute" names."""
    module, attribute = path.split(":")
    return getattr(import_module(module), attribute)


def parameters(path: str) -> set[str]:
    """The kwargs of the class that a table's "module:attribute" names."""
    return set(inspect.signature(load(path)).parameters)


def test_an_id_makes_the_single_and_the_vector_env(env_id: str, small_kwargs: dict[str, Any]) -> None:
    env = gymnasium.make(env_id, **small_kwargs)
    assert isinstance(env.unwrapped, TextGenEnv)
    assert env.spec is not None
    assert env.spec.id == env_id
    assert env.spec.max_episode_steps is None
    envs = gymnasium.make_vec(env_id, num_envs=2, **small_kwargs)
    assert isinstance(envs, TextGenVectorEnv)
    assert envs.num_envs == 2


def test_ids_are_named_after_task_and_reward() -> None:
    assert len({row.id for row in TABLE}) == len(TABLE)
    for row in TABLE:
        assert row.task in TASKS
        assert row.reward in REWARDS
        assert row.id.startswith("TextGen-")
        assert row.id.endswith("-v0")
        assert ("GAN" in row.id) == (row.reward == "discriminator")
        assert json.loads(json.dumps(dict(row.kwargs))) == row.kwargs


def test_a_spec_survives_json(env_id: str, small_kwargs: dict[str, Any]) -> None:
    env = gymnasium.make(env_id, reward_mode="dense", **small_kwargs)
    spec = EnvSpec.from_json(env.spec.to_json())
    assert spec.kwargs == env.spec.kwargs
    again = gymnasium.make(spec)
    assert again.unwrapped.core.game == env.unwrapped.core.game
    texts = env.unwrapped.task.test_sequences()
    for ours, theirs in zip(texts, again.unwrapped.task.test_sequences(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(again.unwrapped.score(*texts), env.unwrapped.score(*texts))


def test_unknown_kwargs_are_refused(env_id: str, small_kwargs: dict[str, Any]) -> None:
    for make in (gymnasium.make, gymnasium.make_vec):
        with pytest.raises(TypeError, match=r"unknown argument vocabsize=7; allowed are .*reward_mode"):
            make(env_id, vocabsize=7, **small_kwargs)


def test_kwargs_of_another_reward_or_task_are_refused() -> None:
    with pytest.raises(TypeError, match=r"unknown argument max_order=2; allowed are .*oracle_seed"):
        gymnasium.make("TextGen-OracleSmall-v0", max_order=2)
    with pytest.raises(TypeError, match=r"unknown argument oracle_seed=1; allowed are .*table_seed"):
        gymnasium.make("TextGen-Tiny-v0", oracle_seed=1)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"task='sonnet' must be one of tiny, oracle"):
        TextGenEnv("sonnet", "bleu")
    with pytest.raises(ValueError, match=r"reward='beauty' must be one of table, likelihood"):
        TextGenEnv("tiny", "beauty")
    with pytest.raises(TypeError, match=r"task=7 must be one of tiny, oracle"):
        TextGenEnv(7, "bleu")
    with pytest.raises(TypeError, match=r"reward=7 must be the name of a reward"):
        TextGenEnv("tiny", 7)
    with pytest.raises(TypeError, match=r"TableReward'> is a class; pass an object of it"):
        TextGenEnv("tiny", load(REWARDS["table"]))


def test_rewards_and_tasks_are_found_by_import_path() -> None:
    by_class = gymnasium.make("TextGen-Tiny-v0", reward="textgen_env.rewards.bleu:BleuReward", max_order=2)
    assert by_class.unwrapped.reward.max_order == 2
    by_function = gymnasium.make("TextGen-Tiny-v0", reward="support.games:share_of_a")
    assert by_function.unwrapped.score([[1, 0, 4, 4, 4]], [2]) == [0.5]
    assert '"support.games:share_of_a"' in by_function.spec.to_json()
    assert TextGenEnv("textgen_env.tasks.tiny:TinyTask", "table", vocab_size=3).action_space.n == 3
    for path in ("support.games:missing", "no_such_module:Reward"):
        with pytest.raises(ValueError, match=rf"reward='{path}': nothing can be imported from there"):
            TextGenEnv("tiny", path)
    for path in ("support.games:", ":share_of_a"):
        with pytest.raises(ValueError, match=rf"reward='{path}' must be one of .*, or an import path 'module:Class'"):
            TextGenEnv("tiny", path)


def test_kwargs_choose_task_and_reward() -> None:
    env = gymnasium.make("TextGen-OracleSmall-v0", reward="bleu", max_order=2, vocab_size=7, train_size=20)
    assert env.unwrapped.reward.name == "bleu"
    assert env.unwrapped.reward.max_order == 2
    assert env.action_space.n == 7


def test_registering_again_changes_nothing() -> None:
    before = {row.id: gymnasium.registry[row.id] for row in TABLE}
    textgen_env.register()
    gymnasium.register_envs(textgen_env)
    assert all(gymnasium.registry[id] is spec for id, spec in before.items())


def test_no_kwarg_belongs_to_both_a_task_and_a_reward() -> None:
    of_tasks = set().union(*map(parameters, TASKS.values()))
    of_rewards = set().union(*map(parameters, REWARDS.values()))
    of_the_game = {*inspect.signature(TextGenVectorEnv).parameters} - {"kwargs"}
    assert of_the_game >= {*GAME_ARGUMENTS}
    assert not of_tasks & of_rewards
    assert not (of_tasks | of_rewards) & of_the_game


def test_every_kwarg_is_a_plain_json_value_by_default() -> None:
    for path in (*TASKS.values(), *REWARDS.values()):
        for parameter in inspect.signature(load(path)).parameters.values():
            assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD, path
            assert parameter.default is not parameter.empty, path
            json.dumps(parameter.default)


def seconds_of(code: str) -> float:
    """The median time of a fresh Python that runs `code`."""
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def test_importing_takes_less_than_half_a_second() -> None:
    # Where the cores are busy Gymnasium's own import may take longer than that: ours adds little to it.
    assert seconds_of("import textgen_env") < max(0.5, 1.5 * seconds_of("import gymnasium"))


def test_importing_leaves_the_heavy_libraries_alone() -> None:
    heavy = ("torch", "stable_baselines3", "sacrebleu", "num2words", "tokenizers", "PIL", "scipy", "agents")
    code = f"import sys, textgen_env; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
