"""The game of writing texts token by token, for N rows at once. Every environment class is a view of it.

State: the prefix written so far (and the source, where there is one). Action: the next token. The end token or
the horizon ends the text. Nothing here knows Gymnasium's or Stable-Baselines3's conventions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from textgen_env.arguments import check_running, checked_rows, checked_source_rows, checked_token_ids
from textgen_env.checks import check_at_least
from textgen_env.fingerprint import settings_of
from textgen_env.generators import RowGenerators
from textgen_env.masks import TokenMasks
from textgen_env.prefixes import Prefixes
from textgen_env.reward_modes import kept_rows, payer, put_rows, same_form, scores_of_texts, take_rows
from textgen_env.rewards.base import FloatArray, Reward, RewardMode
from textgen_env.tasks.base import Sources, Task
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
        masks: which token may follow a prefix.
        generators: one a row.
        settings: of task and reward, by which two games of one name differ.

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
        self.vocab_size, self.horizon = len(task.vocabulary), task.max_length
        self.masks = TokenMasks(task, min_length)
        self.reward = reward.bind(task)
        self.reward_mode: RewardMode = reward_mode or self.reward.default_mode
        self.settings = settings_of(task, self.reward, min_length)
        self.last_rewards, self.returns = np.zeros(num_rows), np.zeros(num_rows)
        self.source_indices = None if task.sources is None else np.zeros(num_rows, np.int64)
        self.generators, self.all_rows = RowGenerators(num_rows), np.arange(num_rows)
        # A token inside a text that is neither masked nor paid: nearly all of them, and no more than written.
        self._plain_inside = self.reward_mode == "terminal" and not self.masks.any
        self._prefixes = Prefixes(num_rows, self.horizon, task.vocabulary, compiled=self._plain_inside)
        self.tokens, self.lengths = self._prefixes.tokens, self._prefixes.lengths
        self.running = self._prefixes.running
        self._payer = payer(self.reward, self.reward_mode, self.tokens.copy(), self._sources(self.source_indices))

    @property
    def ended(self) -> BoolArray:
        """(N,) bool: texts that have ended, in rows that wait for a reset."""
        return ~self.running & (self.lengths > 0)

    @property
    def any_ended(self) -> bool:
        """Whether a text has ended."""
        return bool(np.count_nonzero(self.running) < self.num_rows and self.ended.any())

    @property
    def game(self) -> str:
        """What is played, in words."""
        return (
            f"{type(self.task).__name__} of {self.vocab_size} tokens, max_length={self.horizon}, "
            f"reward {self.reward.name!r}, reward_mode={self.reward_mode!r}"
        )

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
        rows = self.all_rows if rows is None else rows
        tokens, lengths = (self.vocab_size, 0) if prefix is None else self.masks.started(prefix, len(rows))
        indices = None if source is None else checked_source_rows(source, len(rows), self.task)
        states = None
        if indices is None and self.task.sources is not None:
            states = self.generators.states(rows)
            pool = self.task.sources.pool
            indices = pool[[int(self.generators[row].integers(len(pool))) for row in rows.tolist()]]
        if self._payer.every_token:
            try:
                whole = np.full((len(rows), self.horizon), tokens), np.full(len(rows), lengths)
                self._payer.begin(rows, *whole, self._sources(indices))
            except BaseException:
                if states is not None:
                    self.generators.set_states(rows, states)
                raise
        at = ALL if prefix is None and len(rows) == self.num_rows else rows
        self.tokens[at] = tokens
        self.lengths[at] = lengths
        self.running[at] = True
        self.last_rewards[at] = 0.0
        self.returns[at] = 0.0
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
        if rows is None and self._plain_inside and self._prefixes.write_all_inside(actions):
            return self._unpaid()
        at = ALL if rows is None else rows
        rows = self.all_rows if rows is None else rows
        chosen = checked_token_ids(actions, rows, self.vocab_size)
        if not len(rows):
            return self._unpaid()
        before = self.lengths[at]
        check_running(rows, self.running[at], before)
        self.masks.check_actions(chosen, self.tokens, before, rows)
        lengths = before + 1
        ends = self._prefixes.ends(chosen, lengths)
        if self._payer.every_token or np.count_nonzero(ends):
            moved = self._paid(rows, chosen, lengths, ends)
            self.last_rewards[at] = moved.rewards[at]
            self.returns += moved.rewards
        else:
            # The last reward of a running text is 0 already, where only ended texts are paid.
            moved = self._unpaid()
        self._prefixes.write(at, chosen, before, lengths)
        if moved.finished is not None:
            self.running[moved.finished.rows] = False
            finished = moved.finished
            self.reward.episodes_ended(finished.tokens, finished.lengths, self._sources(finished.sources))
        return moved

    def step_inside(self, action: Any, row: int = 0) -> bool:
        """Writes one token in one row if that is all there is to it: a token inside a text, neither masked, nor paid,
        nor the last. A single environment spends nearly all its steps here.

        Returns:
            Whether it did; if not, nothing is changed, and `step` does it or says what is wrong.
        """
        return self._plain_inside and self._prefixes.write_inside(action, row)

    def _unpaid(self) -> Transition:
        return Transition(np.zeros(self.num_rows), np.zeros(self.num_rows, np.bool_), None)

    def _paid(self, rows: IntArray, chosen: IntArray, lengths: IntArray, ends: BoolArray) -> Transition:
        """What `chosen` (K,) earns in `rows` (K,), before it is written."""
        every = self._payer.every_token
        ended = ends.nonzero()[0]
        asked = ALL if every or len(ended) == len(rows) else ended
        at, lengths, last = rows[asked], lengths[asked], chosen[asked]
        tokens = self.tokens.take(at, 0)
        tokens[self.all_rows[: len(at)], lengths - 1] = last
        indices = None if self.source_indices is None else self.source_indices[at]
        paid, terms = self._payer.pay(at, tokens, lengths, self._sources(indices))
        rewards, terminated = np.zeros(self.num_rows), np.zeros(self.num_rows, np.bool_)
        rewards[at] = paid
        if not len(ended):
            return Transition(rewards, terminated, None)
        # Of those asked for: all of them where only ended texts are.
        which = ended if every else ALL
        rows = at[which]
        terminated[rows] = True
        finished = Finished(
            rows,
            tokens[which],
            lengths[which],
            self._prefixes.by_end_token(last[which]),
            {name: values[which] for name, values in terms.items()},
            None if indices is None else indices[which],
        )
        return Transition(rewards, terminated, finished)

    def action_masks(self, rows: IntArray | None = None) -> BoolArray:
        """(K, V) bool: what `step` accepts for each of `rows`, all by default. All True for ended texts."""
        rows = self.all_rows if rows is None else rows
        masks = np.ones((len(rows), self.vocab_size), np.bool_)
        allowed = self.masks.allowed(self.tokens[rows], self.lengths[rows])
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

    def observation(self, row: int) -> IntArray | dict[str, IntArray]:
        """`observations` of one row: tokens (T,), or a dict of `source` (S,) and `tokens` (T,)."""
        tokens: IntArray = self.tokens[row].copy()
        if self.task.sources is None or self.source_indices is None:
            return tokens
        return {"source": self.task.sources.tokens[self.source_indices[row]].copy(), "tokens": tokens}

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
        return scores_of_texts(self.reward, self.task, tokens, lengths, sources)

    def snapshot(self, rows: ArrayLike | None = None) -> Snapshot:
        """A copy of the state of `rows`, all by default: texts, sources, reward state, random generators."""
        rows = self.all_rows if rows is None else checked_rows(rows, self.num_rows)
        return Snapshot(
            game=self.game,
            settings=self.settings,
            **{name: stored[rows] for name, stored in self._stored().items()},
            sources=None if self.source_indices is None else self.source_indices[rows],
            reward_state=kept_rows(self._payer.state, rows),
            generator_states=self.generators.states(rows),
        )

    def restore(self, state: Snapshot, rows: ArrayLike | None = None) -> None:
        """Puts `rows` (all by default) back into `state`, which has as many rows, or one for all of them.

        Raises:
            TypeError: not a snapshot.
            ValueError: another number of rows, or of another game; nothing is changed then.
        """
        if not isinstance(state, Snapshot):
            raise TypeError(f"state={state!r} must be what snapshot() returned, got {type(state).__name__}")
        rows = self.all_rows if rows is None else checked_rows(rows, self.num_rows)
        state.check_game(self.game, self.settings, same_form(state.reward_state, self._payer.state))
        count = len(state.tokens)
        if count not in (1, len(rows)):
            raise ValueError(f"state holds {count} rows; expected {len(rows)}, or 1 for all of them")
        taken = np.zeros(len(rows), np.int64) if count == 1 else np.arange(len(rows))
        for name, stored in self._stored().items():
            stored[rows] = getattr(state, name)[taken]
        if self.source_indices is not None and state.sources is not None:
            self.source_indices[rows] = state.sources[taken]
        put_rows(self._payer.state, rows, take_rows(state.reward_state, taken))
        self.generators.set_states(rows, [state.generator_states[which] for which in taken.tolist()])

    def _stored(self) -> dict[str, Any]:
        """What is known of each row, by its name in a snapshot."""
        return {name: getattr(self, name) for name in ("tokens", "lengths", "running", "last_rewards", "returns")}

    def _sources(self, indices: IntArray | None) -> Sources | None:
        return None if indices is None or self.task.sources is None else self.task.sources.take(indices)
