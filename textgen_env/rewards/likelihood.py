"""The log-likelihood of a text under the task's language model."""

from __future__ import annotations

from copy import copy
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from textgen_env.models.language_model import LanguageModel
from textgen_env.models.token_scorer import TokenScorer
from textgen_env.rewards.base import BaseReward, FloatArray, RewardState, Terms, last_tokens
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray

PARTS = {"lstm": ("hidden", "cell"), "gru": ("hidden",)}


@runtime_checkable
class HasLanguageModel(Protocol):
    """A task whose texts are drawn from a known model."""

    language_model: LanguageModel

    def log_prob(self, tokens: IntArray, lengths: IntArray) -> NDArray[np.float64]:
        """log p of whole texts (N,), in nats."""
        ...


class LikelihoodReward(BaseReward):
    """score(x) = log p_oracle(x) = sum_t log p_oracle(x_t | x_<t), in nats; paid densely by default.

    The negative of its mean over texts, divided by their length, is NLL_oracle (Yu et al. 2017, equation 13, reported
    a token).
    """

    name = "likelihood"
    default_mode = "dense"

    def __init__(self) -> None:
        self._task: HasLanguageModel | None = None
        self._scorer: TokenScorer
        self._parts: tuple[str, ...] = ()
        self._start = 0

    def bind(self, task: Task) -> Self:
        """The likelihood under the task's model.

        Raises:
            ValueError: the task has none.
        """
        if not isinstance(task, HasLanguageModel):
            raise ValueError(
                f"reward 'likelihood' needs a task with a language model; {type(task).__name__} has none: choose task "
                "'oracle', or another reward"
            )
        bound = copy(self)
        model = task.language_model
        bound._task, bound._scorer = task, TokenScorer(model)
        bound._parts, bound._start = PARTS[model.cell], model.start_id
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """log p (N,) of whole texts."""
        return self._bound().log_prob(tokens, lengths)

    def begin(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> RewardState:
        """The model's state before the last token of each prefix, and log p of the prefixes."""
        model = self._bound().language_model
        # NumPy's arrays: the core gathers and scatters their rows at every token, which costs torch's ten times as
        # much.
        parts = (part.cpu().numpy() for part in model.initial_state(len(tokens)))
        state: RewardState = {**dict(zip(PARTS[model.cell], parts, strict=True)), "total": np.zeros(len(tokens))}
        for t in range(int(lengths.max(initial=0))):
            rows = np.flatnonzero(lengths > t)
            part = {key: values[rows] for key, values in state.items()}
            terms, after = self.extend(part, tokens[rows], np.full(len(rows), t + 1))
            for key, values in {**after, "total": terms[self.name]}.items():
                state[key][rows] = values
        return state

    def extend(
        self, state: RewardState, tokens: IntArray, lengths: IntArray, sources: Sources | None = None
    ) -> tuple[Terms, RewardState]:
        """One step of the model: log p of the prefixes with their last token."""
        model = self._bound().language_model
        last, before = last_tokens(tokens, lengths)
        before[lengths == 1] = model.start_id
        names = PARTS[model.cell]
        log_prob, after = self._scorer.step(before, last, tuple([state[name] for name in names]))
        total = state["total"] + log_prob
        return {self.name: total}, {**dict(zip(names, after, strict=True)), "total": total}

    def begin_one(self, state: RewardState, row: int) -> None:
        """The model's initial state, zeros."""
        for name in self._parts:
            state[name][row] = 0.0

    def extend_one(self, state: RewardState, row: int, text: IntArray, length: int) -> float | None:
        """One step of the model, compiled."""
        before = text.item(length - 2) if length > 1 else self._start
        parts = tuple([state[name][row] for name in self._parts])
        log_prob = self._scorer.step_one(before, text.item(length - 1), parts)
        return None if log_prob is None else state["total"].item(row) + log_prob

    def check_state(self, state: RewardState) -> None:
        """Refuses a state of the model that is not finite.

        Raises:
            ValueError: naming the entry.
        """
        for name in PARTS[self._bound().language_model.cell]:
            if not np.isfinite(state[name]).all():
                raise ValueError(f"state: entry {name!r} is not finite; restore what snapshot() returned")

    def _bound(self) -> HasLanguageModel:
        if self._task is None:
            raise ValueError("reward 'likelihood' is not bound to a task; use reward.bind(task)")
        return self._task
