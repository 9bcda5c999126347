"""Specifications of tasks and rewards: what may be named, what is made of it, and what JSON keeps of it."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import textgen_env
from support.games import share_of_a
from textgen_env import BaseTask, TextGenEnv, Vocabulary, combine, text_reward
from textgen_env.rewards.bleu import BleuReward
from textgen_env.rewards.constant import ConstantReward
from textgen_env.rewards.table import TableReward
from textgen_env.sb3 import make_sb3_vec_env
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


def two(tokens: Any, lengths: Any) -> Any:
    return lengths * 1.0


def optional(tokens: Any, lengths: Any, sources: Any = None) -> Any:
    return lengths + (0.5 if sources is None else sources.tokens.shape[1])


def required(tokens: Any, lengths: Any, sources: Any) -> Any:
    return optional(tokens, lengths, sources)


def keyword(tokens: Any, lengths: Any, *, sources: Any) -> Any:
    return optional(tokens, lengths, sources)


def another_name(tokens: Any, lengths: Any, given: Any) -> Any:
    return optional(tokens, lengths, given)


def with_a_scale(tokens: Any, lengths: Any, scale: float = 2.0) -> Any:
    return lengths * scale


def everything(*args: Any, **kwargs: Any) -> Any:
    return optional(*args, **kwargs)


def too_few(tokens: Any) -> Any:
    return tokens


def too_many(tokens: Any, lengths: Any, sources: Any, more: Any) -> Any:
    return tokens


def named_otherwise(*, text: Any) -> Any:
    return text


@pytest.mark.parametrize(
    ("function", "unconditional", "conditional"),
    [
        (two, 2.0, 2.0),
        (optional, 2.5, 5.0),
        (required, 2.5, 5.0),
        (keyword, 2.5, 5.0),
        (another_name, 2.5, 5.0),
        (everything, 2.5, 5.0),
        (with_a_scale, 4.0, 4.0),
    ],
)
def test_a_function_is_called_as_it_can_be(
    function: Any, unconditional: float, conditional: float, echo_task: Any
) -> None:
    env = gymnasium.make(TINY, reward=function)
    assert env.unwrapped.score([[1, 2]], [2]) == [unconditional]
    source = TextGenEnv(echo_task, function)
    assert source.score([[1, 0]], [2], sources=[0]) == [conditional]


@pytest.mark.parametrize("function", [too_few, too_many, named_otherwise])
def test_a_function_that_cannot_be_called_is_refused_in_make(function: Any) -> None:
    name = function.__name__
    with pytest.raises(
        TypeError,
        match=rf"reward '{name}' is called as {name}\(tokens, lengths\) or {name}\(tokens, lengths, sources\)",
    ):
        gymnasium.make(TINY, reward=function)


def test_functions_of_strings() -> None:
    seen: list[Any] = []

    def shout(texts: list[str]) -> list[float]:
        seen.append(texts)
        return [float(len(text)) for text in texts]

    env = gymnasium.make(TINY, reward=text_reward(shout))
    assert env.unwrapped.score([[1, 2, 0, 4, 4], [3, 0, 4, 4, 4]]).tolist() == [3.0, 1.0]
    assert seen == [["a b", "c"]]
    envs = gymnasium.make_vec(TINY, num_envs=3, reward=text_reward(shout, label="loud"), autoreset_mode="Disabled")
    envs.reset(seed=0)
    for token in (1, 2, 0):
        _, rewards, *_, infos = envs.step([token] * 3)
    assert rewards.tolist() == [3.0, 3.0, 3.0]
    assert infos["reward_terms"]["loud"].tolist() == [3.0, 3.0, 3.0]


def test_functions_of_strings_are_handed_the_sources(echo_task: Any) -> None:
    def same(texts: list[str], sources: list[str] | None) -> list[float]:
        assert sources is not None
        return [float(text == source) for text, source in zip(texts, sources, strict=True)]

    env = TextGenEnv(echo_task, text_reward(same))
    text = echo_task.test_sequences().tokens[5:6]
    assert env.score(text, sources=[5]).tolist() == [1.0]
    assert env.score(text, sources=[6]).tolist() == [0.0]
    with pytest.raises(
        TypeError, match=r"reward 'two_more' is called as two_more\(texts\) or two_more\(texts, sources\)"
    ):
        text_reward(lambda a, b, c: None, label="two_more")
    for wrong in (7, "support.games:ONE"):
        with pytest.raises((TypeError, ValueError), match=r"function="):
            text_reward(wrong)  # type: ignore[arg-type]


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
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
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


@pytest.mark.parametrize("row", textgen_env.TABLE, ids=lambda row: row.id)
def test_every_id_is_described(row: Any) -> None:
    described = textgen_env.describe(row.id)
    env = gymnasium.make(row.id)
    core = env.unwrapped.core
    for said in (row.id, f"V={core.vocab_size}", f"T={core.horizon}", f"task: {row.task}", f"reward: {row.reward}"):
        assert said in described
    assert row.history[0] in described
    assert max(map(len, described.splitlines())) <= 140
    shown = env.unwrapped.__doc__
    assert shown is not None
    for said in ("## Action Space", "## This Game", f"V={core.vocab_size}", f"task: {row.task}"):
        assert said in shown
    assert "## This Game" not in (TextGenEnv.__doc__ or "")
    assert "## This Game" in (gymnasium.make_vec(row.id, num_envs=1).unwrapped.__doc__ or "")


def test_what_is_no_game_is_not_described() -> None:
    with pytest.raises(ValueError, match=r"id='CartPole-v1' is no environment of texts"):
        textgen_env.describe("CartPole-v1")
    with pytest.raises(gymnasium.error.Error):
        textgen_env.describe("TextGen-Nothing-v0")


def test_rows_are_reached_as_gymnasium_has_it() -> None:
    """`call`, `get_attr` and `set_attr`, against Gymnasium's own vector environment of the same games."""
    ours = gymnasium.make_vec("TextGen-Captions-v0", num_envs=3, min_length=2)
    theirs = gymnasium.make_vec("TextGen-Captions-v0", num_envs=3, min_length=2, vectorization_mode="sync")
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
