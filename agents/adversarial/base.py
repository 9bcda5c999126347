"""Base of adversarial agents: algorithm 1 of SeqGAN but for the generator's step. A generator learns from what a
discriminator thinks of its texts, and the discriminator learns from them in turn.

Yu, Zhang, Wang and Yu, "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient" (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import torch

from agents.bases.policy_agent import PolicyAgent
from agents.data.episodes import play
from agents.data.text_batch import TextBatch
from agents.data.training_texts import TrainingTexts
from agents.networks.config import NetworkCell, NetworkConfig
from agents.protocol import Callback, Envs, IntArray
from textgen_env import Texts, text_game
from textgen_env.checks import check_at_least, check_number
from textgen_env.rewards.combine import parts_of


@dataclass(frozen=True)
class AdversarialConfig(NetworkConfig):
    """Hyperparameters of all adversarial agents; the defaults are those of SeqGAN's released code, and of the paper
    where the two agree."""

    hidden_size: int = 32  # H
    cell: NetworkCell = "lstm"
    initial_std: float = 0.1  # all parameters begin as N(0, initial_std^2)
    batch_size: int = 64  # texts an update
    pretrain_epochs: int = 120  # passes over the training texts
    pretrain_learning_rate: float = 0.01  # of Adam; its moments are not those of the g-steps'
    d_pretrain_steps: int = 50  # d-steps before the first g-step
    d_pretrain_epochs: int | None = None  # k of these; None: d_epochs
    learning_rate: float = 0.01  # of Adam, in the g-steps
    g_steps: int = 1  # in a round
    d_steps: int = 5  # in a round; each with texts written anew
    d_epochs: int = 3  # k: passes of a d-step over its texts
    d_samples: int = 10_000  # texts written for a d-step
    max_grad_norm: float = 5.0  # longer gradients are shortened to it

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("batch_size", "g_steps", "d_epochs", "d_samples"):
            check_at_least(name, getattr(self, name))
        for name in ("pretrain_epochs", "d_pretrain_steps", "d_steps"):
            check_at_least(name, getattr(self, name), least=0)
        if self.d_pretrain_epochs is not None:
            check_at_least("d_pretrain_epochs", self.d_pretrain_epochs)
        for name in ("initial_std", "pretrain_learning_rate", "learning_rate", "max_grad_norm"):
            check_number(name, getattr(self, name), above=0)


@runtime_checkable
class TrainableReward(Protocol):
    """Reward that an agent trains: it is told which texts were written, as a `LearnedReward` is."""

    auto_update: bool
    batch_size: int

    def update(self, tokens: Texts, *, steps: int) -> dict[str, float]: ...


class AdversarialAgent(PolicyAgent):
    """Base of adversarial agents: imitates the training texts, trains the environment's reward to tell its own texts
    from them, and then in turn follows the reward (g-steps) and trains it anew (d-steps).

    The environment's reward is the discriminator: `gym.make_vec("TextGen-OracleGAN-v0", ..., reward={"name":
    "discriminator", "auto_update": False})`. With
    a reward that does not learn there are no d-steps; everything else stays as it is, which makes it the control.

    A subclass defines `generator_step`.
    """

    config: AdversarialConfig
    counters = (*PolicyAgent.counters, "d_steps_taken", "adversarial_steps")
    d_steps_taken: int
    adversarial_steps: int

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Goes on with algorithm 1 until `total_tokens` more tokens have been read, written or rolled out. Losses
        reported: `nll` (nats a token), `loss` and `accuracy` of the discriminator, those of the g-step.

        Raises:
            ValueError: envs of another shape, or a reward that learns by itself.
            FloatingPointError: a loss or the gradient is not finite.
        """
        self.spec.check_envs(envs)
        reward = self._trainable_reward(envs)
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
                epochs = config.d_epochs if config.d_pretrain_epochs is None else config.d_pretrain_epochs
                phase, losses = "discriminator", self.discriminator_step(envs, reward, epochs)
            else:
                phase = "adversarial"
                if not self.adversarial_steps:
                    self.begin_game()
                turn = self.adversarial_steps % (config.g_steps + config.d_steps)
                self.adversarial_steps += 1
                if turn < config.g_steps:
                    mean_return, losses = self.generator_step(envs)
                elif reward is not None:
                    losses = self.discriminator_step(envs, reward, config.d_epochs)
                else:
                    continue
            goes_on = self.report_progress(callback, mean_return, losses, phase)
        return self

    def write(self, envs: Envs, quota: IntArray, seed: int) -> TextBatch:
        """Texts of the game, `quota[i]` of each row i, which is seeded by `seed`."""
        masked = text_game(envs).masks_anything
        return play(self.explore, envs, quota, seed=seed, masked=masked).to(self.device)

    def discriminator_step(self, envs: Envs, reward: TrainableReward, epochs: int) -> dict[str, float]:
        """A d-step: `epochs` passes over texts written for it, and as many real ones."""
        config = self.config
        texts, tokens = self._texts_for(envs, config.d_samples)
        self.tokens_generated += tokens
        self.d_steps_taken += 1
        updates = epochs * -(-2 * config.d_samples // reward.batch_size)
        return reward.update(texts, steps=updates)

    def _texts_for(self, envs: Envs, count: int) -> tuple[Texts, int]:
        """Texts as the policy writes them under the game's masks, and the tokens written for them."""
        if not text_game(envs).masks_anything:
            # All at once, without a game.
            texts = self._sample(count, None, self.generator)
            return texts, int(texts.lengths.sum())
        quota = np.full(envs.num_envs, count // envs.num_envs)
        quota[: count % envs.num_envs] += 1
        played = self.write(envs, quota, int(torch.randint(2**31, (), generator=self.generator)))
        return Texts(played.tokens, played.lengths), played.tokens_written

    def begin_game(self) -> None:
        """Called before the first step that is neither imitation nor the discriminator's pre-training."""

    def generator_step(self, envs: Envs) -> tuple[float, dict[str, float]]:
        """A g-step: the mean return of the texts that it wrote, and the losses by name."""
        raise NotImplementedError(f"{type(self).__name__} must define generator_step(envs), its g-step")

    def _initial_std(self) -> float | None:
        return self.config.initial_std

    def _build(self, *args: Any, **kwargs: Any) -> None:
        super()._build(*args, **kwargs)
        self.imitation_optimiser = self._adam(self.config.pretrain_learning_rate)

    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        return {**super()._optimisers(), "imitation_optimiser": self.imitation_optimiser}

    def _trainable_reward(self, envs: Envs) -> TrainableReward | None:
        """The part of the environment's reward that learns, if one does.

        Raises:
            ValueError: it learns by itself, or several do.
        """
        parts = parts_of(text_game(envs).reward)
        learning = [part for part in parts if isinstance(part, TrainableReward)]
        if not learning:
            return None
        if len(learning) > 1:
            raise ValueError(
                f"envs: {len(learning)} parts of their reward learn, but {type(self).__name__} teaches one; combine() "
                "one of them with rewards that do not learn"
            )
        (reward,) = learning
        if reward.auto_update:
            raise ValueError(
                f"envs: their reward learns by itself after every few episodes, but {type(self).__name__} decides when "
                "it learns; make them with reward={'name': 'discriminator', 'auto_update': False}"
            )
        return reward
