"""Unigram model: tokens drawn one by one as often as they occur in the training texts, whatever their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from agents.baselines.independent_tokens import IndependentTokens
from agents.functional.returns import written
from agents.protocol import Callback, Envs
from textgen_env import text_game
from textgen_env.checks import check_at_least


@dataclass(frozen=True)
class UnigramConfig:
    """Hyperparameters: none."""


class Unigram(IndependentTokens):
    """Unigram policy: pi(x_t | x_<t) = how often x_t is read / how many tokens are read, nothing added: a token that
    was never read has probability 0. The end token counts as any other; without one, texts run to the horizon. Sources
    are not looked at. Before it has read anything, all tokens are equally likely."""

    config_class = UnigramConfig

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Reads `total_tokens` more tokens of `training_sequences()`, in their order, each once in all of its training:
        where there are fewer left, it stops after the last. `callback` is called once.

        Raises:
            ValueError: the task has no training data, or envs of another shape.
        """
        self.spec.check_envs(envs)
        check_at_least("total_tokens", total_tokens)
        texts = text_game(envs).task.training_sequences()
        tokens = texts.tokens[written(texts.lengths, texts.tokens.shape[1])]
        if not len(tokens):
            raise ValueError("envs: their task's training_sequences() is empty; there is nothing to learn from")
        read = tokens[self.tokens_read : self.tokens_read + total_tokens]
        counts = np.bincount(read, minlength=self.spec.vocab_size)
        self.weights = self.weights + counts if self.tokens_read else counts
        self.tokens_read += len(read)
        self.report_progress(callback, float("nan"), {})
        return self
