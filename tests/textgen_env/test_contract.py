"""The contract of the game, as a user of one environment meets it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import sacrebleu
from gymnasium import spaces
from gymnasium.error import InvalidAction
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers.vector import DictInfoToList

from support.games import share_copied, share_of_a, write
from textgen_env import TextGenEnv, TextGenVectorEnv, Vocabulary
from textgen_env.sb3 import make_sb3_vec_env
from textgen_env.tasks.base import Task


@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
def test_gymnasiums_checker_has_nothing_to_say(
    env_id: str, small_kwargs: dict[str, Any], reward_mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check_env(gymnasium.make(env_id, reward_mode=reward_mode, **small_kwargs).unwrapped)


def test_spaces_are_integer_boxes(env_id: str, small_kwargs: dict[str, Any]) -> None:
    env = gymnasium.make(env_id, **small_kwargs)
    task: Task = env.unwrapped.task
    vocab_size = len(task.vocabulary)
    assert env.action_space == spaces.Discrete(vocab_size)
    tokens = spaces.Box(0, vocab_size, (task.max_length,), np.int64)
    if task.sources is None:
        assert env.observation_space == tokens
    else:
        width = task.sources.tokens.shape[1]
        source = spaces.Box(0, len(task.sources.vocabulary), (width,), np.int64)
        assert env.observation_space == spaces.Dict(source=source, tokens=tokens)


def test_the_observation_is_the_prefix_with_blanks() -> None:
    env = gymnasium.make("TextGen-Tiny-v0")
    observation, info = env.reset(seed=0)
    assert (observation.tolist(), observation.dtype, info) == ([4] * 5, np.int64, {})
    assert env.step(2)[0].tolist() == [2, 4, 4, 4, 4]
    assert env.step(0)[0].tolist() == [2, 0, 4, 4, 4]


def test_a_conditional_observation_has_its_source(echo_task: Any) -> None:
    env = TextGenEnv(echo_task, share_copied)
    observation, info = env.reset(options={"source": 5})
    assert {key: value.tolist() for key, value in observation.items()} == {"source": [0, 2, 3], "tokens": [4] * 4}
    assert info == {"source_row": 5}
    observation = env.step(1)[0]
    assert {key: value.tolist() for key, value in observation.items()} == {"source": [0, 2, 3], "tokens": [1, 4, 4, 4]}
    total, info = write(env, [3, 0])
    assert (total, info["source_row"], info["text"]) == (1.0, 5, "ac")


def test_sources_are_drawn_from_the_pool_uniformly(echo_task: Any) -> None:
    env = TextGenEnv(echo_task, share_copied)
    env.reset(seed=0)
    pool = echo_task.sources.pool
    drawn = [env.reset()[1]["source_row"] for _ in range(100 * len(pool))]
    counts = np.bincount(drawn, minlength=len(echo_task.sources.tokens))
    assert counts[np.setdiff1d(np.arange(len(counts)), pool)].sum() == 0
    # 19 degrees of freedom: 43.8 is exceeded once in a thousand.
    assert len(pool) == 20
    assert ((counts[pool] - 100) ** 2 / 100).sum() < 43.8


def test_a_text_ends_by_the_end_token_or_its_length(env_id: str, small_kwargs: dict[str, Any]) -> None:
    env = gymnasium.make(env_id, **small_kwargs)
    task: Task = env.unwrapped.task
    end = task.vocabulary.eos_id
    horizon = task.max_length
    conditional = set() if task.sources is None else {"source_row"}
    texts = [([1] * horizon, "length")]
    if end is not None:
        texts += [([1, end], "eos"), ([end], "eos"), ([1] * (horizon - 1) + [end], "eos")]
    for text, stop in texts:
        env.reset(seed=0)
        for t, token in enumerate(text):
            observation, reward, terminated, truncated, info = env.step(token)
            assert truncated is False
            assert terminated is (t == len(text) - 1)
            assert type(reward) is float
            assert np.isfinite(reward)
            assert observation in env.observation_space
            assert terminated or info.keys() == conditional
        assert info.keys() == {"text", "tokens", "length", "stop", "reward_terms"} | conditional
        assert info["stop"] == stop
        assert info["length"] == len(text)
        assert info["tokens"].tolist() == text + [task.vocabulary.blank_id] * (horizon - len(text))
        assert info["text"] == task.vocabulary.decode(text)
        assert all(type(value) is float and np.isfinite(value) for value in info["reward_terms"].values())


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_texts_of_many_rows_are_decoded_when_they_are_read(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    text_of = Vocabulary.text_of

    def counted(self: Vocabulary, ids: list[int]) -> str:
        decoded.append(ids)
        return text_of(self, ids)

    monkeypatch.setattr(Vocabulary, "text_of", counted)
    env = TextGenVectorEnv("tiny", "table", 2, autoreset_mode=mode)
    env.reset(seed=0)
    for _ in range(4):
        env.step([1, 1])
    *_, info = env.step([2, 3])
    assert not decoded
    texts = info.get("final_info", info)["text"]
    assert texts.tolist() == ["a a a a b", "a a a a c"]
    assert len(decoded) == 2
    assert info.get("final_info", info)["text"] is texts


USES: dict[str, tuple[Callable[[str], Any], Any]] = {
    "json": (json.dumps, '"a b"'),
    "re": (lambda text: re.findall(r"\w", text), ["a", "b"]),
    "join": (lambda text: "|".join([text]), "a b"),
    "format": (lambda text: f"{text:>5}", "  a b"),
    "array": (lambda text: np.array([text]).shape, (1,)),
    "objects": (lambda text: np.array([text], object).ndim, 1),
    "sacrebleu": (lambda text: sacrebleu.sentence_chrf(text, ["a b"]).score, 100.0),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("view", ["single", "NextStep", "SameStep", "row", "sb3"])
def test_a_text_is_a_string_to_every_library(use: str, view: str) -> None:
    text = finished_text(view)
    assert type(text) is str
    function, expected = USES[use]
    assert function(text) == expected


def finished_text(view: str) -> str:
    """ "a b" as a person gets it from a view of the game."""
    if view == "single":
        env = gymnasium.make("TextGen-Tiny-v0")
        env.reset(seed=0)
        return write(env, [1, 2, 0])[1]["text"]
    if view == "sb3":
        sb3 = make_sb3_vec_env("TextGen-Tiny-v0", num_envs=1)
        sb3.reset()
        return [sb3.step(np.array([token])) for token in (1, 2, 0)][-1][-1][0]["text"]
    mode = "NextStep" if view == "row" else view
    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=1, autoreset_mode=mode)
    if view == "row":
        envs = DictInfoToList(envs)
    envs.reset(seed=0)
    infos = [envs.step(np.array([token])) for token in (1, 2, 0)][-1][-1]
    return infos[0]["text"] if view == "row" else infos.get("final_info", infos)["text"][0]


def test_a_text_does_not_change_with_the_tokens_that_were_returned() -> None:
    env = gymnasium.make("TextGen-Tiny-v0")
    env.reset(seed=0)
    _, info = write(env, [1, 2, 0])
    info["tokens"][:] = 3
    assert info["text"] == "a b"


def test_masked_tokens_are_refused(no_repeat_task: Any) -> None:
    env = TextGenEnv(no_repeat_task, share_of_a)
    env.reset(seed=0)
    written: list[int] = []
    for chosen in (1, 2, 3):
        masks = env.action_masks()
        assert (masks.shape, masks.dtype) == ((4,), np.bool_)
        for token in np.flatnonzero(~masks):
            with pytest.raises(InvalidAction, match=rf"action={token} .* is masked after {len(written)} tokens"):
                env.step(token)
        assert masks[chosen]
        written.append(chosen)
        assert env.step(chosen)[0].tolist() == written + [4] * (5 - len(written))


def test_every_allowed_token_is_accepted(no_repeat_task: Any) -> None:
    env = TextGenEnv(no_repeat_task, share_of_a)
    env.reset(options={"prefix": [1, 2]})
    state = env.snapshot()
    for token in np.flatnonzero(env.action_masks()):
        env.restore(state)
        env.step(token)


def test_min_length_masks_the_end_token(env_id: str, small_kwargs: dict[str, Any]) -> None:
    env = gymnasium.make(env_id, min_length=2, **small_kwargs)
    end = env.unwrapped.task.vocabulary.eos_id
    everything = np.ones(env.action_space.n, bool)
    env.reset(seed=0)
    for t in range(3):
        expected = everything.copy()
        if end is not None and t < 2:
            expected[end] = False
            with pytest.raises(InvalidAction, match=rf"action={end} .* is masked after {t} tokens"):
                env.step(end)
        np.testing.assert_array_equal(env.unwrapped.action_masks(), expected)
        env.step(1)


def test_min_length_and_the_tasks_masks_add_up(no_repeat_task: Any) -> None:
    env = TextGenEnv(no_repeat_task, share_of_a, min_length=2)
    env.reset(seed=0)
    env.step(1)
    assert env.action_masks().tolist() == [False, False, True, True]
    env.step(2)
    assert env.action_masks().tolist() == [True, True, False, True]


def test_masks_are_read_off_the_task_anew_each_time(no_repeat_task: Any) -> None:
    """A task may hand out one and the same array; changing what was returned does not change the game."""
    constant = np.array([[True, True, False, True]])
    no_repeat_task.allowed_tokens = lambda tokens, lengths: constant
    env = TextGenEnv(no_repeat_task, share_of_a)
    env.reset(seed=0)
    env.action_masks()[:] = False
    env.step(0)
    assert env.action_masks().all()
    longer = TextGenEnv(no_repeat_task, share_of_a, min_length=1)
    longer.reset(seed=0)
    assert longer.action_masks().tolist() == [False, True, False, True]
    assert constant.tolist() == [[True, True, False, True]]


def test_prefixes_are_begun_with_and_may_differ_by_row() -> None:
    envs = TextGenVectorEnv("tiny", "table", num_envs=2)
    observations, _ = envs.reset(seed=0, options={"prefix": [1, 2]})
    assert observations.tolist() == [[1, 2, 4, 4, 4]] * 2
    observations, _ = envs.reset(options={"prefix": np.array([[1, 2, 3, 1], [3, 2, 1, 3]], np.uint8)})
    assert observations.tolist() == [[1, 2, 3, 1, 4], [3, 2, 1, 3, 4]]
    *_, terminated, _, infos = envs.step([2, 0])
    assert terminated.all()
    assert infos["stop"].tolist() == ["length", "eos"]
    assert infos["length"].tolist() == [5, 5]


def test_sources_may_differ_by_row(echo_task: Any) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, num_envs=2)
    _, infos = envs.reset(seed=0, options={"source": [3, 7]})
    assert infos["source_row"].tolist() == [3, 7]
    _, infos = envs.reset(options={"source": 38})
    assert infos["source_row"].tolist() == [38, 38]


@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
def test_what_is_returned_belongs_to_the_caller(echo_task: Any, reward_mode: str) -> None:
    """Two environments play the same texts; all that one returns and hands out is overwritten."""

    def spoil(value: Any) -> None:
        if isinstance(value, dict):
            for entry in value.values():
                spoil(entry)
        elif isinstance(value, np.ndarray):
            value[...] = None if value.dtype == object else -7

    def greedy(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
        score = share_copied(tokens, lengths, sources)
        for array in (tokens, lengths, sources.tokens, sources.indices):
            array[...] = 99
        return score

    def trace(spoiling: bool) -> list[Any]:
        reward = greedy if spoiling else share_copied
        envs = TextGenVectorEnv(echo_task, reward, 2, reward_mode=reward_mode, autoreset_mode="SameStep")
        seen: list[Any] = []
        outcomes: list[Any] = [envs.reset(seed=3)]
        for actions in ([1, 2], [0, 2], [3, 3], [0, 0], [1, 0]):
            outcomes.append(envs.step(np.array(actions)))
            texts = outcomes[-1][-1].get("final_info", {}).get("text", [])
            seen += [str(text) for text in texts]
            observations, *rest = outcomes[-1]
            seen += [observations["source"].tolist(), observations["tokens"].tolist(), rest[0].tolist()]
            seen += [envs.action_masks().tolist(), envs.snapshot().tokens.tolist()]
            if spoiling:
                for outcome in outcomes:
                    for value in outcome:
                        spoil(value)
                envs.action_masks()[:] = False
                spoil(vars(envs.snapshot()))
                spoil(envs.task.training_sequences()._asdict())
        return seen

    assert trace(spoiling=True) == trace(spoiling=False)


def test_the_data_are_handed_out_as_copies(env_id: str, small_kwargs: dict[str, Any]) -> None:
    task: Task = gymnasium.make(env_id, **small_kwargs).unwrapped.task
    for get in (task.training_sequences, task.test_sequences, task.references):
        before = get().tokens.copy()
        get().tokens[...] = 0
        np.testing.assert_array_equal(get().tokens, before)


def test_data_are_texts_of_the_task(env_id: str, small_kwargs: dict[str, Any]) -> None:
    task: Task = gymnasium.make(env_id, **small_kwargs).unwrapped.task
    for texts in (task.training_sequences(), task.test_sequences()):
        assert texts.tokens.shape == (len(texts.lengths), task.max_length)
        assert texts.tokens.dtype == texts.lengths.dtype == np.int64
        np.testing.assert_array_equal(task.vocabulary.lengths(texts.tokens), texts.lengths)
        assert (texts.sources is None) == (task.sources is None)
