"""REINFORCE: the policy follows the gradient of its expected return (Williams 1992, "Simple statistical
gradient-following algorithms for connectionist reinforcement learning")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor

from agents.base import Callback, Envs
from agents.hyperparameters import check_choice, check_number
from agents.losses import entropy, masked_logits, policy_gradient_loss, token_log_probs, value_loss
from agents.policy_agent import PolicyAgent
from agents.returns import batch_mean_baseline, no_baseline, reward_to_go, scaled_to_unit, whole_return, written
from agents.rollout import Episodes, play
from textgen_env.models.language_model import Cell
from textgen_env.tasks.base import check_at_least


@dataclass(frozen=True)
class ReinforceConfig:
    """Hyperparameters, with those of Williams 1992 in brackets where the paper has them."""

    embedding_size: int = 32  # E
    hidden_size: int = 64  # H
    cell: Cell = "gru"  # "lstm" or "gru"
    learning_rate: float = 0.01  # of Adam [plain gradient ascent]
    batch_size: int = 64  # texts an update, rounded up to as many for each row [1]
    credit: Literal["reward_to_go", "whole"] = "reward_to_go"  # what a token is credited with [whole]
    discount: float = 1.0  # of later rewards [1]
    baseline: Literal["none", "batch_mean", "learned"] = "batch_mean"  # learned: added to the mean [running mean]
    value_weight: float = 1.0  # of the learned baseline's error in the loss
    entropy_weight: float = 0.3  # of the entropy bonus, at the start [0; Williams and Peng 1991 add one]
    entropy_half_life: int | None = 100_000  # tokens written until the entropy bonus has halved; None: constant [no]
    scale_advantages: bool = True  # divide them by their root mean square: the reward's unit then hardly matters [no]
    max_grad_norm: float = 5.0  # longer gradients are shortened to it [no]

    def __post_init__(self) -> None:
        for name in ("embedding_size", "hidden_size", "batch_size"):
            check_at_least(name, getattr(self, name))
        if self.entropy_half_life is not None:
            check_at_least("entropy_half_life", self.entropy_half_life)
        check_choice("cell", self.cell, ("lstm", "gru"))
        check_choice("credit", self.credit, ("reward_to_go", "whole"))
        check_choice("baseline", self.baseline, ("none", "batch_mean", "learned"))
        check_number("discount", self.discount, most=1)
        for name in ("learning_rate", "max_grad_norm"):
            check_number(name, getattr(self, name), above=0)
        for name in ("value_weight", "entropy_weight"):
            check_number(name, getattr(self, name))


class Reinforce(PolicyAgent):
    """Maximises E[sum_t r_t] by the gradient E[sum_t (G_t - b_t) grad log pi(x_t | x_<t)]."""

    config_class = ReinforceConfig
    config: ReinforceConfig

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Learns until `total_tokens` more tokens have been written. The environment is reset and seeded from the
        agent's own generator. Losses reported: `policy`, `entropy` and with a learned baseline `value`.

        Raises:
            ValueError: envs of another shape.
            FloatingPointError: a loss or the gradient is not finite.
        """
        self.spec.check_envs(envs)
        until = self.tokens_generated + check_at_least("total_tokens", total_tokens)
        quota = np.full(envs.num_envs, -(-self.config.batch_size // envs.num_envs))
        seed: int | None = int(torch.randint(2**31, (), generator=self.generator))
        while self.tokens_generated < until:
            episodes = play(self.explore, envs, quota, seed=seed, masked=True)
            seed = None
            self.tokens_generated += episodes.tokens_written
            terms = self.losses(episodes)
            losses = self._descend(self.total_loss(terms), terms)
            if not self._goes_on(callback, float(episodes.returns.mean()), losses):
                break
        return self

    def losses(self, episodes: Episodes) -> dict[str, Tensor]:
        """The terms of the loss for texts that this policy wrote."""
        config, lengths = self.config, episodes.lengths
        credited = reward_to_go if config.credit == "reward_to_go" else whole_return
        returns = credited(episodes.rewards, lengths, config.discount)
        tokens = torch.from_numpy(episodes.tokens)
        counted = written(lengths, self.spec.max_length)
        is_written = torch.from_numpy(counted)
        hidden = self.network.hidden(tokens, None if episodes.sources is None else torch.from_numpy(episodes.sources))
        allowed = None if episodes.masks is None else torch.from_numpy(episodes.masks)
        logits = masked_logits(self.network.logits(hidden), allowed)
        terms = {}
        baseline = no_baseline(returns) if config.baseline == "none" else batch_mean_baseline(returns, lengths)
        if config.baseline == "learned":
            values = self.network.values(hidden)
            terms["value"] = value_loss(values, torch.from_numpy(returns - baseline).float(), is_written)
            baseline = baseline + values.detach().double().numpy()
        advantages = (returns - baseline) * counted
        if config.scale_advantages:
            advantages = scaled_to_unit(advantages, lengths)
        log_probs = token_log_probs(logits, tokens, is_written)
        terms["policy"] = policy_gradient_loss(log_probs, torch.from_numpy(advantages).float(), is_written)
        terms["entropy"] = entropy(logits, is_written)
        return terms

    def total_loss(self, terms: dict[str, Tensor]) -> Tensor:
        """policy + value_weight * value - entropy_weight * 2^(-tokens / half-life) * entropy.

        The bonus fades so that one weight serves unlike rewards: however strong it is at first, the return decides in
        the end, and which weight would be the right one is passed on the way (as in annealing).
        """
        half_life = self.config.entropy_half_life
        faded = 1.0 if half_life is None else 0.5 ** (self.tokens_generated / half_life)
        loss = terms["policy"] - self.config.entropy_weight * faded * terms["entropy"]
        return loss + self.config.value_weight * terms["value"] if "value" in terms else loss

    def _has_value_head(self) -> bool:
        return self.config.baseline == "learned"
