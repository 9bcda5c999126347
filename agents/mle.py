"""Maximum likelihood: the policy imitates the task's training texts (teacher forcing; Williams and Zipser 1989)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from agents.base import Callback, Envs
from agents.hyperparameters import check_choice, check_number
from agents.losses import cross_entropy
from agents.policy_agent import PolicyAgent
from agents.returns import written
from textgen_env.models.language_model import Cell
from textgen_env.tasks.base import check_at_least


@dataclass(frozen=True)
class MLEConfig:
    """Hyperparameters, with those of Yu et al. 2017 ("SeqGAN", pre-training of the generator) in brackets."""

    embedding_size: int = 32  # E [32]
    hidden_size: int = 64  # H [32]
    cell: Cell = "gru"  # "lstm" or "gru" [lstm]
    learning_rate: float = 0.005  # of Adam [0.01]
    batch_size: int = 64  # texts an update [64]
    max_grad_norm: float = 5.0  # longer gradients are shortened to it [5]

    def __post_init__(self) -> None:
        for name in ("embedding_size", "hidden_size", "batch_size"):
            check_at_least(name, getattr(self, name))
        check_choice("cell", self.cell, ("lstm", "gru"))
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("max_grad_norm", self.max_grad_norm, above=0)


class MLE(PolicyAgent):
    """Minimises the cross-entropy -log pi(x_t | x_<t) of the training texts; writes nothing in the environment."""

    config_class = MLEConfig
    config: MLEConfig

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Learns from `total_tokens` more tokens of `training_sequences()`, in passes over them in random order; each
        call begins a new pass. The loss reported is `nll`, in nats a token.

        Raises:
            ValueError: the task has no training data, or envs of another shape.
            FloatingPointError: the loss or its gradient is not finite.
        """
        self.spec.check_envs(envs)
        until = self.tokens_read + check_at_least("total_tokens", total_tokens)
        task = envs.unwrapped.task  # type: ignore[attr-defined]
        texts = task.training_sequences()
        tokens, lengths = torch.tensor(texts.tokens), torch.tensor(texts.lengths)
        sources = torch.tensor(task.sources.tokens[texts.sources]) if self.spec.conditional else None
        counted = torch.from_numpy(written(texts.lengths, self.spec.max_length))
        for rows in self._batches(len(tokens)):
            hidden = self.network.hidden(tokens[rows], None if sources is None else sources[rows])
            nll = cross_entropy(self.network.logits(hidden), tokens[rows], counted[rows])
            losses = self._descend(nll, {"nll": nll})
            self.tokens_read += int(lengths[rows].sum())
            if not self._goes_on(callback, float("nan"), losses) or self.tokens_read >= until:
                break
        return self

    def _batches(self, count: int) -> Iterator[Tensor]:
        """Rows of one batch after another, of passes without end."""
        while True:
            yield from torch.randperm(count, generator=self.generator).split(self.config.batch_size)
