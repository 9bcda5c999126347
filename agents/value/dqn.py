"""DQN: Q-learning for a network, with a replay memory and a target network (Mnih et al. 2015, "Human-level control
through deep reinforcement learning", algorithm 1), and double DQN (van Hasselt, Guez and Silver 2016)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from agents.bases.checkpoint import Checkpoint
from agents.data.replay import ReplayBuffer
from agents.data.text_batch import TextBatch
from agents.functional.losses import best_values
from agents.value.deep_q import DeepQAgent, DeepQConfig, as_array, values_of
from textgen_env.checks import check_at_least, check_number


@dataclass(frozen=True)
class DQNConfig(DeepQConfig):
    """Hyperparameters, with those of Mnih et al. 2015 in brackets where the paper has them; its updates are of 32
    steps, after every 4 steps, by RMSProp."""

    double: bool = False  # the network chooses the best token, and the target network says what it is worth [no]
    replay_capacity: int = 10_000  # texts [1,000,000 steps]
    learning_starts: int = 64  # texts written before the first update [50,000 steps]
    updates_per_batch: int = 2  # whenever `batch_size` texts have been written
    target_period: int = 50  # updates from one update of the target network to the next [10,000]
    target_rate: float = 1.0  # tau: how far the target network then goes towards the network; 1: becomes it [1]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.double, bool):
            raise TypeError(f"double={self.double!r} must be True or False, got {type(self.double).__name__}")
        for name in ("replay_capacity", "learning_starts", "updates_per_batch", "target_period"):
            check_at_least(name, getattr(self, name))
        check_number("target_rate", self.target_rate, above=0, most=1)
        if self.learning_starts > self.replay_capacity:
            raise ValueError(
                f"learning_starts={self.learning_starts} must be at most replay_capacity={self.replay_capacity}, the "
                "texts that are kept"
            )


class DQN(DeepQAgent):
    """Agent that minimises the error of Q(s_t, a_t) against r_t + discount max_b Q'(s_{t+1}, b), Q' the target
    network's, over the tokens b allowed, on texts drawn from the latest. Double DQN: Q'(s_{t+1}, argmax_b Q(s_{t+1},
    b)).

    With `n_step` > 1, the rewards in between are those of the texts as they were written, uncorrected.
    """

    config_class = DQNConfig
    config: DQNConfig

    def initialise_from(self, other: DeepQAgent) -> None:
        """As `DeepQAgent.initialise_from`; the target network begins as the network."""
        super().initialise_from(other)
        self.target_network.load_state_dict(self.network.state_dict())

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """Keeps the texts, and takes `updates_per_batch` steps of Adam on others; the losses of the last."""
        self.replay.add(batch)
        losses: dict[str, float] = {}
        if len(self.replay) >= self.config.learning_starts:
            for _ in range(self.config.updates_per_batch):
                losses = self.update(self.replay.sample(self.config.batch_size, self.generator))
        return losses

    def update(self, batch: TextBatch) -> dict[str, float]:
        """One step of Adam on texts that anyone wrote."""
        batch = batch.to(self.device)
        values = self.action_values(batch)
        with torch.no_grad():
            theirs = self.action_values(batch, self.target_network)
            ahead = best_values(theirs, batch.masked_logits(values if self.config.double else theirs))
        loss = self.loss(values_of(values, batch), self.targets(batch, as_array(ahead)), batch.written)
        losses = self.gradient_step(loss, {"td": loss})
        if self.updates % self.config.target_period == 0:
            self._update_target_network()
        return losses

    def _build(self, *args: Any, **kwargs: Any) -> None:
        super()._build(*args, **kwargs)
        self.target_network = deepcopy(self.network)
        self.replay = ReplayBuffer(self.spec, self.config.replay_capacity)

    @torch.no_grad()
    def _update_target_network(self) -> None:
        for theirs, ours in zip(self.target_network.parameters(), self.network.parameters(), strict=True):
            theirs.lerp_(ours, self.config.target_rate)

    def _networks(self) -> dict[str, nn.Module]:
        return {**super()._networks(), "target_network": self.target_network}

    def _memory(self) -> dict[str, Tensor]:
        return {f"replay.{name}": tensor for name, tensor in self.replay.state_dict().items()}

    def _restore(self, saved: Checkpoint) -> None:
        super()._restore(saved)
        kept = {
            name.removeprefix("replay."): tensor for name, tensor in saved.tensors.items() if name.startswith("replay.")
        }
        self.replay.load_state_dict(kept)
