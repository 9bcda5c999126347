"""What the agents share that learn from whole texts of their own: play a batch, and take a step down a loss of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from agents.bases.episodic import EpisodicLearner
from agents.bases.policy_agent import PolicyAgent
from agents.data.episodes import Episodes
from agents.functional.losses import entropy, masked_logits, policy_gradient_loss, token_log_probs
from agents.functional.returns import written
from agents.networks.config import NetworkConfig
from agents.protocol import Envs, FloatArray, IntArray
from textgen_env.checks import check_at_least, check_number


@dataclass(frozen=True)
class PolicyGradientConfig(NetworkConfig):
    """The hyperparameters that all of them have."""

    learning_rate: float = 0.01  # of Adam
    batch_size: int = 64  # texts an update, rounded up to as many for each row
    discount: float = 1.0  # of later rewards
    entropy_weight: float = 0.3  # of the entropy bonus, at the start
    entropy_half_life: int | None = 100_000  # tokens written until the entropy bonus has halved; None: constant
    max_grad_norm: float = 5.0  # longer gradients are shortened to it

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("batch_size", self.batch_size)
        if self.entropy_half_life is not None:
            check_at_least("entropy_half_life", self.entropy_half_life)
        check_number("discount", self.discount, most=1)
        for name in ("learning_rate", "max_grad_norm"):
            check_number(name, getattr(self, name), above=0)
        check_number("entropy_weight", self.entropy_weight)


@dataclass(frozen=True)
class Played:
    """Episodes as the network reads them.

    Attributes:
        tokens, written: (N, T) int64 and bool.
        allowed: (N, T, V) bool, or None where everything was.
        sources: (N, S) int64, or None.
    """

    tokens: Tensor
    written: Tensor
    allowed: Tensor | None
    sources: Tensor | None

    @classmethod
    def of(cls, episodes: Episodes, device: torch.device) -> Self:
        """The episodes' arrays as tensors."""
        counted = written(episodes.lengths, episodes.tokens.shape[1])
        arrays = episodes.tokens, counted, episodes.masks, episodes.sources
        return cls(*(None if array is None else torch.from_numpy(array).to(device) for array in arrays))  # type: ignore[arg-type]

    def take(self, rows: Tensor) -> Self:
        """The texts numbered `rows` (M,)."""
        return type(self)(*(None if part is None else part[rows] for part in vars(self).values()))  # type: ignore[arg-type]


class PolicyGradientAgent(EpisodicLearner, PolicyAgent):
    """Plays a batch of texts, takes a step down `total_loss` of them, and begins again.

    A subclass defines `losses`; one that does more with a batch than a single step of Adam defines `learn` as well.
    """

    config: PolicyGradientConfig

    def learn(self, episodes: Episodes) -> dict[str, float]:
        """Takes what there is to be learned from texts that this policy has just written; the losses, by name."""
        terms = self.losses(episodes)
        return self._descend(self.total_loss(terms), terms, batch=episodes)

    def losses(self, episodes: Episodes) -> dict[str, Tensor]:
        """The terms of the loss for texts that this policy wrote: `policy`, `entropy`, ..."""
        raise NotImplementedError(f"{type(self).__name__} must define losses(episodes), the terms of its loss by name")

    def policy_loss(self, envs: Envs, quota: IntArray, seed: int) -> tuple[Tensor, int]:
        """As `agents.exact.HasPolicyLoss`: the term `policy`."""
        episodes = self.gather(envs, quota, seed)
        return self.losses(episodes)["policy"], episodes.tokens_written

    def total_loss(self, terms: dict[str, Tensor]) -> Tensor:
        """policy - entropy_weight * 2^(-tokens / half-life) * entropy."""
        return terms["policy"] - self.entropy_weight * terms["entropy"]

    @property
    def entropy_weight(self) -> float:
        """The bonus fades so that one weight serves unlike rewards: however strong it is at first, the return decides
        in the end, and which weight would be the right one is passed on the way (as in annealing)."""
        half_life = self.config.entropy_half_life
        faded = 1.0 if half_life is None else 0.5 ** (self.tokens_generated / half_life)
        return self.config.entropy_weight * faded

    def distributions(self, played: Played) -> tuple[Tensor, Tensor]:
        """Logits (N, T, V) of each token that was written, forbidden ones masked, and the hidden states (N, T, H) that
        they were read off."""
        hidden = self.network.hidden(played.tokens, played.sources)
        return masked_logits(self.network.logits(hidden), played.allowed), hidden

    def log_probs_and_entropy(self, played: Played) -> tuple[Tensor, Tensor, Tensor]:
        """log pi(x_t | x_<t) (N, T), the mean entropy of a text's distributions (), and the hidden states (N, T, H)."""
        logits, hidden = self.distributions(played)
        return token_log_probs(logits, played.tokens, played.written), entropy(logits, played.written), hidden

    def weighed(self, episodes: Episodes, advantages: FloatArray) -> dict[str, Tensor]:
        """The terms `policy` and `entropy` of texts whose tokens have the `advantages` (N, T)."""
        played = Played.of(episodes, self.device)
        log_probs, entropy, _ = self.log_probs_and_entropy(played)
        policy = policy_gradient_loss(log_probs, self._float(advantages), played.written)
        return {"policy": policy, "entropy": entropy}

    def _float(self, array: FloatArray) -> Tensor:
        return torch.from_numpy(array).float().to(self.device)
