"""Temperature on another agent's policy: quality for diversity, without any learning.

The control of Caccia, Caccia, Fedus, Larochelle, Pineau and Charlin, "Language GANs Falling Short" (2020): a lower
temperature alone makes maximum likelihood's texts likelier under the oracle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from numpy.typing import ArrayLike

from agents.bases.policy_agent import PolicyAgent
from agents.networks.config import NetworkConfig
from agents.networks.policy_network import PolicyNetwork
from agents.protocol import Callback, Envs, FloatArray, IntArray, State
from textgen_env import Texts
from textgen_env.checks import check_at_least, check_number


@dataclass(frozen=True)
class TemperedConfig(NetworkConfig):
    """Hyperparameters: the temperature, and the shape of the network that is taken over."""

    temperature: float = 1.0  # T: what logits are divided by; below 1 likely tokens become likelier
    # Nothing is learned.
    learning_rate: ClassVar[float] = 0.0
    max_grad_norm: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("temperature", self.temperature, above=0)


class Tempered(PolicyAgent):
    """Tempered policy: pi_T(x_t | x_<t) = softmax(z_t / T)[x_t], where softmax(z_t) is the policy that it takes over.

    Attributes:
        adopted: 1 once there is a policy, else 0.
    """

    config_class = TemperedConfig
    config: TemperedConfig
    counters = (*PolicyAgent.counters, "adopted")
    adopted: int

    @property
    def policy_network(self) -> PolicyNetwork:
        """The network, whose output weights have the temperature in them.

        Raises:
            RuntimeError: no policy taken over.
        """
        self._check_adopted()
        return super().policy_network

    def initialise_from(self, other: PolicyAgent) -> None:
        """Takes the policy of another agent as it now is, at the temperature; and what that one has spent on it.

        Raises:
            TypeError: no agent with a policy network.
            ValueError: its texts or its network have another shape.
        """
        super().initialise_from(other)
        with torch.no_grad():
            # (W h + b) / T = (W / T) h + b / T.
            for parameter in self.network.decoder.output.parameters():
                parameter.div_(self.config.temperature)
        self.adopted = 1

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Nothing to learn: no token is written; `callback` is called once.

        Raises:
            ValueError: envs of another shape.
            RuntimeError: no policy taken over.
        """
        self.spec.check_envs(envs)
        check_at_least("total_tokens", total_tokens)
        self._check_adopted()
        self.report_progress(callback, float("nan"), {})
        return self

    def log_prob(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: ArrayLike | None = None
    ) -> FloatArray:
        """log p (N,) of whole texts at the temperature, in nats; see `agents.protocol.Agent`."""
        self._check_adopted()
        return super().log_prob(tokens, lengths, sources)

    def _choose(self, *args: Any, **kwargs: Any) -> tuple[IntArray, State]:
        self._check_adopted()
        return super()._choose(*args, **kwargs)

    def _sample(self, *args: Any) -> Texts:
        self._check_adopted()
        return super()._sample(*args)

    def _check_adopted(self) -> None:
        if not self.adopted:
            raise RuntimeError(
                f"{type(self).__name__} has no policy yet; call initialise_from(other) with a trained agent first"
            )
