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
from agents.data.text_batch import TextBatch
from agents.functional.losses import policy_gradient_loss
from agents.functional.returns import batch_mean_baseline, written
from agents.protocol import Envs, FloatArray, IntArray
from textgen_env import text_game
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


class RolloutPolicyGradient:
    """Generator step by roll-outs, a part of an agent: the policy gradient of the environment's reward, each token
    credited with the mean score of the texts that a roll-out policy goes on to write from it.

    Args:
        agent: whose network is the generator.
        config: its hyperparameters.

    Attributes:
        network: the roll-out policy; at a `rollout_rate` of 1 it is the generator itself.
    """

    def __init__(self, agent: AdversarialAgent, config: SeqGANConfig) -> None:
        self.agent, self.config = agent, config
        self.network = agent.network if config.rollout_rate == 1.0 else deepcopy(agent.network)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Those that are saved, by name."""
        return {} if self.network is self.agent.network else {"rollout_network": self.network}

    def begin(self) -> None:
        """The roll-out policy begins as the generator."""
        self.network.load_state_dict(self.agent.network.state_dict())

    def step(self, envs: Envs) -> tuple[float, dict[str, float]]:
        """A g-step: sum_n sum_t Q(x_{n,<t}, x_{n,t}) grad log pi(x_{n,t} | x_{n,<t}), equation 8."""
        agent = self.agent
        quota = np.full(envs.num_envs, -(-self.config.batch_size // envs.num_envs))
        seed = int(torch.randint(2**31, (), generator=agent.generator))
        batch = agent.write(envs, quota, seed)
        mean, rolled_out = self.loss(envs, batch)
        agent.tokens_generated += batch.tokens_written
        agent.tokens_rolled_out += rolled_out
        # The sum over the batch, as the released code has it: the bound on the gradient's length is then met.
        loss = mean * len(batch)
        losses = agent.gradient_step(loss, {"policy": loss}, batch=batch)
        self._update_network()
        return float(batch.returns.mean()), losses

    def policy_loss(self, envs: Envs, quota: IntArray, seed: int) -> tuple[Tensor, int]:
        """As `agents.exact.HasPolicyLoss`: of a g-step, but for its texts' mean in place of their sum."""
        batch = self.agent.write(envs, quota, seed)
        loss, rolled_out = self.loss(envs, batch)
        return loss, batch.tokens_written + rolled_out

    def loss(self, envs: Envs, batch: TextBatch) -> tuple[Tensor, int]:
        """-mean_n sum_t Q(x_{n,<t}, x_{n,t}) log pi(x_{n,t} | x_{n,<t}) (), Q less the baseline; and the tokens rolled
        out for it."""
        agent = self.agent
        values, rolled_out = self.values(envs, batch)
        if self.config.baseline == "batch_mean":
            values = values - batch_mean_baseline(values, batch.lengths)
        batch = batch.to(agent.device)
        layer = agent.network.layer_over(batch.token_ids, batch.source_ids)
        log_probs, _ = agent.log_probs_and_entropies(batch, layer)
        advantages = torch.from_numpy(values).float().to(agent.device)
        return policy_gradient_loss(log_probs, advantages, batch.written), rolled_out

    def values(self, envs: Envs, batch: TextBatch) -> tuple[FloatArray, int]:
        """Q(x_{<t}, x_t) of every token of the texts (M, T), in the reward's unit; and the tokens rolled out for
        them."""
        config, spec, returns, game = self.config, self.agent.spec, batch.returns, text_game(envs)
        if config.credit == "softmax":
            shares = torch.from_numpy(returns).softmax(0).numpy()
            returns = shares - shares.mean()
        if not config.rollouts:
            return returns[:, None] * written(batch.lengths, spec.max_length), 0
        rollouts = roll_out(
            self.network,
            batch.tokens,
            batch.lengths,
            config.rollouts,
            self.agent.generator,
            spec.eos_id,
            batch.sources,
            game.allowed_tokens if game.masks_anything else None,
        )
        sources = None if batch.source_rows is None else batch.source_rows[rollouts.texts]
        scores = game.score(rollouts.tokens, rollouts.lengths, sources)
        values = action_values(rollouts, scores, returns, batch.lengths, spec.max_length)
        return values, rollouts.tokens_written

    @torch.no_grad()
    def _update_network(self) -> None:
        if self.network is not self.agent.network:
            for theirs, ours in zip(self.network.parameters(), self.agent.network.parameters(), strict=True):
                theirs.lerp_(ours, self.config.rollout_rate)


class SeqGAN(AdversarialAgent):
    """Generator that follows the policy gradient of the environment's reward, the discriminator, by roll-outs.

    `credit="softmax"`, `rollouts=0` and a discriminator that pays log-odds make it MaliGAN (Che et al., "Maximum-
    Likelihood Augmented Discrete Generative Adversarial Networks", 2017, equation 4): a text's weight is its share
    D / (1 - D) in the batch, less the mean share. A ranker in the discriminator's place, `reward="ranker"` in the same
    environments, makes it RankGAN (Lin et al., "Adversarial Ranking for Language Generation", 2017).
    """

    config_class = SeqGANConfig
    config: SeqGANConfig

    def begin_game(self) -> None:
        """The roll-out policy begins as the generator."""
        self.rollouts.begin()

    def generator_step(self, envs: Envs) -> tuple[float, dict[str, float]]:
        """A g-step, equation 8; see `RolloutPolicyGradient`."""
        return self.rollouts.step(envs)

    def policy_loss(self, envs: Envs, quota: IntArray, seed: int) -> tuple[Tensor, int]:
        """As `agents.exact.HasPolicyLoss`."""
        return self.rollouts.policy_loss(envs, quota, seed)

    def _build(self, *args: Any, **kwargs: Any) -> None:
        super()._build(*args, **kwargs)
        self.rollouts = RolloutPolicyGradient(self, self.config)

    def _networks(self) -> dict[str, nn.Module]:
        return {**super()._networks(), **self.rollouts.networks}
