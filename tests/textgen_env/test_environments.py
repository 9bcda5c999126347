"""Ids: a stranger's beside ours, entered in whatever way, described in words, and rows reached as Gymnasium has it."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import textgen_env
from support.registered import REGISTERED, needed
from textgen_env import BaseTask, TextGenEnv, Vocabulary, descriptions
from textgen_env.data.folders import how_to_get
from textgen_env.environments import EnvRow
from textgen_env.sb3 import make_sb3_vec_env
from textgen_env.specs import REWARDS, TASKS

TINY = "TextGen-Tiny-v0"


class Letters(BaseTask):
    """A task that has no name."""

    vocabulary = Vocabulary(["<e>", "a"], eos="<e>")
    max_length = 5


STRANGER = """
    import numpy as np
    from textgen_env import BaseReward, BaseTask, Texts, Vocabulary
    from textgen_env import register_environment, register_reward, register_task

    class Haiku(BaseTask):
        '''Five letters.

        Args:
            letters: how many there are.
        '''

        max_length = 5

        def __init__(self, letters: int = 3) -> None:
            self.vocabulary = Vocabulary([chr(97 + i) for i in range(letters)])

        def training_sequences(self) -> Texts:
            return Texts(np.zeros((4, 5), np.int64), np.full(4, 5))

        test_sequences = training_sequences

    class Alternation(BaseReward):
        '''How often the letter changes.

        Args:
            weight: of a change.
        '''

        name = "alternation"

        def __init__(self, weight: float = 1.0) -> None:
            self.weight = weight

        def score(self, tokens, lengths, sources=None):
            changes = (tokens[:, 1:] != tokens[:, :-1]) & (np.arange(1, tokens.shape[1]) < lengths[:, None])
            return self.weight * changes.sum(1)

    register_task("haiku", "stranger_games:Haiku")
    register_reward("alternation", "stranger_games:Alternation")
    register_environment("Stranger/Haiku-v0", "haiku", {"name": "alternation", "weight": 2.0}, letters=4)
"""


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of somebody else's that registers a task, a reward and an id; gone again afterwards."""
    (tmp_path / "stranger_games.py").write_text(textwrap.dedent(STRANGER))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(TASKS, "_targets", dict(TASKS._targets))
    monkeypatch.setattr(REWARDS, "_targets", dict(REWARDS._targets))
    monkeypatch.delitem(sys.modules, "stranger_games", raising=False)
    yield "stranger_games:Stranger/Haiku-v0"
    gymnasium.registry.pop("Stranger/Haiku-v0", None)


def test_a_strangers_id_is_an_id_like_ours(stranger: str) -> None:
    """By the name of its module, as Gymnasium has it, and by its own name once that is imported."""
    env = gymnasium.make(stranger)
    assert env.action_space.n == 4
    assert env.unwrapped.score([[0, 1, 1, 2, 0]]) == [6.0]
    assert gymnasium.make("Stranger/Haiku-v0", letters=7).action_space.n == 7
    envs = gymnasium.make_vec("Stranger/Haiku-v0", num_envs=3)
    assert isinstance(envs, textgen_env.TextGenVectorEnv)
    assert make_sb3_vec_env(stranger, 2).action_space.n == 4
    assert json.loads(env.spec.to_json())["kwargs"] == {
        "task": {"name": "haiku", "letters": 4},
        "reward": {"name": "alternation", "weight": 2.0},
    }
    described = textgen_env.describe(stranger)
    for said in ("haiku (Haiku)", "letters: how many there are", "alternation (Alternation)", "V=4", "T=5"):
        assert said in described
    reward = {"name": "sum", "parts": [[1.0, "alternation"], [1.0, "bleu"]]}
    assert gymnasium.make(TINY, reward=reward).unwrapped.reward.labels == ["alternation", "bleu"]


def test_ids_entered_with_gymnasiums_own_register_go_through_sb3() -> None:
    kwargs = {"task": "tiny", "reward": "table"}
    entry_points: dict[str, Any] = {
        "Mine/Path-v0": "textgen_env.env:TextGenEnv",
        "Mine/Short-v0": "textgen_env:TextGenEnv",
        "Mine/Class-v0": TextGenEnv,
    }
    try:
        for id, entry_point in entry_points.items():
            gymnasium.register(id, entry_point=entry_point, kwargs=kwargs)
            assert make_sb3_vec_env(id, 2, vocab_size=3).action_space.n == 3
        gymnasium.register("Mine/Other-v0", entry_point="gymnasium.envs.classic_control:CartPoleEnv")
        with pytest.raises(ValueError, match=r"id='Mine/Other-v0' must name a TextGenEnv without wrappers"):
            make_sb3_vec_env("Mine/Other-v0")
    finally:
        for id in (*entry_points, "Mine/Other-v0"):
            gymnasium.registry.pop(id, None)


