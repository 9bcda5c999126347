"""TRL's reward function: the environment's own scores, of strings, messages and ids."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from textgen_env import BaseTask, TextGenEnv, Vocabulary
from textgen_env.integrations.trl import reward_function

SMALL = {"train_size": 50, "test_size": 10}


def captions() -> Any:
    return gymnasium.make("TextGen-Captions-v1", **SMALL)


def test_strings_earn_what_an_episode_that_writes_them_earns() -> None:
    env = captions()
    game = env.unwrapped
    texts = game.task.test_sequences()
    strings = [game.task.vocabulary.decode(row) for row in texts.tokens]
    earned = reward_function(env)([""] * len(strings), strings)
    np.testing.assert_allclose(earned, game.score(texts.tokens, texts.lengths))
    assert [type(each) for each in earned] == [float] * len(strings)
    env.reset(seed=0)
    total = 0.0
    for token in texts.tokens[0, : texts.lengths[0]]:
        total += env.step(token)[1]
    assert earned[0] == pytest.approx(total)


def test_messages_and_ids_are_read_as_strings_are() -> None:
    env = captions()
    game = env.unwrapped
    texts = game.task.test_sequences()
    strings = [game.task.vocabulary.decode(row) for row in texts.tokens[:3]]
    wanted = reward_function(env)([""] * 3, strings)
    messages = [[{"role": "assistant", "content": text}] for text in strings]
    assert reward_function(env)([""] * 3, messages, trainer_state=None) == wanted
    ids = [row[:length].tolist() for row, length in zip(texts.tokens[:3], texts.lengths, strict=False)]
    assert reward_function(env, ids=True)([""] * 3, strings, completion_ids=ids) == wanted
    without_end = [row[:-1] for row in ids]
    assert reward_function(env, ids=True)([""] * 3, strings, completion_ids=without_end) == wanted


def test_a_text_is_cut_after_the_horizon_and_at_its_end() -> None:
    env = TextGenEnv("tiny", "table", max_length=3)
    score = reward_function(env, ids=True)
    long, ended = score(["", ""], ["", ""], completion_ids=[[1, 2, 1, 2, 2], [1, 0, 2]])
    assert long == pytest.approx(env.score([[1, 2, 1]])[0])
    assert ended == pytest.approx(env.score([[1, 0]])[0])


def test_an_empty_completion_is_the_end_token_alone() -> None:
    env = TextGenEnv("tiny", "table", max_length=3)
    assert reward_function(env)([""], [""]) == pytest.approx([env.score([[0]])[0]])


class Characters(BaseTask):
    """Letters, with one for all that is unknown."""

    vocabulary, max_length = Vocabulary("ab?", separator="", unknown="?"), 4


def unknowns(tokens: Any, lengths: Any) -> Any:
    return (tokens == 2).sum(1).astype(float)


def test_characters_and_the_unknown_token() -> None:
    assert reward_function(TextGenEnv(Characters(), unknowns))(["", ""], ["abz", "zzzzz"]) == [1.0, 4.0]


def test_sources_come_from_a_column(echo_task: Any) -> None:
    from support.games import share_copied

    env = TextGenEnv(echo_task, share_copied)
    earned = reward_function(env)(["", ""], ["ac", "ac"], source_row=[5, 0])
    np.testing.assert_allclose(earned, env.score([[1, 3, 0, 4]] * 2, sources=[5, 0]))
    assert earned[0] == 1.0
    with pytest.raises(ValueError, match="source_row"):
        reward_function(env)([""], ["a"])


def test_words_outside_are_refused_or_paid_as_asked() -> None:
    env = captions()
    with pytest.raises(ValueError, match=r"'xylophone' is not in the vocabulary.*outside"):
        reward_function(env)([""], ["a man plays xylophone"])
    wanted = reward_function(env)([""], ["a man"])
    assert reward_function(env, outside=-1.0)(["", "", ""], ["a xylophone", "a man", "zzz"]) == [-1.0, *wanted, -1.0]
    assert reward_function(env, ids=True, outside=-1.0)([""], [""], completion_ids=[[9999]]) == [-1.0]
    with pytest.raises(TypeError, match="outside"):
        reward_function(env, outside="no")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be an environment of texts"):
        reward_function(gymnasium.make("CartPole-v1"))
    with pytest.raises(ValueError, match="completion_ids"):
        reward_function(env, ids=True)([""], ["a man"])
