"""Base of deep Q agents: action values by a network, with n-step targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from agents.bases.initialisation import fitting_parameters, take_over_counts
from agents.bases.value_agent import ValueAgent
from agents.data.text_batch import TextBatch
from agents.data.text_spec import TextSpec
from agents.functional.exploration import ExplorationConfig
from agents.functional.losses import huber_loss, value_loss
from agents.functional.returns import n_step_returns
from agents.networks.config import NetworkConfig
from agents.networks.policy_network import PolicyNetwork
from agents.networks.stepping import next_hidden
from agents.protocol import BoolArray, FloatArray, IntArray, Observation, State
from textgen_env.checks import check_at_least, check_choice, check_number


@dataclass(frozen=True)
class DeepQConfig(NetworkConfig, ExplorationConfig):
    """Hyperparameters of all deep Q agents."""

    learning_rate: float = 0.003  # of Adam
    batch_size: int = 64  # texts an update, and texts written at a time, rounded up to as many for each row
    discount: float = 1.0  # of later rewards
    n_step: int = 1  # rewards in a target before it is left to the values
    loss: Literal["huber", "square"] = "huber"  # of the targets' errors
    max_grad_norm: float = 5.0  # longer gradients are shortened to it

    def __post_init__(self) -> None:
        NetworkConfig.__post_init__(self)
        ExplorationConfig.__post_init__(self)
        for name in ("batch_size", "n_step"):
            check_at_least(name, getattr(self, name))
        check_choice("loss", self.loss, ("huber", "square"))
        check_number("discount", self.discount, most=1)
        for name in ("learning_rate", "max_grad_norm"):
            check_number(name, getattr(self, name), above=0)


class DeepQAgent(ValueAgent):
    """Base of deep Q agents. Q(x_<t, .) is what the policy network of other agents has for logits; one pass over whole
    texts says it after every prefix. A subclass defines `learn`."""

    config: DeepQConfig

    def initialise_from(self, other: DeepQAgent) -> None:
        """Begins with the values of another agent, and with what that one has spent on them.

        Raises:
            TypeError: no deep Q agent; the logits of a policy are no values.
            ValueError: its texts or its network have another shape.
        """
        if not isinstance(other, DeepQAgent):
            raise TypeError(f"other={other!r} must be a deep Q agent, got {type(other).__name__}")
        self.network.load_state_dict(fitting_parameters(self, other))
        take_over_counts(self, other)

    def action_values(self, batch: TextBatch, network: PolicyNetwork | None = None) -> Tensor:
        """Q (N, T, V) after each prefix of texts, of this agent's network by default."""
        network = self.network if network is None else network
        return network.logits(network.hidden(batch.token_ids, batch.source_ids))

    def targets(self, batch: TextBatch, ahead: FloatArray) -> FloatArray:
        """Targets (N, T) of Q(x_<t, x_t): n rewards, and then `ahead` (N, T), the values of the prefixes."""
        config = self.config
        return n_step_returns(batch.rewards, ahead, batch.lengths, config.n_step, config.discount)

    def loss(self, values: Tensor, targets: FloatArray, written: Tensor) -> Tensor:
        """Of Q(x_<t, x_t) (N, T); no gradient flows through the targets."""
        wanted = torch.from_numpy(targets).float().to(self.device)
        return (huber_loss if self.config.loss == "huber" else value_loss)(values, wanted, written)

    def _next(
        self, observation: Observation, state: State, episode_start: BoolArray | None
    ) -> tuple[FloatArray, State, bool]:
        with torch.inference_mode():
            hidden, after, single = next_hidden(self.network, self.spec, observation, state, episode_start)
            values = self.network.logits(hidden)
        return values.double().cpu().numpy(), after, single

    def _along(self, tokens: IntArray, sources: IntArray | None) -> FloatArray:
        with torch.inference_mode():
            hidden = self.network.hidden(self._on_device(tokens), None if sources is None else self._on_device(sources))
            return np.asarray(self.network.logits(hidden).double().cpu().numpy())

    def _build(self, spec: TextSpec, config: Any, seed: int, device: str) -> None:
        super()._build(spec, config, seed, device)
        self._add_network()
        # As agents with a policy draw the order of their training texts: the generator is where theirs would be.
        torch.randint(2**62, (), generator=self.generator)

    def _on_device(self, array: IntArray) -> Tensor:
        return torch.from_numpy(array).to(self.device)


def values_of(values: Tensor, batch: TextBatch) -> Tensor:
    """Q(x_<t, x_t) (N, T) of the tokens written, 0 after the end; from Q (N, T, V)."""
    tokens = batch.token_ids.masked_fill(~batch.written, 0)
    return values.gather(-1, tokens.unsqueeze(-1)).squeeze(-1) * batch.written


def as_array(values: Tensor) -> FloatArray:
    """Values without their gradient, as float64."""
    return np.asarray(values.detach().double().cpu().numpy())
