"""SeqGAN: a generator that follows the policy gradient of what a discriminator thinks of its texts.

Yu, Zhang, Wang and Yu, "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient" (2017), algorithm 1.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
import torch
from torch import nn

from agents.base import Callback, Envs, FloatArray
from agents.hyperparameters import check_choice, check_number
from agents.imitation import TrainingTexts
from agents.losses import policy_gradient_loss, token_log_probs
from agents.monte_carlo import action_values, roll_out
from agents.network_config import NetworkCell, NetworkConfig
from agents.policy_agent import PolicyAgent
from agents.returns import batch_mean_baseline, written
from agents.rollout import Episodes, play
from textgen_env import Texts
from textgen_env.tasks.base import check_at_least


@dataclass(frozen=True)
class SeqGANConfig(NetworkConfig):
    """Hyperparameters; the defaults are those of the released code, and of the paper where the two agree."""

    hidden_size: int = 32  # H
    cell: NetworkCell = "lstm"
    initial_std: float = 0.1  # all parameters begin as N(0, initial_std^2)
    batch_size: int = 64  # texts an update
    pretrain_epochs: int = 120  # passes over the training texts
    pretrain_learning_rate: float = 0.01  # of Adam; its moments are not those of the policy gradient's
    d_pretrain_steps: int = 50  # d-steps before the first g-step
    learning_rate: float = 0.01  # of Adam, in the g-steps
    g_steps: int = 1  # in a round
    d_steps: int = 5  # in a round; each with texts written anew
    d_epochs: int = 3  # k: passes of a d-step over its texts
    d_samples: int = 10_000  # texts written for a d-step
    rollouts: int = 16  # N: continuations of each prefix; 0: every token is credited with the text's own score
    rollout_rate: float = 1.0  # of the roll-out policy's update towards the generator; 1: it is the generator
    credit: Literal["score", "softmax"] = "score"  # what a text earns: its score, or its share in the batch (MaliGAN)
    baseline: Literal["none", "batch_mean"] = "none"
    max_grad_norm: float = 5.0  # longer gradients are shortened to it

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("batch_size", "g_steps", "d_epochs", "d_samples"):
            check_at_least(name, getattr(self, name))
        for name in ("pretrain_epochs", "d_pretrain_steps", "d_steps", "rollouts"):
            check_at_least(name, getattr(self, name), least=0)
        check_choice("credit", self.credit, ("score", "softmax"))
        check_choice("baseline", self.baseline, ("none", "batch_mean"))
        for name in ("initial_std", "pretrain_learning_rate", "learning_rate", "max_grad_norm"):
            check_number(name, getattr(self, name), above=0)
        check_number("rollout_rate", self.rollout_rate, above=0, most=1)
        if self.credit == "softmax" and self.rollouts:
            raise ValueError(f"credit='softmax' weighs whole texts: rollouts={self.rollouts} must be 0")


@runtime_checkable
class LearningReward(Protocol):
    """A reward that is taught which texts were written, as a `LearnedReward` is."""

    auto_update: bool
    d_batch_size: int

    def update(self, tokens: Texts, *, steps: int) -> dict[str, float]: ...


class SeqGAN(PolicyAgent):
    """Imitates the training texts, teaches the environment's reward to tell its own from them, and then in turn follows
    the reward's gradient (g-steps) and teaches the reward anew (d-steps).

    The environment's reward is the discriminator: `gym.make_vec("TextGen-OracleGAN-v0", ..., auto_update=False)`. With
    a reward that does not learn, such as BLEU, the constant or the random one, there are no d-steps; everything else
    stays as it is, which makes it the control.

    `credit="softmax"`, `rollouts=0` and a discriminator that pays log-odds make it MaliGAN (Che et al., "Maximum-
    Likelihood Augmented Discrete Generative Adversarial Networks", 2017, equation 4): a text's weight is its share
    D / (1 - D) in the batch, less the mean share. A ranker in the discriminator's place, `reward="ranker"` in the same
    environments, makes it RankGAN (Lin et al., "Adversarial Ranking for Language Generation", 2017).
    """

    config_class = SeqGANConfig
    config: SeqGANConfig
    counters = (*PolicyAgent.counters, "d_steps_taken", "adversarial_steps")
    d_steps_taken: int
    adversarial_steps: int

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Goes on with algorithm 1 until `total_tokens` more tokens have been read, written or rolled out. Losses
        reported: `nll` (nats a token), `loss` and `accuracy` of the discriminator, `policy`.

        Raises:
            ValueError: envs of another shape, or a reward that learns by itself.
            FloatingPointError: a loss or the gradient is not finite.
        """
        self.spec.check_envs(envs)
        reward = _teachable(envs)
        until = self.tokens_spent + check_at_least("total_tokens", total_tokens)
        config = self.config
        texts = TrainingTexts(envs, self.spec, config.batch_size, self.order_seed, self.device)
        pretraining = config.pretrain_epochs * texts.batches_per_pass
        goes_on = True
        while goes_on and self.tokens_spent < until:
            mean_return = float("nan")
            if self.batches_read < pretraining:
                batch = texts.batch(self.batches_read)
                phase, losses = "mle", self.imitate(batch, self.imitation_optimiser)
            elif reward is not None and self.d_steps_taken < config.d_pretrain_steps:
                phase, losses = "discriminator", self._teach(reward)
            else:
                phase = "adversarial"
                if not self.adversarial_steps:
                    self.rollout_network.load_state_dict(self.network.state_dict())
                turn = self.adversarial_steps % (config.g_steps + config.d_steps)
                self.adversarial_steps += 1
                if turn < config.g_steps:
                    mean_return, losses = self._follow(envs)
                elif reward is not None:
                    losses = self._teach(reward)
                else:
                    continue
            goes_on = self._goes_on(callback, mean_return, losses, phase)
        return self

    def _teach(self, reward: LearningReward) -> dict[str, float]:
        """A d-step: k passes over texts written for it, and as many real ones."""
        config = self.config
        texts = self._sample(config.d_samples, None, self.generator)
        self.tokens_generated += int(texts.lengths.sum())
        self.d_steps_taken += 1
        updates = config.d_epochs * -(-2 * config.d_samples // reward.d_batch_size)
        return reward.update(texts, steps=updates)

    def _follow(self, envs: Envs) -> tuple[float, dict[str, float]]:
        """A g-step: sum_n sum_t Q(x_{n,<t}, x_{n,t}) grad log pi(x_{n,t} | x_{n,<t}), equation 8."""
        config = self.config
        quota = np.full(envs.num_envs, -(-config.batch_size // envs.num_envs))
        seed = int(torch.randint(2**31, (), generator=self.generator))
        episodes = play(self.explore, envs, quota, seed=seed)
        self.tokens_generated += episodes.tokens_written
        values = self.values(envs, episodes)
        if config.baseline == "batch_mean":
            values = values - batch_mean_baseline(values, episodes.lengths)
        tokens = torch.from_numpy(episodes.tokens).to(self.device)
        is_written = torch.from_numpy(written(episodes.lengths, self.spec.max_length)).to(self.device)
        sources = None if episodes.sources is None else torch.from_numpy(episodes.sources).to(self.device)
        log_probs = token_log_probs(self.network.logits(self.network.hidden(tokens, sources)), tokens, is_written)
        advantages = torch.from_numpy(values).float().to(self.device)
        # The sum over the batch, as the released code has it: the bound on the gradient's length is then met.
        loss = policy_gradient_loss(log_probs, advantages, is_written) * len(tokens)
        losses = self._descend(loss, {"policy": loss}, batch=episodes)
        self._follow_with_rollout_policy()
        return float(episodes.returns.mean()), losses

    def values(self, envs: Envs, episodes: Episodes) -> FloatArray:
        """Q(x_{<t}, x_t) of every token of the episodes' texts (N, T), in the reward's unit."""
        config, returns = self.config, episodes.returns
        if config.credit == "softmax":
            shares = torch.from_numpy(returns).softmax(0).numpy()
            returns = shares - shares.mean()
        if not config.rollouts:
            return returns[:, None] * written(episodes.lengths, self.spec.max_length)
        rollouts = roll_out(
            self.rollout_network,
            episodes.tokens,
            episodes.lengths,
            config.rollouts,
            self.generator,
            self.spec.eos_id,
            episodes.sources,
        )
        self.tokens_rolled_out += rollouts.tokens_written
        sources = None if episodes.source_rows is None else episodes.source_rows[rollouts.texts]
        scores = envs.unwrapped.score(rollouts.tokens, rollouts.lengths, sources)  # type: ignore[attr-defined]
        return action_values(rollouts, scores, returns, episodes.lengths, self.spec.max_length)

    def _initial_std(self) -> float | None:
        return self.config.initial_std

    def _build(self, *args: Any, **kwargs: Any) -> None:
        super()._build(*args, **kwargs)
        self.imitation_optimiser = self._adam(self.config.pretrain_learning_rate)
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

    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        return {**super()._optimisers(), "imitation_optimiser": self.imitation_optimiser}


def _teachable(envs: Envs) -> LearningReward | None:
    """The environment's reward if it learns.

    Raises:
        ValueError: it learns by itself.
    """
    reward = envs.unwrapped.reward  # type: ignore[attr-defined]
    if not isinstance(reward, LearningReward):
        return None
    if reward.auto_update:
        raise ValueError(
            "envs: their reward learns by itself after every few episodes, but SeqGAN decides when it learns; make "
            "them with auto_update=False"
        )
    return reward
