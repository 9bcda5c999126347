"""The game of writing texts token by token, for N rows at once. Every environment class is a view of it.

State: the prefix written so far (and the source, where there is one). Action: the next token. The end token or
the horizon ends the text. Nothing here knows Gymnasium's or Stable-Baselines3's conventions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from textgen_env.arguments import check_running, checked_rows, checked_source_rows, checked_texts, checked_token_ids
from textgen_env.masks import TokenMasks
from textgen_env.payment import DensePayer, Payer, TerminalPayer, checked_total, put_rows, same_form, take_rows
from textgen_env.rewards.base import FloatArray, Reward, RewardMode
from textgen_env.tasks.base import Sources, Task, check_at_least
from textgen_env.transition import BoolArray, Finished, Snapshot, Transition
from textgen_env.vocabulary import IntArray

__all__ = ["Finished", "GenerationCore", "Snapshot", "Transition"]

# Stands for all rows where a view of an array will do in place of the copy that row numbers make.
ALL = slice(None)


class GenerationCore:
    """N texts being written under one task and one reward.

    Args:
        task: what is written.
        reward: how good it is; bound to the task here.
        num_rows: N.
        reward_mode: "terminal" pays the score of the finished text, "dense" pays each token the change of the
            prefix score; None takes the reward's default.
        min_length: the end token is masked until this many tokens are written.

    Attributes:
        tokens, lengths: (N, T) and (N,) int64, the prefixes; blanks are V.
        running: (N,) bool, texts begun and not ended.
        last_rewards, returns: (N,) float64, what the last token and what the text so far earned.
        source_indices: (N,) int64 rows of the source table, or None.

    Raises:
        TypeError, ValueError: an argument that is not allowed.
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
        if reward_mode not in (None, "terminal", "dense"):
            raise ValueError(f"reward_mode={reward_mode!r} must be 'terminal', 'dense' or None (the reward's default)")
        self.task = task
        self.vocab_size = len(task.vocabulary)
        self.horizon = task.max_length
        self._eos = -1 if task.vocabulary.eos_id is None else task.vocabulary.eos_id
        self._masks = TokenMasks(task, min_length)
        self.reward = reward.bind(task)
        self.reward_mode: RewardMode = reward_mode or self.reward.default_mode
        self.tokens = np.full((num_rows, self.horizon), self.vocab_size, np.int64)
        self.lengths = np.zeros(num_rows, np.int64)
        self.running = np.zeros(num_rows, np.bool_)
        self.last_rewards = np.zeros(num_rows)
        self.returns = np.zeros(num_rows)
        self.source_indices = None if task.sources is None else np.zeros(num_rows, np.int64)
        self.generators: list[np.random.Generator | None] = [None] * num_rows
        self._all_rows = np.arange(num_rows)
        self._payer: Payer = (
            DensePayer(self.reward, self.tokens.copy(), self._sources(self.source_indices))
            if self.reward_mode == "dense"
            else TerminalPayer(self.reward)
        )

    @property
    def ended(self) -> BoolArray:
        """(N,) bool: texts that have ended, in rows that wait for a reset."""
        return ~self.running & (self.lengths > 0)

    @property
    def game(self) -> str:
        """What is played, in words."""
        return (
            f"{type(self.task).__name__} of {self.vocab_size} tokens, max_length={self.horizon}, "
            f"reward {self.reward.name!r}, reward_mode={self.reward_mode!r}"
        )

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
            ValueError, TypeError: a prefix or source that is not allowed; nothing is changed then.
        """
        rows = self._all_rows if rows is None else rows
        if prefix is None:
            tokens = np.full((len(rows), self.horizon), self.vocab_size, np.int64)
            lengths = np.zeros(len(rows), np.int64)
        else:
            tokens, lengths = self._masks.started(prefix, len(rows))
        indices = None if source is None else checked_source_rows(source, len(rows), self.task)
        states = self._generator_states(rows) if indices is None and self._payer.every_token else None
        if indices is None and self.task.sources is not None:
            pool = self.task.sources.pool
            indices = pool[[int(self.generator(row).integers(len(pool))) for row in rows.tolist()]]
        try:
            self._payer.begin(rows, tokens, lengths, self._sources(indices))
        except BaseException:
            if states is not None:
                self._set_generator_states(rows, states)
            raise
        self.tokens[rows] = tokens
        self.lengths[rows] = lengths
        self.running[rows] = True
        self.last_rewards[rows] = 0.0
        self.returns[rows] = 0.0
        if indices is not None and self.source_indices is not None:
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
            ValueError, TypeError: the reward returned something that is no score. In each case nothing is changed.
        """
        at = ALL if rows is None else rows
        rows = self._all_rows if rows is None else rows
        chosen = checked_token_ids(actions, rows, self.vocab_size)
        if not len(rows):
            return Transition(np.zeros(self.num_rows), np.zeros(self.num_rows, np.bool_), None)
        before = self.lengths[at]
        check_running(rows, self.running[at], before)
        self._masks.check_actions(chosen, self.tokens[at], before, rows)
        lengths = before + 1
        by_eos = chosen == self._eos
        ended = (by_eos | (lengths == self.horizon)).nonzero()[0]
        rewards, terminated = np.zeros(self.num_rows), np.zeros(self.num_rows, np.bool_)
        finished = None
        asked = self._all_rows[: len(rows)] if self._payer.every_token else ended
        if len(asked):
            tokens = self.tokens[rows[asked]]
            tokens[self._all_rows[: len(asked)], before[asked]] = chosen[asked]
            indices = None if self.source_indices is None else self.source_indices[rows[asked]]
            paid, terms = self._payer.pay(rows[asked], tokens, lengths[asked], self._sources(indices))
            rewards[rows[asked]] = paid
            if len(ended):
                # Of the rows asked for: all of them where only ended texts are.
                which = ended if self._payer.every_token else ALL
                finished = Finished(
                    rows[ended],
                    tokens[which],
                    lengths[ended],
                    by_eos[ended],
                    {name: values[which] for name, values in terms.items()},
                    None if indices is None else indices[which],
                )
                terminated[finished.rows] = True
        self.tokens[rows, before] = chosen
        self.lengths[at] = lengths
        self.last_rewards[at] = rewards[at]
        self.returns += rewards
        if finished is not None:
            self.running[finished.rows] = False
            self.reward.episodes_ended(finished.tokens, finished.lengths, self._sources(finished.sources))
        return Transition(rewards, terminated, finished)

    def action_masks(self, rows: IntArray | None = None) -> BoolArray:
        """(K, V) bool: what `step` accepts for each of `rows`, all by default. All True for ended texts."""
        rows = self._all_rows if rows is None else rows
        masks = np.ones((len(rows), self.vocab_size), np.bool_)
        allowed = self._masks.allowed(self.tokens[rows], self.lengths[rows])
        if allowed is not None:
            running = self.running[rows]
            masks[running] = allowed[running]
        return masks

    def observations(self, rows: IntArray | None = None) -> IntArray | dict[str, IntArray]:
        """Fresh copies of what an agent sees: tokens (K, T), or a dict of `source` (K, S) and `tokens` (K, T)."""
        tokens = self.tokens.copy() if rows is None else self.tokens[rows]
        if self.task.sources is None or self.source_indices is None:
            return tokens
        indices = self.source_indices if rows is None else self.source_indices[rows]
        return {"source": self.task.sources.tokens[indices], "tokens": tokens}

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
            ValueError, TypeError: arrays that are no texts of this task, or a reward that returned no scores.
        """
        ids, counts = checked_texts(tokens, lengths, self.task)
        if self.task.sources is not None and sources is None:
            raise ValueError("sources: a conditional task needs the row of the source table for each text, got None")
        indices = None if sources is None else checked_source_rows(sources, len(ids), self.task, "sources")
        scores = np.zeros(len(ids))
        written = np.flatnonzero(counts > 0)
        if len(written):
            chosen = self._sources(None if indices is None else indices[written])
            terms = self.reward.terms(ids[written], counts[written], chosen)
            scores[written] = checked_total(self.reward, terms, len(written))[1]
        return scores

    def snapshot(self, rows: ArrayLike | None = None) -> Snapshot:
        """A copy of the state of `rows`, all by default: texts, sources, reward state, random generators."""
        rows = self._all_rows if rows is None else checked_rows(rows, self.num_rows)
        return Snapshot(
            game=self.game,
            tokens=self.tokens[rows],
            lengths=self.lengths[rows],
            running=self.running[rows],
            last_rewards=self.last_rewards[rows],
            returns=self.returns[rows],
            sources=None if self.source_indices is None else self.source_indices[rows],
            reward_state=take_rows(self._payer.state, rows),
            generator_states=self._generator_states(rows),
        )

    def restore(self, state: Snapshot, rows: ArrayLike | None = None) -> None:
        """Puts `rows` (all by default) back into `state`, which has as many rows, or one for all of them.

        Raises:
            TypeError: not a snapshot.
            ValueError: another number of rows, or of another game; nothing is changed then.
        """
        if not isinstance(state, Snapshot):
            raise TypeError(f"state={state!r} must be what snapshot() returned, got {type(state).__name__}")
        rows = self._all_rows if rows is None else checked_rows(rows, self.num_rows)
        if state.game != self.game or not same_form(state.reward_state, self._payer.state):
            raise ValueError(f"state was taken from another game, {state.game}; this one is {self.game}")
        count = len(state.tokens)
        if count not in (1, len(rows)):
            raise ValueError(f"state holds {count} rows; expected {len(rows)}, or 1 for all of them")
        taken = np.zeros(len(rows), np.int64) if count == 1 else np.arange(len(rows))
        self.tokens[rows] = state.tokens[taken]
        self.lengths[rows] = state.lengths[taken]
        self.running[rows] = state.running[taken]
        self.last_rewards[rows] = state.last_rewards[taken]
        self.returns[rows] = state.returns[taken]
        if self.source_indices is not None and state.sources is not None:
            self.source_indices[rows] = state.sources[taken]
        put_rows(self._payer.state, rows, take_rows(state.reward_state, taken))
        self._set_generator_states(rows, [state.generator_states[which] for which in taken.tolist()])

    def _sources(self, indices: IntArray | None) -> Sources | None:
        return None if indices is None or self.task.sources is None else self.task.sources.take(indices)

    def _generator_states(self, rows: IntArray) -> tuple[Any, ...]:
        generators = (self.generators[row] for row in rows.tolist())
        return tuple(None if generator is None else generator.bit_generator.state for generator in generators)

    def _set_generator_states(self, rows: IntArray, states: Sequence[Any]) -> None:
        for row, state in zip(rows.tolist(), states, strict=True):
            if state is not None:
                self.generator(row).bit_generator.state = state
