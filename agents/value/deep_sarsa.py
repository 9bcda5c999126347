"""Deep SARSA: SARSA's target (Rummery and Niranjan 1994) for a network, by semi-gradient descent on the texts just
written (Sutton and Barto 2018, section 10.1; n-step: section 10.2). Nothing is replayed: older texts are another
policy's."""

from __future__ import annotations

from dataclasses import dataclass

from agents.data.text_batch import TextBatch
from agents.functional.exploration import Exploration, Schedule
from agents.value.deep_q import DeepQAgent, DeepQConfig, as_array, values_of
from textgen_env.checks import check_at_least


@dataclass(frozen=True)
class DeepSarsaConfig(DeepQConfig):
    """Hyperparameters. As the policy becomes greedy, nothing reminds the network of what else it has learned, so its
    steps shrink; and its values have to keep up with the policy, so it takes several for each batch: with one, it
    settled on the second-best text of Tiny in 4 of 24 runs. A temperature goes on trying what is nearly best, where
    epsilon hardly does; it is in the reward's unit, and these are for returns that differ by a few units."""

    exploration: Exploration = "boltzmann"  # or "epsilon_greedy"
    exploration_schedule: Schedule = "exponential"  # or "linear"; "constant": at its end from the first token on
    exploration_start: float = 2.0  # the temperature, in the reward's unit a nat; or epsilon
    exploration_end: float = 0.1  # the same; `predict` and `log_prob` mean this one
    exploration_tokens: int = 90_000  # written until it is there
    learning_rate_half_life: int | None = 30_000  # tokens written until the learning rate has halved; None: constant

    updates_per_batch: int = 3  # steps of Adam on the texts just written, with targets of the values as they then are

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("updates_per_batch", self.updates_per_batch)
        if self.learning_rate_half_life is not None:
            check_at_least("learning_rate_half_life", self.learning_rate_half_life)


class DeepSarsa(DeepQAgent):
    """Agent that minimises the error of Q(s_t, a_t) against r_t + discount Q(s_{t+1}, a_{t+1}), which is held fixed;
    the tokens are those that the exploring policy wrote."""

    config_class = DeepSarsaConfig
    config: DeepSarsaConfig

    @property
    def learning_rate(self) -> float:
        """Of the next update."""
        half_life = self.config.learning_rate_half_life
        faded = 1.0 if half_life is None else 0.5 ** (self.tokens_generated / half_life)
        return self.config.learning_rate * faded

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """`updates_per_batch` steps of Adam; the losses of the last."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate
        batch = batch.to(self.device)
        losses: dict[str, float] = {}
        for _ in range(self.config.updates_per_batch):
            values = values_of(self.action_values(batch), batch)
            loss = self.loss(values, self.targets(batch, as_array(values)), batch.written)
            losses = self.gradient_step(loss, {"td": loss})
        return losses
