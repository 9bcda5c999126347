"""Base of policy-gradient agents: play a batch of texts, take one gradient step.

Agents with a critic have their advantages here, too: Schulman, Moritz, Levine, Jordan and Abbeel, "High-Dimensional
Continuous Control Using Generalized Advantage Estimation" (2016). A likelihood term beside the reward: Bahdanau et al.,
"An Actor-Critic Algorithm for Sequence Prediction" (2017), section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from agents.bases.episodic import play_and_learn
from agents.bases.policy_agent import PolicyAgent
from agents.data.episodes import play
from agents.data.text_batch import TextBatch
from agents.data.training_texts import TrainingTexts
from agents.functional.losses import entropy, policy_gradient_loss
from agents.functional.returns import batch_mean_baseline, gae, no_baseline, reward_to_go, scaled_to_unit
from agents.networks.config import NetworkConfig
from agents.protocol import Callback, Envs, FloatArray, IntArray
from textgen_env.checks import check_at_least, check_number


@dataclass(frozen=True)
class PolicyGradientConfig(NetworkConfig):
    """Hyperparameters of all policy-gradient agents."""

    learning_rate: float = 0.01  # of Adam
    batch_size: int = 64  # texts an update, rounded up to as many for each row
    discount: float = 1.0  # of later rewards
    entropy_weight: float = 0.3  # of the entropy bonus, at the start
    entropy_half_life: int | None = 100_000  # tokens written until the entropy bonus has halved; None: constant
    max_grad_norm: float = 5.0  # longer gradients are shortened to it
    likelihood_weight: float = 0.0  # of the NLL, in nats a text, of as many training texts in every step

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("batch_size", self.batch_size)
        check_number("likelihood_weight", self.likelihood_weight)
        if self.entropy_half_life is not None:
            check_at_least("entropy_half_life", self.entropy_half_life)
        check_number("discount", self.discount, most=1)
        for name in ("learning_rate", "max_grad_norm"):
            check_number(name, getattr(self, name), above=0)
        check_number("entropy_weight", self.entropy_weight)

    @property
    def texts_a_step(self) -> int:
        """Texts in a step of Adam."""
        return self.batch_size

    def refuse_likelihood(self, why: str) -> None:
        """Refuses a likelihood term in a config of agents whose updates have no place for one.

        Raises:
            ValueError: a `likelihood_weight` other than 0.
        """
        if self.likelihood_weight:
            raise ValueError(f"likelihood_weight={self.likelihood_weight} must be 0: {why}")


@dataclass(frozen=True)
class ActorCriticConfig(PolicyGradientConfig):
    """Hyperparameters of agents with a critic."""

    gae_lambda: float = 0.95  # 1: advantages unbiased whatever the critic says; less: they vary less [1]
    value_learning_rate: float = 0.01  # of Adam, for the critic [the policy's, the critic's loss weighted by 0.5]
    center_values: bool = True  # the critic learns how far a state is from the batch's mean reward-to-go [no]
    scale_advantages: bool = True  # divide them by their root mean square: the reward's unit then hardly matters [no]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("gae_lambda", self.gae_lambda, most=1)
        check_number("value_learning_rate", self.value_learning_rate, above=0)


class PolicyGradientAgent(PolicyAgent):
    """Base of policy-gradient agents: plays a batch of texts, takes a step down `total_loss` of them, and begins again.

    A subclass defines `losses`; one that does more with a batch than a single step of Adam defines `learn` as well. One
    with a critic says so in `has_critic`, and its config is an `ActorCriticConfig`: V(x_<t) is learned beside the
    policy. The critic reads the policy's hidden states and does not change them; Adam has its parameters as a group of
    their own.
    """

    has_critic: ClassVar[bool] = False
    config: PolicyGradientConfig
    _truths: TrainingTexts | None = None

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Learns until `total_tokens` more tokens have been written, or read from data; see `play_and_learn`. Losses
        reported: those of `learn`.

        Raises:
            ValueError: a likelihood term where the task has no training data; and as `play_and_learn`.
        """
        if self.config.likelihood_weight:
            size = self.config.texts_a_step
            self._truths = TrainingTexts(envs, self.spec, size, self.order_seed, self.device)
        play_and_learn(self, envs, total_tokens, callback)
        return self

    def gather(self, envs: Envs, quota: IntArray, seed: int | None = None) -> TextBatch:
        """The texts of the next batch, `quota[i]` of each row i, written by this policy as it stands; an agent that
        learns from another's texts defines it anew."""
        return play(self.explore, envs, quota, seed=seed, masked=True).to(self.device)

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """Learns from texts that this policy has just written; returns the losses, by name."""
        return self.policy_step(self.losses(batch), batch)

    def policy_step(self, terms: dict[str, Tensor], batch: TextBatch) -> dict[str, float]:
        """A step down `total_loss` of the terms of a batch and, with a likelihood term, `likelihood_weight` times the
        NLL of as many training texts, in nats a text; the terms as numbers, `nll` in nats a token.

        Raises:
            RuntimeError: a likelihood term before `train` has named the environment whose task has the texts.
        """
        loss, weight = self.total_loss(terms), self.config.likelihood_weight
        if not weight:
            return self.gradient_step(loss, terms, batch=batch)
        if self._truths is None:
            raise RuntimeError(
                f"{type(self).__name__}: likelihood_weight={weight} takes the task's training texts; call train(envs, "
                "...) rather than learn(batch)"
            )
        truths = self._truths.batch(self.batches_read)
        nll = self.likelihood_loss(truths)
        loss = loss + weight * nll * float(truths.lengths.mean())
        values = self.gradient_step(loss, {**terms, "nll": nll}, batch=batch)
        self.batches_read += 1
        self.tokens_read += int(truths.lengths.sum())
        return values

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """The terms of the loss for texts that this policy wrote: `policy`, `entropy`, ..."""
        raise NotImplementedError(f"{type(self).__name__} must define losses(batch), the terms of its loss by name")

    def policy_loss(self, envs: Envs, quota: IntArray, seed: int) -> tuple[Tensor, int]:
        """As `agents.exact.HasPolicyLoss`: the term `policy`."""
        batch = self.gather(envs, quota, seed)
        return self.losses(batch)["policy"], batch.tokens_written

    def total_loss(self, terms: dict[str, Tensor]) -> Tensor:
        """policy - entropy_weight * 2^(-tokens / half-life) * entropy; with a critic, + value. How policy and value are
        weighted beside each other does not matter there: no parameter is of both."""
        loss = terms["policy"] - self.entropy_weight * terms["entropy"]
        return loss + terms["value"] if self.has_critic else loss

    @property
    def entropy_weight(self) -> float:
        """The bonus fades so that one weight serves unlike rewards: however strong it is at first, the return decides
        in the end, and which weight would be the right one is passed on the way (as in annealing)."""
        half_life = self.config.entropy_half_life
        faded = 1.0 if half_life is None else 0.5 ** (self.tokens_generated / half_life)
        return self.config.entropy_weight * faded

    @property
    def policy_parameters(self) -> list[nn.Parameter]:
        """Those that the policy depends on: all but a critic's."""
        if not self.has_critic:
            return self.parameters
        critic = {id(parameter) for parameter in self._critic.parameters()}
        return [parameter for parameter in self.parameters if id(parameter) not in critic]

    def log_probs_and_entropy(self, batch: TextBatch) -> tuple[Tensor, Tensor, Tensor]:
        """log pi(x_t | x_<t) (M, T), the mean entropy of a text's distributions (), and the hidden states (M, T, H)."""
        layer = self.network.layer_over(batch.token_ids, batch.source_ids)
        log_probs, entropies = self.log_probs_and_entropies(batch, layer)
        return log_probs, entropy(entropies, batch.written), layer.hidden

    def advantage_losses(self, batch: TextBatch, advantages: FloatArray) -> dict[str, Tensor]:
        """The terms `policy` and `entropy` of texts whose tokens have the `advantages` (M, T)."""
        batch = batch.to(self.device)
        log_probs, entropy, _ = self.log_probs_and_entropy(batch)
        policy = policy_gradient_loss(log_probs, self.float_tensor(advantages), batch.written)
        return {"policy": policy, "entropy": entropy}

    def critic_advantages(self, batch: TextBatch, values: Tensor) -> tuple[Tensor, Tensor]:
        """Advantages (M, T) that the tokens are credited with, and targets (M, T) of the critic's `values` (M, T)
        before them: these plus the advantages, unscaled (the lambda-return; Sutton and Barto 2018, equation 12.3).

        With `center_values`, V(x_<t) is the critic's value and the mean of the other texts' rewards-to-go at t. Rewards
        of any unit are so estimated from the first batch on; and as a text has no say in its own mean, that by itself
        biases nothing.
        """
        config, lengths, rewards = self.config, batch.lengths, batch.rewards
        assert isinstance(config, ActorCriticConfig)
        said = values.detach().double().cpu().numpy()
        to_go = reward_to_go(rewards, lengths, config.discount)
        mean = batch_mean_baseline(to_go, lengths) if config.center_values else no_baseline(to_go)
        found = gae(rewards, said + mean, lengths, config.discount, config.gae_lambda)
        credited = scaled_to_unit(found, lengths) if config.scale_advantages else found
        return self.float_tensor(credited), self.float_tensor(found + said)

    def _has_value_head(self) -> bool:
        return self.has_critic

    @property
    def _critic(self) -> nn.Module:
        return self.network.get_submodule("value")

    def _adam(self, learning_rate: float) -> torch.optim.Adam:
        if not isinstance(self.config, ActorCriticConfig):
            return super()._adam(learning_rate)
        critic: dict[str, Any] = {"params": list(self._critic.parameters()), "lr": self.config.value_learning_rate}
        return torch.optim.Adam([{"params": self.policy_parameters}, critic], lr=learning_rate, fused=True)

    def float_tensor(self, array: FloatArray) -> Tensor:
        """An array as float32, on the agent's device."""
        return torch.from_numpy(array).float().to(self.device)
