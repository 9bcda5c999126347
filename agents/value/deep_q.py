"""What the agents share whose network says what tokens are worth: everything but which texts they learn from, and what
they expect of the tokens to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from agents.bases.episodic import EpisodicLearner
from agents.bases.policy_agent import PolicyAgent
from agents.bases.value_policy import ValuePolicy
from agents.data.episodes import Episodes
from agents.functional.exploration import ExplorationConfig
from agents.functional.losses import huber_loss, value_loss
from agents.functional.returns import n_step_returns
from agents.networks.config import NetworkConfig
from agents.networks.policy_network import PolicyNetwork
from agents.networks.stepping import next_logits
from agents.policy_gradient.base import Played
from agents.protocol import BoolArray, FloatArray, IntArray, Observation, State
from textgen_env.checks import check_at_least, check_choice, check_number


@dataclass(frozen=True)
class DeepQConfig(NetworkConfig, ExplorationConfig):
    """The hyperparameters that all of them have."""

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


class DeepQAgent(EpisodicLearner, ValuePolicy, PolicyAgent):
    """Q(x_<t, .) is what the policy network of the other agents has for logits; one pass over whole texts says it after
    every prefix. A subclass defines `learn`."""

    config: DeepQConfig
    network_says = "what tokens are worth"

    def action_values(self, played: Played, network: PolicyNetwork | None = None) -> Tensor:
        """Q (N, T, V) after each prefix of texts, of this agent's network by default."""
        network = self.network if network is None else network
        return network.logits(network.hidden(played.tokens, played.sources))

    def targets(self, episodes: Episodes, ahead: FloatArray) -> FloatArray:
        """What Q(x_<t, x_t) is to be (N, T): n rewards, and then `ahead` (N, T), the values of the prefixes."""
        config = self.config
        return n_step_returns(episodes.rewards, ahead, episodes.lengths, config.n_step, config.discount)

    def loss(self, values: Tensor, targets: FloatArray, written: Tensor) -> Tensor:
        """Of Q(x_<t, x_t) (N, T); no gradient flows through the targets."""
        wanted = torch.from_numpy(targets).float().to(self.device)
        return (huber_loss if self.config.loss == "huber" else value_loss)(values, wanted, written)

    def _next(
        self, observation: Observation, state: State, episode_start: BoolArray | None
    ) -> tuple[FloatArray, State, bool]:
        with torch.inference_mode():
            values, after, single = next_logits(self.network, self.spec, observation, state, episode_start)
        return values.double().cpu().numpy(), after, single

    def _along(self, tokens: IntArray, sources: IntArray | None) -> FloatArray:
        with torch.inference_mode():
            hidden = self.network.hidden(self._tensor(tokens), self._tensor(sources))
            return np.asarray(self.network.logits(hidden).double().cpu().numpy())


def values_of(values: Tensor, played: Played) -> Tensor:
    """Q(x_<t, x_t) (N, T) of the tokens written, 0 after the end; from Q (N, T, V)."""
    tokens = played.tokens.masked_fill(~played.written, 0)
    return values.gather(-1, tokens.unsqueeze(-1)).squeeze(-1) * played.written


def as_array(values: Tensor) -> FloatArray:
    """Values without their gradient, as float64."""
    return np.asarray(values.detach().double().cpu().numpy())
