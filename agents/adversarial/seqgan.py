"""SeqGAN: a generator that follows the policy gradient of what a discriminator thinks of its texts.

Yu, Zhang, Wang and Yu, "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient" (2017), algorithm 1.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from agents.adversarial.base import AdversarialAgent, AdversarialConfig
from agents.adversarial.rollouts import action_values, roll_out
from agents.data.episodes import Episodes
from agents.functional.losses import masked_logits, policy_gradient_loss, token_log_probs
from agents.functional.returns import batch_mean_baseline, written
from agents.policy_gradient.base import Played
from agents.protocol import Envs, FloatArray, IntArray
from textgen_env.checks import check_at_least, check_choice, check_number


@dataclass(frozen=True)
class SeqGANConfig(AdversarialConfig):
    """Hyperparameters; the defaults are those of the released code, and of the paper where the two agree."""

    rollouts: int = 16  # N: continuations of each prefix; 0: every token is credited with the text's own score
    rollout_rate: float = 1.0  # of the roll-out policy's update towards the generator; 1: it is the generator
    credit: Literal["score", "softmax"] = "score"  # what a text earns: its score, or its share in the batch (MaliGAN)
    baseline: Literal["none", "batch_mean"] = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("rollouts", self.rollouts, least=0)
        check_choice("credit", self.credit, ("score", "softmax"))
        check_choice("baseline", self.baseline, ("none", "batch_mean"))
        check_number("rollout_rate", self.rollout_rate, above=0, most=1)
        if self.credit == "softmax" and self.rollouts:
            raise ValueError(f"credit='softmax' weighs whole texts: rollouts={self.rollouts} must be 0")


class SeqGAN(AdversarialAgent):
    """Follows the policy gradient of the environment's reward, the discriminator, by roll-outs.

    `credit="softmax"`, `rollouts=0` and a discriminator that pays log-odds make it MaliGAN (Che et al., "Maximum-
    Likelihood Augmented Discrete Generative Adversarial Networks", 2017, equation 4): a text's weight is its share
    D / (1 - D) in the batch, less the mean share. A ranker in the discriminator's place, `reward="ranker"` in the same
    environments, makes it RankGAN (Lin et al., "Adversarial Ranking for Language Generation", 2017).
    """

    config_class = SeqGANConfig
    config: SeqGANConfig

    def begin_game(self) -> None:
        """The roll-out policy begins as the generator."""
        self.rollout_network.load_state_dict(self.network.state_dict())

    def follow(self, envs: Envs) -> tuple[float, dict[str, float]]:
        """A g-step: sum_n sum_t Q(x_{n,<t}, x_{n,t}) grad log pi(x_{n,t} | x_{n,<t}), equation 8."""
        config = self.config
        quota = np.full(envs.num_envs, -(-config.batch_size // envs.num_envs))
        seed = int(torch.randint(2**31, (), generator=self.generator))
        episodes = self.write(envs, quota, seed)
        mean, rolled_out = self.rollout_loss(envs, episodes)
        self.tokens_generated += episodes.tokens_written
        self.tokens_rolled_out += rolled_out
        # The sum over the batch, as the released code has it: the bound on the gradient's length is then met.
        loss = mean * len(episodes.lengths)
        losses = self._descend(loss, {"policy": loss}, batch=episodes)
        self._follow_with_rollout_policy()
        return float(episodes.returns.mean()), losses

    def policy_loss(self, envs: Envs, quota: IntArray, seed: int) -> tuple[Tensor, int]:
        """As `agents.exact.HasPolicyLoss`: of a g-step, but for its texts' mean in place of their sum."""
        episodes = self.write(envs, quota, seed)
        loss, rolled_out = self.rollout_loss(envs, episodes)
        return loss, episodes.tokens_written + rolled_out

    def rollout_loss(self, envs: Envs, episodes: Episodes) -> tuple[Tensor, int]:
        """-mean_n sum_t Q(x_{n,<t}, x_{n,t}) log pi(x_{n,t} | x_{n,<t}) (), Q less the baseline; and the tokens rolled
        out for it."""
        values, rolled_out = self.values(envs, episodes)
        if self.config.baseline == "batch_mean":
            values = values - batch_mean_baseline(values, episodes.lengths)
        played = Played.of(episodes, self.device)
        logits = self.network.logits(self.network.hidden(played.tokens, played.sources))
        log_probs = token_log_probs(masked_logits(logits, played.allowed), played.tokens, played.written)
        advantages = torch.from_numpy(values).float().to(self.device)
        return policy_gradient_loss(log_probs, advantages, played.written), rolled_out

    def values(self, envs: Envs, episodes: Episodes) -> tuple[FloatArray, int]:
        """Q(x_{<t}, x_t) of every token of the episodes' texts (N, T), in the reward's unit; and the tokens rolled out
        for them."""
        config, returns, core = self.config, episodes.returns, envs.unwrapped.core  # type: ignore[attr-defined]
        if config.credit == "softmax":
            shares = torch.from_numpy(returns).softmax(0).numpy()
            returns = shares - shares.mean()
        if not config.rollouts:
            return returns[:, None] * written(episodes.lengths, self.spec.max_length), 0
        rollouts = roll_out(
            self.rollout_network,
            episodes.tokens,
            episodes.lengths,
            config.rollouts,
            self.generator,
            self.spec.eos_id,
            episodes.sources,
            core.masks.allowed if core.masks.any else None,
        )
        sources = None if episodes.source_rows is None else episodes.source_rows[rollouts.texts]
        scores = envs.unwrapped.score(rollouts.tokens, rollouts.lengths, sources)  # type: ignore[attr-defined]
        values = action_values(rollouts, scores, returns, episodes.lengths, self.spec.max_length)
        return values, rollouts.tokens_written

    def _build(self, *args: Any, **kwargs: Any) -> None:
        super()._build(*args, **kwargs)
        # At the rate of 1 the roll-out policy is the generator itself.
        self.rollout_network = self.network if self.config.rollout_rate == 1.0 else deepcopy(self.network)

    @torch.no_grad()
    def _follow_with_rollout_policy(self) -> None:
        if self.rollout_network is not self.network:
            for theirs, ours in zip(self.rollout_network.parameters(), self.network.parameters(), strict=True):
                theirs.lerp_(ours, self.config.rollout_rate)

    def _networks(self) -> dict[str, nn.Module]:
        shared = self.rollout_network is self.network
        return super()._networks() if shared else {**super()._networks(), "rollout_network": self.rollout_network}