def test_an_id_is_registered_once() -> None:
    try:
        for _ in range(2):
            textgen_env.register_environment("Mine/Twice-v0", "tiny", "table", vocab_size=3, min_length=1)
        assert gymnasium.make("Mine/Twice-v0").unwrapped.core.masks.min_length == 1
        with pytest.raises(ValueError, match=r"id='Mine/Twice-v0' is registered already, .*choose another"):
            textgen_env.register_environment("Mine/Twice-v0", "tiny", "table", vocab_size=4)
        with pytest.raises(TypeError, match=r"id='Mine/X-v0': task=<.*> is no name; the arguments \['max_length'\]"):
            textgen_env.register_environment("Mine/X-v0", Letters(), "constant", max_length=3)
    finally:
        gymnasium.registry.pop("Mine/Twice-v0", None)


def test_ids_work_with_the_packages_name_before_them() -> None:
    assert gymnasium.make("textgen_env:TextGen-Tiny-v0").spec.id == TINY
    assert gymnasium.make_vec("textgen_env:TextGen-Tiny-v0", num_envs=2).num_envs == 2
    assert make_sb3_vec_env("textgen_env:TextGen-Tiny-v0", 2).num_envs == 2


@pytest.mark.parametrize("row", REGISTERED)
def test_every_id_is_described(row: EnvRow) -> None:
    described = textgen_env.describe(row.id)
    env = gymnasium.make(row.id, **needed(row))
    core = env.unwrapped.core
    sizes = (f"needs an argument: {row.needs}",) if row.needs else (f"V={core.vocab_size}", f"T={core.horizon}")
    for said in (row.id, *sizes, f"task: {row.task}", f"reward: {row.reward_name}", *row.history):
        assert said in described
    assert max(map(len, described.splitlines())) <= 140
    shown = env.unwrapped.__doc__
    assert shown is not None
    for said in ("## Action Space", "## This Game", f"V={core.vocab_size}", f"task: {row.task}"):
        assert said in shown
    assert "## This Game" not in (TextGenEnv.__doc__ or "")
    assert "## This Game" in (gymnasium.make_vec(row.id, num_envs=1, **needed(row)).unwrapped.__doc__ or "")


@pytest.mark.parametrize("row", textgen_env.TABLE, ids=lambda row: row.id)
def test_an_id_is_described_without_its_data(row: EnvRow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("TEXTGEN_DATA", "TEXTGEN_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    described = textgen_env.describe(row.id)
    assert f"task: {row.task}" in described
    assert f"reward: {row.reward_name}" in described
    if row.data:
        assert f"needs the data '{row.data[0]}'" in described
        assert how_to_get(row.data[0]) in described
        assert "V=" not in described


def test_an_id_that_needs_an_argument_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    row = EnvRow("Mine/Needy-v0", "tiny", "table", {"vocab_size": 3}, needs="vocab_size=...")
    monkeypatch.setattr(descriptions, "TABLE", (row,))
    try:
        textgen_env.register_environment(row.id, row.task, row.reward, **row.arguments)
        said = textgen_env.describe(row.id).splitlines()
    finally:
        gymnasium.registry.pop(row.id, None)
    assert said[2] == "needs an argument: vocab_size=..."
    assert "The task: tiny (TinyTask)" in said
    assert "The reward: table (TableReward)" in said


def test_what_is_no_game_is_not_described() -> None:
    with pytest.raises(ValueError, match=r"id='CartPole-v1' is no environment of texts"):
        textgen_env.describe("CartPole-v1")
    with pytest.raises(gymnasium.error.Error):
        textgen_env.describe("TextGen-Nothing-v0")


def test_rows_are_reached_as_gymnasium_has_it() -> None:
    """`call`, `get_attr` and `set_attr`, against Gymnasium's own vector environment of the same games."""
    ours = gymnasium.make_vec("TextGen-Captions-v1", num_envs=3, min_length=2)
    theirs = gymnasium.make_vec("TextGen-Captions-v1", num_envs=3, min_length=2, vectorization_mode="sync")
    for envs in (ours, theirs):
        envs.reset(seed=4)
        envs.step(np.array([5, 6, 7]))
    for name in ("action_masks", "render_mode"):
        np.testing.assert_array_equal(np.array(ours.call(name)), np.array(theirs.call(name)))
        assert len(ours.call(name)) == 3
    text = ours.unwrapped.task.test_sequences().tokens[:1]
    np.testing.assert_array_equal(ours.call("score", text), theirs.call("score", text))
    assert [task is ours.unwrapped.task for task in ours.get_attr("task")] == [True] * 3
    assert ours.get_attr("np_random")[2].bit_generator.state == ours.np_random[2].bit_generator.state
    ours.set_attr("note", [1, 2, 3])
    assert ours.get_attr("note") == (1, 2, 3)
    ours.set_attr("note", "x")
    assert ours.get_attr("note") == ("x", "x", "x")
    with pytest.raises(ValueError, match=r"values=\[1, 2\] has 2 entries, expected 3, or one for all"):
        ours.set_attr("note", [1, 2])
    with pytest.raises(AttributeError):
        ours.set_attr("task", None)
    with pytest.raises(AttributeError):
        ours.get_attr("nothing")
