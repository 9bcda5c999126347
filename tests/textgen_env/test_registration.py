"""The table of ids is the contract with `gym.make`."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import textgen_env
from textgen_env import TABLE, BaseTask, TextGenEnv, TextGenVectorEnv, Texts, Vocabulary
from textgen_env.data import DATA
from textgen_env.environments import EnvRow
from textgen_env.rewards.table import TableReward
from textgen_env.specs import GAME_ARGUMENTS, REWARDS, TASKS
from textgen_env.tasks.tiny import TinyTask


class Letters(BaseTask):
    """A task that is given as a class."""

    vocabulary = Vocabulary(["<e>", "a"], eos="<e>")
    max_length = 5


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
        assert row.reward_name in REWARDS
        assert row.id.startswith("TextGen-")
        assert ("GAN" in row.id) == (row.reward_name == "discriminator")
        assert json.loads(json.dumps(dict(row.arguments))) == row.arguments
        assert len(row.history) == 1 + int(row.id.rpartition("-v")[2])
        assert DATA.keys() >= set(row.data)


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


def test_unknown_arguments_are_refused(env_row: EnvRow, small_kwargs: dict[str, Any]) -> None:
    said = (
        rf"task '{env_row.task}' got an unexpected keyword argument 'vocabsize' \(vocabsize=7\); allowed are "
        r".*=.*; and the game's own: task, reward, reward_mode, min_length, mask_penalty, render_mode"
    )
    for make in (gymnasium.make, gymnasium.make_vec):
        with pytest.raises(TypeError, match=said):
            make(env_row.id, vocabsize=7, **small_kwargs)


def test_arguments_of_a_reward_stand_in_its_mapping() -> None:
    said = (
        r"unexpected keyword argument 'max_order'.*stands in its mapping: reward=\{'name': 'bleu', 'max_order': ...\}"
    )
    with pytest.raises(TypeError, match=said):
        gymnasium.make("TextGen-OracleSmallBLEU-v0", max_order=2)
    said = r"stands in its mapping: reward=\{'name': 'discriminator', 'learning_rate': ...\}"
    with pytest.raises(TypeError, match=said):
        gymnasium.make("TextGen-CaptionsGAN-v0", d_learning_rate=0.1)
    with pytest.raises(TypeError, match=r"reward 'bleu' got an unexpected keyword argument 'order' \(order=2\)"):
        gymnasium.make("TextGen-Captions-v1", reward={"name": "bleu", "order": 2})
    with pytest.raises(TypeError, match=r"share_of_a' leads to is no class, and takes no arguments: \['n'\]"):
        gymnasium.make("TextGen-Tiny-v0", reward={"name": "support.games:share_of_a", "n": 2})
    for nameless in ({}, {"max_order": 2}, {"name": 3}):
        with pytest.raises(TypeError, match=r"reward=\{.*must say what it is: \{'name'"):
            gymnasium.make("TextGen-Tiny-v0", reward=nameless)


def test_a_horizon_from_outside_is_refused_with_the_remedy() -> None:
    with pytest.raises(TypeError, match=r"max_length is the horizon.*mode='sync', max_episode_steps=\.\.\."):
        gymnasium.make_vec("TextGen-Tiny-v0", num_envs=2, max_episode_steps=3)
    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=2, vectorization_mode="sync", max_episode_steps=2)
    envs.reset(seed=0)
    envs.step(np.ones(2, np.int64))
    assert envs.step(np.ones(2, np.int64))[3].all()


def test_a_probe_for_a_frameskip_finds_its_phrase() -> None:
    """TorchRL tries `frameskip=` first, and looks for these words."""
    with pytest.raises(TypeError) as caught:
        gymnasium.make("TextGen-Captions-v1", frameskip=4)
    assert "unexpected keyword argument 'frameskip'" in str(caught.value)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"task='sonnet' must be one of tiny, oracle"):
        TextGenEnv("sonnet", "bleu")
    with pytest.raises(ValueError, match=r"reward='beauty' must be one of table, likelihood"):
        TextGenEnv("tiny", "beauty")
    with pytest.raises(TypeError, match=r"task=7 must be one of tiny, oracle"):
        TextGenEnv(7, "bleu")
    with pytest.raises(TypeError, match=r"reward=7 must be the name of a reward"):
        TextGenEnv("tiny", 7)
    with pytest.raises(TypeError, match=r"reward <class '.*Texts'>|needs the argument tokens, lengths"):
        TextGenEnv("tiny", Texts)


def test_classes_are_made() -> None:
    env = gymnasium.make("TextGen-Tiny-v0", task=TinyTask, reward=TableReward, vocab_size=3)
    assert env.action_space.n == 3
    assert env.unwrapped.reward.name == "table"
    assert (env.spec.kwargs["task"], env.spec.kwargs["reward"]) == ("tiny", "table")
    made = gymnasium.make("TextGen-Tiny-v0", task=Letters, reward="support.games:Brevity")
    made.reset(seed=0)
    assert made.step(0)[1] == -1.0
    with pytest.raises(TypeError, match=r"task 'Letters' got an unexpected keyword argument 'vocab_size'"):
        gymnasium.make("TextGen-Tiny-v0", task=Letters, reward="constant", vocab_size=3)
    with pytest.raises(TypeError, match=r"task=<.*Letters object.*made already; give the argument to its constructor"):
        gymnasium.make("TextGen-Tiny-v0", task=Letters(), reward="constant", vocab_size=3)


def test_rewards_and_tasks_are_found_by_import_path() -> None:
    by_class = gymnasium.make("TextGen-Tiny-v0", reward={"name": "textgen_env.rewards.bleu:BleuReward", "max_order": 2})
    assert by_class.unwrapped.reward.max_order == 2
    by_function = gymnasium.make("TextGen-Tiny-v0", reward="support.games:share_of_a")
    assert by_function.unwrapped.score([[1, 0, 4, 4, 4]], [2]) == [0.5]
    assert '"support.games:share_of_a"' in by_function.spec.to_json()
    assert TextGenEnv("textgen_env.tasks.tiny:TinyTask", "table", vocab_size=3).action_space.n == 3
    for path, why in (("support.games:missing", "has no 'missing'"), ("no_such_module:Reward", "No module named")):
        with pytest.raises(ValueError, match=rf"reward='{path}': .*{why}"):
            TextGenEnv("tiny", path)
    for path in ("support.games:", ":share_of_a"):
        with pytest.raises(ValueError, match=rf"reward='{path}' must be an import path of the form 'module:Class'"):
            TextGenEnv("tiny", path)


def test_arguments_choose_task_and_reward() -> None:
    env = gymnasium.make("TextGen-OracleSmall-v0", reward={"name": "bleu", "max_order": 2}, vocab_size=7, train_size=20)
    assert env.unwrapped.reward.name == "bleu"
    assert env.unwrapped.reward.max_order == 2
    assert (env.action_space.n, env.unwrapped.task.max_length) == (7, 10)


def test_another_task_takes_none_of_the_ids_arguments_along() -> None:
    """OracleSmall's V and T are the oracle's."""
    env = gymnasium.make("TextGen-OracleSmall-v0", task="captions", reward="bleu", train_size=50)
    assert (env.action_space.n, env.unwrapped.task.max_length) == (450, 20)
    named = gymnasium.make("TextGen-OracleSmall-v0", task={"name": "oracle", "vocab_size": 9}, train_size=50)
    assert (named.action_space.n, named.unwrapped.task.max_length) == (9, 20)


def test_registering_again_changes_nothing() -> None:
    before = {row.id: gymnasium.registry[row.id] for row in TABLE}
    textgen_env.register()
    gymnasium.register_envs(textgen_env)
    assert all(gymnasium.registry[id] is spec for id, spec in before.items())


def test_no_argument_of_a_task_is_the_games_own() -> None:
    of_tasks = set().union(*(inspect.signature(TASKS.load(name)).parameters for name in TASKS))
    of_the_game = {*inspect.signature(TextGenVectorEnv).parameters} - {"arguments"}
    assert of_the_game >= {*GAME_ARGUMENTS}
    assert not of_tasks & of_the_game
    # It says which task or reward a mapping is of.
    of_rewards = set().union(*(inspect.signature(REWARDS.load(name)).parameters for name in REWARDS))
    assert "name" not in of_tasks | of_rewards


def test_every_argument_is_a_plain_json_value_by_default() -> None:
    # What a sum adds up, and which function of strings, has no default.
    needed = {("sum", "parts"), ("text", "function")}
    for registry in (TASKS, REWARDS):
        for name in registry:
            for parameter in inspect.signature(registry.load(name)).parameters.values():
                assert parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY), name
                assert not parameter.name.startswith(("d_", f"{name}_")), name
                if (name, parameter.name) not in needed:
                    assert parameter.default is not parameter.empty, name
                    json.dumps(parameter.default)


def test_importing_adds_little_to_gymnasium() -> None:
    """Forty modules of ours, each of a few milliseconds, and none of anybody else's but the standard library's."""
    code = (
        "import sys, gymnasium; before = {*sys.modules}; import textgen_env; "
        "new = {*sys.modules} - before; "
        "print(*sorted(name for name in new if name.partition('.')[0] not in sys.stdlib_module_names))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    added = answer.stdout.split()
    assert all(name.partition(".")[0] == "textgen_env" for name in added)
    assert len(added) < 45


def test_importing_leaves_the_heavy_libraries_alone() -> None:
    heavy = (
        "torch",
        "stable_baselines3",
        "sacrebleu",
        "num2words",
        "tokenizers",
        "PIL",
        "scipy",
        "pooch",
        "mido",
        "agents",
    )
    code = f"import sys, textgen_env; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
