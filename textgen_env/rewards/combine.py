"""Weighted sums of rewards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Self

import numpy as np

from textgen_env.checks import is_number
from textgen_env.handing import Handing
from textgen_env.rewards.base import (
    BaseReward,
    FloatArray,
    Reward,
    RewardMode,
    RewardState,
    Terms,
    checked_scores,
    handed_texts,
)
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray


class CombinedReward(BaseReward):
    """sum_i weight_i * score_i; `terms` reports each score_i unweighted, in its own unit.

    Args:
        parts: (weight, reward) pairs; two rewards of one name are told apart by a number.
        name: of the whole.

    Attributes:
        given: the parts as `textgen_env.combine` was given them; empty for one made otherwise.
    """

    def __init__(self, parts: list[tuple[float, Reward]], name: str = "combined") -> None:
        self.parts = parts
        self.given: tuple[tuple[float, object], ...] = ()
        self.name = name
        self.labels = _distinct([reward.name for _, reward in parts])
        self.default_mode: RewardMode = (
            "dense" if all(reward.default_mode == "dense" for _, reward in parts) else "terminal"
        )

    def bind(self, task: Task) -> Self:
        """The sum of the bound parts."""
        return type(self)([(weight, reward.bind(task)) for weight, reward in self.parts], self.name)

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """The weighted sums (N,)."""
        return self.total(self.terms(tokens, lengths, sources))

    def terms(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> Terms:
        """Each part's own score (N,)."""
        scores = [reward.total(reward.terms(*_handed(reward, tokens, lengths, sources))) for _, reward in self.parts]
        return self._labelled(scores, len(tokens))

    def total(self, terms: Terms) -> FloatArray:
        """The weighted sum of the parts."""
        weighted = (weight * terms[label] for label, (weight, _) in zip(self.labels, self.parts, strict=True))
        total: FloatArray = np.sum(list(weighted), axis=0)
        return total

    def begin(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> RewardState:
        """The parts' states side by side."""
        states = [reward.begin(*_handed(reward, tokens, lengths, sources)) for _, reward in self.parts]
        joined = self._joined(states)
        joined["total"] = self.total(self._labelled([state["total"] for state in states], len(tokens)))
        return joined

    def extend(
        self, state: RewardState, tokens: IntArray, lengths: IntArray, sources: Sources | None = None
    ) -> tuple[Terms, RewardState]:
        """Every part extends its own state."""
        scores, states = [], []
        for position, (_, reward) in enumerate(self.parts):
            terms, after = reward.extend(_marked(f"{position}.", state), *_handed(reward, tokens, lengths, sources))
            scores.append(reward.total(terms))
            states.append({**after, "total": scores[-1]})
        return self._labelled(scores, len(tokens)), self._joined(states)

    def episodes_ended(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> None:
        """Tells every part, last those whose learning can be put back: where one raises, none of them has learned."""
        learning = self._learning()
        positions = [position for position, _ in learning]
        for position, (_, reward) in enumerate(self.parts):
            if position not in positions:
                reward.episodes_ended(*_handed(reward, tokens, lengths, sources))
        # The last of them puts itself back.
        before = [part.state_dict() for _, part in learning[:-1]]
        try:
            for _, part in learning:
                part.episodes_ended(*_handed(part, tokens, lengths, sources))
        except BaseException:
            for (_, part), kept in zip(learning, before, strict=False):
                part.load_state_dict(kept)
            raise

    def check_state(self, state: RewardState) -> None:
        """Refuses a state that a part refuses.

        Raises:
            ValueError: naming the entry.
        """
        for position, (_, reward) in enumerate(self.parts):
            check = getattr(reward, "check_state", None)
            if check is not None:
                check(_marked(f"{position}.", state))

    def state_dict(self) -> dict[str, Any]:
        """State that learning changes in the parts, that of part i under "i."; empty where none learns."""
        return {
            f"{position}.{key}": value
            for position, part in self._learning()
            for key, value in part.state_dict().items()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from where the reward was that returned `state`.

        Raises:
            ValueError: entries missing or unknown, or what a part refuses. Nothing is changed then.
        """
        learning = self._learning()
        own = {position: _marked(f"{position}.", state) for position, _ in learning}
        if sum(map(len, own.values())) < len(state):
            known = ", ".join(f"{position}.*" for position in own) or "none, as no part of this reward learns"
            raise ValueError(f"state: entries {sorted(state)}, expected {known}; load what state_dict() returned")
        before = [part.state_dict() for _, part in learning]
        try:
            for position, part in learning:
                part.load_state_dict(own[position])
        except ValueError:
            for (_, part), kept in zip(learning, before, strict=True):
                part.load_state_dict(kept)
            raise

    def _learning(self) -> list[tuple[int, Any]]:
        """The parts that learn, and their positions."""
        return [(i, part) for i, (_, part) in enumerate(self.parts) if hasattr(part, "load_state_dict")]

    def _labelled(self, scores: list[FloatArray], texts: int) -> Terms:
        return {label: checked_scores(score, texts, label) for label, score in zip(self.labels, scores, strict=True)}

    def _joined(self, states: list[RewardState]) -> RewardState:
        return {f"{position}.{key}": value for position, state in enumerate(states) for key, value in state.items()}


def checked_parts(parts: Sequence[object]) -> list[tuple[float, object]]:
    """`parts` as (weight, reward) pairs; the rewards as they are given.

    Raises:
        TypeError: a part that is no pair, or a weight that is no number.
        ValueError: no parts, or a weight that is not finite.
    """
    if not parts:
        raise ValueError("combine() needs at least one (weight, reward) pair")
    checked: list[tuple[float, object]] = []
    for part in parts:
        if not isinstance(part, tuple) or len(part) != 2:
            raise TypeError(f"combine: {part!r} must be a pair (weight, reward)")
        weight, reward = part
        if not is_number(weight):
            raise TypeError(f"combine: weight={weight!r} must be a number, got {type(weight).__name__}")
        if not np.isfinite(float(weight)):
            raise ValueError(f"combine: weight={weight!r} must be finite")
        checked.append((float(weight), reward))
    return checked


def parts_of(reward: Reward) -> Iterator[Reward]:
    """The rewards that a sum is made of, and those of its sums; any other reward itself."""
    if isinstance(reward, CombinedReward):
        for _, part in reward.parts:
            yield from parts_of(part)
    else:
        yield reward


def _handed(
    reward: Reward, tokens: IntArray, lengths: IntArray, sources: Sources | None
) -> tuple[IntArray, IntArray, Sources | None]:
    return handed_texts(Handing.of(reward), tokens, lengths, sources)


def _marked(mark: str, entries: Mapping[str, Any]) -> dict[str, Any]:
    """The entries whose names begin with `mark`, by the rest of their names."""
    return {key.removeprefix(mark): value for key, value in entries.items() if key.startswith(mark)}


def _distinct(names: list[str]) -> list[str]:
    taken = {name for name in names if names.count(name) == 1}
    labels: list[str] = []
    for name in names:
        numbered = (f"{name}_{number}" for number in count(1))
        labels.append(name if name in taken else next(label for label in numbered if label not in {*taken, *labels}))
    return labels
