"""A reward that returns no scores, or fails, is named, and the game stays where it stood."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
import torch

from textgen_env import BaseReward, TextGenEnv, TextGenVectorEnv, combine
from textgen_env.rewards.base import RewardState, Terms

Refused = Callable[..., AbstractContextManager[None]]
VIEWS = ["single", "NextStep", "SameStep", "Disabled"]


def constant(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
    """1 for each text."""
    return np.ones(len(tokens))


def made(view: str, **kwargs: Any) -> Any:
    """A tiny game of one text, or of two."""
    if view == "single":
        return TextGenEnv("tiny", **kwargs)
    return TextGenVectorEnv("tiny", num_envs=2, autoreset_mode=view, **kwargs)


def act(view: str, token: Any) -> Any:
    """An action for `view`."""
    return token if view == "single" else [1, token]


class Bad(BaseReward):
    """Counts tokens, until it is told to return something else."""

    name = "bad"

    def __init__(self, returned: Any = None) -> None:
        self.returned = returned

    def score(self, tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> Any:
        if isinstance(self.returned, Exception):
            raise self.returned
        return lengths.astype(float) if self.returned is None else self.returned(len(tokens))


RETURNED = [
    (lambda n: np.full(n, np.nan), ValueError, r"reward 'bad' returned nan for text 0; scores must be finite"),
    (lambda n: np.full(n, np.inf), ValueError, r"reward 'bad' returned inf for text 0"),
    (lambda n: np.full(n, -np.inf), ValueError, r"reward 'bad' returned -inf for text 0"),
    (
        lambda n: np.ones(n + 1),
        ValueError,
        r"reward 'bad' returned shape \(\d,\), expected \(\d,\): one score for each",
    ),
    (lambda n: np.ones((n, 1)), ValueError, r"reward 'bad' returned shape \(\d, 1\), expected"),
    (lambda n: 1.0, ValueError, r"reward 'bad' returned shape \(\), expected"),
    (lambda n: ["1.0"] * n, TypeError, r"reward 'bad' returned .*'1.0'.*; expected an array of \d numbers"),
    (lambda n: "good", TypeError, r"reward 'bad' returned 'good'; expected"),
    (lambda n: [None] * n, TypeError, r"reward 'bad' returned \[None.*; expected"),
    (lambda n: {"score": 1.0}, TypeError, r"reward 'bad' returned .*; expected"),
    (lambda n: np.ones(n, complex), TypeError, r"reward 'bad' returned .*; expected"),
    (lambda n: [[1.0], 2.0], TypeError, r"reward 'bad' returned list, not \d numbers"),
    (lambda n: torch.ones(n, requires_grad=True), TypeError, r"reward 'bad' returned Tensor, not \d numbers"),
]


@pytest.mark.parametrize("kind", ["protocol", "function", "combined"])
@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("returned", "error", "message"), RETURNED)
def test_a_reward_that_returns_no_scores(
    view: str,
    reward_mode: str,
    kind: str,
    returned: Callable[[int], Any],
    error: type[Exception],
    message: str,
    refused: Refused,
) -> None:
    bad = Bad()
    reward: Any = bad
    if kind == "function":
        reward = bad.score
        message = message.replace("'bad'", "'score'")
    elif kind == "combined":
        reward = combine((0.0, bad), (1.0, constant))
    env = made(view, reward=reward, reward_mode=reward_mode)
    env.reset(seed=0)
    env.step(act(view, 1))
    bad.returned = returned
    with refused(env, error, message):
        env.step(act(view, 0))
    with refused(env, error, message):
        env.score([[1, 2], [1, 3]])
    if reward_mode == "dense":
        with refused(env, error, message):
            env.reset(seed=8, options={"prefix": [1, 2]})
    # Put right, the game goes on where it stood.
    bad.returned = None
    *_, info = env.step(act(view, 0))
    assert info


def test_a_reward_that_returns_none() -> None:
    env = made("single", reward=lambda tokens, lengths, sources: None)
    env.reset(seed=0)
    with pytest.raises(TypeError, match=r"reward '<lambda>' returned None; expected an array of 1 numbers"):
        env.step(0)


@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_reward_that_raises(view: str, reward_mode: str, refused: Refused) -> None:
    reward = Bad()
    env = made(view, reward=reward, reward_mode=reward_mode)
    env.reset(seed=0)
    env.step(act(view, 1))
    reward.returned = ConnectionError("the judge is away")
    with refused(env, ConnectionError, "the judge is away"):
        env.step(act(view, 0))
    reward.returned = None
    *_, info = env.step(act(view, 0))
    assert info


class BadTerms(BaseReward):
    """Parts that are no scores, one of which does not count."""

    name = "parts"
    default_mode = "dense"

    def terms(self, tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> Terms:
        return {"good": lengths.astype(float), "idle": np.full(len(tokens), np.nan)}

    def total(self, terms: Terms) -> np.ndarray:
        return terms["good"]


def test_no_part_of_a_score_is_nan(refused: Refused) -> None:
    for reward_mode in ("terminal", "dense"):
        env = made("single", reward=BadTerms(), reward_mode=reward_mode)
        env.reset(seed=0)
        with refused(env, ValueError, r"reward 'parts: idle' returned nan for text 0"):
            env.step(0)


class BadState(Bad):
    """A state that changes its form, or comes with too few rows."""

    form: Callable[[int], RewardState] = staticmethod(lambda n: {"memory": np.zeros((n, 2))})

    def begin(self, tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> RewardState:
        return {**super().begin(tokens, lengths, sources), "memory": np.zeros((len(tokens), 2))}

    def extend(
        self, state: RewardState, tokens: np.ndarray, lengths: np.ndarray, sources: Any = None
    ) -> tuple[Terms, RewardState]:
        return self.terms(tokens, lengths), self.form(len(tokens))


@pytest.mark.parametrize(
    "form",
    [
        lambda n: {"memory": np.zeros((n, 3))},
        lambda n: {"memory": np.zeros((n, 2), np.int64)},
        lambda n: {"memory": np.zeros((n + 1, 2))},
        lambda n: {},
        lambda n: {"memory": np.zeros((n, 2)), "more": np.zeros(n)},
    ],
)
def test_a_reward_state_of_another_form(form: Any, refused: Refused) -> None:
    reward = BadState()
    envs = made("NextStep", reward=reward, reward_mode="dense")
    envs.reset(seed=0)
    reward.form = form
    with refused(envs, ValueError, r"reward 'bad' returned a state with the entries .*; expected .*memory.* 2 rows"):
        envs.step([1, 2])
    del reward.form
    envs.step([1, 2])


def test_a_generator_does_not_advance_for_a_reset_that_fails(echo_task: Any, refused: Refused) -> None:
    class Failing(Bad):
        def begin(self, tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> RewardState:
            if self.returned is not None:
                raise ConnectionError("the judge is away")
            return super().begin(tokens, lengths, sources)

    reward = Failing()
    for env in (
        TextGenEnv(echo_task, reward, reward_mode="dense"),
        TextGenVectorEnv(echo_task, reward, 2, reward_mode="dense"),
    ):
        reward.returned = None
        env.reset(seed=0)
        reward.returned = 1
        with refused(env, ConnectionError, "the judge is away"):
            env.reset()
        with refused(env, ConnectionError, "the judge is away"):
            env.reset(seed=9)
