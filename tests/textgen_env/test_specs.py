"""Specifications of tasks and rewards: what may be named, what is made of it, and what JSON keeps of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import textgen_env
from support.games import share_of_a
from textgen_env import BaseTask, Vocabulary, combine
from textgen_env.rewards.bleu import BleuReward
from textgen_env.rewards.constant import ConstantReward
from textgen_env.rewards.table import TableReward
from textgen_env.specs import REWARDS, TASKS, make_reward, make_task, plain, with_argument
from textgen_env.tasks.tiny import TinyTask

TINY = "TextGen-Tiny-v0"


@pytest.fixture
def oracle_file(tmp_path: Path) -> Path:
    """An oracle of 7 tokens."""
    rng, size = np.random.default_rng(0), 4
    gates = {f"{part}{gate}": (size, size) for part in "WU" for gate in ("i", "f", "c", "og")}
    shapes = {"embeddings": (7, size), **gates, "Wo": (size, 7), "bo": (7,)}
    shapes |= {f"b{gate}": (size,) for gate in ("i", "f", "c", "og")}
    np.savez(
        tmp_path / "oracle.npz", **{name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    )
    return tmp_path / "oracle.npz"


SUM = {
    "name": "sum",
    "parts": [[1.0, "bleu"], [0.1, {"name": "sum", "parts": [[2.0, {"name": "bleu", "max_order": 1}]]}]],
}
ONE_TEXT = np.array([[1, 2, 0, 4, 4]])


def test_a_sum_by_names_is_the_sum_of_its_parts() -> None:
    env = gymnasium.make(TINY, reward=SUM)
    bleu, unigrams = (
        gymnasium.make(TINY, reward={"name": "bleu", "max_order": order}).unwrapped.score(ONE_TEXT) for order in (4, 1)
    )
    np.testing.assert_allclose(env.unwrapped.score(ONE_TEXT), bleu + 0.1 * 2.0 * unigrams, rtol=1e-12)
    by_objects = gymnasium.make(TINY, reward=combine((1.0, "bleu"), (0.1, combine((2.0, BleuReward(max_order=1))))))
    assert by_objects.unwrapped.score(ONE_TEXT) == env.unwrapped.score(ONE_TEXT)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"reward": SUM},
        {"reward": {"name": "discriminator", "widths": [1, 2], "counts": [4, 4], "auto_update": False}},
        {
            "task": {"name": "captions", "train_size": 30},
            "reward": {"name": "text", "function": "support.games:vowels"},
        },
        {"task": {"name": "textgen_env.tasks.tiny:TinyTask", "seed": 3}, "reward": "support.games:share_of_a"},
    ],
)
def test_an_env_spec_goes_through_json(kwargs: dict[str, Any]) -> None:
    env = gymnasium.make(TINY, reward_mode="dense", **kwargs)
    env.reset(seed=0)
    assert env.spec is not None
    spec = EnvSpec.from_json(env.spec.to_json())
    assert spec.kwargs == env.spec.kwargs == {"task": "tiny", "reward_mode": "dense", **kwargs}
    again = gymnasium.make(spec)
    texts = env.unwrapped.task.training_sequences()
    np.testing.assert_array_equal(again.unwrapped.score(*texts[:2]), env.unwrapped.score(*texts[:2]))
    assert again.unwrapped.core.fingerprint == env.unwrapped.core.fingerprint


def test_paths_classes_functions_and_sums_are_kept_as_json(tmp_path: Path, oracle_file: Path) -> None:
    """`gym.make` is given objects; its spec holds the names and paths that lead back to them."""
    env = gymnasium.make("TextGen-Oracle-v0", oracle=oracle_file, train_size=5, test_size=5, reward=share_of_a)
    assert env.spec is not None
    assert env.spec.kwargs["oracle"] == str(oracle_file)
    assert env.spec.kwargs["reward"] == "support.games:share_of_a"
    again = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    np.testing.assert_array_equal(
        again.unwrapped.task.training_sequences().tokens, env.unwrapped.task.training_sequences().tokens
    )
    summed = gymnasium.make(
        TINY, reward=combine((1, "bleu"), (0.5, {"name": "constant", "value": 2}), (2.0, share_of_a))
    )
    assert summed.spec is not None
    assert json.loads(summed.spec.to_json())["kwargs"]["reward"] == {
        "name": "sum",
        "parts": [[1.0, "bleu"], [0.5, {"name": "constant", "value": 2}], [2.0, "support.games:share_of_a"]],
    }
    assert plain({"a": (1, tmp_path)}) == {"a": [1, str(tmp_path)]}
    # What no name leads back to stays as it is.
    local = lambda tokens, lengths: lengths  # noqa: E731
    assert plain(local) is local


def test_an_argument_is_added_where_it_is_taken() -> None:
    told = with_argument(SUM, "device", "cuda")
    assert told == SUM
    learning = {
        "name": "sum",
        "parts": [[1.0, "discriminator"], [2.0, {"name": "ranker", "device": "cpu"}], [1.0, share_of_a]],
    }
    assert with_argument(learning, "device", "cuda") == {
        "name": "sum",
        "parts": [
            [1.0, {"name": "discriminator", "device": "cuda"}],
            [2.0, {"name": "ranker", "device": "cpu"}],
            [1.0, share_of_a],
        ],
    }


def test_specs_are_made() -> None:
    assert isinstance(make_task("tiny"), TinyTask)
    assert len(make_task({"name": "tiny", "vocab_size": 6}, {"vocab_size": 3}).vocabulary) == 3
    assert isinstance(make_reward({"name": "constant", "value": 3.0}), ConstantReward)
    assert make_reward("textgen_env.rewards.table:TableReward").name == "table"
    assert isinstance(make_reward(TableReward), TableReward)
    with pytest.raises(TypeError, match=r"parts='ab' must be a list of \[weight, reward\] pairs"):
        make_reward({"name": "sum", "parts": "ab"})
    with pytest.raises(
        TypeError, match=r"reward 'sum' needs the argument parts; give it: \{'name': 'sum', 'parts': \.\.\.\}"
    ):
        make_reward("sum")


def test_arguments_of_an_object_by_its_path_are_refused() -> None:
    path = "support.games:ECHO_OF_ONE"
    assert make_task(path).max_length == 2
    said = r"unexpected keyword argument 'size' \(size=3\).*made already"
    with pytest.raises(TypeError, match=said):
        make_task({"name": path, "size": 3})
    with pytest.raises(TypeError, match=said):
        make_task(path, {"size": 3})


def test_names_are_registered_once() -> None:
    with pytest.raises(
        ValueError, match=r"task 'tiny' is taken by 'textgen_env.tasks.tiny:TinyTask'; choose another name"
    ):
        textgen_env.register_task("tiny", Letters)
    with pytest.raises(ValueError, match=r"name='no spaces' must consist of letters, digits and '_'"):
        textgen_env.register_reward("no spaces", "m:R")
    with pytest.raises(ValueError, match=r"reward 'mine'='m.R' must be an import path of the form 'module:Class'"):
        textgen_env.register_reward("mine", "m.R")
    with pytest.raises(TypeError, match=r"reward 'mine': 7 must be a class or an import path"):
        textgen_env.register_reward("mine", 7)
    with pytest.raises(TypeError, match=r"name=7 must be a string"):
        textgen_env.register_task(7, Letters)  # type: ignore[arg-type]
    assert "mine" not in REWARDS
    textgen_env.register_task("tiny", "textgen_env.tasks.tiny:TinyTask")
    assert TASKS.name_of(TinyTask) == "tiny"


class Letters(BaseTask):
    """A task that has no name."""

    vocabulary = Vocabulary(["<e>", "a"], eos="<e>")
    max_length = 5
