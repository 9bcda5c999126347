"""Reward modes: the whole text's score when it has ended, or the change of the prefix score with each token."""

from __future__ import annotations

from copy import copy
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from textgen_env.handing import Handing
from textgen_env.rewards.base import (
    ExtendsOneText,
    FloatArray,
    Reward,
    RewardMode,
    RewardState,
    ScoresOneText,
    Terms,
    checked_scores,
    handed_texts,
    learns,
)
from textgen_env.tasks.base import Sources, Task
from textgen_env.text_checks import checked_source_rows, checked_texts
from textgen_env.vocabulary import IntArray


class RewardEmitter(Protocol):
    """Emitter of the rewards of K rows at a time; a call that raises changes nothing.

    Attributes:
        every_token: whether `emit` is asked after each token, or for ended texts alone.
        takes_one: whether `begin_one` and `emit_one` may be asked; if not, all goes through `begin` and `emit`.
        state: what is carried from token to token, of all N rows; empty where nothing is.
    """

    every_token: bool
    takes_one: bool
    state: RewardState

    def begin(self, rows: IntArray, tokens: IntArray, lengths: IntArray, sources: Sources | None) -> None:
        """Texts begin in `rows` (K,) with prefixes (K, T), (K,), of which a length may be 0."""
        ...

    def emit(
        self, rows: IntArray, tokens: IntArray, lengths: IntArray, sources: Sources | None
    ) -> tuple[FloatArray, Terms, RewardState]:
        """Rewards (K,) of the last token of each text (K, T), (K,), the parts of the texts' scores, and the rows' state
        with that token, for `put`."""
        ...

    def put(self, rows: IntArray, state: RewardState) -> None:
        """Goes on from a state of `rows` that `emit` gave."""
        ...

    def begin_one(self, row: int) -> None:
        """An empty text begins in `row`."""
        ...

    def emit_one(
        self, row: int, text: IntArray, length: int, source: int | None
    ) -> tuple[float, dict[str, float]] | None:
        """The reward of the last token of the text (T,) in `row`, which answers to `source` of the source table, and
        the parts of the text's score; the state has gone on then. Or None where `emit` must be asked, and it has
        not."""
        ...


class TerminalEmitter:
    """Emitter of a text's score with its last token."""

    every_token = False
    takes_one = True

    def __init__(self, task: Task, reward: Reward) -> None:
        self.reward = reward
        self._task = task
        self._handing = Handing.of(reward)
        # A user's subclass may score otherwise than the form for one text that it inherits.
        own = not self._handing.to_others
        self._one = reward if own and isinstance(reward, ScoresOneText) else None
        self.state: RewardState = {}

    def begin(self, rows: IntArray, tokens: IntArray, lengths: IntArray, sources: Sources | None) -> None:
        """Nothing is carried."""

    def emit(
        self, rows: IntArray, tokens: IntArray, lengths: IntArray, sources: Sources | None
    ) -> tuple[FloatArray, Terms, RewardState]:
        """The scores of the texts."""
        handed = handed_texts(self._handing, tokens, lengths, sources)
        terms, totals = checked_total(self.reward, self.reward.terms(*handed), len(rows))
        return totals, terms, {}

    def put(self, rows: IntArray, state: RewardState) -> None:
        """Nothing is carried."""

    def begin_one(self, row: int) -> None:
        """Nothing is carried."""

    def emit_one(
        self, row: int, text: IntArray, length: int, source: int | None
    ) -> tuple[float, dict[str, float]] | None:
        """The score of the text."""
        score = None if self._one is None else self._one.score_one(text, length, source)
        if score is not None:
            return score, {self.reward.name: score}
        known = self._task.sources
        sources = None if known is None or source is None else known.take(np.array([source]))
        earned, terms, _ = self.emit(np.array([row]), text.copy()[None], np.array([length]), sources)
        return earned.item(), {name: values.item() for name, values in terms.items()}


