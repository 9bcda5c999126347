"""The game of writing texts token by token, for N rows at once. Every environment class is a view of it.

State: the prefix written so far (and the source, where there is one). Action: the next token. The end token or
the horizon ends the text. Nothing here knows Gymnasium's or Stable-Baselines3's conventions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from numpy.typing import ArrayLike, NDArray

from textgen_env.arguments import checked_prefix, checked_source_rows, checked_texts, checked_token_ids
from textgen_env.rewards.base import FloatArray, Reward, RewardMode, RewardState, Terms, checked_scores
from textgen_env.tasks.base import Sources, Task, check_at_least
from textgen_env.vocabulary import IntArray

BoolArray = NDArray[np.bool_]
Stop = Literal["eos", "length"]


@dataclass(frozen=True)
class Finished:
    """The K texts that ended in one step.

    Attributes:
        rows: (K,) where they were written.
        tokens: (K, T) int64, lengths (K,) int64.
        by_eos: (K,) bool, whether the end token rather than the horizon ended them.
        terms: name of each part of the reward -> (K,) float64.
        sources: (K,) int64 rows of the source table, or None.
    """

    rows: IntArray
    tokens: IntArray
    lengths: IntArray
    by_eos: BoolArray
    terms: Terms
    sources: IntArray | None


@dataclass(frozen=True)
class Transition:
    """What one step gives: rewards (N,) float64, terminated (N,) bool, and the texts that ended, if any."""

    rewards: FloatArray
    terminated: BoolArray
    finished: Finished | None


@dataclass(frozen=True)
class Snapshot:
    """The state of K rows, to branch from; a learned reward's parameters are not part of it."""

    tokens: IntArray
    lengths: IntArray
    running: BoolArray
    last_rewards: FloatArray
    returns: FloatArray
    sources: IntArray | None
    reward_state: RewardState | None
    generator_states: tuple[Any, ...]


