"""A snapshot that was edited is refused, or puts the game into a state that a text of it has: never elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_env import TextGenEnv, TextGenVectorEnv, combine

GAMES: dict[str, dict[str, Any]] = {
    "tiny": {"task": "tiny", "reward": "table"},
    "likelihood": {
        "task": "oracle", "reward": "likelihood", "vocab_size": 9, "max_length": 5, "train_size": 9, "test_size": 9,
    },
    "bleu": {"task": "captions", "reward": "bleu", "reward_mode": "dense", "train_size": 50, "test_size": 9},
    "numbers": {"task": "number_words", "reward": "bleu", "reward_mode": "dense", "max_number": 60},
    "sum": {
        "task": "captions", "reward": combine((1.0, "bleu"), (0.5, "constant")), "reward_mode": "dense",
        "train_size": 50, "test_size": 9,
    },
}  # fmt: skip
Change = Callable[[np.ndarray], Any]


def played(name: str, num_envs: int = 3) -> Any:
    envs = TextGenVectorEnv(num_envs=num_envs, **GAMES[name])
    envs.reset(seed=0)
    for token in (1, 2):
        envs.step(np.full(num_envs, token))
    return envs


def filled(values: np.ndarray, value: Any) -> np.ndarray:
    return np.full_like(values, value)


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("lengths", lambda v: filled(v, -(10**7)), r"state\.lengths holds a length that is not 0 to \d+"),
        ("lengths", lambda v: filled(v, 10**7), r"state\.lengths holds a length"),
        ("lengths", lambda v: v - 1, r"state\.tokens holds other than token ids"),
        ("lengths", lambda v: v + 1, r"state\.tokens holds other than token ids"),
        ("lengths", lambda v: v.astype(float), r"state\.lengths is float64, expected an array of int64"),
        ("lengths", lambda v: v[:, None], r"state\.lengths has shape \(3, 1\), expected \(3,\)"),
        ("lengths", lambda v: v.tolist(), r"state\.lengths is list"),
        ("tokens", lambda v: filled(v, -1), r"state\.tokens holds other than token ids 0 to"),
        ("tokens", lambda v: filled(v, 10**9), r"state\.tokens holds other than"),
        ("tokens", lambda v: v[:, :-1], r"state\.tokens has shape .* expected \('K', \d+\)"),
        ("tokens", lambda v: v.astype(np.int32), r"state\.tokens is int32"),
        ("tokens", lambda v: v[:2], r"holds 2 rows; expected 3, or 1"),
        ("running", lambda v: ~v, r"state\.running holds a text that runs though"),
        ("running", lambda v: v.astype(np.int8), r"state\.running is int8, expected an array of bool"),
        ("returns", lambda v: filled(v, np.nan), r"state\.returns holds a number that is not finite"),
        ("last_rewards", lambda v: filled(v, np.inf), r"state\.last_rewards holds a number"),
        ("last_rewards", lambda v: v.astype(complex), r"state\.last_rewards is complex128"),
    ],
)
@pytest.mark.parametrize("name", GAMES)
def test_a_field_that_was_edited_is_named(name: str, field: str, change: Change, message: str) -> None:
    envs = played(name)
    state = envs.snapshot()
    refused_as_it_was(envs, replace(state, **{field: change(getattr(state, field))}), message)


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ((), "must hold the states of 3 generators"),
        (7, "must hold the states of 3 generators"),
        (({"bit_generator": "MT19937"},) * 3, r"generator_states\[0\] is no state of NumPy's PCG64"),
        (("x", None, None), r"generator_states\[0\] is no state"),
    ],
)
def test_generators_that_were_edited_are_named(states: Any, message: str) -> None:
    envs = played("tiny")
    refused_as_it_was(envs, replace(envs.snapshot(), generator_states=states), message)


@pytest.mark.parametrize(("value", "message"), [(-1, "a row that is not among"), (10**9, "a row that is not among")])
def test_sources_that_were_edited_are_named(value: int, message: str) -> None:
    envs = played("numbers")
    state = envs.snapshot()
    refused_as_it_was(envs, replace(state, sources=filled(state.sources, value)), message)
    refused_as_it_was(envs, replace(state, sources=None), "state.sources is NoneType")


@pytest.mark.parametrize(
    ("entry", "value"),
    [("group", 10**9), ("group", -2), ("slots", 10**12), ("slots", -2), ("matches", -1), ("matches", 10**6)],
)
@pytest.mark.parametrize("name", ["bleu", "numbers", "sum"])
def test_a_rewards_state_that_was_edited_is_named(name: str, entry: str, value: int) -> None:
    envs = played(name)
    state = envs.snapshot()
    key = f"0.{entry}" if name == "sum" else entry
    edited = {**state.reward_state, key: filled(state.reward_state[key], value)}
    refused_as_it_was(envs, replace(state, reward_state=edited), f"entry '{entry}' is not that of prefixes")


def test_counters_without_an_empty_place_are_refused() -> None:
    """A search in them would not end."""
    envs = played("bleu")
    state = envs.snapshot()
    counts = state.reward_state["counts"]
    counts.entries[...] = (1 << counts.count_bits) | 1
    refused_as_it_was(envs, state, "entry 'counts'")
    other = {**envs.snapshot().reward_state, "counts": np.asarray(envs.snapshot().reward_state["counts"])}
    refused_as_it_was(envs, replace(envs.snapshot(), reward_state=other), "another game")


def refused_as_it_was(envs: Any, state: Any, message: str) -> None:
    before = envs.core.generators.states(envs.core.all_rows), envs.core.tokens.copy(), envs.core.lengths.copy()
    with pytest.raises((TypeError, ValueError), match=message):
        envs.restore(state)
    after = envs.core.generators.states(envs.core.all_rows), envs.core.tokens, envs.core.lengths
    np.testing.assert_equal(after, before)
    envs.step(np.ones(envs.num_envs, int))


FIELDS = ("tokens", "lengths", "running", "last_rewards", "returns")
NUMBERS = st.one_of(
    st.integers(-2, 12), st.integers(-(2**62), 2**62), st.floats(allow_nan=True, allow_infinity=True), st.booleans()
)


# Numbers out of a float32's range are among the edits; what they overflow to is not what is asked.
@np.errstate(all="ignore")
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(list(GAMES)), st.data())
def test_edits_at_random_are_refused_or_lead_to_a_game_that_can_be_played(name: str, data: st.DataObject) -> None:
    envs = ENVS.setdefault(name, played(name))
    state = envs.snapshot()
    arrays = {field: getattr(state, field).copy() for field in FIELDS}
    arrays |= {
        f"reward_state.{key}": value.copy()
        for key, value in state.reward_state.items()
        if isinstance(value, np.ndarray)
    }
    for _ in range(data.draw(st.integers(1, 4))):
        array = arrays[data.draw(st.sampled_from(sorted(arrays)))]
        if array.size:
            at = data.draw(st.integers(0, array.size - 1))
            try:
                array.reshape(-1)[at] = data.draw(NUMBERS)
            except (OverflowError, ValueError, TypeError):
                continue
    rewards = {key: arrays.get(f"reward_state.{key}", value) for key, value in state.reward_state.items()}
    edited = replace(state, **{field: arrays[field] for field in FIELDS}, reward_state=rewards)
    try:
        with np.errstate(all="ignore"):
            envs.restore(edited)
    except (TypeError, ValueError):
        return
    # A text may have been made one that has not begun.
    with suppress(ResetNeeded):
        for _ in range(envs.core.horizon + 1):
            envs.step(np.ones(envs.num_envs, int))
    envs.reset()


ENVS: dict[str, Any] = {}


def test_what_was_not_edited_is_taken() -> None:
    env = TextGenEnv("tiny", "table")
    for act in (lambda: None, lambda: env.reset(seed=0), lambda: env.step(1), lambda: env.step(0)):
        act()
        env.restore(env.snapshot())


@pytest.mark.parametrize("entry", ["hidden", "cell"])
def test_a_models_state_that_is_not_finite_is_named(entry: str) -> None:
    envs = played("likelihood")
    state = envs.snapshot()
    edited = {**state.reward_state, entry: filled(state.reward_state[entry], np.nan)}
    refused_as_it_was(envs, replace(state, reward_state=edited), f"entry '{entry}' is not finite")
