"""Maximum likelihood: the policy imitates the task's training texts (teacher forcing; Williams and Zipser 1989)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from agents.bases.policy_agent import PolicyAgent
from agents.data.training_texts import TrainingTexts
from agents.networks.config import NetworkConfig
from agents.protocol import Callback, Envs
from textgen_env.checks import check_at_least, check_number


@dataclass(frozen=True)
class MLEConfig(NetworkConfig):
    """Hyperparameters, with those of Yu et al. 2017 ("SeqGAN", pre-training of the generator) in brackets; their
    network is an LSTM with E = H = 32."""

    learning_rate: float = 0.005  # of Adam [0.01]
    batch_size: int = 64  # texts an update [64]
    max_grad_norm: float = 5.0  # longer gradients are shortened to it [5]
    initial_std: float | None = None  # parameters begin as N(0, initial_std^2); None: see `PolicyNetwork` [0.1]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("batch_size", self.batch_size)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("max_grad_norm", self.max_grad_norm, above=0)
        if self.initial_std is not None:
            check_number("initial_std", self.initial_std, above=0)


class MLE(PolicyAgent):
    """Agent that minimises the cross-entropy -log pi(x_t | x_<t) of the training texts; writes nothing in the
    environment."""

    config_class = MLEConfig
    config: MLEConfig

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Learns from `total_tokens` more tokens of `training_sequences()`, in passes over them in random order; a call
        goes on in the pass where the last one stopped. The loss reported is `nll`, in nats a token.

        Raises:
            ValueError: the task has no training data, or envs of another shape.
            FloatingPointError: the loss or its gradient is not finite.
        """
        self.spec.check_envs(envs)
        until = self.tokens_read + check_at_least("total_tokens", total_tokens)
        texts = TrainingTexts(envs, self.spec, self.config.batch_size, self.order_seed, self.device)
        goes_on = True
        while goes_on and self.tokens_read < until:
            losses = self.imitate(texts.batch(self.batches_read), self.optimiser)
            goes_on = self.report_progress(callback, float("nan"), losses, "mle")
        return self

    def _initial_std(self) -> float | None:
        return self.config.initial_std
