"""Off-policy policy gradient: a policy learns from texts that another one wrote, weighted by importance.

Precup, Sutton and Singh, "Eligibility traces for off-policy policy evaluation" (2000); for texts of a data set Pang and
He, "Text generation by learning from demonstrations" (2021).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from agents.bases.policy_agent import PolicyAgent
from agents.data.episodes import play
from agents.data.text_batch import TextBatch
from agents.data.training_texts import TrainingTexts
from agents.functional.importance import (
    clipped,
    decision_weights,
    effective_share,
    off_policy_credit,
    self_normalised,
    trajectory_weights,
    weighted_mean_baseline,
)
from agents.functional.losses import policy_gradient_loss
from agents.functional.returns import scaled_to_unit, written
from agents.policy_gradient.base import PolicyGradientAgent, PolicyGradientConfig
from agents.protocol import BoolArray, Callback, Envs, FloatArray, IntArray, Observation, State
from textgen_env import text_game
from textgen_env.checks import check_at_least, check_choice, check_number


@dataclass(frozen=True)
class OffPolicyConfig(PolicyGradientConfig):
    """Hyperparameters. The papers have no entropy bonus; it is that of the states which the texts pass through."""

    learns_from: Literal["behaviour", "data"] = "behaviour"  # who wrote the texts: a frozen policy, or the task's data
    temperature: float = 1.5  # of the frozen copy of the policy that writes; 1: as the policy was
    refresh_every: int | None = 4  # updates from one copy to the next; None: the first one stays
    pretrain_epochs: int = 0  # passes over the training texts, to imitate them, before the first copy
    weighting: Literal["decision", "trajectory"] = "decision"  # per token as far as written, or per whole text
    correction: Literal["ordinary", "clipped", "self_normalised"] = "clipped"  # of the weights; ordinary: unbiased
    clip: float = 5.0  # the largest weight, where they are clipped
    baseline: Literal["none", "weighted_mean"] = "weighted_mean"  # of the other texts in the batch
    scale_advantages: bool = True  # divide them by their root mean square: the reward's unit then hardly matters

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("learns_from", self.learns_from, ("behaviour", "data"))
        check_choice("weighting", self.weighting, ("decision", "trajectory"))
        check_choice("correction", self.correction, ("ordinary", "clipped", "self_normalised"))
        check_choice("baseline", self.baseline, ("none", "weighted_mean"))
        check_number("temperature", self.temperature, above=0)
        check_number("clip", self.clip, above=0)
        check_at_least("pretrain_epochs", self.pretrain_epochs, least=0)
        if self.refresh_every is not None:
            check_at_least("refresh_every", self.refresh_every)
        if self.learns_from == "data" and self.refresh_every is not None:
            raise ValueError(
                f"refresh_every={self.refresh_every!r} must be None with learns_from='data': no later policy wrote them"
            )
        self.refuse_likelihood("texts of the data are learned from with learns_from='data', or pretrain_epochs")


class OffPolicy(PolicyGradientAgent):
    """Agent that follows the gradient of E_b[sum_t rho_1 .. rho_t r_t], b the behaviour policy, which is that of the
    expected return wherever b writes all that the policy may write.

    The behaviour is a frozen copy of the policy at a temperature, made anew every few updates, or the policy of another
    agent (`learn_from`). Texts of a data set have no known b: it is taken to be what imitates them, that is the policy
    as it stands after `pretrain_epochs` passes, or after `initialise_from` an agent that did; or the agent of
    `learn_from`. Their return, the score of the whole text, is paid at the last token.

    Attributes:
        behaviour: the network that wrote, or is taken to have written, the texts.
        behaviour_set: 1 once there is one, 2 if it is another agent's; else 0.
    """

    config_class = OffPolicyConfig
    config: OffPolicyConfig
    counters = (*PolicyGradientAgent.counters, "behaviour_set")
    behaviour_set: int

    def learn_from(self, other: PolicyAgent) -> None:
        """Takes the policy of another agent, as it now is, for the one that writes the texts.

        Raises:
            TypeError: no agent with a policy network.
            ValueError: its texts or its network have another shape; copies of this agent's own would replace it.
        """
        if self.config.refresh_every is not None:
            raise ValueError(
                f"learn_from: refresh_every={self.config.refresh_every} would replace the other agent's policy; set it "
                "to None"
            )
        self.behaviour.load_state_dict(self.policy_of(other))
        self.behaviour_set = 2

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Imitates the training texts for `pretrain_epochs` passes in all its training, then learns off-policy, until
        `total_tokens` more tokens have been written or read. Losses reported: `nll` (nats a token), then `policy`,
        `entropy` and `effective_share` (see `agents.functional.importance`).

        Raises:
            ValueError: envs of another shape; no training texts where they are to be read; one that the game masks.
            FloatingPointError: a loss, a weight or the gradient is not finite.
        """
        self.spec.check_envs(envs)
        config = self.config
        until = self.tokens_spent + check_at_least("total_tokens", total_tokens)
        if config.pretrain_epochs or config.learns_from == "data":
            texts = TrainingTexts(envs, self.spec, config.batch_size, self.order_seed, self.device)
            self._texts = texts
            while self.batches_read < config.pretrain_epochs * texts.batches_per_pass:
                losses = self.imitate(texts.batch(self.batches_read), self.optimiser)
                if not self.report_progress(callback, float("nan"), losses, "mle") or self.tokens_spent >= until:
                    return self
        return super().train(envs, until - self.tokens_spent, callback)

    def gather(self, envs: Envs, quota: IntArray, seed: int | None = None) -> TextBatch:
        """Texts that the behaviour writes, or the next ones of the data."""
        every = self.config.refresh_every
        if not self.behaviour_set or (every is not None and self.updates % every == 0):
            self._copy()
        if self.config.learns_from == "data":
            return self._read(envs)
        return play(self._behave, envs, quota, seed=seed, masked=True).to(self.device)

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """`policy`, `entropy` and `effective_share`, for texts that the behaviour wrote."""
        batch = batch.to(self.device)
        log_probs, entropy, _ = self.log_probs_and_entropy(batch)
        with torch.no_grad():
            layer = self.behaviour.layer_over(batch.token_ids, batch.source_ids)
            behaved, _ = self.log_probs_and_entropies(batch, layer)
            log_ratios = (log_probs - behaved).double().cpu().numpy()
        weights = self.weights(log_ratios, batch.lengths)
        advantages = self.advantages(batch, weights)
        of_texts = weights[np.arange(len(weights)), batch.lengths - 1]
        return {
            "policy": policy_gradient_loss(log_probs, self.float_tensor(advantages), batch.written),
            "entropy": entropy,
            "effective_share": torch.tensor(effective_share(of_texts)),
        }

    def weights(self, log_ratios: FloatArray, lengths: IntArray) -> FloatArray:
        """(N, T) of tokens with these log rho_t (N, T).

        Raises:
            FloatingPointError: one that is not finite.
        """
        config = self.config
        weights = (decision_weights if config.weighting == "decision" else trajectory_weights)(log_ratios, lengths)
        if config.correction == "clipped":
            weights = clipped(weights, config.clip)
        if not np.isfinite(weights).all():
            raise FloatingPointError(
                f"{type(self).__name__}: weights are not finite in update {self.updates + 1}; the largest log ratio of "
                f"{len(lengths)} texts is {log_ratios.sum(1).max()} nats; lower refresh_every, or clip them"
            )
        return self_normalised(weights, lengths) if config.correction == "self_normalised" else weights

    def advantages(self, batch: TextBatch, weights: FloatArray) -> FloatArray:
        """(N, T): the weighted returns to come, less the weighted baseline."""
        config, lengths = self.config, batch.lengths
        credit = off_policy_credit(batch.rewards, weights, lengths, config.weighting == "decision", config.discount)
        if config.baseline == "weighted_mean":
            credit = credit - weights * weighted_mean_baseline(credit, weights, lengths)
        return scaled_to_unit(credit, lengths) if config.scale_advantages else credit

    @torch.no_grad()
    def _copy(self) -> None:
        self.behaviour.load_state_dict(self.network.state_dict())
        if self.config.learns_from == "behaviour":
            for parameter in self.behaviour.decoder.output.parameters():
                parameter.div_(self.config.temperature)
        self.behaviour_set = 1

    def _behave(
        self,
        observation: Observation,
        state: State = None,
        episode_start: BoolArray | None = None,
        deterministic: bool = False,
        action_masks: BoolArray | None = None,
    ) -> tuple[IntArray, State]:
        given = observation, state, episode_start, deterministic, action_masks
        return self._choose_by(self.behaviour, self.generator, *given)

    def _read(self, envs: Envs) -> TextBatch:
        game, batch = text_game(envs), self._texts.batch(self.batches_read)
        tokens, lengths = batch.tokens, batch.lengths
        rewards = np.zeros(tokens.shape)
        rewards[np.arange(len(tokens)), lengths - 1] = game.score(tokens, lengths, batch.source_rows)
        self.batches_read += 1
        self.tokens_read += int(lengths.sum())
        rule = game.allowed_tokens if game.masks_anything else None
        batch = replace(batch, rewards=rewards, allowed_tokens=rule, scored=True)
        check_allowed(batch, self.spec.vocab_size)
        return batch

    def _build(self, *args: Any, **kwargs: Any) -> None:
        super()._build(*args, **kwargs)
        self.behaviour = deepcopy(self.network).requires_grad_(False)

    def _networks(self) -> dict[str, nn.Module]:
        return {**super()._networks(), "behaviour": self.behaviour}


def check_allowed(batch: TextBatch, vocab_size: int) -> None:
    """Refuses texts that the game would not let be written.

    Raises:
        ValueError: a text with a token that it masks.
    """
    if batch.allowed_tokens is None:
        return
    for rows, allowed in batch.masks(vocab_size):
        tokens, lengths = batch.tokens[rows], batch.lengths[rows]
        chosen = np.minimum(tokens, vocab_size - 1)[..., None]
        wrong = written(lengths, tokens.shape[1]) & ~np.take_along_axis(allowed, chosen, -1)[..., 0]
        if wrong.any():
            text, t = (int(index[0]) for index in wrong.nonzero())
            raise ValueError(
                f"training text {tokens[text].tolist()} has a token at {t} that the game masks; learn from other texts"
            )
