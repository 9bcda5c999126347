"""Sizes of the SeqGAN paper's tables: the rows that all of them have, and their budgets.

Yu, Zhang, Wang and Yu (2017). Every adversarial algorithm, and every control of one, begins as the maximum-likelihood
agent of its seed and takes as many steps of its generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.specs.experiment import Algorithm

BATCH, ROLLOUTS = 64, 16
NETWORK = {"embedding_size": 32, "hidden_size": 32, "cell": "lstm"}
STEADY = {"learning_rate": 0.003, "baseline": "batch_mean"}
TEMPERATURES = (0.5, 0.75, 0.9, 1.1, 1.25, 1.5)
# The paper's network; the environment's own default is for a laptop.
PAPER_DISCRIMINATOR = {
    "embedding_size": 64,
    "widths": [*range(1, 11), 15, 20],
    "counts": [100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160],
    "learning_rate": 1e-4,
}
# The paper's for texts of 32 tokens.
PAPER_DISCRIMINATOR_32 = {
    **PAPER_DISCRIMINATOR,
    "widths": [*range(1, 11), 16, 24, 32],
    "counts": [100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160, 160],
}
PAPER_LIKELIHOOD = {"learning_rate": 0.01, "initial_std": 0.1}


@dataclass(frozen=True, kw_only=True)
class AdversarialSize:
    """Size of a table: what differs between its sizes, and its rows.

    Attributes:
        game: name of the ids: TextGen-`game`-v0, TextGen-`game`GAN-v0.
        env_kwargs: of all environments.
        texts: that likelihood learns from.
        length: tokens of a text: T, or the mean where it varies, which makes the counts below means, too.
        mle_epochs: of maximum likelihood.
        g_steps: generator steps of each algorithm that follows a reward.
        d_steps, d_epochs, d_samples: between two of them; see `agents.adversarial.seqgan.SeqGANConfig`.
        d_pretrain_steps: before the first.
        rollouts: continuations of each prefix.
        discriminator: arguments of the discriminator.
        likelihood: settings of maximum likelihood.
    """

    game: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    texts: int
    length: int
    mle_epochs: int
    g_steps: int
    d_steps: int
    d_epochs: int
    d_samples: int
    d_pretrain_steps: int
    rollouts: int = ROLLOUTS
    discriminator: Mapping[str, Any] = field(default_factory=dict)
    likelihood: Mapping[str, Any] = field(default_factory=lambda: {"learning_rate": 0.01})

    @property
    def env_id(self) -> str:
        """The game without a discriminator, which everything is measured in."""
        return f"TextGen-{self.game}-v0"

    @property
    def mle_tokens(self) -> int:
        """Tokens that maximum likelihood reads."""
        return self.mle_epochs * self.texts * self.length

    @property
    def step_tokens(self) -> int:
        """Of the texts of a generator step."""
        return BATCH * self.length

    @property
    def tail_tokens(self) -> int:
        """Of one continuation of each prefix of theirs."""
        return BATCH * self.length * (self.length - 1) // 2

    @property
    def followed(self) -> dict[str, Any]:
        """Settings of what follows a reward."""
        return {**NETWORK, "pretrain_epochs": 0, "batch_size": BATCH}

    def mle(self) -> Algorithm:
        """Maximum likelihood."""
        return Algorithm("MLE", "mle", self.mle_tokens, hyperparameters={**NETWORK, **self.likelihood})

    def tempered(self) -> tuple[Algorithm, ...]:
        """Maximum likelihood at other temperatures."""
        return tuple(
            Algorithm(
                f"MLE-T{temperature:g}",
                "tempered",
                hyperparameters={**NETWORK, "temperature": temperature},
                init_from="MLE",
            )
            for temperature in TEMPERATURES
        )

    def adversarial(
        self,
        label: str,
        settings: Mapping[str, Any],
        output: str,
        reward: Mapping[str, Any] | None = None,
        rollouts: int | None = None,
    ) -> Algorithm:
        """A generator that follows a discriminator which learns.

        Args:
            label: of the row.
            settings: of the agent, besides those that all rows have.
            output: of the discriminator.
            reward: arguments that replace the discriminator's.
            rollouts: where they differ from the others'.
        """
        rollouts = self.rollouts if rollouts is None else rollouts
        taught = (self.g_steps * self.d_steps + self.d_pretrain_steps) * self.d_samples * self.length
        learner = {
            "d_steps": self.d_steps,
            "d_samples": self.d_samples,
            "d_pretrain_steps": self.d_pretrain_steps,
            "d_epochs": self.d_epochs,
        }
        paid = {"name": "discriminator", **self.discriminator, "auto_update": False, "output": output, **(reward or {})}
        return Algorithm(
            label,
            "seqgan",
            self.g_steps * (self.step_tokens + rollouts * self.tail_tokens) + taught,
            hyperparameters={**self.followed, **learner, **settings, "rollouts": rollouts},
            env_id=f"TextGen-{self.game}GAN-v0",
            env_kwargs={"reward": paid},
            init_from="MLE",
        )

    def seqgan(self) -> tuple[Algorithm, ...]:
        """SeqGAN as its code has it; and with log-odds, a baseline and a lower rate."""
        return (
            self.adversarial("SeqGAN", {}, "probability"),
            self.adversarial("SeqGAN-steady", STEADY, "log_odds"),
        )

    def control(
        self,
        label: str,
        env_kwargs: Mapping[str, Any],
        settings: Mapping[str, Any],
        rollouts: int | None = None,
    ) -> Algorithm:
        """As many generator steps with a reward that does not learn."""
        rollouts = self.rollouts if rollouts is None else rollouts
        return Algorithm(
            label,
            "seqgan",
            self.g_steps * (self.step_tokens + rollouts * self.tail_tokens),
            hyperparameters={**self.followed, **settings, "d_steps": 0, "rollouts": rollouts},
            env_kwargs={**env_kwargs, "reward_mode": "terminal"},
            init_from="MLE",
        )

    def constant(self) -> Algorithm:
        """A constant reward in the discriminator's place; all continuations of a prefix would earn the same."""
        return self.control("Constant", {"reward": "constant"}, {}, rollouts=0)
