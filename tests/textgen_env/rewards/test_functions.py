"""Rewards that are plain functions, of tokens or of strings: each is called as it can be, or refused in `make`."""

from __future__ import annotations

from typing import Any

import gymnasium
import pytest

from textgen_env import TextGenEnv, text_reward

TINY = "TextGen-Tiny-v0"


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
