"""The game of writing texts token by token, for N rows at once. Every environment class is a view of it.

State: the prefix written so far (and the source, where there is one). Action: the next token. The end token or
the horizon ends the text. Nothing here knows Gymnasium's or Stable-Baselines3's conventions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from textgen_env.checks import check_at_least, check_room
from textgen_env.fingerprint import fingerprint_of, in_words
from textgen_env.generators import RowGenerators
from textgen_env.handing import Handing
from textgen_env.masks import NONE, TokenMasks
from textgen_env.prefixes import Prefixes, put_last
from textgen_env.reward_modes import (
    checked_reward_mode,
    copy_rows,
    gather_rows,
    reward_emitter,
    scatter_rows,
    scores_of_texts,
)
from textgen_env.rewards.base import FloatArray, GathersOneText, Reward, RewardMode, handed_texts
from textgen_env.snapshot import Rules, Snapshot, rows_of_state
from textgen_env.tasks.base import Sources, Task
from textgen_env.text_checks import check_running, checked_rows, checked_source_rows, checked_token_ids
from textgen_env.transition import STOPS, BoolArray, Finished, FinishedText, Transition
from textgen_env.vocabulary import IntArray

# All rows: a slice gives a view of an array, row numbers a copy.
ALL = slice(None)
# What is known of each row, by its name in a snapshot.
OF_EACH_ROW = ("tokens", "lengths", "running", "last_rewards", "returns")


class GenerationCore:
    """Core of the game: N texts being written under one task and one reward.

    Args:
        task: what is written.
        reward: how good it is; bound to the task here.
        num_rows: N.
        reward_mode: "terminal" pays the score of the finished text, "dense" pays each token the change of the
            prefix score; None takes the reward's default.
        min_length: the end token is masked until this many tokens are written.
        mask_penalty: a masked token ends its text, and this is taken off what it earns; None refuses it.

    Attributes:
        tokens: (N, T) int64, the prefixes; blanks are V.
        lengths: (N,) int64, those of the prefixes.
        running: (N,) bool, texts begun and not ended.
        last_rewards: (N,) float64, earned by the last token.
        returns: (N,) float64, earned by the text so far.
        source_indices: (N,) int64 rows of the source table, or None.
        prefixes: the rule by which texts grow and end; it holds tokens, lengths and running.
        masks: which token may follow a prefix.
        emitter: of the rewards; it holds what they carry from token to token.
        generators: one a row.
        game: what is played, in words.
        fingerprint: the settings of task and reward, by which two games of one name differ.
        learning: whether the reward is told of the texts that end, to learn from them.

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
        mask_penalty: float | None = None,
    ) -> None:
        self.num_rows = check_at_least("num_envs", num_rows)
        self.task = task
        self.vocab_size, self.horizon = len(task.vocabulary), task.max_length
        check_room(f"num_envs={num_rows}, max_length={self.horizon}", num_rows, self.horizon)
        self.masks = TokenMasks(task, min_length, mask_penalty)
        self.reward = reward.bind(task)
        self._handing = Handing.of(self.reward)
        # A user's subclass may learn otherwise than what it inherits does of one text.
        own = not self._handing.to_others
        self._gathers = self.reward if own and isinstance(self.reward, GathersOneText) else None
        self.reward_mode = checked_reward_mode(reward_mode, self.reward)
        self.game = in_words(task, self.reward, self.reward_mode)
        self.fingerprint = fingerprint_of(task, self.reward, min_length, mask_penalty)
        self.last_rewards, self.returns = np.zeros(num_rows), np.zeros(num_rows)
        self.source_indices = None if task.sources is None else np.zeros(num_rows, np.int64)
        self.generators, self.all_rows = RowGenerators(num_rows), np.arange(num_rows)
        # Where a token that neither ends a text, nor is masked, nor is rewarded is written and no more.
        self._plain_inside = self.reward_mode == "terminal" and not self.masks.any
        self.prefixes = Prefixes(num_rows, self.horizon, task.vocabulary, compiled=not self.masks.any)
        self.tokens, self.lengths = self.prefixes.tokens, self.prefixes.lengths
        self.running = self.prefixes.running
        sources = self._sources(self.source_indices)
        self.learning = True
        self.emitter = reward_emitter(task, self.reward, self.reward_mode, self.tokens.copy(), sources)

    @property
    def ended(self) -> BoolArray:
        """(N,) bool: texts that have ended, in rows that wait for a reset."""
        return ~self.running & (self.lengths > 0)

    @property
    def ended_rows(self) -> IntArray:
        """(K,) the rows whose text has ended."""
        resting = (~self.running).nonzero()[0]
        return resting[self.lengths[resting] > 0]

    def reset(
        self,
        rows: IntArray | None = None,
        prefix: ArrayLike | None = None,
        source: ArrayLike | None = None,
        seeds: Sequence[int | None] | None = None,
    ) -> None:
        """Begins new texts.

        Args:
            rows: (K,) which; all by default.
            prefix: (P,) ids to start from, 0 < P < T, or (K, P), one for each row.
            source: row of the source table, or (K,), one for each row; drawn from the pool by default.
            seeds: a seed for each of the K rows' generators, checked; None, or a seed of None, draws on.

        Raises:
            ValueError, TypeError: a prefix or source that is not allowed; nothing is changed then.
        """
        rows = self.all_rows if rows is None else rows
        tokens, lengths = (self.vocab_size, 0) if prefix is None else self.masks.started(prefix, len(rows))
        indices = None if source is None else checked_source_rows(source, len(rows), self.task)
        draws = indices is None and self.task.sources is not None
        # What is carried from token to token is all that can refuse a text by now.
        before = self.generators.before_drawing(rows, seeds, draws and self.emitter.every_token)
        try:
            if draws:
                indices = self.drawn_sources(rows)
            if self.emitter.every_token:
                whole = np.full((len(rows), self.horizon), tokens), np.full(len(rows), lengths)
                self.emitter.begin(rows, *whole, self._sources(indices))
        except BaseException:
            self.generators.undo(before)
            raise
        self.begin(ALL if prefix is None and len(rows) == self.num_rows else rows, tokens, lengths, indices)

    # One form for a row and for an array of rows.
    def begin(self, at: Any, tokens: Any, lengths: Any, sources: Any) -> None:
        """Puts texts into the rows `at` that begin with `tokens` and `lengths`, each with its row of the source table,
        None without one; nothing is checked."""
        self.tokens[at] = tokens
        self.lengths[at] = lengths
        self.running[at] = True
        self.last_rewards[at] = self.returns[at] = 0.0
        if self.source_indices is not None:
            self.source_indices[at] = sources

    def drawn_sources(self, rows: IntArray) -> IntArray:
        """Rows (K,) of the source table of a conditional task, each drawn from the pool by the generator of one of
        `rows` (K,)."""
        assert self.task.sources is not None
        pool = self.task.sources.pool
        return pool[self.generators.below(rows, len(pool))]

    def drawn_source(self, row: int) -> int:
        """`drawn_sources` of one row."""
        assert self.task.sources is not None
        pool = self.task.sources.pool
        source: int = pool.item(int(self.generators[row].integers(len(pool))))
        return source

    def reset_each(self, options: Sequence[Mapping[str, Any]], seeds: Sequence[int | None]) -> None:
        """Begins a text in every row, each with `options` of its own: "prefix" (P,), "source" (), both or neither.

        Raises:
            ValueError, TypeError: as `reset`; nothing is changed in any row then.
        """
        with_options = np.array([bool(chosen) for chosen in options], np.bool_)
        state, before = self.snapshot(), self.generators.before_drawing(self.all_rows, seeds, draws=True)
        try:
            if not with_options.all():
                self.reset(self.all_rows[~with_options])
            for row in np.flatnonzero(with_options).tolist():
                self.reset(self.all_rows[row : row + 1], **options[row])
        except BaseException:
            self.restore(state)
            self.generators.undo(before)
            raise

    def step(self, actions: ArrayLike, rows: IntArray | None = None) -> Transition:
        """Writes one token in each of `rows` (K,), all by default.

        Args:
            actions: (K,) token ids.

        Returns:
            The transition of all N rows; those not stepped have reward 0 and are not terminated.

        Raises:
            InvalidAction: wrong shape or type, out of range, or masked where no penalty is given.
            ResetNeeded: a row whose text has not begun, or has ended.
            ValueError, TypeError: the reward returned something that is no score; or whatever else it raises. In each
                case nothing is changed.
        """
        if rows is None and self._plain_inside and self.prefixes.write_all_inside(actions):
            return Transition(np.zeros(self.num_rows), np.zeros(self.num_rows, np.bool_), None)
        at = ALL if rows is None else rows
        rows = self.all_rows if rows is None else rows
        ended = self.prefixes.found_ends(actions, rows)
        if ended is None:
            chosen, ended, masked = self._checked(actions, rows, at)
            write = partial(self.prefixes.write, at, chosen, self.lengths[at])
        else:
            chosen, masked = np.asarray(actions), NONE
            write = partial(self.prefixes.write_found, chosen, rows)
        if len(rows) and (self.emitter.every_token or len(ended)):
            # All that can fail comes first: the scores, and what the reward learns from texts that end.
            transition, put_state = self._rewarded(rows, chosen, ended, masked)
            finished = transition.finished
            if finished is not None and self.learning:
                self._tell_of_ends(finished.tokens, finished.lengths, finished.sources)
            put_state()
            self.last_rewards[at] = transition.rewards[at]
            self.returns += transition.rewards
        else:
            # The last reward of a running text is 0 already, where only ended texts are paid.
            transition = Transition(np.zeros(self.num_rows), np.zeros(self.num_rows, np.bool_), None)
        write()
        if transition.finished is not None:
            self.running[transition.finished.rows] = False
        return transition

    def _checked(self, actions: ArrayLike, rows: IntArray, at: Any) -> tuple[IntArray, IntArray, IntArray]:
        """`actions` as token ids (K,) for `rows` (K,), which of them (E,) end their texts, and which of those are
        masked; errors as of `step`."""
        chosen = checked_token_ids(actions, rows, self.vocab_size)
        before, masked = self.lengths[at], NONE
        if len(rows):
            check_running(rows, self.running[at], before)
            masked = self.masks.masked(chosen, self.tokens, before, rows)
        ends = self.prefixes.ends(chosen, before + 1)
        ends[masked] = True
        return chosen, ends.nonzero()[0], masked

    def tell_of_end(self, finished: FinishedText) -> None:
        """Tells the reward of one text that ends, before that changes anything."""
        if self._gathers is not None and self._gathers.episode_ended(finished.tokens):
            return
        source = None if finished.source is None else np.array([finished.source])
        self._tell_of_ends(finished.tokens.copy()[None], np.array([finished.length]), source)

    def _tell_of_ends(self, tokens: IntArray, lengths: IntArray, sources: IntArray | None) -> None:
        self.reward.episodes_ended(*handed_texts(self._handing, tokens, lengths, self._sources(sources)))

    def _rewarded(
        self, rows: IntArray, chosen: IntArray, ended: IntArray, masked: IntArray
    ) -> tuple[Transition, Callable[[], None]]:
        """Earnings of `chosen` (K,), of which `ended` (E,) end their texts, some of them `masked`, in `rows` (K,),
        before it is written; and how the reward's state goes on then."""
        every = self.emitter.every_token
        asked = ALL if every or len(ended) == len(rows) else ended
        at, last = rows if asked is ALL else rows[asked], chosen[asked]
        lengths = self.lengths.take(at) + 1
        tokens = self.tokens.take(at, 0)
        put_last(tokens, lengths, last)
        indices = None if self.source_indices is None else self.source_indices[at]
        earned, terms, state = self.emitter.emit(at, tokens, lengths, self._sources(indices))
        put_state = partial(self.emitter.put, at, state)
        terminated = np.zeros(self.num_rows, np.bool_)
        if at is self.all_rows:
            rewards = earned.copy()
        else:
            rewards = np.zeros(self.num_rows)
            rewards[at] = earned
        if not len(ended):
            return Transition(rewards, terminated, None), put_state
        if len(masked):
            rewards[rows[masked]] -= self.masks.penalty or 0.0
        # Of those asked for: all of them where only ended texts are.
        which = ended if every else ALL
        rows = at[which]
        terminated[rows] = True
        stops = self.prefixes.by_end_token(last[which]).astype(np.int64)
        stops[ended.searchsorted(masked)] = STOPS.index("masked")
        finished = Finished(
            rows,
            tokens[which],
            lengths[which],
            stops,
            {name: values[which] for name, values in terms.items()},
            None if indices is None else indices[which],
        )
        return Transition(rewards, terminated, finished), put_state

    def action_masks(self, rows: IntArray | None = None) -> BoolArray:
        """(K, V) bool: what `step` accepts for each of `rows`, all by default. All True for ended texts.

        Raises:
            ValueError: the task leaves a text no token to go on with.
        """
        rows = self.all_rows if rows is None else rows
        masks = np.ones((len(rows), self.vocab_size), np.bool_)
        allowed = self.masks.allowed(self.tokens[rows], self.lengths[rows])
        if allowed is not None:
            running = self.running[rows]
            masks[running] = allowed[running]
            if self.masks.by_task and not masks.any(1).all():
                self.masks.check_goes_on(self.tokens[rows[running]], self.lengths[rows[running]], rows[running])
        return masks

    def observations(self, rows: IntArray | None = None) -> IntArray | dict[str, IntArray]:
        """Fresh copies of what an agent sees: tokens (K, T), or a dict of `source` (K, S) and `tokens` (K, T)."""
        tokens = self.tokens.copy() if rows is None else self.tokens[rows]
        if self.task.sources is None or self.source_indices is None:
            return tokens
        indices = self.source_indices if rows is None else self.source_indices[rows]
        return {"source": self.task.sources.tokens.take(indices, 0), "tokens": tokens}

    def observed(self, tokens: IntArray, row: int) -> IntArray | dict[str, IntArray]:
        """Observation of `row`, whose prefix is `tokens` (T,): them, or a dict of `source` (S,) and `tokens`."""
        if self.task.sources is None or self.source_indices is None:
            return tokens
        return {"source": self.task.sources.tokens[self.source_indices[row]].copy(), "tokens": tokens}

    def score(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: ArrayLike | None = None
    ) -> FloatArray:
        """Scores (N,) float64 of whole texts, in the reward's unit: what an episode that writes them earns in all; 0 of
        an empty one.

        Args:
            tokens: (N, T') ids, T' <= T; blanks (V) after the end.
            lengths: (N,) tokens written, the end token included; found from the end token and the blanks if None.
            sources: (N,) rows of the source table, for a conditional task.

        Raises:
            ValueError, TypeError: arrays that are no texts of this task, or a reward that returned no scores.
        """
        return scores_of_texts(self.reward, self.task, tokens, lengths, sources)

    def snapshot(self, rows: ArrayLike | None = None) -> Snapshot:
        """A copy of the state of `rows`, all by default: texts, sources, reward state, random generators."""
        rows = self.all_rows if rows is None else checked_rows(rows, self.num_rows)
        return Snapshot(
            game=self.game,
            fingerprint=self.fingerprint,
            **{name: getattr(self, name)[rows] for name in OF_EACH_ROW},
            sources=None if self.source_indices is None else self.source_indices[rows],
            reward_state=copy_rows(self.emitter.state, rows),
            generator_states=self.generators.states(rows),
        )

    def restore(self, state: Snapshot, rows: ArrayLike | None = None) -> None:
        """Puts `rows` (all by default) back into `state`, which has as many rows, or one for all of them.

        Raises:
            TypeError: not a snapshot, or fields of other types.
            ValueError: another number of rows, of another game, or a state that no text of it has; nothing is changed
                then.
        """
        rows = self.all_rows if rows is None else checked_rows(rows, self.num_rows)
        known = 0 if self.task.sources is None else len(self.task.sources.tokens)
        rules = Rules(self.game, self.fingerprint, self.prefixes, known, self.reward, self.emitter.state)
        taken = rows_of_state(state, len(rows), rules)
        self.generators.set_states(rows, [state.generator_states[which] for which in taken.tolist()])
        for name in OF_EACH_ROW:
            getattr(self, name)[rows] = getattr(state, name)[taken]
        if self.source_indices is not None and state.sources is not None:
            self.source_indices[rows] = state.sources[taken]
        scatter_rows(self.emitter.state, rows, gather_rows(state.reward_state, taken))

    def _sources(self, indices: IntArray | None) -> Sources | None:
        return None if indices is None or self.task.sources is None else self.task.sources.take(indices)
