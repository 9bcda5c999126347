"""A game small enough to enumerate, as the arrays of a Markov decision process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from textgen_env.checks import check_at_least, is_number
from textgen_env.core import GenerationCore
from textgen_env.rewards.base import FloatArray
from textgen_env.solve.enumeration import check_size, grown_levels, source_roots
from textgen_env.tasks.base import Sources
from textgen_env.transition import BoolArray
from textgen_env.vocabulary import IntArray

MOST_STATES = 1_000_000
# Pairs of a state and a token; each array over them takes eight bytes a pair.
MOST_PAIRS = 30_000_000
# How far the probabilities of a state's tokens may add up to something other than 1.
ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class TextMDP:
    """The MDP of writing texts: a state is a prefix (and its source), an action the next token; a token leads to one
    state or ends the text. The states are a tree for each source, breadth first: all that are one token longer follow
    all that are one token shorter.

    Attributes:
        tokens, lengths: (S, T) and (S,) int64, the prefixes that can be written on; blanks are V.
        sources: of the S prefixes, or None for an unconditional task.
        start: (S,) float64, the probability that a text begins in each state.
        allowed: (S, V) bool, which token may follow: the task's masks and the game's `min_length`.
        next_state: (S, V) int64, where a token leads; -1 where it ends the text or is not allowed.
        rewards: (S, V) float64, what a token earns, in the reward's unit; 0 where it is not allowed.
        discount: of the rewards of each further token, in [0, 1].
        game: what is played, in words.
    """

    tokens: IntArray
    lengths: IntArray
    sources: Sources | None
    start: FloatArray
    allowed: BoolArray
    next_state: IntArray
    rewards: FloatArray
    discount: float
    game: str

    @classmethod
    def of(cls, env: Any, discount: float = 1.0, most_states: int = MOST_STATES, most_pairs: int = MOST_PAIRS) -> Self:
        """The MDP of an environment, in its own reward mode, from the start of a text.

        A reward that learns is taken as it stands now, and learns nothing from being asked.

        Args:
            env: made by `gymnasium.make` or `make_vec`; what wrappers do to rewards does not count.
            discount: see above.
            most_states, most_pairs: beyond how many prefixes, and pairs of a prefix and a token, it refuses.

        Raises:
            TypeError: no environment of this package.
            ValueError: a discount outside [0, 1]; a game too large, counted before anything is allocated (as it is
                enumerated, where the task masks tokens); a prefix that no token may follow; a reward that scores one
                text in two ways.
        """
        core = getattr(getattr(env, "unwrapped", None), "core", None)
        if not isinstance(core, GenerationCore):
            raise TypeError(f"env={env!r} must be a text environment; make it with gymnasium.make or make_vec")
        if not is_number(discount) or not 0 <= discount <= 1:
            raise ValueError(f"discount={discount!r} must be a number from 0 to 1")
        limits = check_at_least("most_states", most_states), check_at_least("most_pairs", most_pairs)
        check_size(core, *limits)
        levels = list(grown_levels(core, *limits))
        sources = core.task.sources
        roots, start = source_roots(core)
        indices = None if sources is None else np.concatenate([level.sources for level in levels])
        lengths = np.repeat(np.arange(len(levels)), [len(level.tokens) for level in levels])
        return cls(
            tokens=np.concatenate([level.tokens for level in levels]),
            lengths=lengths,
            sources=None if sources is None or indices is None else sources.take(indices),
            start=np.concatenate([start, np.zeros(len(lengths) - len(roots))]),
            allowed=np.concatenate([level.allowed for level in levels]),
            next_state=np.concatenate([level.next_state for level in levels]),
            rewards=np.concatenate([level.rewards for level in levels]),
            discount=float(discount),
            game=core.game,
        )

    @property
    def num_states(self) -> int:
        """S."""
        return len(self.tokens)

    @property
    def vocab_size(self) -> int:
        """V."""
        return int(self.allowed.shape[1])

    @cached_property
    def levels(self) -> tuple[slice, ...]:
        """The states of each length 0, 1, ..., in order; the first are the roots, one for each source."""
        ends = np.searchsorted(self.lengths, np.arange(self.lengths[-1] + 1), side="right").tolist()
        return tuple(slice(begin, end) for begin, end in zip([0, *ends[:-1]], ends, strict=True))

    @cached_property
    def ends(self) -> BoolArray:
        """(S, V) bool: where a token ends the text."""
        ends: BoolArray = self.allowed & (self.next_state < 0)
        return ends

    def state(self, prefix: ArrayLike = (), source: int | None = None) -> int:
        """The number of the state after `prefix` (P,) of token ids.

        Args:
            prefix: as `reset` takes it, or empty.
            source: row of the source table, for a conditional task.

        Raises:
            ValueError: no such state.
        """
        roots = self.levels[0]
        at = 0
        if self.sources is not None:
            found = np.flatnonzero(self.sources.indices[roots] == source)
            if not len(found):
                raise ValueError(f"source={source!r} must be a row of the source table that is in its pool")
            at = int(found[0])
        elif source is not None:
            raise ValueError(f"source={source!r}: this task is unconditional; it has no sources")
        for token in np.asarray(prefix, np.int64).reshape(-1).tolist():
            at = int(self.next_state[at, token]) if 0 <= token < self.vocab_size else -1
            if at < 0:
                raise ValueError(f"prefix={prefix!r}: token {token} ends the text, is not allowed, or is none")
        return at

    def checked_policy(self, policy: ArrayLike, name: str = "policy") -> FloatArray:
        """`policy` as float64 (S, V): the probability of each token in each state.

        Raises:
            ValueError: another shape; probabilities that are negative, not finite or do not add up to 1 within 1e-6; a
                token with a probability that is not allowed.
        """
        chances = np.asarray(policy, np.float64)
        if chances.shape != self.allowed.shape:
            raise ValueError(f"{name} has shape {chances.shape}, expected {self.allowed.shape}: states and tokens")
        # Written so that NaN fails.
        wrong = ~(np.abs(chances.sum(1) - 1) <= ROUNDING) | ~(chances >= 0).all(1)
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"{name}[{row}]={chances[row]} must be probabilities >= 0 that add up to 1")
        masked = (chances > 0) & ~self.allowed
        if masked.any():
            row, token = (int(index[0]) for index in masked.nonzero())
            raise ValueError(
                f"{name}[{row}, {token}]={chances[row, token]}: token {token} is not allowed after "
                f"{self.tokens[row, : self.lengths[row]].tolist()}; mask the policy with `allowed`"
            )
        return chances

    def uniform_policy(self) -> FloatArray:
        """(S, V): every allowed token is equally likely."""
        chances: FloatArray = self.allowed / self.allowed.sum(1, keepdims=True)
        return chances
