"""The snapshot of a state, and what refuses another game's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textgen_env.fingerprint import Fingerprint, difference
from textgen_env.prefixes import Prefixes
from textgen_env.reward_modes import same_form
from textgen_env.rewards.base import FloatArray, Reward, RewardState
from textgen_env.transition import BoolArray
from textgen_env.vocabulary import IntArray


@dataclass(frozen=True)
class Snapshot:
    """The state of K rows, to branch from; a learned reward's parameters are not part of it.

    `game` says in words which game they were played in, `fingerprint` by which rules: another game refuses them.
    """

    game: str
    fingerprint: Fingerprint
    tokens: IntArray
    lengths: IntArray
    running: BoolArray
    last_rewards: FloatArray
    returns: FloatArray
    sources: IntArray | None
    reward_state: RewardState
    generator_states: tuple[Any, ...]


class Rules(NamedTuple):
    """Rules that a snapshot is held against: the game of the core that it is to be put into.

    Attributes:
        game, fingerprint: of the core.
        prefixes: the rule of ends.
        num_sources: rows of the source table; 0 without one.
        reward: whose `check_state` is asked, where it has one.
        reward_state: of the core, for its form.
    """

    game: str
    fingerprint: Fingerprint
    prefixes: Prefixes
    num_sources: int
    reward: Reward
    reward_state: RewardState


def rows_of_state(state: Snapshot, count: int, rules: Rules) -> IntArray:
    """Which row of a snapshot each of `count` rows (K,) of a game is put into. A snapshot is checked as any input is:
    it may come from a file, or have been edited.

    Raises:
        TypeError: no snapshot, or a field of another type.
        ValueError: another number of rows than K or 1; of another game, naming both and what differs; or a state that
            no text of the game has, naming the field.
    """
    if not isinstance(state, Snapshot):
        raise TypeError(f"state={state!r} must be what snapshot() returned, got {type(state).__name__}")
    _check_game(state, rules)
    held = len(_array("tokens", state.tokens, np.int64, (-1, rules.prefixes.horizon)))
    if held not in (1, count):
        raise ValueError(f"state holds {held} rows; expected {count}, or 1 for all of them")
    _check_texts(state, held, rules.prefixes)
    for name in ("last_rewards", "returns"):
        values = _array(name, getattr(state, name), np.float64, (held,))
        _require(name, np.isfinite(values).all(), "a number that is not finite")
    if (state.sources is None) != (rules.num_sources == 0):
        raise TypeError(f"state.sources is {type(state.sources).__name__}; a snapshot has them as its game has")
    if state.sources is not None:
        sources = _array("sources", state.sources, np.int64, (held,))
        inside = ((sources >= 0) & (sources < rules.num_sources)).all()
        _require("sources", inside, f"a row that is not among the {rules.num_sources} of the source table")
    _check_reward_state(state.reward_state, held, rules)
    _check_generators(state.generator_states, held)
    return np.zeros(count, np.int64) if held == 1 else np.arange(count)


def _check_game(state: Snapshot, rules: Rules) -> None:
    if not isinstance(state.game, str) or not isinstance(state.fingerprint, Mapping):
        raise TypeError("state.game and state.fingerprint must be the words and the mapping that snapshot() gave")
    form = isinstance(state.reward_state, Mapping) and all(
        type(values) is type(rules.reward_state.get(name)) for name, values in state.reward_state.items()
    )
    if (state.game, state.fingerprint) != (rules.game, rules.fingerprint) or not (
        form and same_form(dict(state.reward_state), rules.reward_state)
    ):
        ours, theirs = (
            difference(state.fingerprint, rules.fingerprint),
            difference(rules.fingerprint, state.fingerprint),
        )
        raise ValueError(
            f"state was taken from another game, {state.game}{ours and f' ({ours})'}; this one is "
            f"{rules.game}{theirs and f' ({theirs})'}"
        )


def _check_texts(state: Snapshot, held: int, prefixes: Prefixes) -> None:
    """Whether tokens, lengths and running are those of texts."""
    tokens, horizon, blank = state.tokens, prefixes.horizon, prefixes.vocab_size
    lengths = _array("lengths", state.lengths, np.int64, (held,))
    running = _array("running", state.running, np.bool_, (held,))
    _require("lengths", ((lengths >= 0) & (lengths <= horizon)).all(), f"a length that is not 0 to {horizon}")
    written = np.arange(horizon) < lengths[:, None]
    ids = ((tokens >= 0) & (tokens < blank)) == written
    _require(
        "tokens",
        (ids & ((tokens == blank) | written)).all(),
        f"other than token ids 0 to {blank - 1}, and then blanks, {blank}",
    )
    ended = prefixes.ends(tokens, np.arange(1, horizon + 1)) & written
    early = ended.any(1) & (ended.argmax(1) + 1 < lengths)
    _require("tokens", not early.any(), "a text that goes on after its end")
    # A text that has not begun is empty; one that has begun runs until it ends.
    right = np.where(ended.any(1), ~running, running | (lengths == 0))
    _require("running", right.all(), "a text that runs though it has ended, or rests though it has not")


def _check_reward_state(state: RewardState, held: int, rules: Rules) -> None:
    for name, values in state.items():
        _require(f"reward_state[{name!r}]", len(values) == held, f"{len(values)} rows; expected {held}")
    if "total" in state:
        _require("reward_state['total']", np.isfinite(state["total"]).all(), "a number that is not finite")
    check = getattr(rules.reward, "check_state", None)
    if check is not None and state:
        check(state)


def _check_generators(states: Sequence[Any], held: int) -> None:
    if not isinstance(states, Sequence) or len(states) != held:
        raise ValueError(f"state.generator_states must hold the states of {held} generators")
    for number, each in enumerate(states):
        try:
            if each is not None:
                np.random.default_rng(0).bit_generator.state = each
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise ValueError(f"state.generator_states[{number}] is no state of NumPy's PCG64: {error}") from None


def _array(name: str, values: object, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    if not isinstance(values, np.ndarray) or values.dtype != dtype:
        found = values.dtype if isinstance(values, np.ndarray) else type(values).__name__
        raise TypeError(f"state.{name} is {found}, expected an array of {np.dtype(dtype)}")
    if values.ndim != len(shape) or any(
        wanted not in (-1, got) for wanted, got in zip(shape, values.shape, strict=True)
    ):
        wanted_shape = tuple("K" if wanted == -1 else wanted for wanted in shape)
        raise ValueError(f"state.{name} has shape {values.shape}, expected {wanted_shape}")
    return values


def _require(name: str, holds: object, otherwise: str) -> None:
    if not holds:
        raise ValueError(f"state.{name} holds {otherwise}; restore what snapshot() returned")
