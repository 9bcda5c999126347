"""Scheduled sampling: the policy learns to go on from its own tokens as well as from the true ones.

Bengio, Vinyals, Jaitly and Shazeer, "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks" (2015).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

import torch
from torch import Tensor

from agents.bases.policy_agent import PolicyAgent
from agents.data.text_batch import TextBatch
from agents.data.training_texts import TrainingTexts
from agents.functional.losses import cross_entropy
from agents.networks.config import NetworkConfig
from agents.protocol import Callback, Envs
from textgen_env.checks import check_at_least, check_choice, check_number
from textgen_env.models.sampling import all_finite, inverse_softmax


@dataclass(frozen=True)
class ScheduledSamplingConfig(NetworkConfig):
    """Hyperparameters, with those of SeqGAN's baseline (Yu et al. 2017, released code) in brackets; its network is an
    LSTM with E = H = 32.

    epsilon_i, the probability of reading the true token, is section 2.4's: max(floor, k - c i) if "linear", k^i if
    "exponential", k / (k + exp(i / k)) if "inverse_sigmoid".
    """

    learning_rate: float = 0.005  # of Adam [0.001]
    batch_size: int = 64  # texts an update [64]
    schedule: Literal["linear", "exponential", "inverse_sigmoid"] = "linear"  # how epsilon falls [linear]
    counted_in: Literal["epochs", "updates"] = "epochs"  # what i counts, from 0 [epochs; Bengio et al.: updates]
    k: float = 1.0  # linear: in [0, 1], exponential: in (0, 1], inverse sigmoid: at least 1 [0.998]
    c: float = 0.002  # linear: what epsilon loses when i grows by 1 [0.002]
    floor: float = 0.0  # linear: below it epsilon does not fall [0]
    max_grad_norm: float = 5.0  # longer gradients are shortened to it [5]
    initial_std: float | None = None  # parameters begin as N(0, initial_std^2); None: see `PolicyNetwork` [0.1]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("batch_size", self.batch_size)
        check_choice("schedule", self.schedule, ("linear", "exponential", "inverse_sigmoid"))
        check_choice("counted_in", self.counted_in, ("epochs", "updates"))
        if self.initial_std is not None:
            check_number("initial_std", self.initial_std, above=0)
        for name in ("learning_rate", "max_grad_norm"):
            check_number(name, getattr(self, name), above=0)
        if self.schedule == "inverse_sigmoid":
            check_number("k", self.k, least=1)
        else:
            check_number("k", self.k, above=0 if self.schedule == "exponential" else None, most=1)
        check_number("c", self.c)
        check_number("floor", self.floor, most=1)

    def epsilon(self, i: int) -> float:
        """The probability of reading the true token after `i` epochs or updates."""
        if self.schedule == "linear":
            return max(self.floor, self.k - self.c * i)
        if self.schedule == "exponential":
            return float(self.k**i)
        # Both sides of the fraction times exp(-i / k): nothing overflows.
        grown = self.k * math.exp(-i / self.k)
        return grown / (grown + 1)


class ScheduledSampling(PolicyAgent):
    """Agent that minimises -log pi(x_t | y_<t) of the training texts x, where each y_t is x_t with probability epsilon,
    and else drawn from pi(. | y_<t). The coin is tossed anew for every token of every text, and no gradient flows
    through what is drawn. Writes nothing in the environment: tokens drawn to be read are not counted."""

    config_class = ScheduledSamplingConfig
    config: ScheduledSamplingConfig

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Learns from `total_tokens` more tokens of `training_sequences()`, in passes over them in random order; a call
        goes on in the pass where the last one stopped. The loss reported is `nll`, in nats a token, of true tokens
        after the mixed ones.

        Raises:
            ValueError: the task has no training data, or envs of another shape.
            FloatingPointError: the logits, the loss or its gradient are not finite.
        """
        self.spec.check_envs(envs)
        until = self.tokens_read + check_at_least("total_tokens", total_tokens)
        texts = TrainingTexts(envs, self.spec, self.config.batch_size, self.order_seed, self.device)
        batches_a_count = texts.batches_per_pass if self.config.counted_in == "epochs" else 1
        goes_on = True
        while goes_on and self.tokens_read < until:
            epsilon = self.config.epsilon(self.batches_read // batches_a_count)
            losses = self._learn(texts.batch(self.batches_read), epsilon)
            goes_on = self.report_progress(callback, float("nan"), losses)
        return self

    def _learn(self, batch: TextBatch, epsilon: float) -> dict[str, float]:
        layer = self.network.layer_over(self.mixed(batch, epsilon), batch.source_ids)
        nll = cross_entropy(layer, batch.token_ids, batch.written, self.network.decoder.logits_memory)
        losses = self.gradient_step(nll, {"nll": nll}, self.optimiser, batch)
        self.batches_read += 1
        self.tokens_read += int(batch.lengths.sum())
        return losses

    @torch.no_grad()
    def mixed(self, batch: TextBatch, epsilon: float) -> Tensor:
        """Tokens (B, T) that are read in place of a batch's own: y of section 2.3, with blanks where the texts have
        them."""
        shape = 2, *batch.token_ids.shape
        coins, uniforms = torch.rand(shape, generator=self.generator, dtype=torch.float64).to(self.device)
        drawn = (coins >= epsilon) & batch.written
        tokens = batch.token_ids.clone()
        if not drawn.any():
            return tokens
        inputs, state = self.network.start(len(tokens)), self.network.begin(len(tokens), batch.source_ids)
        # The last token is not read.
        for t in range(tokens.shape[1] - 1):
            state = self.network.advance(inputs, state)
            rows = drawn[:, t].nonzero().squeeze(1)
            if len(rows):
                tokens[rows, t] = inverse_softmax(self._finite_logits(state[0][rows]), uniforms[rows, t])
            inputs = tokens[:, t]
        return tokens

    def _finite_logits(self, hidden: Tensor) -> Tensor:
        logits = self.network.logits(hidden)
        if not all_finite(logits):
            raise FloatingPointError(
                f"{type(self).__name__}: the policy's logits are not finite in update {self.updates + 1}; lower "
                f"learning_rate={self.config.learning_rate}"
            )
        return logits

    def _initial_std(self) -> float | None:
        return self.config.initial_std
