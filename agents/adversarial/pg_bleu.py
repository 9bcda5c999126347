"""PG-BLEU: a pre-trained generator that follows the policy gradient of its texts' BLEU, SeqGAN's strongest rival.

Yu, Zhang, Wang and Yu, "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient" (2017), section "Synthetic
Data Experiments": algorithm 1 with BLEU against the training texts in the discriminator's place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor, nn

from agents.adversarial.base import AdversarialAgent
from agents.adversarial.seqgan import RolloutPolicyGradient, SeqGANConfig
from agents.protocol import Callback, Envs, IntArray
from textgen_env import text_game
from textgen_env.rewards.bleu import BleuReward


@dataclass(frozen=True)
class PGBleuConfig(SeqGANConfig):
    """Hyperparameters of SeqGAN, with the values of the released baseline where they differ. Nothing learns but the
    generator: there are no d-steps."""

    pretrain_epochs: int = 200  # passes over the training texts
    pretrain_learning_rate: float = 0.001  # of Adam
    learning_rate: float = 0.001  # of Adam, in the g-steps, of which there were 800
    rollouts: int = 1  # N: continuations of each prefix
    d_pretrain_steps: int = 0
    d_steps: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("d_pretrain_steps", "d_steps"):
            if getattr(self, name):
                raise ValueError(f"{name}={getattr(self, name)} must be 0: BLEU is a reward that does not learn")


class PGBleu(AdversarialAgent):
    """Generator that imitates the training texts, and then follows the gradient of BLEU, each token credited with the
    mean BLEU of the texts that it may begin."""

    config_class = PGBleuConfig
    config: PGBleuConfig

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Pre-training and then g-steps, until `total_tokens` more tokens have been read, written or rolled out; see
        `AdversarialAgent.train`.

        Raises:
            ValueError: envs of another shape, or whose reward is not BLEU.
            FloatingPointError: a loss or the gradient is not finite.
        """
        self.spec.check_envs(envs)
        reward = text_game(envs).reward
        if not isinstance(reward, BleuReward):
            raise ValueError(
                f"envs: their reward is {type(reward).__name__}, but PGBleu follows BLEU; make them as the paper's "
                'are: gymnasium.make_vec("TextGen-OracleBLEU-v0", num_envs=64, reward_mode="terminal", reward={"name": '
                '"bleu", "max_order": 3, "smooth_method": "none", "effective_order": False})'
            )
        return super().train(envs, total_tokens, callback)

    def begin_game(self) -> None:
        """The roll-out policy begins as the generator."""
        self.rollouts.begin()

    def generator_step(self, envs: Envs) -> tuple[float, dict[str, float]]:
        """A g-step, SeqGAN's; see `RolloutPolicyGradient`."""
        return self.rollouts.step(envs)

    def policy_loss(self, envs: Envs, quota: IntArray, seed: int) -> tuple[Tensor, int]:
        """As `agents.exact.HasPolicyLoss`."""
        return self.rollouts.policy_loss(envs, quota, seed)

    def _build(self, *args: Any, **kwargs: Any) -> None:
        super()._build(*args, **kwargs)
        self.rollouts = RolloutPolicyGradient(self, self.config)

    def _networks(self) -> dict[str, nn.Module]:
        return {**super()._networks(), **self.rollouts.networks}