class DenseEmitter:
    """Emitter of the change of the prefix score with each token.

    Args:
        reward: bound to the task.
        tokens: (N, T) N empty texts.
        sources: of the N texts; any will do.
    """

    every_token = True

    def __init__(self, reward: Reward, tokens: IntArray, sources: Sources | None) -> None:
        self.reward = reward
        self._handing = Handing.of(reward)
        own = not self._handing.to_others
        self._one = reward if own and not learns(reward) and isinstance(reward, ExtendsOneText) else None
        self.takes_one = self._one is not None
        count = len(tokens)
        self._rows = np.arange(count)
        begun = reward.begin(*handed_texts(self._handing, tokens, np.zeros(count, np.int64), sources))
        # The reward may hand out arrays of its own; these are written to.
        self.state = copy_rows(
            {**begun, "total": checked_scores(begun.get("total"), count, reward.name)}, np.arange(count)
        )

    def begin(self, rows: IntArray, tokens: IntArray, lengths: IntArray, sources: Sources | None) -> None:
        """The prefix scores are where counting starts."""
        begun = self.reward.begin(*handed_texts(self._handing, tokens, lengths, sources))
        totals = checked_scores(begun.get("total"), len(rows), self.reward.name)
        self.put(rows, self._checked({**begun, "total": totals}, len(rows)))

    def emit(
        self, rows: IntArray, tokens: IntArray, lengths: IntArray, sources: Sources | None
    ) -> tuple[FloatArray, Terms, RewardState]:
        """The scores of the prefixes less those of the prefixes before."""
        # A reward of this package leaves a state that it is handed as it is: where all rows are asked for, no copy.
        before = gather_rows(self.state, rows if self._handing.to_others else self._at(rows))
        terms, after = self.reward.extend(before, *handed_texts(self._handing, tokens, lengths, sources))
        terms, totals = checked_total(self.reward, terms, len(rows))
        earned = totals - self.state["total"][rows]
        return earned, terms, self._checked({**after, "total": totals}, len(rows))

    def put(self, rows: IntArray, state: RewardState) -> None:
        """The prefix scores, and what the reward carries beside them."""
        scatter_rows(self.state, self._at(rows), state)

    def _at(self, rows: IntArray) -> Any:
        """`rows`; or, where they are all of them in order, a slice, which copies nothing when it is read."""
        whole = len(rows) == len(self._rows) and bool((rows == self._rows).all())
        return slice(None) if whole else rows

    def begin_one(self, row: int) -> None:
        """The empty text scores 0."""
        assert self._one is not None
        self._one.begin_one(self.state, row)
        self.state["total"][row] = 0.0

    def emit_one(
        self, row: int, text: IntArray, length: int, source: int | None
    ) -> tuple[float, dict[str, float]] | None:
        """The score of the prefix less that of the prefix before."""
        assert self._one is not None
        totals = self.state["total"]
        before = totals.item(row)
        total = self._one.extend_one(self.state, row, text, length)
        if total is None:
            return None
        totals[row] = total
        return total - before, {self.reward.name: total}

    def _checked(self, state: RewardState, count: int) -> RewardState:
        if not same_form(state, self.state) or any(len(values) != count for values in state.values()):
            raise ValueError(
                f"reward {self.reward.name!r} returned a state with the entries {forms(state)}; expected "
                f"{forms(self.state)} for each of {count} rows, as it began"
            )
        return state


def checked_reward_mode(mode: RewardMode | None, reward: Reward) -> RewardMode:
    """`mode`, or the reward's default in the place of None.

    Raises:
        ValueError: another mode.
    """
    if mode not in (None, "terminal", "dense"):
        raise ValueError(f"reward_mode={mode!r} must be 'terminal', 'dense' or None (the reward's default)")
    return mode or reward.default_mode


def reward_emitter(
    task: Task, reward: Reward, mode: RewardMode, tokens: IntArray, sources: Sources | None
) -> RewardEmitter:
    """The emitter of a mode; the other arguments as `DenseEmitter` takes them."""
    return DenseEmitter(reward, tokens, sources) if mode == "dense" else TerminalEmitter(task, reward)


def checked_total(reward: Reward, terms: Terms, count: int) -> tuple[Terms, FloatArray]:
    """The parts of `count` scores, and the scores that they make, each (count,) float64.

    Raises:
        TypeError, ValueError: not finite numbers, or not `count` of them.
    """
    whole = len(terms) == 1
    checked = {
        part: checked_scores(values, count, reward.name if whole else f"{reward.name}: {part}")
        for part, values in terms.items()
    }
    totals = reward.total(checked)
    # One part is all there is to most: it has been checked.
    is_part = whole and totals is next(iter(checked.values()))
    return checked, totals if is_part else checked_scores(totals, count, reward.name)


def scores_of_texts(
    reward: Reward, task: Task, tokens: ArrayLike, lengths: ArrayLike | None, sources: ArrayLike | None
) -> FloatArray:
    """Scores of texts, as of `GenerationCore.score`, by a reward that is bound to the task; errors as there."""
    ids, counts = checked_texts(tokens, lengths, task)
    if task.sources is not None and sources is None:
        raise ValueError("sources: a conditional task needs the row of the source table for each text, got None")
    indices = None if sources is None else checked_source_rows(sources, len(ids), task, "sources")
    scores = np.zeros(len(ids))
    written = np.flatnonzero(counts > 0)
    if len(written):
        chosen = None if indices is None or task.sources is None else task.sources.take(indices[written])
        terms = reward.terms(*handed_texts(Handing.of(reward), ids[written], counts[written], chosen))
        scores[written] = checked_total(reward, terms, len(written))[1]
    return scores


def same_form(state: RewardState, other: RewardState) -> bool:
    """Whether two states have the same entries, of one type and row shape each."""
    return state.keys() == other.keys() and all(
        values.dtype == other[name].dtype and values.shape[1:] == other[name].shape[1:]
        for name, values in state.items()
    )


def forms(state: RewardState) -> dict[str, str]:
    """The type and the shape of each entry's row."""
    return {name: f"{state[name].dtype} {tuple(state[name].shape[1:])}" for name in sorted(state)}


def gather_rows(state: RewardState, rows: Any) -> RewardState:
    """`rows` of a state, to be read before the state changes."""
    return {name: values[rows] for name, values in state.items()}


def copy_rows(state: RewardState, rows: IntArray) -> RewardState:
    """A copy of `rows` of a state, to be kept: an entry may answer `[rows]` with a view that copies nothing."""
    return {name: copy(values[rows]) for name, values in state.items()}


def scatter_rows(state: RewardState, rows: Any, values: RewardState) -> None:
    """Writes `values` of `rows` into a state with the same entries."""
    for name, stored in state.items():
        stored[rows] = values[name]