class GenerationCore:
    """N texts being written under one task and one reward.

    Args:
        task: what is written.
        reward: how good it is; bound to the task here.
        num_rows: N.
        reward_mode: "terminal" pays the score of the finished text, "dense" pays each token the change of the
            prefix score; None takes the reward's own default.
        min_length: tokens to be written before the end token is allowed; before that it is masked.

    Attributes:
        tokens: (N, T) int64, blanks filled with V.
        lengths: (N,) int64.
        running: (N,) bool, texts that have begun and not ended.
        source_indices: (N,) int64, or None.
        last_rewards, returns: (N,) float64, of the text being written.
        generators: one a row, used for drawing sources; None until first needed.
    """

    def __init__(
        self,
        task: Task,
        reward: Reward,
        num_rows: int = 1,
        reward_mode: RewardMode | None = None,
        min_length: int = 0,
    ) -> None:
        self.num_rows = check_at_least("num_envs", num_rows)
        self.min_length = check_at_least("min_length", min_length, least=0)
        if self.min_length >= task.max_length and task.vocabulary.eos_id is not None:
            raise ValueError(f"min_length={min_length} must be below max_length={task.max_length}")
        if reward_mode not in (None, "terminal", "dense"):
            raise ValueError(f"reward_mode={reward_mode!r} must be 'terminal', 'dense' or None (the reward's default)")
        self.task = task
        self.reward = reward.bind(task)
        self.reward_mode: RewardMode = reward_mode or self.reward.default_mode
        self.vocab_size = len(task.vocabulary)
        self.horizon = task.max_length
        self._eos = -1 if task.vocabulary.eos_id is None else task.vocabulary.eos_id
        self.tokens = np.full((num_rows, self.horizon), self.vocab_size, np.int64)
        self.lengths = np.zeros(num_rows, np.int64)
        self.running = np.zeros(num_rows, np.bool_)
        self.last_rewards = np.zeros(num_rows)
        self.returns = np.zeros(num_rows)
        self.source_indices = None if task.sources is None else np.zeros(num_rows, np.int64)
        self.generators: list[np.random.Generator | None] = [None] * num_rows
        self._all_rows = np.arange(num_rows)
        self._reward_state: RewardState | None = None

    def seed(self, rows: IntArray, seeds: Sequence[int | None]) -> None:
        """Gives each of `rows` a fresh generator; a seed of None leaves the row's as it is."""
        for row, seed in zip(rows.tolist(), seeds, strict=True):
            if seed is not None:
                self.generators[row] = np.random.default_rng(seed)

    def generator(self, row: int) -> np.random.Generator:
        """The row's random generator, seeded from the operating system if no seed was given."""
        generator = self.generators[row]
        if generator is None:
            generator = self.generators[row] = np.random.default_rng()
        return generator

    def reset(
        self, rows: IntArray | None = None, prefix: ArrayLike | None = None, source: ArrayLike | None = None
    ) -> None:
        """Begins new texts.

        Args:
            rows: (K,) which; all by default.
            prefix: (P,) ids to start from, 0 < P < T, or (K, P), one for each row.
            source: row of the source table, or (K,), one for each row; drawn from the pool by default.

        Raises:
            ValueError, TypeError: a prefix or source that is not allowed; no row is changed then.
        """
        rows = self._all_rows if rows is None else rows
        begun = None if prefix is None else self._started_prefix(prefix, len(rows))
        if source is not None:
            indices: IntArray | None = checked_source_rows(source, len(rows), self.task)
        elif self.task.sources is not None:
            pool = self.task.sources.pool
            draws = [int(self.generator(row).integers(len(pool))) for row in rows.tolist()]
            indices = pool[draws]
        else:
            indices = None
        tokens = np.full((len(rows), self.horizon), self.vocab_size, np.int64)
        lengths = np.zeros(len(rows), np.int64)
        if begun is not None:
            tokens[:, : begun.shape[1]] = begun
            lengths[:] = begun.shape[1]
        if self.reward_mode == "dense":
            state = self.reward.begin(tokens, lengths, self._sources(indices))
            self._scatter_reward_state(rows, state)
        self.tokens[rows] = tokens
        self.lengths[rows] = lengths
        self.running[rows] = True
        self.last_rewards[rows] = 0.0
        self.returns[rows] = 0.0
        if indices is not None:
            assert self.source_indices is not None
            self.source_indices[rows] = indices

    def step(self, actions: ArrayLike, rows: IntArray | None = None) -> Transition:
        """Writes one token in each of `rows` (K,), all by default.

        Args:
            actions: (K,) token ids.

        Returns:
            The transition of all N rows; those not stepped have reward 0 and are not terminated.

        Raises:
            InvalidAction: wrong shape or type, out of range, or masked.
            ResetNeeded: a row whose text has not begun, or has ended.
            ValueError: the reward returned something that is no score. In each case nothing is changed.
        """
        whole = rows is None
        rows = self._all_rows if rows is None else rows
        chosen = checked_token_ids(actions, rows, self.vocab_size)
        if not len(rows):
            return Transition(np.zeros(self.num_rows), np.zeros(self.num_rows, np.bool_), None)
        self._check_running(rows)
        self._check_allowed(chosen, self.tokens[rows], self.lengths[rows], rows)
        before = self.lengths[rows]
        self.tokens[rows, before] = chosen
        try:
            lengths = before + 1
            by_eos = chosen == self._eos
            ended = np.flatnonzero(by_eos | (lengths == self.horizon))
            tokens = self.tokens if whole else self.tokens[rows]
            sources = None if self.source_indices is None else self.source_indices[rows]
            paid = np.zeros(len(rows))
            terms: Terms = {}
            if self.reward_mode == "dense":
                assert self._reward_state is not None
                state = self._reward_state if whole else {k: v[rows] for k, v in self._reward_state.items()}
                terms, state_after = self.reward.extend(state, tokens, lengths, self._sources(sources))
                totals = checked_scores(self.reward.total(terms), len(rows), self.reward.name)
                paid = totals - state["total"]
                state_after["total"] = totals
                terms = {name: values[ended] for name, values in terms.items()}
            elif len(ended):
                ended_sources = None if sources is None else self._sources(sources[ended])
                terms = self.reward.terms(tokens[ended], lengths[ended], ended_sources)
                paid[ended] = checked_scores(self.reward.total(terms), len(ended), self.reward.name)
        except BaseException:
            self.tokens[rows, before] = self.vocab_size
            raise
        if self.reward_mode == "dense":
            self._scatter_reward_state(rows, state_after)
        self.lengths[rows] = lengths
        self.running[rows[ended]] = False
        self.last_rewards[rows] = paid
        self.returns[rows] += paid
        rewards = np.zeros(self.num_rows)
        rewards[rows] = paid
        terminated = np.zeros(self.num_rows, np.bool_)
        terminated[rows[ended]] = True
        finished = None
        if len(ended):
            ended_indices = None if sources is None else sources[ended]
            finished = Finished(
                rows[ended], self.tokens[rows[ended]], lengths[ended], by_eos[ended], terms, ended_indices
            )
            self.reward.episodes_ended(finished.tokens, finished.lengths, self._sources(ended_indices))
        return Transition(rewards, terminated, finished)

    def action_masks(self, rows: IntArray | None = None) -> BoolArray:
        """(K, V) bool: what `step` accepts for each of `rows`, all by default. All True for ended texts."""
        rows = self._all_rows if rows is None else rows
        masks = self._allowed(self.tokens[rows], self.lengths[rows])
        if masks is None:
            return np.ones((len(rows), self.vocab_size), np.bool_)
        masks[~self.running[rows]] = True
        return masks

    def observations(self, rows: IntArray | None = None) -> IntArray | dict[str, IntArray]:
        """Fresh copies of what an agent sees: tokens (K, T), or a dict of `source` (K, S) and `tokens` (K, T)."""
        rows = self._all_rows if rows is None else rows
        tokens = self.tokens[rows]
        if self.task.sources is None or self.source_indices is None:
            return tokens
        return {"source": self.task.sources.tokens[self.source_indices[rows]], "tokens": tokens}

    def score(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: ArrayLike | None = None
    ) -> FloatArray:
        """Scores of whole texts, in the reward's unit: what an episode that writes them earns in all.

        Args:
            tokens: (N, T') ids, T' <= T; blanks (V) after the end.
            lengths: (N,) tokens written, the end token included; found from the end token and the blanks if None.
            sources: (N,) rows of the source table, for a conditional task.

        Returns:
            (N,) float64; an empty text scores 0.

        Raises:
            ValueError, TypeError: arrays that are no texts of this task.
        """
        ids, counts = checked_texts(tokens, lengths, self.task)
        if self.task.sources is not None and sources is None:
            raise ValueError("sources: a conditional task needs the row of the source table for each text, got None")
        indices = None if sources is None else checked_source_rows(sources, len(ids), self.task)
        scores = np.zeros(len(ids))
        written = np.flatnonzero(counts > 0)
        if len(written):
            chosen = self._sources(None if indices is None else indices[written])
            terms = self.reward.terms(ids[written], counts[written], chosen)
            scores[written] = checked_scores(self.reward.total(terms), len(written), self.reward.name)
        return scores

    def snapshot(self, rows: IntArray | None = None) -> Snapshot:
        """A copy of the state of `rows`, all by default: texts, sources, reward state, random generators."""
        rows = self._all_rows if rows is None else rows
        states = [None if g is None else g.bit_generator.state for g in (self.generators[r] for r in rows.tolist())]
        return Snapshot(
            tokens=self.tokens[rows],
            lengths=self.lengths[rows],
            running=self.running[rows],
            last_rewards=self.last_rewards[rows],
            returns=self.returns[rows],
            sources=None if self.source_indices is None else self.source_indices[rows],
            reward_state=None if self._reward_state is None else {k: v[rows] for k, v in self._reward_state.items()},
            generator_states=tuple(states),
        )

    def restore(self, state: Snapshot, rows: IntArray | None = None) -> None:
        """Puts `rows` (all by default) back into `state`, which has as many rows, or one for all of them.

        Raises:
            TypeError: not a snapshot.
            ValueError: another number of rows, horizon, or task.
        """
        if not isinstance(state, Snapshot):
            raise TypeError(f"state must be what snapshot() returned, got {type(state).__name__}")
        rows = self._all_rows if rows is None else rows
        count, horizon = state.tokens.shape
        same_game = (state.sources is None) == (self.source_indices is None)
        same_mode = (state.reward_state is not None) or self.reward_mode == "terminal" or not state.running.any()
        if count not in (1, len(rows)) or horizon != self.horizon or not same_game or not same_mode:
            raise ValueError(
                f"state holds {count} rows of {horizon} tokens; expected {len(rows)} rows (or 1) of {self.horizon} "
                "tokens, taken from an environment of the same task and reward mode"
            )
        taken = np.zeros(len(rows), np.int64) if count == 1 else np.arange(len(rows))
        self.tokens[rows] = state.tokens[taken]
        self.lengths[rows] = state.lengths[taken]
        self.running[rows] = state.running[taken]
        self.last_rewards[rows] = state.last_rewards[taken]
        self.returns[rows] = state.returns[taken]
        if self.source_indices is not None and state.sources is not None:
            self.source_indices[rows] = state.sources[taken]
        if state.reward_state is not None:
            self._scatter_reward_state(rows, {k: v[taken] for k, v in state.reward_state.items()})
        for row, which in zip(rows.tolist(), taken.tolist(), strict=True):
            bits = state.generator_states[which]
            if bits is not None:
                self.generator(row).bit_generator.state = bits

    def _sources(self, indices: IntArray | None) -> Sources | None:
        return None if indices is None or self.task.sources is None else self.task.sources.take(indices)

    def _scatter_reward_state(self, rows: IntArray, state: RewardState) -> None:
        if len(rows) == self.num_rows:
            if rows is not self._all_rows and not np.array_equal(rows, self._all_rows):
                order = np.argsort(rows)
                state = {name: values[order] for name, values in state.items()}
            self._reward_state = state
            return
        if self._reward_state is None:
            everything = np.full((self.num_rows, self.horizon), self.vocab_size, np.int64)
            sources = self._sources(self.source_indices)
            self._reward_state = self.reward.begin(everything, np.zeros(self.num_rows, np.int64), sources)
        for name, values in state.items():
            self._reward_state[name][rows] = values

    def _allowed(self, tokens: IntArray, lengths: IntArray) -> BoolArray | None:
        allowed = self.task.allowed_tokens(tokens, lengths)
        if self.min_length and self._eos >= 0:
            allowed = np.ones((len(tokens), self.vocab_size), np.bool_) if allowed is None else allowed.copy()
            allowed[lengths < self.min_length, self._eos] = False
        return allowed

    def _check_running(self, rows: IntArray) -> None:
        running = self.running[rows]
        if not running.all():
            row = int(rows[~running][0])
            fate = "has ended" if self.lengths[row] else "has not begun"
            raise ResetNeeded(f"the text in row {row} {fate}; call reset() before step()")

    def _check_allowed(self, chosen: IntArray, tokens: IntArray, lengths: IntArray, rows: IntArray) -> None:
        allowed = self._allowed(tokens, lengths)
        if allowed is None:
            return
        permitted = allowed[np.arange(len(chosen)), chosen]
        if not permitted.all():
            at = int(np.flatnonzero(~permitted)[0])
            token = self.task.vocabulary.tokens[chosen[at]]
            raise InvalidAction(
                f"action={int(chosen[at])} ({token!r}) in row {int(rows[at])} is masked after {int(lengths[at])} tokens; "
                "choose one that action_masks() allows"
            )

    def _started_prefix(self, prefix: ArrayLike, count: int) -> IntArray:
        ids = checked_prefix(prefix, count, self.task)
        tokens = np.full((count, self.horizon), self.vocab_size, np.int64)
        for position in range(ids.shape[1]):
            self._check_allowed(ids[:, position], tokens, np.full(count, position), np.arange(count))
            tokens[:, position] = ids[:, position]
        return ids
