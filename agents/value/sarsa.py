"""SARSA (Rummery and Niranjan 1994, "On-line Q-learning using connectionist systems"): the values of the policy that
writes the texts."""

from __future__ import annotations

from dataclasses import dataclass

from agents.value.tabular import ControlConfig, Step, TabularControl


@dataclass(frozen=True)
class SarsaConfig(ControlConfig):
    """Hyperparameters. Where the policy becomes greedy in the limit and tries every token for ever, Q comes to Q*
    (Singh, Jaakkola, Littman and Szepesvari 2000, theorem 1); where it stays as it explores, to its own values.

    What texts of an exploring policy earn after a token says little of what a greedy one would: exploration fades more
    slowly than Q-learning needs, and steps are small enough to average it and constant, to keep up with it.
    """

    exploration_tokens: int = 90_000  # written until exploration is at its end
    step_size: float = 0.1  # of an entry's first update
    step_size_power: float = 0.0  # constant


class Sarsa(TabularControl):
    """Table updated by Q(s, a) <- Q(s, a) + alpha_n (r + discount Q(s', a') - Q(s, a)), a' the token that was written
    in s'."""

    config_class = SarsaConfig
    config: SarsaConfig

    def ahead(self, step: Step) -> float:
        """Q(s', a')."""
        return float(self.values[step.next_row, step.next_token])
