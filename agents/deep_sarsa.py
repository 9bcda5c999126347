"""Deep SARSA: SARSA's target (Rummery and Niranjan 1994) for a network, by semi-gradient descent on the texts just
written (Sutton and Barto 2018, section 10.1; n-step: section 10.2). Nothing is replayed: older texts are another
policy's."""

from __future__ import annotations

from dataclasses import dataclass

from agents.deep_q import DeepQAgent, DeepQConfig, as_array, values_of
from agents.policy_gradient import Played
from agents.rollout import Episodes


@dataclass(frozen=True)
class DeepSarsaConfig(DeepQConfig):
    """Hyperparameters."""


class DeepSarsa(DeepQAgent):
    """Minimises the error of Q(s_t, a_t) against r_t + discount Q(s_{t+1}, a_{t+1}), which is held fixed; the tokens
    are those that the exploring policy wrote."""

    config_class = DeepSarsaConfig
    config: DeepSarsaConfig

    def learn(self, episodes: Episodes) -> dict[str, float]:
        """One step of Adam."""
        played = Played.of(episodes, self.device)
        values = values_of(self.action_values(played), played)
        loss = self.loss(values, self.targets(episodes, as_array(values)), played.written)
        return self._descend(loss, {"td": loss})
