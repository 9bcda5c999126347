"""The log-likelihood of a text under the task's language model."""

from __future__ import annotations

from copy import copy
from typing import Protocol, Self, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from textgen_env.models.language_model import LanguageModel, State
from textgen_env.rewards.base import BaseReward, FloatArray, RewardState, Terms
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
        bound._task = task
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """log p (N,) of whole texts."""
        return self._bound().log_prob(tokens, lengths)

    def begin(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> RewardState:
        """The model's state before the last token of each prefix, and log p of the prefixes."""
        model = self._bound().language_model
        state = _as_dict(model.initial_state(len(tokens)), np.zeros(len(tokens)))
        for t in range(int(lengths.max(initial=0))):
            rows = np.flatnonzero(lengths > t)
            part = {key: values[rows] for key, values in state.items()}
            terms, after = self.extend(part, tokens[rows], np.full(len(rows), t + 1))
            for key, values in {**after, "total": terms[self.name]}.items():
                state[key][rows] = values
        return state

    @torch.no_grad()
    def extend(
        self, state: RewardState, tokens: IntArray, lengths: IntArray, sources: Sources | None = None
    ) -> tuple[Terms, RewardState]:
        """One step of the model: log p of the prefixes with their last token."""
        model = self._bound().language_model
        rows = np.arange(len(tokens))
        before = np.where(lengths > 1, tokens[rows, np.maximum(lengths - 2, 0)], model.start_id)
        parts = [torch.from_numpy(state[name]) for name in PARTS[model.cell]]
        logits, after = model.step(torch.from_numpy(before), tuple(parts))
        chosen = torch.from_numpy(tokens[rows, lengths - 1]).unsqueeze(1)
        log_prob = torch.log_softmax(logits, -1).gather(1, chosen).squeeze(1)
        total = state["total"] + log_prob.double().numpy()
        return {self.name: total}, _as_dict(after, total)

    def _bound(self) -> HasLanguageModel:
        if self._task is None:
            raise ValueError("reward 'likelihood' is not bound to a task; use reward.bind(task)")
        return self._task


def _as_dict(state: State, total: FloatArray) -> RewardState:
    # NumPy's arrays: the core gathers and scatters their rows at every token, which costs torch's ten times as much.
    return {name: part.numpy() for name, part in zip(PARTS["lstm"], state, strict=False)} | {"total": total}
